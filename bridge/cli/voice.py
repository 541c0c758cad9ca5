"""Arguments of `vocalese voice train | match | import | fetch | adapt`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .declare import Command, CommandGroup, argument, option, switch
from .shared import FeatureOptions, JsonOptions
from .values import VOICE_LANGUAGES, number, positive

NOT_STATED = "not stated by the importer"


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Options of `vocalese voice train`."""

    config: Path = argument(type=Path, metavar="CONFIG", help="training recipe (.toml)")
    data: Path | None = option(
        default=None, type=Path, metavar="DIR", help="folder with metadata.csv and the recordings (overrides the recipe)"
    )
    output: Path = option(
        "-o", "--output", type=Path, default=Path("runs/voice"), metavar="DIR", help="run folder (default: %(default)s)"
    )
    steps: int | None = option(default=None, type=positive, metavar="N", help="training steps (overrides the recipe)")
    jobs: int = option(default=1, type=positive, metavar="N", help="processes that prepare clips (default: %(default)s)")


@dataclass(frozen=True, kw_only=True)
class MatchOptions(JsonOptions):
    """Options of `vocalese voice match`."""

    clip: Path = argument(type=Path, metavar="CLIP", help="2 to 60 s of one person's voice")
    voice: str | None = option(default=None, metavar="NAME", help="voice to adjust (default: kathleen)")


@dataclass(frozen=True, kw_only=True)
class ImportOptions(FeatureOptions):
    """Options of `vocalese voice import`."""

    name: str = argument(metavar="NAME", help="name of the new voice")
    gpt: Path = option(type=Path, metavar="CKPT", help="the GPT file (.ckpt, under GPT_weights…)")
    sovits: Path = option(type=Path, metavar="PTH", help="the SoVITS file (.pth, under SoVITS_weights…)")
    reference: Path | None = option(
        default=None, type=Path, metavar="CLIP", help="3 to 10 s of the voice, clean; it will sound like this"
    )
    reference_text: str = option(default="", metavar="TEXT", help="what the clip says")
    reference_language: str = option(
        choices=VOICE_LANGUAGES, default="en", metavar="CODE", help="en, zh, ja, ko or yue (default: %(default)s)"
    )
    speaker_encoder: Path | None = option(
        default=None, type=Path, metavar="CKPT", help="for v2Pro and v2ProPlus (default: the fetched one)"
    )
    languages: tuple[str, ...] = option(
        nargs="+",
        choices=VOICE_LANGUAGES,
        default=(),
        help="languages that it reads itself (default: all that it has phonemes for; v1: en zh ja)",
    )
    pitch_range: tuple[float, ...] = option(
        "--range",
        nargs=2,
        type=number,
        default=(48.0, 72.0),
        metavar=("LOW", "HIGH"),
        help="its range as MIDI pitches (default: 48 72)",
    )
    title: str = option(default="", metavar="TEXT", help="name for people (default: NAME)")
    licence: str = option(default=NOT_STATED, metavar="TEXT", help="terms under which the voice may be used")
    origin: str = option(default=NOT_STATED, metavar="TEXT", help="who made the files")
    consent: str = option(default=NOT_STATED, metavar="TEXT", help="whether the person whose voice it is agreed")
    training_data: str = option(default=NOT_STATED, metavar="TEXT", help="what it was trained on")
    output: Path | None = option(
        "-o", "--output", default=None, type=Path, metavar="DIR", help="folder to make (default: NAME among your voices)"
    )


@dataclass(frozen=True, kw_only=True)
class FetchOptions(FeatureOptions):
    """Options of `vocalese voice fetch`."""

    only_list: bool = switch("--list", help="only list which files are there and which are missing")


@dataclass(frozen=True, kw_only=True)
class AdaptOptions(FeatureOptions):
    """Options of `vocalese voice adapt`."""

    voice: str = argument(metavar="VOICE", help="imported voice by name, or the path of its folder")
    data: Path = option(type=Path, metavar="DIR", help="folder with metadata.csv and the recordings")
    output: Path = option(
        "-o", "--output", type=Path, default=Path("runs/adapter"), metavar="DIR", help="run folder (default: %(default)s)"
    )
    steps: int = option(type=positive, default=4000, metavar="N", help="training steps (default: %(default)s)")
    jobs: int = option(type=positive, default=1, metavar="N", help="processes that prepare clips (default: %(default)s)")
    device: str = option(choices=("cpu", "cuda"), default="cpu", help="where to train (default: %(default)s)")
    install: bool = switch(help="then put the adapter into the voice's folder, to sing with")


_RESUMES = "It resumes: run the same command again after an interruption."

COMMANDS = CommandGroup(
    name="voice",
    summary="make voices",
    commands=(
        Command(
            name="train",
            summary="train a voice from recordings",
            description=_RESUMES,
            examples=("vocalese voice train my-voice.toml --data recordings -o runs/my-voice",),
            options=TrainOptions,
            run="bridge.commands.voices:train",
        ),
        Command(
            name="match",
            summary="find the settings that bring a voice nearest to a recording",
            description="Give a few seconds of one person speaking or singing, alone and dry; no text is needed. The result is a colour, "
            "formants and a tension: a likeness in colour, not a copy of the person.",
            examples=("vocalese voice match me.wav", "vocalese voice match me.wav --voice kathleen --json"),
            options=MatchOptions,
            run="bridge.commands.voices:match",
        ),
        Command(
            name="import",
            summary="make a voice of your GPT-SoVITS files",
            description="v1, v2, v2Pro and v2ProPlus. The files are read, never run. The reference is a clip of 3 to 10 s of the voice.",
            examples=(
                "vocalese voice import --gpt me-e15.ckpt --sovits me_e8_s216.pth --reference me.wav",
                '                      --reference-text "What the clip says." --consent "my own voice" me',
            ),
            options=ImportOptions,
            run="bridge.commands.imported:run_import",
        ),
        Command(
            name="fetch",
            summary="download the encoders that GPT-SoVITS voices need",
            description="Lists which files go where, and downloads the missing ones (about 1 GB in all; needs the extra 'hub').",
            examples=("vocalese voice fetch --list", "vocalese voice fetch"),
            options=FetchOptions,
            run="bridge.commands.imported:fetch",
        ),
        Command(
            name="adapt",
            summary="teach a GPT-SoVITS voice to follow notes",
            description=f"Trains a pitch adapter, a small file beside the voice, from its recordings (English). {_RESUMES}",
            examples=("vocalese voice adapt me --data recordings -o runs/me-sings --install",),
            options=AdaptOptions,
            run="bridge.commands.adapt:run",
        ),
    ),
)
