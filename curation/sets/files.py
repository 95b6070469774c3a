"""Set files → records with their lines; what cannot be read is said with its line, and takes nothing else with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from curation.errors import SourceError, shown
from curation.nesting import bounded
from curation.sets.formats import Format, format_of, read
from curation.sets.talk import RecordError, Talk

MOST_BYTES = 16 * 2**20  # of one record; nothing that a model is trained on in one piece is longer
SHOWN = 2000  # characters of a faulty record that are kept


class Item(NamedTuple):
    """One record of a file: a talk, or the fault that keeps it from being one."""

    line: int
    form: Format | None  # None where it is in no known format
    talk: Talk | None
    fault: str
    text: str  # as it stands in the file, for a faulty one at most SHOWN characters

    @property
    def good(self) -> bool:
        """Tell whether the record can be used."""
        return not self.fault


def items(path: Path, form: Format | None = None) -> Iterator[Item]:
    """Yield every record of a .jsonl file (one per line) or a .json file (an array).

    Raises SourceError where the file cannot be opened, is not UTF-8 from its first byte, or holds nothing.
    """
    count = 0
    for line, value, fault, text in _array(path) if _is_array(path) else _lines(path):
        count += 1
        talk, found = None, form
        if not fault:
            found = form or (format_of(value) if isinstance(value, dict) else None)
            try:
                talk = read(value, found)
                fault = "; ".join(talk.faults)
            except RecordError as wrong:
                fault = str(wrong)
        yield Item(line, found, talk, fault, text[:SHOWN] if fault else text)
    if not count:
        raise SourceError(f"{path}: holds no records; give a .jsonl file with one JSON object per line")


def _is_array(path: Path) -> bool:
    """Tell whether a file is one JSON array: its first character is a bracket."""
    try:
        with path.open("rb") as file:
            return file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"["
    except FileNotFoundError:
        raise SourceError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise SourceError(f"{path}: is a folder; name the set files in it, e.g. {path}/train.*.jsonl") from None
    except OSError as fault:
        raise SourceError(f"{path}: cannot be read: {fault.strerror}") from None


def _lines(path: Path) -> Iterator[tuple[int, Any, str, str]]:
    """Yield (line, value, fault, text); a line that is too long is never held whole."""
    with path.open("rb") as file:
        number = 0
        while raw := file.readline(MOST_BYTES + 1):
            number += 1
            size = len(raw)
            while not raw.endswith(b"\n") and size > MOST_BYTES:
                more = file.readline(MOST_BYTES)
                size += len(more)
                if not more or more.endswith(b"\n"):
                    yield number, None, _too_long(size), raw[:SHOWN].decode("utf-8", "replace")
                    raw = b""
                    break
            if not raw.strip():
                continue
            try:
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as fault:
                why = f"not UTF-8 at byte {fault.start + 1}; save it as UTF-8"
                yield number, None, why, raw.decode("utf-8", "replace")
                continue
            value, why = _parsed(text)
            yield number, value, why, text


def _array(path: Path) -> Iterator[tuple[int, Any, str, str]]:
    """Yield the items of an array; where it is cut off or broken, all before that place are still good."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise SourceError(f"{path}: not UTF-8 at byte {fault.start + 1}; save it as UTF-8") from None
    decoder = json.JSONDecoder(object_pairs_hook=_unique)
    place, line, counted = text.index("[") + 1, 1, 0
    while True:
        while place < len(text) and text[place] in " \t\r\n,":
            place += 1
        line += text.count("\n", counted, place)
        counted = place
        if place < len(text) and text[place] == "]":
            return
        try:
            value, end = decoder.raw_decode(text, place)
            bounded(value, text, place, end)
        except json.JSONDecodeError as fault:
            where = f"at line {fault.lineno}, column {fault.colno}"
            why = f"not JSON: {_reason(fault.msg)} {where}; the file is cut off or broken from here on, mend it there"
            yield line, None, why, text[place : place + SHOWN]
            return
        except (DuplicateError, ValueError, RecursionError) as fault:
            why = "not readable: a number too long, or nested too deep; write it as text"
            if isinstance(fault, DuplicateError):
                why = str(fault)
            end = _end_of(text, place)
            yield line, None, why, text[place : min(end, place + SHOWN)]
            place = end
            continue
        if end - place > MOST_BYTES:
            yield line, None, _too_long(len(text[place:end].encode())), text[place : place + SHOWN]
        else:
            yield line, value, "", text[place:end]
        place = end


def _end_of(text: str, place: int) -> int:
    """Return where the value at `place` ends, its keys repeated or not."""
    try:
        return json.JSONDecoder().raw_decode(text, place)[1]
    except (ValueError, RecursionError):
        return len(text)


class DuplicateError(ValueError):
    """A key stands twice in one object."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise DuplicateError(f"the key '{shown(twice)}' stands twice in one object; remove one, readers keep the last")
    return found


def _parsed(text: str) -> tuple[Any, str]:
    if len(text) > MOST_BYTES or len(text.encode()) > MOST_BYTES:
        return None, _too_long(len(text.encode()))
    try:
        return bounded(json.loads(text, object_pairs_hook=_unique), text), ""
    except DuplicateError as fault:
        return None, str(fault)
    except json.JSONDecodeError as fault:
        return None, f"not JSON: {_reason(fault.msg)} at column {fault.colno}; mend the line, or remove it"
    except ValueError:
        return None, "not readable: a number has too many digits; write it as text"
    except RecursionError:
        return None, "not readable: nested too deep; flatten it"


def _reason(message: str) -> str:
    return message[:1].lower() + message[1:]


def _too_long(size: int) -> str:
    return f"{size:,} bytes, more than {MOST_BYTES // 2**20} MiB; split the record, or remove it"
