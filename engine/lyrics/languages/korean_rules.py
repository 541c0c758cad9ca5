"""Sound changes of Standard Korean (표준 발음법): Hangul as written to Hangul as pronounced, block for block.

A block is an onset, a vowel and a coda. The next block decides about a coda, so all rules except those for vowels are one function of two
neighbours (`_meeting`). Exceptions that the letters do not show (꽃잎, 눈동자) are respelled in `korean_words.txt`. Numbers in brackets are
articles of the standard.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace
from importlib import resources

ONSETS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
CODAS = ("", *"ㄱ ㄲ ㄱㅅ ㄴ ㄴㅈ ㄴㅎ ㄷ ㄹ ㄹㄱ ㄹㅁ ㄹㅂ ㄹㅅ ㄹㅌ ㄹㅍ ㄹㅎ ㅁ ㅂ ㅂㅅ ㅅ ㅆ ㅇ ㅈ ㅊ ㅋ ㅌ ㅍ ㅎ".split())
SILENT = "ㅇ"  # as an onset
FIRST_BLOCK, LAST_BLOCK = "가", "힣"

_TENSE = dict(zip("ㄱㄷㅂㅅㅈ", "ㄲㄸㅃㅆㅉ", strict=True))
_NASAL = dict(zip("ㄱㄷㅂ", "ㅇㄴㅁ", strict=True))
# [8-11] Codas without a vowel behind them. Those left out stay.
_CLOSED = {
    "ㄲ": "ㄱ", "ㅋ": "ㄱ", "ㄱㅅ": "ㄱ", "ㄹㄱ": "ㄱ", "ㅅ": "ㄷ", "ㅆ": "ㄷ", "ㅈ": "ㄷ", "ㅊ": "ㄷ", "ㅌ": "ㄷ", "ㅎ": "ㄷ", "ㅍ": "ㅂ",
    "ㅂㅅ": "ㅂ", "ㄹㅍ": "ㅂ", "ㄴㅈ": "ㄴ", "ㄴㅎ": "ㄴ", "ㄹㅂ": "ㄹ", "ㄹㅅ": "ㄹ", "ㄹㅌ": "ㄹ", "ㄹㅎ": "ㄹ", "ㄹㅁ": "ㅁ",
}  # fmt: skip
# [12] A coda and ㅎ behind it: the rest, and the aspirated onset.
_BREATHED = {
    "ㄱ": ("", "ㅋ"), "ㄲ": ("", "ㅋ"), "ㅋ": ("", "ㅋ"), "ㄱㅅ": ("", "ㅋ"), "ㄹㄱ": ("ㄹ", "ㅋ"), "ㄷ": ("", "ㅌ"), "ㅅ": ("", "ㅌ"),
    "ㅆ": ("", "ㅌ"), "ㅊ": ("", "ㅌ"), "ㅌ": ("", "ㅌ"), "ㅈ": ("", "ㅊ"), "ㄴㅈ": ("ㄴ", "ㅊ"), "ㅂ": ("", "ㅍ"), "ㅍ": ("", "ㅍ"),
    "ㄹㅂ": ("ㄹ", "ㅍ"), "ㅂㅅ": ("", "ㅍ"), "ㄹㅌ": ("ㄹ", "ㅊ"), "ㄹㅍ": ("ㄹ", "ㅍ"),
}  # fmt: skip
_ASPIRATED = {"ㄱ": "ㅋ", "ㄷ": "ㅌ", "ㅈ": "ㅊ", "ㅅ": "ㅆ"}  # behind ㅎ
_PALATAL = {"ㄷ": ("", "ㅈ"), "ㅌ": ("", "ㅊ"), "ㄹㅌ": ("ㄹ", "ㅊ")}  # [17]
_NOUNS_IN_RK = frozenset("닭흙칡삵슭")  # all other blocks in ㄺ are stems of verbs: 읽고 is 일꼬, 닭과 is 닥꽈
_NOUNS_IN_RP_AND_RM = frozenset("덟삶앎")  # 여덟, 삶, 앎; all others are stems of verbs
_CRUSHED = "밟"  # [10] the one stem in ㄼ that keeps its ㅂ
_WITH_PARTICLE_L = ("을", "를")

_BLOCKS_IN_L = "".join(chr(c) for c in range(ord(FIRST_BLOCK) + CODAS.index("ㄹ"), ord(LAST_BLOCK) + 1, len(CODAS)))
# Places where the next onset is tense for reasons of grammar; the rules see letters only, so the words are named.
_TENSE_PLACES = tuple(
    re.compile(pattern)
    for pattern in (
        # [24] stems in ㄴ and ㅁ before endings: 안고 is 안꼬
        r"(?:(?<![가-힣])|(?<=[껴끌싸]))[안신](?=고)",
        r"(?:(?:(?<![가-힣])|(?<=[아어]))[남참감숨담품넘삼검]|머금|[더다보]듬|껴안)(?=고|다(?![르른운웠랑수])|던|겠|게|지(?:[만마않못]|$| ))",
        # [27] behind the ending ㄹ: 할 것을 is 할꺼슬, 할게 is 할께
        rf"(?!를)[{_BLOCKS_IN_L}] (?=것|거(?:[야예라란나니지든고죠]|$| )|[건걸게](?:요|$| )|수(?:[가는도만밖있없]|$| ))",
        rf"(?!를)[{_BLOCKS_IN_L}] (?=줄(?:[은을도만]|$| )|데(?:[가는도로]|$| )|적(?:[에이]|$| ))",
        r"[을할갈줄볼올될릴킬럴랄낼쓸](?=[게걸](?:요|$| )|수록|지(?:[도라언]|$| ))",
    )
)


@dataclass(frozen=True, slots=True)
class Block:
    """Hangul letters of one syllable. `onset` is ㅇ for none, `coda` is "" for none and two letters for a cluster."""

    onset: str
    vowel: str
    coda: str

    def __str__(self) -> str:
        place = (ONSETS.index(self.onset) * len(VOWELS) + VOWELS.index(self.vowel)) * len(CODAS) + CODAS.index(self.coda)
        return chr(ord(FIRST_BLOCK) + place)


def is_block(character: str) -> bool:
    """Return True for a whole syllable of Hangul."""
    return FIRST_BLOCK <= character <= LAST_BLOCK


def block_of(character: str) -> Block:
    """Return the letters of a block such as 값."""
    rest, coda = divmod(ord(character) - ord(FIRST_BLOCK), len(CODAS))
    onset, vowel = divmod(rest, len(VOWELS))
    return Block(ONSETS[onset], VOWELS[vowel], CODAS[coda])


def spoken_blocks(text: str) -> list[Block]:
    """Return the pronounced form of `text`, words of blocks with single spaces between: one block for each, codas ㄱㄴㄷㄹㅁㅂㅇ or none.

    Sounds interact across spaces as in fluent speech, but a coda stays with its own word: 옷 안 is 옫 안.
    """
    said = _respell(text)
    written = [block_of(character) for character in said if character != " "]
    gaps = [said[i - 1] == " " for i, character in enumerate(said) if character != " "]
    blocks = [replace(block, vowel=_vowel(block)) for block in written]
    characters = said.replace(" ", "")
    for i, character in enumerate(characters):
        if i + 1 == len(blocks):
            coda, onset = _close_coda(character, blocks[i].coda), ""
        elif gaps[i + 1]:
            coda, onset = _over_a_space(character, blocks[i].coda, blocks[i + 1].onset)
        else:
            coda, onset = _meeting(character, blocks[i].coda, blocks[i + 1])
        blocks[i] = replace(blocks[i], coda=coda)
        if onset:
            blocks[i + 1] = replace(blocks[i + 1], onset=onset)
    return [replace(block, vowel="ㅓ") if block.onset in "ㅈㅉㅊ" and block.vowel == "ㅕ" else block for block in blocks]  # [5]


def respellings() -> dict[str, str]:
    """Return words that are not pronounced by rule, as written and as input for the rules; both have as many blocks."""
    return dict(_respellings())


@functools.cache
def _respellings() -> tuple[tuple[str, str], ...]:
    text = resources.files(__package__).joinpath("korean_words.txt").read_text(encoding="utf-8")
    pairs = [line.split("#")[0].split() for line in text.splitlines()]
    return tuple((pair[0], pair[1]) for pair in pairs if pair)


@functools.cache
def _respelling_pattern() -> re.Pattern[str]:
    return re.compile("|".join(sorted((written for written, _ in _respellings()), key=len, reverse=True)))


def _respell(text: str) -> str:
    known = dict(_respellings())
    text = _respelling_pattern().sub(lambda match: known[match[0]], text)
    for pattern in _TENSE_PLACES:
        for place in [match.end() for match in pattern.finditer(text)]:
            block = block_of(text[place])
            text = f"{text[:place]}{replace(block, onset=_TENSE.get(block.onset, block.onset))}{text[place + 1 :]}"
    return text


def _vowel(block: Block) -> str:
    """Return the vowel. [5] ㅢ behind a written consonant is ㅣ."""
    return "ㅣ" if block.vowel == "ㅢ" and block.onset != SILENT else block.vowel


def _close_coda(character: str, coda: str) -> str:
    return "ㅂ" if character == _CRUSHED else _CLOSED.get(coda, coda)


def _over_a_space(character: str, coda: str, onset: str) -> tuple[str, str]:
    """Return the rest of the coda, and the next word's onset."""
    closed = _close_coda(character, coda)
    if onset == "ㅎ" and closed in _BREATHED:
        return _BREATHED[closed]
    if onset in (SILENT, "ㄹ") and not (closed == "ㄴ" and onset == "ㄹ"):
        return closed, onset
    if closed == "ㄹ" and onset == "ㄴ" and character in _WITH_PARTICLE_L:
        return closed, onset
    return _assimilate(closed, onset)


def _meeting(character: str, coda: str, following: Block) -> tuple[str, str]:
    """Return the rest of the coda, and the following block's onset, inside a word."""
    onset = following.onset
    if coda in ("", SILENT) and onset != "ㄹ":
        return coda, onset
    if coda.endswith("ㅎ"):
        return _behind_h(coda[:-1], onset)
    if onset == SILENT:
        return _link(coda, following)
    if onset == "ㅎ" and coda in _BREATHED:
        is_palatal = following.vowel == "ㅣ" or (following.vowel == "ㅕ" and following.coda in ("", "ㅆ"))
        if is_palatal and coda == "ㄷ":  # [17] 굳히다, 닫혔다; not 맏형
            return "", "ㅊ"
        return _BREATHED[_CLOSED[coda] if character in _NOUNS_IN_RK else coda]
    if coda == "ㄹㄱ" and onset == "ㄱ" and character not in _NOUNS_IN_RK:  # [11]
        return "ㄹ", "ㄲ"
    is_stem = coda in ("ㄴㅈ", "ㄹㅌ") or (coda in ("ㄹㅂ", "ㄹㅁ") and character not in _NOUNS_IN_RP_AND_RM)
    if is_stem and onset in "ㄱㄷㅅㅈ":  # [24, 25]
        return _close_coda(character, coda), _TENSE[onset]
    return _assimilate(_close_coda(character, coda), onset)


def _behind_h(rest: str, onset: str) -> tuple[str, str]:
    """Return coda and onset behind [12] ㅎ, ㄶ (`rest` ㄴ) and ㅀ (`rest` ㄹ)."""
    if onset == SILENT:
        return "", rest or SILENT
    if onset in _ASPIRATED:
        return rest, _ASPIRATED[onset]
    if onset == "ㅎ":
        return rest, onset
    return _assimilate(rest or "ㄷ", onset)


def _link(coda: str, following: Block) -> tuple[str, str]:
    """Move the coda, or the second letter of a cluster, to the onset of a block that has none. [13, 14, 17]"""
    if coda in _PALATAL and following.vowel in "ㅣㅕ":
        return _PALATAL[coda]
    if len(coda) == 1:
        return "", coda
    return coda[0], "ㅆ" if coda[1] == "ㅅ" else coda[1]


def _assimilate(coda: str, onset: str) -> tuple[str, str]:
    """Return one of the seven codas and the onset of the consonant behind it. [18-20, 23]"""
    if onset in "ㄴㄹ" and (coda, onset) in (("ㄴ", "ㄹ"), ("ㄹ", "ㄴ"), ("ㄹ", "ㄹ")):
        return "ㄹ", "ㄹ"
    if onset == "ㄹ" and coda:
        return _NASAL.get(coda, coda), "ㄴ"
    if onset in "ㄴㅁ":
        return _NASAL.get(coda, coda), onset
    return coda, _TENSE.get(onset, onset) if coda in _NASAL else onset
