"""Performance of spoken lines, one after the other: their times, their rate where time is short, and the notices about both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from engine.lyrics.types import SpokenLine
from engine.parameters import SETTINGS

from .dynamics import NoteStart, starts_db
from .pitch import hz_of
from .settings import Mode, PerformanceSettings
from .speech import SpokenSyllable, spoken_contour, spoken_phones
from .timbre import spoken_timbre
from .timing import PAD_AFTER_S, with_silences
from .types import FRAME_RATE_HZ, SILENCE, LyricMark, Performance, PhoneSpan, Utterance
from .utterances import native_syllables, seeded_rng

_LEAD_S = 0.1  # silence before a spoken line
_LINE_GAP_S = 0.4  # between spoken lines without start times
_MOST_HURRY = 1.35  # how much faster a line may be spoken to end before the next one
_HURRY_MARGIN = 0.005
_FASTEST_RATE = SETTINGS["speech_rate"].high
_MOST_SENTENCES = 5
_TOUCHING_S = 0.001  # lines so close do not overlap
_FIRST_DB, _FALL_DB = 1.5, 4.0  # loudness of a line: where it begins, and by how much it falls to its end

Durations: TypeAlias = Callable[[Performance], float]  # seconds that a voice with its own pace needs, from frame 0


@dataclass(frozen=True)
class PerformedTrack:
    """Phrases in order of time, and full sentences about deviations from what is written."""

    phrases: tuple[Performance, ...]
    notices: tuple[str, ...] = ()
    sounds_until_s: float = 0.0  # end of the last spoken line, for a voice with its own pace


@dataclass(frozen=True)
class PlacedLine:
    """A line to speak from `start_s` (None: after the end of the line before), fitted to `length_s` if given."""

    line: SpokenLine
    start_s: float | None
    length_s: float | None = None


def perform_lines(
    lines: Sequence[PlacedLine], settings: PerformanceSettings, *, durations: Durations | None = None
) -> PerformedTrack:
    """Perform spoken lines; each starts after the end of the line before.

    A line that is too long for the time up to the next one is spoken up to 1.35 times as fast; if that is not enough, the next one is
    moved. Both are reported. `durations` gives the length of a phrase for a voice with its own pace; without it the times of the
    performance count.
    """
    notices: list[str] = []
    hurried: list[str] = []
    late: list[str] = []
    phrases: list[Performance] = []
    blocks = _blocks_of([line for line in lines if any(line.line.words)])
    free_from_s = 0.0
    for number, block in enumerate(blocks):
        start_s = block[0].start_s or 0.0
        next_s = blocks[number + 1][0].start_s if number + 1 < len(blocks) else None
        spoken = _perform_block(block, settings, 1.0, free_from_s, durations)
        if next_s is not None and spoken.ends_s > _sound_begins_s(next_s, durations) and block[0].length_s is None:
            factor = _hurry_factor(spoken, _sound_begins_s(next_s, durations), settings.speech_rate)
            if factor > 1.0:
                spoken = _perform_block(block, settings, factor, free_from_s, durations)
                fits = spoken.ends_s <= _sound_begins_s(next_s, durations)
                aim = "to end before the next one" if fits else "and still does not end before the next one"
                hurried.append(f"The line at {start_s:.1f} s is spoken {factor:.2f} times as fast, {aim} at {next_s:.1f} s.")
        if spoken.delay_s > 0.0:
            late.append(
                f"The line at {start_s:.1f} s begins {spoken.delay_s:.2f} s later, when the one before has ended. "
                "Give the one before more time or fewer words."
            )
        notices += spoken.notices
        phrases += spoken.phrases
        free_from_s = spoken.ends_s
    return PerformedTrack(
        tuple(phrases),
        (*_first_sentences(hurried, "are spoken faster"), *_first_sentences(late, "begin later"), *notices),
        free_from_s,
    )


def _first_sentences(sentences: Sequence[str], what: str) -> Sequence[str]:
    """Return the first sentences and the number of the rest: in a dense song, all lines may be concerned."""
    if len(sentences) <= _MOST_SENTENCES:
        return sentences
    return [
        *sentences[:_MOST_SENTENCES],
        f"{len(sentences) - _MOST_SENTENCES} more lines {what}.",
    ]


def _blocks_of(lines: Sequence[PlacedLine]) -> list[list[PlacedLine]]:
    """Group lines: each line with a start time, and the lines after it that have none."""
    blocks: list[list[PlacedLine]] = []
    for line in lines:
        if line.start_s is not None or not blocks:
            blocks.append([])
        blocks[-1].append(line)
    return blocks


@dataclass(frozen=True)
class _SpokenBlock:
    """A line and the lines that follow it; they sound from `starts_s` to `ends_s`, `delay_s` after their written start."""

    phrases: tuple[Performance, ...]
    notices: tuple[str, ...]
    starts_s: float
    ends_s: float
    delay_s: float


def _perform_block(
    block: Sequence[PlacedLine], settings: PerformanceSettings, factor: float, free_from_s: float, durations: Durations | None
) -> _SpokenBlock:
    """Perform the lines one after the other, `factor` times as fast, none before `free_from_s`.

    Lines are performed at their written place and then moved, so that a line sounds the same at any place.
    """
    phrases: list[Performance] = []
    notices: list[str] = []
    delay_frames = 0
    start_s = block[0].start_s or 0.0
    first_delay_frames, starts_s, ends_s, written_end_s = 0, start_s, start_s, start_s
    for number, placed in enumerate(block):
        written_s = start_s if number == 0 else written_end_s + _LINE_GAP_S
        performance, missed = _perform_line(placed, written_s, settings, settings.speech_rate * factor)
        if abs(missed - 1.0) > 0.01:
            notices.append(_misfit_notice(placed, written_s, missed))
        if number == 0:
            late_s = free_from_s - _sound_starts_s(performance, durations)
            if late_s > _TOUCHING_S:
                delay_frames = first_delay_frames = int(np.ceil(round(late_s * FRAME_RATE_HZ, 6)))
            starts_s = _sound_starts_s(performance, None) + delay_frames / FRAME_RATE_HZ
        written_end_s = performance.end_s
        moved = replace(performance, start_frame=performance.start_frame + delay_frames) if delay_frames else performance
        phrases.append(moved)
        if durations is None:
            ends_s = moved.start_s + _last_sound_s(moved)
        else:
            spoken_s = durations(moved)
            ends_s = moved.start_s + spoken_s
            delay_frames += max(0, int(np.ceil(round(spoken_s * FRAME_RATE_HZ, 6))) - moved.frames)
    return _SpokenBlock(tuple(phrases), tuple(notices), starts_s, ends_s, first_delay_frames / FRAME_RATE_HZ)


def _hurry_factor(spoken: _SpokenBlock, next_s: float, rate: float) -> float:
    """Return the factor by which a block has to be faster to end at `next_s`, limited to intelligible speech."""
    room_s = next_s - spoken.starts_s
    wanted = (spoken.ends_s - spoken.starts_s) / room_s if room_s > 0.0 else _MOST_HURRY
    return max(1.0, min(wanted + _HURRY_MARGIN, _MOST_HURRY, _FASTEST_RATE / rate))


def _sound_begins_s(start_s: float, durations: Durations | None) -> float:
    """Return when a line at `start_s` begins to sound, to be compared with the end of the line before."""
    if durations is None:
        return start_s + _TOUCHING_S
    return float(np.floor((start_s - min(_LEAD_S, start_s)) * FRAME_RATE_HZ)) / FRAME_RATE_HZ


def _sound_starts_s(performance: Performance, durations: Durations | None) -> float:
    """Return when a performance begins to sound; with `durations`, a voice with its own pace fills it from frame 0."""
    if durations is not None:
        return performance.start_s
    return performance.start_s + next(phone.start_s for phone in performance.phones if phone.symbol != SILENCE)


def _last_sound_s(performance: Performance) -> float:
    return max(phone.end_s for phone in performance.phones if phone.symbol != SILENCE)


def _misfit_notice(placed: PlacedLine, start_s: float, missed: float) -> str:
    """Return the notice for a line that takes `missed` times the length it was given."""
    line = f"The line at {start_s:.2f} s takes {100 * missed:.0f} % of its {placed.length_s:.2f} s"
    if missed > 1.0:
        return f"{line} even at the fastest speech; give it more time or fewer words."
    return f"{line} even at the slowest speech; silence follows. Give it less time or more words to fill it."


def _perform_line(timed: PlacedLine, start_s: float, settings: PerformanceSettings, rate: float) -> tuple[Performance, float]:
    """Perform a line at `start_s`. Return it and the factor by which its length was missed."""
    lead_s = min(_LEAD_S, start_s)
    start_frame = int(np.floor((start_s - lead_s) * FRAME_RATE_HZ))
    offset_s = start_s - start_frame / FRAME_RATE_HZ
    spans, vowels, missed = spoken_phones(timed.line, speech_rate=rate, length_s=timed.length_s)
    spans = [replace(s, start_s=s.start_s + offset_s, end_s=s.end_s + offset_s) for s in spans]
    vowels = [replace(v, start_s=v.start_s + offset_s, end_s=v.end_s + offset_s) for v in vowels]
    frames = int(np.ceil((spans[-1].end_s + PAD_AFTER_S) * FRAME_RATE_HZ))
    times_s = (np.arange(frames) + 0.5) / FRAME_RATE_HZ
    words = "|".join(syllable.text for word in timed.line.words for syllable in word)
    rng = seeded_rng(f"{settings.seed}:{start_frame}:{words}")
    contour = spoken_contour(vowels, times_s, is_question=timed.line.is_question, rng=rng)
    place = np.clip((times_s - vowels[0].start_s) / max(0.3, vowels[-1].end_s - vowels[0].start_s), 0.0, 1.0)
    syllables = [syllable for word in timed.line.words for syllable in word]
    performance = Performance(
        start_frame=start_frame,
        phones=with_silences(spans, frames / FRAME_RATE_HZ),
        f0_hz=hz_of(settings.speaking_pitch + settings.intonation * contour),
        energy_db=(_FIRST_DB - _FALL_DB * place + starts_db(_emphasised_starts(spans, vowels), times_s)).astype(np.float32),
        lyrics=tuple(LyricMark(v.start_s, s.text) for v, s in zip(vowels, syllables, strict=True)),
        utterance=Utterance(
            words=tuple(native_syllables(word) for word in timed.line.words),
            pauses=timed.line.pauses,
            is_question=timed.line.is_question,
            speech_rate=rate,
            length_s=timed.length_s,
        ),
        seed=settings.seed,
        **spoken_timbre(frames, settings),
        **settings.constant_controls(Mode.TALK),
    )
    return performance, missed


def _emphasised_starts(spans: Sequence[PhoneSpan], vowels: Sequence[SpokenSyllable]) -> list[NoteStart]:
    """Return the starts of the emphasised syllables of a spoken line, with times as in `spans`."""
    starts = []
    for index, vowel in enumerate(vowels):
        if vowel.is_emphasised:
            syllable = [span for span in spans if span.note_index == index]
            starts.append(NoteStart(syllable[0].start_s, vowel.start_s, vowel.start_s, syllable[-1].end_s, is_emphasised=True))
    return starts
