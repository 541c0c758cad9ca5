"""Use a dictionary of your own for names and made-up words: `python own_dictionary.py [TEXT]`."""

import sys
import tempfile
from pathlib import Path

from engine import STARTER_NAME, load_card, read_phonemes, read_user_dictionary, voice_folders

WORDS = """\
# word     phonemes (ARPAbet)
vocalese   V OW1 K AH0 L IY2 Z
Siobhan    SH IH0 V AO1 N
"""


def main(text: str = "Siobhan sings vocalese") -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "words.txt"
        path.write_text(WORDS, encoding="utf-8")
        dictionary = read_user_dictionary(path)
    card = load_card(voice_folders()[STARTER_NAME])
    print("without:", *read_phonemes(text, card).phonemes)
    print("with:   ", *read_phonemes(text, card, dictionary=dictionary).phonemes)


if __name__ == "__main__":
    main(*sys.argv[1:])
