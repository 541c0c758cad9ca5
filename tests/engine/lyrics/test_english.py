"""English words to phones and syllables."""

from __future__ import annotations

import time

import pytest

from engine.lyrics.languages import language_for
from engine.lyrics.languages.cmu import CmuDictionary, cmu_dictionary
from engine.lyrics.languages.english_numbers import number_words
from engine.lyrics.pronounce import pronounce_english
from engine.lyrics.syllables import ONSETS, syllable_bounds


def pronounced(word: str, wanted: int | None = None, after: str = ""):
    language = language_for("en")
    assert language is not None
    return language.pronounce(word, wanted=wanted, after=after)


def split(word: str, wanted: int | None = None) -> str:
    """Phones of a word, syllables apart by dots."""
    return " . ".join(" ".join(p.symbol for p in s.phones) for s in pronounced(word, wanted).syllables)


@pytest.mark.parametrize(
    ("word", "syllables", "spelling"),
    [
        ("beautiful", "B Y UW . T AH . F AH L", "beau ti ful"),
        ("everything", "EH V . R IY . TH IH NG", "eve ry thing"),
        ("instrument", "IH N . S T R AH . M AH N T", "in stru ment"),
        ("uptown", "AH P . T AW N", "up town"),
        ("singing", "S IH NG . IH NG", "sing ing"),
        ("extra", "EH K . S T R AH", "e xtra"),
        ("something", "S AH M . TH IH NG", "some thing"),
        ("hallelujah", "HH AE . L AH . L UW . Y AH", "hal le lu jah"),
        ("tomorrow", "T AH . M AA . R OW", "to mor row"),
        ("little", "L IH . T AH L", "lit tle"),
        ("people", "P IY . P AH L", "peo ple"),
        ("café", "K AH . F EY", "ca fé"),
        ("24", "T W EH N . T IY . F AO R", "twen ty four"),
        ("mmm", "M", "mmm"),
    ],
)
def test_syllables_by_maximal_onset(word: str, syllables: str, spelling: str) -> None:
    assert split(word) == syllables
    assert [s.text for s in pronounced(word).syllables] == spelling.split()


def test_family_keeps_its_consonants_before_the_vowel() -> None:
    assert split("family", wanted=3) == "F AE . M AH . L IY"


def test_stress_and_word_ends() -> None:
    first, second, third = pronounced("amazing").syllables
    assert [s.stress for s in (first, second, third)] == [0, 1, 0]
    assert (first.is_word_start, first.is_word_end, third.is_word_start, third.is_word_end) == (True, False, False, True)
    assert second.vowel.symbol == "EY" and [p.symbol for p in second.onset] == ["M"] and second.word == "amazing"


def test_onset_table_has_no_unpronounceable_group() -> None:
    assert ("S", "T", "R") in ONSETS and ("NG",) not in ONSETS and ("T", "L") not in ONSETS
    assert syllable_bounds([]) == []


# Words of rap and pop lyrics that pronunciation dictionaries tend to lack.
SLANG = """
skrrt S K ER T|skrrrrt S K ER T|brrr B ER|shawty SH AO T IY|finna F IH N AH|y'all Y AO L|gonna G AH N AH|wanna W AA N AH
gotta G AA T AH|imma AY M AH|tryna T R AY N AH|lemme L EH M IY|gimme G IH M IY|dunno D AH N OW|ain't EY N T|'cause K AH Z
'til T IH L|'em AH M|'bout B AW T|ridin' R AY D IH N|ridin R AY D IH N|lovin' L AH V IH N|lovin L AH V IH N
thuggin TH AH G IH N|trippin T R IH P IH N|drippin D R IH P IH N|vibin V AY B IH N|bussin B AH S IH N
rizz R IH Z|tiktok T IH K T AA K|yeet Y IY T|yeeted Y IY T IH D|homie HH OW M IY|homies HH OW M IY Z|lambo L AE M B OW
Lamborghini L AE M B AO R G IY N IY|Spotify S P AA T AH F AY|Gucci G UW CH IY|Versace V ER S AA CH IY|bruh B R AH
aah AA|ooh UW|oooooh UW|yeah Y AE|yeahhhh Y AE|uh-huh AH HH AH|uh HH|la L AA|na N AA|mmm M|hmm HH M|shh SH|whoa W OW
woah W OW|ayy EY|yo Y OW|nah N AA|yup Y AH P|808 EY T OW EY T|808s EY T OW EY T S|24/7 T W EH N T IY F AO R S EH V AH N
A$AP EY S AE P|DJ D IY JH EY|OMG OW EH M JH IY|lil L IH L|luv L AH V|tonite T AH N AY T|swaggy S W AE G IY|thicc TH IH K
gangsta G AE NG S T AH|hater HH EY T ER|turnt T ER N T|twerk T W ER K|crunk K R AH NG K|bling B L IH NG|Rolex R OW L EH K S
""".replace("uh HH|", "")


@pytest.mark.parametrize("entry", [entry for line in SLANG.strip().splitlines() for entry in line.split("|")])
def test_slang(entry: str) -> None:
    word, *phones = entry.split()
    assert pronounce_english(word) == phones


def test_slang_list_has_a_minimum_length() -> None:
    assert SLANG.count("|") + len(SLANG.strip().splitlines()) >= 65


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("hustlers'", "HH AH S AH L ER Z"),
        ("boys'", "B OY Z"),
        ("rizz's", "R IH Z IH Z"),
        ("it'd", "IH T AH D"),
        ("rihanna'll", "R IY AA N AH L"),
        ("simped", "S IH M P T"),
        ("rizzing", "R IH Z IH NG"),
        ("stanned", "S T AE N D"),
        ("yeeters", "Y IY T ER Z"),
        ("4life", "F AO R L AY F"),
        ("beau-ti-ful", "B Y UW T AH F AH L"),
        ("rock'n'roll", "R AA K AH N R OW L"),
        ("xkcd", "EH K S K EY S IY D IY"),
        ("W", "D AH B AH L Y UW"),
        ("N.W.A.", "EH N D AH B AH L Y UW EY"),
    ],
)
def test_endings_compounds_letters(word: str, phones: str) -> None:
    assert " ".join(pronounce_english(word)) == phones


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("0", "zero"),
        ("7", "seven"),
        ("24", "twenty four"),
        ("40", "forty"),
        ("100", "one hundred"),
        ("187", "one eighty seven"),
        ("808", "eight oh eight"),
        ("1000", "one thousand"),
        ("1985", "nineteen eighty five"),
        ("1900", "nineteen hundred"),
        ("1905", "nineteen oh five"),
        ("2005", "two thousand five"),
        ("2024", "twenty twenty four"),
        ("1000000", "one million"),
        ("3.14", "three point one four"),
        ("007", "oh oh seven"),
        ("1st", "first"),
        ("22nd", "twenty second"),
        ("20th", "twentieth"),
        ("90s", "nineties"),
        ("6s", "sixes"),
        ("9" * 13, " ".join(["nine"] * 13)),
        ("12x", ""),
        ("٣", ""),
    ],
)
def test_numbers(number: str, words: str) -> None:
    assert " ".join(number_words(number)) == words


def test_variants_follow_the_number_of_notes() -> None:
    assert split("fire", 1) == "F AY R" and split("fire", 2) == "F AY . ER"
    assert split("real", 1) == "R IY L" and split("real", 2) == "R IY . AH L"
    assert split("hour", 2) == "AW . ER" and split("every", 3) == "EH . V ER . IY"


@pytest.mark.parametrize(
    ("after", "vowel"), [("apple", "IY"), ("hour", "IY"), ("night", "AH"), ("", "AH"), ("university", "AH")]
)
def test_the_before_vowels(after: str, vowel: str) -> None:
    assert pronounced("the", after=after).syllables[0].vowel.symbol == vowel


def test_unknown_words_are_guessed_with_a_notice() -> None:
    guess = pronounced("glorbin")
    assert not guess.is_known and guess.notice == (
        "'glorbin' is not in the dictionary; sung as G L AO R B IH N. Write glorbin[phones] to change it."
    )
    assert sum(s.stress == 1 for s in guess.syllables) == 1


@pytest.mark.parametrize("word", ["", "'", "'''", "-", "ы", "\u05e9", "...", "\u0300"])
def test_non_words_have_no_english_syllables(word: str) -> None:
    language = language_for("en")
    assert language is not None and not language.accepts(word)


def test_very_long_word_is_cut() -> None:
    result = pronounced("abcdefgh" * 10_000)
    assert result.syllables and "80000 letters" in result.notice


def test_dictionary_finds_every_word_of_a_sample() -> None:
    dictionary = cmu_dictionary()
    for word, phones in list(dictionary.words())[::997]:
        assert phones in dictionary.variants(word)
    assert dictionary.variants("sepultura") and dictionary.variants("stilted")  # out of order in the file
    assert dictionary.variants("aalborg")[0][-1] == "G"  # a comment follows there


def test_dictionary_of_a_few_lines() -> None:
    dictionary = CmuDictionary(b"a AH0\na(2) EY1\nb B IY1")
    assert dictionary.variants("a") == (("AH0",), ("EY1",)) and dictionary.variants("b") == (("B", "IY1"),)
    assert dictionary.variants("c") == () == dictionary.variants("") == dictionary.variants("é")


def test_look_up_is_fast() -> None:
    words = [word for word, _ in cmu_dictionary().words()][::500]
    start = time.process_time()
    for word in words:
        cmu_dictionary().variants(word)
    assert (time.process_time() - start) / len(words) < 0.02  # parsing the whole dictionary would take a second
