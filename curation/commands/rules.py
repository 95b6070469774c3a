"""`siftune rules`: look at the rules and try them."""

from __future__ import annotations

import json as json_module
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curation.commands.options import Json, RecipeFile, Run, console, settings
from curation.errors import UsageError

if TYPE_CHECKING:
    from curation.packs import Packs

OwnPacks = Annotated[list[str], typer.Option("--pack", help="A pack of your own, beside the recipe's packs.")]

app = typer.Typer(help="Look at the rules and try them.", no_args_is_help=True)


@app.command("list")
def rules_list(recipe: RecipeFile = None, own: OwnPacks = [], *, json: Json = False) -> None:  # noqa: B006
    """List the rules of a recipe's packs with their action and reason."""
    packs = _packs(recipe, own)
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
    name: Annotated[str, typer.Argument(help="A rule, e.g. zh/filler-only.")],
    recipe: RecipeFile = None,
    own: OwnPacks = [],  # noqa: B006
) -> None:
    """Show one rule: why it is there, what it fires on, what it leaves, and how to switch it off."""
    packs = _packs(recipe, own)
    rule = next((r for r in packs.rules if r.name == name), None)
    if rule is None:
        raise _no_rule(name, packs)
    lines = [f"{rule.name}  ({rule.on}, {rule.action})", rule.why, "", "fires on:"]
    lines += [f"  {_example(e)}" for e in rule.fires]
    lines += ["leaves alone:", *(f"  {_example(e)}" for e in rule.silent)]
    signs = rule.params.get("signs", {})
    lines += ["", f"signs, fires under {rule.params['below']:g} points:"] if signs else []
    lines += [f"  {sign['points']:+4g}  {name}  {sign.get('why', '')}".rstrip() for name, sign in signs.items()]
    lines += [
        "",
        f"switch it off: --ignore {rule.name}",
        "change it in the recipe:",
        f"  rules: {{{rule.name}: {{action: note}}}}",
    ]
    print("\n".join(lines))


@app.command("test")
def rules_test(
    rule: Annotated[
        str | None, typer.Argument(help="A rule, e.g. zh/filler-only (or a text to try on all rules).")
    ] = None,
    text: Annotated[str | None, typer.Argument(help="A text to try on it; for rules on pairs, the question.")] = None,
    recipe: RecipeFile = None,
    packs: OwnPacks = [],  # noqa: B006
    *,
    answer: Annotated[str | None, typer.Option("--answer", help="The answer, for rules on pairs.")] = None,
    after: Annotated[str | None, typer.Option("--after", help="What the other side said just before.")] = None,
    role: Annotated[str | None, typer.Option("--role", help="Who speaks: user, assistant or system.")] = None,
    json: Json = False,
) -> None:
    """Run rules and query types on their own examples (exit 2 when one does not hold), or try a text on rules."""
    from curation import query_types
    from curation.trial import Said, trials, tried, why_not

    known = _packs(recipe, packs)
    names = [r.name for r in known.rules]
    if rule is not None and text is None and rule not in names and not re.fullmatch(r"[\w.-]+/[\w.-]+", rule):
        rule, text = None, rule
    if rule is not None and rule not in names:
        raise _no_rule(rule, known)
    if role not in (None, "user", "assistant", "system"):
        raise UsageError(f"--role: '{role}' is none of user, assistant and system")
    known = replace(known, rules=tuple(r for r in known.rules if rule in (None, r.name)))
    if text is None:
        failed = [trial for trial in trials(known) if trial.fault]
        for trial in failed:
            print(f"{trial.rule}: {trial.fault}: {trial.text}", file=sys.stderr)
        kinds = known.query_types if rule is None else ()
        wrong = [trial for pack in kinds for trial in query_types.trials(pack) if trial[2]]
        for name, said, fault in wrong:
            print(f"{name}: {fault}: {said}", file=sys.stderr)
        types = f", {sum(len(pack.text.types) for pack in kinds)} query types" if kinds else ""
        print(f"{len(known.rules)} rules{types}, {len(failed) + len(wrong)} examples do not hold")
        if failed or wrong:
            raise typer.Exit(2)
        return
    fired = tried(known, Said(text, answer=answer, after=after, role=role))  # type: ignore[arg-type]
    if json:
        print(json_module.dumps([hit._asdict() for hit in fired], ensure_ascii=False, indent=1))
        return
    for hit in fired:
        print(f"{hit.action:6s}  {hit.rule}  [{hit.evidence}]\n        {hit.why}")
    for reason in why_not(known.rules[0], Said(text, answer, after, role)) if rule and not fired else []:  # type: ignore[arg-type]
        print(reason)
    print(f"{len(known.rules)} rules tried, {len(fired)} fired")


@app.command("explain")
def rules_explain(
    run: Run,
    what: Annotated[str, typer.Argument(help="An example's id, or file:line of a message.", show_default=False)],
    *,
    json: Json = False,
) -> None:
    """Say of one message or example of a run what fired on it, and why it was kept, held or dropped."""
    from curation.explain import explain, lines

    found = explain(run, what)
    print(json_module.dumps(found, ensure_ascii=False, indent=1) if json else "\n".join(lines(found)))


def _no_rule(name: str, packs: Packs) -> UsageError:
    from curation.errors import did_you_mean

    told = did_you_mean(name, [rule.name for rule in packs.rules])
    if not told.startswith("; did you mean"):  # a hundred names are no help
        told = "; `siftune rules list` shows all, --pack FILE adds your own"
    return UsageError(f"there is no rule '{name}'{told}")


def _packs(recipe: Path | None, own: list[str]) -> Packs:
    """Load the recipe's packs and `own` ones beside them."""
    from curation import packs as packs_module

    found, packs = settings(recipe, [], [], None)
    return (
        packs_module.load([*found.packs, *own], found.rules, types=found.query_types, detector=found.language.detector)
        if own
        else packs
    )


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
    from curation.manifest import of_run

    recipe = of_run(run).recipe
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
