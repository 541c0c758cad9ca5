"""RIFF headers and metadata chunks of stems, written and read.

Written here because audio libraries offer no `bext` chunk and put the current time into files; these are byte-identical for identical
input. All metadata precedes the samples; their length is known before the first block, or filled in after the last: RIFF up to 4 GiB,
RF64 (EBU Tech 3306) above. `bext` follows EBU Tech 3285 version 1.

    file = "RIFF" [ "ds64" if RF64 ] "bext" "fmt " [ "fact" if float ] "iXML" "LIST"/INFO "data"

Text is stored three times: UTF-8 in iXML (read by `read_stem_metadata`), UTF-8 in INFO, ASCII in `bext`.
"""

from __future__ import annotations

import os
import re
import struct
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal, get_args

from engine.errors import OutputError

Subtype = Literal["16", "24", "32f"]

PROGRAM = "Vocalese"
DIGITAL_SOURCE_TYPE = (
    "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"  # IPTC's term for media made by a model
)
_RIFF_LIMIT = 0xFFFFFFFF
_BYTES_PER_SAMPLE = {"16": 2, "24": 3, "32f": 4}
_FORMAT_PCM, _FORMAT_FLOAT = 1, 3
_BEXT = struct.Struct("<256s32s32s10s8sQH64s190s")  # EBU Tech 3285, version 1
_MAX_METADATA_BYTES = 1 << 20
_MOST_CHANNELS = 64
_MODES = {1: "M=mono,", 2: "M=stereo,"}  # EBU R 98 names no others
_DS64_BYTES = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class StemMetadata:
    """Metadata of a stem. `created` is written only if given, so that equal input gives equal bytes."""

    title: str = ""
    track: str = ""
    voice: str = ""
    seed: int = 0
    version: str = ""  # of Vocalese
    comment: str = ""
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class StemInfo:
    """Format and metadata of a stem as read from disk. `synthetic`: the file is labelled as a synthetic voice."""

    sample_rate: int
    channels: int
    subtype: str
    total_samples: int
    time_reference_samples: int
    synthetic: bool
    metadata: StemMetadata


@dataclass(frozen=True, slots=True, kw_only=True)
class StemFormat:
    """Sample format and length. `total_samples` counts instants, each holding one value per channel."""

    sample_rate: int
    channels: int
    total_samples: int
    subtype: Subtype = "24"

    def __post_init__(self) -> None:
        require(8000 <= self.sample_rate <= 384_000, f"sample rate {self.sample_rate} Hz", "8000 to 384000 Hz")
        require(1 <= self.channels <= _MOST_CHANNELS, f"{self.channels} channels", f"1 (mono), 2 (stereo) to {_MOST_CHANNELS}")
        require(self.total_samples >= 0, f"a length of {self.total_samples} samples", "0 or more")
        require(self.subtype in get_args(Subtype), f"sample format {self.subtype!r}", ", ".join(get_args(Subtype)))

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample over all channels."""
        return self.channels * _BYTES_PER_SAMPLE[self.subtype]

    @property
    def data_bytes(self) -> int:
        return self.total_samples * self.frame_bytes


def require(valid: bool, given: str, expected: str) -> None:
    """Raise OutputError unless `valid`."""
    if not valid:
        raise OutputError(f"A stem cannot have {given}. Valid: {expected}.")


def build_header(
    stem_format: StemFormat, metadata: StemMetadata, time_reference_samples: int, *, is_open_ended: bool = False
) -> bytes:
    """Return all bytes before the first sample. If `is_open_ended`, their count is the same for any length (ds64 space is reserved)."""
    metadata = _storable(metadata)
    chunks = (
        _chunk(b"bext", _bext(stem_format, metadata, time_reference_samples))
        + _format_chunks(stem_format)
        + _chunk(b"iXML", _ixml(metadata, stem_format, time_reference_samples))
        + _chunk(b"LIST", b"INFO" + b"".join(_chunk(key, text) for key, text in _info(metadata)))
    )
    padded_data = stem_format.data_bytes + stem_format.data_bytes % 2
    riff_bytes = 4 + len(chunks) + 8 + padded_data
    if riff_bytes + is_open_ended * (8 + _DS64_BYTES) <= _RIFF_LIMIT:
        data_head = struct.pack("<4sI", b"data", stem_format.data_bytes)
        kept = _chunk(b"JUNK", bytes(_DS64_BYTES)) if is_open_ended else b""
        return struct.pack("<4sI4s", b"RIFF", riff_bytes + len(kept), b"WAVE") + kept + chunks + data_head
    ds64_chunk_bytes = 8 + _DS64_BYTES
    ds64 = struct.pack("<QQQI", riff_bytes + ds64_chunk_bytes, stem_format.data_bytes, stem_format.total_samples, 0)
    riff_head = struct.pack("<4sI4s", b"RF64", _RIFF_LIMIT, b"WAVE") + _chunk(b"ds64", ds64)
    return riff_head + chunks + struct.pack("<4sI", b"data", _RIFF_LIMIT)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) % 2)


def _format_chunks(stem_format: StemFormat) -> bytes:
    is_float = stem_format.subtype == "32f"
    fmt = struct.pack(
        "<HHIIHH",
        _FORMAT_FLOAT if is_float else _FORMAT_PCM,
        stem_format.channels,
        stem_format.sample_rate,
        stem_format.sample_rate * stem_format.frame_bytes,
        stem_format.frame_bytes,
        8 * _BYTES_PER_SAMPLE[stem_format.subtype],
    )
    if not is_float:
        return _chunk(b"fmt ", fmt)
    fact_samples = min(stem_format.total_samples, _RIFF_LIMIT)  # RF64 has the true count in ds64
    return _chunk(b"fmt ", fmt + struct.pack("<H", 0)) + _chunk(b"fact", struct.pack("<I", fact_samples))


def _bext(stem_format: StemFormat, metadata: StemMetadata, time_reference_samples: int) -> bytes:
    date = metadata.created.strftime("%Y-%m-%d").encode() if metadata.created else b""
    time = metadata.created.strftime("%H:%M:%S").encode() if metadata.created else b""
    kind = "IEEE_FLOAT" if stem_format.subtype == "32f" else "PCM"
    history = (
        f"A={kind},F={stem_format.sample_rate},W={8 * _BYTES_PER_SAMPLE[stem_format.subtype]},"
        f"{_MODES.get(stem_format.channels, '')}T={PROGRAM} {metadata.version}".rstrip()
        + "\r\n"
    )
    fixed = _BEXT.pack(
        _ascii(_description(metadata), 256), PROGRAM.encode(), b"", date, time, time_reference_samples, 1, b"", b""
    )
    return fixed + _ascii(history, len(history))


def _description(metadata: StemMetadata) -> str:
    return f"synthetic voice: yes; voice: {metadata.voice}; seed: {metadata.seed}; {_full_title(metadata)}"


def _full_title(metadata: StemMetadata) -> str:
    return " - ".join(name for name in (metadata.title, metadata.track) if name)


def _comment(metadata: StemMetadata) -> str:
    lines = ["synthetic voice: yes", f"voice: {metadata.voice}", f"seed: {metadata.seed}", f"version: {metadata.version}"]
    return "; ".join(lines + ([metadata.comment] if metadata.comment else []))


def _info(metadata: StemMetadata) -> Iterator[tuple[bytes, bytes]]:
    """Build LIST/INFO texts, zero-terminated, without empty ones."""
    texts = {
        b"INAM": _full_title(metadata),
        b"IART": metadata.voice,
        b"ISFT": f"{PROGRAM} {metadata.version}".rstrip(),
        b"ICRD": metadata.created.strftime("%Y-%m-%d") if metadata.created else "",
        b"ICMT": _comment(metadata),
    }
    return ((key, text.encode() + b"\0") for key, text in texts.items() if text)


def _ixml(metadata: StemMetadata, stem_format: StemFormat, time_reference_samples: int) -> bytes:
    """Build iXML 1.61 with a `VOCALESE` element, which other readers skip."""
    root = ElementTree.Element("BWFXML")
    _add_texts(root, {"IXML_VERSION": "1.61", "PROJECT": metadata.title, "NOTE": _comment(metadata)})
    speed = {
        "FILE_SAMPLE_RATE": stem_format.sample_rate,
        "TIMESTAMP_SAMPLE_RATE": stem_format.sample_rate,
        "TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI": time_reference_samples >> 32,
        "TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO": time_reference_samples & _RIFF_LIMIT,
    }
    _add_texts(ElementTree.SubElement(root, "SPEED"), speed)
    own = {
        "SYNTHETIC_VOICE": "yes",
        "DIGITAL_SOURCE_TYPE": DIGITAL_SOURCE_TYPE,
        "TITLE": metadata.title,
        "TRACK": metadata.track,
        "VOICE": metadata.voice,
        "SEED": metadata.seed,
        "VERSION": metadata.version,
        "COMMENT": metadata.comment,
        "CREATED": metadata.created.isoformat(timespec="seconds") if metadata.created else "",
    }
    _add_texts(ElementTree.SubElement(root, "VOCALESE"), own)
    text: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text + b"\n" * (2 - len(text) % 2)  # even length: libsndfile 1.2 misreads the pad byte of an unknown chunk in RF64


def _add_texts(parent: ElementTree.Element, texts: Mapping[str, object]) -> None:
    for key, text in texts.items():
        ElementTree.SubElement(parent, key).text = str(text)


def _storable(metadata: StemMetadata) -> StemMetadata:
    """Remove control characters and lone surrogates, which neither XML nor INFO can hold."""

    def clean(text: str) -> str:
        return re.sub(r"[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]+", " ", text).strip()

    return replace(
        metadata,
        title=clean(metadata.title),
        track=clean(metadata.track),
        voice=clean(metadata.voice),
        version=clean(metadata.version),
        comment=clean(metadata.comment),
    )


def _ascii(text: str, max_bytes: int) -> bytes:
    return text.encode("ascii", errors="replace")[:max_bytes]


def read_stem_metadata(path: str | Path) -> StemInfo:
    """Read format, time stamp and metadata of a WAV file; files of other programs give empty metadata."""
    try:
        with open(path, "rb") as file:
            chunks = _read_chunks(file)
    except OSError as error:
        raise OutputError(f"{path} cannot be read: {error.strerror or error}.") from error
    if chunks is None or len(chunks.get(b"fmt ", b"")) < 16 or b"data" not in chunks:
        raise OutputError(f"{path} is not a WAV file (RIFF or RF64 with fmt and data chunks).")
    kind, channels, sample_rate, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", chunks[b"fmt "])
    data_bytes = int.from_bytes(chunks[b"data"], "little")
    bext = chunks.get(b"bext", b"")
    own = _own_texts(chunks.get(b"iXML", b""))
    return StemInfo(
        sample_rate=sample_rate,
        channels=channels,
        subtype=f"{bits}f" if kind == _FORMAT_FLOAT else str(bits),
        total_samples=data_bytes // max(frame_bytes, 1),
        time_reference_samples=_BEXT.unpack_from(bext)[5] if len(bext) >= _BEXT.size else 0,
        synthetic=own.get("SYNTHETIC_VOICE") == "yes",
        metadata=_metadata_of(own),
    )


def _read_chunks(file: BinaryIO) -> dict[bytes, bytes] | None:
    """Read the chunks before the samples by name; `data` holds the byte count of the samples. None if it is no WAV file."""
    head = file.read(12)
    if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        return None
    chunks: dict[bytes, bytes] = {}
    while len(chunk_head := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", chunk_head)
        if name == b"data":
            in_ds64 = size == _RIFF_LIMIT and len(chunks.get(b"ds64", b"")) >= 16
            chunks[name] = chunks[b"ds64"][8:16] if in_ds64 else struct.pack("<Q", size)
            break
        if size <= _MAX_METADATA_BYTES:
            chunks[name] = file.read(size)
            file.seek(size % 2, os.SEEK_CUR)
        else:
            file.seek(size + size % 2, os.SEEK_CUR)
    return chunks


def _own_texts(ixml: bytes) -> dict[str, str]:
    if b"<!" in ixml:  # no document type and no entities: iXML needs none, and they allow expansion attacks
        return {}
    try:
        root = ElementTree.fromstring(ixml.rstrip(b"\0"))
    except ElementTree.ParseError:
        return {}
    return {element.tag: element.text or "" for element in root.iterfind("VOCALESE/*")}


def _metadata_of(own: dict[str, str]) -> StemMetadata:
    texts = {key: own.get(key.upper(), "") for key in ("title", "track", "voice", "version", "comment")}
    try:
        seed, created = int(own.get("SEED") or 0), datetime.fromisoformat(own["CREATED"]) if own.get("CREATED") else None
    except ValueError:
        seed, created = 0, None
    return StemMetadata(seed=seed, created=created, **texts)
