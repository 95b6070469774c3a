"""Shards in worker processes, each with its share of the cores: where Polars' threads alone do not fill them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from curation.engines.disk import Run, task_of
from curation.errors import OutputError
from curation.steps import Job, Step


def processes(number: int) -> Run:
    """Return what runs steps in `number` processes, started anew for every step: what a step took is given back."""

    def run(folder: Path, step: Step, shards: Sequence[int], job: Job) -> None:  # noqa: ARG001
        some = min(number, len(shards))
        with _cores(max(1, (os.cpu_count() or 1) // some)), ProcessPoolExecutor(some, get_context("spawn")) as pool:
            at_work = [pool.submit(task_of, str(folder), step.name, shard) for shard in shards]
            try:
                for one in at_work:
                    one.result()
            except BrokenProcessPool:
                raise OutputError(
                    f"{folder}: a worker process died, likely for want of memory; "
                    "go on with --resume and fewer --workers"
                ) from None
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    return run


@contextmanager
def _cores(each: int) -> Iterator[None]:
    """Let processes that start now use so many threads."""
    name, before = "POLARS_MAX_THREADS", os.environ.get("POLARS_MAX_THREADS")
    os.environ[name] = str(each) if before is None else before
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
