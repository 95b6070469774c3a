"""Parquet and Excel → records: what comes in columns with types. A record's line is its row, from 1.

In a workbook the row is the one that the program shows, and every sheet is a file of its own, ``book.xlsx/sheet``.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from itertools import chain, islice
from pathlib import Path
from typing import Any

import polars as pl

from curation import containers, delimited, encodings, slices
from curation.errors import SourceError
from curation.jsontext import HEAD, Named
from curation.mapping import plain, settle
from curation.recipe import Source
from curation.rows import Part, Record, Rows, part
from curation.shapes import taker

SLICE = 50_000  # rows of Parquet that are in memory at a time
TOO_LONG = f"the row is longer than {encodings.LONGEST_LINE >> 20} MiB"


def parquet(file: str, at: Path | bytes, source: Source) -> Iterator[Part]:
    """Yield the records of a Parquet file."""
    table, height = slices.scanned(file, at)
    head = list(rows_of(file, slices.head(file, table, HEAD)))
    call = Named(file, source, (Record(0, _plain(row), "") for row in head or [dict.fromkeys(table.collect_schema())]))
    take = taker(call.layout) if call.layout else (lambda _record, _place: [])
    for first, some in slices.slices(file, at, table, height, SLICE):
        rows = Rows(file, source.span_files)
        if some is None:
            rows.fill([Record(first + 1, None, "(too long)", TOO_LONG)], take)
        else:
            values = (_plain(row) for row in rows_of(file, some))
            records = (Record(first + place, value, str(value)) for place, value in enumerate(values, 1))
            rows.fill(map(call, records), take)
        yield part(rows)


def rows_of(file: str, frame: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield rows as Python has them; raises SourceError for a value that it cannot have."""
    try:
        yield from frame.iter_rows(named=True)
    except (pl.exceptions.PanicException, ValueError, OverflowError):
        cure = "such as a time after the year 9999; write the column as text"
        raise SourceError(f"{file}: a nested column holds a value that cannot be read, {cure}") from None


def sheets(file: str, at: Path | bytes) -> dict[str, pl.DataFrame]:
    """Return the sheets of a workbook that hold anything: every cell as text, every row from the first on."""
    if importlib.util.find_spec("fastexcel") is None:
        raise SourceError(f'{file}: Excel files need an extra: pip install "siftune[xlsx]"; or save it as CSV')
    import fastexcel

    containers.check_workbook(file, at)
    try:
        book = fastexcel.read_excel(at)
        found = {
            name: book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string").to_polars()
            for name in book.sheet_names
        }
    except (fastexcel.FastExcelError, OSError) as fault:
        raise SourceError(f"{file}: damaged, or no workbook: {_first_line(fault)}") from None
    return {name: sheet for name, sheet in found.items() if not sheet.is_empty()}


def sheet(file: str, cells: pl.DataFrame, source: Source) -> Iterator[Part]:
    """Yield the records of one sheet. Its first row that is not empty is the header, unless the recipe says another."""
    texts = (["" if cell is None else cell for cell in row] for row in cells.iter_rows())
    filled = ((number, row) for number, row in enumerate(texts, 1) if any(cell.strip() for cell in row))
    rows = ((number, row) for number, row in filled if number >= source.first_line)
    keys: list[str] = []
    if source.header:
        keys = [plain(cell) for cell in next(rows, (0, list[str]()))[1]]
    layout = settle(source, keys, None, file)
    if layout.shape == "conversations" and not (source.line or source.separator):
        raise SourceError(f"{file}: a sheet holds no nested conversations; use shape: messages or records")
    places = delimited.places(file, layout, keys, cells.width)
    made = Rows(file, source.span_files)
    begun = list(islice(rows, delimited.HEAD_IDS))
    if "conversation" in places and keys:
        delimited.check_ids(file, keys[places["conversation"]], (row for _, row in begun), places["conversation"])
    records = (Record(number, row, "\t".join(row)) for number, row in chain(begun, rows))
    named = (delimited.named(record, places, cells.width) for record in delimited.body(records, keys))
    made.fill(delimited.fill_down(named, {}) if source.fill_down else named, taker(layout))
    yield part(made)


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Return a value as JSON would have it: times in ISO 8601, bytes as text, what has no such form as its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def _first_line(fault: BaseException) -> str:
    return str(fault).splitlines()[0][:200] if str(fault) else type(fault).__name__
