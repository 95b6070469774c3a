"""Names of those of whom a clinic or a law firm speaks: patients, parties, relatives, doctors by their full name.

Such a name stands right behind its word (患者李桂芳, the defendant Mark Hughes), where a sentence may go on as well
(患者需要空腹, 原告方应当). So a Chinese given name must be made of characters that given names have, the whole be no
word, and what follows go on as after a name; English ones have two capitals, or a given name that the list knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from curation.late import late
from curation.privacy.names import CAPITAL, GOES_ON, NO_NAME
from curation.privacy.patterns import Finder, Hit
from curation.privacy.words import WORDS

_HAN = "\u4e00-\u9fff"
_NAME = rf"(?P<name>(?P<surname>{WORDS.surname}){WORDS.given}{{1,2}})"
_BEHIND = late(
    rf"(?:{WORDS.party}|{WORDS.relative}|(?<![投起上申控公告倾胜败反应陈自主])诉)(?P<link>的?(?:名字"
    rf"|姓名)?(?:(?:写|填|登记)的?是|叫做|名叫|叫|是|为|[:\s]{{1,2}}|[(（]))?{_NAME}"
)
_BEFORE_WORD = late(
    rf"{_NAME}(?=的(?:家属|律师|代理|主治|监护人|委托|亲属|遗产|病历|案子|案件|{WORDS.relative})"
    rf"|(?:诉|状告)(?:被告|{WORDS.surname})|(?:副?主任|主治)?(?:{WORDS.profession}))"
)

# What a sentence goes on with after a name, besides GOES_ON.
_AFTER = late(
    f"[^{_HAN}]|$|等|诉|起诉|系|因|向|将|欠|借|签|患|术|住|入院|出院|去世|死亡|生前|名下|所|二人|两人|三人"
    f"|夫妻|夫妇|离|涉|未|无"
    "|仍|还|均|则|即|曾|经|应当|不服|拒|承认|承担|提|主张|认|辩|述|共|同意|委托|做|吃|什么|何时|哪|怎|全责|顺产|剖|主责|一直|一审|一起|一次|二审|发烧|发热|咳|怀孕|怀了|怀|手术|检查|挂|复|民间|合同|借贷|离婚|买卖|侵权|名誉|劳动争议|继承|租赁|纠纷|一案|立|持|自|作|名|驾|撞|打|"
    "违|拖|归|偿|逾|支付|给付|赔|返|小时|每|目前|近|突|反复|腹|头|胸|血|肺|胃|心|高血压"
)
_FIRM = late("[^，。,. 、（(诉与和在因向被的等有没是买拿]{0,6}(?:公司|集团|银行|医院|有限|事务所|学校|酒店|委员会)")
_ENDED = late(f"[^{_HAN}]|$|诉")


def _behind(match: re.Match[str]) -> Iterable[Hit]:
    """Take what is a name behind a role: three characters where they may be one, else two."""
    text, (start, end) = match.string, match.span("name")
    longest = end - match.end("surname")
    for given in range(longest, 0, -1):
        stop = match.end("surname") + given
        if _is_name(text, start, stop, given=given, adjacent=not match["link"]):
            yield Hit(start, stop, "name", text[start:stop])
            return


def _is_name(text: str, start: int, stop: int, *, given: int, adjacent: bool) -> bool:
    ended = bool(_ENDED.match(text, stop))
    if _word(text, start) and not (given == 2 and ended):
        return False
    if _FIRM.match(text, stop):
        return False
    if adjacent and text[start] in WORDS.doubtful_surnames:
        return ended
    follows = ended or bool(_AFTER.match(text, stop) or GOES_ON.match(text, stop))
    if given == 1:
        return True
    cut = GOES_ON.match(text, stop - 1)  # 张伟明 of 张伟明天
    goes_on = _AFTER.match(text, stop - 1)
    if (cut and len(cut.group()) > 1) or (goes_on and len(goes_on.group()) > 1):
        return False
    return not cut or follows


def _word(text: str, start: int) -> bool:
    """Tell whether what begins there is a word rather than a family name and what is given with it."""
    return text[start : start + 2] in WORDS.not_names or text[start : start + 2] in WORDS.words_like_names


_REGION = late(rf"{WORDS.province}|{WORDS.city}")
_BEFORE = late(
    f"(?:^|[^{_HAN}]|[找约挂请给让是由跟和问想叫的位科院在了与向为派换见看替帮告下过到对从被把及天日早晚午个])$"
)


def _alone(match: re.Match[str]) -> Iterable[Hit]:
    """Names that what follows makes one: before 医生, 律师 … (full ones: 李医生 stays), 的家属, 诉被告."""
    text, (start, end) = match.string, match.span("name")
    word = (_word(text, start) and end - match.end("surname") < 2) or _REGION.match(text, start)
    sure = end - match.end("surname") == 2 and text[start] not in WORDS.doubtful_surnames
    if not word and (sure or _BEFORE.search(text[max(0, start - 1) : start])):
        yield Hit(start, end, "name", text[start:end])


CHINESE = (Finder(_BEHIND, _behind), Finder(_BEFORE_WORD, _alone))

_TITLE = r"(?:(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof)\b\.? )?"
_LINK = r"(?:['’]s)?(?: name)?(?:,? (?:is|was|named|called)|:|,|-| \()?"
_OF_ROLE = late(
    rf"(?i:\b(?:(?P<who>{WORDS.english_party}|next of kin|emergency contact|(?:my|his|her|our|their|the"
    rf"|your) (?:[a-z-]{{2,12}} )?"
    rf"(?:{WORDS.english_relative}))|on behalf of|behalf of|(?:estate|custody|matter) of"
    rf"|power of attorney for|(?:divorce|divorcing|suing|sue|against"
    rf"|versus)))(?i:{_LINK}) ?{_TITLE}(?P<name>{CAPITAL})"
)
_OF_PROFESSION = late(
    rf"\b(?:(?:Dr|Prof|Atty)\b\.?|Doctor|Professor|Nurse|Judge|Justice|Attorney|Solicitor|Barrister|Consultant"
    rf"|Surgeon) (?P<name>{CAPITAL})"
)


def _person(match: re.Match[str]) -> Iterable[Hit]:
    """A given name that the list knows, or two capitals behind a word in small letters, and no firm."""
    words = match["name"].split(" ")
    count = next((i for i, word in enumerate(words) if word.casefold() in NO_NAME), len(words))
    known = words[0].casefold() in WORDS.first_names
    firm = any(word.casefold() in WORDS.organisations for word in words) or words[0].isupper()
    if not count or firm or not (known or (count > 1 and match["who"] and _in_a_sentence(match))):
        return
    if count == 1 and match.group().casefold().startswith(("his ", "her ", "their ", "the ")):  # of a tale or a sum
        return
    name, start = " ".join(words[:count]), match.start("name")
    yield Hit(start, start + len(name), "name", name.casefold())


def _in_a_sentence(match: re.Match[str]) -> bool:
    """Tell whether a role is a word of a sentence, none of a title: not in Online Patient Access."""
    return match.group()[0].islower() or not re.search(
        r"[A-Za-z,] $", match.string[max(0, match.start() - 2) : match.start()]
    )


def _full(match: re.Match[str]) -> Iterable[Hit]:
    """Full names behind Dr or Judge; one name alone is what everybody calls them, or a shop: Dr Martens."""
    words = match["name"].split(" ")
    if len(words) > 1 and words[0].casefold() in WORDS.first_names and words[1].casefold() not in NO_NAME:
        yield Hit(*match.span("name"), "name", match["name"].casefold())


ENGLISH = (Finder(_OF_ROLE, _person), Finder(_OF_PROFESSION, _full))
