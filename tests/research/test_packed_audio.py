"""Audio that travels in few bytes comes back with noise that lies under the speech, in every band and moment."""

import numpy as np
import pytest

from research.packed_audio import FRAME, PackedAudio, pack_audio, unpack_audio

RATE = 32_000


def voice_like(seconds: float = 2.0) -> np.ndarray:
    """Harmonics of a gliding pitch with a spectrum that falls, hiss, a burst out of silence, and silence."""
    random = np.random.default_rng(3)
    times = np.arange(int(seconds * RATE)) / RATE
    cycles = np.cumsum(150 * 2 ** (0.4 * times)) / RATE
    buzz = sum(np.sin(2 * np.pi * h * cycles + h) / h**1.2 for h in range(1, 40))
    signal = 3000 * buzz + 30 * random.standard_normal(len(times))
    signal[RATE // 2 : RATE] = 0
    burst = signal[int(0.8 * RATE) : int(0.81 * RATE)]
    burst[:] = 8000 * random.standard_normal(len(burst))
    return np.clip(np.rint(signal), -32768, 32767).astype(np.int16)


def snr_db(signal: np.ndarray, noise: np.ndarray) -> float:
    return 10 * np.log10(np.sum(signal.astype(float) ** 2) / (np.sum(noise.astype(float) ** 2) + 1e-9))


def test_the_noise_lies_under_the_speech() -> None:
    samples = voice_like()
    packed = pack_audio(samples, RATE)
    restored = unpack_audio(packed)
    assert restored.shape == samples.shape and restored.dtype == np.int16
    noise = samples.astype(float) - restored
    assert packed.size_bytes < 0.35 * samples.nbytes
    assert snr_db(samples, noise) > 17.0
    low = [np.fft.rfft(part)[: len(samples) * 2000 // RATE] for part in (samples, noise)]
    assert snr_db(np.abs(low[0]), np.abs(low[1])) > 18.5


def test_silence_stays_silent_and_a_burst_stays_short() -> None:
    samples = voice_like()
    restored = unpack_audio(pack_audio(samples, RATE)).astype(float)
    assert np.abs(restored[RATE // 2 + 2 * FRAME : int(0.8 * RATE) - 2 * FRAME]).max() == 0
    assert np.abs(restored[int(0.81 * RATE) + 2 * FRAME : RATE - 2 * FRAME]).max() == 0


@pytest.mark.parametrize("length", [1, FRAME - 1, FRAME, 5 * FRAME + 7])
def test_any_length_and_the_loudest_sound_fit(length: int) -> None:
    samples = np.where(np.arange(length) % 9 < 4, 32767, -32768).astype(np.int16)
    restored = unpack_audio(pack_audio(samples, RATE)).astype(float)
    assert len(restored) == length
    assert snr_db(samples, samples - restored) > 6.0


def test_damage_is_reported() -> None:
    packed = pack_audio(voice_like(0.2), RATE)
    for broken in (
        PackedAudio(packed.coefficients[:50], packed.exponents, packed.samples),
        PackedAudio(packed.coefficients, packed.exponents, packed.samples + 9 * FRAME),
    ):
        with pytest.raises(ValueError, match="is damaged"):
            unpack_audio(broken)
