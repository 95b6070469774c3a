"""Examples by plain loops, turn by turn: what `curation.extract` makes by columns must be the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any, NamedTuple

import polars as pl

from curation import tables
from curation.reasoning import inside


class Turn(NamedTuple):
    role: str
    text: str
    messages: list[int]
    asks: bool
    inquires: bool
    clarifies: bool
    informs: bool
    bare: bool
    cot: str | None
    record: bool


def extract(frame: pl.DataFrame, *, kinds: Sequence[str], max_details: int) -> pl.DataFrame:
    """Make examples (tables.EXAMPLES) of the frame of turns, in order of their conversation and first message.

    A pair is a user's turn and the agent's turn after it. Where the agent asks for details first, the details are
    joined to the question (at most `max_details` times) and a second pair ends with the answer that they led to.
    A dialogue is the whole conversation from the first user's turn to the last agent's turn, where that is at least
    two questions and two answers.
    """
    rows: list[dict[str, Any]] = []
    for conversation, group in groupby(frame.iter_rows(), key=lambda row: row[0]):
        spoken = [Turn(*row[1:]) for row in group]
        if "pair" in kinds:
            for asked, answer in _pairs(spoken, max_details):
                before = sum(turn.asks for turn in spoken[: spoken.index(asked[0])])
                rows.append(_example(conversation, "pair", asked, [answer]) | {"earlier": before})
        if "dialogue" in kinds:
            rows += _dialogue(conversation, spoken)
    return pl.DataFrame(rows, schema=tables.EXAMPLES)


def _pairs(spoken: Sequence[Turn], max_details: int) -> Iterator[tuple[list[Turn], Turn]]:
    """Yield the turns of each question with the turn that answers it.

    Details that the agent asked for are joined to their question, at most `max_details`; a question that comes then
    begins anew. What adds nothing (yes, no, a masked number) always goes on from the last question. A first turn about
    which the agent asks for details is a question, whatever its words.
    """
    question: list[Turn] = []  # the last one, with its details
    waits = False  # did the agent ask for details about it?
    for turn, answer in pairwise(spoken):
        if turn.role != "user" or answer.role != "assistant":
            continue
        asked = [turn]
        if question and (turn.bare or (waits and not turn.inquires)):
            if len(question) <= max_details:
                asked = [*question, turn]
            elif turn.bare:
                asked = question
        yield asked, answer
        inquiry = answer.clarifies and not answer.informs
        if any(part.asks for part in asked) or (inquiry and not question):
            question, waits = asked, inquiry
        else:
            waits = False


def _dialogue(conversation: str, spoken: Sequence[Turn]) -> list[dict[str, Any]]:
    """Return the conversation as one dialogue, or nothing where it is too short for one.

    Where a person takes over from a bot right after it spoke, the conversation is two, one for each.
    """
    rows = []
    for part in _parts(spoken):
        first = next((i for i, turn in enumerate(part) if turn.role == "user"), len(part))
        last = max((i for i, turn in enumerate(part) if turn.role == "assistant"), default=-1)
        whole = part[first : last + 1]
        if len(whole) < 4:
            continue
        asked, answered = ([t for t in whole if (t.role == "user") == user] for user in (True, False))
        row = _example(conversation, "dialogue", asked, answered)
        rows.append(row | {"turns": [_turn(turn.role, turn.text, turn.messages) for turn in whole]})
    return rows


def _parts(spoken: Sequence[Turn]) -> list[list[Turn]]:
    """Part turns between two of the assistant's side; two of the customer's become one: a bot stood between them."""
    parts: list[list[Turn]] = [[]]
    for turn in spoken:
        before = parts[-1][-1] if parts[-1] else None
        if before is None or before.role != turn.role:
            parts[-1].append(turn)
        elif turn.role == "user":
            text, places = f"{before.text}\n{turn.text}", before.messages + turn.messages
            parts[-1][-1] = turn._replace(text=text, messages=places, asks=before.asks or turn.asks)
        else:
            parts.append([turn])
    return parts


def _example(conversation: str, kind: str, asked: Sequence[Turn], answered: Sequence[Turn]) -> dict[str, Any]:
    """Build one row of tables.EXAMPLES; in a pair, reasoning that stands inside the answer moves to `cot`."""
    question = "\n".join(turn.text for turn in asked if not turn.bare or len(asked) == 1)
    answer = "\n".join(turn.text for turn in answered)
    messages = [m for turn in (*asked, *answered) for m in turn.messages]
    cot = answered[-1].cot  # it is exported before the last answer, so it must be that answer's
    if kind == "pair" and not (cot or "").strip():
        thought, said = inside(answer)
        cot, answer = (cot, answer) if thought is None else (thought, said)
    asked_in = [m for turn in asked for m in turn.messages]
    return {
        "id": example_id(conversation, kind, messages),
        "conversation": conversation,
        "kind": kind,
        "question": question,
        "answer": answer,
        "cot": cot,
        "record": any(turn.record for turn in asked),
        "earlier": 0,
        "asked": sum(turn.asks for turn in asked),
        "told": sum(turn.informs or not turn.clarifies for turn in answered),
        "turns": [
            _turn("user", question, asked_in),
            _turn("assistant", answer, [m for turn in answered for m in turn.messages]),
        ],
    }


def _turn(role: str, text: str, messages: Sequence[int]) -> dict[str, Any]:
    return {"role": role, "text": text, "messages": list(messages)}


def example_id(conversation: str, kind: str, messages: Sequence[int]) -> str:
    """Return the id of an example: 16 hex digits that depend only on the messages it was made of."""
    text = f"{kind}\x1f{conversation}\x1f{','.join(map(str, sorted(messages)))}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
