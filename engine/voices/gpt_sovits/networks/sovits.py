"""The s2 network, semantic tokens to sound: SoVITS, a VITS (Kim et al. 2021) whose prior is conditioned on tokens, phones and a
reference.

`decode` is `hidden` followed by `render`. The frames between the two, at 50 Hz, can be stretched in time: the official speed factor
stretches all frames alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import SovitsConfig
from .decoder import Decoder
from .flow import Flow, Posterior
from .prior import Prior, ones_mask
from .quantizer import SemanticQuantizer
from .style import SpeakerFusion, StyleEncoder

NOISE_SCALE = 0.5  # what all official callers use


@dataclass(frozen=True)
class Pitched:
    """Additions of a pitch adapter: to the prior's frames `[B, C, 2T]`, and in each stage of the decoder."""

    prior: Tensor
    sources: tuple[Tensor, ...]

    def last(self, frames: int) -> Pitched:
        """Return the additions of the last `frames` frames."""
        share = frames / self.prior.shape[2]
        return Pitched(self.prior[:, :, -frames:], tuple(s[:, :, -round(share * s.shape[2]) :] for s in self.sources))


class Sovits(nn.Module):
    """All versions: `speaker` exists in the Pro versions, `posterior` in files meant for further training."""

    def __init__(self, config: SovitsConfig) -> None:
        super().__init__()
        self.config = config
        self.quantizer = SemanticQuantizer(config.semantic_width, config.codebook)
        self.style = StyleEncoder(config.spectrum_rows, config.style_width, config.style_heads, config.embedding)
        self.speaker = SpeakerFusion(config.speaker_width, config.embedding, config.mrte_width) if config.has_speaker else None
        self.prior = Prior(config)
        self.flow = Flow(config.latent, config.hidden, config.couplings, config.flow_layers, config.embedding)
        self.decoder = Decoder(config)
        self.posterior = (
            Posterior(config.posterior_rows, config.latent, config.hidden, config.posterior_layers, config.embedding)
            if config.posterior_layers
            else None
        )

    def voice(self, spectrogram: Tensor, speaker: Tensor | None = None) -> Tensor:
        """Return the global embedding `[B, gin, 1]` of a reference: its spectrogram `[B, 1025, F]` and, for Pro, its speaker vector `[B,
        20480]`.

        The mean of several references' embeddings is a voice between them.
        """
        style = self.style(spectrogram)
        if self.speaker is None:
            return style
        if speaker is None:
            raise ValueError(f"A {self.config.version} voice needs the speaker vector of its reference.")
        return self.speaker(style, speaker)

    def hidden(self, codes: Tensor, phones: Tensor, ge: Tensor, pitched: Pitched | None = None) -> Tensor:
        """Map `[B, T]` tokens and `[B, N]` phones of the same text to frames `[B, C, 2T]`."""
        features = self.quantizer.decode(codes)
        mask = ones_mask(len(codes), features.shape[2], features)
        text_mask = ones_mask(len(phones), phones.shape[1], features)
        voice = ge if self.speaker is None else self.speaker.for_prior(ge)
        return self.prior(features, mask, phones, text_mask, voice, None if pitched is None else pitched.prior)

    def render(
        self,
        hidden: Tensor,
        ge: Tensor,
        *,
        noise_scale: float = NOISE_SCALE,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
        pitched: Pitched | None = None,
    ) -> Tensor:
        """Map frames `[B, C, T]` to samples `[B, 640 T]`.

        `noise` `[B, latent, T]` is drawn, unless given, on the device of `generator`: a generator on the CPU gives the same values for
        every device.
        """
        mask = ones_mask(len(hidden), hidden.shape[2], hidden)
        latent, log_deviation = self.prior.statistics(hidden, mask)
        if noise_scale > 0:
            if noise is None:
                drawn_on = latent.device if generator is None else generator.device
                noise = torch.randn(latent.shape, device=drawn_on, generator=generator).to(latent)
            latent = latent + noise * log_deviation.exp() * noise_scale
        return self.decoder(self.flow.inverse(latent, mask, ge) * mask, ge, None if pitched is None else pitched.sources)

    @torch.inference_mode()
    def decode(
        self,
        codes: Tensor,
        phones: Tensor,
        ge: Tensor,
        *,
        noise_scale: float = NOISE_SCALE,
        speed: float = 1.0,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
        pitched: Pitched | None = None,
    ) -> Tensor:
        """Map `[B, T]` tokens and the `[B, N]` phones of their text to samples `[B, 1280 T]` (about 1 / `speed` of that).

        `pitched` sets the pitch of each frame. Raises ValueError if it is given with a speed other than 1.
        """
        if pitched is not None and speed != 1.0:
            raise ValueError("With a given pitch the length is given too: speed must be 1.")
        hidden = at_speed(self.hidden(codes, phones, ge, pitched), speed)
        return self.render(hidden, ge, noise_scale=noise_scale, noise=noise, generator=generator, pitched=pitched)


def at_speed(hidden: Tensor, speed: float) -> Tensor:
    """Stretch frames `[B, C, T]` linearly to `T / speed` and, as in the official code, one more frame."""
    if speed == 1.0:
        return hidden
    return F.interpolate(hidden, size=int(hidden.shape[2] / speed) + 1, mode="linear")


@dataclass
class SovitsStream:
    """Decoding while tokens are still being generated: each call gets all tokens so far and returns the sound of the last ones.

    Neighbouring calls overlap by some tokens, over whose frames the result of the old call fades into that of the new one.
    """

    model: Sovits
    phones: Tensor
    ge: Tensor
    latent: Tensor | None = None

    @torch.inference_mode()
    def decode(
        self,
        codes: Tensor,
        last: int,
        *,
        overlap: int = 0,
        noise_scale: float = NOISE_SCALE,
        speed: float = 1.0,
        generator: torch.Generator | None = None,
        pitched: Pitched | None = None,
    ) -> Tensor:
        """Return samples `[B, 1280 last]` of the `last` tokens of `codes` `[B, T]`, of which the first `overlap` were returned before.

        `pitched` sets the pitch of all frames so far. Raises ValueError if it is given with a speed other than 1.
        """
        if pitched is not None and speed != 1.0:
            raise ValueError("With a given pitch the length is given too: speed must be 1.")
        hidden = self.model.hidden(codes, self.phones, self.ge, pitched)[:, :, -2 * last :]
        if self.latent is not None and overlap:
            hidden = fade(self.latent, hidden, 2 * overlap)
        self.latent = hidden
        return self.model.render(
            at_speed(hidden, speed),
            self.ge,
            noise_scale=noise_scale,
            generator=generator,
            pitched=None if pitched is None else pitched.last(2 * last),
        )


def fade(old: Tensor, new: Tensor, frames: int) -> Tensor:
    """Return `new` with its first `frames` mixed with the last ones of `old`: half a sine, rising on the new and falling on the old."""
    window = torch.sin(math.pi * torch.arange(2 * frames, device=new.device) / (2 * frames)).to(new.dtype)
    mixed = old[:, :, -frames:] * window[frames:] + new[:, :, :frames] * window[:frames]
    return torch.cat([mixed, new[:, :, frames:]], dim=2)
