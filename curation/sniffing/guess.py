"""What was guessed: items with reasons and confidence, the source of the recipe, and the one question."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from curation.sniffing.columns import Choice

SURE = 0.8  # below it an item is worth a question


@dataclass
class Item:
    """One line of the guess: what, the value as the recipe has it, how sure (0 to 1), and why."""

    what: str
    value: str
    confidence: float
    why: str = ""


@dataclass
class Question:
    """The one thing that a person should say: the answers, each with what it changes in the source."""

    text: str
    answers: list[tuple[str, dict[str, Any]]]  # as people read it, and the keys of the source that it sets
    setting: str  # the line of the recipe that answers it


@dataclass
class Guess:
    """What `sniff` found out about one file."""

    file: str
    source: dict[str, Any]
    items: list[Item] = field(default_factory=list)
    question: Question | None = None
    place: str = ""  # its whole name, with the archive or the folder that it lies in where others are named alike
    names: list[str] = field(default_factory=list)  # who speaks in a transcript, as far as no word tells the side
    cut: tuple[str, ...] = ()  # such of them that a line ends too soon: the recipe has to name them

    def note(self, what: str, choice: Choice | None, value: object = None) -> None:
        """Add an item for a choice that was made."""
        if choice is not None:
            text = shown(choice.value if value is None else value)
            self.items.append(Item(what, text, round(choice.confidence, 2), choice.why))

    @property
    def confidence(self) -> float:
        """Return the confidence of the weakest item."""
        return min((item.confidence for item in self.items), default=0.0)


def shown(value: object) -> str:
    """Return a value of the source as people read it."""
    if isinstance(value, Mapping):
        return "; ".join(
            f"{role}: {words(some)}" if isinstance(some, list) else f"{role}: {some}" for role, some in value.items()
        )
    return str(value)


def words(some: Sequence[Any]) -> str:
    """Return the first six of some words, quoted, and how many more there are."""
    first = ", ".join(f"'{word}'" for word in list(some)[:6])
    return first + (f" and {len(some) - 6} more" if len(some) > 6 else "")


def glob(name: str) -> str:
    """Return a pattern that matches this name and no other."""
    return re.sub(r"([*?\[])", r"[\1]", name)
