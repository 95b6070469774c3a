"""Whose words they are: common words, longer names with a known word in them, and the recipe's own."""

import pytest

from curation.roles import WORDS, Roles


def of(word: str, **given: list[str]) -> tuple[str, bool] | None:
    return Roles(given).of(word)


@pytest.mark.parametrize(
    ("word", "role"),
    [
        ("客户", "user"), ("买家", "user"), ("Visitor", "user"), (" CUSTOMER ", "user"), ("end-user", "user"),
        ("客服", "assistant"), ("商家", "assistant"), ("operator", "assistant"), ("Agent", "assistant"),
        ("系统", "system"), ("system", "system"),
        ("agent 小王", "assistant"), ("客服-小艾", "assistant"), ("客服小王", "assistant"), ("人工客服01", "assistant"),
        ("Customer Support", "assistant"), ("Visitor 38291", "user"), ("client1", "user"), ("买家tb_8812", "user"),
        ("Agent (Human)", "assistant"), ("系统提醒", "system"),
        ("用户→商家", "user"), ("商家 -> 用户", "assistant"), ("顧客", "user"), ("專員", "assistant"),
    ],
)  # fmt: skip
def test_words_in_both_languages_and_names_with_such_a_word_in_them(word: str, role: str) -> None:
    assert of(word) == (role, False)


@pytest.mark.parametrize("word", ["bot", "机器人", "Support Bot", "机器人小蜜", "智能客服-小艾", "chatbot 2"])
def test_a_bot_is_an_assistant_that_is_marked(word: str) -> None:
    assert of(word) == ("assistant", True)


@pytest.mark.parametrize("word", ["", "巫师", "w1zeman", "supportive", "robotics fan", "agentsmith", "阿里巴巴"])
def test_other_words_are_nobody_s(word: str) -> None:
    assert of(word) is None


def test_the_recipe_s_words_come_first_then_its_globs_and_its_star_last() -> None:
    given = {"assistant": ["Bot ", "op-*"], "user": ["*"], "bot": ["op-auto"]}
    assert of("bot", **given) == ("assistant", False)
    assert of("OP-77", **given) == ("assistant", False)
    assert of("op-auto", **given) == ("assistant", True)
    assert of("客服", **given) == ("assistant", False)
    assert of("anybody", **given) == ("user", False)
    assert of("robot", **given) == ("assistant", True)


def test_a_glob_of_the_recipe_wins_over_a_common_word() -> None:
    assert of("user-17", assistant=["user-*"]) == ("assistant", False)


def test_no_word_means_two_roles() -> None:
    words = [word for known in WORDS.values() for word in known]
    assert len(words) == len(set(words))
    assert words == [word.casefold().strip() for word in words]
