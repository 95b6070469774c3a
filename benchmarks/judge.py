"""How fast messages and examples are judged and masked: rules per second, and which rules cost most.

    python benchmarks/judge.py --rows 1000000            # everything, once, in stages
    python benchmarks/judge.py --rows 200000 --profile   # the cost of every rule alone

The corpus is made here, in Chinese and English, of parts that are put together at random, so that texts are mostly
distinct, as in a real log: the share is printed. One in twelve messages holds personal data, one in seven is a greeting,
a filler or a holding line. Judging twice the same text is not cheaper here: nothing is cached between texts.

Personal data of examples is counted twice: in raw examples, all of whose texts are looked at, and as a run does it,
where the messages were masked before, and what nothing was found in is not looked at again. Both with the rules are
done side by side, a range of conversations for each core, as in a run.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np
import polars as pl

from curation import packs as packs_module
from curation import privacy, tables
from curation.judge import context, judge
from curation.mend import mend
from curation.ranges import side_by_side
from curation.recipe import Recipe

SHORT = {
    "zh": ["好的", "嗯嗯", "谢谢", "您好，请问有什么可以帮您", "稍等，我查一下", "在吗", "亲，还有其他问题吗", "收到", "好的谢谢亲", "感谢您的耐心等待"],
    "en": ["ok", "thanks", "Hi there", "How can I help you today?", "One moment please", "great, thanks", "Let me check that for you", "hello?", "Thank you for waiting", "yes please"],
}  # fmt: skip
WHO = {
    "zh": [
        "我上周买的",
        "你们家的",
        "朋友送我的",
        "前天下单的",
        "直播间拍的",
        "给孩子买的",
        "公司订的",
        "刚收到的",
        "活动时抢的",
        "老人用的",
    ],
    "en": [
        "The",
        "My new",
        "Our",
        "The second",
        "My mum's",
        "The refurbished",
        "That",
        "The replacement",
        "Your",
        "The office",
    ],
}
WHAT = {
    "zh": [
        "空气炸锅",
        "蓝牙耳机",
        "布艺沙发",
        "电饭煲",
        "羽绒服",
        "行车记录仪",
        "儿童手表",
        "净水器",
        "机械键盘",
        "扫地机器人",
        "投影仪",
        "跑步鞋",
    ],
    "en": [
        "router",
        "sim card",
        "broadband",
        "handset",
        "kettle",
        "headset",
        "sofa",
        "charger",
        "printer",
        "camera",
        "smart meter",
        "set-top box",
    ],
}
ISSUE = {
    "zh": ["充不进电了，能换一台吗？", "发票抬头写错了怎么改？", "七天内可以退吗，运费谁出", "物流三天没更新了，帮我催一下", "说明书上的步骤看不懂", "颜色跟图片差得有点多",
           "保修多久，要寄回厂里吗？", "您可以在订单页面点申请售后，1到3个工作日审核", "请先长按电源键10秒，再连接无线网络", "支持货到付款吗，能不能开专票"],
    "en": ["keeps dropping every evening, what can I do?", "never arrived although tracking says delivered", "is out of warranty, can it still be repaired?",
           "was charged twice this month, please refund one", "needs a new battery; how long does that take?", "You can return it within 14 days from the orders page.",
           "Please restart it, wait two minutes and connect again.", "does not show up in the app at all", "came in the wrong colour", "asks for a code that I don't have"],
}  # fmt: skip
MORE = {
    "zh": ["急用，{}前能到吗", "已经联系过{}次", "当时付了{}元", "页面提示错误{}", "排队{}分钟了", "下单时间是{}号", "同事买的那款{}还好好的", "之前的客服说{}天内回复"],
    "en": ["I paid {} for it", "this is the {} time I ask", "error {} on the screen", "I waited {} minutes", "ordered on the {}th", "your colleague said {} days", "model {} is fine", "I have {} of them"],
}  # fmt: skip
PERSONAL = {
    "zh": ["我电话13{:09d}", "订单号2024{:010d}", "我叫张伟，手机15{:09d}", "寄到文三路{}号3栋502室", "运单SF1{:012d}", "邮箱u{}@example.com"],
    "en": ["call me on 202-555-{:04d}", "order number {:08d}", "my name is Anna Brown, ref {:07d}", "I live at {} Oak Street", "mail u{}@example.com", "ticket {:07d}"],
}  # fmt: skip


def texts(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return `rows` texts, and whether each is Chinese; half and half."""
    random = np.random.default_rng(seed)
    chinese = random.random(rows) < 0.5
    kind = random.random(rows)
    picks = random.integers(0, 1_000_000, size=(rows, 6))
    out = []
    for i in range(rows):
        tongue = "zh" if chinese[i] else "en"
        a, b, c, d, e, f = (int(pick) for pick in picks[i])
        if kind[i] < 0.14:
            out.append(SHORT[tongue][a % 10])
            continue
        space = "" if tongue == "zh" else " "
        text = f"{WHO[tongue][a % 10]}{space}{WHAT[tongue][b % 12]}{space}{ISSUE[tongue][c % 10]}{space}{MORE[tongue][d % 8].format(e % 9973)}"
        if kind[i] > 0.917:
            text += ("，" if tongue == "zh" else ", ") + PERSONAL[tongue][f % 6].format(
                e if "04d" not in PERSONAL[tongue][f % 6] else e % 9999
            )
        out.append(text)
    return np.array(out, dtype=object), chinese


def messages(rows: int, seed: int) -> pl.DataFrame:
    """Return messages in conversations of ten, sides by turns."""
    said, _ = texts(rows, seed)
    place = np.arange(rows)
    frame = pl.DataFrame({"conversation": place // 10, "message": place % 10, "text": said.tolist()})
    columns: dict[str, pl.Expr] = {
        "conversation": pl.concat_str(pl.lit("c"), pl.col("conversation").cast(pl.String)),
        "role": pl.when(pl.col("message") % 2 == 0).then(pl.lit("user")).otherwise(pl.lit("assistant")),
        "raw": pl.col("text"),
        "source": pl.lit("log.csv:1"),
        "record": pl.lit(False),  # noqa: FBT003
    }
    for name in tables.MESSAGES:
        if name not in frame.columns and name not in columns:
            columns[name] = pl.lit(None)
    return frame.with_columns(**columns).select(pl.col(name).cast(kind) for name, kind in tables.MESSAGES.items())


def examples(rows: int, seed: int) -> pl.DataFrame:
    """Return pairs: a question and an answer."""
    asked, answered = (texts(rows, seed + i)[0].tolist() for i in (1, 2))
    turns = [
        [{"role": "user", "text": q, "messages": [0]}, {"role": "assistant", "text": a, "messages": [1]}]
        for q, a in zip(asked, answered, strict=True)
    ]
    frame = pl.DataFrame(
        {
            "id": [f"{i:016x}" for i in range(rows)], "conversation": [f"c{i // 3}" for i in range(rows)],
            "kind": ["pair"] * rows, "question": asked, "answer": answered, "cot": [None] * rows,
            "record": [False] * rows, "earlier": [0] * rows, "turns": turns,
        },
    )  # fmt: skip
    return frame.with_columns(pl.lit(None).alias(name) for name in tables.EXAMPLES if name not in frame.columns).select(
        pl.col(name).cast(kind) for name, kind in tables.EXAMPLES.items()
    )


def masked_before(pairs: pl.DataFrame, kinds: privacy.Masking) -> tuple[pl.DataFrame, pl.Series]:
    """Return pairs as a run has them, made of messages that were masked, and the texts in which nothing was found."""
    asks, replies = (pairs.select("conversation", text=side) for side in ("question", "answer"))
    both = pl.concat([asks, replies]).with_columns(asked=pl.lit(None, dtype=pl.String))
    said, _ = privacy.masked(both, kinds)
    question, answer = said.head(pairs.height), said.tail(pairs.height)
    turns = [
        pl.struct(role=pl.lit(role), text=text, messages=pl.lit([place], dtype=pl.List(pl.UInt32)))
        for place, (role, text) in enumerate((("user", question), ("assistant", answer)))
    ]
    kind = tables.EXAMPLES["turns"]
    return pairs.with_columns(question=question, answer=answer, turns=pl.concat_list(turns).cast(kind)), privacy.bare(
        said
    )


def both(pairs: pl.DataFrame, rules: list[packs_module.Rule], known: pl.Series | None = None) -> list[pl.DataFrame]:
    """Mask and judge pairs as a run does it (steps.py): a range of conversations for each core, side by side."""

    def work(frames: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        masked = privacy.examples(frames["messages"], privacy.EVERYTHING, known=known)
        return {"findings": judge(masked, rules, on="example", cores=1)}

    return [one["findings"] for one in side_by_side({"messages": pairs}, work)]


def timed(what: str, rows: int, work: Callable[[], object], runs: int) -> None:
    """Print the best of `runs`: rows a second."""
    best = min(_once(work) for _ in range(runs))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{what:34s} {rows:9,d} rows  {best:7.2f} s  {rows / best:11,.0f}/s  peak {peak:.1f} GiB", flush=True)


def _once(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", action="store_true", help="also the cost of every rule alone")
    options = parser.parse_args()
    packs = packs_module.load(Recipe().packs)
    said = messages(options.rows, options.seed)
    share = said["text"].n_unique() / said.height
    on = {name: [rule for rule in packs.rules if rule.on == name] for name in ("message", "example")}
    print(
        f"{pl.thread_pool_size()} threads, {share:.0%} of the texts distinct, mean {said['text'].str.len_chars().mean():.0f} characters"
    )
    print(f"{len(on['message'])} message rules, {len(on['example'])} example rules")
    everything = privacy.EVERYTHING
    seen = context(said)
    timed("context of messages", said.height, lambda: context(said), options.runs)
    timed("all message rules", said.height, lambda: judge(seen, packs.rules, on="message"), options.runs)
    timed(
        "masking (privacy.masked)",
        said.height,
        lambda: privacy.masked(said.select("conversation", "text", asked=pl.lit(None, dtype=pl.String)), everything),
        options.runs,
    )
    timed("mending and masking", said.height, lambda: mend(said, mask=everything), 1)
    if options.profile:
        profile(seen, on["message"])
    pairs = examples(options.rows // 4, options.seed)
    timed("all example rules", pairs.height, lambda: judge(pairs, packs.rules, on="example"), options.runs)
    timed("masking of examples", pairs.height, lambda: privacy.examples(pairs, everything), options.runs)
    timed("example rules incl. personal data", pairs.height, lambda: both(pairs, packs.rules), options.runs)
    before, bare = masked_before(pairs, everything)
    timed(
        "masking, messages masked before",
        before.height,
        lambda: privacy.examples(before, everything, known=bare),
        options.runs,
    )
    timed("the same with example rules", before.height, lambda: both(before, packs.rules, bare), options.runs)
    if options.profile:
        profile(pairs, on["example"])


def profile(frame: pl.DataFrame, rules: list[packs_module.Rule]) -> None:
    """Print what each rule costs alone, the dearest first."""
    costs = sorted(
        ((_once(lambda rule=rule: judge(frame, [rule], on=rule.on)), rule.name) for rule in rules), reverse=True
    )  # type: ignore[misc]
    for seconds, name in costs[:15]:
        print(f"    {seconds / frame.height * 1e9:8.0f} ns a row  {name}", flush=True)


if __name__ == "__main__":
    main()
