"""What is plainly wrong with an answer, told from its text alone: what a person would see at the first glance."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rapidfuzz import fuzz

from training.data import HAN, WORD

LOOKED_AT = 4000  # characters: what goes on for longer has shown what it is
_CODE = re.compile(
    r"```|^\s*(?:def|class|import|from|public|static|return|#include|function|const|let|var)\b.*[(){};:]|<\?php|</\w+>|;\s*$"
    r"|\bprint\(|=>|\bSELECT\b.+\bFROM\b",
    re.MULTILINE,
)
_ASKS_FOR_CODE = re.compile(
    r"代码|编程|程序|脚本|函数|正则|\b(?:code|program|script|function|sql|regex|python|java)\b", re.I
)
_LOOP = re.compile(r"(.{4,60}?)\1{2,}|(.{1,3}?)\2{7,}", re.DOTALL)
_RULERS = set("-=_*|:. \n")  # lines of tables and contents, which are no loop
FLAGS = ("empty", "echo", "loop", "no-stop", "language", "code")


def flags(question: str, answer: str, *, stopped: bool) -> list[str]:
    """Return the faults of an answer, in the order of FLAGS.

    empty: nothing was said. echo: it says the question again and little else. loop: a piece of 4 to 60 characters
    three times in a row, or of 1 to 3 characters eight times. no-stop: it was cut off at the most tokens allowed.
    language: asked in Chinese, answered in Latin letters, or the other way round. code: program text where nobody
    asked for a program (the legal expert that answers a recipe with code).
    """
    said = answer[:LOOKED_AT].strip()
    prose = re.sub(r"```.*?(?:```|$)", "", said, flags=re.DOTALL)
    found = {
        "empty": not said,
        "echo": _echoes(question, said),
        "loop": any(set(match.group()) - _RULERS for match in _LOOP.finditer(f" {said}")),
        "no-stop": not stopped,
        "language": {_language(question), _language(prose)} == {"zh", "en"} and _letters(prose) >= 12,
        "code": not _ASKS_FOR_CODE.search(question) and len(_CODE.findall(said)) >= 2,
    }
    return [name for name in FLAGS if found[name]]


def rates(flagged: Sequence[Sequence[str]]) -> dict[str, float]:
    """Return for every flag the share of answers that have it, 0 to 1; empty for no answer."""
    return {name: sum(name in one for one in flagged) / len(flagged) for name in FLAGS} if flagged else {}


def _echoes(question: str, answer: str) -> bool:
    asked, said = (re.sub(r"\W+", "", text.casefold()) for text in (question, answer))
    if len(asked) < 6 or len(said) < 4 or len(said) > 1.25 * len(asked) + 4:
        return False
    return fuzz.partial_ratio(asked, said) >= 85


def _language(text: str) -> str:
    """Return zh or en by script, as Record.language counts; empty for neither."""
    han, words = len(HAN.findall(text)), len(WORD.findall(text))
    return "" if not han and not words else "zh" if han >= words else "en"


def _letters(text: str) -> int:
    return len(HAN.findall(text)) + sum(map(len, WORD.findall(text)))
