"""Shards of whole conversations in a work folder: one is in memory at a time, whatever the size of the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl

from curation import shards
from curation.engines.protocol import Read
from curation.recipe import Recipe
from curation.steps import STEPS, Frames, Job, Step


class Disk:
    """Keeps what every step makes of every shard in `folder`."""

    def __init__(self, folder: Path, *, size: int = shards.SIZE) -> None:
        """Work in `folder` (made), with shards of about `size` bytes of input."""
        self.folder, self.size = folder, size
        self.shards: shards.Shards

    def read(self, files: Sequence[Path], recipe: Recipe, progress: Callable[[str], None]) -> Read:
        """Part the input into shards."""
        self.shards = made = shards.write(
            files, recipe.sources, self.folder / "read", size=self.size,
            limit=recipe.reading.max_unreadable, progress=progress,
        )  # fmt: skip
        return Read(made.inputs, made.unreadable, made.messages)

    def map(self, step: Step, job: Job, shared: Mapping[str, pl.DataFrame]) -> list[Frames]:
        """Run a step over one shard after the other."""
        return [self._one(step, shard, job, shared) for shard in range(self.shards.count)]

    def _one(self, step: Step, shard: int, job: Job, shared: Mapping[str, pl.DataFrame]) -> Frames:
        frames = {name: self._load(step, shard, name) for name in step.needs}
        made = step.run(frames, job, shared)
        place = self.folder / step.name / f"shard-{shard:04d}"
        place.mkdir(parents=True)
        for name in step.keeps:
            made[name].write_ipc(place / f"{name}.arrow", compression="lz4")
        return {name: made[name] for name in step.gives}

    def _load(self, step: Step, shard: int, name: str) -> pl.DataFrame:
        if name == "read":
            return self.shards.load(shard)
        maker = next(other for other in STEPS[STEPS.index(step) - 1 :: -1] if name in other.keeps)
        return pl.read_ipc(self.folder / maker.name / f"shard-{shard:04d}" / f"{name}.arrow")

    def whole(self, name: str, sizes: pl.DataFrame) -> pl.DataFrame:  # noqa: ARG002
        """Put together what the last step kept."""
        frames = [
            pl.read_ipc(self.folder / STEPS[-1].name / f"shard-{shard:04d}" / f"{name}.arrow")
            for shard in range(self.shards.count)
        ]
        return pl.concat(frames).sort("begins", maintain_order=True)
