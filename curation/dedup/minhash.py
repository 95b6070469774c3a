"""Shingle hashes → MinHash signatures: those of ``datasketch.MinHash`` (scheme affine32), for many texts in one go."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import ModuleType
from typing import TypeVar

import numpy as np

from curation.dedup.shingles import I64, U32, Ngram, mix, shingles

BATCH = 2000  # texts signed at once: their shingles stay in the cache of one core
FAST_FROM = 100_000  # texts from which compiled kernels save more than the half second that it takes to load them
MOST_THREADS = 8  # memory is the limit beyond

T = TypeVar("T")
R = TypeVar("R")


def permutations(count: int, seed: int) -> U32:
    """Return datasketch's permutations for this seed: factors and offsets, 2 × `count`."""
    random = np.random.RandomState(seed)  # drawn here: importing datasketch takes half a second, and a test compares
    factors = random.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return np.array([factors, random.randint(0, 1 << 32, count, dtype=np.uint32)])


def minima(mixed: U32, starts: I64, permutations: U32) -> U32:
    """Return the least of each permuted shingle hash of each text: permutations × texts.

    Every text has at least one shingle; the hashes went through `mix`, as datasketch does it.
    """
    columns = np.empty((permutations.shape[1], len(starts)), dtype=np.uint32)
    permuted = np.empty_like(mixed)
    for column, factor, offset in zip(columns, *permutations, strict=True):
        np.multiply(mixed, factor, out=permuted)
        np.add(permuted, offset, out=permuted)
        np.minimum.reduceat(permuted, starts, out=column)
    return columns


def signatures(texts: Sequence[str], *, ngram: Ngram, permutations: U32) -> U32:
    """Return the signatures of `texts` (texts × permutations), one batch a thread. Any batches give the same."""
    signed = np.empty((len(texts), permutations.shape[1]), dtype=np.uint32)
    kernels = accelerator(len(texts))

    def one(start: int) -> None:
        hashes, starts = shingles(texts[start : start + BATCH], ngram)
        if kernels:
            kernels.sign(mix(hashes), starts, permutations, signed[start : start + BATCH])
        else:
            signed[start : start + BATCH] = minima(mix(hashes), starts, permutations).T

    threaded(one, range(0, len(texts), BATCH))
    return signed


def accelerator(texts: int) -> ModuleType | None:
    """Return the compiled kernels where the extra `fast` is installed and that many texts are worth loading it.

    Once loaded they are used for few texts as well: the bits are the same. Nothing is worth loading it for 0 texts.
    """
    return _compiled() if texts >= FAST_FROM or "curation.dedup.compiled" in sys.modules else None


@cache
def _compiled() -> ModuleType | None:
    try:
        from curation.dedup import compiled
    except (ImportError, RuntimeError):
        return None
    return compiled


def threaded(work: Callable[[T], R], parts: Iterable[T]) -> list[R]:
    """Do `work` on all parts, in threads where there is more than one: NumPy lets go of the interpreter meanwhile."""
    parts = list(parts)
    threads = min(len(parts), MOST_THREADS, cores())
    _keep_memory()
    if threads < 2:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, parts))


@cache
def _keep_memory() -> None:
    """Let glibc keep what is freed, up to twice this size, for the next array, rather than give it back each time.

    It learns so from the largest array that was freed. Without, a tenth of the time went into getting pages anew.
    """
    np.empty(8 << 20, dtype=np.uint8)  # never written to, so no page of it is ever there


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
