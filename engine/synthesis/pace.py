"""Lines that a voice speaks at a pace of its own: the plan gives way, so that none begins before the one before has ended."""

from __future__ import annotations

import math
from dataclasses import replace

from engine.performance.types import FRAME_RATE_HZ
from engine.voice.types import Voice

from .cache import PhraseCache
from .plan import TAIL_S, Plan, PlannedTrack
from .render import native_phrase


def paced(plan: Plan, voice: Voice, cache: PhraseCache | None) -> Plan:
    """The plan as long as its spoken lines really are, lines without times of their own moved behind each other.

    Nothing changes for voices that keep to a performance's times. Lines are spoken for this; with a cache, that is done once.
    """
    if not voice.card.reads_text:
        return plan
    tracks, ends_s = [], [plan.seconds - TAIL_S]
    for track in plan.tracks:
        paced_track, end_s = _paced_track(track, voice, cache)
        tracks.append(paced_track)
        ends_s.append(end_s)
    return replace(plan, tracks=tuple(tracks), seconds=round(max(ends_s) + TAIL_S, 2))


def _paced_track(track: PlannedTrack, voice: Voice, cache: PhraseCache | None) -> tuple[PlannedTrack, float]:
    """The track with its lines moved, or a warning for each that cannot be and runs into the next; and when the last one ends."""
    phrases, warnings, delay_frames, end_s = [], list(track.warnings), 0, 0.0
    for phrase in track.performed.phrases:
        if phrase.utterance is None or phrase.utterance.speech_rate is None:
            phrases.append(phrase)
            continue
        moved = replace(phrase, start_frame=phrase.start_frame + delay_frames) if track.follows_on else phrase
        phrases.append(moved)
        if moved.start_s < end_s:
            warnings.append(
                f"The line at {moved.start_s:.1f} s begins {end_s - moved.start_s:.1f} s before the one before has ended."
            )
        spoken_s = len(native_phrase(moved, voice, cache).samples) / voice.card.sample_rate
        end_s = max(end_s, moved.start_s + spoken_s)
        delay_frames += max(0, math.ceil(spoken_s * FRAME_RATE_HZ) - phrase.frames)
    performed = replace(track.performed, phrases=tuple(phrases))
    return replace(track, performed=performed, warnings=tuple(warnings)), end_s
