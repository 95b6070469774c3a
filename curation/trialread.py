"""Read the head of a log with a guessed mapping: what comes out is what `curate` will see."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from curation import links, privacy
from curation.containers import File, members
from curation.errors import CurationError
from curation.read import read
from curation.recipe import Sessions, Source
from curation.sessions import sessions
from curation.sniffing.guess import Guess, Item, glob

MOST_BYTES = 1 << 26  # of a larger file only the head is read
SAMPLES, MESSAGES, CHARACTERS = 3, 6, 100
_IDS = privacy.masking(mask=True, keep=["secret"])  # a conversation's id of 32 hexadecimal digits looks like a key


@dataclass
class Trial:
    """What the mapping gives: items with a confidence, and samples with personal data masked."""

    items: list[Item] = field(default_factory=list)
    samples: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)


def trial(path: Path, guess: Guess) -> Trial:
    """Read `path` as the guess says; a mapping that cannot be used is an item without confidence."""
    try:
        if guess.source.get("skip"):
            return Trial()
        sheet = guess.file.rpartition("/")[2] if "/" in guess.file else ""
        match = f"*/{glob(sheet)}" if sheet else "*"  # a name may hold what a glob takes for its own
        match = glob(guess.file) if not sheet and len(members(path.name, path)) > 1 else match
        source = Source.model_validate(guess.source | {"match": match})
        with tempfile.TemporaryDirectory() as folder:
            head = _head(path, Path(folder))
            if source.replies and head != path:
                beside = links.file_of(File(path.name, path), source.replies).path
                shutil.copy(beside, head.parent / beside.name)
            reading = read([head], [source, Source(skip=True)])
        messages, _ = sessions(reading.messages, Sessions(), [source])
    except CurationError as fault:
        return Trial([Item("reading", "fails", 0.0, str(fault))])
    if messages.is_empty():
        why = reading.unreadable["why"][0] if reading.unreadable.height else ""
        return Trial([Item("reading", "no message", 0.0, why)])
    return Trial(_found(messages, reading.unreadable), _samples(messages))


def _head(path: Path, folder: Path) -> Path:
    """Return the file, or of a large one a copy of its first whole lines."""
    if path.stat().st_size <= MOST_BYTES or path.suffix.lower() in (
        ".json",
        ".parquet",
        ".xlsx",
        ".gz",
        ".zip",
        ".zst",
    ):
        return path
    head = folder / path.name
    with path.open("rb") as stream:
        head.write_bytes(stream.read(MOST_BYTES).rpartition(b"\n")[0] + b"\n")
    return head


def _found(messages: pl.DataFrame, unreadable: pl.DataFrame) -> list[Item]:
    lines = messages["source"].n_unique() + unreadable.height
    bad = unreadable.height / lines
    why = f"{unreadable.height} cannot be read" + (f", the first: {unreadable['why'][0]}" if unreadable.height else "")
    items = [Item("records", str(lines), 0.99 if bad < 0.01 else max(0.1, 0.8 - bad), why)]
    by = messages.group_by("conversation").agg(
        pl.len(), both=pl.col("role").filter(pl.col("role") != "system").n_unique() > 1
    )
    both = by["both"].mean()
    assert isinstance(both, float)
    mean = messages.height / by.height
    sure = 0.95 if both > 0.5 else 0.6 if both > 0.2 else 0.3
    why = f"{mean:.1f} messages each, both sides in {both:.0%}"
    return [*items, Item("conversations", str(by.height), sure, why)]


def _samples(messages: pl.DataFrame) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the beginnings of three conversations, spread over the file, personal data masked."""
    sides = messages.group_by("conversation", maintain_order=True).agg(
        n=pl.len(), both=pl.col("role").filter(pl.col("role") != "system").n_unique() > 1
    )
    good = sides.filter("both")["conversation"].to_list() or sides["conversation"].to_list()
    chosen = list(dict.fromkeys(good[i * (len(good) - 1) // max(SAMPLES - 1, 1)] for i in range(SAMPLES)))
    found = []
    for name in chosen:
        rows = messages.filter(pl.col("conversation") == name).head(MESSAGES).select("role", "bot", "raw").iter_rows()
        found.append(
            (privacy.mask(name, _IDS), [("bot" if bot else str(role), _short(raw)) for role, bot, raw in rows])
        )
    return found


def _short(text: str) -> str:
    shown = " ".join(privacy.mask(text).split())
    return shown if len(shown) <= CHARACTERS else shown[: CHARACTERS - 1] + "…"
