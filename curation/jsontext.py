"""JSON → records: one per line, or the items of an array or of an object by id, each with the line it begins on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from curation.errors import SourceError
from curation.mapping import NAMES, Layout, named_columns, settle, value_at
from curation.recipe import Columns, Source
from curation.rows import SHOWN, Record

HEAD = 1000  # objects that are looked at to learn which keys a file has
MOST_BESIDE = 5  # keys of an answer such as {"code": 0, "data": […]} that wraps one list of records

_DECODER = json.JSONDecoder()


def lines(texts: Sequence[str], bad: dict[int, str]) -> Iterator[Record]:
    """Yield a record per line that is not blank; `bad` says of single lines why they could not be decoded."""
    for index, line in enumerate(texts):
        if not line.strip():
            continue
        value, why = None, bad.get(index, "")
        if not why:
            try:
                value = json.loads(line)
            except json.JSONDecodeError as fault:
                why = f"not JSON: {fault.msg} at column {fault.colno}"
            except ValueError:
                why = "not readable: a number has too many digits"
            except RecursionError:
                why = "not readable: nested too deep"
        yield Record(index + 1, value, line, why)


def items(file: str, text: str) -> Iterator[Record]:
    """Yield a record per item of a JSON array, or per entry of an object by id; an object may wrap the array."""
    try:
        whole = json.loads(text)
    except json.JSONDecodeError as fault:
        cure = "; if every line is a JSON value of its own, name the file .jsonl" if fault.msg == "Extra data" else ""
        raise SourceError(f"{file}:{fault.lineno}: not JSON: {fault.msg} at column {fault.colno}{cure}") from None
    except ValueError:
        raise SourceError(f"{file}: a number in it has too many digits to be read") from None
    except RecursionError:
        raise SourceError(f"{file}: nested too deep to be read") from None
    if not isinstance(whole, (dict, list)):
        raise SourceError(f"{file}: expected a JSON array or object, found {type(whole).__name__}")
    start = text.index("[" if isinstance(whole, list) else "{")
    wrapped = _wrapped(whole) if isinstance(whole, dict) else ""
    if wrapped:
        start = next(entry.start for entry in _entries(text, start) if entry.key == wrapped)
    elif isinstance(whole, dict) and _is_conversation(whole):
        yield Record(1 + text.count("\n", 0, start), whole, text)
        return
    yield from _placed(text, start)


def named(file: str, records: Iterator[Record], source: Source) -> tuple[Layout | None, Iterator[Record]]:
    """Return the layout of a JSON file and its records, their values by column name.

    The layout is settled on the keys of the first objects (None where the file holds none at all). Keys that
    turn up later and have a common name are taken too: not every record has every key.
    """
    head: list[Record] = []
    objects: list[dict[str, Any]] = []
    for record in records:
        head.append(record)
        if isinstance(record.value, dict):
            objects.append(record.value)
            if len(objects) == HEAD:
                break
    keys = dict.fromkeys(key for value in objects for key in value)
    layout = settle(source, keys, objects, file) if objects else None
    return layout, _values(chain(head, records), layout, set(keys), source.columns)


def _values(records: Iterator[Record], layout: Layout | None, seen: set[str], given: Columns) -> Iterator[Record]:
    """Replace the object of each record by its values under the names of the columns."""
    for record in records:
        if record.why:
            yield record
        elif layout is None or not isinstance(record.value, dict):
            yield record._replace(why=f"expected an object, found {type(record.value).__name__}")
        else:
            if not record.value.keys() <= seen:
                seen |= record.value.keys()
                layout.columns.update(named_columns(given, seen) | layout.columns)
            columns = dict(layout.columns)
            if layout.shape == "conversations":
                columns.setdefault("conversation", "id")
            yield record._replace(value={name: value_at(record.value, key) for name, key in columns.items()})


class _Entry(NamedTuple):
    """Where the value of an array's or object's entry stands in the text."""

    key: str | None
    start: int
    end: int
    value: Any


def _entries(text: str, start: int) -> Iterator[_Entry]:
    """Yield the entries of the array or object that begins at `start`; the text is known to be JSON."""
    place, keyed = start + 1, text[start] == "{"
    while True:
        place = _skip(text, place, " \t\r\n,")
        if text[place] in "]}":
            return
        key = None
        if keyed:
            key, place = _DECODER.raw_decode(text, place)
            place = _skip(text, place, " \t\r\n:")
        value, end = _DECODER.raw_decode(text, place)
        yield _Entry(key, place, end, value)
        place = end


def _skip(text: str, place: int, over: str) -> int:
    while text[place] in over:
        place += 1
    return place


def _placed(text: str, start: int) -> Iterator[Record]:
    """Yield the entries at `start` as records; an object's key is the id of its conversation."""
    line, counted, last = 1, 0, 0
    for key, begin, end, found in _entries(text, start):
        line += text.count("\n", counted, begin)
        counted = begin
        column = begin - text.rfind("\n", 0, begin) if line == last else 0
        value = found
        if key is not None:
            value = {"messages": found} if isinstance(found, list) else found
            value = {"conversation": key} | value if isinstance(value, dict) else value
        yield Record(line, value, text[begin : min(end, begin + SHOWN)], column=column)
        last = line


def _wrapped(whole: Mapping[str, Any]) -> str:
    """Return the key of the one list of records that an object is wrapped around, or nothing."""
    lists = [key for key, value in whole.items() if isinstance(value, list)]
    if len(lists) != 1 or len(whole) > MOST_BESIDE:
        return ""
    first = next(iter(whole[lists[0]]), None)
    if not isinstance(first, dict):
        return ""
    inside = named_columns(Columns(), first)
    lonely = "role" in inside and "text" in inside and "conversation" not in inside
    return "" if lonely else lists[0]


def _is_conversation(whole: Mapping[str, Any]) -> bool:
    """Tell whether an object is one conversation: it has a list of messages under a common name."""
    return any(isinstance(whole.get(name), list) for name in NAMES["messages"])
