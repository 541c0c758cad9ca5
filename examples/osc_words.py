"""Sing a line on a running `vocalese serve`, each note at an exact time: `python osc_words.py [PORT]`."""

import sys
import time

from bridge.client import VocaleseClient

MELODY = (57, 60, 64, 62, 60, 57)
STEP_S, AHEAD_S = 0.4, 0.2


def main(port: str = "57160") -> None:
    with VocaleseClient(port=int(port)) as client:
        client.lyrics("stay with me stay to-night", language="en")
        client.param("vibrato_depth_cents", 40.0)
        start_s = time.perf_counter() + client.ping().offset_s + AHEAD_S  # on the engine's clock
        for number, pitch in enumerate(MELODY):
            client.note(pitch, duration_s=0.9 * STEP_S, when_s=start_s + number * STEP_S)
        time.sleep(AHEAD_S + len(MELODY) * STEP_S)
        while (reply := client.poll()) is not None:  # how the words were split, and errors
            print(reply)
        print("Done.")


if __name__ == "__main__":
    main(*sys.argv[1:])
