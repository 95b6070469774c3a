"""Typed placeholders: the same value is the same placeholder in a whole conversation ([电话1], [phone 2]).

A pure function over whole conversations: whatever the sharding, the same rows give the same placeholders.
"""

from __future__ import annotations

import re

import polars as pl

from curation.privacy.numbers import Hit
from curation.privacy.search import EVERYTHING, Masking, find, scan
from curation.privacy.words import KINDS


def placeholder(kind: str, number: int, *, chinese: bool) -> str:
    """Return the words that take the place of a value: [电话1] or [phone 1]."""
    return f"[{KINDS[kind].zh}{number}]" if chinese else f"[{KINDS[kind].en} {number}]"


def mask(text: str, wanted: Masking = EVERYTHING, *, chinese: bool | None = None) -> str:
    """Mask one text; its placeholders are numbered within it, and in its own language unless `chinese` says."""
    return masked_list([text], wanted, chinese=chinese)[0] if scan(text, wanted) else text


def masked_list(texts: list[str], wanted: Masking = EVERYTHING, *, chinese: bool | None = None) -> list[str]:
    """Mask the texts of one conversation, numbered together, in their order."""
    units = pl.DataFrame({"conversation": "", "text": texts}, schema={"conversation": pl.String, "text": pl.String})
    return masked(units.with_columns(asked=pl.lit(None, dtype=pl.String)), wanted, chinese=chinese)[0].to_list()


def masked(units: pl.DataFrame, wanted: Masking, *, chinese: bool | None = None) -> tuple[pl.Series, pl.DataFrame]:
    """Mask `units` (conversation, text, asked; in order, null texts stay null).

    Returns the masked texts, and the hits: row, start, end, kind, placeholder. A value that is found once is masked
    wherever else it stands in its conversation. Numbers go by first appearance, beginning behind those of
    placeholders that are in the texts already.
    """
    units = units.select("conversation", "text", "asked").with_row_index("row")
    hits = find(units, wanted)
    if hits.is_empty():
        return units["text"], hits.select("row", "start", "end", "kind").with_columns(placeholder=pl.lit(""))
    mine = units.join(
        hits.select("row").join(units, on="row").select("conversation").unique(),
        on="conversation",
        how="semi",
        maintain_order="left",
    )
    hits = _everywhere(mine, hits.join(mine.select("row", "conversation"), on="row", maintain_order="left"))
    hits = _named(mine, _numbered(mine, hits), chinese=chinese)
    pieces = (
        hits.join(mine.select("row", "text"), on="row", how="left", maintain_order="left")
        .with_columns(before=pl.col("end").shift(1, fill_value=0).over("row"))
        .with_columns(
            piece=pl.col("text").str.slice("before", pl.col("start") - pl.col("before")) + pl.col("placeholder")
        )
        .group_by("row", maintain_order=True)
        .agg(pl.col("piece").str.join(""), tail=pl.col("text").last().str.slice(pl.col("end").last()))
        .select("row", masked=pl.col("piece") + pl.col("tail"))
    )
    texts = units.join(pieces, on="row", how="left", maintain_order="left").select(pl.coalesce("masked", "text"))
    return texts.to_series().alias("text"), hits.select("row", "start", "end", "kind", "placeholder")


def _everywhere(units: pl.DataFrame, hits: pl.DataFrame) -> pl.DataFrame:
    """Add hits for values that were found in one place of a conversation and stand in another without their cue."""
    known = hits.filter(pl.col("surface").str.len_chars() > 1).unique(["conversation", "surface"], maintain_order=True)
    times = pl.col("text").str.count_matches(pl.col("surface"), literal=True)
    seen = hits.group_by("row", "surface").agg(seen=pl.len())
    missed = (
        units.select("row", "conversation", "text")
        .join(known.select("conversation", "surface", "kind", "key"), on="conversation", maintain_order="left_right")
        .filter(pl.col("text").str.contains(pl.col("surface"), literal=True))
        .join(seen, on=["row", "surface"], how="left", maintain_order="left")
        .filter(times > pl.col("seen").fill_null(0))
    )
    if missed.is_empty():
        return hits.sort("row", "start", maintain_order=True)
    taken: dict[int, list[tuple[int, int]]] = {}
    for row, start, end in (
        hits.join(missed.select("row").unique(), on="row", how="semi").select("row", "start", "end").iter_rows()
    ):
        taken.setdefault(row, []).append((start, end))
    more = []
    ordered = missed.sort(["row", pl.col("surface").str.len_chars()], descending=[False, True], maintain_order=True)
    for row, conversation, text, surface, kind, key in ordered.select(
        "row", "conversation", "text", "surface", "kind", "key"
    ).iter_rows():
        for match in re.finditer(_bordered(surface), text):
            if all(match.end() <= start or match.start() >= end for start, end in taken.setdefault(row, [])):
                taken[row].append(match.span())
                more.append((row, *match.span(), kind, key, surface, conversation))
    added = pl.DataFrame(more, schema=hits.schema, orient="row")
    return pl.concat([hits, added]).sort("row", "start", maintain_order=True)


def _bordered(surface: str) -> str:
    """Return the pattern of a value that stands alone: not a part of a longer number, word or link."""
    before = r"(?<![0-9A-Za-z=/_.-])" if surface[0].isascii() else ""
    after = r"(?![0-9A-Za-z_])" if surface[-1].isascii() else ""
    return before + re.escape(surface) + after


def _numbered(units: pl.DataFrame, hits: pl.DataFrame) -> pl.DataFrame:
    """Add `number`: of the values of one word in a conversation, by first appearance, behind those already there."""
    words = {kind: text.zh for kind, text in KINDS.items()}
    hits = hits.with_columns(word=pl.col("kind").replace_strict(words))
    there = (
        units.select("conversation", mark=pl.col("text").str.extract_all(r"\[[^\[\]\d\n]{1,24}\d{1,3}\]"))
        .filter(pl.col("mark").list.len() > 0)
        .explode("mark")
        .with_columns(
            word=pl.col("mark").str.extract(r"\[(.+?) ?\d+\]"),
            used=pl.col("mark").str.extract(r"(\d+)\]").cast(pl.UInt32),
        )
        .with_columns(word=pl.col("word").replace({text.en: text.zh for text in KINDS.values()}))
        .group_by("conversation", "word").agg(pl.col("used").max())
    )  # fmt: skip
    first = (
        hits.unique(["conversation", "word", "key"], keep="first", maintain_order=True)
        .join(there, on=["conversation", "word"], how="left", maintain_order="left")
        .with_columns(
            number=pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).over("conversation", "word")
            + pl.col("used").fill_null(0)
        )
    )
    return hits.join(
        first.select("conversation", "word", "key", "number"),
        on=["conversation", "word", "key"],
        how="left",
        maintain_order="left",
    )


def _named(units: pl.DataFrame, hits: pl.DataFrame, *, chinese: bool | None) -> pl.DataFrame:
    """Add `placeholder`, in the language that most of the conversation is in."""
    if chinese is None:
        spoken = pl.col("text").str.replace_all(r"(?:https?://|www\.)\S+", "")
        han = spoken.str.count_matches(r"\p{Han}").sum()
        latin = spoken.str.count_matches(r"[A-Za-z]{2,}").sum()
        tongue = units.group_by("conversation").agg(chinese=han >= latin)
        hits = hits.join(tongue, on="conversation", how="left", maintain_order="left")
    else:
        hits = hits.with_columns(chinese=pl.lit(chinese))
    number = pl.col("number").cast(pl.String)
    zh, en = ({kind: getattr(text, tongue) for kind, text in KINDS.items()} for tongue in ("zh", "en"))
    return hits.with_columns(
        placeholder=pl.when("chinese")
        .then(pl.concat_str(pl.lit("["), pl.col("kind").replace_strict(zh), number, pl.lit("]")))
        .otherwise(pl.concat_str(pl.lit("["), pl.col("kind").replace_strict(en), pl.lit(" "), number, pl.lit("]")))
    )


def examples(frame: pl.DataFrame, wanted: Masking) -> pl.DataFrame:
    """Mask once more what was joined to examples (tables.EXAMPLES): "my order number is" and "7720" are harmless apart.

    All texts of a conversation are numbered together, so the copies of a turn in several examples stay equal.
    """
    if frame.is_empty() or not wanted.kinds:
        return frame
    numbered = frame.with_row_index("example")
    turns = (
        numbered.select("example", "conversation", "turns")
        .explode("turns")
        .select("example", "conversation", text=pl.col("turns").struct.field("text"), part=pl.lit("turns"))
    )
    fields = [
        numbered.select("example", "conversation", text=name, part=pl.lit(name))
        for name in ("question", "answer", "cot")
    ]
    units = pl.concat([turns, *fields]).with_columns(asked=pl.lit(None, dtype=pl.String))
    texts, hits = masked(units, wanted)
    if hits.is_empty():
        return frame
    touched = units.select("example", "part", text=texts).filter(
        pl.col("example").is_in(units["example"].gather(hits["row"]).unique().implode())
    )
    turns_of = dict(
        touched.filter(pl.col("part") == "turns").group_by("example").agg("text").iter_rows()
    )  # few: what the messages say was masked before
    columns: dict[str, pl.Series] = {}
    for name in ("question", "answer", "cot"):
        mine = touched.filter(pl.col("part") == name)
        columns[name] = frame[name].scatter(mine["example"], mine["text"])
    said = frame["turns"].gather(list(turns_of)).to_list()
    rebuilt = [
        [turn | {"text": text} for turn, text in zip(turns, texts_of, strict=True)]
        for turns, texts_of in zip(said, turns_of.values(), strict=True)
    ]
    new = pl.DataFrame(
        {"example": list(turns_of), "new": pl.Series(rebuilt, dtype=frame.schema["turns"])},
        schema_overrides={"example": pl.UInt32},
    )
    joined = numbered.select("example").join(new, on="example", how="left", maintain_order="left")
    turned = frame.with_columns(joined["new"]).select(pl.coalesce("new", "turns").alias("turns")).to_series()
    return frame.with_columns(*(column.alias(name) for name, column in columns.items()), turned)


def hits_of(text: str, wanted: Masking = EVERYTHING) -> list[Hit]:
    """Return the hits in one text, for a person who asks why."""
    return scan(text, wanted)
