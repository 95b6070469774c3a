"""The page in a real browser: no script, no request, both languages, light and dark, narrow and on paper."""

from pathlib import Path

import pytest

from curation.report import html
from curation.report.compare import compare
from curation.report.model import Generation, Loss, Report, Training

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
HOSTILE = "<img src=x onerror=window.caught=1><script>window.caught=1</script>\u202e倒过来"


@pytest.fixture
def page_file(report: Report, tmp_path: Path) -> Path:
    """Write the page of a report with everything on it: another run, and a training with a hostile answer."""
    import polars as pl

    kinds = pl.Enum(["keep", "review", "drop"])
    old = pl.DataFrame({"id": ["a", "b"], "verdict": ["keep", "drop"]}, schema={"id": pl.String, "verdict": kinds})
    new = pl.DataFrame({"id": ["a", "c"], "verdict": ["drop", "keep"]}, schema={"id": pl.String, "verdict": kinds})
    told = Training(
        model="m", device="CPU · fp32", domain=85, general=15, share_wanted=0.15, share_records=0.15, share_tokens=0.2,
        steps=30, planned_steps=40, best_step=20, stopped_early=True,
        losses=[Loss(step=0, domain=3.5, general=2), Loss(step=10, train=3.0), Loss(step=30, domain=2.2, general=2.1)],
        domain_before=3.5, domain_after=2.2, general_before=2.0, general_after=2.1,
        generations=[Generation(kind="domain", question=HOSTILE, reference=None, base=HOSTILE, tuned="好" * 500,
                                tuned_stopped=False, tuned_flags=["loop", "no-stop"])],
        notes=[],
    )  # fmt: skip
    compared = compare(report, report, new_examples=new, old_examples=old)
    path = tmp_path / "report.html"
    path.write_text(html.render(report.model_copy(update={"training": told, "comparison": compared})), "utf-8")
    return path


@pytest.mark.parametrize("width", [1100, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_stands_in_the_way_of_anybody(browser, page_file: Path, width: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    for language in ("zh", "en"):
        page.click(f"label[for=lang-{language}]")
        seen = axe.run(page).response["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in seen if v["impact"] in ("serious", "critical")] == []
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert page.evaluate("window.caught") is None
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(251, 250, 247)", "dark": "rgb(21, 24, 27)"}[scheme]
    context.close()


def test_the_languages_switch_without_scripts(browser, page_file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert "数据质量报告" in page.inner_text("h1")
    page.click("label[for=lang-en]")
    assert page.inner_text("h1").strip() == "Data quality report"
    context.close()


def test_it_prints_on_a_few_sheets_of_a4(browser, page_file: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(page_file.as_uri())
    sheets = page.pdf(format="A4", prefer_css_page_size=True).count(b"/Type /Page\n")
    assert 2 <= sheets <= 14
    context.close()
