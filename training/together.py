"""Several processes that train together, one for each device; torchrun or accelerate starts them.

Which of them this one is stands in the environment, so that it can be asked without torch. What only one may do (write,
print, ask the model) the first does; what all must agree on is taken from it, or compared.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from training.errors import RunError

PATIENCE = timedelta(hours=2)  # others wait so long while the first answers sample questions
T = TypeVar("T")


def processes() -> int:
    """Return how many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Return which of them this one is, from 0."""
    return int(os.environ.get("RANK", "0"))


def local_rank() -> int:
    """Return which of those on this machine this one is, from 0: the number of its GPU."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def first() -> bool:
    """Tell whether this is the process that writes and prints."""
    return rank() == 0


def join(*, cpu: bool) -> None:
    """Meet the other processes; nothing where there are none."""
    if processes() > 1:
        from accelerate import PartialState

        PartialState(cpu=cpu, timeout=PATIENCE)
        wait()


def wait() -> None:
    """Go on when all processes are here."""
    if processes() > 1:
        import torch.distributed

        torch.distributed.barrier()


def from_first(make: Callable[[], T]) -> T:
    """Return what `make` gives in the first process; in the others it is not called."""
    if processes() == 1:
        return make()
    import torch.distributed

    box: list[Any] = [make() if first() else None]
    torch.distributed.broadcast_object_list(box, src=0)
    value: T = box[0]
    return value


def agree(value: str, what: str) -> None:
    """Raise RunError in every process when `value` is not the same in all."""
    if processes() == 1:
        return
    import torch.distributed

    values: list[Any] = [None] * processes()
    torch.distributed.all_gather_object(values, value)
    if len(set(values)) > 1:
        other = next(number for number, one in enumerate(values) if one != values[0])
        raise RunError(f"process {other} sees other {what} than process 0; give all machines the same run and files")


def leave() -> None:
    """Part from the other processes."""
    if processes() > 1:
        import torch.distributed

        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
