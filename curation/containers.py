"""Paths, folders, globs, archives and standard input → the files in them, each opened as a stream of plain bytes.

`.gz` and `.zst` are packing around one file. A `.zip` holds several: every member is a file of its own, named
``archive.zip/member``. Nothing is ever unpacked to disk, so no name in an archive can lead out of it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import zstandard

from curation.encodings import Readable
from curation.errors import SourceError, did_you_mean

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
    ".txt": "text",
    ".log": "text",
}
PACKING = (".gz", ".zst")
STDIN = Path("-")
STDIN_NAME = "stdin"
ASIDE = (".", "~$")  # what hidden files begin with, and those by which Office programs lock a document

# A file may unpack to 1 GiB whatever it weighs; beyond that to 200 times its size. Chat logs pack 5 to 30 times.
ANY_SIZE = 1 << 30
MOST_TIMES = 200
MOST_MEMBERS = 10_000
_PIECE = 1 << 11  # packed bytes per step of zstd: they unpack to 64 MiB at the very most


@dataclass(frozen=True)
class File:
    """One file with records in it. `member` is its name in the archive at `path`, if it lies in one."""

    name: str  # as people see it and as it stands in `source`
    path: Path
    member: str = ""
    packing: str = ""  # of the file itself: ".gz", ".zst" or nothing

    @property
    def plain(self) -> str:
        """Return the bare name without the ending of its packing: its ending says which format it has."""
        bare = self.name.rsplit("/", 1)[-1]
        return bare[: -len(self.packing)] if self.packing and bare.lower().endswith(self.packing) else bare

    @property
    def format(self) -> str:
        """Return the format that the name tells, or nothing."""
        return FORMATS.get(Path(self.plain).suffix.lower(), "")

    @property
    def names(self) -> set[str]:
        """Return the names by which a recipe's `match` may know it."""
        return {self.name, self.name.rsplit("/", 1)[-1], self.plain, self.path.name}


class Tally:
    """A stream that counts and hashes what is read from it."""

    def __init__(self, stream: Readable) -> None:
        """Read from `stream`."""
        self._stream, self._hash, self.bytes = stream, hashlib.sha256(), 0

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes."""
        data = self._stream.read(size)
        self._hash.update(data)
        self.bytes += len(data)
        return data

    def sha256(self) -> str:
        """Return the hash of the whole file; what was not read yet is read for it."""
        while self.read(1 << 20):
            pass
        return self._hash.hexdigest()


# --- which files --------------------------------------------------------------------------------------------------


def find(paths: Sequence[Path]) -> list[Path]:
    """Return the files that `paths` name: folders and globs replaced by the readable files in them, by name.

    Folders are searched to any depth; hidden files and run folders of our own are passed over. ``-`` is standard
    input. Raises SourceError for a path that is not there, a folder with nothing to read, or a file given twice.
    """
    files: list[Path] = []
    for path in paths:
        if path == STDIN or path.is_file():
            files.append(path)
        elif path.is_dir() and _is_run(path):
            raise SourceError(f"{path}: a run folder that siftune made, and no log; name the logs it was made of")
        elif path.is_dir():
            files.extend(_inside(path))
        elif path.exists():
            files.append(path)  # a pipe
        elif any(mark in str(path) for mark in "*?["):
            files.extend(_matching(path))
        else:
            raise SourceError(f"{path}: there is no such file{_nearest(path)}")
    if not files:
        raise SourceError("no input files were given")
    seen: set[str] = set()
    for path in files:
        real = os.path.realpath(path)
        if real in seen:
            raise SourceError(f"{path}: given twice")
        seen.add(real)
    return files


def _inside(folder: Path) -> list[Path]:
    found = []
    for above, folders, names in os.walk(folder, onerror=_shut):
        folders[:] = [f for f in folders if not f.startswith(".") and not _is_run(Path(above, f))]
        found += [Path(above, name) for name in names if not name.startswith(ASIDE) and _is_known(Path(name))]
    if not found:
        raise SourceError(f"{folder}: no file here that can be read ({', '.join([*FORMATS, '.zip'])}; also .gz, .zst)")
    return sorted(found, key=lambda path: path.relative_to(folder).parts)


def _shut(fault: OSError) -> None:
    """Raise SourceError for a folder that cannot be looked into: what is in it would be left out and nobody know."""
    raise SourceError(f"{fault.filename}: cannot be read: {fault.strerror}") from None


def _matching(pattern: Path) -> list[Path]:
    root = Path(pattern.anchor)
    found = sorted(p for p in root.glob(str(pattern.relative_to(root))) if p.is_file())
    if not found:
        raise SourceError(f"{pattern}: no file has such a name")
    return found


def _is_run(folder: Path) -> bool:
    return all(os.path.isfile(folder / name) for name in ("manifest.json", "report.json"))  # noqa: PTH113  never raises


def _is_known(path: Path) -> bool:
    return bool(as_file(path.name, path).format) or path.suffix.lower() == ".zip"


def as_file(name: str, path: Path, member: str = "") -> File:
    """Return a file with the packing that its name tells."""
    packing = Path(name).suffix.lower()
    return File(name, path, member, packing if packing in PACKING else "")


def _nearest(path: Path) -> str:
    try:
        beside = [p.name for p in path.parent.iterdir() if _is_known(p) or p.is_dir()]
    except OSError:
        return ""
    stems = [name for name in beside if did_you_mean(_stem(path.name), [_stem(name)]).startswith("; did")]
    return did_you_mean(path.name, stems).partition("; known")[0]  # endings alone make no name alike


def _stem(name: str) -> str:
    return name.partition(".")[0] or name


@contextmanager
def spooled(paths: Sequence[Path]) -> Iterator[list[tuple[str, Path]]]:
    """Give every path with the name that it is known by; standard input is a temporary file for so long."""
    with ExitStack() as stack:
        names = _names([path for path in paths if path != STDIN])
        found = []
        for path in paths:
            if path != STDIN:
                found.append((next(names), path))
                continue
            copy = stack.enter_context(tempfile.NamedTemporaryFile(prefix="siftune-stdin-"))
            shutil.copyfileobj(sys.stdin.buffer, copy)
            copy.flush()
            found.append((STDIN_NAME, Path(copy.name)))
        yield found


def _names(paths: Sequence[Path]) -> Iterator[str]:
    """Name files as short as possible but each its own: the bare name, or the path below the common folder."""
    names = [path.name for path in paths]
    if len(set(names)) < len(names):
        common = Path(os.path.commonpath([path.absolute().parent for path in paths]))
        names = [path.absolute().relative_to(common).as_posix() for path in paths]
    return (_shown(name) for name in names)


def _shown(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")


# --- archives -----------------------------------------------------------------------------------------------------


def members(name: str, path: Path) -> list[File]:
    """Return the files that lie at `path`: itself or, of an archive, its readable members in order of their names."""
    file = as_file(name, path)
    magic = "" if file.format or file.packing else _magic(path)
    if magic in PACKING:
        return [File(name, path, packing=magic)]
    if magic != ".zip" and path.suffix.lower() != ".zip":
        return [file]
    with _archive(name, path) as archive:
        inside = [info for info in archive.infolist() if not info.is_dir()]
    if any(info.filename == "xl/workbook.xml" for info in inside):
        return [file]
    _check(name, path.stat().st_size, inside)
    found: dict[str, File] = {}
    for info in inside:
        clean = "/".join(part for part in _decoded(info).replace("\\", "/").split("/") if part not in ("", ".", ".."))
        member = as_file(f"{name}/{clean}", path, info.filename)
        parts = clean.split("/")
        if parts[0] == "__MACOSX" or any(part.startswith(ASIDE) for part in parts) or not member.format:
            continue
        if clean in found:
            raise SourceError(f"{name}: holds two files of the name {clean}; unpack it and give the folder")
        found[clean] = member
    if not found:
        raise SourceError(f"{name}: no file in it that can be read ({', '.join(FORMATS)}; also .gz, .zst)")
    return [found[clean] for clean in sorted(found)]


def check_workbook(name: str, at: Path | bytes) -> None:
    """Refuse a workbook that is made to fill memory: it is a zip archive, and is read as a whole."""
    with _archive(name, io.BytesIO(at) if isinstance(at, bytes) else at) as archive:
        _check(name, len(at) if isinstance(at, bytes) else at.stat().st_size, archive.infolist())


def _check(name: str, size: int, inside: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse archives that cannot be opened, or that are made to fill memory. No member gives more than it declares."""
    cure = "unpack it and give the folder"
    if any(info.flag_bits & 1 for info in inside):
        raise SourceError(f"{name}: is protected by a password; {cure}")
    if len(inside) > MOST_MEMBERS:
        raise SourceError(f"{name}: holds {len(inside)} files, more than {MOST_MEMBERS}; {cure}")
    if sum(info.file_size for info in inside) > max(ANY_SIZE, MOST_TIMES * size):
        raise SourceError(f"{name}: unpacks to more than {MOST_TIMES} times its size; if you trust it, {cure}")


def _decoded(info: zipfile.ZipInfo) -> str:
    """Return a member's name. Without the flag for UTF-8 it is in the code page of the machine that packed it."""
    if info.flag_bits & 0x800:
        return info.filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return info.filename.encode("cp437").decode(encoding)
        except UnicodeError:
            continue
    return info.filename


@contextmanager
def _archive(name: str, path: Path | io.BytesIO) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, NotImplementedError) as fault:
        raise SourceError(f"{name}: damaged, or no zip archive: {fault}") from None
    except OSError as fault:
        raise SourceError(f"{name}: cannot be read: {fault.strerror or fault}") from None


def _magic(path: Path) -> str:
    """Tell packed files by their first bytes, where the name does not: standard input has none."""
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        head = stream.read(4)
    known = {b"\x1f\x8b": ".gz", b"PK\x03\x04": ".zip", b"\x28\xb5\x2f\xfd": ".zst"}
    return next((ending for mark, ending in known.items() if head.startswith(mark)), "")


def content(file: File) -> str:
    """Tell Parquet and Excel by their first bytes, where the name does not; other formats are told by their lines."""
    if file.member or file.packing:
        return ""
    if _magic(file.path) == ".zip":
        return "xlsx"
    with file.path.open("rb") as stream:
        return "parquet" if file.path.is_file() and stream.read(4) == b"PAR1" else ""


# --- opening ------------------------------------------------------------------------------------------------------


@contextmanager
def opened(file: File) -> Iterator[tuple[Readable, Tally]]:
    """Open a file: its plain bytes, and the tally of the file as it lies on the disk or in its archive.

    Raises SourceError, also while the stream is read, when the file is damaged or unpacks to far more than is sane.
    """
    with ExitStack() as stack:
        source: Readable
        if file.member:
            source = stack.enter_context(stack.enter_context(_archive(file.name, file.path)).open(file.member))
        else:
            try:
                source = stack.enter_context(file.path.open("rb"))
            except OSError as fault:
                raise SourceError(f"{file.name}: cannot be read: {fault.strerror}") from None
        tally = Tally(_Sound(file.name, source))
        if file.packing == ".gz":
            yield _Sound(file.name, gzip.GzipFile(fileobj=tally), packed=lambda: tally.bytes), tally  # type: ignore[call-overload]
        elif file.packing == ".zst":
            yield _Sound(file.name, _Zstd(tally), packed=lambda: tally.bytes), tally
        else:
            yield tally, tally


class _Sound:
    """A stream whose faults are errors of the input, and that does not unpack without end."""

    def __init__(self, name: str, stream: Readable, packed: Callable[[], int] | None = None) -> None:
        self._name, self._stream, self._packed, self._bytes = name, stream, packed, 0

    def read(self, size: int = -1, /) -> bytes:
        try:
            data = self._stream.read(size)
        except OSError as fault:
            if not isinstance(fault, gzip.BadGzipFile):
                raise SourceError(f"{self._name}: cannot be read: {fault.strerror or fault}") from None
            raise SourceError(f"{self._name}: is damaged: {fault}") from None
        except (EOFError, zlib.error, zstandard.ZstdError, zipfile.BadZipFile) as fault:
            raise SourceError(f"{self._name}: is damaged or cut off: {fault}") from None
        self._bytes += len(data)
        if self._packed and self._bytes > max(ANY_SIZE, MOST_TIMES * self._packed()):
            raise SourceError(
                f"{self._name}: unpacks to more than {MOST_TIMES} times its size; if you trust it, unpack it yourself"
            )
        return data


class _Zstd:
    """Unpack zstd frames; the library's own reader takes a file that is cut off for a whole one."""

    def __init__(self, packed: Readable) -> None:
        self._packed, self._frame = packed, zstandard.ZstdDecompressor().decompressobj()
        self._ready, self._at, self._rest = b"", 0, b""  # unpacked, and how much of it was asked for
        self._begun = False

    def read(self, size: int, /) -> bytes:
        while self._at == len(self._ready):
            data = self._rest or self._packed.read(_PIECE)
            if not data:
                if self._begun:
                    raise EOFError("the end is missing")
                return b""
            self._begun = True
            self._ready, self._at = self._frame.decompress(data), 0
            self._rest = b""
            if self._frame.eof:
                self._rest, self._begun = self._frame.unused_data, False
                self._frame = zstandard.ZstdDecompressor().decompressobj()
        data = self._ready[self._at : self._at + size if size >= 0 else None]
        self._at += len(data)
        return data
