import re
from itertools import pairwise

import pytest

from curation.report import charts
from curation.report.model import Histogram


def test_a_histogram_without_anything_in_it_is_not_drawn():
    assert charts.steps(Histogram(edges=[0], before=[], after=[])) is None
    assert charts.steps(Histogram(edges=[0, 5], before=[0], after=[0])) is None


def test_each_line_shows_shares_of_its_own_total_and_the_highest_reaches_the_top():
    steps = charts.steps(Histogram(edges=[0, 10, 20], before=[30, 10], after=[1, 1]))
    assert steps is not None
    assert steps.top == "75.0%"
    assert steps.before == "M0 110V0.0H160.0V73.3H320.0V110"
    assert steps.after == "M0 110V36.7H160.0V36.7H320.0V110"
    assert [(row.range.en, row.before, row.before_share, row.after_share) for row in steps.bins] == [
        ("0–9", 30, "75.0%", "50.0%"),
        ("10 or more", 10, "25.0%", "50.0%"),
    ]


def test_a_side_without_examples_has_no_line():
    steps = charts.steps(Histogram(edges=[0, 10, 20], before=[3, 1], after=[0, 0]))
    assert steps is not None
    assert (steps.after, steps.area) == ("", "")


@pytest.mark.parametrize("bins", [1, 2, 7, 8, 12, 50, 200])
def test_labels_stand_apart_and_the_last_bin_is_open(bins):
    steps = charts.steps(Histogram(edges=list(range(bins + 1)), before=[1] * bins, after=[1] * bins))
    assert steps is not None
    assert steps.labels[-1].text == f"≥{bins - 1}"
    places = [label.x for label in steps.labels]
    assert all(after - before >= 25 for before, after in pairwise(places))
    assert len(re.findall("H", steps.before)) == bins


def test_a_part_of_nothing_is_nothing():
    assert charts.part(5, 0) == 0.0
    assert charts.part(1, 3) == 33.33
