"""Sequencer output equals the offline stem, sample by sample, through any transport and tempo-map changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sequencer_bench import FADE_S, Desk, Here, clip, laid, onset_error

from bridge.protocol.events import TempoMapSet, TempoPoint
from bridge.song.render_worker import VoiceLibrary
from engine import (
    Note,
    PerformanceSettings,
    PhraseCache,
    Score,
    TempoChange,
    TempoMap,
    Track,
    plan_score,
    render_track,
)

WORDS = "stay with me hold the line all my love home".split()
CHANGES = 200


def four_track_song(seed: int) -> Score:
    """Four voices, three phrases each, and a tempo that changes 200 times on the way."""
    rng = np.random.default_rng(seed)
    tracks = []
    for number in range(4):
        notes, tick = [], 150 * number
        for note in range(12):
            notes.append(Note(tick, 420, float(rng.integers(50, 64)), lyric=WORDS[(note + number) % len(WORDS)]))
            tick += 480 + (960 if note % 4 == 3 else 0)
        tracks.append(Track(f"voice {number}", tuple(notes)))
    ticks = np.sort(rng.choice(np.arange(1, 18 * 480), CHANGES, replace=False))
    tempo = [TempoChange(0, 500_000.0), *(TempoChange(int(tick), float(rng.uniform(3e5, 9e5))) for tick in ticks)]
    return Score("four voices", 480, tuple(tracks), TempoMap(480, tuple(tempo)))


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """Phrases are sung once; each rate resamples them."""
    return tmp_path_factory.mktemp("phrases")


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
@pytest.mark.slow
def test_four_tracks_with_locate_loop_and_200_tempo_changes(tmp_path: Path, cache: Path, starter, rate: int) -> None:
    song = four_track_song(seed=3)
    with Desk(tmp_path / "heard.wav", tracks=4, rate=rate, block=512, shelf=VoiceLibrary(cache=cache)) as desk:
        desk.sequencer.load(song)
        desk.sequencer.settle()
        status = desk.sequencer.status()
        assert status.is_complete and not status.missing and status.count("ready") >= 12
        end = round(status.end_s * rate)
        song_of: list[np.ndarray] = []  # song samples in the order in which they are heard

        def play(start: int, samples: int) -> None:
            desk.audio.advance(samples)
            song_of.append(np.arange(start, start + samples))

        desk.sequencer.play(at_s=0.0)
        play(0, end)
        desk.sequencer.locate(4.0)
        desk.sequencer.loop((3.0, 5.5))
        start, stop = 3 * rate, 5 * rate + rate // 2
        play(4 * rate, stop - 4 * rate)
        for _ in range(2):
            play(start, stop - start)
        desk.sequencer.loop(None)
        play(start, 2 * rate)
        desk.sequencer.locate(6.789)
        play(round(6.789 * rate), rate)
        assert desk.sequencer.status().missed_samples == 0
        heard = desk.heard()

    plan = plan_score(song, starter.card, PerformanceSettings())
    at = np.concatenate(song_of)
    steady = np.ones(len(at), bool)
    for jump in np.flatnonzero(np.diff(at) != 1) + 1:
        steady[jump : jump + round(FADE_S * rate)] = False  # cuts into and out of what sounds are faded
    for track, planned in enumerate(plan.tracks):
        phrases = planned.performed.phrases
        blocks = render_track(phrases, starter, sample_rate=rate, total_samples=end + rate, cache=PhraseCache(cache))
        stem = np.concatenate(list(blocks))
        assert np.abs(heard[steady, track] - stem[at[steady]]).max() <= 1e-4
        for phrase in phrases:
            span = slice(phrase.start_frame * rate // 100, (phrase.start_frame + phrase.frames) * rate // 100)
            assert abs(onset_error(heard[span, track], stem[span], search=40)) <= 1
        assert np.abs(stem).max() > 0.1


@pytest.mark.slow
def test_200_new_tempo_maps_while_it_plays(tmp_path: Path) -> None:
    """Each map moves everything: what comes after it is the stem of that map, from the quarter note where the song was."""
    rng = np.random.default_rng(11)
    rate, chunk = 48_000, 1_800
    renderer = Here()
    with Desk(tmp_path / "heard.wav", tracks=4, rate=rate, block=256, renderer=renderer) as desk:
        for track in range(4):
            notes = [(1 + 2 * n + 0.25 * track, 1.2, 50 + (5 * n + track) % 12, WORDS[n]) for n in range(10)]
            desk.sequencer.apply(clip(notes, track=track))
        desk.sequencer.settle()
        desk.sequencer.play(at_s=0.0)
        expected = []
        for revision in range(1, CHANGES + 1):
            before_ppq = desk.sequencer.status().position_ppq
            places = [0.0, *np.sort(rng.uniform(0.1, 20, 5)).tolist()]
            changes = [TempoPoint(place, float(rng.uniform(60, 200)), 4, 4) for place in places]
            desk.sequencer.apply(TempoMapSet(revision, tuple(changes)))
            while not desk.sequencer.is_ready(chunk / rate):
                desk.sequencer.step()
            tempo_map = TempoMap(480, tuple(TempoChange(round(c.ppq * 480), 60e6 / c.bpm) for c in changes))
            here = round(tempo_map.seconds_at(before_ppq * 480) * rate)
            desk.audio.advance(chunk)
            now = desk.song_sample
            assert abs(now - chunk - here) <= rate // 1000, "the maps differ by the rounding of ticks only"
            for track in range(4):
                for phrase in renderer.planned[track].phrases:
                    sung_s = phrase.start_s + phrase.lyrics[0].time_s
                    onsets_s = [tempo_map.seconds_at((1 + 2 * n + 0.25 * track) * 480) for n in range(10)]
                    assert min(abs(sung_s - onset_s) for onset_s in onsets_s) < 2e-3
            stems = [laid(renderer.planned[track].phrases, now - chunk, now, rate) for track in range(4)]
            expected.append(np.stack(stems, axis=1))
        assert desk.sequencer.status().tempo_revision == CHANGES
        heard = desk.heard()
    assert len(heard) == CHANGES * chunk
    fade = round(FADE_S * rate)
    sounding = 0
    for revision, stem in enumerate(expected):
        part = heard[revision * chunk : (revision + 1) * chunk]
        assert np.abs(part[fade:] - stem[fade:]).max() <= 1e-4, revision
        sounding += bool(np.abs(stem[fade:]).max() > 0.05)
    assert sounding > CHANGES // 3
