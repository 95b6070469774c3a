"""Train and validation: nothing of one side on the other, the share reached within a group, all types on both."""

from random import Random

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import tables
from curation.leaks import leaks
from curation.recipe import Dedup, Split
from curation.split import OUTSIDE, UNTIED, ties, units
from curation.split import split as split_by

ROWS = st.lists(
    st.tuples(st.integers(0, 15), st.none() | st.integers(0, 6), st.sampled_from(["keep", "keep", "review", "drop"])),
    min_size=1, max_size=60,
)  # fmt: skip


def examples(rows: list[tuple[int, int | None, str]]) -> pl.DataFrame:
    return pl.DataFrame(
        [(f"conv{c}", None if d is None else f"dup{d}", v) for c, d, v in rows],
        schema={"conversation": pl.String, "cluster": pl.String, "verdict": pl.String}, orient="row",
    ).with_columns(query_type=pl.lit("a"))  # fmt: skip


def split(frame: pl.DataFrame, *, val_share: float, seed: int, least: int = 0) -> pl.DataFrame:
    return split_by(frame, UNTIED, Split(val_share=val_share, val_least=least), seed=seed)


@given(ROWS, st.floats(0, 0.99), st.integers(0, 5))
@settings(max_examples=150, deadline=None)
def test_no_conversation_and_no_cluster_is_on_both_sides(
    rows: list[tuple[int, int | None, str]], share: float, seed: int
) -> None:
    done = split(examples(rows), val_share=share, seed=seed).filter(pl.col("split").is_not_null())
    for key in ("conversation", "cluster"):
        sides = done.drop_nulls(key).group_by(key).agg(pl.col("split").n_unique())
        assert (sides["split"] == 1).all()


@given(ROWS, st.floats(0, 0.99))
@settings(max_examples=100, deadline=None)
def test_exactly_the_kept_examples_have_a_side(rows: list[tuple[int, int | None, str]], share: float) -> None:
    done = split(examples(rows), val_share=share, seed=1)
    assert done["split"].is_not_null().to_list() == [verdict == "keep" for *_, verdict in rows]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=80), st.floats(0.01, 0.9))
@settings(max_examples=100, deadline=None)
def test_the_share_is_reached_within_a_group_and_never_exceeded(conversations: list[int], share: float) -> None:
    rows = [(c, None, "keep") for c in conversations]
    held = (split(examples(rows), val_share=share, seed=3)["split"] == "val").sum()
    groups = [conversations.count(c) for c in set(conversations)]
    want = round(len(rows) * share)
    if len(groups) == 1:
        assert held == 0
    else:
        assert want - max(groups) < held <= want


def test_examples_that_were_not_kept_still_tie_their_conversations_together() -> None:
    rows = [(1, 5, "keep"), (2, 5, "drop"), (2, None, "keep"), (3, None, "keep"), (4, None, "keep")]
    for seed in range(20):
        done = split(examples(rows), val_share=0.5, seed=seed)["split"].to_list()
        assert done[0] == done[2]


def test_the_same_seed_gives_the_same_split_and_another_seed_another() -> None:
    frame = examples([(c, None, "keep") for c in range(50)])
    sides = [split(frame, val_share=0.3, seed=seed)["split"].to_list() for seed in (1, 1, 2)]
    assert sides[0] == sides[1] != sides[2]


def test_the_order_of_the_input_does_not_move_anybody() -> None:
    rows = [(c, None, "keep") for c in range(50)]
    one = split(examples(rows), val_share=0.3, seed=1)
    other = split(examples(rows[::-1]), val_share=0.3, seed=1)
    assert set(one.filter(pl.col("split") == "val")["conversation"]) == set(
        other.filter(pl.col("split") == "val")["conversation"]
    )


def test_ten_percent_more_input_moves_few_of_the_old_examples() -> None:
    rows = [(c, None, "keep") for c in range(220) for _ in range(1 + c % 3)]
    old = [row for row in rows if row[0] < 200]
    before, after = (split(examples(r), val_share=0.2, seed=7) for r in (old, rows))
    sides = [dict(frame.select("conversation", "split").iter_rows()) for frame in (before, after)]
    moved = sum(sides[0][c] != sides[1][c] for c in sides[0])
    assert moved <= 0.05 * len(sides[0])


def test_a_share_of_0_and_a_single_conversation_leave_all_in_train() -> None:
    frame = examples([(c, None, "keep") for c in range(9)])
    assert set(split(frame, val_share=0, seed=1)["split"]) == {"train"}
    assert set(split(frame.head(1), val_share=0.9, seed=1)["split"]) == {"train"}


# --- how much, and of what ---------------------------------------------------------------------------------------


def test_at_least_twenty_are_held_out_but_of_a_small_set_a_fifth_at_most() -> None:
    for kept, expected in ((1000, 50), (400, 20), (150, 20), (60, 12), (20, 4), (4, 0)):
        done = split_by(examples([(c, None, "keep") for c in range(kept)]), UNTIED, Split(), seed=1)
        assert (done["split"] == "val").sum() == expected


def test_every_query_type_has_its_share_of_validation() -> None:
    kinds = ["common"] * 300 + ["rare"] * 60 + ["other"] * 40
    frame = examples([(c, None, "keep") for c in range(400)]).with_columns(query_type=pl.Series(kinds))
    for seed in range(5):
        done = split(frame, val_share=0.1, seed=seed)
        held = dict(done.filter(pl.col("split") == "val").group_by("query_type").len().iter_rows())
        assert held == {"common": 30, "rare": 6, "other": 4}


def test_columns_and_rows_stay_as_they_were() -> None:
    frame = examples([(3, 1, "keep"), (1, None, "drop"), (2, 1, "keep")])
    assert split(frame, val_share=0.5, seed=1).drop("split").equals(frame)


# --- what leaks --------------------------------------------------------------------------------------------------

WORDS = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in "lmnrs"]
FIVE = Dedup(ngram=5)


def said(*talks: list[str]) -> pl.DataFrame:
    """Make one example of each list of alternate turns, each in a conversation of its own."""
    rows = [
        {
            "id": f"e{i}", "conversation": f"c{i}", "kind": "pair" if len(talk) == 2 else "dialogue",
            "question": talk[0], "answer": talk[-1],
            "turns": [
                {"role": ("user", "assistant")[n % 2], "text": text, "messages": [n]} for n, text in enumerate(talk)
            ],
        }
        for i, talk in enumerate(talks)
    ]  # fmt: skip
    frame = pl.DataFrame(rows, schema_overrides={"turns": pl.List(tables.TURN)})
    return frame.with_columns(cluster=pl.lit(None, dtype=pl.String), verdict=pl.lit("keep"), query_type=pl.lit("a"))


def jaccard(one: str, other: str) -> float:
    """Compute the similarity of the 5-letter pieces of two texts, letters and digits only."""
    sets = []
    for text in (one, other):
        plain = "".join(char for char in text.lower() if char.isalnum())
        sets.append({plain[i : i + 5] for i in range(max(1, len(plain) - 4))})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def corpus(seed: int, size: int) -> tuple[list[list[str]], list[list[str]]]:
    """Return pairs, a third of which are edited copies of others, and a general set that repeats some of them."""
    random = Random(seed)
    talks = [[" ".join(random.choices(WORDS, k=14)), " ".join(random.choices(WORDS, k=18))] for _ in range(size)]

    def edited(talk: list[str]) -> list[str]:
        said = [text.split() for text in talk]
        said[0][random.randrange(14)] = random.choice(WORDS)
        return [" ".join(words) for words in said]

    talks += [edited(random.choice(talks)) for _ in range(size // 2)]
    return talks, [edited(talk) for talk in random.sample(talks, size // 4)]


@given(st.integers(0, 10_000))
@settings(max_examples=12, deadline=None)
def test_no_validation_example_has_a_near_duplicate_in_train_or_in_the_general_set(seed: int) -> None:
    talks, general = corpus(seed, 40)
    frame, beside = said(*talks), said(*general)
    tied = ties(frame, FIVE, seed=1, outside=beside)
    done = split_by(frame, tied, Split(val_share=0.2), seed=seed)
    val = done.filter(pl.col("split") == "val")
    train = done.filter(pl.col("split") == "train")
    assert val.height > 5
    for question, answer in val.select("question", "answer").iter_rows():
        for other in (train, beside):
            for asked, answered in other.select("question", "answer").iter_rows():
                assert jaccard(question, asked) < FIVE.threshold
                assert jaccard(question + answer, asked + answered) < FIVE.threshold
    assert leaks(val, train, FIVE, seed=1).is_empty()
    assert leaks(val, beside, FIVE, seed=1).is_empty()


def test_a_split_that_does_not_look_at_the_texts_leaks_and_the_leaks_are_found() -> None:
    talks, _ = corpus(3, 40)
    done = split_by(said(*talks), UNTIED, Split(val_share=0.3), seed=1)
    found = leaks(done.filter(pl.col("split") == "val"), done.filter(pl.col("split") == "train"), FIVE, seed=1)
    assert found.height > 0
    text = {row["id"]: row for row in said(*talks).to_dicts()}
    for row in found.iter_rows(named=True):
        one, other = text[row["val"]], text[row["train"]]
        assert row["similarity"] >= FIVE.threshold
        if row["level"] == "question":
            assert abs(jaccard(one["question"], other["question"]) - row["similarity"]) < 1e-9


ASKED = "how do i return the shoes that i bought in your shop last week"
ANSWER = "you can send them back within thirty days with the label in the box"


def labels(*talks: list[str], beside: pl.DataFrame | None = None) -> list[tuple[str, ...]]:
    found = ties(said(*talks), FIVE, seed=1, outside=beside)
    return sorted(found.group_by("label").agg(pl.col("conversation").sort()).select("label", "conversation").rows())


def test_the_same_question_with_another_answer_ties_and_the_same_answer_to_another_question_does_not() -> None:
    assert len(labels([ASKED, ANSWER], [ASKED + "?", "ask the people at the counter downstairs, they will know"])) == 1
    assert labels(["a b c d", ANSWER], ["quite another matter, namely my invoice", "ok"]) == []
    assert labels(["where is my parcel", "done"], ["my invoice is wrong", "done"]) == []


def test_an_exchange_inside_dialogues_ties_them_and_small_talk_does_not() -> None:
    small = ["hi there", "hello"]
    one, other = [*small, ASKED, ANSWER], ["good day to you", "yes please", ASKED, ANSWER + "!"]
    assert [found[1] for found in labels(one, other)] == [["c0", "c1"]]
    assert labels([*small, "alpha beta gamma", "delta epsilon"], [*small, "one two three four", "five six seven"]) == []


def test_a_pair_that_repeats_an_exchange_of_a_dialogue_is_tied_to_it() -> None:
    dialogue = ["hi there", "hello", ASKED, ANSWER, "and how long does all of that take then", "about two weeks"]
    assert [found[1] for found in labels(dialogue, [ASKED + "!", ANSWER])] == [["c0", "c1"]]


def test_what_is_in_the_general_set_is_labelled_and_never_validated_on() -> None:
    talks, _ = corpus(5, 30)
    frame = said(*talks)
    beside = said(talks[0], talks[1])
    tied = ties(frame, FIVE, seed=1, outside=beside)
    apart = set(tied.filter(pl.col("label") == OUTSIDE)["conversation"])
    assert {"c0", "c1"} <= apart
    done = split_by(frame, tied, Split(val_share=0.9, val_least=0), seed=1)
    assert not apart & set(done.filter(pl.col("split") == "val")["conversation"])


def test_units_are_letters_and_digits_of_what_is_compared() -> None:
    found = units(said(["Hi, there?", "Yes!"], ["One two.", "3 4 5 6 7 8 9 10", "Six", "7"]))
    assert sorted(found.select("id", "level", "text").rows()) == [
        ("e0", "example", "hithere\nyes"),
        ("e0", "question", "hithere"),
        ("e1", "example", "onetwo\n345678910\nsix\n7"),
        ("e1", "exchange", "onetwo\n345678910"),
    ]
