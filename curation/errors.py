"""Every mistake a user can make, as a tree; each message says place, fault and cure on one line.

::

    CurationError           exit 4   something went wrong while running
    ├ UsageError            exit 2   an option is wrong
    │ ├ RecipeError         exit 2   the recipe is wrong
    │ └ PackError           exit 2   a rule pack is wrong
    ├ SourceError           exit 3   an input file cannot be used
    │ ├ NothingError        exit 3   there is nothing in it
    │ └ NoLogError          exit 3   its text is built like no log
    ├ OutputError           exit 4   the run folder cannot be written
    └ GateError             exit 1   the quality gate failed

A message never contains the text of a record: logs hold personal data, and errors are pasted into tickets.
Anything that is not in this tree is a bug and keeps its traceback.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


class CurationError(Exception):
    """Something a user can mend. `exit_code` is what the command line exits with."""

    exit_code = 4


class UsageError(CurationError):
    """An option or argument of the command line is wrong."""

    exit_code = 2


class RecipeError(UsageError):
    """The recipe cannot be read or says something impossible."""


class PackError(UsageError):
    """A rule pack cannot be read, or a rule in it is wrong."""


class SourceError(CurationError):
    """An input file is missing, empty, or in no shape that a reader understands."""

    exit_code = 3


class NothingError(SourceError):
    """An input file holds no records; beside others it is passed over."""

    def __init__(self, name: str) -> None:
        """Say so of a file."""
        super().__init__(f"{name}: the file holds no records")


class NoLogError(SourceError):
    """The lines of a file are built like those of no log, as those of a note; beside logs it is left unread."""


class OutputError(CurationError):
    """The run folder cannot be written."""


class GateError(CurationError):
    """The curated set does not reach the quality that the recipe asks for."""

    exit_code = 1


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest known word, or the list of known words when none is near."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else f"; known: {', '.join(names)}"


# Five digits, marks of sentences and addresses, six words, thirteen Han characters, or forty of anything.
_TEXT = re.compile(r"\d{5}|[。！？!?…；;，@\n]|(?:\S+\s+){5}\S|[\u4e00-\u9fff]{13}|^.{41}")


def is_text(name: str) -> bool:
    """Tell whether a name that a file gives (a key, a column, a role) reads like what somebody said."""
    return bool(_TEXT.search(name))


def shown(name: str) -> str:
    """Return a name that a file gives as an error may show it: a text is not quoted."""
    return f"(a text of {len(name)} characters)" if is_text(name) else name
