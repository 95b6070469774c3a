"""Checks of the language: script first (exact and fast for Chinese beside Latin), langdetect only where asked."""

from __future__ import annotations

import re

import polars as pl

from curation.checks.registry import by_distinct, check

_HAN = r"\p{Han}"
_LATIN_WORD = r"[A-Za-z\u00c0-\u024f]+(?:['’][A-Za-z]+)?"


def language(text: pl.Expr) -> pl.Expr:
    """Return ``zh`` or ``en`` (any Latin script) by counting Han characters and Latin words; ``other`` for neither.

    A Han character carries about as much as half a Latin word, hence the factor.
    """
    han = text.str.count_matches(_HAN)
    latin = text.str.count_matches(_LATIN_WORD)
    return (
        pl.when((han == 0) & (latin == 0))
        .then(pl.lit("other"))
        .when(han >= latin)
        .then(pl.lit("zh"))
        .otherwise(pl.lit("en"))
    )


@check(on="example")
def languages_differ() -> pl.Expr:
    """Question and answer are in different scripts (Chinese and Latin). Evidence: the answer's first 40 characters."""
    asked, said = language(pl.col("question")), language(pl.col("answer"))
    enough = pl.col("answer").str.count_matches(r"\p{L}") >= 12  # "iPhone 15" and "B" are answers in any language
    differ = (asked != said) & (asked != "other") & (said != "other") & enough
    return pl.when(differ).then(pl.col("answer").str.slice(0, 40))


@check(on="example")
def foreign_language(*, allowed: list[str], shortest: int = 20) -> pl.Expr:
    """The question's language, by langdetect with a fixed seed, is not in `allowed` (ISO 639-1). Evidence: its text.

    Only questions of at least `shortest` characters are asked about: langdetect is a guess on short text, and slow
    (about 600 texts a second), so this rule lives in a pack of its own.
    """

    def foreign(text: str) -> str | None:
        from langdetect import DetectorFactory, LangDetectException, detect_langs

        DetectorFactory.seed = 0
        try:
            best = detect_langs(text)[0]
        except LangDetectException:
            return None
        return text[:40] if best.lang.split("-")[0] not in allowed and best.prob > 0.9 else None

    long = pl.col("question").str.len_chars() >= shortest
    return by_distinct(pl.when(long).then(pl.col("question")), foreign)


def switched(text: str, other: str) -> bool:
    """Tell whether two texts are clearly in different scripts, with at least 12 letters of the other one."""
    text, other = (re.sub(r"\\[A-Za-z]+|\$[^$]*\$", " ", part) for part in (text, other))  # LaTeX is no language
    han, latin = len(re.findall(r"[\u4e00-\u9fff]", text)), len(re.findall(r"[A-Za-z]", text))
    other_han, other_latin = len(re.findall(r"[\u4e00-\u9fff]", other)), len(re.findall(r"[A-Za-z]", other))
    return (han > latin and other_latin > 12 and other_latin > 6 * other_han) or (
        latin > han and other_han > 12 and other_han > other_latin
    )
