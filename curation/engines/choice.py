"""Which engine runs a curation, and in which folder; what a run that was broken off can go on from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from curation import __version__, edge, shards
from curation.engines.disk import Disk, Run, here
from curation.engines.memory import Memory
from curation.engines.protocol import Engine
from curation.errors import CurationError, OutputError, SourceError, UsageError
from curation.packs import Packs
from curation.read import beside
from curation.recipe import Recipe

Name = Literal["auto", "memory", "shards", "ray"]

LARGE = 1 << 26  # bytes of input, unpacked, above which `auto` works in shards; below, they cost more than they save
TIMES = 24  # memory that a process takes, in bytes of its input; measured: 10 to 20 for shards, 22 in memory
BARE = 1 << 28  # bytes that a process takes before it has any input: the program and its packs


@dataclass(frozen=True)
class Wanted:
    """What the command line says of the engine."""

    name: Name = "auto"
    workers: int | None = None  # shards that are worked on at a time
    address: str | None = None  # of a Ray cluster
    resume: bool = False
    shard_bytes: int | None = None  # default: shards.fitting


def work_folder(out: Path) -> Path:
    """Return where a run to `out` keeps its work: beside it, where links lead to, so on the same disk."""
    at = Path(os.path.realpath(out))
    return at.parent / f".{at.name}.work"


@contextmanager
def chosen(
    wanted: Wanted,
    files: Sequence[Path],
    recipe: Recipe,
    packs: Packs,
    people: pl.DataFrame,
    out: Path,
    *,
    say: Callable[[str, str], None],
) -> Iterator[Engine]:
    """Give the engine for a run. Its work folder is removed when all went well, and stays for --resume otherwise.

    Without --resume, what an earlier run left in that folder is removed. Raises UsageError where options do not fit
    together, or where --resume finds work that was made of something else, or that is damaged; OutputError where the
    disk is full.
    """
    folder = work_folder(out)
    name = _name(wanted, files, recipe, folder)
    _fitting(wanted, name, files)
    if folder.is_dir() and not wanted.resume:
        say("read", f"{folder} is what a run left that was broken off; it is removed (--resume goes on from it)")
    if name == "memory":
        if folder.is_dir():
            Disk(folder).close()  # raises where another run is at work there
        yield Memory()
        return
    size = wanted.shard_bytes or shards.fitting(files)
    with ThreadPoolExecutor(1) as beside, _run(wanted, name, files, size) as run:
        again = all(path.is_file() for path in files)  # a pipe says what it says once
        key = _key(files, recipe, packs, people, size) if again else None
        if not wanted.resume and folder.is_dir():
            Disk(folder).close()
        resumed = (folder / "key.json").exists()
        disk = None
        try:
            disk = Disk(folder, key=key, size=size, run=run)
            yield disk
        except BaseException as fault:
            if disk is not None:
                disk.release()
            if resumed and _damaged(fault):
                raise UsageError(
                    f"{folder}: what is kept there cannot be used ({type(fault).__name__}); "
                    "run it again without --resume to begin anew"
                ) from fault
            goes_on = "; --resume goes on from there" if folder.is_dir() else ""
            if edge.disk_is_full(fault):
                why = "the disk is full, or a file larger than is allowed; make room and run it again"
                raise OutputError(f"{folder}: cannot be written: {why}{goes_on}") from None
            if isinstance(fault, OutputError) and "--resume" not in str(fault):
                raise OutputError(f"{fault}{goes_on}") from None
            raise
        beside.submit(disk.close)  # while workers end


def _damaged(fault: BaseException) -> bool:
    """Tell whether kept work may be to blame: not where we know what failed, nor for room, memory or a signal."""
    known = not isinstance(fault, Exception) or isinstance(fault, CurationError | MemoryError)
    return not known and not edge.disk_is_full(fault) and edge.stopped() is None


def _name(wanted: Wanted, files: Sequence[Path], recipe: Recipe, folder: Path) -> Name:
    if wanted.name != "auto":
        return wanted.name
    if wanted.address is not None:
        return "ray"
    if any(source.crowd for source in recipe.sources):  # who speaks with whom is found by looking at everything
        _crowd(shards.unpacked(files), _memory())
        return "memory"
    given = wanted.workers is not None or (wanted.resume and folder.is_dir())
    return "shards" if given or shards.unpacked(files) > large(_memory()) else "memory"


def large(memory: int) -> int:
    """Return the bytes of input above which `auto` works in shards: what half of the memory holds, LARGE at most.

    No less than a shard has at least: of so little, shards would be one, and spare nothing.
    """
    return max(shards.LEAST, min(LARGE, (memory // 2 - BARE) // TIMES))


def _crowd(size: int, memory: int) -> None:
    """Raise UsageError where a crowd of `size` bytes, which cannot be parted, takes more than `memory` bytes."""
    if (needed := BARE + TIMES * size) > memory:
        raise UsageError(
            f"a crowd is worked on in memory, and may take {needed / 2**30:.1f} GiB of the {memory / 2**30:.1f} GiB "
            "here; part the log by channel or by month, or try it with --engine memory"
        )


def _fitting(wanted: Wanted, name: Name, files: Sequence[Path]) -> None:
    piped = next((path for path in files if not path.is_file()), None)
    if wanted.resume and piped is not None:
        cure = "write it to a file first, or leave --resume out"
        raise UsageError(f"{piped}: nobody knows whether a pipe says the same again, so there is no going on; {cure}")
    if wanted.address is not None and name != "ray":
        raise UsageError(f"--address is for --engine ray, not for {name}")
    if wanted.workers is not None and name == "memory":
        raise UsageError("--workers is for --engine shards or ray; in memory Polars' threads do the work")
    if wanted.resume and wanted.name == "memory":
        raise UsageError("--resume needs --engine shards or ray: of a run in memory nothing is kept")


def _run(wanted: Wanted, name: Name, files: Sequence[Path], size: int) -> AbstractContextManager[Run]:
    if name == "ray":
        from curation.engines.cluster import ray

        return nullcontext(ray(wanted.address, workers=wanted.workers))
    from curation.engines.workers import cores, processes

    number = wanted.workers or workers(cores(), _memory(), files, size)
    return nullcontext(here) if number == 1 else processes(number)


def workers(cores: int, memory: int, files: Sequence[Path], size: int) -> int:
    """Return how many shards of `size` bytes are worked on at a time: a core for each, half of the memory at most."""
    wanted = min(cores, -(-shards.unpacked(files) // size))
    return max(1, min(wanted, memory // 2 // (BARE + TIMES * size)))


def _memory() -> int:
    """Return how many bytes of memory this process may have: the machine's or its control group's."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            told = Path(limit).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if told.isdigit():
            machine = min(machine, int(told))
    return machine


def _key(files: Sequence[Path], recipe: Recipe, packs: Packs, people: pl.DataFrame, size: int) -> dict[str, object]:
    """Return what work in a folder depends on; every part has the name that an error gives it."""
    return {
        "input": [[str(path), _digest(path)] for path in files],
        "file of links": [[str(path), _digest(path)] for path in _links(files, recipe)],
        "earlier set": [[str(path), _digest(path)] for path in _earlier(recipe)],
        "recipe": recipe.sha256(),
        "rule packs": [pack.sha256 for pack in packs.files],
        "decisions": hashlib.sha256(people.write_json().encode()).hexdigest(),
        "version of siftune": [__version__, pl.__version__, _code()],
        "shard size": size,
    }


def _links(files: Sequence[Path], recipe: Recipe) -> list[Path]:
    """Return the files in which the links of logs lie, where those are files of their own."""
    given = [(path.name, path) for path in files if path.is_file()]
    return sorted({path for path, _member in beside(given, recipe.sources)})


def _earlier(recipe: Recipe) -> list[Path]:
    """Return the files of sets that the recipe holds this one against; of a run folder, what it kept.

    The index is none of them: at its end the run itself adds to it.
    """
    named = map(Path, [*recipe.dedup.against, *recipe.split.apart_from])
    return [path / "examples.parquet" if path.is_dir() else path for path in named]


def _digest(path: Path) -> str:
    if not path.is_file():
        return "not a file"
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as fault:
        raise SourceError(f"{path}: cannot be read: {fault.strerror}") from None


def _code() -> str:
    """Return a hash of the code: a checkout changes without its version."""
    root = Path(__file__).parents[1]
    found = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()
