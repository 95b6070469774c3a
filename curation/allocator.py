"""What the C library's allocator keeps of memory that was freed. NumPy and Python use it; Polars has one of its own."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress

_ARENA_MAX = -8  # M_ARENA_MAX of glibc's malloc.h


def one_arena() -> None:
    """Let threads share one arena: in arenas of their own (eight a core) each keeps what it once freed.

    Of a million messages the search for duplicates left 400 MiB so; it takes no longer (docs/performance.md). To be
    called before there are threads, as glibc looks at the limit once: processes that are started later find it in their
    environment. Whoever set MALLOC_ARENA_MAX has said what they want.
    """
    if "MALLOC_ARENA_MAX" not in os.environ:
        os.environ["MALLOC_ARENA_MAX"] = "1"
        with suppress(AttributeError, OSError, TypeError):  # another C library
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def give_back() -> None:
    """Give back what is free: glibc keeps it, as large arrays taught it (dedup/minhash.py)."""
    with suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
