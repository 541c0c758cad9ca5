"""Reference clips of GPT-SoVITS voices: read, checked, mixed to one channel.

An unusable clip is rejected with the reason; audible defects that would be in every line of the voice are named with their remedy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import VoiceError

from .media import read_media

REFERENCE_S = (3.0, 10.0)  # what the networks were trained to hear
_READ_S = 120.0  # enough to say how long a clip is that is too long
_SILENT_PEAK = 1e-3

_FRAME_S, _HOP_S = 0.04, 0.01
_QUIET_DB = -42.0  # the loudest twentieth of a clip is below
_CLIPPED_SHARE, _CLIPPED_FROM = 6e-4, 0.985  # of the samples, of the largest one
_ACTIVE_DB = 30.0  # below the loud places
_LEAST_ACTIVE = 0.4
_PITCH_HZ = (60.0, 600.0)
_VOICED, _LEAST_VOICED = 0.55, 0.10  # periodicity of a frame, share of voiced frames
_STEADY_DB = 1.5  # a level that hardly moves is no speech
_NOISY_DB = 14.0  # between loud and soft places
_ANTIPHASE, _ONE_SIDED_DB = -0.6, 30.0

Samples = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ReferenceClip:
    """Mono samples, their rate, and sentences about defects."""

    samples: Samples
    rate: int
    notices: tuple[str, ...] = ()


def read_reference_clip(path: Path) -> ReferenceClip:
    """Read the clip from any sound or video file. Raises VoiceError if it is unreadable, too short, too long, silent or not finite."""
    channels, rate = read_media(path, most_s=_READ_S)
    seconds, (shortest, longest) = len(channels) / rate, REFERENCE_S
    if not shortest <= seconds <= longest:
        length = f"more than {_READ_S:g} s" if seconds >= _READ_S else f"{_told_apart(seconds, REFERENCE_S)} s"
        remedy = "Take a longer passage of the recording" if seconds < shortest else "Cut out a clean passage of 5 to 8 s"
        raise VoiceError(f"The reference clip {path} is {length} long; it must have {shortest:g} to {longest:g} s. {remedy}.")
    if not np.isfinite(channels).all():
        raise VoiceError(f"The reference clip {path} holds values that are not numbers. Export it again, as 16 or 24 bit WAV.")
    if np.abs(channels).max() < _SILENT_PEAK:
        raise VoiceError(f"The reference clip {path} is silent. Record or export it again.")
    samples, notices = _mono(channels)
    return ReferenceClip(samples, rate, (*notices, *_faults(samples, rate)))


def _told_apart(seconds: float, limits: tuple[float, float]) -> str:
    """Format with as many digits as distinguish a value from a limit: 2.95, not 3.0."""
    for digits in range(1, 5):
        if all((round(seconds, digits) < limit) == (seconds < limit) and round(seconds, digits) != limit for limit in limits):
            return f"{seconds:.{digits}f}"
    return (
        f"a hair {'less than' if seconds < limits[0] else 'more than'} {min(limits, key=lambda limit: abs(limit - seconds)):g}"
    )


def _mono(channels: Samples) -> tuple[Samples, tuple[str, ...]]:
    """Return the mean of the channels, or the louder of two that would cancel each other or of which one is empty."""
    if channels.shape[1] == 2:
        power = np.maximum((channels.astype(np.float64) ** 2).mean(axis=0), 1e-12)
        louder = int(np.argmax(power))
        side = ("left", "right")[louder]
        if 10 * math.log10(power[louder] / power[1 - louder]) > _ONE_SIDED_DB:
            return channels[:, louder].copy(), (f"Only the {side} channel of the reference clip has sound; that one is used.",)
        likeness = float((channels[:, 0].astype(np.float64) * channels[:, 1]).mean() / math.sqrt(power[0] * power[1]))
        if likeness < _ANTIPHASE:
            return channels[:, louder].copy(), (
                f"The channels of the reference clip are opposite in phase and would cancel each other; only the {side} one is used. "
                "Turn the phase of one channel, or export the clip as mono.",
            )
    return channels.mean(axis=1, dtype=np.float32), ()


def _faults(samples: Samples, rate: int) -> tuple[str, ...]:
    frames = _frames(samples, rate)
    levels = 10 * np.log10(np.maximum((frames.astype(np.float64) ** 2).mean(axis=1), 1e-12))
    loud, soft = float(np.percentile(levels, 95)), float(np.percentile(levels, 5))
    active = levels > loud - _ACTIVE_DB
    seconds = len(samples) / rate
    notices = []
    if loud < _QUIET_DB:
        notices.append(
            f"The reference clip is very quiet (about {loud:.0f} dBFS where it is loudest). Record it closer or with more gain: "
            "raised afterwards, its noise is raised too."
        )
    peak = float(np.abs(samples).max())
    if float((np.abs(samples) >= _CLIPPED_FROM * peak).mean()) > _CLIPPED_SHARE:
        notices.append(
            "The reference clip is clipped, and the voice will sound as rough. Record it again with less gain, or take a passage that is not."
        )
    if active.mean() < _LEAST_ACTIVE:
        notices.append(
            f"The reference clip is mostly silence: {active.mean() * seconds:.1f} of its {seconds:.1f} s hold sound. Cut the silence away and "
            f"keep at least {REFERENCE_S[0]:g} s of speech."
        )
    voiced = _periodicity(frames[active], rate) > _VOICED
    if voiced.mean() < _LEAST_VOICED or float(np.std(levels[active])) < _STEADY_DB:
        notices.append(
            "No voice is heard in the reference clip, only noise or a steady sound. Give a clip in which one person speaks."
        )
    elif loud - soft < _NOISY_DB:
        notices.append(
            f"There is noise or music behind the voice of the reference clip (its softest places are only {loud - soft:.0f} dB below the "
            "loudest); the voice will have it too. Take a cleaner passage, or remove the noise first."
        )
    return tuple(notices)


def _frames(samples: Samples, rate: int) -> Samples:
    size, hop = int(_FRAME_S * rate), max(1, int(_HOP_S * rate))
    return np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]


def _periodicity(frames: Samples, rate: int) -> NDArray[np.float64]:
    """Return the largest normalised autocorrelation of each frame in the pitch range of voices."""
    step = max(1, rate // 8000)  # pitch needs no more
    size = frames.shape[1] // step * step
    low = frames[:, :size].reshape(len(frames), -1, step).mean(axis=2).astype(np.float64)
    low -= low.mean(axis=1, keepdims=True)
    count = low.shape[1]
    spectrum = np.fft.rfft(low, 2 * count, axis=1)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :count]
    unbiased = correlation / np.maximum(correlation[:, :1], 1e-12) * (count / (count - np.arange(count)))
    first, last = int(rate / step / _PITCH_HZ[1]), int(rate / step / _PITCH_HZ[0])
    return unbiased[:, first : min(last, count * 3 // 4)].max(axis=1)
