"""Pairs → the exact Jaccard similarity of their shingles, and what hangs together by similar pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from curation.dedup.lsh import HALF, LOW, unpacked
from curation.dedup.minhash import threaded
from curation.dedup.shingles import I64, U32, U64
from curation.fast import accelerator

F64 = npt.NDArray[np.float64]
Fetch = Callable[[I64], tuple[U32, I64]]  # shingles of the texts of these indices: of a list, a shard, an index

BATCH = 512  # pairs compared at once: their shingles stay in the cache of one core
COMPARED = 2048  # the same for a compiled kernel
ESTIMATED = 16_384  # pairs estimated at once: fewer calls are worth more than the cache
BYTE = 255
LIKELY = 131_072  # pairs taken apart at once
MANY = 65_536  # pairs that a compiled kernel estimates in one go: it needs no room for them


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


def likely(signatures: npt.NDArray[Any], pairs: U64, least: float) -> U64:
    """Return those of `pairs` (packed) whose estimate is `least` or more."""
    kernels = accelerator(0)
    if kernels and signatures.dtype == np.uint8:
        enough = int(np.searchsorted(np.arange(signatures.shape[1] + 1) / signatures.shape[1], least))
        found: U64 = kernels.agreeing(signatures, pairs, enough)
        return found
    parts = [pairs[start : start + LIKELY] for start in range(0, len(pairs), LIKELY)]
    return np.concatenate([pairs[:0], *(part[estimates(signatures, *unpacked(part)) >= least] for part in parts)])


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
    found[order] = np.concatenate([np.empty(0), *map(one, range(0, len(left), batch))])
    return found


def overlaps(hashes: U32, starts: I64, one: I64, other: I64) -> I64:
    """Count for each pair of texts the shingles of the first, of the second, and of both (pairs × 3)."""
    members, sizes = sets(hashes, starts)
    # The smaller set's members are looked up in the larger set.
    swap = sizes[one] < sizes[other]
    asked, within = np.where(swap, one, other), np.where(swap, other, one)
    lengths = sizes[asked]
    begin = np.cumsum(lengths) - lengths
    offsets = np.cumsum(sizes) - sizes
    sought = members[np.arange(int(lengths.sum())) + np.repeat(offsets[asked] - begin, lengths)] & LOW
    sought |= np.repeat(within.astype(np.uint64) << HALF, lengths)
    found = members.take(np.searchsorted(members, sought), mode="clip") == sought
    shared = np.add.reduceat(found, begin, dtype=np.int64)
    return np.stack((sizes[one], sizes[other], shared), axis=1)


def sets(hashes: U32, starts: I64) -> tuple[U64, I64]:
    """Return the different shingles of every text, in order, each below the number of its text; and how many it has."""
    members = np.repeat(np.arange(len(starts), dtype=np.uint64) << HALF, np.diff(np.append(starts, len(hashes))))
    members |= hashes
    members.sort()
    members = members[np.concatenate(([True], members[1:] != members[:-1]))[: len(members)]]
    return members, np.bincount((members >> HALF).view(np.int64), minlength=len(starts))


def join(roots: I64, left: I64, right: I64) -> None:
    """Join the components of each pair, in place; the root of a component is its smallest index."""
    if kernels := accelerator(0):
        kernels.join(roots, np.ascontiguousarray(left), np.ascontiguousarray(right))
        return
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
