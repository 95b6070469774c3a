"""Canned and filler parts are taken off the ends of a message that says more.

A rule about whole messages (greetings, holding lines, canned lines, fillers) may say ``strip: true``: then its
phrases are also taken off the beginning and the end of longer messages. Only whole clauses go, with a mark between
them and the rest (in Chinese chat white space will do): 好的，那个订单到哪了 loses its 好的, 好的那个订单到哪了 keeps
it; "Thanks. Restart the hub" loses its Thanks, "thanks to you it works" keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from curation import tables
from curation.checks.language import language
from curation.checks.wording import BETWEEN, regex
from curation.packs import Rule

LEAST_LEFT = 6  # letters, digits or Han characters; what is left of a shorter message could not stand alone
OPENING_MARKS = r"(?:[.!?,;~…]+\s+|\n\s*)"
CLOSING_MARKS = r"(?:[.!?]+\s+|\n\s*)"

TEXT = pl.col("text")


def strip(messages: pl.DataFrame, rules: Sequence[Rule]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Strip `text` of messages (with the columns of judge.context); return them and one finding per change."""
    after = messages
    for tongue, role in sorted({(rule.language or "", rule.role or "") for rule in rules if rule.strip}):
        mine = [rule for rule in rules if rule.strip and (rule.language or "", rule.role or "") == (tongue, role)]
        applies = pl.lit(value=True)
        if tongue:
            applies &= language(TEXT) == tongue
        if role:
            applies &= pl.col("role") == role
        if role == "user":
            applies &= ~pl.col("asked").fill_null("").str.contains(r"[?？]|吗|么|呢")  # 是的 to a question is content
        shorter = _without("|".join(rule.strip for rule in mine), tongue)
        enough = shorter.str.count_matches(r"[\p{L}\p{N}]") >= LEAST_LEFT
        after = after.with_columns(text=pl.when(applies & enough).then(shorter).otherwise(TEXT))
    changed = after["text"] != messages["text"]
    name = pl.when(pl.col("role") == "user").then(pl.lit("mend/filler-part")).otherwise(pl.lit("mend/canned-part"))
    rows = after.filter(changed).select("conversation", "message", rule=name, action=pl.lit("note"), after="text")
    return after, tables.findings(rows.with_columns(before=messages.filter(changed)["text"]))


def _without(phrases: str, tongue: str) -> pl.Expr:
    """Take phrases off both ends; the mark that ends the rest stays."""
    spaced = rf"{BETWEEN}+"
    before, after = (OPENING_MARKS, CLOSING_MARKS) if tongue == "en" else (spaced, spaced)
    ended = r"([.!?])\s+" if tongue == "en" else rf"([。！!.？?]){BETWEEN}*"
    opening = regex(rf"^(?:{BETWEEN}*(?:{phrases}){before})+")
    closing = regex(rf"(?:{ended}|{after})(?:{phrases})(?:{after}(?:{phrases}))*{BETWEEN}*$")
    return TEXT.str.replace(opening, "").str.replace(closing, "${2}")
