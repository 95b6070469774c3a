"""A pattern that is asked part by part matches what it matches as a whole."""

import random

import polars as pl
import pytest

from curation import packs
from curation.checks.alternatives import matches, parts

CUES = packs.load(["common", "zh", "en"]).cues
WORDS = [
    "是", "还是", "有", "没", "吗", "呢", "您", "你", "请问", "提供", "一下", "订单号", "手机", "多少",
    "怎么样", "红色", "要", "，", "。", "?", "？", "不", "被", "盗", "总是", "断", "点击", "1", "what ",
    "do you ", "is it ", "the order number", "could ", "please ", "confirm ", "how long", "not working", "A",
    "! ", "because ", "ok", "还有", "问题", "help you", "anything else ",
]  # fmt: skip


@pytest.mark.parametrize("cue", sorted(CUES))
def test_a_cue_says_the_same_part_by_part(cue):
    draw = random.Random(3)
    texts = pl.Series(["".join(draw.choices(WORDS, k=draw.randint(0, 8))) for _ in range(3_000)])
    told = texts.str.contains(CUES[cue])
    assert matches(texts, CUES[cue]).to_list() == told.to_list()
    assert told.any()


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("(?i)(a|b)", ("(?i)(a|b)",)),
        ("(?i)(a|b{1,3}|c|d{,2})", ("(?i)(a|c)", "(?i)(b{1,3})", "(?i)(d{,2})")),
        ("(?i)((?:a|x{2,3})|(?:b|(?:c|y{1,2})))", ("(?i)(a|b|c)", "(?i)(x{2,3})", "(?i)(y{1,2})")),
        ("(?i)((?:a|b)c{1,2}|d)", ("(?i)(d)", "(?i)((?:a|b)c{1,2})")),  # the group is only a part of it
        ("(?i)((?:a|x{1,2})(?:b|c))", ("(?i)((?:a|x{1,2})(?:b|c))",)),
        (
            r"(?i)([|(]{1,2}|a\|b|\(|[]|x]|[^]|y]{1,2})",
            (r"(?i)(a\|b|\(|[]|x])", "(?i)([|(]{1,2})", "(?i)([^]|y]{1,2})"),
        ),
        ("(?i)([[^|]&&[a|b]]{1,2}|c)", ("(?i)(c)", "(?i)([[^|]&&[a|b]]{1,2})")),
        ("(?i)(a{1,2}|(?-i)b|c)", ("(?i)(a{1,2}|(?-i)b|c)",)),  # the flag is for c, too
        ("(?i)(a{1,2})|(b)", ("(?i)(a{1,2})|(b)",)),
        ("a{1,2}|b", ("a{1,2}|b",)),
    ],
)
def test_a_pattern_is_parted_at_its_outermost_bars(pattern, expected):
    assert parts(pattern) == expected


def test_null_matches_nothing():
    assert matches(pl.Series(["ab", None, "c"]), "(?i)(B|x{1,2})").to_list() == [True, False, False]
