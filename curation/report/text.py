"""What the text of a log needs before a person sees it: nothing hidden, nothing endless, evidence marked."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal, NamedTuple

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_SHOWN_AS_THEY_ARE = frozenset("\n\t\u200d")  # U+200D holds family emoji together
_ESCAPES = re.compile(
    r"(?:\x1b\]|\x9d).*?(?:\x07|\x1b\\|\x9c|$)"  # OSC: title, hyperlink
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f]).*?(?:\x1b\\|\x9c|$)"  # DCS, SOS, PM, APC
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: colours, cursor
    r"|\x1b[ -/]*[0-~]?",  # the rest
    re.DOTALL,
)


class Piece(NamedTuple):
    """A stretch of text and what is to be said of it; a gap counts the characters left out."""

    kind: Literal["same", "del", "ins", "hit", "gap"]
    text: str
    left_out: int = 0


def visible(text: str) -> str:
    """Show control, bidi and other hidden characters as signs: U+202E is ⟨U+202E⟩.

    NUL is ⟨U+0000⟩ too: few fonts have ␀ and its kin.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_sign(char) for char in text)


def one_line(text: str, most: int) -> str:
    """Show at most `most` characters on one line; what is left out becomes an ellipsis."""
    cut = text[: most + 1]
    shown = visible(cut[:most].replace("\t", " ")).replace("\n", "⏎")
    return shown + ("…" if len(cut) > most else "")


def without_escapes(text: str) -> str:
    """Remove what a terminal would obey: ANSI, OSC and their relatives."""
    return _ESCAPES.sub("", text)


def cut(pieces: Iterable[Piece], most: int) -> list[Piece]:
    """Keep the first `most` characters; the rest becomes one gap. Gaps that are there already stay."""
    kept: list[Piece] = []
    left_out = 0
    for piece in pieces:
        text = piece.text[:most]
        most -= len(text)
        left_out += len(piece.text) - len(text)
        if piece.kind == "gap":
            kept.append(piece)
        elif text:
            kept.append(Piece(piece.kind, visible(text)))
    return [*kept, Piece("gap", "", left_out)] if left_out else kept


def marked(text: str, evidence: str, most: int) -> list[Piece]:
    """Mark the evidence in the text, and show what stands around it when the text is long."""
    start = text.find(evidence) if evidence else -1
    if start < 0:
        return cut([Piece("same", text)], most)
    end = start + len(evidence)
    first = max(0, start - most // 3) if len(text) > most else 0
    before = [Piece("gap", "", first)] if first else []
    around = [Piece("same", text[first:start]), Piece("hit", text[start:end]), Piece("same", text[end:])]
    return cut(before + around, most)


def _sign(char: str) -> str:
    if char in _SHOWN_AS_THEY_ARE:
        return char
    code = ord(char)
    if unicodedata.category(char) in _HIDDEN or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:
        return f"⟨U+{code:04X}⟩"
    return char
