"""The `vocalese` command: arguments in, one command run, an exit code out. Nothing heavy is imported before it is needed.

Exit codes: 0 all done, 1 could not be done (the message says why), 2 wrong usage, 3 some of several failed, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

EXIT_ERROR, EXIT_INTERRUPTED = 1, 130
_NOT_STATED = "not stated by the importer"
LANGUAGES = ("en", "zh", "ja", "ko", "yue")
SAMPLE_RATES = (44_100, 48_000, 88_200, 96_000)

_EXAMPLES = """\
examples:
  vocalese demo                                   hear the examples sung
  vocalese inspect song.mid                       what would be sung, and what is wrong
  vocalese render song.mid -o stems               sing the words in the file
  vocalese render hook.mid --lyrics "stay with me tonight"
  vocalese render verse.mid --lyrics verse.txt --mode rap
  vocalese render intro.txt --mode talk           speak a text
  vocalese convert song.musicxml song.ustx        take a score to another editor
  vocalese play song.mid                          hear it at once, rendered while it plays
  vocalese check stems/song.wav song.mid          how well the stem follows its score
  vocalese voice import --help                    sing with a GPT-SoVITS voice of your own
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = build_parser().parse_args(arguments)
    from engine import VocaleseError

    try:
        return options.run(options)
    except VocaleseError as error:
        print(f"vocalese: {error}", file=sys.stderr)
        return EXIT_ERROR
    except BrokenPipeError:  # the reader of our output, `head` say, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    except KeyboardInterrupt:
        print("vocalese: interrupted; finished stems stay, nothing half-written is left.", file=sys.stderr)
        return EXIT_INTERRUPTED


def build_parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    parser = argparse.ArgumentParser(
        prog="vocalese",
        description="A singing, rapping and talking voice: notes and words in, vocal stems out.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"vocalese {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_demo(commands)
    _add_render(commands)
    _add_play(commands)
    _add_inspect(commands)
    _add_check(commands)
    _add_convert(commands)
    _add_voices(commands)
    _add_voice(commands)
    _add_serve(commands)
    _add_monitor(commands)
    _add_devices(commands)
    _add_doctor(commands)
    _add_templates(commands)
    _add_send(commands)
    _add_follow(commands)
    return parser


def _command(commands, name: str, *, examples: Sequence[str], help: str, description: str = "") -> argparse.ArgumentParser:
    """A command whose help shows how it is used."""
    return commands.add_parser(
        name,
        help=help,
        description=f"{help[0].upper()}{help[1:]}. {description}".strip(),
        epilog="\n  ".join(("examples:", *examples)),
        formatter_class=_Help,
    )


class _Help(argparse.RawDescriptionHelpFormatter):
    """Wraps the description, keeps the lines of the examples."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith("examples:"):
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)


def _add_demo(commands) -> None:
    parser = _command(
        commands,
        "demo",
        examples=(
            "vocalese demo                       stems, scores and pictures in the folder demo",
            "vocalese demo --fx PRESET -o out    also with effects",
        ),
        help="sing the examples that come with Vocalese",
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("demo"), metavar="DIR", help="folder for the stems (default: demo)"
    )
    parser.add_argument("--fx", metavar="PRESET", help="also render through an effect preset")
    _add_voice_options(parser)
    parser.set_defaults(run=_run_demo)


def _add_render(commands) -> None:
    parser = _command(
        commands,
        "render",
        examples=(
            "vocalese render song.mid -o stems",
            'vocalese render hook.mid --lyrics "stay with me tonight" --transpose -12',
            "vocalese render verse.mid --lyrics verse.txt --mode rap --pitch-strength 0.5",
            "vocalese render a.mid b.musicxml --jobs 2 --rate 44100 --depth 16 --json",
        ),
        help="sing, rap or speak scores into stems",
        description="Each track with words (or, without any, each melodic track) becomes one stem; all start at bar 1 and are equally long.",
    )
    parser.add_argument(
        "scores", nargs="+", type=Path, metavar="SCORE", help="MIDI, MusicXML, USTX, UST, .ds; or .txt with --mode talk"
    )
    _add_music_options(parser)
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("stems"), metavar="DIR", help="folder for the stems (default: stems)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace stems that exist")
    parser.add_argument(
        "--rate", type=int, choices=SAMPLE_RATES, default=48_000, metavar="HZ", help="44100, 48000 (default), 88200, 96000"
    )
    parser.add_argument("--depth", choices=("16", "24", "32f"), default="24", help="bits per sample (default: 24)")
    parser.add_argument("--fx", metavar="PRESET", help="effect preset by name, or the path of a preset .toml")
    parser.add_argument(
        "--labels", action="store_true", help="also write the phones with their times (HTS .lab) beside each stem"
    )
    parser.add_argument("--jobs", type=_positive, default=1, metavar="N", help="scores rendered at the same time (default: 1)")
    parser.add_argument("--no-cache", action="store_true", help="render every phrase again, keep none")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end instead of text")
    _add_imported_options(parser)
    parser.set_defaults(run=_run_render)


def _add_imported_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("GPT-SoVITS voices")
    group.add_argument(
        "--adapter",
        metavar="DIR",
        help="pitch adapter to sing with, or 'none' (default: the one in the voice's folder, if any)",
    )
    group.add_argument(
        "--precision",
        choices=("auto", "fp32", "int8"),
        default="auto",
        help="of the GPT; auto: on a CPU int8 for song and rap, fp32 for talk; half precision on CUDA (default: auto)",
    )
    group.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where the networks run; auto: on CUDA where there is one (default: auto)",
    )


def _add_play(commands) -> None:
    parser = _command(
        commands,
        "play",
        examples=(
            "vocalese play song.mid",
            "vocalese play song.mid --device wasapi --start 30",
            "vocalese play song.mid --loop 8 16           until Ctrl-C",
            "vocalese play song.mid --loop 8 16 --times 4 -o loop.wav",
            "vocalese play song.mid --follow jack --pairs",
        ),
        help="play a score on a sound device while it is rendered",
        description="It starts when the first seconds are rendered; what is played next is rendered first. Ctrl-C stops.",
    )
    parser.add_argument("score", type=Path, metavar="SCORE")
    parser.add_argument(
        "-o", "--output", default="device", metavar="WHERE", help="device (default), null (no sound), or a .wav file to write"
    )
    parser.add_argument(
        "--device", metavar="NAME", help="number or part of the name, as `vocalese devices` lists them (default: the system's)"
    )
    parser.add_argument(
        "--rate", type=int, choices=SAMPLE_RATES, metavar="HZ", help="44100, 48000, 88200, 96000 (default: the device's)"
    )
    parser.add_argument("--block", type=int, default=0, metavar="N", help="samples per block (default: 0, the device's own)")
    parser.add_argument(
        "--pairs", action="store_true", help="a pair of outputs for each track (default: all on the first pair)"
    )
    parser.add_argument("--limiter", action="store_true", help="bend what is too loud instead of letting it clip")
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="where to start, seconds (default: 0)")
    parser.add_argument(
        "--loop",
        type=float,
        nargs="*",
        metavar="S",
        help="repeat from the first to the second number of seconds; without numbers, all",
    )
    parser.add_argument("--times", type=_positive, metavar="N", help="how often the loop is played (default: until Ctrl-C)")
    _add_follow_option(parser, "go with the transport of JACK, MIDI clock or MIDI time code instead of its own")
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    _add_music_options(parser)
    parser.add_argument("--no-cache", action="store_true", help="render every phrase again, keep none")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.set_defaults(run=_run_play)


def _add_follow_option(parser: argparse.ArgumentParser, help: str) -> None:
    parser.add_argument("--follow", choices=("jack", "midi-clock", "timecode"), help=help)


def _add_inspect(commands) -> None:
    parser = _command(
        commands,
        "inspect",
        examples=("vocalese inspect song.mid", 'vocalese inspect hook.mid --lyrics "stay with me tonight"'),
        help="show what would be sung: syllables over notes, problems, range",
    )
    parser.add_argument("score", type=Path, metavar="SCORE")
    _add_music_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_run_inspect)


def _add_check(commands) -> None:
    parser = _command(
        commands,
        "check",
        examples=(
            "vocalese check stems/song.wav song.mid",
            "vocalese check duet-low.wav duet.mid --track low --picture low.png --start 30",
        ),
        help="measure how well a stem follows its score, and draw it",
    )
    parser.add_argument("stem", type=Path, metavar="STEM", help="sound file that starts at bar 1")
    parser.add_argument("score", type=Path, metavar="SCORE")
    parser.add_argument("--track", metavar="NAME", help="track of the score (default: the one named in the stem's file name)")
    parser.add_argument(
        "--transpose", type=int, default=0, metavar="N", help="semitones the stem was moved by when it was rendered"
    )
    parser.add_argument("--picture", type=Path, metavar="PNG", help="where the picture goes (default: beside the stem)")
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="where in the stem the picture starts, seconds")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_run_check)


def _add_convert(commands) -> None:
    parser = _command(
        commands,
        "convert",
        examples=("vocalese convert song.musicxml song.ustx",),
        help="write a score in another format",
        description="The suffix of TARGET chooses the format: .mid, .ustx or .ds.",
    )
    parser.add_argument("score", type=Path, metavar="SCORE")
    parser.add_argument("target", type=Path, metavar="TARGET")
    parser.add_argument("--verse", type=_positive, default=1, metavar="N", help="verse of a score with several (default: 1)")
    parser.add_argument("--overwrite", action="store_true", help="replace the target if it exists")
    parser.set_defaults(run=_run_convert)


def _add_voices(commands) -> None:
    parser = _command(commands, "voices", examples=("vocalese voices",), help="list the voices with their licences")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_run_voices)


def _add_voice(commands) -> None:
    parser = commands.add_parser("voice", help="make voices")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    train = _command(
        actions,
        "train",
        examples=("vocalese voice train my-voice.toml --data recordings -o runs/my-voice",),
        help="train a voice from recordings",
        description="Stops and goes on: run the same command again after an interruption.",
    )
    train.add_argument("config", type=Path, metavar="CONFIG", help="training recipe (.toml)")
    train.add_argument(
        "--data", type=Path, metavar="DIR", help="folder with metadata.csv and the recordings (overrides the recipe)"
    )
    train.add_argument(
        "-o", "--output", type=Path, default=Path("runs/voice"), metavar="DIR", help="run folder (default: runs/voice)"
    )
    train.add_argument("--steps", type=_positive, metavar="N", help="training steps (overrides the recipe)")
    train.add_argument("--jobs", type=_positive, default=1, metavar="N", help="processes that prepare clips (default: 1)")
    train.set_defaults(run=_run_train)
    _add_match(actions)
    _add_import(actions)
    _add_fetch(actions)
    _add_adapt(actions)


def _add_match(actions) -> None:
    parser = _command(
        actions,
        "match",
        examples=("vocalese voice match me.wav", "vocalese voice match me.wav --voice kathleen --json"),
        help="which settings bring a voice nearest to a recording",
        description="Listens to a few seconds of anybody speaking or singing, alone and dry, and says which colour, formants and "
        "tension make a voice most like it. That is a likeness in colour, not a copy of the person. No text is needed.",
    )
    parser.add_argument("clip", type=Path, metavar="CLIP", help="2 to 60 s of one person's voice")
    parser.add_argument("--voice", default=None, metavar="NAME", help="the voice to be matched (default: kathleen)")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line of the output")
    parser.set_defaults(run=_run_match)


def _add_import(actions) -> None:
    parser = _command(
        actions,
        "import",
        examples=(
            "vocalese voice import --gpt me-e15.ckpt --sovits me_e8_s216.pth --reference me.wav",
            '                      --reference-text "What the clip says." --consent "my own voice" me',
        ),
        help="make a voice of your GPT-SoVITS files",
        description="v1, v2, v2Pro and v2ProPlus. The files are read, never run. The reference is a clip of 3 to 10 s of the voice.",
    )
    parser.add_argument("name", metavar="NAME", help="what the voice will be called")
    parser.add_argument("--gpt", type=Path, required=True, metavar="CKPT", help="the GPT file (.ckpt, under GPT_weights…)")
    parser.add_argument(
        "--sovits", type=Path, required=True, metavar="PTH", help="the SoVITS file (.pth, under SoVITS_weights…)"
    )
    parser.add_argument("--reference", type=Path, metavar="CLIP", help="3 to 10 s of the voice, clean; it will sound like this")
    parser.add_argument("--reference-text", default="", metavar="TEXT", help="what the clip says")
    parser.add_argument("--reference-language", default="en", metavar="CODE", help="en, zh, ja, ko or yue (default: en)")
    parser.add_argument(
        "--speaker-encoder", type=Path, metavar="CKPT", help="for v2Pro and v2ProPlus (default: the fetched one)"
    )
    parser.add_argument(
        "--languages",
        nargs="+",
        choices=LANGUAGES,
        default=(),
        help="those whose words it reads itself (default: all that it has phonemes for; v1: en zh ja)",
    )
    parser.add_argument(
        "--range", nargs=2, type=float, default=(48.0, 72.0), metavar=("LOW", "HIGH"), help="MIDI pitches (default: 48 72)"
    )
    parser.add_argument("--title", default="", metavar="TEXT", help="name for people (default: NAME)")
    for name, meaning in (
        ("licence", "terms under which the voice may be used"),
        ("origin", "who made the files"),
        ("consent", "whether the person whose voice it is agreed"),
        ("training-data", "what it was trained on"),
    ):
        parser.add_argument(f"--{name}", default=_NOT_STATED, metavar="TEXT", help=meaning)
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="folder to make (default: NAME among your voices)")
    _add_features_option(parser)
    parser.set_defaults(run=_run_import)


def _add_fetch(actions) -> None:
    parser = _command(
        actions,
        "fetch",
        examples=("vocalese voice fetch --list", "vocalese voice fetch"),
        help="get the encoders that GPT-SoVITS voices listen and read with",
        description="Says which files go where, and downloads those that are missing (about 1 GB in all; needs the extra 'hub').",
    )
    parser.add_argument("--list", action="store_true", help="only say what is there and what is not")
    _add_features_option(parser)
    parser.set_defaults(run=_run_fetch)


def _add_adapt(actions) -> None:
    parser = _command(
        actions,
        "adapt",
        examples=("vocalese voice adapt me --data recordings -o runs/me-sings --install",),
        help="teach a GPT-SoVITS voice to follow notes",
        description="Trains a pitch adapter, a small file beside the voice, from its recordings (English). Stops and goes on: run the same "
        "command again after an interruption.",
    )
    parser.add_argument("voice", metavar="VOICE", help="imported voice by name, or the path of its folder")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with metadata.csv and the recordings")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("runs/adapter"), metavar="DIR", help="run folder (default: runs/adapter)"
    )
    parser.add_argument("--steps", type=_positive, default=4000, metavar="N", help="training steps (default: 4000)")
    parser.add_argument("--jobs", type=_positive, default=1, metavar="N", help="processes that prepare clips (default: 1)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to train (default: cpu)")
    parser.add_argument("--install", action="store_true", help="then put the adapter into the voice's folder, to sing with")
    _add_features_option(parser)
    parser.set_defaults(run=_run_adapt)


def _add_features_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--features",
        type=Path,
        metavar="DIR",
        help="folder with the encoders of GPT-SoVITS voices (default: in your user data)",
    )


def _add_serve(commands) -> None:
    parser = _command(
        commands,
        "serve",
        examples=(
            "vocalese serve                                     play by OSC on port 57160 and by MIDI",
            'vocalese serve --device jack --block 128 --lyrics "stay with me tonight"',
            "vocalese serve --tracks 2 --voice 0=kathleen --voice 1=me --route 1-2 --route 3-4",
            "vocalese serve --learn growl --bind 21=tension     controllers of your own",
            "vocalese serve --channel 10=0 --overlap melisma --filler hum",
        ),
        help="sing what is played, by OSC and MIDI, in real time",
        description="Listens on this machine only, unless told otherwise. Tracks count from 0; MIDI channel 1 plays track 0.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; any but this machine's needs a token")
    parser.add_argument(
        "--port", type=int, default=57160, metavar="N", help="UDP port for OSC (default: 57160; 0: any free one)"
    )
    parser.add_argument(
        "--token", metavar="TEXT", help="what other machines have to say hello with (default: made and printed)"
    )
    _add_midi_options(parser)
    parser.add_argument(
        "--mpe",
        nargs="?",
        const="15",
        metavar="MEMBERS",
        help="channel 1 is the manager of an MPE zone with so many member channels, 1 to 15 (alone: 15)",
    )
    parser.add_argument(
        "--channel",
        action="append",
        default=[],
        metavar="N=TRACK",
        help="MIDI channel N (1 to 16) plays this track, or none (default: channel 1 track 0, channel 2 track 1 ...)",
    )
    parser.add_argument(
        "--learn",
        metavar="PARAMETER",
        help="the next MIDI controller that is moved will move this, such as growl; docs/osc.md lists all",
    )
    parser.add_argument(
        "--bind",
        action="append",
        default=[],
        metavar="CC=PARAMETER",
        help="MIDI controller CC (0 to 127) moves this parameter, as in 20=growl",
    )
    parser.add_argument(
        "--program", default="voice", metavar="voice|line|nothing", help="what a program change chooses (default: voice)"
    )
    parser.add_argument(
        "--line-keys",
        metavar="PREVIOUS,AGAIN,NEXT",
        help="MIDI keys (0 to 127) that step through the lines of the words, or none (default: 24,25,26)",
    )
    parser.add_argument(
        "--overlap",
        action="append",
        default=[],
        metavar="[TRACK=]legato|melisma",
        help="what a key does that goes down while another sounds: the next syllable, or the same vowel (default: legato)",
    )
    parser.add_argument(
        "--filler",
        action="append",
        default=[],
        metavar="[TRACK=]la|hum",
        help="what is sung when the words have run out (default: la)",
    )
    parser.add_argument(
        "--output",
        default="device",
        metavar="device|null|WAV",
        help="where the sound goes: a device (default), nowhere, or a WAV file",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the WAV file if it exists")
    parser.add_argument("--device", metavar="NAME", help="number, or part of a name, as `vocalese devices` lists them")
    parser.add_argument("--rate", type=int, metavar="HZ", help="sample rate (default: the device's)")
    parser.add_argument("--block", type=int, default=128, metavar="N", help="samples per block, 0: the host's (default: 128)")
    parser.add_argument("--latency", default="low", metavar="low|high|S", help="what is asked of the driver (default: low)")
    parser.add_argument(
        "--route",
        action="append",
        default=[],
        metavar="N-M",
        help="output channels of a track, once per track (default: all 1-2)",
    )
    parser.add_argument("--limiter", action="store_true", help="soft ceiling on the outputs")
    parser.add_argument("--tracks", type=_positive, default=4, metavar="N", help="how many can be played (default: 4)")
    parser.add_argument(
        "--voice", action="append", default=[], metavar="[TRACK=]NAME", help="who sings (default: the starter voice)"
    )
    parser.add_argument(
        "--language", action="append", default=[], metavar="[TRACK=]CODE", help="of the words: en, zh or ja (default: en)"
    )
    parser.add_argument(
        "--lyrics", action="append", default=[], metavar="[TRACK=]TEXT|FILE", help="words to begin with (default track: 0)"
    )
    parser.add_argument("--takes", type=Path, default=Path("takes"), metavar="DIR", help="where recordings go (default: takes)")
    parser.add_argument(
        "--lead",
        type=float,
        default=9.25,
        metavar="MS",
        help="how long a note may take to be sung, added to the block (default: 9.25)",
    )
    _add_follow_option(
        parser, "songs go with the transport of JACK, MIDI clock or MIDI time code instead of the host's over OSC"
    )
    parser.add_argument("--monitor", action="store_true", help="show OSC and MIDI messages as they arrive")
    parser.set_defaults(run=_run_serve)


def _add_monitor(commands) -> None:
    parser = _command(
        commands,
        "monitor",
        examples=("vocalese monitor", "vocalese monitor --port 9000 --midi keystation"),
        help="show what arrives by OSC and MIDI",
        description="Sings nothing. It needs the port for itself: while `vocalese serve` runs, use its --monitor.",
    )
    parser.add_argument("--port", type=int, default=57160, metavar="N", help="UDP port for OSC (default: 57160)")
    _add_midi_options(parser)
    parser.set_defaults(run=_run_monitor)


def _add_midi_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--midi", action="append", default=[], metavar="NAME", help="only hardware ports whose name holds this (default: all)"
    )
    parser.add_argument("--no-midi", action="store_true", help="open no MIDI ports")


def _add_devices(commands) -> None:
    parser = _command(commands, "devices", examples=("vocalese devices",), help="list what there is to play on")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_run_devices)


def _add_doctor(commands) -> None:
    parser = _command(
        commands,
        "doctor",
        examples=(
            "vocalese doctor",
            "vocalese doctor --loopback jack        also measure the round trip through a device",
            "vocalese doctor --port 9000            look whether this OSC port is free",
        ),
        help="check that everything singing needs is there",
    )
    parser.add_argument(
        "--loopback",
        metavar="DEVICE",
        help="play quiet bursts of noise on a device whose output is joined to its input, and measure how long they take",
    )
    parser.add_argument(
        "--port", type=int, default=57160, metavar="N", help="UDP port for OSC that is looked at (default: 57160)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_run_doctor)


def _add_templates(commands) -> None:
    parser = commands.add_parser("templates", help="what there is for other music programs")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = _command(actions, "list", examples=("vocalese templates list",), help="list the templates and what was tried")
    listing.add_argument("--json", action="store_true", help="print one JSON object")
    listing.set_defaults(run=_run_templates_list)
    install = _command(
        actions,
        "install",
        examples=("vocalese templates install reaper", "vocalese templates install puredata -o patches"),
        help="put a template where its program looks for it",
    )
    install.add_argument("name", metavar="NAME", help="as `vocalese templates list` names it")
    install.add_argument("-o", "--output", type=Path, metavar="DIR", help="put it below this folder instead")
    install.add_argument("--overwrite", action="store_true", help="replace files that were changed")
    install.set_defaults(run=_run_templates_install)


def _add_send(commands) -> None:
    parser = _command(
        commands,
        "send",
        examples=("vocalese send song.mid", "vocalese send harmony.mid --track 1"),
        help="send the tracks of a score to a running Vocalese",
        description="Each track with words (or, without any, each melodic track) takes the place of what was sent for its track before.",
    )
    parser.add_argument("score", type=Path, metavar="SCORE")
    parser.add_argument("--track", type=int, default=0, metavar="N", help="number of the first track there (default: 0)")
    parser.add_argument("--verse", type=_positive, default=1, metavar="N", help="verse of a score with several (default: 1)")
    _add_session_options(parser)
    parser.set_defaults(run=_run_send)


def _add_follow(commands) -> None:
    parser = _command(
        commands,
        "follow",
        examples=("vocalese follow reaper",),
        help="tell a running Vocalese where the transport of a DAW is",
        description="For DAWs that send OSC of their own. Goes on until it is interrupted.",
    )
    parser.add_argument("daw", choices=("reaper",), metavar="DAW", help="reaper, with the pattern file of its template")
    parser.add_argument("--listen", type=int, default=57161, metavar="PORT", help="port that the DAW sends to (default: 57161)")
    _add_session_options(parser)
    parser.set_defaults(run=_run_follow)


def _add_session_options(parser: argparse.ArgumentParser) -> None:
    """Where the running session is."""
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="where Vocalese runs (default: this machine)")
    parser.add_argument("--port", type=int, default=57160, metavar="PORT", help="its OSC port (default: 57160)")
    parser.add_argument(
        "--token", default="", metavar="TEXT", help="what it printed at its start, if it runs on another machine"
    )


def _add_voice_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--voice", default=None, metavar="NAME", help="voice by name, or the path of its folder (default: the starter voice)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the take: same seed, same samples (default: 0)")


def _add_music_options(parser: argparse.ArgumentParser) -> None:
    """What `render` and `inspect` understand alike."""
    parser.add_argument(
        "--lyrics", metavar="TEXT|FILE", help="words to lay over the notes: the text itself, or a .txt or .lrc file"
    )
    parser.add_argument(
        "--mode", choices=("sing", "rap", "talk"), default="sing", help="how the words are performed (default: sing)"
    )
    parser.add_argument("--transpose", type=int, default=0, metavar="N", help="semitones up (+) or down (-)")
    parser.add_argument(
        "--track", action="append", default=[], metavar="NAME", help="only this track (may be given several times)"
    )
    parser.add_argument(
        "--language", choices=LANGUAGES, help="language of the words (default: the score's, else by their script)"
    )
    parser.add_argument("--filler", default="la", metavar="SYLLABLE", help="what notes without words sing (default: la)")
    parser.add_argument("--dictionary", type=Path, metavar="FILE", help="your own pronunciations: 'word  P R AH N' per line")
    parser.add_argument("--verse", type=_positive, default=1, metavar="N", help="verse of a score with several (default: 1)")
    parser.add_argument("--vibrato", type=float, metavar="CENTS", help="vibrato depth on long notes, 0..200 (default: 28)")
    parser.add_argument(
        "--portamento", type=float, metavar="S", help="length of the glide between notes, 0..0.5 (default: 0.07)"
    )
    parser.add_argument("--breathiness", type=float, metavar="X", help="-1 clear .. 1 whispered (default: 0, the voice's own)")
    parser.add_argument("--tension", type=float, metavar="X", help="-1 soft and dark .. 1 pressed and bright (default: 0)")
    parser.add_argument(
        "--formant", type=float, metavar="N", help="semitones: + a smaller, - a larger singer, -12..12 (default: 0)"
    )
    parser.add_argument(
        "--colour", type=float, metavar="X", help="0 the voice's main colour .. 1 its second one, if it has two (default: 0)"
    )
    parser.add_argument("--growl", type=float, metavar="X", help="0 none .. 1 as rough as it gets (default: 0)")
    parser.add_argument(
        "--attack", type=float, metavar="X", help="how notes begin: -1 a soft swell .. 1 a hard accent (default: 0)"
    )
    parser.add_argument(
        "--natural-dynamics",
        type=float,
        metavar="X",
        help="share of the speaker's own loudness pattern, 0..1 (default: sing 0.25, rap 0.5, talk 1)",
    )
    parser.add_argument("--pitch-strength", type=float, metavar="X", help="rap: 0 spoken .. 1 the written pitch (default: 0.3)")
    parser.add_argument(
        "--speaking-pitch", type=float, metavar="PITCH", help="rap, talk: MIDI pitch of the voice's speech (default: 52)"
    )
    parser.add_argument("--rate-of-speech", type=float, metavar="X", help="talk: 2 = twice as fast (default: 1)")
    parser.add_argument("--no-breaths", action="store_true", help="no breaths of the voice's own before phrases")
    _add_voice_options(parser)
    _add_features_option(parser)


def _run_demo(options: argparse.Namespace) -> int:
    from bridge.commands import demo
    from bridge.commands.common import user_voice_folder
    from engine import STARTER_NAME

    voice = options.voice or STARTER_NAME
    return demo.run(options.output, voice=voice, voice_folders=(user_voice_folder(),), fx=options.fx, seed=options.seed)


def _run_render(options: argparse.Namespace) -> int:
    from bridge.commands import render

    return render.run(options.scores, _render_options(options), jobs=options.jobs, as_json=options.json)


def _run_play(options: argparse.Namespace) -> int:
    from bridge.commands import play
    from engine import SettingsError

    if options.loop is not None and len(options.loop) not in (0, 2):
        raise SettingsError(
            f"--loop with {len(options.loop)} numbers; give its start and its end in seconds, or none for the whole song."
        )
    if options.output not in ("device", "null") and not options.output.lower().endswith(".wav"):
        raise SettingsError(f"--output {options.output}; device, null and names of .wav files are possible.")
    playing = play.PlayOptions(
        output=options.output if options.output in ("device", "null") else Path(options.output),
        device=options.device,
        sample_rate=options.rate,
        block_frames=options.block,
        pairs=options.pairs,
        limiter=options.limiter,
        overwrite=options.overwrite,
        start_s=options.start,
        loop_s=None if options.loop is None else tuple(options.loop or (0.0, None)),
        times=options.times,
        follow=options.follow,
    )
    return play.run(options.score, _render_options(options), playing, as_json=options.json)


def _run_inspect(options: argparse.Namespace) -> int:
    from bridge.commands import inspect

    return inspect.run(options.score, _render_options(options), as_json=options.json)


def _render_options(options: argparse.Namespace):
    from bridge.commands.common import cache_folder, user_voice_folder
    from bridge.commands.render import RenderOptions
    from engine import STARTER_NAME, Mode

    changes = {
        "vibrato_depth_cents": options.vibrato,
        "portamento_s": options.portamento,
        "breathiness": options.breathiness,
        "tension": options.tension,
        "formant_semitones": options.formant,
        "colour": options.colour,
        "growl": options.growl,
        "attack": options.attack,
        "natural_dynamics": options.natural_dynamics,
        "pitch_strength": options.pitch_strength,
        "speaking_pitch": options.speaking_pitch,
        "speech_rate": options.rate_of_speech,
        "breaths": False if options.no_breaths else None,
    }
    return RenderOptions(
        output=getattr(options, "output", Path("stems")),
        voice=options.voice or STARTER_NAME,
        voice_folders=(user_voice_folder(),),
        features=_features_folder(options),
        mode=Mode(options.mode),
        lyrics=options.lyrics,
        language=options.language,
        filler=options.filler,
        dictionary=options.dictionary,
        verse=options.verse,
        tracks=tuple(options.track),
        seed=options.seed,
        sample_rate=getattr(options, "rate", None) or 48_000,
        depth=getattr(options, "depth", "24"),
        transpose=options.transpose,
        fx=getattr(options, "fx", None),
        overwrite=getattr(options, "overwrite", False),
        labels=getattr(options, "labels", False),
        cache=None if getattr(options, "no_cache", False) else cache_folder(),
        imported=_imported_settings(options),
        performance={key: value for key, value in changes.items() if value is not None},
    )


def _imported_settings(options: argparse.Namespace):
    """How GPT-SoVITS voices are run; commands without the options for it leave everything to the defaults."""
    from bridge.commands.common import heard_folder
    from engine import ComputeDevice, ImportedSettings, Precision

    kept = None if getattr(options, "no_cache", False) else heard_folder()
    if "precision" not in options:
        return ImportedSettings(heard=kept)
    is_given = options.adapter not in (None, "none")
    return ImportedSettings(
        adapter=Path(options.adapter) if is_given else None,
        has_adapter=options.adapter != "none",
        precision=Precision(options.precision),
        device=ComputeDevice(options.device),
        heard=kept,
    )


def _run_check(options: argparse.Namespace) -> int:
    from bridge.commands import check

    return check.run(
        options.stem,
        options.score,
        track=options.track,
        transpose=options.transpose,
        picture=options.picture,
        start_s=options.start,
        as_json=options.json,
    )


def _run_convert(options: argparse.Namespace) -> int:
    from bridge.commands import convert

    return convert.run(options.score, options.target, verse=options.verse, overwrite=options.overwrite)


def _run_voices(options: argparse.Namespace) -> int:
    from bridge.commands import voices

    return voices.list_voices(as_json=options.json)


def _run_train(options: argparse.Namespace) -> int:
    from bridge.commands import voices

    return voices.train(options.config, data=options.data, output=options.output, steps=options.steps, jobs=options.jobs)


def _run_match(options: argparse.Namespace) -> int:
    from bridge.commands import voices

    return voices.match(options.clip, voice_name=options.voice, as_json=options.json)


def _run_import(options: argparse.Namespace) -> int:
    from bridge.commands import imported

    given = imported.ImportOptions(
        gpt=options.gpt,
        sovits=options.sovits,
        name=options.name,
        title=options.title,
        speaker_encoder=options.speaker_encoder,
        reference=options.reference,
        reference_text=options.reference_text,
        reference_language=options.reference_language,
        languages=options.languages,
        pitch_range=tuple(options.range),
        licence=options.licence,
        origin=options.origin,
        consent=options.consent,
        training_data=options.training_data,
        output=options.output,
    )
    return imported.run_import(given, _features_folder(options))


def _run_fetch(options: argparse.Namespace) -> int:
    from bridge.commands import imported

    return imported.fetch(_features_folder(options), only_list=options.list)


def _run_adapt(options: argparse.Namespace) -> int:
    from bridge.commands import adapt

    return adapt.run(
        options.voice,
        data=options.data,
        output=options.output,
        features=_features_folder(options),
        steps=options.steps,
        jobs=options.jobs,
        device=options.device,
        install=options.install,
    )


def _features_folder(options: argparse.Namespace) -> Path:
    from bridge.commands.common import user_features_folder

    return options.features or user_features_folder()


def _run_serve(options: argparse.Namespace) -> int:
    from bridge.commands import serve

    return serve.run(
        serve.ServeOptions(
            host=options.host,
            port=options.port,
            token=options.token,
            midi=tuple(options.midi),
            with_midi=not options.no_midi,
            mpe=options.mpe,
            learn=options.learn,
            bindings=tuple(options.bind),
            program=options.program,
            channels=tuple(options.channel),
            line_keys=options.line_keys,
            overlaps=tuple(options.overlap),
            fillers=tuple(options.filler),
            output=options.output,
            overwrite=options.overwrite,
            device=options.device,
            rate=options.rate,
            block=options.block,
            latency=options.latency,
            routes=tuple(options.route),
            limiter=options.limiter,
            tracks=options.tracks,
            voices=tuple(options.voice),
            languages=tuple(options.language),
            lyrics=tuple(options.lyrics),
            takes=options.takes,
            lead_ms=options.lead,
            shows_arrivals=options.monitor,
            follow=options.follow,
        )
    )


def _run_monitor(options: argparse.Namespace) -> int:
    from bridge.commands import monitor

    return monitor.run(port=options.port, midi=options.midi, with_midi=not options.no_midi)


def _run_devices(options: argparse.Namespace) -> int:
    from bridge.commands import devices

    return devices.run(as_json=options.json)


def _run_doctor(options: argparse.Namespace) -> int:
    from bridge.commands import doctor

    return doctor.run(loopback=options.loopback, port=options.port, as_json=options.json)


def _run_templates_list(options: argparse.Namespace) -> int:
    from bridge.commands import templates

    return templates.list_templates(as_json=options.json)


def _run_templates_install(options: argparse.Namespace) -> int:
    from bridge.commands import templates

    return templates.install(options.name, output=options.output, overwrite=options.overwrite)


def _run_send(options: argparse.Namespace) -> int:
    from bridge.commands import send

    return send.run(
        options.score,
        host=options.host,
        port=options.port,
        token=options.token,
        first_track=options.track,
        verse=options.verse,
    )


def _run_follow(options: argparse.Namespace) -> int:
    from bridge.commands import follow

    return follow.run(listen=options.listen, host=options.host, port=options.port, token=options.token)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("vocalese")
    except PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())
