"""Guess plain-text transcripts: how a line is built, who serves, where texts are cut."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from curation import built
from curation.roles import Roles
from curation.sniffing import dates
from curation.sniffing.columns import speaking
from curation.sniffing.guess import SURE, Guess, Item, Question, shown, words
from curation.sniffing.heads import Head

_COMMON = Roles({})
_TIMED = re.compile(built.FIELDS["time"])
_WITH = re.compile("消息对象[:：]")  # QQ: with whom the messages below are


def lines(guess: Guess, head: Head) -> None:
    """Guess the mapping of a plain-text transcript."""
    line, share = built.guess_line(head.lines)
    guess.source |= {"shape": "transcript", "line": line}
    guess.items.append(Item("shape", "transcript", 0.95 if share > 0.7 else 0.6))
    guess.items.append(Item("line", line, round(min(0.98, share), 2), f"{share:.0%} of the lines are built so"))
    written = list(built.together(head.lines)) if built.is_below(line) else head.lines
    guess.cut = built.cut_short(line, head.lines)
    pattern = built.pattern_of(line, guess.cut)
    spoken = [(m.groupdict(), text) for text in written if (m := pattern.match(text))]
    spoken = [(found, text) for found, text in spoken if not built.NOTICE.match(found.get("text") or "")]
    start = _start(written, pattern)
    if start:
        guess.source["start"] = start
        guess.items.append(Item("session", start, 0.9, "lines that begin a conversation"))
    names = [
        (found.get("name") or found.get("account") or found.get("role") or "").strip(built.BESIDE)
        for found, _ in spoken
    ]
    texts = [found.get("text") or "" for found, _ in spoken]
    if not _shop(guess, names):
        _speakers(guess, names, texts, parted=bool(start))
    dates.note(guess, (found.get("time") or found.get("date") or "" for found, _ in spoken))
    limit = _limit(names, texts)
    if limit:
        guess.source["cut_at"] = limit
        guess.items.append(
            Item("length limit", str(limit), 0.9, "many texts are exactly that long and go on in the next")
        )


def _start(lines: Sequence[str], pattern: Any) -> str:  # noqa: ANN401
    """Find the lines that begin a conversation: not messages, alike but for a number or a time, and before messages."""
    other = [text.strip() for text in lines if text.strip() and not pattern.match(text)]
    if any(map(_WITH.match, other)):
        return "消息对象:{customer}"
    timed = Counter(_TIMED.sub("\0", text, count=1) for text in other if len(text) < 120)
    for shape, n in timed.most_common(5):
        if n >= 2 and re.match(r"\D*(?:\b(?:chat|session|conversation)\b|会话|对话)\D*\0", shape, re.I):
            return shape.replace("*", " ").partition("\0")[0] + "{time}*"
    shapes = Counter(
        re.sub(r"[A-Za-z]*[-_]?\d[\w-]*", "\0", text, count=1)
        for text in other
        if re.search(r"\d", text) and len(text) < 120
    )
    ids = re.compile(r"chat|session|conversation|ticket|会话|对话|工单|编号|===|---|###", re.I)
    for shape, n in shapes.most_common(5):
        if n >= 2 and "\0" in shape and ids.search(shape) and not re.search(r"\d", shape):
            return shape.replace("*", " ").replace("\0", "{conversation}")
    return ""


def _shop(guess: Guess, names: Sequence[str]) -> bool:
    """Take shop:account for who serves, as 旺旺 and 千牛 write it, where customers have names without a colon."""
    people = set(names) - {""}
    shop = {name for name in people if ":" in name or "：" in name}
    if "{account}" not in guess.source["line"] or not shop or shop == people:
        return False
    guess.source["roles"] = {"assistant": ["*:*", "*：*"], "user": ["*"]}
    guess.items.append(Item("roles", shown(guess.source["roles"]), 0.9, "shop:account serves"))
    if len(people - shop) > 1:
        guess.source["crowd"] = True
    guess.items.append(Item("session", "a customer's messages and the answers behind them", 0.8, "parted by silences"))
    return True


def _speakers(guess: Guess, names: Sequence[str], texts: Sequence[str], *, parted: bool) -> None:
    """Say which speakers serve: by words in their names, else those who speak to many others by name."""
    counts = Counter(name for name in names if name)
    asks = next((q for q, a in built.FAQ if {name.casefold() for name in counts} == {q, a}), None)
    if asks:
        sides = sorted(counts, key=lambda name: name.casefold() != asks)
        guess.source["roles"] = {"user": sides[:1], "assistant": sides[1:]}
        guess.items.append(Item("roles", shown(guess.source["roles"]), 0.95, "words for question and answer"))
        if "{time}" not in guess.source["line"]:
            guess.items.append(Item("session", "each question with its answer", 0.9, "no time tells that they follow"))
        return
    guess.names = [name for name in counts if not _COMMON.of(name)]
    known = sum(n for name, n in counts.items() if _COMMON.of(name)) / max(sum(counts.values()), 1)
    if known > 0.95:
        if guess.cut:
            guess.source["roles"] = with_cut({}, guess.cut)
        guess.items.append(Item("roles", "words in the names", 0.95, f"{known:.0%} of the messages"))
        if not parted:
            guess.items.append(Item("session", "silences of 30 minutes", 0.8, "no line begins a conversation"))
        return
    if len(counts) <= 2 or known > 0.3:
        roles: dict[str, list[str]] = {}
        unknown = [name for name in counts if not _COMMON.of(name)]
        sides_known = {s.role for name in counts if (s := _COMMON.of(name))}
        if sides_known == {"assistant"} or sides_known == {"assistant", "system"}:
            roles, sure = {"user": ["*"]}, 0.9
        elif sides_known == {"user"}:
            roles, sure = {"assistant": ["*"]}, 0.85
        else:
            scores = speaking(list(names), list(texts), None)
            ranked = sorted(unknown, key=lambda name: -scores.get(name, 0))
            roles, sure = {"assistant": ranked[-1:], "user": ["*"]}, 0.6
        roles = guess.source["roles"] = with_cut(roles, guess.cut)
        guess.items.append(Item("roles", shown(roles), sure, "who asks and who serves"))
        if not parted:
            guess.items.append(Item("session", "silences of 30 minutes", 0.8, "no line begins a conversation"))
    else:
        helpers = _helpers(names, texts)
        roles, sure = with_cut({"assistant": helpers, "user": ["*"]}, guess.cut), 0.6
        guess.source |= {"roles": roles, "crowd": True}
        guess.items.append(Item("roles", shown(roles), sure, "they speak to most others by name"))
        guess.items.append(
            Item(
                "session",
                "a customer's messages and what agents say to him",
                0.8,
                f"{len(counts)} people in one stream",
            )
        )
    if sure < SURE:
        guess.question = Question(
            f"Who answers for the business? (guess: {words(roles.get('assistant', []))}; everybody else is a customer)",
            [("these", {}), ("others (type names, comma between them)", {"roles": {"assistant": "?", "user": ["*"]}})],
            f"roles: {json.dumps(roles, ensure_ascii=False)}",
        )


def with_cut(roles: dict[str, list[str]], cut: Sequence[str]) -> dict[str, list[str]]:
    """Return roles that have every name in them whose end a line does not tell: the reader knows it by that."""
    named = {side: list(some) for side, some in roles.items()}
    rest = next((side for side, some in roles.items() if "*" in some), "user")
    for name in cut:
        if not any(name in some for some in named.values()):
            known = _COMMON.of(name)
            side = rest if known is None else "bot" if known.bot else known.role
            named[side] = [name, *named.get(side, [])]
    return named


def _helpers(names: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Return who names many others and is named by many: customers know the helper or two whom they met."""
    people = set(names)
    lower = {name.casefold(): name for name in people}
    spoken_to: dict[str, set[str]] = {}
    for name, text in zip(names, texts, strict=True):
        for word in re.findall(r"[\w\-\[\]\\`^{}|]+", text):
            other = lower.get(word.casefold())
            if other and other != name and len(word) > 2:
                spoken_to.setdefault(name, set()).add(other)
    named_by: Counter[str] = Counter(other for others in spoken_to.values() for other in others)
    reach = {name: min(len(others), named_by[name]) for name, others in spoken_to.items()}
    least = max(3, 0.15 * max(reach.values(), default=0))
    helpers = [name for name, n in sorted(reach.items(), key=lambda kv: (-kv[1], kv[0])) if n >= least]
    return helpers[:20] or [Counter(names).most_common(1)[0][0]]


def _limit(names: Sequence[str], texts: Sequence[str]) -> int:
    """Return the length at which texts are cut: the longest length that many have, gone on with by the same speaker."""
    lengths = Counter(len(text) for text in texts if len(text) >= 60)
    for length, n in lengths.most_common(3):
        around = max(lengths.get(length + d, 0) for d in (-3, -2, 2, 3))
        if n < 3 or n < 3 * max(around, 1):
            continue
        at = [i for i, text in enumerate(texts[:-1]) if len(text) == length]
        goes_on = sum(names[i] == names[i + 1] for i in at) / max(len(at), 1)
        if goes_on > 0.6:
            return length
    return 0
