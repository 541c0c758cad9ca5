"""MIDI files, healthy and broken, written out byte by byte."""

import random
import struct
from io import BytesIO

import mido
import pytest
from smf_bytes import joined, mtrk, name, off, on, smf, sung, text, varlen

from engine.errors import ScoreError
from engine.score import Curve, Meter, Note, Parameter, Score, TempoChange, TempoMap, Track
from engine.score.formats.midi import read_midi, write_midi
from engine.score.formats.midi_events import MAX_EVENTS


def read(data):
    return read_midi(data, title="song")


def spans(track):
    return [(note.onset_ticks, note.duration_ticks, note.pitch) for note in track.notes]


def lyrics(score):
    return [note.lyric for note in score.tracks[0].notes]


# --- Notes ---


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (("00 90 3C 64", "83 60 80 3C 40"), [(0, 480, 60)]),
        (("00 90 3C 64", "83 60 3C 00", "00 3E 64", "83 60 3E 00"), [(0, 480, 60), (480, 480, 62)]),  # running status
        (("00 90 3C 64", "00 FF 01 01 61", "60 3C 00"), [(0, 96, 60)]),  # running status goes on after a meta event
        (("00 90 3C 64", "00 3C 64", "60 3C 00", "60 3C 00"), [(0, 96, 60), (0, 192, 60)]),  # twice the same key
        ((on(0, 60), on(240, 60), off(240, 60), off(240, 60)), [(0, 480, 60), (240, 480, 60)]),  # overlapping, one key
        ((on(0, 60), on(480, 60), off(0, 60), off(480, 60)), [(0, 480, 60), (480, 480, 60)]),  # struck before released
        ((on(0, 60), off(0, 60)), [(0, 1, 60)]),  # no length
        ((off(0, 60), on(0, 62), off(480, 62)), [(0, 480, 62)]),  # a release without a note
        ((on(0, 60), on(480, 62), off(480, 62)), [(0, 960, 60), (480, 480, 62)]),  # never released
        ((on(0, 60), on(480, 60), off(480, 60)), [(0, 480, 60), (480, 480, 60)]),  # released once of twice
        ((on(0, 60), on(0, 64), "60 B0 7B 00"), [(0, 96, 60), (0, 96, 64)]),  # all notes off
        (("00 F0 03 01 02 F7", on(0, 60), off(96, 60)), [(0, 96, 60)]),  # system exclusive
        (("00 F8", on(0, 60), "10 F2 01 02", off(80, 60)), [(0, 96, 60)]),  # live-only events have no place here
    ],
)
def test_notes(events, expected):
    assert spans(read(smf(mtrk(*events))).tracks[0]) == expected


def test_velocity_is_kept():
    assert read(smf(mtrk(on(0, 60, velocity=17), off(1, 60)))).tracks[0].notes[0].velocity == 17


@pytest.mark.parametrize(
    ("events", "notice"),
    [
        ((on(0, 60), off(0, 60)), "had no length"),
        ((on(0, 60),), "was never released"),
        ((on(0, 60), off(1, 60), off(0, 60)), "without being struck"),
        (("60 60", on(0, 60), off(1, 60)), "belong to no event"),
        (("00 F8", on(0, 60), off(1, 60)), "do not belong in a file"),
        (("00 90 BC 64", off(1, 60)), "above 127"),
        ((on(0, 60), off(1, 60), "00 B0 0A 40"), "does not use were left out: 10"),
        ((on(0, 60), off(1, 60), "00 FF 51 03 00 00 00"), "without a tempo"),
        ((on(0, 60), off(1, 60), "00 FF 58 04 00 02 18 08"), "time signature"),
        ((on(0, 60), off(1, 60), "00 E1 00 00"), "belongs to no notes"),
        ((), "holds no notes"),
    ],
)
def test_repairs_are_reported(events, notice):
    assert any(notice in line for line in read(smf(mtrk(*events))).notices)


def test_a_healthy_file_has_no_notices():
    assert read(smf(mtrk(name("Vox"), sung("la", "la")))).notices == ()


# --- Files, chunks, time ---


def test_channels_of_one_track_become_tracks():
    events = (name("Band"), on(0, 60), on(0, 40, channel=2), on(0, 36, channel=9), off(9, 60), off(0, 40, 2), off(0, 36, 9))
    tracks = read(smf(mtrk(*events), file_format=0)).tracks
    assert [track.name for track in tracks] == ["Band (channel 1)", "Band (channel 3)", "Band (channel 10)"]
    assert [track.is_drums for track in tracks] == [False, False, True]


def test_names_of_tracks():
    instrument = text(0, "Oboe", kind=0x04)
    score = read(smf(mtrk(name("Vox\0"), sung(None)), mtrk(instrument, sung(None)), mtrk(sung(None)), mtrk(name("conductor"))))
    assert [track.name for track in score.tracks] == ["Vox", "Oboe", "Track 3"]


def test_tempo_and_meter_of_any_track():
    first = mtrk("00 FF 51 03 07 A1 20", "00 FF 58 04 03 03 18 08")  # 120 bpm, 3/8
    second = mtrk("83 60 FF 51 03 0F 42 40", sung(None))  # 60 bpm from tick 480
    score = read(smf(first, second))
    assert score.tempo_map.changes == (TempoChange(0, 500_000), TempoChange(480, 1_000_000))
    assert score.meters == (Meter(0, 3, 8),)


@pytest.mark.parametrize(
    ("division", "ticks_per_s"),
    [(0xE728, 1000), (0xE878, 24 * 120), (0xE250, 2400), (0xE364, 100 * 30_000 / 1_001)],  # 25, 24, 30 and 29.97 frames
)
def test_smpte_time(division, ticks_per_s):
    tempo = "00 FF 51 03 07 A1 20"
    score = read(smf(mtrk(tempo, on(0, 60), off(5000, 60)), division=division))
    assert score.tempo_map.seconds_at(5000) == pytest.approx(5000 / ticks_per_s)
    assert any("SMPTE" in notice for notice in score.notices)


@pytest.mark.parametrize("division", [0, 0xE700])
def test_impossible_division_becomes_480(division):
    assert read(smf(mtrk(sung(None)), division=division)).ppq == 480


def test_format_2_patterns_follow_one_another():
    score = read(smf(mtrk(sung("one")), mtrk(sung("two")), file_format=2))
    assert [spans(track) for track in score.tracks] == [[(0, 480, 60)], [(480, 480, 60)]]
    assert any("format 2" in notice for notice in score.notices)


TWO_TRACKS = (mtrk(name("a"), sung("la", "la")), mtrk(name("b"), sung(None)))


def with_length(track, length):
    return track[:4] + struct.pack(">I", length) + track[8:]


@pytest.mark.parametrize(
    "data",
    [
        smf(with_length(TWO_TRACKS[0], 3), TWO_TRACKS[1]),
        smf(with_length(TWO_TRACKS[0], 0), TWO_TRACKS[1]),
        smf(with_length(TWO_TRACKS[0], 0xFFFFFFFF), TWO_TRACKS[1]),
        smf(with_length(TWO_TRACKS[0], len(TWO_TRACKS[0]) - 8 + len(TWO_TRACKS[1])), TWO_TRACKS[1]),  # swallows the second
        smf(mtrk(name("a"), sung("la", "la"), end=False), TWO_TRACKS[1]),
        smf(TWO_TRACKS[0], b"XFIH\0\0\0\2ab", TWO_TRACKS[1]),  # a chunk of somebody's own
        smf(TWO_TRACKS[0], b"\0\0\0", TWO_TRACKS[1]),  # padding
        smf(*TWO_TRACKS) + b"\0" * 50,
        b"RIFF\xff\0\0\0RMIDdata\xf0\0\0\0" + smf(*TWO_TRACKS),
        b"\0" * 128 + smf(*TWO_TRACKS),  # MacBinary
    ],
)
def test_damaged_chunks_lose_nothing(data):
    score = read(data)
    assert [(track.name, len(track.notes)) for track in score.tracks] == [("a", 2), ("b", 1)]
    assert lyrics(score) == ["la", "la"]


def test_truncated_files_keep_their_contents():
    whole = smf(mtrk(sung(*["la"] * 10)))
    score = read(whole[: len(whole) // 2])
    assert 3 <= len(score.tracks[0].notes) <= 5
    assert any("is cut off" in notice for notice in score.notices)


def test_longer_than_a_day_is_damage():
    score = read(smf(mtrk(sung("la"), on(0x0FFFFFFF, 62), off(10, 62))))
    assert spans(score.tracks[0]) == [(0, 480, 60)]
    assert any("24 hours" in notice for notice in score.notices)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no MThd"),
        (b"hello", "no MThd"),
        (b"MThd\0\0\0\6\0", "inside its header"),
        (smf(*[mtrk()] * 3000), "chunks"),
        (smf(mtrk("00 90 3C 64", b"\0\x3c\x40" * (MAX_EVENTS + 1))), "events"),
    ],
)
def test_refused(data, says):
    with pytest.raises(ScoreError, match=says):
        read(data)


# --- Controllers ---


def curve(data, parameter):
    found = read(data).tracks[0].curve(parameter)
    return dict(zip(found.ticks, found.values, strict=True))


RANGE_12 = "00 B0 65 00 00 64 00 00 06 0C 00 26 00"  # registered parameter 0 (bend range) = 12 semitones, 0 cents


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (("00 E0 00 40",), {0: 0}),
        (("00 E0 00 60", "10 E0 00 00"), {0: 100, 16: -200}),  # 2 semitones by default
        ((RANGE_12, "00 E0 00 60"), {0: 600}),
        (("00 B0 65 00 00 64 00 00 06 01 00 26 32", "00 E0 00 00"), {0: -150}),  # coarse and fine
        ((RANGE_12, "00 B0 65 7F 00 64 7F 00 06 02", "00 E0 00 60"), {0: 600}),  # the null parameter takes no data
        ((RANGE_12, "00 B0 63 00 00 62 00 00 06 02", "00 E0 00 60"), {0: 600}),  # neither does an unregistered one
        (("00 E0 00 60", "10" + RANGE_12[2:]), {0: 100, 16: 600}),  # a new range bends what is bent
        (("00 E0 00 60", "10 B0 79 00"), {0: 100, 16: 0}),  # reset all controllers
    ],
)
def test_bend(events, expected):
    assert curve(smf(mtrk(*events, sung(None))), Parameter.BEND_CENTS) == expected


@pytest.mark.parametrize(
    ("controller", "parameter"),
    [
        (1, Parameter.MODULATION),
        (2, Parameter.BREATH),
        (3, Parameter.PITCH_STRENGTH),
        (7, Parameter.VOLUME),
        (11, Parameter.EXPRESSION),
        (18, Parameter.GROWL),
        (64, Parameter.SUSTAIN),
        (70, Parameter.COLOUR),
        (74, Parameter.BRIGHTNESS),
    ],
)
def test_controllers(controller, parameter):
    events = (bytes((0, 0xB0, controller, 0)), bytes((10, controller, 127)))
    assert curve(smf(mtrk(*events, sung(None))), parameter) == {0: 0.0, 10: 1.0}


def test_brightness_64_is_neutral():
    assert curve(smf(mtrk("00 B0 4A 40", sung(None))), Parameter.BRIGHTNESS) == {0: 0.5}


def test_a_long_attack_time_is_a_soft_attack():
    events = ("00 B0 49 00", "10 49 40", "10 49 7F")
    assert curve(smf(mtrk(*events, sung(None))), Parameter.ATTACK) == {0: 1.0, 16: 0.0, 32: -1.0}


def test_pressure_of_channel_and_key():
    assert curve(smf(mtrk("00 D0 7F", sung(None))), Parameter.PRESSURE) == {0: 1.0}
    keyed = smf(mtrk(on(0, 60), "10 A0 3C 7F", off(10, 60)))
    assert curve(keyed, Parameter.PRESSURE) == {16: 1.0, 26: 0.0}  # the key's release ends it


def test_controllers_on_a_track_of_their_own():
    score = read(smf(mtrk("00 B0 0B 7F"), mtrk(sung(None)), mtrk("00 B0 0B 00", sung(None))))
    assert [track.curve(Parameter.EXPRESSION).values for track in score.tracks] == [(1.0,), (0.0,)]


# --- Lyrics ---


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["ti-", "me", "la"], ["ti-", "me", "la"]),  # hyphens
        (["twin", "-kle", "star"], ["twin-", "kle", "star"]),  # hyphens on the other side
        ([" Twin", "kle", " lit", "tle", " star"], ["Twin-", "kle", "lit-", "tle", "star"]),  # karaoke
        (["Twin", "kle ", "lit", "tle ", "star\r"], ["Twin-", "kle", "lit-", "tle", "star"]),  # spaces after words
        (["\\Twin", "kle", " star", "/How", " I"], ["Twin-", "kle", "star", "How", "I"]),  # paragraph and line marks
        (["Twin- ", "kle ", "star "], ["Twin-", "kle", "star"]),
        (["hello", "big", "wide", "world"], ["hello", "big", "wide", "world"]),  # whole words
        (["one", " two", *["la"] * 20], ["one", "two", *["la"] * 20]),  # a stray space is no convention
        ([" lo", "-", "ver", " boy"], ["lo-", "-", "ver", "boy"]),  # a hold inside a word
        (["love", "+~", "ー", "_", "__", "+*", "-"], ["love", "-", "-", "-", "-", "-", "-"]),
        (["beau", "+", "+2", "love_"], ["beau", "+", "+2", "love"]),
        (["AP", "word[w er d]", "[w er d]", "'oh", "br", "R"], ["AP", "word[w er d]", "[w er d]", "'oh", "br", "R"]),
        ([" あ", "い", " し", "て"], ["あ", "い", "し", "て"]),  # one kana is one syllable, never part of a word
        ([" 사", "랑", " 해"], ["사-", "랑", "해"]),
        ([" it's", " a-", "way,", " now!"], ["it's", "a-", "way,", "now!"]),
        (["{@JP}", "la"], [None, "la"]),
    ],
)
def test_lyric_conventions(written, expected):
    assert lyrics(read(smf(mtrk(sung(*written))))) == expected


@pytest.mark.parametrize(
    ("written", "charset"),
    [
        ("愛してる 夢の中へ", "utf-8"),
        ("あいしてる ゆめの 中で 会いましょう", "shift-jis"),
        ("アイシテル セカイ", "shift-jis"),
        ("月亮 代表 我的 心 你问我 爱你 有多深", "gbk"),
        ("사랑 해요 그대 만을 영원히", "euc-kr"),
        ("café où étais-tu mon âme", "latin-1"),
        ("Mädchen über schöne Straße", "latin-1"),
        ("corazón mañana niño", "latin-1"),
        ("été", "latin-1"),
    ],
)
def test_charsets(written, charset):
    words = written.split()
    assert lyrics(read(smf(mtrk(sung(*(word.encode(charset) for word in words)))))) == words


@pytest.mark.parametrize(
    ("tag", "payload", "expected"),
    [("{@JP}", b"\xb1\xb2\xb3\xb4", "ｱｲｳｴ"), ("{@LATIN}", b"\xc9\xe9\xc9\xe9", "ÉéÉé")],
)
def test_charset_tags(tag, payload, expected):
    assert lyrics(read(smf(mtrk(text(0, tag), sung(payload))))) == [expected]


def test_a_karaoke_file():
    headers = [text(0, line, kind=1) for line in ("@KMIDI KARAOKE FILE", "@LENGL", "@TSong", "@TWriter")]
    words = [text(delta, word, kind=1) for delta, word in ((0, "\\Twin"), (480, "kle"), (480, " star"), (480, "/how"))]
    score = read(smf(mtrk(*headers), mtrk(name("Words"), *words), mtrk(name("Melody"), sung(*[None] * 4))))
    assert lyrics(score) == ["Twin-", "kle", "star", "how"]
    assert score.tracks[0].language == "en"


def test_the_same_words_as_lyrics_and_as_texts_are_sung_once():
    both = [joined(text(0, w), text(0, w, kind=1), on(0, 60), off(480, 60)) for w in (" a", " b", " c", " d", " e")]
    score = read(smf(mtrk(*both)))
    assert lyrics(score) == ["a", "b", "c", "d", "e"]
    assert score.notices == ()


def test_remarks_are_no_lyrics():
    score = read(smf(mtrk(text(0, "Made with a sequencer", kind=1), text(0, "2024", kind=1), sung(None, None))))
    assert lyrics(score) == [None, None]
    assert score.notices == ()


def test_chord_names_are_no_lyrics():
    assert lyrics(read(smf(mtrk(sung("C", "Am", "F#m7", "G7/B", "Bbmaj7", "Dsus4", kind=1))))) == [None] * 6


def test_words_as_plain_text_events_are_sung():
    assert lyrics(read(smf(mtrk(sung("hel-", "lo", "big", "world", kind=1))))) == ["hel-", "lo", "big", "world"]


def test_of_doubled_lines_the_one_named_like_a_voice_gets_the_words():
    words = mtrk(*[text(480 if i else 0, "la") for i in range(4)])
    score = read(smf(words, mtrk(name("Flute"), sung(*[None] * 4)), mtrk(name("Lead Vocal"), sung(*[None] * 4))))
    assert [track.name for track in score.tracks if track.has_lyrics] == ["Lead Vocal"]


def test_lyrics_on_another_track_go_to_the_notes_that_fit():
    words = mtrk(*[text(480 if i else 0, "la") for i in range(4)])
    bass = mtrk(name("Bass"), *[on(0, 40) + off(960, 40) for _ in range(2)])
    busy = mtrk(name("Arpeggio"), *[on(0, 70) + off(60, 70) for _ in range(32)])
    drums = mtrk(name("Drums"), sung(*[None] * 4, channel=9))
    melody = mtrk(name("Vox"), sung(*[None] * 4))
    score = read(smf(words, bass, busy, drums, melody))
    assert [track.name for track in score.tracks if track.has_lyrics] == ["Vox"]
    assert [note.lyric for note in score.tracks[-1].notes] == ["la"] * 4


def test_lyrics_in_a_format_0_file_find_their_channel():
    events = [
        joined(
            text(0, "la"), on(0, 72), on(0, 40, channel=1), off(240, 40, 1), on(0, 41, channel=1), off(240, 41, 1), off(0, 72)
        )
        for _ in range(4)
    ]
    score = read(smf(mtrk(*events), file_format=0))
    assert [track.has_lyrics for track in score.tracks] == [True, False]


def test_lyrics_beside_their_notes_go_to_the_nearest():
    events = joined(text(0, "a"), on(5, 60), off(475, 60), on(0, 60), text(7, "b"), off(473, 60))
    score = read(smf(mtrk(events)))
    assert lyrics(score) == ["a", "b"]


RHYTHM = (480, 240, 240, 960, 480, 720, 240, 480)
TUNE = ("keep", "the", "lan-", "terns", "burn-", "ing", "bright", "now")


def moved_words(shift: int, lengths=RHYTHM, words=TUNE, lead=1920) -> bytes:
    """A tune after a bar of rest whose words all come `shift` ticks after their notes (before them if negative)."""
    events, tick = [], lead
    for word, length in zip(words, lengths, strict=True):
        events += [(tick + shift, 0, text, word), (tick, 1, on, 60), (tick + length, -1, off, 60)]
        tick += length
    body, now = b"", 0
    for at, _, write, value in sorted(events, key=lambda event: event[:2]):
        body += write(at - now, value)
        now = at
    return smf(mtrk(body))


@pytest.mark.parametrize("shift", [-1920, -960, -480, -240, -150, 150, 240, 480, 1000])
def test_shifted_words_are_moved_with_a_notice(shift):
    score = read(moved_words(shift))
    assert lyrics(score) == list(TUNE)
    said = [notice for notice in score.notices if "were moved onto them" in notice]
    assert len(said) == 1 and (" before " in said[0]) == (shift < 0)


@pytest.mark.parametrize("shift", [-480, -240, 240])
def test_words_early_or_late_in_a_row_of_equal_notes(shift):
    score = read(moved_words(shift, lengths=(480,) * 8))
    assert lyrics(score) == list(TUNE)


@pytest.mark.parametrize("shift", [-70, -80, 70])
def test_words_beside_quick_notes_go_to_their_own(shift):
    assert lyrics(read(moved_words(shift, lengths=(120,) * 8))) == list(TUNE)


def test_words_on_their_notes_are_not_moved():
    for lengths in (RHYTHM, (480,) * 8):
        score = read(moved_words(0, lengths))
        assert lyrics(score) == list(TUNE) and not score.notices
    loose = [
        joined(text(0, w), on(shift, 60), off(480 - shift, 60)) for w, shift in zip(TUNE, (0, 20, 45, 10) * 2, strict=True)
    ]
    assert lyrics(read(smf(mtrk(*loose)))) == list(TUNE)


def test_a_word_between_notes_is_not_lost():
    def on_long_note(*more):
        return smf(mtrk(text(0, "bless-"), on(0, 60), text(480, "ed"), off(480, 60), *more))

    assert lyrics(read(on_long_note())) == ["bless- ed"]  # both over the note
    assert lyrics(read(on_long_note(on(0, 62), off(480, 62)))) == ["bless-", "ed"]  # the next note is free and near
    taken = on_long_note(text(0, "are"), on(0, 62), off(480, 62))
    assert lyrics(read(taken)) == ["bless- ed", "are"]
    in_rest = smf(mtrk(text(0, "oh"), on(0, 60), off(480, 60), text(480, "my"), on(960, 62), off(480, 62)))
    assert lyrics(read(in_rest)) == ["oh", "my"]


@pytest.mark.parametrize("label", ["A", "B2", "12", "[Chorus]", "Verse 1", "Pre-Chorus:", "(Bridge)", "F#m7"])
def test_a_mark_on_the_tick_of_a_word_is_not_sung(label):
    for first, second in ((label, "keep"), ("keep", label)):
        data = smf(mtrk(text(0, first), text(0, second), on(0, 60), off(480, 60), sung("the", "light")))
        assert lyrics(read(data)) == ["keep", "the", "light"]


def test_a_letter_or_number_alone_is_a_word():
    assert lyrics(read(smf(mtrk(sung("A", "light", "99", "I"))))) == ["A", "light", "99", "I"]


def test_lyrics_far_from_any_note_are_reported():
    score = read(smf(mtrk(sung("a", "b"), text(4800, "lost"))))
    assert lyrics(score) == ["a", "b"]
    assert any('"lost"' in notice for notice in score.notices)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("oh", "yeah", "oh yeah"), ("oh", "oh", "oh"), ("a-", "way", "away"), ("\\", "oh", "oh")],
)
def test_two_lyrics_on_one_tick(first, second, expected):
    score = read(smf(mtrk(text(0, first), sung(second))))
    assert lyrics(score) == [expected]
    assert any("joined" in notice for notice in score.notices) == (first in ("oh", "a-") and second != first)


def test_a_chord_has_its_words_on_the_top_note():
    score = read(smf(mtrk(text(0, "oh"), on(0, 60), on(0, 64), off(480, 60), off(0, 64))))
    assert lyrics(score) == [None, "oh"]


# --- Writing ---


def song(*tracks, ppq=480, changes=(), meters=()):
    return Score("song", ppq, tracks, TempoMap(ppq, changes), meters)


WORDS = ("ti-", "me", "*oh*", "-", "+", "AP", "你", "word[w er d]", "'oh", "été", None, "l'a mour")
VOX = Track(
    "Vöx",
    tuple(Note(i * 240, 200 + i, 60.0 + i, 90 + i, word) for i, word in enumerate(WORDS)),
    (
        Curve(Parameter.BEND_CENTS, (0, 7, 960), (0.0, 1199.0, -700.0), stepped=True),
        Curve(Parameter.BRIGHTNESS, (0, 240), (0.5, 1.0), stepped=True),
        Curve(Parameter.EXPRESSION, (100,), (1.0,), stepped=True),
        Curve(Parameter.ATTACK, (0, 20, 30), (-1.0, 0.0, 0.5), stepped=True),
        Curve(Parameter.COLOUR, (0, 20), (0.0, 1.0), stepped=True),
        Curve(Parameter.PRESSURE, (5,), (0.0,), stepped=True),
    ),
)


def test_round_trip():
    drums = Track("Kit", (Note(0, 10, 36.0), Note(10, 10, 36.0)), is_drums=True)
    score = song(
        VOX, drums, changes=(TempoChange(0, 480_000), TempoChange(960, 612_345)), meters=(Meter(0, 6, 8), Meter(2880, 7, 4))
    )
    back = read(write_midi(score))
    assert back.notices == ()
    assert (back.ppq, back.tempo_map, back.meters) == (score.ppq, score.tempo_map, score.meters)
    assert [track.name for track in back.tracks] == ["Vöx", "Kit"]
    assert [track.notes for track in back.tracks] == [VOX.notes, drums.notes]
    assert back.tracks[1].is_drums
    for written in VOX.curves:
        found = back.tracks[0].curve(written.parameter)
        assert found.ticks == written.ticks
        assert found.values == pytest.approx(written.values, abs=1200 / 8192 / 2 if written.parameter == "bend_cents" else 1e-9)
    assert write_midi(back) == write_midi(read(write_midi(back)))


@pytest.mark.parametrize("controller", [1, 2, 3, 7, 11, 64, 74])
def test_every_controller_value_round_trips(controller):
    events = b"".join(bytes((1, 0xB0, controller, value)) for value in range(128))
    track = read(smf(mtrk(events, sung(None)))).tracks[0]
    assert len(track.curves[0].ticks) == 128
    assert read(write_midi(song(track))).tracks[0].curves == track.curves


def test_an_independent_reader_agrees():
    midi_file = mido.MidiFile(file=BytesIO(write_midi(song(VOX, ppq=960))), charset="utf-8")
    assert midi_file.ticks_per_beat == 960
    tick = 0
    seen = []
    for message in midi_file.tracks[1]:
        tick += message.time
        if message.type == "lyrics":
            seen.append((tick, message.text))
        elif message.type in ("note_on", "note_off"):
            seen.append((tick, message.type, message.note))
    words = [(note.onset_ticks, note.lyric) for note in VOX.notes if note.lyric]
    strikes = [(note.onset_ticks, "note_on", int(note.pitch)) for note in VOX.notes]
    releases = [(note.offset_ticks, "note_off", int(note.pitch)) for note in VOX.notes]
    assert sorted(seen, key=repr) == sorted([*words, *strikes, *releases], key=repr)


@pytest.mark.parametrize("seed", range(20))
def test_random_scores_round_trip(seed):
    rng = random.Random(seed)
    ppq = rng.choice((24, 480, 960, 32_767))
    notes = []
    for pitch in range(40, 80, rng.randint(1, 9)):  # many voices, each key struck again and again
        tick = 0
        for _ in range(rng.randint(1, 30)):
            tick += rng.randint(0, 3 * ppq)
            notes.append(Note(tick, rng.randint(1, 2 * ppq), float(pitch), rng.randint(1, 127)))
            tick = notes[-1].offset_ticks
    notes.sort(key=lambda note: (note.onset_ticks, note.pitch))
    ticks = sorted(rng.sample(range(10_000), 50))
    bend = Curve(Parameter.BEND_CENTS, tuple(ticks), tuple(rng.uniform(-200, 199) for _ in ticks), stepped=True)
    changes = tuple(TempoChange(tick, rng.randint(100_000, 2_000_000)) for tick in (0, *ticks[1:5]))
    score = song(Track("Vox", tuple(notes), (bend,)), ppq=ppq, changes=changes)
    back = read(write_midi(score))
    assert back.tracks[0].notes == score.tracks[0].notes
    assert back.tempo_map == score.tempo_map
    assert back.tracks[0].curves[0].ticks == bend.ticks
    assert back.tracks[0].curves[0].values == pytest.approx(bend.values, abs=200 / 8192 / 2 + 1e-9)
    assert read(write_midi(back)) == back


def test_spaces_round_words_do_not_make_a_karaoke_file():
    track = Track("Vox", tuple(Note(i * 480, 480, 60.0, lyric=word) for i, word in enumerate((" a", " b", "c", "d"))))
    assert lyrics(read(write_midi(song(track)))) == ["a", "b", "c", "d"]


def test_quarter_tones_are_bent():
    track = Track("Vox", (Note(0, 480, 60.5), Note(480, 480, 61.0)))
    back = read(write_midi(song(track))).tracks[0]
    assert [
        note.pitch * 100 + cents for note, cents in zip(back.notes, back.curve(Parameter.BEND_CENTS).values, strict=True)
    ] == pytest.approx([6050, 6100])


def test_sloping_lines_become_fine_stairs():
    slope = Curve(Parameter.BEND_CENTS, (480, 960), (0.0, 200.0))
    track = Track("Vox", (Note(0, 960, 60.0),), (slope,))
    back = read(write_midi(song(track))).tracks[0].curve(Parameter.BEND_CENTS)
    assert len(back.ticks) > 90
    assert all(
        value == pytest.approx(max(0, (tick - 480) / 480 * 200), abs=0.05)
        for tick, value in zip(back.ticks, back.values, strict=True)
    )


def test_long_silences_and_fine_resolutions():
    far = 2**29
    back = read(write_midi(song(Track("Vox", (Note(far, 480, 60.0, lyric="la"),)), ppq=32_767)))
    assert back.tracks[0].notes[0].onset_ticks == far
    fine = read(write_midi(song(Track("Vox", (Note(100_000, 50_000, 60.0),)), ppq=100_000)))
    assert (fine.ppq, spans(fine.tracks[0])) == (15_360, [(15_360, 7_680, 60.0)])


def test_contents_without_midi_message_are_logged(caplog):
    track = Track("Vox", (Note(0, 480, 60.0),), (Curve(Parameter.VOICING, (0,), (0.5,)),))
    assert read(write_midi(song(track))).tracks[0].curves == ()
    assert "voicing" in caplog.text


def test_accents_are_logged_and_marked_words_are_kept(caplog):
    notes = (Note(0, 480, 60.0, lyric="*oh*"), Note(480, 480, 60.0, lyric="*a*-", is_accented=True))
    back = read(write_midi(song(Track("Vox", notes))))
    assert lyrics(back) == ["*oh*", "*a*-"] and not any(note.is_accented for note in back.tracks[0].notes)
    assert "accents; those of 1 notes" in caplog.text


def test_pitches_outside_midi_are_refused():
    with pytest.raises(ScoreError, match="Transpose"):
        write_midi(song(Track("Vox", (Note(0, 480, 130.0),))))


def test_variable_length_numbers():
    for delta in (0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152):
        assert spans(read(smf(mtrk(on(delta, 60), off(1, 60)))).tracks[0]) == [(delta, 1, 60)]
    assert varlen(480) == bytes.fromhex("83 60")
