"""Files → messages. A record that cannot be read is set aside with its reason; it never takes others with it.

containers.py opens what is packed, encodings.py makes lines of bytes, delimited.py, jsontext.py, transcript.py and
typed.py make records of them, shapes.py and (many at a time) bulk.py messages of those. Files are read a window at a
time; nothing but a `.json` document or a workbook is ever in memory as a whole.
"""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from curation import containers, delimited, jsontext, links, tables, transcript, typed
from curation.containers import File, Tally, find
from curation.encodings import WINDOW, Bad, Block, Blocks, Readable
from curation.errors import NothingError, SourceError
from curation.mapping import named_columns
from curation.recipe import Columns, Source
from curation.rows import Part, Rows, part
from curation.shapes import taker

__all__ = ["Input", "Part", "Reading", "bearable", "find", "parts", "read"]

SAID = 5  # places that the error names
SAID_ROLES = 20  # words of roles in one error
FEW = 10  # unreadable records that never stop a run, see `bearable`
NAMED = 20  # files that are told one by one
BATCH = 50_000  # records that are turned into a frame at a time
HEAD_LINES = 50  # lines that tell the format where the name does not
ANY = "auto"
_NOTHING = Part(tables.empty(tables.READ), tables.empty(tables.UNREADABLE), 0)


@dataclass(frozen=True)
class Input:
    """One input file as it was read: for the manifest."""

    name: str
    sha256: str  # of the file as it lies on the disk; of a member, as it is when unpacked from its archive
    bytes: int
    records: int
    encoding: str  # that was found or given; empty where the format has none
    unreadable: int = 0


@dataclass(frozen=True)
class Reading:
    """All that was read: messages in file order, with no place in a conversation yet; and what was unreadable."""

    messages: pl.DataFrame  # tables.READ
    unreadable: pl.DataFrame  # tables.UNREADABLE
    inputs: list[Input]


def read(
    files: Sequence[Path],
    sources: Sequence[Source],
    *,
    progress: Callable[[str], None] = lambda _: None,
    window: int = WINDOW,
) -> Reading:
    """Read every file through the first source that matches its name.

    Raises SourceError when a file fits no source or no shape; single bad records end in `unreadable` instead.
    """
    found, inputs = [], []
    for made, done in parts(files, sources, progress=progress, window=window):
        found.append(made)
        inputs += [done] if done else []
    messages = pl.concat([tables.empty(tables.READ), *(p.messages for p in found)]).drop("row").with_row_index("row")
    unreadable = pl.concat([tables.empty(tables.UNREADABLE), *(p.unreadable for p in found)])
    return Reading(messages, unreadable, inputs)


def parts(
    files: Sequence[Path],
    sources: Sequence[Source],
    *,
    progress: Callable[[str], None] = lambda _: None,
    window: int = WINDOW,
) -> Iterator[tuple[Part, Input | None]]:
    """Read as `read` does, some records at a time: with the last part of every file comes its Input.

    `progress` hears the names of the first NAMED files and then of every hundredth. A file without records beside
    others is passed over; `progress` hears so.
    """
    records, empty, number = 0, list[str](), 0
    with containers.spooled(files) as given:
        ties = beside(given, sources)
        for name, path in given:
            before = _state(path)
            try:
                for file in containers.members(name, path):
                    if links.place(file) in ties:
                        continue
                    number += 1
                    if number <= NAMED or number % 100 == 0:
                        progress(f"{file.name} (file {number})" if number > NAMED else file.name)
                    for part, done in _file(file, sources, window):
                        records += part.records
                        if done and not done.records and done.name.startswith(file.name):
                            empty.append(done.name)
                            progress(f"{done.name} holds no records, and is passed over")
                        yield part, done
                        _unchanged(name, path, before)
            except SourceError:
                _unchanged(name, path, before)  # why it cannot be read
                raise
            _unchanged(name, path, before)
    if empty and not records:
        raise NothingError(empty[0])


def _unchanged(name: str, path: Path, before: tuple[int, ...]) -> None:
    if _state(path) != before:
        cure = "wait until it is written, or copy it, and run it again"
        raise SourceError(f"{name}: was changed while it was read; {cure}")


def beside(given: Sequence[tuple[str, Path]], sources: Sequence[Source]) -> set[tuple[Path, str]]:
    """Return the places of files that hold the links of others: they are no logs."""
    found = set[tuple[Path, str]]()
    for name, path in given if any(source.replies for source in sources) else ():
        with suppress(SourceError):  # which comes again when it is read
            for file in containers.members(name, path):
                source = next((s for s in sources if any(fnmatch(n, s.match) for n in file.names)), None)
                if source and source.replies:
                    found |= {links.place(links.file_of(file, source.replies))} - {links.place(file)}
    return found


def _state(path: Path) -> tuple[int, ...]:
    """Return what changes when somebody writes to a file; nothing for a pipe, or where there is no file any more."""
    if not path.is_file():
        return ()
    there = path.stat()
    return there.st_ino, there.st_size, there.st_mtime_ns


def bearable(inputs: Sequence[Input], unreadable: pl.DataFrame, limit: float) -> None:
    """Raise SourceError where more than `limit` of a file's records, or of all, are unreadable.

    FEW of them or less are let through, where they are not the half of the file.
    """
    every = Input("all files", "", 0, sum(i.records for i in inputs), "", sum(i.unreadable for i in inputs))
    for one in (*inputs, every):
        if one.unreadable <= limit * one.records or (one.unreadable <= FEW and 2 * one.unreadable < one.records):
            continue
        lines = unreadable if one is every else unreadable.filter(pl.col("file") == one.name)
        _known_roles(one.name, lines["why"])
        why = pl.col("why").str.replace("^(unknown role) '.*'", "${1}")  # a wrong mapping makes texts of roles
        first = lines.select("file", "line", why).head(SAID).rows()
        places = "; ".join(f"{file}:{line}: {why}" for file, line, why in first)
        foreign = lines.filter(pl.col("why").str.starts_with("not UTF-8")).height * 2 > lines.height
        match = one.name if one is not every else "*"
        cure = (
            f"name the file's encoding in the recipe, e.g. sources: [{{match: '{match}', encoding: cp1252}}]"
            if foreign
            else "mend the export or its mapping"
        )
        raise SourceError(
            f"{one.name}: {one.unreadable} of {one.records} records cannot be read, more than {limit:.2%}: {places}; "
            f"{cure}, or raise reading.max_unreadable in the recipe to go on without them"
        )


def _known_roles(file: str, why: pl.Series) -> None:
    """Raise SourceError where half of the faults are words of roles that nobody knows: all of them, with counts.

    Very many different words are no roles but texts, which are not to be shown.
    """
    words = why.str.extract("^unknown role '(.*)'$").drop_nulls()
    if 2 * len(words) < len(why):
        return
    counts = words.value_counts().sort("count", pl.col(words.name), descending=[True, False]).rows()
    if len(counts) > SAID_ROLES or all(word.startswith("(a text of ") for word, _ in counts):
        cure = "name the right one in the recipe: sources: [{columns: {role: …}}]"
        raise SourceError(
            f"{file}: the column of the role holds {len(counts)} different words or texts that nobody knows; {cure}"
        )
    said = ", ".join(f"'{word}' ({n})" for word, n in counts)
    raise SourceError(
        f"{file}: nobody knows who speaks as {said}; say it in the recipe, "
        f"e.g. sources: [{{roles: {{user: ['{counts[0][0]}'], assistant: […], bot: […], system: […]}}}}]"
    )


def _file(file: File, sources: Sequence[Source], window: int) -> Iterator[tuple[Part, Input | None]]:
    """Read one file, or every sheet of a workbook."""
    try:
        source = _source(file.names, file.name, sources)
    except SourceError:
        if (file.format or containers.content(file)) == "xlsx":
            source = Source()  # each sheet has its own
        else:
            with containers.opened(file) as (stream, tally):
                if stream.read(1):
                    raise
                yield _NOTHING, Input(file.name, tally.sha256(), 0, 0, "")
                return
    kind = source.format if source.format != ANY else file.format or containers.content(file)
    if source.skip and kind != "xlsx":
        return
    with containers.opened(file) as (stream, tally):
        if kind not in ("parquet", "xlsx"):
            longest = sys.maxsize if kind == "json" else None  # a document is in memory as a whole, often on one line
            blocks = Blocks(stream, source.encoding, window, longest)
            made = _lines(file, kind, blocks, source)
            yield from _tied(file, source, tally, made, lambda: blocks.encoding)
            return
        at = _whole(stream) if file.member or file.packing else file.path
        if kind == "parquet":
            yield from _tied(file, source, tally, typed.parquet(file.name, at, source), lambda: "")
            return
        book = typed.sheets(file.name, at)
        for title, cells in book.items():
            name = f"{file.name}/{title}" if len(book) > 1 else file.name
            source = _source({name, f"{file.plain}/{title}", title, *file.names}, name, sources)
            if not source.skip:
                titled = replace(file, name=name)
                yield from _tied(titled, source, tally, typed.sheet(name, cells, source), lambda: "")


def _source(names: set[str], shown: str, sources: Sequence[Source]) -> Source:
    found = next((s for s in sources if any(fnmatch(name, s.match) for name in names)), None)
    if found is None:
        bare = shown.rsplit("/", 1)[-1]
        raise SourceError(f'{shown}: no source of the recipe matches this file; add one with match: "{bare}"')
    return found


def _tied(
    file: File, source: Source, tally: Tally, made: Iterator[Part], encoding: Callable[[], str]
) -> Iterator[tuple[Part, Input | None]]:
    """Count the parts of a file; where its links lie in a file of their own, that is an input too, without records."""
    tied = links.read(file, source)
    if tied is None:
        yield from _counted(file.name, tally, made, encoding)
        return
    with closing(made):  # type: ignore[type-var]  # a generator, whose threads end with it
        yield from _counted(file.name, tally, (tied.tie(part) for part in made), encoding)
    tied.check(file.name)
    yield _NOTHING, Input(tied.name, tied.sha256, tied.bytes, 0, tied.encoding)


def _counted(
    name: str, tally: Tally, made: Iterator[Part], encoding: Callable[[], str]
) -> Iterator[tuple[Part, Input | None]]:
    """Pass the parts of a file on, and with the last one what the file was."""
    records = unreadable = 0
    waiting: Part | None = None
    with closing(made), suppress(NothingError):  # type: ignore[type-var]  # a generator, whose threads end with it
        for one in made:
            records, unreadable = records + one.records, unreadable + one.unreadable.height
            if waiting:
                yield waiting, None
            waiting = one
    yield waiting or _NOTHING, Input(name, tally.sha256(), tally.bytes, records, encoding(), unreadable)


# --- formats of lines ---------------------------------------------------------------------------------------------


def _lines(file: File, kind: str, blocks: Blocks, source: Source) -> Iterator[Part]:
    """Read a file that consists of lines."""
    stream = iter(blocks)
    begun = list(islice(stream, 1))
    if not begun:
        return
    if kind in ("", "text") and source.format == ANY and source.line is None and begun:
        kind = _told(begun[0].lines()[0].head(HEAD_LINES).to_list()) or kind
    if not kind:
        transcript.check_mail(file.name, begun[0].lines()[0].head(HEAD_LINES).to_list())
        raise SourceError(
            f"{file.name}: cannot tell what kind of file this is; name its format in the recipe: "
            f"sources: [{{match: '{file.plain}', format: csv}}]"
        )
    stream = chain(begun, stream)
    if kind in ("csv", "tsv"):
        begun, head, bad = _head(stream, delimited.HEAD_LINES)
        table = delimited.Table(file.name, source, source.delimiter or ("," if kind == "csv" else "\t"), head, bad)
        yield from _ahead(table, chain(begun, stream))
    elif kind == "jsonl":
        lines = jsontext.Lines(file.name, source, stream)
        yield from _ahead(lines, chain(lines.begun, stream))
    elif kind == "json":
        yield from _document(file.name, stream, source)
    else:
        yield from _transcript(file.name, stream, source)


def _told(lines: Sequence[str]) -> str:
    """Tell the format from the first lines of a file whose name does not say it, or nothing."""
    written = [line for line in lines if line.strip()]
    first = written[0].lstrip("\ufeff \t") if written else ""
    if first.startswith(("{", "[")):
        try:
            return "jsonl" if isinstance(json.loads(first), dict) else "json"
        except (ValueError, RecursionError):
            if first.rstrip() in ("{", "[") or first.startswith(('{"', "[{")):
                return "json"
    for delimiter, name in (("\t", "tsv"), (",", "csv")):
        if len(named_columns(Columns(), first.split(delimiter))) > 1:
            return name
    tabs = {line.count("\t") for line in written}
    return "tsv" if len(tabs) == 1 and min(tabs) > 1 else ""


class _Reader(Protocol):
    """Reads blocks: `parse` may run for several at a time, `finish` in their order, and once at the end."""

    def parse(self, block: Block) -> Any: ...  # noqa: ANN401
    def finish(self, parsed: Any | None) -> Part: ...  # noqa: ANN401


def _ahead(reader: _Reader, blocks: Iterator[Block]) -> Iterator[Part]:
    """Parse some blocks ahead on other threads; what comes out is in order."""
    workers = min(4, (os.cpu_count() or 1) + 1)  # the thread that reads the blocks waits now and then
    waiting: deque[Future[Any]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for block in blocks:
            waiting.append(pool.submit(reader.parse, block))
            if len(waiting) > workers:
                yield reader.finish(waiting.popleft().result())
        while waiting:
            yield reader.finish(waiting.popleft().result())
    yield reader.finish(None)


def _head(blocks: Iterator[Block], enough: int) -> tuple[list[Block], list[str], dict[int, Bad]]:
    """Take blocks until they have enough lines: the blocks, the lines, and those of them that are no text."""
    begun, head, bad = list[Block](), list[str](), dict[int, Bad]()
    for block in blocks:
        begun.append(block)
        lines, here = block.lines()
        bad |= {index + len(head): fault for index, fault in here.items()}
        head += lines.head(enough - len(head)).to_list()
        if len(head) >= enough or sum(len(one.raw) for one in begun) >= jsontext.HEAD_BYTES:
            break
    return begun, head, bad


def _document(file: str, blocks: Iterator[Block], source: Source) -> Iterator[Part]:
    """Read a JSON document, which is in memory as a whole; a line that is no text costs the records on it."""
    pieces, bad = list[str](), dict[int, Bad]()
    for block in blocks:
        lines, here = block.lines()
        bad |= {index + block.first: fault for index, fault in here.items()}
        texts = lines.to_list()
        for index, fault in here.items():
            texts[index] = fault.raw.decode(block.encoding, "replace").removesuffix("\r")
        pieces.append("\n".join(texts))
    yield from _named(file, jsontext.items(file, "\n".join(pieces), bad), source)


def _named(file: str, records: Iterator[Any], source: Source) -> Iterator[Part]:
    head = list(islice(records, jsontext.HEAD))
    call = jsontext.Named(file, source, head)
    yield from _batches(file, map(call, chain(head, records)), source, taker(call.layout) if call.layout else None)


def _transcript(file: str, blocks: Iterator[Block], source: Source) -> Iterator[Part]:
    """Read plain text, in which each line is a message or belongs to one."""
    bad: dict[int, Bad] = {}

    def lines() -> Iterator[str]:
        for block in blocks:
            texts, here = block.lines()
            bad.update({index + block.first - 1: fault for index, fault in here.items()})
            yield from texts.to_list()

    layout, records = transcript.table(file, lines(), bad, source)
    yield from _batches(file, records, source, taker(layout))


def _batches(file: str, records: Iterator[Any], source: Source, take: Any) -> Iterator[Part]:  # noqa: ANN401
    while some := list(islice(records, BATCH)):
        rows = Rows(file, source.span_files)
        rows.fill(some, take or (lambda _record, _place: []))
        yield part(rows)


def _whole(stream: Readable) -> bytes:
    pieces = []
    while piece := stream.read(WINDOW):
        pieces.append(piece)
    return b"".join(pieces)
