"""Where an adapter is made: a folder beside its target, kept with its checkpoints when something breaks off.

::

    RUN/.adapter.unfinished/
      adapter/         what will be RUN/adapter: renamed at the end, so that it is whole or absent
      checkpoints/     the Trainer's: adapter, optimiser, scheduler, random states
      history.jsonl    losses by step, as they are logged
      resume.json      what is trained from what: a training goes on only where all of it is the same

A kill at any moment leaves the newest whole checkpoint: the Trainer writes ``trainer_state.json`` last, and deletes
an older checkpoint only after that.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from training.errors import ConfigError, TrainingError

CHECKPOINTS, HISTORY, RESUME = "checkpoints", "history.jsonl", "resume.json"
WEIGHTS = ("adapter_model.safetensors", "model.safetensors", "model.safetensors.index.json")
STATE = "trainer_state.json"
HASHED = ("data", "base")  # of resume.json: what is known by a hash only
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FULL_WORDS = (
    "no space left", "os error 28", "disk quota", "os error 122", "file too large", "os error 27",
    "pytorchstreamwriter failed", "inline_container.cc",  # what torch.save makes of a write that failed
)  # fmt: skip


def beside(target: Path) -> Path:
    """Return the folder in which the adapter at `target` is made."""
    return target.parent / f".{target.name}.unfinished"


def last_checkpoint(work: Path) -> Path | None:
    """Return the newest whole checkpoint in `work`; one that a kill cut short has no state, or not all of its parts."""
    found = [path for path in (work / CHECKPOINTS).glob("checkpoint-*") if path.name.rpartition("-")[2].isdigit()]
    return next((path for path in sorted(found, key=step_of, reverse=True) if _whole(path)), None)


def step_of(checkpoint: Path) -> int:
    """Return the optimiser step after which a checkpoint was written."""
    return int(checkpoint.name.rpartition("-")[2])


def _whole(checkpoint: Path) -> bool:
    """Tell whether all parts are there that training goes on from."""
    try:
        state = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    parts = [(checkpoint / name).is_file() for name in ("optimizer.pt", "scheduler.pt")]
    random = any(checkpoint.glob("rng_state*.pth"))
    return bool(state) and all(parts) and random and any((checkpoint / name).is_file() for name in WEIGHTS)


@contextmanager
def workplace(target: Path, *, resume: bool, force: bool, main: bool = True) -> Iterator[Path]:
    """Yield the folder beside `target` to work in; its ``adapter`` takes the place of `target` at the end.

    With `resume` what an earlier attempt left is found there. Without it, an attempt that got as far as a checkpoint
    is thrown away with `force` only. On a failure the folder stays when there is a checkpoint in it, and vanishes
    else. `main`: False in all processes but the first, which only look on.
    """
    work = beside(target)
    if not main:
        yield work
        return
    lock = _enter(work, target, resume=resume, force=force)
    try:
        yield work
        _swap(work / "adapter", target)
        shutil.rmtree(work, ignore_errors=True)
    except BaseException:
        if last_checkpoint(work) is None:
            shutil.rmtree(work, ignore_errors=True)
        raise
    finally:
        os.close(lock)


def _enter(work: Path, target: Path, *, resume: bool, force: bool) -> int:
    """Make `work`, take it for this process alone, empty it unless it is resumed from; return the lock."""
    try:
        if work.is_symlink():  # what is in the folder that it leads to would be removed
            raise ConfigError(f"{work}: is a link; remove it")
        work.mkdir(parents=True, exist_ok=True)
        lock = os.open(work, os.O_RDONLY)
    except OSError as error:
        raise TrainingError(f"{target}: cannot be written ({error.strerror}); give another --out") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise ConfigError(f"{target}: another process is training it; wait for it, or give another --out") from None
    except OSError:  # a file system without locks
        pass
    found = last_checkpoint(work)
    if found is not None and not (resume or force):
        os.close(lock)
        raise ConfigError(
            f"{target}: a training of it broke off after step {step_of(found)}; give --resume to go on from there, "
            "or --force to begin anew"
        )
    if found is None or not resume:
        for path in work.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    links = [path for path in work.rglob("*") if path.is_symlink()]
    if links:
        os.close(lock)
        raise ConfigError(f"{links[0]}: is a link, and would be written where it leads to; remove it")
    (work / "adapter").mkdir(exist_ok=True)
    return lock


def _swap(made: Path, target: Path) -> None:
    """Put `made` where `target` is; what was there is gone only once the new one stands."""
    old = target.parent / f".{target.name}.replaced-{os.getpid()}"
    try:
        if target.exists():
            target.rename(old)
        made.rename(target)
    except OSError as error:
        raise TrainingError(
            f"{target}: cannot be written ({error.strerror}); free some space, or give another --out"
        ) from error
    finally:
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(old, ignore_errors=True)


def same(work: Path, told: Mapping[str, Any], *, resumed: bool) -> list[str]:
    """Hold what this training is made from against what the broken-off one was; write it down when there is none.

    `told`: by name, anything that JSON holds. Raises ConfigError naming what differs; other ``versions`` of the
    libraries may change the numbers but not what is trained, so they are only returned, in words.
    """
    path = work / RESUME
    if not resumed or not path.is_file():
        path.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")
        return []
    before, now = json.loads(path.read_text(encoding="utf-8")), json.loads(json.dumps(told))
    differing = [_differing(name, before.get(name), now.get(name)) for name in {**before, **now} if name != "versions"]
    words = "; ".join(word for word in differing if word)
    if words:
        raise ConfigError(
            f"the training that broke off was another one: {words}; start it as it was, "
            "or give --force without --resume to begin anew"
        )
    return (
        [_differing("versions", before["versions"], now["versions"])] if before["versions"] != now["versions"] else []
    )


def _differing(name: str, before: object, now: object) -> str:
    if before == now:
        return ""
    if isinstance(before, dict) and isinstance(now, dict):
        parts = [f"{key} was {before.get(key)!r} and is {now.get(key)!r}" for key in {**before, **now}
                 if before.get(key) != now.get(key)]  # fmt: skip
        return f"{name}: {', '.join(parts)}"
    return f"the {name} changed" if name in HASHED else f"{name} was {before!r} and is {now!r}"


def read_history(work: Path, *, until: int) -> dict[int, dict[str, float]]:
    """Return the logged rows by step, none later than `until`; what was logged later is struck from the file."""
    rows: dict[int, dict[str, float]] = {}
    for row in strike(work / HISTORY, after=until):
        rows.setdefault(int(row["step"]), {}).update(row)
    return rows


def strike(path: Path, *, after: int) -> list[dict[str, Any]]:
    """Take the rows later than step `after`, and a last row that was cut, out of a JSON Lines file; return the rest.

    A file that is not there has no rows.
    """
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ():
        with suppress(ValueError):  # a kill may have cut the last line
            row = json.loads(line)
            if row["step"] <= after:
                kept.append(row)
    if path.is_file():
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept), encoding="utf-8")
    return kept


def no_space(error: BaseException) -> bool:
    """Tell whether a failure, or what it came from, was a full disk: torch and safetensors wrap it in their own."""
    seen: BaseException | None = error
    while seen is not None:
        text = str(seen).lower()
        if (isinstance(seen, OSError) and seen.errno in FULL) or any(words in text for words in FULL_WORDS):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
