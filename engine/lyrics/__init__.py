"""Lyrics: written words to syllables of phones, and the syllables of every note.

In:   a `Track` with lyrics as written (conventions in `engine.score.types`), plain or timed lyric text, running text for
      talk mode, optionally a `UserDictionary`.
Out:  a `SyllableTrack` (one `NoteLyric` per note), or `SpokenLine`s. Every note gets a lyric, whatever is written; guesses,
      fillers and omissions are reported in `notices`.

    Reading        text.py         raw text to words                tokens.py     a note's lyric to words and marks
                   lyric_files.py  .txt and .lrc                    normalise/    figures and signs in spoken form
                   talk.py         running text                     scripts.py    scripts of characters
    Pronouncing    pronounce.py    choice of the language           languages/    words to phones, one file each
                   dictionary.py   a user's pronunciations          phones.py     lines of ARPAbet
                   syllables.py    English phones to syllables      spelling.py   letters of each syllable
                   mapping.py      foreign phones as English ones   han.py        Han numerals, words, simplified forms
    Laying         words.py        words and their notes            layout.py     syllables on notes
                   lay.py          lyrics of a track                lay_text.py   words of a text for a track
                   expand.py       notes for further syllables      lines.py      lines of a text to phrases
                   pieces.py       words written in pieces          written.py    syllables of pieces, added vowels

Word lists load at the first look-up. May import: engine.errors, engine.languages, engine.score.
"""

from __future__ import annotations

from .dictionary import UserDictionary, read_user_dictionary
from .han import han_words, missing_for_words, parts_of_word, simplify
from .languages import is_han, is_hangul, is_kana
from .languages.cantonese import read_jyutping
from .languages.mandarin import read_pinyin
from .lay import lay_lyrics, spread_text
from .lay_text import Leftover, lay_text
from .lyric_files import LyricText, TimedLine, lay_timed_text, parse_lyric_text, read_lyric_text
from .mapping import to_english_phones
from .normalise import cut_unmarked, spoken_form
from .phones import parse_phones, with_lone_stress
from .pronounce import is_reduced, pronounce_english
from .talk import read_spoken_text
from .types import NoteKind, NoteLyric, Phone, SpokenLine, Syllable, SyllableTrack

__all__ = [
    "Leftover",
    "LyricText",
    "NoteKind",
    "NoteLyric",
    "Phone",
    "SpokenLine",
    "Syllable",
    "SyllableTrack",
    "TimedLine",
    "UserDictionary",
    "cut_unmarked",
    "han_words",
    "is_han",
    "is_hangul",
    "is_kana",
    "is_reduced",
    "lay_lyrics",
    "lay_text",
    "lay_timed_text",
    "missing_for_words",
    "parse_lyric_text",
    "parse_phones",
    "parts_of_word",
    "pronounce_english",
    "read_jyutping",
    "read_lyric_text",
    "read_pinyin",
    "read_spoken_text",
    "read_user_dictionary",
    "simplify",
    "spoken_form",
    "spread_text",
    "to_english_phones",
    "with_lone_stress",
]
