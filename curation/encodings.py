"""Bytes → lines: the encoding is found out, and a line with invalid bytes is set aside without its neighbours.

The order of the questions: a byte order mark; zero bytes in every second (UTF-16) or in three of four places
(UTF-32); UTF-16 without either, when half of a Chinese text would be; then UTF-8 against GB18030 on the lines that hold
anything but ASCII, and where it is neither, Windows' cp1252. The answer depends on the bytes alone, never on the size
of the windows that they are read in.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl

WINDOW = 1 << 23  # bytes read at a time; a block is at most this and one line
READ = 1 << 18  # bytes asked for at a time: so small pieces are hashed and searched while a processor's cache has them
LONGEST_LINE = 1 << 26  # bytes; a longer line is unreadable, since it would have to fit in memory several times
PIECE = 1 << 17  # bytes that arrays are made of at a time: a processor's cache holds them, and no memory is asked for
SHOWN = 1 << 16  # bytes of an unreadable record that are kept
HEAD = 1 << 16  # bytes at the beginning that tell UTF-16 and UTF-32
SURE = 20  # characters; of fewer any bytes may look Chinese
LOOK = 1 << 20  # bytes from the first line on that is not ASCII, which tell UTF-8 from GB18030

MARKS = (  # longest first: the mark of UTF-32-LE begins with that of UTF-16-LE
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (b"\x84\x31\x95\x33", "gb18030"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
TEXT = re.compile(r"[\t\n\r\x20-\x7e\u3000-\u303f\u4e00-\u9fff\uff00-\uffef\u2010-\u2027]")  # what chats are written in
PACKED = (b"x", b"\x1f\x8b", b"\x28\xb5\x2f\xfd")  # zlib, gzip, zstd
HIGHER = re.compile(r"[\x80-\U0010ffff]")
COMMON = frozenset(  # every third or fourth character of a Chinese text
    "的一是不了在人有我他中大上到和你地出也就那要下以生自去之家可小多天而能好都然日起成事只作想看文手用行方又如前所本"
    "见面公同已工老从动问请您谢单货款退费这来个国说们为时会过学对里后么还发当没无开现经头长亲订"
    "見從這來個國說們為時會過學對裡後麼還發當沒無開現經頭長親訂動問請謝單貨費"
)
HIGH = re.compile(rb"[\x80-\xff]")
ALONE = re.compile(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])")
WESTERN = frozenset("äöüßÄÖÜéèêëàâáãåæçîïíìñôóòõøùûúœÉÈÊÀÁÅÇÑÓÔÍØ‘’“”„…–—•€£°§«»¿¡·´®©™½²\xa0".encode("cp1252"))
PAIRS = re.compile(rb"[\xa1-\xf7][\xa1-\xfe]")  # GB2312: the characters that nearly all Chinese text consists of


class Readable(Protocol):
    """What can be read in pieces."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; none at the end."""


class Bad(NamedTuple):
    """A line that is not text: why, and its bytes."""

    why: str
    raw: bytes


@dataclass(frozen=True)
class Block:
    """Some whole lines of a file."""

    first: int  # number of the first line, from 1
    raw: bytes
    encoding: str
    count: int  # of its lines, but for a last one without its end
    too_long: bool = False  # `raw` is the beginning of a single line that is too long

    def lines(self) -> tuple[pl.Series, dict[int, Bad]]:
        """Return the lines without their ends, and by index those that cannot be decoded (there escaped)."""
        if self.too_long:
            why = f"the line is longer than {LONGEST_LINE >> 20} MiB"
            # Not an empty text: readers pass blank lines over, and this one must end among the unreadable.
            return pl.Series([self.raw.decode(self.encoding, "backslashreplace")]), {0: Bad(why, self.raw)}
        try:
            text = self.raw if self.encoding == "utf-8" else self.raw.decode(self.encoding).encode()
            return lines_of(text), {}
        except (pl.exceptions.ComputeError, UnicodeError):
            return self._one_by_one()

    def text(self) -> tuple[bytes, dict[int, Bad]]:
        """Return the same lines as UTF-8, each ended by a line feed alone, and those that cannot be decoded."""
        if not self.too_long:
            try:
                text = self.unchecked()
                pl.Series([text], dtype=pl.Binary).cast(pl.String)  # raises where it is no UTF-8
            except (pl.exceptions.PolarsError, UnicodeError):
                pass
            else:
                return text, {}
        lines, bad = self.lines()
        return "".join(f"{line}\n" for line in lines).encode(), bad

    def unchecked(self) -> bytes:
        """Return the same lines as `text` does, where all can be decoded; raises UnicodeError where it sees one."""
        text = self.raw if self.encoding == "utf-8" else self.raw.decode(self.encoding).encode()
        return text.replace(b"\r\n", b"\n").removesuffix(b"\r") if b"\r" in text else text

    def _one_by_one(self) -> tuple[pl.Series, dict[int, Bad]]:
        lines, bad = [], {}
        for index, line in enumerate(_split(self.raw, self.encoding)):
            try:
                lines.append(line.decode(self.encoding).removesuffix("\r"))
            except UnicodeDecodeError as fault:
                why = f"not {self.encoding.upper()}: invalid byte at position {fault.start + 1}"
                bad[index] = Bad(why, line)
                lines.append(line.decode(self.encoding, "backslashreplace").removesuffix("\r"))
        return pl.Series(lines, dtype=pl.String), bad


@dataclass
class Blocks:
    """The lines of a stream, in blocks; `encoding` is right once the first block has come."""

    stream: Readable
    encoding: str = "auto"
    window: int = WINDOW
    longest: int | None = None  # bytes of a line, LONGEST_LINE where nothing else is said
    _settled: bool = field(default=False, init=False)

    def __iter__(self) -> Iterator[Block]:
        """Yield the blocks in order."""
        head = _at_least(self.stream, HEAD)
        if self.encoding == "auto":
            self.encoding = guess(head)
        self._settled = self.encoding != "utf-8-or-gb18030"
        encoding = self.encoding if self._settled else "utf-8"
        if _newline(encoding) == b"\n" and b"\r" in head[:-1] and b"\n" not in head:
            head, self.stream = head.replace(b"\r", b"\n"), _Returns(self.stream)
        mark = next((mark for mark, name in MARKS if name == encoding), b"")
        first = 1
        for raw, too_long in self._decided(
            _windows(self.stream, head.removeprefix(mark), encoding, self.window, self.longest or LONGEST_LINE)
        ):
            count = 1 if too_long else _count(raw, encoding)
            yield Block(first, raw, self.encoding if self._settled else "utf-8", count, too_long)
            first += count
        if not self._settled:
            self.encoding = "utf-8"

    def _decided(self, windows: Iterator[tuple[bytes, bool]]) -> Iterator[tuple[bytes, bool]]:
        """Pass windows on, and settle between UTF-8 and GB18030 at the first that is not ASCII."""
        for raw, too_long in windows:
            if self._settled or raw.isascii():
                yield raw, too_long
                continue
            held = [(raw, too_long)]
            found = HIGH.search(raw)
            start = raw.rfind(b"\n", 0, found.start() if found else 0) + 1
            sample = raw[start : start + LOOK]
            while len(sample) < LOOK and (more := next(windows, None)):
                held.append(more)
                sample += more[0][: LOOK - len(sample)]
            self.encoding, self._settled = utf8_or_gb18030(sample), True
            yield from held


def guess(head: bytes) -> str:
    """Tell the encoding from the beginning of a file; ``utf-8-or-gb18030`` where the rest has to be asked."""
    for mark, name in MARKS:
        if head.startswith(mark):
            return name
    if len(head) < 4:
        return "utf-8-or-gb18030"
    zeros = [head[place::4].count(0) / len(head[place::4]) for place in range(4)]
    for name, shape in (("utf-32-le", (0, 0, 1, 1)), ("utf-32-be", (1, 1, 0, 0))):
        if all(share > 0.95 if high else share < 0.6 for share, high in zip(zeros, shape, strict=True)):
            return name
    even, odd = (zeros[0] + zeros[2]) / 2, (zeros[1] + zeros[3]) / 2
    for name, many, few in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if many > 0.2 and few < many / 10:
            return name
    return "utf-8-or-gb18030" if _is_utf8(head) else _chinese_utf16(head)


def utf8_or_gb18030(sample: bytes) -> str:
    """Tell UTF-8 from GB18030 and Big5 by the share of lines that decode, of those that are not ASCII.

    Of the two that gives the commonest Chinese characters is right; the other one gives rare ones. Where neither does,
    as in lists of names: GB18030 also decodes much that is no Chinese at all, and must consist of GB2312's characters
    by four fifths. What is left may be cp1252.
    """
    if _is_utf8(sample):
        return "utf-8"
    lines = [line for line in sample.split(b"\n") if not line.isascii()]
    lines = lines[:-1] if len(lines) > 1 and len(sample) == LOOK else lines  # the last one may be cut
    if sum(map(_is_utf8, lines)) * 2 >= len(lines):
        return "utf-8"
    shares = {encoding: _common(lines, encoding) for encoding in ("gb18030", "big5")}
    least, most = sorted(shares, key=shares.__getitem__)
    if shares[most] > max(0.15, 2 * shares[least]):
        return most
    chinese = [line for line in lines if _is_gb18030(line)]
    high = sum(len(HIGH.findall(line)) for line in chinese)
    paired = 2 * sum(len(PAIRS.findall(line)) for line in chinese)
    if len(chinese) >= 0.9 * len(lines) and paired >= 0.8 * high:
        return "gb18030"
    return "cp1252" if _is_western(b"\n".join(lines)) else "utf-8"


def _is_western(text: bytes) -> bool:
    """Tell Windows' encoding of Western Europe: its letters and marks, each among ASCII.

    Chinese and Cyrillic have none alone; Polish, Czech and Turkish in encodings of their own have others.
    """
    high, alone = HIGH.findall(text), ALONE.findall(text)
    known = sum(byte[0] in WESTERN for byte in alone)
    return len(high) >= 3 and len(alone) >= 0.5 * len(high) and known >= 0.95 * len(alone)


def _common(lines: list[bytes], encoding: str) -> float:
    """Return which share of what is not ASCII are the commonest Chinese characters; 0 where lines do not decode."""
    texts = []
    for line in lines:
        with suppress(UnicodeDecodeError):
            texts.append(line.decode(encoding))
    high = HIGHER.findall("".join(texts))
    return (
        sum(map(COMMON.__contains__, high)) / len(high) if len(texts) >= 0.9 * len(lines) and len(high) >= SURE else 0
    )


def _is_utf8(data: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)  # a character cut at the end is no fault
    except UnicodeDecodeError:
        return False
    return True


def _is_gb18030(line: bytes) -> bool:
    try:
        line.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return True


def _chinese_utf16(head: bytes) -> str:
    """Tell UTF-16 with neither mark nor many ASCII characters: it must read as Chinese, and Chinese only.

    So do pairs of Latin letters, but no other text has the zero byte of a line break.
    """
    if 0 not in head:
        return "utf-8-or-gb18030"
    for name in ("utf-16-le", "utf-16-be"):
        text = codecs.getincrementaldecoder(name)("replace").decode(head)
        if len(text) > SURE and len(TEXT.findall(text)) > 0.97 * len(text):
            return name
    return "utf-8-or-gb18030"


def lines_of(text: bytes) -> pl.Series:
    """Return the lines of a text in UTF-8; raises ComputeError where it is none."""
    if text.startswith(PACKED):  # Polars would unpack it, and what comes of "x^2" is not even an error
        return pl.read_lines(b"\n" + text)["line"].slice(1)
    return pl.read_lines(text)["line"]


@dataclass
class _Returns:
    """A stream whose lines end with a carriage return alone, as on very old machines: as if it were a line feed."""

    stream: Readable

    def read(self, size: int, /) -> bytes:
        return self.stream.read(size).replace(b"\r", b"\n")


# --- windows ------------------------------------------------------------------------------------------------------


def _at_least(stream: Readable, size: int) -> bytes:
    pieces, have = [], 0
    while have < size and (piece := stream.read(size - have)):
        pieces.append(piece)
        have += len(piece)
    return b"".join(pieces)


def _newline(encoding: str) -> bytes:
    return "\n".encode(encoding)


def _count(data: bytes, encoding: str) -> int:
    if len(_newline(encoding)) > 1:
        return len(_ends(data, encoding))
    pieces = (np.frombuffer(data, np.uint8, min(PIECE, len(data) - at), at) for at in range(0, len(data), PIECE))
    return sum(int(np.count_nonzero(piece == 10)) for piece in pieces)  # a third of what bytes.count takes


def _ends(data: bytes, encoding: str) -> list[int]:
    """Return where lines end (behind the line break), for encodings of two or four bytes."""
    mark = _newline(encoding)
    unit = len(mark)
    return [m.end() for m in re.finditer(re.escape(mark), data) if m.start() % unit == 0] if unit > 1 else []


def _split(data: bytes, encoding: str) -> list[bytes]:
    mark = _newline(encoding)
    if len(mark) == 1:
        lines = data.split(mark)
    else:
        ends = [0, *_ends(data, encoding)]
        lines = [data[a : b - len(mark)] for a, b in pairwise(ends)] + [data[ends[-1] :]]
    return lines[:-1] if not lines[-1] else lines


def _end(data: bytes, encoding: str, *, last: bool) -> int:
    """Return the place behind the first or last line break, 0 if there is none; `data` begins at a whole character."""
    mark = _newline(encoding)
    begin, end = 0, len(data)
    while (found := data.rfind(mark, 0, end) if last else data.find(mark, begin)) >= 0:
        if found % len(mark) == 0:
            return found + len(mark)
        begin, end = found + 1, found + len(mark) - 1
    return 0


def _windows(stream: Readable, head: bytes, encoding: str, size: int, longest: int) -> Iterator[tuple[bytes, bool]]:
    """Yield whole lines, about `size` bytes at a time; of a line that is too long its beginning, and True.

    The first are a quarter of that, so that those who work on them begin sooner.
    """
    enough = size // 4
    ready = list[bytes | memoryview]()  # whole lines that wait for more of them
    begun: list[bytes] = []  # the pieces of a line whose end has not come
    waiting, have, dropped, data = 0, 0, False, head
    while data:
        end = _end(data, encoding, last=False)
        have += end or len(data)
        if have > longest and not dropped:
            if ready:
                yield b"".join(ready), False
            yield b"".join([*begun, data])[:SHOWN], True
            ready, waiting, begun, dropped = [], 0, [], True
        if end and dropped:
            data, dropped, have, end = data[end:], False, 0, 0
        if not dropped:
            cut = _end(data, encoding, last=True)
            if cut:
                ready += [*begun, memoryview(data)[:cut]]
                waiting, begun = waiting + have - end + cut, []
            have = have if begun else len(data) - cut
            begun.append(data[cut:])
        if waiting >= enough:
            yield b"".join(ready), False
            ready, waiting, enough = [], 0, min(2 * enough, size)
        data = _at_least(stream, min(size, READ))
    if ready or (begun and begun != [b""]):
        yield b"".join([*ready, *begun]), False
