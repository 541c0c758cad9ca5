"""Restoring of predicted envelopes and steadiness of held notes: gains, noise and edges, each on and off."""

from dataclasses import fields, replace

import numpy as np
import pytest

from engine.dsp.bands import cosine_transform
from engine.performance import SILENCE
from engine.performance.types import Performance, PhoneSpan
from engine.voices.card import read_card
from engine.voices.catalogue import STARTER_NAME, find_voice
from engine.voices.starter.config import DecoderConfig, EnvelopeVariance
from engine.voices.starter.sound import _restoring
from engine.voices.starter.voice import Articulation, StarterVoice, read_networks

RATE = 32_000
PHONES = "L AA M IY S OW N EH R UW".split()


@pytest.fixture(scope="module")
def voices():
    """The starter voice as its card has it, and without the card's variance."""
    folder = find_voice(STARTER_NAME)
    card = read_card(folder)
    networks = read_networks(folder, card, Articulation.TOKENS)
    return StarterVoice(card, networks), StarterVoice(card, replace(networks, variance=EnvelopeVariance()))


def performance(symbols, pitch=57, seconds=1.2, steadiness=1.0, **changes):
    """Phones of equal length at one pitch between rests of 0.2 s."""
    frames, each = round(100 * (seconds + 0.4)), seconds / len(symbols)
    spans = [PhoneSpan(symbol, 0.2 + i * each, 0.2 + (i + 1) * each, 0) for i, symbol in enumerate(symbols)]
    phones = (PhoneSpan(SILENCE, 0.0, 0.2), *spans, PhoneSpan(SILENCE, 0.2 + seconds, frames / 100))
    curves = {f.name: np.zeros(frames, np.float32) for f in fields(Performance) if f.type.startswith("FloatFrames")}
    curves["f0_hz"] = np.full(frames, 440 * 2 ** ((pitch - 69) / 12), np.float32)
    return Performance(0, phones, **{**curves, **changes}, steadiness=steadiness)


def cut(samples, start_s, end_s):
    return samples[round(start_s * RATE) : round(end_s * RATE)].astype(np.float64)


def band_db(samples, low_hz, high_hz):
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    at_hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    return 10 * np.log10(power[(at_hz >= low_hz) & (at_hz < high_hz)].sum() + 1e-20)


def partials_to_noise_db(samples, f0_hz, low_hz, high_hz):
    """Power around the partials of a steady pitch against that midway between them."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    at_hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    inside = (at_hz > low_hz) & (at_hz < high_hz)
    away = np.abs(at_hz / f0_hz - np.round(at_hz / f0_hz))
    return 10 * np.log10(power[inside & (away < 0.1)].mean() / power[inside & (away > 0.3)].mean())


def test_gains_are_applied_to_each_coefficient_about_the_speaker_s_mean():
    config = DecoderConfig(power_bands=12, speakers=2)
    random = np.random.default_rng(1)
    gain, means = random.uniform(0.5, 2.0, 12), random.normal(size=(2, 12))
    matrix, offsets = _restoring(EnvelopeVariance(tuple(gain), tuple(map(tuple, means))), config)
    transform = cosine_transform(12)
    assert transform @ transform.T == pytest.approx(np.eye(12), abs=1e-12)
    for mix in ([1.0, 0.0], [0.0, 1.0], [0.25, 0.75]):
        predicted = random.normal(size=(5, 12))
        restored = predicted @ matrix + np.array(mix) @ offsets
        mean = np.array(mix) @ means
        assert restored @ transform.T == pytest.approx(mean + gain * (predicted @ transform.T - mean), abs=1e-5)


def test_no_gains_change_nothing():
    matrix, offsets = _restoring(EnvelopeVariance(), DecoderConfig(power_bands=12, speakers=3))
    assert np.array_equal(matrix, np.eye(12)) and offsets.shape == (3, 12) and not offsets.any()


def test_the_starter_s_spectra_move_more_with_its_gains(voices):
    pytest.importorskip("pyworld")

    def spread(voice):
        import pyworld

        sung = performance(PHONES, seconds=2.0)
        samples = voice.synthesise(sung).astype(np.float64)
        times_s = np.arange(25, 215) / 100
        power = pyworld.cheaptrick(samples, np.full(190, 220.0), times_s, RATE, fft_size=2048)
        bands = 0.5 * np.log(power[:, : 80 * 12].reshape(190, 80, 12).mean(axis=2) + 1e-12)
        return (bands @ cosine_transform(80).T).std(axis=0)

    restored, plain = (spread(voice) for voice in voices)
    assert np.median(restored[2:12] / plain[2:12]) > 1.2


def test_the_fingerprint_of_a_voice_covers_its_variance(voices):
    assert voices[0].fingerprint != voices[1].fingerprint


def held_db(voice, pitch, steadiness, low_hz, high_hz):
    """Mean over three vowels of partials to noise in the middle of a note."""
    f0_hz = 440 * 2 ** ((pitch - 69) / 12)
    sounds = [voice.synthesise(performance([vowel], pitch, steadiness=steadiness)) for vowel in ("AA", "IY", "EH")]
    return float(np.mean([partials_to_noise_db(cut(sound, 0.6, 1.2), f0_hz, low_hz, high_hz) for sound in sounds]))


def test_held_notes_have_less_noise_among_low_partials_than_speech(voices):
    spoken, half, sung = (held_db(voices[0], 57, steadiness, 150, 1000) for steadiness in (0.0, 0.4, 1.0))
    assert spoken + 1 < half < sung - 1 and sung > spoken + 5


def test_high_notes_turn_to_noise_at_high_frequencies(voices):
    assert held_db(voices[0], 76, 1.0, 6000, 9000) < held_db(voices[0], 76, 0.0, 6000, 9000) - 0.5
    assert held_db(voices[0], 57, 1.0, 6000, 9000) == pytest.approx(held_db(voices[0], 57, 0.0, 6000, 9000), abs=0.5)


def test_passages_begin_and_end_dark(voices):
    """The first 60 ms and the last 100 ms of what is sung; speech keeps its edges."""

    def brightness_db(steadiness, start_s, end_s):
        part = cut(
            voices[0].synthesise(performance(["AA"], steadiness=steadiness, breathiness=np.full(160, -1, np.float32))),
            start_s,
            end_s,
        )
        return band_db(part, 4000, 8000) - band_db(part, 300, 1000)

    for edge in ((0.205, 0.235), (1.37, 1.395)):
        darker = [brightness_db(s, *edge) - brightness_db(s, 0.7, 1.0) for s in (0.0, 1.0)]
        assert darker[1] < darker[0] - 3


def test_edges_within_a_passage_stay_bright(voices):
    """Borders between two sounds are not darkened like the edges of a passage."""
    sounds = [voices[0].synthesise(performance(["AA", "IY"], steadiness=s)) for s in (0.0, 1.0)]
    spoken, sung = (band_db(cut(s, 0.77, 0.83), 2000, 4000) - band_db(cut(s, 0.77, 0.83), 100, 1000) for s in sounds)
    assert sung == pytest.approx(spoken, abs=2.5)


@pytest.mark.parametrize("vowel", ["AA", "IY", "UW"])
def test_sung_vowels_keep_their_level_from_key_to_key(voices, vowel):
    levels = []
    for pitch in range(48, 82, 3):
        samples = cut(voices[0].synthesise(performance([vowel], pitch, seconds=0.8)), 0.4, 0.9)
        levels.append(10 * np.log10(np.mean(samples**2)))
    assert max(levels) - min(levels) < 6
