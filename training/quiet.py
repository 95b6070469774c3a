"""Keeps the training libraries from talking over us, and checks that they are there."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from training.errors import MissingExtraError

LIBRARIES = ("torch", "transformers", "trl", "peft", "bitsandbytes", "datasets", "accelerate")


def check_extra(*, quantize: bool) -> None:
    """Raise MissingExtraError when a library is not installed; bitsandbytes is needed for `quantize` only."""
    needed = [name for name in LIBRARIES if quantize or name != "bitsandbytes"]
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise MissingExtraError(f'training needs {", ".join(missing)}; install it: pip install "siftune[train]"')


def versions() -> dict[str, str]:
    """Return the installed versions of siftune and the training libraries."""
    found = {}
    for name in ("siftune", *LIBRARIES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings, progress bars and log lines of the libraries; errors still come through.

    Whatever a user has to know is in our own notes. Restored on leaving.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # else a line about forks
    loggers = [logging.getLogger(name) for name in (*LIBRARIES, "huggingface_hub", "kernels")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import datasets
        import transformers

        verbosity, bars = transformers.logging.get_verbosity(), transformers.logging.is_progress_bar_enabled()
        maps = datasets.are_progress_bars_disabled()
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        datasets.disable_progress_bars()
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            transformers.logging.set_verbosity(verbosity)
            if bars:
                transformers.logging.enable_progress_bar()
            if not maps:
                datasets.enable_progress_bars()
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
