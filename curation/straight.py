"""A table whose rows are all right → its cells at once: that is proved for the text as a whole, not line by line."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from curation.encodings import PIECE

_FEED, _QUOTE = 10, 34


def cells(
    text: bytes, separator: str, width: int, lines: int, *, quoted: bool
) -> tuple[pl.DataFrame, np.ndarray | None] | None:
    """Return the cells of a text in UTF-8 of `lines` lines, and how many of these each row takes (None: one).

    None where it is not certain that all rows are what they would be, read one by one: then something else has to tell.
    Certain it is where every quote opens a field, closes one, or is doubled inside of one; where as many rows come out
    as there are lines, those inside fields left out; and where no row is too long, which Polars does not bear, or too
    short: then its last cell lacks, and a separator. Raises polars' errors where the text is no UTF-8, or no table.
    """
    marks = np.frombuffer(text, np.uint8)
    if quoted and not _opened(marks, ord(separator)):
        return None
    table = pl.scan_csv(
        text, has_header=False, infer_schema=False, separator=separator, quote_char='"' if quoted else None
    )
    found = table.collect(engine="in-memory")  # on one thread: other blocks are parsed beside this one
    if found.width != width or (found[:, -1].null_count() and not _full(found, marks, separator)):
        return None
    inside = lines - found.height
    if not inside:
        return found, None
    taken = np.ones(found.height, dtype=np.int64)
    for rows, feeds in _holding(found, "\n"):
        taken[rows] += feeds
        inside -= feeds.sum()
        if not inside:
            return found, taken
    return None


def _full(found: pl.DataFrame, text: np.ndarray, separator: str) -> bool:
    """Tell whether there are as many separators outside of cells as full rows have."""
    between = np.count_nonzero(text == ord(separator)) - sum(int(n.sum()) for _, n in _holding(found, separator))
    return bool(between == found.height * (found.width - 1))


def _holding(found: pl.DataFrame, what: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield for each column the rows whose cell holds something, and how often; what is long mostly comes last."""
    for column in reversed(found.get_columns()):
        rows = column.str.contains(what, literal=True).arg_true()
        yield rows.to_numpy(), column.gather(rows).str.count_matches(what, literal=True).to_numpy()


def _opened(text: np.ndarray, separator: int) -> bool:
    """Tell whether every first quote opens a field, or stands behind the second one before it, which closes one.

    Of two in a row inside a field the first closes it, and the second opens it again. That each second one is the end
    of a field, and is there, Polars sees.
    """
    opens = _places(text, _QUOTE)[::2]
    before = text[np.maximum(opens - 1, 0)]
    return bool(((before == separator) | (before == _FEED) | (before == _QUOTE)).all())  # the text may begin with one


def _places(text: np.ndarray, byte: int) -> np.ndarray:
    """Return where a byte stands; in pieces, so that no memory is asked for that has to be cleared first."""
    here, found = np.empty(min(PIECE, len(text)), dtype=bool), [np.array([], dtype=np.int64)]
    for start in range(0, len(text), PIECE):
        piece = text[start : start + PIECE]
        found.append(np.flatnonzero(np.equal(piece, byte, out=here[: len(piece)])) + start)
    return np.concatenate(found)
