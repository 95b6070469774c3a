from pathlib import Path

import pytest
from jinja2 import Environment

from curation import templates


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    package = tmp_path / f"shop_{tmp_path.name}"
    (package / "templates").mkdir(parents=True)
    (package / "__init__.py").touch()
    page = package / "templates" / "page.html.j2"
    page.write_text("Hi {{ name }}!")
    return page


def rendered(page: Path) -> str:
    return templates.environment(page.parents[1].name).get_template("page.html.j2").render(name="<b>")


def test_a_template_is_compiled_once(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rendered(page) == "Hi &lt;b&gt;!"

    def compiles(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Environment, "compile", compiles)
    assert rendered(page) == "Hi &lt;b&gt;!"
    page.write_text("Bye {{ name }}!")
    with pytest.raises(AssertionError):
        rendered(page)


def test_a_template_that_was_changed_is_compiled_anew(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered(page)
    page.write_text("Bye {{ name }}!")
    assert rendered(page) == "Bye &lt;b&gt;!"
    monkeypatch.setitem(templates.OPTIONS, "autoescape", False)
    assert rendered(page) == "Bye <b>!"


@pytest.mark.parametrize("cut", [0, 3, 60, -1])
def test_what_is_kept_of_a_template_may_be_cut_off(page: Path, cut: int) -> None:
    rendered(page)
    (kept,) = (page.parent / "__pycache__").iterdir()
    kept.write_bytes(kept.read_bytes()[:cut])
    assert rendered(page) == "Hi &lt;b&gt;!"


def test_where_nothing_may_be_kept_templates_are_compiled_each_time(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (page.parent / "__pycache__").touch()  # a file, so that no folder can be there
    assert rendered(page) == "Hi &lt;b&gt;!"
    (page.parent / "__pycache__").unlink()
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    assert rendered(page) == "Hi &lt;b&gt;!"
    assert not (page.parent / "__pycache__").exists()
