"""`vocalese play`: a score on a sound device, rendered while it plays."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bridge.audio.facade import AudioConfig, AudioEngine, AudioEvent
from bridge.midi.receiver import MidiReceiver
from bridge.session.renderer import VoiceShelf
from bridge.session.sequencer import Sequencer, SequencerStatus
from bridge.session.tape import TakeState
from bridge.session.timeline import Singing
from bridge.session.transport import JackTransport, TransportSource, midi_source
from engine import DeviceError, ScoreError, SettingsError

from .common import EXIT_OK, bullet_list
from .end_request import EndRequest, end_request
from .render import TEXT_SUFFIXES, RenderOptions, plan_file, settings_of, words_of

_READY_AHEAD_S = 3.0  # rendered before it starts
_LOOK_EVERY_S = 0.1
_LINE_WIDTH = 100

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PlayOptions:
    """Where and what to play. `output` is "device", "null" or the path of a WAV file; `loop_s` (start, stop) in seconds, stop None = the end.

    `times` is how often the loop is played, None = until stopped; `follow` names whose transport leads, None = its own.
    """

    output: str | Path = "device"
    device: str | None = None
    sample_rate: int | None = None
    block_frames: int = 0
    pairs: bool = False
    limiter: bool = False
    overwrite: bool = False
    start_s: float = 0.0
    loop_s: tuple[float, float | None] | None = None
    times: int | None = None
    follow: str | None = None

    def __post_init__(self) -> None:
        if self.start_s < 0:
            raise SettingsError(f"a start at {self.start_s:g} s; 0 or more is possible.")
        if self.times is not None and self.loop_s is None:
            raise SettingsError("--times counts how often a loop is played; give --loop too.")
        if isinstance(self.output, Path) and (self.follow or (self.loop_s is not None and self.times is None)):
            raise SettingsError("A file has to end: give --times with --loop, and no --follow.")
        if self.follow and (self.loop_s is not None or self.start_s):
            raise SettingsError(
                f"With --follow {self.follow} the other program says where the song is; leave out --start and --loop."
            )


def run(score: Path, options: RenderOptions, playing: PlayOptions, *, as_json: bool) -> int:
    """Play a score to its end, or until Ctrl-C. Raises what reading, planning and opening a device raise."""
    if score.suffix.lower() in TEXT_SUFFIXES:
        raise ScoreError(f"{score} is a text and has no notes to play. Speak it with: vocalese render {score} --mode talk")
    plan = plan_file(score, options)
    song = replace(plan.score, tracks=tuple(planned.track for planned in plan.tracks))
    singing = Singing(voice=options.voice, settings=settings_of(options), words=words_of(options))
    warnings = [*plan.warnings, *(warning for planned in plan.tracks for warning in planned.warnings)]
    if warnings and not as_json:
        print(bullet_list(warnings))
    shelf = VoiceShelf(options.voice_folders, options.features, options.cache, options.imported)
    with (
        nullcontext() if isinstance(playing.output, Path) else end_request() as end,  # a file is left at once, and not kept
        _opened(playing, len(song.tracks)) as (audio, ended),
        Sequencer(audio, shelf, on_notice=_say) as sequencer,
    ):
        sequencer.load(song, singing)
        if not as_json:
            print(f"{score}: {len(song.tracks)} track(s) on {audio.info.name}, {audio.sample_rate} Hz", flush=True)
        if end is None:
            _write(audio, sequencer, playing)
        else:
            with suppress(KeyboardInterrupt):
                _play(audio, sequencer, playing, partial(_wait, sequencer, ended, end))
            sequencer.stop()
        _report(score, audio, sequencer.status(), as_json)
    return EXIT_OK


@contextmanager
def _opened(playing: PlayOptions, tracks: int) -> Iterator[tuple[AudioEngine, list[str]]]:
    """The audio engine, and the sentences in which it said that there will be no sound any more. A file that is left early is not kept."""
    path = playing.output if isinstance(playing.output, Path) else None
    ended: list[str] = []

    def hear(event: AudioEvent) -> None:
        _say(event.text)
        if event.kind == "ended":
            ended.append(event.text)

    config = AudioConfig(
        output="file" if path else "null" if playing.output == "null" else "device",
        device=playing.device,
        path=path,
        overwrite=playing.overwrite,
        sample_rate=playing.sample_rate,
        block_frames=playing.block_frames,
        latency="high",  # nothing here answers to a key, and a phrase that is rendered may take the processor
        clock="manual" if path else "realtime",
        tracks=tracks,
        routes=tuple((2 * track, 2 * track + 1) for track in range(tracks)) if playing.pairs else None,
        limiter=playing.limiter,
    )
    audio = AudioEngine.start(config, hear)
    try:
        yield audio, ended
    except BaseException:
        audio.close()
        if path:
            path.unlink(missing_ok=True)
        raise
    audio.close()


def _source(name: str, stack: ExitStack) -> TransportSource:
    if name == "jack":
        return stack.enter_context(JackTransport())
    receiver = MidiReceiver(lambda routed: None, clock=time.monotonic)
    stack.callback(receiver.close)
    for sentence in receiver.start():
        log.info("%s", sentence)
    if not receiver.port_names:
        raise DeviceError("There is no MIDI here that could be followed. Use --follow jack, or leave --follow out.")
    return midi_source(receiver, name)


def _prepare(sequencer: Sequencer, playing: PlayOptions) -> float | None:
    """Put playhead and loop where they belong, once the song is planned; how many seconds there are to play, None = no end."""
    end_s = sequencer.status().end_s
    if playing.start_s >= end_s:
        raise SettingsError(f"The song ends after {end_s:.1f} s; it cannot be played from {playing.start_s:g} s on.")
    sequencer.locate(playing.start_s)
    if playing.loop_s is None:
        return end_s - playing.start_s
    loop_s = (playing.loop_s[0], end_s if playing.loop_s[1] is None else playing.loop_s[1])
    if playing.start_s >= loop_s[1]:
        raise SettingsError(f"The loop ends at {loop_s[1]:g} s, before the start at {playing.start_s:g} s.")
    sequencer.loop(loop_s)
    return None if playing.times is None else loop_s[1] - playing.start_s + (playing.times - 1) * (loop_s[1] - loop_s[0])


def _write(audio: AudioEngine, sequencer: Sequencer, playing: PlayOptions) -> None:
    """All of it as fast as it can be rendered."""
    sequencer.settle()
    _check_tracks(sequencer.status())
    seconds = _prepare(sequencer, playing)
    assert seconds is not None
    sequencer.play()
    audio.advance(round(seconds * audio.sample_rate))


def _play(audio: AudioEngine, sequencer: Sequencer, playing: PlayOptions, wait: Callable[[], None]) -> None:
    """In the time of the device, to the end; or where another transport leads, without one. Ends early where `wait` raises."""
    sequencer.start()
    while not sequencer.is_planned:
        wait()
    _check_tracks(sequencer.status())
    if playing.follow:
        with ExitStack() as stack:
            sequencer.listen_to(_source(playing.follow, stack))
            stack.callback(sequencer.listen_to, None)
            while True:
                wait()
    seconds = _prepare(sequencer, playing)
    while not sequencer.is_ready(_READY_AHEAD_S):
        wait()
    sequencer.play()
    while not sequencer.status().is_obeyed:
        wait()
    left = None if seconds is None else round(seconds * audio.sample_rate)
    begun = audio.telemetry().transport.device_sample
    while left is None or audio.telemetry().transport.device_sample - begun < left:
        wait()


def _wait(sequencer: Sequencer, ended: list[str], end: EndRequest) -> None:
    """Let time pass, and show where we are. KeyboardInterrupt once the end is asked for, DeviceError once there is no device."""
    if ended:
        raise DeviceError(ended[-1])
    if sys.stderr.isatty():
        print(f"\r{_line(sequencer.status()):<{_LINE_WIDTH}}", end="", file=sys.stderr, flush=True)
    if end.wait(_LOOK_EVERY_S):
        raise KeyboardInterrupt


def _line(status: SequencerStatus) -> str:
    """`> 0:12.3 of 0:45.0   12 of 20 phrases   silent: "stay with me"`."""
    ready, phrases = status.count(TakeState.READY), status.count(*TakeState)
    parts = [f"{'>' if status.is_playing else '|'} {_clock(status.position_s)} of {_clock(status.end_s)}"]
    if ready < phrases or not status.is_complete:
        parts.append(f"{ready} of {phrases} phrases")
    silent = [phrase for _, phrase in status.missing if phrase.start_s <= status.position_s < phrase.end_s]
    if silent and status.is_playing:
        parts.append(f'silent: "{silent[0].text}"')
    return "   ".join(parts)[:_LINE_WIDTH]


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"


def _check_tracks(status: SequencerStatus) -> None:
    troubles = [track.trouble for track in status.tracks if track.trouble]
    if troubles and not any(track.phrases for track in status.tracks):
        raise ScoreError(troubles[0])


def _say(sentence: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{'':<{_LINE_WIDTH}}\r", end="", file=sys.stderr)
    print(f"vocalese: {sentence}", file=sys.stderr)


def _report(score: Path, audio: AudioEngine, status: SequencerStatus, as_json: bool) -> None:
    telemetry = audio.telemetry()
    result = {
        "score": str(score),
        "output": audio.info.name,
        "sample_rate": audio.sample_rate,
        "tracks": len(status.tracks),
        "phrases": status.count(*TakeState),
        "rendered": status.count(TakeState.READY),
        "stopped_at_s": round(status.position_s, 3),
        "played_s": round(telemetry.transport.device_sample / audio.sample_rate, 3),
        "missed_s": round(status.missed_samples / audio.sample_rate, 3),
        "underruns": telemetry.device_underruns,
    }
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
        return
    missed = (
        f"{result['missed_s']:.1f} s were silent because they were not rendered in time"
        if status.missed_samples
        else "nothing missed"
    )
    if sys.stderr.isatty():
        print(f"\r{'':<{_LINE_WIDTH}}\r", end="", file=sys.stderr)
    print(f"stopped at {_clock(status.position_s)}, {telemetry.device_underruns} underruns, {missed}")
