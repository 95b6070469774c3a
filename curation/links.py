"""Reply links in a file of their own → the thread of every message that one of them names.

It lies beside the log: in the same archive or folder, packed or not; for standard input in the working folder.

Such a file has a line per link: the ids of two messages, or the numbers of their lines in the log; what else stands on
the line is left alone. Which of the two answers the other is not asked: messages that hang together by links are one
conversation, in the order of their times. Messages that no link names are what they are without the file.
"""

from __future__ import annotations

import io
import json
import os
import posixpath
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

from curation import containers
from curation.containers import File
from curation.encodings import Bad, Blocks
from curation.errors import SourceError, did_you_mean, shown
from curation.recipe import Replies, Source
from curation.rows import Part

HEADER = {"id", "from", "to", "from_id", "to_id", "source", "target", "parent", "child", "reply_to", "in_reply_to"}


def file_of(file: File, replies: Replies) -> File:
    """Return where the links of a log lie: beside it, under its own name or the one in the recipe."""
    name = replies.file.replace("{name}", Path(file.plain).stem)
    if file.member:
        inside = posixpath.normpath(posixpath.join(posixpath.dirname(file.member), name))
        found = next((f for f in containers.members(file.path.name, file.path) if f.member == inside), None)
        if found is not None:
            return found
    path = Path(name) if file.name == containers.STDIN_NAME else file.path.parent / name
    return containers.as_file(path.name, path)


def place(file: File) -> tuple[Path, str]:
    """Return what tells a file from others, whatever it is called."""
    return Path(os.path.realpath(file.path)), file.member


@dataclass
class Links:
    """The links of one log: `threads` has the thread of every id."""

    name: str
    sha256: str
    bytes: int
    encoding: str
    threads: pl.DataFrame  # id, thread
    lines: int | None  # the ids are numbers of lines, from 0 or from 1
    crowd: bool  # who is in no thread belongs to a conversation that sessions.py finds
    _tied: int = field(default=0, init=False)

    def tie(self, part: Part) -> Part:
        """Give the messages of a part that are linked the conversation of their thread, where they have none."""
        messages = part.messages
        key = pl.col("id") if self.lines is None else _line(self.lines)
        found = messages.select(id=key).join(self.threads, on="id", how="left", maintain_order="left")
        self._tied += found.height - found["thread"].null_count()
        thread = pl.lit(found["thread"])
        if not self.crowd:  # as where the log itself has the links: an unlinked message of nobody's stands alone
            own = pl.lit(found.select(pl.format("thread-{}", "id")).to_series())
            thread = pl.when(thread.is_null() & pl.col("customer").is_null()).then(own).otherwise(thread)
        conversation = pl.coalesce(pl.col("conversation"), thread)
        return replace(part, messages=messages.with_columns(conversation.alias("conversation")))

    def check(self, file: str) -> None:
        """Raise SourceError where no link names a message of the log."""
        if self._tied:
            return
        what = "column id" if self.lines is None else f"line numbers, counted from {self.lines}"
        cure = "check replies.columns, and replies.lines where links are line numbers"
        raise SourceError(f"{self.name}: none of its links names a message of {file} ({what}); {cure}")


def _line(first: int) -> pl.Expr:
    return (pl.col("source").str.extract(r":(\d+)(?::\d+)?$").cast(pl.Int64) - 1 + first).cast(pl.String)


def read(file: File, source: Source) -> Links | None:
    """Read the links of a log, where its source has them in a file of their own. Raises SourceError."""
    replies = source.replies
    if replies is None:
        return None
    at = file_of(file, replies)
    if place(at) == place(file):
        raise SourceError(f"{file.name}: replies.file names the log itself")
    if not at.path.is_file():
        folder = at.path.parent
        beside = [p.name for p in folder.iterdir() if p != file.path] if folder.is_dir() else []
        here = " in the working folder" if file.name == containers.STDIN_NAME else ""
        near = did_you_mean(at.path.name, beside)
        raise SourceError(f"{file.name}: there is no file of links {at.path.name}{here}{near}")
    with containers.opened(at) as (stream, tally):
        data = b"".join(iter(lambda: stream.read(1 << 20), b""))
        sha256 = tally.sha256()
    found, encoding = pairs(at.name, data, replies)
    return Links(at.name, sha256, tally.bytes, encoding, threads(found), replies.lines, source.crowd)


def pairs(name: str, data: bytes, replies: Replies) -> tuple[pl.DataFrame, str]:
    """Return the links that stand in a file as two columns of ids, a and b, and the file's encoding."""
    blocks = Blocks(io.BytesIO(data))
    lines, bad = list[str](), dict[int, Bad]()
    for block in blocks:
        some, faults = block.lines()
        bad |= {len(lines) + index: fault for index, fault in faults.items()}
        lines += some.to_list()
    if bad:
        number = min(bad)
        raise SourceError(f"{name}:{number + 1}: {bad[number].why}; save the file of links as UTF-8")
    return _pairs(name, lines, replies), blocks.encoding


def _pairs(name: str, lines: list[str], replies: Replies) -> pl.DataFrame:
    """Return the links as two columns of ids; the first line with text may be a header."""
    frame = pl.DataFrame({"line": lines}, schema={"line": pl.String}).with_row_index("number", 1)
    frame = frame.filter(pl.col("line").str.strip_chars() != "")
    if frame.is_empty():
        raise SourceError(f"{name}: the file of links is empty")
    if frame["line"][0].lstrip().startswith("{"):
        return _objects(name, frame, replies)
    first = frame["line"][0]
    mark = next((mark for mark in ("\t", ",", ";") if mark in first), None)
    fields = pl.col("line").str.split(mark) if mark else pl.col("line").str.extract_all(r"\S+")
    head = [cell.strip(' \t\r"\ufeff') for cell in (first.split(mark) if mark else first.split())]
    places = [_place(name, column, head) for column in replies.columns]
    named = any(isinstance(column, str) for column in replies.columns) or {cell.casefold() for cell in head} & HEADER
    if named or (replies.lines is not None and not all(head[p].isdecimal() for p in places if p < len(head))):
        frame = frame.slice(1)
    cells = [
        fields.list.get(place, null_on_oob=True).str.strip_chars(' \t\r"').alias(side)
        for place, side in zip(places, ("a", "b"), strict=True)
    ]
    return _sound(name, frame.select("number", *cells), replies)


def _place(name: str, column: str | int, head: list[str]) -> int:
    if isinstance(column, int):
        return column
    if column not in head:
        raise SourceError(f"{name}: there is no column '{column}'{did_you_mean(column, map(shown, head))}")
    return head.index(column)


def _objects(name: str, frame: pl.DataFrame, replies: Replies) -> pl.DataFrame:
    rows = []
    for number, line in frame.iter_rows():
        try:
            record = json.loads(line)
            keys = [list(record)[key] if isinstance(key, int) else key for key in replies.columns]
            a, b = (record.get(key) for key in keys)
        except (ValueError, RecursionError, AttributeError, IndexError):
            raise SourceError(f"{name}:{number}: no link: expected an object with two ids") from None
        rows.append((number, *(None if i is None or isinstance(i, (dict, list)) else str(i) for i in (a, b))))
    schema = {"number": pl.UInt32, "a": pl.String, "b": pl.String}
    return _sound(name, pl.DataFrame(rows, schema=schema, orient="row"), replies)


def _sound(name: str, found: pl.DataFrame, replies: Replies) -> pl.DataFrame:
    """Return the ids where every line has two, or say which has not."""
    wrong = pl.any_horizontal(pl.col("a", "b").is_null() | (pl.col("a", "b") == ""))
    if replies.lines is not None:
        wrong |= ~pl.all_horizontal(pl.col("a", "b").str.contains(r"^[0-9]{1,15}$"))
    faults = found.filter(wrong.fill_null(value=True))
    if not faults.is_empty():
        what = "two ids" if replies.lines is None else "two line numbers"
        cure = f"take the line out, or say where they stand: replies: {{columns: {list(replies.columns)}}}"
        raise SourceError(f"{name}:{faults['number'][0]}: expected {what}; {cure}")
    return found.select("a", "b")


def threads(linked: pl.DataFrame) -> pl.DataFrame:
    """Return (id, thread) for every id of `linked` (a, b): all that hang together have one thread.

    A thread is called after the first of its ids that the links name. Labels go to the smaller side of a link and are
    shortened, as often as the logarithm of the longest chain.
    """
    known = linked.select(id=pl.concat_list("a", "b")).explode("id")["id"].unique(maintain_order=True)
    number = pl.DataFrame({"id": known}).with_row_index("n")
    a, b = (
        linked.select(id=side).join(number, on="id", how="left", maintain_order="left")["n"].to_numpy().astype(np.int64)
        for side in ("a", "b")
    )
    label = np.arange(len(known))
    while True:
        low, high = np.minimum(label[a], label[b]), np.maximum(label[a], label[b])
        if (low == high).all():
            break
        np.minimum.at(label, high, low)
        while not np.array_equal(shorter := label[label], label):
            label = shorter
    return pl.DataFrame({"id": known, "thread": known.gather(label)}).with_columns(
        thread=pl.format("thread-{}", "thread")
    )
