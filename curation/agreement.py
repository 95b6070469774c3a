"""Do two answers to one question agree? Numbers, negations and wording, for whole columns of pairs."""

from __future__ import annotations

import numpy as np
import polars as pl
from rapidfuzz import fuzz, process

from curation.checks import letters

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


def plain_of(texts: pl.Series) -> pl.Series:
    """Return what `plain` says of texts."""
    return letters.kept(texts, letters.NO_MARK, _asked)


def _asked(texts: pl.Series) -> pl.Series:
    return texts.to_frame("text").select(plain(pl.col("text")).alias(texts.name)).to_series()


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
    every = pl.concat([one, other]).alias("text")
    told = pl.DataFrame(every.unique()).with_row_index("code")
    codes = every.to_frame().join(told, on="text", how="left", maintain_order="left")["code"].to_numpy()
    mine, theirs = codes[: len(one)], codes[len(one) :]
    told = told.with_columns(numbers=numbers(pl.col("text")), negates=negates(pl.col("text")))
    numbered, negated = (told["numbers"].list.len() > 0).to_numpy(), told["negates"].to_numpy()
    both, opposed = np.flatnonzero(numbered[mine] & numbered[theirs]), negated[mine] != negated[theirs]
    sides = (told["numbers"].gather(codes[both]).alias(name) for name, codes in (("one", mine), ("other", theirs)))
    common = pl.DataFrame([*sides]).select(pl.col("one").list.set_intersection("other").list.len()).to_series()
    agrees = np.ones(len(one), dtype=np.bool_)
    agrees[both[common.to_numpy() == 0]] = False
    rows = np.flatnonzero(agrees if least > 0 else agrees & opposed)
    bare, some = np.empty(told.height, dtype=object), np.unique(np.concatenate((mine[rows], theirs[rows])))
    bare[some] = plain_of(told["text"].gather(some)).to_list()
    letters_of = (bare[side[rows]].tolist() for side in (mine, theirs))
    alike = process.cpdist(*letters_of, scorer=fuzz.ratio, dtype=np.float64) / 100
    agrees[rows[(alike < least) | (opposed[rows] & (alike >= SIMILAR))]] = False
    return pl.Series("agree", agrees)
