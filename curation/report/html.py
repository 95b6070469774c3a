"""report.json as one page: no script, no request, both languages, light and dark, screen and paper."""

from functools import cache
from typing import Any, NamedTuple

from jinja2 import Environment

from curation import templates
from curation.report import charts, people, sentences, words
from curation.report.diff import compare
from curation.report.model import DroppedExample, Evidence, KeptExample, MendRow, Report, RuleExample, RuleRow, Turn
from curation.report.text import Piece, cut, marked, one_line
from curation.report.words import Language, Words, say

LIMIT = 300_000  # bytes of the page, whatever the run


class Room(NamedTuple):
    """How much of everything fits; the first that keeps the page under the limit is taken."""

    text: int  # characters of one message or turn
    turns: int  # messages shown of one example
    examples: int
    rows: int  # rows of a table


ROOMS = (
    Room(text=600, turns=16, examples=12, rows=80),
    Room(text=300, turns=10, examples=12, rows=60),
    Room(text=160, turns=8, examples=6, rows=40),
    Room(text=60, turns=4, examples=3, rows=25),
    Room(text=30, turns=0, examples=0, rows=12),
)


class Said(NamedTuple):
    """What one side said, with its marks."""

    role: Words
    side: str  # user, assistant, system or other: for the colour
    pieces: list[Piece]


class Talk(NamedTuple):
    """The shown part of a conversation."""

    said: list[Said]
    left_out: int


def opens_in(report: Report) -> Language:
    """Return the language to begin with: English where fewer than a third of the candidates are Chinese."""
    chinese = sum(row.before for row in report.languages if row.language == "zh")
    return "zh" if 3 * chinese >= sum(row.before for row in report.languages) else "en"


def render(report: Report, *, language: Language | None = None) -> str:
    """Return the page; `language` is the one it opens in (default: `opens_in`), the other is one click away."""
    language = language or opens_in(report)
    for room in ROOMS:
        page = _page(report, language, room)
        if len(page.encode("utf-8", "replace")) < LIMIT:
            break
    return page


def _page(report: Report, language: Language, room: Room) -> str:
    types = sentences.type_names(report)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            r=report,
            language=language,
            room=room,
            shortened=room is not ROOMS[0],
            exported=report.counts.exported_train + report.counts.exported_val,
            found=report.counts.pairs.found + report.counts.dialogues.found,
            kept=[(example, *_kept(example, room)) for example in report.kept_examples[: room.examples]],
            dropped=[(example, _dropped(example, room)) for example in report.dropped_examples[: room.examples]],
            dict_of=lambda rows: {row.rule: row for row in rows},
            line=lambda text, most=160: one_line(text, min(most, 2 * room.text)),
            pieces=lambda text: cut([Piece("same", text)], room.text),
            hit=lambda example: _hit(example, room),
            role=_role,
            mended=lambda mend: _mended(mend, room),
            mend_name=words.mend_name,
            because=lambda rules: sentences.behind(report, rules),
            reasons=lambda example: _reasons(report, example),
            whys={row.rule: _why(row, room) for row in report.rules},
            query_type_name=lambda key: types.get(key, words.name_of("type", key)),
        )
    )


def ready() -> None:
    """Compile the page's template, which takes a tenth of a second and more: it may be done beside other work."""
    _environment().get_template("report.html.j2")


@cache
def _environment() -> Environment:
    environment = templates.environment("curation.report")
    shared: dict[str, Any] = {
        "sentences": sentences,
        "people": people,
        "charts": charts,
        "say": say,
        "name_of": words.name_of,
    }
    shared |= {"percent": words.percent, "change": words.change, "figure": words.figure, "size": words.size}
    environment.globals |= shared
    return environment


def _kept(example: KeptExample, room: Room) -> tuple[Talk, Talk]:
    raw, turns = compare(example.raw, example.turns)
    roles_before, roles_after = [turn.role for turn in example.raw], [turn.role for turn in example.turns]
    return _talk(roles_before, raw, room), _talk(roles_after, turns, room)


def _dropped(example: DroppedExample, room: Room) -> Talk:
    """Return the turns with what the rules found marked, where it stands in one turn and is not all of it."""
    pieces = []
    for turn in example.turns:
        found = (e.text for e in example.evidence if e.text in turn.text and e.text != turn.text)
        evidence = next(found, "")
        pieces.append(marked(turn.text, evidence, room.text) if evidence else [Piece("same", turn.text)])
    return _talk([turn.role for turn in example.turns], pieces, room)


def _talk(roles: list[str], pieces: list[list[Piece]], room: Room) -> Talk:
    said = [
        Said(_role(role), _side(role), cut(own, room.text))
        for role, own in zip(roles[: room.turns], pieces[: room.turns], strict=True)
    ]
    return Talk(said, len(roles) - len(said))


def _why(rule: RuleRow, room: Room) -> Words:
    return Words(*(one_line(text, min(200, 2 * room.text)) for text in sentences.why(rule)))


def _reasons(report: Report, example: DroppedExample) -> list[Evidence]:
    """Return what the rules that dropped an example found in it."""
    behind = set(sentences.behind(report, example.rules))
    return [evidence for evidence in example.evidence if evidence.rule in behind]


def _role(role: str) -> Words:
    return words.name_of("role", role)


def _side(role: str) -> str:
    return role if role in ("user", "assistant", "system") else "other"


def _hit(example: RuleExample, room: Room) -> list[Piece]:
    """Return the text with its evidence marked, or nothing where the evidence is not in the text."""
    most = min(room.text, 240)
    return marked(example.text, example.evidence[:most], most)


def _mended(mend: MendRow, room: Room) -> list[tuple[list[Piece], list[Piece]]]:
    """Return the changes of a mend, with what left and what came marked."""
    most = min(room.text, 120)
    changes = []
    for example in mend.examples if room.examples else []:
        (before,), (after,) = compare([Turn(role="", text=example.before)], [Turn(role="", text=example.after)])
        changes.append((cut(_near_change(before), most), cut(_near_change(after), most)))
    return changes


def _near_change(pieces: list[Piece], most: int = 30) -> list[Piece]:
    """Leave out all but the last `most` characters of what stands unchanged at the beginning."""
    if not pieces or pieces[0].kind != "same" or len(pieces[0].text) <= most:
        return pieces
    text = pieces[0].text
    return [Piece("gap", "", len(text) - most), Piece("same", text[-most:]), *pieces[1:]]
