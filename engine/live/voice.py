"""A live voice: a performer and the stream of a voice, which renders its frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.dsp.ceiling import Ceiling
from engine.performance.types import FRAME_RATE_HZ
from engine.score.types import Score, TempoMap
from engine.voices.types import VoiceStream

from .events import LiveEvent
from .lyric_queue import LyricPosition
from .performer import LivePerformer
from .phone_plan import LEGATO_TAIL_S, LONGEST_ONSET_S


@dataclass(frozen=True, slots=True)
class LiveLatency:
    """Delays of a live voice in seconds, without that of the audio device.

    A note whose event is fed before its frame is rendered starts exactly at its time, delayed by `stream_s`, the delay of the stream.
    Controllers act on whole frames. A vowel follows the consonants of its syllable, in legato also the coda of the syllable before.
    """

    frame_s: float
    stream_s: float
    longest_onset_s: float = LONGEST_ONSET_S
    longest_legato_s: float = LEGATO_TAIL_S


class LiveVoice:
    """A performer and a stream at the same frame. Not safe for use by several threads at once.

    Raises ValueError if their frames differ, or a frame of the stream is no whole number of samples.
    """

    def __init__(self, performer: LivePerformer, stream: VoiceStream) -> None:
        if performer.frame != stream.frame:
            raise ValueError(f"The performer stands at frame {performer.frame}, the stream at frame {stream.frame}.")
        if stream.sample_rate % FRAME_RATE_HZ:
            raise ValueError(f"{stream.sample_rate} Hz gives no whole number of samples per frame of 10 ms.")
        self._performer, self._stream = performer, stream
        self._ceiling = Ceiling(stream.sample_rate)

    @property
    def sample_rate(self) -> int:
        return self._stream.sample_rate

    @property
    def hop_samples(self) -> int:
        """Samples per frame."""
        return self._stream.sample_rate // FRAME_RATE_HZ

    @property
    def frame(self) -> int:
        """Number of the next frame; frame t covers t / 100 s to (t + 1) / 100 s of the clock of the events."""
        return self._performer.frame

    @property
    def latency(self) -> LiveLatency:
        return LiveLatency(1.0 / FRAME_RATE_HZ, self._stream.delay_samples / self._stream.sample_rate)

    @property
    def is_sounding(self) -> bool:
        """The next frame is not silent, as far as events are known."""
        return self._performer.is_sounding

    @property
    def lyric_position(self) -> LyricPosition:
        """Place in the queue of the syllable that the next note takes."""
        return self._performer.lyric_position

    def feed(self, event: LiveEvent) -> None:
        """See `LivePerformer.feed`."""
        self._performer.feed(event)

    def take_notices(self) -> tuple[str, ...]:
        """Return notices for the player since the last call, full sentences."""
        return self._performer.take_notices()

    def skip(self, frames: int) -> int:
        """Pass up to `frames` frames of silence at once; see `LivePerformer.skip`."""
        passed = self._performer.skip(frames)
        self._stream.skip(passed)
        if passed:
            self._ceiling.reset()
        return passed

    def render(self, frames: int) -> NDArray[np.float32]:
        """Return the next `frames` frames as mono samples [frames * hop_samples].

        The stream sees an event in its own frame and not before, and each frame is limited by itself, so that one call returns the same
        as many small ones.
        """
        blocks = []
        while frames > 0:
            count = self._performer.frames_until_event(frames)
            blocks.append(self._stream.sing(*self._performer.advance(count)))
            frames -= count
        if not blocks:
            return np.zeros(0, dtype=np.float32)
        samples = np.concatenate(blocks)
        for first in range(0, len(samples), self.hop_samples):
            self._ceiling.apply(samples[None, first : first + self.hop_samples])
        return samples

    def take(self, *, tempo_map: TempoMap | None = None, start_s: float = 0.0, name: str = "live") -> Score:
        """Return the notes played since `start_s` as a score; see `LivePerformer.take`."""
        return self._performer.take(tempo_map=tempo_map, start_s=start_s, name=name)
