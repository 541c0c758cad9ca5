"""Edits, missing audio, order, transports and answers of sequenced play, on an output whose time is passed by hand."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import mido
import numpy as np
import pytest
from sequencer_bench import FADE_S, Desk, Here, clip, laid

from bridge.midi.clock import ClockFollower, TransportState
from bridge.midi.timecode import TimecodeFollower
from bridge.protocol import events, replies
from bridge.protocol.events import Loop, Panic, Sender, TempoMapSet, TempoPoint, Transport
from bridge.song.render_worker import Failed, PlanJob, RenderJob, RenderWorker, VoiceLibrary
from bridge.song.sequencer import Sequencer
from bridge.song.takes import TakeState, merged, without
from bridge.song.timeline import TrackSettings
from engine import STARTER_NAME, Note, PhraseCache, Score, SettingsError, TempoMap, Track, load_voice, render_phrase

RATE = 48_000
FADE = round(FADE_S * RATE)
# Three phrases of two notes, at 1, 5 and 9 quarter notes: 0.5, 2.5 and 4.5 s at 120 bpm.
SONG = [(1, 1, 60, "stay"), (2, 1, 62, "here"), (5, 1, 64, "hold"), (6, 1, 62, "me"), (9, 1, 60, "my"), (10, 1, 57, "love")]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """`desk(tracks=1, …)`: a desk with a quick voice, closed at the end; `desk.renderer` remembers what it did."""
    open_desks: list[Desk] = []

    def open_desk(**more) -> Desk:
        renderer = more.pop("renderer", None) or Here()
        made = Desk(tmp_path / f"heard {len(open_desks)}.wav", renderer=renderer, **more).__enter__()
        made.renderer = renderer
        open_desks.append(made)
        return made

    yield open_desk
    for made in open_desks:
        made.__exit__()


def states(desk: Desk, track: int = 0) -> list[TakeState]:
    return [phrase.state for phrase in desk.sequencer.status().tracks[track].phrases]


def largest_step(sound: np.ndarray) -> float:
    return float(np.abs(np.diff(sound.astype(np.float64))).max())


def test_an_edit_renders_its_phrase_alone_and_swaps_it_in_while_it_plays(desk) -> None:
    one = desk()
    one.sequencer.apply(clip(SONG))
    one.sequencer.settle()
    before = one.renderer.planned[0].phrases
    assert len(one.renderer.rendered) == len(before) == 3
    one.sequencer.play(at_s=0.0)
    one.play_s(2.6)  # into the second phrase
    higher = [(ppq, length, pitch + (2 if ppq == 5 else 0), word) for ppq, length, pitch, word in SONG]
    one.sequencer.apply(clip(higher, revision=2))
    one.sequencer.step()
    one.sequencer.step()  # planned, not rendered
    assert states(one) == ["ready", "edited", "ready"]
    assert not one.sequencer.status().missing
    one.play_s(0.2)
    one.sequencer.settle()
    assert states(one) == ["ready"] * 3 and len(one.renderer.rendered) == 4
    one.play_s(4.0)
    after = one.renderer.planned[0].phrases
    assert [phrase.hash for phrase in after][::2] == [phrase.hash for phrase in before][::2]
    heard = one.heard()[:, 0]
    old, new = laid(before, 0, len(heard), RATE), laid(after, 0, len(heard), RATE)
    swap = round(2.8 * RATE)
    np.testing.assert_array_equal(heard[:swap], old[:swap])
    np.testing.assert_array_equal(heard[swap + FADE :], new[swap + FADE :])
    assert not np.array_equal(old[swap:], new[swap:])
    assert largest_step(heard) < largest_step(new) + 1.5 * np.pi / 2 * np.abs(old - new).max() / FADE


def test_a_moved_note_is_silence_and_a_mark_until_it_is_there(desk) -> None:
    one = desk()
    one.sequencer.apply(clip(SONG))
    one.sequencer.settle()
    one.sequencer.play(at_s=2.0)
    later = [(ppq + (0.25 if ppq == 5 else 0), length, pitch, word) for ppq, length, pitch, word in SONG]
    one.sequencer.apply(clip(later, revision=2))
    one.sequencer.step()
    one.sequencer.step()
    assert states(one) == ["ready", "stale", "ready"]
    ((track, phrase),) = one.sequencer.status().missing
    assert (track, phrase.text) == (0, "hold me")
    one.play_s(2.0)
    assert one.sequencer.status().missed_samples > RATE // 2
    one.sequencer.settle()
    assert not one.sequencer.status().missing
    one.sequencer.locate(2.0)
    one.play_s(2.0)
    heard = one.heard()[:, 0]
    assert not heard[: 2 * RATE].any()
    new = laid(one.renderer.planned[0].phrases, 2 * RATE, 4 * RATE, RATE)
    np.testing.assert_array_equal(heard[2 * RATE + FADE :], new[FADE:])


def test_a_new_tempo_silences_what_it_moves_at_once_and_keeps_the_rest(desk) -> None:
    one = desk()
    one.sequencer.apply(clip(SONG))
    one.sequencer.settle()
    before = one.renderer.planned[0].phrases
    one.sequencer.play(at_s=0.3)
    one.play_s(0.5)
    one.sequencer.apply(TempoMapSet(7, (TempoPoint(0, 120, 4, 4), TempoPoint(4, 100, 4, 4))))
    assert states(one) == ["ready", "stale", "stale"], "before anything is planned"
    one.play_s(2.5)
    one.sequencer.settle()
    assert one.sequencer.status().tempo_revision == 7
    assert [job.performance.start_frame for job in one.renderer.rendered[3:]] == [
        phrase.start_frame for phrase in one.renderer.planned[0].phrases if phrase not in before
    ][-2:]
    one.play_s(3.0)
    heard = one.heard()[:, 0]
    new = laid(one.renderer.planned[0].phrases, round(0.3 * RATE), round(0.3 * RATE) + len(heard), RATE)
    still = laid(before[:1], round(0.3 * RATE), round(0.3 * RATE) + len(heard), RATE)
    np.testing.assert_array_equal(heard[FADE : 3 * RATE], still[FADE : 3 * RATE])
    np.testing.assert_array_equal(heard[3 * RATE + FADE :], new[3 * RATE + FADE :])


def test_the_playhead_stays_at_its_quarter_note_when_the_tempo_changes(desk) -> None:
    one = desk()
    one.sequencer.apply(clip(SONG))
    one.sequencer.apply(Loop(True, 4.0, 8.0))
    one.sequencer.play(at_s=1.5)
    one.play_s(0.25)
    one.sequencer.apply(TempoMapSet(1, (TempoPoint(0, 60, 4, 4),)))
    one.play_s(0.25)
    assert one.song_sample == round((3.5 + 0.25) * RATE)
    assert one.audio.telemetry().transport.loop == (4 * RATE, 8 * RATE)


def test_what_is_heard_soonest_is_rendered_first(desk) -> None:
    one = desk()
    one.sequencer.apply(clip([(1 + 8 * n, 1, 60, "la") for n in range(6)]))  # at 0.5, 4.5, 8.5, 12.5, 16.5, 20.5 s
    one.sequencer.locate(10.0)
    one.sequencer.settle()
    order = [round(job.performance.start_s) for job in one.renderer.rendered]
    assert order == [12, 16, 20, 0, 4, 8]

    two = desk()
    two.sequencer.apply(clip([(1 + 8 * n, 1, 60, "la") for n in range(6)]))
    two.sequencer.loop((4.0, 14.0))
    two.sequencer.locate(7.0)
    two.sequencer.settle()
    order = [round(job.performance.start_s) for job in two.renderer.rendered]
    assert order == [8, 12, 4, 0, 16, 20]


def test_the_phrase_under_the_playhead_comes_before_all_others_after_a_locate(desk) -> None:
    one = desk(tracks=2)
    for track in (0, 1):
        one.sequencer.apply(clip([(1 + 8 * n, 1, 60 + track, "la") for n in range(6)], track=track))
    for _ in range(4):
        one.sequencer.step()
    one.sequencer.locate(16.6)
    one.sequencer.settle()
    order = [round(job.performance.start_s) for job in one.renderer.rendered]
    assert order[2:4] == [16, 16] or order[1:3] == [16, 16]
    assert one.sequencer.is_ready(1000.0)


def test_a_phrase_that_comes_twice_is_sung_once(desk) -> None:
    one = desk(tracks=2)
    for track in (0, 1):
        one.sequencer.apply(clip(SONG, track=track))
    one.sequencer.settle()
    assert len(one.renderer.rendered) == 3 and states(one, 1) == ["ready"] * 3


def test_the_host_starts_stops_and_jumps(desk) -> None:
    one = desk()
    one.sequencer.apply(clip(SONG))
    one.sequencer.settle()

    def host(state: int, ppq: float, age_s: float = 0.0) -> None:
        assert one.sequencer.apply(Transport(state, 0, ppq, 120.0, 0.0), age_s=age_s)

    host(0, 4.0)
    one.play_s(0.1)
    assert one.song_sample == 2 * RATE and not one.sequencer.status().is_playing
    host(1, 4.0, age_s=0.01)  # what is late is caught up with
    for _ in range(10):
        one.play_s(0.1)
        host(1, 4.0 + 2 * (0.01 + 0.1 * (_ + 1)))
    assert one.song_sample == round(3.01 * RATE), "a steady host causes no jump"
    host(1, 4.0 + 2 * 1.02)  # jitter
    one.play_s(0.1)
    assert one.song_sample == round(3.11 * RATE)
    host(1, 20.0)
    one.play_s(0.1)
    assert one.song_sample == round(10.1 * RATE)
    for _ in range(3):  # a drift of 30 ms
        host(1, 2 * (one.song_sample / RATE + 0.03))
        one.play_s(0.1)
    assert one.song_sample == round((10.4 + 0.03) * RATE)
    host(0, 2.0)
    one.play_s(0.1)
    assert one.song_sample == RATE and not one.sequencer.status().is_playing
    heard = one.heard()[:, 0]
    song = laid(one.renderer.planned[0].phrases, 0, 12 * RATE, RATE)
    start = round(0.1 * RATE)
    np.testing.assert_array_equal(heard[start + FADE : start + RATE], song[round(2.01 * RATE) + FADE : round(3.01 * RATE)])


def test_a_pre_roll_ends_on_its_sample(desk) -> None:
    one = desk()
    one.sequencer.apply(clip(SONG))
    one.sequencer.settle()
    for ppq in (-2.0, -1.0, -0.1, -0.06):
        one.sequencer.apply(Transport(1, 0, ppq, 120.0, 0.0))
        one.play_s(0.02)
    one.play_s(1.0)
    assert one.song_sample == round(0.99 * RATE)
    heard = one.heard()[:, 0]
    song = laid(one.renderer.planned[0].phrases, 0, RATE, RATE)
    at = len(heard) - round(0.99 * RATE)
    np.testing.assert_array_equal(heard[at:], song[: len(heard) - at])


def test_a_stop_during_the_pre_roll_counts(desk) -> None:
    one = desk()
    one.sequencer.apply(Transport(1, 0, -0.1, 120.0, 0.0))
    one.play_s(0.02)
    one.sequencer.apply(Transport(0, 0, -0.06, 120.0, 0.0))
    one.play_s(0.5)
    assert one.song_sample == 0 and not one.sequencer.status().is_playing


def test_after_a_panic_the_host_has_to_stop_before_it_is_followed_again(desk) -> None:
    one = desk()
    one.sequencer.apply(clip(SONG))
    one.sequencer.apply(Transport(1, 0, 0.0, 120.0, 0.0))
    one.play_s(0.1)
    one.audio.panic()
    assert one.sequencer.apply(Panic())
    one.play_s(0.1)
    one.sequencer.apply(Transport(1, 0, 1.0, 120.0, 0.0))
    one.play_s(0.1)
    assert not one.sequencer.status().is_playing
    for state in (0, 1):
        one.sequencer.apply(Transport(state, 0, 1.0, 120.0, 0.0))
        one.play_s(0.1)
    assert one.sequencer.status().is_playing


def test_midi_clock_leads_and_its_tempo_is_taken_over(desk) -> None:
    told: list[str] = []
    one = desk(on_notice=told.append)
    one.sequencer.apply(clip(SONG))
    one.sequencer.settle()
    clock, now_s, period_s = ClockFollower(), 0.0, 60 / 100 / 24  # 100 bpm, the song is at 120
    one.sequencer.listen_to(lambda: (clock.state_at(now_s), 0.0))
    clock.feed(mido.Message("songpos", pos=8), now_s)  # 2 quarter notes
    clock.feed(mido.Message("continue"), now_s)
    for _ in range(100):
        clock.feed(mido.Message("clock"), now_s)
        one.sequencer.step()
        one.play_s(period_s)
        now_s += period_s
    one.sequencer.settle()
    assert len(told) == 1 and "100.0 bpm" in told[0]
    status = one.sequencer.status()
    assert status.position_ppq == pytest.approx(2 + 100 / 24, abs=0.05)
    phrases = one.renderer.planned[0].phrases
    assert [phrase.start_s + phrase.lyrics[0].time_s for phrase in phrases] == pytest.approx([0.6, 3.0, 5.4], abs=0.002)
    clock.feed(mido.Message("stop"), now_s)
    one.sequencer.step()
    one.play_s(0.1)
    assert not one.sequencer.status().is_playing


@pytest.mark.parametrize("jitter_s", [0.001, 0.002, 0.004])
@pytest.mark.parametrize("seed", range(3))
def test_a_start_by_jittery_clocks_is_set_right_in_the_first_rest(desk, jitter_s: float, seed: int) -> None:
    one = desk()
    one.sequencer.apply(clip([(0, 1, 60, "la"), (4, 1, 62, "la")]))  # one phrase, a rest from 0.6 to 1.9 s, and another
    one.sequencer.settle()
    clock, rng = ClockFollower(), np.random.default_rng(seed)
    now_s, period_s = 0.0, 60 / 120 / 24
    one.sequencer.listen_to(lambda: (state := clock.state_at(now_s), now_s - state.time_s))
    clock.feed(mido.Message("start"), now_s)
    due_s = period_s + period_s * np.arange(200)
    heard_s = np.maximum.accumulate(due_s + rng.uniform(-jitter_s, jitter_s, len(due_s)))
    places: list[tuple[float, float]] = []  # where the sender and we stand
    for _ in range(180):
        now_s += 0.01
        while len(heard_s) and heard_s[0] <= now_s:
            clock.feed(mido.Message("clock"), float(heard_s[0]))
            heard_s = heard_s[1:]
        one.sequencer.step()
        one.play_s(0.01)
        if one.sequencer.status().is_playing:
            places.append((now_s + 0.01 - period_s, one.song_sample / RATE))
    errors_s = np.array([we - sender for sender, we in places])
    assert np.abs(errors_s[:40]).max() <= 2 * jitter_s + 0.001, "the start itself is as exact as its clocks"
    moves = np.flatnonzero(np.abs(np.diff(errors_s)) > 1e-4)
    assert all(0.62 < places[at + 1][1] < 1.88 for at in moves), "only where nothing sounds"
    assert abs(errors_s[-1]) <= 0.002 + 0.0005


def test_midi_time_code_leads(desk) -> None:
    one = desk()
    one.sequencer.apply(clip(SONG))
    tape, now_s = TimecodeFollower(), 0.0
    one.sequencer.listen_to(lambda: (tape.state_at(now_s), 0.0))
    for quarter in range(80):  # 25 frames per second, from 00:00:03:00
        frame = 75 + quarter // 8 * 2
        values = [frame % 25 & 15, frame % 25 >> 4, frame // 25 & 15, frame // 25 >> 4, 0, 0, 0, 2]
        tape.feed(mido.Message("quarter_frame", frame_type=quarter % 8, frame_value=values[quarter % 8]), now_s)
        one.sequencer.step()
        one.play_s(0.01)
        now_s += 0.01
    assert one.song_sample / RATE == pytest.approx(3.8, abs=0.02)


def test_a_sender_without_a_place_is_not_followed(desk) -> None:
    one = desk()
    one.sequencer.follow(TransportState(0.0, True))
    one.play_s(0.1)
    assert not one.sequencer.status().is_playing


def test_words_and_settings_of_a_track_count_for_its_clips(desk) -> None:
    one = desk()
    one.sequencer.apply(clip([(ppq, length, pitch, "") for ppq, length, pitch, _ in SONG]))
    one.sequencer.apply(events.LyricsSet(0, "stay with", "en"))
    one.sequencer.apply(events.LyricsAppend(0, "me", ""))
    one.sequencer.apply(events.LyricsFiller(0, "hum"))
    one.sequencer.apply(events.TrackParam(0, "transpose_semitones", 12.0))
    one.sequencer.apply(events.TrackParam(0, "vibrato_depth_cents", 0.0))
    one.sequencer.apply(events.TrackMode(0, "rap"))
    one.sequencer.settle()
    planned = len(one.renderer.jobs)
    assert one.sequencer.apply(events.TrackParam(0, "gain_db", -3.0)) and one.sequencer.apply(events.TrackName(0, "Lead"))
    one.sequencer.settle()
    assert len(one.renderer.jobs) == planned, "the mixer's level and a name change nothing that is sung"
    assert one.sequencer.status().tracks[0].name == one.sequencer.timeline.track(0).name == "Lead"
    assert not one.sequencer.apply(events.NoteOff(0, 1, 0.0)), "live play's"
    one.sequencer.settle()
    assert [phrase.text for phrase in one.sequencer.status().tracks[0].phrases][:2] == ["stay with", "me mm"]
    singing = next(job for job in reversed(one.renderer.jobs) if isinstance(job, PlanJob)).singing
    assert (singing.semitones, singing.settings.mode, singing.settings.vibrato_depth_cents) == (12.0, "rap", 0.0)
    with pytest.raises(SettingsError, match="vibrato_depth_cents is 900"):
        one.sequencer.apply(events.TrackParam(0, "vibrato_depth_cents", 900.0))
    with pytest.raises(SettingsError, match="track 1"):
        one.sequencer.apply(clip(SONG, track=1))


def test_a_clip_that_is_removed_and_a_track_that_is_cleared_are_silent(desk) -> None:
    one = desk(tracks=2)
    for track in (0, 1):
        one.sequencer.apply(events.TrackSeed(track, 5))
        one.sequencer.apply(events.TrackName(track, "Lead"))
        one.sequencer.apply(clip(SONG, track=track))
    one.sequencer.settle()
    assert all(track.phrases for track in one.sequencer.status().tracks)
    assert next(job for job in reversed(one.renderer.jobs) if isinstance(job, PlanJob)).singing.settings.seed == 5
    one.sequencer.apply(events.Render(events.ALL, events.ALL, 48_000), events.Sender("127.0.0.1", 9))
    one.sequencer.apply(events.ClipRemove(0, next(iter(one.sequencer.timeline.track(0).clips)), 9))
    one.sequencer.apply(events.ClipRemove(0, 99, 9))
    one.sequencer.settle()
    assert [bool(track.phrases) for track in one.sequencer.status().tracks] == [False, True]
    one.sequencer.apply(events.TrackClear(events.ALL))
    one.sequencer.settle()
    assert [track.phrases for track in one.sequencer.status().tracks] == [(), ()]
    left = one.sequencer.timeline.track(1)
    assert (left.name, left.clips, left.singing.settings.seed) == ("track 2", {}, 5)
    with pytest.raises(SettingsError, match="track 2"):
        one.sequencer.apply(events.TrackClear(2))


def test_another_voice_sings_everything_anew_and_the_old_one_until_then(desk) -> None:
    one = desk()
    one.sequencer.apply(clip(SONG))
    one.sequencer.settle()
    one.sequencer.apply(events.TrackVoice(0, "somebody", ""))
    one.sequencer.step()
    one.sequencer.step()
    assert states(one) == ["edited"] * 3
    one.sequencer.settle()
    assert [job.voice for job in one.renderer.rendered] == [STARTER_NAME] * 3 + ["somebody"] * 3


def test_progress_and_end_go_to_the_sender_and_to_subscribers(desk) -> None:
    told: list[tuple[Sender | None, replies.Reply]] = []
    one = desk(on_reply=lambda sender, reply: told.append((sender, reply)))
    me = Sender("127.0.0.1", 9)
    one.sequencer.apply(clip(SONG, revision=5, start=2.0, length=16.0))
    one.sequencer.apply(events.Render(events.ALL, events.ALL, 96_000), me)
    one.sequencer.settle()
    mine = [reply for sender, reply in told if sender == me]
    theirs = [reply for sender, reply in told if sender is None]
    assert [reply.fraction for reply in mine[:-1]] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert isinstance(mine[-1], replies.Done)
    assert (mine[-1].revision, mine[-1].start_sample, mine[-1].samples, mine[-1].sample_rate) == (5, 96_000, 8 * 96_000, 96_000)
    assert theirs[-1].start_sample == 48_000 and theirs[-1].hash != mine[-1].hash
    told.clear()
    one.sequencer.apply(clip(SONG, revision=6, start=2.0, length=16.0))
    one.sequencer.settle()
    assert told[-1][1].hash == theirs[-1].hash, "the same notes sound the same"


def test_a_clip_that_is_asked_for_does_not_wait_for_its_turn(desk) -> None:
    one = desk()
    one.sequencer.apply(clip([(1, 1, 60, "la"), (41, 1, 60, "da")]))
    one.sequencer.apply(clip([(1, 1, 62, "do")], number=2, start=80.0, length=4.0))
    one.sequencer.apply(events.Render(0, 2, RATE), Sender("127.0.0.1", 9))
    one.sequencer.settle()
    assert [round(job.performance.start_s) for job in one.renderer.rendered] == [0, 40, 20], (
        "what is imminent comes first even so"
    )


def test_unsingable_tracks_are_reported_and_silent(desk) -> None:
    told: list[str] = []
    one = desk(on_notice=told.append)
    one.sequencer.apply(clip(SONG))
    one.sequencer.settle()
    one.sequencer.apply(events.TrackParam(0, "transpose_semitones", 48.0))
    one.sequencer.apply(clip([(1, 1, 100, "high")], revision=2))
    one.sequencer.settle()
    (track,) = one.sequencer.status().tracks
    assert "48" in track.trouble and "cannot be sung" in told[0]
    one.sequencer.apply(events.TrackParam(0, "transpose_semitones", 0.0))
    one.sequencer.settle()
    assert not one.sequencer.status().tracks[0].trouble


def test_a_phrase_that_fails_is_silent_and_not_tried_again(desk) -> None:
    class Hoarse(Here):
        def result(self, wait_s: float):
            job = self._job
            if isinstance(job, RenderJob) and job.performance.start_s > 2 and len(self.rendered) < 6:
                self._job = None
                return Failed(job, "it is too high")
            return super().result(wait_s)

    told: list[str] = []
    one = desk(renderer=Hoarse(), on_notice=told.append)
    one.sequencer.apply(clip(SONG[:4]))
    one.sequencer.settle()
    assert states(one) == ["ready", "failed"] and "too high" in told[0]
    one.sequencer.apply(clip([*SONG[:4], (20, 1, 60, "more")], revision=2))
    one.sequencer.settle()
    assert states(one)[:2] == ["ready", "failed"]


def test_loading_replaces_all_and_too_many_tracks_are_refused(desk) -> None:
    one = desk(tracks=2)
    one.sequencer.apply(clip(SONG, track=1))
    one.sequencer.settle()
    score = Score("s", 480, (Track("a", (Note(480, 480, 60.0, lyric="new"),)),), TempoMap(480))
    one.sequencer.load(score, TrackSettings())
    one.sequencer.settle()
    assert [len(track.phrases) for track in one.sequencer.status().tracks] == [1, 0]
    one.sequencer.play(at_s=0.0)
    one.play_s(3.0)
    with pytest.raises(SettingsError, match="3 tracks"):
        one.sequencer.load(Score("s", 480, score.tracks * 3, TempoMap(480)))
    heard = one.heard()
    assert heard[:, 0].any() and not heard[:, 1].any()


def test_odd_rates_and_empty_loops_are_refused(desk, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="22050"), Desk(tmp_path / "x.wav", rate=22_050, renderer=Here()):
        pass
    with pytest.raises(SettingsError, match="loop"):
        desk().sequencer.loop((2.0, 2.0))


@pytest.mark.slow
def test_the_render_process_sings_what_this_one_would_and_survives_its_own_death(tmp_path: Path, desk) -> None:
    told: list[str] = []
    shelf = VoiceLibrary(cache=tmp_path / "phrases")
    worker = RenderWorker(shelf, told.append)
    one = desk(renderer=worker)
    one.sequencer.apply(clip(SONG[:2]))
    while not one.sequencer.is_planned:
        one.sequencer.step(0.01)
    assert worker.process_id is not None
    os.kill(worker.process_id, signal.SIGKILL)
    one.sequencer.settle()
    assert states(one) == ["ready"] and "started again" in told[0]
    one.sequencer.play(at_s=0.0)
    one.play_s(2.0)
    planned = Here().singer.do(PlanJob(0, 1, one.sequencer._timeline.score_of(0), TrackSettings()))
    (phrase,) = planned.phrases
    sung = render_phrase(phrase, load_voice(STARTER_NAME), RATE, PhraseCache(shelf.cache))
    start = phrase.start_frame * RATE // 100
    np.testing.assert_array_equal(one.heard()[start : start + len(sung), 0], sung)


def test_it_runs_by_itself(desk) -> None:
    one = desk()
    one.sequencer.start()
    one.sequencer.apply(clip(SONG))
    while not one.sequencer.status().is_complete:
        pass
    one.sequencer.close()
    one.sequencer.close()
    assert states(one) == ["ready"] * 3


def test_spans() -> None:
    assert merged([(5, 9), (0, 3), (3, 4), (8, 12), (20, 20)]) == [(0, 4), (5, 12)]
    assert without([(0, 10), (20, 30)], [(2, 4), (8, 22), (40, 50)]) == [(0, 2), (4, 8), (22, 30)]


def test_it_is_usable_as_a_context_manager(desk) -> None:
    one = desk()
    with Sequencer(one.audio, renderer=Here()) as second:
        second.apply(clip(SONG))
        second.settle()
        assert second.status().count(TakeState.READY) == 3
