"""The starter voice: tokens from a GPT, a streaming decoder and a source-filter synthesiser; NumPy only, exact in pitch by construction.

Live and offline sing through the same stream. The direct model, which taught the others, can sing whole phrases too, for comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from threadpoolctl import ThreadpoolController

from engine.errors import VoiceError
from engine.model.config import FRAMES_PER_TOKEN, AcousticConfig, DecoderConfig, GptConfig, LoudnessConfig
from engine.model.inference import DecoderNetwork, DirectNetwork, GptNetwork, GptState, LoudnessNetwork
from engine.model.steps import PITCH_LAG_FRAMES, pitch_bins, time_left_classes
from engine.model.units import UNIT_INDEX, Unit, UnitFrames, unit_frames, unit_indices
from engine.performance.types import FRAME_RATE_HZ, SILENCE, Controls, Performance, PhoneSpan

from .articulation import breath_frames, effort_of, units_of, voicing
from .card import VoiceCard, weights_path
from .sound import Sound

KIND = "starter"
_BLOCK_FRAMES = 64
_REMEMBERED_PHONES = 4  # the networks hear two units to either side
_BREATH_LEVEL_DB = -6.0
_DECODER_DB_PER_EFFORT, _DIRECT_DB_PER_EFFORT = 7.0, 13.0  # measured: how much louder one unit of effort makes a network
_TEMPERATURE = 0.5  # of drawing tokens: takes differ a little in how they are articulated
_LEAST_CONFIDENCE = 0.5  # of a token, to be used: a guess misleads more than the units alone
_DB_PER_LOUDNESS = 10.0  # the loudness model counts in tens of dB
_REST = UNIT_INDEX[SILENCE]

Array = NDArray[np.float32]
Codes = NDArray[np.int64]


_NOTHING = np.zeros(0, np.float32)
_REHEARSED = (PhoneSpan("L", 0.0, 0.08), PhoneSpan("AA", 0.08, np.inf))
_REHEARSED_CONTROLS = Controls(
    **{item.name: np.full(1, 220.0 if item.name == "f0_hz" else 0.0, np.float32) for item in fields(Controls)}
)


class Articulation(StrEnum):
    """Who says how a phrase is articulated."""

    TOKENS = "tokens"  # the GPT's tokens and the units, through the streaming decoder
    UNITS = "units"  # the streaming decoder without tokens
    DIRECT = "direct"  # the direct model, which sees the whole phrase


@dataclass(frozen=True)
class Networks:
    """What sings. All share sample rate, hop and speakers."""

    decoder: DecoderNetwork
    gpt: GptNetwork
    loudness: LoudnessNetwork
    direct: DirectNetwork | None = None


class StarterVoice:
    """See the module docstring."""

    def __init__(self, card: VoiceCard, networks: Networks, articulation: Articulation = Articulation.TOKENS) -> None:
        self._card = card
        self._networks = networks
        self._articulation = articulation
        self._sound = Sound(networks.decoder.config)
        self._libraries = ThreadpoolController()

    @property
    def card(self) -> VoiceCard:
        return self._card

    @property
    def fingerprint(self) -> str:
        return f"{KIND}-9-{self._articulation}:{self._card.sha256}"

    def stream(self, seed: int = 0) -> StarterStream:
        """See `engine.voice.types.StreamingVoice`."""
        with_tokens = self._articulation is Articulation.TOKENS
        return StarterStream(self._networks, self._sound, seed, _TokenStream(self._networks.gpt, seed) if with_tokens else None)

    def rehearsal(self) -> Iterator[None]:
        """A first frame that nobody hears, in parts of half a millisecond or so: weights and code come into the processor's caches."""
        tokens = _TokenStream(self._networks.gpt, 0, writes_all=True)
        yield from StarterStream(self._networks, self._sound, 0, tokens).rehearse()

    def synthesise(self, performance: Performance) -> Array:
        """See `engine.voice.types.Voice`. Raises ValueError for a phone outside the inventory."""
        seed = int(performance.hash[:15], 16)
        phones, controls = _with_one_more_frame(performance)
        with self._libraries.limit(limits=1):  # sums are rounded by the number of threads, which must not be heard
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
        pattern = _LoudnessPattern(self._networks.loudness)
        pattern.follow(units)
        energy_db = controls.energy_db + pattern.db(_padded(laid, 2), controls, mix)
        effort = effort_of(energy_db)
        envelope = network.envelope(features, voiced, effort, mix)
        gain_db = _gain_db(energy_db - _DIRECT_DB_PER_EFFORT * effort, phones, 0)
        state, blocks = self._sound.start(seed), []
        for first in range(0, controls.frames, _BLOCK_FRAMES):
            block = slice(first, first + _BLOCK_FRAMES)
            part = controls.cut(first, first + _BLOCK_FRAMES)
            blocks.append(self._sound.sound(state, envelope.cut(block), voiced[block], gain_db[block], part, phones, first))
        return np.concatenate(blocks)


class StarterStream:
    """See `engine.voice.types.VoiceStream`."""

    def __init__(self, networks: Networks, sound: Sound, seed: int, tokens: _TokenStream | None) -> None:
        self._decoder, self._sound = networks.decoder, sound
        self._decoder_state, self._sound_state = networks.decoder.start(), sound.start(seed)
        self._tokens = tokens
        self._pattern = _LoudnessPattern(networks.loudness)
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
        """See `engine.voice.types.VoiceStream`."""
        self._frame += frames
        if frames:
            self._first_step = self._frame  # so that one step is enough for what is sung next
            if self._tokens:
                self._tokens.forget()
        self._sound_state.synthesiser.hush()

    def sing(self, phones: Sequence[PhoneSpan], controls: Controls) -> Array:
        """See `engine.voice.types.VoiceStream`. Raises ValueError for a phone outside the inventory, which changes nothing."""
        self._follow(phones)
        pieces = [self._block(controls.cut(first, first + _BLOCK_FRAMES)) for first in range(0, controls.frames, _BLOCK_FRAMES)]
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)

    def _follow(self, phones: Sequence[PhoneSpan]) -> None:
        """Take over the plan, keeping the phones before it that the networks still hear."""
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

    def rehearse(self) -> Iterator[None]:
        """A first frame that nobody hears, in parts."""
        self._follow(_REHEARSED)
        yield
        yield from (None for _ in self._parts(_REHEARSED_CONTROLS))

    def _block(self, controls: Controls) -> Array:
        *_, samples = self._parts(controls)
        return samples

    def _parts(self, controls: Controls) -> Iterator[Array]:
        """The samples, after some empty arrays between the parts of the work."""
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
        yield self._sound.sound(self._sound_state, envelope, voiced, gain_db, controls, self._plan, first)


class _TokenStream:
    """The GPT's tokens, written just before the decoder needs them; a token whose units were planned anew is not used.

    The first step out of silence has none, unless `writes_all`: a key that was just pressed is heard a millisecond sooner without it, and
    phrases of a score begin with silence anyway.
    """

    def __init__(
        self, network: GptNetwork, seed: int, *, least_confidence: float = _LEAST_CONFIDENCE, writes_all: bool = False
    ) -> None:
        self._network, self._least_confidence = network, least_confidence
        self._writes_all, self._is_after_silence = writes_all, True
        self._state: GptState = network.start()
        self._noise = np.random.default_rng((seed, 1))
        self._contexts = np.zeros((0, 0), np.float32)
        self._codes: dict[int, int] = {}  # by the first frame of their step
        self._written_for: dict[int, Codes] = {}

    def follow(self, units: Sequence[Unit]) -> None:
        """Another plan."""
        self._contexts = self._network.contexts(unit_indices(units))

    def forget(self) -> None:
        """What was written lies before skipped silence, or was meant for frames that will not come."""
        self._codes.clear()
        self._written_for.clear()
        self._is_after_silence = True

    def codes(self, laid: UnitFrames, begin: int, first: int, f0_hz: Array, mix: Array) -> Codes:
        """The code of every frame that is laid out [T], `begin` being a step's first frame; f0_hz and mix from frame `first` on."""
        none = self._network.config.codes
        found = np.full(len(laid.unit_of_frame), none)
        for step in range(begin, begin + len(found), FRAMES_PER_TOKEN):
            at = slice(step - begin, step - begin + FRAMES_PER_TOKEN)
            if step not in self._codes and self._is_after_silence and not self._writes_all:
                self._codes[step], self._written_for[step] = none, laid.units[laid.unit_of_frame[at]]
                self._is_after_silence = False
            elif step not in self._codes:
                now = max(0, step - PITCH_LAG_FRAMES - first)  # after skipped silence there is no earlier pitch
                self._write(step, laid, at, float(f0_hz[now]), mix[now])
            elif self._codes[step] != none and not self._is_as_written(step, laid, at, first - begin):
                self._codes[step] = self._state.last_code = none
            found[at] = self._codes[step]
        oldest = begin - FRAMES_PER_TOKEN
        for step in [step for step in self._codes if step < oldest]:
            del self._codes[step], self._written_for[step]
        return found

    def _write(self, step: int, laid: UnitFrames, at: slice, f0_hz: float, mix: Array) -> None:
        units = laid.units[laid.unit_of_frame[at]]
        pitch = pitch_bins(
            np.array([f0_hz]), units[FRAMES_PER_TOKEN // 2 : FRAMES_PER_TOKEN // 2 + 1], self._network.config.pitches
        )
        left = time_left_classes(laid.until_s[at.start : at.start + 1])
        contexts = self._contexts[laid.unit_of_frame[at]]
        logits = self._network.logits(self._state, contexts, laid.position[at], int(pitch[0]), int(left[0]), mix)
        drawn = int(np.argmax(logits / _TEMPERATURE + self._noise.gumbel(size=len(logits))))
        self._state.last_code = drawn
        is_sure = 1.0 / np.exp(logits - logits[drawn]).sum() >= self._least_confidence
        self._codes[step] = drawn if is_sure else self._network.config.codes
        self._written_for[step] = units

    def _is_as_written(self, step: int, laid: UnitFrames, at: slice, past: int) -> bool:
        """Whether the frames that have not sounded yet still belong to the units the token was written for."""
        gone = max(0, past - at.start)
        return np.array_equal(laid.units[laid.unit_of_frame[at]][gone:], self._written_for[step][gone:])


class _LoudnessPattern:
    """How the speaker would say it, in dB: as much of it as `natural_dynamics` asks for."""

    def __init__(self, network: LoudnessNetwork) -> None:
        self._network, self._state = network, network.start()
        self._contexts = np.zeros((0, 0), np.float32)

    def follow(self, units: Sequence[Unit]) -> None:
        """Another plan."""
        self._contexts = self._network.contexts(unit_indices(units))

    def db(self, ahead: UnitFrames, controls: Controls, mix: Array) -> Array:
        """[T]; `ahead` lays out the look-ahead's frames too."""
        features = np.concatenate([self._contexts[ahead.unit_of_frame], ahead.position], axis=1)
        rests = ahead.units[ahead.unit_of_frame[: controls.frames]] == _REST
        effort = self._network.effort(self._state, features, controls.f0_hz, rests, mix)
        return _DB_PER_LOUDNESS * effort * controls.natural_dynamics


@dataclass(frozen=True)
class Transcript:
    """What a performance of T frames is to a network that sings from codes: K steps of 40 ms, the last one perhaps longer than T.

    codes [K]; units and their ends in seconds; f0_hz above 0 and voiced (0 or 1) [4 K].
    """

    codes: Codes
    units: tuple[str, ...]
    ends_s: NDArray[np.float64]
    f0_hz: Array
    voiced: Array


def transcribe(networks: Networks, performance: Performance) -> Transcript:
    """The GPT's likeliest code for every step, sure of it or not. `networks` must have the direct model, which knows what is voiced."""
    if networks.direct is None:
        raise ValueError("Voicing needs the direct model.")
    phones, controls = _with_one_more_frame(performance)
    units = units_of(performance.phones if performance.phones[-1].symbol == SILENCE else phones)
    frames = -(-performance.frames // FRAMES_PER_TOKEN) * FRAMES_PER_TOKEN
    laid = unit_frames(units, frames, FRAME_RATE_HZ)
    at = np.minimum(np.arange(frames), performance.frames - 1)
    f0_hz, mix = controls.f0_hz[at], _mix(controls.colour[at], networks.decoder.config.speakers)
    tokens = _TokenStream(networks.gpt, 0, least_confidence=0.0, writes_all=True)
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
    """The voice in `folder`. Raises VoiceError if the weights do not fit the card."""
    return StarterVoice(card, read_networks(folder, card, articulation), articulation)


def read_networks(
    folder: Path, card: VoiceCard, articulation: Articulation, decoder: type[DecoderNetwork] = DecoderNetwork
) -> Networks:
    """The networks that `articulation` needs. Raises VoiceError if the weights do not fit the card."""
    path = weights_path(folder, card)
    try:
        with safe_open(path, framework="np") as stored:
            names = list(stored.keys())

            def part(prefix: str) -> dict[str, NDArray]:
                return {name.removeprefix(prefix): stored.get_tensor(name) for name in names if name.startswith(prefix)}

            sizes: dict[str, dict] = card.model  # type: ignore[assignment]
            is_direct = articulation is Articulation.DIRECT
            return Networks(
                decoder(DecoderConfig.from_dict(sizes["decoder"]), part("decoder.")),
                GptNetwork(GptConfig.from_dict(sizes["gpt"]), part("gpt.")),
                LoudnessNetwork(LoudnessConfig.from_dict(sizes["loudness"]), part("loudness.")),
                DirectNetwork(AcousticConfig.from_dict(sizes["direct"]), part("direct.")) if is_direct else None,
            )
    except (SafetensorError, AttributeError, IndexError, TypeError, KeyError, ValueError) as error:
        raise VoiceError(f"Voice '{card.name}': the weights do not fit the card's [model] table: {error}") from error


def _with_one_more_frame(performance: Performance) -> tuple[tuple[PhoneSpan, ...], Controls]:
    """A frame of silence at the end lets the stream's delay be cut away."""
    end_s = performance.frames / performance.frame_rate_hz
    silence = PhoneSpan(SILENCE, end_s, end_s + 1.0)
    controls = Controls(
        f0_hz=_continuous(performance.f0_hz),
        natural_dynamics=np.full(performance.frames, performance.natural_dynamics, np.float32),
        **{
            name: getattr(performance, name)
            for name in ("energy_db", "breathiness", "tension", "formant_semitones", "colour", "growl")
        },
    )
    longer = {item.name: np.append(values := getattr(controls, item.name), values[-1:]) for item in fields(controls)}
    return (*performance.phones, silence), Controls(**longer)


def _continuous(f0_hz: Array) -> Array:
    """Gaps (NaN) filled by straight lines; 200 Hz if nothing is pitched."""
    known = np.flatnonzero(np.isfinite(f0_hz))
    if not len(known):
        return np.full_like(f0_hz, 200.0)
    return np.interp(np.arange(len(f0_hz)), known, f0_hz[known]).astype(np.float32)


def _mix(colour: Array, speakers: int) -> Array:
    """Shares of the speakers [T, speakers]: from the first to the second."""
    shares = np.zeros((len(colour), speakers), np.float32)
    shares[:, 0] = 1.0
    if speakers > 1:
        shares[:, 1] = np.clip(colour, 0.0, 1.0)
        shares[:, 0] -= shares[:, 1]
    return shares


def _padded(laid: UnitFrames, frames: int) -> UnitFrames:
    """The last frame a few times more."""
    return laid.cut(np.minimum(np.arange(len(laid.unit_of_frame) + frames), len(laid.unit_of_frame) - 1))


def _gain_db(unsung_db: Array, phones: Sequence[PhoneSpan], first_frame: int) -> Array:
    """What of the loudness no network sings [T], breaths softened."""
    breaths = breath_frames(phones, first_frame, len(unsung_db), FRAME_RATE_HZ)
    return (unsung_db + _BREATH_LEVEL_DB * breaths).astype(np.float32)
