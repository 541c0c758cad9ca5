"""Written syllables: each has a vowel of its own on its own note, in any language and from any pronunciation."""

from __future__ import annotations

import random
from itertools import product
from pathlib import Path

import pytest

from engine.lyrics import NoteKind, Phone, Syllable, SyllableTrack, lay_lyrics, spread_text
from engine.lyrics.text import Notices
from engine.lyrics.tokens import TokenKind, read_tokens
from engine.lyrics.written import Gap, fit_to_pieces, has_weak_ending, vowel_runs
from engine.score import split_lanes
from engine.score.formats.musicxml import read_musicxml
from engine.score.types import Note, Track

BEAT = 480


def laid(*lyrics: str | None, language: str | None = None, gaps: dict[int, int] | None = None) -> SyllableTrack:
    notes, onset = [], 0
    for i, lyric in enumerate(lyrics):
        onset += (gaps or {}).get(i, 0)
        notes.append(Note(onset, BEAT, 60.0, lyric=lyric))
        onset += BEAT
    return lay_lyrics(Track("voice", tuple(notes), language=language), language=language or "en")


def pieces_of(word: str) -> list[str]:
    *first, last = word.split("-")
    return [*(f"{piece}-" for piece in first), last]


def phones(track: SyllableTrack) -> list[str]:
    """The phones on each note, syllables divided by |, or the kind of the note."""
    return [" | ".join(" ".join(p.symbol for p in s.phones) for s in note.syllables) or note.kind.value for note in track.notes]


ENGLISH = [
    ("bless-ed", ["B L EH", "S IH D"]),
    ("crown-ed", ["K R AW", "N IH D"]),
    ("turn-ed", ["T ER", "N IH D"]),
    ("wing-ed", ["W IH NG", "IH D"]),
    ("wing-èd", ["W IH NG", "IH D"]),
    ("look-ed", ["L UH", "K IH D"]),
    ("lov-ed", ["L AH", "V IH D"]),
    ("stopp-ed", ["S T AA", "P IH D"]),
    ("car-ri-ed", ["K AE", "R IY", "IH D"]),
    ("brea-thes", ["B R IY", "DH IH Z"]),
    ("con-tain-eth", ["K AH N", "T EY", "N IH TH"]),
    ("know-est", ["N OW", "IH S T"]),
    ("pray-er", ["P R EY", "ER"]),
    ("pow-er", ["P AW", "ER"]),
    ("fi-re", ["F AY", "ER"]),
    ("hea-ven", ["HH EH", "V AH N"]),
    ("e-ven", ["IY", "V IH N"]),
    ("ev-er-y", ["EH", "V ER", "IY"]),
    ("ev-ery", ["EH V", "R IY"]),
    ("lo-o-ove", ["L AH", "AH", "AH V"]),
    ("Vic-to-ria", ["V IH K", "T AO", "R Y AH"]),
]


@pytest.mark.parametrize(("word", "expected"), ENGLISH)
def test_english_words_in_as_many_syllables_as_are_written(word: str, expected: list[str]) -> None:
    assert phones(laid(*pieces_of(word))) == expected


@pytest.mark.parametrize("word", ["bless-ed", "turn-ed", "pray-er", "know-est", "pow-er"])
def test_hyphens_inside_a_text_show_syllables_too(word: str) -> None:
    _, track = spread_text(word)
    assert phones(track) == dict(ENGLISH)[word]
    assert phones(spread_text("a-bed")[1])[1] == "B EH D"  # a word of its own, no ending


FOREIGN = [
    ("lu-ce", None, ["L UW", "S AH"]),
    ("lu-ce", "it", ["L UW", "S EH"]),
    ("Chri-ste", "la", ["K R IH", "S T EH"]),
    ("Mon-de", "de", ["M AA N", "D AH"]),
    ("Düf-te", None, ["D AH F", "T AH"]),
    ("schwe-re", "de", ["SH W ER", "R AH"]),
    ("rê-ves", None, ["R IY", "V AH Z"]),
    ("va-gue", "fr", ["V EY", "G AH"]),
    ("fé-e", "fr", ["F IY", "AH"]),
    ("com-pté", "fr", ["K AH M P", "T EY"]),
]


@pytest.mark.parametrize(("word", "language", "expected"), FOREIGN)
def test_words_of_languages_read_by_english_rules(word: str, language: str | None, expected: list[str]) -> None:
    if language is not None and laid("la", language=language).language != "en":
        pytest.skip(f"{language} has rules of its own here")
    assert phones(laid(*pieces_of(word), language=language)) == expected


SONGS = {
    "en": "Bless-ed are the wing-ed ones that turn-ed to the pow-er-ful fi-re of pray-er and love-ed",
    "de": "Lei-se fle-hen mei-ne Lie-der durch die Nacht zu dir in den stil-len Hain her-nie-der Lieb-chen komm zu mir",
    "fr": "Les rê-ves se po-sent sur l'on-de va-gue la nuit bru-ne et l'â-me en-chan-té-e des fé-es",
    "it": "Ca-ro mi-o ben cre-di-mi al-men sen-za di te lan-gui-sce il cor la lu-ce del-la not-te",
    "es": "La no-che se-re-na bri-lla so-bre el mar y el vien-to ca-lla en la ri-be-ra",
    "la": "Ky-ri-e e-le-i-son Chri-ste e-le-i-son Glo-ri-a in ex-cel-sis De-o lu-ce-at e-is",
    "pt": "A noi-te des-ce len-ta-men-te so-bre a ci-da-de",
    "zh": "xi-an ni-hao",
    "ja": "sa-ku-ra ki-t-te",
}


@pytest.mark.parametrize(("language", "told"), [*product(SONGS, (True, False))])
def test_each_written_syllable_begins_on_its_note(language: str, told: bool) -> None:
    lyrics = [piece for word in SONGS[language].split() for piece in pieces_of(word)]
    track = laid(*lyrics, language=language if told else None)
    for lyric, note in zip(lyrics, track.notes, strict=True):
        assert note.kind is NoteKind.SING, lyric
        assert all(0 <= s.nucleus < len(s.phones) for s in note.syllables)


def test_usual_pronunciation_with_matching_syllables_is_kept() -> None:
    for word, pieces in (("beautiful", "beau-ti-ful"), ("every", "ev-ery"), ("amazing", "am-az-ing")):
        whole = [s for note in laid(word, *["+"] * pieces.count("-")).notes for s in note.syllables]
        parts = [s for note in laid(*pieces_of(pieces)).notes for s in note.syllables]
        assert parts == whole


PLUS = [
    (["play-", "+", "ing"], ["P L EY", "hold", "IH NG"]),
    (["glow-", "+", "+", "ing", "+"], ["G L OW", "hold", "hold", "IH NG", "hold"]),
    (["bless-", "+", "ed"], ["B L EH", "hold", "S IH D"]),
    (["in-", "credible", "+", "+"], ["IH N", "K R EH", "D AH", "B AH L"]),
    (["in-", "credi-", "+", "ble"], ["IH N", "K R EH", "D AH", "B AH L"]),
    (["in-", "+", "credible"], ["IH N", "hold", "K R EH | D AH | B AH L"]),
    (["playing", "+"], ["P L EY", "IH NG"]),
    (["play", "+"], ["P L EY", "hold"]),
    (["blessed", "+"], ["B L EH S T", "hold"]),
    (["play-", "-", "ing"], ["P L EY", "hold", "IH NG"]),
    (["play[P L EY]-", "+", "ing"], ["P L EY", "hold", "IH NG"]),
    (["beautiful", "+9", "+2"], ["B Y UW", "hold", "T AH | F AH L"]),
]


@pytest.mark.parametrize(("lyrics", "expected"), PLUS)
def test_plus_takes_the_rest_of_its_piece_then_holds(lyrics: list[str], expected: list[str]) -> None:
    assert phones(laid(*lyrics)) == expected


MELISMAS = [
    (["glo-", None, None, "ry"], {2: BEAT}, ["G L AO", "hold", "hold", "R IY"]),
    (["glo-", None, None, "ry"], {2: BEAT // 2}, ["G L AO", "hold", "hold", "R IY"]),
    (["glo-", None, None, None, "ry"], {2: 3 * BEAT, 4: 2 * BEAT}, ["G L AO", "hold", "AO", "hold", "R IY"]),
    (["glo-", "R", None, "ry"], {}, ["G L AO", "rest", "AO", "R IY"]),
    (["glo-", "-", "AP", "ry"], {}, ["G L AO", "hold", "breath", "R IY"]),
    (["A-", *[None] * 30, "men"], {20: 9 * BEAT}, ["EY", *["hold"] * 19, "EY", *["hold"] * 10, "M EH N"]),
    (["beautiful", None, None], {2: 2 * BEAT}, ["B Y UW", "T AH | F AH L", "L AA"]),
    (["glo-", None, None], {2: 2 * BEAT}, ["G L OW", "hold", "L AA"]),
]


@pytest.mark.parametrize(("lyrics", "gaps", "expected"), MELISMAS)
def test_vowel_of_an_unfinished_word_continues_behind_a_rest(lyrics: list[str | None], gaps: dict, expected: list[str]) -> None:
    assert phones(laid(*lyrics, gaps=gaps)) == expected


def made(*syllables: str, language: str = "xx", texts: str = "") -> list[Syllable]:
    """Syllables of phones in a language that nobody else knows; the capital one is the nucleus."""
    result = []
    for text, spelled in zip(texts.split("|"), syllables, strict=True):
        symbols = spelled.split()
        nucleus = next(i for i, symbol in enumerate(symbols) if symbol.isupper())
        result.append(Syllable(tuple(Phone(language, symbol.lower()) for symbol in symbols), nucleus, text, word=texts))
    return result


def said(groups: list[tuple[Syllable, ...]]) -> str:
    return " - ".join(" ".join(p.symbol for s in group for p in s.phones) for group in groups)


def schwa(gap: Gap) -> Phone:
    return Phone("xx", f"{gap.accented}!")


def test_phones_of_any_language_are_divided_by_the_letters() -> None:
    assert said(fit_to_pieces(made("r E v", texts="rêves"), ["rê", "ves"], [1, 1], schwa)) == "r e - v e!"
    assert said(fit_to_pieces(made("l i A n d", texts="liante"), ["lian", "te"], [1, 1], schwa)) == "l i a n - d e!"
    assert said(fit_to_pieces(made("A b", texts="abo"), ["a", "bo"], [1, 1], lambda gap: None)) == "a - b a"
    assert said(fit_to_pieces(made("k A t", "t O", texts="kat|to"), ["ka", "t", "to"], [1, 1, 1], schwa)).count(" - ") == 2


def test_more_syllables_than_pieces_are_dealt_out_so_that_each_piece_has_one() -> None:
    four = made("a A", "b E", "k I", "d O", texts="a|be|ki|do")
    for pieces in (["a", "bekido"], ["abeki", "do"], ["abekid", "o"], ["a", "b", "ekido"], ["abekido", "", ""]):
        groups = fit_to_pieces(four, pieces, [1] * len(pieces), schwa)
        assert len(groups) == len(pieces) and all(groups)
        assert [s.phones for group in groups for s in group] == [s.phones for s in four]


def test_any_division_of_any_word_has_a_vowel_for_each_piece() -> None:
    chooser = random.Random(3)
    words = [
        "strengths",
        "queue",
        "rhythm",
        "psst",
        "aeiou",
        "Straße",
        "œuvre",
        "x",
        "bcdfg",
        "hmm",
        "eeeee",
        "l'été",
        "naïve",
        "w",
    ]
    for word in words:
        for _ in range(40):
            cuts = (
                sorted(chooser.sample(range(1, len(word)), min(len(word) - 1, chooser.randint(0, 3)))) if len(word) > 1 else []
            )
            pieces = [word[a:b] for a, b in zip([0, *cuts], [*cuts, len(word)], strict=True)]
            track = laid(*(f"{piece}-" for piece in pieces[:-1]), pieces[-1])
            assert all(note.kind is NoteKind.SING for note in track.notes), pieces


@pytest.mark.parametrize(
    ("piece", "is_weak"),
    [("be", True), ("ves", True), ("ment", True), ("der", True), ("bel", True), ("sence", False), ("ec", False)],
)
def test_weak_endings(piece: str, is_weak: bool) -> None:
    assert has_weak_ending(piece) is is_weak


def test_vowel_runs_count_syllables_of_a_spelling() -> None:
    assert [vowel_runs(piece) for piece in ("play", "credible", "Mühe", "hm", "")] == [1, 3, 2, 0, 0]


def written_and_sung(path: Path) -> tuple[int, int, list[str]]:
    """Written syllables of a score, how many of them begin on their own note, and the lyrics of the others."""
    score = read_musicxml(path.read_bytes(), title=path.stem)
    written, lost = 0, []
    for track in score.tracks:
        for lane in split_lanes(track, ppq=score.ppq)[0] if track.has_lyrics else ():
            sung = lay_lyrics(lane, language=lane.language or "en", ppq=score.ppq)
            for note, on_note in zip(lane.notes, sung.notes, strict=True):
                words = [token for token in read_tokens(note.lyric, Notices()) or () if token.kind is TokenKind.WORD]
                written += len(words)
                begun = len(on_note.syllables) if on_note.kind is NoteKind.SING else 0
                lost += [f"{path.name}: {note.lyric}"] * max(0, len(words) - begun)
    return written, written - len(lost), lost


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("folder", "files", "least"),
    [
        ("scores_openscore_lieder", "de_*.mxl", 1200),
        ("scores_openscore_lieder", "en_*.mxl", 8500),
        ("scores_openscore_lieder", "fr_*.mxl", 1200),
        ("scores_openscore_lieder", "it_*.mxl", 500),
        ("scores_musicxml_testsuite", "*.xml", 90),
    ],
)
@pytest.mark.slow
def test_all_written_syllables_of_scores_are_sung_on_their_own_note(
    shared_data: Path, folder: str, files: str, least: int
) -> None:
    counts = [written_and_sung(path) for path in sorted((shared_data / folder).glob(files))]
    assert [lyric for _, _, lost in counts for lyric in lost] == []
    assert sum(written for written, _, _ in counts) == sum(sung for _, sung, _ in counts) >= least
