"""Where lines lie and what they hold, against counting them in strings."""

import re
from itertools import compress, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import encodings, spans
from curation.read import read
from curation.recipe import Source

TEXT = st.text(st.sampled_from('ab,;"\n\r你\ufeff'), max_size=40)


@given(TEXT, st.sampled_from(",;"))
def test_lines_and_their_marks_are_those_of_the_text(text: str, separator: str) -> None:
    written = text.encode()
    lines = written.split(b"\n")
    lines = lines[:-1] if not lines[-1] else lines
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spans, "PIECE", 5)  # so that lines run over pieces
        found = spans.spans(written, separator)
    assert [found.bytes_of(at, at + 1) for at in range(len(found))] == lines
    field = rf'(?:[^"{separator}]*|"(?:[^"]|"")*")'
    whole = [bool(re.fullmatch(f"{field}(?:{separator}{field})*", line.decode())) for line in lines]
    pairs = zip(lines, whole, strict=True)
    bare = [re.sub(r'"[^"]*"', "", line.decode()) if right else line.decode() for line, right in pairs]
    rid = [b"\r" not in line for line in lines]
    assert list(compress(found.whole.tolist(), rid)) == list(compress(whole, rid))
    opened = [bool(re.fullmatch(f'(?:{field}{separator})*"(?:[^"]|"")*', line.decode())) for line in lines]
    assert list(compress(found.opens.tolist(), rid)) == list(compress(opened, rid))
    assert list(compress(found.separators.tolist(), rid)) == [line.count(separator) for line in compress(bare, rid)]
    assert found.quotes.tolist() == [line.count(b'"') for line in lines]
    assert found.returns.tolist() == [b"\r" in line for line in lines]
    for line in {b"a", b"a,b", *lines} - {b""}:
        assert found.that_are(line) == [at for at, other in enumerate(lines) if other == line]
    assert found.that_begin("\ufeff".encode()) == [at for at, line in enumerate(lines) if line[:3] == b"\xef\xbb\xbf"]


ROW = st.lists(st.sampled_from(['"', ",", "\n", "a", '""', '",', ',"', '"\n', '\n"']), max_size=14).map("".join)


@given(ROW)
def test_rows_over_several_lines_are_those_that_a_pattern_finds(text: str) -> None:
    found = spans.spans(text.encode(), ",")
    odd = [at for at in range(len(found)) if found.quotes[at] % 2]
    runs = [(a, b + 1) for a, b in pairwise(odd) if found.opens[a] and not found.opens[b]]
    field = r'(?:[^",\n]*|"(?:[^"]|"")*")'
    for (begin, end), separators in zip(runs, found.rows(*np.array(runs, int).reshape(-1, 2).T).tolist(), strict=True):
        row = found.bytes_of(begin, end).decode()
        assert (separators >= 0) == bool(re.fullmatch(f"{field}(?:,{field})*", row))
        assert separators in (-1, re.sub(r'"[^"]*"', "", row).count(","))


@given(st.lists(st.tuples(st.sampled_from(["", "a", "好,"]), st.booleans()), min_size=1, max_size=9))
def test_lines_that_are_kept_are_cut_out_as_they_are(lines: list[tuple[str, bool]]) -> None:
    found = spans.spans("".join(f"{line}\n" for line, _ in lines).encode(), ",")
    kept = np.array([keep for _, keep in lines])
    assert found.only(kept).decode() == "".join(f"{line}\n" for line, keep in lines if keep)


@pytest.mark.parametrize("columns", ["conversation,role,text", "conversation,role,extra,text"])
@pytest.mark.parametrize("fault", [b"\xff", b"\xe4\xbd"])
def test_one_byte_that_is_no_text_costs_its_line_alone_wherever_it_stands(
    tmp_path: Path, columns: str, fault: bytes
) -> None:
    width = columns.count(",")
    rows = [b"S1,user," + b"x," * (width - 2) + f"问题{i}".encode() for i in range(200)]
    rows[150] = b"S1,user," + (fault + b",fine" if width > 2 else b"broken" + fault)
    path = tmp_path / "log.csv"
    path.write_bytes(b"\n".join([columns.encode(), *rows]))
    found = read([path], [Source()], window=512)
    assert found.messages.height == 199
    assert found.unreadable.select("line", "why").rows()[0][0] == 152
    assert "invalid byte" in found.unreadable["why"][0]


def test_lines_are_counted_over_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "PIECE", 3)
    assert encodings._count(b"a\n\nbcd\n\ne", "utf-8") == 4
