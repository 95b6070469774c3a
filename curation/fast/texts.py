"""The inner loops over texts in UTF-8, of checks and of the search for personal data: see kernels.py."""

# mypy: disable-error-code="untyped-decorator, assignment, return-value"

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.types import CPointer, int64, uint8, uint32, uint64

U8, U32, U64, I64 = (CPointer(kind) for kind in (uint8, uint32, uint64, int64))
Array = Any  # a place in memory, indexed from 0 on


@numba.njit
def _decoded(data: Array, place: int) -> tuple[int, int]:
    """Return the character that begins at a place of UTF-8, and where the next one does."""
    first = np.int64(data[place])
    if first < 0x80:
        return first, place + 1
    second = np.int64(data[place + 1]) & 0x3F
    if first < 0xE0:
        return (first & 0x1F) << 6 | second, place + 2
    third = np.int64(data[place + 2]) & 0x3F
    if first < 0xF0:
        return (first & 0x0F) << 12 | second << 6 | third, place + 3
    return (first & 0x07) << 18 | second << 12 | third << 6 | np.int64(data[place + 3]) & 0x3F, place + 4


HAN, WORD, PLAIN, LATIN, BRACKET, ODD, NEW = 1, 2, 4, 8, 32, 64, 128  # bits of what a character is: checks/letters.py
UNSURE = 8  # and of what part of a text it is


@numba.njit
def _unit(char: int, bits: int, count: int, before: int, inside: int, word: int) -> tuple[int, int, int, int]:
    """Count a character into the units of its text: each Han character, each word, each mask as one word.

    Returned are the units so far, those before the last bracket that opened, how many characters stand behind it (-1:
    none is open), and whether a word goes on.
    """
    if bits & BRACKET:
        if char == 0x5B:
            return count, count, 0, 0
        return before + 1 if 1 <= inside <= 24 else count, before, -1, 0
    count += bits & HAN
    if bits & WORD and not word:
        count += 1
    return count, before, inside + (1 if inside >= 0 else 0), bits & WORD


@numba.cfunc(int64(U8, I64, int64, U8, U32, U8))
def letters(data: Array, ends: Array, texts: int, kinds: Array, units: Array, made_of: Array) -> int:
    """Count the Han characters and words of texts in UTF-8, and unite the bits of what their characters are.

    What stands in brackets, 1 to 24 characters long, is one word. `kinds` has an entry for every character there is;
    1 is returned where one is `NEW`.
    """
    place, new = 0, 0
    for text in range(texts):
        count, all_bits, word, before, inside = 0, 0, 0, 0, -1
        while place < ends[text]:
            char, place = _decoded(data, place)
            bits = np.int64(kinds[char])
            all_bits |= bits
            count, before, inside, word = _unit(char, bits, count, before, inside, word)
        units[text], made_of[text] = np.uint32(count), np.uint8(all_bits)
        new |= all_bits & NEW
    return new


@numba.cfunc(int64(U8, I64, int64, U8, U32, U32))
def tongues(data: Array, ends: Array, texts: int, kinds: Array, han: Array, words: Array) -> int:
    """Count the Han characters of texts in UTF-8, and the runs of two or more letters of ASCII; `kinds` as above."""
    place, new = 0, 0
    for text in range(texts):
        count, found, run = 0, 0, 0
        while place < ends[text]:
            char, place = _decoded(data, place)
            bits = np.int64(kinds[char])
            new |= bits & NEW
            count += bits & HAN
            run = run + 1 if 0x41 <= char <= 0x5A or 0x61 <= char <= 0x7A else 0
            found += 1 if run == 2 else 0
        han[text], words[text] = np.uint32(count), np.uint32(found)
    return new


@numba.cfunc(int64(U8, I64, int64, U8, U8))
def scripts(data: Array, ends: Array, texts: int, kinds: Array, told: Array) -> int:
    """Tell of texts in UTF-8 whether Han characters and Latin letters are in them; `kinds` as above."""
    place, new = 0, 0
    for text in range(texts):
        end, latin, more, found = ends[text], np.uint8(0), np.uint8(0), 0
        for at in range(place, end):  # many at once: letters of ASCII, and what begins U+00C0 to U+023F
            byte = np.uint8(data[at])
            latin |= np.uint8(np.uint8(np.uint8(byte | np.uint8(0x20)) - np.uint8(0x61)) < np.uint8(26))
            latin |= np.uint8(np.uint8(byte - np.uint8(0xC3)) < np.uint8(6))
            more |= np.uint8(byte == np.uint8(0xC9))
        if more:  # U+0240 to U+024F are Latin, what follows is not
            for at in range(place, end):
                latin |= np.uint8(data[at] == 0xC9 and data[at + 1] < 0x90)
        while place < end:
            if data[place] < 0xE2:  # no Han character begins so
                place += 1
                continue
            char, place = _decoded(data, place)
            bits = np.int64(kinds[char])
            new |= bits
            if bits & HAN:
                found = HAN
                break
        told[text] = np.uint8(found | (LATIN if latin else 0))
        place = end
    return new & NEW


@numba.cfunc(int64(U8, I64, U8, I64, int64, U8, int64, U64, I64, I64))
def han_pairs(
    one: Array, one_ends: Array, other: Array, other_ends: Array, texts: int, kinds: Array,
    size: int, value: Array, stamp: Array, counts: Array,
) -> int:  # fmt: skip
    """Count the pairs of neighbouring Han characters that stand in both texts of each row, each pair once.

    `stamp` is noughts; the table has `size` places, a power of two, twice as many as any text has characters.
    """
    place, there, seen = 0, 0, 0
    for text in range(texts):
        last, common = 0, 0
        while place < one_ends[text]:
            char, place = _decoded(one, place)
            seen |= np.int64(kinds[char])
            han = np.int64(kinds[char]) & HAN
            if han and last:
                pair = np.uint64(last << 21 | char)
                slot = np.int64(pair * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(40)) & (size - 1)
                while stamp[slot] > 2 * text and value[slot] != pair:
                    slot = (slot + 1) & (size - 1)
                stamp[slot], value[slot] = 2 * text + 1, pair
            last = char if han else 0
        last = 0
        while there < other_ends[text]:
            char, there = _decoded(other, there)
            seen |= np.int64(kinds[char])
            han = np.int64(kinds[char]) & HAN
            if han and last:
                pair = np.uint64(last << 21 | char)
                slot = np.int64(pair * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(40)) & (size - 1)
                while stamp[slot] > 2 * text and value[slot] != pair:
                    slot = (slot + 1) & (size - 1)
                if stamp[slot] == 2 * text + 1:
                    stamp[slot] = 2 * text + 2
                    common += 1
            last = char if han else 0
        counts[text] = common
    return seen & NEW


@numba.njit
def _cleaned(data: Array, place: int, end: int, kinds: Array, lower: Array, room: Array) -> tuple[int, int, int]:
    """Write the letters and digits of a text in lower case; return how many, the text's bits, and where it ends."""
    count, bits = 0, 0
    while place < end:
        char, place = _decoded(data, place)
        bits |= np.int64(kinds[char])
        if np.int64(kinds[char]) & PLAIN:
            room[count] = lower[char]
            count += 1
    return count, bits, place


@numba.njit
def _encoded(made: Array, place: int, char: int) -> int:
    """Write a character to a place of UTF-8; return where the next one goes."""
    if char < 0x80:
        made[place] = np.uint8(char)
        return place + 1
    if char < 0x800:
        made[place], made[place + 1] = np.uint8(0xC0 | char >> 6), np.uint8(0x80 | char & 0x3F)
        return place + 2
    if char < 0x10000:
        made[place], made[place + 1] = np.uint8(0xE0 | char >> 12), np.uint8(0x80 | char >> 6 & 0x3F)
        made[place + 2] = np.uint8(0x80 | char & 0x3F)
        return place + 3
    made[place], made[place + 1] = np.uint8(0xF0 | char >> 18), np.uint8(0x80 | char >> 12 & 0x3F)
    made[place + 2], made[place + 3] = np.uint8(0x80 | char >> 6 & 0x3F), np.uint8(0x80 | char & 0x3F)
    return place + 4


@numba.cfunc(int64(U8, I64, int64, U8, U32, int64, U8, U8))
def bare(data: Array, ends: Array, texts: int, parts: Array, lower: Array, keep: int, made: Array, odd: Array) -> int:
    """Write what `keep` says of each text in lower case, and a line feed behind it; return how many bytes.

    `parts` and `keep` are bits of checks/letters.py. A letter has no more than half as many bytes again in lower case.
    1 is written to `odd` where nothing is kept, or what is `UNSURE`; -1 is returned where a character is `NEW`.
    """
    place, size, seen = 0, 0, 0
    for text in range(texts):
        begin, strange = size, 0
        while place < ends[text]:
            char, place = _decoded(data, place)
            part = np.int64(parts[char])
            seen |= part
            strange |= part
            if part & keep:
                size = _encoded(made, size, np.int64(lower[char]))
        odd[text] = np.uint8(size == begin or strange & UNSURE != 0)
        made[size] = 0x0A
        size += 1
    return -1 if seen & NEW else size


@numba.njit
def _place_of(one: np.uint32, other: np.uint32) -> int:
    """Return a place for two neighbouring letters, one of 4,096."""
    mixed = np.uint64(one) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(other) * np.uint64(0xC2B2AE3D27D4EB4F)
    return np.int64(mixed >> np.uint64(52))


@numba.cfunc(int64(U8, I64, U8, I64, int64, U8, U32, int64, U32, U32, U32, U8))
def echoes(
    said: Array, said_ends: Array, asked: Array, asked_ends: Array, texts: int, kinds: Array, lower: Array,
    share: int, room: Array, more: Array, met: Array, may: Array,
) -> int:  # fmt: skip
    """Tell which of `said` may echo what is `asked`: enough neighbouring letters in both, and not much longer.

    Enough are `share` millionths of the shorter one's letters, less one. `met` has 4,096 noughts, `room` and `more` as
    many places as the longest text has characters. What is `ODD` when made small passes.
    """
    place, there, seen = 0, 0, 0
    for text in range(texts):
        size, bits, place = _cleaned(said, place, said_ends[text], kinds, lower, room)
        may[text] = 0
        if not bits & ODD and (
            size < 4 or 4 * size > 5 * (asked_ends[text] - there) + 16
        ):  # a letter has a byte or more
            seen, there = seen | bits, asked_ends[text]
            continue
        other, other_bits, there = _cleaned(asked, there, asked_ends[text], kinds, lower, more)
        may[text] = 1
        seen |= bits | other_bits
        if (bits | other_bits) & ODD:
            continue
        if size < 4 or 4 * size > 5 * other + 16:
            may[text] = 0
            continue
        for at in range(size - 1):
            met[_place_of(room[at], room[at + 1])] += np.uint32(1)
        common = 0
        for at in range(other - 1):
            slot = _place_of(more[at], more[at + 1])
            if met[slot]:
                met[slot] -= np.uint32(1)
                common += 1
        for at in range(size - 1):
            met[_place_of(room[at], room[at + 1])] = np.uint32(0)
        may[text] = np.uint8(1_000_000 * (common + 1) >= share * min(size, other))
    return seen & NEW


@numba.njit
def _in_word(byte: int) -> bool:
    """Tell whether a byte is a letter, a digit or _ of ASCII."""
    return 0x30 <= byte <= 0x39 or 0x41 <= byte <= 0x5A or 0x61 <= byte <= 0x7A or byte == 0x5F


@numba.cfunc(int64(U8, I64, int64, U8, U32, int64, U64, U64, I64, I64, U8, U64, I64, U64, U64))
def literals(
    data: Array, ends: Array, texts: int, classes: Array, steps: Array, width: int, may: Array, does: Array,
    heads: Array, sizes: Array, edges: Array, marks: Array, after: Array, needed: Array, enough: Array,
) -> int:  # fmt: skip
    """Unite for each text the bits of the literals that are in it: an automaton of checks/sieve.py.

    `needed` has those of patterns that may match, `enough` those of patterns that do.
    """
    begin = 0
    for text in range(texts):
        end, node, some, sure = ends[text], np.int64(0), np.uint64(0), np.uint64(0)
        for place in range(begin, end):
            step = np.int64(steps[node + np.int64(classes[data[place]])])
            node = step >> 1
            if not step & 1:
                continue
            number = np.int64(steps[node + width - 1])
            some |= may[number]
            sure |= does[number]
            one = heads[number]
            while one >= 0:
                first = place - sizes[one] + 1
                left = edges[one] & 1 and first > begin and _in_word(np.int64(data[first - 1]))
                right = edges[one] & 2 and place + 1 < end and _in_word(np.int64(data[place + 1]))
                if not left and not right:
                    some |= marks[2 * one]
                    sure |= marks[2 * one + 1]
                one = after[one]
        needed[text], enough[text] = some, sure
        begin = end
    return 0


DIGIT, GAP, LETTER, TOKEN, MARK, WIDE, ASCII_DIGIT = (1 << place for place in range(7))  # of a character
NUMBER, SIX, LONG, BESIDE, MARKS, SOME, FULL_WIDTH = (1 << place for place in range(7))  # of a text


@numba.cfunc(int64(U8, I64, int64, U8, U8))
def shapes(data: Array, ends: Array, texts: int, kinds: Array, told: Array) -> int:
    """Tell of texts in UTF-8 what numbers and codes are made of (privacy/sieve.py); `kinds` says it of any character.

    `NUMBER` and `SIX`: seven and six digits, with three of `GAP` between two at most. `LONG`: 24 of `TOKEN` in a row.
    `BESIDE`: a letter and a digit of ASCII beside each other. `MARKS`: five of `MARK`. `SOME`: a digit.
    """
    place = 0
    for text in range(texts):
        end, found = ends[text], 0
        chain, gap, run, marks, before = 0, 0, 0, 0, 0
        while place < end:
            char, place = _decoded(data, place)
            kind = np.int64(kinds[char])
            if kind & DIGIT:
                chain = chain + 1 if gap <= 3 else 1
                gap = 0
                found |= SOME | (SIX if chain >= 6 else 0) | (NUMBER if chain >= 7 else 0)
            else:
                gap = gap + 1 if kind & GAP else 4
            run = run + 1 if kind & TOKEN else 0
            found |= LONG if run >= 24 else 0
            marks += 1 if kind & MARK else 0
            found |= FULL_WIDTH if kind & WIDE else 0
            if (kind & ASCII_DIGIT and before & LETTER) or (kind & LETTER and before & ASCII_DIGIT):
                found |= BESIDE
            before = kind
        told[text] = np.uint8(found | (MARKS if marks >= 5 else 0))
    return 0


@numba.njit
def _masked(data: Array, place: int, end: int, room: Array) -> int:
    """Copy a text with a space for what stands in brackets, 1 to 24 characters long; return how many bytes it has."""
    size = 0
    while place < end:
        if data[place] == 0x5B:
            at, chars = place + 1, 0
            while at < end and chars <= 24 and data[at] != 0x5B and data[at] != 0x5D:
                chars += 1 if (data[at] & 0xC0) != 0x80 else 0
                at += 1
            if at < end and data[at] == 0x5D and 1 <= chars <= 24:
                room[size] = 0x20
                size, place = size + 1, at + 1
                continue
        room[size] = data[place]
        size, place = size + 1, place + 1
    return size


@numba.njit
def _behind(
    text: Array, inside: bool, place: int, size: int, classes: Array, steps: Array, width: int, heads: Array,  # noqa: FBT001
    edges: Array, after: Array,
) -> int:  # fmt: skip
    """Return where the word ends that begins at a place of a text, `place` where none does: checks/contents.py.

    `inside` tells whether a letter of ASCII stands before it.
    """
    node, at, found, best = np.int64(0), place, place, np.int64(-1)
    while at < size:
        node = np.int64(steps[node * width + np.int64(classes[text[at]])])
        if node == 0:
            break
        at += 1
        one = heads[node]
        while one >= 0:
            if best < 0 or one < best:
                open_end = edges[one] & 2 and at < size and _in_word(np.int64(text[at]))
                if not open_end and not (edges[one] & 1 and inside):
                    best, found = one, at
            one = after[one]
    return found


ANYWHERE, WITHIN = 1, 2  # of a byte: a word begins with it that may stand inside another; it is part of a word


@numba.cfunc(int64(U8, I64, int64, U8, U8, U32, int64, I64, U8, I64, int64, U8, U8))
def said_often(
    data: Array, ends: Array, texts: int, classes: Array, begins: Array, steps: Array, width: int, heads: Array,
    edges: Array, after: Array, least: int, told: Array, odd: Array,
) -> int:  # fmt: skip
    """Tell which texts hold the words of checks/contents.py `least` times or more; of what is `odd` nothing is sure."""
    place = 0
    for text in range(texts):
        count, within, end = 0, False, ends[text]
        odd[text] = 0
        while place < end and count < least:
            byte = data[place]
            if (byte == 0xC5 and data[place + 1] == 0xBF) or (byte == 0xE2 and data[place + 1] == 0x84):
                odd[text] = 1  # ſ, and the sign of Kelvin
            behind = place
            if not within or begins[byte] & ANYWHERE:
                behind = _behind(data, within, place, end, classes, steps, width, heads, edges, after)
            count += 1 if behind > place else 0
            place = behind if behind > place else place + 1
            within = bool(begins[data[place - 1]] & WITHIN)
        told[text], place = np.uint8(count >= least), end
    return 0


@numba.cfunc(int64(U8, I64, int64, int64, int64, int64, U64, I64, I64, U8))
def repeats(
    data: Array, ends: Array, texts: int, least: int, shortest: int, size: int, value: Array, stamp: Array,
    counts: Array, may: Array,
) -> int:  # fmt: skip
    """Tell which texts may hold one sentence of `shortest` bytes `least` times: by letters and digits alone.

    White space counts for nothing, nor does punctuation. `stamp` is noughts; the table has `size` places, more than a
    text has sentences of this length.
    """
    place = 0
    for text in range(texts):
        end, key, begin, last = ends[text], np.uint64(0), place, 0
        may[text] = np.uint8(least < 2)
        while place <= end:
            byte = np.int64(data[place]) if place < end else 0x2E
            wide = place + 2 < end and byte >= 0xE3
            mark = np.int64(data[place + 1]) << 8 | np.int64(data[place + 2]) if wide else 0
            here = byte in (0x2E, 0x21, 0x3F, 0x0A, 0x3B) or (byte == 0xE3 and mark == 0x8082)
            here = here or (byte == 0xEF and mark in (0xBC81, 0xBC9F, 0xBC9B))
            if here:
                if place - begin >= shortest:
                    slot = np.int64(key * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(40)) & (size - 1)
                    while stamp[slot] == text + 1 and value[slot] != key:
                        slot = (slot + 1) & (size - 1)
                    if stamp[slot] != text + 1:
                        stamp[slot], value[slot], counts[slot] = text + 1, key, 0
                    counts[slot] += 1
                    if counts[slot] >= least:
                        may[text] = 1
                        break
                place += 3 if byte >= 0xE3 else 1
                begin, key = place, np.uint64(0)
                continue
            if byte >= 0x80:
                last = byte if byte >= 0xC0 else last
                letter = 0xC3 <= last < 0xE1 or last > 0xE3 or (last == 0xE3 and (byte != 0xE3 or mark >= 0x8100))
            else:
                letter = byte != 0x5F and _in_word(byte)
            if last == 0xE3 and byte == 0xE3 and not letter:
                last = 0xE2  # nor the rest of it
            if letter:
                key = (key ^ np.uint64(byte)) * np.uint64(0x9E3779B97F4A7C15)
                key ^= key >> np.uint64(32)
            place += 1
        place = end
    return 0


@numba.njit
def _meet(key: np.uint64, text: int, second: bool, size: int, value: Array, stamp: Array) -> int:  # noqa: FBT001
    """Put what stands in the first text into the table, or return 1 for what the second has too, once."""
    slot = np.int64(key * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(40)) & (size - 1)
    while stamp[slot] > 2 * text and value[slot] != key:
        slot = (slot + 1) & (size - 1)
    if not second:
        stamp[slot], value[slot] = 2 * text + 1, key
    elif stamp[slot] == 2 * text + 1:
        stamp[slot] = 2 * text + 2
        return 1
    return 0


@numba.cfunc(int64(U8, I64, U8, I64, int64, U8, U32, U8, U8, U32, int64, I64, U8, I64, U8, int64, U64, I64, I64, U8))
def contents(
    one: Array, one_ends: Array, other: Array, other_ends: Array, texts: int, kinds: Array, lower: Array,
    classes: Array, begins: Array, steps: Array, width: int, heads: Array, edges: Array, after: Array,
    room: Array, size: int, value: Array, stamp: Array, counts: Array, odd: Array,
) -> int:  # fmt: skip
    """Count what two texts of each row hold without masks and function words, and what of it stands in both.

    `counts` (rows × 3): units as `letters` has them, of each, and different pairs of neighbouring Han characters and
    words of three letters and more, whatever their case, that are in both; words that differ and have the same 63 bits
    are one. `room` has a byte for each of the longest text, the table as in `han_pairs`. 1 is written to `odd` where a
    character is no single one in lower case, or the small letter of another one: nothing is sure there.
    """
    seen = 0
    for row in range(texts):
        common, strange = 0, 0
        for side in range(2):
            if side == 0:
                length = _masked(one, one_ends[row - 1] if row else 0, one_ends[row], room)
            else:
                length = _masked(other, other_ends[row - 1] if row else 0, other_ends[row], room)
            place, count, word, before, inside, last, run, key = 0, 0, 0, 0, -1, 0, 0, np.uint64(0)
            while place <= length:
                char, bits = 0x20, 0
                if place == length:
                    place += 1
                else:
                    end, within = place, place > 0 and bool(begins[room[place - 1]] & WITHIN)
                    if not within or begins[room[place]] & ANYWHERE:
                        end = _behind(room, within, place, length, classes, steps, width, heads, edges, after)
                    if end > place:
                        place = end
                    else:
                        char, place = _decoded(room, place)
                        bits = np.int64(kinds[char])
                        seen |= bits
                        strange |= 1 if bits & ODD or char == 0x17F or char == 0x212A else 0
                if bits & WORD:
                    key = key if run else np.uint64(0xCBF29CE484222325)
                    key = (key ^ np.uint64(lower[char])) * np.uint64(0x9E3779B97F4A7C15)
                    run += 1
                    if char < 0x80:  # the rest of a word of ASCII, in which no function word begins
                        while place < length and begins[room[place]] == WITHIN and room[place] != 0x5F:
                            key = (key ^ np.uint64(room[place] | 0x20)) * np.uint64(0x9E3779B97F4A7C15)
                            run, place = run + 1, place + 1
                            inside += 1 if inside >= 0 else 0
                else:
                    if run >= 3:
                        common += _meet(key | np.uint64(1 << 63), row, side == 1, size, value, stamp)
                    run = 0
                han = bits & HAN
                if han and last:
                    common += _meet(np.uint64(last << 21 | char), row, side == 1, size, value, stamp)
                last = char if han else 0
                count, before, inside, word = _unit(char, bits, count, before, inside, word)
            counts[3 * row + side] = count
        counts[3 * row + 2], odd[row] = common, np.uint8(strange)
    return seen & NEW


KERNELS = {
    kernel.__name__: kernel
    for kernel in (letters, tongues, scripts, han_pairs, bare, echoes, literals, shapes, contents, said_often, repeats)
}  # fmt: skip
