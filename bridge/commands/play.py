"""`vocalese play`: play a score on a sound device while it is rendered."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Container, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from bridge.audio.engine import AudioConfig, AudioEngine, AudioEvent
from bridge.cli.play import PlayOptions
from bridge.midi.receiver import MidiReceiver
from bridge.song.render_worker import VoiceLibrary
from bridge.song.sequencer import Sequencer
from bridge.song.status import SequencerStatus
from bridge.song.takes import TakeState
from bridge.song.timeline import TrackSettings
from bridge.song.transport import JackTransport, TransportSource, midi_source
from bridge.stems.riff import StemMetadata
from engine import DeviceError, ScoreError, SettingsError, load_card

from .common import (
    EXIT_OK,
    bullet_list,
    cache_folder,
    feature_folder,
    imported_settings,
    searched_folders,
    vocalese_version,
)
from .plan import TEXT_SUFFIXES, plan_file, settings_of, words_of
from .shutdown_request import ShutdownRequest, shutdown_request

_READY_AHEAD_S = 3.0  # seconds that are rendered before playing starts
_LOOK_EVERY_S = 0.1
_LINE_WIDTH = 100

log = logging.getLogger(__name__)


def run(options: PlayOptions) -> int:
    """Play a score to its end, or until Ctrl-C. Raises VocaleseError if the score cannot be planned or the device opened."""
    score = options.score
    if score.suffix.lower() in TEXT_SUFFIXES:
        raise ScoreError(f"{score} is a text and has no notes to play. Speak it with: vocalese render {score} --mode talk")
    plan = plan_file(score, options)
    song = replace(plan.score, tracks=tuple(planned.track for planned in plan.tracks))
    singing = TrackSettings(voice=options.voice, settings=settings_of(options), words=words_of(options))
    warnings = [*plan.warnings, *(warning for planned in plan.tracks for warning in planned.warnings)]
    if warnings and not options.as_json:
        print(bullet_list(warnings))
    metadata = StemMetadata(
        title=song.title,
        track=", ".join(track.name for track in song.tracks if track.name),
        voice=load_card(options.voice, searched_folders(options)).title,
        seed=options.seed,
        version=vocalese_version(),
    )
    shelf = VoiceLibrary(
        searched_folders(options),
        feature_folder(options),
        cache_folder() if options.uses_cache else None,
        imported_settings(options),
    )
    with (
        nullcontext() if options.path else shutdown_request() as end,  # writing a file stops at once, and the file is removed
        _opened(options, len(song.tracks), metadata) as (audio, ended),
        Sequencer(audio, shelf, on_notice=partial(_say_new, frozenset(warnings))) as sequencer,
    ):
        sequencer.load(song, singing)
        if not options.as_json:
            print(f"{score}: {len(song.tracks)} track(s) on {audio.info.name}, {audio.sample_rate} Hz", flush=True)
        if end is None:
            _write(audio, sequencer, options)
        else:
            with suppress(KeyboardInterrupt):
                _play(audio, sequencer, options, partial(_wait, sequencer, ended, end))
            sequencer.stop()
        _report(score, audio, sequencer.status(), options.as_json)
    return EXIT_OK


@contextmanager
def _opened(playing: PlayOptions, tracks: int, metadata: StemMetadata) -> Iterator[tuple[AudioEngine, list[str]]]:
    """Yield the audio engine and a list that receives its message when the device is lost. Remove an unfinished file."""
    path = playing.path
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
        block_frames=playing.block,
        latency="high",  # latency does not matter here, and rendering may take the processor
        clock="manual" if path else "realtime",
        tracks=tracks,
        routes=tuple((2 * track, 2 * track + 1) for track in range(tracks)) if playing.pairs else None,
        limiter=playing.limiter,
        metadata=metadata,
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
    """Place playhead and loop in the planned song; return the seconds to play, None = no end."""
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
    """Write the whole song as fast as it can be rendered."""
    sequencer.settle()
    _check_tracks(sequencer.status())
    seconds = _prepare(sequencer, playing)
    assert seconds is not None
    sequencer.play()
    audio.advance(round(seconds * audio.sample_rate))


def _play(audio: AudioEngine, sequencer: Sequencer, playing: PlayOptions, wait: Callable[[], None]) -> None:
    """Play in real time to the end, or follow another transport without end. Returns early if `wait` raises."""
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


def _wait(sequencer: Sequencer, ended: list[str], end: ShutdownRequest) -> None:
    """Wait a moment and show the position. Raises KeyboardInterrupt on a shutdown request, DeviceError if the device is lost."""
    if ended:
        raise DeviceError(ended[-1])
    if sys.stderr.isatty():
        print(f"\r{_line(sequencer.status()):<{_LINE_WIDTH}}", end="", file=sys.stderr, flush=True)
    if end.wait(_LOOK_EVERY_S):
        raise KeyboardInterrupt


def _line(status: SequencerStatus) -> str:
    """Return `> 0:12.3 of 0:45.0   12 of 20 phrases   silent: "stay with me"`."""
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


def _say_new(known: Container[str], sentence: str) -> None:
    """Print a notice unless it was in the list printed at the start."""
    if sentence not in known:
        _say(sentence)


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
