"""What a training says of itself: training.json, which the card, the curve and the report are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.config import TINY, TrainConfig
from training.data import Run
from training.encode import Encoding
from training.fit import Fit
from training.flags import rates
from training.forget import Divergence, verdict
from training.model import Device
from training.notes import on_base, on_data, on_result, on_sources
from training.prepare import Prepared
from training.quiet import versions
from training.sample import Sample, tokens_per_answer


@dataclass(frozen=True, slots=True)
class Base:
    """The model to start from."""

    asked: str  # as the user said it
    source: str  # where it is loaded from now
    stays: str  # where it will be found later: the name in adapter_config.json

    @property
    def local(self) -> bool:
        """True for a folder, False for a name on the Hub."""
        return self.source != self.asked or Path(self.source).is_absolute()


def describe(
    run: Run,
    base: Base,
    config: TrainConfig,
    device: Device,
    data: Prepared,
    fitted: Fit,
    samples: Sequence[Sample],
    moved: Mapping[str, Divergence | None],
) -> dict[str, Any]:
    """Return what training.json says, but for the seconds and the doctor's findings."""
    saved = fitted.best_step if fitted.best_step is not None else fitted.steps
    losses = _losses(fitted.history, saved, {name: len(records) for name, records in data.held_out.items()})
    forgetting = verdict(
        losses,
        moved.get("general"),
        config,
        share=data.mixture.share_records,
        steps=fitted.steps,
        best=fitted.best_step,
    )
    early = f"stopped early: no better validation loss in {config.patience} evaluations"
    return {
        "format": 1,
        "name": run.name,
        "run": str(run.folder.resolve()),
        "model": {
            "asked": base.asked,
            "base": base.stays,
            "local": base.local,
            "built_in": base.asked == TINY,
        },
        "config": config.model_dump(mode="json"),
        "device": {"kind": device.kind, "name": device.name, "precision": device.precision},
        "encoding": {name: _encoding(encoding) for name, encoding in data.encodings.items()},
        "mixture": {key: value for key, value in asdict(data.mixture).items() if key != "records"}
        | {"general_sources": list(data.sources)},
        "parameters": {
            "trainable": fitted.trainable,
            "total": fitted.parameters,
            "share": fitted.trainable / fitted.parameters,
        },
        "packing": fitted.packing,
        "processes": device.processes,
        "data": dict(run.files),
        "steps": {"planned": fitted.planned_steps, "done": fitted.steps, "saved": saved},
        "best_step": fitted.best_step,
        "stopped_early": fitted.stopped_early,
        "stop_reason": early if fitted.stopped_early else "all planned steps were made",
        "losses": losses,
        "divergence": {name: one and asdict(one) for name, one in moved.items()},
        "forgetting": forgetting,
        "answer_tokens": tokens_per_answer(samples),
        "flags": {name: rates([getattr(one, name).flags for one in samples]) for name in ("base", "tuned")},
        "history": fitted.history,
        "samples": [one.as_dict() for one in samples],
        "notes": [
            *on_base(built_in=base.asked == TINY),
            *on_data(data.encodings, data.mixture, validated=len(data.held_out["domain"])),
            *on_sources(data.sources),
            *on_result(losses, forgetting, samples),
        ],
        "versions": versions(),
    }


def _encoding(encoding: Encoding) -> dict[str, Any]:
    return {
        "given": encoding.given,
        "records": len(encoding.records),
        "too_long": encoding.too_long,
        "cut": encoding.cut,
        "split": encoding.split,
        "per_answer": encoding.per_answer,
        "reasoning": encoding.reasoning,
        "median_prompt": encoding.median_prompt,
        "median_answer": encoding.median_answer,
        "longest": encoding.longest,
        "max_length": encoding.max_length,
        "stop_ids": sorted(encoding.stop_ids),
    }


def _losses(history: Sequence[Mapping[str, float]], saved: int, records: Mapping[str, int]) -> dict[str, Any]:
    """For each held-out set: the base model's loss and that of the saved adapter."""
    rows = {int(row["step"]): row for row in history}
    losses = {}
    for name, count in records.items():
        key = f"eval_{name}_loss"
        if count and key in rows.get(saved, {}):
            losses[name] = {"records": count, "base": rows[0][key], "adapter": rows[saved][key]}
    return losses
