"""JSON Schemas (2020-12) of what siftune reads and writes; `schemas/` holds them written down, and a test compares.

The recipe, the pack and the report are checked by typed models elsewhere; those of the files that leave us are here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from curation.checks.registry import CHECKS, Check
from curation.decisions import Event
from curation.packs import PackText
from curation.privacy.words import PersonalDataText
from curation.query_types import TypesText
from curation.recipe import Recipe
from curation.report import model

Id = Annotated[str, Field(pattern="^[0-9a-f]{16}$", description="Depends only on the messages it was made of.")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Example(_Part):
    id: Id


class _Thought(_Example):
    cot: str = Field(default="", description="The reasoning, where the recipe wants it in a field of its own.")


class Alpaca(_Thought):
    """One line of train.alpaca.jsonl."""

    instruction: str = Field(min_length=1, description="The question.")
    input: Literal[""] = Field(description="Part of the format; what a log has for it is in the instruction.")
    output: str = Field(min_length=1, description="The answer.")
    system: str
    history: list[tuple[str, str]] = Field(description="The questions and answers before, oldest first.")


class ShareGptTurn(_Part):
    """One turn; turns alternate and begin with human."""

    speaker: Literal["human", "gpt"] = Field(alias="from")
    value: str = Field(min_length=1)


class ShareGpt(_Thought):
    """One line of train.sharegpt.jsonl."""

    conversations: list[ShareGptTurn] = Field(min_length=2)
    system: str


class ChatMessage(_Part):
    """One message; after the system prompt, if there is one, they alternate and begin with user."""

    role: Literal["system", "user", "assistant"]
    content: str = Field(min_length=1)
    reasoning_content: str = Field(default="", description="The reasoning, where the recipe wants it in a field.")


class Messages(_Example):
    """One line of train.messages.jsonl."""

    messages: list[ChatMessage] = Field(min_length=2)


class PromptCompletion(_Example):
    """One line of train.prompt-completion.jsonl: all messages but the last answer, and that answer."""

    prompt: list[ChatMessage] = Field(min_length=1)
    completion: list[ChatMessage] = Field(min_length=1, max_length=1)


class ManifestInput(_Part):
    """An input file."""

    name: str
    sha256: Sha256
    bytes: Count
    records: Count
    encoding: str


class ManifestPack(_Part):
    """A rule pack."""

    name: str
    sha256: Sha256
    rules: Count


class ManifestDecisions(_Part):
    """What people had said by then."""

    events: Count = Field(description="Lines of decisions.jsonl.")
    sha256: Sha256


class ManifestCounts(model.Counts):
    """How many of what."""

    ledger: model.Ledger


class ManifestStage(_Part):
    """What one stage took."""

    stage: str
    seconds: float = Field(ge=0, description="By the clock.")
    rows: Count | None = Field(description="The first count that it told of itself: messages, findings, examples.")
    peak_mib: Count = Field(description="The most memory that the process had by its end.")
    workers_peak_mib: Count = Field(default=0, description="The same of the largest worker on this machine; 0 without.")


class ManifestTimings(_Part):
    """What the run took up to the writing of the manifest."""

    seconds: float = Field(ge=0, description="By the clock; reading recipe and packs is not in it.")
    cpu_seconds: float = Field(ge=0, description="Processor time of the process and its workers, start-up included.")
    peak_mib: Count = Field(description="The most memory that the process had.")
    workers_peak_mib: Count = Field(default=0, description="The same of the largest worker on this machine; 0 without.")
    stages: list[ManifestStage]


class Manifest(_Part):
    """What was run on what: manifest.json."""

    schema_version: Literal["siftune/manifest/1"]
    siftune: str = Field(description="The version.")
    argv: list[str] = Field(description="The command line; differs between equal runs, as `timings` does.")
    seed: Count
    inputs: list[ManifestInput] = Field(min_length=1)
    recipe: Recipe = Field(description="Complete, defaults included.")
    recipe_sha256: Sha256
    packs: list[ManifestPack]
    decisions: ManifestDecisions
    counts: ManifestCounts
    gate: model.Gate
    versions: dict[str, str] = Field(description="Of Python and of the libraries that decide what comes out.")
    timings: ManifestTimings | None = Field(default=None, description="Differs between equal runs.")


def _of(shape: type[BaseModel], name: str) -> Callable[[], dict[str, Any]]:
    return lambda: {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:siftune:schema:{name}:1",
        **shape.model_json_schema(),
    }


def _pack() -> dict[str, Any]:
    """Return the schema of packs with every check and its parameters, so that an editor knows them."""
    schema = _of(PackText, "pack")()
    rule = schema["$defs"]["RuleText"]
    rule["properties"]["check"] = {
        "title": "Check",
        "oneOf": [{"const": name, "description": inspect.getdoc(CHECKS[name].build)} for name in sorted(CHECKS)],
    }
    rule["allOf"] = [
        {
            "if": {"properties": {"check": {"const": name}}, "required": ["check"]},
            "then": {"properties": {"params": _parameters(CHECKS[name])}},
        }
        for name in sorted(CHECKS)
    ]
    return schema


def _parameters(check: Check) -> dict[str, Any]:
    hints = get_type_hints(check.build)
    shapes = {name: TypeAdapter(hints[name]).json_schema() for name in check.parameters()}
    score = {"type": "string", "pattern": "^score:"}  # signs stand under `scores`, and a rule names them
    for name, shape in shapes.items():
        shape.pop("$defs", None)  # they are those of the pack
        if shape.get("type") == "object":
            shapes[name] = {"anyOf": [shape, score, {"type": "array", "items": score}]}
    return {
        "type": "object",
        "properties": shapes,
        "additionalProperties": False,
    }


SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "recipe": _of(Recipe, "recipe"),
    "pack": _pack,
    "query-types": _of(TypesText, "query-types"),
    "personal-data": _of(PersonalDataText, "personal-data"),
    "report": model.json_schema,
    "manifest": _of(Manifest, "manifest"),
    "alpaca": _of(Alpaca, "alpaca"),
    "sharegpt": _of(ShareGpt, "sharegpt"),
    "messages": _of(Messages, "messages"),
    "prompt-completion": _of(PromptCompletion, "prompt-completion"),
    "decision": _of(Event, "decision"),
}
