"""Performances: phones with exact times, pitch, loudness and timbre on one frame grid, the input of voices."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from engine.lyrics.types import Syllable
from engine.units import FRAME_RATE_HZ as FRAME_RATE_HZ

SILENCE = "SIL"
BREATH = "BR"

FloatFrames = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PhoneSpan:
    """A phone (symbol of the voice's inventory, `SIL` or `BR`) from `start_s` to `end_s`, seconds from the phrase's frame 0.

    `stress` is its syllable's: 0 none, 1 primary, 2 secondary.
    """

    symbol: str
    start_s: float
    end_s: float
    note_index: int = -1  # note of the track it belongs to, -1 for silence
    stress: int = 1


@dataclass(frozen=True, slots=True)
class LyricMark:
    """A syllable's spelling at its vowel onset (seconds from frame 0), for pictures and exports."""

    time_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """The words of a phrase, for voices that read text: syllables in their own language's phones, and the pause after each word.

    `pauses` has one entry per word: 0 none, 1 comma, 2 sentence end. `speech_rate` is None for sung phrases; a number: the phrase is
    spoken that many times as fast as usual, and a voice may keep its own pace. `length_s`: time available for it.
    """

    words: tuple[tuple[Syllable, ...], ...]
    pauses: tuple[int, ...]
    is_question: bool = False
    speech_rate: float | None = None
    length_s: float | None = None


@dataclass(frozen=True, eq=False)
class Controls:
    """Controls of consecutive frames [T], with the meaning and ranges of Performance; `f0_hz` is above 0 in all of them.

    Arrays left out are 0.
    """

    f0_hz: FloatFrames
    energy_db: FloatFrames
    breathiness: FloatFrames
    tension: FloatFrames
    formant_semitones: FloatFrames
    colour: FloatFrames
    growl: FloatFrames = None  # type: ignore[assignment]  # zeros once it is made
    natural_dynamics: FloatFrames = None  # type: ignore[assignment]
    steadiness: FloatFrames = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        _fill_with_zeros(self)

    @property
    def frames(self) -> int:
        return len(self.f0_hz)

    def cut(self, first: int, end: int) -> Controls:
        """Return frames first .. end - 1."""
        return Controls(**{item.name: getattr(self, item.name)[first:end] for item in fields(self)})


CONTROL_NAMES = tuple(item.name for item in fields(Controls))


@dataclass(frozen=True, eq=False)
class Performance:
    """One phrase on a 100 Hz grid. Frame t covers the instant (start_frame + t) / 100 s of the song; all arrays have length T.

    phones are contiguous and cover 0 .. T/100 s; f0_hz is continuous (no gaps) wherever a phone may be voiced and NaN in silence;
    energy_db is an offset to the voice's natural level; breathiness -1..1 (0 natural, 1 whisper); tension -1..1 (0 natural);
    formant_semitones moves the formants up (smaller, brighter voice) or down, -12..12; colour 0..1 goes from the voice's main colour to
    its second one; growl 0..1 roughens the voice (0 none). natural_dynamics 0..1 is the share of its speaker's loudness pattern that
    the voice adds; steadiness 0..1 goes from the phonation of speech to that of held notes (less noise, softer edges).
    Arrays left out are 0. `utterance`: the words of the phrase, for voices that read text.
    """

    start_frame: int
    phones: tuple[PhoneSpan, ...]
    f0_hz: FloatFrames
    energy_db: FloatFrames
    breathiness: FloatFrames
    tension: FloatFrames
    formant_semitones: FloatFrames
    lyrics: tuple[LyricMark, ...] = ()
    utterance: Utterance | None = None
    colour: FloatFrames = None  # type: ignore[assignment]  # zeros once it is made
    growl: FloatFrames = None  # type: ignore[assignment]
    natural_dynamics: float = 0.0
    steadiness: float = 0.0
    seed: int = 0
    frame_rate_hz: int = FRAME_RATE_HZ
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        _fill_with_zeros(self)
        digest = hashlib.sha256()
        for item in fields(self):
            # start_frame is left out: the same phrase at another place of the song is the same sound.
            if item.name in ("hash", "start_frame", "lyrics"):
                continue
            value = getattr(self, item.name)
            if value is None:
                continue
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
                value = value.tobytes()
            digest.update(f"{item.name}={value!r};".encode())
        object.__setattr__(self, "hash", digest.hexdigest()[:32])

    @property
    def frames(self) -> int:
        return len(self.f0_hz)

    def controls(self) -> Controls:
        """Return the controls of the phrase [T]; scalars are constant. Fields are taken by name, `f0_hz` still has its gaps (NaN)."""
        values = {name: getattr(self, name) for name in CONTROL_NAMES}
        return Controls(**{name: np.broadcast_to(np.float32(value), self.frames) for name, value in values.items()})

    @property
    def start_s(self) -> float:
        return self.start_frame / self.frame_rate_hz

    @property
    def end_s(self) -> float:
        return (self.start_frame + self.frames) / self.frame_rate_hz


def _fill_with_zeros(item: Controls | Performance) -> None:
    """Set controls that are None to zeros [T]."""
    for name in CONTROL_NAMES:
        if getattr(item, name) is None:
            object.__setattr__(item, name, np.zeros(len(item.f0_hz), dtype=np.float32))
