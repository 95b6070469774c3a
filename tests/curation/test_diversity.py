"""Skeletons, and how evenly and with how many words a set is spread."""

import re
from itertools import combinations, compress, pairwise
from random import Random

import polars as pl
import pytest

from curation import diversity as module
from curation import fast
from curation.checks import letters
from curation.dedup import signatures
from curation.diversity import Diversity, _distinct, _nearest, diversity, rarefied, scores, skeletons, templates
from curation.packs import Packs
from curation.recipe import Dedup


def skeleton(*questions: str, products: tuple[str, ...] = (), framing: str = "") -> list[str]:
    frame = pl.DataFrame({"q": questions})
    return frame.select(skeletons(pl.col("q"), products=products, framing=framing)).to_series().to_list()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("订单[订单号]到哪了？", "订单12到哪了"),
        ("我的洗衣机坏了", "我的冰箱坏了！"),
        ("have you got 《Emma》 in stock", "Have you got 《Persuasion》 in stock?"),
        ("is the iPhone15 in stock", "is the iphone14 in stock"),
        ("I bought a fridge in Paris", "I bought some phones in New York"),
        ("my order from 12/03 costs 19.99", "my order from 2 costs 5%"),
    ],
)
def test_questions_that_differ_in_names_numbers_and_products_have_one_skeleton(one: str, other: str) -> None:
    products = ("洗衣机", "冰箱", "a fridge", "some phone*")
    assert len(set(skeleton(one, other, products=products))) == 1


def test_questions_of_another_frame_have_another_skeleton() -> None:
    assert len(set(skeleton("怎么退货", "怎么换货", "能退货吗"))) == 3


def test_courtesy_is_off_and_a_question_of_blanks_alone_stays_itself() -> None:
    assert skeleton("请问怎么退货", framing="请问") == ["怎么退货"]
    assert skeleton("[订单号]", "13 45") == ["[订单号]", "13 45"]


def test_product_words_are_words(packs: Packs) -> None:
    assert skeleton("I read a book", "I booked it", products=("book*",)) == ["i read a □", "i □ it"]
    assert skeleton("I booked it", products=("book",)) == ["i booked it"]


def measured(*rows: tuple[str, str, str], types: int = 4) -> Diversity:
    return diversity(pl.DataFrame(rows, schema=["query_type", "skeleton", "answer"], orient="row"), types)


def test_equally_many_of_every_type_is_an_evenness_of_1() -> None:
    found = measured(*((t, f"q{t}", f"answer {t}") for t in "abcd"))
    assert (found.evenness, found.effective_types) == (1.0, 4.0)


def test_three_of_one_and_one_of_another_has_the_entropy_of_that() -> None:
    found = measured(("a", "x", "p"), ("a", "y", "p"), ("a", "z", "p"), ("b", "w", "p"))
    assert found.evenness == pytest.approx(0.4056, abs=1e-4)  # (0.75 ln 4/3 + 0.25 ln 4) / ln 4
    assert found.effective_types == pytest.approx(1.75, abs=0.01)


def test_an_answer_opens_with_its_first_six_characters_marks_and_spaces_aside() -> None:
    answers = [
        "您好，请稍等一下。",
        "……！！！ 。。。。。。。。。。。。 好的，马上为您查询",
        "ok!",
        "— — —" * 9,
        "",
        "a b c d e f g",
    ]
    opens = pl.DataFrame({"answer": answers}).select(module.opening()).to_series().to_list()
    assert opens == ["您好请稍等一", "好的马上为您", "ok", "", "", "abcdef"]


def test_questions_of_one_skeleton_and_answers_of_one_opening_count_once() -> None:
    found = measured(("a", "s", "甲乙丙丁戊己一"), ("a", "s", "甲乙丙丁戊己二"), ("a", "t", "别的开头是这样"))
    assert (found.distinct_questions, found.distinct_openings) == (round(2 / 3, 4), round(2 / 3, 4))


def test_a_hundred_times_the_same_log_is_as_varied_as_the_log() -> None:
    rows = [("a", f"q{n}", f"甲乙丙丁戊{'一二三四'[n % 4]}") for n in range(200)]
    once, often = measured(*rows), measured(*rows * 100)
    assert (once.distinct_questions, once.distinct_openings) == (1.0, 0.04)  # four openings among a hundred answers
    assert often.distinct_openings == 0.04
    assert often.distinct_questions == pytest.approx(0.788, abs=0.003)  # 200 (1 - 0.995^100) / 100, nearly


def test_kinds_expected_among_a_few_are_those_of_all_choices() -> None:
    kinds = [1, 1, 3, 4]
    members = [kind for kind, n in enumerate(kinds) for _ in range(n)]
    drawn = [len({members[place] for place in places}) for places in combinations(range(9), 4)]
    assert rarefied(pl.Series("count", kinds), 4) == pytest.approx(sum(drawn) / len(drawn) / 4)


def test_nothing_to_measure_is_none_not_nought() -> None:
    nothing = pl.DataFrame(schema=dict.fromkeys(["id", "query_type", "skeleton", "question", "answer"], pl.String))
    assert diversity(nothing, 4) == Diversity(None, None, None, None)
    assert measured(("a", "q", "a"), types=1).evenness is None
    empty = scores(nothing, ["a"], Dedup(), compared=0, seed=1)
    assert (empty.type_coverage, empty.skeletons, empty.nearest) == (None, 0, None)


def side(*rows: tuple[str, str, str], compared: int = 100) -> module.Scores:
    frame = pl.DataFrame(rows, schema=["query_type", "skeleton", "question"], orient="row").with_row_index("n")
    return scores(frame.with_columns(id=pl.format("{}", "n")), ["a", "b", "c"], Dedup(), compared=compared, seed=1)


def test_coverage_counts_types_that_have_an_example_and_other_is_none() -> None:
    assert side(("a", "s", "q"), ("other", "t", "r")).type_coverage == round(1 / 3, 4)


def test_common_skeletons_hold_their_share_and_effective_ones_are_fewer() -> None:
    rows = [("a", "s", f"question {i}") for i in range(30)] + [("a", f"t{i}", f"other {i}") for i in range(30)]
    found = side(*rows)
    assert found.skeletons == 31
    assert found.common_skeletons == round(39 / 60, 4)  # s and nine others
    assert found.effective_skeletons == pytest.approx((1 / 0.5) ** 0.5 * 60**0.5, rel=1e-3)  # exp(½ ln 2 + ½ ln 60)


def test_distinct_n_counts_words_in_english_and_characters_in_chinese_and_stays_in_its_text() -> None:
    found = side(("a", "s", "The cat, the DOG"), ("a", "t", "cat"))
    assert (found.distinct_1, found.distinct_2, found.distinct_3) == (0.6, 1.0, 1.0)  # the cat the dog · cat
    han = side(("a", "s", "退款退款"))
    assert (han.distinct_1, han.distinct_2, han.distinct_3) == (0.5, round(2 / 3, 4), 1.0)


def test_the_nearest_is_1_among_copies_and_near_0_among_strangers() -> None:
    copies = side(("a", "s", "我的快递什么时候能到啊"), ("a", "t", "我的快递什么时候能到啊？"))
    assert copies.nearest == 1.0
    strangers = side(("a", "s", "how do i return these shoes"), ("a", "t", "发票抬头能改吗"), ("a", "u", "quick zebra"))
    assert strangers.nearest is not None
    assert strangers.nearest < 0.1
    assert side(("a", "s", "alone")).nearest is None


def test_the_nearest_is_found_in_a_crowd_and_is_about_its_jaccard_similarity() -> None:
    words = [f"{a}{b}" for a in "abcdefghij" for b in "klmnopqrst"]
    crowd = [("a", "s", f"{words[i % 100]} {words[(7 * i) % 100]} asks {i * 7919}") for i in range(300)]
    twins = [("a", "s", f"please send {words[i]} parcel {i} to the other side of town") for i in range(50)]
    pairs = [row for twin in twins for row in (twin, (*twin[:2], twin[2] + " today"))]
    alone = side(*crowd, compared=1000).nearest
    beside = side(*crowd, *pairs, compared=1000).nearest
    assert alone is not None
    assert beside is not None
    assert beside > alone + 0.05


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("permutations", "bands", "rows"), [(12, 3, 4), (128, 25, 5), (264, 25, 5)])
def test_neighbours_in_every_order_are_compared_as_a_plain_loop_does(
    permutations: int, bands: int, rows: int, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels = fast._compiled() if compiled else None
    if compiled and not kernels:
        pytest.skip("the extra fast is not here")
    monkeypatch.setattr(module, "accelerator", lambda _texts: kernels)
    random = Random(7)
    texts = ["".join(random.choices("退款运费吗呢", k=random.randint(0, 9))) for _ in range(110)]
    texts += random.choices(["运费退款", "运费退款吗", "运费退呢"], k=40)  # many stand together in every order
    settings = Dedup(permutations=permutations, bands=bands, rows=rows)
    signed = signatures(texts, settings, seed=3).tolist()
    masks = [[True] * 150, [place % 3 > 0 for place in range(150)]]
    width = max(1, permutations // 32)
    told = []
    for mask in masks:
        best = [0] * 150
        for start in range(0, width * min(32, permutations), width):
            key = [(row + row[: 4 * width])[start:][: min(4 * width, permutations)] for row in signed]
            order = [place for place in sorted(range(150), key=key.__getitem__) if mask[place]]
            for one, other in pairwise(order):
                same = sum(a == b for a, b in zip(signed[one], signed[other], strict=True))
                best[one], best[other] = max(best[one], same), max(best[other], same)
        told.append(round(sum(compress(best, mask)) / permutations / sum(mask), 4))
    assert _nearest(pl.Series(texts), [pl.Series(mask) for mask in masks], settings, 3) == pytest.approx(told, abs=1e-4)


def test_wording_is_measured_on_the_first_texts_in_the_order_of_ids() -> None:
    assert side(("a", "s", "x y"), ("a", "t", "x x x x"), compared=1).distinct_1 == 1.0


def test_templates_are_the_most_frequent_skeletons_with_what_is_left_of_them() -> None:
    before = pl.DataFrame({"skeleton": ["s", "s", "s", "t", "t", "u"]})
    assert templates(before, pl.DataFrame({"skeleton": ["s", "u"]})) == [("s", 3, 1), ("t", 2, 0)]


@pytest.mark.parametrize("permutations", [128, 20])  # 20 columns stand in 24 bytes
def test_compiled_and_plain_kernels_measure_the_same_nearness(
    permutations: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (kernels := fast._compiled()):
        pytest.skip("the extra fast is not here")
    draw = Random(5)
    texts = pl.Series(["".join(draw.choices("abcdef ", k=draw.randint(5, 40))) for _ in range(300)])
    sides = [pl.Series([True] * 300), pl.Series([place % 3 == 0 for place in range(300)])]
    made = Dedup(permutations=permutations, bands=4, rows=5)
    found = []
    for mine in (None, kernels):
        monkeypatch.setattr(module, "accelerator", lambda _texts, mine=mine: mine)
        found.append(_nearest(texts, sides, made, 3))
    assert found[0] == found[1]
    assert all(0.01 < (near or 0) < 0.9 for near in found[0])


def test_compiled_kernels_count_the_same_ngrams(monkeypatch: pytest.MonkeyPatch) -> None:
    if not (kernels := fast._compiled()):
        pytest.skip("the extra fast is not here")
    draw = Random(4)
    words = [
        "Refund",
        "refund",
        "café",
        "CAFÉ",
        "x1",
        "退款",
        "退",
        "款退",
        " ",
        ", ",
        "。",
        "_",
        "ｑ",
        "Ⅷ",
        "𠀀",
        "ß",
        "e\u0301",
    ]
    texts = pl.Series(["".join(draw.choices(words, k=draw.randint(0, 12))) for _ in range(400)])
    sides = [pl.Series([place % 4 != 1 for place in range(400)]), pl.Series([place % 3 > 0 for place in range(400)])]
    told = [{}, {}]  # by side and length: the n-grams, as a plain loop finds them
    for text, *on in zip(texts, *sides, strict=True):
        tokens = re.findall(r"[\u4e00-\u9fff𠀀]|[^\W_\u4e00-\u9fff𠀀]+", text.lower())
        for n in (1, 2, 3):
            for side in compress(told, on):
                side.setdefault(n, []).extend(zip(*(tokens[place:] for place in range(n)), strict=False))
    expected = [[round(len({*grams}) / len(grams), 4) for _, grams in sorted(side.items())] for side in told]
    for mine in (None, kernels):
        for where in (module, letters):
            monkeypatch.setattr(where, "accelerator", lambda _texts, mine=mine: mine)
        assert list(_distinct(texts, sides)) == expected
        odd = pl.Series(["ΣΟΦΟΣ Σ", "σοφος σ", "İi", "i\u0307i"])  # what is small goes by its place, or is two
        assert list(_distinct(odd, [pl.Series([True] * 4)])) == [[0.375, 0.5, None]]
