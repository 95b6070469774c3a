"""General records that ask what the domain asks: taught twice, and often with another answer. They are left out.

Questions are compared, not whole records: MinHash (datasketch) finds candidates, their exact Jaccard similarity over
pieces of three letters decides. Curation does the same with more care for its own set; this half cannot import it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from datasketch import MinHash, MinHashLSH

from training.data import Record

THRESHOLD = 0.8  # Jaccard similarity of two questions that ask the same, as in curation
PIECE = 3  # letters; shorter questions are compared as they are
BANDS, ROWS = 16, 4  # a pair at the threshold is found with 1 − (1 − 0.8⁴)¹⁶ = 99.98 %
_NO_LETTER = re.compile(r"[\W_]+")


def overlapping(general: Sequence[Record], domain: Iterable[Record], *, threshold: float = THRESHOLD) -> set[str]:
    """Return the ids of `general` records of which a question is (nearly) a question of the `domain`.

    Case, spaces and punctuation do not count. The result depends on the texts alone.
    """
    owners: dict[str, list[str]] = {}
    for record in general:
        for text in _questions(record):
            owners.setdefault(text, []).append(record.id)
    texts = list(owners)
    pieces = [_pieces(text) for text in texts]
    index = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    with index.insertion_session() as session:
        for number, sketch in enumerate(_sketches(pieces)):
            session.insert(number, sketch)
    asked = list(dict.fromkeys(text for record in domain for text in _questions(record)))
    sets = [_pieces(text) for text in asked]
    found: set[int] = set()
    for mine, sketch in zip(sets, _sketches(sets), strict=True):
        found |= {
            number
            for number in set(index.query(sketch)) - found
            if len(mine & pieces[number]) >= threshold * len(mine | pieces[number])
        }
    return {owner for number in found for owner in owners[texts[number]]}


def copies(records: Iterable[Record], seen: set[tuple[str, ...]]) -> list[Record]:
    """Return the records that say nothing twice: neither among themselves nor in `seen`, which grows by them."""
    fresh = []
    for record in records:
        said = tuple(plain(message.text) for message in record.messages)
        if said not in seen:
            seen.add(said)
            fresh.append(record)
    return fresh


def plain(text: str) -> str:
    """Return the letters and digits of a text, small; the text itself where it has none."""
    return _NO_LETTER.sub("", text.casefold()) or text


def _questions(record: Record) -> set[str]:
    return {plain(message.text) for message in record.messages if message.role == "user"}


def _pieces(text: str) -> set[bytes]:
    return {text[at : at + PIECE].encode("utf-8", "surrogatepass") for at in range(max(1, len(text) - PIECE + 1))}


def _sketches(pieces: Sequence[set[bytes]]) -> list[MinHash]:
    return list(MinHash.bulk(list(map(list, pieces)), num_perm=BANDS * ROWS)) if pieces else []
