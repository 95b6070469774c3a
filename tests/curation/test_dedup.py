"""Near-duplicates: signatures as datasketch makes them, every similar pair found, nothing merged on an estimate."""

import random
from itertools import combinations

import numpy as np
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import dedup
from curation.dedup import cluster
from curation.recipe import Dedup

ZH = "订单退款到账快递地址发票换货会员积分优惠券库存尺码颜色质量客服投诉预售安装保修运费包装签收付款取消"
EN = "order refund parcel address invoice exchange points coupon stock colour agent warranty repair".split()  # noqa: SIM905


def grams(text: str, n: int = 5) -> frozenset[str]:
    return frozenset(text[i : i + n] for i in range(len(text) - n + 1)) or frozenset([text])


def jaccard(one: str, other: str) -> float:
    a, b = grams(one), grams(other)
    return len(a & b) / len(a | b)


def corpus(seed: int = 3) -> list[str]:
    """Make 300 texts: 100 of our own making, each with two copies that differ by none up to many edits."""
    rng = random.Random(seed)
    texts = []
    for i in range(100):
        words = (
            [*rng.choices(ZH, k=rng.randint(15, 60))]
            if i % 2
            else [w + " " for w in rng.choices(EN, k=rng.randint(5, 25))]
        )
        texts.append("".join(words))
        for edits in (rng.choice([0, 1, 1]), rng.choice([1, 2, 4, 8])):
            copy = list(texts[3 * i])
            for _ in range(edits):
                copy[rng.randrange(len(copy))] = rng.choice(ZH)
            texts.append("".join(copy))
    return texts


def groups(texts: list[str], found: list[int]) -> set[frozenset[str]]:
    members: dict[int, set[str]] = {}
    for text, first in zip(texts, found, strict=True):
        members.setdefault(first, set()).add(text)
    return {frozenset(group) for group in members.values()}


@given(st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=6), st.integers(1, 8))
@settings(max_examples=40, deadline=None)
def test_signatures_are_those_of_datasketch_bit_for_bit(texts: list[str], ngram: int) -> None:
    hashes, starts = dedup.shingles(texts, ngram)
    permutations = MinHash(num_perm=64, seed=7, scheme="affine32").permutations
    signatures = dedup.sign(hashes, starts, permutations)
    for row, part in zip(signatures, np.split(hashes, starts[1:]), strict=True):
        theirs = MinHash(num_perm=64, seed=7, scheme="affine32", hashfunc=int)
        theirs.update_batch(part.tolist())
        assert row.tolist() == theirs.hashvalues.tolist()


@given(st.lists(st.text(max_size=12), min_size=1, max_size=8), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_a_text_has_as_many_shingles_as_it_has_ngrams(texts: list[str], ngram: int) -> None:
    hashes, starts = dedup.shingles(texts, ngram)
    counts = np.diff([*starts.tolist(), len(hashes)]).tolist()
    assert counts == [max(len(text) - ngram + 1, 1) for text in texts]
    same = {}
    for text, part in zip(texts, np.split(hashes, starts[1:]), strict=True):
        windows = [text[i : i + ngram] for i in range(len(text) - ngram + 1)] or [text]
        for window, value in zip(windows, part.tolist(), strict=True):
            padded = window + "\0" * (ngram - len(window))
            assert same.setdefault(padded, value) == value  # equal n-grams, equal hashes, wherever they stand


def test_five_short_questions_stay_five() -> None:
    questions = ["怎么退款", "怎么退货", "怎么换货", "怎么发货", "怎么取消"]
    assert cluster(questions, Dedup(), seed=1).first == [0, 1, 2, 3, 4]


def test_equal_texts_are_found_however_short() -> None:
    found = cluster(["退", "好", "退", "", ""], Dedup(), seed=1)
    assert found.first == [0, 1, 0, 3, 3]
    assert [(p.left, p.right, p.similarity) for p in found.pairs] == [(0, 2, 1.0), (3, 4, 1.0)]


def test_nothing_and_one_text_are_no_problem() -> None:
    assert cluster([], Dedup(), seed=1).first == []
    assert cluster(["a"], Dedup(), seed=1).first == [0]


def test_every_similar_pair_is_found_and_no_other_is_merged() -> None:
    texts = corpus()
    alike = {(i, j): s for i, j in combinations(range(len(texts)), 2) if (s := jaccard(texts[i], texts[j])) >= 0.8}
    near = sum(0.6 < jaccard(texts[i], texts[j]) < 0.8 for i in range(0, 300, 3) for j in (i + 1, i + 2))
    assert (len(alike) > 100, near > 10) == (True, True)  # the corpus is worth the name
    found = cluster(texts, Dedup(), seed=42)
    together = sum(found.first[i] == found.first[j] for i, j in alike)
    assert together >= 0.99 * len(alike)
    for pair in found.pairs:
        assert pair.left < pair.right
        assert pair.similarity == pytest.approx(alike[pair.left, pair.right])  # KeyError: it is below the threshold


def test_one_member_of_a_cluster_is_its_first() -> None:
    texts = corpus()
    found = cluster(texts, Dedup(), seed=42)
    assert all(first <= index and found.first[first] == first for index, first in enumerate(found.first))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_the_texts_does_not_change_the_clusters(seed: int) -> None:
    texts = corpus()
    mixed = random.Random(seed).sample(texts, len(texts))
    assert groups(texts, cluster(texts, Dedup(), seed=5).first) == groups(mixed, cluster(mixed, Dedup(), seed=5).first)


def test_large_buckets_are_chained_together() -> None:
    base = "仓库签收后一到三个工作日原路退回到您的付款账户请您耐心等待到账以后会有短信通知您感谢您的理解与支持"
    texts = [base + str(i) for i in range(60)]
    assert set(cluster(texts, Dedup(), seed=1).first) == {0}


def test_in_a_large_bucket_every_text_is_held_against_the_first_and_its_neighbour() -> None:
    pairs = set(dedup._candidates(np.zeros((40, 128), dtype=np.uint32), Dedup()))
    assert pairs == {(0, i) for i in range(1, 40)} | {(i, i + 1) for i in range(1, 39)}


@pytest.mark.parametrize("batch", [1, 7, 299, 300])
def test_the_size_of_a_batch_does_not_change_the_clusters(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = corpus()[: 300 if batch > 1 else 60]
    whole = cluster(texts, Dedup(), seed=9)
    monkeypatch.setattr(dedup, "BATCH", batch)
    assert cluster(texts, Dedup(), seed=9) == whole


def test_the_threshold_and_the_ngram_of_the_recipe_count() -> None:
    pair = ["我想退掉上周买的空气炸锅", "我想退掉上周买的电饭锅吧"]
    similarity = jaccard(*pair)
    assert 0.2 < similarity < 0.4
    assert cluster(pair, Dedup(), seed=1).first == [0, 1]
    assert cluster(pair, Dedup(threshold=0.2, bands=128, rows=1), seed=1).first == [0, 0]
