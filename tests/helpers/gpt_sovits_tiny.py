"""Small random voices in the official file format. All tensors are views of a few short buffers, so the files are small too."""

from __future__ import annotations

import io
import sys
import types
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

VERSIONS = ("v1", "v2", "v2Pro", "v2ProPlus")
HEADERS = {"v1": b"PK", "v2": b"PK", "v2Pro": b"05", "v2ProPlus": b"06"}
PHONEMES = {"v1": 322}
SPEAKER_WIDTH = 1280  # of the vectors of the tiny speaker network below
_BUFFER = 90_001
_STRIDES = (41, 7, 3, 1)


class Weights(dict[str, Tensor]):
    """Official names to tensors; `add` draws one from the buffer of its kind."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = torch.Generator().manual_seed(seed)
        noise = torch.randn(_BUFFER, generator=self.random)
        self.buffers = {"matrix": (0.06 * noise).half(), "one": (1 + 0.1 * noise).half(), "wide": (0.5 * noise).half()}

    def add(self, name: str, *shape: int, kind: str = "matrix") -> None:
        strides = _STRIDES[len(_STRIDES) - len(shape) :]
        reach = 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
        start = int(torch.randint(_BUFFER - reach, (1,), generator=self.random))
        self[name] = self.buffers[kind].as_strided(shape, strides, start)

    def layer(self, name: str, *shape: int, bias: int | None = None) -> None:
        self.add(f"{name}.weight", *shape)
        self.add(f"{name}.bias", shape[0] if bias is None else bias)

    def normed(self, name: str, *shape: int, bias: int | None = None) -> None:
        self.add(f"{name}.weight_v", *shape)
        self.add(f"{name}.weight_g", shape[0], *(1,) * (len(shape) - 1), kind="one")
        self.add(f"{name}.bias", shape[0] if bias is None else bias)


def gpt_weights(*, seed: int = 1, phonemes: int = 732, width: int = 16, layers: int = 2) -> Weights:
    weights = Weights(seed)
    weights.layer("model.bert_proj", width, 1024)
    weights.add("model.ar_text_embedding.word_embeddings.weight", phonemes, width, kind="wide")
    weights.add("model.ar_text_position.alpha", 1, kind="one")
    weights.add("model.ar_audio_embedding.word_embeddings.weight", 1025, width, kind="wide")
    weights.add("model.ar_audio_position.alpha", 1, kind="one")
    for i in range(layers):
        layer = f"model.h.layers.{i}"
        weights.add(f"{layer}.self_attn.in_proj_weight", 3 * width, width, kind="wide")
        weights.add(f"{layer}.self_attn.in_proj_bias", 3 * width)
        weights.layer(f"{layer}.self_attn.out_proj", width, width)
        weights.layer(f"{layer}.linear1", 4 * width, width)
        weights.layer(f"{layer}.linear2", width, 4 * width)
        for norm in ("norm1", "norm2"):
            weights.add(f"{layer}.{norm}.weight", width, kind="one")
            weights.add(f"{layer}.{norm}.bias", width)
    weights.add("model.ar_predict_layer.weight", 1025, width, kind="wide")
    return weights


def gpt_config(*, heads: int = 2) -> dict:
    return {"model": {"head": heads, "n_layer": 2, "linear_units": 99}, "data": {"max_sec": 54}, "inference": {"top_k": 15}}


def sovits_weights(version: str = "v2", *, seed: int = 2, posterior: bool = False, width: int = 32) -> Weights:
    weights = Weights(seed)
    phonemes, is_pro = PHONEMES.get(version, 732), version.startswith("v2Pro")
    hidden, mrte, latent, gin, ffn = 16, 16, 8, 24 if is_pro else 16, 20
    semantic, codes, style = 12, 1024, 8
    weights.layer("ssl_proj", semantic, semantic, 2)
    book = "quantizer.vq.layers.0._codebook"
    weights.add(f"{book}.inited", 1, kind="one")
    weights.add(f"{book}.cluster_size", codes, kind="one")
    weights.add(f"{book}.embed", codes, semantic, kind="wide")
    weights.add(f"{book}.embed_avg", codes, semantic, kind="wide")
    weights.layer("enc_p.ssl_proj", hidden, semantic, 1)
    weights.add("enc_p.text_embedding.weight", phonemes, hidden, kind="wide")
    for encoder, layers in (("encoder_ssl", 1), ("encoder_text", 2), ("encoder2", 1)):
        for i in range(layers):
            for part in "qkvo":
                weights.layer(f"enc_p.{encoder}.attn_layers.{i}.conv_{part}", hidden, hidden, 1)
            weights.add(f"enc_p.{encoder}.attn_layers.{i}.emb_rel_k", 1, 9, hidden // 2, kind="wide")
            weights.add(f"enc_p.{encoder}.attn_layers.{i}.emb_rel_v", 1, 9, hidden // 2, kind="wide")
            weights.layer(f"enc_p.{encoder}.ffn_layers.{i}.conv_1", ffn, hidden, 3)
            weights.layer(f"enc_p.{encoder}.ffn_layers.{i}.conv_2", hidden, ffn, 3)
            for norm in (1, 2):
                weights.add(f"enc_p.{encoder}.norm_layers_{norm}.{i}.gamma", hidden, kind="one")
                weights.add(f"enc_p.{encoder}.norm_layers_{norm}.{i}.beta", hidden)
    for part in "qkvo":
        weights.layer(f"enc_p.mrte.cross_attention.conv_{part}", mrte, mrte, 1)
    weights.layer("enc_p.mrte.c_pre", mrte, hidden, 1)
    weights.layer("enc_p.mrte.text_pre", mrte, hidden, 1)
    weights.layer("enc_p.mrte.c_post", hidden, mrte, 1)
    weights.layer("enc_p.proj", 2 * latent, hidden, 1)
    for i in (0, 2, 4, 6):
        weights.layer(f"flow.flows.{i}.pre", hidden, latent // 2, 1)
        wavenet(weights, f"flow.flows.{i}.enc", hidden, 2, gin)
        weights.layer(f"flow.flows.{i}.post", latent // 2, hidden, 1)
    if posterior:
        weights.layer("enc_q.pre", hidden, 1025, 1)
        wavenet(weights, "enc_q.enc", hidden, 3, gin)
        weights.layer("enc_q.proj", 2 * latent, hidden, 1)
    weights.layer("dec.conv_pre", width, latent, 7)
    weights.layer("dec.cond", width, gin, 1)
    for i, kernel in enumerate(upsample_kernels(version)):
        inside, outside = width >> i, width >> (i + 1)
        weights.normed(f"dec.ups.{i}", inside, outside, kernel, bias=outside)
        for j, reach in enumerate((3, 7, 11)):
            for k in range(3):
                weights.normed(f"dec.resblocks.{3 * i + j}.convs1.{k}", outside, outside, reach)
                weights.normed(f"dec.resblocks.{3 * i + j}.convs2.{k}", outside, outside, reach)
    weights.add("dec.conv_post.weight", 1, width >> 5, 7, kind="wide")
    weights.layer("ref_enc.spectral.0.fc", style, 1025 if version == "v1" else 704)
    weights.layer("ref_enc.spectral.3.fc", style, style)
    for i in range(2):
        weights.layer(f"ref_enc.temporal.{i}.conv1.conv", 2 * style, style, 5)
    for part in ("w_qs", "w_ks", "w_vs", "fc"):
        weights.layer(f"ref_enc.slf_attn.{part}", style, style)
    weights.layer("ref_enc.fc.fc", gin, style)
    if is_pro:
        weights.layer("sv_emb", gin, SPEAKER_WIDTH)
        weights.layer("ge_to512", mrte, gin)
        weights.add("prelu.weight", gin)
    return weights


def wavenet(weights: Weights, name: str, hidden: int, layers: int, gin: int) -> None:
    weights.normed(f"{name}.cond_layer", 2 * hidden * layers, gin, 1)
    for i in range(layers):
        weights.normed(f"{name}.in_layers.{i}", 2 * hidden, hidden, 5)
        weights.normed(f"{name}.res_skip_layers.{i}", hidden if i == layers - 1 else 2 * hidden, hidden, 1)


def upsample_kernels(version: str) -> list[int]:
    return [20 if version == "v2ProPlus" else 16, 16, 8, 2, 2]


def sovits_config(version: str = "v2") -> dict:
    model = {
        "n_heads": 2,
        "resblock": "1",
        "resblock_kernel_sizes": [3, 7, 11],
        "resblock_dilation_sizes": [[1, 3, 5]] * 3,
        "upsample_rates": [10, 8, 2, 2, 2],
        "upsample_kernel_sizes": upsample_kernels(version),
        "version": version,
    }
    return {"model": model, "data": {"sampling_rate": 32000, "mel_fmax": None}, "version": version, "pretrain": None}


def speaker_weights(*, seed: int = 3, channels: int = 8, width: int = 4) -> Weights:
    weights = Weights(seed)

    def norm(name: str, size: int) -> None:
        for part, kind in (("weight", "one"), ("running_var", "one"), ("bias", "matrix"), ("running_mean", "matrix")):
            weights.add(f"{name}.{part}", size, kind=kind)
        weights[f"{name}.num_batches_tracked"] = torch.tensor(7)

    def fusion(name: str, size: int) -> None:
        weights.layer(f"{name}.local_att.0", size // 4, 2 * size, 1, 1)
        norm(f"{name}.local_att.1", size // 4)
        weights.layer(f"{name}.local_att.3", size, size // 4, 1, 1)
        norm(f"{name}.local_att.4", size)

    weights.add("conv1.weight", channels, 1, 3, 3)
    norm("bn1", channels)
    inside = channels
    for stage in range(4):
        group, outside = width << stage, (2 * channels) << stage
        for block in range(2):
            name = f"layer{stage + 1}.{block}"
            weights.add(f"{name}.conv1.weight", 2 * group, inside, 1, 1)
            norm(f"{name}.bn1", 2 * group)
            for i in range(2):
                weights.add(f"{name}.convs.{i}.weight", group, group, 3, 3)
                norm(f"{name}.bns.{i}", group)
            if stage > 1:
                fusion(f"{name}.fuse_models.0", group)
            weights.add(f"{name}.conv3.weight", outside, 2 * group, 1, 1)
            norm(f"{name}.bn3", outside)
            if block == 0:
                weights.add(f"{name}.shortcut.0.weight", outside, inside, 1, 1)
                norm(f"{name}.shortcut.1", outside)
            inside = outside
    weights.add("layer3_ds.weight", inside, inside // 2, 3, 3)
    fusion("fuse34", inside)
    weights.layer("seg_1", 5, 40)
    return weights


def nested_hparams(config: object, cls: type) -> object:
    """The configuration as the official training pickles it."""
    if not isinstance(config, dict):
        return config
    made = cls()
    made.__dict__.update({name: nested_hparams(value, cls) for name, value in config.items()})
    return made


def save_official(path: Path, content: Callable[[type], object] | object, *, header: bytes = b"PK") -> Path:
    """Writes `content` (or what it makes of the class `utils.HParams`) with the given first two bytes."""
    module = types.ModuleType("utils")
    cls = type("HParams", (), {"__module__": "utils"})
    module.HParams = cls  # type: ignore[attr-defined]
    before = sys.modules.get("utils")
    sys.modules["utils"] = module
    try:
        buffer = io.BytesIO()
        torch.save(content(cls) if callable(content) else content, buffer)
    finally:
        del sys.modules["utils"]
        if before is not None:
            sys.modules["utils"] = before
    path.write_bytes(header + buffer.getvalue()[2:])
    return path


def save_gpt(path: Path, weights: Mapping[str, Tensor] | None = None, **sizes: int) -> Path:
    return save_official(path, {"weight": dict(weights or gpt_weights(**sizes)), "config": gpt_config(), "info": "GPT-e8"})


def save_sovits(
    path: Path,
    version: str = "v2",
    *,
    posterior: bool = False,
    hparams: bool = True,
    header: bytes | None = None,
    weights: Mapping[str, Tensor] | None = None,
) -> Path:
    given = dict(sovits_weights(version, posterior=posterior) if weights is None else weights)
    config = sovits_config(version)

    def content(cls: type) -> object:
        return {"weight": given, "config": nested_hparams(config, cls) if hparams else config, "info": "8epoch_216iteration"}

    return save_official(path, content, header=HEADERS[version] if header is None else header)


def repacked(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """A torch file whose pickled structure went through `change`, with correct checksums."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(b"PK" + content[2:])) as old, zipfile.ZipFile(made, "w") as new:
        for entry in old.infolist():
            data = old.read(entry)
            new.writestr(entry.filename, change(data) if entry.filename.endswith("data.pkl") else data)
    return made.getvalue()
