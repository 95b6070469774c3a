"""The inner loops of diversity.py, over texts in UTF-8 and their signatures: see kernels.py."""

# mypy: disable-error-code="untyped-decorator, assignment, return-value"

from __future__ import annotations

import numba
import numpy as np
from numba.types import CPointer, int64, uint8, uint32, uint64

from curation.fast.texts import HAN, NEW, ODD, WORD, Array, _decoded

U8, U32, U64, I64 = (CPointer(kind) for kind in (uint8, uint32, uint64, int64))
GOLDEN = 0x9E3779B97F4A7C15
FEW = 24  # numbers in order that are sorted one by one
AHEAD = 16  # rows that are fetched before they are compared


@numba.njit
def _stirred(key: np.uint64) -> np.uint64:
    """Let every bit of a number have to do with every one of the result."""
    key = (key ^ (key >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return np.uint64(key ^ (key >> np.uint64(32)))


@numba.cfunc(int64(U8, I64, int64, U8, U32, U64, I64))
def tokens(data: Array, ends: Array, texts: int, kinds: Array, lower: Array, hashes: Array, counts: Array) -> int:
    """Hash the tokens of texts in UTF-8: each Han character, each run of other letters and digits in lower case.

    `hashes` has a place for each byte, `counts` gets how many tokens end with each text or before it. Returns the bits
    of `NEW` and `ODD` characters, where what was told is wrong.
    """
    place, count, seen = 0, 0, 0
    for text in range(texts):
        inside, key = False, np.uint64(0)
        while place < ends[text]:
            char, place = _decoded(data, place)
            bits = np.int64(kinds[char])
            seen |= bits
            if bits & WORD:
                key = ((key if inside else np.uint64(1)) ^ np.uint64(lower[char])) * np.uint64(GOLDEN)
                key ^= key >> np.uint64(29)
                inside = True
                continue
            if inside:
                hashes[count] = _stirred(key)
                inside, count = False, count + 1
            if bits & HAN:
                hashes[count] = _stirred(np.uint64(char))
                count += 1
        if inside:
            hashes[count] = _stirred(key)
            count += 1
        counts[text] = count
    return seen & (NEW | ODD)


@numba.cfunc(int64(U64, I64, int64, U8, int64, int64, U64, I64))
def grams(
    hashes: Array, ends: Array, texts: int, sides: Array, ngram: int, size: int, table: Array, different: Array
) -> int:
    """Count the different n-grams of tokens on up to four sides; `sides` has a bit for each that a text is on.

    No n-gram reaches over the end of a text. Those with 60 equal bits of hash are one. `table` has `size` noughts, a
    power of two and twice as many as there are tokens.
    """
    begin = 0
    for text in range(texts):
        mine = np.uint64(sides[text])
        for place in range(begin, ends[text] - ngram + 1):
            key = hashes[place]
            for more in range(place + 1, place + ngram):
                key = key * np.uint64(GOLDEN) + hashes[more]
            key = _stirred(key)
            slot = np.int64(key >> np.uint64(24)) & (size - 1)
            key &= ~np.uint64(15)
            while table[slot] and table[slot] & ~np.uint64(15) != key:
                slot = (slot + 1) & (size - 1)
            new = mine & ~table[slot]
            if new:
                table[slot] = key | (table[slot] & np.uint64(15)) | mine
                for side in range(4):
                    different[side] += np.int64(new >> np.uint64(side)) & 1
        begin = ends[text]
    return 0


@numba.njit
def _ordered(values: Array, room: Array, begin: int, end: int, counts: Array) -> None:
    """Sort by the upper four bytes what stands in the order of the lower ones; `counts` is 4 × 256 places."""
    if end - begin <= FEW:
        for place in range(begin + 1, end):
            value, at = values[place], place
            while at > begin and values[at - 1] > value:
                values[at] = values[at - 1]
                at -= 1
            values[at] = value
        return
    for digit in range(4 * 256):
        counts[digit] = 0
    for place in range(begin, end):
        for byte in range(4):
            counts[256 * byte + np.int64((values[place] >> np.uint64(32 + 8 * byte)) & np.uint64(255))] += 1
    here, there, turns = values, room, 0
    for byte in range(4):
        before, most = begin, 0
        for digit in range(256 * byte, 256 * byte + 256):  # from how many there are to where the first one goes
            many = counts[digit]
            counts[digit], before, most = before, before + many, max(most, many)
        if most == end - begin:
            continue
        for place in range(begin, end):
            digit = 256 * byte + np.int64((here[place] >> np.uint64(32 + 8 * byte)) & np.uint64(255))
            there[counts[digit]] = here[place]
            counts[digit] += 1
        here, there, turns = there, here, turns + 1
    if turns & 1:
        for place in range(begin, end):
            values[place] = room[place]


@numba.njit
def _row(value: np.uint64) -> int:
    return np.int64(value & np.uint64(0xFFFFFFFF))


@numba.njit
def _lined_up(
    signed: Array, texts: int, columns: int, start: int, wide: int, values: Array, room: Array, runs: Array,
    counts: Array,
) -> None:  # fmt: skip
    """Put the rows of `signed` in the order of `wide` columns from `start` on; of equal ones the first comes first."""
    here, there, found = 0, texts + 2, 1
    for row in range(texts):
        values[row] = np.uint64(row)
    runs[0], runs[1] = 0, texts
    for more in range(wide):
        column = start + more - (columns if start + more >= columns else 0)  # no remainder: nought would be an error
        many, found = found, 0
        for run in range(many):
            begin, end = runs[here + 2 * run], runs[here + 2 * run + 1]
            for place in range(begin, end):
                row = _row(values[place])
                values[place] = np.uint64(signed[row * columns + column]) << np.uint64(32) | np.uint64(row)
            _ordered(values, room, begin, end, counts)
            while begin < end:  # what is equal so far goes by the next column
                last = begin + 1
                while last < end and values[last] >> np.uint64(32) == values[begin] >> np.uint64(32):
                    last += 1
                if last > begin + 1:
                    runs[there + 2 * found], runs[there + 2 * found + 1] = begin, last
                    found += 1
                begin = last
        here, there = there, here
        if not found:
            return


@numba.njit
def _equal_bytes(lows: Array, columns: int, one: int, other: int) -> int:
    """Count the columns in which the last bytes of two rows agree."""
    equal = 0
    for start in range(0, columns, 128):
        some = np.uint8(0)  # as wide as what is compared, so that as many are added at once
        for column in range(start, min(start + 128, columns)):
            some = np.uint8(some + np.uint8(lows[one * columns + column] == lows[other * columns + column]))
        equal += np.int64(some)
    return equal


@numba.cfunc(int64(U32, U8, int64, int64, int64, int64, int64, U8, int64, U64, U64, I64, I64, I64))
def neighbours(
    signed: Array, lows: Array, texts: int, columns: int, orders: int, width: int, wide: int, sides: Array,
    many: int, values: Array, room: Array, runs: Array, counts: Array, best: Array,
) -> int:  # fmt: skip
    """Find of each text how many columns of its signature agree with a neighbour's, at most: diversity.py says how.

    `signed` is texts × columns, `lows` its last bytes; an order goes by `wide` columns, the next by those that begin
    `width` later. `best` (sides × texts) is noughts; `values` and `room` have a place for each text, `runs` two and
    four more, `counts` 4 × 256.
    """
    touched = np.uint8(0)
    for order in range(orders):
        _lined_up(signed, texts, columns, order * width, wide, values, room, runs, counts)
        for side in range(many):
            before, mine = -1, side * texts
            for place in range(texts):
                if place % AHEAD == 0:  # the processor fetches the rows of many at once, where each would be waited for
                    for ahead in range(place + AHEAD, min(place + 2 * AHEAD, texts)):
                        for column in range(0, columns, 64):
                            touched |= lows[_row(values[ahead]) * columns + column]
                row = _row(values[place])
                if not np.int64(sides[row]) >> side & 1:
                    continue
                if before >= 0:
                    known = min(best[mine + row], best[mine + before])
                    if known < columns and _equal_bytes(lows, columns, row, before) > known:
                        same = 0
                        for column in range(columns):
                            same += np.int64(signed[row * columns + column] == signed[before * columns + column])
                        best[mine + row] = max(best[mine + row], same)
                        best[mine + before] = max(best[mine + before], same)
                before = row
    return np.int64(touched)


KERNELS = {kernel.__name__: kernel for kernel in (tokens, grams, neighbours)}
