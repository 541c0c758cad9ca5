"""Lyrics of a MIDI file: the choice of the events that are words, and their place on the notes of a part."""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace

from engine.score.cues import is_cue, is_section_name
from engine.score.lanes import is_monophonic
from engine.score.names import voice_rank
from engine.score.types import HOLD

from . import midi_text
from .midi_events import META_LYRIC, META_TEXT, RawFile, RawTrack
from .midi_parts import Part, metas, track_name
from .midi_placing import find_shift, home_of, on_time_share, shift_notice
from .midi_text import Syllable

_KARAOKE_LINES = 2  # number of line marks from which text events are lyrics
_KARAOKE_WORDS = 4  # number of text events from which they are lyrics if nearly all are on note onsets
_KARAOKE_HIT_SHARE = 0.75
_OWN_TRACK_HIT_SHARE = 0.5
_STRAY_LYRICS = 3  # up to so many lyric events beside ten times as much karaoke text are a credit or a mistake
_STRAY_FACTOR = 10
_RHYTHM_GAME_PART = re.compile(r"(?:PART )?(?:VOCALS|HARM\d)", re.IGNORECASE)
_FIT_SAMPLE = 500  # syllables that are compared with the notes
_MAX_FIT_LOOKUPS = 500_000
_LENGTH_FACTOR = 5  # greatest ratio of notes and words of one part
_MOST_SHIFT_PARTS = 16
_MOST_SHIFTED_SOURCES = 64
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class _LyricSource:
    """The words of one MIDI track."""

    track_index: int
    syllables: tuple[Syllable, ...]
    joined: int

    def sample(self) -> tuple[Syllable, ...]:
        return self.syllables[:: math.ceil(len(self.syllables) / _FIT_SAMPLE)]

    def ticks(self) -> list[int]:
        return [syllable.tick for syllable in self.syllables]

    def moved(self, ticks: int) -> _LyricSource:
        return replace(self, syllables=tuple(one._replace(tick=max(0, one.tick + ticks)) for one in self.syllables))


def place_lyrics(parts: list[Part], raw: RawFile, charset: str, notices: list[str]) -> None:
    """Write the words of the file to the notes of the parts, and report words without notes."""
    sources = _lyric_sources(raw.tracks, charset, parts, _tolerance(raw.ppq), notices)
    joined = sum(source.joined for source in sources)
    if joined:
        notices.append(f"Several lyrics stood on one tick and were joined ({joined} times).")
    sampled = sum(len(source.sample()) for source in sources)
    most_parts = max(1, _MAX_FIT_LOOKUPS // max(1, sampled))
    homeless: list[Syllable] = []
    for source in sources:
        shift = _shift(source, parts, raw.ppq) if len(sources) <= _MOST_SHIFTED_SOURCES else 0
        if shift:
            source = source.moved(shift)
            notices.append(shift_notice(shift, raw.ppq))
        part = _best_part(source, parts, _tolerance(raw.ppq), most_parts)
        if part is None:
            homeless.extend(source.syllables)
            continue
        if part.track_index != source.track_index:
            notices.append(f'Lyrics from another track were given to "{part.name}", whose notes fit them best.')
        homeless.extend(_attach(part, source.syllables, _tolerance(raw.ppq), raw.ppq))
    if homeless:
        examples = ", ".join(f'"{syllable.lyric}"' for syllable in homeless[:_EXAMPLES])
        notices.append(f"{len(homeless)} lyrics have no note near them and were left out: {examples}…")


def _lyric_sources(
    tracks: tuple[RawTrack, ...], charset: str, parts: list[Part], tolerance: int, notices: list[str]
) -> list[_LyricSource]:
    """Return the words of the file: its lyric events, else text events in karaoke lines, else text events that are not remarks."""
    lyrics = []
    texts: list[_LyricSource] = []
    karaoke: list[_LyricSource] = []
    cues: list[str] = []
    onsets = {onset for part in parts for onset in part.onsets}
    for track_index, track in enumerate(tracks):
        events = _decode(track, META_LYRIC, charset)
        words = [event for event in events if not is_cue(event[1].strip(midi_text.LINE_MARKS))]
        cues += [text.strip() for _, text in events if is_cue(text.strip(midi_text.LINE_MARKS))]
        if _RHYTHM_GAME_PART.fullmatch(track_name(track, charset)):
            words = [(tick, midi_text.without_game_marks(text)) for tick, text in words]
        lyrics.append(_LyricSource(track_index, *midi_text.translate_lyrics(words)))
        remarks = _decode(track, META_TEXT, charset)
        words = [(tick, text) for tick, text in remarks if not _is_remark(text)]
        if _is_karaoke(words, onsets):
            if _RHYTHM_GAME_PART.fullmatch(track_name(track, charset)):
                words = [(tick, midi_text.without_game_marks(text)) for tick, text in words]
            source = _LyricSource(track_index, *midi_text.translate_lyrics(words))
            (karaoke if _has_line_marks(words) else texts).append(source)
    count = _syllable_count(lyrics)
    if count <= _STRAY_LYRICS and _syllable_count(karaoke) >= _STRAY_FACTOR * count:
        lyrics = []
    is_on_notes = any(_is_on_notes(source, parts, tolerance) for source in lyrics)
    if count <= _STRAY_LYRICS and not is_on_notes and (karaoke or texts):
        lyrics = []
    if cues:
        examples = ", ".join(dict.fromkeys(cues[:_EXAMPLES]))
        notices.append(f"{len(cues)} cues among the lyrics are no words and were left out: {examples}…")
    return [source for source in lyrics or karaoke or texts if source.syllables]


def _syllable_count(sources: list[_LyricSource]) -> int:
    return sum(len(source.syllables) for source in sources)


def _is_on_notes(source: _LyricSource, parts: list[Part], tolerance: int) -> bool:
    """Return True if a syllable of a few starts with a note."""
    first = source.syllables[:_STRAY_LYRICS]
    return any(_nearest(part.onsets, syllable.tick, tolerance) is not None for syllable in first for part in parts)


def _has_line_marks(texts: Iterable[tuple[int, str]]) -> bool:
    return sum(midi_text.starts_karaoke_line(text) for _, text in texts) >= _KARAOKE_LINES


def _is_remark(text: str) -> bool:
    bare = text.strip().strip(midi_text.LINE_MARKS)
    return midi_text.is_karaoke_header(text) or is_cue(bare, may_be_hint=False)


def _decode(track: RawTrack, meta: int, charset: str) -> list[tuple[int, str]]:
    return [(event.tick, midi_text.decode_text(event.data, charset)) for event in metas((track,), meta)]


def _is_karaoke(texts: list[tuple[int, str]], onsets: set[int]) -> bool:
    """Return True if text events are words to sing rather than remarks."""
    if _has_line_marks(texts):
        return True
    hits = sum(tick in onsets and not (midi_text.is_chord_name(text) or is_section_name(text)) for tick, text in texts)
    return len(texts) >= _KARAOKE_WORDS and hits >= _KARAOKE_HIT_SHARE * len(texts)


def karaoke_language(tracks: tuple[RawTrack, ...], charset: str) -> str | None:
    """Return the language code in the karaoke headers of the file; None without one."""
    texts = (midi_text.decode_text(event.data, charset) for event in metas(tracks, META_TEXT))
    return next((language for text in texts if (language := midi_text.karaoke_language(text))), None)


def _shift(source: _LyricSource, parts: list[Part], ppq: int) -> int:
    """Return how many ticks all words are early for the notes of their track, or for a part of similar length if it has none."""
    words = len(source.syllables)
    own = [part for part in parts if part.track_index == source.track_index and not part.is_drums]
    alike = [part for part in parts if not part.is_drums and words <= 2 * len(part.onsets) <= _LENGTH_FACTOR * words]
    candidates = (own or alike)[:_MOST_SHIFT_PARTS]
    if any(on_time_share(source.ticks(), part.onsets, ppq) == 1 for part in candidates):
        return 0
    shifts = [find_shift(source.ticks(), part.onsets, ppq) for part in candidates]
    return min(filter(None, shifts), key=abs, default=0)


def _best_part(source: _LyricSource, parts: list[Part], tolerance: int, most_parts: int) -> Part | None:
    """Return the part these words belong to: their own track's if they hit its notes, else the best fit, melody before drums."""

    def share(part: Part) -> float:
        return _hit_share(source, part, tolerance)

    own = [part for part in parts if part.track_index == source.track_index]
    if own:
        best = max(own, key=lambda part: _fit(source, part, share(part)))
        if share(best) >= _OWN_TRACK_HIT_SHARE:
            return best
    free = sorted((part for part in parts if not part.has_lyrics), key=lambda part: (part.is_drums, -len(part.notes)))
    fits = [(_fit(source, part, share(part)), part) for part in free[:most_parts]]
    hitting = [(fit, part) for fit, part in fits if fit > 0]
    if not hitting:
        return None
    return max(hitting, key=lambda candidate: _preference(*candidate))[1]


def _preference(fit: float, part: Part) -> tuple[bool, float, int, bool, float]:
    """Rank parts that fit about equally well (a doubled melody): by name first, then monophony."""
    return not part.is_drums, round(fit, 1), voice_rank(part.name), is_monophonic(part.notes), fit


def _hit_share(source: _LyricSource, part: Part, tolerance: int) -> float:
    sample = source.sample()
    hits = sum(_nearest(part.onsets, syllable.tick, tolerance) is not None for syllable in sample)
    return hits / len(sample)


def _fit(source: _LyricSource, part: Part, share: float) -> float:
    """Return the F-measure of words on notes and notes with words."""
    words = len(source.syllables)
    return 2 * share * words / (words + len(part.onsets))


def _tolerance(ppq: int) -> int:
    """Return the greatest distance of a word from its note, in ticks: a 16th."""
    return math.ceil(ppq / 4)


def _nearest(onsets: list[int], tick: int, tolerance: int, taken: Container[int] = ()) -> int | None:
    """Return the free onset nearest to `tick`."""
    index = bisect.bisect_left(onsets, tick)
    near = [onset for onset in onsets[max(0, index - 1) : index + 1] if abs(onset - tick) <= tolerance and onset not in taken]
    return min(near, key=lambda onset: abs(onset - tick), default=None)


def _attach(part: Part, syllables: tuple[Syllable, ...], tolerance: int, ppq: int) -> list[Syllable]:
    """Write the syllables to the notes: exact ticks first, then the nearest free onset. Return the rest."""
    placed = {syllable.tick: syllable.lyric for syllable in syllables if syllable.tick in part.top_notes}
    between = []
    for syllable in syllables:
        if syllable.tick in part.top_notes:
            continue
        onset = _nearest(part.onsets, syllable.tick, tolerance, placed)
        if onset is None:
            between.append(syllable)
        else:
            placed[onset] = syllable.lyric
    ends = [part.notes[index].offset_ticks for index in part.top_notes.values()]
    rest = []
    on_time = dict(placed)
    for syllable in between:
        onset = home_of(syllable.tick, part.onsets, ends, on_time, ppq)
        if onset is None or (onset in placed and syllable.lyric == HOLD):
            rest.append(syllable)
        else:
            placed[onset] = f"{placed[onset]} {syllable.lyric}" if onset in placed else syllable.lyric
    for onset, lyric in placed.items():
        index = part.top_notes[onset]
        part.notes[index] = replace(part.notes[index], lyric=lyric)
    part.has_lyrics = part.has_lyrics or bool(placed)
    return rest
