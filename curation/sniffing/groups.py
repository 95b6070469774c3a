"""Guess who serves in a group of a messenger where many customers ask: by name, else by how many they answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from curation import shapes
from curation.mapping import value_at
from curation.roles import Roles
from curation.sniffing.columns import speaking
from curation.sniffing.guess import Guess, Item, Question, shown, words

_COMMON = Roles({})
LEAST = 0.3  # of what the one who answers most people answers, so many answers a helper


def group(guess: Guess, chats: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """Say who serves, and ask where no name tells it. What a group itself says, its administrators say."""
    said: list[tuple[str, str, str, str]] = []  # id, name, whom it answers (an id), text
    serving = set[str]()
    for chat in chats:
        entries = chat.get(columns["messages"])
        for entry in entries if isinstance(entries, list) else []:
            name = value_at(entry, columns["speaker"]) if isinstance(entry, Mapping) else None
            text = shapes.content(value_at(entry, columns["text"])) if name else None
            if isinstance(name, str) and isinstance(text, str) and text.strip():
                said.append((str(entry.get(columns["id"])), name, str(value_at(entry, columns["reply_to"])), text))
                serving |= {name} if name == chat.get("name") else set()
    decide(guess, said, serving)


def decide(guess: Guess, said: Sequence[tuple[str, str, str, str]], serving: set[str]) -> None:
    """Say who of a crowd serves, of messages as (id, name, id of whom it answers, text); `serving` surely do."""
    names, texts = [name for _, name, _, _ in said], [text for *_, text in said]
    everybody = "a customer's messages and what is answered to them, parted by silences"
    guess.items.append(Item("session", everybody, 0.85, f"{len(set(names))} people in a group"))
    by_word = {name for name in names if (side := _COMMON.of(name)) and side.role == "assistant"}
    rest = {"user": ["*", ""]}
    if sum(name in serving | by_word for name in names) >= 0.1 * len(names) > 0:
        roles = ({"assistant": sorted(serving)} if serving else {}) | rest
        why = "their names say that they serve" if not serving else "they speak in the name of the group"
        guess.items.append(Item("roles", shown(roles), 0.9, why))
        if serving:
            guess.source["roles"] = roles
        return
    roles = {"assistant": sorted(serving) + _helpers(said, speaking(names, texts, None))} | rest
    guess.source["roles"] = roles
    guess.items.append(Item("roles", shown(roles), 0.6, "they answer many others"))
    guess.question = Question(
        f"Who answers for the business? (guess: {words(roles['assistant'])}; everybody else is a customer)",
        [("these", {}), ("others (type names, comma between them)", {"roles": {"assistant": "?"} | rest})],
        f"roles: {json.dumps(roles, ensure_ascii=False)}",
    )


def _helpers(said: Sequence[tuple[str, str, str, str]], asks: Mapping[str, float]) -> list[str]:
    """Return who answers many: those whose messages are replied to or named; where nobody replies, those spoken after.

    `asks` says how much like a customer each one speaks (above 0: more); who speaks like one is no helper.
    """
    author = {number: name for number, name, _, _ in said}
    people = set(author.values())
    linked: dict[str, set[str]] = {name: set() for name in people}
    behind: dict[str, set[str]] = {name: set() for name in people}
    before = ""
    for _, name, reply, text in said:
        named = {other for other in people if text.startswith((f"@{other}", f"{other}:", f"{other},", f"{other}，"))}
        linked[name] |= {author[reply]} if reply in author else named
        behind[name] |= {before} if before else set()
        before = name
    reach = linked if any(linked.values()) else behind
    counts = {name: len(others - {name}) for name, others in reach.items()}
    most = max(counts.values(), default=0)
    ranked = sorted(people, key=lambda name: (-counts[name], asks.get(name, 0), name))
    helpers = [name for name in ranked if counts[name] > 1 and counts[name] >= LEAST * most and asks.get(name, 0) < 0]
    return helpers or sorted(people, key=lambda name: (asks.get(name, 0), -counts[name], name))[:1]
