"""`vocalese follow reaper`: forward REAPER's transport to a running session."""

from __future__ import annotations

import socket
import time

from bridge.cli.follow import FollowOptions
from bridge.client import VocaleseClient
from bridge.osc.packet import OscMessage, decode
from bridge.osc.reaper import ReaperTransport
from bridge.protocol import limits
from engine.errors import ProtocolError

from .common import EXIT_OK
from .shutdown_request import shutdown_request

_LOOK_EVERY_S = 0.25


def run(options: FollowOptions) -> int:
    """Listen on this machine until interrupted. Raises ProtocolError if the port is in use or the session does not answer."""
    transport = ReaperTransport()
    with (
        shutdown_request() as end,
        VocaleseClient(options.host, options.port, token=options.token, name="vocalese follow") as client,
        _listening(options.listen) as reaper,
    ):
        print(f"Listening to REAPER on port {options.listen}. Ctrl-C ends it.", flush=True)
        while not end.wait(0.0):
            try:
                packet = reaper.recv(limits.MAX_PACKET_BYTES + 1)
            except TimeoutError:
                continue
            for message in decode(packet, wall_clock_s=time.time()):
                if (
                    isinstance(message, OscMessage)
                    and (position := transport.feed(message.address, message.values)) is not None
                ):
                    client.send(position)
    print("Stopped; the session stays where it is.")
    return EXIT_OK


def _listening(port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.settimeout(_LOOK_EVERY_S)
        opened.bind((limits.DEFAULT_HOST, port))
    except (OSError, OverflowError) as error:
        opened.close()
        raise ProtocolError(f"Port {port} cannot be opened: {error}. Give another with --listen, and in REAPER.") from error
    return opened
