"""Cantonese to the phonemes of GPT-SoVITS: initial and final of Jyutping, each with a `Y` in front, the tone behind the final.

Characters are read as in the official front end: simplified first, and all characters between two marks together.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable

from engine.errors import VoiceError
from engine.lyrics import simplify

from .chinese_marks import PAUSES, clauses
from .networks.symbols import symbol_table
from .reading import Reading, join_readings

_CONSONANTS = ("kw", "gw", "ng", *"pbtdkgfhlmnswczj")
_BARE = ("aa", "ai", "au", "ap", "at", "ak", "a", "e", "ong", "on", "ou", "oi", "ok", "o", "uk", "ung")


def read_text(text: str) -> Reading:
    """Return the phonemes of text in Han characters and marks; other characters are skipped."""
    return join_readings(*(_clause(characters, mark) for characters, mark in clauses(text)))


def _clause(characters: str, mark: str) -> Reading:
    spelled = jyutping_of(characters) if characters else []
    syllables = [syllable for jyutping in spelled for syllable in jyutping.split()]
    symbols = [symbol for syllable in syllables for symbol in syllable_symbols(syllable)]
    unread = "".join(character for character, jyutping in zip(characters, spelled, strict=True) if not jyutping)
    notices = unknown_notices(syllables)
    if unread:
        notices += (f"'{unread}' has no Cantonese reading and is left out. Jyutping (nei5 hou2) can stand for it.",)
    return Reading((*symbols, *([("," if mark in PAUSES else mark)] if mark else [])), notices=notices)


def jyutping_of(characters: str) -> list[str]:
    """Return the Jyutping of each Han character, several syllables joined by spaces; "" for a character without a reading."""
    try:
        library = importlib.import_module("ToJyutping")
    except ImportError:
        raise VoiceError(
            "Cantonese characters need the package ToJyutping: pip install 'vocalese[yue]', or write Jyutping (nei5 hou2)."
        ) from None
    plain = library.get_jyutping_list(simplify(characters))
    written = library.get_jyutping_list(characters)
    return [read or own or "" for (_, read), (_, own) in zip(plain, written, strict=True)]


def syllable_symbols(syllable: str) -> tuple[str, str]:
    """Return initial and final of a Jyutping syllable such as hou2. A syllable without an initial, or that is only a consonant, begins
    with its sound twice.
    """
    sound, tone = syllable[:-1], syllable[-1]
    initial = next((c for c in (*_CONSONANTS, *_BARE) if sound.startswith(c)), sound)
    final = sound[len(initial) :] or initial[-1]
    return f"Y{initial}", f"Y{final}{tone}"


def unknown_notices(spelled: Iterable[str]) -> tuple[str, ...]:
    """Return notices about syllables that the official table lacks, such as deu6."""
    table = symbol_table("v2")
    odd = list(dict.fromkeys(jyutping for jyutping in spelled if not all(s in table for s in syllable_symbols(jyutping))))
    if not odd:
        return ()
    return (f"GPT-SoVITS has no phonemes for {', '.join(odd[:5])}; what the voice makes of such syllables is open.",)
