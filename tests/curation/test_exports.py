"""Exports of help desks and messengers that are not lines: sniffed, read, and looked at message by message."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation.containers import members
from curation.errors import SourceError
from curation.read import read
from curation.recipe import Source
from curation.sessions import sessions
from curation.sniff import sniff

Heard = tuple[str, str, str | None, str]

ASKED = [
    ("Hana", "Can I exchange the shoes?", "Yes, within 14 days."),
    ("Li Wei", "Where do I send them?", "The address is on the slip."),
    ("Tom", "Do you ship to Norway?", "Yes, it takes five days."),
    ("Visitor", "Is there a minimum order?", "No, there is none."),
]


def heard(path: Path) -> list[Heard]:
    """Sniff a file and read it so: conversation, role, time and text."""
    (file,) = members(path.name, path)
    source = Source.model_validate(sniff(file).source)
    found = read([path], [source])
    assert found.unreadable.is_empty()
    return list(sessions(found.messages, None, [source])[0].select("conversation", "role", "time", "raw").iter_rows())


def table(path: Path, rows: list[list[str]]) -> Path:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    path.write_text(out.getvalue(), encoding="utf-8")
    return path


def test_a_transcript_of_salesforce_in_a_cell_of_html(tmp_path: Path) -> None:
    rows = [["Id", "CaseId", "StartTime", "Body"]]
    for number, (name, asks, says) in enumerate(ASKED):
        head = f'<p align="center">Chat Started: May {number + 1}</p><p align="center">Agent Mika</p>'
        body = f"{head}( 12s ) Mika: Hi<br>( 1m 5s ) {name}: {asks}<br>see above<br>( 1h 2m 5s ) Mika: {says}<br>"
        rows.append([f"57{number}", "500", "2024-05-01T10:03:12.000+0000", body])
    found = heard(table(tmp_path / "LiveChatTranscript.csv", rows))
    assert len(found) == 16
    assert [row[:2] + row[3:] for row in found[:4]] == [
        ("570", "system", "Chat Started: May 1\nAgent Mika"), ("570", "assistant", "Hi"),
        ("570", "user", "Can I exchange the shoes?\nsee above"), ("570", "assistant", "Yes, within 14 days."),
    ]  # fmt: skip
    assert {row[1] for row in found if row[3].startswith("Is there a minimum order?")} == {"user"}


def test_events_in_a_cell_are_no_part_of_what_was_said_before(tmp_path: Path) -> None:
    rows = [["id", "history"]]
    for number, (_, asks, says) in enumerate(ASKED):
        lines = [f"(10:03:12) Visitor {number}: {asks}", "(10:03:40) *** Mika joined ***", f"(10:04:12) Mika: {says}"]
        rows.append([f"24.{number}", "\n".join(lines)])
    found = heard(table(tmp_path / "chats.csv", rows))
    assert found[:3] == [
        ("24.0", "user", "10:03:12", "Can I exchange the shoes?"),
        ("24.0", "system", "10:03:40", "*** Mika joined ***"),
        ("24.0", "assistant", "10:04:12", "Yes, within 14 days."),
    ]  # fmt: skip


def test_a_day_and_a_clock_in_columns_of_their_own(tmp_path: Path) -> None:
    rows = [
        ["アカウント名", "青葉商店"], ["タイムゾーン", "+09:00"],
        ["送信者タイプ", "送信者名", "送信日", "送信時刻", "内容"],
        ["User", "佐藤", "2024/05/01", "23:50:00", "交換できますか？"],
        ["Account", "青葉", "2024/05/02", "00:05:40", "はい、できます。"],
        ["User", "佐藤", "2024/05/03", "09:58:00", "返品の送り先は？"],
        ["Account", "青葉", "2024/05/03", "10:02:00", "伝票にあります。"],
    ]  # fmt: skip
    found = heard(table(tmp_path / "line.csv", rows))
    assert [(row[0], row[2]) for row in found] == [
        ("line.csv#1", "2024/05/01 23:50:00"), ("line.csv#1", "2024/05/02 00:05:40"),
        ("line.csv#2", "2024/05/03 09:58:00"), ("line.csv#2", "2024/05/03 10:02:00"),
    ]  # fmt: skip


def test_the_day_of_a_sheet_has_no_midnight(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("s,r,x,d,t\n1,user,hi,2024-05-01 00:00:00,10:03\n1,user,ho,,10:04\n")
    columns = {"conversation": "s", "role": "r", "text": "x", "date": "d", "time": "t"}
    found = read([tmp_path / "log.csv"], [Source(columns=columns)]).messages
    assert found["time"].to_list() == ["2024-05-01 10:03", "10:04"]


def test_who_speaks_to_whom_in_columns_of_their_own(tmp_path: Path) -> None:
    talks = [("小美", "可以换吗？", "可以的，联系我就行。"), ("大力", "几天能到？", "一般三天就能到。")]
    rows = [["发送人", "发送人类型", "接收人", "消息内容", "发送时间"]]
    for minute, (name, asks, says) in enumerate(talks):
        rows += [[name, "客户", "李雷", asks, f"2024-05-01 10:0{minute}:00"]]
        rows += [["李雷", "员工", name, says, f"2024-05-01 10:0{minute}:30"]]
    assert [(row[0], row[1]) for row in heard(table(tmp_path / "log.csv", rows))] == [
        ("小美#1", "user"), ("小美#1", "assistant"), ("大力#1", "user"), ("大力#1", "assistant"),
    ]  # fmt: skip


def archived(number: int, sender: str, to: str, **content: Any) -> dict[str, Any]:
    kind = next(iter(content))
    about = {"msgid": f"m{number}", "from": sender, "tolist": [to], "roomid": "", "msgtime": 1714557792000 + number}
    return about | {"action": "send", "msgtype": kind} | content


@pytest.mark.parametrize("wrapped", ["bare", "answer", "msg"])
def test_an_archive_of_wecom_in_the_answer_of_its_interface(tmp_path: Path, wrapped: str) -> None:
    rows = [
        archived(1, "wmA", "LiLei", text={"content": "可以换吗？"}),
        archived(2, "LiLei", "wmA", image={"md5sum": "0"}),
        archived(3, "LiLei", "wmA", text={"content": "可以。"}),
        archived(4, "wmB", "LiLei", text={"content": "几天到？"}),
    ]  # fmt: skip
    inner = [{"seq": n, "publickey_ver": 3, "msg": row} for n, row in enumerate(rows)] if wrapped == "msg" else rows
    whole = inner if wrapped == "bare" else {"errcode": 0, "errmsg": "ok", "chatdata": inner}
    (tmp_path / "log.json").write_text(json.dumps(whole), encoding="utf-8")
    assert [(row[0], row[1], row[3]) for row in heard(tmp_path / "log.json")] == [
        ("wmA#1", "user", "可以换吗？"), ("wmA#1", "system", "[image]"), ("wmA#1", "assistant", "可以。"),
        ("wmB#1", "user", "几天到？"),
    ]  # fmt: skip


def chat(number: int, *said: tuple[int, str]) -> dict[str, Any]:
    messages = [
        {
            "id": n,
            "type": "message",
            "date": f"2024-05-01T10:0{n}:00",
            "from": "x",
            "from_id": f"user{who}",
            "text": text,
        }
        for n, (who, text) in enumerate(said)
    ]
    call = {"id": 9, "type": "service", "date": "2024-05-01T10:00:00", "action": "phone_call", "text": ""}
    return {"name": None, "type": "personal_chat", "id": number, "messages": [call, *messages]}


def test_a_chat_of_telegram_alone_is_read_as_among_others(tmp_path: Path) -> None:
    one = chat(42, (42, "Are you open?"), (7, "Yes, until six."))
    more = {"about": "", "personal_information": {"user_id": 7}, "contacts": {"list": [{"first_name": "x"}]}}
    more |= {
        "sessions": {"list": []},
        "chats": {"about": "", "list": [one]},
        "left_chats": {"list": [chat(43, (43, "Hi"))]},
    }
    for name, whole in (("one.json", one), ("all.json", more)):
        (tmp_path / name).write_text(json.dumps(whole), encoding="utf-8")
    said = [
        ("42#1", "system", "[service]"), ("42#1", "user", "Are you open?"), ("42#1", "assistant", "Yes, until six."),
    ]  # fmt: skip
    assert [(row[0], row[1], row[3]) for row in heard(tmp_path / "one.json")] == said
    assert [(row[0], row[1], row[3]) for row in heard(tmp_path / "all.json")] == [
        *said, ("43#1", "system", "[service]"), ("43#1", "user", "Hi"),
    ]  # fmt: skip


def test_a_group_of_telegram_is_asked_about(tmp_path: Path) -> None:
    group = chat(99, (42, "Are you open?"), (7, "Yes, until six."), (43, "And on Monday?"), (7, "Closed, sorry."))
    (tmp_path / "group.json").write_text(json.dumps(group | {"type": "private_group"}), encoding="utf-8")
    (file,) = members("group.json", tmp_path / "group.json")
    guess = sniff(file)
    assert guess.source["preset"] == "telegram-group"
    assert guess.question is not None


def test_messages_that_say_neither_who_nor_what_are_asked_about(tmp_path: Path) -> None:
    talk = [{"parts": [{"words": {"value": text}}], "at": "2024-05-01"} for text in ("Are you open on Monday?", "No.")]
    (tmp_path / "log.json").write_text(json.dumps([{"id": n, "messages": talk} for n in range(5)]), encoding="utf-8")
    (file,) = members("log.json", tmp_path / "log.json")
    guess = sniff(file)
    assert guess.question is not None
    assert guess.confidence < 0.3


def group(*names: str) -> dict[str, Any]:
    """A group of Telegram: customers ask in turn, the last of the names answers."""
    *customers, shop = names
    said = []
    for number in range(6):
        for who, text in ((customers[number % len(customers)], f"Is no. {number} there?"), (shop, "Yes, it is.")):
            place = len(said)
            said.append(
                {"id": place, "type": "message", "date": f"2024-05-01T10:{place:02}:00", "from": who, "text": text,
                 "from_id": f"user{names.index(who)}"}
            )  # fmt: skip
    return {"name": "Bean & Leaf, questions and answers", "type": "private_group", "id": 777, "messages": said}


def test_in_a_group_of_telegram_a_name_that_serves_answers_everybody(tmp_path: Path) -> None:
    (tmp_path / "group.json").write_text(json.dumps(group("Anna", "Bo", "Cy", "Bean Support")), encoding="utf-8")
    assert [(row[1], row[3]) for row in heard(tmp_path / "group.json")] == [
        one for n in (0, 3, 1, 4, 2, 5) for one in (("user", f"Is no. {n} there?"), ("assistant", "Yes, it is."))
    ]


def test_in_a_group_of_telegram_whose_names_tell_nothing_somebody_is_taken_to_serve_and_it_is_asked(
    tmp_path: Path,
) -> None:
    (tmp_path / "group.json").write_text(json.dumps(group("Anna", "Bo", "Cy", "Lena")), encoding="utf-8")
    (file,) = members("group.json", tmp_path / "group.json")
    guess = sniff(file)
    assert guess.question is not None
    assert guess.source["roles"] == {"assistant": ["Lena"], "user": ["*", ""]}


def test_in_a_group_of_telegram_each_customer_has_a_conversation_with_the_replies_to_her(tmp_path: Path) -> None:
    whole = group("Anna", "Bo", "Cy", "Lena")
    asked = [one for one in whole["messages"] if one["from"] != "Lena"]
    answered = [one for one in whole["messages"] if one["from"] == "Lena"]
    for question, answer in zip(asked, answered, strict=True):
        answer["reply_to_message_id"] = question["id"]
    whole["messages"] = [*asked, *answered]  # all answers in the end
    whole["messages"].append(
        asked[0] | {"id": 99, "from": whole["name"], "from_id": "channel1", "text": "We are open."}
    )
    (tmp_path / "group.json").write_text(json.dumps(whole), encoding="utf-8")
    (file,) = members("group.json", tmp_path / "group.json")
    assert sniff(file).source["roles"]["assistant"] == [whole["name"], "Lena"]
    said = heard(tmp_path / "group.json")
    assert [row[0] for row in said if row[3].startswith("Is")] == [
        f"777 {name}#1" for name in ("Anna", "Bo", "Cy") for _ in "ab"
    ]
    assert Counter(row[0] for row in said if row[3] == "Yes, it is.") == {
        f"777 {name}#1": 2 for name in ("Anna", "Bo", "Cy")
    }


def test_messages_of_freshchat_below_their_conversations(tmp_path: Path) -> None:
    def message(number: int, who: str, text: str) -> dict[str, Any]:
        return {"id": f"m{number}{who}", "actor_type": who, "message_type": "private" if text == "note" else "normal",
                "created_time": "2024-05-01T10:03:12Z", "conversation_id": f"c{number}",
                "message_parts": [{"text": {"content": text}}]}  # fmt: skip

    talks = [
        {"conversation_id": f"c{n}", "status": "resolved",
         "messages": [message(n, "user", asks), message(n, "agent", "note"), message(n, "agent", says)]}
        for n, (_, asks, says) in enumerate(ASKED)
    ]  # fmt: skip
    for name, whole in (("list.json", talks), ("answer.json", {"conversations": talks})):
        (tmp_path / name).write_text(json.dumps(whole), encoding="utf-8")
        assert [(row[0], row[1], row[3]) for row in heard(tmp_path / name)] == [
            one for n, (_, asks, says) in enumerate(ASKED)
            for one in ((f"c{n}", "user", asks), (f"c{n}", "system", "note"), (f"c{n}", "assistant", says))
        ]  # fmt: skip


def test_a_flag_of_the_firms_people_tells_who_answers(tmp_path: Path) -> None:
    """DingTalk: isAdmin is true of the firm's own, and people have numbers and names of their own."""
    said = [
        {"conversationId": f"cid{n}", "senderId": sender, "senderNick": nick, "isAdmin": nick == "陈晨",
         "msgId": f"{n}{sender}", "createAt": 1714557600000 + n, "text": {"content": text}}
        for n, (asks, says) in enumerate([("快递到哪里了？", "明天送到。"), ("退货要出运费吗？", "免运费。")])
        for sender, nick, text in ((f"lw{n}", ["王小明", "李芳"][n], asks), ("lw9", "陈晨", says))
    ]  # fmt: skip
    (tmp_path / "log.json").write_text(json.dumps(said), encoding="utf-8")
    (file,) = members("log.json", tmp_path / "log.json")
    assert sniff(file).question is None
    assert [row[1] for row in heard(tmp_path / "log.json")] == ["user", "assistant"] * 2


def talks() -> list[tuple[str, list[tuple[bool, str, int]]]]:
    """Conversations of two questions with their answers: an id, and whether the customer speaks, what, and when."""
    pairs = [(ASKED[n], ASKED[(n + 1) % len(ASKED)]) for n in range(len(ASKED))]
    said = [[text for _, asks, says in two for text in (asks, says)] for two in pairs]
    return [
        (f"T-{n}", [(not k % 2, text, 1_714_557_600_000 + 9_000_000 * n + 20_000 * k) for k, text in enumerate(texts)])
        for n, texts in enumerate(said)
    ]


def each(make: Callable[[str, bool, str, int], Any]) -> list[Any]:
    """Return what is made of every message: of its conversation's id, whose it is, its text and its time."""
    return [make(number, his, text, at) for number, said in talks() for his, text, at in said]


def inner(make: Callable[[str, bool, str, int], Any]) -> list[tuple[str, list[Any]]]:
    """Return the same, conversation by conversation."""
    return [(number, [make(number, his, text, at) for his, text, at in said]) for number, said in talks()]


def rasa(number: str, his: bool, text: str, at: int) -> dict[str, Any]:
    return {"event": "user" if his else "bot", "timestamp": at / 1000, "text": text}


ELSEWHERE: dict[str, Any] = {
    # An answer of an API around messages of many conversations; the text also as HTML.
    "hubspot.json": {
        "results": each(
            lambda number, his, text, at: {
                "id": f"{number}{at}", "conversationsThreadId": number, "createdAt": at, "richText": f"<p>{text}</p>",
                "direction": "INCOMING" if his else "OUTGOING", "text": text,
            }
        )
    },
    # A list of objects, each in a list of one; what says what kind the author is also tells the sides.
    "helpscout.json": {
        "_embedded": {
            "conversations": [
                {"id": number, "subject": "Order", "_embedded": {"threads": threads}}
                for number, threads in inner(
                    lambda _, his, text, at: {
                        "type": "customer" if his else "message", "body": text, "createdAt": at,
                        "createdBy": {"type": "customer" if his else "user"},
                    }
                )
            ]
        },
        "page": {"size": 25, "totalElements": 4},
    },
    "genesys.json": [
        {"conversationId": number, "participants": [{"purpose": "customer"}, {"purpose": "agent"}],
         "transcripts": [{"phrases": phrases}]}
        for number, phrases in inner(
            lambda _, his, text, at: {
                "text": text, "participantPurpose": "external" if his else "internal", "startTimeMs": at,
            }
        )
    ],
    # The text in a list of one; sender and receiver.
    "easemob.jsonl": each(
        lambda number, his, text, at: {
            "msg_id": f"{number}{at}", "timestamp": at, "direction": "outgoing", "chat_type": "chat",
            "from": f"visitor {number}" if his else "kefu agent", "to": "kefu agent" if his else f"visitor {number}",
            "payload": {"bodies": [{"msg": text, "type": "txt"}], "ext": {}},
        }
    ),
    "twilio.csv": each(
        lambda number, his, text, at: {
            "From": f"+47900{number[2:]}" if his else "+1555", "To": "+1555" if his else f"+47900{number[2:]}",
            "Body": text, "SentDate": at, "Direction": "inbound" if his else "outbound-api",
        }
    ),
    # The text is JSON in a text.
    "feishu.json": {
        "items": each(
            lambda number, his, text, at: {
                "message_id": f"{number}{at}", "chat_id": number, "create_time": str(at),
                "sender": {"sender_type": "user" if his else "app"}, "body": {"content": json.dumps({"text": text})},
            }
        ),
        "has_more": False,
    },
    # Events, of which two kinds have a text.
    "rasa.json": [
        {"sender_id": number, "events": [{"event": "session_started", "timestamp": 1.5}, *events]}
        for number, events in inner(rasa)
    ],
    # Headers and roles in traditional characters.
    "hk.csv": each(
        lambda number, his, text, at: {
            "對話編號": number, "發話者": "顧客" if his else "客服人員", "發話時間": at, "訊息內容": text,
        }
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ELSEWHERE)
def test_an_export_is_read_as_it_was_said_and_nothing_is_asked(tmp_path: Path, name: str) -> None:
    path, whole = tmp_path / name, ELSEWHERE[name]
    if path.suffix == ".csv":
        table(path, [list(whole[0]), *([str(cell) for cell in row.values()] for row in whole)])
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(one) + "\n" for one in whole), encoding="utf-8")
    else:
        path.write_text(json.dumps(whole), encoding="utf-8")
    assert sniff(members(name, path)[0]).question is None
    said: dict[str, list[tuple[str, str]]] = {}
    for number, role, _, text in heard(path):
        if role != "system":
            said.setdefault(number, []).append((role, text))
    assert list(said.values()) == [
        [("user" if his else "assistant", text) for his, text, _ in texts] for _, texts in talks()
    ]


def test_one_conversation_under_a_name_of_its_own_beside_single_values(tmp_path: Path) -> None:
    said = [
        {"ParticipantRole": "CUSTOMER" if his else "AGENT", "Content": text, "AbsoluteTime": "2026-11-01T10:00:00Z"}
        for his, text, _ in talks()[0][1]
    ]
    whole = {"Version": "1", "ContactId": "c1", "Participants": [{"ParticipantId": "p1"}], "Transcript": said}
    (tmp_path / "lens.json").write_text(json.dumps(whole), encoding="utf-8")
    assert [row[1] for row in heard(tmp_path / "lens.json")] == ["user", "assistant", "user", "assistant"]


def test_an_id_is_no_answer_whatever_its_name_begins_with(tmp_path: Path) -> None:
    lines = [
        {"result": {"queryText": asks, "responseId": f"r{n}", "fulfillmentText": says}}
        for n, (_, asks, says) in enumerate(ASKED)
    ]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert [row[3] for row in heard(tmp_path / "log.jsonl")][:2] == list(ASKED[0][1:])


def test_a_table_in_traditional_characters_needs_no_recipe(tmp_path: Path) -> None:
    path = table(
        tmp_path / "log.csv", [["會話編號", "發送方", "內容"], ["1", "買家", "有貨嗎"], ["1", "客服專員", "有的"]]
    )
    assert read([path], [Source()]).messages["role"].to_list() == ["user", "assistant"]


def test_a_chat_copied_from_wangwang_tells_the_shop_by_its_account(tmp_path: Path) -> None:
    lines = [
        f"{number if his else '青槐优品:小艾'} (2026-11-0{n + 1} 10:0{k}:10):\n{text}\n"
        for n, (number, said) in enumerate(talks()) for k, (his, text, _) in enumerate(said)
    ]  # fmt: skip
    (tmp_path / "copied.txt").write_text("\n".join(lines), encoding="utf-8")
    assert [(row[0], row[1], row[3]) for row in heard(tmp_path / "copied.txt")] == [
        (f"{number}#1", "user" if his else "assistant", text) for number, said in talks() for his, text, _ in said
    ]


@pytest.mark.parametrize("key", ["ticket", "data"])
def test_tickets_of_zendesk_and_freshdesk_under_a_key_of_their_own(tmp_path: Path, key: str) -> None:
    tickets, tickets2 = [], []
    for n, (_, asks, says) in enumerate(ASKED):
        both = [(70 + n, asks, True), (9, "note", False), (9, says, True)]
        comments = [
            {"id": i, "author_id": who, "public": seen, "plain_body": text, "created_at": f"2024-05-01T10:0{i}:00Z"}
            for i, (who, text, seen) in enumerate(both)
        ]
        tickets.append({key: {"id": 500 + n, "requester_id": 70 + n, "comments": comments}})
        replies = [{"incoming": False, "private": False, "body_text": says, "created_at": "2024-05-01T10:05:00Z"}]
        about = {"id": 500 + n, "description_text": asks, "created_at": "2024-05-01T10:00:00Z"}
        tickets2.append({key: about | {"conversations": replies}})
    for name, some in (("zendesk.jsonl", tickets), ("freshdesk.jsonl", tickets2)):
        (tmp_path / name).write_text("".join(json.dumps(one) + "\n" for one in some), encoding="utf-8")
        said = [(row[0], row[1], row[3]) for row in heard(tmp_path / name) if row[3] != "note"]
        assert said == [
            one for n, (_, asks, says) in enumerate(ASKED)
            for one in ((str(500 + n), "user", asks), (str(500 + n), "assistant", says))
        ]  # fmt: skip
    assert Counter(row[1] for row in heard(tmp_path / "zendesk.jsonl"))["system"] == 4


def test_events_without_an_author_among_messages_of_people_known_by_name(tmp_path: Path) -> None:
    """LiveChat: who speaks has an id, and what the system says has none."""
    chats = [
        {"id": f"Q{n}", "thread": {"id": f"T{n}", "events": [
            {"type": "message", "text": asks, "author_id": f"guest-{n}", "created_at": "2024-05-01T10:00:00Z"},
            {"type": "message", "text": says, "author_id": "mika@shop.example", "created_at": "2024-05-01T10:01:00Z"},
            {"type": "system_message", "text": "The chat was closed", "created_at": "2024-05-01T10:02:00Z"}]}}
        for n, (_, asks, says) in enumerate(ASKED)
    ]  # fmt: skip
    (tmp_path / "archive.json").write_text(json.dumps({"chats": chats, "found_chats": 4}), encoding="utf-8")
    assert [(row[0], row[1], row[3]) for row in heard(tmp_path / "archive.json")[:3]] == [
        ("Q0", "user", ASKED[0][1]), ("Q0", "assistant", ASKED[0][2]), ("Q0", "system", "The chat was closed"),
    ]  # fmt: skip


def test_the_number_of_a_ticket_is_no_time_and_comes_before_the_guests(tmp_path: Path) -> None:
    tickets = [
        {"ticket_id": str(6626000000 + n), "guest": {"id": f"ou_{n}"}, "created_at": 1714557600 + n, "messages": [
            {"user_name": name, "content": json.dumps({"text": asks})},
            {"user_name": "王客服", "content": json.dumps({"text": says})}]}
        for n, (name, asks, says) in enumerate(ASKED)
    ]  # fmt: skip
    (tmp_path / "tickets.json").write_text(json.dumps({"code": 0, "data": {"tickets": tickets}}), encoding="utf-8")
    assert [row[0] for row in heard(tmp_path / "tickets.json")][::2] == [str(6626000000 + n) for n in range(4)]


@pytest.mark.parametrize("name", ["transcript", "log", "chat_lines"])
def test_a_document_of_one_conversation_is_named_by_the_id_beside_its_list(tmp_path: Path, name: str) -> None:
    said = [{"speaker": "customer", "text": asks} | {} for _, asks, _ in ASKED[:1]]
    said += [{"speaker": "agent", "text": ASKED[0][2]}]
    (tmp_path / "one.json").write_text(json.dumps({"id": "C-7", "channel": "web", name: said}), encoding="utf-8")
    assert [(row[0], row[1]) for row in heard(tmp_path / "one.json")] == [("C-7", "user"), ("C-7", "assistant")]


def test_a_bot_s_answers_with_one_session_are_one_conversation(tmp_path: Path) -> None:
    """Dialogflow in Cloud Logging: the session lies beside the question and its answer."""
    rows = [
        {"timestamp": f"2024-05-01T10:0{turn}:00Z", "payload": {"session": f"projects/p/sessions/s{n // 2}",
         "queryResult": {"queryText": asks, "fulfillmentText": says, "intent": {"displayName": "faq"}}}}
        for n, (turn, (_, asks, says)) in enumerate(enumerate(ASKED))
    ]  # fmt: skip
    (tmp_path / "df.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = heard(tmp_path / "df.jsonl")
    assert [row[0] for row in found] == [f"projects/p/sessions/s{n}" for n in (0, 0, 0, 0, 1, 1, 1, 1)]
    assert [row[3] for row in found] == [text for _, asks, says in ASKED for text in (asks, says)]


def test_questions_and_answers_beside_their_times_and_people(tmp_path: Path) -> None:
    rows = [["用户ID", "用户昵称", "咨询时间", "咨询内容", "回复人", "回复时间", "回复内容"]]
    for n, (asks, says) in enumerate(
        [("课程有效期多久？", "购买之日起一年。"), ("没收到讲义怎么办", "请重新登录一次。")] * 3
    ):
        rows.append([f"u_{n}", f"学员{n}", f"2024-05-01 10:0{n}:00", asks, "助教小林", f"2024-05-01 11:0{n}:00", says])
    found = heard(table(tmp_path / "asked.csv", rows))
    assert [row[1:] for row in found[:2]] == [
        ("user", "2024-05-01 10:00:00", "课程有效期多久？"), ("assistant", "2024-05-01 10:00:00", "购买之日起一年。"),
    ]  # fmt: skip


@pytest.mark.parametrize("room", [True, False])
def test_a_channel_without_conversations_asks_only_who_answers(tmp_path: Path, room: bool) -> None:
    """Discord's own interface, and others alike: messages of many people, one after the other."""
    said, place = [], 0
    for name, asks, says in ASKED:
        for who, text in ((name, asks), ("mika_7", says), (name, "ok, great")):
            place += 1
            said.append({
                "id": str(1000 + place), "content": text, "timestamp": f"2024-05-01T10:{place:02}:00Z",
                "author": {"id": "9" if who == "mika_7" else f"{name}0", "username": who, "bot": False},
            } | ({"channel_id": "55"} if room else {}))  # fmt: skip
    (tmp_path / "channel.json").write_text(json.dumps(said), encoding="utf-8")
    (file,) = members("channel.json", tmp_path / "channel.json")
    guess = sniff(file)
    assert guess.question is not None
    assert guess.question.text.startswith("Who answers for the business?")
    assert guess.source["roles"]["assistant"] == ["mika_7"]
    found = heard(tmp_path / "channel.json")
    assert [row[1] for row in found] == ["user", "assistant", "user"] * 4
    assert len({row[0] for row in found}) == 4


def test_two_words_of_customers_are_two_sides_all_the_same(tmp_path: Path) -> None:
    """Chatwoot: who asks is a contact, and who answers is a user of the program."""
    talks = [
        {"id": n, "messages": [
            {"content": asks, "message_type": 0, "sender": {"type": "contact"}, "created_at": 1714557600},
            {"content": says, "message_type": 1, "sender": {"type": "user"}, "created_at": 1714557660}]}
        for n, (_, asks, says) in enumerate(ASKED)
    ]  # fmt: skip
    (tmp_path / "talks.json").write_text(json.dumps({"data": {"payload": talks}}), encoding="utf-8")
    assert [row[1:2] + row[3:] for row in heard(tmp_path / "talks.json")] == [
        one for _, asks, says in ASKED for one in (("user", asks), ("assistant", says))
    ]


def test_a_column_for_each_turn_of_a_conversation(tmp_path: Path) -> None:
    rows = [
        ["会话ID", "客户1", "客服1", "客户2", "客服2"],
        ["W1", "可以换吗？", "可以的，联系我。", "运费呢？", "我们出运费。"],
        ["W2", "几天能到？", "一般三天能到。", "", ""],
        ["W3", "能开发票吗？", "可以开电子发票。", "好的谢谢", ""],
    ]
    found = heard(table(tmp_path / "wide.csv", rows))
    assert [(row[0], row[1], row[3]) for row in found] == [
        (row[0], ("user", "assistant")[place % 2], text)
        for row in rows[1:] for place, text in enumerate(row[1:]) if text
    ]  # fmt: skip


def test_json_behind_what_a_program_logs_before_it_is_told_with_its_cure(tmp_path: Path) -> None:
    lines = [
        f"2024-05-01 10:0{n}:12 INFO chat - " + json.dumps({"session": "s", "from": who, "text": text})
        for n, (_, *said) in enumerate(ASKED) for who, text in zip(("customer", "agent"), said, strict=True)
    ]  # fmt: skip
    (tmp_path / "app.log").write_text("\n".join(lines), encoding="utf-8")
    (file,) = members("app.log", tmp_path / "app.log")
    with pytest.raises(SourceError, match=r"JSON behind a time or a name; take it off, e\.g\. sed"):
        sniff(file)
