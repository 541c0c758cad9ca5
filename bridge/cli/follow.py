"""Arguments of `vocalese follow`."""

from __future__ import annotations

from dataclasses import dataclass

from .declare import Command, argument, option
from .shared import SessionOptions
from .values import port


@dataclass(frozen=True, kw_only=True)
class FollowOptions(SessionOptions):
    """Options of `vocalese follow`."""

    daw: str = argument(choices=("reaper",), metavar="DAW", help="reaper, with the pattern file of its template")
    listen: int = option(type=port, default=57161, metavar="PORT", help="port that the DAW sends to (default: %(default)s)")


COMMAND = Command(
    name="follow",
    summary="pass the transport of a DAW on to a running Vocalese",
    description="For DAWs that send OSC of their own. Runs until it is interrupted.",
    examples=("vocalese follow reaper",),
    options=FollowOptions,
    run="bridge.commands.follow:run",
)
