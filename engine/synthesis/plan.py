"""A score and its words to what will be sung: the whole musical side of rendering, before any audio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.errors import ScoreError
from engine.lyrics import SyllableTrack, UserDictionary, lay_lyrics, to_english_phones
from engine.performance import Mode, PerformanceSettings, PerformedTrack, check_range, perform
from engine.score import Score, Track, select_tracks, split_lanes, transpose
from engine.voice.card import VoiceCard

TAIL_S = 0.5  # every stem ends this long after the last note or sound of the song


@dataclass(frozen=True)
class PlannedTrack:
    """One stem to be: a monophonic track, what is sung on each note, and how. `warnings` are full sentences."""

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
        """Length of every stem."""
        return round(self.seconds * sample_rate)


def plan_score(
    score: Score,
    card: VoiceCard,
    settings: PerformanceSettings,
    *,
    semitones: int = 0,
    language: str | None = None,
    filler: str = "la",
    dictionary: UserDictionary | None = None,
    track_names: Sequence[str] = (),
) -> Plan:
    """Choose tracks, lay lyrics, perform. Raises ScoreError if nothing can be sung."""
    moved = transpose(score, semitones) if semitones else score
    tracks, notices = select_tracks(moved)
    if track_names:
        tracks = _named(moved, track_names)
    planned: list[PlannedTrack] = []
    for track in tracks:
        lanes, lane_notices = split_lanes(track)
        for number, lane in enumerate(lanes):
            warnings = lane_notices if number == 0 else ()
            planned.append(_planned(lane, score, card, settings, language, filler, dictionary, warnings))
    if not planned:
        raise ScoreError(f"'{score.title}' has no notes to sing. Give a score with at least one note.")
    seconds = max(
        score.tempo_map.seconds_at(score.end_ticks),
        max(
            (phrase.start_s + phrase.frames / phrase.frame_rate_hz for p in planned for phrase in p.performed.phrases),
            default=0.0,
        ),
    )
    return Plan(moved, tuple(planned), round(seconds + TAIL_S, 2), (*score.notices, *notices))


def _planned(
    lane: Track,
    score: Score,
    card: VoiceCard,
    settings: PerformanceSettings,
    language: str | None,
    filler: str,
    dictionary: UserDictionary | None,
    warnings: Sequence[str],
) -> PlannedTrack:
    syllables = lay_lyrics(lane, language=language or lane.language or "en", filler=filler, dictionary=dictionary)
    notices = [*warnings, *syllables.notices]
    syllables, accent = _in_voice_phones(syllables, card)
    if accent:
        notices.append(accent)
    performed = perform(lane, syllables, score.tempo_map, settings)
    notices.extend(performed.notices)
    if settings.mode is Mode.SING and not lane.is_drums:
        report = check_range([note.pitch for note in lane.notes], card.range_low, card.range_high)
        sentence = report.sentence(card.name, card.range_low, card.range_high)
        if sentence:
            notices.append(sentence)
    return PlannedTrack(lane.name, lane, syllables, performed, tuple(dict.fromkeys(notices)))


def _in_voice_phones(syllables: SyllableTrack, card: VoiceCard) -> tuple[SyllableTrack, str | None]:
    """Syllables in languages that the voice lacks are mapped to its English phones; the sentence says so."""
    foreign = {phone.language for note in syllables.notes for s in note.syllables for phone in s.phones} - set(card.languages)
    if not foreign:
        return syllables, None
    notes = tuple(
        replace(note, syllables=tuple(to_english_phones(s) if s.vowel.language in foreign else s for s in note.syllables))
        for note in syllables.notes
    )
    sentence = f"'{card.name}' speaks {', '.join(card.languages)}; {', '.join(sorted(foreign))} is sung with its English sounds, as an accent."
    return replace(syllables, notes=notes), sentence


def _named(score: Score, names: Sequence[str]) -> tuple[Track, ...]:
    chosen = tuple(track for track in score.tracks if track.name in names)
    missing = sorted(set(names) - {track.name for track in chosen})
    if missing:
        have = ", ".join(f"'{track.name}'" for track in score.tracks)
        raise ScoreError(f"'{score.title}' has no track named {', '.join(repr(name) for name in missing)}. It has: {have}.")
    return chosen
