"""Arguments of `vocalese render`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .declare import Command, argument, option, switch
from .shared import IMPORTED, CacheOptions, FeatureOptions, JsonOptions, PlanOptions
from .values import SAMPLE_RATES, positive


@dataclass(frozen=True, kw_only=True)
class ImportedOptions(FeatureOptions):
    """Options of GPT-SoVITS voices."""

    adapter: str | None = option(
        default=None,
        metavar="DIR",
        group=IMPORTED,
        help="pitch adapter to sing with, or 'none' (default: the one in the voice's folder, if any)",
    )
    precision: str = option(
        choices=("auto", "fp32", "int8"),
        default="auto",
        group=IMPORTED,
        help="precision of the GPT; auto: int8 for song and rap and fp32 for talk on a CPU, half precision on CUDA (default: %(default)s)",
    )
    device: str = option(
        choices=("auto", "cpu", "cuda"),
        default="auto",
        group=IMPORTED,
        help="where the networks run; auto: on CUDA if there is a device (default: %(default)s)",
    )


@dataclass(frozen=True, kw_only=True)
class RenderOptions(PlanOptions, ImportedOptions, CacheOptions, JsonOptions):
    """Options of `vocalese render`."""

    scores: tuple[Path, ...] = argument(
        default=(), nargs="+", type=Path, metavar="SCORE", help="MIDI, MusicXML, USTX, UST, .ds; or .txt with --mode talk"
    )
    output: Path = option(
        "-o", "--output", type=Path, default=Path("stems"), metavar="DIR", help="folder for the stems (default: %(default)s)"
    )
    overwrite: bool = switch(help="replace stems that exist", excludes="existing")
    skip_existing: bool = switch(help="keep stems that exist, render the others", excludes="existing")
    sample_rate: int = option(
        "--rate",
        type=int,
        choices=SAMPLE_RATES,
        default=48_000,
        metavar="HZ",
        help="sample rate: 44100, 48000, 88200 or 96000 (default: %(default)s)",
    )
    depth: str = option(choices=("16", "24", "32f"), default="24", help="bits per sample (default: %(default)s)")
    fx: str | None = option(default=None, metavar="PRESET", help="effect preset by name, or the path of a preset .toml")
    labels: bool = switch(help="also write phonemes with their times (HTS .lab) beside each stem")
    jobs: int = option(default=1, type=positive, metavar="N", help="scores rendered at the same time (default: %(default)s)")


COMMAND = Command(
    name="render",
    summary="sing, rap or speak scores into stems",
    description="Each track with words (or, without any, each melodic track) becomes one stem; all start at bar 1 and are equally long.",
    examples=(
        "vocalese render song.mid -o stems",
        'vocalese render hook.mid --lyrics "stay with me tonight" --transpose -12',
        "vocalese render verse.mid --lyrics verse.txt --mode rap --pitch-strength 0.5",
        "vocalese render a.mid b.musicxml --jobs 2 --rate 44100 --depth 16 --json",
    ),
    options=RenderOptions,
    run="bridge.commands.render:run",
    writes_stems=True,
)
