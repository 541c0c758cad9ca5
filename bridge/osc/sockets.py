"""Sockets of the OSC server, and the check of its address."""

from __future__ import annotations

import errno
import ipaddress
import logging
import socket

from bridge.osc.arrival import ask_for_arrival_times
from bridge.protocol.rejection import shown
from engine.errors import ProtocolError, SettingsError

_RECEIVE_BUFFER_BYTES = 4 << 20  # requested; the system may grant less
_MIN_TOKEN_CHARACTERS = 16
_PORT_TRIES = 20  # attempts to find a port that is free on both loopback addresses
# Loopback address of the other IP version, by the host that the user asked for. The default host is 127.0.0.1; any other needs a token.
_OTHER_LOOPBACK = {"127.0.0.1": "::1", "localhost": "::1", "0.0.0.0": "::1", "::1": "127.0.0.1"}

log = logging.getLogger(__name__)


def check_host(host: str, token: str | None) -> None:
    """Raise SettingsError if `host` is no address, or needs a token."""
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise SettingsError(f"{shown(host)} is no address to listen on. Give an IP address, such as 127.0.0.1.") from None
    if is_loopback:
        return
    if token is None or len(token) < _MIN_TOKEN_CHARACTERS:
        raise SettingsError(
            f"Listening on {host} lets other machines in, which needs a token of {_MIN_TOKEN_CHARACTERS} characters or more. "
            "Give one, or listen on 127.0.0.1."
        )
    log.warning("Listening on %s: other machines can play and change this session with the token. OSC is not encrypted.", host)


def open_sockets(host: str, port: int) -> list[socket.socket]:
    """Open a socket on `host`; for a loopback address also one on the other, with the same port."""
    for _ in range(_PORT_TRIES):
        first = _open_socket(host, port)
        other = _OTHER_LOOPBACK.get(host)
        if other is None or not is_local_address(other):
            return [first]
        try:
            return [first, _open_socket(other, first.getsockname()[1])]
        except ProtocolError as error:
            if port:
                log.warning("%s What is sent there, by programs for which localhost is %s, is not heard.", error, other)
                return [first]
            first.close()  # in use there: try the next free port
    return [_open_socket(host, port)]


def is_local_address(host: str) -> bool:
    """Return True if this machine has the address; not all have IPv6."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True


def _open_socket(host: str, port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # otherwise Windows lets two programs share a port
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        opened.bind((host, port))
    except (OSError, OverflowError) as error:
        opened.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise ProtocolError(
                f"Port {port} on {host} is in use, probably by another Vocalese. Stop it, or choose another port."
            ) from error
        raise ProtocolError(f"Port {port} on {host} cannot be opened: {error}. Choose another port or host.") from error
    opened.setblocking(False)
    ask_for_arrival_times(opened)
    return opened
