"""The audio process: `python -m bridge.audio.process`, started by `facade`. It holds the output and the mixer, and never imports torch.

Lines of JSON come in on standard input and go out on what was standard output (which is then standard error's, because sound systems
print there). First comes the output to open; the answer tells its rate; then comes the address of the shared memory; after that
`advance` and `close`. When the input ends, the parent is gone, and so is this process. When the device is lost it ends too, and the
parent starts another one, which waits for the device.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import numpy as np

from engine.errors import DeviceError, VocaleseError

from .control import DEVICE_OPEN
from .devices import load_sounddevice
from .memory import AudioAddress, AudioMemory
from .mixer import Mixer
from .outputs import AudioOutput, DeviceLost, DeviceOutput, FileOutput, NullOutput

_WATCH_EVERY_S = 0.1
_FADE_OUT_WAIT_S = 0.25
_LOOK_FOR_DEVICE_EVERY_S = 0.5
_SWITCH_S = 0.0001  # between threads: the callback is not kept waiting by the one that watches
_LOST = 3  # exit code
_ENDED: dict[str, Any] = {"do": "close"}


class Channel:
    """Lines of JSON, both ways."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        self._orders: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._listen, name="orders", daemon=True).start()

    def take(self, timeout_s: float | None = None) -> dict[str, Any] | None:
        """The next order; None when none came in time."""
        try:
            return self._orders.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def say(self, event: str, **values: Any) -> None:
        """Tell the parent, if it is there."""
        with suppress(OSError):
            self._out.write(json.dumps({"event": event, **values}).encode() + b"\n")

    def end(self) -> None:
        """Behave as if the parent had said so."""
        self._orders.put(_ENDED)

    def _listen(self) -> None:
        held = b""
        # Not `sys.stdin`: its lock would be held here while the interpreter shuts down.
        while piece := os.read(0, 1 << 16):
            *lines, held = (held + piece).split(b"\n")
            for line in lines:
                self._orders.put(json.loads(line))
        self.end()


def main() -> int:
    """Run until told to close, or until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to parent and child; the parent decides
    channel = Channel()
    signal.signal(signal.SIGTERM, lambda *_: channel.end())
    sys.setswitchinterval(_SWITCH_S)
    np.seterr(all="ignore")  # a warning in the callback would cost more than what it warns of; broken samples are counted
    try:
        order = channel.take()
        assert order is not None
        output = None if order == _ENDED else _open_or_wait(channel, order)
        if output is None:
            return 0
        channel.say("opened", **asdict(output.info))
        order = channel.take()
        if order is not None and order != _ENDED:
            _play(channel, output, order)
        output.close()
    except VocaleseError as error:
        channel.say("refused", kind=type(error).__name__, text=str(error))
        return 1
    except DeviceLost as loss:
        channel.say("lost", text=str(loss))
        os._exit(_LOST)
    channel.say("closed")
    return 0


def open_output(order: dict[str, Any]) -> AudioOutput:
    """The output that an order of the facade describes. VocaleseError if it cannot be opened."""
    rate, block, channels = order["sample_rate"], order["block_frames"], order["channels"]
    if order["output"] == "device":
        return DeviceOutput(order["device"], sample_rate=rate, block_frames=block, channels=channels, latency=order["latency"])
    if order["output"] == "file":
        return FileOutput(
            order["path"],
            sample_rate=rate,
            block_frames=block,
            channels=channels,
            clock=order["clock"],
            overwrite=order["overwrite"],
        )
    return NullOutput(sample_rate=rate, block_frames=block, channels=channels, clock=order["clock"])


def _open_or_wait(channel: Channel, order: dict[str, Any]) -> AudioOutput | None:
    """The output; if the order says so, when it is there. None if told to close before."""
    while True:
        try:
            return open_output(order)
        except DeviceError:
            if not order["wait"]:
                raise
        if channel.take(_LOOK_FOR_DEVICE_EVERY_S) is not None:
            return None
        sounddevice = load_sounddevice()  # it lists devices only once, when it starts
        sounddevice._terminate()
        sounddevice._initialize()


def _play(channel: Channel, output: AudioOutput, order: dict[str, Any]) -> None:
    memory = AudioMemory.attach(AudioAddress(**order["address"]))
    routes = tuple(tuple(route) for route in order["routes"])
    mixer = Mixer(memory, routes, outputs=output.info.channels, limiter=order["limiter"])
    gc.collect()
    gc.freeze()
    gc.disable()  # a collection in the callback would take as long as several blocks
    if order["resumed"]:
        mixer.resume()
    output.start(mixer)
    memory.ints[DEVICE_OPEN] = 1
    channel.say("ready", modules=sorted(name for name in sys.modules if "." not in name))
    try:
        _serve(channel, output, memory)
    except DeviceLost:
        memory.ints[DEVICE_OPEN] = 0
        raise
    mixer.fade_out()
    _wait_for_silence(mixer, output)
    output.close()  # before what its callback uses
    mixer.close()
    memory.close()


def _serve(channel: Channel, output: AudioOutput, memory: AudioMemory) -> None:
    while True:
        order = channel.take(_WATCH_EVERY_S)
        if order is not None and order["do"] == "close":
            return
        if order is not None and order["do"] == "advance":
            try:
                output.advance(order["frames"])
            except (VocaleseError, OSError, RuntimeError) as error:  # libsndfile's are RuntimeErrors
                channel.say("failed", text=str(error))
            else:
                channel.say("advanced")
        notice = output.watch()
        memory.ints[DEVICE_OPEN] = output.is_open
        if notice:
            channel.say("notice", text=notice)


def _wait_for_silence(mixer: Mixer, output: AudioOutput) -> None:
    """Until the fade has been given to the output; not for long, for nobody may be asking for blocks."""
    deadline = time.monotonic() + (_FADE_OUT_WAIT_S if output.is_open else 0.0)
    while not mixer.faded_out and time.monotonic() < deadline:
        time.sleep(0.002)


if __name__ == "__main__":
    sys.exit(main())
