"""Words onto notes.

Every note is read into tokens. A word takes *slots*: its own note, the notes marked "+", the notes of its further pieces
("a-" "way"), and notes close behind it with nothing written. Once all its slots are known the word is pronounced, if
possible with as many syllables, and its syllables are dealt to the slots. What is then still open is sung on a filler.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from itertools import pairwise

from ..score.types import Note, Track
from .dictionary import UserDictionary
from .pronounce import Pronouncer, detect_language
from .syllables import as_one_word, emphasised
from .text import Notices, shown
from .tokens import Token, TokenKind, read_tokens
from .types import NoteKind, NoteLyric, Syllable, SyllableTrack

DEFAULT_PPQ = 480
MAX_UNWRITTEN_HOLDS = 8  # a melisma that nobody wrote does not go on for ever
MAX_SYLLABLES_PER_NOTE = 16
MAX_PIECES = 32  # of a word written as "a-" "ma-" "zing"
_TOO_MANY = f"A note has more than {MAX_SYLLABLES_PER_NOTE} syllables; the rest of them is left out."
CONTEXT_WORDS = 3  # neighbours that may decide between readings of a word

Tokens = tuple[Token, ...]


def lay_lyrics(
    track: Track,
    *,
    language: str = "en",
    filler: str = "la",
    dictionary: UserDictionary | None = None,
    ppq: int = DEFAULT_PPQ,
) -> SyllableTrack:
    """Which syllables each note of `track` sings. `ppq` is the score's; gaps below a sixteenth count as joined."""
    notices = Notices()
    pronouncer = _pronouncer(track, language, dictionary, notices)
    tokens = [read_tokens(note.lyric, notices) for note in track.notes]
    tokens = _spread_lines(tokens, pronouncer)
    words, kinds = _Collector(track.notes, ppq, notices).collect(tokens)
    layout = _Layout(track.notes, kinds, ppq, notices)
    is_apart = [_is_apart(before, word, track.notes, kinds, ppq) for before, word in pairwise(words)]
    for number, word in enumerate(words):
        first = number
        while first > max(0, number - CONTEXT_WORDS) and not is_apart[first - 1]:
            first -= 1
        before = " ".join(near.text for near in words[first:number])
        after = words[number + 1].text if number + 1 < len(words) and not is_apart[number] else ""
        layout.place(word, _syllables(word, pronouncer, before, after))
    notes = layout.finish(_filler_syllables(filler, pronouncer), filler)
    return SyllableTrack(pronouncer.language, notes, notices.as_tuple())


def lay_text(
    track: Track,
    text: str,
    *,
    language: str = "en",
    filler: str = "la",
    dictionary: UserDictionary | None = None,
) -> tuple[Track, tuple[str, ...]]:
    """The track with its lyrics replaced by the words of `text`, one syllable per note in order; marks allowed in the text."""
    notices = Notices()
    quiet = Notices()  # what is guessed is said once, when the result is laid
    track = replace(track, notes=tuple(replace(note, lyric=None) for note in track.notes))
    spoken_in = track.language or detect_language([text], language)
    pronouncer = Pronouncer(spoken_in, dictionary, quiet)
    tokens = read_tokens_of_text(text, notices)
    slots = _expanded(tokens[: len(track.notes) + 1], pronouncer)
    lyrics = [slot.written() for slot in slots[: len(track.notes)]]
    left_out = [slot.text for slot in slots[len(track.notes) :] if slot.text] or [
        token.text for token in tokens[len(track.notes) + 1 :] if token.text
    ]
    missing = len(track.notes) - len(lyrics)
    if len(slots) > len(track.notes):
        where = f"left out from {shown(left_out[0])} on" if left_out else "the last ones are left out"
        notices.add(f"The words have more syllables than the {len(track.notes)} notes; {where}.")
    elif missing:
        notices.add(f"The words have {len(slots)} syllables for {len(track.notes)} notes; the last {missing} sing '{filler}'.")
        lyrics += [filler] * missing
    notes = tuple(replace(note, lyric=lyric) for note, lyric in zip(track.notes, lyrics, strict=True))
    return replace(track, notes=notes, language=track.language or spoken_in), notices.as_tuple()


def spread_text(
    text: str, *, language: str = "en", dictionary: UserDictionary | None = None
) -> tuple[tuple[str, ...], SyllableTrack]:
    """A text with a note for each of its syllables: what is written on these notes and what they sing, both of one length.

    For words that wait for notes that are not played yet. Marks (holds, breaths) take a note as they do in a score.
    """
    notices = Notices()
    spoken_in = detect_language([text], language)
    slots = _expanded(read_tokens_of_text(text, notices), Pronouncer(spoken_in, dictionary, Notices()))
    written = tuple(slot.written() for slot in slots)
    notes = tuple(Note(i * DEFAULT_PPQ, DEFAULT_PPQ, 60.0, lyric=lyric) for i, lyric in enumerate(written))
    laid = lay_lyrics(Track("", notes, language=spoken_in), language=spoken_in, dictionary=dictionary)
    return written, replace(laid, notices=(*notices.as_tuple(), *laid.notices))


def read_tokens_of_text(text: str, notices: Notices) -> Tokens:
    """Tokens of a text of any length, line by line."""
    return tuple(token for line in text.splitlines() for token in read_tokens(line, notices, "A line") or ())


def _pronouncer(track: Track, language: str, dictionary: UserDictionary | None, notices: Notices) -> Pronouncer:
    lyrics = (note.lyric for note in track.notes if note.lyric)
    return Pronouncer(track.language or detect_language(lyrics, language), dictionary, notices)


# ---- a whole line on one note ----------------------------------------------------------------------------------------


def _spread_lines(tokens: list[Tokens | None], pronouncer: Pronouncer) -> list[Tokens | None]:
    """Several words on one note move on to the following notes with nothing written, one syllable each."""
    result = list(tokens)
    i = 0
    while i < len(tokens):
        end = i + 1
        while end < len(tokens) and tokens[end] is None:
            end += 1
        written = tokens[i]
        if written and end - i > 1 and sum(token.kind is TokenKind.WORD for token in written) > 1:
            slots = _expanded(written[: (end - i) * MAX_SYLLABLES_PER_NOTE], pronouncer)
            result[i:end] = _dealt(slots, end - i)
        i = end
    return result


def _expanded(tokens: Tokens, pronouncer: Pronouncer) -> list[Token]:
    """Tokens with a "+" for every further syllable of a word, unless the writer has set them."""
    slots: list[Token] = []
    for i, token in enumerate(tokens):
        slots.append(token)
        following = tokens[i + 1].kind if i + 1 < len(tokens) else None
        is_whole_word = token.kind is TokenKind.WORD and not token.goes_on and not token.continues
        if is_whole_word and following is not TokenKind.NEXT and not (i and tokens[i - 1].goes_on):
            syllables = pronouncer.hinted(token.text, token.hint) if token.hint else pronouncer.word(token.text)
            slots += [Token(TokenKind.NEXT)] * (len(syllables) - 1)
    return slots


def _dealt(slots: list[Token], count: int) -> list[Tokens | None]:
    """One slot per note; more slots than notes are dealt out evenly, fewer leave notes at the end without."""
    if len(slots) <= count:
        return [(slot,) for slot in slots] + [None] * (count - len(slots))
    return [tuple(slots[i * len(slots) // count : (i + 1) * len(slots) // count]) for i in range(count)]


# ---- which notes a word has ------------------------------------------------------------------------------------------


class _SlotKind(Enum):
    PIECE = auto()  # a written piece of the word
    NEXT = auto()  # "+"
    OPEN = auto()  # nothing written, close behind


@dataclass(frozen=True, slots=True)
class _Slot:
    note: int
    kind: _SlotKind
    index: int = 0  # of "+2"
    letters_before: int = 0  # of the word, before this piece
    is_joined: bool = True  # OPEN: no gap to the note before


@dataclass(slots=True)
class _Word:
    tokens: list[Token] = field(default_factory=list)
    slots: list[_Slot] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(token.text for token in self.tokens)

    @property
    def is_emphasised(self) -> bool:
        return any(token.is_emphasised for token in self.tokens)

    def takes(self, token: Token) -> bool:
        """Whether a further written piece belongs to this word."""
        return (self.tokens[-1].goes_on or token.continues) and len(self.tokens) < MAX_PIECES

    def add_piece(self, token: Token, note: int) -> None:
        self.slots.append(_Slot(note, _SlotKind.PIECE, letters_before=len(self.text)))
        self.tokens.append(token)


class _Collector:
    """Walks over the notes once and gathers words with their slots."""

    def __init__(self, notes: Sequence[Note], ppq: int, notices: Notices) -> None:
        self._notes = notes
        self._ppq = ppq
        self._notices = notices
        self._words: list[_Word] = []
        self._word: _Word | None = None  # the one that may still take notes
        self._open_slots = 0  # of that word, since its last written one

    def collect(self, tokens: Sequence[Tokens | None]) -> tuple[list[_Word], list[NoteKind | None]]:
        """The words, and for each note HOLD, BREATH or REST where that is written, else None."""
        kinds: list[NoteKind | None] = [None] * len(self._notes)
        for i, written in enumerate(tokens):
            if written is None:
                self._take_open_note(i)
            elif not written:
                self._word = None
            else:
                kinds[i] = self._take_tokens(i, written)
        return self._words, kinds

    def _take_open_note(self, i: int) -> None:
        is_chord = i > 0 and self._notes[i].onset_ticks == self._notes[i - 1].onset_ticks
        if self._word is None or is_chord:
            return
        gap = gap_ticks(self._notes, i)
        self._open_slots += 1
        if gap > self._ppq or self._open_slots > MAX_UNWRITTEN_HOLDS:
            self._word = None
            return
        self._word.slots.append(_Slot(i, _SlotKind.OPEN, is_joined=gap < self._ppq / 4))

    def _take_tokens(self, i: int, written: Tokens) -> NoteKind | None:
        self._open_slots = 0
        sung = [token for token in written if token.kind in (TokenKind.WORD, TokenKind.NEXT)]
        if len(sung) > MAX_SYLLABLES_PER_NOTE:
            self._notices.add(_TOO_MANY)
        for token in sung[:MAX_SYLLABLES_PER_NOTE]:
            self._take_sung(i, token)
        if sung:
            if len(sung) < len(written):
                self._notices.add("Marks for holds, breaths and rests beside words on the same note are ignored.")
            return None
        if written[0].kind is TokenKind.HOLD:
            return NoteKind.HOLD
        self._word = None
        return NoteKind.BREATH if written[0].kind is TokenKind.BREATH else NoteKind.REST

    def _take_sung(self, i: int, token: Token) -> None:
        if token.kind is TokenKind.NEXT:
            if self._word is None:
                self._notices.add("A '+' has no word before it.")
            else:
                self._word.slots.append(_Slot(i, _SlotKind.NEXT, index=token.index))
        elif self._word is not None and self._word.takes(token):
            self._word.add_piece(token, i)
        else:
            self._word = _Word()
            self._words.append(self._word)
            self._word.add_piece(token, i)


def _is_apart(before: _Word, word: _Word, notes: Sequence[Note], kinds: Sequence[NoteKind | None], ppq: int) -> bool:
    """Whether there is a breath, a rest or more than a beat of silence between two words, so that their sounds do not meet."""
    between = range(before.slots[-1].note + 1, word.slots[0].note + 1)
    return any(kinds[i] in (NoteKind.BREATH, NoteKind.REST) or gap_ticks(notes, i) > ppq for i in between)


def gap_ticks(notes: Sequence[Note], i: int) -> int:
    """Silence before note `i`; 0 or less if it follows at once."""
    return notes[i].onset_ticks - notes[i - 1].offset_ticks


# ---- syllables of a word ---------------------------------------------------------------------------------------------


def _syllables(word: _Word, pronouncer: Pronouncer, before: str, after: str) -> tuple[Syllable, ...]:
    syllables = _pronounced(word, pronouncer, before, after)
    if word.is_emphasised:
        syllables = emphasised(syllables)
    if syllables and word.tokens[0].glottal:
        return (replace(syllables[0], glottal_onset=True), *syllables[1:])
    return syllables


def _pronounced(word: _Word, pronouncer: Pronouncer, before: str, after: str) -> tuple[Syllable, ...]:
    if any(token.hint for token in word.tokens):
        pieces = [_piece(token, pronouncer) for token in word.tokens]
        return as_one_word([syllable for piece in pieces for syllable in piece], word.text)
    pieces_alone = [token.text for token in word.tokens]
    if len(pieces_alone) > 1 and not pronouncer.knows(word.text) and all(map(pronouncer.knows, pieces_alone)):
        return as_one_word([syllable for piece in pieces_alone for syllable in pronouncer.word(piece, wanted=1)], word.text)
    if any(slot.kind is _SlotKind.OPEN for slot in word.slots):
        usual = pronouncer.word(word.text, before=before, after=after)
        if len(usual) <= len(word.slots):
            return usual  # further notes are a melisma, not a reason for a longer pronunciation
    return pronouncer.word(word.text, wanted=len(word.slots), before=before, after=after)


def _piece(token: Token, pronouncer: Pronouncer) -> tuple[Syllable, ...]:
    hinted = pronouncer.hinted(token.text, token.hint) if token.hint else ()
    return hinted or (pronouncer.word(token.text, wanted=1) if token.text else ())


def _starts(word: _Word, syllables: Sequence[Syllable]) -> list[int]:
    """Which syllable each slot starts with; a number beyond the last syllable means that none is left."""
    is_one_each = len(word.slots) == len(syllables)
    starts: list[int] = []
    for slot in word.slots:
        start = starts[-1] + 1 if starts else 0
        if slot.kind is _SlotKind.NEXT and slot.index:
            start = slot.index - 1
        elif slot.kind is _SlotKind.PIECE and starts and not is_one_each and len(syllables) > len(word.slots):
            start = max(start, _syllable_at(syllables, slot.letters_before))
        starts.append(start)
    return starts


def _syllable_at(syllables: Sequence[Syllable], letters_before: int) -> int:
    """The syllable whose spelling starts nearest to a place in the word."""
    positions = [0]
    for syllable in syllables[:-1]:
        positions.append(positions[-1] + len(syllable.text))
    return min(range(len(positions)), key=lambda i: abs(positions[i] - letters_before))


def _filler_syllables(filler: str, pronouncer: Pronouncer) -> tuple[Syllable, ...]:
    tokens = read_tokens(filler, Notices()) or ()
    text = next((token.text for token in tokens if token.kind is TokenKind.WORD), "")
    return (pronouncer.word(text, wanted=1) if text else ()) or pronouncer.word("la", wanted=1)


# ---- the result ------------------------------------------------------------------------------------------------------


class _Layout:
    """What is on each note, filled word by word."""

    def __init__(self, notes: Sequence[Note], kinds: list[NoteKind | None], ppq: int, notices: Notices) -> None:
        self._notes = notes
        self._kinds = kinds
        self._ppq = ppq
        self._notices = notices
        self._sung: list[list[Syllable]] = [[] for _ in notes]

    def place(self, word: _Word, syllables: tuple[Syllable, ...]) -> None:
        """Deals the syllables of a word to its slots; slots left over hold, or stay open where there is a gap."""
        if not syllables:
            return
        starts = _starts(word, syllables)
        is_open = True
        for slot, start, following in zip(word.slots, starts, [*starts[1:], len(syllables)], strict=True):
            if start < len(syllables):
                self._sing(slot.note, syllables[start : max(start + 1, min(following, len(syllables)))])
            elif slot.kind is not _SlotKind.OPEN or (slot.is_joined and is_open):
                self._hold(slot.note)
            else:
                is_open = False

    def _sing(self, note: int, syllables: Sequence[Syllable]) -> None:
        room = MAX_SYLLABLES_PER_NOTE - len(self._sung[note])
        if len(syllables) > room:
            self._notices.add(_TOO_MANY)
        self._sung[note] += syllables[:room]

    def _hold(self, note: int) -> None:
        if not self._sung[note]:
            self._kinds[note] = NoteKind.HOLD

    def finish(self, filler_syllables: tuple[Syllable, ...], filler: str) -> tuple[NoteLyric, ...]:
        """Every note sung: open ones on the filler, holds behind a silence on their vowel again."""
        result: list[NoteLyric] = []
        filled = 0
        last: Syllable | None = None  # whose vowel a hold goes on with
        for i, kind in enumerate(self._kinds):
            if self._sung[i]:
                result.append(NoteLyric(NoteKind.SING, tuple(self._sung[i])))
            elif kind in (NoteKind.BREATH, NoteKind.REST):
                result.append(NoteLyric(kind))
            elif kind is NoteKind.HOLD and last is not None:
                result.append(self._held(i, result[-1].kind, last))
            elif i and self._notes[i].onset_ticks == self._notes[i - 1].onset_ticks:
                result.append(result[-1])  # a chord sings one word
            else:
                result.append(NoteLyric(NoteKind.SING, filler_syllables))
                filled += 1
            if result[-1].syllables:
                last = result[-1].syllables[-1]
        if filled:
            self._notices.add(_filler_notice(filled, len(result), filler))
        return tuple(result)

    def _held(self, i: int, before: NoteKind, syllable: Syllable) -> NoteLyric:
        is_behind_silence = before in (NoteKind.BREATH, NoteKind.REST) or gap_ticks(self._notes, i) > self._ppq
        if not is_behind_silence:
            return NoteLyric(NoteKind.HOLD)
        vowel = replace(
            syllable, phones=(syllable.vowel,), nucleus=0, is_word_start=False, glottal_onset=False, is_emphasised=False
        )
        return NoteLyric(NoteKind.SING, (vowel,))


def _filler_notice(filled: int, notes: int, filler: str) -> str:
    if filled == notes:
        return f"There are no words; every note sings '{filler}'."
    return f"{filled} of {notes} notes have no words and sing '{filler}'."
