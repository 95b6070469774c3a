"""What stage the work is in, and what each took: a live line on a terminal, one line per stage elsewhere, on stderr.

With a log (`--log-json`) every stage is also one JSON object on a line: `event` (begin, stage, end, error), `time`
(UTC), `stage`, `what` (counts or the name of a file, no text of a record), `rows` (the first count in it), `seconds`,
`memory_mib` (resident now) and `peak_mib` (the most so far, of this process). A stage's seconds end where it is told.
"""

from __future__ import annotations

import json
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
        entry = self._stages.setdefault(stage, {"stage": stage, "seconds": 0.0, "rows": None, "peak_mib": 0})
        entry["seconds"] += seconds
        entry["peak_mib"] = _peak()
        return seconds

    def event(self, event: str, **more: Any) -> None:  # noqa: ANN401
        """Write a line to the log, where there is one."""
        if self._log is not None:
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            line = {"event": event, "time": now, **more, "memory_mib": _resident(), "peak_mib": _peak()}
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
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "seconds": round(self._last - self._begun, 3),
            "cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
            "peak_mib": _peak(),
            "stages": [entry | {"seconds": round(entry["seconds"], 3)} for entry in self._stages.values()],
        }

    def summary(self) -> str:
        """Return one line that says where the time went, the longest stages first."""
        took = self.timings()
        parts = sorted(took["stages"], key=lambda entry: -entry["seconds"])
        named = [f"{entry['stage']} {entry['seconds']:.1f} s" for entry in parts if entry["seconds"] >= 0.05]
        workers = _peak(resource.RUSAGE_CHILDREN)
        each = f", each worker at most {workers} MiB" if workers else ""
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


def _peak(whose: int = resource.RUSAGE_SELF) -> int:
    """Return the most memory that this process had (or any that it started and that has ended), in MiB."""
    most = resource.getrusage(whose).ru_maxrss
    return most >> 20 if sys.platform == "darwin" else most >> 10


def _resident() -> int | None:
    """Return the memory that this process has now, in MiB, where the system says it."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return (pages * resource.getpagesize()) >> 20
