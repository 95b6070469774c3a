"""Long texts in pieces: what Python looks at, and what findings quote, is never longer than LONG.

A pasted mail or log, or a text that was made to stall the work, would else take time by the square of its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

LONG = 4000  # characters; what people type in a chat is hardly ever longer

# Where a text is best cut: behind a line, else a sentence, else a word that no number follows.
_CUTS = tuple(map(re.compile, (r"\n", r"[。！？!?；;](?!\d)|\. ", r"[ \t，,、](?!\d)")))


def chunks(text: str) -> Iterator[tuple[int, str]]:
    """Yield pieces of at most LONG characters that make up `text`, each with the place that it begins at.

    Only a run of LONG / 2 characters without any mark or white space is cut where nothing parts it.
    """
    start = 0
    while len(text) - start > LONG:
        half = text[start + LONG // 2 : start + LONG + 1]  # and the character behind it, at which the cuts look
        ends = (max((c.end() for c in cut.finditer(half) if c.end() < len(half)), default=0) for cut in _CUTS)
        end = start + LONG // 2 + next(filter(None, ends), LONG // 2)
        yield start, text[start:end]
        start = end
    yield start, text[start:]


def around(text: str, place: int) -> str:
    """Return the piece of `text` that `place` is in."""
    return next((piece for start, piece in chunks(text) if place < start + len(piece)), text[-LONG:])


def changed(before: str, after: str) -> tuple[str, str]:
    """Return the pieces of two texts in which they begin to differ; short texts as they are."""
    if max(len(before), len(after)) <= LONG:
        return before, after
    low, high = 0, min(len(before), len(after))
    while low < high:  # the length of what they begin with alike
        middle = (low + high + 1) // 2
        low, high = (middle, high) if before.startswith(after[:middle]) else (low, middle - 1)
    return around(before, low), around(after, low)
