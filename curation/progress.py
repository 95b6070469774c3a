"""What stage the work is in: a live line on a terminal, one line per stage elsewhere, always on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stages(*, on: bool) -> Iterator[Callable[[str, str], None]]:
    """Give a function that hears of every stage (name, what came of it)."""
    if not on:
        yield lambda _stage, _what: None
    elif sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status("starting") as status:
            yield lambda stage, what: status.update(f"{stage}: {what}" if what else stage)
    else:
        yield lambda stage, what: print(f"{stage}: {what}", file=sys.stderr) if what else None
