"""The checks that rules are made of; importing the package registers them all (registry.py)."""

from curation.checks import cot, dialogue, language, wording

__all__ = ["cot", "dialogue", "language", "wording"]
