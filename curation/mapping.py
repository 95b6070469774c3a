"""Which column holds what, and which word means which role: the recipe's answer, or names everybody uses.

The lists below are header names and role words as common exports write them; matching ignores case and
surrounding space. A recipe's own mapping always comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from curation.errors import SourceError
from curation.recipe import Columns, Source

NAMES: dict[str, tuple[str, ...]] = {
    "conversation": (
        "conversation", "conversation_id", "conversationid", "session", "session_id", "sessionid", "dialogue_id",
        "dialogueid", "dialog_id", "chat_id", "ticket", "ticket_id", "case_id", "thread_id",
        "会话id", "会话编号", "会话", "对话id", "工单号", "工单编号",
    ),
    "role": (
        "role", "sender", "from", "speaker", "author_type", "sender_type", "direction",
        "发送方", "角色", "发送者", "说话人", "发送人类型",
    ),
    "text": (
        "text", "content", "message", "body", "value", "utterance", "utterances", "msg",
        "内容", "消息内容", "消息", "聊天内容", "文本",
    ),
    "time": ("time", "timestamp", "created_at", "datetime", "date", "ts", "sent_at", "时间", "发送时间", "消息时间"),
    "messages": ("messages", "conversations", "turns", "dialogue", "dialog", "utterances", "history"),
    "question": ("question", "instruction", "query", "prompt", "问题", "提问", "用户问题"),
    "input": ("input",),
    "answer": ("answer", "output", "response", "reply", "completion", "回答", "答案", "回复"),
    "cot": ("cot", "reasoning", "thought_process", "complex_cot", "reasoning_content", "思考", "推理", "解析"),
}  # fmt: skip

ROLE_WORDS: dict[str, tuple[str, ...]] = {
    "user": (
        "user", "usr", "customer", "client", "visitor", "human", "buyer", "guest", "requester", "end-user", "enduser",
        "客户", "用户", "买家", "顾客", "访客", "会员", "消费者",
    ),
    "assistant": (
        "assistant", "agent", "helpdesk", "seller", "gpt", "support", "operator", "staff", "csr", "sys", "admin",
        "客服", "坐席", "卖家", "商家", "人工客服", "客服人员",
    ),
    "system": ("system", "bot", "robot", "event", "系统", "机器人", "系统消息", "智能客服"),
}  # fmt: skip


@dataclass(frozen=True)
class Mapping_:
    """A source's mapping, settled: the shape, the key of every column that exists, and the roles by word."""

    shape: str
    columns: dict[str, str | int]
    roles: dict[str, str]


def roles_by_word(source: Source) -> dict[str, str]:
    """Return role by lower-case word: the common words first, then the recipe's, which win."""
    words = {word: role for role, known in ROLE_WORDS.items() for word in known}
    words.update({word.strip().casefold(): role for role, given in source.roles.items() for word in given})
    return words


def settle(source: Source, keys: Iterable[str], first: Mapping[str, object] | None, file: str) -> Mapping_:
    """Find the shape and the columns of a file from its keys (header or first record) and the recipe.

    `first` is the first record where records are nested (JSON), None for tables.
    Raises SourceError when no shape fits; it lists the keys that were found.
    """
    present = list(keys)
    columns = _columns(source.columns, present, file)
    shape = source.shape if source.shape != "auto" else _shape(columns, first)
    needed = {
        "messages": ("conversation", "role", "text"),
        "conversations": ("messages",),
        "records": ("question",),
    }
    missing = [name for name in needed.get(shape, ()) if name not in columns]
    if not shape or missing:
        shown = ", ".join(present[:20]) or "no names"
        what = f"no column for {' and '.join(missing)}" if shape else "no column names that say what holds what"
        raise SourceError(
            f"{file}: {what}; found: {shown}; name them in the recipe, e.g. "
            "sources: [{columns: {conversation: …, role: …, text: …}}]"
        )
    return Mapping_(shape, columns, roles_by_word(source))


def _columns(given: Columns, present: list[str], file: str) -> dict[str, str | int]:
    """Return the key of every column: as the recipe names it, else by a common name."""
    by_word = {str(key).strip().casefold(): key for key in present}
    columns: dict[str, str | int] = {}
    for name, known in NAMES.items():
        asked = getattr(given, name)
        if asked is not None:
            nested = isinstance(asked, str) and "." in asked
            if isinstance(asked, str) and present and not nested and asked not in present:
                raise SourceError(
                    f"{file}: the recipe's column '{asked}' is not there; found: {', '.join(present[:20])}"
                )
            columns[name] = asked
        else:
            found = next((by_word[word] for word in known if word in by_word), None)
            if found is not None:
                columns[name] = found
    return columns


def _shape(columns: dict[str, str | int], first: Mapping[str, object] | None) -> str:
    """Guess the shape: a list of messages inside the record, else role and text, else question and answer."""
    held = first.get(str(columns["messages"])) if first is not None and "messages" in columns else None
    if isinstance(held, list) and held and isinstance(held[0], dict):
        return "conversations"
    if "role" in columns and "text" in columns:
        return "messages"
    return "records" if "question" in columns else ""
