"""`vocalese serve`: notes come in by OSC and MIDI, singing goes out."""

from __future__ import annotations

import secrets
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bridge.audio.facade import AudioConfig
from bridge.midi.router import MidiOptions
from bridge.protocol import limits
from bridge.session.server import ServerOptions, VocaleseServer
from engine import STARTER_NAME, DeviceError, SettingsError

from .common import EXIT_OK, cache_folder, user_features_folder, user_voice_folder, vocalese_version
from .monitor import arrival_line
from .render import lyrics_given

LOOPBACK = ("127.0.0.1", "localhost", "::1")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """What the command line says. `voices`, `languages` and `lyrics` are written VALUE (for all tracks, lyrics for the first) or
    TRACK=VALUE. `output` is "device", "null" or the path of a WAV file; `routes` are pairs of output channels from 1, as in "3-4"."""

    host: str = limits.DEFAULT_HOST
    port: int = limits.DEFAULT_PORT
    token: str | None = None
    midi: tuple[str, ...] = ()
    with_midi: bool = True
    mpe: bool = False
    output: str = "device"
    overwrite: bool = False
    device: str | None = None
    rate: int | None = None
    block: int = 128
    latency: str = "low"
    routes: tuple[str, ...] = ()
    limiter: bool = False
    tracks: int = 4
    voices: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    lyrics: tuple[str, ...] = ()
    takes: Path = Path("takes")
    lead_ms: float = 7.0
    shows_arrivals: bool = False
    follow: str | None = None


def run(options: ServeOptions) -> int:
    """Serve until interrupted. VocaleseError where something cannot be opened."""
    sys.setswitchinterval(0.001)  # a note does not wait long for whatever else is done
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    say = _speaker()
    try:
        with VocaleseServer(
            server_options(options), say, on_arrival=(lambda r: say(arrival_line(r))) if options.shows_arrivals else None
        ) as server:
            for number, text in _by_track(options.lyrics, options.tracks, only_first=True).items():
                server.session.write(number, _words(text))
            for line in opened_lines(server):
                say(line)
            while not stop.wait(0.5):
                pass
    except KeyboardInterrupt:
        pass
    except DeviceError as error:
        raise DeviceError(f"{error} To go on without a device: --output null.") from error
    say("Stopped.")
    return EXIT_OK


def server_options(options: ServeOptions) -> ServerOptions:
    """The same as the server wants it. SettingsError where it is not valid."""
    if not 1 <= options.tracks <= limits.MAX_TRACK + 1:
        raise SettingsError(f"--tracks {options.tracks}; valid is 1 to {limits.MAX_TRACK + 1}.")
    if not 0.5 <= options.lead_ms <= 100:
        raise SettingsError(f"--lead {options.lead_ms:g}; valid is 0.5 to 100 ms.")
    token = options.token
    if token is None and options.host not in LOOPBACK:
        token = secrets.token_urlsafe(24)
    return ServerOptions(
        audio=audio_config(options),
        voices=_for_tracks(options.voices, options.tracks, STARTER_NAME),
        languages=_for_tracks(options.languages, options.tracks, "en"),
        voice_folders=(user_voice_folder(),),
        features=user_features_folder(),
        cache=cache_folder(),
        takes=options.takes,
        host=options.host,
        port=options.port,
        token=token,
        version=vocalese_version(),
        with_midi=options.with_midi,
        midi=MidiOptions(mpe=options.mpe),
        midi_ports=options.midi or None,
        onset_lead_s=options.lead_ms / 1000,
        follow=options.follow,
    )


def audio_config(options: ServeOptions) -> AudioConfig:
    """Where the sound goes."""
    is_file = options.output not in ("device", "null")
    return AudioConfig(
        output="file" if is_file else options.output,  # type: ignore[arg-type]
        device=int(options.device) if options.device and options.device.isdigit() else options.device,
        path=Path(options.output) if is_file else None,
        overwrite=options.overwrite,
        sample_rate=options.rate,
        block_frames=options.block,
        latency=options.latency if options.latency in ("low", "high") else float(options.latency),
        tracks=options.tracks,
        routes=_routes(options.routes, options.tracks),
        limiter=options.limiter,
    )


def opened_lines(server: VocaleseServer) -> list[str]:
    """What is open, for people."""
    info, options = server.audio.info, server.options
    lines = [
        f"OSC    {server.osc.host}:{server.osc.port}, UDP; see docs/osc.md",
        f"MIDI   {', '.join(server.midi.port_names) or 'no ports'}",
        f"Sound  '{info.name}', {info.sample_rate} Hz, blocks of {info.block_frames or 'its own'} samples, "
        f"{len(options.voices)} tracks",
        f"Voice  {', '.join(dict.fromkeys(options.voices))}; a note sounds {1000 * server.latency_s():.1f} ms after it came",
        f"Takes  {options.takes.absolute()}",
    ]
    if options.host not in LOOPBACK:
        lines.append(f"Anyone in the network who knows the token can play. It is sent unencrypted. Token: {options.token}")
    return [*lines, "Ctrl-C ends."]


def _speaker() -> Callable[[str], None]:
    """Prints whole lines, whichever thread they come from."""
    lock = threading.Lock()

    def say(text: str) -> None:
        with lock:
            print(text, flush=True)

    return say


def _words(text: str) -> str:
    given = lyrics_given(text)
    return "\n".join(given.lines)


def _by_track(values: Sequence[str], tracks: int, *, only_first: bool = False) -> dict[int, str]:
    """VALUE or TRACK=VALUE to what each track named gets."""
    found: dict[int, str] = {}
    for value in values:
        number, equals, rest = value.partition("=")
        if equals and number.isdigit():
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
    try:
        return tuple(tuple(int(channel) - 1 for channel in route.split("-")) for route in routes)
    except ValueError as error:
        raise SettingsError(f"--route {' '.join(routes)}; a route names output channels from 1, as in 3-4.") from error
