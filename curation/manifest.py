"""What was run on what: inputs, recipe, packs, versions, seed, counts, and the command line."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from curation.packs import Packs
from curation.read import Input
from curation.recipe import Recipe
from curation.report.model import Report

LIBRARIES = ("polars", "numpy", "datasketch", "pydantic", "rapidfuzz")


def manifest(
    *,
    recipe: Recipe,
    packs: Packs,
    inputs: Sequence[Input],
    report: Report,
    decisions: Mapping[str, Any],
    argv: Sequence[str],
    siftune: str,
    timings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the manifest. Equal input gives an equal manifest but for `argv` and `timings`; it names no machine."""
    return {
        "schema_version": "siftune/manifest/1",
        "siftune": siftune,
        "argv": list(argv),
        "seed": recipe.seed,
        "inputs": [
            {
                "name": i.name,
                "sha256": i.sha256,
                "bytes": i.bytes,
                "records": i.records,
                "encoding": i.encoding,
            }
            for i in inputs
        ],
        "recipe": recipe.model_dump(mode="json"),
        "recipe_sha256": recipe.sha256(),
        "packs": [{"name": p.name, "sha256": p.sha256, "rules": p.rules} for p in packs.files],
        "decisions": dict(decisions),
        "counts": {"ledger": report.ledger.model_dump(), **report.counts.model_dump()},
        "gate": report.gate.model_dump(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        **({"timings": dict(timings)} if timings is not None else {}),
    }
