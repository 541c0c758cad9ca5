"""Training data of the adversarial stage in one file, for a machine with only torch and NumPy: recordings, sung phrases, two networks.

The recordings' sound is coded by `packed_audio`, the only lossy part besides rounding; the sung phrases' spectra are left out, since the
included direct model computes them again. Whole recordings are left out if the file would grow too large.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import TrainingError
from engine.units import FRAME_RATE_HZ
from engine.voices.starter.config import FRAMES_PER_TOKEN, AcousticConfig, DecoderConfig
from engine.voices.units import UNITS, Unit, UnitFrames, unit_frames
from research.packed_audio import PackedAudio, pack_audio, unpack_audio

_FORMAT = 1
_CLOSEST_S = 1e-6  # a border keeps so far from the frames beside it, so that rounding cannot put it on their other side
_SPARE_BYTES = 100_000  # for what the sizes are wrong by

Weights = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One recording or sung phrase. T frames of 10 ms.

    units: indices [N] with border times [N + 1] in seconds; voiced [T] 0 or 1; effort [T] in 10 dB; codes [ceil(T / 4)]; mix: shares of
    the speakers [speakers].
    """

    units: NDArray[np.int64]
    borders_s: NDArray[np.float64]
    voiced: NDArray[np.float32]
    effort: NDArray[np.float32]
    codes: NDArray[np.int64]
    mix: NDArray[np.float32]

    @property
    def frames(self) -> int:
        return len(self.voiced)

    def laid(self) -> UnitFrames:
        """The units on the frames."""
        spans = zip(self.units, self.borders_s[:-1], self.borders_s[1:], strict=True)
        return unit_frames([Unit(UNITS[u], float(a), float(b)) for u, a, b in spans], self.frames, FRAME_RATE_HZ)


@dataclass(frozen=True, kw_only=True)
class RecordedLine(Line):
    """A recording: samples int16 [T * hop], f0_hz [T], aperiodicity [T, bands] 0..1; `band_hz`: upper limit of its frequencies."""

    samples: NDArray[np.int16]
    f0_hz: NDArray[np.float32]
    aperiodicity: NDArray[np.float32]
    band_hz: float
    is_held_out: bool


@dataclass(frozen=True)
class Pack:
    """Contents of a pack. Training starts from `decoder`; `direct` renders the sung phrases."""

    decoder_config: DecoderConfig
    direct_config: AcousticConfig
    decoder: Weights
    direct: Weights
    recorded: Sequence[RecordedLine]
    sung: Sequence[Line]


@dataclass(frozen=True)
class Packed:
    """Result of packing: bytes, minutes of recordings included and left out, and signal-to-noise ratio of the sound in dB."""

    size_bytes: int
    minutes: float
    minutes_left_out: float
    signal_to_noise_db: float


def borders_of(laid: UnitFrames) -> NDArray[np.float64]:
    """Return border times [N + 1] of units that were laid over frames; a unit without a frame gets no time."""
    times = (np.arange(len(laid.unit_of_frame)) + 0.5) / FRAME_RATE_HZ
    seen, first = np.unique(laid.unit_of_frame, return_index=True)
    since = laid.position[first, 2] * 0.2  # exact up to 0.2 s, and at its first frame a unit is younger than that
    borders = np.full(len(laid.units) + 1, np.nan)
    borders[seen] = times[first] - np.clip(since, _CLOSEST_S, 1.0 / FRAME_RATE_HZ - _CLOSEST_S)
    borders[seen[0]] = times[0] - since[0]
    borders[-1] = times[-1] + laid.until_s[-1]
    for index in np.flatnonzero(np.isnan(borders))[::-1]:
        borders[index] = borders[index + 1]
    return borders


def write_pack(path: Path, pack: Pack, *, limit_bytes: int, seed: int) -> Packed:
    """Write as many recordings as fit, drawn with `seed`; held-out ones first. Raises TrainingError if nothing fits."""
    order = sorted(np.random.default_rng(seed).permutation(len(pack.recorded)), key=lambda i: not pack.recorded[i].is_held_out)
    rate = pack.decoder_config.sample_rate
    sounds = {int(index): pack_audio(pack.recorded[index].samples, rate) for index in order}
    bare = len(_zipped(_arrays(replace(pack, recorded=[]), [])))
    per_frame = (len(_zipped(_arrays(pack, []))) - bare) / max(1, sum(line.frames for line in pack.recorded))
    left = limit_bytes - bare - _SPARE_BYTES
    kept: list[int] = []
    for index in map(int, order):
        size = sounds[index].size_bytes + round(per_frame * pack.recorded[index].frames)
        if size <= left:
            kept.append(index)
            left -= size
    kept.sort()
    if not any(not pack.recorded[index].is_held_out for index in kept):
        raise TrainingError(f"No recording fits into {limit_bytes / 1e6:g} MB; allow more.")
    chosen = replace(pack, recorded=[pack.recorded[index] for index in kept])
    content = _zipped(_arrays(chosen, [sounds[index] for index in kept]))
    partial = path.with_suffix(".part")
    partial.write_bytes(content)
    partial.replace(path)
    frames = sum(line.frames for line in chosen.recorded)
    everything = sum(line.frames for line in pack.recorded)
    return Packed(len(content), frames / 6000, (everything - frames) / 6000, _signal_to_noise_db(chosen.recorded, sounds, kept))


def read_pack(path: Path) -> Pack:
    """Read the result of `write_pack`. Raises TrainingError if the file cannot be read or is of another kind."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        meta = json.loads(str(arrays["meta"]))
        if meta["format"] != _FORMAT:
            raise ValueError(f"format {meta['format']}, not {_FORMAT}")
        return Pack(
            decoder_config=DecoderConfig.from_dict(meta["decoder"]),
            direct_config=AcousticConfig.from_dict(meta["direct"]),
            decoder=_under("decoder", arrays),
            direct=_under("direct", arrays),
            recorded=_recorded_from(arrays),
            sung=[Line(**fields) for fields in _lines_from("sung", arrays)],
        )
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise TrainingError(f"{path} is not a pack of training data ({error}). Make it with the script's 'pack'.") from error


def _arrays(pack: Pack, sounds: Sequence[PackedAudio]) -> dict[str, NDArray]:
    meta = {"format": _FORMAT, "decoder": pack.decoder_config.as_dict(), "direct": pack.direct_config.as_dict()}
    recorded = pack.recorded
    return {
        "meta": np.array(json.dumps(meta)),
        **{f"decoder.{name}": values.astype(np.float16) for name, values in pack.decoder.items()},
        **{f"direct.{name}": values.astype(np.float16) for name, values in pack.direct.items()},
        **_line_arrays("recorded", recorded),
        **_line_arrays("sung", pack.sung),
        "f0_hz": _joined((line.f0_hz for line in recorded), np.float32),
        "aperiodicity": np.rint(255 * _joined((line.aperiodicity for line in recorded), np.float32)).astype(np.uint8).T,
        "band_hz": np.array([line.band_hz for line in recorded]),
        "is_held_out": np.array([line.is_held_out for line in recorded], np.bool_),
        "coefficients": np.frombuffer(b"".join(sound.coefficients for sound in sounds), np.uint8),
        "exponents": np.frombuffer(b"".join(sound.exponents for sound in sounds), np.uint8),
        "sound_sizes": np.array([[len(s.coefficients), len(s.exponents), s.samples] for s in sounds], np.int64),
    }


def _line_arrays(kind: str, lines: Sequence[Line]) -> dict[str, NDArray]:
    return {
        f"{kind}.frames": np.array([line.frames for line in lines]),
        f"{kind}.counts": np.array([len(line.units) for line in lines]),
        f"{kind}.units": _joined((line.units for line in lines), np.uint8),
        f"{kind}.borders_s": _joined((line.borders_s for line in lines), np.float64),
        f"{kind}.voiced": np.packbits(_joined((line.voiced for line in lines), np.float32) > 0.5),
        f"{kind}.effort": _joined((line.effort for line in lines), np.float16),
        f"{kind}.codes": _joined((line.codes for line in lines), np.uint16),
        f"{kind}.mix": np.array([line.mix for line in lines], np.float32),
    }


def _lines_from(kind: str, arrays: Mapping[str, NDArray]) -> list[dict]:
    frames, counts = arrays[f"{kind}.frames"], arrays[f"{kind}.counts"]
    voiced = np.unpackbits(arrays[f"{kind}.voiced"])[: int(frames.sum())]
    columns = {
        "units": _split(arrays[f"{kind}.units"].astype(np.int64), counts),
        "borders_s": _split(arrays[f"{kind}.borders_s"], counts + 1),
        "voiced": _split(voiced.astype(np.float32), frames),
        "effort": _split(arrays[f"{kind}.effort"].astype(np.float32), frames),
        "codes": _split(arrays[f"{kind}.codes"].astype(np.int64), -(-frames // FRAMES_PER_TOKEN)),
        "mix": list(arrays[f"{kind}.mix"]),
    }
    return [{name: column[index] for name, column in columns.items()} for index in range(len(frames))]


def _recorded_from(arrays: Mapping[str, NDArray]) -> list[RecordedLine]:
    frames, sizes = arrays["recorded.frames"], arrays["sound_sizes"]
    f0_hz = _split(arrays["f0_hz"], frames)
    aperiodicity = _split(arrays["aperiodicity"].T.astype(np.float32) / 255.0, frames)
    coefficients, exponents = (_split(arrays[name], sizes[:, i]) for i, name in enumerate(("coefficients", "exponents")))
    return [
        RecordedLine(
            **fields,
            samples=unpack_audio(PackedAudio(coefficients[i].tobytes(), exponents[i].tobytes(), int(sizes[i, 2]))),
            f0_hz=f0_hz[i],
            aperiodicity=aperiodicity[i],
            band_hz=float(arrays["band_hz"][i]),
            is_held_out=bool(arrays["is_held_out"][i]),
        )
        for i, fields in enumerate(_lines_from("recorded", arrays))
    ]


def _under(network: str, arrays: Mapping[str, NDArray]) -> dict[str, NDArray[np.float32]]:
    start = network + "."
    return {name.removeprefix(start): values.astype(np.float32) for name, values in arrays.items() if name.startswith(start)}


def _joined(parts: Iterable[NDArray], kind: type) -> NDArray:
    found = list(parts)
    return np.concatenate(found).astype(kind) if found else np.zeros(0, kind)


def _split(values: NDArray, lengths: NDArray) -> list[NDArray]:
    return np.split(values, np.cumsum(lengths)[:-1])


def _zipped(arrays: Mapping[str, NDArray]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def _signal_to_noise_db(lines: Sequence[RecordedLine], sounds: Mapping[int, PackedAudio], kept: Sequence[int]) -> float:
    """Return the mean over some of the recordings."""
    found = []
    for line, index in list(zip(lines, kept, strict=True))[:: max(1, len(kept) // 30)]:
        wanted = line.samples.astype(np.float64)
        noise = wanted - unpack_audio(sounds[index])
        found.append(10.0 * np.log10(np.sum(wanted**2) / max(1.0, np.sum(noise**2))))
    return float(np.mean(found))
