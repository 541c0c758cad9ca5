"""Latency of live notes: 40 notes at random times for each block size, sent by OSC to a running `vocalese serve`, or with --midi by a key
of a JACK client.

    total     from just before the datagram is sent to the first sample of the syllable, in the device's samples: where the device stood
              when it was sent follows from when its last block began, by JACK's own clock, and the time since. A key goes down with the
              sample that JACK gives it, the first of its period. The first sample of the syllable is the first one after digital silence
              that reaches 0.3 % (-50 dB) of its note's peak.
    added     total less one block of the driver, which any answer to a message has to wait for
    jitter    the largest distance of a note's total from their median
    underruns of all sources and the device while notes are played, as the server counts them (clients that join JACK may cost one before)
    alone     underruns of the device in a run of the same length before, with nothing but the recorder: those of the machine itself

The device is a JACK server with its dummy driver (synchronous mode); a second JACK client records the measured sound. Without JACK the
sound goes to a file in real time, and notes go by OSC; a line says so.

Exit status 1, and the reasons, if added is more than 10 ms (median) or 15 ms (99th percentile), or jitter more than 1 ms with blocks of 128.

    python benchmarks/live_latency.py [--blocks 64 128 256 512] [--notes 40] [--seed 1] [--midi] [--json]
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes.util
import gc
import json
import multiprocessing
import os
import queue
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bridge.audio.engine import AudioConfig  # noqa: E402
from bridge.client import VocaleseClient  # noqa: E402
from bridge.osc.packet import pack  # noqa: E402
from bridge.protocol import events  # noqa: E402
from bridge.realtime.priority import AUDIO, ask_for_real_time  # noqa: E402
from bridge.server import ServerOptions, VocaleseServer  # noqa: E402
from engine import STARTER_NAME  # noqa: E402

RATE = 48_000
THRESHOLD = 0.003  # of a note's peak
SILENCE_S = 0.02  # exact zeros before a note
WORDS = "la " * 200
SETTLED_S = 0.5
PAUSE_S = 0.35, 0.65  # before each note
WAIT_S, KEY_WITHIN_S = 30.0, 5.0
MOST_ADDED_MS, MOST_ADDED_P99_MS = 10.0, 15.0
MOST_JITTER_MS, JITTER_BLOCK = 1.0, 128
T = TypeVar("T")
Strike = Callable[[float, float], T]  # a note: its pitch, its length in seconds; gives when it was sent


@dataclass(frozen=True)
class Row:
    """One line of the table; times in milliseconds."""

    block: int
    added_ms_median: float
    added_ms_p99: float
    jitter_ms: float
    underruns: int
    underruns_alone: int | None


@dataclass(frozen=True)
class Heard:
    """A recording, and the device sample at which each note was sent."""

    sent: list[float]
    sound: np.ndarray
    underruns: int
    underruns_alone: int | None = None
    """Of the device without Vocalese; None where there is no device."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--blocks", type=int, nargs="+", default=[64, 128, 256, 512])
    parser.add_argument("--notes", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--midi", action="store_true", help="play keys through JACK's MIDI instead of sending OSC")
    parser.add_argument("--no-keep-warm", action="store_false", dest="keep_warm", help="serve without keep-warm notes")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args()
    hear, where = (
        (through_jack, "JACK's dummy driver") if has_jack() else (through_file, "a file in real time: there is no JACK here")
    )
    by = "MIDI" if options.midi and hear is through_jack else "OSC"
    print(
        f"{options.notes} notes by {by} for each block at {RATE} Hz, through {where}; load of the machine {os.getloadavg()[0]:.1f}"
    )
    if options.midi and by == "OSC":
        print("Keys could not be played: only JACK's MIDI tells when exactly a key goes down.")
    print(f"{'block':>6} {'added ms':>9} {'p99':>6} {'jitter':>7} {'underruns':>10} {'alone':>6}")
    rows = []
    for block in options.blocks:
        rows.append(measured(hear(block, options), block))
        row = rows[-1]
        print(
            f"{block:>6} {row.added_ms_median:>9.2f} {row.added_ms_p99:>6.2f} {row.jitter_ms:>7.2f} {row.underruns:>10} "
            f"{'-' if row.underruns_alone is None else row.underruns_alone:>6}",
            flush=True,
        )
    missed = [fault for row in rows for fault in faults(row)]
    for fault in missed:
        print(fault)
    if options.json:
        print(json.dumps({"rows": [asdict(row) for row in rows]}))
    return 1 if missed else 0


def faults(row: Row) -> list[str]:
    """Return the missed criteria as sentences."""
    found = {
        f"a note sounds {row.added_ms_median:.2f} ms late (median); {MOST_ADDED_MS:g} are allowed": row.added_ms_median
        > MOST_ADDED_MS,
        f"one in a hundred sounds {row.added_ms_p99:.2f} ms late; {MOST_ADDED_P99_MS:g} are allowed": row.added_ms_p99
        > MOST_ADDED_P99_MS,
        f"jitter is {row.jitter_ms:.2f} ms; {MOST_JITTER_MS:g} is allowed": row.block == JITTER_BLOCK
        and row.jitter_ms > MOST_JITTER_MS,
    }
    return [f"Block {row.block}: {sentence}." for sentence, is_so in found.items() if is_so]


def measured(heard: Heard, block: int) -> Row:
    """Return the figures of one run. Raises SystemExit if a tenth of the notes is missing."""
    onsets = np.array(onsets_of(heard.sound))
    following = [onsets[onsets > sent] for sent in heard.sent]
    totals = [
        (after[0] - sent) * 1000 / RATE
        for sent, after in zip(heard.sent, following, strict=True)
        if len(after) and after[0] - sent < RATE // 4
    ]
    if missing := len(heard.sent) - len(totals):
        print(f"{block:>6} {missing} notes do not begin behind silence within 250 ms and are left out")
    if len(totals) < 0.9 * len(heard.sent):
        raise SystemExit(f"block {block}: too many notes are missing")
    added = np.array(totals) - 1000 * block / RATE
    jitter = float(np.abs(added - np.median(added)).max())
    return Row(
        block,
        round(float(np.median(added)), 2),
        round(float(np.percentile(added, 99)), 2),
        round(jitter, 2),
        heard.underruns,
        heard.underruns_alone,
    )


def onsets_of(sound: np.ndarray) -> list[int]:
    """Return the first samples of all notes that follow digital silence."""
    loud = np.flatnonzero(sound)
    if not len(loud):
        return []
    begins = [int(loud[0]), *(int(loud[i + 1]) for i in np.flatnonzero(np.diff(loud) > SILENCE_S * RATE))]
    onsets = []
    for begin, end in zip(begins, [*begins[1:], len(sound)], strict=True):
        note = np.abs(sound[begin:end])
        onsets.append(begin + int(np.argmax(note > THRESHOLD * note.max())))
    return onsets


def play(client: VocaleseClient, options: argparse.Namespace, strike: Strike[T]) -> list[T]:
    """Play notes at random times; return the result of `strike` for each."""
    rng = np.random.default_rng(options.seed)
    client.lyrics(WORDS)
    time.sleep(1.0)
    sent: list[T] = []
    for _ in range(options.notes):
        time.sleep(rng.uniform(*PAUSE_S))
        sent.append(strike(float(rng.integers(55, 68)), float(rng.uniform(0.1, 0.2))))
    time.sleep(0.7)
    return sent


@contextlib.contextmanager
def by_osc(port: int, now: Callable[[], T]) -> Iterator[Strike[T]]:
    """Send a note and return the value of `now` just before. Encoding does not count, nor does the cost of a first datagram after a rest
    (up to 1 ms, different from note to note): a datagram to an unused address goes before it."""
    datagrams = socket.AF_INET, socket.SOCK_DGRAM
    with socket.socket(*datagrams) as nobody, socket.socket(*datagrams) as waker, socket.socket(*datagrams) as sender:
        nobody.bind(("127.0.0.1", 0))
        waker.connect(nobody.getsockname())
        sender.connect(("127.0.0.1", port))

        def strike(pitch: float, length_s: float) -> T:
            packet = pack(events.WholeNote(0, pitch, length_s, 0.8, "", 0.0))
            waker.send(packet)
            sent = now()
            sender.send(packet)
            return sent

        yield strike


# Through JACK.


def has_jack() -> bool:
    """Return True if all programs and libraries are installed."""
    if shutil.which("jackd") is None or ctypes.util.find_library("portaudio") is None:
        return False
    try:
        import jack  # noqa: F401
    except (ImportError, OSError):
        return False
    return True


class Keys:
    """MIDI port of a JACK client; call `write` in each of its periods."""

    def __init__(self, client: Any) -> None:
        self._client, self._port = client, client.midi_outports.register("keys")
        self._to_play: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._played: queue.SimpleQueue[int] = queue.SimpleQueue()

    def join(self) -> bool:
        """Connect to the MIDI port of Vocalese; return True if it exists."""
        ports = [port for port in self._client.get_ports(is_midi=True, is_input=True) if "ocalese" in port.name]
        if ports:
            self._client.connect(self._port, ports[0])
        return bool(ports)

    def write(self, period: int) -> None:
        """Write waiting messages at the start of this period."""
        self._port.clear_buffer()
        while not self._to_play.empty():
            self._port.write_midi_event(0, self._to_play.get())
            self._played.put(period)

    def strike(self, pitch: float, length_s: float) -> int:
        """Play a note; return the period of its note-on."""
        period = self._press(0x90, round(pitch), 100)
        time.sleep(length_s)
        self._press(0x80, round(pitch), 0)
        return period

    def _press(self, *message: int) -> int:
        self._to_play.put(bytes(message))
        try:
            return self._played.get(timeout=KEY_WITHIN_S)
        except queue.Empty:
            raise SystemExit("JACK stands still: it asks the client with the keys for nothing any more") from None


def through_jack(block: int, options: argparse.Namespace) -> Heard:
    """Measure the command in a subprocess, with the recorder in another one."""
    with jack_server(block), recorder() as ask:
        time.sleep(SETTLED_S)
        begun = ask("underruns")
        time.sleep(options.notes * sum(PAUSE_S) / 2)
        alone = ask("underruns") - begun
        with (
            serving(block, with_midi=options.midi, keep_warm=options.keep_warm) as (_, udp_port),
            VocaleseClient(port=udp_port) as client,
        ):
            wait_for(lambda: ask("listen"))
            if options.midi:
                wait_for(lambda: ask("join"))
            time.sleep(SETTLED_S)
            begun = client.status().underruns
            with by_osc(udp_port, time.monotonic_ns) as strike:
                struck = play(client, options, partial(ask, "strike") if options.midi else strike)
            underruns = client.status().underruns - begun
        called, sound = ask("end")
    span = min(1000, len(called) // 2)
    kept = np.median((called[span:] - called[:-span]) * 1e-9) * RATE / (span * block)  # 1 if blocks are asked for in time
    if abs(kept - 1.0) > 0.01:
        print(f"{block:>6} the device loses time ({1 / kept:.0%} of its rate): the machine is too busy for this to mean much")
    if options.midi:
        return Heard([period * block for period in struck], sound, underruns, alone)
    last = np.searchsorted(called, struck, side="right") - 1
    since = np.minimum((np.array(struck) - called[last]) * 1e-9 * RATE, block)  # a block that is late is not asked for yet
    return Heard(list(last * block + since), sound, underruns, alone)


@contextlib.contextmanager
def recorder() -> Iterator[Callable[..., Any]]:
    """Start a client that records and answers requests. It is a subprocess, because JACK waits for its callback, and the callback would wait
    for the GIL of a process that also sends notes."""
    context = multiprocessing.get_context("spawn")
    orders, answers = context.Pipe()
    process = context.Process(target=record, args=(answers,))
    process.start()
    answers.close()

    def ask(order: str, *values: float) -> Any:
        orders.send((order, *values))
        try:
            answer = orders.recv()
        except EOFError:
            raise SystemExit("the recorder has ended") from None
        if isinstance(answer, SystemExit):
            raise answer
        return answer

    try:
        yield ask
    finally:
        orders.close()
        process.join(10)
        process.kill()


def record(orders: Connection) -> None:
    """Run the recorder's process until its parent ends it or exits."""
    import jack

    gc.disable()
    sys.setswitchinterval(0.0001)
    ask_for_real_time(AUDIO)  # else the callback waits for whoever comes between this thread and its giving back the GIL
    client = jack.Client("recorder", no_start_server=True)
    blocks: list[np.ndarray] = []
    called_ns: list[int] = []
    underruns: list[float] = []
    port, keys = client.inports.register("in"), Keys(client)

    def process(_frames: int) -> None:
        called_ns.append(time.monotonic_ns() - round(client.frames_since_cycle_start * 1e9 / RATE))
        keys.write(len(blocks))
        blocks.append(port.get_array().copy())

    def listen() -> bool:
        sources = [p for p in client.get_ports(is_audio=True, is_output=True) if not p.name.startswith("system:")]
        if sources:
            client.connect(sources[0], port)
        return bool(sources)

    client.set_process_callback(process)
    client.set_xrun_callback(underruns.append)
    client.activate()
    with contextlib.suppress(EOFError):
        while True:
            order, *values = orders.recv()
            if order == "end":
                client.deactivate()
                orders.send((np.array(called_ns), np.concatenate(blocks)))
                break
            try:
                obey = {"listen": listen, "join": keys.join, "strike": keys.strike, "underruns": lambda: len(underruns)}
                orders.send(obey[order](*values))
            except SystemExit as failure:
                orders.send(failure)
    client.close()


@contextlib.contextmanager
def jack_server(block: int) -> Iterator[str]:
    """Run a JACK server with the dummy driver, under a separate name that is the default meanwhile."""
    name = f"vocalese-{secrets.token_hex(4)}"
    command = [
        "jackd",
        "--no-mlock",
        "-S",
        "-R",
        "-n",
        name,
        "-d",
        "dummy",
        "-C",
        "2",
        "-P",
        "2",
        "-r",
        str(RATE),
        "-p",
        str(block),
    ]
    before = {key: os.environ.get(key) for key in ("JACK_DEFAULT_SERVER", "JACK_NO_START_SERVER", "JACK_NO_AUDIO_RESERVATION")}
    os.environ.update(JACK_DEFAULT_SERVER=name, JACK_NO_START_SERVER="1", JACK_NO_AUDIO_RESERVATION="1")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(1.0)
        yield name
    finally:
        process.terminate()
        process.wait(10)
        for key, value in before.items():
            if value is None:
                os.environ.pop(key)
            else:
                os.environ[key] = value


@contextlib.contextmanager
def serving(block: int, *, with_midi: bool, keep_warm: bool) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run `vocalese serve` on JACK; yield its port."""
    command = [sys.executable, "-m", "bridge.cli", "serve", "--device", "jack", "--rate", str(RATE), "--block", str(block)]
    command += ["--tracks", "1", "--port", "0", *([] if with_midi else ["--no-midi"])]
    command += [] if keep_warm else ["--no-keep-warm"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        port = 0
        for line in process.stdout:
            if found := re.match(r"OSC\s+127\.0\.0\.1:(\d+)", line):
                port = int(found[1])
            if line.startswith("Ctrl-C"):
                break
        if not port:
            raise SystemExit("vocalese serve did not start")
        yield process, port
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            print("vocalese serve did not end and was stopped")
        process.stdout.close()


def wait_for(found: Callable[[], Any]) -> Any:
    """Return the first result of `found` that is not empty."""
    deadline_s = time.monotonic() + WAIT_S
    while not (value := found()):
        if time.monotonic() > deadline_s:
            raise SystemExit("no ports of the server appeared")
        time.sleep(0.05)
    return value


# Without JACK.


def through_file(block: int, options: argparse.Namespace) -> Heard:
    """Measure the server in this process, writing a file in real time."""
    import soundfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "heard.wav")
        audio = AudioConfig(output="file", path=path, clock="realtime", sample_rate=RATE, block_frames=block)
        opening = ServerOptions(
            audio=audio, voices=(STARTER_NAME,), languages=("en",), port=0, with_midi=False, keep_warm=options.keep_warm
        )
        with VocaleseServer(opening, print) as server, VocaleseClient(port=server.osc.port) as client:

            def stands_at() -> float:
                clock = server.audio.telemetry().clock
                return clock.device_sample + (time.monotonic_ns() - clock.block_ns) * 1e-9 * RATE

            with by_osc(server.osc.port, stands_at) as strike:
                sent = play(client, options, strike)
            underruns = server.status().underruns
        sound, _ = soundfile.read(path, dtype="float32")
    return Heard(sent, sound[:, 0], underruns)


if __name__ == "__main__":
    sys.exit(main())
