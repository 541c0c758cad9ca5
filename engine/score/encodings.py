"""Text of unknown encoding: UTF-8 and UTF-16 first, else the most plausible legacy 8-bit encoding.

The detector (charset-normalizer) tells which encodings of a short list give orderly text. Several often do, because a few accented letters
are orderly text in all encodings of Western and Central Europe. Of these, the best is the one whose letters belong to the alphabet of one
language, or to the everyday characters of a double-byte encoding. Detection needs all text of a file at once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_SAMPLE_BYTES = 8_192
_UTF8_SHARE = 0.9
_FALLBACK = "cp1252"
_MOST_DISORDER = 0.6  # limit of the detector's measure
_DETECTOR_WEIGHT = 0.5  # the detector cannot rank short texts with one accented letter each
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_CONTROL_SHARE, _LEAST_CONTROLS = 0.02, 3
_UTF16_SHARE = 0.4  # of bytes in even or odd places that are NUL: UTF-16 without a mark

# In order of preference at equal plausibility.
_SINGLE_BYTE = ("cp1252", "cp1250", "mac_roman", "cp1251", "cp1253", "cp1254", "koi8_r")
# All hangul bytes are hanzi bytes too, and all of these have kana: narrower ranges first.
_DOUBLE_BYTE = ("cp932", "cp949", "euc_jp", "gb18030", "big5")
_OWN_SCRIPT = ("cp1251", "cp1253", "koi8_r")  # words do not mix their letters with ASCII letters
# Lead bytes (inclusive ranges) of the everyday characters of each double-byte encoding, and the least second byte.
_EVERYDAY_LEADS = {
    "cp932": ((0x81, 0x83), (0x88, 0x97)),  # punctuation, kana; first-level kanji
    "cp949": ((0xA1, 0xA3), (0xB0, 0xC8)),  # punctuation; hangul
    "euc_jp": ((0xA1, 0xA1), (0xA4, 0xA5), (0xB0, 0xCF)),  # punctuation; kana; first-level kanji
    "gb18030": ((0xA1, 0xA5), (0xB0, 0xD7)),  # punctuation, kana; first-level hanzi
    "big5": ((0xA1, 0xA1), (0xA4, 0xC6)),  # punctuation; everyday hanzi
}
_LEAST_SECOND_BYTE = {"cp932": 0x40, "cp949": 0xA1, "euc_jp": 0xA1, "gb18030": 0xA1, "big5": 0x40}
# Letters beyond ASCII of each language (lower case), with what it puts around words.
_QUOTES = "‘’“”„«»…–—·°'´"
_MARK = re.compile(r"(?=(.)([‘’“”„«»…–—])(.))", re.DOTALL)
_APOSTROPHE, _DASH = re.compile(r"[^\W\d_].|.[^\W\d_]"), re.compile(r"^\W.\W$|^\w.\W$")
_OPENS, _CLOSES = re.compile(r"^\W.\w"), re.compile(r"^\S.\W")
_WELL_PLACED = dict.fromkeys("’‘", _APOSTROPHE) | dict.fromkeys("–—", _DASH) | dict.fromkeys("“„", _OPENS)
_WELL_PLACED |= dict.fromkeys("”…", _CLOSES) | dict.fromkeys("«»", re.compile(""))
# Clitics and clipped words of English, and dashes and dots beside spaces: letters of other encodings do not make these.
_TELLING = re.compile(
    r"n’t\b|’(?:ll|re|ve|m)\b|[‘’](?:til|cause|em|round|bout|tis|twas|neath)\b|(?<![^\s])[–—](?!\S)", re.IGNORECASE
)
_TELLING_BONUS = 0.4  # outweighs the detector
_ALPHABETS = {
    "cp1252": (
        "àâæçéèêëîïôœùûüÿ",  # French
        "äöüß",
        "áéíñóúü¿¡ªº",  # Spanish
        "àáâãçéêíóôõú",  # Portuguese
        "àèéìíîòóùú",  # Italian
        "åäöæøé",  # Scandinavian, Finnish
        "áðéíóúýþæö",  # Icelandic
        "éëïóöüèáí",  # Dutch
        "àçéèíïòóúü",  # Catalan
    ),
    "cp1250": (
        "ąćęłńóśźż",
        "áčďéěíňóřšťúůýž",
        "áäčďéíĺľňóôŕšťúýž",
        "áéíóöőúüű",
        "ăâîşţ",
        "čćđšž",
    ),
    "cp1254": ("çğıiöşüâî",),
    "cp1251": ("абвгдежзийклмнопрстуфхцчшщъыьэюяё", "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя", "абвгдђежзијклљмнњопрстћуфхцчџш"),
    "cp1253": ("αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰ",),
}
# Most frequent letters of Cyrillic and Greek text; rare in text of a wrong encoding.
_EVERYDAY_LETTERS = "оеаинтслрвкміαοιετσνηυρκπλςά"
_EVERYDAY_LETTER_SHARE = 0.6
_LATIN_TEXT = 0.3  # penalty of Cyrillic and Greek if most letters are ASCII
_ALPHABETS["mac_roman"] = _ALPHABETS["cp1252"]
_ALPHABETS["koi8_r"] = _ALPHABETS["cp1251"][:1]


def detect_encoding(payloads: Iterable[bytes]) -> str:
    """Return the most plausible encoding of the non-ASCII text of a file, as a name that `bytes.decode` accepts."""
    everything = list(payloads)
    lines = {line: None for payload in everything for line in re.split(rb"[\r\n]+", payload) if not line.isascii()}
    sample = b"\n".join(lines)[:_SAMPLE_BYTES]
    if not sample or _utf8_share(sample) >= _UTF8_SHARE:
        return "utf-8"
    sense = {name: _sense(sample, name) for name in (*_DOUBLE_BYTE, *_SINGLE_BYTE)}
    if _is_mostly_ascii(everything):
        sense |= {name: sense[name] - _LATIN_TEXT for name in _OWN_SCRIPT}
    disorder = _disorder(sample)
    best = max(sense, key=lambda name: round(sense[name] - _DETECTOR_WEIGHT * disorder.get(name, _MOST_DISORDER), 1))
    return best if sense[best] > 0 else _FALLBACK


def decode_as(payload: bytes, encoding: str) -> str:
    """Return `payload` as text. A payload in UTF-8 or Latin-1 among others of `encoding` is decoded as such. Never raises."""
    for candidate in (encoding, "utf-8"):
        try:
            return payload.decode(candidate)
        except UnicodeDecodeError:
            continue
    if encoding in _DOUBLE_BYTE or encoding == "utf-8":
        return payload.decode(encoding, errors="replace")
    return payload.decode("latin-1")


def decode_file(data: bytes) -> str:
    """Return the text of a whole file: by its byte order mark, else as UTF-8, else by `detect_encoding`. Never raises."""
    for mark, encoding in _BOMS.items():
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    if wide := _unmarked_utf16(data):
        return data.decode(wide, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        encoding = detect_encoding([data])
        return data.decode(encoding, errors="replace")


def is_binary(text: str) -> bool:
    """Return True if a text has too many control characters to be text."""
    sample = text[:_SAMPLE_BYTES]
    controls = sum(char < " " and char not in "\t\n\r\f\x1a" for char in sample)
    return controls > max(_LEAST_CONTROLS, _CONTROL_SHARE * len(sample))


def _unmarked_utf16(data: bytes) -> str | None:
    sample = data[:_SAMPLE_BYTES]
    if len(sample) < 8:
        return None
    share = {"utf-16-be": sample[::2].count(0) / len(sample[::2]), "utf-16-le": sample[1::2].count(0) / len(sample[1::2])}
    wide = max(share, key=lambda name: share[name])
    return wide if share[wide] >= _UTF16_SHARE and min(share.values()) < _UTF16_SHARE / 4 else None


def _is_mostly_ascii(payloads: Iterable[bytes]) -> bool:
    letters = b"".join(payloads)[:_SAMPLE_BYTES]
    return sum(byte > 0x7F for byte in letters) < 0.5 * sum(byte > 0x7F or chr(byte).isalpha() for byte in letters)


def _utf8_share(sample: bytes) -> float:
    strange = [char for char in sample.decode("utf-8", errors="replace") if char > "\x7f"]
    return 1 - strange.count("\ufffd") / len(strange)


def _disorder(sample: bytes) -> dict[str, float]:
    """Return the disorder of the text (0 = none) in each possible encoding."""
    from charset_normalizer import from_bytes

    matches = from_bytes(
        sample,
        cp_isolation=[*_DOUBLE_BYTE, *_SINGLE_BYTE],
        threshold=_MOST_DISORDER,
        preemptive_behaviour=False,
        enable_fallback=False,
        language_threshold=0.0,
    )
    return {name: match.chaos for match in matches for name in match.could_be_from_charset}


def _sense(sample: bytes, encoding: str) -> float:
    """Return the share of the non-ASCII characters that one language would use."""
    text = sample.decode(encoding, errors="replace")
    if encoding in _DOUBLE_BYTE:
        return _everyday_share(text, encoding)
    counts = Counter(char for char in text.lower() if char > "\x7f" and char not in _QUOTES)
    if not counts:  # nothing but punctuation, which several encodings have in the same places
        return _punctuation_sense(text) if encoding in ("cp1252", "mac_roman") else 0.5
    shares = [sum(counts[letter] for letter in alphabet) / counts.total() for alphabet in _ALPHABETS[encoding]]
    sense = max(shares) - _misplaced_share(text, mixes=encoding not in _OWN_SCRIPT)
    if encoding in _OWN_SCRIPT:
        everyday = sum(counts[letter] for letter in _EVERYDAY_LETTERS) / counts.total()
        sense *= min(1.0, everyday / _EVERYDAY_LETTER_SHARE)
    return sense - text.count("\ufffd") / len(text)


def _punctuation_sense(text: str) -> float:
    """Return the share of the quotes, dashes and dots in plausible places; more if they make a word that only English has."""
    marks = [match for match in _MARK.finditer(f"\n{text}\n")]
    placed = sum(_WELL_PLACED[match[2]].search(match[1] + match[2] + match[3]) is not None for match in marks)
    return placed / len(marks) + _TELLING_BONUS * (_TELLING.search(text) is not None) if marks else 1.0


def _misplaced_share(text: str, *, mixes: bool) -> float:
    """Return the share of the non-ASCII letters that are capitals behind a small letter ("liÄ") or switch the script within a word."""
    pairs = [(before, char) for before, char in zip(f"\n{text}", text, strict=False) if char > "\x7f" and char.isalpha()]
    misplaced = sum(
        (before.islower() and char.isupper()) or (not mixes and before.isascii() and before.isalpha()) for before, char in pairs
    )
    return misplaced / max(1, len(pairs))


def _everyday_share(text: str, encoding: str) -> float:
    around = f"\n{text}\n"
    places = [place for place in range(1, len(around) - 1) if around[place] > "\x7f"]
    return sum(_everyday(around[place - 1 : place + 2], encoding) for place in places) / max(1, len(places))


def _everyday(triple: str, encoding: str) -> float:
    """Return 1 if the middle of three characters is an everyday one, 0 if not, a value between if it may be two Western letters."""
    code = triple[1].encode(encoding, errors="replace")
    if len(code) != 2 or code[1] < _LEAST_SECOND_BYTE[encoding]:
        return 0.0
    if not any(low <= code[0] <= high for low, high in _EVERYDAY_LEADS[encoding]):
        return 0.0
    neighbours = triple[0] + triple[2]
    if code[1] >= 0x80 or not neighbours.isascii():
        return 1.0
    if any(char.isalpha() for char in neighbours):
        return 0.0
    return 0.9 if "\u30a1" <= triple[1] <= "\u30f6" else 0.6  # a katakana is often alone on its note
