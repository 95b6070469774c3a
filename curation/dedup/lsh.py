"""Signatures → pairs worth a look: texts whose signatures agree on a whole band (locality-sensitive hashing).

Sorting does the work of a hash table: keys and texts go into one number, equal keys then stand together. In a bucket of
up to `WINDOW` texts every pair comes out. In a larger one, which would have too many pairs, each text is held against
the bucket's first and, with the bucket sorted again by other bands, against its neighbours. So the pairs are linear in
the number of texts whatever these look like, all texts of a cluster hang together, and two copies inside a heap of
texts that share one canned sentence still come to stand side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

import numpy as np
import polars as pl

from curation.dedup.minhash import MOST_THREADS, threaded
from curation.dedup.shingles import I64, U32, U64
from curation.fast import accelerator

WINDOW = 8  # buckets up to this size are compared pair by pair
NEIGHBOURS = 2  # in larger ones, how many neighbours after the second sorting
ROUNDS = (1, 2, 4, 8, 16, 32, 64, 128, 512)  # bands looked at in one round: what the first round joined, others skip
SHARED = 150_000  # texts from which bands are shared out: on fewer, threads only wait for each other
PART = 131_072  # pairs that a compiled kernel gives at once: a megabyte stays in the cache of one core
COPIED = 1_000_000  # values that are sorted in a copy: 8 MB
BLOCK = 4096  # signatures turned at once
FACTOR = np.uint32(0x9E3779B1)
HALF = np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)


def band_keys(signatures: U32, *, bands: int, rows: int) -> U32:
    """Hash every band of every signature (texts × permutations) to 32 bits; returns bands × texts.

    Texts of unlike bands share a key once in four thousand million; that makes a candidate, which fails the check.
    """
    keys = np.zeros((bands, len(signatures)), dtype=np.uint32)
    kernels = accelerator(0)

    def one(start: int) -> None:
        if kernels:
            kernels.band_keys(signatures, start, min(start + BLOCK, len(signatures)), rows, keys)
            return
        turned = np.ascontiguousarray(signatures[start : start + BLOCK, : bands * rows].T)
        keys[:, start : start + BLOCK] = folded(turned, bands=bands, rows=rows)

    threaded(one, range(0, len(signatures), BLOCK))
    return keys


def folded(minima: U32, *, bands: int, rows: int) -> U32:
    """Return the `band_keys` of signatures that lie permutation by permutation (permutations × texts)."""
    turned = minima[: bands * rows].reshape(bands, rows, -1)
    keys = np.zeros_like(turned[:, 0])
    for row in range(rows):
        keys ^= turned[:, row]
        keys *= FACTOR
        keys ^= keys >> np.uint32(15)
    return keys


def ranks(keys: U32) -> U32:
    """Return an order of the texts that depends on their band keys alone, so that the order of input does not count.

    Texts of equal keys (their shingles are nearly always the same) keep the order of the input.
    """
    folded = np.zeros((2, keys.shape[1]), dtype=np.uint32)
    for band, key in enumerate(keys):
        half = folded[band % 2]
        half ^= key
        half *= FACTOR
        half ^= half >> np.uint32(15)
    order = _ascending(folded[0].astype(np.uint64) << HALF | folded[1])
    ranked = np.empty(len(order), dtype=np.uint32)
    ranked[order] = np.arange(len(order), dtype=np.uint32)
    return ranked


def _ascending(values: U64) -> I64:
    """Return the order of the values, equal ones as they stand (a stable argsort takes three times as long)."""
    order = np.argsort(values)
    ordered = values[order]
    twin = np.concatenate(([False], ordered[1:] == ordered[:-1], [False]))  # of the one before
    some = np.flatnonzero((twin[1:] | twin[:-1])[: len(order)])
    order[some] = order[some][np.lexsort((order[some], ordered[some]))]
    return order


def candidates(
    keys: U32, ranked: U32, roots: I64 | None = None, likely: Callable[[U64], U64] | None = None
) -> Iterator[U64]:
    """Yield, round by round, the pairs that agree on a band (`packed`), each once in a round, in order.

    With `roots` (of the component of each text; the caller may join some between two rounds) only pairs of different
    components: they are left out before they are sorted. So is what `likely` takes away, which gets the pairs of one
    band at a time, in several threads where there are many texts: where half of them share a sentence, these are all
    but a few.
    """
    places = np.empty(len(ranked), dtype=np.int64)
    places[ranked] = np.arange(len(ranked))
    done = 0
    for count in ROUNDS:
        if done >= len(keys):
            return
        bands = range(done, min(done + count, len(keys)))
        joined = roots if done else None  # before the first round nothing hangs together

        def work(band: int, joined: I64 | None = joined) -> U64:
            parts = _bucketed(keys, ranked, places, joined, band)
            return np.concatenate([np.empty(0, dtype=np.uint64), *(map(likely, parts) if likely else parts)])

        yield distinct(np.concatenate(threaded(work, bands, most=MOST_THREADS if len(ranked) >= SHARED else 1)))
        done += count


def distinct(values: U64) -> U64:
    """Return the different values in order (np.unique takes twenty times as long on these)."""
    kernels = accelerator(0)
    if kernels:
        ordered: U64 = kernels.ascending(values)
    else:  # Polars takes half the time, and one copy more
        ordered = pl.Series(values).sort().to_numpy() if len(values) <= COPIED else np.sort(values)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))] if len(ordered) else ordered


def packed(one: I64, other: I64) -> U64:
    """Put each pair into one number, the smaller index above the larger."""
    pairs: U64 = np.minimum(one, other).view(np.uint64) << HALF
    pairs |= np.maximum(one, other).view(np.uint64)
    return pairs


def unpacked(pairs: U64) -> tuple[I64, I64]:
    """Take `packed` pairs apart."""
    return (pairs >> HALF).astype(np.int64), (pairs & LOW).astype(np.int64)


def _bucketed(keys: U32, ranked: U32, places: I64, roots: I64 | None, band: int) -> Iterator[U64]:
    """Yield the pairs of one band in parts; see `candidates`."""
    ordered = keys[band].astype(np.uint64)
    ordered <<= HALF
    ordered |= ranked
    ordered.sort()
    kernels = accelerator(0)
    small = kernels.bucketed(ordered, WINDOW, places, roots, PART) if kernels else _small(ordered, places, roots)
    who, sizes = yield from small
    if not len(who):
        return
    del ordered
    ends = np.cumsum(sizes)
    bucket, centres = np.repeat(np.arange(len(sizes), dtype=np.uint64), sizes), who[ends - sizes]
    if not kernels:
        centre = np.repeat(centres, sizes)
        yield _apart(packed(centre, who)[centre != who], roots)
    # Sort the bucket by the next band, and by the one after it: what is alike beyond this key becomes neighbours.
    for ahead in (1, 2):
        here = who[_sorted_within(bucket, keys[(band + ahead) % len(keys)][who])]
        if kernels:
            yield from kernels.beside(here, ends, centres, NEIGHBOURS, roots, PART)
            centres = np.full_like(centres, -1)  # once is enough
        else:
            yield _apart(_pairs(here, ends - sizes, sizes, NEIGHBOURS), roots)


def _small(ordered: U64, places: I64, roots: I64 | None) -> Generator[U64, None, tuple[I64, I64]]:
    """Yield the pairs of buckets of up to `WINDOW` texts; return the texts of others, and the sizes of these."""
    key = (ordered >> HALF).astype(np.uint32)
    twin = np.concatenate(([False], key[1:] == key[:-1], [False]))  # of the one before
    several = (twin[1:] | twin[:-1])[: len(key)]  # most texts are alone in most bands
    key, who = key[several], places[ordered[several] & LOW]
    first = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1]))[: len(key)])
    sizes = np.diff(np.append(first, len(key)))
    for size in range(2, WINDOW + 1):  # bucket by bucket, so that what is looked up of a text is used for all its pairs
        one, other = np.triu_indices(size, 1)
        begin = first[sizes == size, None]
        yield _apart(packed(who[begin + one].ravel(), who[begin + other].ravel()), roots)
    first, sizes = first[sizes > WINDOW], sizes[sizes > WINDOW]
    if roots is not None and len(first):  # what hangs together already is not sorted again
        there, begin = roots[who[_spans(first, sizes)]], np.cumsum(sizes) - sizes
        several = np.minimum.reduceat(there, begin) != np.maximum.reduceat(there, begin)
        first, sizes = first[several], sizes[several]
    return who[_spans(first, sizes)], sizes


def _apart(pairs: U64, roots: I64 | None) -> U64:
    """Return the pairs of different components."""
    if roots is None:
        return pairs
    found: U64 = pairs[roots[(pairs >> HALF).view(np.int64)] != roots[(pairs & LOW).view(np.int64)]]
    return found


def _pairs(who: I64, first: I64, sizes: I64, ahead: int) -> U64:
    """Pair every member with the `ahead` next of its bucket; buckets are `sizes` places of `who` from `first` on."""
    pairs = [np.empty(0, dtype=np.uint64)]
    for step in range(1, ahead + 1):
        longer = sizes > step
        first, sizes = first[longer], sizes[longer]
        if not len(first):
            break
        one = _spans(first, sizes - step)
        pairs.append(packed(who[one], who[one + step]))
    return np.concatenate(pairs)


def _spans(first: I64, sizes: I64) -> I64:
    """Return the places of spans, one span after another: `sizes` places from `first` on."""
    ends = np.cumsum(sizes)
    places = np.repeat(first - ends + sizes, sizes)
    places += np.arange(len(places))
    return places


def _sorted_within(groups: U64, values: U32) -> I64:
    """Return the order by group, then by value (as many of its bits as there is room for), then as they stand."""
    here = len(groups).bit_length()
    room = 64 - int(groups[-1]).bit_length() - here
    leading = values.astype(np.uint64) >> np.uint64(max(0, 32 - room))
    whole = groups << np.uint64(64 - int(groups[-1]).bit_length()) if groups[-1] else np.zeros_like(groups)
    whole |= leading << np.uint64(here)
    whole |= np.arange(len(groups), dtype=np.uint64)
    whole.sort()
    return (whole & np.uint64((1 << here) - 1)).astype(np.int64)
