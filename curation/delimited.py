"""CSV and TSV → records, with the line each begins on; a bad row never takes a good one with it.

A block of nothing but right rows is parsed by Polars (straight.py). Of any other one, lines that are a whole row by
themselves, and runs of lines that are one, are parsed so, all at once; the others are read one by one, from the first
that is not: a quoted field may run over several lines, which then are no rows, whatever they look like.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl

from curation import bulk, straight
from curation.encodings import PACKED, Bad, Block
from curation.errors import NothingError, SourceError
from curation.mapping import Layout, plain, settle
from curation.recipe import Source
from curation.rows import Part, Record, Rows, part
from curation.shapes import taker
from curation.spans import Spans, spans

LONGEST_QUOTED = 1000  # lines; a quoted field that is longer was never closed
TRIES = 3  # blocks of a file, not all of whose rows are right: then no more of its blocks are thought to be so
LONGEST_RUN = 100  # lines of a row that is parsed with many others; longer ones are read one by one
WIDEST = 1000  # columns of rows that are parsed many at a time; no expression tells wider ones
HEAD = 1000  # rows that say how wide a table without header is
HEAD_LINES = HEAD + LONGEST_QUOTED
HEAD_IDS = 200  # rows whose ids tell whether a spreadsheet has rounded them
ROUNDED = re.compile(r"[1-9](?:\.[0-9]+)?[Ee]\+[0-9]{2}")
SUMS = {"合计", "总计", "小计", "总数", "total", "totals", "grand total", "subtotal", "sum"}
_SUM = re.compile(rf"(?:{'|'.join(sorted(SUMS, key=len, reverse=True))})(?![a-z])")
_FIGURE = re.compile(
    r"[\s\d.,:：/%¥￥$€+-]*(?:条|行|个|次|人|元|天|分|分钟|秒|小时|rows?|records?|messages?|min|s|h)?\s*"
)

csv.field_size_limit(1 << 24)  # the module's own limit of 128 KiB is below a long e-mail thread


class Straight(NamedTuple):
    """A block all of whose rows were parsed at once, if none that began before it goes on in it."""

    block: Block
    lines: int
    found: bulk.Found


class Parsed(NamedTuple):
    """A block, and what of it was parsed at once."""

    first: int
    lines: Spans
    bad: dict[int, Bad]
    found: bulk.Found | None
    exact: np.ndarray  # indices of the lines that the exact path has to read
    runs: dict[int, int]  # index of a line that begins a row of several, if it begins one: how many lines that row has


@dataclass(frozen=True)
class Grid:
    """How a table is built."""

    layout: Layout
    places: dict[str, int]  # index of every column
    width: int
    begin: int  # number of the first line below the header
    keys: list[str]
    header: str  # as it stands in the file; it may come again, where exports were put together
    corner: str | None  # its first cell


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
        self._above: dict[str, str] = {}  # what empty cells stand for, with `fill_down`
        self._plain = self.grid.layout.plain and 1 < self.grid.width <= WIDEST and delimiter.isascii()
        wanted = {self.grid.places[name] for name in bulk.names(self.grid.layout)} if self._plain else set()
        self._all = len(wanted) == self.grid.width
        self._failed = 0  # blocks that were thought to be straight, and are not

    def _grid(self, head: Sequence[str], bad: dict[int, Bad]) -> Grid:
        begin, keys, text, corner = 1, list[str](), "", None
        rows = _rows(head, bad, self._delimiter, quoted=self._quoted)
        if self._source.header:
            header, used = next((row for row in rows if row[0].line >= self._source.first_line), (None, 0))
            if header is None:
                raise NothingError(self._file)
            if header.why:
                cure = "; name the file's encoding in the recipe, e.g. encoding: big5" if bad else ""
                raise SourceError(f"{self._file}:{header.line}: the header cannot be read: {header.why}{cure}")
            if any("\r" in name for name in header.value):
                cure = "end all lines alike, with a line feed"
                raise SourceError(f"{self._file}:{header.line}: the header has carriage returns in it; {cure}")
            keys, text, corner = [plain(name) for name in header.value], header.text, header.value[0]
            width, begin = len(keys), header.line + used
        else:
            begin = self._source.first_line
            body = [row for (row, _), _ in zip(rows, range(HEAD), strict=False) if row.line >= begin]
            widths = Counter(len(row.value) for row in body if not row.why)
            width = max(widths, key=lambda w: (widths[w], w), default=0)
        layout = settle(self._source, keys, None, self._file)
        if layout.shape == "conversations" and not (self._source.line or self._source.separator):
            raise SourceError(f"{self._file}: a table holds no nested conversations; use shape: messages or records")
        found = places(self._file, layout, keys, width)
        if "conversation" in found and self._source.header:
            check_ids(self._file, keys[found["conversation"]], (row.value for row, _ in rows), found["conversation"])
        return Grid(layout, found, width, begin, keys, text, corner)

    def parse(self, block: Block) -> Parsed | Straight:
        """Parse the lines of a block that are whole rows of plain fields."""
        if self._plain and not block.too_long and self._failed < TRIES:
            with suppress(UnicodeError, pl.exceptions.PolarsError):
                if made := self._straight(block):
                    return made
            self._failed += 1
        return self._parsed(block, *block.text())

    def _straight(self, block: Block) -> Straight | None:
        """Parse a block of right rows; None where one may be none, or has to be read one by one."""
        text, above = block.unchecked(), max(0, self.grid.begin - block.first)
        if (text is not block.raw and b"\r" in text) or b"\0" in text:  # what came as it is has no carriage return
            return None
        ended = text.endswith(b"\n")
        lines, below = block.count + (not ended), _below(text if ended else text + b"\n", above)
        if not below or below.startswith((codecs.BOM_UTF8, *PACKED)):  # which Polars would take off, or unpack
            return None
        made = straight.cells(below, self._delimiter, self.grid.width, lines - above, quoted=self._quoted)
        if made is None:
            return None
        cells, taken = made
        again = self.grid.corner is not None and (cells[:, 0] == self.grid.corner).any()
        if again or (taken is not None and taken.max() > LONGEST_QUOTED):
            return None
        begins = np.arange(cells.height) if taken is None else np.cumsum(taken) - taken
        found = self._messages(cells, dict(enumerate(cells.columns)), begins + block.first + above)
        return None if len(found.left) else Straight(block, lines, found)

    def _messages(self, cells: pl.DataFrame, columns: dict[int, str], begins: np.ndarray) -> bulk.Found:
        """Make messages of cells, whose `columns` have names by their places, and whose rows begin at some lines."""
        named = [cells[columns[self.grid.places[name]]].alias(name) for name in bulk.names(self.grid.layout)]
        made = pl.DataFrame([pl.Series("line", begins), *named]).rechunk()  # so that joining parts copies nothing
        return bulk.messages(made, self.grid.layout, self._file)

    def _parsed(self, block: Block, text: bytes, bad: dict[int, Bad]) -> Parsed:
        """Parse the text of a block, in which the lines in `bad` could not be decoded."""
        lines = spans(text, self._delimiter if self._delimiter.isascii() else ",", quoted=self._quoted)
        clean, runs = self._clean(block, lines, bad) if self._plain else (np.zeros(len(lines), dtype=bool), {})
        begins = clean.copy()
        for index, size in runs.items():
            clean[index : index + size] = begins[index] = True
            begins[index + 1 : index + size] = False
        found = self._cells(block, lines, clean, begins)
        if found is None:
            return Parsed(block.first, lines, bad, None, np.arange(len(lines)), {})
        for index in (found.left - block.first).tolist():
            begins[index] = False
            runs.pop(index, None)
        exact = ~begins
        exact[list(runs)] = True
        return Parsed(block.first, lines, bad, found, np.flatnonzero(exact), runs)

    def finish(self, parsed: Parsed | Straight | None) -> Part:
        """Read what is left of the next block, and join it to what was parsed. None stands for the end of the file."""
        rows = Rows(self._file, self._source.span_files)
        if isinstance(parsed, Straight):
            if not self._open:
                self._seen += parsed.lines
                return part(rows, parsed.found.messages, self._records(parsed.found.messages))
            parsed = self._parsed(parsed.block, *parsed.block.text())
        nothing = Parsed(0, spans(b"", ","), {}, None, np.array([], dtype=int), {})
        _, lines, bad, found, exact, runs = parsed or nothing
        offset = len(self._open)
        view = _View(self._open, lines)
        bad = self._open_bad | {index + offset: fault for index, fault in bad.items()}
        special = np.concatenate([np.arange(offset), exact + offset])
        walked = self._walk(view, special, bad, {i + offset: size for i, size in runs.items()}, last=parsed is None)
        first = self._seen + 1 - offset
        numbered = (row._replace(line=row.line - 1 + first) for row in walked.rows)
        here = (row for row in numbered if row.line >= self.grid.begin)
        whole = (self._joined(row) for row in here) if self._source.rest else here
        below = (named(row, self.grid.places, self.grid.width) for row in body(whole, self.grid.keys))
        rows.fill(fill_down(below, self._above) if self._source.fill_down else below, self._take)
        self._seen += len(lines)
        self._open = [view[index] for index in range(walked.end, len(view))]
        self._open_bad = {index - walked.end: fault for index, fault in bad.items() if index >= walked.end}
        if found is None:
            return part(rows)
        alone = np.ones(len(view), dtype=bool)
        alone[walked.inside] = False
        alone[walked.end :] = False
        kept = found.messages
        if not alone[offset:].all():
            kept = kept.filter(pl.Series(alone[kept["line"].to_numpy() - first]))
        return part(rows, kept, self._records(kept))

    def _records(self, messages: pl.DataFrame) -> int:
        return messages.height // (2 if self.grid.layout.shape == "records" else 1)

    def _joined(self, row: Record) -> Record:
        """Join what stands behind the last field to it, where nothing is quoted."""
        last = self.grid.width - 1
        if row.why or len(row.value) <= last + 1 or '"' in row.text:
            return row
        return row._replace(value=[*row.value[:last], self._delimiter.join(row.value[last:])])

    def _walk(
        self, lines: _View, exact: np.ndarray, bad: dict[int, Bad], runs: dict[int, int], *, last: bool
    ) -> _Walked:
        """Read the rows that begin at `exact` lines; those that belong to a row before them are no rows.

        Where one of `runs` begins a row it was parsed already. It does not, where it lies in a row that began earlier:
        its lines are among `exact`, and what was parsed of it is `inside`.
        """
        rows: list[Record] = []
        inside: list[int] = []
        at, place, places = 0, 0, exact.tolist()
        while True:
            while place < len(places) and places[place] < at:
                place += 1
            if place == len(places):
                return _Walked(rows, np.array(inside, dtype=int), len(lines))
            at = places[place]
            if at in runs:
                at += runs[at]
                continue
            row, used = _row(lines, at, bad, self._delimiter, quoted=self._quoted, last=last)
            if used == 0:
                return _Walked(rows, np.array(inside, dtype=int), at)
            if row is not None:
                rows.append(row)
                inside.extend(range(at + 1, at + used))
            at += used

    def _clean(self, block: Block, lines: Spans, bad: dict[int, Bad]) -> tuple[np.ndarray, dict[int, int]]:
        """Tell of each line whether it is a row with all its fields, and where rows of several lines may begin."""
        clean = (lines.separators == self.grid.width - 1) & ~lines.returns  # Polars would take that off the last field
        above = max(0, self.grid.begin - block.first)
        runs: dict[int, int] = {}
        if self._quoted:
            clean &= lines.whole
            clean[lines.that_hold(0)] = False
            runs = self._runs(lines, above, bad)
        ordered = lines.that_begin(codecs.BOM_UTF8)  # which Polars would take off
        clean[ordered] = False
        clean[lines.that_are(self.grid.header.encode())] = False
        clean[list(bad)] = False
        clean[:above] = False
        return clean, {index: size for index, size in runs.items() if index not in ordered}

    def _runs(self, lines: Spans, above: int, bad: dict[int, Bad]) -> dict[int, int]:
        """Return where rows of several lines may begin, and their sizes.

        Such a row goes from a line that leaves a quote open to the next with an odd number of quotes, and is right as a
        whole. Whether it begins there depends on the lines before it, which `finish` knows.
        """
        odd = np.flatnonzero(lines.quotes % 2 == 1)
        begin, end = odd[:-1], odd[1:] + 1
        likely = lines.opens[begin] & ~lines.opens[end - 1] & (end - begin <= LONGEST_RUN) & (begin >= above)
        begin, end = begin[likely], end[likely]
        right = lines.rows(begin, end) == self.grid.width - 1
        found = zip(begin[right].tolist(), (end - begin)[right].tolist(), strict=True)
        strange = {*bad, *np.flatnonzero(lines.returns).tolist(), *lines.that_hold(0).tolist()}
        return {at: n for at, n in found if not (strange and strange & set(range(at, at + n)))}

    def _cells(self, block: Block, lines: Spans, clean: np.ndarray, begins: np.ndarray) -> bulk.Found | None:
        """Parse the clean lines with Polars; None where it does not see as many rows as `begins` among them."""
        if not begins.any():
            return None
        text = lines.only(clean)
        wanted = sorted({self.grid.places[name] for name in bulk.names(self.grid.layout)})
        packed = text.startswith(PACKED)  # Polars would unpack it
        try:
            cells = pl.read_csv(
                b"\n" + text if packed else text,
                skip_lines=int(packed),
                has_header=False,
                infer_schema=False,
                separator=self._delimiter,
                quote_char='"' if self._quoted else None,
                columns=None if self._all else wanted,
            )
        except pl.exceptions.PolarsError:
            return None
        numbers = np.flatnonzero(begins) + block.first
        if cells.height != len(numbers):
            return None
        return self._messages(cells, dict(zip(wanted, cells.columns, strict=True)), numbers)


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


def check_ids(file: str, column: str, rows: Iterable[Sequence[str]], place: int) -> None:
    """Raise SourceError where a spreadsheet program has rounded the ids of conversations, which are one then."""
    cells = [row[place].strip() for row in islice(rows, HEAD_IDS) if len(row) > place]
    rounded = sum(ROUNDED.fullmatch(cell) is not None for cell in cells)
    if 2 * rounded > len(cells):
        raise SourceError(
            f"{file}: the ids in column '{column}' were rounded by a spreadsheet program, as 1.2E+15, so that "
            "conversations cannot be told apart; export the log anew, or name another column in the recipe, "
            "e.g. sources: [{columns: {customer: …}}]"
        )


def body(rows: Iterable[Record], keys: Sequence[str]) -> Iterator[Record]:
    """Leave out the header where it comes again, as where exports were put together, and a row of nothing but sums."""
    for row in rows:
        cells = [] if row.why else [cell.strip() for cell in row.value]
        first = next((cell for cell in cells if cell), "")
        if keys and first == keys[0] and [plain(cell) for cell in row.value] == keys:
            continue
        sums = _SUM.match(first.casefold())
        others = (first[sums.end() :], *cells[cells.index(first) + 1 :]) if sums else ()
        if sums and all(_FIGURE.fullmatch(cell.casefold()) for cell in others):
            continue
        if first.rstrip(":：").casefold() in SUMS and 3 * cells.count("") >= len(cells):
            yield row._replace(why="a row of sums, no message")
        else:
            yield row


FILLED = ("conversation", "customer", "asker")  # what merged cells are for: the same for all messages of a conversation


def fill_down(records: Iterable[Record], last: dict[str, str]) -> Iterator[Record]:
    """Give empty cells of whose conversation it is the value above them; `last` keeps it between calls.

    An answer is the one above where the question is, too: its row is a further way to ask.
    """
    for record in records:
        if record.why:
            yield record
            continue
        here = {name: record.value[name] for name in FILLED if name in record.value}
        if "answer" in record.value:
            if record.value.get("question", "").strip():
                last["answer"] = record.value["answer"]
            else:
                here["answer"] = record.value["answer"]
        last |= {name: cell for name, cell in here.items() if cell.strip()}
        yield record._replace(value=record.value | {name: last.get(name, "") for name in here})


def named(row: Record, places: dict[str, int], width: int) -> Record:
    """Give the values of a row their names."""
    if row.why:
        return row
    if len(row.value) != width:
        return row._replace(why=f"{len(row.value)} fields where {width} are expected")
    return row._replace(value={name: row.value[index] for name, index in places.items()})


def _below(text: bytes, lines: int) -> bytes:
    """Return a text without its first lines."""
    at = 0
    for _ in range(lines):
        at = text.find(b"\n", at) + 1
        if not at:
            return b""
    return text[at:]


# --- the exact path -----------------------------------------------------------------------------------------------


class _Lines(Protocol):
    def __getitem__(self, index: int, /) -> str: ...
    def __len__(self) -> int: ...


class _View:
    """The lines of a block behind those that were open before it; those that are asked for are made strings."""

    def __init__(self, before: list[str], lines: Spans) -> None:
        self._before, self._lines = before, lines

    def __len__(self) -> int:
        return len(self._before) + len(self._lines)

    def __getitem__(self, index: int) -> str:
        if index < len(self._before):
            return self._before[index]
        at = index - len(self._before)
        return self._lines.bytes_of(at, at + 1).decode()


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
