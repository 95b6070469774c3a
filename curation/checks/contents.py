"""What question and answer hold beside function words, counted by compiled kernels (extra `fast`) in one reading.

As wording.content, units and in_common tell it, which take four readings and copies of the texts. Only for words
that can be listed: the kernel looks for them in a tree of bytes, and takes what their pattern would rather match.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import polars as pl

from curation.checks import letters
from curation.checks.letters import I64, U8, U32
from curation.checks.literals import BORDER, every
from curation.checks.wording import content, in_common, units
from curation.fast import accelerator

SIDES = ("question", "answer")
COMMON = "common"


class Words(NamedTuple):
    """What fast/texts.py `contents` reads: a tree of bytes, from node 0 on, and the words that end in its nodes."""

    classes: U8  # of each byte: 0 where no word has it; capitals are in the class of small letters
    begins: U8  # of each byte: 1 where a word begins with it that may stand inside another, 2 where it is part of one
    steps: U32  # nodes × classes: the next node, 0 without
    width: int  # how many classes there are
    heads: I64  # of each node: the first word that ends there, -1 without
    edges: U8  # of each word, the one first that is taken before others: 1: no letter stands before it, 2: or behind it
    after: I64  # the next one that ends in the same node, -1 without


@cache
def counted(function_words: str) -> Callable[[pl.DataFrame], pl.DataFrame | None]:
    """Return what tells of rows the units of `question` and `answer`, without `function_words`, and what is `common`.

    It returns None without kernels, and where the function words cannot be listed.
    """
    return partial(_counted, function_words)


def _counted(function_words: str, rows: pl.DataFrame) -> pl.DataFrame | None:
    words = _words(function_words)
    found = letters.contents(rows["question"], rows["answer"], words) if words else None
    if found is None:
        return None
    counts, odd = found
    told = pl.DataFrame(counts, schema=dict.fromkeys((*SIDES, COMMON), pl.Int64)).with_columns(
        pl.when(rows[side].is_not_null()).then(side).cast(pl.UInt32).alias(side) for side in SIDES
    )
    strange = np.flatnonzero(odd)
    if not strange.size:
        return told
    some = rows.select(SIDES)[strange.tolist()].select(content(pl.col(side), function_words) for side in SIDES)
    again = some.select(*(units(pl.col(side)) for side in SIDES), in_common(*map(pl.col, SIDES)).alias(COMMON))
    return told.with_columns(told[name].scatter(strange, again[name]) for name in told.columns)


@cache
def often(side: str, pattern: str, least: int) -> Callable[[pl.DataFrame], pl.DataFrame | None]:
    """Return what tells of rows whether a text holds `pattern` so often (`often`); None where it cannot be listed."""
    return partial(_often, side, pattern, least)


def _often(side: str, pattern: str, least: int, rows: pl.DataFrame) -> pl.DataFrame | None:
    words, kernels = _words(pattern), accelerator(rows.height)
    if words is None or kernels is None:
        return None
    told, odd = kernels.said_often(letters.flat(rows[side]), words, least)
    found, strange = pl.Series("often", told > 0), np.flatnonzero(odd)
    if strange.size:
        found = found.scatter(strange, rows[side][strange].str.count_matches(pattern) >= least)
    return found.set(rows[side].is_null(), None).to_frame()


@cache
def _words(pattern: str) -> Words | None:
    """Return what `pattern` matches as a tree; None where that cannot be listed."""
    listed = every(pattern)
    if listed is None:
        return None
    known = [(one.strip(BORDER).encode(), (one[0] == BORDER) | (one[-1] == BORDER) << 1) for one in listed]
    used = sorted({byte for word, _ in known for byte in word})
    classes, begins = np.zeros(256, dtype=np.uint8), np.zeros(256, dtype=np.uint8)
    classes[used] = np.arange(1, len(used) + 1)
    begins[[word[0] for word, edges in known if not edges & 1]] = 1
    for table in (classes, begins):
        table[65:91] = table[97:123]
    begins[[*range(48, 58), *range(65, 91), 95, *range(97, 123)]] |= 2
    children: list[dict[int, int]] = [{}]
    heads, after = [-1], []
    for rank, (word, _) in enumerate(known):
        node = 0
        for step in classes[list(word)].tolist():
            if step not in children[node]:
                children[node][step] = len(children)
                children.append({})
                heads.append(-1)
            node = children[node][step]
        after.append(heads[node])
        heads[node] = rank
    steps = np.zeros((len(children), len(used) + 1), dtype=np.uint32)
    for node, ways in enumerate(children):
        steps[node, list(ways)] = list(ways.values())
    return Words(
        classes, begins, steps.ravel(), steps.shape[1], np.array(heads, dtype=np.int64),
        np.array([edges for _, edges in known], dtype=np.uint8), np.array(after, dtype=np.int64),
    )  # fmt: skip
