"""A sequencer whose time is passed by hand, on an output that keeps what is heard; and a voice that is quick and exact."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from bridge.audio.engine import AudioConfig, AudioEngine
from bridge.protocol.events import Clip, ClipNote
from bridge.song.render_worker import Job, Planned, RenderJob, RenderJobRunner, Result, VoiceLibrary
from bridge.song.sequencer import Sequencer
from engine import STARTER_NAME, Performance, load_card, render_track

FADE_S = 0.005
NATIVE_RATE = 32_000


class Tone:
    """A voice that hums a sine at the performance's pitch while a phone sounds; how loud depends on everything that was planned."""

    card = load_card(STARTER_NAME)
    fingerprint = "tone"

    def synthesise(self, performance: Performance) -> np.ndarray:
        hop = NATIVE_RATE // 100
        f0_hz = np.repeat(np.nan_to_num(performance.f0_hz), hop)
        sounds = np.zeros(len(f0_hz), np.float32)
        for phone in performance.phones:
            if phone.symbol != "SIL":
                sounds[round(phone.start_s * NATIVE_RATE) : round(phone.end_s * NATIVE_RATE)] = 1.0
        level = 0.1 + int(performance.hash[:4], 16) / 0x10000 * 0.2
        ramp = np.hanning(2 * hop).astype(np.float32)
        shape = np.convolve(sounds, ramp / ramp.sum(), mode="same")
        return (level * shape * np.sin(2 * np.pi * np.cumsum(f0_hz) / NATIVE_RATE)).astype(np.float32)


class Here:
    """Does jobs in this process, when their result is asked for, and remembers them. While `is_paused` they are not done."""

    def __init__(self) -> None:
        self.singer = RenderJobRunner(VoiceLibrary(), lambda name: Tone())
        self.jobs: list[Job] = []
        self.planned: dict[int, Planned] = {}
        self.is_paused = False
        self._job: Job | None = None

    @property
    def is_busy(self) -> bool:
        return self._job is not None

    @property
    def rendered(self) -> list[RenderJob]:
        return [job for job in self.jobs if isinstance(job, RenderJob)]

    def submit(self, job: Job) -> None:
        self._job = job
        self.jobs.append(job)

    def result(self, wait_s: float) -> Result | None:
        if self._job is None or self.is_paused:
            return None
        job, self._job = self._job, None
        result = self.singer.do(job)
        if isinstance(result, Planned):
            self.planned[result.job.track] = result
        return result

    def close(self) -> None:
        self._job = None


class Desk:
    """An audio engine with one output channel per track that writes to a file, and a sequencer on it. Use it as a context manager."""

    def __init__(
        self, path: Path, *, tracks: int = 1, rate: int = 48_000, block: int = 256, renderer=None, shelf=None, **more
    ) -> None:
        self.path, self.rate, self.tracks = path, rate, tracks
        self.config = AudioConfig(
            output="file",
            path=path,
            clock="manual",
            sample_rate=rate,
            block_frames=block,
            tracks=tracks,
            routes=tuple((track,) for track in range(tracks)),
        )
        self._renderer, self._shelf, self._more = renderer, shelf, more

    def __enter__(self) -> Desk:
        self.audio = AudioEngine.start(self.config)
        try:
            self.sequencer = Sequencer(self.audio, self._shelf, renderer=self._renderer, **self._more)
        except BaseException:
            self.audio.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.sequencer.close()
        self.audio.close()

    def play_s(self, seconds: float) -> None:
        self.audio.advance(round(seconds * self.rate))

    @property
    def song_sample(self) -> int:
        return self.audio.telemetry().transport.song_sample

    def heard(self) -> np.ndarray:
        """All that was heard so far, `[N, track]`; closes the desk."""
        self.__exit__()
        return soundfile.read(self.path, dtype="float32", always_2d=True)[0][:, : self.tracks]


def clip(
    notes: Sequence[tuple], *, track: int = 0, number: int = 1, revision: int = 1, start: float = 0.0, length: float = 64.0
) -> Clip:
    """`clip([(ppq, ppq, pitch, lyric), …])`."""
    parts = tuple(
        ClipNote(track, number, revision, index, float(ppq), float(duration), float(pitch), 0.8, lyric)
        for index, (ppq, duration, pitch, lyric) in enumerate(notes)
    )
    return Clip(track, number, revision, start, length, parts, ())


def laid(phrases: Sequence[Performance], start: int, stop: int, rate: int) -> np.ndarray:
    """Samples `start` to `stop` of the stem that rendering offline makes of these phrases."""
    near = [phrase for phrase in phrases if phrase.start_s * rate < stop and phrase.end_s * rate > start]
    if not near:
        return np.zeros(stop - start, np.float32)
    return np.concatenate(list(render_track(near, Tone(), sample_rate=rate, total_samples=stop)))[start:]


def onset_error(heard: np.ndarray, stem: np.ndarray, search: int) -> int:
    """By how many samples `heard` lies later than `stem`: the best of all shifts up to `search`, by correlation."""
    shifts = range(-search, search + 1)
    middle = stem[search:-search].astype(np.float64)
    scores = [float(middle @ heard[search + shift : len(heard) - search + shift]) for shift in shifts]
    return list(shifts)[int(np.argmax(scores))]
