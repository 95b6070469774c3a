"""What a pattern needs is in every text that it matches, what is enough in none other, and the sieve tells the same."""

import re
from random import Random

import numpy as np
import polars as pl
import pytest

from curation import fast, packs
from curation.checks import letters, registry, sieve
from curation.checks.literals import BORDER, certain, needs
from curation.checks.wording import regex

packs.load(["common", "zh", "en"])  # binds the rules, which say what they ask
PATTERNS = sorted({pattern for _, pattern in registry._HAS.values()})
B = BORDER


pytestmark = pytest.mark.usefixtures("unloaded_kernels")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("(?i)(退款|换货.*订单)", {"退款", "换货"}),
        ("(?i)(Pa[yi]d?)", {"pay", "pai"}),
        (r"(?i)(\bdm\b|\bto us\b)", {f"{B}dm{B}", f"{B}to us{B}"}),
        (r"(?i)((?-u:\b)a\b b)", {f"{B}a b"}),  # what stands between a word and a space says nothing more
        ("(?:请|麻烦)+您[^。]{0,9}(?:提供|发)一下", {"发一下", "提供一下"}),
        ("退?款", {"款"}),
        (r"x\.y|z\d", {"x.y", "z"}),
        ("don['’]t", {"don't", "don’t"}),
        ("a|b?", None),
        (r"\d+|元", None),
        (r"\b", None),
        ("é|x", None),  # É is the same without case
        ("[a-c]d*|[^e]f", None),
        (r"a(?:b|\p{Han})c", {"a"}),
        (r"小[\p{L}&&[^a]]号", {"小"}),
        ("[a[bc]]d", None), ("[a&&b]d", None), (r"a\<b", None), ("a{,2}b", None), ("(?x)a b", None),
        ("(?P<n>ab)", None),
        ("(ab", None), ("a" * 13000, None),
        ("退[^a-z ['’]]|[x['’]]y", {"退", "xy", "'y", "’y"}),  # as wording.regex writes an apostrophe in a class
        (r"退\['款['’]]", {"退['款']", "退['款’]"}),
    ],
)  # fmt: skip
def test_what_a_pattern_needs(pattern: str, expected: set[str] | None) -> None:
    assert needs(pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("(?i)(退款|换货.*订单|Pa[yi]d?)", {"退款", "换货订单", "pay", "payd", "pai", "paid"}),
        (r"(?i)((?-u:\b)dm(?-u:\b)|为?啥|[78]元|(?:ab){2}|c+)", {f"{B}dm{B}", "啥", "为啥", "abab", "c", "7元", "8元"}),
        (r"(?i)(\d元)", {f"{n}元" for n in range(10)}),
        (r"(?i)(^a|b$|[^c]d|e.f|g{3,}h*|[i-k]l|[m-n3]o|\p{Han}p|\s)", {"ggg", "gggh", "3o"}),
        (r"(?i)((?-u:\b)退|好(?-u:\b)|a(?-u:\b) b|c(?-u:\b)d|e(?-u:\b)。)", {"a b", "e。"}),  # 退 is no word
        ("(?i)(é)", {"é"}),
        ("(a)", set()), (r"(?i)(\ba)", set()), ("(?i)((?-i:a))", set()), ("(?i)((?s)a)", set()), ("(?i)(a", set()),
    ],
)  # fmt: skip
def test_what_is_enough_for_a_pattern(pattern: str, expected: set[str]) -> None:
    assert certain(pattern) == expected


def texts(count: int) -> list[str]:
    """Return texts of pieces of the packs' own patterns, in any case, with other letters between."""
    draw = Random(5)
    pieces = [word for pattern in PATTERNS for word in re.findall(r"\w+", pattern.replace("(?-u:", ""))]
    pieces += [" ", " ", ", ", "。", "，", "?", "1", "3天", "_", "'", "[订单号1]", "ſ", "\u212a", "é", "\n", "🙂"]
    said = ["".join(draw.choice((str, str.upper, str.title))(one) + draw.choice(["", " ", "，"])
                    for one in draw.choices(pieces, k=draw.randint(0, 12))) for _ in range(count)]  # fmt: skip
    return [text.replace("s", "ſ").replace("k", "\u212a") if draw.random() < 0.05 else text for text in said]


def test_the_sieve_loses_no_match_of_any_pattern_of_the_packs(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = fast._compiled()
    if kernels is None:
        pytest.skip("without the extra fast")
    monkeypatch.setattr(sieve, "LEAST", 1)
    monkeypatch.setattr(sieve, "accelerator", lambda _: kernels)
    said = pl.Series([*texts(4000), None, ""])
    more = [r"(?i)(\bdm\b|\bto us\b)", "(?i)(退款|换货)", "(?i)(\\bask\\b)", "(?i)(\\bsky)", "(?i)(masks)"]
    asked = [*PATTERNS, *map(regex, more)]
    told = sieve.matches(said, asked)
    for pattern, found in zip(asked, told, strict=True):
        assert found.equals(said.str.contains(pattern)), pattern
    assert sum(bool(found.any()) for found in told) > 100
    looks = sieve._looks(tuple(sorted(set(asked))))
    assert sum(len(some) for some, *_ in looks) > 110
    (some, known, automaton), *_ = looks
    may, does = kernels.literals(letters.flat(said), *automaton)
    left = (may | np.uint64(~known & (1 << 64) - 1)) & ~does
    share = [(left >> place & 1).mean() for place in range(len(some))]
    assert sum(share) / len(share) < 0.3  # else nothing is gained
    assert sum((does >> place & 1).any() for place in range(len(some))) > 30


def test_what_may_match_is_told_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = fast._compiled()
    if kernels is None:
        pytest.skip("without the extra fast")
    monkeypatch.setattr(sieve, "LEAST", 1)
    monkeypatch.setattr(sieve, "accelerator", lambda _: kernels)
    said = pl.Series(["退款", "退货运费", "运费退", "天", None])
    asked = ["(?i)(退.*费)", "(?i)(x)", "(?i)(y)", "(?i)(z)", r"(?i)(\p{Han}\d*)"]
    told = sieve.matches(said, asked, {asked[0], asked[4]})
    assert told[0].to_list() == [True, True, True, False, False]  # the first and the third have 退, and do not match
    assert told[4].to_list() == [True, True, True, True, False]  # nobody knows what it needs


def test_words_are_told_by_their_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = fast._compiled()
    if kernels is None:
        pytest.skip("without the extra fast")
    automaton = sieve._automaton(
        [
            (frozenset({f"{B}dm{B}"}), frozenset()),
            (frozenset({f"{B}ask"}), frozenset({f"{B}ask{B}"})),
            (frozenset({"sk"}), frozenset()),
            (frozenset({"退款"}), frozenset({"退款", "款到"})),
            (None, frozenset({"款到"})),
        ]
    )
    said = ["DM", "admin", "a dm退", "dm_", "asked", "ask!", "task", "退款", "退", "款到", "", "ſ"]
    may, does = kernels.literals(letters.flat(pl.Series(said)), *automaton)
    assert may.tolist() == [1, 0, 1, 0, 6, 6, 4, 8, 0, 0, 0, (1 << 64) - 1]
    assert does.tolist() == [0, 0, 0, 0, 0, 2, 0, 8, 0, 24, 0, 0]


def test_few_texts_are_asked_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve, "_looks", None)
    assert [one.to_list() for one in sieve.matches(pl.Series(["ab", None]), ["a", "c"])] == [
        [True, None],
        [False, None],
    ]
