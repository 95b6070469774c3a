"""`siftune compare`: is the curated set worth more than the raw log, to this model? Measured, with the same budget."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import UsageError

if TYPE_CHECKING:
    from curation.recipe import Recipe


def check(target: Path, *, force: bool) -> None:
    """Refuse a place where a comparison cannot go: only an earlier comparison is replaced, and only with `force`."""
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target}: is a file; give a folder for the comparison")
    if not target.is_dir() or not any(target.iterdir()):
        return
    if not (target / "compare.json").is_file():
        raise UsageError(f"{target}: holds files that are no comparison; choose another folder")
    if not force:
        raise UsageError(f"{target}: a comparison is already there; choose another folder, or replace it with --force")


def seeds_of(text: str) -> list[int]:
    """Read ``1,2,3``."""
    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--seeds {text}: whole numbers with commas between are needed, such as 1,2,3") from None
    if len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise UsageError(f"--seeds {text}: each seed once, and none below 0")
    return seeds


def sets(run: Path, recipe: Recipe) -> dict[str, list[dict[str, Any]]]:
    """Return the experiment's sets from a run folder."""
    from curation import experiment, privacy

    messages, examples = experiment.read(run)
    wanted = privacy.masking(**recipe.privacy.model_dump())
    return experiment.sets(messages, examples, wanted, cot=recipe.output.cot, seed=recipe.seed)


def say(result: Mapping[str, Any], out: Path) -> None:
    """Print what came out, in a few lines."""
    for name, one in result["held_out"].items():
        print(f"{name}: {one['questions']} questions")
        for sentence in one["verdict"]:
            print(f"  {sentence}")
    for note in result["notes"]:
        print(f"note: {note}")
    print(f"report: {out / 'compare.md'}")
