"""The head of a file, for guessing: container, encoding, delimiter, header, and the first records or lines."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from curation import built, containers, jsontext, slices, transcript, typed
from curation.containers import File
from curation.encodings import Blocks
from curation.errors import NoLogError, NothingError, SourceError
from curation.nesting import bounded
from curation.pieces import LONG
from curation.sniffing.columns import HEADERS

MOST_BYTES = 1 << 24
MOST_RECORDS = 3000
TITLE = 20  # rows at most stand above a table
QUOTED = 3  # cells in quotes that make a habit of a table by tabs
_PREFIXED = re.compile(r'[^{]+\{\s*"[^"]+"\s*:.*\}\s*')  # as programs log it: 2024-05-01 10:03:12 INFO {"from": …}
_DELIMITERS = (",", "\t", ";", "|", "\x01")


@dataclass
class Head:
    """What the first bytes of a file hold."""

    format: str  # as the recipe has it
    container: str  # as people say it
    encoding: str
    why: str = ""
    delimiter: str = ""
    quote: bool = False  # fields are quoted where the format's own habit is that they are not
    header: bool | None = None  # None: there can be none
    header_sure: float = 0.97
    first_line: int = 1  # that the table begins on
    rest: bool = False  # the last field takes all behind it
    records: Sequence[Mapping[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def head_of(file: File) -> Head:
    """Read the head of a file; raises SourceError where there is nothing to read, or nothing in it."""
    with containers.opened(file) as (stream, _):
        kind = file.format or containers.content(file)
        if kind == "parquet":
            whole = b"".join(iter(lambda: stream.read(MOST_BYTES), b"")) if file.member or file.packing else file.path
            return _parquet(file.name, whole)
        blocks = Blocks(stream, "auto")
        texts, size = [], 0
        for block in blocks:
            texts.append("\n".join(block.lines()[0].to_list()))
            size += MOST_BYTES if block.too_long else len(block.raw)
            if size >= MOST_BYTES:
                break
    text, encoding = "\n".join(texts), blocks.encoding
    if not text.strip():
        raise NothingError(file.name)
    head = _json(file.name, text, encoding, whole=size < MOST_BYTES) or _lines(file, text, encoding)
    packed = file.packing or (".zip" if file.member else "")
    head.container += f", packed as {packed.removeprefix('.')}" if packed else ""
    return head


def _json(name: str, text: str, encoding: str, *, whole: bool) -> Head | None:
    """Read JSON: a value per line, or one document."""
    start = text.lstrip()[:1]
    if start not in ("{", "["):
        return None
    lines = [line for line in text.split("\n", MOST_RECORDS + 1)[:MOST_RECORDS] if line.strip()]
    values: list[Any] = []
    for line in lines if len(lines) > 1 or start == "{" else []:
        try:
            values.append(bounded(json.loads(line), line))
        except (ValueError, RecursionError):
            continue
    objects: list[Mapping[str, Any]] = [v for v in values if isinstance(v, dict)]
    if objects and len(objects) > 0.8 * len(lines):
        wrapped = len(lines) == 1 and _document(name, text)
        if not wrapped:
            return Head("jsonl", "JSON Lines", encoding, f"{len(objects)} objects, one a line", records=objects)
        return Head("json", "JSON", encoding, f"one document with {len(wrapped)} records", records=wrapped)
    found = _document(name, text) if whole else _first(text)
    if not found:
        return None
    return Head("json", "JSON", encoding, f"one document with {len(found)} records", records=found)


def _document(name: str, text: str) -> Sequence[Mapping[str, Any]]:
    try:
        return [r.value for r in jsontext.items(name, text, {}) if isinstance(r.value, dict)][:MOST_RECORDS]
    except (SourceError, RecursionError):
        return []


def _first(text: str) -> list[Mapping[str, Any]]:
    """Return the first items of an array that the head does not hold whole."""
    decoder = json.JSONDecoder()
    found: list[Mapping[str, Any]] = []
    place = text.find("[") + 1
    while place and len(found) < MOST_RECORDS:
        match = re.compile(r"[\s,]*").match(text, place)
        try:
            begin = match.end() if match else place
            value, place = decoder.raw_decode(text, begin)
            bounded(value, text, begin, place)
        except (ValueError, RecursionError):
            break
        if isinstance(value, dict):
            found.append(value)
    return found


def _lines(file: File, text: str, encoding: str) -> Head:
    """Tell a table from a transcript, and find its delimiter and header."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    best, share, rows, rest = "", 0.0, list[Sequence[str]](), False
    for delimiter in _DELIMITERS:
        parsed = _parsed(text, delimiter)
        joined = _overfull(parsed, delimiter)
        if joined:
            best, share, rows, rest = delimiter, 1.0, joined, True
            break
        widths = Counter(len(row) for row in parsed if any(row))
        width, n = max(widths.items(), key=lambda kv: (kv[1], kv[0]), default=(0, 0))
        score = n / max(sum(widths.values()), 1) if width > 1 else 0.0
        if score > share + 0.02:
            best, share, rows = delimiter, score, [row for row in parsed if len(row) == width]
    quoted = best == "\t" and not rest and _is_quoted(rows)
    if quoted:
        parsed = _parsed(text, "\t", quoted=True)
        rows = [row for row in parsed if len(row) == len(rows[0])]
    line, alike = built.guess_line([line[:LONG] for line in lines[:5000]])
    suffix = Path(file.plain).suffix.lower()
    spoken = alike > 0.6 and ("{time}" in line or share < 0.9 or suffix in (".txt", ".log"))
    days = alike > 0.3 and "{time}\t" in line and any(map(built.DAY.fullmatch, lines[:5000]))  # above their messages
    tabbed = best == "\t" and share > 0.98
    if not best or share < 0.6 or days or (spoken and suffix not in (".csv", ".tsv", ".tab") and not tabbed):
        if alike < 0.3:
            raise NoLogError(
                f"{file.name}: neither a table nor JSON nor a transcript whose lines are built alike; "
                "say in the recipe how a line is built: sources: [{line: '[{time}] {name}: {text}'}]"
            )
        transcript.check_mail(file.name, lines[:2000])
        written = [text for text in lines[:2000] if text.strip()]
        if sum(_PREFIXED.fullmatch(text) is not None for text in written) > 0.8 * len(written):
            cure = f"take it off, e.g. sed 's/^[^{{]*//' {file.plain} > {Path(file.plain).stem}.jsonl"
            raise SourceError(f"{file.name}: its lines are JSON behind a time or a name; {cure}")
        return Head("text", "plain text", encoding, f"{alike:.0%} of the lines are built alike", lines=lines[:20000])
    first = 1
    if not rest and (best != "\t" or quoted):
        first, rows = _below_title(list(_numbered(text, best)), rows)
    header, sure = _header(rows)
    names = [name.strip() for name in rows[0]] if header else [str(i) for i in range(len(rows[0]))]
    body = _below(rows) if header else rows
    records: list[Mapping[str, Any]] = [dict(zip(names, row, strict=True)) for row in body[:MOST_RECORDS]]
    kind = "tsv" if best == "\t" else "csv"
    return Head(
        kind, "TSV" if kind == "tsv" else "CSV", encoding, f"{len(names)} columns in {share:.0%} of the rows",
        delimiter=best, quote=quoted, header=header, header_sure=sure, first_line=first, rest=rest, records=records,
    )  # fmt: skip


def _overfull(parsed: Sequence[Sequence[str]], delimiter: str) -> list[Sequence[str]]:
    """Return the rows, with what is too much joined to the last field, where that is a text that is not quoted.

    So it is where the header names a text last, and no row has fewer fields than it but many have more.
    """
    rows = [row for row in parsed if any(cell.strip() for cell in row)]
    if len(rows) < 2 or len(rows[0]) < 2 or not re.search(HEADERS["text"], rows[0][-1].strip()[:40], re.I):
        return []
    known = sum(any(re.search(p, cell[:40], re.I) for p in HEADERS.values()) for cell in rows[0])
    width, wider = len(rows[0]), [row for row in rows if len(row) > len(rows[0])]
    if known < 2 or len(wider) <= 0.01 * len(rows) or any(len(row) < width or '"' in "".join(row) for row in rows):
        return []
    return [[*row[: width - 1], delimiter.join(row[width - 1 :])] for row in rows]


def _is_quoted(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether cells are quoted as in CSV: those that begin with a quote end with one, and double it inside."""
    begun = [cell for row in rows for cell in row if cell.startswith('"') and len(cell) > 1]
    whole = sum(cell.endswith('"') and '"' not in cell[1:-1].replace('""', "") for cell in begun)
    return whole >= QUOTED and whole > 0.9 * len(begun)


def _parsed(text: str, delimiter: str, *, quoted: bool = False) -> list[list[str]]:
    """Parse the first rows; quotes count, but not in a table by tabs, where they are letters unless `quoted`."""
    if delimiter == "\t" and not quoted:
        return [
            line.removesuffix("\r").split("\t")
            for line in text.split("\n", MOST_RECORDS)[:MOST_RECORDS]
            if line.strip()
        ]
    rows = []
    reader = csv.reader(io.StringIO(text[:4_000_000], newline=""), delimiter=delimiter)
    try:
        for row in reader:
            rows.append(row)
            if len(rows) > MOST_RECORDS:
                break
    except csv.Error:
        pass
    return rows


def _numbered(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the first rows, each with the line that it begins on."""
    reader, begin = csv.reader(io.StringIO(text[:100_000], newline=""), delimiter=delimiter), 1
    with suppress(csv.Error):
        for _, row in zip(range(TITLE + 1), reader, strict=False):
            yield begin, row
            begin = reader.line_num + 1


def _below_title(
    numbered: Sequence[tuple[int, Sequence[str]]], rows: Sequence[Sequence[str]]
) -> tuple[int, list[Sequence[str]]]:
    """Return the line that a table begins on, and its rows, where less than a row stands above its header.

    Such are titles, dates of an export, and ``sep=;``: lines of which no more than half the fields are filled.
    """
    kept, width = list(rows), len(rows[0])
    above = 0
    for line, row in numbered:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) == width and 2 * sum(bool(cell.strip()) for cell in row) > width:
            begin = next((at for at, some in enumerate(kept) if list(some) == list(row)), 0)
            return (line, kept[begin:]) if above and _header(kept[begin:])[0] else (1, kept)
        above += 1
    return 1, kept


def _below(rows: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Return the rows below the first, and not the first once more, as where exports were put together."""
    return [row for row in rows[1:] if list(row) != list(rows[0])]


def _header(rows: Sequence[Sequence[str]]) -> tuple[bool, float]:
    """Tell whether the first row is a header: words for columns, of another kind than what stands below."""
    first, body = [cell.strip() for cell in rows[0]], _below(rows[:400])
    if not body or len(set(first)) < len(first) or not all(first):
        return False, 0.9
    if any(len(cell) > 60 or re.fullmatch(r"[-\d.:/ ]+", cell) for cell in first):
        return False, 0.95
    named = sum(
        len(cell) < 40 and any(re.search(pattern, cell, re.I) for pattern in HEADERS.values()) for cell in first
    )
    if not named and any(re.search(r"[?？。！!]|\S+\s+\S+\s+\S+\s|[\u4e00-\u9fff]{6}", cell) for cell in first):
        return False, 0.9
    other = 0
    for place, cell in enumerate(first):
        below = [row[place] for row in body if row[place].strip()]
        if not below:
            continue
        again = cell in below
        kinds = [bool(re.fullmatch(r"[-\d.:/T Z+]+", value)) for value in below]
        lengths = sum(map(len, below)) / len(below)
        other += (not again) and (
            sum(kinds) > 0.9 * len(kinds) or lengths > 3 * len(cell) or len(set(below)) < 0.2 * len(below)
        )
        other -= 2 * again
    score = named / len(first) + other / len(first)
    return score > 0.4, 0.97 if score > 0.8 or score < 0.15 else 0.8


def _parquet(name: str, at: Path | bytes) -> Head:
    """Read the head of a Parquet file."""
    table, _ = slices.scanned(name, at)
    frame = slices.head(name, table, MOST_RECORDS)
    records: Sequence[Mapping[str, Any]] = [
        {key: _cell(value) for key, value in row.items()} for row in typed.rows_of(name, frame)
    ]
    return Head("parquet", "Parquet", "", f"{frame.width} columns", records=records)


def sheets_of(file: File) -> dict[str, Head]:
    """Read the head of every sheet of a workbook that holds anything."""
    with containers.opened(file) as (stream, _):
        whole = b"".join(iter(lambda: stream.read(MOST_BYTES), b"")) if file.member or file.packing else file.path
        found = {title: _sheet(title, cells) for title, cells in typed.sheets(file.name, whole).items()}
    if not found:
        raise NothingError(file.name)
    return found


def _sheet(title: str, cells: pl.DataFrame) -> Head:
    """Read the head of a sheet."""
    every = [["" if cell is None else str(cell) for cell in row] for row in cells.head(MOST_RECORDS).rows()]
    rows: Sequence[Sequence[str]] = [row for row in every if any(row)]
    first, rows = _below_title(list(enumerate(every[: TITLE + 1], 1)), rows)
    header, sure = _header(rows)
    names = [cell.strip() for cell in rows[0]] if header else [str(i) for i in range(len(rows[0]))]
    found = [dict(zip(names, row, strict=True)) for row in (_below(rows) if header else rows)]
    why = f"sheet '{title}', {len(names)} columns"
    return Head("xlsx", "Excel", "", why, header=header, header_sure=sure, first_line=first, records=found)


def _cell(value: Any) -> Any:  # noqa: ANN401
    return value if value is None or isinstance(value, (str, int, float, bool, list, dict)) else str(value)
