"""Play one note on a running `vocalese serve`: `python osc_note.py [PORT]`."""

import sys
import time

from bridge.client import VocaleseClient


def main(port: str = "57160") -> None:
    with VocaleseClient(port=int(port)) as client:
        client.note_on(1, 64.0, velocity=0.8, lyric="love")  # 1 names the note until its note-off
        time.sleep(0.3)
        client.bend(1, 2.0)
        time.sleep(0.3)
        client.note_off(1)
        print(f"Round trip {client.ping().round_trip_s * 1000:.1f} ms")


if __name__ == "__main__":
    main(*sys.argv[1:])
