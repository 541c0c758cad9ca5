"""Safe reader of official weight files; names the kind of a file that cannot be imported.

An official file is a zip written by `torch.save`: a pickled structure and the tensors' bytes. A pickle is a program, so it is read by
torch's restricted reader, which accepts tensors and plain containers only; the one class that fine-tuned SoVITS files need
(`utils.HParams`, their configuration) is replaced by an empty one. Before that the zip is checked: sizes, checksums, no compression.
Afterwards every tensor is checked against the bytes in the file.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from engine.errors import VoiceError

Kind = Literal["gpt", "sovits", "speaker"]

KIND_NAMES: dict[Kind, str] = {
    "gpt": "a GPT (s1) file",
    "sovits": "a SoVITS (s2) file",
    "speaker": "the speaker network of the Pro versions",
}
_SUPPORTED = "Vocalese loads GPT (.ckpt) and SoVITS (.pth) files of v1, v2, v2Pro and v2ProPlus."
_V3 = (
    "is a SoVITS file of v3 or v4 (flow matching with a separate vocoder), which Vocalese does not sing. "
    "Use, or train in the GPT-SoVITS program, the v2ProPlus version of the voice."
)
_LORA = (
    "is a LoRA of a v3 or v4 voice: a small difference to a large base model, which Vocalese does not sing. "
    "Use, or train in the GPT-SoVITS program, the v2ProPlus version of the voice."
)

# The first two bytes of newer files; the rest of the zip's magic number follows.
_HEADERS = {b"00": "", b"01": "", b"02": _V3, b"03": _LORA, b"04": _LORA, b"05": "", b"06": ""}
_ZIP_MAGIC = b"PK\x03\x04"
_MOST_BYTES = 4 * 2**30
_MOST_VALUES = 2**30  # the largest official file has 0.4 · 10⁹
_MOST_TENSORS = 20_000

# How other files that end up in this place begin.
_STRANGERS: tuple[tuple[bytes, str], ...] = (
    (
        b"version https://git-lfs",
        "is a Git LFS pointer, not the file itself. Fetch it with `git lfs pull` or download it again",
    ),
    (b"<!DOCTYPE", "is a web page, probably an error page saved instead of the download. Download the file again"),
    (b"<html", "is a web page, probably an error page saved instead of the download. Download the file again"),
    (b"RIFF", "is a sound file"),
    (b"fLaC", "is a sound file"),
    (b"\x1f\x8b", "is a gzip archive. Unpack it first"),
    (b"7z\xbc\xaf", "is a 7z archive. Unpack it first"),
    (b"Rar!", "is a RAR archive. Unpack it first"),
    (b"GGUF", "is a GGUF model of another program"),
    (b"\x80", "is a bare pickle or a file of an old torch version, which Vocalese does not open"),
)


class HParams:
    """Stand-in for the configuration class of fine-tuned SoVITS files: attributes only."""


@dataclass(frozen=True)
class OfficialFile:
    """Contents of a file: `weights` under their official names and in their stored precision, `config` as plain values."""

    kind: Kind
    weights: Mapping[str, Tensor]
    config: Mapping[str, Any]
    info: str


def read_official(path: Path) -> OfficialFile:
    """Read a GPT, SoVITS or speaker network file. Raises VoiceError with the kind of the file and advice."""
    content = _unpickled(path, _zip_bytes(path))
    kind, weights, config, info = _recognise(path, content)
    return OfficialFile(kind, _checked_weights(path, weights), _plain(path, config), info)


def _zip_bytes(path: Path) -> bytes:
    """Return the file as an intact zip; restore the two bytes of its magic number if they were replaced."""
    try:
        if path.is_dir():
            raise VoiceError(f"{path} is a folder. Give the .ckpt or .pth file in it.")
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise VoiceError(f"{path} is {size / 2**30:.1f} GiB large; no file that Vocalese loads is. {_SUPPORTED}")
        content = path.read_bytes()
    except OSError as error:
        raise VoiceError(f"{path} cannot be read: {error.strerror or error}.") from error
    if not content:
        raise VoiceError(f"{path} is empty. Copy or download it again.")
    header = content[:2]
    if content[2:4] == _ZIP_MAGIC[2:] and header in _HEADERS:
        if _HEADERS[header]:
            raise VoiceError(f"{path} {_HEADERS[header]}")
        content = _ZIP_MAGIC[:2] + content[2:]
    if not content.startswith(_ZIP_MAGIC):
        for start, what in _STRANGERS:
            if content.startswith(start):
                raise VoiceError(f"{path} {what}. {_SUPPORTED}")
        what = (
            "is a safetensors file, not an official GPT-SoVITS file"
            if content[8:9] == b"{"
            else "is not a torch file, or is damaged"
        )
        raise VoiceError(f"{path} {what}. {_SUPPORTED}")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if not any(entry.filename.endswith("/data.pkl") for entry in entries):
                raise VoiceError(
                    f"{path} is a zip archive, but not one of torch. Unpack it and give the .ckpt or .pth file in it."
                )
            plain = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
            if not plain or sum(entry.file_size for entry in entries) > len(content):
                raise VoiceError(f"{path} is packed in a way that torch does not pack. It is damaged or not what it seems.")
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, OverflowError, EOFError) as error:
        raise VoiceError(f"{path} is incomplete or damaged ({error}). Copy or download it again.") from error
    if damaged is not None:
        raise VoiceError(f"{path} is damaged: the checksum of its part '{damaged}' is wrong. Copy or download it again.")
    return content


def _unpickled(path: Path, content: bytes) -> Any:
    try:
        with torch.serialization.safe_globals([(HParams, "utils.HParams")]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # a hostile or damaged file can make the reader fail in any way; none is worth a stack trace
        reason = str(error)
        if "Unsupported global" in reason or "Unsupported class" in reason or "Blocked" in reason or "not an allowed" in reason:
            raise VoiceError(
                f"{path} asks for program code to be run, which a voice never needs. Nothing of it was run. Do not use this file; "
                "get the voice again from somebody you trust."
            ) from error
        raise VoiceError(f"{path} is damaged: its contents cannot be read. Copy or download it again.") from error


def _recognise(path: Path, content: Any) -> tuple[Kind, Any, Any, str]:
    """Return kind, weights, configuration and remark of the loaded structure. Raises VoiceError for unknown kinds."""
    if not isinstance(content, dict):
        raise VoiceError(f"{path} holds a {type(content).__name__} and no named weights. {_SUPPORTED}")
    if "optimizer" in content and "model" in content:
        raise VoiceError(
            f"{path} is a state of the SoVITS training (G_….pth or D_….pth), not a finished voice. "
            "Use the file of the same training under SoVITS_weights…/."
        )
    if "state_dict" in content and "weight" not in content:
        raise VoiceError(
            f"{path} is a state of the GPT training, not a finished voice. Use the file of the same training under GPT_weights…/."
        )
    weights = content.get("weight", content)
    if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights):
        raise VoiceError(f"{path} holds no named weights. {_SUPPORTED}")
    if any(".lora_A." in name or ".lora_B." in name for name in weights):
        raise VoiceError(f"{path} {_LORA}")
    if any(name.startswith("cfm.") for name in weights):
        raise VoiceError(f"{path} {_V3}")
    if any(name.startswith("discriminators.") for name in weights):
        raise VoiceError(
            f"{path} is the discriminator (s2D), used in training only. Give the generator, whose name begins with s2G."
        )
    if any(name.startswith("enc_p.emb_phone") for name in weights):
        raise VoiceError(
            f"{path} is a voice of RVC or a similar converter, which turns one voice into another and reads no text. {_SUPPORTED}"
        )
    config, info = content.get("config"), str(content.get("info", ""))[:200]
    if "model.ar_predict_layer.weight" in weights:
        return "gpt", weights, config, info
    if "enc_p.text_embedding.weight" in weights and "dec.conv_pre.weight" in weights:
        return "sovits", weights, config, info
    if "layer3_ds.weight" in weights:
        return "speaker", weights, {}, info
    if "ups.0.weight" in weights and "conv_pre.weight" in weights:
        raise VoiceError(f"{path} is a vocoder (as v4 voices use), not a voice. {_SUPPORTED}")
    shown = ", ".join(f"'{name[:60]}'" for name in list(weights)[:3]) or "nothing"
    raise VoiceError(f"{path} holds {shown} …: weights of something else. {_SUPPORTED}")


def _checked_weights(path: Path, weights: dict[str, Any]) -> dict[str, Tensor]:
    """Return copies of the tensors, none larger than its bytes in the file, all finite."""
    tensors = {name: value for name, value in weights.items() if isinstance(value, Tensor)}
    if len(tensors) != len(weights) or len(tensors) > _MOST_TENSORS:
        raise VoiceError(f"{path} is damaged: not everything under its weights is a tensor. Copy or download it again.")
    usual = all(
        tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized and not tensor.is_complex()
        for tensor in tensors.values()
    )
    if not usual or sum(tensor.numel() for tensor in tensors.values()) > _MOST_VALUES:
        raise VoiceError(
            f"{path} holds tensors of sizes or kinds that no official file has. It is damaged or not what it seems."
        )
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors.values()}
    if sum(storages.values()) > path.stat().st_size:
        raise VoiceError(f"{path} is damaged: it promises more values than it holds. Copy or download it again.")
    copies = {name: tensor.detach().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
    for name, tensor in copies.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise VoiceError(
                f"{path}: the weights '{name[:100]}' hold values that are not numbers. The training failed or the file is damaged."
            )
    return copies


def _plain(path: Path, config: Any, depth: int = 0) -> Any:
    """Return the configuration as dicts, lists and simple values, whatever classes it came in."""
    if isinstance(config, HParams):
        config = vars(config)
    if depth > 8:
        raise VoiceError(f"{path} is damaged: its configuration has no end.")
    if isinstance(config, dict):
        return {str(name): _plain(path, value, depth + 1) for name, value in config.items()}
    if isinstance(config, list | tuple):
        return [_plain(path, value, depth + 1) for value in config]
    if depth == 0 or not isinstance(config, str | int | float | bool | None):
        raise VoiceError(f"{path} is damaged: it has no readable configuration. Copy or download it again.")
    return config
