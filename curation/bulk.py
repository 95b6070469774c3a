"""Many plain records at once: columns of cells → messages, as shapes.py makes them one by one, only faster.

What is not plain, or would be a fault, is left to the exact path: this module never says why a record is unreadable.
"""

from __future__ import annotations

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
    good = good.with_columns(
        pl.lit(file).alias("file"), pl.lit(layout.source.span_files).alias("span"), place.alias("source")
    )
    if layout.shape == "records":
        own = pl.when(pl.col("conversation") == "").then("source").otherwise("conversation")
        good = _paired(good.with_columns(own.alias("conversation")))
    return Found(tables.read(good).insert_column(0, good["line"]), left)


def _text(name: str) -> pl.Expr:
    return pl.col(name).fill_null("")


def _word(name: str) -> pl.Expr:
    return _text(name).str.strip_chars(SPACE)


def _named(cells: pl.Series) -> pl.Series:
    """Return the same as `_word`; where no first one of a run of equal cells has white space, none has it."""
    heads = cells.filter(cells.ne_missing(cells.shift(1)))
    bare = not heads.null_count() and (heads.str.strip_chars(SPACE) == heads).all()
    return cells if bare else cells.fill_null("").str.strip_chars(SPACE)


def _filled(name: str) -> pl.Expr:
    return pl.when(pl.col(name) != "").then(name)


def _messages(cells: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """One message per record; the role is null where the record is a fault."""
    here = set(cells.columns)
    found = cells.select(
        "line",
        *([_named(cells["conversation"])] if "conversation" in here else []),
        _text("role").alias("word"),
        _text("text").alias("raw"),
        *[_word(name) for name in ("time", *NAMES) if name in here],
    )
    found = found.with_columns(_filled(name) for name in ("time", *NAMES) if name in here)
    words = found["word"].unique().to_list()
    whose = [layout.roles.of(word.strip()) for word in words]
    sides = pl.Series([None if who is None else SIDES.index(who) for who in whose], dtype=pl.UInt8)
    side = sides.gather(_places(found["word"], words))
    role = pl.Series([side.role for side in SIDES], dtype=tables.ROLE)
    found = found.with_columns(role=role.gather(side), bot=side == SIDES.index(BOT), agent=side == SIDES.index(AGENT))
    if "speaker" in here:
        named = found.filter("agent")["speaker"].drop_nulls().unique().to_list()
        bots = [name for name in named if layout.roles.of(name) == BOT]
        by_name = pl.col("agent") & pl.col("speaker").is_in(bots).fill_null(value=False)
        found = found.with_columns(bot=pl.col("bot") | by_name)
    if "conversation" in here:
        found = found.with_columns(role=pl.when(pl.col("conversation") != "").then("role"))
    return found


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
