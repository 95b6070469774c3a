"""What stage the work is in, and what each took: a live line on a terminal, one line per stage elsewhere, on stderr.

With a log (`--log-json`) every stage is also one JSON object on a line: `event` (begin, stage, end, error), `time`
(UTC), `stage`, `what` (counts or the name of a file, no text of a record), `rows` (the first count in it), `seconds`,
`memory_mib` (resident now), `peak_mib` (the most so far, of this process) and `workers_peak_mib` (of the largest of its
workers, 0 without). A stage's seconds end where it is told.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from curation import edge
from curation.errors import OutputError

STDERR = Path("-")


class Stages:
    """Hears of every stage (name, what came of it), passes it on, and keeps the time."""

    def __init__(self, show: Callable[[str, str], None], log: TextIO | None) -> None:
        """Show stages by `show`, and write them to `log`."""
        self._show, self._log = show, log
        self._begun = self._last = time.perf_counter()
        self._stages: dict[str, dict[str, Any]] = {}
        self._now = ""
        self._workers = 0  # the most memory that one had, in MiB
        self.event("begin")

    def __call__(self, stage: str, what: str) -> None:
        """Take note that a stage has begun (`what` is empty), goes on, or is done."""
        seconds = self._lap(stage)
        self._show(stage, what)
        count = re.match(r"\d+", what)
        if count:
            self._stages[stage]["rows"] = int(count[0])
        told = {"what": what} if what else {}
        rows = {"rows": int(count[0])} if count else {}
        self.event("stage", stage=stage, **told, **rows, seconds=round(seconds, 3))

    def _lap(self, stage: str) -> float:
        now = time.perf_counter()
        seconds, self._last, self._now = now - self._last, now, stage
        entry = self._stages.setdefault(stage, {"stage": stage, "seconds": 0.0, "rows": None})
        entry["seconds"] += seconds
        entry |= self._peaks()
        return seconds

    def _peaks(self) -> dict[str, int]:
        self._workers = max(self._workers, *(_peak_of(child) for child in _children()), 0)
        return {"peak_mib": _peak(), "workers_peak_mib": self._workers}

    def event(self, event: str, **more: Any) -> None:  # noqa: ANN401
        """Write a line to the log, where there is one."""
        if self._log is not None:
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            line = {"event": event, "time": now, **more, "memory_mib": _resident(), **self._peaks()}
            try:
                self._log.write(json.dumps(line, ensure_ascii=False) + "\n")
                self._log.flush()
            except OSError as fault:
                name, self._log = self._log.name, None  # told once
                cure = "make room, or log elsewhere"
                raise OutputError(f"{name}: the log cannot be written: {fault.strerror}; {cure}") from None

    def timings(self) -> dict[str, Any]:
        """Return what the stages took so far: for the manifest."""
        if self._now:
            self._lap(self._now)
        ended = sum(_used(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return {
            "seconds": round(self._last - self._begun, 3),
            "cpu_seconds": round(ended + sum(map(_used_by, _children())), 3),
            **self._peaks(),
            "stages": [entry | {"seconds": round(entry["seconds"], 3)} for entry in self._stages.values()],
        }

    def summary(self) -> str:
        """Return one line that says where the time went, the longest stages first."""
        took = self.timings()
        parts = sorted(took["stages"], key=lambda entry: -entry["seconds"])
        named = [f"{entry['stage']} {entry['seconds']:.1f} s" for entry in parts if entry["seconds"] >= 0.05]
        each = f", each worker at most {self._workers} MiB" if self._workers else ""
        return f"took {took['seconds']:.1f} s, at most {took['peak_mib']} MiB{each}: {', '.join(named)}"

    @property
    def seconds(self) -> float:
        """Return how long the work has taken."""
        return time.perf_counter() - self._begun


@contextmanager
def stages(*, on: bool, log: Path | None = None) -> Iterator[Stages]:
    """Give what hears of stages. `log` is a file for JSON lines, or `-` for stderr, which has nothing else then."""
    with _opened(log) as lines, _shown(on=on and log != STDERR) as show:
        say = Stages(show, lines)
        try:
            yield say
        except BaseException as fault:
            line, code = edge.said(fault)
            told = {"exit": code, "message": line} if code < 128 else {"exit": code}
            with suppress(OutputError):  # of what went wrong first, more is to be told than of the log
                say.event("error", **told, seconds=round(say.seconds, 3))
            raise
        say.event("end", seconds=round(say.seconds, 3))


@contextmanager
def _opened(log: Path | None) -> Iterator[TextIO | None]:
    if log is None or log == STDERR:
        yield None if log is None else sys.stderr
        return
    try:
        file = log.open("a", encoding="utf-8")
    except OSError as fault:
        raise OutputError(f"{log}: the log cannot be written: {fault.strerror}") from None
    try:
        yield file
    finally:
        with suppress(OSError):  # was told when it was written
            file.close()


@contextmanager
def _shown(*, on: bool) -> Iterator[Callable[[str, str], None]]:
    if not on:
        yield lambda _stage, _what: None
    elif sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status("starting") as status:
            yield lambda stage, what: status.update(f"{stage}: {what}" if what else stage)
    else:
        yield lambda stage, what: edge.tell(f"{stage}: {what}") if what else None


def _peak() -> int:
    """Return the most memory that this process had, in MiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most >> 20 if sys.platform == "darwin" else most >> 10


def _used(whose: int) -> float:
    """Return the processor time of this process, or of all that it started and that have ended, in seconds."""
    used = resource.getrusage(whose)
    return used.ru_utime + used.ru_stime


def _children() -> list[int]:
    """Return the numbers of the workers that run now, where there may be some."""
    if "multiprocessing" not in sys.modules:  # which takes 10 ms to load
        return []
    from multiprocessing import active_children

    return [child.pid for child in active_children() if child.pid]


def _peak_of(process: int) -> int:
    """Return the most memory that another process had, in MiB; 0 where the system does not say it, or it is gone."""
    try:
        told = re.search(r"^VmHWM:\s*(\d+) kB$", Path(f"/proc/{process}/status").read_text("ascii", "replace"), re.M)
    except OSError:
        return 0
    return int(told[1]) >> 10 if told else 0


def _used_by(process: int) -> float:
    """Return the processor time of another process that still runs, in seconds; 0 where the system does not say it."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return 0.0


def _resident() -> int | None:
    """Return the memory that this process has now, in MiB, where the system says it."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return (pages * resource.getpagesize()) >> 20
