r"""The cheap looks: what every text must match that a group of finders finds something in.

Polars runs these, so there is no look-around in them, and every border is one of ASCII words: ``\b`` of Unicode is a
hundred times slower. Some of them together are asked of all texts as they are; each alone, of those that pass, made
flat (full-width characters made ASCII). Hence a mark that Chinese is full of stands here in both widths. Tests compare
them with a close look.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from curation.privacy.words import WORDS

_D = "[0-9零〇一二三四五六七八九幺]"
_B = r"(?-u:\b)"


def _cues(*kinds: str) -> str:
    """Return cues without their borders."""
    return "|".join(re.sub(r"\(\?<?[!=][^)]*\)", "", WORDS.cues[kind]) for kind in kinds)


_ANNOUNCED = _cues(
    "order-number",
    "order-word",
    "tracking-number",
    "phone",
    "passport",
    "tax-number",
    "device",
    "identity-card",
    "document-number",
    "record-number",
    "case-number",
    "policy-number",
    "vehicle",
    "bank-code",
)
# What may stand between a word and its number (numbers.py).
_GAP = r"(?:是|为|就是|号码?|尾号|分别|[:：#\s,，.。(（=-]|is|was|are|'s|number|no|num|on|at){0,8}"

_N = "(?:[0-9]|[一二三四五六七八九十百零〇甲乙丙丁]|[A-Za-z])"
_ROAD = "(?:道|胡同|路|街|巷|弄|里|条|村|屯|庄|镇|乡)"
_ESTATE = (
    "(?:小区|花园|花苑|家园|公寓|大厦|广场|新村|新城|新区|社区|国际|写字楼|校区|学|学院|医院|宿舍|园|区|商城|商场|苑|府|城|居|湾"
    "|郡|庭|阁|轩|厂)"
)
_UNIT = "(?:号|弄|巷|栋|幢|座|单元|层|楼|室|房|户|门|组|队|期|区)"
_STREET = (
    "(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Place|Pl|Square|Sq|Close|Cres|Ter"
    "|Parkway|Pkwy|Highway|Hwy|Row|Gardens|Grove|Mews|Circle|Cir|Trail|Way|Hill|Walk|Quay|Green)"
)

_FAMILY = f"[{''.join(sorted({name[0] for name in WORDS.surnames}))}]"

GUARDS: dict[str, str] = {
    "number": rf"{_D}(?:[ ,，、()（）./·–—-]{{0,3}}{_D}){{6}}",
    "announced": rf"(?i)(?:{_ANNOUNCED}){_GAP}(?:[(（+]|[A-Z]{{1,22}}[ _-]?|[A-Z0-9]{{3}})?[ _-]?{_D}",
    "code": (
        r"(?i)[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4}|[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]|(?:[0-9A-F]{2}[:：-]){5}"
        r"|1Z[A-Z0-9]{6}|[A-Z]{2,4}-[0-9]{7}|[0-9][A-Z][A-Z0-9][0-9]-[A-Z][A-Z0-9][0-9]-"
    ),
    "case": (
        r"(?:19|20)[0-9]{2}[)）〕\]】]? ?(?:第|最高"
        r"|[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼兵军])"
        r"|(?i:[0-9][:：-][0-9]{2}-[A-Z]{2}-[0-9]|[0-9]-(?:cv|cr|md|bk|dr|fl|pr|jv|civ)-[0-9]|(?:cv|cr|dr|kb"
        r"|qb|cl|hc|bl|ad)-?[0-9]{2,4}-[0-9]{4})"
    ),
    "birth": r"(?i)出生|生日|生于|[0-9][日号]?生[的人]|birth|d\.?o\.?b|born",
    "email": r"(?i)@|(?: at |[(（]at[)）]|\[at\]|艾特) ?[A-Z0-9-]+ ?(?:[(（]dot[)）]|\[dot\]|dot|点)",
    "chat": (
        r"(?i)(?:微信|威信|薇信|weixin|wechat|v信|vx|wx|qq|扣扣|企鹅|whatsapp|telegram|skype|snapchat|insta"
        r"|line id|discord|kakao|登录名|用户名|账号|帐号|账户|昵称|user ?name"
        r"|user ?id|login|account name|(?:my|psn|xbox|steam|player|game) id|gamer ?tag)"
        r"[^\n。！？!?]*(?:[A-Z0-9_]{4}|[零〇一二三四五六七八九幺]{5})"
        r"|(?:^|[^A-Z0-9])q[号:： ]{1,3}[1-9][0-9]{7}"
    ),
    "plate": (
        r"(?i)[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z][·• ]?[A-Z0-9]{4}"
        rf"|(?:plate|registration|{_B}reg{_B}|车牌)[^\n]*[0-9]"
    ),
    "link": r"(?i)(?:https?[:：]//|www\.)[^\s]*[?？&#;；@]",
    "secret": (
        rf"(?i)(?:密码|口令|验证码|校验码|动态码|取件码|提货码|password|passcode|passphrase|{_B}pin{_B}|otp|code|cvv|cvc)"
        r"(?:是|为|就|成|改|设|码|[:：=\s]|is|was|to){1,12}[!-~！，：；？（）～]*[0-9]"
        r"|(?:sk-|akia|asia|gh[pousr]_|github_pat_|xox|aiza|glpat-|hf_|ltai|[rps]k_(?:live|test)_|eyj|-----BEGIN)"
        r"|[A-Za-z0-9+/_-]{24}"
    ),
    "ip": r"[0-9]\.[0-9]{1,3}\.[0-9]|(?:[0-9A-Fa-f]{1,4}[:：]){3}|[0-9A-Fa-f][:：]{2}|[:：]{2}[0-9A-Fa-f]",
    "name-zh": (
        r"姓名|名字|收件人|收货人|联系人|寄件人|发件人|户名|持卡人|机主|乘客|乘车人|入住人|客户名|收款人|办理人|申请人"
        rf"|我叫|我是|本人|叫我|[她他]叫|[我本她他]姓|免贵|{WORDS.title}"
        rf"|(?:客服|专员|顾问|助理|管家|店长|坐席|技师|师傅)[是叫:：\s]?[小老阿]{_FAMILY}"
    ),
    "name-en": (
        rf"(?i:name|{_B}i am called|{_B}i'm called|recipient|account holder|cardholder|addressed to|attn"
        rf"|contact person)"
        rf"|(?i:signed|speak|chatting with|spoke)"
        rf"|(?i:call me|this is|i'm|i’m|{_B}i am|dear|{_B}mr|{_B}mrs|{_B}ms|miss|{_B}dr|prof|{_B}mx|{_B}hi"
        rf"|hello|hiya)"
        r"[^A-Za-z]{1,3}(?i:again)?[^A-Za-z]{0,3}[A-Z]"
        rf"|(?i:{_B}hey|thanks|thank you|cheers|morning|afternoon|evening|sorry|regards|sincerely|{_B}bye|welcome)"
        r"[^A-Za-z]{0,4}(?i:again)?[^A-Za-z]{0,3}[A-Z]"
    ),
    "party-zh": (
        rf"(?:{WORDS.party}|{WORDS.relative}|诉)(?:[的是为:：\s,，、(（]|名字|姓名|叫做|名叫|叫){{0,4}}{_FAMILY}"
        rf"|{_FAMILY}{WORDS.given}{{1,2}}(?:的(?:家属|律师|代理|主治|监护人|委托|亲属|遗产|病历|案|{WORDS.relative})"
        rf"|副|主治|{WORDS.profession}|诉|状告)"
    ),
    "party-en": (
        rf"(?i:{WORDS.english_party}|{WORDS.english_relative}|behalf of|next of kin|emergency contact"
        rf"|estate of|custody of|matter of"
        r"|attorney for|divorc(?:e|ing)|suing|sue|against|versus)(?i:['’]s)?(?i: name)?(?i:,? is|,? was"
        r"|,? named|,? called)?[^A-Za-z]{1,3}"
        r"(?i:(?:mr|mrs|ms|miss|dr|prof)[^A-Za-z]{1,2})?[A-Z]"
        r"|(?:Dr|Prof|Atty|Doctor|Professor|Nurse|Judge|Justice|Attorney|Solicitor|Barrister|Consultant"
        r"|Surgeon)\.? [A-Z]"
    ),
    "address-zh": (
        rf"{_ROAD}(?:[一二三四五六七八九十]条|[东西南北]段)?[\s,，-]?{_N}[0-9一二三四五六七八九十百零〇]{{0,5}}\s?{_UNIT}"
        rf"|{_ESTATE}[\s,，-]?(?:{_N}[0-9一二三四五六七八九十百零〇]{{0,5}}\s?{_UNIT}|[东西南北][区门院]|[0-9]{{3}}|[0-9]+-[0-9])"
        r"|[0-9](?:号楼|栋|幢)|单元[0-9]{3}"
    ),
    "region-zh": (
        rf"[省市区县旗州盟镇乡][\s,，-]?[^\n。]{{1,14}}(?:{_ROAD}|小区|花园|花苑|家园|公寓|社区|宿舍|园|苑|府)"
    ),
    "address-en": (
        r"[0-9][A-Za-z]?(?:-[0-9]{1,5})?[,，]? (?:[NSEW]\.? |North |South |East |West )?"
        rf"(?:[A-Z][A-Za-z'’.-]+ |[0-9]{{1,3}}(?:st|nd|rd|th) |of |the ){{1,4}}{_STREET}"
        r"|[0-9][a-z]? (?:[a-z]{3,} ){1,2}(?:street|road|avenue|boulevard|crescent)"
        r"|(?i:flat|apt|apartment)[. ]{1,2}#?[0-9]"
        r"|[A-Z]{1,2}[0-9][0-9A-Z]? [0-9][A-Z]{2}|[Pp]\.? ?[Oo]\.? [Bb]ox"
        r"|(?i:邮编|邮政编码|zip|post ?code|postal code)[^\n]*[0-9]"
    ),
}

# Full-width characters; those that Chinese is full of are in the patterns above in both widths.
_HARDLY_WIDE = "[\uff02-\uff07\uff0a\uff0b\uff0d-\uff19\uff1c-\uff1e\uff20-\uff5d\u3000]"
WIDE = "wide"

# Asked as one pattern. Not more of them: what one has seen of a text, times what others have, is a state of the
# engine's automaton, and where there are too many it takes fifty times as long by another way.
_TOGETHER = (
    ("number", "code", "ip", "case"),
    ("email", "link"),
    ("address-zh", "region-zh", "address-en"),
    ("name-zh", "party-zh", "birth"),
    ("name-en", "party-en"),
)


def looks(names: Iterable[str]) -> list[tuple[list[str], str]]:
    """Return patterns of which a text, as it is, must match one if it is to pass a guard of these names.

    Before each stand the names that it is for, or WIDE where it may be any.
    """
    left = list(names)
    patterns: list[tuple[list[str], str]] = [([WIDE], _HARDLY_WIDE)]
    for group in (*_TOGETHER, *((name,) for name in GUARDS)):
        some = [name for name in group if name in left]
        left = [name for name in left if name not in group]
        if some:
            patterns.append((some, "|".join(f"(?:{GUARDS[name]})" for name in some)))
    return patterns
