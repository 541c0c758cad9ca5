"""Print the phonemes of a line in several languages: `python phonemes_of_line.py [TEXT] [LANGUAGE]`."""

import sys

from engine import LANGUAGES, STARTER_NAME, language_name, load_card, read_phonemes, voice_folders

LINES = {"en": "stay with me", "ja": "さくら さくら", "ko": "사랑해요", "zh": "我爱你"}


def main(text: str = "", language: str = "en") -> None:
    card = load_card(voice_folders()[STARTER_NAME])
    for code, line in ({language: text} if text else LINES).items():
        reading = read_phonemes(line, card, language=code)
        print(f"{language_name(code)}: {line} = {' '.join(reading.phonemes)}")
        for notice in reading.notices:
            print(f"  {notice}")
    print(f"Languages: {', '.join(LANGUAGES)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
