"""Every rule on its own examples: what `siftune rules test` and the test suite run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import polars as pl

from curation import tables
from curation.checks.language import language
from curation.checks.wording import BETWEEN, phrase_pattern, regex
from curation.judge import judge
from curation.mend import MENDS
from curation.packs import Example, Packs, Rule


class Trial(NamedTuple):
    """One example of one rule; `fault` says what did not hold, or nothing."""

    rule: str
    text: str
    fault: str


def trials(packs: Packs) -> Iterator[Trial]:
    """Run every rule alone on each of its examples: all of a rule's together, since a row is judged by itself."""
    for rule in packs.rules:
        told = [*((e, True) for e in rule.fires), *((e, False) for e in rule.silent)]
        make = _message if rule.on == "message" else _example
        frames = [make(example, rule, place) for place, (example, _) in enumerate(told)]
        hits = judge(pl.concat(frames), [rule], on=rule.on) if frames else tables.empty(tables.FINDINGS)
        evidence: dict[str, list[str]] = {}
        for place, said in hits.select("conversation", "evidence").iter_rows():
            evidence.setdefault(place, []).append(said)
        for place, (example, must) in enumerate(told):
            found = evidence.get(str(place), [])
            text = example.says if rule.on == "message" else f"{example.asks} → {example.answers}"
            yield Trial(rule.name, str(text), _fault(found, example, must=must))


class Said(NamedTuple):
    """A text that somebody tries: a message, or with `answer` a pair."""

    text: str
    answer: str | None = None
    after: str | None = None
    role: Literal["user", "assistant", "system"] | None = None


class Hit(NamedTuple):
    """A rule that fired on a text."""

    rule: str
    action: str
    evidence: str
    why: str


def tried(packs: Packs, said: Said) -> list[Hit]:
    """Return the rules that fire on a text, which is mended first as a run does (personal data stays).

    Rules on pairs take part where there is an answer; rules on messages speak for their own role unless `said` says.
    """
    text, answer, after = (_mended(part) for part in (said.text, said.answer, said.after))
    fired = []
    for rule in packs.rules:
        if rule.on == "message" and said.answer is None:
            frame = _message(Example(says=text, after=after, role=said.role), rule)
        elif rule.on == "example" and said.answer is not None:
            frame = _example(Example(asks=text, answers=answer), rule)
        else:
            continue
        found = judge(frame, [rule], on=rule.on)["evidence"].to_list()
        fired += [Hit(rule.name, rule.action, evidence, rule.why) for evidence in found[:1]]
    return fired


def why_not(rule: Rule, said: Said) -> Iterator[str]:
    """Yield what kept a rule from firing on a text, where it can be told: kind, language, speaker, words left over."""
    if rule.on == "example" and said.answer is None:
        yield f"{rule.name} looks at a question with its answer: add --answer TEXT"
        return
    if rule.on == "message" and said.answer is not None:
        yield f"{rule.name} looks at one message: leave out --answer"
        return
    text = _mended(said.text) or ""
    spoken = pl.DataFrame({"text": [text]}).select(language(pl.col("text"))).item()
    if rule.language and spoken not in (rule.language, "other"):
        yield f"{rule.name} looks only at texts in '{rule.language}'; this one is in '{spoken}'"
    if rule.role and said.role not in (None, rule.role):
        yield f"{rule.name} looks only at what the {rule.role} says"
    phrases = [*rule.params.get("phrases", []), *(rule.params.get("beside") or [])]
    if phrases:
        some = regex(phrase_pattern(phrases, over_spaces=rule.params.get("over_spaces", False)))
        left = pl.Series([text]).str.replace_all(some, " ").str.replace_all(rf"{BETWEEN}+", " ").item().strip()
        yield f"in none of its phrases: {left!r}" if left else "all of it is in its phrases; see its other parameters"


def _mended(text: str | None) -> str | None:
    if text is None:
        return None
    for expression in MENDS.values():
        text = pl.DataFrame({"text": [text], "role": ["user"]}).select(expression).item()
    return text


def _fault(found: list[str], example: Example, *, must: bool) -> str:
    if must and not found:
        return "does not fire"
    if not must and found:
        return "fires but must be silent"
    if must and example.evidence and example.evidence not in found[0]:
        return f"fires with other evidence ({found[0]!r})"
    return ""


def _message(example: Example, rule: Rule, place: int = 0) -> pl.DataFrame:
    """Return the frame that message rules see, with this one message in it."""
    row = {
        "conversation": str(place), "message": 0, "role": example.role or rule.role or "user",
        "text": example.says or "", "raw": example.says or "", "asked": example.after, "record": False,
        "conversations": example.conversations,
        "answering": example.conversations if example.answering is None else example.answering,
    }  # fmt: skip
    schema = {name: tables.MESSAGES[name] for name in ("conversation", "message", "role", "text", "raw", "record")}
    return pl.DataFrame([row], schema=schema | {"asked": pl.String, "conversations": pl.UInt32, "answering": pl.UInt32})


def _example(example: Example, rule: Rule, place: int = 0) -> pl.DataFrame:
    """Return the frame that example rules see, with this one example in it."""
    answer = (example.answers or "") * example.times
    said = (("user", example.asks), ("assistant", answer)) * (2 if example.again else 1)
    turns = [{"role": role, "text": text, "messages": [place]} for place, (role, text) in enumerate(said)]
    row = {
        "id": str(place), "conversation": str(place), "kind": rule.kind or "pair", "question": example.asks or "",
        "answer": answer, "cot": example.cot, "record": False, "earlier": example.earlier, "asked": example.asked,
        "told": example.told, "turns": turns,
    }  # fmt: skip
    return pl.DataFrame([row], schema=tables.EXAMPLES)
