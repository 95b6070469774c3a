"""A run folder → what stood before its duplicates were looked for, so that these can be decided anew."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from curation import packs as packs_module
from curation import parquet, tables
from curation.dedup import store
from curation.dedup.store import Signatures
from curation.errors import SourceError, UsageError
from curation.manifest import of_run, parsed
from curation.packs import Packs
from curation.pipeline import Judged
from curation.read import Input
from curation.recipe import Recipe
from curation.report.model import Report

_LATER = ("dedup/", "selection/", "extract/unanswered", "extract/unprompted")  # findings that come after the judging
_DECIDED = ("verdict", "rules", "cluster", "split", "query_type", "skeleton")


def load(run: Path, *, threshold: float) -> tuple[Judged, Recipe, Packs, Signatures | None]:
    """Read a run folder for another threshold; raises SourceError, or UsageError where its rule packs changed since.

    Without signatures in it, its texts are signed anew when duplicates are looked for.
    """
    if not 0 < threshold <= 1:
        raise UsageError(f"--threshold {threshold}: must be above 0 and at most 1")
    ran, report = of_run(run), parsed(Report, run, "report.json")
    recipe = ran.recipe.model_copy(update={"dedup": ran.recipe.dedup.model_copy(update={"threshold": threshold})})
    with parquet.of_run(run):
        frames = {name: pl.read_parquet(run / f"{name}.parquet") for name in ("messages", "examples", "findings")}
    unreadable = _unreadable(run / "unreadable.jsonl")
    held = frames["messages"].height, unreadable["file"].count()
    if held != (counted := (report.ledger.messages, report.ledger.unreadable)):
        raise SourceError(
            f"{run}: holds {held[0]:,} messages and {held[1]:,} unreadable lines where its report counts "
            f"{counted[0]:,} and {counted[1]:,}; run `siftune curate` again"
        )
    if unreadable.height > held[1]:
        raise SourceError(f"{run / 'unreadable.jsonl'}: not of this version of siftune; run `siftune curate` again")
    packs = packs_module.load(recipe.packs, recipe.rules, types=recipe.query_types, detector=recipe.language.detector)
    if [pack.sha256 for pack in ran.packs] != [pack.sha256 for pack in packs.files]:
        raise UsageError(f"{run}: the rule packs changed since; curate the logs again")
    path = run / "signatures.parquet"
    signatures = store.read(path, recipe.dedup.permutations, recipe.seed) if path.is_file() else None
    later = pl.any_horizontal(pl.col("rule").str.starts_with(prefix) for prefix in _LATER)
    found = Judged(
        inputs=[Input(**entry.model_dump()) for entry in ran.inputs],
        messages=frames["messages"].drop("fate", "rules"),
        unreadable=unreadable,
        examples=_spoken(frames["examples"].drop(_DECIDED, strict=False)),
        findings=frames["findings"].filter(~later),
        turns=next((step.n for step in report.funnel if step.stage == "turns"), 0),
    )
    return found, recipe, packs, signatures


def _unreadable(path: Path) -> pl.DataFrame:
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return pl.DataFrame(lines, schema=tables.UNREADABLE)
    except OSError as fault:
        raise SourceError(f"{path}: cannot be read: {fault.strerror}; run `siftune curate` again") from None
    except (ValueError, TypeError, pl.exceptions.PolarsError):
        raise SourceError(f"{path}: not of this version of siftune; run `siftune curate` again") from None


def _spoken(examples: pl.DataFrame) -> pl.DataFrame:
    """Add `question` and `answer` from the turns, as extract.py joins them."""
    sides = {
        name: pl.col("turns")
        .list.eval(pl.element().filter(pl.element().struct.field("role") == role).struct.field("text"))
        .list.join("\n")
        for name, role in (("question", "user"), ("answer", "assistant"))
    }
    return examples.with_columns(**sides)
