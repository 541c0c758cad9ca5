"""Host APIs and audio devices, as PortAudio names them."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

from engine.errors import DeviceError

COMMON_RATES = (44_100, 48_000, 88_200, 96_000)
_MAX_LATENCY_S = 2.0
_JACK_IS_DOWN = (
    "JACK does not answer. Start JACK first (QjackCtl, jackd, or PipeWire with its JACK service), as the same user. "
)
_PORTAUDIO = "libportaudio.so.2"  # Linux; the library that sounddevice brings along elsewhere is built without JACK
_JACK_NAME = ctypes.c_char_p(b"Vocalese-audio")  # PortAudio keeps the pointer; MIDI's client is "Vocalese"


@dataclass(frozen=True, slots=True)
class Device:
    """An audio device as one host API offers it. Latencies in seconds, as the driver claims them; None where it claims nonsense."""

    index: int
    name: str
    host_api: str
    output_channels: int
    input_channels: int
    default_rate: int
    rates: tuple[int, ...]
    low_latency_s: float | None
    high_latency_s: float | None
    is_default: bool
    is_host_default: bool


@dataclass(frozen=True, slots=True)
class HostApi:
    """A sound system that PortAudio can use (ALSA, JACK, Core Audio, WASAPI, ASIO, …) and the index of its default output."""

    name: str
    devices: int
    default_output: int | None


def load_sounddevice() -> Any:
    """Return the sounddevice module, with its JACK client named as ours. Raises DeviceError if PortAudio is not installed."""
    _name_for_jack()
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise DeviceError(
            f"PortAudio is not available ({error}). On Debian and Ubuntu: apt-get install libportaudio2. "
            "Rendering to files works without it."
        ) from error
    return sounddevice


@cache
def _name_for_jack() -> None:
    """Name PortAudio's JACK client Vocalese: connections are stored by names. A PortAudio without JACK lacks the function."""
    try:
        set_name = ctypes.CDLL(_PORTAUDIO).PaJack_SetClientName
    except (OSError, AttributeError):
        return
    set_name(_JACK_NAME)
    if (loaded := sys.modules.get("sounddevice")) is not None:  # the name counts from the next start on
        loaded._terminate()
        loaded._initialize()


def list_host_apis() -> list[HostApi]:
    """Return all host APIs. Raises DeviceError without PortAudio."""
    apis = load_sounddevice().query_hostapis()
    return [
        HostApi(api["name"], len(api["devices"]), default if (default := api["default_output_device"]) >= 0 else None)
        for api in apis
    ]


def list_devices(*, with_rates: bool = False) -> list[Device]:
    """Return all devices in PortAudio's order; `with_rates` asks each for the rates it can play. Raises DeviceError without PortAudio."""
    sounddevice = load_sounddevice()
    apis = sounddevice.query_hostapis()
    default = sounddevice.default.device[1]
    return [_device(sounddevice, entry, apis[entry["hostapi"]], default, with_rates) for entry in sounddevice.query_devices()]


def find_output(wanted: str | int | None, channels: int) -> Device:
    """Return the output device that `wanted` means.

    An index, a part of the name, or words of which some are in the name of the host API ("wasapi speakers"); a host API's name alone
    ("jack") is its default device, None the default of all. Raises DeviceError with the list of devices if none or several fit.
    """
    devices = [device for device in list_devices() if device.output_channels > 0]
    jack = _JACK_IS_DOWN if _means_jack(wanted) and not any("jack" in device.host_api.casefold() for device in devices) else ""
    if not devices:
        raise DeviceError(
            f"{jack}No audio device with outputs was found. Connect one, start the sound server, or use --output null."
        )
    fitting = _fitting(devices, wanted)
    exact = [device for device in fitting if str(wanted).casefold() == device.name.casefold()]
    if len(exact or fitting) != 1:
        what = "No output device is" if not fitting else "Several output devices are"
        raise DeviceError(
            f"{jack}{what} meant by '{'the default' if wanted is None else wanted}'. There are:\n{_as_lines(fitting or devices)}"
        )
    device = (exact or fitting)[0]
    if device.output_channels < channels:
        raise DeviceError(
            f"'{device.name}' ({device.host_api}) has {device.output_channels} output channels, {channels} are needed. "
            "Use fewer output pairs or another device."
        )
    return device


def _means_jack(wanted: str | int | None) -> bool:
    return isinstance(wanted, str) and "jack" in wanted.casefold().split()


def sane_latency_s(latency_s: float) -> float | None:
    """Return a driver's latency if it can be true: PipeWire's JACK has been seen to claim days."""
    return latency_s if 0 <= latency_s < _MAX_LATENCY_S else None


def _fitting(devices: list[Device], wanted: str | int | None) -> list[Device]:
    if wanted is None:
        return [device for device in devices if device.is_default] or devices[:1]
    if isinstance(wanted, int) or wanted.isdecimal():
        return [device for device in devices if device.index == int(wanted)]
    words = wanted.casefold().split()
    fitting = [device for device in devices if all(word in f"{device.name} {device.host_api}".casefold() for word in words)]
    if fitting and all(word in device.host_api.casefold() for device in fitting for word in words):
        defaults = [device for device in fitting if device.is_host_default]
        return defaults if len(defaults) == 1 else fitting
    return fitting


def _device(sounddevice: Any, entry: dict[str, Any], host_api: dict[str, Any], default: int, with_rates: bool) -> Device:
    return Device(
        index=entry["index"],
        name=entry["name"],
        host_api=host_api["name"],
        output_channels=entry["max_output_channels"],
        input_channels=entry["max_input_channels"],
        default_rate=round(entry["default_samplerate"]),
        rates=_playable_rates(sounddevice, entry) if with_rates else (),
        low_latency_s=sane_latency_s(entry["default_low_output_latency"]),
        high_latency_s=sane_latency_s(entry["default_high_output_latency"]),
        is_default=entry["index"] == default,
        is_host_default=entry["index"] == host_api["default_output_device"],
    )


def _playable_rates(sounddevice: Any, entry: dict[str, Any]) -> tuple[int, ...]:
    if not entry["max_output_channels"]:
        return ()
    rates = []
    for rate in COMMON_RATES:
        try:
            sounddevice.check_output_settings(device=entry["index"], samplerate=rate)
        except sounddevice.PortAudioError:
            continue
        rates.append(rate)
    return tuple(rates)


def _as_lines(devices: list[Device]) -> str:
    return "\n".join(
        f"  {device.index}  {device.name}  ({device.host_api}, {device.output_channels} outputs)" for device in devices
    )
