"""One reviewer at work on one run: which queue, which record, what was said; every word goes to the store at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from curation import decisions, estimates
from curation.decisions import Event, Said
from curation.review import screen, store
from curation.review.queues import LISTS, Opened, Record, sample


class Place(NamedTuple):
    """Where a reviewer is: a queue (with what is searched for) and a place in it, 0-based."""

    queue: str
    query: str
    at: int


class Session:
    """The state between two key presses. All of it can be had again from the files."""

    def __init__(self, opened: Opened, file: store.Store, reviewer: str, *, blind: bool) -> None:
        """Start where the reviewer left off."""
        self.opened, self.reviewer, self.blind = opened, reviewer, blind
        self._file = file
        events = decisions.load(opened.run)
        self.said: dict[str, list[Event]] = {}  # of each record, what I said and did not take back, the last at the end
        self._done: list[Event] = []  # the same, in the order in which I said it
        mine = [event for event in events if event.reviewer == reviewer]
        undone = {event.undoes for event in mine if event.decision == "undo"}
        for event in mine:
            if event.decision != "undo" and event.event not in undone and event.batch not in undone:
                self._remember(event)
        settled = decisions.settle(events)
        opened.know(settled.values())
        self.others = decisions.settle(event for event in events if event.reviewer != reviewer)
        self._out_of_date = opened.stale(settled)
        self._disputed = sorted(item for item, said in settled.items() if said.decision == "disagree")
        self._found: dict[tuple[str, str], list[str]] = {}
        self._set_of: dict[tuple[str, str], frozenset[str]] = {}

    # --- queues ------------------------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """Return all queues, in the order to work through them."""
        return ["sample", "kept", *LISTS, *(f"rule:{rule.name}" for rule in self.opened.rules)]

    def items(self, queue: str, query: str = "") -> list[str]:
        """Return the records of a queue in their fixed order; an unknown queue is empty."""
        key = (queue, query if queue == "search" else "")
        if key not in self._found:
            if len(self._found) > 200:
                self._found.clear()
                self._set_of.clear()
            self._found[key] = self._make(*key)
        return self._found[key]

    def _make(self, queue: str, query: str) -> list[str]:
        opened = self.opened
        ways: dict[str, Callable[[], list[str]]] = {
            "search": lambda: opened.search(query),
            "sample": lambda: opened.mixed,
            "held": opened.held,
            "conflicts": opened.conflicts,
            "disagreed": lambda: [item for item in self._disputed if opened.record(item)],
            "stale": lambda: [item for item in sorted(self._out_of_date) if opened.record(item)],
        }
        return ways[queue]() if queue in ways else opened.samples.get(queue, [])

    def is_blind(self, queue: str, item: str) -> bool:
        """Tell whether the rules' word is still hidden: in a sample, until the reviewer has decided."""
        sampled = queue in ("sample", "kept") or queue.startswith("rule:")
        return self.blind and sampled and self.mine(item) is None

    def mine(self, item: str) -> Event | None:
        """Return what I said of a record as it is today."""
        events = self.said.get(item)
        if not events:
            return None
        if item in self._out_of_date:
            record = self.opened.record(item)
            if record is None or events[-1].content != self.opened.content(record):
                return None
        return events[-1]

    def count(self, queue: str, query: str = "") -> tuple[int, int]:
        """Return how many records of a queue I decided, and how many there are."""
        items = self.items(queue, query)
        if len(items) > len(self.said):
            inside = self._sets(queue, query)
            return sum(item in inside and self.mine(item) is not None for item in self.said), len(items)
        return sum(self.mine(item) is not None for item in items), len(items)

    def _sets(self, queue: str, query: str) -> frozenset[str]:
        items = self.items(queue, query)
        known = self._set_of.get((queue, query))
        if known is None or len(known) != len(items):
            known = self._set_of[queue, query] = frozenset(items)
        return known

    def next_open(self, place: Place) -> int | None:
        """Return the place of the next record without a decision of mine, round the end; nothing when all are done."""
        items = self.items(place.queue, place.query)
        for step in range(1, len(items) + 1):
            index = (place.at + step) % len(items)
            if self.mine(items[index]) is None:
                return index
        return None

    # --- deciding ----------------------------------------------------------------------------------------------------

    def decide(
        self,
        record: Record,
        decision: str,
        *,
        queue: str,
        note: str = "",
        turns: list[str] | None = None,
        cot: str | None = None,
    ) -> Event:
        """Say something of one record; it is on the disk when this returns. Raises ValueError for what cannot be."""
        (content,) = self.opened.contents([record])
        event = self._event(record, content, decision, queue=queue, note=note, turns=turns, cot=cot)
        self._file.add([event])
        self._remember(event)
        return event

    def decide_all(self, queue: str, query: str, decision: str, *, text: str) -> int:
        """Say the same of all records that `bulk` names; one undo takes it back."""
        items = self.bulk(queue, query, text)
        batch = decisions.new_id()
        records = [record for record in map(self.opened.record, items) if record]
        contents = self.opened.contents(records)
        events = [
            self._event(record, content, decision, queue=queue, batch=batch)
            for record, content in zip(records, contents, strict=True)
        ]
        self._file.add(events)
        for event in events:
            self._remember(event)
        return len(events)

    def bulk(self, queue: str, query: str, text: str) -> list[str]:
        """Return the records that a bulk decision would be about: all that the queue stands for, less what I decided.

        Of a rule that is all that it dropped, not only the sample. `text` must be in the record or in the evidence.
        """
        rule = queue.removeprefix("rule:") if queue.startswith("rule:") else ""
        items = self.opened.population(rule) if rule else self.items(queue, query)
        if text:
            found = set(self.items("search", text))
            evidence = self.opened.evidence(rule) if rule else {}
            wanted = text.lower()
            items = [item for item in items if item in found or wanted in evidence.get(item, "").lower()]
        return [item for item in items if self.mine(item) is None]

    def shown_of(self, items: Sequence[str], most: int = 10) -> list[str]:
        """Return the beginnings of a few records, chosen by the seed."""
        keys = np.array([int(item, 16) for item in items], dtype=np.uint64)
        chosen = sample(keys, self.opened.seed, "bulk", most)
        return [screen.gist(self.opened, items[i]) for i in chosen]

    def undo(self) -> list[Event]:
        """Take the last thing back that I said, a batch as a whole; return what that was."""
        if not self._done:
            return []
        last = self._done[-1]
        gone = [event for event in self._done if event.batch == last.batch] if last.batch else [last]
        undo = last.model_copy(
            update={
                "event": decisions.new_id(), "time": decisions.now(), "decision": "undo", "turns": None, "cot": None,
                "undoes": last.batch or last.event, "batch": None, "note": "", "strata": [],
            }
        )  # fmt: skip
        self._file.add([undo])
        ids = {event.event for event in gone}
        self._done = [event for event in self._done if event.event not in ids]
        for event in gone:
            left = [one for one in self.said[event.item] if one.event != event.event]
            self.said.pop(event.item)
            if left:
                self.said[event.item] = left
        return gone

    def precision(self, rule: str) -> tuple[int, int, estimates.Interval, estimates.Standing]:
        """Return how often I confirmed a rule in its sample: right, n, interval, and where that stands."""
        events = [event for item in self.opened.samples[f"rule:{rule}"] if (event := self.mine(item))]
        clear = [event.decision for event in events if event.decision != "unsure" and event.batch is None]
        right, n = clear.count("drop"), len(clear)
        population = next(found.total for found in self.opened.rules if found.name == rule)
        return (
            right,
            n,
            estimates.interval(right, n, population),
            estimates.standing(right, n, population, self.opened.gate),
        )

    def missed(self) -> tuple[int, int, estimates.Interval]:
        """Return how many of the sampled kept examples I would drop, of how many, and the interval."""
        events = [event for item in self.opened.samples["kept"] if (event := self.mine(item))]
        clear = [event.decision for event in events if event.decision != "unsure" and event.batch is None]
        missed = clear.count("drop")
        return missed, len(clear), estimates.wilson(missed, len(clear))

    def votes(self, item: str) -> Mapping[str, Event]:
        """Return what others said of a record."""
        said: Said | None = self.others.get(item)
        return said.votes if said else {}

    def _event(self, record: Record, content: str, decision: str, **more: object) -> Event:
        values = {
            "event": decisions.new_id(), "time": decisions.now(), "reviewer": self.reviewer, "item": record.item,
            "kind": record.kind, "conversation": record.conversation, "message": record.message,
            "content": content, "decision": decision, "strata": self.opened.strata.get(record.item, []),
        }  # fmt: skip
        return Event.model_validate(values | more)

    def _remember(self, event: Event) -> None:
        self.said.setdefault(event.item, []).append(event)
        self._done.append(event)
