"""The frames that flow through the engine: what a row is, in one screen.

Frames are ordered: conversations by first appearance in the input, messages by their place in the
conversation, examples by their first message. Every function keeps that order, so equal input gives equal bytes.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from curation import pieces

Schema = Mapping[str, pl.DataType | type[pl.DataType]]

ROLES = ("user", "assistant", "system")
ACTIONS = ("note", "review", "drop")  # weakest first: the strongest finding decides
VERDICTS = ("keep", "review", "drop")
FATES = ("example", "held", "dropped")

ROLE = pl.Enum(ROLES)
ACTION = pl.Enum(ACTIONS)
VERDICT = pl.Enum(VERDICTS)
FATE = pl.Enum(FATES)
KIND = pl.Enum(("pair", "dialogue"))
SPLIT = pl.Enum(("train", "val"))

TURN = pl.Struct({"role": pl.String, "text": pl.String, "messages": pl.List(pl.UInt32)})

# One line of the raw log. `cot` is the reasoning that a question/answer record brought along, on its answer.
MESSAGES: Schema = {
    "conversation": pl.String,
    "message": pl.UInt32,  # 0-based place in the conversation, counting every readable message
    "role": ROLE,
    "source": pl.String,  # file:line of the input
    "time": pl.String,
    "raw": pl.String,
    "text": pl.String,  # after mending
    "cot": pl.String,
    "record": pl.Boolean,  # came in as a question with its answer, not out of a chat
    "bot": pl.Boolean,  # an assistant's message that a machine wrote
    "section": pl.UInt32,  # of the conversation: it ends where a bot begins or stops to speak
}

# What a reader makes of a file, before conversations are known: a row per message, in the order of the file.
READ: Schema = {
    "row": pl.UInt32,  # place in the whole input
    "file": pl.String,
    "span": pl.Boolean,  # the same conversation id in two files is one conversation
    "conversation": pl.String,  # null: sessions.py finds it, from what follows
    "role": ROLE,
    "source": pl.String,
    "time": pl.String,
    "raw": pl.String,
    "cot": pl.String,
    "record": pl.Boolean,
    "bot": pl.Boolean,
    "speaker": pl.String,  # by name
    "customer": pl.String,
    "id": pl.String,  # of the message, as the export has it
    "reply_to": pl.String,  # such an id
}

# A rule fired: on a message, on an example, or (both null) on an unreadable line, named in `evidence`.
FINDINGS: Schema = {
    "conversation": pl.String,
    "message": pl.UInt32,
    "example": pl.String,
    "rule": pl.String,
    "action": ACTION,
    "evidence": pl.String,
    "before": pl.String,
    "after": pl.String,
}

# One SFT record that may leave us.
EXAMPLES: Schema = {
    "id": pl.String,
    "conversation": pl.String,
    "kind": KIND,
    "question": pl.String,  # the user's turns, joined by line breaks
    "answer": pl.String,  # the assistant's turns, joined by line breaks
    "cot": pl.String,
    "record": pl.Boolean,  # was a pair already in the input
    "earlier": pl.UInt32,  # of a pair: how many of the user's turns before it ask something
    "asked": pl.UInt32,  # how many of its user's turns ask or report something
    "told": pl.UInt32,  # how many of its agent's turns do more than ask for details
    "turns": pl.List(TURN),
}

# A line of an input file that no message could be made of.
UNREADABLE: Schema = {
    "file": pl.String,
    "line": pl.Int64,
    "why": pl.String,
    "bytes": pl.String,  # as text; what is no text is escaped (\\xff), and `base64` has it exactly
    "base64": pl.String,
}


def empty(schema: Schema) -> pl.DataFrame:
    """Return a frame of `schema` with no rows."""
    return pl.DataFrame(schema=schema)


def read(rows: pl.DataFrame, **given: pl.Expr) -> pl.DataFrame:
    """Bring `rows`, which may lack columns, into the shape of READ: as `given`, else no bot, no record, else null."""
    nothing, here = {"span": False, "record": False, "bot": False}, rows.schema
    given = {name: pl.lit(nothing.get(name)) for name in READ if name not in here} | given
    columns = ((name, kind, given.get(name, pl.col(name))) for name, kind in READ.items())
    return rows.select(
        column if name not in given and here[name] == kind else column.cast(kind).alias(name)
        for name, kind, column in columns
    )


def findings(rows: pl.DataFrame) -> pl.DataFrame:
    """Bring `rows`, which may lack columns, into the shape of FINDINGS (missing columns are null).

    Of a long text only a piece is quoted: its beginning, or where a mend begins to change it.
    """
    found = rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in FINDINGS.items()
    )
    quotes = ("evidence", "before", "after")
    long = found.select(pl.max_horizontal(pl.col(quotes).str.len_bytes()) > pieces.LONG).to_series().arg_true()
    if long.is_empty():
        return found
    cut = [(e and pieces.around(e, 0), *_changed(b, a)) for e, b, a in found.select(quotes)[long].iter_rows()]
    columns = zip(quotes, zip(*cut, strict=True), strict=True)
    return found.with_columns(found[name].scatter(long, pl.Series(texts, dtype=pl.String)) for name, texts in columns)


def _changed(before: str | None, after: str | None) -> tuple[str | None, str | None]:
    return (before, after) if before is None or after is None else pieces.changed(before, after)
