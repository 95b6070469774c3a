"""Checks of an example: whether the question stands alone, and whether the answer answers it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import polars as pl
from rapidfuzz import fuzz, process
from rapidfuzz.distance import LCSseq

from curation.checks import letters
from curation.checks.alternatives import any_of, inside, matches
from curation.checks.registry import check, has, known, seems, shared
from curation.checks.wording import NEVER, lowered, regex, units_of
from curation.pieces import LONG

QUESTION, ANSWER = pl.col("question"), pl.col("answer")


@check(on="example")
def question_says(*, patterns: list[str], longest: int = 100_000, unless: str | None = None) -> pl.Expr:
    """The question matches one of `patterns` and has at most `longest` characters. Evidence: the match."""
    return _says("question", patterns, longest, unless)


@check(on="example")
def answer_says(*, patterns: list[str], longest: int = 100_000, unless: str | None = None) -> pl.Expr:
    """The answer matches one of `patterns` and has at most `longest` characters. Evidence: the match."""
    return _says("answer", patterns, longest, unless)


def _says(column: str, patterns: list[str], longest: int, unless: str | None) -> pl.Expr:
    text, pattern = pl.col(column), regex(*patterns)
    applies = seems(column, pattern) & (text.str.len_chars() <= longest)
    if unless is not None:
        applies &= ~has(column, regex(unless))

    def said(rows: pl.Series) -> pl.Series:
        """Step by step: mostly there is no text to be asked, and nothing to be compiled."""
        nothing = pl.repeat(None, len(rows), dtype=pl.String, eager=True)
        applies = rows.struct.field("applies").fill_null(value=False)
        if not applies.any():
            return nothing
        places = applies.arg_true()
        return nothing.scatter(places, rows.struct.field(column).gather(places).str.extract(pattern))

    return pl.struct(text, applies=applies).map_batches(said, return_dtype=pl.String)


@check(on="example")
def question_lacks(
    *, cue: str, report: int, least: int = 4, told: str = NEVER, told_later: str = NEVER, replies: str = NEVER
) -> pl.Expr:
    """Nothing in the question asks: no match of `cue`. Evidence: the question.

    What a customer says first, in at least `report` units (a Han character, or a word or number), is a report of what
    is wrong. So is what is said first in at least `least` units where the answer matches `told`: it says what to do;
    and what is said later, where it matches `told_later` and the question does not match `replies` (yes, it does). A
    record that came in as a question with its answer is taken at its word.
    """
    first, long = pl.col("earlier") == 0, units_of("question")
    left = pl.when(~(first & (long >= report)) & ~pl.col("record")).then(QUESTION)
    lacks = left.is_not_null() & ~any_of(left, regex(cue))

    def helped(sides: pl.Series) -> pl.Series:
        """Step by step: few questions ask nothing."""
        rows = sides.struct.unnest().with_row_index("row").filter("lacks")
        report = ANSWER.str.contains(regex(told_later)) & ~QUESTION.str.contains(regex(replies))
        report |= pl.col("first") & ANSWER.str.contains(regex(told))
        rows = rows.filter(~(report & pl.col("enough")))
        nothing = pl.repeat(None, len(sides), dtype=pl.String, eager=True)
        return nothing.scatter(rows["row"], rows["question"])

    sides = pl.struct(QUESTION, ANSWER, lacks=lacks, first=first, enough=long >= least)
    return sides.map_batches(helped, return_dtype=pl.String)


@check(on="example")
def answer_short(*, least: int, unless: str) -> pl.Expr:
    """The answer has fewer than `least` units: a Han character, or a word or number. Evidence: the answer.

    Answers that match `unless` are spared: a number is a whole answer.
    """
    return pl.when((units_of("answer") < least) & ~has("answer", regex(unless))).then(ANSWER)


@check(on="example")
def too_long(*, most: int) -> pl.Expr:
    """Question or answer has more than `most` characters. Evidence: its first 40 characters."""
    longer = pl.when(ANSWER.str.len_chars() > most).then(ANSWER).when(QUESTION.str.len_chars() > most).then(QUESTION)
    return longer.str.slice(0, 40)


@check(on="example")
def echoes_question(*, least: float, whether: str = NEVER) -> pl.Expr:
    """The answer says the question again: similarity of at least `least` (0 to 1). Evidence: the answer.

    Similarity is the share of the answer's letters that stand, in order, in the question (rapidfuzz partial ratio),
    where the answer is not much longer than the question; an answer that goes on to say something is no echo, and
    texts of more than pieces.LONG characters are not compared. Who is asked `whether` it is so (a pattern of the
    question) and says that it is, without asking back, has answered.
    """
    said, asked = pl.col("said"), pl.col("asked")

    def echo(sides: pl.Series) -> pl.Series:
        """Step by step, since an expression would ask every row what only the likely ones are asked."""
        rows = sides.struct.unnest().with_row_index("row")
        # The answer behind reasoning may be one of the options, or a number that the question gives.
        rows = rows.filter(pl.col("cot").fill_null("") == "")
        likely = letters.may_echo(rows["answer"], rows["question"], least)
        rows = rows if likely is None else rows.filter(likely)
        for name, text, longer in (("said", ANSWER, QUESTION), ("asked", QUESTION, asked)):
            rows = rows.with_columns(lowered(text).str.replace_all(r"[\W_]+", "").alias(name))
            rows = rows.filter(said.str.len_chars().is_between(4, longer.str.len_chars() * 1.25 + 4))
        longest = pl.max_horizontal(pl.col("asked", "said").str.len_chars())
        rows = rows.filter(longest <= LONG)  # time goes by the square of it
        # A partial ratio of s needs a common subsequence of s / (2 - s) of the shorter text: ten times cheaper to ask.
        shorter = pl.min_horizontal(pl.col("asked", "said").str.len_chars())
        common = _compared(rows, LCSseq.similarity)
        rows = rows.with_columns(common=common).filter(pl.col("common") + 0.01 >= shorter * least / (2 - least))
        rows = rows.with_columns(score=_compared(rows, fuzz.partial_ratio).cast(pl.Float32))
        rows = rows.filter(pl.col("score") >= 100 * least)
        numbers = (text.str.to_lowercase().str.extract_all(_TELLING) for text in (ANSWER, QUESTION))
        found = rows.filter(next(numbers).list.set_difference(next(numbers)).list.len() == 0)
        found = found.filter(~QUESTION.str.contains(regex(whether)) | ANSWER.str.contains(_ASKS_BACK))
        nothing = pl.repeat(None, len(sides), dtype=pl.String, eager=True)
        return nothing.scatter(found["row"], found["answer"])

    return pl.struct("question", "answer", "cot").map_batches(echo, return_dtype=pl.String)


def _compared(rows: pl.DataFrame, scorer: Callable[..., float]) -> pl.Series:
    """Score `asked` and `said` of each row."""
    if rows.is_empty():
        return pl.Series([], dtype=pl.Float32)
    return pl.Series(process.cpdist(rows["asked"].to_list(), rows["said"].to_list(), scorer=scorer))


# What makes an answer more than an echo: a number, a yes or a no.
_TELLING = r"\d+|(?-u:\b)(?:no|yes)(?-u:\b)|不|没"
_ASKS_BACK = r"[?？吗么吧]"


@check(on="example")
def mostly_masks(*, most: float, unless: str = NEVER) -> pl.Expr:
    """More than the share `most` (0 to 1) of the answer is masks such as [订单号]. Evidence: the first of them.

    Masks that match `unless` count as one character of text: [数字x]天 says how long, even without the number.
    """
    mask = r"(\[[^\[\]]{1,24}\])"
    said = ANSWER.str.replace_all(regex(unless), "0")
    left = said.str.replace_all(mask, "").str.len_chars()
    return pl.when((1 - left / said.str.len_chars()) > most).then(said.str.extract(mask))


@check(on="example")
def follow_up_short(*, least: int, says: list[str] | None = None) -> pl.Expr:
    """Not the first question of its conversation, and of fewer than `least` units. Evidence: the question.

    A unit is a Han character, or a word or number. With `says`, only questions that match one of these patterns, a
    pronoun for instance; the evidence is then the match.
    """
    short = (pl.col("earlier") > 0) & (units_of("question") < least)
    return pl.when(short).then(QUESTION if says is None else QUESTION.str.extract(regex(*says)))


@check(on="example")
def answer_asks_back(*, cue: str, longest: int, unless: str) -> pl.Expr:
    """The answer matches `cue` (a request for details) and has at most `longest` characters. Evidence: the answer.

    Answers that match `unless` are spared: they say something before they ask.
    """
    short = pl.when((ANSWER.str.len_chars() <= longest) & ~has("answer", regex(unless))).then(ANSWER)
    return pl.when(any_of(short, regex(cue))).then(ANSWER)


@check(on="example")
def answer_made_of(
    *, of: list[str], beside: list[str], unless: str, longest: int, says: list[str] | None = None, asked: int = 0
) -> pl.Expr:
    """The answer is made of `of` (questions back, promises) and nothing else but `beside`. Evidence: the answer.

    Both are patterns of one clause, or of a sentence where they have commas and spaces in them; marks and white space
    part them. The answer has at most `longest` characters, and nothing in it matches `unless`: a proposal has a
    question mark too. With `says`, only answers that match one of these: what is asked about. The customer's question
    has at least `asked` units (a Han character, or a word or number).
    """
    one = "|".join((*of, *beside))
    patterns = regex(rf"^{_PARTED}*(?:(?:{one}){_PARTED}*)+$"), regex(*map(inside, of)), regex(unless)
    sides = pl.struct("answer", some=seems("answer", patterns[1]), unless=known("answer", patterns[2]))
    made = shared(
        sides.map_batches(partial(_made_of, patterns, longest), return_dtype=pl.Boolean), f"{patterns} {longest}"
    )
    if asked:
        made &= units_of("question") >= asked
    if says is not None:
        made &= has("answer", regex(*says))
    return pl.when(made).then(ANSWER)


_PARTED = r"[，,。.！!？?；;、:：\s~～…（）()]"  # what stands between clauses


def _made_of(patterns: tuple[str, str, str], longest: int, sides: pl.Series) -> pl.Series:
    """Tell which answers match the first two of `patterns` and not the third, step by step.

    Few answers match the second at all, and the pattern of the whole is the dear one. Where it is known before that
    they do not match the second (`some`), or whether the third (`unless`), they need not be asked.
    """
    whole, some, unless = patterns
    rows = sides.struct.unnest().with_row_index("row")
    rows = rows.filter(pl.col("some") & ~pl.col("unless").fill_null(value=False))
    rows = rows.filter(ANSWER.str.len_chars() <= longest)
    rows = rows.filter(matches(rows["answer"], some))
    if rows.is_empty():
        return pl.repeat(value=False, n=len(sides), dtype=pl.Boolean, eager=True)
    asked = rows.filter(pl.col("unless").is_null())
    spared = asked["row"].filter(asked["answer"].str.contains(unless))
    rows = rows.filter(~pl.col("row").is_in(spared.implode())).filter(ANSWER.str.contains(whole))
    return pl.repeat(value=False, n=len(sides), dtype=pl.Boolean, eager=True).scatter(rows["row"], values=True)


@check(on="example")
def few_exchanges(*, asked: int, told: int) -> pl.Expr:
    """Under `asked` of the customer's turns ask, or under `told` of the agent's tell. Evidence: the question."""
    return pl.when((pl.col("asked") < asked) | (pl.col("told") < told)).then(QUESTION)


@check(on="example")
def few_turns_tell(*, least: int, patterns: list[str], unless: str) -> pl.Expr:
    """Fewer than `least` of the agent's turns say something else than `patterns`. Evidence: what the first one says.

    A turn that matches one of `patterns`, a way to put somebody off, counts if it also matches `unless`.
    """
    off, helps = regex(*patterns), regex(unless)
    kind = pl.Struct({"tell": pl.Int64, "said": pl.String})
    turns = shared(
        pl.col("turns").map_batches(partial(_turns_that_tell, off, helps), return_dtype=kind), f"{off} {helps}"
    )
    return pl.when(turns.struct.field("tell") < least).then(turns.struct.field("said"))


def _turns_that_tell(off: str, helps: str, dialogues: pl.Series) -> pl.Series:
    """Count the agent's turns that do not match `off`, or match `helps` too, and quote the first that only does.

    Step by step: few turns match `off` at all.
    """
    text, row = pl.col("text"), pl.col("row")
    said = dialogues.alias("turn").to_frame().with_row_index("row").explode("turn").unnest("turn")
    said = said.lazy().filter(pl.col("role") == "assistant").select("row", "text").collect()
    empty = said.filter(text.str.contains(off)).filter(~text.str.contains(helps))
    counts = np.bincount(said["row"], minlength=len(dialogues)) - np.bincount(empty["row"], minlength=len(dialogues))
    quoted = empty.filter(row.is_first_distinct()).with_columns(text.str.extract(off))
    none = pl.repeat(None, len(dialogues), dtype=pl.String, eager=True)
    return pl.DataFrame({"tell": counts, "said": none.scatter(quoted["row"], quoted["text"])}).to_struct()


@check(on="example")
def agent_repeats(*, shortest: int) -> pl.Expr:
    """The agent says the same twice in one dialogue, at least `shortest` characters long. Evidence: those words."""
    said = pl.col("turns").list.eval(
        pl.element().filter(pl.element().struct.field("role") == "assistant").struct.field("text")
    )
    long = pl.element().str.len_chars() >= shortest
    return said.list.eval(pl.element().filter(pl.element().is_duplicated() & long)).list.first()


@check(on="example")
def repetition(*, least: int, shortest: int) -> pl.Expr:
    """One sentence of at least `shortest` characters stands in the answer at least `least` times. Evidence: it."""
    sentence, marks = pl.col("said"), r"[。！!？?\n.;；]"

    def often(answers: pl.Series) -> pl.Series:
        """Step by step: few answers are long enough, fewer have so many sentences, and hardly any says one again."""
        rows = answers.alias("said").to_frame().with_row_index("row")
        likely = letters.may_repeat(answers, least, shortest)
        rows = rows if likely is None else rows.filter(likely)
        rows = rows.filter(sentence.str.len_chars() >= least * shortest)
        rows = rows.filter(sentence.str.count_matches(marks) >= least - 1)
        # Parted at one mark, which takes half the time of a pattern for what is between marks.
        said = rows.with_columns(sentence.str.replace_all(marks, "\n").str.split("\n")).explode("said")
        said = said.filter(sentence.str.len_chars() >= max(1, shortest))
        said = said.with_columns(sentence.str.strip_chars()).filter(sentence.str.len_chars() >= shortest)
        said = said.filter(pl.Series(_again(said, least)))
        counts = said.group_by("row", "said", maintain_order=True).len().filter(pl.col("len") >= least)
        found = counts.unique("row", keep="first", maintain_order=True)
        nothing = pl.repeat(None, len(answers), dtype=pl.String, eager=True)
        return nothing.scatter(found["row"], found["said"])

    return ANSWER.map_batches(often, return_dtype=pl.String)


def _again(said: pl.DataFrame, least: int) -> npt.NDArray[np.bool_]:
    """Tell which `said` may stand `least` times or more in their `row`: two that differ may have the same hash."""
    keys = said.select(pl.struct("row", "said").hash(seed=0)).to_series().to_numpy()
    ordered = np.sort(keys)
    often = ordered[least - 1 :][ordered[least - 1 :] == ordered[: max(0, len(ordered) - least + 1)]]
    return np.isin(keys, often) if often.size else np.zeros(len(keys), dtype=np.bool_)
