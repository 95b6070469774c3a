"""What a search is told: the part of the recipe's `dedup` that it looks at, or the same without a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from curation.dedup.shingles import Ngram


class Settings(Protocol):
    """What a search looks at; `recipe.Dedup` has it, with defaults and what each number means."""

    @property
    def threshold(self) -> float:
        """Return the exact Jaccard similarity of n-grams from which texts are near, in (0, 1]."""

    @property
    def ngram(self) -> Ngram:
        """Return the characters of a shingle; auto: 3 in Chinese, Japanese and Korean, 5 elsewhere."""

    @property
    def permutations(self) -> int:
        """Return how many columns a signature has."""

    @property
    def bands(self) -> int:
        """Return into how many bands a signature is cut; `bands` × `rows` are at most `permutations`."""

    @property
    def rows(self) -> int:
        """Return how many columns a band has."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """Settings for those who search texts of their own and have no recipe, whose models take a moment to load."""

    threshold: float
    ngram: Ngram
    permutations: int
    bands: int
    rows: int
