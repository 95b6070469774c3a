"""Guess how a log is to be read: container, encoding, shape, columns, roles, sessions; with reasons and confidence.

`sniff` looks at the head of a file and works out a source of the recipe (recipe.Source as a mapping). At most one
question is asked, the one whose answer changes most. `recipe` writes what was guessed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import yaml

from curation import presets
from curation.containers import File
from curation.sniffing.flat import flat
from curation.sniffing.guess import SURE, Guess, Item
from curation.sniffing.heads import head_of
from curation.sniffing.lines import lines
from curation.sniffing.nested import list_path, nested
from curation.sniffing.replies import between_ids, between_lines, take


def sniff(file: File) -> Guess:
    """Guess how a file is to be read; raises SourceError where it holds nothing that looks like a log."""
    head = head_of(file)
    guess = Guess(file.plain, {"match": file.plain, "format": head.format})
    guess.items.append(Item("container", head.container, 0.99, head.why))
    guess.items.append(Item("encoding", head.encoding, 0.99 if head.encoding == "utf-8" else 0.95))
    if head.encoding not in ("utf-8", ""):
        guess.source["encoding"] = head.encoding
    known = presets.written(head.lines) if head.format == "text" else presets.found(head.records)
    if known:
        guess.source["preset"] = known.name
        signs = ", ".join(sorted(known.signs)) or "the lines that begin its conversations and messages"
        guess.items.append(Item("preset", known.name, 0.97, f"it has {signs}"))
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
    if head.header is not None:
        guess.items.append(Item("header", "yes" if head.header else "no", head.header_sure))
        if not head.header:
            guess.source["header"] = False
    lists = list_path(head.records)
    if lists:
        nested(guess, head.records, lists)
    else:
        linked = between_ids(file, head)
        flat(guess, head.records, linked=linked and linked.id)
        if linked and guess.source["shape"] == "messages" and "conversation" not in guess.source["columns"]:
            take(guess, file, linked)
    return guess


def recipe(guesses: Sequence[Guess]) -> str:
    """Return the text of a recipe with a source per file; files that are read alike share one.

    What is doubtful is marked: the question stands above its source, with the line that answers it.
    """
    shared: dict[str, list[Guess]] = {}
    for guess in guesses:
        key = json.dumps(guess.source | {"match": ""}, ensure_ascii=False, sort_keys=True)
        shared.setdefault(key, []).append(guess)
    lines = ["# Written by `siftune sniff`: how these logs are read. See docs/shapes.md for every setting.", "sources:"]
    for alike in shared.values():
        for guess in alike:
            weak = [item for item in guess.items if item.confidence < SURE]
            if guess.question:
                lines += [f"# best guess, please check: {guess.question.text}", f"#   {guess.question.setting}"]
            elif weak:
                lines += [f"# best guess, please check: {item.what}: {item.value}" for item in weak]
            text = yaml.safe_dump(
                [guess.source | {"match": _glob(guess.file)}], allow_unicode=True, sort_keys=False,
                default_flow_style=None, width=110,
            )  # fmt: skip
            lines.append(text.rstrip())
    return "\n".join(lines) + "\n"


def _glob(name: str) -> str:
    """Return a pattern that matches this name and no other."""
    return re.sub(r"([*?\[])", r"[\1]", name)
