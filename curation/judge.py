"""Frame × rules → findings: all rules of a frame are one select, then one unpivot; Polars runs them on all cores."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from curation import tables
from curation.packs import Rule


def context(messages: pl.DataFrame) -> pl.DataFrame:
    """Add what message checks may look at beside the message itself (registry.MESSAGE_CONTEXT).

    `asked` is what the other side said last before this message (system messages do not count); `conversations`
    in how many conversations the same role says exactly this (before masking: two phone numbers are two lines).
    """
    spoken = pl.col("text")
    by_user = pl.when(pl.col("role") == "user").then(spoken)
    by_agent = pl.when(pl.col("role") == "assistant").then(spoken)
    before_user = by_user.shift(1).forward_fill().over("conversation")
    before_agent = by_agent.shift(1).forward_fill().over("conversation")
    return messages.with_columns(
        asked=pl.when(pl.col("role") == "user").then(before_agent).otherwise(before_user),
        conversations=pl.col("conversation").n_unique().over("role", "raw").cast(pl.UInt32),
    )


def judge(frame: pl.DataFrame, rules: Sequence[Rule], *, on: str) -> pl.DataFrame:
    """Run the rules for messages (`on="message"`) or examples (`on="example"`) over `frame`.

    Returns findings in the order of the frame, and of the rules within a row.
    """
    mine = [rule for rule in rules if rule.on == on]
    if not mine or frame.is_empty():
        return tables.empty(tables.FINDINGS)
    keys = ["conversation", "message"] if on == "message" else ["conversation", "id"]
    actions = pl.DataFrame(
        {"rule": [r.name for r in mine], "action": [r.action for r in mine], "turn": range(len(mine))},
        schema={"rule": pl.String, "action": tables.ACTION, "turn": pl.UInt32},
    )
    found = (
        frame.with_row_index("row")
        .select("row", *keys, *(rule.expression.alias(rule.name) for rule in mine))
        .unpivot(index=["row", *keys], variable_name="rule", value_name="evidence")
        .drop_nulls("evidence")
        .join(actions, on="rule", how="left")
        .sort("row", "turn")
    )
    return tables.findings(found.rename({"id": "example"}) if on == "example" else found)
