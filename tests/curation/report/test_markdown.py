import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from curation.report import markdown

HOSTILE = [
    "a | b\n| c |\r\nd",
    "\\|",
    "`|`",
    "```\nx\n```",
    "<!-- <script>alert(1)</script>",
    "</code></td></table><img src=x onerror=1>",
    "[x](http://evil.example) ![y](z) <http://evil.example>",
    "@someone #1 http://evil.example www.evil.example $x$ ~~z~~ **b** _c_",
    "# h\n- [ ] x\n---",
    "&lt;b&gt; &#60;",
    "\u202eabc\x00",
]


def parsed(text: str) -> list[Token]:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)


def shape(text: str) -> list[str]:
    """Every block and every inline element, without the words."""
    seen = []
    for token in parsed(text):
        seen.append(token.type)
        for child in token.children or []:
            if child.type == "html_inline":
                assert child.content in ("<code>", "</code>", "<br>")
                seen.append(child.content)
            elif child.type != "text":
                seen.append(child.type)
        assert token.type != "html_block"
    return seen


@pytest.mark.parametrize("name", ["report", "empty_report"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_numbers_are_there_in_the_language_asked_for(name, language, request):
    text = markdown.render(request.getfixturevalue(name), language=language)
    assert ("数据流向" in text) == (language == "zh")
    assert ("Where the records went" in text) == (language == "en")
    shape(text)
    if name == "report":
        for shown in ("48,210", "−30.5%", "9,731", "31,877", "4,718", "41.0%", "3.1 MB"):
            assert shown in text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_breaks_no_table_and_becomes_no_markup(everywhere, text):
    assert shape(markdown.render(everywhere(text))) == shape(markdown.render(everywhere("plain")))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text.strip()))
def test_no_text_changes_the_shape_of_the_document(everywhere, text):
    assert shape(markdown.render(everywhere(text))) == shape(markdown.render(everywhere("plain")))


@pytest.mark.parametrize("text", ["a|b", "<b>", "`x`", "https://x.example/@a", "满&amp;减 *x* _y_ $z$", "\\"])
def test_code_reads_as_what_it_was(text):
    inline = parsed(markdown.code(text))[1].children
    assert "".join(child.content for child in inline if child.type != "html_inline") == text


def test_github_finds_no_person_issue_or_address_to_link():
    text = markdown.code("@someone #12 http://evil.example www.evil.example")
    for link in ("@someone", "#12 ", "http:", "www."):
        assert link not in text


def test_a_megabyte_in_every_field_is_cut(everywhere):
    assert len(markdown.render(everywhere("|" * 1_000_000))) < 200_000


def test_a_table_of_many_rows_ends_and_says_how_many_are_missing(report):
    data = report.model_dump()
    data["files"] *= 1000
    text = markdown.render(type(report).model_validate(data))
    assert "3,940 more rows in report.json" in text
