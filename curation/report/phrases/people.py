"""What people decided."""

PHRASES: list[tuple[str, str, str]] = [
    # What people decided
    ("review", "人工审核", "Human review"),
    ("review.none", "还没有人审核过。", "Nobody has reviewed anything yet."),
    (
        "review.decided",
        "已审核 {n} 条：保留 {keep}，丢弃 {drop}，改写 {edit}，拿不准 {unsure}，意见不一 {disagree}。",
        "{n:#record} decided: keep {keep}, drop {drop}, edit {edit}, unsure {unsure}, in dispute {disagree}.",
    ),
    ("review.bulk", "其中批量 {n} 条，不计入准确率。", "{n} of these in bulk, which count for no precision."),
    (
        "review.stale",
        "{n} 条审核结论已失效（内容变了），请重新审核。",
        "{n:#decision} out of date, since the text has changed: back in the queue.",
    ),
    ("review.unknown", "{n} 条审核结论不属于这批数据。", "{n:#decision} on records that are not in this run."),
    (
        "review.precision",
        "{rule} 抽样准确率 {share}（{right}/{n}，95% 区间 {low}–{high}），{state}。",
        "{rule}: sampled precision {share} ({right} of {n}, 95 % interval {low}–{high}), {state}.",
    ),
    ("review.pass", "达到门槛 {gate}", "reaches the gate of {gate}"),
    ("review.fail", "低于门槛 {gate}", "below the gate of {gate}"),
    (
        "review.more",
        "门槛 {gate} 尚无定论，至少再审 {more} 条",
        "gate of {gate} still open, at least {more} more needed",
    ),
    (
        "review.missed",
        "漏检率 {share}（抽查保留样本 {n} 条，{missed} 条应丢弃，95% 区间 {low}–{high}）。",
        "Miss rate {share} ({missed} of {n} sampled kept examples should go, 95 % interval {low}–{high}).",
    ),
    (
        "review.agreement",
        "{one} 与 {other}：{n} 条共同审核，一致率 {share}，Cohen's kappa {kappa}。",
        "{one} and {other}: {n:#record} in common, agreement {share}, Cohen's kappa {kappa}.",
    ),
]
