"""Signatures that are known already, by the text they are of: what a run folder keeps for `rethreshold`."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl

from curation import tables
from curation.dedup import signatures
from curation.dedup.lsh import U64
from curation.dedup.shingles import U32
from curation.errors import SourceError
from curation.recipe import Dedup

VERSION = 1  # of the shingles, the permutations and this file: signatures of other versions are not read


class Signatures:
    """Signs texts as `dedup.signatures` does, each once: what was signed before, or read from a file, is taken."""

    def __init__(self, permutations: int, seed: int) -> None:
        """Start with none; all signatures in here have that many permutations of that seed."""
        self.permutations, self.seed = permutations, seed
        self._known: dict[str, tuple[U64, U32]] = {}

    def __call__(self, texts: Sequence[str], settings: Dedup, *, seed: int) -> U32:
        """Return the signatures of `texts` (texts × permutations)."""
        if (settings.permutations, seed) != (self.permutations, self.seed):
            raise ValueError("signatures of other permutations or another seed")
        name = str(settings.ngram)
        keys = text_keys(texts)
        known, rows = self._known.get(name, (keys[:0], np.empty((0, self.permutations), dtype=np.uint32)))
        place = np.minimum(np.searchsorted(known, keys), max(len(known) - 1, 0))
        there = known[place] == keys if len(known) else np.zeros(len(keys), dtype=np.bool_)
        signed = np.empty((len(texts), self.permutations), dtype=np.uint32)
        signed[there] = rows[place[there]]
        new = np.flatnonzero(~there)
        if len(new):
            signed[new] = signatures([texts[i] for i in new.tolist()], settings, seed=seed)
            self._add(name, np.concatenate((known, keys[new])), np.concatenate((rows, signed[new])))
        return signed

    def _add(self, name: str, keys: U64, rows: U32) -> None:
        order = np.argsort(keys, kind="stable")
        self._known[name] = keys[order], rows[order]

    def frame(self) -> pl.DataFrame:
        """Return ngram, key (of the text), signature, version and seed; sorted."""
        parts = [
            pl.DataFrame({"ngram": [name] * len(keys), "key": keys, "signature": pl.Series(rows, dtype=self._type())})
            for name, (keys, rows) in sorted(self._known.items())
        ]
        schema: tables.Schema = {"ngram": pl.String(), "key": pl.UInt64(), "signature": self._type()}
        whole = pl.concat([pl.DataFrame(schema=schema), *parts])
        made = {"version": VERSION, "seed": self.seed}
        return whole.with_columns(pl.lit(value, dtype=pl.UInt32).alias(name) for name, value in made.items())

    def _type(self) -> pl.Array:
        return pl.Array(pl.UInt32, self.permutations)


def read(path: Path, permutations: int, seed: int) -> Signatures:
    """Read what `frame` wrote; raises SourceError where the file is missing or was made with other settings."""
    cure = "curate the logs again"
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError):
        raise SourceError(f"{path}: signatures cannot be read; {cure}") from None
    store = Signatures(permutations, seed)
    if frame.schema != store.frame().schema:
        raise SourceError(f"{path}: not signatures of {permutations} permutations; {cure}")
    for name, ours in (("version", VERSION), ("seed", seed)):
        theirs = frame[name].unique().to_list()
        if theirs not in ([], [ours]):
            raise SourceError(f"{path}: signatures were made with {name} {theirs[0]}, not {ours}; {cure}")
    for (name,), part in frame.group_by("ngram", maintain_order=True):
        store._add(str(name), part["key"].to_numpy(), part["signature"].to_numpy())
    return store


def text_keys(texts: Sequence[str]) -> U64:
    """Return 64 bits of a hash of each text, the same everywhere; two of a million texts collide once in 37 million."""
    digests = [blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)
