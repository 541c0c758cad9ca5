"""The NumPy networks against the torch ones they were exported from, whole and frame by frame."""

import numpy as np
import pytest
import torch

from engine.voices.starter.acoustic import AcousticModel
from engine.voices.starter.conditioning import pitch_bins, relative_pitch, since_rest, step_frames, time_left_classes
from engine.voices.starter.config import AcousticConfig, DecoderConfig, GptConfig, LoudnessConfig
from engine.voices.starter.decoder import Decoder
from engine.voices.starter.gpt import TokenGpt
from engine.voices.starter.loudness import LoudnessModel
from engine.voices.starter.numpy_networks import DecoderNetwork, DirectNetwork, GptNetwork, LoudnessNetwork, repeat_codes
from engine.voices.units import UNIT_INDEX, Unit, unit_frames

UNITS = [
    Unit(symbol, 0.13 * index, 0.13 * (index + 1))
    for index, symbol in enumerate(("SIL", "M", "AA", "S", "T_closure", "T", "AY", "AY_glide"))
]
FRAMES = 104
LAID = unit_frames(UNITS, FRAMES, 100)
MIX = np.array([[0.3, 0.7]], np.float32)


def weights_of(model):
    return {name: tensor.numpy() for name, tensor in model.state_dict().items()}


def batch(*arrays):
    return [torch.from_numpy(array)[None] for array in arrays]


@pytest.fixture
def controls():
    rng = np.random.default_rng(4)
    return (rng.random(FRAMES) > 0.3).astype(np.float32), rng.uniform(-0.8, 0.3, FRAMES).astype(np.float32)


@pytest.fixture(scope="module")
def decoder():
    torch.manual_seed(1)
    config = DecoderConfig(speakers=2, channels=48, dilations=(1, 2, 4))
    return Decoder(config).eval()


@pytest.mark.parametrize("block_frames", [1, 3, 40, FRAMES])
@torch.no_grad()
def test_the_decoder_in_blocks_is_the_torch_decoder_at_once(decoder, controls, block_frames):
    voiced, effort = controls
    codes = np.random.default_rng(1).integers(0, decoder.config.codes + 1, FRAMES // 4)
    features = decoder.frame_features(*batch(LAID.units, LAID.unit_of_frame, LAID.position, codes))
    wanted = decoder.envelope(features, *batch(voiced, effort), decoder.speaker(torch.from_numpy(MIX)))
    logits = decoder.voicing_logit(features)[0].numpy()

    network = DecoderNetwork(decoder.config, weights_of(decoder))
    ahead = network.features(network.contexts(LAID.units), LAID.unit_of_frame, LAID.position, repeat_codes(codes, 0, FRAMES))
    ahead = np.pad(ahead, ((0, decoder.config.look_ahead), (0, 0)))
    state, found, found_logits = network.start(), [], []
    for first in range(0, FRAMES, block_frames):
        end = min(FRAMES, first + block_frames)
        seen = ahead[first : end + decoder.config.look_ahead]
        found_logits.append(network.voicing(state, seen))
        found.append(network.envelope(state, seen, voiced[first:end], effort[first:end], MIX.repeat(end - first, 0)))
    assert np.concatenate(found_logits) == pytest.approx(logits, abs=1e-5)
    assert np.concatenate([e.log_amplitude for e in found]) == pytest.approx(wanted.log_amplitude[0].numpy(), abs=1e-4)
    assert np.concatenate([e.aperiodicity for e in found]) == pytest.approx(wanted.aperiodicity[0].numpy(), abs=1e-5)


@torch.no_grad()
def test_the_decoder_hears_no_more_than_its_look_ahead(decoder, controls):
    """Changes 3 frames ahead leave the output equal; changes 2 frames ahead alter it."""
    voiced, effort = controls
    codes = np.full(FRAMES // 4, decoder.config.codes)
    before = LAID.position.copy()
    for ahead, is_heard in ((3, False), (2, True)):
        changed = before.copy()
        changed[50 + ahead :] += 1.0
        outputs = []
        for position in (before, changed):
            features = decoder.frame_features(*batch(LAID.units, LAID.unit_of_frame, position, codes))
            envelope = decoder.envelope(features, *batch(voiced, effort), decoder.speaker(torch.from_numpy(MIX)))
            outputs.append(torch.cat([envelope.log_amplitude[0, :51], decoder.voicing_logit(features)[0, :51, None]], dim=1))
        assert torch.equal(*outputs) is not is_heard


@torch.no_grad()
def test_the_direct_network_is_the_torch_one(controls):
    torch.manual_seed(2)
    model = AcousticModel(AcousticConfig(speakers=2, channels=48, dilations=(1, 4))).eval()
    voiced, effort = controls
    features = model.frame_features(*batch(LAID.units, LAID.unit_of_frame, LAID.position))
    wanted = model.envelope(features, *batch(voiced, effort), torch.from_numpy(MIX) @ model.speakers.weight)
    network = DirectNetwork(model.config, weights_of(model))
    own = network.features(LAID.units, LAID.unit_of_frame, LAID.position)
    found = network.envelope(own, voiced, effort, MIX.repeat(FRAMES, 0))
    assert network.voicing(own) == pytest.approx(model.voicing_logit(features)[0].numpy(), abs=1e-5)
    assert found.log_amplitude == pytest.approx(wanted.log_amplitude[0].numpy(), abs=1e-4)
    assert found.aperiodicity == pytest.approx(wanted.aperiodicity[0].numpy(), abs=1e-5)


@pytest.mark.parametrize(("sees_pitch", "sees_duration"), [(True, True), (False, True), (True, False)])
@torch.no_grad()
def test_the_token_model_step_by_step_is_the_torch_one_at_once(sees_pitch, sees_duration):
    torch.manual_seed(3)
    config = GptConfig(speakers=2, width=48, heads=4, layers=2, window=16, sees_pitch=sees_pitch, sees_duration=sees_duration)
    model = TokenGpt(config).eval()
    steps = FRAMES // 4  # more than the window
    rng = np.random.default_rng(5)
    pitch, left = rng.integers(0, config.pitches, steps), rng.integers(0, config.time_left, steps)
    previous = rng.integers(0, config.codes + 1, steps)
    wanted = model(*batch(LAID.units, LAID.unit_of_frame, LAID.position, pitch, left), torch.from_numpy(MIX), *batch(previous))
    network = GptNetwork(config, weights_of(model))
    contexts = network.contexts(LAID.units)[LAID.unit_of_frame]
    state = network.start()
    for step in range(steps):
        state.last_code = int(previous[step])
        at = slice(4 * step, 4 * step + 4)
        logits = network.logits(state, contexts[at], LAID.position[at], int(pitch[step]), int(left[step]), MIX[0])
        assert logits == pytest.approx(wanted[0, step].numpy(), abs=1e-4)


@pytest.mark.parametrize("block_frames", [1, 7, FRAMES])
@torch.no_grad()
def test_the_loudness_network_in_blocks_is_the_torch_one_at_once(block_frames):
    torch.manual_seed(6)
    model = LoudnessModel(LoudnessConfig(speakers=2)).eval()
    model.median_hz.copy_(torch.tensor([156.0, 228.0]))
    f0_hz = np.linspace(120.0, 420.0, FRAMES).astype(np.float32)
    rests = LAID.units[LAID.unit_of_frame] == UNIT_INDEX["SIL"]
    median_hz = float(np.exp(MIX[0] @ np.log([156.0, 228.0])))
    wanted = model(
        *batch(LAID.units, LAID.unit_of_frame, LAID.position, relative_pitch(f0_hz, median_hz), since_rest(rests)[0]),
        torch.from_numpy(MIX),
    )
    network = LoudnessNetwork(model.config, weights_of(model))
    features = np.concatenate([network.contexts(LAID.units)[LAID.unit_of_frame], LAID.position], axis=1)
    features = np.pad(features, ((0, model.config.look_ahead), (0, 0)))
    state, found = network.start(), []
    for first in range(0, FRAMES, block_frames):
        end = min(FRAMES, first + block_frames)
        seen = features[first : end + model.config.look_ahead]
        found.append(network.effort(state, seen, f0_hz[first:end], rests[first:end], MIX.repeat(end - first, 0)))
    assert np.concatenate(found) == pytest.approx(wanted[0].numpy(), abs=1e-5)


def test_steps_get_pitch_and_time_left():
    at, first, middle = step_frames(3)
    assert at.tolist() == [0, 2, 6] and first.tolist() == [0, 4, 8] and middle.tolist() == [2, 6, 10]
    voiced, voiceless = UNIT_INDEX["AA"], UNIT_INDEX["S"]
    assert pitch_bins(np.array([440.0, 220.0, 440.0]), np.array([voiced, voiced, voiceless]), 49).tolist() == [33, 21, 48]
    assert time_left_classes(np.array([0.0, 0.02, 0.021, 1.28, 1.3, np.inf])).tolist() == [0, 0, 1, 6, 7, 7]


def test_time_since_a_rest_goes_on_from_block_to_block():
    rests = np.array([True, False, False, True, False, False, False])
    whole, end_s = since_rest(rests)
    first, middle_s = since_rest(rests[:5])
    second, later_s = since_rest(rests[5:], middle_s)
    assert np.concatenate([first, second]).tolist() == whole.tolist() and later_s == end_s == pytest.approx(0.03)
