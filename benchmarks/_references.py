"""References for the starter voice: flite's `slt` speaking a word, and WORLD singing that spoken word.

WORLD gets the same chances as the voice: the first vowel begins with the note, vowels fill the notes, consonants keep the
length in which they were spoken (but never more than 45 % of a syllable), pitch is the note's.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import soundfile
from numpy.typing import NDArray

_FRAME_MS = 5.0
_FLITE_VOWELS = frozenset("aa ae ah ao aw ax axr ay eh el em en er ey ih ix iy ow oy uh uw".split())
_CONSONANT_SHARE = 0.45
_CODA_PAST_NOTE_S = 0.06


@dataclass(frozen=True)
class SpokenWord:
    """A word spoken by flite; `vowels_s` holds start and end of every vowel."""

    samples: NDArray[np.float64]
    sample_rate: int
    speech_s: tuple[float, float]
    vowels_s: tuple[tuple[float, float], ...]


def missing_flite() -> str | None:
    """Return the reason why flite cannot speak here, None if it can."""
    return None if shutil.which("flite") else "the program 'flite' is not installed"


def missing_world() -> str | None:
    """Return the reason why WORLD cannot sing here, None if it can."""
    try:
        _pyworld()
    except ImportError as error:
        return f"pyworld: {error}"
    return missing_flite()


def spoken(word: str) -> SpokenWord:
    """Speak `word` in flite's timing and pitch."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "word.wav")
        command = ["flite", "-voice", "slt", "-psdur", "-t", word, "-o", str(path)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        samples, sample_rate = soundfile.read(path, dtype="float64")
    start_s, phones = 0.0, []
    for entry in printed.split():
        symbol, _, end = entry.rpartition(":")
        phones.append((symbol, start_s, float(end)))
        start_s = float(end)
    sounding = [phone for phone in phones if phone[0] != "pau"]
    vowels = tuple((start, end) for symbol, start, end in sounding if symbol in _FLITE_VOWELS)
    return SpokenWord(samples, sample_rate, (sounding[0][1], sounding[-1][2]), vowels or ((sounding[0][1], sounding[-1][2]),))


def sung_by_world(word: SpokenWord, length_s: float, f0_hz: float) -> tuple[NDArray[np.float64], float]:
    """Return the word stretched over a note (or equal notes) of `length_s`, and the time in it at which the note begins."""
    world = _pyworld()
    f0, times = world.harvest(word.samples, word.sample_rate, frame_period=_FRAME_MS)
    envelope = world.cheaptrick(word.samples, f0, times, word.sample_rate)
    aperiodicity = world.d4c(word.samples, f0, times, word.sample_rate)
    sung_s, spoken_s = _warp(word, length_s)
    at_s = np.arange(0.0, sung_s[-1], _FRAME_MS / 1000)
    frames = np.clip(np.interp(at_s, sung_s, spoken_s) / (_FRAME_MS / 1000), 0, len(f0) - 1)
    pitch = np.where(f0[np.round(frames).astype(int)] > 0, f0_hz, 0.0)
    samples = world.synthesize(pitch, _between(envelope, frames), _between(aperiodicity, frames), word.sample_rate, _FRAME_MS)
    return samples, float(sung_s[1])


def _warp(word: SpokenWord, length_s: float) -> tuple[list[float], list[float]]:
    """Return matching instants in the sung and in the spoken word: start, borders of all vowels, end."""
    first_s, last_s = word.speech_s
    lead_s = word.vowels_s[0][0] - first_s
    syllable_s = length_s / len(word.vowels_s)
    sung, heard = [0.0], [first_s]
    for index, (start_s, end_s) in enumerate(word.vowels_s):
        is_last = index + 1 == len(word.vowels_s)
        consonants_s = (last_s if is_last else word.vowels_s[index + 1][0]) - end_s
        past_s = min(_CODA_PAST_NOTE_S, 0.5 * consonants_s) if is_last else 0.0
        onset_s = lead_s + index * syllable_s
        sung += [onset_s, onset_s + syllable_s + past_s - min(consonants_s, past_s + _CONSONANT_SHARE * syllable_s)]
        heard += [start_s, end_s]
    return [*sung, lead_s + length_s + past_s], [*heard, last_s]


def _between(rows: NDArray[np.float64], frames: NDArray[np.float64]) -> NDArray[np.float64]:
    low = np.floor(frames).astype(int)
    high = np.minimum(low + 1, len(rows) - 1)
    share = (frames - low)[:, None]
    return np.ascontiguousarray(np.exp((1 - share) * np.log(rows[low] + 1e-16) + share * np.log(rows[high] + 1e-16)))


def _pyworld() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import warns about its use of pkg_resources
        import pyworld
    return pyworld
