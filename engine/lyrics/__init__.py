"""Lyrics: written words become syllables of phones, and every note gets to know what it sings.

In:   a `Track` with lyrics as written (conventions in `engine.score.types`), plain or timed lyric text, running text for
      talk mode, optionally a `UserDictionary`.
Out:  a `SyllableTrack` (one `NoteLyric` per note), or `SpokenLine`s. Whatever is written, every note can be sung; what was
      guessed, filled in or left out is said in `notices`.

    text.py         raw text to words                    tokens.py     a note's lyric to words and marks
    languages/      words to phones, one file each       syllables.py  English phones to syllables, legal onsets
    pronounce.py    which language pronounces a word     spelling.py   which letters belong to which syllable
    lay.py          words onto notes                     lyric_files.py  .txt and .lrc
    talk.py         running text                         dictionary.py   a user's own pronunciations
    mapping.py      other languages' phones as English   phones.py       checks and reads lines of ARPAbet
    train_g2p.py    makes the model for unknown English words (not needed at run time)

Nothing is read before the first word is looked up. May import: engine.errors, engine.score.
"""

from __future__ import annotations

from .dictionary import UserDictionary, read_user_dictionary
from .lay import lay_lyrics, lay_text, spread_text
from .lyric_files import LyricText, TimedLine, lay_timed_text, parse_lyric_text, read_lyric_text
from .mapping import to_english_phones
from .pronounce import is_reduced, pronounce_english
from .talk import read_spoken_text
from .types import NoteKind, NoteLyric, Phone, SpokenLine, Syllable, SyllableTrack

__all__ = [
    "LyricText",
    "NoteKind",
    "NoteLyric",
    "Phone",
    "SpokenLine",
    "Syllable",
    "SyllableTrack",
    "TimedLine",
    "UserDictionary",
    "is_reduced",
    "lay_lyrics",
    "lay_text",
    "lay_timed_text",
    "parse_lyric_text",
    "pronounce_english",
    "read_lyric_text",
    "read_spoken_text",
    "read_user_dictionary",
    "spread_text",
    "to_english_phones",
]
