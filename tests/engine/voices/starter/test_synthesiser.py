"""Source and filter forward in time: exact pitch, no seams, and the same sound as the torch stage that training uses."""

import numpy as np
import pytest
import torch

from engine.voices import source_filter
from engine.voices.starter.synthesiser import FFT_SIZE, Synthesiser, minimum_phase, pulse_train

RATE, HOP = 32_000, 320
BINS = FFT_SIZE // 2 + 1


@pytest.fixture(scope="module")
def synthesiser():
    return Synthesiser(RATE, HOP)


def still(frames, f0_hz=220.0, *, voiced=1.0, growl=0.0, log_gain=0.0):
    """f0_hz, voiced, growl, filters of `frames` equal frames; the noise is shut off."""
    filters = np.full((frames, 2, BINS), log_gain, np.float32)
    filters[:, 1] = -30.0
    return [np.full(frames, value, np.float32) for value in (f0_hz, voiced, growl)] + [filters]


def moving(frames, seed=1):
    """Everything moves: pitch, voicing, growl, both filters."""
    rng = np.random.default_rng(seed)
    f0_hz = (200.0 + 80.0 * np.sin(np.arange(frames) / 9.0)).astype(np.float32)
    voiced = (np.sin(np.arange(frames) / 7.0) > -0.5).astype(np.float32)
    rough = rng.normal(size=(frames, 2, 20)).cumsum(axis=0) * 0.2
    places = np.linspace(0, 19, BINS)
    low = np.minimum(places.astype(int), 18)
    filters = rough[..., low] + (places - low) * (rough[..., low + 1] - rough[..., low])
    return f0_hz, voiced, rng.uniform(0, 1, frames).astype(np.float32), filters.astype(np.float32)


@pytest.mark.parametrize("block_frames", [1, 2, 13, 64])
def test_blocks_of_any_size_are_one_sound(synthesiser, block_frames):
    given = moving(70)
    whole = synthesiser.sound(synthesiser.start(3), *given)
    state, blocks = synthesiser.start(3), []
    for first in range(0, 70, block_frames):
        blocks.append(synthesiser.sound(state, *(values[first : first + block_frames] for values in given)))
    assert np.concatenate(blocks) == pytest.approx(whole, abs=2e-5 * float(np.abs(whole).max()))


@pytest.mark.parametrize("f0_hz", [82.41, 220.0, 441.7, 1046.5])
def test_pitch_is_exact(synthesiser, f0_hz):
    samples = synthesiser.sound(synthesiser.start(1), *still(420, f0_hz)).astype(np.float64)
    spectra = [np.fft.rfft(samples[first : first + 2 * RATE] * np.hanning(2 * RATE)) for first in (RATE, 2 * RATE)]
    low = int(2 * f0_hz * 0.7)
    peak = low + int(np.argmax(np.abs(spectra[0][low : int(2 * f0_hz * 1.4)])))
    turn = np.angle(spectra[1][peak] / spectra[0][peak]) / (2 * np.pi)
    measured = round(f0_hz - turn) + turn
    assert 1200 * abs(np.log2(measured / f0_hz)) < 0.01


def test_the_sound_is_that_of_the_training_stage(synthesiser):
    """Same pulses through the same filters, overlap-added in another order."""
    frames = 60
    f0_hz, voiced, growl, filters = moving(frames)
    voiced[:], growl[:] = 1.0, 0.0
    filters[:, 1] = -30.0
    found = synthesiser.sound(synthesiser.start(1), f0_hz, voiced, growl, filters)[synthesiser.delay_samples :]
    f0_samples = source_filter.frames_to_samples(torch.from_numpy(f0_hz).double()[None], HOP)[0]
    # The stream's first half hop comes before the first frame's centre and has no counterpart's pulses: start the phase there.
    starts = float((f0_hz[0] / RATE) * synthesiser.delay_samples)
    pulses = source_filter.pulse_train(f0_samples, RATE, 0.0)
    assert starts > 0 and len(pulses) == frames * HOP
    wanted = source_filter.shape(pulses[None], torch.from_numpy(filters[None, :, 0]), HOP)[0].numpy()
    inside = slice(8 * HOP, 50 * HOP)
    assert np.corrcoef(found[inside], wanted[: len(found)][inside])[0, 1] > 0.999


def test_filters_of_one_gain_only_scale(synthesiser):
    plain, louder = (synthesiser.sound(synthesiser.start(1), *still(20, log_gain=gain)) for gain in (0.0, np.log(2.0)))
    assert louder == pytest.approx(2.0 * plain, rel=1e-3, abs=1e-3)


def test_growl_brings_in_the_octave_below(synthesiser):
    clear, rough = (synthesiser.sound(synthesiser.start(1), *still(220, 220.0, growl=growl)) for growl in (0.0, 1.0))
    below = [np.abs(np.fft.rfft(s[: RATE * 2] * np.hanning(RATE * 2)))[2 * 110] for s in (clear, rough)]
    at = np.abs(np.fft.rfft(rough[: RATE * 2] * np.hanning(RATE * 2)))[2 * 220]
    assert below[1] > 30 * below[0] and 0.1 < below[1] / at < 1.0


def test_voicing_fades_in_and_out(synthesiser):
    f0_hz, voiced, growl, filters = still(40)
    voiced[20:] = 0.0
    samples = synthesiser.sound(synthesiser.start(1), f0_hz, voiced, growl, filters)
    border = 20 * HOP + synthesiser.delay_samples
    assert np.abs(samples[border + 200 :]).max() < 1e-5
    assert np.abs(samples[border - 1600 : border - 200]).max() > 1.0


def test_noise_is_the_seed_s(synthesiser):
    filters = np.zeros((30, 2, BINS), np.float32)
    f0_hz, voiced, growl, _ = still(30, voiced=0.0)
    first, again, other = (synthesiser.sound(synthesiser.start(seed), f0_hz, voiced, growl, filters) for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes() != other.tobytes()
    assert first[HOP:].std() == pytest.approx(1.0, abs=0.05) and abs(first.mean()) < 0.05


def test_minimum_phase_keeps_the_magnitude_and_comes_first():
    _, _, _, filters = moving(5)
    fold = Synthesiser(RATE, HOP)._fold
    spectra = minimum_phase(filters, fold)
    assert np.log(np.abs(spectra)) == pytest.approx(filters, abs=1e-3)
    impulse = np.fft.irfft(spectra[0, 0])
    assert (impulse[: FFT_SIZE // 2] ** 2).sum() > 0.99 * (impulse**2).sum()


def test_pulses_have_unit_variance_at_every_pitch():
    for f0_hz in (65.4, 220.0, 1046.5):
        cycles = np.cumsum(np.full(RATE, f0_hz / RATE))
        assert pulse_train(cycles, np.full(RATE, f0_hz), RATE).std() == pytest.approx(1.0, abs=0.03)
