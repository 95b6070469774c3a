"""Script tells most languages, on short texts too; a detector is asked about longer Latin texts only."""

import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import detect
from curation import packs as packs_module
from curation.checks.language import language, languages_differ, script
from curation.checks.registry import answers
from curation.recipe import Recipe, RuleChange

SCRIPTS = [
    ("好", "zh"), ("iPhone 15 Pro Max怎么退货", "zh"), ("退款多久到账？", "zh"), ("返品したいです", "ja"), ("配送はいつですか", "ja"), ("カード", "ja"),
    ("환불해 주세요", "ko"), ("Где мой заказ?", "ru"), ("أين طلبي", "ar"), ("สั่งซื้อ", "th"), ("मेरा ऑर्डर कहाँ है", "hi"), ("Πού είναι", "el"), ("איפה ההזמנה", "he"),
    ("ok", "latin"), ("¿Dónde está mi pedido?", "latin"), ("Wo ist mein Päckchen?", "latin"), ("đơn hàng", "latin"),
    ("", "other"), ("123 ?!", "other"), ("😊👍", "other"), ("[订单x] please check my order again", "latin"),
]  # fmt: skip

LATIN = [
    ("Could you tell me when the engineer is coming to my house please?", "en"),
    ("¿Puede decirme por favor cuándo llega el técnico a mi casa?", "es"),
    ("Pourriez-vous me dire quand le technicien passera chez moi ?", "fr"),
    ("Können Sie mir bitte sagen, wann der Techniker zu mir nach Hause kommt?", "de"),
    ("Bạn có thể cho tôi biết khi nào kỹ thuật viên sẽ đến nhà tôi không?", "vi"),
    ("Bisakah Anda memberi tahu saya kapan teknisi akan datang ke rumah saya?", "id"),
]


@pytest.mark.parametrize(("text", "expected"), SCRIPTS)
def test_the_script_is_told_whatever_the_length(text: str, expected: str) -> None:
    assert pl.DataFrame({"t": [text]}).select(told=script(pl.col("t")))["told"].to_list() == [expected]


@pytest.mark.parametrize("name", detect.DETECTORS)
@pytest.mark.parametrize(("text", "expected"), LATIN)
def test_longer_latin_texts_are_told_apart_and_the_same_every_time(name: str, text: str, expected: str) -> None:
    told = {detect.detector(name)(text) for _ in range(5)}
    assert len(told) == 1
    ((tongue, sure),) = told
    assert tongue == expected
    assert sure > 0.9


def test_an_unknown_detector_is_refused() -> None:
    with pytest.raises(ValueError, match="langdetect and py3langid"):
        detect.detector("fasttext")


@given(st.lists(st.none() | st.text("中文aé' ,，я1", max_size=40), max_size=6))
def test_a_text_is_chinese_where_han_characters_outnumber_latin_words(texts: list[str | None]) -> None:
    han = [len(re.findall("[中文]", text or "")) for text in texts]
    latin = [len(re.findall("[aé]+(?:'a+)?", text or "")) for text in texts]
    expected = ["other" if h == w == 0 else "zh" if h >= w else "en" for h, w in zip(han, latin, strict=True)]
    told = pl.DataFrame({"t": texts}, schema={"t": pl.String}).select(told=language(pl.col("t")))
    assert told["told"].to_list() == expected


@pytest.mark.parametrize("name", detect.DETECTORS)
def test_the_recipe_says_who_is_asked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = detect.detector
    monkeypatch.setattr(detect, "detector", lambda name: asked.append(name) or real(name))
    recipe = Recipe.model_validate({"packs": ["languages"], "language": {"detector": name}})
    packs_module.load(recipe.packs, detector=recipe.language.detector)
    assert set(asked) == {name}
    asked.clear()
    packs_module.load(
        ["languages"], {"languages/foreign-language": RuleChange(params={"detector": "langdetect"})}, detector=name
    )
    assert "langdetect" in asked


def test_two_languages_are_told_as_before() -> None:
    texts = ["退款多久", "where is it", "iPhone 15怎么退", "123", "déjà vu"]
    assert pl.DataFrame({"t": texts}).select(told=language(pl.col("t")))["told"].to_list() == [
        "zh",
        "en",
        "zh",
        "other",
        "en",
    ]


@pytest.mark.parametrize(
    ("question", "answer", "differs"),
    [
        ("请问怎么取消自动续费？", "Please cancel it in the app.", True),  # plainly one script each
        ("iPhone怎么取消自动续费的套餐？", "Please cancel it in the app.", True),  # one of them must be counted
        ("iPhone怎么取消套餐？", "打开 App Store 点击订阅，然后取消", False),  # both
        ("1234？", "Please cancel it in the app.", False),  # no letters
        ("请问怎么取消？", "OK, App Store", False),  # too few letters to tell
        ("キャンセルの方法を教えてください", "请在应用里点击取消订阅然后确认", True),
        (None, "Please cancel it in the app.", False),
    ],
)
def test_question_and_answer_in_different_scripts_are_found(question: str, answer: str, *, differs: bool) -> None:
    frame = pl.DataFrame(
        {"question": [question], "answer": [answer]}, schema={"question": pl.String, "answer": pl.String}
    )
    (found,) = answers(frame, {"it": languages_differ()})["it"]
    assert found == (answer[:40] if differs else None)


BESIDE = [
    (
        "返品したいのですが配送料はいくらですか教えてください",
        "您可以在订单页面申请退货，运费由我们承担",
        True,
    ),  # kana make Japanese of it
    ("请问怎么取消自动续费的套餐？", "Please open the app and cancel the plan there.", True),
    ("怎么下载APP？", "在应用商店搜索 APP 名称下载，再用手机号登录。", False),
    ("Где мой заказ и когда он придёт?", "Your order is on its way to you.", True),
    ("“Where” is my order?", "It’s on its way to you, I’m glad to say.", False),
    ("12345", "Please open the app and cancel the plan there.", False),
    ("👍", "您可以在订单页面申请退货，运费由我们承担", False),
]


@pytest.mark.parametrize(("question", "answer", "differ"), BESIDE)
def test_scripts_differ_whatever_rows_stand_beside(question: str, answer: str, differ: bool) -> None:
    for more in ([], BESIDE):
        pairs = [(question, answer), *((asked, said) for asked, said, _ in more)]
        frame = pl.DataFrame(pairs, schema=["question", "answer"], orient="row")
        assert answers(frame, {"it": languages_differ()})["it"][0] == (answer[:40] if differ else None)
