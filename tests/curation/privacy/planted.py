"""Personal data planted into sentences that we wrote: what was planted, and where, is the expectation.

Numbers are made here by the standards' own arithmetic, not by the code that looks for them. Every case is a text,
the kinds' names, and the span of the plant; hard negatives have no span.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import NamedTuple


class Case(NamedTuple):
    """A text with a planted value at start..end, or, with an empty `kind`, a text that must stay as it is."""

    text: str
    kind: str
    start: int = 0
    end: int = 0


Plants = dict[str, tuple[Callable[[Random], str], list[str]]]  # by kind: what makes a value, and sentences for it

MONTHS = ("January", "Feb", "March", "April", "May", "June", "July", "Aug", "Sept", "October", "Nov", "December")

# Sentences by place of the value: at the start, in the middle, at the end; glued to Han characters and apart.
ZH_ANY = [
    "{}这个麻烦查一下", "您好，{}", "我发给你了{}谢谢", "（{}）", "给你：{}", "{}，请尽快处理", "上次说的{}还能用吗", "就是{}", "嗯{}对的",
    "昨天下午3点买的，{}，共2件299元", "{}\n麻烦了", "没收到，{}？", "【{}】请核对", "好的\n{}", "退款99.5元，{}，谢谢亲",
]  # fmt: skip
EN_ANY = [
    "{} is what I have", "Please check {}", "It is {}, thanks", "Sent you {} yesterday at 3:15 pm", "({})", "Here: {}.", "So {}?",
    "I paid $49.99 for 2 items, {}, ok?", "Hello,\n{}\nThanks", "use {} please", "Details - {} - as asked", "{}", "still {}!",
]  # fmt: skip


def luhn_digit(body: str) -> str:
    """Return the digit that makes a number pass ISO/IEC 7812: the tens' complement of the sum, every other doubled."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value // 10 + value % 10
    return str(-total % 10)


def some(random: Random, length: int, first: str = "0123456789") -> str:
    return random.choice(first) + "".join(random.choice("0123456789") for _ in range(length - 1))


def letters(random: Random, length: int, of: str = "abcdefghijkmnpqrstuvwxyz") -> str:
    return "".join(random.choice(of) for _ in range(length))


WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
SAID = str.maketrans("0123456789", "零一二三四五六七八九")


def mobile(random: Random) -> str:
    plain = "1" + some(random, 10, "3456789")
    form = random.randrange(9)
    a, b, c = plain[:3], plain[3:7], plain[7:]
    if form == 5:
        said = plain.translate(SAID)
        return said.replace("一", "幺") if random.random() < 0.5 else said
    return [plain, f"{a} {b} {c}", f"{a}-{b}-{c}", f"+86 {plain}", f"+86-{a}-{b}-{c}", "", plain.translate(WIDE), " ".join(plain),
            f"{a} {plain[3:6]} {plain[6:]}"][form]  # fmt: skip


def landline_zh(random: Random) -> str:
    area = random.choice(["010", "021", "020", "0755", "0571", "0512", "028", "0451"])
    number = some(random, 8, "2345678")
    return random.choice([f"{area}-{number}", f"({area}){number}", f"（{area}）{number}", f"{area} {number}", f"{area}-{number}转802",
                          f"{area}-{number[:4]}-{number[4:]}"])  # fmt: skip


def phone_en(random: Random) -> str:
    area, exchange, line = (
        random.choice(["202", "415", "646", "312", "503"]),
        some(random, 3, "23456789"),
        some(random, 4),
    )
    uk = random.choice(
        [
            f"020 7946 0{some(random, 3)}",
            f"07700 900{some(random, 3)}",
            f"0161 496 0{some(random, 3)}",
            f"+44 20 7946 0{some(random, 3)}",
        ]
    )
    return random.choice([f"({area}) {exchange}-{line}", f"{area}-{exchange}-{line}", f"{area}.{exchange}.{line}",
                          f"+1 {area} {exchange} {line}", f"+1-{area}-{exchange}-{line}", uk, uk])  # fmt: skip


def identity_card(random: Random) -> str:
    """GB 11643-1999: seventeen digits, each times 2^(18-i) mod 11, and the check character that makes the sum 1."""
    area = random.choice(["110101", "310104", "440103", "330106", "510107", "420111", "610113", "320102"])
    body = f"{area}{random.randint(1950, 2010)}{random.randint(1, 12):02}{random.randint(1, 28):02}{some(random, 3)}"
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(body))
    check = "10X98765432"[total % 11]
    plain = body + check
    return random.choice(
        [plain, plain, plain.lower(), plain.translate(WIDE), f"{plain[:6]} {plain[6:14]} {plain[14:]}"]
    )


def bank_card(random: Random) -> str:
    kind = random.randrange(4)
    if kind == 0:
        body = "62" + some(random, 16)
    elif kind == 3:
        body = "37" + some(random, 12)
    else:
        body = random.choice("45") + random.choice("12345") + some(random, 13)
    plain = body + luhn_digit(body)
    if kind == 3:
        return random.choice([plain, f"{plain[:4]} {plain[4:10]} {plain[10:]}"])
    parts = [plain[i : i + 4] for i in range(0, len(plain), 4)]
    return random.choice([plain, " ".join(parts), "-".join(parts)])


def iban(random: Random) -> str:
    """ISO 13616: check digits are 98 minus the number, letters as 10 to 35, modulo 97."""
    country, body = random.choice(
        [
            ("DE", some(random, 18)),
            ("GB", "WEST" + some(random, 14)),
            ("NL", "ABNA" + some(random, 10)),
            ("FR", some(random, 23)),
        ]
    )
    number = int("".join(str(int(char, 36)) for char in body + country + "00"))
    plain = f"{country}{98 - number % 97:02}{body}"
    return random.choice([plain, " ".join(plain[i : i + 4] for i in range(0, len(plain), 4))])


def email(random: Random) -> str:
    name = random.choice(
        [
            letters(random, 6),
            f"{letters(random, 3)}.{letters(random, 5)}",
            letters(random, 4) + some(random, 4),
            some(random, 9, "12345"),
        ]
    )
    return f"{name}@{random.choice(['example.com', 'mail.example.cn', 'example.co.uk', 'qq.example'])}"


def ip(random: Random) -> str:
    v4 = f"{random.choice(['203.0.113', '198.51.100', '61.135.169', '45.33.32'])}.{random.randint(1, 254)}"
    return random.choice([v4, v4, f"2001:db8:{random.randrange(16**4):x}::{random.randrange(1, 16**4):x}"])


def plate(random: Random) -> str:
    head = random.choice("京沪粤苏浙川鲁鄂") + random.choice("ABCDEF")
    tail = random.choice(
        [some(random, 5), random.choice("ABCDE") + some(random, 4), "D" + some(random, 5), "F" + some(random, 5)]
    )
    return head + random.choice(["", "·"]) + tail


def secret(random: Random) -> str:
    mixed = "".join(random.choice("abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(40))
    return random.choice(["sk-" + mixed[:32], "ghp_" + mixed[:36], "AKIA" + mixed[:16].upper(), f"eyJ{mixed[:15]}.eyJ{mixed[15:30]}.{mixed[30:]}",
                          "".join(random.choice("0123456789abcdef") for _ in range(40))])  # fmt: skip


def tracking(random: Random) -> str:
    return random.choice(
        [
            f"SF{some(random, 13, '123')}",
            f"YT{some(random, 13)}",
            f"JD{some(random, 13)}",
            f"RR{some(random, 9)}CN",
            f"ZTO{some(random, 12)}",
        ]
    )


SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = [
    "伟",
    "芳",
    "娜",
    "敏",
    "静",
    "磊",
    "洋",
    "勇",
    "艳",
    "杰",
    "小明",
    "晓东",
    "雨桐",
    "志强",
    "丽华",
    "建国",
    "秀英",
    "子涵",
    "浩然",
    "梓萱",
]
FIRST = ["Anna", "Peter", "Sarah", "Tom", "Laura", "James", "Priya", "Carlos", "Emma", "Oliver", "Hannah", "Raj"]
LAST = ["Brown", "Johnson", "Patel", "Garcia", "O'Neill", "Smith", "Clarke", "Nguyen", "Fischer", "Walker"]


def name_zh(random: Random) -> str:
    return random.choice(SURNAMES) + random.choice(GIVEN)


def name_en(random: Random) -> str:
    return random.choice([f"{random.choice(FIRST)} {random.choice(LAST)}", random.choice(FIRST)])


def address_zh(random: Random) -> str:
    region = random.choice(
        [
            "浙江省杭州市西湖区",
            "上海市浦东新区",
            "广东省深圳市南山区",
            "北京市海淀区",
            "江苏省苏州市工业园区",
            "成都市武侯区",
            "",
        ]
    )
    road = random.choice(
        [
            "文三路",
            "人民大道",
            "科技园南路",
            "中关村大街",
            "星湖街",
            "天府三街",
            "解放路",
            "阜成路",
            "成都路",
            "首都大道",
        ]
    )
    estate = random.choice(["阳光花园", "翠苑小区", "万科公寓", "金色家园", ""])
    house = random.choice(["3栋2单元501室", "12栋302", "5号楼1102室", "8幢1单元602", "B座1203室"])
    return (
        f"{region}{road}{random.randint(1, 999)}号{estate}{house}"
        if random.random() < 0.7
        else f"{region}{estate or '阳光花园'}{house}"
    )


def address_en(random: Random) -> str:
    street = f"{random.randint(1, 2999)} {random.choice(['Baker', 'Oak', 'King', 'Fifth', 'Maple Hill', 'Station'])} {random.choice(['Street', 'Road', 'Avenue', 'Lane', 'St', 'Ave', 'Drive'])}"
    us = f"{street}, {random.choice(['Springfield', 'Portland', 'New York'])}, {random.choice(['IL', 'OR', 'NY'])} {some(random, 5)}"
    uk = f"{street}, {random.choice(['London', 'Leeds', 'Bristol'])} {random.choice(['NW1 6XE', 'LS1 4DY', 'BS8 1TH', 'EC1A 1BB'])}"
    return random.choice([street, us, uk, f"{street}, Apt {random.randint(1, 99)}"])


# kind → (maker, sentences). Sentences of ANY shape where the value tells itself, own ones where a word must announce it.
ZH: Plants = {
    "mobile": (mobile, [*ZH_ANY, "电话是{}谢谢", "手机{}打给我", "请打{}", "我的号{}你记一下", "联系{}吧"]),
    "phone": (landline_zh, [*ZH_ANY, "座机{}", "公司电话{}上班时间", "请回{}"]),
    "identity-card": (identity_card, [*ZH_ANY, "身份证{}", "身份证号码是{}请查", "证件号：{}"]),
    "bank-card": (bank_card, [*ZH_ANY, "银行卡{}到账", "卡号是{}", "退到{}上"]),
    "iban": (iban, [*ZH_ANY, "账号{}收款"]),
    "email": (email, [*ZH_ANY, "邮箱是{}谢谢", "发到{}就行", "发票寄{}"]),
    "ip": (ip, [*ZH_ANY, "我的IP是{}打不开", "IP：{}"]),
    "plate": (plate, [*ZH_ANY, "车牌{}到了", "车牌号是{}"]),
    "birth-date": (
        lambda r: (lambda y, m, d: r.choice([f"{y}年{m}月{d}日", f"{y}-{m:02}-{d:02}", f"{y}.{m}.{d}", f"{y}{m:02}{d:02}", f"{y}/{m}/{d}"]))(r.randint(1940, 2020), r.randint(1, 12), r.randint(1, 28)),
        ["出生日期{}", "出生日期是{}，帮忙改", "生日：{}", "孩子生日是{}", "我{}出生的", "孩子出生于{}。", "{}出生，能报名吗"],
    ),
    "secret": (secret, [*ZH_ANY, "密钥是{}泄露了吗", "key: {}"]),
    "tracking-number": (tracking, [*ZH_ANY, "运单{}到哪了", "快递单号是{}", "单号{}没更新"]),
    "order-number": (
        lambda r: r.choice([some(r, 8, "123456789"), f"DD{some(r, 8)}", f"TB-{some(r, 9)}", some(r, 10, "3456"), some(r, 16, "27"), some(r, 6, "123456789")]),
        ["订单号是{}", "订单号：{}谢谢", "订单编号{}什么时候发货", "工单号{}有进展吗", "我的单号{}，帮看看", "流水号：{}", "查下订单号 {} 到哪了", "会员号是{}哦"],
    ),
    "chat-account": (
        lambda r: r.choice([letters(r, 5) + some(r, 3), f"{letters(r, 4)}_{letters(r, 4)}", f"wx{some(r, 6)}"]),
        ["微信号：{}", "我微信{}加一下", "加我微信 {}", "微信是{}，通过下", "加V信：{}", "vx {}", "微信号是{}谢谢"],
    ),
    "passport": (lambda r: r.choice("EG") + some(r, 8), ["护照号{}", "护照号是{}丢了", "我的护照：{}，能用吗"]),
    "name": (name_zh, ["我叫{}，想退货", "姓名：{}", "收件人是{}，麻烦改下", "收件人：{} 电话没变", "联系人{}。", "我叫{}今天刚下单", "户名{}，没错", "收货人姓名：{}\n谢谢", "我叫{}谢谢"]),
    "address": (address_zh, ["寄到{}谢谢", "地址：{}", "我住在{}", "收货地址是{}，别送错", "{}，请送上门", "改成{}可以吗", "送货地址{}。"]),
    "link-token": (lambda r: letters(r, 10) + some(r, 6), ["打开https://shop.example.com/r?id=7&token={} 重设", "链接 https://example.com/a?access_token={}&x=1"]),
    "device": (
        lambda r: (lambda b: b + luhn_digit(b))("35" + some(r, 12)),
        ["IMEI：{}", "串号是{}请查", "IMEI {} 激活不了", "手机串号{}"],
    ),
}  # fmt: skip
EN: Plants = {
    "phone": (phone_en, [*EN_ANY, "call me on {}", "my number is {}.", "Phone: {}", "ring {} after 5"]),
    "mobile": (lambda r: r.choice(["1" + some(r, 10, "3578"), f"+86 1{some(r, 10, '3578')}"]), [*EN_ANY, "my cell is {}", "WhatsApp {} please"]),
    "bank-card": (bank_card, [*EN_ANY, "card number {} was declined", "my card is {}"]),
    "iban": (iban, [*EN_ANY, "My IBAN is {}", "account {} please"]),
    "email": (email, [*EN_ANY, "email me at {}", "my e-mail: {}"]),
    "ip": (ip, [*EN_ANY, "My IP is {}.", "from address {} since Monday"]),
    "secret": (secret, [*EN_ANY, "my api key {} leaked", "token: {}"]),
    "birth-date": (
        lambda r: (lambda y, m, d: r.choice([f"{d:02}/{m:02}/{y}", f"{y}-{m:02}-{d:02}", f"{d} {MONTHS[m - 1]} {y}", f"{MONTHS[m - 1]} {d}, {y}", f"{d}.{m}.{y}"]))(r.randint(1940, 2020), r.randint(1, 12), r.randint(1, 28)),
        ["DOB: {}", "my date of birth is {}.", "I was born on {}", "born {} in Leeds", "D.O.B. {}, male", "birthday is {}, thanks", "birth date {} please"],
    ),
    "identity-card": (
        lambda r: f"{r.choice([r.randint(100, 665), r.randint(667, 899)])}-{r.randint(10, 99)}-{r.randint(1000, 9999)}",
        ["my SSN is {}", "SSN {} on file", "social security number: {}.", "it is {}, ok?", "{} is my social"],
    ),
    "order-number": (
        lambda r: r.choice([some(r, 8, "123456789"), f"AB-{some(r, 7)}", some(r, 7, "34567"), f"#{some(r, 6, '123456789')}", some(r, 16, "27")]),
        ["order number {}, please", "My order {} is late", "order no. {} again", "ticket {} still open?", "Reference number: {}", "booking reference {}", "account number is {}.", "case {} please"],
    ),
    "tracking-number": (tracking, [*EN_ANY, "tracking number {}", "parcel {} is lost"]),
    "chat-account": (
        lambda r: r.choice([letters(r, 5) + some(r, 3), f"{letters(r, 4)}_{letters(r, 4)}"]),
        ["my WeChat is {}", "WeChat ID: {}", "add me on WhatsApp: {}", "telegram {} works", "my Instagram is {}"],
    ),
    "passport": (lambda r: some(r, 9, "12345"), ["passport number {}", "My passport is {}.", "passport no. {} expired"]),
    "name": (name_en, ["My name is {}.", "my name is {} and I moved", "This is {} speaking", "Dear {},", "Hello, this is {} from Leeds", "Full name: {}", "Hi {}, thanks", "The account holder is {}."]),
    "address": (address_en, ["send it to {} please", "I live at {}.", "Address: {}", "{} is where I moved", "deliver to {}, thanks"]),
    "link-token": (lambda r: letters(r, 10) + some(r, 6), ["open https://shop.example.com/r?id=7&token={} to reset", "https://example.com/a?access_token={}&x=1 fails"]),
    "device": (lambda r: (lambda b: b + luhn_digit(b))("35" + some(r, 12)), ["IMEI {} please", "The IMEI is {}.", "IMEI: {}"]),
}  # fmt: skip

# What looks like a number of somebody and is none. {n} are digits drawn by lot.
HARD_ZH: list[Callable[[Random], str]] = [
    lambda r: f"订单{r.randint(2, 9)}0000件起批，第{r.choice('二三四')}单元的题，QQ一{r.choice('二三四五')}天登不上",
    lambda r: f"{r.randint(2023, 2025)}年{r.randint(1, 12)}月{r.randint(1, 28)}日的生日会，{r.randint(2, 9)}单元楼",
    lambda r: f"一共{r.randint(1, 99999)}.{r.randint(10, 99)}元，满{r.randint(100, 999)}减{r.randint(10, 99)}",
    lambda r: f"买了{r.randint(10000, 9999999)}个，单价{r.randint(1, 99)}块",
    lambda r: f"{r.randint(2015, 2026)}-{r.randint(1, 12):02}-{r.randint(1, 28):02} {r.randint(0, 23):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}下的单",
    lambda r: f"{r.randint(2015, 2026)}年{r.randint(1, 12)}月{r.randint(1, 28)}日{r.randint(0, 23)}点发货",
    lambda r: f"型号{letters(r, 2, 'ABCDEFGHJK')}-{some(r, 4)}{letters(r, 1, 'ABC')}，内存{r.choice([8, 16, 256, 512])}GB",
    lambda r: f"尺寸{r.randint(100, 2000)}x{r.randint(100, 2000)}x{r.randint(100, 2000)}毫米，重{r.randint(1, 99)}.{r.randint(1, 9)}kg",
    lambda r: f"坐标{r.randint(20, 45)}.{some(r, 6)},{r.randint(90, 130)}.{some(r, 6)}",
    lambda r: f"时间戳{r.randint(1500000000, 1799999999)}，毫秒{r.randint(1500000000000, 1799999999999)}",
    lambda r: f"固件版本{r.randint(1, 9)}.{r.randint(0, 9)}.{r.randint(0, 99)}.{r.randint(0, 99)}，升级到V{r.randint(1, 9)}.{r.randint(0, 9)}.{r.randint(0, 9)}.{r.randint(0, 9)}",
    lambda r: f"打{r.choice(['10086', '10010', '95588', '95533', '12315', '400-' + some(r, 3) + '-' + some(r, 4), '400' + some(r, 7), '800-' + some(r, 3) + '-' + some(r, 4)])}客服",
    lambda r: f"商品编号{some(r, 12, '123456')}，条码69{some(r, 11)}",
    lambda r: f"见 https://item.example.com/{some(r, 12, '123456')}.html?sku={some(r, 11, '1')}&page={r.randint(1, 9)}",
    lambda r: f"[订单x]的[数字x]件，[电话x]联系，{r.choice(['<phone>', '[地址x]', '138****' + some(r, 4)])}",
    lambda r: f"{r.randint(3, 7)}-{r.randint(8, 15)}个工作日，{r.randint(1, 30)}天内，尾号{some(r, 4)}的卡",
    lambda r: f"第{some(r, 5, '123')}期，{r.randint(1, 12)}号线{r.choice('ABCD')}口，{r.randint(1, 28)}号发货",
    lambda r: f"我叫{r.choice(['不出来', '了快递', '外卖', '过客服'])}，联系人是{r.choice(['谁', '我', '本人'])}，姓名{r.choice(['写错了', '改不了', '不对'])}",
    lambda r: f"{r.choice(['北京', '上海浦东新区', '广州市', '江苏省苏州市'])}能送吗，{r.choice(['人民路', '解放路'])}那家店几点关门",
    lambda r: f"微信支付{r.randint(10, 999)}元失败，QQ会员{r.randint(1, 12)}个月，支付宝{r.randint(100, 999)}",
    lambda r: f"密码{r.choice(['忘了', '是多少', '错误怎么办', '不对'])}，验证码{r.choice(['收不到', '过期了', '没发来'])}",
    lambda r: f"ISBN 978-7-111-54493-7，定价{r.randint(10, 99)}.00，第{r.randint(1, 9)}版",
]  # fmt: skip
HARD_EN: list[Callable[[Random], str]] = [
    lambda r: f"It was ${r.randint(1, 9)},{some(r, 3)}.99, now {r.randint(100, 999)} dollars",
    lambda r: f"We ordered {r.randint(10000, 9999999)} units at £{r.randint(1, 99)}.50 each",
    lambda r: f"on {r.randint(2015, 2026)}-{r.randint(1, 12):02}-{r.randint(1, 28):02} at {r.randint(0, 23):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}",
    lambda r: f"{r.randint(1, 12):02}/{r.randint(1, 28):02}/{r.randint(2015, 2026)} or {r.randint(1, 28)}.{r.randint(1, 12)}.{r.randint(2015, 2026)}",
    lambda r: f"model {letters(r, 2, 'ABCDEFGHJK')}-{some(r, 4)}{letters(r, 1, 'ABC')} with {r.choice([8, 16, 256, 512])} GB",
    lambda r: f"size {r.randint(100, 2000)} x {r.randint(100, 2000)} x {r.randint(100, 2000)} mm",
    lambda r: f"at {r.randint(20, 45)}.{some(r, 6)}, -{r.randint(90, 130)}.{some(r, 6)}",
    lambda r: f"timestamp {r.randint(1500000000, 1799999999)} and {r.randint(1500000000000, 1799999999999)}",
    lambda r: f"firmware {r.randint(1, 9)}.{r.randint(0, 9)}.{r.randint(0, 99)}.{r.randint(0, 99)}, version {r.randint(10, 19)}.{r.randint(0, 9)}.{r.randint(0, 9)}.{r.randint(0, 9)}",
    lambda r: f"call {r.choice(['1-800-', '1-888-', '1-877-'])}{some(r, 3)}-{some(r, 4)} or 0800 {some(r, 3)} {some(r, 4)}",
    lambda r: f"SKU {some(r, 12, '123456')}, EAN 40{some(r, 11)}",
    lambda r: f"see https://item.example.com/{some(r, 12, '123456')}.html?sku={some(r, 11, '1')}&page={r.randint(1, 9)}",
    lambda r: f"{r.choice(['<phone>', '[name]', '{{order}}', '[order number]'])} and card ending in {some(r, 4)}",
    lambda r: f"within {r.randint(3, 7)}-{r.randint(8, 15)} working days, {r.randint(1000, 9999)} points",
    lambda r: f"Dear {r.choice(['Customer', 'Sir or Madam', 'Team', 'all', 'valued customer'])}, my name is {r.choice(['on the list', 'wrong', 'not shown'])}",
    lambda r: f"Hi {r.choice(['there', 'team', 'all', 'again'])}, this is {r.choice(['great', 'not working', 'the third time', 'Monday'])}",
    lambda r: f"Do you ship to {r.choice(['London', 'New York', 'Leeds, UK'])}? The {r.choice(['Main', 'Oak'])} Street shop is closed",
    lambda r: f"I have {r.randint(2, 9)} routers and a {r.choice([2, 500])} gb hard drive, {r.randint(2, 9)} of them on the high street",
    lambda r: f"my password is {r.choice(['wrong', 'not accepted', 'forgotten'])}, the code {r.choice(['never came', 'expired'])}",
    lambda r: f"order {r.randint(2, 9)}0000 of them, page {some(r, 5, '123456')}, my login is {r.choice(['broken', 'not accepted', 'wrong', 'expired'])}",
    lambda r: f"a flat {r.randint(5, 40)} pounds, flat {r.randint(10, 60)}% off, the birthday sale is on {r.randint(1, 28)} May {r.randint(2023, 2025)}",
    lambda r: f"order {r.randint(10, 99)} boxes, in case {r.randint(2, 9)} break, account for {r.randint(10, 90)} % of it",
]  # fmt: skip


def cases(language: str, kind: str, count: int, seed: int, of: Mapping[str, Plants] | None = None) -> Iterator[Case]:
    """Yield `count` texts with one planted value of `kind`, as `of` has them by language (default: ZH and EN)."""
    random = Random(f"{seed}/{language}/{kind}")
    make, sentences = (of or {"zh": ZH, "en": EN})[language][kind]
    for place in range(count):
        value, sentence = make(random), sentences[place % len(sentences)]
        start = sentence.index("{}")
        yield Case(sentence.replace("{}", value), kind, start, start + len(value))


def negatives(language: str, count: int, seed: int) -> Iterator[Case]:
    """Yield `count` texts that hold nothing of anybody."""
    random = Random(f"{seed}/{language}")
    makers = HARD_ZH if language == "zh" else HARD_EN
    for place in range(count):
        yield Case(makers[place % len(makers)](random), "")
