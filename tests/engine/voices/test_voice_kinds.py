"""Kinds of voices: a new one is a folder of code and a row of the registry."""

import sys
import textwrap

import numpy as np
import pytest

from engine import PerformanceSettings, SettingsError, VoiceError, load_card, load_voice, plan_score, render_track
from engine.voices import kinds
from engine.voices.gpt_sovits.settings import ImportedSettings, Precision

SINE_KIND = '''
"""Voices that sing sine waves."""

from dataclasses import dataclass

import numpy as np

from engine.errors import VoiceError
from engine.voices.card import VoiceCard
from engine.voices.kinds import VoiceKind


@dataclass(frozen=True)
class SineVoice:
    card: VoiceCard
    fingerprint: str = "sine-1"

    def synthesise(self, performance):
        f0_hz = np.nan_to_num(performance.f0_hz)
        at_samples = np.repeat(f0_hz, self.card.sample_rate // performance.frame_rate_hz)
        phase = 2 * np.pi * np.cumsum(at_samples) / self.card.sample_rate
        return np.where(at_samples > 0, 0.2 * np.sin(phase), 0.0).astype(np.float32)


def check(card):
    if "partials" not in card.model:
        raise VoiceError("A sine voice states its partials.")


KIND = VoiceKind(name="sine", gain=0.5, check_card=check, load=lambda folder, card, options: SineVoice(card))
'''

CARD = """
format = 1
kind = "sine"
name = "whistle"
title = "Whistle"
languages = ["en"]
range_low = 48
range_high = 84
licence = "CC0-1.0"
origin = "computed"
consent = "none needed"
training_data = "none"
sample_rate = 16000
weights = ""
sha256 = ""
[model]
partials = 1
"""


@pytest.fixture
def whistle(tmp_path, monkeypatch):
    """Folder of a voice of a kind that is registered for this test."""
    package = tmp_path / "code" / "sine_kind_of_a_test"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "kind.py").write_text(textwrap.dedent(SINE_KIND), encoding="utf-8")
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setattr(kinds, "KIND_MODULES", {**kinds.KIND_MODULES, "sine": f"{package.name}.kind"})
    folder = tmp_path / "voices" / "whistle"
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text(CARD, encoding="utf-8")
    yield folder
    for name in [name for name in sys.modules if name.startswith(package.name)]:
        del sys.modules[name]


def test_a_registered_kind_sings_a_score(whistle, song):
    voice = load_voice("whistle", [whistle.parent])
    plan = plan_score(song([(1, 2, 69, "la")]), voice.card, PerformanceSettings())
    blocks = render_track(plan.tracks[0].performed.phrases, voice, sample_rate=48_000, total_samples=plan.total_samples(48_000))
    samples = np.concatenate(list(blocks))
    assert np.abs(samples).max() == pytest.approx(0.2 * 0.5, rel=0.05)
    middle = samples[round(0.75 * 48_000) : round(1.25 * 48_000)]
    loudest = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))).argmax()
    assert loudest * 48_000 / len(middle) == pytest.approx(440.0, abs=4.0)


def test_a_card_may_state_another_level(whistle):
    card = whistle / "card.toml"
    card.write_text(f"gain = 0.25\n{CARD}", encoding="utf-8")
    assert load_card(str(whistle)).gain == 0.25
    card.write_text(f"gain = 0\n{CARD}", encoding="utf-8")
    with pytest.raises(VoiceError, match="'gain' is not a number above 0"):
        load_card(str(whistle))


def test_a_kind_checks_its_cards(whistle):
    (whistle / "card.toml").write_text(CARD.replace("partials = 1", ""), encoding="utf-8")
    with pytest.raises(VoiceError, match="states its partials"):
        load_card(str(whistle))


def test_settings_of_imported_voices_are_refused_for_other_kinds(whistle):
    with pytest.raises(SettingsError, match="is no GPT-SoVITS voice"):
        load_voice(str(whistle), imported=ImportedSettings(precision=Precision.INT8))
