"""The one shape that records of every set format are read into, and written from: a talk."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from curation.reasoning import inside, tagged

Role = Literal["system", "user", "assistant", "call", "tool"]
Cot = Literal["keep", "think", "field", "drop"]


class RecordError(ValueError):
    """One record cannot be used; its message is the fault and the cure."""


@dataclass(frozen=True)
class Turn:
    """One turn. A `call` is the assistant's call of a tool, `text` its JSON; a `tool` turn is what came back."""

    role: Role
    text: str
    reasoning: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)  # keys that no format of ours names


@dataclass(frozen=True)
class Talk:
    """One record of a set."""

    turns: tuple[Turn, ...]
    system: str = ""
    tools: Any = None
    extra: dict[str, Any] = field(default_factory=dict)

    def with_reasoning(self, cot: Cot) -> Talk:
        """Move the reasoning of every answer: kept as it is, into <think> tags, into a field, or dropped."""
        if cot == "keep":
            return self
        return replace(self, turns=tuple(_moved(turn, cot) for turn in self.turns))

    @property
    def faults(self) -> list[str]:
        """Return what keeps a trainer from using this talk, with the cure."""
        return list(dict.fromkeys(_faults(self)))


def _moved(turn: Turn, cot: Cot) -> Turn:
    if turn.role != "assistant":
        return turn
    found, text = inside(turn.text)
    reasoning = turn.reasoning if turn.reasoning else found
    if cot == "think":
        return turn if turn.reasoning is None else replace(turn, text=tagged(turn.reasoning, turn.text), reasoning=None)
    if found is None:
        text = turn.text
    return replace(turn, text=text, reasoning=reasoning if cot == "field" else None)


ASKS, ANSWERS = ("user", "tool"), ("assistant", "call")


def _faults(talk: Talk) -> list[str]:
    found = []
    spoken = [turn for turn in talk.turns if turn.role != "system"]
    if not spoken:
        return ["no turn in it; remove the record"]
    if spoken[0].role not in ASKS:
        found.append(f"the first turn is the {spoken[0].role}'s; begin with the user's question, or remove the turn")
    for place, turn in enumerate(spoken, 1):
        if place > 1 and (turn.role in ASKS) == (spoken[place - 2].role in ASKS):
            found.append(f"turn {place} is of the same side as the one before; join them to one turn")
            break
    if spoken[-1].role not in ANSWERS and not found:
        found.append("the last turn is a question without an answer; remove it, or add the answer")
    for place, turn in enumerate(spoken, 1):
        said, thought = turn.text.strip(), (turn.reasoning or "").strip()
        if not said and turn.role == "assistant" and not turn.extra.get("tool_calls"):
            what = "has reasoning but no answer behind it" if thought else "is an empty answer"
            found.append(f"turn {place} {what}; add the answer, or remove the record")
        elif not said and turn.role == "user":
            found.append(f"turn {place} is an empty question; add the question, or remove the record")
        elif turn.role == "assistant" and _open(turn.text):
            found.append(f"turn {place} has think tags that do not match; close them, or take them out")
        elif turn.role == "assistant" and inside(turn.text) == (inside(turn.text)[0], "") and said:
            found.append(f"turn {place} has reasoning but no answer behind it; add the answer, or remove the record")
    return found


def _open(text: str) -> bool:
    return text.count("<think>") != text.count("</think>") or text.count("<think>") > 1
