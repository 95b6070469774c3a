"""Do two answers to one question agree? Numbers, negations and wording, for whole columns of pairs."""

from __future__ import annotations

import numpy as np
import polars as pl
from rapidfuzz import fuzz, process

_NEGATION = (
    r"(?i)不能|不可以|不可|不行|不支持|没有|无法|不用|不需要|"
    r"(?-u:\b)(?:no|not|cannot|can't|don't|isn't|won't|unable|never)(?-u:\b)"
)
SIMILAR = 0.5  # answers this alike that differ by a negation say the opposite


def plain(text: pl.Expr) -> pl.Expr:
    """Only letters and digits, lower case: what was said, not how. Marks alone stay as they are."""
    bare = text.str.replace_all(r"[\W_]+", "").str.to_lowercase()
    return pl.when(bare != "").then(bare).otherwise(text.str.strip_chars())


def numbers(text: pl.Expr) -> pl.Expr:
    """Return the different numbers in a text, as written, sorted."""
    return text.str.extract_all(r"\d+").list.unique().list.sort()


def negates(text: pl.Expr) -> pl.Expr:
    """Tell whether a text negates."""
    return text.str.contains(_NEGATION)


def claims(text: pl.Expr) -> pl.Expr:
    """Return what copies of one text must have in common to be copies: its numbers, and whether it negates."""
    return pl.concat_str(numbers(text).list.join(" "), negates(text).cast(pl.String), separator="\n")


def agree(one: pl.Series, other: pl.Series, least: float) -> pl.Series:
    """Tell for each pair of answers to the same question whether both can stand.

    They cannot where both have numbers and share none, where one of two similar answers negates, or where they have
    almost nothing in common (similarity of letters below `least`).
    """
    pairs = pl.DataFrame({"one": one, "other": other})
    bare = pairs.select(plain(pl.col("one")), plain(pl.col("other")))
    scores = process.cpdist(bare["one"].to_list(), bare["other"].to_list(), scorer=fuzz.ratio, dtype=np.float64)
    alike = pl.Series(scores / 100, dtype=pl.Float64)
    shared = numbers(pl.col("one")).list.set_intersection(numbers(pl.col("other"))).list.len() > 0
    both = (numbers(pl.col("one")).list.len() > 0) & (numbers(pl.col("other")).list.len() > 0)
    opposed = (negates(pl.col("one")) != negates(pl.col("other"))) & (alike >= SIMILAR)
    return pairs.select((shared | ~both) & (alike >= least) & ~opposed).to_series().rename("agree")
