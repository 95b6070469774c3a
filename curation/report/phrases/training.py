"""What a training on the run did."""

PHRASES: list[tuple[str, str, str]] = [
    # Training
    ("training", "训练", "Training"),
    (
        "training.steps",
        "{model}（{device}）：训练 {steps} 步（计划 {planned} 步），采用第 {best} 步的适配器。",
        "{model} ({device}): {steps:#step} of {planned} planned; the adapter of step {best} was kept.",
    ),
    (
        "training.stopped",
        "验证损失不再下降，提前停止。",
        "Stopped early: the validation loss no longer fell.",
    ),
    ("training.mixture", "训练数据的混合", "What it was trained on"),
    ("training.domain", "业务数据", "domain data"),
    ("training.general", "通用数据", "general data"),
    (
        "training.share",
        "{domain} 条业务数据 + {general} 条通用数据："
        "通用数据占记录数的 {records}（目标 {wanted}），占词元数的 {tokens}。",
        "{domain:#domain record} + {general:#general record}: general data is {records} of the records"
        " (wanted: {wanted}) and {tokens} of the tokens.",
    ),
    ("training.losses", "损失曲线", "Loss"),
    ("training.losses.axis", "步数", "step"),
    ("training.losses.none", "没有损失记录。", "No loss was recorded."),
    ("training.line.train", "训练", "training"),
    ("training.line.domain", "验证（业务）", "validation (domain)"),
    ("training.line.general", "验证（通用）", "validation (general)"),
    ("training.best", "采用", "kept"),
    ("training.early", "提前停止", "stopped early"),
    ("training.base", "基座", "Base"),
    ("training.tuned", "微调后", "Tuned"),
    (
        "training.learned",
        "学到了业务：业务验证损失从 {before} 降到 {after}。",
        "It learned the domain: validation loss fell from {before} to {after}.",
    ),
    (
        "training.not-learned",
        "没有学到业务：业务验证损失从 {before} 到 {after}，没有下降。",
        "It did not learn the domain: validation loss went from {before} to {after}.",
    ),
    (
        "training.kept-general",
        "没有遗忘：通用数据上的损失从 {before} 到 {after}，没有上升。",
        "It did not forget: the loss on general data went from {before} to {after}, not up.",
    ),
    (
        "training.forgot",
        "有所遗忘：通用数据上的损失从 {before} 升到 {after}；可以增加通用数据、降低秩，或更早停止。",
        "It forgets: the loss on general data rose from {before} to {after};"
        " mix in more general data, lower the rank, or stop earlier.",
    ),
    (
        "training.moved",
        "在通用问题上，预测平均偏离基座 {nats} 纳特/词元（KL 散度）。",
        "On general questions its predictions moved by {nats} nats per token from the base model's (KL).",
    ),
    (
        "training.tokens",
        "平均回答长度从 {before} 个词元变为 {after} 个。",
        "The mean answer went from {before} to {after} tokens.",
    ),
    ("flag.empty", "空回答", "empty"),
    ("flag.echo", "复述问题", "echoes the question"),
    ("flag.loop", "陷入重复", "repeats itself"),
    ("flag.no-stop", "没有自己停下来", "did not stop by itself"),
    ("flag.language", "语言不一致", "another language"),
    ("flag.code", "无故输出代码", "code that nobody asked for"),
    ("training.generations", "同一个问题，两个模型的回答", "The same question to both models"),
    (
        "training.generations.caption",
        "指标再好，也要看模型实际怎么说。",
        "Whatever the loss says: look at what the model says.",
    ),
    ("training.question", "问题", "Question"),
    ("training.reference", "客服原答", "The agent's answer"),
    ("training.kind.domain", "业务", "domain"),
    ("training.kind.general", "通用", "general"),
]
