"""DiffSinger scripts of scores: phonemes with times, notes and a pitch curve, phrase by phrase.

A phoneme group (`ph_num`) belongs to one note or rest that is no slur. It begins with the vowel on the note, or with the silence of the
rest, and ends with the consonants that lead to the next vowel, as in DiffSinger's own scripts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.errors import ScoreError
from engine.lyrics import NoteKind, NoteLyric, SyllableTrack, lay_lyrics
from engine.performance import BREATH, SILENCE, Performance, PerformanceSettings, PhoneSpan, perform
from engine.score import HOLD, NEXT_SYLLABLE, Note, Score, Track, select_tracks, split_lanes, write_score_bytes
from engine.score import write_score as write_notation
from engine.score.formats.ds import F0_STEP_S, SPACE_IN_TOKEN
from engine.score.formats.ds_parts import DsSegment, DsSlot, write_ds_segments

from .plan import WordSettings

DIFFSINGER_SUFFIX = ".ds"
_GLIDE_S = 0.04  # of the y and w that pinyin dictionaries write before a vowel
_TINY_S = 1e-6
_ZH_ALONE = {
    "i": "y i", "ia": "y a", "ie": "y E", "iao": "y ao", "iou": "y ou", "ian": "y En", "in": "y in", "iang": "y ang", "ing": "y ing",
    "iong": "y ong", "io": "y o", "u": "w u", "ua": "w a", "uo": "w o", "uai": "w ai", "uei": "w ei", "uan": "w an", "uen": "w en",
    "uang": "w ang", "ueng": "w eng", "v": "y v", "ve": "y ve", "van": "y van", "vn": "y vn",
}  # fmt: skip
_ZH_AFTER_INITIAL = {"iii": "ir", "ii": "i0", "iou": "iu", "uei": "ui", "uen": "un"}


@dataclass(frozen=True)
class ScriptPart:
    """One voice of a score and its script."""

    name: str
    segments: tuple[DsSegment, ...]


def diffsinger_parts(
    score: Score,
    words: WordSettings = WordSettings(),  # noqa: B008 - frozen
) -> tuple[tuple[ScriptPart, ...], tuple[str, ...]]:
    """Return a script for each voice that is sung (chords have several), and notices. Raises ScoreError if there is none."""
    tracks, notices = select_tracks(score)
    parts, told = [], dict.fromkeys(notices)
    for track in tracks:
        lanes, lane_notices = split_lanes(track, ppq=score.ppq)
        told |= dict.fromkeys(lane_notices)
        for lane in lanes:
            language = words.language or lane.language or "en"
            laid = lay_lyrics(lane, language=language, filler=words.filler, dictionary=words.dictionary, ppq=score.ppq)
            told |= dict.fromkeys(laid.notices)
            parts.append(ScriptPart(lane.name, tuple(_segments(score, lane, laid, words.filler))))
    if not any(part.segments for part in parts):
        raise ScoreError(f"'{score.title}' has no notes to write.")
    return tuple(part for part in parts if part.segments), tuple(told)


def write_diffsinger(parts: Sequence[ScriptPart], target: Path) -> None:
    """Write one script with all the parts; each segment names its own. Raises ScoreError if the file cannot be written."""
    write_score_bytes(write_ds_segments([segment for part in parts for segment in part.segments]), target)


def write_score(score: Score, path: str | os.PathLike[str]) -> None:
    """Write a score in the format of the suffix, DiffSinger scripts too. Raises ScoreError."""
    if Path(path).suffix.lower() == DIFFSINGER_SUFFIX:
        parts, _ = diffsinger_parts(score)
        write_diffsinger(parts, Path(path))
    else:
        write_notation(score, path)


def spelled_out(score: Score, words: WordSettings = WordSettings()) -> Score:  # noqa: B008 - frozen
    """Return the score with the syllables of its words in place of `+` marks, for formats that write syllables on their notes."""
    tracks: list[Track] = []
    for track in score.tracks:
        if not any((note.lyric or "").startswith(NEXT_SYLLABLE) for note in track.notes):
            tracks.append(track)
            continue
        for lane in split_lanes(track, ppq=score.ppq)[0]:
            language = words.language or lane.language or "en"
            laid = lay_lyrics(lane, language=language, filler=words.filler, dictionary=words.dictionary, ppq=score.ppq)
            tracks.append(replace(lane, notes=tuple(_spelled(lane.notes, laid.notes))))
    return replace(score, tracks=tuple(tracks))


def _spelled(notes: Sequence[Note], lyrics: Sequence[NoteLyric]) -> Iterator[Note]:
    spelled = _notes_to_spell(notes, lyrics)
    for number, (note, lyric) in enumerate(zip(notes, lyrics, strict=True)):
        if number not in spelled:
            yield note
        elif lyric.syllables:
            dash = "" if lyric.syllables[-1].is_word_end else "-"
            yield replace(note, lyric="".join(syllable.text for syllable in lyric.syllables) + dash)
        else:
            yield replace(note, lyric=HOLD if lyric.kind is NoteKind.HOLD else note.lyric)


def _notes_to_spell(notes: Sequence[Note], lyrics: Sequence[NoteLyric]) -> set[int]:
    """Return all notes of each word with a `+`: its letters are divided among its notes anew, also those that had their own pieces."""
    spelled: set[int] = set()
    word: list[int] = []
    for number, lyric in enumerate(lyrics):
        if lyric.syllables and lyric.syllables[0].is_word_start:
            word = []
        word.append(number)
        if (notes[number].lyric or "").startswith(NEXT_SYLLABLE) or spelled.intersection(word):
            spelled.update(number for number in word if lyrics[number].syllables or notes[number].lyric)
    return spelled


def in_whole_words(score: Score, words: WordSettings = WordSettings()) -> Score:  # noqa: B008 - frozen
    """Return the score for formats that write a word on its first note and `+` on the others.

    Words whose written syllables such a format would lose (bless-ed) carry their phones: blessed[B L EH S IH D], +.
    """
    return replace(score, tracks=tuple(_in_whole_words(track, score, words) for track in score.tracks))


def _in_whole_words(track: Track, score: Score, words: WordSettings) -> Track:
    if not any((note.lyric or "").endswith("-") and note.lyric != HOLD for note in track.notes):
        return track
    changed: dict[tuple[int, float], str] = {}
    for lane in split_lanes(track, ppq=score.ppq, tempo_map=score.tempo_map)[0]:
        changed |= {
            (lane.notes[i].onset_ticks, lane.notes[i].pitch): text for i, text in _lost_words(lane, score, words).items()
        }
    notes = (replace(note, lyric=changed.get((note.onset_ticks, note.pitch), note.lyric)) for note in track.notes)
    return replace(track, notes=tuple(notes))


def _lost_words(lane: Track, score: Score, words: WordSettings) -> dict[int, str]:
    """Return {number of the note: lyric} for the words whose pronunciation would change if they were written whole."""
    language = words.language or lane.language or "en"

    def laid(track: Track) -> tuple[NoteLyric, ...]:
        return lay_lyrics(track, language=language, filler=words.filler, dictionary=words.dictionary, ppq=score.ppq).notes

    lyrics = laid(lane)
    groups = list(_words_in_pieces(lane.notes, lyrics))
    whole = {number: NEXT_SYLLABLE for group in groups for number in group}
    for group in groups:
        whole[group[0]] = "".join((lane.notes[number].lyric or "").removesuffix("-") for number in group)
    rewritten = (replace(note, lyric=whole.get(number, note.lyric)) for number, note in enumerate(lane.notes))
    otherwise = laid(replace(lane, notes=tuple(rewritten)))
    lost: dict[int, str] = {}
    for group in groups:
        if any(_phones(lyrics[number]) != _phones(otherwise[number]) for number in group):
            lost |= {number: whole[number] for number in group}
            lost[group[0]] += f"[{' '.join(phone for number in group for phone in _phones(lyrics[number]))}]"
    return lost


def _phones(lyric: NoteLyric) -> list[str]:
    return [phone.symbol for syllable in lyric.syllables for phone in syllable.phones]


def _words_in_pieces(notes: Sequence[Note], lyrics: Sequence[NoteLyric]) -> Iterator[list[int]]:
    """Return the notes of each English word that is written in plain pieces with a syllable each, without its holds."""
    group: list[int] = []
    for number, lyric in enumerate(lyrics):
        if not lyric.syllables:
            continue
        (first, *more), text = lyric.syllables, notes[number].lyric or ""
        group = [number] if first.is_word_start else [*group, number]
        is_plain = not more and first.vowel.language == "en" and text.removesuffix("-").replace("'", "").isalpha()
        if not is_plain or text.endswith("-") == first.is_word_end:
            group = []
        elif first.is_word_end and len(group) > 1 and lyrics[group[0]].syllables[0].is_word_start:
            yield group


def _segments(score: Score, lane: Track, laid: SyllableTrack, filler: str) -> Iterator[DsSegment]:
    phrases = perform(lane, laid, score.tempo_map, PerformanceSettings()).phrases
    sounds = [_sounding(phrase) for phrase in phrases]
    for number, phrase in enumerate(phrases):
        begins_s = 0.5 * (sounds[number - 1][1] + sounds[number][0]) if number else 0.0
        ends_s = 0.5 * (sounds[number][1] + sounds[number + 1][0]) if number + 1 < len(phrases) else np.inf
        start_s, end_s = max(phrase.start_s, begins_s), min(phrase.end_s, ends_s)
        phones = [
            _Phone(
                span.symbol,
                max(start_s, phrase.start_s + span.start_s),
                min(end_s, phrase.start_s + span.end_s),
                span.note_index,
            )
            for span in phrase.phones
            if phrase.start_s + span.end_s > start_s + _TINY_S and phrase.start_s + span.start_s < end_s - _TINY_S
        ]
        slots = _slots(score, lane, laid.notes, phones, filler, start_s, end_s)
        yield DsSegment(lane.name, start_s, end_s, tuple(slots), _f0(phrase, start_s, end_s))


@dataclass(frozen=True)
class _Phone:
    symbol: str
    start_s: float
    end_s: float
    note_index: int


def _sounding(phrase: Performance) -> tuple[float, float]:
    spans: list[PhoneSpan] = [span for span in phrase.phones if span.symbol != SILENCE]
    return phrase.start_s + spans[0].start_s, phrase.start_s + spans[-1].end_s


def _slots(
    score: Score,
    lane: Track,
    lyrics: Sequence[NoteLyric],
    phones: Sequence[_Phone],
    filler: str,
    start_s: float,
    end_s: float,
) -> list[DsSlot]:
    """Return notes and rests with their phonemes. A note begins where its vowel does: on the beat, if there is time."""
    slots: list[tuple[float, float | None, str, list[tuple[str, float]], int]] = []
    counts: dict[int, int] = {}
    for phone in phones:
        if phone.symbol in (SILENCE, BREATH):
            mark = "SP" if phone.symbol == SILENCE else "AP"
            at_s = phone.start_s
            if slots and slots[-1][4] >= 0:  # a coda sounds a little past its note
                at_s = min(at_s, max(slots[-1][0] + _TINY_S, _written_end_s(score, lane, lyrics, slots[-1][4])))
            slots.append((at_s, None, mark, [(mark, phone.start_s)], -1))
            continue
        index = phone.note_index
        place = counts[index] = counts.get(index, -1) + 1
        syllables = lyrics[index].syllables
        symbols, glide_s = _symbols(lyrics[index], place, phone, slots[-1][3][-1][1] if slots else start_s)
        if not slots:
            slots.append((start_s, None, "SP", [], -1))
        if syllables and place == syllables[0].nucleus:
            note = lane.notes[index]
            slots[-1][3].extend((symbol, glide_s) for symbol in symbols[:-1])
            slots.append((phone.start_s, note.pitch, _token(note.lyric, filler), [(symbols[-1], phone.start_s)], index))
        else:
            starts_s = [glide_s] * (len(symbols) - 1) + [phone.start_s]
            slots[-1][3].extend(zip(symbols, starts_s, strict=True))
    slots = [slot for slot in slots if slot[3]]
    result: list[DsSlot] = []
    for number, (at_s, pitch, text, phonemes, index) in enumerate(slots):
        until_s = slots[number + 1][0] if number + 1 < len(slots) else end_s
        result.append(DsSlot(at_s, pitch, text, tuple(phonemes)))
        if index >= 0:
            result += _slurs(score, lane, lyrics, index, at_s, until_s)
    return result


def _written_end_s(score: Score, lane: Track, lyrics: Sequence[NoteLyric], index: int) -> float:
    """Return the end of note `index` together with the notes that hold its vowel."""
    while index + 1 < len(lane.notes) and lyrics[index + 1].kind is NoteKind.HOLD:
        index += 1
    return score.tempo_map.seconds_at(lane.notes[index].offset_ticks)


def _slurs(score: Score, lane: Track, lyrics: Sequence[NoteLyric], index: int, at_s: float, until_s: float) -> Iterator[DsSlot]:
    """Return the notes that hold the vowel of note `index`."""
    for held in range(index + 1, len(lane.notes)):
        if lyrics[held].kind is not NoteKind.HOLD:
            return
        onset_s = score.tempo_map.seconds_at(lane.notes[held].onset_ticks)
        if at_s + _TINY_S < onset_s < until_s - _TINY_S:
            yield DsSlot(onset_s, lane.notes[held].pitch, "", is_slur=True)


def _symbols(lyric: NoteLyric, place: int, phone: _Phone, before_s: float) -> tuple[list[str], float]:
    """Return the phone in the names of DiffSinger's dictionaries, and the start of a consonant that they put before it."""
    glide_s = phone.start_s - min(_GLIDE_S, 0.5 * (phone.start_s - before_s))
    phones = [
        (each, number - syllable.nucleus, syllable)
        for syllable in lyric.syllables
        for number, each in enumerate(syllable.phones)
    ]
    if place >= len(phones):
        return [phone.symbol.lower()], glide_s
    each, behind_nucleus, syllable = phones[place]
    if each.language == "en":
        return [each.symbol.lower()], glide_s
    if each.language == "zh" and behind_nucleus == 0:
        if syllable.nucleus:
            return [_ZH_AFTER_INITIAL.get(each.symbol, each.symbol)], glide_s
        return _ZH_ALONE.get(each.symbol, each.symbol).split(), glide_s
    return [each.symbol], glide_s


def _token(lyric: str | None, filler: str) -> str:
    return SPACE_IN_TOKEN.join((lyric or filler).split()) or filler


def _f0(phrase: Performance, start_s: float, end_s: float) -> tuple[float, ...]:
    """Return the pitch every 5 ms, without gaps: DiffSinger separates voiced from unvoiced itself."""
    hz = np.asarray(phrase.f0_hz, dtype=np.float64)
    times_s = phrase.start_s + (np.arange(len(hz)) + 0.5) / phrase.frame_rate_hz
    sung = np.isfinite(hz) & (hz > 0)
    at_s = start_s + np.arange(int(np.ceil((end_s - start_s) / F0_STEP_S))) * F0_STEP_S
    return tuple(np.interp(at_s, times_s[sung], hz[sung]).tolist())
