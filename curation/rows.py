"""Records → messages: each gives at least one message or one fault, and a fault takes no other record with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import polars as pl

from curation import tables
from curation.mapping import NAMES, Layout, value_at

SHOWN = 2000  # characters of an unreadable record that are kept


class RecordFaultError(ValueError):
    """One record cannot be used; its message is the reason."""


class Record(NamedTuple):
    """One record of a file: its value by column name, or `why` it cannot be read."""

    line: int  # where it begins, from 1
    value: Any
    text: str  # as it stands in the file
    why: str = ""
    column: int = 0  # where it begins on its line, for the second and later records of a line

    @property
    def place(self) -> str:
        """Return the place in the file, different for every record."""
        return f"{self.line}:{self.column}" if self.column else str(self.line)


class Message(NamedTuple):
    """One message of a record."""

    conversation: str
    role: str
    raw: str
    time: str | None = None
    cot: str | None = None
    record: bool = False


@dataclass
class Rows:
    """Messages and faults of one file, and how many records it has."""

    file: str
    span: bool
    messages: list[Message] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    faults: list[tuple[str, int, str, str]] = field(default_factory=list)  # file, line, why, the record itself
    records: int = 0

    def fill(self, records: Iterable[Record], take: Callable[[Record, str], list[Message]]) -> None:
        """Turn every record into messages by `take`, which hears the record and its place, or into a fault."""
        for record in records:
            self.records += 1
            try:
                if record.why:
                    raise RecordFaultError(record.why)  # noqa: TRY301
                found = take(record, f"{self.file}:{record.place}")
                if not found:
                    raise RecordFaultError("no message in it")  # noqa: TRY301
            except RecordFaultError as fault:
                self.faults.append((self.file, record.line, str(fault), record.text[:SHOWN]))
            else:
                self.messages += found
                self.places += [f"{self.file}:{record.place}"] * len(found)

    def frame(self) -> pl.DataFrame:
        """Return the messages: file, span, conversation, role, source, time, raw, cot, record."""
        schema = {name: tables.MESSAGES[name] for name in Message._fields}
        columns = zip(*self.messages, strict=True) if self.messages else [[] for _ in schema]
        return pl.DataFrame(dict(zip(schema, columns, strict=True)), schema=schema).select(
            pl.lit(self.file).alias("file"),
            pl.lit(self.span).alias("span"),
            "conversation",
            "role",
            pl.Series("source", self.places, dtype=pl.String),
            "time",
            "raw",
            "cot",
            "record",
        )

    def unreadable(self) -> pl.DataFrame:
        """Return the faults (tables.UNREADABLE)."""
        return pl.DataFrame(self.faults, schema=tables.UNREADABLE, orient="row")


def taker(layout: Layout) -> Callable[[Record, str], list[Message]]:
    """Return the function that reads records of this layout."""
    read = {"messages": _message, "records": _question, "conversations": _conversation}[layout.shape]
    return lambda record, place: read(record.value, place, layout)


def _message(values: Mapping[str, Any], place: str, layout: Layout) -> list[Message]:  # noqa: ARG001
    """Read a record that is one message."""
    conversation = _text(values.get("conversation"), "conversation id").strip()
    if not conversation:
        raise RecordFaultError("no conversation id")
    role = _role(values.get("role"), layout)
    return [Message(conversation, role, _text(values.get("text"), "text"), _time(values.get("time")))]


def _question(values: Mapping[str, Any], place: str, layout: Layout) -> list[Message]:  # noqa: ARG001
    """Read a record that is a question with its answer, and perhaps the reasoning between them."""
    question, extra, answer = (_text(values.get(name), name) for name in ("question", "input", "answer"))
    if not question.strip():
        raise RecordFaultError("no question")
    cot = _text(values["cot"], "reasoning") if "cot" in values else None
    conversation = _text(values.get("conversation"), "conversation id").strip() or place
    asked = f"{question}\n{extra}" if extra.strip() else question
    time = _time(values.get("time"))
    return [
        Message(conversation, "user", asked, time, record=True),
        Message(conversation, "assistant", answer, time, cot, record=True),
    ]


def _conversation(values: Mapping[str, Any], place: str, layout: Layout) -> list[Message]:
    """Read a record that holds a whole conversation; one bad message sets the record aside."""
    messages = values.get("messages")
    if not isinstance(messages, list) or not messages:
        raise RecordFaultError("no list of messages")
    conversation = _text(values.get("conversation"), "conversation id").strip() or place
    found: list[Message] = []
    for message in messages:
        if not isinstance(message, dict):
            raise RecordFaultError("a message is not an object")
        keys = _inner(message, layout)
        role, time = _role(value_at(message, keys["role"]), layout), _time(value_at(message, keys.get("time", "time")))
        said = value_at(message, keys["text"])
        parts = said if isinstance(said, list) else [said]
        found += [Message(conversation, role, _text(part, "text"), time) for part in parts]
    return found


def _inner(message: Mapping[str, Any], layout: Layout) -> dict[str, str | int]:
    """Find the keys of role, text and time in one message inside a conversation record."""
    by_word = {str(key).strip().casefold(): str(key) for key in message}
    keys: dict[str, str | int] = {}
    for name in ("role", "text", "time"):
        asked = layout.columns.get(name)
        known = next((by_word[word] for word in NAMES[name] if word in by_word), None)
        found = asked if asked is not None and value_at(message, asked) is not None else known
        if found is not None:
            keys[name] = found
    missing = [name for name in ("role", "text") if name not in keys]
    if missing:
        raise RecordFaultError(f"a message has no {missing[0]}")
    return keys


def _role(value: Any, layout: Layout) -> str:  # noqa: ANN401
    word = _text(value, "role").strip()
    role = layout.roles.get(word.casefold())
    if role is None:
        raise RecordFaultError(f"unknown role '{word[:20]}'" if word else "no role")
    return role


def _time(value: Any) -> str | None:  # noqa: ANN401
    return _text(value, "time").strip() or None


def _text(value: Any, what: str) -> str:  # noqa: ANN401
    """Return a scalar as text; null is empty."""
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        raise RecordFaultError(f"the {what} is {'a list' if isinstance(value, list) else 'an object'}, not text")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half surrogate pairs, which no encoding holds
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
