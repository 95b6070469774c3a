"""What a training would learn, token by token: before it costs an hour, and for no more than a tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from random import Random
from typing import TYPE_CHECKING, Any

from training.encode import IGNORE, Encoded, Encoding

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of tokens as text, and whether the loss falls on them."""

    text: str
    learned: bool
    tokens: int


@dataclass(frozen=True, slots=True)
class Preview:
    """One training record as the model will see it."""

    id: str
    source: str  # domain, or the name of the general file
    tokens: int
    learned: int
    stretches: tuple[Stretch, ...]


def preview(records: Sequence[Encoded], tokenizer: PreTrainedTokenizerBase, *, count: int, seed: int) -> list[Preview]:
    """Return `count` records chosen by `seed`, in their order, cut into learned and unlearned stretches."""
    chosen = sorted(Random(seed).sample(range(len(records)), min(count, len(records))))
    return [_preview(records[place], tokenizer) for place in chosen]


def _preview(record: Encoded, tokenizer: PreTrainedTokenizerBase) -> Preview:
    pairs = list(zip(record.input_ids, record.labels, strict=True))
    stretches = []
    for learned, run in groupby(pairs, key=lambda pair: pair[1] != IGNORE):
        ids = [token for token, _ in run]
        stretches.append(Stretch(tokenizer.decode(ids, skip_special_tokens=False), learned, len(ids)))
    return Preview(record.id, record.source, len(pairs), record.trained, tuple(stretches))


def lengths(encodings: dict[str, Encoding]) -> list[dict[str, Any]]:
    """Return for every set how long its records are and what does not fit; lengths in tokens."""
    keys = (
        "given",
        "too_long",
        "cut",
        "split",
        "per_answer",
        "median_prompt",
        "median_answer",
        "longest",
        "max_length",
    )
    return [{"set": name, **{key: getattr(one, key) for key in keys}} for name, one in encodings.items()]


def to_json(previews: Sequence[Preview]) -> list[dict[str, Any]]:
    """Return the previews as plain values."""
    return [asdict(one) for one in previews]
