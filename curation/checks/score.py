"""Scores: many small signs for and against, each worth points that a pack shows, added up against a threshold.

One pattern rarely decides whether a question stands alone or whether an answer says something general. A score adds up
what an editor weighs: a topic is named (+2), it begins with 那 (-1), it is short (-1). Packs hold the signs and their
points, so a domain expert sees and changes them; a rule says which scores it wants and what is too little.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict

from curation.checks.registry import check, shared
from curation.checks.wording import content, in_common, regex, units

SEPARATOR = " · "  # between the parts of the evidence


class Sign(BaseModel):
    """What counts for or against a pair. It applies where all that it names holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    of: Literal["question", "answer"] = "question"  # the text that it looks at
    points: float  # above 0: in favour
    asked: list[str] = []  # regular expressions: the question matches one of them
    says: list[str] = []  # the text matches one of them
    unless: list[str] = []  # none of these does
    least: int | None = None  # units: Han characters, or words and numbers; a mask counts as one
    most: int | None = None
    content: int | None = None  # so many units at least are left without the function words
    after: int | None = None  # so many questions of the customer came before it
    shares: int | None = None  # question and answer have so many content words (Chinese: letter pairs) in common


@check(on="example")
def scores_below(*, signs: dict[str, dict[str, Any]], below: float, function_words: str = "") -> pl.Expr:
    """The signs of question and answer add up to less than `below` points. `function_words` carry no content.

    A record that came in as a question with its answer is taken at its word. Evidence: what counted against it, and
    the whole text where only silence did.
    """
    empty = regex(function_words) if function_words else None
    given = [Sign.model_validate(sign) for sign in signs.values()]
    dear = {str(i): _applies(sign) for i, sign in enumerate(given) if _cost(sign)}
    weighed = sorted({sign.of for sign in given if sign.content is not None})
    counting = [i for i, sign in enumerate(given) if sign.points < 0 and sign.says]  # their words are evidence
    cheap = {str(i): shared(_applies(sign, part=shared)) for i, sign in enumerate(given) if not _cost(sign)}

    def weigh(sides: pl.Series) -> pl.Series:
        """Step by step: what costs most is asked last, and only of the rows that it may decide."""
        rows = sides.struct.unnest().with_row_index("row").filter(~pl.col("record"))
        fired = []
        for cost in range(_DEAREST + 1):
            mine = [i for i, sign in enumerate(given) if cost == _cost(sign) > 0]
            if mine:
                rows = _with_contents(rows, empty, weighed, common=cost == _DEAREST)
                rows = rows.with_columns(dear[str(i)].alias(str(i)) for i in mine)
            total = pl.lit(0.0)
            for i, sign in enumerate(given):  # in their order: sums of fractions depend on it
                if _cost(sign) <= cost:
                    total = total + pl.when(str(i)).then(pl.lit(sign.points)).otherwise(pl.lit(0.0))
            later = [sign.points for sign in given if _cost(sign) > cost]
            rows = rows.with_columns(
                least=total + sum(min(p, 0) for p in later), most=total + sum(max(p, 0) for p in later)
            )
            close = _ROUNDING if later else 0.0
            fired.append(rows.filter(pl.col("most") < below - close))
            rows = rows.filter((pl.col("most") >= below - close) & (pl.col("least") < below + close))
        found = pl.concat(fired, how="diagonal")
        if any(str(i) in dear for i in counting):
            found = _with_contents(found.select("row", "earlier", *_TEXTS, *cheap), empty, weighed, common=True)
        against = [
            pl.when(dear.get(str(i), pl.col(str(i)))).then(pl.col(given[i].of).str.extract(_any(given[i].says)))
            for i in counting
        ]
        told = pl.concat_str(against, separator=SEPARATOR, ignore_nulls=True) if against else pl.lit("")
        silent = pl.col(given[0].of if given else "question")
        evidence = found.select(pl.when(told == "").then(silent).otherwise(told)).to_series()
        nothing = pl.repeat(None, len(sides), dtype=pl.String, eager=True)
        return nothing.scatter(found["row"], evidence)

    columns = [one.alias(name) for name, one in cheap.items()]
    return pl.struct(*_TEXTS, "earlier", "record", *columns).map_batches(weigh, return_dtype=pl.String)


_TEXTS = ("question", "answer")
_ROUNDING = 1e-6  # points: more than sums in another order differ by
_DEAREST = 2


def _cost(sign: Sign) -> int:
    """Return 0 where a sign is cheap to see, 1 where it asks for content, 2 where for words in common."""
    return 2 if sign.shares is not None else 1 if sign.content is not None else 0


def _with_contents(
    rows: pl.DataFrame, function_words: str | None, sides: Sequence[str], *, common: bool
) -> pl.DataFrame:
    """Add what dear signs look at: how much content the texts of `sides` have; how many words of it are in `common`."""
    wanted = _TEXTS if common else sides
    bare = {f"bare {side}": content(pl.col(side), function_words) for side in wanted}
    rows = rows.with_columns(one.alias(name) for name, one in bare.items() if name not in rows.columns)
    size = {f"content of {side}": units(pl.col(f"bare {side}")) for side in sides}
    rows = rows.with_columns(one.alias(name) for name, one in size.items() if name not in rows.columns)
    return rows.with_columns(in_common(*(rows[name] for name in bare)).alias("in common")) if common else rows


def _applies(sign: Sign, *, part: Callable[[pl.Expr], pl.Expr] = lambda part: part) -> pl.Expr:
    """Return whether a sign applies; `part` makes shared ones of the parts that other signs may have too."""
    text = pl.col(sign.of)
    applies = part(text.str.contains(_any(sign.says))) if sign.says else pl.lit(value=True)
    if sign.asked:
        applies &= part(pl.col("question").str.contains(_any(sign.asked)))
    if sign.unless:
        applies &= ~part(text.str.contains(_any(sign.unless)))
    if sign.least is not None:
        applies &= part(units(text)) >= sign.least
    if sign.most is not None:
        applies &= part(units(text)) <= sign.most
    if sign.content is not None:
        applies &= pl.col(f"content of {sign.of}") >= sign.content
    if sign.after is not None:
        applies &= pl.col("earlier") >= sign.after
    if sign.shares is not None:
        applies &= pl.col("in common") >= sign.shares
    return applies


def _any(patterns: list[str]) -> str:
    return regex(*(f"(?:{pattern})" for pattern in patterns))
