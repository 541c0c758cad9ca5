"""A score and its words to what will be sung: the whole musical side of rendering, before any audio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.errors import ScoreError
from engine.lyrics import (
    LyricText,
    SpokenLine,
    Syllable,
    SyllableTrack,
    UserDictionary,
    lay_lyrics,
    lay_text,
    lay_timed_text,
    parse_lyric_text,
    read_spoken_text,
    to_english_phones,
)
from engine.performance import (
    Mode,
    Performance,
    PerformanceSettings,
    PerformedTrack,
    PlacedLine,
    check_range,
    perform,
    perform_lines,
)
from engine.score import Score, TempoMap, Track, select_tracks, split_lanes, transpose
from engine.voice.card import VoiceCard

TAIL_S = 0.5  # every stem ends this long after the last note or sound of the song
_LINE_GAP_S = 0.4  # between spoken lines that have no times of their own
_FIRST_LINE_S = 0.2


@dataclass(frozen=True)
class PlannedTrack:
    """One stem to be: a monophonic track, what is sung on each note, and how. `warnings` are full sentences."""

    name: str
    track: Track
    syllables: SyllableTrack
    performed: PerformedTrack
    warnings: tuple[str, ...]
    follows_on: bool = False  # spoken lines without times of their own: each begins when the one before has ended


@dataclass(frozen=True)
class Plan:
    """All stems of a song; they start together and are `seconds` long."""

    score: Score
    tracks: tuple[PlannedTrack, ...]
    seconds: float
    warnings: tuple[str, ...]

    def total_samples(self, sample_rate: int) -> int:
        """Length of every stem."""
        return round(self.seconds * sample_rate)


@dataclass(frozen=True, kw_only=True)
class WordSettings:
    """How words are read: `language` None = the track's, else by script; `filler` is sung where nothing is written."""

    language: str | None = None
    filler: str = "la"
    dictionary: UserDictionary | None = None


def plan_score(
    score: Score,
    card: VoiceCard,
    settings: PerformanceSettings,
    *,
    semitones: float = 0,
    text: LyricText | None = None,
    words: WordSettings = WordSettings(),
    track_names: Sequence[str] = (),
) -> Plan:
    """Choose tracks, lay words (`text` replaces the ones in the score), perform. Raises ScoreError if nothing can be sung."""
    moved = transpose(score, semitones) if semitones else score
    tracks, notices = (_named(moved, track_names), ()) if track_names else select_tracks(moved)
    if text is not None and not track_names and not any(track.has_lyrics for track in tracks):
        tracks, left_out = tracks[:1], tracks[1:]
        if left_out:
            names = ", ".join(f"'{track.name}'" for track in left_out)
            notices = (*notices, f"The words are laid over '{tracks[0].name}' only; choose others ({names}) with --track.")
    planned: list[PlannedTrack] = []
    for track in tracks:
        warnings: tuple[str, ...] = ()
        if text is not None:
            track, warnings = _with_text(track, text, moved, words)
        lanes, lane_notices = split_lanes(track, ppq=moved.ppq)
        warnings += lane_notices
        for lane in lanes:
            planned.append(_planned(lane, moved, card, settings, words, warnings))
            warnings = ()
    if not planned:
        raise ScoreError(f"'{score.title}' has no notes to sing. Give a score with at least one note.")
    return Plan(moved, tuple(planned), _length_s(moved, planned), (*moved.notices, *notices))


def plan_text(
    text: LyricText | str,
    card: VoiceCard,
    settings: PerformanceSettings,
    *,
    title: str = "",
    words: WordSettings = WordSettings(),
) -> Plan:
    """Plan a spoken text: line after line, or each line at its own time if the text has times. Always in talk mode."""
    given = parse_lyric_text(text) if isinstance(text, str) else text
    settings = replace(settings, mode=Mode.TALK)
    phrases: list[Performance] = []
    warnings: list[str] = []
    pieces: list[tuple[float | None, str]] = [(line.start_s, line.text) for line in given.timed_lines]
    next_s = _FIRST_LINE_S
    for start_s, piece in pieces or [(None, line) for line in given.lines]:
        next_s = next_s if start_s is None else start_s
        for line in read_spoken_text(piece, language=words.language or "en", dictionary=words.dictionary):
            line, accent = _line_in_voice_phones(line, card)
            performed = _worded(perform_lines([PlacedLine(line, next_s)], settings), card)
            warnings += [*line.notices, *([accent] if accent else []), *performed.notices]
            phrases.extend(performed.phrases)
            next_s = phrases[-1].end_s + _LINE_GAP_S
    if not phrases:
        raise ScoreError(f"'{title}' has no words to speak. Give a text with at least one word.")
    score = Score(title, 480, (), TempoMap(480))
    track = Track("talk", ())
    planned = PlannedTrack(
        name=track.name,
        track=track,
        syllables=SyllableTrack(words.language or "en", ()),
        performed=PerformedTrack(tuple(phrases)),
        warnings=tuple(dict.fromkeys(warnings)),
        follows_on=not given.timed_lines,
    )
    return Plan(score, (planned,), _length_s(score, [planned]), ())


def _planned(
    lane: Track,
    score: Score,
    card: VoiceCard,
    settings: PerformanceSettings,
    words: WordSettings,
    warnings: Sequence[str],
) -> PlannedTrack:
    syllables = lay_lyrics(
        lane,
        language=words.language or lane.language or "en",
        filler=words.filler,
        dictionary=words.dictionary,
        ppq=score.ppq,
    )
    notices = [*warnings, *syllables.notices]
    syllables, accent = _in_voice_phones(syllables, card)
    if accent:
        notices.append(accent)
    performed = _worded(perform(lane, syllables, score.tempo_map, settings), card)
    notices.extend(performed.notices)
    if settings.mode is Mode.SING and not lane.is_drums:
        report = check_range([note.pitch for note in lane.notes], card.range_low, card.range_high)
        sentence = report.sentence(card.name, card.range_low, card.range_high)
        if sentence:
            notices.append(sentence)
    return PlannedTrack(lane.name, lane, syllables, performed, tuple(dict.fromkeys(notices)))


def _with_text(track: Track, text: LyricText, score: Score, words: WordSettings) -> tuple[Track, tuple[str, ...]]:
    """The track with `text` over its top line; lower notes of a chord get the word of the note above."""
    top = split_lanes(track, ppq=score.ppq)[0][0]
    language = words.language or "en"
    if text.timed_lines:
        laid, notices = lay_timed_text(
            top, text.timed_lines, score.tempo_map, language=language, filler=words.filler, dictionary=words.dictionary
        )
    else:
        laid, notices = lay_text(top, text.text, language=language, filler=words.filler, dictionary=words.dictionary)
    by_onset = {note.onset_ticks: note.lyric for note in laid.notes}
    notes = tuple(replace(note, lyric=by_onset.get(note.onset_ticks)) for note in track.notes)
    return replace(track, notes=notes, language=laid.language), notices


def _in_voice_phones(syllables: SyllableTrack, card: VoiceCard) -> tuple[SyllableTrack, str | None]:
    """Syllables in languages that the voice lacks are mapped to its English phones; the sentence says so."""
    sung = [s for note in syllables.notes for s in note.syllables]
    notes = tuple(replace(note, syllables=_mapped(note.syllables, card)) for note in syllables.notes)
    return replace(syllables, notes=notes), _accent(sung, card)


def _line_in_voice_phones(line: SpokenLine, card: VoiceCard) -> tuple[SpokenLine, str | None]:
    spoken = [syllable for word in line.words for syllable in word]
    return replace(line, words=tuple(_mapped(word, card) for word in line.words)), _accent(spoken, card)


def _mapped(syllables: Sequence[Syllable], card: VoiceCard) -> tuple[Syllable, ...]:
    return tuple(_in_phones_of(card, syllable) for syllable in syllables)


def _in_phones_of(card: VoiceCard, syllable: Syllable) -> Syllable:
    """The syllable itself, in English phones for a voice that lacks its language, in both for a voice that reads text."""
    language = syllable.vowel.language
    if language == "en" or (language in card.languages and not card.reads_text):
        return syllable
    english = to_english_phones(syllable)
    return english if language in card.languages else replace(english, native=None)


def _worded(performed: PerformedTrack, card: VoiceCard) -> PerformedTrack:
    """Without the words for a voice that sings phones: they do not change how it sounds, so they are not part of what is cached."""
    if card.reads_text:
        return performed
    return replace(performed, phrases=tuple(replace(phrase, utterance=None) for phrase in performed.phrases))


def _accent(syllables: Sequence[Syllable], card: VoiceCard) -> str | None:
    foreign = sorted({s.vowel.language for s in syllables} - set(card.languages))
    if not foreign:
        return None
    return (
        f"'{card.name}' speaks {', '.join(card.languages)}; {', '.join(foreign)} is sung with its English sounds, as an accent."
    )


def _length_s(score: Score, planned: Sequence[PlannedTrack]) -> float:
    ends = [phrase.end_s for p in planned for phrase in p.performed.phrases]
    return round(max([score.tempo_map.seconds_at(score.end_ticks), *ends]) + TAIL_S, 2)


def _named(score: Score, names: Sequence[str]) -> tuple[Track, ...]:
    chosen = tuple(track for track in score.tracks if track.name in names)
    missing = sorted(set(names) - {track.name for track in chosen})
    if missing:
        have = ", ".join(f"'{track.name}'" for track in score.tracks)
        raise ScoreError(f"'{score.title}' has no track named {', '.join(repr(name) for name in missing)}. It has: {have}.")
    return chosen
