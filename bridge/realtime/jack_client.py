"""Clients of running JACK servers; no server is ever started."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from engine.errors import DeviceError

log = logging.getLogger(__name__)


def open_client(name: str, *, server: str | None = None) -> Any:
    """Return a `jack.Client`. Raises DeviceError if there is no server, or JACK is not installed."""
    try:
        import jack
    except (ImportError, OSError) as error:
        raise DeviceError(f"JACK is not installed here ({error}).") from error
    for redirect in (jack.set_error_function, jack.set_info_function):  # its default prints to the terminal
        redirect(log.debug)
    try:
        return jack.Client(name, no_start_server=True, servername=server)
    except jack.JackOpenError as error:
        raise DeviceError(f"There is no JACK server{f' named {server!r}' if server else ''}. Start it first.") from error


def read_clock() -> Callable[[], int]:
    """Return a function that reads JACK's own clock in microseconds, the unit of `usecs` in positions; its rate is not that of `time`."""
    import ctypes

    import jack

    read: Callable[[], int] = ctypes.CDLL(jack._libname).jack_get_time  # the package has no name for it
    read.restype, read.argtypes = ctypes.c_uint64, ()  # type: ignore[attr-defined]
    return read
