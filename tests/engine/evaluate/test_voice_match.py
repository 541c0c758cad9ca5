"""A voice is brought near to a recording: what was set is found again, and what is no voice is refused."""

import csv

import numpy as np
import pytest
import soundfile

from engine import PerformanceSettings, VoiceError, load_voice, measure_voice_match, plan_text

pytestmark = pytest.mark.slow

RATE = 48_000
TEXT = "Nobody knows how the river found its way. Please hold the line while we look for them."


@pytest.fixture(scope="module")
def speak(starter, render):
    def spoken(**settings):
        return render(plan_text(TEXT, starter.card, PerformanceSettings(**settings)), rate=RATE)

    return spoken


@pytest.mark.parametrize(
    "settings",
    [{}, {"colour": 1.0}, {"formant_semitones": 3.0}, {"formant_semitones": -4.0, "colour": 0.5}],
    ids=lambda settings: "-".join(settings) or "neutral",
)
def test_settings_of_the_voice_are_found_in_other_words(starter, speak, settings):
    found = measure_voice_match(speak(**settings), RATE, starter)
    assert found.colour == pytest.approx(settings.get("colour", 0.0), abs=0.35)
    assert found.formant_semitones == pytest.approx(settings.get("formant_semitones", 0.0), abs=1.0)
    assert found.pitch == pytest.approx(settings.get("speaking_pitch", 52.0), abs=3.0)
    assert found.distance_db <= found.neutral_distance_db and found.distance_db < 5.0 and found.voiced_s > 2.0
    PerformanceSettings(colour=found.colour, formant_semitones=found.formant_semitones, tension=found.tension)


def test_level_rate_and_channels_do_not_matter(starter, speak):
    import soxr

    samples = speak(colour=1.0)
    other = soxr.resample(0.1 * samples, RATE, 44_100)
    found, again = measure_voice_match(samples, RATE, starter), measure_voice_match(np.stack([other, other]), 44_100, starter)
    assert again.colour == pytest.approx(found.colour, abs=0.1)
    assert again.formant_semitones == pytest.approx(found.formant_semitones, abs=0.5)


def test_bands_that_a_recording_does_not_have_do_not_count(starter, speak):
    import soxr

    narrow = soxr.resample(speak(formant_semitones=3.0), RATE, 16_000)
    for samples, rate in ((narrow, 16_000), (soxr.resample(narrow, 16_000, 44_100), 44_100)):
        found = measure_voice_match(samples, rate, starter)
        assert found.formant_semitones == pytest.approx(3.0, abs=1.5) and found.distance_db < 5.0


@pytest.mark.parametrize("samples", [np.zeros(96_000), np.random.default_rng(0).standard_normal(96_000) * 0.1, np.zeros(10)])
def test_recordings_without_voice_are_rejected(starter, samples):
    with pytest.raises(VoiceError, match="voiced"):
        measure_voice_match(samples, RATE, starter)


def test_held_out_recordings_are_distinguished(shared_data, starter):
    """Clips that the voice was not trained on are nearer to their own speaker's colour."""
    card = load_voice("kathleen").card
    held_out = card.training["held_out_clips"]
    found = {"kathleen": [], "ljspeech_100": []}
    for folder, colours in found.items():
        with (shared_data / folder / "metadata.csv").open(newline="", encoding="utf-8") as stream:
            files = [row["file"] for row in csv.DictReader(stream)]
        for name in [file for file in files if any(clip in file for clip in held_out)][:3]:
            samples, rate = soundfile.read(shared_data / folder / name)
            colours.append(measure_voice_match(samples.T, rate, starter).colour)
    assert len(found["kathleen"]) == len(found["ljspeech_100"]) == 3
    assert np.mean(found["kathleen"]) < 0.5 < np.mean(found["ljspeech_100"])
