"""A small log of our own in both languages, and a run made of it."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from curation import fast, pipeline, runfolder
from curation import packs as packs_module
from curation.packs import Packs
from curation.recipe import Recipe

ZH = """会话ID,时间,发送方,内容
Z1,8:00,客户,嗯嗯
Z1,8:01,客户,我买的空气炸锅想退，怎么申请退货？
Z1,8:02,客服,稍等
Z1,8:03,客服,您好，请在订单页面点击“申请售后”，选择退货退款，提交后快递员会上门取件。
Z1,8:04,客户,退款多久能到账？我的手机号是13800138000
Z1,8:05,客服,仓库签收后1到3个工作日原路退回，退到您付款的账户。
Z1,8:06,系统,会话已结束
Z2,9:00,客户,发票抬头写错了，能改成公司名称吗？
Z2,9:01,客服,可以的，请在订单详情里申请换开发票，填写公司名称和税号，两个工作日内会重新开具。
Z3,9:30,客户,退款多久能到账？我的手机号是13800138001
Z3,9:31,客服,仓库签收后1到3个工作日原路退回，退到您付款的账户哦。
Z4,9:40,客户,有人吗
Z5,9:50,巫师,啊
Z5,9:51,客户
"""
EN = """{"ticket": "E1", "from": "customer", "body": "How long does a refund to my credit card usually take?"}
{"ticket": "E1", "from": "agent", "body": "Refunds go back to your card within five working days of us receiving the parcel."}
{"ticket": "E1", "from": "customer", "body": "And can I change the delivery address of my other order #48392010?"}
{"ticket": "E1", "from": "agent", "body": "Yes, as long as it has not been shipped: open the order, choose Edit address and save the new one."}
not json
{"ticket": "E2", "from": "customer", "body": "Where is my parcel? It was due on Monday and tracking has not moved since."}
{"ticket": "E2", "from": "agent", "body": "The courier has it in the local depot and will deliver it tomorrow before noon, I can see it is loaded."}
"""  # noqa: E501


class Counted(NamedTuple):
    records: int
    unreadable: int
    messages: int


@pytest.fixture(scope="session")
def counted() -> Counted:
    """Say what the log holds, counted by hand: 14 records in the table and 7 in the JSON lines."""
    return Counted(records=21, unreadable=3, messages=18)


@pytest.fixture(scope="session")
def packs() -> Packs:
    return packs_module.load(Recipe().packs)


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("logs")
    (folder / "zh.csv").write_text(ZH, encoding="utf-8")
    (folder / "en.jsonl").write_text(EN, encoding="utf-8")
    return [folder / "zh.csv", folder / "en.jsonl"]


@pytest.fixture(scope="session")
def curated(logs: list[Path], packs: Packs) -> pipeline.Curated:
    return pipeline.curate(logs, Recipe(), packs, progress=lambda _stage, _what: None)


@pytest.fixture(scope="session")
def run(curated: pipeline.Curated, packs: Packs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    runfolder.write(curated, Recipe(), packs, folder, argv=["curate"])
    return folder


@pytest.fixture
def fresh(run: Path, tmp_path: Path) -> Path:
    """Return a copy of the run that nobody has reviewed."""
    return shutil.copytree(run, tmp_path / "run")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Start Chromium once for all browser tests; they are skipped, and say why, where there is none."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium fonts-noto-cjk")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: it is in the dev extra")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with sync_api.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=found, args=quiet)
        yield made
        made.close()


@pytest.fixture(scope="module")
def unloaded_kernels() -> Iterator[None]:
    """Load the kernels where they are, and leave other tests without: once loaded they are used for few texts too."""
    name, compiled = "curation.fast.compiled", fast._compiled()
    was = name in sys.modules
    if compiled is not None:
        sys.modules[name] = compiled  # which another file's tests may have taken out
    yield
    if not was:
        sys.modules.pop(name, None)
