"""The bytes of a table → where its lines lie, and which marks each holds: whole arrays, no line is made a string."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from curation.encodings import PIECE

_FEED, _RETURN, _QUOTE = 10, 13, 34


class Spans(NamedTuple):
    """The lines of a text in UTF-8 that end with a line feed; an entry each, the last may lack its end."""

    text: bytes
    starts: np.ndarray
    ends: np.ndarray  # where the line feed is
    separators: np.ndarray  # how many of them the line holds, inside quotes too
    quotes: np.ndarray
    returns: np.ndarray  # whether a carriage return is in it

    def __len__(self) -> int:
        """Return how many lines there are."""
        return len(self.starts)

    def bytes_of(self, begin: int, end: int) -> bytes:
        """Return some lines in one piece, without the last line feed."""
        return self.text[self.starts[begin] : self.ends[end - 1]]

    def that_begin(self, what: bytes) -> list[int]:
        """Return the lines that begin with some bytes."""
        first = np.frombuffer(self.text, np.uint8)[np.minimum(self.starts, len(self.text) - 1)]
        return [at for at in np.flatnonzero(first == what[0]).tolist() if self.text.startswith(what, self.starts[at])]

    def only(self, kept: np.ndarray) -> bytes:
        """Return the lines that are `kept`, an entry of truth for each line."""
        return self.text if kept.all() else cut(self.text, self.ends + 1, kept)


def spans(text: bytes, separator: str) -> Spans:
    """Find the lines of a text; the separator is an ASCII character."""
    strays = b"\r" in text
    at, kind = _marks(text, bytes([_FEED, _QUOTE, ord(separator), *([_RETURN] if strays else [])]))
    if text and not text.endswith(b"\n"):
        at, kind = np.append(at, np.int32(len(text))), np.append(kind, np.uint8(_FEED))
    feeds = np.flatnonzero(kind == _FEED)
    ends = at[feeds]
    starts = np.concatenate([ends[:1] * 0, ends[:-1] + 1]) if len(ends) else ends
    quotes = _counted(kind == _QUOTE, feeds)
    returns = _counted(kind == _RETURN, feeds) if strays else np.zeros(len(ends), dtype=np.int32)
    separators = np.diff(feeds, prepend=-1) - 1 - quotes - returns
    return Spans(text, starts, ends, separators, quotes, returns > 0)


def _marks(text: bytes, marks: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return where one of `marks` stands, and which."""
    data, places, kinds = np.frombuffer(text, np.uint8), [np.array([], dtype=np.int32)], [np.array([], dtype=np.uint8)]
    here, found = np.empty(PIECE, dtype=bool), np.empty(PIECE, dtype=bool)
    for start in range(0, len(data), PIECE):  # pieces that a processor's cache holds
        piece = data[start : start + PIECE]
        one, every = here[: len(piece)], found[: len(piece)]
        every[:] = False
        for mark in marks:
            np.logical_or(every, np.equal(piece, mark, out=one), out=every)
        at = np.flatnonzero(every)
        kinds.append(piece[at])
        places.append((at + start).astype(np.int32))
    return np.concatenate(places), np.concatenate(kinds)


def cut(text: bytes, ends: np.ndarray, kept: np.ndarray) -> bytes:
    """Return the lines of a text that are `kept`; `ends` are the places behind their line feeds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], kept, [False]]).astype(np.int8)))
    starts = np.concatenate([[0], ends])[edges]  # runs of kept lines are cut out of the bytes as they are
    return b"".join(text[a:b] for a, b in zip(starts[::2].tolist(), starts[1::2].tolist(), strict=True))


def _counted(those: np.ndarray, feeds: np.ndarray) -> np.ndarray:
    """Return how many of the marks that count lie in each line."""
    return np.diff(np.cumsum(those, dtype=np.int32)[feeds], prepend=np.int32(0))
