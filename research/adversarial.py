"""Adversarial stage for a machine with a GPU: further training of the streaming decoder against discriminators of sound.

Discriminators detect over-smooth formants and bursts that the spectral distances miss. Every envelope is rendered twice: at the recorded
pitch, where it is compared with the recording as before and given to the discriminators, and at the pitch of another crop of the batch,
where there is no recording and only discriminators give a loss; so the envelope cannot settle on the harmonics of the recording. Only
there may the discriminators change the aperiodicity too. Recordings and generated sounds have the same distribution of pitch, else pitch
would give the generated ones away.

The sung phrases anchor the decoder where there are no recordings: long notes, and scores whose end is unknown.

Needs torch and NumPy only. Rendering, Fourier transforms and losses run in float32 everywhere, the discriminators' convolutions in
bfloat16 on a GPU. The decoder is a small part of the work and stays in float32 (TF32 convolutions on a GPU).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from engine.errors import TrainingError
from engine.train.stages.objective import Batch, Renderer, SungBatch, aperiodicity_loss, sung_losses
from engine.units import FRAME_RATE_HZ
from engine.voices.starter.acoustic import AcousticModel, Envelope
from engine.voices.starter.config import FRAMES_PER_TOKEN
from engine.voices.starter.decoder import Decoder
from engine.voices.units import without_end
from research.discriminators import DiscriminatorSet, below, discriminator_loss, feature_matching_loss, generator_loss
from research.packed import Line, Pack, RecordedLine

_HORIZONS_S = (0.02, 0.05, 0.2)
_HORIZON_CHANCE = 0.5
_SILENT_TOKEN_CHANCE = 0.05
_NEIGHBOURS = 3  # units beside a crop's that the decoder hears


@dataclass(frozen=True, kw_only=True)
class AdversarialSettings:
    """Settings of the stage. The weights balance the parts of the decoder's loss; the spectral part has 1."""

    steps: int = 20_000
    batch: int = 64
    crop_s: float = 0.8
    learning_rate: float = 2e-4
    ema_decay: float = 0.999
    discriminators_alone_steps: int = 400  # the discriminators learn first; until then the decoder learns as before
    discriminator_channels: tuple[int, int] = (32, 64)
    deceiving: float = 0.2
    matching: float = 0.5
    sung: float = 0.3
    repitch_semitones: float = 2.0  # besides taking over another crop's pitch
    seed: int = 1


class Lines:
    """Recordings or sung phrases in the memory of one device; gives batches of crops without a loop."""

    def __init__(self, lines: Sequence[Line], crop_frames: int, device: torch.device | str) -> None:
        laid = [line.laid() for line in lines]
        self.crop_frames = crop_frames
        self.frames = np.array([line.frames for line in lines])
        self._device = device
        self._units_of_a_crop = max(_most_units(item.unit_of_frame, crop_frames) for item in laid)
        self._counts = self._on(np.array([len(line.units) for line in lines]))
        self._first_unit = self._on(_starts([len(line.units) for line in lines]))
        self._first_frame = self._on(_starts(self.frames))
        self._first_code = self._on(_starts([len(line.codes) for line in lines]))
        self._units = self._on(np.concatenate([item.units for item in laid]))
        self._unit_of_frame = self._on(np.concatenate([item.unit_of_frame for item in laid]))
        position = np.concatenate([item.position for item in laid])
        self._positions = self._on(np.stack([position, *(without_end(position, horizon_s) for horizon_s in _HORIZONS_S)]))
        self._codes = self._on(np.concatenate([line.codes for line in lines]))
        self._mix = self._on(np.stack([line.mix for line in lines]))
        self._per_frame = {
            name: self._on(np.concatenate([getattr(line, name) for line in lines])) for name in ("voiced", "effort")
        }

    def add(self, name: str, values: Sequence[NDArray]) -> None:
        """Add one feature per frame, [T, …] of every line."""
        self._per_frame[name] = self._on(np.concatenate(values))

    def crops(self, lines: NDArray[np.int64], first: NDArray[np.int64], horizons: NDArray[np.int64]) -> dict[str, Tensor]:
        """Return crops [B] that begin at frame `first` (a multiple of 4) of `lines`; `horizons`: 0, or the index of the horizon that
        hides the end.
        """
        line, start = self._on(lines), self._on(first)
        at = (self._first_frame[line] + start)[:, None] + torch.arange(self.crop_frames, device=self._device)
        unit_of_frame = self._unit_of_frame[at]
        low = (unit_of_frame[:, 0] - _NEIGHBOURS).clamp(min=0)
        unit = low[:, None] + torch.arange(self._units_of_a_crop, device=self._device)
        last = torch.minimum(unit_of_frame[:, -1] + _NEIGHBOURS, self._counts[line] - 1)
        units = self._units[(self._first_unit[line][:, None] + torch.minimum(unit, last[:, None]))]
        code = torch.arange(self.crop_frames // FRAMES_PER_TOKEN, device=self._device)
        return {
            "units": torch.where(unit <= last[:, None], units, 0),
            "unit_of_frame": unit_of_frame - low[:, None],
            "position": self._positions[self._on(horizons)[:, None], at],
            "codes": self._codes[(self._first_code[line] + start // FRAMES_PER_TOKEN)[:, None] + code],
            "mix": self._mix[line],
            **{name: values[at] for name, values in self._per_frame.items()},
        }

    def _on(self, values: NDArray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self._device)


class AdversarialTraining:
    """The whole state of the stage: call `step` until `done` is `settings.steps`; `state` and `load` move it to another process.

    Every step draws its data from (seed, step): on a CPU with one thread a resumed run ends with the same weights. Sums on a GPU have no
    fixed order, so the weights there differ slightly.
    """

    def __init__(self, pack: Pack, settings: AdversarialSettings, device: torch.device | str = "cpu") -> None:
        self.settings, self.device, self.done = settings, torch.device(device), 0
        self._config = config = pack.decoder_config
        torch.manual_seed(settings.seed)
        self.decoder, self.average = Decoder(config), Decoder(config)
        for decoder in (self.decoder, self.average):
            decoder.load_state_dict({name: torch.from_numpy(values) for name, values in pack.decoder.items()})
            decoder.to(self.device)
        self.average.eval()
        self.discriminators = DiscriminatorSet(settings.discriminator_channels).to(self.device)
        self._maker, self._learner = (
            torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, betas=(0.8, 0.99), weight_decay=1e-3)
            for network in (self.decoder, self.discriminators)
        )
        self._renderer = Renderer(config, self.device)
        frames = round(settings.crop_s * FRAME_RATE_HZ) // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN
        self._load_data(pack, frames)

    def _load_data(self, pack: Pack, frames: int) -> None:
        long_enough = [line for line in pack.recorded if line.frames > frames]
        training = [line for line in long_enough if not line.is_held_out]
        held_out = [line for line in long_enough if line.is_held_out]
        sung = [line for line in pack.sung if line.frames > frames + FRAMES_PER_TOKEN]
        if not training or not sung:
            raise TrainingError(
                f"No {'recording' if not training else 'sung phrase'} of the pack is longer than crop_s = {self.settings.crop_s:g} s. "
                "Choose a smaller one."
            )
        self._recorded = self._recordings(training, frames)
        self._held_out = self._recordings(held_out, frames) if held_out else None
        self._sung = Lines(sung, frames, self.device)
        direct = AcousticModel(pack.direct_config)
        direct.load_state_dict({name: torch.from_numpy(values) for name, values in pack.direct.items()})
        said = [_said_directly(direct.to(self.device).eval(), line, self.device) for line in sung]
        self._sung.add("bands", [envelope.log_amplitude[0].cpu().numpy() for envelope in said])
        self._sung.add("aperiodicity", [envelope.aperiodicity[0].cpu().numpy() for envelope in said])

    def _recordings(self, lines: Sequence[RecordedLine], frames: int) -> Lines:
        found = Lines(lines, frames, self.device)
        hop = self._config.hop_samples
        found.add("f0_hz", [line.f0_hz for line in lines])
        found.add("aperiodicity", [line.aperiodicity for line in lines])
        found.add("samples", [line.samples.reshape(-1, hop) for line in lines])
        found.add("band_hz", [np.full(line.frames, line.band_hz, np.float32) for line in lines])
        return found

    @property
    def sample_rate(self) -> int:
        return self._config.sample_rate

    def step(self) -> dict[str, Tensor]:
        """Train the discriminators and the decoder for one step; return the parts of the losses, on the device."""
        settings, step = self.settings, self.done
        rng = np.random.default_rng((settings.seed, step))
        seed = settings.seed * 1_000_003 + step
        torch.manual_seed(seed)
        generator = torch.Generator(self.device).manual_seed(seed)
        for optimiser in (self._maker, self._learner):
            for group in optimiser.param_groups:
                group["lr"] = settings.learning_rate * (0.05 + 0.95 * 0.5 * (1.0 + math.cos(math.pi * step / settings.steps)))
        batch, codes, mix = self._draw(rng)
        envelope, voicing = self._envelope(self.decoder, batch, codes, mix, self._kept(rng))
        made = self._renderer.render(envelope, batch, generator)
        turned = replace(batch, f0_hz=repitched(batch, rng, settings.repitch_semitones))
        made_turned = self._renderer.render(envelope, turned, generator, teaches_aperiodicity=True)
        rate, bands_hz = self._config.sample_rate, batch.band_hz
        heard = torch.cat([below(made, bands_hz, rate), below(made_turned, bands_hz, rate)])
        recorded = below(batch.samples, bands_hz, rate)

        discriminator = self._train_discriminators(recorded, heard.detach())
        parts = {
            "spectral": self._renderer.spectral_loss(made, batch),
            "aperiodicity": aperiodicity_loss(envelope, batch, self._config),
            "voicing": 0.1 * functional.binary_cross_entropy_with_logits(voicing, batch.voiced),
        }
        of_sung = sung_losses(self.decoder, self._draw_sung(rng), self._kept(rng))
        parts["sung"] = settings.sung * torch.stack(list(of_sung.values())).sum()
        if step >= settings.discriminators_alone_steps:
            parts |= self._adversarial_losses(recorded, heard)
        self._maker.zero_grad(set_to_none=True)
        torch.stack(list(parts.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(self.decoder.parameters(), 1.0)
        self._maker.step()
        self._follow(min(settings.ema_decay, (10 + step) / (20 + step)))
        self.done += 1
        return {**{name: value.detach() for name, value in parts.items()}, "discriminator": discriminator}

    def _train_discriminators(self, recorded: Tensor, made: Tensor) -> Tensor:
        with self._fast():
            of_recorded, of_made = self.discriminators(recorded), self.discriminators(made)
        loss = discriminator_loss(of_recorded, of_made)
        self._learner.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.discriminators.parameters(), 10.0)
        self._learner.step()
        return loss.detach()

    def _adversarial_losses(self, recorded: Tensor, heard: Tensor) -> dict[str, Tensor]:
        for parameter in self.discriminators.parameters():
            parameter.requires_grad_(False)
        with self._fast():
            with torch.no_grad():
                of_recorded = self.discriminators(recorded)
            of_made, of_turned = self.discriminators(heard[: len(recorded)]), self.discriminators(heard[len(recorded) :])
        parts = {
            "deceiving": self.settings.deceiving * generator_loss(of_made),
            "deceiving_repitched": self.settings.deceiving * generator_loss(of_turned),
            "matching": self.settings.matching * feature_matching_loss(of_recorded, of_made),
        }
        for parameter in self.discriminators.parameters():
            parameter.requires_grad_(True)
        return parts

    @torch.no_grad()
    def held_out(self) -> dict[str, float]:
        """Return the spectral distance of the averaged decoder on the held-out recordings' beginnings: with tokens and units, and with
        units alone.
        """
        if self._held_out is None:
            return {}
        lines = np.arange(len(self._held_out.frames))
        nothing = np.zeros_like(lines)
        batch, codes, mix = self._as_batch(self._held_out.crops(lines, nothing, nothing))
        keep = torch.ones(len(lines), dtype=torch.bool, device=self.device)
        found = {}
        for name, said in (("both", codes), ("units", torch.full_like(codes, self._config.codes))):
            envelope, _ = self._envelope(self.average, batch, said, mix, keep)
            generator = torch.Generator(self.device).manual_seed(self.settings.seed)
            found[name] = float(self._renderer.spectral_loss(self._renderer.render(envelope, batch, generator), batch))
        return found

    @torch.no_grad()
    def held_out_sound(self, count: int, semitones: float = 0.0) -> Tensor:
        """Return the first held-out crops by the averaged decoder, [count, samples]; `semitones` from the recorded pitch."""
        if self._held_out is None:
            return torch.zeros(0, 0)
        lines = np.arange(min(count, len(self._held_out.frames)))
        nothing = np.zeros_like(lines)
        batch, codes, mix = self._as_batch(self._held_out.crops(lines, nothing, nothing))
        keep = torch.ones(len(lines), dtype=torch.bool, device=self.device)
        envelope, _ = self._envelope(self.average, batch, codes, mix, keep)
        generator = torch.Generator(self.device).manual_seed(self.settings.seed)
        batch = replace(batch, f0_hz=batch.f0_hz * 2.0 ** (semitones / 12.0))
        return self._renderer.render(envelope, batch, generator).cpu()

    def result(self) -> dict[str, NDArray[np.float16]]:
        """Return the averaged decoder's weights as a voice stores them."""
        return {name: values.cpu().half().numpy() for name, values in self.average.state_dict().items()}

    def state(self) -> dict[str, dict]:
        """Return three parts of similar size, for torch.save."""
        return {
            "decoder": {
                "identity": self._identity(),
                "done": self.done,
                "now": self.decoder.state_dict(),
                "average": self.average.state_dict(),
            },
            "decoder_optimiser": self._maker.state_dict(),
            "discriminators": {"now": self.discriminators.state_dict(), "optimiser": self._learner.state_dict()},
        }

    def load(self, state: Mapping[str, dict]) -> None:
        """Resume from a `state`. Raises TrainingError if it belongs to another run."""
        if state["decoder"]["identity"] != self._identity():
            raise TrainingError(
                "The checkpoint was begun with other settings or another pack, so the run cannot go on from there. "
                "Use what it was begun with, or choose another folder."
            )
        self.done = int(state["decoder"]["done"])
        self.decoder.load_state_dict(state["decoder"]["now"])
        self.average.load_state_dict(state["decoder"]["average"])
        self._maker.load_state_dict(state["decoder_optimiser"])
        self.discriminators.load_state_dict(state["discriminators"]["now"])
        self._learner.load_state_dict(state["discriminators"]["optimiser"])

    def _identity(self) -> str:
        frames = [int(lines.frames.sum()) for lines in (self._recorded, self._sung)]
        return f"{asdict(self.settings)} {self._config.as_dict()} {frames}"

    def _fast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")

    def _draw(self, rng: np.random.Generator) -> tuple[Batch, Tensor, Tensor]:
        lines = rng.choice(
            len(self._recorded.frames), self.settings.batch, p=self._recorded.frames / self._recorded.frames.sum()
        )
        batch, codes, mix = self._as_batch(self._recorded.crops(lines, *self._places(self._recorded, lines, rng)))
        return batch, self._without_some(codes, rng), mix

    def _draw_sung(self, rng: np.random.Generator) -> SungBatch:
        lines = rng.choice(len(self._sung.frames), self.settings.batch)
        crops = self._sung.crops(lines, *self._places(self._sung, lines, rng))
        return SungBatch(**{**crops, "codes": self._without_some(crops["codes"], rng)})

    def _places(
        self, among: Lines, lines: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        first = rng.integers(0, among.frames[lines] - among.crop_frames) // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN
        hidden = rng.random(len(lines)) < _HORIZON_CHANCE
        return first, np.where(hidden, rng.integers(1, len(_HORIZONS_S) + 1, len(lines)), 0)

    def _as_batch(self, crops: dict[str, Tensor]) -> tuple[Batch, Tensor, Tensor]:
        codes, mix, band_hz = crops.pop("codes"), crops.pop("mix"), crops.pop("band_hz")
        samples = crops.pop("samples").flatten(1).float() / 32767
        return Batch(**crops, samples=samples, speaker=mix.argmax(1), band_hz=band_hz[:, 0]), codes, mix

    def _envelope(
        self, decoder: Decoder, batch: Batch, codes: Tensor, mix: Tensor, keep_units: Tensor
    ) -> tuple[Envelope, Tensor]:
        features = decoder.frame_features(batch.units, batch.unit_of_frame, batch.position, codes, keep_units=keep_units)
        return decoder.envelope(features, batch.voiced, batch.effort, decoder.speaker(mix)), decoder.voicing_logit(features)

    def _without_some(self, codes: Tensor, rng: np.random.Generator) -> Tensor:
        whole = rng.random((len(codes), 1)) < self._config.token_dropout
        single = rng.random(codes.shape) < _SILENT_TOKEN_CHANCE
        return torch.where(torch.from_numpy(whole | single).to(self.device), self._config.codes, codes)

    def _kept(self, rng: np.random.Generator) -> Tensor:
        return torch.from_numpy(rng.random(self.settings.batch) >= self._config.unit_dropout).to(self.device)

    @torch.no_grad()
    def _follow(self, decay: float) -> None:
        for slow, fast in zip(self.average.parameters(), self.decoder.parameters(), strict=True):
            slow.lerp_(fast, 1.0 - decay)


def repitched(batch: Batch, rng: np.random.Generator, semitones: float) -> Tensor:
    """Move F0 [B, T] of every crop to the middle pitch of another one, plus or minus `semitones`; between 60 and 1100 Hz."""
    count = len(batch.f0_hz)
    middle = batch.f0_hz.median(dim=1).values
    other = torch.from_numpy(np.roll(np.arange(count), int(rng.integers(1, max(2, count))))).to(middle.device)
    spread = torch.from_numpy(2.0 ** (rng.uniform(-semitones, semitones, count) / 12.0)).to(middle)
    return (batch.f0_hz * (middle[other] / middle * spread)[:, None]).clamp(60.0, 1100.0)


@torch.inference_mode()
def _said_directly(direct: AcousticModel, line: Line, device: torch.device) -> Envelope:
    laid = line.laid()
    told = (torch.from_numpy(values)[None].to(device) for values in (laid.units, laid.unit_of_frame, laid.position))
    voiced, effort = (torch.from_numpy(values)[None].to(device) for values in (line.voiced, line.effort))
    mix = torch.from_numpy(line.mix)[None].to(device)
    return direct.envelope(direct.frame_features(*told), voiced, effort, mix @ direct.speakers.weight)


def _most_units(unit_of_frame: NDArray[np.int64], frames: int) -> int:
    """Return the largest possible number of units of a crop and its neighbours."""
    within = unit_of_frame[frames - 1 :] - unit_of_frame[: len(unit_of_frame) - frames + 1]
    return int(within.max(initial=0)) + 1 + 2 * _NEIGHBOURS


def _starts(lengths: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
