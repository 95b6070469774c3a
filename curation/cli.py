"""The `siftune` command: read arguments, call one function, print, exit.

Only this module knows both packages. Everything heavy is imported inside the command that needs it, so that
`siftune --help` answers at once and the curation half works without torch.

Exit codes: 0 done, 1 the quality gate failed, 2 wrong options or recipe, 3 unusable input, 4 a failure while
running, 130 interrupted, 141 nobody reads what is printed, 143 told to stop.
"""

from __future__ import annotations

import atexit
import gc
import json as json_module
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curation import allocator, edge
from curation.commands import compare as compare_command
from curation.commands import convert as convert_command
from curation.commands import decisions as decisions_command
from curation.commands import doctor as doctor_command
from curation.commands import export as export_command
from curation.commands import leaks as leaks_command
from curation.commands import preview as preview_command
from curation.commands import report as report_command
from curation.commands import rethreshold as rethreshold_command
from curation.commands import review, rules
from curation.commands import sniff as sniff_command
from curation.commands import validate as validate_command
from curation.commands.options import (
    Address,
    Against,
    Budget,
    DecisionFiles,
    Engine,
    Force,
    General,
    GoOn,
    Ignore,
    IndexFile,
    Json,
    Lang,
    LogJson,
    Logs,
    Model,
    NoProgress,
    Out,
    Quiet,
    RecipeFile,
    Resume,
    Run,
    Set,
    ShardSize,
    Share,
    TrainSet,
    Verbose,
    Workers,
    budget_change,
)
from curation.commands.options import settings as settings_of
from curation.commands.report import summary
from curation.errors import GateError, UsageError

if TYPE_CHECKING:
    from curation.engines import Wanted
    from curation.engines.choice import Name
    from curation.packs import Packs
    from curation.progress import Stages
    from curation.recipe import Recipe
    from curation.report.model import Report
    from curation.report.words import Language

app = typer.Typer(
    name="siftune",
    help="Raw customer-service logs in; a clean SFT set, a report, and an adapter out.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
WrongUsage: Any = typer.BadParameter.__mro__[1]  # typer carries a click of its own; this is its UsageError


def _version(asked: bool) -> None:  # noqa: FBT001  typer's callback signature
    if asked:
        version()
        raise typer.Exit


@app.callback()
def _globals(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the details of a failure.", envvar="SIFTUNE_DEBUG")
    ] = False,
) -> None:
    """Raw customer-service logs in; a clean SFT set, a report, and an adapter out."""


def curate(
    logs: Logs,
    out: Out = Path("run"),
    recipe: RecipeFile = None,
    changes: Set = [],  # noqa: B006
    ignore: Ignore = [],  # noqa: B006
    decisions: DecisionFiles = [],  # noqa: B006
    budget: Budget = None,
    dedup_against: Against = [],  # noqa: B006
    index: IndexFile = None,
    engine: Engine = "auto",
    workers: Workers = None,
    address: Address = None,
    shard_size: ShardSize = None,
    *,
    resume: Resume = False,
    seed: Annotated[int | None, typer.Option(help="Seed of every random choice.")] = None,
    gate: Annotated[bool, typer.Option("--gate/--no-gate", help="Exit with 1 when the quality gate fails.")] = True,
    force: Force = False,
    language: Lang = "en",
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_progress: NoProgress = False,
    log_json: LogJson = None,
) -> None:
    """Turn raw logs into an SFT set with a report: the run folder."""
    settings, packs = settings_of(
        recipe, [*changes, *budget_change(budget)], ignore, seed, against=dedup_against, index=index
    )
    by = _by(engine, workers, address, shard_size, resume=resume)
    report, took = _curate(
        logs, out, settings, packs, decisions, by,
        force=force, language=language, progress=not (no_progress or quiet), log=log_json,
    )  # fmt: skip
    if json:
        print(report.model_dump_json(indent=1))
    elif not quiet:
        done = report.gate.state != "fail" and report.counts.exported_train > 0
        summary(report, out, next_step=f"siftune train {out} --model PATH_OR_ID" if done else "", language=language)
        _say_time(took, verbose=verbose)
    if gate:
        _gate(report, out)


def train(
    run: Run,
    model: Model,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The adapter's folder; default RUN/adapter.")] = None,
    general: General = [],  # noqa: B006
    share: Share = None,
    changes: TrainSet = [],  # noqa: B006
    *,
    preview: Annotated[
        int | None, typer.Option("--preview", min=1, help="Train nothing; show so many records with what is learned.")
    ] = None,
    resume: GoOn = False,
    force: Force = False,
    language: Lang = "en",
    json: Json = False,
    quiet: Quiet = False,
    no_progress: NoProgress = False,
) -> None:
    """Train a QLoRA adapter on a run folder, with general data mixed in, and show what it says."""
    overrides = _training(share, changes)
    if preview is not None:
        from training.cli import preview_run

        told = preview_run(run, model=model, general=general, overrides=overrides, count=preview)
        preview_command.show(told, json=json)
        return
    progress = not (quiet or no_progress)
    result = _train(run, model, out, general, overrides, resume=resume, force=force, progress=progress)
    if not result:  # one of several processes, and not the first
        return
    found = report_command.with_decisions(report_command.read_report(run), run)
    report_command.write_pages(run, found, language=language, adapter=out)
    _say_training(result, run, out, json=json, quiet=quiet)


def export(
    adapter: Annotated[Path, typer.Argument(help="An adapter made by `siftune train`.", show_default=False)],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The merged model; default ADAPTER-merged.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="The unquantised base, where it is not where it was.")
    ] = None,
    precision: Annotated[str, typer.Option("--precision", help="Of the merged weights: bf16, fp16 or fp32.")] = "bf16",
    *,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    no_progress: NoProgress = False,
) -> None:
    """Merge an adapter into its base, prove that it says the same, and print how to serve it (Ollama, vLLM, GGUF)."""
    from training.cli import export_adapter

    progress = not (quiet or no_progress)
    told = export_adapter(adapter, out=out, model=model, precision=precision, force=force, progress=progress)
    export_command.show(told, json=json, quiet=quiet)


def doctor(
    run: Run,
    model: Model,
    general: General = [],  # noqa: B006
    share: Share = None,
    changes: TrainSet = [],  # noqa: B006
    *,
    json: Json = False,
) -> None:
    """Say what is wrong, or likely to go wrong, with a training: settings, data, model, machine.

    Exits with 1 where there is an error.
    """
    from training.cli import doctor_run

    doctor_command.show(doctor_run(run, model=model, general=general, overrides=_training(share, changes)), json=json)


def compare(
    logs: Logs,
    model: Model,
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to make.")] = Path("compare"),
    recipe: RecipeFile = None,
    changes: Set = [],  # noqa: B006
    ignore: Ignore = [],  # noqa: B006
    train_changes: TrainSet = [],  # noqa: B006
    *,
    seed: Annotated[int | None, typer.Option(help="Seed of the held-out conversations and of curation.")] = None,
    seeds: Annotated[
        str, typer.Option("--seeds", help="Seeds of the trainings; more give narrower intervals.")
    ] = "1,2,3",
    questions: Annotated[
        int, typer.Option("--questions", min=1, help="Held-out questions of each kind, at most.")
    ] = 60,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing comparison.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    no_progress: NoProgress = False,
) -> None:
    """Train on the raw log and on its curated set alike, and ask both adapters held-out questions."""
    from training.cli import compare_sets, preflight

    settings, packs = settings_of(recipe, changes, ignore, seed)
    overrides = _training(None, train_changes)
    chosen = compare_command.seeds_of(seeds)
    preflight(settings.training | overrides, model=model)
    progress = not (quiet or no_progress)
    from curation.runfolder import held, whole_or_absent

    with held(out, lambda: compare_command.check(out, force=force)), whole_or_absent(out) as folder:
        by = _by("auto", None, None, None, resume=False)
        _curate(logs, folder / "run", settings, packs, [], by, force=False, progress=progress, log=None)
        result = compare_sets(
            compare_command.sets(folder / "run", settings),
            folder,
            target=out.absolute(),
            model=model,
            settings=settings.training,
            overrides=overrides,
            seeds=chosen,
            questions=questions,
            progress=progress,
        )
    if json:
        print(json_module.dumps(result, ensure_ascii=False, indent=1))
    elif not quiet:
        compare_command.say(result, out)


def run_all(
    logs: Logs,
    model: Model,
    out: Out = Path("run"),
    recipe: RecipeFile = None,
    changes: Set = [],  # noqa: B006
    ignore: Ignore = [],  # noqa: B006
    general: General = [],  # noqa: B006
    share: Share = None,
    train_changes: TrainSet = [],  # noqa: B006
    decisions: DecisionFiles = [],  # noqa: B006
    budget: Budget = None,
    dedup_against: Against = [],  # noqa: B006
    index: IndexFile = None,
    engine: Engine = "auto",
    workers: Workers = None,
    address: Address = None,
    shard_size: ShardSize = None,
    *,
    resume: Resume = False,
    seed: Annotated[int | None, typer.Option(help="Seed of every random choice.")] = None,
    accept_gate: Annotated[bool, typer.Option("--accept-gate", help="Train although the quality gate failed.")] = False,
    force: Force = False,
    language: Lang = "en",
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_progress: NoProgress = False,
    log_json: LogJson = None,
) -> None:
    """Curate, hold the result against the quality gate, and train: one command from raw logs to an adapter."""
    settings, packs = settings_of(
        recipe, [*changes, *budget_change(budget)], ignore, seed, against=dedup_against, index=index
    )
    overrides = _training(share, train_changes)
    from training.cli import preflight

    preflight(settings.training | overrides, model=model)
    by = _by(engine, workers, address, shard_size, resume=resume)
    report, took = _curate(
        logs, out, settings, packs, decisions, by,
        force=force, language=language, progress=not (no_progress or quiet), log=log_json,
    )  # fmt: skip
    if not (json or quiet):
        summary(report, out, next_step="", language=language)
        _say_time(took, verbose=verbose)
    if accept_gate:
        overrides["accept"] = [*overrides.get("accept", settings.training.get("accept", [])), "gate"]
    else:
        _gate(report, out)
    result = _train(out, model, None, general, overrides, force=force, progress=not (quiet or no_progress))
    report_command.write_pages(out, report, language=language)
    if json:
        print(
            json_module.dumps(
                {"report": report.model_dump(mode="json"), "training": result}, ensure_ascii=False, indent=1
            )
        )
    else:
        _say_training(result, out, None, json=False, quiet=quiet)


def schema(
    what: Annotated[
        str,
        typer.Argument(help="recipe, pack, query-types, personal-data, report, manifest, decision, or a format"),
    ],
) -> None:
    """Print a JSON Schema (2020-12)."""
    from curation.errors import did_you_mean
    from curation.schemas import SCHEMAS

    if what not in SCHEMAS:
        raise UsageError(f"there is no schema '{what}'{did_you_mean(what, SCHEMAS)}")
    print(json_module.dumps(SCHEMAS[what](), ensure_ascii=False, indent=1))


def version(*, json: Json = False) -> None:
    """Print the version."""
    from curation import __version__

    print(json_module.dumps({"siftune": __version__}) if json else f"siftune {__version__}")


# --- what the commands share ------------------------------------------------------------------------------------


def _by(
    engine: Name,
    workers: int | None,
    address: str | None,
    shard_size: int | None,
    *,
    resume: bool,
) -> Wanted:
    from curation.engines import Wanted

    return Wanted(engine, workers, address, resume, shard_size and shard_size << 20)


def _curate(
    logs: list[Path],
    out: Path,
    settings: Recipe,
    packs: Packs,
    decided: list[Path],
    by: Wanted,
    *,
    force: bool,
    progress: bool,
    log: Path | None,
    language: Language = "en",
) -> tuple[Report, Stages]:
    from curation import decisions, pipeline, runfolder
    from curation.duplicates import remember
    from curation.engines import chosen
    from curation.progress import stages
    from curation.read import find
    from curation.report import html

    beside = ThreadPoolExecutor(1)
    beside.submit(html.ready)
    beside.shutdown(wait=False)
    gc.freeze()  # what is loaded stays: it is not looked over again whenever much has been made
    with stages(on=progress, log=log) as say, runfolder.alone(out, force=force):
        events = decisions.gather([*([out] if out.is_dir() else []), *decided])
        files = find(logs)
        people = decisions.table(decisions.settle(events))
        with chosen(by, files, settings, packs, people, out, say=say) as engine:
            curated = pipeline.curate(files, settings, packs, progress=say, people=people, engine=engine)
            say("write", str(out))
            argv = sys.argv[1:]
            report = runfolder.write(
                curated, settings, packs, out, argv=argv, events=events, language=language, timings=say.timings
            )
            for examples in curated.parts("examples") if settings.dedup.index else ():
                remember(examples, settings.dedup, seed=settings.seed)
    return report, say


LONG_RUN = 10.0  # seconds, from which on it is said where they went


def _say_time(took: Stages, *, verbose: bool) -> None:
    if verbose or took.seconds > LONG_RUN:
        print(took.summary())


def _train(
    run: Path,
    model: str,
    out: Path | None,
    general: list[str],
    overrides: dict[str, Any],
    *,
    force: bool,
    progress: bool,
    resume: bool = False,
) -> dict[str, Any]:
    from training.cli import train_run

    return train_run(
        run, model=model, out=out, general=general, overrides=overrides, force=force, progress=progress, resume=resume
    )


def _training(share: float | None, changes: list[str]) -> dict[str, Any]:
    """Return the training settings that the command line gives."""
    from curation.recipe import assignments

    return assignments(changes, "--train") | ({"general_share": share} if share is not None else {})


def _say_training(result: dict[str, Any], run: Path, out: Path | None, *, json: bool, quiet: bool) -> None:
    folder = out or run / "adapter"
    if json:
        print(json_module.dumps(result, ensure_ascii=False, indent=1))
    elif not quiet:
        for line in (f"adapter: {folder}", f"samples: {folder / 'samples.md'}", f"report:  {run / 'report.html'}"):
            print(line)


def _gate(report: Report, out: Path) -> None:
    """Raise GateError with what failed, in words."""
    failed = [c for c in report.gate.checks if not c.passed]
    if failed:
        reasons = "; ".join(
            f"{c.name.replace('_', ' ')}: {c.value:g}, {c.sense.replace('_', ' ')} {c.limit:g} "
            + ("needed" if c.sense == "at_least" else "allowed")
            for c in failed
        )
        cure = f"see {out / 'report.html'}, or change `gate` in the recipe"
        raise GateError(f"{out}: the quality gate failed: {reasons}; {cure}")


# --- the commands, in the order in which somebody meets them ------------------------------------------------------

ROAD: dict[str, dict[str, Any]] = {
    "From a log to a set": {
        "sniff": sniff_command.sniff,
        "curate": curate,
        "run": run_all,
        "report": report_command.report,
        "review": review.review,
        "decisions": decisions_command.app,
        "diff": report_command.diff,
        "rethreshold": rethreshold_command.rethreshold,
    },
    "Training": {
        "doctor": doctor,
        "train": train,
        "compare": compare,
        "export": export,
    },
    "Set files": {
        "validate": validate_command.validate,
        "convert": convert_command.convert,
        "leaks": leaks_command.leaks,
    },
    "Rules and settings": {"rules": rules.app, "schema": schema, "version": version},
}
for panel, commands in ROAD.items():
    for name, what in commands.items():
        if isinstance(what, typer.Typer):
            app.add_typer(what, name=name, rich_help_panel=panel)
        else:
            app.command(name, rich_help_panel=panel)(what)


def main() -> None:
    """Run the command line; every error a user can cause is one line, and bugs never print a record's text.

    What is written is for its owner alone, whatever the umask: it holds what customers said.
    """
    debug = bool(os.environ.get("SIFTUNE_DEBUG")) or "--debug" in sys.argv
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    allocator.one_arena()
    allocator.few_arenas(os.cpu_count() or 1)
    before = os.umask(0o077)
    edge.stoppable()
    atexit.register(gc.freeze)  # looking for cycles in all that was loaded, to free it, takes a quarter of a second
    try:
        code = app(args=arguments, standalone_mode=False)
        sys.stdout.flush()
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    except WrongUsage as fault:
        fault.message = fault.message.removeprefix("Value error, ")  # Pydantic's word, by which Typer reads options
        fault.show()
        code = 2
    except BrokenPipeError:  # `siftune … | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except SystemExit as end:
        code = end.code
    except BaseException as fault:  # the edge, panics of Polars too: say it without the text of a record
        if debug:
            print(edge.where(fault), end="", file=sys.stderr)
        line, code = edge.said(fault)
        # Of several processes the others have found the same.
        if code == 4 or (code < 128 and os.environ.get("RANK", "0") == "0"):
            edge.tell(f"error: {line}")
    finally:
        os.umask(before)
    if code == 130:  # typer returns it, too
        edge.tell("interrupted")
    sys.exit(code if isinstance(code, int) else 0)
