"""The kind "gpt-sovits": voices imported from the GPT-SoVITS program."""

from __future__ import annotations

from pathlib import Path

from engine.errors import naming_extras
from engine.lyrics import UserDictionary
from engine.voices.card import VoiceCard
from engine.voices.kinds import LoadOptions, PhonemeReading, VoiceKind
from engine.voices.types import Voice

from .adapter_card import installed_adapter
from .networks.symbols import UNKNOWN, symbol_table

_NEWEST_TABLE = "v2"


def _load(folder: Path, card: VoiceCard, options: LoadOptions) -> Voice:
    with naming_extras(f"'{card.name}' is a GPT-SoVITS voice, which"):
        from .encoders import FeatureFolder  # torch is imported only for such a voice
        from .speech import TextToSpeech
        from .voice import GptSovitsVoice

    encoders, imported = FeatureFolder(options.features), options.imported
    adapter = (imported.adapter or installed_adapter(folder)) if imported.has_adapter else None
    talker = TextToSpeech(folder, encoders, adapter=adapter, settings=imported)
    return GptSovitsVoice(talker, options.load_reference(), encoders)


def _figures_in_words(text: str, language: str) -> str:
    from .written import figures_in_words

    return figures_in_words(text, language)


def _read_phonemes(text: str, language: str, dictionary: UserDictionary | None, card: VoiceCard | None) -> PhonemeReading:
    """Read a text as the voice of `card` does; a phoneme that its table lacks becomes the unknown one, with a notice."""
    from .text import read_reference_text

    reading = read_reference_text(text, language, dictionary=dictionary)
    table = _NEWEST_TABLE if card is None else str(card.model.get("symbols", _NEWEST_TABLE))
    known = symbol_table(table)
    lacking = list(dict.fromkeys(symbol for symbol in reading.symbols if symbol not in known))
    if not lacking:
        return PhonemeReading(reading.symbols, reading.notices)
    notice = f"Voices with the phonemes of {table} do not know {', '.join(lacking[:8])}; they are told {UNKNOWN} instead."
    return PhonemeReading(tuple(s if s in known else UNKNOWN for s in reading.symbols), (*reading.notices, notice))


KIND = VoiceKind(
    name="gpt-sovits",
    gain=1.0,
    load=_load,
    reads_text=True,
    uses_import_settings=True,
    figures_in_words=_figures_in_words,
    read_phonemes=_read_phonemes,
)
