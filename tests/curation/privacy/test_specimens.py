"""Personal data: found inside Chinese and English, masked by its kind; what only looks like it stays."""

from typing import get_args

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import privacy
from curation.recipe import PersonalKind

# Specimens of the standards and of documentation ranges, never of a person.
FOUND = [
    ("order 88231 never came", "order [order number 1] never came"),
    ("订单88231还没发货", "订单[订单号1]还没发货"),
    ("my login is jdoe, and the page is blank", "my login is [chat account 1], and the page is blank"),
    ("加QQ一二三四五", "加QQ[账号1]"),
    ("QQ号三八八六六一。", "QQ号[账号1]。"),
    ("我家3单元502室漏水", "我家[地址1]漏水"),
    ("住在三单元502，没人", "住在[地址1]，没人"),
    ("I live in flat 12b and it is cold", "I live in [address 1] and it is cold"),
    ("Apt 4C has no heat", "[address 1] has no heat"),
    ("DOB: 1990-04-21, male", "DOB: [date of birth 1], male"),
    ("my date of birth is 12/03/1985.", "my date of birth is [date of birth 1]."),
    ("my son was born on 3 May 1982", "my son was born on [date of birth 1]"),
    ("born March 14th, 1991 in Leeds", "born [date of birth 1] in Leeds"),
    ("我1988年3月5日出生", "我[出生日期1]出生"),
    ("出生日期：19920715", "出生日期：[出生日期1]"),
    ("孩子生日是2019-05-02", "孩子生日是[出生日期1]"),
    ("Can I change the size?\nKind regards,\nJanka Wilmot", "Can I change the size?\nKind regards,\n[name 1]"),
    ("It is cracked. Best regards, Janka", "It is cracked. Best regards, [name 1]"),
    ("我的邮箱是lin.hua@example.com.cn谢谢", "我的邮箱是[邮箱1]谢谢"),
    ("Write to jo+shop@mail.example.co.uk.", "Write to [email 1]."),
    ("身份证11010519491231002X，姓名", "身份证[身份证号1]，姓名"),  # the specimen of GB 11643
    ("身份证号码440524188001010014请查", "身份证号码[身份证号1]请查"),  # the same
    ("My IBAN is GB82 WEST 1234 5698 7654 32, thanks", "My IBAN is [bank account 1], thanks"),  # ISO 13616
    ("账号DE89370400440532013000收款", "账号[银行账号1]收款"),  # ISO 13616
    ("卡号4111111111111111付款", "卡号[银行卡号1]付款"),
    ("card 5500 0000 0000 0004 please", "card [card number 1] please"),
    ("card 5500-0000-0000-0004.", "card [card number 1]."),
    ("Amex 3782 822463 10005 was declined", "Amex [card number 1] was declined"),
    ("银行卡6222 0200 0000 0000 000到账", "银行卡[银行卡号1]到账"),  # 19 digits, Luhn sum 6+4+2+4+4 = 20
    ("电话13800138000打给我", "电话[电话1]打给我"),
    ("打138 0013 8000", "打[电话1]"),
    ("打+86-138-0013-8000吧", "打[电话1]吧"),
    ("谢谢.13800138000", "谢谢.[电话1]"),
    ("座机010-87654321转", "座机[电话1]转"),
    ("座机010-87654321-802", "座机[电话1]"),
    ("座机02087654321", "座机[电话1]"),
    ("座机05718765432", "座机[电话1]"),
    ("手机/电话/0571-87654321", "手机/电话/[电话1]"),
    ("电话是81313630", "电话是[电话1]"),
    ("电话是81313630、81313631，周末也开", "电话是[电话1]、[电话2]，周末也开"),
    ("电话81313630，2000元起", "电话[电话1]，2000元起"),
    ("打81313630这个就行", "打[电话1]这个就行"),
    ("那你记一下，81313630。", "那你记一下，[电话1]。"),
    ("这家店位于青枫路2号", "这家店位于[地址1]"),
    ("地址在青枫镇小河南路6号", "地址在[地址1]"),
    ("在杭州市西湖区文庙内大街竹竿巷46号", "在[地址1]"),
    ("宽带装在北京市朝阳区小山子庄园北路", "宽带装在[地址1]"),
    ("Q 123456789，加我", "Q [账号1]，加我"),
    ("IMEI 490154203237518 please", "IMEI [device number 1] please"),  # GSMA's specimen, Luhn digit 8
    ("微信多少 加一个 我的 qingqing_zj77", "微信多少 加一个 我的 [账号1]"),
    ("微信abc12345", "微信[账号1]"),
    ("Sure his name is Tall Tom, just write Tom", "Sure his name is [name 1], just write Tom"),
    ("my wife's name is Ann Archer and", "my wife's name is [name 1] and"),
    ("The driver’s name was Ed", "The driver’s name was [name 1]"),
    ("her name is anna", "her name is [name 1]"),
    ("call (202) 555-0134 now", "call [phone 1] now"),
    ("call 202-555-0134.", "call [phone 1]."),
    ("call 202.555.0134 now", "call [phone 1] now"),
    ("call +1 202 555 0134 now", "call [phone 1] now"),
    ("call +44 (0)20 7946 0958 now", "call [phone 1] now"),
    ("ring 020 7946 0958 or 07700 900123", "ring [phone 1] or [phone 2]"),
    ("ring 01632 960 123", "ring [phone 1]"),
    ("我的IP是203.0.113.77打不开", "我的IP是[IP地址1]打不开"),
    ("My IP is 203.0.113.77.", "My IP is [IP address 1]."),
    ("车牌京A12345到了", "车牌[车牌号1]到了"),
    ("车牌粤B·D12345到了", "车牌[车牌号1]到了"),
    ("微信号：lin_hua88", "微信号：[账号1]"),
    ("我的微信号是mimosaflower，加我", "我的微信号是[账号1]，加我"),
    ("wechat id: mimosa", "wechat id: [chat account 1]"),
    ("it crashes on ps4, my id is corvid_owl82", "it crashes on ps4, my id is [chat account 1]"),
    ("Gamertag: Corvid82, please", "Gamertag: [chat account 1], please"),
    ("加我微信 linhua2000", "加我微信 [账号1]"),
    ("加v信：linhua2000", "加v信：[账号1]"),
    ("qq123456789联系", "qq[账号1]联系"),
    ("我的QQ是一二三四五六七八", "我的QQ是[账号1]"),
    ("角色ID 88123456 微信一区", "角色ID [订单号1] 微信一区"),
    ("燃气户号是1000234567", "燃气户号是[订单号1]"),
    ("my player id is 99120441", "my player id is [order number 1]"),
    ("运单SF1234567890123到哪了", "运单[运单号1]到哪了"),
    ("tracking RR123456785CN please", "tracking [tracking number 1] please"),
    ("订单号是202406160001", "订单号是[订单号1]"),
    ("订单号：DD-123456789查一下", "订单号：[订单号1]查一下"),
    ("order number 4839201, please", "order number [order number 1], please"),
    ("It is 123456789012.", "It is [order number 1]."),
    # full-width, said in Chinese, apart
    ("电话１３８００１３８０００打给我", "电话[电话1]打给我"),
    ("号码是一三八零零一三八零零零哦", "号码是[电话1]哦"),
    ("幺三八零零幺三八零零零", "[电话1]"),
    ("我手机1 3 8 0 0 1 3 8 0 0 0", "我手机[电话1]"),
    ("lin dot hua at example dot com", "lin dot [email 1]"),
    # other kinds
    ("护照号E12345678丢了", "护照号[护照号1]丢了"),
    ("My passport number is 533380006.", "My passport number is [passport number 1]."),
    ("SSN 536-90-4399 on file", "SSN [ID number 1] on file"),  # python-stdnum's own specimen
    ("my NI number is QQ123456C", "my NI number is QQ123456C"),  # HMRC's example begins with letters never issued
    ("NINO: AB 12 34 56 C", "NINO: [ID number 1]"),
    ("VAT number BE428759497 please", "VAT number [tax number 1] please"),  # python-stdnum's own specimen
    ("v6 是2001:db8::8a2e:370:7334吗", "v6 是[IP地址1]吗"),  # RFC 3849
    ("MAC 00:00:5e:00:53:af is blocked", "MAC [device number 1] is blocked"),  # RFC 7042
    ("key sk-proj4abcDEF0123456789xyz leaked", "key [secret 1] leaked"),
    ("AKIAIOSFODNN7EXAMPLE泄露了", "[密钥1]泄露了"),  # of Amazon's documentation
    ("社保卡号 A12345678", "社保卡号 [证件号1]"),
    ("港澳通行证C12345678到期", "港澳通行证[证件号1]到期"),
    ("Medicare number 1EG4-TE5-MK73", "Medicare number [ID number 1]"),  # the specimen of the Medicare programme
    ("NHS number 943 476 5919 please", "NHS number [ID number 1] please"),  # the specimen of the health service
    ("driver's license D123-4567-8901", "driver's license [ID number 1]"),
    ("病历号是00382917，报告呢", "病历号是[编号1]，报告呢"),
    ("My MRN is 00482913", "My MRN is [record number 1]"),
    ("案号（2023）京0105民初12345号", "案号[案号1]"),
    ("case no. 2:21-cv-01234", "case no. [case number 1]"),
    ("车架号LSVAU2180C2183294能查吗", "车架号[车架号1]能查吗"),
    ("sort code 20-00-00", "sort code [bank account 1]"),
    ("routing number 021000021", "routing number [bank account 1]"),
    ("booking reference ABC7QK", "booking reference [order number 1]"),
    ("我的预约号是 A0231", "我的预约号是 [订单号1]"),
    ("原告李强诉被告王芳", "原告[姓名1]诉被告[姓名2]"),
    ("原告李强诉被告王芳民间借贷纠纷", "原告[姓名1]诉被告[姓名2]民间借贷纠纷"),
    ("我约了周三王建国主任的号", "我约了周三[姓名1]主任的号"),
    ("my name is Joel McLean", "my name is [name 1]"),
    ("密码是Abc12345!", "密码是[密钥1]!"),
    ("验证码：482913", "验证码：[密钥1]"),
    ("my password is hunter2", "my password is [secret 1]"),
    (
        "点 https://example.com/reset?uid=7&token=ab12cd34ef 重设",
        "点 https://example.com/reset?uid=7&token=[令牌1] 重设",
    ),
    (
        "see https://example.com/i/13800138000?tel=02087654321#x",
        "see https://example.com/i/13800138000?tel=[token 1]#x",
    ),
    ("我叫张伟，想退货", "我叫[姓名1]，想退货"),
    ("我叫张伟今天刚下单", "我叫[姓名1]今天刚下单"),
    ("收件人：欧阳明月，明天送", "收件人：[姓名1]，明天送"),
    ("我姓王", "我姓[姓名1]"),
    ("您好，客服小王为您服务", "您好，客服[姓名1]为您服务"),
    ("我是小赵，跟您说一下进度", "我是[姓名1]，跟您说一下进度"),
    ("我叫禤国维，想退货", "我叫[姓名1]，想退货"),
    ("收件人：亓官", "收件人：[姓名1]"),
    ("姓名：阿力木", "姓名：[姓名1]"),
    ("订单号7720，什么时候到", "订单号[订单号1]，什么时候到"),
    ("order number 7720 please", "order number [order number 1] please"),
    ("保单号：PA2024031188", "保单号：[保单号1]"),
    ("my policy number is 77204518", "my policy number is [policy number 1]"),
    ("李女士您好，", "[姓名1]女士您好，"),
    ("My name is Anna Brown and I moved", "My name is [name 1] and I moved"),
    ("this is Peter speaking", "this is [name 1] speaking"),
    ("Dear Mr Johnson,", "Dear Mr [name 1],"),
    ("Hi Sarah, thanks", "Hi [name 1], thanks"),
    ("寄到浙江省杭州市西湖区文三路138号3栋2单元501室谢谢", "寄到[地址1]谢谢"),
    ("我住在阳光花园12栋302", "我住在[地址1]"),
    ("send it to 12 Baker Street, London NW1 6XE please", "send it to [address 1] please"),
    ("I live at 350 Fifth Avenue, Apt 12, New York, NY 10118.", "I live at [address 1]."),
]

SILENT = [
    "order 50000 of them, page 88231, model 88231, error 88231",
    "订单50000件起，订单2024年的",
    "my login is broken, my username is wrong. My login is not accepted",
    "the login is required, my login is facebook, Login: admin",
    "第2单元302课，第2单元第5题，in flat 5 colours",
    "Happy birthday on 3 May 2024!",
    "QQ一二三四五天都登不上，QQ十几年了",
    "3单元楼，第二单元作文，单元3的题",
    "a flat 20 quid, for flat 20% off, a flat 55 inch tv, in flat 3 months",
    "生日那天有优惠吗，2024年5月1日的生日会",
    "The singer was born on 4 March 1950 in Leeds, his brother on 5 May 1952",
    "这位作家1958年8月29日出生，出生于1958年8月29日",
    "birthday party on 3 May, the app was born in 2019",
    "Send him my best regards.\nPlease",
    "Thanks Google",
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
    "https://example.com/item/13800138000?item=02087654321",
    "www.example.com/p/123456789012.html",
    "看 https://example.com/help?key=overview 这页",
    "ZTE A2021H 5G",
    "微信支付成功，QQ会员",
    "wechat please",
    "my id is wrong, my game id is not shown, gamertag is taken",
    "京东自营，京A店",
    "@小鱼儿 在吗",
    # masks that the log came with
    "[订单x]和[数字x]、[电话12]、<phone>、{{name}}、138****8000",
    # everybody's numbers
    "打10086或95588，400-123-4567、400 820 8820也行，投诉12315",
    "call 1-800-555-0199 or 0800 123 4567, in an emergency 999",
    # times, sizes, books, codes
    "2024年6月16日08:52:36，时间戳1718500000000，20240616085236",
    "ISBN 978-7-111-54493-7，条形码6901234567892",
    "尺寸1200x600x1800，坐标31.230416,121.473701",
    "第3栋楼盘什么时候开盘",
    "6月18号到12号线",
    "三号方案",
    "一座城",
    "地铁2号线",
    "我叫不出名字",
    "我是老师，想问优惠",
    "刻一方姓名章几天能好",
    "师傅小心台阶",
    "您好，客服小马达坏了",
    "我是小白，不懂这个",
    "联系人：店长",
    "我叫外卖，送到门卫",
    "订单号后4位是哪几位",
    "order 7720 of them by Friday",
    "order no. 300 is the last",
    "the policy covers 2 bags of 32 kg",
    "我是用户",
    "我姓什么",
    "谢谢女士优先",
    "收件人是谁",
    "我是高兴的",
    "Dear customer,",
    "Hi there, this is great",
    "my name is on the list",
    "their names are on the list, his name is too",
    "The shop's name is Corner Books",
    "this is not working",
    "Hi Team,",
    "Mr. Sam shared a cake",
    "I have 2 main streets",
    "a 500 gb hard drive",
    "5 star road",
    "my password is wrong",
    "密码是多少",
    "验证码收不到",
    "order 10000 units",
    "in order to 2024-06-16",
    "北京市朝阳区能送吗",
    "广州发货到上海要几天",
    "do you ship to London, UK?",
    "https://example.com/a?token=&page=12345678901",
    "gateway 192.168.0.1, dns 8.8.8.8",
    "routing number 021000022",  # wrong check digit
    "李医生周三坐诊，王律师在吗",  # a surname alone
    "输入案号和姓名查询，姓名查不到",
    "法释〔2020〕17号，财税〔2016〕36号",  # law, open to all
    "[2023] EWHC 123 (Ch)",
]


EVERYTHING = privacy.EVERYTHING


@pytest.mark.parametrize(("text", "expected"), FOUND)
def test_personal_data_is_masked_by_its_kind_and_nothing_else_is_touched(text: str, expected: str) -> None:
    assert privacy.mask(text) == expected


@pytest.mark.parametrize("text", SILENT)
def test_prices_dates_quantities_codes_versions_and_links_are_no_personal_data(text: str) -> None:
    assert privacy.mask(text) == text


def test_every_kind_has_a_specimen() -> None:
    said = " ".join(masked for _, masked in FOUND)
    missing = [
        kind for kind, word in privacy.KINDS.items() if f"[{word.zh}1]" not in said and f"[{word.en} 1]" not in said
    ]
    assert missing == []


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
    assert privacy.mask(text, privacy.Masking(frozenset([kind]))) == text


CHAT = st.text(
    alphabet=st.sampled_from("0123456789" * 3 + "+-. ()/:@_#XxAGBSFqwv京微信号订单是的,，。 ")
    | st.characters(codec="utf-8"),
    max_size=60,
)
SPECIMEN = st.sampled_from([text for text, _ in FOUND])


@settings(deadline=None)
@given(st.lists(CHAT | SPECIMEN, max_size=4).map("".join))
def test_masking_comes_to_rest(text: str) -> None:
    """A mask may uncover a border (…00AKIA… is a key once the digits before it are gone), so not after one round."""
    for _ in range(3):
        text = privacy.mask(text)
    assert privacy.mask(text) == text


PIECE = st.sampled_from([*(text for text, _ in FOUND), *SILENT])


@settings(deadline=None)
@given(st.lists(CHAT | PIECE, min_size=1, max_size=6))
def test_the_cheap_look_over_a_frame_misses_nothing_that_a_close_look_finds(texts: list[str]) -> None:
    units = pl.DataFrame({"row": range(len(texts)), "text": texts}, schema={"row": pl.UInt32, "text": pl.String})
    found = privacy.find(units.with_columns(asked=pl.lit(None, dtype=pl.String)), EVERYTHING)
    expected = [(row, *hit) for row, text in enumerate(texts) for hit in privacy.scan(text)]
    assert found.select("row", "start", "end", "kind", "key").rows() == expected
