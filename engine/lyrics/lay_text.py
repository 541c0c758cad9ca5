"""Words of a text for the notes of a track: each syllable of the text becomes the lyric of a note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from engine.score.types import HOLD, REST, Track

from .dictionary import UserDictionary
from .expand import deal, expand
from .lines import blocks_of, phrases_of
from .pronounce import Pronouncer, detect_language
from .text import Notices, quote
from .tokens import Token, read_tokens
from .words import DEFAULT_PPQ, MAX_SYLLABLES_PER_NOTE


class Leftover(StrEnum):
    """Treatment of notes that a text has no words for."""

    AUTO = "auto"  # hold at the end of a line that has phrases of its own, else sing the filler
    HOLD = "hold"  # continue the vowel before; whole phrases sing the filler
    REST = "rest"
    FILL = "fill"  # sing the filler


def lay_text(
    track: Track,
    text: str,
    *,
    language: str = "en",
    filler: str = "la",
    dictionary: UserDictionary | None = None,
    leftover: Leftover = Leftover.AUTO,
    ppq: int = DEFAULT_PPQ,
) -> tuple[Track, tuple[str, ...]]:
    """Return the track with the words of `text` as lyrics, one syllable per note in order, and notices. Marks are allowed in the text.

    Where there are rests, each line has phrases of its own as far as they allow (`lines.py`). `leftover` decides about notes without words.
    """
    notices = Notices()
    track = replace(track, notes=tuple(replace(note, lyric=None) for note in track.notes))
    spoken_in = track.language or detect_language([text], language)
    counting = Pronouncer(
        spoken_in, dictionary, Notices(), [text]
    )  # `lay_lyrics` reports its guesses, in the context of the notes
    phrases = phrases_of(track.notes, ppq)
    lines = _slots_of_lines(text, counting, len(track.notes), notices)
    blocks = blocks_of([len(line) for line in lines], phrases) or [(range(len(lines)), range(len(track.notes)))]
    lyrics: list[str | None] = [None] * len(track.notes)
    for of_lines, notes in blocks:
        slots = [slot for i in of_lines for slot in lines[i]]
        if len(blocks) > 1 and len(slots) > len(notes):
            words = " ".join(slot.text for slot in slots if slot.text)
            notices.add(f"The line {quote(words)} has {len(slots)} syllables for {len(notes)} notes; some share a note.")
            dealt = [" ".join(slot.written() for slot in on_note or ()) for on_note in deal(slots, len(notes))]
        else:
            dealt = [slot.written() for slot in slots[: len(notes)]]
        lyrics[notes.start : notes.start + len(dealt)] = dealt
    sung = sum(len(line) for line in lines)
    if len(blocks) == 1 and sung > len(lyrics):
        notices.add(_left_out_notice([slot for line in lines for slot in line], len(lyrics)))
    if leftover is Leftover.AUTO:
        leftover = Leftover.HOLD if len(blocks) > 1 else Leftover.FILL
    _fill_leftover(lyrics, phrases, leftover, filler, sung, notices)
    notes_with_words = tuple(replace(note, lyric=lyric) for note, lyric in zip(track.notes, lyrics, strict=True))
    return replace(track, notes=notes_with_words, language=track.language or spoken_in), notices.as_tuple()


def _slots_of_lines(text: str, pronouncer: Pronouncer, notes: int, notices: Notices) -> list[list[Token]]:
    """Return a token for each syllable of each line that has any, no more in all than `notes` and one word can use."""
    lines: list[list[Token]] = []
    room = MAX_SYLLABLES_PER_NOTE * notes + 1
    for line in text.splitlines():
        if room <= 0:
            break
        tokens = (read_tokens(line, notices, "A line", pronouncer.spell_out) or ())[:room]
        if tokens:
            lines.append(expand(tokens, pronouncer))
            room -= len(tokens)
    return lines


def _left_out_notice(slots: Sequence[Token], notes: int) -> str:
    left_out = [slot.text for slot in slots[notes:] if slot.text]
    where = f"left out from {quote(left_out[0])} on" if left_out else "the last ones are left out"
    return f"The words have more syllables than the {notes} notes; {where}."


def _fill_leftover(
    lyrics: list[str | None], phrases: Sequence[range], leftover: Leftover, filler: str, sung: int, notices: Notices
) -> None:
    """Fill notes without words. Behind the words of their phrase they hold or rest; a phrase without words sings the filler or rests."""
    done: dict[str, None] = {}
    open_notes = [i for i, lyric in enumerate(lyrics) if lyric is None]
    for phrase in phrases:
        has_words = False
        for i in phrase:
            if lyrics[i] is not None:
                has_words = True
                continue
            is_held = leftover is Leftover.HOLD and has_words
            lyrics[i] = REST if leftover is Leftover.REST else HOLD if is_held else filler
            done["are silent" if leftover is Leftover.REST else "hold" if is_held else f"sing '{filler}'"] = None
    if done:
        are_last = open_notes[0] == len(lyrics) - len(open_notes)
        where = f"the last {len(open_notes)}" if are_last else f"{len(open_notes)} left over"
        notices.add(f"The words have {sung} syllables for {len(lyrics)} notes; {where} {' or '.join(done)}.")
