"""Status of sequenced play."""

from __future__ import annotations

from dataclasses import dataclass

from .takes import PhraseStatus, TakeState


@dataclass(frozen=True, slots=True)
class TrackStatus:
    """Phrases of a track in the order of the song; `trouble` is a sentence if the track could not be planned."""

    number: int
    name: str
    phrases: tuple[PhraseStatus, ...]
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class SequencerStatus:
    """Status of the sequencer. Positions are in seconds and quarter notes of the song; `loop_s` is (start, stop) or None.

    `missed_samples` counts samples that were not rendered in time. `is_complete`: everything is planned and rendered; `is_obeyed`: no
    transport command is pending.
    """

    is_playing: bool
    position_s: float
    position_ppq: float
    end_s: float
    loop_s: tuple[float, float] | None
    tempo_revision: int
    tracks: tuple[TrackStatus, ...]
    missed_samples: int
    is_complete: bool
    is_obeyed: bool

    @property
    def missing(self) -> tuple[tuple[int, PhraseStatus], ...]:
        """Phrases without sound so far, with the numbers of their tracks."""
        return tuple(
            (track.number, phrase)
            for track in self.tracks
            for phrase in track.phrases
            if phrase.state not in (TakeState.READY, TakeState.EDITED)
        )

    def count(self, *states: TakeState) -> int:
        """Return the number of phrases in one of these states."""
        return sum(phrase.state in states for track in self.tracks for phrase in track.phrases)
