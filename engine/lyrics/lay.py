"""Syllables for the notes of a track or for a text without notes.

The lyric of every note is read as tokens, tokens are gathered to words with their slots (`words.py`), each word is pronounced in its
context, if possible with as many syllables as it has slots, and its syllables are dealt to the slots (`layout.py`). Each written piece has
a syllable of its own (`written.py`); a "+" or a note without words takes the rest of its piece, and holds if there is none. Notes that are
still open sing a filler.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from engine.score.types import Track

from .dictionary import UserDictionary
from .expand import count_syllables, is_free, spread_crowded_notes
from .layout import Layout
from .pieces import in_pieces
from .pronounce import Pronouncer, detect_language, rules_for
from .syllables import as_one_word, emphasise
from .text import Notices
from .tokens import Token, TokenKind, read_tokens, with_letter_hint
from .types import Syllable, SyllableTrack
from .words import DEFAULT_PPQ, Slot, SlotKind, Spacing, Tokens, Word, collect_words
from .written import Groups, vowel_runs


def lay_lyrics(
    track: Track,
    *,
    language: str = "en",
    filler: str = "la",
    dictionary: UserDictionary | None = None,
    ppq: int = DEFAULT_PPQ,
) -> SyllableTrack:
    """Return the syllables of each note of `track`. `ppq` is the score's; gaps below a sixteenth count as joined."""
    notices = Notices()
    lyrics = [note.lyric for note in track.notes if note.lyric]
    pronouncer = Pronouncer(track.language or detect_language(lyrics, language), dictionary, notices, lyrics)
    tokens = [read_tokens(note.lyric, notices, spell_out=pronouncer.spell_out) for note in track.notes]
    tokens = spread_crowded_notes(tokens, pronouncer)
    words = collect_words(tokens, Spacing.of(track.notes, ppq), notices)
    layout = Layout(words.kinds, words.spacing, notices)
    for number, word in enumerate(words.words):
        layout.place(word, _pronounce(word, pronouncer, words.context(number)))
    notes = layout.finish(_filler_syllables(filler, pronouncer), filler)
    return SyllableTrack(pronouncer.language, notes, notices.as_tuple())


def spread_text(
    text: str, *, language: str = "en", dictionary: UserDictionary | None = None
) -> tuple[tuple[str, ...], SyllableTrack]:
    """Return the lyrics and the syllables of a text with one note per syllable, for notes played later; both of one length.

    Marks (holds, breaths) take a note as in a score.
    """
    language = detect_language([text], language)
    reading, notices = Notices(), Notices()
    tokens = read_text(text, language, reading)
    pronouncer = Pronouncer(language, dictionary, notices, [token.written() for token in tokens])
    words = collect_words([(token,) for token in tokens], Spacing.joined(len(tokens)), notices)
    counting = Pronouncer(language, dictionary, Notices(), [text])
    sizes = [1] * len(tokens)  # notes of each token
    pronounced: list[Groups] = []
    for number, word in enumerate(words.words):
        free = [slot.note for slot in word.slots if slot.kind is SlotKind.PIECE and is_free(tokens, slot.note)]
        has_any_size = bool(free) and len(word.slots) == 1
        if not has_any_size:
            for i in free:
                sizes[i] = max(1, count_syllables(tokens[i], counting))
        groups = _pronounce(_with_all_slots(word, range(len(tokens)), sizes), pronouncer, words.context(number), has_any_size)
        if has_any_size:
            sizes[free[0]] = _size(word, groups)
        pronounced.append(groups)
    starts = [0, *accumulate(sizes)]
    kinds = [kind for kind, size in zip(words.kinds, sizes, strict=True) for kind in (kind, *[None] * (size - 1))]
    layout = Layout(kinds, Spacing.joined(len(kinds)), notices)
    for word, groups in zip(words.words, pronounced, strict=True):
        layout.place(_with_all_slots(word, starts, sizes), groups)
    notes = layout.finish(_filler_syllables("la", pronouncer), "la")
    written = tuple(
        lyric for token, size in zip(tokens, sizes, strict=True) for lyric in (token.written(), *["+"] * (size - 1))
    )
    return written, SyllableTrack(pronouncer.language, notes, (*reading.as_tuple(), *notices.as_tuple()))


def read_text(text: str, language: str, notices: Notices) -> Tokens:
    """Return the tokens of a text of any length, read line by line."""
    spell_out = rules_for(language).spell_out
    return tuple(
        with_letter_hint(token) for line in text.splitlines() for token in read_tokens(line, notices, "A line", spell_out) or ()
    )


def _size(word: Word, groups: Groups) -> int:
    """Return the number of notes of a word that takes one per syllable; a word with an unusable hint has one note."""
    syllables = [syllable for group in groups for syllable in group]
    is_hint_unusable = bool(word.tokens[0].hint) and not any(syllable.is_hinted for syllable in syllables)
    return 1 if is_hint_unusable else max(1, len(syllables))


def _with_all_slots(word: Word, starts: Sequence[int], sizes: Sequence[int]) -> Word:
    """Return a word whose slots are numbers of notes instead of numbers of tokens."""
    slots: list[Slot] = []
    for slot in word.slots:
        first = starts[slot.note]
        slots.append(replace(slot, note=first))
        slots += [Slot(first + more, SlotKind.NEXT) for more in range(1, sizes[slot.note])]
    return replace(word, slots=slots)


# ---- syllables of a word ---------------------------------------------------------------------------------------------


def _pronounce(word: Word, pronouncer: Pronouncer, context: tuple[str, str], has_any_size: bool = False) -> Groups:
    """Return the syllables of each written piece of a word; [] if it cannot be pronounced.

    `context`: words before and after. `has_any_size`: return the usual syllables, else as many as the word has slots if possible.
    """
    groups = _plain_groups(word, pronouncer, *context, has_any_size)
    syllables = tuple(syllable for group in groups for syllable in group)
    if not syllables:
        return []
    if word.is_emphasised:
        syllables = emphasise(syllables)
    if word.tokens[0].glottal:
        syllables = (replace(syllables[0], glottal_onset=True), *syllables[1:])
    return _regroup(syllables, groups)


def _regroup(syllables: tuple[Syllable, ...], groups: Groups) -> Groups:
    ends = list(accumulate(map(len, groups)))
    return [syllables[end - len(group) : end] for end, group in zip(ends, groups, strict=True)]


def _plain_groups(word: Word, pronouncer: Pronouncer, before: str, after: str, has_any_size: bool) -> Groups:
    """Return the syllables of each piece without emphasis and glottal onset."""
    pieces = [token.text for token in word.tokens]
    if any(token.hint for token in word.tokens):
        groups: Groups = [_piece(token, pronouncer) for token in word.tokens]
        return _regroup(as_one_word([syllable for group in groups for syllable in group], word.text), groups)
    rooms = word.rooms()
    if any(slot.kind is SlotKind.OPEN for slot in word.slots):
        usual = in_pieces(pronouncer, pieces, rooms=rooms, before=before, after=after)
        if sum(map(len, usual)) <= len(word.slots):
            return usual  # further notes are a melisma, not a reason for a longer pronunciation
    wanted = None if has_any_size else len(word.slots)
    if len(pieces) > 1:  # a "+" in a piece takes a syllable only if the piece is spelled with more than one
        wanted = sum(min(room, max(1, vowel_runs(piece))) for room, piece in zip(rooms, pieces, strict=True))
    return in_pieces(pronouncer, pieces, rooms=rooms, wanted=wanted, before=before, after=after)


def _piece(token: Token, pronouncer: Pronouncer) -> tuple[Syllable, ...]:
    hinted = pronouncer.read_hint(token.text, token.hint) if token.hint else ()
    return hinted or (pronouncer.word(token.text, wanted=1) if token.text else ())


def _filler_syllables(filler: str, pronouncer: Pronouncer) -> tuple[Syllable, ...]:
    tokens = read_tokens(filler, Notices()) or ()
    text = next((token.text for token in tokens if token.kind is TokenKind.WORD), "")
    return (pronouncer.word(text, wanted=1) if text else ()) or pronouncer.word("la", wanted=1)
