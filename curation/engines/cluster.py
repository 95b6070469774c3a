"""Shards on the machines of a Ray cluster, by Ray Data (extra `scale`). All of them must see the work folder."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl

from curation import __version__
from curation.engines.disk import Run, task_of
from curation.errors import CurationError, OutputError, UsageError
from curation.steps import Job

PATIENCE = 10.0  # seconds that the head node has to answer
WHERE = "the work folder (beside --out) must be on a disk that all machines of the cluster share"


def ray(address: str | None, *, workers: int | None = None) -> Run:
    """Return what runs steps on the cluster at `address` (default: one started on this machine for this run).

    At most `workers` shards are run at a time (default: what the cluster has cores for). Raises UsageError where Ray
    is not installed or the cluster cannot be reached.
    """
    _listens(address)
    module = _connected(address)
    versions = _versions()

    def one(row: dict[str, Any]) -> dict[str, Any]:
        if _versions() != row["versions"]:
            raise UsageError(f"a worker has siftune, Polars, Python {_versions()}, not {row['versions']}")
        if not Path(row["folder"]).is_dir():
            raise OutputError(f"{row['folder']}: a worker does not see it; {WHERE}")
        task_of(row["folder"], row["step"], row["shard"], packed=True)
        return {"shard": row["shard"]}

    def run(folder: Path, step: str, numbers: Sequence[int], job: Job) -> Iterator[int]:  # noqa: ARG001
        rows = [
            {"folder": str(folder.absolute()), "step": step, "shard": number, "versions": versions}
            for number in numbers
        ]
        data = module.data.from_items(rows, override_num_blocks=len(rows))
        try:
            done = data.map(one, concurrency=workers).take_all()
        except module.exceptions.RayError as fault:
            raise _ours(fault) or fault from None
        if len(done) != len(rows):
            raise OutputError(f"{folder}: Ray returned {len(done)} of {len(rows)} shards; go on with --resume")
        yield from numbers

    return run


def _versions() -> str:
    return f"{__version__}, {pl.__version__}, {'.'.join(map(str, sys.version_info[:2]))}"


def _connected(address: str | None) -> Any:  # noqa: ANN401  ray is an extra
    try:
        import ray as module
        import ray.data
    except ImportError:
        raise UsageError("--engine ray needs Ray, which is not installed; run: pip install 'siftune[scale]'") from None
    if not module.is_initialized():
        told_to_end = signal.getsignal(signal.SIGTERM)
        try:
            module.init(address=address, logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False)
        except Exception as fault:  # a node that does not come up in time is a bare Exception
            module.shutdown()
            said = " ".join(str(fault).split())[:200]
            if address is None:
                raise OutputError(
                    f"--engine ray: Ray did not start on this machine: {said}; try again when it is less busy, "
                    "or use --engine shards, which needs no Ray"
                ) from None
            raise UsageError(f"--address {address}: no Ray cluster can be reached there: {said}") from None
        with suppress(ValueError):  # not the main thread: there Ray sets none either
            signal.signal(signal.SIGTERM, told_to_end)  # Ray's own ends with 15 and a trace
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # plans and paths of its own, whatever -q says
    return module


def _listens(address: str | None) -> None:
    """Raise UsageError where nothing answers at HOST:PORT: Ray itself would wait there for many minutes."""
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if not colon:
        return  # none, `auto`, `local`
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE):
            return
    except (OSError, ValueError, OverflowError) as fault:
        raise UsageError(
            f"--address {address}: nothing answers there ({fault}); give HOST:PORT of the cluster's head node"
        ) from None


def _ours(fault: BaseException) -> CurationError | None:
    """Return the error of ours behind an error of Ray, if there is one."""
    seen: set[int] = set()
    while fault is not None and id(fault) not in seen:
        if isinstance(fault, CurationError):
            return fault
        seen.add(id(fault))
        cause = getattr(fault, "cause", None) or fault.__cause__
        if not isinstance(cause, BaseException):
            return None
        fault = cause
    return None
