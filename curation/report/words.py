"""Every word that siftune's reports say, in Chinese and in English.

`{n:#message}` is a number with its noun: 1 message, 2,000 messages. Other numbers get thousands commas.
"""

from typing import Literal, NamedTuple

from curation.report.text import one_line

Language = Literal["zh", "en"]


class Words(NamedTuple):
    """The same thing said in both languages."""

    zh: str
    en: str

    def into(self, language: Language) -> str:
        """Return one of the two."""
        return self.zh if language == "zh" else self.en


class _Number(int):
    def __format__(self, spec: str) -> str:
        if spec.startswith("#"):
            return f"{int(self):,} {spec[1:]}{'' if self == 1 else 's'}"
        return format(int(self), spec or ",")


def say(key: str, **values: object) -> Words:
    """Say the sentence with that key, with the values in their places."""
    words = WORDS[key]
    shown = {
        name: _Number(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in values.items()
    }
    return Words(
        words.zh.format(**{name: v.zh if isinstance(v, Words) else v for name, v in shown.items()}),
        words.en.format(**{name: v.en if isinstance(v, Words) else v for name, v in shown.items()}),
    )


def name_of(group: str, key: str) -> Words:
    """Return the name of one of a group's things; a thing that has no name here is called by its key."""
    shown = one_line(key, 60)
    return WORDS.get(f"{group}.{key}", Words(shown, shown))


def mend_name(mend: str) -> Words:
    """Return the name of a mend; masking personal data is one too, called by the kind of data."""
    return name_of("personal" if f"personal.{mend}" in WORDS else "mend", mend)


def percent(part: float, whole: float) -> str:
    """Write a share: 46.3%; – where there is nothing to have a share of."""
    return f"{part / whole:.1%}" if whole else "–"


def change(before: int, after: int) -> str:
    """Write a change with a real minus sign: −12.3%; – where it began with nothing."""
    if not before:
        return "–"
    return f"{after / before - 1:+.1%}".replace("-", "−") if after != before else "±0%"


def figure(value: float) -> str:
    """Write a number with up to four digits after the point: 9,731 or 0.83."""
    return f"{value:,.4f}".rstrip("0").rstrip(".")


def size(count: int) -> str:
    """Write a file's size: 812 B, 1.2 MB."""
    if count < 1000:
        return f"{count} B"
    for unit, value in (("kB", count / 1e3), ("MB", count / 1e6), ("GB", count / 1e9)):
        if value < 999.95:
            return f"{value:.1f} {unit}"
    return f"{count / 1e12:,.1f} TB"


WORDS: dict[str, Words] = {
    key: Words(zh, en)
    for key, zh, en in [
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
        # 1 Funnel
        ("funnel", "数据流向", "Where the records went"),
        ("funnel.stage", "阶段", "Stage"),
        ("stage.messages", "读入的消息", "messages read"),
        ("stage.clean_messages", "清洗后的消息", "clean messages"),
        ("stage.turns", "合并后的轮次", "turns, joined"),
        ("stage.candidates", "候选样本", "candidate examples"),
        ("stage.passed_rules", "通过规则", "passed the rules"),
        ("stage.unique", "去重之后", "after deduplication"),
        ("stage.exported", "导出", "exported"),
        (
            "funnel.units",
            "单位先是消息，再合并为轮次，最后成为样本：单位变化处不计百分比。",
            "Messages are joined into turns, turns become examples: no percentage where the unit changes.",
        ),
        ("funnel.unit.turns", "由消息合并", "joined messages"),
        ("funnel.unit.candidates", "由轮次组成", "made of turns"),
        ("ledger", "消息去向", "Where each message is"),
        (
            "ledger.sum",
            "{messages} 条消息 = {example} 条进入样本 + {held} 条待人工 + {dropped} 条丢弃",
            "{messages:#message} = {example} in examples + {held} held + {dropped} dropped",
        ),
        ("ledger.balanced", "数目对得上，一条不少", "balanced, nothing disappeared"),
        ("ledger.unbalanced", "数目对不上", "does not balance"),
        (
            "ledger.lines",
            "输入文件共 {lines} 条记录，其中 {unreadable} 条无法读取（见 unreadable.jsonl）。",
            "{lines:#record} in the input files; {unreadable} unreadable (see unreadable.jsonl).",
        ),
        ("fate.example", "进入样本", "in examples"),
        ("fate.held", "待人工", "held"),
        ("fate.dropped", "丢弃", "dropped"),
        ("verdicts.caption", "样本判定", "Verdicts on examples"),
        ("verdicts.kind", "类型", "Kind"),
        ("kind.pair", "单轮问答", "pairs"),
        ("kind.dialogue", "多轮对话", "dialogues"),
        ("kind.one.pair", "单轮问答", "pair"),
        ("kind.one.dialogue", "多轮对话", "dialogue"),
        ("action.keep", "保留", "keep"),
        ("action.review", "待人工", "review"),
        ("action.drop", "丢弃", "drop"),
        ("action.note", "提示", "note"),
        # 2 Rules
        ("rules", "规则", "Rules"),
        ("rules.rule", "规则", "Rule"),
        ("rules.why", "为什么", "Why"),
        ("rules.action", "动作", "Action"),
        ("rules.hits", "命中", "Hits"),
        ("rules.alone", "仅此规则", "Only this rule"),
        (
            "rules.caption",
            "浅色条 = 命中次数；深色条 = 只因这一条规则而丢弃或待人工的数量。",
            "Light bar = hits; dark bar = dropped or held by this rule only.",
        ),
        ("rules.precision", "抽样准确率", "Sampled precision"),
        (
            "rules.precision.caption",
            "抽样准确率：蓝条 = 95% Wilson 区间，虚线 = 门槛 {gate}。",
            "Sampled precision: blue bar = 95 % Wilson interval, dashed line = gate {gate}.",
        ),
        ("rules.not-sampled", "未抽样", "not sampled"),
        ("precision.pass", "达到门槛", "reaches the gate"),
        ("precision.fail", "低于门槛", "below the gate"),
        ("precision.more", "还需审核 {n} 条", "review {n} more"),
        ("rules.together", "常同时命中：", "often together with: "),
        ("rules.none", "没有规则命中。", "No rule fired."),
        ("rules.examples", "样例 {n} 条", "{n:#example}"),
        ("rules.example", "样例", "Example"),
        ("rules.evidence", "依据", "Evidence"),
        ("on.line", "输入行", "line"),
        ("on.message", "消息", "message"),
        ("on.example", "样本", "example"),
        # 3 Mends
        ("mends", "修补", "Mends"),
        ("mends.mend", "修补", "Mend"),
        ("mends.hits", "消息数", "Messages"),
        ("mends.examples", "修补前后", "Before and after"),
        ("mends.none", "没有消息需要修补。", "No message needed mending."),
        (
            "mends.caption",
            "不改变意思的修补，每一处都有记录。",
            "Repairs that keep the meaning; each is recorded.",
        ),
        ("mend.unicode", "统一 Unicode 写法", "Unicode forms"),
        ("mend.html-entity", "还原 HTML 转义", "HTML entities"),
        ("mend.html-tag", "去除 HTML 标签", "HTML tags"),
        ("mend.invisible-character", "去除不可见字符", "invisible characters"),
        ("mend.full-width", "全角转半角", "full-width letters"),
        ("mend.emoji-code", "去除表情代码", "emoji codes"),
        ("mend.handle", "去除 @ 称呼", "@ handles"),
        ("mend.signature", "去除客服署名", "agents' signatures"),
        ("mend.order", "按时间重新排序", "put in order of time"),
        ("mend.cut-message", "接上被截断的消息", "cut messages joined"),
        ("mend.split-mark", "去除分段标记", "split marks such as 1/2"),
        ("mend.surplus-space", "去除多余空白", "surplus space"),
        # 4 Query types
        ("types", "意图分布", "Query types"),
        ("types.type", "意图", "Query type"),
        (
            "types.caption",
            "空心圆 = 整理前占候选样本的比例；实心圆 = 整理后占导出样本的比例。",
            "Hollow = share of the candidates before; solid = share of the exported examples after.",
        ),
        ("types.none", "没有识别到意图。", "No query type was recognised."),
        ("types.missing", "缺失", "missing"),
        (
            "types.missing-line",
            "客户问到、导出的数据里却没有：{names}。",
            "Asked for, but without any exported example: {names}.",
        ),
        (
            "types.unasked-line",
            "这份记录里没有人问到：{names}。",
            "Nobody in this log asks for: {names}.",
        ),
        ("types.complete", "每类意图都有样本。", "Every query type has examples."),
        ("diversity", "多样性", "Diversity"),
        (
            "diversity.unknown",
            "样本太少，无法判断多样性。",
            "There are too few examples to speak of diversity.",
        ),
        ("evenness.high", "各类意图分布均衡", "Query types are well balanced"),
        ("evenness.middle", "意图略有偏重", "Some query types outweigh others"),
        ("evenness.low", "大部分样本集中在少数意图上", "A few query types make up most of it"),
        (
            "diversity.evenness",
            "{word}：均衡度 {value}（1 为完全均衡）。",
            "{word}: evenness {value} (1 = all equal).",
        ),
        (
            "diversity.effective",
            "丰富程度相当于 {value} 种数量相等的意图。",
            "As varied as {value} query types of equal size.",
        ),
        (
            "diversity.questions",
            "每 100 个问题约有 {n} 种问法。",
            "About {n} ways of asking in 100 questions.",
        ),
        (
            "diversity.openings",
            "每 100 个回答约有 {n} 种开头。",
            "About {n} different openings in 100 answers.",
        ),
        (
            "diversity.openings.low",
            "每 100 个回答只有约 {n} 种开头，模型容易学成一个腔调。",
            "Only about {n} different openings in 100 answers: a model may learn one tone.",
        ),
        (
            "diversity.change",
            "整理前 → 整理后：相当于 {types} 种同样常见的类型；最常见的十种句式占 {common}；"
            "与最相近问题的平均相似度 {near}。",
            "Before → after: as varied as {types} equally common types; the ten most common sentence frames hold"
            " {common}; mean similarity to the nearest question {near}.",
        ),
        (
            "diversity.thin",
            "样本偏少（不足 {n} 条）的类型：{names}。",
            "Types with fewer than {n} examples: {names}.",
        ),
        # 5 Lengths
        ("lengths", "长度与轮次", "Lengths and turns"),
        (
            "lengths.caption",
            "虚线 = 整理前；实线 = 整理后。纵轴为各自占比。",
            "Dashed = before; solid = after. Height: share of each.",
        ),
        ("lengths.question", "问题长度（字符）", "Question length (characters)"),
        ("lengths.answer", "回答长度（字符）", "Answer length (characters)"),
        ("lengths.turns", "对话轮数", "Turns in a dialogue"),
        ("lengths.numbers", "查看数字", "Numbers"),
        ("lengths.bin", "区间", "Range"),
        ("bin.closed", "{low}–{high}", "{low}–{high}"),
        ("bin.open", "{low} 及以上", "{low} or more"),
        # 6 Languages, duplicates, chains of thought, personal data
        ("also", "语言、重复、推理、个人信息", "Languages, duplicates, reasoning, personal data"),
        ("languages", "语言", "Languages"),
        ("languages.none", "没有识别到语言。", "No language was recognised."),
        ("language.zh", "中文", "Chinese"),
        ("language.en", "英文", "English"),
        ("language.ja", "日文", "Japanese"),
        ("language.ko", "韩文", "Korean"),
        ("language.mixed", "中英混合", "mixed"),
        ("language.other", "其他", "other"),
        ("language.und", "无法判断", "unknown"),
        ("language.unknown", "无法判断", "unknown"),
        ("duplicates", "重复", "Duplicates"),
        ("duplicates.none", "没有发现重复样本。", "No duplicates were found."),
        (
            "duplicates.found",
            "有 {clusters} 组重复（相似度不低于 {threshold}），丢弃 {dropped} 条；最大一组 {largest} 条。",
            "{clusters:#group} of duplicates (similarity {threshold} or more), {dropped} dropped;"
            " the largest has {largest:#example}.",
        ),
        (
            "duplicates.more",
            "另有：套话超出上限 {canned} 条，重复提问 {asked_again} 条，早先的数据里已有 {seen_before} 条。",
            "Besides: {canned} beyond the cap of a canned answer, {asked_again} asked again,"
            " {seen_before} in earlier sets.",
        ),
        ("duplicates.pairs", "判为重复的，最不像的在前", "Merged, the least similar first"),
        ("duplicates.borderline", "差一点判为重复的，最像的在前", "Not merged, the most similar first"),
        ("duplicates.one", "一条", "One"),
        ("duplicates.other", "另一条", "The other"),
        ("duplicates.kept", "保留的", "Kept"),
        ("duplicates.dropped", "丢弃的", "Dropped"),
        ("duplicates.similarity", "相似度", "Similarity"),
        ("cot", "推理过程（CoT）", "Reasoning (CoT)"),
        ("cot.none", "数据中没有推理过程。", "No record carries reasoning."),
        (
            "cot.found",
            "{records} 条样本带推理过程，保留 {kept} 条。",
            "{records:#example} with reasoning, {kept} kept.",
        ),
        ("personal-data", "个人信息", "Personal data"),
        ("personal-data.kind", "种类", "Kind"),
        ("personal-data.left", "导出后仍有", "Left in export"),
        (
            "personal-data.none",
            "没有发现可识别的个人信息（没有提示词的姓名和昵称认不出来）。",
            "No personal data of a known kind was found (names that nothing announces, and nicknames, are not seen).",
        ),
        ("personal-data.caption", "只列数量，不列内容。", "Numbers only, never the data."),
        ("personal.link-token", "链接里的令牌", "token in a link"),
        ("personal.secret", "密钥、密码、验证码", "key, password or code"),
        ("personal.passport", "护照号", "passport number"),
        ("personal.tax-number", "税号", "tax number"),
        ("personal.name", "姓名", "name"),
        ("personal.address", "地址", "address"),
        ("personal.email", "电子邮箱", "e-mail address"),
        ("personal.identity-card", "身份证号", "identity card"),
        ("personal.iban", "银行账号", "bank account"),
        ("personal.device", "设备号", "device number"),
        ("personal.bank-card", "银行卡号", "bank card"),
        ("personal.mobile", "手机号码", "mobile number"),
        ("personal.phone", "固定及其他电话", "other phone number"),
        ("personal.ip", "IP 地址", "IP address"),
        ("personal.plate", "车牌号", "licence plate"),
        ("personal.chat-account", "社交账号", "chat account"),
        ("personal.tracking-number", "运单号", "tracking number"),
        ("personal.order-number", "订单号", "order number"),
        # 7 and 8 Examples
        ("kept", "保留的样本", "Kept examples"),
        (
            "kept.caption",
            "随机抽取 {n} 条（种子固定）。左：原始对话，删去的字带删除线；右：整理后，新增的字带下划线。",
            "{n:#random example} (fixed seed). Left: the raw log, what left is struck out;"
            " right: the example, what is new is underlined.",
        ),
        ("kept.none", "没有保留的样本。", "No example was kept."),
        ("kept.raw", "原始对话", "Raw"),
        ("kept.curated", "整理后", "Curated"),
        ("kept.score", "得分", "score"),
        ("dropped", "丢弃的样本", "Dropped examples"),
        (
            "dropped.caption",
            "随机抽取 {n} 条，附全部丢弃理由；规则找到的字句已标出。",
            "{n:#random example}, each with all its reasons; what the rules found is marked.",
        ),
        ("dropped.none", "没有丢弃的样本。", "No example was dropped."),
        ("dropped.because", "理由", "Because of"),
        ("dropped.text", "内容", "Text"),
        ("role.user", "用户", "Customer"),
        ("role.assistant", "客服", "Agent"),
        ("role.system", "系统", "System"),
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
        # Comparison
        ("comparison", "与另一次运行相比", "Compared with another run"),
        (
            "comparison.with",
            "对比的运行：{name}。配方{recipe}，规则包{packs}，输入{inputs}。",
            "Compared with {name}: recipe {recipe}, packs {packs}, inputs {inputs}.",
        ),
        ("comparison.same", "相同", "the same"),
        ("comparison.other", "不同", "changed"),
        ("comparison.old", "上次", "Then"),
        ("comparison.new", "这次", "Now"),
        ("comparison.what", "项目", "What"),
        ("comparison.rules", "命中数有变化的规则", "Rules with another number of hits"),
        ("comparison.types", "导出数有变化的意图", "Query types with another number of exports"),
        ("comparison.moved", "判定有变化的样本", "Examples with another verdict"),
        ("comparison.moved.none", "没有样本的判定发生变化。", "No example has another verdict."),
        ("comparison.count", "样本数", "Examples"),
        ("moved.keep", "保留", "kept"),
        ("moved.review", "待人工", "held"),
        ("moved.drop", "丢弃", "dropped"),
        ("moved.absent", "不存在", "not there"),
        ("delta.messages", "读入的消息", "messages read"),
        ("delta.unreadable", "无法读取的记录", "unreadable records"),
        ("delta.conversations", "会话", "conversations"),
        ("delta.candidates", "候选样本", "candidate examples"),
        ("delta.pairs", "保留的单轮问答", "pairs kept"),
        ("delta.dialogues", "保留的多轮对话", "dialogues kept"),
        ("delta.review", "待人工的样本", "examples held"),
        ("delta.drop", "丢弃的样本", "examples dropped"),
        ("delta.dropped_messages", "丢弃的消息", "messages dropped"),
        ("delta.duplicates", "因重复丢弃的样本", "examples dropped as duplicates"),
        ("delta.conflicts", "答案互相矛盾的问题", "questions with contradicting answers"),
        ("delta.evenness", "意图均衡度", "query-type evenness"),
        ("delta.personal_data_left", "导出中的个人信息", "personal data in the export"),
        # 9 and 10
        ("files", "产出文件", "Files"),
        ("files.none", "没有产出文件。", "No file was written."),
        ("provenance", "出处", "Provenance"),
        ("provenance.version", "siftune 版本", "siftune version"),
        ("provenance.recipe", "配方校验值（SHA-256）", "Recipe (SHA-256)"),
        ("provenance.inputs", "输入文件", "Inputs"),
        ("provenance.packs", "规则包", "Rule packs"),
        ("provenance.rules", "规则数", "Rules"),
        (
            "footer",
            "由 siftune 生成。本页不含脚本，也不访问网络；日志文本中能识别的个人信息已换成占位符，"
            "没有提示词的姓名和昵称除外。",
            "Made by siftune, without scripts or network. Personal data of known kinds in log text is replaced; "
            "names that nothing announces, and nicknames, are not.",
        ),
        # What the stages themselves find, which no pack explains
        (
            "why.read/unreadable-line",
            "这一行无法读成消息；文件、行号和原因见 unreadable.jsonl。",
            "The line could not be read as a message; file, line and reason are in unreadable.jsonl.",
        ),
        (
            "why.read/duplicate-row",
            "导出文件里这一行出现了两次，只留第一份。",
            "The export holds this row twice; the first copy is kept.",
        ),
        (
            "why.sessions/bot-turn",
            "这句是机器人说的；配方规定机器人的话不作训练答案。",
            "A bot said this, and the recipe says that bots do not teach.",
        ),
        (
            "why.sessions/before-handover",
            "这句是转人工之前客户对机器人说的。",
            "The customer said this to a bot, before a person took over.",
        ),
        (
            "why.extract/unanswered",
            "这条消息之后没有客服的回答，没有可学的内容。",
            "No answer of the agent follows this message: there is nothing to learn from it.",
        ),
        (
            "why.extract/unprompted",
            "这条消息之前没有客户的问题。",
            "No question of the customer stands before this message.",
        ),
        (
            "why.dedup/near-duplicate",
            "同样的问答已保留了更好的一份。",
            "A better copy of the same question and answer is kept.",
        ),
        (
            "why.dedup/canned-answer",
            "同一句套话已经保留得够多了。",
            "The same canned answer is kept often enough already.",
        ),
        (
            "why.dedup/asked-again",
            "另一条更好的样本问了同样的问题，回答也一致。",
            "A better example asks the same question and answers it alike.",
        ),
        (
            "why.dedup/seen-before",
            "早先的数据里已有同样的问答。",
            "An earlier set holds the same question and answer.",
        ),
        (
            "why.dedup/question-seen-before",
            "早先的数据里已有同样的问题。",
            "An earlier set asks the same question.",
        ),
        (
            "why.dedup/conflicting-answers",
            "同样的问题在别处有不同的回答，需要人来判断哪个对。",
            "The same question has another answer elsewhere; a person must say which is right.",
        ),
        # Gate checks by name
        ("check.exported_examples", "可训练的样本数", "Examples to train on"),
        ("check.imprecise_rules", "抽样准确率不达标的规则数", "Rules whose sampled precision is too low"),
        ("check.personal_data_left", "导出中的个人信息数", "Personal data in the export"),
    ]
}
