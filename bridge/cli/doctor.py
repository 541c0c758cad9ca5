"""Arguments of `vocalese doctor`."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.protocol import limits

from .declare import Command, option
from .shared import JsonOptions
from .values import port


@dataclass(frozen=True, kw_only=True)
class DoctorOptions(JsonOptions):
    """Options of `vocalese doctor`."""

    loopback: str | None = option(
        default=None,
        metavar="DEVICE",
        help="measure the round trip of a device whose output is joined to its input, with quiet bursts of noise",
    )
    port: int = option(
        type=port, default=limits.DEFAULT_PORT, metavar="N", help="UDP port for OSC to check (default: %(default)s)"
    )


COMMAND = Command(
    name="doctor",
    summary="check that everything singing needs is there",
    examples=(
        "vocalese doctor",
        "vocalese doctor --loopback jack        also measure the round trip through a device",
        "vocalese doctor --port 9000            check whether this OSC port is free",
    ),
    options=DoctorOptions,
    run="bridge.commands.doctor:run",
)
