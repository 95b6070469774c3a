"""A short message that answers a question for personal data.

张伟 after 请问您贵姓, 7720454 after "order number please", 14/03/1986 after "your date of birth?".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl

from curation.checks.alternatives import matches
from curation.checks.wording import regex
from curation.late import late
from curation.privacy import names
from curation.privacy.numbers import DAY, digits, timestamp
from curation.privacy.patterns import Hit
from curation.privacy.words import WORDS

LONGEST = 80  # characters of a message that is taken for such an answer

ASKS: dict[str, str] = {
    "order-number": (
r"(?i)订单号|订单编号|单号|编号|会员号|order (?:number|no|id|#)|reference|booking|account "
r"(?:number|no)|ticket (?:number|no|id)|confirmation|case (?:number|no|id)|customer (?:number|id)"
r"|invoice (?:number|no)"
),
    "phone": r"(?i)手机号|电话|联系方式|号码|phone|mobile|contact number|reach you|number to call|call you back",
    "name": (
r"(?i)贵姓|怎么称呼|如何称呼|叫什么名字|(?:您的?|你的?|提供|告知|报|发|收件人|联系人|收货人|患者|病人|就诊人"
r"|当事人|对方|孩子)"
r"[^。？?，,\n]{0,8}(?:姓名|名字)|(?:your|patient['’]?s|child['’]?s|client['’]?s"
r"|the other party['’]?s) (?:full |first |last |sur)?name"
r"|name please|may i have (?:your|the) name|name (?:on|for|of) the (?:account|order|booking)"
r"|account holder|who am i (?:speaking|chatting)"
),
    "address": (
r"(?i)(?:提供|告知|报|发|说|填|新的?|收货|收件|详细|您的?|你的?)[^。？?，,\n]{0,8}(?:地址|住址)"
r"|地址(?:是|发|多少|在哪)|哪个小区|(?:delivery|shipping|billing|home|street|postal|mailing|full"
r"|your|the"
r"|new) address|where do you live|post ?code|zip"
),
    "chat-account": r"(?i)微信号?|QQ号?|wechat|whatsapp",
    "record-number": (
r"(?i)病历号|病案号|住院号|门诊号|就诊卡|诊疗卡|医保卡?号|社保卡?号|案号|工号|学号|NHS (?:number|no)|MRN"
r"|(?:medical record|patient|hospital|student|employee|docket|Medicare|insurance) (?:number|no|id)"
),
    "birth-date": (
r"(?i)出生(?:日期|年月)|生日|date of birth|birth ?date|\bDOB\b"
r"|when (?:were|was) (?:you|he|she|they|the patient) born"
),
}  # fmt: skip
ASKED = frozenset(ASKS)  # the kinds that a short message may answer with
ANY = regex(*ASKS.values(), sure=True)

_NUMBER = late(
    r"\W*(?:(?:it'?s|it is|its|here|是|我的|号码|就是|订单号|单号|number"
    r"|my|order|is|sure|yes|ok|okay|the|好的?|嗯)[\s:：,，.]*){0,5}"
    r"(?P<value>[A-Za-z]{0,6}-?[0-9][0-9A-Za-z]*(?:[ -][0-9A-Za-z]*[0-9])*)\W*(?:thanks|thank you|谢谢"
    r"|please|的|这个)?\W*",
    re.IGNORECASE,
)
_PART = late(r"[^,，;；\n]+")
_DAY = late(rf"(?<![0-9]){DAY}", re.IGNORECASE)
_HAN_NAME = late(r"(?:我?(?:叫|姓|是)|免贵姓?|姓名|[:：])?\s*")
_EN_NAME = late(
    r"\W*(?i:(?:it'?s|it is|sure|yes|ok|my name is|name is|this is|i'?m|name|yeah|hi)[\s:,.]*){0,3}"
    r"(?P<value>[A-Za-z][A-Za-z'’-]+(?: (?:[A-Z]\.?|[A-Za-z][A-Za-z'’-]+)){0,2})\W*"
)
# A place and the number of a house, and none of the words that make a sentence.
_HAN_ADDRESS = late(
    "(?=.*[省市区县镇乡村路街道巷弄])(?=.*[0-9一二三四五六七八九十](?:号|栋|幢|楼|室|单元|弄|组|队|-?[0-9]))"
    "(?!.*[您你我请不吗呢哈哟的了在是要能会没])"
)
_EN_ADDRESS = late(r"[0-9]{1,5}[A-Za-z]? [A-Za-z][A-Za-z .'-]+(?:,.*)?$")
_ACCOUNT = late(
    r"\W*(?:是|我的|微信号?|qq号?|[:：]|\s){0,4}(?P<value>[A-Za-z0-9][A-Za-z0-9_-]{4,20})\W*", re.IGNORECASE
)


def asked(texts: pl.Series) -> pl.Series:
    """Return what each text asks for: a bit for each kind, in the order of ASKS. None reaches over a line end."""
    likely = texts.alias("text").to_frame().with_row_index("row").filter(matches(texts, ANY))
    told = [
        matches(likely["text"], regex(pattern, sure=True)).cast(pl.UInt8) * (1 << bit)
        for bit, pattern in enumerate(ASKS.values())
    ]
    found = likely.select("row", bits=pl.sum_horizontal(told).cast(pl.UInt8))
    return pl.repeat(0, len(texts), dtype=pl.UInt8, eager=True).scatter(found["row"], found["bits"])


def kinds(bits: pl.Series) -> pl.Series:
    """Return the kinds that `asked` tells, joined by spaces; null for none."""
    names = {
        told: " ".join(kind for bit, kind in enumerate(ASKS) if told >> bit & 1) for told in range(1, 1 << len(ASKS))
    }
    return bits.replace_strict(names, default=None, return_dtype=pl.String)


def reply(text: str, kinds: str) -> Iterator[Hit]:
    """Find in a short message what the message before it asked for; a day of birth stands beside a name or a number."""
    day = _DAY.search(text) if "birth-date" in kinds else None
    if not day:
        yield from _reply(text, kinds)
        return
    yield Hit(*day.span(), "birth-date", re.sub(r"[^A-Za-z0-9]", "", day.group()).upper())
    for start, end in ((0, day.start()), (day.end(), len(text))):
        for part in _PART.finditer(text, start, end):
            for hit in _reply(part.group(), kinds):
                yield hit._replace(start=hit.start + part.start(), end=hit.end + part.start())


def _reply(text: str, kinds: str) -> Iterator[Hit]:
    whole = _NUMBER.fullmatch(text)
    number = digits(whole["value"]) if whole else ""
    if (
        whole
        and ("order-number" in kinds or "record-number" in kinds or "phone" in kinds)
        and len(number) >= 5
        and not timestamp(number)
        and not WORDS.public_number.fullmatch(number)
    ):
        phone = "phone" in kinds and (7 <= len(number) <= 13) and "-number" not in kinds
        yield Hit(
            *whole.span("value"),
            "phone" if phone else "record-number" if "record-number" in kinds else "order-number",
            re.sub(r"[^A-Za-z0-9]", "", whole["value"]).upper(),
        )
    if "name" in kinds:
        yield from _name(text)
    if (
        "address" in kinds
        and (_HAN_ADDRESS.match(text) or _EN_ADDRESS.fullmatch(text.strip()))
        and not re.search("[?？吗]", text)
    ):
        stripped = text.strip()
        start = text.index(stripped)
        yield Hit(start, start + len(stripped), "address", re.sub(r"[\W_]+", "", stripped).casefold())
    if "chat-account" in kinds:
        account = _ACCOUNT.fullmatch(text)
        if account and any(c.isdigit() for c in account["value"]):
            yield Hit(*account.span("value"), "chat-account", account["value"].casefold())


def _name(text: str) -> Iterator[Hit]:
    lead = _HAN_NAME.match(text)
    start = lead.end() if lead else 0
    end = names.person(text, start, sure=False)
    if end and re.match(r"[\s,，。.!！~～]|$|[0-9]", text[end:]) and text[start:end] not in WORDS.not_names:
        yield Hit(start, end, "name", text[start:end])
        return
    match = _EN_NAME.fullmatch(text)
    if match:
        words = match["value"].split(" ")
        if words[0].casefold() in WORDS.first_names or (len(words) > 1 and all(w[0].isupper() for w in words)):
            yield Hit(*match.span("value"), "name", match["value"].casefold())
