"""Gains of envelopes are found again in sound that was made with known ones."""

from dataclasses import replace

import numpy as np
import pytest

from engine import PerformanceSettings, TrainingError, plan_text
from engine.train.dataset import Clip
from engine.train.stages.variance import measure_variance
from engine.voices.card import read_card
from engine.voices.catalogue import STARTER_NAME, find_voice
from engine.voices.starter.config import EnvelopeVariance
from engine.voices.starter.voice import Articulation, StarterVoice, read_networks

pytest.importorskip("pyworld")

RATE, HOP, BANDS = 32_000, 320, 80
SENTENCES = ("We will meet you at the old station tonight.", "A thousand little voices began to sing.")


@pytest.fixture(scope="module")
def voice():
    folder = find_voice(STARTER_NAME)
    return read_card(folder), read_networks(folder, read_card(folder), Articulation.UNITS)


def clips_of(voice, variance, speaker=0):
    """Speech of the voice from its units alone, with `variance`, as recordings."""
    card, networks = voice
    speaking = StarterVoice(card, replace(networks, variance=variance), Articulation.UNITS)
    clips = []
    for number, text in enumerate(SENTENCES):
        phrase = plan_text(text, card, PerformanceSettings(drift_cents=0.0)).tracks[0].performed.phrases[0]
        phrase = replace(phrase, natural_dynamics=0.0, energy_db=np.zeros(phrase.frames, np.float32))
        samples = speaking.synthesise(phrase)
        known = np.isfinite(phrase.f0_hz)
        f0_hz = np.interp(np.arange(phrase.frames), np.flatnonzero(known), phrase.f0_hz[known]).astype(np.float32)
        clips.append(
            Clip(
                name=str(number),
                sample_rate=RATE,
                samples=np.round(samples / np.abs(samples).max() * 30_000).astype(np.int16),
                units=tuple(span.symbol for span in phrase.phones),
                borders_s=np.array([*(span.start_s for span in phrase.phones), phrase.phones[-1].end_s]),
                f0_hz=f0_hz,
                voiced=known,
                aperiodicity=np.zeros((phrase.frames, 24), np.float32),
                effort=np.zeros(phrase.frames, np.float32),
                speaker=speaker,
            )
        )
    return clips


def test_known_gains_are_found(voice):
    networks = voice[1]
    plain = measure_variance(networks.decoder, clips_of(voice, EnvelopeVariance()))
    made = np.ones(BANDS)
    made[2:8] = 1.4
    drawn = measure_variance(networks.decoder, clips_of(voice, EnvelopeVariance(tuple(made), plain.means)))
    found = np.array(drawn.gain) / np.array(plain.gain)
    assert np.median(found[2:8]) == pytest.approx(1.4, abs=0.12)
    assert np.median(found[12:40]) == pytest.approx(1.0, abs=0.12)
    assert plain.gain[0] == drawn.gain[0] == 1.0 and set(drawn.gain[41:]) == {1.0}


def test_what_is_measured_fits_the_decoder_and_is_one_result(voice):
    decoder = voice[1].decoder
    clips = [*clips_of(voice, EnvelopeVariance()), *clips_of(voice, EnvelopeVariance(), speaker=1)]
    measured = measure_variance(decoder, clips)
    measured.require(decoder.config.power_bands, decoder.config.speakers)
    assert measured == measure_variance(decoder, clips) == EnvelopeVariance.from_dict(measured.as_dict())
    assert measured.means[0] != measured.means[1]
    alone = measure_variance(decoder, clips[:2])
    assert alone.means[0] == alone.means[1] == measured.means[0]  # a speaker without clips has everybody's


def test_no_clips_are_refused(voice):
    with pytest.raises(TrainingError, match="there are none"):
        measure_variance(voice[1].decoder, [])
