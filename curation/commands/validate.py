"""`siftune validate`: what is wrong in set files, line by line, and what trainers drop without a word."""

from __future__ import annotations

import json as json_module
import sys
from typing import Annotated, Literal

import typer

from curation.commands.convert import SHOWN, Files
from curation.commands.options import Json, Quiet


def validate(
    files: Files,
    form: Annotated[
        Literal["alpaca", "sharegpt", "messages", "prompt-completion"] | None,
        typer.Option("--format", help="The format that is expected (default: what each record's keys tell)."),
    ] = None,
    *,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check set files before training: every fault with its line and cure, and what trainers drop without a word.

    Exits with 3 where a record is faulty.
    """
    from curation.validate import validate as validate_file

    verdicts = [validate_file(path, form) for path in files]
    for verdict in verdicts:
        for line, fault in verdict.faults[:SHOWN] if not json else verdict.faults[:0]:
            print(f"error: {verdict.file}:{line}: {fault}", file=sys.stderr)
        if len(verdict.faults) > SHOWN and not json:
            print(f"error: and {len(verdict.faults) - SHOWN} more; --json has all", file=sys.stderr)
    if json:
        print(json_module.dumps([verdict.as_dict() for verdict in verdicts], ensure_ascii=False, indent=1))
    elif not quiet:
        for verdict in verdicts:
            kinds = ", ".join(f"{count} {name}" for name, count in verdict.formats.items())
            print(f"{verdict.file}: {verdict.records} records ({kinds or 'no format'}), {len(verdict.faults)} faulty")
            for loss, count in verdict.losses.items():
                print(f"  lost: {count} records: {loss}")
            for note, count in verdict.notes.items():
                print(f"  note: {count} records: {note}")
    if any(verdict.faults for verdict in verdicts):
        raise typer.Exit(3)
