"""The best N examples: floors and caps per query type and skeleton, then greedy coverage weighted by quality.

Coverage is facility location: a set is worth the sum, over all questions, of each one's likeness to the nearest
question in the set. The greedy choice takes what adds most, and is within 1 - 1/e of the best possible set (Nemhauser,
Wolsey and Fisher 1978); gains only ever fall, so most need not be computed again (Minoux 1978).

More than `PART` candidates are halved by content until each part is small enough for all its likenesses to be held
(32 MiB). Parts share next to nothing, so merging their choices by gain is the greedy choice over all of them. Time
grows with n log n, memory with n.
"""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt
import polars as pl

from curation import tables
from curation.decisions import KEEPING
from curation.recipe import Selection
from curation.vectors import Vectors, alike, vectors

PART = 4096  # candidates whose likenesses are all held at once
LEAST_WEIGHT = 0.05  # of the worst example: it may still be the only one that asks something

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


def select(examples: pl.DataFrame, settings: Selection) -> pl.DataFrame:
    """Return findings `selection/over-budget` (drop) for the kept examples that the budget has no room for.

    `examples` has id, conversation, kind, verdict, rules, question, query_type, skeleton, score. Without a budget
    nothing is found; caps are kept even where they leave room in the budget. What people want kept stays, and takes its
    place in the budget. The choice does not depend on the order of the rows.
    """
    if settings.budget is None:
        return tables.empty(tables.FINDINGS)
    candidates = examples.filter(pl.col("verdict") == "keep").sort("id")
    wanted = pl.col("rules").list.set_intersection(list(KEEPING)).list.len() > 0
    pinned = candidates.filter(wanted)
    room = settings.model_copy(update={"budget": max(0, settings.budget - pinned.height)})
    ranked = candidates.with_columns(rank=_rank(candidates, settings)).filter(~wanted)
    chosen = pl.concat([within(ranked, room)["id"], pinned["id"]])
    left = examples.filter((pl.col("verdict") == "keep") & ~pl.col("id").is_in(chosen.implode()))
    return tables.findings(
        left.select(
            "conversation",
            example="id",
            rule=pl.lit("selection/over-budget"),
            action=pl.lit("drop"),
            evidence=pl.col("question").str.slice(0, 80),
        )
    )


def within(ranked: pl.DataFrame, settings: Selection) -> pl.DataFrame:
    """Keep at most the budget of `ranked` (rank, query_type, skeleton, kind): caps, then floors, then the rest by rank.

    Where the floors of all groups do not fit into the budget, every group gets its first before any its second.
    """
    budget = settings.budget if settings.budget is not None else ranked.height
    ordered = ranked.sort("rank")
    for name, cap in (("skeleton", settings.caps.skeleton), ("query_type", _most(settings.caps.type, budget))):
        if cap is not None:
            ordered = ordered.filter(pl.int_range(pl.len()).over(name) < cap)
    if settings.caps.dialogue is not None:
        dialogue = pl.col("kind") == "dialogue"
        ordered = ordered.filter(~dialogue | (dialogue.cum_sum() <= _most(settings.caps.dialogue, budget)))
    turn = pl.lit(None, dtype=pl.Int64)
    for name, floor in (("query_type", settings.floors.type), ("skeleton", settings.floors.skeleton)):
        place = pl.int_range(pl.len()).over(name)
        turn = pl.min_horizontal(turn, pl.when(place < floor).then(place))
    return ordered.with_columns(turn=turn).sort("turn", "rank", nulls_last=True).head(budget).drop("turn")


def _most(cap: int | float | None, budget: int) -> int | None:
    """Return a cap as a count: a share (a float) is of the budget."""
    return max(1, round(cap * budget)) if isinstance(cap, float) else cap


def _rank(candidates: pl.DataFrame, settings: Selection) -> pl.Series:
    """Return the place of each candidate in the greedy choice, from 0; ties go to the better, then to the first."""
    weight = np.maximum(candidates["score"].to_numpy().astype(np.float64), LEAST_WEIGHT) ** settings.weights.quality
    gains = coverage(vectors(candidates["question"]), weight)
    return pl.Series(np.lexsort((np.arange(len(gains)), -weight, -gains)).argsort())


def coverage(rows: Vectors, weight: Floats) -> Floats:
    """Return for each row what it added (likeness in thousandths times weight) when the greedy choice took it."""
    gains = np.zeros(rows.shape[0])
    for part in _parts(rows, np.arange(rows.shape[0])):
        gains[part] = _greedy(alike(rows[part]), weight[part])
    return gains


def _greedy(likeness: npt.NDArray[np.int16], weight: Floats) -> Floats:
    """Take every row in the order of the greedy choice, and return the gain of each at its turn."""
    gains = np.zeros(len(likeness))
    reached = np.zeros(len(likeness), dtype=np.int16)  # likeness of each row to the nearest one taken
    first = np.maximum(likeness, 0).sum(axis=1, dtype=np.int64) * weight
    queue = [(-gain, place) for place, gain in enumerate(first.tolist())]
    heapq.heapify(queue)
    while queue:
        _, place = heapq.heappop(queue)
        gain = float(np.maximum(likeness[place] - reached, 0).sum(dtype=np.int64)) * weight[place]
        if queue and (-gain, place) > queue[0]:
            heapq.heappush(queue, (-gain, place))
            continue
        gains[place] = gain
        np.maximum(reached, likeness[place], out=reached)
    return gains


def _parts(rows: Vectors, places: Places) -> list[Places]:
    """Halve `places` by content until no part is larger than PART; each part keeps the order of its rows.

    A cut goes through the middle of the row's difference in likeness to two poles: the row farthest from the mean,
    and the row farthest from that one.
    """
    if len(places) <= PART:
        return [places]
    here = rows[places]
    mean = np.asarray(here.mean(axis=0)).ravel()
    pole = int(np.argmin(np.rint(here @ mean * 1e6)))
    toward = np.asarray((here @ here[pole].T).todense()).ravel()
    other = int(np.argmin(np.rint(toward * 1e6)))
    away = np.asarray((here @ here[other].T).todense()).ravel()
    for _ in range(4):  # as 2-means does: the poles become the means of the halves
        near = toward - away >= np.median(toward - away)
        if near.all() or not near.any():
            break
        toward = here @ np.asarray(here[near].mean(axis=0)).ravel()
        away = here @ np.asarray(here[~near].mean(axis=0)).ravel()
    order = np.argsort(-np.rint((toward - away) * 1e6), kind="stable")
    half = len(places) // 2
    return [*_parts(rows, places[np.sort(order[:half])]), *_parts(rows, places[np.sort(order[half:])])]
