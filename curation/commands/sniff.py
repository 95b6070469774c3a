"""`siftune sniff`: guess how logs are to be read, show it with samples, and write it into a recipe."""

from __future__ import annotations

import json as json_module
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
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

TRIED = 20  # files that are read alike, of which the head is read


def sniff(
    logs: Logs,
    out: RecipeOut = None,
    *,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Guess container, encoding, shape, columns, roles and sessions of logs, and write the mapping into a recipe."""
    from curation import containers
    from curation import sniff as guesses

    if out and out.exists() and not force:
        raise UsageError(f"{out}: is there already; choose another file, or replace it with --force")
    asks = sys.stdin.isatty() and sys.stdout.isatty() and not (json or quiet)
    paths = containers.find(logs)
    if containers.STDIN in paths:
        raise UsageError("-: standard input can be read once only; save it to a file first")
    with containers.spooled(paths) as given:
        files = [file for name, path in given for file in containers.members(name, path)]
    found = [_Look(file, guess) for file, guess in _guessed(files)]
    for alike in _alike(found):
        _try(alike)
    for alike in _alike(found) if asks else ():
        show(alike[0].guess, _summed(alike), console(stderr=False), [look.guess.file for look in alike[1:]])
        if alike[0].guess.question:
            _ask([look.guess for look in alike])
            _try(alike)
    if out:
        out.write_text(guesses.recipe([look.guess for look in found]), encoding="utf-8")
    if json:
        print(json_module.dumps([_data(look) for look in found], ensure_ascii=False, indent=1))
    elif not quiet:
        for alike in () if asks else _alike(found):
            show(alike[0].guess, _summed(alike), console(stderr=False), [look.guess.file for look in alike[1:]])
        _close(found, logs, out, console(stderr=False))


@dataclass(eq=False)
class _Look:
    """A file, how it is to be read, and what came of it; None where others that are read alike stand for it."""

    file: File
    guess: Guess
    trial: Trial | None = None

    @property
    def fails(self) -> bool:
        """Tell whether nothing could be read."""
        return self.trial is not None and any(not item.confidence for item in self.trial.items)


def _try(alike: Sequence[_Look]) -> None:
    """Read the heads of the first TRIED of files that are read alike."""
    from curation import trialread

    for look in alike[:TRIED]:
        look.trial = trialread.trial(look.file.path, look.guess)


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


def _alike(found: Sequence[_Look]) -> list[list[_Look]]:
    """Put files together that are read alike, such as a file for every day.

    A file that cannot be read as others can stands alone.
    """
    together: dict[str, list[_Look]] = {}
    for look in found:
        asked = look.guess.question.text if look.guess.question else ""
        key = json_module.dumps([look.guess.source | {"match": ""}, asked], sort_keys=True)
        together.setdefault(key, []).append(look)
    groups = []
    for alike in together.values():
        tried = [look for look in alike if look.trial]
        odd = [look for look in tried if look.fails and not all(other.fails for other in tried)]
        groups += [[look for look in alike if look not in odd], *([look] for look in odd)]
    return groups


def _summed(alike: Sequence[_Look]) -> Trial:
    """Add up what was counted in files that are read alike; samples are those of the one that was read best.

    Its reasons are told as the first file's, and of how many files they are where not all were read.
    """
    trials = [look.trial for look in alike if look.trial]
    best = max(trials, key=lambda trial: sum(item.confidence for item in trial.items))
    if len(trials) < 2 or len({len(trial.items) for trial in trials}) > 1:
        return best
    some = f"{len(trials)} of the {len(alike)} files; " if len(trials) < len(alike) else ""
    items = []
    for item, *others in zip(best.items, *(trial.items for trial in trials), strict=True):
        counts = [int(other.value) for other in others if other.value.isdecimal()]
        if len(counts) == len(others):
            sure = sum(n * other.confidence for n, other in zip(counts, others, strict=True)) / max(sum(counts), 1)
            why = f"{some}of the clearest file: {item.why}"
            items.append(replace(item, value=str(sum(counts)), confidence=sure, why=why))
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


def _ask(alike: Sequence[Guess]) -> None:
    """Ask the one question of files that are read alike on the terminal, and take the answer into their sources."""
    question = alike[0].question
    if question is None or not question.answers:  # what to write into the recipe is told at the end
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
    for guess in alike:
        guess.source |= change
        guess.question = None
        for item in guess.items:
            item.confidence = max(item.confidence, 0.8)


def _close(found: Sequence[_Look], logs: list[Path], out: Path | None, to: Console) -> None:
    """Print what is still asked, of which files nothing could be read as guessed, and what to do next."""
    from curation.sniff import sources

    unread = [
        f"{alike[0].guess.file}{f' and {len(alike) - 1} more' if len(alike) > 1 else ''}"
        for alike in _alike(found)
        if alike[0].fails
    ]
    asked = Counter(look.guess.question.text for look in found if look.guess.question)
    for place, (_, (guess, *_)) in enumerate(sources([look.guess for look in found])):
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


def _data(look: _Look) -> dict[str, Any]:
    from curation.trialread import Trial

    guess, trial = look.guess, look.trial or Trial()
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
