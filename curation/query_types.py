"""Query types: what customers ask for, by the phrases of a pack; `other` where the pack is not sure.

A pack is a YAML file (`rules/query_types/*.yaml`), one domain in Chinese and English; `siftune schema
query-types` prints its JSON Schema::

    about: What customers of an online shop ask for
    weights: {sure: 3, likely: 2, hint: 1, against: -2}   # what one kind of phrase adds, however many of it fit
    least: 2                              # a type with less is not claimed
    margin: 1                             # the best must lead the second by this much, else `other`
    products: [洗衣机, washing machine]    # words that sentence skeletons mask (diversity.py)
    types:
      refund:
        name: {zh: 退款, en: Refund}
        sure: [退款多久, 退款+到账, money back]
        likely: [退款, refund*]
        hint: [到账]
        against: [退税]
        fires: [退款多久到账, how long does a refund take]
        silent: [发票什么时候开]

A phrase of Latin letters stands at the borders of words (``refund*`` may go on), one with Han characters anywhere.
The parts of ``a+b`` must all be in the question, in any order. ``/…/`` is a regular expression, slower. Case, marks and
apostrophes do not count, nor does what stands in [square brackets].

Every literal of all packs is searched in one pass (Aho-Corasick); the rest is arithmetic of places.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from curation import documents
from curation.checks import letters
from curation.checks.wording import regex
from curation.errors import PackError, did_you_mean
from curation.resources import shipped
from curation.vectors import MASK

OTHER = "other"
TIERS = ("sure", "likely", "hint", "against")
BATCH = 20_000  # questions typed at once: bounds the memory of the hits
USEFUL = 0.05  # share of the questions that a further domain pack must explain alone to be chosen (`best`)
BEYOND = ("general",)  # packs that `best` always takes: they fit beside every domain

FOLDER = "query_types"  # inside the shipped rules

I64 = npt.NDArray[np.int64]
HALF, LOW = 32, (1 << 32) - 1  # a text and what is in it are one number: they are sorted fast
Choice = Literal["best", "auto"] | Sequence[str]  # of packs: what fits the data, none (topics.py), or these
Phrase = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Names(BaseModel):
    """What a type is called."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class TypeText(BaseModel):
    """One query type as written: its names, its phrases by strength, and questions that are of it and not of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: Names
    sure: list[Phrase] = []
    likely: list[Phrase] = []
    hint: list[Phrase] = []
    against: list[Phrase] = []
    fires: list[str] = Field(min_length=2)
    silent: list[str] = Field(min_length=1)


class WeightsText(BaseModel):
    """What a phrase of each strength adds to its type."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    sure: float = 3
    likely: float = 2
    hint: float = 1
    against: float = -2


class TypesText(BaseModel):
    """A pack of query types as written."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    about: str
    weights: WeightsText = WeightsText()
    least: float = 2
    margin: float = Field(default=1, ge=0)
    products: list[Phrase] = []
    types: dict[str, TypeText] = Field(min_length=1)


@dataclass(frozen=True)
class TypePack:
    """One pack that was loaded; its types are called ``pack/type``."""

    name: str
    sha256: str
    text: TypesText

    @cached_property
    def literals(self) -> dict[str, str]:
        """Return the literal for each part of its phrases, all made normal in one go."""
        return _literals(self.text)

    @property
    def names(self) -> dict[str, Names]:
        """Return the names of its types, in the order of the file."""
        return {f"{self.name}/{short}": written.name for short, written in self.text.types.items()}


def load(name: str) -> TypePack:
    """Load a pack by name (a shipped one such as ``banking``) or path.

    Raises PackError with file, line, fault and cure.
    """
    own = Path(name)
    path = own if own.is_file() else shipped("rules") / FOLDER / f"{name}.yaml"
    if not path.is_file():
        message = f"query types '{name}': neither a file nor a shipped pack{did_you_mean(name, shipped_names())}"
        raise PackError(f"{message}; or use `best` or `auto`")
    data, node = documents.load(path, PackError)
    text = documents.validate(TypesText, data, path, node, PackError)
    pack = TypePack(path.stem, hashlib.sha256(path.read_bytes()).hexdigest(), text)
    known = pack.literals
    for short, written in text.types.items():
        place = f"{path}:{documents.line_of(node, ('types', short))}: type '{short}'"
        if "/" in short or short == OTHER:
            raise PackError(f"{place}: choose a name without '/' that is not '{OTHER}'")
        for phrase in (p for tier in TIERS for p in getattr(written, tier)):
            try:
                fault = "" if all(p.strip() for p in _parts(phrase, known)) else "has a part without letter or digit"
            except ValueError as wrong:
                fault = str(wrong)
            if fault:
                raise PackError(f"{place}: phrase '{phrase}' {fault}")
    return pack


def load_all(choice: Choice) -> tuple[TypePack, ...]:
    """Load the packs that a recipe names; for ``best`` all that are shipped, for ``auto`` none."""
    if isinstance(choice, str):
        return tuple(load(name) for name in shipped_names()) if choice == "best" else ()
    packs = tuple(load(name) for name in choice)
    names = [pack.name for pack in packs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise PackError(f"query types '{twice}': two packs have this name; rename one file")
    return packs


def shipped_names() -> list[str]:
    """Return the names of the shipped packs, domains before what fits beside all of them."""
    names = sorted(path.stem for path in (shipped("rules") / FOLDER).glob("*.yaml"))
    return [*(n for n in names if n not in BEYOND), *(n for n in names if n in BEYOND)]


def normal(texts: pl.Series) -> pl.Series:
    """Return texts as phrases see them: lower case, without marks and masks, one space around every Latin word."""
    text = pl.col("text")
    bare = text.str.replace_all(MASK, " ").str.to_lowercase().str.replace_all(r"['’]", "", literal=False)
    rows = texts.alias("text").to_frame().select(bare.str.replace_many(_MARKS, [" "] * len(_MARKS)))
    # Where all is ASCII, spaces stand around every word now, and no other mark is left.
    wide = rows.with_row_index("row").filter(text.str.len_bytes() != text.str.len_chars())
    parted = text.str.replace_all(r"([a-z0-9])([^\x00-\x7f])", "$1 $2").str.replace_all(
        r"([^\x00-\x7f])([a-z0-9])", "$1 $2"
    )
    wide = wide.with_columns(parted.str.replace_all(r"[^\p{L}\p{N} ]+", " "))
    found = rows["text"].scatter(wide["row"], wide["text"]).str.replace_all("  +", " ").str.strip_chars(" ")
    return (" " + found + " ").alias(texts.name)


_MARKS = [chr(code) for code in range(128) if not chr(code).isalnum() and chr(code) != " "]


def _parts(phrase: str, known: Mapping[str, str]) -> list[str]:
    """Return the literals (or the one regular expression, with its slashes) that must all be in a question."""
    if _is_pattern(phrase):
        return [f"/{regex(phrase[1:-1])}/"]
    return [known[part] for part in phrase.split("+")]


def _is_pattern(phrase: str) -> bool:
    return len(phrase) > 2 and phrase[0] == phrase[-1] == "/"


def _literals(pack: TypesText) -> dict[str, str]:
    """Return what TypePack.literals says."""
    phrases = (p for written in pack.types.values() for tier in TIERS for p in getattr(written, tier))
    parts = list(dict.fromkeys(part for p in phrases if not _is_pattern(p) for part in p.split("+")))
    seen = normal(pl.Series(parts, dtype=pl.String))
    return {part: _literal(part, text.strip()) for part, text in zip(parts, seen, strict=True)}


def _literal(part: str, text: str) -> str:
    if any("\u4e00" <= char <= "\u9fff" for char in text):
        return text
    return f" {text}" if part.rstrip().endswith("*") else f" {text} " if text else ""


class Typer:
    """Packs made ready: literals, phrases, strengths and types, by number. A pure function of texts from there on."""

    def __init__(self, packs: Sequence[TypePack]) -> None:
        """Number the literals, phrases and types of `packs`, in their order."""
        self.packs = tuple(packs)
        self.names: list[str] = [name for pack in packs for name in pack.names]
        literals: dict[str, int] = {}
        rows: list[tuple[int, int]] = []  # literal, phrase
        sizes: list[int] = []
        tiers: list[int] = []  # of each phrase: type and tier
        weights: list[float] = []
        for pack in packs:
            for written in pack.text.types.values():
                for tier in TIERS:
                    for phrase in getattr(written, tier):
                        parts = dict.fromkeys(_parts(phrase, pack.literals))
                        rows += [(literals.setdefault(part, len(literals)), len(sizes)) for part in parts]
                        tiers.append(len(weights))
                        sizes.append(len(parts))
                    weights.append(getattr(pack.text.weights, tier))
        self.literals = pl.Series([text for text in literals if text[0] != "/"], dtype=pl.String)
        self.patterns = [text for text in literals if text[0] == "/"]
        self.place = {text: i for i, text in enumerate(literals)}
        self.columns = np.array([self.place[text] for text in self.literals], dtype=np.int64)
        self.sizes = np.array(sizes)
        literal, self.phrases = np.array(sorted(rows), dtype=np.int64).reshape(-1, 2).T  # of each literal in turn
        self.counts = np.bincount(literal, minlength=len(literals))
        self.starts = np.cumsum(self.counts) - self.counts
        self.tiers = np.array(tiers, dtype=np.int64)
        self.weights = np.array(weights, dtype=np.float64)

    def scores(self, texts: pl.Series) -> npt.NDArray[np.float64]:
        """Return texts × types: the weights of the strengths of which at least one phrase stands in the text."""
        row, literal = self._hits(normal(texts))
        each = self.counts[literal]  # phrases that have it
        ends = np.cumsum(each)
        places = np.arange(ends[-1] if len(ends) else 0) + np.repeat(self.starts[literal] - ends + each, each)
        said, first = _once(np.repeat(row << HALF, each) | self.phrases[places])
        parts = np.diff(first, append=len(places))
        said = said[parts >= self.sizes[said & LOW]]
        said, _ = _once(said & ~LOW | self.tiers[said & LOW])
        tier, shape = said & LOW, (len(texts), len(self.names))
        cells = (said >> HALF) * shape[1] + tier // len(TIERS)
        return np.asarray(np.bincount(cells, self.weights[tier], shape[0] * shape[1]).reshape(shape), dtype=np.float64)

    def claims(self, texts: pl.Series) -> pl.DataFrame:
        """Return what every pack claims of each text, a column for its type and one for its score.

        A type is its place in `names`, -1 for none. Texts that come again are looked at once, by kernels each time.
        """
        told = [self._told(texts[start : start + BATCH]) for start in range(0, len(texts) or 1, BATCH)]
        if told[0] is not None:
            return pl.concat(one for one in told if one is not None)
        once = texts.alias("text").unique(maintain_order=True)
        some = [self._claims(once[start : start + BATCH]) for start in range(0, len(once), BATCH)]
        found = pl.concat(some or [self._claims(once)]).with_columns(once)
        each = texts.alias("text").to_frame().join(found, on="text", how="left", maintain_order="left")
        return each.drop("text")

    def _claims(self, texts: pl.Series) -> pl.DataFrame:
        scored = self.scores(texts)
        found: dict[str, npt.NDArray[Any]] = {}
        start = 0
        for place, pack in enumerate(self.packs):
            mine = scored[:, start : start + len(pack.text.types)]
            two = np.partition(mine, -2, axis=1)[:, -2:] if mine.shape[1] > 1 else np.column_stack([mine * 0, mine])
            sure = (two[:, 1] >= pack.text.least) & (two[:, 1] - two[:, 0] >= pack.text.margin)
            found[f"type {place}"] = np.where(sure, start + mine.argmax(axis=1), -1).astype(np.int32)
            found[f"score {place}"] = np.where(sure, two[:, 1], 0.0)
            start += len(pack.text.types)
        return pl.DataFrame(found)

    def _told(self, texts: pl.Series) -> pl.DataFrame | None:
        """Do the work of `_claims` by kernels (extra `fast`); None without them."""
        made = None if self.literals.is_empty() else letters.normal(texts)
        if made is None:
            return None
        kernels, (flat, odd) = made
        hits = [pl.Series([], dtype=pl.UInt32)]
        if self.patterns:
            lines = pl.Series(flat[0].tobytes().split(b"\n")[:-1], dtype=pl.Binary).cast(pl.String)
            hits = [lines.str.contains(pattern[1:-1]).arg_true() for pattern in self.patterns]
        rows = np.concatenate([found.to_numpy().astype(np.int64) for found in hits])
        which = np.repeat([self.place[pattern] for pattern in self.patterns] or [0], list(map(len, hits)))
        also = which[np.argsort(rows, kind="stable")].astype(np.int64)
        ends = np.cumsum(np.bincount(rows, minlength=len(texts)))
        types, scores = kernels.claims(flat, self._tree, self._strengths, (also, ends))
        strange = np.flatnonzero(odd)
        if len(strange):
            slow = self._claims(texts.gather(strange))
            types[strange], scores[strange] = (slow.select(f"^{what} .*$").to_numpy() for what in ("type", "score"))
        columns = (("type", types), ("score", scores))
        return pl.DataFrame(
            {f"{what} {place}": cells[:, place] for place in range(len(self.packs)) for what, cells in columns}
        )

    @cached_property
    def _tree(self) -> tuple[npt.NDArray[Any], ...]:
        """Return the literals as a tree for fast/questions.py, and which phrases each is part of."""
        texts = [text.encode() for text in self.literals]
        lengths = np.array(list(map(len, texts)), dtype=np.int64)
        cells = np.array(texts, dtype=bytes).view(np.uint8).reshape(len(texts), -1)
        order = np.array(sorted(range(len(texts)), key=texts.__getitem__), dtype=np.int64)
        node_of = np.zeros(len(texts), dtype=np.int64)  # of what was read of each literal so far
        labels, parents, count = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)], 1
        ends = np.full(1 + int(lengths.sum()), -1, dtype=np.int64)
        for depth in range(cells.shape[1]):
            order = order[lengths[order] > depth]
            keys = node_of[order] << 8 | cells[order, depth]
            first = np.concatenate([[True], keys[1:] != keys[:-1]])
            node_of[order] = count - 1 + np.cumsum(first)
            labels.append(keys[first] & 0xFF)
            parents.append(keys[first] >> 8)
            count += int(first.sum())
            whole = order[lengths[order] == depth + 1]
            ends[node_of[whole]] = self.columns[whole]
        label, parent = np.concatenate(labels).astype(np.uint8), np.concatenate(parents)
        firsts = np.searchsorted(parent, np.arange(count + 1)).astype(np.uint32)
        heads, spaced = np.zeros(0x110000, dtype=np.uint32), np.zeros(256, dtype=np.uint32)
        for head in {text[: 2 if text[:1] == b" " else len(str(text, "utf-8")[0].encode())] for text in texts}:
            node = 0
            for byte in head:
                node = int(firsts[node] + np.searchsorted(label[firsts[node] : firsts[node + 1]], byte)) + 1
            if head[:1] == b" ":
                spaced[head[1]] = node
            else:
                heads[ord(head.decode())] = node
        starts = np.append(self.starts, len(self.phrases))
        pairs = np.column_stack([self.phrases, self.tiers[self.phrases]]).ravel()
        return heads, spaced, firsts, label, ends[:count].copy(), starts, pairs

    @cached_property
    def _strengths(self) -> tuple[npt.NDArray[Any], ...]:
        """Return for fast/questions.py how many literals phrases need, what strengths weigh, and what packs ask for."""
        borders = np.cumsum([0, *(len(pack.text.types) for pack in self.packs)])
        least, margin = np.array(
            [(pack.text.least, pack.text.margin) for pack in self.packs], dtype=np.float64
        ).T.copy()
        return self.sizes.astype(np.int64), self.weights, borders.astype(np.int64), least, margin

    def assign(self, texts: pl.Series, use: Sequence[str]) -> pl.Series:
        """Return the type of each text by the packs named in `use`; the best score wins, ties go to the first pack."""
        return self.told(self.claims(texts), use)

    def told(self, claims: pl.DataFrame, use: Sequence[str]) -> pl.Series:
        """Return what `assign` returns, from `claims`."""
        places = [[pack.name for pack in self.packs].index(name) for name in use]
        types, best = (claims.select(f"{what} {place}" for place in places).to_numpy() for what in ("type", "score"))
        names = pl.Series([*self.names, OTHER], dtype=pl.String)
        won = types[np.arange(claims.height), best.argmax(axis=1)]
        return names.gather(np.where(won < 0, len(self.names), won)).alias("query_type")

    def _hits(self, texts: pl.Series) -> tuple[I64, I64]:
        """Return texts and literals that stand in them, each such pair once."""
        found = texts.str.extract_many(self.literals.implode(), overlapping=True)
        rows = np.repeat(np.arange(len(texts)), found.list.len().to_numpy())
        literals = found.explode().drop_nulls().cast(pl.Enum(self.literals)).to_physical().to_numpy()
        cells = [rows << HALF | self.columns[literals]]
        for pattern in self.patterns:
            rows = texts.str.contains(pattern[1:-1]).arg_true().to_numpy().astype(np.int64)
            cells.append(rows << HALF | self.place[pattern])
        once, _ = _once(np.concatenate(cells))
        return once >> HALF, once & LOW


def _once(values: I64) -> tuple[I64, I64]:
    """Return the different values, in order, and where each begins there: `np.unique` takes three times as long."""
    values = np.sort(values)
    first = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1]))[: len(values)])
    return values[first], first


# --- which packs fit ---------------------------------------------------------------------------------------------


def coverage(claims: pl.DataFrame) -> pl.DataFrame:
    """Count texts by the set of packs that claim a type for them (claims: bits, texts): small, and shards add up."""
    types = claims.select(pl.col("^type .*$") >= 0)
    bits = types.select(
        pl.sum_horizontal(pl.col(name).cast(pl.Int64) * (1 << place) for place, name in enumerate(types.columns))
    ).to_series()
    found = bits.alias("claims").value_counts(name="texts").sort("claims")
    return found.with_columns(pl.col("texts").cast(pl.Int64))


def best(typer: Typer, counts: pl.DataFrame) -> list[str]:
    """Return the packs to use for texts of which `counts` are the coverage: general, and each domain that adds enough.

    Greedy: the domain that explains most of what no chosen pack explains yet, while that is at least USEFUL of all;
    the first is taken however little it explains. Ties go to the first name.
    """
    names = [pack.name for pack in typer.packs]
    total = int(counts["texts"].sum())
    left = {int(bits): int(n) for bits, n in counts.iter_rows()}
    chosen: list[str] = []
    domains = [i for i, name in enumerate(names) if name not in BEYOND]
    while domains:
        gain = {i: sum(n for bits, n in left.items() if bits >> i & 1) for i in domains}
        top = max(domains, key=lambda i: (gain[i], -i))
        if chosen and gain[top] < max(1.0, USEFUL * total):
            break
        chosen.append(names[top])
        left = {bits: n for bits, n in left.items() if not bits >> top & 1}
        domains.remove(top)
    return [*chosen, *(name for name in names if name in BEYOND)]


def trials(pack: TypePack) -> list[tuple[str, str, str]]:
    """Run every type of a pack on its own questions; return (type, question, fault), fault empty where it holds."""
    typer = Typer([pack])
    asked = [(short, text, must) for short, t in pack.text.types.items() for must in (True, False)
             for text in (t.fires if must else t.silent)]  # fmt: skip
    found = typer.assign(pl.Series([text for _, text, _ in asked], dtype=pl.String), [pack.name])
    done = []
    for (short, text, must), got in zip(asked, found, strict=True):
        is_it = got == f"{pack.name}/{short}"
        fault = "" if is_it == must else f"is {got}" if must else "is of this type but must not be"
        done.append((f"{pack.name}/{short}", text, fault))
    return done


def chosen(typer: Typer, choice: Choice, counts: Sequence[pl.DataFrame]) -> list[str]:
    """Return the names of the packs to use; where the recipe wants the best, by the `coverage` of shards, added up."""
    if choice != "best":
        return [pack.name for pack in typer.packs]
    return best(typer, pl.concat(counts).group_by("claims").agg(pl.col("texts").sum()).sort("claims"))


def named(packs: Sequence[TypePack], use: Sequence[str]) -> dict[str, Names]:
    """Return the names of all types that are looked for."""
    return {name: said for pack in packs if pack.name in use for name, said in pack.names.items()}


def first_question() -> pl.Expr:
    """Return the first turn's text of each example."""
    return pl.col("turns").list.first().struct.field("text")


def products(packs: Sequence[TypePack]) -> list[str]:
    """Return the product words of all packs, each once."""
    return list(dict.fromkeys(word for pack in packs for word in pack.text.products))
