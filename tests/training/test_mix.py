"""The mixture: exact arithmetic, nothing of the domain lost, nothing repeated unasked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.encode import Encoded
from training.mix import hold_out, mix


def records(source: str, count: int, *, language: str = "zh", tokens: int = 4) -> list[Encoded]:
    """`count` records of `tokens` tokens, half of them trained."""
    labels = tuple([-100] * (tokens - tokens // 2) + [7] * (tokens // 2))
    return [
        Encoded(f"{source}-{language}-{n}", f"{source}-{language}-{n}", source, language, (7,) * tokens, labels)
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("domain", "share", "general"),
    [(850, 0.15, 150), (1000, 0.15, 176), (400, 0.15, 71), (80, 0.2, 20), (20, 0.5, 20), (10, 0.9, 90), (3, 0.1, 0)],
)
def test_the_share_is_of_the_whole_mixture(domain: int, share: float, general: int) -> None:
    mixture = mix(records("domain", domain), records("daily", 1000), share=share, seed=1)
    assert (mixture.domain, mixture.general, mixture.general_wanted) == (domain, general, general)
    assert len(mixture.records) == domain + general


def test_all_domain_records_stay_in_their_order() -> None:
    mixture = mix(records("domain", 30), records("daily", 30), share=0.4, seed=3)
    assert [r.id for r in mixture.records if r.source == "domain"] == [f"domain-zh-{n}" for n in range(30)]


def test_too_small_a_general_set_is_not_repeated_but_reported() -> None:
    mixture = mix(records("domain", 1000), records("daily", 100), share=0.15, seed=1)
    assert (mixture.general, mixture.general_wanted, mixture.general_unique) == (100, 176, 100)
    assert mixture.most_repeats == 1
    assert mixture.share_records == pytest.approx(100 / 1100)


def test_repeats_are_allowed_up_to_the_cap_and_evenly() -> None:
    mixture = mix(records("domain", 1000), records("daily", 100), share=0.15, seed=1, max_repeats=3)
    assert (mixture.general, mixture.general_unique, mixture.most_repeats) == (176, 100, 2)


def test_general_records_are_spread_not_appended() -> None:
    mixture = mix(records("domain", 90), records("daily", 50), share=0.1, seed=1)
    places = [n for n, r in enumerate(mixture.records) if r.source == "daily"]
    assert places == [5, 15, 25, 35, 45, 55, 65, 75, 85, 95]


def test_general_languages_follow_the_domain_set() -> None:
    domain = records("domain", 60) + records("domain", 20, language="en")
    pool = records("daily", 100) + records("daily", 100, language="en")
    mixture = mix(domain, pool, share=0.2, seed=1)
    assert mixture.domain_languages == {"en": 20, "zh": 60}
    assert mixture.general_languages == {"en": 5, "zh": 15}


def test_what_one_language_lacks_the_other_gives() -> None:
    domain = records("domain", 60) + records("domain", 20, language="en")
    pool = records("daily", 4) + records("daily", 100, language="en")
    assert mix(domain, pool, share=0.2, seed=1).general_languages == {"en": 16, "zh": 4}


def test_a_general_set_in_another_language_is_used_all_the_same() -> None:
    assert mix(records("domain", 80), records("daily", 50, language="en"), share=0.2, seed=1).general == 20


def test_shares_are_counted_in_records_tokens_and_trained_tokens() -> None:
    mixture = mix(records("domain", 8, tokens=10), records("daily", 9, tokens=40), share=0.2, seed=1)
    assert mixture.share_records == pytest.approx(2 / 10)
    assert mixture.share_tokens == pytest.approx(80 / 160)
    assert mixture.share_trained_tokens == pytest.approx(40 / 80)


def test_without_share_nothing_is_mixed_in() -> None:
    mixture = mix(records("domain", 5), records("daily", 5), share=0.0, seed=1)
    assert (mixture.general, mixture.share_records, mixture.share_tokens) == (0, 0.0, 0.0)


def test_a_share_of_the_whole_is_refused() -> None:
    with pytest.raises(ValueError, match="below 1"):
        mix(records("domain", 5), [], share=1.0, seed=1)


@given(
    domain=st.integers(1, 120),
    zh=st.integers(0, 60),
    en=st.integers(0, 60),
    share=st.floats(0.0, 0.9),
    repeats=st.integers(1, 3),
    seed=st.integers(0, 5),
)
def test_no_mixture_loses_domain_records_or_exceeds_what_is_there(
    domain: int, zh: int, en: int, share: float, repeats: int, seed: int
) -> None:
    pool = records("daily", zh) + records("daily", en, language="en")
    mixture = mix(records("domain", domain), pool, share=share, seed=seed, max_repeats=repeats)
    again = mix(records("domain", domain), pool, share=share, seed=seed, max_repeats=repeats)
    assert [r.id for r in mixture.records] == [r.id for r in again.records]
    assert sum(r.source == "domain" for r in mixture.records) == domain
    assert mixture.general == min(mixture.general_wanted, repeats * (zh + en))
    assert abs(mixture.general_wanted - domain * share / (1 - share)) <= 0.5 + 1e-6
    assert mixture.most_repeats <= repeats


def test_another_seed_draws_other_records() -> None:
    draws = [
        {r.id for r in mix(records("domain", 80), records("daily", 200), share=0.2, seed=seed).records}
        for seed in (1, 2)
    ]
    assert draws[0] != draws[1]


def test_held_out_records_are_not_trained_on() -> None:
    kept, held = hold_out(records("daily", 100), share=0.1, seed=4)
    assert (len(kept), len(held)) == (90, 10)
    assert not {r.id for r in kept} & {r.id for r in held}


def test_pieces_of_one_record_are_held_out_together() -> None:
    pieces = [Encoded(f"r{n}#{k}", f"r{n}", "daily", "zh", (1,), (1,)) for n in range(20) for k in range(3)]
    kept, held = hold_out(pieces, share=0.25, seed=4)
    assert len(held) == 15
    assert not {r.origin for r in kept} & {r.origin for r in held}


def test_at_most_fifty_are_held_out() -> None:
    assert len(hold_out(records("daily", 5000), share=0.1, seed=4)[1]) == 50
