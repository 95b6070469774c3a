"""Options and helpers that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from curation.packs import Packs
    from curation.recipe import Recipe

Logs = Annotated[
    list[Path],
    typer.Argument(
        help="Log files, folders of them, patterns such as 'logs/*.csv', or - for standard input.",
        show_default=False,
        readable=False,  # an input that cannot be read is told as every other fault of the input
    ),
]
Run = Annotated[Path, typer.Argument(help="A run folder made by `siftune curate`.", show_default=False)]
RecipeFile = Annotated[
    Path | None, typer.Option("-c", "--recipe", help="The recipe (YAML or TOML).", envvar="SIFTUNE_RECIPE")
]
Out = Annotated[Path, typer.Option("-o", "--out", help="The run folder to make.")]
Set = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="Change one setting of the recipe, e.g. dedup.threshold=0.9."),
]
Ignore = Annotated[list[str], typer.Option("--ignore", metavar="RULE", help="Switch a rule off, e.g. zh/filler-only.")]
DecisionFiles = Annotated[
    list[Path],
    typer.Option(
        "--decisions",
        metavar="FILE",
        help="What people decided: a decisions.jsonl or a reviewed run. Those of the run that --force replaces "
        "always count.",
        show_default=False,
    ),
]
Budget = Annotated[int | None, typer.Option("--budget", min=1, help="Keep the best N examples; see docs/diversity.md.")]
Against = Annotated[
    list[Path],
    typer.Option(
        "--dedup-against",
        metavar="RUN",
        help="Drop what an earlier set holds: a run folder, or a file in Alpaca, ShareGPT or messages.",
    ),
]
IndexFile = Annotated[
    Path | None,
    typer.Option("--index", help="A file of what earlier runs kept: this run drops that, and adds what it keeps."),
]
Engine = Annotated[
    Literal["auto", "memory", "shards", "ray"],
    typer.Option(
        "--engine",
        help="Who does the work: memory, shards on disk (auto: above 64 MB), or ray. The result is the same.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        help="Shards that are worked on at a time, each in a process; default: what cores and memory allow.",
    ),
]
Address = Annotated[
    str | None, typer.Option("--address", help="A Ray cluster; default: one is started on this machine.")
]
ShardSize = Annotated[
    int | None,
    typer.Option("--shard-size", min=1, help="Input in a shard, in MB (default: 16 to 128); memory goes with it."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where a run in shards was broken off.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there already.")]
GoOn = Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint of a training that broke off.")]
Lang = Annotated[
    Literal["en", "zh"],  # report.words.Language, said here so that --help loads nothing
    typer.Option("--lang", help="Language of the summary and of report.md.", envvar="SIFTUNE_LANG"),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout, and nothing else there.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say where the time went.")]
LogJson = Annotated[
    Path | None,
    typer.Option(
        "--log-json",
        metavar="FILE",
        help="Add a JSON line for every stage to this file: seconds, rows, memory; no text of the log. -: to stderr.",
        envvar="SIFTUNE_LOG_JSON",
    ),
]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="No progress on stderr.", envvar="SIFTUNE_NO_PROGRESS")]
Model = Annotated[
    str, typer.Option("--model", help="Base model: a folder, a hub id, or `tiny` (built in, only to try all steps).")
]
General = Annotated[
    list[str],
    typer.Option(
        "--general",
        metavar="SOURCE[=WEIGHT]",
        help="General data to mix in: a file (Alpaca, ShareGPT, messages), `packaged`, or `self`: the base model "
        "answers. May be given several times; default: the small packaged set.",
    ),
]
Share = Annotated[
    float | None, typer.Option("--share", help="Share of general data in the whole mixture, 0 ≤ share < 1.")
]
TrainSet = Annotated[
    list[str], typer.Option("--train", metavar="KEY=VALUE", help="Change one training setting, e.g. epochs=2.")
]


def settings(
    path: Path | None,
    changes: list[str],
    ignore: list[str],
    seed: int | None,
    *,
    against: Sequence[Path] = (),
    index: Path | None = None,
) -> tuple[Recipe, Packs]:
    """Read the recipe, apply the command line's changes, and load its packs."""
    import json

    from curation import packs as packs_module
    from curation import recipe as recipe_module
    from curation.errors import SourceError

    found = recipe_module.load(path) if path else recipe_module.Recipe()
    more = [f"seed={seed}"] if seed is not None else []
    more += [f"dedup.against={json.dumps([*found.dedup.against, *map(str, against)])}"] if against else []
    more += [f"dedup.index={json.dumps(str(index))}"] if index else []
    found = recipe_module.changed(found, [*changes, *more], ignore)
    for named in (*found.dedup.against, *found.split.apart_from):  # said before hours of work, not behind them
        if not Path(named).exists():
            raise SourceError(f"{named}: there is no such file or run folder")
    loading = packs_module.begin(found.packs, found.rules, types=found.query_types, detector=found.language.detector)
    from curation import pipeline, runfolder  # noqa: F401  needed next, and loaded while patterns are tried

    return found, loading()


def budget_change(budget: int | None) -> list[str]:
    """Return --budget as a change of the recipe."""
    return [] if budget is None else [f"selection.budget={budget}"]


def console(*, stderr: bool) -> Console:
    """Return a terminal to print to."""
    from rich.console import Console

    return Console(stderr=stderr)
