"""A track that is played live, sample by sample: constant starts, the pitch that was played, no clicks, no stuck notes, panic."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from live_stage import RATE, Stage, cents_off, onsets_of

from engine import (
    AllNotesOff,
    Bend,
    Expression,
    GoToLine,
    LiveParameter,
    Lyrics,
    NoteOff,
    NoteOn,
    Panic,
    StepLine,
    Sustain,
    split_lyrics,
)
from engine.lyrics import Phone


@pytest.mark.parametrize("block", [64, 512])
def test_notes_out_of_silence_start_a_constant_after_they_came(tmp_path: Path, block: int) -> None:
    rng = np.random.default_rng(1)
    came = []
    with Stage(tmp_path, block=block) as stage:
        stage.feed(Lyrics(0.0, split_lyrics("la " * 20).lines))
        for note in range(8):
            stage.play(int(rng.integers(12_000, 20_000)))
            came.append(stage.now)
            stage.feed(NoteOn(0.0, note, float(rng.integers(55, 67))))
            stage.play(4_000)
            stage.feed(NoteOff(0.0, note))
        stage.play(20_000)
        assert stage.underruns() == 0
    delays_ms = (np.array(onsets_of(stage.heard[:, 0])) - came) * 1000 / RATE - 1000 * block / RATE
    assert delays_ms.max() - delays_ms.min() <= 1.0
    assert delays_ms.max() <= 10.0


def test_the_pitch_is_what_is_played_and_bent(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.feed(NoteOn(0.0, 1, 57.0))
        begin = stage.now
        stage.play(RATE)
        stage.feed(Bend(0.0, 0.5))
        stage.play(RATE)
        stage.feed(Bend(0.0, -1.25, 1))
        stage.play(RATE)
        stage.feed(NoteOff(0.0, 1))
        stage.play(RATE // 2)
    for part, pitch in enumerate((57.0, 57.5, 57.0 + 0.5 - 1.25)):
        middle = stage.heard[begin + part * RATE + RATE // 3 : begin + (part + 1) * RATE - 2_000, 0]
        assert abs(cents_off(middle, pitch)) < 10.0


def test_keys_that_overlap_are_one_passage_and_end_in_digital_silence(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.feed(Lyrics(0.0, split_lyrics("stay with me").lines))
        for note, pitch in enumerate((57.0, 60.0, 64.0)):
            stage.feed(NoteOn(0.0, note, pitch))
            stage.play(10_000)
            stage.feed(NoteOn(0.0, note + 10, pitch))
            stage.feed(NoteOff(0.0, note))
        stage.feed(AllNotesOff(0.0))
        stage.play(RATE)
        assert stage.underruns() == 0 and not stage.engine.players[0].is_sounding
    assert len(onsets_of(stage.heard[:, 0])) == 1
    assert not stage.heard[-RATE // 2 :].any()


def test_a_panic_silences_and_calls_off_what_was_announced(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.feed(Lyrics(0.0, split_lyrics("one two three").lines))
        stage.feed(NoteOn(0.0, 1, 57.0))
        stage.play(12_000)
        stage.engine.players[0].feed(NoteOn(0.0, 2, 60.0), stage.now + 20_000)
        at = stage.now
        stage.feed(Panic(0.0))
        stage.play(RATE)
        stage.feed(NoteOn(0.0, 3, 60.0))
        again = stage.now
        stage.play(12_000)
    assert np.abs(stage.heard[at - 4_000 : at]).max() > 0.05
    assert not stage.heard[at + 128 + RATE // 100 : again].any()
    assert np.abs(stage.heard[again:]).max() > 0.05
    assert [said["text"] for said in stage.said if said["event"] == "position"][-1] == "three"


def test_words_wait_and_lines_can_be_stepped_while_nothing_sounds(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.feed(Lyrics(0.0, split_lyrics("sing it\nlouder now").lines))
        stage.play(2_000)
        stage.feed(GoToLine(0.0, 1, 1))
        stage.play(2_000)
        stage.feed(StepLine(0.0, -1))
        stage.play(2_000)
    texts = [said["text"] for said in stage.said if said["event"] == "position"]
    assert texts[-3:] == ["sing", "der", "sing"] or texts[-3:] == ["sing", "er", "sing"], texts


def test_a_note_that_cannot_be_sung_is_left_out_and_said(tmp_path: Path) -> None:
    (line,) = split_lyrics("la").lines
    (cue,) = line.cues
    assert cue.syllable is not None
    unknown = replace(cue, syllable=replace(cue.syllable, phones=(Phone("en", "XX"),), nucleus=0))
    with Stage(tmp_path) as stage:
        stage.feed(NoteOn(0.0, 1, 57.0, lyric=replace(line, cues=(unknown,))))
        stage.play(12_000)
        stage.feed(NoteOff(0.0, 1))
        stage.play(12_000)
        again = stage.now
        stage.feed(NoteOn(0.0, 2, 57.0))
        stage.play(24_000)
    assert any("could not be sung" in said.get("text", "") for said in stage.said)
    assert not stage.heard[:again].any()
    assert np.abs(stage.heard[again:]).max() > 0.05


def test_a_minute_of_random_play_clicks_nowhere_and_ends(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    with Stage(tmp_path) as stage:
        stage.feed(Lyrics(0.0, split_lyrics("stay with me to - night my love and sing " * 20).lines))
        down: list[int] = []
        passed = 0
        while passed < 60 * RATE:
            kind = rng.random()
            if kind < 0.4 or not down:
                down.append(int(rng.integers(0, 1_000_000)))
                stage.feed(NoteOn(0.0, down[-1], float(rng.uniform(48, 70)), float(rng.uniform(0.2, 1.0))))
            elif kind < 0.75:
                stage.feed(NoteOff(0.0, down.pop(int(rng.integers(len(down))))))
            elif kind < 0.85:
                stage.feed(Bend(0.0, float(rng.uniform(-2, 2))))
            elif kind < 0.9:
                stage.feed(Sustain(0.0, bool(rng.integers(2))))
            elif kind < 0.95:
                down.clear()
                stage.feed(AllNotesOff(0.0))
            else:
                stage.feed(Expression(0.0, LiveParameter.MODULATION, float(rng.random())))
            wait = int(rng.exponential(0.15) * RATE) + 1
            stage.play(wait)
            passed += wait
        stage.feed(Sustain(0.0, False))
        stage.feed(AllNotesOff(0.0))
        stage.play(RATE)
        assert stage.underruns() == 0 and not stage.engine.players[0].is_sounding
        assert all(track.not_finite_blocks == 0 for track in stage.audio.telemetry().tracks)
    sound = stage.heard[:, 0].astype(np.float64)
    assert np.isfinite(sound).all() and not sound[-RATE // 2 :].any()
    assert np.count_nonzero(sound) > 20 * RATE
    assert_no_clicks(sound, 128)


def assert_no_clicks(sound: np.ndarray, block: int) -> None:
    """At the borders of blocks the steps between samples are as they are anywhere else, the largest ones included."""
    steps = np.abs(np.diff(sound))
    near = np.lib.stride_tricks.sliding_window_view(steps, 1921).max(axis=1)[:: block // 4]
    sizes = steps[959 : 959 + len(near) * block // 4 : block // 4][: len(near)] / (near + 1e-3)
    first = next(number for number in range(4) if (960 + number * block // 4) % block == 0)
    at_borders, elsewhere = sizes[first::4], np.concatenate([sizes[number::4] for number in range(4) if number != first])
    for share in (0.9, 0.99, 0.999):
        assert np.quantile(at_borders, share) < 1.2 * np.quantile(elsewhere, share) + 0.02
