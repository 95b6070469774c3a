"""The app as a person meets it, in a real browser: keys, input methods, undo, bulk, reload, languages, the dark."""

import re
import shutil
import threading
from contextlib import closing
from pathlib import Path

import pytest

from curation import decisions
from curation.review import store
from curation.review.queues import Opened
from curation.review.session import Session

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


class Desk:
    """A run being served, and a browser that looks at it."""

    def __init__(self, browser, run: Path, reviewer: str, **options) -> None:
        import uvicorn

        from curation.commands.review import _listen
        from curation.review import app as app_module

        self.run, self._file, self.outside, self.faults = run, store.Store(run, reviewer), [], []
        session = Session(Opened(run, per_rule=50), self._file, reviewer, blind=options.pop("blind", True))
        place = _listen("127.0.0.1", 0)
        port = place.getsockname()[1]
        self.origin = f"http://127.0.0.1:{port}"
        page = app_module.app(
            session, hosts=frozenset({f"127.0.0.1:{port}"}), token="t", cookie=f"siftune_{port}",
            show_pii=options.pop("show_pii", False),
        )  # fmt: skip
        self._server = uvicorn.Server(uvicorn.Config(page, log_level="critical", access_log=False))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [place]}, daemon=True)
        self._thread.start()
        context = browser.new_context(**({"locale": "zh-CN", "viewport": {"width": 1280, "height": 800}} | options))
        self.page = context.new_page()
        self.page.on("request", lambda request: self._seen(request.url))
        self.page.on("pageerror", lambda fault: self.faults.append(str(fault)))
        self.page.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)
        self.page.goto(f"{self.origin}/?token=t")
        self.page.wait_for_selector("#record")

    def _seen(self, url: str) -> None:
        if not url.startswith(self.origin):
            self.outside.append(url)

    def close(self) -> None:
        self.page.context.close()
        self._server.should_exit = True
        self._thread.join(10)
        self._file.close()

    def go(self, **query) -> None:
        from urllib.parse import urlencode

        self.page.goto(f"{self.origin}/?{urlencode(query)}")

    def press(self, *keys: str) -> None:
        """Press keys one after another, each when the page has answered the one before."""
        for key in keys:
            self.page.keyboard.press(key)
            self.rest()

    def rest(self) -> None:
        """Wait until the page has seen the key, and nothing is on its way."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        self.page.wait_for_selector("body:not([aria-busy])")

    def words(self) -> list[str]:
        return [event.decision for event in decisions.load(self.run)]

    def at(self) -> str:
        return self.page.url.removeprefix(self.origin)


@pytest.fixture
def desk(browser, request: pytest.FixtureRequest):
    def sit(run: Path, reviewer: str = "mei", **options) -> Desk:
        made = Desk(browser, run, reviewer, **options)
        request.addfinalizer(made.close)
        return made

    return sit


def test_one_key_decides_and_goes_on(desk, fresh) -> None:
    mine = desk(fresh)
    mine.go(queue="search", i=1)
    mine.press("a", "x", " ", "A")
    assert mine.words() == ["keep", "drop", "unsure", "keep"]
    assert mine.at() == "/?queue=search&i=5"
    assert mine.page.inner_text("#status") == "已保存：保留"
    mine.press("k", "k", "j")
    assert mine.at() == "/?queue=search&i=4"
    assert mine.words() == ["keep", "drop", "unsure", "keep"]
    assert "保留" in mine.page.inner_text(".where")
    assert (mine.outside, mine.faults) == ([], [])


def test_undo_by_key_goes_back_to_the_record_it_took_back(desk, fresh) -> None:
    mine = desk(fresh)
    mine.go(queue="search", i=1)
    mine.press("x", "x", "Backspace")
    assert mine.at() == "/?queue=search&i=2"
    mine.press("u")
    assert mine.at() == "/?queue=search&i=1"
    mine.press("u")
    assert mine.page.inner_text("#status") == "没有可以撤销的判定。"
    assert mine.words() == ["drop", "drop", "undo", "undo"]


def test_a_key_held_down_or_pressed_while_the_next_is_coming_decides_nothing_unseen(desk, fresh) -> None:
    mine = desk(fresh)
    mine.go(queue="search", i=1)
    for _ in range(4):
        mine.page.keyboard.down("x")  # the second and later ones repeat
    mine.page.keyboard.up("x")
    mine.rest()
    assert mine.words() == ["drop"]
    mine.page.evaluate("() => { for (let i = 0; i < 5; i++) document.body.dispatchEvent("
                       "new KeyboardEvent('keydown', {key: 'a', bubbles: true})); }")  # fmt: skip
    mine.rest()
    assert mine.words() == ["drop", "keep"]
    mine.press("Control+a", "Alt+x", "Meta+x")
    assert mine.words() == ["drop", "keep"]


def test_editing_with_an_input_method_decides_only_when_told_to(desk, fresh) -> None:
    mine = desk(fresh)
    mine.go(queue="search", q="发票", i=1)
    mine.press("e")
    area = mine.page.locator("textarea.turn").nth(1)
    area.fill("")
    area.focus()
    chrome = mine.page.context.new_cdp_session(mine.page)
    chrome.send("Input.imeSetComposition", {"text": "ke axu", "selectionStart": 6, "selectionEnd": 6})
    mine.page.evaluate("""() => {
      const area = document.activeElement;
      const composing = {isComposing: true, bubbles: true};
      for (const key of ["a", "x", "u", " ", "Enter"])
        area.dispatchEvent(new KeyboardEvent("keydown", {key, ctrlKey: key === "Enter", ...composing}));
      document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "x", isComposing: true, bubbles: true}));
    }""")
    assert mine.words() == []
    chrome.send("Input.insertText", {"text": "可以的，两个工作日内重开。"})
    mine.press("a", "x", " ", "u")  # letters, in a field
    assert mine.words() == []
    assert area.input_value() == "可以的，两个工作日内重开。ax u"
    area.fill("可以的，两个工作日内重开，电话13900139000。")
    mine.press("Control+Enter")
    (event,) = decisions.load(fresh)
    assert event.decision == "edit"
    assert event.turns == ["发票抬头写错了，能改成公司名称吗？", "可以的，两个工作日内重开，电话13900139000。"]
    mine.go(queue="search", q="发票", i=1)
    assert "两个工作日内重开" in mine.page.inner_text("#record")
    mine.press("e", "Escape", "u")
    assert mine.words() == ["edit", "undo"]


def test_a_composition_outside_a_field_is_left_alone_too(desk, fresh) -> None:
    mine = desk(fresh)
    mine.go(queue="search", i=1)
    mine.page.evaluate("""() => { for (const init of [{isComposing: true}, {keyCode: 229}, {which: 229, keyCode: 229}])
      document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "x", bubbles: true, ...init})); }""")
    mine.rest()
    assert mine.words() == []


def test_bulk_shows_the_count_first_and_one_undo_takes_it_back(desk, fresh) -> None:
    mine = desk(fresh)
    mine.go(queue="search", i=1)
    mine.press("b")
    mine.page.fill("#filter", "退款")
    mine.press("Enter")
    mine.page.wait_for_selector("text=4 条还没有判定的记录")
    mine.page.click("text=全部丢弃")
    mine.page.wait_for_selector("#status:has-text('已批量判定 4 条')")
    assert mine.words() == ["drop"] * 4
    mine.press("u")
    assert decisions.settle(decisions.load(fresh)) == {}


def test_a_reload_in_the_middle_and_the_back_button_keep_the_place(desk, fresh) -> None:
    mine = desk(fresh)
    mine.go(queue="search", i=1)
    mine.press("a", "a")
    mine.page.reload()
    assert mine.page.get_attribute("#page", "data-index") == "2"
    mine.press("x")
    mine.page.go_back()
    mine.page.wait_for_selector("#page[data-index='2']")
    assert mine.words() == ["keep", "keep", "drop"]
    again = desk(fresh, "li")  # somebody else starts at the beginning
    again.go(queue="search")
    assert again.page.get_attribute("#page", "data-index") == "0"


def test_two_reviewers_at_once(desk, fresh) -> None:
    mei, li = desk(fresh), desk(fresh, "li", locale="en-GB")
    for mine, keys in ((mei, "axa"), (li, "aax")):
        mine.go(queue="search", i=1)
        mine.press(*keys)
    found = decisions.settle(decisions.load(fresh))
    assert sorted(said.decision for said in found.values()) == ["disagree", "disagree", "keep"]
    assert li.page.inner_text("h1") == "siftune · Review"


def test_no_text_of_a_log_ever_runs(desk, hostile_run, tmp_path) -> None:
    mine = desk(shutil.copytree(hostile_run, tmp_path / "run"), blind=False, show_pii=True)
    mine.go(queue="search", i=1)
    total = int(re.search(r"共 (\d+) 条", mine.page.inner_text(".where")).group(1))
    for _ in range(total):
        mine.press("e", "Escape", "b")
        mine.page.wait_for_selector("#found p")
        mine.press("Escape")
        assert mine.page.evaluate("window.caught") is None
        assert mine.page.locator("#record img, #record svg, #record script, #record iframe").count() == 0
        mine.press("x")
    assert len(mine.words()) == total
    assert (mine.outside, mine.faults) == ([], [])


def test_language_and_help_by_key(desk, fresh) -> None:
    mine = desk(fresh)
    mine.go(queue="search", i=2)
    mine.press("l")
    assert mine.page.inner_text("h1") == "siftune · Review"
    assert mine.page.get_attribute("html", "lang") == "en"
    assert mine.at() == "/?queue=search&i=2"
    mine.press("?")
    assert mine.page.is_visible("text=take the last decision back")
    mine.press("x", "?")
    assert not mine.page.is_visible("#help")
    mine.press("/")
    mine.page.keyboard.type("refund", delay=1)
    mine.page.keyboard.press("Enter")
    mine.page.wait_for_url("**/?queue=search&q=refund")
    assert "refund" in mine.page.inner_text("#record").lower()
    assert mine.words() == []


def test_when_the_app_is_gone_it_says_so_and_loses_no_place(desk, fresh) -> None:
    mine = desk(fresh)
    mine.go(queue="search", i=1)
    mine.page.route("**/decide", lambda route: route.abort())
    mine.press("x")
    assert "连接不上本机服务" in mine.page.inner_text("#status")
    mine.page.unroute("**/decide")
    mine.press("x")
    assert mine.words() == ["drop"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_nothing_serious_stands_in_the_way_of_anybody(desk, fresh, scheme, width) -> None:
    """axe-core over the pages and dialogs; and nothing is wider than the window."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    mine = desk(fresh, color_scheme=scheme, viewport={"width": width, "height": 700}, locale="en-GB")
    found = []
    for query, keys in [({"queue": "search", "i": "1"}, ""), ({"queue": "search", "i": "1"}, "e"),
                        ({"queue": "rule:dedup/near-duplicate", "i": "1"}, "x"), ({"queue": "held"}, "b"),
                        ({"queue": "rule:zh/greeting-only", "i": "1"}, "?")]:  # fmt: skip
        mine.go(**query)
        mine.press(*keys)
        seen = axe.run(mine.page).response["violations"]
        found += [(one["id"], one["nodes"][0]["html"]) for one in seen if one["impact"] in ("serious", "critical")]
        wide = mine.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not wide
    assert found == []
    colour = mine.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert colour == {"light": "rgb(251, 250, 247)", "dark": "rgb(21, 24, 27)"}[scheme]
    assert mine.faults == []


def test_the_store_closes(fresh) -> None:
    with closing(store.Store(fresh, "mei")):
        pass
    assert not (fresh / "review.mei.sqlite-wal").exists()


def test_r_shows_what_the_rules_said_of_this_record_only_and_the_decision_is_marked(desk, fresh) -> None:
    mine = desk(fresh)
    mine.go(queue="sample", i=1)
    assert "盲审：" in mine.page.inner_text("#record")
    mine.press("r")
    assert "盲审：" not in mine.page.inner_text("#record")
    assert "机器结论" in mine.page.inner_text(".where")
    assert mine.words() == []
    mine.press("x")
    assert "盲审：" in mine.page.inner_text("#record")
    mine.press("x")
    assert [event.seen for event in decisions.load(fresh)] == [True, False]
    assert (mine.outside, mine.faults) == ([], [])


def test_editing_begins_in_the_answer(desk, fresh) -> None:
    mine = desk(fresh)
    mine.go(queue="search", q="发票", i=1)
    mine.press("e")
    assert mine.page.evaluate("document.activeElement.id") == "t2"
