"""The GPT's decoding: memory that is used again, steps with fixed shapes, weights of eight bits."""

from __future__ import annotations

import copy
import logging

import pytest
import torch
from gpt_sovits_tiny import gpt_config, gpt_weights

from engine.voices.gpt_sovits.networks.config import GptConfig
from engine.voices.gpt_sovits.networks.decoding import Decoding
from engine.voices.gpt_sovits.networks.generate import Sampling, generate, generate_batch, stream_codes
from engine.voices.gpt_sovits.networks.gpt import Text2Semantic
from engine.voices.gpt_sovits.networks.int8 import Int8Linear, to_int8
from engine.voices.gpt_sovits.networks.weights import build_gpt

GREEDY = Sampling(top_k=1, early_stop=30)


class _Replayed(Decoding):
    """Steps as on CUDA: recorded once per span, replayed from fixed places, texts never dropped."""

    def __init__(self, *sizes) -> None:
        super().__init__(*sizes)
        self.is_recorded, self.spans = True, []

    def _recording(self, span):
        if span not in self._recordings:
            self.spans.append(span)
            logits = self._step(span).clone()
            self._recordings[span] = (lambda: logits.copy_(self._step(span)), logits)
        return self._recordings[span]


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


@pytest.fixture(scope="module")
def text() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(4)
    phones = torch.randint(700, (1, 9), generator=random)
    return phones, torch.randn(1, 1024, 9, generator=random), torch.randint(1024, (1, 20), generator=random)


def test_memory_can_be_used_again(gpt, text) -> None:
    phones, bert, prompt = text
    decoding = Decoding(gpt, 1, 200)
    for cut in (slice(None), slice(3, None), slice(None)):
        given = phones[:, cut], bert[:, :, cut], prompt
        assert torch.equal(generate(gpt, *given, GREEDY, decoding=decoding).codes, generate(gpt, *given, GREEDY).codes)


def test_replayed_steps_say_the_same(gpt, text) -> None:
    decoding = _Replayed(gpt, 1, 1000)
    for _ in range(2):
        assert torch.equal(generate(gpt, *text, GREEDY, decoding=decoding).codes, generate(gpt, *text, GREEDY).codes)
    assert decoding.spans == [512]


def test_a_batch_says_the_same_whether_finished_texts_leave_or_stay(gpt, text) -> None:
    phones, bert, prompt = text
    cuts = (slice(None), slice(2, None), slice(None, -3), slice(4, None))
    texts = [phones[0, cut] for cut in cuts], [bert[0, :, cut] for cut in cuts], prompt[0]
    rule = Sampling(top_k=1, early_stop=40)
    said = [row.codes.tolist() for row in generate_batch(gpt, *texts, rule)]
    late = next(code for code in said[0][15:] if code not in said[1][:-1] or said[1].index(code) != said[0].index(code))
    ending = build_gpt(gpt_weights(), gpt.config)
    ending.to_logits.weight[-1] = 1.01 * ending.to_logits.weight[late]  # where that code was, the text ends
    left, stayed = (generate_batch(ending, *texts, rule, decoding=decoding) for decoding in (None, _Replayed(ending, 4, 600)))
    assert len({row.last_step for row in left}) > 1, "the texts should end at different steps"
    for a, b in zip(left, stayed, strict=True):
        assert torch.equal(a.codes, b.codes) and a.last_step == b.last_step


def test_room_that_is_too_small_is_reported(gpt, text) -> None:
    with pytest.raises(ValueError, match="9 phones and 20 codes do not fit"):
        generate(gpt, *text, GREEDY, decoding=Decoding(gpt, 2, 200))


def test_a_score_decides_how_many_codes_there_are_and_is_heard(gpt, text) -> None:
    silent = torch.zeros(1, 40, gpt.config.width)
    free = list(stream_codes(gpt, *text, Sampling(top_k=1, early_stop=None), max_steps=11))
    steps = list(stream_codes(gpt, *text, GREEDY, score=silent[:, :25]))
    assert len(steps) == 25 and not any(step.is_end for step in steps)
    assert [step.code for step in steps[:11]] == [step.code for step in free]
    assert all(torch.equal(a.logits, b.logits) for a, b in zip(steps, free, strict=False))
    told = silent.clone()
    told[:, 7] = 3 * torch.randn(gpt.config.width, generator=torch.Generator().manual_seed(1))
    changed = list(stream_codes(gpt, *text, GREEDY, score=told[:, :25]))
    assert all(torch.equal(a.logits, b.logits) for a, b in zip(steps[:7], changed[:7], strict=True))
    assert not torch.allclose(steps[7].logits, changed[7].logits, atol=1e-2)
    at_once = list(stream_codes(gpt, *text, GREEDY, score=told[:, 7:]))
    assert not torch.allclose(steps[0].logits, at_once[0].logits, atol=1e-2)


def _has_packed_product() -> bool:
    return "fbgemm" in torch.backends.quantized.supported_engines


@pytest.mark.parametrize("is_packed", [True, False])
def test_weights_of_eight_bits_say_nearly_the_same(gpt, text, is_packed: bool, monkeypatch, caplog) -> None:
    if is_packed and not _has_packed_product():
        pytest.skip("this torch has no product of eight-bit matrices")
    if not is_packed:
        monkeypatch.delattr(torch, "fbgemm_pack_quantized_matrix")
    with caplog.at_level(logging.WARNING):
        small = to_int8(copy.deepcopy(gpt))
    assert bool(caplog.records) != is_packed, "a fallback is announced"
    assert sum(isinstance(part, Int8Linear) for part in small.modules()) == 4 * gpt.config.layers
    kept = sum(parameter.numel() for parameter in small.blocks.parameters())
    assert kept < 0.1 * sum(parameter.numel() for parameter in gpt.blocks.parameters())
    told = torch.zeros(1, 30, gpt.config.width)
    pair = [[step.logits for step in stream_codes(model, *text, GREEDY, score=told, max_steps=1)] for model in (gpt, small)]
    error = (pair[0][0] - pair[1][0]).std() / pair[0][0].std()
    assert 0 < error < 0.05
    decodings = [Decoding(model, 1, 100) for model in (gpt, small)]
    phones, bert, prompt = text
    with torch.inference_mode():
        for decoding in decodings:
            decoding.begin(decoding.model.embed_text(phones, bert), decoding.model.embed_codes(prompt))
        for code in (3, 500, 77):
            exact, near = (decoding.advance(torch.tensor([code])) for decoding in decodings)
            assert 0 < (exact - near).std() / exact.std() < 0.05


@torch.inference_mode()
def test_the_largest_products_do_not_overflow() -> None:
    linear = torch.nn.Linear(64, 3)
    linear.weight.copy_(torch.stack([torch.full((64,), 0.5), torch.full((64,), -0.5), torch.linspace(-1, 1, 64)]))
    x = torch.cat([torch.full((1, 63), 2.0), torch.zeros(1, 1)], dim=1)
    torch.testing.assert_close(Int8Linear(linear)(x), linear(x), rtol=0.01, atol=0.05)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_says_nearly_the_same(gpt, text, dtype: torch.dtype) -> None:
    half = copy.deepcopy(gpt).to(dtype)
    exact, near = (next(stream_codes(model, *text, GREEDY)).logits.float() for model in (gpt, half))
    assert 0 < (exact - near).std() / exact.std() < 0.05
    made = generate(half, *text, Sampling(top_k=5, early_stop=20), generator=torch.Generator().manual_seed(0))
    assert len(made.codes) >= 11


@pytest.mark.gpu
def test_recorded_steps_on_a_gpu_say_the_same(gpt, text) -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    model, given = copy.deepcopy(gpt).cuda(), [tensor.cuda() for tensor in text]
    decoding = Decoding(model, 1, 1000)
    assert decoding.is_recorded
    for _ in range(2):
        made = generate(model, *given, GREEDY, decoding=decoding)
        assert torch.equal(made.codes, generate(gpt, *text, GREEDY).codes)
