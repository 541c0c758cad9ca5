"""A SoVITS that sings, trained from scratch: the official networks at a reduced size, with F0 in prior and decoder from the first step
on.

As VITS (Kim et al. 2021): the posterior encodes the recording, the flow maps its latent to the prior, which is conditioned on tokens,
phones and F0; the decoder renders the latent with a source at F0. Losses: log-spectrum distance, the divergence of posterior and prior,
the distance of renderings from the prior, as in singing (for short trainings), and, after `adversarial_from` steps, discriminators on
spectrograms of three resolutions (UnivNet, Jang et al. 2021) with feature matching. The voice's embedding comes from another clip of the
same speaker, so that it holds no pitch. The decoder, which costs most, may render a part of each crop only.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from engine.errors import TrainingError
from engine.train.stages.loop import Report, StageSettings, Trained, run_stage
from engine.train.stages.score_frames import CodedClip
from engine.train.stages.spectra import harmonic_share, log_spectrum_distance
from engine.voices.gpt_sovits.networks import audio
from engine.voices.gpt_sovits.networks.adapter import SAMPLE_RATE, HarmonicSource, PitchPrior
from engine.voices.gpt_sovits.networks.config import SovitsConfig
from engine.voices.gpt_sovits.networks.prior import ones_mask
from engine.voices.gpt_sovits.networks.sovits import NOISE_SCALE, Pitched, Sovits
from engine.voices.gpt_sovits.score_phones import CODE_S

SAMPLES_PER_CODE = 1280
_MOVED_SEMITONES = 3  # how far held-out pitch is moved to see whether it is followed
_RESOLUTIONS = (2048, 1024, 512)
_SLOPE = 0.1


@dataclass(frozen=True, kw_only=True)
class SingingConfig:
    """Differences from the official sizes. `latent` and `embedding` in channels; `decoder_width` at the decoder's entrance.

    `resblock_kernels` are the kernel sizes of the decoder's residual blocks, each with all `resblock_dilations`.
    """

    phonemes: int
    codes: int
    hidden: int = 96
    filter: int = 256
    text_layers: int = 3
    semantic_layers: int = 2
    latent: int = 64
    couplings: int = 4
    flow_layers: int = 3
    posterior_layers: int = 8
    embedding: int = 128
    decoder_width: int = 192
    resblock_kernels: tuple[int, ...] = (3, 7, 11)
    resblock_dilations: tuple[int, ...] = (1, 3, 5)
    discriminator_width: int = 24

    def config(self) -> SovitsConfig:
        """Return the whole configuration; everything else is as in v2."""
        return SovitsConfig(
            version="v2",
            phonemes=self.phonemes,
            semantic_width=self.embedding,
            codebook=self.codes,
            hidden=self.hidden,
            filter=self.filter,
            heads=2,
            kernel=3,
            window=4,
            text_layers=self.text_layers,
            semantic_layers=self.semantic_layers,
            mrte_width=self.embedding,
            mrte_heads=4,
            latent=self.latent,
            couplings=self.couplings,
            flow_layers=self.flow_layers,
            posterior_layers=self.posterior_layers,
            posterior_rows=1025,
            spectrum_rows=704,
            style_width=64,
            style_heads=2,
            embedding=self.embedding,
            speaker_width=0,
            decoder_width=self.decoder_width,
            upsample_rates=(10, 8, 2, 2, 2),
            upsample_kernels=(16, 16, 8, 2, 2),
            resblock_kernels=self.resblock_kernels,
            resblock_dilations=(self.resblock_dilations,) * len(self.resblock_kernels),
        )


@dataclass(frozen=True, kw_only=True)
class Weighting:
    """Weights of the parts of the loss beside the log-spectrum distance, and the first step of the discriminators.

    `sung` weighs the distance of renderings from tokens, phones and F0 alone. `decoded_s` of each crop are rendered; 0 is all of it.
    """

    divergence: float = 0.05
    sung: float = 0.0
    decoded_s: float = 0.0
    adversarial: float = 0.1
    features: float = 0.2
    adversarial_from: int = 5000


class SingingSovits(nn.Module):
    """SoVITS with F0 as the pitch adapter gives it, all parts trained together. Codes are looked up in a table that stays random."""

    def __init__(self, sizes: SingingConfig) -> None:
        super().__init__()
        config = sizes.config()
        self.sovits = Sovits(config)
        self.sovits.quantizer.codebook.normal_()
        self.pitch_prior = PitchPrior(config.hidden)
        self.source = HarmonicSource(config.decoder_width, config.upsample_rates)

    def pitched(self, f0_hz: Tensor, voiced: Tensor, generator: torch.Generator | None = None) -> Pitched:
        return Pitched(self.pitch_prior(f0_hz, voiced), self.source(f0_hz, voiced, generator))

    @torch.inference_mode()
    def sing(
        self,
        codes: Tensor,
        phones: Tensor,
        ge: Tensor,
        f0_hz: Tensor,
        voiced: Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Codes `[1, K]` of the phones `[1, N]` on F0 `[1, 2 K]` to samples `[1, 1280 K]`."""
        pitched = self.pitched(f0_hz, voiced, generator)
        return self.sovits.decode(codes, phones, ge, noise_scale=NOISE_SCALE, generator=generator, pitched=pitched)


class Discriminators(nn.Module):
    """One per resolution: convolutions over the log spectrogram, one score per place."""

    def __init__(self, width: int) -> None:
        super().__init__()
        shapes = [(1, width, 1), (width, width, 2), (width, width, 2), (width, width, 2), (width, 1, 1)]
        self.stacks = nn.ModuleList(
            nn.ModuleList(nn.Conv2d(i, o, (7, 3), (stride, 1), padding=(3, 1)) for i, o, stride in shapes) for _ in _RESOLUTIONS
        )

    def forward(self, samples: Tensor) -> list[list[Tensor]]:
        """Samples `[B, N]` to the features of each resolution; the last of each is its score."""
        return [self._stack(samples, stack, size) for stack, size in zip(self.stacks, _RESOLUTIONS, strict=True)]

    def _stack(self, samples: Tensor, stack: nn.Module, size: int) -> list[Tensor]:
        window = torch.hann_window(size, device=samples.device)
        spectrum = torch.stft(samples, size, size // 4, window=window, return_complex=True)
        x, features = (torch.view_as_real(spectrum).square().sum(-1) + 1e-7).log()[:, None] * 0.2, []
        layers = list(stack.children())
        for layer in layers:
            x = layer(x)
            features.append(x)
            if layer is not layers[-1]:
                x = F.leaky_relu(x, _SLOPE)
        return features


@dataclass(frozen=True)
class Piece:
    """A crop of a clip: its tensors with a batch of one; `other` is a spectrogram of another clip of the speaker."""

    codes: Tensor
    phones: Tensor
    f0_hz: Tensor
    voiced: Tensor
    samples: Tensor
    other: Tensor


def piece_of(clip: CodedClip, first: int, codes: int, other: CodedClip, device: torch.device | str) -> Piece:
    """Return `codes` tokens of `clip` from `first` on, with their phones, and the voice of `other`."""
    frames, samples = slice(2 * first, 2 * (first + codes)), slice(first * SAMPLES_PER_CODE, (first + codes) * SAMPLES_PER_CODE)
    spoken = clip.phone_of_code[first : first + codes]
    phones = clip.phones[spoken.min() : spoken.max() + 1]

    def placed(values: np.ndarray) -> Tensor:
        return torch.from_numpy(values).to(device)[None]

    return Piece(
        codes=placed(clip.codes[first : first + codes]),
        phones=placed(phones),
        f0_hz=placed(clip.f0_hz[frames]),
        voiced=placed(clip.voiced[frames]),
        samples=placed(clip.samples[samples]),
        other=audio.spectrogram(placed(other.samples)),
    )


def generator_losses(
    model: SingingSovits, piece: Piece, weighting: Weighting, random: torch.Generator
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Return renderings of the recording's own latent with the recording there, `[1, N]` each, and the losses that need no discriminator."""
    sovits, device = model.sovits, piece.samples.device
    ge = sovits.voice(piece.other)
    spectrogram = audio.spectrogram(piece.samples)
    mask = ones_mask(1, spectrogram.shape[2], spectrogram)

    def noise(like: Tensor) -> Tensor:
        return torch.randn((1, sovits.config.latent, like.shape[2]), generator=random).to(device)

    if sovits.posterior is None:
        raise ValueError("Training needs the posterior encoder.")
    latent, _, posterior_deviation = sovits.posterior(spectrogram, mask, ge, noise(spectrogram))
    pitch = model.pitch_prior(piece.f0_hz, piece.voiced)
    frames, samples = _decoded(piece, weighting.decoded_s, random)
    pitched = Pitched(pitch, model.source(piece.f0_hz[:, frames], piece.voiced[:, frames], random))
    hidden = sovits.hidden(piece.codes, piece.phones, ge, pitched)
    mean, prior_deviation = sovits.prior.statistics(hidden, mask)
    moved = sovits.flow(latent, mask, ge)
    divergence = prior_deviation - posterior_deviation - 0.5 + 0.5 * (moved - mean).square() * torch.exp(-2 * prior_deviation)
    ours, theirs = sovits.decoder(latent[:, :, frames], ge, pitched.sources), piece.samples[:, samples]
    parts = {
        "sound": log_spectrum_distance(ours, theirs),
        "divergence": weighting.divergence * divergence.mean(),
    }
    if weighting.sung > 0:
        part = hidden[:, :, frames]
        sung = sovits.render(part, ge, noise=noise(part), pitched=pitched)
        parts["sung"] = weighting.sung * log_spectrum_distance(sung, theirs)
    return ours, theirs, parts


def _decoded(piece: Piece, decoded_s: float, random: torch.Generator) -> tuple[slice, slice]:
    """The frames and the samples that are rendered."""
    most = piece.codes.shape[1]
    codes = min(most, round(decoded_s / CODE_S)) or most
    first = int(torch.randint(most - codes + 1, (), generator=random)) if codes < most else 0
    frames, samples = (slice(size * first, size * (first + codes)) for size in (2, SAMPLES_PER_CODE))
    return frames, samples


def adversarial_losses(discriminators: Discriminators, ours: Tensor, theirs: Tensor, weighting: Weighting) -> dict[str, Tensor]:
    """Return least-squares losses (Mao et al. 2017) of the discriminators and, with the discriminators frozen, of the generator."""
    own, true = discriminators(ours.detach()), discriminators(theirs)
    caught = sum(
        ((1 - t[-1]).square().mean() + o[-1].square().mean() for o, t in zip(own, true, strict=True)), ours.new_zeros(())
    )
    still = {name: tensor.detach() for name, tensor in discriminators.named_parameters()}
    shown = functional_call(discriminators, still, (ours,))
    fooled, apart = ours.new_zeros(()), ours.new_zeros(())
    for shown_features, true_features in zip(shown, true, strict=True):
        fooled = fooled + (1 - shown_features[-1]).square().mean()
        for a, b in zip(shown_features[:-1], true_features[:-1], strict=True):
            apart = apart + (a - b.detach()).abs().mean()
    return {"discriminators": caught, "fooled": weighting.adversarial * fooled, "features": weighting.features * apart}


def train_singing_sovits(
    sizes: SingingConfig,
    settings: StageSettings,
    weighting: Weighting,
    training: Sequence[CodedClip],
    held_out: Sequence[CodedClip],
    folder: Path,
    *,
    device: str = "cpu",
    report: Report | None = None,
) -> tuple[SingingSovits, Trained]:
    """Train, or resume from `folder/singing_sovits.pt`; return the averaged model, on the CPU.

    Raises TrainingError if there are not two clips as long as `settings.crop_s`.
    """
    codes = max(1, round(settings.crop_s / CODE_S))
    usable = [clip for clip in training if len(clip.codes) > codes]
    if len(usable) < 2:
        raise TrainingError(f"Two clips longer than crop_s = {settings.crop_s:g} s are needed; there are {len(usable)}.")
    torch.manual_seed(settings.seed)
    model = nn.ModuleDict({"voice": SingingSovits(sizes), "discriminators": Discriminators(sizes.discriminator_width)}).to(
        device
    )
    average = copy.deepcopy(model)
    voice, discriminators = _parts(model)

    def losses(step: int, rng: np.random.Generator, generator: torch.Generator) -> dict[str, Tensor]:
        total: dict[str, Tensor] = {}
        for _ in range(settings.batch):
            index, other = rng.choice(len(usable), 2, replace=False)
            first = int(rng.integers(0, len(usable[index].codes) - codes))
            piece = piece_of(usable[index], first, codes, usable[other], device)
            ours, theirs, parts = generator_losses(voice, piece, weighting, generator)
            if step >= weighting.adversarial_from:
                parts |= adversarial_losses(discriminators, ours, theirs, weighting)
            for name, value in parts.items():
                total[name] = total.get(name, torch.zeros((), device=device)) + value / settings.batch
        for name in ("discriminators", "fooled", "features"):
            total.setdefault(name, torch.zeros((), device=device))  # a column of the curves from the start
        return total

    @torch.no_grad()
    def figures() -> dict[str, float]:
        return sung_figures(_parts(average)[0], held_out, usable[0]) if held_out else {}

    identity = f"{sizes}\n{weighting}\n" + "\n".join(
        f"{clip.name} {len(clip.codes)} {int(clip.codes.sum())}" for clip in usable
    )
    trained = run_stage(
        "singing_sovits", model, average, settings, losses, figures, folder=folder, data_identity=identity, report=report
    )
    return _parts(average.cpu())[0].eval(), trained


def sung_figures(
    voice: SingingSovits, clips: Sequence[CodedClip], reference: CodedClip, semitones: float = _MOVED_SEMITONES
) -> dict[str, float]:
    """Return figures from tokens, phones and F0 alone: distance to the recordings, and accuracy of F0 when it is moved up by `semitones`."""
    device = next(voice.parameters()).device
    distances, shares, ratio = [], [], 2 ** (semitones / 12)
    for clip in clips:
        piece = piece_of(clip, 0, len(clip.codes), reference, device)
        ge = voice.sovits.voice(piece.other)

        def sung(factor: float, piece: Piece = piece, ge: Tensor = ge) -> Tensor:
            pitched = voice.pitched(piece.f0_hz * factor, piece.voiced, torch.Generator().manual_seed(0))
            return voice.sovits.decode(piece.codes, piece.phones, ge, noise_scale=0, pitched=pitched)

        distances.append(float(log_spectrum_distance(sung(1.0), piece.samples)))
        shares.append(harmonic_share(sung(ratio)[0], piece.f0_hz[0] * ratio, piece.voiced[0], SAMPLE_RATE))
    return {"sound": float(np.mean(distances)), "at_pitch": float(np.mean(shares))}


def _parts(model: nn.ModuleDict) -> tuple[SingingSovits, Discriminators]:
    voice, discriminators = model["voice"], model["discriminators"]
    assert isinstance(voice, SingingSovits) and isinstance(discriminators, Discriminators)
    return voice, discriminators
