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
    # Asked of the text, not of what is left of it: Polars would take the marks off twice.
    bare = text.str.replace_all(r"[\W_]+", "").str.to_lowercase()
    return pl.when(text.str.contains(r"[^\W_]")).then(bare).otherwise(text.str.strip_chars())


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
    # Every different answer is looked at once, and letters are compared only where numbers leave it open.
    told = pl.DataFrame({"text": pl.concat([one, other]).unique()}).with_columns(
        bare=plain(pl.col("text")), numbers=numbers(pl.col("text")), negates=negates(pl.col("text"))
    )
    mine, theirs = (side.alias("text").to_frame().join(told, on="text", how="left", maintain_order="left").drop("text")
                    for side in (one, other))  # fmt: skip
    pairs = pl.concat([mine, theirs.select(pl.all().name.prefix("other_"))], how="horizontal").with_row_index("row")
    both = (pl.col("numbers").list.len() > 0) & (pl.col("other_numbers").list.len() > 0)
    apart = pairs.filter(both).filter(pl.col("numbers").list.set_intersection(pl.col("other_numbers")).list.len() == 0)
    opposed = pl.col("negates") != pl.col("other_negates")
    open_ = pairs if least > 0 else pairs.filter(opposed)
    open_ = open_.join(apart.select("row"), on="row", how="anti", maintain_order="left")
    scores = process.cpdist(open_["bare"].to_list(), open_["other_bare"].to_list(), scorer=fuzz.ratio, dtype=np.float64)
    alike = pl.Series("alike", scores / 100, dtype=pl.Float64)
    against = open_.with_columns(alike).filter((pl.col("alike") < least) | (opposed & (pl.col("alike") >= SIMILAR)))
    agrees = np.ones(len(one), dtype=np.bool_)
    agrees[apart["row"].to_numpy()] = False
    agrees[against["row"].to_numpy()] = False
    return pl.Series("agree", agrees)
