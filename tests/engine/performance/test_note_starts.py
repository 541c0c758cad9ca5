"""Emphasis, accents and attack: what they do to a note's start, and that they leave everything else alone."""

from dataclasses import replace

import numpy as np
import pytest
from sung import VOWELS, pitch_of, settings_of, sing, sounding, spans_of, times_of

from engine.lyrics import read_spoken_text
from engine.performance import SILENCE, PlacedLine, perform_lines
from engine.performance.dynamics import NoteStart, starts_db
from engine.performance.timing import MAXIMUM_LEAD_S
from engine.score import Curve, Parameter

LINE = [(2, 1, 60, "stay"), (3, 1, 62, "with"), (4, 2, 64, "me"), (6, 1, 64, "-")]
STARRED = [(2, 1, 60, "stay"), (3, 1, 62, "*with*"), (4, 2, 64, "me"), (6, 1, 64, "-")]


def only(song, notes, mode="sing", **changes):
    (phrase,) = sing(song(notes), mode, **changes).phrases
    return phrase


def accented(score, *numbers):
    track = score.tracks[0]
    notes = tuple(replace(note, is_accented=i in numbers) for i, note in enumerate(track.notes))
    return replace(score, tracks=(replace(track, notes=notes),))


def louder_by(plain, changed):
    """dB more [T] of two performances with the same frames."""
    assert plain.frames == changed.frames
    return changed.energy_db.astype(np.float64) - plain.energy_db


@pytest.mark.parametrize("mode", ["sing", "rap"])
def test_an_emphasised_word_begins_louder(song, mode):
    plain, starred = only(song, LINE, mode), only(song, STARRED, mode)
    gain, times = louder_by(plain, starred), times_of(plain)
    assert gain[(times > 1.5) & (times < 1.52)] == pytest.approx(3.0, abs=0.3)
    assert (gain[(times > 1.45) & (times < 1.5)] > 2.9).all()  # its consonants
    assert 0.3 < gain[(times > 1.9) & (times < 1.95)].mean() < 1.0
    assert not gain[(times < 1.3) | (times > 2.0)].any()


def test_emphasis_leaves_the_melody_and_every_other_word_alone(song):
    plain, starred = only(song, LINE), only(song, STARRED)
    assert np.array_equal(plain.f0_hz, starred.f0_hz)
    vowels = [[s for s in spans_of(p) if s.symbol in VOWELS] for p in (plain, starred)]
    assert [v.start_s for v in vowels[0]] == [v.start_s for v in vowels[1]]
    assert plain.hash != starred.hash


def test_consonants_before_an_emphasised_vowel_are_longer(song):
    def lead_s(notes):
        return sum(s.end_s - s.start_s for s in spans_of(only(song, notes)) if s.symbol in ("S", "T") and s.start_s < 1.0)

    starred = [(2, 1, 60, "*stay*"), *LINE[1:]]
    assert lead_s(LINE) < MAXIMUM_LEAD_S
    assert lead_s(starred) == pytest.approx(min(1.2 * lead_s(LINE), MAXIMUM_LEAD_S), rel=1e-6)


def test_an_accent_in_the_score_is_emphasis_even_on_a_held_note(song):
    plain = sing(song(LINE)).phrases[0]
    times = times_of(plain)
    on_word, on_hold = (sing(accented(song(LINE), number)).phrases[0] for number in (1, 3))
    assert np.array_equal(on_word.energy_db, only(song, STARRED).energy_db)
    gain = louder_by(plain, on_hold)
    assert gain[(times > 3.0) & (times < 3.01)] == pytest.approx(3.0, abs=0.1) and not gain[times < 2.95].any()


def test_several_syllables_on_a_note_share_no_accent(song):
    notes = [(2, 2, 60, "*away*")]
    plain, starred = only(song, [(2, 2, 60, "away")]), only(song, notes)
    gain, times = louder_by(plain, starred), times_of(plain)
    assert not gain[times < 1.2].any() and gain[(times > 1.5) & (times < 1.51)] == pytest.approx(3.0, abs=0.2)


def test_spoken_emphasis_is_higher_louder_and_longer():
    def speak(text):
        (line,) = read_spoken_text(text)
        return perform_lines([PlacedLine(line, 1.0)], settings_of("talk")).phrases[0]

    plain, starred = speak("I never said he took it."), speak("I never said *he* took it.")

    def of_word(phrase, values):
        (vowel,) = (s for s in spans_of(phrase) if s.symbol == "IY")
        inside = (times_of(phrase) >= vowel.start_s) & (times_of(phrase) < vowel.end_s)
        return values(phrase)[inside], vowel.end_s - vowel.start_s

    (before, short_s), (after, long_s) = of_word(plain, pitch_of), of_word(starred, pitch_of)
    assert after.max() > before.max() + 1.5 and long_s > 1.2 * short_s
    loud = [of_word(p, lambda phrase: phrase.energy_db)[0].max() for p in (plain, starred)]
    assert loud[1] - loud[0] == pytest.approx(3.0, abs=0.3)


@pytest.mark.parametrize("mode", ["sing", "rap"])
def test_a_soft_attack_swells_and_a_hard_one_is_an_accent(song, mode):
    notes = [(2, 2, 60, "oh"), (6, 2, 62, "tie")]
    plain, soft, hard = (sing(song(notes), mode, attack=attack).phrases for attack in (0.0, -1.0, 1.0))
    for number, onset_s in enumerate((1.0, 3.0)):
        times = times_of(plain[number])
        fall, rise = louder_by(plain[number], soft[number]), louder_by(plain[number], hard[number])
        start = int(np.searchsorted(times, onset_s))
        assert -12.0 <= fall[start] < -11.0 and (np.diff(fall[start : start + 9]) > 0).all()
        assert fall[times > onset_s + 0.08] == pytest.approx(0.0, abs=1e-6)
        assert rise[start] == pytest.approx(4.0, abs=0.3) and (np.diff(rise[start : start + 30]) < 0).all()
        assert rise[times > onset_s + 0.5] == pytest.approx(0.0, abs=0.05)
        assert np.array_equal(plain[number].f0_hz, soft[number].f0_hz) and plain[number].phones == hard[number].phones


def test_sonorants_swell_with_their_vowel_and_stops_keep_their_strength(song):
    for word, consonant, dip_db in (("la", "L", -6.0), ("tie", "T", -0.01)):
        plain, soft = (only(song, [(2, 2, 60, word)], attack=attack) for attack in (0.0, -1.0))
        (span,) = (s for s in spans_of(plain) if s.symbol == consonant)
        inside = (times_of(plain) > span.start_s) & (times_of(plain) < span.end_s - 0.03)
        lowest_db = louder_by(plain, soft)[inside].min()
        assert lowest_db < dip_db if consonant == "L" else lowest_db > dip_db


def test_the_attack_is_what_its_controller_is_at_the_vowel(song):
    curve = Curve(Parameter.ATTACK, (0, 1200), (0.0, -1.0), stepped=True)  # from 1.25 s on
    plain = only(song, LINE)
    (curved,) = sing(song(LINE, curves=(curve,))).phrases
    (cancelled,) = sing(song(LINE, curves=(curve,)), attack=1.0).phrases
    times = times_of(plain)
    fall = louder_by(plain, curved)
    assert not fall[times < 1.3].any() and fall[(times > 1.3) & (times < 1.5)].min() < -9
    assert fall[(times > 1.8) & (times < 2.0)].min() < -9
    assert not fall[times > 2.3].any()  # the held note has no attack
    gain = louder_by(plain, cancelled)
    assert gain[(times > 1.0) & (times < 1.01)] > 3 and abs(gain[times > 1.46]).max() < 0.05


def test_plain_words_add_no_note_starts():
    times = np.arange(50) / 100
    assert not starts_db([], times).any()
    assert not starts_db([NoteStart(0.1, 0.1, 0.2, 0.4)], times).any()


def test_starts_are_free_of_jumps():
    times = np.arange(200) / 1000
    for attack, emphasised in ((-1.0, False), (1.0, False), (0.0, True)):
        gain = starts_db([NoteStart(0.05, 0.08, 0.1, 1.0, attack, emphasised)], times)
        assert np.abs(np.diff(gain)).max() <= 0.61  # dB per millisecond: 12 dB in 20 ms


def test_silence_around_the_words_is_left_alone(song):
    soft = only(song, LINE, attack=-1.0)
    assert sounding(sing(song(LINE), attack=-1.0)) == sounding(sing(song(LINE)))
    assert soft.phones[0].symbol == SILENCE and np.isfinite(soft.energy_db).all()
