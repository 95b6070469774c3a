"""`siftune rethreshold`: decide a run's duplicates anew at another similarity, from what the run folder holds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from curation.commands.options import Json, Lang, NoProgress, Quiet, Run
from curation.commands.report import summary


def rethreshold(
    run: Run,
    threshold: Annotated[float, typer.Option("--threshold", min=0.0, max=1.0, help="Similarity, 0 < threshold ≤ 1.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The run folder to make; default: RUN is replaced.")
    ] = None,
    language: Lang = "en",
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing run at --out.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    no_progress: NoProgress = False,
) -> None:
    """Decide a run's duplicates anew at another threshold: neither the logs nor any signature is needed again."""
    from curation import decisions, pipeline, rerun, runfolder
    from curation.progress import stages

    target = out or run
    found, settings, packs, signatures = rerun.load(run, threshold=threshold)
    replaces = force or target == run
    with runfolder.alone(target, force=replaces), stages(on=not (quiet or no_progress)) as say:
        events = decisions.gather([run])
        curated = pipeline.finish(found, settings, packs, progress=say, sign=signatures)
        say("write", str(target))
        argv = sys.argv[1:]
        report = runfolder.write(
            curated, settings, packs, target, argv=argv, events=events, language=language, timings=say.timings
        )
    if json:
        print(report.model_dump_json(indent=1))
    elif not quiet:
        summary(report, target, next_step="", language=language)
