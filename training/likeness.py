"""How like an answer is to the agent's own, in words: ROUGE-L and chrF, both fit for Chinese.

ROUGE-L (Lin 2004) is the F1 of the longest common subsequence of words; a Han character counts as a word. chrF
(Popović 2015) is the F2 of character n-grams up to six, spaces aside; it gives what sacrebleu's `sentence_chrf`
gives. Neither knows whether an answer is right: two ways to say the same may share nothing.
"""

from __future__ import annotations

import re
from collections import Counter

from rapidfuzz.distance import LCSseq

_WORD = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003134f]|[^\W_]+?(?=[\u3400-\u4dbf\u4e00-\u9fff]|\b|_)")
ORDER = 6
BETA = 2.0


def words(text: str) -> list[str]:
    """Return the words of a text in lower case; each Han character is one, marks are none."""
    return _WORD.findall(text.casefold())


def rouge_l(said: str, reference: str) -> float:
    """Return ROUGE-L F1, 0 to 1; 0 where either has no word."""
    mine, theirs = words(said), words(reference)
    common = LCSseq.similarity(mine, theirs) if mine and theirs else 0
    return 2 * common / (len(mine) + len(theirs)) if common else 0.0


def chrf(said: str, reference: str) -> float:
    """Return chrF2, 0 to 1."""
    mine, theirs = "".join(said.split()), "".join(reference.split())
    precision = recall = 0.0
    orders = 0
    for size in range(1, ORDER + 1):
        left, right = _grams(mine, size), _grams(theirs, size)
        if left and right:
            common = (left & right).total()
            precision += common / left.total()
            recall += common / right.total()
            orders += 1
    if not precision or not recall:
        return 0.0
    precision, recall = precision / orders, recall / orders
    return (1 + BETA**2) * precision * recall / (BETA**2 * precision + recall)


def _grams(text: str, size: int) -> Counter[str]:
    return Counter(text[at : at + size] for at in range(len(text) - size + 1))
