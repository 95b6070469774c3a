"""What a chain of thought concludes, and whether the answer says the same: numbers, option letters, yes or no."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from curation.checks.account import account, close
from curation.checks.arithmetic import without_annotations
from curation.checks.numerals import numbers
from curation.checks.wording import sentences

_OPEN = r"(?:\s|\$|\(|（|\{|\\(?:text|mathrm|textbf|boxed)\s*\{)*"
_LETTERS = r"([A-H](?:\s*[,、和]?\s*[A-H])*)(?![A-Za-z])"
_CHOSEN = re.compile(
    rf"(?<![不错误])(?<!不能)(?:故选|应选|选择|选|答案(?:是|为|选)?|(?i:the\s+(?:correct\s+|right\s+)?answer\s+is|answer\s*:|option|choose|boxed))"
    rf"(?!项)\s*[:：是为]?{_OPEN}{_LETTERS}"
)
_LETTER = re.compile(
    rf"^\s*(?:(?i:the\s+)?(?i:correct\s+|final\s+)?(?i:answer(?:\s+is)?|option)|正确答案|答案(?:是|为|选)?|故?选项?)?\s*[:：]?{_OPEN}{_LETTERS}"
    r"[\s$})）]*(?:[.．、:：。].*)?$",
    re.DOTALL,
)
_OPTION = re.compile(r"(?:^|\s|[(（])([A-H])\s*[.．、:：)）]\s*([^\n]+?)(?=\s+[(（]?[A-H]\s*[.．、:：)）]|\n|$)")
_MARKED = re.compile(
    r"(?im)(?:^[ \t]*####[ \t]*|^[ \t]*A:[ \t]*|\\boxed\s*\{|^[ \t]*(?:final\s+|the\s+)*answer(?:\s+is)?\s*[:：]?"
    r"|the\s+(?:final\s+)?answer\s+is\s*[:：]?"
    r"|^[ \t]*答[:：]|答案(?:是|为)?\s*[:：]?)([^\n]*)"
)
CONCLUDES = re.compile(
    r"所以|因此|综上|合计|总共|一共|应退|应付|实付|最终|得出|\b(?:therefore|so|thus|hence|total|in all|comes to)\b",
    re.IGNORECASE,
)
_NO = re.compile(
    r"不(?:可以|能|支持|符合|行|属于|在保|对|是)|无法|没有资格|否|错误"
    r"|\b(?:no|not|cannot|can't|isn't|doesn't|won't|false|incorrect)\b",
    re.IGNORECASE,
)
_YES = re.compile(
    r"(?<!不)(?:可以|(?<!不可)能(?!不能)|支持|符合)|^\W*(?:是|对|正确)"
    r"|\b(?:yes|can|eligible|covered|entitled|allowed|true|correct)\b",
    re.IGNORECASE,
)
_BARE = re.compile(
    r"^\W*(?:(?:about|approximately|约|大约)\s*)?[^\d\s]{0,3}\s?-?"
    r"(?:\d[\d,. ]*|[零〇一二两三四五六七八九十百千万亿点]+)"
    r"(?:/\d+)?\s*[%％万亿]?(?:[^\S\n]*[A-Za-z\u4e00-\u9fff/]{1,12}){0,4}\W*$"
)


def disagrees(question: str, reasoning: str, answer: str) -> str | None:
    """Return the sentence in which the reasoning concludes something else than the answer says, or None."""
    letters = _chosen(answer, _LETTER)
    if letters:
        return _other_letter(question, reasoning, letters)
    said = _amounts(answer)
    if said and _BARE.match(answer.strip()):
        return _other_number(reasoning, said)
    last = _last_sentence(reasoning)
    if not last or not (CONCLUDES.search(last) or _MARKED.search(last)):
        return None
    reasoned = _amounts(last)
    if reasoned and said:
        return None if _meet(reasoned, said) else last.strip()[-60:]
    first = (sentences(answer) or [""])[0]
    return last.strip()[-60:] if (_sense(last), _sense(first)) in (("yes", "no"), ("no", "yes")) else None


def _chosen(text: str, pattern: re.Pattern[str]) -> str:
    """Return the option letters of the last match, sorted: "B", or "AC" where several are right."""
    found = list(pattern.finditer(text))
    return "".join(sorted(set(re.findall("[A-H]", found[-1].group(found[-1].lastindex or 1))))) if found else ""


def _other_letter(question: str, reasoning: str, letters: str) -> str | None:
    """Return where another option was chosen, or computed."""
    chosen = _chosen(reasoning, _CHOSEN)
    if chosen:
        match = list(_CHOSEN.finditer(reasoning))[-1]
        return None if chosen == letters else reasoning[max(0, match.start() - 20) : match.end()].strip()
    options = {letter: _amounts(text) for letter, text in _OPTION.findall(question)}
    last = sentences(reasoning)[-1:] or [""]
    results = [step.result for step in account(reasoning).steps[-1:]] or _amounts(last[0])[-1:]
    if len(options) < 2 or len(letters) != 1 or not results or not options.get(letters):
        return None
    fits = {letter for letter, values in options.items() if _meet(results, values)}
    return last[0].strip()[-60:] if len(fits) == 1 and letters not in fits else None


def _other_number(reasoning: str, said: Sequence[Fraction]) -> str | None:
    """Return the conclusion where it does not hold the answer, which is one number and nothing else."""
    plain = without_annotations(reasoning)
    marked = list(_MARKED.finditer(plain))
    steps = account(reasoning).steps
    last = _last_sentence(plain)
    if marked and _amounts(marked[-1].group(1)):
        return None if _meet(_amounts(marked[-1].group(1)), said) else marked[-1].group().strip()[-60:]
    pool = _amounts(last) + [s.result for s in steps[-1:]]
    if not pool:
        pool = _amounts(plain)
        if not pool or not steps:
            return None
    return None if _meet(pool, said) else (last.strip()[-60:] or None)


def _last_sentence(text: str) -> str:
    found = sentences(text)
    if not found:
        return ""
    return re.sub(r"^\s*(?:第|步骤|Step)?\s*\d{1,2}\s*(?:步|[.、)）:：](?!\d))", "", found[-1])


def _amounts(text: str) -> list[Fraction]:
    return [value for value, _, _ in numbers(text)]


def _meet(some: Sequence[Fraction], others: Sequence[Fraction]) -> bool:
    """Tell whether one number stands in both: the same, in percent, cents, 万 or million, or rounded to a whole."""
    for one in some:
        for other in others:
            if any(close(one * scale, other) or close(one, other * scale) for scale in (1, 100, 1000, 10**4, 10**6)):
                return True
            rounded = (one.denominator != 1) != (other.denominator != 1) and min(abs(one), abs(other)) >= 1
            if rounded and abs(one - other) < 1:
                return True
    return False


def _sense(sentence: str) -> str:
    """Tell whether a sentence plainly affirms or denies; empty where it does neither, or both."""
    no, yes = bool(_NO.search(sentence)), bool(_YES.search(_NO.sub("", sentence)))
    return "" if no == yes else ("yes" if yes else "no")
