"""Memory of a process and of all that it started, as long as it runs (Linux).

What counts is the proportional set size: a page that two processes share counts half for each. The sum of resident
sizes, which counts it twice, makes whoever forks look larger than they are.
"""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

EVERY = 0.1  # seconds between two looks


class Watch:
    """Looks at a tree of processes until it is gone; `shared` is its peak in MiB, `resident` that of the plain sum."""

    def __init__(self, process: subprocess.Popen) -> None:
        """Begin to look."""
        self.shared = self.resident = 0.0
        self._process = process
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop looking: the process has ended."""
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(EVERY):
            sizes = [_sizes(one) for one in tree(self._process.pid)]
            self.shared = max(self.shared, sum(shared for shared, _ in sizes) / 1024)
            self.resident = max(self.resident, sum(resident for _, resident in sizes) / 1024)


def tree(root: int) -> list[int]:
    """Return the numbers of a process and of all below it."""
    below: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            below.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for one in found:
        found += below.get(one, [])
    return found


def _sizes(process: int) -> tuple[int, int]:
    """Return the proportional and the resident set size of one process, in KiB; 0 where it is gone."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0, 0
    told = {
        name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines) if rest.endswith("kB")
    }
    return told.get("Pss", 0), told.get("Rss", 0)
