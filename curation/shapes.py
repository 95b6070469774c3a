"""Records → messages, shape by shape; docs/shapes.md shows each with an example.

A reader hands over the record's values by column name (mapping.Layout); what comes back are the record's messages,
at least one, or a RecordFaultError that says why there is none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from curation import reasoning, transcript
from curation.errors import is_text, shown
from curation.mapping import INNER, NAMES, Layout, value_at
from curation.recipe import Aside
from curation.roles import Speaker, speaker
from curation.rows import SIMILAR, Message, Record, RecordFaultError

_MIDNIGHT = re.compile(r"[T ]0?0:00(?::00(?:\.0+)?)?$")
_BREAK, _TAG = re.compile(r"(?i)<br\s*/?>|</(?:p|div)>"), re.compile(r"</?\w[^<>]*>")
_WAY = ("question", "content", "text", "value", "title", "name", "问题", "内容")  # under which an object has its text
_PARTED = re.compile(r"[\r\n|;；]|##+")  # between questions of one cell, which hold no such mark themselves
LONGEST_EVENT = 2000  # characters of an event without text that are kept


def taker(layout: Layout) -> Callable[[Record, str], list[Message]]:
    """Return the function that reads records of this layout."""
    read = {
        "messages": _message,
        "transcript": _message,
        "records": _question,
        "conversations": _conversation,
    }[layout.shape]
    return lambda record, place: read(record.value, place, layout)


# --- one message per record -------------------------------------------------------------------------------------


def _message(values: Mapping[str, Any], place: str, layout: Layout) -> list[Message]:  # noqa: ARG001
    """Read a record that is one message, or several of one side with a separator between them."""
    conversation = _text(values.get("conversation"), "conversation id").strip()
    if not conversation and "conversation" in layout.columns and layout.shape == "messages":
        raise RecordFaultError("no conversation id")
    if "asker" in layout.columns:
        values = _by_asker(values, layout)
    found = _by_key(values, layout) if layout.source.role_keys else [_spoken(values, layout)]
    if layout.source.separator:
        found = [part for one in found for part in _parts(one, layout)]
    return [message._replace(conversation=conversation) for message in found] if conversation else found


def _by_asker(values: Mapping[str, Any], layout: Layout) -> Mapping[str, Any]:
    """Take the name under `role` for the customer's where it is that of the row's `asker`, else for an agent's."""
    word, asker = (_text(values.get(name), name).strip() for name in ("role", "asker"))
    known = layout.roles.of(word)
    if not word or (known and (known.bot or known.role == "system")):
        return values
    return {"speaker": word} | dict(values) | {"role": "customer" if word == asker else "agent"}


def _spoken(values: Mapping[str, Any], layout: Layout) -> Message:
    """Make a message of values by column name; what is not said is a system message."""
    name, time = _name(values.get("speaker")), _when(values)
    mine, theirs = _name(values.get("customer")), _name(values.get("to"))
    kind = values.get("kind")
    raw = values.get("text")
    if _is_event(kind, layout):
        who, raw = Speaker("system", bot=False), _event(raw, kind)
    elif layout.source.opener:  # whose it is shows when the conversation is known
        found = layout.roles.of(_text(values.get("role", name), "role"))
        who = found if found and (found.bot or found.role == "system") else Speaker("user", bot=False)
    else:
        who = _who(values.get("role", name), name, layout)
    if mine is None and theirs is not None:
        sender = layout.roles.of(_text(values.get("role", name), "role"))  # an event has a sender too
        mine = (name or _name(values.get("role"))) if sender and sender.role == "user" else theirs
    return Message(
        None, who.role, _text(content(raw), "text"), time, bot=who.bot, speaker=name, customer=mine,
        id=_name(values.get("id")), reply_to=_name(values.get("reply_to")),
    )  # fmt: skip


def _by_key(values: Mapping[str, Any], layout: Layout) -> list[Message]:
    """Read a record in which the key names the role; its value is the speaker, or the text where no other is."""
    time, text = _when(values), values.get("text")
    found = []
    for key, role in layout.source.role_keys.items():
        value = values.get(f"key:{key}")
        if value is None or value == "":
            continue
        who = speaker(role)
        apart = "text" in layout.columns  # the key holds the speaker's name, the text lies under a key of its own
        said = _text(text if apart else value, "text")
        name = (_name(value) if apart else _name(values.get("speaker"))) or key
        found.append(
            Message(
                None, who.role, said, time, bot=who.bot, speaker=name, customer=_name(values.get("customer")),
                id=_name(values.get("id")), reply_to=_name(values.get("reply_to")),
            )
        )  # fmt: skip
    if not found:
        raise RecordFaultError("no role: none of the keys " + ", ".join(layout.source.role_keys))
    return found


def _parts(message: Message, layout: Layout) -> Iterator[Message]:
    """Part a message by the separator that the recipe names."""
    mark = layout.source.separator
    parts = [part for part in message.raw.split(mark) if part.strip()] if mark else []
    if len(parts) < 2:
        yield message
        return
    for part in parts:
        yield message._replace(raw=part.strip())


# --- a question with its answer per record ----------------------------------------------------------------------


def _question(values: Mapping[str, Any], place: str, layout: Layout) -> list[Message]:
    """Read a record that is a question with its answer: reasoning, a system prompt and a history may come along.

    What is a list of texts, such as steps, is joined by line breaks. A similar question has the same answer, in a
    conversation of its own; a row that has nothing but those is one more of the question above it.
    """
    question, extra, answer = (
        _text(reasoning.as_text(values.get(name)), name) for name in ("question", "input", "answer")
    )
    further = [way for key, value in values.items() if key.startswith("similar") for way in ways(value, layout)]
    if not question.strip():
        if not extra.strip() and further:
            question, *further = further
        elif not extra.strip():
            raise RecordFaultError("no question")
        else:
            question, extra = extra, ""
    cot = _text(reasoning.as_text(values["cot"]), "reasoning") if "cot" in values else None
    conversation = _text(values.get("conversation"), "conversation id").strip() or place
    asked = f"{question}\n{extra}" if extra.strip() else question
    time = _time(values.get("time"))
    found = []
    system = _text(values.get("system"), "system prompt") if "system" in layout.columns else ""
    if system.strip():
        found.append(Message(conversation, "system", system, time, record=True))
    for pair in values.get("history") or []:
        if not isinstance(pair, list) or len(pair) != 2:
            raise RecordFaultError("the history is not a list of pairs of a question and an answer")
        found += [
            Message(conversation, role, _text(text, "history"), time, record=True)
            for role, text in zip(("user", "assistant"), pair, strict=True)
        ]
    found.append(Message(conversation, "user", asked, time, record=True))
    found.append(Message(conversation, "assistant", answer, time, cot, record=True))
    known = {question.strip()}
    for way in further:
        if way not in known:
            known.add(way)
            name = f"{conversation}{SIMILAR}{len(known)}"
            found.append(Message(name, "user", way, time, record=True))
            found.append(Message(name, "assistant", answer, time, cot, record=True))
    return found


def ways(value: Any, layout: Layout) -> list[str]:  # noqa: ANN401
    """Return the similar questions of a record: a list of texts or of objects with one, or a text of several."""
    if isinstance(value, str) and value.lstrip().startswith('["'):  # a list written as JSON
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    if isinstance(value, list):
        texts = [
            item.get(next((k for k in _WAY if k in item), "")) if isinstance(item, dict) else item for item in value
        ]
        return [text for item in texts if (text := _text(item, "similar question").strip())]
    text, mark = _text(value, "similar question"), layout.source.separator
    return [part.strip() for part in (text.split(mark) if mark else _PARTED.split(text)) if part.strip()]


# --- a conversation per record ----------------------------------------------------------------------------------


def _conversation(values: Mapping[str, Any], place: str, layout: Layout) -> list[Message]:
    """Read a record that holds a whole conversation; one bad message sets the record aside."""
    messages = values.get("messages")
    if isinstance(messages, str) and (layout.source.line or layout.source.separator):
        messages = [part for part in cut(messages, layout.source.separator or "\n") if part.strip()]
    before, after = (
        _aside(values, name, given, layout)
        for name, given in (("before", layout.source.before), ("after", layout.source.after))
    )
    if not isinstance(messages, list):
        raise RecordFaultError("no list of messages")
    conversation: str | None = _text(values.get("conversation"), "conversation id").strip() or place
    customer = _name(values.get("customer"))
    if customer and "conversation" not in layout.columns:
        conversation = None  # all that he ever said: silences part it
    found = before if messages or before or after else [Message(None, "system", "")]  # nothing was said in it
    system = values.get("system") if "system" in layout.columns else None
    if isinstance(system, str) and system.strip():
        found = [Message(None, "system", system), *found]
    if messages and all(isinstance(message, str) for message in messages):
        found += _strings(messages, layout)
    else:
        for message in messages:
            found += _entry(message, layout, values.get("asker"))
    finished = layout.source.finished
    found = [message._replace(conversation=conversation, record=finished) for message in found + after]
    return found if conversation else [message._replace(customer=customer) for message in found]


def _entry(message: Any, layout: Layout, asker: Any) -> list[Message]:  # noqa: ANN401
    """Read one entry of a conversation's list; its text may be a list of texts."""
    if not isinstance(message, dict):
        raise RecordFaultError("a message is not an object")
    keys = _inner(message, layout)
    values = {name: value_at(message, key) for name, key in keys.items()}
    values |= {f"key:{key}": message.get(key) for key in layout.source.role_keys}
    if asker is not None and "role" in values:
        values["role"] = "customer" if _is_his(str(values["role"]), str(asker)) else "agent"
    said, thought = reasoning.parts(values.get("text"))
    parts = said if isinstance(said, list) and all(not isinstance(part, (dict, list)) for part in said) else [said]
    if isinstance(said, list) and not said:
        raise RecordFaultError("no message in it")
    if _is_event(values.get("kind"), layout) and "text" not in keys:
        parts = [json.dumps(message, ensure_ascii=False, sort_keys=True)[:LONGEST_EVENT]]
    found = []
    for part in parts:
        each = values | {"text": content(part)}
        found += _by_key(each, layout) if layout.source.role_keys else [_spoken(each, layout)]
    cot = reasoning.as_text(values.get("cot")) or thought
    found = [m._replace(cot=_text(cot, "reasoning")) for m in found] if isinstance(cot, str) and cot else found
    return [part for one in found for part in _parts(one, layout)]


def _is_his(role: str, asker: str) -> bool:
    """Tell whether a message is the asker's: 42, or a word for what he is before it, as in user42."""
    return role == asker or (role.endswith(asker) and asker.isdecimal() and role.removesuffix(asker).isalpha())


def content(said: Any) -> Any:  # noqa: ANN401
    """Return the text of a list of typed parts, [{"type": "text", "text": …}, …]; anything else as it is.

    Where some parts are bare texts, as in Telegram's exports, all are one text, and the others its bold words or links.
    """
    if isinstance(said, list) and said and all(isinstance(part, dict) and len(part) == 1 for part in said):
        kinds = [next(iter(part.items())) for part in said]  # Freshchat's: [{"text": {"content": …}}, {"image": …}]
        if any(isinstance(value, dict) for _, value in kinds):
            parts = [(value.get("content") if isinstance(value, dict) else value, kind) for kind, value in kinds]
            return "\n".join(part if isinstance(part, str) else f"[{kind}]" for part, kind in parts)
    if not isinstance(said, list) or not any(isinstance(part, dict) and "type" in part for part in said):
        return said
    if not all(isinstance(part, str) or (isinstance(part, dict) and "type" in part) for part in said):
        return said
    texts = [part if isinstance(part, str) else str(part.get("text") or f"[{part['type']}]") for part in said]
    return ("" if any(isinstance(part, str) for part in said) else "\n").join(texts)


def _inner(message: Mapping[str, Any], layout: Layout) -> dict[str, str | int]:
    """Find the keys of role, text, time and so on in one message inside a conversation record."""
    by_word = {str(key).strip().casefold(): str(key) for key in message}
    keys: dict[str, str | int] = {}
    for name in INNER:
        asked = layout.columns.get(name) if getattr(layout.source.columns, name) is not None else None
        known = next((by_word[word] for word in NAMES[name] if word in by_word), None)
        found = asked if asked is not None and value_at(message, asked) is not None else known
        if asked is None and (name == "reply_to" or (name == "text" and layout.source.role_keys)):
            continue
        if found is not None and (name != "role" or not layout.source.role_keys):
            keys[name] = found
    needed = [] if layout.source.role_keys else ["role", "text"]
    if _is_event(value_at(message, keys["kind"]) if "kind" in keys else None, layout):
        needed = []
    missing = [name for name in needed if name not in keys]
    if missing == ["role"] and "speaker" in keys:
        missing = []
    if missing:
        raise RecordFaultError(f"a message has no {missing[0]}")
    return keys


def cut(cell: str, separator: str) -> list[str]:
    """Part a cell; where line breaks are written as HTML, paragraphs end as well, and tags are no text."""
    if not _BREAK.fullmatch(separator):
        return cell.split(separator)
    return [_TAG.sub("", part) for part in _BREAK.split(cell)]


def _strings(messages: list[str], layout: Layout) -> list[Message]:
    """Read a list of plain texts: each says who speaks as `line` has it, else customer and agent take turns."""
    if layout.source.line:
        records = list(transcript.records(messages, layout.source, layout.source.line))
        if any(record.why for record in records):
            raise RecordFaultError("none of its lines says who speaks")
        return [_spoken(record.value, layout) for record in records]
    sides = ("user", "assistant")
    return [Message(None, sides[place % 2], text) for place, text in enumerate(messages)]


def _aside(values: Mapping[str, Any], name: str, given: Aside | None, layout: Layout) -> list[Message]:
    """Return the message outside the list, if the record has it."""
    raw = _text(values.get(f"{name}.text"), "text") if given else ""
    if given is None or not raw.strip():
        return []
    word = _text(values.get(f"{name}.by"), "role")
    who = (layout.roles.of(word) if word else None) or speaker(given.role)
    return [Message(None, who.role, raw, _time(values.get(f"{name}.time")), bot=who.bot)]


# --- values -----------------------------------------------------------------------------------------------------


def _is_event(kind: Any, layout: Layout) -> bool:  # noqa: ANN401
    """Tell whether an entry of this kind is no speech: the recipe lists the kinds that are."""
    told = bool(layout.source.said) and "kind" in layout.columns
    return told and _text(kind, "kind").strip() not in layout.source.said


def _event(raw: Any, kind: Any) -> str:  # noqa: ANN401
    said = raw if isinstance(raw, str) else "" if raw is None else json.dumps(raw, ensure_ascii=False)
    return said if said.strip() else f"[{_text(kind, 'kind').strip() or 'event'}]"


def _who(value: Any, name: str | None, layout: Layout) -> Speaker:  # noqa: ANN401
    """Return whose the role word is; an assistant whose name says so is a bot."""
    word = _text(value, "role").strip()
    found = layout.roles.of(word)
    if found is None:
        raise RecordFaultError(f"unknown role '{shown(word) if is_text(word) else word[:20]}'" if word else "no role")
    if name and found == ("assistant", False):
        own = layout.roles.of(name)
        return own if own == ("assistant", True) else found
    return found


def _name(value: Any) -> str | None:  # noqa: ANN401
    """Return an id or a name; of a list its first item."""
    if value is None:
        return None
    first = value[0] if isinstance(value, list) and value else value
    return None if isinstance(first, (dict, list)) else _text(first, "name").strip() or None


def _when(values: Mapping[str, Any]) -> str | None:
    """Return the time, behind the day where that stands in a column of its own (in sheets with a midnight)."""
    day, time = _time(values.get("date")), _time(values.get("time"))
    return " ".join(part for part in (day and _MIDNIGHT.sub("", day), time) if part) or None


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
