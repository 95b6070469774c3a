"""The composition of the stages, nothing clever: files and a recipe in, the frames of a run out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Protocol

import polars as pl

from curation import decide, decisions, diversity, duplicates, fast, leaks, query_types, references, tables, topics
from curation.dedup.index import Index, opened
from curation.dedup.known import Known
from curation.dedup.store import Signatures
from curation.engines import Engine, Memory, Read
from curation.judge import total
from curation.packs import Packs
from curation.read import Input
from curation.recipe import Dedup, Recipe
from curation.selection import select
from curation.split import UNTIED, split, tied, units
from curation.steps import (
    COMPARE,
    JUDGE,
    NAME,
    PLACE,
    SETTLE,
    Frames,
    Job,
    claims_of,
    questions_of,
    sided,
    topics_frames,
)

WITHOUT_TEXTS = ["begins", "id", "conversation", "verdict", "rules", "query_type"]  # of candidates, for the split
PLACED = ["begins", "id", "cluster", "split"]  # of candidates, for `sided`


class Parts(Protocol):
    """Gives a frame in parts."""

    def __call__(self, name: str, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """Yield whole conversations of the frame of that name; `columns` alone, if given."""
        ...


@dataclass(frozen=True)
class Curated:
    """All that one curation made, before it is written: see runfolder.py for the columns that leave.

    `parts` gives a frame by its name (FRAMES), or some columns of it, some whole conversations at a time, in the order
    of the input; all frames are parted alike. The properties put them together: for what fits into memory.
    """

    inputs: list[Input]
    unreadable: pl.DataFrame
    duplicates: duplicates.Duplicates
    turns: int
    types: Mapping[str, query_types.Names]  # the query types that were looked for, in their order
    asked: Sequence[pl.DataFrame]  # diversity.samples, before and after
    parts: Parts
    written: Callable[[Path], Iterator[tuple[Path, Frames]]]  # files of lines, part by part: engines.Engine.written
    signatures: Callable[[], Iterator[pl.DataFrame]] | None = (
        None  # in parts, for rethreshold, where the recipe wants them kept
    )

    @cached_property
    def messages(self) -> pl.DataFrame:
        """Return all messages."""
        return pl.concat(self.parts("messages"))

    @cached_property
    def examples(self) -> pl.DataFrame:
        """Return all examples."""
        return pl.concat(self.parts("examples"))

    @cached_property
    def findings(self) -> pl.DataFrame:
        """Return all findings."""
        return pl.concat(self.parts("findings"))


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
    engine: Engine | None = None,
) -> Curated:
    """Run every stage over `files`; `progress` hears the name of each stage and what came of it.

    `people` is what people decided of an earlier run (decisions.table): it wins over the rules. `engine` runs the map
    steps (default: in memory); what comes out does not depend on it.
    """
    engine = engine or Memory()
    progress("read", "")
    reading = engine.read(files, recipe, lambda name: progress("read", name))
    progress("read", f"{reading.count} messages, {reading.unreadable.height} unreadable lines")

    job = Job(recipe, packs, people)
    loaded = fast.beforehand(reading.count)  # of so many messages a third and more are candidates
    placed = engine.map(PLACE, job, {})
    progress("mend", f"{_sum(placed, 'mends')} repairs")
    judged = engine.map(JUDGE, job, {"lines": total([given["lines"] for given in placed])})
    progress("judge messages", f"{_sum(judged, 'said')} findings")
    progress("extract", f"{_sum(judged, 'examples')} candidates")
    progress("judge examples", f"{_sum(judged, 'judged')} findings")
    questions = [given["questions"] for given in judged]
    loaded()
    return _finish(engine, job, reading, questions, _sum(judged, "turns"), progress=progress)


def _sum(given: Sequence[Frames], name: str) -> int:
    return sum(int(one["sums"][name].sum()) for one in given)


def finish(
    found: Judged, recipe: Recipe, packs: Packs, *, progress: Callable[[str, str], None], sign: Signatures | None = None
) -> Curated:
    """Go on from what stood before duplicates were looked for; `sign` has what that run signed, if it kept it."""
    job = Job(recipe, packs, decisions.NOTHING)
    frames = {
        "messages": found.messages.with_columns(begins=pl.col("conversation").rle_id()),
        "examples": found.examples,
        "findings": found.findings.filter(pl.col("conversation").is_not_null()),
    }
    frames["claims"] = claims_of(found.examples, job)
    questions = [questions_of(found.examples, frames["claims"], job)]
    reading = Read(found.inputs, found.unreadable, found.messages.height)
    return _finish(Memory(frames), job, reading, questions, found.turns, progress=progress, sign=sign)


def _finish(
    engine: Engine,
    job: Job,
    reading: Read,
    questions: Sequence[pl.DataFrame],
    spoken: int,
    *,
    progress: Callable[[str, str], None],
    sign: Signatures | None = None,
) -> Curated:
    """Name query types, find duplicates, select, split and decide: the global steps, and the maps between them."""
    recipe = job.recipe
    shared, model = _types(questions, job)
    named = engine.map(NAME, job, shared)
    types = _names(shared, model, named, job)
    thin = _together(named, "thin")
    del named  # its texts are in `thin` now
    comparing, known = None, None
    if recipe.split.val_share:  # else all is trained on, and nothing can leak
        comparing, known = engine.begin(COMPARE, job, {}), Known()
    found = engine.once("duplicates", lambda: _duplicates(thin, job, sign or _signs(recipe, engine.scratch), known))
    twice = duplicates.from_frames(found)
    progress(
        "dedup", f"{twice.clusters.height} examples in clusters, {twice.conflicts} questions with contradicting answers"
    )
    thin = decide.later(thin, twice.findings)
    over = select(thin, recipe.selection)
    if recipe.selection.budget is not None:
        progress("select", f"{over.height} examples over the budget of {recipe.selection.budget}")
    thin = decide.later(thin, over)
    kept = thin.filter(pl.col("verdict") == "keep")
    after = diversity.sampled(kept)
    thin = thin.select(WITHOUT_TEXTS).join(twice.clusters, on="id", how="left", maintain_order="left")
    kept = kept.select("id", "begins")
    compared = None
    if comparing:
        compared = _together(comparing(), "units").join(kept, on="id", how="semi", maintain_order="left")
    settling = engine.begin(SETTLE, job, {"later": pl.concat([twice.findings, over])})
    placed = engine.once("split", lambda: [("placed", _split(thin, compared, job, known).select(PLACED))])["placed"]
    settled = settling()
    sizes, asked = _together(settled, "sizes"), diversity.samples((given["sampled"] for given in settled), [after])
    del settled
    progress("decide", f"{kept.height} examples kept")
    unread = _unreadable(reading.unreadable)

    def parts(name: str, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        kept = columns and [*(one for one in columns if one not in ("cluster", "split")), "begins"]  # `sided` adds them
        found = engine.parts(name, sizes, kept)
        if name == "examples":
            found = (sided(part, placed) for part in found)
        found = (part.drop("begins") for part in found)
        return chain([pl.concat([unread, next(found)])], found) if name == "findings" else found

    def written(folder: Path) -> Iterator[tuple[Path, Frames]]:
        return engine.written(job, sizes, unread, placed, folder)

    kept_signatures = sorted(name for name in found if name.startswith("signatures-"))

    def signatures() -> Iterator[pl.DataFrame]:
        return (found[name] for name in kept_signatures)

    signed = signatures if kept_signatures else None
    return Curated(reading.inputs, reading.unreadable, twice, spoken, types, asked, parts, written, signed)


def _together(given: Sequence[Frames], name: str) -> pl.DataFrame:
    """Put what shards gave into the order of the input."""
    found = [one[name] for one in given]
    return found[0] if len(found) == 1 else pl.concat(found).sort("begins", maintain_order=True)


def _types(questions: Sequence[pl.DataFrame], job: Job) -> tuple[Frames, topics.Topics | None]:
    """Return what NAME needs of the query types: names of packs, or topics made of a sample of all shards."""
    if job.packs.query_types:
        use = query_types.chosen(job.typer, job.recipe.query_types, questions)
        return {"types": pl.DataFrame({"name": use}, schema={"name": pl.String})}, None
    model = topics.fitted(topics.sample(pl.concat(questions)), seed=job.recipe.seed)
    return topics_frames(model), model


def _names(
    shared: Frames, model: topics.Topics | None, named: Sequence[Frames], job: Job
) -> Mapping[str, query_types.Names]:
    if model is None:
        return query_types.named(job.packs.query_types, shared["types"]["name"].to_list())
    return model.named(pl.concat(given["types"] for given in named).group_by("query_type").agg(pl.col("len").sum()))


def _signs(recipe: Recipe, folder: Path | None) -> Signatures | None:
    if not recipe.dedup.keep_signatures:
        return None
    return Signatures(recipe.dedup.permutations, recipe.seed, folder=folder)


def _duplicates(
    thin: pl.DataFrame, job: Job, sign: Signatures | None, known: Known | None
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Look for duplicates among the candidates that no rule drops."""
    settings, seed, framing = job.recipe.dedup, job.recipe.seed, job.packs.cues["framing"]
    earlier = [references.read(Path(path)) for path in settings.against]
    with _index(settings, seed) as index:
        found = duplicates.find(
            thin, settings, framing=framing, seed=seed, sign=sign, earlier=earlier, index=index, known=known
        )
    yield from duplicates.to_frames(found).items()
    if sign is not None:
        yield from ((f"signatures-{number:03d}", part) for number, part in enumerate(sign.parts()))


def _index(settings: Dedup, seed: int) -> AbstractContextManager[Index | None]:
    """Open the recipe's index, where there is one already."""
    if settings.index and Path(settings.index).exists():
        return opened(Path(settings.index), settings, seed=seed)
    return nullcontext()


def _split(thin: pl.DataFrame, compared: pl.DataFrame | None, job: Job, known: Known | None) -> pl.DataFrame:
    """Add `split`: what is nearly the same goes to one side, and what a set of the recipe has too, to training."""
    recipe = job.recipe
    if compared is None:
        return split(thin, UNTIED, recipe.split, seed=recipe.seed)
    files = [Path(name) for name in recipe.split.apart_from]
    beside = units(leaks.outside(files, job.packs)) if files else None
    tied_to = tied(compared.drop("begins"), recipe.dedup, seed=recipe.seed, outside=beside, known=known)
    return split(thin, tied_to, recipe.split, seed=recipe.seed)


def _unreadable(lines: pl.DataFrame) -> pl.DataFrame:
    """Turn unreadable lines into findings: no message, no example, the place as evidence."""
    place = pl.concat_str(pl.col("file"), pl.lit(":"), pl.col("line").cast(pl.String), pl.lit(": "), pl.col("why"))
    return tables.findings(lines.select(rule=pl.lit("read/unreadable-line"), action=pl.lit("drop"), evidence=place))
