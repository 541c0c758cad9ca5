"""Compare the phonemes of the GPT-SoVITS front end with those of an official one: python benchmarks/text_frontend.py JSON

The file holds a list per language of {"text", "language", "phones"}. Per list: edits from these phonemes to the expected ones, per
expected phoneme, without punctuation, with and without the sentences that the official program misreads; then every differing sentence, with
both readings.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from engine.errors import VocaleseError
from engine.voices.gpt_sovits.text import read_reference_text

# Punctuation, the marks of Japanese pitch accent, and the space of Korean. In Japanese, UNK is the accent phrase's edge, which the table lacks.
MARKS = frozenset("! ? … , . - [ ] # _ 空".split())
# Where the official front end drops what is written, or says something else, and what is said here.
READ_BETTER = {
    "气温下降到了-5℃。": "below zero and the degrees are said (official: minus five)",
    "3/4的人同意。": "three quarters (official: English three, Chinese four)",
    "第1名和第2名差0.01秒。": "第二名 (official: 第两名)",
    "開放世界的繁體字怎麼讀？": "怎么, me (official: 怎麽, mo)",
    "呢個係咩嚟㗎？": "㗎 is said (official: dropped)",
    "佢係一個good boy嚟㗎。": "㗎 is said (official: dropped)",
    "请播放BTS的歌曲안녕。": "the Korean word is said (official: dropped)",
    "I love 北京 and 上海.": "the Chinese words are said (official: dropped)",
    "1": "one (official: nought point one, from the mark it puts in front)",
    "https://www.bilibili.com": "an address has dots (official: its letters run together)",
    "Dr. Smith lives on 5th Avenue.": "doctor (official: the letters d r)",
    "The wind will wind around the house.": "the verb wind (official: by its tagger, which takes it for the noun)",
    "She won't live to see the live show.": "the adjective live (official: the verb)",
    "Email me at foo@bar.com!": "at and dot are said (official: dropped)",
    "He's 6 ft tall.": "feet (official: the letters f t)",
    "I'd've thought so.": "one word (official: letters)",
}


@dataclass(frozen=True)
class Compared:
    """A sentence with expected and actual phonemes, without punctuation."""

    text: str
    expected: tuple[str, ...]
    read: tuple[str, ...]
    notices: tuple[str, ...]

    @property
    def edits(self) -> int:
        """Return the number of inserted, deleted or changed phonemes."""
        return edit_distance(self.expected, self.read)


def edit_distance(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the least number of insertions, deletions and substitutions."""
    row = list(range(len(second) + 1))
    for i, left in enumerate(first, 1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(second, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return row[-1]


def without_marks(symbols: Sequence[str], *also: str) -> tuple[str, ...]:
    return tuple(symbol for symbol in symbols if symbol not in MARKS and symbol not in also)


def compared(entry: Mapping[str, str]) -> Compared:
    try:
        reading = read_reference_text(entry["text"], entry["language"])
        symbols, notices = reading.symbols, reading.notices
    except VocaleseError as error:
        symbols, notices = (), (str(error),)
    expected = without_marks(entry["phones"].split(), "UNK")
    edges = ("UNK",) if entry["language"] == "ja" else ()
    return Compared(entry["text"], expected, without_marks(symbols, *edges), notices)


def percent_off(sentences: Sequence[Compared]) -> float:
    """Return edits per hundred expected phonemes."""
    return 100 * sum(s.edits for s in sentences) / max(1, sum(len(s.expected) for s in sentences))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("json", type=Path)
    parser.add_argument("--only", nargs="*", help="lists to measure, such as zh yue")
    parser.add_argument("--quiet", action="store_true", help="the percentages alone")
    options = parser.parse_args()
    lists = json.loads(options.json.read_text(encoding="utf-8"))
    for name in options.only or lists:
        sentences = [compared(entry) for entry in lists[name]]
        rest = [s for s in sentences if s.text not in READ_BETTER]
        phonemes = sum(len(s.expected) for s in sentences)
        print(
            f"{name:6} {percent_off(sentences):5.1f} % of {phonemes} phonemes; {percent_off(rest):.1f} % but for what is read better"
        )
        for sentence in sentences if not options.quiet else ():
            if sentence.edits:
                print(f"    {sentence.edits:2}  {sentence.text}")
                print(f"        expected {' '.join(sentence.expected)}")
                print(f"        read     {' '.join(sentence.read)}")
                if sentence.text in READ_BETTER:
                    print(f"        better   {READ_BETTER[sentence.text]}")
                for notice in sentence.notices:
                    print(f"        notice   {notice}")


if __name__ == "__main__":
    main()
