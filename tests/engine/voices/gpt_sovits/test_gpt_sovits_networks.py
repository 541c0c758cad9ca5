"""The networks with small random weights: invariants that hold whatever the weights are."""

from __future__ import annotations

import math

import pytest
import torch
from gpt_sovits_tiny import (
    VERSIONS,
    gpt_config,
    gpt_weights,
    sovits_config,
    sovits_weights,
    speaker_weights,
)
from torch.nn import functional as F

from engine.errors import VoiceError
from engine.voices.gpt_sovits.networks import audio
from engine.voices.gpt_sovits.networks.config import GptConfig, SovitsConfig, SpeakerConfig
from engine.voices.gpt_sovits.networks.generate import (
    MIN_STEPS,
    Sampling,
    draw,
    generate,
    generate_batch,
    probabilities,
    stream_codes,
)
from engine.voices.gpt_sovits.networks.gpt import SPAN_STEP, Text2Semantic, prefix_mask, training_logits
from engine.voices.gpt_sovits.networks.sentences import split_sentences
from engine.voices.gpt_sovits.networks.sovits import Sovits, SovitsStream, at_speed, fade
from engine.voices.gpt_sovits.networks.transformer import from_diagonals, to_diagonals
from engine.voices.gpt_sovits.networks.weights import build_gpt, build_sovits, build_speaker, fold_weight_norm

GREEDY = Sampling(top_k=1, early_stop=30)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def gpt() -> Text2Semantic:
    weights = gpt_weights()
    return build_gpt(weights, GptConfig.from_official(gpt_config(), weights))


def make_sovits(version: str, *, posterior: bool = False) -> Sovits:
    weights = sovits_weights(version, posterior=posterior)
    return build_sovits(weights, SovitsConfig.from_official(sovits_config(version), weights))


@pytest.fixture(scope="module", params=VERSIONS)
def sovits(request) -> Sovits:
    return make_sovits(request.param)


@pytest.fixture(scope="module")
def text() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Phones `[1, 9]`, features and a prompt `[1, 60]`: generation then crosses a border of the cache's span."""
    random = torch.Generator().manual_seed(4)
    phones = torch.randint(700, (1, 9), generator=random)
    return phones, torch.randn(1, 1024, 9, generator=random), torch.randint(1024, (1, SPAN_STEP - 4), generator=random)


def voice_of(model: Sovits, seed: int = 5) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    spectrogram = torch.rand(1, 1025, 20, generator=random)
    speaker = torch.randn(1, model.config.speaker_width, generator=random) if model.config.has_speaker else None
    return model.voice(spectrogram, speaker)


# --------------------------------------------------------------------------------------------------------------------- s1


def test_steps_with_the_cache_equal_one_pass_over_everything(gpt, text) -> None:
    phones, bert, prompt = text
    steps = list(stream_codes(gpt, phones, bert, prompt, GREEDY))
    codes = torch.cat([prompt, torch.tensor([[step.code for step in steps[:-1]]])], dim=1)
    mask = prefix_mask(phones.shape[1], codes.shape[1], phones.device)
    hidden = gpt(gpt.embed_text(phones, bert), gpt.embed_codes(codes), mask[None])
    whole = gpt.to_logits(hidden[0, -len(steps) :])
    torch.testing.assert_close(torch.stack([step.logits for step in steps]), whole, atol=2e-5, rtol=1e-5)


def test_later_codes_do_not_change_earlier_ones(gpt, text) -> None:
    phones, bert, prompt = text
    short = generate(gpt, phones, bert, prompt, GREEDY, max_steps=12)
    long = generate(gpt, phones, bert, prompt, GREEDY, max_steps=25)
    assert torch.equal(long.codes[: len(short.codes)], short.codes)


def test_a_batch_says_the_same_as_its_texts_alone(gpt, text) -> None:
    phones, bert, prompt = text
    cuts = (slice(None), slice(2, None), slice(None, -3))
    rows = generate_batch(gpt, [phones[0, cut] for cut in cuts], [bert[0, :, cut] for cut in cuts], prompt[0], GREEDY)
    for cut, row in zip(cuts, rows, strict=True):
        alone = generate(gpt, phones[:, cut], bert[:, :, cut], prompt, GREEDY)
        shortest = min(len(row.codes), len(alone.codes))
        assert shortest >= MIN_STEPS
        assert torch.equal(row.codes[:shortest], alone.codes[:shortest])


def test_same_seed_same_codes(gpt, text) -> None:
    def codes(seed: int) -> list[int]:
        sampling = Sampling(top_k=15, early_stop=20)
        return generate(gpt, *text, sampling, generator=torch.Generator().manual_seed(seed)).codes.tolist()

    assert codes(1) == codes(1) != codes(2)


def test_works_without_a_prompt(gpt, text) -> None:
    phones, bert, prompt = text
    made = generate(gpt, phones, bert, prompt[:, :0], GREEDY)
    assert MIN_STEPS <= len(made.codes) <= 31 and int(made.codes.max()) < gpt.config.end


def test_the_end_is_not_offered_too_early(gpt, text) -> None:
    eager = build_gpt(gpt_weights(), gpt.config)
    eager.to_logits.weight[-1] = 50 * eager.to_logits.weight.mean(0)
    phones, bert, prompt = text
    steps = list(stream_codes(eager, phones, bert, prompt, GREEDY))
    assert not any(step.is_end for step in steps[:MIN_STEPS])


def test_probabilities_follow_the_rules_one_by_one() -> None:
    logits, previous = torch.randn(1, 40, generator=torch.Generator().manual_seed(6)), torch.tensor([[3, 3, 7]])
    rule = Sampling(top_k=5, top_p=0.8, temperature=0.6, repetition_penalty=1.3)
    expected = logits[0].clone()
    for code in {3, 7}:
        expected[code] = expected[code] * 1.3 if expected[code] < 0 else expected[code] / 1.3
    total, kept = 0.0, []
    chances = expected.softmax(-1)
    for code in expected.argsort(descending=True).tolist():
        total += float(chances[code])
        if not kept or total <= 0.8:
            kept.append(code)
    kept = kept[:5]
    masked = torch.full((40,), -math.inf)
    masked[kept] = expected[kept] / 0.6
    torch.testing.assert_close(probabilities(logits, previous, rule)[0], masked.softmax(-1))


def test_draws_are_fair() -> None:
    chances = torch.tensor([0.6, 0.3, 0.1, 0.0])
    drawn = draw(chances.expand(20_000, -1), torch.Generator().manual_seed(7))
    torch.testing.assert_close(torch.bincount(drawn, minlength=4) / 20_000, chances, atol=0.015, rtol=0)


def test_training_hears_no_later_code(gpt) -> None:
    random = torch.Generator().manual_seed(8)
    phones, bert = torch.randint(700, (2, 6), generator=random), torch.zeros(2, 1024, 6)
    codes, lengths = torch.randint(1024, (2, 8), generator=random), torch.tensor([[6, 8], [4, 5]])
    logits, targets = training_logits(gpt, phones, bert, codes, lengths)
    changed = codes.clone()
    changed[:, 4] = (changed[:, 4] + 1) % 1024
    other, _ = training_logits(gpt, phones, bert, changed, lengths)
    assert logits.shape == (2, 9, 1025) and targets[1].tolist() == [*codes[1, :5].tolist(), *[1024] * 4]
    torch.testing.assert_close(logits[:, :5], other[:, :5])
    assert not torch.allclose(logits[:, 5], other[:, 5])


# --------------------------------------------------------------------------------------------------------------------- s2


def test_every_version_decodes(sovits) -> None:
    codes, phones = torch.arange(6)[None], torch.arange(5)[None]
    ge = voice_of(sovits)
    assert ge.shape == (1, sovits.config.embedding, 1)
    wave = sovits.decode(codes, phones, ge, generator=torch.Generator().manual_seed(1))
    assert wave.shape == (1, 6 * 1280) and sovits.config.samples_per_code == 1280
    assert torch.isfinite(wave).all() and 0 < wave.abs().max() <= 1
    assert torch.equal(wave, sovits.decode(codes, phones, ge, generator=torch.Generator().manual_seed(1)))
    assert sovits.decode(codes, phones, ge, speed=1.5).shape == (1, (int(12 / 1.5) + 1) * 640)


def test_versions_are_distinguished(sovits) -> None:
    assert sovits.config.version in VERSIONS
    assert sovits.config.has_speaker == sovits.config.version.startswith("v2Pro")
    assert (sovits.config.spectrum_rows, sovits.config.phonemes) == (
        (1025, 322) if sovits.config.version == "v1" else (704, 732)
    )
    assert SovitsConfig.from_table(sovits.config.to_table()) == sovits.config


def test_pro_needs_the_speaker() -> None:
    with pytest.raises(ValueError, match="speaker vector"):
        make_sovits("v2Pro").voice(torch.rand(1, 1025, 20))


def test_a_stream_of_one_piece_is_the_whole(sovits) -> None:
    codes, phones, ge = torch.arange(8)[None], torch.arange(5)[None], voice_of(sovits)
    stream = SovitsStream(sovits, phones, ge)
    torch.testing.assert_close(
        stream.decode(codes, 8, noise_scale=0), sovits.decode(codes, phones, ge, noise_scale=0), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("overlap", [0, 1, 2])
def test_a_stream_returns_what_was_asked_for(overlap: int) -> None:
    model = make_sovits("v2")
    phones, ge = torch.arange(5)[None], voice_of(model)
    stream = SovitsStream(model, phones, ge)
    codes = torch.arange(20)[None]
    stream.decode(codes[:, :8], 8)
    before = stream.latent
    wave = stream.decode(codes, 12 + overlap, overlap=overlap)
    assert wave.shape == (1, (12 + overlap) * 1280)
    unfaded = model.hidden(codes, phones, ge)[:, :, -2 * (12 + overlap) :]
    torch.testing.assert_close(stream.latent[:, :, 2 * overlap :], unfaded[:, :, 2 * overlap :])
    if overlap:  # the first frame is the old one, later ones turn into the new
        torch.testing.assert_close(stream.latent[:, :, 0], before[:, :, -2 * overlap])


def test_fading_keeps_the_power() -> None:
    ones, zeros = torch.ones(1, 1, 12), torch.zeros(1, 1, 12)
    torch.testing.assert_close(fade(ones, zeros, 4)[..., :4] ** 2 + fade(zeros, ones, 4)[..., :4] ** 2, torch.ones(1, 1, 4))
    assert torch.equal(fade(zeros, ones, 4)[..., 4:], ones[..., 4:])


def test_speed_one_changes_nothing() -> None:
    x = torch.randn(1, 3, 10)
    assert at_speed(x, 1.0) is x and at_speed(x, 0.5).shape[2] == 21


@torch.no_grad()
def test_the_flow_can_be_undone(sovits) -> None:
    ge, mask = voice_of(sovits), torch.ones(1, 1, 9)
    x = torch.randn(1, sovits.config.latent, 9, generator=torch.Generator().manual_seed(9))
    moved = sovits.flow(x, mask, ge)
    assert not torch.allclose(moved, x, atol=1e-3)
    torch.testing.assert_close(sovits.flow.inverse(moved, mask, ge), x, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_posterior_is_there_when_the_file_has_it() -> None:
    model = make_sovits("v2", posterior=True)
    assert make_sovits("v2").posterior is None and model.posterior is not None
    shape = (1, model.config.latent, 7)
    z, mean, _ = model.posterior(torch.rand(1, 1025, 7), torch.ones(1, 1, 7), voice_of(model), torch.zeros(shape))
    assert z.shape == shape and torch.equal(z, mean)


def test_codes_are_the_nearest_vectors() -> None:
    model = make_sovits("v2").quantizer
    features = torch.randn(1, 12, 30, generator=torch.Generator().manual_seed(10))
    distances = torch.cdist(model.halve(features).transpose(1, 2), model.codebook[None])
    assert torch.equal(model.encode(features), distances.argmin(-1))
    assert torch.equal(model.decode(torch.tensor([[4, 9]]))[0].T, model.codebook[[4, 4, 9, 9]])


@torch.no_grad()
def test_padding_is_not_heard() -> None:
    """A text and codes padded in a batch give the frames that they give alone."""
    model = make_sovits("v2")
    prior, ge = model.prior, voice_of(model)
    features, phones = torch.randn(1, 12, 10), torch.arange(6)[None]
    alone = prior(features, torch.ones(1, 1, 10), phones, torch.ones(1, 1, 6), ge)
    mask, text_mask = F.pad(torch.ones(1, 1, 10), (0, 4)), F.pad(torch.ones(1, 1, 6), (0, 3))
    padded = prior(F.pad(features, (0, 4), value=7.0), mask, F.pad(phones, (0, 3), value=9), text_mask, ge)
    torch.testing.assert_close(padded[:, :, :10], alone, atol=1e-5, rtol=1e-5)
    assert not padded[:, :, 10:].any()


def test_diagonals_hold_one_value_per_distance() -> None:
    near = torch.randn(2, 6, 5)
    square = to_diagonals(near, 2)
    for row in range(6):
        for column in range(6):
            expected = near[:, row, column - row + 2] if abs(column - row) <= 2 else torch.zeros(2)
            assert torch.equal(square[:, row, column], expected)
    inside = to_diagonals(torch.ones(2, 6, 5), 2) != 0
    assert torch.equal(from_diagonals(square, 2) != 0, from_diagonals(inside.float(), 2) != 0)
    assert torch.equal(to_diagonals(from_diagonals(square, 2), 2), square)


def test_weight_norm_is_folded_for_every_first_dimension() -> None:
    v, g = torch.randn(4, 3, 5), torch.rand(4, 1, 1) + 0.5
    folded = fold_weight_norm({"a.weight_v": v, "a.weight_g": g, "a.bias": torch.zeros(4)})
    torch.testing.assert_close(folded["a.weight"].flatten(1).norm(dim=1), g.flatten())
    assert set(folded) == {"a.weight", "a.bias"}


# ----------------------------------------------------------------------------------------------------- speaker and spectra


@torch.no_grad()
def test_the_speaker_network_averages_over_time() -> None:
    weights = speaker_weights()
    config = SpeakerConfig.from_official(weights)
    assert (config.blocks, config.scale, config.widths, config.expansion) == ((2, 2, 2, 2), 2, (4, 8, 16, 32), 2)
    vector = build_speaker(weights, config)(audio.filterbank(torch.randn(1, 16_000)[0])[None])
    assert vector.shape == (1, 8 * 2 * 8 * 10) and torch.isfinite(vector).all()


def test_a_tone_lies_in_its_row() -> None:
    tone = torch.sin(2 * math.pi * 1000 * torch.arange(32_000) / 32_000)
    magnitudes = audio.spectrogram(tone)
    assert magnitudes.shape == (1025, 50)
    assert set(magnitudes[:, 5:-5].argmax(0).tolist()) == {1000 * 2048 // 32_000}
    assert audio.log_mel(magnitudes, 32_000, 128).shape == (128, 50)
    assert audio.filterbank(tone[:16_000]).shape == (98, 80)


def test_mel_filters_have_equal_area() -> None:
    filters = audio.slaney_filters(32_000, 16_384, 40)
    torch.testing.assert_close(filters.sum(1) * 32_000 / 16_384, torch.ones(40), atol=0.02, rtol=0)


# --------------------------------------------------------------------------------------------------------------- sentences


def test_sentences_are_cut_at_marks() -> None:
    assert split_sentences("Sing it at 3.5 bars. Then, please, stop!", "en", "cut5") == [
        "Sing it at 3.5 bars.",
        " Then,",
        " please,",
        " stop!",
    ]
    assert split_sentences("歌おうか。そう、ね", "ja", "cut0") == ["歌おうか。そう、ね。"]
    assert split_sentences("", "en") == []


def test_no_piece_is_too_long() -> None:
    pieces = split_sentences("word, " * 400, "en", "cut0")
    assert len(pieces) > 3 and max(map(len, pieces)) <= 510
    assert "".join(pieces).replace(" ", "").startswith("word,word,")


@pytest.mark.parametrize("mark", ";,.!?：，。、…")
def test_cut5_cuts_at_its_marks_and_not_at_the_full_width_semicolon(mark: str) -> None:
    first, second = split_sentences(f"先唱八小节{mark}然后收住；不要抢拍。", "zh", "cut5")
    assert first.startswith(f"先唱八小节{mark}") and second == "然后收住；不要抢拍。"


@pytest.mark.parametrize("text", ["我" * 1500, "word " * 400, "我" * 510, "我" * 511])
def test_text_without_marks_is_cut_as_well(text: str) -> None:
    pieces = split_sentences(text, "zh", "cut5")
    assert max(map(len, pieces)) <= 511 and "".join(pieces).rstrip("。") == text
    assert all(len(piece) > 1 for piece in pieces)


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(ValueError, match="cut9"):
        split_sentences("hello there", "en", "cut9")


@pytest.mark.parametrize("posterior", [False, True])
def test_weights_without_norm_or_under_new_names_are_the_same_network(posterior: bool) -> None:
    weights = dict(sovits_weights("v2", posterior=posterior))
    renamed = {
        name.replace("weight_g", "parametrizations.weight.original0").replace(
            "weight_v", "parametrizations.weight.original1"
        ): weight
        for name, weight in weights.items()
    }
    states = []
    for given in (weights, fold_weight_norm(weights), renamed):
        config = SovitsConfig.from_official(sovits_config("v2"), given)
        states.append(build_sovits(given, config).state_dict())
    for state in states[1:]:
        assert state.keys() == states[0].keys()
        assert all(torch.equal(weight, states[0][name]) for name, weight in state.items())


def test_a_weight_with_and_without_norm_or_with_half_of_it_is_refused() -> None:
    v, g = torch.ones(2, 3), torch.ones(2, 1)
    with pytest.raises(VoiceError, match="both with and without its norm"):
        fold_weight_norm({"a.weight_v": v, "a.weight_g": g, "a.weight": v})
    with pytest.raises(VoiceError, match="length without its direction"):
        fold_weight_norm({"a.weight_g": g})
    with pytest.raises(VoiceError, match="no fitting"):
        fold_weight_norm({"a.weight_v": v})
