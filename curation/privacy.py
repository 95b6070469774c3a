r"""Personal data: found with checksums where a number has one, right inside Chinese text, and masked by its kind.

``\b`` never matches between a Han character and a digit (both are word characters), so the borders here are
"no digit before, no digit after" instead. Candidates are picked by a fast expression; Python looks only at those.
Specimen numbers of the standards: GB 11643 (identity card, check digit by ISO 7064 MOD 11-2), ISO/IEC 7812 (bank
card, Luhn), ISO 13616 (IBAN, MOD 97).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl

from curation.checks.registry import by_distinct


@dataclass(frozen=True)
class Kind:
    """One kind of personal data: the words that mask it, a cheap guard, the pattern, and a check of the match."""

    zh: str
    en: str
    guard: str  # regex without look-around, for Polars; every text with a match must pass it
    pattern: re.Pattern[str]  # group 1, where there is one, is what gets masked
    valid: Callable[[str], bool] = lambda _: True
    not_after: str = ""  # words right before a match that make it something else


def luhn(text: str) -> bool:
    """Check the Luhn digit of a card number of 13 to 19 digits; spaces and dashes do not count."""
    digits = [int(c) for c in text if c.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = (d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(reversed(digits)))
    return sum(doubled) % 10 == 0


def identity_card(text: str) -> bool:
    """Check date and check digit of an 18-digit Chinese identity card number."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    month, day = int(text[10:12]), int(text[12:14])
    check = "10X98765432"[sum(int(c) * w for c, w in zip(text, weights, strict=False)) % 11]
    return 1 <= month <= 12 and 1 <= day <= 31 and text[17].upper() == check


def iban(text: str) -> bool:
    """Check an IBAN by MOD 97."""
    plain = text.replace(" ", "").upper()
    digits = "".join(str(int(c, 36)) for c in plain[4:] + plain[:4])
    return 15 <= len(plain) <= 34 and int(digits) % 97 == 1


def _pattern(text: str, flags: re.RegexFlag = re.ASCII) -> re.Pattern[str]:
    """Compile; digits and letters are those of ASCII, as the guards take them."""
    return re.compile(text, re.ASCII | flags)


_ORDER_WORDS = (
    r"(?:订单编号|订单号|订单|单号|编号|工单"
    r"|order(?: number| no\.?| id)?|ticket|account(?: number| no\.?)?|ref(?:erence)?)"
)
_BYTE = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"

KINDS: dict[str, Kind] = {
    "email": Kind(
        "[邮箱]", "[email]", "@",
        _pattern(r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*\.[A-Za-z]{2,24}(?![A-Za-z0-9])"),
    ),
    "identity-card": Kind(
        "[身份证号]", "[ID number]", "[0-9]{17}[0-9Xx]",
        _pattern(r"(?<!\d)[1-9]\d{5}(?:18|19|20)\d{9}[\dXx](?![\dA-Za-z])"), identity_card,
    ),
    "iban": Kind(
        "[银行账号]", "[bank account]", "[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4}",
        _pattern(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"), iban,
    ),
    "device": Kind(
        "[设备号]", "[device number]", "(?i)imei|串号",
        _pattern(r"(?:imei|串号)(?:号|码|是|为|:|：|\s|is|number){0,4}(\d{15})(?!\d)", re.IGNORECASE), luhn,
    ),
    "bank-card": Kind(
        "[银行卡号]", "[card number]", "[0-9](?:[ -]?[0-9]){12,18}",
        _pattern(
            r"(?<!\d)(?<!\d[ -])(?:3[47]\d{2}[ -]?\d{6}[ -]?\d{5}"  # American Express
            r"|[2-6]\d{3}(?:[ -]?\d{4}){2,3}(?:[ -]?\d{1,3})?)(?![ -]?\d)"
        ),
        luhn, "imei|isbn|ean|serial|序列|条码|条形码|串号|商品编",
    ),
    "mobile": Kind(
        "[手机号]", "[phone]", "1[3-9]",
        _pattern(r"(?<!\d)(?<!\d\.)(?:(?:\+|00)?86[ -]?)?1[3-9]\d(?:[ -]?\d{4}){2}(?!\d)"),
    ),
    "phone": Kind(
        "[电话]", "[phone]", "[0-9](?:[ ()./-]{0,3}[0-9]){6}",
        _pattern(
            r"(?<![A-Za-z0-9=])(?<![A-Za-z0-9]-)(?<!\d[/.])(?:"
            r"\+\d{1,3}[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?\d{2,5}(?:[ .-]?\d{2,5}){1,4}"  # international
            r"|\(0?\d{2,4}\)[ -]?\d{3,4}[ -]?\d{3,4}"  # (020) 8765 4321, (202) 555-0134
            r"|0\d{2,3}[ -]\d{7,8}(?:-\d{1,6})?|0\d{10,11}"  # 010-87654321, 02087654321
            r"|\d{3}-\d{3}-\d{4}|\d{3}\.\d{3}\.\d{4}"  # 202-555-0134
            r"|0\d{2} \d{4} \d{4}|0\d{3,4} \d{3} ?\d{3,4}|07\d{3} \d{6}"  # United Kingdom
            r")(?![\d/])"
            r"|(?:电话|座机|致电|拨打)(?:号码|号)?(?:是|为|:|：|\s){0,3}(\d{8})(?![\d/])"  # a local number
        ),
        lambda text: 8 <= sum(c.isdigit() for c in text) <= 18 or text[0] == "(",
    ),
    "ip": Kind(
        "[IP地址]", "[IP address]", r"[0-9]\.[0-9]",
        _pattern(  # what follows the word version is one
            r"(?<![\dvV])(?<!\d\.)(?<!版本)(?<!版本[号 ：:])(?<!ersion )"
            rf"(?:{_BYTE}\.){{3}}{_BYTE}(?!\d|\.\d)"
        ),
        # everybody's addresses are nobody's
        lambda text: not re.match(r"(?:0|10|127|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.", text),
        "版本|version|固件|firmware|系统|ios|android|build|升级到|更新到",
    ),
    "plate": Kind(
        "[车牌号]", "[licence plate]", "[A-Z][·• ]?[A-Z0-9]{5}",
        _pattern(
            r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]"
            r"[A-HJ-NP-Z][·• ]?(?=[A-Z0-9]*\d)[A-HJ-NP-Z0-9]{5,6}(?![A-Za-z0-9])"
        ),
    ),
    "chat-account": Kind(
        "[账号]", "[chat account]", "(?i)微信|weixin|wechat|wx|vx|v信|qq|whatsapp|telegram",
        _pattern(
            r"(?<![A-Za-z])(?:微信|v信|vx|wx)[^A-Za-z0-9。！？!?\n]{0,14}([A-Za-z][A-Za-z0-9_-]{5,19})(?![A-Za-z0-9_])"
            r"|(?<![A-Za-z])(?:weixin|wechat|whatsapp|telegram)(?:id|is|account|:|：|\s){1,6}([A-Za-z][A-Za-z0-9_-]{5,19})(?![A-Za-z0-9_])"
            r"|(?<![A-Za-z])qq(?:号|是|:|：|\s|为){0,4}([1-9]\d{4,10})(?!\d)", re.IGNORECASE,
        ),
        lambda text: any(c.isdigit() for c in text) or "_" in text,
    ),
    "tracking-number": Kind(
        "[运单号]", "[tracking number]", "[A-Z]{2}[0-9]{9}|[0-9]{10}",
        _pattern(r"(?<![A-Za-z0-9])(?:SF|YT|JD|ZTO|STO|YD|EMS|JT|DPK)[A-Z]{0,2}\d{9,15}(?![A-Za-z0-9])|(?<![A-Z0-9])[A-Z]{2}\d{9}[A-Z]{2}(?![A-Z0-9])"),
    ),
    "order-number": Kind(
        "[订单号]", "[order number]", "[0-9]{6}",
        _pattern(
            rf"{_ORDER_WORDS}(?:是|为|:|：|#|，|,|\s|is){{0,4}}([A-Z]{{0,4}}-?\d{{6,24}})(?!\d|\s?(?:元|块|¥|yuan|usd))"
            r"|(?<!\d)(?<!\d\.)(\d{12,24})(?!\d|\.\d)|(?<![A-Za-z0-9])([A-Z]{2,4}-\d{7,14})(?![A-Za-z0-9])",
            re.IGNORECASE,
        ),
        lambda _: True, "isbn|ean|条码|条形码",
    ),
}  # fmt: skip

_LINK = re.compile("https?://[!-~]+|www[.][!-~]+")  # the numbers of a link are part of an address; it must stay whole
_HAN = re.compile("[\u4e00-\u9fff]")


def _replace(text: str, kind: Kind) -> str:
    """Mask every valid match by the word for its kind, in the language of the text."""
    word = kind.zh if _HAN.search(text) else kind.en

    links = [link.span() for link in _LINK.finditer(text)]

    def masked(match: re.Match[str]) -> str:
        group = match.lastindex or 0
        found = match.group(group)
        before = text[max(0, match.start(group) - 14) : match.start(group)]
        other = kind.not_after and re.search(rf"(?:{kind.not_after})[\W_号码是为:：]{{0,4}}$", before, re.IGNORECASE)
        if other or not kind.valid(found) or any(start <= match.start(group) < end for start, end in links):
            return match.group()
        start, end = match.start(group) - match.start(), match.end(group) - match.start()
        return match.group()[:start] + word + match.group()[end:]

    return kind.pattern.sub(masked, text)


def masked(text: pl.Expr, kind: str) -> pl.Expr:
    """Return `text` with every piece of personal data of `kind` (a key of KINDS) masked."""
    settings = KINDS[kind]
    candidates = pl.when(text.str.contains(settings.guard)).then(text)
    return pl.coalesce(by_distinct(candidates, lambda t: _replace(t, settings)), text)


def mask(text: str, kinds: Iterable[str] = KINDS) -> str:
    """Mask all `kinds` of personal data in one text."""
    for kind in kinds:
        text = _replace(text, KINDS[kind])
    return text


def count(texts: pl.Series) -> dict[str, int]:
    """Count what is left of each kind in `texts`: the number of texts with at least one hit."""
    frame = texts.rename("text").to_frame()
    found = frame.select((masked(pl.col("text"), kind) != pl.col("text")).sum().alias(kind) for kind in KINDS).row(
        0, named=True
    )
    return {kind: int(hits or 0) for kind, hits in found.items()}
