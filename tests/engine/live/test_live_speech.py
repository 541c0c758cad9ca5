"""Rap and talk played live: the melody of speech around the notes, or instead of them."""

from __future__ import annotations

import numpy as np
import pytest
from played import PLAIN, Played, keys, performer_of, play

from engine.live.events import Bend, Configure, Expression, LiveSettings
from engine.parameters import Parameter
from engine.performance import Mode, PerformanceSettings

LINE = keys(*((0.1 + 0.4 * i, 0.4 + 0.4 * i, pitch) for i, pitch in enumerate((60.0, 64.0, 55.0, 60.0))))
WORDS = "stay with me now"


def pitches(mode: Mode, *, events=LINE, words=WORDS, **settings) -> np.ndarray:
    """MIDI pitch of each frame."""
    played = play(performer_of(words, mode=mode, **settings), events, 2.0)
    return 69 + 12 * np.log2(played.controls["f0_hz"] / 440)


def test_talk_ignores_the_pitch_of_keys():
    spoken = pitches(Mode.TALK, speaking_pitch=50.0)
    assert np.all(np.abs(spoken - 50.0) < 8.0)
    other = pitches(Mode.TALK, speaking_pitch=50.0, events=keys(*((0.1 + 0.4 * i, 0.4 + 0.4 * i, 80.0) for i in range(4))))
    assert np.array_equal(spoken, other)


@pytest.mark.parametrize("strength", [0.0, 0.3, 0.6, 1.0])
def test_rap_blends_notes_and_speech(strength):
    sung = pitches(Mode.SING, portamento_s=0.0, overshoot=0.0)
    rapped = pitches(Mode.RAP, pitch_strength=strength, portamento_s=0.0, overshoot=0.0, intonation=0.0)
    late = [25, 65, 105, 145]  # inside the notes
    step = rapped[late][1:] - rapped[late][:-1]
    assert step == pytest.approx(strength * (sung[late][1:] - sung[late][:-1]), abs=0.05)
    if strength == 1.0:
        assert rapped[late] == pytest.approx(sung[late], abs=0.01)


def test_live_speech_has_declination_final_fall_and_stress():
    line = pitches(Mode.TALK, words="la la la la", drift_cents=0.0)
    assert line[145] < line[25], "declination"
    held = play(performer_of("la", mode=Mode.TALK), keys((0.1, 1.0, 60.0)), 1.3)
    assert held.pitch(1.1) < held.pitch(0.95) - 1.0, "the end falls"
    accents = [
        play(performer_of(word, mode=Mode.TALK), keys((0.1, 1.0, 60.0)), 1.0).pitch(0.3) for word in ("the", "stay", "*stay*")
    ]
    assert accents[0] < accents[1] < accents[2]


def test_intonation_scales_the_contour():
    flat, plain, lively = (pitches(Mode.TALK, intonation=size) for size in (0.0, 1.0, 2.0))
    assert np.ptp(flat[20:160]) < 0.01 < np.ptp(plain[20:160]) < np.ptp(lively[20:160])


def test_the_mode_may_change_between_notes_and_back():
    events = [*LINE, Configure(0.75, PerformanceSettings(mode=Mode.TALK), LiveSettings())]
    events.append(Configure(1.25, PerformanceSettings(), LiveSettings()))
    played = play(performer_of(WORDS), sorted(events, key=lambda event: event.time_s), 2.0)
    assert played.pitch(0.35) == pytest.approx(60.0, abs=0.3)
    assert played.pitch(1.1) == pytest.approx(52.0, abs=5.0)
    assert played.pitch(1.6) == pytest.approx(60.0, abs=0.3)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("chunks", [(1,), (7, 3)])
def test_frames_do_not_depend_on_chunk_size(mode, chunks):
    events = [*LINE, Bend(0.6, 1.5)]
    whole, parts = (play(performer_of(WORDS, mode=mode), events, 2.0, size).controls["f0_hz"] for size in ((1,), chunks))
    assert np.array_equal(whole, parts) and np.all(np.isfinite(whole))
    steps = np.abs(np.diff(12 * np.log2(whole)))
    assert mode is Mode.SING or np.max(steps[15:]) < 6.0


def test_the_pitch_strength_is_moved_while_a_note_is_rapped():
    def moved(time_s: float, value: float) -> Expression:
        return Expression(time_s, Parameter.PITCH_STRENGTH, value)

    def rapped(*events) -> Played:
        held = keys((0.1, 1.5, 64.0))
        performer = performer_of("la", mode=Mode.RAP, pitch_strength=0.0, speaking_pitch=57.0, intonation=0.0)
        return play(performer, sorted([*held, *events], key=lambda event: event.time_s), 1.5)

    swept = rapped(moved(0.5, 1.0), moved(0.8, 0.75), moved(1.1, 0.0))
    assert [swept.pitch(time_s) for time_s in (0.4, 0.7, 1.0, 1.4)] == pytest.approx([57.0, 64.0, 62.25, 57.0], abs=0.05)
    other_settings = Configure(
        0.8, PerformanceSettings(**PLAIN, mode=Mode.RAP, speaking_pitch=57.0, intonation=0.0), LiveSettings()
    )
    assert rapped(moved(0.5, 1.0), other_settings).pitch(1.0) == pytest.approx(64.0, abs=0.05), (
        "the controller stays where it is"
    )
