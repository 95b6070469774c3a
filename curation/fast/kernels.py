"""The inner loops of the search for duplicates, for Numba (extra `fast`): the same, much faster.

Imported only to be compiled; machine.py keeps and loads what comes of it. A kernel gets places in memory and
numbers, allocates nothing and raises nothing, so that its code needs neither Numba nor Python to run.
"""

# mypy: disable-error-code="untyped-decorator, assignment, return-value"

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.types import CPointer, int64, uint8, uint32, uint64

AHEAD = 32  # pairs whose rows are fetched before they are compared
LINE = 64  # bytes that are fetched at once
COUNTED = 128  # columns whose agreements are counted in one byte
U8, U32, U64, I64 = (CPointer(kind) for kind in (uint8, uint32, uint64, int64))
Array = Any  # a place in memory, indexed from 0 on


@numba.njit
def _stirred(value: np.uint32) -> np.uint32:
    """Stir a number as `shingles.mix` does."""
    value = np.uint32((value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    value = np.uint32((value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return np.uint32(value ^ (value >> np.uint32(16)))


@numba.njit
def _step(rolled: np.uint32, code: np.uint32) -> np.uint32:
    """Take one more code into a hash."""
    return np.uint32(np.uint32(rolled * np.uint32(0x9E3779B1)) ^ code)


@numba.cfunc(int64(U32, int64, I64, int64, int64, U32))
def plain(codes: Array, count: int, starts: Array, texts: int, ngram: int, hashes: Array) -> int:
    """Hash the n-grams of texts that stand one after another, each as long as one or longer: `shingles.plain`.

    `codes` are stirred in place; `hashes` has as many places.
    """
    for place in range(count):
        codes[place] = _stirred(codes[place])
    for place in range(count - ngram + 1):
        hashes[place + ngram - 1] = codes[place + ngram - 1]
    for back in range(1, ngram):
        for place in range(ngram - 1, count):
            hashes[place] = _step(hashes[place], codes[place - back])
    for text in range(texts):
        for place in range(starts[text], starts[text] + ngram - 1):
            hashes[place] = hashes[starts[text] + ngram - 1]
    return 0


@numba.cfunc(int64(U32, U32, int64, I64, I64, int64, int64, U32))
def padded(
    codes: Array, mixed: Array, count: int, starts: Array, ends: Array, texts: int, wide: int, hashes: Array
) -> int:
    """Hash three characters from `wide` on, and five below it, of texts with four blanks around: `shingles.padded`.

    `mixed` is room for as many codes; `hashes` has four places fewer.
    """
    for place in range(count):
        mixed[place] = _stirred(codes[place])
    for place in range(count - 4):
        three = _step(_step(mixed[place + 4], mixed[place + 3]), mixed[place + 2])
        five = _step(_step(three, mixed[place + 1]), mixed[place])
        hashes[place] = three if codes[place + 4] >= np.uint32(wide) else five
    for text in range(texts):
        end = ends[text]
        if codes[end - 1] < np.uint32(wide):
            continue
        # Behind a wide character only two windows still hold it; the first shingle is said again in the others.
        for place in range(end - 4, end - 2):
            hashes[place] = _step(_step(mixed[place + 4], mixed[place + 3]), mixed[place + 2])
        for place in range(end - 2, end):
            hashes[place] = hashes[starts[text]]
    return 0


@numba.njit
def _least(mixed: Array, start: int, end: int, permutations: Array, columns: int, row: Array, at: int) -> None:
    """Write to `row`, from `at` on, the least of each permuted shingle hash from `start` to `end`."""
    for column in range(columns):
        row[at + column] = np.uint32(0xFFFFFFFF)
    for place in range(start, end, 4):  # four at a time, the last ones again: the row is read and written less often
        a, b = mixed[place], mixed[min(place + 1, end - 1)]
        c, d = mixed[min(place + 2, end - 1)], mixed[min(place + 3, end - 1)]
        for column in range(columns):
            factor, offset = permutations[column], permutations[columns + column]
            one = min(np.uint32(factor * a + offset), np.uint32(factor * b + offset))
            other = min(np.uint32(factor * c + offset), np.uint32(factor * d + offset))
            row[at + column] = min(row[at + column], min(one, other))


@numba.njit
def _band_key(row: Array, start: int, end: int) -> np.uint32:
    """Hash a band of a signature, its columns from `start` to `end`."""
    key = np.uint32(0)
    for column in range(start, end):
        key = np.uint32((key ^ row[column]) * np.uint32(0x9E3779B1))
        key = np.uint32(key ^ (key >> np.uint32(15)))
    return key


@numba.cfunc(int64(U32, int64, I64, int64, U32, int64, U32))
def sign(
    hashes: Array, count: int, starts: Array, texts: int, permutations: Array, columns: int, signatures: Array
) -> int:
    """Write to `signatures` (texts × columns) the least of each permuted shingle hash of each text.

    `hashes` are stirred in place.
    """
    for place in range(count):
        hashes[place] = _stirred(hashes[place])
    for text in range(texts):
        end = starts[text + 1] if text + 1 < texts else count
        _least(hashes, starts[text], end, permutations, columns, signatures, text * columns)
    return 0


@numba.cfunc(int64(U32, int64, I64, int64, U32, int64, U32, int64, int64, U32, int64, U8))
def sketch(
    hashes: Array, count: int, starts: Array, texts: int, permutations: Array, columns: int, row: Array,
    bands: int, rows: int, keys: Array, stride: int, lows: Array,
) -> int:  # fmt: skip
    """Do `sign` and `band_keys`, and write the last byte of each minimum to `lows`; no signature is kept.

    `row` is room for one. `keys` is bands × texts, a band `stride` places behind the one before.
    """
    for place in range(count):
        hashes[place] = _stirred(hashes[place])
    for text in range(texts):
        end = starts[text + 1] if text + 1 < texts else count
        _least(hashes, starts[text], end, permutations, columns, row, 0)
        for band in range(bands):
            keys[band * stride + text] = _band_key(row, band * rows, (band + 1) * rows)
        for column in range(columns):
            lows[text * columns + column] = np.uint8(row[column] & np.uint32(255))
    return 0


@numba.cfunc(int64(U32, int64, int64, int64, int64, int64, U32, int64))
def band_keys(
    signatures: Array, columns: int, start: int, end: int, bands: int, rows: int, keys: Array, stride: int
) -> int:
    """Write to `keys` (see `sketch`) the hash of every band of the signatures from `start` to `end`."""
    for text in range(start, end):
        for band in range(bands):
            begin = text * columns + band * rows
            keys[band * stride + text] = _band_key(signatures, begin, begin + rows)
    return 0


@numba.cfunc(int64(U64, U64, int64, I64))
def ascending(values: Array, room: Array, count: int, counts: Array) -> int:
    """Sort, byte by byte from the lowest (radix sort); bytes that all values share cost nothing.

    `counts` is 8 × 256 noughts. Returns 1 where the sorted values ended up in `room`, 0 where in `values`.
    """
    for place in range(count):
        for byte in range(8):
            counts[256 * byte + np.int64((values[place] >> np.uint64(8 * byte)) & np.uint64(255))] += 1
    here, there, turns = values, room, 0
    for byte in range(8):
        before, most = 0, 0
        for digit in range(256 * byte, 256 * byte + 256):  # from how many there are to where the first one goes
            many = counts[digit]
            counts[digit], before, most = before, before + many, max(most, many)
        if most == count:
            continue
        for place in range(count):
            value = here[place]
            digit = 256 * byte + np.int64((value >> np.uint64(8 * byte)) & np.uint64(255))
            there[counts[digit]] = value
            counts[digit] += 1
        here, there, turns = there, here, turns + 1
    return turns & 1


@numba.njit
def _touched(sketches: Array, columns: int, one: int, other: int) -> np.uint8:
    """Look at the rows of a pair. The processor fetches those of many at once, where counting would wait for each."""
    touched = np.uint8(0)
    for column in range(0, columns, LINE):
        touched |= sketches[one * columns + column] | sketches[other * columns + column]
    return np.uint8(touched)


@numba.njit
def _agreements(sketches: Array, columns: int, one: int, other: int) -> int:
    """Count the columns in which two rows agree."""
    agree, here, there = 0, one * columns, other * columns
    for start in range(0, columns, COUNTED):
        same = np.uint8(0)  # as wide as what is compared, so that as many are added at once
        for column in range(start, min(start + COUNTED, columns)):
            same = np.uint8(same + np.uint8(sketches[here + column] == sketches[there + column]))
        agree += np.int64(same)
    return agree


@numba.cfunc(int64(U8, int64, I64, I64, int64, I64))
def agreements(sketches: Array, columns: int, left: Array, right: Array, pairs: int, counts: Array) -> int:
    """Count the columns in which the rows of each pair of texts in `sketches` (texts × columns) agree."""
    for begin in range(0, pairs, AHEAD):
        end = min(begin + AHEAD, pairs)
        for pair in range(begin, end):
            counts[pair] = np.int64(_touched(sketches, columns, left[pair], right[pair]))
        for pair in range(begin, end):
            counts[pair] = _agreements(sketches, columns, left[pair], right[pair])
    return 0


@numba.cfunc(int64(U64, int64, int64, I64, I64, int64, U64, int64, I64, I64, I64))
def bucketed(
    ordered: Array, count: int, window: int, places: Array, roots: Array, rooted: int, pairs: Array, room: int,
    who: Array, sizes: Array, state: Array,
) -> int:  # fmt: skip
    """Write the pairs within buckets of up to `window` texts, and of larger ones `who` is in them and their `sizes`.

    `ordered` are keys above what `places` tells the text of; equal keys are a bucket. With `rooted` only pairs of
    different `roots` count, and larger buckets that have such. It goes on from `state[0]` until there is no `room` for
    another bucket, and returns how many pairs; `state[1:]` is how many larger buckets, and texts in them.
    """
    low, place, found, large, members = np.uint64(0xFFFFFFFF), state[0], 0, state[1], state[2]
    while place < count:
        key, end = ordered[place] >> np.uint64(32), place + 1
        while end < count and ordered[end] >> np.uint64(32) == key:
            end += 1
        size = end - place
        if size > window:
            apart = rooted == 0
            for at in range(size):
                who[members + at] = places[np.int64(ordered[place + at] & low)]
                apart = apart or roots[who[members + at]] != roots[who[members]]
            if apart:
                sizes[large] = size
                large, members = large + 1, members + size
        elif size > 1:
            if 2 * (room - found) < size * (size - 1):
                break
            for at in range(place, end - 1):
                one = places[np.int64(ordered[at] & low)]
                for further in range(at + 1, end):
                    other = places[np.int64(ordered[further] & low)]
                    if rooted == 0 or roots[one] != roots[other]:
                        pairs[found] = np.uint64(min(one, other)) << np.uint64(32) | np.uint64(max(one, other))
                        found += 1
        place = end
    state[0], state[1], state[2] = place, large, members
    return found


@numba.cfunc(int64(I64, int64, I64, I64, int64, I64, int64, U64, int64, I64))
def beside(
    who: Array, count: int, ends: Array, centres: Array, near: int, roots: Array, rooted: int,
    pairs: Array, room: int, state: Array,
) -> int:  # fmt: skip
    """Write the pairs of each text with the `near` next of its bucket, and with its centre where that is not below 0.

    `who` is bucket after bucket, up to so many `ends`, each with one of the `centres`. With `rooted` only pairs of
    different `roots` count. It goes on from `state`, a place and its bucket, until there is no `room` for all pairs of
    another text, and returns how many pairs.
    """
    place, bucket, found = state[0], state[1], 0
    while place < count and found + near < room:
        if place == ends[bucket]:
            bucket += 1
        one = who[place]
        for step in range(min(near + 1, ends[bucket] - place)):
            other = who[place + step] if step else centres[bucket]
            if other >= 0 and one != other and (rooted == 0 or roots[one] != roots[other]):
                pairs[found] = np.uint64(min(one, other)) << np.uint64(32) | np.uint64(max(one, other))
                found += 1
        place += 1
    state[0], state[1] = place, bucket
    return found


@numba.cfunc(int64(U8, int64, U64, int64, int64, U64))
def agreeing(sketches: Array, columns: int, pairs: Array, count: int, least: int, room: Array) -> int:
    """Write to `room` those `pairs` of which `least` columns or more agree (see `agreements`); return how many."""
    kept, low = 0, np.uint64(0xFFFFFFFF)
    for begin in range(0, count, AHEAD):
        end, touched = min(begin + AHEAD, count), np.uint8(0)
        for pair in range(begin, end):
            one, other = np.int64(pairs[pair] >> np.uint64(32)), np.int64(pairs[pair] & low)
            touched |= _touched(sketches, columns, one, other)
        room[kept] = np.uint64(touched)  # else nobody would look; the place is written to again
        for pair in range(begin, end):
            one, other = np.int64(pairs[pair] >> np.uint64(32)), np.int64(pairs[pair] & low)
            room[kept] = pairs[pair]
            kept += np.int64(_agreements(sketches, columns, one, other) >= least)
    return kept


@numba.cfunc(int64(U64, int64, I64, I64, I64, I64, I64, int64, I64, I64))
def bounded(
    bits: Array, words: int, sizes: Array, again: Array, place: Array, left: Array, right: Array, pairs: int,
    shared: Array, whole: Array,
) -> int:  # fmt: skip
    """Write how many shingles each pair of texts may share at most, and have together then: what bounds.py says.

    `place` is that of a text in `bits` (texts × words), `sizes` and `again`.
    """
    for pair in range(pairs):
        mine, theirs, common = place[left[pair]], place[right[pair]], np.uint64(0)
        for word in range(words):
            both = bits[mine * words + word] & bits[theirs * words + word]
            both -= (both >> np.uint64(1)) & np.uint64(0x5555555555555555)
            both = (both & np.uint64(0x3333333333333333)) + ((both >> np.uint64(2)) & np.uint64(0x3333333333333333))
            both = (both + (both >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
            common += (both * np.uint64(0x0101010101010101)) >> np.uint64(56)
        shared[pair] = np.int64(common) + min(again[mine], again[theirs])
        whole[pair] = sizes[mine] + sizes[theirs] - shared[pair]
    return 0


@numba.cfunc(int64(U64, int64, U64, int64, U64, U64))
def merged(seen: Array, count: int, pairs: Array, more: int, room: Array, new: Array) -> int:
    """Write both, in order and each different, to `room` in order, and to `new` what of `pairs` is not in `seen`.

    Returns how many are new.
    """
    place, at, found = 0, 0, 0
    while at < more:
        if place < count and seen[place] < pairs[at]:
            room[place + found] = seen[place]
            place += 1
            continue
        if place == count or seen[place] > pairs[at]:
            room[place + found], new[found] = pairs[at], pairs[at]
            found += 1
        at += 1
    while place < count:
        room[place + found] = seen[place]
        place += 1
    return found


@numba.cfunc(int64(I64, int64, I64, I64, int64))
def joined(roots: Array, texts: int, left: Array, right: Array, pairs: int) -> int:
    """Join the components of each pair; the root of each text, and of a component, is its smallest index."""
    for pair in range(pairs):
        one, other = roots[left[pair]], roots[right[pair]]
        while roots[one] != one:
            one = roots[one]
        while roots[other] != other:
            other = roots[other]
        roots[max(one, other)] = min(one, other)
        roots[left[pair]] = roots[right[pair]] = min(one, other)
    for text in range(texts):  # the root of what stands before is known
        roots[text] = roots[roots[text]]
    return 0


@numba.njit
def _slot(shingle: np.uint32, size: int) -> int:
    """Return where a shingle is looked for first in a hash table of so many places, a power of two."""
    return np.int64(np.uint32(shingle * np.uint32(0x9E3779B1)) >> np.uint32(7)) & (size - 1)


@numba.cfunc(int64(U32, int64, I64, int64, I64, I64, int64, int64, U32, I64, I64, U8, I64))
def overlaps(
    hashes: Array, count: int, starts: Array, texts: int, one: Array, other: Array, pairs: int,
    size: int, value: Array, stamp: Array, met: Array, first: Array, counts: Array,
) -> int:  # fmt: skip
    """Count for each pair of texts the shingles of the first, of the second, and of both (pairs × 3).

    A hash table is filled with each first text, and then with each second one. `stamp` tells the entries of these from
    old ones, so nothing is cleared, and pairs with the same first text one after another fill in only the second.

    `stamp` (the pair since which a first text is here, or the pair of a second one), `met` (the last pair whose second
    text has this shingle of the first one too), `first` and `counts` are noughts; the table has `size` places.
    """
    since = 0
    for number in range(1, pairs + 1):
        pair = number - 1
        if pair == 0 or one[pair] != one[pair - 1]:
            since = number
            end = starts[one[pair] + 1] if one[pair] + 1 < texts else count
            for place in range(starts[one[pair]], end):
                shingle = hashes[place]
                slot = _slot(shingle, size)
                while stamp[slot] == since and value[slot] != shingle:
                    slot = (slot + 1) & (size - 1)
                if stamp[slot] != since:
                    stamp[slot], value[slot], first[slot] = since, shingle, np.uint8(1)
                    counts[3 * pair] += 1
        else:
            counts[3 * pair] = counts[3 * pair - 3]
        end = starts[other[pair] + 1] if other[pair] + 1 < texts else count
        for place in range(starts[other[pair]], end):
            shingle = hashes[place]
            slot = _slot(shingle, size)
            while True:
                mine = first[slot] and stamp[slot] == since
                if not mine and (first[slot] or stamp[slot] != number):
                    stamp[slot], value[slot], first[slot] = number, shingle, np.uint8(0)  # nobody's
                    counts[3 * pair + 1] += 1
                    break
                if value[slot] == shingle:
                    if mine and met[slot] != number:
                        met[slot] = number
                        counts[3 * pair + 1] += 1
                        counts[3 * pair + 2] += 1
                    break
                slot = (slot + 1) & (size - 1)
    return 0


@numba.cfunc(int64(U32, int64, I64, int64, int64, U32, I64, U8, int64, I64, I64))
def shingle_bits(
    hashes: Array, count: int, starts: Array, texts: int, size: int, value: Array, stamp: Array,
    bits: Array, width: int, sizes: Array, again: Array,
) -> int:  # fmt: skip
    """Write the bits of each text's shingles, how many different ones it has, and how many found their bit set.

    `bits` is texts × bytes, noughts, 2 to the power of `width` bits a text, the highest bit of a byte first (as NumPy
    packs them). `stamp` is noughts; the table has `size` places.
    """
    for text in range(texts):
        end = starts[text + 1] if text + 1 < texts else count
        sizes[text], again[text] = 0, 0
        for place in range(starts[text], end):
            slot = _slot(hashes[place], size)
            while stamp[slot] == text + 1 and value[slot] != hashes[place]:
                slot = (slot + 1) & (size - 1)
            if stamp[slot] == text + 1:
                continue
            stamp[slot], value[slot] = text + 1, hashes[place]
            sizes[text] += 1
            bit = np.int64(np.uint32(hashes[place] * np.uint32(0x9E3779B1)) >> np.uint32(32 - width))
            byte, flag = (text << (width - 3)) + (bit >> 3), np.uint8(128 >> (bit & 7))
            if bits[byte] & flag:
                again[text] += 1
            bits[byte] |= flag
    return 0


KERNELS = {
    kernel.__name__: kernel
    for kernel in (
        plain, padded, sign, sketch, band_keys, ascending, agreements, bucketed, beside, agreeing, bounded,
        merged, joined, overlaps, shingle_bits,
    )
}  # fmt: skip
