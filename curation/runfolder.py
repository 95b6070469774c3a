"""The run folder: the contract that other programs read. Written beside its place and renamed: whole or absent."""

from __future__ import annotations

import fcntl
import glob
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl

from curation import __version__, decisions
from curation.card import card
from curation.convert import EXPORTED, dataset_info, export
from curation.decide import members
from curation.edge import disk_is_full
from curation.errors import OutputError, UsageError
from curation.manifest import manifest
from curation.packs import Packs
from curation.pipeline import Curated
from curation.privacy import residual
from curation.recipe import Recipe
from curation.report import html, markdown
from curation.report.model import Report
from curation.report.numbers import numbers
from curation.report.reviewed import reviewed
from curation.review import store

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
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                cure = "wait until it is done, or choose another folder with --out"
                raise UsageError(f"{target}: another siftune is making this run; {cure}") from None
            except OSError:  # a file system without locks
                yield
                return
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
) -> Report:
    """Write the whole run folder to `target` and return its report; `events` is all that people said so far."""
    review = reviewed(
        events,
        examples=curated.examples,
        messages=curated.messages,
        findings=curated.findings,
        gate=recipe.gate.min_rule_precision,
    )
    with whole_or_absent(target) as folder:
        files = _sets(curated, recipe, folder)
        allow = [*recipe.privacy.allow, *filter(None, [recipe.output.system_prompt])]
        left = residual.exported(folder, ["alpaca", "sharegpt", *recipe.output.formats], allow=allow)
        info = dataset_info([f["name"] for f in files if f["records"]])  # loaders refuse an empty file
        _json(folder / "dataset_info.json", info)
        curated.messages.select(MESSAGES).write_parquet(folder / "messages.parquet")
        curated.examples.select(EXAMPLES).write_parquet(folder / "examples.parquet")
        curated.findings.write_parquet(folder / "findings.parquet")
        if curated.signatures is not None:
            curated.signatures.write_parquet(folder / "signatures.parquet")
        _lines(folder / "dropped.jsonl", _dropped(curated))
        _lines(folder / "unreadable.jsonl", curated.unreadable.iter_rows(named=True))
        if events:
            (folder / "decisions.jsonl").write_text(decisions.lines(events), encoding="utf-8", newline="\n")
        report = numbers(
            recipe=recipe, packs=packs, inputs=curated.inputs, messages=curated.messages, unreadable=curated.unreadable,
            examples=curated.examples, findings=curated.findings, duplicates=curated.duplicates, turns=curated.turns,
            types=curated.types,
            files=files, left=left, version=__version__, review=review,
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
            ),
        )
    return report


def _sets(curated: Curated, recipe: Recipe, folder: Path) -> list[dict[str, Any]]:
    """Write the train and validation files of every format; return name, records and bytes of each.

    The system prompt of a record of a finished set stays with what was made of that record.
    """
    prompts = curated.messages.filter((pl.col("role") == "system") & pl.col("record") & (pl.col("text") != ""))
    own = dict(
        prompts.unique("conversation", keep="first", maintain_order=True).select("conversation", "text").iter_rows()
    )
    files, examples = [], curated.examples
    for split in ("train", "val"):
        rows = examples.filter(pl.col("split") == split).to_dicts()
        for form in (*EXPORTED, *recipe.output.formats):
            path = folder / f"{split}.{form}.jsonl"
            system, policy = recipe.output.system_prompt, recipe.output.cot
            made = (export(row, form, system=own.get(row["conversation"], system), policy=policy) for row in rows)
            _lines(path, made)
            files.append({"name": path.name, "records": len(rows), "bytes": path.stat().st_size})
    return files


def _dropped(curated: Curated) -> Iterator[dict[str, Any]]:
    """Yield every dropped example, then every dropped message, each with all findings behind it.

    A message that was lost with its examples has their findings.
    """
    reasons = curated.findings.filter(~pl.col("rule").str.starts_with("mend/"))
    fields = pl.struct("rule", pl.col("action").cast(pl.String), "evidence")
    on_example = dict(
        reasons.drop_nulls("example").group_by("example", maintain_order=True).agg(fields.alias("why")).iter_rows()
    )
    keys = ["conversation", "message"]
    dropped = curated.examples.filter(pl.col("verdict") == "drop")
    lost = members(dropped).join(
        reasons.drop_nulls("example").drop("message"), left_on="id", right_on="example", maintain_order="left"
    )
    behind = pl.concat([reasons.drop_nulls("message"), lost], how="diagonal_relaxed").unique(
        [*keys, "rule", "evidence"], maintain_order=True
    )
    on_message = behind.group_by(keys, maintain_order=True).agg(fields.alias("why"))
    for row in dropped.select("id", "conversation", "kind", "rules", "query_type", "cot", "turns").iter_rows(
        named=True
    ):
        yield {"what": "example", **row, "reasons": on_example.get(row["id"], [])}
    lines = curated.messages.filter(pl.col("fate") == "dropped").join(
        on_message, on=keys, how="left", maintain_order="left"
    )
    for row in lines.select("conversation", "message", "role", "source", "text", "rules", "why").iter_rows(named=True):
        reasons_here = row.pop("why")
        yield {"what": "message", **row, "reasons": reasons_here or []}


def _lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _json(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
