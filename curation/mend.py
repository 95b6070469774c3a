"""Repairs of a message's text that keep its meaning; each change is a finding with the text before and after.

A mend is a name and an expression text → text. They run in the order below: characters first, then markup, then
what the platform added (handles, initials), then white space. Masking of personal data (privacy.py) comes last.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

import polars as pl

from curation import privacy, quoted, tables
from curation.checks.registry import ANY_LENGTH, by_distinct
from curation.errors import RecipeError
from curation.privacy import Masking
from curation.recipe import Mend

# Full-width letters and digits only: full-width punctuation is proper Chinese and stays. The ideographic space
# U+3000 is handled with the other white space.
_WIDE = {chr(code + 0xFEE0): chr(code) for code in (*range(0x30, 0x3A), *range(0x41, 0x5B), *range(0x61, 0x7B))}

# Zero-width space and marks, bidi controls, word joiner, BOM, soft hyphen, C0/C1 controls except tab and line ends.
# U+200D (zero-width joiner) stays: it holds family emoji together; U+200C stays for Persian.
_INVISIBLE = (
    "[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u00ad"
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]"
)

# Emoticon short codes of Chinese chat clients: [微笑], /:^_^, /:809. Words in brackets that are no emoticon, such as
# the masks [订单号] and [电话x], must stay, hence the list.
_FACES = (
    "微笑|撇嘴|色|发呆|得意|流泪|害羞|闭嘴|睡|大哭|尴尬|发怒|调皮|呲牙|惊讶|难过|囧|抓狂|吐|偷笑|愉快|白眼|傲慢|"
    "困|惊恐|憨笑|悠闲|咒骂|疑问|嘘|晕|衰|骷髅|敲打|再见|擦汗|抠鼻|鼓掌|坏笑|右哼哼|鄙视|委屈|快哭了|阴险|亲亲|"
    "可怜|笑脸|生病|脸红|破涕为笑|恐惧|失望|无语|嘿哈|捂脸|奸笑|机智|皱眉|耶|吃瓜|加油|汗|天啊|社会社会|旺柴|好的|打脸|"
    "哇|翻白眼|666|让我看看|叹气|苦涩|裂开|嘴唇|爱心|心碎|拥抱|强|弱|握手|胜利|抱拳|勾引|拳头|合十|啤酒|咖啡|蛋糕|"
    "玫瑰|凋谢|菜刀|炸弹|便便|月亮|太阳|庆祝|礼物|红包|發|福|烟花|爆竹|猪头|跳跳|发抖|转圈|开心|大笑|哈哈|可爱|爱你|"
    "飞吻|鲜花|赞|心|花心|媚眼|呵呵|泪|怒|哼|抱抱|鼓掌|拜拜|太开心|思考|嘻嘻|good|ok"
)

# Markup only: a tag with nothing, or with attributes, in it. "x<a and b>c" is none, nor is <a> without an </a>.
_TAGS = "p|div|span|b|i|u|a|font|strong|em|ul|ol|li|h[1-6]|table|tr|td"
_TAG = rf"""(?i)</?(?:{_TAGS}|img|br)(?:\s+[\w-]+\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+))*\s*/?>"""

# Mails: the head of an HTML document, styles and comments, and what was quoted from the mail before, to the end.
# One pattern after another: where two wait for their ends, a match of one may read on to the end of the text.
_UNSEEN = (
    *(rf"(?is)<{tag}(?-u:\b)[^>]*>.*?</{tag}\s*>" for tag in ("head", "style", "script", "title")),
    "(?s)<!--.*?-->",
    r"(?i)<(?:/?(?:html|body|meta|link)(?-u:\b)|!doctype)[^>]*>",
)
_QUOTED = (
    r"(?is)<div\s[^>]*(?:gmail_quote|divRplyFwdMsg|appendonsend)[^>]*>.*",
    r"(?is)<blockquote(?-u:\b)[^>]*>.*?</blockquote\s*>",
)

# Emoticons written with letters and marks: O(∩_∩)O~, (╯▽╰), ^_^, T_T, and the emoji of Unicode.
_KAOMOJI = r"[oO╮╭ヾ~～]?\((?:[^()\p{Han}A-Za-z0-9]|[oO]){3,9}\)[oO╯╭ノ~～/]*|\^_+\^|\bT_+T\b|>_+<|-_+-\|*"
_EMOJI = (
    "(?:[\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u27bf\u2b50\u2b55\u231a-\u23ff]"
    "[\ufe0f\u200d\U0001f3fb-\U0001f3ff]*)+"
)

TEXT = pl.col("text")
QUOTES = ("evidence", "before", "after")
NOTHING = privacy.masking(mask=False)

# Said while thinking, and how Chinese agents call customers: taken out only where marks part it from the sentence,
# or where no reading as a part of it is left (uh, 哦亲). "好的那个订单" and "I like it" keep their words, and "um"
# stays in German (um 10 Uhr, ich tausche es um) and Portuguese (de um pedido): it goes before English words.
_ENGLISH = (
    r"i|i'?m|i've|how|what|when|where|why|can|could|would|my|the|this|that|is|are|yes|yeah|you|we|it|it's|there|please"
    r"|just|like|and|but|maybe|do(?:es)? (?:i|you|we|it)|so (?:i|i'm|how|what|my|can|the|it|we|is|when|where|why)"
)
_FILLERS = {
    r"(?i)(^|[.!?]\s+)(?:(?:um+|uh+|erm+|hmm+|well|like|you know|i mean|basically|so yeah)[,.…]+\s*)+": "${1}",
    r"(?i),\s*(?:you know|like|um+|uh+|i mean|kind of|sort of),\s*": " ",
    r"(?i)(?:,\s+um|,?\s+(?:um{2,}|uh+|erm+))$": "",  # with the comma before it: nothing comes behind any more
    r"(?i)(^|\s)(?:um{2,}|uh+|erm+)(?:,?\s+|$)": "${1}",
    rf"(?i)(^|\s)um(?:,\s+|\s+({_ENGLISH})\b)": "${1}${2}",
    r"([，,])\s*(?:嗯+|啊+|呃+|额|那个|就是说?|怎么说呢|你知道吧?)[，,…]+\s*": "${1}",
    r"^(?:嗯+|啊+|呃+|额+|那个|就是说?|亲+)[，,…、]+\s*": "",
    r"([哦呢的哈啦呀了吗啊])亲+(?:爱的)?[，,、\s]*$": "${1}",
    r"([哦呢的哈啦呀了吗啊])亲+(?:爱的)?([，,。！!？?~～\s]|$)": "${1}${2}",
}
_CALLS = r"^(?:亲亲|亲爱[的哒滴]|亲)(?:客户|顾客)?[，,~～\s]+"

_HANDLE = r"@[\p{Han}A-Za-z0-9_-]{1,30}"
# @某某客服; an English one at the end may be a part of the sentence.
_HAN_HANDLE = r"@[A-Za-z0-9_-]{0,20}\p{Han}[\p{Han}A-Za-z0-9_-]{0,30}"


def _without_handles(text: pl.Expr) -> pl.Expr:
    """Take off whom a post is addressed to: handles at its beginning, and Chinese ones behind its end."""
    left = text.str.replace(rf"^(?:\.?{_HANDLE}[\s,:，：]+)+", "")
    left = left.str.replace(rf"([\s,，.。！!？?…~～）)])\s*(?:{_HAN_HANDLE}\s*)+$", "${1}")
    return pl.when(left.str.contains(r"[\p{L}\p{N}]")).then(left)


def _without(text: pl.Expr, patterns: Sequence[str]) -> pl.Expr:
    for pattern in patterns:
        text = text.str.replace_all(pattern, "")
    return text


def _seen_of_mail(text: pl.Expr) -> pl.Expr:
    """Return what is seen of an HTML mail, without the mail that it quotes unless that is all there is."""
    seen = _without(text, _UNSEEN)
    own = _without(seen, _QUOTED)
    said = _without(own, ("<[^>]*>", r"&\w+;")).str.contains(r"[\p{L}\p{N}]")
    return pl.when(said).then(own).otherwise(seen)


MENDS: dict[str, pl.Expr] = {
    "unicode": TEXT.str.normalize("NFC"),
    "html-entity": pl.coalesce(
        by_distinct(
            pl.when(TEXT.str.contains(r"&(?:[A-Za-z]{2,8}|#[0-9]{2,6}|#[xX][0-9A-Fa-f]{2,5});")).then(TEXT),
            lambda text: _unescape(text),
            longest=ANY_LENGTH,
        ),
        TEXT,
    ),
    "html-document": _seen_of_mail(TEXT),
    "html-tag": pl.when(TEXT.str.contains(r"(?i)<br\s*/?>|</(?:" + _TAGS + r")>"))
    .then(TEXT.str.replace_all(r"(?i)<br\s*/?>|</p>|</div>|</li>", "\n").str.replace_all(_TAG, ""))
    .otherwise(TEXT),
    "quoted-mail": quoted.without(TEXT),
    "invisible-character": TEXT.str.replace_all(_INVISIBLE, ""),
    "full-width": TEXT.str.replace_many(list(_WIDE), list(_WIDE.values())),
    "emoji-code": TEXT.str.replace_all(
        rf"\[(?:{_FACES})\]|/:(?:\^_\^|\$|[0-9]{{3}}|[A-Za-z]{{2,6}}\b|[><~!@#%&*?.;,()'|-]{{1,3}})", ""
    ),
    "emoticon": pl.when(TEXT.str.contains(r"[_∩▽╯ω﹏□◕]", literal=False))
    .then(TEXT.str.replace_all(_KAOMOJI, ""))
    .otherwise(TEXT),
    "repeated-mark": TEXT.str.replace_all(r"([!！])[!！]+", "${1}")
    .str.replace_all(r"([?？])[?？]+", "${1}")
    .str.replace_all(r"([~～])[~～]+", "${1}")
    .str.replace_all(r"。{2,}", "。")
    .str.replace_all(r"，{2,}", "，"),
    "handle": pl.coalesce(_without_handles(pl.when(TEXT.str.contains("@", literal=True)).then(TEXT)), TEXT),
    # ^PR and *MS on social networks, -小D in Chinese, -Angie and /GS: only behind the mark that ends the message.
    "signature": pl.when(pl.col("role") == "assistant")
    .then(
        TEXT.str.replace(r"[\s,，]*\^[A-Za-z]{1,15}\s*$", "")
        .str.replace(r"(\S)\s+(?:\*[A-Z]{2,3}|[~～][A-Z][a-z]{2,11})\s*$", "${1}")
        .str.replace(
            r"([。.!！?？~～)])\s+(?:\*[A-Z]{1,3}|/[A-Z]{2,3}|[-–—~]\s?(?:[A-Z][a-z]{2,11}|小[A-Z\p{Han}]))\s*$", "${1}"
        )
    )
    .otherwise(TEXT),
    "split-mark": TEXT.str.replace(r"([。.!！?？…])\s*[(（]?[1-4]/[2-4][)）]?\s*$", "${1}")
    .str.replace(r"^\s*[(（][1-4]/[2-4][)）]\s*", "")
    .str.replace(r"^\s*[1-4]/[2-4][ \t]*[\r\n]\s*(\S)", "${1}"),
    "surplus-space": TEXT.str.replace_all("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]", " ")
    .str.replace_all(r"(\S)[ \t]{2,}", "${1} ")  # not at the beginning of a line: indentation has a meaning
    .str.replace_all(r"[ \t]*(?:\r\n|[\r\n\x{85}\x{2028}\x{2029}])", "\n")
    .str.replace_all(r"\n{3,}", "\n\n")
    .str.strip_chars(),
}


# Only what was said in a chat: a finished record means every word of it.
CHAT_MENDS = ("html-document", "quoted-mail", "emoticon", "repeated-mark", "filler")


def _without_fillers(text: pl.Expr) -> pl.Expr:
    """Take fillers out of `text`; a text of nothing else stays, for the rules to judge."""
    shorter = text
    for pattern, left in _FILLERS.items():
        shorter = shorter.str.replace_all(pattern.replace(r"\b", r"(?-u:\b)"), left)
    called = pl.when(pl.col("role") == "assistant").then(shorter.str.replace(_CALLS, "")).otherwise(shorter)
    return pl.when(called.str.count_matches(r"[\p{L}\p{N}]") >= 2).then(called).otherwise(text)


MENDS["filler"] = _without_fillers(TEXT)

# What must be in a text for a mend to change it: most texts have nothing of all this, and are looked at once. Looked
# for in the text as it is when the mend's turn comes; a mend that looks for more would be passed over.
LIKELY: dict[str, str] = {
    # Beyond blocks of which no character is composed, decomposed, or moved (tests/curation/test_mend.py).
    "unicode": "[^\x00-\u02ff\u0400-\u0482\u2010-\u205e\u2190-\u2328\u232b-\u2adb\u3001-\u3029\u3041-\u3096"
    "\u30a0-\u30ff\u3105-\u312f\u3400-\u9fff\uac00-\ud7a3\uff01-\uffee\U0001f000-\U0001faff]",
    "html-entity": r"&[A-Za-z#]",
    "html-document": r"(?i)<(?:html|head|body|style|script|title|blockquote|!|div\s[^>]*(?:gmail_q|divRply|appendon))",
    "html-tag": r"(?i)<br|</",
    "quoted-mail": quoted.LIKELY,
    "invisible-character": _INVISIBLE,
    "full-width": "[０-９Ａ-Ｚａ-ｚ]",
    "emoji-code": r"\[|/:",
    "emoji": _EMOJI,
    "emoticon": "[_∩▽╯ω﹏□◕]",
    "repeated-mark": "[!！]{2}|[?？]{2}|[~～]{2}|。。|，，",
    "handle": r"^\.?@|[\s,，.。！!？?…~～）)]@[A-Za-z0-9_-]{0,20}\p{Han}",
    "signature": r"[\^*~～/–—-]\s?(?:[A-Za-z]{1,15}|小[A-Z\p{Han}])\s*$",
    "split-mark": "[1-4]/[2-4]",
    "surplus-space": r"[\s&&[^ ]]|  |^ | $",
    "filler": r"(?i)(?:^|[\s,])(?:(?:um+|uh+|erm+)(?:[\s,.…]|$)|(?:hmm+|well|like|you know|i mean|basically|so yeah"
    r"|kind of|sort of)[,.…])|(?:[嗯啊呃额]|那个|就是说?|怎么说呢|你知道吧?)[，,…、]|亲",
    "simplified": r"\p{Han}",
}


def simplified(text: pl.Expr) -> pl.Expr:
    """Turn traditional Chinese into simplified. Raises RecipeError without the extra `simplified` (OpenCC)."""
    try:
        from opencc import OpenCC
    except ImportError:
        raise RecipeError(
            "mend.simplified needs OpenCC, which is not installed; run: pip install 'siftune[simplified]'"
        ) from None
    converter = OpenCC("t2s")
    return by_distinct(
        pl.when(text.str.contains(r"\p{Han}")).then(text), converter.convert, longest=ANY_LENGTH
    ).fill_null(text)


def _steps(policy: Mend) -> Iterator[tuple[str, pl.Expr]]:
    """Yield name and expression of every mend that the recipe wants."""
    for name, expression in MENDS.items():
        if name in ("emoji-code", "emoticon") and policy.emoji == "keep":
            continue
        chat = pl.when(pl.col("record")).then(TEXT).otherwise(expression) if name in CHAT_MENDS else expression
        yield name, chat
        if name == "emoji-code" and policy.emoji == "drop":
            yield "emoji", TEXT.str.replace_all(_EMOJI, "")
    if policy.simplified:
        yield "simplified", simplified(TEXT)


def _unescape(text: str) -> str:
    """Undo HTML entities, also those that were escaped twice (&amp;amp;)."""
    for _ in range(3):
        plain = html.unescape(text)
        if plain == text:
            break
        text = plain
    return text


def mend(
    messages: pl.DataFrame,
    policy: Mend | None = None,
    *,
    mask: Masking = NOTHING,
    earlier: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Repair `text` of every message; return the messages, and `earlier` findings with one more per change.

    `policy` is the recipe's section `mend` (default: its defaults). Raises RecipeError where it needs an extra that is
    not installed.

    `mask` says which personal data is replaced by placeholders, in the text and in reasoning that came along with it
    (`cot`). What findings quote is masked too, with the same placeholders.
    """
    changes: list[pl.DataFrame] = [tables.empty(tables.FINDINGS) if earlier is None else earlier]
    steps = list(_steps(policy or Mend()))
    any_of_them = "|".join(f"(?:{LIKELY[name]})" for name, _ in steps)
    columns = ["conversation", "message", "role", "record", "text"]
    left = messages.with_row_index("row").filter(TEXT.str.contains(any_of_them)).select("row", *columns)
    for name, expression in steps:
        tried = left.with_row_index("place").filter(TEXT.str.contains(LIKELY[name]))
        if tried.is_empty():  # the patterns of a mend are dear to compile, and a small log needs few
            continue
        rows = tried.with_columns(after=expression).filter(pl.col("after") != TEXT)
        told = rows.rename({"text": "before"}).with_columns(rule=pl.lit(f"mend/{name}"), action=pl.lit("note"))
        changes.append(tables.findings(told))
        left = left.with_columns(left["text"].scatter(rows["place"], rows["after"]))
    messages = messages.with_columns(messages["text"].scatter(left["row"], left["text"]))
    return _masked(messages, pl.concat(changes), mask)


def _before(values: pl.Series, conversations: pl.Series, back: int) -> pl.Series:
    """Return the value of the message `back` before each in its conversation; 0 where there is none."""
    same = conversations == conversations.shift(back)
    return values.shift(back).zip_with(
        same.fill_null(value=False), pl.repeat(0, len(values), dtype=values.dtype, eager=True)
    )


def _masked(messages: pl.DataFrame, mends: pl.DataFrame, mask: Masking) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Mask messages and what is said of their repairs; add a finding per message and kind. Evidence: a placeholder."""
    if not mask.kinds:
        return messages, mends
    nothing = pl.lit(None, dtype=pl.String)
    asks = nothing
    if mask.kinds & privacy.ASKED:  # an answer may follow a 好的 or stand behind "my number is"
        before = [_before(privacy.asked(messages["text"]), messages["conversation"], back) for back in (1, 2)]
        asks = pl.when(TEXT.str.len_chars() <= privacy.LONGEST).then(privacy.kinds(before[0] | before[1]))
    parts = {
        "text": messages.select("conversation", text="text", asked=asks),
        "cot": messages.select("conversation", text="cot", asked=nothing),
        **{name: mends.select("conversation", text=name, asked=nothing) for name in QUOTES},
    }
    texts, hits = privacy.masked(pl.concat(parts.values()), mask)
    heights = {name: part.height for name, part in parts.items()}
    column, offset = {}, 0
    for name, height in heights.items():
        column[name] = texts.slice(offset, height).alias(name)
        offset += height
    where = messages.select("conversation", "message")
    found = (
        hits.filter(pl.col("row") < 2 * messages.height)
        .with_columns(message_row=pl.col("row") % messages.height if messages.height else pl.col("row"))
        .unique(["message_row", "kind"], keep="first", maintain_order=True)
        .join(where.with_row_index("message_row"), on="message_row", how="left", maintain_order="left")
        .with_columns(rule=pl.lit("mend/") + pl.col("kind"), action=pl.lit("note"), evidence="placeholder")
    )
    masks = tables.findings(found.drop("start", "end"))
    return (
        messages.with_columns(column["text"], column["cot"]),
        pl.concat([mends.with_columns(column[name] for name in QUOTES), masks]),
    )
