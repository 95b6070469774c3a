"""Turns, pairs and dialogues: what is joined, what is paired, and which messages an example came from."""

import hashlib

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from curation import packs, privacy, tables
from curation.extract import TURNS, extract, turns
from tests.curation import plain_extract

CUES = packs.load(["common", "zh", "en"]).cues


def frame(*said: tuple[str, str], conversation: str = "c") -> pl.DataFrame:
    rows = {
        "conversation": [conversation] * len(said),
        "message": list(range(len(said))),
        "role": [role for role, _ in said],
        "source": ["log:1"] * len(said),
        "time": [None] * len(said),
        "raw": [text for _, text in said],
        "text": [text for _, text in said],
        "cot": [None] * len(said),
        "record": [False] * len(said),
        "bot": [False] * len(said),
        "section": [0] * len(said),
    }
    return pl.DataFrame(rows, schema=dict(tables.MESSAGES))


def spoken(*said):
    return turns(frame(*said), CUES)


def examples(*said, kinds=("pair", "dialogue"), max_details=2):
    return extract(spoken(*said), kinds=kinds, max_details=max_details)


def test_fragments_of_a_chinese_sentence_are_joined_by_commas():
    found = spoken(("user", "我想问一下"), ("user", "我昨天拍的洗衣机"), ("user", "啥时候送？"), ("assistant", "明天"))
    assert found["text"].to_list() == ["我想问一下，我昨天拍的洗衣机，啥时候送？", "明天"]
    assert found["messages"].to_list() == [[0, 1, 2], [3]]


def test_fragments_of_an_english_sentence_are_joined_by_spaces():
    found = spoken(("user", "so i tried to"), ("user", "reset the router but"), ("user", "nothing"))
    assert found["text"].to_list() == ["so i tried to reset the router but nothing"]


def test_an_agents_chinese_messages_become_sentences():
    found = spoken(("assistant", "已经退款了"), ("assistant", "1到3天到账。"), ("assistant", "请留意短信"))
    assert found["text"].to_list() == ["已经退款了。1到3天到账。请留意短信"]


def test_system_messages_are_in_no_turn():
    found = spoken(("user", "在吗"), ("system", "会话已转接"), ("user", "有货吗"))
    assert found["messages"].to_list() == [[0, 2]]


def test_turns_do_not_cross_conversations():
    both = pl.concat([frame(("user", "a?")), frame(("user", "b?"), conversation="d")])
    assert turns(both, CUES)["text"].to_list() == ["a?", "b?"]


def test_a_pair_is_a_question_with_the_answer_after_it():
    found = examples(("user", "退款多久到账？"), ("assistant", "1到3个工作日"))
    assert found.select("kind", "question", "answer").rows() == [("pair", "退款多久到账？", "1到3个工作日")]
    assert found["turns"][0].to_list() == [
        {"role": "user", "text": "退款多久到账？", "messages": [0]},
        {"role": "assistant", "text": "1到3个工作日", "messages": [1]},
    ]


def test_details_that_were_asked_for_join_the_question():
    found = examples(
        ("user", "发票抬头能改吗？"),
        ("assistant", "请您提供一下订单号"),
        ("user", "抬头是青禾家具厂"),
        ("assistant", "可以，3天内换开好"),
        kinds=["pair"],
    )
    assert found["question"].to_list() == ["发票抬头能改吗？", "发票抬头能改吗？\n抬头是青禾家具厂"]
    assert found["turns"].to_list()[1][0]["messages"] == [0, 2]


def test_a_first_turn_about_which_the_agent_asks_for_details_is_a_question_whatever_its_words():
    found = examples(
        ("user", "墙面起皮发霉"),
        ("assistant", "请您提供一下订单号"),
        ("user", "卫生间那面墙"),
        ("assistant", "防水坏了，先做闭水试验"),
        kinds=["pair"],
    )
    assert found["question"].to_list() == ["墙面起皮发霉", "墙面起皮发霉\n卫生间那面墙"]


def test_the_last_clause_alone_may_ask_for_the_details():
    found = examples(
        ("user", "寄电瓶车到成都大概多少钱"),
        ("assistant", "多重呀，电池拆不拆"),
        ("user", "七十斤，电池可以拆"),
        ("assistant", "那走零担，一公斤2.8，电池只能陆运"),
        kinds=["pair"],
    )
    assert found["question"].to_list() == ["寄电瓶车到成都大概多少钱", "寄电瓶车到成都大概多少钱\n七十斤，电池可以拆"]


def test_a_masked_number_belongs_to_the_example_but_not_to_its_text():
    found = examples(
        ("user", "发票抬头能改吗？"),
        ("assistant", "请您提供一下订单号"),
        ("user", "订单号：[订单号]"),
        ("assistant", "可以，3天内换开好"),
        kinds=["pair"],
    )
    assert found["question"].to_list() == ["发票抬头能改吗？", "发票抬头能改吗？"]
    assert found["turns"].to_list()[1][0]["messages"] == [0, 2]


def test_what_an_agent_asks_after_an_answer_does_not_keep_the_question_open():
    found = examples(
        ("user", "发票能开专票吗？"),
        ("assistant", "可以，下单时选专票就行。您的资质过审了吗"),
        ("user", "通过了"),
        ("assistant", "下单时选增值税专用发票"),
        kinds=["pair"],
    )
    assert found["question"].to_list() == ["发票能开专票吗？", "通过了"]


def test_a_yes_after_an_answer_goes_on_from_the_question():
    said = [("user", "我要开专票"), ("assistant", "下单时可以选专票。资质号是这个"), ("user", "对")]
    found = examples(*said, ("assistant", "提交了，5个工作日寄出"), kinds=["pair"])
    assert found["question"].to_list() == ["我要开专票", "我要开专票"]


def test_what_is_said_twice_in_a_turn_stands_there_once():
    found = spoken(("user", "什么时候发货"), ("user", "在吗，急"), ("user", "什么时候发货"), ("assistant", "明天"))
    assert found["text"].to_list() == ["什么时候发货，在吗，急", "明天"]
    assert found["messages"].to_list() == [[0, 1, 2], [3]]


def test_a_mere_yes_belongs_to_the_example_but_not_to_its_text():
    found = examples(
        ("user", "退款啥时候到啊"),
        ("assistant", "您是问退款多久到账，对不对？"),
        ("user", "嗯嗯"),
        ("assistant", "1到3个工作日"),
        kinds=["pair"],
    )
    last = found.row(-1, named=True)
    assert (last["question"], last["turns"][0]["messages"]) == ("退款啥时候到啊", [0, 2])


def test_what_the_next_message_says_in_full_stands_there_once():
    found = spoken(("user", "我的邮件今天能到吗"), ("user", "你好，我的邮件今天能到吗"), ("assistant", "今天下午到。"))
    assert found["text"].to_list() == ["你好，我的邮件今天能到吗", "今天下午到。"]
    assert found["messages"].to_list() == [[0, 1], [2]]
    same = spoken(("user", "邮件今天能到吗"), ("user", "邮件今天能到吗？"), ("user", "邮件今天能到吗"))
    assert same["text"].to_list() == ["邮件今天能到吗"]
    after = spoken(("user", "怎么退货？谢谢！"), ("user", "怎么退货"), ("assistant", "在订单里申请"))
    assert after["text"].to_list() == ["怎么退货？谢谢！", "在订单里申请"]


def test_what_the_other_side_says_in_full_stays():
    asked = ("user", "您好"), ("user", "七天无理由退货")
    told = ("assistant", "七天无理由退货，运费自理"), ("assistant", "拆封不退")
    assert spoken(*asked, *told)["text"].to_list() == ["您好，七天无理由退货", "七天无理由退货，运费自理。拆封不退"]


def test_words_inside_another_clause_are_not_said_by_it():
    found = spoken(("user", "能退吗"), ("assistant", "支持退货"), ("assistant", "生鲜不支持退货"))
    assert found["text"].to_list() == ["能退吗", "支持退货。生鲜不支持退货"]
    both = spoken(("user", "refund it"), ("user", "do not refund it"))
    assert both["text"].to_list() == ["refund it do not refund it"]


def test_a_fault_told_when_the_agent_asks_is_a_detail_and_a_question_is_none():
    said = [("user", "胃疼挂什么科"), ("assistant", "请问是饭前疼还是饭后疼呢")]
    told = examples(*said, ("user", "饭后，昨天还吐了"), ("assistant", "建议挂消化内科"), kinds=["pair"])
    assert told["question"].to_list()[-1] == "胃疼挂什么科\n饭后，昨天还吐了"
    asked = examples(*said, ("user", "要空腹吗"), ("assistant", "挂号不用空腹"), kinds=["pair"])
    assert asked["question"].to_list()[-1] == "要空腹吗"


def test_one_english_word_is_a_detail_and_no_bare_number():
    said = [("user", "can i fly with 34 weeks?"), ("assistant", "Until week 36 you can.")]
    assert spoken(*said, ("user", "twins.."))["bare"].to_list()[-1] is False
    assert spoken(*said, ("user", "JD00123"))["bare"].to_list()[-1] is True


def test_no_more_details_are_joined_than_asked():
    said = [("user", "发票抬头能改吗？")]
    for detail in ("甲公司", "乙公司", "丙公司"):
        said += [("assistant", "请您提供一下抬头"), ("user", detail)]
    found = examples(*said, ("assistant", "好了"), kinds=["pair"], max_details=1)
    assert max(question.count("\n") for question in found["question"]) == 1


def test_yes_upon_yes_does_not_part_an_answer_from_its_question():
    said = [("user", "我要开专票")]
    for line in ("资质通过了吗", "是这个抬头吗", "地址对吗", "电话对吗"):
        said += [("assistant", line), ("user", "对")]
    found = examples(*said, ("assistant", "已提交换开，5个工作日寄出"), kinds=["pair"], max_details=1)
    last = found.row(-1, named=True)
    assert (last["question"], last["turns"][0]["messages"]) == ("我要开专票", [0, 2])


def test_a_dialogue_begins_with_the_user_ends_with_the_agent_and_alternates():
    found = examples(
        ("assistant", "有新活动"),
        ("user", "有货吗？"),
        ("assistant", "有的"),
        ("user", "多少钱？"),
        ("assistant", "99元"),
        ("user", "嗯"),
        kinds=["dialogue"],
    )
    assert [turn["role"] for turn in found["turns"][0]] == ["user", "assistant", "user", "assistant"]
    assert [m for turn in found["turns"][0] for m in turn["messages"]] == [1, 2, 3, 4]


def test_one_question_with_one_answer_is_no_dialogue():
    assert examples(("user", "有货吗？"), ("assistant", "有的"), kinds=["dialogue"]).height == 0


def test_reasoning_between_tags_moves_out_of_the_answer():
    found = examples(("user", "退多少？"), ("assistant", "<think>90 ÷ 2 = 45</think>退45元"), kinds=["pair"])
    assert found.select("cot", "answer").rows() == [("90 ÷ 2 = 45", "退45元")]
    assert [turn["text"] for turn in found["turns"][0]] == ["退多少？", "退45元"]  # what is exported


def test_broken_tags_stay_where_they_are_for_the_check_to_see():
    found = examples(("user", "退多少？"), ("assistant", "<think>90 ÷ 2 = 45，退45元"), kinds=["pair"])
    assert found.select("cot", "answer").rows() == [(None, "<think>90 ÷ 2 = 45，退45元")]


def test_the_id_depends_on_kind_conversation_and_messages_alone():
    found = examples(("user", "退款多久到账？"), ("assistant", "1到3个工作日"), kinds=["pair"])
    other = examples(("user", "别的话？"), ("assistant", "别的"), kinds=["pair"])
    assert found["id"][0] == other["id"][0] == hashlib.sha256(b"pair\x1fc\x1f0,1").hexdigest()[:16]


def test_a_number_split_from_its_word_is_masked_once_joined():
    said = [("user", "帮我查下订单号"), ("user", "7720454"), ("assistant", "已发货，明天到")]
    found = examples(*said, kinds=["pair"])
    assert "7720454" in found["question"][0]
    masked = privacy.examples(found, privacy.EVERYTHING)
    assert masked["question"].to_list() == ["帮我查下订单号，[订单号1]"]
    assert [turn["text"] for turn in masked["turns"][0]] == ["帮我查下订单号，[订单号1]", "已发货，明天到"]


def test_the_reasoning_of_a_dialogue_is_that_of_its_last_answer():
    said = [("user", "退多少？"), ("assistant", "退45元"), ("user", "多久到？"), ("assistant", "三天")]
    for reasons, expected in [(("90 ÷ 2 = 45", None), None), ((None, "今天周一"), "今天周一")]:
        cot = pl.Series([None, reasons[0], None, reasons[1]], dtype=pl.String)
        spoken_with = turns(frame(*said).with_columns(cot=cot), CUES)
        assert extract(spoken_with, kinds=["dialogue"], max_details=2)["cot"].to_list() == [expected]


def test_reasoning_in_the_turns_of_a_dialogue_stays_in_its_turn():
    first = "<think>90 ÷ 2 = 45</think>退45元"
    found = examples(
        ("user", "退多少？"), ("assistant", first), ("user", "多久到？"), ("assistant", "三天"), kinds=["dialogue"]
    )
    assert found["cot"].to_list() == [None]
    assert [turn["text"] for turn in found["turns"][0]] == ["退多少？", first, "多久到？", "三天"]


TEXTS = ["好的", "多久到？", "请提供单号", "", "<think>\n想\n</think>三天", "因为\n#### 3", "<think>a", "x ，"]


@st.composite
def talks(draw: st.DrawFn) -> pl.DataFrame:
    """Turns as `turns` makes them: two of one side may follow each other where a bot stood between them."""
    flags = st.booleans()
    turn = st.tuples(
        st.sampled_from(["user", "assistant"]), st.sampled_from(TEXTS), st.integers(1, 2),
        flags, flags, flags, flags, flags,
        st.sampled_from([None, None, "", " \x1c", "weil"]), flags,
    )  # fmt: skip
    rows = []
    for name in ("a", "b", "a\x1f,"):
        place = 0
        for role, text, size, asks, inquires, clarifies, *rest in draw(st.lists(turn, max_size=9)):
            user, messages = role == "user", list(range(place, place + size))
            told = (asks and user, inquires and user, clarifies and not user)
            rows.append((name, role, text, messages, *told, *rest))
            place += size
    return pl.DataFrame(rows, schema=TURNS, orient="row")


@given(
    spoken=talks(), kinds=st.sampled_from([["pair"], ["dialogue"], ["pair", "dialogue"], []]), most=st.integers(0, 3)
)
@settings(max_examples=300)
def test_columns_make_the_examples_that_a_loop_over_turns_makes(spoken, kinds, most):
    assert_frame_equal(
        extract(spoken, kinds=kinds, max_details=most), plain_extract.extract(spoken, kinds=kinds, max_details=most)
    )
