"""Patterns that a text cannot match, told with the extra `fast` by one reading of it: it has nothing that they need.

What a pattern needs is read off it (checks/literals.py), what a text holds is told by kernels (fast/texts.py).
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from functools import cache, reduce
from types import ModuleType

import numpy as np
import numpy.typing as npt
import polars as pl

from curation.checks import letters, sieve
from curation.checks.letters import U8

# What texts.py `shapes` tells of a text, as bits.
NUMBER, SIX, LONG, BESIDE, MARKS, SOME, FULL_WIDTH = (1 << place for place in range(7))
Needs = frozenset[str] | int  # literals, one of which must be there, or one of those bits
Ways = Sequence[Sequence[Needs]]  # what each alternative of a pattern needs, all of it
# Full-width characters that guards may match as those of ASCII (guards.py); marks that Chinese is full of are not.
WIDE = frozenset(map(chr, (
    *range(0xFF02, 0xFF08), 0xFF0A, 0xFF0B, *range(0xFF0D, 0xFF1A), *range(0xFF1C, 0xFF1F), *range(0xFF20, 0xFF5E),
    0x3000,
)))  # fmt: skip
_AT_ONCE = 8192  # texts: no copy of all of them is made
_MOST = 56  # sets of literals, beside eight bits of `shapes`
_DIGITS = frozenset("0123456789零〇一二三四五六七八九幺")
_ALIKE = "ſ\u212aİı"  # letters of ASCII to a pattern without case


class Sieve:
    """Some patterns, and what each needs."""

    def __init__(self, patterns: Iterable[Ways]) -> None:
        """Number the sets; what needs one that most texts have, or one too many, may match any text."""
        self._places: dict[frozenset[str], int] = {}
        self._shaped = False  # whether any needs what `shapes` tells
        self._needs: list[frozenset[int]] = []  # of each pattern: what one of its alternatives needs, as bits
        for ways in patterns:
            kept = [[one for one in way if _seldom(one)] for way in ways]
            alone = [way[0] for way in kept if len(way) == 1 and isinstance(way[0], frozenset)]
            more = [way for way in kept if len(way) != 1 or isinstance(way[0], int)]
            more += [[frozenset().union(*alone)]] if alone else []  # one set for all that need but one
            needs = frozenset(reduce(int.__or__, map(self._bit, way), 0) for way in more)
            self._needs.append(frozenset() if 0 in needs else needs)

    def _bit(self, one: Needs) -> int:
        if isinstance(one, int) or one <= _DIGITS:
            self._shaped = True
            return (one if isinstance(one, int) else SOME) << _MOST
        if len(self._places) == _MOST and one not in self._places:
            return 0
        return 1 << self._places.setdefault(one, len(self._places))

    def may(self, texts: pl.Series, kernels: ModuleType) -> list[npt.NDArray[np.bool_] | None]:
        """Return for each pattern which texts may match it, None where all may."""
        automaton = sieve.automaton(tuple(self._places))
        parts = [np.empty(0, dtype=np.uint64)]
        for some in texts.to_frame("text").iter_slices(_AT_ONCE):
            flat = letters.flat(some["text"])
            parts.append(kernels.literals(flat, *automaton)[0])
            if self._shaped:
                parts[-1] |= kernels.shapes(flat, _kinds()).astype(np.uint64) << np.uint64(_MOST)
        held = np.concatenate(parts)
        return [
            reduce(np.logical_or, [held & np.uint64(bits) == bits for bits in needs]) if needs else None
            for needs in self._needs
        ]


def _seldom(one: Needs) -> bool:
    """Tell whether something is worth asking for: no letter or space, which nearly all texts have."""
    return isinstance(one, int) or not one & _COMMON


_COMMON = frozenset(string.ascii_lowercase + " ") - frozenset("jqxz")


@cache
def _kinds() -> U8:
    """Return for every character there is what texts.py `shapes` takes it for."""
    kinds = np.zeros(0x110000, dtype=np.uint8)
    letter = string.ascii_letters + _ALIKE
    for place, chars in enumerate(
        ("".join(_DIGITS), " ,，、()（）./·–—-", letter, letter + string.digits + "+/_-", ":：-",
         "".join(WIDE), string.digits)
    ):  # fmt: skip
        kinds[[ord(char) for char in chars]] |= np.uint8(1 << place)
    return kinds
