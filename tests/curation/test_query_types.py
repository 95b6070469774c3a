"""Query types: phrases, strengths, when nobody is sure, and which packs fit."""

from pathlib import Path
from random import Random

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import fast, query_types
from curation.checks import letters
from curation.errors import PackError
from curation.query_types import Names, TypePack, Typer, TypesText, TypeText, best, coverage

SHIPPED = {name: query_types.load(name) for name in query_types.shipped_names()}


def pack(name: str = "p", *, least: float = 2, margin: float = 1, **types: dict[str, list[str]]) -> TypePack:
    text = {
        key: TypeText(name=Names(zh=key, en=key), fires=["x", "y"], silent=["z"], **phrases)
        for key, phrases in types.items()
    }
    return TypePack(name, "0" * 64, TypesText(about="x", least=least, margin=margin, types=text))


def types_of(*texts: str, packs: list[TypePack]) -> list[str]:
    return Typer(packs).assign(pl.Series(texts, dtype=pl.String), [p.name for p in packs]).to_list()


# --- the shipped packs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHIPPED)
def test_every_question_of_a_shipped_type_is_of_that_type_or_not_as_it_says(name: str) -> None:
    assert [trial for trial in query_types.trials(SHIPPED[name]) if trial[2]] == []


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_pack_has_twenty_types_with_questions_and_phrases_in_both_languages(name: str) -> None:
    types = SHIPPED[name].text.types
    assert len(types) >= 20
    for short, written in types.items():
        for texts in (written.fires, written.sure):
            han = [any("\u4e00" <= char <= "\u9fff" for char in text) for text in texts]
            assert any(han), short
            assert not all(han), short


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_two_shipped_types_are_called_alike(language: str) -> None:
    called = [getattr(names, language) for pack in SHIPPED.values() for names in pack.names.values()]
    assert [one for one in called if called.count(one) > 1] == []


def test_what_a_trial_tells_is_what_does_not_hold() -> None:
    written = pack(a={"sure": ["red"]}, b={"sure": ["blue"]})
    types = {
        "a": written.text.types["a"].model_copy(update={"fires": ["red", "blue"], "silent": ["blue", "a red one"]}),
        "b": written.text.types["b"].model_copy(update={"fires": ["blue"], "silent": ["red"]}),
    }
    found = query_types.trials(TypePack("p", "", written.text.model_copy(update={"types": types})))
    assert [fault for *_, fault in found] == ["", "is p/b", "", "is of this type but must not be", "", ""]


# --- phrases -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phrase", "fits", "not_fit"),
    [
        ("pin", "Change my PIN, please", "I am shopping"),
        ("refund*", "refunded?", "prefund"),
        ("card+lost", "I lost that card", "I lost my keys"),
        ("not arrived", "it has not  arrived!", "not yet arrived"),
        ("doesn't work", "it doesn’t work", "it does not work"),
        ("dont know", "I don't know", "I know"),
        ("退款", "我要退款呀", "我要退货款"),
        ("wifi密码", "我的WiFi密码忘了", "wifi的密码"),
        ("卡+丢", "丢了一张卡", "丢了手机"),
        (r"/^ ?hi ?$/", "Hi!", "hi there"),
        ("订单", "订单呢", "[订单号]呢"),
    ],
)
def test_a_phrase_fits_as_its_form_says(phrase: str, fits: str, not_fit: str) -> None:
    packs = [pack(a={"sure": [phrase]})]
    assert types_of(fits, not_fit, packs=packs) == ["p/a", "other"]


def test_a_strength_counts_once_and_the_strengths_add_up() -> None:
    one = pack(a={"sure": ["s", "ss"], "likely": ["l"], "hint": ["h"], "against": ["n"]})
    scored = Typer([one]).scores(pl.Series(["s", "s ss", "l", "h", "s l h", "s n", "x"]))
    assert scored[:, 0].tolist() == [3, 3, 2, 1, 6, 1, 0]


def test_too_little_and_too_near_a_second_are_other() -> None:
    packs = [pack(a={"sure": ["red"], "hint": ["pale"]}, b={"likely": ["blue"], "sure": ["navy"]})]
    found = types_of("pale", "red blue", "red navy", "red pale navy", "blue", packs=packs)
    assert found == ["other", "p/a", "other", "p/a", "p/b"]
    wide = [pack(margin=2, a={"sure": ["red"]}, b={"likely": ["blue"]})]
    assert types_of("red blue", packs=wide) == ["other"]


def test_between_packs_the_better_score_wins_and_a_tie_goes_to_the_first() -> None:
    one, other = pack("one", a={"likely": ["x"]}), pack("other", b={"sure": ["x y"], "likely": ["x"]})
    assert types_of("x", "x y", packs=[one, other]) == ["one/a", "other/b"]
    assert types_of("x", packs=[other, one]) == ["other/b"]


WORDS = st.lists(st.sampled_from(["red", "blue", "pale", "navy", "退款", "发票", "x"]), max_size=5).map(" ".join)


@given(st.lists(WORDS, min_size=1, max_size=12), st.integers(1, 11))
@settings(max_examples=60, deadline=None)
def test_types_do_not_depend_on_what_stands_beside_a_text(texts: list[str], cut: int) -> None:
    packs = [
        pack(a={"sure": ["red", "退款"]}, b={"likely": ["blue"], "against": ["pale"]}),
        pack("q", c={"sure": ["x"]}),
    ]
    assert types_of(*texts, packs=packs) == types_of(*texts[:cut], packs=packs) + types_of(*texts[cut:], packs=packs)


def test_no_text_is_no_problem() -> None:
    assert types_of(packs=[pack(a={"sure": ["x"]})]) == []
    assert types_of("", packs=[pack(a={"sure": ["x"]})]) == ["other"]


# --- which packs fit ---------------------------------------------------------------------------------------------


def test_best_takes_the_domains_that_explain_enough_alone_and_always_general() -> None:
    packs = [pack("bank", a={"sure": ["card"]}), pack("shop", b={"sure": ["parcel", "card"]}),
             pack("general", c={"sure": ["hello"]})]  # fmt: skip
    typer = Typer(packs)

    def chosen(**texts: int) -> list[str]:
        return best(typer, coverage(typer.claims(pl.Series([t for text, n in texts.items() for t in [text] * n]))))

    assert chosen(card=50, parcel=1) == ["shop", "general"]
    assert chosen(parcel=100) == ["shop", "general"]
    assert chosen(card=50) == ["bank", "general"]  # both explain all: the first name
    assert chosen(hello=9) == ["bank", "general"]


def test_best_takes_a_second_domain_from_a_twentieth_of_the_questions_on() -> None:
    packs = [pack("bank", a={"sure": ["card"]}), pack("shop", b={"sure": ["parcel"]})]
    typer = Typer(packs)
    for cards, expected in ((5, ["shop", "bank"]), (4, ["shop"])):
        assert best(typer, coverage(typer.claims(pl.Series(["parcel"] * (100 - cards) + ["card"] * cards)))) == expected


TRADES = {
    "health": [
        "抽血前能喝水吗",
        "想改一下周五看牙的预约",
        "宝宝的疫苗推迟两周要紧吗",
        "报告单在哪儿打印",
        "降压药吃完了怎么续方",
        "can I see a doctor today",
        "does my insurance cover the visit",
        "I need a sick note",
        "are there side effects",
    ],
    "legal": [
        "公司把我辞退了有补偿吗",
        "房东不退押金怎么办",
        "法院传票收到了怎么办",
        "没留遗嘱房子怎么继承",
        "怎么申请强制执行",
        "can I sue my landlord",
        "who gets custody of our son",
        "how much does a lawyer cost",
        "is a verbal agreement binding",
    ],
    "ecommerce": [
        "什么时候发货",
        "退货运费谁出",
        "这件衣服掉色吗",
        "发票怎么开",
        "优惠券用不了",
        "where is my parcel",
        "can I return the shoes",
        "is the sofa in stock",
        "my order arrived broken",
    ],
    "telecom": [
        "宽带掉线怎么办",
        "流量用完了怎么收费",
        "怎么改套餐",
        "携号转网要几天",
        "国际漫游怎么开",
        "my broadband is down",
        "how much data is left",
        "can I keep my number",
        "roaming in Spain",
    ],
}


@pytest.mark.parametrize("trade", TRADES)
def test_the_questions_of_a_trade_choose_its_pack_and_none_of_another(trade: str) -> None:
    typer = Typer(list(SHIPPED.values()))
    assert best(typer, coverage(typer.claims(pl.Series(TRADES[trade] * 3))))[0] == trade
    most = [text for text in TRADES[trade] for pack in ("health", "legal") if pack != trade
            if typer.assign(pl.Series([text]), [pack])[0] != "other"]  # fmt: skip
    assert most == []


# --- packs of one's own ------------------------------------------------------------------------------------------

OWN = {
    "about": "x",
    "types": {"a": {"name": {"zh": "甲", "en": "A"}, "sure": ["x"], "fires": ["x", "x x"], "silent": ["y"]}},
}


def own(tmp_path: Path, **changes: object) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**OWN, **changes}, allow_unicode=True), encoding="utf-8")
    return str(path)


def test_a_pack_of_ones_own_is_named_like_its_file(tmp_path: Path) -> None:
    (loaded,) = query_types.load_all([own(tmp_path)])
    assert list(loaded.names) == ["mine/a"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"types": {"a/b": OWN["types"]["a"]}}, "choose a name without '/'"),  # type: ignore[index]
        ({"types": {"a": {**OWN["types"]["a"], "sure": ["!!"]}}}, "has a part without letter or digit"),  # type: ignore[index]
        ({"types": {"a": {**OWN["types"]["a"], "sure": ["/(/"]}}}, "not a regular expression"),  # type: ignore[index]
        ({"colour": 1}, "there is no setting 'colour'"),
    ],
)
def test_a_fault_in_a_pack_is_one_line_with_file_and_place(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(PackError, match=r"mine\.yaml") as fault:
        query_types.load(own(tmp_path, **changes))
    assert said in str(fault.value)
    assert "\n" not in str(fault.value)


def test_an_unknown_pack_and_the_same_pack_twice_are_told() -> None:
    with pytest.raises(PackError, match="did you mean 'banking'"):
        query_types.load("bankng")
    with pytest.raises(PackError, match="two packs have this name"):
        query_types.load_all(["banking", "banking"])


# --- compiled kernels --------------------------------------------------------------------------------------------

PARTS = [
    "退款", "退款多久", "到账", "money back", "refund", "refunds", "Don't", "don’t", "你好", "HI", "a", "b", "客服",
    "é", "🙂", "İ", "ΑΣ", "\u212a", "Ⅷ", "\ua7d2", "\U00016ff0", "⺀", "\u0301", "[", "]", "[订单号]", "[a 12]",
    f"[{'a' * 25}]", "ß", "_", "，", "\n", "\x00", " ", "9", "０", "\U00020000",
]  # fmt: skip


@pytest.mark.usefixtures("unloaded_kernels")
def test_kernels_claim_what_polars_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = fast._compiled()
    if compiled is None:
        pytest.skip("without the extra fast")
    own = pack("own", least=0, margin=0, one={"sure": ["b", "é", "k"], "against": ["refund"]})
    odd = pack("odd", least=-3, a={"sure": ["/^ (hi )+$/", "a+b+退款"]}, b={"hint": ["a*"], "against": ["a b", "客服"]})
    draw = Random(5)
    phrases = [p for one in SHIPPED.values() for t in one.text.types.values() for p in (*t.sure, *t.fires)]
    words = PARTS + draw.sample(phrases, 80)
    texts = ["".join(draw.choices([*words, " "], k=draw.randint(0, 7))) for _ in range(4000)]
    for typer in (Typer([*SHIPPED.values(), odd]), Typer([own, odd]), Typer([pack("p", a={"sure": ["/x/"]})])):
        told = []
        for one in (compiled, None):
            monkeypatch.setattr(letters, "accelerator", lambda _texts, one=one: one)
            told.append(typer.claims(pl.Series(texts, dtype=pl.String)))
        assert told[0].equals(told[1])
        assert told[0].schema == told[1].schema
    monkeypatch.setattr(letters, "accelerator", lambda _texts: compiled)
    made = letters.normal(pl.Series(["退款App，Don't[单 1]"]))
    assert made is not None
    assert made[1][0][0].tobytes().decode() == " 退款 app dont \n"
