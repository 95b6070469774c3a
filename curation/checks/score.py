"""Scores: many small signs for and against, each worth points that a pack shows, added up against a threshold.

One pattern rarely decides whether a question stands alone or whether an answer says something general. A score adds up
what an editor weighs: a topic is named (+2), it begins with 那 (-1), it is short (-1). Packs hold the signs and their
points, so a domain expert sees and changes them; a rule says which scores it wants and what is too little.
"""

from __future__ import annotations

from typing import Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict

from curation.checks import contents
from curation.checks.registry import answers, at_once, check, has, shared
from curation.checks.wording import content, in_common, regex, units_of

SEPARATOR = " · "  # between the parts of the evidence


class Sign(BaseModel):
    """What counts for or against a pair. It applies where all that it names holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    of: Literal["question", "answer"] = "question"  # the text that it looks at
    points: float  # above 0: in favour
    asked: list[str] = []  # regular expressions: the question matches one of them
    says: list[str] = []  # the text matches one of them
    times: int = 1  # so often at least; a hundred times cheaper than a pattern that says itself twice
    unless: list[str] = []  # none of these does
    least: int | None = None  # units: Han characters, or words and numbers; a mask counts as one
    most: int | None = None
    content: int | None = None  # so many units at least are left without the function words
    after: int | None = None  # so many questions of the customer came before it
    first: bool | None = None  # true: none came before it
    shares: int | None = None  # question and answer have so many content words (Chinese: letter pairs) in common
    why: str = ""  # what it tells of the pair, in a short sentence; `siftune rules explain` shows it
    why_zh: str = ""  # the same for readers of the other language
    why_en: str = ""


@check(on="example")
def scores_below(*, signs: dict[str, dict[str, Any]], below: float, function_words: str = "") -> pl.Expr:
    """The signs of question and answer add up to less than `below` points. `function_words` carry no content.

    A record that came in as a question with its answer is taken at its word. Evidence: what counted against it, and
    the whole text where only silence did.
    """
    empty = regex(function_words) if function_words else None
    given = [Sign.model_validate(sign) for sign in signs.values()]
    bare = _contents(empty)
    applies = {str(i): shared(_applies(sign, bare)) for i, sign in enumerate(given)}
    total = pl.lit(0.0)
    for name, sign in zip(applies, given, strict=True):
        total = total + pl.when(name).then(pl.lit(sign.points)).otherwise(pl.lit(0.0))
    against = {
        name: pl.when(name).then(pl.col(sign.of)).str.extract(_any(sign.says))
        for name, sign in zip(applies, given, strict=True)
        if sign.points < 0 and sign.says
    }
    silent = pl.col(given[0].of if given else "question")

    def weigh(sides: pl.Series) -> pl.Series:
        """Step by step: only of what fires is asked what counted against it, and only by signs that did."""
        rows = sides.struct.unnest().with_row_index("row").filter(~pl.col("record") & (total < below))
        counted = [said for name, said in against.items() if rows[name].any()]
        told = pl.concat_str(counted, separator=SEPARATOR, ignore_nulls=True) if counted else pl.lit("")
        spoken = rows.select(told.alias("told"), silent.alias("silent"))  # apart, since Polars would make `told` twice
        evidence = spoken.select(pl.when(pl.col("told") == "").then("silent").otherwise("told")).to_series()
        return pl.repeat(None, len(sides), dtype=pl.String, eager=True).scatter(rows["row"], evidence)

    columns = [one.alias(name) for name, one in applies.items()]
    return pl.struct("question", "answer", "record", *columns).map_batches(weigh, return_dtype=pl.String)


def applied(pairs: pl.DataFrame, signs: dict[str, dict[str, Any]], function_words: str = "") -> list[list[str]]:
    """Return for each of `pairs` (question, answer, earlier) the names of the signs that apply, in their order."""
    empty = regex(function_words) if function_words else None
    bare = _contents(empty)
    asked = {name: _applies(Sign.model_validate(sign), bare) for name, sign in signs.items()}
    return [[name for name, holds in row.items() if holds] for row in answers(pairs, asked).iter_rows(named=True)]


def _contents(empty: str | None) -> dict[str, pl.Expr]:
    """Return the units that question and answer have without their function words, and what both have in common."""
    bare = {side: shared(content(pl.col(side), empty)) for side in contents.SIDES}
    told = {side: units_of(text.meta.output_name()) for side, text in bare.items()}
    key = f"in_common {' '.join(side.meta.output_name() for side in bare.values())}"
    told[contents.COMMON] = shared(in_common(*bare.values()), key)
    return (
        told if empty is None else {name: at_once(part, contents.counted(empty), name) for name, part in told.items()}
    )


def _applies(sign: Sign, bare: dict[str, pl.Expr]) -> pl.Expr:
    """Return whether a sign applies; what other signs may ask too is shared with them."""
    applies = pl.lit(value=True)
    if sign.says:
        said = _any(sign.says)
        applies = has(sign.of, said) if sign.times == 1 else _often(sign, said)
    if sign.asked:
        applies &= has("question", _any(sign.asked))
    if sign.unless:
        applies &= ~has(sign.of, _any(sign.unless))
    if sign.least is not None:
        applies &= units_of(sign.of) >= sign.least
    if sign.most is not None:
        applies &= units_of(sign.of) <= sign.most
    if sign.content is not None:
        applies &= bare[sign.of] >= sign.content
    if sign.after is not None:
        applies &= pl.col("earlier") >= sign.after
    if sign.first is not None:
        applies &= (pl.col("earlier") == 0) == sign.first
    if sign.shares is not None:
        applies &= bare[contents.COMMON] >= sign.shares
    return applies


def _often(sign: Sign, said: str) -> pl.Expr:
    """Return whether the text matches as often as a sign wants it."""
    told = shared(pl.col(sign.of).str.count_matches(said) >= sign.times)
    return at_once(told, contents.often(sign.of, said, sign.times), "often")


def _any(patterns: list[str]) -> str:
    return regex(*(f"(?:{pattern})" for pattern in patterns))
