"""A second look at what leaves us, with patterns of its own: nothing here is shared with what did the masking.

It works another way: runs of digits are taken as they come, whatever parts them, and held against checksums and
phonenumbers' own matcher; the rest are blunt patterns. What it finds is counted in the report, and fails the gate.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as Group
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from curation.fast import accelerator
from curation.late import late
from curation.pieces import LONG, chunks

Apart = tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32], npt.NDArray[np.uint64], bytes]  # compiled.py says of what
Looked = tuple[pl.DataFrame, pl.DataFrame]

BLOCK = 1 << 20  # bytes of a file that are looked at at once: of larger ones no time is gained

_ID = r'^\{"id": "(?:[^"\\]|\\.)*"'  # how our records begin: ids are ours
_TEXT = r'"(?:[^"\\]|\\.)*"\s*:?'  # in a line of JSON; what ends with a colon is a key

_NO_TEXTS = pl.DataFrame(schema={"key": pl.UInt64, "text": pl.String})
_NOTHING = pl.DataFrame(schema={"form": pl.String, "kind": pl.String, "n": pl.UInt32})

# What a text has in it that is worth a closer look, and for which kinds.
_SIGNS: dict[str, tuple[str, ...]] = {
    r"[0-9０-９](?:[^0-9A-Za-z\n]{0,2}[0-9０-９]){5}": (
        "mobile", "identity-card", "bank-card", "phone", "tracking-number", "order-number", "passport", "chat-account",
        "document-number", "record-number", "case-number",
    ),
    "@|＠|﹫": ("email",),
    r"[?&][A-Za-z_]*(?i:token|key|sig|secret)[A-Za-z_]*=": ("link-token",),
    r"(?i:sk-|akia|ghp_|xox|aiza|eyj)|[0-9a-f]{32}": ("secret",),
    r"姓名|我叫|收件人|患者|原告|被告|当事人|(?i:name is|patient|defendant|claimant|husband|wife)": ("name",),
    r"民初|民终|刑初|执|-c[vr]-": ("case-number",),
    r"VIN|车架号|识别代": ("vehicle",),
    r"社保|医保|NHS|(?i:medicare)": ("document-number",),
    r"病历号|住院号|门诊号|学号|工号|MRN|(?i:medical record)": ("record-number",),
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z]": ("plate",),
    r"[A-Z]{2,3}[0-9]{11}|[A-Z]{2}[0-9]{9}": ("tracking-number",),
    r"[0-9](?:号|栋|幢)|[0-9]{1,5} [A-Z][a-z]+ |[A-Z]{1,2}[0-9]{1,2}[A-Z]? [0-9][A-Z]{2}|室": ("address",),
    r"[0-9]\.[0-9]{1,3}\.[0-9]|(?:[0-9A-Fa-f]{1,4}:){3}": ("ip",),
    r"[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4}": ("iban",),
    r"微信|(?i:wechat|qq)": ("chat-account",),
    r"(?i:passport)|护照": ("passport",),
}  # fmt: skip


def _likely(skip: Group[str]) -> str:
    """Return what a text has in it that may hold something of a kind that is asked for; empty where none is."""
    return "|".join(sign for sign, its in _SIGNS.items() if not skip >= {*its})


_RUN = late(r"(?<![A-Za-z0-9_.=/])\+?\d(?:[\s().–—-]{0,2}\d)+[Xx]?(?![A-Za-z0-9_%])")
_BLUNT: dict[str, re.Pattern[str]] = {
    "email": late(r"[\w.+-]+@[\w-]+\.[\w.]*[a-z]{2}"),
    "link-token": late(r"[?&]\w*(?:token|secret|api_?key|sig)\w*=(?!\[)[^&\s\"]{6,}", re.IGNORECASE),
    "secret": late(
        r"(?:sk-|ghp_|xox[bp]-|AIza|eyJ)[\w.-]{16,}|AKIA[A-Z0-9]{12,}|(?<![0-9A-Za-z])(?=[a-f]*\d)(?=\d*"
        r"[a-f])[0-9a-f]{32,}(?![0-9A-Za-z])"
    ),
    "plate": late(
        r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z]·?(?=[A-Z0-9]*\d)[A-Z0-9]{5,6}(?![A-Z0-9])"
    ),
    "name": late(
        r"(?:我叫|姓名[:：是]|收件人[:：是])"
        r"[王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文]"
        r"(?![上便一二三四五六日天商品的了是])[\u4e00-\u9fff]{1,2}(?=[，。,.\s]|$)"
        r"|[Nn]ame is [A-Z][a-z]+ [A-Z][a-z]+"
        r"|(?:患者|原告|被告|当事人)[:：]?[王李张刘陈杨赵吴周徐孙朱胡郭何林罗郑梁宋谢唐韩冯邓曹彭曾肖董潘袁蔡蒋杜叶程苏魏吕丁沈任姚卢傅钟姜崔谭陆汪范廖邹熊孟秦邱侯邵]"
        r"[伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀兰霞平刚桂英华玉萍红建国志文波辉健峰亮鹏浩斌宇凯帆欣雨婷佳琳琪][伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀兰霞平刚桂英华玉萍红建国志文波辉健峰亮鹏浩斌宇凯帆欣雨婷佳琳琪]?(?=[，。,.、（(\s]|$)"
        r"|\b(?:patient|defendant|claimant|husband|wife)[,:]? (?:John|James|David|Michael|Robert|William|Mary"
        r"|Sarah|Emma|Anna|Peter|Mark|Paul|Laura|Linda|Susan|Karen"
        r"|Thomas|Richard|Charles|Helen|Jane|Anne|Andrew|Kevin|Brian) [A-Z][a-z]+"
    ),
    "case-number": late(
        r"[（(](?:19|20)\d{2}[)）][京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]\d{0,4}(?:民|刑|行|执|知民)[初终申恢]?\d+号|\d:\d{2}-c[vr]-\d{4,5}"
    ),
    "vehicle": late(r"(?:VIN|车架号|识别代[号码])[:：是 ]{0,3}(?=[A-Z]*\d)[A-HJ-NPR-Z0-9]{17}(?![A-Z0-9])"),
    "document-number": late(
        r"(?:社保卡号|医保卡号|NHS (?:number|no\.?)"
        r"|[Mm]edicare number)[:：是 ]{1,3}(?:is )?[A-Z]?\d(?:[ -]?[0-9A-Z]){6,}"
    ),
    "record-number": late(
        r"(?:病历号|住院号|门诊号|学号|MRN|[Mm]edical record (?:number"
        r"|no\.?))[:：是# ]{1,3}(?:is )?\d{6,}(?![\d.]|元)"
    ),
    "address": late(
        r"[\u4e00-\u9fff]{2}(?:路|街|巷)\d{1,4}号|\d+(?:号楼|栋|幢)\d+(?:单元|室)|\d单元\d{2,4}|[\dA-Z]座?\d{3,4}室|"
        r"(?<![\w$£])\d{1,5} (?:[A-Z][a-z]+ ){1,2}(?:Street|Road|Avenue|Lane|Boulevard)\b"
    ),
    "chat-account": late(r"(?:微信号?|QQ号?|WeChat(?: ID)?)[:：是 ]{1,2}(?=\w*\d)[A-Za-z0-9_]{6,20}", re.IGNORECASE),
    "passport": late(r"(?:护照号?|passport (?:number|no\.?))[:：是 ]{1,3}(?:is )?[A-Z]{1,2}\d{7,8}", re.IGNORECASE),
    "tracking-number": late(
        r"(?<![A-Za-z0-9])(?:SF|JD|YT|ZTO)[A-Z]{0,2}\d{11,14}(?!\d)|(?<![A-Z0-9])[A-Z]{2}\d{9}[A-Z]{2}(?![A-Z0-9])"
    ),
    "order-number": late(r"(?:订单号|单号|[Oo]rder (?:number|no\.?))[:：是# ]{1,3}(?:is )?\d{6,}(?![\d.]|元)"),
}
# What a text must have in it for a pattern above, or a number below, to be found: no borders, no second thoughts.
# Polars asks all texts this (white space includes the separators 1c to 1f, as in `re`); Python sees only what passed.
_SPACE = r"\s\x1c-\x1f"
_LINK = rf"(?:https?://|www\.)[^{_SPACE}\x{{4e00}}-\x{{9fff}}]+"
_GUARDS: dict[str, str] = {
    "email": r"@\S*[a-z]{2}",
    "link-token": r"(?i)[?&]\S*(?:token|secret|api_?key|sig)\S*=",
    "secret": r"sk-|ghp_|xox[bp]-|AIza|eyJ|AKIA|[0-9a-f]{32}",
    "plate": r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z]·?[A-Z0-9]{5}",
    "name": (
        r"我叫|姓名[:：是]|收件人[:：是]|[Nn]ame is [A-Z]|(?:患者|原告|被告"
        r"|当事人)[:：]?[^\s，。,.、]{2,3}(?:[，。,.、（(\s]|$)"
        r"|(?:patient|defendant|claimant|husband|wife)[,:]? [A-Z]"
    ),
    "case-number": r"20\d{2}[)）]|19\d{2}[)）]|-c[vr]-\d",
    "vehicle": r"(?:VIN|车架号|识别代[号码])[:：是 ]{0,3}[A-Z0-9]{17}",
    "document-number": r"(?:社保卡号|医保卡号|NHS (?:number|no)|[Mm]edicare number)",
    "record-number": r"(?:病历号|住院号|门诊号|学号|MRN|[Mm]edical record (?:number|no))",
    "address": (
        r"[路街巷]\d{1,4}号|\d(?:号楼|栋|幢)\d+(?:单元|室)|\d单元\d{2}|\d{3}室"
        r"|\d (?:[A-Z][a-z]+ ){1,2}(?:Street|Road|Avenue|Lane|Boulevard)"
    ),
    "chat-account": r"(?i)(?:微信号?|QQ号?|WeChat(?: ID)?)[:：是 ]",
    "passport": r"(?i)(?:护照号?|passport (?:number|no\.?))[:：是 ]",
    "tracking-number": r"(?:SF|JD|YT|ZTO)[A-Z]{0,2}\d{11}|[A-Z]{2}\d{9}[A-Z]{2}",
    "order-number": r"(?:订单号|单号|[Oo]rder (?:number|no\.?))[:：是# ]{1,3}(?:is )?\d{6}",
    "run": rf"\d(?:[{_SPACE}().–—-]{{0,2}}\d){{10}}",
    "machine": r"\d(?:\.\d{1,3}){3}",
    "six": r"[0-9A-Fa-f](?::[0-9A-Fa-f]{0,4}){3}",
    "lettered": r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3}",
    "calls": rf"\d[\d{_SPACE}().-]{{6,}}\d",
}
_BEHIND = {  # kinds that are found where a guard of another name lets a text pass
    "run": ("mobile", "identity-card", "bank-card"), "machine": ("ip",), "six": ("ip",), "lettered": ("iban",),
    "calls": ("phone",),
}  # fmt: skip
_BIT = {name: 1 << place for place, name in enumerate(_GUARDS)}
_ALL = (1 << len(_GUARDS)) - 1

_MACHINE = late(r"(?<![A-Za-z0-9_.])\d{1,3}(?:\.\d{1,3}){3}(?![A-Za-z0-9_.])")
_VERSION = late(r"(?:v|版本|version|固件|firmware|系统|build|ios|android|到)\D{0,5}$", re.IGNORECASE)
_LETTERED = late(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}(?: ?[A-Z0-9])?(?![A-Za-z0-9])")
_SIX = late(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){3,7}(?![0-9A-Za-z:])")
_FREE = ("TOLL_FREE", "SHARED_COST", "UAN", "PREMIUM_RATE")  # of phonenumbers.PhoneNumberType


def count(texts: pl.Series, *, allow: Iterable[str] = (), skip: Iterable[str] = ()) -> dict[str, int]:
    """Count the texts that hold personal data of a kind; `allow` are texts that may stand there, `skip` kinds."""
    found = _found(texts.alias("text").to_frame().with_row_index("key"), list(allow), set(skip))
    return dict(found.group_by("kind").len().sort("kind").iter_rows())


def _found(texts: pl.DataFrame, allow: Sequence[str], skip: Group[str]) -> pl.DataFrame:
    """Return `key` and `kind` of all that is found in texts (columns key, text)."""
    for text in allow:
        texts = texts.with_columns(pl.col("text").str.replace_all(text, " ", literal=True))
    likely = texts.filter(pl.col("text").str.contains(_likely(skip)))
    flat = pl.col("text").str.normalize("NFKC")
    bare = pl.col("flat").str.replace_all(_LINK, " ")
    look = {
        name: pl.col("flat" if name == "link-token" else "bare").str.contains(guard)
        for name, guard in _GUARDS.items()
        if not skip >= {*_BEHIND.get(name, (name,))}
    }
    groups = pl.sum_horizontal(pl.lit(0), *(there.cast(pl.Int32) * _BIT[name] for name, there in look.items()))
    passed = likely.with_columns(flat=flat).with_columns(bare=bare).select("key", "text", groups=groups)
    hits = [
        (key, kind)
        for key, text, its in passed.filter(pl.col("groups") > 0).iter_rows()
        for kind in kinds(text, its) - skip
    ]
    return pl.DataFrame(hits, schema={"key": texts.schema["key"], "kind": pl.String}, orient="row")


def exported(
    folder: Path, forms: Iterable[str], *, allow: Iterable[str] = (), skip: Iterable[str] = ()
) -> pl.DataFrame:
    """Count the records of the files that were written with personal data in them: form, kind, n.

    Every file is read as it lies there and taken apart into its texts, whatever keys they have; a text that was seen
    before, in another record or another format's file, has been looked at. Kinds in `skip` are not asked for.
    """
    forms, allow, skip = list(forms), list(allow), set(skip)
    if not _likely(skip):
        return _NOTHING

    likely, kernels = _likely(skip), accelerator(0)

    def blocks(form: str) -> Iterator[bytes]:
        return chain.from_iterable(map(_blocks, sorted(folder.glob(f"*.{form}.jsonl"))))

    def looked(form: str) -> list[Looked]:
        return [_texts(block, likely, allow) for block in blocks(form)]

    with ThreadPoolExecutor(1 if kernels else pl.thread_pool_size()) as pool:
        if kernels:
            apart = kernels.Apart()  # knows the texts of the formats before
            by_form = {form: list(_new(pool, map(apart, blocks(form)), likely, allow)) for form in forms}
        else:
            by_form = dict(zip(forms, pool.map(looked, forms), strict=True))
    every = pl.concat([_NO_TEXTS, *(texts for _, texts in chain.from_iterable(by_form.values()))])
    found = _found(every.unique("key"), allow, skip)
    told = [_NOTHING]
    for form, parts in by_form.items():
        for part, _ in parts if found.height else []:
            hits = part.join(found, on="key").unique(["record", "kind"])
            told.append(hits.group_by(pl.lit(form).alias("form"), "kind").agg(n=pl.len()))
    return pl.concat(told)


def worst(counted: pl.DataFrame) -> dict[str, int]:
    """Add up what `exported` counted; of several formats the one with most counts."""
    every = counted.group_by("form", "kind").agg(pl.col("n").sum())
    return dict(every.group_by("kind").agg(pl.col("n").max()).sort("kind").iter_rows())


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield whole lines of a file, a block at a time."""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block + file.readline()


def _texts(block: bytes, likely: str, allow: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return record and key of those texts of lines of JSON in which a sign is `likely`, and key and text.

    `key` is the hash of the text. Of the lines only those are taken apart that may hold something, and those with an
    escape or with a text of `allow` in them, which say something else once they are read.
    """
    lines = pl.read_lines(block, name="line").with_row_index("record")
    lines = lines.with_columns(pl.col("line").str.replace(_ID, ""))
    close = lines.filter(_worth("line", likely, allow))
    all_of = close.select("record", text=pl.col("line").str.extract_all(_TEXT))
    texts = all_of.explode("text", empty_as_null=True).drop_nulls("text")
    texts = texts.filter(~pl.col("text").str.ends_with(":"))
    texts = texts.filter(_worth("text", likely, allow)).with_columns(pl.col("text").str.head(-1).str.tail(-1))
    texts = _read(texts).with_columns(key=pl.col("text").hash(seed=0))
    return texts.select("record", "key"), texts.select("key", "text")


def _new(pool: Executor, parts: Iterable[Apart], likely: str, allow: Sequence[str]) -> Iterator[Looked]:
    """Yield record and key of all texts, key and text of those that were not seen before: `_texts` with kernels.

    A block is looked at while the next one is taken apart.
    """

    def look(part: Apart) -> Looked:
        keys, records, fresh, new = part
        texts = pl.read_lines(new, name="text") if len(fresh) else _NO_TEXTS.select("text")
        texts = texts.select(pl.Series("key", fresh), "text").filter(_worth("text", likely, allow))
        return pl.DataFrame({"record": records, "key": keys}), _read(texts)

    before: list[Future[Looked]] = []
    for part in parts:
        looking = pool.submit(look, part)
        yield from (one.result() for one in before)
        before = [looking]
    yield from (one.result() for one in before)


def _read(texts: pl.DataFrame) -> pl.DataFrame:
    """Give texts, as they stand in JSON between two quotes, what they say."""
    told = pl.col("text").str.contains("\\", literal=True)
    read = pl.when(told).then(pl.concat_str(pl.lit('"'), "text", pl.lit('"'))).str.json_decode(pl.String)
    return texts.with_columns(text=pl.when(told).then(read).otherwise(pl.col("text")))


def _worth(column: str, likely: str, allow: Sequence[str]) -> pl.Expr:
    """Tell where a sign is `likely`, or may be once the text is read and rid of what is allowed."""
    return pl.col(column).str.contains(likely) | _with(column, ["\\", *allow])


def _with(column: str, some: Sequence[str]) -> pl.Expr:
    """Tell whether one of `some` stands in a text."""
    return pl.any_horizontal(pl.col(column).str.contains(one, literal=True) for one in some)


def kinds(text: str, groups: int = _ALL) -> set[str]:
    """Return the kinds of personal data in one text; `groups` are the bits of the guards that it passed."""
    if len(text) > LONG:  # a link that is cut is none: every piece is looked at closely
        return set[str]().union(*(kinds(piece) for _, piece in chunks(text)))
    text = unicodedata.normalize("NFKC", text)
    links = re.sub(r"(?:https?://|www\.)[^\s\u4e00-\u9fff]+", " ", text)
    found = {
        kind
        for kind, pattern in _BLUNT.items()
        if groups & _BIT[kind] and pattern.search(text if kind == "link-token" else links)
    }
    if groups & _BIT["run"]:
        for run in _RUN.finditer(links):
            found |= set(_number(run.group()))
    if groups & _BIT["machine"]:
        for match in _MACHINE.finditer(links):
            if not _VERSION.search(links[: match.start()]) and _open(match.group()):
                found.add("ip")
    if groups & _BIT["six"] and any(map(_six, _SIX.findall(links))):
        found.add("ip")
    if groups & _BIT["lettered"] and any(_mod97(m.group().replace(" ", "")) for m in _LETTERED.finditer(links)):
        found.add("iban")
    if (
        groups & _BIT["calls"]
        and _APART.search(links)
        and re.search(r"\d[\d\s().-]{6,}\d", links)
        and any(_calls(links))
    ):
        found.add("phone")
    return found


# What `_calls` wants in a number: a plus, a bracket, blanks or dashes (before an extension, too). In a text without any
# of it there is no use in asking phonenumbers, which takes a millisecond.
_APART = late(r"\+|\(\d|\d\W{0,3}[\s()-]\W{0,3}(?:\d|[xXeE#;])")
_NORTH_AMERICAN = late(r"1[ .-]\(?[2-9]\d{2}\)?[ .-]")


def _number(run: str) -> Iterator[str]:
    number = re.sub(r"[^\dXx]", "", run).upper()
    parts = len(re.findall(r"\d+", run))
    if re.fullmatch(r"(?:86)?1[3-9]\d{9}", number) and (parts <= 4 or parts == 11) and not _NORTH_AMERICAN.match(run):
        yield "mobile"
    if len(number) == 18 and _gb11643(number):
        yield "identity-card"
    if (
        15 <= len(number) <= 19
        and number[0] in "3456"
        and parts <= 5
        and number.isdigit()
        and _luhn(number)
        and number.strip("0")[1:]
    ):
        yield "bank-card"


def _gb11643(number: str) -> bool:
    total = sum((10 if digit == "X" else int(digit)) * (2 ** (17 - place) % 11) for place, digit in enumerate(number))
    return number[6:8] in ("19", "20") and "01" <= number[10:12] <= "12" and total % 11 == 1


def _luhn(number: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _mod97(text: str) -> bool:
    return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1


def _open(text: str) -> bool:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return (address.is_global or text.startswith(("203.0.113.", "198.51.100."))) and text.split(".")[0] not in (
        "1",
        "8",
        "9",
        "114",
        "119",
        "223",
        "180",
    )


def _six(text: str) -> bool:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_link_local)


def _calls(text: str) -> Iterator[bool]:
    """Ask phonenumbers' own matcher, for the regions of the logs; what is free of charge in one of them is public.

    It is loaded when there is something to ask it.
    """
    import phonenumbers

    for region in _REGIONS:
        for match in phonenumbers.PhoneNumberMatcher(text, region, leniency=phonenumbers.Leniency.STRICT_GROUPING):
            if re.search(r"[+\s()-]", match.raw_string) and not _free(match.raw_string):
                yield True


def _free(number: str) -> bool:
    import phonenumbers

    free = [getattr(phonenumbers.PhoneNumberType, name) for name in _FREE]
    for region in _REGIONS:
        try:
            if phonenumbers.number_type(phonenumbers.parse(number, region)) in free:
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


_REGIONS = ("CN", "US", "GB")
