"""Arguments of `vocalese phonemes`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .declare import Command, argument, option
from .shared import JsonOptions, dictionary_option, language_option, voice_option


@dataclass(frozen=True, kw_only=True)
class PhonemeOptions(JsonOptions):
    """Options of `vocalese phonemes`."""

    text: str = argument(metavar="TEXT", help="words to be read")
    language: str | None = language_option(default="en")
    inventory: str | None = option(
        default=None,
        choices=("gpt-sovits",),
        help="phonemes of GPT-SoVITS voices, whichever voice is chosen (default: the voice's)",
    )
    dictionary: Path | None = dictionary_option()
    voice: str = voice_option()


COMMAND = Command(
    name="phonemes",
    summary="show the phonemes that a voice gets for a text, and what could not be read",
    description="A word's phonemes can be given in brackets behind it: live[L AY1 V].",
    examples=(
        'vocalese phonemes "stay with me tonight"',
        'vocalese phonemes "我有100块钱。" --language zh --inventory gpt-sovits',
        'vocalese phonemes "重[chong2]庆" --language zh --voice me --json',
    ),
    options=PhonemeOptions,
    run="bridge.commands.phonemes:run",
)
