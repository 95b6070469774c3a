"""Who said it: the words of exports in Chinese and English → user, assistant, bot or system.

A word counts as it stands ("agent", 客服), as the known word in a longer name ("agent 小王", 客服-小艾, "Support Bot",
client1), or as the recipe maps it, which comes first. A bot is an assistant that is marked as one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

WORDS: dict[str, tuple[str, ...]] = {
    "user": (
        "user", "usr", "customer", "client", "visitor", "human", "buyer", "guest", "requester", "end-user", "end user",
        "enduser", "end_user", "consumer", "shopper", "contact", "lead", "caller", "inbound", "incoming", "member",
        "passenger", "subscriber",
        "客户", "用户", "买家", "顾客", "访客", "会员", "消费者", "客人", "来访者", "咨询者", "乘客", "提问者", "粉丝",
    ),
    "assistant": (
        "assistant", "agent", "helpdesk", "seller", "gpt", "support", "operator", "staff", "csr", "sys", "admin",
        "representative", "rep", "advisor", "adviser", "merchant", "shop", "store", "vendor", "employee", "team",
        "teammate", "wizard", "model", "outbound", "outgoing", "consultant", "specialist", "moderator", "servicer",
        "human agent", "live agent", "agent human", "customer service", "customer support", "customer care",
        "customer success", "client service", "client support", "user support", "shop assistant",
        "客服", "坐席", "座席", "卖家", "商家", "人工客服", "客服人员", "客户服务", "客户经理", "用户服务", "店铺",
        "店小二", "掌柜", "员工", "顾问", "专员", "导购", "接待", "人工", "成员", "同事",
    ),
    "bot": (
        "bot", "robot", "chatbot", "answerbot", "answer bot", "virtual assistant", "virtual agent", "auto reply",
        "autoreply", "auto_reply", "autoresponder", "ai", "ai agent",
        "机器人", "智能客服", "智能助手", "智能助理", "自动回复", "机器人客服", "ai客服", "虚拟客服",
    ),
    "system": (
        "system", "event", "notification", "notice", "automation", "trigger", "status",
        "系统", "系统消息", "系统通知", "系统提示", "通知", "事件", "提示", "公告",
    ),
}  # fmt: skip

_FROM_TO = re.compile(r"(.*?\S)\s*(?:→|⇒|->|=>)\s*\S")
_HAN = re.compile("[\u4e00-\u9fff]")
_ALL = {word: role for role, known in WORDS.items() for word in known}
_CHINESE = sorted((word for word in _ALL if _HAN.search(word)), key=lambda word: (-len(word), word))
_WEAK = {"ai", "status", "member", "model", "team", "contact", "lead", "store", "成员", "同事", "粉丝", "提示", "接待"}


_TRADITIONAL = str.maketrans(
    "話訊內時間戶賣買顧員專號機統對發單編應問題訂導購諮詢聯繫會屬標識資總類別項點無線實際開關係稱",
    "话讯内时间户卖买顾员专号机统对发单编应问题订导购咨询联系会属标识资总类别项点无线实际开关系称",
)


def simplified(word: str) -> str:
    """Return a word of headers or roles with the traditional characters among those that they use made simple."""
    return word.translate(_TRADITIONAL)


class Speaker(NamedTuple):
    """A side of the conversation, and whether it is a bot of the assistant's side."""

    role: str
    bot: bool


class Roles:
    """The roles of one source: the recipe's words and globs first, then the words everybody uses.

    The recipe's word may be an empty text: who has no name.
    """

    def __init__(self, given: Mapping[Any, Sequence[str]]) -> None:
        """Take the recipe's words by role; a word with ``*`` is a glob, and ``*`` alone is everybody else."""
        words = [(word.strip().casefold(), role) for role, some in given.items() for word in some]
        self.rest = next((role for word, role in words if word == "*"), "")
        self.globs = [(word, role) for word, role in words if "*" in word and word != "*"]
        self.words: dict[str, str] = _ALL | {word: role for word, role in words if "*" not in word}
        self.given = {word for word, _ in words}
        self._known: dict[str, Speaker | None] = {}

    def of(self, word: str) -> Speaker | None:
        """Return whose word it is, or None where nobody knows it."""
        if word not in self._known:
            self._known[word] = self._find(word.strip().casefold())
        return self._known[word]

    def _find(self, word: str) -> Speaker | None:
        if not word:  # of an empty cell only the recipe knows whose it is
            return speaker(self.words[""]) if "" in self.given else None
        role = self.words.get(word) if word in self.given or not self.globs else None
        if word not in self.given and (sender := _FROM_TO.match(word)):  # 用户→商家: the first one speaks
            word = sender[1]
        role = role or next((role for glob, role in self.globs if fnmatchcase(word, glob)), None)
        role = role or self.words.get(word) or self.words.get(simple := simplified(word)) or known_inside(simple)
        role = role or self.rest
        return speaker(role) if role else None


def speaker(role: str) -> Speaker:
    """Return the side that a recipe's word (user, assistant, bot, system) stands for."""
    return Speaker("assistant", bot=True) if role == "bot" else Speaker(role, bot=False)


def known_inside(name: str) -> str | None:
    """Find the known word in a longer name such as ``agent 小王``, 客服-小艾 or ``Support Bot``.

    A bot's word wins ("Support Bot"); else of Latin words the last, which is what an English name is about; else the
    longest Chinese one.
    """
    parts = [part.rstrip("0123456789") for part in re.findall(r"[a-z][a-z0-9-]*|[^\Wa-z_]+", name)]
    latin: list[str] = []
    place = 0
    while place < len(parts):
        for size in (3, 2, 1):
            phrase = " ".join(parts[place : place + size])
            if phrase in _ALL and phrase not in _WEAK:
                latin.append(_ALL[phrase])
                place += size
                break
        else:
            place += 1
    chinese = [_ALL[word] for word in _CHINESE if word in name and word not in _WEAK][:1] if _HAN.search(name) else []
    found = latin + chinese
    if "bot" in found:
        return "bot"
    return next(iter(chinese or latin[-1:]), None)
