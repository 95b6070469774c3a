"""Names, where the words around them say that they are some. A name alone, or a nickname, is not found."""

from __future__ import annotations

import re
from collections.abc import Iterable

from curation.late import late
from curation.privacy.patterns import Finder, Hit
from curation.privacy.words import WORDS

_HAN = "\u4e00-\u9fff"
_CUE = late(
    r"(?:姓名|名字|收件人|收货人|联系人|寄件人|发件人|开户名|户名|持卡人|机主|乘客|乘车人|入住人|客户名称?|真实姓名|收款人|办理人)"
    r"(?:是|为|叫|就是|填的?是|写的?是|改成|改为|[:：\s,，-]){0,4}"
    rf"|(?<![{_HAN}])(?:我叫|我是|我的名字叫|本人叫|本人|叫我|她叫|他叫|免贵姓名)(?:是|[:：\s])?"
    r"|(?:我叫|我的名字叫|她叫|他叫|本人叫)(?:做|[:：\s])?"
)
_SURNAME_CUE = late(rf"(?:我姓|免贵姓|本人姓|她姓|他姓|免贵)[:：\s]?(?P<name>{WORDS.surname})")
_FULL = late(rf"(?P<surname>{WORDS.surname})(?P<given>[{_HAN}]{{1,2}})")
_FOREIGN = late(rf"[{_HAN}]{{2,6}}(?:[·•][{_HAN}]{{2,8}}){{1,3}}")
_TITLE = late(
    rf"(?:(?<![{_HAN}·•])|(?<=尊敬的)|(?<=亲爱的)|(?<=您好)|(?<=你好)|(?<=好的))(?P<name>(?:{WORDS.surname})[{_HAN}]{{0,2}}?)"
    rf"(?:{WORDS.title})(?=您|你|好|[^{_HAN}]|$)"
)
_BESIDE_PHONE = late(
    rf"(?<![{_HAN}])(?P<name>(?:{WORDS.surname})[{_HAN}]{{1,2}})(?=[\s,，:：、/]{{0,3}}(?:1[3-9]"
    rf"[0-9]{{9}}|1[3-9][0-9][ -][0-9]{{4}}))"
)
# What colleagues and callers go by: 客服小王, 我是老赵. A word that begins so (老师, 小车) is none.
_NICKNAME = late(
    rf"(?:客服|专员|顾问|助理|管家|店长|主管|坐席|技师|师傅|经理|我是|叫我)[是叫:：\s]?(?P<name>[小老阿](?:{WORDS.surname}))"
    rf"(?=[您你为很]|[^{_HAN}]|$)"
)
_NO_NICKNAME = {"小白", "小车", "小包", "小麦", "小店", "小商", "小党", "小项", "小方", "小单", "老师", "老农", "老家"}
# A family name that no list has: behind a word that wants a name, alone, of characters that given names have.
_RARE = late(
    rf"(?:(?:姓名|收件人|收货人|联系人|寄件人|户名|持卡人|机主|乘客|入住人)(?:是|为|叫|[:：]|\s){{1,3}}|(?<![{_HAN}])(?:我叫|本人叫|[她他]叫)\s?)"
    rf"(?P<name>[{_HAN}]{WORDS.given}{{1,2}})(?=[^{_HAN}]|$)"
)
# What follows a name in running Chinese: after a surname and one character these words begin, not the name's third.
GOES_ON = late(
    "今天|昨天|前天|明天|现在|刚才|刚刚|在|的|了|是|我|你|您|他|她|请|想|要|买|订单|下单|有|没|也|就|都|来|去|到|很|谢谢|感谢|从|用|已|把|被|和|跟|与|"
    "电话|手机|地址|联系|收|住|身份|单号|号码|麻烦|帮|咨询|查|问|女|男|先生|女士|小姐|家|这|那|能|可以|吗|吧|呢|啊|哦|但|不|对|给|寄|退|换|说|给|以|之前|之后|上|下|"
    "需|希望|反馈|投诉|申请|预约|办|发|打|付|支付|快递|尾号|微信|邮箱|账号|会员|客户|用户|工号|为"
)
_NOT_GIVEN = set(
    "的了是我你您他她它吗呢吧啊哦嗯这那哪什么怎和与或不没在有要想请把被就都也还很为到去给们个些只每某几号码电话"
)


def _cued(cue: re.Match[str]) -> Iterable[Hit]:
    text, start = cue.string, cue.end()
    foreign = _FOREIGN.match(text, start)
    if foreign:
        yield Hit(start, foreign.end(), "name", foreign.group())
        return
    end = person(text, start, sure="我是" not in cue.group() and "本人" not in cue.group())
    if end:
        yield Hit(start, end, "name", text[start:end])


def _spoken_to(match: re.Match[str]) -> Iterable[Hit]:
    name = match["name"]
    if not any(match.group().startswith(word) for word in WORDS.not_names) and not set(name[1:]) & _NOT_GIVEN:
        yield Hit(*match.span("name"), "name", name)


def _nickname(match: re.Match[str]) -> Iterable[Hit]:
    if match["name"] not in _NO_NICKNAME:
        yield Hit(*match.span("name"), "name", match["name"])


def _rare(match: re.Match[str]) -> Iterable[Hit]:
    name = match["name"]
    listed = name[0] in WORDS.surnames or name[:2] in WORDS.surnames
    word = name[:2] in WORDS.not_names or name[:2] in WORDS.words_like_names or name[-1] in "人长员师方卫"
    if not (listed or word or set(name) & _NOT_GIVEN):
        yield Hit(*match.span("name"), "name", name)


CHINESE = (
    Finder(_CUE, _cued),
    *(Finder(pattern, _spoken_to) for pattern in (_SURNAME_CUE, _TITLE, _BESIDE_PHONE)),
    Finder(_NICKNAME, _nickname),
    Finder(_RARE, _rare),
)


def person(text: str, start: int, *, sure: bool = True) -> int | None:
    """Return where a Chinese name that begins at `start` ends, or None where none begins there.

    With `sure` false no Han character may follow: 我是张伟 is a name, 我是高中生 is none.
    """
    match = _FULL.match(text, start)
    if not match or text[start : start + 2] in WORDS.not_names or text[start : start + 3] in WORDS.not_names:
        return None
    given = match["given"]
    if given[0] in _NOT_GIVEN:
        return None
    if given in WORDS.title.split("|"):
        return match.end("surname")
    if len(given) == 2:
        goes_on = GOES_ON.match(text, match.start("given") + 1)
        rest_goes_on = GOES_ON.match(text, match.end()) or not re.match(f"[{_HAN}]", text[match.end() :])
        long_word = goes_on and len(goes_on.group()) > 1
        if given[1] in _NOT_GIVEN or long_word or (goes_on and not rest_goes_on):
            return match.end() - 1 if sure else None
    end = match.end()
    return end if sure or not re.match(f"[{_HAN}]", text[end:]) else None


_WORD = r"(?:(?:Mc|Mac|O['’]|De|La|Van)[A-Z][a-z]+|[A-Z][a-z]+(?:[-'’][A-Z]?[a-z]+)*|[A-Z]{2,}(?![a-z]))"
CAPITAL = rf"{_WORD}(?:[ ](?:[A-Z]\.|(?:van|de|der|von|al|bin)(?= [A-Z])|{_WORD})){{0,3}}"
_WHOSE = (  # a shop's or a product's name is none of a person's
    r"my|his|her|their|(?:my|his|her|their|the|our) (?:wife|husband|partner|son|daughter|mother|father|mom|mum|dad"
    r"|brother|sister|friend|boss|colleague|roommate|neighbou?r|landlord|tenant|doctor|driver|agent)(?:'s|’s)"
)
_EN_CUE = late(
    rf"(?i:\b(?:(?:{_WHOSE}) (?:full |first |last |real )?name(?: is| was|'s|’s|:)|(?:full|first|last|sur"
    r"|account holder(?:'s)?|cardholder(?:'s)?|customer(?:'s)?) ?name(?: is|:| -)?"
    rf"|(?:^|(?<=[\n;,|(]))\s*name(?: is|:| -)|the name is|under the name(?: of)?|i(?:'m| am) called"
    rf"|recipient(?: is|:)?|account holder(?: is|:)?|cardholder(?: is|:)?|addressed to|attn:?"
    rf"|contact person(?: is|:)?|signed,?|speak(?:ing)? (?:to|with)|chatting with|spoke (?:to|with))) ?"
    rf"(?:(?:Mr|Mrs|Ms|Miss|Dr|Prof)\.? )?(?P<name>{CAPITAL})"
)
_THIS_IS = late(rf"(?i:\bthis is) (?P<name>{CAPITAL})(?=,? (?:speaking|here|calling|from|again|writing)\b)")
_I_AM = late(rf"(?i:\bI(?:'m|’m| am)) (?P<name>{CAPITAL})(?=,? (?:from|with|calling|and I|speaking|your)\b|[,.!]|$)")
_DEAR = late(
    rf"(?<![a-z] )(?i:\b(?:dear)) (?P<name>(?:(?:Mr|Mrs|Ms|Miss|Dr|Prof)\.? )?{CAPITAL})(?=\s*[,:!.\n–-]|\s*$)"
)
# Spoken to, not of: "Mr. Sam shared a cake" in a sum stays.
_MISTER = late(
    rf"(?i:\b(?:hi|hello|hey|thanks|thank you|dear|sorry|welcome|morning|afternoon|evening|speaking "
    rf"(?:to|with)|this is|regards)),? ?(?:Mr|Mrs|Ms|Miss|Dr|Prof|Mx)\b\.? (?P<name>{CAPITAL})"
)
_GREETING = late(
    rf"(?i:\b(?:call me|hi|hello|hey|hiya|thanks|thank you|cheers|morning|afternoon|evening|sorry"
    rf"|regards|sincerely|bye|welcome)),? ?(?:again,? )?\n?(?P<name>{CAPITAL})(?=\s*(?:[,.!?:;\n–-]|$"
    rf"|I\b|thank|thanks|sorry|please|we\b|we're|I'm|I've|how|what|can|could|you\b|your|there|it\b"
    rf"|this))"
)
# Who signs a letter, at its end: any name, where a mark or a line's end parts it from the greeting.
_SIGNED = late(
    rf"(?:(?i:regards|sincerely|faithfully|yours truly|best wishes)[,.!]?"
    rf"|(?:(?i:thanks|cheers|best|thank you|all the best)[,.!]?\s*\n"
    rf"|(?:Best|Cheers),))\s*(?:[-–—]\s*)?(?P<name>{CAPITAL})(?=\s*$|\n)"
)
_LOWER = late(rf"\b(?:[Mm]y|[Hh]is|[Hh]er|{_WHOSE}) name(?: is| was|'s|’s) (?P<name>[a-z]+(?: [a-z]+)?)\b")
NO_NAME = {
    word.casefold()
    for word in [
        "Sir",
        "Madam",
        "Customer",
        "Customers",
        "Team",
        "All",
        "Support",
        "Friend",
        "Friends",
        "Valued",
        "There",
        "Everyone",
        "Folks",
        "Guys",
        "Guest",
        "Member",
        "User",
        "Client",
        "Agent",
        "Amazon",
        "Apple",
        "Google",
        "Microsoft",
        "Twitter",
        "YouTube",
        "PayPal",
        "Netflix",
        "Uber",
        "Adobe",
        "Instagram",
        "Facebook",
        "Whatsapp",
        "Spotify",
        "Delta",
        "The",
        "A",
        "An",
        "My",
        "I",
        "It",
        "We",
        "You",
        "Your",
        "Our",
        "And",
        "But",
        "Or",
        "So",
        "Not",
        "Still",
        "On",
        "In",
        "At",
        "Is",
        "Was",
        "Please",
        "Thanks",
        "Thank",
        "Sorry",
        "Yes",
        "No",
        "Ok",
        "Okay",
        "What",
        "When",
        "Where",
        "Why",
        "How",
        "Great",
        "Good",
        "Fine",
        "Sure",
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
        "Mate",
        "Bro",
        "By",
        "Dude",
        "Love",
        "Ma'am",
        "Mam",
        "Both",
        "Again",
        "For",
        "To",
        "DM",
        "Hope",
        "Just",
        "Can",
        "Could",
        "Would",
        "Will",
        "Have",
        "Has",
        "Any",
        "Some",
        "Help",
        "Service",
        "Sales",
        "Order",
        "Email",
        "Phone",
        "Address",
        "Prime",
        "God",
        "Lord",
        "Diary",
        "Future",
        "Santa",
        "Sirs",
        "Madams",
        "Colleague",
        "Colleagues",
        "Manager",
        "Admin",
        "Staff",
        "Shop",
        "Store",
        "Seller",
        "Everybody",
        "Someone",
        "Anyone",
        "Customer-Service",
        "Technical",
        "Billing",
        "Tech",
        "Care",
        "Desk",
        "Center",
        "Centre",
        "Human",
        "Person",
        "Representative",
    ]
}


def _known(match: re.Match[str]) -> Iterable[Hit]:
    """Names of which the first word is a given name."""
    return _named(match) if match["name"].split()[0].casefold() in WORDS.first_names else ()


def _lower(match: re.Match[str]) -> Iterable[Hit]:
    first, _, second = match["name"].partition(" ")
    if first in WORDS.first_names:
        keep = second and second not in _AFTER_NAME
        start = match.start("name")
        yield Hit(start, match.end() if keep else start + len(first), "name", match["name"] if keep else first)


_AFTER_NAME = {
    "and",
    "i",
    "from",
    "my",
    "the",
    "but",
    "here",
    "on",
    "in",
    "with",
    "for",
    "is",
    "can",
    "not",
    "please",
    "thanks",
    "or",
    "at",
    "to",
    "so",
    "it",
    "a",
    "an",
    "this",
    "have",
    "need",
    "want",
}


def _named(match: re.Match[str]) -> Iterable[Hit]:
    """Yield the name without the title before it and the words after it that are none."""
    title = re.match(r"(?:Mr|Mrs|Ms|Miss|Dr|Prof|Mx)\.? ", match["name"])
    start = match.start("name") + (title.end() if title else 0)
    words = match["name"][title.end() if title else 0 :].split(" ")
    count = next((i for i, word in enumerate(words) if word.casefold() in NO_NAME), len(words))
    if count:
        name = " ".join(words[:count])
        yield Hit(start, start + len(name), "name", name.casefold())


ENGLISH = (
    *(Finder(pattern, _named) for pattern in (_EN_CUE, _THIS_IS, _MISTER, _DEAR, _SIGNED)),
    *(Finder(pattern, _known) for pattern in (_I_AM, _GREETING)),
    Finder(_LOWER, _lower),
)
