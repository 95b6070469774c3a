import io
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from curation.report import terminal
from curation.report.model import Report
from curation.report.text import visible

HOSTILE = [
    "[red]x[/red]",
    "[/]",
    "[link=http://evil.example]x[/link]",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil.example\x1b\\x",
    "\x9b2J",
    "\x00\x07\x08\r\u202e",
    ":smile:",
]


def printed(report: Report, width: int = 80, **options: object) -> str:
    console = Console(file=io.StringIO(), width=width, **{"force_terminal": False, **options})
    terminal.render(report, console, language="zh" if width == 81 else "en")
    return console.file.getvalue()


def test_the_funnel_the_rules_and_the_gate_are_on_one_screen(report):
    text = printed(report)
    for shown in ("48,210", "−30.5%", "zh/filler-only", "3,810", "3,333", "gate failed", "Contradicting answers"):
        assert shown in text
    assert len(text.splitlines()) < 45


@pytest.mark.parametrize("width", [40, 60, 80, 81, 100, 200])
@pytest.mark.parametrize("name", ["report", "empty_report"])
def test_no_line_is_wider_than_the_terminal_also_in_chinese(name, width, request):
    for line in printed(request.getfixturevalue(name), width).splitlines():
        assert cell_len(line.rstrip()) <= width


@pytest.mark.parametrize("text", HOSTILE)
def test_record_text_is_never_obeyed(everywhere, text):
    report = everywhere(text)
    shown = printed(report, 200)
    assert not set(shown) & set("\x1b\x9b\x00\x07\x08\r\u202e")
    coloured = printed(report, 200, force_terminal=True, color_system="standard")
    assert set(re.findall("\x1b.", coloured)) == {"\x1b["}  # our own colours; no link, no title
    assert set(re.findall("\x1b\\[[0-9;]*(.)", coloured)) == {"m"}


def test_markup_is_printed_as_it_stands(everywhere):
    assert "[red]x[/red]" in printed(everywhere("[red]x[/red]"), 200)
    assert ":smile:" in printed(everywhere(":smile:"), 200)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_puts_a_control_character_on_the_screen(everywhere, text):
    shown = printed(everywhere(text + "\x1b"), 100)
    assert visible(shown) == shown


def test_a_megabyte_is_cut(everywhere):
    assert len(printed(everywhere("长" * 1_000_000))) < 20_000
