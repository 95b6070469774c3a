"""Canned lines by counting: a map over shards of whole conversations, added up, gives what one pass gives."""

import polars as pl

from curation import packs, tables
from curation.judge import asked, context, judge, lines


def log(conversations: int) -> pl.DataFrame:
    """Every conversation: a greeting and a slogan; a question with its frequent answer; thanks and the slogan."""
    said = [
        ("user", "你好"), ("assistant", "小店与您同行每一天~"),
        ("user", "请问退款一般多久能到账呢"), ("assistant", "审核后三天内原路退回"),
        ("user", "谢谢"), ("assistant", "小店与您同行每一天！"),
    ]  # fmt: skip
    rows = [
        {"conversation": f"c{n}", "message": i, "role": role, "raw": text, "text": text, "record": False}
        for n in range(conversations)
        for i, (role, text) in enumerate(said)
    ]
    return pl.DataFrame(rows, schema={name: tables.MESSAGES[name] for name in rows[0]})


def test_a_line_is_counted_whatever_its_marks_and_how_often_it_answers():
    found = lines(asked(log(7))).filter(pl.col("role") == "assistant")
    slogan, answer = pl.Series(["小店与您同行每一天", "审核后三天内原路退回"]).hash(seed=0)
    assert set(found.select("line", "conversations", "answering").rows()) == {(slogan, 7, 0), (answer, 7, 7)}


def test_counts_of_shards_add_up_to_the_counts_of_the_whole():
    whole = asked(log(7))
    parts = [
        lines(whole.filter(pl.col("conversation").is_in(ids)))
        for ids in (["c0", "c1"], ["c2"], ["c3", "c4", "c5", "c6"])
    ]
    added = pl.concat(parts).group_by("role", "line").sum().sort("role", "line")
    assert added.equals(lines(whole).sort("role", "line").select(added.columns))


def test_what_agents_say_though_nobody_asked_is_canned_and_a_frequent_answer_is_not():
    rules = [rule for rule in packs.load(["common"]).rules if rule.name == "common/canned-by-count"]
    found = judge(context(log(7)), rules, on="message")
    assert found["message"].unique().sort().to_list() == [1, 5]
    assert judge(context(log(3)), rules, on="message").is_empty()
