"""`vocalese phonemes`: show the phonemes of a text."""

from __future__ import annotations

import json

from bridge.cli.phonemes import PhonemeOptions
from engine import load_card, read_phonemes, read_user_dictionary

from .common import EXIT_OK, bullet_list, user_voice_folder


def run(options: PhonemeOptions) -> int:
    """Print the phonemes of a text, then notices about them."""
    card = load_card(options.voice, [user_voice_folder()])
    dictionary = read_user_dictionary(options.dictionary) if options.dictionary is not None else None
    told = read_phonemes(
        options.text, card, language=options.language or "en", inventory=options.inventory, dictionary=dictionary
    )
    if options.as_json:
        print(json.dumps({"phonemes": told.phonemes, "notices": told.notices}, ensure_ascii=False))
        return EXIT_OK
    print(" ".join(told.phonemes))
    if told.notices:
        print(bullet_list(told.notices, indent="  "))
    return EXIT_OK
