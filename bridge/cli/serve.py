"""Arguments of `vocalese serve`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bridge.protocol import limits

from .declare import Command, option, switch
from .shared import MidiOptions, device_option, follow_option, limiter_option
from .values import LANGUAGE_LIST, latency, number, port, positive, track_language

_PLAYING, _SOUND, _CONTROLLERS, _NETWORK = "what is sung", "sound", "MIDI", "OSC"


@dataclass(frozen=True, kw_only=True)
class ServeOptions(MidiOptions):
    """Options of `vocalese serve`.

    `voices`, `languages`, `overlaps`, `fillers` and `lyrics` are written VALUE (for all tracks, lyrics for the first) or TRACK=VALUE;
    `routes` are pairs of output channels from 1; `channels` are CHANNEL=TRACK with channels from 1; a track or key may be "none".
    """

    tracks: int = option(
        type=positive, default=4, metavar="N", group=_PLAYING, help="how many tracks can be played (default: %(default)s)"
    )
    voices: tuple[str, ...] = option(
        "--voice",
        action="append",
        default=(),
        metavar="[TRACK=]NAME",
        group=_PLAYING,
        help="voice of all tracks or of one (default: the starter voice)",
    )
    lyrics: tuple[str, ...] = option(
        action="append",
        default=(),
        metavar="[TRACK=]TEXT|FILE",
        group=_PLAYING,
        help="words to begin with (default track: 0)",
    )
    languages: tuple[str, ...] = option(
        "--language",
        type=track_language,
        action="append",
        default=(),
        metavar="[TRACK=]CODE",
        group=_PLAYING,
        help=f"language of the words: {LANGUAGE_LIST} (default: en)",
    )
    overlaps: tuple[str, ...] = option(
        "--overlap",
        action="append",
        default=(),
        metavar="[TRACK=]legato|melisma",
        group=_PLAYING,
        help="a key pressed while another is held: legato sings the next syllable, melisma holds the vowel (default: legato)",
    )
    fillers: tuple[str, ...] = option(
        "--filler",
        action="append",
        default=(),
        metavar="[TRACK=]la|hum",
        group=_PLAYING,
        help="syllable when the words have run out (default: la)",
    )
    takes: Path = option(
        type=Path, default=Path("takes"), metavar="DIR", group=_PLAYING, help="folder for recordings (default: %(default)s)"
    )
    output: str = option(
        default="device",
        metavar="device|null|WAV",
        group=_SOUND,
        help="a sound device (default), no sound, or a WAV file to write",
    )
    overwrite: bool = switch(help="replace the WAV file if it exists", group=_SOUND)
    device: str | None = device_option(_SOUND)
    rate: int | None = option(default=None, type=int, metavar="HZ", group=_SOUND, help="sample rate (default: the device's)")
    block: int = option(
        type=int, default=128, metavar="N", group=_SOUND, help="samples per block, 0: the device's own (default: %(default)s)"
    )
    latency: str | float = option(
        type=latency,
        default="low",
        metavar="low|high|S",
        group=_SOUND,
        help="latency to ask of the sound driver: low, high or seconds (default: %(default)s)",
    )
    routes: tuple[str, ...] = option(
        "--route",
        action="append",
        default=(),
        metavar="N-M",
        group=_SOUND,
        help="output channels of a track, once for each track (default: all 1-2)",
    )
    limiter: bool = limiter_option(_SOUND)
    lead_ms: float = option(
        "--lead",
        type=number,
        default=9.25,
        metavar="MS",
        group=_SOUND,
        help="look-ahead of the synthesis in milliseconds, added to the block (default: %(default)s)",
    )
    mpe: str | None = option(
        default=None,
        nargs="?",
        const="15",
        metavar="MEMBERS",
        group=_CONTROLLERS,
        help="channel 1 is the manager of an MPE zone with this many member channels, 1 to 15 (alone: 15)",
    )
    bend_range: float | None = option(
        default=None,
        type=float,
        metavar="SEMITONES",
        group=_CONTROLLERS,
        help="pitch bend range until a controller sends its own (RPN 0); with --mpe that of member channels (default: 2, members 48)",
    )
    channels: tuple[str, ...] = option(
        "--channel",
        action="append",
        default=(),
        metavar="N=TRACK",
        group=_CONTROLLERS,
        help="MIDI channel N (1 to 16) plays this track, or none (default: channel 1 track 0, channel 2 track 1 ...)",
    )
    learn: str | None = option(
        default=None,
        metavar="PARAMETER",
        group=_CONTROLLERS,
        help="bind the next MIDI controller that is moved to this parameter, such as growl; docs/osc.md lists all",
    )
    bindings: tuple[str, ...] = option(
        "--bind",
        action="append",
        default=(),
        metavar="CC=PARAMETER",
        group=_CONTROLLERS,
        help="bind MIDI controller CC (0 to 127) to this parameter, as in 20=growl",
    )
    program: str = option(
        default="voice",
        metavar="voice|line|nothing",
        group=_CONTROLLERS,
        help="what a program change chooses (default: %(default)s)",
    )
    line_keys: str | None = option(
        default=None,
        metavar="PREVIOUS,AGAIN,NEXT",
        group=_CONTROLLERS,
        help="MIDI keys (0 to 127) that step through the lines of the words, or none (default: 24,25,26)",
    )
    host: str = option(
        default=limits.DEFAULT_HOST,
        group=_NETWORK,
        help="address to listen on (default: %(default)s, this machine only); any other needs a token",
    )
    port: int = option(
        type=port,
        default=limits.DEFAULT_PORT,
        metavar="N",
        group=_NETWORK,
        help="UDP port for OSC (default: %(default)s; 0: any free one)",
    )
    token: str | None = option(
        default=None,
        metavar="TEXT",
        group=_NETWORK,
        help="shared secret for other machines (default: generated and printed)",
    )
    note_timeout_s: float = option(
        "--note-timeout",
        type=float,
        default=limits.NOTE_TIMEOUT_S,
        metavar="S",
        group=_NETWORK,
        help="end the notes of an OSC sender after this many seconds of silence, 0: never (default: %(default)g)",
    )
    follow: str | None = follow_option(
        "songs follow the transport of JACK, MIDI clock or MIDI time code instead of the one that OSC messages set"
    )
    keep_warm: bool = option(
        "--no-keep-warm",
        default=True,
        action="store_false",
        help="save a third to a half of a core while somebody plays; notes then start some milliseconds later",
    )
    shows_arrivals: bool = switch("--monitor", help="show OSC and MIDI messages as they arrive")


COMMAND = Command(
    name="serve",
    summary="sing what is played, by OSC and MIDI, in real time",
    description="Listens on this machine only, unless --host says otherwise. Tracks count from 0; MIDI channel 1 plays track 0.",
    examples=(
        "vocalese serve                                     play by OSC on port 57160 and by MIDI",
        'vocalese serve --device jack --block 128 --lyrics "stay with me tonight"',
        "vocalese serve --tracks 2 --voice 0=kathleen --voice 1=me --route 1-2 --route 3-4",
        "vocalese serve --learn growl --bind 21=tension     controllers of your own",
        "vocalese serve --channel 10=0 --overlap melisma --filler hum",
    ),
    options=ServeOptions,
    run="bridge.commands.serve:run",
)
