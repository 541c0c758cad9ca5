"""A track that is played live, sample by sample: constant starts, the pitch that was played, no clicks, no stuck notes, panic."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_stage import PLAIN, RATE, Stage, cents_off, onsets_of

from bridge.audio.resample import StreamResampler
from bridge.live import messages
from bridge.live.device_time import DeviceTime
from bridge.live.messages import wire_events
from bridge.live.player import MOST_WAITING
from engine import (
    AllNotesOff,
    Bend,
    Configure,
    Expression,
    GoToLine,
    LivePerformer,
    LiveSettings,
    LiveVoice,
    Lyrics,
    NoteOff,
    NoteOn,
    Panic,
    Parameter,
    StepLine,
    Sustain,
    read_score,
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
    assert delays_ms.max() - delays_ms.min() <= 0.3
    assert delays_ms.max() <= 10.0


def test_a_late_note_begins_with_the_next_sample_that_the_device_asks_for(tmp_path: Path) -> None:
    with Stage(tmp_path, block=512) as stage:
        stage.play(4_800)
        late = stage.now
        stage.engine.players[0].feed(NoteOn(0.0, 1, 57.0), late - 2_000.0, 0)
        stage.play(4_800)
        stage.engine.players[0].feed(NoteOff(0.0, 1), stage.now, 1)
        stage.play(24_000)
    assert np.flatnonzero(stage.heard[:, 0])[0] - late <= 2


def test_keep_warm_events_have_no_effect(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.feed(Lyrics(0.0, split_lyrics("stay with me").lines))
        stage.play(4_800)
        before = list(stage.reports)
        note = wire_events((NoteOn(0.0, 1, 60.0), NoteOff(0.0, 1)))
        stage.engine.handle(messages.WarmEvents(0, note, round(stage.now * 1e9 / RATE)))
        stage.play(9_600)
        assert stage.reports == before and not stage.engine.players[0].is_sounding
        assert stage.engine.players[0].voice.take().tracks[0].notes == ()
    assert not stage.heard.any()


@pytest.mark.parametrize("block", [32, 2048])
def test_what_the_device_gets_is_the_offline_sound_of_the_same_events(tmp_path: Path, starter: Any, block: int) -> None:
    words = Lyrics(0.0, split_lyrics("stay with - me to-night").lines)
    played = [
        (0, NoteOn(0.0, 1, 57.0, 0.9)),
        (10_001, NoteOn(0.0, 2, 60.0)),
        (10_500, NoteOff(0.0, 1)),
        (15_003, Bend(0.0, 0.7)),
        (21_007, Expression(0.0, Parameter.MODULATION, 0.6)),
        (30_000, NoteOn(0.0, 3, 55.3, 0.4)),
        (30_000, NoteOff(0.0, 2)),
        (40_019, NoteOn(0.0, 4, 62.0)),
        (52_000, NoteOff(0.0, 4)),
        (60_011, NoteOff(0.0, 3)),
    ]
    with Stage(tmp_path, block=block) as stage:
        stage.feed(words)
        stage.play(4_000)
        leads = stage.engine.leads
        begin = stage.now + 16_384 + leads.block + leads.onset  # where the engine looks exactly when it has to
        for later, event in played:
            stage.engine.players[0].feed(event, begin + later, round((begin + later) * 1e9 / RATE))
        stage.play(RATE)
        heard_s = stage.engine.players[0].voice_s(begin)
        stage.play(2 * RATE)
        assert stage.underruns() == 0
    voice = LiveVoice(LivePerformer(PLAIN), starter.stream())
    voice.feed(words)
    frame = round(100 * heard_s)
    assert voice.skip(frame) == frame
    for number, (later, event) in enumerate(played):
        voice.feed(replace(event, time_s=heard_s + later / RATE if number else frame / 100))
    resampler = StreamResampler(voice.sample_rate, RATE)
    matched = resampler.push(voice.render(200)[None])[0]
    # The sound begins where the first note is heard, not where its frame does, nor with what the stream and the rate match hold back.
    left_out = round((voice.latency.stream_s + heard_s - frame / 100) * RATE) + resampler.delay_samples
    matched, fade = matched[left_out:], round(0.001 * RATE)
    heard = stage.heard[begin : begin + len(matched), 0] / 2.0  # both sides of a track come out there
    assert np.abs(heard).max() > 0.1
    assert np.max(np.abs(heard[fade:] - matched[fade:])) <= 1e-4


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
        stage.engine.players[0].feed(NoteOn(0.0, 2, 60.0), stage.now + 20_000, round((stage.now + 20_000) * 1e9 / RATE))
        at = stage.now
        stage.feed(Panic(0.0))
        stage.play(RATE)
        stage.feed(NoteOn(0.0, 3, 60.0))
        again = stage.now
        stage.play(12_000)
    assert np.abs(stage.heard[at - 4_000 : at]).max() > 0.05
    assert not stage.heard[at + 128 + RATE // 100 : again].any()
    assert np.abs(stage.heard[again:]).max() > 0.05
    assert [report.text for report in stage.reported(messages.Position)][-1] == "three"


def test_words_wait_and_lines_can_be_stepped_while_nothing_sounds(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.feed(Lyrics(0.0, split_lyrics("sing it\nlouder now").lines))
        stage.play(2_000)
        stage.feed(GoToLine(0.0, 1, 1))
        stage.play(2_000)
        stage.feed(StepLine(0.0, -1))
        stage.play(2_000)
    texts = [report.text for report in stage.reported(messages.Position)]
    assert texts[-3:] == ["sing", "der", "sing"] or texts[-3:] == ["sing", "er", "sing"], texts


def test_a_note_that_is_sent_after_a_take_was_begun_is_in_it(tmp_path: Path) -> None:
    """Also if the device's time says, when both are handled, that it came before."""
    written = tmp_path / "take.mid"
    with Stage(tmp_path) as stage:
        stage.feed(NoteOn(0.0, 1, 57.0))
        stage.feed(NoteOff(0.0, 1))
        stage.play(RATE + 100)
        late = stage.now - RATE // 2
        stage.engine.handle(messages.Mark(0, round((stage.now + 400) * 1e9 / RATE)))
        stage.engine.players[0].feed(NoteOn(0.0, 2, 60.0), late, 0)
        stage.play(RATE // 4)
        stage.feed(NoteOff(0.0, 2))
        stage.play(RATE // 4)
        stage.engine.handle(messages.WriteTake(1, (0,), str(written), "take"))
        deadline_s = time.monotonic() + 20.0
        while not stage.reported(messages.TakeWritten):
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
    (track,) = read_score(written).tracks
    assert [note.pitch for note in track.notes] == [60.0]


class Unsteady:
    """A device's time that goes back by a sample each time it is asked for: more than real ones do, and always the wrong way."""

    def __init__(self, time: DeviceTime) -> None:
        self._time, self._back = time, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._time, name)

    def at(self, monotonic_ns: int) -> float:
        self._back += 1
        return self._time.at(monotonic_ns) - self._back


def test_what_comes_at_one_moment_acts_in_the_order_in_which_it_came(tmp_path: Path) -> None:
    """In silence, and while a note sounds: words and a place in them, a note and its bend, the same key up and down, a very short note."""
    words = split_lyrics("one two three four five six seven").lines
    with Stage(tmp_path) as stage:
        stage.engine.time = Unsteady(stage.engine.time)  # type: ignore[assignment]
        stage.feed(Lyrics(0.0, words))
        stage.feed(GoToLine(0.0, 0, 2))
        stage.play(2_000)
        assert stage.engine.players[0].lyric_position.next_text == "three"
        begun = stage.now
        for event in (NoteOn(0.0, 1, 57.0), Expression(0.0, Parameter.MODULATION, 0.0, 1), Bend(0.0, 0.75, 1)):
            stage.feed(event)
        stage.play(RATE)
        again = stage.now
        stage.feed(NoteOff(0.0, 1))
        stage.feed(NoteOn(0.0, 1, 60.0))
        stage.feed(Bend(0.0, -0.5, 1))
        stage.play(RATE)
        assert stage.engine.players[0].is_sounding, "the key went up before it went down"
        stage.feed(NoteOff(0.0, 1))
        stage.feed(Lyrics(0.0, words))
        stage.feed(GoToLine(0.0, 0, 6))
        stage.play(RATE // 2)
        assert not stage.engine.players[0].is_sounding
        assert stage.engine.players[0].lyric_position.next_text == "se"
        stage.feed(NoteOn(0.0, 2, 60.0))
        stage.feed(NoteOff(0.0, 2))
        stage.play(RATE)
        assert not stage.engine.players[0].is_sounding, "a short note is stuck"
    for begin, pitch in ((begun, 57.75), (again, 59.5)):
        assert abs(cents_off(stage.heard[begin + RATE // 3 : begin + RATE - 2_000, 0], pitch)) < 10.0


def test_a_note_begins_with_the_bend_that_came_with_it(tmp_path: Path) -> None:
    heard = []
    for number, together in enumerate(((NoteOn(0.0, 1, 69.0),), (NoteOn(0.0, 1, 57.0), Bend(0.0, 12.0, 1)))):
        (tmp_path / str(number)).mkdir()
        with Stage(tmp_path / str(number)) as stage:
            stage.feed(together[0], 0, *together[1:])
            stage.play(RATE // 2)
        heard.append(stage.heard[:, 0])
    assert np.abs(heard[0]).max() > 0.05
    np.testing.assert_allclose(heard[1], heard[0], atol=1e-4)


def test_a_note_that_was_announced_acts_at_its_time_whatever_comes_before(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.feed(Lyrics(0.0, split_lyrics("la la").lines))
        stage.play(2_000)
        begun = stage.now
        for event, later in ((NoteOn(0.0, 1, 57.0), 30_000), (NoteOff(0.0, 1), 40_000)):
            stage.engine.players[0].feed(event, begun + later, round((begun + later) * 1e9 / RATE))
        stage.play(5_000)
        stage.feed(NoteOn(0.0, 2, 60.0))
        stage.play(6_000)
        stage.feed(NoteOff(0.0, 2))
        stage.play(RATE)
    first, second = onsets_of(stage.heard[:, 0])
    assert first - begun < 10_000 and 0 <= second - (begun + 30_000) < RATE // 100


def test_what_waits_is_bounded_and_keys_come_up_even_so(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.feed(NoteOn(0.0, 1, 57.0))
        stage.play(12_000)
        player, later = stage.engine.players[0], stage.now + 100 * RATE
        taken = [player.feed(Bend(0.0, 0.5), later, round(later * 1e9 / RATE)) for _ in range(MOST_WAITING + 10)]
        assert sum(taken) == MOST_WAITING and not taken[-1]
        stage.feed(NoteOn(0.0, 2, 60.0))
        assert any("others are left out" in report.text for report in stage.reported(messages.Notice))
        stage.feed(NoteOff(0.0, 1))
        stage.play(RATE // 2)
        assert not player.is_sounding


def test_known_events_are_applied_before_the_first_report(tmp_path: Path) -> None:
    words = split_lyrics("one two three four").lines
    known = (Configure(0.0, PLAIN, LiveSettings()), Bend(0.0, 1.5), Lyrics(0.0, words), GoToLine(0.0, 0, 2))
    with Stage(tmp_path, known=(known,)) as stage:
        assert stage.engine.players[0].lyric_position.next_text == "three"
        stage.play(4_000)
        assert not stage.reported(messages.Position), "its parent knows where it stands"
        begin = stage.now
        stage.feed(NoteOn(0.0, 1, 57.0))
        stage.play(RATE)
        stage.engine.handle(messages.Restore(0, wire_events((Panic(0.0), Lyrics(0.0, words), GoToLine(0.0, 0, 1)))))
        stage.play(4_000)
    assert [report.text for report in stage.reported(messages.Position)] == ["four", "two"]
    assert abs(cents_off(stage.heard[begin + RATE // 3 : begin + RATE - 2_000, 0], 58.5)) < 10.0


def test_a_note_that_cannot_be_sung_is_left_out_and_reported(tmp_path: Path) -> None:
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
    assert any("could not be sung" in report.text for report in stage.reported(messages.Notice))
    assert not stage.heard[:again].any()
    assert np.abs(stage.heard[again:]).max() > 0.05


@pytest.mark.slow
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
                stage.feed(Expression(0.0, Parameter.MODULATION, float(rng.random())))
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
