r"""Finders: patterns of Python, asked only where Polars says that they may match.

Python's engine takes a tenth of a microsecond for every character at which a pattern could begin; that of Polars reads
a text at the speed of memory, but knows no look-around. So Polars gets each pattern without what it says about its
surroundings, which matches wherever the whole one does, and Python the whole one, at those spots alone.
"""

from __future__ import annotations

import re
from bisect import bisect, insort
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from curation.late import late


class Hit(NamedTuple):
    """A piece of personal data in a text: characters start..end, its kind, and its value in one spelling."""

    start: int
    end: int
    kind: str  # a key of KINDS; empty for what must stay although it looks like one
    key: str


class Taken:
    """The parts of a text that are spoken for, in order."""

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        """Take `spans`, which are in order and do not overlap."""
        self._spans = list(spans)

    def free(self, start: int, end: int) -> bool:
        """Tell whether nothing of start..end is taken."""
        spans = self._spans
        after = bisect(spans, (start, start))
        return (after == len(spans) or spans[after][0] >= end) and (after == 0 or spans[after - 1][1] <= start)

    def covers(self, start: int, end: int) -> bool:
        """Tell whether all of start..end is taken in one piece."""
        spans = self._spans
        after = bisect(spans, (start, end))
        return (after > 0 and spans[after - 1][1] >= end) or (after < len(spans) and spans[after][0] == start)

    def claim(self, start: int, end: int) -> bool:
        """Take start..end if nothing of it is taken, and tell whether."""
        free = self.free(start, end)
        if free:
            insort(self._spans, (start, end))
        return free

    def add(self, start: int, end: int) -> None:
        """Take start..end, and with it what is taken inside it."""
        first = bisect(self._spans, (start, start))
        while first and self._spans[first - 1][1] > start:
            first -= 1
        last = first
        while last < len(self._spans) and self._spans[last][0] < end:
            start, end = min(start, self._spans[last][0]), max(end, self._spans[last][1])
            last += 1
        self._spans[first:last] = [(start, end)]


class Finder:
    """A pattern, and what a match of it says: hits, or none, where a checksum or its surroundings speak against it.

    Where `whole` is true its hits are its matches, from end to end.
    """

    def __init__(
        self, pattern: re.Pattern[str], told: Callable[[re.Match[str]], Iterable[Hit]], *, whole: bool = False
    ) -> None:
        """Keep them."""
        self.pattern, self.told, self.whole = pattern, told, whole

    @cached_property
    def loose(self) -> str:
        """Return the pattern for Polars, without look-around."""
        return loose(self.pattern)

    def __call__(self, text: str, spots: Sequence[str] | None = None, taken: Taken | None = None) -> list[Hit]:
        """Return the hits in flat text; `spots` are the matches of `loose` in it, as `extract_all` gives them.

        What is `taken` already need not be looked into: a hit there would not count.
        """
        pattern, told = self.pattern, self.told
        found: list[Hit] = []
        if not self.whole:
            taken = None
        if spots is None:
            for match in pattern.finditer(text):
                if taken is None or taken.free(*match.span()):
                    found += told(match)
            return found
        done = end = 0
        for left, spot in enumerate(spots, 1 - len(spots)):
            # The first place where a spot stands is its own: anywhere before, the same pattern would have matched it.
            start = text.find(spot, end)
            end = start + len(spot)
            if not left and taken and taken.covers(start, end):  # nor does a match matter to a later spot
                return found
            while done < end:
                # Mostly at its beginning, else from there on; what is found behind a spot is a later one's.
                at = start if start > done else done
                here = pattern.match(text, at) or pattern.search(text, at + 1)
                if not here:
                    return found
                if taken is None or taken.free(*here.span()):
                    found += told(here)
                done = here.end()
        return found


_LOOK = re.compile(r"\(\?<?[=!]")
_SPACE = r"\s\x1c-\x1f"  # white space of `re`; that of Polars lacks the separators


def loose(pattern: re.Pattern[str]) -> str:
    r"""Return a pattern for Polars that matches at every place where `pattern` does: all look-around is left out.

    What must follow a match (a look ahead at the pattern's end) becomes a part of it. For patterns without
    back-references, ``\B`` and flags other than IGNORECASE.
    """
    text, parts, at = pattern.pattern, ["(?i)" if pattern.flags & re.IGNORECASE else ""], 0
    while at < len(text):
        if text[at] == "[":
            end = _class_end(text, at)
            parts.append(_class(text[at:end], cased=not pattern.flags & re.IGNORECASE))
        elif _LOOK.match(text, at):
            end = _group_end(text, at)
            if end == len(text) and text.startswith("(?=", at):
                parts.append(f"(?:{loose(late(text[at + 3 : -1]))})")
        elif text[at] == "\\":
            end = at + 2
            parts.append({r"\b": "", r"\Z": "", r"\s": f"[{_SPACE}]"}.get(text[at:end], text[at:end]))
        else:
            end = at + 1
            parts.append("" if text[at] in "^$" else text[at])
        at = end
    return "".join(parts)


def _class_end(text: str, at: int) -> int:
    """Return where the class of characters that begins at `at` ends."""
    at += 2 if text[at + 1] == "^" else 1
    while text[at] != "]":
        at += 2 if text[at] == "\\" else 1
    return at + 1


def _group_end(text: str, at: int) -> int:
    """Return where the group that begins at `at` ends."""
    depth = 0
    while True:
        if text[at] == "[":
            at = _class_end(text, at)
            continue
        depth += (text[at] == "(") - (text[at] == ")")
        at += 2 if text[at] == "\\" else 1
        if not depth:
            return at


def _class(text: str, *, cased: bool) -> str:
    """Return a class of characters in the spelling of Polars, in which a bracket inside it begins another.

    Without case `re` takes the Turkish İ and ı for an i, Polars does not.
    """
    inner = re.sub(r"\\.|\[", lambda it: {r"\s": _SPACE, "[": r"\["}.get(it.group(), it.group()), text[1:-1])
    return f"[{inner}]" if cased or inner.startswith("^") else f"(?:[{inner}]|[İı])"
