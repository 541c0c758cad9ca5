"""The network's shapes, and that nothing in it depends on padding, on the batch or on being built twice."""

import pytest
import torch

from engine.voices.starter.acoustic import AcousticModel
from engine.voices.starter.config import AcousticConfig
from engine.voices.units import UNITS, Unit, unit_frames

SMALL = AcousticConfig(embedding=12, channels=16, dilations=(1, 2), voicing_channels=8)


def laid(symbols, seconds=0.2):
    units = [Unit(s, i * seconds, (i + 1) * seconds) for i, s in enumerate(symbols)]
    frames = unit_frames(units, round(100 * seconds * len(units)), 100)
    return [torch.from_numpy(a)[None] for a in (frames.units, frames.unit_of_frame, frames.position)]


@pytest.fixture
def model():
    torch.manual_seed(3)
    return AcousticModel(SMALL).eval()


@torch.no_grad()
def test_shapes_and_ranges(model):
    features = model.frame_features(*laid(["SIL", "M", "AA", "SIL"]))
    assert features.shape == (1, SMALL.embedding + 8, 80)
    voiced = (model.voicing_logit(features) > 0).float()
    envelope = model.envelope(features, voiced, torch.zeros(1, 80), model.speaker(torch.tensor([0])))
    assert voiced.shape == (1, 80)
    assert envelope.log_amplitude.shape == (1, 80, SMALL.power_bands)
    assert envelope.aperiodicity.shape == (1, 80, SMALL.aperiodicity_bands)
    assert envelope.aperiodicity.min() >= 0 and envelope.aperiodicity.max() <= 1


@torch.no_grad()
def test_neighbouring_phones_colour_a_phone(model):
    alone, after_m = (model.frame_features(*laid(symbols)) for symbols in (["S", "AA", "SIL"], ["M", "AA", "SIL"]))
    assert (alone[0, :, 20:40] != after_m[0, :, 20:40]).any()


@torch.no_grad()
def test_the_effort_reaches_the_envelope(model):
    features = model.frame_features(*laid(["AA"]))
    speaker = model.speaker(torch.tensor([0]))
    soft, loud = (
        model.envelope(features, torch.ones(1, 20), torch.full((1, 20), e), speaker).log_amplitude for e in (-0.5, 0.5)
    )
    assert (soft != loud).any()


def test_a_config_survives_the_card():
    assert AcousticConfig.from_dict(SMALL.as_dict()) == SMALL
    assert AcousticConfig().units == len(UNITS)
