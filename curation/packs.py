"""Rule packs: YAML files that domain experts edit → rules bound to checks, and the cues that checks share.

A pack is one YAML file; the packs of a folder share a prefix, so `rules/zh/service.yaml` holds `zh/filler-only`::

    about: Chinese customer service
    language: zh                            # only texts in Chinese, or in no language (default: any)
    records: false                          # not what came in as a question with its answer (default: that too)
    fragments: {who: 您|你|亲}              # {who} in patterns of this file stands for (?:您|你|亲)
    cues:
      question: [吗, 怎么, "[?？]"]        # regular expressions; all packs together make one cue
    rules:
      repeated-marks:
        check: repeated_marks
        params: {most: 2}
        role: assistant                     # only messages of this role (default: any)
        kind: pair                          # only examples of this kind (default: any)
        strip: false                        # true: take the phrases off longer messages too (only_phrases)
        action: note
        why: Shouted replies are not the tone we want to teach.
        why_zh: 大喊大叫的语气不值得学。           # the same for Chinese readers of the report (likewise why_en)
        fires: [{says: 退款！！！, evidence: ！！！}]
        silent: [您好！！, 好的！谢谢！]

`fires` and `silent` are the rule's own examples; the test suite and `siftune rules test` run every one of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator

from curation import documents, query_types
from curation.checks.registry import CHECKS, On, bind
from curation.checks.score import Sign
from curation.checks.wording import NEVER, phrase_pattern, regex, trying, untried
from curation.errors import PackError, RecipeError, did_you_mean
from curation.privacy import words as personal_data
from curation.recipe import RuleChange
from curation.resources import shipped

# question and request tell what a user wants (together: asks), clarify that an agent asks for details, elliptic that
# a question leans on what was said before, choice that a bare yes or ok is an answer, offer that the agent asks
# whether there is anything else, consent that a turn is nothing but yes, no, ok or a
# number, informs that an agent tells something, framing what may stand around a
# question without changing it.
CUES = ("question", "request", "clarify", "elliptic", "choice", "offer", "consent", "informs", "framing", "function")


class Example(BaseModel):
    """A text that a rule must fire on, or stay silent about. For a message `says`; for an example `asks`/`answers`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    says: str | None = None
    after: str | None = None  # what the other side said last
    role: Literal["user", "assistant", "system"] | None = None
    conversations: int = 1  # in how many conversations the same is said
    answering: int | None = None  # in how many of these it answers something; default: in all
    earlier: int = 0  # how many questions the customer asked before this one
    again: bool = False  # in a dialogue: the same is asked and answered twice
    asked: int = 2  # in a dialogue: how many turns of the customer ask something
    told: int = 2  # in a dialogue: how many turns of the agent tell something
    asks: str | None = None
    answers: str | None = None
    times: int = 1  # `answers` so many times over, for rules about length
    cot: str | None = None
    evidence: str | None = None  # must be part of the evidence found

    @field_validator("says", "after", "asks", "answers", "cot", "evidence", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:  # noqa: ANN401
        """YAML reads 13800138000 as a number; what people say is text."""
        return str(value) if isinstance(value, float | int) and not isinstance(value, bool) else value


class RuleText(BaseModel):
    """A rule as written in a pack."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    check: str
    params: dict[str, Any] = {}
    role: Literal["user", "assistant", "system"] | None = None
    kind: Literal["pair", "dialogue"] | None = None
    strip: bool = False  # check only_phrases: take the phrases off the ends of longer messages too (strip.py)
    action: Literal["note", "review", "drop"]
    why: str = Field(min_length=6)  # a Chinese sentence is short
    why_zh: str | None = None  # `why` for readers of the other language; reports are read in both
    why_en: str | None = None
    fires: list[Example] = Field(min_length=1)
    silent: list[Example] = Field(min_length=1)

    @field_validator("fires", "silent", mode="before", json_schema_input_type=list[Example | str | int | float])
    @classmethod
    def _short(cls, examples: Any) -> Any:  # noqa: ANN401
        """A bare text is short for {says: text}."""
        if not isinstance(examples, list):
            return examples
        return [e if isinstance(e, dict) else {"says": str(e)} for e in examples]


class PackText(BaseModel):
    """A pack as written."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    about: str
    language: Literal["zh", "en"] | None = None  # its rules look only at texts in this language (or in none)
    records: bool = True  # false: its rules leave alone what came in as a question with its answer, not as a chat
    fragments: dict[str, str] = {}  # named parts of patterns; {name} stands for one in cues and parameters
    cues: dict[str, list[str]] = {}
    scores: dict[str, dict[str, Sign]] = {}  # for the check scores_below; score:name stands for one in parameters
    rules: dict[str, RuleText] = {}


@dataclass(frozen=True)
class Rule:
    """A rule ready to judge with: its expression answers evidence or null."""

    name: str
    on: On
    action: str
    why: str
    why_zh: str  # for a report in Chinese: as the pack says it, or `why`
    why_en: str
    role: str | None
    kind: str | None
    language: str | None
    records: bool  # false: leaves alone what came in as a question with its answer
    strip: tuple[str, ...]  # regular expressions of what is taken off the ends of longer messages; none for most rules
    expression: pl.Expr
    fires: tuple[Example, ...]
    silent: tuple[Example, ...]
    params: Mapping[str, Any]  # as the check got them


@dataclass(frozen=True)
class PackFile:
    """One pack that was loaded: for the manifest."""

    name: str
    sha256: str
    rules: int


@dataclass(frozen=True)
class Packs:
    """All that the packs of a run say."""

    rules: tuple[Rule, ...]
    cues: Mapping[str, str]  # one regular expression per cue
    query_types: tuple[query_types.TypePack, ...]  # those to choose from; none: types from the data
    files: tuple[PackFile, ...]


def load(
    names: Sequence[str],
    changes: Mapping[str, RuleChange] | None = None,
    *,
    types: query_types.Choice = "best",
    detector: str = "langdetect",
    tried: bool = False,
) -> Packs:
    """Load packs by name (a shipped folder such as ``zh``) or path (your own file or folder), and those of query types.

    `detector` is what rules about languages ask (detect.DETECTORS). `tried` says that another process loaded the same
    packs before, so that their patterns need not be tried once more.

    Raises PackError with file, line, fault and cure; RecipeError where `changes` names a rule that no pack has.
    """
    return begin(names, changes, types=types, detector=detector, tried=tried)()


def begin(
    names: Sequence[str],
    changes: Mapping[str, RuleChange] | None = None,
    *,
    types: query_types.Choice = "best",
    detector: str = "langdetect",
    tried: bool = False,
) -> Callable[[], Packs]:
    """Begin to `load`: what is returned waits until the patterns are tried, which goes on beside what the caller does.

    Raises what `load` raises, and so does what is returned.
    """
    with untried() as patterns:
        loaded = _loaded(names, changes or {}, types, detector)
    right = None if tried else trying(patterns)

    def done() -> Packs:
        if right is None or right():
            return loaded
        return _loaded(names, changes or {}, types, detector)  # raises: one after the other, each at its place

    return done


def _loaded(names: Sequence[str], changes: Mapping[str, RuleChange], types: query_types.Choice, detector: str) -> Packs:
    texts, files, cues = _read(names)
    rules = _bind(texts, cues, changes, detector)
    kinds = query_types.load_all(types)
    files += [PackFile(f"query_types/{p.name}.yaml", p.sha256, len(p.text.types)) for p in kinds]
    files.append(PackFile(personal_data.PATH.name, _sha256(personal_data.PATH), len(personal_data.KINDS)))
    return Packs(rules, cues, kinds, tuple(files))


def binder(
    names: Sequence[str], *, detector: str = "langdetect"
) -> Callable[[Mapping[str, RuleChange]], tuple[Rule, ...]]:
    """Read packs once and return what binds their rules under changes: for trying many values of one threshold."""
    texts, _, cues = _read(names)
    return lambda changes: _bind(texts, cues, changes, detector)


def _read(names: Sequence[str]) -> tuple[list[tuple[str, Path, PackText, Any]], list[PackFile], dict[str, str]]:
    """Read the files of packs; return what they say, what they are, and one expression for every cue."""
    texts: list[tuple[str, Path, PackText, Any]] = []
    files: list[PackFile] = []
    for path, prefix in (found for name in names for found in _files(name)):
        data, node = documents.load(path, PackError)
        text = documents.validate(PackText, data, path, node, PackError)
        unknown = next((cue for cue in text.cues if cue not in CUES), None)
        if unknown:
            raise PackError(f"{path}: there is no cue '{unknown}'{did_you_mean(unknown, CUES)}")
        texts.append((prefix, path, text, node))
        files.append(PackFile(f"{prefix}/{path.name}", _sha256(path), len(text.rules)))
    words = {cue: [_filled(w, t) for _, _, t, _ in texts for w in t.cues.get(cue, [])] for cue in CUES}
    words["asks"] = [*words["question"], *words["request"]]
    try:
        cues = {cue: _alternation(patterns) for cue, patterns in words.items()}
    except ValueError as fault:
        raise PackError(_wrong_cue(texts) or f"{files[-1].name}: its cues with those of the others: {fault}") from None
    return texts, files, cues


def _wrong_cue(texts: Sequence[tuple[str, Path, PackText, Any]]) -> str:
    """Say file, line and fault of the first pattern of a cue that is no regular expression."""
    for _, path, text, node in texts:
        for cue, patterns in text.cues.items():
            for number, pattern in enumerate(patterns):
                try:
                    _alternation([_filled(pattern, text)])
                except ValueError as fault:
                    line = documents.line_of(node, ("cues", cue, number))
                    return f"{path}:{line}: cue '{cue}': {fault}"
    return ""


def shipped_folders() -> list[str]:
    """Return the names of the shipped packs of rules."""
    return sorted(p.name for p in shipped("rules").iterdir() if p.is_dir() and p.name != query_types.FOLDER)


def _files(name: str) -> list[tuple[Path, str]]:
    """Return the YAML files of a pack name with the prefix of their rules."""
    own = Path(name)
    folder = own if own.exists() else shipped("rules") / name
    if not folder.exists() or name in ("", ".", query_types.FOLDER):
        known = shipped_folders()
        raise PackError(f"rule pack '{name}': neither a path nor a shipped pack{did_you_mean(name, known)}")
    if folder.is_file():
        return [(folder, folder.stem)]
    found = sorted(folder.glob("*.yaml"))
    if not found:
        raise PackError(f"{folder}: no .yaml file in this folder")
    return [(path, folder.name) for path in found]


def _bind(
    texts: Sequence[tuple[str, Path, PackText, Any]],
    cues: Mapping[str, str],
    changes: Mapping[str, RuleChange],
    detector: str,
) -> tuple[Rule, ...]:
    """Bind every rule to its check, with the recipe's changes."""
    rules: dict[str, Rule] = {}
    for prefix, path, text, node in texts:
        for short, written in text.rules.items():
            name = f"{prefix}/{short}"
            at = partial(_place, path, node, short)
            place = at()
            if not _NAME.fullmatch(short):
                raise PackError(f"{place}: a rule's name is made of letters, digits, '-', '_' and '.'")
            if name in rules:
                raise PackError(f"{place}: another pack already has a rule '{name}'")
            change = changes.get(name, RuleChange())
            given = {key: _with_score(value, text, place) for key, value in (written.params | change.params).items()}
            given = _filled(given, text)
            params = {key: _with_cues(value, cues, place) for key, value in given.items()}
            if written.check in CHECKS and "detector" in CHECKS[written.check].parameters():
                params.setdefault("detector", detector)
            found, expression = bind(written.check, params, at)
            action = change.action or written.action
            if action == "off":
                continue
            rules[name] = Rule(
                name, found.on, action, written.why, written.why_zh or written.why, written.why_en or written.why,
                written.role, written.kind, text.language, text.records,
                _strip(written, params, place), expression, tuple(written.fires), tuple(written.silent), params,
            )  # fmt: skip
    known = {f"{prefix}/{short}" for prefix, _, text, _ in texts for short in text.rules}
    stranger = next((name for name in changes if name not in known), None)
    if stranger:
        raise RecipeError(f"the recipe changes a rule '{stranger}' that no pack has{did_you_mean(stranger, known)}")
    return tuple(rules.values())


_NAME = re.compile(r"[\w.-]+")


def _place(path: Path, node: Any, rule: str, *steps: str | int) -> str:  # noqa: ANN401
    return f"{path}:{documents.line_of(node, ('rules', rule, *steps))}: rule '{rule}'"


def _strip(written: RuleText, params: Mapping[str, Any], place: str) -> tuple[str, ...]:
    """Return the patterns of the phrases that a rule takes off longer messages."""
    if not written.strip:
        return ()
    if written.check != "only_phrases":
        raise PackError(f"{place}: 'strip' goes with the check 'only_phrases'")
    phrases, spaced = [*params["phrases"], *(params.get("beside") or [])], params.get("over_spaces", False)
    return tuple(phrase_pattern([phrase], over_spaces=spaced) for phrase in phrases)


def _filled(value: Any, pack: PackText) -> Any:  # noqa: ANN401
    """Replace ``{name}`` in patterns by the pack's fragment of that name."""
    if isinstance(value, dict):
        return {key: _filled(part, pack) for key, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, pack) for part in value]
    if isinstance(value, str):
        for name, fragment in reversed(pack.fragments.items()):  # a fragment may use those written before it
            value = value.replace(f"{{{name}}}", f"(?:{fragment})")
    return value


def _with_score(value: Any, pack: PackText, place: str) -> Any:  # noqa: ANN401
    """Replace ``score:name`` as a parameter by the signs of that score."""
    if isinstance(value, list) and value and all(str(part).startswith("score:") for part in value):
        return {name: sign for part in value for name, sign in _with_score(part, pack, place).items()}
    if not isinstance(value, str) or not value.startswith("score:"):
        return value
    score = value.removeprefix("score:")
    if score not in pack.scores:
        raise PackError(f"{place}: this pack has no score '{score}'{did_you_mean(score, pack.scores)}")
    return {f"{score}/{name}": sign.model_dump(exclude_unset=True) for name, sign in pack.scores[score].items()}


def _with_cues(value: Any, cues: Mapping[str, str], place: str) -> Any:  # noqa: ANN401
    """Replace ``cue:question`` in a parameter by the regular expression of that cue."""
    if isinstance(value, dict):
        return {key: _with_cues(part, cues, place) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_cues(part, cues, place) for part in value]
    if isinstance(value, str) and value.startswith("cue:"):
        cue = value.removeprefix("cue:")
        if cue not in cues:
            raise PackError(f"{place}: there is no cue '{cue}'{did_you_mean(cue, cues)}")
        return cues[cue]
    return value


def _alternation(patterns: Sequence[str]) -> str:
    """Join patterns to one regular expression; with none, one that never matches."""
    return regex(*(f"(?:{pattern})" for pattern in patterns)) if patterns else NEVER


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
