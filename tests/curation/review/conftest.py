"""A run to review, a client that is let in, and a log full of traps."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from curation import packs as packs_module
from curation import pipeline, runfolder
from curation.recipe import Recipe
from curation.review import app as app_module
from curation.review import store
from curation.review.queues import Opened
from curation.review.session import Session

ORIGIN = "http://127.0.0.1:8123"
HOSTS = frozenset({"127.0.0.1:8123"})
TRAP = "window.caught=1"
HOSTILE = [
    f"<script>{TRAP}</script>&lt;script&gt;{TRAP}&lt;/script&gt; 退款多久能到账？",
    f"</textarea></bdi><svg onload={TRAP}><img src=x onerror={TRAP}> 运费谁出？",
    "\u202egnp.exe 怎么退货？\u2066",
    "\x1b[31m=cmd|' /C calc'!A0\x1b]0;title\x07 发票怎么开？",
    "＝HYPERLINK(\"http://x.example\") 怎么改地址？",
    "{{ 7 * 7 }} {% raw %} ${7*7} 保修多久？",
    "nul\x00 [red]bold[/] 怎么换货？",
]  # fmt: skip
ANSWER = "您好，请在订单页面点击“申请售后”，三个工作日内为您处理完毕，手机号13800138000会收到短信{}。"


def hostile_log(folder: Path) -> Path:
    """Write a log in which every question is a trap, one of them 1 MB long."""
    rows = []
    for number, text in enumerate([*HOSTILE, "很长" * 500_000 + "怎么办？"]):
        rows += [{"id": f"H{number}", "role": "user", "text": text},
                 {"id": f"H{number}", "role": "assistant", "text": ANSWER.format(number)}]  # fmt: skip
    path = folder / "traps.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    columns = {"conversation": "id", "role": "role", "text": "text"}
    recipe = Recipe.model_validate({"sources": [{"columns": columns}]})
    packs = packs_module.load(recipe.packs)
    made = pipeline.curate([hostile_log(folder)], recipe, packs, progress=lambda _stage, _what: None)
    runfolder.write(made, recipe, packs, folder / "run", argv=[])
    return folder / "run"


Client = Callable[..., TestClient]


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Client:
    """Make clients that are let in: of a run, for a reviewer."""

    def make(run: Path, reviewer: str = "mei", *, blind: bool = True, show_pii: bool = False, **more) -> TestClient:
        file = store.Store(run, reviewer)
        request.addfinalizer(file.close)
        session = Session(Opened(run, per_rule=50), file, reviewer, blind=blind)
        options = {"hosts": HOSTS, "token": "", "cookie": "siftune_8123", "show_pii": show_pii, "language": "zh"} | more
        return TestClient(app_module.app(session, **options), base_url=ORIGIN, headers={"Origin": ORIGIN})

    return make
