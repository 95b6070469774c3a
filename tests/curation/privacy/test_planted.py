"""Planted data: recall of 0.99 and precision of 0.98 for every kind, in Chinese and English, by what was planted."""

import sys
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from curation import privacy
from curation.privacy import residual

sys.path.insert(0, str(Path(__file__).parent))
from planted import EN, ZH, Case, cases, negatives

EACH, NEGATIVES, SEED = 240, 400, 20260616
KINDS = {"zh": ZH, "en": EN}
PLANTED = [(language, kind) for language, kinds in KINDS.items() for kind in kinds]
COMMON = ("mobile", "phone", "bank-card", "email", "iban", "ip", "link-token", "secret")
SAME = {"mobile": "phone"}  # both become [电话1]


def found(case: Case) -> tuple[bool, list[str]]:
    """Tell whether the plant was found whole, as its kind and nothing more; and the kinds of all other hits."""
    hits = privacy.scan(case.text)
    start = case.start + (case.text[case.start] == "#")
    right = [
        h
        for h in hits
        if h.start == start and h.end == case.end and SAME.get(h.kind, h.kind) == SAME.get(case.kind, case.kind)
    ]
    return bool(right), [SAME.get(h.kind, h.kind) for h in hits if h not in right]


def table() -> dict[tuple[str, str], tuple[float, float]]:
    """Recall and precision by language and kind. Wrong hits are counted over all texts of the language."""
    scores = {}
    for language, kinds in KINDS.items():
        right, wrong = Counter[str](), Counter[str]()
        for kind in kinds:
            for case in cases(language, kind, EACH, SEED):
                whole, others = found(case)
                right[kind] += whole
                wrong.update(others)
        for case in negatives(language, NEGATIVES, SEED):
            wrong.update(found(Case(case.text, "none", 0, 1))[1])
        for kind in kinds:
            of = SAME.get(kind, kind)
            total = sum(right[other] for other in kinds if SAME.get(other, other) == of)
            scores[language, kind] = right[kind] / EACH, total / (total + wrong[of]) if total else 0.0
    return scores


@pytest.fixture(scope="module")
def score() -> dict[tuple[str, str], tuple[float, float]]:
    return table()


@pytest.mark.parametrize(("language", "kind"), PLANTED)
def test_what_was_planted_is_found_whole_and_little_else(score, language: str, kind: str) -> None:
    recall, precision = score[language, kind]
    assert recall >= 0.99
    assert precision >= 0.98


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_only_looks_like_it_stays(language: str) -> None:
    changed = [case.text for case in negatives(language, NEGATIVES, SEED) if privacy.scan(case.text)]
    assert changed == []


@pytest.mark.parametrize(("language", "kind"), [*PLANTED, *((language, "none") for language in KINDS)])
def test_nothing_is_left_for_the_second_look_after_masking(language: str, kind: str) -> None:
    planted = negatives(language, 60, SEED) if kind == "none" else cases(language, kind, 60, SEED)
    texts = [case.text for case in planted]
    masked = [said for (said,) in privacy.masked_lists([[text] for text in texts])]
    assert len(masked) == 60
    assert [text for text, said in zip(texts, masked, strict=True) if residual.kinds(said)] == []


@pytest.mark.parametrize(
    ("language", "kind"),
    [*((tongue, kind) for tongue in KINDS for kind in COMMON),
     ("zh", "identity-card"), ("zh", "plate"), ("zh", "address"), ("zh", "tracking-number")],
)  # fmt: skip
def test_the_second_look_sees_what_was_not_masked(language: str, kind: str) -> None:
    texts = [case.text for case in cases(language, kind, 100, SEED)]
    seen = sum(bool(residual.kinds(text)) for text in texts)
    assert seen >= 80, [text for text in texts if not residual.kinds(text)][:3]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_counting_over_a_frame_misses_nothing_that_a_close_look_sees(language: str) -> None:
    texts = [case.text for kind in KINDS[language] for case in cases(language, kind, 40, SEED)]
    close = Counter(kind for text in texts for kind in residual.kinds(text))
    assert residual.count(pl.Series(texts)) == dict(sorted(close.items()))
