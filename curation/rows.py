"""Records → messages: each gives at least one message or one fault, and a fault takes no other record with it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import polars as pl

from curation import tables

SHOWN = 1 << 16  # characters, or bytes where it is no text, of an unreadable record that are kept

SIMILAR = "≈"  # kb.csv:7≈2 is the second way to ask what line 7 does: one side of the split has both


class RecordFaultError(ValueError):
    """One record cannot be used; its message is the reason."""


class Record(NamedTuple):
    """One record of a file: its value by column name, or `why` it cannot be read."""

    line: int  # where it begins, from 1
    value: Any
    text: str  # as it stands in the file
    why: str = ""
    column: int = 0  # where it begins on its line, for the second and later records of a line
    raw: bytes = b""  # its bytes, where they are no text

    @property
    def place(self) -> str:
        """Return the place in the file, different for every record."""
        return f"{self.line}:{self.column}" if self.column else str(self.line)


class Message(NamedTuple):
    """One message of a record."""

    conversation: str | None  # None: sessions.py finds it, from customer, reply_to and time
    role: str
    raw: str
    time: str | None = None
    cot: str | None = None
    record: bool = False
    bot: bool = False
    speaker: str | None = None
    customer: str | None = None
    id: str | None = None
    reply_to: str | None = None


@dataclass
class Rows:
    """Messages and faults of one file, and how many records it has."""

    file: str
    span: bool
    messages: list[Message] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    faults: list[tuple[str, int, str, str, str | None]] = field(default_factory=list)  # tables.UNREADABLE
    records: int = 0

    def fill(self, records: Iterable[Record], take: Callable[[Record, str], list[Message]]) -> None:
        """Turn every record into messages by `take`, which hears the record and its place, or into a fault."""
        for record in records:
            self.records += 1
            try:
                if record.why:
                    raise RecordFaultError(record.why)  # noqa: TRY301
                found = take(record, f"{self.file}:{record.place}")
                if not found:
                    raise RecordFaultError("no message in it")  # noqa: TRY301
            except RecordFaultError as fault:
                self.faults.append(_unreadable(self.file, record, str(fault)))
            else:
                self.messages += found
                self.places += [f"{self.file}:{record.place}"] * len(found)
                self.lines += [record.line] * len(found)

    def frame(self) -> pl.DataFrame:
        """Return the messages: `line` (where the record begins) and tables.READ."""
        schema = {name: tables.READ[name] for name in Message._fields}
        columns = zip(*self.messages, strict=True) if self.messages else [[] for _ in schema]
        found = pl.DataFrame(dict(zip(schema, columns, strict=True)), schema=schema)
        places = pl.Series(self.places, dtype=pl.String)
        named = tables.read(found.with_columns(file=pl.lit(self.file), span=pl.lit(self.span), source=places))
        return named.insert_column(0, pl.Series("line", self.lines, dtype=pl.Int64))

    def unreadable(self) -> pl.DataFrame:
        """Return the faults (tables.UNREADABLE)."""
        return pl.DataFrame(self.faults, schema=tables.UNREADABLE, orient="row")


def _unreadable(file: str, record: Record, why: str) -> tuple[str, int, str, str, str | None]:
    """Return the row of a record that cannot be read: as text and, where it is none, its bytes in base64."""
    cut = max(len(record.text), len(record.raw)) > SHOWN
    why = f"{why} (only its beginning is kept)" if cut else why
    exact = base64.b64encode(record.raw[:SHOWN]).decode() if record.raw else None
    return file, record.line, why, record.text[:SHOWN], exact


@dataclass(frozen=True)
class Part:
    """What was made of some of a file's records, in their order."""

    messages: pl.DataFrame  # tables.READ, `row` not counted yet
    unreadable: pl.DataFrame  # tables.UNREADABLE
    records: int


def part(rows: Rows, bulk: pl.DataFrame | None = None, records: int = 0) -> Part:
    """Join what the exact path made with what was made of many records (`records` of them) at once."""
    if bulk is None:
        found = rows.frame()
    else:
        found = pl.concat([bulk, rows.frame()]).sort("line", maintain_order=True) if rows.messages else bulk
    return Part(found.select(*tables.READ), rows.unreadable(), rows.records + records)
