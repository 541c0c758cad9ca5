"""The sung set: random words on random notes by the direct model, which give the token model long, high and low notes.

Recordings of reading are too few and too short for a token model, which overfits them; singing by the direct model is unlimited.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import TrainingError
from engine.files import replacing
from engine.lyrics import lay_lyrics, pronounce_english
from engine.performance import Mode, Performance, PerformanceSettings, perform
from engine.score import Note, TempoChange, TempoMap, Track
from engine.voices.articulation import effort_of, units_of, voicing
from engine.voices.starter.acoustic import AcousticModel
from engine.voices.units import VOWELS, UnitFrames, unit_frames

_PPQ = 480  # at one beat a second a tick is 1/480 s
_WORDS = (3, 8)
_SYLLABLE_S = (0.12, 1.2)
_HELD = 0.12  # chance of a syllable going on over another note
_PITCHES = (43.0, 79.0)
_LARGEST_STEP = 7
_MIXED = 0.3  # chance of a mix of two speakers


@dataclass(frozen=True)
class SungPhrase:
    """One phrase sung by the direct model. T frames.

    laid: units on the frames; f0_hz, voiced, effort [T]; bands [T, power_bands] natural-log amplitude; aperiodicity [T, bands]; mix
    [speakers] shares.
    """

    laid: UnitFrames
    f0_hz: NDArray[np.float32]
    voiced: NDArray[np.float32]
    effort: NDArray[np.float32]
    bands: NDArray[np.float16]
    aperiodicity: NDArray[np.float16]
    mix: NDArray[np.float32]

    @property
    def frames(self) -> int:
        return len(self.f0_hz)


def sing_set(
    model: AcousticModel,
    words: Sequence[str],
    minutes: float,
    seed: int,
    progress: Callable[[float], None] | None = None,
) -> list[SungPhrase]:
    """Return about `minutes` of phrases. Phrase n depends on (seed, n) only."""
    phrases: list[SungPhrase] = []
    frames, number = 0, 0
    while frames < minutes * 6000:
        rng = np.random.default_rng((seed, number))
        mix = _mix(rng, model.config.speakers)
        for performance in _performances(words, rng, number):
            phrases.append(_sung(model, performance, mix))
            frames += performance.frames
        number += 1
        if progress:
            progress(frames / 6000)
    return phrases


def save_set(phrases: Sequence[SungPhrase], path: Path, identity: str) -> None:
    """Write all phrases to one file."""
    laid = [phrase.laid for phrase in phrases]
    with replacing(path) as part, part.open("wb") as stream:
        np.savez(
            stream,
            allow_pickle=False,
            identity=np.array(identity),
            frames=np.array([phrase.frames for phrase in phrases]),
            counts=np.array([len(item.units) for item in laid]),
            units=np.concatenate([item.units for item in laid]).astype(np.uint8),
            unit_of_frame=np.concatenate([item.unit_of_frame for item in laid]).astype(np.uint16),
            position=np.concatenate([item.position for item in laid]),
            until_s=np.concatenate([item.until_s for item in laid]),
            mix=np.stack([phrase.mix for phrase in phrases]),
            **{name: np.concatenate([getattr(phrase, name) for phrase in phrases]) for name in _PER_FRAME},
        )


def load_set(path: Path, identity: str) -> list[SungPhrase]:
    """Read the result of `save_set`. Raises TrainingError if it was made by another model or recipe."""
    with np.load(path, allow_pickle=False) as stored:
        if str(stored["identity"]) != identity:
            raise TrainingError(
                f"{path} was sung by another model. Delete it to have it sung again, or choose another run folder."
            )
        arrays = {name: stored[name] for name in stored.files}
    frame_ends, unit_ends = np.cumsum(arrays["frames"]), np.cumsum(arrays["counts"])
    phrases = []
    for index, (frames, count) in enumerate(zip(arrays["frames"], arrays["counts"], strict=True)):
        at = slice(int(frame_ends[index] - frames), int(frame_ends[index]))
        units = arrays["units"][unit_ends[index] - count : unit_ends[index]].astype(np.int64)
        laid = UnitFrames(units, arrays["unit_of_frame"][at].astype(np.int64), arrays["position"][at], arrays["until_s"][at])
        phrases.append(SungPhrase(laid, mix=arrays["mix"][index], **{name: arrays[name][at] for name in _PER_FRAME}))
    return phrases


_PER_FRAME = ("f0_hz", "voiced", "effort", "bands", "aperiodicity")


def set_identity(start: str, words: Sequence[str], minutes: float, seed: int) -> str:
    """Return the identity of a sung set; `start` is the direct model's fingerprint."""
    return hashlib.sha256(f"{start} {minutes:g} {seed} {' '.join(words)}".encode()).hexdigest()


def _performances(words: Sequence[str], rng: np.random.Generator, number: int) -> tuple[Performance, ...]:
    notes: list[Note] = []
    at_ticks, pitch = _PPQ // 2, float(rng.integers(int(_PITCHES[0]), int(_PITCHES[1]) + 1))
    pace = rng.uniform(0.0, 1.0)  # some phrases are slow, some quick
    for word in rng.choice(words, int(rng.integers(_WORDS[0], _WORDS[1]))):
        syllables = max(1, sum(phone.rstrip("012") in VOWELS for phone in pronounce_english(str(word))))
        for index in range(syllables):
            lyrics = ["+" if index else str(word)] + ["-"] * (rng.random() < _HELD)
            for lyric in lyrics:
                place = np.clip(pace + rng.normal(0.0, 0.25), 0.0, 1.0)
                ticks = round(_PPQ * _SYLLABLE_S[0] * (_SYLLABLE_S[1] / _SYLLABLE_S[0]) ** place)
                notes.append(Note(at_ticks, ticks, pitch, int(rng.integers(50, 116)), lyric))
                at_ticks += ticks
                pitch = float(np.clip(pitch + rng.integers(-_LARGEST_STEP, _LARGEST_STEP + 1), *_PITCHES))
    track = Track("sung", tuple(notes), language="en")
    laid = lay_lyrics(track, language="en", ppq=_PPQ)
    settings = PerformanceSettings(seed=number, mode=Mode.SING)
    return perform(track, laid, TempoMap(_PPQ, (TempoChange(0, 1e6),)), settings).phrases


def _mix(rng: np.random.Generator, speakers: int) -> NDArray[np.float32]:
    shares = np.eye(speakers, dtype=np.float32)[rng.integers(speakers)]
    if speakers > 1 and rng.random() < _MIXED:
        other = np.eye(speakers, dtype=np.float32)[rng.integers(speakers)]
        share = np.float32(rng.uniform())
        shares = share * shares + (1 - share) * other
    return shares


@torch.inference_mode()
def _sung(model: AcousticModel, performance: Performance, mix: NDArray[np.float32]) -> SungPhrase:
    units = units_of(performance.phones)
    laid = unit_frames(units, performance.frames, performance.frame_rate_hz)
    features = model.frame_features(*(torch.from_numpy(a)[None] for a in (laid.units, laid.unit_of_frame, laid.position)))
    voiced = voicing(model.voicing_logit(features)[0].numpy(), units, laid.unit_of_frame, performance.frame_rate_hz)
    effort = effort_of(performance.energy_db)
    speaker = torch.from_numpy(mix)[None] @ model.speakers.weight
    envelope = model.envelope(features, torch.from_numpy(voiced)[None], torch.from_numpy(effort)[None], speaker)
    return SungPhrase(
        laid=laid,
        f0_hz=np.nan_to_num(performance.f0_hz, nan=200.0),
        voiced=voiced,
        effort=effort,
        bands=envelope.log_amplitude[0].numpy().astype(np.float16),
        aperiodicity=envelope.aperiodicity[0].numpy().astype(np.float16),
        mix=mix,
    )
