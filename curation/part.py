"""Some whole conversations of a run → what stands of them in files of lines, and what the report is made of.

Parts are made one apart from the other, by worker processes too, and joined in the order of the input: the files are
the very bytes of one part with everything in it, and what was measured adds up.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import polars as pl

from curation.convert import EXPORTED
from curation.decide import members
from curation.privacy import residual
from curation.recipe import Recipe
from curation.report.measure import Measures
from curation.sets import lines
from curation.sets.formats import Format

AT_ONCE = 8_000  # records whose lines are in memory at a time
SPLITS = ("train", "val")
DROPPED = ("dropped.jsonl", "dropped-messages.jsonl")  # the second is the end of the first

Frames = dict[str, pl.DataFrame]


def formats(recipe: Recipe) -> list[Format]:
    """Return the formats that a recipe asks for."""
    return list(dict.fromkeys((*EXPORTED, *recipe.output.formats)))


def write(
    messages: pl.DataFrame, examples: pl.DataFrame, findings: pl.DataFrame, recipe: Recipe, folder: Path
) -> Frames:
    """Write lines of the sets, and of what was dropped, to files in `folder`; return what `join` adds up.

    `records` says how many lines there are of each set, `left` what privacy/residual.py still finds in the files.
    """
    measured = Measures(recipe.seed)
    with ThreadPoolExecutor(1) as beside:
        measuring = beside.submit(measured.add, messages, examples, findings)
        if pl.thread_pool_size() == 1:  # of a worker: one after the other takes as long, and less memory
            measuring.result()
        told = _lines(messages, examples, findings, recipe, folder)
        measuring.result()
    return {**measured.frames(), **told}


def _lines(
    messages: pl.DataFrame, examples: pl.DataFrame, findings: pl.DataFrame, recipe: Recipe, folder: Path
) -> Frames:
    names = [(split, form) for split in SPLITS for form in formats(recipe)]
    records = dict.fromkeys(names, 0)
    with ExitStack() as stack:
        sets = {name: _opened(stack, folder / _name(*name)) for name in names}
        for name, made in _exported(messages, examples, recipe):
            records[name] += put(sets[name], made)
        for path, gone in zip(DROPPED, _dropped(messages, examples, findings), strict=True):
            file = _opened(stack, folder / path)
            for made in gone:
                put(file, made)
    allow = [*recipe.privacy.allow, *filter(None, [recipe.output.system_prompt])]
    told = {"name": [_name(*name) for name in names], "records": list(records.values())}
    return {
        "records": pl.DataFrame(told, schema={"name": pl.String, "records": pl.Int64}),
        "left": residual.exported(folder, formats(recipe), allow=allow, skip=recipe.privacy.keep),
    }


def join(parts: Iterable[tuple[Path, Frames]], recipe: Recipe, folder: Path) -> tuple[Measures, dict[str, int], Frames]:
    """Put the files of parts, one behind the other, into `folder`; what they were taken from is gone.

    Returns what was measured, how many records each set's file has, and all that `write` returned.
    """
    told = list[Frames]()
    for place, frames in parts:
        for path in sorted(place.iterdir()):
            _append(path, folder / path.name)
        shutil.rmtree(place)
        told.append(frames)
    first, second = (folder / name for name in DROPPED)
    _append(second, first)
    second.unlink(missing_ok=True)
    every = {name: pl.concat([frames[name] for frames in told]) for name in told[0]}
    counted = every["records"].group_by("name", maintain_order=True).agg(pl.col("records").sum())
    return Measures.of(every, recipe.seed), dict(counted.iter_rows()), every


def _append(path: Path, target: Path) -> None:
    """Put the bytes of a file behind those of another, or itself in its place where there is none."""
    if not target.exists():
        shutil.move(path, target)
        return
    with path.open("rb") as more, target.open("ab") as file:
        shutil.copyfileobj(more, file, 1 << 20)


def _name(split: str, form: Format) -> str:
    return f"{split}.{form}.jsonl"


def _exported(
    messages: pl.DataFrame, examples: pl.DataFrame, recipe: Recipe
) -> Iterator[tuple[tuple[str, Format], pl.Series]]:
    """Yield lines for every set's file, some at a time.

    The system prompt of a record of a finished set stays with what was made of that record.
    """
    prompts = messages.filter((pl.col("role") == "system") & pl.col("record") & (pl.col("text") != ""))
    own = prompts.unique("conversation", keep="first", maintain_order=True).select("conversation", system="text")
    for split in ("train", "val"):
        mine = examples.filter(pl.col("split") == split).select("id", "conversation", "cot", "turns")
        for some in mine.iter_slices(AT_ONCE):
            told = some.join(own, on="conversation", how="left", maintain_order="left")
            told = told.with_columns(pl.col("system").fill_null(recipe.output.system_prompt))
            for form, made in lines.records(told, formats(recipe), policy=recipe.output.cot).items():
                yield (split, form), made


def _dropped(
    messages: pl.DataFrame, examples: pl.DataFrame, findings: pl.DataFrame
) -> tuple[Iterator[pl.Series], Iterator[pl.Series]]:
    """Return lines of every dropped example, and of every dropped message, each with all findings behind it.

    A message that was lost with its examples has their findings.
    """
    reasons = findings.filter(~pl.col("rule").str.starts_with("mend/"))
    fields = pl.struct("rule", pl.col("action").cast(pl.String), "evidence").alias("reasons")
    reasons = reasons.select("conversation", "message", "example", "rule", "action", "evidence")
    keys = ["conversation", "message"]
    dropped = examples.filter(pl.col("verdict") == "drop")
    gone = dropped.select("id", "conversation", "kind", "rules", "query_type", "cot", "turns")
    told = messages.filter(pl.col("fate") == "dropped").select(*keys, "role", "source", "text", "rules")
    of_gone = reasons.rename({"example": "id"}).join(gone.select("id"), on="id", how="semi", maintain_order="left")
    on_example = of_gone.group_by("id", maintain_order=True).agg(fields)
    here = told.select(keys)
    lost = members(dropped).join(here, on=keys, how="semi", maintain_order="left")
    lost = lost.join(of_gone.drop(keys), on="id", maintain_order="left")
    own = reasons.join(here, on=keys, how="semi", maintain_order="left")
    behind = pl.concat([own, lost], how="diagonal_relaxed").unique([*keys, "rule", "evidence"], maintain_order=True)
    on_message = behind.group_by(keys, maintain_order=True).agg(fields)
    return (
        _rows(gone.join(on_example, on="id", how="left", maintain_order="left"), "example"),
        _rows(told.join(on_message, on=keys, how="left", maintain_order="left"), "message"),
    )


def _rows(frame: pl.DataFrame, what: str) -> Iterator[pl.Series]:
    """Yield lines of things that were dropped; what nothing is said of has no reasons."""
    for some in frame.iter_slices(AT_ONCE):
        yield lines.rows(some.with_columns(pl.col("reasons").fill_null([])), what=what)


def _opened(stack: ExitStack, path: Path) -> BinaryIO:
    return stack.enter_context(path.open("wb"))


def put(file: BinaryIO, made: pl.Series) -> int:
    """Write lines to a file; return how many."""
    made.to_frame().write_csv(file, include_header=False, quote_style="never")
    return len(made)
