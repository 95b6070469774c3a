"""Which column holds what, in one file: the recipe's answer, or names that everybody uses.

The lists below are header names as common exports write them; matching ignores case and surrounding space. A
recipe's own mapping always comes first. `siftune sniff` guesses where names do not help.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curation import presets
from curation.errors import SourceError, did_you_mean, shown
from curation.nesting import bounded
from curation.recipe import Columns, Source
from curation.roles import Roles, simplified

NAMES: dict[str, tuple[str, ...]] = {
    "conversation": (
        "conversation", "conversation_id", "conversationid", "session", "session_id", "sessionid", "dialogue_id",
        "dialogueid", "dialog_id", "chat_id", "ticket", "ticket_id", "case_id", "thread_id",
        "会话id", "会话编号", "会话", "对话id", "工单号", "工单编号",
    ),
    "role": (
        "role", "sender", "from", "speaker", "author_type", "sender_type", "direction",
        "发送方", "角色", "发送者", "说话人", "发送人类型", "发送者类型", "发送方类型", "消息发送者类型", "发言人",
    ),
    "text": (
        "text", "content", "message", "body", "value", "utterance", "utterances", "msg",
        "内容", "消息内容", "消息", "聊天内容", "发言内容", "文本",
    ),
    "time": (
        "time", "timestamp", "created_at", "datetime", "date", "ts", "sent_at",
        "时间", "发送时间", "消息时间", "聊天时间", "发言时间",
    ),
    "date": (),
    "messages": ("messages", "conversations", "turns", "dialogue", "dialog", "utterances", "history"),
    "question": ("question", "instruction", "query", "prompt", "问题", "提问", "用户问题", "标准问", "标准问题"),
    "input": ("input",),
    "similar": (
        "similar_questions", "similarquestions", "similar_question", "相似问", "相似问题", "相似问法", "相似问句",
        "扩展问", "扩展问题",
    ),
    "answer": ("answer", "output", "response", "reply", "completion", "回答", "答案", "回复"),
    "cot": ("cot", "reasoning", "thought_process", "complex_cot", "reasoning_content", "思考", "推理", "解析"),
    "system": ("system", "system_prompt", "系统提示词"),
    "history": ("history",),
    "speaker": ("author_name", "sender_name", "nickname", "昵称", "发送者昵称", "发送人昵称", "客服昵称"),
    "customer": (),
    "to": (),
    "id": ("message_id", "messageid", "msg_id", "msgid", "消息id", "消息编号"),
    "reply_to": ("in_reply_to", "reply_to", "in_reply_to_id", "reply_to_id", "parent_id"),
    "kind": (),
    "asker": (),
}  # fmt: skip

# Looked up in each message of a conversation; `reply_to` only where the recipe names it.
INNER = ("role", "text", "time", "speaker", "id", "reply_to", "kind", "to", "cot")

# What a shape cannot do without; one of several names is enough. Inner names are looked up message by message.
NEEDED: dict[str, tuple[tuple[str, ...], ...]] = {
    "messages": (("conversation", "customer", "to", "reply_to"), ("role", "role_keys"), ("text", "role_keys")),
    "conversations": (("messages",),),
    "records": (("question", "similar", "similar.0"),),
    "transcript": (("text",),),
}


@dataclass(frozen=True)
class Layout:
    """What a source's mapping comes to in one file: the shape, the key of every column that exists, whose words.

    Beside the names of `Columns` there are ``before.text``, ``before.time``, ``after.text``, ``after.time`` (messages
    outside the list) and ``key:NAME`` for every key of `role_keys`.
    """

    shape: str
    columns: dict[str, str | int]
    roles: Roles
    source: Source

    @property
    def plain(self) -> bool:
        """Whether each record is one message or one question and answer, taken from its cells as they stand.

        Only then may many records be read at once (bulk.py); a shape that cuts cells up, joins records or finds roles
        in key names must say False here, and every record goes through shapes.py.
        """
        more = set(self.columns) & {"to", "kind", "system", "history", "asker", "date", "similar", "similar.0"}
        source = self.source
        special = source.role_keys or source.separator or source.opener or source.fill_down
        return self.shape in ("messages", "records") and not (more or special)


def settle(source: Source, keys: Iterable[str], objects: Sequence[Mapping[str, Any]] | None, file: str) -> Layout:
    """Find the shape and the columns of a file from its keys and the recipe.

    `objects` are the first records of a JSON file; None for a table, whose keys are its header. Raises SourceError
    when no shape fits. A header is shown in that error only where part of it is known: the first line of a table
    without header is a record, and errors never hold the text of a record.
    """
    present = list(keys)
    columns = named_columns(source.columns, present)
    shape = source.shape if source.shape != "auto" else _shape(source, columns, objects or [])
    inner = INNER if shape == "conversations" else ()
    told = columns | (_outside(source, shape) if objects is None else {})
    strange = {
        name: key for name, key in told.items()
        if isinstance(key, str) and name not in inner and not _is_there(key, present, objects)
    }  # fmt: skip
    usual = presets.PRESETS[source.preset].source.get("columns", {}) if source.preset else {}
    # Not every export has all of them; a preset's path may begin with the key of what it stands in.
    absent = {n for n, key in strange.items() if n in usual and (key == usual[n] or str(key).endswith(f".{usual[n]}"))}
    columns = {name: key for name, key in columns.items() if name not in absent}
    strange = {name: key for name, key in strange.items() if name not in absent}
    known = [name for name in columns if name not in strange]
    if objects is not None or known:
        found = f"; found: {', '.join(map(shown, present[:20]))}" if present else ""
    elif source.header:
        found = f"; none of the {len(present)} names in its first line is known: is it a header at all?"
    else:
        found = ""
    if strange and (source.header or objects is not None):
        first = next(iter(strange.values()))
        below = next((path for path in _paths(objects or []) if path.endswith(f".{first}")), None)
        near = f"; did you mean '{shown(below)}'?" if below else ""
        if not below and found.startswith("; found"):
            near = did_you_mean(first, present).partition("; known")[0]
        raise SourceError(f"{file}: the recipe's column '{first}' is not there{found}{near}")
    said = {"role_keys": source.role_keys, "reply_to": source.replies, "conversation": source.stream}
    has = set(columns) | {name for name, given in said.items() if given}
    if source.replies and source.replies.lines is None and "id" not in columns:
        cure = "name it (columns: {id: …}), or say replies: {lines: 1} where the links are numbers of lines"
        raise SourceError(f"{file}: replies need the column that holds the id of a message; {cure}")
    missing = [names[0] for names in NEEDED.get(shape, ()) if not has & set(names)]
    if not shape or missing:
        what = f"no column for {' and '.join(missing)}" if shape else "no column names that say what holds what"
        cure = "{conversation: …, role: …, text: …}"
        if objects is None and not source.header:
            cure = "{conversation: 0, role: 1, text: 2}"
        raise SourceError(
            f"{file}: {what}{found}; let `siftune sniff` guess them, "
            f"or name them in the recipe, e.g. sources: [{{columns: {cure}}}]"
        )
    return Layout(shape, columns | _outside(source, shape), Roles(source.roles), source)


def _outside(source: Source, shape: str) -> dict[str, str | int]:
    """Return the columns that the recipe names elsewhere than under `columns`."""
    found: dict[str, str | int] = {}
    for place, aside in (("before", source.before), ("after", source.after)):
        if aside is not None:
            found[f"{place}.text"] = aside.text
            found |= {f"{place}.{part}": path for part, path in (("by", aside.by), ("time", aside.time)) if path}
    if shape == "messages":
        found |= {f"key:{key}": key for key in source.role_keys}
    return found


def named_columns(given: Columns, present: Iterable[str]) -> dict[str, str | int]:
    """Return the key of every column: as the recipe names it, else the first common name that is `present`."""
    by_word = {simplified(plain(str(key)).casefold()): key for key in present}
    columns: dict[str, str | int] = {}
    for name, known in NAMES.items():
        asked = getattr(given, name)
        if isinstance(asked, list):
            columns |= {f"{name}.{place}": key for place, key in enumerate(asked)}
            continue
        found = asked if asked is not None else next((by_word[word] for word in known if word in by_word), None)
        if found is not None:
            columns[name] = found
    return columns


def plain(key: str) -> str:
    """Return a name without space around it, or the byte order mark of a file that was saved with one twice."""
    return key.strip().strip("\ufeff").strip()


def value_at(record: Mapping[str, Any], key: str | int) -> Any:  # noqa: ANN401
    """Return a value by key, or by a path such as ``data.turns``; None where there is none.

    In a path a number takes an item of a list: ``tolist.0``. A text that is an object written as JSON is one.
    """
    if str(key) in record:
        return record[str(key)]
    value: Any = record
    for step in str(key).split("."):
        value = opened(value)
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def opened(value: Any) -> Any:  # noqa: ANN401
    """Return the object that a text is, where it is one written as JSON: ``{"text": "hello"}``; else the value."""
    if not isinstance(value, str) or not value.startswith('{"') or not value.endswith("}"):
        return value
    try:
        inner = bounded(json.loads(value), value)
    except (ValueError, RecursionError):
        return value
    return inner if isinstance(inner, dict) else value


def _paths(objects: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the paths to what stands in objects inside the first of these objects."""
    found = list[str]()

    def walk(value: Mapping[str, Any], above: str, depth: int) -> None:
        for key, inner in value.items():
            found.append(f"{above}{key}")
            if isinstance(inner, Mapping) and depth:
                walk(inner, f"{above}{key}.", depth - 1)

    for one in objects[:1]:
        walk(one, "", 4)
    return found


def _is_there(key: str, present: list[str], objects: Sequence[Mapping[str, Any]] | None) -> bool:
    return key in present or any(value_at(record, key) is not None for record in objects or [])


def _shape(source: Source, columns: dict[str, str | int], objects: Sequence[Mapping[str, Any]]) -> str:
    """Guess the shape: a list of messages inside the record, else role and text, else question and answer."""
    if source.columns.messages is not None:
        return "conversations"
    held = (value_at(record, columns["messages"]) for record in objects if "messages" in columns)
    if any(isinstance(value, list) and value and isinstance(value[0], dict) for value in held):
        return "conversations"
    if ("role" in columns and "text" in columns) or source.role_keys:
        return "messages"
    return "records" if "question" in columns else ""
