"""ROUGE-L and chrF. The expected values are those of rouge-score 0.1.2 and sacrebleu 2.6.0 on the same texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.likeness import chrf, rouge_l, words

ZH = ("您好，可以七天内退货", "您好，保温杯支持七天无理由退货")
EN = ("Choose Return on the order page", "Open the order page and choose Return.")


@pytest.mark.parametrize(("pair", "wanted"), [(ZH, 0.14851599982545228), (EN, 0.6665287045711872)])
def test_chrf_is_that_of_sacrebleu(pair: tuple[str, str], wanted: float) -> None:
    assert chrf(*pair) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize(
    ("said", "reference", "wanted"),
    [("a x c", "a b c d", 4 / 7), ("c d a b", "a b c d", 0.5), ("b", "a b c d", 0.4), ("x y z", "a b c d", 0.0)],
)
def test_rouge_l_is_the_f1_of_the_longest_common_subsequence(said: str, reference: str, wanted: float) -> None:
    assert rouge_l(said, reference) == pytest.approx(wanted)


def test_a_chinese_character_is_a_word_and_a_mark_is_none() -> None:
    assert words("iPhone15可以退吗？ It's OK") == ["iphone15", "可", "以", "退", "吗", "it", "s", "ok"]
    assert rouge_l(*ZH) == pytest.approx(2 * 6 / 23)  # 您好七天退货 of 9 and 14 characters


@given(st.text(max_size=40), st.text(max_size=40))
def test_both_are_shares_and_one_for_the_same(said: str, reference: str) -> None:
    for measure in (chrf, rouge_l):
        assert 0.0 <= measure(said, reference) <= 1.0 + 1e-9
        assert measure(said, "") == measure("", reference) == 0.0
    if said.split():
        assert chrf(said, said) == pytest.approx(1.0)
    if words(said):
        assert rouge_l(said, said) == pytest.approx(1.0)
