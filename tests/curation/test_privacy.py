"""Personal data: found inside Chinese and English, masked by its kind; what only looks like it stays."""

from typing import get_args

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation import privacy
from curation.recipe import PersonalKind

# Specimens of the standards and of documentation ranges, never of a person.
FOUND = [
    ("我的邮箱是lin.hua@example.com.cn谢谢", "我的邮箱是[邮箱]谢谢"),
    ("Write to jo+shop@mail.example.co.uk.", "Write to [email]."),
    ("身份证11010519491231002X，姓名", "身份证[身份证号]，姓名"),  # the specimen of GB 11643
    ("身份证号码440524188001010014请查", "身份证号码[身份证号]请查"),  # the same
    ("My IBAN is GB82 WEST 1234 5698 7654 32, thanks", "My IBAN is [bank account], thanks"),  # ISO 13616
    ("账号DE89370400440532013000收款", "账号[银行账号]收款"),  # ISO 13616
    ("卡号4111111111111111付款", "卡号[银行卡号]付款"),
    ("card 5500 0000 0000 0004 please", "card [card number] please"),
    ("card 5500-0000-0000-0004.", "card [card number]."),
    ("Amex 3782 822463 10005 was declined", "Amex [card number] was declined"),
    ("银行卡6222 0200 0000 0000 000到账", "银行卡[银行卡号]到账"),  # 19 digits, Luhn sum 6+4+2+4+4 = 20
    ("电话13800138000打给我", "电话[手机号]打给我"),
    ("打138 0013 8000", "打[手机号]"),
    ("打+86-138-0013-8000吧", "打[手机号]吧"),
    ("谢谢.13800138000", "谢谢.[手机号]"),
    ("座机010-87654321转", "座机[电话]转"),
    ("座机010-87654321-802", "座机[电话]"),
    ("座机02087654321", "座机[电话]"),
    ("座机05718765432", "座机[电话]"),
    ("手机/电话/0571-87654321", "手机/电话/[电话]"),
    ("电话是81313630", "电话是[电话]"),
    ("IMEI 490154203237518 please", "IMEI [device number] please"),  # GSMA's specimen, Luhn digit 8
    ("微信多少 加一个 我的 qingqing_zj77", "微信多少 加一个 我的 [账号]"),
    ("微信abc12345", "微信[账号]"),
    ("call (202) 555-0134 now", "call [phone] now"),
    ("call 202-555-0134.", "call [phone]."),
    ("call 202.555.0134 now", "call [phone] now"),
    ("call +1 202 555 0134 now", "call [phone] now"),
    ("call +44 (0)20 7946 0958 now", "call [phone] now"),
    ("ring 020 7946 0958 or 07700 900123", "ring [phone] or [phone]"),
    ("ring 01632 960 123", "ring [phone]"),
    ("我的IP是203.0.113.77打不开", "我的IP是[IP地址]打不开"),
    ("My IP is 203.0.113.77.", "My IP is [IP address]."),
    ("车牌京A12345到了", "车牌[车牌号]到了"),
    ("车牌粤B·D12345到了", "车牌[车牌号]到了"),
    ("微信号：lin_hua88", "微信号：[账号]"),
    ("加我微信 linhua2000", "加我微信 [账号]"),
    ("加v信：linhua2000", "加v信：[账号]"),
    ("qq123456789联系", "qq[账号]联系"),
    ("运单SF1234567890123到哪了", "运单[运单号]到哪了"),
    ("tracking RR123456785CN please", "tracking [tracking number] please"),
    ("订单号是202406160001", "订单号是[订单号]"),
    ("订单号：DD-123456789查一下", "订单号：[订单号]查一下"),
    ("order number 4839201, please", "order number [order number], please"),
    ("It is 123456789012.", "It is [order number]."),
]

SILENT = [
    "这款499.00元，第二件半价，一共748.5元",
    "满300减40，买了1000000个",
    "It was $1,299.99, now 899 dollars for 10000 units",
    "2024-06-16 08:52:36下的单",
    "06/16/2024 or 16.06.2024 or 20240616",
    "2020-2024年，3-5天",
    "积分+10000，+12345也行",
    "型号SM-G9980，iPhone 15 Pro Max 256GB，RTX4090",
    "SKU AB-100-200-3000",
    "固件版本4.2.1.7，V8.0.1.2，version 10.1.2.3",
    "3.141592653589793",
    "第12345678期",
    "https://example.com/item/13800138000?tel=02087654321",
    "www.example.com/p/123456789012.html",
    "ZTE A2021H 5G",
    "微信支付成功，QQ会员",
    "wechat please",
    "京东自营，京A店",
    "@小鱼儿 在吗",
]


@pytest.mark.parametrize(("text", "expected"), FOUND)
def test_personal_data_is_masked_by_its_kind_and_nothing_else_is_touched(text: str, expected: str) -> None:
    assert privacy.mask(text) == expected


@pytest.mark.parametrize("text", SILENT)
def test_prices_dates_quantities_codes_versions_and_links_are_no_personal_data(text: str) -> None:
    assert privacy.mask(text) == text


def test_every_kind_has_a_specimen() -> None:
    words = {kind: (settings.zh, settings.en) for kind, settings in privacy.KINDS.items()}
    assert [k for k, (zh, en) in words.items() if not any(zh in masked or en in masked for _, masked in FOUND)] == []


def test_the_recipe_names_exactly_the_kinds_there_are() -> None:
    assert set(get_args(PersonalKind)) == set(privacy.KINDS)


@pytest.mark.parametrize(
    ("number", "valid"),
    [("4111111111111111", True), ("4111111111111112", False), ("4111111111111119", False), ("378282246310005", True),
     ("0000000000000", False), ("411111111111", False), ("4111 1111 1111 1111", True)],
)  # fmt: skip
def test_a_card_number_needs_its_luhn_digit(number: str, valid: bool) -> None:
    assert privacy.luhn(number) is valid


@pytest.mark.parametrize(
    ("number", "valid"),
    [("11010519491231002X", True), ("11010519491231002x", True), ("440524188001010014", True),
     ("110105194912310021", False), # the check digit is right, the date is none: month 13, day 32
     ("110105194913310021", False), ("110105194912320025", False)],
)  # fmt: skip
def test_an_identity_card_needs_its_date_and_check_digit(number: str, valid: bool) -> None:
    assert privacy.identity_card(number) is valid


@pytest.mark.parametrize(
    ("number", "valid"),
    [("GB82WEST12345698765432", True), ("GB82 WEST 1234 5698 7654 32", True), ("GB83WEST12345698765432", False),
     ("GB82WEST", False)],
)  # fmt: skip
def test_an_iban_needs_its_mod_97(number: str, valid: bool) -> None:
    assert privacy.iban(number) is valid


@pytest.mark.parametrize(
    ("text", "kind"),
    [("卡号4111111111111112", "bank-card"), ("身份证110105194912310021", "identity-card"),
     ("IBAN GB83WEST12345698765432", "iban"), ("gateway 192.168.0.1 or 10.0.0.138 or 172.16.0.1", "ip")],
)  # fmt: skip
def test_a_number_without_its_check_digit_is_not_of_that_kind(text: str, kind: str) -> None:
    assert privacy.mask(text, [kind]) == text


def test_the_expression_masks_as_the_function_does() -> None:
    texts = pl.DataFrame({"text": [*(text for text, _ in FOUND), *SILENT, "", None]})
    for kind in privacy.KINDS:
        texts = texts.with_columns(privacy.masked(pl.col("text"), kind))
    assert texts["text"].to_list() == [*(masked for _, masked in FOUND), *SILENT, "", None]


def test_what_is_left_is_counted_per_kind_in_texts_not_in_hits() -> None:
    found = privacy.count(pl.Series(["打13800138000或13800138001", "打13800138000", "好的"]))
    assert {kind: n for kind, n in found.items() if n} == {"mobile": 2}


CHAT = st.text(
    alphabet=st.sampled_from("0123456789" * 3 + "+-. ()/:@_#XxAGBSFqwv京微信号订单是的,，。 ")
    | st.characters(codec="utf-8"),
    max_size=60,
)
SPECIMEN = st.sampled_from([text for text, _ in FOUND])


@given(st.lists(CHAT | SPECIMEN, max_size=4).map("".join))
def test_masking_what_is_masked_changes_nothing(text: str) -> None:
    once = privacy.mask(text)
    assert privacy.mask(once) == once


@pytest.mark.parametrize("kind", privacy.KINDS)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_the_cheap_guard_lets_every_match_through(kind: str, data: st.DataObject) -> None:
    known = privacy.KINDS[kind]
    text = data.draw(st.from_regex(known.pattern, alphabet=st.characters(max_codepoint=0x9FFF)))
    if privacy.mask(text, [kind]) != text:
        assert pl.Series([text]).str.contains(known.guard).item()
