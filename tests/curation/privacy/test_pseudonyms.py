"""One value, one placeholder in a conversation; replies are masked as what was asked for; shards change nothing."""

from itertools import pairwise
from random import Random

import polars as pl
import pytest

from curation import privacy, tables
from curation.mend import mend


def said(*lines: tuple[str, str], conversation: str = "c") -> pl.DataFrame:
    rows = [
        {
            "conversation": conversation,
            "message": i,
            "role": role,
            "raw": text,
            "text": text,
            "record": False,
            "bot": False,
        }
        for i, (role, text) in enumerate(lines)
    ]
    return (
        pl.DataFrame(rows, schema_overrides={"message": pl.UInt32})
        .with_columns(pl.lit(None).alias(name) for name in tables.MESSAGES if name not in rows[0])
        .select(pl.col(name).cast(kind) for name, kind in tables.MESSAGES.items())
    )


def masked(*lines: tuple[str, str], **options: object) -> list[str]:
    return mend(said(*lines), mask=privacy.masking(mask=True, **options))[0]["text"].to_list()  # type: ignore[arg-type]


def test_the_same_value_is_the_same_placeholder_whoever_says_it_and_however_it_is_written() -> None:
    assert masked(
        ("user", "我电话13800138000，备用13900139000"),
        ("assistant", "好的，139 0013 9000对吗"),
        ("user", "不，还是+86-138-0013-8000"),
    ) == ["我电话[电话1]，备用[电话2]", "好的，[电话2]对吗", "不，还是[电话1]"]


def test_a_value_found_once_is_masked_where_nothing_announces_it() -> None:
    assert masked(("user", "订单号7720454"), ("assistant", "7720454已发货，77204541是另一单")) == [
        "订单号[订单号1]",
        "[订单号1]已发货，77204541是另一单",
    ]


def test_a_first_name_alone_is_the_same_person_as_its_full_name() -> None:
    assert masked(
        ("user", "My name is Emily Carter."),
        ("assistant", "Booked for Emily on Thursday. Emilys and MissEmily are others."),
        ("assistant", "Thanks Emily"),
    ) == [
        "My name is [name 1].",
        "Booked for [name 1] on Thursday. Emilys and MissEmily are others.",
        "Thanks [name 1]",
    ]


def test_a_first_name_that_two_have_or_that_is_a_word_stays_where_nothing_announces_it() -> None:
    assert masked(("user", "My name is Emily Carter."), ("user", "her name is Emily Stone"), ("user", "for Emily")) == [
        "My name is [name 1].",
        "her name is [name 2]",
        "for Emily",
    ]
    assert masked(("user", "My name is Grace Carter."), ("assistant", "There is a month of Grace after that")) == [
        "My name is [name 1].",
        "There is a month of Grace after that",
    ]


def test_placeholders_are_in_the_language_of_the_conversation() -> None:
    assert masked(("user", "13800138000"), ("assistant", "thanks, I will call you on that number"))[0] == "[phone 1]"
    assert masked(("user", "13800138000"), ("assistant", "好的我们马上给您回电话"))[0] == "[电话1]"


def test_numbers_go_on_behind_placeholders_that_the_log_came_with() -> None:
    assert masked(("user", "[电话1]打不通，打13800138000")) == ["[电话1]打不通，打[电话2]"]


def test_a_reply_may_stand_behind_one_more_message_and_answer_what_either_asked() -> None:
    asked = ("assistant", "请问您贵姓"), ("assistant", "麻烦提供一下手机号")
    assert masked(asked[0], ("user", "好的"), ("user", "张伟"))[2] == "[姓名1]"
    assert masked(*asked, ("user", "张伟"))[2] == "[姓名1]"
    assert masked(*asked, ("user", "87654321"))[2] == "[电话1]"
    assert masked(asked[0], ("user", "好的"), ("assistant", "嗯"), ("user", "张伟"))[3] == "张伟"


REPLIES = [
    ("请问您贵姓", "张伟", "[姓名1]"),
    ("麻烦提供一下收件人姓名", "欧阳明月", "[姓名1]"),
    ("May I have your name please?", "John Smith", "[name 1]"),
    ("Could you give me your order number?", "It's 77204", "It's [order number 1]"),
    ("请提供您的手机号", "87654321", "[电话1]"),
    ("请提供一下收货地址", "西湖区文三路138号", "[地址1]"),
]
NO_REPLIES = [
    ("请问您贵姓", "谢谢", "谢谢"),
    ("请提供您的姓名", "白条", "白条"),
    ("请提供您的收货地址", "不在一个城市", "不在一个城市"),
    ("请问地址改吗", "请提供一下您的订单号哈，方便查询一下市区的", "请提供一下您的订单号哈，方便查询一下市区的"),
    ("请提供订单号", "2", "2"),
    ("Your name please?", "not now", "not now"),
    ("order number?", "10:30", "10:30"),
]


@pytest.mark.parametrize(("asks", "answers", "expected"), REPLIES + NO_REPLIES)
def test_a_short_reply_is_masked_as_what_was_asked_for(asks: str, answers: str, expected: str) -> None:
    assert masked(("assistant", asks), ("user", answers))[1] == expected


def test_what_is_allowed_and_what_is_kept_stays() -> None:
    said_so = ("assistant", "打021-55550100或写信给me@example.com，订单号7720454")
    assert masked(said_so, allow=["02155550100"], keep=["email"]) == [
        "打021-55550100或写信给me@example.com，订单号[订单号1]"
    ]


WORDS = [
    "好的", "打13800138000", "13900139000", "订单号7720454", "7720454呢", "我叫张伟", "张伟在吗", "请问您贵姓",
    "[电话1]", "ok",
]  # fmt: skip


def talks(random: Random, *, least: int, most: int) -> list[pl.DataFrame]:
    """Sixty conversations that say these words in any order."""
    words = [random.choices(WORDS, k=random.randint(least, most)) for _ in range(60)]
    return [said(*(("user", text) for text in talk), conversation=f"c{i:02}") for i, talk in enumerate(words)]


def test_shards_of_whole_conversations_give_the_same_placeholders() -> None:
    parts = talks(Random(7), least=1, most=4)
    shards = [*([part] for part in parts[:5]), *(parts[at : at + 11] for at in range(5, 60, 11))]
    whole, found = mend(pl.concat(parts), mask=privacy.EVERYTHING)
    alone = [mend(pl.concat(shard), mask=privacy.EVERYTHING) for shard in shards]
    assert whole["text"].to_list() == [text for part, _ in alone for text in part["text"]]
    assert found.height == sum(part.height for _, part in alone) > 60


def test_examples_are_masked_alike_whether_it_is_known_what_holds_nothing_or_not() -> None:
    draw = Random(7)
    spoken, _ = mend(pl.concat(talks(draw, least=2, most=6)), mask=privacy.EVERYTHING)
    rows = []
    for name, texts in spoken.group_by("conversation", maintain_order=True).agg("text").iter_rows():
        cuts = sorted({0, len(texts), *draw.choices(range(len(texts)), k=2)})
        turns = [draw.choice(["", "，", "\n"]).join(texts[a:b]) for a, b in pairwise(cuts)]
        struct = [{"role": "user", "text": text, "messages": [0]} for text in turns]
        rows.append({"conversation": name, "question": turns[0], "answer": turns[-1], "cot": None, "turns": struct})
    given = pl.DataFrame(rows, schema_overrides={"turns": pl.List(tables.TURN), "cot": pl.String})
    known = privacy.bare(spoken["text"])
    assert len(known) > 1
    assert privacy.examples(given, privacy.EVERYTHING, known=known).equals(privacy.examples(given, privacy.EVERYTHING))


def test_what_is_known_to_hold_nothing_is_not_looked_at_again() -> None:
    turns = [{"role": "user", "text": text, "messages": [0]} for text in ("打13800138000", "打13900139000")]
    row = {"conversation": "c", "question": "打13800138000", "answer": "打13900139000", "cot": None, "turns": turns}
    given = pl.DataFrame([row], schema_overrides={"turns": pl.List(tables.TURN), "cot": pl.String})
    told = privacy.examples(given, privacy.EVERYTHING, known=pl.Series(["打13800138000"]))
    assert told.select("question", "answer").row(0) == ("打13800138000", "打[电话1]")
    assert privacy.bare(pl.Series(["好的", "打[电话1]", None, "好的"])).to_list() == ["好的", "好的"]


def test_an_example_is_masked_in_question_answer_and_turns_alike_and_others_stay() -> None:
    def example(key: str, said: list[str]) -> dict[str, object]:
        turns = [
            {"role": role, "text": text, "messages": [place]}
            for place, (role, text) in enumerate(zip(("user", "assistant") * 2, said, strict=False))
        ]
        return {"id": key, "conversation": key, "question": said[0], "answer": said[1], "turns": turns}

    rows = [
        example("a", ["怎么退货？", "在订单里申请"]),
        example("b", ["我的手机是13812345678", "好的，已登记13812345678", "谢谢", "不客气"]),
        example("c", ["保修多久？", "三年"]),
        example("d", ["在吗", "请加微信 kefu_9981"]),
    ]
    given = pl.DataFrame(rows, schema_overrides={"turns": pl.List(tables.TURN)}).with_columns(
        cot=pl.lit(None, dtype=pl.String)
    )
    masked = privacy.examples(given, privacy.EVERYTHING)
    assert masked.schema == given.schema
    assert masked[[0, 2]].equals(given[[0, 2]])
    assert masked["question"].to_list()[1] == "我的手机是[电话1]"
    assert masked["answer"].to_list()[1] == "好的，已登记[电话1]"
    assert masked["turns"].to_list()[1] == [
        {"role": "user", "text": "我的手机是[电话1]", "messages": [0]},
        {"role": "assistant", "text": "好的，已登记[电话1]", "messages": [1]},
        {"role": "user", "text": "谢谢", "messages": [2]},
        {"role": "assistant", "text": "不客气", "messages": [3]},
    ]
    assert "kefu_9981" not in str(masked["turns"].to_list()[3])


@pytest.mark.parametrize("turns", [[], None, ["手机", "13812345678", "好，13912345678"], ["手机\n13812345678", "好"]])
def test_a_question_is_masked_whether_it_is_a_turn_or_not(turns: list[str] | None) -> None:
    def rows(text: str, answer: str, said: list[str] | None) -> pl.DataFrame:
        turn = said and [{"role": "user", "text": one, "messages": [0]} for one in said]
        row = {"id": "a", "conversation": "c", "question": text, "answer": answer, "cot": text, "turns": turn}
        other = row | {"id": "b", "question": "在吗", "answer": "在", "cot": None, "turns": None}
        return pl.DataFrame([other, row, other], schema_overrides={"turns": pl.List(tables.TURN)})

    expected = turns
    if turns:
        expected = [text.replace("13812345678", "[电话1]").replace("13912345678", "[电话2]") for text in turns]
    given = rows("手机\n13812345678", "好，13912345678", turns)
    assert privacy.examples(given, privacy.EVERYTHING).equals(rows("手机\n[电话1]", "好，[电话2]", expected))
