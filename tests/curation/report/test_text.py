import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.report.text import Piece, cut, marked, one_line, visible, without_escapes


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("您好！\n🙂 café\t", "您好！\n🙂 café\t"),
        ("👨‍👩‍👧", "👨‍👩‍👧"),  # the joiner inside an emoji stays
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("\x00\x07\x7f\x9b", "⟨U+0000⟩⟨U+0007⟩⟨U+007F⟩⟨U+009B⟩"),
        ("a\r\nb", "a⟨U+000D⟩\nb"),
        ("\u200b\ufeff\u2066\u2028", "⟨U+200B⟩⟨U+FEFF⟩⟨U+2066⟩⟨U+2028⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("\uffff\ue001", "⟨U+FFFF⟩⟨U+E001⟩"),
    ],
)
def test_hidden_characters_are_shown_and_others_stay(text, shown):
    assert visible(text) == shown


@pytest.mark.parametrize(
    "escape",
    ["\x1b[31m", "\x1b[2J", "\x1b]0;title\x07", "\x1b]8;;http://x.example\x1b\\", "\x9b1A", "\x1bPq\x1b\\", "\x1bc"],
)
def test_terminal_escapes_leave_the_text_around_them_alone(escape):
    assert without_escapes(f"前{escape}后") == "前后"


def test_a_long_text_is_cut_and_says_how_much_is_left_out():
    assert cut([Piece("same", "a" * 7), Piece("del", "b" * 1_000_000)], 10) == [
        Piece("same", "a" * 7),
        Piece("del", "bbb"),
        Piece("gap", "", 999_997),
    ]
    assert cut([Piece("same", "abc")], 3) == [Piece("same", "abc")]
    assert cut([Piece("gap", "", 7), Piece("same", "abc")], 2) == [
        Piece("gap", "", 7),
        Piece("same", "ab"),
        Piece("gap", "", 1),
    ]


def test_evidence_is_marked_where_it_stands_also_far_inside_a_long_text():
    assert marked("您好，退货运费由", "运费由", 100) == [Piece("same", "您好，退货"), Piece("hit", "运费由")]
    pieces = marked("x" * 50_000 + "运费由" + "y" * 50_000, "运费由", 90)
    assert [piece.kind for piece in pieces] == ["gap", "same", "hit", "same", "gap"]
    assert pieces[2].text == "运费由"
    assert sum(len(piece.text) + piece.left_out for piece in pieces) == 100_003


@pytest.mark.parametrize("evidence", ["", "不在里面"])
def test_evidence_that_is_not_in_the_text_marks_nothing(evidence):
    assert marked("您好", evidence, 100) == [Piece("same", "您好")]


@given(st.text(), st.integers(1, 50))
def test_one_line_is_one_line_without_anything_hidden(text, most):
    line = one_line(text, most)
    assert len(line.splitlines()) <= 1
    assert visible(line) == line
