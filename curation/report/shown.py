"""The texts that a report shows: chosen findings and examples joined to their messages, masked and shortened.

Everything is looked up for all chosen rows at once: one scan of a million messages, not one for every example. What is
chosen is a draft until all parts of a run are joined (`finished`): most of what a part chooses is not shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Generic, NamedTuple, TypeVar

import polars as pl
from pydantic import BaseModel

from curation import pieces, privacy
from curation.report import model

LONGEST = 600  # characters of a text
MOST_TURNS = 12
PLACE = ["conversation", "message"]

Shown = TypeVar("Shown", bound=BaseModel)


class Draft(NamedTuple, Generic[Shown]):
    """What may be shown, with texts that are not masked yet."""

    shown: Shown
    talk: Sequence[str] = ()  # raw texts of the whole conversation: those of `shown.raw` are numbered as in it
    places: Sequence[int] = ()  # of `shown.raw` in `talk`


def finished(drafts: Sequence[Draft[Any]]) -> list[Any]:
    """Return what drafts show, masked and shortened: in one go, as looking for personal data takes as long for few.

    A conversation that several examples are of is looked at once: it may be the whole log.
    """
    own = [[text] for draft in drafts for text in _texts(draft.shown)]
    talks = list(dict.fromkeys(tuple(draft.talk) for draft in drafts))
    masked = privacy.masked_lists([*own, *talks])
    texts = iter(cut(text) for (text,) in masked[: len(own)])
    said = dict(zip(talks, masked[len(own) :], strict=True))
    return [
        _with(draft.shown, texts, [cut(said[tuple(draft.talk)][place]) for place in draft.places]) for draft in drafts
    ]


def _texts(shown: BaseModel) -> list[str]:
    """Return the texts that are masked each by itself, in the order in which `_with` puts them back."""
    match shown:
        case model.RuleExample():
            return [shown.text, shown.evidence]
        case model.MendExample():
            return [shown.before, shown.after]
        case model.KeptExample():
            return [turn.text for turn in shown.turns]
        case model.DroppedExample():
            return [*(one.text for one in shown.evidence), *(turn.text for turn in shown.turns)]
    raise TypeError(shown)


def _with(shown: BaseModel, texts: Iterator[str], raw: Sequence[str]) -> BaseModel:
    """Return what is shown with the next `texts` in place of its own, and those of its messages."""

    def filled(parts: Sequence[BaseModel], said: Iterator[str]) -> list[BaseModel]:
        return [part.model_copy(update={"text": next(said)}) for part in parts]

    match shown:
        case model.RuleExample():
            new: dict[str, Any] = {"text": next(texts), "evidence": next(texts)}
        case model.MendExample():
            new = {"before": next(texts), "after": next(texts)}
        case model.KeptExample():
            new = {"raw": filled(shown.raw, iter(raw)), "turns": filled(shown.turns, texts)}
        case model.DroppedExample():
            new = {"evidence": filled(shown.evidence, texts), "turns": filled(shown.turns, texts)}
        case _:
            raise TypeError(shown)
    return shown.model_copy(update=new)


def short(texts: Sequence[str]) -> list[str]:
    """Return the beginnings of texts, masked, each numbered for itself."""
    return all_short(texts)[0]


def all_short(*lists: Sequence[str]) -> list[list[str]]:
    """Return what `short` does of each list, in one go: looking for personal data takes as long for few texts."""
    masked = iter(privacy.masked_lists([[_begin(text)] for text in chain(*lists)]))
    return [[cut(text) for (text,) in islice(masked, len(texts))] for texts in lists]


def cut(text: str) -> str:
    """Return the beginning of a text."""
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def hits(
    chosen: pl.DataFrame, messages: pl.DataFrame, examples: pl.DataFrame
) -> dict[str, list[Draft[model.RuleExample]]]:
    """Show findings (tables.FINDINGS) with the text that they were made on, by rule, in their order."""
    ids = chosen.select(id=pl.col("example")).drop_nulls().unique()
    of = {row["id"]: row for row in examples.join(ids, on="id", how="semi").iter_rows(named=True)}
    said = _messages(messages, [(row["conversation"], row["message"]) for row in chosen.iter_rows(named=True)])
    firsts = _messages(messages, [_first(example) for example in of.values()])
    found: dict[str, list[Draft[model.RuleExample]]] = {}
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
        one = model.RuleExample(
            source=source, conversation=row["conversation"] or "", role=role, text=_begin(text),
            evidence=_begin(row["evidence"]),
        )  # fmt: skip
        found.setdefault(row["rule"], []).append(Draft(one))
    return found


def changes(chosen: pl.DataFrame, messages: pl.DataFrame) -> dict[str, list[Draft[model.MendExample]]]:
    """Show mends (findings with before and after), by rule, in their order."""
    said = _messages(messages, list(chosen.select(PLACE).iter_rows()))
    found: dict[str, list[Draft[model.MendExample]]] = {}
    for row in chosen.iter_rows(named=True):
        source = said[row["conversation"], row["message"]]["source"]
        one = model.MendExample(source=source, before=_begin(row["before"]), after=_begin(row["after"]))
        found.setdefault(row["rule"], []).append(Draft(one))
    return found


def kept(examples: pl.DataFrame, messages: pl.DataFrame) -> list[Draft[model.KeptExample]]:
    """Show kept examples beside the messages that they came from, and those in between."""
    mine = messages.join(examples.select("conversation").unique(), on="conversation", how="semi")
    found = []
    for example in examples.iter_rows(named=True):
        places = sorted(_places(example))
        whole = mine.filter(pl.col("conversation") == example["conversation"])
        within = whole.select(pl.col("message").is_between(places[0], places[-1])).to_series()
        span = whole.select("role", "source").with_row_index("place").filter(within)
        one = model.KeptExample(
            id=example["id"], kind=example["kind"], query_type=example["query_type"], source=span["source"][0],
            raw=[model.Turn(role=role, text="") for role in span["role"]],
            turns=_turns(example), score=round(example["score"], 4),
        )  # fmt: skip
        found.append(Draft(one, [_begin(text) for text in whole["raw"]], span["place"].to_list()))
    return found


def dropped(
    examples: pl.DataFrame, messages: pl.DataFrame, findings: pl.DataFrame
) -> list[Draft[model.DroppedExample]]:
    """Show dropped examples with the findings behind the verdict: those on the example, then on its messages."""
    firsts = _messages(messages, [_first(example) for example in examples.iter_rows(named=True)])
    conversations = examples.select("conversation").unique()
    reasons = findings.filter(~pl.col("rule").str.starts_with("mend/")).join(
        conversations, on="conversation", how="semi"
    )
    found = []
    for example in examples.iter_rows(named=True):
        mine = reasons.filter(
            (pl.col("example") == example["id"])
            | ((pl.col("conversation") == example["conversation"]) & pl.col("message").is_in(_places(example)))
        ).sort("action", descending=True, maintain_order=True)
        told = mine.unique("rule", keep="first", maintain_order=True).select("rule", "evidence").rows()
        one = model.DroppedExample(
            id=example["id"],
            kind=example["kind"],
            rules=example["rules"],
            evidence=[model.Evidence(rule=rule, text=_begin(text)) for rule, text in told],
            source=firsts[_first(example)]["source"],
            turns=_turns(example),
        )
        found.append(Draft(one))
    return found


def _messages(
    messages: pl.DataFrame, places: Sequence[tuple[str, int | None]]
) -> dict[tuple[str, int], dict[str, Any]]:
    """Return source, role and text of the messages at `places` (conversation, message), in one pass over all."""
    schema = {"conversation": messages.schema["conversation"], "message": messages.schema["message"]}
    wanted = pl.DataFrame([p for p in set(places) if p[1] is not None], schema=schema, orient="row")
    talks = wanted["conversation"].unique().implode()  # by one key first: hardly a row is left to be joined by two
    near = messages.select(*PLACE, "source", "role", "text").filter(pl.col("conversation").is_in(talks))
    found = near.join(wanted, on=PLACE, how="semi")
    return {(row["conversation"], row["message"]): row for row in found.iter_rows(named=True)}


def _places(example: Mapping[str, Any]) -> list[int]:
    return [message for turn in example["turns"] for message in turn["messages"]]


def _first(example: Mapping[str, Any]) -> tuple[str, int]:
    """Return the place of the first message of an example."""
    return example["conversation"], example["turns"][0]["messages"][0]


def _turns(example: Mapping[str, Any]) -> list[model.Turn]:
    """Return the first turns of an example."""
    return [model.Turn(role=turn["role"], text=_begin(turn["text"])) for turn in example["turns"][:MOST_TURNS]]


def _begin(text: str) -> str:
    """Return the piece of a text that is looked at for personal data."""
    return pieces.around(text, 0)
