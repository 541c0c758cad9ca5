"""A live voice: what a performer decides, sung by a voice's stream, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.performance.live import LivePerformer
from engine.performance.live_events import LiveEvent
from engine.performance.live_lyrics import LyricPosition
from engine.performance.live_phones import LEGATO_TAIL_S, LONGEST_ONSET_S
from engine.performance.types import FRAME_RATE_HZ
from engine.score.types import Score, TempoMap
from engine.voice.types import VoiceStream


@dataclass(frozen=True, slots=True)
class LiveLatency:
    """How late things are heard, in seconds, on top of what the audio device adds.

    A note whose event is there before its frame is asked for starts exactly at its time, `stream_s` later: that much the stream holds back.
    Controllers act on whole frames. The vowel comes after the consonants of its syllable, and legato after what ends the one before.
    """

    frame_s: float
    stream_s: float
    longest_onset_s: float = LONGEST_ONSET_S
    longest_legato_s: float = LEGATO_TAIL_S


class LiveVoice:
    """A performer and a stream that both stand at frame 0. Not safe for use by several threads at once.

    Raises ValueError if the two stand at different frames, or the stream's frames are not whole samples.
    """

    def __init__(self, performer: LivePerformer, stream: VoiceStream) -> None:
        if performer.frame != stream.frame:
            raise ValueError(f"The performer stands at frame {performer.frame}, the stream at frame {stream.frame}.")
        if stream.sample_rate % FRAME_RATE_HZ:
            raise ValueError(f"{stream.sample_rate} Hz gives no whole number of samples per frame of 10 ms.")
        self._performer, self._stream = performer, stream

    @property
    def sample_rate(self) -> int:
        return self._stream.sample_rate

    @property
    def hop_samples(self) -> int:
        """Samples per frame."""
        return self._stream.sample_rate // FRAME_RATE_HZ

    @property
    def frame(self) -> int:
        """The next frame to be rendered; frame t covers t / 100 s to (t + 1) / 100 s of the clock of the events."""
        return self._performer.frame

    @property
    def latency(self) -> LiveLatency:
        return LiveLatency(1.0 / FRAME_RATE_HZ, self._stream.delay_samples / self._stream.sample_rate)

    @property
    def is_sounding(self) -> bool:
        """Something is heard in the next frame, as far as it is known now."""
        return self._performer.is_sounding

    @property
    def lyric_position(self) -> LyricPosition:
        """Which syllable the next note takes from the queue."""
        return self._performer.lyric_position

    def feed(self, event: LiveEvent) -> None:
        """See `LivePerformer.feed`."""
        self._performer.feed(event)

    def take_notices(self) -> tuple[str, ...]:
        """Full sentences for the player since the last call."""
        return self._performer.take_notices()

    def skip(self, frames: int) -> int:
        """Let `frames` frames of silence pass at once; events in them happen. See `LivePerformer.skip`."""
        passed = self._performer.skip(frames)
        self._stream.skip(passed)
        return passed

    def render(self, frames: int) -> NDArray[np.float32]:
        """The next `frames` frames as mono samples [frames * hop_samples].

        An event is unknown to the stream before its own frame, so that one call gives what many small ones give.
        """
        blocks = []
        while frames > 0:
            count = self._performer.frames_until_event(frames)
            blocks.append(self._stream.sing(*self._performer.advance(count)))
            frames -= count
        return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)

    def take(self, *, tempo_map: TempoMap | None = None, start_s: float = 0.0, name: str = "live") -> Score:
        """What was played since `start_s`, as a score; see `LivePerformer.take`."""
        return self._performer.take(tempo_map=tempo_map, start_s=start_s, name=name)
