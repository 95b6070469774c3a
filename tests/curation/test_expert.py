"""A domain expert's road: a rule in a YAML file of their own, no Python; tried, used, and explained."""

import json
from pathlib import Path

import jsonschema
import polars as pl
import pytest
import yaml

from curation import packs as packs_module
from curation import pipeline, runfolder
from curation.errors import PackError, SourceError, UsageError
from curation.explain import explain, lines
from curation.packs import Packs
from curation.pipeline import Curated
from curation.recipe import Recipe
from curation.resources import shipped
from curation.schemas import SCHEMAS
from curation.trial import Said, trials, tried, why_not

PACK = """\
# yaml-language-server: $schema=https://example.com/pack.schema.json
about: 我们店的套话
language: zh
rules:
  slogan:
    check: says
    params: {patterns: [空气炸锅]}
    role: user
    action: drop
    why: 这次不要空气炸锅的问题。
    fires: [{says: 空气炸锅坏了, evidence: 空气炸锅}]
    silent: [电饭煲坏了]
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(PACK, encoding="utf-8")
    return path


def test_a_pack_of_ones_own_is_tried_and_curates(own: Path, logs: list[Path]) -> None:
    recipe = Recipe(packs=[*Recipe().packs, str(own)])
    packs = packs_module.load(recipe.packs)
    assert [trial.fault for trial in trials(packs) if trial.rule == "shop/slogan"] == ["", ""]
    assert ("shop/slogan", "空气炸锅") in [(hit.rule, hit.evidence) for hit in tried(packs, Said("空气炸锅能退吗"))]
    done = pipeline.curate(logs, recipe, packs, progress=lambda *_: None)
    gone = done.messages.filter(pl.col("rules").list.contains("shop/slogan"))
    assert gone.height > 0
    assert gone["raw"].str.contains("空气炸锅").all()
    assert set(gone["fate"]) == {"dropped"}


@pytest.mark.parametrize(
    ("right", "wrong", "line", "fault"),
    [
        ("check: says", "check: sayz", 6, "did you mean 'says'?"),
        ("patterns:", "patern:", 7, "did you mean 'patterns'?"),
        ("action: drop", "action: remove", 9, "'drop'"),
        ("role: user", "rolle: user", 8, "did you mean 'role'?"),
        ("[空气炸锅]}", "['空气(炸锅']}", 7, "not a regular expression: unclosed group"),
        ("[空气炸锅]}", "[锅, '空气(炸锅']}", 7, "unclosed group in '空气(炸锅'"),
        ("slogan:", "my slogan!:", 5, "letters, digits"),
    ],
)
def test_a_typo_in_a_pack_is_told_with_its_line_and_a_cure(
    own: Path, right: str, wrong: str, line: int, fault: str
) -> None:
    own.write_text(PACK.replace(right, wrong), encoding="utf-8")
    with pytest.raises(PackError) as told:
        packs_module.load([str(own)])
    assert fault in str(told.value)
    assert f"{own}:{line}:" in str(told.value)


def test_a_wrong_pattern_of_a_cue_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("about: x\ncues:\n  question:\n    - 吗\n    - '(?<=a)b'\n", encoding="utf-8")
    with pytest.raises(PackError) as told:
        packs_module.load([str(path)])
    assert str(told.value).startswith(f"{path}:5: cue 'question': not a regular expression: look-around")


@pytest.mark.parametrize(
    "path", sorted(shipped("rules").glob("*/*.yaml")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_shipped_packs_hold_to_the_schema_that_editors_use_and_name_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    kind = "query-types" if path.parent.name == "query_types" else "pack"
    assert text.startswith(f"# yaml-language-server: $schema=../../schemas/{kind}.schema.json\n")
    jsonschema.validate(yaml.safe_load(text), SCHEMAS[kind](), cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("wrong", ["check: sayz", "params: {patern: [x]}", "action: remove"])
def test_the_schema_refuses_what_the_loader_refuses(wrong: str) -> None:
    data = yaml.safe_load(PACK)
    data["rules"]["slogan"].update(yaml.safe_load(wrong))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, SCHEMAS["pack"](), cls=jsonschema.Draft202012Validator)


def test_personal_data_words_hold_to_their_schema() -> None:
    text = (shipped("rules") / "personal_data.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../schemas/personal-data.schema.json\n")
    jsonschema.validate(yaml.safe_load(text), SCHEMAS["personal-data"](), cls=jsonschema.Draft202012Validator)


def test_a_dropped_message_says_which_rule_with_which_evidence_and_why(run: Path, curated: Curated) -> None:
    source = curated.messages.row(by_predicate=pl.col("raw") == "嗯嗯", named=True)["source"]
    (found,) = explain(run, source)["messages"]
    assert (found["text"], found["fate"]) == ("嗯嗯", "dropped")
    (hit,) = [finding for finding in found["findings"] if finding["rule"] == "zh/filler-only"]
    assert (hit["action"], hit["evidence"]) == ("drop", "嗯嗯")
    assert len(hit["why"]) > 10
    shown = "\n".join(lines(explain(run, source)))
    assert "fate: dropped" in shown
    assert "zh/filler-only (drop): [嗯嗯]" in shown


def test_an_example_says_its_verdict_its_turns_and_where_they_came_from(run: Path, curated: Curated) -> None:
    kept = curated.examples.filter(pl.col("verdict") == "keep").row(0, named=True)
    found = explain(run, kept["id"])
    assert (found["what"], found["verdict"]) == ("example", "keep")
    assert [turn["text"] for turn in found["turns"]] == [turn["text"] for turn in kept["turns"]]
    assert all(turn["sources"] for turn in found["turns"])
    assert json.dumps(found)


TALK = """\
{"session_id": "a", "role": "user", "text": "洗衣机的发票能改抬头吗"}
{"session_id": "a", "role": "assistant", "text": "签收后30天内可以在订单里申请换开"}
{"session_id": "a", "role": "user", "text": "那这个呢"}
{"session_id": "a", "role": "assistant", "text": "这台也支持换开的，在订单详情里点换开发票"}
"""


def test_a_score_says_which_signs_add_up_to_it_and_what_they_tell(tmp_path: Path) -> None:
    log = tmp_path / "talk.jsonl"
    log.write_text(TALK, encoding="utf-8")
    recipe = Recipe()
    packs = packs_module.load(recipe.packs)
    done = pipeline.curate([log], recipe, packs, progress=lambda *_: None)
    runfolder.write(done, recipe, packs, tmp_path / "run", argv=[])
    pair = done.examples.row(by_predicate=pl.col("question") == "那这个呢", named=True)
    found = explain(tmp_path / "run", pair["id"])
    hit = next(finding for finding in found["findings"] if finding["rule"] == "zh/leans-on-context")
    told = {sign["sign"]: sign["points"] for sign in hit["signs"]}
    assert told["alone/begins-with-a-pointer"] == -1
    assert told["alone/follows-a-question"] == -1  # the invoice came before
    assert "alone/names-its-topic" not in told
    assert sum(told.values()) < hit["below"]
    shown = "\n".join(lines(found))
    assert f"{sum(told.values()):g} points, under {hit['below']:g}:" in shown
    assert "-1  alone/begins-with-a-pointer  开头就是“这、那、它”。" in shown


def test_every_shipped_sign_says_why_in_both_languages(packs: Packs) -> None:
    signs = {name: sign for rule in packs.rules for name, sign in rule.params.get("signs", {}).items()}
    assert len(signs) > 60
    assert [
        name for name, sign in signs.items() if not (sign.get("why") and (sign.get("why_en") or sign.get("why_zh")))
    ] == []


def test_what_is_not_there_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"chat\.csv:17"):
        explain(run, "nothing.csv:3")
    with pytest.raises(SourceError, match="not a run folder"):
        explain(tmp_path, "0123456789abcdef")


def test_a_text_is_tried_on_pairs_with_an_answer_only(packs: Packs) -> None:
    assert all(packs_on(packs, hit.rule) == "message" for hit in tried(packs, Said("好的谢谢")))
    fired = tried(packs, Said("多久到账？", answer="您好"))
    assert fired
    assert all(packs_on(packs, hit.rule) == "example" for hit in fired)


@pytest.mark.parametrize(
    ("rule", "said", "reason"),
    [
        ("shop/line", Said("祝您愉快，亲爱的"), "in none of its phrases: '亲爱的'"),
        ("shop/line", Said("happy"), "looks only at texts in 'zh'; this one is in 'en'"),
        ("shop/line", Said("祝您愉快", role="user"), "looks only at what the assistant says"),
        ("shop/line", Said("祝您愉快", answer="好"), "looks at one message"),
        ("zh/weak-pair", Said("发票怎么开"), "add --answer"),
    ],
)
def test_a_rule_that_stays_silent_says_why(tmp_path: Path, rule: str, said: Said, reason: str) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(
        "about: 套话\nlanguage: zh\nrules:\n  line:\n    check: only_phrases\n    params: {phrases: [祝您愉快]}\n"
        "    role: assistant\n    action: drop\n    why: 客服必须说的套话。\n"
        "    fires: [祝您愉快]\n    silent: [祝您]\n",
        encoding="utf-8",
    )
    packs = packs_module.load(["zh", str(path)])
    assert any(reason in line for line in why_not(next(r for r in packs.rules if r.name == rule), said))


def packs_on(packs: Packs, name: str) -> str:
    return next(rule.on for rule in packs.rules if rule.name == name)


def test_a_run_can_be_explained_when_its_pack_is_gone(own: Path, logs: list[Path], tmp_path: Path) -> None:
    recipe = Recipe(packs=[*Recipe().packs, str(own)])
    packs = packs_module.load(recipe.packs)
    done = pipeline.curate(logs, recipe, packs, progress=lambda *_: None)
    runfolder.write(done, recipe, packs, tmp_path / "run", argv=[])
    own.unlink()
    source = done.messages.filter(pl.col("rules").list.contains("shop/slogan"))["source"][0]
    hits = [hit for message in explain(tmp_path / "run", source)["messages"] for hit in message["findings"]]
    assert any(hit["rule"] == "shop/slogan" and "why" not in hit for hit in hits)
