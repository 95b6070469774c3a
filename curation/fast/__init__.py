"""The extra `fast`: inner loops as machine code of this processor, to the same bits as without it.

kernels.py, texts.py and questions.py are what Numba compiles, once; machine.py keeps and loads the code; compiled.py
calls it with arrays. Who has a loop there asks here whether it is worth loading, and else does the work with NumPy or
Polars.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import ModuleType

FAST_FROM = 20_000  # texts from which compiled kernels save more than it takes to load them
COMPILED_FROM = 60_000  # from which it is worth it to compile them, once on a machine: ten seconds


def ready() -> ModuleType | None:
    """Return the compiled kernels where they are loaded already."""
    return sys.modules.get("curation.fast.compiled")


def accelerator(texts: int) -> ModuleType | None:
    """Return the compiled kernels where the extra `fast` is installed and that many texts are worth loading it.

    Once loaded they are used for few texts as well: the bits are the same. Nothing is worth loading it for 0 texts.
    """
    if ready():
        return _compiled()
    return _compiled(anew=texts >= COMPILED_FROM) if texts >= FAST_FROM else None


def beforehand(texts: int) -> Callable[[], object]:
    """Begin to load what `accelerator` would for that many texts, beside what the caller does; what is returned waits.

    To be waited for before anybody is asked for anything who looks at whether the kernels are there.
    """
    if texts < FAST_FROM:
        return lambda: None
    pool = ThreadPoolExecutor(1)
    loading = pool.submit(accelerator, texts)
    pool.shutdown(wait=False)
    return loading.result


@cache
def _compiled(*, anew: bool = True) -> ModuleType | None:
    """Load the kernels; with `anew` they are compiled where no process has done so."""
    try:
        from curation.fast import machine

        if not anew and not machine.kept():
            return None
        from curation.fast import compiled
    except (ImportError, RuntimeError):
        return None
    return compiled
