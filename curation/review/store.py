"""One reviewer's decisions: an SQLite file that only grows, and that survives whatever happens to the process.

Every event is committed (write-ahead log, synchronous=FULL) before the reviewer sees the next record: a `kill -9`, or
a power cut, loses nothing that was answered. There is no UPDATE and no DELETE; triggers refuse both.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from curation import locks
from curation.decisions import Event, parse
from curation.errors import OutputError, SourceError, UsageError
from curation.inside import own

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (number INTEGER PRIMARY KEY, event TEXT NOT NULL UNIQUE, line TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'append only'); END;
"""


def files(run: Path) -> list[Path]:
    """Return the reviewers' files of a run, by name."""
    return sorted(run.glob("review.*.sqlite"))


def read(path: Path) -> list[Event]:
    """Return the events of one file, in the order they were said; raises SourceError."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as file:
            rows = file.execute("SELECT number, line FROM events ORDER BY number").fetchall()
    except sqlite3.Error as fault:
        raise SourceError(f"{path}: cannot be read: {fault}") from None
    return [parse(line, f"{path}:{number}") for number, line in rows]


class Store:
    """The open file of one reviewer; one process at a time."""

    def __init__(self, run: Path, reviewer: str) -> None:
        """Open or make the file; raises UsageError for what is no name, OutputError where it cannot be written."""
        if not re.fullmatch(r"[\w.-]{1,40}", reviewer):
            raise UsageError("--reviewer: a name is up to 40 letters, digits, dots, dashes and underscores")
        self.path = own(run / f"review.{reviewer}.sqlite")
        for beside in ("wal", "shm", "journal"):  # SQLite's own files
            own(self.path.with_name(f"{self.path.name}-{beside}"))
        try:
            with ExitStack() as undo:
                self._file = sqlite3.connect(self.path, isolation_level=None, timeout=10, check_same_thread=False)
                undo.callback(self._file.close)
                self._file.execute("PRAGMA journal_mode=WAL")
                self._file.execute("PRAGMA synchronous=FULL")
                self._file.executescript(_SCHEMA)
                undo.pop_all()
        except sqlite3.Error as fault:
            raise OutputError(f"{self.path}: cannot be written: {fault}") from None

    def add(self, events: Sequence[Event]) -> None:
        """Write events, all or none; they are on the disk when this returns."""
        rows = [(event.event, event.model_dump_json(exclude_defaults=True)) for event in events]
        try:
            self._file.execute("BEGIN IMMEDIATE")
            self._file.executemany("INSERT INTO events (event, line) VALUES (?, ?)", rows)
            self._file.execute("COMMIT")
        except sqlite3.Error as fault:
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")
            raise OutputError(f"{self.path}: the decision could not be saved: {fault}") from None

    def close(self) -> None:
        """Close the file; its write-ahead log is folded into it."""
        self._file.close()


@contextmanager
def reviewing(run: Path, reviewer: str) -> Iterator[None]:
    """Hold a run's place for a reviewer: nobody else under the name, and no curation that replaces the run."""
    path = own(run / f".review.{reviewer}.lock")
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as fault:
        raise OutputError(f"{run}: cannot be written: {fault.strerror}") from None
    with file:
        if not locks.take(file.fileno()):
            cure = "close the other window, or take another name with --reviewer"
            raise UsageError(f"{run}: {reviewer} is reviewing this run already; {cure}")
        yield


def refuse_while_reviewing(run: Path) -> None:
    """Raise UsageError while somebody reviews the run: replacing it would lose what they say."""
    for path in sorted(run.glob(".review.*.lock")):
        with path.open("r", encoding="utf-8") as file:
            if not locks.take(file.fileno()):
                name = path.name.removeprefix(".review.").removesuffix(".lock")
                raise UsageError(f"{run}: {name} is reviewing this run; stop `siftune review` first")
