"""Jinja templates of a package, compiled once: kept where Python keeps its compiled modules, and only where it may."""

from __future__ import annotations

import marshal
import os
import sys
from contextlib import suppress
from importlib.resources import files
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

from jinja2 import BytecodeCache, Environment, FunctionLoader, StrictUndefined
from jinja2.bccache import Bucket, bc_version

OPTIONS = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True}


def environment(package: str) -> Environment:
    """Return the templates in the folder `templates` of a package; texts are escaped, and an unknown name raises."""
    folder = files(package) / "templates"
    return Environment(
        loader=FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        undefined=StrictUndefined,
        bytecode_cache=_Kept(str(folder)),
        **OPTIONS,  # type: ignore[arg-type]
    )


class _Kept(BytecodeCache):
    """Compiled templates, each with a mark of all that it was compiled from; one of another mark is compiled anew."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def get_cache_key(self, name: str, filename: str | None = None) -> str:  # noqa: ARG002
        return cache_from_source(f"{self._folder}/{name}")

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError, EOFError, ValueError, TypeError):
            kept, mark = Path(bucket.key).read_bytes(), _mark(bucket)
            if kept.startswith(mark):
                bucket.code = marshal.loads(kept[len(mark) :])  # as Python does with its own

    def dump_bytecode(self, bucket: Bucket) -> None:
        if sys.dont_write_bytecode:
            return
        place = Path(bucket.key)
        partial = place.with_name(f"{place.name}.{os.getpid()}")
        with suppress(OSError):
            place.parent.mkdir(exist_ok=True)
            partial.write_bytes(_mark(bucket) + marshal.dumps(bucket.code))
            partial.replace(place)


def _mark(bucket: Bucket) -> bytes:
    return MAGIC_NUMBER + f"{bc_version} {OPTIONS} {bucket.checksum}\n".encode()
