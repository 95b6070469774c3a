"""The run folder: the contract that other programs read. Written beside its place and renamed: whole or absent."""

from __future__ import annotations

import glob
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from curation import __version__, decisions, locks, parquet, tables
from curation.card import card
from curation.convert import EXPORTED, dataset_info
from curation.decide import members
from curation.edge import disk_is_full
from curation.errors import OutputError, UsageError
from curation.manifest import manifest
from curation.packs import Packs
from curation.pipeline import FRAMES, Curated
from curation.privacy import residual
from curation.recipe import Recipe
from curation.report import html, markdown
from curation.report.measure import Measures
from curation.report.model import Report, Review
from curation.report.numbers import numbers
from curation.report.reviewed import reviewed
from curation.review import store
from curation.sets import lines
from curation.sets.formats import Format

AT_ONCE = 20_000  # records whose lines are in memory at a time

MESSAGES = ["conversation", "message", "role", "source", "time", "raw", "text", "fate", "rules", "bot", "record"]
EXAMPLES = [
    "id",
    "conversation",
    "kind",
    "verdict",
    "rules",
    "query_type",
    "cluster",
    "split",
    "score",
    "cot",
    "content",
    "turns",
]


def check(target: Path, *, force: bool) -> None:
    """Refuse a place where a run cannot go, before any work: raises UsageError, or OutputError without permission.

    An existing run folder is replaced with `force` only; a folder that is not a run is never replaced.
    """
    if not target.exists():
        parent = next(p for p in target.absolute().parents if p.exists())
        if not os.access(parent, os.W_OK):
            raise OutputError(f"{target}: no permission to write in {parent}")
        return
    if not target.is_dir():
        raise UsageError(f"{target}: is a file; give a folder for the run")
    if not any(target.iterdir()):
        return
    if not (target / "manifest.json").is_file():
        raise UsageError(f"{target}: holds files that are not a run; choose another folder")
    if not force:
        raise UsageError(f"{target}: a run is already there; choose another folder, or replace it with --force")
    store.refuse_while_reviewing(target)


@contextmanager
def alone(target: Path, *, force: bool) -> Iterator[None]:
    """Hold the place of a run for this process, from before the work to its end; `check` says what may be there.

    Raises UsageError where another process is at work on the same place. What one that was killed left behind is
    cleared away; of a run that it was about to replace, the old one comes back.
    """
    check(target, force=force)
    target = target.absolute()
    missing = [folder for folder in target.parents if not folder.exists()]
    lock = target.parent / f".{target.name}.lock"
    try:
        _make(target)
        with _locked(lock, target):
            try:
                _clear(target)
                check(target, force=force)  # another may have finished in the meantime
                yield
            finally:
                lock.unlink(missing_ok=True)
    finally:
        for folder in missing:  # of what was made for a run that did not come to be
            with suppress(OSError):
                folder.rmdir()


def _make(target: Path) -> None:
    """Make the folders above a run."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise OutputError(f"{target}: cannot be written: {fault.strerror}; choose another folder") from None


@contextmanager
def _locked(path: Path, target: Path) -> Iterator[None]:
    """Hold a lock file; the one who holds it may remove it, so it must still be there once it is held."""
    while True:
        try:
            file = path.open("a")
        except OSError as fault:
            raise OutputError(f"{target}: cannot be written: {fault.strerror}") from None
        with file:
            if not locks.take(file.fileno()):
                cure = "wait until it is done, or choose another folder with --out"
                raise UsageError(f"{target}: another siftune is making this run; {cure}")
            if _is_at(file.fileno(), path):
                yield
                return


def _is_at(number: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(number), path.stat())
    except FileNotFoundError:
        return False


def _clear(target: Path) -> None:
    """Remove what processes that were killed left beside `target`; nobody else is at work here."""
    for old in sorted(target.parent.glob(f".{glob.escape(target.name)}.*.old")):
        if not target.exists():
            old.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    for partial in target.parent.glob(f".{glob.escape(target.name)}.*.partial"):
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def whole_or_absent(target: Path) -> Iterator[Path]:
    """Give a folder to write to; it takes the place of `target` when all went well, and is removed otherwise.

    Only its owner can look into it: a run holds what customers said.
    """
    target = target.absolute()
    partial = target.parent / f".{target.name}.{os.getpid()}.partial"
    old = target.parent / f".{target.name}.{os.getpid()}.old"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.mkdir(mode=0o700)
        yield partial
        if target.exists():
            store.refuse_while_reviewing(target)  # since the work began
            target.rename(old)
        partial.rename(target)
    except OSError as fault:
        raise OutputError(
            f"{target}: cannot be written: {fault.strerror or fault}; nothing was changed there"
        ) from None
    except pl.exceptions.PolarsError as fault:
        if disk_is_full(fault):
            raise OutputError(f"{target}: cannot be written: the disk is full; nothing was changed there") from None
        raise
    finally:
        if old.exists() and not target.exists():  # interrupted between the two renames
            old.rename(target)
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write(
    curated: Curated,
    recipe: Recipe,
    packs: Packs,
    target: Path,
    *,
    argv: Sequence[str],
    events: Sequence[decisions.Event] = (),
    timings: Callable[[], Mapping[str, Any]] | None = None,
) -> Report:
    """Write the whole run folder to `target` and return its report; `events` is all that people said so far.

    Some whole conversations are in memory at a time: those of a part of `curated`. `timings` tells at the very end
    what the stages took, for the manifest (default: it has none).
    """
    with whole_or_absent(target) as folder:
        for name, columns in (("messages", MESSAGES), ("examples", EXAMPLES), ("findings", list(tables.FINDINGS))):
            parquet.write((part.select(columns) for part in curated.parts(name)), folder / f"{name}.parquet")
        if curated.signatures is not None:
            parquet.write(curated.signatures(), folder / "signatures.parquet")
        measured, files = _lines_of_all(curated, recipe, folder)
        allow = [*recipe.privacy.allow, *filter(None, [recipe.output.system_prompt])]
        left = residual.exported(folder, _formats(recipe), allow=allow, skip=recipe.privacy.keep)
        info = dataset_info([f["name"] for f in files if f["records"]])  # loaders refuse an empty file
        _json(folder / "dataset_info.json", info)
        with (folder / "unreadable.jsonl").open("wb") as file:
            _put(file, lines.rows(curated.unreadable))
        if events:
            (folder / "decisions.jsonl").write_text(decisions.lines(events), encoding="utf-8", newline="\n")
        report = numbers(
            recipe=recipe, packs=packs, inputs=curated.inputs, measured=measured, unreadable=curated.unreadable.height,
            duplicates=curated.duplicates, turns=curated.turns, types=curated.types,
            files=files, left=left, version=__version__, review=_reviewed(events, folder, recipe),
        )  # fmt: skip
        (folder / "report.json").write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
        (folder / "report.html").write_text(html.render(report), encoding="utf-8")
        (folder / "report.md").write_text(markdown.render(report, language="en"), encoding="utf-8")
        (folder / "README.md").write_text(card(report, list(info), recipe), encoding="utf-8")
        _json(
            folder / "manifest.json",
            manifest(
                recipe=recipe,
                packs=packs,
                inputs=curated.inputs,
                report=report,
                decisions=decisions.summary(events),
                argv=argv,
                siftune=__version__,
                timings=timings() if timings else None,
            ),
        )
    return report


def _reviewed(events: Sequence[decisions.Event], folder: Path, recipe: Recipe) -> Review | None:
    """Return what people's decisions come to on the run that was just written to `folder`."""
    if not events:
        return None
    said = pl.Series([event.conversation for event in events], dtype=pl.String).unique().implode()
    messages, examples, findings = (
        pl.scan_parquet(folder / f"{name}.parquet") for name in ("messages", "examples", "findings")
    )
    return reviewed(
        events,
        examples=examples.select("id", "conversation", "content", "turns").collect(),
        messages=messages.filter(pl.col("conversation").is_in(said)).collect(),
        findings=findings.filter(~pl.col("rule").str.contains("^(?:mend|read)/")).drop("before", "after").collect(),
        gate=recipe.gate.min_rule_precision,
    )


def _lines_of_all(curated: Curated, recipe: Recipe, folder: Path) -> tuple[Measures, list[dict[str, Any]]]:
    """Write what stands in files of lines: the sets, and what was dropped. Measure on the way.

    Returns name, records and bytes of the sets' files too.
    """
    measured = Measures(recipe.seed)
    names = [(split, form) for split in ("train", "val") for form in _formats(recipe)]
    records = dict.fromkeys(names, 0)
    with ExitStack() as stack:
        sets = {name: _opened(stack, folder / f"{name[0]}.{name[1]}.jsonl") for name in names}
        dropped, later = (_opened(stack, folder / name) for name in ("dropped.jsonl", ".dropped-messages.jsonl"))
        for messages, examples, findings in zip(*map(curated.parts, FRAMES), strict=True):
            measured.add(messages, examples, findings)
            for name, made in _exported(messages, examples, recipe):
                records[name] += _put(sets[name], made)
            for file, parts in zip((dropped, later), _dropped(messages, examples, findings), strict=True):
                for made in parts:
                    _put(file, made)
    with (folder / "dropped.jsonl").open("ab") as end, (folder / ".dropped-messages.jsonl").open("rb") as told:
        shutil.copyfileobj(told, end)
    (folder / ".dropped-messages.jsonl").unlink()
    files = [(folder / f"{split}.{form}.jsonl", records[split, form]) for split, form in names]
    return measured, [{"name": path.name, "records": n, "bytes": path.stat().st_size} for path, n in files]


def _formats(recipe: Recipe) -> list[Format]:
    return list(dict.fromkeys((*EXPORTED, *recipe.output.formats)))


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
            for form, made in lines.records(told, _formats(recipe), policy=recipe.output.cot).items():
                yield (split, form), made


def _dropped(
    messages: pl.DataFrame, examples: pl.DataFrame, findings: pl.DataFrame
) -> tuple[Iterator[pl.Series], Iterator[pl.Series]]:
    """Return lines of every dropped example, and of every dropped message, each with all findings behind it.

    A message that was lost with its examples has their findings.
    """
    reasons = findings.filter(~pl.col("rule").str.starts_with("mend/"))
    fields = pl.struct("rule", pl.col("action").cast(pl.String), "evidence").alias("reasons")
    on_example = reasons.drop_nulls("example").group_by(id="example", maintain_order=True).agg(fields)
    keys = ["conversation", "message"]
    dropped = examples.filter(pl.col("verdict") == "drop")
    lost = members(dropped).join(
        reasons.drop_nulls("example").drop("message"), left_on="id", right_on="example", maintain_order="left"
    )
    behind = pl.concat([reasons.drop_nulls("message"), lost], how="diagonal_relaxed").unique(
        [*keys, "rule", "evidence"], maintain_order=True
    )
    on_message = behind.group_by(keys, maintain_order=True).agg(fields)
    gone = dropped.select("id", "conversation", "kind", "rules", "query_type", "cot", "turns")
    told = messages.filter(pl.col("fate") == "dropped").select(*keys, "role", "source", "text", "rules")
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


def _put(file: BinaryIO, made: pl.Series) -> int:
    """Write lines; return how many."""
    made.to_frame().write_csv(file, include_header=False, quote_style="never")
    return len(made)


def _json(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
