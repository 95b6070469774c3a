"""Guessing how a log is read: our own samples, written down again in the shapes, headers and languages that others use.

The truth is what the sample says by its own names; every variant must give the same words of the same sides.
"""

import csv
import io
import json
import os
import pty
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner

from curation.cli import app
from curation.containers import members
from curation.errors import SourceError
from curation.read import read
from curation.recipe import Sessions, Source
from curation.sessions import sessions
from curation.sniff import recipe, sniff, sniff_all
from curation.sniffing.guess import Guess
from tests.curation.test_cli import siftune

SAMPLES = Path(__file__).parents[2] / "samples"


class Said(NamedTuple):
    conversation: str
    role: str
    text: str


def sample(name: str, most: int) -> list[Said]:
    """Return what people say in a sample, conversations in order, texts on one line and without marks of tables."""
    found, _ = sessions(read([SAMPLES / name], [Source()]).messages)
    spoken = found.filter((pl.col("role") != "system") & ~pl.col("bot") & (pl.col("raw").str.strip_chars() != ""))
    rows = spoken.select("conversation", "role", pl.col("raw").str.replace_all(r"[\s|;]+", " ").str.strip_chars())
    return [Said(*row) for row in rows.head(most).iter_rows()]


@pytest.fixture(scope="module")
def zh() -> list[Said]:
    return sample("shop_zh.csv", 500)


@pytest.fixture(scope="module")
def en() -> list[Said]:
    return sample("telecom_en.jsonl", 500)


def table(rows: Sequence[Sequence[Any]], header: Sequence[str] | None, delimiter: str = ",") -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter)
    writer.writerows([header, *rows] if header else rows)
    return buffer.getvalue()


def time(i: int) -> str:
    return f"2024-05-{1 + i // 1000:02} {9 + i // 120 % 12:02}:{i // 2 % 60:02}:{i % 2 * 30:02}"


def number(said: Sequence[Said]) -> dict[str, int]:
    return {name: 1000 + place for place, name in enumerate(dict.fromkeys(s.conversation for s in said))}


def talks(said: Sequence[Said]) -> dict[str, list[Said]]:
    found: dict[str, list[Said]] = {}
    for one in said:
        found.setdefault(one.conversation, []).append(one)
    return found


def guessed(folder: Path, name: str, content: str | bytes) -> tuple[Guess, pl.DataFrame]:
    """Sniff a file, and read it with what was guessed."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (file,) = members(name, path)
    guess = sniff(file)
    source = Source.model_validate(guess.source)
    reading = read([path], [source])
    assert reading.unreadable.height == 0, reading.unreadable["why"].to_list()[:3]
    return guess, sessions(reading.messages, Sessions(), [source])[0]


def agrees(found: pl.DataFrame, said: Sequence[Said], conversations: int | None = None) -> None:
    got = Counter((r, t.strip()) for r, t in found.select("role", "raw").iter_rows() if r != "system")
    assert got == Counter((s.role, s.text) for s in said)
    expected = len({s.conversation for s in said}) if conversations is None else conversations
    assert found["conversation"].n_unique() == expected


# --- tables -----------------------------------------------------------------------------------------------------


def test_a_table_in_german_with_semicolons(tmp_path: Path, en: list[Said]) -> None:
    n = number(en)
    rows = [(f"S{n[s.conversation]}", time(i), {"user": "Kunde"}.get(s.role, "Mitarbeiter"), s.text)
            for i, s in enumerate(en)]  # fmt: skip
    guess, found = guessed(tmp_path, "a.csv", table(rows, ["Vorgang", "Zeitpunkt", "Absender", "Nachricht"], ";"))
    agrees(found, en)
    assert guess.source["columns"]["time"] == "Zeitpunkt"


def test_a_table_in_spanish_in_another_order(tmp_path: Path, en: list[Said]) -> None:
    n = number(en)
    rows = [(time(i), s.text, {"user": "cliente"}.get(s.role, "agente"), n[s.conversation]) for i, s in enumerate(en)]
    _, found = guessed(tmp_path, "a.csv", table(rows, ["fecha", "mensaje", "emisor", "id_sesion"]))
    agrees(found, en)


def test_a_table_without_header_by_bars_in_a_text_file(tmp_path: Path, en: list[Said]) -> None:
    n = number(en)
    rows = [(n[s.conversation], "C" if s.role == "user" else "S", time(i), s.text) for i, s in enumerate(en)]
    guess, found = guessed(tmp_path, "a.txt", table(rows, None, "|"))
    agrees(found, en)
    assert guess.source["header"] is False


def test_columns_that_say_nothing_are_told_by_what_is_in_them(tmp_path: Path, en: list[Said]) -> None:
    n = number(en)
    rows = [(s.text, "A" if s.role == "user" else "B", f"id-{n[s.conversation]}") for s in en]
    _, found = guessed(tmp_path, "a.csv", table(rows, ["c1", "c2", "c3"]))
    agrees(found, en)


@pytest.mark.parametrize(("user", "agent"), [(0, 1), (1, 0), (2, 1)])
def test_a_flag_without_header_among_others_whichever_way_round(
    tmp_path: Path, zh: list[Said], user: int, agent: int
) -> None:
    n = number(zh)
    rows = [
        (i, f"{n[s.conversation]:032x}", f"u{n[s.conversation] % 97}", (i % 50 == 0 and 1) or 0,
         user if s.role == "user" else agent, s.text)
        for i, s in enumerate(zh)
    ]  # fmt: skip
    guess, found = guessed(tmp_path, "a.tsv", table(rows, None, "\t").replace("\r\n", "\n"))
    assert (guess.source["columns"]["role"], guess.source["columns"]["conversation"]) == (4, 1)
    agrees(found, zh)


def test_a_flag_whose_header_says_what_it_means(tmp_path: Path, zh: list[Said]) -> None:
    n = number(zh)
    rows = [(n[s.conversation], 1 if s.role == "assistant" else 0, s.text, i % 3 == 0) for i, s in enumerate(zh)]
    _, found = guessed(tmp_path, "a.csv", table(rows, ["咨询编号", "是否客服", "说的话", "已读"]))
    agrees(found, zh)


def test_an_old_chinese_export_in_gbk(tmp_path: Path, zh: list[Said]) -> None:
    n = number(zh)
    rows = [(n[s.conversation], "买家" if s.role == "user" else "商家", s.text, time(i)) for i, s in enumerate(zh)]
    text = table(rows, ["聊天序号", "谁", "聊了什么", "什么时候"])
    guess, found = guessed(tmp_path, "a.csv", text.encode("gb18030"))
    agrees(found, zh)
    assert guess.source["encoding"] == "gb18030"


def test_names_of_clerks_among_names_of_customers(tmp_path: Path, zh: list[Said]) -> None:
    n = number(zh)
    rows = [(n[s.conversation], "客服小艾" if s.role == "assistant" else f"tb_{n[s.conversation]}x", s.text, time(i))
            for i, s in enumerate(zh)]  # fmt: skip
    _, found = guessed(tmp_path, "a.csv", table(rows, ["会话", "发送人", "内容", "时间"]))
    agrees(found, zh)


def test_customers_without_conversation_ids_are_parted_by_silence(tmp_path: Path, en: list[Said]) -> None:
    n = number(en)
    rows = [
        (f"c{n[s.conversation] % 9}", "in" if s.role == "user" else "out", s.text,
         f"2024-05-{1 + (n[s.conversation] - 1000) // 9:02} 10:{i % 20:02}:00")
        for i, s in enumerate(en)
    ]  # fmt: skip
    guess, found = guessed(tmp_path, "a.csv", table(rows, ["phone", "way", "sms", "at"]))
    assert guess.source["columns"]["customer"] == "phone"
    agrees(found, en)


def test_threads_of_replies(tmp_path: Path, en: list[Said]) -> None:
    n, rows, last = number(en), [], {}
    for i, s in enumerate(en):
        author = f"{n[s.conversation]}" if s.role == "user" else "QuillnetHelp"
        when = f"Tue Oct 31 {10 + i // 3600:02}:{i // 60 % 60:02}:{i % 60:02} +0000 2017"
        rows.append((i, author, s.role == "user", when, s.text, last.get(s.conversation, "")))
        last[s.conversation] = i
    random.Random(1).shuffle(rows)
    header = ["tweet_id", "author_id", "inbound", "created_at", "text", "in_response_to_tweet_id"]
    _, found = guessed(tmp_path, "a.csv", table(rows, header))
    agrees(found, en)
    first = found.filter(pl.col("conversation") == found["conversation"][0])["raw"].to_list()
    assert any([s.text for s in talk] == first for talk in talks(en).values()), "in the order of time"


def test_questions_and_answers_without_header_ask_which_is_which(tmp_path: Path, zh: list[Said]) -> None:
    pairs = [(a.text, b.text) for a, b in pairwise(zh) if (a.role, b.role) == ("user", "assistant")]
    guess, found = guessed(tmp_path, "a.csv", table(pairs, None))
    assert found.height == 2 * len(pairs)
    assert found.filter(pl.col("role") == "user")["raw"].to_list() == [q for q, _ in pairs]
    assert guess.question is not None


def test_whole_conversations_in_a_cell_by_lines_that_name_the_speaker(tmp_path: Path, zh: list[Said]) -> None:
    rows = [(i, "\n".join(("顾客：" if s.role == "user" else "坐席：") + s.text for s in talk))
            for i, talk in enumerate(talks(zh).values())]  # fmt: skip
    _, found = guessed(tmp_path, "a.csv", table(rows, ["编号", "聊天记录"]))
    agrees(found, zh)


@pytest.mark.parametrize("mark", ["!@@@!", "<sep>", "|||"])
def test_whole_conversations_in_a_cell_by_a_separator_ask_who_begins(tmp_path: Path, en: list[Said], mark: str) -> None:
    strict = [
        talk for talk in talks(en).values() if [s.role for s in talk] == (["user", "assistant"] * 50)[: len(talk)]
    ]
    rows = [(i, mark.join(s.text for s in talk)) for i, talk in enumerate(strict)]
    guess, found = guessed(tmp_path, "a.csv", table(rows, ["n", "dialogue"]))
    agrees(found, [s for talk in strict for s in talk])
    assert guess.source["separator"] == mark
    assert guess.question is not None


def test_a_table_that_says_nowhere_who_speaks_asks_for_the_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        table([(f"where is my parcel number {i}?", "abc"[i % 3]) for i in range(60)], ["text", "k"])
    )
    (file,) = members("a.csv", tmp_path / "a.csv")
    question = sniff(file).question
    assert question is not None
    assert "who" in question.text or "whether the customer" in question.text


# --- JSON -------------------------------------------------------------------------------------------------------


def test_a_list_of_messages_deep_inside_with_keys_of_its_own(tmp_path: Path, en: list[Said]) -> None:
    items = [
        {"meta": {"ref": f"R{i}", "lang": "en"},
         "log": {"entries": [{"who": "CO"[s.role != "user"], "txt": s.text, "n": k} for k, s in enumerate(talk)]}}
        for i, talk in enumerate(talks(en).values())
    ]  # fmt: skip
    guess, found = guessed(tmp_path, "a.json", json.dumps({"export": "x", "items": items}))
    agrees(found, en)
    assert guess.source["columns"] | {"messages": "log.entries", "text": "txt"} == guess.source["columns"]


def test_roles_as_names_of_keys_that_hold_the_text(tmp_path: Path, en: list[Said]) -> None:
    lines = [json.dumps({"ref": i, "dialog": [{"visitor" if s.role == "user" else "operator": s.text} for s in talk]})
             for i, talk in enumerate(talks(en).values())]  # fmt: skip
    _, found = guessed(tmp_path, "a.jsonl", "\n".join(lines))
    agrees(found, en)


def test_roles_as_names_of_keys_that_hold_the_speaker_and_a_last_reply_outside_the_list(
    tmp_path: Path, en: list[Said]
) -> None:
    ended = [talk for talk in talks(en).values() if len(talk) > 1 and talk[-1].role == "assistant"]
    ended = [talk[: max(i for i, s in enumerate(talk) if s.role == "user") + 1] + talk[-1:] for talk in ended]
    ended = [[*talk[:-1], talk[-1]._replace(text=f"{talk[-1].text} (case {i})")] for i, talk in enumerate(ended)]
    records = [
        {"head": {"key": f"K{i}"}, "reply": {"link": f"https://example.com/{i}", "words": talk[-1].text},
         "thread": [{("client" if s.role == "user" else "agent"): f"u{i}", "said": s.text, "at": time(k)}
                    for k, s in enumerate(talk[:-1])]}
        for i, talk in enumerate(ended)
    ]  # fmt: skip
    guess, found = guessed(tmp_path, "a.json", json.dumps(records))
    agrees(found, [s for talk in ended for s in talk])
    assert guess.source["after"] == {"text": "reply.words", "role": "assistant"}


def test_events_that_are_no_speech_become_system_messages(tmp_path: Path, en: list[Said]) -> None:
    records = []
    for i, talk in enumerate(talks(en).values()):
        events: list[dict[str, Any]] = [{"type": "instruct", "by": "Guide", "words": "Read the card and begin."}]
        for s in talk:
            if s.role == "assistant":
                events.append({"type": "draft", "by": "Wizard", "words": s.text[:20]})
                events.append({"type": "lookup", "by": "Wizard", "query": {"k": 1}})
            events.append({"type": "say", "by": "User" if s.role == "user" else "Wizard", "words": s.text})
        records.append(json.dumps({"nr": i, "events": events}))
    guess, found = guessed(tmp_path, "a.jsonl", "\n".join(records))
    assert guess.source["said"] == ["say"]
    agrees(found, en)


@pytest.mark.parametrize(("who", "said", "path"), [("from", "value", "conversations"), ("role", "content", "messages")])
def test_a_finished_set_is_recognised(tmp_path: Path, en: list[Said], who: str, said: str, path: str) -> None:
    word = {"from": {"user": "human", "assistant": "gpt"}, "role": {"user": "user", "assistant": "assistant"}}[who]
    lines = [json.dumps({path: [{who: word[s.role], said: s.text} for s in talk]}) for talk in talks(en).values()]
    guess, found = guessed(tmp_path, "a.jsonl", "\n".join(lines))
    assert guess.source["finished"] is True
    agrees(found, en)


# --- transcripts ------------------------------------------------------------------------------------------------


def test_a_transcript_with_head_lines(tmp_path: Path, zh: list[Said]) -> None:
    lines = []
    for i, talk in enumerate(talks(zh).values()):
        lines.append(f"会话编号：{70000 + i}")
        lines += [
            f"[10:{k % 60:02}] {'客服小王' if s.role == 'assistant' else '客户'}: {s.text}" for k, s in enumerate(talk)
        ]
        lines.append("")
    _, found = guessed(tmp_path, "a.txt", "\n".join(lines))
    agrees(found, zh)


def test_names_and_times_in_head_lines_above_the_text(tmp_path: Path, zh: list[Said]) -> None:
    lines = []
    for i, talk in enumerate(talks(zh).values()):
        for k, s in enumerate(talk):
            lines += [
                f"{'客服-小艾' if s.role == 'assistant' else '客户'} 2024-05-{1 + i % 28:02} 1{i // 28}:{k:02}:00",
                s.text,
            ]
    _, found = guessed(tmp_path, "a.txt", "\n".join(lines))
    agrees(found, zh, found["conversation"].n_unique())


def test_a_channel_with_many_people_asks_who_serves(tmp_path: Path) -> None:
    lines, clock = [], 0
    for i in range(40):
        for who, text in (
            (f"guest{i}x"[::-1], f"why does call {i} return an error?"),
            ("mika" if i % 2 else "tarjei", f"{f'guest{i}x'[::-1]}: which error is it in call {i}?"),
            (f"guest{i}x"[::-1], f"{'mika' if i % 2 else 'tarjei'}: it says not found"),
        ):
            clock += 7
            lines.append(
                f"help 2024-05-01 [{10 + clock // 3600:02}:{clock // 60 % 60:02}:{clock % 60:02}] <{who}> {text}"
            )
    guess, found = guessed(tmp_path, "a.txt", "\n".join(lines))
    assert sorted(guess.source["roles"]["assistant"]) == ["mika", "tarjei"]
    assert guess.source["crowd"] is True
    assert guess.question is not None
    assert found["conversation"].n_unique() == 40


def test_a_length_limit_is_found(tmp_path: Path) -> None:
    long = "the delivery of the second parcel was said to come on monday but then it did not come at all and nobody "
    lines = []
    for i in range(12):
        lines += [f"[10:{i:02}] customer: {(long + str(i))[:90]}", f"[10:{i:02}] customer: and so on {i}"]
        lines += [f"[10:{i:02}] agent: {'I will look into it ' * (1 + i % 3)}{i}"]
    guess, found = guessed(tmp_path, "a.txt", "\n".join(lines))
    assert guess.source["cut_at"] == 90
    assert found["continues"].sum() == 12


def test_what_is_no_log_at_all_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n".join(f"line {i} of a poem without any pattern" for i in range(50)))
    (file,) = members("a.txt", tmp_path / "a.txt")
    with pytest.raises(SourceError, match="say in the recipe how a line is built"):
        sniff(file)


# --- the recipe and the command ---------------------------------------------------------------------------------


def test_the_recipe_that_sniff_writes_is_taken_by_curate_unchanged(tmp_path: Path, en: list[Said]) -> None:
    n = number(en)
    rows = [(s.text, "A" if s.role == "user" else "B", f"id-{n[s.conversation]}") for s in en]
    (tmp_path / "odd [1].csv").write_text(table(rows, ["c1", "c2", "c3"]))
    done = siftune("sniff", "odd [1].csv", "-o", "r.yaml", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "siftune curate" in done.stdout
    assert yaml.safe_load((tmp_path / "r.yaml").read_text())["sources"][0]["columns"]["role"] == "c2"
    again = siftune("sniff", "odd [1].csv", "-o", "r.yaml", folder=tmp_path)
    assert (again.returncode, "is there already" in again.stderr) == (2, True)
    curated = siftune("curate", "odd [1].csv", "-c", "r.yaml", "-o", "run", "-q", "--no-gate", folder=tmp_path)
    assert curated.returncode == 0, curated.stderr
    assert pl.read_parquet(tmp_path / "run" / "messages.parquet").height == len(en)


def test_json_holds_the_source_the_reasons_and_masked_samples(tmp_path: Path) -> None:
    phone = "13800138000"
    rows = [
        (
            f"{i // 2:032x}",
            "客户" if i % 2 == 0 else "客服",
            f"我的手机号是{phone}，退款多久到账？" if i % 2 == 0 else "三天内到账。",
        )
        for i in range(60)
    ]
    (tmp_path / "a.csv").write_text(table(rows, ["会话", "角色", "内容"]))
    done = siftune("sniff", "a.csv", "--json", folder=tmp_path)
    (found,) = json.loads(done.stdout)
    assert found["source"]["columns"] == {"conversation": "会话", "text": "内容", "role": "角色"}
    assert all(0 <= item["confidence"] <= 1 for item in found["items"])
    assert [int(sample["conversation"], 16) for sample in found["samples"]] == [0, 14, 29]  # as they are
    assert phone not in done.stdout
    assert "[电话1]" in done.stdout


def test_a_question_is_printed_with_the_line_that_answers_it_where_nobody_can_be_asked(tmp_path: Path) -> None:
    rows = [(f"what about item {i}?", f"it costs {i} and comes on day {i}") for i in range(30)]
    (tmp_path / "a.csv").write_text(table(rows, ["one", "two"]))
    done = siftune("sniff", "a.csv", "-o", "r.yaml", folder=tmp_path)
    assert "Which column is the question" in done.stdout
    assert "--set 'sources.0.columns=" in done.stdout
    assert "# best guess, please check: Which column is the question" in (tmp_path / "r.yaml").read_text()
    answer = "sources.0.columns={question: two, answer: one}"
    curated = siftune("curate", "a.csv", "-c", "r.yaml", "--set", answer, "-q", "--no-gate", folder=tmp_path)
    assert curated.returncode == 0, curated.stderr
    first = pl.read_parquet(tmp_path / "run" / "messages.parquet")["raw"][0]
    assert first == "it costs 0 and comes on day 0"


def test_files_that_are_read_alike_are_shown_once_and_named_in_the_recipe(tmp_path: Path) -> None:
    rows = "session_id,role,text\n1,customer,Where is my parcel?\n1,agent,It leaves today.\n"
    for day in range(1, 8):
        (tmp_path / f"2024-05-{day:02}.csv").write_text(rows)
    (tmp_path / "other.csv").write_text(rows.replace("role", "sprecher"))
    done = CliRunner().invoke(app, ["sniff", str(tmp_path), "-o", str(tmp_path / "recipe.yaml")])
    assert done.exit_code == 0
    assert done.output.count("sample:") == 2, "one of the days, and one of the other file"
    shown = " ".join(done.output.split())
    assert "2024-05-01.csv and 6 more that are read alike, up to 2024-05-07.csv" in shown
    assert "conversations │ 7 │" in shown, "of all seven days"
    sources = yaml.safe_load((tmp_path / "recipe.yaml").read_text())["sources"]
    assert [source["match"] for source in sources] == ["2024-05-*.csv", "other.csv"], "the eighth of May is one of them"


def test_a_question_of_many_files_is_asked_once(tmp_path: Path) -> None:
    for day in range(1, 4):
        (tmp_path / f"{day}.csv").write_text("a,b\nHow do I pay for it?,By card or in cash.\n" * 5)
    done = CliRunner().invoke(app, ["sniff", str(tmp_path)])
    assert done.output.count("(and 2 more files)") == 1


@pytest.mark.parametrize(
    ("alike", "others", "matches"),
    [
        (["a.csv", "b*.csv"], [], ["a.csv", "b[*].csv"]),  # too few
        (["7.json", "8.json", "9.json", "10.json"], [], ["*.json"]),
        (["chat[1].txt", "chat[2].txt", "chat[3].txt", "chat[4].txt"], ["notes.txt"], ["chat*.txt", "notes.txt"]),
        (["m1-01.csv", "m1-02.csv", "m1-03.csv", "m1-04.csv"], ["m.csv"], ["m1-*.csv", "m.csv"]),
        (["_chat.txt"] * 4, [], ["_chat*.txt"]),
        (["a", "b", "c", "d"], [], ["a", "b", "c", "d"]),  # no ending
        (["a.tsv.gz", "b.tsv.gz", "c.tsv.gz", "d.tsv.gz"], ["x.csv.gz"], ["*.tsv.gz", "x.csv.gz"]),
        (["a.csv", "b.csv", "c.csv", "d.csv"], ["x.csv"], ["a.csv", "b.csv", "c.csv", "d.csv", "x.csv"]),
    ],
)
def test_many_files_that_are_read_alike_share_a_source_where_a_pattern_tells_them_from_others(
    alike: list[str], others: list[str], matches: list[str]
) -> None:
    guesses = [Guess(name, {"match": name, "format": "csv"}) for name in alike]
    guesses += [Guess(name, {"match": name, "format": "text"}) for name in others]
    assert [s["match"] for s in yaml.safe_load(recipe(guesses))["sources"]] == matches


def test_the_answer_to_a_question_goes_to_its_source_also_beside_files_that_share_one(tmp_path: Path) -> None:
    rows = "session_id,role,text\n1,customer,Where is my parcel?\n1,agent,It leaves today.\n"
    for day in range(1, 5):
        (tmp_path / f"2024-05-{day:02}.csv").write_text(rows)
    (tmp_path / "faq.csv").write_text("a,b\nHow do I pay for it?,By card or in cash.\n" * 5)
    done = siftune("sniff", ".", "-o", "r.yaml", folder=tmp_path)
    assert "'sources.1.columns={" in done.stdout
    assert [s["match"] for s in yaml.safe_load((tmp_path / "r.yaml").read_text())["sources"]][1] == "faq.csv"


def test_of_many_files_that_are_read_alike_some_are_tried_and_all_are_read(tmp_path: Path) -> None:
    for n in range(30):
        (tmp_path / f"chat {n}.txt").write_text(f"[10:03] Customer: Where is parcel {n}?\n[10:04] Agent: On its way.\n")
    done = siftune("sniff", ".", "-o", "r.yaml", folder=tmp_path)
    shown = " ".join(done.stdout.replace("│", " ").split())
    assert "records 40 99% 20 of the 30 files" in shown
    assert siftune("curate", ".", "-c", "r.yaml", "-q", "--no-gate", folder=tmp_path).returncode == 0
    assert pl.read_parquet(tmp_path / "run" / "messages.parquet")["conversation"].n_unique() == 30


def on_a_terminal(folder: Path, typed: bytes, *options: str) -> tuple[int, str]:
    """Run siftune as people do, who type what is asked for."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from curation.cli import main; main()", *options]
    process = subprocess.Popen(command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, typed)
    shown = b""
    with suppress(OSError):  # the other end is closed
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    return process.wait(), shown.decode()


def test_on_a_terminal_a_question_is_asked_once_for_all_files_that_are_read_alike(tmp_path: Path) -> None:
    rows = [(f"what about item {i}?", f"it costs {i} and comes on day {i}") for i in range(30)]
    for day in range(1, 7):
        (tmp_path / f"{day}.csv").write_text(table(rows, ["one", "two"]))
    code, shown = on_a_terminal(tmp_path, b"2\n", "sniff", ".", "-o", "r.yaml")
    assert code == 0, shown
    assert shown.count("Which column is the question: 'one' or 'two'?") == 1
    (source,) = yaml.safe_load((tmp_path / "r.yaml").read_text())["sources"]
    assert (source["match"], source["columns"]) == ("*.csv", {"question": "two", "answer": "one"})


def test_a_question_without_answers_to_choose_from_is_not_asked_on_a_terminal(tmp_path: Path) -> None:
    for day in range(1, 26):
        (tmp_path / f"{day}.csv").write_text("a,b\nIt costs nothing at all here,How much is it?\n" * 5)
    code, shown = on_a_terminal(tmp_path, b"1\n", "sniff", ".", "-o", "r.yaml")
    assert code == 0, shown
    assert "answer [1]" not in shown
    assert "say it in r.yaml" in shown
    assert shown.count("nothing can be read so") == 1
    assert "1.csv and 24 more: nothing can be read so" in shown


def test_a_file_of_one_conversation_is_not_named_by_the_id_of_the_account(tmp_path: Path) -> None:
    said = [("CUSTOMER", "Do you ship to Norway?"), ("AGENT", "Yes, within a week."), ("CUSTOMER", "Thank you!")]
    turns = [{"Content": text, "ParticipantRole": role} for role, text in said]
    account = {"AWSAccountId": "17", "InstanceId": "x", "Participants": [{"ParticipantId": "1"}], "Transcript": turns}
    text = json.dumps(account)
    assert "conversation" not in guessed(tmp_path, "a.json", text)[0].source["columns"]
    text = json.dumps(account | {"sessionId": "x"})
    assert guessed(tmp_path, "b.json", text)[0].source["columns"]["conversation"] == "sessionId"


def test_a_knowledge_base_of_standard_questions_is_read_as_questions_and_answers(tmp_path: Path) -> None:
    rows = [
        ("售后", f"{n}号机保修期多久？", f"{n}号机保多久", f"{n}号机整机保修{n}年，凭购买记录报修。") for n in range(20)
    ]
    guess, _ = guessed(tmp_path, "faq.csv", table(rows, ["分类", "标准问", "相似问", "答案"]))
    assert guess.source["columns"] == {"question": "标准问", "answer": "答案", "similar": "相似问"}


def test_an_analysis_beside_an_answer_is_the_reasoning_and_a_version_is_no_time(tmp_path: Path) -> None:
    rows = [
        {
            "version": "2024-05-06", "release_date": "2024-05-06",
            "problem": f"小明有{n}个苹果，又买了2个，一共有几个？",
            "answer_analysis": [f"原来有{n}个。", f"{n}+2={n + 2}，所以一共有{n + 2}个。"], "answer_value": str(n + 2),
        }
        for n in range(3, 40)
    ]  # fmt: skip
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    guess, found = guessed(tmp_path, "a.jsonl", text)
    assert guess.source["columns"] == {"question": "problem", "answer": "answer_value", "cot": "answer_analysis"}
    assert found["cot"].drop_nulls().to_list() == [
        f"原来有{n}个。\n{n}+2={n + 2}，所以一共有{n + 2}个。" for n in range(3, 40)
    ]


def test_an_analysis_alone_is_the_answer(tmp_path: Path) -> None:
    rows = [
        {"problem": f"怎么把{n}号机的滤芯换下来？", "answer_analysis": f"先断电，再拧开{n}号盖。"} for n in range(3, 40)
    ]
    guess, _ = guessed(tmp_path, "a.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    assert guess.source["columns"] == {"question": "problem", "answer": "answer_analysis"}


def test_a_guess_that_reads_nothing_does_not_send_anybody_to_curate(tmp_path: Path) -> None:
    rows = [{"question": f"第{n}台怎么换滤芯？", "answer": {"id": n}} for n in range(30)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    done = siftune("sniff", "a.jsonl", "-o", "r.yaml", folder=tmp_path)
    assert "a.jsonl: nothing can be read so" in done.stdout
    assert "siftune curate" not in done.stdout


def test_a_table_by_tabs_whose_cells_are_quoted_is_read_without_the_quotes(tmp_path: Path) -> None:
    path = tmp_path / "log.tsv"
    rows = [f'c{i // 4}\t{"agent" if i % 2 else "customer"}\t"text number {i}, what is it?"' for i in range(40)]
    rows[8] = 'c2\tcustomer\t"two lines\nand ""a"" quote"'
    path.write_text("\n".join(["conversation_id\tsender\tmessage", *rows]))
    guess = sniff(members(path.name, path)[0])
    assert guess.source["quote"] is True
    found = read([path], [Source.model_validate(guess.source)])
    assert found.messages["raw"][8] == 'two lines\nand "a" quote'
    assert found.messages["raw"][9] == "text number 9, what is it?"
    assert found.unreadable.is_empty()
    path.write_text("\n".join(["conversation_id\tsender\tmessage", *(row.removesuffix('"') for row in rows)]))
    assert "quote" not in sniff(members(path.name, path)[0]).source


def test_an_empty_file_in_a_folder_is_no_reason_to_stop(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "a.csv").write_text("".join(f"{i // 4},{'agent' if i % 2 else 'user'},what is {i}?\n" for i in range(40)))
    (logs / "b.csv").write_text("")
    done = siftune("sniff", "logs", "-o", "r.yaml", folder=tmp_path)
    assert done.returncode == 0
    assert [one["match"] for one in yaml.safe_load((tmp_path / "r.yaml").read_text())["sources"]] == ["a.csv"]


# --- as strangers' spreadsheets have it ---------------------------------------------------------------------------


def dated(place: int) -> str:
    return f"2024/05/{1 + place // 6:02d} {9 + place % 6:02d}:00"


def by_side(zh: Sequence[Said]) -> list[list[str]]:
    return [
        [dated(i), s.text if s.role == "user" else "", s.text if s.role != "user" else ""] for i, s in enumerate(zh)
    ]


def test_messages_in_the_column_of_who_speaks(tmp_path: Path, zh: list[Said]) -> None:
    rows = table(by_side(zh[:120]), ["日期", "客户", "客服"], ";").encode("gb18030")
    guess, found = guessed(tmp_path, "log.csv", rows)
    assert guess.source["role_keys"] == {"客户": "user", "客服": "assistant"}
    assert guess.source["stream"] is True
    agrees(found, zh[:120], found["conversation"].n_unique())


def test_a_note_beside_logs_is_left_unread_and_alone_an_error(tmp_path: Path) -> None:
    rows = [(f"s{i // 2}", "agent" if i % 2 else "customer", f"what about item {i}?") for i in range(20)]
    (tmp_path / "mix").mkdir()
    (tmp_path / "mix" / "log.csv").write_text(table(rows, ["session_id", "role", "text"]))
    (tmp_path / "mix" / "README.txt").write_text("This folder has the chats of May.\nAsk Bo for the others.\nBye.\n")
    done = siftune("sniff", "mix", "-o", "r.yaml", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {"match": "README.txt", "skip": True} in yaml.safe_load((tmp_path / "r.yaml").read_text())["sources"]
    assert siftune("curate", "mix", "-c", "r.yaml", "-q", "--no-gate", folder=tmp_path).returncode == 0
    assert "neither a table nor JSON" in siftune("sniff", "mix/README.txt", folder=tmp_path).stderr


def test_who_speaks_in_many_conversations_answers_and_who_speaks_in_one_asks(tmp_path: Path) -> None:
    def events(i: int) -> list[dict[str, str]]:
        said = [("message", f"c{i}@x", f"how about item {i}?"), ("message", f"b{i % 2}@shop", f"it costs {i} euros.")]
        return [{"type": "system_message", "text": "begun"}] + [
            {"type": kind, "author_id": who, "text": text} for kind, who, text in said
        ]

    chats = [{"id": f"C{i}", "thread": {"events": events(i)}} for i in range(12)]
    guess, found = guessed(tmp_path, "chats.json", json.dumps({"chats": chats}))
    assert guess.source["roles"] == {"assistant": ["b0@shop", "b1@shop"], "user": ["*"]}
    assert Counter(found["role"].to_list()) == {"user": 12, "assistant": 12, "system": 12}


def test_a_question_beside_its_answer_and_two_topics_by_turns(tmp_path: Path) -> None:
    rows = [["耳机" if i % 2 else "音箱", f"第{i}款怎么连接手机", f"长按第{i}个键三秒进入配对。"] for i in range(20)]
    guess, _ = guessed(tmp_path, "faq.csv", table(rows, ["分类", "问题", "答案"]))
    assert guess.source["columns"] == {"question": "问题", "answer": "答案"}


def test_a_question_beside_its_answer_is_no_such_table(tmp_path: Path) -> None:
    rows = [[f"怎么办理第{i}项业务？", f"您带上第{i}号证件到柜台就能办理。"] for i in range(20)]
    guess, _ = guessed(tmp_path, "qa.csv", table(rows, ["客户", "客服"]))
    assert guess.source["shape"] == "records"


def test_a_speaker_who_is_the_customer_where_the_row_names_him(tmp_path: Path, zh: list[Said]) -> None:
    shop = "青风:小鱼"
    rows = [
        [f"tb{s.conversation}", shop, f"tb{s.conversation}" if s.role == "user" else shop, time(i), s.text]
        for i, s in enumerate(zh)
    ]
    guess, found = guessed(tmp_path, "qn.csv", table(rows, ["买家旺旺", "客服旺旺", "发言人", "聊天时间", "聊天内容"]))
    assert guess.source["columns"] == {
        "asker": "买家旺旺", "customer": "买家旺旺", "role": "发言人", "time": "聊天时间", "text": "聊天内容",
    }  # fmt: skip
    agrees(found, zh)


def test_a_title_above_the_header_is_no_record_of_the_table(tmp_path: Path, zh: list[Said]) -> None:
    rows = [[s.conversation, "客户" if s.role == "user" else "客服", s.text] for s in zh]
    for name, above in {
        "a.csv": "聊天记录导出（2024年5月）,,\n,,\n",
        "b.csv": "sep=,\n",
        "c.csv": "导出\n操作人：x\n",
    }.items():
        guess, found = guessed(tmp_path, name, above + table(rows, ["会话ID", "角色", "内容"]))
        assert guess.source["first_line"] == 1 + above.count("\n")
        agrees(found, zh)
    guess, _ = guessed(tmp_path, "d.csv", table(rows, ["会话ID", "角色", "内容"]))
    assert "first_line" not in guess.source
    once = table(rows[: len(rows) // 2], ["会话ID", "角色", "内容"])
    twice = once + table(rows[len(rows) // 2 :], ["会话ID", "角色", "内容"])
    guess, found = guessed(tmp_path, "e.csv", f"导出\n{twice}")
    assert (guess.source["first_line"], "header" in guess.source) == (2, False)
    agrees(found, zh)


def test_a_conversation_that_is_named_in_its_first_row_alone(tmp_path: Path, zh: list[Said]) -> None:
    pairs = pairwise([Said("", "", ""), *zh])
    rows = [
        [s.conversation if s.conversation != b.conversation else "", "客户" if s.role == "user" else "客服", s.text]
        for b, s in pairs
    ]
    guess, found = guessed(tmp_path, "merged.csv", table(rows, ["会话编号", "角色", "内容"]))
    assert guess.source["fill_down"] is True
    agrees(found, zh)
    (tmp_path / "merged.csv").write_text("会话编号,角色,内容\n,客户,x\nA,客户,y\n,客服,z\n")
    reading = read([tmp_path / "merged.csv"], [Source(fill_down=True)], window=10)
    assert reading.messages["conversation"].to_list() == ["A", "A"]
    assert reading.unreadable["why"].to_list() == ["no conversation id"]


@pytest.mark.parametrize(
    ("header", "side", "empty"),
    [("客户昵称", "user", ""), ("昵称", "user", ""), ("昵称", "user", "-"), ("客服昵称", "assistant", "")],
)
def test_only_one_side_has_a_name(tmp_path: Path, zh: list[Said], header: str, side: str, empty: str) -> None:
    def name(said: Said) -> str:
        if said.role != side:
            return empty
        return f"tb{said.conversation[-4:]}" if side == "user" else "小鱼"

    rows = [[s.conversation, name(s), s.text] for s in zh]
    guess, found = guessed(tmp_path, "named.csv", table(rows, ["会话编号", header, "内容"]))
    assert guess.question is None
    agrees(found, zh)


def test_where_only_customers_have_a_name_it_tells_conversations_apart(tmp_path: Path, zh: list[Said]) -> None:
    rows = [[f"客服{s.conversation[-4:]}" if s.role == "user" else "", s.text] for s in zh]  # whatever names look like
    first = next(place for place, row in enumerate(rows) if row[0])
    guess, found = guessed(tmp_path, "named.csv", table(rows[first:], ["昵称", "内容"]))
    assert (guess.source["columns"]["customer"], guess.source["fill_down"]) == ("昵称", True)
    agrees(found, zh[first:], len({row[0] for row in rows if row[0]}))


def test_names_of_merged_cells_are_no_sides(tmp_path: Path, zh: list[Said]) -> None:
    pairs = pairwise([Said("", "", ""), *zh])
    rows = [[s.conversation if s.conversation != b.conversation else "", s.text] for b, s in pairs]
    (tmp_path / "merged.csv").write_text(table(rows, ["客户昵称", "内容"]))
    assert sniff(members("merged.csv", tmp_path / "merged.csv")[0]).source["columns"].get("role") is None


def test_who_asks_is_named_in_the_first_row_alone(tmp_path: Path, zh: list[Said]) -> None:
    pairs = pairwise([Said("", "", ""), *zh])
    rows = [
        [
            *((s.conversation, f"tb{s.conversation[-4:]}") if s.conversation != b.conversation else ("", "")),
            f"tb{s.conversation[-4:]}" if s.role == "user" else "小鱼",
            s.text,
        ]
        for b, s in pairs
    ]
    guess, found = guessed(tmp_path, "merged.csv", table(rows, ["会话编号", "买家昵称", "发送人", "消息内容"]))
    assert (guess.source["fill_down"], guess.source["columns"]["asker"]) == (True, "买家昵称")
    agrees(found, zh)


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["13/05/2024", "01/06/2024"], True),
        (["05/13/2024", "06/01/2024"], False),
        (["01/05/2024", "02/05/2024", "03/05/2024", "01/06/2024"], True),
        (["05/01/2024", "05/02/2024", "05/03/2024", "06/01/2024"], False),
        (["2024-05-13", "2024-06-01"], False),
        (["05/05/2024"], False),
    ],
)
def test_it_is_told_whether_days_or_months_come_first(tmp_path: Path, dates: list[str], expected: bool) -> None:
    lines = [
        f"[{date}, 10:0{i}:00] {'Acme Support' if i % 2 else 'Maria'}: words {i} of {date}"
        for date in dates for i in range(4)
    ]  # fmt: skip
    guess, found = guessed(tmp_path, "chat.txt", "\n".join(lines))
    assert guess.source.get("day_first", False) is expected
    assert found["raw"].to_list() == [line.split(": ")[1] for line in lines]  # in order
    rows = [[f"S{i // 4}", "agent" if i % 2 else "customer", line[1:21], line] for i, line in enumerate(lines)]
    guess, _ = guessed(tmp_path, "chat.csv", table(rows, ["session", "role", "time", "text"]))
    assert guess.source.get("day_first", False) is expected


def test_each_sheet_of_a_workbook_is_guessed_and_notes_are_left_unread(
    tmp_path: Path, zh: list[Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [[s.conversation, "客户" if s.role == "user" else "客服", s.text] for s in zh[:200]]
    head = ["会话ID", "角色", "内容"]
    book = {
        "五月": [["聊天记录", None, None], [None, None, None], head, *rows[:100]],
        "说明": [["本表由系统导出", None, None]],
        "六月": [head, *rows[100:]],
    }
    sheets = {name: pl.DataFrame(cells, schema=["a", "b", "c"], orient="row") for name, cells in book.items()}
    monkeypatch.setattr("curation.typed.sheets", lambda _file, _at: sheets)
    path = tmp_path / "log.xlsx"
    path.write_bytes(b"")
    guesses = sniff_all(members("log.xlsx", path)[0])
    assert [guess.source.get("skip", False) for guess in guesses] == [False, True, False]
    sources = [Source.model_validate(one) for one in yaml.safe_load(recipe(guesses))["sources"]]
    found = read([path], sources)
    assert found.unreadable.is_empty()
    assert found.messages["raw"].to_list() == [s.text for s in zh[:200]]
    assert found.messages["source"][0] == "log.xlsx/五月:4"


def test_very_long_names_and_values_take_no_time(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    rows = "".join(f"S{i // 4},{'agent' if i % 2 else 'user'},what is {i}?,{'x' * 200_000}\n" for i in range(8))
    path.write_text(f"session_id,role,text,{'y' * 300_000}\n{rows}")
    begin = process_time()
    assert sniff(members(path.name, path)[0]).source["columns"]["role"] in ("role", 1)
    assert process_time() - begin < 20  # by the square of their lengths it would be minutes


def test_separators_in_a_last_text_that_is_not_quoted_belong_to_it(tmp_path: Path, en: list[Said]) -> None:
    said = [s._replace(text=f"{s.text}, and {i}" if i % 3 else s.text) for i, s in enumerate(en[:200])]
    said = [s._replace(text=s.text.replace('"', "")) for s in said]
    rows = "".join(f"{s.conversation},{'agent' if s.role != 'user' else 'customer'},{s.text}\n" for s in said)
    guess, found = guessed(tmp_path, "log.csv", "session_id,role,text\n" + rows)
    assert guess.source["rest"] is True
    agrees(found, said)
    short = tmp_path / "short.csv"
    short.write_text('session_id,role,text\n1,user,a,b\n1,user\n1,user,"a",b\n')
    reading = read([short], [Source(rest=True)])
    assert reading.messages["raw"].to_list() == ["a,b"]
    assert reading.unreadable["line"].to_list() == [3, 4]
