"""A pattern that is asked part by part matches what it matches as a whole."""

import random

import polars as pl
import pytest

from curation import packs
from curation.checks.alternatives import factored, inside, matches, once_each, parts
from curation.checks.wording import BETWEEN, NEVER

PACKS = packs.load(["common", "zh", "en"])
CUES = PACKS.cues
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
        ("a|b{4}", ("a|b{4}",)),
        ("a|b{1,3}|c|d{,2}", ("a|c", "b{1,3}", "d{,2}")),
        ("(?:a|x{2,3})|(?:b|(?:c|y{1,2}))", ("a|b|c", "x{2,3}", "y{1,2}")),
        ("(?:a|b)c{1,2}|d", ("d", "(?:a|b)c{1,2}")),  # the group is only a part of it
        ("(?:a|x{1,2})(?:b|c)|d", ("d", "(?:a|x{1,2})(?:b|c)")),
        (r"[|(]{1,2}|a\|b|\(|[]|x]|[^]|y]{1,2}", (r"a\|b|\(|[]|x]", "[|(]{1,2}", "[^]|y]{1,2}")),
        ("[[^|]&&[a|b]]{1,2}|c|d{,2}", ("c", "[[^|]&&[a|b]]{1,2}", "d{,2}")),
    ],
)
def test_a_pattern_is_parted_at_its_outermost_bars(pattern, expected):
    more = ("p{1,2}", "q{1,2}", "r{3,}", "s{0,9}")
    assert parts(f"(?i)({pattern}|{'|'.join(more)})") == tuple(f"(?i)({one})" for one in (*expected, *more))


@pytest.mark.parametrize(
    "pattern",
    [
        "(?i)(a{1,2}|b{1,2}|d)",  # few are read together
        "(?i)(a{1,2}|b{1,2}|c{1,2}|d{1,2}|(?-i)b|c)",  # the flag is for c, too
        "(?i)(a{1,2}|b{1,2}|c{1,2})|(d{1,2})",
        "a{1,2}|b{1,2}|c{1,2}|d{1,2}",
    ],
)
def test_other_patterns_stay_whole(pattern):
    assert parts(pattern) == (pattern,)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("(?:[^，。])*(?:ab|c{1,2})(?:[^，。])*|d[ef]*", "(?:ab|c{1,2})|d"),
        (r"[^\]x]*a(?:b[cd]*)", "a(?:b[cd]*)"),
        ("[ab]*?c[de]*?|[ab]+c", "[ab]*?c[de]*?|[ab]+c"),
        (r"a\[b]*|a[b]{2}*", r"a\[b]*|a[b]{2}*"),
        ("[ab]*|^[ab]*c", "[ab]*|^[ab]*c"),  # the first is found in every text
        ("(?:x|[ab])*c(?:[ab]d)*", "(?:x|[ab])*c(?:[ab]d)*"),
        ("(?i)[ab]*c", "(?i)[ab]*c"),
    ],
)
def test_what_may_be_missing_at_the_ends_of_a_pattern_is_left_out(pattern, expected):
    assert inside(pattern) == expected


@pytest.mark.parametrize(
    ("name", "text"), [(r.name, t) for r in PACKS.rules if r.params.get("beside") for t in r.params.get("of", [])]
)
def test_what_is_left_of_a_pattern_is_found_in_the_same_texts(name, text):
    draw = random.Random(name)
    words = [
        *WORDS,
        "反馈",
        "给",
        "部门",
        "私信",
        "尽快",
        "回复",
        "关注",
        "我们",
        "we ",
        "will ",
        "look into ",
        "team ",
    ]
    texts = pl.Series(["".join(draw.choices(words, k=draw.randint(0, 9))) for _ in range(2_000)])
    told = texts.str.contains(f"(?i){text}")
    assert texts.str.contains(f"(?i){inside(text)}").to_list() == told.to_list()
    assert told.any()
    assert not told.all()


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


@pytest.mark.parametrize("around", ["{}", "(?i)(?:{})", "(?m){}", "a|{}|b", "(?:{})?c"])
def test_what_no_cue_says_is_nowhere(around: str) -> None:
    texts = pl.Series(["", "x", "\n", "好\n\nx", "\u2028"])
    assert not texts.str.contains(around.format(NEVER)).any()
    assert packs.load(["zh"]).cues["question"] != NEVER
