"""Which examples say the same, and which contradict each other: findings from the clusters of dedup/.

Three levels, each with an action of its own in the recipe: the whole example (near-copies: the best stays), the answer
(a canned answer stays as often as `most_per_answer` says) and the question (asked again and answered in agreement).
Where the same question has answers that do not agree, a person must say which is right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from curation import agreement, tables, times
from curation.agreement import plain, plain_of
from curation.dedup import Pairs, Sign, cluster, components, matches
from curation.dedup.index import Index, opened
from curation.dedup.known import Known
from curation.dedup.minhash import cores
from curation.dedup.shingles import I64
from curation.fast import accelerator
from curation.ranges import each_row
from curation.recipe import Best, Dedup
from curation.references import Reference

SEARCHES = 3  # as large as one of all examples: of whole ones, of answers, of questions
SHARED = 10_000  # rows at least for each core that makes texts
SHOWN = 10  # pairs of each kind in the report
COMPARED = 24  # different answers to one question that each of its answers is held against

Listed = tuple[float, str, str]  # similarity, and the two texts


@dataclass(frozen=True)
class Duplicates:
    """What the search found: the cluster of every example, findings, and the pairs to look at."""

    clusters: pl.DataFrame  # id, cluster (the id of its best example; null alone)
    findings: pl.DataFrame
    merged: list[Listed]  # similarity, kept text, dropped text; least similar first
    missed: list[Listed]  # pairs just below the threshold, that both stay; most similar first
    conflicts: int  # questions with contradicting answers


def to_frames(found: Duplicates) -> dict[str, pl.DataFrame]:
    """Return what was found as frames, for an engine to keep."""
    rows = [(kind, *pair) for kind in ("merged", "missed") for pair in getattr(found, kind)]
    pairs = pl.DataFrame(rows, schema=_PAIRS, orient="row")
    counted = pl.DataFrame({"conflicts": [found.conflicts]})
    return {"clusters": found.clusters, "findings": found.findings, "pairs": pairs, "counted": counted}


def from_frames(frames: Mapping[str, pl.DataFrame]) -> Duplicates:
    """Return what `to_frames` made frames of."""
    merged, missed = (
        list(frames["pairs"].filter(pl.col("kind") == kind).drop("kind").iter_rows()) for kind in ("merged", "missed")
    )
    return Duplicates(frames["clusters"], frames["findings"], merged, missed, int(frames["counted"].item()))


_PAIRS: tables.Schema = {"kind": pl.String(), "similarity": pl.Float64(), "one": pl.String(), "other": pl.String()}


def find(
    examples: pl.DataFrame,
    settings: Dedup,
    *,
    framing: str,
    seed: int,
    sign: Sign | None = None,
    earlier: Sequence[Reference] = (),
    index: Index | None = None,
    known: Known | None = None,
) -> Duplicates:
    """Find duplicates among `examples` (id, conversation, kind, question, answer, rules, time).

    Pairs and dialogues are never copies of each other. `framing` matches the words around a question that do not
    change it. `sign` gives signatures that are known already, and is asked for all that another threshold may need.
    `earlier` and `index` hold what may not come again. `known` keeps sketches of whole examples for the split. What a
    level compares of whole examples and of templates is made when it is its turn, and is gone after it.
    """
    accelerator(SEARCHES * examples.height)
    fresh = _prepared(examples, settings.best)
    if sign is not None:
        _sign_all(fresh, settings, framing, sign, seed=seed)
    frame = fresh.select("row", "id", "conversation")
    seen, asked_before = _seen(fresh, settings, seed, sign, earlier, index)
    if settings.seen == "drop":
        fresh = fresh.join(seen, on="row", how="anti", maintain_order="left")
    rooted, merged, missed = _copies(fresh, settings, seed, sign, known)
    nothing = rooted.clear().select("row", keeper="row")
    copies = _near_copies(rooted) if settings.example != "off" else nothing
    alive = fresh.join(copies, on="row", how="anti", maintain_order="left")
    del fresh
    canned = _canned(alive, settings, seed, sign) if settings.answer != "off" else nothing
    alive = alive.join(canned, on="row", how="anti", maintain_order="left")
    again = _asked_again(alive, settings, seed, sign) if settings.question != "off" else nothing
    alive = alive.join(again, on="row", how="anti", maintain_order="left")
    conflicts = _conflicts(alive.filter(pl.col("kind") == "pair"), settings, framing, seed, sign)
    ids = frame.select(keeper="row", evidence="id")
    found = [
        (seen, "dedup/seen-before", settings.seen),
        (asked_before, "dedup/question-seen-before", settings.seen_question),
        *(
            (rows.join(ids, on="keeper", how="left", maintain_order="left"), rule, action)
            for rows, rule, action in (
                (copies, "dedup/near-duplicate", settings.example),
                (canned, "dedup/canned-answer", settings.answer),
                (again, "dedup/asked-again", settings.question),
            )
        ),
        (conflicts, "dedup/conflicting-answers", "review"),
    ]
    rows = pl.concat(
        [part.select("row", "evidence", rule=pl.lit(rule), action=pl.lit(action)) for part, rule, action in found]
    )
    named = rows.join(frame.select("row", "conversation", example="id"), on="row", how="left", maintain_order="left")
    return Duplicates(
        rooted.join(frame.select(best="row", cluster="id"), on="best", maintain_order="left").select("id", "cluster"),
        tables.findings(named),
        merged,
        missed,
        conflicts["group"].n_unique(),
    )


_ONLY_ASKS = r"^[^。！!？?.;；\n]*(?:[?？]|[吗么])[\s~～哦哈?？]*$"  # one sentence, and it is a question

_COMPARED = {"asked": "question", "said": "answer"}  # what is compared of either, plain
_WHOLE = pl.concat_str("asked", pl.lit("\n"), "said")


def whole(examples: pl.DataFrame) -> list[str]:
    """Return what is compared of whole examples: question and answer, letters and digits only."""
    return _plain(examples).select(_WHOLE).to_series().to_list()


def _plain(examples: pl.DataFrame) -> pl.DataFrame:
    """Return `asked` and `said`, made on all cores."""
    size = max(SHARED, -(-examples.height // cores()))
    starts = range(0, max(1, examples.height), size)
    parts = [examples[column].slice(start, size) for column in _COMPARED.values() for start in starts]
    with ThreadPoolExecutor(cores()) as pool:
        made = list(pool.map(plain_of, parts))
    sides = (pl.concat(made[: len(starts)]), pl.concat(made[len(starts) :]))
    return pl.DataFrame([side.alias(name) for name, side in zip(_COMPARED, sides, strict=True)])


def _made(frame: pl.DataFrame, **texts: pl.Expr) -> pl.DataFrame:
    """Return texts made row by row, on all cores: Polars makes the texts of one column on one."""
    parts = frame.iter_slices(max(SHARED, -(-frame.height // cores())))
    return pl.concat([frame.lazy().select(**texts).clear(), *(part.lazy().select(**texts) for part in parts)]).collect()


def _bare(frame: pl.DataFrame, framing: str) -> pl.Series:
    """Return the questions without the words around them, or whole where next to nothing would be left."""
    asked = frame["asked"].alias("bare")
    framed = each_row(frame.select("question"), pl.col("question").str.contains(framing)).arg_true()
    some = frame.select("question", "asked")[framed]
    bare = _made(some, bare=plain(pl.col("question").str.replace_all(framing, " ")))["bare"]
    return asked.scatter(framed, bare.zip_with(bare.str.len_chars() >= 4, some["asked"]))


def _template(frame: pl.DataFrame) -> pl.Series:
    """Return the answers with every number alike.

    "72" or "B" behind reasoning is no canned answer: what was thought belongs to it.
    """
    thought = plain(pl.col("cot").fill_null("")) if "cot" in frame.columns else pl.lit("")
    return _made(frame, template=pl.concat_str(thought, "said").str.replace_all(r"\d+", "0")).to_series()


def _sign_all(frame: pl.DataFrame, settings: Dedup, framing: str, sign: Sign, *, seed: int) -> None:
    """Let `sign` sign whatever `find` may ask for at another threshold, so that it knows it then."""

    def all_of(texts: pl.Series, of: Dedup) -> None:
        sign(texts.unique(maintain_order=True).to_list(), of, seed=seed)

    all_of(frame.select(_WHOLE).to_series(), settings)
    all_of(_template(frame), settings)
    all_of(_bare(frame, framing), _loose(settings))
    if settings.question != "off":
        all_of(frame["asked"], settings)


def _seen(
    frame: pl.DataFrame,
    settings: Dedup,
    seed: int,
    sign: Sign | None,
    earlier: Sequence[Reference],
    index: Index | None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (row, evidence) of examples that an earlier set holds, and of those of the rest whose question it asks."""
    schema: tables.Schema = {"row": pl.UInt32(), "evidence": pl.String()}
    found: dict[str, list[pl.DataFrame]] = {"whole": [], "asked": []}
    for reference in earlier:
        for column, texts, action in (
            ("whole", _WHOLE, settings.seen),
            ("asked", pl.col("asked"), settings.seen_question),
        ):
            if action != "off":
                theirs = reference.examples[column].to_list()
                pairs = matches(frame.select(texts).to_series().to_list(), theirs, settings, seed=seed)
                other = reference.examples["id"].gather(pairs.right)
                told = pl.format(f"{{}} in {reference.name} ({{}})", other, pl.Series(pairs.similarity).round(2))
                found[column].append(pl.select(row=frame["row"].gather(pairs.left), evidence=told))
    if index is not None and settings.seen != "off":
        rows = index.match(frame["id"].to_list(), frame.select(_WHOLE).to_series().to_list(), sign=sign)
        notes = [(place, f"{name} in {index.path.name} ({similarity:.2f})") for place, name, similarity in rows]
        found["whole"].append(pl.DataFrame(notes, schema=schema, orient="row"))
    seen, asked = (
        pl.concat([pl.DataFrame(schema=schema), *parts]).unique("row", keep="first", maintain_order=True).sort("row")
        for parts in found.values()
    )
    return seen, asked.join(seen, on="row", how="anti", maintain_order="left")


def _prepared(examples: pl.DataFrame, best: Best) -> pl.DataFrame:
    """Return row, id, conversation, kind, question, answer, cot (where there is one), `quality`, `asked` and `said`."""
    kept = ["row", "id", "conversation", "kind", "question", "answer", *_present(examples, "cot")]
    prepared = examples.with_row_index("row").select(*kept, quality=_quality(best))
    return prepared.hstack(_plain(examples))


def _present(frame: pl.DataFrame, *names: str) -> list[str]:
    return [name for name in names if name in frame.columns]


def _quality(weights: Best) -> pl.Expr:
    """Say which of two copies is better: only the order matters."""
    ended = pl.col("answer").str.contains(r"[。！!.?？~～]\s*$").cast(pl.Float64) * 0.6
    marked = pl.col("question").str.contains(r"[?？]").cast(pl.Float64) * 0.4
    findings = pl.col("rules").list.eval(~pl.element().str.starts_with("people/")).list.sum()
    newness = pl.col("time").rank("dense").fill_null(0) / pl.len()
    return (
        weights.complete * (ended + marked)
        + weights.clean / (1 + findings)
        + weights.newer * newness
        + weights.longer * (pl.col("answer").str.len_chars() / 200).clip(0, 1)
    ).round(9)


def _roots(
    frame: pl.DataFrame, texts: Callable[[pl.DataFrame], pl.Series], settings: Dedup, seed: int, sign: Sign | None
) -> pl.DataFrame:
    """Add `root` to the rows of `frame`: the row of the first example of the cluster by `texts`, kind by kind."""
    return pl.concat(
        [
            part.with_columns(root=part["row"].gather(components(texts(part), settings, seed=seed, sign=sign)))
            for part in (frame.filter(pl.col("kind") == kind) for kind in ("pair", "dialogue"))
        ]
    ).sort("row")


def _best_first(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.sort("quality", "row", descending=[True, False])


def _copies(
    frame: pl.DataFrame, settings: Dedup, seed: int, sign: Sign | None, known: Known | None
) -> tuple[pl.DataFrame, list[Listed], list[Listed]]:
    """Cluster whole examples; returns the members of clusters with `root` and `best`, and the pairs to look at."""
    parts, merged, missed = [], [], []
    for kind in ("pair", "dialogue"):
        part = frame.filter(pl.col("kind") == kind)
        floor = settings.threshold - settings.borderline
        texts = part.select(_WHOLE).to_series()
        found = cluster(texts, settings, seed=seed, floor=floor, sign=sign, known=known)
        part = part.with_columns(root=part["row"].gather(found.first))
        part = part.with_columns(
            best=pl.col("row").sort_by("quality", "row", descending=[True, False]).first().over("root")
        )
        apart = found.first[found.pairs.left] != found.first[found.pairs.right]
        merged += _listed(part, found.pairs, np.flatnonzero(found.pairs.similarity >= settings.threshold), settings)
        missed += _listed(part, found.pairs, np.flatnonzero(apart), settings)
        parts.append(part.filter(pl.len().over("root") > 1))
    return pl.concat(parts).sort("row"), sorted(merged)[:SHOWN], sorted(missed, reverse=True)[:SHOWN]


def _listed(part: pl.DataFrame, pairs: Pairs, which: I64, settings: Dedup) -> list[Listed]:
    """Return the pairs nearest to the threshold with their texts, the text that stays (if one of them does) first."""
    distance = np.abs(pairs.similarity[which] - settings.threshold)
    nearest = which[np.argsort(distance, kind="stable")[:SHOWN]]
    listed = []
    for left, right, similarity in zip(
        pairs.left[nearest], pairs.right[nearest], pairs.similarity[nearest], strict=True
    ):
        one, other = part.row(int(left), named=True), part.row(int(right), named=True)
        if other["best"] == other["row"] and one["best"] != one["row"]:
            one, other = other, one
        listed.append((float(similarity), *(f"{row['question']} → {row['answer']}" for row in (one, other))))
    return listed  # type: ignore[return-value]


def _near_copies(rooted: pl.DataFrame) -> pl.DataFrame:
    """Return (row, keeper) of the examples of clusters that a better copy stands for.

    保修3年 and 保修1年 are nearly the same text and the opposite of a duplicate: of each claim the best copy stays,
    unless it agrees with the best of the whole cluster.
    """
    rooted = rooted.with_columns(claims=agreement.claims(pl.col("answer")))
    own = _best_first(rooted).unique(["root", "claims"], keep="first", maintain_order=True)
    own = own.select("root", "claims", "best", "answer", own="row").sort("own")
    best = own.filter(pl.col("own") == pl.col("best")).select("best", best_answer="answer")
    own = own.join(best, on="best", how="left", maintain_order="left")
    same = agreement.agree(own["answer"], own["best_answer"], 0.0)
    own = own.with_columns(keeper=pl.when(same).then("best").otherwise("own")).select("root", "claims", "keeper")
    kept = rooted.join(own, on=["root", "claims"], how="left", maintain_order="left")
    return kept.filter(pl.col("keeper") != pl.col("row")).select("row", "keeper")


def _canned(alive: pl.DataFrame, settings: Dedup, seed: int, sign: Sign | None) -> pl.DataFrame:
    """Return (row, keeper) of the examples beyond the best `most_per_answer` of one answer, numbers aside."""
    rooted = _roots(alive, _template, settings, seed, sign)
    ordered = _best_first(rooted.filter(pl.len().over("root") > settings.most_per_answer))
    ordered = ordered.with_columns(keeper=pl.col("row").first().over("root"), place=pl.int_range(pl.len()).over("root"))
    return ordered.filter(pl.col("place") >= settings.most_per_answer).select("row", "keeper").sort("row")


def _asked_again(alive: pl.DataFrame, settings: Dedup, seed: int, sign: Sign | None) -> pl.DataFrame:
    """Return (row, keeper) of the examples whose question a better one asks too, with an answer that agrees."""
    rooted = _roots(alive, lambda part: part["asked"], settings, seed, sign)
    ordered = _best_first(rooted.filter(pl.len().over("root") > 1))
    ordered = ordered.with_columns(
        keeper=pl.col("row").first().over("root"), better=pl.col("answer").first().over("root")
    )
    same = agreement.agree(ordered["answer"], ordered["better"], settings.conflict_below)
    return ordered.filter(same & (pl.col("row") != pl.col("keeper"))).select("row", "keeper").sort("row")


def _loose(settings: Dedup) -> Dedup:
    """Return the settings for short texts asked in other words: letter pairs; the bands find a half with p > 0.99."""
    bands = settings.permutations // 3
    return settings.model_copy(update={"threshold": settings.same_question, "ngram": 2, "bands": bands, "rows": 3})


def _conflicts(pairs: pl.DataFrame, settings: Dedup, framing: str, seed: int, sign: Sign | None) -> pl.DataFrame:
    """Find pairs of different conversations that ask (nearly) the same and whose answers do not agree.

    An answer that only asks back (是专票吗？) claims nothing, so it contradicts nothing.
    Returns row, group (the question) and evidence (what the other one answers). Each answer is held against the first
    `COMPARED` different answers to its question: a question that thousands ask stays linear.
    """
    pairs = pairs.filter(~pl.col("answer").str.contains(_ONLY_ASKS))
    first = components(_bare(pairs, framing), _loose(settings), seed=seed, sign=sign)
    grouped = pairs.select("row", "id", "conversation", "answer", "said", group=pl.Series(first))
    grouped = grouped.filter(pl.len().over("group") > 1)
    different = (
        grouped.unique(["group", "said"], keep="first", maintain_order=True)
        .with_columns(turn=pl.int_range(pl.len()).over("group"))
        .filter(pl.col("turn") < COMPARED)
        .select("group", "turn", other="id", there="conversation", theirs="answer")
    )
    # The first other answer that does not agree is enough: who has one is not held against the rest.
    found = [grouped.clear().select("row", "group", evidence="answer")]
    for turn in range(COMPARED):
        held = grouped.join(different.filter(pl.col("turn") == turn), on="group", maintain_order="left")
        if held.is_empty():
            break
        apart = held.filter(pl.col("conversation") != pl.col("there"))
        against = apart.filter(~agreement.agree(apart["answer"], apart["theirs"], settings.conflict_below))
        evidence = pl.concat_str("other", pl.lit(": "), pl.col("theirs").str.slice(0, 80))
        found.append(against.select("row", "group", evidence=evidence))
        grouped = held.select(grouped.columns).join(against, on="row", how="anti", maintain_order="left")
    return pl.concat(found).sort("row")


def with_times(examples: pl.DataFrame, spoken: pl.DataFrame) -> pl.DataFrame:
    """Add `time` (Int64, see times.parsed) to examples: that of the last message (`spoken`: id, time), null without."""
    if spoken.is_empty():
        return examples.with_columns(time=pl.lit(None, dtype=pl.Int64))
    latest = spoken.select("id", time=times.parsed(spoken["time"])["at"]).group_by("id").agg(pl.col("time").max())
    return examples.join(latest, on="id", how="left", maintain_order="left")


def remember(examples: pl.DataFrame, settings: Dedup, *, seed: int) -> int:
    """Add what a run kept to the recipe's index, where there is one; returns how many examples are new in it."""
    if not settings.index:
        return 0
    kept = examples.filter(pl.col("verdict") == "keep")
    with opened(Path(settings.index), settings, seed=seed, create=True) as index:
        return index.add(kept["id"].to_list(), whole(kept))
