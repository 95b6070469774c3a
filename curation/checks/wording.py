"""Checks of a single message's wording."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from curation.checks import letters
from curation.checks.alternatives import factored, once_each
from curation.checks.registry import check, shared

TEXT = pl.col("text")

NEVER = r"^[^\s\S]"  # matches nothing; without ^ it is looked for at each character

# What separates clauses in chat: white space, punctuation and symbols, in both scripts. Masks such as [订单号]
# keep their brackets, so that a message of masks is not taken for an empty one. No mark is the capital of another:
# without case twice as fast to compile.
BETWEEN = r"(?-i:[\s\p{P}\p{S}&&[^\[\]#@%&/$+<>'’]])"
_TO_SPACE = r"[^\s。！？!?，,;；.\d]*"
_TO_MARK = r"(?-u:\b)[^。！？!?，,;；.:–—\n\d]*"


def phrase_pattern(phrases: list[str], *, over_spaces: bool) -> str:
    """Return a regular expression for any one of `phrases`.

    An ellipsis ``…`` in a phrase stands for anything up to the end of the clause: the next mark, or, as Chinese
    chat parts its clauses by spaces too, the next white space; `over_spaces` is for languages that part words so
    (then it begins at the end of a word). It holds no digit: what has numbers in it is information.
    """
    rest = _TO_MARK if over_spaces else _TO_SPACE
    return "|".join(phrase.replace("…", rest) for phrase in phrases)


def clauses(phrases: list[str], *, over_spaces: bool = False) -> str:
    """Return a regular expression for texts made of `phrases` only, with marks and white space between them.

    Chinese phrases may also follow each other without a mark (好的谢谢).
    """
    one = factored(phrase_pattern(phrases, over_spaces=over_spaces))
    after = rf"(?:{BETWEEN}+|$)" if over_spaces else rf"{BETWEEN}*"
    # The phrases stand here once: twice as long a pattern may be too large for the fast automaton of Polars' engine,
    # and another one, fifty times slower, takes its place.
    try:
        return regex(rf"^{BETWEEN}*(?:(?:{one}){after})+$")
    except ValueError:
        for phrase in phrases:  # the one that is wrong alone says it better
            if _fault(phrase.replace("…", "")):
                regex(*phrases)
        raise


def regex(*patterns: str, sure: bool = False) -> str:
    r"""Return one case-insensitive expression for any of `patterns`, its match in group 1.

    ``\b`` is made the border of ASCII words: a hundred times faster on Chinese text, and right beside Han characters,
    which Unicode counts as parts of words. An apostrophe also matches the curly one. A wrong pattern fails here,
    where the rule is bound, not in the middle of a run; it is not tried where the patterns are `sure`: our own, or made
    of such as were tried.
    """
    pattern = "(?i)(" + "|".join(p.removeprefix("(?i)") for p in patterns) + ")"
    pattern = pattern.replace(r"(?-u:\b)", r"\b").replace(r"\b", r"(?-u:\b)")
    pattern = pattern.replace("['’]", "'").replace("'", "['’]")
    if (later := _LATER.get()) is not None:
        later.append(pattern)
    elif not sure and (fault := _fault(pattern)):
        wrong = next((one for one in patterns if len(patterns) > 1 and _fault(one)), None)
        raise ValueError(f"not a regular expression: {fault}{'' if wrong is None else f' in {wrong[:60]!r}'}")
    return pattern


_LATER: ContextVar[list[str] | None] = ContextVar("later", default=None)


@contextmanager
def untried() -> Iterator[list[str]]:
    """Give a list of the patterns that `regex` makes meanwhile, none of which it tries."""
    patterns: list[str] = []
    before = _LATER.set(patterns)
    try:
        yield patterns
    finally:
        _LATER.reset(before)


def trying(patterns: Sequence[str]) -> Callable[[], bool]:
    """Begin to try whether all `patterns` are regular expressions; what is returned waits for it, and tells.

    They are dear to compile. As one query they are on all cores, beside what the caller does meanwhile.
    """
    each = [TEXT.str.contains(pattern).alias(str(i)) for i, pattern in enumerate(dict.fromkeys(patterns))]

    def tried() -> bool:
        try:
            pl.DataFrame({"text": [""]}).select(each)
        except pl.exceptions.ComputeError:
            return False
        return True

    pool = ThreadPoolExecutor(1)
    found = pool.submit(tried)
    pool.shutdown(wait=False)
    return found.result


@cache
def _fault(pattern: str) -> str:
    """Say what is wrong with a regular expression; empty where nothing is. Many are bound more than once."""
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError as fault:
        told = str(fault)  # "error: what is wrong" stands in the middle of lines that show the pattern
        what = re.search(r"^error: (.*)|size limit", told, re.MULTILINE)
        return told.splitlines()[0][:120] if what is None else what[1] or "it is too large"
    return ""


@check(on="message")
def only_phrases(
    *,
    phrases: list[str],
    beside: list[str] | None = None,
    unless_after: str | None = None,
    except_after: str | None = None,
    with_one_of: str | None = None,
    longest: int = 120,
    over_spaces: bool = False,
) -> pl.Expr:
    """The message is made of `phrases` and nothing else, in at most `longest` characters. Evidence: the message.

    Phrases `beside` may stand with them, and say nothing of this kind alone: 好的，您稍等 asks to wait, 好的 does not.
    `with_one_of` must match somewhere: what makes an apology of courtesies that may also stand alone.

    In a phrase ``…`` stands for anything up to the end of the clause, over spaces where `over_spaces` says so.

    `unless_after` spares it where the other side's last message matches: 好的 after a yes/no question is an answer.
    `except_after` takes that back: an offer of more help has a question mark too, but no choice in it.
    """
    short = pl.when(TEXT.str.len_chars() <= longest).then(TEXT)  # Polars computes both sides of a condition
    some = [*phrases, *(beside or [])]
    pattern = clauses(some, over_spaces=over_spaces)
    fires = (once_each(short, pattern) if len(pattern) > _LARGE else short.str.contains(pattern)).fill_null(value=False)
    if beside:
        fires = shared(fires, f"{longest} {pattern}")  # dear, and asked twice
        made = pl.when(fires).then(TEXT).otherwise(pl.lit(""))
        fires &= ~made.str.contains(clauses(beside, over_spaces=over_spaces))
    if with_one_of is not None:
        fires &= TEXT.str.contains(regex(with_one_of))
    asked = pl.col("asked").fill_null("")
    if unless_after is not None:
        spared = asked.str.contains(regex(unless_after))
        if except_after is not None:
            spared &= ~asked.str.contains(regex(except_after))
        fires &= ~spared
    return pl.when(fires).then(TEXT)


_LARGE = 2_000  # characters of a pattern; from there on a text costs more to look at than to sort


@check(on="message")
def says(*, patterns: list[str], longest: int = 100_000) -> pl.Expr:
    """The message matches one of `patterns` and has at most `longest` characters. Evidence: the match."""
    return pl.when(TEXT.str.len_chars() <= longest).then(TEXT).str.extract(regex(*patterns))


@check(on="message")
def by_role(*, role: str) -> pl.Expr:
    """The message is of `role`. Evidence: the message."""
    return pl.when(pl.col("role") == role).then(TEXT)


@check(on="message")
def no_words() -> pl.Expr:
    """The message has no letter and no digit: it is empty, or only marks and emoji. Evidence: the message."""
    return pl.when(~TEXT.str.contains(r"[\p{L}\p{N}]")).then(TEXT)


@check(on="message")
def repeated_marks(*, most: int) -> pl.Expr:
    """More than `most` exclamation or question marks stand together. Evidence: those marks."""
    return TEXT.str.extract(rf"([!！?？]{{{most + 1},}})")


@check(on="message")
def keyboard_noise(*, shortest: int) -> pl.Expr:
    """A message of at least `shortest` consonants, or of neighbours on the keyboard. Evidence: the message."""
    keys = "asdf|sdfg|dfgh|fghj|ghjk|hjkl|qwer|wert|erty|rtyu|tyui|yuio|uiop|zxcv|xcvb|cvbn|vbnm"
    consonants = rf"^[bcdfghjklmnpqrstvwxz;,./]{{{shortest},}}$"
    hit = TEXT.str.contains(rf"(?i){consonants}|^(?:[a-z;,./]{{0,2}}(?:{keys}))+[a-z;,./]{{0,3}}$")
    return pl.when(hit & (TEXT.str.len_chars() >= shortest)).then(TEXT)


@check(on="message")
def mojibake() -> pl.Expr:
    """Text decoded with the wrong encoding. Evidence: the garbled part.

    U+FFFD, UTF-8 read as Latin-1 or Windows-1252 (â€™, Ã©), or UTF-8 Chinese read as GBK (锟斤拷, 鈥).
    """
    return TEXT.str.extract(
        "(\ufffd+|â€[™œ\u009d˜¦“”]?|Ã[\u0080-\u00bf]|锟斤拷?|烫烫烫|屯屯屯|鈥[\u4e00-\u9fff]|(?:[閫娆鍒鎮浣鐨銆锛璇璐鎴鍙浠鏄涓鍚鍦鏈][€︺埌]{0,2}){3,}|ï¿½|(?:[äåæçèé][\u0080-\u00bf]{2}){2,})"
    )


@check(on="message")
def said_in_many(*, least: int, shortest: int, unless: str | None = None, answering: float = 1.0) -> pl.Expr:
    """The same words stand in at least `least` conversations, and are longer than `shortest` characters.

    `unless` spares texts that match: an instruction that is given often is an answer all the same. So does
    `answering`, the largest share (0 to 1) of these conversations in which it may follow a question or report: what
    many agents say though nobody asked is canned, what they say when asked is a frequent answer.
    Evidence: the message.
    """
    fires = (pl.col("conversations") >= least) & (TEXT.str.len_chars() >= shortest)
    fires &= pl.col("answering") <= pl.col("conversations") * answering
    if unless is not None:
        fires &= ~TEXT.str.contains(regex(unless))
    return pl.when(fires).then(TEXT)


@check(on="message")
def same_again(*, least: int) -> pl.Expr:
    """One Han character, or one group of two or three letters, at least `least` times and nothing else.

    Evidence: the message.
    """
    whole = pl.col("whole")

    def bare(text: pl.Expr) -> pl.Expr:
        return text.str.replace_all(r"[\s\p{P}]+", "")

    def again(texts: pl.Series) -> pl.Series:
        """Step by step: an expression would repeat the beginning of every text before it looks whether it may be."""
        rows = texts.alias("text").to_frame().with_row_index("row")
        if least > 1:  # else there is nothing to repeat
            rows = rows.with_columns(whole=bare(TEXT.str.head(12)))
            begins = pl.any_horizontal(whole.str.slice(0, n) == whole.str.slice(n, n) for n in (1, 2, 3))
            rows = rows.filter(begins | (whole.str.len_chars() < 6))  # the head may be all marks
        rows = rows.with_columns(whole=bare(TEXT))
        size = whole.str.len_chars()
        once = [
            (whole == whole.str.slice(0, n).repeat_by(size // n).list.join("")) & (size >= n * least) for n in (1, 2, 3)
        ]
        found = rows.filter(TEXT.str.contains(r"\p{L}")).filter(pl.any_horizontal(once))
        nothing = pl.repeat(None, len(texts), dtype=pl.String, eager=True)
        return nothing.scatter(found["row"], found["text"])

    return TEXT.map_batches(again, return_dtype=pl.String)


@check(on="message")
def left_open(*, pairs: list[str]) -> pl.Expr:
    """A bracket or quotation mark is opened and never closed: one of `pairs`, such as （）. Evidence: the mark on."""
    marks = "".join(rf"\x{{{ord(pair[0]):x}}}" for pair in pairs)
    some = pl.when(TEXT.str.contains(f"[{marks}]")).then(TEXT)
    text = some.str.replace_all(r"[:;=]['-]?[(\[]", "")  # a sad face is no bracket
    opened = []
    for pair in pairs:
        left, right = pair[0], pair[1]
        begin, end = (rf"\x{{{ord(mark):x}}}" for mark in (left, right))
        unclosed = text.str.count_matches(left, literal=True) > text.str.count_matches(right, literal=True)
        opened.append(pl.when(unclosed).then(text.str.extract(rf"({begin}[^{end}]*[\p{{L}}\p{{N}}][^{end}]*)$")))
    return pl.coalesce(opened)


@check(on="message")
def cut_at_limit(*, limits: list[int], unless: str) -> pl.Expr:
    """The message is exactly as long as a platform allows (`limits`, characters of the raw text) and does not end.

    `unless` matches an ending. Evidence: its last 20 characters.
    """
    full = pl.col("raw").str.strip_chars().str.len_chars().is_in(limits) & ~TEXT.str.contains(regex(unless))
    return pl.when(full).then(TEXT.str.tail(20))


@check(on="message")
def cut_off(*, endings: list[str], shortest: int = 2) -> pl.Expr:
    """The message stops in the middle: it ends with one of `endings`. Evidence: that ending."""
    ending = regex(rf"(?:{'|'.join(endings)})\s*$")
    return pl.when(TEXT.str.len_chars() >= shortest).then(TEXT.str.extract(ending))


def plain(text: str) -> str:
    """Return only letters and digits of `text`, lower case: for comparing what was said, not how."""
    return re.sub(r"[\W_]+", "", text).casefold()


def sentences(text: str) -> list[str]:
    """Split a text into sentences; a point between digits ends none."""
    return [s for s in re.split(r"[。！？．\n；;]|(?<=[^\d])\.\s|\.$", text) if s.strip()]


def units(text: pl.Expr) -> pl.Expr:
    """Count Han characters and runs of other letters and digits; a mask such as [订单号] counts as one unit."""
    return text.map_batches(_units, return_dtype=pl.UInt32)


def units_of(column: str) -> pl.Expr:
    """Return the units of a column's texts, counted once for all checks that ask."""
    return shared(units(pl.col(column)), f"units {column}")


def _units(texts: pl.Series) -> pl.Series:
    counted = letters.units(texts)
    if counted is not None:
        return counted
    text = pl.col("text").str
    masked = pl.when(text.contains("[", literal=True)).then("text").str.replace_all(r"\[[^\[\]]{1,24}\]", " x ")
    words = pl.coalesce(masked, "text").str.count_matches(r"\p{Han}|[\p{L}\p{N}&&[^\p{Han}]]+")
    return texts.alias("text").to_frame().select(words.alias(texts.name)).to_series()


_MASK = r"\[[^\[\]]{1,24}\]"


def content(text: pl.Expr, function_words: str | None) -> pl.Expr:
    """Return `text` without masks and function words (a regular expression): what it is about."""
    bare = text.str.replace_all(_MASK, " ")
    return bare if function_words is None else bare.str.replace_all(function_words, " ")


def lowered(text: pl.Expr) -> pl.Expr:
    """Return `text` in lower case, only asked of what has letters that may change: dear for Chinese."""

    def lower(texts: pl.Series) -> pl.Series:
        """Ask rows, not an expression: `to_lowercase` also reads what lies behind nulls."""
        some = texts.str.contains(_CAPITAL).fill_null(value=False)
        if 2 * some.sum() > len(texts):
            return texts.str.to_lowercase()
        rows = some.arg_true()
        return texts.scatter(rows, texts.gather(rows).str.to_lowercase())

    return text.map_batches(lower, return_dtype=pl.String)


# Capital letters, and others in the same blocks: what is outside of them has no lower case (tests/curation/checks).
_CAPITAL = "[A-Z\u00c0-\u1fff\u2100-\u2dff\ua640-\uabff\uff21-\uff3a\U00010000-\U0001efff]"


def in_common(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    """Count the content words that stand in both texts (from `content`); 0 where one is null.

    Words are Latin words and numbers of three letters and more, whatever their case, and every pair of Han characters:
    Chinese is not segmented, 退款到账 has 退款, 款到 and 到账.
    """
    sides = pl.struct(one.alias("one"), other.alias("other"))
    return sides.map_batches(lambda both: _in_common(both.struct.unnest()), return_dtype=pl.Int64)


def _in_common(both: pl.DataFrame) -> pl.Series:
    """Count what `one` and `other` have in common, pairs of Han characters in whole arrays."""
    counts = np.zeros(both.height, dtype=np.int64)
    word = r"[\p{L}\p{N}&&[^\p{Han}]]{3,}"
    worded = both.with_row_index("row")
    for name in ("one", "other"):
        worded = worded.filter(pl.col(name).str.contains(word))
    words = [lowered(pl.col(name)).str.extract_all(word) for name in ("one", "other")]
    common = worded.select("row", count=words[0].list.set_intersection(words[1]).list.len())
    counts[common["row"].to_numpy()] = common["count"].to_numpy()
    pairs = letters.han_pairs(both["one"], both["other"])
    if pairs is not None:
        return pl.Series(counts + pairs)
    for start in range(0, both.height, _ROWS):
        part = both.slice(start, _ROWS)
        keys = [_pairs(side) * np.uint64(2) + np.uint64(i) for i, side in enumerate(part)]
        told = np.sort(np.concatenate(keys))
        told = told[np.flatnonzero(np.diff(told, prepend=~np.uint64(0)))]
        told >>= np.uint64(1)
        rows = told[:-1][told[1:] == told[:-1]] >> np.uint64(42)
        found = np.bincount(rows.astype(np.int64))
        counts[start : start + len(found)] += found
    return pl.Series(counts)


# At a time: what they have fits into the processor's caches, and a row, two characters and a side into 64 bits.
_ROWS = 1 << 14


def _pairs(texts: pl.Series) -> npt.NDArray[np.uint64]:
    """Return every pair of neighbouring Han characters: row, first and second character, in 42 bits and the row's."""
    texts = texts.fill_null("")
    chars = np.frombuffer((texts.str.join("").item() or "").encode("utf-32-le"), dtype=np.uint32)
    ends = np.cumsum(texts.str.len_chars().to_numpy().astype(np.int64))
    han = _han(chars)
    together = han[:-1] & han[1:]
    together[ends[(ends > 0) & (ends < len(chars))] - 1] = False  # of two texts
    first = np.flatnonzero(together)
    each = np.diff(np.searchsorted(first, ends), prepend=0)
    pairs = np.repeat(np.arange(len(texts), dtype=np.uint64), each)
    for letter in (chars.take(first, mode="clip"), chars.take(first + 1, mode="clip")):
        pairs <<= np.uint64(21)
        pairs |= letter
    return pairs


_HAN = np.zeros(0x110000, dtype=np.int8)  # of every character that was seen: 1 for Han, -1 for others


def _han(letters: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    """Tell which characters are Han; Polars is asked once for each."""
    told = _HAN.take(letters, mode="clip")  # with a mode a third of the time, as no place is looked at before
    new = np.unique(letters[told == 0])
    if new.size:
        is_han = pl.Series([chr(code) for code in new], dtype=pl.String).str.contains(r"\p{Han}").to_numpy()
        _HAN[new] = np.where(is_han, 1, -1)
        told = _HAN.take(letters, mode="clip")
    return told > 0
