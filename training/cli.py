"""What the command line calls: check first, then train into a folder that is whole or absent.

Importing this module loads no torch, and neither does `preflight`.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from training.card import card
from training.config import TrainConfig, accumulation, configure, trackers
from training.curve import draw
from training.data import read_run, sharegpt_records
from training.errors import ConfigError, TrainingError
from training.progress import Progress
from training.quiet import check_extra, quiet
from training.sources import read_pools
from training.together import first, processes
from training.workplace import beside, last_checkpoint, no_space, step_of, workplace

OURS = "training.json"  # the file by which a folder is known as one of ours


def preflight(overrides: Mapping[str, Any], *, model: str = "") -> TrainConfig:
    """Return the settings as they would be, before any work; raises ConfigError or MissingExtraError."""
    config = configure(overrides, model=model)
    _ready(config)
    return config


def _ready(config: TrainConfig) -> None:
    """Raise for what no training could begin with: numbers that do not divide, libraries that are not there."""
    if not config.packing:
        accumulation(config, processes())
    check_extra(quantize=config.quantize)
    trackers(config)


def train_run(
    run: Path,
    *,
    model: str,
    out: Path | None,
    general: Sequence[str | Path],
    overrides: Mapping[str, Any],
    force: bool,
    progress: bool,
    resume: bool = False,
) -> dict[str, Any]:
    """Train an adapter on a run folder and return what training.json says.

    `model`: a folder, a name on the Hub, or ``tiny``. `out`: where to, by default ``RUN/adapter``; an adapter
    that is there already is replaced with `force` only. `general`: sources instead of those in
    the recipe, as training.config.Source is written short. `overrides`:
    settings that win over those in the run's recipe. `progress`: report on stderr. `resume`: go on from the last
    checkpoint of a training that broke off; where there is none, begin, and say so. Of several processes the first
    alone writes and prints; the others return an empty dict.
    """
    started = time.monotonic()
    data = read_run(run)
    config = configure(data.settings, overrides, _sources(general), model=model, records=len(data.train))
    _ready(config)
    target = (out if out is not None else run / "adapter").absolute()
    _check_target(target, run.absolute(), force=force)
    pools = read_pools(config)
    with (
        quiet(),
        Progress(on=progress and first()) as say,
        workplace(target, resume=resume, force=force, main=first()) as work,
        _told(target, say),
    ):
        from training.adapter import make_adapter

        if resume and last_checkpoint(work) is None:
            say.line("there is no checkpoint to go on from: it begins at step 0")
        result = make_adapter(data, model, pools, config, work=work, target=target, say=say)
        if not first():
            return {}
        result["seconds"]["total"] = round(time.monotonic() - started, 1)
        _write(work / "adapter", result)
    for note in result["notes"]:
        say.line(f"note: {note}")
    say.line(f"adapter: {target} ({result['seconds']['total']:.0f} s)")
    return result


def preview_run(
    run: Path, *, model: str, general: Sequence[str | Path], overrides: Mapping[str, Any], count: int
) -> dict[str, Any]:
    """Return what a training would learn from: `count` records token by token, lengths of all sets, the mixture."""
    data = read_run(run)
    config = configure(data.settings, overrides, _sources(general), model=model, records=len(data.train))
    check_extra(quantize=False)
    pools = read_pools(config)
    with quiet(), tempfile.TemporaryDirectory() as folder:
        from training.adapter import preview_run

        return preview_run(data, model, pools, config, count=count, folder=Path(folder))


def doctor_run(
    run: Path, *, model: str, general: Sequence[str | Path], overrides: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Hold settings, run, model and machine against each other; return the findings, errors first.

    Raises what training itself would raise where it could not even begin.
    """
    data = read_run(run)
    config = configure(data.settings, overrides, _sources(general), model=model, records=len(data.train))
    _ready(config)
    pools = read_pools(config)
    with quiet(), tempfile.TemporaryDirectory() as folder:
        from training.adapter import doctor
        from training.doctor import to_json

        return to_json(doctor(data, model, pools, config, folder=Path(folder)))


def compare_sets(
    sets: Mapping[str, Sequence[dict[str, Any]]],
    folder: Path,
    *,
    target: Path,
    model: str,
    settings: Mapping[str, Any],
    overrides: Mapping[str, Any],
    seeds: Sequence[int],
    questions: int,
    progress: bool,
) -> dict[str, Any]:
    """Train on raw and on curated records alike, ask both the same, and write what came of it to `folder`.

    `folder` will be `target` in the end. `sets` has ShareGPT rows (id, conversation, conversations): raw, curated, and
    the held-out real and clean ones. `settings` are the recipe's. Returns what compare.json says.
    """
    config = configure(settings, {"general_share": 0.0}, overrides, model=model, records=len(sets["curated"]))
    accumulation(config)
    check_extra(quantize=config.quantize)
    records = {name: sharegpt_records(rows, name) for name, rows in sets.items()}
    conversations = {name: {str(row["id"]): str(row["conversation"]) for row in rows} for name, rows in sets.items()}
    with quiet(), Progress(on=progress) as say:
        from training.compare import compare
        from training.contrast import to_markdown

        result = compare(
            records, conversations, model, config,
            seeds=seeds, questions=questions, folder=folder, target=target, say=say,
        )  # fmt: skip
    text = json.dumps(result, ensure_ascii=False, indent=1, allow_nan=False)
    (folder / "compare.json").write_text(text + "\n", encoding="utf-8")
    (folder / "compare.md").write_text(to_markdown(result), encoding="utf-8")
    return result


def _sources(general: Sequence[str | Path]) -> dict[str, Any]:
    """Return the sources that the command line gives, as a setting."""
    return {"general": [str(source) for source in general]} if general else {}


def export_adapter(
    adapter: Path, *, out: Path | None, model: str | None, precision: str, force: bool, progress: bool
) -> dict[str, Any]:
    """Merge an adapter into its unquantised base, by default beside it; return what export.json says.

    `model`: the base, where it is no longer where it was. A model of which all weights were trained is whole already:
    it gets its Modelfile, and nothing is merged.
    """
    try:
        told = json.loads((adapter / OURS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ConfigError(
            f"{adapter}: no adapter of siftune is here (no {OURS}); give the folder that `siftune train` made"
        ) from None
    if precision not in ("bf16", "fp16", "fp32"):
        raise ConfigError(f"--precision {precision}: there is no such precision; take bf16, fp16 or fp32")
    check_extra(quantize=False)
    if told["config"].get("method") == "full":
        if out is not None:
            raise ConfigError(
                f"{adapter}: all its weights were trained, so there is nothing to merge; leave --out away"
            )
        with quiet():
            from training.export import prepare_whole

            return prepare_whole(adapter, told)
    base = model or (str(adapter.resolve() / "base") if told["model"]["built_in"] else told["model"]["base"])
    if (told["model"]["local"] or model) and Path(base).is_absolute() and not Path(base).is_dir():
        raise ConfigError(f"{base}: the base model is not there any more; give its folder with --model")
    target = (out if out is not None else adapter.with_name(f"{adapter.name}-merged")).absolute()
    _check_target(target, adapter.absolute(), force=force, ours="export.json", what="a merged model")
    with (
        quiet(),
        Progress(on=progress) as say,
        workplace(target, resume=False, force=force) as work,
        _told(target, say),
    ):
        from training.export import export

        result = export(adapter, target, work / "adapter", told, base=base, precision=cast(Any, precision), say=say)
        _readable(work / "adapter")
    return result


def _check_target(target: Path, run: Path, *, force: bool, ours: str = OURS, what: str = "an adapter") -> None:
    """Refuse to lose anything: only `what` we made, known by its file `ours`, is replaced, and only with `force`."""
    if target.resolve() == run.resolve() or target.resolve() in run.resolve().parents:
        raise ConfigError(f"{target}: {what} cannot take the place of the folder it is made from; give another --out")
    if not target.exists():
        return
    if not target.is_dir():
        raise ConfigError(f"{target}: this is a file; give a folder as --out")
    if not any(target.iterdir()):
        return
    if not (target / ours).is_file():
        raise ConfigError(f"{target}: the folder holds other things and is left alone; give another --out")
    if not force:
        raise ConfigError(f"{target}: there is {what} already; give --force to replace it, or another --out")


@contextmanager
def _told(target: Path, say: Progress) -> Iterator[None]:
    """Say of every failure what is left of the work, and of a full disk what to do."""
    try:
        yield
    except (TrainingError, KeyboardInterrupt, OSError, RuntimeError, MemoryError) as error:
        kept = last_checkpoint(beside(target))
        rest = f"; step {step_of(kept)} is kept: the same command with --resume goes on from there" if kept else ""
        if no_space(error):
            raise TrainingError(
                f"{target}: no space is left on its disk; free some, or give another --out{rest}"
            ) from error
        if isinstance(error, TrainingError) and not isinstance(error, ConfigError) and rest:
            raise type(error)(f"{error}{rest}") from error
        if rest and not isinstance(error, ConfigError):
            say.line(rest.removeprefix("; "))
        raise


def _write(folder: Path, result: dict[str, Any]) -> None:
    """Write training.json, and the card and the curve that are made from it."""
    text = json.dumps(result, ensure_ascii=False, indent=1, allow_nan=False)
    (folder / OURS).write_text(text + "\n", encoding="utf-8")
    (folder / "README.md").write_text(card(result), encoding="utf-8")
    curve = draw(
        result["history"],
        title=f"Loss · {result['name']}",
        best_step=result["best_step"],
        last_step=result["steps"]["done"],
        stopped_early=result["stopped_early"],
    )
    (folder / "loss.svg").write_text(curve, encoding="utf-8")
    _readable(folder)


def _readable(folder: Path) -> None:
    """Give the weights, which are written for their owner alone, the mode that everything else has."""
    umask = os.umask(0)
    os.umask(umask)
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o666 & ~umask)
