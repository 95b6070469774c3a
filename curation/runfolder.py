"""The run folder: the contract that other programs read. Written beside its place and renamed: whole or absent."""

from __future__ import annotations

import glob
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl

from curation import __version__, allocator, decisions, diversity, locks, parquet, part, tables
from curation.card import card
from curation.convert import dataset_info
from curation.edge import disk_is_full
from curation.errors import OutputError, UsageError
from curation.inside import own
from curation.manifest import manifest
from curation.packs import Packs
from curation.pipeline import Curated
from curation.privacy import residual
from curation.recipe import Recipe
from curation.report import html, markdown
from curation.report.model import Report, Review
from curation.report.numbers import numbers, pairs
from curation.report.reviewed import reviewed
from curation.report.words import Language
from curation.review import store
from curation.sets import lines

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
    with held(target, lambda: check(target, force=force)):
        yield


@contextmanager
def held(target: Path, may: Callable[[], None]) -> Iterator[None]:
    """Hold a place as `alone` does; `may` raises where nothing may be put there, and is asked twice.

    Raises UsageError, too, for a disk of its own, such as a container's volume: what is made is renamed to its place.
    """
    if target.is_mount():
        raise UsageError(f"{target}: is a disk of its own, and cannot be replaced as a whole; give {target / 'run'}")
    may()
    target = _real(target)
    missing = [folder for folder in target.parents if not folder.exists()]
    lock = target.parent / f".{target.name}.lock"
    try:
        _make(target)
        with _locked(lock, target):
            try:
                _clear(target)
                may()  # another may have finished in the meantime
                yield
            finally:
                lock.unlink(missing_ok=True)
    finally:
        for folder in missing:  # of what was made for a run that did not come to be
            with suppress(OSError):
                folder.rmdir()


def _real(target: Path) -> Path:
    """Return where a link leads to, so that the link stays one."""
    return Path(os.path.realpath(target))


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
            file = own(path).open("a")
        except OSError as fault:
            cure = "choose another folder with --out"
            raise OutputError(f"{target}: {path} cannot be written: {fault.strerror}; {cure}") from None
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
    for old in _left(target, "old"):
        if not target.exists():
            old.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    for partial in _left(target, "partial"):
        shutil.rmtree(partial, ignore_errors=True)


def _left(target: Path, what: str) -> list[Path]:
    """Return what is called .NAME.PROCESS.WHAT beside `target`; .NAME.v2.PROCESS.WHAT is of another run."""
    found = sorted(target.parent.glob(f".{glob.escape(target.name)}.*.{what}"))
    return [path for path in found if path.name[len(target.name) + 2 : -len(what) - 1].isdecimal()]


@contextmanager
def whole_or_absent(target: Path) -> Iterator[Path]:
    """Give a folder to write to; it takes the place of `target` when all went well, and is removed otherwise.

    Only its owner can look into it: a run holds what customers said.
    """
    target = _real(target)
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
    except (OSError, pl.exceptions.PolarsError) as fault:
        full = disk_is_full(fault)
        if not full and not isinstance(fault, OSError):
            raise
        if isinstance(fault, FileNotFoundError) and partial.exists():  # what lacks was to be read
            raise
        said = "the disk is full, or a file larger than is allowed; make room and run it again"
        why = said if full else getattr(fault, "strerror", None) or fault
        raise OutputError(f"{target}: cannot be written: {why}; nothing was changed there") from None
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
    language: Language = "en",
    timings: Callable[[], Mapping[str, Any]] | None = None,
) -> Report:
    """Write the whole run folder to `target` and return its report; `events` is all that people said so far.

    `language` is that of report.md (the HTML page has both). Some whole conversations are in memory at a time: those
    of a part of `curated`. `timings` tells at the very end what the stages took, for the manifest (default: none).
    """
    with whole_or_absent(target) as folder, ThreadPoolExecutor(1) as beside:  # one after the other: less memory
        parts = curated.written(folder)  # by workers, where there are any, from now on
        allocator.give_back()
        paired = beside.submit(pairs, curated.duplicates)  # compiles the patterns that mask what is shown later, too
        worded = beside.submit(diversity.wordings, curated.asked, recipe.dedup, seed=recipe.seed)
        tables_written = beside.submit(_tables, curated, folder)
        measured, records, told = part.join(parts, recipe, folder)
        tables_written.result()
        info = dataset_info([name for name, n in records.items() if n])  # loaders refuse an empty file
        _json(folder / "dataset_info.json", info)
        with (folder / "unreadable.jsonl").open("wb") as file:
            part.put(file, lines.rows(curated.unreadable))
        if events:
            (folder / "decisions.jsonl").write_text(decisions.lines(events), encoding="utf-8", newline="\n")
        report = numbers(
            recipe=recipe, packs=packs, inputs=curated.inputs, measured=measured, compared=curated.asked[0].height,
            worded=worded.result(), unreadable=curated.unreadable.height,
            duplicates=curated.duplicates, paired=paired.result(), turns=curated.turns, types=curated.types,
            files=_files(folder, records), left=residual.worst(told["left"]), version=__version__,
            review=_reviewed(events, folder, recipe),
        )  # fmt: skip
        (folder / "report.json").write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
        (folder / "report.html").write_text(html.render(report), encoding="utf-8")
        (folder / "report.md").write_text(markdown.render(report, language=language), encoding="utf-8")
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


def _tables(curated: Curated, folder: Path) -> None:
    for name, columns in (("messages", MESSAGES), ("examples", EXAMPLES), ("findings", list(tables.FINDINGS))):
        parts = (frame.select(columns) for frame in curated.parts(name, columns))
        parquet.write(parts, folder / f"{name}.parquet")
    if curated.signatures is not None:
        parquet.write(curated.signatures(), folder / "signatures.parquet")


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


def _files(folder: Path, records: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return name, records and bytes of the sets' files."""
    return [{"name": name, "records": n, "bytes": (folder / name).stat().st_size} for name, n in records.items()]


def _json(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
