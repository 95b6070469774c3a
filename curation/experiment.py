"""The sets of an A/B experiment, from a run folder: raw pairs, curated examples, real questions.

Conversations are parted first: those that are held out give the questions, all others the two sets, so that no
conversation is on both sides. Raw texts are what people wrote, with personal data masked and nothing else mended.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import polars as pl

from curation import parquet, privacy
from curation.convert import export
from curation.privacy import Masking
from curation.sets.talk import Cot

HELD_SHARE = 0.1  # of the conversations with an exchange in them
LEAST_LETTERS = 6  # of a held-out question: shorter ones (在吗, hello) ask nothing
_LETTER = r"[\p{L}\p{N}]"


def read(run: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the messages and examples of a run folder; raises SourceError where it has none."""
    with parquet.of_run(run):
        return pl.read_parquet(run / "messages.parquet"), pl.read_parquet(run / "examples.parquet")


def masked(messages: pl.DataFrame, wanted: Masking) -> pl.DataFrame:
    """Return the spoken messages (conversation, message, role, text), their raw text masked and otherwise as it was."""
    spoken = messages.filter(pl.col("role").is_in(["user", "assistant"]))
    units = spoken.select("conversation", text="raw", asked=pl.lit(None, dtype=pl.String))
    texts, _ = privacy.masked(units, wanted)
    return spoken.select("conversation", "message", pl.col("role").cast(pl.String)).with_columns(
        text=texts.str.strip_chars()
    )


def pairs(spoken: pl.DataFrame) -> pl.DataFrame:
    """Return every user's message with the agent's message right behind it: conversation, question, answer."""
    return _exchanges(spoken.filter(pl.col("text") != ""))


def exchanges(spoken: pl.DataFrame) -> pl.DataFrame:
    """Return every user's turn with the agent's turn behind it; messages of a turn are joined by line breaks."""
    said = spoken.filter(pl.col("text") != "")
    fresh = pl.any_horizontal(pl.col(name) != pl.col(name).shift(1) for name in ("conversation", "role"))
    turns = (
        said.with_columns(turn=fresh.fill_null(value=True).cum_sum())
        .group_by("turn", maintain_order=True)
        .agg(pl.col("conversation", "role").first(), pl.col("text").str.join("\n"))
    )
    return _exchanges(turns)


def _exchanges(said: pl.DataFrame) -> pl.DataFrame:
    behind = pl.col("conversation", "role", "text").shift(-1)
    return (
        said.with_columns(behind.name.prefix("next_"))
        .filter(
            (pl.col("role") == "user")
            & (pl.col("next_role") == "assistant")
            & (pl.col("conversation") == pl.col("next_conversation"))
        )
        .select("conversation", question="text", answer="next_text")
    )


def held_out(spoken: pl.DataFrame, *, seed: int, share: float = HELD_SHARE) -> set[str]:
    """Choose `share` of the conversations with an exchange in them, at least one, by `seed`."""
    able = exchanges(spoken)["conversation"].unique(maintain_order=True).to_list()
    return set(Random(seed).sample(able, max(1, round(share * len(able))))) if able else set()


def sets(
    messages: pl.DataFrame, examples: pl.DataFrame, wanted: Masking, *, cot: Cot, seed: int
) -> dict[str, list[dict[str, Any]]]:
    """Return the records of the experiment as ShareGPT: raw, curated, real, clean.

    `raw`: all adjacent pairs, `curated`: kept examples, both of the conversations that are not held out. `real`: the
    exchanges of those that are, `clean`: what curation kept of them.
    """
    spoken = masked(messages, wanted)
    aside = held_out(spoken, seed=seed)
    away = pl.col("conversation").is_in(list(aside))
    kept = examples.filter(pl.col("verdict") == "keep")
    letters = pl.col("question").str.count_matches(_LETTER) >= LEAST_LETTERS
    return {
        "raw": _records("raw", pairs(spoken.filter(~away))),
        "curated": _exported(kept.filter(~away), cot),
        "real": _records("real", exchanges(spoken.filter(away)).filter(letters)),
        "clean": _exported(kept.filter(away & (pl.col("kind") == "pair")), cot),
    }


def _records(name: str, frame: pl.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{name}-{number}",
            "conversation": conversation,
            "conversations": [{"from": "human", "value": question}, {"from": "gpt", "value": answer}],
        }
        for number, (conversation, question, answer) in enumerate(frame.iter_rows())
    ]


def _exported(examples: pl.DataFrame, cot: Cot) -> list[dict[str, Any]]:
    return [
        export(row, "sharegpt", system="", policy=cot) | {"conversation": row["conversation"]}
        for row in examples.iter_rows(named=True)
    ]
