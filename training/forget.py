"""Forgetting, measured: how far the tuned model has moved from its base on what it should still know.

Two numbers on the same records. The loss on general records, before and after: what it knew, and what it still
knows. The divergence KL(base ‖ tuned) per answer token: how differently it would go on, whether that is better or
worse (arXiv 2401.05605 measures forgetting by the cross entropy to the base model's own predictions). Both come from
one model: the base is the tuned one with its adapter switched off. Where all weights were trained it is loaded again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from training.config import TrainConfig
from training.encode import IGNORE, Encoded
from training.model import as_base

NOISE = 0.02  # nats per token: a rise that the held-out records cannot tell from chance
MUCH = 0.1  # nats per token: from here on the answers are visibly worse
MOST_TOKENS = 20_000  # answer tokens compared: enough for three digits


@dataclass(frozen=True, slots=True)
class Divergence:
    """KL(base ‖ tuned) in nats per answer token, and over how many."""

    nats: float
    tokens: int


def divergence(
    model: PeftModel | PreTrainedModel, records: Sequence[Encoded], *, base: PreTrainedModel | None = None
) -> Divergence | None:
    """Compare the tuned model with its base on the answers of `records`; None without an answer token.

    The base is the model with its adapter switched off, or `base`, where all weights were trained.
    """
    was_training = model.training
    model.eval()
    total, tokens = 0.0, 0
    try:
        for record in records:
            if tokens >= MOST_TOKENS:
                break
            ids = torch.tensor([record.input_ids], device=model.device)
            # The logits at a place say what comes next, so those before each learned token are compared.
            places = [place - 1 for place, label in enumerate(record.labels) if label != IGNORE and place]
            if not places:
                continue
            with torch.no_grad():
                tuned = _predictions(model, ids, places)
                with as_base(model, base) as untuned:
                    before = _predictions(untuned, ids, places)
            total += float((before.exp() * (before - tuned)).sum())
            tokens += len(places)
    finally:
        model.train(was_training)
    return Divergence(max(0.0, total / tokens), tokens) if tokens else None


def _predictions(model: PeftModel | PreTrainedModel, ids: torch.Tensor, places: Sequence[int]) -> torch.Tensor:
    """Return log probabilities (places × vocabulary) in 32 bits."""
    logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits[0]
    return torch.log_softmax(logits[list(places)].float(), dim=-1)


def verdict(
    losses: Mapping[str, Any],
    moved: Divergence | None,
    config: TrainConfig,
    *,
    share: float,
    steps: int,
    best: int | None,
) -> dict[str, Any] | None:
    """Say in words whether the model forgot, and which of the known cures the numbers call for.

    `losses` has ``general`` with base and adapter; `share` is the general share reached, in records; `steps` were
    made, and the adapter of step `best` was kept. None where nothing general was held out.
    """
    if "general" not in losses:
        return None
    before, after = losses["general"]["base"], losses["general"]["adapter"]
    rise = round(after - before, 6)
    state = "kept" if rise <= NOISE else "some" if rise <= MUCH else "much"
    words = {
        "kept": "It did not forget",
        "some": "It forgot a little",
        "much": "It forgot",
    }[state] + f": the loss on general records went from {before:.3f} to {after:.3f} nats per token"
    if moved is not None:
        words += f", and its predictions moved by {moved.nats:.3f}"
    return {
        "state": state,
        "words": words + ".",
        "rise": rise,
        "divergence": moved.nats if moved else None,
        "tokens": moved.tokens if moved else 0,
        "cures": [] if state == "kept" else _cures(config, share=share, steps=steps, best=best),
    }


def _cures(config: TrainConfig, *, share: float, steps: int, best: int | None) -> list[str]:
    """Return the cures that are not yet taken, the most effective first (facts: docs/training.md)."""
    cures = []
    if share < 0.3:
        wanted = min(0.3, max(0.15, round(2 * share, 2)))
        cures.append(f"mix in more general data: general_share {wanted:g} (now {share:.2f})")
    if config.method == "full":
        cures.append("train an adapter instead of all weights: preset method")
    elif config.rank > 16:
        cures.append(f"lower the rank: {config.rank // 2} (now {config.rank})")
    if best is None or best > steps / 2:
        cures.append(f"stop earlier: epochs {max(1.0, config.epochs / 2):g} (now {config.epochs:g})")
    if config.learning_rate > (1e-4 if config.method == "lora" else 5e-6):
        cures.append(f"lower learning_rate: {config.learning_rate / 2:g} (now {config.learning_rate:g})")
    return cures
