"""Train and validation without a leak: nothing that is asked in validation is trained on, in these words or nearly.

What is held together, and goes to one side as a whole:

* a conversation, with all examples made of it;
* a question of a knowledge base, with the other ways to ask it (`kb.csv:7`, `kb.csv:7≈2`);
* a cluster of duplicates (duplicates.py), also through examples that were not kept;
* examples that are nearly the same as a whole, pairs that ask nearly the same, and dialogues with nearly the same
  exchange in them (`ties`), by the exact Jaccard similarity that deduplication uses.

The same answer to another question is no leak: shops have canned answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import polars as pl

from curation import tables
from curation.checks import letters
from curation.checks.wording import units as word_count
from curation.dedup import components
from curation.dedup.known import Known
from curation.dedup.verify import join
from curation.recipe import Dedup, Split
from curation.rows import SIMILAR

SHORTEST = 10  # words or Han characters of an exchange that ties dialogues together: 好的 → 不客气 is in many of them
LARGEST_SHARE = 0.2  # of a small set that `val_least` may take
OUTSIDE = "\x1foutside"  # the label of what must stay apart from validation
UNTIED = pl.DataFrame(schema={"conversation": pl.String, "label": pl.String})  # where nothing is tied


def ties(examples: pl.DataFrame, settings: Dedup, *, seed: int, outside: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return labels that examples share (conversation, label): those with one label must be on one side.

    `examples` and `outside` have conversation, kind, question, answer, turns. What is nearly the same as something
    `outside` (a general set, an evaluation set) gets the label OUTSIDE.
    """
    return tied(units(examples), settings, seed=seed, outside=units(outside) if outside is not None else None)


def tied(
    mine: pl.DataFrame,
    settings: Dedup,
    *,
    seed: int,
    outside: pl.DataFrame | None = None,
    known: Known | None = None,
) -> pl.DataFrame:
    """Return what `ties` returns, from the `units` of examples (of all shards together) and of what is outside.

    `known` has sketches of the search for duplicates; a pair's exchange is all that is said in it, too.
    """
    known = known or Known()
    mine = mine.with_columns(outside=pl.lit(value=False))
    if outside is not None:
        mine = pl.concat([mine, outside.with_columns(outside=pl.lit(value=True))])
    found = []
    for (level,), group in sorted(mine.group_by("level", maintain_order=True), key=lambda item: str(item[0])):
        if level == "exchange" and _of_pairs(group, mine):
            continue
        first = components(group["text"], settings, seed=seed, known=known)
        label = pl.format("{}:{}", pl.lit(level), pl.Series("first", first))
        labelled = group.with_columns(label=label)
        beside = pl.col("outside").any().over("label")
        labelled = labelled.with_columns(label=pl.when(beside).then(pl.lit(OUTSIDE)).otherwise("label"))
        shared = (pl.col("conversation").n_unique().over("label") > 1) | beside
        found.append(labelled.filter(shared & ~pl.col("outside")).select("conversation", "label"))
    return pl.concat([UNTIED, *found]).unique(maintain_order=True)


def _of_pairs(exchanges: pl.DataFrame, mine: pl.DataFrame) -> bool:
    """Tell whether all exchanges are those of pairs: then what they tie together is tied as a whole already."""
    same = ["conversation", "text", "outside"]
    return exchanges.join(mine.filter(pl.col("level") == "example"), on=same, how="anti").is_empty()


def units(examples: pl.DataFrame) -> pl.DataFrame:
    """Return the texts of examples that are compared (id, conversation, level, text), letters and digits only.

    Levels: `example`, all that is said; `question` of a pair; `exchange`, a user's turn with the answer after it.
    """
    keys = ["id", "conversation"]
    every = examples.select(*keys, "kind", "turns").with_row_index("row").explode("turns").unnest("turns")
    # What is in a dialogue is in pairs, too: each text is looked at once.
    texts = every["text"].unique()
    plain = plain_letters(texts).alias("plain")
    each = pl.DataFrame([texts, plain]).with_columns(size=word_count(pl.col("text")))
    said = every.join(each, on="text", how="left", maintain_order="left")
    said = said.select("row", *keys, "kind", "role", "size", text="plain")
    # Lists that are joined, and neighbours: groups whose texts are joined, and windows, take several times as long.
    joined = said.group_by(pl.col("row").set_sorted(), maintain_order=True).agg("text")
    whole = pl.concat([examples.select(*keys), joined.select(pl.col("text").list.join("\n"))], how="horizontal")
    asked = said.filter((pl.col("kind") == "pair") & (pl.col("role") == "user"))
    following = pl.col("row").shift(-1) == pl.col("row")
    reply, longer = (pl.when(following).then(pl.col(name).shift(-1)) for name in ("text", "size"))
    exchange = (
        said.with_columns(reply=reply, size=pl.col("size") + longer)
        .filter((pl.col("role") == "user") & pl.col("reply").is_not_null() & (pl.col("size") >= SHORTEST))
        .select(*keys, text=pl.col("text") + "\n" + pl.col("reply"))
    )
    levels = {"example": whole, "question": asked, "exchange": exchange}
    return pl.concat(
        [
            frame.select(*keys, level=pl.lit(level), text="text").filter(pl.col("text") != "")
            for level, frame in levels.items()
        ]
    )


def plain_letters(texts: pl.Series) -> pl.Series:
    """Return the letters and numbers of texts in lower case."""
    return letters.kept(texts, letters.SAYS, _letters)


def _letters(texts: pl.Series) -> pl.Series:
    return texts.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", "")


def split(examples: pl.DataFrame, tied: pl.DataFrame, settings: Split, *, seed: int) -> pl.DataFrame:
    """Add `split` to kept examples (null for others): whole groups go to `val` until it holds its share of them.

    `examples` has conversation, cluster, verdict, query_type; `tied` is what `ties` found. `val` gets `val_share` of
    the kept examples, at least `val_least`, but of a small set never more than a fifth for that. A group that would
    overshoot is passed over, and so is, on the first round, one that would give a query type more than its share of
    the validation set. With fewer than two groups, or a share of 0, all is train.

    Groups are taken in the order of a seeded hash of their first conversation: the order of the input changes
    nothing, and more input moves few of the old examples.
    """
    if wanted(examples.height, settings) == 0:
        train = pl.when(pl.col("verdict") == "keep").then(pl.lit("train"))
        return examples.with_columns(split=train.cast(tables.SPLIT))
    groups = _groups(examples, tied)
    with_group = examples.join(groups, on="conversation", how="left", maintain_order="left")
    kept = with_group.filter(pl.col("verdict") == "keep")
    chosen = pl.Series(list(_chosen(kept, settings, seed)), dtype=pl.String)
    side = pl.when(pl.col("group").is_in(chosen.implode())).then(pl.lit("val")).otherwise(pl.lit("train"))
    return with_group.with_columns(
        split=pl.when(pl.col("verdict") == "keep").then(side).cast(tables.SPLIT)
    ).drop("group", "apart")  # fmt: skip


def wanted(kept: int, settings: Split) -> int:
    """Return how many of `kept` examples validation should get."""
    if settings.val_share == 0:
        return 0
    return max(round(kept * settings.val_share), min(settings.val_least, int(kept * LARGEST_SHARE)))


def _groups(examples: pl.DataFrame, tied: pl.DataFrame) -> pl.DataFrame:
    """Return for each conversation its group (named by its first conversation), and whether it must stay in train."""
    clusters = examples.drop_nulls("cluster").select("conversation", label=pl.format("cluster:{}", "cluster"))
    tied_to = tied.filter(pl.col("label") != OUTSIDE).select("conversation", "label")
    edges = pl.concat([clusters, tied_to, _similar(examples)]).unique()
    names = examples.select("conversation").unique().sort("conversation").with_row_index("node")
    labels = edges.select("label").unique().sort("label").with_row_index("place")
    joined = edges.join(names, on="conversation").join(labels, on="label")
    parts = np.arange(names.height + labels.height)
    join(parts, joined["node"].to_numpy().astype(np.int64), joined["place"].to_numpy().astype(np.int64) + names.height)
    apart = pl.col("conversation").is_in(tied.filter(pl.col("label") == OUTSIDE)["conversation"].implode())
    return names.with_columns(part=parts[: names.height]).select(
        "conversation",
        group=pl.col("conversation").min().over("part"),
        apart=apart.any().over("part"),
    )


def _similar(examples: pl.DataFrame) -> pl.DataFrame:
    """Return a label for each question of a knowledge base and the other ways to ask it (rows.SIMILAR)."""
    found = examples.select("conversation").filter(pl.col("conversation").str.contains(SIMILAR, literal=True)).unique()
    named = found.with_columns(label=pl.col("conversation").str.extract(rf"^(.+){SIMILAR}\d+$")).drop_nulls()
    firsts = named.select(conversation="label", label="label").unique()
    return pl.concat([named, firsts]).with_columns(pl.format("similar:{}", "label").alias("label"))


def _chosen(kept: pl.DataFrame, settings: Split, seed: int) -> Iterator[str]:
    """Yield the groups that go to validation."""
    want = wanted(kept.height, settings)
    if want == 0 or kept["group"].n_unique() < 2:
        return
    free = kept.filter(~pl.col("apart"))["group"].unique()
    order = sorted(free, key=lambda g: hashlib.sha256(f"{seed}:{g}".encode()).digest())
    counts = dict(kept.group_by("query_type").len().iter_rows())
    names = {name: place for place, name in enumerate(counts)}
    room = [-(-n * want // kept.height) for n in counts.values()]  # rounded up: a rare type may be there
    # Row by row, what each group holds of each type; few groups are looked at until validation has its share.
    inside = (
        pl.DataFrame({"group": order}, schema={"group": pl.String})
        .with_row_index("turn")
        .join(kept.group_by("group", "query_type").len(), on="group")
        .sort("turn")
    )
    types = inside["query_type"].replace_strict(names, return_dtype=pl.UInt32).to_list()
    sizes = inside["len"].to_list()
    ends = np.append(np.flatnonzero(np.diff(inside["turn"].to_numpy())) + 1, inside.height).tolist()
    held, taken = 0, [False] * len(order)
    for strict in (True, False):
        start = 0
        for turn, end in enumerate(ends[: len(order)]):
            if held >= want:
                return
            rows, start = range(start, end), end
            size = sum(sizes[row] for row in rows)
            if taken[turn] or held + size > want:
                continue
            if not strict or all(room[types[row]] >= sizes[row] for row in rows):
                taken[turn] = True
                held += size
                for row in rows:
                    room[types[row]] -= sizes[row]
                yield order[turn]
