"""What the stages themselves find, which no pack explains."""

PHRASES: list[tuple[str, str, str]] = [
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
]
