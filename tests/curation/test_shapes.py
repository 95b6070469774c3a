"""Records → messages, shape by shape, as the recipe maps them."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curation import runfolder
from curation.built import guess_line, pattern_of
from curation.errors import SourceError
from curation.packs import Packs
from curation.pipeline import curate
from curation.read import Reading, read
from curation.recipe import Recipe, Source


def reading(folder: Path, content: str, name: str = "log.jsonl", **source: Any) -> Reading:
    (folder / name).write_text(content, encoding="utf-8")
    return read([folder / name], [Source(**source)])


def said(found: Reading) -> list[tuple[str | None, str, str]]:
    return list(found.messages.select("conversation", "role", "raw").iter_rows())


def test_roles_as_keys_beside_the_text(tmp_path: Path) -> None:
    record = {
        "k": 1,
        "talk": [{"client": "ann", "t": "hi"}, {"agent": "bo", "t": "hello"}, {"client2": "cy", "t": "me too"}],
    }
    keys = {"client": "user", "client2": "user", "agent": "assistant"}
    found = reading(
        tmp_path, json.dumps(record), role_keys=keys, columns={"conversation": "k", "messages": "talk", "text": "t"}
    )
    assert said(found) == [("1", "user", "hi"), ("1", "assistant", "hello"), ("1", "user", "me too")]
    assert found.messages["speaker"].to_list() == ["ann", "bo", "cy"]


def test_roles_as_keys_of_a_flat_record_that_holds_both(tmp_path: Path) -> None:
    found = reading(
        tmp_path, '{"id": 7, "customer": "hi", "bot": "hello"}', role_keys={"customer": "user", "bot": "bot"},
        columns={"conversation": "id"},
    )  # fmt: skip
    assert said(found) == [("7", "user", "hi"), ("7", "assistant", "hello")]
    assert found.messages["bot"].to_list() == [False, True]


def test_whoever_the_row_names_as_its_asker_is_the_customer(tmp_path: Path) -> None:
    text = "who,by,said\ntb1,tb1,hi\ntb1,shop,hello\ntb2, tb2 ,hey\ntb2,系统,joined\ntb2,,x\n"
    columns = {"asker": "who", "customer": "who", "role": "by", "text": "said"}
    found = reading(tmp_path, text, "log.csv", columns=columns)
    assert found.messages.select("customer", "role", "raw", "speaker").rows() == [
        ("tb1", "user", "hi", "tb1"), ("tb1", "assistant", "hello", "shop"), ("tb2", "user", "hey", "tb2"),
        ("tb2", "system", "joined", None),
    ]  # fmt: skip
    assert found.unreadable["why"].to_list() == ["no role"]


def test_a_text_in_pieces_is_one_text(tmp_path: Path) -> None:
    pieces = ["Hold ", {"type": "bold", "text": "reset"}, " for ten seconds"]
    record = {"from": "Acme Support", "session": "s", "text": pieces}
    assert said(reading(tmp_path, json.dumps(record))) == [("s", "assistant", "Hold reset for ten seconds")]
    bad = record | {"text": ["a", 1]}
    assert reading(tmp_path, json.dumps(bad)).unreadable["why"].to_list() == ["the text is a list, not text"]


def test_messages_before_and_after_the_list(tmp_path: Path) -> None:
    record = {"id": "T", "ask": {"words": "why?"}, "list": [{"role": "agent", "text": "so"}], "end": "bye"}
    found = reading(
        tmp_path, json.dumps(record) + '\n{"id": "U", "list": [{"role": "user", "text": "x"}]}',
        columns={"messages": "list"}, before={"text": "ask.words", "role": "user"},
        after={"text": "end", "role": "bot"},
    )  # fmt: skip
    assert said(found) == [
        ("T", "user", "why?"),
        ("T", "assistant", "so"),
        ("T", "assistant", "bye"),
        ("U", "user", "x"),
    ]


def test_what_is_no_speech_is_a_system_message_and_nothing_is_lost(tmp_path: Path) -> None:
    events = [{"by": "user", "do": "say", "text": "hi"}, {"by": "agent", "do": "look", "api": 1}, {"do": "join"}]
    found = reading(
        tmp_path, json.dumps({"id": 1, "events": events}), said=["say"],
        columns={"messages": "events", "role": "by", "kind": "do"},
    )  # fmt: skip
    assert [role for _, role, _ in said(found)] == ["user", "system", "system"]
    assert json.loads(said(found)[1][2]) == events[1]


def test_a_conversation_without_messages_is_no_fault(tmp_path: Path) -> None:
    found = reading(tmp_path, '{"id": 1, "messages": []}\n{"id": 2, "messages": [{"role": "user", "text": "x"}]}')
    assert said(found) == [("1", "system", ""), ("2", "user", "x")]


def test_several_messages_in_one_cell(tmp_path: Path) -> None:
    found = reading(tmp_path, "session,role,text\nS,agent,one!@@@!two !@@@! \n", "log.csv", separator="!@@@!")
    assert said(found) == [("S", "assistant", "one"), ("S", "assistant", "two")]
    assert found.messages["source"].to_list() == ["log.csv:2"] * 2


def test_a_conversation_in_one_cell(tmp_path: Path) -> None:
    columns = {"messages": "chat", "conversation": "nr"}
    text = 'nr,chat\n5,"客户：在吗\n客服：在的，\n您说"\n'
    found = reading(
        tmp_path, text, "log.csv", line="{name}: {text}", columns={"messages": "chat", "conversation": "nr"}
    )
    assert said(found) == [("5", "user", "在吗"), ("5", "assistant", "在的，\n您说")]
    turns = reading(tmp_path, "nr,chat\n5,a<sep>b<sep>c\n", "log.csv", separator="<sep>", columns=columns)
    assert said(turns) == [("5", "user", "a"), ("5", "assistant", "b"), ("5", "user", "c")]


def test_a_customer_is_known_on_either_side_of_a_direct_message(tmp_path: Path) -> None:
    rows = [{"from": "wm1", "to": ["li"], "text": "hi"}, {"from": "li", "to": ["wm1"], "text": "hello"}]
    found = reading(
        tmp_path, "\n".join(map(json.dumps, rows)), roles={"user": ["wm*"], "assistant": ["*"]}, columns={"to": "to"}
    )
    assert found.messages["customer"].to_list() == ["wm1", "wm1"]


def test_a_history_comes_before_the_question(tmp_path: Path) -> None:
    record = {"instruction": "q2", "output": "a2", "history": [["q1", "a1"]], "system": "Be kind."}
    found = reading(tmp_path, json.dumps(record))
    assert [(role, raw) for _, role, raw in said(found)] == [
        ("system", "Be kind."), ("user", "q1"), ("assistant", "a1"), ("user", "q2"), ("assistant", "a2"),
    ]  # fmt: skip
    bad = reading(tmp_path, '{"instruction": "q", "output": "a", "history": ["x"]}')
    assert bad.unreadable["why"].to_list() == ["the history is not a list of pairs of a question and an answer"]


def test_the_system_prompt_of_a_finished_set_stays_with_its_record(tmp_path: Path, packs: Packs) -> None:
    asked = {
        "How do I reset the kettle?": "Hold its red button for ten seconds until the lamp goes out, then let go.",
        "Where do I find spare lids for the teapot?": "In the shop under Accessories, they are listed by the year.",
        "Which battery does the remote control need?": "Two AAA cells; slide the cover on the back down to change.",
    }  # fmt: skip
    records = [{"instruction": q, "system": f"About: {q}", "output": a} for q, a in asked.items()]
    (tmp_path / "set.jsonl").write_text("\n".join(map(json.dumps, records)))
    recipe = Recipe(split={"val_share": 0.0}, dedup={"threshold": 1.0})
    done = curate([tmp_path / "set.jsonl"], recipe, packs, progress=lambda _stage, _what: None)
    runfolder.write(done, recipe, packs, tmp_path / "run", argv=["curate"])
    lines = [json.loads(line) for line in (tmp_path / "run" / "train.alpaca.jsonl").read_text().splitlines()]
    assert {line["instruction"]: line["system"] for line in lines} == {q: f"About: {q}" for q in asked}


# --- transcripts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "template"),
    [
        ("[10:03] 客服小王: 您好", "[{time}] {name}: {text}"),
        ("【10:03】客服小王：您好", "[{time}] {name}: {text}"),
        ("room 2024-05-01 [10:03:00] <ann> hi", "{channel} {date} [{time}] <{name}> {text}"),
        ("(10:03:22 AM) Visitor 12: hi", "({time}) {name}: {text}"),
        ("01/05/2024, 10:03 - Dana R: hi", "{time} - {name}: {text}"),
        ("2024-05-01 10:03:00 客户: 在吗", "{time} {name}: {text}"),
        ("Agent: hi", "{name}: {text}"),
    ],
)
def test_how_a_line_is_built_is_guessed(line: str, template: str) -> None:
    assert guess_line([line] * 5) == (template, 1.0)
    assert pattern_of(template).match(line)


def test_a_transcript_parts_at_its_start_lines_and_keeps_every_line(tmp_path: Path) -> None:
    text = "Chat 71 begins\n[10:00] customer: hi\nthere\n\nChat 72 begins\n[10:01] agent: hello\n"
    found = reading(tmp_path, text, "log.txt", start="Chat {conversation} begins")
    assert said(found) == [
        ("71", "system", "Chat 71 begins"), ("71", "user", "hi\nthere"),
        ("72", "system", "Chat 72 begins"), ("72", "assistant", "hello"),
    ]  # fmt: skip
    assert found.messages["source"].to_list() == ["log.txt:1", "log.txt:2", "log.txt:5", "log.txt:6"]


def test_a_line_with_a_time_and_no_name_is_an_event(tmp_path: Path) -> None:
    text = (
        "12/03/2024, 09:15 - Messages and calls are encrypted.\n12/03/2024, 09:16 - Ann: hi\nat 10:30 - or later\n"
        "12/03/2024, 09:17 - Ann left\n12/03/2024, 09:18 - Acme Support: hello\n"
    )
    found = reading(tmp_path, text, "log.txt", line="{time} - {name}: {text}", roles={"user": "*"})
    assert [(role, raw) for _, role, raw in said(found)] == [
        ("system", "Messages and calls are encrypted."), ("user", "hi\nat 10:30 - or later"),
        ("system", "Ann left"), ("assistant", "hello"),
    ]  # fmt: skip
    assert found.messages["time"].to_list()[2] == "12/03/2024, 09:17"
    text = "10:01 customer: hi\n10:30 is fine\n2024-05-01 10:02 Bo left\n10:03 agent: ok\n"
    found = reading(tmp_path, text, "log.txt", line="{time} {name}: {text}")
    assert [(role, raw) for _, role, raw in said(found)] == [
        ("user", "hi\n10:30 is fine"), ("system", "Bo left"), ("assistant", "ok"),
    ]  # fmt: skip


def test_e_mails_are_no_transcript(tmp_path: Path) -> None:
    mail = "From: ann@a.example\nTo: shop@b.example\nSubject: Refund\n\nWhen will it come?\n\n"
    with pytest.raises(SourceError, match=r"^log.txt: these are e-mails"):
        reading(tmp_path, mail * 3, "log.txt")


def test_an_e_mail_alone_is_told_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_text("From: ann@a.example\nTo: b\n c\nSubject: Refund\n\nWhen will it come?\n")
    with pytest.raises(SourceError, match=r"^one.eml: these are e-mails"):
        read([tmp_path / "one.eml"], [Source()])


def test_lines_drawn_across_part_conversations_too(tmp_path: Path) -> None:
    found = reading(tmp_path, "=====\ncustomer: a\n-----\ncustomer: b\n", "log.txt")
    assert [row for row in said(found) if row[1] == "user"] == [("1", "user", "a"), ("2", "user", "b")]


def test_what_stands_above_the_first_message_is_a_system_message(tmp_path: Path) -> None:
    found = reading(tmp_path, "exported today\nby Ann\ncustomer: a\nagent: b\n", "log.txt")
    assert [row[1:] for row in said(found)] == [("system", "exported today\nby Ann"), ("user", "a"), ("assistant", "b")]
    assert found.unreadable.is_empty()


@pytest.mark.parametrize("lines", [21, 300])
def test_more_than_a_title_above_the_first_message_is_unreadable(tmp_path: Path, lines: int) -> None:
    text = "\n".join(f"no. {n}" for n in range(lines)) + "\ncustomer: a\n"
    found = reading(tmp_path, text, "log.txt", line="{name}: {text}")
    assert found.unreadable["line"].to_list() == list(range(1, lines + 1))
    assert set(found.unreadable["why"]) == {"no message begins here"}
    assert [row[1:] for row in said(found)] == [("user", "a")]


def test_lines_of_which_none_is_a_message_are_unreadable(tmp_path: Path) -> None:
    found = reading(tmp_path, "a\nb\n", "log.txt", line="{name}: {text}")
    assert found.messages.is_empty()
    assert found.unreadable["line"].to_list() == [1, 2]


def test_the_space_that_a_cut_text_goes_on_with_is_kept(tmp_path: Path) -> None:
    found = reading(tmp_path, "<ann>  this. \n", "log.txt", line="<{name}> {text} ", roles={"user": "*"})
    assert said(found)[0][2] == " this."


def test_a_field_that_there_is_not_is_an_error() -> None:
    with pytest.raises(SourceError, match="there is no field 'nick'"):
        pattern_of("<{nick}> {text}")


def test_a_piece_of_a_cut_message_shares_its_fate(tmp_path: Path, packs: Packs) -> None:
    long = "You can return the kettle within thirty days in any of our shops, or send it back w"
    lines = [
        "customer: How can I return a kettle that I do not like?", f"agent: {long}", "agent: ith the label.",
        f"customer: {'And what about the lamp, ' * 4}"[: len(long) + 10], "customer: he other one?",
    ]  # fmt: skip
    (tmp_path / "log.txt").write_text("\n".join(lines))
    recipe = Recipe(sources=[{"cut_at": len(long)}])
    done = curate([tmp_path / "log.txt"], recipe, packs, progress=lambda _stage, _what: None)
    fates = done.messages["fate"].to_list()
    assert fates == ["example", "example", "example", "dropped", "dropped"]
    assert done.messages["rules"].to_list()[3:] == [["extract/unanswered"]] * 2
    (answer,) = done.examples.filter((pl.col("kind") == "pair") & (pl.col("verdict") == "keep"))["answer"]
    assert answer == long + "ith the label."
