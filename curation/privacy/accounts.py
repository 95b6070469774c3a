"""What persons are reached or let in by: e-mail, chat accounts, plates, links with tokens, keys and passwords."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable

from curation.late import late
from curation.privacy.numbers import transitions
from curation.privacy.patterns import Finder, Hit
from curation.privacy.words import WORDS

_EMAIL = late(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*\."
    r"[A-Za-z]{2,24}(?![A-Za-z0-9])"
)
_EMAIL_SAID = late(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{2,64} ?(?:\(at\)|\[at\]| at |艾特) ?[A-Za-z0-9-]{2,63}"
    r"(?: ?(?:\(dot\)|\[dot\]| dot |点) ?[A-Za-z0-9-]{2,24}){1,3}(?![A-Za-z0-9])",
    re.IGNORECASE,
)


def _email(match: re.Match[str]) -> Iterable[Hit]:
    """E-mail addresses, also written out (lin at example dot com)."""
    key = re.sub(r" ?(?:\(at\)|\[at\]| at |艾特) ?", "@", match.group().casefold())
    yield Hit(match.start(), match.end(), "email", re.sub(r" ?(?:\(dot\)|\[dot\]| dot |点) ?", ".", key))


EMAILS = (Finder(_EMAIL, _email), Finder(_EMAIL_SAID, _email))

_IS = (
    r"(?:id|号码?|账号|是|为|同号|加|我|的|[:：@\s,，(（]|is|account"
    r"|number|no\.?|name|handle|user(?:name)?|on|at|add|me|my)"
)
_WECHAT = late(
    rf"(?<![A-Za-z])(?P<cue>微信|weixin|wechat|威信|薇信|v信|vx|wx|whatsapp|telegram|skype|snapchat"
    rf"|instagram|insta|line id|discord|kakao){_IS}{{0,6}}"
    r"(?<![A-Za-z0-9_])(?P<value>[A-Za-z][A-Za-z0-9_.#-]{4,24}[A-Za-z0-9_])(?![A-Za-z0-9_])",
    re.IGNORECASE,
)
_WECHAT_FAR = late(
    r"(?<![A-Za-z])(?:微信|v信|vx|wx)[^A-Za-z0-9。！？!?\n]{0,14}(?P<value>[A-Za-z][A-Za-z0-9_-]{5,19})(?![A-Za-z0-9_])",
    re.IGNORECASE,
)
_WXID = late(r"(?<![A-Za-z0-9])wxid_[a-z0-9]{8,20}(?![A-Za-z0-9])")
_QQ = late(
    rf"(?:(?<![A-Za-z])(?:qq|扣扣|企鹅号?){_IS}{{0,5}}(?P<value>[1-9][0-9]{{4,10}})"
    rf"|(?<![A-Za-z0-9])q[号:： ]{{1,3}}(?P<short>[1-9][0-9]{{7,9}}))(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_QQ_SAID = late(  # of five digits on: shorter than what is made ASCII anywhere
    r"(?:(?<![A-Za-z])qq|扣扣|企鹅号?)(?:号码?|是|为|加|我|的|[:：\s,，]){0,5}(?P<value>[一二三四五六七八九幺][零〇一二三四五六七八九幺]{4,10})"
    r"(?![零〇一二三四五六七八九幺十百千万个年月天块])",
    re.IGNORECASE,
)
_LOGIN_WORD = late(
    r"(?<![A-Za-z])(?:user ?name|user ?id|login|account name)(?: is|:|=)\s?(?P<value>[a-z][a-z.]{3,19})"
    r"(?=\s*(?:$|[,;!?\n]|\.(?:\s|$)|(?:and|but) (?:the|my|i|password)\b))",
    re.IGNORECASE,
)
_LOGIN = late(
    r"(?:登录名|用户名|账号|帐号|账户名?|昵称)(?:是|为|[:：\s]){1,3}(?P<value>[A-Za-z0-9][A-Za-z0-9_.-]{4,29})(?![A-Za-z0-9_@])"
)
_LOGIN_EN = late(
    (
        r"(?<![A-Za-z])(?:user ?name|user ?id|login|account name)(?: is|:|=)\s?(?P<value>[A-Za-z0-9]"
        r"[A-Za-z0-9_.-]{3,29})(?![A-Za-z0-9_@])"
    ),
    re.IGNORECASE,
)
_PLAYER = late(
    r"(?<![A-Za-z])(?:(?:my|psn|xbox|steam|player|game) id|gamer ?tag)(?: is|:|=)\s?"
    r"(?P<value>[A-Za-z][A-Za-z0-9_.-]{3,29})(?![A-Za-z0-9_@])",
    re.IGNORECASE,
)
_PRODUCT = late(r"(?:pay|wallet|business|app|web|desktop|premium|official|iphone|android)[0-9]*$", re.IGNORECASE)


def _chat(match: re.Match[str]) -> Iterable[Hit]:
    value = match["value"]
    said = re.search(r"[:：@=]|\bid\b|号|是", match.group()[: match.start("value") - match.start()], re.IGNORECASE)
    letters = said and value.islower() and match.re.pattern == _WECHAT.pattern
    account = letters or any(c.isdigit() or c == "_" for c in value)
    if account and not _PRODUCT.fullmatch(value) and value.casefold() not in ("iphone", "number", "account"):
        yield Hit(*match.span("value"), "chat-account", value.casefold())


# What a login is or does, in place of what it is called.
_STATE = late(
    r"(?:.*(?:ing|ed|ble|ful|ive|less|ent|ant|ous|ly|ect)|wrong|valid|invalid|down|slow|gone|same|still|fine|stuck|dead|null"
    r"|blank|unknown|frozen|broken|hidden|taken|missing|none|there|here|good|okay|weird|just|only|also|back|mine|yours|what"
    r"|this|that|name|email|number|below|above|required|hacked|stolen|admin|root|user|guest|test|demo|default|optional|free"
    r"|facebook|google|github|twitter|apple|microsoft|amazon|linkedin)",
    re.IGNORECASE,
)


def _login_word(match: re.Match[str]) -> Iterable[Hit]:
    """A login of letters alone: my login is jdoe, but not my login is broken."""
    if not _STATE.fullmatch(match["value"].rstrip(".")):
        value = match["value"].rstrip(".")
        yield Hit(match.start("value"), match.start("value") + len(value), "chat-account", value.casefold())


_DIGIT = str.maketrans("零〇一二三四五六七八九幺", "001234567891")


def _qq_said(match: re.Match[str]) -> Iterable[Hit]:
    yield Hit(*match.span("value"), "chat-account", match["value"].translate(_DIGIT))


def _wxid(match: re.Match[str]) -> Iterable[Hit]:
    return (Hit(match.start(), match.end(), "chat-account", match.group().casefold()),)


def _qq(match: re.Match[str]) -> Iterable[Hit]:
    group = "value" if match["value"] else "short"
    if not re.fullmatch("[48]00[0-9]{6,7}", match[group]):  # a company's number for everybody
        yield Hit(*match.span(group), "chat-account", match[group])


# Accounts of WeChat, QQ and the like behind their name, and login names.
CHAT_ACCOUNTS = (
    *(Finder(pattern, _chat) for pattern in (_WECHAT, _WECHAT_FAR, _LOGIN, _LOGIN_EN, _PLAYER)),
    Finder(_WXID, _wxid),
    Finder(_QQ, _qq),
    Finder(_QQ_SAID, _qq_said),
    Finder(_LOGIN_WORD, _login_word),
)

_PLATE = late(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]"
    r"[A-HJ-NP-Z][·• ]?(?:(?=[A-Z0-9]*[0-9])[A-HJ-NP-Z0-9]{5,6}|[A-HJ-NP-Z0-9]{4}[学警挂港澳])(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_PLATE_SAID = late(
    rf"(?:{WORDS.cues['plate']})(?:\s|:|is|number|no\.?|#|是){{0,4}}(?P<value>[A-Z]{{1,3}}"
    rf"[0-9]{{1,4}} ?[A-Z]{{1,3}}|[A-Z]{{2,3}}[ -]?[0-9]{{3,4}}|[0-9][A-Z]{{3}}[0-9]{{3}}|[0-9]{{3}}"
    rf"[ -]?[A-Z]{{3}})(?![A-Za-z0-9])"
)


def _plate(match: re.Match[str]) -> Iterable[Hit]:
    yield Hit(match.start(), match.end(), "plate", re.sub("[·• ]", "", match.group()).upper())


def _plate_said(match: re.Match[str]) -> Iterable[Hit]:
    yield Hit(*match.span("value"), "plate", re.sub("[ -]", "", match["value"]).upper())


PLATES = (Finder(_PLATE, _plate), Finder(_PLATE_SAID, _plate_said))  # Chinese by their shape, others behind a word

# A placeholder in a link is a part of it.
_LINK = late(r"(?:https?://|www\.)(?:[!-;=?-Z\\-~]+|\[[^\[\]\d\n]{1,24}\d{1,3}\]|\[)+", re.IGNORECASE)
_LET_IN = late(
    (
        r"(?:(?<=[?&#;])|(?<=%26))(?P<name>[\w.-]{0,20}?(?:token|api_?key|secret|signature|passw(?:or)?d"
        r"|pwd|session(?:_?id)?|auth(?:orization)?|ticket|openid|jwt|(?<![a-z])(?:key|sig|sid|code))"
        r"[\w.-]{0,8})=(?P<value>[^&#\s]{6,})"
    ),
    re.IGNORECASE,
)
_REACH = late(
    r"(?<=[?&#;])[\w.-]{0,12}(?:tel|phone|mobile|e?mail|idcard)[\w.-]{0,6}=(?P<value>[^&#\s]{5,})", re.IGNORECASE
)
_USER_INFO = late(r"//(?P<value>[^/@\s:]+:[^/@\s]+)@")


def _link(match: re.Match[str]) -> Iterable[Hit]:
    """What lets in or names a person inside a link; the rest of the link stays, with all its digits."""
    link, place = match.group(), match.start()
    if "=" in link or "@" in link:
        found = [m for pattern in (_USER_INFO, _LET_IN, _REACH) for m in pattern.finditer(link)]
        for its in sorted(found, key=lambda its: its.start("value")):
            start, end = (match.start() + at for at in its.span("value"))
            if start >= place and (its.re.pattern != _LET_IN.pattern or any(c.isdigit() for c in its["value"])):
                yield Hit(place, start, "", "")
                yield Hit(start, end, "link-token", its["value"])
                place = end
    yield Hit(place, match.end(), "", "")


LINKS = (Finder(_LINK, _link),)

_KEYS = late(
    r"(?<![A-Za-z0-9])(?:sk-[A-Za-z0-9_-]{16,}|(?:AKIA|ASIA)[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{20,}"
    r"|github_pat_[A-Za-z0-9_]{20,}"
    r"|xox[abprs]-[A-Za-z0-9-]{10,}|AIza[A-Za-z0-9_-]{30,}|glpat-[A-Za-z0-9_-]{15,}|hf_"
    r"[A-Za-z0-9]{20,}|LTAI[A-Za-z0-9]{12,}"
    r"|[rps]k_(?:live|test)_[A-Za-z0-9]{10,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[A-Za-z0-9+/=\s]+(?:-----END [A-Z ]*PRIVATE KEY-----)?"
)
_RANDOM = late(r"(?<![A-Za-z0-9+/_=.-])[A-Za-z0-9+/_-]{24,}={0,2}(?![A-Za-z0-9+/_-])")
_PASSWORD = late(
    rf"(?:{WORDS.cues['secret']})(?:是|为|就是|改成|改为|设成|码|[:：=\s]|is|was|to){{1,5}}(?P<value>[!-~]{{4,64}})",
    re.IGNORECASE,
)
_ANGLES = late(r"[,.;!?)\]\"'’]+$")


def _key(match: re.Match[str]) -> Iterable[Hit]:
    return (Hit(match.start(), match.end(), "secret", match.group()),)


def _password(match: re.Match[str]) -> Iterable[Hit]:
    value = _ANGLES.sub("", match["value"])
    if sum(c.isdigit() for c in value) >= 1 and len(value) >= 4 and not value.startswith(("http", "[", "<")):
        yield Hit(match.start("value"), match.start("value") + len(value), "secret", value)


def _random(text: str) -> bool:
    """Tell whether text looks drawn by lot: letters and digits well mixed, much surprise per character."""
    plain = text.rstrip("=")
    if not (any(c.isdigit() for c in plain) and any(c.isalpha() for c in plain)):
        return False
    surprise = -sum(n / len(plain) * math.log2(n / len(plain)) for n in Counter(plain).values())
    hexadecimal = re.fullmatch("[0-9A-Fa-f-]+", plain) is not None
    return (
        transitions(plain) >= 5 and surprise >= (2.9 if hexadecimal else 3.5) and (not hexadecimal or len(plain) >= 32)
    )


# Keys by their shape or their randomness, and what a word calls a password or a code.
SECRETS = (
    Finder(_KEYS, _key),
    Finder(_PASSWORD, _password),
    Finder(_RANDOM, lambda match: _key(match) if _random(match.group()) else ()),
)
