"""A mixer with its shared memory in one process, asked for blocks by hand; and how to see a click."""

from __future__ import annotations

import numpy as np

from bridge.audio.control import Command, CommandKind, CommandWriter, Telemetry, telemetry_of
from bridge.audio.live_ring import LiveWriter
from bridge.audio.memory import AudioAddress, AudioMemory, new_name
from bridge.audio.mixer import Mixer
from bridge.audio.song_source import PlacedWriter

RATE = 48_000


class Bench:
    """One mixer and the writers of its tracks; `play` gives what a device of two channels would hear, `[N, C]`."""

    def __init__(
        self, tracks: int, channels: int, outputs: int, routes: tuple[tuple[int, ...], ...] | None, **layout: int
    ) -> None:
        self.memory = AudioMemory.create(AudioAddress(new_name(), RATE, tracks, channels, **layout))
        self.mixer = Mixer(self.memory, routes or ((0, 1),) * tracks, outputs=outputs)
        self.live = [LiveWriter(self.memory, track) for track in range(tracks)]
        self.placed = [PlacedWriter(self.memory, track) for track in range(tracks)]
        self.commands = CommandWriter(self.memory)
        self.outputs = outputs

    def send(self, kind: CommandKind, a: float = 0.0, b: float = 0.0, *, at: int = 0, track: int = 0) -> None:
        assert self.commands.send(Command(kind, at, track, a, b))

    def play(self, samples: int, block: int = 128, *, feed: bool = True) -> np.ndarray:
        blocks = []
        for start in range(0, samples, block):
            if feed:
                for writer in self.placed:
                    writer.feed()
            out = np.full((min(block, samples - start), self.outputs), np.nan, np.float32)
            self.mixer.process(out)
            blocks.append(out)
        return np.concatenate(blocks)

    def telemetry(self) -> Telemetry:
        return telemetry_of(self.memory, self.outputs)

    def close(self) -> None:
        for part in (*self.live, *self.placed, self.commands, self.mixer):
            part.close()
        self.memory.close()


def largest_step(sound: np.ndarray) -> float:
    """Largest difference between neighbouring samples: a click stands out."""
    return float(np.abs(np.diff(sound.astype(np.float64), prepend=0.0)).max())
