"""What there is to play on: host APIs and devices as PortAudio names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.errors import DeviceError

COMMON_RATES = (44_100, 48_000, 88_200, 96_000)
_MAX_LATENCY_S = 2.0


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
    """The sounddevice module. DeviceError if PortAudio, which it needs, is not installed."""
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise DeviceError(
            f"PortAudio is not available ({error}). On Debian and Ubuntu: apt-get install libportaudio2. "
            "Rendering to files works without it."
        ) from error
    return sounddevice


def list_host_apis() -> list[HostApi]:
    """All host APIs. DeviceError without PortAudio."""
    apis = load_sounddevice().query_hostapis()
    return [
        HostApi(api["name"], len(api["devices"]), default if (default := api["default_output_device"]) >= 0 else None)
        for api in apis
    ]


def list_devices(*, with_rates: bool = False) -> list[Device]:
    """All devices, in PortAudio's order; `with_rates` asks each for the common rates it can play. DeviceError without PortAudio."""
    sounddevice = load_sounddevice()
    apis = sounddevice.query_hostapis()
    default = sounddevice.default.device[1]
    return [_device(sounddevice, entry, apis[entry["hostapi"]], default, with_rates) for entry in sounddevice.query_devices()]


def find_output(wanted: str | int | None, channels: int) -> Device:
    """The output device that `wanted` means: its index, a part of its name, or words of which some are in its host API's name
    ("wasapi speakers"); a host API's name alone ("jack") means its default, None the default of all. DeviceError, with the devices
    there are, if none or several fit."""
    devices = [device for device in list_devices() if device.output_channels > 0]
    if not devices:
        raise DeviceError("No audio device with outputs was found. Connect one, start the sound server, or use --output null.")
    fitting = _fitting(devices, wanted)
    exact = [device for device in fitting if str(wanted).casefold() == device.name.casefold()]
    if len(exact or fitting) != 1:
        what = "No output device is" if not fitting else "Several output devices are"
        raise DeviceError(
            f"{what} meant by '{'the default' if wanted is None else wanted}'. There are:\n{_as_lines(fitting or devices)}"
        )
    device = (exact or fitting)[0]
    if device.output_channels < channels:
        raise DeviceError(
            f"'{device.name}' ({device.host_api}) has {device.output_channels} output channels, {channels} are needed. "
            "Use fewer output pairs or another device."
        )
    return device


def sane_latency_s(latency_s: float) -> float | None:
    """A driver's latency if it can be true: PipeWire's JACK has been seen to say days."""
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
