"""`siftune rules`: look at the rules and try them."""

from __future__ import annotations

import json as json_module
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from curation.commands.options import Json, RecipeFile, Run, console, settings
from curation.errors import UsageError

app = typer.Typer(help="Look at the rules and try them.", no_args_is_help=True)


@app.command("list")
def rules_list(recipe: RecipeFile = None, *, json: Json = False) -> None:
    """List the rules of a recipe's packs with their action and reason."""
    _, packs = settings(recipe, [], [], None)
    if json:
        rows = [{"rule": r.name, "on": r.on, "action": r.action, "why": r.why} for r in packs.rules]
        print(json_module.dumps(rows, ensure_ascii=False, indent=1))
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table("rule", "on", "action", "why", box=None)
    for rule in packs.rules:
        table.add_row(rule.name, rule.on, rule.action, escape(rule.why))
    console(stderr=False).print(table)


@app.command("show")
def rules_show(
    name: Annotated[str, typer.Argument(help="A rule, e.g. zh/filler-only.")], recipe: RecipeFile = None
) -> None:
    """Show one rule: why it is there, what it fires on, what it leaves, and how to switch it off."""
    from curation.errors import did_you_mean

    _, packs = settings(recipe, [], [], None)
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


@app.command("test")
def rules_test(recipe: RecipeFile = None) -> None:
    """Run every rule and every query type on its own examples; exit 2 when one does not hold."""
    from curation import query_types
    from curation.trial import trials

    _, packs = settings(recipe, [], [], None)
    failed = [trial for trial in trials(packs) if trial.fault]
    for trial in failed:
        print(f"{trial.rule}: {trial.fault}: {trial.text}", file=sys.stderr)
    wrong = [trial for pack in packs.query_types for trial in query_types.trials(pack) if trial[2]]
    for name, text, fault in wrong:
        print(f"{name}: {fault}: {text}", file=sys.stderr)
    types = sum(len(pack.text.types) for pack in packs.query_types)
    print(f"{len(packs.rules)} rules, {types} query types, {len(failed) + len(wrong)} examples do not hold")
    if failed or wrong:
        raise typer.Exit(2)


@app.command("tune")
def rules_tune(
    name: Annotated[str, typer.Argument(help="A rule, e.g. zh/short-answer.")],
    run: Run,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Write the suggestion here, as a snippet of a recipe.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Say from people's decisions whether a stricter threshold would pass the gate; never changes anything itself."""
    from curation import decisions, tune
    from curation.commands.report import write_page
    from curation.recipe import Recipe
    from curation.review.queues import manifest_of

    recipe = Recipe.model_validate(manifest_of(run)["recipe"])
    found = tune.tune(run, recipe, name, decisions.load(run))
    if json:
        print(json_module.dumps({**found._asdict(), "now": found.now._asdict(),
                                 "best": found.best._asdict() if found.best else None,
                                 "trials": [trial._asdict() for trial in found.trials]}, indent=1))  # fmt: skip
        return
    for line in tune.told(name, found):
        print(line)
    if found.best:
        text = tune.patch(name, str(run), found)
        print(f"\n{text}", end="")
        if out:
            write_page(out, text)


def _example(example: Any) -> str:  # noqa: ANN401
    return "  ".join(f"{key}: {value}" for key, value in example.model_dump(exclude_defaults=True).items())
