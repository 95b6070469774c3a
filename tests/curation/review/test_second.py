"""What comes back: a share of a sample, unmarked, blind, later, and apart from what decides."""

from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import decisions
from curation.report.reviewed import repeats, reviewed
from curation.review import store
from curation.review.queues import LEAST_APART, Opened, comes_back
from curation.review.session import Place, Session
from tests.curation.test_decisions import event

ITEMS = [f"{number:016x}" for number in range(1, 101)]


@given(st.integers(1, 300), st.integers(0, 2**32))
def test_a_share_comes_back_later_and_everything_once_at_least(n: int, seed: int) -> None:
    items = [decisions.digest(str(number)) for number in range(n)]
    queue, second = comes_back(items, seed, 0.2)
    assert [item for at, item in enumerate(queue) if at not in second] == items
    assert len({queue[at] for at in second}) == len(second) <= min(round(0.2 * n), 50)
    for at in second:
        assert at - queue.index(queue[at]) > max(LEAST_APART, n // 4)


def test_a_fifth_of_a_hundred_is_twenty_and_the_seed_says_which() -> None:
    queue, second = comes_back(ITEMS, 1, 0.2)
    assert (len(queue), len(second)) == (120, 20)
    assert comes_back(ITEMS, 1, 0.2) == (queue, second)
    assert comes_back(ITEMS, 2, 0.2)[1] != second
    assert comes_back(ITEMS, 1, 0) == (ITEMS, frozenset())
    assert comes_back(ITEMS[:5], 1, 1) == (ITEMS[:5], frozenset())  # too few to forget any


class Ten(Opened):
    """A run whose mixed sample is all examples, so that some can come back in a small one."""

    @property
    def mixed(self) -> list[str]:
        return self.examples["id"].to_list()

    @property
    def strata(self) -> dict[str, list[str]]:
        return {item: ["kept"] for item in self.mixed}


@pytest.fixture
def session(fresh):
    with closing(store.Store(fresh, "mei")) as file:
        yield Session(Ten(fresh, per_rule=50), file, "mei", blind=True, again=0.4)


def decide(session: Session, at: int, word: str, **more):
    place = Place("sample", "", at)
    return session.decide(session.opened.record(session.items("sample")[at]), word, place=place, **more)


def walk(session: Session, word: str) -> int:
    """Decide everything for the first time, and return the place of the first record that came back."""
    for at in range(len(session.items("sample"))):
        if not session.is_second(Place("sample", "", at)) and session.at(Place("sample", "", at)) is None:
            decide(session, at, word)
    return next(at for at in range(len(session.items("sample"))) if session.is_second(Place("sample", "", at)))


def test_what_comes_back_looks_undecided_is_blind_and_changes_no_decision(session, fresh) -> None:
    total = len(session.items("sample"))
    back = walk(session, "keep")
    place, item = Place("sample", "", back), session.items("sample")[back]
    assert session.count("sample")[0] < session.count("sample")[1] == total
    assert (session.at(place), session.is_blind(place)) == (None, True)
    assert session.next_open(Place("sample", "", -1)) == back
    said = decide(session, back, "drop")
    assert (said.again, said.seen) == (True, False)
    assert session.at(place) == said
    assert session.mine(item).decision == "keep"  # what decides is still the first word
    assert decisions.settle(decisions.load(fresh))[item].decision == "keep"
    assert session.find("sample", "", said) == back
    assert session.undo() == [said]
    assert (session.at(place), session.mine(item).decision) == (None, "keep")


def test_the_words_of_an_edit_are_taken_also_when_it_is_the_second_time(session, fresh) -> None:
    back = walk(session, "keep")
    item = session.items("sample")[back]
    turns = [turn["text"] for turn in session.opened.example(session.opened.rows[item])["turns"]]
    decide(session, back, "edit", turns=turns)
    assert decisions.settle(decisions.load(fresh))[item].decision == "edit"
    (row,) = repeats(decisions.load(fresh))
    assert (row.n, row.agreement) == (1, 1.0)  # an edit is a keep


def test_a_later_session_remembers_what_came_back(session, fresh) -> None:
    back = walk(session, "keep")
    decide(session, back, "drop")
    later = Session(session.opened, session._file, "mei", blind=True, again=0.4)
    assert later.at(Place("sample", "", back)).decision == "drop"
    assert later.mine(later.items("sample")[back]).decision == "keep"


def test_what_was_shown_before_is_marked_and_does_not_come_back(session) -> None:
    place = Place("sample", "", 0)
    assert session.is_blind(place)
    session.reveal(place)
    assert not session.is_blind(place)
    assert session.is_blind(Place("sample", "", 1))
    assert decide(session, 0, "keep").seen
    assert not decide(session, 1, "keep").seen
    again = [at for at, item in enumerate(session.items("sample")) if item == session.items("sample")[0]]
    assert not any(session.is_second(Place("sample", "", at)) for at in again)


def test_agreement_with_oneself_by_hand() -> None:
    """Ten records: 4 keep and keep, 3 drop and drop, 2 keep and drop, 1 edit and keep: 8 of 10 the same."""
    words = [("keep", "keep")] * 4 + [("drop", "drop")] * 3 + [("keep", "drop")] * 2 + [("edit", "keep")]
    log = []
    for number, (one, other) in enumerate(words):
        texts = {"turns": ["q", "a"]} if one == "edit" else {}
        log.append(event(number, one, ITEMS[number], queue="sample", **texts))
        log.append(event(100 + number, other, ITEMS[number], queue="sample", again=True))
    log.append(event(300, "keep", ITEMS[20], seen=True))
    log.append(event(301, "drop", ITEMS[20], again=True))  # it was no blind word the first time
    log.append(event(302, "drop", ITEMS[21], again=True))  # and this never had a first
    (row,) = repeats(log)
    # first: keep 7, drop 3; second: keep 5, drop 5; chance = .7 * .5 + .3 * .5 = .5
    assert (row.name, row.n, row.agreement) == ("mei", 10, 0.8)
    assert row.kappa == pytest.approx((0.8 - 0.5) / (1 - 0.5))


def test_what_is_said_again_counts_for_no_precision_no_miss_rate_and_no_agreement_of_two(curated) -> None:
    item = curated.examples.row(0, named=True)
    first = event(1, "keep", item["id"], content=item["content"], conversation=item["conversation"], strata=["kept"])
    log = [first, event(2, "drop", item["id"], content=item["content"], again=True, strata=["kept"])]
    frames = {"examples": curated.examples, "messages": curated.messages, "findings": curated.findings}
    found = reviewed(log, gate=0.85, **frames)
    assert (found.keep, found.drop) == (1, 0)
    assert (found.kept.n, found.kept.missed) == (1, 0)
    assert found.agreement == []
    assert [row.n for row in found.repeats] == [1]
