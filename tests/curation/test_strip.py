"""Fillers and canned parts go off the ends of messages, whole clauses only."""

import polars as pl
import pytest

from curation import packs, tables
from curation.judge import context
from curation.strip import strip

RULES = packs.load(["common", "zh", "en"]).rules


def stripped(*said: tuple[str, str]) -> list[str]:
    return left(*said)["text"].to_list()


def left(*said: tuple[str, str]) -> pl.DataFrame:
    rows = {
        "conversation": ["c"] * len(said),
        "message": list(range(len(said))),
        "role": [role for role, _ in said],
        "raw": [text for _, text in said],
        "text": [text for _, text in said],
        "record": [False] * len(said),
    }
    schema = {name: tables.MESSAGES[name] for name in rows}
    return strip(context(pl.DataFrame(rows, schema=schema)), RULES)[0]


@pytest.mark.parametrize(
    ("role", "before", "after"),
    [
        ("user", "好的，那个订单什么时候发货", "那个订单什么时候发货"),
        ("user", "你好 我想问下退款多久到账", "我想问下退款多久到账"),
        ("user", "Thanks. How do I get an invoice?", "How do I get an invoice?"),
        ("assistant", "您好，退款一般1到3个工作日到账", "退款一般1到3个工作日到账"),
        (
            "assistant",
            "Tick all and save.\n\nKind regards,\n[name 1]\nCustomer Success | Quillnet",
            "Tick all and save.",
        ),
        ("assistant", "Edit the address under Billing. Sincerely, The Support Team", "Edit the address under Billing."),
        ("assistant", "Ten days at most.\n\nBest,\nAnn", "Ten days at most."),
        ("user", "Where are my invoices? Thanks in advance, Bob", "Where are my invoices?"),
        (
            "assistant",
            "Choose Best regards, Thank you or Hello as the design",
            "Choose Best regards, Thank you or Hello as the design",
        ),
        (
            "assistant",
            "Sincerely yours\nP.S. It is billed from today on.",
            "Sincerely yours\nP.S. It is billed from today on.",
        ),
        ("assistant", "填新的抬头后提交即可。\n此致\n敬礼\n客服部", "填新的抬头后提交即可。"),
        ("assistant", "已经帮您改好地址了。 请问还有其他可以帮到您的吗?", "已经帮您改好地址了。"),
        (
            "assistant",
            "Restart the hub and wait for a white light. Is there anything else I can help with?",
            "Restart the hub and wait for a white light.",
        ),
        ("user", "[订单编号: [订单号], 商品: 电饭煲 白色] 能改地址吗，我搬家了", "能改地址吗，我搬家了"),
    ],
)
def test_a_clause_that_says_nothing_goes(role, before, after):
    assert stripped((role, before)) == [after]


@pytest.mark.parametrize(
    ("role", "text"),
    [
        ("user", "好的那个订单什么时候发货"),  # no mark between: 好的 is part of the sentence
        ("user", "thanks to you it works again now"),
        ("assistant", "I'm sorry about that, but you cannot change the name on a ticket"),
        ("assistant", "No, guests are free"),
        ("user", "嗯，可以"),  # too little would be left
        ("assistant", "感谢您的耐心等待您的退款已到账请查收"),
        ("assistant", "Hide the app in settings, then restart the phone and try again"),
        ("assistant", "High usage slows the line after 8pm, so use a cable in the evening"),
        ("assistant", "This is because the line is capped. Upgrade the plan in the app"),
        ("assistant", "点击订单详情里的申请售后，选择退货退款，上传照片"),
        ("assistant", "随时可以取消自动续费，在设置里关闭就好"),
        ("assistant", "To report it, please review the article on the help page"),
    ],
)
def test_a_sentence_stays_whole(role, text):
    assert stripped((role, text)) == [text]


def test_a_yes_to_a_question_stays():
    said = stripped(("assistant", "是要取消订单吗？"), ("user", "是的，红色的那件也不要了"))
    assert said[1] == "是的，红色的那件也不要了"


def test_a_strip_is_recorded_with_before_and_after():
    frame = pl.DataFrame(
        {
            "conversation": ["c"],
            "message": [0],
            "role": ["assistant"],
            "raw": [""],
            "text": ["您好，退款一般1到3个工作日到账"],
            "record": [False],
        },
        schema={name: tables.MESSAGES[name] for name in ("conversation", "message", "role", "raw", "text", "record")},
    )
    _, found = strip(context(frame), RULES)
    assert found.select("rule", "before", "after").rows() == [
        ("mend/canned-part", "您好，退款一般1到3个工作日到账", "退款一般1到3个工作日到账")
    ]


def test_the_language_is_that_of_what_is_left():
    card = "[订单编号: [订单号], 商品: 电饭煲 白色] refund please"
    frame = left(("user", card), ("assistant", "退款三天到账"), ("user", "is it on its way"))
    assert frame.select("text", "tongue").rows() == [
        ("refund please", "en"),
        ("退款三天到账", "zh"),
        ("is it on its way", "en"),
    ]
