"""Guess records that are a question with its answer, and other ways to ask it, as in a knowledge base."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from curation import shapes
from curation.mapping import Layout, value_at
from curation.recipe import Source
from curation.roles import Roles
from curation.sniffing.columns import Column, role_column, session_column, similar_paths, time_column
from curation.sniffing.guess import Guess, Item, Question

MARK = re.compile(r"(?i)(?:id|uuid|code|type|status|time|date|count|score|url)$")  # what no text is called
_OF_IT = re.compile(r"(?i)(?:时间|日期|分类|类型|类别|编号|状态|渠道|来源|人|人员|次数|昵称)$")  # what is told of one


def answers(guess: Guess, columns: Sequence[Column], records: Sequence[Mapping[str, Any]]) -> bool:
    """Recognise a question and its answer per record: two columns of sentences, and nobody who speaks."""
    said = [c for c in columns if (c.sentences > 0.5 or c.named("question") or c.named("answer")) and c.filled]
    said = [c for c in said if c.sentences > 0.2 or not MARK.search(str(c.key))]
    said = [c for c in said if not c.named("similar") and c.times < 0.6 and not _OF_IT.search(str(c.key))]
    question = next((c for c in said if c.named("question")), None)
    answers = sorted((c for c in said if c.named("answer") and c is not question), key=lambda c: c.named("cot"))
    answer = answers[0] if answers else None  # answer_analysis is reasoning where there is another answer
    role = role_column(columns, {c.key for c in said if c.length > 15})
    both = question is not None and answer is not None and question is not answer
    words = next((c.known_roles > 0.5 for c in columns if role and c.key == role.value), False)
    if role and role.confidence >= 0.9 and (words or not both):  # beside a question and its answer, two kinds of topics
        return False
    sure, why = 0.95, "the headers say so"
    ways = similar_paths(records)
    if question is None and answer is not None and ways and answer.sentences > 0.5:
        question = Column("", [""] * len(records))  # only ways to ask
    elif question is None or answer is None or question is answer:
        long = sorted((c for c in said if c.sentences > 0.6 and c.distinct > 0.5), key=lambda c: -c.length)[:2]
        if len(long) < 2 or session_column(columns, {c.key for c in long}, None):
            return False
        asks = {c.key: sum(bool(re.search(r"[?？]|吗|怎么|什么", v)) for v in c.filled) / len(c.filled) for c in long}
        named = {c.key: c.named("answer") - c.named("question") for c in long}
        question, answer = sorted(long, key=lambda c: (named[c.key], -asks[c.key], c.length))
        sure, why = (
            0.75,
            f"{asks[question.key]:.0%} of '{question.key}' ask, {asks[answer.key]:.0%} of '{answer.key}' do",
        )
        if named[question.key] < named[answer.key]:
            sure, why = 0.85, "the header of one of them says so"
        else:
            turned = {"columns": {"question": answer.key, "answer": question.key}}
            guess.question = Question(
                f"Which column is the question: '{question.key}' or '{answer.key}'?",
                [(str(question.key), {}), (str(answer.key), turned)],
                f"columns: {{question: {question.key}, answer: {answer.key}}}",
            )
    listed = "similar" if question.lists and any("\n" in value for value in question.values) else "question"
    found = {listed: question.key, "answer": answer.key} if question.filled else {"answer": answer.key}
    for what in ("input", "cot", "system"):
        other = next((c for c in columns if c.named(what) and c.key not in found.values() and c.filled), None)
        if other:
            found[what] = other.key
    if conversation := _conversation(columns, set(found.values())):
        found["conversation"] = conversation
    one_day = {c.key for c in columns if len(c.filled) > 1 and c.distinct * len(c.filled) <= 1}  # a version, no time
    time = time_column(columns, set(found.values()) | one_day)
    if time:
        found["time"] = time.value
    guess.source |= {"shape": "records", "columns": found}
    guess.items.append(Item("shape", "a question and its answer per record", sure, why))
    guess.items += [Item(what, str(key), sure) for what, key in found.items()]
    _similar(guess, records, ways, question, answer)
    return True


def _conversation(columns: Sequence[Column], taken: set[str | int]) -> str | int | None:
    """Find the column that says which of a bot's answers belong to one conversation: by its name, several of them."""
    for column in columns:
        n, own = len(column.counts), str(column.key).rsplit(".", 1)[-1]
        told = column.named("conversation") and (MARK.sub("", own) == own or own.casefold().endswith("id"))
        if column.key in taken or not told or column.fill < 0.9 or column.sentences > 0.3:
            continue
        if 1 < n < len(column.filled) and n > 0.05 * len(column.filled) and (column.times < 0.6 or column.numbers == 1):
            return column.key
    return None


def _similar(
    guess: Guess, records: Sequence[Mapping[str, Any]], found: list[str], question: Column, answer: Column
) -> None:
    """Take other ways to ask a question: what parts them in a cell, and cells that go on for several rows."""
    if not found or "similar" in guess.source["columns"]:
        return
    guess.source["columns"]["similar"] = found[0] if len(found) == 1 else found
    held = [[value for path in found if (value := value_at(record, path))] for record in records]
    cells = [value for some in held for value in some if isinstance(value, str) and value.strip()]
    listed = [cell for cell in cells if "、" in cell and min(map(len, cell.split("、"))) > 3]
    if 2 * len(listed) > len(cells):
        guess.source["separator"] = "、"
    below = [bool(some) and not asked.strip() for some, asked in zip(held, question.values, strict=True)]
    if any(below) and not any(answer.values[row].strip() for row, it in enumerate(below) if it) and not below[0]:
        guess.source["fill_down"] = True
        guess.items.append(Item("empty cells", f"{question.key}, {answer.key}: the ones above", 0.85, "merged cells"))
    layout = Layout("records", {}, Roles({}), Source(separator=guess.source.get("separator")))
    n = sum(len(shapes.ways(value, layout)) for some in held for value in some)
    guess.items.append(Item("similar", ", ".join(found), 0.9, f"{n} more questions with the same answers"))
