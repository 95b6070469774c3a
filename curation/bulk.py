"""Many plain records at once: columns of cells → messages, as shapes.py makes them one by one, only faster.

What is not plain, or would be a fault, is left to the exact path: this module never says why a record is unreadable.
"""

from __future__ import annotations

import operator
from functools import reduce
from typing import NamedTuple

import numpy as np
import polars as pl

from curation import tables
from curation.mapping import Layout
from curation.roles import Speaker

# What Python's str.strip() takes off, which is more than Unicode's White_Space.
SPACE = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
NAMES = ("speaker", "customer", "id", "reply_to")  # taken over as they stand
CELLS = {
    "messages": ("conversation", "role", "text", "time", *NAMES),
    "records": ("conversation", "question", "input", "answer", "cot", "time"),
}
BOT: Speaker = Speaker("assistant", bot=True)
AGENT: Speaker = Speaker("assistant", bot=False)
FEW = 256  # first cells, which tell how a column is best read
MOST_WORDS = 4  # of roles; each is looked for in all cells
SIDES = (AGENT, BOT, Speaker("user", bot=False), Speaker("system", bot=False))


class Found(NamedTuple):
    """What came of the cells: messages (tables.READ and `line`), and the lines that the exact path has to read."""

    messages: pl.DataFrame
    left: np.ndarray


def names(layout: Layout) -> dict[str, str | int]:
    """Return the columns that are read, by name."""
    return {name: key for name, key in layout.columns.items() if name in CELLS[layout.shape]}


def messages(cells: pl.DataFrame, layout: Layout, file: str) -> Found:
    """Make messages of `cells`: `line` (where each record begins), and a column of text per name of the layout."""
    found = _questions(cells, file) if layout.shape == "records" else _messages(cells, layout)
    good, left = found, np.array([], dtype=np.int64)
    if found["role"].null_count():
        good, left = found.drop_nulls("role"), found.filter(pl.col("role").is_null())["line"].to_numpy()
    place = pl.format("{}{}", pl.lit(f"{file}:"), "line")
    if layout.shape == "records":
        own = pl.when(pl.col("conversation") == "").then(place).otherwise("conversation")
        good = _paired(good.with_columns(own.alias("conversation")))
    made = tables.read(good, file=pl.lit(file), span=pl.lit(layout.source.span_files), source=place)
    return Found(made.insert_column(0, good["line"]), left)


def _text(name: str) -> pl.Expr:
    return pl.col(name).fill_null("")


def _word(name: str) -> pl.Expr:
    return _text(name).str.strip_chars(SPACE)


def _named(cells: pl.Series) -> pl.Series:
    """Return the same as `_word`; where no first one of a run of equal cells has white space, none has it."""
    cells = _full(cells)
    if cells.head(FEW).n_unique() * 2 > min(FEW, len(cells)):  # mostly runs of one
        return cells.str.strip_chars(SPACE)
    heads = pl.concat([cells.head(1), cells.slice(1).filter(cells.slice(1) != cells.slice(0, len(cells) - 1))])
    return cells if (heads.str.strip_chars(SPACE) == heads).all() else cells.str.strip_chars(SPACE)


def _full(cells: pl.Series) -> pl.Series:
    return cells.fill_null("") if cells.null_count() else cells


def _said(cells: pl.Series) -> pl.Series:
    """Return a column of names: without white space around them, null where nothing is left."""
    named = _named(cells)
    return named.set(named == "", None) if (named == "").any() else named


def _filled(name: str) -> pl.Expr:
    return pl.when(pl.col(name) != "").then(name)


def _messages(cells: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """One message per record; the role is null where the record is a fault.

    Columns one by one, as each query of Polars costs as much as a thousand rows.
    """
    here = set(cells.columns)
    side = _sides(_full(cells["role"]), layout)
    bot = side == SIDES.index(BOT)
    role = pl.Series("role", [side.role for side in SIDES], dtype=tables.ROLE).gather(side)
    found = {name: _said(cells[name]) for name in ("time", *NAMES) if name in here}
    if "speaker" in here:
        agent, speaker = side == SIDES.index(AGENT), found["speaker"]
        named = speaker.filter(agent).drop_nulls().unique().to_list()
        bots = [name for name in named if layout.roles.of(name) == BOT]
        if bots:
            bot = bot | (agent & speaker.is_in(bots).fill_null(value=False))
    if "conversation" in here:
        found["conversation"] = _named(cells["conversation"])
        if (found["conversation"] == "").any():
            role = role.set(found["conversation"] == "", None)
    return pl.DataFrame([cells["line"], role, bot.alias("bot"), _full(cells["text"]).alias("raw"), *found.values()])


def _sides(words: pl.Series, layout: Layout) -> pl.Series:
    """Return which of SIDES each word is; null where it is none of them."""
    known = {word: SIDES.index(who) for word in words.head(FEW).unique() if (who := layout.roles.of(word.strip()))}
    if 0 < len(known) <= MOST_WORDS:  # all of them, mostly
        those = [(words == word, side) for word, side in known.items()]
        if sum(int(mask.sum()) for mask, _ in those) == len(words):
            found: pl.Series = reduce(operator.add, (mask.cast(pl.UInt8) * side for mask, side in those))
            return found
    every = words.unique().to_list()
    whose = [layout.roles.of(word.strip()) for word in every]
    sides = pl.Series([None if who is None else SIDES.index(who) for who in whose], dtype=pl.UInt8)
    return sides.gather(_places(words, every))


def _places(word: pl.Series, words: list[str]) -> pl.Series:
    """Return which of `words` each one is."""
    if len(words) < 256:
        return word.cast(pl.Enum(words)).to_physical()
    return word.replace_strict(words, range(len(words)), return_dtype=pl.UInt32)


def _questions(cells: pl.DataFrame, file: str) -> pl.DataFrame:  # noqa: ARG001
    """One question with its answer per record; the role is null where the record is a fault."""
    here = set(cells.columns)
    extra = _text("input") if "input" in here else pl.lit("")
    asked = pl.when(extra.str.strip_chars(SPACE) != "").then(pl.concat_str(_text("question"), pl.lit("\n"), extra))
    found = cells.select(
        "line",
        (_word("conversation") if "conversation" in here else pl.lit("")).alias("conversation"),
        asked.otherwise(_text("question")).alias("raw"),
        (_text("answer") if "answer" in here else pl.lit("")).alias("answer"),
        *([_text("cot")] if "cot" in here else []),
        *([_word("time")] if "time" in here else []),
        role=pl.when(_word("question") != "").then(pl.lit("user", dtype=tables.ROLE)),
        record=pl.lit(value=True),
    )
    return found.with_columns(_filled("time")) if "time" in here else found


def _paired(rows: pl.DataFrame) -> pl.DataFrame:
    """Put the answer of every question behind it."""
    said = pl.lit("assistant", dtype=tables.ROLE)
    answers = rows.with_columns(raw="answer", role=said)
    questions = rows.with_columns(pl.lit(None, dtype=pl.String).alias("cot"))
    cot = [] if "cot" in rows.columns else [pl.lit(None, dtype=pl.String).alias("cot")]
    both = pl.concat([questions, answers.with_columns(cot)], how="diagonal")
    return both.sort("line", maintain_order=True)
