import re
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.report import html
from curation.report.model import Report

HOSTILE = [
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title></textarea><iframe src=//evil.example>",
    "{{ 7 * 7 }}{% raw %}",
    "{n} {0} %s %(x)s",
    "javascript:alert(1)",
    "\u202e\u2066gnp.exe\x00\x1b[31m",
]
VOID = {"meta", "link", "input", "br", "img", "rect", "circle", "path", "line", "col"}


class Page(HTMLParser):
    """What a browser would see, and whether every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)


def assert_safe(page: Page) -> None:
    assert not {"script", "img", "iframe", "object", "embed", "form", "base"} & set(page.tags)
    for name, value in page.attributes:
        assert not name.startswith("on")
        assert name not in ("src", "action", "srcset", "xlink:href")
        if name == "href":
            assert value.startswith("#") or value == "data:,"


@pytest.mark.parametrize("name", ["report", "empty_report"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_is_whole_runs_nothing_and_asks_for_nothing(name, language, request):
    text = html.render(request.getfixturevalue(name), language=language)
    page = Page(text)
    assert_safe(page)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:") in page.attributes
    assert "http" not in text.replace("http-equiv", "")
    assert "@import" not in text
    assert set(re.findall(r"url\((.)", text)) <= {"#"}
    assert page.tags.count("main") == page.tags.count("h1") == 1


def test_the_page_opens_in_english_where_few_examples_are_chinese(report, empty_report):
    few = [row.model_copy(update={"before": 9000}) if row.language == "en" else row for row in report.languages]
    english = [row.model_copy(update={"before": 90000}) if row.language == "en" else row for row in report.languages]
    for rows, opens in ((report.languages, "zh"), (few, "zh"), (english, "en")):
        assert f'id="lang-{opens}" checked' in html.render(report.model_copy(update={"languages": rows}))
    assert 'id="lang-zh" checked' in html.render(empty_report)


def test_every_id_is_there_once_and_every_reference_has_its_id(report):
    page = Page(html.render(report))
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    wanted = {value[1:] for name, value in page.attributes if name == "href" and value.startswith("#")}
    for name, value in page.attributes:
        if name in ("aria-labelledby", "for"):
            wanted |= set(value.split())
    assert wanted <= set(ids)


def test_the_page_opens_in_the_language_asked_for_and_carries_both(report):
    for language, lang in (("zh", "zh-CN"), ("en", "en")):
        text = html.render(report, language=language)
        assert f'<html lang="{lang}">' in text
        assert f'id="lang-{language}" checked' in text
        assert text.count(" checked>") == 1
        assert "数据流向" in text
        assert "Where the records went" in text
    spans = re.findall(r'<(?:span|tspan) class="(zh|en)" lang="([\w-]+)"', text)
    assert set(spans) == {("zh", "zh-CN"), ("en", "en")}
    assert spans.count(("zh", "zh-CN")) == spans.count(("en", "en"))


def test_every_table_has_a_caption_and_headers_and_every_picture_a_name_or_is_decoration(report):
    text = html.render(report)
    for table in re.findall(r"<table.*?</table>", text, re.DOTALL):
        assert "<caption" in table
        assert '<th scope="col"' in table
    for svg in re.findall(r"<svg[^>]*>", text):
        assert 'aria-hidden="true"' in svg or ('role="img"' in svg and "aria-label" in svg)


def test_numbers_of_the_report_are_on_the_page(report):
    text = Page(html.render(report)).text
    for shown in ("48,210", "−30.5%", "9,731", "46.3%", "31,877", "4,718", "41.0%", "0.83", "3.1 MB", "0.94"):
        assert shown in text


def test_what_left_and_what_came_is_marked_and_so_is_the_evidence(report):
    text = html.render(report)
    assert "<del>客户已进入会话</del>" in text
    assert "退款<del>&amp;nbsp;</del>多久到账呀？" in text
    assert "<ins>[手机号]</ins>" in text
    assert "退货<mark>退货运费由</mark>" not in text
    assert "七天无理由退货，<mark>退货运费由</mark>" in text
    assert "与 chat_2026-06.jsonl:311 相似 0.94" in text  # evidence that is not in the text itself


def test_a_change_far_inside_a_long_text_is_shown_with_what_stands_around_it(report):
    data = report.model_dump()
    data["mends"][0]["examples"] = [{"source": "a:1", "before": "长" * 5000 + "甲尾", "after": "长" * 5000 + "乙尾"}]
    text = html.render(Report.model_validate(data))
    assert "（此处省略 4,970 字）" in text
    assert "长" * 30 + "<del>甲</del>尾" in text
    assert "长" * 30 + "<ins>乙</ins>尾" in text


def test_bars_are_as_long_as_their_numbers(report):
    text = html.render(report)
    assert '<rect width="100.0%"' in text
    assert f'<rect width="{round(100 * 33480 / 48210, 2)}%"' in text
    rows = re.findall(r'circle class="before" cx="([\d.]+)%".*?circle class="after" cx="([\d.]+)%"', text)
    assert rows[0] == ("100.0", "68.3")  # tracking: 41.0 % of the candidates, 28.0 % of the export


def test_colour_never_stands_alone(report):
    text = html.render(report)
    for chip in re.findall(r'<span class="chip .*?</span></span>', text, re.DOTALL):
        assert "<svg" in chip
        assert re.search("[\u4e00-\u9fff]", chip)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_every_field_stays_text(everywhere, text):
    page = Page(html.render(everywhere(text)))
    assert_safe(page)
    assert "\x00" not in page.text
    assert "\u202e" not in page.text
    assert "\x1b" not in page.text


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map(lambda text: text + "<img onerror=1>"))
def test_no_text_makes_a_tag(everywhere, text):
    assert_safe(Page(html.render(everywhere(text))))


@pytest.mark.parametrize("text", ["长" * 1_000_000, "\u202e" * 100_000, "<&\"'" * 100_000])
def test_a_megabyte_in_every_field_gives_a_small_page(everywhere, text):
    page = html.render(everywhere(text))
    assert len(page.encode()) < 300_000
    Page(page)


def test_a_run_with_two_thousand_rows_of_everything_gives_a_small_page(report):
    data = report.model_dump()
    for key in ("rules", "mends", "personal_data", "query_types", "languages", "files"):
        data[key] = (data[key] * 2_000)[:2_000]
    for part, key in (("provenance", "inputs"), ("provenance", "packs"), ("duplicates", "pairs"), ("gate", "checks")):
        data[part][key] = (data[part][key] * 2_000)[:2_000]
    data["missing_types"] = ["warranty"] * 2_000
    data["kept_examples"] = [
        example | {"raw": example["raw"] * 500, "turns": example["turns"] * 500}
        for example in data["kept_examples"] * 3
    ]
    data["dropped_examples"] = [
        example | {"rules": ["zh/x"] * 900, "turns": example["turns"] * 500} for example in data["dropped_examples"] * 6
    ]
    text = html.render(Report.model_validate(data))
    assert len(text.encode()) < 300_000
    assert "另有 1,9" in Page(text).text  # what is not shown is counted


def test_what_is_shortened_says_so(report, everywhere):
    assert "为控制文件大小" not in html.render(report)
    assert "为控制文件大小" in html.render(everywhere("\u202e" * 100_000))


def test_sampled_precision_stands_beside_its_rule_against_the_gate(report):
    assert report.review is not None
    row = report.review.rules[0]
    page = html.render(report)
    text = Page(page).text
    assert f"{row.right}/{row.n} · 46.2% – 72.4%" in text
    assert f'<rect x="{round(100 * row.low, 2)}%" width="{round(100 * (row.high - row.low), 2)}%"' in page
    assert page.count('class="gate"') == 2 * len(report.review.rules)  # and in the section on people
    sampled = {row.rule for row in report.review.rules}
    bare = [r for r in report.rules if r.action == "drop" and r.on != "line" and r.rule not in sampled]
    assert text.count("未抽样") == len(bare) > 0
    nobody = html.render(report.model_copy(update={"review": None}))
    assert "抽样准确率" not in nobody
    assert "未抽样" not in nobody


def test_types_that_nobody_asks_for_are_named_apart_from_those_that_were_lost(report):
    data = report.model_dump()
    data["query_types"].append({"id": "exchange", "zh": "换货", "en": "Exchange", "before": 9, "after": 0})
    data["missing_types"] = ["warranty", "exchange"]
    shown = Report.model_validate(data)
    text = Page(html.render(shown)).text
    assert "客户问到、导出的数据里却没有：换货。" in text
    assert "这份记录里没有人问到：保修。" in text
    assert "客户问到、却没有样本的意图：换货。" in text  # among the warnings
    rows = re.findall(r'<th scope="row"><span class="zh" lang="zh-CN">(换货|保修)</span>', html.render(shown))
    assert rows == ["换货"]  # what nobody asked for has no row
