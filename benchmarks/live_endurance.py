"""Random live play for minutes: stuck notes, non-finite samples, clicks at the borders of blocks, growth of memory.

By default the clock is simulated: as fast as possible, and the same on every machine. With --realtime the whole server plays into a file
in real time, driven by OSC, and underruns count.

    python benchmarks/live_endurance.py [--minutes 10] [--tracks 2] [--block 256] [--seed 1] [--realtime] [--json]

Printed: keys that still sounded after all were up, samples that are not finite, how steps between samples at the borders of blocks compare
with those elsewhere (1 = alike; a click in a thousand blocks would show), resident memory of all processes a fifth into the play and at the
end, how fast it grew in between (the slope of a line through samples of it, so that a single allocation does not count), underruns.

Exit status 1, and the reasons, if a key is stuck, a sample is not finite, the borders of blocks differ, memory grows by more than 0.5 MB a
minute, or (in real time with blocks of 256 samples or more) there was an underrun.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bridge.audio.engine import AudioConfig, AudioEngine  # noqa: E402
from bridge.client import VocaleseClient  # noqa: E402
from bridge.live import messages  # noqa: E402
from bridge.live.messages import WorkerConfig, wire_events  # noqa: E402
from bridge.live.worker import LiveEngine  # noqa: E402
from bridge.protocol import events  # noqa: E402
from bridge.server import ServerOptions, VocaleseServer  # noqa: E402
from engine import STARTER_NAME, AllNotesOff, Bend, Expression, Lyrics, NoteOff, NoteOn, Parameter, split_lyrics  # noqa: E402

RATE = 48_000
WORDS = "stay with me to - night my love and sing another song for us " * 200
NEAR = 960  # samples to either side that a step is compared with
MOST_BORDER_RATIO, MOST_GROWTH_MB_PER_MINUTE = 1.2, 0.5
MEMORY_EVERY_S = 1.0
LEAST_GROWTH_MB = 1.0  # a minute of play tells no less
ALWAYS_IN_TIME_BLOCK = 256
SILENT_WITHIN_S = 10.0  # of the last key: a busy machine is behind


@dataclass(frozen=True)
class Result:
    """Figures of one run; see the module docstring."""

    minutes: float
    notes: int
    stuck: int
    not_finite: int
    border_ratio: float
    memory_early_mb: float
    memory_end_mb: float
    memory_mb_per_minute: float
    underruns: int


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--tracks", type=int, default=2)
    parser.add_argument("--block", type=int, default=256)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--realtime", action="store_true")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "heard.wav")
        played = (in_real_time if options.realtime else freewheeling)(options, path)
        result = judged(options, path, played)
    for name, value in asdict(result).items():
        print(f"{name:>16}  {value}")
    missed = faults(result, options)
    for fault in missed:
        print(fault)
    if options.json:
        print(json.dumps(asdict(result)))
    return 1 if missed else 0


def faults(result: Result, options: argparse.Namespace) -> list[str]:
    """Return the missed criteria as sentences."""
    found = {
        f"{result.stuck} track(s) sounded on after all keys were up.": result.stuck,
        f"{result.not_finite} samples were no numbers.": result.not_finite,
        f"Steps at the borders of blocks are {result.border_ratio:g} times those elsewhere.": result.border_ratio
        >= MOST_BORDER_RATIO,
        f"Memory grows by {result.memory_mb_per_minute:g} MB a minute.": result.memory_mb_per_minute > MOST_GROWTH_MB_PER_MINUTE
        and result.memory_end_mb - result.memory_early_mb > LEAST_GROWTH_MB,
        f"{result.underruns} underruns.": result.underruns and options.realtime and options.block >= ALWAYS_IN_TIME_BLOCK,
    }
    return [sentence for sentence, is_so in found.items() if is_so]


@dataclass
class Played:
    """Counts during play."""

    notes: int = 0
    stuck: int = 0
    underruns: int = 0
    memory: list[tuple[float, float]] = field(default_factory=list)  # seconds of play, MB of all processes

    def look(self, passed_s: float, processes: Sequence[int | str | None]) -> None:
        """Record the memory, once a second."""
        if not self.memory or passed_s - self.memory[-1][0] >= MEMORY_EVERY_S:
            self.memory.append((passed_s, sum(memory_mb(process) for process in processes)))

    def memory_from(self, share: float) -> np.ndarray:
        """Return `[N, 2]` seconds and MB, without the first part of the play."""
        samples = np.array(self.memory)
        return samples[samples[:, 0] >= share * samples[-1, 0]]


@dataclass(frozen=True)
class Gesture:
    """One action of a player, and the pause after it."""

    kind: str
    track: int
    note: int
    value: float
    wait_s: float


def gestures(seconds: float, tracks: int, seed: int) -> Iterator[Gesture]:
    """Yield random keys, legato, bends, controllers; all keys are up at the end."""
    rng = np.random.default_rng(seed)
    down: list[list[int]] = [[] for _ in range(tracks)]
    passed, number = 0.0, 0
    while passed < seconds:
        track, wait_s, kind = int(rng.integers(tracks)), float(rng.exponential(0.15 / tracks)), rng.random()
        passed += wait_s
        if kind < 0.42 or not down[track]:
            number += 1
            down[track].append(number)
            yield Gesture("on", track, number, float(rng.uniform(48, 70)), wait_s)
        elif kind < 0.8:
            yield Gesture("off", track, down[track].pop(int(rng.integers(len(down[track])))), 0.0, wait_s)
        elif kind < 0.9:
            yield Gesture("bend", track, down[track][-1], float(rng.uniform(-2, 2)), wait_s)
        elif kind < 0.95:
            yield Gesture("modulation", track, down[track][-1], float(rng.random()), wait_s)
        else:
            for note in down[track]:
                yield Gesture("off", track, note, 0.0, 0.0)
            down[track].clear()
    for track, notes in enumerate(down):
        for note in notes:
            yield Gesture("off", track, note, 0.0, 0.0)


def freewheeling(options: argparse.Namespace, path: Path) -> Played:
    """Play on a live engine in this process, with an audio process on a simulated clock."""
    audio = AudioEngine.start(audio_config(options, path, "manual"))
    audio.advance(options.block)
    config = WorkerConfig(audio.address, (STARTER_NAME,) * options.tracks, is_manual=True)
    engine = LiveEngine(messages.Open(config), lambda _: None)

    def feed(track: int, event: Any) -> None:
        engine.handle(messages.TrackEvents(track, wire_events((event,)), round(passed_s * 1e9)))

    def play(until_s: float) -> None:
        while audio.telemetry().transport.device_sample < until_s * RATE:
            while engine.turn() == 0.0:
                pass
            audio.advance(options.block)

    passed_s, played, lines = 0.0, Played(), split_lyrics(WORDS).lines
    for track in range(options.tracks):
        feed(track, Lyrics(0.0, lines))
    for gesture in gestures(60 * options.minutes, options.tracks, options.seed):
        played.notes += gesture.kind == "on"
        feed(gesture.track, live_event(gesture))
        passed_s += gesture.wait_s
        play(passed_s)
        played.look(passed_s, ("self", audio.process_id))
    play(passed_s + 1.0)
    played.stuck = sum(player.is_sounding for player in engine.players)
    for track in range(options.tracks):
        feed(track, AllNotesOff(0.0))
    play(passed_s + 2.0)
    played.underruns = sum(track.live_underruns for track in audio.telemetry().tracks)
    engine.close()
    audio.close()
    return played


def in_real_time(options: argparse.Namespace, path: Path) -> Played:
    """Play on the whole server, by OSC. Memory counts all its processes; the bridge is this one."""
    server_options = ServerOptions(
        audio=audio_config(options, path, "realtime"),
        voices=(STARTER_NAME,) * options.tracks,
        languages=("en",) * options.tracks,
        port=0,
        with_midi=False,
    )
    played, begun_s = Played(), time.monotonic()
    with VocaleseServer(server_options, print) as server, VocaleseClient(port=server.osc.port, timeout_s=2.0) as client:
        for track in range(options.tracks):
            client.lyrics(WORDS[:3_900], track=track)
        time.sleep(2.0)
        for gesture in gestures(60 * options.minutes, options.tracks, options.seed):
            played.notes += gesture.kind == "on"
            client.send(osc_event(gesture))
            time.sleep(gesture.wait_s)
            played.look(time.monotonic() - begun_s, ("self", server.engine.process_id, server.audio.process_id))
        deadline_s = time.monotonic() + SILENT_WITHIN_S
        while sounding(server) and time.monotonic() < deadline_s:
            pass
        played.stuck = sounding(server)
        played.underruns = sum(track.live_underruns for track in server.audio.telemetry().tracks)
    return played


def sounding(server: VocaleseServer) -> int:
    """Return the number of tracks that sounded within half a second."""
    before = [track.live_played_samples for track in server.audio.telemetry().tracks]
    time.sleep(0.5)
    after = [track.live_played_samples for track in server.audio.telemetry().tracks]
    return sum(one != other for one, other in zip(before, after, strict=True))


def audio_config(options: argparse.Namespace, path: Path, clock: Any) -> AudioConfig:
    """Return the configuration of a file with one channel per track."""
    routes = tuple((track,) for track in range(options.tracks))
    return AudioConfig(
        output="file",
        path=path,
        clock=clock,
        sample_rate=RATE,
        block_frames=options.block,
        tracks=options.tracks,
        routes=routes,
    )


def live_event(gesture: Gesture) -> Any:
    match gesture.kind:
        case "on":
            return NoteOn(0.0, gesture.note, gesture.value)
        case "off":
            return NoteOff(0.0, gesture.note)
        case "bend":
            return Bend(0.0, gesture.value, gesture.note)
        case _:
            return Expression(0.0, Parameter.MODULATION, gesture.value, gesture.note)


def osc_event(gesture: Gesture) -> events.Event:
    match gesture.kind:
        case "on":
            return events.NoteOn(gesture.track, gesture.note, gesture.value, 0.75, 0.0, "")
        case "off":
            return events.NoteOff(gesture.track, gesture.note, 0.0)
        case "bend":
            return events.NoteBend(gesture.track, gesture.note, gesture.value, 0.0)
        case _:
            return events.NoteExpression(gesture.track, gesture.note, "modulation", gesture.value, 0.0)


def judged(options: argparse.Namespace, path: Path, played: Played) -> Result:
    """Return the result from the file and the counts."""
    not_finite, ratios = 0, []
    with soundfile.SoundFile(path) as file:
        for block in file.blocks(blocksize=RATE * 30 // options.block * options.block, dtype="float32", always_2d=True):
            not_finite += int(np.count_nonzero(~np.isfinite(block)))
            ratios += [border_sizes(block[:, track].astype(np.float64), options.block) for track in range(options.tracks)]
    borders, others = (np.concatenate([pair[side] for pair in ratios]) for side in (0, 1))
    memory = played.memory_from(0.2)
    slope = np.polyfit(*memory.T, 1)[0] if len(memory) > 2 else 0.0
    shares = [float(np.quantile(borders, share) / np.quantile(others, share)) for share in (0.99, 0.999)]
    return Result(
        minutes=options.minutes,
        notes=played.notes,
        stuck=played.stuck,
        not_finite=not_finite,
        border_ratio=round(max(shares), 3),
        memory_early_mb=round(float(memory[0, 1]), 1),
        memory_end_mb=round(float(memory[-1, 1]), 1),
        memory_mb_per_minute=round(float(60 * slope), 2),
        underruns=played.underruns,
    )


def border_sizes(sound: np.ndarray, block: int) -> tuple[np.ndarray, np.ndarray]:
    """Return steps relative to the largest step near them: at borders of blocks, and at the quarters between."""
    steps = np.abs(np.diff(sound))
    found: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for quarter in range(4):
        at = np.arange(block * (NEAR // block + 1), len(steps) - NEAR - block, block) + quarter * block // 4 - 1
        near = np.lib.stride_tricks.sliding_window_view(steps, 2 * NEAR + 1)[at - NEAR].max(axis=1)
        found[quarter != 0].append((steps[at] / (near + 1e-3))[near > 1e-3])
    return np.concatenate(found[0]), np.concatenate(found[1])


def memory_mb(process_id: int | str | None) -> float:
    """Return resident memory in MB; 0 if the system does not report it."""
    status = Path(f"/proc/{process_id}/status")
    if not status.exists():
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith("VmRSS"))


if __name__ == "__main__":
    sys.exit(main())
