"""What the composition (pipeline.py) asks of an engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    """Reads the input into shards, runs map steps over them, and puts what they keep together again."""

    def read(self, files: Sequence[Path], recipe: Recipe, progress: Callable[[str], None]) -> Read:
        """Read the input; raises SourceError as read.read and read.bearable do."""
        ...

    def map(self, step: Step, job: Job, shared: Mapping[str, pl.DataFrame]) -> list[Frames]:
        """Run a step over every shard; returns what it gives (Step.gives), shard by shard."""
        ...

    def whole(self, name: str, sizes: pl.DataFrame) -> pl.DataFrame:
        """Return the frame that shards keep under `name`, in the order of the input."""
        ...
