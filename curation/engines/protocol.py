"""What the composition (pipeline.py) asks of an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from curation.read import Input
from curation.recipe import Recipe
from curation.steps import Frames, Job, Step


@dataclass(frozen=True)
class Read:
    """What is known of the input once it was read; the messages are with the engine."""

    inputs: list[Input]
    unreadable: pl.DataFrame  # tables.UNREADABLE
    count: int  # of messages


class Engine(Protocol):
    """Reads the input into shards, runs map steps over them, and puts what they keep together again.

    `scratch` is a folder for what would be too large for memory, where there is one.
    """

    scratch: Path | None

    def read(self, files: Sequence[Path], recipe: Recipe, progress: Callable[[str], None]) -> Read:
        """Read the input; raises SourceError as read.read and read.bearable do."""
        ...

    def map(self, step: Step, job: Job, shared: Mapping[str, pl.DataFrame]) -> list[Frames]:
        """Run a step over every shard; returns what it gives (Step.gives), shard by shard."""
        ...

    def begin(self, step: Step, job: Job, shared: Mapping[str, pl.DataFrame]) -> Callable[[], list[Frames]]:
        """Begin a step, beside what the caller does next where that can be; what is returned waits as `map` does."""
        ...

    def once(self, name: str, make: Callable[[], Iterable[tuple[str, pl.DataFrame]]]) -> Mapping[str, pl.DataFrame]:
        """Return what a global step makes; an engine that can go on after a break keeps it under `name`."""
        ...

    def parts(self, name: str, sizes: pl.DataFrame, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """Yield what the last step kept under `name`, some whole streams at a time, in the order of the input.

        `columns` are those wanted, `begins` among them (default: all).
        `sizes` says how many rows of each frame every stream has (begins, messages, examples, findings): all frames are
        cut at the same streams, and there is at least one part.
        """
        ...

    def written(
        self, job: Job, sizes: pl.DataFrame, unread: pl.DataFrame, placed: pl.DataFrame, folder: Path
    ) -> Iterator[tuple[Path, Frames]]:
        """Write what stands in files of lines (part.write), some whole streams at a time.

        `unread` are more findings, `placed` the sides of the split (steps.sided).
        Yields the folder of every part, in the order of the input, and what was measured of it. The folder is the
        caller's, who removes it. `folder` is a place for what no folder of the engine's own holds.
        """
        ...
