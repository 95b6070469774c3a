"""Clean messages → turns → examples: pairs of a question with its answer, and dialogues.

What a message rule dropped is not there any more, so that a holding line does not part a question from its answer.
Consecutive messages of one role are one turn: fragments of a sentence find together again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any, NamedTuple

import polars as pl

from curation import tables
from curation.checks.language import language
from curation.reasoning import inside

_LAST_SENTENCE = r"[^。！!？?\s]*[?？]?\s*$"  # where an agent asks back after having told something
_ENDED = r"[。！？!?.…~～;；:：,，、)）\]】]\s*$"


class Turn(NamedTuple):
    """Consecutive messages of one role, joined; `asks` and `clarifies` are what the cues say of them."""

    role: str
    text: str
    messages: list[int]
    asks: bool  # a user's turn with a question or request in it
    clarifies: bool  # an agent's turn that asks for details
    informs: bool  # an agent's turn that tells something beside what it asks
    bare: bool  # nothing but yes, no, ok or masked values: as a detail it adds nothing to the question
    cot: str | None
    record: bool


def turns(messages: pl.DataFrame, cues: Mapping[str, str]) -> pl.DataFrame:
    """Join consecutive messages of one role inside a conversation; system messages are left out.

    Messages are stitched by what a writer would have put there: nothing after a mark, a comma between a user's
    Chinese fragments, a full stop between an agent's Chinese messages, a space in Latin script.
    """
    spoken = messages.filter(pl.col("role") != "system").with_columns(language=language(pl.col("text")))
    fresh = pl.any_horizontal(pl.col(n) != pl.col(n).shift(1) for n in ("conversation", "role", "section"))
    if "parts" not in messages.columns:
        spoken = spoken.with_columns(parts=1)
    places = pl.int_ranges("message", pl.col("message") + pl.col("parts"), dtype=pl.UInt32)  # of a cut text, all parts
    following = pl.col("text").shift(-1)
    lines = pl.col("text").str.contains("\n", literal=True) | following.str.contains("\n", literal=True)
    ended, chinese = pl.col("text").str.contains(_ENDED), pl.col("language") == "zh"
    separator = (
        pl.when(lines).then(pl.lit("\n"))
        .when(chinese & ended).then(pl.lit(""))
        .when(chinese & (pl.col("role") == "user")).then(pl.lit("，"))
        .when(chinese).then(pl.lit("。"))
        .when(~ended & (pl.col("role") == "assistant") & following.str.contains(r"^[A-Z]")).then(pl.lit(". "))
        .otherwise(pl.lit(" "))
    )  # fmt: skip
    user = pl.col("role") == "user"
    return (
        spoken.with_columns(turn=fresh.fill_null(value=True).cum_sum())
        .with_columns(
            asks=user & (pl.col("text").str.contains(cues["asks"]) | pl.col("record")),
            clarifies=~user & pl.col("text").str.contains(cues["clarify"]),
            informs=~user & pl.col("text").str.replace(_LAST_SENTENCE, "").str.contains(cues["informs"]),
            bare=pl.col("text").str.contains(cues["consent"]),
            again=pl.struct("turn", "text").is_first_distinct().not_(),
        )
        .with_columns(last=pl.col("turn") != pl.col("turn").shift(-1).fill_null(0))
        .with_columns(
            piece=pl.when("again").then(pl.lit("")).otherwise("text")
            + pl.when(pl.col("last") | pl.col("again")).then(pl.lit("")).otherwise(separator)
        )
        .group_by("turn", maintain_order=True)
        .agg(
            pl.col("conversation").first(),
            pl.col("role").first().cast(pl.String),
            pl.col("piece").str.join("").str.strip_chars_end("， ").alias("text"),
            places.explode().alias("messages"),
            pl.col("asks").any(),
            pl.col("clarifies").last(),
            pl.col("informs").any(),
            pl.col("bare").all(),
            pl.col("cot").drop_nulls().last(),
            pl.col("record").any(),
        )
        .drop("turn")
    )


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

    Details that the agent asked for are joined to their question, at most `max_details`; anything else that comes
    then begins anew. What adds nothing (yes, no, a masked number) always goes on from the last question.
    """
    question: list[Turn] = []  # the last one, with its details
    waits = False  # did the agent ask for details about it?
    for turn, answer in pairwise(spoken):
        if turn.role != "user" or answer.role != "assistant":
            continue
        asked = [turn]
        if question and (turn.bare or (waits and not turn.asks)):
            if len(question) <= max_details:
                asked = [*question, turn]
            elif turn.bare:
                asked = question
        yield asked, answer
        if any(part.asks for part in asked):
            question, waits = asked, answer.clarifies and not answer.informs
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
