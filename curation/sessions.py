"""Messages in file order → conversations: every message with its conversation and its place in it."""

from __future__ import annotations

import polars as pl

from curation import tables


def sessions(messages: pl.DataFrame) -> pl.DataFrame:
    """Group messages by conversation id, in order of first appearance, and number them from 0.

    Two files that both count their sessions from 1 must not be mixed: an id that stands in more than one file
    becomes ``file/id`` there, unless the recipe says that conversations span files. Inside a conversation the
    order of the file holds: exports write in order of sending, and clocks of several servers do not. That order is
    `row`, the message's place in the whole input: a shard of conversations gives what the whole gives.
    """
    shared = pl.col("file").n_unique().over("conversation") > 1
    name = pl.when(shared & ~pl.col("span")).then(pl.col("file") + "/" + pl.col("conversation"))
    return (
        messages.with_columns(name.otherwise("conversation").alias("conversation"))
        .with_columns(first=pl.col("row").min().over("conversation"))
        .sort("first", "row")
        .with_columns(
            message=pl.int_range(pl.len(), dtype=pl.UInt32).over("conversation"),
            text=pl.col("raw"),
            section=pl.lit(0, dtype=pl.UInt32),
        )
        .select(list(tables.MESSAGES))
    )
