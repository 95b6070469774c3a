"""Decisions and records in the formats that people have: spreadsheets (CSV), Label Studio, Argilla.

JSON Lines of events (decisions.py) is the canonical form. These are for looking and deciding elsewhere: a file holds
records with what was decided so far, and comes back with what was decided since. Sources of the formats:
labelstud.io/guide/task_format and /guide/predictions; docs.argilla.io records (`Dataset.records.to_json`).
"""

from __future__ import annotations

import csv
import io
import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from xml.sax.saxutils import quoteattr

from pydantic import ValidationError

from curation import __version__, decisions, privacy
from curation.decisions import Event
from curation.errors import SourceError
from curation.review.queues import Opened

FORMATS = ("jsonl", "csv", "label-studio", "argilla")
WORDS = {"保留": "keep", "丢弃": "drop", "改写": "edit", "拿不准": "unsure"}
MACHINE = {"keep": "keep", "drop": "drop", "review": "unsure"}
FIRST = ["item", "kind", "decision", "note", "reviewer", "time"]
LAST = ["reasoning", "machine", "rules", "conversation", "message", "content", "per_rule", "event"]
PEOPLE = uuid.UUID("8a0a1c52-9a3c-5a54-b6a4-7d0c1a9d3f11")  # namespace of reviewers' ids in Argilla


@dataclass(frozen=True)
class Row:
    """One record with what one reviewer said of it, or nobody yet."""

    item: str
    kind: str
    conversation: str
    message: int | None
    content: str
    turns: list[tuple[str, str]]  # role and text, masked
    cot: str
    machine: str
    rules: list[str]
    event: Event | None


class Answer(NamedTuple):
    """What a file says of one record."""

    item: str
    decision: str
    content: str
    reviewer: str
    note: str
    texts: list[str] | None
    cot: str | None
    event: str  # of the answer as it was exported; empty for a new one
    per_rule: int
    place: str


def rows(opened: Opened, items: Iterable[str], said: Mapping[tuple[str, str], Event], *, blind: bool) -> Iterator[Row]:
    """Yield the records, once for every reviewer that spoke of them; `blind` leaves out what the rules said."""
    of: dict[str, list[Event]] = {}
    for (item, _), event in said.items():
        of.setdefault(item, []).append(event)
    for item in items:
        record = opened.record(item)
        if record is None:
            continue
        if record.kind == "example":
            example = opened.example(record.row)
            turns = [(turn["role"], turn["text"]) for turn in example["turns"]]
            cot, machine, rules = example["cot"] or "", str(example["verdict"]), list(example["rules"])
        else:
            (line,) = opened.messages(record.conversation, record.message or 0, record.message or 0)
            turns, cot, machine, rules = [(line["role"], privacy.mask(line["raw"]))], "", "drop", list(line["rules"])
        spoken: list[Event | None] = [*of.get(item, [])] or [None]
        for word in spoken:
            yield Row(
                item, record.kind, record.conversation, record.message, opened.content(record), turns, cot,
                "" if blind else machine, [] if blind else rules, word,
            )  # fmt: skip


def texts(row: Row) -> list[str]:
    """Return what the turns say: a person's words where there are some."""
    return row.event.turns if row.event and row.event.turns else [text for _, text in row.turns]


def events(answers: Iterable[Answer], opened: Opened, known: Sequence[Event], reviewer: str) -> tuple[list[Event], int]:
    """Return the events that answers come to, and how many are about records that are not in this run.

    An answer that was exported and comes back unchanged is none. Text that was changed beside `keep` is an edit.
    Raises SourceError with its place for an answer that cannot be.
    """
    before = {event.event: event for event in known}
    strata: dict[int, dict[str, list[str]]] = {}
    made: list[Event] = []
    strangers = 0
    for answer in answers:
        record = opened.record(answer.item)
        if record is None:
            strangers += 1
            continue
        old = before.get(answer.event)
        ours = [turn["text"] for turn in opened.example(record.row)["turns"]] if record.kind == "example" else []
        shown = (old.turns if old else None) or ours
        rewritten = (
            answer.texts is not None and bool(ours) and [_plain(t) for t in answer.texts] != [_plain(t) for t in shown]
        )
        decision = "edit" if rewritten and answer.decision == "keep" else answer.decision
        if old and (old.decision, old.note) == (decision, answer.note) and not rewritten:
            continue
        if decision == "edit" and not answer.texts:  # somebody wants other words and gave none: it waits for them
            decision = "unsure"
        size = answer.per_rule or opened.per_rule
        if size not in strata:
            strata[size] = opened.strata if size == opened.per_rule else Opened(opened.run, per_rule=size).strata
        values = {
            "event": decisions.new_id(), "time": decisions.now(), "reviewer": answer.reviewer or reviewer,
            "item": record.item, "kind": record.kind, "conversation": record.conversation, "message": record.message,
            "content": answer.content or opened.content(record), "decision": decision, "note": answer.note[:2000],
            "turns": (answer.texts or None) if decision == "edit" else None, "queue": "import",
            "cot": answer.cot if decision == "edit" else None, "strata": strata[size].get(record.item, []),
        }  # fmt: skip
        try:
            made.append(Event.model_validate(values))
        except ValidationError as fault:
            what = fault.errors(include_url=False, include_input=False)[0]["msg"]
            raise SourceError(f"{answer.place}: not a decision: {what}") from None
    return made, strangers


def _plain(text: str) -> str:
    """Compare texts as spreadsheets leave them: line ends and spaces at the ends do not count."""
    return re.sub(r"\r\n?", "\n", text).strip()


def _decision(word: str, place: str) -> str:
    said = WORDS.get(word.strip(), word.strip().lower())
    if said not in ("keep", "drop", "edit", "unsure"):
        known = "keep, drop, edit, unsure, 保留, 丢弃, 改写, 拿不准"
        raise SourceError(f"{place}: the decision is none of {known}")
    return said


# --- CSV -------------------------------------------------------------------------------------------------------------

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")


def guarded(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula; `unguarded` gives the text back."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """Return the text of a guarded cell."""
    return cell[1:] if _GUARDED.match(cell) else cell


def to_csv(found: Iterable[Row], *, per_rule: int) -> str:
    """Return a table for Excel, with a byte order mark: one line per record and reviewer, every turn in a column."""
    listed = list(found)
    columns = [f"text_{n + 1}" for n in range(max((len(row.turns) for row in listed), default=2))]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*FIRST, *columns, *LAST])
    for row in listed:
        event = row.event
        said = [event.decision, event.note, event.reviewer, event.time] if event else [""] * 4
        words = [*texts(row), *[""] * (len(columns) - len(row.turns))]
        thought = event.cot if event and event.cot is not None else row.cot
        place = [row.conversation, "" if row.message is None else str(row.message), row.content, str(per_rule)]
        cells = [row.item, row.kind, *said, *words, thought, row.machine, " ".join(row.rules), *place]
        writer.writerow([guarded(cell) for cell in [*cells, event.event if event else ""]])
    return "\ufeff" + out.getvalue()


def from_csv(text: str, name: str) -> list[Answer]:
    """Read a table that `to_csv` made and people filled in; lines without a decision are left out."""
    csv.field_size_limit(10_000_000)
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    missing = [column for column in ("item", "decision") if column not in (reader.fieldnames or [])]
    if missing:
        raise SourceError(f"{name}: no column '{missing[0]}'; export a table with `siftune decisions export` first")
    answers = []
    for raw in reader:
        place = f"{name}:{reader.line_num}"
        cells = {key: unguarded(value or "") for key, value in raw.items() if key and not isinstance(value, list)}
        if not cells["decision"].strip():
            continue
        size = cells.get("per_rule", "")
        words = [value for key, value in cells.items() if key.startswith("text_")]
        while words and not words[-1].strip():
            words.pop()
        answers.append(
            Answer(
                cells["item"].strip(),
                _decision(cells["decision"], place),
                cells.get("content", "").strip(),
                cells.get("reviewer", "").strip(),
                cells.get("note", ""),
                words or None,
                cells.get("reasoning") or None,
                cells.get("event", "").strip(),
                int(size) if size.isdecimal() else 0,
                place,
            )
        )
    return answers


# --- Label Studio ----------------------------------------------------------------------------------------------------


def label_config() -> str:
    """Return the labelling interface that goes with the tasks."""
    words = "".join(f"<Choice value={quoteattr(word)}/>" for word in ("keep", "drop", "edit", "unsure"))
    choices = f'<Choices name="decision" toName="dialogue" choice="single" required="true">{words}</Choices>'
    areas = "".join(
        f'<TextArea name="{name}" toName="dialogue" rows="3" maxSubmissions="1" editable="true" placeholder="{name}"/>'
        for name in ("question", "answer", "note")
    )
    return (
        '<View><Paragraphs name="dialogue" value="$dialogue" layout="dialogue" nameKey="author" textKey="text"/>'
        f"{choices}{areas}</View>\n"
    )


def to_label_studio(found: Iterable[Row], *, per_rule: int) -> str:
    """Return tasks as JSON: the record in `data`, decisions as annotations, the machine's word as a prediction."""
    tasks: dict[str, dict[str, Any]] = {}
    for row in found:
        said = [{"author": role, "text": text} for role, text in row.turns]
        data = {
            "item": row.item, "kind": row.kind, "content": row.content, "conversation": row.conversation,
            "per_rule": per_rule, "dialogue": said, "reasoning": row.cot,
        }  # fmt: skip
        task = tasks.setdefault(row.item, {"data": data, "annotations": [], "predictions": []})
        if row.machine and not task["predictions"]:
            task["data"]["rules"] = row.rules
            word = [_choice(MACHINE[row.machine])]
            task["predictions"] = [{"model_version": f"siftune {__version__}", "result": word}]
        if row.event:
            result = [_choice(row.event.decision)]
            pair = list(zip(("question", "answer"), row.event.turns or [], strict=False)) if len(row.turns) == 2 else []
            result += [_words(name, text) for name, text in [*pair, ("note", row.event.note)] if text]
            task["annotations"].append({"unique_id": str(uuid.UUID(row.event.event)), "result": result})
    return json.dumps(list(tasks.values()), ensure_ascii=False, indent=1) + "\n"


def _choice(word: str) -> dict[str, Any]:
    return {"from_name": "decision", "to_name": "dialogue", "type": "choices", "value": {"choices": [word]}}


def _words(name: str, text: str) -> dict[str, Any]:
    return {"from_name": name, "to_name": "dialogue", "type": "textarea", "value": {"text": [text]}}


def from_label_studio(text: str, name: str) -> list[Answer]:
    """Read Label Studio's JSON export (not JSON-MIN); skipped and unfinished annotations are left out."""
    answers = []
    for number, task in enumerate(_list(text, name), 1):
        place = f"{name}: task {number}"
        data = _part(task, "data", place)
        for annotation in task.get("annotations") or []:
            said: dict[str, str] = {}
            for result in annotation.get("result") or []:
                value = result.get("value") or {}
                words = value.get("choices") or value.get("text") or []
                said[str(result.get("from_name"))] = str(words[0] if isinstance(words, list) and words else words or "")
            if annotation.get("was_cancelled") or not said.get("decision"):
                continue
            turns = [str(turn.get("text", "")) for turn in data.get("dialogue") or []]
            rewritten = {0: said.get("question"), 1: said.get("answer")} if len(turns) == 2 else {}
            words = [rewritten.get(place_) or turn for place_, turn in enumerate(turns)]
            answers.append(
                Answer(
                    str(data.get("item")),
                    _decision(said["decision"], place),
                    str(data.get("content") or ""),
                    _who(annotation.get("completed_by")),
                    said.get("note", ""),
                    words if any(rewritten.values()) else None,
                    None,
                    str(annotation.get("unique_id") or "").replace("-", ""),
                    int(data.get("per_rule") or 0),
                    place,
                )
            )
    return answers


def _who(completed_by: object) -> str:
    """Return a reviewer's name for who Label Studio says it was: the e-mail's first part, or the number."""
    if isinstance(completed_by, dict):
        completed_by = completed_by.get("email") or completed_by.get("username") or completed_by.get("id")
    text = re.sub(r"[^\w.-]", "-", str(completed_by or "").split("@")[0])[:40]
    return f"user-{text}" if text.isdecimal() else text


# --- Argilla ---------------------------------------------------------------------------------------------------------


def to_argilla(found: Iterable[Row], *, per_rule: int) -> str:
    """Return records as Argilla's `records.to_json` writes them and `from_json` reads them."""
    records: dict[str, dict[str, Any]] = {}
    for row in found:
        record = records.setdefault(
            row.item,
            {
                "id": row.item,
                "fields": {"dialogue": [{"role": role, "content": text} for role, text in row.turns]},
                "metadata": {
                    "kind": row.kind, "conversation": row.conversation, "content": row.content, "per_rule": per_rule,
                },
                "suggestions": {},
                "responses": {},
                "vectors": {},
                "_server_id": None,
            },
        )  # fmt: skip
        if row.machine:
            suggestion = {"value": MACHINE[row.machine], "score": None, "agent": f"siftune {__version__}"}
            record["suggestions"] = {"decision": suggestion}
        if row.event:
            who = str(uuid.uuid5(PEOPLE, row.event.reviewer))
            pair = list(zip(("question", "answer"), row.event.turns or [], strict=False)) if len(row.turns) == 2 else []
            for name, text in [("decision", row.event.decision), *pair, ("note", row.event.note)]:
                if text:
                    record["responses"].setdefault(name, []).append({"value": text, "user_id": who})
            record["metadata"][f"reviewer_{who}"] = row.event.reviewer
            record["metadata"][f"event_{who}"] = row.event.event
    return json.dumps(list(records.values()), ensure_ascii=False, indent=1) + "\n"


def from_argilla(text: str, name: str) -> list[Answer]:
    """Read records with responses; a reviewer is who we exported, else the beginning of Argilla's user id."""
    answers = []
    for number, record in enumerate(_list(text, name), 1):
        place = f"{name}: record {number}"
        metadata, responses = _part(record, "metadata", place), record.get("responses") or {}
        turns = [str(turn.get("content", "")) for turn in (record.get("fields") or {}).get("dialogue") or []]
        by_user: dict[str, dict[str, str]] = {}
        for question, given in responses.items():
            for response in given or []:
                by_user.setdefault(str(response.get("user_id")), {})[question] = str(response.get("value") or "")
        for who, said in by_user.items():
            if not said.get("decision"):
                continue
            rewritten = {0: said.get("question"), 1: said.get("answer")} if len(turns) == 2 else {}
            words = [rewritten.get(place_) or turn for place_, turn in enumerate(turns)]
            answers.append(
                Answer(
                    str(record.get("id")),
                    _decision(said["decision"], place),
                    str(metadata.get("content") or ""),
                    str(metadata.get(f"reviewer_{who}") or f"argilla-{who[:8]}"),
                    said.get("note", ""),
                    words if any(rewritten.values()) else None,
                    None,
                    str(metadata.get(f"event_{who}") or ""),
                    int(metadata.get("per_rule") or 0),
                    place,
                )
            )
    return answers


def _list(text: str, name: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise SourceError(f"{name}: not JSON") from None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise SourceError(f"{name}: not a list of records")
    return found


def _part(record: Mapping[str, Any], key: str, place: str) -> dict[str, Any]:
    part = record.get(key)
    if not isinstance(part, dict):
        raise SourceError(f"{place}: no '{key}'; export it in full JSON, not in a shortened form")
    return part
