"""Texts whose sets of shingles are equal: what is alike by 1.0 and no less, without a search for what is nearly so."""

from __future__ import annotations

import numpy as np
import polars as pl

from curation.dedup import minhash
from curation.dedup.lsh import HALF, LOW, folded
from curation.dedup.shingles import I64, U64, Ngram, mix, shingles
from curation.dedup.verify import sets
from curation.fast import accelerator

MINIMA = 8  # permutations: texts that differ in any least shingle are told apart before their sets are made
BATCH = 2000  # texts whose minima are looked for at once
LOOKED = 512  # texts whose sets are made at once
_FACTORS = np.array([0xBF58476D1CE4E5B9, 0x94D049BB133111EB], dtype=np.uint64)  # of splitmix64


def equal_sets(texts: pl.Series, ngram: Ngram, *, seed: int) -> I64:
    """Return for each text (none of them empty) the first one that has the same shingles."""
    roots = np.arange(len(texts))
    drawn = minhash.permutations(MINIMA, seed)
    kernels = accelerator(0)

    def least(start: int) -> U64:
        hashes, starts = shingles(texts[start : start + BATCH].to_list(), ngram)
        if kernels:
            keys, lows = np.empty((2, len(starts)), dtype=np.uint32), minhash.rows(len(starts), MINIMA)
            kernels.sketch(hashes, starts, drawn, MINIMA // 2, keys, lows)
        else:
            keys = folded(minhash.minima(mix(hashes), starts, drawn), bands=2, rows=MINIMA // 2)
        high, low = keys.astype(np.uint64)
        return np.asarray(high << HALF | low, dtype=np.uint64)

    keys = _joined(minhash.threaded(least, range(0, len(texts), BATCH)))
    some = np.flatnonzero(pl.Series(keys).is_duplicated().to_numpy())

    def summed(start: int) -> U64:
        hashes, starts = shingles(texts.gather(some[start : start + LOOKED]).to_list(), ngram)
        members, sizes = sets(hashes, starts)
        # A sum of stirred hashes does not depend on their order: of unlike sets it is equal once in 2^64 times.
        return np.add.reduceat(_stirred(members & LOW), np.cumsum(sizes) - sizes)

    prints = _joined(minhash.threaded(summed, range(0, len(some), LOOKED)))
    order = np.argsort(prints, kind="stable")
    first = np.concatenate(([True], prints[order][1:] != prints[order][:-1]))[: len(order)]
    roots[some[order]] = some[order][first][np.cumsum(first) - 1]
    return roots


def _joined(parts: list[U64]) -> U64:
    return np.concatenate([np.empty(0, dtype=np.uint64), *parts])


def _stirred(values: U64) -> U64:
    values += np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in zip((30, 27), _FACTORS, strict=True):
        values ^= values >> np.uint64(shift)
        values *= factor
    values ^= values >> np.uint64(31)
    return values
