"""A step over ranges of whole conversations, side by side: Polars alone leaves all cores but one idle most of the time.

It spreads columns and groups over the cores, but a pattern over one column of texts, which is what most of a step does,
runs on one. Ranges are shards of a shard: whatever they are, the same rows come of them.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import polars as pl

Frames = dict[str, pl.DataFrame]

LEAST = 10_000  # messages; in fewer, patterns that are compiled for each range cost more than a second core saves


def side_by_side(frames: Frames, work: Callable[[Frames], Frames]) -> list[Frames]:
    """Return what `work` makes of `frames`, for each range of conversations: as many as there are cores, in order.

    `messages` come in order, those of a conversation together; the other frames have the column `conversation`, and
    what belongs to no message goes with the first range.
    """
    messages = frames.pop("messages")
    number = min(pl.thread_pool_size(), messages.height // LEAST)
    cuts = _borders(messages["conversation"], number) if number > 1 else []
    if not cuts:
        return [work({"messages": messages, **frames})]
    edges = [0, *cuts, messages.height]
    parts = [messages.slice(begin, end - begin) for begin, end in pairwise(edges)]
    ranges: list[Frames] = [{"messages": part} for part in parts]
    for name, frame in frames.items():
        for one, rows in zip(ranges, _of_each(frame, parts), strict=True):
            one[name] = rows
    del messages, parts
    frames.clear()
    with ThreadPoolExecutor(len(ranges)) as pool:
        return list(pool.map(work, ranges))


def together(made: list[Frames]) -> Frames:
    """Return the frames of all ranges as those of one; what is in `made` is taken out of it."""
    return {name: pl.concat([one.pop(name) for one in made], rechunk=True) for name in list(made[0])}


def each_row(frame: pl.DataFrame, expression: pl.Expr) -> pl.Series:
    """Return what an expression says of the rows, each by itself: of a range of rows for each core, side by side."""
    size = max(LEAST, -(-frame.height // pl.thread_pool_size()))
    if frame.height <= size:
        return frame.select(expression).to_series()
    with ThreadPoolExecutor() as pool:
        parts: list[pl.DataFrame] = list(pool.map(lambda part: part.select(expression), frame.iter_slices(size)))
    return pl.concat(parts, rechunk=True).to_series()


def _borders(conversations: pl.Series, number: int) -> list[int]:
    """Return the rows, each the first of its conversation, that cut the messages into `number` ranges or fewer."""
    begins = np.flatnonzero((conversations != conversations.shift(1)).fill_null(value=True).to_numpy())
    wanted = len(conversations) * np.arange(1, number) // number
    after = np.searchsorted(begins, wanted)
    return sorted({int(begins[place]) for place in after if 0 < place < len(begins)})


def _of_each(frame: pl.DataFrame, parts: list[pl.DataFrame]) -> list[pl.DataFrame]:
    """Return the rows of `frame` that belong to the conversations of each part."""
    if frame.is_empty():
        return [frame] * len(parts)
    later = [part.select("conversation").unique() for part in parts[1:]]
    first = frame.join(pl.concat(later), on="conversation", how="anti", maintain_order="left")
    return [first, *(frame.join(one, on="conversation", how="semi", maintain_order="left") for one in later)]
