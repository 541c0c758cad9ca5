"""Variance of envelopes: recordings compared with the decoder's predictions (T. Toda & K. Tokuda, global variance, 2007).

A network trained on a distance predicts means: formants, bursts and their movement come out too flat. The gains scale each coefficient of
the predicted band envelope to the variance of the recordings, and a little beyond, where naturalness predictors and recognisers of sung
words still gain (docs/voice-model.md).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.dsp.bands import band_centres_hz, cosine_transform
from engine.errors import TrainingError
from engine.train.dataset import Clip, clip_units, frame_rms
from engine.units import FRAME_RATE_HZ
from engine.voices.starter.config import EnvelopeVariance
from engine.voices.starter.numpy_networks import DecoderNetwork
from engine.voices.units import unit_frames

_COEFFICIENTS = 41  # detail finer than these is harmonics and noise in the analysis of recordings
_GAIN_RANGE = (0.8, 2.0)
# Share of the change from 1, in the broad shape (coefficients below 9) and in the detail: in sum over both the mel cepstra 9 to 24 of what is
# sung come to the recordings' variance, and loudness stays as even over pitch as it was.
_BROAD, _BROAD_STRENGTH, _STRENGTH = 9, 1.0, 1.6
_MOST_CLIPS = 120
_FFT_SIZE = 2048
_ACTIVE = 0.05  # of the loudest frame's RMS

Frames = NDArray[np.float64]


def measure_variance(decoder: DecoderNetwork, clips: Sequence[Clip]) -> EnvelopeVariance:
    """Return gains for `decoder` from (at most 120 of) the clips it was trained on. Raises TrainingError without pyworld or clips."""
    if not clips:
        raise TrainingError("The variance of envelopes needs recordings, and there are none.")
    chosen = clips[:: -(-len(clips) // _MOST_CLIPS)]
    transform = cosine_transform(decoder.config.power_bands)
    predicted, recorded = [], []
    for clip in chosen:
        active = _active(clip)
        predicted.append((_predicted(decoder, clip) @ transform.T)[active])
        recorded.append((_recorded(clip, decoder.config.power_bands) @ transform.T)[active])
    whole = [i for i, clip in enumerate(chosen) if clip.band_hz >= clip.sample_rate / 2] or range(len(chosen))  # up to the top
    ratio = _spread([recorded[i] for i in whole]) / np.maximum(_spread([predicted[i] for i in whole]), 1e-6)
    gain = np.clip(ratio, *_GAIN_RANGE)
    gain[0] = 1.0  # the level is the loudness model's
    gain[_COEFFICIENTS:] = 1.0
    drawn = 1.0 + np.where(np.arange(len(gain)) < _BROAD, _BROAD_STRENGTH, _STRENGTH) * (gain - 1.0)
    everything = np.concatenate(predicted).mean(axis=0)
    means = []
    for speaker in range(decoder.config.speakers):
        own = [frames for frames, clip in zip(predicted, chosen, strict=True) if clip.speaker == speaker]
        means.append(tuple(np.round(np.concatenate(own).mean(axis=0) if own else everything, 3).tolist()))
    return EnvelopeVariance(tuple(np.round(drawn, 3).tolist()), tuple(means))


def _active(clip: Clip) -> NDArray[np.bool_]:
    rms = frame_rms(_samples(clip).astype(np.float32), clip.sample_rate // FRAME_RATE_HZ)[: clip.frames]
    return rms > _ACTIVE * rms.max()


def _samples(clip: Clip) -> Frames:
    return clip.samples / 32767.0


def _predicted(decoder: DecoderNetwork, clip: Clip) -> Frames:
    """Return natural-log band amplitudes [T, bands] by the clip's own units, voicing and effort, without tokens."""
    ahead = decoder.config.look_ahead
    laid = unit_frames(clip_units(clip), clip.frames + ahead, FRAME_RATE_HZ)
    codes = np.full(clip.frames + ahead, decoder.config.codes)
    state = decoder.start()
    features = decoder.features(decoder.contexts(laid.units), laid.unit_of_frame, laid.position, codes)
    decoder.voicing(state, features)
    mix = np.zeros((clip.frames, decoder.config.speakers), np.float32)
    mix[:, clip.speaker] = 1.0
    envelope = decoder.envelope(state, features, clip.voiced.astype(np.float32), clip.effort, mix)
    return envelope.log_amplitude.astype(np.float64)


def _recorded(clip: Clip, bands: int) -> Frames:
    """Return natural-log band amplitudes [T, bands] of the recording (CheapTrick, M. Morise 2015)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its import warns about its use of pkg_resources
            import pyworld
    except ImportError as error:
        raise TrainingError("The variance of envelopes needs pyworld: pip install 'vocalese[train]'.") from error
    times_s = (np.arange(clip.frames) + 0.5) / FRAME_RATE_HZ
    f0_hz = np.where(clip.voiced, clip.f0_hz, 0.0).astype(np.float64)
    power = pyworld.cheaptrick(_samples(clip), f0_hz, times_s, clip.sample_rate, fft_size=_FFT_SIZE)
    bins_hz = np.arange(power.shape[1]) * clip.sample_rate / _FFT_SIZE
    centres = band_centres_hz(clip.sample_rate, bands)
    log_amplitude = 0.5 * np.log(np.maximum(power, 1e-12))
    return np.stack([np.interp(centres, bins_hz, row) for row in log_amplitude])


def _spread(clips: Sequence[Frames]) -> Frames:
    """Return the standard deviation of every coefficient about each clip's own mean."""
    return np.sqrt(np.mean(np.concatenate([(frames - frames.mean(axis=0)) ** 2 for frames in clips]), axis=0))
