"""`vocalese follow reaper`: hears REAPER's transport and passes it on to a running session."""

from __future__ import annotations

import socket
import time

from bridge.client import VocaleseClient
from bridge.osc.packet import OscMessage, decode
from bridge.osc.reaper import ReaperTransport
from bridge.protocol import limits
from engine.errors import ProtocolError


def run(*, listen: int, host: str, port: int, token: str) -> int:
    """Listen on this machine until interrupted. Raises ProtocolError where the port is taken or the session does not answer."""
    transport = ReaperTransport()
    with VocaleseClient(host, port, token=token, name="vocalese follow") as client, _listening(listen) as reaper:
        print(f"Listening to REAPER on port {listen}. Ctrl-C ends it.", flush=True)
        while True:
            packet = reaper.recv(limits.MAX_PACKET_BYTES + 1)
            for message in decode(packet, wall_clock_s=time.time()):
                if (
                    isinstance(message, OscMessage)
                    and (position := transport.feed(message.address, message.values)) is not None
                ):
                    client.send(position)


def _listening(port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.bind((limits.DEFAULT_HOST, port))
    except (OSError, OverflowError) as error:
        opened.close()
        raise ProtocolError(f"Port {port} cannot be opened: {error}. Give another with --listen, and in REAPER.") from error
    return opened
