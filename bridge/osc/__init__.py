"""OSC over UDP: packets in and out, and the server that keeps its calm. What the messages say is `bridge.protocol`'s."""

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
