"""Phones of other languages in English ones, so that a voice that only knows English can sing them: with an English accent.

Contrasts that English lacks are lost: tones, aspiration (b and p stay apart as voiced and voiceless), Korean's tense consonants (as the
aspirated ones), front rounded vowels (ü is Y and UW), vowel length. The syllable keeps one nucleus, its onset glides go in front of it.
"""

from __future__ import annotations

from dataclasses import replace

from ..errors import LyricError
from .syllables import VOWELS
from .types import Phone, Syllable

# Phones as ARPAbet; for a phone with a vowel its nucleus is the first vowel in the row.
_FROM_MANDARIN = {
    # initials
    "b": "B", "p": "P", "m": "M", "f": "F", "d": "D", "t": "T", "n": "N", "l": "L", "g": "G", "k": "K", "h": "HH",
    "j": "JH", "q": "CH", "x": "SH", "zh": "JH", "ch": "CH", "sh": "SH", "r": "R", "z": "D Z", "c": "T S", "s": "S",
    # finals
    "a": "AA", "o": "AO", "e": "AH", "ê": "EH", "ai": "AY", "ei": "EY", "ao": "AW", "ou": "OW", "an": "AA N", "en": "AH N",
    "ang": "AA NG", "eng": "AH NG", "ong": "OW NG", "er": "ER", "i": "IY", "ia": "Y AA", "io": "Y AO", "ie": "Y EH",
    "iao": "Y AW", "iou": "Y OW", "ian": "Y EH N", "in": "IY N", "iang": "Y AA NG", "ing": "IY NG", "iong": "Y OW NG",
    "u": "UW", "ua": "W AA", "uo": "W AO", "uai": "W AY", "uei": "W EY", "uan": "W AA N", "uen": "W AH N",
    "uang": "W AA NG", "ueng": "W AH NG", "v": "Y UW", "ve": "Y W EH", "van": "Y W EH N", "vn": "Y UW N",
    "ii": "UH", "iii": "ER", "ng": "NG",
}  # fmt: skip
_FROM_JAPANESE = {
    "a": "AA", "i": "IY", "u": "UW", "e": "EH", "o": "OW", "N": "N", "cl": "T",
    "k": "K", "g": "G", "s": "S", "sh": "SH", "z": "Z", "j": "JH", "t": "T", "ch": "CH", "ts": "T S", "d": "D", "n": "N",
    "h": "HH", "f": "F", "b": "B", "p": "P", "m": "M", "y": "Y", "r": "L", "w": "W", "v": "V",
    "ky": "K Y", "gy": "G Y", "ny": "N Y", "hy": "HH Y", "by": "B Y", "py": "P Y", "my": "M Y", "ry": "L Y",
    "ty": "T Y", "dy": "D Y", "fy": "F Y", "kw": "K W", "gw": "G W",
}  # fmt: skip
_FROM_KOREAN = {
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
_FROM_CANTONESE = {
    # initials
    "b": "B", "p": "P", "f": "F", "d": "D", "t": "T", "n": "N", "l": "L", "g": "G", "k": "K", "h": "HH", "gw": "G W", "kw": "K W",
    "w": "W", "z": "D Z", "c": "T S", "s": "S", "j": "Y",
    # finals; m and ng are initials as well
    "m": "M", "ng": "NG",
    "aa": "AA", "aai": "AY", "aau": "AW", "aam": "AA M", "aan": "AA N", "aang": "AA NG", "aap": "AA P", "aat": "AA T", "aak": "AA K",
    "a": "AH", "ai": "AY", "au": "AW", "am": "AH M", "an": "AH N", "ang": "AH NG", "ap": "AH P", "at": "AH T", "ak": "AH K",
    "e": "EH", "ei": "EY", "eu": "EH", "em": "EH M", "en": "EH N", "eng": "EH NG", "ep": "EH P", "et": "EH T", "ek": "EH K",
    "i": "IY", "iu": "Y UW", "im": "IY M", "in": "IY N", "ing": "IH NG", "ip": "IY P", "it": "IY T", "ik": "IH K",
    "o": "AO", "oi": "OY", "ou": "OW", "on": "AO N", "ong": "AO NG", "ot": "AO T", "ok": "AO K",
    "u": "UW", "ui": "W IY", "un": "UW N", "ung": "UH NG", "ut": "UW T", "uk": "UH K",
    "oe": "ER", "oeng": "ER NG", "oet": "ER T", "oek": "ER K", "eoi": "OY", "eon": "UH N", "eot": "UH T",
    "yu": "Y UW", "yun": "Y UW N", "yut": "Y UW T",
}  # fmt: skip
_TABLES = {
    language: {symbol: tuple(phones.split()) for symbol, phones in table.items()}
    for language, table in (("zh", _FROM_MANDARIN), ("ja", _FROM_JAPANESE), ("ko", _FROM_KOREAN), ("yue", _FROM_CANTONESE))
}
_GLIDES = frozenset("YW")


def to_english_phones(syllable: Syllable) -> Syllable:
    """The syllable in "en" phones, with itself as `native`. LyricError for a phone of a language without a table."""
    rows = [_row(phone) for phone in syllable.phones]
    for i, row in enumerate(rows[1:], start=1):
        if rows[i - 1][-1:] == row[:1] and row[0] in _GLIDES:
            rows[i] = row[1:]  # j and yu have one Y between them
    before, nucleus_row = rows[: syllable.nucleus], rows[syllable.nucleus]
    onset_glides = next((i for i, symbol in enumerate(nucleus_row) if symbol in VOWELS), 0)
    nucleus = sum(map(len, before)) + onset_glides
    symbols = [symbol for row in rows for symbol in row]
    phones = tuple(Phone("en", symbol) for symbol in symbols)
    return replace(syllable, phones=phones, nucleus=nucleus, tone=0, native=syllable)


def _row(phone: Phone) -> tuple[str, ...]:
    if phone.language == "en":
        return (phone.symbol,)
    try:
        return _TABLES[phone.language][phone.symbol]
    except KeyError:
        raise LyricError(f"{phone} has no English phones; known are the phones of {', '.join(_TABLES)} and en.") from None
