"""One message or example of a run, and all that was found of it: `siftune rules explain`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from curation import parquet
from curation.checks.score import Sign, applied
from curation.decide import dropped_messages, members
from curation.errors import CurationError, UsageError
from curation.extract import turns

if TYPE_CHECKING:
    from curation.packs import Packs

PLACE = ["conversation", "message"]
SIDES = (("question", "user"), ("answer", "assistant"))


def explain(run: Path, what: str) -> dict[str, Any]:
    """Look up an example's id or a message's file:line; raises SourceError without a run, UsageError without a hit.

    Returns what is in the run folder of it, masked as it is there: the texts, fate or verdict, and each finding with
    its action, evidence and the rule's reason.
    """
    messages, examples, findings = (_read(run, name) for name in ("messages", "examples", "findings"))
    packs = _packs(run)
    why = _reasons(packs)
    mine = examples.filter(pl.col("id") == what)
    if mine.height:
        example = _example(mine, messages, findings, why)
        if packs:
            _weigh(example, _earlier(mine, messages, findings, packs), packs)
        return example
    said = messages.filter((pl.col("source") == what) | pl.col("source").str.ends_with(f"/{what}"))
    if said.is_empty():
        raise UsageError(
            f"{run}: there is no example and no message '{what}'; give an id of examples.parquet or file:line as in "
            "dropped.jsonl, e.g. chat.csv:17"
        )
    found = [_message(row, examples, findings, why) for row in said.iter_rows(named=True)]
    return {"what": "message", "messages": found}


def _read(run: Path, name: str) -> pl.DataFrame:
    with parquet.of_run(run):
        return pl.read_parquet(run / f"{name}.parquet")


def _packs(run: Path) -> Packs | None:
    """Return the packs that the manifest names; none where they are gone."""
    from curation import packs as packs_module
    from curation.manifest import of_run

    try:
        recipe = of_run(run).recipe
        return packs_module.load(recipe.packs, recipe.rules, detector=recipe.language.detector)
    except CurationError:
        return None


def _reasons(packs: Packs | None) -> dict[str, str]:
    """Return the reason of each rule."""
    from curation.report.numbers import STRUCTURAL

    structural = {name: str(words[1]) for name, words in STRUCTURAL.items()}
    return structural | ({rule.name: rule.why for rule in packs.rules} if packs else {})


def _earlier(mine: pl.DataFrame, messages: pl.DataFrame, findings: pl.DataFrame, packs: Packs) -> int:
    """Count the customer's turns before an example that ask, as `extract` did (bots and cut messages aside)."""
    place = (pl.col("conversation") == mine["conversation"][0]) & (pl.col("role") != "system")
    said = messages.filter(place).join(dropped_messages(findings), on=PLACE, how="anti", maintain_order="left")
    cot = pl.lit(None, dtype=pl.String)
    spoken = turns(said.with_columns(section=pl.lit(0), cot=cot), packs.cues)
    first = mine["turns"].explode().struct.field("messages").explode().min()
    return spoken.filter(pl.col("asks") & (pl.col("messages").list.max() < first)).height


def _weigh(found: dict[str, Any], earlier: int, packs: Packs) -> None:
    """Add to each finding of a score the signs that apply to the example: name, points and what they tell."""
    said = {side: "\n".join(t["text"] for t in found["turns"] if t["role"] == role) for side, role in SIDES}
    pair = pl.DataFrame([{**said, "earlier": earlier}], schema_overrides={"earlier": pl.Int32})
    rules = {rule.name: rule.params for rule in packs.rules if "signs" in rule.params}
    for finding in found["findings"]:
        params = rules.get(finding["rule"])
        if params is None:
            continue
        signs = {name: Sign.model_validate(sign) for name, sign in params["signs"].items()}
        (names,) = applied(pair, params["signs"], params.get("function_words", ""))
        mine_first = sorted(names, key=lambda name: signs[name].points)
        finding["below"] = params["below"]
        finding["signs"] = [{"sign": n, "points": signs[n].points, "why": signs[n].why} for n in mine_first]


def _findings(frame: pl.DataFrame, why: dict[str, str]) -> list[dict[str, Any]]:
    columns = ["rule", "action", "evidence", "before", "after"]
    rows = frame.select(columns).with_columns(pl.col("action").cast(pl.String)).iter_rows(named=True)
    return [
        {key: value for key, value in row.items() if value is not None}
        | ({"why": why[row["rule"]]} if row["rule"] in why else {})
        for row in rows
    ]


def _message(
    row: dict[str, Any], examples: pl.DataFrame, findings: pl.DataFrame, why: dict[str, str]
) -> dict[str, Any]:
    own = findings.filter((pl.col("conversation") == row["conversation"]) & (pl.col("message") == row["message"]))
    nearby = examples.filter(pl.col("conversation") == row["conversation"])
    ids = members(nearby).filter(pl.col("message") == row["message"])["id"].to_list() if nearby.height else []
    lives = nearby.filter(pl.col("id").is_in(ids)).select("id", "kind", "verdict", "rules")
    return {
        **{name: row[name] for name in ("source", "conversation", "message", "role", "text", "fate")},
        "rules": list(row["rules"]),
        "findings": _findings(own, why),
        "examples": [{**e, "rules": list(e["rules"])} for e in lives.iter_rows(named=True)],
    }


def _example(mine: pl.DataFrame, messages: pl.DataFrame, findings: pl.DataFrame, why: dict[str, str]) -> dict[str, Any]:
    row = mine.row(0, named=True)
    conversation = messages.filter(pl.col("conversation") == row["conversation"])
    about = findings.filter(pl.col("conversation") == row["conversation"])
    turns = [
        {
            **turn,
            "sources": conversation.filter(pl.col("message").is_in(turn["messages"]))["source"].to_list(),
            "findings": _findings(about.filter(pl.col("message").is_in(turn["messages"])), why),
        }
        for turn in row["turns"]
    ]
    return {
        "what": "example",
        **{name: row[name] for name in ("id", "conversation", "kind", "verdict", "split")},
        "rules": list(row["rules"]),
        "findings": _findings(findings.filter(pl.col("example") == row["id"]), why),
        "turns": turns,
    }


def lines(found: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that a person reads."""
    if found["what"] == "example":
        yield f"{found['kind']} {found['id']}: {found['verdict']}{_because(found['rules'])}"
        yield from _told(found["findings"], "  ")
        for turn in found["turns"]:
            yield f"{turn['role']} ({', '.join(turn['sources'])}): {turn['text']}"
            yield from _told(turn["findings"], "  ")
        return
    for message in found["messages"]:
        yield f"{message['source']} {message['role']}: {message['text']}"
        yield f"  fate: {message['fate']}{_because(message['rules'])}"
        yield from _told(message["findings"], "  ")
        for example in message["examples"]:
            yield f"  in {example['kind']} {example['id']}: {example['verdict']}{_because(example['rules'])}"


def _because(rules: list[str]) -> str:
    return f" ({', '.join(rules)})" if rules else ""


def _told(findings: list[dict[str, Any]], indent: str) -> Iterator[str]:
    for finding in findings:
        if finding.get("before") is not None:
            yield f"{indent}{finding['rule']}: {finding['before']!r} → {finding['after']!r}"
        else:
            yield f"{indent}{finding['rule']} ({finding['action']}): [{finding.get('evidence', '')}]"
        if "why" in finding:
            yield f"{indent}  {finding['why']}"
        if "signs" in finding:
            total = sum(sign["points"] for sign in finding["signs"])
            yield f"{indent}  {total:g} points, under {finding['below']:g}:"
            yield from (f"{indent}  {s['points']:+4g}  {s['sign']}  {s['why']}".rstrip() for s in finding["signs"])
