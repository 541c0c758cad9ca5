"""`vocalese serve`: sing notes from OSC and MIDI in real time."""

from __future__ import annotations

import difflib
import gc
import queue
import secrets
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import mido

from bridge.audio.engine import MAX_OUTPUT_CHANNELS, AudioConfig
from bridge.cli.serve import ServeOptions
from bridge.midi.router import CHANNELS, MidiOptions, ProgramUse, Routed
from bridge.protocol import limits
from bridge.protocol.events import Received, Sender
from bridge.server import ServerOptions, VocaleseServer
from bridge.stems.riff import StemMetadata
from engine import (
    LIVE_PARAMETERS,
    STARTER_NAME,
    DeviceError,
    ImportedSettings,
    LiveSettings,
    Overlap,
    Parameter,
    SettingsError,
    WhenEmpty,
)

from .common import EXIT_OK, cache_folder, heard_folder, user_features_folder, user_voice_folder, vocalese_version
from .monitor import QuietMessages, arrival_line, midi_line
from .plan import lyrics_given
from .shutdown_request import shutdown_request

LOOPBACK = ("127.0.0.1", "localhost", "::1")
NONE = "none"
MPE_MEMBERS = str(CHANNELS - 1)  # of `--mpe` alone
_PARAMETERS = tuple(parameter.value for parameter in LIVE_PARAMETERS)
_MOST_WAITING_LINES = 1_000
_TOLD_EVERY_S, _LOOK_EVERY_S = 1.0, 0.1


def run(options: ServeOptions) -> int:
    """Serve until interrupted. Raises VocaleseError if a port or device cannot be opened."""
    sys.setswitchinterval(0.001)  # shortens the wait of a note for the GIL
    say = _speaker()
    shown = _Arrivals(say) if options.shows_arrivals else None
    try:
        with (
            shutdown_request() as end,
            VocaleseServer(
                server_options(options), say, on_arrival=shown.osc if shown else None, on_midi=shown.midi if shown else None
            ) as server,
        ):
            for number, text in _by_track(options.lyrics, options.tracks, only_first=True).items():
                server.session.write(number, _words(text))
            for line in opened_lines(server):
                say(line)
            is_settled = False
            while not end.wait(0.5):
                if not is_settled and server.session.warming.done():
                    gc.collect()
                    gc.freeze()  # a collection that scans the dictionaries would delay a note by many milliseconds
                    is_settled = True
    except DeviceError as error:
        raise DeviceError(f"{error} To go on without a device: --output null.") from error
    finally:
        if shown is not None:
            shown.close()
    say("Stopped.")
    return EXIT_OK


def server_options(options: ServeOptions) -> ServerOptions:
    """Check the options and convert them for the server. Raises SettingsError for invalid ones."""
    if not 1 <= options.tracks <= limits.MAX_TRACK + 1:
        raise SettingsError(f"--tracks {options.tracks}; valid is 1 to {limits.MAX_TRACK + 1}.")
    if not 0.5 <= options.lead_ms <= 100:
        raise SettingsError(f"--lead {options.lead_ms:g}; valid is 0.5 to 100 ms.")
    if not (options.note_timeout_s == 0 or 1 <= options.note_timeout_s <= 86_400):
        raise SettingsError(
            f"--note-timeout {options.note_timeout_s:g}; valid is 1 to 86400 seconds, or 0: notes are not ended."
        )
    token = options.token
    if token is None and options.host not in LOOPBACK:
        token = secrets.token_urlsafe(24)
    return ServerOptions(
        audio=audio_config(options),
        voices=_for_tracks(options.voices, options.tracks, STARTER_NAME),
        languages=_for_tracks(options.languages, options.tracks, ""),
        live=_live_settings(options),
        voice_folders=(user_voice_folder(),),
        features=user_features_folder(),
        cache=cache_folder(),
        imported=ImportedSettings(heard=heard_folder()),
        takes=options.takes,
        host=options.host,
        port=options.port,
        token=token,
        version=vocalese_version(),
        with_midi=options.with_midi,
        midi=midi_options(options),
        midi_ports=options.midi or None,
        learn=None if options.learn is None else Parameter(_one_of("--learn", options.learn, _PARAMETERS)),
        onset_lead_s=options.lead_ms / 1000,
        follow=options.follow,
        note_timeout_s=options.note_timeout_s,
        keep_warm=options.keep_warm,
    )


def midi_options(options: ServeOptions) -> MidiOptions:
    """Check and convert the MIDI options. Raises SettingsError for invalid or contradictory ones."""
    if options.learn is not None and not options.with_midi:
        raise SettingsError(
            f"--learn {options.learn} waits for a MIDI controller, and --no-midi opens no ports; leave one of them out."
        )
    members = options.mpe if options.mpe is not None else MPE_MEMBERS
    if not _is_number(members) or not 1 <= int(members) < CHANNELS:
        raise SettingsError(
            f"--mpe {members}; valid is 1 to {CHANNELS - 1} member channels. Try --mpe alone, which takes them all."
        )
    return MidiOptions(
        tracks=_channels(options.channels, options.tracks),
        mpe=options.mpe is not None,
        mpe_members=int(members),
        bend_range=options.bend_range,
        program=ProgramUse(_one_of("--program", options.program, [use.value for use in ProgramUse])),
        bindings=dict(_binding(written) for written in options.bindings),
    )


def _binding(written: str) -> tuple[int, Parameter]:
    number, equals, name = written.partition("=")
    if not equals or not _is_number(number) or int(number) > 127:
        raise SettingsError(
            f"--bind {written}; valid is CONTROLLER=PARAMETER with a controller from 0 to 127. Try --bind 20=growl."
        )
    return int(number), Parameter(_one_of(f"--bind {number}=", name, _PARAMETERS))


def _channels(channels: Sequence[str], tracks: int) -> dict[int, int] | None:
    """Return a map of channel (from 0) to track: the given pairs, and the defaults of all other channels. None without pairs."""
    found = {number: number for number in range(CHANNELS)}
    for written in channels:
        number, equals, track = written.partition("=")
        is_track = track == NONE or (_is_number(track) and int(track) < tracks)
        if not equals or not _is_number(number) or not 1 <= int(number) <= CHANNELS or not is_track:
            raise SettingsError(
                f"--channel {written}; valid is CHANNEL=TRACK with a channel from 1 to {CHANNELS} and a track from 0 to {tracks - 1} "
                f"(more with --tracks), or {NONE}. Try --channel 10=0, or --channel 10={NONE}."
            )
        found.pop(int(number) - 1, None)
        if track != NONE:
            found[int(number) - 1] = int(track)
    return found if channels else None


def _live_settings(options: ServeOptions) -> tuple[LiveSettings, ...]:
    overlaps = _for_tracks(options.overlaps, options.tracks, Overlap.LEGATO.value)
    fillers = _for_tracks(options.fillers, options.tracks, WhenEmpty.LA.value)
    keys = _line_keys(options.line_keys)
    return tuple(
        LiveSettings(
            overlap=Overlap(_one_of("--overlap", overlap, [choice.value for choice in Overlap])),
            when_empty=WhenEmpty(_one_of("--filler", filler, [choice.value for choice in WhenEmpty])),
            **keys,
        )
        for overlap, filler in zip(overlaps, fillers, strict=True)
    )


def _line_keys(written: str | None) -> dict[str, int | None]:
    if written is None:
        return {}
    keys = [NONE] * 3 if written == NONE else [key.strip() for key in written.split(",")]
    numbers = [int(key) for key in keys if _is_number(key)]
    is_valid = len(keys) == 3 and all(key == NONE or _is_number(key) for key in keys)
    if not is_valid or max(numbers, default=0) > 127 or len(set(numbers)) < len(numbers):
        raise SettingsError(
            f"--line-keys {written}; valid is PREVIOUS,AGAIN,NEXT: three different MIDI keys from 0 to 127, or {NONE} in their place. "
            f"Try --line-keys 36,37,38, or --line-keys {NONE}."
        )
    names = ("previous_line_key", "again_key", "next_line_key")
    return {name: None if key == NONE else int(key) for name, key in zip(names, keys, strict=True)}


def _one_of(option: str, given: str, valid: Sequence[str]) -> str:
    """Return `given` if it is valid. Raises SettingsError with the valid values and the nearest one."""
    if given in valid:
        return given
    space = "" if option.endswith("=") else " "
    nearest = difflib.get_close_matches(given, valid, 1)
    advice = f"Did you mean {option}{space}{nearest[0]}?" if nearest else f"Try {option}{space}{valid[0]}."
    raise SettingsError(f"{option}{space}{given}; valid is {', '.join(valid)}. {advice}")


def audio_config(options: ServeOptions) -> AudioConfig:
    """Convert the options of the audio output."""
    is_file = options.output not in ("device", "null")
    return AudioConfig(
        output="file" if is_file else options.output,  # type: ignore[arg-type]
        device=int(options.device) if options.device and _is_number(options.device) else options.device,
        path=Path(options.output) if is_file else None,
        overwrite=options.overwrite,
        sample_rate=options.rate,
        block_frames=options.block,
        latency=options.latency,
        tracks=options.tracks,
        routes=_routes(options.routes, options.tracks),
        limiter=options.limiter,
        metadata=StemMetadata(
            title="Vocalese live",
            voice=", ".join(dict.fromkeys(_for_tracks(options.voices, options.tracks, STARTER_NAME))),
            version=vocalese_version(),
        ),
    )


def opened_lines(server: VocaleseServer) -> list[str]:
    """Describe the open ports and devices, one line each."""
    info, options = server.audio.info, server.options
    lines = [
        f"OSC    {', '.join(str(Sender(host, server.osc.port)) for host in server.osc.hosts)}, UDP; see docs/osc.md",
        f"MIDI   {', '.join(server.midi.port_names) or 'no ports'}",
        f"Sound  '{info.name}', {info.sample_rate} Hz, blocks of {info.block_frames or 'its own'} samples, "
        f"{len(options.voices)} tracks",
        f"Voice  {', '.join(dict.fromkeys(options.voices))}; a note sounds {1000 * server.latency_s():.1f} ms after it came",
        f"Takes  {options.takes.absolute()}",
    ]
    if options.learn is not None:
        lines.insert(2, f"Learn  the next MIDI controller that is moved will move {options.learn.value}")
    if options.host not in LOOPBACK:
        lines.append(f"Anyone in the network who knows the token can play. It is sent unencrypted. Token: {options.token}")
    return [*lines, "Ctrl-C ends."]


def _speaker() -> Callable[[str], None]:
    """Return a function that prints whole lines, from any thread."""
    lock = threading.Lock()

    def say(text: str) -> None:
        with lock:
            print(text, flush=True)

    return say


class _Arrivals:
    """Printer of arriving messages, in a separate thread: a slow or stopped terminal must not delay notes.

    Messages that exceed its queue are counted instead."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._lines: queue.Queue[str] = queue.Queue(_MOST_WAITING_LINES)
        self._quiet = QuietMessages()
        self._left_out = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._show, name="arrivals", daemon=True)
        self._thread.start()

    def osc(self, received: Received) -> None:
        """Queue an OSC message."""
        self._put(arrival_line(received))

    def midi(self, time_s: float, port: str, message: mido.Message, routed: Sequence[Routed]) -> None:
        """Queue a MIDI message."""
        if not self._quiet.counts(message):
            self._put(midi_line(time_s, port, message, routed))

    def close(self) -> None:
        """Print the queue and stop the thread."""
        self._closing.set()
        self._thread.join()

    def _put(self, line: str) -> None:
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._left_out += 1

    def _show(self) -> None:
        with suppress(BrokenPipeError):  # the reader has left; the session goes on
            told_s = time.monotonic()
            while not (self._closing.is_set() and self._lines.empty()):
                with suppress(queue.Empty):
                    self._say(self._lines.get(timeout=_LOOK_EVERY_S))
                if time.monotonic() - told_s >= _TOLD_EVERY_S:
                    told_s = time.monotonic()
                    self._tell_counts()
            self._tell_counts()

    def _tell_counts(self) -> None:
        for text in self._quiet.lines():
            self._say(text)
        left_out, self._left_out = self._left_out, 0
        if left_out:
            self._say(f"           {left_out} messages came too fast to be shown; they were played.")


def _words(text: str) -> str:
    given = lyrics_given(text)
    return "\n".join(given.lines)


def _by_track(values: Sequence[str], tracks: int, *, only_first: bool = False) -> dict[int, str]:
    """Parse VALUE and TRACK=VALUE into a value for each track named."""
    found: dict[int, str] = {}
    for value in values:
        number, equals, rest = value.partition("=")
        if equals and _is_number(number):
            if int(number) >= tracks:
                raise SettingsError(f"'{value}' is for track {number}; valid is 0 to {tracks - 1}, or more with --tracks.")
            found[int(number)] = rest
        else:
            found.update(dict.fromkeys([0] if only_first else range(tracks), value))
    return found


def _for_tracks(values: Sequence[str], tracks: int, default: str) -> tuple[str, ...]:
    found = _by_track(values, tracks)
    return tuple(found.get(number, default) for number in range(tracks))


def _routes(routes: Sequence[str], tracks: int) -> tuple[tuple[int, ...], ...] | None:
    if not routes:
        return None
    if len(routes) != tracks:
        raise SettingsError(
            f"{len(routes)} times --route for {tracks} tracks; give one for each track, as in --route 1-2 --route 3-4."
        )
    return tuple(_route(route) for route in routes)


def _route(written: str) -> tuple[int, ...]:
    """Parse output channels, which count from 1 on the command line and from 0 inside."""
    channels = written.split("-")
    if not all(_is_number(channel) and 1 <= int(channel) <= MAX_OUTPUT_CHANNELS for channel in channels):
        raise SettingsError(
            f"--route {written}; valid are output channels from 1 to {MAX_OUTPUT_CHANNELS}, as in --route 1-2 or --route 3-4."
        )
    return tuple(int(channel) - 1 for channel in channels)


def _is_number(text: str) -> bool:
    """Return True for one to nine decimal digits."""
    return text.isdecimal() and len(text) <= 9
