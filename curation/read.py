"""Files → messages. A record that cannot be read is set aside with its reason; it never takes others with it.

Three shapes: one message per record (`messages`), one conversation per record (`conversations`), one question with
its answer per record (`records`). Containers: delimited tables (delimited.py) and JSON (jsontext.py).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import polars as pl

from curation import delimited, jsontext, transcript
from curation.errors import SourceError
from curation.recipe import Source
from curation.rows import Rows
from curation.shapes import taker

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".txt": "text",
    ".log": "text",
}


@dataclass(frozen=True)
class Input:
    """One input file as it was read: for the manifest."""

    name: str
    sha256: str
    bytes: int
    records: int
    encoding: str


@dataclass(frozen=True)
class Reading:
    """All that was read: messages in file order, with no place in a conversation yet; and what was unreadable."""

    messages: pl.DataFrame  # tables.READ
    unreadable: pl.DataFrame  # tables.UNREADABLE
    inputs: list[Input]


def find(paths: Sequence[Path]) -> list[Path]:
    """Return the files that `paths` name, folders replaced by the readable files in them, sorted by name.

    Raises SourceError for a path that is not there, a folder with nothing to read, or a file given twice.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in FORMATS and p.is_file())
            if not inside:
                raise SourceError(f"{path}: no file here that can be read ({', '.join(FORMATS)})")
            files.extend(inside)
        elif path.exists():
            files.append(path)
        else:
            raise SourceError(f"{path}: there is no such file")
    if not files:
        raise SourceError("no input files were given")
    seen: set[Path] = set()
    for path in files:
        if path.resolve() in seen:
            raise SourceError(f"{path}: given twice")
        seen.add(path.resolve())
    return files


def read(
    files: Sequence[Path], sources: Sequence[Source], *, progress: Callable[[str], None] = lambda _: None
) -> Reading:
    """Read every file through the first source that matches its name.

    Raises SourceError when a file fits no source or no shape; single bad records end in `unreadable` instead.
    """
    parts, inputs = [], []
    for path, name in zip(files, _names(files), strict=True):
        progress(name)
        source = next((s for s in sources if fnmatch(path.name, s.match)), None)
        if source is None:
            raise SourceError(f'{name}: no source of the recipe matches this file; add one with match: "{path.name}"')
        try:
            data = path.read_bytes()
        except OSError as fault:
            raise SourceError(f"{name}: cannot be read: {fault.strerror}") from None
        rows = _file(name, path.suffix.lower(), data, source)
        if not rows.records:
            raise SourceError(f"{name}: the file holds no records")
        parts.append(rows)
        digest = hashlib.sha256(data).hexdigest()
        inputs.append(Input(name, digest, len(data), rows.records, source.encoding))
    messages = pl.concat([p.frame() for p in parts]).drop("row").with_row_index("row")
    return Reading(messages, pl.concat([p.unreadable() for p in parts]), inputs)


def _names(files: Sequence[Path]) -> list[str]:
    """Name files as short as possible but each its own: the bare name, or the path below the common folder."""
    names = [path.name for path in files]
    if len(set(names)) < len(names):
        common = Path(os.path.commonpath([path.absolute().parent for path in files]))
        names = [path.absolute().relative_to(common).as_posix() for path in files]
    return [os.fsencode(name).decode("utf-8", "backslashreplace") for name in names]


def _file(name: str, suffix: str, data: bytes, source: Source) -> Rows:
    """Read one file into rows."""
    kind = source.format if source.format != "auto" else FORMATS.get(suffix, "")
    if not kind:
        known = ", ".join(sorted(set(FORMATS.values())))
        raise SourceError(
            f"{name}: cannot read '{suffix}' files; save it as one of {known}, or name its format in the recipe: "
            f"sources: [{{match: '*{suffix}', format: csv}}]"
        )
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:2]:
        raise SourceError(f"{name}: this is UTF-16; save it as UTF-8")
    data = data.removeprefix(b"\xef\xbb\xbf")
    rows = Rows(name, source.span_files)
    if kind in ("csv", "tsv"):
        lines, bad = _lines(data, source.encoding)
        layout, records = delimited.table(name, lines, bad, source, "," if kind == "csv" else "\t")
        rows.fill(records, taker(layout))
        return rows
    if kind == "text":
        layout, records = transcript.table(name, *_lines(data, source.encoding), source)
        rows.fill(records, taker(layout))
        return rows
    found = (
        jsontext.lines(*_lines(data, source.encoding))
        if kind == "jsonl"
        else jsontext.items(name, _whole(name, data, source.encoding))
    )
    nested, records = jsontext.named(name, found, source)
    rows.fill(records, taker(nested) if nested else lambda _record, _place: [])
    if nested and "cot" in nested.columns:  # a record without the key, in a file that has it, lacks its reasoning
        rows.messages = [m._replace(cot="") if m.cot is None and m.role == "assistant" else m for m in rows.messages]
    return rows


def _lines(data: bytes, encoding: str) -> tuple[list[str], dict[int, str]]:
    """Split into lines without their ends; and say of those that are not in `encoding`, by index, what is wrong."""
    bad: dict[int, str] = {}
    try:
        lines = data.decode(encoding).removeprefix("\ufeff").split("\n")
    except UnicodeDecodeError:
        lines = []
        for index, line in enumerate(data.split(b"\n")):
            try:
                lines.append(line.decode(encoding))
            except UnicodeDecodeError as fault:
                bad[index] = f"not {encoding.upper()}: invalid byte at position {fault.start + 1}"
                lines.append(line.decode(encoding, "backslashreplace"))
    return [line.removesuffix("\r") for line in lines], bad


def _whole(name: str, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as fault:
        raise SourceError(
            f"{name}: not {encoding.upper()}: invalid byte at position {fault.start + 1}; "
            "save it as UTF-8, or name its encoding in the recipe"
        ) from None
