"""The layouts that are known by name: each sample's messages, counted by hand, and found by sniffing too."""

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from curation.cli import app
from curation.containers import find, members
from curation.errors import SourceError
from curation.packs import Packs
from curation.pipeline import Curated
from curation.pipeline import curate as run
from curation.presets import PRESETS
from curation.read import read
from curation.recipe import Recipe, Source, load
from curation.sessions import sessions
from curation.sniff import sniff

SAMPLES = Path(__file__).parents[2] / "samples" / "shapes"

# Counted by hand in the files: records, then messages of customers, of people who answer, of bots, and system messages.
COUNTED: dict[str, tuple[int, int, int, int, int]] = {
    "zendesk.json": (3, 4, 3, 0, 1),
    "intercom.jsonl": (3, 5, 3, 1, 3),
    "freshdesk.json": (2, 3, 3, 0, 1),
    "qianniu.txt": (12, 4, 5, 0, 3),
    "meiqia.json": (2, 4, 3, 1, 2),
    "udesk.jsonl": (10, 3, 4, 0, 3),
    "sobot.csv": (10, 4, 3, 1, 2),
    "wecom.jsonl": (8, 3, 3, 0, 2),
    "telegram.json": (2, 4, 3, 0, 1),
    "telegram-group.json": (1, 4, 3, 0, 1),
    "discord.json": (1, 4, 3, 0, 1),
    "freshchat.json": (6, 2, 2, 1, 1),
    "slack.json": (7, 3, 3, 0, 1),
    "lex.jsonl": (5, 5, 6, 0, 2),
}
# Conversations, in order, with the number of their messages.
PARTED: dict[str, list[tuple[str, int]]] = {
    "zendesk.json": [("7001", 5), ("7002", 2), ("7003", 1)],
    "intercom.jsonl": [("3001", 9), ("3002", 2), ("3003", 1)],
    "freshdesk.json": [("501", 5), ("502", 2)],
    "qianniu.txt": [("tb_linxi88#1", 7), ("tb_linxi88#2", 2), ("橙子汽水6#1", 3)],
    "meiqia.json": [("88001", 8), ("88002", 2)],
    "udesk.jsonl": [("4001", 8), ("4002", 2)],
    "sobot.csv": [("s-9a", 7), ("s-9b", 3)],
    "wecom.jsonl": [("wmAAA01#1", 3), ("wmAAA01#2", 3), ("wmBBB02#1", 2)],
    "telegram.json": [("910101#1", 4), ("910101#2", 2), ("910202#1", 2)],
    "telegram-group.json": [("920001 Tilda#1", 1), ("920001 Tilda#2", 3), ("920001 Marek#1", 2), ("920001#1", 2)],
    "discord.json": [("questions ines#1", 4), ("questions otto#1", 2), ("questions rolf#1", 2)],
    "freshchat.json": [("fc-301", 4), ("fc-302", 2)],
    "lex.jsonl": [("lib-71", 8), ("lib-72", 2), ("lib-73", 3)],
    "slack.json": [("1712131200.000100", 4), ("1712131260.000200", 2), ("1712131600.000700", 1)],
}
# A question and the beginning of the answer that must be learned from each.
TAUGHT = {
    "zendesk.json": ("Can you put our VAT number on the invoice", "Open the order, choose Billing details"),
    "intercom.jsonl": ("I was charged twice for March", "One of the two is only reserved"),
    "freshdesk.json": ("Do you deliver on Saturdays", "Saturday delivery costs 3.90 extra"),
    "qianniu.txt": ("杯底有划痕，可以换一个吗", "请在订单里申请换货"),
    "meiqia.json": ("回放能下载到手机吗", "可以，在手机应用里点缓存"),
    "udesk.jsonl": ("净水器多久换一次滤芯", "前置滤芯半年一换"),
    "sobot.csv": ("充电底座的灯一直闪", "闪红灯是没放正"),
    "wecom.jsonl": ("会员卡可以暂停吗", "可以暂停两次"),
    "telegram.json": (
        "How long does it take to repair a cracked phone screen",
        "A cracked screen takes two working days",
    ),
    "telegram-group.json": ("How often should the chain of a belt-drive bike be oiled", "A belt needs no oil at all"),
    "discord.json": ("Can the battery of the torch be replaced at home", "No, it is glued in for water tightness"),
    "freshchat.json": ("My espresso machine shows E3", "E3 means that the water tank does not sit right"),
    "lex.jsonl": ("How many books can I borrow at once", "You can borrow twelve books"),
    "slack.json": ("How do I rotate an API key", "Create a second key, deploy it"),
}


def curate(name: str, packs: Packs, **recipe: Any) -> Curated:
    source = {"preset": name.partition(".")[0]}
    return run([SAMPLES / name], Recipe(sources=[source], **recipe), packs, progress=lambda _stage, _what: None)


def test_every_preset_has_a_sample_and_every_sample_a_count() -> None:
    samples = {path.name for path in SAMPLES.iterdir()}
    assert {name.partition(".")[0] for name in samples} == set(PRESETS)
    assert samples == set(COUNTED) == set(PARTED) == set(TAUGHT)


@pytest.mark.parametrize("name", COUNTED)
def test_a_sample_gives_what_was_counted_by_hand(name: str, packs: Packs) -> None:
    done = curate(name, packs)
    said = Counter("bot" if bot else str(role) for role, bot in done.messages.select("role", "bot").iter_rows())
    records = sum(file.records for file in done.inputs)
    assert (records, *(said[side] for side in ("user", "assistant", "bot", "system"))) == COUNTED[name]
    assert done.unreadable.height == 0
    parted = done.messages.group_by("conversation", maintain_order=True).len()
    assert list(parted.iter_rows()) == PARTED[name]


@pytest.mark.parametrize("name", TAUGHT)
def test_a_question_of_each_sample_is_taught_with_its_answer(name: str, packs: Packs) -> None:
    question, answer = TAUGHT[name]
    pairs = curate(name, packs).examples.filter((pl.col("kind") == "pair") & (pl.col("verdict") == "keep"))
    (row,) = pairs.filter(pl.col("question").str.contains(question, literal=True)).iter_rows(named=True)
    assert answer in row["answer"]


def test_a_bot_s_answer_is_not_taught_unless_the_recipe_says_so(packs: Packs) -> None:
    answers = {
        policy: curate("sobot.csv", packs, sessions={"bot": policy}).examples.filter(pl.col("verdict") != "drop")
        for policy in ("context", "teach", "drop")
    }
    by_bot = "您可以在商城首页搜索“刷头”"
    said = {policy: frame["answer"].str.contains(by_bot, literal=True).any() for policy, frame in answers.items()}
    assert said == {"context": False, "teach": True, "drop": False}
    asked = {p: f["question"].str.contains("电动牙刷的刷头在哪里买", literal=True).any() for p, f in answers.items()}
    assert asked["teach"]
    assert not asked["drop"], "what the customer told the bot left with it"


def test_no_turn_holds_what_a_bot_and_a_person_said(packs: Packs) -> None:
    for name in ("sobot.csv", "meiqia.json", "intercom.jsonl"):
        done = curate(name, packs, sessions={"bot": "teach"})
        bots = {(c, m) for c, m, bot in done.messages.select("conversation", "message", "bot").iter_rows() if bot}
        for row in done.examples.iter_rows(named=True):
            for turn in row["turns"]:
                if turn["role"] == "assistant":
                    assert len({(row["conversation"], m) in bots for m in turn["messages"]}) == 1


def test_the_row_that_an_export_holds_twice_is_dropped_by_name(packs: Packs) -> None:
    done = curate("udesk.jsonl", packs)
    twice = done.messages.filter(pl.col("rules").list.contains("read/duplicate-row"))
    assert twice.select("conversation", "message", "fate").rows() == [("4001", 6, "dropped")]


def test_what_the_recipe_says_besides_the_preset_wins() -> None:
    source = Recipe(sources=[{"preset": "sobot", "columns": {"conversation": "uid"}, "said": ["0"]}]).sources[0]
    assert (source.columns.conversation, source.columns.role, source.said) == ("uid", "sender_type", ["0"])


@pytest.mark.parametrize("name", COUNTED)
def test_sniffing_finds_the_preset(name: str) -> None:
    (file,) = members(name, SAMPLES / name)
    guess = sniff(file)
    assert guess.source.get("preset") == name.partition(".")[0]
    assert guess.question is None


def slack(day: int, thread: str, *said: tuple[str, str]) -> str:
    return json.dumps(
        [{"type": "message", "user": who, "text": text, "ts": f"{day}.{n}", "thread_ts": thread}
         for n, (who, text) in enumerate(said)]
    )  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
def test_a_whole_export_of_slack_is_its_days_and_no_lists_of_users(tmp_path: Path, *, packed: bool) -> None:
    days = {
        "help/2024-05-01.json": slack(
            1714557600, "1714557600.0", ("UC", "How do I rotate a key?"), ("UA", "Press it.")
        ),
        "help/2024-05-02.json": slack(1714644000, "1714557600.0", ("UC", "And the old one?"), ("UA", "It stays.")),
        "users.json": json.dumps([{"id": "UC", "name": "cy", "profile": {"email": "c@x.example"}}]),
    }
    for name, content in days.items():
        (tmp_path / "x" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / name).write_text(content)
    log = tmp_path / "x"
    if packed:
        log = tmp_path / "x.zip"
        with zipfile.ZipFile(log, "w") as archive:
            for name, content in days.items():
                archive.writestr(name, content)
    told = CliRunner().invoke(app, ["sniff", str(log), "--json", "-o", str(tmp_path / "r.yaml")])
    assert {one["file"]: one["source"].get("preset", one["source"].get("skip")) for one in json.loads(told.stdout)} == {
        "2024-05-01.json": "slack", "2024-05-02.json": "slack", "users.json": True,
    }  # fmt: skip
    assert all(one["samples"] for one in json.loads(told.stdout) if "preset" in one["source"])
    sources = load(tmp_path / "r.yaml").sources
    found, _ = sessions(read(find([log]), sources).messages, None, sources)
    assert found.select("conversation", "role").rows() == [
        ("1714557600.0", role) for role in ("user", "assistant", "user", "assistant")
    ]


def test_a_column_of_a_preset_that_an_export_lacks_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"cid": "1", "sender_type": 0, "msg": "hi"}\n')  # neither msg_type nor t
    found = read([tmp_path / "a.jsonl"], [Source.model_validate({"preset": "sobot"})])
    assert found.messages.select("conversation", "role", "raw").rows() == [("1", "user", "hi")]
    with pytest.raises(SourceError, match="column 'nick' is not there"):
        read([tmp_path / "a.jsonl"], [Source.model_validate({"preset": "sobot", "columns": {"speaker": "nick"}})])
