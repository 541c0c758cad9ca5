"""Official weights to networks: names translated, weight norm folded, everything in float32.

Weights keep their official names in a voice folder, so this is the one place that knows both vocabularies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from engine.errors import VoiceError

from .config import GptConfig, SovitsConfig, SpeakerConfig
from .gpt import Text2Semantic
from .sovits import Sovits
from .speaker import SpeakerNetwork

_Names = Sequence[tuple[str, str]]
_Network = TypeVar("_Network", bound=nn.Module)

# Applied in order, each as often as it matches.
_GPT_NAMES: _Names = (
    (r"^model\.", ""),
    (r"^bert_proj\.", "bert."),
    (r"^ar_text_embedding\.word_embeddings\.", "text_embedding."),
    (r"^ar_text_position\.alpha$", "text_gain"),
    (r"^ar_audio_embedding\.word_embeddings\.", "code_embedding."),
    (r"^ar_audio_position\.alpha$", "code_gain"),
    (r"^ar_predict_layer\.", "to_logits."),
    (r"^h\.layers\.", "blocks."),
    (r"\.self_attn\.in_proj_", ".qkv."),
    (r"\.self_attn\.out_proj\.", ".out."),
    (r"\.linear1\.", ".fc1."),
    (r"\.linear2\.", ".fc2."),
    (r"\.norm1\.", ".attention_norm."),
    (r"\.norm2\.", ".feed_forward_norm."),
)
_SOVITS_NAMES: _Names = (
    # codes
    (r"^ssl_proj\.", "quantizer.halve."),
    (r"^quantizer\.vq\.layers\.0\._codebook\.embed$", "quantizer.codebook"),
    # reference
    (r"^ref_enc\.spectral\.0\.fc\.", "style.spectral.0."),
    (r"^ref_enc\.spectral\.3\.fc\.", "style.spectral.1."),
    (r"^ref_enc\.temporal\.(\d+)\.conv1\.conv\.", r"style.temporal.\1.conv."),
    (r"^ref_enc\.slf_attn\.w_qs\.", "style.attention.query."),
    (r"^ref_enc\.slf_attn\.w_ks\.", "style.attention.key."),
    (r"^ref_enc\.slf_attn\.w_vs\.", "style.attention.value."),
    (r"^ref_enc\.slf_attn\.fc\.", "style.attention.out."),
    (r"^ref_enc\.fc\.fc\.", "style.out."),
    (r"^sv_emb\.", "speaker.project."),
    (r"^prelu\.weight$", "speaker.slope"),
    (r"^ge_to512\.", "speaker.to_prior."),
    # prior
    (r"^enc_p\.ssl_proj\.", "prior.semantic_in."),
    (r"^enc_p\.encoder_ssl\.", "prior.semantic_encoder."),
    (r"^enc_p\.encoder_text\.", "prior.text_encoder."),
    (r"^enc_p\.encoder2\.", "prior.joint_encoder."),
    (r"^enc_p\.proj\.", "prior.to_statistics."),
    (r"^enc_p\.mrte\.c_pre\.", "prior.mrte.semantic_in."),
    (r"^enc_p\.mrte\.text_pre\.", "prior.mrte.text_in."),
    (r"^enc_p\.mrte\.c_post\.", "prior.mrte.out."),
    (r"^enc_p\.mrte\.cross_attention\.", "prior.mrte.attention."),
    (r"^enc_p\.", "prior."),
    (r"\.attn_layers\.(\d+)\.", r".layers.\1.attention."),
    (r"\.attention\.conv_q\.", ".attention.query."),
    (r"\.attention\.conv_k\.", ".attention.key."),
    (r"\.attention\.conv_v\.", ".attention.value."),
    (r"\.attention\.conv_o\.", ".attention.out."),
    (r"\.emb_rel_k$", ".relative_keys"),
    (r"\.emb_rel_v$", ".relative_values"),
    (r"\.ffn_layers\.(\d+)\.conv_1\.", r".layers.\1.fc1."),
    (r"\.ffn_layers\.(\d+)\.conv_2\.", r".layers.\1.fc2."),
    (r"\.norm_layers_1\.(\d+)\.", r".layers.\1.attention_norm."),
    (r"\.norm_layers_2\.(\d+)\.", r".layers.\1.feed_forward_norm."),
    (r"\.gamma$", ".weight"),
    (r"\.beta$", ".bias"),
    # flow and posterior; couplings have even numbers, the odd ones only turn the channels round
    (r"^flow\.flows\.(\d+)\.enc\.", r"flow.flows.\1.wavenet."),
    (r"^enc_q\.enc\.", "posterior.wavenet."),
    (r"^enc_q\.proj\.", "posterior.to_statistics."),
    (r"^enc_q\.", "posterior."),
    (r"\.in_layers\.", ".gates."),
    (r"\.res_skip_layers\.", ".outs."),
    (r"\.cond_layer\.", ".condition."),
    # decoder
    (r"^dec\.conv_pre\.", "decoder.first."),
    (r"^dec\.conv_post\.", "decoder.last."),
    (r"^dec\.cond\.", "decoder.condition."),
    (r"^dec\.ups\.(\d+)\.", r"decoder.stages.\1.upsample."),
    (r"\.convs1\.", ".dilated."),
    (r"\.convs2\.", ".plain."),
)
# torch's newer names of the two parts of a weight with its norm.
_NORM_NAMES = re.compile(r"(?<=\.)parametrizations\.weight\.(original[01])$")
_NORM_PARTS = {"original0": "weight_g", "original1": "weight_v"}
# Kept by the official training for itself, or of no use to us.
_UNUSED = re.compile(r"quantizer\.vq\.layers\.0\._codebook\.(inited|cluster_size|embed_avg)|seg_1\..*")


def build_gpt(weights: Mapping[str, Tensor], config: GptConfig) -> Text2Semantic:
    """Return the GPT with official weights. Raises VoiceError if they do not fit `config`."""
    return _build(lambda: Text2Semantic(config), {_renamed(name, _GPT_NAMES): weight for name, weight in weights.items()})


def build_sovits(weights: Mapping[str, Tensor], config: SovitsConfig) -> Sovits:
    """Return the SoVITS generator with official weights. Raises VoiceError if they do not fit `config`."""
    per_stage = len(config.resblock_kernels)

    def numbered(name: str) -> str:
        """Translate numbers: couplings and residual blocks are counted through in the official names, and per stage here."""
        name = re.sub(r"^flow\.flows\.(\d+)\.", lambda m: f"flow.couplings.{int(m[1]) // 2}.", name)
        return re.sub(
            r"^dec\.resblocks\.(\d+)\.",
            lambda m: f"decoder.stages.{int(m[1]) // per_stage}.resblocks.{int(m[1]) % per_stage}.",
            name,
        )

    folded = fold_weight_norm(weights)
    return _build(lambda: Sovits(config), {numbered(_renamed(name, _SOVITS_NAMES)): w for name, w in folded.items()})


def build_speaker(weights: Mapping[str, Tensor], config: SpeakerConfig) -> SpeakerNetwork:
    """Return the speaker network with official weights, whose names it has. Raises VoiceError if they do not fit `config`."""
    return _build(lambda: SpeakerNetwork(config), weights)


def fold_weight_norm(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Fold direction and length (Salimans & Kingma 2016) into one weight: `v · g / |v|`, the length taken over all dimensions but the
    first.

    torch's own kernel computes it, as in training: sums in another order would cost a digit of agreement. Weights that were exported
    without their norm stay as they are, and those under the names of torch's parametrisations are treated like those under the old names.
    """
    weights = {_NORM_NAMES.sub(lambda match: _NORM_PARTS[match[1]], name): weight for name, weight in weights.items()}
    folded = {}
    for name, weight in weights.items():
        if name.endswith(".weight_g"):
            if f"{name[:-1]}v" not in weights:
                raise VoiceError(
                    f"The weights '{name}' are a length without its direction. The file is incomplete; copy or download it again."
                )
            continue
        if name.endswith(".weight") and f"{name}_v" in weights:
            raise VoiceError(
                f"The file holds '{name}' both with and without its norm; which one counts is not said. Export the voice again."
            )
        if name.endswith(".weight_v"):
            name = name.removesuffix("_v")
            length = weights.get(name + "_g")
            if length is None or weight.dim() == 0 or length.shape != (len(weight), *(1,) * (weight.dim() - 1)):
                raise VoiceError(
                    f"The weights '{name}' have no fitting '{name}_g'. The file is incomplete; copy or download it again."
                )
            weight = torch._weight_norm(weight.float(), length.float(), 0)
        folded[name] = weight
    return folded


def _renamed(name: str, names: _Names) -> str:
    for pattern, replacement in names:
        name = re.sub(pattern, replacement, name)
    return name


def _build(make: Callable[[], _Network], weights: Mapping[str, Tensor]) -> _Network:
    """Make the network without values and load its weights."""
    with torch.device("meta"):
        network = make()
    wanted = network.state_dict()
    given = {name: weight for name, weight in weights.items() if not _UNUSED.fullmatch(name)}
    for name in wanted:
        if name.endswith(".num_batches_tracked"):  # counts training steps; of no use to us, and not always there
            given[name] = torch.zeros((), dtype=torch.long)
    missing, extra = sorted(set(wanted) - set(given)), sorted(set(given) - set(wanted))
    if missing or extra:
        what = f"lacks '{missing[0]}'" if missing else f"holds '{extra[0]}', which such a network does not have"
        raise VoiceError(
            f"The file {what} ({len(missing)} missing, {len(extra)} unknown). It is incomplete or of another kind."
        )
    for name, weight in given.items():
        if weight.shape != wanted[name].shape:
            raise VoiceError(
                f"'{name}' has the shape {tuple(weight.shape)}; the network needs {tuple(wanted[name].shape)}. The file is damaged."
            )
    ready = {name: weight.to(wanted[name].dtype).contiguous() for name, weight in given.items()}
    broken = [name for name, weight in ready.items() if not bool(torch.isfinite(weight).all())]
    if broken:
        raise VoiceError(f"'{broken[0]}' holds values that are not numbers. The training failed or the file is damaged.")
    network.load_state_dict(ready, assign=True)
    return network.eval().requires_grad_(False)
