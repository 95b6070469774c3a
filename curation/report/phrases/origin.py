"""Another run beside this one, the files, and where all of it comes from."""

PHRASES: list[tuple[str, str, str]] = [
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
]
