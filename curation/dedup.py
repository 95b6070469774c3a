"""Near-duplicates: sign (MinHash, per batch), find candidates (LSH bands), verify (exact Jaccard), cluster.

The bands are weighted for recall; every candidate is then checked by the exact Jaccard similarity of its character
n-grams, so nothing merges on an estimate. Texts shorter than an n-gram are one shingle of their own: short texts
merge only when they are equal. Clusters are the connected components of verified pairs.

The signatures are those of ``datasketch.MinHash`` (scheme affine32, same permutations), computed for whole batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from datasketch import MinHash

from curation.recipe import Dedup

U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]

BATCH = 4000  # documents signed at once: bounds the memory of the shingle arrays
ALL_PAIRS = 16  # buckets up to this size are compared pair by pair, larger ones with their first and their neighbour
BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, from the golden ratio: the base of the rolling hash


@dataclass(frozen=True)
class Pair:
    """Two texts (by index, the smaller first) and their exact Jaccard similarity."""

    left: int
    right: int
    similarity: float


@dataclass(frozen=True)
class Clusters:
    """For each text the index of its cluster's first member; and the verified pairs that made the clusters."""

    first: list[int]
    pairs: list[Pair]


def shingles(texts: Sequence[str], ngram: int) -> tuple[U32, npt.NDArray[np.int64]]:
    """Hash every character n-gram of every text to 32 bits.

    Returns the hashes, one text after another, and where each text starts in them. A text shorter than `ngram` is
    one shingle; an empty text is one shingle too, of zeros.
    """
    padded = [text if len(text) >= ngram else text + "\0" * (ngram - len(text)) for text in texts]
    codes = np.frombuffer("".join(padded).encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    lengths = np.array([len(text) for text in padded], dtype=np.int64)
    windows = lengths - ngram + 1
    rolled = np.zeros(len(codes) - ngram + 1, dtype=np.uint64)
    for offset in range(ngram):
        rolled = rolled * BASE + codes[offset : offset + len(rolled)]
    ends = np.cumsum(lengths)
    inside = np.arange(len(rolled)) < np.repeat(ends - ngram + 1, lengths)[: len(rolled)]
    mixed = rolled[inside]
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    starts = np.concatenate(([0], np.cumsum(windows)[:-1]))
    return (mixed >> np.uint64(32)).astype(np.uint32), starts


def sign(hashes: U32, starts: npt.NDArray[np.int64], permutations: npt.NDArray[Any]) -> U32:
    """Return the MinHash signatures (texts × permutations) of shingle hashes, as datasketch's affine32 does."""
    mixed = hashes.copy()
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        mixed ^= mixed >> np.uint32(shift)
        mixed *= np.uint32(factor)
    mixed ^= mixed >> np.uint32(16)
    signatures = np.empty((len(starts), permutations.shape[1]), dtype=np.uint32)
    for column, (factor, offset) in enumerate(permutations.T.astype(np.uint32)):
        signatures[:, column] = np.minimum.reduceat(mixed * factor + offset, starts)
    return signatures


def cluster(texts: Sequence[str], settings: Dedup, *, seed: int) -> Clusters:
    """Find the clusters of near-duplicates among `texts` (already normalised)."""
    first_of: dict[str, int] = {}
    exact = [first_of.setdefault(text, index) for index, text in enumerate(texts)]
    distinct = list(first_of.values())
    parent = list(exact)
    pairs = [Pair(first, index, 1.0) for index, first in enumerate(exact) if first != index]
    found = _near([texts[i] for i in distinct], settings, seed) if len(distinct) > 1 else []
    for left, right, similarity in found:
        pairs.append(Pair(distinct[left], distinct[right], similarity))
        _join(parent, distinct[left], distinct[right])
    return Clusters([_root(parent, index) for index in range(len(texts))], pairs)


def _near(texts: Sequence[str], settings: Dedup, seed: int) -> list[tuple[int, int, float]]:
    """Return verified pairs with their exact similarity; texts already connected are not compared again."""
    permutations = MinHash(num_perm=settings.permutations, seed=seed, scheme="affine32").permutations
    batches = [shingles(texts[i : i + BATCH], settings.ngram) for i in range(0, len(texts), BATCH)]
    signatures = np.vstack([sign(hashes, starts, permutations) for hashes, starts in batches])
    sets: dict[int, frozenset[int]] = {}

    def grams(index: int) -> frozenset[int]:
        if index not in sets:
            hashes, starts = batches[index // BATCH]
            place = index % BATCH
            end = starts[place + 1] if place + 1 < len(starts) else len(hashes)
            sets[index] = frozenset(hashes[starts[place] : end].tolist())
        return sets[index]

    parent = list(range(len(texts)))
    compared: set[tuple[int, int]] = set()
    found = []
    for left, right in _candidates(signatures, settings):
        if (left, right) in compared or _root(parent, left) == _root(parent, right):
            continue
        compared.add((left, right))
        one, other = grams(left), grams(right)
        shared = len(one & other)
        similarity = shared / (len(one) + len(other) - shared)
        if similarity >= settings.threshold:
            found.append((left, right, similarity))
            _join(parent, left, right)
    return found


def _candidates(signatures: U32, settings: Dedup) -> Iterator[tuple[int, int]]:
    """Yield index pairs (smaller first) whose signatures agree on all rows of at least one band."""
    for band in range(settings.bands):
        rows = signatures[:, band * settings.rows : (band + 1) * settings.rows].astype(np.uint64)
        keys = np.zeros(len(rows), dtype=np.uint64)
        for column in rows.T:
            keys = (keys ^ column) * BASE
            keys ^= keys >> np.uint64(31)
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        borders = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1], [True])))
        for start, end in pairwise(borders.tolist()):
            if end - start < 2:
                continue
            bucket = order[start:end].tolist()
            if len(bucket) <= ALL_PAIRS:
                yield from ((a, b) for i, a in enumerate(bucket) for b in bucket[i + 1 :])
            else:
                yield from ((bucket[0], b) for b in bucket[1:])
                yield from pairwise(bucket[1:])


def _root(parent: list[int], index: int) -> int:
    """Find the smallest index of a component, shortening the way for the next who asks."""
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = parent[index]
    return index


def _join(parent: list[int], left: int, right: int) -> None:
    one, other = sorted((_root(parent, left), _root(parent, right)))
    parent[other] = one
