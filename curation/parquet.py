"""Frames in parts → one Parquet file: the same bytes however they are parted, and only a row group in memory.

And the tables of a run, read: what is wrong with one is said with its file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from curation.errors import SourceError

ROWS = 16_384  # in a row group: of wide tables four times as many are 30 MiB


def write(parts: Iterator[pl.DataFrame], path: Path) -> None:
    """Write `parts` (at least one, of one schema) to `path`."""
    first = next(parts)

    def groups(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        del predicate, n_rows, batch_size  # nothing is asked of a source that is only written down
        for group in _groups(chain([first], parts)):
            yield group if with_columns is None else group.select(with_columns)

    source = register_io_source(groups, schema=first.schema, is_pure=True)
    source.sink_parquet(path, row_group_size=ROWS, maintain_order=True)


def _groups(parts: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Cut anew to whole row groups, copied: pages are cut by the size of buffers, and views share large ones."""
    held: list[pl.DataFrame] = []
    height = 0
    for part in parts:
        held.append(part)
        height += part.height
        while height >= ROWS:
            whole = pl.concat(held)
            yield _copied(whole.head(ROWS))
            held, height = [whole.slice(ROWS)], height - ROWS
    if height:
        yield _copied(pl.concat(held))


def _copied(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.rechunk().select(pl.all().gather(pl.int_range(pl.len())))


@contextmanager
def of_run(run: Path) -> Iterator[None]:
    """Read tables of a run folder; raises SourceError with the file at fault and the cure."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        raise SourceError(_fault(run)) from None


def _fault(run: Path) -> str:
    for name in ("messages", "examples", "findings"):
        path = run / f"{name}.parquet"
        if not path.exists():
            return f"{run}: not a run folder (no {path.name}); make one with `siftune curate`"
        try:
            pl.scan_parquet(path).select(pl.all().null_count()).collect(engine="streaming")
        except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
            return f"{path}: cut off or overwritten, it cannot be read; run `siftune curate` again"
    return f"{run}: not a run of this version of siftune; run `siftune curate` again"
