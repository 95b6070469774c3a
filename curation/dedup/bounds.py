"""Pairs → those that may be alike enough: an upper bound of the Jaccard similarity, from a few bytes of each text.

Every shingle of a text sets one of `BITS` bits. Two texts share at most the bits that both have, and for each shingle
whose bit another of the same text has set already one more. That is near the truth for texts of up to some hundred
shingles, and always above it; so it takes nothing away that is similar, and most pairs that are not need no exact look.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from curation.dedup.lsh import FACTOR, HALF, LOW
from curation.dedup.minhash import MOST_THREADS, rows, threaded
from curation.dedup.shingles import I64, U64
from curation.dedup.verify import MANY, Fetch, sets
from curation.fast import accelerator

BITS = 1024  # of a text: 128 bytes
MOST = 524_288  # texts whose bits are remembered: 64 MiB
LOOKED = 512  # texts whose bits are set at once: their shingles stay in the cache of one core
BOUNDED = 4096  # pairs that are looked at at once, for the same reason
ASKED = 262_144  # pairs whose texts are looked up at once: there is room for all of these


class Bounds:
    """Tells which pairs of `count` texts may be alike. Each text is shingled once, as long as there is room for all."""

    def __init__(self, fetch: Fetch, count: int) -> None:
        """Begin without any text."""
        self._fetch = fetch
        self._kernels = accelerator(0)
        self._place = np.full(count, -1, dtype=np.int64)  # of a text in what is remembered
        self._known = 0
        room = min(count, MOST)  # of which there is as much as is written to
        self._bits: U64 = rows(room, BITS // 8).view(np.uint64)
        self._sizes: I64 = np.empty(room, dtype=np.int64)  # different shingles
        self._again: I64 = np.empty(room, dtype=np.int64)  # those of them whose bit another one has set

    def possible(self, left: I64, right: I64, least: float) -> npt.NDArray[np.bool_]:
        """Tell which pairs of texts may be as similar as `least`: all that are, and a few others."""
        left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
        found = np.empty(len(left), dtype=np.bool_)
        for start in range(0, len(left), ASKED):
            part = slice(start, start + ASKED)
            self._look(left[part], right[part])
            found[part] = self._possible(left[part], right[part], least)
        return found

    def _possible(self, left: I64, right: I64, least: float) -> npt.NDArray[np.bool_]:
        def one(start: int) -> npt.NDArray[np.bool_]:
            part = slice(start, start + batch)
            shared, whole = bounded(left[part], right[part])
            return np.asarray(shared / whole >= least)

        bounded, batch, most = self._bounded, BOUNDED, 1
        if self._kernels:  # whose calls are long enough for threads
            bounded = partial(self._kernels.bounded, self._bits, self._sizes, self._again, self._place)
            batch, most = MANY, MOST_THREADS
        told = threaded(one, range(0, len(left), batch), most=most)
        return np.concatenate([np.empty(0, dtype=np.bool_), *told])

    def _bounded(self, left: I64, right: I64) -> tuple[I64, I64]:
        """Return how many shingles each pair of texts may share at most, and have together then."""
        mine, theirs = self._place[left], self._place[right]
        shared = _counted(self._bits.take(mine, axis=0) & self._bits.take(theirs, axis=0))
        shared += np.minimum(self._again[mine], self._again[theirs])
        return shared, self._sizes[mine] + self._sizes[theirs] - shared

    def _look(self, left: I64, right: I64) -> None:
        """Remember the texts of these pairs; forget the others where there is no room for all."""
        asked = np.zeros(len(self._place), dtype=np.bool_)
        asked[left] = asked[right] = True
        new = np.flatnonzero(asked & (self._place < 0))
        if self._known + len(new) > MOST:
            self._place[:] = -1
            self._known = 0
            new = np.flatnonzero(asked)
        if not len(new):
            return
        first = self._known
        self._place[new] = np.arange(first, first + len(new))
        self._known += len(new)

        def one(start: int) -> None:
            hashes, starts = self._fetch(new[start : start + LOOKED])
            part = slice(first + start, first + start + len(starts))
            flags, sizes, again = self._bits[part].view(np.uint8), self._sizes[part], self._again[part]
            if self._kernels:
                self._kernels.shingle_bits(hashes, starts, flags, sizes, again)
                return
            members, sizes[:] = sets(hashes, starts)
            mine = np.zeros((len(starts), BITS), dtype=np.bool_)
            bit = (members & LOW).astype(np.uint32) * FACTOR >> np.uint32(32 - BITS.bit_length() + 1)
            mine[(members >> HALF).view(np.int64), bit] = True
            flags[:] = np.packbits(mine, axis=1)
            again[:] = sizes - _counted(self._bits[part])

        for start in range(0, len(new), LOOKED):
            one(start)


def _counted(bits: U64) -> I64:
    """Count the bits of each row."""
    return np.asarray(np.bitwise_count(bits).sum(axis=1, dtype=np.int64), dtype=np.int64)
