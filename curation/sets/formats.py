"""Records of the four set formats ↔ talks.

What a format cannot hold is left out by its writer and named by `lost`, so that nobody finds out from the training.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from curation.errors import did_you_mean, is_text, shown
from curation.mapping import NAMES
from curation.reasoning import FIELDS, as_text, parts
from curation.sets.talk import RecordError, Role, Talk, Turn

Format = Literal["alpaca", "sharegpt", "messages", "prompt-completion"]
FORMATS: tuple[Format, ...] = ("alpaca", "sharegpt", "messages", "prompt-completion")

SHAREGPT_ROLES: Mapping[str, Role] = {
    "human": "user", "user": "user", "customer": "user", "gpt": "assistant", "assistant": "assistant",
    "chatgpt": "assistant", "bot": "assistant", "model": "assistant", "system": "system", "function_call": "call",
    "observation": "tool", "tool": "tool", "function_response": "tool",
}  # fmt: skip
MESSAGE_ROLES: Mapping[str, Role] = {
    "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant", "model": "assistant",
    "system": "system", "developer": "system", "tool": "tool", "function": "tool",
}  # fmt: skip
_TO_SHAREGPT = {"user": "human", "assistant": "gpt", "system": "system", "call": "function_call", "tool": "observation"}


def format_of(record: Mapping[str, Any]) -> Format | None:
    """Tell the format of a record by its keys; None where they belong to none."""
    keys = {key.casefold() for key in record}
    if "messages" in keys and isinstance(record.get("messages"), list):
        first = record["messages"][0] if record["messages"] else {}
        return "sharegpt" if isinstance(first, dict) and "from" in first else "messages"
    if "conversations" in keys or "conversation" in keys:
        listed = record.get("conversations", record.get("conversation"))
        first = listed[0] if isinstance(listed, list) and listed else {}
        return "messages" if isinstance(first, dict) and "role" in first else "sharegpt"
    if {"prompt", "completion"} <= keys:
        return "prompt-completion"
    return "alpaca" if _key(record, "question") and _key(record, "answer") else None


def read(record: Any, form: Format | None = None) -> Talk:  # noqa: ANN401
    """Read a record; raises RecordError with fault and cure where it is in no format, or not well formed."""
    if not isinstance(record, dict):
        raise RecordError(f"expected an object, found {type(record).__name__}; write one JSON object per record")
    found = form or format_of(record)
    if found is None:
        known = "instruction and output, conversations, messages, or prompt and completion"
        raise RecordError(
            f"in no known format (keys: {', '.join(map(shown, list(record)[:6]))}); name its keys {known}"
        )
    return _READERS[found](record)


def write(talk: Talk, form: Format) -> dict[str, Any]:
    """Return a talk as a record; raises RecordError where the format cannot hold it at all."""
    return _WRITERS[form](talk)


def lost(talk: Talk, form: Format) -> list[str]:
    """Name what `write` leaves out of a record in this format."""
    found = []
    if form in ("alpaca", "prompt-completion"):
        if form == "alpaca" and talk.tools is not None:
            found.append("tools")
        if any(turn.extra for turn in talk.turns):
            found.append("keys of single turns")
    if form == "alpaca" and any(turn.reasoning for turn in talk.turns[:-1]):
        found.append("reasoning of earlier answers")
    return found


# --- Alpaca -----------------------------------------------------------------------------------------------------


def _read_alpaca(record: Mapping[str, Any]) -> Talk:
    question, answer = _key(record, "question"), _key(record, "answer")
    extra_key, system_key = _key(record, "input"), _key(record, "system")
    cot = next((key for key in record if key.casefold() in FIELDS), None)
    for name, key in (("question", question), ("answer", answer)):
        if key is None:
            cure = "instruction" if name == "question" else "output"
            raise RecordError(f"no {name}; add it as {cure}")
    asked = _text(record.get(question or ""), question)
    more = _text(record.get(extra_key), extra_key) if extra_key else ""
    joined = f"{asked}\n{more}" if asked and more else asked or more
    said, reasoning = parts(record.get(answer or ""))
    turns = []
    for pair in record.get("history") or []:
        if not isinstance(pair, list) or len(pair) != 2:
            raise RecordError("history is not a list of pairs; write it as [[question, answer], …]")
        turns += [Turn("user", _text(pair[0], "history")), Turn("assistant", _text(pair[1], "history"))]
    thought = _text(as_text(record[cot]), cot) if cot else reasoning
    turns += [Turn("user", joined), Turn("assistant", _text(said, answer), thought or None)]
    used = {question, answer, extra_key, system_key, cot, "history"}
    system = _text(record.get(system_key), system_key) if system_key else ""
    return Talk(tuple(turns), system, extra={k: v for k, v in record.items() if k not in used})


def _write_alpaca(talk: Talk) -> dict[str, Any]:
    spoken = talk.turns
    roles = [turn.role for turn in spoken]
    if any(role in ("call", "tool") for role in roles):
        raise RecordError("Alpaca cannot hold calls of tools; convert it to sharegpt or messages")
    if roles != ["user", "assistant"] * (len(roles) // 2) or not roles:
        raise RecordError("Alpaca holds questions and answers in turn only; mend the order, or use another format")
    texts = [turn.text for turn in spoken]
    record = dict(talk.extra) | {
        "instruction": texts[-2],
        "input": "",
        "output": texts[-1],
        "system": talk.system,
        "history": [[texts[i], texts[i + 1]] for i in range(0, len(texts) - 2, 2)],
    }
    return record | ({"cot": spoken[-1].reasoning} if spoken[-1].reasoning else {})


# --- ShareGPT ---------------------------------------------------------------------------------------------------


def _read_sharegpt(record: Mapping[str, Any]) -> Talk:
    key = next((k for k in ("conversations", "conversation", "messages") if k in record), "conversations")
    listed = record.get(key)
    if not isinstance(listed, list):
        raise RecordError(f"{key} is no list; write it as [{{from, value}}, …]")
    turns = [_turn(item, "from", "value", SHAREGPT_ROLES, place) for place, item in enumerate(listed, 1)]
    turns[-1:] = [_with_record_cot(turn, record) for turn in turns[-1:]]
    used = {key, "system", "tools", *(k for k in record if k.casefold() in FIELDS)}
    system = _text(record.get("system"), "system")
    if turns and turns[0].role == "system" and not system and not turns[0].extra:
        system, turns = turns[0].text, turns[1:]
    return Talk(tuple(turns), system, record.get("tools"), {k: v for k, v in record.items() if k not in used})


def _write_sharegpt(talk: Talk) -> dict[str, Any]:
    """Write a record; reasoning of the last answer alone stands beside the turns, as `cot`, else in each turn."""
    thoughts = [turn.reasoning for turn in talk.turns]
    beside = (
        bool(thoughts)
        and bool(thoughts[-1])
        and talk.turns[-1].role == "assistant"
        and not any(thought is not None for thought in thoughts[:-1])
    )
    turns = [
        {"from": _TO_SHAREGPT[turn.role], "value": turn.text}
        | ({"reasoning_content": turn.reasoning} if turn.reasoning is not None and not beside else {})
        | turn.extra
        for turn in talk.turns
    ]
    record = dict(talk.extra) | {"conversations": turns, "system": talk.system}
    if beside:
        record["cot"] = thoughts[-1]
    return record | ({"tools": talk.tools} if talk.tools is not None else {})


# --- OpenAI messages --------------------------------------------------------------------------------------------


def _read_messages(record: Mapping[str, Any]) -> Talk:
    key = next((k for k in ("messages", "conversations", "conversation") if k in record), "messages")
    listed = record.get(key)
    if not isinstance(listed, list):
        raise RecordError(f"{key} is no list; write it as [{{role, content}}, …]")
    turns = [_message(item, place) for place, item in enumerate(listed, 1)]
    turns[-1:] = [_with_record_cot(turn, record) for turn in turns[-1:]]
    used = {key, "tools", *(k for k in record if k.casefold() in FIELDS)}
    system = ""
    if turns and turns[0].role == "system" and not turns[0].extra and turns[0].text:
        system, turns = turns[0].text, turns[1:]
    return Talk(tuple(turns), system, record.get("tools"), {k: v for k, v in record.items() if k not in used})


def _message(item: Any, place: int) -> Turn:  # noqa: ANN401
    turn = _turn(item, "role", "content", MESSAGE_ROLES, place)
    calls = turn.extra.get("tool_calls")
    if turn.role == "assistant" and calls and not turn.text and turn.reasoning is None:
        extra = {k: v for k, v in turn.extra.items() if k != "tool_calls"}
        one = calls[0] if isinstance(calls, list) and len(calls) == 1 else calls
        return Turn("call", json.dumps(one, ensure_ascii=False), extra=extra)
    return turn


def _write_messages(talk: Talk) -> dict[str, Any]:
    first = [{"role": "system", "content": talk.system}] if talk.system else []
    record = dict(talk.extra) | {"messages": [*first, *map(_as_message, talk.turns)]}
    return record | ({"tools": talk.tools} if talk.tools is not None else {})


def _as_message(turn: Turn) -> dict[str, Any]:
    if turn.role == "call":
        try:
            calls = json.loads(turn.text)
        except ValueError:
            raise RecordError("a function_call is not JSON; write it as a list of calls") from None
        calls = calls if isinstance(calls, list) else [calls]
        return {"role": "assistant", "content": "", "tool_calls": calls} | turn.extra
    thought = {"reasoning_content": turn.reasoning} if turn.reasoning is not None else {}
    return {"role": turn.role, "content": turn.text} | thought | turn.extra


# --- prompt and completion --------------------------------------------------------------------------------------


def _read_prompt_completion(record: Mapping[str, Any]) -> Talk:
    prompt, completion = record.get("prompt"), record.get("completion")
    turns: list[Turn] = []
    sides: tuple[tuple[str, Any, Role], ...] = (("prompt", prompt, "user"), ("completion", completion, "assistant"))
    for name, value, role in sides:
        if isinstance(value, str):
            turns.append(Turn(role, value))
        elif isinstance(value, list):
            turns += [_message(item, place) for place, item in enumerate(value, 1)]
        else:
            raise RecordError(f"{name} is neither a text nor a list of messages")
    turns[-1:] = [_with_record_cot(turn, record) for turn in turns[-1:]]
    system = ""
    if turns and turns[0].role == "system" and not turns[0].extra:
        system, turns = turns[0].text, turns[1:]
    used = {"prompt", "completion", "tools", *(k for k in record if k.casefold() in FIELDS)}
    return Talk(tuple(turns), system, record.get("tools"), {k: v for k, v in record.items() if k not in used})


def _write_prompt_completion(talk: Talk) -> dict[str, Any]:
    record = _write_messages(talk)
    messages = record.pop("messages")
    return record | {"prompt": messages[:-1], "completion": messages[-1:]}


# --- parts of records -------------------------------------------------------------------------------------------


def _key(record: Mapping[str, Any], name: str) -> str | None:
    """Return the key of a record under which a column stands, by the names that mapping.py knows."""
    folded = {key.strip().casefold(): key for key in record}
    return next((folded[word] for word in NAMES[name] if word in folded), None)


def _turn(item: Any, role_key: str, text_key: str, roles: Mapping[str, Role], place: int) -> Turn:  # noqa: ANN401
    """Read one turn; keys that are not named here are kept as they are."""
    if not isinstance(item, dict):
        raise RecordError(f"turn {place} is no object; write it as {{{role_key}, {text_key}}}")
    for key in (role_key, text_key):
        if key not in item and not (key == text_key and "tool_calls" in item):
            raise RecordError(f"turn {place} has no '{key}'; add it")
    word = item[role_key]
    role = roles.get(word.strip().casefold()) if isinstance(word, str) else None
    if role is None:
        told = "(no text)" if not isinstance(word, str) else shown(word) if is_text(word) else f"'{word[:20]}'"
        known = ("human", "gpt", "system") if role_key == "from" else ("user", "assistant", "system", "tool")
        cure = did_you_mean(word[:20], known) if isinstance(word, str) else ""
        raise RecordError(f"turn {place} has the unknown role {told}{cure}")
    said, reasoning = parts(item.get(text_key))
    field = next((key for key in item if key.casefold() in FIELDS), None)
    if field:
        reasoning = _text(as_text(item[field]), field)
    text = _text(said, f"{text_key} of turn {place}")
    extra = {k: v for k, v in item.items() if k not in (role_key, text_key, field)}
    return Turn(role, text, reasoning, extra)


def _with_record_cot(turn: Turn, record: Mapping[str, Any]) -> Turn:
    """Give the last answer the reasoning that stands beside its record."""
    field = next((key for key in record if key.casefold() in FIELDS), None)
    if field is None or turn.role != "assistant" or turn.reasoning is not None:
        return turn
    thought = _text(as_text(record[field]), field)
    return Turn(turn.role, turn.text, thought or None, turn.extra)


def _text(value: Any, what: str | None) -> str:  # noqa: ANN401
    """Return a text; null is empty, a number is written out."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return json.dumps(value)
    kind = "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else "true or false"
    raise RecordError(f"{what} is {kind}, not text; write it as text")


_READERS: Mapping[Format, Callable[[Mapping[str, Any]], Talk]] = {
    "alpaca": _read_alpaca,
    "sharegpt": _read_sharegpt,
    "messages": _read_messages,
    "prompt-completion": _read_prompt_completion,
}
_WRITERS: Mapping[Format, Callable[[Talk], dict[str, Any]]] = {
    "alpaca": _write_alpaca,
    "sharegpt": _write_sharegpt,
    "messages": _write_messages,
    "prompt-completion": _write_prompt_completion,
}
