"""`siftune report`: show a run's report again, and write its pages anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curation.commands.options import Json, Quiet, Run, console
from curation.errors import UsageError

if TYPE_CHECKING:
    from curation.report.model import Report


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
    found = read_report(run)
    write_page(html or run / "report.html", html_page.render(found))
    write_page(md or run / "report.md", markdown.render(found, language=language))  # type: ignore[arg-type]
    if json:
        print(found.model_dump_json(indent=1))
    elif not quiet:
        summary(found, run, next_step="")


def summary(report: Report, out: Path, *, next_step: str) -> None:
    """Print the report's summary, where its page is, and what to do next."""
    from curation.report import terminal

    out_console = console(stderr=False)
    terminal.render(report, out_console)
    out_console.print(f"report: {out / 'report.html'}", soft_wrap=True, highlight=False, markup=False)
    if next_step:
        out_console.print(f"next:   {next_step}", soft_wrap=True, highlight=False, markup=False)


def read_report(run: Path) -> Report:
    """Read a run's report.json; raises SourceError where there is none of this version."""
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


def write_page(path: Path, text: str) -> None:
    """Write a page; raises OutputError."""
    from curation.errors import OutputError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as fault:
        raise OutputError(f"{path}: cannot be written: {fault.strerror}") from None
