"""What allocators keep of memory that was freed: the C library's, which NumPy and Python use, and Polars' own."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress

_ARENA_MAX = -8  # M_ARENA_MAX of glibc's malloc.h
_JEMALLOC, _DECAY = "_RJEM_MALLOC_CONF", "dirty_decay_ms"  # of Polars' allocator: when freed pages are given back


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


def few_arenas(cores: int) -> None:
    """Let threads share Polars' arenas, two cores one, where it would make four for each: what one frees serves others.

    And what is given back is given back at once, where Polars waits a second more. A run of 100,000 messages needs 60
    to 140 MiB less so, and no more time (docs/performance.md). To be called before Polars is loaded; processes that
    are started later find it in their environment. Who has set one of these has said so.
    """
    for setting in (f"narenas:{max(1, cores // 2)}", "muzzy_decay_ms:0"):
        told = os.environ.get(_JEMALLOC, "")
        if setting.partition(":")[0] not in told:
            os.environ[_JEMALLOC] = ",".join(filter(None, [told, setting]))


def give_back() -> None:
    """Give back what is free: glibc keeps it, as large arrays taught it (dedup/minhash.py)."""
    with suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def keeping() -> dict[str, str]:
    """Return the environment of processes in which Polars keeps what it has freed for ten seconds, not for half of one.

    The steps of a worker take seconds each, and every one would fault in its pages anew (docs/performance.md). Polars
    puts its own setting before what the user has said, who wins here too.
    """
    told = os.environ.get(_JEMALLOC, "")
    return {} if told.count(_DECAY) > 1 else {_JEMALLOC: ",".join(filter(None, [told, f"{_DECAY}:10000"]))}
