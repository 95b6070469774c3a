"""How a line of a transcript is built: templates → patterns, and which template the lines of a file follow.

A template is text with fields: ``[{time}] {name}: {text}``. Fields are time, date, name, account (a name with a
colon in it), role, channel, customer, conversation, elapsed (``1m 5s`` since the beginning) and text. Without
``{text}`` the text stands on the following lines, as chat clients of PCs copy it.
A space in a template is any white space, but a tab is a tab; a colon or bracket is also the full-width one; the space
before ``{text}`` is exactly one, for a message that was cut goes on with a space of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from curation.errors import SourceError

MOST = 2000  # lines that are looked at
_NOON = r"(?:上午|下午|凌晨|早上|中午|晚上|午前|午後|오전|오후)\s?"
_HALF = r"[AaPp]\.?\s?[Mm]\b\.?"  # a.m. in Spanish is written with a space
_CLOCK = (
    rf"(?:(?:{_NOON}|[AaPp][Mm]\s?))?\d{{1,2}}[:：]\d{{2}}(?:[:：]\d{{2}}(?:[.,]\d{{1,6}})?)?(?:\s?{_HALF})?"
    r"(?:Z|\s?[+-]\d{2}:?\d{2})?"
)
_DATE = (
    r"(?:\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?|\d{4}년\s?\d{1,2}월\s?\d{1,2}일|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})|"
    r"\d{1,2}月\d{1,2}日|[A-Z][a-z]{2,8}\.? \d{1,2},? \d{4}|\d{1,2} [A-Z][a-z]{2,8}\.? \d{4})"
)
_WEEKDAY = r"(?:(?:星期|周|週)[一二三四五六日天])"
_GAP = rf"(?:[ T,，]*(?:{_WEEKDAY}[ ,，]*)?| - | klo | um | at | kl\.? )"
_NAME = (  # not the hour of a clock: 上午10 of 上午10:03
    rf"(?!(?:{_NOON})?\d{{1,2}}[:：]\d\d)(?:~[ \u00a0\u202f])?"
    r"(?:[^\s:：<>\[\]【】()（）\d\-=*_~#][^:：<>\[\]【】\t\n]{0,39}?|\d[^\s:：<>\[\]【】/.-]{0,39}?)"
)
FIELDS = {
    # A clock may have dots behind a date only: 12.50 alone is a price. 05-01 10:03 is a day and a month.
    "time": (
        rf"(?:{_DATE}{_GAP}\d{{1,2}}\.\d{{2}}(?:\.\d{{2}})?(?:\s?{_HALF})?(?![.\d:])"
        rf"|(?:(?:{_DATE}{_GAP}|\d{{1,2}}[-/]\d{{1,2}}[ ,]+))?{_CLOCK})"
    ),
    "date": _DATE,
    "name": _NAME,
    "role": _NAME,
    "account": r"[^\s(（][^(（\n]{0,59}?",  # a name that may hold a colon: shop:clerk
    "channel": r"\S+",
    "customer": r"\S(?:[^\n]{0,58}?\S)??",
    "conversation": r"\S+?",
    "elapsed": r"(?:\d+h\s)?(?:\d+m\s)?\d+s",
    "text": r".*",
}
_BETWEEN_TABS = r"[^\t\n]{1,60}?"
# A name behind a date and a time, with nothing behind it; QQ's hold anything, and end with a number or an address.
_ALONE = r"(?:[^\s:：][^:：\t\n]{0,59}?|\S[^\t\n]{0,59}?(?:\(\d{4,12}\)|<[^<>\s]+>))"
_WORD = r"[^\s:：\[\]【】()（）<>\d-][^\s:：]{0,29}"  # a name of one word: where it ends nothing else tells
_ALIKE = {":": "[:：]", "[": "[\\[【［]", "]": "[\\]】］]", "(": "[(（]", ")": "[)）]", "-": "[-–—]"}
# Messengers write marks of direction before lines and names.
INVISIBLE = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
BESIDE = INVISIBLE + "~ \u00a0\u202f"  # and what else stands beside a name that is no part of it
_BEGIN = rf"^[\s{INVISIBLE}]*"
DATED = re.compile(rf"\s*(?:{_DATE}|\d{{1,2}}[-/]\d{{1,2}}[ ,])")
_TIME_ALONE, _NAME_ALONE = re.compile(rf"\s*{FIELDS['time']}\s*"), re.compile(rf"[\s{BESIDE}]*{_NAME}\s*")
# A line that is a date and no more: 2024/05/01(水), Wed, 05/01/2024, ----- 2024年5月1日 星期三 -----
_DAY_NAME = r"[(（]?[^\s\d()（）,，.:：!?！？]{1,16}\.?[)）]?"
DAY = re.compile(
    rf"[\s\-=—─━*#{INVISIBLE}]*(?:[^\s\d()（）,，.:：]{{2,12}}[.,，]?\s+)?(?P<date>{_DATE})(?:[\s,，]*{_DAY_NAME})?[\s\-=—─━*#]*"
)
# What WhatsApp says in somebody's name begins with a mark of direction, as do pictures and calls, which are theirs.
NOTICE = re.compile(
    "^\u200e.{0,80}?(?:end-to-end|端到端|端對端|エンドツーエンド|종단간|ende-zu-ende|extremo a extremo|"
    "ponta a ponta|bout en bout|сквозн|uçtan uca|ujung ke ujung|security code|安全码|"
    "created (?:this )?group|创建了群组|changed the subject)",
    re.I,
)
# A line drawn between two conversations; in 京东's exports /*****以下为一通会话*****/.
RULE = re.compile(
    r"\s*/?([-=*_#~—])\1{2,}(?:[^\d\n]{0,12}(?:会话|对话|聊天|咨询|session|chat|conversation)[^\d\n]{0,12}\1{3,})?/?\s*",
    re.I,
)

# The most telling first: where two fit as well, the earlier is taken.
LINES = (
    "{time}\t{name}\t{text}",
    "{channel} {date} [{time}] <{name}> {text}",
    "{date} [{time}] <{name}> {text}",
    "[{time}] <{name}> {text}",
    "{time} <{name}> {text}",
    "[{time}] {name}: {text}",
    "( {elapsed} ) {name}: {text}",
    "({time}) {name}: {text}",
    "{time} - {name}: {text}",
    "{time}, {name} : {text}",
    "{time} {name}: {text}",
    "{name} ({time}): {text}",
    "{name} [{time}]: {text}",
    "[{name}] [{time}] {text}",
    "{name} {time}: {text}",
    "[{time}] {name}",
    "[{time}] {name} {text}",
    "{account} ({time}):",
    "{name} ({time})",
    "{name} {time}",
    "{date} {time} {name}",
    "{time} {name}",
    "{time} {name} {text}",
    "{name}: {text}",
)
# The time on a line of its own below the name, and the text below both; `\n` is written so between any quotes.
BELOW = r"{name}\n{time}"
_HEAD_BREAK = re.compile(r"\n|\\n")
# Names in a text of questions and answers; without times, each question there has nothing to do with the one before.
FAQ = (("q", "a"), ("问", "答"), ("question", "answer"), ("提问", "回答"), ("问题", "答案"), ("问题", "回答"))
ASKING, ANSWERING = ({pair[side] for pair in FAQ} for side in (0, 1))
_WEAK = "{time} {name} {text}"  # where nothing else fits
_BY_NAMES = {"{date} {time} {name}", "{time} {name}", "[{time}] {name}", _WEAK}  # nothing but a name tells a line


@lru_cache(maxsize=64)
def event_of(template: str) -> re.Pattern[str] | None:
    """Return the pattern of a line without a name, ``[10:03] Ann joined``: what a program says, and nobody does.

    None where a line begins with the name, or where its text stands below.
    """
    head = re.split(r"\{(?:name|account|role)\}", template)[0]
    if head == template or "{time}" not in head or "{text}" not in template or template in _BY_NAMES:
        return None
    gap = "\t" if "\t" in head else " "
    return pattern_of(head.rstrip("<([ \t") + gap + "{text}")


@lru_cache(maxsize=64)
def pattern_of(template: str, names: tuple[str, ...] = ()) -> re.Pattern[str]:
    """Compile a template of a line; raises SourceError for a field that there is not.

    `names` are some whose end the template would not tell (`cut_short`).
    """
    found, last, template = [], 0, " ".join(_HEAD_BREAK.split(template))
    for field in re.finditer(r"\{(\w+)\}", template):
        name, before, behind = field.group(1), template[last : field.start()], template[field.end() :]
        if name not in FIELDS:
            raise SourceError(f"line: there is no field '{name}'; known: {', '.join(FIELDS)}")
        one_space = name == "text" and before.endswith(" ")
        found.append(_literal(before.removesuffix(" ") if one_space else before) + ("[ \\t]?" if one_space else ""))
        shape = FIELDS[name]
        if name == "text" and behind == " ":
            shape = ".*?"  # the space at the end of the line is not its own
        elif name == "name" and before.endswith("\t") and behind.startswith("\t"):
            shape = _BETWEEN_TABS
        elif name == "name" and not behind and "{date}" in template:
            shape = _ALONE
        elif name == "name" and template == _WEAK:
            shape = _WORD
        if name == "name" and names:
            shape = "|".join([*map(re.escape, sorted(names, key=len, reverse=True)), shape])
        found.append(f"(?P<{name}>{shape})")
        last = field.end()
    found.append(_literal(template[last:]) if template[last:] != " " else " ?")
    return re.compile(_BEGIN + "".join(found) + ("$" if "{text}" in template else "\\s*$"))


# Up to where a name may go on: in a line without marks the next word, else what stands before another colon.
_NEXT_WORD = re.compile(r"[ \t]+[^\s:：\d]\S{0,29}(?=\s)")
_NEXT_COLON = re.compile(r"[:：]\s?(?!https?\b)[^:：\s][^:：\n]{0,29}(?=[:：])", re.I)


def cut_short(template: str, lines: Sequence[str]) -> tuple[str, ...]:
    """Return the names that a template ends too soon: every line of theirs, four at least, goes on with the same words.

    Names of several words where nothing but a space stands behind them, and such with a colon in them.
    """
    goes_on = _NEXT_WORD if template.rstrip() == _WEAK else _NEXT_COLON if "{name}: {text}" in template else None
    behind: dict[str, list[str]] = {}
    for match in filter(None, map(pattern_of(template).match, lines if goes_on else ())):
        behind.setdefault(match["name"], []).append(match.string[match.end("name") :])
    found = []
    for name, rests in behind.items():
        whole = name
        while goes_on and len(set(rests)) > 3:
            more = [match and match.group() for match in map(goes_on.match, rests)]
            if more[0] is None or len(set(more)) > 1:
                break
            whole += more[0]
            rests = [rest[len(more[0]) :] for rest in rests]
        found += [whole] if whole != name else []
    return tuple(found)


def _literal(text: str) -> str:
    """Return the expression for what stands between fields."""
    parts: list[str] = []
    for piece in re.split(r"(\t|[^\S\t]+|[:\[\]()*-])", text):
        if not piece:
            continue
        if piece == "\t":
            parts.append(r"\t")
        elif piece.isspace():
            parts.append(r"[ \t\u3000]*" if parts and parts[-1] in _ALIKE.values() else r"[ \t\u3000]+")
        elif piece == "*":
            parts.append(".*")
        else:
            parts.append(_ALIKE.get(piece) or re.escape(piece))
    return "".join(parts)


def guess_line(lines: Sequence[str]) -> tuple[str, float]:
    """Return the template that most of `lines` follow, and the share that do (of those that are not blank).

    Days and lines drawn across, and what stands above the first line that fits, say nothing about it.
    """
    written = [line for line in lines if line.strip() and not RULE.fullmatch(line) and not DAY.fullmatch(line)][:MOST]
    best, most = "", 0.0
    for template in LINES:
        if template == _WEAK and most > 0.4:
            continue
        fits = [pattern_of(template).match(line) for line in written]
        hits = [match for match in fits if match is not None]
        if template in _BY_NAMES and not _few_names([match["name"] for match in hits], dated="{date}" in template):
            continue
        above = next((place for place, match in enumerate(fits) if match), 0)
        own_lines = "{text}" not in template
        share = len(hits) / max(len(written) - min(above, TITLE, len(hits)), 1)
        share *= 1.9 if own_lines else 1.0  # a head line brings at least one more
        if share > most + 0.05:
            best, most = template, min(share, 1.0)
    if most < LEAST:
        heads = [line for line in together(lines[:MOST]) if line.strip()]
        named = [match["name"] for match in map(pattern_of(BELOW).match, heads) if match]
        if len(named) > 1 and _few_names(named, dated=True):
            best, most = BELOW, max(most, min(1.9 * len(named) / len(heads), 1.0))
    if best.endswith("{text}") and written and all(line.endswith(" ") for line in written[:200]):
        best += " "
    return best, most


def is_below(template: str) -> bool:
    """Tell whether the head of a message has two lines."""
    return _HEAD_BREAK.search(template) is not None


def together(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines with each time that stands alone put behind the name above it; its own line is left blank."""
    name: str | None = None
    for line in lines:
        if name is not None and _TIME_ALONE.fullmatch(line) and _NAME_ALONE.fullmatch(name):
            yield f"{name.rstrip()} {line.strip()}"
            line, name = "", None
        elif name is not None:
            yield name
        name = line
    if name is not None:
        yield name


LEAST = 0.3  # of the lines of a transcript begin a message
TITLE = 20  # lines at most stand above the first message: what the export is, and of when


def _few_names(names: Sequence[str], *, dated: bool) -> bool:
    """Tell whether what may be names comes again and again, as names do and texts do not."""
    return len(names) < 2 or len(Counter(names)) <= 0.5 * len(names) + (1 if dated else 0.5)
