"""How many different things the selected questions ask: against random choice and longest-first.

    python benchmarks/selection.py QUESTIONS.csv --text text --label category --budget 154
    python benchmarks/selection.py QUESTIONS.jsonl --text text --label domain --budget 16 --budget 150

The labels are looked at only to count. Nothing is downloaded; the test set of BANKING77 is a CSV of 3,080 questions
with 77 intents. With --time N the questions are repeated with numbered variations up to N candidates and timed.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from pathlib import Path

import numpy as np
import polars as pl

from curation.selection import coverage
from curation.vectors import vectors

SEEDS = 20
SUBSETS = 8


def chosen(texts: pl.Series) -> np.ndarray:
    """Return the places of `texts` in the order in which the selection takes them."""
    return np.argsort(-coverage(vectors(texts), np.ones(len(texts))), kind="stable")


def reached(labels: np.ndarray, order: np.ndarray, budget: int) -> int:
    return len(set(labels[order[:budget]]))


def spread(values: list[int]) -> str:
    return f"mean {statistics.mean(values):.2f}, {min(values)} to {max(values)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--text", default="text")
    parser.add_argument("--label", default="category")
    parser.add_argument("--budget", type=int, action="append")
    parser.add_argument("--time", type=int, default=0, metavar="N")
    asked = parser.parse_args()
    read = pl.read_ndjson if asked.path.suffix == ".jsonl" else pl.read_csv
    frame = read(asked.path)
    texts, labels = frame[asked.text], frame[asked.label].cast(pl.String).to_numpy()
    began = time.perf_counter()
    order = chosen(texts)
    seconds = time.perf_counter() - began
    longest = np.argsort(-texts.str.len_chars().to_numpy().astype(int), kind="stable")
    draws = [np.random.default_rng(seed).permutation(len(texts)) for seed in range(SEEDS)]
    parts = [np.sort(draw[: int(0.85 * len(texts))]) for draw in draws[:SUBSETS]]
    orders = [part[chosen(texts[part])] for part in parts]
    print(f"{len(texts)} questions, {len(set(labels))} labels; chosen in {seconds:.2f} s")
    for budget in asked.budget or [154]:
        print(f"budget {budget}:")
        print(f"  selection      {reached(labels, order, budget)}")
        print(f"  … on 85 %      {spread([reached(labels, o, budget) for o in orders])} ({SUBSETS} seeded subsets)")
        print(f"  random         {spread([reached(labels, draw, budget) for draw in draws])} ({SEEDS} seeds)")
        print(f"  longest first  {reached(labels, longest, budget)}")
    if asked.time:
        times = -(-asked.time // len(texts))
        many = pl.concat([texts + f" v{i}x {i % 97}q" for i in range(times)]).head(asked.time)
        began = time.perf_counter()
        chosen(many)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{len(many)} candidates: {time.perf_counter() - began:.1f} s, peak {peak:.2f} GiB")


if __name__ == "__main__":
    main()
