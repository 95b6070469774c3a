"""One shard with everything in it, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import polars as pl

from curation import part
from curation.engines.protocol import Read
from curation.read import bearable, read
from curation.recipe import Recipe
from curation.steps import STAY, STEPS, WRITTEN, Frames, Job, Step, sided


class Memory:
    """Keeps frames by name, each as long as a later step needs it."""

    def __init__(self, frames: Frames | None = None) -> None:
        """Start with `frames` of a shard, where something was run already."""
        self.scratch: Path | None = None
        self._frames: Frames = dict(frames or {})

    def read(self, files: Sequence[Path], recipe: Recipe, progress: Callable[[str], None]) -> Read:
        """Read the input as one shard."""
        reading = read(files, recipe.sources, progress=progress)
        bearable(reading.inputs, reading.unreadable, recipe.reading.max_unreadable)
        self._frames["read"] = reading.messages
        return Read(reading.inputs, reading.unreadable, reading.messages.height)

    def map(self, step: Step, job: Job, shared: Mapping[str, pl.DataFrame]) -> list[Frames]:
        """Run a step over the one shard."""
        later = {name for other in STEPS[STEPS.index(step) + 1 :] for name in other.needs} | STAY
        mine = {name: self._frames[name] for name in step.needs}
        for name in step.needs:
            if name in step.keeps or name not in later:
                del self._frames[name]  # the step has the last hold on it
        made = step.run(mine, job, shared)
        self._frames |= {name: made[name] for name in step.keeps}
        return [{name: made[name] for name in step.gives}]

    def begin(self, step: Step, job: Job, shared: Mapping[str, pl.DataFrame]) -> Callable[[], list[Frames]]:
        """Run a step when what it gives is asked for."""
        return partial(self.map, step, job, shared)

    def once(self, name: str, make: Callable[[], Iterable[tuple[str, pl.DataFrame]]]) -> Frames:  # noqa: ARG002
        """Return what a global step makes."""
        return dict(make())

    def parts(
        self,
        name: str,
        sizes: pl.DataFrame,  # noqa: ARG002
        columns: Sequence[str] | None = None,
    ) -> Iterator[pl.DataFrame]:
        """Yield a frame that the last step kept, in one part."""
        yield self._whole(name).select(columns or pl.all())

    def _whole(self, name: str) -> pl.DataFrame:
        return pl.concat([self._frames[part] for part in WRITTEN[name]], how="horizontal")

    def written(
        self,
        job: Job,
        sizes: pl.DataFrame,  # noqa: ARG002
        unread: pl.DataFrame,
        placed: pl.DataFrame,
        folder: Path,
    ) -> Iterator[tuple[Path, Frames]]:
        """Write files of lines, in one part."""
        place = folder / ".part"
        place.mkdir()
        frames = {name: self._whole(name) for name in WRITTEN}
        frames["examples"] = sided(frames["examples"], placed)
        messages, examples, findings = (frame.drop("begins") for frame in frames.values())
        yield place, part.write(messages, examples, pl.concat([unread, findings]), job.recipe, place)
