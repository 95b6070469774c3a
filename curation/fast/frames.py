"""The inner loops over texts that make frames of questions (diversity.skeletons): see kernels.py."""

# mypy: disable-error-code="untyped-decorator, assignment"

from __future__ import annotations

import numba
import numpy as np
from numba.types import CPointer, int64, uint8, uint32

from curation.fast.texts import NEW, Array, _decoded, _encoded, _in_word

U8, U32, I64 = (CPointer(kind) for kind in (uint8, uint32, int64))

MASK, NAMED, CAPITAL, MODEL = (1 << place for place in range(4))  # of a text: what it may hold
SAYS, LETTER, DIGIT, UNSURE = (1 << place for place in range(4))  # of a character: checks/letters.py
BLANK = 0x25A1
STRANGE, EMPTY = 1, 2  # of a text


@numba.njit
def _letter(byte: int) -> bool:
    """Tell whether a byte is a letter of ASCII."""
    return 0x61 <= byte <= 0x7A or 0x41 <= byte <= 0x5A


@numba.cfunc(int64(U8, I64, int64, U8))
def looks(data: Array, ends: Array, texts: int, told: Array) -> int:
    """Tell of texts in UTF-8 which patterns of diversity.py may match them, by the first bytes that these need.

    `MASK`: an opening bracket. `NAMED`: a quote that opens, an @ or "ttp". `CAPITAL`: a capital behind a space that
    stands behind a small letter or a comma. `MODEL`: a letter and a digit beside each other, or with a hyphen between;
    beyond ASCII a digit may be anything in those parts of Unicode where some are.
    """
    place = 0
    for text in range(texts):
        found, one, two, end = 0, 0, 0, ends[text]
        while place < end:
            byte = np.int64(data[place])
            if byte >= 0x80:
                if one == 0x80 and ((two == 0xE3 and (byte == 0x8A or byte == 0x8C)) or (two == 0xE2 and byte == 0x9C)):
                    found |= NAMED
                if (byte >= 0xEA or 0xD9 <= byte <= 0xE1) and (_in_word(one) or (one == 0x2D and _letter(two))):
                    found |= MODEL
            elif _letter(byte):
                if one == 0x20 and byte <= 0x5A and (two == 0x2C or 0x61 <= two <= 0x7A):
                    found |= CAPITAL
                found |= MODEL if 0x30 <= one <= 0x39 else 0
                found |= NAMED if byte == 0x70 and one == 0x74 and two == 0x74 else 0
            elif 0x30 <= byte <= 0x39:
                found |= MODEL if _letter(one) or (one == 0x2D and _letter(two)) else 0
            elif byte == 0x5B:
                found |= MASK
            elif byte == 0x22 or byte == 0x40:
                found |= NAMED
            two, one, place = one, byte, place + 1
        told[text] = np.uint8(found)
    return 0


@numba.cfunc(int64(U8, I64, int64, U8, U32, int64, U8, U8))
def framed(
    data: Array, ends: Array, texts: int, parts: Array, lower: Array, digits: int, made: Array, odd: Array
) -> int:
    """Write each text in lower case, a line feed behind it: runs of all that is no letter or number become a space.

    Runs of blanks become one, and with `digits` each digit is a blank, and a % behind it. No space stands at either
    end. 2 is written to `odd` where no letter is left, 1 where small letters are not sure; -1 is returned where a
    character is `NEW`.
    """
    place, size, seen = 0, 0, 0
    for text in range(texts):
        begin, gap, blank, number, strange, said = size, False, False, 0, 0, 0
        while place < ends[text]:
            char, place = _decoded(data, place)
            part = np.int64(parts[char])
            seen |= part
            strange |= part & UNSURE
            hole = char == BLANK or (digits and part & DIGIT) or (number and char == 0x25)
            number = digits and part & DIGIT
            if not hole and not part & SAYS:
                gap = True
                continue
            if not hole or not blank:
                if gap and size > begin:
                    made[size] = 0x20
                    size += 1
                size = _encoded(made, size, BLANK if hole else np.int64(lower[char]))
                said |= 0 if hole else part
            gap, blank = False, hole
        odd[text] = np.uint8(STRANGE if strange else 0 if said & LETTER else EMPTY)
        made[size] = 0x0A
        size += 1
    return -1 if seen & NEW else size


KERNELS = {kernel.__name__: kernel for kernel in (looks, framed)}
