r"""Numbers of persons: shapes and checksums.

``\b`` never matches between a Han character and a digit (both are word characters), so borders here are "no digit
before, no digit after". Everything looks at flat text: one character for one of the text, full-width digits and
digits said in Chinese (一三八…) made ASCII, so that places are the same in both.
Sources: GB 11643 (identity card, check digit by ISO 7064 MOD 11-2), ISO/IEC 7812 (cards, Luhn), ISO 13616 (IBAN,
MOD 97), ITU E.164 as phonenumbers knows it, python-stdnum for the rest.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
import string
from collections.abc import Callable, Iterable
from itertools import pairwise

from curation.late import late
from curation.privacy.patterns import Finder, Hit
from curation.privacy.words import WORDS

_WIDE = {code + 0xFEE0: code for code in range(0x21, 0x7F)} | {0x3000: 0x20}
_HAS_WIDE = late("[\uff01-\uff5e\u3000]")
_SAID = {ord(char): str(digit) for digit, char in enumerate("零一二三四五六七八九")} | {ord("〇"): "0", ord("幺"): "1"}
SAID_RUN = r"[零〇一二三四五六七八九幺](?:[ 、,，-]?[零〇一二三四五六七八九幺]){6,}"
_SAID_RUN = late(SAID_RUN)


def flat(text: str) -> str:
    """Return `text` with full-width characters and digits said in Chinese made ASCII, character for character."""
    if text.isascii():
        return text
    if _HAS_WIDE.search(text):
        text = text.translate(_WIDE)
    return _SAID_RUN.sub(lambda run: run.group().translate(_SAID).replace("、", " ").replace("，", " "), text)


def digits(text: str) -> str:
    """Return only the digits of `text`."""
    return text if text.isascii() and text.isdigit() else _NO_DIGITS.sub("", text)


_NO_DIGITS = late("[^0-9]+")


# --- checksums ----------------------------------------------------------------------------------------------------


def luhn(text: str) -> bool:
    """Check the Luhn digit of a card number of 13 to 19 digits; spaces and dashes do not count."""
    plain = digits(text)
    if not 13 <= len(plain) <= 19 or len(set(plain)) == 1:
        return False
    backwards = plain[::-1]
    figures = (backwards[::2] + backwards[1::2].translate(_DOUBLED)).encode()
    return (sum(figures) - len(figures) * ord("0")) % 10 == 0


_DOUBLED = str.maketrans("0123456789", "0246813579")  # twice the digit, the digits of that added up


def identity_card(text: str) -> bool:
    """Check date and check digit of an 18-digit Chinese identity card number."""
    plain = re.sub(r"[ -]", "", text).upper()
    if len(plain) != 18 or not _date(plain[6:14]):
        return False
    from stdnum.iso7064 import mod_11_2

    return bool(mod_11_2.is_valid(plain))


def iban(text: str) -> bool:
    """Check an IBAN: its country's shape and MOD 97, which comes first, since hardly anything passes it."""
    plain = text.replace(" ", "")
    if plain.isascii() and plain.isalnum() and int((plain[4:] + plain[:4]).translate(_VALUES)) % 97 != 1:
        return False
    from stdnum import iban as standard

    return bool(standard.is_valid(text, check_country=False))


_VALUES = {ord(char): str(int(char, 36)) for char in string.ascii_letters}  # ten for A, 35 for Z


def _date(text: str) -> bool:
    """Tell whether the first eight digits are a date between 1800 and 2099."""
    try:
        return 1800 <= datetime.date(int(text[:4]), int(text[4:6]), int(text[6:8])).year < 2100
    except ValueError:
        return False


def timestamp(text: str) -> bool:
    """Tell whether digits are a time: 20240616, 20240616085236 (with or without thousandths), or Unix time."""
    if len(text) in (8, 12, 14, 17) and text[:2] in ("19", "20") and _date(text):
        clock = text[8:14].ljust(6, "0")
        return int(clock[:2]) < 24 and int(clock[2:4]) < 60 and int(clock[4:6]) < 60
    return (len(text) == 10 and "1000000000" <= text < "2000000000") or (
        len(text) == 13 and "1000000000000" <= text < "2000000000000"
    )


# --- what stands around a number ----------------------------------------------------------------------------------

# What stands before a number is read backwards: `re` would try every word at every place to find none at the end.
_END = r"\n?\s?"
_ALIKE = {"i": "İı", "k": "\u212a", "s": "ſ"}  # what `re` takes for a letter where case does not matter
_OTHER = late(rf"{_END}(?:si|era)?[\s_号码是为:：()（）#.-]{{0,4}}{WORDS.not_personal_backwards}", re.IGNORECASE)
_UNIT = late(
    r"\s?(?:元|块|¥|￥|%|％|个|件|台|箱|条|只|次|天|小时|分钟|秒|公里|千米|米|斤|公斤|吨|人民币|多?人|"
    r"(?:yuan|usd|rmb|dollars?|euros?|pounds?|units?|pcs|pieces|items|days?|hours?|km|kg|mb|gb|ms"
    r"|people|times|points?)\b)",
    re.IGNORECASE,
)
_MONEY = late(rf"{_END}(?:[¥￥$€£]|BMR|DSU|\$KH)", re.IGNORECASE)
# What stands right before a number, white space left out, where those patterns match: most numbers need no more look.
_BEFORE_MONEY = frozenset("¥￥$€£BbDd")
_BEFORE_OTHERS = _BEFORE_MONEY | frozenset(
    char
    for one in ("_号码是为:：()（）#.-", "seſ", *WORDS.not_personal_ends)
    for letter in one
    for char in (letter, letter.lower(), letter.upper(), *_ALIKE.get(letter.lower(), ""))
)


def _quantity(text: str, start: int, end: int) -> bool:
    """Tell whether the number is money, a quantity, or something that is called by a number."""
    if _UNIT.match(text, end):
        return True
    last = text[start - 1 : start]
    if last not in _BEFORE_OTHERS and not last.isspace():
        return False
    before = text[max(0, start - 24) : start][::-1]
    return bool(_MONEY.match(before) or _OTHER.match(before))


def _public(number: str) -> bool:
    """Tell whether digits are a public service number (hotline, free of charge, emergency)."""
    return WORDS.public_number.fullmatch(number) is not None


# --- announced by a word ------------------------------------------------------------------------------------------

_GAP = r"(?P<gap>(?:(?:是|为|就是|号码?|尾号|分别|[:#\s,，。(（=]|-|is|was|are|'s|number|no\.?|num|on|at)){0,6}?)"
_VALUE = r"(?P<value>[A-Za-z]{0,6}[-_]?[0-9][A-Za-z0-9]*(?:[-_/][A-Za-z0-9]+)*(?:(?: |(?<=[0-9])-)[0-9]{3,}){0,5})"
_MARK = late(
    r"[:#=]|号|编码|[Rr]ef(?:erence)?\b|locator|confirmation|[Nn](?:umber|o\b|um\b)|ID|\bid\b|code|\bis\b|是|PNR|RMA"
)

_NUMBERED = late(r"号$|编号|号码|(?:number|no\.?|num|#)$", re.IGNORECASE)


def _announced(cue: str, value: str = _VALUE) -> re.Pattern[str]:
    return late(rf"(?P<cue>{WORDS.cues[cue]}){_GAP}(?<![A-Za-z0-9]){value}(?![A-Za-z0-9])", re.IGNORECASE)


_ORDER = _announced("order-number")
_ORDER_WORD = _announced("order-word", r"(?P<value>[A-Za-z]{0,4}-?[0-9]{5,24})")
_TRACKING = _announced(
    "tracking-number", r"(?P<value>[A-Za-z]{0,5}[ -]?[0-9][0-9A-Za-z]*(?:[ -](?=[A-Za-z]{0,2}[0-9])[0-9A-Za-z]+)*)"
)
_PHONE = _announced("phone", r"(?P<value>\+?\(?[0-9](?:[ ().-]{0,2}[0-9]){6,13})")
_PASSPORT = _announced("passport", r"(?P<value>[A-Za-z]{0,3}[0-9]{5,10}[A-Za-z]?|[A-Za-z][A-Za-z0-9][0-9]{6,8})")
_TAX = _announced("tax-number", r"(?P<value>[A-Za-z]{0,3} ?[0-9](?:[ .-]?[0-9A-Za-z]){6,17})")
_DEVICE = _announced("device", r"(?P<value>[A-Za-z0-9](?:[A-Za-z0-9-]){7,23})")
_NINO = late(r"(?<![A-Za-z0-9])[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D](?![A-Za-z0-9])")
_SSN = late(r"(?<![0-9-])[0-9]{3}[- ][0-9]{2}[- ][0-9]{4}(?![0-9-])")
_ID_SAID = _announced("identity-card", r"(?P<value>[0-9]{15}|[0-9]{9}|[0-9]{3}[- ][0-9]{2}[- ][0-9]{4})")
_DATE_LIKE = late(r"(?:19|20)[0-9]{2}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.](?:19|20)?[0-9]{2}")


ANNOUNCED: dict[str, tuple[str, re.Pattern[str], Callable[[re.Match[str]], bool]]] = {
    "passport": ("passport", _PASSPORT, bool),
    "tax-number": ("tax-number", _TAX, lambda match: len(digits(match["value"])) >= 6),
    "device": ("device", _DEVICE, lambda match: len(digits(match["value"])) >= 4),
    "identity-card": ("identity-card", _ID_SAID, lambda match: _id_said(match)),
    "tracking-number": ("tracking-number", _TRACKING, lambda match: len(digits(match["value"])) >= 6),
    "order-number": ("order-number", _ORDER, lambda match: _order(match)),
    "order-word": ("order-number", _ORDER_WORD, lambda match: _order_word(match["value"])),
}


def _announced_by(cue: str) -> Finder:
    """Return what finds numbers that a word of the list `cue` announces: of orders, parcels, devices and the like."""
    kind, pattern, accept = ANNOUNCED[cue]

    def announced(match: re.Match[str]) -> Iterable[Hit]:
        start, end = match.span("value")
        if accept(match) and not (_dated(match["value"]) or _unit_or_money(match.string, start, end)):
            yield Hit(start, end, kind, _alnum(match["value"]))

    return Finder(pattern, announced)


def _announced_phone(match: re.Match[str]) -> Iterable[Hit]:
    """Telephone numbers that a word announces, local ones included."""
    text, value = match.string, match["value"]
    number = digits(value)
    if number != value and (("(" in value and ")" not in value) or not _grouped(value)):
        return
    start, end = match.span("value")
    known = _public(number) or timestamp(number) or _dated(value) or set(number) == {"0"}
    if 7 <= len(number) <= 14 and not known and not _unit_or_money(text, start, end):
        more = _EXTENSION.match(text, end) if end < len(text) else None
        end = more.end() if more else end
        yield _call(start, end, value)
        while end < len(text) and (more := _ANOTHER.match(text, end)) and len(digits(more["value"])) == len(number):
            end = more.end()
            yield _call(more.start("value"), end, more["value"])


# 电话是67080561、67080562: of as many digits as the one before it
_ANOTHER = late(r" ?(?:[、,，/;；]|或者?|和|及|or |and ) ?(?P<value>[0-9](?:[ -]?[0-9]){6,11})(?![0-9A-Za-z])")
_EXTENSION = late(r"(?:转|-|,? ?(?:转|分机|ext\.? ?|x))[0-9]{1,6}(?![0-9-])")


def _call(start: int, end: int, value: str) -> Hit:
    """Return the hit of a telephone number; 1-836-563-4560 is North American, not a Chinese mobile number."""
    mobile = None if value[1:2] in (" ", ".", "-") and _NORTH.match(value) else _mobile_key(value)
    return Hit(start, end, "mobile" if mobile else "phone", mobile or digits(value))


_NORTH = late(r"1[ .-]\(?[0-9]{3}\)?[ .-]")


def _dated(value: str) -> bool:
    """Tell whether a number is written like a date: with marks in it."""
    return not (value.isascii() and value.isalnum()) and _DATE_LIKE.fullmatch(value) is not None


def _grouped(value: str) -> bool:
    """Tell whether digits are parted as in a number to call: not 10545-5-9-2."""
    parts = [len(part) for part in re.findall("[0-9]+", value.removeprefix("1-").removeprefix("1 "))]
    return len(parts) == 1 or min(parts) > 1 or max(parts) == 1


def _unit_or_money(text: str, start: int, end: int) -> bool:
    if _UNIT.match(text, end):
        return True
    last = text[start - 1 : start]
    return (last in _BEFORE_MONEY or last.isspace()) and bool(_MONEY.match(text[max(0, start - 5) : start][::-1]))


def _id_said(match: re.Match[str]) -> bool:
    number = digits(match["value"])
    return len(number) == 15 or _social(number) or "-" in match["value"]


def _social(number: str) -> bool:
    from stdnum.us import ssn

    return bool(ssn.is_valid(number))


def _order(match: re.Match[str]) -> bool:
    """A number of five digits or more; with letters it wants a mark that it is a number, or looks like one."""
    value = match["value"]
    number = digits(value)
    count, letters = len(number), 0 if number == value else sum(char.isalpha() for char in value)
    if _mobile_key(value) and not _MARK.search(match["cue"] + match["gap"]):
        return False
    if count >= 6 and letters <= 4:
        return True
    marked = _MARK.search(match["cue"] + match["gap"]) is not None
    if not letters and count == 4:  # order number 7720, 订单号1187: only where the word says that it is a number
        return _NUMBERED.search(match["cue"]) is not None
    if not letters:  # order 88231 is one, order 50000 of them is none
        return count >= 6 or (count == 5 and (marked or not value.endswith("00")))
    return marked and (
        (len(value) >= 6 and (count >= 4 or (value == value.upper() and count >= 1))) or (count >= 4 and letters == 1)
    )


# Numbers in somebody's files: what announces each kind, what it looks like, and how many digits it has at least. They
# are looked for together, since Polars would compile a pattern for each.
_FILES: dict[str, tuple[str, re.Pattern[str], int]] = {
    "document": (
        "document-number",
        late(r"[A-Za-z]{0,3}-?[0-9][A-Za-z0-9]*(?:[ -][A-Za-z]{0,2}[0-9][A-Za-z0-9]*){0,4}(?![A-Za-z0-9])"),
        6,
    ),
    "record": (
        "record-number",
        late(r"[A-Za-z]{0,4}[-_]?[0-9][A-Za-z0-9]*(?:[-/][A-Za-z0-9]+){0,3}(?![A-Za-z0-9])"),
        5,
    ),
    "case": ("case-number", late(r"[A-Za-z]{0,4}-?[0-9][A-Za-z0-9]*(?:[-:/][A-Za-z0-9]+){0,5}(?![A-Za-z0-9])"), 5),
    "policy": (
        "policy-number",
        late(r"[A-Za-z]{0,6}[-_]?[0-9][A-Za-z0-9]*(?:[-/ ](?=[A-Za-z]{0,3}[0-9])[A-Za-z0-9]+){0,4}(?![A-Za-z0-9])"),
        5,
    ),
    "vehicle": ("vehicle", late(r"(?i:[A-HJ-NPR-Z0-9]{17})(?![A-Za-z0-9])"), 3),
    "bank": (
        "iban",
        late(r"(?:[0-9]{2}[- ]?[0-9]{2}[- ]?[0-9]{2}|[0-9]{3}-[0-9]{3}|[0-9]{5}-?[0-9]{3}|[0-9]{9})(?![A-Za-z0-9])"),
        6,
    ),
}
_CUES = {
    "document": "document-number",
    "record": "record-number",
    "case": "case-number",
    "policy": "policy-number",
    "vehicle": "vehicle",
    "bank": "bank-code",
}
_FILED = late(
    rf"(?:{'|'.join(f'(?P<{name}>{WORDS.cues[cue]})' for name, cue in _CUES.items())}){_GAP}(?<![A-Za-z0-9])"
    r"(?=[A-Za-z_-]{0,12}[0-9])",
    re.IGNORECASE,
)


def _filed(match: re.Match[str]) -> Iterable[Hit]:
    """Numbers of enough digits that are no date; fewer, but four, behind a mark that it is a number."""
    name = next(name for name in _FILES if match[name])
    kind, pattern, least = _FILES[name]
    found = pattern.match(match.string, match.end())
    if not found:
        return
    value, number = found.group(), digits(found.group())
    said = _MARK.search(match.group()) is not None
    date = value == number and len(number) == 8 and _date(number)
    call = value == number and not said and _mobile_key(value)
    short = len(number) < least and (
        len(number) < 4 or re.fullmatch("(?:19|20)[0-9]{2}", value) or not (said or len(value) >= 8)
    )
    dated = name != "bank" and _dated(value)
    if date or call or dated or short or _unit_or_money(match.string, *found.span()):
        return
    if name != "bank" or _bank_code(number):
        yield Hit(*found.span(), kind, _alnum(value))


def _bank_code(number: str) -> bool:
    """Sort codes and their like as they come; an American routing number by its check digit (ABA: weights 3, 7, 1)."""
    return len(number) != 9 or sum(int(digit) * (3, 7, 1)[place % 3] for place, digit in enumerate(number)) % 10 == 0


def _order_word(value: str) -> bool:
    return _mobile_key(value) is None and not (len(value) == 5 and value.endswith("00"))


def _alnum(value: str) -> str:
    return (value if value.isascii() and value.isalnum() else re.sub(r"[^A-Za-z0-9]", "", value)).upper()


# A day with its month and year; two digits of a year only between marks.
_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*"
DAY = (
    r"(?:(?:19|20)[0-9]{2}[-/. 年][0-9]{1,2}[-/. 月][0-9]{1,2}(?![0-9])[日号]?"
    r"|[0-9]{1,2}[-/.][0-9]{1,2}[-/.](?:19|20)?[0-9]{2}(?![0-9])"
    rf"|[0-9]{{1,2}}(?:st|nd|rd|th)? (?:of )?{_MONTH},? (?:19|20)[0-9]{{2}}(?![0-9])"
    rf"|{_MONTH} [0-9]{{1,2}}(?:st|nd|rd|th)?,? (?:19|20)[0-9]{{2}}(?![0-9])"
    r"|(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01])(?![0-9]))"
)
_BORN = late(
    rf"(?:{WORDS.cues['birth-date']})(?:是|为|在|:|：|\s|,|，|is|was|on|the|-){{0,5}}(?P<value>{DAY})", re.IGNORECASE
)
_BORN_BEFORE = late(rf"(?<![0-9])(?P<value>{DAY})(?=\s?(?:日|号)?(?:出生|生的|生人))", re.IGNORECASE)


# Whose day it is, close before: "he was born on" is also how one writes of those whom everybody knows.
_OURS = late(
    r"(?:^\W*|(?:[我咱]|孩子|宝宝|本人|女儿|儿子|老公|老婆|爸|妈|患者|小朋友|[投被]保人|学生|(?<![a-z])(?:i|we|my|our|son|daughter"
    r"|baby|child|kid|patient|wife|husband|mother|mum|mom|father|dad)(?![a-z]))[^。！？.!?\n]{0,14})$",
    re.IGNORECASE,
)
_TOLD = late("出生于|生于|born", re.IGNORECASE)


def _born(match: re.Match[str]) -> Iterable[Hit]:
    if match.re.pattern == _BORN_BEFORE.pattern or _TOLD.match(match.group()):
        before = match.string[max(0, match.start() - 30) : match.start()]
        if not _OURS.search(before):
            return
    yield Hit(*match.span("value"), "birth-date", _alnum(match["value"]))


BIRTHS = (Finder(_BORN, _born), Finder(_BORN_BEFORE, _born))  # before dates stay: this one names a person


# --- by their shape -----------------------------------------------------------------------------------------------

_ID = late(
    r"(?=[1-9])(?:(?<![0-9])[1-9][0-9]{5}[ -]?(?:18|19|20)[0-9]{2}[ -]?[0-9]{4}[ -]?[0-9]{3}[0-9Xx](?![0-9A-Za-z])"
    r"|(?<![0-9])[1-9][0-9]{5}(?:18|19|20)[0-9]{9}[0-9Xx](?![0-9A-Za-z]))"
)
_PROVINCE = "[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]"
_CASE = late(  # of courts (2016 rules of the Supreme People's Court, and before them), and of arbitration
    rf"(?:[（(〔\[【]\s?)?(?:19|20)[0-9]{{2}}\s?[）)〕\]】]?\s?(?:{_PROVINCE}|最高法?|兵|军)\s?(?:[0-9]{{2,4}}"
    rf"|[\u4e00-\u9fff]{{0,3}})\s?"
    r"[\u4e00-\u9fff]{0,3}[民刑行执商知破赔仲裁申监辖财保特初终再恢][\u4e00-\u9fff]{0,4}\s?第?[0-9]{1,7}\s?(?:-[0-9]+)?(?:号(?:之[一二三四五六七八九十0-9])?)?"
    rf"|(?:(?:{_PROVINCE}|[深穗杭甬])?[\u4e00-\u9fff])劳?人?仲[案裁字办]{{0,2}}[（(〔\[【]?(?:19"
    rf"|20)[0-9]{{2}}[）)〕\]】]?[办字案]{{0,2}}第?[0-9]{{1,7}}号"
)
_DOCKET = late(
    r"(?<![A-Za-z0-9])(?:[0-9]{1,2}:[0-9]{2}-(?:cv|cr|mc|md|bk|ap|mj|misc)-[0-9]{4,6}(?:-[A-Z]{2,4}){0,3}"
    r"|(?:19|20)?[0-9]{2}-(?:cv|cr|md|bk|dr|fl|pr|jv|civ)-[0-9]{3,8}|(?:cv|cr|dr|kb|qb|cl|hc|bl|ad)-?(?:19"
    r"|20)?[0-9]{2}-[0-9]{4,7})(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_MBI = late(  # Medicare beneficiary identifier: no S, L, O, I, B, Z
    r"(?<![A-Za-z0-9-])[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-[AC-HJKMNP-RT-Y]{2}[0-9]{2}"
    r"(?![A-Za-z0-9-])"
)
_IBAN = late(r"(?=[A-Z])(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_IBAN_ANY = late(r"(?=[A-Za-z])(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}[A-Za-z0-9]{11,30}(?![A-Za-z0-9])")
_VAT = late(
    r"(?=[ABCDEFHILMNPRS])(?<![A-Za-z0-9])(?:AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI"
    r"|SK)[0-9A-Z]{8,12}(?![A-Za-z0-9])"
)
_MAC = late(r"(?=[0-9A-Fa-f]{2}[:-])(?<![0-9A-Fa-f:-])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![0-9A-Fa-f:-])")
_CARD = late(
    r"(?=[2-6])(?<![0-9A-Za-z])(?<![0-9][ -])(?:3[47][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{5}"  # American Express
    r"|[2-6][0-9]{3}(?:[ -]?[0-9]{4}){2,3}(?:[ -]?[0-9]{1,3})?)(?![ -]?[0-9])"
)
_MOBILE = late(
    r"(?=[+(018])(?<![0-9])(?<![0-9][.])(?:(?:\+|00)?\(?86\)?[ -]{0,2})?(?P<number>1[3-9](?:[0-9]{9}"
    r"|[0-9][ .–-][0-9]{4}[ .–-][0-9]{4}|[0-9][ –-]{1,3}[0-9]{4}[ –-]{1,3}[0-9]{4}|[0-9][ -][0-9]{3}[ -][0-9]{5}"
    r"|[0-9]{2}[ -][0-9]{3}[ -][0-9]{4}|[0-9]{2}[ -][0-9]{4}[ -][0-9]{3}|[0-9][ -][0-9]{8}|[0-9]{5}[ -][0-9]{4}"
    r"|[0-9](?:[ -][0-9]{2}){4}|[0-9](?: [0-9]{3}){2} [0-9]{2})"
    r"|1[ -][3-9](?:[ -][0-9]){9})(?![0-9])(?!\.[0-9])"
)
_AREA = r"0(?:10|2[0-9]|[3-9][0-9]{2})"
_LANDLINE = (
    rf"(?:\({_AREA}\)|{_AREA})[ –-]{{1,2}}[2-8][0-9]{{2,3}}[ –-]?[0-9]{{4}}|\({_AREA}\)[2-8]"
    rf"[0-9]{{6,7}}|0[0-9]{{10,11}}"
)
_SHAPED = late(
    r"(?=[+(0-9])(?<![A-Za-z0-9=])(?<![A-Za-z0-9]-)(?<![0-9][/.])(?:"
    r"(?P<plus>(?:\+|00)[1-9][0-9]{0,2}[ .-]?(?:\(0?[0-9]{1,4}\)[ .-]?)?[0-9]{1,5}(?:[ .-]?[0-9]{2,5}){1,4})"
    rf"|(?P<landline>(?:{_LANDLINE})(?:(?:转|-|, ?| )?(?:分机|ext\.? ?|x)?(?<=[转机t.xX -])[0-9]{{1,6}})?)"
    r"|(?P<north>(?:1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-. ])[2-9][0-9]{2}[-. ][0-9]{4})"
    r"|(?P<bracket>\(0?[0-9]{2,4}\)[ -]?[0-9]{3,4}[ -]?[0-9]{3,4})"
    r"|(?P<kingdom>0[0-9]{2} [0-9]{4} [0-9]{4}|0[0-9]{3} [0-9]{3} ?[0-9]{3,4}|0[0-9]{4} [0-9]{3} ?"
    r"[0-9]{3}|07[0-9]{3} ?[0-9]{6})"
    r")(?![0-9/])(?!\.[0-9])(?!-[0-9])"
)
_STAYS = late(  # what all begin with is asked first: `re` tries alternatives one by one, at every character
    r"(?=[0-9¥￥$€£])(?:(?:19|20)[0-9]{2}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}(?:日|号)?(?:[ T]?[0-9]{1,2}:[0-9]{2}(?::"
    r"[0-9]{2})?(?:\.[0-9]+)?)?"
    r"|(?<![0-9A-Za-z:])[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?![0-9A-Za-z:])"
    r"|(?<![0-9.])[0-9]{1,3}\.[0-9]{3,}(?![0-9.])"
    r"|(?<![0-9,])[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?(?![0-9,])"
    r"|[¥￥$€£] ?[0-9][0-9.,]*"
    r"|(?<![0-9])[0-9]+(?:\.[0-9]+)? ?[x×X*] ?[0-9]+(?:\.[0-9]+)?(?: ?[x×X*] ?[0-9]+(?:\.[0-9]+)?)?(?![0-9]))"
)
_ISBN = late(r"(?=9)(?<![0-9])97[89](?:[ -]?[0-9]){10}(?![0-9])")
_PARCEL = late(
    (
        r"(?<![A-Za-z0-9])(?:(?:SF|YT|JD|JDVB|JDX|ZTO|STO|YD|YUNDA|EMS|JT|DPK|KY|YZ|HTKY|TT)[A-Z]{0,2}"
        r"[0-9]{9,15}|1Z[A-Z0-9]{6}[0-9]{10}|[A-Z]{2}[0-9]{9}[A-Z]{2})(?![A-Za-z0-9])"
    ),
    re.IGNORECASE,
)
_LONG = late(r"(?=[0-9A-Z])(?<![A-Za-z0-9])(?<![0-9]\.)(?:[0-9]{12,24}|[A-Z]{2,4}-[0-9]{7,14})(?![A-Za-z0-9]|\.[0-9])")
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_V4 = late(
    r"(?=[0-9])(?<![0-9vV])(?<![0-9]\.)(?<!版本)(?<!版本[号 ：:])(?<!ersion )(?:"
    rf"{_BYTE}\.){{3}}{_BYTE}(?![0-9]|\.[0-9])"
)
_V6 = late(
    r"(?<![0-9A-Fa-f.])(?<![0-9A-Fa-f]:)(?:[0-9A-Fa-f]{1,4}:|:(?=:))(?:[0-9A-Fa-f]{0,4}:){1,7}"
    r"[0-9A-Fa-f]{0,4}(?![0-9A-Za-z:])"
)


def _valid(kind: str, valid: Callable[[str], object]) -> Callable[[re.Match[str]], Iterable[Hit]]:
    """Return what takes a match for a hit of `kind` where it is valid."""
    return lambda match: (_hit(match, kind),) if valid(match.group()) else ()


def _vat(text: str) -> bool:
    from stdnum.eu import vat  # loads every country: only where one is in sight

    return bool(vat.is_valid(text))


def _hit(match: re.Match[str], kind: str) -> Hit:
    return Hit(match.start(), match.end(), kind, _alnum(match.group()))


def _stay(match: re.Match[str]) -> Iterable[Hit]:
    return (Hit(match.start(), match.end(), "", ""),)


def _book(match: re.Match[str]) -> Iterable[Hit]:
    from stdnum import isbn

    return _stay(match) if isbn.is_valid(match.group()) else ()


def _card(match: re.Match[str]) -> Iterable[Hit]:
    """Bank cards: Luhn digit, an issuer's first digit."""
    if luhn(match.group()) and not _quantity(match.string, match.start(), match.end()):
        yield Hit(match.start(), match.end(), "bank-card", digits(match.group()))


def _mobile_key(number: str) -> str | None:
    """Return the eleven digits of a Chinese mobile number, or None."""
    plain = digits(number).removeprefix("0086")
    plain = plain.removeprefix("86") if len(plain) == 13 else plain
    return plain if len(plain) == 11 and plain[0] == "1" and plain[1] >= "3" else None


_CODE = late("[A-Za-z]{2}$")  # letters right before the digits: part of a code
_CALLS = late("(?:tel|phone|mobile|mob|ph|no|wx|vx|v|is|me|at|on|to|or)$", re.IGNORECASE)


def _mobile(match: re.Match[str]) -> Iterable[Hit]:
    """Chinese mobile numbers, also with country code, grouped, or digit by digit."""
    text, (start, end) = match.string, match.span()
    parted = len(match["number"]) > 11
    before = text[max(0, start - 8) : start]
    if (parted and re.search(r"[0-9][ -]$", before)) or (_CODE.search(before) and not _CALLS.search(before)):
        return
    if not _quantity(text, start, end):
        yield Hit(start, end, "mobile", digits(match["number"]))


def _phone(match: re.Match[str]) -> Iterable[Hit]:
    """Numbers with an area or country code: China, North America, United Kingdom, +anything that exists."""
    found, number = match.group(), digits(match.group())
    if not 8 <= len(number) <= 18 or _public(number) or _quantity(match.string, match.start(), match.end()):
        return
    if not match["plus"] or _exists(found):
        yield _call(match.start(), match.end(), found)


def _exists(number: str) -> bool:
    """Ask phonenumbers whether a number with a country code may exist."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse("+" + digits(number).removeprefix("00"), None)
    except phonenumbers.NumberParseException:
        return False
    long = len(digits(number).removeprefix("00")) >= 10
    return bool(phonenumbers.is_valid_number(parsed) or (long and phonenumbers.is_possible_number(parsed)))


def _long(match: re.Match[str]) -> Iterable[Hit]:
    """Numbers of twelve digits or more: an order's, a parcel's or an account's, whatever is said around them."""
    number = digits(match.group())
    round_number = number.endswith("000000") and len(set(number)) <= 3
    if not (timestamp(number) or round_number or _quantity(match.string, match.start(), match.end())):
        yield _hit(match, "order-number")


_RELEASE = late(
    (
        rf"(?:{WORDS.not_personal}|最新|新版|更新|升级|beta|alpha|update[ds]?|upgrade[ds]?|release|driver"
        rf"|software|app|v)[^。，,;；\n]{{0,12}}$"
    ),
    re.IGNORECASE,
)


def _machine(match: re.Match[str]) -> Iterable[Hit]:
    """IP addresses of the open internet; private networks, test loops and public name servers are nobody's."""
    before = match.string[max(0, match.start() - 24) : match.start()]
    if not _RELEASE.search(before) and not _shared(match.group()):
        yield Hit(match.start(), match.end(), "ip", match.group())


def _six(match: re.Match[str]) -> Iterable[Hit]:
    found = match.group()
    try:
        address = ipaddress.IPv6Address(found)
    except ValueError:
        return
    if len(found) > 6 and not (address.is_loopback or address.is_link_local or address.is_unspecified):
        yield Hit(match.start(), match.end(), "ip", address.compressed)


def _shared(text: str) -> bool:
    """Tell whether four numbers are no machine's address, or one that many machines have."""
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:  # 1.02.03.04: no address has leading zeros, a version or a date may
        return True
    lan = any(address in network for network in _LANS)
    return lan or text in WORDS.public_addresses or text.split(".")[0] == "0" or text.startswith("255.")


_LANS = [
    ipaddress.IPv4Network(network)
    for network in ("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")
]


def transitions(text: str) -> int:
    """Count the places where letters and digits meet: keys have many, names of files and models few."""
    return sum(a.isdigit() != b.isdigit() for a, b in pairwise(text))


# Identity cards, social security and national insurance numbers, IBANs, VAT and MAC addresses.
IDENTITY = (
    Finder(_ID, _valid("identity-card", identity_card), whole=True),
    Finder(_IBAN, _valid("iban", iban), whole=True),
    Finder(_IBAN_ANY, _valid("iban", iban), whole=True),
    Finder(_VAT, _valid("tax-number", _vat), whole=True),
    Finder(_SSN, _valid("identity-card", lambda number: _social(number.replace(" ", "-"))), whole=True),
    Finder(_NINO, _valid("identity-card", bool), whole=True),
    Finder(_MAC, _valid("device", bool), whole=True),
    Finder(_MBI, _valid("document-number", bool), whole=True),
)
CASES = (Finder(_CASE, _valid("case-number", bool)), Finder(_DOCKET, _valid("case-number", bool)))
PARCELS = (
    Finder(_PARCEL, _valid("tracking-number", bool), whole=True),
)  # a carrier's letters, or the shape of UPU S10
FILED = (Finder(_FILED, _filed),)
ANNOUNCED_BY = tuple((its[0], _announced_by(cue)) for cue, its in ANNOUNCED.items())  # in order of trust
ANNOUNCED_PHONE = (Finder(_PHONE, _announced_phone),)
# Dates, clock times, money, decimals, sizes and ISBNs, whose digits are nobody's number.
STAYS = (Finder(_STAYS, _stay), Finder(_ISBN, _book))
CARDS = (Finder(_CARD, _card, whole=True),)
MOBILES = (Finder(_MOBILE, _mobile, whole=True),)
PHONES = (Finder(_SHAPED, _phone, whole=True),)
MACHINES = (Finder(_V4, _machine), Finder(_V6, _six))
LONG_NUMBERS = (Finder(_LONG, _long, whole=True),)
