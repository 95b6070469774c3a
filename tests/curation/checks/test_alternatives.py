"""A pattern that is asked part by part matches what it matches as a whole."""

import random

import polars as pl
import pytest

from curation import packs
from curation.checks.alternatives import factored, matches, once_each, parts
from curation.checks.wording import BETWEEN

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


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("(?:a|b)*c|(?:a|b)*d|e", "(?:a|b)*(?:c|d)|e"),
        ("(?:a|b)*c|x|(?:(?:a|b)*d|(?:a|b)*)", "(?:a|b)*(?:c|d|)|x"),
        ("(?:a)c|(?:a)+d|(?:a)+e|(?:a)?f", "(?:a)c|(?:a)+(?:d|e)|(?:a)?f"),
        ("(?:a){1,2}(?:b)c|(?:a){1,2}(?:b)d", "(?:a){1,2}(?:(?:b)(?:c|d))"),
        ("(?:a)+?b|(?:a)+?c|(?:a)++d|(?:a)++e", "(?:a)+?(?:b|c)|(?:a)++(?:d|e)"),
        (r"([)|]\))c|([)|]\))d", r"([)|]\))(?:c|d)"),
        ("[(a]b|[(a]c|ab|ac", "[(a]b|[(a]c|ab|ac"),
        ("(?:a)b|(?i)(?:a)c", "(?:a)b|(?i)(?:a)c"),  # the flag holds for what is behind it
        ("(?:a|b", "(?:a|b"),
        ("a)|(?:b)c|(?:b)d", "a)|(?:b)c|(?:b)d"),
    ],
)
def test_what_alternatives_begin_with_is_written_once(pattern, expected):
    assert factored(pattern) == expected


@pytest.mark.parametrize("name", ["zh/canned-line", "zh/holding-line", "zh/filler-only", "en/canned-line"])
def test_phrases_say_the_same_when_they_are_factored(name):
    rule = next(rule for rule in packs.load(["common", "zh", "en"]).rules if rule.name == name)
    phrases = "|".join(rule.strip)
    said = [e.says for e in rule.fires if e.says] + [e.says for e in rule.silent if e.says]
    parts_of = [
        *"您我请帮好的呢吗 ，,。！~",
        "感谢您",
        "如果",
        "问题",
        "可以",
        "请问",
        "还有",
        "记得",
        "好评",
        "稍等",
        "订单",
    ]
    draw, texts = random.Random(5), list(said)
    for _ in range(3_000):
        text = draw.choice(said)
        cut, other = draw.randrange(len(text) + 1), draw.choice(said)
        texts.append(text[:cut] + draw.choice(parts_of) + (other if draw.random() < 0.5 else text[cut:]))
    series = pl.Series(texts)
    for around in ("(?i)^(?:{})$", "(?i)^[~ ，,。！?？]*(?:(?:{})[~ ，,。！?？]*)+$"):
        told = series.str.contains(around.format(phrases))
        assert series.str.contains(around.format(factored(phrases))).to_list() == told.to_list()
        assert told.any()
        assert not told.all()


def test_distinct_texts_are_looked_at_once_and_each_row_is_told():
    texts = pl.DataFrame({"text": ["b1", None, "a", "b1", "b2", ""]})
    told = texts.select(once_each(pl.col("text"), r"\d$")).to_series().to_list()
    assert told == [True, None, False, True, True, False]


def test_null_matches_nothing():
    assert matches(pl.Series(["ab", None, "c"]), "(?i)(B|x{1,2})").to_list() == [True, False, False]


def test_no_mark_between_clauses_has_another_case() -> None:
    every = pl.Series([chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000])
    plain = BETWEEN.removeprefix("(?-i:").removesuffix(")")
    assert plain != BETWEEN
    assert (every.str.contains(f"(?i)^{plain}$") == every.str.contains(f"(?i)^{BETWEEN}$")).all()
