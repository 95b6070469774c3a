"""Canned and filler parts are taken off the ends of a message that says more.

A rule about whole messages (greetings, holding lines, canned lines, fillers) may say ``strip: true``: then its
phrases are also taken off the beginning and the end of longer messages. Only whole clauses go, with a mark between
them and the rest (in Chinese chat white space will do): 好的，那个订单到哪了 loses its 好的, 好的那个订单到哪了 keeps
it; "Thanks. Restart the hub" loses its Thanks, "thanks to you it works" keeps it. A rule for every language (order
cards) has phrases with marks inside: those are taken out wherever they stand.

Clause by clause, and not by one regular expression over the message: one that may begin anywhere and must reach the
end took 33 s for 100,000 messages, this takes about one.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from curation import tables
from curation.checks.alternatives import factored
from curation.checks.language import language
from curation.checks.wording import BETWEEN, regex
from curation.packs import Rule

LEAST_LEFT = 2  # letters, digits or Han characters; whether what is left says anything, the rules judge afterwards

# “+” names a button: it does not part two clauses.
# A clause with the marks and the white space after it. In Latin script white space alone parts words, not clauses.
_WITHIN = r"[[^\s\p{P}\p{S}]\[\]#@%&/$+<>'’]"
CLAUSE = {"zh": rf"(?:{_WITHIN}|[“\"]\+[”\"])+{BETWEEN}*", "en": r"(?s).+?(?:[.!?,;~…]+\s+|\n\s*|$)"}

# Where a sentence may end without what follows: anywhere in Chinese chat; in English a comma holds the two together.
SENTENCE_END = {"zh": r"$", "en": r"(?:[.!?]\s*|\n\s*)$"}

# What goes on from the clause before it: "I'm sorry, but you cannot" keeps its first clause.
GOES_ON = {"zh": r"^$", "en": r"^(?i:and|but|or|because|as|which|that|so) "}

LONGEST_CLAUSE = {"zh": 30, "en": 90}  # characters; what goes on for longer is more than courtesy

TEXT = pl.col("text")


def strip(messages: pl.DataFrame, rules: Sequence[Rule]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Strip `text` of messages (with the columns of judge.context); return them and one finding per change.

    What is returned also has `tongue`, the language of what is left (checks.language.language), where there are rules
    for messages.
    """
    if not any(rule.on == "message" for rule in rules):
        return messages, tables.empty(tables.FINDINGS)
    # Lazily, since only then Polars computes once what `language` asks twice.
    after = messages.with_row_index("row").lazy().with_columns(tongue=language(TEXT)).collect()
    for tongue, role in sorted({(rule.language or "", rule.role or "") for rule in rules if rule.strip}):
        mine = [rule for rule in rules if rule.strip and (rule.language or "", rule.role or "") == (tongue, role)]
        phrases = [phrase for rule in mine for phrase in rule.strip]
        applies = ~pl.col("record")  # a finished pair is not chat: its words are all meant
        if tongue:
            applies &= pl.col("tongue") == tongue
        if role:
            applies &= pl.col("role") == role
        if role == "user":
            applies &= ~pl.col("asked").fill_null("").str.contains(r"[?？]|吗|么|呢")  # 是的 to a question is content
        rows = after.select("row", "text", "role", "record", "asked", "tongue").filter(applies)
        shorter = _ends(rows, phrases, tongue) if tongue else _anywhere(rows, phrases)
        shorter = shorter.filter(TEXT.str.count_matches(r"[\p{L}\p{N}]") >= LEAST_LEFT).with_columns(
            tongue=language(TEXT)
        )
        after = after.with_columns(after[name].scatter(shorter["row"], shorter[name]) for name in ("text", "tongue"))
    changed = after["text"] != messages["text"]
    name = pl.when(pl.col("role") == "user").then(pl.lit("mend/filler-part")).otherwise(pl.lit("mend/canned-part"))
    rows = after.filter(changed).select("conversation", "message", rule=name, action=pl.lit("note"), after="text")
    return after.drop("row"), tables.findings(rows.with_columns(before=messages.filter(changed)["text"]))


def _ends(rows: pl.DataFrame, phrases: Sequence[str], tongue: str) -> pl.DataFrame:
    """Return row and shorter `text` for the messages whose first or last clauses are `phrases`."""
    piece = pl.col("piece")
    parted = rows.select("row", piece=TEXT.str.extract_all(CLAUSE[tongue])).filter(piece.list.len() > 1)
    borders = piece.list.first(), piece.list.last()
    silent = _silent(pl.concat([parted.select(piece=border).to_series() for border in borders]), phrases, tongue)
    parted = parted.filter(pl.any_horizontal(border.is_in(silent) for border in borders))
    clauses = parted.explode("piece")
    silent = _silent(clauses["piece"], phrases, tongue)
    clauses = clauses.with_columns(
        says=~piece.is_in(silent),
        ends=piece.str.contains(SENTENCE_END[tongue]),
        place=pl.int_range(pl.len()).over("row"),
        led=piece.shift(-1).str.contains(GOES_ON[tongue]) & (pl.col("row") == pl.col("row").shift(-1)),
    ).with_columns(says=pl.col("says") | (pl.col("led").fill_null(value=False) & ~pl.col("ends")))
    first = pl.col("place").filter("says").min().over("row")
    last = pl.col("place").filter("says").max().over("row")
    whole = pl.col("place").filter((pl.col("place") >= pl.col("last")) & pl.col("ends")).min().over("row")
    return (
        clauses.with_columns(first=first, last=last)
        .with_columns(whole=whole.fill_null(pl.col("place").max().over("row")))
        .filter((pl.col("first") > 0) | (pl.col("whole") < pl.col("place").max().over("row")))
        .filter(pl.col("place").is_between("first", "whole"))
        .group_by("row", maintain_order=True)
        .agg(text=piece.str.join("").str.replace(r"[\s，,、;；:：~～-]+$", ""))
    )


def _silent(clauses: pl.Series, phrases: Sequence[str], tongue: str) -> pl.Series:
    """Return the clauses that say nothing, each once: only marks, or one of `phrases`, however the marks stand."""
    texts = clauses.unique().sort()  # checks.alternatives.once_each says what for
    texts = texts.filter(texts.str.len_chars() <= LONGEST_CLAUSE[tongue])
    bare = texts.str.replace_all(rf"^{BETWEEN}+|{BETWEEN}+$", "")
    said = regex(rf"^(?:{factored('|'.join(phrases))})$", sure=True)
    return texts.filter((bare == "") | bare.str.contains(said)).implode()


def _anywhere(rows: pl.DataFrame, phrases: Sequence[str]) -> pl.DataFrame:
    """Return row and shorter `text` for the messages that have `phrases` in them."""
    pattern = regex("|".join(phrases), sure=True)
    shorter = TEXT.str.replace_all(pattern, " ").str.replace_all(r" {2,}", " ").str.strip_chars(" ,，;；\n\t")
    return rows.filter(TEXT.str.contains(pattern)).select("row", shorter)
