"""What was run on what: inputs, recipe, packs, versions, seed, counts, and the command line."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, Field

from curation.errors import SourceError
from curation.recipe import Recipe

if TYPE_CHECKING:
    from curation.packs import Packs
    from curation.read import Input
    from curation.report.model import Report

LIBRARIES = ("polars", "numpy", "datasketch", "pydantic", "rapidfuzz")


class RanInput(BaseModel):
    """An input of a run, as read.Input has it."""

    name: str
    sha256: str
    bytes: int
    records: int
    encoding: str


class RanPack(BaseModel):
    """A pack of a run."""

    sha256: str


class Ran(BaseModel):
    """What later commands ask of a run's manifest; schemas.Manifest has all of it."""

    seed: int = Field(ge=0)
    recipe: Recipe
    packs: list[RanPack]
    inputs: list[RanInput]


M = TypeVar("M", bound=BaseModel)


def of_run(run: Path) -> Ran:
    """Read the manifest of a run folder; raises SourceError where there is none of this version."""
    return parsed(Ran, run, "manifest.json")


def parsed(model: type[M], run: Path, name: str) -> M:
    """Read one of the JSON files of a run folder; raises SourceError where there is none of this version."""
    path = run / name
    try:
        return model.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise SourceError(f"{run}: not a run folder; make one with `siftune curate`") from None
    except NotADirectoryError:
        raise SourceError(f"{run}: this is a file; give the run folder that `siftune curate` made") from None
    except OSError as fault:
        raise SourceError(f"{path}: cannot be read: {fault.strerror}; run `siftune curate` again") from None
    except ValueError:
        raise SourceError(f"{path}: not a run of this version of siftune; run `siftune curate` again") from None


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
