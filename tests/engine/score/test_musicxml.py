"""MusicXML: what is written is what is sung. Small scores are spelled out; corpora lie beside the checkout."""

import difflib
import io
import random
import re
import time
import zipfile
from pathlib import Path

import pytest

from engine.errors import ScoreError
from engine.score.formats.musicxml import read_musicxml
from engine.score.formats.musicxml_file import parse_musicxml_file
from engine.score.types import Meter, Score, Track

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
LIEDER = SHARED / "scores_openscore_lieder"
TESTSUITE = SHARED / "scores_musicxml_testsuite"


def note(step="C", duration=2, lyric="", extra="", octave=4, alter=""):
    altered = f"<alter>{alter}</alter>" if alter else ""
    return (
        f"<note>{extra}<pitch><step>{step}</step>{altered}<octave>{octave}</octave></pitch>"
        f"<duration>{duration}</duration><voice>1</voice>{lyric}</note>"
    )


def lyric(text, syllabic="single", number=1, extra=""):
    return f'<lyric number="{number}"><syllabic>{syllabic}</syllabic><text>{text}</text>{extra}</lyric>'


def rest(duration=2):
    return f"<note><rest/><duration>{duration}</duration><voice>1</voice></note>"


def slur(kind):
    return f'<notations><slur type="{kind}" number="1"/></notations>'


def song(*measures, head="<attributes><divisions>2</divisions></attributes>", extra=""):
    bars = "".join(f'<measure number="{i}">{head if i == 0 else ""}{bar}</measure>' for i, bar in enumerate(measures))
    return (
        f"<score-partwise>{extra}<part-list><score-part id='P1'><part-name>Voice</part-name></score-part></part-list>"
        f"<part id='P1'>{bars}</part></score-partwise>"
    ).encode()


def read(*measures, verse=1, **options) -> Score:
    return read_musicxml(song(*measures, **options), title="t", verse=verse)


def lyrics(score: Score, track=0):
    return [n.lyric for n in score.tracks[track].notes]


def pitches(score: Score, track=0):
    return [n.pitch for n in score.tracks[track].notes]


def test_notes_rests_and_grid():
    score = read(note("C", 2) + rest(1) + note("A", 3, octave=4))
    assert score.ppq == 480
    assert [(n.onset_ticks, n.duration_ticks, n.pitch) for n in score.tracks[0].notes] == [(0, 480, 60), (720, 720, 69)]


def test_divisions_change_and_tuplets_are_exact():
    triplets = "<attributes><divisions>3</divisions></attributes>" + note(duration=1) * 3
    score = read(note(duration=2) + triplets + "<attributes><divisions>7</divisions></attributes>" + note(duration=1) * 7)
    assert score.ppq % 42 == 0
    assert score.end_ticks == 3 * score.ppq


def test_syllables_words_and_melismas():
    score = read(
        note(lyric=lyric("A", "begin")) + note(lyric=lyric("way", "end"), extra="") + note() + note(lyric=lyric("go")),
        note(lyric=lyric("long", extra="<extend/>")) + note() + rest() + note(),
    )
    assert lyrics(score) == ["A-", "way", None, "go", "long", "-", None]


def test_slur_holds_until_its_end():
    start, stop = note(lyric=lyric("ah") + slur("start")), note(lyric=slur("stop"))
    assert lyrics(read(start + note() + stop + note())) == ["ah", "-", "-", None]


def test_hyphens_of_an_open_word_hold():
    assert lyrics(read(note(lyric=lyric("long", "begin")) + note() + note(lyric=lyric("er", "end")) + note())) == [
        "long-", "-", "er", None,
    ]  # fmt: skip


def test_elision_is_one_note_with_two_syllables():
    element = (
        "<lyric><syllabic>end</syllabic><text>l'a</text><elision>‿</elision><syllabic>begin</syllabic><text>mour</text></lyric>"
    )
    font_runs = "<lyric><syllabic>single</syllabic><text>me</text><text>\ue551</text><text>un</text></lyric>"
    assert lyrics(read(note(lyric=element) + note(lyric=font_runs))) == ["l'a mour-", "me un"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("'Tis", "’Tis"),
        ("[ah]", "ah"),
        ("1. Sleep", "Sleep"),
        ("—", "-"),
        ("99", "99"),
        ("days-", "days"),
        ("[]", "-"),
        ("*love*", "love"),
    ],
)
def test_words_never_look_like_our_marks(written, expected):
    assert lyrics(read(note(lyric=lyric(written)))) == [expected]


def test_accents_and_marcatos_are_kept():
    def marked(mark):
        return f"<notations><articulations><{mark}/></articulations></notations>"

    score = read(
        note(lyric=lyric("one") + marked("accent"))
        + note(lyric=marked("strong-accent type='up'"))
        + note(lyric=lyric("two") + marked("staccato"))
        + note()
    )
    assert [n.is_accented for n in score.tracks[0].notes] == [True, True, False, False]


def test_humming_is_ignored_with_a_notice():
    score = read(note(lyric="<lyric><humming/></lyric>"))
    assert lyrics(score) == [None]
    assert any("Humming" in notice for notice in score.notices)


def test_ties_merge_even_across_bars():
    start, both, stop = (
        note(duration=2, extra=extra)
        for extra in ("<tie type='start'/>", "<tie type='stop'/><tie type='start'/>", "<tie type='stop'/>")
    )
    score = read(start + both, stop)
    assert [(n.onset_ticks, n.duration_ticks) for n in score.tracks[0].notes] == [(0, 1440)]


def test_grace_note_takes_time_and_the_syllable_starts_on_it():
    grace = "<note><grace slash='yes'/><pitch><step>D</step><octave>4</octave></pitch><voice>1</voice></note>"
    score = read(grace + note(duration=2, lyric=lyric("la")))
    assert [(n.onset_ticks, n.duration_ticks, n.pitch, n.lyric) for n in score.tracks[0].notes] == [
        (0, 60, 62, "la"),
        (60, 420, 60, "-"),
    ]


def test_chord_and_its_members():
    score = read(note(lyric=lyric("ah")) + note("E", extra="<chord/>") + note("D"))
    assert [(n.onset_ticks, n.pitch) for n in score.tracks[0].notes] == [(0, 60), (0, 64), (480, 62)]


def test_voices_with_words_become_tracks():
    second = note("E", lyric=lyric("oh")).replace("<voice>1", "<voice>2")
    piano = note("G").replace("<voice>1", "<voice>3")
    back = "<backup><duration>2</duration></backup>"
    score = read(note(lyric=lyric("ah")) + back + second + back + piano)
    assert [(t.name, t.notes[0].lyric) for t in score.tracks] == [
        ("Voice", "ah"),
        ("Voice voice 2", "oh"),
        ("Voice other voices", None),
    ]


def test_microtones_and_transposition():
    transpose = "<attributes><transpose><chromatic>-2</chromatic><octave-change>-1</octave-change></transpose></attributes>"
    assert pitches(read(note("A", alter="-0.5") + transpose + note("A"))) == [68.5, 55]


FORWARD = '<barline location="left"><repeat direction="forward"/></barline>'
BACKWARD = '<barline location="right"><repeat direction="backward"/></barline>'


def ending(number, end="stop", repeat=True):
    left = f'<barline location="left"><ending number="{number}" type="start"/></barline>'
    sign = '<repeat direction="backward"/>' if repeat else ""
    return left, f'<barline location="right"><ending number="{number}" type="{end}"/>{sign}</barline>'


def sound(attribute, value="yes"):
    return f'<sound {attribute}="{value}"/>'


def volta(step, number, **options):
    left, right = ending(number, **options)
    return left + note(step) + right


@pytest.mark.parametrize(
    ("bars", "order"),
    [
        ([note("C") + BACKWARD, note("D")], "CCD"),
        ([note("C"), FORWARD + note("D") + BACKWARD, note("E")], "CDDE"),
        ([note("C") + BACKWARD, note("D") + BACKWARD], "CCDD"),
        ([note("C") + BACKWARD.replace("/></b", ' times="3"/></b')], "CCC"),
        ([note("C"), volta("D", 1), volta("E", 2, end="discontinue", repeat=False), note("F")], "CDCEF"),
        ([note("C"), volta("D", "1, 2"), volta("E", 3, repeat=False), note("F")], "CDCDCEF"),
        ([note("C"), volta("D", 1), note("F") + BACKWARD], "CDCFF"),
        ([note("C") + sound("fine"), note("D") + sound("dacapo")], "CDC"),
        ([note("C"), sound("segno", "s") + note("D"), note("E") + sound("dalsegno", "s"), note("F")], "CDEDEF"),
        (
            [note("C"), note("D") + sound("tocoda", "c"), note("E") + sound("dacapo"), sound("coda", "c") + note("F")],
            "CDECDF",
        ),
        ([note("C") + BACKWARD, note("D") + sound("fine"), note("E") + sound("dacapo")], "CCDECD"),
    ],
)
def test_repeats_endings_and_jumps(bars, order):
    names = {60: "C", 62: "D", 64: "E", 65: "F"}
    assert "".join(names[pitch] for pitch in pitches(read(*bars))) == order


def two_verses():
    return "".join(note(lyric=lyric(f"a{i}", number=1) + lyric(f"b{i}", number=2)) for i in range(2))


def test_a_repeat_takes_the_next_verse():
    assert lyrics(read(two_verses() + BACKWARD)) == ["a0", "a1", "b0", "b1"]


def test_an_asked_verse_is_kept_on_every_pass():
    assert lyrics(read(two_verses() + BACKWARD, verse=2)) == ["b0", "b1", "b0", "b1"]


def test_a_missing_verse_falls_back_with_a_notice():
    score = read(note(lyric=lyric("only")), verse=3)
    assert lyrics(score) == ["only"]
    assert any("no verse 3" in notice for notice in score.notices)


def test_refrain_of_verse_one_fills_other_verses_but_no_melisma():
    refrain = "".join(note(lyric=lyric(text)) for text in ("tra", "la", "la"))
    one_more = note(lyric=lyric("ve") + lyric("two", number=2)) + note(lyric=lyric("ry"))
    assert lyrics(read(one_more + two_verses() + refrain, verse=2)) == ["two", None, "b0", "b1", "tra", "la", "la"]


BOTH_BUT_LAST = "".join(note(lyric=lyric(f"a{i}") + lyric(f"b{i}", number=2)) for i in range(3))


def test_pick_up_of_the_next_verse_only_before_the_repeat():
    score = read(BOTH_BUT_LAST, rest() + note(lyric=lyric("and", number=2)) + BACKWARD)
    assert lyrics(score) == ["a0", "a1", "a2", "and", "b0", "b1", "b2", "R"]
    long = read(BOTH_BUT_LAST, "".join(note(lyric=lyric(w, number=2)) for w in ("and", "then", "so", "on")) + BACKWARD)
    assert lyrics(long)[:8] == ["a0", "a1", "a2", "and", "then", "so", "on", "b0"]


def test_a_pick_up_of_the_coming_verse_in_a_first_ending():
    left, right = ending(1)
    second, end = ending(2, "discontinue", repeat=False)
    first = left + note(lyric=lyric("end")) + note(lyric=lyric("and", number=2)) + right
    score = read(BOTH_BUT_LAST, first, second + note(lyric=lyric("fin", number=2)) + end)
    assert lyrics(score) == ["a0", "a1", "a2", "end", "and", "b0", "b1", "b2", "fin"]


def test_a_pick_up_of_another_verse_is_silent():
    pickup = note(lyric=lyric("The", number=2)) + BOTH_BUT_LAST
    assert lyrics(read(pickup)) == ["R", "a0", "a1", "a2"]
    assert lyrics(read(pickup, verse=2)) == ["The", "b0", "b1", "b2"]
    two_notes = note(lyric=lyric("O", number=2)) + note(lyric=lyric("the", number=2)) + BOTH_BUT_LAST
    assert lyrics(read(BOTH_BUT_LAST + rest() + two_notes)) == ["a0", "a1", "a2", "R", "R", "a0", "a1", "a2"]


def test_unfinished_words_continue_over_rests():
    begin, end = note(lyric=lyric("glo", "begin")), note(lyric=lyric("ry", "end"))
    assert lyrics(read(begin + note() + rest() + note() * 2, rest() + note() + end + note())) == [
        "glo-", "-", "-", "-", "-", "ry", None,
    ]  # fmt: skip
    assert lyrics(read(begin + rest() + note())) == ["glo-", None]  # nothing follows


def test_extender_lines_hold_over_rests_to_their_end():
    def extend(kind):
        return f'<lyric number="1"><extend type="{kind}"/></lyric>'

    start = note(lyric=lyric("ah", extra='<extend type="start"/>'))
    over = start + note() + rest() + note() + note(lyric=extend("stop")) + rest() + note()
    assert lyrics(read(over)) == ["ah", "-", "-", "-", None]
    assert lyrics(read(start + rest() + note(lyric=extend("continue")) + note(lyric=lyric("oh")))) == ["ah", "-", "oh"]
    assert lyrics(read(note(lyric=extend("stop")) + note(lyric=lyric("oh")))) == [None, "oh"]


def test_verse_names_without_numbers():
    named = '<lyric name="verse 2"><text>two</text></lyric>'
    assert lyrics(read(note(lyric=lyric("one") + named), verse=2)) == ["two"]


def test_tempo_inside_a_bar_and_metronome_without_sound():
    metronome = (
        "<direction><direction-type><metronome><beat-unit>quarter</beat-unit><beat-unit-dot/>"
        "<per-minute>60</per-minute></metronome></direction-type></direction>"
    )
    score = read(metronome + note() + '<direction><sound tempo="120"/></direction>' + note())
    assert [(c.tick, round(c.bpm)) for c in score.tempo_map.changes] == [(0, 90), (480, 120)]


def test_a_jump_back_restores_the_tempo_of_that_place():
    score = read('<sound tempo="60"/>' + note(), '<sound tempo="90"/>' + note() + BACKWARD)
    assert [(c.tick, round(c.bpm)) for c in score.tempo_map.changes] == [(0, 60), (480, 90), (960, 60), (1440, 90)]


def test_upbeat_keeps_bar_lines_right():
    head = "<attributes><divisions>2</divisions><time><beats>3</beats><beat-type>4</beat-type></time></attributes>"
    score = read(note(), note() * 3, note() * 3, head=head)
    assert score.meters == (Meter(0, 1, 4), Meter(480, 3, 4))


def test_dynamics_become_velocity():
    marks = [f"<direction><direction-type><dynamics><{m}/></dynamics></direction-type></direction>" for m in ("p", "mf", "ff")]
    score = read(note() + "".join(mark + note() for mark in marks))
    assert [n.velocity for n in score.tracks[0].notes] == [100, 69, 100, 127]


def test_unpitched_part_is_drums():
    place = "<display-step>E</display-step><display-octave>4</display-octave>"
    hit = f"<note><unpitched>{place}</unpitched><duration>2</duration></note>"
    assert read(hit).tracks[0].is_drums


def test_cue_notes_keep_their_time_only():
    score = read(note(extra="<cue/>") + note("D"))
    assert [(n.onset_ticks, n.pitch) for n in score.tracks[0].notes] == [(480, 62)]


def test_timewise_equals_partwise():
    bars = [note() + note("D"), note("E")]
    partwise = song(*bars).decode()
    timewise = partwise.replace("score-partwise", "score-timewise").replace("<part id='P1'>", "").replace("</part>", "")
    timewise = re.sub(r"(<measure [^>]*>)(.*?)</measure>", r"\1<part id='P1'>\2</part></measure>", timewise)
    assert read_musicxml(timewise.encode(), title="t") == read(*bars)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding):
    text = song(note(lyric=lyric("Glück"))).decode()
    declared = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>' + text
    assert lyrics(read_musicxml(declared.encode(encoding), title="t")) == ["Glück"]


def archive(members, container=None):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        if container is not None:
            file.writestr("META-INF/container.xml", container)
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


CONTAINER = '<container><rootfiles><rootfile full-path="{}"/></rootfiles></container>'


def test_compressed_with_and_without_container():
    score = song(note(lyric=lyric("hi")))
    for data in (archive({"a.xml": b"<x/>", "s.xml": score}, CONTAINER.format("s.xml")), archive({"s.musicxml": score})):
        assert lyrics(read_musicxml(data, title="t")) == ["hi"]


BOMB = b'<!DOCTYPE s [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><score-partwise><part>&b;</part></score-partwise>'


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a readable XML"),
        (b"MThd not xml", "not a readable XML"),
        (b"<html/>", "not a MusicXML score"),
        (BOMB, "entity"),
        (b"<a>" * 500 + b"</a>" * 500, "nested"),
        (archive({"s.xml": b"<score-partwise/>"}, CONTAINER.format("other.xml")), "does not contain"),
        (archive({"readme.txt": b""}), "no MusicXML"),
        (archive({"s.xml": b" " * (70 * 2**20)}), "unpacks to more"),
        (archive({"s.xml": song(note())})[:60], "damaged"),
        (song(note(), head="<attributes><divisions>0</divisions></attributes>"), "divisions"),
        (song(note(duration=10**15)), "longer than"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # archives hold the time of day
)
def test_unusable_files_are_score_errors(data, message):
    with pytest.raises(ScoreError, match=message):
        read_musicxml(data, title="t")


def test_encrypted_archive_is_refused():
    data = bytearray(archive({"s.xml": song(note())}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ScoreError, match="encrypted"):
        read_musicxml(bytes(data), title="t")


# Fuzz: damaged files end in a score or a ScoreError, quickly.

TAGS = [b"note", b"chord", b"backup", b"forward", b"lyric", b"grace", b"cue", b"rest", b"pitch", b"measure", b"part", b"tie"]
NUMBERS = [b"-1", b"0", b"1e308", b"99999999999999999999", b"nan", b"inf", b"", b"0.3", b"64", b"\xd9\xa3"]
SNIPPETS = [
    b'<barline><repeat direction="backward" times="999999999"/></barline>',
    b'<barline><repeat direction="forward"/></barline>',
    b'<barline><ending number="1,2" type="start"/></barline>',
    b'<barline><ending number="2" type="stop"/><repeat direction="backward"/></barline>',
    b'<sound dacapo="yes"/>',
    b'<sound dalsegno="x" tempo="1e-9"/>',
    b'<sound segno="x" tocoda="y"/>',
    b'<sound coda="y" fine="yes"/>',
    b"<a>" * 100,
    b"<forward><duration>1000000000</duration></forward>",
    b"<attributes><divisions>-3</divisions></attributes>",
    b"<attributes><time><beats>1000000</beats><beat-type>0</beat-type></time></attributes>",
]


def mutate(data: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(data) or 1)
        kind = rng.randrange(6)
        if kind == 0:
            data = data[:place] + bytes([rng.randrange(256)]) + data[place + 1 :]
        elif kind == 1 and rng.random() < 0.3:
            data = data[:place]
        elif kind == 2:
            data = data.replace(rng.choice(TAGS), rng.choice(TAGS), rng.choice([2, -1]))
        elif kind == 3:
            digits = list(re.finditer(rb">[0-9.-]+<", data))
            if digits:
                match = rng.choice(digits)
                data = data[: match.start() + 1] + rng.choice(NUMBERS) + data[match.end() - 1 :]
        elif kind == 4:
            end = data.find(b"</measure>", place)
            data = data[:end] + rng.choice(SNIPPETS) + data[end:]
        else:
            end = data.find(b"<measure", place)
            data = data[:end] + data[place : place + 2000] + data[end:]
    return data


def fuzz_seeds() -> list[bytes]:
    bars = [two_verses(), note(lyric=lyric("a", "begin") + slur("start")) + note(lyric=slur("stop")), rest(4)]
    plain = [song(*bars, note() + BACKWARD), song(FORWARD + bars[0] + BACKWARD, *bars, volta("D", 1), volta("E", 2))]
    timed = song('<sound tempo="90"/>' + note("C") + note("E", extra="<chord/>"), note(extra="<tie type='start'/>") * 3)
    return [*plain, timed, archive({"s.xml": plain[1]}, CONTAINER.format("s.xml"))]


def read_or_refuse(data: bytes) -> bool:
    started = time.process_time()
    try:
        score = read_musicxml(data, title="fuzz")
        read_well = all(
            n.duration_ticks >= 1 and n.onset_ticks >= 0 and 0 <= n.pitch <= 127 for t in score.tracks for n in t.notes
        )
        assert read_well
    except ScoreError:
        read_well = False
    assert time.process_time() - started < 2
    return read_well


def test_fuzzed_files_are_read_or_refused():
    rng = random.Random(20240607)
    seeds = fuzz_seeds()
    outcomes = [read_or_refuse(mutate(rng.choice(seeds), rng)) for _ in range(3000)]
    assert 300 < sum(outcomes) < 2900  # both ways out are exercised


# Corpora beside the checkout.

needs_lieder = pytest.mark.skipif(not LIEDER.is_dir(), reason="the shared corpus of songs is not beside the checkout")
needs_testsuite = pytest.mark.skipif(not TESTSUITE.is_dir(), reason="the shared MusicXML test suite is not beside the checkout")


def words(track: Track) -> list[str]:
    """The words of a track, syllables joined, in lower case without punctuation."""
    text = " ".join(n.lyric for n in track.notes if n.lyric not in (None, "-"))
    return re.sub(r"[^\w]+", " ", re.sub(r"- ?", "", text).lower()).split()


def coverage(truth: list[str], sung: list[str]) -> float:
    """Share of the true words that are sung, in order."""
    matcher = difflib.SequenceMatcher(None, truth, sung, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks()) / len(truth)


@pytest.mark.shared_data
@needs_lieder
@pytest.mark.slow
def test_songs_have_their_words():
    covered = []
    for path in sorted(LIEDER.glob("*.mxl")):
        score = read_musicxml(path.read_bytes(), title=path.stem)
        lines = (LIEDER / f"{path.stem}.lyrics.txt").read_text(encoding="utf-8").splitlines()
        truths = [re.sub(r"[^\w]+", " ", re.sub("[-‿]", "", line).lower()).split() for line in lines]
        sung = [words(track) for track in score.tracks if track.has_lyrics]
        covered.append(max(coverage(truth, text) for truth in truths if len(truth) > 20 for text in sung))
    assert len(covered) == 56
    assert sum(covered) / len(covered) > 0.97
    assert min(covered) > 0.75  # the text beside one song mixes up the syllables of its three verses


@pytest.mark.shared_data
@needs_lieder
@pytest.mark.slow
def test_every_lyric_of_the_first_verse_is_sung_once():
    """Counted independently of the reader, in songs without repeats."""
    checked = 0
    for path in sorted(LIEDER.glob("*.mxl")):
        root = parse_musicxml_file(path.read_bytes())
        if root.find(".//repeat") is not None or root.find(".//sound[@fine]") is not None:
            continue
        written = [element for element in root.iter("lyric") if element.get("number") == "1"]
        if any(element.get("number") != "1" for element in root.iter("lyric")):
            continue  # where the first verse is silent, words of another may fill in
        score = read_musicxml(path.read_bytes(), title=path.stem)
        sung = [n.lyric for track in score.tracks for n in track.notes if n.lyric not in (None, "-")]
        typed_dashes = sum((element.findtext("text") or "").strip("-_–— \xa0") == "" for element in written)
        assert 0 <= len(written) - typed_dashes - len(sung) <= 1, path.name
        checked += 1
    assert checked >= 30


@pytest.mark.shared_data
@needs_testsuite
def test_test_suite_is_read():
    scores = {path.name: read_musicxml(path.read_bytes(), title="t") for path in sorted(TESTSUITE.glob("*.xml"))}
    assert len(scores) == 21
    assert lyrics(scores["61k-Lyrics-SpannersExtenders.xml"]) == ["A", "-", "long-", "-", "-", "er", "-", "-", "Text", "-", "-"]
    assert lyrics(scores["61j-Lyrics-Elisions.xml"]) == ["a", "b c", "d e", "f g h"]
    assert len(scores["45b-RepeatWithAlternatives.xml"].tracks[0].notes) == 5
