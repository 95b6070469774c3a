"""What curation changed in a conversation: by character for Chinese, by word for Latin letters."""

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from rapidfuzz.distance import Indel

from curation.report.model import Turn
from curation.report.text import Piece

_TOKEN = re.compile(r"[A-Za-z\u00c0-\u024f]+|[0-9]+|.", re.DOTALL)
_MOST = 6000  # characters compared per side: more than is ever shown, and about 4 ms


class _Token(NamedTuple):
    owner: int  # which turn it belongs to
    text: str  # what is compared
    shown: str  # nothing for the token that stands for a change of speaker


def compare(raw: Sequence[Turn], turns: Sequence[Turn]) -> tuple[list[list[Piece]], list[list[Piece]]]:
    """Return the pieces of each raw message, what left marked, and of each turn, what is new marked.

    The conversation is compared as a whole, speakers included: stitched turns do not match messages one by
    one, and the same words from the other side are a change. Never difflib with its default autojunk, which
    calls every Chinese text of 200 characters and more entirely changed.
    """
    old, new = _tokens(raw), _tokens(turns)
    left, came = [False] * len(old), [False] * len(new)
    for change in Indel.opcodes([token.text for token in old], [token.text for token in new]):
        if change.tag != "equal":
            left[change.src_start : change.src_end] = [True] * (change.src_end - change.src_start)
            came[change.dest_start : change.dest_end] = [True] * (change.dest_end - change.dest_start)
    return _pieces(raw, old, left, "del"), _pieces(turns, new, came, "ins")


def _tokens(turns: Sequence[Turn]) -> list[_Token]:
    tokens: list[_Token] = []
    for owner, (turn, room) in enumerate(zip(turns, _rooms(turns), strict=True)):
        tokens.append(_Token(owner, f"\0{turn.role}", ""))  # no text yields this token: NUL is a token alone
        tokens += [_Token(owner, word, word) for word in _TOKEN.findall(turn.text[:room])]
    return tokens


def _rooms(turns: Sequence[Turn]) -> list[int]:
    """How many characters of each turn are compared."""
    rooms, left = [], _MOST
    for turn in turns:
        rooms.append(min(left, len(turn.text)))
        left -= rooms[-1]
    return rooms


def _pieces(
    turns: Sequence[Turn], tokens: list[_Token], changed: list[bool], kind: Literal["del", "ins"]
) -> list[list[Piece]]:
    pieces: list[list[Piece]] = [[] for _ in turns]
    runs = groupby(zip(tokens, changed, strict=True), key=lambda pair: (pair[0].owner, pair[1]))
    for (owner, is_changed), run in runs:
        text = "".join(token.shown for token, _ in run)
        if text:
            pieces[owner].append(Piece(kind if is_changed else "same", text))
    for turn, room, own in zip(turns, _rooms(turns), pieces, strict=True):
        if room < len(turn.text):
            own.append(Piece("same", turn.text[room:]))
    return pieces
