"""The texts that a report shows: chosen findings and examples joined to their messages, masked and shortened.

Everything is looked up for all chosen rows at once: one scan of a million messages, not one for every example.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import polars as pl

from curation import pieces, privacy
from curation.report import model

LONGEST = 600  # characters of a text
MOST_TURNS = 12
PLACE = ["conversation", "message"]


def short(texts: Sequence[str]) -> list[str]:
    """Return the beginnings of texts, masked, each numbered for itself."""
    return all_short(texts)[0]


def all_short(*lists: Sequence[str]) -> list[list[str]]:
    """Return what `short` does of each list, in one go: looking for personal data takes as long for few texts."""
    masked = iter(privacy.masked_lists([[pieces.around(text, 0)] for text in chain(*lists)]))
    return [[cut(text) for (text,) in islice(masked, len(texts))] for texts in lists]


def cut(text: str) -> str:
    """Return the beginning of a text."""
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def hits(chosen: pl.DataFrame, messages: pl.DataFrame, examples: pl.DataFrame) -> dict[str, list[model.RuleExample]]:
    """Show findings (tables.FINDINGS) with the text that they were made on, by rule, in their order."""
    ids = chosen.select(id=pl.col("example")).drop_nulls().unique()
    of = {row["id"]: row for row in examples.join(ids, on="id", how="semi").iter_rows(named=True)}
    said = _messages(messages, [(row["conversation"], row["message"]) for row in chosen.iter_rows(named=True)])
    firsts = _messages(messages, [_first(example) for example in of.values()])
    found = []
    for row in chosen.iter_rows(named=True):
        if row["example"] is not None:
            example = of[row["example"]]
            parts = [
                example["question"],
                *([f"[{example['cot']}]"] if example["cot"] else []),
                f"→ {example['answer']}",
            ]
            source, role, text = firsts[_first(example)]["source"], None, "\n".join(parts)
        elif row["message"] is not None:
            message = said[row["conversation"], row["message"]]
            source, role, text = message["source"], message["role"], message["text"]
        else:
            source, role, text = row["evidence"].split(": ")[0], None, ""
        about = {"source": source, "conversation": row["conversation"] or "", "role": role}
        found.append((row["rule"], about, text, row["evidence"]))
    shown: dict[str, list[model.RuleExample]] = {}
    texts, evidence = all_short([text for _, _, text, _ in found], [why for *_, why in found])
    for (rule, about, *_), said_there, why in zip(found, texts, evidence, strict=True):
        shown.setdefault(rule, []).append(model.RuleExample(**about, text=said_there, evidence=why))
    return shown


def changes(chosen: pl.DataFrame, messages: pl.DataFrame) -> dict[str, list[model.MendExample]]:
    """Show mends (findings with before and after), by rule, in their order."""
    said = _messages(messages, list(chosen.select(PLACE).iter_rows()))
    shown: dict[str, list[model.MendExample]] = {}
    before, after = all_short(*(chosen[name].to_list() for name in ("before", "after")))
    for row, old, new in zip(chosen.iter_rows(named=True), before, after, strict=True):
        source = said[row["conversation"], row["message"]]["source"]
        shown.setdefault(row["rule"], []).append(model.MendExample(source=source, before=old, after=new))
    return shown


def kept(examples: pl.DataFrame, messages: pl.DataFrame) -> list[model.KeptExample]:
    """Show kept examples beside the messages that they came from, and those in between."""
    mine = messages.join(examples.select("conversation").unique(), on="conversation", how="semi")
    spans, talks = [], []
    for example in examples.iter_rows(named=True):
        places = sorted(_places(example))
        whole = mine.filter(pl.col("conversation") == example["conversation"])
        within = whole.select(pl.col("message").is_between(places[0], places[-1])).to_series()
        spans.append(whole.select("role", "source").with_row_index("place").filter(within))
        talks.append([pieces.around(text, 0) for text in whole["raw"]])
    said = _first_turns(examples)
    # Raw texts of the whole conversation, so numbered as in the turns.
    masked = privacy.masked_lists([*talks, *([pieces.around(text, 0)] for text in _texts(said))])
    shorts = iter(cut(text) for (text,) in masked[len(talks) :])
    return [
        model.KeptExample(
            id=example["id"], kind=example["kind"], query_type=example["query_type"], source=span["source"][0],
            raw=[model.Turn(role=role, text=cut(texts[place])) for place, role, _ in span.iter_rows()],
            turns=turns, score=round(example["score"], 4),
        )
        for example, span, texts, turns in zip(
            examples.iter_rows(named=True), spans, masked[: len(talks)], _turns(said, shorts), strict=True
        )
    ]  # fmt: skip


def dropped(examples: pl.DataFrame, messages: pl.DataFrame, findings: pl.DataFrame) -> list[model.DroppedExample]:
    """Show dropped examples with the findings behind the verdict: those on the example, then on its messages."""
    firsts = _messages(messages, [_first(example) for example in examples.iter_rows(named=True)])
    conversations = examples.select("conversation").unique()
    reasons = findings.filter(~pl.col("rule").str.starts_with("mend/")).join(
        conversations, on="conversation", how="semi"
    )
    rows: list[model.DroppedExample] = []
    reasons_of: list[list[tuple[str, str]]] = []
    for example in examples.iter_rows(named=True):
        mine = reasons.filter(
            (pl.col("example") == example["id"])
            | ((pl.col("conversation") == example["conversation"]) & pl.col("message").is_in(_places(example)))
        ).sort("action", descending=True, maintain_order=True)
        reasons_of.append(mine.unique("rule", keep="first", maintain_order=True).select("rule", "evidence").rows())
    said = _first_turns(examples)
    evidence, shorts = all_short([text for told in reasons_of for _, text in told], _texts(said))
    texts = iter(evidence)
    for example, told, turns in zip(
        examples.iter_rows(named=True), reasons_of, _turns(said, iter(shorts)), strict=True
    ):
        rows.append(
            model.DroppedExample(
                id=example["id"],
                kind=example["kind"],
                rules=example["rules"],
                evidence=[model.Evidence(rule=rule, text=next(texts)) for rule, _ in told],
                source=firsts[_first(example)]["source"],
                turns=turns,
            )
        )
    return rows


def _messages(
    messages: pl.DataFrame, places: Sequence[tuple[str, int | None]]
) -> dict[tuple[str, int], dict[str, Any]]:
    """Return source, role and text of the messages at `places` (conversation, message), in one pass over all."""
    schema = {"conversation": messages.schema["conversation"], "message": messages.schema["message"]}
    wanted = pl.DataFrame([p for p in set(places) if p[1] is not None], schema=schema, orient="row")
    found = messages.join(wanted, on=PLACE, how="semi").select(*PLACE, "source", "role", "text")
    return {(row["conversation"], row["message"]): row for row in found.iter_rows(named=True)}


def _places(example: Mapping[str, Any]) -> list[int]:
    return [message for turn in example["turns"] for message in turn["messages"]]


def _first(example: Mapping[str, Any]) -> tuple[str, int]:
    """Return the place of the first message of an example."""
    return example["conversation"], example["turns"][0]["messages"][0]


def _first_turns(examples: pl.DataFrame) -> list[list[dict[str, Any]]]:
    return [turns[:MOST_TURNS] for turns in examples["turns"].to_list()]


def _texts(talks: list[list[dict[str, Any]]]) -> list[str]:
    return [turn["text"] for talk in talks for turn in talk]


def _turns(talks: list[list[dict[str, Any]]], texts: Iterator[str]) -> list[list[model.Turn]]:
    """Return turns with `texts` in place of their own."""
    return [[model.Turn(role=turn["role"], text=next(texts)) for turn in talk] for talk in talks]
