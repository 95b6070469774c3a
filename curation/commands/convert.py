"""`siftune convert`: one set format to another."""

from __future__ import annotations

import json as json_module
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from curation.commands.options import Force, Json, Quiet

SHOWN = 20  # faults that are printed one by one

Files = Annotated[list[Path], typer.Argument(help="Set files: .jsonl, or a .json array.", show_default=False)]


def convert(
    files: Files,
    out: Annotated[Path, typer.Option("-o", "--out", help="The file to write (JSON lines).")],
    to: Annotated[
        Literal["alpaca", "sharegpt", "messages", "prompt-completion"],
        typer.Option("--to", help="The format to write."),
    ],
    cot: Annotated[
        Literal["keep", "think", "field", "drop"],
        typer.Option("--cot", help="Reasoning: as it is, in <think> before the answer, in a field, or left out."),
    ] = "keep",
    system: Annotated[str | None, typer.Option("--system", help="Give every record this system prompt.")] = None,
    *,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write sets in another format: Alpaca, ShareGPT, messages, prompt and completion, whoever made them.

    Faulty records are left out, named with file and line, and kept in OUT.faulty.jsonl; then the exit code is 3.
    """
    from curation.convert import convert as convert_files

    done = convert_files(files, out, to, cot=cot, system=system, force=force)
    for file, line, fault in done.faults[:SHOWN]:
        print(f"error: {file}:{line}: {fault}", file=sys.stderr)
    if len(done.faults) > SHOWN:
        print(f"error: and {len(done.faults) - SHOWN} more, all in {out}.faulty.jsonl", file=sys.stderr)
    if json:
        print(json_module.dumps(done.as_dict(), ensure_ascii=False, indent=1))
    elif not quiet:
        print(f"{done.written} records written to {out}, {len(done.faults)} faulty")
        for what, count in done.lost.items():
            print(f"{to} cannot hold {what}: left out of {count} records")
    if done.faults:
        raise typer.Exit(3)
