"""Which examples say the same, and which contradict each other: findings from dedup.py's clusters."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl
from rapidfuzz import fuzz

from curation import tables
from curation.checks.wording import plain
from curation.dedup import Clusters, cluster
from curation.recipe import Dedup

_NEGATION = re.compile(
    r"不能|不可以|不可|不行|不支持|没有|无法|不用|不需要|\b(?:no|not|cannot|can't|don't|isn't|won't|unable|never)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Duplicates:
    """What the search found: the cluster of every example, findings, and the pairs to look at."""

    clusters: pl.DataFrame  # id, cluster (the id of its best example; null alone)
    findings: pl.DataFrame
    merged: list[tuple[float, str, str]]  # similarity, kept text, dropped text; least similar first
    conflicts: int  # questions with contradicting answers


def find(examples: pl.DataFrame, settings: Dedup, *, framing: str, seed: int) -> Duplicates:
    """Cluster `examples` (id, conversation, kind, question, answer, score) kind by kind.

    The best of each cluster (highest score, then first) stays; the others get a `dedup/near-duplicate` finding
    (drop), unless their answer contradicts the best one's. Pairs that stay and ask the same but answer otherwise get
    `dedup/conflicting-answers` (review); `framing` matches the words around a question that do not change it.
    """
    bare = pl.col("question").str.replace_all(framing, " ").alias("bare")
    rows = examples.select("id", "conversation", "kind", "question", "answer", "score", bare).to_dicts()
    best_of: dict[int, int] = {}
    merged: list[tuple[float, str, str]] = []
    for kind in ("pair", "dialogue"):
        indices = [i for i, row in enumerate(rows) if row["kind"] == kind]
        found = cluster([_key(rows[i]["question"], rows[i]["answer"]) for i in indices], settings, seed=seed)
        for members in _groups(found):
            best = min(members, key=lambda m: (-rows[indices[m]]["score"], m))
            best_of.update({indices[m]: indices[best] for m in members})
        pairs = zip(found.pairs.left.tolist(), found.pairs.right.tolist(), strict=True)
        sides = [_sides(rows, indices, pair, best_of) for pair in pairs]
        merged += [(s, *texts) for s, texts in zip(found.pairs.similarity.tolist(), sides, strict=True)]
    # 保修3年 and 保修1年 are nearly the same text and the opposite of a duplicate: both stay, as a conflict.
    alike = [(i, best) for i, best in best_of.items() if i != best]
    dropped = [(i, best) for i, best in alike if agree(rows[i]["answer"], rows[best]["answer"], 0.0)]
    found_rows = [
        {
            "conversation": rows[i]["conversation"],
            "example": rows[i]["id"],
            "rule": "dedup/near-duplicate",
            "action": "drop",
            "evidence": f"{rows[best]['id']}",
        }
        for i, best in dropped
    ]
    gone = {i for i, _ in dropped}
    stay = [row for i, row in enumerate(rows) if i not in gone and row["kind"] == "pair"]
    conflicts, groups = _conflicts(stay, settings, seed)
    clusters = pl.DataFrame(
        {"id": [rows[i]["id"] for i in best_of], "cluster": [rows[best]["id"] for best in best_of.values()]},
        schema={"id": pl.String, "cluster": pl.String},
    )
    schema = {name: tables.FINDINGS[name] for name in ("conversation", "example", "rule", "action", "evidence")}
    frame = pl.DataFrame([*found_rows, *conflicts], schema=schema)
    return Duplicates(clusters, tables.findings(frame), sorted(merged)[:10], groups)


def _key(question: str, answer: str) -> str:
    """Normalise what is compared: letters and digits only, lower case; question and answer kept apart."""
    return f"{plain(question)}\n{plain(answer)}"


def _asked(question: str, bare: str) -> str:
    """Return the letters of a question without its framing; all of them where next to nothing would be left."""
    return plain(bare) if len(plain(bare)) >= 4 else plain(question)


def _groups(found: Clusters) -> list[list[int]]:
    groups: dict[int, list[int]] = {}
    for index, first in enumerate(found.first.tolist()):
        groups.setdefault(first, []).append(index)
    return [members for members in groups.values() if len(members) > 1]


def _sides(
    rows: list[dict[str, str]], indices: list[int], pair: tuple[int, int], best_of: dict[int, int]
) -> tuple[str, str]:
    """Return the texts of a pair, the one that stays (if one of them does) first."""
    left, right = (indices[side] for side in pair)
    if best_of[right] == right:
        left, right = right, left
    return tuple(f"{rows[i]['question']} → {rows[i]['answer']}" for i in (left, right))  # type: ignore[return-value]


def _conflicts(pairs: list[dict[str, str]], settings: Dedup, seed: int) -> tuple[list[dict[str, str]], int]:
    """Find pairs of different conversations that ask (nearly) the same and whose answers do not agree.

    Returns one finding for each, its evidence what the other one answers, and how many questions these are.
    """
    # Short texts asked in other words: letter pairs, and bands that find a similarity of 0.5 with p > 0.99 (42 × 3).
    bands = settings.permutations // 3
    loose = settings.model_copy(update={"threshold": settings.same_question, "ngram": 2, "bands": bands, "rows": 3})
    found = cluster([_asked(row["question"], row["bare"]) for row in pairs], loose, seed=seed)
    conflicts: list[dict[str, str]] = []
    groups = 0
    for members in _groups(found):
        before = len(conflicts)
        for member in members:
            mine = pairs[member]
            others = (pairs[m] for m in members if pairs[m]["conversation"] != mine["conversation"])
            least = settings.conflict_below
            other = next((row for row in others if not agree(mine["answer"], row["answer"], least)), None)
            if other is not None:
                conflicts.append(
                    {
                        "conversation": mine["conversation"],
                        "example": mine["id"],
                        "rule": "dedup/conflicting-answers",
                        "action": "review",
                        "evidence": f"{other['id']}: {other['answer'][:80]}",
                    }
                )
        groups += len(conflicts) > before
    return conflicts, groups


def agree(one: str, other: str, least: float) -> bool:
    """Tell whether two answers to the same question can both stand.

    They cannot where both have numbers and share none, where one of two similar answers negates, or where they have
    almost nothing in common (similarity of letters below `least`).
    """
    numbers_one, numbers_other = set(re.findall(r"\d+", one)), set(re.findall(r"\d+", other))
    if numbers_one and numbers_other and not numbers_one & numbers_other:
        return False
    alike = fuzz.ratio(plain(one), plain(other)) / 100
    negated = bool(_NEGATION.search(one)) != bool(_NEGATION.search(other))
    return alike >= least and not (negated and alike >= 0.5)
