"""State of one text, or a batch of texts, in the GPT: the memory so far, and one semantic token more with each call.

Shapes are fixed from the first token to the last, on every device. On CUDA, where launching about three hundred kernels per step takes
longer than running them, steps are recorded once (CUDA graphs) and replayed; a `Decoding` that is used again keeps its recordings.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from .gpt import Text2Semantic

_RECORDED_SPAN = 512  # a recording serves so many lengths; looking at masked positions costs a GPU little
_WARM_UP_RUNS = 2  # before recording, for what kernels set up when they are first used


class Decoding:
    """Memory for `batch` texts of at most `capacity` phones and tokens each. Not safe for threads."""

    def __init__(self, model: Text2Semantic, batch: int, capacity: int) -> None:
        self.model, self.batch = model, batch
        self.cache = model.new_cache(batch, capacity)
        device = self.cache.memory.device
        self.is_recorded = device.type == "cuda"
        self._valid = torch.ones(batch, self.cache.capacity, dtype=torch.bool, device=device)
        self._code = torch.zeros(batch, 1, dtype=torch.long, device=device)
        self._told = torch.zeros(batch, 1, model.config.width, dtype=self.cache.memory.dtype, device=device)
        self._first = torch.zeros(1, dtype=torch.long, device=device)
        self._position = torch.zeros(1, dtype=torch.long, device=device)
        self._recordings: dict[int, tuple[Callable[[], None], Tensor]] = {}
        self._codes = self._length = 0

    def begin(self, text: Tensor, codes: Tensor, text_mask: Tensor | None = None, told: Tensor | None = None) -> Tensor:
        """Return the logits of the first token, `[B, codes]`, from embedded text `[B, N, d]` and tokens `[B, P, d]`.

        `text_mask` `[B, N]` is false at padding. `told` `[B, 1, d]` is added to the last row, which predicts the first token. Raises
        ValueError if there is no room for one token more.
        """
        if len(text) != self.batch or text.shape[1] + codes.shape[1] >= self.cache.capacity:
            raise ValueError(
                f"{len(text)} texts of {text.shape[1]} phones and {codes.shape[1]} codes do not fit into room for "
                f"{self.batch} of {self.cache.capacity} together."
            )
        if told is not None and codes.shape[1]:
            codes = torch.cat([codes[:, :-1], codes[:, -1:] + told], dim=1)
        elif told is not None:
            text = torch.cat([text[:, :-1], text[:, -1:] + told], dim=1)
        self._valid.fill_(True)
        if text_mask is not None:
            self._valid[:, : text.shape[1]] = text_mask
        self._codes, self._length = codes.shape[1], text.shape[1] + codes.shape[1]
        return self.model.to_logits(self.model.prefill(text, codes, self.cache, text_mask)[:, -1])

    def advance(self, codes: Tensor, told: Tensor | None = None) -> Tensor:
        """Return the next logits `[B, codes]` after the chosen tokens `[B]`. `told` `[B, 1, d]` is added to their embedding."""
        self._code.copy_(codes[:, None])
        self._first.fill_(self._codes)
        self._position.fill_(self._length)
        if told is None:
            self._told.zero_()
        else:
            self._told.copy_(told)
        self._codes, self._length = self._codes + 1, self._length + 1
        if not self.is_recorded:
            return self._step(self.cache.span(self._length))
        replay, logits = self._recording(min(-(-self._length // _RECORDED_SPAN) * _RECORDED_SPAN, self.cache.capacity))
        replay()
        return logits.clone()

    def keep(self, rows: Tensor) -> None:
        """Drop all texts but `rows`. Recorded steps have a fixed number of texts, so the others stay and are ignored."""
        self.cache.keep(rows)
        self.batch = len(rows)
        self._valid, self._code, self._told = self._valid[rows], self._code[rows], self._told[rows]

    def _step(self, span: int) -> Tensor:
        return self.model.step(self._code, self._first, self._position, span, self.cache, self._valid, self._told)

    def _recording(self, span: int) -> tuple[Callable[[], None], Tensor]:
        """Record the current step, which writes the same keys and values however often it runs."""
        if span not in self._recordings:
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(_WARM_UP_RUNS):
                    self._step(span)
            torch.cuda.current_stream().wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                logits = self._step(span)
            self._recordings[span] = (graph.replay, logits)
        return self._recordings[span]


def padded_left(rows: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Pad embedded texts `[N, d]` of several lengths to `[B, longest, d]`; return them with a mask `[B, longest]` that is false at
    padding.
    """
    longest = max(len(row) for row in rows)
    text = torch.stack([F.pad(row, (0, 0, longest - len(row), 0)) for row in rows])
    mask = torch.stack([torch.arange(longest, device=text.device) >= longest - len(row) for row in rows])
    return text, mask
