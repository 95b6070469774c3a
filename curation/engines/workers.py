"""Shards in worker processes, each with its share of the cores: Polars' threads alone do not fill them."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process, resource_tracker
from pathlib import Path
from threading import Thread

from curation import allocator
from curation.engines.disk import Run, task_of
from curation.errors import OutputError
from curation.steps import Job


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def processes(number: int) -> Iterator[Run]:
    """Give what runs steps in `number` processes, which start now, beside what this one does, and stay to the end.

    Where that is a failure or a signal, they are ended whatever they are at: a shard is made whole or not at all.
    """
    others = set(active_children())
    threads = os.environ.get("POLARS_MAX_THREADS", str(max(1, cores() // number)))
    with _environment({"POLARS_MAX_THREADS": threads, **allocator.keeping()}), _uninterrupted():
        pool = ProcessPoolExecutor(number, get_context("spawn"), initializer=_ends_with_its_parent)
        for _ in range(number):
            pool.submit(_ready)

    def run(folder: Path, step: str, numbers: Sequence[int], job: Job) -> Iterator[int]:  # noqa: ARG001
        with _alive(folder), _uninterrupted():
            begun = [pool.submit(task_of, str(folder), step, number) for number in numbers]

        def ended() -> Iterator[int]:
            with _alive(folder):
                for number, one in zip(numbers, begun, strict=True):
                    one.result()
                    yield number

        return ended()

    try:
        yield run
    except BaseException:
        for child in set(active_children()) - others:
            child.kill()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Start processes that never hear Ctrl-C, which goes to all of a terminal: this one does, and ends them."""
    resource_tracker.ensure_running()  # else the first process starts it, which unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _alive(folder: Path) -> Iterator[None]:
    """Raise OutputError where a worker is no more."""
    try:
        yield
    except BrokenProcessPool:
        cure = "go on with --resume and fewer --workers"
        raise OutputError(f"{folder}: a worker process died, likely for want of memory; {cure}") from None


def _ready() -> None:
    """Keep what is loaded (to be asked for this, a process has loaded all that a step needs) from being looked over."""
    gc.freeze()


def _ends_with_its_parent() -> None:
    """Leave when the parent is gone, however it went: nobody would take what is made here, or lock the folder."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    Thread(target=watch, daemon=True).start()


@contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
    """Let processes that start now find this in their environment."""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
