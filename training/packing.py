"""Packing: several records in one row, so that no device computes on padding. TRL packs and collates; this decides how.

A row of packed records counts as one record for the Trainer, which would make the effective batch many times larger
than asked for. So the rows of a step follow from the records in a row, and rows get shorter where one alone would hold
more than a step's records. Records that are too long have been cut or split before (encode.py): none is cut here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from training.config import TrainConfig, accumulation
from training.encode import Encoded
from training.errors import ModelError

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel

APART = 1e-3  # of the logits' range: kernels that add up in another order stay far below, another record far above


@dataclass(frozen=True, slots=True)
class Layout:
    """How records become batches. Without packing a row is a record."""

    records: int
    rows: int
    batch: int  # rows per device and forward pass
    accumulation: int  # passes per optimiser step
    processes: int
    length: int | None = None  # most tokens of a row; None: not packed
    tokens: int = 0  # in all rows

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps per epoch; the last may be smaller."""
        return math.ceil(math.ceil(self.rows / (self.batch * self.processes)) / self.accumulation)

    def described(self) -> dict[str, Any] | None:
        """Return what training.json says of packing; None without it."""
        if self.length is None:
            return None
        per_row = self.records / self.rows
        return {
            "rows": self.rows,
            "length": self.length,
            "records_per_row": per_row,
            "records_per_step": per_row * self.batch * self.accumulation * self.processes,
            "filled": self.tokens / (self.rows * self.length),
        }


def arrange(train: Sequence[Encoded], config: TrainConfig, *, processes: int) -> tuple[Dataset, Layout]:
    """Return the training set as the Trainer takes it, packed where `config` says so, and how it is laid out."""
    from datasets import Dataset

    plain = Dataset.from_dict(
        {"input_ids": [list(r.input_ids) for r in train], "labels": [list(r.labels) for r in train]}
    )
    if not config.packing:
        return plain, Layout(
            records=len(train),
            rows=len(train),
            batch=config.batch_size,
            accumulation=accumulation(config, processes),
            processes=processes,
        )
    from trl import pack_dataset

    lengths = [len(record.input_ids) for record in train]
    length = row_length(lengths, config, processes=processes)
    packed = pack_dataset(plain, length, strategy="bfd")
    return packed, layout(lengths, len(packed), length, config, processes=processes)


def row_length(lengths: Sequence[int], config: TrainConfig, *, processes: int) -> int:
    """Return the most tokens of a row: `max_length`, or less where a row per device were more than the effective batch.

    Never less than the longest record.
    """
    share = config.effective_batch_size / processes * sum(lengths) / len(lengths)
    return max(*lengths, min(config.max_length, int(share))) if len(lengths) > 1 else lengths[0]


def layout(lengths: Sequence[int], rows: int, length: int, config: TrainConfig, *, processes: int) -> Layout:
    """Return how many rows make a pass and a step, so that a step has about `effective_batch_size` records."""
    wanted = config.effective_batch_size / (len(lengths) / rows) / processes  # rows per step and device
    each = max(1, round(wanted))
    batch = max(size for size in range(1, min(config.batch_size, each) + 1) if each % size == 0)
    return Layout(
        records=len(lengths),
        rows=rows,
        batch=batch,
        accumulation=each // batch,
        processes=processes,
        length=length,
        tokens=sum(lengths),
    )


def contamination(model: PreTrainedModel, collate: Any) -> float:  # noqa: ANN401  TRL's collator
    """Return how much a record's logits depend on the record before it in its row, as a part of their range.

    The second record's logits are computed twice, behind two different first ones: 0 when they are kept apart.
    `collate` is the collator that training uses, so that what is measured is what is trained.
    """
    vocabulary = int(model.config.get_text_config().vocab_size)
    one, two, last = ([(start + 7 * n) % vocabulary for n in range(12)] for start in (3, 101, 50))
    seen = []
    was_training = model.training
    model.eval()
    try:
        for before in (one, two):
            row = {"input_ids": before + last, "labels": before + last, "seq_lengths": [12, 12]}
            batch = {key: value for key, value in collate([row]).items() if key != "labels"}
            on_device = {key: v.to(model.device) if torch.is_tensor(v) else v for key, v in batch.items()}
            with torch.no_grad():
                seen.append(model(**on_device, use_cache=False).logits[0, 12:].float())
    finally:
        model.train(was_training)
    spread = float(seen[0].max() - seen[0].min())
    return float((seen[0] - seen[1]).abs().max()) / max(spread, 1e-9)


def keep_apart(model: PreTrainedModel, collate: Any) -> None:  # noqa: ANN401  TRL's collator
    """Raise ModelError when packed records would see each other through this model's attention."""
    found = contamination(model, collate)
    if not found <= APART:
        how = getattr(model.config, "_attn_implementation", "unknown")
        raise ModelError(
            f"packing: with this model's attention ({how}) a record sees the one before it in its row (its logits move "
            f"by {found:.0%} of their range); set packing=false, or attention to sdpa or flash_attention_2"
        )
