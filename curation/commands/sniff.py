"""`siftune sniff`: guess how logs are to be read, show it with samples, and write it into a recipe."""

from __future__ import annotations

import json as json_module
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curation.commands.options import Force, Json, Logs, Quiet, console
from curation.errors import NoLogError, NothingError, SourceError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from curation.containers import File
    from curation.sniffing.guess import Guess
    from curation.trialread import Trial

RecipeOut = Annotated[
    Path | None, typer.Option("-o", "--out", help="Write the mapping into this recipe (YAML), for `curate -c`.")
]


def sniff(
    logs: Logs,
    out: RecipeOut = None,
    *,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Guess container, encoding, shape, columns, roles and sessions of logs, and write the mapping into a recipe."""
    from curation import containers, trialread
    from curation import sniff as guesses

    if out and out.exists() and not force:
        raise UsageError(f"{out}: is there already; choose another file, or replace it with --force")
    asks = sys.stdin.isatty() and sys.stdout.isatty() and not (json or quiet)
    found = []
    paths = containers.find(logs)
    if containers.STDIN in paths:
        raise UsageError("-: standard input can be read once only; save it to a file first")
    with containers.spooled(paths) as given:
        files = [file for name, path in given for file in containers.members(name, path)]
    for file, guess in _guessed(files):
        trial = trialread.trial(file.path, guess)
        if asks:
            show(guess, trial, console(stderr=False))
            if guess.question:
                _ask(guess)
                trial = trialread.trial(file.path, guess)
        found.append((guess, trial))
    if out:
        out.write_text(guesses.recipe([guess for guess, _ in found]), encoding="utf-8")
    if json:
        print(json_module.dumps([_data(guess, trial) for guess, trial in found], ensure_ascii=False, indent=1))
    elif not quiet:
        if not asks:
            for guess, trial, others in _alike(found):
                show(guess, trial, console(stderr=False), others)
        unread = [g.file for g, trial in found if any(i.what == "reading" and not i.confidence for i in trial.items)]
        _close([guess for guess, _ in found], logs, out, unread, console(stderr=False))


def _guessed(files: Sequence[File]) -> list[tuple[File, Guess]]:
    """Guess file by file; one that holds the links of another is no log."""
    from curation import links
    from curation import sniff as guesses
    from curation.recipe import Replies

    found, faults, beside = [], dict[tuple[Path, str], SourceError](), set[tuple[Path, str]]()
    notes: list[tuple[File, Guess]] = []
    nothing: NothingError | None = None
    for file in files:
        try:
            some = guesses.sniff_all(file)
        except NothingError as fault:
            nothing = nothing or fault
            continue
        except SourceError as fault:
            faults[links.place(file)] = fault
            if isinstance(fault, NoLogError):
                notes.append((file, guesses.left(file.plain, "its lines are built like those of no log")))
            continue
        for guess in some:
            found.append((file, guess))
            if "replies" in guess.source:
                beside.add(links.place(links.file_of(file, Replies.model_validate(guess.source["replies"]))))
    logs = [(file, guess) for file, guess in found if links.place(file) not in beside]
    if any(map(guesses.speaks, (guess for _, guess in logs))):
        logs += [(file, note) for file, note in notes if links.place(file) not in beside]
        beside |= {links.place(file) for file, _ in notes}
    lonely = next((faults[at] for at in faults if at not in beside), None)
    if lonely or (nothing and not found):
        raise lonely or nothing  # type: ignore[misc]
    guesses.named_across([guess for _, guess in logs])
    return list(zip([file for file, _ in logs], guesses.among_logs([guess for _, guess in logs]), strict=True))


def _alike(found: Sequence[tuple[Guess, Trial]]) -> list[tuple[Guess, Trial, list[str]]]:
    """Put files together that are read alike, such as a file for every day: the first, and the names of the others.

    Their records and conversations are summed up. A file of which nothing could be read stands alone.
    """
    shown: dict[str, list[tuple[Guess, Trial]]] = {}
    for guess, trial in found:
        asked = guess.question.text if guess.question else ""
        alone = guess.file if any(not item.confidence for item in trial.items) else ""
        key = json_module.dumps([guess.source | {"match": ""}, asked, alone], sort_keys=True)
        shown.setdefault(key, []).append((guess, trial))
    return [
        (some[0][0], _summed([trial for _, trial in some]), [guess.file for guess, _ in some[1:]])
        for some in shown.values()
    ]


def _summed(trials: list[Trial]) -> Trial:
    """Add up what was counted in several files; reason and samples are those of the file with most conversations."""
    best = max(trials, key=lambda trial: sum(item.confidence for item in trial.items))
    if len(trials) < 2 or len({len(trial.items) for trial in trials}) > 1:
        return best
    items = []
    for item, *others in zip(best.items, *(trial.items for trial in trials), strict=True):
        counts = [int(other.value) for other in others if other.value.isdecimal()]
        if len(counts) == len(others):
            sure = sum(n * other.confidence for n, other in zip(counts, others, strict=True)) / max(sum(counts), 1)
            items.append(
                replace(item, value=str(sum(counts)), confidence=sure, why=f"of the clearest file: {item.why}")
            )
        else:
            items.append(item)
    return replace(best, items=items)


def show(guess: Guess, trial: Trial, to: Console, others: Sequence[str] = ()) -> None:
    """Print a guess: a row for each item with its confidence, then three samples, personal data masked.

    `others` are files that are read alike, of which the last is named.
    """
    from rich.table import Table

    name = f"{guess.file} and {len(others)} more that are read alike, up to {others[-1]}" if others else guess.file
    table = Table(title=_plain(name), title_justify="left", header_style="bold", show_lines=False)
    for name in ("what", "guess", "sure", "why"):
        table.add_column(name, justify="right" if name == "sure" else "left", overflow="fold")
    for item in guess.items + trial.items:
        colour = "green" if item.confidence >= 0.8 else "yellow" if item.confidence >= 0.6 else "red"
        table.add_row(item.what, _plain(item.value), f"[{colour}]{item.confidence:.0%}[/{colour}]", _plain(item.why))
    to.print(table)
    for conversation, messages in trial.samples:
        to.print(f"sample: {conversation}", style="bold", markup=False, highlight=False)
        for role, text in messages:
            to.print(f"  {role:9} {text}", markup=False, highlight=False, soft_wrap=True)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _ask(guess: Guess) -> None:
    """Ask the one question on the terminal and take the answer into the source."""
    question = guess.question
    if question is None:
        return
    print(f"\n{question.text}")
    for number, (answer, _) in enumerate(question.answers, 1):
        print(f"  {number}  {answer}")
    number = typer.prompt("answer", default="1")
    if not number.isdecimal() or not 1 <= int(number) <= len(question.answers):
        raise UsageError(f"'{number}' is none of the answers 1 to {len(question.answers)}")
    change = dict(question.answers[int(number) - 1][1])
    if change.get("roles", {}).get("assistant") == "?":
        names = typer.prompt("names, with commas between them")
        change["roles"] = change["roles"] | {"assistant": [name.strip() for name in names.split(",") if name.strip()]}
    guess.source |= change
    guess.question = None
    for item in guess.items:
        item.confidence = max(item.confidence, 0.8)


def _close(found: list[Guess], logs: list[Path], out: Path | None, unread: list[str], to: Console) -> None:
    """Print what is still asked, and what to do next; of `unread` files nothing could be read as guessed."""
    asked = Counter(guess.question.text for guess in found if guess.question)
    for place, guess in enumerate(found):
        if guess.question and (again := asked.pop(guess.question.text, 0)):
            key, _, value = guess.question.setting.partition(": ")
            more = f" (and {again - 1} more files)" if again > 1 else ""
            to.print(f"\n{guess.file}{more}: {guess.question.text}", markup=False, highlight=False, soft_wrap=True)
            where = f"in {out}" if out else "in the recipe"
            to.print(f"  say it {where}:  {guess.question.setting}", markup=False, highlight=False, soft_wrap=True)
            to.print(f"  or:  --set 'sources.{place}.{key}={value}'", markup=False, highlight=False, soft_wrap=True)
    names = " ".join(map(str, logs))
    if out:
        to.print(f"\nrecipe: {out}", highlight=False, markup=False, soft_wrap=True)
        for file in unread:
            cure = f"mend its columns in {out} (docs/shapes.md), and sniff again"
            to.print(f"{file}: nothing can be read so; {cure}", highlight=False, markup=False, soft_wrap=True)
        if unread:
            return
        to.print(f"next:   siftune curate {names} -c {out}", highlight=False, markup=False, soft_wrap=True)
    else:
        to.print(f"\nnext:   siftune sniff {names} -o recipe.yaml", highlight=False, markup=False, soft_wrap=True)


def _data(guess: Guess, trial: Trial) -> dict[str, Any]:
    question = guess.question
    return {
        "file": guess.file,
        "confidence": min([guess.confidence, *(item.confidence for item in trial.items)]),
        "items": [vars(item) for item in guess.items + trial.items],
        "source": guess.source,
        "question": question
        and {
            "text": question.text,
            "answers": [{"answer": text, "source": change} for text, change in question.answers],
            "setting": question.setting,
        },
        "samples": [
            {"conversation": name, "messages": [{"role": role, "text": text} for role, text in messages]}
            for name, messages in trial.samples
        ],
    }
