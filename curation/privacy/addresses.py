"""Postal addresses, from the street on: 省市区路号栋单元室 in Chinese, number and street with town and code in English.

A province, a city or a district alone stays: "do you deliver to Guangzhou" needs it, and it names nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from curation.late import late
from curation.privacy.patterns import Finder, Hit
from curation.privacy.words import WORDS

_HAN = "\u4e00-\u9fff"
# Characters that no name of a place has, but the words before it do.
_NO = "我你您他她它们的了吗呢吧啊哦嗯请在到住寄送给往是就也还把被这那哪址写填改换要去货"
_PLACE = rf"(?:(?![{_NO}])[{_HAN}])"
_N = r"(?:[甲乙丙丁]?[0-9]{1,5}|[一二三四五六七八九十百零〇]{1,5}|[甲乙丙丁]|[A-Za-z])"
_D = r"(?:[0-9]{1,5}|[A-Za-z])"
_ROAD = r"(?:大街|大道|胡同|街道|路|街|巷|弄|道|里|条|村|屯|庄|镇|乡)"
_ESTATE = (
    r"(?:小区|花园|花苑|家园|公寓|大厦|广场|新村|新城|新区|社区|国际|写字楼|校区|大学|学院|中学|小学"
    r"|医院|宿舍|工业园|产业园|科技园|园区|开发区|商城|商场|苑|府|园|城|居|湾|郡|庭|阁|轩|厂)+"
)
_UNIT = (
    rf"(?:(?:{_N}\s?(?:号院|号楼|号|弄|栋|幢|单元|组|队)|{_D}\s?(?:座|层|楼|室|房|户|门|期|区))"
    rf"(?:之{_N})?|(?:东|西|南|北)[区门院]|[0-9]{{1,4}}-[0-9]{{1,4}}(?:-[0-9]{{1,5}})?|[0-9]{{3,4}}(?!"
    rf"[0-9年月日元块个天]))"
)
_HOME = r"(?:小区|花园|花苑|家园|公寓|新村|社区|宿舍|工业园|产业园|园区|苑|府)"
_REGION = (
    rf"(?:(?:{WORDS.province})(?:省|市|自治区|特别行政区|壮族自治区|回族自治区|维吾尔自治区)?[\s,，-]?)"
    rf"|(?:(?:{WORDS.city})(?:市|地区)?[\s,，-]?)"
    rf"|(?:{_PLACE}{{1,6}}(?:自治州|自治县|新区|开发区|区|县|市|旗|盟)[\s,，-]?)"
)
_TOWN = rf"(?:{_PLACE}{{1,5}}(?:街道|镇|乡|办事处)[\s,，-]?)"
# The finer part: a road with its number, an estate or a village with its building; then buildings, units, rooms.
_FINE = (
    rf"(?:(?:{_PLACE}{{1,6}}?(?:大街|街|路))?{_PLACE}{{1,7}}?{_ROAD}(?:[一二三四五六七八九十]条|[东西南北]段)?\s?(?:{_N}\s?(?:号院|号楼|号"
    rf"|弄|巷|组|队))|(?:{_PLACE}{{1,7}}?{_ROAD}\s?)?(?:{_PLACE}|[A-Za-z0-9]){{1,10}}?{_ESTATE}"
    rf"[\s,，-]?(?:{_UNIT})|{_PLACE}{{1,7}}?{_ROAD}[\s,，-]?(?:{_N}\s?(?:栋|幢|座|单元|室|楼)))"
)
_REST = rf"(?:[\s,，-]?{_UNIT}|[\s-]?(?:{_PLACE}{{1,8}}?{_ESTATE})[\s,，-]?(?:{_UNIT})?)*"
_ADDRESS = late(
    rf"(?!(?<=[0-9])[年月日号])(?P<regions>(?:{_REGION}){{0,4}}(?:{_TOWN}){{0,2}})(?P<fine>{_FINE})(?P<rest>{_REST})"
)
_DEEP = late(
    rf"(?P<regions>(?:{_REGION}){{2,4}}(?:{_TOWN})?(?:{_PLACE}{{1,8}}?(?:{_ROAD}|{_HOME})))"
    rf"(?![庄口街路镇乡村园桥店河岸屯营胡寺])(?![{_HAN}]*(?:有|怎|多|吗))"
)
_BLOCK = late(r"(?<![0-9])[0-9]{1,3}(?:号楼|栋|幢)\s?(?:[0-9一二三四五六]单元)?\s?[0-9]{2,4}(?:室|房|号)?(?![0-9])")
_ROOM = late(
    r"(?<!第)(?:[0-9]{1,3}(?:号楼|栋|幢|座))?(?:[0-9]{1,2}|[一二三四五六七八九十])单元\s?[0-9]{3,4}(?:室|房|号)?(?![0-9课题词页教])"
)
_LEAD = late(
    r"^(?:收货地址|收件地址|详细地址|家庭地址|新地址|地址|位于|家里|家|公司|单位|老家|寄件|收件|发货|发到|发往|改到|快递|派送|配送|上门|安装|"
    r"现|新|为|地|件|货|和|或|跟|：|:)+"
)
# What makes a number with 号 no house: the third of a month, line 3, size 38.
_NO_HOUSE = late(r"(?:[0-9一二三四五六七八九十]月|地铁|号线|公交|尺码|鞋|口令|方案|客服|快递员|柜台|窗口)")


def _chinese(match: re.Match[str]) -> Iterable[Hit]:
    text, found = match.string, match.group()
    start = match.start() + _begin(found)
    start += text[start] == "成" and text[max(0, start - 1)] in "改换变"  # 改成文三路, but 成都路
    end = match.start() + len(found.rstrip(" ,，-"))
    if end - start >= 4 and not _NO_HOUSE.search(text[start:end]):
        yield Hit(start, end, "address", re.sub(r"[\s,，-]", "", text[start:end]))


CHINESE = tuple(Finder(pattern, _chinese) for pattern in (_ADDRESS, _BLOCK, _ROOM))
REGIONS = (Finder(_DEEP, _chinese),)  # to the road, without a number

_PLACED = late(r".{0,6}?(?:位于|坐落于|座落于|开在)")
_KNOWN = late(
    rf"(?:{WORDS.province})(?![东西南北中]?(?:大街|街|路|道|里))|(?:{WORDS.city})(?=市|[{_HAN}]{{1,4}}[区县])"
)


def _begin(found: str) -> int:
    """Return where the address begins in what was found: at a known region, or behind words that lead to it."""
    placed = _PLACED.match(found)
    if placed:
        return placed.end()
    known = _KNOWN.search(found)
    if known and known.start() and found[known.start() - 1] not in "省市区县州盟旗路街道号":
        return known.start()
    lead = _LEAD.match(found)
    return lead.end() if lead else 0


_STREET = (
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Place|Pl|Square|Sq"
    r"|Close|Crescent|Cres|Terrace|Ter|Parkway|Pkwy|Highway|Hwy|Row|Gardens|Grove|Mews|Circle|Cir"
    r"|Trail|Way|Hill|Walk|Quay|Green)"
)
_POSTCODE = r"(?:[A-PR-UWYZ][A-HK-Y]?[0-9][0-9A-HJKMNPR-Y]? [0-9][ABD-HJLNP-UW-Z]{2})"
_FLAT = (
    r"(?:(?i:apartment|apt|unit|suite|ste|flat|room|floor|block|building|no|#)\.? ?#?[0-9]{0,5}[A-Za-z]?(?![A-Za-z]))"
)
_TOWN_EN = r"(?:[A-Z][a-z]+(?:[ -](?:[A-Z][a-z]+|upon|on|le|under)){0,3})"
_TAIL = (
    rf"(?:,? {_FLAT})?(?:[,\n]? ?{_TOWN_EN}){{0,3}}(?:,? (?:[A-Z]{{2}},? )?[0-9]{{5}}(?:-[0-9]{{4}})?"
    rf"(?![0-9])|,? [A-Z]{{2}}(?= [0-9]{{5}}) [0-9]{{5}}|,? {_POSTCODE}|,? [A-Z]{{2}}(?![A-Za-z]))?"
)
_STREET_ADDRESS = late(
    rf"(?<![A-Za-z0-9.$£€#-])(?:{_FLAT},? )?[0-9]{{1,5}}[A-Za-z]?(?:-[0-9]{{1,5}})?,? (?:[NSEW]\.? "
    rf"|North |South |East |West )?(?:[A-Z][A-Za-z'’.-]+ |[0-9]{{1,3}}(?:st|nd|rd|th) |of "
    rf"|the ){{1,4}}{_STREET}(?![A-Za-z])\.?{_TAIL}"
)
_STREET_LOWER = late(
    (
        r"(?<![A-Za-z0-9.$£€#-])[0-9]{1,5}[a-z]? (?:[a-z]{3,} ){1,2}(?:street|road|avenue|boulevard"
        r"|crescent)\b(?:,? (?:apt|flat|unit|apartment) [0-9]{1,5}[a-z]?)?"
    ),
)
_NUMBERED = late(
    rf"(?<![A-Za-z0-9.$£€#-])[0-9]{{1,5}} (?:[NSEW]\.? |North |South |East |West )?[0-9]{{1,3}}(?:st|nd"
    rf"|rd|th) {_STREET}(?![A-Za-z])\.?{_TAIL}"
)
_CODE = late(rf"(?<![A-Za-z0-9]){_POSTCODE}(?![A-Za-z0-9])")
_BOX = late(r"\b[Pp]\.? ?[Oo]\.? [Bb]ox [0-9]{1,6}" + _TAIL)
_ZIP = late(
    (
        rf"(?:{WORDS.cues['zip']})(?: is|是|为|[:：\s]){{0,3}}(?P<value>[0-9]{{6}}|[0-9]{{5}}(?:-"
        rf"[0-9]{{4}})?|{_POSTCODE})(?![0-9])"
    ),
    re.IGNORECASE,
)
_HOME_EN = late(  # where somebody lives: a flat 20 pounds is none
    r"(?:(?<=\bin )|(?<=\bat )|(?<=\bto )|(?<=\bmy )|(?<=\bfrom )|(?<=\bfor )|(?<=\bis )|^(?=ap))"
    r"(?:apartment|flat|apt\.?) #?[0-9]{1,4}[a-z]?(?![A-Za-z0-9%]"
    r"| ?(?:%|percent|inch|rate|fee|off|months?|days?|pounds?|quid|bucks|screen|tv"
    r"|colou?rs|bed\w*|packs?|people|panels?)\b)",
    re.IGNORECASE,
)
_NO_LOWER = late(
    r"\b(?:tb|gb|mb|hard|disk|test|thumb|flash|way|lane of|speed|wheel|star|by|the|on|for|from|per"
    r"|your|my|our|his|her|this|that|an|is|of|in|main|minutes?|miles?|hours?|days?|times?)\b"
)


def _street(match: re.Match[str]) -> Iterable[Hit]:
    return (_hit(match.start(), match.start() + len(match.group().rstrip(" ,.\n")), match.string),)


def _street_lower(match: re.Match[str]) -> Iterable[Hit]:
    return () if _NO_LOWER.search(match.group()) else (_hit(match.start(), match.end(), match.string),)


def _hit(start: int, end: int, text: str) -> Hit:
    return Hit(start, end, "address", re.sub(r"[\W_]+", " ", text[start:end]).strip().casefold())


ENGLISH = (
    *(Finder(pattern, _street) for pattern in (_STREET_ADDRESS, _NUMBERED, _BOX)),
    Finder(_STREET_LOWER, _street_lower),
    Finder(_HOME_EN, _street),
    Finder(_ZIP, lambda match: (_hit(*match.span("value"), match.string),)),
    Finder(_CODE, lambda match: (_hit(match.start(), match.end(), match.string),)),
)
