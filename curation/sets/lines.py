"""Frames → lines of JSON, all rows at once: the very bytes that `json.dumps(…, ensure_ascii=False)` makes of each row.

Every text is escaped once, however many formats it goes into; the records are those of `convert.export`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from curation.reasoning import all_inside
from curation.sets.formats import Format
from curation.sets.talk import Cot

_SPACE = r"\s\x1c-\x1f"  # as in Python's `re` and `str.strip`
_SAYS = f"[^{_SPACE}]"


def quoted(text: pl.Expr) -> pl.Expr:
    """Return a text as JSON; null is null."""
    return pl.struct(text.alias("t")).struct.json_encode().str.strip_prefix('{"t":').str.strip_suffix("}")


def encoded(value: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """Return a text, whole number, list or struct as JSON."""
    if isinstance(kind, pl.List):
        listed = value.list.eval(encoded(pl.element(), kind.inner)).list.join(", ")  # type: ignore[arg-type]
        return pl.when(value.is_null()).then(pl.lit("null")).otherwise(pl.concat_str(pl.lit("["), listed, pl.lit("]")))
    if isinstance(kind, pl.Struct):
        return _object({f.name: encoded(value.struct.field(f.name), f.dtype) for f in kind.fields})  # type: ignore[arg-type]
    if kind.is_integer():
        return value.cast(pl.String).fill_null("null")
    return quoted(value.cast(pl.String))


def rows(frame: pl.DataFrame, **first: str) -> pl.Series:
    """Return every row of `frame` as a line without its end; the keys of `first` stand before its columns."""
    keys = {name: quoted(pl.lit(text)) for name, text in first.items()}
    columns = {name: encoded(pl.col(name), kind) for name, kind in frame.schema.items()}
    return frame.select(_object(keys | columns).alias("line")).to_series()


def _object(members: Mapping[str, pl.Expr]) -> pl.Expr:
    parts: list[pl.Expr] = []
    for name, value in members.items():
        parts += [pl.lit(("{" if not parts else ", ") + f'"{name}": '), value]
    return pl.concat_str(*parts, pl.lit("}"))


def records(examples: pl.DataFrame, forms: Sequence[Format], *, policy: Cot) -> dict[Format, pl.Series]:
    """Return examples (columns id, system, cot, turns) as lines of each format, as `convert.export` would have them.

    The turns of an example are a user's and an assistant's by turns, and even in number.
    """
    turns = _turns(
        examples.select("cot", "turns"), policy, messages=not {"messages", "prompt-completion"}.isdisjoint(forms)
    )
    wanted = {form: _PIECES[form] for form in forms}
    pieces = turns.group_by(pl.col("row").set_sorted(), maintain_order=True).agg(
        piece.alias(form) for form, (piece, _) in wanted.items()
    )
    joined = pieces.select(pl.col(form).list.join(between) for form, (_, between) in wanted.items())
    ends = turns.with_columns(question=pl.col("said").shift(1)).filter("last")
    frame = pl.concat(
        [
            examples.select(quoted(pl.col("id")).alias("id"), "system"),
            joined.select(pl.col(form).alias(f"{form} turns") for form in forms),
            ends.select("question", answer="said", full="messages", thought="thinks", beside="beside"),
        ],
        how="horizontal",
    ).with_columns(
        said=quoted(pl.col("system")),
        first=pl.when(pl.col("system") == "")
        .then(pl.lit(""))
        .otherwise(pl.concat_str(pl.lit('{"role": "system", "content": '), quoted(pl.col("system")), pl.lit("}, "))),
    )
    lines = frame.select(_RECORDS[form].alias(form) for form in forms)
    return {form: lines[form] for form in forms}


def _turns(examples: pl.DataFrame, policy: Cot, *, messages: bool) -> pl.DataFrame:
    """Return the turns of examples, a row each, with their texts as JSON and the pieces of records made of them.

    Those of `messages` are null where they are not asked for.
    """
    flat = examples.with_row_index("row").explode("turns").unnest("turns")
    flat = flat.with_columns(
        last=(pl.col("row") != pl.col("row").shift(-1)).fill_null(value=True),
        late=(pl.col("row") != pl.col("row").shift(-2)).fill_null(value=True),  # of the last two
        user=pl.col("role") == "user",
    )
    thought = pl.when(pl.col("last") & pl.col("cot").str.contains(_SAYS)).then(pl.col("cot"))
    flat = _moved(flat.with_columns(thought=thought), policy)
    early = flat.filter(pl.col("thought").is_not_null() & ~pl.col("last"))["row"].unique()
    apart = pl.col("row").is_in(early.implode())  # reasoning in an earlier turn
    flat = flat.with_columns(
        said=quoted(pl.col("text")),
        thinks=pl.when(pl.col("thought").is_not_null()).then(quoted(pl.col("thought"))),
        beside=(pl.col("thought") != "").fill_null(value=False) & pl.col("last") & ~apart,
    ).drop("text", "turns", "cot", strict=False)
    inner = pl.concat_str(pl.lit(', "reasoning_content": '), "thinks").fill_null("")
    return flat.with_columns(
        pair=pl.when("late").then(pl.lit(""))
        .when("user").then(pl.concat_str(pl.lit("["), "said", pl.lit(", ")))
        .otherwise(pl.concat_str("said", pl.lit("], "))),
        sharegpt=pl.concat_str(
            pl.when("user").then(pl.lit('{"from": "human", "value": ')).otherwise(pl.lit('{"from": "gpt", "value": ')),
            "said", pl.when("beside").then(pl.lit("")).otherwise(inner), pl.lit("}"),
        ),
        messages=pl.concat_str(
            pl.when("user").then(pl.lit('{"role": "user", "content": '))
            .otherwise(pl.lit('{"role": "assistant", "content": ')),
            "said", inner, pl.lit("}"),
        ) if messages else pl.lit(None, dtype=pl.String),
    )  # fmt: skip


def _moved(turns: pl.DataFrame, policy: Cot) -> pl.DataFrame:
    """Do what `Talk.with_reasoning` does."""
    text, thought = pl.col("text"), pl.col("thought")
    if policy == "keep":
        return turns
    if policy == "think":
        tagged = pl.concat_str(pl.lit("<think>\n"), thought, pl.lit("\n</think>\n\n"), text)
        return turns.with_columns(text=pl.coalesce(tagged, text), thought=pl.lit(None, dtype=pl.String))
    parts = all_inside(turns.select(pl.when(~pl.col("user")).then(text)).to_series()).rename({"thought": "within"})
    turns = pl.concat([turns, parts], how="horizontal").with_columns(
        text=pl.coalesce("rest", "text"), thought=pl.coalesce("thought", "within")
    )
    return turns if policy == "field" else turns.with_columns(thought=pl.lit(None, dtype=pl.String))


# What is joined of an example's turns, and what stands between two of them.
_PIECES: Mapping[Format, tuple[pl.Expr, str]] = {
    "alpaca": (pl.col("pair"), ""),
    "sharegpt": (pl.col("sharegpt"), ", "),
    "messages": (pl.col("messages"), ", "),
    "prompt-completion": (pl.when(~pl.col("last")).then(pl.col("messages")), ", "),
}


def _with(record: Sequence[str | pl.Expr], cot: pl.Expr | None = None) -> pl.Expr:
    """Put together the text of a record; `cot` is its last member, where there is one."""
    parts = [pl.lit(part) if isinstance(part, str) else part for part in ['{"id": ', pl.col("id"), *record]]
    more = [] if cot is None else [pl.concat_str(pl.lit(', "cot": '), cot).fill_null("")]
    return pl.concat_str(*parts, *more, pl.lit("}"))


_RECORDS: Mapping[Format, pl.Expr] = {
    "alpaca": _with(
        [
            ', "instruction": ', pl.col("question"), ', "input": "", "output": ', pl.col("answer"),
            ', "system": ', pl.col("said"), ', "history": [', pl.col("alpaca turns").str.strip_suffix(", "), "]",
        ],
        pl.when(pl.col("thought") != '""').then(pl.col("thought")),
    ),
    "sharegpt": _with(
        [', "conversations": [', pl.col("sharegpt turns"), '], "system": ', pl.col("said")],
        pl.when("beside").then(pl.col("thought")),
    ),
    "messages": _with([', "messages": [', pl.col("first"), pl.col("messages turns"), "]"]),
    "prompt-completion": _with(
        [
            ', "prompt": [', pl.col("first"), pl.col("prompt-completion turns"), '], "completion": [',
            pl.col("full"), "]",
        ]
    ),
}  # fmt: skip
