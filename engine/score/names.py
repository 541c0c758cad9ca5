"""Names of tracks that suggest a sung part."""

from __future__ import annotations

import re

_LEAD = re.compile(r"\b(?:lead|main|solo|haupt|principal)", re.IGNORECASE)
_VOICE = re.compile(
    r"vox|voca|voice|\bvoc\b|\bvo\b|sing(?:er|ing|stimme)?\b|sung|lyric|words|gesang|stimme|\bchant|\bvoix|\bcant[oa]|\bvoz|\bvoce|"
    r"soprano|sopran\b|\balto?\b|tenor\b|baritone?|mezzo|\brap|歌|唱|主唱|ボーカル|ヴォーカル|ボカロ|보컬|노래|вокал|голос|φωνή",
    re.IGNORECASE,
)
_MELODY = re.compile(
    r"\blead|melod|mélod|m\.?lodie|\btune\b|theme|topline|top line|主旋律|旋律|メロ|멜로디|мелоди", re.IGNORECASE
)
_SECOND = re.compile(
    r"back(?:ing|ground|up)|\bb\.?g\.?v|\bbv|harmon|choir|chor(?:us)?\b|chœur|\bcoro|double|dbl|\bdub|adlib|ad-lib|2nd|second|コーラス|ハモ",
    re.IGNORECASE,
)
_INSTRUMENT = re.compile(
    r"guit|gtr|synth|piano|\bkeys?\b|bass\b|organ|string|violin|viol|cello|flute|flöte|sax|brass|trumpet|horn|oboe|clarinet|drum|perc|"
    r"\bpad|\bkit\b|arp|pluck|bell|marimba|vibra|harp|accord|click|\bfx\b|ギター|ピアノ|ドラム|ベース",
    re.IGNORECASE,
)


def voice_rank(name: str) -> int:
    """Rank a track name as a voice: 4 a lead voice, 3 a voice, 2 a tune, 1 a second voice, 0 none of these."""
    is_voice = _VOICE.search(name) is not None
    if _INSTRUMENT.search(name):
        return 0
    if _SECOND.search(name):
        return 1
    if is_voice:
        return 4 if _LEAD.search(name) else 3
    return 2 if _MELODY.search(name) else 0
