"""Writes the example songs that come with Vocalese: `python examples/make_examples.py [FOLDER]`.

The MIDI files in `bridge/examples` are made here and nowhere else (a test compares them byte for byte), so that tunes and words can be read
and changed as text. Tunes are traditional and in the public domain; words and arrangements are Vocalese's own, CC0-1.0.

A melody is written as `syllable:pitch,length` with lengths in the song's own unit (`unit_ticks`):

    hum-:A3,2  ming:B3,1    "hum" for two units, then "ming"
    -:C4,1                  the vowel goes on at this pitch (melisma);  +  the next syllable of the word before
    ~1                      a rest of one unit

A rap verse is written on a grid of sixteenths, one bar per line, beats parted by `|`:

    .  rest    _  the syllable before goes on    !word  accent    ^word  accent on a higher pitch
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.score import Curve, Meter, Note, Parameter, Score, TempoChange, TempoMap, Track, write_score

PPQ = 480
SIXTEENTH, EIGHTH, QUARTER, BAR = PPQ // 4, PPQ // 2, PPQ, 4 * PPQ
FOLDER = Path(__file__).parents[1] / "bridge" / "examples"

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def pitch_of(name: str) -> int:
    """`"C4"` (middle C) to 60; `#` and `b` after the letter."""
    step = _STEPS[name[0]] + name.count("#") - name[1:].count("b")
    return 12 * (int(name[1:].strip("#b")) + 1) + step


def melody(text: str, *, start_ticks: int, unit_ticks: int, velocity: int) -> tuple[Note, ...]:
    """Notes of a melody in the notation above, all struck with `velocity`."""
    notes: list[Note] = []
    tick = start_ticks
    for token in text.split():
        if token.startswith("~"):
            tick += round(float(token[1:]) * unit_ticks)
            continue
        lyric, written = token.rsplit(":", 1)
        name, length = written.split(",")
        ticks = round(float(length) * unit_ticks)
        notes.append(Note(tick, ticks, float(pitch_of(name)), velocity, lyric))
        tick += ticks
    return tuple(notes)


def with_accents(notes: Iterable[Note], strong_ticks: int, first_tick: int = 0, by: int = 8) -> tuple[Note, ...]:
    """Notes on every `strong_ticks` from `first_tick` are struck harder."""
    return tuple(
        replace(note, velocity=note.velocity + by) if (note.onset_ticks - first_tick) % strong_ticks == 0 else note
        for note in notes
    )


# ---- a song ----------------------------------------------------------------------------------------------------------

# Greensleeves, England, 16th century: two verses on its first strain, then the second. 6/8, one unit is an eighth.
# Melismas lie on open syllables: a short note has no room for "words" or "ask".
VERSE_1 = """
    The:A3,1 lamps:C4,2 are:D4,1 low,:E4,1.5 -:F#4,.5 the:E4,1 town:D4,2 is:B3,1 grey,:G3,1.5 -:A3,.5
    the:B3,1 ri-:C4,2 ver:A3,1 flow-:A3,1.5 -:G#3,.5 ing:A3,1 dark:B3,2 and:G#3,1 cold,:E3,1.5 ~.5
    and:A3,1 all:C4,2 I:D4,1 see:E4,1.5 -:F#4,.5 and:E4,1 ne-:D4,2 ver:B3,1 say:G3,1.5 -:A3,.5
    is:B3,1 more:C4,1.5 -:B3,.5 than:A3,1 I:G#3,1.5 -:F#3,.5 can:G#3,1 hold.:A3,3.5 ~1.5
"""
VERSE_2 = """
    A:A3,1 train:C4,2 goes:D4,1 hum-:E4,1.5 -:F#4,.5 ming:E4,1 through:D4,2 the:B3,1 rain:G3,1.5 -:A3,.5
    with:B3,1 ma-:C4,2 ny:A3,1 lone-:A3,1.5 -:G#3,.5 ly:A3,1 miles:B3,2 to:G#3,1 go,:E3,1.5 ~.5
    and:A3,1 I:C4,2 will:D4,1 say:E4,1.5 -:F#4,.5 to:E4,1 you:D4,2 a-:B3,1 gain:G3,1.5 -:A3,.5
    the:B3,1 on-:C4,1.5 -:B3,.5 ly:A3,1 thing:G#3,1.5 -:F#3,.5 I:G#3,1 know::A3,4.5 ~1.5
"""
CHORUS = """
    Stay,:G4,3 love,:G4,1.5 -:F#4,.5 and:E4,1 sing:D4,2 it:B3,1 low,:G3,1.5 -:A3,.5 -:B3,1
    all:C4,2 the:A3,1 ri-:A3,1.5 -:G#3,.5 vers:A3,1 find:B3,2 the:G#3,1 sea.:E3,2 ~1
    Stay,:G4,3 love,:G4,1.5 -:F#4,.5 though:E4,1 stars:D4,2 may:B3,1 go,:G3,1.5 -:A3,.5
    and:B3,1 share:C4,1.5 -:B3,.5 the:A3,1 day:G#3,1.5 -:F#3,.5 with:G#3,1 me.:A3,6
"""


def greensleeves() -> Score:
    bar = 6 * EIGHTH
    upbeat = 2 * bar - EIGHTH  # one empty bar, then the upbeat
    first_beat = 2 * bar
    verses = melody(VERSE_1 + VERSE_2, start_ticks=upbeat, unit_ticks=EIGHTH, velocity=84)
    chorus = melody(CHORUS, start_ticks=first_beat + 16 * bar, unit_ticks=EIGHTH, velocity=96)
    notes = with_accents((*verses, *chorus), 3 * EIGHTH)
    last = notes[-1]
    swell = Curve(
        Parameter.EXPRESSION,
        (0, last.onset_ticks, last.onset_ticks + 2 * QUARTER, last.offset_ticks),
        (1.0, 0.92, 1.0, 0.7),
    )
    slower = first_beat + 22 * bar  # the last two bars take their time
    tempo = TempoMap(PPQ, tuple(TempoChange(t, bpm_us(bpm)) for t, bpm in ((0, 76), (slower, 72), (slower + bar, 64))))
    return Score("Stay, Love", PPQ, (Track("Lead", notes, (swell,)),), tempo, (Meter(0, 6, 8),))


# ---- a rap verse -----------------------------------------------------------------------------------------------------

RAP = """
    !Three _ in the   | !morn- ing and the | !mon- i- tors _  | ^hum- ming . .
    !one _ lit- tle   | !loop _ and the    | !low _ end _     | ^drum- ming . a
    !pen _ full of    | !stat- ic and a    | !pock- et full of | ^rhy- thm ev- ery
    !line _ that I    | !hid _ in the      | ^at- tic I will  | !give 'em . .
    no _ !crew _      | no _ !queue _      | no _ !suit _     | in the ^room .
    just a !two bar   | !groove _ and a    | !view _ of the   | ^moon _ so I
    !move _ with the  | !proof _ turn the  | !truth _ to a    | ^tune _ let the
    !roof _ come _    | !loose _ and we    | !lift _ it by    | ^June . . .
    !Talk _ is a      | !spark _ and I     | !make _ it a     | ^fire _ . .
    !stack- ing the _ | !syl- la- bles _   | !tight- er and _ | ^high- er . .
    !wired _ to the   | !chord _ like a    | !bird _ on a     | ^wire _ . .
    !nev- er out of   | !breath _ so I     | !nev- er re- _   | ^tire _ . .
    !put a lit- tle   | !mel- o- dy in     | the !mid- dle of | the !mem- o- ry
    !ev- ery lit- tle | !en- e- my is      | !try- ing to be  | !friends _ with me
    I'm a !voice in   | a !box _ but       | I'm !out on the  | ^town _ so turn
    me !up _ turn     | me !up _ 'cause    | I'm !not com- ing | ^down _ _ .
"""
RAP_PITCH = 52
ACCENT_PITCH, ACCENT_VELOCITY, PLAIN_VELOCITY = 55, 104, 80
# Bars 13 and 14 are about a melody and have one: controller 3 makes the rapper sing there.
SUNG_BARS = (12, 14)
SUNG_PITCHES = {
    12: (52, 52, 54, 55, 57, 57, 55, 54, 54, 55, 54, 52, 52, 54, 52, 50),
    13: (52, 52, 54, 55, 57, 57, 55, 54, 54, 55, 54, 52, 50, 50, 52, 52),
}


@dataclass(frozen=True)
class _Hit:
    """One syllable of the grid."""

    slot: int
    length: int
    word: str
    mark: str


def _hits(grid: str) -> Iterator[_Hit]:
    slots = [token for line in grid.splitlines() for beat in line.split("|") for token in beat.split()]
    if len(slots) % 16:
        raise ValueError(f"The grid has {len(slots)} sixteenths; bars have 16.")
    for slot, token in enumerate(slots):
        if token in (".", "_"):
            continue
        length = 1
        while slot + length < len(slots) and slots[slot + length] == "_":
            length += 1
        mark = token[0] if token[0] in "!^" else ""
        yield _Hit(slot, length, token.removeprefix(mark), mark)


def _rap_notes(grid: str, first_bar: int) -> Iterator[Note]:
    for hit in _hits(grid):
        bar, place = divmod(hit.slot, 16)
        pitch = SUNG_PITCHES[bar][place] if bar in SUNG_PITCHES else ACCENT_PITCH if hit.mark == "^" else RAP_PITCH
        velocity = ACCENT_VELOCITY if hit.mark else PLAIN_VELOCITY
        yield Note(first_bar * BAR + hit.slot * SIXTEENTH, hit.length * SIXTEENTH, float(pitch), velocity, hit.word)


def rap_verse() -> Score:
    first_bar = 1
    sung_from, sung_to = ((first_bar + bar) * BAR for bar in SUNG_BARS)
    strength = Curve(Parameter.PITCH_STRENGTH, (0, sung_from, sung_to), (0.3, 0.85, 0.3), stepped=True)
    track = Track("Rap", tuple(_rap_notes(RAP, first_bar)), (strength,))
    tempo = TempoMap(PPQ, (TempoChange(0, bpm_us(88)),))
    return Score("Monitors Humming", PPQ, (track,), tempo, (Meter(0, 4, 4),))


# ---- two voices ------------------------------------------------------------------------------------------------------

# Frère Jacques, France, 18th century, as a canon: the second voice enters two bars later. One unit is an eighth.
ROUND = """
    {a}:Bb3,2 {b}:C4,2 {c}:D4,2 +:Bb3,1.5 ~.5      {a}:Bb3,2 {b}:C4,2 {c}:D4,2 +:Bb3,1.5 ~.5
    {d}:D4,2 {e}:Eb4,2 {f}:F4,3 ~1                 {d}:D4,2 {e}:Eb4,2 {f}:F4,3 ~1
    {g}:F4,1 {h}:G4,1 {i}:F4,1 {j}:Eb4,1 {k}:D4,2 +:Bb3,1.5 ~.5
    {g}:F4,1 {h}:G4,1 {i}:F4,1 {j}:Eb4,1 {k}:D4,2 +:Bb3,1.5 ~.5
    home:Bb3,2 we:F3,2 row,:Bb3,3 ~1               home:Bb3,2 we:F3,2 row,:Bb3,3 ~1
"""
ROUND_WORDS = (
    "Moon is rising low and slow silver + on the water".split(),
    "Oars are dipping soft and low stars above + and under".split(),
)
# While the second voice ends alone, the first one goes with it in thirds.
CLOSING = "home:D4,2 we:C4,2 row,:D4,3 ~1 home:D4,2 we:C4,2 row.:D4,4"


def canon() -> Score:
    rounds = "".join(ROUND.format(**dict(zip("abcdefghijk", words, strict=True))) for words in ROUND_WORDS)
    closing_bar = 1 + 16
    first = (
        *melody(rounds, start_ticks=BAR, unit_ticks=EIGHTH, velocity=92),
        *melody(CLOSING, start_ticks=closing_bar * BAR, unit_ticks=EIGHTH, velocity=88),
    )
    second = melody(rounds, start_ticks=3 * BAR, unit_ticks=EIGHTH, velocity=84)
    second = (*second[:-1], replace(second[-1], duration_ticks=first[-1].duration_ticks))
    tracks = tuple(Track(name, with_accents(notes, BAR, by=6)) for name, notes in (("First", first), ("Second", second)))
    tempo = TempoMap(PPQ, (TempoChange(0, bpm_us(108)), TempoChange((closing_bar + 1) * BAR, bpm_us(92))))
    return Score("Home We Row", PPQ, tracks, tempo, (Meter(0, 4, 4),))


# ---- another language ------------------------------------------------------------------------------------------------

# Sakura Sakura, Japan, Edo period; words traditional. One unit is a quarter.
SAKURA = """
    さ:E4,1 く:E4,1 ら:F#4,1.75 ~.25    さ:E4,1 く:E4,1 ら:F#4,1.5 ~.5
    や:E4,1 よ:F#4,1 い:G4,1 の:F#4,1     そ:E4,1 ら:F#4,.5 -:E4,.5 わ:C4,1.5 ~.5
    み:B3,1 わ:G3,1 た:B3,1 す:C4,1       か:B3,1 ぎ:B3,.5 -:G3,.5 り:F#3,1.25 ~.75
    か:E4,1 す:F#4,1 み:G4,1 か:F#4,1     く:E4,1 も:F#4,.5 -:E4,.5 か:C4,1.5 ~.5
    に:B3,1 お:G3,1 い:B3,1 ぞ:C4,1       い:B3,1 ず:B3,.5 -:G3,.5 る:F#3,1.25 ~.75
    い:E4,1 ざ:E4,1 や:F#4,1.75 ~.25    い:E4,1 ざ:E4,1 や:F#4,1.5 ~.5
    み:B3,1 に:C4,1 ゆ:F#4,.5 -:E4,.5 か:C4,1 ん:B3,3
"""


def sakura() -> Score:
    notes = with_accents(melody(SAKURA, start_ticks=BAR, unit_ticks=QUARTER, velocity=86), BAR)
    tempo = TempoMap(PPQ, (TempoChange(0, bpm_us(80)), TempoChange(14 * BAR, bpm_us(66))))
    return Score("Sakura Sakura", PPQ, (Track("Lead", notes),), tempo, (Meter(0, 4, 4),))


def bpm_us(bpm: float) -> int:
    """Quarter notes per minute to whole microseconds per quarter note, as MIDI files hold them."""
    return round(60e6 / bpm)


SCORES = {
    "stay-love.mid": greensleeves,
    "monitors-humming.mid": rap_verse,
    "home-we-row.mid": canon,
    "sakura-sakura.mid": sakura,
}


def make_examples(folder: Path) -> None:
    """Write all scores into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, score in SCORES.items():
        write_score(score(), folder / name)


def main(arguments: Sequence[str]) -> None:
    make_examples(Path(arguments[0]) if arguments else FOLDER)


if __name__ == "__main__":
    main(sys.argv[1:])
