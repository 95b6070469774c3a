"""Conversations: by id, per file unless the recipe says otherwise, in the order of the files."""

from typing import Any

import polars as pl

from curation import tables
from curation.sessions import sessions


def log(*rows: tuple[str, str, str], span: bool = False) -> pl.DataFrame:
    """Build the frame that read.py makes of (file, conversation, text) rows."""
    found = [
        {"row": i, "file": f, "span": span, "conversation": c, "role": "user", "source": f"{f}:{i}", "raw": t}
        for i, (f, c, t) in enumerate(rows)
    ]
    return tables.read(pl.DataFrame(found))


def placed(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    return list(sessions(frame).select("conversation", "message", "raw").iter_rows())


def test_interleaved_conversations_come_in_order_of_first_appearance_numbered_from_0() -> None:
    found = placed(log(("f", "b", "1"), ("f", "a", "2"), ("f", "b", "3"), ("f", "a", "4")))
    assert found == [("b", 0, "1"), ("b", 1, "3"), ("a", 0, "2"), ("a", 1, "4")]


def test_the_same_id_in_two_files_is_two_conversations() -> None:
    found = placed(log(("x", "1", "a"), ("y", "1", "b"), ("y", "2", "c")))
    assert found == [("x/1", 0, "a"), ("y/1", 0, "b"), ("2", 0, "c")]


def test_the_same_id_in_two_files_is_one_conversation_where_the_recipe_says_so() -> None:
    assert placed(log(("x", "1", "a"), ("y", "1", "b"), span=True)) == [("1", 0, "a"), ("1", 1, "b")]


def test_text_begins_as_the_raw_text() -> None:
    assert sessions(log(("x", "1", " a "))).select("raw", "text").row(0) == (" a ", " a ")


def test_a_conversation_alone_is_what_it_is_among_others() -> None:
    messages = log(("f", "b", "1"), ("f", "a", "2"), ("f", "b", "3"), ("f", "a", "4"))
    alone = [sessions(messages.filter(pl.col("conversation") == name)) for name in ("b", "a")]
    assert pl.concat(alone).equals(sessions(messages))
