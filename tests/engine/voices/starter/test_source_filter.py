"""Source and filter for training: exact pitch, causal filters."""

import numpy as np
import pytest
import torch

from engine.dsp.bands import band_centres_hz, band_interpolation
from engine.voices.source_filter import FFT_SIZE, frames_to_samples, minimum_phase, pulse_train, shape

RATE, HOP = 32_000, 320
BINS = FFT_SIZE // 2 + 1


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(1)


def steady(f0_hz, seconds=1.0):
    return pulse_train(torch.full((round(seconds * RATE),), f0_hz, dtype=torch.float64), RATE)


@pytest.mark.parametrize("f0_hz", [82.41, 110.0, 220.0, 333.3, 659.26, 1318.5])
def test_pulses_have_every_harmonic_at_its_place_and_nothing_else(f0_hz):
    count = int(0.5 * RATE / f0_hz)
    signal = steady(f0_hz).double().numpy()
    times = np.arange(1, RATE + 1) / RATE  # the phase has moved by one sample at the first
    model = np.stack([np.cos(2 * np.pi * k * f0_hz * times) for k in range(1, count + 1)])
    amplitudes = model @ signal / RATE * 2
    fraction = 0.5 * RATE / f0_hz - count
    assert np.ptp(amplitudes[:-2]) < 0.03 * amplitudes.mean()
    rest = signal - amplitudes.mean() * (model.sum(0) + fraction * np.cos(2 * np.pi * (count + 1) * f0_hz * times))
    assert np.abs(rest).max() < 0.03 * np.abs(signal).max()


@pytest.mark.parametrize("f0_hz", [82.41, 110.0, 261.63, 440.0, 1000.0])
def test_the_spectral_peak_is_at_the_pitch_within_a_hundredth_of_a_cent(f0_hz):
    signal = steady(f0_hz, 4.0).double().numpy() * np.hanning(4 * RATE)
    spectrum = np.fft.rfft(signal)
    low = int(4 * f0_hz * 0.7)
    peak = low + int(np.argmax(np.abs(spectrum[low : int(4 * f0_hz * 1.4)])))
    # The phase of the same bin in a window one second later gives the exact frequency.
    later = np.fft.rfft(steady(f0_hz, 5.0).double().numpy()[RATE:] * np.hanning(4 * RATE))
    turn = np.angle(later[peak] / spectrum[peak]) / (2 * np.pi)
    measured = round(f0_hz - turn) + turn
    assert 1200 * abs(np.log2(measured / f0_hz)) < 0.01


@pytest.mark.parametrize("f0_hz", [65.4, 110.0, 220.0, 523.25, 1046.5])
def test_pulses_have_unit_variance_at_every_pitch(f0_hz):
    signal = steady(f0_hz)
    assert signal.dtype == torch.float32
    assert signal.double().pow(2).mean().sqrt().item() == pytest.approx(1.0, abs=0.03)
    assert abs(signal.double().mean().item()) < 0.01


def test_an_hour_in_the_phase_is_as_exact_as_the_first_second():
    f0 = torch.full((RATE,), 220.0, dtype=torch.float64)
    early, late = pulse_train(f0, RATE), pulse_train(f0, RATE, start_cycles=220.0 * 3600)
    assert (early - late).abs().max() < 1e-3 * early.abs().max()


def test_a_moving_pitch_makes_no_step_when_harmonics_come_and_go():
    f0 = torch.linspace(300.0, 500.0, 2 * RATE, dtype=torch.float64)
    signal = pulse_train(f0, RATE)
    assert torch.isfinite(signal).all()
    power = signal.double().pow(2).reshape(-1, RATE // 10).mean(1)
    assert power.min() > 0.9 and power.max() < 1.1


def random_log_magnitude(*size):
    """Smooth random spectra within about ±20 dB."""
    rough = torch.randn(*size, 20, dtype=torch.float64)
    shape_ = (int(np.prod(size)), 1, 20)
    smooth = torch.nn.functional.interpolate(rough.reshape(shape_), BINS, mode="linear", align_corners=True)
    return smooth.reshape(*size, BINS)


def test_minimum_phase_keeps_the_magnitude():
    log_magnitude = random_log_magnitude(5)
    assert minimum_phase(log_magnitude).abs().log() == pytest.approx(log_magnitude.numpy(), abs=1e-6)


def test_minimum_phase_puts_the_energy_first():
    """Among all causal filters of one magnitude the minimum-phase one has, at every instant, the most energy behind it."""
    log_magnitude = random_log_magnitude(5)
    minimum = torch.fft.irfft(minimum_phase(log_magnitude), FFT_SIZE)
    linear = torch.fft.irfft(log_magnitude.exp().to(torch.complex128), FFT_SIZE).roll(FFT_SIZE // 2, -1)
    energy = minimum.pow(2).cumsum(-1)
    assert (energy >= linear.pow(2).cumsum(-1) - 1e-9).all()
    assert (energy[:, FFT_SIZE // 2] / energy[:, -1] > 0.999).all()


@pytest.mark.parametrize("frames", [3, 40])
def test_a_flat_filter_changes_nothing(frames):
    excitation = torch.randn(2, frames * HOP)
    shaped = shape(excitation, torch.zeros(2, frames, BINS), HOP)
    inside = slice(HOP, (frames - 1) * HOP)
    assert shaped[:, inside].numpy() == pytest.approx(excitation[:, inside].numpy(), abs=1e-5)


@pytest.mark.parametrize("gain_db", [-20.0, 6.0])
def test_a_filter_s_gain_is_its_magnitude(gain_db):
    excitation = torch.randn(1, 30 * HOP)
    shaped = shape(excitation, torch.full((1, 30, BINS), gain_db * float(np.log(10) / 20)), HOP)
    inside = slice(HOP, 29 * HOP)
    assert shaped[0, inside].numpy() == pytest.approx((excitation * 10 ** (gain_db / 20))[0, inside].numpy(), abs=1e-5)


def test_frames_are_centred_at_their_documented_times():
    """Only one frame lets sound through: what comes out peaks in the middle of its hop."""
    log_magnitude = torch.full((1, 21, BINS), -20.0)
    log_magnitude[:, 10] = 0.0
    envelope = shape(torch.ones(1, 21 * HOP), log_magnitude, HOP)[0]
    centre = float((envelope * torch.arange(len(envelope))).sum() / envelope.sum())
    assert centre == pytest.approx(10.5 * HOP, abs=1.0)
    assert envelope[10 * HOP + HOP // 2] == pytest.approx(1.0, abs=1e-3)


def test_frames_become_samples_by_straight_lines_between_their_centres():
    samples = frames_to_samples(torch.tensor([[0.0, 1.0, 3.0]], dtype=torch.float64), 4)[0]
    assert samples.tolist() == pytest.approx([0, 0, 0.125, 0.375, 0.625, 0.875, 1.25, 1.75, 2.25, 2.75, 3, 3])


@pytest.mark.parametrize("bands", [24, 80])
def test_bands_interpolate_straight_lines_exactly(bands):
    centres = band_centres_hz(RATE, bands)
    assert centres[0] == 0 and centres[-1] == pytest.approx(RATE / 2) and (np.diff(centres) > 0).all()
    at = band_interpolation(RATE, bands, np.linspace(0, RATE / 2, 501))
    assert at.sum(0) == pytest.approx(1.0, abs=1e-6) and at.min() >= -1e-6
    assert band_interpolation(RATE, bands, centres) == pytest.approx(np.eye(bands), abs=1e-5)
