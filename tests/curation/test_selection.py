"""The best N: the budget is kept, floors and caps hold, and rare questions are not crowded out by frequent ones."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import selection, tables
from curation.recipe import Selection
from curation.selection import coverage, select, within
from curation.vectors import alike, vectors

SUBJECTS = ["parcel", "refund", "invoice", "password", "battery", "roaming", "voucher", "warranty"]


def examples(rows: list[tuple[str, str, str, float]]) -> pl.DataFrame:
    """Question, type, skeleton and score of each example; ids are their numbers."""
    frame = pl.DataFrame(rows, schema=["question", "query_type", "skeleton", "score"], orient="row")
    return frame.with_columns(
        id=pl.format("{}", pl.int_range(pl.len()).cast(pl.String).str.zfill(4)),
        conversation=pl.lit("c"),
        verdict=pl.lit("keep").cast(tables.VERDICT),
        rules=pl.lit([], dtype=pl.List(pl.String)),
        score=pl.col("score").cast(pl.Float32),
    )


def kept(frame: pl.DataFrame, **recipe: object) -> set[str]:
    gone = select(frame, Selection.model_validate(recipe))["example"].to_list()
    assert len(set(gone)) == len(gone)
    return set(frame.filter(pl.col("verdict") == "keep")["id"]) - set(gone)


ROWS = st.lists(
    st.tuples(
        st.lists(st.sampled_from(SUBJECTS), min_size=1, max_size=4).map(" ".join),
        st.sampled_from("abc"), st.sampled_from("xyz"), st.floats(0, 1, width=32),
    ),
    min_size=1, max_size=40,
)  # fmt: skip
BUDGET = st.integers(1, 45)


@given(ROWS, BUDGET, st.integers(0, 4), st.none() | st.integers(1, 5), st.none() | st.integers(1, 5))
@settings(max_examples=150, deadline=None)
def test_budget_and_caps_are_never_exceeded_and_floors_hold_where_they_fit(
    rows: list[tuple[str, str, str, float]], budget: int, floor: int, cap: int | None, templates: int | None
) -> None:
    frame = examples(rows)
    recipe = {"budget": budget, "floors": {"type": floor}, "caps": {"type": cap, "skeleton": templates}}
    taken = frame.filter(pl.col("id").is_in(kept(frame, **recipe)))
    assert taken.height <= budget
    by_type = dict(taken.group_by("query_type").len().iter_rows())
    by_skeleton = dict(taken.group_by("skeleton").len().iter_rows())
    assert all(n <= (cap or n) for n in by_type.values())
    assert all(n <= (templates or n) for n in by_skeleton.values())
    if cap is None and templates is None:
        assert taken.height == min(budget, len(rows))
        there = dict(frame.group_by("query_type").len().iter_rows())
        promised = {name: min(floor, n) for name, n in there.items()}
        if sum(promised.values()) <= budget:
            assert all(by_type.get(name, 0) >= n for name, n in promised.items())


@given(ROWS, BUDGET, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_rows_does_not_change_the_choice(
    rows: list[tuple[str, str, str, float]], budget: int, random: object
) -> None:
    frame = examples(rows)
    order = list(range(len(rows)))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert kept(frame, budget=budget) == kept(frame[order], budget=budget)


def test_a_rare_question_is_taken_before_the_tenth_of_a_frequent_kind() -> None:
    frequent = [(f"where is my parcel number {i}", "a", f"s{i}", 0.9) for i in range(50)]
    rare = [("my battery is swollen", "a", "r", 0.9), ("the battery got swollen and hot", "a", "r2", 0.9)]
    frame = examples([*frequent, *rare])
    assert kept(frame, budget=4, floors={"type": 0}) & {"0050", "0051"}


def test_of_equal_questions_the_better_example_is_taken_and_quality_0_takes_the_first() -> None:
    frame = examples([("where is my refund", "a", "s", 0.2), ("where is my refund", "a", "s", 0.9)] * 2)
    assert kept(frame, budget=1) == {"0001"}
    assert kept(frame, budget=1, weights={"quality": 0}) == {"0000"}


def test_where_floors_do_not_fit_every_type_gets_its_first_before_any_its_second() -> None:
    rows = [(f"{subject} question", name, f"{name}{i}", 0.5) for i, subject in enumerate(SUBJECTS) for name in "abcd"]
    frame = examples(rows)
    taken = frame.filter(pl.col("id").is_in(kept(frame, budget=6, floors={"type": 5})))
    assert sorted(taken.group_by("query_type").len()["len"]) == [1, 1, 2, 2]


def test_a_share_as_cap_is_of_the_budget() -> None:
    frame = examples([(f"{s} {i}", "a" if i else "b", f"{s}{i}", 0.5) for i, s in enumerate(SUBJECTS)])
    taken = kept(frame, budget=4, caps={"type": 0.5})
    assert len(taken - {"0000"}) == 2


@pytest.mark.parametrize(("cap", "most"), [(0.5, 3), (2, 2), (0, 0), (None, 6)])
def test_dialogues_take_no_more_of_the_budget_than_their_cap(cap: float | None, most: int) -> None:
    frame = examples([(f"{subject} {i % 2}", "a", f"{i}", 0.5) for i, subject in enumerate(SUBJECTS[:6] * 2)])
    better = pl.int_range(pl.len()) < 6
    frame = frame.with_columns(kind=pl.when(better).then(pl.lit("dialogue")).otherwise(pl.lit("pair")))
    frame = frame.with_columns(score=pl.when(better).then(1.0).otherwise(0.1).cast(pl.Float32))
    taken = kept(frame, budget=6, caps={"dialogue": cap}, floors={"type": 0})
    assert len(taken) == 6
    assert len(taken & set(frame.filter(better)["id"])) == most


def test_without_a_budget_nothing_is_found_and_only_kept_examples_are_candidates() -> None:
    frame = examples([("a", "a", "s", 1.0), ("b", "a", "s", 1.0)])
    assert select(frame, Selection()).is_empty()
    held = frame.with_columns(verdict=pl.Series(["review", "keep"], dtype=tables.VERDICT))
    assert select(held, Selection(budget=1)).is_empty()


def test_what_people_want_kept_stays_and_takes_its_place_in_the_budget() -> None:
    frame = examples([(f"{s} question", "a", s, 0.5) for s in SUBJECTS])
    rules = pl.Series([["people/keep"] if i in (3, 6) else [] for i in range(frame.height)], dtype=pl.List(pl.String))
    taken = kept(frame.with_columns(rules=rules), budget=3)
    assert len(taken) == 3
    assert {"0003", "0006"} <= taken
    assert kept(frame.with_columns(rules=rules), budget=1) == {"0003", "0006"}


def brute(likeness: np.ndarray, weight: np.ndarray) -> list[int]:
    """Choose greedily with every gain computed anew at every step."""
    reached, left, order = np.zeros(len(likeness), dtype=int), list(range(len(likeness))), []
    while left:
        gain = {i: np.maximum(likeness[i].astype(int) - reached, 0).sum() * weight[i] for i in left}
        order.append(max(left, key=lambda i: (gain[i], -i)))
        left.remove(order[-1])
        reached = np.maximum(reached, likeness[order[-1]])
    return order


@given(
    st.lists(st.lists(st.sampled_from(SUBJECTS), min_size=1, max_size=3), min_size=1, max_size=14), st.integers(0, 9)
)
@settings(max_examples=60, deadline=None)
def test_the_lazy_choice_is_the_greedy_choice(texts: list[list[str]], seed: int) -> None:
    rows = vectors(pl.Series([" ".join(words) for words in texts]))
    weight = np.random.default_rng(seed).choice([0.25, 0.5, 1.0], len(texts))
    gains = coverage(rows, weight)
    order = brute(alike(rows), weight)
    positive = [i for i in order if gains[i] > 0]
    assert [round(gains[i], 6) for i in positive] == sorted((round(g, 6) for g in gains if g > 0), reverse=True)
    assert set(positive) == {i for i in range(len(texts)) if gains[i] > 0}


def test_parts_take_every_row_once_and_keep_what_is_alike_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "PART", 20)
    texts = [f"{SUBJECTS[i % 2]} {SUBJECTS[i % 2]} {SUBJECTS[2 + i % 3]}" for i in range(64)]
    rows = vectors(pl.Series(texts))
    parts = selection._parts(rows, np.arange(64))
    assert sorted(np.concatenate(parts).tolist()) == list(range(64))
    assert all(len(part) <= 20 for part in parts)
    assert all(len({i % 2 for i in part.tolist()}) == 1 for part in parts)


def test_caps_come_before_the_budget_and_may_leave_room_in_it() -> None:
    ranked = pl.DataFrame({"rank": range(6), "query_type": ["a"] * 6, "skeleton": ["s"] * 5 + ["t"]})
    taken = within(ranked, Selection.model_validate({"budget": 5, "caps": {"skeleton": 2}}))
    assert sorted(taken["rank"]) == [0, 1, 5]
