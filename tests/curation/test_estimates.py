"""Intervals, gates and agreement against published numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.estimates import agreement, interval, standing, wilson

MANY = 10**9

# How many of n decisions may go against a rule when the lower bound still has to reach the gate.
ALLOWED = {
    0.80: {30: 1, 50: 4, 75: 8, 100: 12, 150: 20, 200: 28},
    0.85: {30: 0, 50: 2, 75: 5, 100: 8, 150: 13, 200: 20},
    0.90: {30: None, 50: 0, 75: 2, 100: 4, 150: 7, 200: 11},
    0.95: {30: None, 50: None, 75: 0, 100: 0, 150: 2, 200: 3},
}


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)],
)
def test_the_interval_is_the_published_one(hits, n, low, high):
    """Newcombe 1998 (81 of 263 and 15 of 148); 0 and 10 of 10 by hand: z²/(n + z²)."""
    assert wilson(hits, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("gate", "n", "wrong"), [(g, n, w) for g, row in ALLOWED.items() for n, w in row.items()])
def test_a_gate_is_passed_with_so_many_wrong_and_not_with_one_more(gate, n, wrong):
    passed = [w for w in range(n + 1) if standing(n - w, n, MANY, gate).state == "pass"]
    assert passed == ([] if wrong is None else list(range(wrong + 1)))


def test_between_pass_and_fail_it_says_how_many_more():
    assert standing(0, 0, MANY, 0.85) == ("more", 22)  # 22 of 22: n/(n + z²) is 0.851, 21 of 21 is 0.845
    assert standing(28, 30, MANY, 0.85) == ("more", 15)  # two wrong: 43 of 45 is 0.852, 42 of 44 is 0.849
    assert standing(30, 50, MANY, 0.85) == ("fail", 0)


def test_a_few_decisions_fail_nothing_unless_they_are_all_there_is():
    assert wilson(0, 1).high < 0.85
    assert standing(0, 1, MANY, 0.85).state == standing(0, 4, MANY, 0.85).state == "more"
    assert standing(0, 5, MANY, 0.85) == ("fail", 0)
    assert standing(0, 1, 1, 0.85) == ("fail", 0)


def test_when_all_were_looked_at_there_is_nothing_to_guess():
    assert interval(9, 10, 10) == (0.9, 0.9)
    assert standing(9, 10, 10, 0.85) == ("pass", 0)
    assert standing(8, 10, 10, 0.85) == ("fail", 0)
    assert standing(8, 9, 10, 0.85) == ("more", 1)  # one is left, whatever the interval would like
    assert standing(0, 0, 0, 0.85) == ("more", 0)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 200), st.floats(0.5, 0.99))
def test_what_it_asks_for_is_enough_and_no_more(right, wrong, others, gate):
    n = right + wrong
    found = standing(right, n, n + others, gate)
    if found.state == "more" and found.more < others:
        assert wilson(right + found.more, n + found.more).low >= gate
        assert found.more == 1 or wilson(right + found.more - 1, n + found.more - 1).low < gate


def test_kappa_is_the_one_of_the_textbook():
    """The example of the article on Cohen's kappa: 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no give 0.4."""
    said = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert agreement(said) == (50, 35, pytest.approx(0.4))


def test_kappa_is_not_there_where_chance_alone_agrees_always():
    assert agreement([("keep", "keep")] * 3) == (3, 3, None)
    assert agreement([]) == (0, 0, None)
