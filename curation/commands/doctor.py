"""`siftune doctor`: what is wrong, or likely to go wrong, with a training, before it costs an hour."""

from __future__ import annotations

import json as json_module
from typing import Any

import typer

from curation.commands.options import console

_STYLE = {"error": "bold red", "warning": "yellow", "note": "dim"}


def show(findings: list[dict[str, Any]], *, json: bool) -> None:
    """Print the findings; exits with 1 where one is an error."""
    if json:
        print(json_module.dumps(findings, ensure_ascii=False, indent=1))
    else:
        from rich.text import Text

        out = console(stderr=False)
        for found in findings:
            out.print(Text.assemble((found["level"], _STYLE[found["level"]]), f": {found['fault']} [{found['name']}]"))
            for word, key in (("why", "reason"), ("source", "source"), ("cure", "cure")):
                out.print(Text(f"  {word}: {found[key]}"))
        counted = {level: sum(found["level"] == level for found in findings) for level in _STYLE}
        out.print(Text(", ".join(f"{n} {level}{'' if n == 1 else 's'}" for level, n in counted.items())))
    if any(found["level"] == "error" for found in findings):
        raise typer.Exit(1)
