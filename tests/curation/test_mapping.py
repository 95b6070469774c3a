"""Which column holds what: the recipe's answer first, then the names that everybody uses."""

import pytest

from curation.errors import SourceError
from curation.mapping import named_columns, settle, value_at
from curation.recipe import Columns, Source


@pytest.mark.parametrize(
    ("header", "shape"),
    [
        (["session_id", "sender", "message"], "messages"),
        (["会话ID", "发送方", "内容", "时间"], "messages"),
        (["instruction", "input", "output"], "records"),
        (["问题", "答案"], "records"),
    ],
)
def test_the_shape_of_a_table_is_told_by_its_header(header: list[str], shape: str) -> None:
    assert settle(Source(), header, None, "f.csv").shape == shape


def test_a_list_of_objects_makes_conversations_and_a_plain_list_does_not() -> None:
    nested = {"id": 1, "messages": [{"role": "user", "content": "x"}]}
    assert settle(Source(), nested, [nested], "f").shape == "conversations"
    flat = {"conversation": 1, "role": "user", "text": "x", "history": []}
    assert settle(Source(), flat, [flat], "f").shape == "messages"


def test_a_key_that_lies_deeper_is_told_with_its_path() -> None:
    nested = {"ticket": {"id": 7, "comments": [{"author": "x", "body": "y"}]}}
    with pytest.raises(SourceError, match=r"'comments' is not there; found: ticket; did you mean 'ticket.comments'\?"):
        settle(Source(columns=Columns(messages="comments")), nested, [nested], "f")


def test_the_recipe_s_column_wins_over_a_common_name() -> None:
    assert named_columns(Columns(text="body"), ["text", "body"])["text"] == "body"


def test_the_first_common_name_of_the_list_wins_whatever_the_order_in_the_file() -> None:
    assert named_columns(Columns(), ["body", "text"])["text"] == "text"


def test_values_are_found_by_key_and_by_path() -> None:
    record = {"a": {"b": {"c": 1}}, "a.b": 2, "7": 3, "to": ["x", {"y": 4}]}
    assert [value_at(record, key) for key in ("a.b.c", "a.b", 7, "a.x", "a.b.c.d")] == [1, 2, 3, None, None]
    assert [value_at(record, key) for key in ("to.0", "to.1.y", "to.2", "to.y")] == ["x", 4, None, None]


def test_the_inner_names_of_messages_need_not_stand_in_the_record() -> None:
    record = {"key": 1, "turns": [{"who": "user", "said": "x"}]}
    source = Source(columns=Columns(conversation="key", role="who", text="said"))
    assert settle(source, record, [record], "f").columns["role"] == "who"


def test_what_is_missing_is_said_with_an_example_of_the_cure() -> None:
    with pytest.raises(SourceError) as caught:
        settle(Source(shape="messages"), ["session", "body"], None, "f.csv")
    assert str(caught.value) == (
        "f.csv: no column for role; found: session, body; let `siftune sniff` guess them, "
        "or name them in the recipe, e.g. sources: [{columns: {conversation: …, role: …, text: …}}]"
    )


def test_a_byte_order_mark_in_a_name_does_not_hide_it() -> None:
    """A file that was saved with a mark twice keeps one in the name of its first column."""
    assert named_columns(Columns(), ["\ufeff会话ID", " Role\ufeff"]) == {
        "conversation": "\ufeff会话ID",
        "role": " Role\ufeff",
    }
