"""Typed placeholders: the same value is the same placeholder in a whole conversation ([电话1], [phone 2]).

A pure function over whole conversations: whatever the sharding, the same rows give the same placeholders.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt
import polars as pl

from curation.checks import letters
from curation.pieces import LONG, chunks
from curation.privacy.patterns import Hit, Taken
from curation.privacy.search import EVERYTHING, Masking, find, scan
from curation.privacy.words import KINDS, WORDS


def placeholder(kind: str, number: int, *, chinese: bool) -> str:
    """Return the words that take the place of a value: [电话1] or [phone 1]."""
    return f"[{KINDS[kind].zh}{number}]" if chinese else f"[{KINDS[kind].en} {number}]"


def mask(text: str, wanted: Masking = EVERYTHING, *, chinese: bool | None = None) -> str:
    """Mask one text; its placeholders are numbered within it, and in its own language unless `chinese` says."""
    likely = len(text) > LONG or scan(text, wanted)
    return masked_list([text], wanted, chinese=chinese)[0] if likely else text


def masked_list(texts: list[str], wanted: Masking = EVERYTHING, *, chinese: bool | None = None) -> list[str]:
    """Mask the texts of one conversation, numbered together, in their order."""
    return masked_lists([texts], wanted, chinese=chinese)[0]


def masked_lists(
    talks: Sequence[Sequence[str]], wanted: Masking = EVERYTHING, *, chinese: bool | None = None
) -> list[list[str]]:
    """Mask the texts of several conversations, each as `masked_list` does, in one go."""
    rows = [(str(place), text, None) for place, texts in enumerate(talks) for text in texts]
    units = pl.DataFrame(rows, schema=dict.fromkeys(("conversation", "text", "asked"), pl.String), orient="row")
    told = iter(masked(units, wanted, chinese=chinese)[0].to_list())
    return [list(islice(told, len(texts))) for texts in talks]


def masked(units: pl.DataFrame, wanted: Masking, *, chinese: bool | None = None) -> tuple[pl.Series, pl.DataFrame]:
    """Mask `units` (conversation, text, asked; in order, null texts stay null).

    Units may have `times`, how often each stands, and `bare`: whether it is known that nothing is found in it.
    Returns the masked texts, and the hits: row, start, end, kind, placeholder. A value that is found once is masked
    wherever else it stands in its conversation. Numbers go by first appearance, beginning behind those of
    placeholders that are in the texts already.
    """
    more = {"times": pl.lit(1, dtype=pl.UInt32), "bare": pl.lit(value=False)}
    more |= {name: pl.col(name) for name in more if name in units.columns}
    units = units.select("conversation", "text", "asked", **more).with_row_index("row")
    if (units["text"].str.len_chars() <= LONG).all():
        return _masked(units, wanted, chinese=chinese)
    pieces = _pieces(units)
    texts, hits = _masked(pieces.select(units.columns), wanted, chinese=chinese)
    joined = pieces.select("whole", text=texts).group_by("whole", maintain_order=True).agg(pl.col("text").str.join(""))
    place = pieces.select("row", "whole", "offset")
    return (
        joined.select(pl.when(units["text"].is_not_null()).then("text").alias("text")).to_series(),
        hits.join(place, on="row", how="left", maintain_order="left").select(
            pl.col("whole").alias("row"),
            pl.col("start") + pl.col("offset"),
            pl.col("end") + pl.col("offset"),
            "kind",
            "placeholder",
        ),
    )


def _pieces(units: pl.DataFrame) -> pl.DataFrame:
    """Cut the texts of `units` as pieces.chunks does: rows of their own, with `whole` (their row) and `offset`."""
    long = pl.col("text").str.len_chars() > LONG
    cut = [
        (row, *piece) for row, text in units.filter(long).select("row", "text").iter_rows() for piece in chunks(text)
    ]
    parts = pl.DataFrame(cut, schema={"whole": pl.UInt32, "offset": pl.Int64, "text": pl.String}, orient="row")
    rest = units.rename({"row": "whole"})
    short = rest.filter(~long.fill_null(value=False)).with_columns(offset=pl.lit(0, dtype=pl.Int64))
    longer = parts.join(rest.drop("text"), on="whole", how="left", maintain_order="left").select(short.columns)
    return pl.concat([short, longer]).sort("whole", "offset").with_row_index("row")


def _masked(units: pl.DataFrame, wanted: Masking, *, chinese: bool | None) -> tuple[pl.Series, pl.DataFrame]:
    """Do what `masked` says, for units with `row`, none of which is long."""
    hits = find(units.filter(~pl.col("bare")), wanted)
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
        .with_columns(before=pl.when(pl.col("row") == pl.col("row").shift(1)).then(pl.col("end").shift(1)).otherwise(0))
        .with_columns(
            piece=pl.col("text").str.slice("before", pl.col("start") - pl.col("before")) + pl.col("placeholder")
        )
        .group_by("row", maintain_order=True)
        .agg(pl.col("piece").str.join(""), tail=pl.col("text").last().str.slice(pl.col("end").last()))
        .select("row", masked=pl.col("piece") + pl.col("tail"))
    )
    return units["text"].scatter(pieces["row"], pieces["masked"]), hits.select(
        "row", "start", "end", "kind", "placeholder"
    )


def _everywhere(units: pl.DataFrame, hits: pl.DataFrame) -> pl.DataFrame:
    """Add hits for values that were found in one place of a conversation and stand in another without their cue."""
    given = _given_names(hits)
    if not given.is_empty():
        whose = given.select("conversation", "surface", whose="key")
        hits = hits.join(whose, on=["conversation", "surface"], how="left", maintain_order="left")
        hits = hits.with_columns(key=pl.coalesce("whose", "key")).drop("whose")
    known = pl.concat([hits, given]).filter(pl.col("surface").str.len_chars() > 1)
    known = known.unique(["conversation", "surface"], keep="first", maintain_order=True)
    standing = list(_standing(units, known, hits))
    if not standing:
        return hits.sort("row", "start", maintain_order=True)
    rows = pl.Series([row for row, *_ in standing], dtype=pl.UInt32).unique().implode()
    taken: dict[int, Taken] = {}
    for row, start, end in (
        hits.filter(pl.col("row").is_in(rows)).select("row", "start", "end").sort("row", "start").rows()
    ):
        taken.setdefault(row, Taken()).add(start, end)
    more = []
    for row, start, end, *rest in standing:
        if taken.setdefault(row, Taken()).claim(start, end):
            more.append((row, start, end, *rest))
    added = pl.DataFrame(more, schema=hits.schema, orient="row")
    return pl.concat([hits, added]).sort("row", "start", maintain_order=True)


def _given_names(hits: pl.DataFrame) -> pl.DataFrame:
    """Return the hits of English names under their first name alone, where one in a conversation has it.

    "Booked for Emily", said after Emily Jones gave her name, is about the same person.
    """
    first = pl.col("surface").str.extract(r"^([A-Z][a-z]{2,}) [A-Z]")
    full = hits.filter(pl.col("kind") == "name").with_columns(surface=first).drop_nulls("surface")
    full = full.filter(pl.col("surface").str.to_lowercase().is_in(_GIVEN)).unique(
        ["conversation", "surface", "key"], maintain_order=True
    )
    return full.filter(pl.len().over("conversation", "surface") == 1)


# Given names that are no other word at the beginning of a sentence.
_GIVEN = sorted(WORDS.first_names - WORDS.names_and_words)

_CROWDED = 50_000_000  # values of a conversation times its bytes; beyond that all values are looked for at once
_Standing = tuple[int, int, int, str, str, str, str]  # the columns of hits with their conversation


def _standing(units: pl.DataFrame, known: pl.DataFrame, hits: pl.DataFrame) -> Iterator[_Standing]:
    """Yield where values stand more often in a text than they were found there; in each, the longest value first."""
    times = pl.col("text").str.count_matches(pl.col("surface"), literal=True)
    seen = hits.group_by("row", "surface").agg(seen=pl.len())
    missed = (
        _holding(units, known.select("conversation", "surface", "kind", "key"))
        .join(seen, on=["row", "surface"], how="left", maintain_order="left")
        .filter(times > pl.col("seen").fill_null(0))
    )
    ordered = missed.sort(["row", pl.col("surface").str.len_chars()], descending=[False, True], maintain_order=True)
    for row, conversation, text, surface, kind, key in ordered.select(
        "row", "conversation", "text", "surface", "kind", "key"
    ).iter_rows():
        for match in re.finditer(re.escape(surface), text):
            if _alone(text, *match.span()):
                yield row, *match.span(), kind, key, surface, conversation


def _holding(units: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Return the texts of `units` with every value of their conversation that stands in them.

    Values are looked for one by one, but all at once in a conversation that holds very many, such as a group's log.
    """
    units = units.select("row", "conversation", "text")
    sizes = known.group_by("conversation").agg(values=pl.len()).join(
        units.group_by("conversation").agg(size=pl.col("text").str.len_bytes().sum()), on="conversation"
    )  # fmt: skip
    crowded = sizes.filter(pl.col("values") * pl.col("size") > _CROWDED)["conversation"].implode()
    few, many = (known.filter(pl.col("conversation").is_in(crowded) == it) for it in (False, True))
    holding = units.join(few, on="conversation", maintain_order="left_right")
    found = [holding.filter(pl.col("text").str.contains(pl.col("surface"), literal=True))]
    for (name,), values in many.partition_by("conversation", as_dict=True, maintain_order=True).items():
        words = pl.col("text").str.extract_many(values["surface"].to_list(), overlapping=True)
        held = units.filter(pl.col("conversation") == name).with_columns(surface=words).explode("surface")
        held = held.drop_nulls("surface").unique(["row", "surface"], maintain_order=True)
        found.append(held.join(values, on=["conversation", "surface"], maintain_order="left"))
    return pl.concat(found)


_ALNUM = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_BEFORE = _ALNUM | frozenset("=/.-")


def _alone(text: str, start: int, end: int) -> bool:
    """Tell whether a value stands alone there: not as a part of a longer number, word or link."""
    joined = start > 0 and text[start].isascii() and text[start - 1] in _BEFORE
    return not joined and not (end < len(text) and text[end - 1].isascii() and text[end] in _ALNUM)


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
        han, words = _letters(units["text"].str.replace_all(r"(?:https?://|www\.)\S+", ""))
        more = (han.cast(pl.Int64) - words.cast(pl.Int64)) * units["times"]
        tongue = units.select("conversation", more=more).group_by("conversation").agg(chinese=pl.col("more").sum() >= 0)
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


def _letters(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Count Han characters, and words of two letters or more of ASCII."""
    told = letters.tongues(texts)
    if told is not None:
        return pl.Series(told[0]), pl.Series(told[1])
    return texts.str.count_matches(r"\p{Han}"), texts.str.count_matches("[A-Za-z]{2,}")


def bare(texts: pl.Series) -> pl.Series:
    """Return those of the texts that `masked` made in which nothing was found: they have no mask in them."""
    return texts.filter(~texts.str.contains("[", literal=True))


def examples(frame: pl.DataFrame, wanted: Masking, *, known: pl.Series | None = None) -> pl.DataFrame:
    """Mask once more what was joined to examples (tables.EXAMPLES): "my order number is" and "7720" are harmless apart.

    All texts of a conversation are numbered together, so the copies of a turn in several examples stay equal. `known`
    are texts in which nothing was found (`bare`): they are not looked at again where they stand alone.
    """
    if frame.is_empty() or not wanted.kinds:
        return frame
    parts, copies = _parts(frame)
    if known is not None:
        parts = parts.with_columns(bare=pl.col("text").is_in(known.implode()))
    texts, hits = masked(parts, wanted)
    if hits.is_empty():
        return frame
    changed = parts.select("example", "turn", "part", text=texts)[hits["row"].unique()]
    said = changed.filter(pl.col("part") == "turns")
    turns = frame["turns"].explode(empty_as_null=True).struct.unnest()
    turns = turns.with_columns(turns["text"].scatter(said["turn"], said["text"]))
    columns: dict[str, pl.Series] = {}
    for name in ("question", "answer", "cot"):
        own = changed.filter(pl.col("part") == name)
        columns[name] = frame[name].scatter(own["example"], own["text"])
    for name, (same, places) in copies.items():
        here = said["example"].unique()
        here = here.filter(same.gather(here))
        columns[name] = columns[name].scatter(here, turns["text"].gather(places[here.to_numpy()]))
    some = frame["turns"].list.len().fill_null(0) > 0
    lengths = frame["turns"].list.len().fill_null(0).clip(1).to_numpy()  # no turns leave one null
    lists = pl.DataFrame({"example": np.repeat(np.arange(frame.height), lengths), "turns": turns.to_struct()})
    rebuilt = lists.group_by("example", maintain_order=True).agg("turns")["turns"]
    columns["turns"] = rebuilt if some.all() else rebuilt.zip_with(some, frame["turns"])
    return frame.with_columns(column.alias(name) for name, column in columns.items())


def _parts(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, tuple[pl.Series, npt.NDArray[np.int64]]]]:
    """Return the texts of examples: example and turn (rows), conversation, part, text, asked and times.

    A question that is the first turn, and an answer that is the last, stand there once. The second value says, for
    each of the two, where that is so, and which turn it is.
    """
    numbered = frame.with_row_index("example")
    common = {"asked": pl.lit(None, dtype=pl.String), "times": pl.lit(1, dtype=pl.UInt32)}
    # Copied, since texts of a nested column may lie scattered in memory: each pattern then takes three times as long.
    text = pl.concat_str(pl.col("turns").struct.field("text"), pl.lit(""))
    turns = (
        numbered.select("example", "conversation", "turns")
        .explode("turns", empty_as_null=True)
        .select("example", "conversation", text=text, part=pl.lit("turns"), **common)
        .with_row_index("turn")
    )
    ends = frame["turns"].list.len().fill_null(0).clip(1).cast(pl.Int64).cum_sum().to_numpy()
    begins = np.concatenate([[0], ends[:-1]])
    times = np.ones(turns.height, dtype=np.uint32)
    copies = {}
    for name, places in (("question", begins), ("answer", ends - 1)):
        same = (frame[name] == turns["text"].gather(places)).fill_null(value=False)
        times[places[same.to_numpy()]] += 1
        copies[name] = same, places
    fields = [
        numbered.filter(~copies[name][0] if name in copies else pl.col(name).is_not_null()).select(
            "example", "conversation", text=name, part=pl.lit(name), **common
        )
        for name in ("question", "answer", "cot")
    ]
    said = turns.with_columns(times=times).filter(pl.col("text").is_not_null())
    return pl.concat([said, *fields], how="diagonal"), copies


def hits_of(text: str, wanted: Masking = EVERYTHING) -> list[Hit]:
    """Return the hits in one text, for a person who asks why."""
    return scan(text, wanted)
