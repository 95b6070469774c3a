"""Regular expressions of Python that are compiled when they are first looked for: most runs need few of them."""

from __future__ import annotations

import re
from typing import Any, cast


class _Late:
    """Has what the pattern was made of; anything else is asked of the compiled pattern, and then at hand."""

    def __init__(self, pattern: str, flags: int) -> None:
        self.pattern, self.flags = pattern, flags

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(re.compile(self.pattern, self.flags), name)
        setattr(self, name, found)
        return found


def late(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Return the pattern that `re.compile` would, except that a wrong one is found out when it is first looked for.

    All of a start's patterns together took a tenth of a second to compile. A match names the compiled pattern, never
    what this returns: which one it is of is told by `match.re.pattern`.
    """
    return cast("re.Pattern[str]", _Late(pattern, flags))
