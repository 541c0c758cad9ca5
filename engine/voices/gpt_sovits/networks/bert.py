"""BERT (Devlin et al. 2019) up to its third layer from the end: one feature per Chinese character for the GPT.

Attributes have the names of the released files, so they are the names of the weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.errors import VoiceError

from .pretrained import load_weights, read_config, whole

_UNHEARD_LAYERS = 2  # features are the output of the third layer from the end
_EPSILON = 1e-12
_START, _END, _UNKNOWN = "[CLS]", "[SEP]", "[UNK]"


class _Normed(nn.Module):
    """A linear map whose result is added to the input of its block and normalised."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inside, outside)
        self.LayerNorm = nn.LayerNorm(outside, eps=_EPSILON)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        return self.LayerNorm(self.dense(x) + before)


class _SelfAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value))
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.attention = nn.ModuleDict({"self": _SelfAttention(width, heads), "output": _Normed(width, width)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, inner)})
        self.output = _Normed(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.attention["output"](self.attention["self"](x), x)
        return self.output(F.gelu(self.intermediate["dense"](x)), x)


class _Embeddings(nn.Module):
    def __init__(self, words: int, places: int, kinds: int, width: int) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(words, width)
        self.position_embeddings = nn.Embedding(places, width)
        self.token_type_embeddings = nn.Embedding(kinds, width)
        self.LayerNorm = nn.LayerNorm(width, eps=_EPSILON)

    def forward(self, tokens: Tensor) -> Tensor:
        places = self.position_embeddings.weight[: tokens.shape[1]]
        return self.LayerNorm(self.word_embeddings(tokens) + places + self.token_type_embeddings.weight[0])


class Bert(nn.Module):
    """The layers in use, and the vocabulary: numbers by token."""

    def __init__(
        self,
        vocabulary: Mapping[str, int],
        *,
        words: int,
        places: int,
        kinds: int,
        width: int,
        heads: int,
        inner: int,
        layers: int,
    ) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.places = places
        self.width = width
        self.embeddings = _Embeddings(words, places, kinds, width)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(_Layer(width, heads, inner) for _ in range(layers))})

    @torch.inference_mode()
    def forward(self, characters: str) -> Tensor:
        """Return one feature per character, `[width, characters]`. Long texts are read in parts."""
        room = self.places - 2
        parts = [characters[start : start + room] for start in range(0, len(characters), room)]
        return torch.cat([self._features(part) for part in parts], dim=1)

    def _features(self, characters: str) -> Tensor:
        unknown = self.vocabulary[_UNKNOWN]
        inner = [self.vocabulary.get(character.lower(), unknown) for character in characters]
        x = self.embeddings(torch.tensor([[self.vocabulary[_START], *inner, self.vocabulary[_END]]]))
        for layer in self.encoder["layer"].children():
            x = layer(x)
        return x[0, 1:-1].T


def load_bert(folder: Path) -> Bert:
    """Load BERT from the folder `chinese-roberta-wwm-ext-large` as the official program uses it. Raises VoiceError."""
    config = read_config(folder)
    if config.get("model_type", "bert") != "bert":
        raise VoiceError(f"{folder} is not a BERT. GPT-SoVITS needs chinese-roberta-wwm-ext-large: vocalese voice fetch.")
    width, heads, kinds = (whole(config, name, folder) for name in ("hidden_size", "num_attention_heads", "type_vocab_size"))
    vocabulary = _read_vocabulary(folder)
    layers = whole(config, "num_hidden_layers", folder)
    if width % heads or layers <= _UNHEARD_LAYERS:
        raise VoiceError(f"The sizes in {folder / 'config.json'} do not fit: {width} channels, {heads} heads, {layers} layers.")
    network = Bert(
        vocabulary,
        words=1 + max(vocabulary.values()),
        places=whole(config, "max_position_embeddings", folder),
        kinds=kinds,
        width=width,
        heads=heads,
        inner=whole(config, "intermediate_size", folder),
        layers=layers - _UNHEARD_LAYERS,
    )
    return load_weights(network, folder, prefix="bert.")


def _read_vocabulary(folder: Path) -> dict[str, int]:
    """Read token numbers from `tokenizer.json`, or from `vocab.txt` with one token per line."""
    try:
        if (folder / "tokenizer.json").is_file():
            table = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
        else:
            lines = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
            table = {token: number for number, token in enumerate(lines)}
        vocabulary = {str(token): int(number) for token, number in table.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise VoiceError(
            f"{folder} has no readable tokenizer.json or vocab.txt. Fetch it again: vocalese voice fetch."
        ) from error
    if (
        not {_START, _END, _UNKNOWN} <= set(vocabulary)
        or not 0 <= min(vocabulary.values()) <= max(vocabulary.values()) < 1_000_000
    ):
        raise VoiceError(f"The vocabulary in {folder} is not BERT's. Fetch it again: vocalese voice fetch.")
    return vocabulary
