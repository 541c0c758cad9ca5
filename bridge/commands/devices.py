"""`vocalese devices`: list sound devices."""

from __future__ import annotations

import json
from dataclasses import asdict

from bridge.audio.devices import Device, list_devices, list_host_apis
from bridge.cli.shared import JsonOptions

from .common import EXIT_OK


def run(options: JsonOptions) -> int:
    """List host APIs and their devices, inputs too, with the default marked. Raises DeviceError without PortAudio."""
    apis, devices = list_host_apis(), list_devices(with_rates=True)
    if options.as_json:
        print(json.dumps({"host_apis": [asdict(api) for api in apis], "devices": [asdict(device) for device in devices]}))
        return EXIT_OK
    for api in apis:
        print(f"{api.name}{'' if api.devices else ': no devices'}")
        for device in devices:
            if device.host_api == api.name:
                print(f"  {_line(device)}")
    if not devices:
        print("No audio devices. Rendering to files works without one.")
    else:
        print("* is the default. A device is chosen by its number, a part of its name, or its host API's name.")
    return EXIT_OK


def _line(device: Device) -> str:
    mark = "*" if device.is_default else " "
    rates = ", ".join(f"{rate / 1000:g}" for rate in device.rates)
    parts = [f"{device.output_channels} out, {device.input_channels} in"]
    if device.output_channels:
        parts.append(f"{rates} kHz" if rates else "no common rate")
        parts.append(f"latency {_ms(device.low_latency_s)} to {_ms(device.high_latency_s)}")
    return f"{mark} {device.index:>2}  {device.name}: {'; '.join(parts)}"


def _ms(latency_s: float | None) -> str:
    return "unknown" if latency_s is None else f"{1000 * latency_s:.1f} ms"
