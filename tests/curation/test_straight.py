"""Tables proved right as a whole give what Python's own reader gives, row by row; of others nothing is said."""

import csv
import io

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import straight

MARKS = st.text(alphabet='a"\n,好 ', max_size=4)
CELL = MARKS | st.sampled_from(["", '"', '""', "\n", "a,b", "x\n\ny"])


def rows_of(text: str) -> list[tuple[int, list[str]]]:
    """Return the rows of a table that Python's reader takes for right, and the lines each takes."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found, before = [], 0
    for row in reader:
        found.append((reader.line_num - before, row))
        before = reader.line_num
    return found


def cells(text: str, width: int, *, quoted: bool = True) -> list[tuple[int, list[str]]] | None:
    try:
        made = straight.cells(text.encode(), ",", width, text.count("\n"), quoted=quoted)
    except pl.exceptions.PolarsError:
        return None
    if made is None:
        return None
    found, taken = made
    sizes = [1] * found.height if taken is None else taken.tolist()
    return list(zip(sizes, [["" if c is None else c for c in row] for row in found.rows()], strict=True))


@given(rows=st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=6), every=st.booleans())
@settings(deadline=None)
def test_a_table_as_a_program_writes_it_is_read_at_once(rows: list[list[str]], *, every: bool) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL).writerows(rows)
    lines = [1 + sum(cell.count("\n") for cell in row) for row in rows]
    assert cells(text.getvalue(), 3) == list(zip(lines, rows, strict=True))


@given(st.lists(st.lists(MARKS, min_size=1, max_size=4).map(",".join) | MARKS, min_size=1, max_size=6))
@settings(deadline=None, max_examples=400)
def test_what_is_read_at_once_is_what_the_reader_of_single_rows_reads(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    for width in (2, 3):
        found = cells(text, width)
        if found is not None:
            assert found == rows_of(text)
            assert {len(row) for _, row in found} == {width}


@pytest.mark.parametrize(
    "text",
    [
        "a,b\nc\n",  # too short
        "a,b\nc,d,e\n",  # too long
        "a,b\n\nc,d\n",  # an empty line
        'a,b\nc,"d"e\n',  # a quote that closes in the middle
        'a,b\nc,d"e"\n',  # that opens in the middle
        'a,b\nc,"d\n',  # that never closes
        'a,b\nc,"d\ne,f"\ng\n',
        'a,b\nc,"d,"\ne\n',  # a separator in a cell makes up for none that lacks
    ],
)
def test_of_a_table_with_a_wrong_row_nothing_is_said(text: str) -> None:
    assert cells(text, 2) is None


def test_quotes_are_letters_where_nothing_is_quoted() -> None:
    assert cells('a,"b\n"c",\n', 2, quoted=False) == [(1, ["a", '"b']), (1, ['"c"', ""])]
