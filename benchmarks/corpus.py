"""The corpora of the deduplication benchmark: chat texts in Chinese and English, made up here, and the exact truth.

    natural     20 to 300 characters, one in twenty 2 to 10; four of five stand alone, one of five is an edit of another
    copies      one tenth are copies of one text
    variants    three of a hundred are one order notice with other names, numbers and dates: 30,000 of a million
    notices     three tenths are, which is ten times as hard
    canned      half of all texts begin with the same long sentence

Of more than a hundred thousand texts, each hundred thousand are in letters of their own. The vocabulary is small: else a
million texts would be far more alike than a hundred thousand, and growth would measure that. What makes a corpus hard (the
copies, the notices, the canned sentence) is the same in all letters.

Edits replace, insert or delete characters, one at a time, until the Jaccard similarity of the five-letter shingles falls
to the one that was planned. What is similar is then counted, not believed: `similar_pairs` is an exact join by prefix
filter (Bayardo et al., Scaling Up All Pairs Similarity Search, 2007), compiled by Numba, and sketches nothing.
"""

from __future__ import annotations

import random
import string

import numba
import numpy as np

NGRAM = 5
BLOCK = 100_000  # texts in the same letters
THRESHOLD = 0.8
PLANNED = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)

ZH_THINGS = "空气炸锅 布艺沙发 蓝牙耳机 儿童羽绒服 电动牙刷 不粘炒锅 机械键盘 净水器滤芯 婴儿推车 瑜伽垫 扫地机器人 落地灯 登山鞋 行李箱 保温杯 乳胶枕 窗帘 显示器 数据线 台历 山地车 鱼缸 猫粮 吸顶灯 茶几 打印机 双肩包 榨汁机 护眼台灯 电热毯".split()  # noqa: SIM905
ZH_FAULTS = "一直没有发货 物流三天没更新 收到就是坏的 少发了一个配件 颜色和图片不一样 尺码偏小穿不上 充不进电 屏幕有一条亮线 噪音特别大 漏水了 味道很重 开不了机 包装破了 发错型号了 优惠券没有抵扣 价格第二天就降了 发票抬头写错了 地址填错了 退款没有到账 客服电话打不通 赠品没有寄 安装师傅没来 保修卡找不到 积分没有返 签收了但是没收到".split()  # noqa: SIM905
ZH_ASKS = "请问怎么处理 能帮我查一下吗 可以换一个新的吗 能不能退款 什么时候能到 麻烦催一下仓库 可以改地址吗 要怎么申请售后 运费谁出 能补发吗 可以开发票吗 有没有别的办法 什么时候给我答复 能不能先退差价 帮我取消吧 需要我提供什么 可以上门取件吗".split()  # noqa: SIM905
ZH_ANSWERS = "请在订单详情里点申请售后并上传照片 我们会在一到三个工作日内审核 仓库签收后原路退回您的付款账户 快递员会提前打电话和您约时间 运费由我们承担您不用垫付 麻烦您保留好原包装和吊牌 我这边已经帮您登记加急了 专员会在明天中午之前给您回电 您可以在卡包里看到补偿的优惠券 新的单号稍后会发到您的手机 这款目前没有现货要等补货 系统显示包裹已经到了转运中心 发票可以重新开具请提供税号 保修期内免费更换零件 超过七天的话只能走维修流程".split()  # noqa: SIM905
ZH_SMALL = "好的谢谢 在吗 退款 怎么退 多久到 换货 开发票 能便宜吗 收到了 没货吗 哪里看 不要了 改地址 催一下 什么时候 坏了 少件了 查物流 发错了 取消订单 有优惠吗 怎么用 包邮吗 几天到 人工客服".split()  # noqa: SIM905
ZH_NAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳"
EN_THINGS = [
    "air fryer",
    "sofa cover",
    "wireless headset",
    "kids coat",
    "electric toothbrush",
    "frying pan",
    "keyboard",
    "water filter",
    "stroller",
    "yoga mat",
    "robot vacuum",
    "floor lamp",
    "hiking boots",
    "suitcase",
    "travel mug",
    "pillow",
    "curtain",
    "monitor",
    "charging cable",
    "wall calendar",
    "mountain bike",
    "fish tank",
    "cat food",
    "ceiling light",
    "coffee table",
    "printer",
    "backpack",
    "juicer",
    "desk lamp",
    "blanket",
]
EN_FAULTS = [
    "has not shipped yet",
    "tracking has been stuck for three days",
    "arrived broken",
    "is missing a part",
    "does not match the picture",
    "is a size too small",
    "will not charge",
    "shows a bright line on the screen",
    "is far too loud",
    "leaks at the bottom",
    "smells strongly of glue",
    "does not turn on",
    "came in a torn box",
    "is the wrong model",
    "was charged without the coupon",
    "got cheaper the day after",
    "has the wrong name on the invoice",
    "was sent to my old address",
    "was returned but never refunded",
    "came without the free gift",
    "has not been installed",
    "lost its warranty card",
    "was marked as delivered but is not here",
]
EN_ASKS = [
    "what can I do about it",
    "could you look into this",
    "can I have a new one",
    "can I get my money back",
    "when will it be here",
    "could you hurry the warehouse up",
    "may I change the address",
    "how do I open a return",
    "who pays for the postage",
    "could you send the rest",
    "can I have an invoice",
    "is there any other way",
    "when will you let me know",
    "could you refund the difference",
    "please cancel it then",
    "what do you need from me",
    "can somebody pick it up",
]
EN_ANSWERS = [
    "please open the order and choose Return, then add a few photos",
    "we will look at it within three working days",
    "the money goes back to the card you paid with",
    "the driver will call before coming",
    "we pay for the postage, nothing to do for you",
    "please keep the box and the labels",
    "I have marked the case as urgent",
    "a colleague will call you before noon tomorrow",
    "the voucher is in your account already",
    "the new tracking number will be in your inbox soon",
    "this one is out of stock until next week",
    "the parcel has reached the sorting centre",
    "the invoice can be made again, I only need the tax number",
    "parts are free within the warranty",
    "after seven days it has to go to repair",
]
EN_SMALL = [
    "thanks",
    "hello?",
    "refund",
    "how long",
    "where is it",
    "ok great",
    "cancel",
    "any news",
    "not here",
    "wrong one",
    "invoice",
    "who pays",
    "it broke",
    "hi there",
    "no stock",
]
EN_NAMES = "Ada Ben Cleo Dan Eve Finn Gia Hugo Ines Jon Kai Lea Max Nia Omar Pia Quinn Rosa Sam Tess Uma Vic Wes Xena Yara Zoe".split()  # noqa: SIM905

CANNED = "亲亲您好，非常抱歉给您带来了不好的购物体验，小店已经为您登记并加急反馈给相关同事处理，请您耐心等待，期间请保持电话畅通，感谢您的理解与支持。"


def _detail(rng: random.Random, *, zh: bool) -> str:
    """Say something that hardly anybody else says: numbers, names, dates."""
    number, day, month = rng.randrange(10**9), rng.randint(1, 28), rng.randint(1, 12)
    if zh:
        name = "".join(rng.choices(ZH_NAMES, k=rng.randint(2, 3)))
        return rng.choice(
            [f"订单尾号{number % 10**6}", f"我叫{name}", f"{month}月{day}号下的单", f"付了{number % 9000}块{number % 10}",
             f"单号SF{number}", f"{name}{rng.randint(2, 40)}栋{rng.randint(101, 2805)}", f"已经等了{rng.randint(2, 40)}天"]
        )  # fmt: skip
    name = f"{rng.choice(EN_NAMES)} {rng.choice(EN_NAMES)}{rng.choice('abcdefghij')}son"
    return rng.choice(
        [f"order {number % 10**6}", f"my name is {name}", f"bought on {month}/{day}", f"I paid {number % 900}.{day:02}",
         f"tracking {number}", f"{rng.randint(2, 999)} {name} Street", f"it has been {rng.randint(2, 40)} days"]
    )  # fmt: skip


def natural(rng: random.Random) -> str:
    """Make one text up."""
    zh = rng.random() < 0.45
    if rng.random() < 0.05:
        return rng.choice(ZH_SMALL if zh else EN_SMALL) + rng.choice(["", "", "？" if zh else "?", "！" if zh else "!"])
    things, faults, asks, answers = (
        (ZH_THINGS, ZH_FAULTS, ZH_ASKS, ZH_ANSWERS) if zh else (EN_THINGS, EN_FAULTS, EN_ASKS, EN_ANSWERS)
    )
    glue = "，" if zh else ", "
    parts = [f"{'我买的' if zh else 'the '}{rng.choice(things)}{'' if zh else ' '}{rng.choice(faults)}"]
    for _ in range(rng.choice([1, 2, 3, 4, 5, 7])):
        parts.append(rng.choice([rng.choice(asks), rng.choice(answers), _detail(rng, zh=zh), _detail(rng, zh=zh)]))
    rng.shuffle(parts)
    text = glue.join(parts)[:298] + ("。" if zh else ".")
    return text if len(text) >= 20 else text + _detail(rng, zh=zh) + _detail(rng, zh=zh)


def edited(text: str, planned: float, rng: random.Random) -> str:
    """Edit single characters of `text` until it is as little alike as planned."""
    base = {text[i : i + NGRAM] for i in range(len(text) - NGRAM + 1)}
    copy = list(text)
    while True:
        place = rng.randrange(len(copy))
        other = copy.copy()
        match rng.randrange(3):
            case 0:
                other[place] = rng.choice(text)
            case 1:
                other.insert(place, rng.choice(text))
            case _:
                del other[place]
        now = {"".join(other[i : i + NGRAM]) for i in range(len(other) - NGRAM + 1)}
        if len(base & now) / len(base | now) < planned:
            return "".join(copy)
        copy = other


def corpus(name: str, count: int, seed: int = 1) -> tuple[list[str], list[bool]]:
    """Return `count` texts and which of them are planted (an edit, or a part of what makes the corpus hard)."""
    texts: list[tuple[str, bool]] = []
    draws = [random.Random(f"{name}{seed}{block or ''}") for block in range(-(-count // BLOCK))]
    for block, rng in enumerate(draws):
        texts += _block(name, min(BLOCK, count - len(texts)), rng, _letters(block))
    draws[0].shuffle(texts)
    return [text for text, _ in texts], [planted for _, planted in texts]


def _letters(block: int) -> dict[int, int]:
    """Return what the letters of a block are made of: those of the first one stay."""
    if not block:
        return {}
    latin = {ord(letter): 0x1000 + 64 * block + i for i, letter in enumerate(string.ascii_letters)}
    return latin | {code: 0x4E00 + (code - 0x4E00 + 1999 * block) % 20_000 for code in range(0x4E00, 0x4E00 + 20_000)}


def _block(name: str, count: int, rng: random.Random, letters: dict[int, int]) -> list[tuple[str, bool]]:
    shares = {"natural": 0, "copies": 10, "variants": 3, "notices": 30, "canned": 50}  # of a hundred
    hard = count * shares[name] // 100
    texts: list[tuple[str, bool]] = []
    for i in range(hard):
        if name == "copies":
            texts.append((CANNED, True))
        elif name == "canned":
            texts.append((CANNED + natural(rng).translate(letters), True))
        else:
            number = rng.randrange(10**8)
            texts.append(
                (
                    f"【发货通知】尊敬的{rng.choice(ZH_NAMES)}女士，您的订单{number:08}已于{i % 12 + 1}月{i % 28 + 1}日由中通快递发出，预计{rng.randint(2, 5)}天送达，请留意查收，如有问题请联系在线客服，祝您购物愉快。",
                    True,
                )
            )
    rest = count - hard
    alone = [natural(rng).translate(letters) for _ in range(rest * 4 // 5)]
    texts += [(text, False) for text in alone]
    long = [text for text in alone if len(text) > 3 * NGRAM]
    while len(texts) < count:
        texts.append((edited(rng.choice(long), rng.choice(PLANNED), rng), True))
    return texts


def similar_pairs(texts: list[str], threshold: float = THRESHOLD) -> np.ndarray:
    """Return all pairs (pairs × 2, each once) of texts that are alike by `threshold` or more: exact, nothing sketched.

    The shingles are told apart as strings; a text shorter than a shingle is one shingle. Equal texts are alike by 1.
    """
    first: dict[str, int] = {}
    who = [first.setdefault(text, len(first)) for text in texts]
    distinct = list(first)
    sets = [{text[i : i + NGRAM] for i in range(max(1, len(text) - NGRAM + 1))} for text in distinct]
    counts: dict[str, int] = {}
    for grams in sets:
        for gram in grams:
            counts[gram] = counts.get(gram, 0) + 1
    rank = {gram: i for i, gram in enumerate(sorted(counts, key=lambda gram: (counts[gram], gram)))}
    tokens = [sorted(rank[gram] for gram in grams) for grams in sets]
    order = sorted(range(len(distinct)), key=lambda i: len(tokens[i]))
    sizes = np.array([len(tokens[i]) for i in order])
    flat = np.array([token for i in order for token in tokens[i]], dtype=np.int32)
    found = np.array(order)[_join(flat, np.cumsum(sizes) - sizes, sizes, len(rank), threshold)]
    groups: dict[int, list[int]] = {}
    for index, text in enumerate(who):
        groups.setdefault(text, []).append(index)
    copies = [(members[0], other) for members in groups.values() for other in members[1:]]
    across = [(groups[a][0], groups[b][0]) for a, b in found.tolist()]
    return np.array(copies + across, dtype=np.int64).reshape(-1, 2)


@numba.njit(cache=True)
def _join(flat, starts, sizes, tokens, threshold):
    """All pairs of texts (by size, tokens from rare to frequent) with that Jaccard similarity; see the module."""
    heads = np.full(tokens, -1, np.int64)
    total = 0
    for text in range(len(starts)):
        total += sizes[text] - int(np.ceil(threshold * sizes[text] - 1e-9)) + 1
    nexts, owners = np.empty(total, np.int64), np.empty(total, np.int64)
    used = 0
    checked = np.full(len(starts), -1, np.int64)
    left, right = [0], [0]
    for text in range(len(starts)):
        size, start = sizes[text], starts[text]
        prefix = size - int(np.ceil(threshold * size - 1e-9)) + 1
        for place in range(start, start + prefix):
            entry = heads[flat[place]]
            while entry >= 0:
                other = owners[entry]
                entry = nexts[entry]
                if sizes[other] < threshold * size - 1e-9:
                    break  # the lists go from large to small: all that follow are smaller
                if checked[other] == text:
                    continue
                checked[other] = text
                need = int(np.ceil(threshold / (1 + threshold) * (size + sizes[other]) - 1e-9))
                i, j, shared = start, starts[other], 0
                end_i, end_j = start + size, starts[other] + sizes[other]
                while i < end_i and j < end_j and shared + min(end_i - i, end_j - j) >= need:
                    if flat[i] == flat[j]:
                        shared += 1
                        i += 1
                        j += 1
                    elif flat[i] < flat[j]:
                        i += 1
                    else:
                        j += 1
                if shared >= need:
                    left.append(other)
                    right.append(text)
        for place in range(start, start + prefix):
            owners[used] = text
            nexts[used] = heads[flat[place]]
            heads[flat[place]] = used
            used += 1
    pairs = np.empty((len(left) - 1, 2), np.int64)
    for k in range(1, len(left)):
        pairs[k - 1, 0], pairs[k - 1, 1] = left[k], right[k]
    return pairs
