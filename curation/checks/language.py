"""Checks of the language: script first, and a detector on longer Latin texts, only where asked."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from curation import detect as detectors
from curation.checks import letters
from curation.checks.registry import by_distinct, by_row, check, columns, shared
from curation.checks.wording import units_of

_HAN = r"\p{Han}"
_LATIN = r"[A-Za-z\u00c0-\u024f]"
_LATIN_WORD = rf"{_LATIN}+(?:['’][A-Za-z]+)?"


def language(text: pl.Expr) -> pl.Expr:
    """Return ``zh`` or ``en`` (any Latin script) by counting Han characters and Latin words; ``other`` for neither.

    A Han character carries about as much as half a Latin word, hence the factor.
    """
    return text.map_batches(_of_two, return_dtype=pl.String)


def asked_in() -> pl.Expr:
    """Return the language of an example's question, which tells the rules that look at it: a column made once."""
    return shared(language(pl.col("question")), "language of the question")


def made_of(column: str) -> pl.Expr:
    """Return what a column's texts are made of, the bits of letters.py; null without kernels."""

    def made(texts: pl.Series) -> pl.Series:
        kinds = letters.made_of(texts)
        return pl.repeat(None, len(texts), dtype=pl.UInt8, eager=True) if kinds is None else pl.Series(kinds)

    return shared(pl.col(column).map_batches(made, return_dtype=pl.UInt8), f"made of {column}")


def read(examples: pl.DataFrame, asks: Sequence[pl.Expr], *, spoken: bool) -> pl.DataFrame:
    """Add what one reading of both sides tells, with kernels, and expressions ask for; with `spoken` also `tongue`.

    That is the language of each question (`asked_in`).
    """
    tongue = asked_in().meta.output_name()
    names = {side: (units_of(side).meta.output_name(), made_of(side).meta.output_name()) for side in _SIDES}
    asked = set(columns(asks, [tongue, *names["question"], *names["answer"]]))
    asked |= {tongue} if spoken else set()
    for side in _SIDES:
        wanted = {*names[side], *([tongue] if side == "question" else [])} & asked
        told = letters.told(examples[side]) if wanted else None
        if told is None:
            continue
        made = dict(zip(names[side], (told[0], pl.Series(told[1])), strict=True))
        if tongue in wanted:
            made[tongue] = _of_two(examples[side], told[1])
        examples = examples.with_columns(made[name].alias(name) for name in sorted(wanted))
    if spoken and tongue not in examples.columns:
        examples = examples.with_columns(_of_two(examples["question"]).alias(tongue))
    return examples.with_columns(tongue=tongue) if spoken else examples


_SIDES = ("question", "answer")


def _of_two(texts: pl.Series, kinds: letters.U8 | None = None) -> pl.Series:
    """Tell the language of each text, step by step: only where both are in it has anything to be counted."""
    han, latin = _scripts(texts, kinds)
    both = np.flatnonzero(han & latin)
    mixed = texts.gather(both)
    words = mixed.str.count_matches(_LATIN_WORD)
    more = mixed.str.head(_HEAD).str.count_matches(_HAN) >= words  # mostly it is a word or two in Chinese
    unsure = (~more).arg_true()
    han_left = han.copy()
    han_left[both] = more.scatter(unsure, mixed.gather(unsure).str.count_matches(_HAN) >= words.gather(unsure))
    told = np.where(han_left, 1, np.where(latin, 2, 0))
    return _TOLD.gather(told).alias(texts.name)


_TOLD = pl.Series(["other", "zh", "en"])


def of_both(questions: pl.Series, answers: pl.Series) -> pl.Series:
    """Return what `language` says of a question and its answer, one behind the other: put together where it counts."""
    read = letters.scripts(questions), letters.scripts(answers)
    if read[0] is None or read[1] is None:
        return _of_two(questions + answers)
    kinds = read[0] | read[1]
    both = np.flatnonzero((kinds & letters.HAN > 0) & (kinds & letters.LATIN > 0))
    counted = _of_two(questions.gather(both) + answers.gather(both), kinds[both])
    told = np.where(kinds & letters.HAN > 0, 1, np.where(kinds & letters.LATIN > 0, 2, 0))
    return _TOLD.gather(told).scatter(both, counted)


def _scripts(texts: pl.Series, kinds: letters.U8 | None) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Tell in which texts there are Han characters, and in which Latin letters; `kinds` says it, where it is known."""
    kinds = letters.made_of(texts) if kinds is None else kinds
    if kinds is not None:
        return kinds & letters.HAN > 0, kinds & letters.LATIN > 0
    wide = (texts.str.len_bytes() != texts.str.len_chars()).arg_true()  # else there is no Han character in it
    han = np.zeros(len(texts), dtype=np.bool_)
    han[wide.filter(texts.gather(wide).str.contains(_HAN)).to_numpy()] = True
    return han, texts.str.contains(_LATIN).fill_null(value=False).to_numpy()


_HEAD = 8  # characters


_RARE = r"[\p{L}&&[^\p{Han}\p{Latin}]]"

# Scripts that tell a language, or narrow it to one that support desks meet.
_SCRIPTS = {
    "zh": r"\p{Han}",
    "ja": r"[\p{Hiragana}\p{Katakana}]",
    "ko": r"\p{Hangul}",
    "th": r"\p{Thai}",
    "ru": r"\p{Cyrillic}+",
    "ar": r"\p{Arabic}+",
    "hi": r"\p{Devanagari}+",
    "el": r"\p{Greek}+",
    "he": r"\p{Hebrew}+",
}


def script(text: pl.Expr) -> pl.Expr:
    """Return which script most of a text is in: ``latin``, ``other``, or the language that it tells (zh ja ko th ru …).

    Characters of Han, kana, hangul and Thai are counted, words of the rest, as `language` does. Kana make Japanese of
    a text from a fifth of its characters on: its nouns are Han. Where two are equal the first of the list wins.
    """
    return text.map_batches(_told, return_dtype=pl.String)


def _told(texts: pl.Series) -> pl.Series:
    """Tell the script of each text; step by step, since an expression would compute each count a dozen times over."""
    text, latin, zh = pl.col("text").str, pl.col("latin"), pl.col("zh")
    rows = texts.alias("text").to_frame().with_row_index("row").drop_nulls("text")
    rows = rows.lazy().with_columns(
        latin=text.count_matches(_LATIN_WORD).cast(pl.Float32),
        zh=pl.when(text.len_bytes() != text.len_chars()).then("text").str.count_matches(_SCRIPTS["zh"]).fill_null(0)
        .cast(pl.Float32),
    ).collect()  # fmt: skip
    of_two = pl.when((zh == 0) & (latin == 0)).then(pl.lit("other")).when(zh >= latin).then(pl.lit("zh"))
    told = pl.repeat(None, len(texts), dtype=pl.String, eager=True)
    told = told.scatter(rows["row"], rows.select(of_two.otherwise(pl.lit("latin"))).to_series())
    rare = rows.filter(text.len_bytes() != text.len_chars()).filter(text.contains(_RARE))
    return told.scatter(rare["row"], _of_many(rare)).alias(texts.name)


def _of_many(rows: pl.DataFrame) -> pl.Series:
    """Tell the script of `text` where letters beyond Han and Latin are in it; `zh` and `latin` are counted."""
    counted = rows.with_columns(
        pl.col("text").str.count_matches(letters).cast(pl.Float32).alias(code)
        for code, letters in _SCRIPTS.items()
        if code != "zh"
    )
    counted = counted.with_columns(ja=pl.col("ja") * pl.when(pl.col("ja") * 4 >= pl.col("zh")).then(1000).otherwise(1))
    names = ["other", *_SCRIPTS, "latin"]
    most = pl.concat_list(pl.lit(0.5, dtype=pl.Float32), *_SCRIPTS, "latin").list.arg_max()
    return counted.select(most.replace_strict(dict(enumerate(names)), return_dtype=pl.String)).to_series()


@check(on="example")
def languages_differ() -> pl.Expr:
    """Question and answer are in different scripts (Chinese and Latin). Evidence: the answer's first 40 characters."""
    answer = pl.col("answer")
    sides = pl.col("question"), answer
    enough = answer.str.count_matches(r"\p{L}") >= 12  # "iPhone 15" and "B" are answers in any language
    wide = [side.str.len_bytes() != side.str.len_chars() for side in sides]

    def other(rows: pl.Series) -> pl.Series:
        """Step by step: many texts are ASCII, most others have Han and Latin letters alone, and two sides are alike."""
        some = rows.struct.unnest().with_row_index("row").filter(wide[0] | wide[1])
        kinds = [None if some[side].null_count() else some[side].to_numpy() for side in ("kinds", "others")]
        rare = _rare((some["question"], some["answer"]), kinds)
        told = some.with_columns(rare, said=_of_two(some["answer"], kinds[1]))
        both = told.filter((pl.col("asked") != pl.col("said")) | pl.col("rare")).filter(enough)
        counted = both["rare"].arg_true()
        scripts = {
            name: both[name].scatter(counted, _told(both[text].gather(counted)))
            for name, text in (("asked", "question"), ("said", "answer"))
        }
        differ = (pl.col("asked") != pl.col("said")) & (pl.col("asked") != "other") & (pl.col("said") != "other")
        found = both.with_columns(**scripts).filter(differ)
        nothing = pl.repeat(None, len(rows), dtype=pl.String, eager=True)
        return nothing.scatter(found["row"], found["answer"].str.slice(0, 40))

    kinds = made_of("question").alias("kinds"), made_of("answer").alias("others")
    return pl.struct(*sides, asked_in().alias("asked"), *kinds).map_batches(other, return_dtype=pl.String)


def _rare(sides: Sequence[pl.Series], known: Sequence[letters.U8 | None]) -> pl.Series:
    """Tell in which rows there are letters that are neither Han nor Latin; of what is ASCII nothing is asked."""
    found = np.zeros(len(sides[0]), dtype=np.bool_)
    for side, kinds in zip(sides, known, strict=True):
        if kinds is None:
            wide = (side.str.len_bytes() != side.str.len_chars()).arg_true()
            found[wide.filter(side.gather(wide).str.contains(_RARE)).to_numpy()] = True
        else:
            found |= kinds & letters.RARE > 0
    return pl.Series("rare", found)


@check(on="example")
def foreign_language(*, allowed: list[str], shortest: int = 20, detector: str = "langdetect") -> pl.Expr:
    """The question's language is not in `allowed` (ISO 639-1). Evidence: the question's first 40 characters.

    Its script decides where it tells a language; only distinct questions in Latin letters, of at least `shortest`
    characters, are shown to `detector` (langdetect, or py3langid), which must be nine tenths sure.
    """
    detect = detectors.detector(detector)

    def foreign(text: str) -> str | None:
        tongue, sure = detect(text)
        return text[:40] if tongue not in (*allowed, "und") and sure > SURE else None

    question = pl.col("question")
    told = script(question)
    by_script = pl.when(~told.is_in([*allowed, "latin", "other"])).then(question.str.slice(0, 40))
    asked = pl.when((told == "latin") & (question.str.len_chars() >= shortest)).then(question)
    return pl.coalesce(by_script, by_distinct(asked, foreign))


@check(on="example")
def answers_in_other_language(*, shortest: int = 40, detector: str = "langdetect") -> pl.Expr:
    """Question and answer are in Latin letters and different languages. Evidence: the answer's first 40 characters.

    Both need at least `shortest` characters, and `detector` must be nine tenths sure.
    """
    detect = detectors.detector(detector)

    def other(question: str, answer: str) -> str | None:
        (asked, sure), (said, surer) = detect(question), detect(answer)
        return answer[:40] if asked != said and "und" not in (asked, said) and min(sure, surer) > SURE else None

    texts = (pl.col("question"), pl.col("answer"))
    long = pl.all_horizontal((script(text) == "latin") & (text.str.len_chars() >= shortest) for text in texts)
    return by_row(["question", "answer"], other, guard=long)


SURE = 0.9  # probability; below it langdetect's guesses on short text are wrong too often


def switched(text: str, other: str) -> bool:
    """Tell whether two texts are clearly in different scripts, with at least 12 letters of the other one.

    A text that says itself in both, as bilingual exam questions do, is in neither: a Chinese sentence has about five
    letters for each Han character in English, so six are English alone.
    """
    text, other = (re.sub(r"\\[A-Za-z]+|\$[^$]*\$", " ", part) for part in (text, other))  # LaTeX is no language
    han, latin = len(re.findall(r"[\u4e00-\u9fff]", text)), len(re.findall(r"[A-Za-z]", text))
    other_han, other_latin = len(re.findall(r"[\u4e00-\u9fff]", other)), len(re.findall(r"[A-Za-z]", other))
    return (han > latin and other_latin > 12 and other_latin > 6 * other_han) or (
        latin > 6 * han and other_han > 12 and other_han > other_latin
    )
