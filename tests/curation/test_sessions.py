"""Conversations: by id, per file unless the recipe says otherwise, in the order of the files."""

from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import tables
from curation.recipe import Sessions, Source
from curation.seams import join_cut
from curation.sessions import sessions, threads


def log(*rows: tuple[str, str, str], span: bool = False) -> pl.DataFrame:
    """Build the frame that read.py makes of (file, conversation, text) rows."""
    found = [
        {"row": i, "file": f, "span": span, "conversation": c, "role": "user", "source": f"{f}:{i}", "raw": t}
        for i, (f, c, t) in enumerate(rows)
    ]
    return tables.read(pl.DataFrame(found))


def placed(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    return list(sessions(frame)[0].select("conversation", "message", "raw").iter_rows())


def test_interleaved_conversations_come_in_order_of_first_appearance_numbered_from_0() -> None:
    found = placed(log(("f", "b", "1"), ("f", "a", "2"), ("f", "b", "3"), ("f", "a", "4")))
    assert found == [("b", 0, "1"), ("b", 1, "3"), ("a", 0, "2"), ("a", 1, "4")]


def test_the_same_id_in_two_files_is_two_conversations() -> None:
    found = placed(log(("x", "1", "a"), ("y", "1", "b"), ("y", "2", "c")))
    assert found == [("x/1", 0, "a"), ("y/1", 0, "b"), ("2", 0, "c")]


def test_the_same_id_in_two_files_is_one_conversation_where_the_recipe_says_so() -> None:
    assert placed(log(("x", "1", "a"), ("y", "1", "b"), span=True)) == [("1", 0, "a"), ("1", 1, "b")]


def test_text_begins_as_the_raw_text() -> None:
    assert sessions(log(("x", "1", " a ")))[0].select("raw", "text").row(0) == (" a ", " a ")


def test_a_conversation_alone_is_what_it_is_among_others() -> None:
    messages = log(("f", "b", "1"), ("f", "a", "2"), ("f", "b", "3"), ("f", "a", "4"))
    alone = [sessions(messages.filter(pl.col("conversation") == name))[0] for name in ("b", "a")]
    assert pl.concat(alone).equals(sessions(messages)[0])


# --- which messages belong together -----------------------------------------------------------------------------


def rows(*said: dict[str, Any]) -> pl.DataFrame:
    """Build a file's messages of dicts; a lonely text is a user's."""
    found = [
        {"row": i, "file": "f", "role": "user", "source": f"f:{i}", "raw": str(i)} | one for i, one in enumerate(said)
    ]
    schema = {name: tables.READ[name] for name in tables.READ if any(name in one for one in found)}
    return tables.read(pl.DataFrame(found, schema=schema))


def told(frame: pl.DataFrame, **source: Any) -> list[tuple[str, str]]:
    return list(sessions(frame, Sessions(), [Source(**source)])[0].select("conversation", "raw").iter_rows())


def test_a_customer_who_is_silent_for_longer_than_the_gap_begins_a_new_conversation() -> None:
    times = ["10:00:00", "10:30:00", "11:00:01", None, "11:10:00"]
    frame = rows(*({"customer": "k", "time": t and f"2024-05-01 {t}"} for t in times))
    assert told(frame) == [("k#1", "0"), ("k#1", "1"), ("k#2", "2"), ("k#2", "3"), ("k#2", "4")]


def test_the_gap_is_the_recipe_s() -> None:
    frame = rows({"customer": "k", "time": "2024-05-01 10:00"}, {"customer": "k", "time": "2024-05-01 10:06"})
    names = [sessions(frame, Sessions(gap_minutes=m))[0]["conversation"].to_list() for m in (6, 5.9)]
    assert names == [["k#1", "k#1"], ["k#1", "k#2"]]


def test_customers_whose_messages_mingle_are_kept_apart_and_ids_win_over_gaps() -> None:
    frame = rows({"customer": "a"}, {"customer": "b"}, {"customer": "a"}, {"conversation": "T", "customer": "a"})
    assert told(frame) == [("a#1", "0"), ("a#1", "2"), ("b#1", "1"), ("T", "3")]


def test_threads_of_replies_are_rebuilt_wherever_the_links_lead() -> None:
    links = [("1", None), ("2", "1"), ("9", "8"), ("3", "2"), ("7", "8"), ("4", "1"), ("5", None)]
    frame = rows(*({"id": i, "reply_to": r, "customer": "alone" if i == "5" else None} for i, r in links))
    names = dict(sessions(frame)[0].select("raw", "conversation").iter_rows())
    assert [names[str(i)] for i in range(7)] == ["1", "1", "8", "1", "8", "1", "alone#1"]


@given(st.integers(2, 60), st.randoms(use_true_random=False))
def test_a_thread_has_one_root_however_long_and_however_shuffled(length: int, random: Random) -> None:
    links = [(str(i), str(i - 1) if i else None) for i in range(length)]
    random.shuffle(links)
    found = threads(pl.DataFrame([("f", *link) for link in links], schema=["file", "id", "reply_to"], orient="row"))
    assert dict(found.select("id", "root").iter_rows()) == {str(i): "0" for i in range(length)}


def test_a_ring_of_replies_ends() -> None:
    frame = pl.DataFrame({"file": ["f"] * 2, "id": ["1", "2"], "reply_to": ["2", "1"]})
    assert threads(frame)["id"].sort().to_list() == ["1", "2"]


def test_in_a_crowd_an_agent_speaks_to_whom_he_names_or_who_spoke_last() -> None:
    said = [
        ("ann", "my card fails"), ("bob", "where is my refund"), ("op", "ann: which error?"), ("op", "try again"),
        ("bob", "hello?"), ("op", "it was sent today"), ("ann", "works"), ("op", "great, bob"),
    ]  # fmt: skip
    frame = rows(*({"speaker": who, "raw": text, "role": "assistant" if who == "op" else "user"} for who, text in said))
    found = told(frame, crowd=True)
    assert [text for name, text in found if name == "ann#1"] == [
        "my card fails", "ann: which error?", "try again", "works",
    ]  # fmt: skip
    texts = sessions(frame, sources=[Source(crowd=True)])[0]["text"].to_list()
    assert "which error?" in texts  # the example is not addressed to ann
    assert "great, bob" in texts
    assert [text for name, text in found if name == "bob#1"] == [
        "where is my refund", "hello?", "it was sent today", "great, bob",
    ]  # fmt: skip


# --- order ------------------------------------------------------------------------------------------------------


def test_in_a_crowd_an_agent_who_answers_a_message_speaks_to_its_customer_whoever_spoke_last() -> None:
    said = [
        {"speaker": "ann", "raw": "is it open?", "id": "1"},
        {"speaker": "bob", "raw": "where is it?", "id": "2"},
        {"speaker": "mia", "raw": "yes", "id": "3", "reply_to": "1", "role": "assistant"},
        {"speaker": "ann", "raw": "until when?", "id": "4", "reply_to": "3"},
        {"speaker": "mia", "raw": "in the high street", "id": "5", "reply_to": "2", "role": "assistant"},
        {"speaker": "mia", "raw": "to the left", "id": "6", "reply_to": "5", "role": "assistant"},
        {"speaker": "mia", "raw": "until six", "id": "7", "reply_to": "4", "role": "assistant"},
    ]
    assert sorted(told(rows(*said), crowd=True)) == [
        ("ann#1", "is it open?"), ("ann#1", "until six"), ("ann#1", "until when?"), ("ann#1", "yes"),
        ("bob#1", "in the high street"), ("bob#1", "to the left"), ("bob#1", "where is it?"),
    ]  # fmt: skip


def order(*times: str | None, policy: str = "auto") -> list[int]:
    frame = rows(*({"conversation": "c", "time": time} for time in times))
    return [int(raw) for raw in sessions(frame, Sessions(order=policy))[0]["raw"]]  # type: ignore[arg-type]


def test_messages_come_in_order_of_time_with_the_file_s_order_for_ties() -> None:
    assert order("10:02", "10:01", "10:02", "10:01") == [1, 3, 0, 2]
    assert order("10:02", "10:01", policy="file") == [0, 1]


def test_a_message_without_time_stays_behind_the_one_before_it() -> None:
    assert order("10:01", None, "10:00", None) == [2, 3, 0, 1]
    assert order(None, "10:05", "10:01", "10:02") == [2, 3, 0, 1]
    assert order("10:05", None, None, "10:01", None) == [0, 1, 2, 3, 4], "most have no time: nothing is moved"


def test_a_file_that_runs_backwards_is_turned_round_ties_included() -> None:
    assert order("10:03", "10:02", "10:02", "10:01") == [3, 2, 1, 0]
    assert order("10:03", None, "10:02", "10:01") == [3, 2, 1, 0]


def test_clocks_without_a_date_pass_midnight() -> None:
    assert order("23:58", "23:59", "00:01", "00:00") == [0, 1, 3, 2]


@pytest.mark.parametrize(
    ("clocks", "found"),
    [
        (["10:00", "10:05", "09:14", "09:20"], [("f#1", "0"), ("f#1", "1"), ("f#2", "2"), ("f#2", "3")]),
        (["08:55", "21:10", "21:12"], [("f#1", "0"), ("f#2", "1"), ("f#2", "2")]),
        (["10:00", "10:02", "10:01", "10:03"], [("f#1", "0"), ("f#1", "2"), ("f#1", "1"), ("f#1", "3")]),  # a slip
        (["21:12", "21:10", "12:55"], [("f#1", "2"), ("f#2", "1"), ("f#2", "0")]),  # runs backwards
    ],
)
def test_a_copied_chat_whose_clocks_go_back_goes_on_the_next_day(
    clocks: list[str], found: list[tuple[str, str]]
) -> None:
    frame = rows(*({"time": clock} for clock in clocks))
    assert sessions(frame, Sessions(), [Source(stream=True)])[0].select("conversation", "raw").rows() == found


def test_times_of_two_kinds_in_one_conversation_move_nothing() -> None:
    assert order("2024-05-01 10:02", "10:01") == [0, 1]


def test_a_file_without_times_does_not_hinder_another_s_clocks() -> None:
    said = [("f", "10:02"), ("f", "10:01"), ("g", None)]
    frame = rows(*({"conversation": "c", "file": file, "span": True, "time": time} for file, time in said))
    assert sessions(frame)[0]["raw"].to_list() == ["1", "2", "0"]  # what has no time stays behind the one before


def test_what_was_moved_is_said() -> None:
    frame = rows({"conversation": "c", "time": "10:02"}, {"conversation": "c", "time": "10:01"})
    found = sessions(frame)[1].select("message", "rule", "before", "after").rows()
    assert found == [
        (0, "mend/order", "message 1", "message 0"),
        (1, "mend/order", "message 0", "message 1"),
    ]


@given(st.lists(st.one_of(st.none(), st.integers(0, 59)), max_size=12))
def test_sorting_loses_nothing_and_respects_the_times(minutes: list[int | None]) -> None:
    found = order(*(None if m is None else f"10:{m:02}" for m in minutes)) if minutes else []
    assert sorted(found) == list(range(len(minutes)))
    known = [minutes[i] for i in found if minutes[i] is not None]
    if known and len(known) * 2 >= len(minutes):
        assert known == sorted(known)  # type: ignore[type-var]


@pytest.mark.parametrize("seed", range(8))
def test_threads_that_share_the_messages_change_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(seed)
    words = (["c1", "c2", "c3", None], ["10:01:05", "10:02", "2024-05-01 10:02:03", "2024-05-01 11:40:03", None])
    frame = tables.read(
        pl.DataFrame(
            [
                {
                    "row": i, "file": random.choice("fg"), "source": f"f:{i}", "conversation": random.choice(words[0]),
                    "time": random.choice(words[1]), "role": random.choice(tables.ROLES), "raw": random.choice("ab"),
                    "bot": random.random() < 0.3, "customer": random.choice(["x", "y", None]),
                }
                for i in range(30)
            ],
            schema={name: kind for name, kind in tables.READ.items() if name not in ("cot", "id")},
        )
    )  # fmt: skip
    alone, findings = sessions(frame)
    monkeypatch.setattr("curation.sessions.AT_ONCE", 1)
    monkeypatch.setattr("polars.thread_pool_size", lambda: 3)
    shared, also = sessions(frame)
    assert shared.equals(alone)
    assert also.equals(findings)


# --- rows that came twice ---------------------------------------------------------------------------------------


def twice(*said: dict[str, Any]) -> list[int]:
    found = sessions(rows(*({"conversation": "c"} | one for one in said)))[1]
    return found.filter(pl.col("rule") == "read/duplicate-row")["message"].to_list()


def at(time: str, raw: str, **more: Any) -> dict[str, Any]:
    return {"time": f"2024-05-01 {time}", "raw": raw} | more


def test_the_same_words_at_the_same_second_are_the_same_row() -> None:
    assert twice(at("10:00:01", "好的"), at("10:00:05", "嗯"), at("10:00:01", "好的")) == [1]


def test_a_customer_may_say_the_same_twice() -> None:
    assert twice(at("10:00:01", "好的"), at("10:00:02", "好的"), at("10:00:02", "嗯")) == []
    assert twice({"raw": "好的"}, {"raw": "好的"}) == []
    assert twice(at("10:00", "好的"), at("10:00", "稍等", role="assistant"), at("10:00", "好的")) == []
    assert twice(at("10:00:01", "好的", id="1"), at("10:00:02", "好的", id="2")) == []
    assert twice(at("10:00:01", "好的"), at("10:00:01", "好的", role="assistant"), at("10:00:02", "x")) == []


def test_a_copy_behind_midnight_is_told_by_its_clock_as_it_is_written() -> None:
    said = (("14:00:00", "好的"), ("01:00:00", "嗯"), ("08:00:00", "在吗"), ("14:00:00", "好的"))
    assert twice(*({"time": clock, "raw": raw} for clock, raw in said)) == [3]


def test_copies_are_found_in_streams_longer_and_shorter_than_what_is_sorted_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("curation.sessions.SORTED", 3)
    talks = [("a", 1), ("b", 7), ("c", 2), ("d", 2)]
    said = [
        {"conversation": name, "source": f"{name}{second}"} | at(f"10:00:{second:02}", f"第{second}句")
        for name, count in talks for second in range(count)
    ]  # fmt: skip
    copies = [{**said[at], "source": f"copy {at}"} for at in (2, 9)]  # of b and c
    findings = sessions(rows(*said, *copies))[1]
    assert findings.filter(pl.col("rule") == "read/duplicate-row")["conversation"].to_list() == ["b", "c"]


def test_a_message_id_that_comes_again_with_the_same_words_is_a_copy() -> None:
    assert twice({"raw": "x", "id": "7"}, {"raw": "y", "id": "8"}, {"raw": "x", "id": "7"}) == [2]
    assert twice({"raw": "x", "id": "7"}, {"raw": "y", "id": "7"}) == []


def test_where_times_name_minutes_only_a_run_that_comes_again_is_a_copy() -> None:
    run = [at("10:00", "在吗"), at("10:00", "亲，在的", role="assistant")]
    assert twice(*run, at("10:01", "好"), *run, at("10:02", "x")) == [2, 3]


# --- bots and cut messages --------------------------------------------------------------------------------------


def test_a_new_section_begins_where_a_bot_begins_or_stops_to_speak() -> None:
    sides = [("user", 0), ("assistant", 1), ("assistant", 1), ("user", 0), ("system", 0), ("assistant", 0), ("user", 0)]
    frame = rows(*({"conversation": "c", "role": role, "bot": bool(bot)} for role, bot in sides))
    assert sessions(frame)[0]["section"].to_list() == [0, 1, 1, 2, 2, 2, 2]


def test_what_was_said_before_a_person_took_over_is_a_bot_s() -> None:
    said = [("user", "怎么退"), ("assistant", "请选择1或2"), ("system", "已为您转接人工客服"), ("assistant", "您好")]
    frame = rows(*({"conversation": "c", "role": role, "raw": raw} for role, raw in said))
    assert sessions(frame)[0]["bot"].to_list() == [False, True, False, False]


def test_a_message_that_was_cut_goes_on_in_the_next_of_the_same_speaker() -> None:
    full = "x" * 30
    said = [("ann", full), ("ann", "rest"), ("bob", full), ("ann", "new"), ("ann", "short"), ("ann", "other")]
    frame = rows(*({"conversation": "c", "speaker": who, "raw": raw} for who, raw in said))
    found = sessions(frame, Sessions(), [Source(cut_at=30)])[0]
    assert found["continues"].to_list() == [False, True, False, False, False, False]
    whole = join_cut(found)
    assert whole.messages.select("message", "text", "parts").rows()[0] == (0, full + "rest", 2)
    assert whole.messages.height + whole.pieces.height == 6
    assert whole.mends.select("message", "rule", "before", "after").rows() == [
        (0, "mend/cut-message", full, full + "rest")
    ]


def test_a_space_that_was_lost_where_a_message_was_cut_comes_back() -> None:
    said = ["x" * 29, "rest", "y" * 30, "rest"]
    frame = rows(*({"conversation": "c", "speaker": "ann", "raw": raw} for raw in said))
    whole = join_cut(sessions(frame, Sessions(), [Source(cut_at=30)])[0])
    assert whole.messages["text"].to_list() == ["x" * 29 + " rest", "y" * 30 + "rest"]
