"""Pairs → the exact Jaccard similarity of their shingles, and what hangs together by similar pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from curation.dedup.lsh import HALF
from curation.dedup.minhash import accelerator, threaded
from curation.dedup.shingles import I64, U32, U64

F64 = npt.NDArray[np.float64]
Fetch = Callable[[I64], tuple[U32, I64]]  # shingles of the texts of these indices: of a list, a shard, an index

BATCH = 512  # pairs compared at once: their shingles stay in the cache of one core
COMPARED = 2048  # the same for a compiled kernel
ESTIMATED = 1024  # pairs estimated at once, for the same reason
BYTE = 255
MANY = 65_536  # pairs that a compiled kernel estimates in one go: it needs no room for them
_FACTORS = np.random.Generator(np.random.PCG64(1)).integers(2**63, 2**64, 64, dtype=np.uint64) | np.uint64(1)


def estimates(signatures: npt.NDArray[Any], left: I64, right: I64) -> F64:
    """Return the share of permutations in which the signatures of each pair agree: the estimated Jaccard similarity."""
    kernels = accelerator(0)
    agree, batch = agreements, ESTIMATED
    if kernels and signatures.dtype == np.uint8:
        agree, batch = kernels.agreements, MANY

    def one(start: int) -> F64:
        part = slice(start, start + batch)
        return np.asarray(agree(signatures, left[part], right[part]) / signatures.shape[1], dtype=np.float64)

    return np.concatenate([np.empty(0), *threaded(one, range(0, len(left), batch))])


def agreements(signatures: npt.NDArray[Any], left: I64, right: I64) -> I64:
    """Count for each pair of texts the permutations in which their signatures agree."""
    same = signatures.take(left, axis=0) == signatures.take(right, axis=0)
    if same.shape[1] % 8 or same.shape[1] > BYTE:
        return np.asarray(np.count_nonzero(same, axis=1), dtype=np.int64)
    # Eight columns in one number are added at once, and then its eight bytes, into its highest: no sum is over a byte.
    sums = np.add.reduce(same.view(np.uint64), axis=1)
    sums *= np.uint64(0x0101010101010101)
    sums >>= np.uint64(56)
    return np.asarray(sums, dtype=np.int64)


def similarities(fetch: Fetch, left: I64, right: I64) -> F64:
    """Return the Jaccard similarity of each pair's sets of shingles.

    Shingles are told apart by their 32-bit hashes: of two texts with a hundred shingles each, two different ones have
    the same hash in five of a million pairs, and the similarity is then off by one shingle.
    """
    # Pairs that share a text are best compared in the same batch: every text is then shingled once or twice.
    order = np.argsort(left, kind="stable")
    kernels = accelerator(len(left) * 4)  # twice as much is saved on a pair as on a text, and more rounds will follow
    overlap, batch = (kernels.overlaps, COMPARED) if kernels else (overlaps, BATCH)

    def one(start: int) -> F64:
        part = order[start : start + batch]
        who, places = np.unique(np.concatenate((left[part], right[part])), return_inverse=True)
        hashes, starts = fetch(who)
        first, second, both = overlap(hashes, starts, places[: len(part)], places[len(part) :]).T
        return np.asarray(both / (first + second - both), dtype=np.float64)

    found = np.empty(len(left))
    found[order] = np.concatenate([np.empty(0), *threaded(one, range(0, len(left), batch))])
    return found


def overlaps(hashes: U32, starts: I64, one: I64, other: I64) -> I64:
    """Count for each pair of texts the shingles of the first, of the second, and of both (pairs × 3)."""
    counts = np.diff(np.append(starts, len(hashes)))
    sets = Sets(np.repeat(np.arange(len(starts), dtype=np.uint32), counts), hashes)
    sizes = sets.sizes(len(starts))
    # The smaller set's members are looked up in the larger set.
    swap = sizes[one] < sizes[other]
    asked, within = np.where(swap, one, other), np.where(swap, other, one)
    lengths = sizes[asked]
    begin = np.cumsum(lengths) - lengths
    offsets = np.cumsum(sizes) - sizes
    index = np.arange(int(lengths.sum())) + np.repeat(offsets[asked] - begin, lengths)
    found = sets.hold(np.repeat(within.astype(np.uint32), lengths), hashes[sets.members[index]])
    shared = np.add.reduceat(found, begin, dtype=np.int64)
    return np.stack((sizes[one], sizes[other], shared), axis=1)


class Sets:
    """Sets of hashes in one hash table that NumPy fills and asks in whole arrays.

    Where several members want the same slot, the last one written has it; the others go on to the next, smaller table.
    Sorting the members does the same and takes five times as long.
    """

    def __init__(self, owners: U32, hashes: U32) -> None:
        """Fill the table: `hashes` of the sets `owners` (in order); a member may come several times."""
        self._keys = np.append(_keys(owners, hashes), np.uint64(0xFFFFFFFFFFFFFFFF))  # the last: nobody's
        self._tables: list[npt.NDArray[np.uint32]] = []
        nobody = len(hashes)
        first = np.zeros(nobody, dtype=np.bool_)
        left = np.arange(nobody, dtype=np.uint32)
        while len(left):
            bits = max(4, (2 * len(left)).bit_length())
            table = np.full(1 << bits, nobody, dtype=np.uint32)
            slots = _slots(self._keys[left], len(self._tables), bits)
            table[slots] = left
            there = table[slots]
            first[there] = True
            left = left[self._keys[there] != self._keys[left]]
            self._tables.append(table)
        self.members = np.flatnonzero(first)  # one place of every different member, set by set
        self._owners = owners

    def sizes(self, sets: int) -> I64:
        """Return how many different members each of the `sets` has."""
        return np.bincount(self._owners[self.members], minlength=sets)

    def hold(self, owners: U32, hashes: U32) -> npt.NDArray[np.bool_]:
        """Tell for each hash whether it is a member of its owner's set."""
        keys = _keys(owners, hashes)
        found = np.zeros(len(keys), dtype=np.bool_)
        left = np.arange(len(keys))
        nobody = len(self._keys) - 1
        for number, table in enumerate(self._tables):
            there = table[_slots(keys, number, len(table).bit_length() - 1)]
            same = self._keys[there] == keys
            found[left[same]] = True
            on = (there != nobody) & ~same
            left, keys = left[on], keys[on]
        return found


def _keys(owners: U32, hashes: U32) -> U64:
    keys = hashes.astype(np.uint64)
    keys |= owners.astype(np.uint64) << HALF
    return keys


def _slots(keys: U64, table: int, bits: int) -> U64:
    """Return the first `bits` bits of a product with an odd number, another one for every table."""
    slots: U64 = keys * _FACTORS[table % len(_FACTORS)] >> np.uint64(64 - bits)
    return slots


def join(roots: I64, left: I64, right: I64) -> None:
    """Join the components of each pair, in place; the root of a component is its smallest index."""
    while True:
        one, other = roots[left], roots[right]
        apart = one != other
        if not apart.any():
            return
        left, right = left[apart], right[apart]
        low, high = np.minimum(one, other)[apart], np.maximum(one, other)[apart]
        np.minimum.at(roots, high, low)
        while True:
            further = roots[roots]
            if np.array_equal(further, roots):
                break
            roots[:] = further
