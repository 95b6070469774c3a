"""The map steps of a curation: each a pure function over the frames of one shard of whole conversations.

A step says which frames of its shard it needs, which it leaves behind for later steps (`keeps`), and which small ones
it gives to the reduce that stands between it and the next step (pipeline.py). Any sharding gives the same rows: the
frames of all shards, put together in the order of `begins`, are those of one shard with everything in it.

=========  =====================  =============================================  =====================================
step       needs                  keeps for later steps                          gives to the reduce
=========  =====================  =============================================  =====================================
place      read                   messages, pieces, early, mends                 lines (of text, with counts), sums
judge      what place keeps       messages, examples, findings, claims           coverage or sample (query types), sums
name       the same               named: query types and skeletons of examples;  thin: candidates for deduplication
                                  likely: examples that may be kept
compare    examples, likely       nothing                                        units: what the split compares
settle     what judge keeps       fates, verdicts: columns beside messages and   sizes, for the order of the output;
                                  examples (WRITTEN); findings                   questions for the report
=========  =====================  =============================================  =====================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
import polars as pl

from curation import decide, decisions, diversity, duplicates, privacy, query_types, seams, split, topics
from curation.diversity import skeletons
from curation.extract import extract, turns
from curation.judge import asked, context, counted, judge, lines, total
from curation.mend import mend
from curation.packs import Packs
from curation.privacy import Masking
from curation.query_types import Typer
from curation.ranges import each_row, side_by_side, together
from curation.recipe import Recipe
from curation.sessions import sessions
from curation.strip import strip

Frames = dict[str, pl.DataFrame]

MEND = pl.col("rule").str.starts_with("mend/")


@dataclass(frozen=True)
class Job:
    """What every step of a run may know, the same for all shards."""

    recipe: Recipe
    packs: Packs
    people: pl.DataFrame  # decisions.table

    @cached_property
    def mask(self) -> Masking:
        """Return what is masked."""
        return privacy.masking(**self.recipe.privacy.model_dump())

    @cached_property
    def counts(self) -> bool:
        """Tell whether a rule asks in how many conversations something is said."""
        return counted(self.packs.rules)

    @cached_property
    def typer(self) -> Typer:
        """Return the query types that are looked for, ready."""
        return Typer(self.packs.query_types)


@dataclass(frozen=True)
class Step:
    """One map step. `run` gets the frames of a shard that are in `needs`, the job, and what all shards share.

    Of the frames in `columns` it looks at no other columns.
    """

    name: str
    run: Callable[[Frames, Job, Mapping[str, pl.DataFrame]], Frames]
    needs: tuple[str, ...]
    keeps: tuple[str, ...]
    gives: tuple[str, ...]
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)


def _place(frames: Frames, job: Job, _: Mapping[str, pl.DataFrame]) -> Frames:
    """Rows of the input → mended messages in their conversations; counts of their lines."""
    placed, early = sessions(frames.pop("read"), job.recipe.sessions, job.recipe.sources)
    whole = seams.join_cut(placed)
    del placed
    pieces = whole.pieces
    parts = {"messages": whole.messages, "earlier": pl.concat([early, whole.mends])}
    del whole, early
    made = side_by_side(parts, partial(_mended, job=job))
    lines_of_all = total([one.pop("lines") for one in made])
    return _summed(made) | {"pieces": pieces, "lines": lines_of_all}


def _mended(frames: Frames, job: Job) -> Frames:
    """Do the work of `_place` that looks at texts, for a range of conversations."""
    messages, said = mend(frames["messages"], job.recipe.mend, mask=job.mask, earlier=frames["earlier"])
    messages = asked(messages, count=job.counts)
    early, mends = (said.filter(part) for part in (~MEND, MEND))
    sums = pl.DataFrame({"mends": [mends.height]})
    return {"messages": messages, "early": early, "mends": mends, "lines": lines(messages), "sums": sums}


def _judge(frames: Frames, job: Job, shared: Mapping[str, pl.DataFrame]) -> Frames:
    """Messages → findings and examples; what the query types of all shards are chosen from."""
    return _summed(side_by_side(frames, partial(_judged, job=job, counts=shared["lines"])))


def _summed(made: list[Frames]) -> Frames:
    whole = together(made)
    return whole | {"sums": whole["sums"].sum()}


def _judged(frames: Frames, job: Job, counts: pl.DataFrame) -> Frames:
    """Do the work of `_judge` for a range of conversations."""
    recipe, packs = job.recipe, job.packs
    messages = frames.pop("messages")
    bare = privacy.bare(messages["text"])
    messages, stripped = strip(context(messages, counts), packs.rules)
    early, pieces = frames["early"], frames["pieces"]
    said = pl.concat(
        [early, seams.bots(messages, recipe.sessions.bot), judge(messages, packs.rules, on="message", cores=1)]
    )
    heard = said.height
    said = pl.concat([said, decisions.on_messages(job.people, messages)])
    spoken, examples = _extracted(messages, said, job)
    examples = privacy.examples(examples, job.mask, known=bare)  # joined texts may say more than their parts
    del bare
    judged = judge(examples, packs.rules, on="example", cores=1)
    examples = examples.with_columns(decisions.content(examples))
    examples, by_people = decisions.on_examples(job.people, examples, mask=job.mask)
    said = pl.concat([said, seams.share_fate(said, seams.Whole(messages, pieces, stripped))])
    messages = messages.drop("asked", "conversations", "answering", "tongue", strict=False)
    if not pieces.is_empty():
        messages = pl.concat([messages, pieces], how="diagonal").sort("order")
    findings = in_order(messages, pl.concat([frames["mends"], stripped, said, judged, by_people]))
    claims = claims_of(examples, job)
    sums = {"said": heard, "turns": spoken, "examples": examples.height, "judged": judged.height}
    return {
        "messages": messages,
        "examples": decide.scores(examples, findings),
        "findings": findings,
        "claims": claims,
        "questions": questions_of(examples, claims, job),
        "sums": pl.DataFrame({name: [n] for name, n in sums.items()}),
    }


def _extracted(messages: pl.DataFrame, said: pl.DataFrame, job: Job) -> tuple[int, pl.DataFrame]:
    """Return how many turns there are, and the examples; nothing else that was made on the way is held."""
    gone = decide.dropped_messages(said)
    clean = messages
    if not gone.is_empty():
        clean = messages.join(gone, on=["conversation", "message"], how="anti", maintain_order="left")
    spoken = turns(clean, job.packs.cues)
    del clean, gone
    settings = job.recipe.examples
    return spoken.height, extract(spoken, kinds=settings.kinds, max_details=settings.max_details)


def in_order(messages: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """Sort findings by conversation as `messages` have them; inside a conversation they stay as they are."""
    order = messages.select("conversation").filter(decide.heads(messages["conversation"])).with_row_index("order")
    placed = findings.join(order, on="conversation", how="left", maintain_order="left")
    return placed.sort("order", maintain_order=True, nulls_last=False).drop("order")


def claims_of(examples: pl.DataFrame, job: Job) -> pl.DataFrame:
    """Return what packs of query types claim of every example's first question (nothing, where there are no packs)."""
    questions = examples.select(query_types.first_question()).to_series()
    return job.typer.claims(questions) if job.packs.query_types else pl.DataFrame()


def questions_of(examples: pl.DataFrame, claims: pl.DataFrame, job: Job) -> pl.DataFrame:
    """Return what tells the query types: how many questions each set of packs claims, or a sample of questions."""
    if not job.packs.query_types:
        return topics.sample(examples.select("id", text=query_types.first_question()))
    return query_types.coverage(claims)


def _name(frames: Frames, job: Job, shared: Mapping[str, pl.DataFrame]) -> Frames:
    """Examples → the same with query type and skeleton; `thin`: those that no rule drops, for the global steps."""
    examples, messages = frames["examples"], frames["messages"]
    if job.packs.query_types:
        told = job.typer.told(frames["claims"], shared["types"]["name"].to_list())
    else:
        told = topics_of(shared).assign(examples.select(query_types.first_question()).to_series())
    products = query_types.products(job.packs.query_types)
    frame = skeletons(pl.col("question"), products=products, framing=job.packs.cues["framing"])
    examples = examples.with_columns(told.alias("query_type"), each_row(examples, frame).alias("skeleton"))
    alive = decide.verdicts(examples, frames["findings"]).filter(pl.col("verdict") != "drop")
    timed = messages if messages["time"].null_count() < messages.height else messages.clear()
    alive = duplicates.with_times(alive, decide.members(alive).join(timed, on=["conversation", "message"]))
    begins = messages.select("conversation", "begins").filter(decide.heads(messages["conversation"]))
    thin = alive.join(begins, on="conversation", how="left", maintain_order="left").select(THIN)
    likely = thin.filter(pl.col("verdict") == "keep").select("id", "begins")
    counts = examples.group_by("query_type").len()
    return {"named": examples.select("query_type", "skeleton"), "likely": likely, "thin": thin, "types": counts}


THIN = [
    "begins", "id", "conversation", "kind", "verdict", "rules", "question", "answer", "cot", "time", "query_type",
    "skeleton", "score",
]  # fmt: skip


def topics_frames(model: topics.Topics) -> Frames:
    """Return topics as frames that all shards share."""
    centres = pl.Series("centre", model.centres.tolist(), dtype=pl.List(pl.Float64))
    names = pl.DataFrame({"name": pl.Series(model.names, dtype=pl.String), "centre": centres})
    return {"types": names, "terms": model.known, "sample": pl.DataFrame({"documents": [model.documents]})}


def topics_of(shared: Mapping[str, pl.DataFrame]) -> topics.Topics:
    """Return the topics that `topics_frames` made frames of."""
    names = shared["types"]
    centres = np.array(names["centre"].to_list(), dtype=np.float64)
    return topics.Topics(names["name"].to_list(), shared["terms"], int(shared["sample"].item()), centres)


def _compare(frames: Frames, job: Job, shared: Mapping[str, pl.DataFrame]) -> Frames:  # noqa: ARG001
    """Examples that may be kept → the texts that must not be on both sides of the split.

    It needs nothing of the search for duplicates, so workers do it meanwhile: later some of these are not kept.
    """
    examples, likely = frames["examples"], frames["likely"]
    units = split.units(examples.join(likely, on="id", how="semi", maintain_order="left"))
    return {"units": units.join(likely, on="id", how="left", maintain_order="left")}


def _settle(frames: Frames, job: Job, shared: Mapping[str, pl.DataFrame]) -> Frames:  # noqa: ARG001
    """Add what duplicates and selection found; decide verdicts and fates. The split is made meanwhile (`sided`).

    Of the long texts nothing is copied: what is decided stands in frames of its own, row by row as in the others.
    """
    messages, examples, findings = (frames.pop(name) for name in LEDGER)
    messages = messages.select(SETTLE.columns["messages"])
    sampled = diversity.sampled(examples)
    examples = examples.select("id", "conversation", "turns")
    order = messages.select("conversation", "begins").filter(decide.heads(messages["conversation"]))
    here = shared["later"].join(order, on="conversation", how="semi", maintain_order="left")
    places = decide.Places(messages)
    unused = decide.unused(messages, examples, findings, places)
    findings = in_order(messages, pl.concat([findings, here, unused]))
    decided = decide.verdicts(examples, findings)
    settled = decide.fates(messages, decided, findings, places)
    examples, findings = (
        frame.join(order, on="conversation", how="left", maintain_order="left") for frame in (decided, findings)
    )
    made = {
        "fates": settled.select("begins", "fate", "rules"),
        "verdicts": examples.select("begins", "verdict", "rules"),
        "findings": findings,
    }
    sizes = order.select(pl.col("begins").unique().sort())
    for name, frame in zip(LEDGER, made.values(), strict=True):
        counted = frame.group_by("begins").agg(pl.len().alias(name))
        sizes = sizes.join(counted, on="begins", how="left", maintain_order="left")
    made["fates"] = made["fates"].drop("begins")
    return {**made, "sizes": sizes.fill_null(0), "sampled": sampled}


def sided(examples: pl.DataFrame, placed: pl.DataFrame) -> pl.DataFrame:
    """Add `cluster` and `split` to settled examples; `placed` has begins, id, cluster and split of all candidates."""
    here = pl.col("begins").is_between(examples["begins"].min(), examples["begins"].max())
    sides = placed.filter(here).drop("begins")
    return examples.join(sides, on="id", how="left", maintain_order="left")


PLACE = Step("place", _place, ("read",), ("messages", "pieces", "early", "mends"), ("lines", "sums"))
LEDGER = ("messages", "examples", "findings")
JUDGE = Step("judge", _judge, PLACE.keeps, (*LEDGER, "claims"), ("questions", "sums"))
NAME = Step(
    "name", _name, JUDGE.keeps, ("named", "likely"), ("thin", "types"),
    columns={"messages": ("conversation", "message", "begins", "time")},
)  # fmt: skip
COMPARE = Step(
    "compare", _compare, ("examples", "likely"), (), ("units",),
    columns={"examples": ("id", "conversation", "kind", "turns")},
)  # fmt: skip
SETTLE = Step(
    "settle", _settle, LEDGER, ("fates", "verdicts", "findings"), ("sizes", "sampled"),
    columns={
        "messages": ("begins", "conversation", "message", "role", "text"),
        "examples": ("id", "conversation", "question", "turns"),
    },
)  # fmt: skip
STEPS = (PLACE, JUDGE, NAME, COMPARE, SETTLE)
NAMED = {step.name: step for step in STEPS}

# What is written of a run, each made of frames that steps keep: side by side, row by row.
WRITTEN = {"messages": ("messages", "fates"), "examples": ("examples", "named", "verdicts"), "findings": ("findings",)}
STAY = frozenset(part for parts in WRITTEN.values() for part in parts)
