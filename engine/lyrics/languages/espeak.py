"""Languages read by eSpeak NG: German, French, Spanish, Italian, Portuguese, Latin. Phones are IPA, vowels with their length.

The library comes with the extra `languages` (the wheel espeakng-loader has it with its data for Linux, macOS and Windows), else the
system's is used. Its state is per process, so every call holds one lock; it gets single words only and writes nothing. Latin is respelled
and read by Italian rules, the pronunciation of choirs (eSpeak's own Latin reads c as k and v as w).
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType, ModuleType

from engine.errors import LyricError
from engine.languages import LANGUAGES
from engine.lyrics.types import Phone, Syllable

from . import ipa
from .base import BaseLanguage, Pronunciation
from .european_text import spell_out
from .ipa_english import FROM_IPA, FROM_IPA_CODA

MAX_WORD_LETTERS = 60
_MAX_DATA_PATH = 140  # the library keeps its paths in buffers of 160 bytes
_SYSTEM_LIBRARIES = ("libespeak-ng.so.1", "libespeak-ng.so", "libespeak-ng.1.dylib", "libespeak-ng.dylib", "libespeak-ng.dll")
_RETRIEVAL, _DO_NOT_EXIT, _UTF8 = 1, 0x8000, 1
_IPA_APART = 0x02 | ord("_") << 8  # IPA with a line between phonemes
_LANGUAGE_SWITCH = re.compile(r"\([a-z-]*\)")
_SILENT_E = re.compile(r"(?:e|es|ent)$")
_CLIPPED = re.compile(r"([bfghprv]|ch)['’](?=[a-zà-ÿ])", re.IGNORECASE)  # p'tit, ch'val: letters that the library would spell


@dataclass(frozen=True)
class _Traits:
    """Deviations of a language from the defaults."""

    glide: tuple[str, str] | None = None  # vowels of two syllables in the library that are one as sung
    hyphens_join_words: bool = False  # peut-être, dis-moi are passed as they are
    has_s_clusters: bool = False  # st and sp begin a syllable
    weak_e_word: str = ""
    english_phones: Mapping[str, str] = field(default_factory=dict)


_TRAITS = {
    "de": _Traits(has_s_clusters=True, weak_e_word="Liebe"),
    "fr": _Traits(
        glide=("y", "i"),  # nuit
        hyphens_join_words=True,
        has_s_clusters=True,
        weak_e_word="le",
        english_phones={"e": "EY", "ɛː": "EH"},
    ),
    "it": _Traits(glide=("\u028a", "\u0254"), has_s_clusters=True, weak_e_word="luce"),  # cuore
    "es": _Traits(weak_e_word="noche"),
    "pt": _Traits(weak_e_word="noite"),
    "la": _Traits(has_s_clusters=True, weak_e_word="Christe"),
}
_UNKNOWN = (
    "{name} words need the rules of eSpeak NG: pip install 'vocalese[languages]'. Until then they are sung by English rules."
)


class EspeakLanguage(BaseLanguage):
    """Rules of a language of eSpeak NG, see `base.Language`."""

    hint_form = "IPA"
    english_codas = FROM_IPA_CODA

    def __init__(self, code: str, voice: str) -> None:
        self.code = code
        self._voice = voice
        self._traits = _TRAITS.get(code, _Traits())
        self.weak_e_word = self._traits.weak_e_word
        self.english_phones = MappingProxyType({**FROM_IPA, **self._traits.english_phones})

    @property
    def missing(self) -> str:
        """Packages to install, as a sentence; "" if the library is present."""
        return "" if _library() else _UNKNOWN.format(name=LANGUAGES[self.code].name)

    def accepts(self, word: str) -> bool:
        return not self.missing and any(c.isdecimal() or ipa.is_latin(c) for c in word)

    def spell_out(self, text: str) -> str:
        return spell_out(text, self.code)

    def pronounce(self, word: str, *, wanted: int | None = None, before: str = "", after: str = "") -> Pronunciation:
        phones = self._phones(word[:MAX_WORD_LETTERS])
        if wanted is not None:
            phones = self._with_count(phones, word, wanted)
        syllables = self._syllables(phones, word[:MAX_WORD_LETTERS])
        notice = ""
        if len(word) > MAX_WORD_LETTERS:
            notice = f"'{word[:16]}…' has {len(word)} letters; only the first {MAX_WORD_LETTERS} are sung."
        return Pronunciation(syllables, notice)

    def read_hint(self, symbols: tuple[str, ...], word: str) -> tuple[Syllable, ...]:
        """Return syllables of IPA given in brackets; () if it is not IPA."""
        phones = ipa.parse(" ".join(symbols))
        return self._syllables(phones, word) if phones and not ipa.unknown_in(" ".join(symbols)) else ()

    def _phones(self, word: str) -> tuple[ipa.Sound, ...]:
        library = _library()
        if library is None:
            raise LyricError(self.missing)
        written = word.lower() if word.isupper() and len(word) > 3 else word
        if self.code == "la":
            written = respell_latin(written)
        parts = [written] if self._traits.hyphens_join_words else [part for part in re.split(r"-+", written) if part]
        if self.code == "fr" and (clipped := _CLIPPED.match(written)):
            whole = self._phones(f"{clipped[1]}e{written[clipped.end() :]}")
            return _without_first_schwa(whole)
        sounds = tuple(sound for part in parts for sound in ipa.parse(library.phonemes(self._voice, part)))
        if len(parts) > 1:
            whole = ipa.parse(library.phonemes(self._voice, "".join(parts)))
            sounds = whole if ipa.vowels(whole) == len(parts) else sounds  # hyphens that only show syllables: lei-se
        if self._traits.glide:
            sounds = ipa.with_glide(sounds, *self._traits.glide)
        if self.code == "la":
            sounds = ipa.with_vowels_apart(sounds, "eɪ")
        return sounds if any(sound.is_vowel for sound in sounds) or not sounds else (*sounds, ipa.SCHWA)

    def _with_count(self, phones: tuple[ipa.Sound, ...], word: str, wanted: int) -> tuple[ipa.Sound, ...]:
        """Return as many vowels as wanted if the language allows it: a silent e sounded, glides as vowels, vowels as glides."""
        if self.code == "fr" and ipa.vowels(phones) < wanted and _SILENT_E.search(word.lower()) and not phones[-1].is_vowel:
            phones = (*phones, ipa.SCHWA)
        if ipa.vowels(phones) < wanted:
            phones = ipa.with_more_vowels(phones, wanted)
        elif ipa.vowels(phones) > wanted:
            phones = ipa.with_fewer_vowels(phones, wanted)
        return phones

    def _syllables(self, phones: tuple[ipa.Sound, ...], word: str) -> tuple[Syllable, ...]:
        groups = ipa.syllables(phones, has_s_clusters=self._traits.has_s_clusters)
        texts = ipa.split_spelling(word, len(groups))
        if not all(texts) or any(c.isdecimal() for c in word):
            texts = ["".join(sound.symbol for sound in group) for group in groups]
        last = len(groups) - 1
        plain = tuple(
            Syllable(
                phones=tuple(Phone(self.code, sound.symbol) for sound in group),
                nucleus=next(i for i, sound in enumerate(group) if sound.is_vowel),
                text=texts[i],
                word=word,
                stress=max(sound.stress for sound in group),
                is_word_start=i == 0,
                is_word_end=i == last,
            )
            for i, group in enumerate(groups)
        )
        if len(plain) == 1 and not plain[0].stress:
            return (replace(plain[0], stress=1),)
        return plain


def _without_first_schwa(sounds: tuple[ipa.Sound, ...]) -> tuple[ipa.Sound, ...]:
    """Return a word without its first vowel (p'tit), if it has another one."""
    first = next((i for i, sound in enumerate(sounds) if sound.is_vowel), None)
    if first is None or sounds[first].symbol not in ("ə", "œ", "ø", "e", "ɛ") or ipa.vowels(sounds) < 2:
        return sounds
    return sounds[:first] + sounds[first + 1 :]


# ---- the library -----------------------------------------------------------------------------------------------------


class _Espeak:
    """eSpeak NG, opened once. Its functions share state, so each call holds the lock."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._lock = threading.Lock()
        self._speak = library.espeak_TextToPhonemes
        self._speak.restype = ctypes.c_char_p
        self._speak.argtypes = (ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int)
        self._choose = library.espeak_SetVoiceByName
        self._choose.argtypes = (ctypes.c_char_p,)
        self._chosen = ""
        self.phonemes = functools.lru_cache(8192)(self._phonemes)

    def _phonemes(self, voice: str, word: str) -> str:
        """Return IPA of a word in the spelling of `voice`, with phonemes separated by lines and spaces."""
        with self._lock:
            if voice != self._chosen:
                if self._choose(voice.encode()):
                    raise LyricError(f"The installed eSpeak NG has no voice '{voice}': pip install 'vocalese[languages]'.")
                self._chosen = voice
            text = ctypes.c_char_p(word.replace("\0", "").encode("utf-8", "ignore"))
            heard: list[str] = []
            while text.value:
                clause = self._speak(ctypes.pointer(text), _UTF8, _IPA_APART)
                heard.append((clause or b"").decode("utf-8", "replace"))
        return _LANGUAGE_SWITCH.sub("", " ".join(heard))


@functools.cache
def _library() -> _Espeak | None:
    """Return the library of the extra, else the system's; None without either."""
    wheel = _loader()
    if wheel is not None:
        data = Path(wheel.get_data_path())
        if (data / "phontab").is_file() and len(str(data).encode()) <= _MAX_DATA_PATH:
            opened = _open(wheel.get_library_path(), str(data).encode())
            if opened is not None:
                return opened
    for name in _SYSTEM_LIBRARIES:
        if (opened := _open(name, None)) is not None:
            return opened
    return None


def _open(path: str, data: bytes | None) -> _Espeak | None:
    try:
        library = ctypes.CDLL(str(path))
        is_ready = library.espeak_Initialize(_RETRIEVAL, 0, data, _DO_NOT_EXIT) > 0
    except (OSError, AttributeError):
        return None
    return _Espeak(library) if is_ready else None


def _loader() -> ModuleType | None:
    try:
        return importlib.import_module("espeakng_loader")
    except ImportError:
        return None


# ---- Latin -----------------------------------------------------------------------------------------------------------

_LATIN = (
    (re.compile("[æœǽ]|ae(?!̈)|oe(?!̈)"), "e"),
    (re.compile("y"), "i"),
    (re.compile("j"), "i"),
    (re.compile("(?<=mi)h(?=i)|(?<=ni)h(?=il)"), "k"),
    (re.compile("ph"), "f"),
    (re.compile("th"), "t"),
    (re.compile("ch"), "k"),
    (re.compile("h"), ""),
    (re.compile("(?<![stx])ti(?=[aeiou])"), "zi"),
    (re.compile("xc(?=[ei])"), "ksc"),
    (re.compile("x"), "cs"),
    (re.compile("k(?=[ei])"), "ch"),
    (re.compile("k"), "c"),
)


def respell_latin(word: str) -> str:
    """Return Latin in Italian spelling: caelum → celum, gratia → grazia, mihi → michi, excelsis → ecscelsis."""
    word = word.lower()
    for pattern, written in _LATIN:
        word = pattern.sub(written, word)
    return word
