"""CSV and TSV → records, with the line each begins on; a bad row never takes a good one with it.

Lines that are a whole row by themselves are parsed by Polars, all at once. The others are read one by one, from the
first that is not: a quoted field may run over several lines, which then are no rows, whatever they look like.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl

from curation import bulk
from curation.encodings import Bad, Block
from curation.errors import SourceError
from curation.mapping import Layout, settle
from curation.recipe import Source
from curation.rows import Part, Record, Rows, part
from curation.shapes import taker

LONGEST_QUOTED = 1000  # lines; a quoted field that is longer was never closed
HEAD = 1000  # rows that say how wide a table without header is
HEAD_LINES = HEAD + LONGEST_QUOTED

csv.field_size_limit(1 << 24)  # the module's own limit of 128 KiB is below a long e-mail thread


class Parsed(NamedTuple):
    """A block, and what of it was parsed at once."""

    first: int
    lines: pl.Series
    bad: dict[int, Bad]
    found: bulk.Found | None
    exact: np.ndarray  # indices of the lines that the exact path has to read


@dataclass(frozen=True)
class Grid:
    """How a table is built."""

    layout: Layout
    places: dict[str, int]  # index of every column
    width: int
    begin: int  # number of the first line below the header


class Table:
    """Reads the blocks of one file: `parse` may run for several at a time, `finish` in their order."""

    def __init__(self, file: str, source: Source, delimiter: str, head: Sequence[str], bad: dict[int, Bad]) -> None:
        """Learn the layout from the first lines of the file (HEAD_LINES of them, or all)."""
        self._file, self._source, self._delimiter = file, source, delimiter
        self._quoted = source.quote if source.quote is not None else delimiter != "\t"
        self.grid = self._grid(head, bad)
        self._take = taker(self.grid.layout)
        self._open: list[str] = []  # lines of a row that may go on in the next block
        self._open_bad: dict[int, Bad] = {}
        self._seen = 0  # lines
        self._plain = self.grid.layout.plain and self.grid.width > 1
        mark = re.escape(delimiter)
        field = rf'(?:[^"{mark}\r\x00]*|"(?:[^"\r\x00]|"")*")'
        self._row = rf"^{field}(?:{mark}{field}){{{self.grid.width - 1}}}$"

    def _grid(self, head: Sequence[str], bad: dict[int, Bad]) -> Grid:
        begin, keys = 1, list[str]()
        rows = _rows(head, bad, self._delimiter, quoted=self._quoted)
        if self._source.header:
            header, used = next(rows, (None, 0))
            if header is None:
                raise SourceError(f"{self._file}: the file holds no records")
            if header.why:
                cure = "; name the file's encoding in the recipe, e.g. encoding: big5" if bad else ""
                raise SourceError(f"{self._file}:{header.line}: the header cannot be read: {header.why}{cure}")
            keys = [name.strip() for name in header.value]
            width, begin = len(keys), header.line + used
        else:
            body = [row for row, _ in zip(rows, range(HEAD), strict=False)]
            widths = Counter(len(row.value) for row, _ in body if not row.why)
            width = max(widths, key=lambda w: (widths[w], w), default=0)
        layout = settle(self._source, keys, None, self._file)
        if layout.shape == "conversations" and not (self._source.line or self._source.separator):
            raise SourceError(f"{self._file}: a table holds no nested conversations; use shape: messages or records")
        return Grid(layout, places(self._file, layout, keys, width), width, begin)

    def parse(self, block: Block) -> Parsed:
        """Parse the lines of a block that are whole rows of plain fields."""
        lines, bad = block.lines()
        clean = self._clean(block, lines) if self._plain else np.zeros(len(lines), dtype=bool)
        clean[list(bad)] = False
        clean[: max(0, self.grid.begin - block.first)] = False
        for index in np.flatnonzero(clean):
            if not lines[int(index)].startswith(("x^", "x\x01")):
                break
            clean[index] = False  # Polars takes a text that begins so for a packed one
        found = self._cells(block, lines, clean)
        if found is None:
            clean[:] = False
        else:
            clean[found.left - block.first] = False
        return Parsed(block.first, lines, bad, found, np.flatnonzero(~clean))

    def finish(self, parsed: Parsed | None) -> Part:
        """Read what is left of the next block, and join it to what was parsed. None stands for the end of the file."""
        nothing = Parsed(0, pl.Series([], dtype=pl.String), {}, None, np.array([], dtype=int))
        _, lines, bad, found, exact = parsed or nothing
        offset = len(self._open)
        view = _View(self._open, lines)
        bad = self._open_bad | {index + offset: fault for index, fault in bad.items()}
        walked = self._walk(view, np.concatenate([np.arange(offset), exact + offset]), bad, last=parsed is None)
        first = self._seen + 1 - offset
        numbered = (row._replace(line=row.line - 1 + first) for row in walked.rows)
        rows = Rows(self._file, self._source.span_files)
        below = (named(row, self.grid.places, self.grid.width) for row in numbered if row.line >= self.grid.begin)
        rows.fill(below, self._take)
        self._seen += len(lines)
        self._open = [view[index] for index in range(walked.end, len(view))]
        self._open_bad = {index - walked.end: fault for index, fault in bad.items() if index >= walked.end}
        if found is None:
            return part(rows)
        alone = np.ones(len(view), dtype=bool)
        alone[walked.inside] = False
        alone[walked.end :] = False
        kept = found.messages.filter(pl.Series(alone[found.messages["line"].to_numpy() - first]))
        return part(rows, kept, kept.height // (2 if self.grid.layout.shape == "records" else 1))

    def _walk(self, lines: _View, exact: np.ndarray, bad: dict[int, Bad], *, last: bool) -> _Walked:
        """Read the rows that begin at `exact` lines; those that belong to a row before them are no rows."""
        rows: list[Record] = []
        inside: list[int] = []
        at = 0
        while (place := int(np.searchsorted(exact, at))) < len(exact):
            at = int(exact[place])
            row, used = _row(lines, at, bad, self._delimiter, quoted=self._quoted, last=last)
            if used == 0:
                return _Walked(rows, np.array(inside, dtype=int), at)
            if row is not None:
                rows.append(row)
                inside.extend(range(at + 1, at + used))
            at += used
        return _Walked(rows, np.array(inside, dtype=int), len(lines))

    def _clean(self, block: Block, lines: pl.Series) -> np.ndarray:
        """Tell of each line whether it is a row with all its fields."""
        enough = lines.str.count_matches(self._delimiter, literal=True) == self.grid.width - 1
        if block.encoding != "utf-8" or b"\r" in block.raw or b"\xef\xbb\xbf" in block.raw:
            enough &= ~lines.str.contains("^\ufeff|\r")  # what Polars takes off the first or the last field
        if not self._quoted:
            return enough.to_numpy(writable=True)
        marked = lines.str.contains('"', literal=True)
        clean = (enough & ~marked).to_numpy(writable=True)
        where = marked.arg_true()
        clean[where.to_numpy()] = lines.gather(where).str.contains(self._row).to_numpy()
        return clean

    def _cells(self, block: Block, lines: pl.Series, clean: np.ndarray) -> bulk.Found | None:
        """Parse the clean lines with Polars; None where it does not see as many rows as there are."""
        if not clean.any():
            return None
        text = block.only(lines, clean)
        names = bulk.names(self.grid.layout)
        wanted = sorted({self.grid.places[name] for name in names})
        try:
            cells = pl.read_csv(
                text,
                has_header=False,
                infer_schema=False,
                separator=self._delimiter,
                quote_char='"' if self._quoted else None,
                columns=wanted,
            )
        except pl.exceptions.PolarsError:
            return None
        numbers = np.flatnonzero(clean) + block.first
        if cells.height != len(numbers):
            return None
        by_place = dict(zip(wanted, cells.columns, strict=True))
        columns = [pl.col(by_place[self.grid.places[name]]).alias(name) for name in names]
        return bulk.messages(cells.select(pl.Series("line", numbers), *columns), self.grid.layout, self._file)


def places(file: str, layout: Layout, keys: list[str], width: int) -> dict[str, int]:
    """Return the index of every column."""
    found: dict[str, int] = {}
    for name, key in layout.columns.items():
        if isinstance(key, str) and not keys:
            raise SourceError(f"{file}: a table without header needs column numbers from 0 in the recipe, not names")
        found[name] = keys.index(key) if isinstance(key, str) else key
        if found[name] >= width:
            raise SourceError(
                f"{file}: the recipe's column {name}: {key} is beyond the last of {width} columns (0 to {width - 1})"
            )
    return found


def named(row: Record, places: dict[str, int], width: int) -> Record:
    """Give the values of a row their names."""
    if row.why:
        return row
    if len(row.value) != width:
        return row._replace(why=f"{len(row.value)} fields where {width} are expected")
    return row._replace(value={name: row.value[index] for name, index in places.items()})


# --- the exact path -----------------------------------------------------------------------------------------------


class _Lines(Protocol):
    def __getitem__(self, index: int, /) -> str: ...
    def __len__(self) -> int: ...


class _View:
    """The lines of a block behind those that were open before it, made into Python's strings some at a time."""

    def __init__(self, before: list[str], lines: pl.Series) -> None:
        self._before, self._lines = before, lines
        self._at, self._some = -1, list[str]()

    def __len__(self) -> int:
        return len(self._before) + len(self._lines)

    def __getitem__(self, index: int) -> str:
        if index < len(self._before):
            return self._before[index]
        at, place = divmod(index - len(self._before), 512)
        if at != self._at:
            self._at, self._some = at, self._lines.slice(at * 512, 512).to_list()
        return self._some[place]


class _Walked(NamedTuple):
    rows: list[Record]
    inside: np.ndarray  # indices of lines that belong to a row which began earlier
    end: int  # index of the first line that was not read


def _rows(lines: _Lines, bad: dict[int, Bad], delimiter: str, *, quoted: bool) -> Iterator[tuple[Record, int]]:
    """Yield every row and the lines it takes; blank lines are no rows."""
    at = 0
    while at < len(lines):
        row, used = _row(lines, at, bad, delimiter, quoted=quoted, last=True)
        if row is not None:
            yield row, used
        at += used


def _row(
    lines: _Lines, at: int, bad: dict[int, Bad], delimiter: str, *, quoted: bool, last: bool
) -> tuple[Record | None, int]:
    """Return the row that begins at a line, with its fields or why it has none, and the lines it takes.

    A blank line is no row. None are taken where more lines may come (not `last`) and may belong to the row.
    """
    line, used, why, fields = lines[at], 1, "", list[str]()
    if not line.strip() and delimiter not in line:
        return None, 1
    if quoted and '"' in line:
        used, fields, why = _quoted(lines, at, delimiter, last=last)
    else:
        fields = line.split(delimiter)
    taken = range(at, at + used)
    undecoded = [bad[i] for i in taken if i in bad]
    text, raw = "\n".join(lines[i] for i in taken), b""
    if undecoded:
        why = undecoded[0].why
        raw = b"\n".join(bad[i].raw if i in bad else lines[i].encode() for i in taken)
    return Record(at + 1, fields, text, why, raw=raw), used


def _quoted(lines: _Lines, start: int, delimiter: str, *, last: bool) -> tuple[int, list[str], str]:
    """Parse the row that starts at `start` and may run over several lines: lines used, fields, what is wrong.

    A quote that never closes would swallow the rest of the file: then only the first line is given up. With more
    lines to come (not `last`) that cannot be known at the end of these: then no line is used.
    """
    taken = 0

    def feed() -> Iterator[str]:
        nonlocal taken
        for index in range(start, min(start + LONGEST_QUOTED, len(lines))):
            taken += 1
            yield lines[index] + "\n"

    try:
        row = next(csv.reader(feed(), delimiter=delimiter, strict=True))
    except csv.Error as fault:
        ended = "end of data" in str(fault)
        if ended and not last and taken < LONGEST_QUOTED:
            return 0, [], ""
        return 1, [], "a quote is opened and never closed" if ended or taken > 1 else f"bad quoting: {fault}"
    return taken, row, ""
