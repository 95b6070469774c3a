"""Messages in file order → conversations: which messages belong together, in which order, and which came twice.

Every function here is pure, works on whole columns, and looks at one stream at a time (`streams` names them), so a
shard of whole streams gives what the whole gives. Only `threads` needs all links at once, and those are small.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import PurePath

import numpy as np
import polars as pl

from curation import tables, times
from curation.recipe import Sessions, Source

_HANDOVER = (  # a system message that says that a person takes over from a machine
    r"(?i)(?:转|接入|进入|切换到?|连接)\S{0,4}人工|人工(?:客服|坐席)?\S{0,10}(?:接入|为您服务|已接待)|"
    r"(?:transfer|hand(?:ed|ing)? (?:you )?over|connect|escalat)\w*\b.{0,40}"
    r"\b(?:human|live agent|live chat|person|specialist)"
)

AT_ONCE = 100_000  # messages that are worth a thread of their own
SORTED = 1 << 16  # messages that are sorted at a time
_ODD = np.uint64(0x9E3779B97F4A7C15)  # spreads what differs a little over all 64 bits
SLIP = 2 * 60_000_000  # microseconds that a clock may go back without being of another day
_SAME = ("conversation", "role", "speaker", "time", "raw", "id")  # what two copies of a row have in common


def sessions(
    messages: pl.DataFrame, settings: Sessions | None = None, sources: Sequence[Source] = ()
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Make conversations of messages (tables.READ): return tables.MESSAGES and the findings on the way.

    Conversations come in order of first appearance, their messages numbered from 0, repeated rows included. See
    `streams` for what belongs together, `ordered` for the order, `repeated` for rows that came twice. `begins` is
    added: the row of the input that a message's stream begins with; conversations of all shards are in its order.
    """
    settings = settings or Sessions()
    together = _together(streams(messages, sources))
    with ThreadPoolExecutor(pl.thread_pool_size()) as pool:  # each spends its time in Polars and NumPy
        parts = list(pool.map(lambda part: _placed(part, settings, sources), _parted(together, sources)))
    findings = [tables.findings(pl.concat(rows)) for rows in zip(*(told for _, told in parts), strict=True)]
    return pl.concat([found for found, _ in parts]), pl.concat(findings)


def _parted(together: pl.DataFrame, sources: Sequence[Source]) -> list[pl.DataFrame]:
    """Part messages between streams, for as many threads as there are; few messages, and a crowd, are one part."""
    count = min(pl.thread_pool_size(), together.height // AT_ONCE)
    if count < 2 or _those(together, sources, "crowd"):  # who speaks there at all counts
        return [together]
    heads = np.append(_heads(together["begins"]), together.height)
    edges = sorted({int(heads[np.searchsorted(heads, together.height * part // count)]) for part in range(count + 1)})
    return [together[low:high] for low, high in pairwise(edges)]


def _placed(
    together: pl.DataFrame, settings: Sessions, sources: Sequence[Source]
) -> tuple[pl.DataFrame, tuple[pl.DataFrame, ...]]:
    """Return whole streams as `sessions` does, with the findings kind by kind."""
    placed = ordered(timed(together, sources), settings.order)
    parted = _opened(_by_silence(placed, settings.gap_minutes), sources)
    whose = parted["conversation" if parted["stream"].any() else "begins"]
    called = _unaddressed(parted, sources)
    found = parted.with_columns(message=_place(whose), text="raw" if called is None else called)
    found = sections(_before_handover(found))
    twice = _repeated(found, sources).select(
        "conversation", "message", rule=pl.lit("read/duplicate-row"), action=pl.lit("drop"), evidence="raw"
    )
    moved = found.filter(pl.col("was") != pl.col("message")).select(
        "conversation",
        "message",
        rule=pl.lit("mend/order"),
        action=pl.lit("note"),
        before=pl.format("message {}", "was"),
        after=pl.format("message {}", "message"),
    )
    named = found.clear() if called is None else found.filter(pl.col("text") != pl.col("raw"))
    named = named.select(
        "conversation", "message", rule=pl.lit("mend/addressee"), action=pl.lit("note"), before="raw", after="text"
    )
    return found.select(*tables.MESSAGES, "begins", **_continues(found, sources)), (twice, moved, named)


# --- what belongs together --------------------------------------------------------------------------------------


def streams(messages: pl.DataFrame, sources: Sequence[Source] = ()) -> pl.DataFrame:
    """Add `conversation` where it is missing, and `stream`: true where a long silence still has to part it.

    By conversation id where there is one; else by the thread of replies; else by customer; else the file is one
    stream. Two files that both count their sessions from 1 must not be mixed: a name that stands in more than one
    file becomes ``file/name`` there, unless the recipe says that conversations span files.
    """
    named = pl.col("conversation").is_not_null()
    keyed = messages.with_columns(stream=~named)
    if not messages["conversation"].null_count():
        return _apart(keyed)
    crowded = _those(messages, sources, "crowd")
    key = pl.col("customer")
    if messages["reply_to"].null_count() < messages.height:
        roots = threads(messages.select("file", "id", "reply_to"))
        keyed = keyed.join(roots, on=["file", "id"], how="left", maintain_order="left")
        linked = pl.col("root").is_not_null()
        keyed = keyed.with_columns(stream=~named & ~linked)
        alone = pl.when(pl.col("customer").is_null() & (pl.col("reply_to").is_not_null().any().over("file"))).then("id")
        key = pl.coalesce("root", "customer", alone)
        keyed = keyed.with_columns(stream=pl.col("stream") & alone.is_null())
    if crowded:
        in_crowd = pl.col("file").is_in(crowded) & ~named  # there a reply tells whom it is for, not what it belongs to
        keyed = keyed.with_columns(_answered(keyed), stream=pl.col("stream") | in_crowd).with_columns(
            addressee=_addressee()
        )
        where = pl.col("customer").fill_null("")
        key = pl.when(in_crowd).then(pl.concat_str(where, pl.lit(" "), "addressee").str.strip_chars()).otherwise(key)
    name = pl.coalesce("conversation", key, "file")
    return _apart(keyed.with_columns(conversation=name).select(*messages.columns, "stream"))


def _opened(placed: pl.DataFrame, sources: Sequence[Source]) -> pl.DataFrame:
    """Give the roles where the recipe says that whoever opens a conversation is its customer."""
    files = _those(placed, sources, "opener")
    if not files:
        return placed
    person = (pl.col("role") == "user") & pl.col("file").is_in(files)
    first = pl.col("speaker").filter(person).first().over("conversation")
    answers = person & pl.col("speaker").ne_missing(first)
    role = pl.when(answers).then(pl.lit("assistant", dtype=tables.ROLE)).otherwise("role")
    return placed.with_columns(role=role)


def _apart(keyed: pl.DataFrame) -> pl.DataFrame:
    if len(_files(keyed)) < 2:
        return keyed
    shared = pl.col("file").n_unique().over("conversation") > 1
    name = pl.when(shared & ~pl.col("span")).then(pl.col("file") + "/" + pl.col("conversation"))
    return keyed.with_columns(conversation=name.otherwise("conversation"))


def threads(links: pl.DataFrame) -> pl.DataFrame:
    """Return (file, id, root) for messages that answer others or are answered: the first message of their thread.

    `links` has file, id and reply_to. An answer to a message that is not in the file starts a thread under that
    message's id, so that all answers to it stay together. Pointer jumping: as many joins as the logarithm of the
    longest chain; a ring of links ends after 40 steps at one of its messages.
    """
    step = (
        links.drop_nulls("reply_to")
        .filter(pl.col("id") != pl.col("reply_to"))
        .unique(["file", "id"], keep="first", maintain_order=True)
    )
    step = step.select("file", "id", root="reply_to")
    for _ in range(40):
        jump = step.join(
            step, left_on=["file", "root"], right_on=["file", "id"], how="left", suffix="_next", maintain_order="left"
        )
        if jump["root_next"].null_count() == jump.height:
            break
        step = jump.select("file", "id", root=pl.coalesce("root_next", "root"))
    answered = step.select("file", id="root", root="root").unique(maintain_order=True)
    return pl.concat([step, answered]).unique(["file", "id"], keep="first", maintain_order=True)


def _answered(keyed: pl.DataFrame) -> pl.Series:
    """Return the customer whose message each one answers, or whose message began its thread; null where it is none."""
    links = ["file", "id"]
    said = keyed.filter((pl.col("role") == "user") & pl.col("id").is_not_null())
    said = said.select(*links, answered=pl.col("speaker").fill_null("")).unique(links, keep="first")
    found = pl.repeat(None, keyed.height, dtype=pl.String, eager=True).alias("answered")
    for link in ("reply_to", "root"):
        if link in keyed.columns and keyed[link].null_count() < keyed.height:
            whose = keyed.select("file", id=link).join(said, on=links, how="left", maintain_order="left")
            found = found.zip_with(found.is_not_null(), whose["answered"])
    return found


def _addressee() -> pl.Expr:
    """Whose conversation a message of a crowd is: a customer's own; an agent's that of whom he answers or names.

    Else it is that of who spoke last. A name counts at the beginning of the message ("name: …", "@name …"), or as its
    first or last word.
    """
    person = pl.col("role") == "user"
    customers = pl.col("speaker").filter(person).unique().implode()
    user = person & pl.col("conversation").is_null()  # links of their own file have named the others already
    word = r"[^\s,:;.!?，：；。！？@<>]+"
    first = pl.col("raw").str.extract(rf"^\s*@?({word})")
    last = pl.col("raw").str.extract(rf"@?({word})[\s.!?:)]*$")
    named = pl.when(first.is_in(customers)).then(first).when(last.is_in(customers)).then(last)
    where = ["file", pl.col("customer").fill_null("")]
    nobody = pl.col("speaker").fill_null("")  # customers without a name are one
    own = pl.when(user).then(nobody).otherwise(pl.coalesce("answered", named))
    return pl.coalesce(own.forward_fill().over(where), own.backward_fill().over(where), "speaker")


def _unaddressed(placed: pl.DataFrame, sources: Sequence[Source]) -> pl.Series | None:
    """Return what messages of a crowd say, without the name before it ("ann: yes, you can") where Ann speaks there."""
    crowded = _those(placed, sources, "crowd")
    if not crowded:
        return None
    speakers = placed.filter(pl.col("file").is_in(crowded)).select("file", name="speaker").drop_nulls().unique()
    called = r"^\s*@?([^\s,:;.!?，：；。！？@<>]+)\s*[:,：，]\s*"
    told = placed.select("file", "raw", name=pl.col("raw").str.extract(called)).join(
        speakers.with_columns(known=True), on=["file", "name"], how="left", maintain_order="left"
    )
    bare = pl.col("raw").str.replace(called, "")
    return told.select(pl.when(pl.col("known") & (bare.str.len_chars() > 0)).then(bare).otherwise("raw")).to_series()


def _by_silence(placed: pl.DataFrame, minutes: float) -> pl.DataFrame:
    """Part streams without ids where nobody spoke for more than `minutes`; a missing time parts nothing."""
    if not placed["stream"].any():
        return placed
    inside = (pl.col("begins") == pl.col("begins").shift(1)).fill_null(value=False)
    gap = inside & (pl.col("filled") - pl.col("filled").shift(1) > round(minutes * 60_000_000)).fill_null(value=False)
    marks = placed.select(
        "conversation", "stream", "was", inside=inside, head=~inside | (gap & pl.col("stream")), gaps=gap.cum_sum()
    )
    marks = marks.with_columns(part=pl.col("head").cum_sum().cast(pl.Int64) - 1)
    number = pl.col("gaps") - pl.when(~pl.col("inside")).then("gaps").forward_fill() + 1
    name = pl.when("stream").then(pl.format("{}#{}", "conversation", number)).otherwise("conversation")
    names = marks.with_columns(name=name).filter("head")["name"]
    parted = placed.with_columns(conversation=names.gather(marks["part"]))
    return parted.with_columns(was=_ranks(marks["part"], placed["was"]))


def _ranks(part: pl.Series, was: pl.Series) -> pl.Series:
    """Return the rank of every message by `was` in its part, from 0; parts are numbered, one after the other."""
    key = part * 2**32 + was
    place = _place(part)
    if key.is_sorted():
        return place.alias("was")
    ranks = np.empty(len(key), dtype=np.uint32)
    ranks[key.arg_sort().to_numpy()] = place.to_numpy()
    return pl.Series("was", ranks)


# --- order ------------------------------------------------------------------------------------------------------


def timed(keyed: pl.DataFrame, sources: Sequence[Source] = ()) -> pl.DataFrame:
    """Add `at` (microseconds, null where there is no time that can be read) and `dated`."""
    first = _those(keyed, sources, "day_first")
    if not first or len(_files(keyed)) < 2:
        return keyed.with_columns(times.parsed(keyed["time"], day_first=bool(first)))
    parts = [
        times.parsed(part["time"], day_first=file in first).with_columns(part["place"])
        for (file,), part in keyed.select("file", "time").with_row_index("place").group_by("file", maintain_order=True)
    ]
    return keyed.with_columns(pl.concat(parts).sort("place").drop("place"))


def ordered(frame: pl.DataFrame, order: str = "auto") -> pl.DataFrame:
    """Sort the messages of every stream by time, with the order of the file as tie-break.

    A stream is sorted where at least half of its messages have a time that can be read, all with a date or
    all without; else (and with ``file``) it stays as the file has it. A message without a time stays behind the one
    before it. A file that runs backwards, newest first, is turned round, ties included. Clocks without a date that
    jump back by more than half a day have passed midnight. Adds `filled` (the time that it was sorted by) and `was`
    (its place in the stream before).
    """
    place = _place(frame["begins"])
    if order == "file" or frame["at"].null_count() == frame.height:
        return frame.with_columns(filled="at", was=place)
    if not frame["dated"].drop_nulls().all():
        frame = _past_midnight(frame)
    inside = pl.col("begins") == pl.col("begins").shift(1)
    if (
        not frame["at"].null_count()
        and not frame.select((inside & (pl.col("at") < pl.col("at").shift(1))).any()).item()
    ):
        return frame.with_columns(filled="at", was=place)  # is in order
    frame = frame.with_columns(talk=pl.col("begins").rle_id(), before=_filled("at"), after=_filled("at", back=True))
    step = pl.col("before") - pl.col("before").shift(1)
    talks = frame.with_columns(step=pl.when(inside).then(step)).group_by("talk").agg(
        known=pl.col("at").count() * 2 >= pl.len(),
        some=pl.col("at").count() > 0,
        uniform=pl.col("dated").min() == pl.col("dated").max(),
        backwards=((pl.col("step") < 0).sum() > 1) & ((pl.col("step") > 0).sum() == 0),  # one step back may be a slip
    ).sort("talk")  # fmt: skip
    dated = pl.col("known" if order == "auto" else "some")
    marks = talks.select("backwards", by_time=pl.col("uniform").fill_null(value=True) & dated)[frame["talk"]]
    filled = pl.when("backwards").then(pl.coalesce("after", "before")).otherwise(pl.coalesce("before", "after"))
    frame = pl.concat([frame, marks], how="horizontal").with_columns(filled=filled, was=place)
    row = pl.col("row").cast(pl.Int64)
    keys = frame.select(
        "talk",
        time=pl.when("by_time").then("filled"),
        row=pl.when(pl.col("backwards") & pl.col("by_time")).then(-row).otherwise(row),
    )
    frame = frame.drop("talk", "before", "after", "by_time", "backwards")
    later = pl.col("time") - pl.col("time").shift(1)
    tied = (later == 0) & (pl.col("row") < pl.col("row").shift(1))
    same = pl.col("talk") == pl.col("talk").shift(1)
    if not keys.select((same & ((later < 0) | tied)).any()).item():
        return frame
    return frame[keys.select(pl.arg_sort_by("talk", "time", "row"))["talk"]]


def _together(keyed: pl.DataFrame) -> pl.DataFrame:
    """Put the messages of every stream together, by first appearance, and add `begins`: its first row."""
    heads = _heads(keyed["conversation"])
    lengths = np.diff(heads, append=keyed.height)
    starts = keyed.select("conversation", "row")[heads]
    if keyed["row"].is_sorted() and starts["conversation"].n_unique() == starts.height:
        return keyed.with_columns(begins=pl.Series(np.repeat(starts["row"].to_numpy(), lengths)))
    first = starts.select(pl.col("row").min().over("conversation")).to_series()
    frame = keyed.with_columns(begins=pl.Series(np.repeat(first.to_numpy(), lengths)))
    return frame[frame.select(pl.col("begins").cast(pl.UInt64) * 2**32 + pl.col("row")).to_series().arg_sort()]


def _filled(name: str, *, back: bool = False) -> pl.Expr:
    """Fill what is missing from the message before, or behind, in the same conversation (`begins` names it)."""
    known = pl.when(pl.col(name).is_not_null())
    both = [pl.col(name), known.then("begins")]
    value, whose = (column.backward_fill() if back else column.forward_fill() for column in both)
    return pl.when(whose == pl.col("begins")).then(value)


def _past_midnight(frame: pl.DataFrame) -> pl.DataFrame:
    """Add a day to clocks without a date for every time that they jumped back by more than half a day.

    In a stream that silences part, as of a copied chat, lines stand as they came: any step back is another day, but for
    slips of two minutes, and none forward is a day less. One that runs backwards as a whole is no such stream.
    """
    here, at = "begins", pl.col("at")
    back = (at.forward_fill() - at.forward_fill().shift(1)).over(here)
    days = (back < -times.DAY // 2).cast(pl.Int64) - (back > times.DAY // 2).cast(pl.Int64)
    if "stream" in frame.columns:
        onward = pl.col("stream") & (back > 0).any().over(here)
        days = pl.when(onward).then((back < -SLIP).cast(pl.Int64)).otherwise(days)
    clock = (pl.col("dated") == False).fill_null(value=False)  # noqa: E712  null is no clock
    return frame.with_columns(
        at=pl.when(clock).then(at + days.fill_null(0).cum_sum().over(here) * times.DAY).otherwise(at)
    )


def _heads(values: pl.Series) -> np.ndarray:
    """Return where runs of equal values begin, as where conversations do that stand one after the other."""
    found, at = [np.zeros(min(1, len(values)), dtype=np.int64)], 0
    if values.dtype == pl.UInt32 and not values.null_count():
        return np.append(found[0], np.flatnonzero(np.diff(values.to_numpy())) + 1)
    for part in values.get_chunks():  # two that lie in chunks elsewhere are copied to be compared
        before, after = part.head(-1), part.slice(1)
        other = after.ne_missing(before) if part.null_count() else after != before
        if at and len(part) and part[0] != values[at - 1]:
            found.append(np.array([at]))
        found.append(np.flatnonzero(other.to_numpy()) + at + 1)
        at += len(part)
    return np.concatenate(found)


def _place(conversation: pl.Series) -> pl.Series:
    """Number the messages of each conversation from 0; conversations stand one after the other."""
    heads = _heads(conversation)
    starts = np.repeat(heads.astype(np.uint32), np.diff(heads, append=len(conversation)))
    return pl.Series(conversation.name, np.arange(len(conversation), dtype=np.uint32) - starts)


# --- rows that came twice ---------------------------------------------------------------------------------------


def _repeated(found: pl.DataFrame, sources: Sequence[Source]) -> pl.DataFrame:
    """Return the messages that are another copy; only conversations in which anything comes twice are looked at."""
    heads = _heads(found["begins"])
    those = _alike(found, heads, timed=bool(found["dated"].all()) and not any(source.day_first for source in sources))
    alike = found.select(_SAME).filter(pl.Series(those))
    told = [name for name in _SAME if name == "conversation" or alike[name].null_count() < alike.height]
    key = alike.select(pl.sum_horizontal(pl.col(name).hash(seed=place) // 8 for place, name in enumerate(told)))
    twice = key.to_series().is_duplicated()
    if not twice.any():
        return found.clear()
    edges, rows = np.append(heads, found.height), np.flatnonzero(those)[twice.to_numpy()]
    whole = np.unique(np.searchsorted(heads, rows, side="right"))  # streams, from 1
    near = found[np.concatenate([np.arange(edges[at - 1], edges[at]) for at in whole])]
    suspects = alike.filter(twice).select("conversation").unique()
    return near.join(suspects, on="conversation", how="semi", maintain_order="left").filter(repeated())


def _alike(found: pl.DataFrame, heads: np.ndarray, *, timed: bool) -> np.ndarray:
    """Tell beside which messages another of the same stream and side is as long: every copy, and few others.

    Streams begin at `heads`. Where equal times are equal moments (`timed`), it is also of the same one. Sorted are
    numbers, whose bits stream, what is said and place share; of some streams at a time, which a cache holds.
    """
    what = found["raw"].str.len_bytes().to_numpy().astype(np.uint64) * 4
    what += found["role"].to_physical().to_numpy()
    if timed:
        what += found["at"].fill_null(0).to_numpy().view(np.uint64) * _ODD
    what *= _ODD  # whose upper bits are taken
    twice = np.zeros(found.height, dtype=bool)
    edges = np.append(heads, found.height)
    parts = np.unique(np.append(np.searchsorted(heads, np.arange(0, found.height, SORTED)), len(heads)))
    for first, last in pairwise(parts.tolist()):
        low, high = edges[first], edges[last]
        bits, streams = (np.uint64(int(count).bit_length()) for count in (high - low, last - first))
        key = np.repeat(np.arange(last - first, dtype=np.uint64), np.diff(edges[first : last + 1])) << (
            64 - bits - streams
        )
        key |= what[low:high] >> (bits + streams)
        key <<= bits
        key |= np.arange(high - low, dtype=np.uint64)
        key.sort()
        same = np.flatnonzero((key[1:] ^ key[:-1]) >> bits == 0)
        here, row = twice[low:high], (np.uint64(1) << bits) - np.uint64(1)
        here[key[same] & row] = here[key[same + 1] & row] = True
    return twice


def repeated() -> pl.Expr:
    """Tell which messages are another copy of the same row of an export.

    The same side says the same at the same time (to the second), or under the same message id. Where times are
    coarser, or all of a conversation's are equal, only a run of two or more messages that comes again counts:
    people do say 好的 twice in a minute. Without time and id nothing is a copy, but a record that holds several
    messages and comes a second time.
    """
    here = "conversation"
    several = pl.len().over(here, "source") > 1
    distance = pl.col("row").cast(pl.Int64) - pl.col("row").min().over(_SAME).cast(pl.Int64)
    again = distance > 0
    neighbour = (
        (again.shift(1) & (distance.shift(1) == distance)) | (again.shift(-1) & (distance.shift(-1) == distance))
    ).over(here)
    fine = times.to_the_second(pl.col("time")) & (pl.col("time").n_unique().over(here) > 1) & ~several
    sure = pl.col("id").is_not_null() | fine.fill_null(value=False)
    run = (pl.col("time").is_not_null() | several) & neighbour.fill_null(value=False)
    own_source = pl.col("source") != pl.col("source").first().over(_SAME)
    return again & own_source & (sure | run) & ~pl.col("record")


# --- bots -------------------------------------------------------------------------------------------------------


def _before_handover(placed: pl.DataFrame) -> pl.DataFrame:
    """Mark as a bot's what the assistant's side said before the first system message that a person takes over."""
    said = placed.select(pl.when(pl.col("role") == "system").then("raw")).to_series()
    if said.null_count() == len(said):
        return placed
    takes_over = said.str.contains(_HANDOVER).fill_null(value=False).alias("takes_over")
    if not takes_over.any():
        return placed
    talk, over = pl.col("conversation").rle_id(), pl.col("takes_over")
    before = over.cast(pl.UInt32).reverse().cum_sum().reverse().over(talk)
    first = over.cum_sum().over(talk) == 0
    machine = (before > 0) & first & (pl.col("role") == "assistant")
    return placed.with_columns(takes_over).with_columns(bot=pl.col("bot") | machine).drop("takes_over")


def sections(placed: pl.DataFrame) -> pl.DataFrame:
    """Add `section`: it grows where a bot begins or stops to speak, so that no turn holds what both said."""
    if not placed["bot"].any():
        return placed.with_columns(section=pl.lit(0, dtype=pl.UInt32))
    spoken = pl.when(pl.col("role") != "system").then("bot").forward_fill().fill_null(value=False)
    change = (spoken != spoken.shift(1)).fill_null(value=False)
    return placed.with_columns(section=change.cast(pl.UInt32).cum_sum().over(pl.col("conversation").rle_id()))


def _continues(found: pl.DataFrame, sources: Sequence[Source]) -> dict[str, pl.Expr]:
    """Tell which messages go on where the one before was cut at the source's length limit, and which behind a space.

    The one before is exactly that long (in characters or in bytes; one less where a space was lost), is of the same
    speaker, and at most ten seconds older where there are times.
    """
    limits = {file: _source(file, sources).cut_at for file in _those(found, sources, "cut_at")}
    if not limits:
        return {"continues": pl.lit(value=False), "spaced": pl.lit(value=False)}
    limit = pl.col("file").replace_strict(limits, default=None, return_dtype=pl.Int64)
    lengths = (pl.col("raw").str.len_chars().cast(pl.Int64), pl.col("raw").str.len_bytes().cast(pl.Int64))
    whole = pl.any_horizontal(length == limit for length in lengths)
    full = whole | pl.any_horizontal(length == limit - 1 for length in lengths)
    same = pl.all_horizontal(
        pl.col(name).eq_missing(pl.col(name).shift(1)) for name in ("conversation", "role", "speaker", "bot")
    )
    soon = (pl.col("at") - pl.col("at").shift(1) <= 10_000_000).fill_null(value=True)
    goes_on = (full.shift(1) & same & soon & (pl.col("message") > 0)).fill_null(value=False)
    spaced = goes_on & ~whole.shift(1).fill_null(value=True) & ~pl.col("raw").str.contains(r"^\s")
    return {"continues": goes_on, "spaced": spaced}


def _those(frame: pl.DataFrame, sources: Sequence[Source], setting: str) -> list[str]:
    """Return the files of messages whose sources have something set, in order."""
    if not any(getattr(source, setting) for source in sources):
        return []
    return [file for file in _files(frame) if getattr(_source(file, sources), setting)]


def _files(frame: pl.DataFrame) -> list[str]:
    """Return the files of messages, in order."""
    file = frame["file"]
    alone = frame.height and (file == file[0]).all()
    return [file[0]] if alone else file.unique(maintain_order=True).to_list()


def _source(file: str, sources: Sequence[Source]) -> Source:
    """Return the source of the recipe that a file was read with."""
    parts = PurePath(file).parts
    names = {file, *parts, *(part.removesuffix(".gz").removesuffix(".zst") for part in parts)}
    return next((s for s in sources if any(fnmatch(name, s.match) for name in names)), Source())
