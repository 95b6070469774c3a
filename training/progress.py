"""Progress on stderr: a bar on a terminal, one line per evaluation elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

NAMES = {"loss": "train", "eval_domain_loss": "validation", "eval_general_loss": "general"}


class Progress:
    """Reports lines and rows of the history; says nothing at all when it is not `on`."""

    def __init__(self, *, on: bool) -> None:
        """`on`: report at all."""
        self._on = on
        self._started = time.monotonic()
        self._console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self._bar: Bar | None = None
        self._latest: dict[str, float] = {}

    def __enter__(self) -> Progress:
        """Take the terminal, where there is one."""
        if self._on and sys.stderr.isatty():
            columns = (BarColumn(bar_width=12), MofNCompleteColumn(), TimeRemainingColumn())  # fits 80 columns
            self._bar = Bar(*columns, TextColumn("{task.description}"), console=self._console)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        if self._bar is not None:
            self._bar.stop()

    def line(self, text: str) -> None:
        """Print one line."""
        if self._on:
            self._console.print(text)

    def row(self, row: Mapping[str, float], steps: int) -> None:
        """Report a row of the history, `steps` being the planned number of optimiser steps."""
        if not self._on:
            return
        self._latest.update({NAMES[key]: value for key, value in row.items() if key in NAMES})
        evaluated = any(key.startswith("eval_") for key in row)
        losses = " · ".join(f"{name} {self._latest[name]:.3f}" for name in NAMES.values() if name in self._latest)
        if self._bar is not None:
            if not self._bar.tasks:
                self._bar.add_task("", total=steps)
                self._bar.start()
            self._bar.update(self._bar.tasks[0].id, completed=row["step"], description=losses)
        elif evaluated or (row["step"] >= steps and len(self._latest) == 1):  # 1: nothing to evaluate on
            spent = time.monotonic() - self._started
            self._console.print(f"step {int(row['step'])}/{steps} · {losses} · {spent:.0f} s")
