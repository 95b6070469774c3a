"""Sketches that are known already, by a hash of their text: what one search of a run made, the next takes."""

from __future__ import annotations

import numpy as np
import polars as pl

from curation.dedup.shingles import I64, U8, U32, U64

MOST = 262_144  # texts whose sketches are kept: 60 MiB


class Known:
    """Keeps the band keys (bands × texts) and last bytes (texts × permutations) of texts; one kind of either."""

    def __init__(self) -> None:
        """Begin with none."""
        self._made_with: object = None
        self._parts: list[tuple[U64, I64, U32, U8]] = []  # hashes in order, their places in what follows, keys, bytes
        self._count = 0

    def look(self, texts: pl.Series, made_with: object, keys: U32, lows: U8) -> I64:
        """Write what is known of `texts` to `keys` and `lows`; return the places of the others."""
        missing = np.ones(len(texts), dtype=np.bool_)
        if self._parts and made_with == self._made_with:
            hashes = _hashes(texts)
            for known, places, their_keys, their_lows in self._parts:
                at = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
                there = np.flatnonzero(missing & (known[at] == hashes))
                from_ = places[at[there]]
                for band, key in enumerate(their_keys):
                    keys[band, there] = key[from_]
                lows[there] = their_lows[from_]
                missing[there] = False
        return np.flatnonzero(missing)

    def add(self, texts: pl.Series, made_with: object, keys: U32, lows: U8) -> None:
        """Keep the sketches of `texts`, as long as there is room, and they are of the kind that was kept first."""
        if not len(texts) or self._count + len(texts) > MOST or self._made_with not in (None, made_with):
            return
        self._made_with = made_with
        self._count += len(texts)
        hashes = _hashes(texts)
        order = np.argsort(hashes)
        self._parts.append((hashes[order], order, keys, lows))


def _hashes(texts: pl.Series) -> U64:
    """Hash the texts to 64 bits: two of a million have the same once in 37 million times."""
    return texts.hash(seed=1).to_numpy()
