"""Do two answers agree? Each pair by itself, and many at once."""

from __future__ import annotations

import polars as pl

from curation.agreement import agree

PAIRS = [
    ("保修3年", "保修1年", False),  # numbers, none of them shared
    ("保修3年，换新1次", "换新1次", True),
    ("保修3年", "整机保修", True),  # one has no number
    ("可以退货", "不可以退货", False),  # the opposite in nearly the same words
    ("不支持", "请您在订单页里申请售后并上传照片", False),  # nothing in common
    ("七天内可以退货", "七天内可以退货哦", True),
    ("You can return it.", "You can not return it.", False),
]


def test_answers_disagree_by_numbers_by_a_negation_and_where_they_share_nothing() -> None:
    one, other, told = (pl.Series(side) for side in zip(*PAIRS, strict=True))
    assert agree(one, other, 0.2).to_list() == told.to_list()
    assert agree(other, one, 0.2).to_list() == told.to_list()


def test_many_pairs_of_few_answers_are_judged_as_each_alone() -> None:
    one, other, told = (pl.Series(side) for side in zip(*(PAIRS * 50), strict=True))
    assert agree(one, other, 0.2).to_list() == told.to_list()


def test_without_a_least_likeness_only_numbers_and_negations_part_answers() -> None:
    assert agree(pl.Series(["苹果", "要3天"]), pl.Series(["kettle", "要4天"]), 0.0).to_list() == [True, False]
