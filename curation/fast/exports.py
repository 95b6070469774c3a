"""The inner loop of privacy/residual.py, over lines of JSON: see kernels.py."""

# mypy: disable-error-code="untyped-decorator, assignment, return-value"

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.types import CPointer, int64, uint8, uint32, uint64

U8, U32, U64, I64 = (CPointer(kind) for kind in (uint8, uint32, uint64, int64))
Array = Any  # a place in memory, indexed from 0 on
QUOTE, BACKSLASH, BREAK, COLON = 0x22, 0x5C, 0x0A, 0x3A


@numba.njit
def _eight(data: Array, place: int) -> np.uint64:
    """Return the eight bytes from a place on as one number."""
    whole = np.uint64(0)
    for byte in range(8):
        whole |= np.uint64(data[place + byte]) << np.uint64(8 * byte)
    return whole


@numba.njit
def _found(eight: np.uint64, byte: int) -> np.uint64:
    """Return the highest bit of the first of eight bytes that is this one, and perhaps of some behind it."""
    apart = eight ^ np.uint64(0x0101010101010101) * np.uint64(byte)
    return np.uint64((apart - np.uint64(0x0101010101010101)) & ~apart & np.uint64(0x8080808080808080))


@numba.njit
def _mixed(key: np.uint64, more: np.uint64) -> np.uint64:
    key = (key ^ more) * np.uint64(0x9E3779B97F4A7C15)
    return np.uint64(key ^ (key >> np.uint64(32)))


@numba.njit
def _closed(data: Array, place: int, end: int, seed: np.uint64) -> tuple[int, np.uint64]:
    """Return where the string ends that begins before a place, `end` where it does not, and a hash of what is in it."""
    key = seed
    while place + 8 <= end:
        eight = _eight(data, place)
        quote, escape = _found(eight, QUOTE), _found(eight, BACKSLASH)
        first = (quote | escape) & (~(quote | escape) + np.uint64(1))
        if not first:
            key, place = _mixed(key, eight), place + 8
            continue
        before = (first >> np.uint64(7)) - np.uint64(1)  # the bits of the bytes before it
        size = (before & np.uint64(0x0101010101010101)) * np.uint64(0x0101010101010101) >> np.uint64(56)
        key, place = _mixed(key, (eight & before) | size << np.uint64(56)), place + np.int64(size)
        if first & quote:
            return place, key
        if place + 1 < end:
            key = _mixed(key, np.uint64(data[place + 1]))
        place += 2
    while place < end and data[place] != QUOTE:
        key = _mixed(key, np.uint64(data[place]))
        place += 2 if data[place] == BACKSLASH else 1
    return min(place, end), key


@numba.njit
def _is_known(key: np.uint64, size: int, table: Array) -> bool:
    """Tell whether a number is in the table; it is then."""
    slot = np.int64(key >> np.uint64(20)) & (size - 1)
    while table[slot]:
        if table[slot] == key:
            return True
        slot = (slot + 1) & (size - 1)
    table[slot] = key
    return False


@numba.cfunc(int64(U64, int64, U64, int64))
def moved(table: Array, size: int, larger: Array, room: int) -> int:
    """Put the numbers of a table into a larger one; return how many they are."""
    count = 0
    for slot in range(size):
        if table[slot]:
            _is_known(table[slot], room, larger)
            count += 1
    return count


@numba.cfunc(int64(U8, int64, uint64, U64, int64, U64, U32, U8, U64, I64))
def apart(
    data: Array, size: int, seed: int, table: Array, room: int, keys: Array, records: Array, new: Array, fresh: Array,
    told: Array,
) -> int:  # fmt: skip
    """Take lines of JSON apart into their texts; keys of objects, and the id that a line begins with, are none.

    Each text gets its hash, which begins with `seed`, in `keys` and its line in `records`. One that is not in the table
    (`room` places, a power of two) goes there, as it stands, with a line break, to `new`, and its hash to `fresh`.
    Returns how many texts there are; `told`: new ones, bytes of them.
    """
    place, line, count, found, written = 0, 0, 0, 0, 0
    seed = np.uint64(seed)
    begins = True
    while place < size:
        byte = data[place]
        if byte == BREAK:
            place, line, begins = place + 1, line + 1, True
            continue
        if byte != QUOTE:
            place, begins = place + 1, begins and byte == 0x7B
            continue
        end, key = _closed(data, place + 1, size, seed)
        behind = end + 1
        while behind < size and (data[behind] == 0x20 or data[behind] == 0x09 or data[behind] == 0x0D):
            behind += 1
        if behind < size and data[behind] == COLON:
            if begins and end == place + 3 and data[place + 1] == 0x69 and data[place + 2] == 0x64:  # "id"
                while behind + 1 < size and data[behind + 1] == 0x20:
                    behind += 1
                if behind + 1 < size and data[behind + 1] == QUOTE:
                    behind = _closed(data, behind + 2, size, seed)[0]
            place, begins = behind + 1, False
            continue
        key |= np.uint64(1)  # nought is an empty place
        keys[count], records[count] = key, np.uint32(line)
        count += 1
        if not _is_known(key, room, table):
            for at in range(place + 1, end):
                new[written] = data[at]
                written += 1
            new[written], fresh[found] = np.uint8(BREAK), key
            written, found = written + 1, found + 1
        place, begins = end + 1, False
    told[0], told[1] = found, written
    return count


KERNELS = {kernel.__name__: kernel for kernel in (moved, apart)}
