"""Many patterns asked of the same texts: a compiled kernel (extra `fast`) reads each once and says which may match.

Most patterns of a pack match few texts, and each takes a reading of every one of them. An automaton of Aho and Corasick
looks for what they need (literals.py) all at once; a pattern is then asked of the texts with one of its literals alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from curation.checks import letters
from curation.checks.letters import I64, U8, U32
from curation.checks.literals import BORDER, needs, often
from curation.fast import accelerator

LEAST = 10_000  # texts; in fewer, reading the patterns costs more than it spares
_OFTEN = 60.0  # of a hundred texts; a pattern that may match more of them is asked of all
_FEW = 4  # patterns that a reading must spare something to
U64 = npt.NDArray[np.uint64]
_ALL = (1 << 64) - 1


class Automaton(NamedTuple):
    """What kernels.py `literals` reads: nodes, from the root (0) on, and the literals that end in them."""

    classes: U8  # of each byte: 0 where no literal has it; capitals are in the class of small letters
    width: int  # how many classes there are
    steps: U32  # nodes × classes: the next node
    bits: U64  # of each node: the patterns that need what ends there, whatever stands beside it
    heads: I64  # of each node: the first of those that end there and have an edge of a word, -1 without
    sizes: I64  # of each of those: its bytes
    edges: U8  # 1: a word begins with it, 2: ends with it
    marks: U64  # its pattern, as a bit
    after: I64  # the next one that ends in the same place, -1 without


def matches(texts: pl.Series, patterns: Sequence[str]) -> list[pl.Series]:
    """Return for each of `patterns` (Polars' syntax) whether each text matches it; null for null."""
    told: dict[str, pl.Series] = {}
    kernels = accelerator(len(texts)) if len(texts) >= LEAST else None
    if kernels is not None:
        for asked, automaton in _looks(tuple(sorted(set(patterns)))):
            seen = kernels.literals(letters.flat(texts), *automaton)
            for place, pattern in enumerate(asked):
                told[pattern] = _of_some(texts, pattern, np.flatnonzero(seen & np.uint64(1 << place) != 0))
    return [told[one] if one in told else texts.str.contains(one) for one in patterns]


def _of_some(texts: pl.Series, pattern: str, rows: npt.NDArray[np.intp]) -> pl.Series:
    """Return whether each text matches, where none but those of `rows` can."""
    if 2 * len(rows) > len(texts):
        return texts.str.contains(pattern)
    hit = texts.gather(rows.astype(np.uint32)).str.contains(pattern).to_numpy()
    found = np.zeros(len(texts), dtype=np.bool_)
    found[rows[hit]] = True
    whole = pl.Series(found)
    return whole.set(texts.is_null(), None) if texts.null_count() else whole


@lru_cache(maxsize=64)
def _looks(patterns: tuple[str, ...]) -> list[tuple[list[str], Automaton]]:
    """Return those of the patterns that match few texts, 64 at a time, each with what looks for their literals."""
    known = {pattern: needed for pattern in patterns if (needed := needs(pattern)) and often(needed) <= _OFTEN}
    each = list(known)
    groups = [each[begin : begin + 64] for begin in range(0, len(each), 64)]
    return [(asked, _automaton([known[one] for one in asked])) for asked in groups if len(asked) >= _FEW]


def _automaton(needed: Sequence[frozenset[str]]) -> Automaton:
    """Build the automaton: pattern number i needs one of the literals `needed[i]`."""
    marks: dict[tuple[bytes, int], int] = {(odd.encode(), 0): _ALL for odd in ("ſ", "\u212a")}  # an s, a k without case
    for place, literals in enumerate(needed):
        for literal in literals:
            piece = max(literal.split(BORDER), key=len)
            begin = literal.index(piece)
            edges = (literal[begin - 1 : begin] == BORDER) | (literal[begin + len(piece) :][:1] == BORDER) << 1
            key = piece.encode(), int(edges)
            marks[key] = marks.get(key, 0) | 1 << place
    used = sorted({byte for literal, _ in marks for byte in literal})
    classes = np.zeros(256, dtype=np.uint8)
    classes[used] = np.arange(1, len(used) + 1)
    classes[65:91] = classes[97:123]
    return _built(marks, classes, len(used) + 1)


def _built(marks: dict[tuple[bytes, int], int], classes: U8, count: int) -> Automaton:
    children: list[dict[int, int]] = [{}]
    ends: dict[int, list[tuple[int, int, int]]] = {}
    for (literal, edges), mark in sorted(marks.items()):
        node = 0
        for byte in literal:
            step = int(classes[byte])
            if step not in children[node]:
                children[node][step] = len(children)
                children.append({})
            node = children[node][step]
        ends.setdefault(node, []).append((len(literal), edges, mark))
    steps = np.zeros((len(children), count), dtype=np.uint32)
    bits, heads = np.zeros(len(children), dtype=np.uint64), np.full(len(children), -1, dtype=np.int64)
    entries: list[tuple[int, int, int, int]] = []
    waiting, back = deque([0]), [0] * len(children)
    while waiting:  # what is nearer to the root first
        node = waiting.popleft()
        if node:
            bits[node], heads[node] = bits[back[node]], heads[back[node]]
        for size, edges, mark in ends.get(node, ()):
            if edges:
                entries.append((size, edges, mark, int(heads[node])))
                heads[node] = len(entries) - 1
            else:
                bits[node] |= np.uint64(mark)
        steps[node] = steps[back[node]] if node else 0
        for step, child in children[node].items():
            back[child] = int(steps[back[node]][step]) if node else 0
            steps[node, step] = child
            waiting.append(child)
    sizes, edges_of, marks_of, after = zip(*entries, strict=True) if entries else ((), (), (), ())
    return Automaton(
        classes, count, steps, bits, heads, np.array(sizes, dtype=np.int64), np.array(edges_of, dtype=np.uint8),
        np.array(marks_of, dtype=np.uint64), np.array(after, dtype=np.int64),
    )  # fmt: skip
