"""The audio process: `python -m bridge.audio.worker`, started by `bridge.audio.supervisor`. It holds the output and the mixer, and never
imports torch.

Messages come in on standard input and go out on standard output, see `messages`: `OpenOutput`, then `Play`, then any `Advance`. The process
ends when its input does. When the device is lost it ends too, and the parent starts another one, which waits for the device.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress

import msgspec
import numpy as np

from bridge.realtime.child_process import parent_pipe
from bridge.realtime.ipc import MessagePipe
from bridge.realtime.process_tuning import tune_process
from engine.errors import DeviceError, VocaleseError

from .control import DEVICE_OPEN
from .devices import load_sounddevice
from .memory import AudioMemory
from .messages import Advance, Advanced, Failed, Lost, Notice, Opened, OpenOutput, Play, Playing, Request
from .mixer import Mixer
from .outputs import AudioOutput, DeviceLost, DeviceOutput, FileOutput, NullOutput, RateMatch

_WATCH_EVERY_S = 0.1
_FADE_OUT_WAIT_S = 0.25
_LOOK_FOR_DEVICE_EVERY_S = 0.25
_SWITCH_S = 0.0001  # between threads: the callback must not wait for the one that watches
_LOST = 3  # exit code


def main() -> int:
    """Run until the parent is gone or closes the input."""
    pipe: MessagePipe[Request] = parent_pipe(Request)
    np.seterr(all="ignore")  # a warning in the callback would cost more than what it warns of; broken samples are counted
    try:
        with suppress(EOFError):
            _run(pipe)
    except VocaleseError as error:
        pipe.send(Failed(str(error), type(error).__name__))
        return 1
    except DeviceLost as loss:
        pipe.send(Lost(str(loss)))
        os._exit(_LOST)
    return 0


def open_output(request: OpenOutput) -> AudioOutput:
    """Open the output that a request describes. Raises a VocaleseError if that cannot be done."""
    rate, block, channels = request.sample_rate, request.block_frames, request.channels
    if request.output == "device":
        return DeviceOutput(request.device, sample_rate=rate, block_frames=block, channels=channels, latency=request.latency)
    if request.output == "file":
        assert request.path is not None
        return FileOutput(
            request.path,
            sample_rate=rate,
            block_frames=block,
            channels=channels,
            clock=request.clock,
            overwrite=request.overwrite,
            metadata=request.metadata,
        )
    return NullOutput(sample_rate=rate, block_frames=block, channels=channels, clock=request.clock)


def _run(pipe: MessagePipe[Request]) -> None:
    """Open the output and play. Raises EOFError if the parent leaves before."""
    request = pipe.receive()
    assert isinstance(request, OpenOutput)
    output = _open_or_wait(pipe, request)
    pipe.send(Opened(output.info))
    with suppress(EOFError):
        play = pipe.receive()
        assert isinstance(play, Play)
        _play(pipe, output, play)
    output.close()


def _open_or_wait(pipe: MessagePipe[Request], request: OpenOutput) -> AudioOutput:
    """Open the output. If the request says so, wait for its device, and take the device's own rate where it has changed.

    Raises EOFError if the parent leaves before.
    """
    while True:
        try:
            return open_output(request)
        except DeviceError:
            if not request.waits:
                raise
        with suppress(DeviceError):
            return open_output(msgspec.structs.replace(request, sample_rate=None))
        pipe.receive(_LOOK_FOR_DEVICE_EVERY_S)
        sounddevice = load_sounddevice()  # it lists devices only once, when it starts
        sounddevice._terminate()
        sounddevice._initialize()


def _play(pipe: MessagePipe[Request], output: AudioOutput, play: Play) -> None:
    memory = AudioMemory.attach(play.address)
    mixer = Mixer(memory, play.routes, outputs=output.info.channels, limiter=play.has_limiter)
    tune_process(_SWITCH_S)
    if play.is_resumed:
        mixer.resume()
    here, there = memory.address.sample_rate, output.info.sample_rate
    output.start(mixer if here == there else RateMatch(mixer, here, there, output.info.channels))
    memory.ints[DEVICE_OPEN] = 1
    pipe.send(Playing(tuple(sorted(name for name in sys.modules if "." not in name))))
    try:
        with suppress(EOFError):
            _serve(pipe, output, memory)
    except DeviceLost:
        memory.ints[DEVICE_OPEN] = 0
        raise
    mixer.fade_out()
    _wait_for_silence(mixer, output)
    output.close()  # before the mixer that its callback uses
    mixer.close()
    memory.close()


def _serve(pipe: MessagePipe[Request], output: AudioOutput, memory: AudioMemory) -> None:
    """Watch the output and advance it on request. Raises EOFError when the parent is gone."""
    while True:
        request = pipe.receive(_WATCH_EVERY_S)
        if isinstance(request, Advance):
            try:
                output.advance(request.frames)
            except VocaleseError as error:
                pipe.send(Failed(str(error)))
            else:
                pipe.send(Advanced())
        notice = output.watch()
        memory.ints[DEVICE_OPEN] = output.is_open
        if notice:
            pipe.send(Notice(notice))


def _wait_for_silence(mixer: Mixer, output: AudioOutput) -> None:
    """Wait until the output has taken the fade, but not long: no device may be asking for blocks."""
    deadline = time.monotonic() + (_FADE_OUT_WAIT_S if output.is_open else 0.0)
    while not mixer.faded_out and time.monotonic() < deadline:
        time.sleep(0.002)


if __name__ == "__main__":
    sys.exit(main())
