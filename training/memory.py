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
    adapter: float  # with gradients and optimiser; without an adapter: gradients and optimiser of all weights
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
    if config.method == "full":  # all weights in 32 bits, each with its gradient and Adam's two moments
        return Estimate(
            weights=(shape.linear + shape.other) * 4,
            adapter=(shape.linear + shape.other) * (STATE_BYTES - 4),
            activations=shape.layers * kept + layer if config.gradient_checkpointing else shape.layers * layer,
            logits=tokens * shape.vocabulary * 4,
        )
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


def out_of_memory(error: BaseException) -> bool:
    """Tell whether a failure is for want of memory: torch has an error of its own for GPUs only."""
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in words)


def less_memory(config: TrainConfig) -> str:
    """Say what to lower, with its present value; what costs nothing comes first."""
    cures = []
    if config.batch_size > 1:
        lower = max(n for n in range(1, config.batch_size) if config.effective_batch_size % n == 0)
        cures.append(f"set batch_size={lower} (now {config.batch_size}; effective_batch_size stays)")
    if not config.gradient_checkpointing:
        cures.append("set gradient_checkpointing=true")
    cures.append(f"lower max_length (now {config.max_length})")
    if config.method == "full":
        cures.append("train an adapter (preset method)")
    elif not config.quantize:
        cures.append("set quantize=true")
    return ", or ".join(cures)


def disk_need(shape: Shape, config: TrainConfig) -> float:
    """Return the bytes that a training needs on disk: three checkpoints at a time, and what is saved at the end."""
    trained = shape.linear + shape.other if config.method == "full" else config.rank * shape.adapted
    return trained * (12 * 3 + 4)  # weight and two moments, 4 bytes each
