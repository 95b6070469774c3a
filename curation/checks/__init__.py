"""The checks that rules are made of; each module registers its own (registry.py)."""
