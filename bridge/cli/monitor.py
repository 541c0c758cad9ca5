"""Arguments of `vocalese monitor`."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.protocol import limits

from .declare import Command, option
from .shared import MidiOptions
from .values import port


@dataclass(frozen=True, kw_only=True)
class MonitorOptions(MidiOptions):
    """Options of `vocalese monitor`."""

    port: int = option(type=port, default=limits.DEFAULT_PORT, metavar="N", help="UDP port for OSC (default: %(default)s)")


COMMAND = Command(
    name="monitor",
    summary="show what arrives by OSC and MIDI",
    description="Sings nothing. It takes the port itself: while `vocalese serve` runs, use its --monitor.",
    examples=("vocalese monitor", "vocalese monitor --port 9000 --midi keystation"),
    options=MonitorOptions,
    run="bridge.commands.monitor:run",
)
