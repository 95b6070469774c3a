"""Files → messages. A line that cannot be read is set aside with its reason; it never takes others with it.

Three shapes: one message per row (`messages`), one conversation per row (`conversations`), one question with its
answer per row (`records`). Two containers: delimited tables (CSV, TSV) and JSON (lines, array, object by id).
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import polars as pl

from curation import tables
from curation.errors import SourceError
from curation.mapping import Mapping_, settle
from curation.recipe import Source

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
}
LONGEST_QUOTED = 1000  # lines; a quoted field that is longer was never closed
SHOWN_BYTES = 2000  # characters of an unreadable line that are kept

csv.field_size_limit(1 << 24)  # the module's own limit of 128 KiB is below a long e-mail thread


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

    messages: pl.DataFrame  # file, conversation, role, source, time, raw, cot, record
    unreadable: pl.DataFrame  # tables.UNREADABLE
    inputs: list[Input]


@dataclass
class _Rows:
    """Messages and faults of one file, column by column."""

    file: str
    span: bool
    conversation: list[str] = field(default_factory=list)
    role: list[str] = field(default_factory=list)
    line: list[int] = field(default_factory=list)
    time: list[str | None] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    cot: list[str | None] = field(default_factory=list)
    record: list[bool] = field(default_factory=list)
    faults: list[tuple[int, str, str]] = field(default_factory=list)  # line, why, the line itself
    records: int = 0

    def add(
        self, line: int, conversation: str, role: str, text: str, *,
        time: str | None = None, cot: str | None = None, record: bool = False,
    ) -> None:  # fmt: skip
        self.conversation.append(conversation)
        self.role.append(role)
        self.line.append(line)
        self.time.append(time)
        self.raw.append(text)
        self.cot.append(cot)
        self.record.append(record)


class _RecordFaultError(ValueError):
    """This one record cannot be used; its message is the reason."""


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
        elif path.is_file():
            files.append(path)
        else:
            raise SourceError(f"{path}: there is no such file")
    if not files:
        raise SourceError("no input files were given")
    twice = [path for path in files if files.count(path) > 1]
    if twice:
        raise SourceError(f"{twice[0]}: given twice")
    return files


def read(
    files: Sequence[Path], sources: Sequence[Source], *, progress: Callable[[str], None] = lambda _: None
) -> Reading:
    """Read every file through the first source that matches its name.

    Raises SourceError when a file fits no source or no shape; single bad lines end in `unreadable` instead.
    """
    names = _names(files)
    parts, inputs = [], []
    for path, name in zip(files, names, strict=True):
        progress(name)
        source = next((s for s in sources if fnmatch(path.name, s.match)), None)
        if source is None:
            raise SourceError(f'{name}: no source of the recipe matches this file; add one with match: "{path.name}"')
        try:
            data = path.read_bytes()
        except OSError as fault:
            raise SourceError(f"{name}: cannot be read: {fault.strerror}") from None
        rows = _file(name, path, data, source)
        if not rows.records:
            raise SourceError(f"{name}: the file holds no records")
        parts.append(rows)
        digest = hashlib.sha256(data).hexdigest()
        inputs.append(Input(name, digest, len(data), rows.records, source.encoding))
    return Reading(pl.concat([_messages(p) for p in parts]), pl.concat([_unreadable(p) for p in parts]), inputs)


def _names(files: Sequence[Path]) -> list[str]:
    """Name files as short as possible but each its own: the bare name, or the path below the common folder."""
    bare = [path.name for path in files]
    if len(set(bare)) == len(bare):
        return bare
    common = Path(os.path.commonpath([path.resolve().parent for path in files]))
    return [path.resolve().relative_to(common).as_posix() for path in files]


def _messages(rows: _Rows) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "file": pl.Series([rows.file], dtype=pl.String).new_from_index(0, len(rows.raw)),
            "span": pl.Series([rows.span]).new_from_index(0, len(rows.raw)),
            "conversation": pl.Series(rows.conversation, dtype=pl.String),
            "role": pl.Series(rows.role, dtype=tables.ROLE),
            "source": pl.Series([f"{rows.file}:{line}" for line in rows.line], dtype=pl.String),
            "time": pl.Series(rows.time, dtype=pl.String),
            "raw": pl.Series(rows.raw, dtype=pl.String),
            "cot": pl.Series(rows.cot, dtype=pl.String),
            "record": pl.Series(rows.record, dtype=pl.Boolean),
        }
    )


def _unreadable(rows: _Rows) -> pl.DataFrame:
    faults = [(rows.file, line, why, text[:SHOWN_BYTES]) for line, why, text in rows.faults]
    return pl.DataFrame(faults, schema=tables.UNREADABLE, orient="row")


def _file(name: str, path: Path, data: bytes, source: Source) -> _Rows:
    """Read one file into rows."""
    kind = source.format if source.format != "auto" else FORMATS.get(path.suffix.lower(), "")
    if not kind:
        raise SourceError(f"{name}: unknown file type '{path.suffix}'; name the format in the recipe's source")
    rows = _Rows(name, source.span_files)
    if kind in ("csv", "tsv"):
        _table(rows, _lines(rows, data, source.encoding), source, "," if kind == "csv" else "\t")
    elif kind == "jsonl":
        _records(rows, _json_lines(rows, _lines(rows, data, source.encoding)), source)
    else:
        _records(rows, _json(name, data, source.encoding), source)
    rows.faults.sort(key=lambda fault: fault[0])
    return rows


def _lines(rows: _Rows, data: bytes, encoding: str) -> list[str]:
    """Split into lines without their ends. A line of invalid bytes becomes a fault and an empty line."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise SourceError(f"{rows.file}: this is UTF-16; save it as UTF-8")
    try:
        lines = data.decode(encoding).split("\n")
    except UnicodeDecodeError:
        lines = []
        for number, line in enumerate(data.split(b"\n"), 1):
            try:
                lines.append(line.decode(encoding))
            except UnicodeDecodeError as fault:
                rows.records += 1
                why = f"not {encoding.upper()}: invalid byte at position {fault.start + 1}"
                rows.faults.append((number, why, line.decode(encoding, "backslashreplace").rstrip("\r")))
                lines.append("")
    return [line.removesuffix("\r") for line in lines]


# --- tables -----------------------------------------------------------------------------------------------------


def _table(rows: _Rows, lines: list[str], source: Source, delimiter: str) -> None:
    """Read a delimited table. Every row must have as many fields as the header (or, without one, as most rows)."""
    quoted = source.quote if source.quote is not None else delimiter == ","
    records = _delimited(lines, delimiter, quoted=quoted)
    if source.header:
        header = next((r for r in records if isinstance(r[1], list)), None)
        if header is None:
            raise SourceError(f"{rows.file}: the file holds no header")
        keys = [name.strip() for name in header[1]]
        width = len(keys)
        mapping = settle(source, keys, None, rows.file)
        place = {name: keys.index(key) if isinstance(key, str) else key for name, key in mapping.columns.items()}
    else:
        body = list(records)
        widths = [len(r[1]) for r in body if isinstance(r[1], list)]
        width = max(set(widths), key=lambda w: (widths.count(w), w)) if widths else 0
        mapping = settle(source, [], None, rows.file)
        if any(isinstance(key, str) for key in mapping.columns.values()):
            raise SourceError(
                f"{rows.file}: a table without header needs column numbers from 0 in the recipe, not names"
            )
        place = {name: int(key) for name, key in mapping.columns.items()}
        records = iter(body)
    beyond = [f"{name}: {index}" for name, index in place.items() if index >= width]
    if beyond:
        raise SourceError(
            f"{rows.file}: the recipe's column {beyond[0]} is beyond the last of {width} columns (0 to {width - 1})"
        )
    for number, found, text in records:
        rows.records += 1
        if isinstance(found, str):
            rows.faults.append((number, found, text))
        elif len(found) != width:
            rows.faults.append((number, f"{len(found)} fields where {width} are expected", text))
        else:
            _take(rows, number, {name: found[index] for name, index in place.items()}, mapping, lambda t=text: t)


def _delimited(lines: list[str], delimiter: str, *, quoted: bool) -> Iterator[tuple[int, list[str] | str, str]]:
    """Yield line number, the fields (or the reason why there are none), and the text of each row; skip blank lines."""
    index = 0
    while index < len(lines):
        line = lines[index]
        if not line.strip():
            index += 1
        elif not quoted or '"' not in line:
            yield index + 1, line.split(delimiter), line
            index += 1
        else:
            used, found = _quoted(lines, index, delimiter)
            yield index + 1, found, "\n".join(lines[index : index + used])
            index += used


def _quoted(lines: list[str], start: int, delimiter: str) -> tuple[int, list[str] | str]:
    """Parse the row that starts at `start` and may run over several lines; return how many lines it took.

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
        why = (
            "a quote is opened and never closed"
            if "end of data" in str(fault) or taken > 1
            else f"bad quoting: {fault}"
        )
        return 1, why
    return taken, row


# --- JSON -------------------------------------------------------------------------------------------------------


def _json_lines(rows: _Rows, lines: list[str]) -> Iterator[tuple[int, Any, str]]:
    """Yield line number, value and text of every JSON line; broken ones become faults."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as fault:
            rows.records += 1
            rows.faults.append((number, f"not JSON: {fault.msg} at column {fault.colno}", line))
        except RecursionError:
            rows.records += 1
            rows.faults.append((number, "not readable: nested too deep", line))
        else:
            yield number, value, line


def _json(name: str, data: bytes, encoding: str) -> Iterator[tuple[int, Any, str]]:
    """Yield line number, value and text of every item of a JSON array, or of every entry of an object by id."""
    try:
        text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
        whole = json.loads(text)
    except UnicodeDecodeError as fault:
        raise SourceError(f"{name}: not {encoding.upper()}: invalid byte at position {fault.start + 1}") from None
    except json.JSONDecodeError as fault:
        raise SourceError(f"{name}:{fault.lineno}: not JSON: {fault.msg} at column {fault.colno}") from None
    except RecursionError:
        raise SourceError(f"{name}: nested too deep to be read") from None
    if isinstance(whole, dict):
        lists = [value for value in whole.values() if isinstance(value, list)]
        if len(lists) == 1 and len(whole) <= 5 and lists[0] and isinstance(lists[0][0], dict):
            yield from ((number, value, "") for number, value in enumerate(lists[0], 1))
            return
        for number, (key, value) in enumerate(whole.items(), 1):
            yield number, {"conversation": key} | value if isinstance(value, dict) else value, ""
    elif isinstance(whole, list):
        yield from _placed(text, whole)
    else:
        raise SourceError(f"{name}: expected a JSON array or object, found {type(whole).__name__}")


def _placed(text: str, whole: list[Any]) -> Iterator[tuple[int, Any, str]]:
    """Yield the items of a JSON array with the line that each begins on."""
    decoder, place, line = (
        json.JSONDecoder(),
        text.index("[") + 1,
        1 + text.count("\n", 0, text.index("[") + 1),
    )
    for value in whole:
        start = place
        while text[start] in " \t\r\n,":
            start += 1
        line += text.count("\n", place, start)
        _, place = decoder.raw_decode(text, start)
        yield (
            line,
            value,
            text[start:place] if place - start <= SHOWN_BYTES else text[start : start + SHOWN_BYTES],
        )
        line += text.count("\n", start, place)


def _records(rows: _Rows, records: Iterator[tuple[int, Any, str]], source: Source) -> None:
    """Turn JSON records into messages; the mapping is settled on the first record that is an object."""
    mapping: Mapping_ | None = None
    for number, record, text in records:
        rows.records += 1
        if not isinstance(record, dict):
            rows.faults.append((number, f"expected an object, found {type(record).__name__}", text))
            continue
        if mapping is None:
            mapping = settle(source, list(record), record, rows.file)
        if mapping.shape == "conversations":
            _conversation(rows, number, record, mapping, text)
        else:
            values = {name: _get(record, key) for name, key in mapping.columns.items()}
            _take(rows, number, values, mapping, lambda t=text: t)


def _get(record: Mapping[str, Any], key: str | int) -> Any:  # noqa: ANN401
    """Return a value by key, or by a path such as ``data.turns``."""
    if key in record:
        return record[str(key)]
    value: Any = record
    for step in str(key).split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _text(value: Any, what: str) -> str:  # noqa: ANN401
    """Return a scalar as text (null is empty); half surrogate pairs, which no encoding holds, become U+FFFD."""
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        raise _RecordFaultError(f"the {what} is a {'list' if isinstance(value, list) else 'object'}, not text")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _role(value: Any, mapping: Mapping_) -> str:  # noqa: ANN401
    word = _text(value, "role").strip()
    role = mapping.roles.get(word.casefold())
    if role is None:
        raise _RecordFaultError(f"unknown role '{word[:20]}'" if word else "no role")
    return role


def _take(rows: _Rows, line: int, values: Mapping[str, Any], mapping: Mapping_, text: Callable[[], str]) -> None:
    """Add the one message of a row, or the question and the answer of a record."""
    try:
        if mapping.shape == "records":
            question = _text(values.get("question"), "question")
            extra = _text(values.get("input"), "input")
            answer = _text(values.get("answer"), "answer")
            cot = _text(values["cot"], "reasoning") if "cot" in mapping.columns else None
            if not question.strip():
                raise _RecordFaultError("no question")
            conversation = _text(values.get("conversation"), "id").strip() or f"{rows.file}:{line}"
            rows.add(line, conversation, "user", f"{question}\n{extra}" if extra.strip() else question, record=True)
            rows.add(line, conversation, "assistant", answer, cot=cot, record=True)
            return
        conversation = _text(values.get("conversation"), "conversation id").strip()
        if not conversation:
            raise _RecordFaultError("no conversation id")
        role = _role(values.get("role"), mapping)
        time = _text(values.get("time"), "time").strip() or None
        rows.add(line, conversation, role, _text(values.get("text"), "text"), time=time)
    except _RecordFaultError as fault:
        rows.faults.append((line, str(fault), text()))


def _conversation(rows: _Rows, line: int, record: Mapping[str, Any], mapping: Mapping_, text: str) -> None:
    """Add every message of a record that holds a whole conversation; one bad message sets the record aside."""
    try:
        messages = _get(record, mapping.columns["messages"])
        if not isinstance(messages, list) or not messages:
            raise _RecordFaultError("no list of messages")
        key = mapping.columns.get("conversation", "id")
        conversation = _text(_get(record, key), "conversation id").strip() or f"{rows.file}:{line}"
        found: list[tuple[str, str, str | None]] = []
        for message in messages:
            if not isinstance(message, dict):
                raise _RecordFaultError("a message is not an object")
            inner = settle_message(message, mapping)
            role = _role(_get(message, inner["role"]), mapping)
            said = _get(message, inner["text"])
            time = _text(_get(message, inner.get("time", "time")), "time").strip() or None
            found.extend((role, _text(part, "text"), time) for part in (said if isinstance(said, list) else [said]))
        for role, said, time in found:
            rows.add(line, conversation, role, said, time=time)
    except _RecordFaultError as fault:
        rows.faults.append((line, str(fault), text))


def settle_message(message: Mapping[str, Any], mapping: Mapping_) -> dict[str, str | int]:
    """Find role, text and time of one message inside a conversation record."""
    from curation.mapping import NAMES

    by_word = {str(key).strip().casefold(): str(key) for key in message}
    inner: dict[str, str | int] = {}
    for name in ("role", "text", "time"):
        asked = mapping.columns.get(name)
        found = asked if asked in message else next((by_word[w] for w in NAMES[name] if w in by_word), None)
        if found is not None:
            inner[name] = found
    if "role" not in inner or "text" not in inner:
        raise _RecordFaultError(f"a message has no {'role' if 'role' not in inner else 'text'}")
    return inner
