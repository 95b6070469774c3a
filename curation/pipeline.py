"""The composition of the stages, nothing clever: files and a recipe in, the frames of a run out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from curation import decide, decisions, duplicates, leaks, privacy, query_types, references, tables, topics
from curation.dedup.index import Index, opened
from curation.dedup.store import Signatures
from curation.diversity import skeletons
from curation.extract import extract, turns
from curation.judge import context, judge
from curation.mend import mend
from curation.packs import Packs
from curation.read import Input, bearable, read
from curation.recipe import Dedup, Recipe
from curation.seams import bots, join_cut, share_fate
from curation.selection import select
from curation.sessions import sessions
from curation.split import split, ties
from curation.strip import strip


@dataclass(frozen=True)
class Curated:
    """All that one curation made, before it is written: see runfolder.py for the columns that leave."""

    inputs: list[Input]
    messages: pl.DataFrame
    unreadable: pl.DataFrame
    examples: pl.DataFrame
    findings: pl.DataFrame
    duplicates: duplicates.Duplicates
    turns: int
    types: Mapping[str, query_types.Names]  # the query types that were looked for, in their order
    signatures: pl.DataFrame | None = None  # for rethreshold, where the recipe wants them kept


@dataclass(frozen=True)
class Judged:
    """What stands before duplicates are looked for: all that does not depend on how alike two examples must be."""

    inputs: list[Input]
    messages: pl.DataFrame
    unreadable: pl.DataFrame
    examples: pl.DataFrame
    findings: pl.DataFrame
    turns: int


def curate(
    files: Sequence[Path],
    recipe: Recipe,
    packs: Packs,
    *,
    progress: Callable[[str, str], None],
    people: pl.DataFrame = decisions.NOTHING,
) -> Curated:
    """Run every stage over `files`; `progress` hears the name of each stage and what came of it.

    `people` is what people decided of an earlier run (decisions.table): it wins over the rules.
    """
    progress("read", "")
    reading = read(files, recipe.sources, progress=lambda name: progress("read", name))
    bearable(reading.inputs, reading.unreadable, recipe.reading.max_unreadable)
    progress("read", f"{reading.messages.height} messages, {reading.unreadable.height} unreadable lines")

    mask = privacy.masking(**recipe.privacy.model_dump())
    placed, early = sessions(reading.messages, recipe.sessions, recipe.sources)
    whole = join_cut(placed)
    messages, quoted = mend(whole.messages, recipe.mend, mask=mask, earlier=pl.concat([early, whole.mends]))
    early, mends = (quoted.filter(part) for part in (~_MEND, _MEND))
    progress("mend", f"{mends.height} repairs")

    messages, stripped = strip(context(messages), packs.rules)
    mends = pl.concat([mends, stripped])
    said = pl.concat([early, bots(messages, recipe.sessions.bot), judge(messages, packs.rules, on="message")])
    progress("judge messages", f"{said.height} findings")

    said = pl.concat([said, decisions.on_messages(people, messages)])
    gone = decide.dropped_messages(said)
    clean = messages.join(gone, on=["conversation", "message"], how="anti", maintain_order="left")
    spoken = turns(clean, packs.cues)
    examples = extract(spoken, kinds=recipe.examples.kinds, max_details=recipe.examples.max_details)
    examples = privacy.examples(examples, mask)  # joined texts may say more than their parts
    progress("extract", f"{examples.height} candidates")

    judged = judge(examples, packs.rules, on="example")
    progress("judge examples", f"{judged.height} findings")

    examples = examples.with_columns(decisions.content(examples))
    examples, by_people = decisions.on_examples(people, examples, mask=mask)
    said = pl.concat([said, share_fate(said, whole)])
    findings = pl.concat([_unreadable(reading.unreadable), mends, said, judged, by_people])
    examples = decide.scores(examples, findings)
    messages = pl.concat([messages, whole.pieces], how="diagonal").sort("order")
    found = Judged(reading.inputs, messages, reading.unreadable, examples, findings, spoken.height)
    return finish(found, recipe, packs, progress=progress)


def finish(
    found: Judged,
    recipe: Recipe,
    packs: Packs,
    *,
    progress: Callable[[str, str], None],
    sign: Signatures | None = None,
) -> Curated:
    """Name query types, find duplicates, select, decide and split; `sign` has the signatures of an earlier run."""
    messages, findings = found.messages, found.findings
    examples, types = _typed(found.examples, recipe, packs)
    settings, framing = recipe.dedup, packs.cues["framing"]
    earlier = [references.read(Path(path)) for path in settings.against]
    alive = decide.verdicts(examples, findings).filter(pl.col("verdict") != "drop")
    alive = duplicates.with_times(alive, decide.members(alive).join(messages, on=["conversation", "message"]))
    sign = sign or (Signatures(settings.permutations, recipe.seed) if settings.keep_signatures else None)
    if sign is not None:
        duplicates.sign_all(alive, settings, sign, framing=framing, seed=recipe.seed)
    with _index(settings, recipe.seed) as index:
        twice = duplicates.find(
            alive, settings, framing=framing, seed=recipe.seed, sign=sign, earlier=earlier, index=index
        )
    progress(
        "dedup", f"{twice.clusters.height} examples in clusters, {twice.conflicts} questions with contradicting answers"
    )

    unused = decide.unused(messages, examples, findings)
    findings = pl.concat([findings, twice.findings, unused])
    over = select(decide.verdicts(examples, findings), recipe.selection)
    if recipe.selection.budget is not None:
        progress("select", f"{over.height} examples over the budget of {recipe.selection.budget}")
    findings = pl.concat([findings, over])
    decided = decide.verdicts(examples, findings).join(twice.clusters, on="id", how="left", maintain_order="left")
    decided = _split(decided, recipe, packs)
    placed = decide.fates(messages, decided, findings)
    kept = (decided["verdict"] == "keep").sum()
    progress("decide", f"{kept} examples kept")
    signed = sign.frame() if sign is not None else None
    return Curated(found.inputs, placed, found.unreadable, decided, findings, twice, found.turns, types, signed)


def _index(settings: Dedup, seed: int) -> AbstractContextManager[Index | None]:
    """Open the recipe's index, where there is one already."""
    if settings.index and Path(settings.index).exists():
        return opened(Path(settings.index), settings, seed=seed)
    return nullcontext()


def _split(decided: pl.DataFrame, recipe: Recipe, packs: Packs) -> pl.DataFrame:
    """Add `split`: what is nearly the same goes to one side, and what a set of the recipe has too, to training."""
    files = [Path(name) for name in recipe.split.apart_from]
    beside = leaks.outside(files, packs) if files else None
    kept = decided.filter(pl.col("verdict") == "keep")
    tied = ties(kept, recipe.dedup, seed=recipe.seed, outside=beside)
    return split(decided, tied, recipe.split, seed=recipe.seed)


def _typed(
    examples: pl.DataFrame, recipe: Recipe, packs: Packs
) -> tuple[pl.DataFrame, Mapping[str, query_types.Names]]:
    """Add `query_type` and `skeleton` to examples, and return the names of the query types."""
    if packs.query_types:
        examples, types = query_types.typed(examples, packs.query_types, recipe.query_types)
    else:
        asked = examples.select("id", text=query_types.first_question())
        told, types = topics.topics(asked, seed=recipe.seed)
        examples = examples.with_columns(told)
    products = query_types.products(packs.query_types)
    frame = skeletons(pl.col("question"), products=products, framing=packs.cues["framing"])
    return examples.with_columns(skeleton=frame), types


_MEND = pl.col("rule").str.starts_with("mend/")


def _unreadable(lines: pl.DataFrame) -> pl.DataFrame:
    """Turn unreadable lines into findings: no message, no example, the place as evidence."""
    place = pl.concat_str(pl.col("file"), pl.lit(":"), pl.col("line").cast(pl.String), pl.lit(": "), pl.col("why"))
    return tables.findings(lines.select(rule=pl.lit("read/unreadable-line"), action=pl.lit("drop"), evidence=place))
