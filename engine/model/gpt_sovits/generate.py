"""From logits to codes: the official sampling rules, one text at a time or a batch of texts.

The rules, in order: the end mark is not offered in the first 11 steps; repetition penalty over all codes so far, the prompt's included; top-p;
temperature; top-k; one draw. A text ends when the end mark is drawn *or* is the most likely code after the penalty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .gpt import Text2Semantic

MIN_STEPS = 11  # 0.44 s: the end mark may win only later
MAX_STEPS = 1500  # 60 s


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a code is drawn. `early_stop`: stop once more than so many codes were made."""

    top_k: int = 15
    top_p: float = 1.0
    temperature: float = 1.0
    repetition_penalty: float = 1.35
    early_stop: int | None = None


@dataclass(frozen=True)
class Step:
    """One drawn code of a single text, with the logits `[codes]` before any rule."""

    code: int
    logits: Tensor
    is_end: bool


@dataclass(frozen=True)
class Generated:
    """New codes `[n]` (without prompt and end mark), and the number of the step at which the loop was left."""

    codes: Tensor
    last_step: int


def probabilities(logits: Tensor, previous: Tensor, sampling: Sampling) -> Tensor:
    """`[B, V]` logits and `[B, T]` earlier codes to `[B, V]` probabilities."""
    return _cut(penalise(logits, previous, sampling.repetition_penalty), sampling).softmax(-1)


def penalise(logits: Tensor, previous: Tensor, penalty: float) -> Tensor:
    """Makes codes that occurred less likely, once each: negative logits times `penalty`, positive ones divided by it."""
    if penalty == 1.0 or previous.shape[1] == 0:
        return logits
    scores = logits.gather(1, previous)
    return logits.scatter(1, previous, torch.where(scores < 0, scores * penalty, scores / penalty))


def _cut(logits: Tensor, sampling: Sampling) -> Tensor:
    """Top-p, temperature and top-k; what is cut away becomes -inf."""
    if sampling.top_p < 1.0:
        ranked, order = logits.sort(descending=True)
        beyond = ranked.softmax(-1).cumsum(-1) > sampling.top_p  # the entry that crosses the border is cut too
        beyond[:, 0] = False
        logits = logits.masked_fill(beyond.scatter(1, order, beyond), -torch.inf)
    logits = logits / max(sampling.temperature, 1e-5)
    if 0 < sampling.top_k < logits.shape[-1]:
        smallest = logits.topk(sampling.top_k).values[:, -1:]
        logits = logits.masked_fill(logits < smallest, -torch.inf)
    return logits


def draw(chances: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """One code `[B]` per row of `[B, V]`: the argmax of p / q with q ~ Exp(1), as fair as a multinomial draw."""
    return (chances / torch.empty_like(chances).exponential_(1, generator=generator)).argmax(-1)


def _choose(
    logits: Tensor, previous: Tensor, step: int, sampling: Sampling, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """Codes `[B]`, and which of them end their text `[B]`."""
    end = logits.shape[-1] - 1
    offered = penalise(logits[:, :end] if step < MIN_STEPS else logits, previous, sampling.repetition_penalty)
    codes = draw(_cut(offered, sampling).softmax(-1), generator)
    return codes, (codes == end) | (offered.argmax(-1) == end)


@torch.inference_mode()
def stream_codes(
    model: Text2Semantic,
    phones: Tensor,
    bert: Tensor,
    prompt: Tensor,
    sampling: Sampling,
    *,
    generator: torch.Generator | None = None,
    max_steps: int = MAX_STEPS,
) -> Iterator[Step]:
    """Codes of one text as they are made; the end mark comes last, if it comes.

    `phones` `[1, N]` and `bert` `[1, 1024, N]` are of the prompt's text followed by the text itself; `prompt` `[1, P]` may be empty.
    """
    text_length, prompt_length = phones.shape[1], prompt.shape[1]
    cache = model.new_cache(1, text_length + prompt_length + max_steps)
    valid = torch.ones(1, cache.capacity, dtype=torch.bool, device=phones.device)
    hidden = model.prefill(model.embed_text(phones, bert), model.embed_codes(prompt), cache)
    logits, so_far = model.to_logits(hidden[:, -1]), prompt
    for step in range(max_steps):
        code, is_end = _choose(logits, so_far, step, sampling, generator)
        yield Step(int(code), logits[0], bool(is_end))
        if is_end or (sampling.early_stop is not None and step + 1 > sampling.early_stop):
            return
        so_far = torch.cat([so_far, code[None]], dim=1)
        place = torch.tensor([prompt_length + step], device=phones.device)
        position = place + text_length
        logits = model.step(code[None], place, position, cache.span(text_length + prompt_length + step + 1), cache, valid)


def generate(
    model: Text2Semantic,
    phones: Tensor,
    bert: Tensor,
    prompt: Tensor,
    sampling: Sampling,
    *,
    generator: torch.Generator | None = None,
    max_steps: int = MAX_STEPS,
) -> Generated:
    """All codes of one text; arguments as in `stream_codes`."""
    steps = list(stream_codes(model, phones, bert, prompt, sampling, generator=generator, max_steps=max_steps))
    codes = [step.code for step in steps if not step.is_end]
    return Generated(torch.tensor(codes, dtype=torch.long), len(steps) - 1)


@torch.inference_mode()
def generate_batch(
    model: Text2Semantic,
    phones: Sequence[Tensor],
    bert: Sequence[Tensor],
    prompt: Tensor,
    sampling: Sampling,
    *,
    generator: torch.Generator | None = None,
    max_steps: int = MAX_STEPS,
) -> list[Generated]:
    """Codes of several texts made together: `[N]` phones and `[1024, N]` features each, one shared prompt `[P]`, `P` > 0.

    Official behaviour: a text that ends by `early_stop` loses its last code.
    """
    if len(prompt) == 0:
        raise ValueError("A batch needs a prompt; without one, make the texts one by one.")
    device, lengths = prompt.device, [len(ids) for ids in phones]
    longest, prompt_length = max(lengths), len(prompt)
    embedded = [model.embed_text(ids[None], features[None])[0] for ids, features in zip(phones, bert, strict=True)]
    text = torch.stack([F.pad(row, (0, 0, longest - len(row), 0)) for row in embedded])  # padded on the left
    text_mask = torch.stack([torch.arange(longest, device=device) >= longest - length for length in lengths])
    codes = model.embed_codes(prompt[None]).expand(len(lengths), -1, -1)
    cache = model.new_cache(len(lengths), longest + prompt_length + max_steps)
    valid = F.pad(text_mask, (0, cache.capacity - longest), value=True)
    logits = model.to_logits(model.prefill(text, codes, cache, text_mask)[:, -1])
    so_far = prompt.expand(len(lengths), -1)
    alive = list(range(len(lengths)))  # which text each row of the batch belongs to
    done: dict[int, Generated] = {}
    for step in range(max_steps):
        code, is_end = _choose(logits, so_far, step, sampling, generator)
        too_long = step == max_steps - 1 or (sampling.early_stop is not None and step + 1 > sampling.early_stop)
        finished = [bool(end) or too_long for end in is_end]
        done.update({alive[row]: Generated(so_far[row, prompt_length:], step) for row, over in enumerate(finished) if over})
        if all(finished):
            break
        so_far = torch.cat([so_far, code[:, None]], dim=1)
        if any(finished):
            rows = torch.tensor([row for row, over in enumerate(finished) if not over], device=device)
            alive = [alive[row] for row in rows.tolist()]
            so_far, code, valid = so_far[rows], code[rows], valid[rows]
            cache.keep(rows)
        place = torch.tensor([prompt_length + step], device=device)
        logits = model.step(code[:, None], place, place + longest, cache.span(longest + prompt_length + step + 1), cache, valid)
    return [done[text] for text in range(len(lengths))]
