"""JSON → records: one per line, or the items of an array or of an object by id, each with the line it begins on."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from curation import bulk, spans
from curation.encodings import Bad, Block
from curation.errors import SourceError
from curation.mapping import NAMES, Layout, named_columns, settle, value_at
from curation.nesting import bounded
from curation.recipe import Columns, Source
from curation.rows import SHOWN, Part, Record, Rows, part
from curation.shapes import taker

HEAD = 1000  # objects that are looked at to learn which keys a file has
HEAD_BYTES = 1 << 26  # and bytes: a gigabyte may hold nothing but blank lines
HEAD_LINES = 20 * HEAD  # and lines that are looked at to find them
FIRST = 20  # items of a list whose keys say what it holds
MOST_AROUND = 4  # objects that an answer wraps its records in
MOST_BESIDE = 5  # keys of an answer such as {"code": 0, "data": […]} that wraps one list of records

TOO_DEEP = "not readable: nested too deep"
WRAPPERS = ("data", "result", "results", "response", "payload", "body", "export", "output", "root", "backup", "archive")

_DECODER = json.JSONDecoder()


class Parsed(NamedTuple):
    """A block, and what of it was parsed at once."""

    first: int
    lines: pl.Series
    bad: dict[int, Bad]
    found: bulk.Found | None
    exact: np.ndarray  # indices of the lines that the exact path has to read


class Lines:
    """Reads the blocks of one file of JSON lines: `parse` may run for several at a time, `finish` in their order."""

    def __init__(self, file: str, source: Source, blocks: Iterator[Block]) -> None:
        """Learn the layout from the first objects of the file; the blocks used for it stand in `begun`."""
        self._file, self._source = file, source
        self.begun: list[Block] = []
        head: list[Record] = []
        objects = 0
        for block in blocks:
            self.begun.append(block)
            texts, bad = block.lines()
            for record in lines(texts.head(HEAD_LINES).to_list(), bad):
                head.append(record)
                objects += isinstance(record.value, dict)
                if objects >= HEAD or len(head) >= HEAD_LINES:
                    break
            if objects >= HEAD or len(head) >= HEAD_LINES:
                break
            if sum(len(begun.raw) for begun in self.begun) >= HEAD_BYTES:
                break
        self._named = Named(file, source, head)
        layout = self._named.layout
        self._take = taker(layout) if layout else (lambda _record, _place: [])
        self._keys, self._pattern = _template(self._named.objects, layout) if layout and layout.plain else ({}, "")
        # Polars reads keys in the order of the file half as fast again as in any other.
        place = {key: i for i, key in enumerate(self._named.objects[0])} if self._named.objects else {}
        self._read = sorted(set(self._keys.values()), key=lambda key: place.get(key, len(place)))

    def parse(self, block: Block) -> Parsed:
        """Parse the lines of a block that are objects with the keys that the first objects have."""
        texts, bad = block.lines()
        known = (
            texts.str.contains(self._pattern) if self._pattern else pl.zeros(len(texts), dtype=pl.Boolean, eager=True)
        )
        if bad:
            known &= ~pl.int_range(len(texts), eager=True).is_in(list(bad))
        found = self._cells(block, texts, known)
        exact = (~known).to_numpy(writable=True)
        if found is None:
            exact[:] = True
        else:
            exact[found.left - block.first] = True
        return Parsed(block.first, texts, bad, found, np.flatnonzero(exact))

    def finish(self, parsed: Parsed | None) -> Part:
        """Read what is left of the next block, and join it to what was parsed. None stands for the end of the file."""
        rows = Rows(self._file, self._source.span_files)
        if parsed is None:
            return part(rows)
        texts = parsed.lines.gather(parsed.exact).to_list()
        bad = {place: parsed.bad[i] for place, i in enumerate(parsed.exact.tolist()) if i in parsed.bad}
        numbers = (parsed.first + parsed.exact).tolist()
        records = (record._replace(line=numbers[record.line - 1]) for record in lines(texts, bad))
        rows.fill(map(self._named, records), self._take)
        if parsed.found is None:
            return part(rows)
        found = parsed.found.messages
        shape = self._named.layout.shape if self._named.layout else ""
        return part(rows, found, found.height // (2 if shape == "records" else 1))

    def _cells(self, block: Block, texts: pl.Series, known: pl.Series) -> bulk.Found | None:
        """Parse the known lines with Polars; None where it does not see as many objects as there are."""
        layout = self._named.layout
        if layout is None or not known.any():
            return None
        text = block.raw
        if block.encoding != "utf-8" or b"\r" in text or not known.all():
            ends = np.cumsum(texts.str.len_bytes().to_numpy().astype(np.int64) + 1)
            text = spans.cut(block.text()[0], ends, known.to_numpy())
        try:
            cells = pl.read_ndjson(text, schema=dict.fromkeys(self._read, pl.String))
        except pl.exceptions.PolarsError:
            return None
        numbers = known.arg_true().cast(pl.Int64).alias("line") + block.first
        if cells.height != len(numbers):
            return None
        columns = [pl.col(key).alias(name) for name, key in self._keys.items()]
        named = cells.select(numbers, *columns)
        return bulk.messages(named.rechunk(), layout, self._file)  # so that joining parts copies nothing


# A string without half surrogate pairs, and the numbers that Polars writes as they stand.
_STRING = (
    r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u(?:[0-9a-cefA-CEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}'
    r'|[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})))*"'
)
_CELL = rf"(?:{_STRING}|true|false|null|-?[1-9][0-9]{{0,14}}|0)"
_SCALAR = rf"(?:{_STRING}|true|false|null|-?(?:[1-9][0-9]{{0,14}}|0)(?:\.[0-9]{{1,15}})?(?:[eE][+-]?[0-9]{{1,2}})?)"
_GAP = r"[ \t]*"
_COMMA, _COLON = f"{_GAP},{_GAP}", f"{_GAP}:{_GAP}"
_LIST = rf"\[{_GAP}(?:{_SCALAR}(?:{_COMMA}{_SCALAR})*)?{_GAP}\]"
_OBJECT = rf"\{{{_GAP}(?:{_STRING}{_COLON}{_SCALAR}(?:{_COMMA}{_STRING}{_COLON}{_SCALAR})*)?{_GAP}\}}"
_META = re.compile(r"[\\.+*?()|\[\]{}^$]")
MOST_KEYS = 1000  # of an object that is parsed with many others; an expression for more takes gigabytes
MOST_TEMPLATES = 8  # orders of keys; objects in another order are read one by one


def _template(objects: Sequence[Mapping[str, Any]], layout: Layout) -> tuple[dict[str, str], str]:
    """Return the keys that are read, by name, and the expression for lines that Polars reads as we would.

    These are objects with just the keys of one of the first objects, in that order, so that no key comes twice.
    Nothing is returned where a column is a path into nested values.
    """
    keys = {name: str(key) for name, key in bulk.names(layout).items()}
    orders = Counter(tuple(value) for value in objects).most_common(MOST_TEMPLATES)
    if any("." in key and any(key not in order for order, _ in orders) for key in keys.values()):
        return {}, ""
    if any(len(order) > MOST_KEYS for order, _ in orders):
        return {}, ""
    nested = {key for value in objects for key, inner in value.items() if isinstance(inner, (dict, list))}
    read = set(keys.values())
    pattern = f"^{_GAP}(?:{'|'.join(_ordered(order, read, nested) for order, _ in orders)}){_GAP}$"
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError:  # too many keys for one expression
        return {}, ""
    return keys, pattern


def _ordered(order: tuple[str, ...], read: set[str], nested: set[str]) -> str:
    """Return the expression for an object with these keys in this order."""
    entries = []
    for key in order:
        written = {_META.sub(r"\\\g<0>", json.dumps(key, ensure_ascii=either)) for either in (True, False)}
        value = _CELL if key in read else f"(?:{_SCALAR}|{_LIST}|{_OBJECT})" if key in nested else _SCALAR
        entries.append(f"(?:{'|'.join(sorted(written))}){_COLON}{value}")
    return rf"\{{{_GAP}{_COMMA.join(entries)}{_GAP}\}}"


def lines(texts: Sequence[str], bad: Mapping[int, Bad]) -> Iterator[Record]:
    """Yield a record per line that is not blank; `bad` says of single lines why they could not be decoded."""
    for index, line in enumerate(texts):
        if index in bad:  # before anything else: of a line that is too long there is no text here
            yield Record(index + 1, None, line, bad[index].why, raw=bad[index].raw)
            continue
        if not line.strip():
            continue
        value, why = None, ""
        try:
            value = bounded(json.loads(line), line)
        except json.JSONDecodeError as fault:
            why = f"not JSON: {fault.msg} at column {fault.colno}"
        except ValueError:
            why = "not readable: a number has too many digits"
        except RecursionError:
            why = TOO_DEEP
        yield Record(index + 1, value, line, why)


def items(file: str, text: str, bad: Mapping[int, Bad]) -> Iterator[Record]:
    """Yield a record per item of a JSON array, or per entry of an object by id; an object may wrap the array.

    `bad` says of single lines (by number) that they could not be decoded: the records on them are set aside.
    """
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
    wrapped = _wrapped(whole) if isinstance(whole, dict) else []
    if not wrapped and isinstance(whole, dict) and _is_conversation(whole):
        line = 1 + text.count("\n", 0, start)
        yield _checked(_shallow(Record(line, whole, text), text), range(1, line + text.count("\n", start) + 1), bad)
        return
    for path in [wrapped] if wrapped or isinstance(whole, list) else _talks(whole) or [[]]:
        place = start
        for key in path:
            place = next(entry.start for entry in _entries(text, place) if entry.key == key)
        yield from _placed(text, place, bad)


def _shallow(record: Record, text: str, begin: int = 0, end: int | None = None) -> Record:
    """Set a record aside, read from `text[begin:end]`, that nests too deep."""
    try:
        bounded(record.value, text, begin, end)
    except RecursionError:
        return record._replace(value=None, why=TOO_DEEP)
    return record


def _checked(record: Record, lines: range, bad: Mapping[int, Bad]) -> Record:
    """Set a record aside that stands on a line which could not be decoded."""
    here = [bad[line] for line in lines if line in bad] if bad else []
    return record._replace(why=here[0].why, raw=b"\n".join(fault.raw for fault in here)) if here else record


class Named:
    """Replaces the object of each record by its values under the names of the columns.

    The layout is settled on the keys of the first objects (None where there are none). Keys that turn up later and
    have a common name are taken too, where they stand: not every record has every key.
    """

    def __init__(self, file: str, source: Source, head: Iterable[Record]) -> None:
        """Settle the layout on the first records of a file."""
        self.objects = [record.value for record in head if isinstance(record.value, dict)][:HEAD]
        self._seen = set(dict.fromkeys(key for value in self.objects for key in value))
        keys = dict.fromkeys(key for value in self.objects for key in value)
        self.layout = settle(source, keys, self.objects, file) if self.objects else None
        self._given, self._later = source.columns, dict[str, str | int]()

    def __call__(self, record: Record) -> Record:
        """Name the values of a record."""
        if record.why:
            return record
        if self.layout is None or not isinstance(record.value, dict):
            return record._replace(why=f"expected an object, found {type(record.value).__name__}")
        value, columns = record.value, self.layout.columns
        if not value.keys() <= self._seen:
            self._seen |= value.keys()
            names = named_columns(self._given, sorted(self._seen))
            self._later = {n: key for n, key in names.items() if n not in columns} | self._later
        found = {name: value_at(value, key) for name, key in columns.items()}
        later = {name: value_at(value, key) for name, key in self._later.items()}
        found |= {name: inner for name, inner in later.items() if inner is not None}
        if self.layout.shape == "conversations" and not {"conversation", "customer"} & set(columns):
            found.setdefault("conversation", value_at(value, "id"))
        return record._replace(value=found)


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


def _placed(text: str, start: int, bad: Mapping[int, Bad]) -> Iterator[Record]:
    """Yield the entries at `start` as records; an object's key is the id of its conversation."""
    line, counted, last, feed = 1, 0, 0, -1
    for key, begin, end, found in _entries(text, start):
        line += text.count("\n", counted, begin)
        feed = max(feed, text.rfind("\n", counted, begin))  # never looked for from the start: all may be one line
        counted = begin
        column = begin - feed if line == last else 0
        value = found
        if key is not None:
            value = {"messages": found} if isinstance(found, list) else found
            value = {"conversation": key} | value if isinstance(value, dict) else value
        record = Record(line, value, text[begin : min(end, begin + SHOWN + 1)], column=column)
        record = _shallow(record, text, begin, end)
        yield _checked(record, range(line, line + text.count("\n", begin, end) + 1), bad) if bad else record
        last = line


def _wrapped(whole: Mapping[str, Any], depth: int = MOST_AROUND) -> list[str]:
    """Return the keys that lead to the one list of records that an object is wrapped around, or nothing.

    An answer such as ``{"code": 0, "data": {"total": 9, "list": […]}}`` is wrapped twice. An object around one object
    alone may also be an object by id, unless its key is one that answers have.
    """
    lists = [key for key, value in whole.items() if isinstance(value, list)]
    if len(whole) > MOST_BESIDE:
        return []
    if not lists:
        objects = [key for key, value in whole.items() if isinstance(value, dict)]
        below = [[key, *path] for key in objects if depth and (path := _wrapped(whole[key], depth - 1))]
        alone = len(objects) > 1 or len(whole) > 1 or (objects and objects[0].casefold() in WRAPPERS)
        return below[0] if len(below) == 1 and alone and _counts(whole, below[0][0]) else []
    if len(lists) != 1:
        return []
    some = whole[lists[0]][:FIRST]
    if not some or not isinstance(some[0], dict):
        return []
    inside = named_columns(Columns(), dict.fromkeys(key for item in some if isinstance(item, dict) for key in item))
    lonely = "role" in inside and "text" in inside and "conversation" not in inside and not _several(some)
    beside = [value for key, value in whole.items() if key != lists[0]]
    told = beside and not any(isinstance(value, (dict, list)) for value in beside)  # {"code": 0, …}: no object by id
    if lonely and any(key.casefold() == "id" or _ID.search(key) for key in whole):
        return []  # one conversation, under whatever name its list goes
    return lists if told and lists[0] not in NAMES["messages"] else [] if lonely else lists


def _counts(whole: Mapping[str, Any], key: str) -> bool:
    """Tell whether objects beside the one that wraps the records hold nothing but single values, such as pages."""
    others = [value for name, value in whole.items() if name != key and isinstance(value, dict)]
    return not any(isinstance(inner, (dict, list)) for other in others for inner in other.values())


_ID = re.compile(r"(?i)(?:session|conversation|thread|ticket|chat|dialog|case|会话|对话|工单).*(?:id|号)$")


def _several(items: Sequence[Any]) -> bool:
    """Tell whether items name the conversations that they are of, and these are more than one."""
    ids = Counter(
        (key, value)
        for item in items if isinstance(item, dict)
        for key, value in item.items() if isinstance(value, (str, int)) and _ID.search(key)
    )  # fmt: skip
    keys = Counter(key for key, _ in ids)
    return any(count > 1 and any(n > 1 for (key, _), n in ids.items() if key == name) for name, count in keys.items())


def _talks(whole: Mapping[str, Any], depth: int = 2) -> list[list[str]]:
    """Return the ways to lists of conversations among much else, as in the export of everything that one has."""
    found = []
    for key, value in whole.items():
        if isinstance(value, list) and value and all(isinstance(v, dict) and _is_conversation(v) for v in value):
            found.append([key])
        elif isinstance(value, dict) and depth and not _is_conversation(value):
            found += [[key, *path] for path in _talks(value, depth - 1)]
    return found


_WHO, _WHAT = re.compile("(?i)role|sender|author|speaker|participant"), re.compile("(?i)content|text|message|body")


def _is_conversation(whole: Mapping[str, Any]) -> bool:
    """Tell whether an object is one conversation: it has a list of messages under a common name.

    Or, beside single values, one list of objects that say who speaks and what, whatever it is called.
    """
    if any(isinstance(whole.get(name), list) for name in NAMES["messages"]):
        return True
    lists = [value for value in whole.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
    spoken = [one for one in lists if all(any(map(what.search, one[0])) for what in (_WHO, _WHAT))]
    beside = any(isinstance(value, (str, int)) for value in whole.values())
    return len(spoken) == 1 and beside and not _several(spoken[0][:FIRST])
