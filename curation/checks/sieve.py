"""Many patterns asked of the same texts: a compiled kernel (extra `fast`) reads each once and says which may match.

Most patterns of a pack match few texts, and each takes a reading of every one of them. An automaton of Aho and Corasick
looks for what they need, and for what is enough (literals.py), all at once; a pattern is then asked of the texts with
one of its literals alone, and only where that does not tell.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from functools import lru_cache
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from curation.checks import letters
from curation.checks.letters import I64, U8, U32
from curation.checks.literals import BORDER, certain, needs, often
from curation.fast import accelerator

LEAST = 10_000  # texts; in fewer, reading the patterns costs more than it spares
_OFTEN = 110.0  # of a hundred texts, some of which hold two; a pattern that must be asked of more is asked of all
_FEW = 4  # patterns that a reading must spare something to
_READING = Lock()
U64 = npt.NDArray[np.uint64]
_ALL = (1 << 64) - 1
_Mark = tuple[int, int]  # the patterns, as bits, that may match where a literal is, and those that do


class Automaton(NamedTuple):
    """What fast/texts.py `literals` reads: nodes, from the root (0) on, and the literals that end in them.

    A node is told by the place of its row in `steps`, in which each class has its next node, twice, and 1 more where
    literals end there; the row's last entry is the node's number among those.
    """

    classes: U8  # of each byte: 0 where no literal has it; capitals are in the class of small letters
    steps: U32  # nodes × (classes + 1)
    width: int  # of a row
    may: U64  # of each such node: the patterns that need what ends there, whatever stands beside it
    does: U64  # and those that it is enough for
    heads: I64  # the first of those that end there and have an edge of a word, -1 without
    sizes: I64  # of each of those: its bytes
    edges: U8  # 1: a word begins with it, 2: ends with it
    marks: U64  # its patterns, those that need it and those that it is enough for
    after: I64  # the next one that ends in the same place, -1 without


def matches(texts: pl.Series, patterns: Sequence[str], roughly: Collection[str] = ()) -> list[pl.Series]:
    """Return for each of `patterns` (Polars' syntax) whether each text matches it; null for null.

    Of those that are to be told `roughly` no text is asked: of more texts it is said that they may match.
    """
    told: dict[str, pl.Series] = {}
    kernels = accelerator(len(texts)) if len(texts) >= LEAST else None
    if kernels is not None:
        flat = letters.flat(texts)
        with _READING:  # two ranges ask for the same at once
            looks = _looks(tuple(sorted(set(patterns))))
        for asked, known, automaton in looks:
            may, does = kernels.literals(flat, *automaton)
            may |= ~np.uint64(known)
            may &= ~does
            if texts.null_count():
                may[texts.is_null().to_numpy()] = 0
            for place, pattern in enumerate(asked):
                bit = np.uint64(1 << place)
                if pattern in roughly:
                    told[pattern] = pl.Series((may | does) & bit != 0)
                else:
                    told[pattern] = _of_some(texts, pattern, np.flatnonzero(may & bit), does & bit != 0)
    told |= {one: texts.is_not_null() for one in roughly if one not in told}
    return [told[one] if one in told else texts.str.contains(one) for one in patterns]


@lru_cache(maxsize=8)
def automaton(sets: tuple[frozenset[str], ...]) -> Automaton:
    """Return what tells for each text, as bits, of which of `sets` (64 at most) it holds a literal."""
    return _automaton([(one, frozenset()) for one in sets])


def _of_some(texts: pl.Series, pattern: str, rows: npt.NDArray[np.intp], does: npt.NDArray[np.bool_]) -> pl.Series:
    """Return whether each text matches: where it `does`, and among `rows`, if the pattern says so."""
    if 2 * len(rows) > len(texts):
        return texts.str.contains(pattern)
    if len(rows):  # else it need not be compiled
        does[rows] = texts[rows].str.contains(pattern).to_numpy()
    whole = pl.Series(does)
    return whole.set(texts.is_null(), None) if texts.null_count() else whole


@lru_cache(maxsize=64)
def _looks(patterns: tuple[str, ...]) -> list[tuple[list[str], int, Automaton]]:
    """Return those of the patterns that are asked of few texts, 64 at a time, with what looks for their literals.

    Between both stand, as bits, those of which anybody knows what they need.
    """
    read = {pattern: (needed := needs(pattern), _useful(needed, certain(pattern))) for pattern in patterns}
    each = [pattern for pattern, (needed, enough) in read.items() if _spares(needed, enough)]
    groups = [each[begin : begin + 64] for begin in range(0, len(each), 64)]
    return [
        (
            asked,
            sum(1 << place for place, one in enumerate(asked) if read[one][0]),
            _automaton([read[one] for one in asked]),
        )
        for asked in groups
        if len(asked) >= _FEW
    ]


def _spares(needed: frozenset[str] | None, enough: frozenset[str]) -> bool:
    """Tell whether most texts need not be asked."""
    return often(enough) >= _OFTEN if needed is None else often(needed - enough) <= _OFTEN


def _useful(needed: frozenset[str] | None, enough: frozenset[str]) -> frozenset[str]:
    """Return what is enough for a pattern, without what seldom stands in a text, unless nothing is to be asked then."""
    return (
        enough
        if needed is not None and needed <= enough
        else frozenset(one for one in enough if often([one]) >= _SELDOM)
    )


_SELDOM = 0.5  # of a hundred texts


def _automaton(patterns: Sequence[tuple[frozenset[str] | None, frozenset[str]]]) -> Automaton:
    """Build the automaton: pattern number i needs one of the first literals, and one of the second is enough for it."""
    marks: dict[tuple[bytes, int], _Mark] = {(odd.encode(), 0): (_ALL, 0) for odd in "ſ\u212a"}  # s, k without case
    for place, both in enumerate(patterns):
        for kind, literals in enumerate(both):
            for literal in literals or ():
                piece = max(literal.split(BORDER), key=len)
                begin = literal.index(piece)
                edges = (literal[begin - 1 : begin] == BORDER) | (literal[begin + len(piece) :][:1] == BORDER) << 1
                key = piece.encode(), int(edges)
                may, does = marks.get(key, (0, 0))
                marks[key] = (may, does | 1 << place) if kind else (may | 1 << place, does)
    used = sorted({byte for literal, _ in marks for byte in literal})
    classes = np.zeros(256, dtype=np.uint8)
    classes[used] = np.arange(1, len(used) + 1)
    classes[65:91] = classes[97:123]
    return _built(marks, classes, len(used) + 1)


def _built(marks: dict[tuple[bytes, int], _Mark], classes: U8, count: int) -> Automaton:
    children: list[dict[int, int]] = [{}]
    ends: dict[int, list[tuple[int, int, _Mark]]] = {}
    for (literal, edges), mark in sorted(marks.items()):
        node = 0
        for step in classes[list(literal)].tolist():
            if step not in children[node]:
                children[node][step] = len(children)
                children.append({})
            node = children[node][step]
        ends.setdefault(node, []).append((len(literal), edges, mark))
    steps = np.zeros((len(children), count), dtype=np.uint32)
    told: dict[int, tuple[int, int, int]] = {}  # of nodes where literals end: what they may match, do, the first entry
    entries: list[tuple[int, int, int, int, int]] = []
    waiting, back = deque([0]), [0] * len(children)
    while waiting:  # what is nearer to the root first
        node = waiting.popleft()
        may, does, head = told.get(back[node], (0, 0, -1))
        for size, edges, mark in ends.get(node, ()):
            if edges:
                entries.append((size, edges, *mark, head))
                head = len(entries) - 1
            else:
                may, does = may | mark[0], does | mark[1]
        if may or does or head >= 0:
            told[node] = may, does, head
        steps[node] = steps[back[node]] if node else 0
        for step, child in children[node].items():
            back[child] = int(steps[back[node]][step]) if node else 0
            steps[node, step] = child
            waiting.append(child)
    numbers = np.zeros(len(children), dtype=np.uint32)
    numbers[list(told)] = np.arange(len(told))
    ending = np.isin(np.arange(len(children)), list(told)).astype(np.uint32)
    rows = np.column_stack([steps * np.uint32(2 * (count + 1)) + ending[steps], numbers])
    may_of, does_of, heads = zip(*told.values(), strict=True)
    sizes, edges_of, needed, enough, after = zip(*entries, strict=True) if entries else ((), (), (), (), ())
    return Automaton(
        classes, rows.ravel(), count + 1, np.array(may_of, dtype=np.uint64), np.array(does_of, dtype=np.uint64),
        np.array(heads, dtype=np.int64), np.array(sizes, dtype=np.int64), np.array(edges_of, dtype=np.uint8),
        np.array([needed, enough], dtype=np.uint64).T.ravel(), np.array(after, dtype=np.int64),
    )  # fmt: skip
