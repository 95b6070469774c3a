"""What stands at the top of every report: common words, the verdict, the cards, and the gate's checks."""

PHRASES: list[tuple[str, str, str]] = [
    ("title", "数据质量报告", "Data quality report"),
    ("language", "语言", "Language"),
    ("contents", "目录", "Contents"),
    ("recipe", "配方", "recipe"),
    ("seed", "随机种子", "seed"),
    ("verdict", "结论", "Verdict"),
    ("colon", "：", ": "),
    ("none", "无", "none"),
    ("n", "数量", "Count"),
    ("share", "占比", "Share"),
    ("change", "变化", "Change"),
    ("before", "整理前", "Before"),
    ("after", "整理后", "After"),
    ("found", "发现", "Found"),
    ("source", "位置", "Source"),
    ("name", "名称", "Name"),
    ("file", "文件", "File"),
    ("records", "记录数", "Records"),
    ("size", "大小", "Size"),
    ("encoding", "编码", "Encoding"),
    ("sha", "校验值（SHA-256，前 16 位）", "SHA-256 (first 16 digits)"),
    ("no-data", "没有可供绘图的数据。", "There is nothing to draw."),
    ("more-rows", "另有 {n} 行未列出，完整数据见 report.json。", "{n:#more row} in report.json."),
    ("cut", "…（此处省略 {n} 字）", "… ({n:#character} not shown)"),
    ("more-turns", "另有 {n} 条未列出", "{n:#more turn} not shown"),
    (
        "shortened",
        "为控制文件大小，示例已缩短或省略；完整内容见 report.json 与数据文件。",
        "Examples were shortened to keep this page small; report.json and the data have them all.",
    ),
    # What happened
    (
        "headline",
        "从 {conversations} 个会话、{messages} 条消息中，整理出 {exported} 条可以训练的样本"
        "（训练集 {train} 条，验证集 {val} 条）；另有 {review} 条待人工，{drop} 条已丢弃。",
        "{messages:#message} in {conversations:#conversation} became {exported:#example} to train on"
        " ({train} for training, {val} for validation); {review} held for a person, {drop} dropped.",
    ),
    (
        "headline.nothing-exported",
        "没有得到可以训练的样本：读入 {messages} 条消息，找到 {found} 条候选样本，"
        "其中 {review} 条待人工，{drop} 条已丢弃。",
        "There is nothing to train on: {messages:#message} gave {found:#candidate},"
        " of which {review} held for a person and {drop} dropped.",
    ),
    (
        "headline.nothing-read",
        "输入中没有读到任何消息，有 {unreadable} 条记录无法读取。",
        "No message was read from the input; {unreadable:#record} could not be read.",
    ),
    ("headline.no-input", "输入中没有任何记录。", "There was no record in the input."),
    ("gate.pass", "达到门槛", "gate passed"),
    ("gate.fail", "未达门槛", "gate failed"),
    ("gate.none", "未设门槛", "no gate set"),
    ("gate.caption", "门槛逐项检查", "Gate, check by check"),
    ("gate.check", "检查项", "Check"),
    ("gate.value", "实际", "Value"),
    ("gate.limit", "要求", "Limit"),
    ("gate.result", "结果", "Result"),
    ("gate.at_least", "至少 {limit}", "at least {limit}"),
    ("gate.at_most", "至多 {limit}", "at most {limit}"),
    ("gate.passed", "达到", "passed"),
    ("gate.failed", "未达", "failed"),
    (
        "gate.check-failed",
        "{name}为 {value}，要求{limit}。",
        "{name} is {value}, should be {limit}.",
    ),
    ("warn", "注意", "Attention"),
    (
        "warn.personal-data",
        "导出的文本中仍有 {n} 处个人信息，交付前请先处理。",
        "{n:#piece} of personal data still in the exported text: deal with that before handing it on.",
    ),
    (
        "warn.ledger",
        "消息数目对不上，请不要使用这份数据，并向开发者报告。",
        "The ledger of messages does not balance: do not use this data, and report the fault.",
    ),
    (
        "warn.missing",
        "客户问到、却没有样本的意图：{names}。",
        "Query types that customers ask for, without any example: {names}.",
    ),
    (
        "warn.conflicts",
        "有 {n} 组相同问题的答案互相矛盾。",
        "Contradicting answers: {n:#group} of the same question.",
    ),
    # Cards
    ("card.candidates", "候选样本", "candidate examples"),
    ("card.exported", "导出（{share}）", "exported ({share})"),
    ("card.mended", "被修补的消息", "messages mended"),
    ("card.review", "待人工", "held for a person"),
    ("card.evenness", "意图均衡度", "query-type evenness"),
    ("card.personal-data", "导出中的个人信息", "personal data in export"),
    # Gate checks by name
    ("check.exported_examples", "可训练的样本数", "Examples to train on"),
    ("check.imprecise_rules", "抽样准确率不达标的规则数", "Rules whose sampled precision is too low"),
    ("check.personal_data_left", "导出中的个人信息数", "Personal data in the export"),
]
