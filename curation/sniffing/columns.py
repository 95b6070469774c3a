"""What a column of a log looks like, and which column it therefore is: `siftune sniff` rests on these reasons.

Nothing here knows a file's name. A column is judged by how many values it has and how they run, whether they are
times, words of a role, or sentences, by its header word in several languages, and by how it goes with the others.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape
from typing import Any

import polars as pl

from curation import times
from curation.mapping import opened, value_at
from curation.pieces import LONG
from curation.roles import Roles, simplified

_COMMON = Roles({})
_NOTHING = {"", "nan", "null", "none", "n/a", "-", "\\n"}

# Words in a header, as people write them in several languages; a match is a hint, the values decide.
HEADERS: dict[str, str] = {
    "conversation": (
        r"session|conversation|conv_?id|dialog|chat_?id|ticket|case|thread|room|sub_session|cid$|"
        r"会话|对话|工单|聊天id|咨询id|sesi[oó]n|gespräch|会話|세션"
    ),
    "message": r"message_?id|msg_?id|tweet_?id|comment_?id|^id$|uuid|消息(?:id|编号)|记录id|序号|nachrichten_?id",
    "reply_to": r"reply_?to|in_?response_?to|parent|quoted|response_?to|回复(?:id|的消息)",
    "role": (
        r"role|sender|from|speaker|author|direction|side|party|who|is_?agent|is_?staff|inbound|incoming|outbound|"
        r"角色|发送|发言|说话|身份|类型|方向|rolle|absender|remitente|emisor|rol|役割|送信者|보낸"
    ),
    "text": (
        r"text|content|message|body|utter|msg|said|reply|comment|transcript|chat|内容|消息|文本|正文|聊天|"
        r"mensaje|texto|nachricht|inhalt|メッセージ|本文|内容|메시지"
    ),
    "time": (
        r"time|date|creat(?:e|ed|ion)(?:_|at|on|$)|sent|stamp|\bts\b|^ts$|时间|日期|zeit|datum|fecha|hora|日時|時刻|시간"
    ),
    "customer": (
        r"customer|client|user|visitor|buyer|contact|requester|uid|openid|phone|客户|买家|用户|访客|会员|旺旺|"
        r"kunde|cliente|顧客|고객"
    ),
    "speaker": r"name|author|nick|agent|operator|speaker|sender|昵称|姓名|客服|坐席|接待",
    "to": r"^to$|tolist|receiver|recipient|to_?user|接收|收件",
    "kind": r"type|action|event|kind|类型|事件",
    "question": (
        r"question|query|prompt|instruction|ask|problem|问题|提问|"
        r"标准问|知识点?(?:标题|名称)|咨询|用户问|frage|pregunta|質問|질문"
    ),
    "answer": (
        r"answer|output|fulfil+ment|response|reply|completion|solution|回答|答案|答复|回复|antwort|respuesta|回答|답변"
    ),
    "similar": (
        r"相似(?:问|说|提问|句)|扩展问|同义问|其他问法|^(?:paraphrases|similars?)$|"
        r"(?:similar|alternat\w*|variant|paraphras\w*|synonym\w*|expanded|training)[_ ]?"
        r"(?:question|quer|utteran|phras|ask)|"
        r"(?:question|query|utterance|phrase)[_ ]?(?:variant|alternat|paraphras|synonym)"
    ),
    "input": r"^input$|^context$",
    "cot": r"^cot$|reason|thought|rationale|explanation|analysis|chain|思考|推理|解析",
    "system": r"^system(?:_prompt)?$",
    "history": r"^history$",
}  # fmt: skip
_FROM_CUSTOMER = r"inbound|incoming|is_?(?:customer|user|client|visitor)|from_?(?:customer|user|client)|客户发|买家发"
_FROM_AGENT = (
    r"outbound|outgoing|(?:is|by|from|sent_?by)_?(?:agent|staff|seller|operator|bot|waiter|admin)|"
    r"客服发|卖家发|是否客服"
)

_SENTENCE = re.compile(r"[\u4e00-\u9fff\u3040-\u30ff\uac00-\ud7af]{2}|[^\W\d_]{2,}\s+[^\W\d_]{1,}")
_HTML, _WORD = re.compile(r"</?[a-zA-Z][^<>]*>"), re.compile(r"\w+")
_CLOCK = re.compile(r"\d\D+\d|\d{5}")  # any time has two numbers, or a long one
_ASKS = re.compile(
    r"[?？]|吗|怎么|什么|为什么|哪|能不能|可以.{0,4}吗|^(?:how|what|why|where|when|can|do|does|is|i (?:need|want))\b",
    re.I,
)
_SERVES = re.compile(
    r"您|亲|请(?!问)|为您|抱歉|感谢|稍等|\b(?:thank you for|thanks for|please|sorry|apolog|welcome|how (?:can|may) i|"
    r"let me|happy to help|you can|we(?:'ll| will| are)|dm us)\b",
    re.I,
)


MOST = 500  # columns that are looked at: what makes a message stands among the first
LONGEST = 100  # characters of a name


@dataclass
class Column:
    """The values of one column, in file order, as texts; `key` is its header, path or number."""

    key: str | int
    values: list[str]
    lists: bool = False  # its values were lists of texts

    @cached_property
    def filled(self) -> list[str]:
        """Return the values that are there."""
        return [value for value in self.values if value.strip().casefold() not in _NOTHING]

    @cached_property
    def counts(self) -> Counter[str]:
        """Count the values that are there."""
        return Counter(self.filled)

    @property
    def fill(self) -> float:
        """Share of rows that have a value."""
        return len(self.filled) / max(len(self.values), 1)

    @property
    def distinct(self) -> float:
        """Share of different values among those that are there."""
        return len(self.counts) / max(len(self.filled), 1)

    @cached_property
    def length(self) -> float:
        """Mean number of characters."""
        return sum(map(len, self.filled)) / max(len(self.filled), 1)

    @cached_property
    def sentences(self) -> float:
        """Share of values that hold two words or Han characters in a row, and are no links."""
        said = self.filled[:2000]
        return sum(bool(_SENTENCE.search(v)) and not v.startswith("http") for v in said) / max(len(said), 1)

    @cached_property
    def times(self) -> float:
        """Share of values that can be read as times."""
        head = self.filled[:200]
        if sum(len(v) < 60 and bool(_CLOCK.search(v)) for v in head) < 0.5 * len(head):
            return 0.0
        some = pl.Series(head, dtype=pl.String)
        return 1 - times.parsed(some)["at"].null_count() / max(len(some), 1)

    @cached_property
    def numbers(self) -> float:
        """Share of values that are numbers."""
        return sum(v.strip().lstrip("-").replace(".", "", 1).isdecimal() for v in self.filled) / max(
            len(self.filled), 1
        )

    @cached_property
    def known_roles(self) -> float:
        """Share of values that are words of a role."""
        return sum(n for v, n in self.counts.items() if _COMMON.of(v)) / max(len(self.filled), 1)

    @cached_property
    def runs(self) -> int:
        """How often the value changes from one row to the next, plus one."""
        return sum(a != b for a, b in zip(self.values, self.values[1:], strict=False)) + 1

    def named(self, what: str) -> bool:
        """Tell whether its header is a word for `what`; a number has none."""
        own = str(self.key).rsplit(".", 1)[-1][-LONGEST:] if isinstance(self.key, str) else ""
        return bool(re.search(HEADERS[what], simplified(own), re.I))

    @property
    def numbered(self) -> bool:
        """Tell whether its values are numbers of people behind one word, whoever they are: user42, user43."""
        known = {side and side.role for side in map(_COMMON.of, self.counts)}
        return len(known) == 1 and None not in known and all(value[-1:].isdigit() for value in self.counts)

    @property
    def flag(self) -> str:
        """Say what a header means by 1 or true: user, assistant, or nothing."""
        key = str(self.key)
        if re.search(_FROM_CUSTOMER, key, re.I):
            return "user"
        return "assistant" if re.search(_FROM_AGENT, key, re.I) else ""


@dataclass
class Choice:
    """A guess with its confidence (0 to 1) and the reasons for it, in words."""

    value: Any
    confidence: float
    why: str = ""
    others: list[Any] = field(default_factory=list)


def text_column(columns: Sequence[Column], taken: set[str | int]) -> Choice | None:
    """The column of what is said: sentences, most of them different, the longest; its header helps."""
    scored = []
    for column in columns:
        if column.key in taken or not column.filled or (column.times > 0.6 and not column.named("text")):
            continue
        score = (
            column.sentences
            * (0.4 + min(column.length, 60) / 100)
            * (0.3 + 0.7 * column.distinct)
            * (0.5 + column.fill / 2)
        )
        score += 0.5 * column.named("text") if column.sentences > 0.2 else 0
        score -= 0.3 * (column.named("speaker") and not column.named("text"))
        scored.append((score, column))
    scored.sort(key=lambda pair: -pair[0])
    if not scored or scored[0][0] < 0.15:
        return None
    best = next((pair for pair in scored if _bare(pair[1], scored[0][1])), scored[0])
    scored.remove(best)
    scored.insert(0, best)
    second = next((score for score, c in scored[1:] if not _bare(best[1], c)), 0.0)
    sure = 0.97 if best[1].named("text") or second < best[0] / 2 else 0.7
    why = f"{best[1].sentences:.0%} are sentences, {best[1].length:.0f} characters on average"
    return Choice(best[1].key, sure, why, [c.key for _, c in scored[1:3]])


def _bare(column: Column, marked: Column) -> bool:
    """Tell whether a column holds what another does, where that has HTML around it."""
    some = [(a, b) for a, b in zip(column.values[:200], marked.values[:200], strict=False) if a.strip() and b.strip()]
    tagged = sum(_HTML.search(b) is not None and _HTML.search(a) is None for a, b in some)
    same = sum(_WORD.findall(a) == _WORD.findall(_HTML.sub(" ", unescape(b))) for a, b in some)
    return 2 * tagged > len(some) and same > 0.9 * len(some) and column.fill > 0.9 * marked.fill


def time_column(columns: Sequence[Column], taken: set[str | int]) -> Choice | None:
    """The column of times: most values can be read as one; numbers only with a header for it."""
    scored = [
        (
            (
                c.named("time")
                + c.distinct
                + c.fill
                - 0.3 * bool(re.search("updat|modif|end|close|更新|结束", str(c.key), re.I))
            ),
            c,
        )
        for c in columns
        if c.key not in taken and c.filled and c.times > 0.6 and (c.numbers < 0.9 or c.named("time"))
    ]
    if not scored:
        return None
    scored.sort(key=lambda pair: -pair[0])
    best = scored[0][1]
    return Choice(best.key, 0.97 if best.named("time") else 0.85, f"{best.times:.0%} can be read as times")


def session_column(columns: Sequence[Column], taken: set[str | int], role: Sequence[str] | None) -> Choice | None:
    """The column of the conversation: several rows per value, in runs, with both sides in most of them."""
    scored = []
    for column in columns:
        if column.key in taken or column.fill < 0.9 or (column.times > 0.6 and column.numbers < 0.9):
            continue
        n = len(column.counts)
        per = len(column.filled) / max(n, 1)
        if (
            (n < 2 and not column.named("conversation"))
            or per < 1.5
            or (column.sentences > 0.5 and not column.named("conversation"))
        ):
            continue
        together = n / column.runs  # 1: every value is one run of rows
        both = _both_sides(column, role) if role else 0.5
        score = together + 1.5 * both + 0.8 * column.named("conversation") - 0.2 * column.named("customer")
        score += (
            0.3 * min(n / 20, 1)
            - 0.4 * (column.known_roles > 0.5)
            - 1.0 * (n <= 3 and not column.named("conversation"))
        )
        scored.append((score, n, column, both, together))
    scored.sort(key=lambda entry: (-round(entry[0], 1), -entry[1]))
    if not scored or scored[0][0] < 1.0:
        return None
    score, n, best, both, together = scored[0]
    if n < 2 and len(best.filled) > 400:
        return None
    sure = min(0.98, 0.45 + 0.2 * best.named("conversation") + 0.2 * together + 0.2 * both)
    why = f"{n} values, {len(best.filled) / n:.1f} rows each, {together:.0%} in one run"
    if role:
        why += f", both sides in {both:.0%}"
    return Choice(best.key, sure, why, [entry[2].key for entry in scored[1:3]])


def _both_sides(column: Column, role: Sequence[str]) -> float:
    """Share of values with more than one row that have more than one role among them."""
    seen: dict[str, set[str]] = {}
    rows: Counter[str] = Counter()
    for value, side in zip(column.values, role, strict=True):
        if side:
            seen.setdefault(value, set()).add(side)
            rows[value] += 1
    several = [value for value in seen if rows[value] > 1]
    return sum(len(seen[value]) > 1 for value in several) / max(len(several), 1)


def one_sided(column: Column, role: Sequence[str]) -> bool:
    """Tell whether hardly any value with more than one row has both sides: a sender, no conversation."""
    return _both_sides(column, role) < 0.1 and not column.named("conversation")


def role_column(columns: Sequence[Column], taken: set[str | int]) -> Choice | None:
    """The column of who speaks: words of roles, or a flag of two values that take turns."""
    scored = []
    for column in columns:
        n = len(column.counts)
        if column.key in taken or column.fill < 0.5 or n < 2:
            continue
        known = {s.role for v in list(column.counts)[:3000] if (s := _COMMON.of(v))} & {"user", "assistant"}
        changes = column.runs / max(len(column.values), 1)
        balance = 1 - max(column.counts.values()) / len(column.filled)  # of two even sides 0.5
        if n <= 12 and column.known_roles > 0.5 and len(known) == 2:
            score, why = 2.0 + column.known_roles, "words of both sides"
        elif n > 12 and column.known_roles > 0.9 and len(known) == 2 and column.distinct < 0.9:
            score, why = 1.6, "names with a word of a side in them"
        elif n == 2 and balance > 0.1 and changes > 0.1:
            score, why = 0.8 + balance + changes, f"a flag that changes on {changes:.0%} of the rows"
        elif n <= 6 and column.named("role") and balance > 0.1 and column.sentences < 0.5:
            score, why = 0.7 + balance + changes, f"{n} values that change on {changes:.0%} of the rows"
        else:
            continue
        if n == 2 and column.known_roles == 0 and not column.flag:
            score += 0.4 * column.named("role") - 0.8 * (column.sentences > 0.5)
        scored.append((score + 0.3 * column.named("role") + 0.6 * bool(column.flag), column, why))
    if not scored:
        return None
    scored.sort(key=lambda entry: -entry[0])
    score, best, why = scored[0]
    second = scored[1][0] if len(scored) > 1 else 0.0
    sure = 0.97 if score > 2 else 0.9 if score > second + 0.4 else 0.65
    return Choice(best.key, sure, why, [c.key for _, c, _ in scored[1:3]])


def sides(column: Column, texts: Sequence[str], sessions: Sequence[str] | None) -> Choice:
    """Which value means which side: by its word, by the header of a flag, else by how each value speaks.

    Returns role → values. Customers begin, and ask; agents address (您, please), and say the same in many places.
    """
    given: dict[str, list[str]] = {}
    unknown = []
    for value, _ in column.counts.most_common():
        found = _COMMON.of(value)
        if found is None:
            unknown.append(value)
        else:
            given.setdefault("bot" if found.bot else found.role, []).append(value)
    alike = len(column.counts) > 1 and len(given) == 1 and not unknown and given.keys() <= {"user", "assistant"}
    if column.numbered or alike:  # contact and user are both words of customers, and yet two sides
        given, unknown = {}, list(column.counts)
    if {"user", "assistant"} <= given.keys() and not unknown:
        return Choice(given, 0.97, "words that everybody uses")
    if len(column.counts) == 2 and column.flag:
        yes = {"1", "true", "yes", "y", "是", "t"}
        on = [v for v in column.counts if v.strip().casefold() in yes]
        if len(on) == 1:
            other = next(v for v in column.counts if v != on[0])
            pair = (
                {"user": [on[0]], "assistant": [other]}
                if column.flag == "user"
                else {"user": [other], "assistant": [on[0]]}
            )
            return Choice(pair, 0.97, f"what the header '{column.key}' means by {on[0]}")
    if {"user", "bot"} == given.keys() and not unknown:
        return Choice(given, 0.9, "words that everybody uses: a machine answers")
    votes = speaking(column.values, texts, sessions)
    asked = sorted(votes, key=lambda v: (-votes[v], v))
    if "user" in given or "assistant" in given:
        missing = "assistant" if "user" in given else "user"
        if missing in given:
            return Choice(given, 0.8, "known words; others are not mapped", unknown)
        wanted = (asked if missing == "user" else asked[::-1]) or unknown
        pick = next((v for v in wanted if v in unknown), None)
        if pick is not None:
            given[missing] = [pick]
        left = [value for value in unknown if value != pick]
        alone = pick is not None and not left and (missing == "user") == (votes.get(pick, 0) > 0)
        return Choice(given, 0.85 if alone else 0.75, "one side is known, the other speaks differently", left)
    first, last = asked[0], asked[-1]
    margin = votes[first] - votes[last]
    why = f"'{first}' begins and asks more than '{last}'"
    return Choice({"user": [first], "assistant": [last]}, max(0.55, min(0.96, 0.6 + margin / 2.5)), why, asked[1:-1])


def speaking(values: Sequence[str], texts: Sequence[str], sessions: Sequence[str] | None) -> dict[str, float]:
    """Return for every value how much like a customer its rows speak: above 0 more, below 0 less."""
    rows: dict[str, list[str]] = {}
    for value, text in zip(values, texts, strict=True):
        if value.strip():
            rows.setdefault(value, []).append(text)
    begins: Counter[str] = Counter()
    if sessions:
        seen: set[str] = set()
        for value, session in zip(values, sessions, strict=True):
            if session not in seen and value.strip():
                seen.add(session)
                begins[value] += 1
    total = sum(begins.values())
    found = {}
    for value, said in rows.items():
        some = said[:3000]
        asks = sum(bool(_ASKS.search(t)) for t in some) / len(some)
        serves = sum(bool(_SERVES.search(t)) for t in some) / len(some)
        again = 1 - len(set(some)) / len(some)
        length = min(sum(map(len, some)) / len(some), 200) / 200
        share = begins[value] / total if total else 0.5
        found[value] = 1.2 * share + 0.8 * asks - 1.2 * serves - 0.8 * again - 0.6 * length
    if len(found) > 1:
        middle = sum(found.values()) / len(found)
        found = {value: score - middle for value, score in found.items()}
    return found


def flatten(records: Sequence[Mapping[str, Any]]) -> list[Column]:
    """Return the columns of records: every path to a scalar (or a list of texts), in order of first appearance."""
    paths: dict[str, None] = {}

    def walk(value: Mapping[str, Any], above: str, depth: int) -> None:
        for key, inner in value.items():
            path = f"{above}{key}"
            inner = opened(inner)
            if isinstance(inner, list) and len(inner) == 1 and path not in several and isinstance(inner[0], Mapping):
                inner, path = inner[0], f"{path}.0"
            if isinstance(inner, Mapping) and depth < 6:
                walk(inner, f"{path}.", depth + 1)
            elif not isinstance(inner, list) or (inner and all(isinstance(i, str) for i in inner)):
                paths.setdefault(path, None)
            if len(paths) >= MOST:
                return

    several = _longer(records)
    for record in records:
        walk(record, "", 0)
    columns = []
    for path in paths:
        found = [value_at(record, path) for record in records]
        lists = any(isinstance(v, list) for v in found)
        columns.append(Column(path, [_shown(v)[:LONG] for v in found], lists))  # the beginning of a text is enough
    return columns


def similar_paths(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the paths to other ways to ask a question, by their names, where texts or lists stand there."""
    found: dict[str, None] = {}
    named = re.compile(HEADERS["similar"], re.I)

    def walk(value: Mapping[str, Any], above: str, depth: int) -> None:
        for key, inner in value.items():
            if isinstance(inner, Mapping) and depth < 3:
                walk(inner, f"{above}{key}.", depth + 1)
            elif isinstance(inner, (list, str)) and named.search(simplified(str(key))) and _worded(inner):
                found.setdefault(f"{above}{key}")

    for record in records[:300]:
        walk(record, "", 0)
    return list(found)


def _worded(value: Any) -> bool:  # noqa: ANN401
    """Tell whether a value holds words, and is no number, such as that of a similar question."""
    return bool(_SENTENCE.search(json.dumps(value, ensure_ascii=False)))


def _longer(records: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the paths to lists of more than one item in any record: no item of theirs stands for all."""
    found: set[str] = set()

    def walk(value: Mapping[str, Any], above: str, depth: int) -> None:
        for key, inner in value.items():
            if isinstance(inner, Mapping) and depth < 6:
                walk(inner, f"{above}{key}.", depth + 1)
            elif isinstance(inner, list) and len(inner) > 1:
                found.add(f"{above}{key}")

    for record in records:
        walk(record, "", 0)
    return found


def _shown(value: Any) -> str:  # noqa: ANN401
    if value is None or isinstance(value, Mapping):
        return ""
    if isinstance(value, list):
        return "\n".join(str(item) for item in value if isinstance(item, (str, int, float)))
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
