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
    separators: np.ndarray  # how many of them the line holds, those inside quotes left out where it is `whole`
    quotes: np.ndarray
    whole: np.ndarray  # whether the line is fields, and every quote opens one, closes one, or is doubled inside of one
    opens: np.ndarray  # whether it is so up to its last quote, which opens a field that goes on in the next line
    returns: np.ndarray  # whether a carriage return is in it
    marks: Marks

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

    def that_are(self, what: bytes) -> list[int]:
        """Return the lines that are these bytes, which are not empty."""
        alike = np.flatnonzero(self.ends - self.starts == len(what)) if what else np.array([], dtype=int)
        alike = alike[np.frombuffer(self.text, np.uint8)[self.starts[alike]] == what[0]] if len(alike) else alike
        return [at for at in alike.tolist() if self.text.startswith(what, self.starts[at])]

    def that_hold(self, byte: int) -> np.ndarray:
        """Return the lines that a byte stands in."""
        places: np.ndarray | list[int] = []
        if byte in self.text:
            places = np.flatnonzero(np.frombuffer(self.text, np.uint8) == byte)
        return np.unique(np.searchsorted(self.ends, places))

    def only(self, kept: np.ndarray) -> bytes:
        """Return the lines that are `kept`, an entry of truth for each line."""
        return self.text if kept.all() else cut(self.text, self.ends + 1, kept)

    def rows(self, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Return how many separators stand outside quotes from the lines `begin` to the lines before `end`.

        Each `begin` opens a field, each `end` - 1 is the next line with an odd number of quotes. Where a quote is
        neither the beginning nor the end of a field, nor doubled, there are -1.
        """
        marks, feeds = self.marks, self.marks.feeds
        before = np.concatenate([[0], np.cumsum(self.quotes)])
        quotes = before[end] - before[begin]
        place = np.arange(quotes.sum()) - np.repeat(np.cumsum(quotes) - quotes, quotes)
        some = marks.quotes[place + np.repeat(before[begin], quotes)]
        right, inside = _fields(marks.at, some, quotes, place % 2 == 1)
        every = feeds[end - 1] - np.where(begin > 0, feeds[begin - 1], -1) - 1 - quotes
        return np.where(right, every - inside, -1)


class Marks(NamedTuple):
    """Where the marks of a text stand, in its order."""

    at: np.ndarray
    feeds: np.ndarray  # which of them are line feeds
    quotes: np.ndarray  # and which are quotes


def spans(text: bytes, separator: str, *, quoted: bool = True) -> Spans:
    """Find the lines of a text; the separator is an ASCII character. Not `quoted`: quotes are letters like others."""
    strays = b"\r" in text
    at, kind = _marks(text, bytes([_FEED, ord(separator), *([_QUOTE] * quoted), *([_RETURN] * strays)]))
    if text and not text.endswith(b"\n"):
        at, kind = np.append(at, np.int32(len(text))), np.append(kind, np.uint8(_FEED))
    marks = Marks(at, np.flatnonzero(kind == _FEED), np.flatnonzero(kind == _QUOTE))
    feeds, ends = marks.feeds, at[marks.feeds]
    starts = np.concatenate([ends[:1] * 0, ends[:-1] + 1]) if len(ends) else ends
    before = np.searchsorted(marks.quotes, feeds)
    quotes = np.diff(before, prepend=0)
    returns = _counted(kind == _RETURN, feeds) if strays else np.zeros(len(ends), dtype=np.int32)
    place = np.arange(len(marks.quotes)) - np.repeat(before - quotes, quotes)
    right, inside = _fields(at, marks.quotes, quotes, place % 2 == 1)
    even = quotes % 2 == 0
    separators = np.diff(feeds, prepend=-1) - 1 - quotes - returns - np.where(even & right, inside, 0)
    return Spans(text, starts, ends, separators, quotes, even & right, ~even & right, returns > 0, marks)


def _fields(
    at: np.ndarray, marks: np.ndarray, quotes: np.ndarray, closing: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Tell of lines whether all their quotes are right, and how many other marks lie inside these.

    `marks` says which of the marks `at` are quotes, `quotes` how many of them a line has, `closing` which of them are
    every second of their line. The others open a field, and must stand behind another mark; `closing` ones close it,
    and must stand before another. Of two in a row inside a field the first closes it, and the second opens it again.
    """
    if not len(marks):
        return np.ones(len(quotes), dtype=bool), np.zeros(len(quotes), dtype=np.int64)
    here = at[marks]
    right = np.where(closing, at[marks + 1] - here == 1, (here - at[marks - 1] == 1) | (here == 0))
    line = np.repeat(np.arange(len(quotes)), quotes)
    whole = np.ones(len(quotes), dtype=bool)
    whole[line[~right]] = False
    closes = np.flatnonzero(closing)
    inside = np.bincount(line[closes], marks[closes] - marks[closes - 1] - 1, len(quotes))
    return whole, inside.astype(np.int64)


def _marks(text: bytes, marks: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return where one of `marks` stands, and which."""
    data, places, kinds = np.frombuffer(text, np.uint8), [np.array([], dtype=np.int32)], [np.array([], dtype=np.uint8)]
    here, found = np.empty(PIECE, dtype=bool), np.empty(PIECE, dtype=bool)
    for start in range(0, len(data), PIECE):  # pieces that a processor's cache holds
        piece = data[start : start + PIECE]
        one, every = here[: len(piece)], found[: len(piece)]
        np.equal(piece, marks[0], out=every)
        for mark in marks[1:]:
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
