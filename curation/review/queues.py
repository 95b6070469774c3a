"""A run opened for review: its queues, and the texts of one record, without ever reading the whole run for one.

At the start only ids, verdicts and findings are read. The texts of a record are sliced out of the Parquet files where
they stand, so that memory does not grow with the run.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from curation import decisions, parquet
from curation.manifest import of_run, parsed
from curation.report import sentences
from curation.report.model import Report
from curation.report.reviewed import drops
from curation.report.words import Words

U64 = npt.NDArray[np.uint64]

SAMPLES = ("sample", "kept")  # and rule:…: random, looked at blind
LISTS = ("held", "conflicts", "disagreed", "stale")
CONFLICT = "dedup/conflict"
AGAIN = 0.2  # share of a sample that comes back for the hidden second pass (ux: a fifth)
MOST_AGAIN = 50  # of one queue
LEAST_APART = 5  # records between the two times


class Record(NamedTuple):
    """What a decision is about: an example, or a message that a rule dropped."""

    item: str
    kind: str  # example, message
    conversation: str
    message: int | None
    row: int  # of the example in examples.parquet; -1 for a message


class Finding(NamedTuple):
    """One finding on a record, as findings.parquet has it."""

    message: int | None
    example: str | None
    rule: str
    action: str
    evidence: str


@dataclass(frozen=True)
class Rule:
    """A rule that dropped something: how many records, and what they are."""

    name: str
    on: str
    total: int


class Opened:
    """A run folder, read as far as the queues need it.

    `per_rule` records are sampled for each rule, and twice as many of the kept examples.
    """

    def __init__(self, run: Path, *, per_rule: int) -> None:
        """Open a run; raises SourceError where the folder is no run of this version."""
        self.report = parsed(Report, run, "report.json")
        ran = of_run(run)
        self.seed, self.gate = ran.seed, ran.recipe.gate.min_rule_precision
        with parquet.of_run(run):
            self.examples = pl.read_parquet(
                run / "examples.parquet", columns=["id", "conversation", "kind", "verdict", "rules", "content"]
            )
            self._starts = self._conversations(run)
            self._findings = self._read_findings(run)
        self.run, self.per_rule = run, per_rule
        self.rows: dict[str, int] = {item: row for row, item in enumerate(self.examples["id"])}
        self._messages: dict[str, tuple[str, int]] = {}  # ids of messages that were met, with their places

    @staticmethod
    def _conversations(run: Path) -> dict[str, tuple[int, int]]:
        """Return where each conversation begins in messages.parquet, and how many messages it has."""
        column = pl.read_parquet(run / "messages.parquet", columns=["conversation"])["conversation"]
        runs = column.rle().struct.unnest()
        starts = runs["len"].cast(pl.Int64).cum_sum() - runs["len"]
        return dict(zip(runs["value"], zip(starts, runs["len"], strict=True), strict=True))

    @staticmethod
    def _read_findings(run: Path) -> pl.DataFrame:
        columns = ["conversation", "message", "example", "rule", "action", "evidence"]
        return (
            pl.scan_parquet(run / "findings.parquet")
            .select(columns)
            .filter(~pl.col("rule").str.contains("^(?:mend|read)/"))
            .collect()
            .sort("conversation", maintain_order=True)
        )

    # --- queues ------------------------------------------------------------------------------------------------------

    @cached_property
    def rules(self) -> list[Rule]:
        """Rules that dropped something, those that dropped the most first."""
        counted = self._dropped.group_by("rule", "on").len().sort(pl.col("len"), "rule", descending=[True, False])
        return [Rule(*row) for row in counted.iter_rows()]

    @cached_property
    def _dropped(self) -> pl.DataFrame:
        return drops(self._findings)

    @cached_property
    def _by_rule(self) -> dict[str, pl.DataFrame]:
        return {str(rule): frame for (rule,), frame in self._dropped.group_by("rule", maintain_order=True)}

    @cached_property
    def samples(self) -> dict[str, list[str]]:
        """The random samples: seeded, without replacement, in random order; more records change them little."""
        found = {f"rule:{rule.name}": self._sample_of_rule(rule.name) for rule in self.rules}
        kept = self._kept()
        chosen = sample(_of_hex(kept), self.seed, "kept", 2 * self.per_rule)
        return found | {"kept": [kept[i] for i in chosen]}

    @cached_property
    def strata(self) -> dict[str, list[str]]:
        """The samples that each sampled record is in."""
        found: dict[str, list[str]] = {}
        for name, items in self.samples.items():
            for item in items:
                found.setdefault(item, []).append(name)
        return found

    @cached_property
    def mixed(self) -> list[str]:
        """All samples in one, shuffled: nobody can tell from the queue what the rules said."""
        items = list(self.strata)
        return [items[i] for i in sample(_of_hex(items), self.seed, "sample", len(items))]

    def held(self) -> list[str]:
        """Examples that wait for a person, in the order of the log."""
        return self.examples.filter(pl.col("verdict") == "review")["id"].to_list()

    def conflicts(self) -> list[str]:
        """Examples whose question has another answer elsewhere, next to each other."""
        found = self._findings.filter(pl.col("rule").str.starts_with(CONFLICT) & pl.col("example").is_not_null())
        place = {item: self.rows.get(item, 0) for item in found["example"]}
        near = {
            item: min([place[item], *(self.rows[other] for other in mentioned(evidence) if other in self.rows)])
            for item, evidence in found.select("example", "evidence").iter_rows()
        }
        return sorted(near, key=lambda item: (near[item], place[item]))

    def search(self, text: str) -> list[str]:
        """Examples that say `text` somewhere (as it is, in any case of letters), or have it as their id."""
        if not text:
            return self.examples["id"].to_list()
        said = pl.col("turns").list.eval(pl.element().struct.field("text").str.to_lowercase()).list.join("\n")
        wanted = text.lower()
        hit = said.str.contains(wanted, literal=True) | pl.col("cot").str.to_lowercase().str.contains(
            wanted, literal=True
        )
        with parquet.of_run(self.run):
            found = pl.scan_parquet(self.run / "examples.parquet").filter(hit | (pl.col("id") == text)).select("id")
            return found.collect()["id"].to_list()

    def population(self, rule: str) -> list[str]:
        """All records that a rule dropped, in the order of the log."""
        return self._items(self._by_rule[rule]) if rule in self._by_rule else []

    def evidence(self, rule: str) -> dict[str, str]:
        """What a rule found in each record that it dropped."""
        found = self._findings.filter((pl.col("rule") == rule) & (pl.col("action") == "drop"))
        return dict(zip(self._items(found), found["evidence"].fill_null(""), strict=True))

    def _items(self, frame: pl.DataFrame) -> list[str]:
        return [
            example or self._message(conversation, message)
            for example, conversation, message in frame.select("example", "conversation", "message").iter_rows()
        ]

    def _message(self, conversation: str, message: int) -> str:
        item = decisions.message_id(conversation, message)
        self._messages[item] = (conversation, message)
        return item

    def _sample_of_rule(self, rule: str) -> list[str]:
        frame = self._by_rule[rule]
        if frame["example"].null_count() == 0:
            keys = _of_hex(frame["example"])
        else:
            names = frame["conversation"].unique()
            of_name = dict(zip(names, (zlib.crc32(name.encode()) for name in names), strict=True))
            codes = frame["conversation"].replace_strict(of_name, return_dtype=pl.UInt64).to_numpy()
            keys = (codes << np.uint64(32)) ^ frame["message"].cast(pl.UInt64).to_numpy()
        return self._items(frame[sample(keys, self.seed, f"rule:{rule}", self.per_rule)])

    def _kept(self) -> list[str]:
        """Examples that the rules keep, whatever people said of them."""
        strong = [row.rule for row in self.report.rules if row.action != "note"]
        mine = pl.col("rules").list.eval(pl.element().is_in(strong)).list.any()
        return self.examples.filter(~mine.fill_null(value=False))["id"].to_list()

    # --- one record --------------------------------------------------------------------------------------------------

    def record(self, item: str) -> Record | None:
        """Return what an id stands for, or nothing where this run has no such record."""
        if item in self.rows:
            row = self.rows[item]
            return Record(item, "example", self.examples["conversation"][row], None, row)
        if item in self._messages:
            return Record(item, "message", *self._messages[item], -1)
        return None

    def know(self, people: Iterable[decisions.Said]) -> None:
        """Learn the places of messages that people decided."""
        for said in people:
            if said.event.kind == "message" and said.event.message is not None:
                self._messages[said.event.item] = (said.event.conversation, said.event.message)

    def example(self, row: int) -> dict[str, Any]:
        """Return one row of examples.parquet."""
        with parquet.of_run(self.run):
            return pl.scan_parquet(self.run / "examples.parquet").slice(row, 1).collect().row(0, named=True)

    def messages(self, conversation: str, first: int, last: int) -> list[dict[str, Any]]:
        """Return the messages of a conversation from `first` to `last`, both in."""
        start, count = self._starts.get(conversation, (0, 0))
        first, last = max(first, 0), min(last, count - 1)
        columns = ["message", "role", "source", "raw", "text", "fate", "rules"]
        with parquet.of_run(self.run):
            found = pl.scan_parquet(self.run / "messages.parquet").slice(start + first, max(last - first + 1, 0))
            return found.select(columns).collect().to_dicts()

    def findings(self, conversation: str) -> list[Finding]:
        """Return the findings of a conversation, mends left out."""
        column = self._findings["conversation"]
        first = int(column.search_sorted(conversation, side="left"))
        last = int(column.search_sorted(conversation, side="right"))
        columns = ["message", "example", "rule", pl.col("action").cast(pl.String), "evidence"]
        return [Finding(*row) for row in self._findings[first:last].select(columns).iter_rows()]

    def content(self, record: Record) -> str:
        """Return the content hash of a record as it is today."""
        return self.contents([record])[0]

    def contents(self, records: Sequence[Record]) -> list[str]:
        """Return the content hashes of records as they are today: an example's from its row, a message's of its raw."""
        places = {
            record: self._starts[record.conversation][0] + record.message
            for record in records
            if record.message is not None
        }
        texts = self._raw(list(places.values())) if places else pl.Series([], dtype=pl.String)
        digests = dict(zip(places, map(decisions.digest, texts), strict=True))
        today = self.examples["content"]
        return [digests[record] if record in digests else today[record.row] for record in records]

    def _raw(self, places: Sequence[int]) -> pl.Series:
        """Return the raw texts of rows of messages.parquet."""
        with parquet.of_run(self.run):
            raw = pl.scan_parquet(self.run / "messages.parquet").select("raw")
            wanted = raw.slice(places[0], 1) if len(places) == 1 else raw.select(pl.col("raw").gather(places))
            return wanted.collect()["raw"]

    def why(self, rule: str) -> Words:
        """Return why a rule exists."""
        row = next((row for row in self.report.rules if row.rule == rule), None)
        if row is None:
            text = decisions.RULES.get(rule, "")
            return Words(text, text)
        return sentences.why(row)

    def stale(self, settled: dict[str, decisions.Said]) -> set[str]:
        """Return the decided records whose text has changed since."""
        if not settled:
            return set()
        people = decisions.table(settled)
        conversations = people.filter(pl.col("kind") == "message")["conversation"].unique()
        with parquet.of_run(self.run):
            messages = (
                pl.scan_parquet(self.run / "messages.parquet")
                .select("conversation", "message", "raw")
                .filter(pl.col("conversation").is_in(conversations.implode()))
                .collect()
            )
        state = decisions.states(people, messages, self.examples)
        return {item for item, word in state.items() if word == "stale"}


def mentioned(evidence: str) -> list[str]:
    """Return what looks like an example's id in a finding's evidence: deduplication names the other one so."""
    head = evidence[:16]
    return [head] if len(head) == 16 and all(char in "0123456789abcdef" for char in head) else []


def sample(keys: U64, seed: int, name: str, most: int) -> list[int]:
    """Choose `most` places at random, without replacement, and return them in random order.

    Every key gets a number that depends on it, the seed and the sample's name alone; the smallest are chosen. So
    the same records are chosen in whatever order they come, and a few more records change few of them.
    """
    salt = np.uint64(int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8], "big"))
    mixed = keys ^ salt
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # the finaliser of splitmix64
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    order: list[int] = np.argsort(mixed, kind="stable")[:most].tolist()
    return order


def comes_back(items: Sequence[str], seed: int, share: float) -> tuple[list[str], frozenset[int]]:
    """Let a share of a sample come back later in it; return the longer queue and the places of the second times.

    A record stands again at a random place at least a quarter of the queue (and LEAST_APART records) after the first
    time, so that nobody answers from memory, and nobody can tell a second time from a first.
    """
    apart = max(LEAST_APART, len(items) // 4)
    most = min(round(share * len(items)), MOST_AGAIN)
    early = items[: max(len(items) - apart, 0)]
    after: dict[int, list[str]] = {}
    for at in sample(_of_hex(early), seed, "again", most) if early and most else []:
        place = Random(f"{seed}:again:{early[at]}").randint(at + apart, len(items) - 1)
        after.setdefault(place, []).append(early[at])
    queue: list[str] = []
    second: set[int] = set()
    for at, item in enumerate(items):
        queue.append(item)
        for back in after.get(at, []):
            second.add(len(queue))
            queue.append(back)
    return queue, frozenset(second)


def _of_hex(ids: pl.Series | Sequence[str]) -> U64:
    """Read ids of 16 hex digits as numbers."""
    digits = np.frombuffer(bytes.fromhex("".join(ids)), dtype=">u8")
    return digits.astype(np.uint64)
