"""What people said of records: an append-only log of events, and what it comes to.

A decision is about a record, never about a rule: an example, or a message that a rule dropped. The log only grows.
Undoing is an event too, and nothing is ever changed in place. Several people may speak of one record; `settle` says
what holds.

The events of a run are in `decisions.jsonl` (what was imported, merged, or taken over from the run before) and in one
`review.NAME.sqlite` for each reviewer (what the review app writes). Reading takes both; an event counts once.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from curation import privacy, tables
from curation.errors import OutputError, SourceError
from curation.inside import own

Decision = Literal["keep", "drop", "edit", "unsure", "undo"]
Text = Annotated[str, Field(max_length=4_000_000)]

RULES = {
    "people/keep": "A person said that this is to be kept.",
    "people/edit": "A person rewrote this.",
    "people/drop": "A person said that this is to be dropped.",
    "people/disagree": "People do not agree on this; it waits until they do.",
}
KEEPING = ("people/keep", "people/edit")


class Event(BaseModel):
    """One line of decisions.jsonl: what one person said of one record, or that they take an earlier event back."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)  # its patterns are dear

    event: str = Field(pattern="^[0-9a-f]{32}$", description="Unique; an event that is read twice counts once.")
    time: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$", description="When it was said, in UTC.")
    reviewer: str = Field(pattern=r"^[\w.-]{1,40}$", description="Who said it.")
    item: str = Field(pattern="^[0-9a-f]{16}$", description="The record: an example's id, or that of a message.")
    kind: Literal["example", "message"] = Field(description="What the record is; a message is one that a rule dropped.")
    conversation: str = Field(description="The conversation it is in.")
    message: int | None = Field(default=None, ge=0, description="The message's place in it; null for an example.")
    content: str = Field(pattern="^[0-9a-f]{16}$", description="Hash of the text it was said of; another is stale.")
    decision: Decision = Field(description="undo takes the event or batch `undoes` back.")
    turns: list[Text] | None = Field(default=None, description="Of an edit: the text of every turn, in order.")
    cot: Text | None = Field(default=None, description="Of an edit: the reasoning; null leaves it as it is.")
    undoes: str | None = Field(default=None, pattern="^[0-9a-f]{32}$", description="Of an undo: an event or a batch.")
    batch: str | None = Field(default=None, pattern="^[0-9a-f]{32}$", description="Said of many records at once.")
    queue: str = Field(default="", max_length=200, description="Where it was said: held, kept, rule:zh/filler-only …")
    strata: list[str] = Field(default=[], description="Random samples that the record was in: kept, rule:… .")
    note: str = Field(default="", max_length=2000, description="Why, in the reviewer's words.")
    again: bool = Field(
        default=False,
        description="Said a second time, blind, to see whether the reviewer agrees with themselves. It decides "
        "nothing, but the words of an edit are taken.",
    )
    seen: bool = Field(
        default=False, description="Of a sampled record: what the rules said was on the screen when this was said."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.kind == "message" and (self.message is None or self.decision == "edit"):
            raise ValueError("of a message its place is needed, and it cannot be edited")
        if self.decision == "edit" and not self.turns:
            raise ValueError("an edit needs its turns")
        if self.decision == "undo" and not self.undoes:
            raise ValueError("an undo needs what it undoes")
        return self


class Said(NamedTuple):
    """What holds of one record after all that people said; `votes` has every reviewer's own word."""

    event: Event
    decision: str  # keep, drop, edit, unsure or disagree
    votes: Mapping[str, Event]


def now() -> str:
    """Return the time as events have it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def new_id() -> str:
    """Return an id for an event or a batch."""
    return uuid.uuid4().hex


def message_id(conversation: str, message: int) -> str:
    """Return the id of a message as a record of its own: 16 hex digits."""
    return hashlib.sha256(f"message\x1f{conversation}\x1f{message}".encode()).hexdigest()[:16]


def digest(text: str) -> str:
    """Return the hash that tells whether a text is still the same: 16 hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def content(examples: pl.DataFrame) -> pl.Series:
    """Return the content hash of every example (`turns`, `cot`): of who says what, and of the reasoning."""
    turn = pl.concat_str(pl.element().struct.field("role"), pl.lit("\x1f"), pl.element().struct.field("text"))
    ends = pl.lit("\x1d"), pl.col("cot").fill_null("")
    both = [pl.col("turns").list.get(place).struct for place in range(2)]
    sides = [(one.field("role"), pl.lit("\x1f"), one.field("text")) for one in both]
    of_two = (*sides[0], pl.lit("\x1e"), *sides[1])
    pairs = examples["turns"].list.len() == 2  # most are; a list made of each takes twice as long
    said = pl.repeat(None, examples.height, dtype=pl.String, eager=True)
    for mine, text in ((pairs, of_two), (~pairs, [pl.col("turns").list.eval(turn).list.join("\x1e")])):
        if mine.any():
            here = examples.filter(mine).select(pl.concat_str(*text, *ends)).to_series()
            said = here if len(here) == len(said) else said.scatter(mine.arg_true(), here)
    texts = said.cast(pl.Binary).to_list()
    return pl.Series("content", [hashlib.sha256(t).hexdigest()[:16] for t in texts], dtype=pl.String)  # as `digest`


# --- the log ---------------------------------------------------------------------------------------------------------


def ordered(events: Iterable[Event]) -> list[Event]:
    """Return every event once, oldest first."""
    once = {event.event: event for event in events}
    return sorted(once.values(), key=lambda event: (event.time, event.event))


def alive(events: Iterable[Event]) -> list[Event]:
    """Return the events that their own reviewer did not take back, oldest first, without the undoing itself."""
    log = ordered(events)
    undone = {(event.undoes, event.reviewer) for event in log if event.decision == "undo"}
    return [
        event
        for event in log
        if event.decision != "undo"
        and (event.event, event.reviewer) not in undone
        and (event.batch, event.reviewer) not in undone
    ]


def decides(event: Event) -> bool:
    """Tell whether an event decides something: what is said again does not, unless somebody took the pains to edit."""
    return not event.again or event.decision == "edit"


def standing(events: Iterable[Event]) -> dict[tuple[str, str], Event]:
    """Return the last event that its own reviewer did not take back, by (record, reviewer)."""
    return {(event.item, event.reviewer): event for event in alive(events) if decides(event)}


def twice(events: Iterable[Event]) -> dict[tuple[str, str], tuple[Event, Event]]:
    """Return what was said first and what was said again of the same text, by (record, reviewer)."""
    first: dict[tuple[str, str], Event] = {}
    pairs: dict[tuple[str, str], tuple[Event, Event]] = {}
    for event in alive(events):
        key = (event.item, event.reviewer)
        if event.again and key in first and first[key].content == event.content:
            pairs[key] = (first[key], event)
        elif not event.again and key not in pairs:
            first[key] = event
    return pairs


def settle(events: Iterable[Event]) -> dict[str, Said]:
    """Say what holds of every record.

    One voice holds. Of several, `unsure` gives way to what the others say; an edit is a keep with better words, and
    the latest edit holds; keep against drop is `disagree`, until somebody decides it in the queue of disagreements.
    """
    votes: dict[str, dict[str, Event]] = {}
    for (item, reviewer), event in standing(events).items():
        votes.setdefault(item, {})[reviewer] = event
    return {item: _settled(said) for item, said in votes.items()}


def _settled(votes: Mapping[str, Event]) -> Said:
    latest = sorted(votes.values(), key=lambda event: (event.time, event.event))
    final = [event for event in latest if event.queue == "disagreed" and event.decision != "unsure"]
    clear = final[-1:] or [event for event in latest if event.decision != "unsure"]
    words = {event.decision for event in clear}
    if not clear:
        return Said(latest[-1], "unsure", votes)
    if "drop" in words and len(words) > 1:
        return Said(clear[-1], "disagree", votes)
    edits = [event for event in clear if event.decision == "edit"]
    event = (edits or clear)[-1]
    return Said(event, event.decision, votes)


def load(run: Path) -> list[Event]:
    """Return all events of a run, oldest first; raises SourceError where a log cannot be read."""
    from curation.review import store

    found = [store.read(path) for path in store.files(run)]
    log = run / "decisions.jsonl"
    return ordered([*(read(log) if log.exists() else []), *(event for events in found for event in events)])


def gather(places: Iterable[Path]) -> list[Event]:
    """Return the events of decision files (JSONL, or a reviewer's SQLite) and of run folders, oldest first.

    A folder without decisions gives none; raises SourceError for a file that is missing or none of these.
    """
    from curation.review import store

    found: list[Event] = []
    for place in places:
        if place.is_dir() or not place.suffix:
            found += load(place)
        elif place.suffix == ".sqlite":
            found += store.read(place)
        else:
            found += read(place)
    return ordered(found)


def read(path: Path) -> list[Event]:
    """Read a decisions.jsonl; raises SourceError with file, line and fault, without any text of a record."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise SourceError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as fault:
        raise SourceError(f"{path}: cannot be read: {getattr(fault, 'strerror', None) or 'it is not UTF-8'}") from None
    return [parse(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


def parse(line: str | bytes, place: str) -> Event:
    """Read one event; raises SourceError with its place and fault."""
    try:
        return Event.model_validate_json(line)
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        what = f"'{where}': {first['msg']}" if where else first["msg"]
        raise SourceError(f"{place}: not a decision: {what}; see `siftune schema decision`") from None


def lines(events: Iterable[Event]) -> str:
    """Return events as the lines of a decisions.jsonl, oldest first."""
    return "".join(event.model_dump_json(exclude_defaults=True) + "\n" for event in ordered(events))


def add(run: Path, events: Iterable[Event]) -> int:
    """Add events to a run's decisions.jsonl, those that the run has left out; return how many are new."""
    known = {event.event for event in load(run)}
    fresh = [event for event in ordered(events) if event.event not in known]
    if fresh:
        try:
            with own(run / "decisions.jsonl").open("a", encoding="utf-8", newline="\n") as file:
                file.write(lines(fresh))
        except OSError as fault:
            raise OutputError(f"{run / 'decisions.jsonl'}: cannot be written: {fault.strerror}") from None
    return len(fresh)


# --- on a new run ----------------------------------------------------------------------------------------------------

_SETTLED: tables.Schema = {
    "item": pl.String,
    "kind": pl.String,
    "conversation": pl.String,
    "message": pl.UInt32,
    "decision": pl.String,
    "content": pl.String,
    "texts": pl.List(pl.String),
    "thought": pl.String,
    "said": pl.String,
}


def table(settled: Mapping[str, Said]) -> pl.DataFrame:
    """Return what holds as a frame, one row per record; `said` names the reviewers, and their note."""
    rows = [
        {
            "item": item,
            "kind": said.event.kind,
            "conversation": said.event.conversation,
            "message": said.event.message,
            "decision": said.decision,
            "content": said.event.content,
            "texts": said.event.turns,
            "thought": said.event.cot,
            "said": ", ".join(sorted(said.votes)) + (f": {said.event.note}" if said.event.note else ""),
        }
        for item, said in sorted(settled.items())
    ]
    return pl.DataFrame(rows, schema=dict(_SETTLED))


NOTHING = pl.DataFrame(schema=dict(_SETTLED))


def on_messages(people: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """Return a finding `people/keep` for every message that people want back and whose text is still the same."""
    keys = ["conversation", "message"]
    wanted = people.filter((pl.col("kind") == "message") & (pl.col("decision") == "keep"))
    found = wanted.join(messages.select(*keys, "raw"), on=keys, how="inner", maintain_order="right")
    fresh = found.filter(pl.col("content") == pl.Series([digest(raw) for raw in found["raw"]], dtype=pl.String))
    return tables.findings(fresh.select(*keys, rule=pl.lit("people/keep"), action=pl.lit("note"), evidence="said"))


def on_examples(
    people: pl.DataFrame, examples: pl.DataFrame, *, mask: privacy.Masking
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return examples (with `content`) with people's words in place of ours, and a finding for every decision.

    Decisions on another text than today's are left out. What people wrote is masked as the log is (`mask`).
    """
    fresh = people.filter(pl.col("kind") == "example").join(
        examples.select("id", "content", now="turns"),
        left_on=["item", "content"],
        right_on=["id", "content"],
        how="inner",
        maintain_order="right",
    )
    misfit = (pl.col("decision") == "edit") & (pl.col("texts").list.len() != pl.col("now").list.len())
    fresh = fresh.filter(~misfit.fill_null(value=False))
    action = pl.col("decision").replace_strict({"drop": "drop", "disagree": "review"}, default="note")
    said = tables.findings(
        fresh.filter(pl.col("decision") != "unsure").select(
            "conversation",
            example="item",
            rule=pl.concat_str(pl.lit("people/"), "decision"),
            action=action,
            evidence="said",
        )
    )
    return _edited(examples, fresh.filter(pl.col("decision") == "edit"), mask), said


def _edited(examples: pl.DataFrame, edits: pl.DataFrame, mask: privacy.Masking) -> pl.DataFrame:
    """Put people's texts in the place of turns, question, answer and reasoning; rows as they are without edits."""
    if edits.is_empty():
        return examples
    rows = []
    for edit in edits.select("item", "texts", "thought", "now").iter_rows(named=True):
        # Turns and thought are numbered together, so that one value is one placeholder in the whole edit.
        *texts, thought = privacy.masked_list([t.strip() for t in (*edit["texts"], edit["thought"] or "")], mask)
        turns = [turn | {"text": text} for turn, text in zip(edit["now"], texts, strict=True)]
        rows.append(
            {
                "id": edit["item"],
                "new_turns": turns,
                "new_question": "\n".join(turn["text"] for turn in turns if turn["role"] == "user"),
                "new_answer": "\n".join(turn["text"] for turn in turns if turn["role"] != "user"),
                "new_cot": None if edit["thought"] is None else thought,
            }
        )
    schema: dict[str, Any] = {"id": pl.String, "new_turns": pl.List(tables.TURN)} | dict.fromkeys(
        ("new_question", "new_answer", "new_cot"), pl.String
    )
    joined = examples.join(pl.DataFrame(rows, schema=schema), on="id", how="left", maintain_order="left")
    columns = [name for name in ("turns", "question", "answer", "cot") if name in examples.columns]
    return joined.with_columns(pl.coalesce(f"new_{name}", name).alias(name) for name in columns).select(
        examples.columns
    )


def states(people: pl.DataFrame, messages: pl.DataFrame, examples: pl.DataFrame) -> dict[str, str]:
    """Tell of every decided record whether its decision is `fresh`, `stale` (another text today) or `unknown`."""
    today = dict(examples.select("id", "content").join(people, left_on="id", right_on="item", how="semi").iter_rows())
    keys = ["conversation", "message"]
    raw = messages.select(*keys, "raw").join(people.filter(pl.col("kind") == "message"), on=keys, how="semi")
    today |= {message_id(c, m): digest(text) for c, m, text in raw.iter_rows()}
    return {
        item: "unknown" if item not in today else "fresh" if today[item] == said else "stale"
        for item, said in people.select("item", "content").iter_rows()
    }


def summary(events: Sequence[Event]) -> dict[str, Any]:
    """Return what the manifest says of decisions: how many events, and the hash of their lines."""
    return {"events": len(events), "sha256": hashlib.sha256(lines(events).encode()).hexdigest()}
