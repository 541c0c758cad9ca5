"""OSC protocol: the table of addresses, the events of messages, and the checks between them.

    address, arguments  →  read_event  →  event or Rejection
    event or reply      →  write_event →  address, arguments

Independent of sockets, which `bridge.osc` handles.
"""

from __future__ import annotations

from bridge.protocol.answers import REPLIES
from bridge.protocol.clips import ClipAssembler, Revisions
from bridge.protocol.events import ALL, Clip, Event, Received, Sender
from bridge.protocol.message import Message
from bridge.protocol.read import Read, explain, read_event, read_reply, write_event
from bridge.protocol.rejection import Code, RejectedMessage, Rejection
from bridge.protocol.replies import Reply
from bridge.protocol.table import BY_ADDRESS, MESSAGES

__all__ = [
    "ALL",
    "BY_ADDRESS",
    "MESSAGES",
    "REPLIES",
    "Clip",
    "ClipAssembler",
    "Code",
    "Event",
    "Message",
    "Read",
    "Received",
    "RejectedMessage",
    "Rejection",
    "Reply",
    "Revisions",
    "Sender",
    "explain",
    "read_event",
    "read_reply",
    "write_event",
]
