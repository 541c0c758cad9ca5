"""Load test of the OSC server: malformed datagrams, then a flood, with a client that pings all the time.

    hostile   random and mutated datagrams and known attacks (element length -4, time tags ahead, address patterns, 3,000 nested
              bundles, NaN, 65,507 bytes), from several senders, just slowly enough that nearly all are parsed
    flood     valid notes at a fixed rate for some seconds
    live      the same flood on one track of everything that `vocalese serve` opens (without a device), while a note is held on another

The server runs in a subprocess. Printed: worst and 99th percentile of the ping's round trip (a ping that is not
answered within a second is counted), how busy the machine was, resident memory before and after (of all processes), numbers of rejected and
dropped messages, datagrams lost by the system, lines logged; for the live run the share of wall time that the device and the held note played,
and underruns.

Exit status 1, and the reasons, if a ping took more than 100 ms, memory or the log grew, messages beyond the limits were not counted and
dropped, or the sound stopped.

    python benchmarks/osc_flood.py [--datagrams 200000] [--rate 50000] [--seconds 10] [--seed 1] [--runs hostile flood live] [--json]
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import multiprocessing
import os
import random
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bridge.audio.engine import AudioConfig  # noqa: E402
from bridge.client import VocaleseClient  # noqa: E402
from bridge.osc import EventQueue, OscServer, encode, encode_bundle  # noqa: E402
from bridge.protocol import MESSAGES, limits  # noqa: E402
from bridge.server import ServerOptions, VocaleseServer  # noqa: E402
from engine import STARTER_NAME  # noqa: E402
from engine.errors import ProtocolError  # noqa: E402

RUNS = ("hostile", "flood", "live")
PING_EVERY_S, PING_LIMIT_S = 0.02, 1.0
MOST_PING_MS, MOST_GROWTH_MB, LEAST_SHARE = 100.0, 10.0, 0.98
LINES_PER_S = 5.0  # of the log
WARM_UP_S = 3.0
HOSTILE_SENDERS, HOSTILE_RATE_HZ = 4, 0.8 * limits.TOTAL_RATE_HZ  # more would be dropped before anybody looks at it
NOTE, NOTE_BESIDE = (encode("/vocalese/note", "ifffs", [track, 64.0, 0.5, 0.8, "love"]) for track in (0, 1))


# The processes under attack.


def serve(pipe: Connection) -> None:
    """Run a server and a consumer of its events until the pipe says stop; answer with counts and memory."""
    lines = LineCounter()
    logging.getLogger("bridge").addHandler(lines)
    queue = EventQueue()
    with OscServer(queue.put, port=0) as server:
        pipe.send(server.port)
        while True:
            while queue.get(0.02) is not None:
                pass
            if pipe.poll():
                if pipe.recv() == "stop":
                    return
                pipe.send(state_of(server, lines))


def serve_live(pipe: Connection) -> None:
    """Run a server with two live voices in real time, like `serve`."""
    lines = LineCounter()
    logging.getLogger("bridge").addHandler(lines)
    options = ServerOptions(
        audio=AudioConfig(output="null", block_frames=256, tracks=2),
        voices=(STARTER_NAME,) * 2,
        languages=("en",) * 2,
        port=0,
        with_midi=False,
    )
    with VocaleseServer(options, lines.count) as server:
        pipe.send(server.osc.port)
        while pipe.recv() != "stop":
            telemetry = server.audio.telemetry()
            pipe.send(
                {
                    **state_of(server.osc, lines, server.engine.process_id, server.audio.process_id),
                    "wall_s": time.monotonic(),
                    "device_s": telemetry.transport.device_sample / server.audio.sample_rate,
                    "held_s": telemetry.tracks[0].live_played_samples / server.audio.sample_rate,
                    "underruns": sum(track.live_underruns for track in telemetry.tracks) + telemetry.device_underruns,
                }
            )


def state_of(server: OscServer, lines: LineCounter, *others: int | None) -> dict[str, Any]:
    """Return counts so far, and the memory of this process and `others`."""
    counts = server.counts
    return {
        "received": counts.received_packets,
        "taken": counts.taken_messages,
        "pings": counts.pings,
        "refused": {str(code): count for code, count in counts.refused.items()},
        "dropped": {str(code): count for code, count in counts.dropped.items()},
        "rss_mb": sum(resident_mb(process) for process in ("self", *others)),
        "log_lines": lines.lines,
        "log_bytes": lines.bytes,
    }


class LineCounter(logging.Handler):
    """Handler that counts log records."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = self.bytes = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count(self.format(record))

    def count(self, line: str) -> None:
        """One more."""
        self.lines += 1
        self.bytes += len(line)


def resident_mb(process: int | str | None) -> float:
    """Return the resident memory of a process, NaN if the system does not report it."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return math.nan
    return pages * 4096 / 2**20


# The client that has a right to an answer.


def ping_until_told(port: int, pipe: Connection) -> None:
    """Measure round trips in ms, one after the other, until the pipe says stop."""
    measured: list[float] = []
    with VocaleseClient(port=port, timeout_s=PING_LIMIT_S, attempts=1) as client:
        pipe.send("ready")
        while not pipe.poll(PING_EVERY_S):
            try:
                measured.append(1e3 * client.ping(times=1).round_trip_s)
            except ProtocolError:
                measured.append(1e3 * PING_LIMIT_S)
    pipe.send(measured)


# What is sent.


def nested_bundles(levels: int) -> bytes:
    packet = NOTE
    for _ in range(levels):
        packet = encode_bundle([packet])
    return packet


def killers() -> list[bytes]:
    """Return the attacks of the module docstring by name."""
    head = b"#bundle\0"
    return [
        head + struct.pack(">Qi", 1, -4) + b"/abc",
        head + struct.pack(">Qi", 1, 9_999) + b"/abc",
        head + struct.pack(">Qi", 2**64 - 1, len(NOTE)) + NOTE,
        head + struct.pack(">Qi", int((time.time() + 2_208_988_800 + 30) * 2**32), len(NOTE)) + NOTE,
        encode("/*****/*****/*****/Z"),
        encode("/vocalese/********************Z"),
        nested_bundles(3_000),
        encode("/vocalese/note", "ifff", [0, math.nan, math.inf, -math.inf]),
        encode("/vocalese/note", "dddd", [1e308, 1e308, 5e-324, -0.0]),
        b"/" + bytes(limits.MAX_PACKET_BYTES - 1),
        b"/" * limits.MAX_PACKET_BYTES,
        encode("/vocalese/lyrics", "is", [0, "la " * 21_000]),
        encode("/x", "i" * 4_000, [1] * 4_000),
        b"",
    ]


def hostile(count: int, seed: int) -> Iterator[bytes]:
    """Yield datagrams: one in a thousand is an attack, a quarter is random, the others are valid packets with bytes changed, cut out or
    doubled."""
    rng = random.Random(seed)
    valid = [encode(m.address, "".join("s" if isinstance(v, str) else "f" for v in m.example), m.example) for m in MESSAGES]
    valid += [encode_bundle(rng.sample(valid, 3)) for _ in range(10)]
    named = killers()
    for _ in range(count):
        kind = rng.random()
        if kind < 0.001:
            yield rng.choice(named)
        elif kind < 0.25:
            yield rng.randbytes(rng.choice([1, 4, 16, 28, 64, 256]))
        else:
            packet = bytearray(rng.choice(valid))
            for _ in range(rng.randrange(1, 4)):
                place = rng.randrange(len(packet) + 1)
                if rng.random() < 0.6:
                    packet[place : place + 1] = rng.randbytes(1)
                elif rng.random() < 0.5:
                    del packet[place : place + 4]
                else:
                    packet[place:place] = packet[place : place + 4]
            yield bytes(packet)


def send_at(rate_hz: float, packets: Iterator[bytes], port: int, senders: int) -> tuple[int, float]:
    """Send at a rate, in small groups. Return the number sent and the seconds it took."""
    started_s = time.perf_counter()
    sent = 0
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(senders)]
        for packet, out in zip(packets, cycle(sockets)):
            out.sendto(packet, ("127.0.0.1", port))
            sent += 1
            if sent % 50 == 0:
                time.sleep(max(0.0, started_s + sent / rate_hz - time.perf_counter()))
    return sent, time.perf_counter() - started_s


def notes_for(seconds: float, note: bytes = NOTE) -> Iterator[bytes]:
    end_s = time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        yield note


# The runs.


def attack(name: str, rate_hz: float, packets: Iterator[bytes], senders: int, port: int, server: Connection) -> dict[str, Any]:
    before = ask(server)
    pipe, theirs = multiprocessing.Pipe()
    pinger = multiprocessing.get_context("spawn").Process(target=ping_until_told, args=(port, theirs), daemon=True)
    pinger.start()
    pipe.recv()
    sent, seconds = send_at(rate_hz, packets, port, senders)
    pipe.send("stop")
    pings = sorted(pipe.recv())
    pinger.join()
    after = ask(server)
    refused, dropped = sum(after["refused"].values()), sum(after["dropped"].values())
    received = after["received"] - before["received"]
    pinged = after["pings"] - before["pings"]
    return {
        "run": name,
        "sent": sent,
        "sent_per_second": round(sent / seconds),
        "seconds": round(seconds, 1),
        "received": received,
        "lost": max(0, sent + pinged - received),
        "pings": len(pings),
        "pings_unanswered": sum(ping >= 1e3 * PING_LIMIT_S for ping in pings),
        "ping_ms_median": round(pings[len(pings) // 2], 2),
        "ping_ms_p99": round(pings[int(len(pings) * 0.99)], 2),
        "ping_ms_worst": round(pings[-1], 2),
        "pings_over_100_ms": sum(ping > 100 for ping in pings),
        "taken": after["taken"] - before["taken"],
        "refused": refused - sum(before["refused"].values()),
        "dropped": dropped - sum(before["dropped"].values()),
        "rss_mb_before": round(before["rss_mb"], 1),
        "rss_mb_after": round(after["rss_mb"], 1),
        "log_lines": after["log_lines"] - before["log_lines"],
        "log_bytes": after["log_bytes"] - before["log_bytes"],
        "load_average": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        **(heard_between(before, after) if "wall_s" in before else {}),
    }


def heard_between(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the playing time of a live server during a run."""
    wall_s = after["wall_s"] - before["wall_s"]
    return {
        "device_share": round((after["device_s"] - before["device_s"]) / wall_s, 4),
        "held_note_share": round((after["held_s"] - before["held_s"]) / wall_s, 4),
        "underruns": after["underruns"] - before["underruns"],
    }


def ask(server: Connection) -> dict[str, Any]:
    server.send("counts")
    return server.recv()


def faults(row: dict[str, Any]) -> list[str]:
    """Return the missed criteria of a run as sentences."""
    seconds, grown_mb = row["seconds"], row["rss_mb_after"] - row["rss_mb_before"]
    found = {
        f"{row['pings_over_100_ms']} of {row['pings']} pings took more than 100 ms, the longest {row['ping_ms_worst']} ms": row[
            "pings_over_100_ms"
        ],
        f"memory grew by {grown_mb:.1f} MB": grown_mb > MOST_GROWTH_MB,
        f"{row['log_lines']} lines were logged in {seconds} s": row["log_lines"] > LINES_PER_S * (seconds + 2),
        "nothing was dropped, at more messages than the limits allow": not row["dropped"]
        and row["sent_per_second"] > 1.2 * limits.SENDER_RATE_HZ * (1 if row["run"] != "hostile" else HOSTILE_SENDERS),
        f"the device played {row.get('device_share', 1.0):.0%} of the time": row.get("device_share", 1.0) < LEAST_SHARE,
        f"the held note was heard {row.get('held_note_share', 1.0):.0%} of the time": row.get("held_note_share", 1.0)
        < LEAST_SHARE,
    }
    return [f"{row['run']}: {sentence}." for sentence, is_so in found.items() if is_so]


def run(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Run the chosen attacks; a short one goes first, so that memory counts from a busy server."""
    rows = []
    if {"hostile", "flood"} & set(options.runs):
        with under_attack(serve) as (port, pipe):
            send_at(HOSTILE_RATE_HZ, hostile(10_000, options.seed + 1), port, HOSTILE_SENDERS)
            if "hostile" in options.runs:
                packets = hostile(options.datagrams, options.seed)
                rows.append(attack("hostile", HOSTILE_RATE_HZ, packets, HOSTILE_SENDERS, port, pipe))
            if "flood" in options.runs:
                rows.append(attack("flood", options.rate, notes_for(options.seconds), 1, port, pipe))
    if "live" in options.runs:
        with under_attack(serve_live) as (port, pipe), VocaleseClient(port=port) as client:
            send_at(options.rate, notes_for(WARM_UP_S, NOTE_BESIDE), port, 1)
            time.sleep(WARM_UP_S)
            client.note_on(1, 57.0, track=0)
            time.sleep(1.0)
            rows.append(attack("live", options.rate, notes_for(options.seconds, NOTE_BESIDE), 1, port, pipe))
    return rows


@contextmanager
def under_attack(target: Callable[[Connection], None]) -> Iterator[tuple[int, Connection]]:
    """Run a server in a subprocess; yield its port and a function that returns its counts."""
    pipe, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=target, args=(theirs,))
    process.start()
    try:
        yield pipe.recv(), pipe
        pipe.send("stop")
        process.join()
    finally:
        process.terminate()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datagrams", type=int, default=200_000)
    parser.add_argument("--rate", type=float, default=50_000.0, help="messages a second of the flood")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of the flood")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=RUNS)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args()
    rows = run(options)
    for row in rows:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    missed = [fault for row in rows for fault in faults(row)]
    for fault in missed:
        print(fault)
    if options.json:
        print(json.dumps({"rows": rows}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
