"""What e-mail programs put below a reply: the message that it answers, and the name of a telephone.

The forms are those that Gmail, Apple Mail, Outlook, Thunderbird and QQ Mail write, in English, German, French and
Chinese. Lines that begin with ``>`` are a quotation only where such a head stands in the text; what is said between
them stays.
"""

from __future__ import annotations

import polars as pl

# "On Mon, Jun 3, 2024 at 9:01 AM Ann <a@b.c> wrote:", over two lines where it is long; with a number, as a date has.
_WROTE = (
    r"(?:(?:On|Am|Le|Il|El) [^\n]{0,60}\d[^\n]{2,160}(?:\n[^\n]{1,100})?"
    r"(?:wrote|schrieb[^\n:]{0,100}|a écrit)\s?:"
    r"|(?:在\s?)?\d{4}[年/-][^\n]{3,140}写道\s?[:：])[ \t]*(?:\n|$)"
)
_RULED = (
    r"-{2,}\s?(?i:original message|forwarded message|ursprüngliche nachricht|message d['’]origine"
    r"|原始[邮郵]件|转发的?邮件)"
    r"\s?-{2,}"
)
_FIELDS = (
    r"(?:_{8,}\s*\n\s*)?\*?(?:From|Von|De|发件人)\s?[:：]\*?[^\n]{2,200}\n"
    r"(?:\*?(?:Sent|Date|To|Cc|Gesendet|Datum|An|Envoyé|À|发送时间|日期|时间|收件人|抄送)\s?[:：]\*?[^\n]{0,300}\n){1,4}"
    r"\*?(?:Subject|Betreff|Objet|主题)\s?[:：]"
)
_PHONE = (
    r"\n\s*(?:Sent from my [\w ]{2,30}|Von meinem [\w ]{2,30} gesendet|Envoyé de mon [\w ]{2,30}"
    r"|发自我的\s?[\w ]{2,20})\.?\s*$"
)
_LINES = r"(?:[ \t]*>[^\n]*(?:\n|$))+"

# The notice that firms put below every mail, to its end; behind a sentence where the mail is one line.
_NOTICE = (
    r"(?is)(\S[ \t]*\n|[.!。！][ \t]+)\s*(?:[*_=-]{2,}\s*)?"
    r"(?:confidentiality (?:notice|note|statement)\b|this (?:e-?mail|message|communication|transmission)"
    r"(?: (?:and|together with) (?:any|all|its) (?:attach|file)\w*(?: \w+){0,3})? (?:is|are|may|contains?)[^.\n]{0,40}"
    r"\b(?:confidential|privileged|intended (?:only|solely))\b|本邮件[^。\n]{0,30}(?:保密|机密)).*$"
)

LIKELY = (  # bare words: most texts have none of them
    "wrote:|wrote :|schrieb|a écrit|写道|Subject:|Betreff|Objet|主题|[Mm]essage ?-|MESSAGE|[Nn]achricht ?-|origine ?-"
    "|原始[邮郵]件|转发的?邮件|Sent from my|Von meinem|Envoyé de mon|发自我的"
    "|[Cc]onfidential|CONFIDENTIAL|privileged|intended (?:only|solely)|保密|机密"
)


def without(text: pl.Expr) -> pl.Expr:
    """Take off what a reply quotes, "Sent from my iPhone" and notices; a text of nothing else stays as it is."""
    plain = text.str.replace_all("\r\n", "\n", literal=True)
    headed = plain.str.contains(rf"(?m)^\s*(?:{_WROTE}|{_RULED})")
    apart = plain.str.replace_all(rf"(?m)^[ \t]*{_WROTE}\s*{_LINES}", "").str.replace_all(rf"(?m)^{_LINES}", "")
    left = pl.when(headed).then(apart).otherwise(plain)
    left = left.str.replace(rf"(?s)(\S)\s*\n[ \t]*(?:{_WROTE}|{_RULED}|{_FIELDS}).*$", "${1}").str.replace(_PHONE, "")
    left = left.str.replace(_NOTICE, "${1}")
    return (
        pl.when(left.str.count_matches(r"[\p{L}\p{N}]") >= 2, left != plain)
        .then(left.str.strip_chars())
        .otherwise(text)
    )
