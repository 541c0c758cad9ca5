"""A child process for the tests: sends numbers back, and ends, dies or keeps silent on request."""

import os
import sys
import time

from bridge.realtime.child_process import parent_pipe
from bridge.realtime.ipc import Message


class Number(Message, frozen=True):
    """Sent back, plus one."""

    value: int


class Die(Message, frozen=True):
    """Ends the process at once."""

    words: str


class Hang(Message, frozen=True):
    """Stops reading."""


Request = Number | Die | Hang


def main() -> None:
    """Answer until the parent is gone."""
    pipe = parent_pipe(Request)
    sys.stdout.write("printed on stdout\n")
    sys.stdout.flush()
    while True:
        try:
            request = pipe.receive()
        except EOFError:
            return
        match request:
            case Number():
                pipe.send(Number(request.value + 1))
            case Die():
                sys.stderr.write(f"{request.words}\n")
                os._exit(3)
            case Hang():
                time.sleep(60.0)


if __name__ == "__main__":
    main()
