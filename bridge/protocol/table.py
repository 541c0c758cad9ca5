"""The table of all OSC addresses. Reading, checking, writing, the page in docs/ and the DAW templates follow from it.

To add an address: a frozen class in `events.py` or `replies.py` whose fields have the names of the arguments, and a row in
`live_messages.py`, `song_messages.py` or `answers.py`; then `python -m bridge.protocol.page` writes the page anew.
"""

from __future__ import annotations

from typing import Any

from bridge.protocol import events
from bridge.protocol.answers import REPLIES
from bridge.protocol.live_messages import LIVE_MESSAGES
from bridge.protocol.message import Message
from bridge.protocol.song_messages import SONG_MESSAGES

MESSAGES: tuple[Message, ...] = (*LIVE_MESSAGES, *SONG_MESSAGES)
BY_ADDRESS: dict[str, Message] = {message.address: message for message in MESSAGES}
REPLY_BY_ADDRESS: dict[str, Message] = {message.address: message for message in REPLIES}
BY_EVENT: dict[type, Message] = {message.event: message for message in (*MESSAGES, *REPLIES)}


def address_of(event: Any) -> str:
    """Return the address of an event or reply; for a whole clip that of its end."""
    return BY_EVENT[events.ClipEnd if isinstance(event, events.Clip) else type(event)].address
