r"""A regular expression of many alternatives, asked some at a time, or with what they begin with written once.

Polars' engine builds its fast automaton while it reads. `是[^，。]{1,14}还是` beside twenty other alternatives needs so
many states that the engine gives it up, and takes fifty times as long by another way. Each alone is fast. Where they
cannot be asked apart, since a text is made of them, a long group that many begin with must not be in it many times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache, partial

import polars as pl


def any_of(text: pl.Expr, pattern: str) -> pl.Expr:
    """Return whether `text` matches (False for null): `matches` as an expression."""
    return text.map_batches(partial(matches, pattern=pattern), return_dtype=pl.Boolean)


def matches(texts: pl.Series, pattern: str) -> pl.Series:
    """Return whether one of the alternatives of `pattern` is in each text; False for null."""
    found = pl.repeat(value=False, n=len(texts), dtype=pl.Boolean, eager=True)
    left = texts.alias("text").to_frame().with_row_index("row").drop_nulls("text")
    for part in parts(pattern):
        if left.is_empty():  # else it is compiled
            break
        hit = left["text"].str.contains(part)
        found = found.scatter(left["row"].filter(hit), values=True)
        left = left.filter(~hit)
    return found.alias(texts.name)


def once_each(text: pl.Expr, pattern: str) -> pl.Expr:
    """Return whether `text` matches (null for null), for a large pattern: of each distinct text, in alphabetical order.

    What the engine has built for the beginning of one text then serves the next, before there is no room for it.
    """

    def told(texts: pl.Series) -> pl.Series:
        distinct = texts.unique().sort()
        return texts.is_in(distinct.filter(distinct.str.contains(pattern)).implode())

    return text.map_batches(told, return_dtype=pl.Boolean)


@lru_cache(maxsize=64)
def parts(pattern: str) -> tuple[str, ...]:
    """Return patterns of which one matches where `pattern` does, a text of wording.regex: `(?i)(a|b|…)`.

    Those without repetitions that are counted, `{1,14}`, are one; each of the others stands alone, unless they are few:
    the engine reads a text once for them as fast as once for each.
    """
    inner = pattern.removeprefix("(?i)(").removesuffix(")")
    each = [] if _FLAGS.search(inner) or len(inner) != len(pattern) - 6 else _alternatives(inner)
    plain = [one for one in each if not _COUNTED.search(one)]
    alone = [one for one in each if _COUNTED.search(one)]
    if len(alone) <= _FEW:
        return (pattern,)
    return tuple(f"(?i)({one})" for one in (*(["|".join(plain)] if plain else []), *alone))


_COUNTED = re.compile(r"\{\d*,\d*\}")
_FEW = 2


def inside(pattern: str) -> str:
    """Return a pattern that is found in the same texts, without what may be missing at the ends of its alternatives.

    `[^，。]*(?:a|b)[^，。]*` stands in a text where `a|b` does, which has far fewer states, and is parted.
    """
    each = [] if _FLAGS.search(pattern) else _alternatives(pattern)
    return "|".join(_bare(one) for one in each) if each else pattern


def _bare(alternative: str) -> str:
    found = _AROUND.fullmatch(alternative)
    return (found and found["inside"]) or alternative


def factored(pattern: str) -> str:
    """Return a pattern that matches the same texts, with a group that several alternatives begin with written once.

    `(?:a|b)*c|(?:a|b)*d` is `(?:a|b)*(?:c|d)`. Which alternative is tried first may change, and with it how much of a
    text is matched: for patterns that must match a whole text.
    """
    each = [] if _FLAGS.search(pattern) else _alternatives(pattern)
    return "|".join(_factored(each)) if each else pattern


def _factored(each: list[str]) -> list[str]:
    behind: dict[str, list[str]] = {}
    for one in dict.fromkeys(each):
        head = _head(one)
        behind.setdefault(head or one, []).append(one[len(head) :] if head else "")
    return [
        f"{head}(?:{'|'.join(_factored(rest))})" if len(rest) > 1 else head + rest[0] for head, rest in behind.items()
    ]


def _head(pattern: str) -> str:
    """Return the group that a pattern begins with, and how often it may stand there; empty without one."""
    for token, depth, inside in _tokens(pattern):
        if not depth and not inside:
            times = _TIMES.match(pattern, token.end())
            return pattern[: times.end()] if token.group() == ")" and times else ""
    return ""


_FLAGS = re.compile(r"\(\?[a-zA-Z-]+\)")  # they hold for all that is behind them
_SOME = r"(?:\(\?:(?:{0})\)|{0})\*(?![*+?{{])".format(r"\[\^?\]?(?:\\.|[^\]\\\[])*\]")  # one class, any number of times
_AROUND = re.compile(rf"(?:{_SOME})?(?P<inside>.*?)(?:(?<!\\){_SOME})?", re.DOTALL)
_TIMES = re.compile(r"(?:[*+?]|\{\d*,?\d*\})*")
_TOKEN = re.compile(r"\\.|\[\^?\]?|[\]()|]|[^\\\[\]()|]+", re.DOTALL)


def _tokens(pattern: str) -> Iterator[tuple[re.Match[str], int, int]]:
    """Give what a pattern is made of, and how many groups and classes are open behind it."""
    depth = inside = 0
    for token in _TOKEN.finditer(pattern):
        mark = token.group()
        if mark[0] == "[":
            inside += 1
        elif mark == "]":
            inside = max(0, inside - 1)
        elif not inside:
            depth += (mark == "(") - (mark == ")")
        yield token, depth, inside


def _alternatives(pattern: str) -> list[str]:
    """Return the alternatives of a pattern, and those of a group that is all there is of one of them."""
    found = []
    for one in _split(pattern):
        group = re.match(r"\((?:\?:|(?!\?))", one)
        inner = one[group.end() : -1] if group and one.endswith(")") else ""
        whole = inner and _split(inner)
        found += _alternatives(inner) if whole else [one]
    return found


def _split(pattern: str) -> list[str]:
    """Part a pattern at its outermost bars; nothing comes where a bracket is closed that it does not open."""
    found, begin = [], 0
    for token, depth, inside in _tokens(pattern):
        if depth < 0:
            return []
        if token.group() == "|" and not depth and not inside:
            found.append(pattern[begin : token.start()])
            begin = token.end()
    return [*found, pattern[begin:]]
