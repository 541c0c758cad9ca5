"""Phonemes of a text for a voice. Nothing is synthesised and no network is loaded."""

from __future__ import annotations

from engine.lyrics import UserDictionary
from engine.performance import PerformanceSettings
from engine.performance.types import BREATH, SILENCE
from engine.voices.card import VoiceCard
from engine.voices.kinds import PhonemeReading, find_kind

from .plan import WordSettings, plan_text


def read_phonemes(
    text: str,
    card: VoiceCard,
    *,
    language: str = "en",
    inventory: str | None = None,
    dictionary: UserDictionary | None = None,
) -> PhonemeReading:
    """Return the phonemes of `text` for the voice of `card`; with `inventory` (a kind of voice), those for any voice of that kind.

    Raises VocaleseError if the text has no words.
    """
    own, wanted = find_kind(card.kind), find_kind(inventory or card.kind)
    if own is not None and own.read_phonemes:
        return own.read_phonemes(text, language, dictionary, card)
    if wanted is not None and wanted.read_phonemes:
        return wanted.read_phonemes(text, language, dictionary, None)
    words = WordSettings(language=language, dictionary=dictionary)
    plan = plan_text(text, card, PerformanceSettings(), title=text[:40], words=words)
    phrases = [phrase for track in plan.tracks for phrase in track.performed.phrases]
    symbols = tuple(phone.symbol for phrase in phrases for phone in phrase.phones if phone.symbol not in (SILENCE, BREATH))
    notices = (*plan.warnings, *(notice for track in plan.tracks for notice in track.warnings))
    return PhonemeReading(symbols, tuple(dict.fromkeys(notices)))
