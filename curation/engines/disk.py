"""Shards of whole conversations in a work folder: what is in memory at a time does not grow with the log.

::

    key.json               what the work was made of: other input, recipe, packs, decisions or code begin anew
    job.json people.arrow  what workers need to know
    read.json read/        the input in shards (shards.py)
    STEP/shared/           what all shards share in a step
    STEP/shard-0000/       what a step made of a shard: whole or absent, so that a run that was killed can go on
    REDUCE/                what a global step made, likewise
    write/shard-0000/      files of lines of a range of the output, and what was measured of it

What no later step needs is removed when a step is done with all shards; what a step gave to a reduce stays.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl

from curation import locks, packs, part, shards
from curation.engines.protocol import Read
from curation.errors import OutputError, UsageError
from curation.inside import own
from curation.read import Input
from curation.recipe import Recipe
from curation.steps import NAMED, STAY, STEPS, WRITTEN, Frames, Job, Step, sided

BATCH = 16_384  # rows that are read together of a frame on disk
SLICE = 2_048  # the same of what is written at the end: of each shard ever smaller slices are read, the more there are
PART = 100_000  # messages, about, in a part of the output
LARGER = 2 * PART  # in what is read of it for tables, which need less memory: the fewer slices, the faster


WRITE = "write"  # what is done to ranges of the output once the last step is done with the shards


class Run(Protocol):
    """Runs a step over some shards, or WRITE over some ranges, each by `task` or `task_of`, here or elsewhere."""

    def __call__(self, folder: Path, step: str, numbers: Sequence[int], job: Job) -> Iterator[int]:
        """Begin, where that does not keep the caller; yield each number in turn once it is done, or raise its error."""
        ...


def here(folder: Path, step: str, numbers: Sequence[int], job: Job) -> Iterator[int]:
    """Run one shard after the other in this process: with one core, or memory for one shard alone."""
    for number in numbers:
        task(folder, step, number, job)
        yield number


class Disk:
    """Keeps what every step makes of every shard in `folder`."""

    def __init__(
        self, folder: Path, *, key: Mapping[str, object] | None = None, size: int = shards.SIZE, run: Run = here
    ) -> None:
        """Work in `folder` with shards of about `size` bytes of input; go on where work of the same `key` is there.

        Without a key whatever is there is removed. Raises UsageError where another run is at work in the folder, and
        where the key is another one.
        """
        self.folder, self.size, self.run = folder, size, run
        self.count = 0
        self.scratch: Path | None = folder / "scratch"
        try:
            own(folder).mkdir(parents=True, mode=0o700, exist_ok=True)
            self._lock = own(folder / "lock").open("w")
        except OSError as fault:
            raise OutputError(f"{folder}: cannot be written: {fault.strerror}; choose another --out") from None
        if not locks.take(self._lock.fileno()):
            self._lock.close()
            raise UsageError(f"{folder}: another run is at work there; wait for it, or choose another --out")
        try:
            self._begin(key)
        except BaseException:
            self.release()
            raise

    def _begin(self, key: Mapping[str, object] | None) -> None:
        known = self.folder / "key.json"
        if key is not None and known.exists():
            anew = "run it again without --resume to begin anew"
            try:
                there = dict(json.loads(known.read_text(encoding="utf-8")))
            except (OSError, ValueError, TypeError):
                raise UsageError(
                    f"{self.folder}: what is kept there cannot be used (key.json is damaged); {anew}"
                ) from None
            other = [name for name in key if there.get(name) != key[name]]
            if other:
                changed = " and ".join(other)
                raise UsageError(f"{self.folder}: what is kept there was made with different {changed}; {anew}")
            for half in (*self.folder.glob(".*.partial"), *self.folder.glob("*/.*.partial")):
                shutil.rmtree(half, ignore_errors=True)
            return
        for path in self.folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != "lock":
                path.unlink()
        if key is not None:
            _whole_file(known, json.dumps(key, indent=1))

    def close(self) -> None:
        """Remove the work folder: the run is whole."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()

    def release(self) -> None:
        """Leave the work folder for a run that goes on from it; where nothing is done yet, or of a pipe, remove it."""
        if not all((self.folder / name).exists() for name in ("key.json", "read.json")):
            self.close()
        self._lock.close()

    def read(self, files: Sequence[Path], recipe: Recipe, progress: Callable[[str], None]) -> Read:
        """Part the input into shards."""
        done, place = self.folder / "read.json", self.folder / "read"
        if not done.exists():
            shutil.rmtree(place, ignore_errors=True)
            limit = recipe.reading.max_unreadable
            made = shards.write(files, recipe.sources, place, size=self.size, limit=limit, progress=progress)
            made.unreadable.write_ipc(self.folder / "unreadable.arrow")
            told = {"count": made.count, "messages": made.messages, "inputs": [asdict(one) for one in made.inputs]}
            _whole_file(done, json.dumps(told))
        told = json.loads(done.read_text(encoding="utf-8"))
        self.count = told["count"]
        unreadable = pl.read_ipc(self.folder / "unreadable.arrow")
        return Read([Input(**one) for one in told["inputs"]], unreadable, told["messages"])

    def map(self, step: Step, job: Job, shared: Mapping[str, pl.DataFrame]) -> list[Frames]:
        """Run a step over every shard that it was not run over yet."""
        return self.begin(step, job, shared)()

    def begin(self, step: Step, job: Job, shared: Mapping[str, pl.DataFrame]) -> Callable[[], list[Frames]]:
        """Begin a step over every shard that it was not run over yet; at once where there are workers."""
        begun = self._begin_all(step.name, self.count, job, shared)

        def ended() -> list[Frames]:
            for _ in begun:
                pass
            self._forget(step)
            return [
                {name: _load(_place(self.folder, step.name, shard) / f"{name}.arrow") for name in step.gives}
                for shard in range(self.count)
            ]

        return ended

    def _begin_all(self, step: str, count: int, job: Job, shared: Mapping[str, pl.DataFrame]) -> Iterator[int]:
        """Begin a step over all that it was not run over yet; see Run."""
        left = [number for number in range(count) if not _place(self.folder, step, number).exists()]
        if not left:
            return iter(())
        _keep(self.folder / step / "shared", shared.items())
        _remember(self.folder, job)
        return self.run(self.folder, step, left, job)

    def once(self, name: str, make: Callable[[], Iterable[tuple[str, pl.DataFrame]]]) -> Mapping[str, pl.DataFrame]:
        """Return what a global step makes, or made before the run was broken off; each frame is loaded when asked."""
        place = self.folder / name
        if not place.exists():
            _keep(place, make())
        return _Kept(place)

    def _forget(self, step: Step) -> None:
        """Remove what no later step needs."""
        at = STEPS.index(step)
        needed = STAY.union(*(other.needs for other in STEPS[at + 1 :]))
        for shard in range(self.count):
            if step is STEPS[0]:
                shutil.rmtree(shards.place(self.folder / "read", shard), ignore_errors=True)
            for maker in STEPS[: at + 1]:
                replaced = {name for other in STEPS[STEPS.index(maker) + 1 : at + 1] for name in other.keeps}
                for name in {*maker.keeps} & (replaced | ({*maker.keeps} - needed)):
                    (_place(self.folder, maker.name, shard) / f"{name}.arrow").unlink(missing_ok=True)

    def parts(self, name: str, sizes: pl.DataFrame, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """Yield what the last step kept, about LARGER messages at a time, in the order of the input."""
        shards = _Settled(self.folder, self.count, [name])
        for low, high in _ranges(sizes, LARGER).iter_rows():
            yield shards.between(name, low, high, columns)

    def written(
        self,
        job: Job,
        sizes: pl.DataFrame,
        unread: pl.DataFrame,
        placed: pl.DataFrame,
        folder: Path,  # noqa: ARG002
    ) -> Iterator[tuple[Path, Frames]]:
        """Write files of lines of about PART messages at a time; begins at once where there are workers."""
        ranges = _ranges(sizes, PART).with_columns(shards=pl.lit(self.count))
        done = self._begin_all(WRITE, ranges.height, job, {"ranges": ranges, "unread": unread, "placed": placed})

        def taken() -> Iterator[tuple[Path, Frames]]:
            for number in range(ranges.height):
                place = _place(self.folder, WRITE, number)
                while not place.exists() and next(done, None) is not None:
                    pass
                mine = place.with_name(f".{place.name}.taken")
                shutil.rmtree(mine, ignore_errors=True)
                place.rename(mine)  # no more a whole part: what is taken out of it is made anew after a break
                frames = {path.stem: _load(path) for path in sorted(mine.glob("*.arrow"))}
                for name in frames:
                    (mine / f"{name}.arrow").unlink()
                yield mine, frames

        return taken()


class _Kept(Mapping[str, pl.DataFrame]):
    """Frames in a folder, by name."""

    def __init__(self, place: Path) -> None:
        self._paths = {path.stem: path for path in sorted(place.glob("*.arrow"))}

    def __getitem__(self, name: str) -> pl.DataFrame:
        return _load(self._paths[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


class _Settled:
    """What is written of all shards (WRITTEN), to be cut at streams."""

    def __init__(self, folder: Path, count: int, names: Sequence[str]) -> None:
        self._files = {
            name: [[_made(folder, shard, part_of) for shard in range(count)] for part_of in WRITTEN[name]]
            for name in names
        }
        self._begins = list[Any]()
        self._starts: dict[str, list[Any]] = {name: [] for name in names}
        for shard in range(count):
            mine = _load(_place(folder, STEPS[-1].name, shard) / "sizes.arrow")
            self._begins.append(mine["begins"].to_numpy())
            for name, starts in self._starts.items():
                starts.append(np.concatenate(([0], np.cumsum(mine[name].to_numpy(), dtype=np.int64))))

    def between(self, name: str, low: int, high: int, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the rows of the streams low ≤ begins < high, in the order of the input; `columns` alone, if given."""
        places = [
            tuple(start[np.searchsorted(streams, (low, high))].tolist())
            for streams, start in zip(self._begins, self._starts[name], strict=True)
        ]
        some = [shard for shard, (first, end) in enumerate(places) if first < end] or [0]
        found = list[pl.DataFrame]()
        for files in self._files[name]:  # of all shards together: to begin to read costs more than to read
            wanted = columns and [one for one in columns if one in pl.read_ipc_schema(files[0])]
            if wanted != []:
                rows = [
                    pl.scan_ipc(files[shard]).slice(places[shard][0], np.diff(places[shard]).item()) for shard in some
                ]
                found.append(pl.concat(rows).select(wanted or pl.all()).collect())
        return pl.concat(found, how="horizontal").sort("begins", maintain_order=True)


def _made(folder: Path, shard: int, name: str) -> Path:
    """Return the file of a frame as the last step that keeps it left it."""
    maker = next(step for step in reversed(STEPS) if name in step.keeps)
    return _place(folder, maker.name, shard) / f"{name}.arrow"


def _ranges(sizes: pl.DataFrame, most: int) -> pl.DataFrame:
    """Cut the streams of all shards (sorted) into ranges of `begins`, low ≤ begins < high, of about `most` messages."""
    number = (sizes["messages"].cum_sum() - 1) // most
    firsts = sizes.filter(number != number.shift(1).fill_null(-1))["begins"].to_list() or [0]
    return pl.DataFrame({"low": [0, *firsts[1:]], "high": [*firsts[1:], 1 << 62]})


def task(folder: Path, step: str, number: int, job: Job, *, packed: bool = False) -> None:
    """Run a step over a shard, or write a range of the output; what is made is there as a whole or not at all.

    It is `packed` for a folder that lies on another machine; on a disk of this one that costs more than it spares.
    """
    shared = _shared(folder, step)
    with _whole(_place(folder, step, number)) as place:
        if step == WRITE:
            made = _written(folder, number, job, shared, place)
            names = (*made,)
        else:
            what = NAMED[step]
            made = what.run({name: _needed(folder, what, number, name) for name in what.needs}, job, shared)
            names = (*what.keeps, *what.gives)
        for name in names:
            _put(made[name], place, name, batch=SLICE if name in STAY else BATCH, packed=packed)


def task_of(folder: str, step: str, number: int, *, packed: bool = False) -> None:
    """Do a task in a process of its own, which knows but the folder."""
    task(Path(folder), step, number, _job(folder), packed=packed)


def _written(folder: Path, number: int, job: Job, shared: Frames, place: Path) -> Frames:
    low, high, count = shared["ranges"].row(number)
    settled = _Settled(folder, count, list(WRITTEN))
    frames = {name: settled.between(name, low, high) for name in WRITTEN}
    frames["examples"] = sided(frames["examples"], shared["placed"])
    messages, examples, findings = (frames.pop(name).drop("begins") for name in WRITTEN)
    if number == 0:
        findings = pl.concat([shared["unread"], findings])
    return part.write(messages, examples, findings, job.recipe, place)


def _shared(folder: Path, step: str) -> Frames:
    return {path.stem: _load(path) for path in sorted((folder / step / "shared").glob("*.arrow"))}


def _needed(folder: Path, step: Step, shard: int, name: str) -> pl.DataFrame:
    """Load a frame as the last step before this one left it."""
    if name == "read":
        return shards.load(folder / "read", shard)
    maker = next(other for other in STEPS[STEPS.index(step) - 1 :: -1] if name in other.keeps)
    return _load(_place(folder, maker.name, shard) / f"{name}.arrow", step.columns.get(name))


def _place(folder: Path, step: str, number: int) -> Path:
    return folder / step / f"shard-{number:04d}"


def _load(path: Path, columns: Sequence[str] | None = None) -> pl.DataFrame:
    return pl.read_ipc(path, columns=None if columns is None else list(columns))


def _keep(place: Path, frames: Iterable[tuple[str, pl.DataFrame]]) -> None:
    """Write frames into a folder that is there as a whole or not at all."""
    with _whole(place) as partial:
        for name, frame in frames:
            _put(frame, partial, name)


@contextmanager
def _whole(place: Path) -> Iterator[Path]:
    """Give a folder to write to, which is at `place` once all went well; what is there already stays: it is the same.

    It is this process's own: another may be at the same, on a machine of a cluster that is cut off and was given up, or
    for a moment after the process that led it was killed.
    """
    partial = place.with_name(f".{place.name}.{os.uname().nodename}-{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        try:
            partial.rename(place)
        except OSError:
            if not place.is_dir():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _put(frame: pl.DataFrame, place: Path, name: str, *, batch: int = BATCH, packed: bool = True) -> None:
    frame.write_ipc(place / f"{name}.arrow", compression="lz4" if packed else "uncompressed", record_batch_size=batch)


def _whole_file(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


# --- what workers need to know ------------------------------------------------------------------------------------


def _remember(folder: Path, job: Job) -> None:
    """Write down the job: the recipe, and the names of packs with their hashes; never their expressions."""
    if not (folder / "job.json").exists():
        job.people.write_ipc(folder / "people.arrow")
        told = {"recipe": job.recipe.model_dump(mode="json"), "packs": [pack.sha256 for pack in job.packs.files]}
        _whole_file(folder / "job.json", json.dumps(told))


@lru_cache(maxsize=1)
def _job(folder: str) -> Job:
    told = json.loads((Path(folder) / "job.json").read_text(encoding="utf-8"))
    recipe = Recipe.model_validate(told["recipe"])
    told_by = recipe.language.detector
    known = packs.load(recipe.packs, recipe.rules, types=recipe.query_types, detector=told_by, tried=True)
    if [pack.sha256 for pack in known.files] != told["packs"]:
        raise UsageError(f"{os.uname().nodename}: a worker has other rule packs than the run; install the same siftune")
    return Job(recipe, known, _load(Path(folder) / "people.arrow"))
