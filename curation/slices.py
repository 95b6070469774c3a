"""Parquet in slices that fit in memory: a repeated value weighs nothing in the file, and much once read."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from curation import containers, encodings
from curation.errors import SourceError

BEGINNING = 1 << 16  # characters of a text by which columns are told
CELL = 8  # bytes that a value takes at the least, once it is read


def scanned(file: str, at: Path | bytes) -> tuple[pl.LazyFrame, int]:
    """Return a Parquet file as what can be sliced, and how many rows it has; raises SourceError for none, or a bomb."""
    try:
        table = pl.scan_parquet(io.BytesIO(at) if isinstance(at, bytes) else at)
        height: int = table.select(pl.len()).collect().item()
        cells = height * len(table.collect_schema())
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        raise SourceError(f"{file}: damaged, or no Parquet file") from None
    if cells * CELL > _bearable(at):
        raise _bomb(file)
    return table, height


def head(file: str, table: pl.LazyFrame, rows: int) -> pl.DataFrame:
    """Return at most `rows` first rows, fewer where they are heavy; of long texts only what begins them."""
    try:
        some = table.head(rows).with_columns(pl.col(pl.String).str.slice(0, BEGINNING)).collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        raise SourceError(f"{file}: damaged, or no Parquet file") from None
    while some.height and weight(some) > encodings.LONGEST_LINE:
        some = some.head(some.height // 2) if some.height > 1 else some.clear()
    return _told(some)


def slices(
    file: str, at: Path | bytes, table: pl.LazyFrame, height: int, rows: int
) -> Iterator[tuple[int, pl.DataFrame | None]]:
    """Yield slices of at most `rows` rows, each with the number of its first row, from 0; None is a row too heavy.

    A slice weighs no more than the longest line of a text may.
    """
    total = 0
    for first in range(0, height, rows):
        try:
            some = table.slice(first, rows).collect()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):  # panics where it shrank
            raise SourceError(f"{file}: damaged from row {first + 1} on") from None
        weighs = weight(some)
        total += weighs
        if total > _bearable(at):
            raise _bomb(file)
        for place, light in _halved(some, weighs):
            yield first + place, light if light is None else _told(light)


def weight(frame: pl.DataFrame) -> int:
    """Return how many bytes of text, and of other values, a frame stands for, whether or not some share a place."""
    return sum(map(_weight, frame.get_columns()))


def _weight(column: pl.Series) -> int:
    if column.dtype == pl.String:
        return int(column.str.len_bytes().sum()) + CELL * len(column)
    if column.dtype == pl.Binary:
        return int(column.bin.size().sum()) + CELL * len(column)
    if isinstance(column.dtype, pl.List | pl.Array):
        return _weight(column.explode()) + CELL * len(column)
    if isinstance(column.dtype, pl.Struct):
        return sum(_weight(column.struct.field(name)) for name in column.struct.fields)
    return CELL * len(column)


def _halved(frame: pl.DataFrame, weighs: int) -> Iterator[tuple[int, pl.DataFrame | None]]:
    if weighs <= encodings.LONGEST_LINE:
        yield 0, frame
        return
    if frame.height == 1:
        yield 0, None
        return
    half = frame.height // 2
    for start, some in ((0, frame.head(half)), (half, frame.slice(half))):
        yield from ((start + place, part) for place, part in _halved(some, weight(some)))


def _told(frame: pl.DataFrame) -> pl.DataFrame:
    """Empty times that Python has no year for, which Polars panics at."""
    times = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime | pl.Date)]
    return frame.with_columns(pl.when(pl.col(name).dt.year().is_between(1, 9999)).then(name) for name in times)


def _bearable(at: Path | bytes) -> int:
    size = len(at) if isinstance(at, bytes) else at.stat().st_size
    return max(containers.ANY_SIZE, containers.MOST_TIMES * size)


def _bomb(file: str) -> SourceError:
    what = f"{file}: unpacks to more than {containers.MOST_TIMES} times its size"
    return SourceError(f"{what}; if you trust it, write it as CSV or JSON lines")
