"""Verdicts and fates: the strongest finding wins, and every message has exactly one fate with its reasons."""

import polars as pl

from curation import decide, tables


def example(name, *messages, conversation="c"):
    turns = [
        {"role": "user", "text": "q?", "messages": [messages[0]]},
        {"role": "assistant", "text": "a", "messages": list(messages[1:])},
    ]
    return {"id": name, "conversation": conversation, "kind": "pair", "question": "q?", "answer": "a", "cot": None,
            "record": False, "earlier": 0, "turns": turns}  # fmt: skip


def table(*rows):
    return pl.DataFrame(rows, schema=dict(tables.EXAMPLES))


def findings(*rows):
    return tables.findings(pl.DataFrame(rows, schema_overrides={"message": pl.UInt32}, infer_schema_length=None))


def on_example(name, rule, action):
    return {"conversation": "c", "message": None, "example": name, "rule": rule, "action": action, "evidence": "e"}


def on_message(number, rule, action):
    return {"conversation": "c", "message": number, "example": None, "rule": rule, "action": action, "evidence": "e"}


def messages(count):
    return pl.DataFrame(
        {"conversation": ["c"] * count, "message": range(count), "role": ["user"] * count, "text": ["t"] * count},
        schema={"conversation": pl.String, "message": pl.UInt32, "role": tables.ROLE, "text": pl.String},
    )


def test_the_strongest_finding_decides():
    found = findings(
        on_example("a", "r/note", "note"), on_example("b", "r/held", "review"), on_example("b", "r/gone", "drop")
    )
    decided = decide.verdicts(table(example("a", 0, 1), example("b", 2, 3), example("c", 4, 5)), found)
    assert decided.select("id", "verdict").rows() == [("a", "keep"), ("b", "drop"), ("c", "keep")]
    assert decided["rules"].to_list() == [["r/note"], ["r/gone", "r/held"], []]


def test_a_held_message_holds_the_examples_it_is_in():
    decided = decide.verdicts(table(example("a", 0, 1), example("b", 2, 3)), findings(on_message(1, "r/cut", "review")))
    assert decided["verdict"].to_list() == ["review", "keep"]


def test_a_message_has_the_best_fate_of_its_examples():
    found = findings(
        on_example("b", "r/gone", "drop"), on_example("d", "r/held", "review"), on_message(6, "r/filler", "drop")
    )
    rows = table(example("a", 0, 1), example("b", 1, 2), example("d", 3, 4))
    fates = decide.fates(messages(7), decide.verdicts(rows, found), found)
    assert fates["fate"].to_list() == ["example", "example", "dropped", "held", "held", "dropped", "dropped"]
    assert fates["rules"].to_list() == [[], [], ["r/gone"], ["r/held"], ["r/held"], [], ["r/filler"]]


def test_places_are_found_by_conversation_and_number_whatever_is_missing():
    frame = pl.DataFrame(
        {"conversation": ["b", "b", "b", "a", "a"], "message": [0, 3, 4, 1, 0]}, schema_overrides={"message": pl.UInt32}
    )
    asked = pl.DataFrame(
        {"conversation": ["a", "b", "x", "b", "a", "b", "a"], "message": [0, 4, 0, 1, 1, None, 5]},
        schema_overrides={"message": pl.UInt32},
    )
    places = decide.Places(frame)
    assert places.rows(asked).rows() == [("a", 0, 4), ("b", 4, 2), ("a", 1, 3)]
    rows = table(example("one", 1, 0, conversation="a"), example("two", 3, 9, 4, conversation="b"))
    whose, where = places.members(rows)
    assert (whose.tolist(), where.tolist()) == ([0, 0, 1, 1], [3, 4, 1, 2])
    assert decide.Places(frame.clear()).rows(asked).is_empty()


def test_a_message_in_no_example_gets_a_reason():
    found = findings(on_message(2, "r/filler", "drop"))
    frame = messages(4).with_columns(role=pl.Series(["user", "assistant", "user", "user"], dtype=tables.ROLE))
    unused = decide.unused(frame, table(example("a", 0, 1)), found)
    assert unused.select("message", "rule", "action").rows() == [(3, "extract/unanswered", "drop")]


def test_an_agents_message_without_a_question_is_called_so():
    frame = messages(1).with_columns(role=pl.Series(["assistant"], dtype=tables.ROLE))
    unused = decide.unused(frame, table(), findings(on_message(9, "r/x", "note")))
    assert unused["rule"].to_list() == ["extract/unprompted"]


def test_a_longer_finished_answer_scores_higher_and_notes_cost():
    long = example("long", 0, 1) | {
        "answer": "退款会在一到三个工作日内按原路退回到您付款时使用的账户，请您留意银行发来的短信通知。"
    }
    short = example("short", 2, 3) | {"answer": "三天"}
    noted = long | {"id": "noted", "turns": example("x", 4, 5)["turns"]}
    scored = decide.scores(table(long, short, noted), findings(on_example("noted", "r/shout", "note")))
    by_id = dict(zip(scored["id"], scored["score"], strict=True))
    assert by_id["long"] > by_id["noted"] > by_id["short"]
