"""Guess what belongs to single messages: text, time, who speaks, kinds of events, separators."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from curation.roles import Roles
from curation.sniffing.columns import Choice, Column, role_column, sides, speaking, text_column, time_column
from curation.sniffing.guess import SURE, Guess, Item, Question, shown, words

_COMMON = Roles({})
_MARKS = re.compile(
    r"\s*(!@@@!|<sep>|\[SEP\]|</?s>|<eo[a-z]>|__eo[ut]__|\|\|\||#{3,}|\${3,}|@{3,}|~{4,}|<br\s*/?>|\\n)\s*", re.I
)


def messages(
    guess: Guess,
    columns: dict[str, Any],
    found: Sequence[Column],
    entries: Sequence[Mapping[str, Any]],
    sessions: list[str] | None,
) -> str | None:
    """Guess text, time, role and kind among columns that belong to single messages; return the key of the role."""
    by_key = _role_keys(entries) if entries and isinstance(entries[0], Mapping) else {}
    text = text_column(found, set(by_key))
    if text is None and by_key:  # the keys hold what is said
        guess.source["role_keys"] = by_key
        guess.items.append(Item("roles", shown(by_key), 0.95, "each message has one of these keys, with its text"))
        return None
    if text is None:
        return None
    taken: set[str | int] = {text.value}
    time = time_column(found, taken)
    by_name = {column.key: column for column in found}
    role = None
    if time:
        taken.add(time.value)
    if not by_key:
        role = role_column(found, taken)
        if role is None or by_name[role.value].known_roles < 0.5 or by_name[role.value].numbered:
            role = _by_name(found, taken, sessions) or _by_word(guess, found, taken) or role
    columns["text"] = text.value
    guess.note("text", text)
    if time:
        columns["time"] = time.value
        guess.note("time", time)
    said = by_name[text.value].values
    if by_key:
        guess.source["role_keys"] = by_key
        guess.items.append(Item("roles", shown(by_key), 0.95, "each message has one of these keys"))
        return None
    if role:
        columns["role"] = role.value
        guess.note("role", role)
        taken.add(role.value)
        kinds(guess, columns, found, taken, by_name[role.value], said, sessions)
        by_name[role.value] = _speech(guess, columns, by_name[role.value], said)
        if "roles" in guess.source:
            guess.items.append(Item("roles", shown(guess.source["roles"]), role.confidence, role.why))
        else:
            who_is_who(guess, by_name[role.value], said, sessions)
    mark = separator(said)
    if mark:
        guess.source["separator"] = mark
        guess.items.append(Item("separator", mark, 0.9, "it parts many texts"))
    return role.value if role else None


def _role_keys(entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return role by key, where every message has exactly one of several keys that are words of roles."""
    names = Counter(str(key) for entry in entries for key in entry)
    roles = {key: side for key in names if (side := _side(key)) not in ("", "system")}
    if len(set(roles.values())) < 2:
        return {}
    one = sum(sum(key in entry and entry[key] not in (None, "") for key in roles) == 1 for entry in entries)
    if one < 0.98 * len(entries):
        return {}
    return dict(sorted(roles.items(), key=lambda pair: (-names[pair[0]], pair[0])))


def kinds(
    guess: Guess, columns: dict[str, Any], found: Sequence[Column], taken: set[str | int], role: Column,
    said: Sequence[str], sessions: list[str] | None,
) -> None:  # fmt: skip
    """Find a column of event types, and which of them are spoken."""
    options = [
        c for c in found
        if c.key not in taken and c.named("kind") and 2 <= len(c.counts) <= 40 and c.fill > 0.9 and c.sentences < 0.3
    ]  # fmt: skip
    for column in sorted(options, key=lambda c: (-len(c.counts), str(c.key))):
        spoken = _spoken(column, role, said, sessions)
        silent = [kind for kind in column.counts if kind not in spoken]
        heard = {who for kind, who in zip(column.values, role.values, strict=True) if kind in spoken}
        if spoken and silent and (len(heard) > 1 or len(role.counts) < 2):  # else it parts the sides
            columns["kind"] = column.key
            guess.source["said"] = spoken
            why = "the others are instructions, calls or events: " + ", ".join(silent[:6])
            guess.items.append(Item("kind", f"{column.key}: {', '.join(spoken)} are said", 0.85, why))
            return


def _speech(guess: Guess, columns: dict[str, Any], role: Column, said: Sequence[str]) -> Column:
    """Return the column of the role without what never has a text, where it names events: those are not spoken."""
    texts: Counter[str] = Counter(who for who, text in zip(role.values, said, strict=True) if text.strip())
    silent = {who for who in role.counts if not texts[who]}
    if "kind" in columns or not silent or len(texts) < 2 or not role.named("kind"):
        return role
    columns["kind"] = role.key
    guess.source["said"] = [who for who in role.counts if who not in silent]
    why = "the others have no text: " + ", ".join(sorted(silent)[:6])
    guess.items.append(Item("kind", f"{role.key}: {', '.join(guess.source['said'])} are said", 0.9, why))
    return Column(role.key, ["" if who in silent else who for who in role.values])


def _spoken(column: Column, role: Column, said: Sequence[str], sessions: list[str] | None) -> list[str]:
    """Return the kinds of events that are speech.

    Speech has text, stands in the name of a side, and the other side answers it: a kind that its own side nearly
    always follows with another event is a preparation (a request for suggestions, a query), not an answer.
    """
    rows = list(zip(column.values, role.values, said, sessions or [""] * len(said), strict=True))
    with_text: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    total: Counter[str] = Counter(column.values)
    by_side: dict[str, Counter[str]] = {}
    for place, (kind, who, text, session) in enumerate(rows):
        with_text[kind] += bool(text.strip())
        by_side.setdefault(kind, Counter())[who] += 1
        following = [r for r in rows[place + 1 : place + 2] if r[3] == session]
        answered[kind] += not following or following[0][1] != who
    event = re.compile(
        r"event|system|join|leave|left|transfer|clos|assign|note|snooz|open|api|query|instruct|系统|事件|通知|撤回|revoke",
        re.I,
    )
    spoken = []
    for kind in total:
        known = {s.role for who in by_side[kind] if (s := _COMMON.of(who))} & {"user", "assistant"}
        named = known or role.known_roles < 0.5  # else who speaks is known by name
        if with_text[kind] < 0.5 * total[kind] or not named or event.search(kind):
            continue
        if answered[kind] < 0.3 * total[kind]:
            continue
        spoken.append(kind)
    return spoken


def who_is_who(guess: Guess, role: Column, said: Sequence[str], sessions: list[str] | None) -> None:
    """Map the words of the role, and ask where how people speak does not tell."""
    kinds, texts = guess.source.get("said"), list(said)
    values = role.values
    helpers = _helpers(role, sessions) if role.known_roles < 0.95 else []  # some may be known by a word
    if helpers:
        guess.source["roles"] = {"assistant": helpers, "user": ["*"]}
        why = "they speak in many conversations, everybody else in one"
        guess.items.append(Item("roles", shown(guess.source["roles"]), 0.85, why))
        return
    choice = sides(role, texts, sessions)
    given = {side: words for side, words in choice.value.items() if words}
    unmapped = [word for word in choice.others if word]
    common = all(_side(word) == side for side, some in given.items() for word in some)
    rare = sum(role.counts[word] for word in unmapped) < 0.02 * len(role.filled)
    if unmapped and rare and {"user", "assistant"} <= given.keys():
        given.setdefault("system", []).extend(word for word in unmapped if re.fullmatch(r"[\w -]+", word))
        given = {side: some for side, some in given.items() if some}
        choice.confidence = max(choice.confidence, 0.85)
        choice.why += f"; rare: {words(unmapped)}"
    elif unmapped and not kinds:
        scores = speaking(values, texts, sessions)
        for word in unmapped:
            side = "user" if scores.get(word, 0) > 0 else "assistant"
            given.setdefault(side, []).append(word)
        choice.confidence = min(choice.confidence, 0.7)
    elif unmapped:
        given.setdefault("system", []).extend(unmapped)
        choice.confidence = max(choice.confidence, 0.85)
    many = max((len(ws) for ws in given.values()), default=0) > 20
    if (not common or unmapped) and not many:
        guess.source["roles"] = given
    guess.note("roles", choice, given if not many else "names with a word of a side in them")
    if choice.confidence < SURE and not guess.question:
        _ask_sides(guess, given, role)


def _by_name(found: Sequence[Column], taken: set[str | int], sessions: Sequence[str] | None) -> Choice | None:
    """Find who speaks by name or number: some in many conversations, the others in one each."""
    named = [c for c in found if c.key not in taken and (c.named("role") or c.named("speaker")) and c.sentences < 0.5]
    names = next((c for c in named if _helpers(c, sessions)), None)
    if names is None:
        return None
    return Choice(names.key, 0.85, f"{len(names.counts)} names, few of them in many conversations")


def _by_word(guess: Guess, found: Sequence[Column], taken: set[str | int]) -> Choice | None:
    """Find who speaks by name where some names say that they serve: the others are customers."""
    for column in found:
        if column.key in taken or not (column.named("role") or column.named("speaker")) or column.sentences > 0.5:
            continue
        sides_of = {name: _side(name) for name in column.counts}
        serving = sum(n for name, n in column.counts.items() if sides_of[name] == "assistant")
        if 0.15 < serving / max(len(column.filled), 1) < 0.9 and set(sides_of.values()) == {"assistant", ""}:
            guess.source["roles"] = {"user": ["*"]}
            return Choice(column.key, 0.85, "some names say that they serve; the others are customers")
    return None


def _helpers(role: Column, sessions: Sequence[str] | None) -> list[str]:
    """Return who speaks in many conversations, where everybody else speaks in one, and these are more."""
    seen: dict[str, set[str]] = {}
    for name, session in zip(role.values, sessions or [], strict=bool(sessions)):
        if name.strip():
            seen.setdefault(name, set()).add(session)
    often = max(2.0, 0.05 * len({session for some in seen.values() for session in some}))
    helpers = sorted((name for name in seen if len(seen[name]) >= often), key=lambda name: (-len(seen[name]), name))
    guests = sum(len(some) == 1 for some in seen.values())
    return helpers if guests > max(2, len(helpers)) and guests + len(helpers) == len(seen) else []


def _side(word: str) -> str:
    """Return the recipe's name for whose word it is, or nothing."""
    found = _COMMON.of(word)
    return "" if found is None else "bot" if found.bot else found.role


def _ask_sides(guess: Guess, given: dict[str, list[str]], role: Column) -> None:
    first, second = given.get("user", []), given.get("assistant", [])
    turned = given | {"user": second, "assistant": first}
    guess.question = Question(
        f"In column '{role.key}', who are the customers: {words(first)} or {words(second)}?",
        [(f"{words(first)} are customers", {"roles": given}), (f"{words(second)} are customers", {"roles": turned})],
        f"roles: {json.dumps(given, ensure_ascii=False)}",
    )


def separator(texts: Sequence[str]) -> str:
    """Return the mark that stands between parts of many texts."""
    some = [text for text in texts if text.strip()][:2000]
    seen = Counter(mark.lower() for text in some for mark in {m.group(1) for m in _MARKS.finditer(text)})
    mark, n = seen.most_common(1)[0] if seen else ("", 0)
    if n < max(3, 0.15 * len(some)) or mark in ("<br>", "<br/>", "<br />"):
        return ""
    return next(m.group(1) for text in some for m in _MARKS.finditer(text) if m.group(1).lower() == mark)
