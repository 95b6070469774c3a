"""`siftune report` and `siftune diff`: show a run's report again, with its adapter, beside another run, or bare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curation.commands.options import Json, Lang, Quiet, Run, console

if TYPE_CHECKING:
    from curation.report.model import Comparison, Report
    from curation.report.words import Language

ADAPTER = "adapter"  # where `siftune train` puts its adapter in a run folder
WHERE = {"en": ("report: ", "next:   "), "zh": ("报告：", "下一步：")}


def report(
    run: Run,
    language: Lang = "en",
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the HTML report here (default: into the run).")
    ] = None,
    md: Annotated[
        Path | None, typer.Option("--md", help="Write the Markdown report here (default: into the run).")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option("--compare", metavar="OLD_RUN", help="Show what differs from that run.")
    ] = None,
    adapter: Annotated[
        Path | None, typer.Option("--adapter", help="The adapter to report on (default: RUN/adapter, if there is one).")
    ] = None,
    *,
    examples: Annotated[
        bool,
        typer.Option("--examples/--no-examples", help="With or without texts of the log: leave them out to share it."),
    ] = True,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show a run's report again, and write its pages anew from report.json."""
    found = with_decisions(read_report(run), run)
    if compare is not None:
        found = found.model_copy(update={"comparison": compared(run, compare, found)})
    shown = write_pages(run, found, language=language, html=html, md=md, adapter=adapter, examples=examples)
    if json:
        print(shown.model_dump_json(indent=1))
    elif not quiet:
        summary(shown, run, next_step="", page=html, language=language)


def diff(run_a: Run, run_b: Run, language: Lang = "en", *, json: Json = False) -> None:
    """Say what differs in RUN_B from RUN_A: counts, rules, and the verdicts on single examples."""
    from curation.report import terminal

    found = compared(run_b, run_a, read_report(run_b))
    if json:
        print(found.model_dump_json(indent=1))
    else:
        terminal.render_comparison(found, console(stderr=False), language=language)


def with_decisions(found: Report, run: Path) -> Report:
    """Return the report with what people have decided since the curation, and the gate that this comes to."""
    from curation import decisions

    if found.review is None and not decisions.load(run):
        return found
    from curation.manifest import of_run
    from curation.report.gate import gate
    from curation.report.reviewed import today

    settings = of_run(run).recipe.gate
    review = today(run, gate=settings.min_rule_precision)
    left = sum(row.left for row in found.personal_data)
    exported = found.counts.exported_train + found.counts.exported_val
    held = gate(settings, exported=exported, personal_data=left, review=review)
    return found.model_copy(update={"review": review, "gate": held})


def write_pages(
    run: Path,
    found: Report,
    *,
    language: Language = "en",
    html: Path | None = None,
    md: Path | None = None,
    adapter: Path | None = None,
    examples: bool = True,
) -> Report:
    """Write the HTML and Markdown pages of a report, with the training of its adapter; return what they show."""
    from curation.errors import SourceError
    from curation.inside import own
    from curation.report import html as html_page
    from curation.report import markdown
    from curation.report.adapter import training
    from curation.report.model import without_examples

    told = training(adapter or run / ADAPTER)
    if adapter is not None and told is None:
        raise SourceError(f"{adapter}: no adapter here (no training.json); make one with `siftune train`")
    found = found.model_copy(update={"training": told})
    if not examples:
        found = without_examples(found)
    write_page(html or own(run / "report.html"), html_page.render(found))
    write_page(md or own(run / "report.md"), markdown.render(found, language=language))
    return found


def compared(run: Path, old: Path, found: Report) -> Comparison:
    """Compare the run with an old one; raises SourceError where either is no run."""
    import polars as pl

    from curation.errors import SourceError
    from curation.report.compare import compare

    earlier = read_report(old)
    frames = []
    for folder in (run, old):
        try:
            frames.append(pl.read_parquet(folder / "examples.parquet", columns=["id", "verdict"]))
        except (OSError, pl.exceptions.PolarsError):
            raise SourceError(
                f"{folder / 'examples.parquet'}: cannot be read, so the runs cannot be compared; curate again"
            ) from None
    return compare(found, earlier, new_examples=frames[0], old_examples=frames[1])


def summary(report: Report, out: Path, *, next_step: str, page: Path | None = None, language: Language = "en") -> None:
    """Print the report's summary, where its page is, and what to do next."""
    from curation.report import terminal

    out_console = console(stderr=False)
    terminal.render(report, out_console, language=language)
    where, then = WHERE[language]
    out_console.print(f"{where}{page or out / 'report.html'}", soft_wrap=True, highlight=False, markup=False)
    if next_step:
        out_console.print(f"{then}{next_step}", soft_wrap=True, highlight=False, markup=False)


def read_report(run: Path) -> Report:
    """Read a run's report.json; raises SourceError where there is none of this version."""
    from curation.manifest import parsed
    from curation.report.model import Report

    return parsed(Report, run, "report.json")


def write_page(path: Path, text: str) -> None:
    """Write a page; raises OutputError."""
    from curation.errors import OutputError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as fault:
        raise OutputError(f"{path}: cannot be written: {fault.strerror}") from None
