"""The SoVITS from nothing as a voice: what it is given for a performance is what it was trained on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.performance import SILENCE, Performance, PhoneSpan
from engine.voices.card import read_card
from engine.voices.gpt_sovits.score_phones import phone_name
from engine.voices.starter.voice import Articulation, read_networks, transcribe
from research.singing_sovits import SingingConfig, SingingSovits
from research.singing_voice import SingingVoice

pytestmark = pytest.mark.slow

KATHLEEN = Path(__file__).resolve().parents[2] / "engine" / "voices" / "embedded" / "kathleen"
SIZES = SingingConfig(
    phonemes=64,
    codes=512,
    hidden=16,
    filter=16,
    text_layers=1,
    semantic_layers=1,
    latent=8,
    couplings=2,
    flow_layers=1,
    posterior_layers=1,
    embedding=16,
    decoder_width=32,
    resblock_kernels=(3,),
    resblock_dilations=(1,),
)


@pytest.fixture(scope="module")
def networks():
    return read_networks(KATHLEEN, read_card(KATHLEEN), Articulation.DIRECT)


def phrase(frames: int = 118, f0_hz: float = 220.0) -> Performance:
    """ "Low", of a length that is no whole number of codes."""
    spans = ((SILENCE, 0.0, 0.2), ("L", 0.2, 0.3), ("OW", 0.3, 1.0), (SILENCE, 1.0, frames / 100))
    pitch = np.full(frames, f0_hz, dtype=np.float32)
    pitch[:10] = np.nan
    still = np.zeros(frames, dtype=np.float32)
    return Performance(
        start_frame=0,
        phones=tuple(PhoneSpan(*span) for span in spans),
        f0_hz=pitch,
        energy_db=still,
        breathiness=still,
        tension=still,
        formant_semitones=still,
    )


def test_a_performance_is_written_in_codes_without_gaps(networks) -> None:
    said = transcribe(networks, phrase())
    assert len(said.codes) == 30 and len(said.f0_hz) == len(said.voiced) == 120
    assert said.codes.min() >= 0 and said.codes.max() < networks.gpt.config.codes, "no step is left out for want of confidence"
    assert len(set(said.codes[8:24].tolist())) > 1, "not one code for all"
    assert said.f0_hz == pytest.approx(220.0, rel=1e-5)
    assert said.units[:4] == (SILENCE, "L", "OW", "OW_glide")
    assert not said.voiced[:20].any() and said.voiced[40:90].all()


def test_it_sings_a_performance_at_its_length_pitch_and_level(networks) -> None:
    torch.manual_seed(1)
    network = SingingSovits(SIZES)
    for parameter in network.source.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    seen: list[list[str]] = []

    def numbers(names) -> list[int]:
        seen.append(list(names))
        return [len(name) for name in names]

    voice = SingingVoice(network, torch.zeros(1, SIZES.embedding, 1), read_card(KATHLEEN), networks, numbers)
    samples = voice.synthesise(phrase())
    assert len(samples) == 118 * 320 and np.isfinite(samples).all() and np.ptp(samples) > 0
    assert seen == [[",", "L", phone_name("OW"), ","]]
    assert np.array_equal(samples, voice.synthesise(phrase()))
    assert not np.allclose(samples, voice.synthesise(phrase(f0_hz=330.0)))
    softer = replace(phrase(), energy_db=np.full(118, -6.0, dtype=np.float32))
    assert voice.synthesise(softer) == pytest.approx(samples * 10 ** (-6 / 20), abs=1e-5)
