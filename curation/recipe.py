"""The recipe: the one YAML or TOML file that says how a run reads, judges, splits, writes and trains.

Every default is here and nowhere else. `siftune schema recipe` prints the JSON Schema of this model.
"""

from __future__ import annotations

import codecs
import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, field_validator, model_validator

from curation import documents, presets
from curation.errors import RecipeError

Share = Annotated[float, Field(ge=0.0, lt=1.0)]
Column = str | Annotated[int, Field(ge=0, strict=True)] | None
SeveralColumns = Column | Annotated[list[str | Annotated[int, Field(ge=0, strict=True)]], Field(min_length=1)]
Who = Literal["user", "assistant", "bot", "system"]  # a bot is an assistant that is marked as one
Format = Literal["auto", "csv", "tsv", "jsonl", "json", "text", "parquet", "xlsx"]
Encoding = Literal[
    "auto", "utf-8", "gb18030", "big5", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "cp1252",
]  # fmt: skip
_ELSEWHERE = {  # names of Python's for encodings that another one includes, or that the bytes tell
    "utf-8-sig": "utf-8", "ascii": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "big5hkscs": "big5", "cp950": "big5",
    "iso8859-1": "cp1252", "utf-16": "auto", "utf-32": "auto",
}  # fmt: skip
PresetName = Literal[
    "zendesk", "intercom", "freshdesk", "qianniu", "meiqia", "udesk", "sobot", "wecom", "telegram", "telegram-group",
    "freshchat", "slack", "discord", "lex",
]  # fmt: skip
PersonalKind = Literal[
    "link-token", "email", "secret", "identity-card", "passport", "tax-number", "iban", "device", "bank-card",
    "order-number", "tracking-number", "chat-account", "mobile", "phone", "ip", "birth-date", "plate",
    "document-number", "record-number", "case-number", "policy-number", "vehicle", "name", "address",
]  # fmt: skip  # the keys of privacy.KINDS, which a test compares


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Columns(_Part):
    """Which column or key of the input holds what. A name, or for tables without header a number from 0."""

    conversation: Column = None
    role: Column = None
    text: Column = None
    time: Column = None
    date: Column = None  # the day, where `time` holds a clock alone
    messages: Column = None  # shape `conversations`: the list of messages, "a.b" for nested keys
    question: Column = None  # shape `records`
    input: Column = None  # shape `records`: joined to the question (Alpaca's `input`)
    answer: Column = None
    similar: SeveralColumns = None  # shape `records`: other ways to ask it, each an example; parted by `separator`
    cot: Column = None
    system: Column = None  # shapes `records` and `conversations`: the system prompt of a finished example
    history: Column = None  # shape `records`: the questions and answers before, as a list of pairs
    speaker: Column = None  # the name of who speaks: tells "Support Bot" from "Support"
    customer: Column = None  # whose conversation it is, where there is no conversation id: see sessions.gap_minutes
    to: Column = None  # whom a message is for; with it, the customer is found on either side
    id: Column = None  # of a message
    reply_to: Column = None  # the id of the message that this one answers: threads are rebuilt from it
    kind: Column = None  # what kind of event an entry is; see `said`
    asker: Column = None  # beside the list, or in the row: whose messages, by the value of `role`, are the customer's


class Aside(_Part):
    """A message that stands outside the list of messages: a ticket's description, a last reply."""

    text: str  # path
    role: Who
    by: str | None = None  # path of the word of its role, where that varies
    time: str | None = None  # path


class Replies(_Part):
    """Links between messages, in a file of their own beside the log: which of them belong together."""

    file: str  # its name, or its path from the log's folder; {name} is the log's name without its ending
    columns: Annotated[list[str | Annotated[int, Field(ge=0, strict=True)]], Field(min_length=2, max_length=2)] = [0, 1]
    lines: Literal[0, 1] | None = None  # the ids are numbers of the log's lines, counted from 0 or 1; else columns.id


class Source(_Part):
    """How the files that `match` are to be read. Files take the first source whose pattern fits their name."""

    match: str = "*"  # glob on the file's name
    preset: PresetName | None = None  # a layout that is known by name; what is said besides wins
    shape: Literal["auto", "messages", "conversations", "records", "transcript"] = "auto"
    format: Format = "auto"  # auto: by the file's ending, or by what is in it
    encoding: Encoding = "auto"  # auto: UTF-8, UTF-16, UTF-32 or GB18030, as the bytes say
    skip: bool = False  # leave the files that match unread
    header: bool = True
    first_line: Annotated[int, Field(ge=1)] = 1  # of a table: what stands above, such as a title or sep=;, is no record
    rest: bool = False  # the last field takes all behind it: its text has separators in it, and no quotes around it
    # An empty cell of conversation, customer or asker means the one above, as of merged cells; and one of the answer,
    # where the question is empty, too.
    fill_down: bool = False
    stream: bool = False  # no column tells conversations apart: the file is one stream, parted by silence
    quote: bool | None = None  # are fields quoted? default: yes in CSV, no in TSV
    columns: Columns = Columns()
    roles: dict[Who, list[str]] = {}  # words, globs such as wm*, or * for everybody else
    role_keys: dict[str, Who] = {}  # the role is the name of a key: {client: user, agent: assistant}
    said: list[str] = []  # of the values of columns.kind, those that are spoken; others become system messages
    before: Aside | None = None  # a message that comes before the list of messages
    after: Aside | None = None  # and one that comes after it
    separator: str | None = None  # between several messages in one cell, such as !@@@! or a line break
    line: str | None = None  # how a line of a transcript is built: "[{time}] {role}: {text}"
    start: str | None = None  # the line that begins a conversation in a transcript: "Chat {conversation}*"
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)  # between the fields of a table
    opener: bool = False  # whoever opens a conversation is its customer, everybody else answers
    replies: Replies | None = None  # who answers whom stands in a file of its own
    crowd: bool = False  # many customers talk at once in one stream, and agents to whom they name
    cut_at: Annotated[int, Field(ge=20)] | None = None  # characters or bytes after which a message goes on in the next
    day_first: bool = False  # 03/04/2024 is the third of April
    finished: bool = False  # a set that was made for training, to be cleaned: no chat rules for its records
    span_files: bool = False  # the same id in two files is one conversation

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, given: Any) -> Any:  # noqa: ANN401
        """Fill in what the preset says, so that the manifest tells the whole mapping."""
        known = isinstance(given, dict) and given.get("preset") in presets.PRESETS
        return presets.filled(given) if known else given

    @field_validator("encoding", mode="before")
    @classmethod
    def _known_as(cls, name: Any) -> Any:  # noqa: ANN401
        """Take the names that an encoding has elsewhere: gbk, utf8, latin-1."""
        if not isinstance(name, str) or name == "auto":
            return name
        with suppress(LookupError):
            known = codecs.lookup(name).name
            return _ELSEWHERE.get(known, known)
        return name

    @field_validator("roles", mode="before", json_schema_input_type=dict[Who, list[str | int] | str | int])
    @classmethod
    def _words(cls, roles: Any) -> Any:  # noqa: ANN401
        """Let people write ``user: 0`` and ``user: customer`` for one-word lists."""
        if not isinstance(roles, dict):
            return roles
        return {role: [str(w) for w in (ws if isinstance(ws, list) else [ws])] for role, ws in roles.items()}


class Reading(_Part):
    """How much of the input may be unreadable."""

    # Of the records of any one file, and of all; more stops the run before anything is made of the rest. Ten or fewer
    # are let through where they are not the half of a file: one bad line does not make a short log useless.
    max_unreadable: float = Field(default=0.01, ge=0.0, le=1.0)


class Sessions(_Part):
    """How messages become conversations."""

    gap_minutes: float = Field(default=30.0, gt=0.0)  # of a customer without conversation ids: a longer silence parts
    order: Literal["auto", "time", "file"] = "auto"  # auto: by time where most messages of a conversation have one
    bot: Literal["teach", "context", "drop"] = "context"  # may what a bot said be an answer? see docs/shapes.md


class Mend(_Part):
    """Repairs of a message's text that are a matter of taste; all others are always made."""

    emoji: Literal["codes", "drop", "keep"] = "codes"  # take off [微笑] /:^_^ O(∩_∩)O only; emoji too; or nothing
    simplified: bool = False  # traditional to simplified Chinese; needs the extra `simplified`


class Privacy(_Part):
    """Masking of personal data."""

    mask: bool = True
    keep: list[PersonalKind] = []  # kinds that are left as they are
    allow: list[str] = []  # texts that stay although they look like personal data: the shop's own number, its mailbox


class Language(_Part):
    """How a language is told where letters do not tell it: by the rules of the pack `languages`."""

    detector: Literal["langdetect", "py3langid"] = "langdetect"  # py3langid: extra langid, many times faster


class Examples(_Part):
    """What is made of a conversation."""

    kinds: list[Literal["pair", "dialogue"]] = ["pair", "dialogue"]
    max_details: int = Field(default=2, ge=0)  # how many asked-for details may be joined to a question


def _ngram(value: object) -> object:
    """Take ``auto`` or a number of characters; one message for both, where a union would have one for each."""
    if value == "auto" or (type(value) is int and 1 <= value <= 16):
        return value
    raise ValueError("must be 'auto' or a number of characters from 1 to 16")


Ngram = Annotated[
    Literal["auto"] | int,
    PlainValidator(_ngram, json_schema_input_type=Literal["auto"] | Annotated[int, Field(ge=1, le=16)]),
]


class Best(_Part):
    """Which of several copies stays: weights of what counts, each from 0 to 1."""

    complete: float = Field(default=1.0, ge=0.0)  # the answer ends with a mark, the question has one where it asks
    clean: float = Field(default=1.0, ge=0.0)  # few findings: 1 for none, 1/2 for one, 1/3 for two …
    newer: float = Field(default=0.0, ge=0.0)  # a late last message, by its time
    longer: float = Field(default=0.5, ge=0.0)  # a long answer; 200 characters are as long as it gets


OnDuplicate = Literal["off", "note", "review", "drop"]


class Dedup(_Part):
    """Duplicates. The bands are weighted for recall; an exact Jaccard check afterwards gives the precision."""

    example: OnDuplicate = "drop"  # near-copies of question and answer: all but the best
    answer: OnDuplicate = "drop"  # one canned answer, numbers aside: all but the best `most_per_answer`
    question: OnDuplicate = "off"  # the question asked again, answered in agreement: all but the best
    seen: OnDuplicate = "drop"  # question and answer stand in an earlier set: `against`, `index`
    seen_question: OnDuplicate = "note"  # an earlier set of `against` asks the same question
    against: list[str] = []  # earlier sets: run folders, or files in Alpaca, ShareGPT or messages
    index: str = ""  # an SQLite file of what earlier runs kept; this run adds what it keeps
    redis: str = ""  # redis://host:port/0: the index has its buckets there
    keep_signatures: bool = False  # in the run folder: `siftune rethreshold` signs nothing anew then; 1.5 kB an example
    most_per_answer: int = Field(default=20, ge=1)
    best: Best = Best()
    threshold: float = Field(default=0.8, gt=0.0, le=1.0)  # exact Jaccard similarity of character n-grams
    borderline: Share = 0.1  # pairs this far below the threshold are listed in the report, not merged
    ngram: Ngram = "auto"  # characters; auto: 3 in Chinese, Japanese and Korean, 5 elsewhere
    permutations: int = Field(default=128, ge=8, le=512)
    bands: int = Field(default=25, ge=1)  # 25 × 5: every pair of similarity 0.8 is found with p > 0.9999
    rows: int = Field(default=5, ge=1)
    same_question: float = Field(default=0.5, gt=0.0, le=1.0)  # Jaccard of letter pairs from which questions are one
    conflict_below: Share = 0.2  # same question, answers less alike than this: a conflict

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.bands * self.rows > self.permutations:
            raise ValueError(
                f"bands {self.bands} × rows {self.rows} need {self.bands * self.rows} permutations, "
                f"there are {self.permutations}; raise permutations or lower bands"
            )
        return self


class Floors(_Part):
    """How many of every group the selection takes at least, where there are so many."""

    type: int = Field(default=5, ge=0)  # per query type
    skeleton: int = Field(default=0, ge=0)  # per sentence skeleton


class Caps(_Part):
    """How many of a group the selection takes at most."""

    type: Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0.0, le=1.0)] | None = None  # 0.2 = of the budget
    skeleton: Annotated[int, Field(ge=1)] | None = 20
    dialogue: Annotated[int, Field(ge=0)] | Annotated[float, Field(gt=0.0, le=1.0)] | None = (
        None  # of all; as for types
    )


class Weights(_Part):
    """What counts beside coverage."""

    quality: float = Field(default=0.5, ge=0.0, le=4.0)  # exponent of an example's score; 0: coverage alone


class Selection(_Part):
    """The best examples within a budget; without one, all that are kept."""

    budget: int | None = Field(default=None, ge=1)  # examples
    floors: Floors = Floors()
    caps: Caps = Caps()
    weights: Weights = Weights()


class Split(_Part):
    """Train and validation, never parted inside a conversation or a cluster of duplicates."""

    val_share: Share = 0.05  # of the kept examples
    val_least: int = Field(default=20, ge=0)  # examples; of a small set a fifth at most
    apart_from: list[str] = []  # files (a general set, a benchmark): what is nearly the same is never validated on


class Output(_Part):
    """What is written for the trainers."""

    # Beside Alpaca and ShareGPT, which are always written, named here or not.
    formats: list[Literal["messages", "prompt-completion"]] = ["messages"]
    system_prompt: str = ""
    cot: Literal["think", "field", "drop"] = "think"  # <think>…</think> before the answer, a field, or left out
    license: str = "unknown"  # for the dataset card: an identifier of the hub, such as cc-by-4.0, or "other"
    origin: str = ""  # for the dataset card: one sentence on where the logs come from and why they may be used

    @field_validator("formats", mode="before")
    @classmethod
    def _always(cls, formats: Any) -> Any:  # noqa: ANN401
        always = ("alpaca", "sharegpt")
        return [name for name in formats if name not in always] if isinstance(formats, list) else formats


class Gate(_Part):
    """What the set must reach before anything is trained on it."""

    min_examples: int = Field(default=20, ge=0)
    max_personal_data: int = Field(default=0, ge=0)  # hits left in the exported text
    min_rule_precision: float = Field(default=0.85, ge=0.0, le=1.0)  # of a drop rule, once people sampled it


class RuleChange(_Part):
    """What the recipe changes in one rule of a pack."""

    action: Literal["note", "review", "drop", "off"] | None = None
    params: dict[str, Any] = {}


class Recipe(_Part):
    """One run, complete."""

    name: str = "siftune"
    seed: int = Field(default=42, ge=0, lt=2**32)  # what NumPy takes
    sources: list[Source] = [Source()]
    packs: list[str] = ["common", "zh", "en"]  # folders of the shipped rules, or paths of your own
    query_types: Literal["best", "auto"] | list[str] = "best"  # packs by name or path; see docs/diversity.md
    rules: dict[str, RuleChange] = {}  # changes to single rules, by full name: zh/filler-only
    reading: Reading = Reading()
    sessions: Sessions = Sessions()
    mend: Mend = Mend()
    privacy: Privacy = Privacy()
    language: Language = Language()
    examples: Examples = Examples()
    dedup: Dedup = Dedup()
    selection: Selection = Selection()
    split: Split = Split()
    output: Output = Output()
    gate: Gate = Gate()
    training: dict[str, Any] = {}  # checked by the training package, which owns these names

    def sha256(self) -> str:
        """Return the hash of everything the recipe says, independent of how the file was laid out."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def load(path: Path) -> Recipe:
    """Read a recipe; raises RecipeError with file, line, fault and cure."""
    data, node = documents.load(path, RecipeError)
    return documents.validate(Recipe, data if data is not None else {}, path, node, RecipeError)


def assignments(texts: list[str], option: str) -> dict[str, Any]:
    """Read ``KEY=VALUE`` options; values are YAML, so numbers, lists and true/false are what they look like."""
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise RecipeError(f"{option} {text}: expected KEY=VALUE")
        try:
            found[key.strip()] = yaml.safe_load(value)
        except (yaml.YAMLError, ValueError, RecursionError):
            raise RecipeError(f"{option} {text}: the value is not YAML; put it in quotes") from None
    return found


def changed(recipe: Recipe, changes: list[str], ignore: list[str]) -> Recipe:
    """Return the recipe with ``KEY=VALUE`` changes (keys as ``dedup.threshold``) and with rules switched off."""
    data = recipe.model_dump(mode="json", exclude_unset=True)
    if any(change.startswith("sources.") for change in changes):
        data.setdefault("sources", [{}])  # what a recipe without sources has: one for all files
    for key, value in assignments(changes, "--set").items():
        place = data
        *above, last = key.split(".")
        for step in above:
            if isinstance(place, list):  # sources.0.roles
                place = place[int(step)] if step.isdecimal() and int(step) < len(place) else None
            else:
                place = place.setdefault(step, {})
            if not isinstance(place, (dict, list)):
                raise RecipeError(f"--set {key}: '{step}' has no settings below it")
        if isinstance(place, list):
            raise RecipeError(f"--set {key}: '{last}' is no setting; write sources.0.{last}")
        place[last] = value
    for rule in ignore:
        data.setdefault("rules", {}).setdefault(rule, {})["action"] = "off"
    return documents.validate(Recipe, data, Path("--set"), None, RecipeError)
