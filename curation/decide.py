"""Findings → verdicts and fates: what happens to every example, and where every message went.

People's decisions are findings too (`people/…`, decisions.py), and they win: what somebody wants kept is kept,
whatever rules say of it, and those rules stay on record beside it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from curation import tables
from curation.decisions import KEEPING

I64 = npt.NDArray[np.int64]


class Places:
    """Tells which rows of `messages` are meant, by numbers: conversations are strings, and those are dear to join.

    The messages of a conversation stand together. `talks` has each conversation and its number, in order.
    """

    def __init__(self, messages: pl.DataFrame) -> None:
        """Number the conversations."""
        talk = messages["conversation"].rle_id().alias("talk")
        self.talks = pl.DataFrame([messages["conversation"], talk]).filter(heads(talk))
        keys = _keys(talk.to_numpy(), messages["message"])
        self._order = np.argsort(keys, kind="stable")  # they are in order nearly always
        self._keys = keys[self._order]
        self._first = np.searchsorted(self._keys, np.arange(self.talks.height) << 32)

    def rows(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add `row` to a frame with conversation and message; what is on no message goes."""
        frame = frame.drop_nulls("message")
        rows = self._rows(self._talks(frame), frame["message"])
        return frame.with_columns(row=pl.Series(rows, dtype=pl.Int64)).filter(pl.col("row") >= 0)

    def members(self, examples: pl.DataFrame) -> tuple[I64, I64]:
        """Return for every message of every example the rows of both."""
        turns = examples["turns"]
        lists = turns.explode(empty_as_null=False, keep_nulls=False).struct.field("messages")
        messages = lists.explode(empty_as_null=False, keep_nulls=False)
        whose = np.repeat(np.arange(examples.height), turns.list.len().to_numpy())
        whose = np.repeat(whose, lists.list.len().to_numpy())
        rows = self._rows(self._talks(examples)[whose], messages)
        return whose[rows >= 0], rows[rows >= 0]

    def _talks(self, frame: pl.DataFrame) -> I64:
        """Return the number of each row's conversation, -1 for another one."""
        found = frame.select("conversation").join(self.talks, on="conversation", how="left", maintain_order="left")
        return found["talk"].cast(pl.Int64).fill_null(-1).to_numpy()

    def _rows(self, talks: I64, messages: pl.Series) -> I64:
        """Return the rows of messages, -1 for what is none."""
        if not len(self._keys):
            return np.full(len(talks), -1)
        keys, last = _keys(talks, messages), len(self._keys) - 1
        at = np.minimum(self._first[talks] + messages.to_numpy(), last)  # where none is missing before it
        others = np.flatnonzero(self._keys[at] != keys)
        at[others] = np.minimum(np.searchsorted(self._keys, keys[others]), last)
        return np.where(self._keys[at] == keys, self._order[at], -1)


def heads(talks: pl.Series) -> pl.Series:
    """Tell which rows have another value than the one before."""
    return (talks != talks.shift(1)).fill_null(value=True)


def _keys(talks: I64, messages: pl.Series) -> I64:
    keys: I64 = talks.astype(np.int64) << 32 | messages.to_numpy().astype(np.int64)
    return keys


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


def unused(
    messages: pl.DataFrame, examples: pl.DataFrame, findings: pl.DataFrame, places: Places | None = None
) -> pl.DataFrame:
    """Return a finding for every message that no rule dropped and that still is in no example.

    `extract/unanswered`: a user's message with no answer after it. `extract/unprompted`: an agent's message with no
    question before it. `places` are those of `messages`, where they are known.
    """
    places = places or Places(messages)
    used = np.zeros(messages.height, dtype=np.bool_)
    used[places.rows(dropped_messages(findings))["row"].to_numpy()] = True
    used[places.members(examples)[1]] = True
    left = messages[np.flatnonzero(~used)]
    rule = pl.when(pl.col("role") == "user").then(pl.lit("extract/unanswered")).otherwise(pl.lit("extract/unprompted"))
    return tables.findings(left.select("conversation", "message", rule=rule, action=pl.lit("drop"), evidence="text"))


def fates(
    messages: pl.DataFrame, examples: pl.DataFrame, findings: pl.DataFrame, places: Places | None = None
) -> pl.DataFrame:
    """Add `fate` and `rules` to messages: the best that happened to any example with it, else its own drop.

    `rules` of a dropped message are the rules that dropped it, or that dropped the examples it was in; of the others
    the findings on the message itself.
    """
    places = places or Places(messages)
    whose, rows = places.members(examples)
    best = np.full(messages.height, len(tables.VERDICTS), dtype=np.uint8)
    np.minimum.at(best, rows, examples["verdict"].to_physical().to_numpy()[whose])
    told = examples["rules"].list.len().to_numpy() > 0
    asks = told[whose] & (best[rows] > 0)  # rules of examples that no message of a kept one asks for
    lost = (
        pl.DataFrame({"row": rows[asks]})
        .with_columns(examples["rules"].gather(whose[asks]))
        .group_by("row", maintain_order=True)
        .agg(lost=pl.col("rules").explode(empty_as_null=True).unique(maintain_order=True))
    )
    own = (
        places.rows(findings.filter(~pl.col("rule").str.starts_with("mend/")))
        .group_by("row", maintain_order=True)
        .agg(own=pl.col("rule"))
    )
    nothing = pl.lit([], dtype=pl.List(pl.String))
    every = pl.concat_list(pl.col("own").fill_null(nothing), pl.col("lost").fill_null(nothing))
    kept = pl.Series("kept", best == 0)
    said = own.join(lost, on="row", how="full", coalesce=True)
    said = said.with_columns(kept.gather(said["row"])).select(
        "row", rules=pl.when("kept").then("own").otherwise(every.list.unique(maintain_order=True))
    )
    rules = pl.DataFrame({"row": np.arange(messages.height)}).join(said, on="row", how="left", maintain_order="left")
    fate = _FATE.gather(best).alias("fate")
    return messages.with_columns(fate, rules["rules"].fill_null(nothing))


# Of what is kept, held and dropped, and of what is in no example.
_FATE = pl.Series(["example", "held", "dropped", "dropped"], dtype=tables.FATE)
