"""Sampling: logits to semantic tokens by the official rules, one text at a time or a batch of texts.

The rules, in order: the end mark is excluded in the first 11 steps; repetition penalty over all tokens so far, the prompt's included;
top-p; temperature; top-k; one draw. A text ends when the end mark is drawn *or* is the most likely token after the penalty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .decoding import Decoding, padded_left
from .gpt import Text2Semantic

MIN_STEPS = 11  # 0.44 s: the end mark may win only later
MAX_STEPS = 1500  # 60 s


class NoNumbersError(RuntimeError):
    """Logits are not finite: the weights are damaged, or too coarse."""

    def __init__(self) -> None:
        super().__init__("it gave values that are no numbers")


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Sampling parameters. `early_stop`: stop after more than so many tokens."""

    top_k: int = 15
    top_p: float = 1.0
    temperature: float = 1.0
    repetition_penalty: float = 1.35
    early_stop: int | None = None


@dataclass(frozen=True)
class Step:
    """One drawn token of a single text, with the logits `[codes]` before any rule."""

    code: int
    logits: Tensor
    is_end: bool


@dataclass(frozen=True)
class Generated:
    """New tokens `[n]` (without prompt and end mark), and the number of the last step."""

    codes: Tensor
    last_step: int


def probabilities(logits: Tensor, previous: Tensor, sampling: Sampling) -> Tensor:
    """Return `[B, V]` probabilities of `[B, V]` logits and `[B, T]` earlier tokens."""
    return _cut(penalise(logits, previous, sampling.repetition_penalty), sampling).softmax(-1)


def penalise(logits: Tensor, previous: Tensor, penalty: float) -> Tensor:
    """Make earlier tokens less likely, once each: negative logits times `penalty`, positive ones divided by it."""
    if penalty == 1.0 or previous.shape[1] == 0:
        return logits
    scores = logits.gather(1, previous)
    return logits.scatter(1, previous, torch.where(scores < 0, scores * penalty, scores / penalty))


def _cut(logits: Tensor, sampling: Sampling) -> Tensor:
    """Apply top-p, temperature and top-k; excluded entries become -inf."""
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
    """Draw one token `[B]` per row of `[B, V]`: the argmax of p / q with q ~ Exp(1), equivalent to a multinomial draw.

    q is drawn on the device of `generator`: a generator on the CPU gives the same values for every device.
    """
    drawn_on = chances.device if generator is None else generator.device
    waits = torch.empty(chances.shape, dtype=chances.dtype, device=drawn_on).exponential_(1, generator=generator)
    return (chances / waits.to(chances.device)).argmax(-1)


def _choose(
    logits: Tensor,
    previous: Tensor,
    sampling: Sampling,
    generator: torch.Generator | None,
    *,
    may_end: bool,
) -> tuple[Tensor, Tensor]:
    """Return tokens `[B]`, and a mask `[B]` of the texts that end with them."""
    logits, end = logits.float(), logits.shape[-1] - 1
    offered = penalise(logits if may_end else logits[:, :end], previous, sampling.repetition_penalty)
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
    score: Tensor | None = None,
    decoding: Decoding | None = None,
) -> Iterator[Step]:
    """Yield the tokens of one text as they are drawn; the end mark comes last, if it comes.

    `phones` `[1, N]` and `bert` `[1, 1024, N]` belong to the prompt's text followed by the text itself; `prompt` `[1, P]` may be empty.
    `score` `[1, T, d]` conditions each token; with it, there are exactly `T` tokens and the end mark is excluded. `decoding` is memory to
    reuse; by default it is allocated. Raises NoNumbersError if logits are not finite.
    """
    if score is not None:
        max_steps = min(max_steps, score.shape[1])
    decoding = decoding or Decoding(model, 1, phones.shape[1] + prompt.shape[1] + max_steps)
    told = _rows_of(score)
    logits = decoding.begin(model.embed_text(phones, bert), model.embed_codes(prompt), told=told(0))
    so_far = prompt
    for step in range(max_steps):
        may_end = step >= MIN_STEPS and score is None
        code, is_end = _choose(logits, so_far, sampling, generator, may_end=may_end)
        drawn, ends, are_numbers = torch.stack([code[0], is_end[0].long(), logits.isfinite().all().long()]).tolist()  # one wait
        if not are_numbers:
            raise NoNumbersError
        yield Step(drawn, logits[0], bool(ends))
        is_last = step == max_steps - 1
        if ends or is_last or (sampling.early_stop is not None and step + 1 > sampling.early_stop):
            return
        so_far = torch.cat([so_far, code[None]], dim=1)
        logits = decoding.advance(code, told(step + 1))


def _rows_of(score: Tensor | None) -> Callable[[int], Tensor | None]:
    return lambda step: None if score is None else score[:, step : step + 1]


def generate(
    model: Text2Semantic,
    phones: Tensor,
    bert: Tensor,
    prompt: Tensor,
    sampling: Sampling,
    *,
    generator: torch.Generator | None = None,
    max_steps: int = MAX_STEPS,
    score: Tensor | None = None,
    decoding: Decoding | None = None,
) -> Generated:
    """Return all tokens of one text; arguments as in `stream_codes`."""
    made = stream_codes(
        model,
        phones,
        bert,
        prompt,
        sampling,
        generator=generator,
        max_steps=max_steps,
        score=score,
        decoding=decoding,
    )
    steps = list(made)
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
    decoding: Decoding | None = None,
) -> list[Generated]:
    """Return the tokens of several texts, generated together: `[N]` phones and `[1024, N]` features each, one shared prompt `[P]`, `P` >
    0.

    Official behaviour: a text that ends by `early_stop` loses its last token. `decoding` is memory for as many texts, to reuse.
    """
    if len(prompt) == 0:
        raise ValueError("A batch needs a prompt; without one, make the texts one by one.")
    embedded = [model.embed_text(ids[None], features[None])[0] for ids, features in zip(phones, bert, strict=True)]
    text, text_mask = padded_left(embedded)
    codes = model.embed_codes(prompt[None]).expand(len(text), -1, -1)
    decoding = decoding or Decoding(model, len(text), text.shape[1] + len(prompt) + max_steps)
    logits = decoding.begin(text, codes, text_mask)
    so_far = prompt.expand(len(text), -1)
    alive = list(range(len(text)))  # which text each row of the batch belongs to
    done: dict[int, Generated] = {}
    for step in range(max_steps):
        code, is_end = _choose(logits, so_far, sampling, generator, may_end=step >= MIN_STEPS)
        too_long = step == max_steps - 1 or (sampling.early_stop is not None and step + 1 > sampling.early_stop)
        if not bool(logits.isfinite().all()):
            raise NoNumbersError
        finished = [alive[row] in done or end or too_long for row, end in enumerate(is_end.tolist())]
        for row, over in enumerate(finished):
            if over and alive[row] not in done:
                done[alive[row]] = Generated(so_far[row, len(prompt) :], step)
        if all(finished):
            break
        so_far = torch.cat([so_far, code[:, None]], dim=1)
        if any(finished) and not decoding.is_recorded:
            rows = torch.tensor([row for row, over in enumerate(finished) if not over], device=prompt.device)
            alive = [alive[row] for row in rows.tolist()]
            so_far, code = so_far[rows], code[rows]
            decoding.keep(rows)
        logits = decoding.advance(code)
    return [done[text] for text in range(len(embedded))]
