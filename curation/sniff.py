"""Guess how a log is to be read: container, encoding, shape, columns, roles, sessions; with reasons and confidence.

`sniff` looks at the head of a file and works out a source of the recipe (recipe.Source as a mapping). At most one
question is asked, the one whose answer changes most. `recipe` writes what was guessed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from fnmatch import fnmatch
from itertools import takewhile
from typing import Any

import yaml

from curation import containers, presets
from curation.containers import File
from curation.mapping import value_at
from curation.sniffing.flat import flat
from curation.sniffing.groups import group
from curation.sniffing.guess import SURE, Guess, Item, glob, shown
from curation.sniffing.heads import Head, head_of, sheets_of
from curation.sniffing.lines import lines, with_cut
from curation.sniffing.nested import list_path, nested
from curation.sniffing.replies import between_ids, between_lines, take

MANY = 4  # files that are read alike share a source


def sniff(file: File) -> Guess:
    """Guess how a file is to be read, of a workbook its first sheet; raises SourceError as `sniff_all` does."""
    return sniff_all(file)[0]


def sniff_all(file: File) -> list[Guess]:
    """Guess how a file, or every sheet of a workbook, is to be read; raises SourceError where it is no log.

    Of several sheets those that are none, such as notes, are left unread.
    """
    if (file.format or containers.content(file)) != "xlsx":
        guess = _guess(file, file.plain, head_of(file))
        guess.place = file.name
        return [guess]
    sheets = sheets_of(file)
    found = []
    for title, head in sheets.items():
        below = f"/{title}" if len(sheets) > 1 else ""
        found.append(_guess(file, file.plain + below, head))
        found[-1].place = file.name + below
    if any(map(speaks, found)):
        found = [guess if speaks(guess) else _left(guess) for guess in found]
    return found


def among_logs(found: Sequence[Guess]) -> list[Guess]:
    """Leave unread, beside logs, what holds no text that anybody could have said, such as a list of users."""
    if not any(map(speaks, found)):
        return list(found)
    return [g if speaks(g) or "text" in g.source.get("columns", {}) or g.question else _left(g) for g in found]


def named_across(found: Sequence[Guess]) -> None:
    """Say who serves in transcripts of one customer each, as messengers export them: who speaks in many of them.

    Only where each file is built alike and has somebody who does, and somebody who does not.
    """
    alike: dict[str, list[Guess]] = {}
    for guess in found:
        if guess.source.get("shape") == "transcript" and guess.question and guess.names:
            alike.setdefault(guess.source["line"], []).append(guess)
    for guesses in alike.values():
        counts = Counter(name for guess in guesses for name in guess.names)
        helpers = {name for name, n in counts.items() if n >= max(2, 0.2 * len(guesses))}
        if len(guesses) < 3 or not all(0 < len(helpers & set(g.names)) < len(g.names) for g in guesses):
            continue
        roles = {"assistant": sorted(helpers, key=lambda name: (-counts[name], name)), "user": ["*"]}
        for guess in guesses:
            guess.source["roles"], guess.question = with_cut(roles, guess.cut), None
            if len(set(guess.names) - helpers) == 1:
                guess.source.pop("crowd", None)
            kept = [item for item in guess.items if item.what != "roles"]
            guess.items = [*kept, Item("roles", shown(roles), 0.9, f"they speak in many of {len(guesses)} files")]


def speaks(guess: Guess) -> bool:
    """Tell whether it was found out who speaks."""
    columns = guess.source.get("columns", {})
    whole = guess.source.get("shape") in ("conversations", "records", "transcript") or "preset" in guess.source
    return whole or "role" in columns or "role_keys" in guess.source or "opener" in guess.source


def _left(guess: Guess) -> Guess:
    return left(guess.file, "no column says who speaks", guess.items[:1])


def left(name: str, why: str, items: Sequence[Item] = ()) -> Guess:
    """Return what leaves a file unread, and why."""
    return Guess(name, {"match": name, "skip": True}, [*items, Item("reading", "left unread", 0.9, why)])


def _guess(file: File, name: str, head: Head) -> Guess:
    """Guess how what a head was read of is to be read."""
    guess = Guess(name, {"match": name, "format": head.format})
    guess.items.append(Item("container", head.container, 0.99, head.why))
    guess.items.append(Item("encoding", head.encoding, 0.99 if head.encoding == "utf-8" else 0.95))
    if head.encoding not in ("utf-8", ""):
        guess.source["encoding"] = head.encoding
    known = presets.written(head.lines) if head.format == "text" else presets.found(head.records)
    nested_in = presets.inside(head.records) if not known else None
    if nested_in:
        known, in_key = nested_in
        guess.source |= in_key
    listed = presets.within(head.records) if not known else None
    if listed:
        known, in_list = listed
        guess.source |= in_list
    if known:
        guess.source["preset"] = known.name
        signs = ", ".join(sorted(known.signs)) or "the lines that begin its conversations and messages"
        guess.items.append(Item("preset", known.name, 0.97, f"it has {signs}"))
        if known.source.get("crowd"):
            group(guess, head.records, known.source["columns"])
        return guess
    if head.format == "text":
        lines(guess, head)
        between_lines(guess, file, head)
        return guess
    if head.delimiter not in ("", ",", "\t") or (head.delimiter == "," and head.format == "tsv"):
        guess.source["delimiter"] = head.delimiter
        guess.items.append(Item("delimiter", repr(head.delimiter), 0.97))
    if head.quote:
        guess.source["quote"] = True
        guess.items.append(Item("quotes", "around fields", 0.95, "cells begin and end with them"))
    if head.rest:
        guess.source["rest"] = True
        guess.items.append(Item("last field", "takes the rest", 0.9, "many rows have more fields than the header"))
    if head.first_line > 1:
        guess.source["first_line"] = head.first_line
        guess.items.append(Item("first line", str(head.first_line), 0.9, "what stands above is no row of the table"))
    if head.header is not None:
        guess.items.append(Item("header", "yes" if head.header else "no", head.header_sure))
        if not head.header:
            guess.source["header"] = False
    lists = list_path(head.records)
    if lists and not _of_one(guess, head.records, lists):
        nested(guess, head.records, lists)
    else:
        linked = between_ids(file, head)
        flat(guess, head.records, linked=linked and linked.id)
        if linked and guess.source["shape"] == "messages" and "conversation" not in guess.source["columns"]:
            take(guess, file, linked)
    return guess


def _of_one(guess: Guess, records: Sequence[Mapping[str, Any]], path: str) -> bool:
    """Tell whether the lists hold one item each, which says nothing of who speaks, so that the records are messages."""
    held = [value_at(record, path) for record in records]
    if len(held) < 2 or any(not isinstance(items, list) or len(items) != 1 for items in held):
        return False
    trial = deepcopy(guess)
    nested(trial, records, path)
    return "role" not in trial.source["columns"] and not {"role_keys", "line"} & trial.source.keys()


def recipe(guesses: Sequence[Guess]) -> str:
    """Return the text of a recipe with the sources of these files.

    What is doubtful is marked: the question stands above its source, with the line that answers it.
    """
    lines = ["# Written by `siftune sniff`: how these logs are read. See docs/shapes.md for every setting.", "sources:"]
    for match, alike in sources(guesses):
        guess = alike[0]
        weak = [item for item in guess.items if item.confidence < SURE]
        if guess.question:
            lines += [f"# best guess, please check: {guess.question.text}", f"#   {guess.question.setting}"]
        elif weak:
            lines += [f"# best guess, please check: {item.what}: {item.value}" for item in weak]
        if len(alike) > 1:
            lines.append(f"# {len(alike)} files, {guess.file} to {alike[-1].file}, and those to come that are named so")
        text = yaml.safe_dump(
            [guess.source | {"match": match}], allow_unicode=True, sort_keys=False, default_flow_style=None, width=110
        )
        lines.append(text.rstrip())
    return "\n".join(lines) + "\n"


def sources(guesses: Sequence[Guess]) -> list[tuple[str, list[Guess]]]:
    """Return the sources of a recipe for these files in its order: the pattern of each, and the files that it reads.

    MANY files that are read alike, such as one for every day or conversation, share a source where a pattern tells
    them from the others; fewer have one each. Files of one name that are read differently, such as WhatsApp's
    `_chat.txt` in archives, are told apart by their place.
    """
    shared: dict[str, list[Guess]] = {}
    ways: dict[str, set[str]] = {}
    for guess in guesses:
        asked = guess.question.text if guess.question else ""
        key = json.dumps([guess.source | {"match": ""}, asked], ensure_ascii=False, sort_keys=True)
        shared.setdefault(key, []).append(guess)
        ways.setdefault(guess.file, set()).add(key)
    found = []
    for alike in shared.values():
        others = [guess.file for some in shared.values() if some is not alike for guess in some]
        pattern = _pattern([guess.file for guess in alike], others) if len(alike) >= MANY else None
        if pattern:
            found.append((pattern, alike))
            continue
        for guess in alike:
            name = guess.file if len(ways[guess.file]) == 1 else guess.place or guess.file
            found.append((glob(name), [guess]))
    return found


def _pattern(names: Sequence[str], others: Sequence[str]) -> str | None:
    """Return a pattern that fits these names and none of the others; numbers are not part of it if they need not be.

    None where there is no such pattern, or where the names do not even end alike.
    """
    _, dot, ending = _beginning([name[::-1] for name in names])[::-1].partition(".")
    if not dot:
        return None
    before = _beginning([name.removesuffix(f".{ending}") for name in names])
    for start in (re.sub(r"[\d\W_]+$", "", before), re.sub(r"\d+$", "", before), before):
        pattern = f"{glob(start)}*.{glob(ending)}"
        if not any(fnmatch(other, pattern) for other in others):
            return pattern
    return None


def _beginning(names: Sequence[str]) -> str:
    """Return what all names begin with."""
    return "".join(first for first, *_ in takewhile(lambda each: len(set(each)) == 1, zip(*names, strict=False)))
