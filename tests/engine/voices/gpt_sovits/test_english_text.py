"""English as GPT-SoVITS voices were told it: the normaliser, the dictionary, heteronyms, unknown words."""

from __future__ import annotations

import itertools

import pytest

from engine.voices.gpt_sovits.english_guess import can_guess, word_network
from engine.voices.gpt_sovits.english_text import english_word, heteronyms, read_english
from engine.voices.gpt_sovits.english_written import spelled_out
from engine.voices.gpt_sovits.networks.symbols import MARKS, symbol_table

NEEDS_EXTRA = pytest.mark.skipif(not can_guess(), reason="needs g2p_en and wordsegment (the extra 'en')")


def spoken(text: str) -> str:
    """The phonemes without marks."""
    return " ".join(symbol for symbol in read_english(text).symbols if symbol not in MARKS)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        # numbers
        ("7 of 42", "seven of forty-two"),
        ("100 and 101", "one hundred and one hundred one"),
        ("12345", "twelve thousand, three hundred forty-five"),
        ("8,849 people", "eight thousand, eight hundred forty-nine people"),
        ("1,2,3", "one , two , three"),
        ("0.5", "zero point five"),
        ("12.50", "twelve point five zero"),
        (".25", "point two five"),
        ("2.0.1", "two point zero point one"),
        ("MP3 and B2B", "M P three and B two B"),
        ("-5 degrees", "negative five degrees"),
        # years and decades
        ("1998", "nineteen ninety-eight"),
        ("1905", "nineteen oh five"),
        ("1100", "eleven hundred"),
        ("2000, 2003, 2010", "two thousand , two thousand three , twenty ten"),
        ("the 1990s", "the nineteen nineties"),
        # ordinals and lists
        ("1st 2nd 3rd 21st 50th", "first second third twenty-first fiftieth"),
        ("1. Open it. 2. Close it.", "first, Open it. second, Close it."),
        ("It was 1998. Then", "It was nineteen ninety-eight . Then"),
        # dates and times
        ("12/25/2023", "December twenty-fifth, twenty twenty-three"),
        ("2024-03-15", "twenty twenty-four-three-fifteen"),
        ("24/7", "twenty-four seven"),
        ("14:30", "two thirty P M"),
        ("3:30 PM", "three thirty P M"),
        ("8:05 a.m.", "eight oh five A M"),
        ("12:00", "twelve o'clock P M"),
        ("at 9 am", "at nine A M"),
        # money
        ("$3.50", "three dollars and fifty cents"),
        ("$1", "one dollar"),
        ("$0.99", "ninety-nine cents"),
        ("$5 million", "five million dollars"),
        ("\u00a37.14", "seven pounds and fourteen pence"),
        ("\u20ac20", "twenty euros"),
        ("3\u00a3", "three pounds"),
        # units and fractions
        ("10km/h", "ten kilometers per hour"),
        ("1km", "one kilometer"),
        ("6 ft", "six feet"),
        ("5.5kg", "five point five kilograms"),
        ("25\u00b0C", "twenty-five degrees celsius"),
        ("50min", "fifty minutes"),
        ("12.5%", "twelve point five percent"),
        ("1/2, 3/4, 3/2", "one half , three fourths , three halves"),
        # telephones
        ("555-1234", "five five five, one two three four"),
        ("212-555-0187", "two one two, five five five, zero one eight seven"),
        # abbreviations and initials
        ("Dr. Smith", "doctor Smith"),
        ("on Mulholland Dr. in town", "on Mulholland drive in town"),
        ("St. John", "saint John"),
        ("Mr. Brown, Jr.", "mister Brown, junior"),
        ("e.g. this, i.e. that", "for example this, that is that"),
        ("No. 5 and #1", "number five and number one"),
        ("L.A. is", "L A is"),
        ("GPT and YouTube", "G P T and You Tube"),
        ("GO HOME NOW", "go home now"),
        # addresses and signs
        ("foo@bar.com", "foo at bar dot com"),
        ("www.example.com", "www dot example dot com"),
        ("rock & roll", "rock and roll"),
        ("3 + 4 = 7", "three plus four equals seven"),
        ("Wait - I know", "Wait - I know"),
        ("7 - 3 and x = y", "seven minus three and x equals y"),
        ("a\u00b2 is 5 m\u00b2", "a squared is five meters squared"),
        ("C++", "C plus plus"),
        ("caf\u00e9", "cafe"),
        ("\uff13\u2019s", "three 's"),
    ],
)
def test_written_forms_are_spelled_out(written: str, said: str) -> None:
    assert spelled_out(written)[0] == said


@pytest.mark.parametrize(
    ("sentence", "phones"),
    [
        ("She won't live to see the live show.", "SH IY1 W OW1 N T L IH1 V T UW1 S IY1 DH AH0 L AY1 V SH OW1"),
        ("The wind will wind it.", "DH AH0 W IH1 N D W IH1 L W AY1 N D IH1 T"),
        ("I object to this object.", "AY1 AH0 B JH EH1 K T T UW1 DH IH1 S AA1 B JH EH0 K T"),
        ("They use it; the use is clear.", "DH EY1 Y UW1 Z IH1 T DH AH0 Y UW1 S IH1 Z K L IH1 R"),
        ("Close the door, we are close.", "K L OW1 Z DH AH0 D AO1 R W IY1 AA1 R K L OW1 S"),
        ("The artist records a record.", "DH AH0 AA1 R T IH0 S T R IH0 K AO1 R D Z AH0 R EH1 K ER0 D"),
        ("I will read it. He has read it.", "AY1 W IH1 L R IY1 D IH1 T HH IY1 HH AE1 Z R EH1 D IH1 T"),
        ("Their lives, he lives.", "DH EH1 R L AY1 V Z HH IY1 L IH1 V Z"),
        ("We used to; it is used.", "W IY1 Y UW1 S T T UW1 IH1 T IH1 Z Y UW1 Z D"),
        ("A complex problem, a complex.", "EY1 K AH0 M P L EH1 K S P R AA1 B L AH0 M AH0 K AA1 M P L EH0 K S"),
    ],
)
def test_neighbours_decide_heteronyms(sentence: str, phones: str) -> None:
    assert spoken(sentence) == phones


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("A cat, a dog", "EY1 K AE1 T AH0 D AO1 G"),  # the official reading of a capital A
        ("twentieth", "T W EH1 N T IY0 EH2 TH"),  # the dictionary of the official program
        ("ChatGPT", "CH AE1 T JH IY1 P IY1 T IY1"),
        ("James's", "JH EY1 M Z IH0 Z"),
        ("I'd've", "AY1 D AH0 V"),
        ("text-to-speech", "T EH1 K S T T UW1 S P IY1 CH"),
        ("re-made", "R IY0 M EY1 D"),
        ("xq", "EH1 K S K Y UW1"),
    ],
)
def test_words(text: str, phones: str) -> None:
    assert spoken(text) == phones


@NEEDS_EXTRA
@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("Kubernetes", "K UW1 B ER0 N EH1 T EH1 S"),
        ("Genshin", "JH EH1 N SH IH1 N"),
        ("deepfake", "D IY1 P F EY1 K"),
        ("Kubernetes's", "K UW1 B ER0 N EH1 T EH1 S AH0 Z"),
    ],
)
def test_unknown_words_are_guessed_as_the_official_program_does(word: str, phones: str) -> None:
    assert spoken(word) == phones


@NEEDS_EXTRA
def test_network_gives_phones_for_any_spelling() -> None:
    network = word_network()
    assert network is not None
    table = symbol_table("v2")
    for spelling in ("zzzz", "a" * 48, "q\u00e9\u4f60", ""):
        assert all(phone in table for phone in network.phones_of(spelling))


def test_without_the_extra_unknown_words_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.voices.gpt_sovits.english_text.can_guess", lambda: False)
    monkeypatch.setattr("engine.voices.gpt_sovits.english_text.words_within", lambda word: (word,))
    reading = read_english("Kubernetes is here.")
    assert len(reading.symbols) > 8
    assert any("kubernetes" in notice and "vocalese[en]" in notice for notice in reading.notices)


def test_signs_without_a_reading_are_named_and_the_rest_is_read() -> None:
    reading = read_english("Hello \u2603 world \u4f60.")
    assert "\u2603 \u4f60" in reading.notices[0]
    assert reading.symbols == ("HH", "AH0", "L", "OW1", "W", "ER1", "L", "D", ".")


def test_marks_stand_alone() -> None:
    assert read_english("Yes... no?! Well -- (so).").symbols.count(".") == 2
    marks = [symbol in MARKS for symbol in read_english("Yes... no?! Well -- (so).").symbols]
    assert not any(a and b for a, b in itertools.pairwise(marks))


def test_every_symbol_is_in_the_table() -> None:
    table = symbol_table("v2")
    for heteronym in heteronyms().values():
        assert all(phone in table for phone in (*heteronym.phones, *heteronym.other))
    texts = (
        "",
        " ",
        "'",
        "-",
        "...",
        "''s",
        "a-",
        "-a",
        "1" * 400,
        "$" * 50,
        "@.com",
        "1/0",
        "25:99",
        "99/99/2020",
        "\x00\ud800",
        "x" * 5000,
    )
    for text in texts:
        assert all(symbol in table for symbol in read_english(text).symbols), text


def test_one_word() -> None:
    assert english_word("push") == ("P", "UH1", "SH")
