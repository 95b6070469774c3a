"""Train and validation: no conversation and no cluster on both sides, and the share reached within a group."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.split import split

ROWS = st.lists(
    st.tuples(st.integers(0, 15), st.none() | st.integers(0, 6), st.sampled_from(["keep", "keep", "review", "drop"])),
    min_size=1, max_size=60,
)  # fmt: skip


def examples(rows: list[tuple[int, int | None, str]]) -> pl.DataFrame:
    return pl.DataFrame(
        [(f"conv{c}", None if d is None else f"dup{d}", v) for c, d, v in rows],
        schema={"conversation": pl.String, "cluster": pl.String, "verdict": pl.String}, orient="row",
    )  # fmt: skip


@given(ROWS, st.floats(0, 0.99), st.integers(0, 5))
@settings(max_examples=150, deadline=None)
def test_no_conversation_and_no_cluster_is_on_both_sides(
    rows: list[tuple[int, int | None, str]], share: float, seed: int
) -> None:
    done = split(examples(rows), val_share=share, seed=seed).filter(pl.col("split").is_not_null())
    for key in ("conversation", "cluster"):
        sides = done.drop_nulls(key).group_by(key).agg(pl.col("split").n_unique())
        assert (sides["split"] == 1).all()


@given(ROWS, st.floats(0, 0.99))
@settings(max_examples=100, deadline=None)
def test_exactly_the_kept_examples_have_a_side(rows: list[tuple[int, int | None, str]], share: float) -> None:
    done = split(examples(rows), val_share=share, seed=1)
    assert done["split"].is_not_null().to_list() == [verdict == "keep" for *_, verdict in rows]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=80), st.floats(0.01, 0.9))
@settings(max_examples=100, deadline=None)
def test_the_share_is_reached_within_a_group_and_never_exceeded(conversations: list[int], share: float) -> None:
    rows = [(c, None, "keep") for c in conversations]
    held = (split(examples(rows), val_share=share, seed=3)["split"] == "val").sum()
    groups = [conversations.count(c) for c in set(conversations)]
    want = round(len(rows) * share)
    if len(groups) == 1:
        assert held == 0
    else:
        assert want - max(groups) < held <= want


def test_examples_that_were_not_kept_still_tie_their_conversations_together() -> None:
    rows = [(1, 5, "keep"), (2, 5, "drop"), (2, None, "keep"), (3, None, "keep"), (4, None, "keep")]
    for seed in range(20):
        done = split(examples(rows), val_share=0.5, seed=seed)["split"].to_list()
        assert done[0] == done[2]


def test_the_same_seed_gives_the_same_split_and_another_seed_another() -> None:
    frame = examples([(c, None, "keep") for c in range(50)])
    sides = [split(frame, val_share=0.3, seed=seed)["split"].to_list() for seed in (1, 1, 2)]
    assert sides[0] == sides[1] != sides[2]


def test_the_order_of_the_input_does_not_move_anybody() -> None:
    rows = [(c, None, "keep") for c in range(50)]
    one = split(examples(rows), val_share=0.3, seed=1)
    other = split(examples(rows[::-1]), val_share=0.3, seed=1)
    assert set(one.filter(pl.col("split") == "val")["conversation"]) == set(
        other.filter(pl.col("split") == "val")["conversation"]
    )


def test_ten_percent_more_input_moves_few_of_the_old_examples() -> None:
    rows = [(c, None, "keep") for c in range(220) for _ in range(1 + c % 3)]
    old = [row for row in rows if row[0] < 200]
    before, after = (split(examples(r), val_share=0.2, seed=7) for r in (old, rows))
    sides = [dict(frame.select("conversation", "split").iter_rows()) for frame in (before, after)]
    moved = sum(sides[0][c] != sides[1][c] for c in sides[0])
    assert moved <= 0.05 * len(sides[0])


def test_a_share_of_0_and_a_single_conversation_leave_all_in_train() -> None:
    frame = examples([(c, None, "keep") for c in range(9)])
    assert set(split(frame, val_share=0, seed=1)["split"]) == {"train"}
    assert set(split(frame.head(1), val_share=0.9, seed=1)["split"]) == {"train"}
