"""Plain-text transcripts → records: a line (or a head line and what follows it) per message.

How a line is built is a template: ``[{time}] {name}: {text}``. Fields are time, date, name, account (a name with a
colon in it), role, channel, customer, conversation and text. Without ``{text}`` the text stands on the following
lines, as chat clients of PCs copy it.
A space in a template is any white space, a colon or bracket also the full-width one; the space before ``{text}`` is
exactly one, for a message that was cut goes on with a space of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, islice

from curation.encodings import Bad
from curation.errors import SourceError
from curation.mapping import Layout
from curation.recipe import Source
from curation.roles import Roles
from curation.rows import Record

HEAD_LINES = 20_000  # that are looked at to guess how a line is built

_CLOCK = (
    r"(?:(?:上午|下午|凌晨|早上|中午|晚上|[AaPp][Mm])\s?)?\d{1,2}[:：]\d{2}(?:[:：]\d{2}(?:[.,]\d{1,6})?)?"
    r"(?:\s?[AaPp]\.?[Mm]\b\.?)?(?:Z|\s?[+-]\d{2}:?\d{2})?"
)
_DATE = (
    r"(?:\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})|\d{1,2}月\d{1,2}日|"
    r"[A-Z][a-z]{2,8}\.? \d{1,2},? \d{4}|\d{1,2} [A-Z][a-z]{2,8}\.? \d{4})"
)
_NAME = r"[^\s:：<>\[\]【】()（）\d\-=*_~#][^:：<>\[\]【】\n]{0,39}?|\d[^\s:：<>\[\]【】/.-]{0,39}?"
FIELDS = {
    "time": rf"(?:{_DATE}(?:[ T,，]*| - ))?{_CLOCK}",
    "date": _DATE,
    "name": _NAME,
    "role": _NAME,
    "account": r"[^\s(（][^(（\n]{0,59}?",  # a name that may hold a colon: shop:clerk
    "channel": r"\S+",
    "customer": r"\S+?",
    "conversation": r"\S+?",
    "text": r".*",
}
_ALIKE = {":": "[:：]", "[": "[\\[【［]", "]": "[\\]】］]", "(": "[(（]", ")": "[)）]", "-": "[-–—]"}
_DAY = re.compile(_DATE)
_MAIL = [re.compile(head, re.I) for head in (r"(?:From|发件人)\s*[:：]", r"(?:Subject|主题)\s*[:：]")]
_RULE = re.compile(r"\s*([-=*_#~—])\1{2,}\s*")  # a line drawn between two conversations

# The most telling first: where two fit as well, the earlier is taken.
LINES = (
    "{channel} {date} [{time}] <{name}> {text}",
    "{date} [{time}] <{name}> {text}",
    "[{time}] <{name}> {text}",
    "{time} <{name}> {text}",
    "[{time}] {name}: {text}",
    "({time}) {name}: {text}",
    "{time} - {name}: {text}",
    "{time} {name}: {text}",
    "{name} ({time}): {text}",
    "{name} [{time}]: {text}",
    "{name} {time}: {text}",
    "[{time}] {name} {text}",
    "{name} ({time})",
    "{name} {time}",
    "{time} {name}",
    "{name}: {text}",
)


@lru_cache(maxsize=64)
def event_of(template: str) -> re.Pattern[str] | None:
    """Return the pattern of a line without a name, ``[10:03] Ann joined``: what a program says, and nobody does.

    None where a line begins with the name, or where its text stands below.
    """
    head = re.split(r"\{(?:name|account|role)\}", template)[0]
    if head == template or "{time}" not in head or "{text}" not in template:
        return None
    return pattern_of(head.rstrip("<([ ") + " {text}")


def check_mail(file: str, lines: Sequence[str]) -> None:
    """Raise SourceError for e-mails, whose heads look like a transcript of From and Subject."""
    if all(sum(head.match(line) is not None for line in lines) > 1 for head in _MAIL):
        raise SourceError(
            f"{file}: these are e-mails (From:, Subject:), which are not read; "
            "export them as CSV or JSON, a row for each with its ticket, sender, time and text"
        )


@lru_cache(maxsize=64)
def pattern_of(template: str) -> re.Pattern[str]:
    """Compile a template of a line; raises SourceError for a field that there is not."""
    found, last = [], 0
    for field in re.finditer(r"\{(\w+)\}", template):
        if field.group(1) not in FIELDS:
            raise SourceError(f"line: there is no field '{field.group(1)}'; known: {', '.join(FIELDS)}")
        before = template[last : field.start()]
        one_space = field.group(1) == "text" and before.endswith(" ")
        found.append(_literal(before.removesuffix(" ") if one_space else before) + ("[ \\t]?" if one_space else ""))
        shape = FIELDS[field.group(1)]
        if field.group(1) == "text" and template[field.end() :] == " ":
            shape = ".*?"  # the space at the end of the line is not its own
        found.append(f"(?P<{field.group(1)}>{shape})")
        last = field.end()
    found.append(_literal(template[last:]) if template[last:] != " " else " ?")
    return re.compile("^\\s*" + "".join(found) + "$" if "{text}" in template else "^\\s*" + "".join(found) + "\\s*$")


def _literal(text: str) -> str:
    """Return the expression for what stands between fields."""
    parts: list[str] = []
    for piece in re.split(r"(\s+|[:\[\]()*-])", text):
        if not piece:
            continue
        if piece.isspace():
            parts.append(r"[ \t\u3000]*" if parts and parts[-1] in _ALIKE.values() else r"[ \t\u3000]+")
        elif piece == "*":
            parts.append(".*")
        else:
            parts.append(_ALIKE.get(piece) or re.escape(piece))
    return "".join(parts)


def guess_line(lines: Sequence[str]) -> tuple[str, float]:
    """Return the template that most of `lines` follow, and the share that do (of those that are not blank)."""
    written = [line for line in lines if line.strip()][:2000]
    best, most = "", 0.0
    for template in LINES:
        fits = [pattern_of(template).match(line) for line in written]
        hit = sum(match is not None for match in fits)
        own_lines = "{text}" not in template
        share = hit / max(len(written), 1) * (1.9 if own_lines else 1.0)  # a head line brings at least one more
        if share > most + 0.05:
            best, most = template, min(share, 1.0)
    if best.endswith("{text}") and written and all(line.endswith(" ") for line in written[:200]):
        best += " "
    return best, most


def table(file: str, lines: Iterable[str], bad: Mapping[int, Bad], source: Source) -> tuple[Layout, Iterator[Record]]:
    """Return the layout of a transcript and its messages as records.

    `bad` says of single lines (by index) why they could not be decoded. Lines that begin no message belong to the
    one before; but those with a time and no name are events, as a messenger writes them. Raises SourceError where the
    lines follow no template that is known.
    """
    line = source.line
    if line is None:
        head = list(islice(lines := iter(lines), HEAD_LINES))
        lines = chain(head, lines)
        check_mail(file, head[:2000])
        begins = pattern_of(source.start) if source.start else _RULE
        line, share = guess_line([text for text in head if not begins.match(text)])
        if share < 0.5:
            raise SourceError(
                f"{file}: its lines follow no pattern that is known; say in the recipe how a line is built, "
                "e.g. sources: [{line: '[{time}] {name}: {text}'}]"
            )
    columns: dict[str, str | int] = {
        name: name for name in ("conversation", "role", "speaker", "customer", "time", "text")
    }
    return Layout("transcript", columns, Roles(source.roles), source), _records(lines, bad, source, line)


def _records(lines: Iterable[str], bad: Mapping[int, Bad], source: Source, line: str) -> Iterator[Record]:
    """Yield a record per message, and one (a system message) per line that begins a conversation, or is an event."""
    pattern, event = pattern_of(line), event_of(line)
    marked = re.search(r"[\[(<-]", line.partition("{name}")[0]) is not None  # else a date has to tell it from speech
    start = pattern_of(source.start) if source.start else None
    number, conversation, customer = 0, "", None
    current: Record | None = None
    for index, text in enumerate(lines):
        if not text.strip():
            continue
        begins = start.match(text) if start else _RULE.fullmatch(text)
        match = None if begins else pattern.match(text)
        nobody = event.match(text) if event and not (begins or match) and (marked or _DAY.search(text[:40])) else None
        if not (begins or match or nobody) and current is not None and index not in bad:
            said = current.value["text"]
            value = current.value | {"text": f"{said}\n{text}" if said else text}
            current = current._replace(value=value, text=f"{current.text}\n{text}")
            continue
        if current is not None:
            yield current
            current = None
        if index in bad:
            yield Record(index + 1, None, text, bad[index].why, raw=bad[index].raw)
        elif begins:
            number += 1
            named = begins.groupdict() if start else {}
            customer = named.get("customer")
            conversation = named.get("conversation") or ("" if customer else str(number))
            value = {"conversation": conversation, "role": "system", "text": text, "time": named.get("time")}
            value["customer"] = customer
            current = None
            yield Record(index + 1, value, text)
        elif found := match or nobody:
            value = _values(found.groupdict(), conversation, customer)
            current = Record(index + 1, value if match else value | {"role": "system"}, text)
        else:
            yield Record(index + 1, None, text, "no message begins here")
    if current is not None:
        yield current


def _values(found: dict[str, str | None], conversation: str, customer: str | None) -> dict[str, str | None]:
    name = found.get("name") or found.get("account") or found.get("role")
    time = " ".join(part for part in (found.get("date"), found.get("time")) if part)
    return {
        "conversation": found.get("conversation") or conversation,
        "role": found.get("role") or name,
        "speaker": name,
        "customer": found.get("channel") or customer,
        "time": time,
        "text": found.get("text") or "",
    }
