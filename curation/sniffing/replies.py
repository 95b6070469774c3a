"""Find a file of links beside a log: two columns of ids, or of line numbers, that name the log's messages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from curation import built, containers, links
from curation.containers import File
from curation.errors import SourceError
from curation.recipe import Replies
from curation.sniffing.columns import flatten
from curation.sniffing.guess import Guess, Item
from curation.sniffing.heads import Head

MOST_BESIDE = 20  # files that are looked at
MOST_BYTES = 1 << 24  # of one of them
PIECE = 1 << 16  # bytes that are read at a time
FEWEST = 3  # links
NAMED = 0.9  # share of the links that have to name messages, of those within the head of the log
COLUMNS = ([0, 1], [0, 2], [1, 2])


class Found(NamedTuple):
    """Links that lie beside a log."""

    file: File
    setting: dict[str, Any]  # of `replies`, beside the file
    id: str | int | None  # the column whose values they name
    why: str


def between_ids(file: File, head: Head) -> Found | None:
    """Find links between values of a column of the log in which every value is another."""
    columns = [c for c in flatten(head.records) if len(set(c.values)) == len(c.values) >= FEWEST]
    for beside in _beside(file) if columns else []:
        for column in columns:
            for places in COLUMNS:
                pairs = _pairs(beside, columns=places)
                ends = None if pairs is None else pairs.select(pl.col("a", "b").is_in(list(column.values)))
                if ends is None:
                    continue
                named = ends.filter(pl.col("a") & pl.col("b")).height
                if named >= max(FEWEST, NAMED * ends.filter(pl.col("a") | pl.col("b")).height):
                    setting = {} if places == COLUMNS[0] else {"columns": places}
                    key = int(column.key) if head.header is False else column.key
                    return Found(beside, setting, key, f"{named} links between values of {column.key}")
    return None


def between_lines(guess: Guess, file: File, head: Head) -> None:
    """Take links between the lines of a transcript into the guess, where there are any beside it."""
    if "start" in guess.source:
        return
    for beside in _beside(file):
        found = _numbers(beside, guess, head)
        if found:
            take(guess, file, found)
            return


def take(guess: Guess, file: File, found: Found) -> None:
    """Write down in the guess where its links are."""
    name = _bare(found.file)
    guess.source["replies"] = {"file": "{name}" + name[len(Path(file.plain).stem) :], **found.setting}
    if not guess.source.get("crowd"):  # there, who is in no thread is still sorted out
        guess.items = [item for item in guess.items if item.what != "session"]
    guess.items.append(Item("session", f"threads of {name}", 0.95, found.why))


def _bare(file: File) -> str:
    return file.name.rsplit("/", 1)[-1]


def _beside(file: File) -> list[File]:
    """Return the files in the same folder or archive whose names begin as the log's does."""
    stem = Path(file.plain).stem
    if file.member:
        near = [f for f in containers.members(file.path.name, file.path) if f.member != file.member]
        return [f for f in near if _bare(f).startswith(stem)][:MOST_BESIDE]
    paths = (p for p in file.path.parent.iterdir() if p.name.startswith(stem) and p.name != file.path.name)
    small = sorted(p for p in paths if p.is_file() and p.stat().st_size <= MOST_BYTES)
    return [containers.as_file(p.name, p) for p in small[:MOST_BESIDE]]


def _pairs(file: File, **setting: Any) -> pl.DataFrame | None:  # noqa: ANN401
    try:
        with containers.opened(file) as (stream, _):
            data = b"".join(islice(iter(lambda: stream.read(PIECE), b""), MOST_BYTES // PIECE + 1))
        pairs = links.pairs(file.name, data, Replies(file="", **setting))[0]
    except (SourceError, OSError):
        return None
    return pairs if pairs.height >= FEWEST and len(data) <= MOST_BYTES else None


def _numbers(beside: File, guess: Guess, head: Head) -> Found | None:
    """Take the links for line numbers: counted so that most of them go from one speaker to another."""
    pairs = _pairs(beside, lines=0)
    pattern = built.pattern_of(guess.source["line"])
    speakers = [(m.groupdict().get("name") if (m := pattern.match(text)) else None) for text in head.lines]
    if pairs is None:
        return None
    ends = [(int(a), int(b)) for a, b in pairs.iter_rows()]
    inside = [(a, b) for a, b in ends if max(a, b) <= len(speakers)]
    if len(inside) < max(FEWEST, NAMED * len(ends)) or len(set(ends)) < NAMED * len(ends):
        return None
    zero = any(0 in pair for pair in inside)
    scores = {first: _said_to(inside, speakers, head.lines, first) for first in ((0,) if zero else (1, 0))}
    first = max(scores, key=lambda first: scores[first])
    return Found(beside, {"lines": first}, None, f"{len(ends)} links between line numbers, counted from {first}")


def _said_to(pairs: Sequence[tuple[int, int]], speakers: Sequence[str | None], texts: Sequence[str], first: int) -> int:
    """Count links whose later line is said by another, and twice where it names who said the earlier one."""
    score = 0
    for low, high in (sorted(pair) for pair in pairs):
        if not 0 <= low - first < high - first < len(speakers):
            continue
        asked, answered = speakers[low - first], speakers[high - first]
        named = asked and re.search(rf"(?<!\w){re.escape(asked)}(?!\w)", texts[high - first].partition(">")[2])
        score += (asked != answered) + 2 * bool(named)
    return score
