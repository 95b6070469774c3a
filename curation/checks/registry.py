"""What a check is: one question to a message or an example, answered by evidence (text) or null.

A check is a function of keyword parameters (they come from a rule in a pack) that returns an expression over the
columns of its frame. Null means "nothing found"; text is the evidence, which a person can find in the record.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import polars as pl
from pydantic import ConfigDict, ValidationError, validate_call

from curation.checks import sieve
from curation.errors import PackError, did_you_mean
from curation.fast import accelerator

On = Literal["message", "example"]

# Columns that a check may use, beside those of tables.MESSAGES and tables.EXAMPLES; judge.py makes them.
MESSAGE_CONTEXT = {
    "asked": "the last message of the other side before this one (null at the start)",
    "conversations": "in how many conversations the same role says this, whatever its marks and spaces",
    "answering": "in how many of these it follows something that the other side said, beyond a greeting or thanks",
}


@dataclass(frozen=True)
class Check:
    """A registered check: what it looks at, and the function that builds its expression."""

    name: str
    on: On
    build: Callable[..., pl.Expr]

    def parameters(self) -> dict[str, inspect.Parameter]:
        """Return the parameters that a rule may (or must) set."""
        return dict(inspect.signature(self.build).parameters)


CHECKS: dict[str, Check] = {}


def check(*, on: On) -> Callable[[Callable[..., pl.Expr]], Callable[..., pl.Expr]]:
    """Register a function as a check under its own name."""

    def register(build: Callable[..., pl.Expr]) -> Callable[..., pl.Expr]:
        if build.__name__ in CHECKS:
            raise RuntimeError(f"two checks are called {build.__name__}")
        CHECKS[build.__name__] = Check(build.__name__, on, build)
        return build

    return register


def bind(name: str, params: dict[str, Any], place: Callable[..., str]) -> tuple[Check, pl.Expr]:
    """Build the expression of check `name` with `params`.

    `place` says of the steps to a part of the rule (``"params", "longest"``) where it stands: file, line, rule. It goes
    into the PackError.
    """
    if name not in CHECKS:
        raise PackError(f"{place('check')}: there is no check '{name}'{did_you_mean(name, CHECKS)}")
    found = CHECKS[name]
    known = found.parameters()
    for given in params:
        if given not in known:
            at = place("params", given)
            raise PackError(f"{at}: check '{name}' has no parameter '{given}'{did_you_mean(given, known)}")
    missing = [p for p, spec in known.items() if spec.default is spec.empty and p not in params]
    if missing:
        raise PackError(f"{place('params')}: check '{name}' needs the parameter '{missing[0]}'")
    try:
        return found, _strict(found.build)(**params)
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        at, message = place("params", *first["loc"]), first["msg"].lower()
        raise PackError(f"{at}: parameter '{where}': {message} (quote texts with ': ' in them)") from None
    except ValueError as fault:
        raise PackError(f"{place('params')}: check '{name}': {fault}") from None


@cache
def _strict(build: Callable[..., pl.Expr]) -> Callable[..., pl.Expr]:
    """Return a check's function as one that takes no value for another; made once, for many rules ask one check."""
    return validate_call(config=ConfigDict(strict=True))(build)


_SHARED: dict[str, pl.Expr] = {}


def shared(expression: pl.Expr, key: str | None = None) -> pl.Expr:
    """Return a column in place of `expression`, which several rules ask for: `answers` makes it once for all.

    Polars finds equal parts by itself, but not what goes into a Python function, and not all of the rest. A shared
    expression may hold shared ones. One that holds a Python function needs a `key` of its own, equal for equal ones:
    functions are serialized by cloudpickle alone, which is no dependency of ours.
    """
    known = expression.meta.serialize() if key is None else key.encode()
    name = f"shared {hashlib.sha256(known).hexdigest()}"
    _SHARED[name] = expression
    return pl.col(name)


_HAS: dict[str, tuple[str, str]] = {}  # shared columns that say whether a column's texts match a pattern
_ROUGHLY: set[str] = set()  # those of them that sieve.py need not tell to the end


def has(column: str, pattern: str) -> pl.Expr:
    """Return whether the texts of a column match a pattern, asked with all others of the same column (sieve.py)."""
    part = shared(pl.col(column).str.contains(pattern))
    _HAS[part.meta.output_name()] = column, pattern
    return part


def seems(column: str, pattern: str) -> pl.Expr:
    """Return where the texts of a column hold what a pattern needs; anywhere, where that is not cheap to tell.

    For what asks for the match itself afterwards: a pattern is not compiled twice for few texts.
    """
    part = shared(pl.col(column).is_not_null(), f"seems {column} {pattern}")
    _HAS[part.meta.output_name()] = column, pattern
    _ROUGHLY.add(part.meta.output_name())
    return part


def known(column: str, pattern: str) -> pl.Expr:
    """Return whether the texts of a column match: as `has`, where that is cheap to tell, and null anywhere else."""
    part = shared(pl.lit(None, dtype=pl.Boolean), f"known {column} {pattern}")
    _HAS[part.meta.output_name()] = column, pattern
    return part


_AT_ONCE: dict[str, tuple[Callable[[pl.DataFrame], pl.DataFrame | None], str]] = {}


def at_once(part: pl.Expr, made: Callable[[pl.DataFrame], pl.DataFrame | None], column: str) -> pl.Expr:
    """Return a shared column that `made` gives as `column`, together with others, of a frame; unless it gives None."""
    _AT_ONCE[part.meta.output_name()] = made, column
    return part


def _parts(expressions: Iterable[pl.Expr]) -> tuple[dict[str, pl.Expr], set[str]]:
    """Return the shared expressions that `expressions` hold, by name, and the columns that all of them ask for."""
    found: dict[str, pl.Expr] = {}
    names: set[str] = set()
    asks = list(expressions)
    while asks:
        names |= {name for expression in asks for name in expression.meta.root_names()}
        new = {name: _SHARED[name] for name in sorted((names & _SHARED.keys()) - found.keys())}
        found |= new
        asks = list(new.values())
    return found, names - found.keys()


def columns(expressions: Iterable[pl.Expr], ready: Iterable[str] = ()) -> list[str]:
    """Return the columns of a frame that checks' expressions look at; of `ready`, the shared ones that they do."""
    parts, names = _parts(expressions)
    return sorted(names | (parts.keys() & set(ready)))


def prepared(frame: pl.DataFrame, one: Iterable[pl.Expr], other: Iterable[pl.Expr]) -> pl.DataFrame:
    """Add the shared columns that both groups of expressions ask for: `answers` takes them from the frame."""
    mine, others = (_parts(group)[0] for group in (one, other))
    both = {name: mine[name] for name in mine if name in others}
    return _with(frame, both, both)


def _with(frame: pl.DataFrame, parts: dict[str, pl.Expr], asked: Iterable[str]) -> pl.DataFrame:
    """Add those shared columns that `frame` has not yet, as far as those that are asked for need them."""
    wanted = {name: part for name, part in parts.items() if name not in frame.columns}
    if frame.height >= sieve.LEAST and accelerator(frame.height):
        sides = {side: [name for name in wanted if _HAS.get(name, ("",))[0] == side] for side in ("question", "answer")}
        for side, names in sides.items():
            roughly, surely = ({_HAS[one][1] for one in names if (one in _ROUGHLY) is rough} for rough in (True, False))
            patterns = [_HAS[name][1] for name in names]
            told = sieve.matches(frame[side], patterns, roughly - surely) if len(names) > 1 else ()
            frame = frame.with_columns(one.alias(name) for name, one in zip(names, told, strict=False))
    for made in dict.fromkeys(_AT_ONCE[name][0] for name in wanted if name in _AT_ONCE):
        told_at_once = made(frame)
        if told_at_once is not None:
            columns_of = {name: _AT_ONCE[name][1] for name in wanted if name in _AT_ONCE and _AT_ONCE[name][0] is made}
            frame = frame.with_columns(told_at_once[column].alias(name) for name, column in columns_of.items())
    wanted = _needed({name: part for name, part in wanted.items() if name not in frame.columns}, asked)
    rows = frame.lazy()
    while wanted:
        ready = [name for name, part in wanted.items() if wanted.keys().isdisjoint(part.meta.root_names())]
        rows = rows.with_columns(wanted.pop(name).alias(name) for name in ready)
    return rows.collect()


def _needed(parts: dict[str, pl.Expr], asked: Iterable[str]) -> dict[str, pl.Expr]:
    """Return those of `parts` that are asked for, or that others of them need which are."""
    needed: set[str] = set()
    asks = [name for name in asked if name in parts]
    while asks:
        name = asks.pop()
        if name not in needed:
            needed.add(name)
            asks += [one for one in parts[name].meta.root_names() if one in parts]
    return {name: part for name, part in parts.items() if name in needed}


def answers(frame: pl.DataFrame, expressions: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """Return what checks' expressions answer for each row of `frame`, a column each."""
    # Lazily, since only then Polars computes what several rules ask for (how long is it?) once.
    asked = {name for one in expressions.values() for name in one.meta.root_names()}
    rows = _with(frame, _parts(expressions.values())[0], asked).lazy()
    return rows.select(one.alias(name) for name, one in expressions.items()).collect()


LONGEST = 20_000  # characters; a longer text was pasted, or made to stall: rules on length have it, others do not
ANY_LENGTH = 2**32 - 1  # for functions whose time goes by the length alone


def by_distinct(expression: pl.Expr, function: Callable[[str], str | None], *, longest: int = LONGEST) -> pl.Expr:
    """Apply a Python function to the distinct values of a text expression; null for nulls, and beyond `longest`.

    For what Polars' regex engine cannot say (look-around, back-references, checksums). About ten times slower than
    an expression: put a cheap guard before it. Python's regular expressions may take time by the square of a text's
    length, hence the limit.
    """

    def mapped(values: pl.Series) -> pl.Series:
        short = values.filter(values.str.len_chars() <= longest)
        known = {value: function(value) for value in short.unique().sort()}
        return _scattered(values, [known.get(value) for value in values.drop_nulls()])

    return expression.map_batches(mapped, return_dtype=pl.String)


def by_row(columns: list[str], function: Callable[..., str | None], guard: pl.Expr | None = None) -> pl.Expr:
    """Apply a Python function to the distinct combinations of several text columns, only where `guard` holds.

    Null where one of them has more than LONGEST characters.
    """
    together = pl.struct(columns)
    if guard is not None:
        together = pl.when(guard).then(together)

    def mapped(values: pl.Series) -> pl.Series:
        rows = [tuple(row[c] for c in columns) for row in values.drop_nulls().to_list()]
        known = {row: function(*row) for row in dict.fromkeys(rows) if _short(row)}
        return _scattered(values, [known.get(row) for row in rows])

    return together.map_batches(mapped, return_dtype=pl.String)


def _scattered(values: pl.Series, answers: list[str | None]) -> pl.Series:
    """Put the answers for those of `values` that are not null in their places."""
    nothing = pl.repeat(None, len(values), dtype=pl.String, eager=True)
    return nothing.scatter(values.is_not_null().arg_true(), pl.Series(answers, dtype=pl.String)).alias(values.name)


def _short(row: Sequence[str | None]) -> bool:
    return all(text is None or len(text) <= LONGEST for text in row)
