"""One reviewer at work on one run: which queue, which record, what was said; every word goes to the store at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from curation import decisions, estimates
from curation.decisions import Event, Said
from curation.review import screen, store
from curation.review.queues import LISTS, SAMPLES, Opened, Record, comes_back, sample


class Place(NamedTuple):
    """Where a reviewer is: a queue (with what is searched for) and a place in it, 0-based."""

    queue: str
    query: str
    at: int


class Session:
    """The state between two key presses. All of it can be had again from the files."""

    def __init__(self, opened: Opened, file: store.Store, reviewer: str, *, blind: bool, again: float = 0.0) -> None:
        """Start where the reviewer left off; `again` is the share of a sample that comes back, hidden."""
        self.opened, self.reviewer, self.blind = opened, reviewer, blind
        self._file, self._again = file, again
        events = decisions.load(opened.run)
        self.said: dict[str, list[Event]] = {}  # of each record, what I said and did not take back, the last at the end
        self._second: dict[str, list[Event]] = {}  # the same of what came back and decides nothing
        self._done: list[Event] = []  # both, in the order in which I said it
        self._revealed: set[tuple[str, bool]] = set()  # records whose rules I asked to see, the first or second time
        for event in decisions.alive(event for event in events if event.reviewer == reviewer):
            self._remember(event)
        settled = decisions.settle(events)
        opened.know(settled.values())
        self.others = decisions.settle(event for event in events if event.reviewer != reviewer)
        self._out_of_date = opened.stale(settled)
        self._disputed = sorted(item for item, said in settled.items() if said.decision == "disagree")
        self._found: dict[tuple[str, str], list[str]] = {}
        self._back: dict[str, frozenset[int]] = {}  # of each sample, the places where a record comes back
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
        items = ways[queue]() if queue in ways else opened.samples.get(queue, [])
        if _sampled(queue):
            items, self._back[queue] = comes_back(items, opened.seed, self._again)
        return items

    def is_blind(self, place: Place) -> bool:
        """Tell whether the rules' word is hidden: in a sample, until the reviewer has decided or asked to see it."""
        item = self.items(place.queue, place.query)[place.at]
        if not self.blind or not _sampled(place.queue) or self.at(place) is not None:
            return False
        return (item, self.is_second(place)) not in self._revealed

    def reveal(self, place: Place) -> None:
        """Show what the rules said of a record before it is decided; the decision will say so."""
        self._revealed.add((self.items(place.queue, place.query)[place.at], self.is_second(place)))

    def is_second(self, place: Place) -> bool:
        """Tell whether a record is here to be decided once more: I decided it before, by itself, and blind."""
        items = self.items(place.queue, place.query)
        if place.at not in self._back.get(place.queue, ()):
            return False
        first = self.mine(items[place.at])
        return first is not None and first.batch is None and not first.seen and _sampled(first.queue)

    def at(self, place: Place) -> Event | None:
        """Return what I said of the record at a place, as far as it is shown there: the second time stands alone."""
        item = self.items(place.queue, place.query)[place.at]
        if item in self._second and place.at in self._back.get(place.queue, ()):
            return self._second[item][-1]
        return None if self.is_second(place) else self.mine(item)

    def find(self, queue: str, query: str, event: Event) -> int:
        """Return the place in a queue where an event was said; -1 where it is not there."""
        back = self._back.get(queue, frozenset())
        items = self.items(queue, query)
        places = [at for at, item in enumerate(items) if item == event.item and (at in back) == event.again]
        return places[0] if places else -1

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
        back = self._back.get(queue, frozenset())
        second = sum(self.at(Place(queue, query, at)) is not None for at in back)
        if len(items) > len(self.said):
            inside = self._sets(queue, query)
            return second + sum(item in inside and self.mine(item) is not None for item in self.said), len(items)
        first = (self.mine(item) for at, item in enumerate(items) if at not in back)
        return second + sum(mine is not None for mine in first), len(items)

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
            if self.at(place._replace(at=index)) is None and not self._waits(place.queue, index, items[index]):
                return index
        return None

    def _waits(self, queue: str, at: int, item: str) -> bool:
        """Tell whether a place is the second time of a record that has not had its first."""
        return at in self._back.get(queue, ()) and self.mine(item) is None

    # --- deciding ----------------------------------------------------------------------------------------------------

    def decide(
        self,
        record: Record,
        decision: str,
        *,
        place: Place,
        note: str = "",
        turns: list[str] | None = None,
        cot: str | None = None,
    ) -> Event:
        """Say something of one record; it is on the disk when this returns. Raises ValueError for what cannot be.

        `place` is where it was shown; one that is not the record's stands for none.
        """
        (content,) = self.opened.contents([record])
        items = self.items(place.queue, place.query)
        here = 0 <= place.at < len(items) and items[place.at] == record.item
        again = here and self.is_second(place)
        seen = record.item in self.opened.strata and not (here and self.is_blind(place))
        event = self._event(
            record, content, decision, queue=place.queue, note=note, turns=turns, cot=cot, again=again, seen=seen
        )
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
        return [item for item in dict.fromkeys(items) if self.mine(item) is None]

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
                "undoes": last.batch or last.event, "batch": None, "note": "", "strata": [], "again": False,
                "seen": False,
            }
        )  # fmt: skip
        self._file.add([undo])
        ids = {event.event for event in gone}
        self._done = [event for event in self._done if event.event not in ids]
        for event in gone:
            for said in (self.said, self._second):
                left = [one for one in said.pop(event.item, []) if one.event != event.event]
                if left:
                    said[event.item] = left
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
        if event.again:
            self._second.setdefault(event.item, []).append(event)
        if decisions.decides(event):
            self.said.setdefault(event.item, []).append(event)
        self._revealed.discard((event.item, event.again))
        self._done.append(event)


def _sampled(queue: str) -> bool:
    """Tell whether a queue is a random sample, looked at blind."""
    return queue in SAMPLES or queue.startswith("rule:")
