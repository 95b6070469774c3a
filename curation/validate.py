"""Is a set file what its trainer takes it for? Every fault with its line, and what trainers drop without a word.

What LLaMA-Factory 0.9.5 drops was seen in its own loader and is tried again by `make clients`; what TRL 1.16, ms-swift
4.6 and Axolotl 0.19 do with faulty records was read in their code or seen once. docs/formats.md has the table.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curation.sets.files import items
from curation.sets.formats import Format
from curation.sets.talk import Talk


@dataclass
class Verdict:
    """What was found in one file."""

    file: str
    records: int = 0
    good: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[int, str]] = field(default_factory=list)  # line, fault and cure
    losses: Counter[str] = field(default_factory=Counter)  # what a trainer does with how many records, silently
    notes: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON has it."""
        return {
            "file": self.file,
            "records": self.records,
            "good": self.good,
            "formats": dict(self.formats),
            "faults": [{"line": line, "fault": fault} for line, fault in self.faults],
            "losses": dict(self.losses),
            "notes": dict(self.notes),
        }


def validate(path: Path, form: Format | None = None) -> Verdict:
    """Read a set file, in `form` or in the format that each record's keys tell."""
    found = Verdict(str(path))
    ids: set[str] = set()
    for item in items(path, form):
        found.records += 1
        shape = item.form
        if item.talk is None or shape is None:
            found.faults.append((item.line, item.fault))
            found.losses["the file does not load, or the record is skipped, whatever the trainer"] += 1
            continue
        found.formats[shape] += 1
        if item.fault:
            found.faults.append((item.line, item.fault))
        else:
            found.good += 1
        for loss in losses(item.talk, shape):
            found.losses[loss] += 1
        for note in _notes(item.talk, shape):
            found.notes[note] += 1
        name = item.talk.extra.get("id")
        if isinstance(name, str) and name in ids:
            found.notes["has an id that an earlier record has"] += 1
        ids.add(str(name))
    if len(found.formats) > 1:
        found.notes["is in another format than the rest"] += found.records - max(found.formats.values())
    return found


def losses(talk: Talk, form: Format) -> list[str]:
    """Name what trainers do with a record without a word; nothing for a record that is whole."""
    spoken = [turn for turn in talk.turns if turn.role != "system"]
    asks = [turn.role in ("user", "tool") for turn in spoken]
    found = []
    ordered = bool(spoken) and all(ask == (place % 2 == 0) for place, ask in enumerate(asks)) and len(asks) % 2 == 0
    if form in ("sharegpt", "messages") and not ordered:
        found.append("LLaMA-Factory drops the record")
    if asks and asks[-1] and form in ("sharegpt", "messages"):
        found.append("ms-swift and TRL keep a last question without an answer")
    if not any(turn.role in ("assistant", "call") and turn.text.strip() for turn in spoken):
        found.append("nothing in it is trained on")
    return found


def _notes(talk: Talk, form: Format) -> list[str]:
    found = []
    if form == "alpaca" and talk.system:
        found.append("has a system prompt, which Axolotl's `type: alpaca` ignores")
    if form == "alpaca" and len(talk.turns) > 2:
        found.append("has a history, which Axolotl's `type: alpaca` ignores")
    if form == "sharegpt":
        found.append("needs its roles renamed before TRL (siftune convert --to messages)")
    if any(turn.reasoning for turn in talk.turns):
        found.append("has reasoning in a field, which LLaMA-Factory does not read")
    return found
