"""The kernels of this folder as machine code of this processor: kept in a file, loaded by llvmlite alone.

Numba compiles them once, for seconds; to load it takes ten times as long as to load llvmlite, which it brings, and
what was compiled. Import this module only where the extra `fast` may be missing: it raises ImportError without it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from importlib import import_module
from itertools import chain
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm

_NAMES = ("kernels.py", "texts.py", "questions.py", "variety.py", "exports.py", "frames.py")
SOURCES = [Path(__file__).with_name(name) for name in _NAMES]
PREFIX = "siftune_"  # of the kernels' names in machine code
OUTSIDE = {"memset", "memcpy", "memmove"}  # what they may call: any process has it
SEAL = 32  # bytes before the code, from which is known that it is whole


def loaded() -> llvm.ExecutionEngine:
    """Return what holds the kernels in memory; they are compiled first where no process has done so.

    Raises RuntimeError where there is no place to keep them: every process would compile anew, longer than it saves.
    """
    target = _target()
    code = _kept() or _made(target)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


def kept() -> bool:
    """Tell whether the kernels need not be compiled."""
    return _kept() is not None


def _target() -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        codemodel="jitdefault",
        jit=True,
    )


def _files() -> Iterator[Path]:
    """Yield where the code of these kernels for this processor may be kept, the best place first."""
    processor = llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    made_of = repr(([source.read_bytes() for source in SOURCES], llvmlite.__version__, *processor))
    name = f"kernels-{sha256(made_of.encode()).hexdigest()[:24]}.bin"
    if told := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(told) / name
    yield SOURCES[0].parent / "__pycache__" / name
    yield Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "siftune" / name


def _kept() -> bytes | None:
    for file in _files():
        with suppress(OSError):
            whole = file.read_bytes()
            if sha256(whole[SEAL:]).digest() == whole[:SEAL]:
                return whole[SEAL:]
    return None


def _made(target: llvm.TargetMachine) -> bytes:
    for file in _files():
        aside = file.with_name(f"{file.name}.{os.getpid()}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            aside.touch()  # before seconds go into compiling
        except OSError:
            continue
        try:
            code = _compiled(target)
            aside.write_bytes(sha256(code).digest() + code)
            aside.replace(file)
        except OSError:
            continue
        finally:
            aside.unlink(missing_ok=True)
        return code
    raise RuntimeError("no place for compiled code")


def _compiled(target: llvm.TargetMachine) -> bytes:
    """Compile the kernels. Raises RuntimeError where their code would need what not every process has."""
    modules = [import_module(f"curation.fast.{source.stem}") for source in SOURCES]
    whole = llvm.parse_assembly("")
    for name, kernel in chain.from_iterable(module.KERNELS.items() for module in modules):
        module = llvm.parse_assembly(kernel.inspect_llvm())
        module.get_function(kernel.native_name).name = PREFIX + name
        whole.link_in(module)
    for one in whole.functions:  # so that calls are inlined, and ways out of errors that cannot be are not kept
        if not one.is_declaration and not one.name.startswith(PREFIX):
            one.linkage = "internal"
    passes = llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options(speed_level=3))
    passes.getModulePassManager().run(whole, passes)
    asked = {one.name for one in whole.functions if one.is_declaration and not one.name.startswith("llvm.")}
    if not asked <= OUTSIDE:
        raise RuntimeError(f"kernels would call {sorted(asked - OUTSIDE)}")
    return bytes(target.emit_object(whole))
