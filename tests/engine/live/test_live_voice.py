"""A performer and a stream together: exact starts, the pitch that was played, the same samples in any blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from engine.live.blocks import BlockReader
from engine.live.events import AllNotesOff, Bend, Lyrics, NoteOff, NoteOn, Panic
from engine.live.lyric_queue import split_lyrics
from engine.live.performer import LivePerformer
from engine.live.voice import LiveVoice
from engine.performance import SILENCE, PerformanceSettings, PhoneSpan
from engine.performance.types import Controls
from engine.score import read_score, write_score

RATE, HOP = 32_000, 320


class SineStream:
    """A voice that sings every phone as a sine of its pitch, and looks 20 ms ahead as networks do: coming silence softens it."""

    sample_rate = RATE
    delay_samples = 0

    def __init__(self) -> None:
        self.frame = 0
        self._phase, self._last_hz = 0.0, 0.0

    def sing(self, phones: Sequence[PhoneSpan], controls: Controls) -> np.ndarray:
        count = controls.frames
        times_s = (self.frame * HOP + np.arange(count * HOP)) / RATE
        sounds, soon = np.zeros(len(times_s)), np.zeros(len(times_s))
        for span in phones:
            if span.symbol != SILENCE:
                sounds[(times_s >= span.start_s) & (times_s < span.end_s)] = 1.0
                soon[(times_s + 0.02 >= span.start_s) & (times_s + 0.02 < span.end_s)] = 1.0
        last_hz = self._last_hz or float(controls.f0_hz[0])
        hz = np.interp(np.arange(1, count * HOP + 1), HOP * np.arange(count + 1), [last_hz, *controls.f0_hz])
        phase = self._phase + np.cumsum(hz) / RATE
        self._phase, self._last_hz = float(phase[-1]) % 1.0, float(controls.f0_hz[-1])
        self.frame += count
        return (0.2 * sounds * (0.5 + 0.5 * soon) * np.sin(2 * math.pi * phase)).astype(np.float32)


def voice_of(words: str, stream=None, **settings) -> LiveVoice:
    plain = {"vibrato_depth_cents": 0.0, "drift_cents": 0.0, **settings}
    voice = LiveVoice(LivePerformer(PerformanceSettings(**plain)), stream or SineStream())
    voice.feed(Lyrics(0.0, split_lyrics(words).lines))
    return voice


def render(voice: LiveVoice, frames: int, chunks: Sequence[int]) -> np.ndarray:
    blocks, turn = [], 0
    while frames > 0:
        count = min(frames, chunks[turn % len(chunks)])
        blocks.append(voice.render(count))
        frames, turn = frames - count, turn + 1
    return np.concatenate(blocks)


def a_song(voice: LiveVoice, seed: int = 1, notes: int = 12) -> float:
    """Feeds random notes, some overlapping, with bends; returns the seconds they take."""
    rng = np.random.default_rng(seed)
    at_s = 0.05
    for number in range(notes):
        length_s = rng.uniform(0.05, 0.5)
        voice.feed(NoteOn(at_s, number, float(rng.integers(50, 70)), rng.uniform(0.3, 1.0)))
        voice.feed(NoteOff(at_s + length_s, number))
        voice.feed(Bend(at_s + 0.5 * length_s, rng.uniform(-2, 2)))
        at_s += length_s * rng.uniform(0.7, 1.6)
    return at_s + 1.0


def hz_of(samples: np.ndarray, rate: int) -> float:
    """The strongest low frequency, by a parabola over the spectrum's logarithm."""
    spectrum = np.log(np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 17)) + 1e-9)
    top = int(np.argmax(spectrum[: int(1000 / rate * (1 << 17))]))
    a, b, c = spectrum[top - 1 : top + 2]
    return (top + 0.5 * (a - c) / (a - 2 * b + c)) * rate / (1 << 17)


@pytest.mark.parametrize("chunks", [(1,), (3, 1, 20, 2, 7)])
def test_any_blocks_give_the_same_samples(chunks):
    whole, parts = voice_of("sing it - now"), voice_of("sing it - now")
    frames = round(100 * a_song(whole))
    a_song(parts)
    one, many = whole.render(frames), render(parts, frames, chunks)
    assert one.dtype == np.float32 and len(one) == frames * HOP
    np.testing.assert_allclose(many, one, atol=1e-5)
    assert np.abs(one).max() > 0.1


def test_a_note_starts_on_the_sample_of_its_time():
    rng = np.random.default_rng(3)
    starts_s = np.cumsum(rng.uniform(0.3, 0.5, 40))
    voice = voice_of("la " * 40)
    for number, start_s in enumerate(starts_s):
        voice.feed(NoteOn(float(start_s), number, 60.0))
        voice.feed(NoteOff(float(start_s) + 0.1, number))
    samples = voice.render(round(100 * starts_s[-1]) + 50)
    silent_before = np.flatnonzero((samples[1:] != 0) & (samples[:-1] == 0)) + 1
    found = [int(silent_before[np.searchsorted(silent_before, start_s * RATE - 2)]) for start_s in starts_s]
    assert np.max(np.abs(np.array(found) - starts_s * RATE)) <= 2


def test_the_pitch_is_the_one_that_was_played_and_bent():
    voice = voice_of("la")
    voice.feed(NoteOn(0.1, 1, 57.0))
    voice.feed(Bend(1.0, 1.37))
    samples = voice.render(200)
    for first_s, pitch in ((0.4, 57.0), (1.1, 58.37)):
        found = hz_of(samples[round(first_s * RATE) : round((first_s + 0.5) * RATE)], RATE)
        assert abs(1200 * math.log2(found / (440 * 2 ** ((pitch - 69) / 12)))) < 1


@pytest.mark.slow
def test_ten_minutes_of_random_play_end_in_silence():
    voice = voice_of("sing it - now AP 'all beautiful")
    rng = np.random.default_rng(11)
    now_s, number = 0.0, 0
    while now_s < 600.0:
        for _ in range(int(rng.integers(0, 4))):
            number += 1
            voice.feed(NoteOn(now_s + rng.uniform(0, 0.5), number % 9, float(rng.uniform(40, 80)), rng.uniform(0, 1)))
            voice.feed(NoteOff(now_s + rng.uniform(0, 1.5), number % 9))
        samples = voice.render(50)
        assert np.all(np.isfinite(samples))
        now_s += 0.5
    voice.feed(AllNotesOff(now_s + 2.0))
    voice.render(250)
    assert not voice.is_sounding
    assert np.all(voice.render(50) == 0)


def test_panic_is_silence_at_once():
    voice = voice_of("la")
    voice.feed(NoteOn(0.1, 1, 60.0))
    voice.feed(Panic(0.5))
    samples = voice.render(100)
    assert np.any(samples[: round(0.5 * RATE)]) and not np.any(samples[round(0.5 * RATE) + 1 :])


def test_latency_is_reported():
    stream = SineStream()
    stream.delay_samples = 160
    latency = voice_of("la", stream).latency
    assert (latency.frame_s, latency.stream_s) == (0.01, 0.005)
    assert latency.longest_onset_s == 0.08


def test_performer_and_stream_must_have_the_same_frame():
    performer = LivePerformer(PerformanceSettings())
    performer.advance(1)
    with pytest.raises(ValueError, match="frame 1"):
        LiveVoice(performer, SineStream())


def test_a_take_survives_writing_and_reading(tmp_path):
    voice = voice_of("sing it now")
    frames = round(100 * a_song(voice, notes=3))
    voice.render(frames)
    write_score(voice.take(name="take"), tmp_path / "take.mid")
    track = read_score(tmp_path / "take.mid").tracks[0]
    assert [note.lyric for note in track.notes if note.lyric != "-"] == ["sing", "it", "now"]


def test_the_starter_voice_sings_live(starter):
    whole, parts = (voice_of("sing it - now", starter.stream()) for _ in range(2))
    frames = round(100 * a_song(whole, notes=5))
    a_song(parts, notes=5)
    one, many = whole.render(frames), render(parts, frames, (1, 2, 5))
    assert np.max(np.abs(one - many)) <= 1e-4
    assert np.all(np.isfinite(one)) and 0.05 < np.abs(one).max() < 2.0
    assert not np.any(one[-round(0.2 * whole.sample_rate) :])


@pytest.fixture(scope="module")
def sung(starter):
    """A song of the starter voice with bends, in one call: its frames and its samples."""
    voice = voice_of("sing it - now", starter.stream())
    frames = round(100 * a_song(voice, notes=5))
    return frames, voice.render(frames)


@pytest.mark.parametrize("block", [32, 64, 128, 256, 441, 512, 1024, 2048])
def test_the_starter_voice_in_blocks_is_the_offline_sound(starter, sung, block):
    frames, whole = sung
    voice = voice_of("sing it - now", starter.stream())
    a_song(voice, notes=5)
    reader, blocks, left = BlockReader(voice.render, HOP), [], frames * HOP
    while left > 0:
        blocks.append(reader.read(min(block, left)))
        left -= block
    assert np.max(np.abs(np.concatenate(blocks) - whole)) <= 1e-4
    assert 0.05 < np.abs(whole).max() < 2.0


def test_the_starter_voice_sings_the_pitch_that_is_played(starter):
    voice = voice_of("la", starter.stream())
    voice.feed(NoteOn(0.1, 1, 57.0))
    voice.feed(Bend(1.0, 1.37))
    samples, rate = voice.render(200), voice.sample_rate
    for first_s, pitch in ((0.4, 57.0), (1.1, 58.37)):
        part = samples[round(first_s * rate) : round((first_s + 0.5) * rate)].astype(np.float64)
        wanted = 440 * 2 ** ((pitch - 69) / 12)
        period = _period(part, rate / wanted)
        assert abs(1200 * math.log2(rate / period / wanted)) < 10


def _period(samples: np.ndarray, about: float) -> float:
    """Samples per period near `about`, from the autocorrelation ten periods away."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 17)) ** 2
    correlation = np.fft.irfft(spectrum)
    lags = np.arange(int(10 * about * 0.96), int(10 * about * 1.04))
    top = lags[np.argmax(correlation[lags])]
    a, b, c = correlation[top - 1 : top + 2]
    return (top + 0.5 * (a - c) / (a - 2 * b + c)) / 10


def test_words_arrive_at_their_time():
    voice = voice_of("sing it now")
    assert voice.lyric_position.upcoming == ()
    voice.render(1)
    assert voice.lyric_position.upcoming == ("sing", "it", "now")


def test_events_in_skipped_silence_act(starter):
    voice = LiveVoice(LivePerformer(PerformanceSettings()), starter.stream())
    voice.feed(Lyrics(0.2, split_lyrics("sing").lines))
    assert voice.skip(1000) == 1000 and voice.frame == 1000
    assert voice.lyric_position.next_text == "sing"
    voice.feed(NoteOn(10.0, 1, 60.0))
    sung = voice.render(30)
    assert np.abs(sung).max() > 0.05
    assert voice.skip(10) == 0  # it sounds


def test_skipping_silence_resets_the_stream(starter):
    voice = LiveVoice(LivePerformer(PerformanceSettings()), starter.stream())
    voice.feed(Lyrics(0.0, split_lyrics("a a").lines))
    voice.feed(NoteOn(0.0, 1, 60.0))
    voice.render(30)
    voice.feed(Panic(0.3))
    voice.render(1)
    voice.skip(5)
    voice.feed(NoteOn(0.36, 2, 60.0))
    assert np.abs(voice.render(1)[:32]).max() < 0.01


@pytest.mark.parametrize("chunk", [1, 7], ids=["frame by frame", "seven frames at once"])
@pytest.mark.parametrize(
    ("words", "keys_s"),
    [
        ("AP one", ((0.1, 0.4), (0.7, 1.0))),
        ("br one", ((0.1, 0.4), (0.7, 1.0))),
        ("AP one", ((0.1, 0.8), (0.7, 1.0))),  # legato out of the breath
        ("one AP two", ((0.1, 0.5), (0.4, 0.8), (0.75, 1.1))),  # legato into it and out of it
        ("AP - one", ((0.1, 0.3), (0.4, 0.6), (0.7, 1.0))),  # a hold after a breath has nothing to hold
    ],
)
def test_the_starter_voice_breathes_live(starter, words, keys_s, chunk):
    """While a key is down the end of its breath is not known."""
    voice = voice_of(words, starter.stream())
    for number, (on_s, off_s) in enumerate(keys_s):
        voice.feed(NoteOn(on_s, number, 60.0, 0.8))
        voice.feed(NoteOff(off_s, number))
    sound = render(voice, 130, [chunk])
    breath = 0 if words.startswith(("AP", "br")) else 1
    from_s, until_s = keys_s[breath][0] + 0.1, min(keys_s[breath][1], keys_s[breath + 1][0]) - 0.05
    heard, sung = (
        float(np.sqrt(np.mean(sound[round(a * RATE) : round(b * RATE)] ** 2)))
        for a, b in ((from_s, until_s), (keys_s[-1][0] + 0.1, keys_s[-1][1]))
    )
    assert np.all(np.isfinite(sound))
    assert 0.0 < heard < 0.1 * sung
