"""Networks of the starter voice in plain NumPy, for live and offline singing.

The same weights as `decoder`, `gpt` and `acoustic` (torch, for training); tests compare the two. For networks of this size a NumPy call
costs less than a torch one, and singing needs no torch. Arrays are float32, time comes first: [T, channels].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.voices.units import POSITION_FEATURES

from .conditioning import relative_pitch, since_rest, slopes
from .config import FRAMES_PER_TOKEN, AcousticConfig, DecoderConfig, GptConfig, LoudnessConfig

Array = NDArray[np.float32]
Weights = Mapping[str, NDArray[Any]]

_VOICING_DILATION = 2
_LOUDNESS_DILATION = 4


@dataclass(frozen=True)
class EnvelopeFrames:
    """Inputs of the filters: natural-log amplitude [T, power_bands] and aperiodicity 0..1 [T, aperiodicity_bands]."""

    log_amplitude: Array
    aperiodicity: Array

    def cut(self, block: slice) -> EnvelopeFrames:
        return EnvelopeFrames(self.log_amplitude[block], self.aperiodicity[block])


class _Convolution:
    """Weights of one convolution over time, arranged for [T, taps * in] @ [taps * in, out]."""

    def __init__(self, weights: Weights, name: str, dilation: int = 1) -> None:
        kernel = _float(weights, f"{name}.weight")
        self._bias = _float(weights, f"{name}.bias")
        self._taps, self._dilation = kernel.shape[2], dilation
        self._matrix = np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(-1, kernel.shape[0]))
        self.span = (self._taps - 1) * dilation  # frames beside the current one

    def __call__(self, frames: Array) -> Array:
        """Map [T + span, in] to [T, out]."""
        if self._taps == 1:
            return frames @ self._matrix + self._bias
        count = len(frames) - self.span
        taps = [frames[tap * self._dilation : tap * self._dilation + count] for tap in range(self._taps)]
        return np.concatenate(taps, axis=1) @ self._matrix + self._bias


class _UnitEncoder:
    """Unit indices [N] -> context vectors [N, embedding]."""

    def __init__(self, weights: Weights) -> None:
        self._embedding = _float(weights, "encoder.embedding.weight")
        self._convolutions = [_Convolution(weights, f"encoder.convolutions.{index}") for index in range(2)]

    def __call__(self, units: NDArray[np.int64]) -> Array:
        hidden = self._embedding[units]
        for convolution in self._convolutions:
            hidden = hidden + _leaky(convolution(np.pad(hidden, ((1, 1), (0, 0)))))
        return hidden


class _GatedBlock:
    def __init__(self, weights: Weights, name: str, dilation: int) -> None:
        self._convolution = _Convolution(weights, f"{name}.convolution", dilation)
        self._mix = _Convolution(weights, f"{name}.mix")
        self.span = self._convolution.span

    def __call__(self, frames: Array, now: Array) -> Array:
        """Map `frames` [T + span, C] around `now` [T, C]."""
        both = self._convolution(frames)
        half = both.shape[1] // 2
        return now + self._mix(np.tanh(both[:, :half]) * _sigmoid(both[:, half:]))


@dataclass
class DecoderState:
    """State between calls: the last rows of each layer's input. Initially zeros, like the padding in training."""

    features: Array
    voicing: Array
    blocks: list[Array]


class DecoderNetwork:
    """`engine.voices.starter.decoder.Decoder`, frame by frame."""

    def __init__(self, config: DecoderConfig, weights: Weights) -> None:
        self.config = config
        taps, inputs = 2 * config.look_ahead + 1, config.features + config.code_channels
        _check(
            weights,
            encoder__embedding__weight=(config.units, config.embedding),
            tokens__weight=(config.codes + 1, config.code_channels),
            speakers__weight=(config.speakers, config.speaker_channels),
            voicing_entry__weight=(config.voicing_channels, inputs, taps),
            entry__weight=(config.channels, inputs, taps),
            exit__weight=(config.power_bands + config.aperiodicity_bands, config.channels, 1),
        )
        self.contexts = _UnitEncoder(weights)
        self.no_unit = _float(weights, "no_unit")  # stands for units that are not told
        self._tokens = _float(weights, "tokens.weight")
        self._speakers = _float(weights, "speakers.weight")
        self._voicing_entry = _Convolution(weights, "voicing_entry")
        self._voicing_past = _Convolution(weights, "voicing_past", _VOICING_DILATION)
        self._voicing_exit = _Convolution(weights, "voicing_exit")
        self._entry = _Convolution(weights, "entry")
        self._manner = _Convolution(weights, "manner")
        self._blocks = [_GatedBlock(weights, f"blocks.{index}", d) for index, d in enumerate(config.dilations)]
        self._exit = _Convolution(weights, "exit")

    def start(self) -> DecoderState:
        """Return the state before the first frame."""
        config = self.config
        return DecoderState(
            features=np.zeros((config.look_ahead, config.features + config.code_channels), np.float32),
            voicing=np.zeros((self._voicing_past.span, config.voicing_channels), np.float32),
            blocks=[np.zeros((block.span, config.channels), np.float32) for block in self._blocks],
        )

    def features(self, contexts: Array, unit_of_frame: NDArray[np.int64], position: Array, codes: NDArray[np.int64]) -> Array:
        """Map contexts [N, embedding] and, per frame [T], unit, position features and code (`config.codes`: none) to [T, inputs]."""
        return np.concatenate([contexts[unit_of_frame], position, self._tokens[codes]], axis=1)

    def voicing(self, state: DecoderState, ahead: Array) -> Array:
        """Return logits [T] (> 0: voiced) of the next T frames; `ahead`: their features and `look_ahead` more. Updates the state."""
        entered = _leaky(self._voicing_entry(np.concatenate([state.features, ahead])))
        with_past = np.concatenate([state.voicing, entered])
        state.voicing = with_past[len(entered) :]
        return self._voicing_exit(_leaky(self._voicing_past(with_past)))[:, 0]

    def envelope(self, state: DecoderState, ahead: Array, voiced: Array, effort: Array, mix: Array) -> EnvelopeFrames:
        """Return the next T frames; `ahead` as in `voicing`; voiced, effort [T]; mix [T, speakers]. Updates the state: call after
        `voicing`.
        """
        manner = np.concatenate([voiced[:, None], effort[:, None], mix @ self._speakers], axis=1)
        with_past = np.concatenate([state.features, ahead])
        hidden = self._entry(with_past) + self._manner(manner)
        state.features = with_past[len(voiced) : len(voiced) + self.config.look_ahead]
        for index, block in enumerate(self._blocks):
            frames = np.concatenate([state.blocks[index], hidden])
            state.blocks[index] = frames[len(hidden) :]
            hidden = block(frames, hidden)
        return _envelope(self._exit(hidden), self.config)


class DirectNetwork:
    """`engine.voices.starter.acoustic.AcousticModel`, with a whole phrase in view."""

    def __init__(self, config: AcousticConfig, weights: Weights) -> None:
        self.config = config
        _check(
            weights,
            encoder__embedding__weight=(config.units, config.embedding),
            speakers__weight=(config.speakers, config.speaker_channels),
            exit__weight=(config.power_bands + config.aperiodicity_bands, config.channels, 1),
        )
        self._contexts = _UnitEncoder(weights)
        self._speakers = _float(weights, "speakers.weight")
        self._voicing = [_Convolution(weights, f"voicing.{layer}", d) for layer, d in ((0, 1), (2, _VOICING_DILATION), (4, 1))]
        self._entry = _Convolution(weights, "entry")
        self._blocks = [_GatedBlock(weights, f"blocks.{index}", d) for index, d in enumerate(config.dilations)]
        self._exit = _Convolution(weights, "exit")

    def features(self, units: NDArray[np.int64], unit_of_frame: NDArray[np.int64], position: Array) -> Array:
        """Return features [T, features]."""
        return np.concatenate([self._contexts(units)[unit_of_frame], position], axis=1)

    def voicing(self, features: Array) -> Array:
        """Return logits [T], > 0 means voiced."""
        hidden = features
        for index, layer in enumerate(self._voicing):
            hidden = layer(_around(hidden, layer.span))
            hidden = hidden if index == 2 else _leaky(hidden)
        return hidden[:, 0]

    def envelope(self, features: Array, voiced: Array, effort: Array, mix: Array) -> EnvelopeFrames:
        """Return all T frames; voiced, effort [T]; mix [T, speakers]."""
        hidden = np.concatenate([features, voiced[:, None], effort[:, None], mix @ self._speakers], axis=1)
        hidden = self._entry(_around(hidden, self._entry.span))
        for block in self._blocks:
            hidden = block(_around(hidden, block.span), hidden)
        return _envelope(self._exit(hidden), self.config)


@dataclass
class GptState:
    """Keys and values of the last steps [layers, 2, window, width], the number of steps so far and the last token."""

    cache: Array
    steps: int
    last_code: int


class GptNetwork:
    """`engine.voices.starter.gpt.TokenGpt`, step by step with cached keys and values."""

    def __init__(self, config: GptConfig, weights: Weights) -> None:
        self.config = config
        _check(
            weights,
            encoder__embedding__weight=(config.units, config.embedding),
            pitch__weight=(config.pitches, config.width),
            time_left__weight=(config.time_left, config.width),
            previous__weight=(config.codes + 1, config.width),
            speakers__weight=(config.speakers, config.speaker_channels),
            exit__weight=(config.codes, config.width),
        )
        self.contexts = _UnitEncoder(weights)
        self._frames = _Linear(weights, "frames")
        self._pitch, self._time_left = _float(weights, "pitch.weight"), _float(weights, "time_left.weight")
        self._speakers, self._previous = _float(weights, "speakers.weight"), _float(weights, "previous.weight")
        self._speaker_to_width = _Linear(weights, "speaker_to_width")
        self._layers = [_Layer(weights, f"layers.{index}", config.heads) for index in range(config.layers)]
        self._norm, self._exit = _Norm(weights, "norm"), _Linear(weights, "exit")
        back = np.arange(config.window - 1, -1, -1)
        self._bias = (-slopes(config.heads)[:, None] * back).astype(np.float32)

    def start(self) -> GptState:
        """Return the state before the first step."""
        shape = (self.config.layers, 2, self.config.window, self.config.width)
        return GptState(np.zeros(shape, np.float32), 0, self.config.codes)

    def logits(self, state: GptState, contexts: Array, position: Array, pitch: int, time_left: int, mix: Array) -> Array:
        """Return the logits [codes] of one step: contexts and position of its four frames [4, …], pitch bin, class of time left, mix
        [speakers].

        Updates the state except `last_code`, which the caller sets to the chosen token.
        """
        hidden = self._frames(np.concatenate([contexts, position], axis=1).reshape(-1)) + self._previous[state.last_code]
        if self.config.sees_pitch:
            hidden = hidden + self._pitch[pitch]
        if self.config.sees_duration:
            hidden = hidden + self._time_left[time_left]
        hidden = hidden + self._speaker_to_width(mix @ self._speakers)
        state.steps += 1
        seen = min(state.steps, self.config.window)
        state.cache[:, :, :-1] = state.cache[:, :, 1:]
        for layer, cache in zip(self._layers, state.cache, strict=True):
            hidden = layer(hidden, cache, seen, self._bias)
        return self._exit(self._norm(hidden))


@dataclass
class LoudnessState:
    """The last rows of each layer's input, and seconds since the last rest."""

    features: Array
    past: Array
    since_rest_s: float


class LoudnessNetwork:
    """`engine.voices.starter.loudness.LoudnessModel`, frame by frame."""

    def __init__(self, config: LoudnessConfig, weights: Weights) -> None:
        self.config = config
        _check(
            weights,
            encoder__embedding__weight=(config.units, config.embedding),
            entry__weight=(config.channels, config.features, 2 * config.look_ahead + 1),
            speakers__weight=(config.speakers, config.speaker_channels),
        )
        self.contexts = _UnitEncoder(weights)
        self._speakers = _float(weights, "speakers.weight")
        self._median_hz = _float(weights, "median_hz")
        self._entry = _Convolution(weights, "entry")
        self._manner = _Convolution(weights, "manner")
        self._past = _Convolution(weights, "past", _LOUDNESS_DILATION)
        self._exit = _Convolution(weights, "exit")

    def start(self) -> LoudnessState:
        """Return the state before the first frame."""
        config = self.config
        past = np.zeros((self._past.span, config.channels), np.float32)
        return LoudnessState(np.zeros((config.look_ahead, config.embedding + POSITION_FEATURES), np.float32), past, 0.0)

    def effort(self, state: LoudnessState, ahead: Array, f0_hz: Array, is_rest: NDArray[np.bool_], mix: Array) -> Array:
        """Return slow loudness [T] in 10 dB of the next T frames. `ahead`: contexts and position of these and `look_ahead` more. Updates
        the state.
        """
        median_hz = np.exp(mix[0] @ np.log(self._median_hz))
        rest, state.since_rest_s = since_rest(is_rest, state.since_rest_s)
        manner = np.concatenate([relative_pitch(f0_hz, median_hz)[:, None], rest[:, None], mix @ self._speakers], axis=1)
        with_past = np.concatenate([state.features, ahead])
        hidden = _leaky(self._entry(with_past) + self._manner(manner))
        state.features = with_past[len(f0_hz) : len(f0_hz) + self.config.look_ahead]
        with_past = np.concatenate([state.past, hidden])
        state.past = with_past[len(hidden) :]
        return self._exit(_leaky(self._past(with_past)))[:, 0]


class _Layer:
    def __init__(self, weights: Weights, name: str, heads: int) -> None:
        self._heads = heads
        self._norm_1, self._norm_2 = _Norm(weights, f"{name}.norm_1"), _Norm(weights, f"{name}.norm_2")
        self._qkv, self._proj = _Linear(weights, f"{name}.inward"), _Linear(weights, f"{name}.outward")
        self._fc1, self._fc2 = _Linear(weights, f"{name}.widen"), _Linear(weights, f"{name}.narrow")

    def __call__(self, hidden: Array, cache: Array, seen: int, bias: Array) -> Array:
        """Map hidden [width]; cache [2, window, width], whose last row becomes this step's."""
        width = len(hidden)
        both = self._qkv(self._norm_1(hidden))
        cache[:, -1] = both[width:].reshape(2, width)
        keys, values = cache[:, -seen:].reshape(2, seen, self._heads, -1)
        query = both[:width].reshape(self._heads, -1, 1)
        scores = (keys.transpose(1, 0, 2) @ query)[:, :, 0] / np.float32(np.sqrt(width / self._heads)) + bias[:, -seen:]
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        heard = (shares[:, None] @ values.transpose(1, 0, 2))[:, 0].reshape(width)
        hidden = hidden + self._proj(heard)
        return hidden + self._fc2(_gelu(self._fc1(self._norm_2(hidden))))


class _Linear:
    def __init__(self, weights: Weights, name: str) -> None:
        self._matrix, self._bias = _float(weights, f"{name}.weight"), _float(weights, f"{name}.bias")

    def __call__(self, values: Array) -> Array:
        """Map [in] to [out]."""
        return self._matrix @ values + self._bias


class _Norm:
    """Layer normalisation, epsilon 1e-5."""

    def __init__(self, weights: Weights, name: str) -> None:
        self._scale, self._bias = _float(weights, f"{name}.weight"), _float(weights, f"{name}.bias")

    def __call__(self, values: Array) -> Array:
        centred = values - values.mean()
        return centred / np.sqrt((centred * centred).mean() + np.float32(1e-5)) * self._scale + self._bias


def repeat_codes(codes: NDArray[np.int64], first_frame: int, frames: int) -> NDArray[np.int64]:
    """Return the token of each of `frames` frames from `first_frame` on; codes[0] belongs to frame 0."""
    return codes[(first_frame + np.arange(frames)) // FRAMES_PER_TOKEN]


def _envelope(values: Array, config: AcousticConfig) -> EnvelopeFrames:
    return EnvelopeFrames(values[:, : config.power_bands] - np.float32(6.0), _sigmoid(values[:, config.power_bands :]))


def _check(weights: Weights, **shapes: tuple[int, ...]) -> None:
    """Raise ValueError if weights (dots in their names as two underscores) have other shapes than the configuration."""
    for key, shape in shapes.items():
        found = tuple(weights[key.replace("__", ".")].shape)
        if found != shape:
            raise ValueError(f"{key.replace('__', '.')} has the shape {found}, the sizes say {shape}")


def _float(weights: Weights, name: str) -> Array:
    return np.ascontiguousarray(weights[name], dtype=np.float32)


def _around(frames: Array, span: int) -> Array:
    return np.pad(frames, ((span // 2, span // 2), (0, 0)))


def _leaky(values: Array) -> Array:
    return np.maximum(values, np.float32(0.1) * values)


def _sigmoid(values: Array) -> Array:
    return np.float32(0.5) * np.tanh(np.float32(0.5) * values) + np.float32(0.5)


def _gelu(values: Array) -> Array:
    inner = np.float32(0.7978845608) * (values + np.float32(0.044715) * values * values * values)
    halves: Array = np.float32(0.5) * values
    return halves + halves * np.tanh(inner)
