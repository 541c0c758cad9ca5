"""Training features of recordings and their texts, one file per clip, computed once.

Input: a folder with a table `metadata.csv` (columns `file` and `text`, further ones ignored) and audio files. Each clip becomes an .npz
with 32 kHz audio (int16), units with times, F0, voicing, D4C aperiodicity and slow loudness. A clip on which a step fails is dropped; the
reasons are counted and reported.
"""

from __future__ import annotations

import csv
import logging
import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from engine.dsp.bands import band_centres_hz
from engine.dsp.praat import praat_f0
from engine.errors import TrainingError
from engine.files import replacing
from engine.lyrics import is_reduced, pronounce_english
from engine.units import FRAME_RATE_HZ
from engine.voices.units import PHONES, UNIT_INDEX, Unit, split_phone

from .align import ALIGN_RATE_HZ, AlignedPhone, Aligner

log = logging.getLogger(__name__)

_PITCH_STEP_S = 0.005
F0_FLOOR_HZ, F0_CEILING_HZ = 70.0, 500.0
ACTIVE_RMS = 0.08  # every clip's speech is brought to this level
_HIGH_PASS_HZ = 65.0
_EFFORT_WINDOW_S = 0.3


@dataclass(frozen=True)
class ClipSource:
    """One recording on disk and its text."""

    name: str
    path: Path
    text: str


@dataclass(frozen=True)
class Clip:
    """Features of one recording. T frames of 10 ms; samples = T * hop.

    samples int16 [T * hop]; units: symbols [N] with border times [N + 1] in seconds; f0_hz [T] interpolated through gaps; voiced [T];
    aperiodicity [T, bands] amplitude ratio 0..1; effort [T] in 10 dB. `speaker` is the index of the recipe's speaker; `band_hz` is the
    upper limit of the recording.
    """

    name: str
    sample_rate: int
    samples: NDArray[np.int16]
    units: tuple[str, ...]
    borders_s: NDArray[np.float64]
    f0_hz: NDArray[np.float32]
    voiced: NDArray[np.bool_]
    aperiodicity: NDArray[np.float32]
    effort: NDArray[np.float32]
    speaker: int = 0
    band_hz: float = 1e9

    @property
    def frames(self) -> int:
        return len(self.f0_hz)


def read_sources(folder: Path) -> list[ClipSource]:
    """Return the clips listed in `folder/metadata.csv`. Raises TrainingError if the table or a column is missing."""
    table = folder / "metadata.csv"
    if not table.is_file():
        raise TrainingError(
            f"No table {table}. Expected a CSV with the columns 'file' (audio, relative to the folder) and 'text'."
        )
    with table.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        missing = {"file", "text"} - set(reader.fieldnames or ())
        if missing:
            raise TrainingError(f"{table} lacks the column(s) {', '.join(sorted(missing))}; it has {reader.fieldnames}.")
        return [ClipSource(Path(row["file"]).stem, folder / row["file"], row["text"]) for row in reader]


def prepare(
    sources: Sequence[ClipSource],
    cache: Path,
    *,
    sample_rate: int,
    aperiodicity_bands: int,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Compute features of all usable clips as files in `cache`; return their paths in the order of `sources`. Existing files are kept."""
    cache.mkdir(parents=True, exist_ok=True)
    targets = {source.name: cache / f"{source.name}.npz" for source in sources}
    missing = [
        source for source in sources if not targets[source.name].exists() and not _refusal(targets[source.name]).exists()
    ]
    groups = [missing[first : first + 8] for first in range(0, len(missing), 8)]
    done = len(sources) - len(missing)
    if groups:
        with ProcessPoolExecutor(max_workers=jobs) as pool:
            for group in pool.map(
                _prepare_group, groups, [cache] * len(groups), [(sample_rate, aperiodicity_bands)] * len(groups)
            ):
                done += group
                if progress:
                    progress(done, len(sources))
    usable = [targets[source.name] for source in sources if targets[source.name].exists()]
    if not usable:
        raise TrainingError(f"None of {len(sources)} clips could be used; the reasons are in {cache}/*.refused.")
    return usable


def load_clip(path: Path, speaker: int = 0, band_hz: float = 1e9) -> Clip:
    """Load a clip written by `prepare`."""
    with np.load(path, allow_pickle=False) as stored:
        return Clip(
            name=path.stem,
            sample_rate=int(stored["sample_rate"]),
            samples=stored["samples"],
            units=tuple(str(symbol) for symbol in stored["units"]),
            borders_s=stored["borders_s"],
            f0_hz=stored["f0_hz"],
            voiced=stored["voiced"],
            aperiodicity=stored["aperiodicity"].astype(np.float32) / 255.0,
            effort=stored["effort"],
            speaker=speaker,
            band_hz=band_hz,
        )


def clip_units(clip: Clip) -> list[Unit]:
    """Return the clip's units as `engine.voices.units` values."""
    spans = zip(clip.units, clip.borders_s[:-1], clip.borders_s[1:], strict=True)
    return [Unit(symbol, float(start_s), float(end_s)) for symbol, start_s, end_s in spans]


def _refusal(target: Path) -> Path:
    return target.with_suffix(".refused")


def _prepare_group(group: list[ClipSource], cache: Path, layout: tuple[int, int]) -> int:
    """Compute features of a few clips in a subprocess, with one aligner."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    aligner = Aligner(pronounce_english, is_reduced)
    for source in group:
        target = cache / f"{source.name}.npz"
        try:
            features = _features(source, aligner, *layout)
        except (TrainingError, soundfile.LibsndfileError) as error:
            _refusal(target).write_text(f"{error}\n", encoding="utf-8")
            continue
        with replacing(target) as part, part.open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **features)
    return len(group)


def _features(source: ClipSource, aligner: Aligner, sample_rate: int, aperiodicity_bands: int) -> dict[str, NDArray[Any]]:
    recorded, recorded_rate = soundfile.read(source.path, dtype="float32", always_2d=True)
    samples = soxr.resample(recorded[:, 0], recorded_rate, sample_rate, quality="VHQ")
    samples = _high_passed(samples, sample_rate)
    hop = sample_rate // FRAME_RATE_HZ
    frames = len(samples) // hop
    if frames < 50:
        raise TrainingError("shorter than half a second")
    samples = samples[: frames * hop]
    phones = aligner.align(soxr.resample(samples, sample_rate, ALIGN_RATE_HZ).astype(np.float32), source.text)
    if phones is None:
        raise TrainingError("the aligner found no path through the text")
    samples = samples * (ACTIVE_RMS / active_rms(samples, hop))
    peak = float(np.abs(samples).max())
    if peak > 0.99:
        samples = samples * (0.99 / peak)
    units = _units(phones, samples, sample_rate)
    f0_hz, voiced, aperiodicity = _pitch(samples, sample_rate, frames, aperiodicity_bands)
    return {
        "sample_rate": np.array(sample_rate),
        "samples": np.round(samples * 32767).astype(np.int16),
        "units": np.array([unit.symbol for unit in units]),
        "borders_s": np.array([units[0].start_s, *(unit.end_s for unit in units)]),
        "f0_hz": f0_hz.astype(np.float32),
        "voiced": voiced,
        "aperiodicity": np.round(aperiodicity * 255).astype(np.uint8),
        "effort": _effort(samples, hop),
    }


def _high_passed(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    from scipy.signal import butter, sosfiltfilt

    return sosfiltfilt(butter(3, _HIGH_PASS_HZ, "highpass", fs=sample_rate, output="sos"), samples).astype(np.float32)


def frame_rms(samples: NDArray[np.float32], hop: int) -> NDArray[np.float64]:
    """Return the root mean square of each hop [T]."""
    return np.sqrt(np.mean(samples[: len(samples) // hop * hop].reshape(-1, hop).astype(np.float64) ** 2, axis=1))


def active_rms(samples: NDArray[np.float32], hop: int) -> float:
    """Return the RMS over the frames above 5 % of the loudest one."""
    rms = frame_rms(samples, hop)
    active = rms[rms > 0.05 * rms.max()]
    if not len(active):
        raise TrainingError("the recording is silent")
    return float(np.sqrt(np.mean(active**2)))


def _effort(samples: NDArray[np.float32], hop: int) -> NDArray[np.float32]:
    """Return slow loudness in 10 dB against the clip's active level, smoothed so that it does not depend on single phones."""
    rms = frame_rms(samples, hop)
    power = np.where(rms > 0.05 * rms.max(), rms**2, 0.0)
    window = np.hanning(int(2 * _EFFORT_WINDOW_S * FRAME_RATE_HZ) + 1)
    weight = np.convolve((power > 0).astype(float), window, mode="same")
    smooth = np.convolve(power, window, mode="same") / np.maximum(weight, 1e-9)
    level = np.log10(np.maximum(smooth, 1e-9) / ACTIVE_RMS**2)
    return np.where(weight > 1e-6, np.clip(level, -2.0, 1.0), -1.0).astype(np.float32)


def _units(phones: Sequence[AlignedPhone], samples: NDArray[np.float32], sample_rate: int) -> list[Unit]:
    units: list[Unit] = []
    for phone in phones:
        if phone.symbol != "SIL" and phone.symbol not in PHONES:
            raise TrainingError(f"the aligner gave the unknown phone {phone.symbol}")
        release_s = _release_s(phone, samples, sample_rate)
        units.extend(split_phone(phone.symbol, phone.start_s, phone.end_s, is_reduced=phone.is_reduced, release_s=release_s))
    return units


def _release_s(phone: AlignedPhone, samples: NDArray[np.float32], sample_rate: int) -> float | None:
    """Return the time at which a stop's closure opens: the steepest rise of energy above 1.5 kHz inside it, if there is a clear one."""
    if f"{phone.symbol}_closure" not in UNIT_INDEX or phone.end_s - phone.start_s < 0.04:
        return None
    step = sample_rate // 400  # 2.5 ms
    first = max(0, int((phone.start_s - 0.005) * sample_rate))
    piece = samples[first : int((phone.end_s + 0.01) * sample_rate)]
    sharp = np.diff(piece, prepend=piece[:1])  # +6 dB per octave: favours the burst over voicing
    if len(sharp) < 12 * step:
        return None
    energy = frame_rms(sharp, step) ** 2
    total = np.concatenate([[0.0], np.cumsum(energy)])
    borders = np.arange(6, len(energy) - 4)
    after = (total[borders + 4] - total[borders]) / 4
    before = (total[borders] - total[borders - 6]) / 6
    rise_db = 10 * np.log10((after + 1e-12) / (before + 1e-12))
    best = int(np.argmax(rise_db))
    time_s = (first + borders[best] * step) / sample_rate
    if rise_db[best] < 6.0 or not phone.start_s + 0.01 <= time_s <= phone.end_s - 0.005:
        return None
    return float(time_s)


def _pitch(
    samples: NDArray[np.float32], sample_rate: int, frames: int, bands: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float32]]:
    """Return F0 through gaps and voicing (Praat's autocorrelation method), and aperiodicity (D4C), at frame centres."""
    times_s, tracked = praat_f0(
        samples.astype(np.float64),
        sample_rate,
        step_s=_PITCH_STEP_S,
        floor_hz=F0_FLOOR_HZ,
        ceiling_hz=F0_CEILING_HZ,
        silence_threshold=0.02,
    )
    times = (np.arange(frames) + 0.5) / FRAME_RATE_HZ
    if not np.any(tracked > 0):
        raise TrainingError("no voiced frames")
    at = np.clip(np.round((times - times_s[0]) / _PITCH_STEP_S).astype(int), 0, len(tracked) - 1)
    f0_hz = tracked[at]
    voiced = f0_hz > 0
    if voiced.mean() < 0.1:
        raise TrainingError("hardly any voiced frames")
    bins_amplitude = _d4c(samples.astype(np.float64), np.ascontiguousarray(f0_hz), times, sample_rate)
    bins_hz = np.arange(bins_amplitude.shape[1]) * sample_rate / (2 * (bins_amplitude.shape[1] - 1))
    centres = band_centres_hz(sample_rate, bands)
    banded = np.stack([np.interp(centres, bins_hz, row) for row in bins_amplitude])
    continuous = np.interp(np.arange(frames), np.flatnonzero(voiced), f0_hz[voiced])
    return continuous, voiced, np.clip(banded, 0.0, 1.0).astype(np.float32)


def _d4c(samples: NDArray[Any], f0_hz: NDArray[Any], times: NDArray[Any], sample_rate: int) -> NDArray[Any]:
    """Return amplitude aperiodicity [T, bands] (M. Morise, D4C, 2016); the threshold 0 disables its own voicing decision."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its import warns about its use of pkg_resources
            import pyworld
    except ImportError as error:
        raise TrainingError("Preparing recordings needs pyworld: pip install 'vocalese[train]'.") from error
    return pyworld.d4c(samples, f0_hz, times, sample_rate, threshold=0.0)
