r"""A regular expression of many alternatives, asked some at a time.

Polars' engine builds its fast automaton while it reads. `是[^，。]{1,14}还是` beside twenty other alternatives needs so
many states that the engine gives it up, and takes fifty times as long by another way. Each alone is fast.
"""

from __future__ import annotations

import re
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
        hit = left["text"].str.contains(part)
        found = found.scatter(left["row"].filter(hit), values=True)
        left = left.filter(~hit)
    return found.alias(texts.name)


@lru_cache(maxsize=64)
def parts(pattern: str) -> tuple[str, ...]:
    """Return patterns of which one matches where `pattern` does, a text of wording.regex: `(?i)(a|b|…)`.

    Those without repetitions that are counted, `{1,14}`, are one; each of the others stands alone.
    """
    inner = pattern.removeprefix("(?i)(").removesuffix(")")
    flags = re.search(r"\(\?[a-zA-Z-]+\)", inner)  # they hold for all that is behind them
    each = [] if flags or len(inner) != len(pattern) - 6 else _alternatives(inner)
    if not each:
        return (pattern,)
    plain = [one for one in each if not _COUNTED.search(one)]
    alone = [one for one in each if _COUNTED.search(one)]
    return tuple(f"(?i)({one})" for one in (*(["|".join(plain)] if plain else []), *alone))


_COUNTED = re.compile(r"\{\d*,\d*\}")


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
    found, begin, depth, inside = [], 0, 0, 0
    for token in re.finditer(r"\\.|\[\^?\]?|[\]()|]", pattern, re.DOTALL):
        mark = token.group()
        if mark[0] == "[":
            inside += 1
        elif mark == "]":
            inside = max(0, inside - 1)
        elif not inside:
            depth += (mark == "(") - (mark == ")")
            if depth < 0:
                return []
            if mark == "|" and not depth:
                found.append(pattern[begin : token.start()])
                begin = token.end()
    return [*found, pattern[begin:]]
