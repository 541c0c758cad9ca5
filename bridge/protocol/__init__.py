"""What is said over OSC: one table of addresses, the frozen events it turns messages into, and the checks in between.

    address, arguments  →  read_event  →  event or Refusal
    event or reply      →  write_event →  address, arguments

Knows nothing of sockets; `bridge.osc` does.
"""

from __future__ import annotations

from bridge.protocol.clips import ClipAssembler
from bridge.protocol.events import ALL, Clip, Event, Received, Sender
from bridge.protocol.read import Read, explain, read_event, read_reply, write_event
from bridge.protocol.refusal import Code, Refusal, RefusedMessage
from bridge.protocol.replies import Reply
from bridge.protocol.table import BY_ADDRESS, MESSAGES, REPLIES, Message

__all__ = [
    "ALL",
    "BY_ADDRESS",
    "Clip",
    "ClipAssembler",
    "Code",
    "Event",
    "MESSAGES",
    "Message",
    "REPLIES",
    "Read",
    "Received",
    "Refusal",
    "RefusedMessage",
    "Reply",
    "Sender",
    "explain",
    "read_event",
    "read_reply",
    "write_event",
]
