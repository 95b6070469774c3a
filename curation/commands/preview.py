"""What `siftune train --preview` prints: records with the tokens that are learned set off, and what does not fit."""

from __future__ import annotations

import json as json_module
from typing import Any

from curation.commands.options import console


def show(told: dict[str, Any], *, json: bool) -> None:
    """Print records, lengths and mixture; with `json` as one object."""
    if json:
        print(json_module.dumps(told, ensure_ascii=False, indent=1))
        return
    from rich.table import Table
    from rich.text import Text

    from curation.report.text import without_escapes

    out = console(stderr=False)
    out.print(Text("learned tokens stand in «…» and in green; the rest is only read", style="dim"))
    for record in told["records"]:
        head = f"{record['id']} · {record['source']} · {record['learned']} of {record['tokens']} tokens are learned"
        out.print(Text(head, style="bold"))
        shown = Text()
        for stretch in record["stretches"]:
            text = without_escapes(stretch["text"])
            shown.append(f"«{text}»" if stretch["learned"] else text, style="green" if stretch["learned"] else "dim")
        out.print(shown)
    table = Table(
        "set", "records", "too long", "cut", "split", "one per answer", "prompt", "answer", "longest", box=None
    )
    keys = ("set", "given", "too_long", "cut", "split", "per_answer", "median_prompt", "median_answer", "longest")
    for row in told["lengths"]:
        table.add_row(*(f"{row[key]:g}" if key != "set" else row[key] for key in keys))
    out.print(table)
    most = told["lengths"][0]["max_length"]
    out.print(Text(f"lengths in tokens (prompt and answer: medians); at most {most} a record", style="dim"))
    out.print(Text(told["mixture"]))
