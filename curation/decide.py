"""Findings → verdicts and fates: what happens to every example, and where every message went.

People's decisions are findings too (`people/…`, decisions.py), and they win: what somebody wants kept is kept,
whatever rules say of it, and those rules stay on record beside it.
"""

from __future__ import annotations

import polars as pl

from curation import tables
from curation.decisions import KEEPING


def with_message_findings(examples: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """Return the findings on examples, and those `note` and `review` findings on messages that examples live of."""
    on_messages = findings.filter(
        pl.col("message").is_not_null()
        & (pl.col("action") != "drop")  # in an example all the same: a person wanted the message back
        & ~pl.col("rule").str.contains("^(?:mend|people)/")
    )
    lived = members(examples).join(on_messages, on=["conversation", "message"], how="inner", maintain_order="left")
    on_examples = findings.filter(pl.col("example").is_not_null())
    columns = ["id", "rule", "action"]
    return pl.concat([on_examples.rename({"example": "id"}).select(columns), lived.select(columns)])


def dropped_messages(findings: pl.DataFrame) -> pl.DataFrame:
    """Return the messages (conversation, message) that rules drop and that nobody wants back, in order, once each."""
    on_messages = findings.filter(pl.col("message").is_not_null())
    keys = ["conversation", "message"]
    dropped = on_messages.filter(pl.col("action") == "drop").select(keys).unique(maintain_order=True)
    return dropped.join(on_messages.filter(pl.col("rule").is_in(KEEPING)), on=keys, how="anti", maintain_order="left")


def members(examples: pl.DataFrame) -> pl.DataFrame:
    """Return one row (id, conversation, message) for every message of every example."""
    return (
        examples.select("id", "conversation", turns=pl.col("turns"))
        .explode("turns")
        .select("id", "conversation", message=pl.col("turns").struct.field("messages"))
        .explode("message")
    )


def verdicts(examples: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """Add `verdict` and `rules` (the rules behind it, strongest first, notes included) to examples."""
    strongest = (
        with_message_findings(examples, findings)
        .unique(["id", "rule", "action"], maintain_order=True)
        .sort("action", descending=True, maintain_order=True)
        .group_by("id", maintain_order=True)
        .agg(action=pl.col("action").max(), rules=pl.col("rule"), kept=pl.col("rule").is_in(KEEPING).any())
    )
    verdict = (
        pl.when("kept")
        .then(pl.lit("keep"))
        .when(pl.col("action") == "drop")
        .then(pl.lit("drop"))
        .when(pl.col("action") == "review")
        .then(pl.lit("review"))
    )
    return (
        examples.join(strongest, on="id", how="left", maintain_order="left")
        .with_columns(
            verdict=verdict.otherwise(pl.lit("keep")).cast(tables.VERDICT),
            rules=pl.col("rules").fill_null(pl.lit([], dtype=pl.List(pl.String))),
        )
        .drop("action", "kept")
    )


def later(examples: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """Bring `verdict` of examples up to date with `findings` on examples that came since; `rules` stay as they are."""
    found = findings.drop_nulls("example").group_by(id="example").agg(pl.col("action").max().to_physical())
    kept = pl.col("rules").list.set_intersection(list(KEEPING)).list.len() > 0
    worst = pl.max_horizontal(pl.col("verdict").to_physical(), "action")  # keep, review, drop beside note, review, drop
    return (
        examples.join(found, on="id", how="left", maintain_order="left")
        .with_columns(
            verdict=pl.when(kept).then(0).otherwise(worst).replace_strict(_VERDICT, return_dtype=tables.VERDICT)
        )
        .drop("action")
    )


_VERDICT = dict(enumerate(tables.VERDICTS))


def scores(examples: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """Add `score` (f32, 0 to 1): which of several copies is the best. Only the order matters, not the value.

    A complete answer (up to 60 characters count) weighs a half, a finished last sentence and a question that ends
    with its mark a quarter together; every note costs a tenth.
    """
    notes = with_message_findings(examples, findings).group_by("id").agg(notes=pl.len())
    long = (pl.col("answer").str.len_chars() / 60).clip(0, 1) * 0.5
    ended = pl.col("answer").str.contains(r"[。！!.?？~～]\s*$").cast(pl.Float32) * 0.15
    marked = pl.col("question").str.contains(r"[?？]").cast(pl.Float32) * 0.1
    score = (0.25 + long + ended + marked - 0.1 * pl.col("notes").fill_null(0)).clip(0, 1)
    return (
        examples.join(notes, on="id", how="left", maintain_order="left")
        .with_columns(score=score.cast(pl.Float32))
        .drop("notes")
    )


def unused(messages: pl.DataFrame, examples: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """Return a finding for every message that no rule dropped and that still is in no example.

    `extract/unanswered`: a user's message with no answer after it. `extract/unprompted`: an agent's message with no
    question before it.
    """
    left = messages.join(dropped_messages(findings), on=["conversation", "message"], how="anti").join(
        members(examples), on=["conversation", "message"], how="anti", maintain_order="left"
    )
    rule = pl.when(pl.col("role") == "user").then(pl.lit("extract/unanswered")).otherwise(pl.lit("extract/unprompted"))
    return tables.findings(left.select("conversation", "message", rule=rule, action=pl.lit("drop"), evidence="text"))


def fates(messages: pl.DataFrame, examples: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """Add `fate` and `rules` to messages: the best that happened to any example with it, else its own drop.

    `rules` of a dropped message are the rules that dropped it, or that dropped the examples it was in; of the others
    the findings on the message itself.
    """
    keys, nothing = ["conversation", "message"], pl.lit([], dtype=pl.List(pl.String))
    place = (
        examples.select("conversation", "verdict", "rules", "turns")
        .explode("turns")
        .select("conversation", "verdict", "rules", message=pl.col("turns").struct.field("messages"))
        .explode("message")
    )
    best = place.group_by(keys).agg(pl.col("verdict").min())
    lost = (  # rules of examples that no message of a kept one asks for
        place.filter(pl.col("rules").list.len() > 0)
        .join(best.filter(pl.col("verdict") != "keep"), on=keys, how="semi", maintain_order="left")
        .group_by(keys, maintain_order=True)
        .agg(lost=pl.col("rules").explode(empty_as_null=True).unique(maintain_order=True))
    )
    own = (
        findings.filter(pl.col("message").is_not_null() & ~pl.col("rule").str.starts_with("mend/"))
        .group_by(keys, maintain_order=True)
        .agg(own=pl.col("rule"))
    )
    every = pl.concat_list(pl.col("own").fill_null(nothing), pl.col("lost").fill_null(nothing))
    all_rules = every.list.unique(maintain_order=True)
    said = (
        own.join(lost, on=keys, how="full", coalesce=True)
        .join(best, on=keys, how="left")
        .select(*keys, said=pl.when(pl.col("verdict") == "keep").then("own").otherwise(all_rules))
    )
    verdict = pl.col("verdict").cast(pl.String)
    fate = pl.when(verdict == "keep").then(pl.lit("example")).when(verdict == "review").then(pl.lit("held"))
    return (
        messages.join(best, on=keys, how="left", maintain_order="left")
        .join(said, on=keys, how="left", maintain_order="left")
        .with_columns(fate=fate.otherwise(pl.lit("dropped")).cast(tables.FATE), rules=pl.col("said").fill_null(nothing))
        .drop("verdict", "said")
    )
