"""The checks that rules are made of; importing the package registers them all (registry.py)."""

from curation.checks import cot, dialogue, language, score, wording

__all__ = ["cot", "dialogue", "language", "score", "wording"]
