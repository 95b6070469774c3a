"""What a reviewer sees of one record: the raw conversation beside the example, changes and evidence marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

from curation import privacy
from curation.report.diff import compare
from curation.report.model import Turn
from curation.report.text import Piece, one_line, visible
from curation.report.words import Words, name_of
from curation.review.queues import Finding, Opened, Record, mentioned

AROUND = 2  # messages shown before and after an example
MOST_LINES = 80  # messages shown of one conversation
MOST = 5000  # characters shown of one message; far more than anybody reads
MOST_EDITED = 60_000  # characters of an example that can be rewritten here


class Span(NamedTuple):
    """A stretch of text: what changed (del, ins or nothing), and whether it is evidence."""

    text: str
    change: str
    hit: bool


@dataclass(frozen=True)
class Said:
    """One message or turn."""

    role: Words
    side: str
    spans: list[Span]
    left_out: int = 0  # characters not shown
    source: str = ""
    state: str = ""  # context, dropped, target
    rules: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Hit:
    """One rule that fired."""

    rule: str
    action: str
    why: Words
    evidence: str
    where: str  # m3 for a message, or empty for the example
    role: str
    other: list[Said] = field(default_factory=list)  # the other record that the evidence names


@dataclass(frozen=True)
class Screen:
    """All that is shown of one record."""

    record: Record
    content: str
    source: str
    verdict: str
    raw: list[Said]
    left_out: int  # messages not shown
    turns: list[Said]
    cot: Said | None
    hits: list[Hit]
    texts: list[tuple[Words, str]]  # what can be rewritten: the role and the whole text of every turn
    thought: str
    editable: bool


def screen(opened: Opened, record: Record, *, blind: bool, show_pii: bool) -> Screen:
    """Build the screen of a record; `blind` leaves out what the rules said, `show_pii` shows raw personal data."""
    findings = opened.findings(record.conversation)
    example = opened.example(record.row) if record.kind == "example" else None
    turns: list[dict[str, Any]] = example["turns"] if example else []
    places = sorted({m for turn in turns for m in turn["messages"]}) or [record.message or 0]
    around = AROUND if example else 2 * AROUND
    first, last = places[0] - around, places[-1] + around
    lines = opened.messages(record.conversation, first, min(last, first + MOST_LINES - 1))
    mine = [hit for hit in findings if _belongs(hit, record, set(places))]
    shown = [] if blind else mine
    inside = [line for line in lines if places[0] <= line["message"] <= places[-1]]
    texts = [*(line["raw"] for line in lines), *(hit.evidence or "" for hit in shown)]
    hidden = dict(zip(texts, texts if show_pii else _masked(texts), strict=True))
    old = [Turn(role=line["role"], text=hidden[line["raw"]][:MOST]) for line in inside]
    told = _masked([turn["text"] for turn in turns])
    new = [Turn(role=turn["role"], text=text[:MOST]) for turn, text in zip(turns, told, strict=True)]
    left, came = compare(old, new) if new else ([[Piece("same", turn.text)] for turn in old], [])
    pieces = {line["message"]: part for line, part in zip(inside, left, strict=True)}
    raw = [_line(line, pieces, record, shown, hidden, blind=blind) for line in lines]
    marks = [hit.evidence for hit in shown if hit.example == record.item]
    said = [
        Said(name_of("role", turn["role"]), turn["role"], _spans(part, marks), max(len(turn["text"]) - MOST, 0))
        for turn, part in zip(turns, came, strict=True)
    ]
    thought = (example or {}).get("cot") or ""
    return Screen(
        record=record, content=opened.content(record), verdict=str(example["verdict"]) if example else "drop",
        source=next((line["source"] for line in lines if line["message"] == places[0]), ""),
        raw=raw, left_out=max(last - (first + MOST_LINES - 1), 0), turns=said,
        cot=_thought(thought, marks) if thought.strip() else None, hits=_hits(opened, shown, lines),
        texts=[(name_of("role", turn["role"]), turn["text"]) for turn in turns], thought=thought,
        editable=bool(example) and sum(len(turn["text"]) for turn in turns) + len(thought) <= MOST_EDITED,
    )  # fmt: skip


def talk(opened: Opened, item: str) -> list[Said]:
    """Show another example shortly: the one that a finding names."""
    record = opened.record(item)
    if record is None or record.kind != "example":
        return []
    return [
        Said(
            name_of("role", turn["role"]),
            turn["role"],
            _spans([Piece("same", _short(turn["text"])[:400])], []),
            max(len(turn["text"]) - 400, 0),
        )
        for turn in opened.example(record.row)["turns"][:8]
    ]


def gist(opened: Opened, item: str, most: int = 80) -> str:
    """Return the beginning of a record on one line, masked."""
    record = opened.record(item)
    if record is None:
        return ""
    if record.kind == "example":
        texts = [turn["text"] for turn in opened.example(record.row)["turns"]]
    else:
        texts = [line["raw"] for line in opened.messages(record.conversation, record.message or 0, record.message or 0)]
    return one_line(privacy.mask(" → ".join(text[: 2 * most] for text in texts[:4])), most)


def _belongs(hit: Finding, record: Record, places: set[int]) -> bool:
    if hit.rule.startswith("extract/"):
        return False
    if record.kind == "message":
        return hit.message == record.message
    return hit.example == record.item or (
        hit.message is not None and min(places) <= hit.message <= max(places) and hit.example is None
    )


def _masked(texts: Sequence[str]) -> list[str]:
    """Mask the beginnings of texts of one conversation, together: what stands in two of them has one placeholder."""
    short = [text[: MOST + 200] for text in texts]
    return privacy.masked_list(short) if any(map(privacy.scan, short)) else short


def _short(text: str) -> str:
    return _masked([text])[0][:MOST]


def _line(
    line: dict[str, Any],
    pieces: dict[int, list[Piece]],
    record: Record,
    hits: Sequence[Finding],
    hidden: Mapping[str, str],
    *,
    blind: bool,
) -> Said:
    number = line["message"]
    part = pieces.get(number, [Piece("same", hidden[line["raw"]][:MOST])])
    state = "target" if number == record.message else "" if number in pieces else "context"
    gone = [hit.rule for hit in hits if hit.message == number and hit.action == "drop"]
    if gone and record.kind == "example":
        state = "dropped"
    evidence = [hidden[hit.evidence or ""] for hit in hits if hit.message == number]
    if blind and record.kind == "message":
        part = [Piece("same", piece.text) for piece in part]
    return Said(
        name_of("role", line["role"]), line["role"], _spans(part, evidence), max(len(line["raw"]) - MOST, 0),
        line["source"], state, gone,
    )  # fmt: skip


def _thought(text: str, marks: Sequence[str]) -> Said:
    spans = _spans([Piece("same", _short(text))], marks)
    return Said(Words("", ""), "cot", spans, max(len(text) - MOST, 0))


def _spans(pieces: Sequence[Piece], evidence: Sequence[str]) -> list[Span]:
    """Lay evidence over changes; evidence that is not in the text as it stands marks nothing."""
    text = "".join(piece.text for piece in pieces)
    change = [piece.kind if piece.kind in ("del", "ins") else "" for piece in pieces for _ in piece.text]
    hit = [False] * len(text)
    for words in evidence:
        at = text.find(words) if words else -1
        hit[max(at, 0) : max(at, 0) + (len(words) if at >= 0 else 0)] = [True] * (len(words) if at >= 0 else 0)
    runs = groupby(zip(text, change, hit, strict=True), key=lambda char: char[1:])
    return [Span(visible("".join(char[0] for char in run)), *key) for key, run in runs]


def _hits(opened: Opened, findings: Sequence[Finding], lines: Sequence[dict[str, Any]]) -> list[Hit]:
    roles = {line["message"]: line["role"] for line in lines}
    return [
        Hit(
            rule=hit.rule, action=hit.action, why=opened.why(hit.rule),
            evidence=one_line(privacy.mask((hit.evidence or "")[:1000]), 200),
            where="" if hit.message is None else str(hit.message + 1), role=roles.get(hit.message, ""),
            other=[said for item in mentioned(hit.evidence or "") for said in talk(opened, item)],
        )
        for hit in sorted(findings, key=lambda hit: ("drop", "review", "note").index(hit.action))
    ]  # fmt: skip
