"""The adapter's training.json → the training part of a report. The file is all that the two halves share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from curation.errors import SourceError
from curation.report.model import Generation, Loss, Training
from curation.report.shown import short

MOST_POINTS = 400  # of a curve: more than a page has room for


def training(adapter: Path) -> Training | None:
    """Read what a training says of itself; None where there is none, SourceError where it cannot be read."""
    path = adapter / "training.json"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return _training(told)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError):
        raise SourceError(f"{path}: not a training of this version of siftune; train again, or remove it") from None


def _training(told: Mapping[str, Any]) -> Training:
    mixture, losses = told["mixture"], told["losses"]
    domain, general = losses.get("domain") or {}, losses.get("general") or {}
    moved = (told.get("divergence") or {}).get("general") or {}
    return Training(
        model=told["model"]["asked"],
        device=f"{told['device']['name']} · {told['device']['precision']}",
        domain=mixture["domain"],
        general=mixture["general"],
        share_wanted=mixture["share_wanted"],
        share_records=mixture["share_records"],
        share_tokens=mixture["share_tokens"],
        steps=told["steps"]["done"],
        planned_steps=told["steps"]["planned"],
        best_step=told["best_step"],
        stopped_early=told["stopped_early"],
        losses=_thinned([loss for loss in map(_loss, told["history"]) if loss is not None]),
        domain_before=domain.get("base"),
        domain_after=domain.get("adapter"),
        general_before=general.get("base"),
        general_after=general.get("adapter"),
        divergence=moved.get("nats"),
        tokens_before=(told.get("answer_tokens") or {}).get("base"),
        tokens_after=(told.get("answer_tokens") or {}).get("tuned"),
        generations=[_generation(sample) for sample in told["samples"][:60]],
        notes=[str(note) for note in told["notes"]],
    )


def _loss(row: Mapping[str, Any]) -> Loss | None:
    values = {"train": row.get("loss"), "domain": row.get("eval_domain_loss"), "general": row.get("eval_general_loss")}
    return None if all(value is None for value in values.values()) else Loss(step=row["step"], **values)


def _thinned(losses: list[Loss]) -> list[Loss]:
    """Keep every evaluation, and of the steps between as many as there is room for."""
    plain = [loss for loss in losses if loss.domain is None and loss.general is None]
    room = max(1, MOST_POINTS - (len(losses) - len(plain)))
    kept = {id(loss) for loss in plain[:: max(1, -(-len(plain) // room))]}
    return [loss for loss in losses if loss.domain is not None or loss.general is not None or id(loss) in kept][:1000]


def _generation(sample: Mapping[str, Any]) -> Generation:
    told = [sample["question"], sample["base"]["text"], sample["tuned"]["text"], sample["reference"] or ""]
    question, base, tuned, reference = short(told)
    return Generation(
        kind=sample["kind"],
        question=question,
        reference=reference if sample["reference"] is not None else None,
        base=base,
        tuned=tuned,
        tuned_stopped=sample["tuned"]["stopped"],
        base_flags=sample["base"].get("flags", []),
        tuned_flags=sample["tuned"].get("flags", []),
    )
