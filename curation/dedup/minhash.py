"""Shingle hashes → MinHash signatures: those of ``datasketch.MinHash`` (scheme affine32), for many texts in one go."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from datasketch import MinHash

from curation.dedup.shingles import I64, U32, Ngram, mix, shingles

BATCH = 2000  # texts signed at once: their shingles stay in the cache of one core
MOST_THREADS = 8  # memory is the limit beyond

T = TypeVar("T")
R = TypeVar("R")


def permutations(count: int, seed: int) -> U32:
    """Return datasketch's permutations for this seed: factors and offsets, 2 × `count`."""
    return MinHash(num_perm=count, seed=seed, scheme="affine32").permutations.astype(np.uint32)  # type: ignore[no-any-return]


def sign(hashes: U32, starts: I64, permutations: U32) -> U32:
    """Return the signatures (texts × permutations) of shingle hashes. Every text has at least one shingle."""
    mixed = mix(hashes.copy())
    columns = np.empty((permutations.shape[1], len(starts)), dtype=np.uint32)
    permuted = np.empty_like(mixed)
    for column, factor, offset in zip(columns, *permutations, strict=True):
        np.multiply(mixed, factor, out=permuted)
        np.add(permuted, offset, out=permuted)
        np.minimum.reduceat(permuted, starts, out=column)
    return columns.T


def signatures(texts: Sequence[str], *, ngram: Ngram, permutations: U32) -> U32:
    """Return the signatures of `texts` (texts × permutations), one batch a thread. Any batches give the same."""
    signed = np.empty((len(texts), permutations.shape[1]), dtype=np.uint32)

    def one(start: int) -> None:
        signed[start : start + BATCH] = sign(*shingles(texts[start : start + BATCH], ngram), permutations)

    threaded(one, range(0, len(texts), BATCH))
    return signed


def threaded(work: Callable[[T], R], parts: Iterable[T]) -> list[R]:
    """Do `work` on all parts, in threads where there is more than one: NumPy lets go of the interpreter meanwhile."""
    parts = list(parts)
    threads = min(len(parts), MOST_THREADS, cores())
    if threads < 2:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, parts))


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
