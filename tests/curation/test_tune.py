"""A threshold is suggested from people's decisions, with its numbers and its price, and nothing is changed."""

import json

import polars as pl
import pytest
import yaml

from curation import decisions, packs, pipeline, runfolder, tune
from curation.decisions import Event
from curation.errors import UsageError
from curation.recipe import Recipe
from tests.curation.test_cli import refused, siftune

RULE = "zh/short-answer"  # drops answers of fewer than `least` characters
RECIPE = Recipe.model_validate({"rules": {RULE: {"params": {"least": 6}}}})
ANSWERS = ["支持", "支持的", "支持的哦", "可以预约哦"]  # 2, 3, 4 and 5: people would keep those of 4 and 5


@pytest.fixture(scope="module")
def short_answers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tune")
    rows = ["会话ID,时间,发送方,内容"]
    for number in range(40):
        rows += [
            f"T{number},9:00,客户,型号为K{number}的电饭煲支持定时预约煮饭吗？",
            f"T{number},9:01,客服,{ANSWERS[number % 4]}",
        ]
    (folder / "t.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    loaded = packs.load(RECIPE.packs, RECIPE.rules)
    made = pipeline.curate([folder / "t.csv"], RECIPE, loaded, progress=lambda _stage, _what: None)
    runfolder.write(made, RECIPE, loaded, folder / "run", argv=[])
    return folder / "run"


def decided(run, most=99, *, right=(2, 3), wrong=(4, 5)):
    """Return decisions on what the rule dropped: `drop` where the answer is as long as `right` says, else `keep`."""
    fell = pl.read_parquet(run / "examples.parquet").filter(pl.col("rules").list.contains(RULE))
    events = []
    for number, row in enumerate(fell.head(most).iter_rows(named=True)):
        length = len(row["turns"][1]["text"])
        assert length in {*right, *wrong}
        events.append(
            Event(
                event=f"{number:032x}",
                time=f"2026-11-24T10:00:00.{number:06d}Z",
                reviewer="mei",
                item=row["id"],
                kind="example",
                conversation=row["conversation"],
                content=row["content"],
                decision="drop" if length in right else "keep",
                strata=[f"rule:{RULE}"],
            )
        )
    return events


def test_the_value_that_people_would_draw_is_found_with_its_price(short_answers) -> None:
    found = tune.tune(short_answers, RECIPE, RULE, decided(short_answers))
    assert (found.now.right, found.now.n, found.now.dropped) == (20, 40, 40)
    assert (found.best.param, found.best.value) == ("least", 4)  # from 4 characters on they stay
    assert (found.best.right, found.best.n, found.best.dropped) == (20, 20, 20)
    assert [trial.value for trial in found.trials] == [3, 4, 5]
    text = tune.patch(RULE, "run", found)
    assert yaml.safe_load(text) == {"rules": {RULE: {"params": {"least": 4}}}}
    assert "gives up 0 of 20 drops that people confirmed, and mends 20 of 20 wrong ones" in text
    Recipe.model_validate(yaml.safe_load(text))


def test_without_a_value_that_passes_the_nearest_is_named_as_what_it_is(short_answers) -> None:
    found = tune.tune(short_answers, RECIPE, RULE, decided(short_answers, 12))
    assert found.best.low < found.gate
    assert any("no value reaches the gate of 85%" in line for line in tune.told(RULE, found))


def test_a_rule_that_is_right_is_left_alone(short_answers) -> None:
    found = tune.tune(short_answers, RECIPE, RULE, decided(short_answers, right=(2, 3, 4, 5), wrong=()))
    assert found.best is None
    assert tune.told(RULE, found)[-1] == "it reaches the gate of 85% as it is: nothing to change"


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("zh/short-answr", "did you mean 'zh/short-answer'"),
        (RULE, "nobody has decided"),
        ("zh/handed-over", "no number to tune"),
    ],
)
def test_where_there_is_nothing_to_tune_it_says_why(short_answers, rule, fault) -> None:
    with pytest.raises(UsageError, match=fault):
        tune.tune(short_answers, RECIPE, rule, [])


def test_on_the_command_line_nothing_is_changed(short_answers, tmp_path) -> None:
    (short_answers / "decisions.jsonl").write_text(decisions.lines(decided(short_answers)))
    before = {path.name: path.read_bytes() for path in short_answers.iterdir()}
    done = siftune("rules", "tune", RULE, short_answers, "-o", tmp_path / "tuned.yaml")
    assert done.returncode == 0, done.stderr
    assert "least 4: 20 of 20 right, 100.0% (95 % interval 100.0% to 100.0%), 20 dropped <- suggested" in done.stdout
    assert yaml.safe_load((tmp_path / "tuned.yaml").read_text())["rules"][RULE] == {"params": {"least": 4}}
    assert json.loads(siftune("rules", "tune", RULE, short_answers, "--json").stdout)["best"]["value"] == 4
    assert before == {path.name: path.read_bytes() for path in short_answers.iterdir()}
    assert "not a run folder" in refused(siftune("rules", "tune", RULE, tmp_path), 3)
