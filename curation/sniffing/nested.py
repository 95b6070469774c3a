"""Guess records that hold a whole conversation each: the list, its id, and messages outside it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from curation import built
from curation.mapping import value_at
from curation.roles import Roles
from curation.sniffing.columns import Column, flatten, similar_paths
from curation.sniffing.guess import Guess, Item, Question, words
from curation.sniffing.messages import messages

_NUMBER = re.compile(r"(?i)(?:id|no|number|号)$")


def list_path(records: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the path of the list of messages inside the records: the one that holds most text."""
    sizes: Counter[str] = Counter()

    def walk(value: Any, path: str, depth: int) -> None:  # noqa: ANN401
        if isinstance(value, Mapping) and depth < 5:
            for key, inner in value.items():
                walk(inner, f"{path}.{key}" if path else str(key), depth + 1)
        elif isinstance(value, list) and value:
            if len(value) == 1 and depth < 5:
                walk(value[0], f"{path}.0", depth + 1)
            if all(isinstance(item, Mapping) for item in value):
                sizes[path] += sum(
                    len(text) for item in value for text in texts_of(item) if " " in text or len(text) > 3
                )
            elif len(value) > 1 and all(isinstance(item, str) for item in value):
                sizes[path] += sum(map(len, value))
            elif all(isinstance(item, list) and len(item) == 2 for item in value):
                sizes[path] += 0

    for record in records[:300]:
        walk(record, "", 0)
    for path in similar_paths(records):
        sizes.pop(path, None)  # other ways to ask a question
    beside = sum(len(text) for record in records[:300] for text in texts_of(record))
    best = max(sizes, key=lambda path: sizes[path], default=None)
    if best is None or sizes[best] < 0.4 * beside or sizes[best] == 0:
        return None
    return best


def texts_of(value: Any) -> list[str]:  # noqa: ANN401
    """Return the texts right inside a mapping, and in mappings and lists of texts inside it."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [
            text
            for inner in value.values()
            if not isinstance(inner, list) or (inner and isinstance(inner[0], str))
            for text in texts_of(inner)
        ]
    return [text for item in value for text in texts_of(item)] if isinstance(value, list) else []


def nested(guess: Guess, records: Sequence[Mapping[str, Any]], path: str) -> None:
    """Guess the mapping of records that hold a list of messages each."""
    held = [(i, record, value_at(record, path) or []) for i, record in enumerate(records)]
    columns: dict[str, Any] = {"messages": path}
    guess.source |= {"shape": "conversations", "columns": columns}
    n = [len(messages) for _, _, messages in held]
    guess.items.append(
        Item("shape", "one conversation per record", 0.97, f"'{path}' is a list of {sum(n) / len(n):.1f} on average")
    )
    outer = [c for c in flatten(records) if str(c.key) != path and not str(c.key).startswith(path + ".")]
    _session_id(guess, columns, outer)
    if all(isinstance(m, str) for _, _, messages in held for m in messages):
        _strings(guess, [m for _, _, messages in held for m in messages])
        return
    entries = [(str(i), m) for i, _, messages in held for m in messages if isinstance(m, Mapping)]
    sessions, inner = [session for session, _ in entries], [entry for _, entry in entries]
    messages(guess, columns, flatten(inner), inner, sessions)
    if not guess.source.get("role_keys") and not {"role", "text"} <= set(columns):
        what = " and ".join(name for name in ("role", "text") if name not in columns)
        guess.items.append(Item(what, "?", 0.2, "no key of a message says it"))
        guess.question = guess.question or Question(
            f"Which key of a message holds its {what}? (keys: {words([str(c.key) for c in flatten(inner)][:9])})",
            [],
            f"columns: {json.dumps(columns | dict.fromkeys(what.split(' and '), '…'), ensure_ascii=False)}",
        )
    _outside(guess, columns, outer, held)
    _finished(guess, inner, outer)


def _session_id(guess: Guess, columns: dict[str, Any], outer: Sequence[Column]) -> None:
    """Find the id of the conversation beside its list: different in every record, named like one.

    Of one record alone every id is different, such as that of the account: there its name has to say it.
    """
    several = [
        c
        for c in outer
        if c.key == "conversation"
        or (c.fill > 0.95 and c.distinct > 0.95 and c.sentences < 0.3 and (c.times < 0.6 or _numbered(c)))
        if len(c.values) > 1 or c.named("conversation")
    ]
    scored = [
        (
            c.named("conversation") * 2
            + c.named("message")
            + (str(c.key).lower().endswith("id")) * 0.5
            - str(c.key).count(".") * 0.1,
            c,
        )
        for c in several
    ]
    best = max(scored, key=lambda pair: pair[0], default=None)
    if best and best[0] > 0.4:
        columns["conversation"] = best[1].key
        guess.items.append(Item("session", str(best[1].key), 0.95, "different in every record"))
    else:
        guess.items.append(Item("session", "the record", 0.9, "each record is one conversation"))


def _numbered(column: Column) -> bool:
    """Tell whether it holds numbers of conversations, which may look like seconds since 1970."""
    return column.numbers == 1 and column.named("conversation") and bool(_NUMBER.search(str(column.key)))


def _outside(
    guess: Guess,
    columns: dict[str, Any],
    outer: Sequence[Column],
    held: Sequence[tuple[int, Mapping[str, Any], list[Any]]],
) -> None:
    """Find a message that stands outside the list: a question before it, or the reply that ends it."""
    options = [c for c in outer if c.fill > 0.6 and c.sentences > 0.6 and c.length > 15 and c.distinct > 0.5]
    options = [
        c
        for c in options
        if not re.search(r"title|subject|summary|tag|标题|主题|摘要|^system|^name$", str(c.key), re.I)
    ]
    inside = {text for _, _, messages in held for message in messages for text in texts_of(message)}
    options = [c for c in options if sum(v in inside for v in c.filled) < 0.3 * len(c.filled)]
    if not options:
        return
    best = max(options, key=lambda c: c.length * c.sentences)
    last, first = _ends(guess, columns, held)
    after = last.get("user", 0) > 0.6 and not re.search(r"descr|question|first|initial|问题|描述", str(best.key), re.I)
    place, side = ("after", "assistant") if after else ("before", "user")
    sure = 0.9 if (after and last.get("user", 0) > 0.8) or (not after and first.get("assistant", 0) > 0.6) else 0.7
    guess.source[place] = {"text": best.key, "role": side}
    why = (
        f"the list ends with the customer in {last.get('user', 0):.0%}"
        if after
        else f"it begins with the agent in {first.get('assistant', 0):.0%}"
    )
    guess.items.append(Item(f"message {place} the list", f"{best.key} ({side})", sure, why))


def _ends(
    guess: Guess, columns: dict[str, Any], held: Sequence[tuple[int, Mapping[str, Any], list[Any]]]
) -> tuple[dict[str, float], dict[str, float]]:
    """Return how often each side says the last and the first message of a list."""
    roles = Roles(guess.source.get("roles", {}))
    keys = guess.source.get("role_keys", {})

    def side(entry: Any) -> str:  # noqa: ANN401
        if keys:
            return next((role for key, role in keys.items() if isinstance(entry, Mapping) and entry.get(key)), "")
        found = (
            roles.of(str(value_at(entry, columns["role"]) or ""))
            if "role" in columns and isinstance(entry, Mapping)
            else None
        )
        return found.role if found else ""

    lists = [messages for _, _, messages in held if messages]
    last, first = (Counter(side(messages[i]) for messages in lists) for i in (-1, 0))
    n = max(len(lists), 1)
    return {k: v / n for k, v in last.items()}, {k: v / n for k, v in first.items()}


def _finished(guess: Guess, entries: Sequence[Mapping[str, Any]], outer: Sequence[Column]) -> None:
    """Recognise a set that was made for training: ShareGPT or messages, user and assistant in strict turns."""
    keys = {frozenset(map(str, entry)) for entry in entries[:500]}
    forms = [{"from", "value"}, {"role", "content"}]
    path = str(guess.source["columns"]["messages"])
    if any(all(form <= key and len(key) <= 3 for key in keys) for form in forms) and path in (
        "conversations",
        "messages",
    ):
        words = {str(entry.get("from", entry.get("role", ""))).casefold() for entry in entries}
        if (
            words <= {"human", "gpt", "system", "user", "assistant", "observation", "function_call"}
            and {"gpt", "assistant"} & words
        ):
            guess.source["finished"] = True
            guess.items.append(Item("kind of set", "finished: to be cleaned", 0.85, "the layout that trainers load"))
            if any(c.key == "system" for c in outer):
                guess.source["columns"]["system"] = "system"


def _strings(guess: Guess, texts: Sequence[str]) -> None:
    """Guess who speaks in lists of plain texts: by a name before each, or in turns."""
    line, share = built.guess_line(texts)
    if share > 0.8:
        guess.source["line"] = line
        guess.items.append(Item("line", line, min(0.95, share), f"{share:.0%} of the texts begin so"))
    else:
        guess.items.append(Item("roles", "customer and agent in turns", 0.7, "the texts name nobody"))
        guess.question = Question(
            "Do customer and agent take turns in each list, the customer first?",
            [("yes", {}), ("no", {"shape": "conversations"})],
            "line: '{name}: {text}'   # if each text names its speaker",
        )
