"""Transcripts as messengers export them: days above clocks, quoted texts, notices, titles, marks of direction."""

import codecs
import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curation.cli import app
from curation.containers import members
from curation.read import read
from curation.recipe import Source, load
from curation.sessions import sessions
from curation.sniff import sniff

Said = tuple[str, str | None, str]

LINE_JA = (
    "[LINE] 青葉商店とのトーク履歴\n保存日時：2024/05/08 10:03\n\n2024/05/01(水)\n"
    '10:03\t佐藤 花\tサイズは交換できますか？\n10:05\t青葉商店\t"未使用でしたら、\n'
    '14日以内は""交換""できます。"\n10:06\t佐藤 花\t[スタンプ]\n'
    "10:11\t佐藤 花がメッセージの送信を取り消しました\n\n2024/05/02(木)\n9:58\t佐藤 花\t送料は？\n"
    "10:02\t青葉商店\t弊社が負担します。\n"
)
LINE_JA_SAID = [
    ("system", "2024/05/01 10:03", "[LINE] 青葉商店とのトーク履歴\n保存日時：2024/05/08 10:03\n2024/05/01(水)"),
    ("user", "2024/05/01 10:03", "サイズは交換できますか？"),
    ("assistant", "2024/05/01 10:05", '未使用でしたら、\n14日以内は"交換"できます。'),
    ("user", "2024/05/01 10:06", "[スタンプ]"),
    ("system", "2024/05/01 10:11", "佐藤 花がメッセージの送信を取り消しました"),
    ("system", "2024/05/02 9:58", "2024/05/02(木)"),
    ("user", "2024/05/02 9:58", "送料は？"),
    ("assistant", "2024/05/02 10:02", "弊社が負担します。"),
]
WHATSAPP = (
    "[01/05/24, 10:03:12] Aoba: \u200eMessages and calls are end-to-end encrypted. No one else can read them.\n"
    "[01/05/24, 10:03:12] ~\u202fHana: Can I exchange: the shoes?\n"
    "\u200e[01/05/24, 10:04:00] ~\u202fHana: \u200eimage omitted\n"
    "[13/05/24, 10:05:12] Aoba: Yes,\nwithin 14 days.\n"
)
WHATSAPP_SAID = [
    ("system", "01/05/24, 10:03:12", "\u200eMessages and calls are end-to-end encrypted. No one else can read them."),
    ("user", "01/05/24, 10:03:12", "Can I exchange: the shoes?"),
    ("user", "01/05/24, 10:04:00", "\u200eimage omitted"),
    ("assistant", "13/05/24, 10:05:12", "Yes,\nwithin 14 days."),
]
QQ = (
    "消息记录（此消息记录为文本格式，不支持重新导入）\n\n====\n消息分组:我的好友\n====\n消息对象:林小美\n"
    "====\n\n"
    "2024-05-01 10:03:12 【潜水】林小美(10001)\n可以换尺码吗？\n\n"
    "2024-05-01 10:05:40 青叶<kefu@aoba.example>\n可以。\n----\n请先联系我们。\n\n"
    "====\n消息对象:王 大力\n====\n\n2024-05-03 9:58:00 王 大力(10003)\n几天能到？\n\n"
    "2024-05-03 10:02:00 青叶<kefu@aoba.example>\n三天。\n"
)
QQ_SAID = [
    ("system", None, "消息记录（此消息记录为文本格式，不支持重新导入）\n====\n消息分组:我的好友\n===="),
    ("system", None, "消息对象:林小美"),
    ("system", "2024-05-01 10:03:12", "===="),
    ("user", "2024-05-01 10:03:12", "可以换尺码吗？"),
    ("assistant", "2024-05-01 10:05:40", "可以。\n----\n请先联系我们。"),
    ("system", None, "===="),
    ("system", None, "消息对象:王 大力"),
    ("system", "2024-05-03 9:58:00", "===="),
    ("user", "2024-05-03 9:58:00", "几天能到？"),
    ("assistant", "2024-05-03 10:02:00", "三天。"),
]
# What an export looks like: its text, how sniffing says that its lines are built, who serves, and what is read of it.
EXPORTS: dict[str, tuple[str, str, str, list[Said]]] = {
    "line": (LINE_JA, "{time}\t{name}\t{text}", "青葉商店", LINE_JA_SAID),
    "whatsapp on an iphone": (WHATSAPP, "[{time}] {name}: {text}", "Aoba", WHATSAPP_SAID),
    "qq": (QQ, "{date} {time} {name}", "青叶*", QQ_SAID),
    "line in taiwan": (
        "[LINE] 與青葉的聊天記錄\n儲存日期：2024/05/08 10:03\n\n2024/05/01（三）\n"
        "上午10:03\t林小美\t可以換尺寸嗎？\n下午12:05\t青葉\t可以。\n下午12:06\t林小美已收回訊息\n",
        "{time}\t{name}\t{text}",
        "青葉",
        [
            ("system", "2024/05/01 上午10:03", "[LINE] 與青葉的聊天記錄\n儲存日期：2024/05/08 10:03\n2024/05/01（三）"),
            ("user", "2024/05/01 上午10:03", "可以換尺寸嗎？"),
            ("assistant", "2024/05/01 下午12:05", "可以。"),
            ("system", "2024/05/01 下午12:06", "林小美已收回訊息"),
        ],
    ),
    "line in english": (
        "[LINE] Chat history with Aoba Store\nSaved on: 11/04/2025, 08:00\n\nSat, 11/01/2025\n"
        "9:30AM\tHana Sato\tIs 9:40 fine?\n"
        "9:35AM\tAoba Store\tYes.\n\nMon, 11/03/2025\n1:15PM\tHana Sato\tThanks!\n",
        "{time}\t{name}\t{text}",
        "Aoba Store",
        [
            (
                "system",
                "11/01/2025 9:30AM",
                "[LINE] Chat history with Aoba Store\nSaved on: 11/04/2025, 08:00\nSat, 11/01/2025",
            ),
            ("user", "11/01/2025 9:30AM", "Is 9:40 fine?"),
            ("assistant", "11/01/2025 9:35AM", "Yes."),
            ("system", "11/03/2025 1:15PM", "Mon, 11/03/2025"),
            ("user", "11/03/2025 1:15PM", "Thanks!"),
        ],
    ),
    "line on a pc": (
        "2024.05.01 水曜日\n10:03 佐藤 交換できますか？\n10:05 青葉 14日以内は\n交換できます。\n"
        "10:06 佐藤 スタンプ\n10:07 青葉 はい\n2024.05.02 木曜日\n09:58 佐藤 送料は？\n"
        "10:02 青葉 無料です。\n",
        "{time} {name} {text}",
        "青葉",
        [
            ("system", "2024.05.01 10:03", "2024.05.01 水曜日"),
            ("user", "2024.05.01 10:03", "交換できますか？"),
            ("assistant", "2024.05.01 10:05", "14日以内は\n交換できます。"),
            ("user", "2024.05.01 10:06", "スタンプ"),
            ("assistant", "2024.05.01 10:07", "はい"),
            ("system", "2024.05.02 09:58", "2024.05.02 木曜日"),
            ("user", "2024.05.02 09:58", "送料は？"),
            ("assistant", "2024.05.02 10:02", "無料です。"),
        ],
    ),
    "whatsapp in spanish": (
        "1/5/24, 10:03\u202fa.\u00a0m. - Los mensajes están cifrados.\n"
        "1/5/24, 10:03\u202fa.\u00a0m. - +34 600 00: ¿Puedo cambiar?\n"
        "1/5/24, 1:07\u202fp.\u00a0m. - Aoba: Sí.\n",
        "{time} - {name}: {text}",
        "Aoba",
        [
            ("system", "1/5/24, 10:03\u202fa.\u00a0m.", "Los mensajes están cifrados."),
            ("user", "1/5/24, 10:03\u202fa.\u00a0m.", "¿Puedo cambiar?"),
            ("assistant", "1/5/24, 1:07\u202fp.\u00a0m.", "Sí."),
        ],
    ),
    "whatsapp in indonesian": (
        "01/05/24 10.03 - Hana: Bisa tukar ukuran?\n01/05/24 10.05 - Aoba: Bisa, harga 12.50.\n",
        "{time} - {name}: {text}",
        "Aoba",
        [("user", "01/05/24 10.03", "Bisa tukar ukuran?"), ("assistant", "01/05/24 10.05", "Bisa, harga 12.50.")],
    ),
    "kakaotalk": (
        "저장한 날짜 : 2024년 5월 8일 오전 10:03\n\n--------------- 2024년 5월 1일 수요일 ---------------\n"
        "[하나] [오전 10:03] 교환되나요?\n[아오바] [오후 1:05] 네, 됩니다.\n",
        "[{name}] [{time}] {text}",
        "아오바",
        [
            (
                "system",
                "2024년 5월 1일 오전 10:03",
                "저장한 날짜 : 2024년 5월 8일 오전 10:03\n--------------- 2024년 5월 1일 수요일 ---------------",
            ),
            ("user", "2024년 5월 1일 오전 10:03", "교환되나요?"),
            ("assistant", "2024년 5월 1일 오후 1:05", "네, 됩니다."),
        ],
    ),
    "wechat by mail": (
        "微信聊天记录\n\n—————  2024-05-01  —————\n\n林小美  10:03\n\n可以换吗？\n\n青叶  10:05\n\n可以。\n"
        "\n—————  2024-05-02  —————\n\n林小美  09:58\n\n2024/05/01\n买的\n",
        "{name} {time}",
        "青叶",
        [
            ("system", "2024-05-01 10:03", "微信聊天记录\n—————  2024-05-01  —————"),
            ("user", "2024-05-01 10:03", "可以换吗？"),
            ("assistant", "2024-05-01 10:05", "可以。"),
            ("system", "2024-05-02 09:58", "—————  2024-05-02  —————"),
            ("user", "2024-05-02 09:58", "2024/05/01\n买的"),
        ],
    ),
    "dingtalk": (
        "林小美 05-01 10:03\n可以换吗？\n青叶 05-01 10:05\n可以。\n",
        "{name} {time}",
        "青叶",
        [("user", "05-01 10:03", "可以换吗？"), ("assistant", "05-01 10:05", "可以。")],
    ),
    "zendesk chat": (
        "Chat started on 2024-05-01 11:58 PM (UTC)\n\n(11:58:12 PM) Visitor 4: Exchange?\n"
        "(11:59:40 PM) *** Mika joined ***\n(12:04:12 AM) Mika: Yes.\n\n"
        "Chat started on 2024-05-03 09:58 AM (UTC)\n\n(09:58:12 AM) Visitor 5: Where?\n",
        "({time}) {name}: {text}",
        "Mika",
        [
            ("system", "2024-05-01 11:58 PM", "Chat started on 2024-05-01 11:58 PM (UTC)"),
            ("user", "2024-05-01 11:58:12 PM", "Exchange?"),
            ("system", "2024-05-01 11:59:40 PM", "*** Mika joined ***"),
            ("assistant", "2024-05-01 12:04:12 AM", "Yes."),
            ("system", "2024-05-03 09:58 AM", "Chat started on 2024-05-03 09:58 AM (UTC)"),
            ("user", "2024-05-03 09:58:12 AM", "Where?"),
        ],
    ),
}


def heard(path: Path, serves: str) -> list[Said]:
    """Sniff a file and read it so, with `serves` as who answers: role, time and text, in the order of the file."""
    ((_, guess),) = [(file, sniff(file)) for file in members(path.name, path)]
    source = Source.model_validate(guess.source | {"roles": {"assistant": [serves], "user": ["*"]}, "crowd": False})
    found = read([path], [source])
    assert found.unreadable.is_empty()
    return list(found.messages.select("role", "time", "raw").iter_rows())


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_sniffed_and_read(tmp_path: Path, name: str) -> None:
    text, line, serves, said = EXPORTS[name]
    (tmp_path / "log.txt").write_text(text, encoding="utf-8")
    (file,) = members("log.txt", tmp_path / "log.txt")
    assert sniff(file).source["line"] == line
    assert heard(tmp_path / "log.txt", serves) == said


@pytest.mark.parametrize("name", ["line", "whatsapp on an iphone", "qq"])
def test_marks_encodings_and_ends_of_lines_change_nothing(tmp_path: Path, name: str) -> None:
    text, _, serves, said = EXPORTS[name]
    ways = {
        "bom": codecs.BOM_UTF8 + text.encode(), "utf-16": codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
        "crlf": text.replace("\n", "\r\n").encode(), "cut": text.rstrip("\n").encode(),
    }  # fmt: skip
    if name == "qq":  # whose direct exports are in the encoding of Windows
        ways["gbk"] = text.encode("gb18030")
    for way, raw in ways.items():
        (tmp_path / f"{way}.txt").write_bytes(raw)
        assert heard(tmp_path / f"{way}.txt", serves) == said, way


def chats(folder: Path, *customers: str) -> list[str]:
    """Write a chat with each customer, and return the output of sniffing them all."""
    folder.mkdir()
    for place, name in enumerate(customers):
        text = LINE_JA.replace("佐藤 花", name).replace("2024/05/0", f"2024/0{place + 1}/0")
        (folder / f"{place}.txt").write_text(text, encoding="utf-8")
    done = CliRunner().invoke(app, ["sniff", str(folder), "--json"])
    return [json.dumps(found["source"].get("roles"), ensure_ascii=False) for found in json.loads(done.output)]


def test_who_speaks_in_the_chats_with_all_customers_serves(tmp_path: Path) -> None:
    roles = chats(tmp_path / "many", "佐藤 花", "鈴木", "高橋", "青木")
    assert set(roles) == {json.dumps({"assistant": ["青葉商店"], "user": ["*"]}, ensure_ascii=False)}
    done = CliRunner().invoke(app, ["sniff", str(tmp_path / "many")])
    assert "Who answers" not in done.output
    chats(tmp_path / "two", "佐藤 花", "鈴木")
    assert "Who answers" in CliRunner().invoke(app, ["sniff", str(tmp_path / "two")]).output


def test_files_of_one_name_in_archives_are_read_each_as_it_was_guessed(tmp_path: Path) -> None:
    for name, serves in (("Ann", "Aoba"), ("Bo", "Midori")):
        text = f"[01/05/24, 10:03:12] {name}: Where is my parcel?\n[01/05/24, 10:05:12] {serves}: Sorry, please wait.\n"
        with zipfile.ZipFile(tmp_path / f"WhatsApp Chat - {name}.zip", "w") as archive:
            archive.writestr("_chat.txt", text)
    logs = sorted(tmp_path.glob("*.zip"))
    CliRunner().invoke(app, ["sniff", *map(str, logs), "-o", str(tmp_path / "recipe.yaml")])
    found = read(logs, load(tmp_path / "recipe.yaml").sources).messages
    assert found.select("speaker", "role").rows() == [
        ("Ann", "user"), ("Aoba", "assistant"), ("Bo", "user"), ("Midori", "assistant"),
    ]  # fmt: skip


def test_days_above_clocks_are_days_of_the_conversation(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text(LINE_JA, encoding="utf-8")
    source = Source(line="{time}\t{name}\t{text}", roles={"assistant": ["青葉商店"], "user": ["*"]})
    made = sessions(read([tmp_path / "log.txt"], [source]).messages)[0]
    assert made.group_by("conversation", maintain_order=True).len().rows() == [("log.txt#1", 5), ("log.txt#2", 3)]


def test_a_quote_that_is_not_closed_takes_no_other_message_with_it(tmp_path: Path) -> None:
    text = '2024/05/01(水)\n10:03\tAnn\t"in quotes\n10:04\tBo\tyes"\n10:05\tAnn\t"a"\n10:06\tBo\t"\n'
    (tmp_path / "log.txt").write_text(text, encoding="utf-8")
    source = Source(line="{time}\t{name}\t{text}", roles={"user": ["*"]})
    raw = read([tmp_path / "log.txt"], [source]).messages["raw"].to_list()
    assert raw == ["2024/05/01(水)", '"in quotes', 'yes"', '"a"', '"']


def test_a_date_that_somebody_says_is_text_where_more_text_follows_or_times_have_dates(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("[2024-05-01 10:03] customer: since\n2024/03/02\n[2024-05-01 10:04] agent: ok\n")
    found = read([tmp_path / "log.txt"], [Source()]).messages
    assert found["raw"].to_list() == ["since\n2024/03/02", "ok"]
    assert found["time"].to_list() == ["2024-05-01 10:03", "2024-05-01 10:04"]


ASKS = ["Where is my parcel?", "Order 5521.", "Can I change the address?", "One more thing: is a return free?"]
SAYS = ["Hi, which order is it?", "It comes tomorrow.", "Only before it is shipped.", "Yes, within 30 days."]


@pytest.mark.parametrize(
    ("line", "title", "customer", "shop"),
    [
        ("10:{n:02} {name} {text}", "2024.05.01 Wednesday\n", "Anna Maria Lopez", "Bean & Leaf Support"),
        ("10:{n:02} {name} {text}", "2024.05.01 Wednesday\n", "Anna Maria Lopez", "Bean & Leaf"),
        ("[01/05/2024, 10:{n:02}:12] {name}: {text}", "", "Anna", "Support: Bean & Leaf"),
        ("01/05/2024, 10:{n:02} - {name}: {text}", "", "Anna: Oslo", "Support: Bean & Leaf"),
    ],
)
def test_a_name_of_several_words_or_with_a_colon_is_no_part_of_the_text(
    line: str, title: str, customer: str, shop: str, tmp_path: Path
) -> None:
    said = [one for pair in zip(ASKS, SAYS, strict=True) for one in pair]
    names = [customer, shop] * len(ASKS)
    lines = [line.format(n=n, name=name, text=text) for n, (name, text) in enumerate(zip(names, said, strict=True))]
    (tmp_path / "chat.txt").write_text(title + "\n".join(lines) + "\n", encoding="utf-8")
    (file,) = members("chat.txt", tmp_path / "chat.txt")
    for source in (Source.model_validate(sniff(file).source), Source(roles={"user": [customer], "assistant": [shop]})):
        found = read([tmp_path / "chat.txt"], [source]).messages
        spoken = found.filter(found["role"] != "system").select("role", "speaker", "raw").rows()
        sides = ["user", "assistant"] * len(ASKS)
        assert spoken == list(zip(sides, names, said, strict=True))


def test_what_somebody_says_again_and_again_is_no_part_of_his_name(tmp_path: Path) -> None:
    lines = [f"[01/05/2024, 10:{n:02}:12] {'Ann' if n % 2 else 'Shop'}: https://shop.example/{n}" for n in range(12)]
    (tmp_path / "chat.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = read([tmp_path / "chat.txt"], [Source(roles={"user": ["Ann"], "assistant": ["Shop"]})]).messages
    assert set(found["speaker"]) == {"Ann", "Shop"}


BELOW = (
    "小美\n2024-05-01 10:03\n可以换吗？\n颜色不喜欢\n\n小林客服\n2024-05-01 10:04\n可以的，请在订单里申请换货。\n"
    "10:30之前申请当天寄出\n\n小美\n2024-05-01 10:05\n好的\n\n大力\n2024-05-02 09:00\n几天到？\n\n"
    "小林客服\n2024-05-02 09:01\n一般三天。\n"
)
BELOW_SAID = [
    ("user", "小美", "2024-05-01 10:03", "可以换吗？\n颜色不喜欢", "log.txt:1"),
    ("assistant", "小林客服", "2024-05-01 10:04", "可以的，请在订单里申请换货。\n10:30之前申请当天寄出", "log.txt:6"),
    ("user", "小美", "2024-05-01 10:05", "好的", "log.txt:11"),
    ("user", "大力", "2024-05-02 09:00", "几天到？", "log.txt:15"),
    ("assistant", "小林客服", "2024-05-02 09:01", "一般三天。", "log.txt:19"),
]


@pytest.mark.parametrize("window", [1 << 20, 40])
@pytest.mark.parametrize("line", [None, r"{name}\n{time}", "{name}\n{time}"])
def test_a_time_on_a_line_below_the_name(tmp_path: Path, line: str | None, window: int) -> None:
    (tmp_path / "log.txt").write_text(BELOW, encoding="utf-8")
    (file,) = members("log.txt", tmp_path / "log.txt")
    guess = sniff(file)
    assert guess.source["line"] == r"{name}\n{time}"
    for source in (Source.model_validate(guess.source), Source(line=line, roles={"user": ["小美", "大力"]})):
        found = read([tmp_path / "log.txt"], [source], window=window)
        assert found.unreadable.is_empty()
        assert found.messages.select("role", "speaker", "time", "raw", "source").rows() == BELOW_SAID


def test_a_border_with_a_word_for_a_conversation_in_it_parts_a_copied_log(tmp_path: Path) -> None:
    border = "/***********************************以下为一通会话**********************************/"
    talks = [("jd_0001", "可以换吗？", "可以的。\n****温馨提示****\n请保留吊牌"), ("jd_0002", "几天到？", "一般三天。")]
    lines = [
        f"{border}\n\n{who}  2024-05-01 10:0{n}:00\n{asks}\n\n江州店-小江  2024-05-01 10:0{n}:30\n{says}\n"
        for n, (who, asks, says) in enumerate(talks)
    ]
    (tmp_path / "dd.txt").write_text("\n".join(lines), encoding="utf-8")
    source = Source(roles={"assistant": ["江州店*"], "user": ["*"]}, crowd=True)
    found = sessions(read([tmp_path / "dd.txt"], [source]).messages, None, [source])[0]
    assert found.group_by("conversation", maintain_order=True).agg("raw")["raw"].to_list() == [
        [border, talks[0][1], talks[0][2]], [border, talks[1][1], talks[1][2]],
    ]  # fmt: skip


def test_a_name_alone_behind_a_time_in_brackets_has_its_text_below(tmp_path: Path) -> None:
    said = [("Jo Smith", "Can I exchange the shoes?"), ("Support Desk", "Yes, you can."), ("Jo Smith", "Great."),
            ("Ann Lee", "Do you ship to Norway?"), ("Support Desk", "Yes, within five days.")]  # fmt: skip
    text = "\n".join(f"[5/1/2024 10:0{n} AM] {name}\n{what}\nsee above" for n, (name, what) in enumerate(said))
    (tmp_path / "teams.txt").write_text(text, encoding="utf-8")
    (file,) = members("teams.txt", tmp_path / "teams.txt")
    guess = sniff(file)
    assert guess.source["line"] == "[{time}] {name}"
    found = read([tmp_path / "teams.txt"], [Source.model_validate(guess.source)]).messages
    assert found.select("role", "speaker", "raw").rows() == [
        ("assistant" if "Support" in name else "user", name, f"{what}\nsee above") for name, what in said
    ]


@pytest.mark.parametrize(("asks", "answers"), [("问", "答"), ("Q", "A"), ("Question", "Answer")])
def test_a_text_of_questions_and_answers_needs_no_answer_and_is_no_dialogue(
    asks: str, answers: str, tmp_path: Path
) -> None:
    said = [("几点退房？", "中午12点前。"), ("有停车场吗？", "有，住客免费。\n入口在南门"), ("能带宠物吗？", "不能。")]
    text = "\n\n".join(f"{asks}：{question}\n{answers}：{answer}" for question, answer in said)
    (tmp_path / "faq.txt").write_text(text, encoding="utf-8")
    (file,) = members("faq.txt", tmp_path / "faq.txt")
    guess = sniff(file)
    assert guess.question is None
    source = Source.model_validate(guess.source)
    found = sessions(read([tmp_path / "faq.txt"], [source]).messages, None, [source])[0]
    assert found.select("conversation", "role", "raw").rows() == [
        one for n, pair in enumerate(said, 1)
        for one in ((str(n), "user", pair[0]), (str(n), "assistant", pair[1]))
    ]  # fmt: skip
