"""Near-duplicates: signatures as datasketch makes them, every similar pair found, nothing merged on an estimate."""

import random
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import dedup, fast
from curation.dedup import cluster, lsh, minhash, near_pairs, verify
from curation.dedup.bounds import Bounds
from curation.dedup.known import Known
from curation.dedup.shingles import mix, shingles
from curation.recipe import Dedup

ZH = "订单退款到账快递地址发票换货会员积分优惠券库存尺码颜色质量客服投诉预售安装保修运费包装签收付款取消"
EN = "order refund parcel address invoice exchange points coupon stock colour agent warranty repair".split()  # noqa: SIM905


def grams(text: str, n: int = 5) -> frozenset[str]:
    return frozenset(text[i : i + n] for i in range(len(text) - n + 1)) or frozenset([text])


def jaccard(one: str, other: str, n: int = 5) -> float:
    a, b = grams(one, n), grams(other, n)
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


FIVE = Dedup(ngram=5)
AUTO = Dedup()


def parts(texts: list[str], ngram: Any) -> list[frozenset[int]]:
    """Return the set of shingle hashes of every text."""
    hashes, starts = shingles(texts, ngram)
    return [frozenset(part.tolist()) for part in np.split(hashes, starts[1:])]


def firsts(texts: list[str], settings: Dedup = AUTO, seed: int = 1) -> list[int]:
    return cluster(texts, settings, seed=seed).first.tolist()


@given(st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=6), st.sampled_from([1, 2, 3, 5, 8, "auto"]))
@settings(max_examples=40, deadline=None)
def test_signatures_are_those_of_datasketch_bit_for_bit(texts: list[str], ngram: Any) -> None:
    ours = dedup.signatures(texts, Dedup(ngram=ngram, permutations=64, bands=8, rows=8), seed=7)
    for row, part in zip(ours, parts(texts, ngram), strict=True):
        theirs = MinHash(num_perm=64, seed=7, scheme="affine32", hashfunc=int)
        theirs.update_batch(part)
        assert row.tolist() == theirs.hashvalues.tolist()


@given(st.lists(st.text("abc退款", max_size=12), min_size=1, max_size=8), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_equal_ngrams_have_equal_hashes_wherever_they_stand(texts: list[str], ngram: int) -> None:
    ours = parts(texts, ngram)
    for text, part in zip(texts, ours, strict=True):
        own = {text[i : i + ngram] for i in range(len(text) - ngram + 1)} or {text.ljust(ngram, "\0")}
        assert len(own) == len(part)
        for other, theirs in zip(texts, ours, strict=True):
            wide = {other[i : i + ngram] for i in range(len(other) - ngram + 1)} or {other.ljust(ngram, "\0")}
            assert len(own & wide) == len(part & theirs)


def around(text: str) -> set[str]:
    """Say by hand what `auto` means: a window ends at each character, 3 wide in CJK and 5 elsewhere, blanks around."""
    wide = 3 if text[-1] > "\u2e7f" else 5
    windows = set()
    for end in range(len(text) + wide - 1):
        n = (3 if text[end] > "\u2e7f" else 5) if end < len(text) else wide
        windows.add("".join(text[i] if 0 <= i < len(text) else "\0" for i in range(end - n + 1, end + 1)))
    return windows


@given(st.lists(st.text("ab 退款1", min_size=1, max_size=12), min_size=2, max_size=2))
@settings(max_examples=200, deadline=None)
def test_auto_shingles_are_three_wide_in_chinese_and_five_elsewhere_with_blanks_around(texts: list[str]) -> None:
    one, other = parts(texts, "auto")
    assert (len(one), len(other)) == (len(around(texts[0])), len(around(texts[1])))
    assert len(one & other) == len(around(texts[0]) & around(texts[1]))


def test_five_short_questions_stay_five() -> None:
    for questions in (
        ["怎么退款", "怎么退货", "怎么换货", "怎么发货", "怎么取消"],
        ["多久到", "退款", "谢谢", "能换吗", "开发票"],
        ["where is it", "where is he", "when is it", "who is it", "where it is"],
        ["退款一般多久可以到账", "退货一般多久可以到账", "退款一般几天可以到账", "退款一般多久能到账", "退款多久到账"],
    ):
        assert firsts(questions) == [0, 1, 2, 3, 4]
        assert firsts(questions, FIVE) == [0, 1, 2, 3, 4]


def test_equal_texts_are_found_however_short() -> None:
    found = cluster(["退", "好", "退", "好的"], AUTO, seed=1)
    assert found.first.tolist() == [0, 1, 0, 3]
    assert [column.tolist() for column in vars(found.pairs).values()] == [[0], [2], [1.0]]


@pytest.mark.parametrize("ngram", [1, 5, "auto"])
def test_a_text_without_characters_is_like_no_other(ngram: Any) -> None:
    assert firsts(["", "好", "", "\0", "\0\0"], Dedup(ngram=ngram))[:3] == [0, 1, 2]


def test_nothing_and_one_text_are_no_problem() -> None:
    assert firsts([]) == []
    assert firsts(["a"]) == [0]
    assert firsts([""]) == [0]
    assert len(near_pairs([], AUTO, seed=1)) == 0


def test_every_similar_pair_is_found_and_no_other_is_merged() -> None:
    texts = corpus()
    alike = {(i, j): s for i, j in combinations(range(len(texts)), 2) if (s := jaccard(texts[i], texts[j])) >= 0.8}
    near = sum(0.6 < jaccard(texts[i], texts[j]) < 0.8 for i in range(0, 300, 3) for j in (i + 1, i + 2))
    assert (len(alike) > 100, near > 10) == (True, True)  # the corpus is worth the name
    found = firsts(texts, FIVE, seed=42)
    assert all(found[i] == found[j] for i, j in alike)
    pairs = near_pairs(texts, FIVE, seed=42)
    assert len(pairs) > 50
    for left, right, similarity in zip(*vars(pairs).values(), strict=True):
        assert left < right
        assert similarity == pytest.approx(alike[left, right])  # KeyError: it is below the threshold


def test_pairs_below_the_threshold_are_listed_down_to_the_floor_and_not_merged() -> None:
    texts = corpus()
    pairs = cluster(texts, FIVE, seed=42, floor=0.7).pairs
    below = pairs.similarity < 0.8
    assert below.sum() > 3
    for left, right, similarity in zip(pairs.left[below], pairs.right[below], pairs.similarity[below], strict=True):
        assert 0.7 <= similarity == pytest.approx(jaccard(texts[left], texts[right]))
    assert firsts(texts, FIVE, seed=42) == cluster(texts, FIVE, seed=42, floor=0.7).first.tolist()


def test_one_member_of_a_cluster_is_its_first() -> None:
    found = firsts(corpus(), seed=42)
    assert all(first <= index and found[first] == first for index, first in enumerate(found))


@given(st.lists(st.text("退款到账ab", max_size=30), max_size=25), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_texts_does_not_change_the_clusters(texts: list[str], random: random.Random) -> None:
    texts += [text + "退" for text in texts if len(text) > 15]
    mixed = random.sample(texts, len(texts))
    assert groups(texts, firsts(texts, seed=5)) == groups(mixed, firsts(mixed, seed=5))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_many_texts_does_not_change_the_clusters(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lsh, "WINDOW", 2)  # what large buckets do, small ones do too
    texts = corpus()
    mixed = random.Random(seed).sample(texts, len(texts))
    assert groups(texts, firsts(texts, FIVE)) == groups(mixed, firsts(mixed, FIVE))


@pytest.mark.parametrize("batch", [1, 7, 299, 300])
def test_the_size_of_a_batch_does_not_change_the_clusters(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = corpus()[: 300 if batch > 1 else 60]
    whole = cluster(texts, AUTO, seed=9, floor=0.6)
    monkeypatch.setattr(minhash, "SHINGLES", batch)
    monkeypatch.setattr(minhash, "SHORT", 20 + batch % 2 * 1000)
    monkeypatch.setattr(verify, "BATCH", batch)
    monkeypatch.setattr(lsh, "BLOCK", batch)
    parted = cluster(texts, AUTO, seed=9, floor=0.6)
    assert parted.first.tolist() == whole.first.tolist()
    assert [c.tolist() for c in vars(parted.pairs).values()] == [c.tolist() for c in vars(whole.pairs).values()]


def test_large_buckets_hang_together() -> None:
    base = "仓库签收后一到三个工作日原路退回到您的付款账户请您耐心等待到账以后会有短信通知您感谢您的理解与支持"
    texts = [base + chr(0x4E00 + i) for i in range(300)]
    assert set(firsts(texts)) == {0}


def test_copies_are_found_in_a_heap_of_texts_that_share_a_canned_sentence() -> None:
    rng = random.Random(8)
    canned = "亲亲您好非常抱歉给您带来不好的购物体验小妹已经记录了您的问题并且马上为您反馈给相关的同事处理"
    own = ["".join(rng.choices(ZH, k=40)) for _ in range(600)]
    texts = [canned + text for text in own] + [canned + text[:-1] + "啊" for text in own[:200]]
    found = firsts(texts)
    assert [found[600 + i] for i in range(200)] == list(range(200))
    assert len(set(found)) == 600


@pytest.mark.parametrize("copies", [3, 50, 3000])
def test_the_pairs_to_look_at_are_linear_in_the_texts(copies: int) -> None:
    same = np.zeros((copies, 128), dtype=np.uint32)
    keys = lsh.band_keys(same, bands=25, rows=5)
    most = max(len(pairs) for pairs in lsh.candidates(keys, lsh.ranks(keys)))
    assert copies - 1 <= most <= (lsh.WINDOW + 2 * lsh.NEIGHBOURS) * copies


def pairs_of_band(keys: np.ndarray, ranked: list[int], roots: list[int], band: int) -> set[tuple[int, int]]:
    """Return the pairs of different roots that lsh.py promises of a band, bucket by bucket."""
    buckets: dict[int, list[int]] = {}
    for text in np.argsort(ranked).tolist():
        buckets.setdefault(int(keys[band, text]), []).append(text)
    found: list[tuple[int, int]] = []
    for bucket in buckets.values():
        if len(bucket) <= lsh.WINDOW:
            found += combinations(bucket, 2)
        elif len({roots[text] for text in bucket}) > 1:
            found += [(bucket[0], text) for text in bucket]
            for ahead in (1, 2):
                again = sorted(bucket, key=lambda text: int(keys[(band + ahead) % len(keys), text]))
                for step in range(1, lsh.NEIGHBOURS + 1):
                    found += zip(again, again[step:], strict=False)
    return {(min(pair), max(pair)) for pair in found if roots[pair[0]] != roots[pair[1]]}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("part", [28, 1000])
def test_the_pairs_of_each_round_are_those_of_its_buckets(
    part: int, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels = fast._compiled() if compiled else None
    monkeypatch.setattr(lsh, "accelerator", lambda _texts: kernels)
    monkeypatch.setattr(lsh, "PART", part)
    # Buckets of one text, of a few and of some thirty.
    keys = np.random.default_rng(5).choice([*range(500), *range(20)] + [7] * 30, (7, 900)).astype(np.uint32)
    ranked, roots = lsh.ranks(keys), np.arange(900)
    for bands, pairs in zip(([0], [1, 2], [3, 4, 5, 6]), lsh.candidates(keys, ranked, roots), strict=True):
        expected = set().union(*(pairs_of_band(keys, ranked.tolist(), roots.tolist(), band) for band in bands))
        assert list(zip(*(side.tolist() for side in lsh.unpacked(pairs)), strict=True)) == sorted(expected)
        roots[:] = roots // 9 * 9 if 0 in bands else np.where(keys[3] == 7, 0, roots)


@pytest.mark.parametrize("least", [0.0, 0.45, 0.5, 0.51, 1.0])
def test_likely_pairs_are_those_of_an_estimate_that_is_high_enough(least: float) -> None:
    rows = np.random.default_rng(2).integers(0, 2, (60, 136), dtype=np.uint8)
    rows[59] = rows[58]
    rows[57, :68], rows[57, 68:] = rows[56, :68], 1 - rows[56, 68:]
    left, right = np.array(list(combinations(range(60), 2))).T
    expected = [
        (one, other)
        for one, other in zip(left.tolist(), right.tolist(), strict=True)
        if sum(a == b for a, b in zip(rows[one], rows[other], strict=True)) >= least * 136
    ]
    for kernels in (None, fast._compiled()):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(verify, "accelerator", lambda _texts, kernels=kernels: kernels)
            patch.setattr(verify, "LIKELY", 100)
            found = lsh.unpacked(verify.likely(rows, lsh.packed(left, right), least))
        assert list(zip(*(side.tolist() for side in found), strict=True)) == expected


@given(st.sets(st.integers(0, 20)), st.sets(st.integers(0, 20) | st.integers(0, 2**64 - 1)))
@settings(max_examples=50, deadline=None)
def test_what_was_seen_before_is_told_from_what_is_new(before: set[int], numbers: set[int]) -> None:
    seen, pairs = (np.array(sorted(some), dtype=np.uint64) for some in (before, numbers))
    for kernels in (None, fast._compiled()):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dedup, "accelerator", lambda _texts, kernels=kernels: kernels)
            both, new = dedup._merged(seen, pairs)
        assert (both.tolist(), new.tolist()) == (sorted(before | numbers), sorted(numbers - before))


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 9)))
@settings(max_examples=50, deadline=None)
def test_hashes_that_stand_more_than_once_are_found(numbers: list[int]) -> None:
    spread = [number * 0x9E3779B97F4A7C15 % 2**64 for number in numbers]
    found = dedup._alike(np.array(spread, dtype=np.uint64)).tolist()
    assert found == sorted(set(found))
    assert {place for place, number in enumerate(spread) if spread.count(number) > 1} <= set(found)


def test_hashes_of_which_there_is_one_are_left_out() -> None:
    assert dedup._alike(np.arange(0, 2**60, 2**50, dtype=np.uint64)).tolist() == []


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40))
def test_components_are_what_hangs_together(edges: list[tuple[int, int]]) -> None:
    expected = list(range(31))
    for _ in range(31):
        for one, other in edges:
            expected[one] = expected[other] = min(expected[one], expected[other])
    for kernels in (None, fast._compiled()):
        roots = np.arange(31)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(verify, "accelerator", lambda _texts, kernels=kernels: kernels)
            verify.join(roots, *np.array(edges, dtype=np.int64).reshape(-1, 2).T)
        assert roots.tolist() == expected


@given(st.lists(st.text("退款ab", min_size=1, max_size=9), min_size=2, max_size=8, unique=True))
@settings(max_examples=80, deadline=None)
def test_similarities_are_exact(texts: list[str]) -> None:
    left, right = np.array(list(combinations(range(len(texts)), 2))).T
    found = verify.similarities(dedup.fetcher(texts, Dedup(ngram=2)), left, right)
    expected = [jaccard(texts[i].ljust(2, "\0"), texts[j].ljust(2, "\0"), 2) for i, j in zip(left, right, strict=True)]
    assert found.tolist() == pytest.approx(expected)


@given(st.lists(st.text("退款ab", min_size=1, max_size=40), min_size=2, max_size=12, unique=True), st.floats(0.05, 1.0))
@settings(max_examples=80, deadline=None)
def test_a_bound_takes_no_similar_pair_away(texts: list[str], least: float) -> None:
    texts = [*texts, "".join(chr(0x4E00 + i) for i in range(3000)), "".join(chr(0x4E00 + i) for i in range(900, 3900))]
    left, right = np.array(list(combinations(range(len(texts)), 2))).T
    bounds = Bounds(dedup.fetcher(texts, Dedup(ngram=2)), len(texts))
    maybe = np.concatenate([bounds.possible(left[i::2], right[i::2], least) for i in (0, 1)])
    pairs = [*zip(left[0::2], right[0::2], strict=True), *zip(left[1::2], right[1::2], strict=True)]
    alike = [jaccard(texts[i].ljust(2, "\0"), texts[j].ljust(2, "\0"), 2) for i, j in pairs]
    assert not [pair for pair, there, real in zip(pairs, maybe, alike, strict=True) if real >= least and not there]


def test_a_bound_tells_most_pairs_apart_that_are_not_similar(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = corpus()
    left, right = np.array(list(combinations(range(len(texts)), 2))).T
    alike = np.array([jaccard(texts[i], texts[j]) >= 0.7 for i, j in zip(left, right, strict=True)])
    fetch = dedup.fetcher(texts, FIVE)
    maybe = Bounds(fetch, len(texts)).possible(left, right, 0.7)
    assert alike.sum() <= maybe.sum() <= 1.2 * alike.sum()
    monkeypatch.setattr("curation.dedup.bounds.MOST", 40)  # no room for all texts: some are looked at again
    monkeypatch.setattr("curation.dedup.bounds.ASKED", 30)
    assert Bounds(fetch, len(texts)).possible(left, right, 0.7).tolist() == maybe.tolist()


@given(st.lists(st.text("退ab", min_size=1, max_size=7), min_size=1, max_size=40), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_a_threshold_of_1_joins_texts_of_the_same_shingles_and_no_others(texts: list[str], ngram: int) -> None:
    sets = [grams(text.ljust(ngram, "\0"), ngram) for text in texts]
    expected = [sets.index(one) for one in sets]
    found = dedup.components(texts, Dedup(ngram=ngram, threshold=1.0), seed=5).tolist()
    assert found == expected


@given(st.lists(st.sampled_from(["", "a", "A", "退款", "退款 ", *corpus()[:30]]), max_size=30))
@settings(max_examples=30, deadline=None)
def test_a_list_and_a_column_of_texts_give_the_same(texts: list[str]) -> None:
    column = pl.Series(texts, dtype=pl.String)
    exact = [i if not text else texts.index(text) for i, text in enumerate(texts)]
    assert dedup._different(texts)[0].tolist() == dedup._different(column)[0].tolist() == exact
    assert cluster(texts, FIVE, seed=3).first.tolist() == cluster(column, FIVE, seed=3).first.tolist()


def test_a_threshold_of_1_looks_at_many_texts_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.dedup.equal.LOOKED", 7)
    monkeypatch.setattr("curation.dedup.equal.BATCH", 11)
    texts = ["ab" * n for n in range(2, 40)] + ["ba" * n for n in range(1, 40)] + ["", ""]
    found = dedup.components(texts, Dedup(ngram=2, threshold=1.0), seed=5).tolist()
    assert found == [0] * 38 + [38] + [0] * 38 + [77, 78]  # "ba" alone has no "ab" in it


def test_a_threshold_of_1_tells_texts_apart_that_differ_in_one_character_of_two_hundred() -> None:
    letters = [chr(0x4E00 + i) for i in range(200)]
    texts = ["".join([*letters[:i], chr(0x5E00 + i), *letters[i + 1 :]]) for i in range(0, 200, 5)]
    assert dedup.components([*texts, *texts], Dedup(ngram=2, threshold=1.0), seed=5).tolist() == [*range(40)] * 2
    turned = [text[100:] + text[:101] for text in texts]  # most pieces are the same, two are not
    assert dedup.components([*texts, *turned], Dedup(ngram=2, threshold=1.0), seed=5).tolist() == [*range(80)]


def test_sketches_that_are_known_are_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, more = corpus(), corpus(4)[:9]
    plain = dedup.components([*texts[::2], *more], FIVE, seed=3).tolist()
    known = Known()
    assert cluster(texts, FIVE, seed=3, known=known).first.tolist() == cluster(texts, FIVE, seed=3).first.tolist()
    signed: list[int] = []
    minima = minhash.minima
    monkeypatch.setattr(dedup, "accelerator", lambda _texts: None)
    monkeypatch.setattr(
        minhash, "minima", lambda mixed, starts, drawn: signed.append(len(starts)) or minima(mixed, starts, drawn)
    )  # type: ignore[func-returns-value]
    assert dedup.components([*texts[::2], *more], FIVE, seed=3, known=known).tolist() == plain
    assert signed == [len(set(more) - set(texts))]
    signed.clear()
    assert dedup.components([*texts[::2], *more], FIVE, seed=3, known=known).tolist() == plain
    assert signed in ([], [0])


@pytest.mark.parametrize("other", [Dedup(ngram=4), Dedup(ngram=5, bands=20), Dedup(ngram=5, rows=4)])
def test_sketches_of_other_settings_are_not_taken(other: Dedup) -> None:
    known = Known()
    cluster(corpus(), FIVE, seed=3, known=known)
    for seed in (3, 4):
        mine, fresh = (dedup.sketched(pl.Series(corpus()), other, seed=seed, known=given) for given in (known, None))
        assert np.array_equal(mine.keys, fresh.keys)
        assert np.array_equal(mine.bytes, fresh.bytes)


@pytest.mark.parametrize("step", [1, 7, 4096])
@given(st.integers(0, 99))
@settings(max_examples=3, deadline=None)
def test_comparing_the_likeliest_first_gives_the_same_clusters(step: int, seed: int) -> None:
    texts = corpus(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dedup, "STEP", step)
        patch.setattr(dedup, "STEPS", 300)
        found = dedup.components(texts, FIVE, seed=seed)
    assert groups(texts, found.tolist()) == groups(texts, cluster(texts, FIVE, seed=seed).first.tolist())
    assert (found <= np.arange(len(texts))).all()


def test_the_threshold_and_the_ngram_of_the_recipe_count() -> None:
    pair = ["我想退掉上周买的空气炸锅", "我想退掉上周买的电饭锅吧"]
    assert 0.2 < jaccard(*pair) < 0.4
    assert firsts(pair, FIVE) == [0, 1]
    assert firsts(pair, Dedup(ngram=5, threshold=0.2, bands=128, rows=1)) == [0, 0]


def test_compiled_and_plain_kernels_give_the_same_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    texts = [*corpus(), *"退好", "哈" * 50, "a", "ab" * 900, "".join(chr(0x4E00 + i) for i in range(3000))]
    left, right = np.array(list(combinations(range(len(texts)), 2))).T
    told = []
    for kernels in (None, fast._compiled()):
        monkeypatch.setattr("curation.dedup.bounds.accelerator", lambda _texts, kernels=kernels: kernels)
        monkeypatch.setitem(sys.modules, "curation.fast.compiled", kernels)
        bounds = Bounds(dedup.fetcher(texts, AUTO), len(texts))
        maybe = bounds.possible(left, right, 0.6)
        told.append((maybe, bounds._bits[: len(texts)], bounds._sizes[: len(texts)], bounds._again[: len(texts)]))
    for plain, compiled in zip(*told, strict=True):
        assert np.array_equal(plain, compiled)
    assert told[0][2][-4:-1].tolist() == [5, 5, 10]  # three wide or five, with blanks around: counted by hand


@pytest.mark.parametrize("ngram", [5, "auto"])
def test_compiled_and_plain_kernels_give_the_same_bits(ngram: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    texts = [*corpus(), *"退好", "哈" * 50, "a", "x" * 2000]
    found = []
    for kernels in (None, fast._compiled()):
        for module in (minhash, lsh, verify):
            monkeypatch.setattr(module, "accelerator", lambda _texts, kernels=kernels: kernels)
        monkeypatch.setitem(sys.modules, "curation.fast.compiled", kernels)
        signed = dedup.signatures(texts, Dedup(ngram=ngram), seed=3)
        whole = cluster(texts, Dedup(ngram=ngram), seed=3, floor=0.5)
        sketch = dedup.sketched(pl.Series(texts), Dedup(ngram=ngram), seed=3)
        found.append(
            [
                *(array.tolist() for array in (signed, sketch.keys, sketch.bytes, whole.first)),
                *(column.tolist() for column in vars(whole.pairs).values()),
            ]
        )
    assert found[0] == found[1]
    assert len(found[0][4]) > 100


@given(st.lists(st.text("ab 退货\0，é", min_size=1, max_size=9), min_size=1), st.sampled_from([1, 2, 5, "auto"]))
@settings(max_examples=50, deadline=None)
def test_compiled_and_plain_kernels_give_the_same_shingles(texts: list[str], ngram: Any) -> None:
    pytest.importorskip("numba")
    found = []
    for kernels in (None, fast._compiled()):
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, "curation.fast.compiled", kernels)
            found.append([part.tolist() for part in shingles(texts, ngram)])
    assert found[0] == found[1]


@given(st.lists(st.integers(0, 5) | st.integers(0, 2**64 - 1)))
@settings(max_examples=50, deadline=None)
def test_texts_of_equal_keys_keep_their_order(numbers: list[int]) -> None:
    order = lsh._ascending(np.array(numbers, dtype=np.uint64)).tolist()
    assert order == sorted(range(len(numbers)), key=lambda place: (numbers[place], place))


@pytest.mark.parametrize("length", [3, 100, 300])
def test_least_hashes_of_any_number_of_permutations(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = np.random.default_rng(length).integers(0, 2**32, 6 * length, dtype=np.uint32)
    mixed = mix(hashes.copy())
    starts, drawn = np.arange(0, 6 * length, length), minhash.permutations(7, 1)
    least = [
        [min((int(h) * int(f) + int(o)) % 2**32 for h in mixed[start : start + length]) for start in starts.tolist()]
        for f, o in drawn.T
    ]
    for size in (1, length, 2 * length, 7 * length):
        monkeypatch.setattr(minhash, "SHINGLES", size)
        assert minhash.minima(mixed, starts, drawn).tolist() == least
    if kernels := fast._compiled():
        signed = np.empty((6, 7), dtype=np.uint32)
        kernels.sign(hashes, starts, drawn, signed)
        assert signed.T.tolist() == least


def test_a_sketch_holds_the_bands_and_last_bytes_of_the_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minhash, "SHINGLES", 7 * 30)
    texts, made = corpus()[:40], Dedup(ngram=5, permutations=20, bands=4, rows=3)
    signed = dedup.signatures(texts, made, seed=3)
    for sign in (None, dedup.signatures):
        sketch = dedup.sketched(pl.Series(texts), made, seed=3, sign=sign)
        assert sketch.bytes.tolist() == [[value % 256 for value in row] for row in signed.tolist()]
        assert sketch.keys.tolist() == lsh.band_keys(signed, bands=4, rows=3).tolist()


@pytest.mark.parametrize("columns", [8, 20, 248, 256, 512])
def test_agreements_are_counted_column_by_column(columns: int) -> None:
    rows = np.random.default_rng(columns).integers(0, 2, (50, columns), dtype=np.uint8)
    rows[49] = rows[0]
    left, right = np.arange(49), np.arange(49)[::-1] + 1
    counted = [sum(a == b for a, b in zip(rows[i], rows[j], strict=True)) for i, j in zip(left, right, strict=True)]
    assert verify.agreements(rows, left, right).tolist() == counted
    assert counted[0] == columns
    if kernels := fast._compiled():
        assert kernels.agreements(rows, left, right).tolist() == counted


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 9)))
@settings(max_examples=50, deadline=None)
def test_numbers_are_sorted_and_each_comes_once(numbers: list[int]) -> None:
    values = np.array(numbers, dtype=np.uint64)
    for copied in (0, 1_000_000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lsh, "COPIED", copied)
            assert lsh.distinct(values).tolist() == sorted(set(numbers))
    if kernels := fast._compiled():
        assert kernels.ascending(values).tolist() == sorted(numbers)


def test_without_the_extra_the_plain_kernels_do_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "curation.fast.compiled", None)  # importing it is an ImportError
    monkeypatch.delattr(fast, "compiled", raising=False)
    fast._compiled.cache_clear()
    assert fast.accelerator(10**9) is None
    monkeypatch.undo()
    fast._compiled.cache_clear()


def test_few_texts_do_not_wait_for_the_compiled_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "curation.fast.compiled", raising=False)
    monkeypatch.setattr(fast, "_compiled", None)  # not even asked for
    assert fast.accelerator(fast.FAST_FROM - 1) is None


def test_kernels_are_loaded_beforehand_where_so_many_texts_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.delitem(sys.modules, "curation.fast.compiled", raising=False)
    monkeypatch.setattr(fast, "_compiled", lambda anew: asked.append(anew))
    fast.beforehand(fast.FAST_FROM - 1)()
    assert asked == []
    fast.beforehand(fast.FAST_FROM)()
    fast.beforehand(fast.COMPILED_FROM)()
    assert asked == [False, True]  # compiling them takes longer than some ten thousand texts


def test_machine_code_is_compiled_once_and_never_loaded_in_part(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("llvmlite")
    from curation.fast import machine

    made = iter([b"one", b"two"])
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.setattr(machine, "SOURCES", [Path(__file__)])  # of these kernels there is no code anywhere
    monkeypatch.setattr(machine, "_compiled", lambda _target: next(made))
    assert not machine.kept()
    assert machine._made(machine._target()) == machine._kept() == b"one"
    (file,) = (tmp_path / "kept").iterdir()
    file.write_bytes(file.read_bytes()[:-1])  # as an interrupted copy would leave it
    assert not machine.kept()
    assert machine._made(machine._target()) == machine._kept() == b"two"


def test_machine_code_without_a_place_for_it_is_not_compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("llvmlite")
    from curation.fast import machine

    (tmp_path / "file").touch()
    monkeypatch.setattr(machine, "_files", lambda: iter([tmp_path / "file" / "kernels.bin"]))
    monkeypatch.setattr(machine, "_compiled", None)  # not even asked
    with pytest.raises(RuntimeError, match="no place"):
        machine._made(machine._target())


def test_kernels_need_nothing_that_a_process_without_numba_lacks() -> None:
    """Else nobody hears of it: a run does without them, and takes longer."""
    pytest.importorskip("numba")
    assert fast._compiled() is not None


def test_a_kernel_gets_no_arrays_of_other_types() -> None:
    if kernels := fast._compiled():
        rows, places = np.zeros((2, 8), dtype=np.uint8), np.zeros(1, dtype=np.int64)
        with pytest.raises(TypeError, match="agreements: int32 where i8"):
            kernels.agreements(rows, places.astype(np.int32), places)
