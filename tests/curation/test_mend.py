"""Mends keep the meaning and are recorded; what they must leave alone stands beside what they change."""

import random
import unicodedata

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import privacy, tables
from curation.errors import RecipeError
from curation.mend import LIKELY, MENDS, TEXT, mend
from curation.recipe import Mend


def messages(*texts: str, role: str = "user") -> pl.DataFrame:
    rows = {
        "conversation": ["c"] * len(texts),
        "message": list(range(len(texts))),
        "role": [role] * len(texts),
        "source": [f"log.csv:{i}" for i in range(len(texts))],
        "time": [None] * len(texts),
        "raw": list(texts),
        "text": list(texts),
        "cot": [None] * len(texts),
        "record": [False] * len(texts),
        "bot": [False] * len(texts),
        "section": [0] * len(texts),
    }
    return pl.DataFrame(rows, schema=dict(tables.MESSAGES))


def mended(text: str, role: str = "user") -> str:
    return mend(messages(text, role=role))[0]["text"][0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("e\u0301te\u0301", "été"),
        ("AT&amp;T", "AT&T"),
        ("uploader &amp;amp; claimant", "uploader & claimant"),
        ("line one<br>line two", "line one\nline two"),
        ("<p>hello <b>there</b></p>", "hello there"),
        ("re\u200bfund", "refund"),
        ("订单１７７００，金额９９元", "订单17700，金额99元"),
        ("你好\u3000\u3000在吗", "你好 在吗"),
        ("  a   b \r\n\r\n\r\nc ", "a b\n\nc"),
        ("收到了[微笑]谢谢/:^_^", "收到了谢谢"),
        ("@TelcoHelp @Other my router is dead", "my router is dead"),
        ("Please restart it. 1/2", "Please restart it."),
        ("(2/2) Then try again", "Then try again"),
        ("2/2\n2. Is there an error message?", "2. Is there an error message?"),
        ('<a href="https://x.example.com">the page</a>', "the page"),
    ],
)
def test_a_mend_repairs(before, after):
    assert mended(before) == after


def test_of_an_html_mail_what_is_seen_and_own_is_left():
    quoted = '<div class="gmail_quote">On Wed wrote:<blockquote>Where?</blockquote></div>'
    head = "<!DOCTYPE html><html><head><style>p {margin:0}</style></head>"
    assert mended(f"{head}<body><!-- x --><p>Sent today.</p>{quoted}</body></html>") == "Sent today."
    assert mended("<html><body><blockquote><p>Where is it?</p></blockquote></body></html>") == (
        "<blockquote>Where is it?\n</blockquote>"
    )


@pytest.mark.parametrize(
    "text",
    [
        "退款１".replace("１", "1") + "，谢谢！",  # full-width marks are proper Chinese
        "订单[订单号]在哪",
        "a < b and b > c",
        "👨‍👩‍👧 family plan",
        "speed 1/2 of what i pay for",
        "1/2 a spoon each morning\nand evening",
        "mail me @ home",
        "R&D",
        "if x<a and b>c",
        "use <a> tag",
        "See page 2/4",
        "请选 1/2",
        "wifi:\n  ssid: home\n  key: none",
    ],
)
def test_what_is_right_stays(text):
    assert mended(text) == text


GMAIL = "On Mon, Jun 3, 2024 at 9:01 AM Ann Ex <ann@a.example> wrote:\r\n> Hello,\r\n>\r\n> Which size?\r\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"Size ten.\r\n\r\n{GMAIL}", "Size ten."),
        (f"{GMAIL}\r\nSize ten.", "Size ten."),
        (f"See below.\n\n{GMAIL}ten\n> And the colour?\nblue", "See below.\n\nten\nblue"),
        ("Ten.\n\nOn Monday, 3 June 2024, a very long name of somebody\n<ann@a.example> wrote:\n\nWhich size?", "Ten."),
        ("Ten.\n-----Original Message-----\nFrom: Ann\nWhich size?", "Ten."),
        ("Ten.\n\nFrom: Ann <a@a.example>\nSent: Monday\nTo: Shop\nSubject: Size\n\nWhich size?", "Ten."),
        ("Größe zehn.\n\nAm 03.06.2024 um 09:01 schrieb Ann Ex <a@a.example>:\n> Welche?", "Größe zehn."),
        ("Taille dix.\n\nLe 3 juin 2024 à 09:01, Ann <a@a.example> a écrit :\n> Laquelle ?", "Taille dix."),
        ("十码。\n\n------------------ 原始邮件 ------------------\n发件人: 安\n几码？", "十码。"),
        ("十码。\n\n在 2024年6月3日，安 <a@a.example> 写道：\n> 几码？", "十码。"),
        ("Which size?\n\nSent from my iPhone", "Which size?"),
        ("几码？\n\n发自我的 iPhone", "几码？"),
        ("Ten.\n\nCONFIDENTIALITY NOTICE\nOnly the addressee may read this.\nDelete it.", "Ten."),
        ("Size ten. This e-mail and any attachments are confidential. If it is not for you, delete it.", "Size ten."),
        ("十码。\n--\n本邮件及附件含有保密信息，仅供收件人阅读。", "十码。"),
    ],
)
def test_what_a_mail_quotes_is_taken_off(before, after):
    assert mended(before) == after


@pytest.mark.parametrize(
    "text",
    [
        "On Monday my wife wrote: please refund it",
        "Is this e-mail confidential?",
        "This message is confidential: my code leaked.",  # nothing before it
        "It says this message may take two days. Is my address confidential?",
        "你们的邮件保密吗？",
        "On 3 June I wrote:\nrefund please",  # nothing before it: then it is what is said
        "> 5 kg or less?\n> 10 kg?",
        "From: London\nTo: Paris\nWhich fare is that?",
        GMAIL.replace("\r\n", "\n").strip(),
        "The subject: Refund",
        "It was sent from my iPhone yesterday",
    ],
)
def test_what_only_looks_like_a_quoted_mail_stays(text):
    assert mended(text) == text


def test_initials_are_taken_off_agents_only():
    assert mended("Restart the hub and wait. ^PR", role="assistant") == "Restart the hub and wait."
    assert mended("Does this help? *MS", role="assistant") == "Does this help?"
    assert mended("Choose option - B", role="assistant") == "Choose option - B"
    assert mended("尺码 - XL", role="assistant") == "尺码 - XL"
    assert mended("i called ^PR", role="user") == "i called ^PR"


def test_every_change_is_a_finding_with_the_text_before_and_after():
    _, found = mend(messages("fine", "AT&amp;T  shop"))
    rows = found.select("message", "rule", "action", "before", "after").rows()
    assert rows == [
        (1, "mend/html-entity", "note", "AT&amp;T  shop", "AT&T  shop"),
        (1, "mend/surplus-space", "note", "AT&T  shop", "AT&T shop"),
    ]


def test_masks_are_recorded_by_kind():
    after, found = mend(messages("手机号13800138000谢谢"), mask=privacy.EVERYTHING)
    assert after["text"].to_list() == ["手机号[电话1]谢谢"]
    assert found.select("rule", "evidence", "before", "after").rows() == [("mend/mobile", "[电话1]", None, None)]


def test_no_finding_shows_what_was_masked():
    said = ("打１３８００１３８０００  吧", "AT&amp;T 13800138000")
    after, found = mend(messages(*said), mask=privacy.EVERYTHING)
    assert after["text"].to_list() == ["打[电话1] 吧", "AT&T [电话1]"]
    shown = found.select(pl.concat_str("evidence", "before", "after", ignore_nulls=True)).to_series()
    assert found.height > 4
    assert not shown.str.contains("138|１３８").any()


def test_a_mask_in_reasoning_has_the_number_of_the_message():
    frame = messages("我的电话13800138001，旧的是13800138002").with_columns(cot=pl.lit("拨打13800138002"))
    after, _ = mend(frame, mask=privacy.EVERYTHING)
    assert after["cot"].to_list() == ["拨打[电话2]"]


@settings(deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=8))
def test_mending_twice_changes_nothing_more_than_mending_a_few_times(texts):
    """Entities may uncover entities, so a fixed point is asked for after some rounds, not after one."""
    frame = messages(*texts)
    for _ in range(4):
        frame, _ = mend(frame)
    again, found = mend(frame)
    assert again["text"].to_list() == frame["text"].to_list()
    assert found.height == 0


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), min_size=2, max_size=8), st.integers(1, 7))
def test_batches_do_not_change_the_mends(texts, size):
    whole, found = mend(messages(*texts))
    frame = messages(*texts)
    parts = [mend(frame.slice(i, size)) for i in range(0, frame.height, size)]
    assert pl.concat([p[0] for p in parts])["text"].to_list() == whole["text"].to_list()
    assert sum(p[1].height for p in parts) == found.height


def test_every_mend_has_a_name_that_a_person_can_read():
    assert all(name.replace("-", "").isalpha() for name in MENDS)


@pytest.mark.parametrize(
    ("raw", "clean", "role"),
    [
        ("嗯，那个，我的快递到哪了", "我的快递到哪了", "user"),
        ("退款，嗯，大概要几天", "退款，大概要几天", "user"),
        ("好的那个订单什么时候发货", "好的那个订单什么时候发货", "user"),
        ("就是这个型号，有货吗", "就是这个型号，有货吗", "user"),
        ("不可以的哦亲", "不可以的哦", "assistant"),
        ("亲爱的，退款1到3天到账", "退款1到3天到账", "assistant"),
        ("亲爱的人在家就可以签收", "亲爱的人在家就可以签收", "assistant"),
        ("Um, how do i get, like, a refund", "how do i get a refund", "user"),
        ("it was, you know, slow all day", "it was slow all day", "user"),
        ("I like the old layout, like most people", "I like the old layout, like most people", "user"),
        ("well the well is dry", "well the well is dry", "user"),
        ("亲爱的 只能重新下单了亲，", "只能重新下单了", "assistant"),  # no comma is left where nothing follows
        ("只能重新下单了亲，麻烦您了", "只能重新下单了，麻烦您了", "assistant"),
        ("It is late, um", "It is late", "user"),
        ("hiya um so my bill is wrong", "hiya so my bill is wrong", "user"),
        ("so umm nothing works erm", "so nothing works", "user"),
        ("Der Termin ist um 10 Uhr", "Der Termin ist um 10 Uhr", "user"),
        ("Um das zu klären, tausche ich es um", "Um das zu klären, tausche ich es um", "user"),
        ("Preciso de um reembolso", "Preciso de um reembolso", "user"),
        ("宽带断了，求解决！@某某客服 @某某A客服", "宽带断了，求解决！", "user"),
        ("@某某客服 宽带断了", "宽带断了", "user"),
        ("怎么联系@某某客服", "怎么联系@某某客服", "user"),  # a part of the sentence
        ("who runs @somebody", "who runs @somebody", "user"),
        ("@某某客服", "@某某客服", "user"),
        ("嗯", "嗯", "user"),
        ("um", "um", "user"),
    ],
)
def test_fillers_are_taken_out_only_where_the_sentence_stays_whole(raw, clean, role):
    assert mended(raw, role) == clean


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("退款！！！", "退款！"),
        ("where is it????", "where is it?"),
        ("好的~~~~", "好的~"),
        ("等一下……马上", "等一下……马上"),
        ("wait... what?!", "wait... what?!"),
        ("不客气~~O(∩_∩)O~~的哦", "不客气~的哦"),
        ("谢谢(╯▽╰)", "谢谢"),
        ("call f(x_1) first", "call f(x_1) first"),
    ],
)
def test_rows_of_marks_become_one_and_emoticons_go(raw, clean):
    assert mended(raw) == clean


def test_what_came_in_as_a_finished_record_keeps_its_documents():
    said = ("Mend this: <html><style>p {}</style>",)
    frame = messages(*said).with_columns(record=pl.lit(value=True))
    assert mend(frame)[0]["text"].to_list() == list(said)


def test_what_came_in_as_a_finished_record_keeps_its_marks_and_fillers():
    frame = messages("Well, is 3!! = 3?").with_columns(record=pl.lit(value=True))
    assert mend(frame)[0]["text"][0] == "Well, is 3!! = 3?"


@pytest.mark.parametrize(
    ("policy", "clean"), [("codes", "好的🙂👍🏽"), ("drop", "好的"), ("keep", "[微笑]好的🙂👍🏽/:^_^")]
)
def test_the_recipe_says_which_emoji_go(policy, clean):
    assert mend(messages("[微笑]好的🙂👍🏽/:^_^"), Mend(emoji=policy))[0]["text"][0] == clean


def test_traditional_becomes_simplified_where_the_recipe_asks():
    after, found = mend(messages("請問這個訂單什麼時候發貨", "ok"), Mend(simplified=True))
    assert after["text"].to_list() == ["请问这个订单什么时候发货", "ok"]
    assert found.filter(pl.col("rule") == "mend/simplified").select("before", "after").rows() == [
        ("請問這個訂單什麼時候發貨", "请问这个订单什么时候发货")
    ]


def test_without_opencc_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "opencc", None)
    with pytest.raises(RecipeError, match=r"siftune\[simplified\]"):
        mend(messages("請問"), Mend(simplified=True))


PARTS = [
    "x\nOn 3 June 2024, B wrote:\n> y\n", "ok\nSent from my phone",
    "um ", "uh", "erm, ", "hmm. ", "Well,", "LIKE,", "you know,", "I mean, ", "kind of,", "so yeah,",
    "Wel\u212a", "\u017fo yeah,", "嗯，", "啊", "呃…", "额，", "那个，", "就是说，", "怎么说呢，", "亲",
    "亲亲 ", "亲爱的", "哦亲，", "  ", "\t", "\n", "\r\n", "\u3000", "\u00a0", "\u0085", "\u2028", "！！", "??",
    "~~", "。。", "，，", "，", ",", ".", "@Foo ", ".@bar: ", "。@某某客服 ",
    "^PR", " *MS", " -Angie", " -小D", " -小张",
    ". /GS", ". – Bob", " ~Ab", ". ～Ab", "1/2", ". (2/2)", "(4/4) a", "&amp;", "&#39;", "&#x27;", "<br>",
    "</p>", "<b>x</b>", "\u200b", "\ufeff", "Ａ", "９", "[微笑]", "/:^_^", "O(∩_∩)O", "T_T", "^_^", "(╯▽╰)",
    "e\u0301", "\u212b", "\uf900", "\u1100\u1161", "か\u3099", "好的", "单号", "ok", "I ", "🙂", "👍🏽", "_",
    "- ", "a", ". — Bob", "\nOn 1 May Al wrote:", "\n发件人：a\n时间：b", "\n-- 原始邮件 --", "<html>",
    "<style>a</style>", "<!--b-->", '<div class="gmail_quote">', "<blockquote>", "</blockquote>",
]  # fmt: skip


def test_what_is_not_likely_to_be_mended_is_not_mended():
    draw = random.Random(7)
    frame = messages(*("".join(draw.choices(PARTS, k=draw.randint(1, 5))) for _ in range(20_000)), role="assistant")
    for name, expression in MENDS.items():
        changed = frame.filter((expression != TEXT) & ~pl.col("record"))
        assert changed.height > 20, name
        missed = changed.filter(~TEXT.str.contains(LIKELY[name]))["text"]
        assert missed.is_empty(), (name, missed[0])


def test_no_character_outside_the_likely_ones_is_composed_or_moved():
    every = pl.Series([chr(code) for code in range(0x20000) if not 0xD800 <= code < 0xE000])
    passed = set(every.filter(~every.str.contains(LIKELY["unicode"])))  # nothing beyond
    parts = [unicodedata.decomposition(char).split() for char in every]
    follows = {chr(int(part, 16)) for told in parts if told and told[0][0] != "<" for part in told[1:]}
    assert {"a", "é", "退", "，", "🙂", "가", "ц"} <= passed
    assert not passed & (follows | {chr(code) for code in range(0x1100, 0x1200)})  # and the parts of Hangul
    assert [c for c in passed if unicodedata.combining(c) or unicodedata.normalize("NFC", c) != c] == []


@pytest.mark.parametrize("mark", ["<style>", "<!--", "<div ", "<blockquote>", "<style><body>"])
def test_marks_of_mails_that_are_never_closed_are_read_once(mark):
    said = mark * (400_000 // len(mark))  # minutes and more where each of them looks for its end
    assert (
        mended("Hello " + said)
        == ("Hello " + said.replace("<body>", "") if "style" in mark else "Hello " + said).strip()
    )
