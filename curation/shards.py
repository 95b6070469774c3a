"""Files → shards on disk: logs larger than memory are read a window at a time and parted by conversation.

The contract, for engines that run one shard at a time:

- Every message is in exactly one shard, and all messages of a conversation are in the same one, whichever files they
  come from: the shard is a hash of the name that sessions.streams gives (conversation id, else the thread of replies,
  else the customer, else the file).
- `load` returns a shard as read.read would have returned it had the others not been there: tables.READ in the order
  of the input. `row` is the message's place in the whole input, counted from 0 over all files, so the order of
  everything can be restored: conversations stand in the order of their first `row`.
- Memory while writing is bounded by the window and BUFFER, while loading by the largest shard. A single conversation
  is never parted, however long. The number of shards changes nothing but memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import polars as pl

from curation import tables
from curation.containers import PACKING
from curation.errors import SourceError
from curation.read import Input, bearable, parts
from curation.recipe import Source
from curation.sessions import threads

SIZE = 1 << 27  # bytes of input per shard, at most, unless asked for; the stages take about ten times that
LEAST = 1 << 24  # bytes of input per shard: less costs time, for every shard has its joins
ABOUT = 64  # shards, between these two
SHARED = 4  # fewer shards are a multiple of this, so that of two or four workers none is left with the last one
BUFFER = 1 << 27  # bytes of messages that are held back, so that a shard is not a thousand small files
MOST = 1024  # shards
TIMES = 8  # that packed logs are larger than they look
PIPE = ABOUT * LEAST  # bytes that a pipe is taken for, which does not say how many it has


@dataclass(frozen=True)
class Shards:
    """What was written: load one shard after the other, in any order, on any machine that sees the folder."""

    folder: Path
    count: int
    inputs: list[Input]
    unreadable: pl.DataFrame  # tables.UNREADABLE
    messages: int

    def load(self, shard: int) -> pl.DataFrame:
        """Return the messages of a shard (tables.READ), in the order of the input."""
        return load(self.folder, shard)


def load(folder: Path, shard: int) -> pl.DataFrame:
    """Return the messages of a shard (tables.READ), in the order of the input."""
    found = [pl.read_ipc(path) for path in sorted(place(folder, shard).glob("*.arrow"))]
    return pl.concat([tables.empty(tables.READ), *found]).sort("row")


def write(
    files: Sequence[Path],
    sources: Sequence[Source],
    folder: Path,
    *,
    size: int = SIZE,
    limit: float = 1.0,
    progress: Callable[[str], None] = lambda _: None,
) -> Shards:
    """Read `files` as read.read does, into shards of about `size` bytes of input, in `folder` (made; must be empty).

    Raises SourceError as read.read does, where more than `limit` of the records is unreadable (read.bearable), and for
    a crowd (recipe: `crowd`): who speaks with whom is found by looking at the whole stream.
    """
    count = _count(files, size)
    folder.mkdir(parents=True, exist_ok=True)
    for shard in range(count):
        place(folder, shard).mkdir()
    writer, loose = _Writer(folder, count), _Loose(folder / "loose")
    inputs, unreadable, rows = list[Input](), [tables.empty(tables.UNREADABLE)], 0
    for part, done in parts(files, sources, progress=progress):
        messages = part.messages.drop("row").with_row_index("row", rows)
        rows += messages.height
        unreadable.append(part.unreadable)
        named = messages.filter(pl.col("conversation").is_not_null())
        writer.add(named.with_columns(_key="conversation"))
        if named.height < messages.height:
            loose.add(messages.filter(pl.col("conversation").is_null()), sources)
        if done:
            inputs.append(done)
            loose.settle(writer)
    writer.flush()
    every = pl.concat(unreadable)
    bearable(inputs, every, limit)
    return Shards(folder, count, inputs, every, rows)


def _count(files: Sequence[Path], size: int) -> int:
    return min(MOST, max(1, -(-unpacked(files, pipe=PIPE) // size)))


def fitting(files: Sequence[Path]) -> int:
    """Return the bytes of input per shard that suit these files: of the input alone, so that any machine can resume."""
    whole = unpacked(files, pipe=PIPE)
    size = min(SIZE, max(LEAST, whole // ABOUT))
    count = -(-whole // size)
    return size if count <= 1 or count >= ABOUT else -(-whole // (-(-count // SHARED) * SHARED))


def unpacked(files: Sequence[Path], *, pipe: int = 0) -> int:
    """Return how many bytes `files` are, about, without unpacking them; a pipe counts as so many."""
    sizes = ((path.stat().st_size, path.suffix.lower()) if path.is_file() else (pipe, "") for path in files)
    return sum(n * (TIMES if ending in (*PACKING, ".zip", ".xlsx", ".parquet") else 1) for n, ending in sizes)


def place(folder: Path, shard: int) -> Path:
    """Return the folder of a shard."""
    return folder / f"shard-{shard:04d}"


@dataclass
class _Writer:
    """Parts messages by `_key`, and writes them when enough have come together."""

    folder: Path
    count: int
    _held: list[pl.DataFrame] = field(default_factory=list)
    _bytes: int = 0
    _written: int = 0

    def add(self, messages: pl.DataFrame) -> None:
        self._held.append(messages)
        self._bytes += int(messages.estimated_size())
        if self._bytes > BUFFER:
            self.flush()

    def flush(self) -> None:
        if not self._held:
            return
        together = pl.concat(self._held).with_columns(_shard=pl.col("_key").hash(seed=0) % self.count).drop("_key")
        self._held, self._bytes = [], 0
        for (shard,), some in together.partition_by("_shard", as_dict=True, include_key=False).items():
            path = place(self.folder, int(shard)) / f"{self._written:06d}.arrow"
            some.write_ipc(path, compression="lz4")
        self._written += 1


@dataclass
class _Loose:
    """The messages of a file that have no conversation id: which belong together is known at its end."""

    folder: Path
    _paths: list[Path] = field(default_factory=list)
    _links: list[pl.DataFrame] = field(default_factory=list)

    def add(self, messages: pl.DataFrame, sources: Sequence[Source]) -> None:
        file = messages["file"][0]
        bare = file.rsplit("/", 1)[-1]
        source = next((s for s in sources if fnmatch(file, s.match) or fnmatch(bare, s.match)), None)
        if source is not None and source.crowd:
            raise SourceError(f"{file}: a crowd cannot be read in shards; read it in memory")
        self.folder.mkdir(exist_ok=True)
        self._paths.append(self.folder / f"{len(self._paths):06d}.arrow")
        messages.write_ipc(self._paths[-1], compression="lz4")
        self._links.append(messages.select("file", "id", "reply_to").drop_nulls("reply_to"))

    def settle(self, writer: _Writer) -> None:
        if not self._paths:
            return
        roots = threads(pl.concat(self._links))
        for path in self._paths:
            messages = pl.read_ipc(path)
            known = messages.join(roots, on=["file", "id"], how="left", maintain_order="left")
            writer.add(known.with_columns(_key=pl.coalesce("root", "customer", "file")).drop("root"))
            path.unlink()
        self._paths, self._links = [], []
