"""Clients of JACK servers that run; none is ever started."""

from __future__ import annotations

import logging
from typing import Any

from engine.errors import DeviceError

log = logging.getLogger(__name__)


def open_client(name: str, *, server: str | None = None) -> Any:
    """A `jack.Client`. DeviceError if there is no server, or JACK is not installed."""
    try:
        import jack
    except (ImportError, OSError) as error:
        raise DeviceError(f"JACK is not installed here ({error}).") from error
    for redirect in (jack.set_error_function, jack.set_info_function):  # else it prints in the middle of ours
        redirect(log.debug)
    try:
        return jack.Client(name, no_start_server=True, servername=server)
    except jack.JackOpenError as error:
        raise DeviceError(f"There is no JACK server{f' named {server!r}' if server else ''}. Start it first.") from error
