"""The inner loops of the search for duplicates, compiled by Numba (extra `fast`): same bits, a third of the time.

Import this module only where the extra may be missing or useless: it raises ImportError without Numba, and RuntimeError
where Numba finds no folder for what it compiled (then every process would compile anew, for longer than it saves).
"""

from __future__ import annotations

import numba
import numpy as np

from curation.dedup.shingles import I64, U8, U32, U64

COUNTED = 128  # columns whose agreements are counted in one byte


@numba.njit("u4[::1](u4[::1])", cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _mixed(values: U32) -> U32:
    """Return `shingles.mix` of a copy of the values."""
    mixed = np.empty_like(values)
    for place in range(len(values)):
        value = values[place]
        value = np.uint32((value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B))
        value = np.uint32((value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35))
        mixed[place] = value ^ (value >> np.uint32(16))
    return mixed


@numba.njit("u4[::1](u4[::1], i8[::1], i8)", cache=True, nogil=True)  # type: ignore[untyped-decorator]
def plain(codes: U32, starts: I64, ngram: int) -> U32:
    """Hash the n-grams of texts that stand one after another, each as long as one or longer: `shingles.plain`."""
    mixed = _mixed(codes)
    hashes: U32 = mixed.copy()
    whole = hashes[ngram - 1 :]
    for back in range(1, ngram):
        before = mixed[ngram - 1 - back :]
        for place in range(len(whole)):  # over slices from 0 on, so that many are computed at once
            whole[place] = np.uint32(whole[place] * np.uint32(0x9E3779B1)) ^ before[place]
    for start in starts:
        hashes[start : start + ngram - 1] = hashes[start + ngram - 1]
    return hashes


@numba.njit("u4[::1](u4[::1], i8[::1], i8[::1], u4)", cache=True, nogil=True)  # type: ignore[untyped-decorator]
def padded(codes: U32, starts: I64, ends: I64, wide: np.uint32) -> U32:
    """Hash three characters from `wide` on, and five below it, of texts with four blanks around: `shingles.padded`."""
    mixed, base = _mixed(codes), np.uint32(0x9E3779B1)
    hashes = np.empty(len(codes) - 4, dtype=np.uint32)
    for place in range(len(hashes)):
        three = np.uint32(np.uint32(mixed[place + 4] * base) ^ mixed[place + 3])
        three = np.uint32(np.uint32(three * base) ^ mixed[place + 2])
        five = np.uint32(np.uint32(three * base) ^ mixed[place + 1])
        five = np.uint32(np.uint32(five * base) ^ mixed[place])
        hashes[place] = three if codes[place + 4] >= wide else five
    for text in range(len(starts)):
        end = ends[text]
        if codes[end - 1] < wide:
            continue
        # Behind a wide character only two windows still hold it; the first shingle is said again in the others.
        for place in range(end - 4, end - 2):
            three = np.uint32(np.uint32(mixed[place + 4] * base) ^ mixed[place + 3])
            hashes[place] = np.uint32(three * base) ^ mixed[place + 2]
        hashes[end - 2 : end] = hashes[starts[text]]
    return hashes


@numba.njit("void(u4[::1], i8, i8, u4[:,::1], u4[::1])", cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _least(mixed: U32, start: int, end: int, permutations: U32, row: U32) -> None:
    """Write to `row` the least of each permuted shingle hash from `start` to `end`."""
    factors, offsets = permutations[0], permutations[1]
    row[:] = 0xFFFFFFFF
    for place in range(start, end, 4):  # four at a time, the last ones again: the row is read and written less often
        a, b = mixed[place], mixed[min(place + 1, end - 1)]
        c, d = mixed[min(place + 2, end - 1)], mixed[min(place + 3, end - 1)]
        for column in range(len(row)):
            factor, offset = factors[column], offsets[column]
            one = min(np.uint32(factor * a + offset), np.uint32(factor * b + offset))
            other = min(np.uint32(factor * c + offset), np.uint32(factor * d + offset))
            row[column] = min(row[column], min(one, other))


@numba.njit("u4(u4[::1], i8, i8)", cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _band_key(row: U32, start: int, end: int) -> np.uint32:
    """Hash a band of a signature, its columns from `start` to `end`."""
    key = np.uint32(0)
    for column in range(start, end):
        key = np.uint32((key ^ row[column]) * np.uint32(0x9E3779B1))
        key = np.uint32(key ^ (key >> np.uint32(15)))
    return key


@numba.njit("void(u4[::1], i8[::1], u4[:,::1], u4[:,::1])", cache=True, nogil=True)  # type: ignore[untyped-decorator]
def sign(hashes: U32, starts: I64, permutations: U32, signatures: U32) -> None:
    """Write to `signatures` (texts × permutations) the least of each permuted shingle hash of each text."""
    mixed = _mixed(hashes)
    for text in range(len(starts)):
        end = starts[text + 1] if text + 1 < len(starts) else len(mixed)
        _least(mixed, starts[text], end, permutations, signatures[text])


@numba.njit("void(u4[::1], i8[::1], u4[:,::1], i8, u4[:,:], u1[:,::1])", cache=True, nogil=True)  # type: ignore[untyped-decorator]
def sketch(hashes: U32, starts: I64, permutations: U32, rows: int, keys: U32, lows: U8) -> None:
    """Do `sign` and `band_keys`, and write the last byte of each minimum to `lows`; no signature is kept."""
    row, mixed = np.empty(permutations.shape[1], dtype=np.uint32), _mixed(hashes)
    for text in range(len(starts)):
        end = starts[text + 1] if text + 1 < len(starts) else len(mixed)
        _least(mixed, starts[text], end, permutations, row)
        for band in range(len(keys)):
            keys[band, text] = _band_key(row, band * rows, (band + 1) * rows)
        for column in range(len(row)):
            lows[text, column] = row[column] & np.uint32(255)


@numba.njit("void(u4[:,::1], i8, i8, i8, u4[:,::1])", cache=True, nogil=True)  # type: ignore[untyped-decorator]
def band_keys(signatures: U32, start: int, end: int, rows: int, keys: U32) -> None:
    """Write to `keys` (bands × texts) the hash of every band of the signatures from `start` to `end`."""
    for text in range(start, end):
        for band in range(len(keys)):
            keys[band, text] = _band_key(signatures[text], band * rows, (band + 1) * rows)


@numba.njit("u8[::1](u8[::1])", cache=True, nogil=True)  # type: ignore[untyped-decorator]
def ascending(values: U64) -> U64:
    """Sort, byte by byte from the lowest (radix sort); bytes that all values share cost nothing."""
    counts = np.zeros((8, 256), dtype=np.int64)
    for value in values:
        for byte in range(8):
            counts[byte, (value >> np.uint64(8 * byte)) & np.uint64(255)] += 1
    here, there = values.copy(), np.empty_like(values)
    for byte in range(8):
        if counts[byte].max() == len(values):
            continue
        ends = np.cumsum(counts[byte]) - counts[byte]
        for value in here:
            digit = (value >> np.uint64(8 * byte)) & np.uint64(255)
            there[ends[digit]] = value
            ends[digit] += 1
        here, there = there, here
    return here


@numba.njit("i8[::1](u1[:,::1], i8[::1], i8[::1])", cache=True, nogil=True)  # type: ignore[untyped-decorator]
def agreements(sketches: U8, left: I64, right: I64) -> I64:
    """Count for each pair of texts the columns in which their rows of `sketches` (texts × permutations) agree."""
    counts = np.zeros(len(left), dtype=np.int64)
    for start in range(0, sketches.shape[1], COUNTED):
        end = min(start + COUNTED, sketches.shape[1])
        for pair in range(len(left)):
            one, other = sketches[left[pair], start:end], sketches[right[pair], start:end]
            same = np.uint8(0)  # as wide as what is compared, so that as many are added at once
            for column in range(len(one)):
                same = np.uint8(same + np.uint8(one[column] == other[column]))
            counts[pair] += same
    return counts


@numba.njit("i8(i8[::1], i8, i8)", cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _table_size(starts: I64, end: int, places: int) -> int:
    """Return a power of two that gives each shingle of the longest text as many `places` of a hash table, or more.

    `starts` is where each text's shingles begin, `end` where those of the last one end.
    """
    longest = 1
    for text in range(len(starts)):
        after = starts[text + 1] if text + 1 < len(starts) else end
        longest = max(longest, after - starts[text])
    size = 16
    while size < places * longest:
        size *= 2
    return size


@numba.njit("i8[:,::1](u4[::1], i8[::1], i8[::1], i8[::1])", cache=True, nogil=True)  # type: ignore[untyped-decorator]
def overlaps(hashes: U32, starts: I64, one: I64, other: I64) -> I64:
    """Count for each pair of texts the shingles of the first, of the second, and of both (pairs × 3).

    A hash table is filled with each first text, and then with each second one. `stamp` tells the entries of these from
    old ones, so nothing is cleared, and pairs with the same first text one after another fill in only the second.
    """
    size = _table_size(starts, len(hashes), 4)  # of two texts
    value = np.zeros(size, dtype=np.uint32)
    stamp = np.zeros(size, dtype=np.int64)  # the pair since which the first text is here, or the pair of the second
    first = np.zeros(size, dtype=np.bool_)
    met = np.zeros(size, dtype=np.int64)  # the last pair whose second text has this shingle of the first one too
    counts = np.zeros((len(one), 3), dtype=np.int64)
    since = 0
    for number in range(1, len(one) + 1):
        pair = number - 1
        if pair == 0 or one[pair] != one[pair - 1]:
            since = number
            end = starts[one[pair] + 1] if one[pair] + 1 < len(starts) else len(hashes)
            for place in range(starts[one[pair]], end):
                shingle = hashes[place]
                slot = np.int64(np.uint32(shingle * np.uint32(0x9E3779B1)) >> np.uint32(7)) & (size - 1)
                while stamp[slot] == since and value[slot] != shingle:
                    slot = (slot + 1) & (size - 1)
                if stamp[slot] != since:
                    stamp[slot], value[slot], first[slot] = since, shingle, True
                    counts[pair, 0] += 1
        else:
            counts[pair, 0] = counts[pair - 1, 0]
        end = starts[other[pair] + 1] if other[pair] + 1 < len(starts) else len(hashes)
        for place in range(starts[other[pair]], end):
            shingle = hashes[place]
            slot = np.int64(np.uint32(shingle * np.uint32(0x9E3779B1)) >> np.uint32(7)) & (size - 1)
            while True:
                mine = first[slot] and stamp[slot] == since
                if not mine and (first[slot] or stamp[slot] != number):
                    stamp[slot], value[slot], first[slot] = number, shingle, False  # nobody's
                    counts[pair, 1] += 1
                    break
                if value[slot] == shingle:
                    if mine and met[slot] != number:
                        met[slot] = number
                        counts[pair, 1] += 1
                        counts[pair, 2] += 1
                    break
                slot = (slot + 1) & (size - 1)
    return counts


@numba.njit("void(u4[::1], i8[::1], u1[:,::1], i8[::1], i8[::1])", cache=True, nogil=True)  # type: ignore[untyped-decorator]
def shingle_bits(hashes: U32, starts: I64, bits: U8, sizes: I64, again: I64) -> None:
    """Write the bits of each text's shingles, how many different ones it has, and how many found their bit set.

    `bits` is texts × bytes, as many bytes as a power of two, the highest bit of a byte first (as NumPy packs them).
    """
    width = 0
    while 8 * bits.shape[1] > 1 << width:
        width += 1
    size = _table_size(starts, len(hashes), 2)
    value = np.zeros(size, dtype=np.uint32)
    stamp = np.zeros(size, dtype=np.int64)
    bits[:] = 0
    for text in range(len(starts)):
        end = starts[text + 1] if text + 1 < len(starts) else len(hashes)
        sizes[text], again[text] = 0, 0
        for place in range(starts[text], end):
            spread = np.uint32(hashes[place] * np.uint32(0x9E3779B1))
            slot = np.int64(spread >> np.uint32(7)) & (size - 1)
            while stamp[slot] == text + 1 and value[slot] != hashes[place]:
                slot = (slot + 1) & (size - 1)
            if stamp[slot] == text + 1:
                continue
            stamp[slot], value[slot] = text + 1, hashes[place]
            sizes[text] += 1
            bit = np.int64(spread >> np.uint32(32 - width))
            flag = np.uint8(128 >> (bit & 7))
            if bits[text, bit >> 3] & flag:
                again[text] += 1
            bits[text, bit >> 3] |= flag
