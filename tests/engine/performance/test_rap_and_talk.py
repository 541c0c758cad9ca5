"""Rap on the grid of its notes, talk in its own time."""

import numpy as np
import pytest
from sung import VOWELS, pitch_of, settings_of, sing, sounding, spans_of, times_of

from engine.lyrics import read_spoken_text
from engine.performance import SILENCE, PlacedLine, perform_lines
from engine.performance.speech import FIT_LIMITS
from engine.score import Curve, Parameter

VERSE = "one two check the next line in the dark to night and go".split()
BEATS = [(2 + i / 2, 0.5, 48, word) for i, word in enumerate(VERSE)]
DRUM_LIKE = [(2 + i / 2, 0.05, 38, word) for i, word in enumerate(VERSE)]


def speak(text, *, start_s=1.0, length_s=None, **changes):
    (line,) = read_spoken_text(text)
    return perform_lines([PlacedLine(line, start_s, length_s)], settings_of("talk", **changes))


def voiced_pitch(phrase):
    """Pitch from the first sounding phone to the last."""
    times, spans = times_of(phrase), [s for s in spans_of(phrase) if s.symbol != SILENCE]
    return pitch_of(phrase)[(times > spans[0].start_s) & (times < spans[-1].end_s)]


def test_rapped_syllables_are_exactly_where_sung_ones_are(song):
    sung, rapped = (sounding(sing(song(BEATS), mode)) for mode in ("sing", "rap"))
    assert sung == rapped


def test_full_strength_is_the_written_pitch(song):
    melody = [(2 + i, 1, 52 + i, word) for i, word in enumerate(VERSE)]
    (sung,), (rapped,) = sing(song(melody)).phrases, sing(song(melody), "rap", pitch_strength=1.0).phrases
    assert pitch_of(rapped) == pytest.approx(pitch_of(sung), abs=1e-3)


def test_strength_moves_from_the_spoken_contour_to_the_melody(song):
    melody = [(2 + i, 1, 55 + (i % 4), word) for i, word in enumerate(VERSE)]
    curves = [pitch_of(sing(song(melody), "rap", pitch_strength=s, drift_cents=0.0).phrases[0]) for s in (0.0, 0.4, 0.6, 1.0)]
    target = curves[-1]
    inside = slice(60, 650)
    distances = [np.abs(curve - target)[inside].mean() for curve in curves]
    assert distances[0] > distances[1] > distances[2] > distances[3] == 0


def test_strength_follows_its_controller(song):
    ramp = Curve(Parameter.PITCH_STRENGTH, (0, 2880), (0.0, 1.0), stepped=True)
    melody = [(2 + i, 1, 57, word) for i, word in enumerate(VERSE)]
    spoken, steered, sung = (
        sing(song(melody, curves=c), "rap", pitch_strength=s).phrases[0] for c, s in (((), 0.0), ((ramp,), 0.5), ((), 1.0))
    )
    early = times_of(spoken) < 3.0
    assert pitch_of(steered)[early] == pytest.approx(pitch_of(spoken)[early], abs=1e-3)
    assert pitch_of(steered)[~early] == pytest.approx(pitch_of(sung)[~early], abs=1e-3)


@pytest.mark.parametrize("pitch", [24, 36, 60, 84])
def test_rap_on_extreme_notes_uses_the_speaking_pitch(song, pitch):
    score = song([(beat, beats, pitch, word) for beat, beats, _, word in DRUM_LIKE], is_drums=True)
    performed = sing(score, "rap", pitch_strength=0.0)
    pitches = np.concatenate([voiced_pitch(phrase) for phrase in performed.phrases])
    assert abs(np.median(pitches) - 52) < 4.5 and np.ptp(pitches) > 3
    vowels = [s for s in sounding(performed) if s.symbol in VOWELS]
    assert [s.start_s for s in vowels] == pytest.approx([beat / 2 for beat, *_ in DRUM_LIKE], abs=1e-9)


def test_stressed_syllables_are_higher_and_louder(song):
    line = [(2 + i, 1, 52, w) for i, w in enumerate(["ba-", "na-", "na", "ba-", "na-", "na"])]  # b AH0 n AE1 n AH0
    (phrase,) = sing(song(line), "rap", pitch_strength=0.0, drift_cents=0.0).phrases
    pitch, times = pitch_of(phrase), times_of(phrase)

    def over(values, beat):
        return values[(times > beat / 2 + 0.1) & (times < beat / 2 + 0.35)].mean()

    for stressed, weak in ((3, 2), (3, 4), (6, 5), (6, 7)):
        assert over(pitch, stressed) > over(pitch, weak) + 0.5
    attack = {beat: phrase.energy_db[(times > beat / 2) & (times < beat / 2 + 0.08)].max() for beat in range(2, 8)}
    assert min(attack[3], attack[6]) > max(attack[beat] for beat in (2, 4, 5, 7)) + 0.8


def test_intonation_scales_the_contour(song):
    spread = [np.ptp(voiced_pitch(sing(song(BEATS), "rap", pitch_strength=0.0, intonation=i).phrases[0])) for i in (0.3, 1, 2)]
    assert spread[0] < 0.5 * spread[1] < 0.5 * spread[2]


def test_talk_starts_when_it_should_and_takes_its_own_time():
    slow, usual, fast = (speak("We will meet you at the station.", speech_rate=r) for r in (0.7, 1.0, 1.4))
    lengths = []
    for performed in (slow, usual, fast):
        spans = sounding(performed)
        assert spans[0].start_s == pytest.approx(1.0, abs=1e-9)
        lengths.append(spans[-1].end_s - spans[0].start_s)
    assert lengths[0] > lengths[1] > lengths[2]
    assert lengths[0] == pytest.approx(lengths[1] / 0.7, rel=0.03)
    assert 0.9 < lengths[1] < 2.5


@pytest.mark.parametrize("factor", [1.1 * FIT_LIMITS[0], 0.8, 1.0, 1.2, 0.98 * FIT_LIMITS[1]])
def test_talk_is_fitted_to_a_length(factor):
    def length(performed):
        return sounding(performed)[-1].end_s - sounding(performed)[0].start_s

    natural_s = length(speak("We will meet you at the station."))
    fitted = speak("We will meet you at the station.", length_s=factor * natural_s)
    assert length(fitted) == pytest.approx(factor * natural_s, rel=0.06)
    assert fitted.notices == ()


@pytest.mark.parametrize("factor", [0.2, 4.0])
def test_impossible_lengths_are_reported(factor):
    natural_s = sounding(speak("Hold the line."))[-1].end_s - 1.0
    performed = speak("Hold the line.", length_s=factor * natural_s)
    (notice,) = performed.notices
    assert "The line at 1.00 s" in notice and "%" in notice
    low, high = FIT_LIMITS
    assert 0.9 * low <= (sounding(performed)[-1].end_s - 1.0) / natural_s <= 1.1 * high


def test_statements_fall_and_questions_rise():
    statement, question = (voiced_pitch(speak(text).phrases[0]) for text in ("You are coming home.", "You are coming home?"))
    assert statement[-1] < statement[: len(statement) // 2].mean() - 3
    assert question[-1] > question[: len(question) // 2].mean() + 2


def test_commas_are_short_silences():
    def silences(text):
        (phrase,) = speak(text).phrases
        spans = [s for s in phrase.phones if s.symbol == SILENCE]
        return [s.end_s - s.start_s for s in spans if s.start_s > 0.15 and s.end_s < phrase.frames / 100]

    assert silences("we wait we go") == []
    (pause_s,) = silences("we wait, we go")
    assert 0.1 < pause_s < 0.4


def test_talk_mode_speaks_sung_notes_within_their_phrase(song):
    notes = [(2, 0.5, 60, "hold"), (2.5, 0.5, 62, "the"), (3, 1, 64, "line")]
    (phrase,) = sing(song(notes), "talk").phrases
    spans = [s for s in spans_of(phrase) if s.symbol != SILENCE]
    assert spans[0].start_s == pytest.approx(1.0) and spans[-1].end_s == pytest.approx(2.0, abs=0.1)
    assert abs(np.median(voiced_pitch(phrase)) - 52) < 4
