"""Arguments of `vocalese play`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.errors import SettingsError

from .declare import Command, option, switch
from .shared import CacheOptions, JsonOptions, PlanOptions, device_option, follow_option, limiter_option, score_argument
from .values import SAMPLE_RATES, number, positive


@dataclass(frozen=True, kw_only=True)
class PlayOptions(PlanOptions, CacheOptions, JsonOptions):
    """Options of `vocalese play`. Raises SettingsError for options that contradict each other."""

    score: Path = score_argument()
    output: str = option(
        "-o", "--output", default="device", metavar="WHERE", help="device (default), null (no sound), or a .wav file to write"
    )
    device: str | None = device_option()
    sample_rate: int | None = option(
        "--rate",
        default=None,
        type=int,
        choices=SAMPLE_RATES,
        metavar="HZ",
        help="sample rate: 44100, 48000, 88200 or 96000 (default: the device's)",
    )
    block: int = option(default=0, type=int, metavar="N", help="samples per block (default: %(default)s, the device's own)")
    pairs: bool = switch(help="a pair of outputs for each track (default: all on the first pair)")
    limiter: bool = limiter_option()
    start_s: float = option(
        "--start", default=0.0, type=number, metavar="S", help="where to start, in seconds (default: %(default)g)"
    )
    loop: tuple[float, ...] | None = option(
        default=None,
        type=number,
        nargs="*",
        metavar="S",
        help="repeat from the first to the second number of seconds; without numbers, the whole song",
    )
    times: int | None = option(
        default=None, type=positive, metavar="N", help="how often the loop is played (default: until Ctrl-C)"
    )
    follow: str | None = follow_option("follow the transport of JACK, MIDI clock or MIDI time code")
    overwrite: bool = switch(help="replace the file if it exists")

    def __post_init__(self) -> None:
        if self.loop is not None and len(self.loop) not in (0, 2):
            raise SettingsError(
                f"--loop with {len(self.loop)} numbers; give its start and its end in seconds, or none for the whole song."
            )
        if self.output not in ("device", "null") and not self.output.lower().endswith(".wav"):
            raise SettingsError(f"--output {self.output}; device, null and names of .wav files are possible.")
        if self.start_s < 0:
            raise SettingsError(f"a start at {self.start_s:g} s; 0 or more is possible.")
        if self.times is not None and self.loop is None:
            raise SettingsError("--times counts how often a loop is played; give --loop too.")
        if self.path and (self.follow or (self.loop is not None and self.times is None)):
            raise SettingsError("A file has to end: give --times with --loop, and no --follow.")
        if self.follow and (self.loop is not None or self.start_s):
            raise SettingsError(
                f"With --follow {self.follow} the other program says where the song is; leave out --start and --loop."
            )

    @property
    def path(self) -> Path | None:
        """WAV file to write, None for a device."""
        return None if self.output in ("device", "null") else Path(self.output)

    @property
    def loop_s(self) -> tuple[float, float | None] | None:
        """Start and end of the loop in seconds; an end of None is the end of the song."""
        if self.loop is None:
            return None
        return (self.loop[0], self.loop[1]) if self.loop else (0.0, None)


COMMAND = Command(
    name="play",
    summary="play a score on a sound device while it is rendered",
    description="It starts when the first seconds are rendered; what is played next is rendered first. Ctrl-C stops.",
    examples=(
        "vocalese play song.mid",
        "vocalese play song.mid --device wasapi --start 30",
        "vocalese play song.mid --loop 8 16           until Ctrl-C",
        "vocalese play song.mid --loop 8 16 --times 4 -o loop.wav",
        "vocalese play song.mid --follow jack --pairs",
    ),
    options=PlayOptions,
    run="bridge.commands.play:run",
)
