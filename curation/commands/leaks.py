"""`siftune leaks`: look for validation examples of a run that are in training too, or in another set."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from curation.commands.options import Json, Run
from curation.errors import GateError

Against = Annotated[
    list[Path],
    typer.Option(
        "--against", help="Another set to look into: a general set, a benchmark (Alpaca, ShareGPT, messages)."
    ),
]


def leaks(
    run: Run,
    against: Against = [],  # noqa: B006
    *,
    threshold: Annotated[float | None, typer.Option(help="Jaccard similarity; default: that of the run.")] = None,
    json: Json = False,
) -> None:
    """Look for validation examples that are nearly the same in training; exit with 1 when there is one."""
    import polars as pl

    from curation import leaks as module
    from curation import packs as packs_module
    from curation import parquet
    from curation.manifest import of_run

    recipe = of_run(run).recipe
    with parquet.of_run(run):
        examples = pl.read_parquet(run / "examples.parquet")
    settings = recipe.dedup if threshold is None else recipe.dedup.model_copy(update={"threshold": threshold})
    validation, training = (examples.filter(pl.col("split") == side) for side in ("val", "train"))
    packs = packs_module.load(recipe.packs, recipe.rules, types=recipe.query_types)
    found = {"train": module.leaks(validation, training, settings, seed=recipe.seed)}
    for path in against:
        found[str(path)] = module.leaks(validation, module.outside([path], packs), settings, seed=recipe.seed)
    if json:
        print(json_module.dumps({name: frame.to_dicts() for name, frame in found.items()}, indent=1))
    else:
        for name, frame in found.items():
            print(f"{name}: {frame['val'].n_unique()} of {validation.height} validation examples")
            for row in frame.iter_rows(named=True):
                print(f"  {row['val']} and {row['train']}: the same {row['level']} ({row['similarity']:.2f})")
    if any(frame.height for frame in found.values()):
        raise GateError(f"{run}: validation leaks; name the other sets in `split.apart_from` and curate again")
