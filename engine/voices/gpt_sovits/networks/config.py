"""Sizes of the networks, read from the official configuration or, where these say more, from the shapes of the weights."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from torch import Tensor

from engine.errors import VoiceError

_MAX_LAYERS, _MAX_WIDTH = 256, 65_536
_SPEAKER_BANDS = 10  # of the speaker network's last map: 80, halved three times


@dataclass(frozen=True, kw_only=True)
class _Config:
    """A frozen set of sizes that can be written to a voice card and read back."""

    def to_table(self) -> dict[str, Any]:
        """Return plain values, tuples as lists."""
        return {field.name: _listed(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_table(cls, table: object) -> Self:
        """Read the result of `to_table`. Raises VoiceError if names are missing or unknown."""
        names = {field.name for field in fields(cls)}
        if not isinstance(table, Mapping) or set(table) != names:
            raise VoiceError(f"The voice card does not give the sizes {', '.join(sorted(names))}. Import the voice again.")
        return cls(**{name: _tupled(value) for name, value in table.items()})


@dataclass(frozen=True, kw_only=True)
class GptConfig(_Config):
    """The s1 network. `codes` counts the semantic tokens and the end mark, which is the last one."""

    phonemes: int
    width: int
    heads: int
    layers: int
    codes: int
    bert_width: int

    @property
    def end(self) -> int:
        """The end-of-sequence token (EOS)."""
        return self.codes - 1

    @classmethod
    def from_official(cls, config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Self:
        """Read a GPT file's `config` (number of heads) and the shapes of its weights (all other sizes)."""
        codes, width = _shape(weights, "model.ar_audio_embedding.word_embeddings.weight", 2)
        heads = _whole(config, "model", "head", _MAX_LAYERS)
        if width % heads or width % 2:
            raise VoiceError(
                f"The file says {heads} attention heads for a width of {width}, which does not divide. It is damaged."
            )
        return cls(
            phonemes=_shape(weights, "model.ar_text_embedding.word_embeddings.weight", 2)[0],
            width=width,
            heads=heads,
            layers=_count(weights, r"model\.h\.layers\.(\d+)\..*"),
            codes=codes,
            bert_width=_shape(weights, "model.bert_proj.weight", 2)[1],
        )


_WEIGHT_FORMS = (
    "weight_v",
    "weight",
    "parametrizations.weight.original1",
)  # with its norm, exported without it, as torch writes it now


@dataclass(frozen=True, kw_only=True)
class SovitsConfig(_Config):
    """The s2 network. Widths in channels; `spectrum_rows` is the number of frequency rows of the reference in use."""

    version: str
    phonemes: int
    semantic_width: int
    codebook: int
    hidden: int
    filter: int
    heads: int
    kernel: int
    window: int
    text_layers: int
    semantic_layers: int
    mrte_width: int
    mrte_heads: int
    latent: int
    couplings: int
    flow_layers: int
    posterior_layers: int
    posterior_rows: int
    spectrum_rows: int
    style_width: int
    style_heads: int
    embedding: int
    speaker_width: int
    decoder_width: int
    upsample_rates: tuple[int, ...]
    upsample_kernels: tuple[int, ...]
    resblock_kernels: tuple[int, ...]
    resblock_dilations: tuple[tuple[int, ...], ...]

    @property
    def has_speaker(self) -> bool:
        """True for the Pro versions, which have a speaker network."""
        return self.speaker_width > 0

    @property
    def samples_per_code(self) -> int:
        """Output samples of one semantic token: two latent frames."""
        product = 2
        for rate in self.upsample_rates:
            product *= rate
        return product

    @classmethod
    def from_official(cls, config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Self:
        """Read a SoVITS file's `config` (heads, rates, dilations, version) and the shapes of its weights (all other sizes)."""
        model = _table(config, "model")
        if str(model.get("resblock", "1")) != "1":
            raise VoiceError(
                f"The decoder has residual blocks of type {model['resblock']!r}; the official versions have type '1'."
            )
        hidden = _shape(weights, "enc_p.text_embedding.weight", 2)[1]
        heads = _whole(config, "model", "n_heads", _MAX_LAYERS)
        latent = _shape(weights, "enc_p.proj.weight", 3)[0] // 2
        mrte_width = _shape(weights, "enc_p.mrte.c_pre.weight", 3)[0]
        rates, kernels = _wholes(model, "upsample_rates"), _wholes(model, "upsample_kernel_sizes")
        resblock_kernels = _wholes(model, "resblock_kernel_sizes")
        dilations = model.get("resblock_dilation_sizes")
        if not isinstance(dilations, list | tuple) or len(dilations) != len(resblock_kernels) or len(rates) != len(kernels):
            raise VoiceError("The decoder's rates, kernels and dilations do not belong together. The file is damaged.")
        if any(kernel < rate or (kernel - rate) % 2 for rate, kernel in zip(rates, kernels, strict=True)):
            raise VoiceError("The decoder's upsampling kernels do not fit its rates. The file is damaged.")
        decoder_width = _shape(weights, "dec.conv_pre.weight", 3)[0]
        kernel = _shape(weights, "enc_p.encoder_text.ffn_layers.0.conv_1.weight", 3)[2]
        if decoder_width % 2 ** len(rates) or any(width % 2 == 0 for width in (kernel, *resblock_kernels)):
            raise VoiceError("The widths or kernels of the networks are not ones that can be built. The file is damaged.")
        if hidden % heads or mrte_width % 4 or latent % 2:
            raise VoiceError(
                f"The file says {heads} attention heads for a width of {hidden}, which does not divide. It is damaged."
            )
        if "sv_emb.weight" not in weights and _shape(weights, "ref_enc.fc.fc.weight", 2)[0] != mrte_width:
            raise VoiceError("The reference encoder and the prior have different widths. The file is damaged.")
        has_posterior = any(name.startswith("enc_q.") for name in weights)
        norm = next((form for form in _WEIGHT_FORMS if f"enc_q.enc.cond_layer.{form}" in weights), _WEIGHT_FORMS[0])
        posterior_shape = _shape(weights, f"enc_q.enc.cond_layer.{norm}", 3) if has_posterior else (0,)
        return cls(
            version=_version(config, weights),
            phonemes=_shape(weights, "enc_p.text_embedding.weight", 2)[0],
            semantic_width=_shape(weights, "enc_p.ssl_proj.weight", 3)[1],
            codebook=_shape(weights, "quantizer.vq.layers.0._codebook.embed", 2)[0],
            hidden=hidden,
            filter=_shape(weights, "enc_p.encoder_text.ffn_layers.0.conv_1.weight", 3)[0],
            heads=heads,
            kernel=kernel,
            window=_shape(weights, "enc_p.encoder_text.attn_layers.0.emb_rel_k", 3)[1] // 2,
            text_layers=_count(weights, r"enc_p\.encoder_text\.attn_layers\.(\d+)\..*"),
            semantic_layers=_count(weights, r"enc_p\.encoder_ssl\.attn_layers\.(\d+)\..*"),
            mrte_width=mrte_width,
            mrte_heads=4,
            latent=latent,
            couplings=_count(weights, r"flow\.flows\.(\d+)\..*", step=2),
            flow_layers=_count(weights, r"flow\.flows\.0\.enc\.in_layers\.(\d+)\..*"),
            posterior_layers=posterior_shape[0] // (2 * hidden),
            posterior_rows=_shape(weights, "enc_q.pre.weight", 3)[1] if has_posterior else 0,
            spectrum_rows=_shape(weights, "ref_enc.spectral.0.fc.weight", 2)[1],
            style_width=_shape(weights, "ref_enc.spectral.0.fc.weight", 2)[0],
            style_heads=2,
            embedding=_shape(weights, "ref_enc.fc.fc.weight", 2)[0],
            speaker_width=_shape(weights, "sv_emb.weight", 2)[1] if "sv_emb.weight" in weights else 0,
            decoder_width=decoder_width,
            upsample_rates=rates,
            upsample_kernels=kernels,
            resblock_kernels=resblock_kernels,
            resblock_dilations=tuple(_wholes({"dilations": row}, "dilations") for row in dilations),
        )


@dataclass(frozen=True, kw_only=True)
class SpeakerConfig(_Config):
    """ERes2NetV2: channels after the stem, blocks per stage, channel groups per block, widths of a group in each stage."""

    channels: int
    blocks: tuple[int, ...]
    scale: int
    widths: tuple[int, ...]
    expansion: int

    @property
    def vector_width(self) -> int:
        """Values of a speaker vector: the last stage's channels in each of its bands."""
        return self.channels * self.expansion * 2 ** (len(self.widths) - 1) * _SPEAKER_BANDS

    @classmethod
    def from_official(cls, weights: Mapping[str, Tensor]) -> Self:
        """Read the sizes from the weights alone: the official file is a bare state dict."""
        channels = _shape(weights, "conv1.weight", 4)[0]
        widths = tuple(_shape(weights, f"layer{stage}.0.convs.0.weight", 4)[0] for stage in (1, 2, 3, 4))
        expansion = _shape(weights, "layer1.0.conv3.weight", 4)[0] // channels
        if min(widths[2:]) < 4 or expansion < 1:
            raise VoiceError(
                f"The speaker network has groups of {widths} channels, which cannot be built. The file is damaged."
            )
        return cls(
            channels=channels,
            blocks=tuple(_count(weights, rf"layer{stage}\.(\d+)\..*") for stage in (1, 2, 3, 4)),
            scale=_count(weights, r"layer1\.0\.convs\.(\d+)\..*"),
            widths=widths,
            expansion=expansion,
        )


def _version(config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> str:
    """Return the version: v1 by its 322 phonemes, Pro by its speaker input, Plus by its wider decoder (or by its configuration)."""
    if "sv_emb.weight" in weights:
        stated = {config.get("version"), _table(config, "model").get("version")}
        return "v2ProPlus" if "v2ProPlus" in stated or _shape(weights, "dec.conv_pre.weight", 3)[0] == 768 else "v2Pro"
    return "v1" if _shape(weights, "enc_p.text_embedding.weight", 2)[0] == 322 else "v2"


def _shape(weights: Mapping[str, Tensor], name: str, dimensions: int) -> tuple[int, ...]:
    tensor = weights.get(name)
    if tensor is None:
        raise VoiceError(f"The weights '{name}' are missing. The file is incomplete; copy or download it again.")
    if tensor.dim() != dimensions or not all(0 < size <= _MAX_WIDTH for size in tensor.shape):
        raise VoiceError(f"The weights '{name}' have the shape {tuple(tensor.shape)}. The file is damaged.")
    return tuple(tensor.shape)


def _count(names: Iterable[str], pattern: str, step: int = 1) -> int:
    """Return how many numbers 0, step, 2·step, … without a gap occur in the pattern's group of the names."""
    found = {int(match[1]) for name in names if (match := re.fullmatch(pattern, name)) and len(match[1]) < 4}
    if not found or found != set(range(0, len(found) * step, step)) or len(found) > _MAX_LAYERS:
        shown = re.sub(r"\\|\(.*", "", pattern)
        raise VoiceError(f"The layers '{shown}…' are missing or not counted through. The file is incomplete or damaged.")
    return len(found)


def _table(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = config.get(name)
    if not isinstance(table, Mapping):
        raise VoiceError(f"The file's configuration has no section '{name}'. The file is damaged or not an official one.")
    return table


def _whole(config: Mapping[str, Any], section: str, name: str, most: int) -> int:
    value = _table(config, section).get(name)
    if type(value) is not int or not 0 < value <= most:
        raise VoiceError(
            f"The file's configuration gives {value!r} for {section}.{name}; it must be a number from 1 to {most}."
        )
    return value


def _wholes(table: Mapping[str, Any], name: str) -> tuple[int, ...]:
    values = table.get(name)
    if not isinstance(values, list | tuple) or not 0 < len(values) <= 16:
        raise VoiceError(f"The file's configuration gives {values!r} for {name}; it must be a short list of numbers.")
    if any(type(value) is not int or not 0 < value <= 1024 for value in values):
        raise VoiceError(f"The file's configuration gives {values!r} for {name}; the numbers must be from 1 to 1024.")
    return tuple(values)


def _listed(value: Any) -> Any:
    return [_listed(item) for item in value] if isinstance(value, tuple) else value


def _tupled(value: Any) -> Any:
    return tuple(_tupled(item) for item in value) if isinstance(value, list) else value
