"""CSV and TSV → records, with the line each begins on; a bad row never takes a good one with it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence

from curation.errors import SourceError
from curation.mapping import Layout, settle
from curation.recipe import Source
from curation.rows import Record

LONGEST_QUOTED = 1000  # lines; a quoted field that is longer was never closed

csv.field_size_limit(1 << 24)  # the module's own limit of 128 KiB is below a long e-mail thread


def table(
    file: str, lines: Sequence[str], bad: dict[int, str], source: Source, delimiter: str
) -> tuple[Layout, Iterator[Record]]:
    """Return the layout of a table and its records, their values by column name.

    `bad` says of single lines (by index) why they could not be decoded. Every row must have as many fields as the
    header or, without one, as most rows.
    """
    rows = _rows(lines, bad, delimiter, quoted=source.quote if source.quote is not None else delimiter == ",")
    if source.header:
        header = next(rows, None)
        if header is None:
            raise SourceError(f"{file}: the file holds no records")
        if header.why:
            cure = "; set encoding: gb18030 in the recipe if it is Chinese text of an older export" if bad else ""
            raise SourceError(f"{file}:{header.line}: the header cannot be read: {header.why}{cure}")
        keys = [name.strip() for name in header.value]
        width = len(keys)
    else:
        body = list(rows)
        keys, rows = [], iter(body)
        widths = Counter(len(row.value) for row in body if not row.why)
        width = max(widths, key=lambda w: (widths[w], w), default=0)
    layout = settle(source, keys, None, file)
    if layout.shape == "conversations":
        raise SourceError(f"{file}: a table holds no nested conversations; use shape: messages or records")
    places = _places(file, layout, keys, width)
    return layout, (_named(row, places, width) for row in rows)


def _places(file: str, layout: Layout, keys: list[str], width: int) -> dict[str, int]:
    """Return the index of every column."""
    places: dict[str, int] = {}
    for name, key in layout.columns.items():
        if isinstance(key, str) and not keys:
            raise SourceError(f"{file}: a table without header needs column numbers from 0 in the recipe, not names")
        places[name] = keys.index(key) if isinstance(key, str) else key
        if places[name] >= width:
            raise SourceError(
                f"{file}: the recipe's column {name}: {key} is beyond the last of {width} columns (0 to {width - 1})"
            )
    return places


def _named(row: Record, places: dict[str, int], width: int) -> Record:
    if row.why:
        return row
    if len(row.value) != width:
        return row._replace(why=f"{len(row.value)} fields where {width} are expected")
    return row._replace(value={name: row.value[index] for name, index in places.items()})


def _rows(lines: Sequence[str], bad: dict[int, str], delimiter: str, *, quoted: bool) -> Iterator[Record]:
    """Yield every row with its fields, or why it has none; blank lines are no rows."""
    index = 0
    while index < len(lines):
        line, used, why = lines[index], 1, ""
        fields: list[str] = []
        if not line.strip() and delimiter not in line:
            index += 1
            continue
        if quoted and '"' in line:
            used, fields, why = _quoted(lines, index, delimiter)
        else:
            fields = line.split(delimiter)
        undecoded = next((bad[i] for i in range(index, index + used) if i in bad), "")
        yield Record(index + 1, fields, "\n".join(lines[index : index + used]), undecoded or why)
        index += used


def _quoted(lines: Sequence[str], start: int, delimiter: str) -> tuple[int, list[str], str]:
    """Parse the row that starts at `start` and may run over several lines: lines used, fields, what is wrong.

    A quote that never closes would swallow the rest of the file: then only the first line is given up.
    """
    taken = 0

    def feed() -> Iterator[str]:
        nonlocal taken
        for line in lines[start : start + LONGEST_QUOTED]:
            taken += 1
            yield line + "\n"

    try:
        row = next(csv.reader(feed(), delimiter=delimiter, strict=True))
    except csv.Error as fault:
        unclosed = "end of data" in str(fault) or taken > 1
        return 1, [], "a quote is opened and never closed" if unclosed else f"bad quoting: {fault}"
    return taken, row, ""
