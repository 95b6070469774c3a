"""What Python is asked after the guards and the closer look: no less than when it is asked for everything."""

from __future__ import annotations

from random import Random

import polars as pl

from curation.privacy.search import _closer, scan

PIECES = [
    "订单号",
    "[订单号1]",
    "［订单号12］",
    "order number ",
    "[order number 1]",
    "电话",
    "手机",
    "call me on ",
    "护照",
    "passport no. ",
    "VAT ",
    "税号",
    "IMEI",
    "S/N ",
    "身份证",
    "运单号",
    "tracking ",
    "订单",
    "是",
    "：",
    ":",
    " ",
    "-",
    "+",
    "(",
    ")",
    "is ",
    "7720454",
    "13812345678",
    "138 1234 5678",
    "+44 20 7946 0958",
    "(010) 8888 8888",
    "010-88888888",
    "0800 123 4567",
    "AB",
    "ab-cd-",
    "G12345678",
    "SF1234567890123",
    "1Z999AA10123456784",
    "GB29NWBK60161331926819",
    "123-45-6789",
    "AB123456C",
    "00:1A:2b:3c:4d:5e",
    "6222021234567890123",
    "3782 822463 10005",
    "(202) 555-0143",
    "一三八一二三四五六七八",
    "１３８１２３４５６７８",
    "张伟",
    "张伟 ",
    "姓名",
    "我叫",
    "王先生",
    "您好",
    "[姓名1]",
    "2024-01-02",
    "¥300",
    "元",
    "，",
    "。",
    "\n",
    "a",
    "1",
    "0",
    "[数字x]",
    "<phone>",
    "138****5678",
    "AB-1234567",
    "11010519491231002X",
    "DE123456789",
]


def test_what_the_closer_look_leaves_out_has_nothing_for_its_finder() -> None:
    random = Random(5)
    texts = ["".join(random.choices(PIECES, k=random.randint(1, 7))) for _ in range(2500)]
    looks = _closer(pl.Series(texts))
    found = [scan(text, close=look) for text, look in zip(texts, looks, strict=True)]
    assert found == [scan(text) for text in texts]
    assert {hit.kind for hits in found for hit in hits} >= {
        "mobile", "phone", "order-number", "tracking-number", "passport", "iban", "identity-card", "bank-card", "name",
        "device", "tax-number",
    }  # fmt: skip


def test_a_number_beside_a_placeholder_is_found_and_one_inside_is_not() -> None:
    texts = ["[订单号1] 订单号7720454", "订单号[订单号1]", "我叫张伟[姓名1]"]
    looks = _closer(pl.Series(texts))
    kinds = [[hit.kind for hit in scan(text, close=look)] for text, look in zip(texts, looks, strict=True)]
    assert kinds == [["order-number"], [], ["name"]]
