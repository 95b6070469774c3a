"""How deep JSON may nest: what is deeper was made to break its readers, which go from level to level themselves.

Python's own limit is no measure: it lies at a thousand calls, of which the reader that comes to it has used some.
"""

from __future__ import annotations

from typing import Any

DEEPEST = 100  # levels; exports of help desks have up to ten


def bounded(value: Any, text: str, start: int = 0, end: int | None = None) -> Any:  # noqa: ANN401
    """Return `value`, which JSON in `text[start:end]` was read as; raises RecursionError where it is too deep."""
    if text.count("[", start, end) + text.count("{", start, end) <= DEEPEST:
        return value
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(DEEPEST):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [two for some in inner for two in some if isinstance(two, (dict, list))]
        if not level:
            return value
    raise RecursionError
