"""Guess records that are single messages, questions with answers, or conversations in one cell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from curation import built, shapes, times
from curation.roles import Roles
from curation.sniffing import dates
from curation.sniffing.answers import MARK, answers
from curation.sniffing.columns import (
    Choice,
    Column,
    flatten,
    one_sided,
    role_column,
    session_column,
    speaking,
    text_column,
    time_column,
)
from curation.sniffing.groups import decide
from curation.sniffing.guess import SURE, Guess, Item, Question, shown, words
from curation.sniffing.messages import kinds, separator, who_is_who
from curation.sniffing.wide import wide

_COMMON = Roles({})


def flat(guess: Guess, records: Sequence[Mapping[str, Any]], *, linked: str | int | None = None) -> None:
    """Guess the mapping of records that are single messages or question and answer.

    `linked` is the column of ids where a file of its own links them.
    """
    numbers = guess.source.get("header") is False
    columns = [Column(int(c.key) if numbers else c.key, c.values, c.lists) for c in flatten(records)]
    keys = _sides(columns)
    if not keys and (wide(guess, columns) or _cells(guess, columns) or answers(guess, columns, records)):
        return
    given = columns
    columns = [_filled_down(guess, column, columns) for column in columns]
    found: dict[str, Any] = {}
    guess.source |= {"shape": "messages", "columns": found}
    guess.items.append(Item("shape", "one message per record", 0.95))
    by_name = {c.key: c for c in columns}
    text = text_column(columns, set())
    taken: set[str | int] = {text.value} if text else set()
    time = time_column(columns, taken)
    taken |= {time.value} if time else set()
    links: dict[str, str | int] = _links(columns, taken) if linked is None else {"id": linked}
    threaded = "reply_to" in links or linked is not None
    if keys:
        _by_side(guess, found, columns, keys)
        return
    role = role_column(columns, taken | set(links.values()))
    sides_of = by_name[role.value].values if role else None
    session = session_column(columns, taken | set(links.values()) | ({role.value} if role else set()), sides_of)
    if role and not session:  # a better role may exist with a better session
        session = session_column(columns, taken | set(links.values()), None)
    if session and sides_of and one_sided(by_name[session.value], sides_of) and any(c.named("to") for c in columns):
        session = None  # it names the sender, and another one the receiver
    if threaded and session and not by_name[session.value].named("conversation"):
        session = None  # threads tell more
    rows = by_name[session.value].values if session else None
    if role is None and text:
        role = _asker(found, columns, taken)
        if session and session.value == found.get("asker") and not by_name[session.value].named("conversation"):
            session, rows = None, None  # he may come again
    if role is None and text:
        mapped = taken | set(links.values()) | ({session.value} if session else set())
        role = _names(guess, columns, mapped, rows) or _one_side(
            guess, found, [c for c in given if c.key not in mapped], by_name[text.value].values, rows
        )
    if role is None and text and (session is None or _person(session.value)):
        role = _crowd(guess, found, columns, taken, links, by_name[text.value])
        session, rows = (None, None) if role else (session, rows)
    moments = by_name[time.value].values if time else None
    dates.note(guess, moments or [])
    if session and rows and moments and not by_name[session.value].named("conversation") and _long(rows, moments):
        found["customer"] = session.value
        why = "the same value comes again after days: it is a customer"
        guess.items.append(Item("session", f"{session.value}, parted by silences of 30 minutes", 0.85, why))
    elif session:
        found["conversation"] = session.value
        guess.note("session", session)
    _messages_flat(guess, found, columns, by_name, text, time, role, rows)
    if threaded and not session:
        found |= links
        shown_as = f"threads of {links.get('reply_to')} → {links['id']}"
        guess.items.append(Item("session", shown_as, 0.9, "replies name a message of the file"))
        if role is None:
            guess.source["opener"] = True
            guess.items.append(Item("roles", "whoever opens a thread is its customer", 0.7))
    elif "asker" in found and not session:
        found["customer"] = found["asker"]
        why = "no id of conversations"
        guess.items.append(Item("session", f"{found['asker']}, parted by silences of 30 minutes", 0.85, why))
    elif not session and "customer" not in found and "stream" not in guess.source:
        _customer(guess, found, columns, taken | ({role.value} if role else set()))
    elif "id" in links:
        found["id"] = links["id"]
    if role is None and text and not guess.source.get("opener"):
        others = [c.key for c in columns if c.key not in found.values() and 2 <= len(c.counts) < 0.5 * len(c.filled)]
        guess.items.append(Item("role", "?", 0.2, "no column says who speaks"))
        asked = f"Which column says whether the customer or the agent speaks? (columns: {words(others)})"
        guess.question = Question(
            asked if others else "Does it hold what customer and agent said at all? No column says who speaks.",
            [(str(key), {"columns": found | {"role": key}}) for key in others[:9]],
            f"columns: {json.dumps(found | {'role': '…'}, ensure_ascii=False)}",
        )


_DAY = re.compile(r"[^:：]*(?:[T ]0?0:00(?::00(?:\.0+)?)?)?")  # in sheets with a midnight


def _clock(guess: Guess, found: dict[str, Any], columns: Sequence[Column], time: Choice) -> None:
    """Take the time, and where it is a clock alone, the day from a column of its own."""
    found["time"] = time.value
    own = next(c for c in columns if c.key == time.value)
    others = [c for c in columns if c.key != own.key and c.fill > 0.9 and c.times > 0.9]
    days = [c for c in (own, *others) if all(map(_DAY.fullmatch, c.filled[:200])) and _dated(c)]
    clocks = [c for c in (own, *others) if not _dated(c)]
    if days and clocks and own in (days[0], clocks[0]):
        found |= {"date": days[0].key, "time": clocks[0].key}
        why = "a day and a clock in columns of their own"
        guess.items.append(Item("time", f"{days[0].key} {clocks[0].key}", 0.95, why))
    else:
        guess.note("time", time)


def _dated(column: Column) -> bool:
    """Tell whether its times have a date."""
    return bool(times.parsed(pl.Series(column.filled[:200], dtype=pl.String))["dated"].any())


def _gaps(column: Column) -> list[bool]:
    return [not value.strip() for value in column.values]


def _filled_down(guess: Guess, column: Column, columns: Sequence[Column]) -> Column:
    """Fill the empty cells of a conversation that is named in its first row alone, as in merged cells."""
    named = column.named("conversation") or column.named("customer")
    if guess.source["format"] not in ("csv", "tsv", "xlsx") or not named or column.fill > 0.9 or not column.filled:
        return column
    beside = any(c.named("conversation") and c.distinct > 0.9 and _gaps(c) == _gaps(column) for c in columns)
    if any(c.named("conversation") and c.fill == 1 and c is not column for c in columns) and not any(
        c.named("role") or c.named("speaker") for c in columns if c is not column
    ):
        return column  # conversations are told apart without it, and only it may tell who speaks
    if not column.values[0].strip() or (column.distinct < 0.9 and not beside):  # a customer may come again
        return column
    guess.source["fill_down"] = True
    why = "named in the first row of each alone"
    guess.items.append(Item("empty cells", f"{column.key}: the one above", 0.85, why))
    values, above = list[str](), ""
    for value in column.values:
        above = value if value.strip() else above
        values.append(above)
    return Column(column.key, values)


def _sides(columns: Sequence[Column]) -> dict[str, str]:
    """Find columns that are named after a side and hold what it says: of each row, one of them."""
    longest = text_column(columns, set())
    text = {longest.value} if longest else set()
    named = [(c, who) for c in columns if c.filled and (who := _COMMON.of(str(c.key))) and not who.bot]
    spoken = [(c, who) for c, who in named if c.sentences > 0.5 or c.key in text]
    if not text <= {c.key for c, _ in spoken} or not {"user", "assistant"} <= {who.role for _, who in spoken}:
        return {}
    one = [sum(bool(cell.strip()) for cell in row) == 1 for row in zip(*(c.values for c, _ in spoken), strict=True)]
    return {str(c.key): who.role for c, who in spoken} if sum(one) > 0.9 * len(one) else {}


def _by_side(guess: Guess, found: dict[str, Any], columns: Sequence[Column], keys: dict[str, str]) -> None:
    """Guess the mapping of messages that stand in the column of who speaks."""
    guess.source["role_keys"] = keys
    guess.items.append(Item("role", shown(keys), 0.9, "columns named after a side; of each row one is filled"))
    taken: set[str | int] = set(keys)
    time = time_column(columns, taken)
    if time:
        _clock(guess, found, columns, time)
        dates.note(guess, next(c.values for c in columns if c.key == time.value))
        taken.add(time.value)
    session = session_column(columns, taken, None)
    if session:
        found["conversation"] = session.value
        guess.note("session", session)
        return
    _customer(guess, found, columns, taken)
    if "customer" not in found:
        guess.source["stream"] = True
        guess.items.append(
            Item("session", "the whole file, parted by silences", 0.5, "no column tells conversations apart")
        )


def _long(sessions: Sequence[str], moments: Sequence[str]) -> bool:
    """Tell whether a fifth of the values come again after a silence of six hours or more."""
    at = times.parsed(pl.Series(moments, dtype=pl.String))["at"]
    frame = pl.DataFrame({"s": sessions, "at": at}).drop_nulls().sort("s", "at")
    if frame.is_empty():
        return False
    gap = (pl.col("at") - pl.col("at").shift(1)).max() > 6 * 3_600_000_000
    share = frame.group_by("s").agg(gap.alias("gap"))["gap"].mean()
    return isinstance(share, float) and share > 0.2


def _asker(found: dict[str, Any], columns: Sequence[Column], taken: set[str | int]) -> Choice | None:
    """Find who speaks by name beside a column that names the customer of the row: often the two are the same."""
    names = [c for c in columns if c.key not in taken and c.fill > 0.9 and c.times < 0.6 and c.length < 40]
    for asker in names:
        if not asker.named("customer") or len(asker.counts) < 2:
            continue
        for column in names:
            same = sum(a == b for a, b in zip(asker.values, column.values, strict=True)) / len(asker.values)
            if column is not asker and 0.15 < same < 0.85 and not set(column.counts) <= set(asker.counts):
                found["asker"] = asker.key
                return Choice(column.key, 0.9, f"on {same:.0%} of the rows the same as {asker.key}")
    return None


def _names(
    guess: Guess, columns: Sequence[Column], taken: set[str | int], sessions: Sequence[str] | None
) -> Choice | None:
    """Find who speaks by name: some names hold a word of a side, or serve in many conversations; the rest ask."""
    options = [
        c for c in columns
        if c.key not in taken and c.fill > 0.9 and len(c.counts) > 1 and c.times < 0.6 and c.length < 40
        and (c.named("speaker") or c.named("role") or c.named("customer") or c.sentences < 0.3) and c.distinct < 0.9
    ]  # fmt: skip
    if sessions:
        options = [c for c in options if _mixed(c.values, sessions) > 0.5]
    for column in sorted(options, key=lambda c: -(c.named("speaker") + c.named("role"))):
        serving = sum(n for name, n in column.counts.items() if (s := _COMMON.of(name)) and s.role == "assistant")
        if 0.15 < serving / len(column.filled) < 0.9:
            guess.source["roles"] = {"user": ["*"]}
            return Choice(column.key, 0.85, "some names say that they serve; the others are customers")
        if not sessions:
            continue
        seen: dict[str, set[str]] = {}
        for name, session in zip(column.values, sessions, strict=True):
            seen.setdefault(name, set()).add(session)
        often = max(3.0, 0.05 * len(set(sessions)))
        helpers = sorted((name for name in seen if len(seen[name]) >= often), key=lambda name: -len(seen[name]))
        if helpers and len(helpers) < 0.5 * len(seen):
            guess.source["roles"] = {"assistant": helpers, "user": ["*"]}
            if len(helpers) > 30:
                continue
            guess.question = Question(
                f"Who answers for the business? (guess: {words(helpers)}; everybody else is a customer)",
                [("these", {}), ("others (type names, comma between them)", {"roles": {"assistant": "?"}})],
                f"roles: {json.dumps(guess.source['roles'], ensure_ascii=False)}",
            )
            return Choice(column.key, 0.75, "a few names speak in many conversations")
    return None


def _one_side(
    guess: Guess, found: dict[str, Any], options: Sequence[Column], said: Sequence[str], sessions: Sequence[str] | None
) -> Choice | None:
    """Find the column of names that only one side has: the header says which, else how those with and without speak."""
    for column in options:
        named = column.named("speaker") or column.named("role") or column.named("customer")
        if not named or not 0.15 < column.fill < 0.85 or column.times > 0.6 or column.length > 40 or column.flag:
            continue
        there = ["named" if value in column.counts else "nameless" for value in column.values]
        alone = sum(len(set(names)) < 2 for names in _by_session(column, sessions)) if sessions else 0
        if sessions and (_mixed(there, sessions) < 0.5 or alone < 0.8 * len(set(sessions))):
            continue  # merged cells, or several people of one side
        gone = sorted({value for value in column.values if value not in column.counts})
        side = _COMMON.of(str(column.key))
        who, sure, why = side.role if side else "", 0.9, "only they have a name, as the header says"
        if who not in ("user", "assistant"):
            votes = speaking(there, said, sessions)
            lead = votes.get("named", 0) - votes.get("nameless", 0)
            who, sure = "user" if lead > 0 else "assistant", max(0.55, min(0.9, 0.6 + abs(lead) / 2.5))
            why = "those who have a name begin and ask" if lead > 0 else "those who have a name serve"
        rest = (
            "*" if any(name.strip().casefold() in _COMMON.words for name in column.counts) else "?*"
        )  # whatever names say
        guess.source["roles"] = {who: [rest], "assistant" if who == "user" else "user": gone}
        if not sessions and who == "user":
            found["customer"], guess.source["fill_down"] = column.key, True
            guess.items.append(
                Item(
                    "session",
                    f"{column.key}, parted by silences of 30 minutes",
                    0.7,
                    "an answer is for the name above it",
                )
            )
        if sure < SURE:
            guess.question = Question(
                f"Who has a name in '{column.key}'? (guess: {'the customer' if who == 'user' else 'who answers'})",
                [("the customer", {"roles": {"user": [rest], "assistant": gone}}),
                 ("who answers", {"roles": {"assistant": [rest], "user": gone}})],
                f"roles: {json.dumps(guess.source['roles'], ensure_ascii=False)}",
            )  # fmt: skip
        return Choice(column.key, sure, why)
    return None


_SOMEBODY = re.compile(r"(?i)(?:author|user|sender|from|member|contact|visitor|customer|agent|operator)\.[^.]*$")


def _person(key: str | int) -> bool:
    """Tell whether a path is to something of a person, as author.id is."""
    return bool(_SOMEBODY.search(str(key)))


def _crowd(
    guess: Guess, found: dict[str, Any], columns: Sequence[Column], taken: set[str | int],
    links: Mapping[str, str | int], text: Column,
) -> Choice | None:  # fmt: skip
    """Find who speaks by name in a channel of many people, which no column parts into conversations."""
    names = [
        c for c in columns
        if c.key not in taken and c.fill > 0.9 and len(c.counts) > 3 and c.distinct < 0.7 and c.times < 0.6
        and (c.named("speaker") or c.named("role") or _person(c.key)) and c.length < 40 and not MARK.search(str(c.key))
    ]  # fmt: skip
    if not names:
        return None
    best = max(names, key=lambda c: (c.numbers < 0.5, c.named("speaker"), len(c.counts)))
    by_name = {c.key: c.values for c in columns}
    none = [""] * len(best.values)
    ids, answered = (by_name.get(links.get(name, ""), none) for name in ("id", "reply_to"))
    decide(guess, list(zip(ids, best.values, answered, text.values, strict=True)), set())
    guess.source["crowd"] = True
    room = next((c for c in columns if re.search(r"(?i)channel|room|group|频道|群", str(c.key)) and c.fill > 0.9), None)
    if room is None or room.key in taken:
        guess.source["stream"] = True
    else:
        found["customer"] = room.key
    found |= {"speaker": best.key, **links}
    return Choice(best.key, 0.8, f"{len(best.counts)} people in one stream")


def _by_session(column: Column, sessions: Sequence[str]) -> list[list[str]]:
    """Return the names of each session, empty ones left out."""
    seen: dict[str, list[str]] = {}
    for name, session in zip(column.values, sessions, strict=True):
        seen.setdefault(session, []).extend([name] if name in column.counts else [])
    return list(seen.values())


def _mixed(names: Sequence[str], sessions: Sequence[str]) -> float:
    """Share of sessions with more than one name in them."""
    seen: dict[str, set[str]] = {}
    for name, session in zip(names, sessions, strict=True):
        seen.setdefault(session, set()).add(name)
    return sum(len(some) > 1 for some in seen.values()) / max(len(seen), 1)


def _messages_flat(
    guess: Guess, found: dict[str, Any], columns: Sequence[Column], by_name: Mapping[str | int, Column],
    text: Choice | None, time: Choice | None, role: Choice | None, sessions: list[str] | None,
) -> None:  # fmt: skip
    if text:
        found["text"] = text.value
        guess.note("text", text)
    if time:
        _clock(guess, found, columns, time)
    if role and text:
        found["role"] = role.value
        guess.note("role", role)
        taken = {text.value, role.value} | ({time.value} if time else set())
        said = by_name[text.value].values
        if "asker" in found:
            guess.items.append(Item("customer", str(found["asker"]), role.confidence, "whoever else speaks answers"))
            return
        kinds(guess, found, columns, taken | {found.get("conversation", "")}, by_name[role.value], said, sessions)
        if "roles" in guess.source:
            guess.items.append(Item("roles", shown(guess.source["roles"]), role.confidence, role.why))
        else:
            who_is_who(guess, by_name[role.value], said, sessions)
        mark = separator(said)
        if mark:
            guess.source["separator"] = mark
            guess.items.append(Item("separator", mark, 0.9, "it parts many texts"))
        _speaker(guess, found, columns, taken, by_name[role.value])


def _speaker(
    guess: Guess, found: dict[str, Any], columns: Sequence[Column], taken: set[str | int], role: Column
) -> None:
    """Find the column of names: nearly every name belongs to one side."""
    for column in columns:
        named = (column.named("speaker") or column.named("role")) and not MARK.search(str(column.key))
        if column.key in taken or column.key in found.values() or not named or column.fill < 0.5:
            continue
        if (column.sentences > 0.5 and column.length > 20) or len(column.counts) < 2 or column.times > 0.6:
            continue
        of: dict[str, set[str]] = {}
        for name, side in zip(column.values, role.values, strict=True):
            of.setdefault(name, set()).add(side)
        if sum(len(s) == 1 for s in of.values()) > 0.95 * len(of):
            found["speaker"] = column.key
            guess.items.append(Item("speaker", str(column.key), 0.85, "each name is of one side"))
            return


def _links(columns: Sequence[Column], taken: set[str | int]) -> dict[str, str | int]:
    """Find the id of messages and the column that refers to it."""
    ids = [c for c in columns if c.key not in taken and c.fill > 0.99 and c.distinct > 0.98 and c.sentences < 0.3]
    found: dict[str, str | int] = {}
    for own in ids:
        known = set(own.values)
        for other in columns:
            if (
                other.key in taken
                or other.key == own.key
                or not other.filled
                or (other.distinct > 0.999 and other.fill > 0.999)
            ):
                continue
            inside = sum(v.removesuffix(".0") in known for v in other.filled) / len(other.filled)
            several = sum("," in v for v in other.filled) / len(other.filled)
            if (
                inside > 0.5
                and several < 0.02
                and (other.named("reply_to") or other.numbers < 0.5)  # a count is an id of few messages by chance
                and other.fill < 0.98
                and not re.search(r"response_tweet|replies|children", str(other.key))
            ):
                return {"id": own.key, "reply_to": other.key}
        if own.named("message") and "id" not in found:
            found["id"] = own.key
    return found


def _customer(guess: Guess, found: dict[str, Any], columns: Sequence[Column], taken: set[str | int]) -> None:
    """Find whose conversation it is, where rows have no session id."""
    if _to(guess, found, columns, taken):
        return
    options = [
        c
        for c in columns
        if c.key not in taken and c.key not in found.values() and c.fill > 0.9 and c.sentences < 0.5 and c.times < 0.6
    ]
    options = [
        c for c in options if (c.named("customer") and len(c.counts) > 1) or (c.distinct < 0.7 and len(c.counts) > 3)
    ]
    if options:
        best = max(options, key=lambda c: (c.named("customer"), len(c.counts)))
        found["customer"] = best.key
        guess.items.append(
            Item("session", f"{best.key}, parted by silences of 30 minutes", 0.85, "no id of conversations")
        )
        return
    if "role" in found:
        guess.source["stream"] = True
        guess.items.append(
            Item("session", "the whole file, parted by silences", 0.5, "no column tells conversations apart")
        )


def _to(guess: Guess, found: dict[str, Any], columns: Sequence[Column], taken: set[str | int]) -> bool:
    """Take whoever of sender and receiver is the customer, where a column names each."""
    to = next((c for c in columns if c.key not in taken and c.named("to") and c.fill > 0.9 and len(c.counts) > 1), None)
    if to is None or "role" not in found:
        return False
    sender = next(c for c in columns if c.key == found.get("speaker", found["role"]))
    if "speaker" not in found and len(to.counts.keys() & sender.counts.keys()) < 0.5 * len(to.counts):
        return False  # it does not name the same people
    found["to"] = to.key
    why = "the customer is who speaks or who is spoken to"
    guess.items.append(Item("session", f"{sender.key} and {to.key}, parted by silences", 0.85, why))
    return True


def _cells(guess: Guess, columns: Sequence[Column]) -> bool:
    """Recognise whole conversations in one cell: lines that name who speaks, or parts behind a separator."""
    text = text_column(columns, set())
    column = next((c for c in columns if text and c.key == text.value), None)
    if column is None or column.lists:
        return False
    for mark in (None, "<br>"):
        cells = [shapes.cut(v, mark or "\n") for v in column.filled]
        several = [cell for cell in cells if len([part for part in cell if part.strip()]) > 1]
        if len(several) <= 0.5 * len(column.filled):
            continue
        line, share = built.guess_line([part for cell in several for part in cell])
        said = list(_spoken(several, line)) if line else []
        known = sum(_COMMON.of(name) is not None for _, name, _ in said) / max(len(said), 1)
        timed = "{time}" in line or "{elapsed}" in line
        if (share > 0.6 and (known > 0.6 or timed)) or (timed and share > 0.4):  # each cell may have a title of its own
            _cell_columns(guess, columns, column, line=line, separator=mark, sure=min(0.95, share))
            if known < 1 and said:
                sessions, names, texts = (list(part) for part in zip(*said, strict=True))
                _cell_names(guess, names, texts, sessions)
            return True
    mark = separator(column.filled)
    role = role_column(columns, {column.key})
    if mark and not (role and role.confidence > 0.8):
        parts = [p for v in column.filled[:500] for p in v.split(mark) if p.strip()]
        line, share = built.guess_line(parts)
        _cell_columns(
            guess,
            columns,
            column,
            line=line if share > 0.8 else None,
            separator=mark,
            sure=0.9 if share > 0.8 else 0.75,
        )
        if share <= 0.8:
            guess.question = Question(
                f"In '{column.key}', do customer and agent take turns between '{mark}', the customer first?",
                [("yes", {}), ("no, each cell is of one side", {"shape": "messages"})],
                f"separator: {json.dumps(mark)}",
            )
        return True
    return False


def _spoken(cells: Sequence[Sequence[str]], line: str) -> Iterator[tuple[str, str, str]]:
    """Yield the number of the cell, the name and the text of every line that is built as `line` says."""
    pattern = built.pattern_of(line)
    for number, cell in enumerate(cells):
        for match in filter(None, map(pattern.match, cell)):
            found = match.groupdict()
            yield str(number), (found.get("name") or found.get("role") or "").strip(built.BESIDE), found["text"] or ""


def _cell_names(guess: Guess, names: list[str], texts: list[str], sessions: list[str]) -> None:
    """Say who serves among names that are no words of a side."""
    seen: dict[str, set[str]] = {}
    for name, session in zip(names, sessions, strict=True):
        if not _COMMON.of(name):
            seen.setdefault(name, set()).add(session)
    often = max(2.0, 0.05 * len(set(sessions)))
    helpers = sorted((name for name in seen if len(seen[name]) >= often), key=lambda name: (-len(seen[name]), name))
    sides = {side.role for name in names if (side := _COMMON.of(name))} - {"system"}
    if helpers and len(helpers) < len(seen):
        guess.source["roles"] = {"assistant": helpers, "user": ["*"]}
        guess.items.append(Item("roles", shown(guess.source["roles"]), 0.85, "they speak in several conversations"))
    elif len(sides) == 1:  # the others are the other one
        guess.source["roles"] = {"assistant" if sides == {"user"} else "user": ["*"]}
        guess.items.append(Item("roles", shown(guess.source["roles"]), 0.85, "who is no word of the other side"))
    else:
        who_is_who(guess, Column("name", names), texts, sessions)


def _cell_columns(
    guess: Guess, columns: Sequence[Column], text: Column, *, line: str | None, separator: str | None, sure: float
) -> None:
    found: dict[str, Any] = {"messages": text.key}
    guess.source |= {"shape": "conversations", "columns": found}
    guess.items.append(Item("shape", "one conversation per cell", sure, f"column '{text.key}'"))
    if separator:
        guess.source["separator"] = separator
        guess.items.append(Item("separator", separator, 0.9))
    if line:
        guess.source["line"] = line
        guess.items.append(Item("line", line, sure))
    ids = [
        c
        for c in columns
        if c.key != text.key and c.distinct > 0.98 and c.fill > 0.98 and c.sentences < 0.3 and c.times < 0.6
    ]
    best = max(ids, key=lambda c: (c.named("conversation"), c.named("message")), default=None)
    if best:
        found["conversation"] = best.key
        guess.items.append(Item("session", str(best.key), 0.9, "different in every row"))
