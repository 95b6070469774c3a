"""Layouts of exports that people have, by name: `preset: zendesk` in a source of the recipe.

A preset is a source written down beforehand; what the recipe says besides wins. docs/shapes.md shows a sample of each
and says where its layout is documented.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """A layout: what it is, the keys by which a record is known, and the source of the recipe that reads it."""

    name: str
    about: str
    signs: frozenset[str]  # paths that a record has; of a transcript, none
    source: Mapping[str, Any]
    fits: Callable[[Mapping[str, Any]], bool] = lambda _: True  # what its signs do not tell of a record


def _with_one(chat: Mapping[str, Any]) -> bool:
    """Tell whether a chat of Telegram is with a single person, whose id it has; a group's id is nobody's."""
    messages, his = chat.get("messages"), f"user{chat.get('id')}"
    return isinstance(messages, list) and any(isinstance(m, dict) and m.get("from_id") == his for m in messages)


def _with_many(chat: Mapping[str, Any]) -> bool:
    """Tell whether a chat of Telegram is a group: people speak in it, and its id is none of theirs."""
    messages = chat.get("messages")
    people = {m.get("from_id") for m in messages if isinstance(m, dict)} if isinstance(messages, list) else set()
    return not _with_one(chat) and len([one for one in people if str(one).startswith("user")]) > 1


_ALL = (
    Preset(
        "zendesk", "Zendesk Support: tickets with their comments, as the ticket export and the comments API give them",
        frozenset({"requester_id", "comments.0.author_id", "comments.0.public"}),
        {
            "shape": "conversations",
            "columns": {
                "conversation": "id", "messages": "comments", "role": "author_id", "asker": "requester_id",
                "text": "plain_body", "time": "created_at", "id": "id", "kind": "public",
            },
            "said": ["true"],  # internal notes are public: false
        },
    ),
    Preset(
        "intercom", "Intercom: conversations with their parts, as the conversations API gives them",
        frozenset({"source.body", "source.author.type", "conversation_parts.conversation_parts"}),
        {
            "shape": "conversations",
            "columns": {
                "conversation": "id", "messages": "conversation_parts.conversation_parts", "role": "author.type",
                "speaker": "author.name", "text": "body", "time": "created_at", "id": "id", "kind": "part_type",
            },
            "roles": {"user": ["user", "lead", "contact"], "assistant": ["admin", "team"], "bot": ["bot"]},
            "said": ["comment", "quick_reply"],
            "before": {"text": "source.body", "role": "user", "by": "source.author.type", "time": "created_at"},
        },
    ),
    Preset(
        "freshdesk", "Freshdesk: tickets with their conversations, as the tickets API gives them",
        frozenset({"description_text", "conversations.0.incoming", "conversations.0.body_text"}),
        {
            "shape": "conversations",
            "columns": {
                "conversation": "id", "messages": "conversations", "role": "incoming", "text": "body_text",
                "time": "created_at", "id": "id", "kind": "private",
            },
            "roles": {"user": ["true"], "assistant": ["false"]},
            "said": ["false"],  # private notes are for colleagues
            "before": {"text": "description_text", "role": "user", "time": "created_at"},
        },
    ),
    Preset(
        "qianniu", "千牛：聊天窗口复制或导出的文本，每条消息前一行是昵称和时间",
        frozenset(),
        {
            "format": "text",
            "shape": "transcript",
            "line": "{account} ({time}):",
            "start": "*与 {customer} 的聊天记录*",
            "roles": {"system": ["系统消息", "系统提示"], "assistant": ["*:*"], "user": ["*"]},  # 店铺:子账号
        },
    ),
    Preset(
        "meiqia", "美洽：对话及其消息（from_type、action 与 SDK 的消息模型一致）",
        frozenset({"conv_id", "messages.0.from_type", "messages.0.content"}),
        {
            "shape": "conversations",
            "columns": {
                "conversation": "conv_id", "messages": "messages", "role": "from_type", "text": "content",
                "time": "created_on", "id": "id", "kind": "action", "speaker": "agent_nickname",
            },
            "roles": {"user": ["client"], "assistant": ["agent", "unit"], "bot": ["bot"], "system": ["system"]},
            "said": ["message", "ticket_reply"],
        },
    ),
    Preset(
        "udesk", "Udesk：IM 会话的聊天记录，一行一条消息",
        frozenset({"im_sub_session_id", "sender", "content.data.content"}),
        {
            "shape": "messages",
            "columns": {
                "conversation": "im_sub_session_id", "role": "sender", "text": "content.data.content",
                "time": "created_at", "id": "id", "kind": "content.type", "speaker": "agent_nick_name",
            },
            "roles": {"user": ["customer"], "assistant": ["agent"], "bot": ["robot"], "system": ["sys"]},
            "said": ["message", "rich"],
        },
    ),
    Preset(
        "sobot", "智齿：会话消息，一行一条；sender_type 0 是客户，1 是机器人，2 是客服",
        frozenset({"cid", "sender_type", "msg"}),
        {
            "shape": "messages",
            "columns": {
                "conversation": "cid", "role": "sender_type", "text": "msg", "time": "t", "kind": "msg_type",
                "speaker": "sender_name",
            },
            "roles": {"user": ["0"], "bot": ["1"], "assistant": ["2"], "system": ["3"]},
            "said": ["0", "5"],  # 文本、富文本
        },
    ),
    Preset(
        "wecom", "企业微信：会话内容存档的明文消息，一行一条",
        frozenset({"msgid", "tolist", "msgtime", "msgtype"}),
        {
            "shape": "messages",
            "columns": {
                "role": "from", "to": "tolist", "customer": "roomid", "text": "text.content", "time": "msgtime",
                "id": "msgid", "kind": "msgtype",
            },
            "roles": {"user": ["wm*", "wo*"], "bot": ["wb*"], "assistant": ["*"]},  # prefixes of external ids
            "said": ["text", "markdown", "mixed"],
        },
    ),
    Preset(
        "telegram", "Telegram Desktop: chats with single people, one or all of them, exported as JSON",
        frozenset({"id", "messages.0.id", "messages.0.type", "messages.0.date"}),
        {
            "shape": "conversations",
            "columns": {
                "customer": "id", "asker": "id", "messages": "messages", "role": "from_id", "speaker": "from",
                "text": "text", "time": "date", "id": "id", "kind": "type",
            },
            "said": ["message"],  # calls and pins are of type service
        },
        _with_one,
    ),
    Preset(
        "telegram-group", "Telegram Desktop: a group in which many customers ask, exported as JSON",
        frozenset({"id", "messages.0.type", "messages.0.date"}),
        {
            "shape": "conversations",
            "columns": {
                "customer": "id", "messages": "messages", "role": "from", "speaker": "from", "text": "text",
                "time": "date", "id": "id", "reply_to": "reply_to_message_id", "kind": "type",
            },
            "roles": {"user": ["*", ""]},  # accounts that were deleted have no name
            "said": ["message"],
            "crowd": True,
        },
        _with_many,
    ),
    Preset(
        "discord", "Discord: a channel in which many customers ask, as DiscordChatExporter writes it as JSON",
        frozenset({"guild.id", "channel.id", "messages.0.author.name"}),
        {
            "shape": "conversations",
            "columns": {
                "customer": "channel.name", "messages": "messages", "role": "author.name", "speaker": "author.name",
                "text": "content", "time": "timestamp", "id": "id", "reply_to": "reference.messageId", "kind": "type",
            },
            "roles": {"user": ["*", ""]},
            "said": ["Default", "Reply"],  # others are pins, joins and threads
            "crowd": True,
        },
    ),
    Preset(
        "freshchat", "Freshchat: messages of conversations, as the conversations API gives them",
        frozenset({"message_parts", "actor_type", "conversation_id"}),
        {
            "shape": "messages",
            "columns": {
                "conversation": "conversation_id", "role": "actor_type", "text": "message_parts",
                "time": "created_time", "id": "id", "kind": "message_type",
            },
            "roles": {"user": ["user"], "assistant": ["agent"], "bot": ["bot"], "system": ["system"]},
            "said": ["normal"],  # private ones are notes for colleagues
        },
    ),
    Preset(
        "lex", "Amazon Lex V2: a bot's conversation logs, each what was said to it with its answers",
        frozenset({"sessionId", "inputTranscript", "messages.0.contentType", "messages.0.content"}),
        {
            "shape": "conversations",
            "columns": {
                "conversation": "sessionId", "messages": "messages", "role": "contentType", "text": "content",
                "kind": "contentType",
            },
            "roles": {"assistant": ["*"]},
            "said": ["PlainText", "SSML", "CustomPayload"],  # others are cards and buttons
            "before": {"text": "inputTranscript", "role": "user", "time": "timestamp"},
        },
    ),
    Preset(
        "slack", "Slack and the like: a channel's messages as the workspace export has them, by thread",
        frozenset({"type", "user", "text", "ts"}),
        {
            "shape": "messages",
            "columns": {
                "role": "user", "speaker": "user", "text": "text", "time": "ts", "id": "ts", "reply_to": "thread_ts",
                "kind": "subtype",
            },
            "said": ["", "thread_broadcast", "bot_message"],
            "opener": True,
            "span_files": True,  # a file for every day; a thread may go on on the next
        },
    ),
)  # fmt: skip
PRESETS = {preset.name: preset for preset in _ALL}


def found(records: Sequence[Mapping[str, Any]]) -> Preset | None:
    """Return the preset whose signs at least three quarters of the records show; the one with most signs."""
    some = records[:200]
    best: Preset | None = None
    for preset in _ALL:
        hits = sum(_shows(record, preset) for record in some)
        if preset.signs and some and hits > 0.75 * len(some) and (best is None or len(preset.signs) > len(best.signs)):
            best = preset
    return best


OUTER = ("messages", "conversation", "customer", "asker", "system")  # of a list of messages, beside it


def inside(records: Sequence[Mapping[str, Any]]) -> tuple[Preset, dict[str, Any]] | None:
    """Return the preset of what stands under one key of each record, as ``msg`` in an answer of an API.

    With it comes what reads it there: paths that begin with the key, but for those in a message of a list.
    """
    keys = [key for key, value in records[0].items() if isinstance(value, Mapping)] if records else []
    for key in keys:
        held = [value for record in records[:200] if isinstance(value := record.get(key), Mapping)]
        preset = found(held)
        if preset and len(held) > 0.75 * len(records[:200]):
            columns = preset.source.get("columns", {})
            below = columns if preset.source["shape"] == "messages" else [name for name in OUTER if name in columns]
            there: dict[str, Any] = {"columns": {name: f"{key}.{columns[name]}" for name in below}}
            for place in {"before", "after"} & preset.source.keys():
                aside = preset.source[place]
                there[place] = {name: text if name == "role" else f"{key}.{text}" for name, text in aside.items()}
            return preset, there
    return None


def within(records: Sequence[Mapping[str, Any]]) -> tuple[Preset, dict[str, Any]] | None:
    """Return the preset of messages that stand in a list of each record, and what reads them there."""
    keys = [key for key, value in records[0].items() if isinstance(value, list)] if records else []
    for key in keys:
        lists = [some for record in records[:200] if isinstance(some := record.get(key), list)]
        preset = found([message for some in lists for message in some if isinstance(message, Mapping)])
        if preset and preset.source["shape"] == "messages" and "conversation" in preset.source["columns"]:
            return preset, {"shape": "conversations", "columns": {"messages": key}}
    return None


def _shows(record: Mapping[str, Any], preset: Preset) -> bool:
    from curation.mapping import value_at

    return all(value_at(record, sign) is not None for sign in preset.signs) and preset.fits(record)


def written(lines: Sequence[str]) -> Preset | None:
    """Return the preset of a transcript: lines begin conversations as it says, and a fifth begin messages."""
    from curation.built import pattern_of

    some = [line for line in lines if line.strip()][:2000]
    for preset in _ALL:
        if "start" not in preset.source:
            continue
        start, line = (pattern_of(preset.source[key]) for key in ("start", "line"))
        if any(map(start.match, some)) and sum(map(bool, map(line.match, some))) > 0.2 * len(some):
            return preset
    return None


def filled(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a source with what its preset says filled in; what is given wins, columns one by one."""
    preset = PRESETS[given["preset"]]
    merged = dict(preset.source) | dict(given)
    if isinstance(given.get("columns"), Mapping):
        merged["columns"] = dict(preset.source.get("columns", {})) | dict(given["columns"])
    return merged
