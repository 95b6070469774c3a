r"""Literals that a text must hold for a regular expression to match it, and those with which it matches for certain.

As FilteredRE2 and Hyperscan do before they try a pattern at all (Russ Cox, Regular Expression Matching with a Trigram
Index, 2012). Patterns are those of Polars' engine, read by the parser of `re`; where the two may understand one
differently nothing is said of it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

BORDER = "\x00"  # in a literal: the edge of a word, or anything but a letter, a digit or _ of ASCII
_MOST = 150  # literals that parts are put together to
_ALL = 800  # literals of a pattern; of more, some are in every text
_LONGEST = 12_000  # characters of a pattern

# What the two engines read differently: borders of words in angles or braces, characters by their number, repetitions
# without a beginning, names and flags of groups.
_UNLIKE = re.compile(r"\\[<>xuU]|\\b\{|\{,|\(\?[^:i]|\(\?i[^:)]|\x00")
_ASCII_BORDER = "(?-u:\\b)"
_LETTERS = re.compile(r"\\[pP](?:\{[^}]*\}|[A-Z])")  # \p{Han}: any character here
_LESS = re.compile(r"\[(?:\\.|[^\]\\\[])*&&\[(?:\\.|[^\]\\\[])*\]\]")  # a class less another
_APOSTROPHE = re.compile(r"((?<!\\)\[\^?[^\]\[]+)\[(['’]+)\]")  # in a class, as wording.regex makes it
_CLASS = re.compile(r"\\.|\[\^?\]?((?:\\.|[^\]\\])*)\]", re.DOTALL)
_SETS = re.compile(r"\[|&&|--|~~")  # in a class: sets of Polars' engine, characters to `re`


class _Read(NamedTuple):
    """What a part of a pattern matches: all it can match, where that is little, or what is in every match."""

    whole: frozenset[str] | None
    inside: frozenset[str] | None = None

    def needs(self) -> frozenset[str] | None:
        """Return the better of both as literals one of which is in every match."""
        found = [one for one in (self.whole and _least(self.whole), self.inside) if one]
        return min(found, key=often) if found else None


_ANYTHING = _Read(None)


@lru_cache(maxsize=1024)
def needs(pattern: str) -> frozenset[str] | None:
    """Return literals, in lower case, one of which is in each text that `pattern` matches; None where nobody knows.

    A literal stands in a text whatever the case of its ASCII letters, for which ſ and the sign of Kelvin may stand too.
    """
    tree = _tree(pattern)
    found = None if tree is None else _sequence(tree).needs()
    return None if found is None or len(found) > _ALL else found


def ways(pattern: str) -> list[list[frozenset[str]]]:
    """Return for each alternative of a pattern sets as `needs` returns one.

    Of each of its sets a literal is in every text that it matches; where nobody knows any it has none.
    """
    pattern = _CLASS.sub(lambda found: found.group().replace("0-9", "0123456789"), pattern)
    tree = _tree(pattern)
    return [[]] if tree is None else list(_ways(list(tree)))


def _ways(items: list[Any]) -> Iterator[list[frozenset[str]]]:
    (kind, value), *more = items or [(None, None)]
    if kind is code.SUBPATTERN and not more:
        yield from _ways(list(value[3]))
    elif kind is code.BRANCH and not more:
        for one in value[1]:
            yield from _ways(list(one))
    else:
        whole, found = _found(items)
        yield [least] if whole and (least := _least(whole)) else found


@lru_cache(maxsize=1024)
def certain(pattern: str) -> frozenset[str]:
    """Return literals, in lower case, any of which in a text makes `pattern` match it; none where nobody knows.

    A literal stands in a text whatever the case of its ASCII letters, and for a BORDER at its ends the edge of a word.
    """
    found = frozenset(one for one in map(_edged, _strings(_plain(pattern) or ())) if one)
    return found if len(found) <= _ALL else frozenset()


def every(pattern: str) -> tuple[str, ...] | None:
    """Return all that `pattern` matches, as `certain` does, what it tries first first; None where that is no list."""
    found = [_edged(one) for one in _texts(_plain(pattern) or ()) or ()]
    return tuple(one for one in found if one) if found and all(found) else None


def _plain(pattern: str) -> Any:  # noqa: ANN401
    """Return the tree of a pattern in which case tells nothing, and borders are those of ASCII words."""
    bare = pattern.replace(_ASCII_BORDER, "")
    return None if not pattern.startswith("(?i)") or "(?-" in bare or r"\b" in bare else _tree(pattern)


@lru_cache(maxsize=2)
def _tree(pattern: str) -> Any:  # noqa: ANN401
    """Return what the parser of `re` makes of a pattern of Polars' engine; None where that may be something else."""
    if len(pattern) > _LONGEST:
        return None
    text = pattern.replace(_ASCII_BORDER, r"\b").replace("(?-i:", "(?:")
    text = _LETTERS.sub(r"\\w\\W", _LESS.sub(".", text))
    while (joined := _APOSTROPHE.sub(r"\1\2", text)) != text:
        text = joined
    classes = (re.sub(r"\\.", "", found[1] or "") for found in _CLASS.finditer(text))
    if _UNLIKE.search(text) or any(map(_SETS.search, classes)):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return parser.parse(text)
    except (re.error, Warning, RecursionError):
        return None


def often(literals: Iterable[str]) -> float:
    """Return about how many of a hundred texts hold one of `literals`: short ones of ASCII are in most."""
    return sum(map(_often, literals))


def _often(one: str) -> float:
    if len(one) == 1 and not one.isalnum() and one != " ":
        return _MARK
    return _ASCII[min(len(one), 9)] if one.isascii() else _HAN[min(len(one), 4)]


# By length. Counted in logs of shops, telecom companies and social networks, and rounded.
_MARK = 12
_ASCII = (100, 60, 30, 12, 4, 2, 1, 0.7, 0.5, 0.2)
_HAN = (100, 4, 0.5, 0.2, 0.1)


def _sequence(items: Iterable[Any]) -> _Read:
    """Read parts that follow each other: what is finite is put together, up to what is not."""
    whole, found = _found(items)
    return _Read(whole, min(found, key=often) if found and whole is None else None)


def _found(items: Iterable[Any]) -> tuple[frozenset[str] | None, list[frozenset[str]]]:
    """Return all that parts which follow each other match, where it is little, and else all sets that they need."""
    run = frozenset([""])
    found: list[frozenset[str]] = []
    finite = True
    for item in items:
        part = _part(item)
        if part.whole is not None and len(run) * len(part.whole) <= _MOST:
            run = frozenset(one + other for one in run for other in part.whole)
            continue
        finite = False
        found += [one for one in (_least(run), part.inside) if one]
        run = frozenset([""]) if part.whole is None else part.whole
    if finite:
        return run, []
    found += [last] if (last := _least(run)) else []
    return None, found


def _part(item: tuple[Any, Any]) -> _Read:
    """Read one part of a pattern."""
    kind, value = item
    if kind is code.LITERAL:
        return _one_of([value])
    if kind is code.IN:
        return _one_of([char for _, char in value]) if all(of is code.LITERAL for of, _ in value) else _ANYTHING
    if kind is code.AT:
        return _Read(frozenset([BORDER if value is code.AT_BOUNDARY else ""]))
    if kind is code.SUBPATTERN:
        return _sequence(value[3])
    if kind is code.BRANCH:
        return _branches([_sequence(one) for one in value[1]])
    if kind in (code.MAX_REPEAT, code.MIN_REPEAT):
        least, most, inner = value
        part = _sequence(inner)
        if least == most == 1:
            return part
        if least:
            return _Read(None, part.needs())
        return _Read(part.whole | {""}) if most == 1 and part.whole is not None else _ANYTHING
    return _ANYTHING


def _branches(parts: Sequence[_Read]) -> _Read:
    wholes = [part.whole for part in parts if part.whole is not None]
    whole = frozenset().union(*wholes) if len(wholes) == len(parts) else None
    if whole is not None and len(whole) <= _MOST:
        return _Read(whole)
    some = [one for part in parts if (one := part.needs())]
    return _Read(None, _least(frozenset().union(*some)) if len(some) == len(parts) else None)


def _one_of(chars: Sequence[int]) -> _Read:
    """Read a class of few characters; letters beyond ASCII that have a case stand for anything."""
    if len(chars) > _FEW:
        return _ANYTHING
    letters = [chr(char) for char in chars]
    if any(not one.isascii() and one.lower() != one.upper() for one in letters):
        return _ANYTHING
    return _Read(frozenset(one.lower() for one in letters))


_FEW = 32
# A border beside what is no part of a word says nothing more, nor do two of them.
_NO_WORD = re.compile(rf"(?<=[^0-9a-z_]){BORDER}+|{BORDER}+(?=[^0-9a-z_])", re.ASCII)


def _least(literals: frozenset[str]) -> frozenset[str] | None:
    """Return `literals` without those that hold another of them; None where one is empty, and so in every text."""
    plain = {_NO_WORD.sub("", one) for one in literals}
    if plain & {"", BORDER}:
        return None
    kept: list[str] = []
    for one in sorted(plain, key=lambda it: (len(it), it)):
        if not any(other in one for other in kept):
            kept.append(one)
    return frozenset(kept)


def _strings(items: Iterable[Any]) -> frozenset[str]:
    """Return texts that parts which follow each other match, some of them at least, with borders in them."""
    run = frozenset([""])
    for item in items:
        part = _some(item)
        if min(len(run), len(part)) > 1 and len(run) * len(part) > _MOST:
            part = part & {""}
        if not part:
            return frozenset()
        run = frozenset(one + other for one in run for other in part)
    return run


def _some(item: tuple[Any, Any]) -> frozenset[str]:
    """Return texts that one part of a pattern matches, some of them at least."""
    kind, value = item
    if kind is code.LITERAL:
        return frozenset([_lower(value)])
    if kind is code.IN:
        return _chars(value)
    if kind is code.AT and value is code.AT_BOUNDARY:
        return frozenset([BORDER])
    if kind is code.SUBPATTERN:
        return _strings(value[3])
    if kind is code.BRANCH:
        return frozenset().union(*map(_strings, value[1]))
    if kind in (code.MAX_REPEAT, code.MIN_REPEAT):
        least, most, inner = value
        part = _strings([*inner] * max(1, least)) if max(1, least) <= min(most, _FEW) else frozenset()
        return part if least else part | {""}
    return frozenset()


def _chars(value: Sequence[tuple[Any, Any]]) -> frozenset[str]:
    """Return characters of a class; of a range or of a kind of characters only digits."""
    if value[0][0] is code.NEGATE:
        return frozenset()
    found = [_lower(char) for kind, char in value if kind is code.LITERAL]
    if (code.CATEGORY, code.CATEGORY_DIGIT) in value or (code.RANGE, (48, 57)) in value:
        found += "0123456789"
    return frozenset(found)


def _lower(char: int) -> str:
    return chr(char).lower() if char < 128 else chr(char)


def _texts(items: Iterable[Any]) -> list[str] | None:
    """Return all that parts which follow each other match, in the order in which an engine tries; None without end."""
    run = [""]
    for kind, value in items:
        part: list[str] | None = None
        if kind is code.LITERAL or (kind is code.IN and all(one is code.LITERAL for one, _ in value)):
            part = [_lower(char) for _, char in (value if kind is code.IN else [(kind, value)])]
            part = part if all(one.isascii() or one.lower() == one.upper() for one in part) else None
        elif kind is code.AT and value is code.AT_BOUNDARY:
            part = [BORDER]
        elif kind is code.SUBPATTERN:
            part = _texts(value[3])
        elif kind is code.BRANCH:
            each = [_texts(one) for one in value[1]]
            part = None if None in each else [text for one in each for text in one or ()]
        elif kind in (code.MAX_REPEAT, code.MIN_REPEAT) and value[0] in (0, 1) and value[1] == 1:
            once = _texts(value[2])
            rest = [""] if value[0] == 0 else []
            part = None if once is None else [*once, *rest] if kind is code.MAX_REPEAT else [*rest, *once]
        if part is None or len(run) * len(part) > _ALL:
            return None
        run = [one + other for one in run for other in part]
    return run


_SAYS_NOTHING = re.compile(
    rf"(?<=[0-9a-z_]){BORDER}+(?=[^0-9a-z_{BORDER}])|(?<=[^0-9a-z_{BORDER}]){BORDER}+(?=[0-9a-z_])"
)
_MANY = re.compile(f"{BORDER}+")


def _edged(text: str) -> str | None:
    """Return a text with borders at its ends alone; None where they stand elsewhere, or beside what is no word."""
    text = _MANY.sub(BORDER, _SAYS_NOTHING.sub("", text))
    inner = text.removeprefix(BORDER).removesuffix(BORDER)
    begins, ends = text[:1] != BORDER or _IN_WORD(inner[:1]), text[-1:] != BORDER or _IN_WORD(inner[-1:])
    return text if inner and BORDER not in inner and begins and ends else None


_IN_WORD = re.compile("[0-9a-z_]", re.ASCII).match
