"""A SoVITS trained from scratch as a `Voice`: it sings a performance from the tokens of the starter voice's GPT.

For listening and comparison; it cannot be installed. Phones, F0 and voicing are laid out as in training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.performance.types import Performance
from engine.units import FRAME_RATE_HZ
from engine.voices.card import VoiceCard
from engine.voices.gpt_sovits.networks.adapter import SAMPLE_RATE
from engine.voices.gpt_sovits.networks.sovits import NOISE_SCALE, Pitched
from engine.voices.gpt_sovits.score_phones import phones_of, pitch_frames
from engine.voices.starter.voice import Networks, transcribe
from research.singing_sovits import SingingSovits

_SEED = 0

Samples = NDArray[np.float32]
Numbers = Callable[[Sequence[str]], Sequence[int]]


@dataclass(frozen=True, eq=False)
class Hidden:
    """A performance before decoding: hidden frames [T, C] at 50 Hz with their F0 in Hz and voicing [T]."""

    frames: NDArray[np.float32]
    f0_hz: NDArray[np.float32]
    voiced: NDArray[np.float32]


class SingingVoice:
    """`numbers_of` as in training; `ge` [1, C, 1] is the voice's embedding; `networks` the starter voice's, with its direct model."""

    def __init__(self, network: SingingSovits, ge: Tensor, card: VoiceCard, networks: Networks, numbers_of: Numbers) -> None:
        self._network, self._ge = network.eval(), ge
        self._card = replace(card, name="singing-sovits", title="SoVITS from nothing", sample_rate=SAMPLE_RATE)
        self._networks, self._numbers_of = networks, numbers_of

    @property
    def network(self) -> SingingSovits:
        return self._network

    @property
    def card(self) -> VoiceCard:
        return self._card

    @property
    def fingerprint(self) -> str:
        return f"singing-sovits:{self._card.sha256}"

    def synthesise(self, performance: Performance) -> Samples:
        """See `engine.voices.types.Voice`. The performance's loudness is plain gain."""
        hidden = self.hidden(performance)
        samples = self.sound_of(hidden)[: performance.frames * SAMPLE_RATE // FRAME_RATE_HZ]
        centres = (np.arange(performance.frames) + 0.5) * SAMPLE_RATE / FRAME_RATE_HZ
        gain_db = np.interp(np.arange(len(samples)), centres, performance.energy_db)
        return (samples * 10.0 ** (gain_db / 20.0)).astype(np.float32)

    @torch.inference_mode()
    def hidden(self, performance: Performance) -> Hidden:
        """Return tokens, phones and F0 of the performance through the prior."""
        said = transcribe(self._networks, performance)
        f0_hz, voiced = pitch_frames(said.f0_hz, said.voiced)
        symbols, _ = phones_of(said.units, said.ends_s)
        codes, phones = torch.from_numpy(said.codes)[None], torch.tensor(list(self._numbers_of(symbols)))[None]
        pitch = self._network.pitch_prior(torch.from_numpy(f0_hz)[None], torch.from_numpy(voiced)[None])
        frames = self._network.sovits.hidden(codes, phones, self._ge, Pitched(pitch, ()))
        return Hidden(frames[0].T.numpy(), f0_hz, voiced)

    @torch.inference_mode()
    def sound_of(self, hidden: Hidden) -> Samples:
        """Return samples [640 T]; deterministic for one `hidden`."""
        random = torch.Generator().manual_seed(_SEED)
        f0_hz, voiced = (torch.from_numpy(values)[None] for values in (hidden.f0_hz, hidden.voiced))
        frames = torch.from_numpy(np.ascontiguousarray(hidden.frames.T, dtype=np.float32))[None]
        pitched = Pitched(frames, self._network.source(f0_hz, voiced, random))
        return self._network.sovits.render(frames, self._ge, noise_scale=NOISE_SCALE, generator=random, pitched=pitched)[
            0
        ].numpy()
