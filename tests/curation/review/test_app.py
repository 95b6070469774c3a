"""The app as a browser and an attacker see it: what is let in, what is saved, what is shown."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import polars as pl
import pytest

from curation import decisions
from curation.cli import main
from curation.decisions import message_id
from curation.review import store
from curation.review.words import WORDS
from tests.curation.review.conftest import TRAP

REFUND = "586c6405d390567e"  # dropped as a near-duplicate
KEPT = "2e917e64915d9a92"


def put(client, queue="search", index=0, **body):
    """Decide what stands at a place, as the page does."""
    page = client.get("/", params={"queue": queue, "i": index + 1}).text
    item, content = re.search(r'data-item="(\w+)" data-content="(\w+)"', page).groups()
    values = {"queue": queue, "index": index, "item": item, "content": content, "decision": "keep"} | body
    return client.post("/decide", json=values)


def said(run: Path) -> dict[str, str]:
    return {item: found.decision for item, found in decisions.settle(decisions.load(run)).items()}


# --- who is let in ---------------------------------------------------------------------------------------------------


def test_the_token_opens_once_and_becomes_a_cookie_that_other_sites_cannot_send(client, fresh) -> None:
    visitor = client(fresh, token="secret")
    assert visitor.get("/").status_code == 403
    assert visitor.get("/?token=wrong").status_code == 403
    opened = visitor.get("/?token=secret&queue=held")
    assert opened.status_code == 200
    assert "url=/?queue=held" in opened.text
    cookie = opened.headers["set-cookie"]
    assert cookie.startswith("siftune_8123=")
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert "secret" not in cookie
    assert visitor.get("/").status_code == 200  # by the cookie
    visitor.cookies.clear()
    assert visitor.get("/?token=secret").status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:9", "127.0.0.1:8123.evil.example", ""])
def test_another_host_is_refused_before_anything_else(client, fresh, host) -> None:
    assert client(fresh).get("/", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("headers", [
    {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": ""}, {"Origin": "https://127.0.0.1:8123"},
    {"Origin": "http://localhost:8123"}])  # fmt: skip
def test_a_post_from_another_origin_is_refused(client, fresh, headers) -> None:
    assert client(fresh).post("/undo", json={}, headers=headers).status_code == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_post_that_a_form_could_send_is_refused(client, fresh, kind) -> None:
    assert client(fresh).post("/undo", content=b"{}", headers={"Content-Type": kind}).status_code == 415


@pytest.mark.parametrize("path", ["/decide", "/undo", "/bulk", "/language"])
@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b"[" * 100_000, b'{"a": "' + b"x" * 2_000_001 + b'"}'])
def test_a_body_that_is_no_object_of_a_sane_size_changes_nothing(client, fresh, path, body) -> None:
    answer = client(fresh).post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == (200 if path == "/language" else 422)
    assert decisions.load(fresh) == []


def test_get_changes_nothing_and_other_methods_are_refused(client, fresh) -> None:
    visitor = client(fresh)
    for path in ("/decide", "/undo", "/language"):
        assert visitor.get(path).status_code == 405
    assert visitor.request("DELETE", "/").status_code == 405
    assert visitor.request("OPTIONS", "/decide").status_code == 405
    assert decisions.load(fresh) == []


@pytest.mark.parametrize("path", ["/", "/review.js", "/review.css", "/favicon.ico", "/nothing", "/bulk?queue=held"])
def test_every_answer_carries_its_walls(client, fresh, path) -> None:
    found = client(fresh).get(path).headers
    policy = found["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert (found["x-content-type-options"], found["referrer-policy"]) == ("nosniff", "no-referrer")
    assert (found["cache-control"], found["x-frame-options"]) == ("no-store", "DENY")
    assert found["cross-origin-opener-policy"] == found["cross-origin-resource-policy"] == "same-origin"


# --- what is saved ---------------------------------------------------------------------------------------------------


def test_a_decision_is_on_the_disk_before_the_answer_and_goes_on_to_the_next(client, fresh) -> None:
    visitor = client(fresh)
    answer = put(visitor, decision="drop", note="答非所问")
    assert answer.json()["url"] == "/?queue=search&i=2"
    (event,) = store.read(fresh / "review.mei.sqlite")
    assert (event.decision, event.note, event.queue, event.reviewer) == ("drop", "答非所问", "search", "mei")
    assert event.strata == ["kept"]  # it is in that sample wherever it was decided
    assert event.turns is None


def test_an_edit_carries_its_texts_and_a_wrong_one_is_refused(client, fresh) -> None:
    visitor = client(fresh)
    assert put(visitor, decision="edit", turns=["问", "答"], cot=None).status_code == 200
    assert decisions.load(fresh)[0].turns == ["问", "答"]
    for turns in (None, [], "text", [1]):
        assert put(visitor, index=1, decision="edit", turns=turns).status_code == 422
    assert put(visitor, index=1, decision="destroy").status_code == 422
    assert put(visitor, index=1, item="0" * 16).status_code == 422
    assert len(decisions.load(fresh)) == 1


def test_a_decision_on_a_text_that_is_no_longer_there_is_refused(client, fresh) -> None:
    assert put(client(fresh), content="0" * 16).status_code == 409
    assert decisions.load(fresh) == []


def test_a_table_that_is_overwritten_while_people_review_is_named_on_the_page(client, fresh) -> None:
    visitor = client(fresh)
    path = fresh / "messages.parquet"
    path.write_bytes(path.read_bytes()[:-200])
    answer = visitor.get("/", params={"queue": "search"})
    assert (answer.status_code, answer.headers["content-type"]) == (500, "text/plain; charset=utf-8")
    assert answer.text == f"{path}: cut off or overwritten, it cannot be read; run `siftune curate` again"
    assert answer.headers["cache-control"] == "no-store"


def test_undo_goes_back_as_far_as_there_is_anything_also_in_a_later_session(client, fresh) -> None:
    first = client(fresh)
    for index, word in enumerate(["keep", "drop", "unsure"]):
        put(first, index=index, decision=word)
    put(first, index=0, decision="drop")
    later = client(fresh)
    states = []
    for _ in range(5):
        answer = later.post("/undo", json={}).json()
        states.append((sorted(said(fresh).values()), answer["url"]))
    assert states == [
        (["drop", "keep", "unsure"], "/?queue=search&i=1"),
        (["drop", "keep"], "/?queue=search&i=3"),
        (["keep"], "/?queue=search&i=2"),
        ([], "/?queue=search&i=1"),
        ([], None),
    ]
    assert len(decisions.load(fresh)) == 8  # nothing was ever taken out of the log


def test_bulk_says_how_many_asks_again_when_that_changed_and_is_one_undo(client, fresh) -> None:
    visitor = client(fresh)
    shown = visitor.get("/bulk", params={"queue": "search", "text": "退款"}).text
    n = int(re.search(r'data-n="(\d+)"', shown).group(1))
    assert n == 4  # the two pairs and the dialogue of Z1, and Z3; Z1's first pair says 退货退款
    body = {"queue": "search", "query": "", "index": 0, "text": "退款", "decision": "drop", "n": n}
    assert visitor.post("/bulk", json=body | {"n": 99}).status_code == 409
    assert visitor.post("/bulk", json=body | {"decision": "edit"}).status_code == 422
    assert visitor.post("/bulk", json=body).status_code == 200
    assert list(said(fresh).values()) == ["drop"] * 4
    assert len({event.batch for event in decisions.load(fresh)}) == 1
    assert visitor.post("/undo", json={}).json()["said"] == "已撤销 4 条"
    assert said(fresh) == {}


def test_bulk_of_a_rule_is_all_that_it_dropped_and_messages_are_records_too(client, fresh) -> None:
    visitor = client(fresh)
    body = {"queue": "rule:zh/greeting-only", "query": "", "index": 0, "text": "有人", "decision": "keep", "n": 1}
    assert visitor.post("/bulk", json=body).status_code == 200
    (event,) = decisions.load(fresh)
    assert (event.item, event.message, event.content) == (message_id("Z4", 0), 0, decisions.digest("有人吗"))


def test_two_reviewers_have_a_file_each_and_disputes_are_settled_in_their_queue(client, fresh) -> None:
    put(client(fresh, "mei"), decision="keep")
    put(client(fresh, "li"), decision="drop")
    assert {path.name for path in store.files(fresh)} == {"review.mei.sqlite", "review.li.sqlite"}
    lead = client(fresh, "lead")
    page = lead.get("/", params={"queue": "disagreed"}).text
    assert "mei" in page
    assert "li" in page
    assert list(said(fresh).values()) == ["disagree"]
    assert put(lead, "disagreed", decision="drop").status_code == 200
    assert list(said(fresh).values()) == ["drop"]


def test_nobody_sees_what_others_said_before_they_decided(client, fresh) -> None:
    put(client(fresh, "otherperson"), "kept", decision="drop")
    mine = client(fresh)
    assert "otherperson" not in mine.get("/?queue=kept&i=1").text
    put(mine, "kept")
    assert "otherperson" in mine.get("/?queue=kept&i=1").text


@pytest.mark.slow
def test_kill_9_loses_nothing_that_was_answered(fresh) -> None:
    """A real process, killed in the middle of a stream of decisions; the lock is free and the log whole afterwards."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "PYTHONUNBUFFERED": "1"}
    code = "from curation.cli import main; main()"
    command = [sys.executable, "-c", code, "review", str(fresh), "--no-browser", "--reviewer", "mei"]
    answered = []
    for number in range(2):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        try:
            address = re.search(r"http://\S+", process.stdout.readline()).group()
            origin = address.split("/?")[0]
            with httpx2.Client(base_url=origin, headers={"Origin": origin}) as visitor:
                assert visitor.get(address).status_code == 200
                for index in range(4):
                    answer = put(visitor, index=index, decision=("keep", "drop")[number])
                    assert answer.status_code == 200
                    answered.append(index)
                process.send_signal(signal.SIGKILL)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
    events = decisions.load(fresh)
    assert [event.decision for event in events] == ["keep"] * 4 + ["drop"] * 4
    assert set(said(fresh).values()) == {"drop"}


def test_ctrl_c_ends_it_with_0_and_says_what_there_is(fresh) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", "from curation.cli import main; main()", "review", str(fresh), "--no-browser"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline().startswith("review: http://127.0.0.1:")
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, "")
    assert "0 records decided" in out


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_samples_are_blind_until_decided_and_show_everything_then(client, fresh) -> None:
    visitor = client(fresh)
    queue = "rule:dedup/near-duplicate"
    page = visitor.get("/", params={"queue": queue, "i": 1}).text
    assert "盲审" in page
    assert "机器结论 <strong" not in page
    assert "dedup/near-duplicate" in put(visitor, queue, decision="drop").json()["said"]
    page = visitor.get("/", params={"queue": queue, "i": 1}).text
    assert "对照样本" in page
    assert "退到您付款的账户哦" in page  # the copy that stayed
    assert "盲审：" not in client(fresh, "li", blind=False).get("/", params={"queue": queue, "i": 1}).text


def test_personal_data_is_masked_unless_asked_for(client, fresh) -> None:
    for visitor, shown in ((client(fresh), False), (client(fresh, "li", show_pii=True), True)):
        pages = "".join(visitor.get(f"/?queue=search&i={i}").text for i in range(1, 10))
        assert ("13800138000" in pages) is shown
        assert "[电话" in pages  # the placeholder that took its place
        assert "13800138000" not in visitor.get("/bulk?queue=search").text


def test_an_unknown_queue_a_place_outside_and_an_empty_one_are_pages_too(client, fresh) -> None:
    visitor = client(fresh)
    assert visitor.get("/?queue=rule:<b>").status_code == 404
    assert "<b>" not in visitor.get("/?queue=rule:<b>").text
    for address in ("/?queue=search&i=0", "/?queue=search&i=99999", "/?queue=held", "/?queue=search&q=没有这样的话"):
        assert visitor.get(address).status_code == 200


def test_a_finished_sample_says_what_it_showed_and_leads_on(client, fresh) -> None:
    visitor = client(fresh)
    put(visitor, "rule:dedup/near-duplicate", decision="drop")
    page = visitor.get("/", params={"queue": "rule:dedup/near-duplicate"}).text
    assert "抽样准确率 100.0%（1/1，95% 区间 100.0%–100.0%）：达到门槛 85.0%。" in page  # the one that there is
    assert "去下一个队列" in page


def test_without_a_number_the_address_leads_to_the_first_open_record(client, fresh) -> None:
    visitor = client(fresh)
    put(visitor, index=0)
    put(visitor, index=1)
    assert 'data-index="2"' in visitor.get("/?queue=search").text


def test_search_finds_two_characters_and_any_case(client, fresh) -> None:
    visitor = client(fresh)
    for query, n in (("发票", 1), ("REFUND", 2), (KEPT, 1), ("%", 0), ("", 9)):
        page = visitor.get("/", params={"queue": "search", "q": query}).text
        assert ("里没有记录" in page) if not n else (f"第 1 条，共 {n} 条" in page)


def test_hostile_text_is_inert_and_hidden_characters_are_seen(client, hostile_run, tmp_path) -> None:
    visitor = client(hostile_run, "eve", blind=False, show_pii=True)
    total = pl.read_parquet(hostile_run / "examples.parquet").height
    pages = [visitor.get(f"/?queue=search&i={i}").text for i in range(1, total + 1)]
    everything = "".join(pages) + visitor.get("/bulk?queue=search").text
    tags = re.findall(r"<(script|svg|img)[^>]*>", everything)
    assert set(tags) == {"script"}  # ours, in the head
    assert len(tags) == total
    assert f"&lt;script&gt;{TRAP}" in everything
    assert "\u202e" not in everything
    assert "\x1b" not in everything
    assert "⟨U+202E⟩" in everything
    assert "{{ 7 * 7 }}" in everything
    assert "此处省略" in everything
    assert max(map(len, pages)) < 250_000


def test_everything_is_said_in_both_languages() -> None:
    for key, (zh, en) in WORDS.items():
        assert re.search("[\u4e00-\u9fff]", zh) or key in ("switch", "colon"), key
        assert not re.search("[\u3000-\u9fff\uff00-\uffef]", en) or key == "switch", key
        assert set(re.findall(r"\{\w+\}", zh)) == set(re.findall(r"\{\w+\}", en)), key
        assert not re.search("[\u4e00-\u9fff][,;:?!.]", zh), key


def test_every_word_is_used() -> None:
    folder = Path(store.__file__).parent
    files = [
        path
        for path in [*folder.glob("*.py"), *folder.glob("templates/*")]
        if path.is_file() and path.name != "words.py"
    ]
    said = set(re.findall(r"""["']([a-z.-]+)["']""", "".join(path.read_text() for path in files)))
    groups = ("queue.", "state.", "machine.", "action.", "done.", "help.")
    assert {key for key in WORDS if not key.startswith(groups)} - said == set()


def test_the_language_is_the_browsers_until_somebody_switches(client, fresh) -> None:
    visitor = client(fresh, language="")
    assert 'lang="en"' in visitor.get("/").text
    assert '<html lang="zh-CN">' in visitor.get("/", headers={"Accept-Language": "zh-TW,zh;q=0.9"}).text
    assert visitor.post("/language", json={}).json() == {"language": "zh"}
    assert '<html lang="zh-CN">' in visitor.get("/").text


def test_another_address_needs_the_long_word(fresh) -> None:
    from tests.curation.test_cli import refused, siftune

    error = refused(siftune("review", fresh, "--host", "0.0.0.0"), 2)
    assert "--unsafe-allow-unauthenticated" in error
    assert "ssh -L" in error
    assert "not a run folder" in refused(siftune("review", fresh.parent), 3)
    assert json.loads((fresh / "manifest.json").read_text())["decisions"]["events"] == 0


def test_a_queue_that_there_is_not_is_an_empty_page_and_no_failure(client, fresh, monkeypatch, capfd) -> None:
    for name in ("nonsense", "all", "rule:zh/nothing", "<b>"):
        page = client(fresh).get("/", params={"queue": name})
        assert page.status_code == 404
        assert "<b>" not in page.text
    monkeypatch.setattr(sys, "argv", ["siftune", "review", str(fresh), "--no-browser", "--queue", "hled"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert capfd.readouterr().err == "error: --queue: there is no 'hled' in this run; did you mean 'held'?\n"
