"""Reasoning where people keep it: a field, a list of steps, <think> tags, typed parts, or before GSM8K's ####."""

from __future__ import annotations

import re
from typing import Any

import polars as pl

# Names of a field that holds the reasoning, folded: of a record, or of a message.
FIELDS = (
    "cot", "reasoning", "reasoning_content", "thought_process", "complex_cot", "chain_of_thought", "rationale",
    "thinking", "thought", "思考", "推理", "解析",
)  # fmt: skip
_THOUGHT = re.compile(
    r"\s*<(think|thinking|thought|reason|reasoning)>((?:(?!</?\1>).)*)</\1>\s*((?:(?!</?\1>).)*)", re.DOTALL
)
_LIKELY = r"^[\s\x1c-\x1f]*<(?:think|thinking|thought|reason|reasoning)>"  # no look at the end of it
_PARTS = {"thought": pl.String, "rest": pl.String}
_FINAL = re.compile(r"(?s)(.*\S)\s*\n[ \t]*####[ \t]*([^\n]+?)\s*")


def inside(text: str) -> tuple[str | None, str]:
    """Part an answer from the reasoning before it; (None, the text as it is) where there is none, or tags are broken.

    Known are whole <think> tags at the start, and GSM8K's last line ``#### 72``.
    """
    thought = _THOUGHT.fullmatch(text)
    if thought:
        return thought.group(2).strip(), thought.group(3).strip()
    final = _FINAL.fullmatch(text)
    return (final.group(1).strip(), final.group(2).strip()) if final else (None, text)


def all_inside(texts: pl.Series) -> pl.DataFrame:
    """Part every text as `inside` does: columns thought and rest, both null where there is no reasoning in it."""
    text = pl.col("text").str
    holds = text.contains(_LIKELY) | text.contains("####", literal=True)  # asked apart: both are fast then
    likely = texts.to_frame("text").select(pl.when(holds).then("text")).to_series()
    parted = {text: inside(text) for text in likely.drop_nulls().unique()}
    found = {text: both for text, both in parted.items() if both[0] is not None}
    if not found:
        return pl.DataFrame({"thought": [None], "rest": [None]}, schema=_PARTS)[[0] * len(texts)]
    rows = [found.get(text, (None, None)) for text in likely]
    return pl.DataFrame(rows, schema=_PARTS, orient="row")


def tagged(reasoning: str | None, text: str) -> str:
    """Put reasoning before an answer in <think> tags; without any, the answer stays as it is."""
    return f"<think>\n{reasoning}\n</think>\n\n{text}" if reasoning and reasoning.strip() else text


def as_text(value: Any) -> Any:  # noqa: ANN401
    """Join a list of steps to one text, a line each; anything else comes back as it is.

    A step is a text, or an object with its text under "text", "step", "content", "thought" or "explanation".
    """
    if not isinstance(value, list):
        return value
    steps = []
    for step in value:
        found = step
        if isinstance(step, dict):
            found = next((step[k] for k in ("text", "step", "content", "thought", "explanation") if step.get(k)), None)
        if isinstance(found, int | float) and not isinstance(found, bool):
            found = str(found)
        if not isinstance(found, str):
            return value
        steps.append(found)
    return "\n".join(steps)


def parts(content: Any) -> tuple[Any, str | None]:  # noqa: ANN401
    """Part typed parts ([{"type": "reasoning", …}, {"type": "text", …}]) into text and reasoning.

    Content that is no such list, or holds parts of other types, comes back as it is, with no reasoning.
    """
    if (
        not isinstance(content, list)
        or not content
        or not all(isinstance(p, dict) and isinstance(p.get("type"), str) for p in content)
    ):
        return content, None
    said: list[str] = []
    thought: list[str] = []
    for part in content:
        text = next(
            (part[k] for k in ("text", "reasoning", "thinking", "content") if isinstance(part.get(k), str)), None
        )
        if text is None or part["type"] not in ("text", "input_text", "output_text", "reasoning", "thinking"):
            return content, None
        (thought if part["type"] in ("reasoning", "thinking") else said).append(text)
    return "\n".join(said), "\n".join(thought) if thought else None
