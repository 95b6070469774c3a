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
    """Strip `text` of messages (with the columns of judge.context); return them and one finding per change."""
    after = messages
    for tongue, role in sorted({(rule.language or "", rule.role or "") for rule in rules if rule.strip}):
        mine = [rule for rule in rules if rule.strip and (rule.language or "", rule.role or "") == (tongue, role)]
        phrases = "|".join(rule.strip for rule in mine)
        applies = ~pl.col("record")  # a finished pair is not chat: its words are all meant
        if tongue:
            applies &= language(TEXT) == tongue
        if role:
            applies &= pl.col("role") == role
        if role == "user":
            applies &= ~pl.col("asked").fill_null("").str.contains(r"[?？]|吗|么|呢")  # 是的 to a question is content
        shorter = _ends(after.filter(applies), phrases, tongue) if tongue else _anywhere(after.filter(applies), phrases)
        after = after.join(shorter, on=["conversation", "message"], how="left", maintain_order="left").with_columns(
            text=pl.coalesce("shorter", "text")
        )
        after = after.drop("shorter")
    changed = after["text"] != messages["text"]
    name = pl.when(pl.col("role") == "user").then(pl.lit("mend/filler-part")).otherwise(pl.lit("mend/canned-part"))
    rows = after.filter(changed).select("conversation", "message", rule=name, action=pl.lit("note"), after="text")
    return after, tables.findings(rows.with_columns(before=messages.filter(changed)["text"]))


def _ends(messages: pl.DataFrame, phrases: str, tongue: str) -> pl.DataFrame:
    """Return conversation, message and `shorter` for the messages whose first or last clauses are `phrases`."""
    keys = ["conversation", "message"]
    empty = regex(rf"^(?:{phrases})?$")
    clauses = (
        messages.select(*keys, piece=TEXT.str.extract_all(CLAUSE[tongue]))
        .filter(pl.col("piece").list.len() > 1)
        .explode("piece")
        .with_columns(
            says=~pl.col("piece").str.replace_all(rf"^{BETWEEN}+|{BETWEEN}+$", "").str.contains(empty)
            | (pl.col("piece").str.len_chars() > LONGEST_CLAUSE[tongue]),
            ends=pl.col("piece").str.contains(SENTENCE_END[tongue]),
            place=pl.int_range(pl.len()).over(keys),
            led=pl.col("piece").shift(-1).str.contains(GOES_ON[tongue])
            & pl.all_horizontal(pl.col(key) == pl.col(key).shift(-1) for key in keys),
        )
        .with_columns(says=pl.col("says") | (pl.col("led").fill_null(value=False) & ~pl.col("ends")))
    )
    first = pl.col("place").filter("says").min().over(keys)
    last = pl.col("place").filter("says").max().over(keys)
    whole = pl.col("place").filter((pl.col("place") >= pl.col("last")) & pl.col("ends")).min().over(keys)
    return (
        clauses.with_columns(first=first, last=last)
        .with_columns(whole=whole.fill_null(pl.col("place").max().over(keys)))
        .filter((pl.col("first") > 0) | (pl.col("whole") < pl.col("place").max().over(keys)))
        .filter(pl.col("place").is_between("first", "whole"))
        .group_by(keys, maintain_order=True)
        .agg(shorter=pl.col("piece").str.join("").str.replace(r"[\s，,、;；:：~～-]+$", ""))
        .filter(_enough())
    )


def _anywhere(messages: pl.DataFrame, phrases: str) -> pl.DataFrame:
    """Return conversation, message and `shorter` for the messages that have `phrases` in them."""
    pattern = regex(phrases)
    found = messages.filter(TEXT.str.contains(pattern))
    shorter = TEXT.str.replace_all(pattern, " ").str.replace_all(r" {2,}", " ").str.strip_chars(" ,，;；\n\t")
    return found.select("conversation", "message", shorter=shorter).filter(_enough())


def _enough() -> pl.Expr:
    return pl.col("shorter").str.count_matches(r"[\p{L}\p{N}]") >= LEAST_LEFT
