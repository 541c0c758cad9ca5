"""Voice match: the settings of colour, formants and tension that bring a voice nearest to a few seconds of any singing or speech.

No text and no training are needed. The long-term average spectrum of voiced sound depends on the length of the vocal tract and the
brightness of the source (the basis of vocal-tract length normalisation, Lee and Rose 1996); the words average out within a few seconds.
The voice speaks a text with all vowels at the recording's pitch in several colours and is measured the same way. A search finds the shift
of the mel axis and the tilt that match the spectra, with the level free.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import soxr
from numpy.typing import NDArray

from engine.dsp.bands import band_centres_hz, mel_of, recorded_bands
from engine.errors import VoiceError
from engine.performance import PerformanceSettings
from engine.render.plan import plan_text
from engine.render.render import render_track
from engine.units import DB_PER_NEPER, hz_to_midi
from engine.voices.types import Voice

from .f0_track import F0Track, track_f0

_RATE, _HOP, _BANDS = 32_000, 320, 80
_LOWEST_HZ, _HIGHEST_HZ = 200.0, 10_000.0  # rumble lies below, rooms and microphones dominate above
_EMPTY_DB = 70.0  # below the loudest band: the recording's upper limit
_LEAST_S, _MOST_S = 1.0, 60.0
_COLOURS = np.linspace(0.0, 1.0, 11)  # between the two, their log spectra are mixed
_SHIFTS = np.arange(-8.0, 8.01, 0.25)  # semitones
_TILT_DB = 9.0  # of full tension at 8 kHz against 500 Hz, as the starter voice does it
_SPEAKING_PITCH = (40.0, 76.0)
# Our own words; every English vowel, and voiced consonants between them.
_TEXT = """
We all know a man who would rather go away by boat than be home early in the morning.
Her good idea was a new room with a window, where you may hear our old blue organ play.
"""


@dataclass(frozen=True)
class VoiceMatch:
    """Settings that bring a voice nearest to a recording, for `PerformanceSettings`.

    `pitch`: median MIDI pitch of the recording; `distance_db`: root mean square difference of the two average spectra with these
    settings, `neutral_distance_db` the same with none; `voiced_s`: seconds of voiced sound that were used.
    """

    colour: float
    formant_semitones: float
    tension: float
    pitch: float
    distance_db: float
    neutral_distance_db: float
    voiced_s: float


def measure_voice_match(samples: NDArray[np.floating], sample_rate: int, voice: Voice) -> VoiceMatch:
    """Match a voice to `samples` [N] or [C, N] of one person's voice, without accompaniment and reverberation, 2 to 60 s (only the first
    minute counts).

    Raises VoiceError if less than a second of it is voiced.
    """
    mono = np.atleast_2d(np.asarray(samples, np.float64)).mean(axis=0)[: round(_MOST_S * sample_rate)]
    wanted, f0 = _average_spectrum(mono, sample_rate)
    voiced_s = int(np.isfinite(f0.hz).sum()) * 0.005
    if wanted is None or voiced_s < _LEAST_S:
        raise VoiceError(
            f"Only {voiced_s:.1f} s of the recording are voiced; at least {_LEAST_S:g} s are needed. "
            "Give some seconds of one person speaking or singing, without music."
        )
    pitch = float(hz_to_midi(np.nanmedian(f0.hz)))
    inside = _inside(wanted, sample_rate)
    main, *second = _spoken(voice, pitch)
    others = (
        [((1.0 - colour) * main + colour * second[0], round(float(colour), 2)) for colour in _COLOURS[1:]] if second else []
    )
    tried = [_nearest(wanted, own, colour, inside) for own, colour in ((main, 0.0), *others)]
    best = min(tried, key=lambda fit: fit.distance_db)
    return replace(best, pitch=round(pitch, 1), neutral_distance_db=tried[0].neutral_distance_db, voiced_s=round(voiced_s, 1))


def _spoken(voice: Voice, pitch: float) -> list[NDArray[np.float64]]:
    """Return average spectra [bands] of the voice's colours."""
    found = []
    for colour in (0.0, 1.0) if len(voice.card.colours) > 1 else (0.0,):
        settings = PerformanceSettings(colour=colour, speaking_pitch=float(np.clip(pitch, *_SPEAKING_PITCH)))
        plan = plan_text(_TEXT.strip(), voice.card, settings)
        total = plan.total_samples(_RATE)
        blocks = render_track(plan.tracks[0].performed.phrases, voice, sample_rate=_RATE, total_samples=total)
        spectrum, _ = _average_spectrum(np.concatenate(list(blocks)).astype(np.float64), _RATE)
        assert spectrum is not None, "the voice speaks"
        found.append(spectrum)
    return found


def _average_spectrum(mono: NDArray[np.float64], sample_rate: int) -> tuple[NDArray[np.float64] | None, F0Track]:
    """Return the mean log spectrum [bands] of voiced frames, each frame at the same level; None if nothing is voiced."""
    f0 = track_f0(mono, sample_rate)
    heard = soxr.resample(mono, sample_rate, _RATE) if sample_rate != _RATE else mono
    bands = recorded_bands(heard.astype(np.float32), _RATE, _HOP, _BANDS).astype(np.float64)
    times_s = (np.arange(len(bands)) + 0.5) * _HOP / _RATE
    if not len(f0.times_s) or not np.isfinite(f0.hz).any():
        return None, f0
    nearest = np.clip(np.searchsorted(f0.times_s, times_s), 0, len(f0.times_s) - 1)
    voiced = bands[np.isfinite(f0.hz[nearest])]
    level = voiced[:, _centres_hz() > _LOWEST_HZ].max(axis=1)
    loud = level > np.median(level) - 2.0  # decaying frames are mostly reverberation
    return (voiced[loud] - level[loud, None]).mean(axis=0), f0


def _nearest(wanted: NDArray[np.float64], own: NDArray[np.float64], colour: float, inside: NDArray[np.bool_]) -> VoiceMatch:
    """Return the best shift and tilt for one colour over the bands `inside`: the tilt by least squares, the shift by search."""
    octaves = np.clip(np.log2(_centres_hz()[inside] / 500.0), 0.0, 4.0)
    tilt = octaves / 4.0 * _TILT_DB / DB_PER_NEPER
    tilt -= tilt.mean()
    fits: list[tuple[float, float, float]] = []
    for shift in _SHIFTS:
        missing = (wanted - _moved(own, shift))[inside]
        missing -= missing.mean()
        tension = float(np.clip(missing @ tilt / (tilt @ tilt), -1.0, 1.0))
        fits.append((_rms_db(missing - tension * tilt), float(shift), tension))
    distance_db, shift, tension = min(fits)
    unchanged = (wanted - own)[inside]
    neutral_db = _rms_db(unchanged - unchanged.mean())
    return VoiceMatch(colour, shift, round(tension, 2), 0.0, round(distance_db, 2), round(neutral_db, 2), 0.0)


def _moved(bands: NDArray[np.float64], semitones: float) -> NDArray[np.float64]:
    """Read at frequencies divided by the shift, as for a smaller vocal tract."""
    places = mel_of(np.minimum(_centres_hz() * 2.0 ** (-semitones / 12.0), _RATE / 2))
    return np.interp(places, mel_of(_centres_hz()), bands)


def _inside(wanted: NDArray[np.float64], sample_rate: int) -> NDArray[np.bool_]:
    """Return the bands up to the recording's upper limit."""
    centres = _centres_hz()
    empty = centres[(wanted < wanted.max() - _EMPTY_DB / DB_PER_NEPER) & (centres > 2000.0)]
    highest_hz = min(_HIGHEST_HZ, 0.42 * sample_rate, 0.9 * float(empty.min(initial=np.inf)))
    return (centres >= _LOWEST_HZ) & (centres <= highest_hz)


def _centres_hz() -> NDArray[np.float64]:
    return band_centres_hz(_RATE, _BANDS)


def _rms_db(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(values))) * DB_PER_NEPER)
