"""Tone sandhi of Mandarin words: neutral tones, 不 and 一, third tones, 儿 as an ending.

The rules, and the words whose last syllable is neutral, are those of the front end of GPT-SoVITS (its tone rules come from PaddleSpeech,
Apache-2.0). They work on words with the parts of speech that jieba gives.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import resources

NEUTRAL = "5"
_ENDING_PARTICLES = frozenset("吧呢哈啊呐噻嘛吖嗨哦哒额滴哩哟喽啰耶喔诶")
_STRUCTURAL = frozenset("的地得")
_ASPECT_TAGS = frozenset(("ul", "uz", "ug"))  # of 了, 着, 过
_BEFORE_GE = frozenset("几有两半多各整每做是")
_DIRECTIONS = frozenset("上下进出回过起开")
_MARKS = frozenset("：，；。？！“”‘’':,;.?!")
_LONGEST_JOINED = 3  # characters of words that are joined for their third tones
# Words that keep their tone though their form asks for a neutral one.
_FULL_TONE = frozenset(
    "男子 女子 分子 原子 量子 电子 莲子 石子 瓜子 学子 卵子 算子 人人 虎虎 幺幺 哈哈 娃哈哈 数数 袅袅 想想 死死 打打 吵吵 考考 整整 熙熙 攘攘 "
    "冉冉 恳恳 佼佼 莘莘 青青 花花草草 家家户户 干嘛 以下 局地 留得 耕地 落地".split()
)
# 儿 that is a child, an animal or part of a name, and so a syllable with a tone of its own; and words that end in 儿 whatever they are.
_CHILD = frozenset(
    [f"{before}儿" for before in "虐为护瞒救替有一我俺妻拐聋乞患幼孤婴舫祖美可侄孙女男花虫马鸟猪猫狗少"]
    + "婴幼儿 连体儿 脑瘫儿 流浪儿 体弱儿 混血儿 蜜雪儿 应采儿 侄孙儿 红孩儿".split()
)
_ENDING = frozenset("小院儿 胡同儿 范儿 老汉儿 撒欢儿 寻老礼儿 妥妥儿 媳妇儿".split())
_NO_ENDING_TAGS = frozenset(("a", "j", "nr"))


@dataclass(frozen=True)
class Word:
    """Characters with their part of speech by jieba's names."""

    text: str
    tag: str


@dataclass(frozen=True)
class Library:
    """Data for the rules: the parts of a longer word, shortest first, and the finals with tones that a dictionary gives it."""

    parts: Callable[[str], list[str]]
    finals: Callable[[str], list[str]]


# --- words that are said as one ----------------------------------------------------------------------------------------------


def joined_words(words: Sequence[Word], library: Library) -> list[Word]:
    """Join words whose tones depend on the next one: 不 and 一 with their successor, doubled words, third tones, an ending 儿."""
    joined = _with_bu(words)
    joined = _with_yi(_around_yi(joined))
    joined = _doubled(joined)
    joined = _third_tones(joined, library, _are_all_third)
    joined = _third_tones(joined, library, _meet_in_third)
    return _with_er(joined)


def _with_bu(words: Sequence[Word]) -> list[Word]:
    joined: list[Word] = []
    is_pending = False
    for word in words:
        text = f"不{word.text}" if is_pending else word.text
        is_pending = text == "不"
        if not is_pending:
            joined.append(replace(word, text=text))
    return [*joined, Word("不", "d")] if is_pending else joined


def _around_yi(words: Sequence[Word]) -> list[Word]:
    """Join 看 一 看 to one word."""
    joined: list[Word] = []
    i = 0
    while i < len(words):
        word, after = words[i], words[i + 1] if i + 1 < len(words) else None
        before = joined[-1] if joined else None
        if word.text == "一" and before and after and before.text == after.text and before.tag == after.tag == "v":
            joined[-1] = replace(before, text=f"{before.text}一{after.text}")
            i += 2
        else:
            joined.append(word)
            i += 1
    return joined


def _with_yi(words: Sequence[Word]) -> list[Word]:
    joined: list[Word] = []
    for word in words:
        if joined and joined[-1].text == "一":
            joined[-1] = replace(joined[-1], text=f"一{word.text}")
        else:
            joined.append(word)
    return joined


def _doubled(words: Sequence[Word]) -> list[Word]:
    joined: list[Word] = []
    for word in words:
        if joined and joined[-1].text == word.text:
            joined[-1] = replace(joined[-1], text=joined[-1].text + word.text)
        else:
            joined.append(word)
    return joined


def _third_tones(words: Sequence[Word], library: Library, meet: Callable[[list[str], list[str]], bool]) -> list[Word]:
    finals = [library.finals(word.text) for word in words]
    joined: list[Word] = []
    was_joined = False
    for i, word in enumerate(words):
        before = words[i - 1] if i else None
        was_joined = bool(
            before
            and not was_joined
            and meet(finals[i - 1], finals[i])
            and not _is_doubled(before.text)
            and len(before.text) + len(word.text) <= _LONGEST_JOINED
        )
        if was_joined:
            joined[-1] = replace(joined[-1], text=joined[-1].text + word.text)
        else:
            joined.append(word)
    return joined


def _are_all_third(first: list[str], second: list[str]) -> bool:
    return _is_third(*first, *second)


def _meet_in_third(first: list[str], second: list[str]) -> bool:
    return _is_third(*first[-1:], *second[:1])


def _with_er(words: Sequence[Word]) -> list[Word]:
    joined: list[Word] = []
    for word in words:
        if joined and word.text == "儿":
            joined[-1] = replace(joined[-1], text=joined[-1].text + "儿")
        else:
            joined.append(word)
    return joined


# --- tones within a word -----------------------------------------------------------------------------------------------------


def spoken_tones(word: Word, finals: Sequence[str], library: Library) -> list[str]:
    """Return the finals of a word with their spoken tones as digits at the end."""
    said = list(finals)
    _bu(word.text, said)
    _yi(word.text, said)
    _neutral(word, said, library)
    return _ending_er(word, _thirds(word.text, said, library))


def _bu(text: str, finals: list[str]) -> None:
    """Make 不 neutral within 看不懂 and rising before a fourth tone."""
    if len(text) == 3 and text[1] == "不":
        finals[1] = _toned(finals[1], NEUTRAL)
        return
    for i, character in enumerate(text[:-1]):
        if character == "不" and finals[i + 1][-1] == "4":
            finals[i] = _toned(finals[i], "2")


def _yi(text: str, finals: list[str]) -> None:
    """Make 一 neutral within 看一看, plain in numbers and ordinals, rising before a fourth tone and falling before others."""
    if "一" not in text or all(character.isnumeric() for character in text):
        return
    if len(text) == 3 and text[1] == "一" and text[0] == text[2]:
        finals[1] = _toned(finals[1], NEUTRAL)
    elif text.startswith("第一"):
        finals[1] = _toned(finals[1], "1")
    else:
        for i, character in enumerate(text[:-1]):
            if character == "一" and finals[i + 1][-1] == "4":
                finals[i] = _toned(finals[i], "2")
            elif character == "一" and text[i + 1] not in _MARKS:
                finals[i] = _toned(finals[i], "4")


def _neutral(word: Word, finals: list[str], library: Library) -> None:
    text, tag = word.text, word.tag
    keeps = text in _FULL_TONE
    for i in range(1, len(text)):
        if text[i] == text[i - 1] and tag[:1] in ("n", "v", "a") and not keeps:
            finals[i] = _toned(finals[i], NEUTRAL)
    ge, last = text.find("个"), text[-1]
    is_long = len(text) > 1
    if (
        last in _ENDING_PARTICLES
        or last in _STRUCTURAL
        or (text in ("了", "着", "过") and tag in _ASPECT_TAGS)
        or (is_long and last in "们子" and tag in ("r", "n") and not keeps)
        or (is_long and last in "上下里" and tag in ("s", "l", "f"))
        or (is_long and last in "来去" and text[-2] in _DIRECTIONS)
    ):
        finals[-1] = _toned(finals[-1], NEUTRAL)
    elif text == "个" or (ge >= 1 and (text[ge - 1].isnumeric() or text[ge - 1] in _BEFORE_GE)):
        finals[ge] = _toned(finals[ge], NEUTRAL)
    elif _is_neutral_word(text):
        finals[-1] = _toned(finals[-1], NEUTRAL)
    end = 0
    for part in _two_parts(text, library):
        end += len(part)
        if _is_neutral_word(part):
            finals[end - 1] = _toned(finals[end - 1], NEUTRAL)


def _thirds(text: str, finals: list[str], library: Library) -> list[str]:
    """Let all but the last of several third tones rise; the parts of the word limit the run."""
    if len(text) == 2 and _is_third(*finals):
        return [_toned(finals[0], "2"), finals[1]]
    if len(text) == 3:
        border = len(_two_parts(text, library)[0])
        if _is_third(*finals):  # 蒙古|包, 纸|老虎
            rising = (0, 1) if border == 2 else (1,) if border == 1 else ()
            return [_toned(final, "2") if i in rising else final for i, final in enumerate(finals)]
        first, second = finals[:border], finals[border:]
        for i, part in enumerate((first, second)):
            if len(part) == 2 and _is_third(*part):  # 所有|人
                part[0] = _toned(part[0], "2")
            elif i and part and first and not _is_third(*part) and _is_third(part[0], first[-1]):  # 好|喜欢
                first[-1] = _toned(first[-1], "2")
        return first + second
    if len(text) == 4:
        return [_toned(finals[i], "2") if i in (0, 2) and _is_third(*finals[i : i + 2]) else finals[i] for i in range(4)]
    return finals


def _ending_er(word: Word, finals: list[str]) -> list[str]:
    """Give 儿 as an ending the tone of the syllable before it."""
    text = word.text
    if text[-1] != "儿":
        return finals
    if finals[-1] == "er1":
        finals[-1] = "er2"
    is_child = text in _CHILD or word.tag in _NO_ENDING_TAGS
    if (is_child and text not in _ENDING) or text[-2:] in _CHILD or len(text) < 2 or finals[-1] not in ("er2", "er5"):
        return finals
    return [*finals[:-1], f"er{finals[-2][-1]}"]


def _two_parts(text: str, library: Library) -> tuple[str, str]:
    """Cut a word behind or before the shortest word in it."""
    shortest = library.parts(text)[0]
    if text.startswith(shortest):
        return shortest, text[len(shortest) :]
    return text[: -len(shortest)], shortest


def _is_neutral_word(text: str) -> bool:
    return text in _neutral_words() or text[-2:] in _neutral_words()


@functools.cache
def _neutral_words() -> frozenset[str]:
    text = resources.files(__package__).joinpath("neutral_tone_words.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


def _is_doubled(text: str) -> bool:
    return len(text) == 2 and text[0] == text[1]


def _is_third(*finals: str) -> bool:
    return bool(finals) and all(final[-1] == "3" for final in finals)


def _toned(final: str, tone: str) -> str:
    return final[:-1] + tone
