"""Train and validation without a leak: nothing of a validation conversation or its duplicates is trained on."""

from __future__ import annotations

import hashlib

import polars as pl

from curation import tables


def split(examples: pl.DataFrame, *, val_share: float, seed: int) -> pl.DataFrame:
    """Add `split` to kept examples (null for others): whole groups go to `val` until it holds `val_share` of them.

    A group is everything that hangs together by conversation or by duplicate cluster, also through examples that
    were not kept. Groups are taken in the order of a seeded hash of their first conversation, so that more input
    moves as few examples as possible. Groups that would overshoot are passed over; with fewer than two groups, or a
    share of 0, all is train.
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for conversation, cluster in examples.select("conversation", "cluster").iter_rows():
        root(f"c{conversation}")
        if cluster is not None:
            one, other = sorted((root(f"c{conversation}"), root(f"d{cluster}")))
            parent[other] = one
    kept = examples.filter(pl.col("verdict") == "keep")
    sizes: dict[str, int] = {}
    for conversation in kept["conversation"]:
        group = root(f"c{conversation}")
        sizes[group] = sizes.get(group, 0) + 1
    want = round(kept.height * val_share)
    chosen: set[str] = set()
    held = 0
    if len(sizes) > 1:
        for group in sorted(sizes, key=lambda g: hashlib.sha256(f"{seed}:{g}".encode()).digest()):
            if held + sizes[group] <= want:
                chosen.add(group)
                held += sizes[group]
    names = ["val" if root(f"c{c}") in chosen else "train" for c in examples["conversation"]]
    return examples.with_columns(
        split=pl.when(pl.col("verdict") == "keep").then(pl.Series("split", names, dtype=pl.String)).cast(tables.SPLIT)
    )
