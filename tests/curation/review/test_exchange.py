"""Decisions leave as JSON Lines, CSV, Label Studio and Argilla, and come back as what people made of them."""

import csv
import io
import json
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import decisions
from curation.decisions import message_id
from curation.errors import SourceError
from curation.review import exchange
from curation.review.exchange import guarded, unguarded
from curation.review.queues import Opened
from tests.curation.test_cli import refused, siftune

INVOICE = "2e917e64915d9a92"
QUESTION = "发票抬头写错了，能改成公司名称吗？"
ANSWER = "可以的，请在订单详情里申请换开发票，填写公司名称和税号，两个工作日内会重新开具。"


def event(opened: Opened, item: str, decision: str, number: int = 1, **more) -> decisions.Event:
    record = opened.record(item)
    values = {
        "event": f"{number:032x}",
        "time": f"2026-11-24T10:00:00.{number:06d}Z",
        "reviewer": "mei",
        "item": item,
        "kind": record.kind,
        "conversation": record.conversation,
        "message": record.message,
        "content": opened.content(record),
        "decision": decision,
    }
    return decisions.Event(**(values | more))


@pytest.fixture
def opened(fresh: Path) -> Opened:
    made = Opened(fresh, per_rule=50)
    assert made.samples
    return made


def exported(opened: Opened, events, items, form: str, *, blind: bool = True) -> str:
    rows = exchange.rows(opened, items, decisions.standing(events), blind=blind)
    return getattr(exchange, f"to_{form}")(rows, per_rule=50)


def back(opened: Opened, text: str, form: str, known=(), reviewer="imported"):
    return exchange.events(getattr(exchange, f"from_{form}")(text, "file"), opened, known, reviewer)


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def written(rows: list[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


@given(st.text(alphabet=st.sampled_from("=+-@\t\r\n＝＋－＠'a退 "), max_size=6) | st.text(max_size=20))
def test_a_cell_is_never_a_formula_and_comes_back_as_it_was(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))


@pytest.mark.parametrize("form", ["csv", "label_studio", "argilla"])
def test_what_comes_back_unchanged_is_nothing_new(opened, form) -> None:
    log = [
        event(opened, INVOICE, "edit", turns=["=1+1", "答"], note="-改"),
        event(opened, INVOICE, "drop", 2, reviewer="li"),
        event(opened, message_id("Z4", 0), "keep", 3),
    ]
    text = exported(opened, log, [INVOICE, message_id("Z4", 0)], form)
    assert back(opened, text, form, log) == ([], 0)


@pytest.mark.parametrize("form", ["csv", "label_studio", "argilla"])
def test_an_edited_dialogue_keeps_its_words_where_a_format_has_no_room_for_them(opened, form) -> None:
    dialogue = "84973cfd26c43aca"
    log = [event(opened, dialogue, "edit", turns=["一", "二", "三", "四"])]
    text = exported(opened, log, [dialogue], form)
    assert back(opened, text, form, log) == ([], 0)
    (new,), _ = back(opened, text, form)
    expected = ("edit", ["一", "二", "三", "四"]) if form == "csv" else ("unsure", None)
    assert (new.decision, new.turns) == expected


@pytest.mark.parametrize("form", ["csv", "label_studio", "argilla"])
def test_decisions_made_on_another_run_arrive_whole(opened, form) -> None:
    log = [
        event(opened, INVOICE, "edit", turns=["问", "答"], note="改"),
        event(opened, INVOICE, "drop", 2, reviewer="li"),
    ]
    new, strangers = back(opened, exported(opened, log, [INVOICE], form), form)
    assert strangers == 0
    assert sorted((e.decision, e.turns, e.note, e.content, tuple(e.strata)) for e in new) == [
        ("drop", None, "", log[0].content, ("kept",)),
        ("edit", ["问", "答"], "改", log[0].content, ("kept",)),
    ]
    if form != "label_studio":  # which cannot be told who annotates
        assert {e.reviewer for e in new} == {"mei", "li"}


def test_a_support_lead_fills_in_a_spreadsheet(opened) -> None:
    rows = table(exported(opened, [], opened.samples["kept"], "csv"))
    assert {"machine": rows[0]["machine"], "rules": rows[0]["rules"]} == {"machine": "", "rules": ""}  # blind
    mine = next(row for row in rows if row["item"] == INVOICE)
    assert (mine["text_1"], mine["text_2"]) == (QUESTION, ANSWER)
    others = [row for row in rows if row is not mine][:2]
    mine |= {"decision": "保留", "text_2": "可以的，两个工作日内重开。", "note": "短一点"}
    others[0] |= {"decision": " Drop "}
    new, _ = back(opened, written(rows), "csv", reviewer="王芳")
    assert [(e.item, e.decision, e.reviewer) for e in new] == [
        (row["item"], "edit" if row is mine else "drop", "王芳") for row in rows if row in (mine, others[0])
    ]
    (edit,) = [e for e in new if e.item == INVOICE]
    assert (edit.turns, edit.note) == ([QUESTION, "可以的，两个工作日内重开。"], "短一点")
    mine["decision"] = "也许"
    with pytest.raises(SourceError, match=r"file:\d+: the decision is none of keep"):
        back(opened, written(rows), "csv")


def test_a_table_opens_in_excel_in_chinese(opened) -> None:
    text = exported(opened, [], [INVOICE], "csv", blind=False)
    assert text.encode("utf-8").startswith(b"\xef\xbb\xbf")
    assert table(text)[0]["machine"] == "keep"
    assert "13800138000" not in exported(opened, [], opened.search(""), "csv")


def test_label_studio_gets_tasks_with_its_own_names(opened) -> None:
    log = [event(opened, INVOICE, "edit", turns=["问", "答"], note="改")]
    (task,) = json.loads(exported(opened, log, [INVOICE], "label_studio", blind=False))
    assert task["data"]["dialogue"] == [{"author": "user", "text": QUESTION}, {"author": "assistant", "text": ANSWER}]
    (annotation,) = task["annotations"]
    assert annotation["result"][0] == {
        "from_name": "decision",
        "to_name": "dialogue",
        "type": "choices",
        "value": {"choices": ["edit"]},
    }
    assert annotation["result"][2]["value"] == {"text": ["答"]}
    assert task["predictions"][0]["result"][0]["value"] == {"choices": ["keep"]}
    assert json.loads(exported(opened, [], [INVOICE], "label_studio"))[0]["predictions"] == []


def test_what_label_studio_exports_is_read(opened) -> None:
    """The shape of a JSON export as labelstud.io/guide/task_format documents it, with what we do not need."""

    def annotation(number, choice, **more):
        result = [
            {
                "id": "Dx",
                "from_name": "decision",
                "to_name": "dialogue",
                "type": "choices",
                "origin": "manual",
                "value": {"choices": [choice]},
            }
        ]
        return {
            "id": number,
            "result": result,
            "was_cancelled": False,
            "ground_truth": False,
            "lead_time": 4.2,
            "created_at": "2026-11-24T16:08:00.000000Z",
            "unique_id": str(uuid.UUID(int=number)),
        } | more

    given = [
        annotation(1, "drop", completed_by=7),
        annotation(2, "keep", completed_by={"id": 8, "email": "li.na@x.example"}),
        annotation(3, "keep", was_cancelled=True),
        {"id": 4, "result": [], "completed_by": 9},
    ]
    data = json.loads(exported(opened, [], [INVOICE], "label_studio"))[0]["data"]
    text = json.dumps(
        [
            {"id": 1, "project": 3, "data": data, "annotations": given, "predictions": []},
            {"id": 2, "data": {"item": "0" * 16}, "annotations": [annotation(5, "drop")]},
        ]
    )
    new, strangers = back(opened, text, "label_studio")
    assert [(e.decision, e.reviewer) for e in new] == [("drop", "user-7"), ("keep", "li.na")]
    assert strangers == 1


def test_argilla_gets_records_as_it_writes_them(opened) -> None:
    log = [event(opened, INVOICE, "drop", note="旧政策")]
    (record,) = json.loads(exported(opened, log, [INVOICE], "argilla", blind=False))
    assert set(record) == {"id", "fields", "metadata", "suggestions", "responses", "vectors", "_server_id"}
    assert record["fields"]["dialogue"][0] == {"role": "user", "content": QUESTION}
    assert record["suggestions"]["decision"]["value"] == "keep"
    (response,) = record["responses"]["decision"]
    assert response["value"] == "drop"
    assert uuid.UUID(response["user_id"])
    foreign = record | {
        "responses": {"decision": [{"value": "keep", "user_id": "1f0c6a8e-0000-0000-0000-000000000000"}]}
    }
    (found,) = back(opened, json.dumps([foreign]), "argilla")[0]
    assert (found.decision, found.reviewer) == ("keep", "argilla-1f0c6a8e")


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("csv", "a,b\n1,2\n"),
        ("label_studio", "{}"),
        ("label_studio", "[1]"),
        ("argilla", "no"),
        ("argilla", '[{"id": "x"}]'),
        ("label_studio", '[{"decision": "keep"}]'),
    ],
)
def test_another_file_says_what_it_is_not(opened, form, text) -> None:
    with pytest.raises(SourceError, match=r"^file"):
        back(opened, text, form)


def test_on_the_command_line_two_reviewers_come_together(fresh, opened, tmp_path) -> None:
    for number, (name, decision) in enumerate([("mei", "keep"), ("li", "drop")], 1):
        (tmp_path / f"{name}.jsonl").write_text(
            decisions.lines([event(opened, INVOICE, decision, number, reviewer=name)])
        )
    done = siftune("decisions", "merge", fresh, tmp_path / "mei.jsonl", tmp_path / "li.jsonl", tmp_path / "mei.jsonl")
    assert (done.returncode, done.stdout) == (0, "2 new decisions\n"), done.stderr
    assert siftune("decisions", "import", fresh, tmp_path / "li.jsonl").stdout == "0 new decisions\n"
    said = siftune("decisions", "stats", fresh).stdout
    assert "in dispute 1" in said
    assert "li and mei: 1 record in common, agreement 0.0%" in said
    assert json.loads(siftune("decisions", "stats", fresh, "--json").stdout)["disagree"] == 1
    assert siftune("decisions", "export", fresh).stdout == decisions.lines(decisions.load(fresh))
    sheet = tmp_path / "sheet.csv"
    done = siftune("decisions", "export", fresh, "--format", "csv", "--queue", "rule:zh/greeting-only", "-o", sheet)
    assert done.returncode == 0, done.stderr
    sheet.write_text(
        sheet.read_text(encoding="utf-8-sig").replace(",message,,", ",message,keep,"), encoding="utf-8-sig"
    )
    assert siftune("decisions", "import", fresh, sheet, "--reviewer", "wang").stdout == "1 new decisions\n"
    assert decisions.load(fresh)[-1].strata == ["rule:zh/greeting-only"]
    assert "did you mean 'held'" in refused(
        siftune("decisions", "export", fresh, "--format", "csv", "--queue", "hel"), 2
    )
    assert "is none of jsonl, csv" in refused(siftune("decisions", "import", fresh, tmp_path / "x.txt"), 2)
