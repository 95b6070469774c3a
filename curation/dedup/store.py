"""Signatures that are known already, by the text they are of: what a run folder keeps for `rethreshold`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl

from curation.dedup import signatures
from curation.dedup.settings import Settings
from curation.dedup.shingles import U32, U64
from curation.errors import SourceError

PARTS = 16  # of the keys of an n-gram, by their first four bits
U64_NONE: U64 = np.empty(0, dtype=np.uint64)
VERSION = 1  # of the shingles, the permutations and this file: signatures of other versions are not read


class Signatures:
    """Signs texts as `dedup.signatures` does, each once: what was signed before, or read from a file, is taken."""

    def __init__(self, permutations: int, seed: int, *, folder: Path | None = None) -> None:
        """Start with none; all signatures in here have that many permutations of that seed.

        They are kept in files in `folder` where one is given, else in memory: 512 bytes a text by default.
        """
        self.permutations, self.seed, self.folder = permutations, seed, folder
        self._known: dict[str, list[tuple[U64, U32]]] = {}  # by n-gram: keys, sorted, and the signatures of their texts

    def __call__(self, texts: Sequence[str], settings: Settings, *, seed: int) -> U32:
        """Return the signatures of `texts` (texts × permutations)."""
        if (settings.permutations, seed) != (self.permutations, self.seed):
            raise ValueError("signatures of other permutations or another seed")
        name, keys = str(settings.ngram), text_keys(texts)
        signed = np.empty((len(texts), self.permutations), dtype=np.uint32)
        missing = np.ones(len(texts), dtype=np.bool_)
        for known, rows in self._known.get(name, []):
            place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
            there = missing & (known[place] == keys)
            signed[there] = rows[place[there]]
            missing &= ~there
        new = np.flatnonzero(missing)
        if len(new):
            signed[new] = signatures([texts[i] for i in new.tolist()], settings, seed=seed)
            own, first = np.unique(keys[new], return_index=True)
            self._add(name, own, signed[new[first]])
        return signed

    def _add(self, name: str, keys: U64, rows: U32) -> None:
        """Take signatures whose keys are sorted, and new."""
        if not len(keys):
            return
        if self.folder is not None:
            self.folder.mkdir(exist_ok=True)
            path = self.folder / f"{name}-{len(self._known.get(name, [])):04d}.npy"
            np.save(path, rows)
            rows = np.load(path, mmap_mode="r")
        self._known.setdefault(name, []).append((keys, rows))

    def frame(self) -> pl.DataFrame:
        """Return ngram, key (of the text), signature, version and seed; sorted."""
        return pl.concat(self.parts())

    def parts(self) -> Iterator[pl.DataFrame]:
        """Yield the `frame` in parts, at least one."""
        yield self._part("", U64_NONE, np.empty((0, self.permutations), dtype=np.uint32))
        for name in sorted(self._known):
            for number in range(PARTS):
                ends = np.array([number, number + 1], dtype=np.uint64) << np.uint64(60)
                chosen = []
                for keys, rows in self._known[name]:
                    start = int(np.searchsorted(keys, ends[0]))
                    end = len(keys) if number == PARTS - 1 else int(np.searchsorted(keys, ends[1]))
                    chosen.append((keys[start:end], rows[start:end]))
                keys = np.concatenate([keys for keys, _ in chosen])
                order = np.argsort(keys, kind="stable")
                yield self._part(name, keys[order], np.concatenate([rows for _, rows in chosen])[order])

    def _part(self, name: str, keys: U64, rows: U32) -> pl.DataFrame:
        told = {"ngram": pl.Series([name] * len(keys), dtype=pl.String), "key": keys}
        frame = pl.DataFrame(told | {"signature": pl.Series(rows, dtype=self._type())})
        made = {"version": VERSION, "seed": self.seed}
        return frame.with_columns(pl.lit(value, dtype=pl.UInt32).alias(name) for name, value in made.items())

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
