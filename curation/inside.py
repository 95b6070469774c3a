"""What is written into a folder that is there already stays in it: runs come from strangers, folders are shared."""

from __future__ import annotations

from pathlib import Path

from curation.errors import OutputError


def own(path: Path) -> Path:
    """Return what is about to be written, or emptied; raises OutputError where it is a link, which leads elsewhere."""
    if path.is_symlink():
        raise OutputError(f"{path}: is a link, and would be written where it leads to; remove it")
    return path
