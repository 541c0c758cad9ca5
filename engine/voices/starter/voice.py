"""The starter voice: tokens from a GPT, a streaming decoder and a source-filter synthesiser; NumPy only, exact in pitch by construction.

Live and offline singing use the same stream. The direct model, the teacher of the others, can sing whole phrases too, for comparison.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from threadpoolctl import ThreadpoolController

from engine.errors import VoiceError
from engine.performance.types import SILENCE, Controls, Performance, PhoneSpan
from engine.units import FRAME_RATE_HZ
from engine.voices.articulation import breath_frames, effort_of, units_of, voicing
from engine.voices.card import VoiceCard, weights_path
from engine.voices.units import Unit, UnitFrames, unit_frames, unit_indices

from .config import FRAMES_PER_TOKEN, AcousticConfig, DecoderConfig, EnvelopeVariance, GptConfig, LoudnessConfig
from .kind import KIND
from .numpy_networks import DecoderNetwork, DirectNetwork, GptNetwork, LoudnessNetwork
from .sound import Sound
from .token_stream import Codes, LoudnessPattern, TokenStream

_BLOCK_FRAMES = 64
_REMEMBERED_PHONES = 4  # the networks look two units to either side
_BREATH_LEVEL_DB = -6.0
_DECODER_DB_PER_EFFORT, _DIRECT_DB_PER_EFFORT = 8.5, 14.5  # measured: the gain of a network per unit of effort

Array = NDArray[np.float32]


_NOTHING = np.zeros(0, np.float32)
_WARM_UP_PHONES = (PhoneSpan("L", 0.0, 0.08), PhoneSpan("AA", 0.08, np.inf))
_WARM_UP_CONTROLS = Controls(
    **{item.name: np.full(1, 220.0 if item.name == "f0_hz" else 0.0, np.float32) for item in fields(Controls)}
)


class Articulation(StrEnum):
    """Source of the articulation of a phrase."""

    TOKENS = "tokens"  # the GPT's tokens and the units, through the streaming decoder
    UNITS = "units"  # the streaming decoder without tokens
    DIRECT = "direct"  # the direct model, which sees the whole phrase


@dataclass(frozen=True)
class Networks:
    """The networks of a voice. All share sample rate, hop and speakers."""

    decoder: DecoderNetwork
    gpt: GptNetwork
    loudness: LoudnessNetwork
    direct: DirectNetwork | None = None
    variance: EnvelopeVariance = EnvelopeVariance()


class StarterVoice:
    """The voice: streams and whole phrases."""

    def __init__(self, card: VoiceCard, networks: Networks, articulation: Articulation = Articulation.TOKENS) -> None:
        self._card = card
        self._networks = networks
        self._articulation = articulation
        self._sound = Sound(networks.decoder.config, networks.variance)
        self._libraries = ThreadpoolController()

    @property
    def card(self) -> VoiceCard:
        return self._card

    @property
    def fingerprint(self) -> str:
        variance = hashlib.sha256(repr(self._networks.variance).encode()).hexdigest()[:12]
        return f"{KIND.name}-11-{self._articulation}:{self._card.sha256}:{variance}"

    def stream(self, seed: int = 0) -> StarterStream:
        """Return a stream, see `engine.voices.types.StreamingVoice`."""
        with_tokens = self._articulation is Articulation.TOKENS
        return StarterStream(self._networks, self._sound, seed, TokenStream(self._networks.gpt, seed) if with_tokens else None)

    def warm_up(self) -> Iterator[None]:
        """Compute a first frame that is not played, in parts of half a millisecond or so: weights and code come into the processor's caches."""
        tokens = TokenStream(self._networks.gpt, 0, writes_all=True)
        yield from StarterStream(self._networks, self._sound, 0, tokens).warm_up()

    def synthesise(self, performance: Performance) -> Array:
        """Return samples, see `engine.voices.types.Voice`. Raises ValueError for a phone outside the inventory."""
        seed = int(performance.hash[:15], 16)
        phones, controls = _with_one_more_frame(performance)
        with self._libraries.limit(limits=1):  # sums are rounded by the number of threads
            if self._articulation is Articulation.DIRECT:
                samples = self._sung_directly(phones, controls, seed)
            else:
                samples = self.stream(seed).sing(phones, controls)
        delay = self._sound.delay_samples
        return samples[delay : delay + performance.frames * self._networks.decoder.config.hop_samples]

    def _sung_directly(self, phones: Sequence[PhoneSpan], controls: Controls, seed: int) -> Array:
        network = self._networks.direct
        if network is None:
            raise VoiceError(f"Voice '{self._card.name}' was loaded without its direct model.")
        units = units_of(phones)
        laid = unit_frames(units, controls.frames, FRAME_RATE_HZ)
        features = network.features(laid.units, laid.unit_of_frame, laid.position)
        voiced = voicing(network.voicing(features), units, laid.unit_of_frame, FRAME_RATE_HZ)
        mix = _mix(controls.colour, network.config.speakers)
        pattern = LoudnessPattern(self._networks.loudness)
        pattern.follow(units)
        energy_db = controls.energy_db + pattern.db(_padded(laid, 2), controls, mix)
        effort = effort_of(energy_db)
        envelope = network.envelope(features, voiced, effort, mix)
        gain_db = _gain_db(energy_db - _DIRECT_DB_PER_EFFORT * effort, phones, 0)
        state, blocks = self._sound.start(seed), []
        for first in range(0, controls.frames, _BLOCK_FRAMES):
            block = slice(first, first + _BLOCK_FRAMES)
            part = controls.cut(first, first + _BLOCK_FRAMES)
            blocks.append(
                self._sound.sound(state, envelope.cut(block), voiced[block], gain_db[block], part, mix[block], phones, first)
            )
        return np.concatenate(blocks)


class StarterStream:
    """A stream, see `engine.voices.types.VoiceStream`."""

    def __init__(self, networks: Networks, sound: Sound, seed: int, tokens: TokenStream | None) -> None:
        self._decoder, self._sound = networks.decoder, sound
        self._decoder_state, self._sound_state = networks.decoder.start(), sound.start(seed)
        self._tokens = tokens
        self._pattern = LoudnessPattern(networks.loudness)
        self._past: list[PhoneSpan] = []
        self._plan: tuple[PhoneSpan, ...] = ()
        self._units: list[Unit] = []
        self._contexts = np.zeros((0, 0), np.float32)
        self._frame = 0
        self._first_step = 0  # the frame at which the first step of tokens starts

    @property
    def sample_rate(self) -> int:
        return self._decoder.config.sample_rate

    @property
    def delay_samples(self) -> int:
        return self._sound.delay_samples

    @property
    def frame(self) -> int:
        return self._frame

    def skip(self, frames: int) -> None:
        """Skip silence, see `engine.voices.types.VoiceStream`."""
        self._frame += frames
        if frames:
            self._first_step = self._frame  # so that one step is enough for what is sung next
            if self._tokens:
                self._tokens.forget()
        self._sound_state.synthesiser.hush()

    def sing(self, phones: Sequence[PhoneSpan], controls: Controls) -> Array:
        """Return samples, see `engine.voices.types.VoiceStream`. Raises ValueError for a phone outside the inventory, which changes
        nothing.
        """
        self._follow(phones)
        pieces = [self._block(controls.cut(first, first + _BLOCK_FRAMES)) for first in range(0, controls.frames, _BLOCK_FRAMES)]
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)

    def _follow(self, phones: Sequence[PhoneSpan]) -> None:
        """Take over the plan, keeping the phones before it that are inputs of the networks."""
        now_s = self._frame / FRAME_RATE_HZ
        known = [span for span in self._past if span.end_s <= phones[0].start_s + 1e-9]
        plan = (*known, *phones)
        if plan != self._plan:
            closed = (*plan, PhoneSpan(SILENCE, plan[-1].end_s, plan[-1].end_s)) if plan[-1].symbol != SILENCE else plan
            units = units_of(closed)
            if self._tokens:
                self._tokens.follow(units)
            self._pattern.follow(units)
            self._contexts = self._decoder.contexts(unit_indices(units))
            self._plan, self._units = plan, units
        started = [span for span in plan if span.start_s <= now_s]
        self._past = started[-_REMEMBERED_PHONES:]

    def warm_up(self) -> Iterator[None]:
        """Compute a first frame that is not played, in parts."""
        self._follow(_WARM_UP_PHONES)
        yield
        yield from (None for _ in self._parts(_WARM_UP_CONTROLS))

    def _block(self, controls: Controls) -> Array:
        *_, samples = self._parts(controls)
        return samples

    def _parts(self, controls: Controls) -> Iterator[Array]:
        """Yield the samples, after some empty arrays between the parts of the computation."""
        first, frames = self._frame, controls.frames
        config = self._decoder.config
        begin = first - (first - self._first_step) % FRAMES_PER_TOKEN  # tokens are written for whole steps
        end = begin + -(-(first + frames + config.look_ahead - begin) // FRAMES_PER_TOKEN) * FRAMES_PER_TOKEN
        laid = unit_frames(self._units, end - begin, FRAME_RATE_HZ, begin)
        mix = _mix(controls.colour, config.speakers)
        codes = (
            self._tokens.codes(laid, begin, first, controls.f0_hz, mix) if self._tokens else np.full(end - begin, config.codes)
        )
        yield _NOTHING
        wanted = slice(first - begin, first - begin + frames + config.look_ahead)
        ahead = self._decoder.features(self._contexts, laid.unit_of_frame[wanted], laid.position[wanted], codes[wanted])
        logits = self._decoder.voicing(self._decoder_state, ahead)
        unit_of_frame = laid.unit_of_frame[wanted][:frames]
        voiced = voicing(logits, self._units, unit_of_frame, FRAME_RATE_HZ, first_frame=first)
        energy_db = controls.energy_db + self._pattern.db(laid.cut(wanted), controls, mix)
        effort = effort_of(energy_db)
        envelope = self._decoder.envelope(self._decoder_state, ahead, voiced, effort, mix)
        yield _NOTHING
        gain_db = _gain_db(energy_db - _DECODER_DB_PER_EFFORT * effort, self._plan, first)
        self._frame += frames
        yield self._sound.sound(self._sound_state, envelope, voiced, gain_db, controls, mix, self._plan, first)


@dataclass(frozen=True)
class Transcript:
    """Inputs of a network that sings from tokens, for a performance of T frames: K steps of 40 ms, the last one perhaps longer than T.

    codes [K]; units and their ends in seconds; f0_hz above 0 and voiced (0 or 1) [4 K].
    """

    codes: Codes
    units: tuple[str, ...]
    ends_s: NDArray[np.float64]
    f0_hz: Array
    voiced: Array


def transcribe(networks: Networks, performance: Performance) -> Transcript:
    """Return the GPT's likeliest token for every step, whatever its confidence. `networks` must have the direct model, which predicts
    voicing.
    """
    if networks.direct is None:
        raise ValueError("Voicing needs the direct model.")
    phones, controls = _with_one_more_frame(performance)
    units = units_of(performance.phones if performance.phones[-1].symbol == SILENCE else phones)
    frames = -(-performance.frames // FRAMES_PER_TOKEN) * FRAMES_PER_TOKEN
    laid = unit_frames(units, frames, FRAME_RATE_HZ)
    at = np.minimum(np.arange(frames), performance.frames - 1)
    f0_hz, mix = controls.f0_hz[at], _mix(controls.colour[at], networks.decoder.config.speakers)
    tokens = TokenStream(networks.gpt, 0, least_confidence=0.0, writes_all=True)
    tokens.follow(units)
    codes = tokens.codes(laid, 0, 0, f0_hz, mix)[::FRAMES_PER_TOKEN]
    logits = networks.direct.voicing(networks.direct.features(laid.units, laid.unit_of_frame, laid.position))
    return Transcript(
        codes=codes.astype(np.int64),
        units=tuple(unit.symbol for unit in units),
        ends_s=np.array([unit.end_s for unit in units]),
        f0_hz=f0_hz,
        voiced=voicing(logits, units, laid.unit_of_frame, FRAME_RATE_HZ),
    )


def load_starter(folder: Path, card: VoiceCard, articulation: Articulation = Articulation.TOKENS) -> StarterVoice:
    """Load the voice in `folder`. Raises VoiceError if the weights do not fit the card."""
    return StarterVoice(card, read_networks(folder, card, articulation), articulation)


def read_networks(
    folder: Path, card: VoiceCard, articulation: Articulation, decoder: type[DecoderNetwork] = DecoderNetwork
) -> Networks:
    """Load the networks that `articulation` needs. Raises VoiceError if the weights do not fit the card."""
    path = weights_path(folder, card)
    try:
        with safe_open(path, framework="np") as stored:
            names = list(stored.keys())

            def part(prefix: str) -> dict[str, NDArray[Any]]:
                return {name.removeprefix(prefix): stored.get_tensor(name) for name in names if name.startswith(prefix)}

            sizes: dict[str, dict[str, Any]] = card.model  # type: ignore[assignment]
            is_direct = articulation is Articulation.DIRECT
            variance, decoded = EnvelopeVariance.from_dict(sizes.get("variance", {})), DecoderConfig.from_dict(sizes["decoder"])
            variance.require(decoded.power_bands, decoded.speakers)
            return Networks(
                decoder(decoded, part("decoder.")),
                GptNetwork(GptConfig.from_dict(sizes["gpt"]), part("gpt.")),
                LoudnessNetwork(LoudnessConfig.from_dict(sizes["loudness"]), part("loudness.")),
                DirectNetwork(AcousticConfig.from_dict(sizes["direct"]), part("direct.")) if is_direct else None,
                variance,
            )
    except (SafetensorError, AttributeError, IndexError, TypeError, KeyError, ValueError) as error:
        raise VoiceError(f"Voice '{card.name}': the weights do not fit the card's [model] table: {error}") from error


def _with_one_more_frame(performance: Performance) -> tuple[tuple[PhoneSpan, ...], Controls]:
    """Append a frame of silence, so that the stream's delay can be cut away."""
    end_s = performance.frames / performance.frame_rate_hz
    silence = PhoneSpan(SILENCE, end_s, end_s + 1.0)
    controls = replace(performance.controls(), f0_hz=_continuous(performance.f0_hz))
    longer = {item.name: np.append(values := getattr(controls, item.name), values[-1:]) for item in fields(controls)}
    return (*performance.phones, silence), Controls(**longer)


def _continuous(f0_hz: Array) -> Array:
    """Fill gaps (NaN) by straight lines; 200 Hz if nothing is pitched."""
    known = np.flatnonzero(np.isfinite(f0_hz))
    if not len(known):
        return np.full_like(f0_hz, 200.0)
    return np.interp(np.arange(len(f0_hz)), known, f0_hz[known]).astype(np.float32)


def _mix(colour: Array, speakers: int) -> Array:
    """Return the shares of the speakers [T, speakers]: from the first to the second."""
    shares = np.zeros((len(colour), speakers), np.float32)
    shares[:, 0] = 1.0
    if speakers > 1:
        shares[:, 1] = np.clip(colour, 0.0, 1.0)
        shares[:, 0] -= shares[:, 1]
    return shares


def _padded(laid: UnitFrames, frames: int) -> UnitFrames:
    """Repeat the last frame `frames` times."""
    return laid.cut(np.minimum(np.arange(len(laid.unit_of_frame) + frames), len(laid.unit_of_frame) - 1))


def _gain_db(unsung_db: Array, phones: Sequence[PhoneSpan], first_frame: int) -> Array:
    """Return the part of the loudness that no network renders [T], with softer breaths."""
    breaths = breath_frames(phones, first_frame, len(unsung_db), FRAME_RATE_HZ)
    return (unsung_db + _BREATH_LEVEL_DB * breaths).astype(np.float32)
