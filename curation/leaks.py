"""Is anything of a validation set also in training, in the same words or nearly? In a run, and against other sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from curation.dedup import cluster
from curation.extract import extract, turns
from curation.judge import context
from curation.packs import Packs
from curation.read import find, read
from curation.recipe import Dedup, Source
from curation.sessions import sessions
from curation.split import units


def outside(files: Sequence[Path], packs: Packs) -> pl.DataFrame:
    """Read sets that were made for training (Alpaca, ShareGPT, messages, …) and return their examples, uncurated."""
    messages, _ = sessions(read(find(files), [Source(finished=True)]).messages)
    spoken = turns(context(messages), packs.cues)
    return extract(spoken, kinds=["pair", "dialogue"], max_details=0)


def leaks(validation: pl.DataFrame, training: pl.DataFrame, settings: Dedup, *, seed: int) -> pl.DataFrame:
    """Return pairs of a validation and a training example that are nearly the same (val, train, level, similarity).

    Both have id, conversation, kind, turns. Levels are those of split.units; similarity is the exact Jaccard similarity
    of shingles, from `settings.threshold` on. Not every such pair is listed, but at least one of every leak.
    """
    texts = pl.concat(
        [units(validation).with_columns(val=pl.lit(value=True)), units(training).with_columns(val=pl.lit(value=False))]
    )
    found = [pl.DataFrame(schema={"val": pl.String, "train": pl.String, "level": pl.String, "similarity": pl.Float64})]
    for (level,), group in sorted(texts.group_by("level", maintain_order=True), key=lambda item: str(item[0])):
        pairs = cluster(group["text"].to_list(), settings, seed=seed).pairs
        sides = group.select("id", "val")
        frame = pl.concat(
            [
                sides[pairs.left].rename({"id": "one", "val": "one_val"}),
                sides[pairs.right].rename({"id": "other", "val": "other_val"}),
                pl.DataFrame({"similarity": pairs.similarity}),
            ],
            how="horizontal",
        ).filter((pl.col("similarity") >= settings.threshold) & (pl.col("one_val") != pl.col("other_val")))
        val = pl.when("one_val").then("one").otherwise("other")
        train = pl.when("one_val").then("other").otherwise("one")
        found.append(frame.select(val=val, train=train, level=pl.lit(str(level)), similarity="similarity"))
    return pl.concat(found).unique(maintain_order=True)
