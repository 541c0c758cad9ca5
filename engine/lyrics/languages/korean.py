"""Korean: one block of Hangul is one syllable, pronounced by `korean_rules`; digits are read as Korean numbers.

Phones are named after the official romanisation: onsets `g kk n d tt r m b pp s ss j jj ch k t p h`, vowels `a ae ya … eu ui i`, codas in
capitals, `K T P N M L NG`. ㅅ before i and y is `sh`, a separate sound. Lone letters (ㅋㅋ, ㅠㅠ) get a vowel.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from engine.lyrics.types import Phone, Syllable

from .asian_text import spell_out
from .base import BaseLanguage, Pronunciation, is_hangul, last_characters
from .korean_numbers import is_number, with_numbers_spelled
from .korean_rules import CODAS, ONSETS, SILENT, VOWELS, Block, is_block, spoken_blocks

ONSET_PHONES = dict(zip(ONSETS, "g kk n d tt r m b pp s ss - j jj ch k t p h".split(), strict=True))
VOWEL_PHONES = dict(
    zip(VOWELS, "a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i".split(), strict=True),
)
CODA_PHONES = dict(zip("ㄱㄴㄷㄹㅁㅂㅇ", "K N T L M P NG".split(), strict=True))
_BEFORE_I = {"ㅅ": "sh", "ㅆ": "ssh"}
_PALATAL_VOWELS = frozenset("ㅣㅑㅒㅕㅖㅛㅠㅟ")
_LONE_CONSONANTS_VOWEL = "ㅡ"
_FIRST_ONSET, _FIRST_VOWEL, _FIRST_CODA = "\u1100", "\u1161", "\u11a8"  # the forms that Unicode joins to blocks
_NEVER_LINKED = "못"  # the adverb: 못 와 is 몯와
MAX_BLOCKS = 400

# Nearest ARPAbet phones, for voices that have English only.
_ENGLISH_PHONES = {
    # onsets
    "g": "G", "kk": "K", "n": "N", "d": "D", "tt": "T", "r": "L", "m": "M", "b": "B", "pp": "P", "s": "S", "ss": "S", "sh": "SH",
    "ssh": "SH", "j": "JH", "jj": "CH", "ch": "CH", "k": "K", "t": "T", "p": "P", "h": "HH",
    # vowels
    "a": "AA", "ae": "EH", "ya": "Y AA", "yae": "Y EH", "eo": "AH", "e": "EH", "yeo": "Y AH", "ye": "Y EH", "o": "OW", "wa": "W AA",
    "wae": "W EH", "oe": "W EH", "yo": "Y OW", "u": "UW", "wo": "W AH", "we": "W EH", "wi": "W IY", "yu": "Y UW", "eu": "UH", "ui": "IY",
    "i": "IY",
    # codas
    "K": "K", "T": "T", "P": "P", "N": "N", "M": "M", "L": "L", "NG": "NG",
}  # fmt: skip


class Korean(BaseLanguage):
    """Rules of Korean, see `base.Language`.

    Neighbouring words of one block each are treated as pieces of one word, since a note usually has one block.
    """

    code = "ko"
    hint_form = "Hangul as it sounds"
    english_phones = _ENGLISH_PHONES
    is_syllabic = True
    splits_scripts = True

    def accepts(self, word: str) -> bool:
        return any(map(is_hangul, word)) or is_number(word)

    def spell_out(self, text: str) -> str:
        return spell_out(text, self.code)

    def read_hint(self, symbols: tuple[str, ...], word: str) -> tuple[Syllable, ...]:
        sounds = "".join(symbols)
        return (
            tuple(replace(s, word=word or s.word) for s in self.pronounce(sounds).syllables)
            if sounds and all(map(is_hangul, sounds))
            else ()
        )

    def hinted_tail(self, word: str, syllables: int) -> str:
        return last_characters(word, syllables)

    def pronounce(self, word: str, *, wanted: int | None = None, before: str = "", after: str = "") -> Pronunciation:
        written, lone_letters = _blocks(word)
        is_cut, written = len(written) > MAX_BLOCKS, written[:MAX_BLOCKS]
        if not written:
            return Pronunciation(())
        near = [*_last_words(before), written, _blocks(after.split(" ")[0])[0]]
        text = near[0]
        for left, right in pairwise(near):
            is_pieces = len(left) == len(right) == 1 and left != _NEVER_LINKED
            text += right if is_pieces or not right else f" {right}"
        start = sum(map(len, near[:-2]))
        said = spoken_blocks(text)[start : start + len(written)]
        notice = ""
        if is_cut:
            notice = f"'{word[:16]}…' is one word of more than {MAX_BLOCKS} syllables; the rest of them is left out. Put spaces between words."
        elif lone_letters:
            notice = f"Letters by themselves, '{lone_letters[:16]}', are sung with a vowel: '{written[:16]}'."
        return Pronunciation(_syllables(said, written, word), notice)


def block_phones(block: Block) -> tuple[list[str], int]:
    """Return the phones of a pronounced block, and the index of the vowel."""
    onset = _BEFORE_I.get(block.onset) if block.vowel in _PALATAL_VOWELS else None
    phones = [] if block.onset == SILENT else [onset or ONSET_PHONES[block.onset]]
    nucleus = len(phones)
    return [*phones, VOWEL_PHONES[block.vowel], *([CODA_PHONES[block.coda]] if block.coda else [])], nucleus


def _syllables(said: list[Block], written: str, word: str) -> tuple[Syllable, ...]:
    last = len(said) - 1
    syllables = []
    for i, (block, text) in enumerate(zip(said, written, strict=True)):
        symbols, nucleus = block_phones(block)
        syllables.append(
            Syllable(
                phones=tuple(Phone("ko", symbol) for symbol in symbols),
                nucleus=nucleus,
                text=text,
                word=word,
                is_word_start=i == 0,
                is_word_end=i == last,
            )
        )
    return tuple(syllables)


def _last_words(before: str) -> list[str]:
    """Return the blocks of the words in front, back to the first word that is not Korean."""
    words: list[str] = []
    for word in reversed(before.split(" ")):
        blocks = _blocks(word)[0]
        if not blocks:
            break
        words.insert(0, blocks)
    return words


def _blocks(word: str) -> tuple[str, str]:
    """Return all of a word that can be read as whole blocks, and its lone letters."""
    if not any(map(is_hangul, word)) and not is_number(word):
        return "", ""
    blocks = lone_letters = ""
    for character in with_numbers_spelled(word):
        if is_block(character):
            blocks += character
        elif letter := _letter(character):
            blocks += str(Block(SILENT, letter, "") if letter in VOWELS else Block(letter, _LONE_CONSONANTS_VOWEL, ""))
            lone_letters += letter
    return blocks, lone_letters


def _letter(character: str) -> str:
    """Return a single letter of Hangul of any form, the first of a cluster; "" for all other characters."""
    for first, letters in ((_FIRST_ONSET, ONSETS), (_FIRST_VOWEL, VOWELS), (_FIRST_CODA, CODAS[1:])):
        if 0 <= ord(character) - ord(first) < len(letters):
            return letters[ord(character) - ord(first)][0]
    return character if character in ONSETS or character in VOWELS else ""
