"""Shingle hashes → MinHash signatures: those of ``datasketch.MinHash`` (scheme affine32), for many texts in one go."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import pairwise
from typing import TypeVar

import numpy as np

from curation.dedup.shingles import I64, OTHER_NGRAM, U8, U32, Ngram, mix, shingles
from curation.fast import accelerator

SHINGLES = 65_536  # of texts signed at once: they stay in the cache of one core
MANY = 4  # times as many are made at once
AT_ONCE = 4  # permutations: a call on a megabyte is long enough for threads (see `threaded`), and stays in the cache
SHORT = 256  # shingles; up to this length as many texts of one length are looked at place by place
LINE = 64  # bytes that a processor fetches at once
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
    first = np.searchsorted(starts, np.arange(0, len(mixed), SHINGLES)).tolist()
    for begin, end in pairwise([*dict.fromkeys(first), len(starts)]):
        if begin < end:
            here = slice(starts[begin], starts[end] if end < len(starts) else None)
            _minima(mixed[here], starts[begin:end] - starts[begin], permutations, columns[:, begin:end])
    return columns


def _minima(mixed: U32, starts: I64, permutations: U32, columns: U32) -> None:
    """Write the `minima` of so many shingles as stay in the cache to `columns`."""
    counts = np.diff(np.append(starts, len(mixed)))
    longest = int(counts.max(initial=0))
    if longest <= SHORT and longest * len(starts) <= 1.25 * len(mixed):
        # Place by place: whole rows are compared, where otherwise each text would be a call of its own. What a text
        # lacks is its last shingle once more.
        mixed = mixed[starts + np.minimum(np.arange(longest)[:, None], counts - 1)]
        least = np.minimum.reduce
    else:
        least = partial(np.minimum.reduceat, indices=starts)
    factors, offsets = permutations.reshape(2, -1, *(1 for _ in mixed.shape))
    permuted = np.empty((AT_ONCE, *mixed.shape), dtype=np.uint32)
    for start in range(0, len(columns), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        some = permuted[: len(columns[part])]
        np.multiply(mixed, factors[part], out=some)
        np.add(some, offsets[part], out=some)
        least(some, axis=1, out=columns[part])


def batches(lengths: I64, *, kernels: bool) -> tuple[I64, list[slice]]:
    """Return an order of texts of these lengths, and the slices of it that make batches of `MANY` times `SHINGLES`.

    Compiled kernels take the texts as they stand; `minima` is faster where those of a batch are of nearly one length.
    """
    order = np.arange(len(lengths)) if kernels else np.argsort(lengths)
    ends = np.cumsum(lengths[order] + OTHER_NGRAM, dtype=np.int64)
    size = MANY * SHINGLES
    cuts = np.searchsorted(ends, np.arange(size, ends[-1] if len(ends) else 0, size)).tolist()
    return order, [slice(*cut) for cut in pairwise([0, *dict.fromkeys(cuts), len(order)]) if cut[0] < cut[1]]


def rows(count: int, width: int) -> U8:
    """Return room for rows of bytes that begins with a line of the cache: one more would have to be fetched of each."""
    room = np.empty(count * width + LINE, dtype=np.uint8)
    start = -room.ctypes.data % LINE
    return room[start : start + count * width].reshape(count, width)


def signatures(texts: Sequence[str], *, ngram: Ngram, permutations: U32) -> U32:
    """Return the signatures of `texts` (texts × permutations), one batch a thread. Any batches give the same."""
    signed = np.empty((len(texts), permutations.shape[1]), dtype=np.uint32)
    kernels = accelerator(len(texts))
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    order, parts = batches(lengths, kernels=kernels is not None)

    def one(part: slice) -> None:
        hashes, starts = shingles([texts[i] for i in order[part].tolist()], ngram)
        if kernels:
            kernels.sign(hashes, starts, permutations, signed[part])
        else:
            signed[order[part]] = minima(mix(hashes), starts, permutations).T

    threaded(one, parts)
    return signed


def threaded(work: Callable[[T], R], parts: Iterable[T], *, most: int = MOST_THREADS) -> list[R]:
    """Do `work` on all parts, in threads where there is more than one: NumPy lets go of the interpreter meanwhile.

    Only calls of some 30 µs and more gain by it. Between shorter ones threads wait for each other.
    """
    parts = list(parts)
    threads = min(len(parts), most, cores())
    _keep_memory()
    if threads < 2:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, parts))


@cache
def _keep_memory() -> None:
    """Let glibc keep what is freed, up to twice this size, for the next array, rather than give it back each time.

    It learns so from the largest array that was freed, 32 MiB at most. Without, a tenth of the time and, in a large
    run, a quarter went into getting pages anew.
    """
    np.empty((32 << 20) - 65_536, dtype=np.uint8)  # never written to, so no page of it is ever there


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
