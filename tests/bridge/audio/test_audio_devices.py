"""Choice of devices, and bursts found again. Devices themselves are tried in test_audio_jack."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.audio.devices import Device, _fitting, sane_latency_s
from bridge.audio.loopback import _bursts, round_trips_ms


def device(index: int, name: str, host_api: str, *, is_default: bool = False, is_host_default: bool = False) -> Device:
    return Device(index, name, host_api, 2, 0, 48_000, (), 0.01, 0.03, is_default, is_host_default)


STUDIO = [
    device(0, "Speakers (USB Audio)", "MME", is_default=True, is_host_default=True),
    device(1, "Headphones", "MME"),
    device(2, "Speakers (USB Audio)", "Windows WASAPI", is_host_default=True),
    device(3, "ASIO4ALL v2", "ASIO", is_host_default=True),
    device(4, "Line 12", "ASIO"),
]


@pytest.mark.parametrize(
    ("wanted", "indices"),
    [
        (None, [0]),
        (1, [1]),
        ("4", [4]),
        ("headphones", [1]),
        ("usb", [0, 2]),
        ("wasapi speakers", [2]),
        ("Windows WASAPI", [2]),
        ("line", [4]),
        ("asio4all", [3]),
        ("mme", [0]),
        ("tuba", []),
        (9, []),
    ],
)
def test_a_device_is_meant_by_number_name_or_host_api(wanted: str | int | None, indices: list[int]) -> None:
    assert [found.index for found in _fitting(STUDIO, wanted)] == indices


def test_impossible_latencies_are_dropped() -> None:
    assert sane_latency_s(0.0) == 0.0
    assert sane_latency_s(0.02) == 0.02
    assert sane_latency_s(8.9e4) is None
    assert sane_latency_s(-1.0) is None


@pytest.mark.parametrize("delay", [0, 1, 256, 2_000])
def test_bursts_are_found_where_they_come_back(delay: int) -> None:
    played = _bursts(48_000)
    heard = 0.1 * np.roll(played, delay) + 0.001 * np.random.default_rng(0).standard_normal(len(played))
    assert round_trips_ms(played, heard.astype(np.float32), 48_000) == (1000 * delay / 48_000,) * 8


def test_noise_is_not_taken_for_a_burst() -> None:
    hiss = np.random.default_rng(0).standard_normal(120_000).astype(np.float32)
    assert round_trips_ms(_bursts(48_000), hiss, 48_000) == ()
    assert round_trips_ms(_bursts(48_000), np.zeros(120_000, np.float32), 48_000) == ()
