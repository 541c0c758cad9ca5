"""Mandarin: figures and signs in Han characters, as in the text front end of GPT-SoVITS training.

Numbers of three and more digits are read digit by digit (302 is 三零二, with 幺 for 1) unless a measure word, a unit or money follows; shorter
ones are quantities. Errors of that front end (3-5天 as three minus five, 第2名 as 第两名, 20年 as the year '20, ￥100 as a pause)
are not copied: the usual reading is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from engine.lyrics.han import DIGITS, cardinal, number, one_by_one, simplify

_HALF_WIDTH = {full: full - 0xFEE0 for full in range(0xFF10, 0xFF5B) if chr(full).isalnum()} | {
    0x3000: " ",
    0xFF05: "%",
    0xFF0B: "+",
}
_NEEDS_WORDS = re.compile(r"[\d\u2150-\u215f\u00bc-\u00be\u2460-\u2469\u0370-\u03ff%‰+=×÷/&¥￥$€£℃℉°⁰¹²³⁴-⁹ⁿ]")

# --- measure words and units --------------------------------------------------------------------------------------------------

_THINGS = (
    "个 只 支 枝 张 片 把 件 条 根 颗 粒 颗 块 堆 台 架 辆 艘 列 间 所 家 座 栋 幢 层 户 床 扇 堵 面 口 头 匹 尾 棵 株 朵 丛 株 束 串 捆 "
    "扎 叠 批 项 份 例 篇 首 本 卷 页 章 句 段 课 套 对 双 单 副 幅 封 枚 令 件 贴 针 线 管 丝 缕 滴 泡 丸 壳 窠 砣 亩 床 门 道 题 顶 顿 "
    "部 款 种 样 类 届 位 名 人 身 群 队 帮 班 代 辈 世 客 手 脚 板 刀 炮 墙 网 腔 堂 坡 山 岭 江 溪 丘 处 站 平 方 注 目 阕 阙 阵 出 场 "
    "回 次 遍 趟 圈 跳 挑 担 贯 打 罗 袭 伏 曲 倍 号楼 楼 成 折 级 字 票 分钟 小时 点钟"
)
_VESSELS = "盘 碗 碟 桶 笼 盆 盒 杯 瓶 壶 罐 锅 篮 篓 簋 箱 箩 袋 钵 盏 卮 斛 煲 啖 盅 钟"
_TIME = "年 月 日 天 周 星期 季 刻 时 秒 分 旬 纪 岁 更 夜 春 夏 秋 冬"
_LENGTH_AND_WEIGHT = (
    "米 千米 分米 厘米 毫米 微米 纳米 公里 公分 里 丈 尺 寸 毫 厘 寻 常 铺 程 克 千克 毫克 微克 公斤 斤 两 钱 吨 "
    "千吨 万吨 亿吨 担 铢 石 钧 锱 忽 "
    "升 毫升 斗 合 勺 撮 平方 立方 公顷 度 摄氏度 赫兹 千赫兹 分贝 毫秒 兆 瓦 千瓦 伏 安 字节"
)
_MONEY = "元 美元 欧元 英镑 日元 港元 块 角 毛 分 万元 亿元"
_QUANTITY = "|".join(
    sorted(
        map(re.escape, {*f"{_THINGS} {_VESSELS} {_TIME} {_LENGTH_AND_WEIGHT} {_MONEY}".split(), *"百千万亿"}),
        key=len,
        reverse=True,
    )
)
_COUNTED_BY_TWO = re.compile(r"(?:月|日|号|级|年级|班|楼|度|伏|次方)")  # 二 stays before these: 二月, 二楼

# Behind a number; longer ones first.
_UNITS = {
    "km/h": "千米每小时", "m/s": "米每秒", "km²": "平方千米", "km2": "平方千米", "cm²": "平方厘米", "cm2": "平方厘米", "cm³": "立方厘米",
    "cm3": "立方厘米", "m²": "平方米", "m2": "平方米", "m³": "立方米", "m3": "立方米", "kHz": "千赫兹", "khz": "千赫兹", "Hz": "赫兹",
    "hz": "赫兹", "dB": "分贝", "db": "分贝", "ds": "毫秒", "ms": "毫秒", "kg": "千克", "KG": "千克", "mg": "毫克", "km": "千米", "KM": "千米",
    "cm": "厘米", "CM": "厘米", "mm": "毫米", "nm": "纳米", "ml": "毫升", "mL": "毫升", "ML": "毫升", "g": "克", "m": "米", "s": "秒",
    "L": "升", "h": "小时", "min": "分钟",
}  # fmt: skip
_UNIT = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_CURRENCIES = {"¥": "元", "￥": "元", "$": "美元", "€": "欧元", "£": "英镑"}
_GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρςστυφχψω",
        "阿尔法 贝塔 伽玛 德尔塔 艾普西龙 捷塔 依塔 西塔 艾欧塔 喀帕 拉姆达 缪 拗 克西 欧米克伦 派 肉 西格玛 西格玛 套 宇普西龙 服艾 "
        "器 普赛 欧米伽".split(),
        strict=True,
    )
)
_CIRCLED = dict(zip("①②③④⑤⑥⑦⑧⑨⑩", "一二三四五六七八九十", strict=True))
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹ˣʸⁿ", "0123456789xyn")
_FRACTIONS = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅛": "1/8"}
_SIGNS = {"+": "加", "-": "减", "−": "减", "×": "乘", "÷": "除以", "=": "等于"}

_N = r"\d+(?:\.\d+)?"


def spoken_form(text: str) -> str:
    """Return `text` with its figures and signs in characters. Only clauses with figures are changed (and simplified)."""
    return "".join(_clause(part) if _NEEDS_WORDS.search(part) else part for part in _CLAUSE.split(text))


# A comma between digits groups thousands, a colon between digits is a time.
_CLAUSE = re.compile(r"((?<!\d)[,:，：]|[,:，：](?!\d)|[、；。？！;?!\n]+)")


def _clause(text: str) -> str:
    text = simplify(text).translate(_HALF_WIDTH).replace("℃", "°C").replace("℉", "°F").replace("：", ":")
    text = _GROUPED.sub(_say_grouped, text)
    for sign, written in _FRACTIONS.items():
        text = text.replace(sign, written)
    for pattern, said in _RULES:
        text = pattern.sub(said, text)
    for sign, said_for in (_GREEK | _CIRCLED).items():
        text = text.replace(sign, said_for).replace(sign.upper(), said_for)
    return text


_GROUPED = re.compile(
    rf"(?<![\d.])(\d{{1,3}}(?:[,，]\d{{3}})+)(?![\d,，])(?P<decimals>\.\d+)?(?P<unit> ?(?:[%‰°¥￥$€£]|{_UNIT}))?"
)


def _say_grouped(match: re.Match[str]) -> str:
    """Return a number with commas between its thousands as a quantity, whatever follows."""
    digits = re.sub(r"\D", "", match[1]) + (match["decimals"] or "")
    has_unit = bool(match["unit"]) or match.string[: match.start()].rstrip()[-1:] in _CURRENCIES
    return digits + (match["unit"] or "") if has_unit else number(digits)


def _with_sign(sign: str, said: str, word: str = "负") -> str:
    return (word if sign else "") + said


def _date(match: re.Match[str]) -> str:
    year, month, day, day_word = match["year"], match["month"], match["day"], match["day_word"]
    is_span = len(year) == 2 and not month and year[0] != "0" and int(year) < 70  # 20年 is a span, 98年 a year
    said = f"{cardinal(year) if is_span else one_by_one(year)}年"
    said += f"{cardinal(month)}月" if month else ""
    return said + (f"{cardinal(day)}{day_word}" if day else "")


def _time(hour: str, minute: str, second: str | None) -> str:
    said = f"{cardinal(hour)}点"
    if int(minute) == 30 and not second:
        said += "半"
    elif int(minute):
        said += f"{_with_zero(minute)}分"
    return said + (f"{_with_zero(second)}秒" if second and int(second) else "")


def _with_zero(digits: str) -> str:
    return (DIGITS[0] if digits[0] == "0" else "") + cardinal(digits)


def _call_out(match: re.Match[str]) -> str:
    return "，".join(one_by_one(part, one="幺") for part in re.findall(r"\d+", match[0]))


def _quantity(match: re.Match[str]) -> str:
    digits, more, unit, before = match["digits"], match["more"] or "", match["unit"], match.string[: match.start()]
    said = cardinal(digits)
    is_ordinal = before.endswith("第") or bool(_COUNTED_BY_TWO.match(match.string, match.start("unit")))
    if digits == "2" and not is_ordinal and not before.endswith(("点", "分之")):
        said = "两"
    if len(digits) > 1 and digits[0] == "0":
        said = one_by_one(digits)
    return f"{said}{'多' if more == '+' else more}{unit}"


def _span(match: re.Match[str]) -> str:
    first, second = match["first"], match["second"]
    return f"{_with_sign('-' if first[0] == '-' else '', first.lstrip('-'))}到{_with_sign('-' if second[0] == '-' else '', second.lstrip('-'))}"


def _sum(match: re.Match[str]) -> str:
    return "".join(_SIGNS.get(c, c) for c in match[0])


_Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]
_CLOCK = r"(?P<hour{0}>[01]?\d|2[0-3]):(?P<minute{0}>[0-5]\d)(?::(?P<second{0}>[0-5]\d))?"
_RULES: tuple[_Rule, ...] = (
    # dates and times
    (re.compile(r"(?:(?<=公元)|(?<=公元前))\d+(?=年)"), lambda m: one_by_one(m[0])),
    (re.compile(r"(?<!\d)(\d{1,2})/(\d{1,2})(?=拍)"), lambda m: cardinal(m[1]) + cardinal(m[2])),
    (
        re.compile(
            r"(?<!\d)(?P<year>\d{4}|\d{2})年(?:(?P<month>0?[1-9]|1[0-2])月(?:(?P<day>0?[1-9]|[12]\d|3[01])(?P<day_word>[日号]))?)?"
        ),
        _date,
    ),
    (
        re.compile(r"(?<!\d)(\d{4})([-/. ])(0?[1-9]|1[0-2])\2(0?[1-9]|[12]\d|3[01])(?!\d)"),
        lambda m: f"{one_by_one(m[1])}年{cardinal(m[3])}月{cardinal(m[4])}日",
    ),
    (
        re.compile(rf"(?<!\d){_CLOCK.format(1)}[~～-]{_CLOCK.format(2)}(?!\d)"),
        lambda m: f"{_time(m['hour1'], m['minute1'], m['second1'])}至{_time(m['hour2'], m['minute2'], m['second2'])}",
    ),
    (re.compile(rf"(?<!\d){_CLOCK.format('')}(?!\d)"), lambda m: _time(m["hour"], m["minute"], m["second"])),
    # telephones
    (re.compile(r"(?<!\d)(?:\+?86[ -]?)?1[3-9]\d(?:[ -]?\d{4}){2}(?!\d)"), _call_out),
    (re.compile(r"(?<!\d)0\d{2,3}-?[1-9]\d{6,7}(?!\d)"), _call_out),
    (re.compile(r"(?<!\d)[48]00(?:-\d{3}-\d{4}|-\d{4}-\d{3}|\d{7})(?!\d)"), _call_out),
    (re.compile(rf"(?<![\d.])[1-9]\d{{6,7}}(?![\d.]|[多余几]?(?:{_QUANTITY}|{_UNIT}))"), _call_out),
    # ranges, temperatures, units, money
    (re.compile(rf"(?<={_N[:2]})(%|°C|度|{_UNIT})[~～-](?=-?\d)"), r"\1至"),
    (re.compile(rf"(?<![\d+×÷=A-Za-z.-])(?P<first>-?{_N})[~～](?P<second>-?{_N})(?![\d×÷=])"), _span),
    (re.compile(rf"(?<![\d+×÷=A-Za-z.-])(?P<first>{_N})-(?P<second>{_N})(?![\d+×÷=-])"), _span),
    (re.compile(rf"(?<!\d)([-−]?)({_N})(?:°C|度(?!数)|摄氏度)"), lambda m: _with_sign(m[1], f"{number(m[2])}度", "零下")),
    (re.compile(rf"(?<!\d)([-−]?)({_N})°F"), lambda m: _with_sign(m[1], f"华氏{number(m[2])}度")),
    (re.compile(rf"(?<!\d)({_N}) ?({_UNIT})(?![A-Za-z])"), lambda m: f"{m[1]}{_UNITS[m[2]]}"),
    (re.compile(rf"([¥￥$€£]) ?({_N})([百千万亿]*)"), lambda m: f"{number(m[2])}{m[3]}{_CURRENCIES[m[1]]}"),
    (re.compile(rf"(?<!\d)({_N})([百千万亿]*)([¥￥$€£])"), lambda m: f"{number(m[1])}{m[2]}{_CURRENCIES[m[3]]}"),
    # sums, powers, shares
    (
        re.compile(
            r"(?<![\dA-Za-z])(?:[A-Za-z]|\d[\d.]*)[⁰¹²³⁴-⁹ⁿ]*(?:[+\-−×÷=](?:[A-Za-z](?![A-Za-z])|-?\d[\d.]*)[⁰¹²³⁴-⁹ⁿ]*)+"
        ),
        _sum,
    ),
    (re.compile(r"[⁰¹²³⁴-⁹ˣʸⁿ]+"), lambda m: f"的{m[0].translate(_SUPERSCRIPTS)}次方"),
    (re.compile(r"(?<![\d/])([-−]?)(\d+)/(\d+)(?![\d/])"), lambda m: _with_sign(m[1], f"{cardinal(m[3])}分之{cardinal(m[2])}")),
    (re.compile(rf"(?<!\d)([-−]?)({_N})%"), lambda m: _with_sign(m[1], f"百分之{number(m[2])}")),
    (re.compile(rf"(?<!\d)([-−]?)({_N})‰"), lambda m: _with_sign(m[1], f"千分之{number(m[2])}")),
    # plain numbers
    (re.compile(r"№\s?(\d+)"), lambda m: f"第{cardinal(m[1])}号"),
    (re.compile(r"(?<![\dA-Za-z一-鿿])[-−](?=\d)|(?<=[一-鿿])[-−](?=\d)"), "负"),
    (re.compile(r"\d+(?:\.\d+){2,}"), lambda m: "点".join(one_by_one(part) for part in m[0].split("."))),
    (re.compile(r"\d*\.\d+"), lambda m: number(m[0])),
    (re.compile(rf"(?<!\d)(?P<digits>\d+)(?P<more>[多余几+])?(?P<unit>{_QUANTITY})"), _quantity),
    (re.compile(r"\d{3,}"), _call_out),
    (re.compile(r"\d+"), lambda m: cardinal(m[0])),
    # remaining signs
    (re.compile(r"(?<=[一-鿿])/(?=[一-鿿])"), "每"),
    (re.compile(r"(?<=[\w)])[+×÷=](?=[\w(])"), lambda m: _SIGNS[m[0]]),
    (re.compile(r"(?<=[一-鿿])[-−](?=[零一二三四五六七八九])"), "减"),
    (re.compile(r"&"), "和"),
    (re.compile(r"%"), "百分号"),
)
