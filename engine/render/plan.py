"""Planning: a score and its words to performances, before any audio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.errors import ScoreError
from engine.languages import language_name
from engine.lyrics import (
    Leftover,
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
    Durations,
    Mode,
    PerformanceSettings,
    PerformedTrack,
    PlacedLine,
    check_range,
    perform,
    perform_lines,
)
from engine.score import Score, TempoMap, Track, choose_for_words, select_tracks, split_lanes, transpose
from engine.voices.card import VoiceCard
from engine.voices.kinds import find_kind

TAIL_S = 0.5  # every stem ends this long after the last note or sound of the song
_FIRST_LINE_S = 0.2


@dataclass(frozen=True)
class PlannedTrack:
    """A stem to render: a monophonic track, its syllables and its performance. `warnings` are full sentences."""

    name: str
    track: Track
    syllables: SyllableTrack
    performed: PerformedTrack
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """All stems of a song; they start together and are `seconds` long."""

    score: Score
    tracks: tuple[PlannedTrack, ...]
    seconds: float
    warnings: tuple[str, ...]

    def total_samples(self, sample_rate: int) -> int:
        """Return the length of every stem."""
        return round(self.seconds * sample_rate)


@dataclass(frozen=True, kw_only=True)
class WordSettings:
    """Settings for reading words: `language` overrides the track's (None: the track's, else by script); `filler` is sung on notes without
    words, `leftover` decides about notes beyond the words of a text.
    """

    language: str | None = None
    filler: str = "la"
    leftover: Leftover = Leftover.AUTO
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
    durations: Durations | None = None,
) -> Plan:
    """Choose tracks, lay words (`text` replaces those in the score), perform. Raises ScoreError if there is nothing to sing.

    `durations` (see `spoken_durations`) gives the length of spoken lines of a voice with its own pace, so that lines do not overlap.
    """
    moved = transpose(score, semitones) if semitones else score
    tracks, notices = (_named(moved, track_names), ()) if track_names else select_tracks(moved)
    if text is not None and tracks and not track_names and not any(track.has_lyrics for track in tracks):
        chosen, why = choose_for_words(tracks, ppq=moved.ppq)
        tracks, notices = (chosen,), (*notices, why) if why else notices
    planned: list[PlannedTrack] = []
    for track in tracks:
        warnings: tuple[str, ...] = ()
        if text is not None:
            track, warnings = _with_text(track, text, moved, words)
        lanes, lane_notices = split_lanes(track, ppq=moved.ppq, tempo_map=moved.tempo_map)
        warnings += lane_notices
        for lane in lanes:
            planned.append(_planned(lane, moved, card, settings, words, warnings, durations))
            warnings = ()
    if not planned:
        raise ScoreError(
            " ".join([f"'{score.title}' has no notes to sing.", *(notices or ["Give a score with at least one note."])])
        )
    return Plan(moved, tuple(planned), _length_s(moved, planned), (*moved.notices, *notices))


def plan_text(
    text: LyricText | str,
    card: VoiceCard,
    settings: PerformanceSettings,
    *,
    title: str = "",
    words: WordSettings = WordSettings(),
    durations: Durations | None = None,
) -> Plan:
    """Plan a spoken text: line after line, or each line at its own time if the text has times. Always in talk mode.

    `durations`: see `plan_score`.
    """
    given = parse_lyric_text(text) if isinstance(text, str) else text
    settings = replace(settings, mode=Mode.TALK)
    kind = find_kind(card.kind)
    placed: list[PlacedLine] = []
    warnings: list[str] = []
    pieces: list[tuple[float | None, str]] = [(line.start_s, line.text) for line in given.timed_lines]
    for start_s, piece in pieces or [(None, line) for line in given.lines]:
        for line in read_spoken_text(
            piece,
            language=words.language or "en",
            dictionary=words.dictionary,
            written_out=kind.figures_in_words if kind else None,
        ):
            line, accent = _line_in_voice_phones(line, card)
            warnings += [*line.notices, *([accent] if accent else [])]
            placed.append(PlacedLine(line, start_s if placed or start_s is not None else _FIRST_LINE_S))
            start_s = None  # of the piece's first line only
    performed = _worded(perform_lines(placed, settings, durations=durations), card)
    warnings += performed.notices
    if not performed.phrases:
        raise ScoreError(f"'{title}' has no words to speak. Give a text with at least one word.")
    score = Score(title, 480, (), TempoMap(480))
    track = Track("talk", ())
    planned = PlannedTrack(
        name=track.name,
        track=track,
        syllables=SyllableTrack(words.language or "en", ()),
        performed=performed,
        warnings=tuple(dict.fromkeys(warnings)),
    )
    return Plan(score, (planned,), _length_s(score, [planned]), ())


def _planned(
    lane: Track,
    score: Score,
    card: VoiceCard,
    settings: PerformanceSettings,
    words: WordSettings,
    warnings: Sequence[str],
    durations: Durations | None,
) -> PlannedTrack:
    syllables = lay_lyrics(
        replace(lane, language=words.language) if words.language else lane,
        language=words.language or lane.language or "en",
        filler=words.filler,
        dictionary=words.dictionary,
        ppq=score.ppq,
    )
    notices = [*warnings, *syllables.notices]
    syllables, accent = _in_voice_phones(syllables, card)
    if accent:
        notices.append(accent)
    performed = _worded(perform(lane, syllables, score.tempo_map, settings, durations=durations), card)
    notices.extend(performed.notices)
    if settings.mode is Mode.SING and not lane.is_drums:
        report = check_range([note.pitch for note in lane.notes], card.range_low, card.range_high)
        sentence = report.sentence(card.name, card.range_low, card.range_high)
        if sentence:
            notices.append(sentence)
    return PlannedTrack(lane.name, lane, syllables, performed, tuple(dict.fromkeys(notices)))


def _with_text(track: Track, text: LyricText, score: Score, words: WordSettings) -> tuple[Track, tuple[str, ...]]:
    """Return the track with `text` on its top line; lower notes of a chord get the word of the note above."""
    top = split_lanes(track, ppq=score.ppq, tempo_map=score.tempo_map)[0][0]
    language = words.language or "en"
    if words.language:
        top = replace(top, language=words.language)
    if text.timed_lines:
        laid, notices = lay_timed_text(
            top,
            text.timed_lines,
            score.tempo_map,
            language=language,
            filler=words.filler,
            dictionary=words.dictionary,
            leftover=words.leftover,
        )
    else:
        laid, notices = lay_text(
            top,
            text.text,
            language=language,
            filler=words.filler,
            dictionary=words.dictionary,
            leftover=words.leftover,
            ppq=score.ppq,
        )
    by_onset = {note.onset_ticks: note.lyric for note in laid.notes}
    notes = tuple(replace(note, lyric=by_onset.get(note.onset_ticks)) for note in track.notes)
    return replace(track, notes=notes, language=laid.language), notices


def _in_voice_phones(syllables: SyllableTrack, card: VoiceCard) -> tuple[SyllableTrack, str | None]:
    """Map syllables in languages that the voice lacks to its English phones, with a notice."""
    sung = [s for note in syllables.notes for s in note.syllables]
    notes = tuple(replace(note, syllables=_mapped(note.syllables, card)) for note in syllables.notes)
    return replace(syllables, notes=notes), _accent(sung, card)


def _line_in_voice_phones(line: SpokenLine, card: VoiceCard) -> tuple[SpokenLine, str | None]:
    spoken = [syllable for word in line.words for syllable in word]
    return replace(line, words=tuple(_mapped(word, card) for word in line.words)), _accent(spoken, card)


def _mapped(syllables: Sequence[Syllable], card: VoiceCard) -> tuple[Syllable, ...]:
    return tuple(_in_phones_of(card, syllable) for syllable in syllables)


def _in_phones_of(card: VoiceCard, syllable: Syllable) -> Syllable:
    """Return the syllable itself, in English phones for a voice that lacks its language, in both for a voice that reads text."""
    language = syllable.vowel.language
    if language == "en" or (language in card.languages and not card.reads_text):
        return syllable
    english = to_english_phones(syllable)
    return english if language in card.languages else replace(english, native=None)


def _worded(performed: PerformedTrack, card: VoiceCard) -> PerformedTrack:
    """Remove the words for a voice that sings phones: they do not change its sound, so they must not change the key of the cache."""
    if card.reads_text:
        return performed
    return replace(performed, phrases=tuple(replace(phrase, utterance=None) for phrase in performed.phrases))


def _accent(syllables: Sequence[Syllable], card: VoiceCard) -> str | None:
    foreign = sorted({s.vowel.language for s in syllables} - set(card.languages))
    if not foreign:
        return None
    named = ", ".join(language_name(code) for code in foreign)
    spoken = ", ".join(card.languages)
    return f"'{card.name}' speaks {spoken}; {named} is sung with its English sounds, as an accent."


def _length_s(score: Score, planned: Sequence[PlannedTrack]) -> float:
    ends = [phrase.end_s for p in planned for phrase in p.performed.phrases]
    ends += [p.performed.sounds_until_s for p in planned]
    return round(max([score.tempo_map.seconds_at(score.end_ticks), *ends]) + TAIL_S, 2)


def _named(score: Score, names: Sequence[str]) -> tuple[Track, ...]:
    chosen = tuple(track for track in score.tracks if track.name in names)
    missing = sorted(set(names) - {track.name for track in chosen})
    if missing:
        have = ", ".join(f"'{track.name}'" for track in score.tracks)
        raise ScoreError(f"'{score.title}' has no track named {', '.join(repr(name) for name in missing)}. It has: {have}.")
    return chosen
