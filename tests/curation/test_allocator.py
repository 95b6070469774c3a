"""Memory that threads free is for all threads: there is one arena of the C library, asked for before threads begin."""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from curation import allocator
from curation.engines import workers

ROOT = Path(__file__).parents[2]
ARENAS = """
import ctypes, sys, threading
from curation import allocator
if "one" in sys.argv:
    allocator.one_arena()
c = ctypes.CDLL(None)
c.fdopen.restype = ctypes.c_void_p
c.fdopen.argtypes = (ctypes.c_int, ctypes.c_char_p)
c.malloc_info.argtypes = (ctypes.c_int, ctypes.c_void_p)
c.malloc.restype = ctypes.c_void_p
together = threading.Barrier(6)
def take():
    together.wait()
    c.malloc(5000)
    together.wait()
threads = [threading.Thread(target=take) for _ in range(6)]
for one in threads: one.start()
for one in threads: one.join()
out = c.fdopen(1, b"w")
c.malloc_info(0, out)
c.fflush(None)
allocator.give_back()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this is glibc's allocator")
def test_threads_share_one_arena_unless_the_user_has_said_how_many() -> None:
    def arenas(*arguments: str, **more: str) -> int:
        bare = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
        done = subprocess.run(
            [sys.executable, "-c", ARENAS, *arguments],
            env=bare | {"PYTHONPATH": str(ROOT)} | more, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        return len(re.findall(r"<heap nr=", done.stdout))

    assert arenas() > 2, "without it every thread has its own: this test would see nothing"
    assert arenas("one") == 1
    assert arenas("one", MALLOC_ARENA_MAX="3") == 3


@pytest.mark.parametrize(
    ("told", "cores", "wanted"),
    [
        (None, 1, "narenas:1,muzzy_decay_ms:0"),
        (None, 8, "narenas:4,muzzy_decay_ms:0"),
        ("dirty_decay_ms:0", 2, "dirty_decay_ms:0,narenas:1,muzzy_decay_ms:0"),
        ("narenas:7,muzzy_decay_ms:9", 2, "narenas:7,muzzy_decay_ms:9"),
    ],
)
def test_threads_share_the_arenas_of_polars_unless_the_user_has_said_how_many(
    told: str | None, cores: int, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_RJEM_MALLOC_CONF", told or "")
    if told is None:
        monkeypatch.delenv("_RJEM_MALLOC_CONF")
    allocator.few_arenas(cores)
    assert os.environ["_RJEM_MALLOC_CONF"] == wanted


def test_polars_takes_the_number_of_arenas_from_the_command_line() -> None:
    told = "import os, sys; from curation import cli; cli.app = lambda **_: None; cli.main()"
    shown = "; import polars; print(os.environ['_RJEM_MALLOC_CONF'])"
    bare = {name: value for name, value in os.environ.items() if name != "_RJEM_MALLOC_CONF"}
    done = subprocess.run(
        [sys.executable, "-c", told.replace("cli.main()", "sys.exit = lambda _: None; cli.main()") + shown],
        env=bare | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    arenas = max(1, (os.cpu_count() or 1) // 2)
    assert done.stdout.strip().endswith(f",narenas:{arenas},muzzy_decay_ms:0"), (
        "behind Polars' own settings, so it was there first"
    )


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ("dirty_decay_ms:500,muzzy_decay_ms:1000", "dirty_decay_ms:500,muzzy_decay_ms:1000,dirty_decay_ms:10000"),
        (None, "dirty_decay_ms:10000"),
        ("dirty_decay_ms:500,muzzy_decay_ms:1000,dirty_decay_ms:0", None),  # the user's own stands behind Polars'
    ],
)
def test_workers_keep_freed_memory_longer_unless_the_user_has_said_how_long(
    told: str | None, wanted: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("_RJEM_MALLOC_CONF", raising=False)
    if told:
        monkeypatch.setenv("_RJEM_MALLOC_CONF", told)
    assert allocator.keeping().get("_RJEM_MALLOC_CONF") == wanted


def test_what_workers_find_in_their_environment_is_not_left_in_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIFTUNE_A", "before")
    with workers._environment({"SIFTUNE_A": "now", "SIFTUNE_B": "now"}):
        assert (os.environ["SIFTUNE_A"], os.environ["SIFTUNE_B"]) == ("now", "now")
    assert (os.environ["SIFTUNE_A"], os.environ.get("SIFTUNE_B")) == ("before", None)


@pytest.mark.parametrize("library", [OSError("no such library"), object()])
def test_another_c_library_keeps_its_memory(library: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(_: None) -> object:
        if isinstance(library, OSError):
            raise library
        return library

    monkeypatch.setattr("ctypes.CDLL", found)
    monkeypatch.setenv("MALLOC_ARENA_MAX", "")
    monkeypatch.delenv("MALLOC_ARENA_MAX")  # both, so that what is set here is undone
    allocator.one_arena()
    allocator.give_back()
