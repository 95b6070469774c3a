import time

from hypothesis import given
from hypothesis import strategies as st

from curation.report.diff import compare
from curation.report.model import Turn
from curation.report.text import Piece


def user(text: str) -> Turn:
    return Turn(role="user", text=text)


def agent(text: str) -> Turn:
    return Turn(role="assistant", text=text)


def test_chinese_is_compared_by_character_and_latin_by_word():
    (before,), (after,) = compare([user("亲，退款几天到账呀")], [user("退款几天到账")])
    assert before == [Piece("del", "亲，"), Piece("same", "退款几天到账"), Piece("del", "呀")]
    assert after == [Piece("same", "退款几天到账")]
    (before,), (after,) = compare([user("call me later")], [user("call us later")])
    assert before == [Piece("same", "call "), Piece("del", "me"), Piece("same", " later")]
    assert after == [Piece("same", "call "), Piece("ins", "us"), Piece("same", " later")]


def test_messages_that_were_stitched_are_unchanged_and_a_dropped_one_is_struck_out_whole():
    raw = [user("在吗"), user("怎么退货"), agent("点“我的订单”，"), agent("再点“退货”。")]
    before, after = compare(raw, [user("怎么退货"), agent("点“我的订单”，再点“退货”。")])
    assert before == [
        [Piece("del", "在吗")],
        [Piece("same", "怎么退货")],
        [Piece("same", "点“我的订单”，")],
        [Piece("same", "再点“退货”。")],
    ]
    assert after == [[Piece("same", "怎么退货")], [Piece("same", "点“我的订单”，再点“退货”。")]]


def test_the_same_words_from_the_other_side_and_the_name_of_a_role_are_no_match():
    (before,), (after,) = compare([user("assistant")], [agent("好")])
    assert before == [Piece("del", "assistant")]
    assert after == [Piece("ins", "好")]


def test_a_long_chinese_text_with_a_small_change_is_not_called_all_new():
    """difflib's autojunk finds no equal character here: facts in docs, ratio 0.000 for 0.975."""
    text = "您好，您的订单已经发货，预计三天内送达，请您耐心等待。" * 12
    (before,), _ = compare([user(text)], [user(text.replace("请您", "请", 1))])
    assert sum(len(piece.text) for piece in before if piece.kind == "del") == 1


def test_a_megabyte_is_compared_in_no_time_and_none_of_it_is_lost():
    text = "长" * 1_000_000
    started = time.perf_counter()
    (before,), (after,) = compare([user(text)], [user(text + "尾")])
    assert time.perf_counter() - started < 2
    assert "".join(piece.text for piece in before) == text
    assert "".join(piece.text for piece in after) == text + "尾"


turns = st.lists(
    st.builds(Turn, role=st.sampled_from(["user", "assistant", "system"]), text=st.text("ab，退款\0 \n", max_size=12)),
    max_size=5,
)


@given(turns, turns)
def test_every_character_is_in_a_piece_and_the_unchanged_ones_are_the_same_on_both_sides(raw, curated):
    before, after = compare(raw, curated)
    assert ["".join(piece.text for piece in own) for own in before] == [turn.text for turn in raw]
    assert ["".join(piece.text for piece in own) for own in after] == [turn.text for turn in curated]

    def same(sides: list[list[Piece]]) -> str:
        return "".join(piece.text for own in sides for piece in own if piece.kind == "same")

    assert same(before) == same(after)
