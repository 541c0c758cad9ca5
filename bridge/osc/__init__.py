"""OSC over UDP: packet codec, and a server that tolerates malformed input. `bridge.protocol` defines the messages."""

from __future__ import annotations

from bridge.osc.event_queue import EventQueue
from bridge.osc.packet import OscMessage, decode, encode, encode_bundle, pack
from bridge.osc.server import OscCounts, OscServer

__all__ = [
    "EventQueue",
    "OscCounts",
    "OscMessage",
    "OscServer",
    "decode",
    "encode",
    "encode_bundle",
    "pack",
]
