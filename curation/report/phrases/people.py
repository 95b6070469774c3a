"""What people decided."""

PHRASES: list[tuple[str, str, str]] = [
    ("review", "人工审核", "Human review"),
    ("review.none", "还没有人审核过。", "Nobody has reviewed anything yet."),
    (
        "review.how",
        "开始审核：运行 siftune review，后面写上运行文件夹的名字。先看“抽样盲审”，一条记录按一个键；"
        "结论在下次整理时生效。",
        "To begin: siftune review, with the name of the run folder. Take the blind sample first, one key for each"
        " record; the decisions apply the next time the logs are curated.",
    ),
    (
        "review.decided",
        "已审核 {n} 条：保留 {keep}，丢弃 {drop}，改写 {edit}，拿不准 {unsure}，意见不一 {disagree}。",
        "{n:#record} decided: keep {keep}, drop {drop}, edit {edit}, unsure {unsure}, in dispute {disagree}.",
    ),
    ("review.bulk", "其中批量 {n} 条，不计入准确率。", "{n} of these in bulk, which count for no precision."),
    (
        "review.stale",
        "{n} 条审核结论已失效（内容变了），请重新审核。",
        "Out of date, since the text has changed, and back in the queue: {n:#decision}.",
    ),
    ("review.unknown", "{n} 条审核结论不属于这批数据。", "{n:#decision} on records that are not in this run."),
    (
        "review.seen",
        "抽样中有 {n} 条不是盲审：判定时已看到规则的说法，可能受其影响。",
        "Sampled but not blind, with what the rules said on the screen: {n:#decision}; these may have been led by it.",
    ),
    (
        "review.failed",
        "有 {n} 条规则的抽样准确率低于门槛：{names}。",
        "Sampled precision below the gate, {n:#rule}: {names}.",
    ),
    (
        "review.undecided",
        "抽样还不够，至少再审 {n} 条才能判定这些规则是否达标：{names}。",
        "Too few decisions to tell whether these rules reach the gate, at least {n} more needed: {names}.",
    ),
    (
        "review.unsampled",
        "有 {n} 条丢弃规则尚无人抽样检查：{names}。",
        "Nobody has decided a sample yet of {n:#drop rule}: {names}.",
    ),
    (
        "review.nobody",
        "规则丢得对不对，尚无人抽样检查。",
        "Nobody has looked at a sample yet of what the rules drop.",
    ),
    (
        "review.states",
        "抽样的规则：{passed} 条达到门槛，{failed} 条未达，{more} 条还需审核。",
        "Sampled rules: {passed} reach the gate, {failed} do not, {more} need more decisions.",
    ),
    ("review.precision.title", "规则丢得对不对", "Are the rules right?"),
    (
        "review.precision.caption",
        "随机抽取规则丢弃的记录，看人是否也认为该丢弃；横条是 95% Wilson 区间，虚线是门槛 {gate}。"
        "整个区间高于门槛为达到，低于门槛为未达，否则要再审。",
        "Of a random sample of what each rule dropped, how much people would drop too. The bar is the 95 % Wilson"
        " interval, the dashed line the gate of {gate}: all of the bar above it passes, all below fails, else more"
        " is needed.",
    ),
    ("review.sampled", "已审／共丢弃", "Decided of dropped"),
    ("review.right", "丢得对", "Rightly"),
    ("review.share", "准确率", "Precision"),
    ("review.interval", "95% 区间", "95 % interval"),
    ("review.alone", "仅此规则", "Only this rule"),
    ("review.result", "结果", "Result"),
    ("review.kept.title", "保留的样本里还有多少该丢弃（漏检率）", "What was kept and should have gone (miss rate)"),
    ("review.kept.none", "还没有人抽查保留的样本。", "Nobody has looked at a sample of what was kept."),
    ("review.agreement.title", "审核人的结论一致吗", "Do people agree?"),
    (
        "review.agreement.caption",
        "“与自己”：审过的记录隔一段时间不作标记地再出现一次，看前后说法是否一致。"
        "kappa 是扣除碰巧一致之后的一致程度，1 为完全一致。",
        "“Themselves”: decided records that came back later, unmarked. Kappa is agreement beyond chance; 1 is perfect.",
    ),
    ("review.agreement.none", "还没有两个人判定过同一条记录。", "No two people have decided the same record yet."),
    ("review.who", "审核人", "Who"),
    ("review.common", "共同判定", "In common"),
    ("review.percent", "一致率", "Agreement"),
    ("review.kappa", "Cohen's kappa（一致性系数）", "Cohen's kappa"),
    ("review.meaning", "解读", "Meaning"),
    ("review.two", "{one} 与 {other}", "{one} and {other}"),
    ("review.self", "{name} 与自己（隔一段时间）", "{name} and themselves, later"),
    (
        "review.tune",
        "规则偏严时，siftune rules tune 会根据这些结论建议阈值，不会自动修改。",
        "Where a rule drops too much, siftune rules tune suggests a threshold from these decisions; it changes nothing"
        " itself.",
    ),
    ("kappa.high", "高度一致", "very good"),
    ("kappa.good", "比较一致", "good"),
    ("kappa.middle", "一致性一般：请一起明确标准", "moderate: agree on what is good"),
    ("kappa.low", "一致性差：请先统一标准再审核", "poor: agree on what is good first"),
    ("kappa.none", "结论没有变化，无法计算", "all the same word: cannot be told"),
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
        "{who}：共同判定 {n} 条，一致率 {share}，Cohen's kappa {kappa}（{word}）。",
        "{who}: {n:#record} in common, agreement {share}, Cohen's kappa {kappa} ({word}).",
    ),
]
