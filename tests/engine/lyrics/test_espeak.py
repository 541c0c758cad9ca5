"""Languages that eSpeak NG reads: syllables that can be sung, one library for the process, and doing without it."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from engine.languages import LANGUAGES
from engine.lyrics import lay_lyrics, spread_text, to_english_phones
from engine.lyrics.languages import espeak, ipa, language_for
from engine.lyrics.languages.espeak import EspeakLanguage, respell_latin
from engine.score.types import Note, Track

CODES = [code for code, row in LANGUAGES.items() if row.espeak_voice]
pytestmark = pytest.mark.skipif(
    espeak._library() is None, reason="neither the extra 'languages' nor a system's eSpeak NG is there"
)


def said(code: str, word: str, wanted: int | None = None) -> str:
    language = language_for(code)
    assert language is not None
    return " . ".join(" ".join(p.symbol for p in s.phones) for s in language.pronounce(word, wanted=wanted).syllables)


@pytest.mark.parametrize(
    ("code", "word", "wanted", "phones"),
    [
        ("de", "leise", 2, "l aɪ . z ə"),
        ("de", "lei-se", None, "l aɪ . z ə"),
        ("it", "lu-ce", None, "l u . tʃ e"),
        ("fr", "peut-être", None, "p ø . t ɛ t ʁ"),
        ("fr", "lu-ne", 2, "l y . n ə"),
        ("de", "ewig", 2, "eː . v ɪ ç"),
        ("it", "luce", 2, "l u . tʃ e"),
        ("it", "mio", 2, "m i . o"),
        ("it", "gloria", 2, "ɡ l ɔ . r j a"),
        ("fr", "lune", 1, "l y n"),
        ("fr", "lune", 2, "l y . n ə"),
        ("fr", "nuit", 2, "n y . i"),
        ("fr", "bien", 2, "b i . ɛ̃"),
        ("es", "cielo", 3, "θ i . e . l o"),
        ("la", "dei", 2, "d e . ɪ"),
        ("la", "gloria", 3, "ɡ l ɔ . r i . a"),
    ],
)
def test_as_many_syllables_as_are_written(code: str, word: str, wanted: int | None, phones: str) -> None:
    assert said(code, word, wanted) == phones


@pytest.mark.parametrize("code", CODES)
def test_every_syllable_has_one_vowel_and_english_phones(code: str) -> None:
    for word in ("strasse", "extra", "Monsieur", "gloria", "sprach", "obscur", "l'été", "peut-être", "1984", "XYZ", "pst", "s"):
        syllables = language_for(code).pronounce(word).syllables  # type: ignore[union-attr]
        assert syllables, word
        for syllable in syllables:
            assert sum(ipa.Sound(phone.symbol).is_vowel for phone in syllable.phones) == 1, (word, syllable)
            assert syllable.text and syllable.word == word
            assert to_english_phones(syllable).native == syllable
        assert syllables[0].is_word_start and syllables[-1].is_word_end


@pytest.mark.parametrize("code", CODES)
def test_every_sound_of_the_inventory_has_english_phones(code: str) -> None:
    from engine.lyrics.types import Phone, Syllable

    for symbol in ipa.INVENTORY:
        phones = (Phone(code, symbol), Phone(code, "a")) if not ipa.Sound(symbol).is_vowel else (Phone(code, symbol),)
        assert all(p.language == "en" for p in to_english_phones(Syllable(phones, len(phones) - 1, "")).phones), symbol


def test_scores_in_pieces_sing_each_written_syllable() -> None:
    lyrics = ("lei-", "se", "fle-", "hen")
    notes = tuple(Note(i * 480, 480, 60.0, lyric=lyric) for i, lyric in enumerate(lyrics))
    laid = lay_lyrics(Track("v", notes, language="de"))
    assert [len(note.syllables) for note in laid.notes] == [1, 1, 1, 1] and not laid.notices
    assert [note.syllables[0].vowel.symbol for note in laid.notes] == ["aɪ", "ə", "eː", "ə"]


def test_mapping_of_a_line_to_english_phones() -> None:
    _, laid = spread_text("Ich liebe die schöne Nacht", language="de")
    phones = [" ".join(p.symbol for p in to_english_phones(s).phones) for note in laid.notes for s in note.syllables]
    assert phones == ["IH SH", "L IY", "B AH", "D IY", "SH ER", "N AH", "N AA K T"]


def test_latin_is_read_as_choirs_sing_it() -> None:
    words = "caelum coeli gratia hostia mihi nihil Christe excelsis rex Jesu Kyrie philosophia sanctus"
    spelled = "celum celi grazia ostia michi nichil criste ecscelsis recs iesu chirie filosofia sanctus"
    assert [respell_latin(word) for word in words.split()] == spelled.split()


def test_threads_get_equal_results() -> None:
    words = [("de", "Nacht"), ("fr", "nuit"), ("es", "noche"), ("it", "notte"), ("pt", "noite")] * 20
    library = espeak._library()
    assert library is not None

    def read() -> list[str]:
        return [library._phonemes(LANGUAGES[code].espeak_voice, word) for code, word in words]

    expected = read()
    assert len(set(expected)) == 5
    heard: list[list[str]] = []
    threads = [threading.Thread(target=lambda: heard.append(read())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == [expected] * 4


def test_nothing_is_printed() -> None:
    code = (
        "from engine.lyrics import spread_text\nfor c in ('de', 'fr', 'la', 'ja'): spread_text('Nacht \\0 ø 日 3', language=c)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")


def test_missing_library_gives_one_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak, "_library", lambda: None)
    assert not EspeakLanguage("de", "de").accepts("Nacht")
    _, laid = spread_text("schöne Nacht", language="de")
    notices = [sentence for sentence in laid.notices if "vocalese[languages]" in sentence]
    assert len(notices) == 1 and "German" in notices[0] and "English rules" in notices[0]
    assert {phone.language for note in laid.notes for s in note.syllables for phone in s.phones} == {"en"}


def test_a_data_folder_that_is_too_deep_for_the_library_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    (deep / "phontab").write_bytes(b"")

    class Loader:
        get_data_path = staticmethod(lambda: deep)
        get_library_path = staticmethod(lambda: deep / "x.so")

    monkeypatch.setattr(espeak, "_loader", lambda: Loader)
    monkeypatch.setattr(espeak, "_SYSTEM_LIBRARIES", ("libthat-is-not-there.so",))
    assert espeak._library.__wrapped__() is None


@pytest.mark.parametrize("text", ["", "_ _", "ˈ", "x" * 500, "\u0303", "()", "日本", "a\u0301ˈ_b_(en)_ʘ"])
def test_other_characters_than_ipa_are_left_out(text: str) -> None:
    assert all(sound.symbol in ipa.INVENTORY for sound in ipa.parse(text))
