"""Plain-text transcripts → records: a line (or a head line and what follows it) per message.

built.py says how a line is built. Here lines become messages, events (what a program says), the lines that begin a
conversation, and the days that stand above messages with clocks alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, takewhile
from typing import NamedTuple

from curation.built import (
    ANSWERING,
    ASKING,
    BESIDE,
    DATED,
    DAY,
    NOTICE,
    RULE,
    TITLE,
    cut_short,
    event_of,
    guess_line,
    is_below,
    pattern_of,
    together,
)
from curation.encodings import Bad
from curation.errors import SourceError
from curation.mapping import Layout
from curation.recipe import Source
from curation.roles import Roles
from curation.rows import Record

HEAD_LINES = 20_000  # that are looked at to guess how a line is built
WAITING = 3  # lines below a line drawn across, until what follows says whether it is a border or text

_MAIL = [re.compile(head, re.I) for head in (r"(?:From|发件人)\s*[:：]", r"(?:Subject|主题)\s*[:：]")]
_FIELD = re.compile(r"[A-Za-z-]+:\s|[ \t]")  # a field of an e-mail's head, or what goes on with one
Values = dict[str, str | None]


class _Line(NamedTuple):
    """A line that is not blank: its place, what it is (start, rule, day, said, event or more), and its fields."""

    number: int  # from 1
    text: str
    kind: str
    fields: Values


@dataclass
class _Message:
    """A message whose last line has not come yet."""

    number: int  # of its first line, from 1
    value: Values
    lines: list[str]  # as they stand in the file
    below: list[str] = field(default_factory=list)  # of its text, those behind the first

    def record(self, *, quoted: bool) -> Record:
        """Return it as a record; where texts of several lines are `quoted`, without the quotes."""
        first = self.value["text"] or ""
        text = "\n".join([first, *self.below] if first else self.below)
        if quoted and self.below and len(text) > 1 and text[0] == text[-1] == '"':
            text = text[1:-1].replace('""', '"')
        return Record(self.number, self.value | {"text": text}, "\n".join(self.lines))


def check_mail(file: str, lines: Sequence[str]) -> None:
    """Raise SourceError for e-mails, whose heads look like a transcript of From and Subject."""
    top = list(takewhile(str.strip, lines))  # of a single e-mail: its head, above an empty line
    alone = len(top) > 2 and all(_FIELD.match(line) for line in top)
    if all(sum(head.match(line) is not None for line in lines) > (not alone) for head in _MAIL):
        raise SourceError(
            f"{file}: these are e-mails (From:, Subject:), which are not read; "
            "export them as CSV or JSON, a row for each with its ticket, sender, time and text"
        )


def table(file: str, lines: Iterable[str], bad: Mapping[int, Bad], source: Source) -> tuple[Layout, Iterator[Record]]:
    """Return the layout of a transcript and its messages as records.

    `bad` says of single lines (by index) why they could not be decoded. Lines that begin no message belong to the
    one before; but those with a time and no name are events, as a messenger writes them, and what stands above the
    first message, or is a day of its own, is a system message. Raises SourceError where the lines follow no template
    that is known.
    """
    line, names = source.line, tuple[str, ...]()
    if line is None:
        head = list(islice(lines := iter(lines), HEAD_LINES))
        lines = chain(head, lines)
        check_mail(file, head[:2000])
        begins = pattern_of(source.start) if source.start else RULE
        line, share = guess_line([text for text in head if not begins.match(text)])
        if share < 0.5:
            raise SourceError(
                f"{file}: its lines follow no pattern that is known; say in the recipe how a line is built, "
                "e.g. sources: [{line: '[{time}] {name}: {text}'}]"
            )
        names = cut_short(line, head)
    columns: dict[str, str | int] = {
        name: name for name in ("conversation", "role", "speaker", "customer", "time", "text")
    }
    return Layout("transcript", columns, Roles(source.roles), source), records(lines, source, line, bad, names)


def records(
    lines: Iterable[str], source: Source, line: str, bad: Mapping[int, Bad] | None = None, names: Sequence[str] = ()
) -> Iterator[Record]:
    """Yield the messages of lines that are built as `line` says, and all that stands between them.

    Where the end of a name is not plain to see, `names` and those of the source's roles are known.
    """
    lines = together(lines) if is_below(line) else lines
    return _Talk(source, line, names).records(lines, {} if bad is None else bad)  # `bad` may fill while lines are read


class _Talk:
    """The lines of one file, one after the other: whose message is open, and what may belong to it."""

    def __init__(self, source: Source, line: str, names: Sequence[str]) -> None:
        """Take how a line is built, and names whose end it does not tell."""
        known = (name for some in source.roles.values() for name in some if re.search(r"[\s:：]", name))
        self._said, self._event = pattern_of(line, tuple(dict.fromkeys([*names, *known]))), event_of(line)
        self._start = pattern_of(source.start) if source.start else None
        # An event is told by a mark before the name, else a date has to tell it from speech.
        self._marked = re.search(r"[\[(<\t-]", line.partition("{name}")[0]) is not None
        self._quoted = "\t{text}" in line  # as LINE does with texts of several lines
        self._days = "{time}" in line and "{date}" not in line  # until a time has a date of its own
        self._day = ""
        self._timeless, self._answered = not {"{time}", "{date}"} & set(re.findall(r"\{\w+\}", line)), True
        self._number, self._conversation = 0, ""
        self._customer: str | None = None
        self._open: _Message | None = None
        self._above: list[_Line] = []  # what belongs to no message
        self._waiting: list[_Line] = []
        self._lost = False  # more lines belong to no message than a title has

    def records(self, lines: Iterable[str], bad: Mapping[int, Bad]) -> Iterator[Record]:
        """Yield a record per message, event, line that begins a conversation, and title above messages."""
        for index, text in enumerate(lines):
            if not text.strip():
                continue
            if index in bad:
                self._join()
                yield from self._close()
                yield Record(index + 1, None, text, bad[index].why, raw=bad[index].raw)
                continue
            line = self._line(index + 1, text)
            if line.kind == "said" and not (self._waiting or self._above):  # as nearly all are
                if self._open is not None:
                    yield self._open.record(quoted=self._quoted)
                self._open = self._message(line, self._time(line.fields))
            elif line.kind in ("said", "event", "start"):
                yield from self._begin(line)
            elif self._open is None:
                yield from self._stands_above(line)
            elif line.kind == "more" and not 0 < len(self._waiting) <= WAITING:
                self._join(line)
            else:
                self._waiting.append(line)
        self._join()
        said = self._open is not None or self._number > 0
        yield from self._close()
        yield from self._title(None) if said else self._unread()

    def _line(self, number: int, text: str) -> _Line:
        """Tell what a line is."""
        if self._start and (match := self._start.match(text)):
            return _Line(number, text, "start", match.groupdict())
        if (match := self._said.match(text)) and not RULE.fullmatch(text):
            return _Line(number, text, "said", match.groupdict())
        if RULE.fullmatch(text):
            return _Line(number, text, "rule" if self._start else "start", {})
        if self._event and (match := self._event.match(text)) and (self._marked or DATED.match(text)):
            return _Line(number, text, "event", match.groupdict())
        if self._days and (match := DAY.fullmatch(text)):
            return _Line(number, text, "day", match.groupdict())
        return _Line(number, text, "more", {})

    def _begin(self, line: _Line) -> Iterator[Record]:
        """Close the message before, and begin with a new one, or a conversation."""
        border = self._border(line)
        waiting, self._waiting = self._waiting[border:], self._waiting[:border]
        self._join()
        yield from self._close()
        for waits in waiting:
            yield from self._stands_above(waits)
        named = line.fields
        time = self._time(named, border=line.kind == "start")
        if line.kind != "start":
            yield from self._title(time)
            self._open = self._message(line, time)
            return
        self._number += 1
        self._customer = named.get("customer")
        self._conversation = named.get("conversation") or ("" if self._customer else str(self._number))
        yield from self._title(time)
        value: Values = {"role": "system", "text": line.text, "time": time, "customer": self._customer}
        yield Record(line.number, value | {"conversation": self._conversation}, line.text)

    def _message(self, line: _Line, time: str | None) -> _Message:
        """Return the message or the event that begins on a line."""
        named, text = line.fields, line.fields.get("text") or ""
        name: str | None = (named.get("name") or named.get("account") or named.get("role") or "").strip(BESIDE)
        role = named.get("role") or name
        if self._timeless:  # each question stands alone, see built.FAQ
            word = (role or "").casefold()
            if word in ASKING and self._answered:
                self._number += 1
                self._conversation = str(self._number)
            self._answered = word in ANSWERING
        if line.kind == "event":
            role, text = "system", text.lstrip("\t")  # an empty name
        elif text[:1] == "\u200e" and NOTICE.match(text):
            role, name = "system", None
        value: Values = {
            "conversation": named.get("conversation") or self._conversation, "role": role, "speaker": name or None,
            "customer": named.get("channel") or self._customer, "time": time, "text": text,
        }  # fmt: skip
        return _Message(line.number, value, [line.text])

    def _border(self, line: _Line) -> int:
        """Return which of the lines that wait the border before a message or a conversation begins with.

        Before a conversation it may be a frame, lines drawn alike with a few words between them; else nothing but
        lines drawn across and days.
        """
        last = self._waiting[-1] if self._waiting else line
        if line.kind == "start" and last.kind == "rule":
            return next(at for at, waits in enumerate(self._waiting) if waits.text.strip() == last.text.strip())
        return 0 if all(waits.kind in ("rule", "day") for waits in self._waiting) else len(self._waiting)

    def _time(self, named: Values, *, border: bool = False) -> str | None:
        """Return the time of a line, under the day that it stands below; a border's day is that of what follows."""
        date, time = named.get("date"), named.get("time")
        if date or not time:
            return " ".join(part for part in (date, time) if part) or None
        if not (self._days or self._day or border):
            return time
        if DATED.match(time):
            self._days = False
            dated = DAY.match(time) if border else None
            self._day = dated["date"] if dated else ""
            return time
        return f"{self._day} {time}" if self._day else time

    def _stands_above(self, line: _Line) -> Iterator[Record]:
        """Keep a line that belongs to no message until the next one; more than a title holds is unreadable."""
        self._day = line.fields.get("date") or self._day
        self._above.append(line)
        if self._lost or len(self._above) > TITLE:
            self._lost = True
            yield from self._unread()

    def _unread(self) -> Iterator[Record]:
        above, self._above = self._above, []
        for line in above:
            yield Record(line.number, None, line.text, "no message begins here")

    def _title(self, time: str | None) -> Iterator[Record]:
        """Yield what stands above the next message as a system message of the same time."""
        above, self._above, self._lost = self._above, [], False
        if above:
            text = "\n".join(line.text for line in above)
            value: Values = {"conversation": self._conversation, "role": "system", "text": text, "time": time}
            yield Record(above[0].number, value | {"customer": self._customer}, text)

    def _join(self, *more: _Line) -> None:
        """Take what waits, and what comes, for text of the open message."""
        lines = [line.text for line in (*self._waiting, *more)]
        self._waiting = []
        if self._open is not None:
            self._open.lines += lines
            self._open.below += lines

    def _close(self) -> Iterator[Record]:
        if self._open is not None:
            yield self._open.record(quoted=self._quoted)
        self._open = None
