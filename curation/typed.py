"""Parquet and Excel → records: what comes in columns with types. A record's line is its row, from 1.

In a workbook the row is the one that the program shows, and every sheet is a file of its own, ``book.xlsx/sheet``.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from itertools import chain, islice
from pathlib import Path
from typing import Any

import polars as pl

from curation import containers, delimited
from curation.errors import SourceError
from curation.jsontext import HEAD, Named
from curation.mapping import plain, settle
from curation.recipe import Source
from curation.rows import Part, Record, Rows, part
from curation.shapes import taker

SLICE = 50_000  # rows of Parquet that are in memory at a time


def parquet(file: str, at: Path | bytes, source: Source) -> Iterator[Part]:
    """Yield the records of a Parquet file."""
    try:
        table = pl.scan_parquet(io.BytesIO(at) if isinstance(at, bytes) else at)
        height = table.select(pl.len()).collect().item()
        head = table.head(HEAD).collect()
    except (pl.exceptions.PolarsError, OSError) as fault:
        raise SourceError(f"{file}: damaged, or no Parquet file: {_first_line(fault)}") from None
    call = Named(file, source, (Record(0, _plain(row), "") for row in head.iter_rows(named=True)))
    take = taker(call.layout) if call.layout else (lambda _record, _place: [])
    for first in range(0, height, SLICE):
        try:
            some = table.slice(first, SLICE).collect()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as fault:  # panics where it shrank
            raise SourceError(f"{file}: damaged from row {first + 1} on: {_first_line(fault)}") from None
        values = (_plain(row) for row in some.iter_rows(named=True))
        records = (Record(first + place, value, str(value)) for place, value in enumerate(values, 1))
        rows = Rows(file, source.span_files)
        rows.fill(map(call, records), take)
        yield part(rows)


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
