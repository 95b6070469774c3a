"""Where the data files that travel with the package are: in a wheel and in a checkout."""

from __future__ import annotations

from pathlib import Path


def shipped(name: str) -> Path:
    """Return the folder `name` (``rules`` or ``schemas``) that was shipped with this package.

    A wheel carries it in ``curation/_data``; in a checkout (and an editable install) it lies beside ``curation``.
    """
    package = Path(__file__).resolve().parent
    packed = package / "_data" / name
    return packed if packed.is_dir() else package.parent / name
