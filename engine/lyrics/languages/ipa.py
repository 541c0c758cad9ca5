"""IPA in the form of eSpeak NG: phonemes, syllables by maximal onset, and more or fewer vowels to match a score."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

_DIPHTHONGS = frozenset("aɪ aʊ ɔø ɔɪ eɪ oɪ oʊ eʊ iʊ uɪ ɐ̃ʊ̃ ɐ̃ɪ̃ õɪ̃ ʊɐ ɛɐ iə uə eə".split())
_VOWEL_LETTERS = frozenset("aeiouyøœɐɑɒɔəɘɛɜɞɤɨɪɯɵʉʊʌʏæ")
_VOWELS = frozenset("a ɑ ɑː aː ɐ e eː ɛ ɛː i iː ɪ o oː ɔ ɔː u uː ʊ y yː ʏ ø øː œ ə ɜ ɨ ʌ æ ɑ̃ ɛ̃ ɔ̃ œ̃ ɐ̃ ẽ ĩ õ ũ".split())
_CONSONANTS = frozenset("b c d f h j k l m n p r s t v w x z ç ð ŋ ɡ ɣ ɥ ɲ ɹ ɾ ʀ ʁ ʃ ʎ ʒ ʝ ʔ β θ χ ɫ ts dz tʃ dʒ pf".split())
INVENTORY = _VOWELS | _DIPHTHONGS | _CONSONANTS
_SAME = {"g": "ɡ", "ɚ": "ɜ", "ɝ": "ɜ", "ɒ": "ɔ", "ɘ": "ə", "ɵ": "ə", "ɞ": "œ", "ɤ": "ə", "ɯ": "ɨ", "ʉ": "u", "ɶ": "œ", "ɱ": "m"}
_SAME |= {
    "ɟ": "j",
    "ɕ": "ʃ",
    "ʑ": "ʒ",
    "ʂ": "ʃ",
    "ʐ": "ʒ",
    "ɬ": "l",
    "ʋ": "v",
    "ɸ": "f",
    "ɦ": "h",
    "ɭ": "l",
    "ɳ": "n",
    "ɽ": "ɾ",
    "ʈ": "t",
}
_SAME |= {
    "ɖ": "d",
    "q": "k",
    "ɢ": "ɡ",
    "ɻ": "ɹ",
    "ʍ": "w",
    "ɰ": "ɣ",
    "ɴ": "n",
    "ɓ": "b",
    "ɗ": "d",
    "ʤ": "dʒ",
    "ʧ": "tʃ",
    "ʦ": "ts",
    "ʣ": "dz",
}
_STRESS = {"ˈ": 1, "ˌ": 2}
_IGNORED = re.compile("[ʰʲʷˠˤ̪̯̩͡‿.'\\-|]")
_GLIDES = {"j": "i", "w": "u", "ɥ": "y"}
_AS_GLIDES = {"i": "j", "iː": "j", "ɪ": "j", "u": "w", "uː": "w", "ʊ": "w", "y": "ɥ", "yː": "ɥ"}
_HALVES = {
    "aɪ": "a ɪ",
    "aʊ": "a ʊ",
    "ɔø": "ɔ ʏ",
    "ɔɪ": "ɔ ɪ",
    "eɪ": "e ɪ",
    "oɪ": "o ɪ",
    "oʊ": "o ʊ",
    "eʊ": "e ʊ",
    "iʊ": "i ʊ",
    "uɪ": "u ɪ",
}
_FALLING = {tuple(halves.split()): whole for whole, halves in _HALVES.items()}
_LIQUIDS = frozenset("l r ɾ ʁ ʀ ɹ ɫ".split())
_OBSTRUENTS = frozenset("p b t d k ɡ f v θ ð s z ʃ ʒ x ç ɣ β pf ts".split())
_STOPS = frozenset("p t k b d ɡ f v m n l ts".split())


class Sound(NamedTuple):
    """A phoneme of `INVENTORY` and its stress (vowels only)."""

    symbol: str
    stress: int = 0

    @property
    def is_vowel(self) -> bool:
        return self.symbol in _VOWELS or self.symbol in _DIPHTHONGS


SCHWA = Sound("ə")


def is_latin(character: str) -> bool:
    """Return True for a letter of the Latin script, with or without marks."""
    return character.isalpha() and unicodedata.name(character, "").startswith("LATIN")


def parse(text: str) -> tuple[Sound, ...]:
    """Return the sounds of IPA, separated by lines or spaces or run together. Other characters are left out."""
    sounds: list[Sound] = []
    for unit in re.split(r"[\s_]+", unicodedata.normalize("NFC", text)):
        stress = max((_STRESS[c] for c in unit if c in _STRESS), default=0, key=lambda value: (value > 0, -value))
        for symbol in _symbols(re.sub("[ˈˌ]", "", unit)):
            sound = Sound(symbol)
            is_first_vowel = sound.is_vowel and stress
            sounds.append(Sound(symbol, stress) if is_first_vowel else sound)
            stress = 0 if is_first_vowel else stress
    return tuple(sounds)


def unknown_in(text: str) -> str:
    """Return the characters of a text that are not IPA."""
    plain = re.sub(r"[ˈˌː\s_]", "", _IGNORED.sub("", text))
    return "".join(c for c in plain if not (c in INVENTORY or c in _SAME or c in _VOWEL_LETTERS or unicodedata.combining(c)))


def _symbols(unit: str) -> list[str]:
    """Split a unit into members of the inventory, the longest first."""
    unit = _IGNORED.sub("", unit)
    unit = "".join(_SAME.get(c, c) for c in unit)
    unit = re.sub("(?<=[^aeiouyøœɐɑɔəɛɜɨɪʊʌʏæ\u0303])ː", "", unit)  # long consonants
    symbols: list[str] = []
    i = 0
    while i < len(unit):
        size = next((n for n in (5, 4, 3, 2, 1) if unit[i : i + n] in INVENTORY), 0)
        if size:
            symbols.append(unit[i : i + size])
        i += size or 1
    return symbols


def vowels(sounds: Sequence[Sound]) -> int:
    """Return the number of vowels."""
    return sum(sound.is_vowel for sound in sounds)


def with_more_vowels(sounds: Sequence[Sound], wanted: int) -> tuple[Sound, ...]:
    """Turn glides before vowels into vowels, then diphthongs into two, up to `wanted` vowels or as far as possible."""
    result = list(sounds)
    missing = wanted - vowels(result)
    for i in range(len(result) - 1):
        if missing > 0 and result[i].symbol in _GLIDES and result[i + 1].is_vowel:
            result[i] = Sound(_GLIDES[result[i].symbol])
            missing -= 1
    i = 0
    while i < len(result) and missing > 0:
        if result[i].symbol in _HALVES:
            first, second = _HALVES[result[i].symbol].split()
            result[i : i + 1] = [Sound(first, result[i].stress), Sound(second)]
            missing -= 1
        i += 1
    return tuple(result)


def with_vowels_apart(sounds: Sequence[Sound], diphthong: str) -> tuple[Sound, ...]:
    """Split a diphthong into two vowels everywhere (De-i)."""
    first, second = _HALVES[diphthong].split()
    return tuple(
        part
        for sound in sounds
        for part in ((Sound(first, sound.stress), Sound(second)) if sound.symbol == diphthong else (sound,))
    )


def with_glide(sounds: Sequence[Sound], first: str, second: str) -> tuple[Sound, ...]:
    """Turn two adjacent vowels into a glide and a vowel everywhere."""
    pairs = zip(sounds, [*sounds[1:], SCHWA], strict=True)
    return tuple(
        Sound(_AS_GLIDES[first]) if sound.symbol == first and not sound.stress and following.symbol == second else sound
        for sound, following in pairs
    )


def with_fewer_vowels(sounds: Sequence[Sound], wanted: int) -> tuple[Sound, ...]:
    """Merge adjacent vowels: i and u become glides in front, or the end of a diphthong."""
    result = list(sounds)
    extra = vowels(result) - max(wanted, 1)
    i = len(result) - 2
    while i >= 0 and extra > 0:
        here, following = result[i], result[i + 1]
        if here.is_vowel and following.is_vowel:
            falling = _FALLING.get((here.symbol, {"i": "ɪ", "u": "ʊ"}.get(following.symbol, following.symbol)))
            if falling and not following.stress:
                result[i : i + 2] = [Sound(falling, here.stress)]
                extra -= 1
            elif here.symbol in _AS_GLIDES and not here.stress:
                result[i] = Sound(_AS_GLIDES[here.symbol])
                extra -= 1
        i -= 1
    return tuple(result)


def syllables(sounds: Sequence[Sound], *, has_s_clusters: bool) -> list[tuple[Sound, ...]]:
    """Return sounds by syllable, each with one vowel. Consonants between two vowels start a syllable as far as they are easy to say."""
    nuclei = [i for i, sound in enumerate(sounds) if sound.is_vowel]
    if not nuclei:
        return []
    starts = [0]
    for left, right in itertools.pairwise(nuclei):
        start = right
        while start - 1 > left and _begins(sounds[start - 1 : right], has_s_clusters):
            start -= 1
        starts.append(start)
    return [tuple(sounds[a:b]) for a, b in zip(starts, [*starts[1:], len(sounds)], strict=True)]


def _begins(consonants: Sequence[Sound], has_s_clusters: bool) -> bool:
    """Return True if a syllable may start with these consonants."""
    symbols = [sound.symbol for sound in consonants]
    if len(symbols) == 1:
        return symbols[0] != "ŋ"
    first, second = symbols[:2]
    if second in _GLIDES:
        return len(symbols) == 2 and first not in _GLIDES
    if len(symbols) > 3:
        return False
    if second in _LIQUIDS and first in _OBSTRUENTS:
        return len(symbols) == 2 or symbols[2] in _GLIDES
    if second == "v" and first in ("ts", "k", "ʃ"):  # zwei, Quelle, schwer
        return len(symbols) == 2
    return has_s_clusters and first in ("s", "ʃ", "z") and second in _STOPS and (len(symbols) == 2 or symbols[2] in _LIQUIDS)


_VOWEL_GROUP = re.compile("[aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüýÿœ]+", re.IGNORECASE)
_ONSET_LETTERS = re.compile("(?:[bcdfgkpqtv][lr]|[cgpst]h|qu|gn|gl|sch|[^aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüýÿœ'])$", re.IGNORECASE)


def split_spelling(word: str, count: int) -> list[str]:
    """Return displayed pieces of a word, one per syllable: by groups of vowel letters, evenly if their number differs."""
    if count < 2:
        return [word] * count
    groups = list(_VOWEL_GROUP.finditer(word))
    if len(groups) == count + 1 and groups[-1].end() == len(word) and len(groups[-1][0]) == 1:
        groups.pop()  # a silent e
    if len(groups) != count:
        cuts = [round(i * len(word) / count) for i in range(count + 1)]
        return [word[a:b] for a, b in itertools.pairwise(cuts)]
    cuts = [0]
    for left, right in itertools.pairwise(groups):
        between = word[left.end() : right.start()]
        onset = _ONSET_LETTERS.search(between)
        cuts.append(right.start() - len(onset[0]) if onset else right.start())
    return [word[a:b] for a, b in zip(cuts, [*cuts[1:], len(word)], strict=True)]
