"""The stored index: what earlier runs kept, for nightly increments. One SQLite file; no text is in it.

=========  =========================================================================================================
meta       what the index was made with; another recipe is refused
texts      id (of the example), signature (u32 little-endian, as datasketch's), shingles (their distinct hashes)
bands      band, key → text: the buckets of the locality-sensitive hashing
=========  =========================================================================================================

With a Redis address the buckets are in Redis instead, put there by datasketch's own ``MinHashLSH``: then several
machines look texts up in one place, and datasketch reads what siftune wrote. Signatures and shingles stay in the file.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from curation.dedup import Sign, signatures, tolerance
from curation.dedup.lsh import HALF, WINDOW, band_keys, distinct, unpacked
from curation.dedup.shingles import I64, U32, U64, shingles
from curation.dedup.store import VERSION
from curation.dedup.verify import estimates, similarities
from curation.errors import OutputError, SourceError, UsageError
from curation.recipe import Dedup

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE texts (text INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, signature BLOB NOT NULL, shingles BLOB NOT NULL);
CREATE TABLE bands (band INTEGER, key INTEGER, text INTEGER, PRIMARY KEY (band, key, text)) WITHOUT ROWID;
"""
# One statement for many keys: one for each takes six times as long. Every key is asked for once, so no bucket is read
# twice, however many texts ask for it.
_LOOK_UP = """
SELECT asked.value, bands.text FROM json_each(?) AS asked CROSS JOIN bands ON bands.band = ? AND bands.key = asked.value
ORDER BY asked.value, bands.text
"""
_STORED = """
SELECT texts.id, signature, shingles FROM json_each(?) AS asked CROSS JOIN texts ON texts.text = asked.value
ORDER BY asked.value
"""


class Index:
    """An open index. Make one with `opened`."""

    def __init__(self, path: Path, database: sqlite3.Connection, settings: Dedup, seed: int, lsh: Any | None) -> None:  # noqa: ANN401
        """Take over an open database whose settings were checked."""
        self.path, self._database, self._settings, self._seed, self._lsh = path, database, settings, seed, lsh

    def __len__(self) -> int:
        """Return how many texts the index holds."""
        return int(self._database.execute("SELECT count(*) FROM texts").fetchone()[0])

    def add(self, ids: Sequence[str], texts: Sequence[str], *, sign: Sign | None = None) -> int:
        """Add texts (normalised) under ids; ids that are there already stay as they are. Returns how many are new."""
        here = {row[0] for row in self._database.execute("SELECT id FROM texts")}
        new = [i for i, name in enumerate(ids) if name not in here and texts[i]]
        if not new:
            return 0
        kept = [texts[i] for i in new]
        signed = (sign or signatures)(kept, self._settings, seed=self._seed)
        first = int(self._database.execute("SELECT coalesce(max(text), -1) + 1 FROM texts").fetchone()[0])
        numbers = range(first, first + len(new))
        names = (ids[i] for i in new)
        stored = (row.tobytes() for row in signed.astype("<u4"))
        rows = zip(numbers, names, stored, self._sets(kept), strict=True)
        with self._database:
            self._database.executemany("INSERT INTO texts VALUES (?, ?, ?, ?)", rows)
            if self._lsh is None:
                for band, keys in enumerate(self._keys(signed).tolist()):
                    entries = ((band, key, text) for key, text in zip(keys, numbers, strict=True))
                    self._database.executemany("INSERT INTO bands VALUES (?, ?, ?)", entries)
        if self._lsh is not None:
            for number, row in zip(numbers, signed, strict=True):
                self._lsh.insert(number, self._minhash(row), check_duplication=False)
        return len(new)

    def match(
        self, ids: Sequence[str], texts: Sequence[str], *, sign: Sign | None = None
    ) -> list[tuple[int, str, float]]:
        """Return (place in `texts`, id in the index, similarity) of texts that the index holds: the most similar one.

        A text does not match itself: what is stored under its own id is passed over.
        """
        signed = (sign or signatures)(texts, self._settings, seed=self._seed)
        asked, found = self._candidates(signed, [bool(text) for text in texts])
        if not len(asked):
            return []
        stored, places = np.unique(found, return_inverse=True)
        names, rows, sets = self._stored(stored)
        own = np.array([names[place] == ids[text] for place, text in zip(places.tolist(), asked.tolist(), strict=True)])
        asked, places = asked[~own], places[~own] + len(texts)
        likely = estimates(np.concatenate((signed, rows)), asked, places) >= tolerance(self._settings)
        asked, places = asked[likely], places[likely]

        def fetch(who: I64) -> tuple[U32, I64]:
            mine, theirs = who[who < len(texts)], who[who >= len(texts)] - len(texts)
            hashes, starts = shingles([texts[i] for i in mine.tolist()], self._settings.ngram)
            parts = [sets[i] for i in theirs.tolist()]
            sizes = np.array([len(part) for part in parts], dtype=np.int64)
            further = len(hashes) + np.cumsum(sizes) - sizes
            return np.concatenate((hashes, *parts)), np.concatenate((starts, further))

        alike = similarities(fetch, asked, places)
        best: dict[int, tuple[float, str]] = {}
        for text, place, similarity in zip(asked.tolist(), places.tolist(), alike.tolist(), strict=True):
            if similarity >= self._settings.threshold:
                other = (-similarity, names[place - len(texts)])
                best[text] = min(best.get(text, other), other)
        return [(text, name, -similarity) for text, (similarity, name) in sorted(best.items())]

    def _candidates(self, signed: U32, use: Sequence[bool]) -> tuple[I64, I64]:
        """Return which text may match which stored text."""
        if self._lsh is not None:
            found = [
                _both(np.full(len(there), text, dtype=np.int64), there)
                for text, row in enumerate(signed)
                if use[text] and len(there := np.array(self._lsh.query(self._minhash(row)), dtype=np.int64))
            ]
        else:
            asked = np.flatnonzero(use)
            found = [self._bucketed(band, keys[asked], asked) for band, keys in enumerate(self._keys(signed))]
        pairs = distinct(np.concatenate([np.empty(0, dtype=np.uint64), *found]))
        return unpacked(pairs)

    def _bucketed(self, band: int, keys: U32, asked: I64) -> U64:
        """Pair the texts `asked`, which have these keys of a band, with the first stored texts of their bucket."""
        different, key_of = np.unique(keys, return_inverse=True)
        there = self._database.execute(_LOOK_UP, (json.dumps(different.tolist()), band)).fetchall()
        key, stored = np.array(there, dtype=np.int64).reshape(-1, 2).T
        begin = np.searchsorted(key, different)
        sizes = np.minimum(np.searchsorted(key, different, side="right") - begin, WINDOW)[key_of]
        place = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return _both(np.repeat(asked, sizes), stored[np.repeat(begin[key_of], sizes) + place])

    def _stored(self, numbers: I64) -> tuple[list[str], U32, list[U32]]:
        """Return ids, signatures and shingles of stored texts, in order."""
        rows = self._database.execute(_STORED, (json.dumps(numbers.tolist()),)).fetchall()
        signed = np.frombuffer(b"".join(row[1] for row in rows), dtype="<u4").reshape(len(rows), -1)
        return [row[0] for row in rows], signed.astype(np.uint32), [np.frombuffer(r[2], dtype="<u4") for r in rows]

    def _keys(self, signed: U32) -> U32:
        return band_keys(signed, bands=self._settings.bands, rows=self._settings.rows)

    def _sets(self, texts: Sequence[str]) -> Iterator[bytes]:
        for start in range(0, len(texts), 1000):
            hashes, starts = shingles(texts[start : start + 1000], self._settings.ngram)
            for part in np.split(hashes, starts[1:]):
                yield np.unique(part).astype("<u4").tobytes()

    def _minhash(self, row: U32) -> Any:  # noqa: ANN401
        from datasketch import MinHash

        return MinHash(num_perm=len(row), seed=self._seed, hashvalues=row, scheme="affine32")


def _both(text: I64, stored: I64) -> U64:
    """Put each text and the stored text that it may match into one number."""
    pairs: U64 = text.astype(np.uint64) << HALF | stored.astype(np.uint64)
    return pairs


@contextmanager
def opened(path: Path, settings: Dedup, *, seed: int, create: bool = False) -> Iterator[Index]:
    """Open the index at `path`, or make it with `create`.

    Raises SourceError where there is none, UsageError where it was made with other settings, OutputError where it
    cannot be written.
    """
    if not create and not path.is_file():
        raise SourceError(f"{path}: there is no index; curate with --index {path} to begin one")
    try:
        with closing(sqlite3.connect(path)) as database:
            if not database.execute("SELECT name FROM sqlite_master WHERE name = 'meta'").fetchone():
                if database.execute("SELECT name FROM sqlite_master").fetchone():
                    raise SourceError(f"{path}: not an index of siftune; give another file")
                with database:
                    database.executescript(_TABLES)
                    database.executemany("INSERT INTO meta VALUES (?, ?)", _made_with(settings, seed).items())
            _check(path, dict(database.execute("SELECT name, value FROM meta")), _made_with(settings, seed))
            yield Index(path, database, settings, seed, _redis(settings))
    except sqlite3.DatabaseError as fault:
        raise OutputError(f"{path}: the index cannot be used: {fault}") from None


def _made_with(settings: Dedup, seed: int) -> dict[str, str]:
    made = {"version": VERSION, "seed": seed, "buckets": "redis" if settings.redis else "file"}
    made |= {name: getattr(settings, name) for name in ("ngram", "permutations", "bands", "rows")}
    return {name: str(value) for name, value in made.items()}


def _check(path: Path, theirs: dict[str, str], ours: dict[str, str]) -> None:
    for name, value in ours.items():
        if theirs.get(name) != value:
            raise UsageError(
                f"{path}: the index was made with {name} {theirs.get(name)}, the recipe has {value}; "
                "use the recipe it was made with, or begin a new index"
            )


def _redis(settings: Dedup) -> Any | None:  # noqa: ANN401
    """Return datasketch's LSH over the Redis that the recipe names, or None."""
    if not settings.redis:
        return None
    from datasketch import MinHashLSH

    address = urlsplit(settings.redis)
    where = {"host": address.hostname or "localhost", "port": address.port or 6379}
    where |= {"db": int(address.path.strip("/") or 0)} | ({"password": address.password} if address.password else {})
    storage = {"type": "redis", "basename": b"siftune", "redis": where}
    try:
        return MinHashLSH(
            num_perm=settings.permutations, params=(settings.bands, settings.rows), storage_config=storage
        )
    except ImportError:
        raise UsageError("dedup.redis: the redis package is not here; install it with: pip install redis") from None
    except Exception as fault:
        raise OutputError(
            f"dedup.redis: no answer from {where['host']}:{where['port']} ({type(fault).__name__})"
        ) from None
