"""`siftune decisions`: what people decided, out of a run, into a run, and in numbers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curation.commands.options import Json, Lang, Run
from curation.errors import UsageError

if TYPE_CHECKING:
    from curation.report.model import Review
    from curation.review.queues import Opened

app = typer.Typer(help="What people decided: out of a run, into a run, and in numbers.", no_args_is_help=True)

Format = Annotated[str, typer.Option("--format", help="jsonl, csv, label-studio or argilla.")]
PerRule = Annotated[int, typer.Option("--per-rule", min=1, max=5000, help="Size of the samples, as for review.")]


@app.command("export")
def export(
    run: Run,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="File to write; default stdout.")] = None,
    form: Format = "jsonl",
    queue: Annotated[
        str, typer.Option("--queue", help="Records to write: decided, held, sample, kept, conflicts, rule:NAME, all.")
    ] = "decided",
    reviewer: Annotated[str, typer.Option("--reviewer", help="Only what this reviewer said.")] = "",
    per_rule: PerRule = 50,
    *,
    blind: Annotated[
        bool, typer.Option("--blind/--no-blind", help="Leave out what the rules said, so that nobody is led by it.")
    ] = True,
) -> None:
    """Write decisions (JSON Lines), or records to decide elsewhere: a spreadsheet, Label Studio, Argilla."""
    from curation import decisions
    from curation.review import exchange

    _known(form)
    events = [event for event in decisions.load(run) if reviewer in ("", event.reviewer)]
    if form == "jsonl":
        if queue != "decided":
            raise UsageError("--queue goes with csv, label-studio and argilla: JSON Lines hold decisions, not records")
        _write(out, decisions.lines(events))
        return
    opened = _opened(run, per_rule)
    said = decisions.standing(events)
    opened.know(decisions.settle(events).values())
    items = dict.fromkeys(item for item, _ in said) if queue == "decided" else _queue(opened, queue)
    found = exchange.rows(opened, items, said, blind=blind)
    make = {"csv": exchange.to_csv, "label-studio": exchange.to_label_studio, "argilla": exchange.to_argilla}[form]
    _write(out, make(found, per_rule=per_rule))
    if form == "label-studio":
        print(f"labelling interface for the project: {exchange.label_config()}", end="", file=sys.stderr)


@app.command("import")
def import_(
    run: Run,
    file: Annotated[Path, typer.Argument(help="The file to read.", show_default=False)],
    form: Annotated[str, typer.Option("--format", help="Default: jsonl or csv by the ending.")] = "",
    reviewer: Annotated[
        str, typer.Option("--reviewer", help="Whose decisions these are, where the file does not say.")
    ] = "imported",
    per_rule: PerRule = 50,
) -> None:
    """Add decisions to a run, from JSON Lines, a filled-in spreadsheet, Label Studio or Argilla."""
    from curation import decisions
    from curation.review import exchange

    form = form or {".jsonl": "jsonl", ".csv": "csv"}.get(file.suffix, "")
    _known(form)
    if form == "jsonl":
        new, strangers = decisions.read(file), 0
    else:
        text = _text(file)
        make = {"csv": exchange.from_csv, "label-studio": exchange.from_label_studio, "argilla": exchange.from_argilla}
        known = decisions.load(run)
        opened = _opened(run, per_rule)
        opened.know(decisions.settle(known).values())
        _ = opened.samples  # learns the messages that are records
        new, strangers = exchange.events(make[form](text, str(file)), opened, known, reviewer)
    print(f"{decisions.add(run, new)} new decisions")
    if strangers:
        print(f"{strangers} are about records that are not in this run: left out", file=sys.stderr)


@app.command("merge")
def merge(
    run: Run,
    places: Annotated[
        list[Path],
        typer.Argument(help="Other runs, decisions.jsonl or review.NAME.sqlite files.", show_default=False),
    ],
) -> None:
    """Bring the decisions of several reviewers together in one run; what is there already is not added twice."""
    from curation import decisions
    from curation.errors import SourceError

    missing = next((place for place in places if not place.exists()), None)
    if missing:
        raise SourceError(f"{missing}: there is no such file")
    print(f"{decisions.add(run, decisions.gather(places))} new decisions")


@app.command("stats")
def stats(
    run: Run,
    language: Lang = "en",
    *,
    json: Json = False,
) -> None:
    """Say how precise the rules are, what was missed, and how far people agree."""
    from curation.report import people

    found = _review(run)
    if json:
        print(found.model_dump_json(indent=1) if found else "null")
        return
    for words in people.review(found):
        print(words.into(language))


def _review(run: Path) -> Review | None:
    from curation.manifest import of_run
    from curation.report.reviewed import today

    return today(run, gate=of_run(run).recipe.gate.min_rule_precision)


def _opened(run: Path, per_rule: int) -> Opened:
    from curation.review.queues import Opened

    return Opened(run, per_rule=per_rule)


def _queue(opened: Opened, queue: str) -> list[str]:
    if queue == "all":
        return opened.search("")
    if queue == "held":
        return opened.held()
    if queue == "conflicts":
        return opened.conflicts()
    if queue == "sample":
        return opened.mixed
    if queue not in opened.samples:
        from curation.errors import did_you_mean

        known = ["decided", "held", "conflicts", "sample", "all", *opened.samples]
        raise UsageError(f"--queue: there is no '{queue}'{did_you_mean(queue, known)}")
    return opened.samples[queue]


def _known(form: str) -> None:
    from curation.review.exchange import FORMATS

    if form not in FORMATS:
        raise UsageError(f"--format: '{form}' is none of {', '.join(FORMATS)}")


def _text(file: Path) -> str:
    from curation.errors import SourceError

    try:
        return file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise SourceError(f"{file}: there is no such file") from None
    except UnicodeDecodeError:
        raise SourceError(f"{file}: not UTF-8; in Excel, save it as 'CSV UTF-8'") from None


def _write(out: Path | None, text: str) -> None:
    from curation.errors import OutputError

    if out is None:
        sys.stdout.write(text.removeprefix("\ufeff"))
        return
    try:
        out.write_text(text, encoding="utf-8", newline="")
    except OSError as fault:
        raise OutputError(f"{out}: cannot be written: {fault.strerror}") from None
