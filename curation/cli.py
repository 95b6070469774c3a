"""The `siftune` command: read arguments, call one function, print, exit.

Only this module knows both packages. Everything heavy is imported inside the command that needs it, so that
`siftune --help` answers at once and the curation half works without torch.

Exit codes: 0 done, 1 the quality gate failed, 2 wrong options or recipe, 3 unusable input, 4 a failure while
running, 130 interrupted.
"""

from __future__ import annotations

import json as json_module
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curation.errors import CurationError, GateError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from curation.packs import Packs
    from curation.recipe import Recipe
    from curation.report.model import Report

app = typer.Typer(
    name="siftune",
    help="Raw customer-service logs in; a clean SFT set, a report, and an adapter out.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
rules_app = typer.Typer(help="Look at the rules and try them.", no_args_is_help=True)
app.add_typer(rules_app, name="rules")

WrongUsage: Any = typer.BadParameter.__mro__[1]  # typer carries a click of its own; this is its UsageError

Logs = Annotated[list[Path], typer.Argument(help="Log files or folders of them.", show_default=False)]
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
Force = Annotated[bool, typer.Option("--force", help="Replace an existing run.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout, and nothing else there.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="No progress on stderr.", envvar="SIFTUNE_NO_PROGRESS")]
Model = Annotated[
    str, typer.Option("--model", help="Base model: a folder, a hub id, or `tiny` (built in, for trying the road only).")
]
General = Annotated[
    list[Path],
    typer.Option(
        "--general", help="General data to mix in (Alpaca, ShareGPT, messages); default: a small packaged set."
    ),
]
Share = Annotated[
    float | None, typer.Option("--share", help="Share of general data in the whole mixture, 0 ≤ share < 1.")
]
TrainSet = Annotated[
    list[str], typer.Option("--train", metavar="KEY=VALUE", help="Change one training setting, e.g. epochs=2.")
]


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


@app.command()
def curate(
    logs: Logs,
    out: Out = Path("run"),
    recipe: RecipeFile = None,
    changes: Set = [],  # noqa: B006
    ignore: Ignore = [],  # noqa: B006
    *,
    seed: Annotated[int | None, typer.Option(help="Seed of every random choice.")] = None,
    gate: Annotated[bool, typer.Option("--gate/--no-gate", help="Exit with 1 when the quality gate fails.")] = True,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    no_progress: NoProgress = False,
) -> None:
    """Turn raw logs into an SFT set with a report: the run folder."""
    settings, packs = _settings(recipe, changes, ignore, seed)
    report = _curate(logs, out, settings, packs, force=force, quiet=quiet, progress=not no_progress)
    if json:
        print(report.model_dump_json(indent=1))
    elif not quiet:
        done = report.gate.state == "pass" and report.counts.exported_train > 0
        _summary(report, out, next_step=f"siftune train {out} --model PATH_OR_ID" if done else "")
    if gate:
        _gate(report, out)


@app.command()
def train(
    run: Run,
    model: Model,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The adapter's folder; default RUN/adapter.")] = None,
    general: General = [],  # noqa: B006
    share: Share = None,
    changes: TrainSet = [],  # noqa: B006
    *,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    no_progress: NoProgress = False,
) -> None:
    """Train a QLoRA adapter on a run folder, with general data mixed in, and show what it says."""
    overrides = _training(share, changes)
    result = _train(run, model, out, general, overrides, force=force, progress=not (quiet or no_progress))
    _say_training(result, run, out, json=json, quiet=quiet)


@app.command("run")
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
    *,
    seed: Annotated[int | None, typer.Option(help="Seed of every random choice.")] = None,
    accept_gate: Annotated[bool, typer.Option("--accept-gate", help="Train although the quality gate failed.")] = False,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    no_progress: NoProgress = False,
) -> None:
    """Curate, hold the result against the quality gate, and train: one command from raw logs to an adapter."""
    settings, packs = _settings(recipe, changes, ignore, seed)
    overrides = _training(share, train_changes)
    from training.cli import preflight

    preflight(settings.training | overrides, model=model)
    report = _curate(logs, out, settings, packs, force=force, quiet=quiet, progress=not no_progress)
    if not (json or quiet):
        _summary(report, out, next_step="")
    if not accept_gate:
        _gate(report, out)
    result = _train(out, model, None, general, overrides, force=force, progress=not (quiet or no_progress))
    if json:
        print(
            json_module.dumps(
                {"report": report.model_dump(mode="json"), "training": result}, ensure_ascii=False, indent=1
            )
        )
    else:
        _say_training(result, out, None, json=False, quiet=quiet)


@app.command()
def report(
    run: Run,
    language: Annotated[str, typer.Option("--lang", help="Language of the Markdown: en or zh.")] = "en",
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the HTML report here (default: into the run).")
    ] = None,
    md: Annotated[
        Path | None, typer.Option("--md", help="Write the Markdown report here (default: into the run).")
    ] = None,
    *,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show a run's report again, and write its pages anew from report.json."""
    from curation.report import html as html_page
    from curation.report import markdown

    if language not in ("en", "zh"):
        raise UsageError(f"--lang: '{language}' is neither en nor zh")
    found = _read_report(run)
    _write_page(html or run / "report.html", html_page.render(found))
    _write_page(md or run / "report.md", markdown.render(found, language=language))  # type: ignore[arg-type]
    if json:
        print(found.model_dump_json(indent=1))
    elif not quiet:
        _summary(found, run, next_step="")


@rules_app.command("list")
def rules_list(recipe: RecipeFile = None, *, json: Json = False) -> None:
    """List the rules of a recipe's packs with their action and reason."""
    _, packs = _settings(recipe, [], [], None)
    if json:
        rows = [{"rule": r.name, "on": r.on, "action": r.action, "why": r.why} for r in packs.rules]
        print(json_module.dumps(rows, ensure_ascii=False, indent=1))
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table("rule", "on", "action", "why", box=None)
    for rule in packs.rules:
        table.add_row(rule.name, rule.on, rule.action, escape(rule.why))
    _console(stderr=False).print(table)


@rules_app.command("show")
def rules_show(
    name: Annotated[str, typer.Argument(help="A rule, e.g. zh/filler-only.")], recipe: RecipeFile = None
) -> None:
    """Show one rule: why it is there, what it fires on, what it leaves, and how to switch it off."""
    from curation.errors import did_you_mean

    _, packs = _settings(recipe, [], [], None)
    rule = next((r for r in packs.rules if r.name == name), None)
    if rule is None:
        raise UsageError(f"there is no rule '{name}'{did_you_mean(name, [r.name for r in packs.rules])}")
    lines = [f"{rule.name}  ({rule.on}, {rule.action})", rule.why, "", "fires on:"]
    lines += [f"  {_example(e)}" for e in rule.fires]
    lines += ["leaves alone:", *(f"  {_example(e)}" for e in rule.silent)]
    lines += [
        "",
        f"switch it off: --ignore {rule.name}",
        "change it in the recipe:",
        f"  rules: {{{rule.name}: {{action: note}}}}",
    ]
    print("\n".join(lines))


@rules_app.command("test")
def rules_test(recipe: RecipeFile = None) -> None:
    """Run every rule on its own examples; exit 2 when one does not hold."""
    from curation.trial import trials

    _, packs = _settings(recipe, [], [], None)
    failed = [trial for trial in trials(packs) if trial.fault]
    for trial in failed:
        print(f"{trial.rule}: {trial.fault}: {trial.text}", file=sys.stderr)
    print(f"{len(packs.rules)} rules, {len(failed)} examples do not hold")
    if failed:
        raise typer.Exit(2)


@app.command()
def schema(
    what: Annotated[str, typer.Argument(help="recipe, pack, report, manifest, alpaca, sharegpt or messages")],
) -> None:
    """Print a JSON Schema (2020-12)."""
    from curation.errors import did_you_mean
    from curation.schemas import SCHEMAS

    if what not in SCHEMAS:
        raise UsageError(f"there is no schema '{what}'{did_you_mean(what, SCHEMAS)}")
    print(json_module.dumps(SCHEMAS[what](), ensure_ascii=False, indent=1))


@app.command()
def version(*, json: Json = False) -> None:
    """Print the version."""
    from curation import __version__

    print(json_module.dumps({"siftune": __version__}) if json else f"siftune {__version__}")


# --- what the commands share ------------------------------------------------------------------------------------


def _settings(path: Path | None, changes: list[str], ignore: list[str], seed: int | None) -> tuple[Recipe, Packs]:
    """Read the recipe, apply the command line's changes, and load its packs."""
    from curation import packs as packs_module
    from curation import recipe as recipe_module

    settings = recipe_module.load(path) if path else recipe_module.Recipe()
    settings = recipe_module.changed(settings, [*changes, *([f"seed={seed}"] if seed is not None else [])], ignore)
    return settings, packs_module.load(settings.packs, settings.rules)


def _curate(
    logs: list[Path], out: Path, settings: Recipe, packs: Packs, *, force: bool, quiet: bool, progress: bool
) -> Report:
    from curation import pipeline, runfolder
    from curation.progress import stages
    from curation.read import find

    runfolder.check(out, force=force)
    files = find(logs)
    with stages(on=progress and not quiet) as say:
        curated = pipeline.curate(files, settings, packs, progress=say)
        say("write", str(out))
        return runfolder.write(curated, settings, packs, out, argv=sys.argv[1:])


def _train(
    run: Path,
    model: str,
    out: Path | None,
    general: list[Path],
    overrides: dict[str, Any],
    *,
    force: bool,
    progress: bool,
) -> dict[str, Any]:
    from training.cli import train_run

    return train_run(run, model=model, out=out, general=general, overrides=overrides, force=force, progress=progress)


def _training(share: float | None, changes: list[str]) -> dict[str, Any]:
    """Return the training settings that the command line gives."""
    from curation.recipe import assignments

    return assignments(changes, "--train") | ({"general_share": share} if share is not None else {})


def _summary(report: Report, out: Path, *, next_step: str) -> None:
    from curation.report import terminal

    console = _console(stderr=False)
    terminal.render(report, console)
    console.print(f"report: {out / 'report.html'}", soft_wrap=True, highlight=False, markup=False)
    if next_step:
        console.print(f"next:   {next_step}", soft_wrap=True, highlight=False, markup=False)


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
            f"{c.name.replace('_', ' ')} is {c.value:g}, must be {c.sense.replace('_', ' ')} {c.limit:g}"
            for c in failed
        )
        cure = f"see {out / 'report.html'}, or change `gate` in the recipe"
        raise GateError(f"{out}: the quality gate failed: {reasons}; {cure}")


def _read_report(run: Path) -> Report:
    from pydantic import ValidationError

    from curation.errors import SourceError
    from curation.report.model import Report

    path = run / "report.json"
    try:
        return Report.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SourceError(f"{run}: not a run folder (no report.json); make one with `siftune curate`") from None
    except (ValidationError, UnicodeDecodeError):
        raise SourceError(f"{path}: not a report of this version of siftune; run `siftune curate` again") from None


def _write_page(path: Path, text: str) -> None:
    from curation.errors import OutputError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as fault:
        raise OutputError(f"{path}: cannot be written: {fault.strerror}") from None


def _example(example: Any) -> str:  # noqa: ANN401
    return "  ".join(f"{key}: {value}" for key, value in example.model_dump(exclude_defaults=True).items())


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    return Console(stderr=stderr)


def main() -> None:
    """Run the command line; every error a user can cause is one line, and bugs never print a record's text."""
    debug = bool(os.environ.get("SIFTUNE_DEBUG")) or "--debug" in sys.argv
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    try:
        code = app(args=arguments, standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        code = 130
    except WrongUsage as fault:
        fault.show()
        code = 2
    except Exception as fault:  # the edge: whatever it is, say it without the text of a record
        if debug:
            traceback.print_exc()
        code = _code(fault)
    sys.exit(code if isinstance(code, int) else 0)


def _code(fault: Exception) -> int:
    """Print one line for an error and return its exit code."""
    code = getattr(fault, "exit_code", None)
    if isinstance(fault, CurationError) or type(fault).__module__ == "training.errors":
        print(f"error: {fault}", file=sys.stderr)
        return code if isinstance(code, int) else 4
    last = traceback.extract_tb(fault.__traceback__)[-1]
    print(
        f"error: siftune failed inside ({type(fault).__name__} at {Path(last.filename).name}:{last.lineno}); "
        "run it again with --debug for the details, and report it",
        file=sys.stderr,
    )
    return 4
