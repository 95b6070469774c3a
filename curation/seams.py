"""Where messages were parted and belong together, and where they belong apart: cut texts, and bots before people.

A program with a length limit cuts a long message and sends the rest as the next one. For judging and stitching the
parts are one message again; in the end every part has its own row and the fate of the whole.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import polars as pl

from curation import tables

KEYS = ["conversation", "message"]


class Whole(NamedTuple):
    """Messages with cut texts joined, the rows that went into an earlier one, and what was done."""

    messages: pl.DataFrame  # tables.MESSAGES with `parts` (how many rows each was) and `order`
    pieces: pl.DataFrame  # rows whose words stand in the message before; their `text` is empty
    mends: pl.DataFrame  # tables.FINDINGS


def join_cut(messages: pl.DataFrame) -> Whole:
    """Join what `continues` the message before it; the joined text begins at the first part's place."""
    placed = messages.with_row_index("order").with_columns(parts=pl.lit(1, dtype=pl.UInt32))
    if not messages["continues"].any():
        return Whole(placed, placed.clear(), tables.empty(tables.FINDINGS))
    told = pl.when("spaced").then(pl.lit(" ") + pl.col("text")).otherwise("text")
    group = (~pl.col("continues")).cast(pl.UInt32).cum_sum()
    placed = placed.with_columns(
        text=pl.when("continues").then(pl.lit("")).otherwise(told.str.join("").over(group)),
        parts=pl.len().over(group).cast(pl.UInt32),
    )
    first = placed.filter(~pl.col("continues"))
    mends = first.filter(pl.col("parts") > 1).select(
        *KEYS, rule=pl.lit("mend/cut-message"), action=pl.lit("note"), before="raw", after="text"
    )
    return Whole(first, placed.filter("continues"), tables.findings(mends))


def share_fate(findings: pl.DataFrame, whole: Whole) -> pl.DataFrame:
    """Return the drops among `findings` once more for the pieces of the messages that they drop."""
    if whole.pieces.is_empty():
        return findings.clear()
    pieces = whole.pieces.select(*KEYS, "raw")
    long = whole.messages.filter(pl.col("parts") > 1).select(
        "conversation",
        first="message",
        message=pl.int_ranges(pl.col("message") + 1, pl.col("message") + pl.col("parts"), dtype=pl.UInt32),
    )
    owners = pieces.join(long.explode("message"), on=KEYS, how="left", maintain_order="left")
    drops = findings.filter((pl.col("action") == "drop") & pl.col("message").is_not_null())
    found = owners.join(
        drops.select("conversation", pl.col("message").alias("first"), "rule", "action", "evidence"),
        on=["conversation", "first"],
        maintain_order="left",
    )
    return tables.findings(found.select(*KEYS, "rule", "action", "evidence"))


def bots(messages: pl.DataFrame, policy: Literal["teach", "context", "drop"]) -> pl.DataFrame:
    """Return the findings that keep a bot's words out of the examples (docs/shapes.md, "Bots").

    ``context`` drops what the bot said and keeps what the customer told it; ``drop`` also drops what the customer
    said before a person took over; ``teach`` drops nothing.
    """
    if policy == "teach" or not messages["bot"].any():
        return tables.empty(tables.FINDINGS)
    machine = pl.col("bot")
    last = pl.when(machine).then("section").max().over("conversation")
    early = (pl.col("section") <= last).fill_null(value=False) & (pl.col("role") != "system")
    rule = (
        pl.when(machine)
        .then(pl.lit("sessions/bot-turn"))
        .when(early & (policy == "drop"))
        .then(pl.lit("sessions/before-handover"))
        .otherwise(None)
    )
    found = messages.select(*KEYS, rule=rule, action=pl.lit("drop"), evidence="text")
    return tables.findings(found.drop_nulls("rule"))
