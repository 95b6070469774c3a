"""How much device memory a training needs, by an estimate from the model's shape; nothing is loaded.

The estimate adds what can be counted (weights, adapter with gradients and optimiser, activations that are kept,
logits) and a fixed part for the device's own libraries. It is meant to choose a batch, not to the megabyte; where a
GPU was at hand, docs/performance.md says how far it was off.
"""

from __future__ import annotations

from dataclasses import dataclass

from training.config import TrainConfig

GIB = 1024**3
NF4_BYTES = 0.516  # 4 bits, and the scales of blocks of 64 in 8 bits with double quantisation (arXiv 2305.14314)
STATE_BYTES = 16  # of a trained parameter: weight, gradient and Adam's two moments, 4 bytes each
LIBRARIES = 0.9 * GIB  # context, kernels and the allocator's gaps on CUDA
USABLE = 0.94  # of the memory that a card is sold with


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a model decides its memory. Parameters are counted, sizes are in elements."""

    linear: int  # parameters of the blocks' linear layers: these are held in 4 bits
    other: int  # embeddings, head, norms: these are not
    adapted: int  # inputs + outputs of all layers that get an adapter; times the rank: parameters of the adapter
    largest: int  # parameters of the largest linear layer: one is in full precision at a time
    layers: int
    hidden: int
    intermediate: int
    vocabulary: int
    unmatched: tuple[str, ...] = ()  # target modules that no linear layer is called by


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes by what needs them."""

    weights: float
    adapter: float
    activations: float
    logits: float

    @property
    def total(self) -> float:
        """Bytes in all, the device's own libraries included."""
        return self.weights + self.adapter + self.activations + self.logits + LIBRARIES


def estimate(shape: Shape, config: TrainConfig, *, batch: int, bytes_per_weight: int = 2) -> Estimate:
    """Estimate the peak for `batch` records of `config.max_length` tokens; weights not in 4 bits take so many bytes.

    With checkpointing every layer keeps its input, and one layer at a time is computed anew: about 16 hidden and 6
    intermediate vectors per token. Without it all layers keep theirs.
    """
    tokens = batch * config.max_length
    layer = tokens * (16 * shape.hidden + 6 * shape.intermediate) * 2
    kept = tokens * shape.hidden * 2
    held = NF4_BYTES if config.quantize else bytes_per_weight
    return Estimate(
        weights=shape.linear * held + shape.other * bytes_per_weight + (shape.largest * 2 if config.quantize else 0),
        adapter=config.rank * shape.adapted * STATE_BYTES,
        activations=shape.layers * kept + layer if config.gradient_checkpointing else shape.layers * layer,
        logits=tokens * shape.vocabulary * 4,
    )


def fitting_batch(shape: Shape, config: TrainConfig, *, gib: float) -> int | None:
    """Return the largest batch that fits into `gib` and divides the effective batch, at most `batch_size`.

    None where not even one record fits.
    """
    for batch in range(min(config.batch_size, config.effective_batch_size), 0, -1):
        fits = estimate(shape, config, batch=batch).total <= USABLE * gib * GIB
        if fits and config.effective_batch_size % batch == 0:
            return batch
    return None
