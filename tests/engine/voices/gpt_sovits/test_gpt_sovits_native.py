"""A pitch adapter in use: the voice is told the score as training told it, follows its pitch, and keeps to the grid like any voice."""

from __future__ import annotations

import copy
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from gpt_sovits_clips import sung_clip
from gpt_sovits_tiny import save_gpt, save_sovits

from engine import ImportedSettings, Mode, PerformanceSettings, RenderError, SettingsError, VoiceError, load_voice, plan_score
from engine.performance.types import BREATH, SILENCE, PhoneSpan
from engine.train.dataset import Clip
from engine.train.stages.adapter import AdaptedVoice, score_frames, train_adapter
from engine.train.stages.loop import StageSettings
from engine.train.stages.score_frames import align_codes
from engine.train.stages.spectra import harmonic_share
from engine.voices.articulation import units_of
from engine.voices.gpt_sovits import speech
from engine.voices.gpt_sovits import voice as voice_module
from engine.voices.gpt_sovits.adapter_files import install_adapter, save_adapter
from engine.voices.gpt_sovits.alignment import phone_similarity
from engine.voices.gpt_sovits.encoders import FeatureFolder
from engine.voices.gpt_sovits.importer import Reference, import_voice, load_networks
from engine.voices.gpt_sovits.networks.adapter import PitchAdapter
from engine.voices.gpt_sovits.networks.symbols import symbol_ids, symbol_table
from engine.voices.gpt_sovits.retune import is_in_tune
from engine.voices.gpt_sovits.score_plan import can_be_sung_natively, score_plan
from engine.voices.gpt_sovits.settings import ComputeDevice, Precision
from engine.voices.gpt_sovits.speech import TextToSpeech

pytestmark = pytest.mark.slow

RATE = 32_000
NOTES = [(0, 1, 52, "stay"), (1, 1, 55, "with"), (2, 2, 57, "me"), (6, 1, 52, "now")]
TRAINING = StageSettings(
    steps=150, learning_rate=4e-2, batch=1, crop_s=0.4, warm_up_steps=5, ema_decay=0.9, save_every_steps=50
)


@pytest.fixture(scope="module", autouse=True)
def one_take():
    """Random weights say nothing right however often they are asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speech, "_TAKES", 1)
        patch.setattr(voice_module, "_NATIVE_TAKES", 1)
        yield


@pytest.fixture
def content(monkeypatch):
    """Noise is taken for words: without this, such voices fall back to speech."""
    monkeypatch.setattr(voice_module, "_LEAST_LIKENESS", 0.0)


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    """`make("me")`: a voice folder."""
    files = tmp_path_factory.mktemp("official")
    gpt, sovits, clip = save_gpt(files / "gpt.ckpt"), save_sovits(files / "sovits.pth"), files / "clip.wav"
    other = save_gpt(files / "other.ckpt", seed=8)
    soundfile.write(clip, 0.1 * np.random.default_rng(4).standard_normal(4 * 22_050), 22_050)

    def imported(name: str, *, is_other: bool = False) -> Path:
        folder = tmp_path_factory.mktemp("voices") / name
        languages = ["en", "zh", "ja"]
        used = other if is_other else gpt
        return import_voice(used, sovits, folder, name=name, languages=languages, reference=Reference(path=clip))

    return imported


@pytest.fixture(scope="module")
def folder(make) -> Path:
    return make("me")


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory) -> Path:
    """The folder of an adapter that has learned to follow pitch."""
    torch.set_num_threads(1)
    run, networks = tmp_path_factory.mktemp("run"), load_networks(folder)
    ge = TextToSpeech(folder, FeatureFolder()).conditioning.ge.clone()
    clips = [sung_clip(number) for number in range(3)]
    adapter, _ = train_adapter(AdaptedVoice(networks.gpt, networks.sovits, ge), TRAINING, clips, [], run)
    return save_adapter(adapter, run / "adapter", networks.card, {"steps": TRAINING.steps})


@pytest.fixture(scope="module")
def installed(folder, trained, tmp_path_factory) -> Path:
    """The same voice with the adapter in its folder."""
    copied = Path(shutil.copytree(folder, tmp_path_factory.mktemp("installed") / "me"))
    install_adapter(trained, copied)
    return copied


@pytest.fixture(scope="module")
def singer(installed):
    return load_voice(str(installed))


@pytest.fixture(scope="module")
def phrase(song, singer):
    return plan_score(song(NOTES), singer.card, PerformanceSettings()).tracks[0].performed.phrases[0]


# --- the plan -----------------------------------------------------------------------------------------------------------------


def test_plan_and_training_agree(phrase) -> None:
    frames = phrase.frames // 4 * 4
    f0_hz = np.interp(np.arange(frames), np.flatnonzero(np.isfinite(phrase.f0_hz)), phrase.f0_hz[np.isfinite(phrase.f0_hz)])
    units = units_of([replace(p, symbol=SILENCE) if p.symbol == BREATH else p for p in phrase.phones])
    recorded = Clip(
        name="the same, recorded",
        sample_rate=RATE,
        samples=np.zeros(320 * frames, dtype=np.int16),
        units=tuple(unit.symbol for unit in units),
        borders_s=np.array([0.0, *(unit.end_s for unit in units)]),
        f0_hz=f0_hz.astype(np.float32),
        voiced=np.ones(frames, dtype=bool),
        aperiodicity=np.zeros((frames, 2), dtype=np.float32),
        effort=np.zeros(frames, dtype=np.float32),
    )
    clip = align_codes(recorded, np.zeros(frames // 4, dtype=np.int64), lambda names: symbol_ids(names, "v2"))
    plan, told = score_plan(phrase, "v2"), score_frames(clip)
    steps = frames // 4
    assert plan.codes == -(-phrase.frames // 4) and plan.phones.tolist() == clip.phones.tolist()
    assert torch.equal(plan.score.phones[:, :steps], told.phones)
    assert torch.equal(plan.score.time_left[:, :steps], told.time_left)
    assert np.allclose(plan.f0_hz[0, : 2 * steps], clip.f0_hz)
    sounding = plan.score.pitches[:, :steps] > 0
    assert sounding.any() and torch.equal(plan.score.pitches[:, :steps][sounding], told.pitches[sounding])


def test_phones_have_the_names_of_the_training_and_voicing_is_theirs(phrase) -> None:
    phones = (
        PhoneSpan(SILENCE, 0.0, 0.04),
        PhoneSpan(BREATH, 0.04, 0.12),
        PhoneSpan("S", 0.12, 0.2, 0),
        PhoneSpan("AH", 0.2, 0.32, 0, 0),
        PhoneSpan("D", 0.32, 0.4, 1, 2),
        PhoneSpan("EY", 0.4, 0.6, 1, 2),
        PhoneSpan(SILENCE, 0.6, 0.7),
    )
    level = np.zeros(70, dtype=np.float32)
    f0_hz = np.full(70, 220.0, dtype=np.float32)
    f0_hz[:12] = f0_hz[60:] = np.nan
    curves = {name: level for name in ("energy_db", "breathiness", "tension", "formant_semitones", "colour", "growl")}
    plan = score_plan(replace(phrase, phones=phones, f0_hz=f0_hz, **curves), "v2")
    names = {number: symbol for symbol, number in symbol_table("v2").items()}
    assert [names[number] for number in plan.phones.tolist()] == [",", "S", "AH0", "D", "EY1", ","]
    assert plan.codes == 18 and plan.f0_hz.shape == plan.voiced.shape == (1, 36)
    assert plan.voiced[0].tolist() == [0.0] * 10 + [1.0] * 20 + [0.0] * 6
    assert torch.allclose(plan.f0_hz, torch.tensor(220.0)), "carried through rests"
    assert (plan.score.pitches[0] > 0).tolist() == [False] * 5 + [True] * 10 + [False] * 3
    assert plan.score.pitches[0, 7] == 57 - 24 + 1, "A3"
    with pytest.raises(RenderError, match="no pitch anywhere"):
        score_plan(replace(phrase, f0_hz=np.full(phrase.frames, np.nan, dtype=np.float32)), "v2")


# --- the sound ----------------------------------------------------------------------------------------------------------------


def at_pitch(talker: TextToSpeech, phrase, semitones: float) -> float:
    """Share of power at the asked pitch, in what the networks sing before anything corrects it."""
    plan = score_plan(replace(phrase, f0_hz=phrase.f0_hz * np.float32(2 ** (semitones / 12))), talker.table)
    codes = talker.sing_codes(plan, "a seed")
    assert len(codes) == plan.codes
    samples = talker.sing(plan, codes, "a seed")
    assert len(samples) == 1280 * plan.codes and np.isfinite(samples).all()
    return harmonic_share(torch.from_numpy(samples), plan.f0_hz[0], plan.voiced[0], RATE)


def test_the_networks_follow_the_asked_pitch_themselves(folder, trained, phrase, tmp_path) -> None:
    talker = TextToSpeech(folder, FeatureFolder(), adapter=trained)
    networks = load_networks(folder)
    new = save_adapter(PitchAdapter(networks.gpt.config, networks.sovits.config), tmp_path / "new", networks.card, {})
    untrained = TextToSpeech(folder, FeatureFolder(), adapter=new)
    for semitones in (0.0, 3.0):
        assert at_pitch(untrained, phrase, semitones) < 0.4, "chance is 0.3"
        assert at_pitch(talker, phrase, semitones) > 0.6


@pytest.mark.parametrize("mode", [Mode.SING, Mode.RAP])
def test_a_native_phrase_lies_on_the_grid(song, singer, content, mode: Mode, monkeypatch) -> None:
    monkeypatch.setattr(singer._talker, "say", lambda *_, **__: pytest.fail("nothing is spoken first"))
    for phrase in plan_score(song(NOTES), singer.card, PerformanceSettings(mode=mode)).tracks[0].performed.phrases:
        samples = singer.synthesise(phrase)
        assert samples.dtype == np.float32 and len(samples) == phrase.frames * RATE // 100
        assert np.isfinite(samples).all() and np.abs(samples).max() > 0.01
        for span in phrase.phones:
            if span.symbol in (SILENCE, BREATH):
                assert not samples[int(np.ceil(span.start_s * RATE)) : int(span.end_s * RATE)].any()
        assert singer.notices(phrase) == ()


def test_one_seed_is_one_sound(singer, installed, phrase, content) -> None:
    samples = singer.synthesise(phrase)
    assert np.array_equal(load_voice(str(installed)).synthesise(phrase), samples)
    assert not np.array_equal(singer.synthesise(replace(phrase, seed=1)), samples)


def test_a_native_phrase_is_as_loud_as_the_starter_voice(starter, singer, phrase, content) -> None:
    sung, wanted = (voice.card.gain * voice.synthesise(phrase) for voice in (singer, starter))
    ratio_db = 10 * np.log10(np.sum(sung**2) / np.sum(wanted**2))
    assert abs(ratio_db) < 0.1


def test_singing_in_tune_is_not_resynthesised(singer, starter, phrase, monkeypatch) -> None:
    """The starter voice sings in the place of the networks: nothing but its level may change."""
    given = starter.synthesise(phrase)
    asked = []
    monkeypatch.setattr(singer._talker, "sing", lambda plan, codes, seed: asked.append(len(codes)) or np.pad(given, (0, 1280)))
    flat = replace(phrase, energy_db=np.zeros(phrase.frames, dtype=np.float32))
    samples = singer.synthesise(flat)
    assert asked == [-(-phrase.frames // 4)] and singer.notices(flat) == ()
    for span in (span for span in phrase.phones if span.end_s - span.start_s > 0.2 and span.symbol not in (SILENCE, BREATH)):
        inner = slice(round((span.start_s + 0.05) * RATE), round((span.end_s - 0.05) * RATE))
        assert np.corrcoef(samples[inner], given[inner])[0, 1] > 0.999


def test_the_starter_voice_is_found_in_tune_and_a_quarter_tone_is_not(starter, phrase) -> None:
    given = starter.synthesise(phrase)
    assert is_in_tune(given, RATE, phrase)
    assert not is_in_tune(given, RATE, replace(phrase, f0_hz=phrase.f0_hz * np.float32(2 ** (0.5 / 12))))
    assert not is_in_tune(np.random.default_rng(2).standard_normal(len(given)), RATE, phrase)


# --- when it is not used ------------------------------------------------------------------------------------------------------


def test_unclear_native_singing_falls_back_to_speech(singer, folder, phrase) -> None:
    samples = singer.synthesise(phrase)
    assert any("did not make 'stay with me" in notice and "1 takes" in notice for notice in singer.notices(phrase))
    assert np.array_equal(samples, load_voice(str(folder)).synthesise(phrase))


def test_other_languages_fall_back_to_speech_with_a_notice(song, singer, content) -> None:
    notes = [(0, 1, 60, "さ"), (1, 1, 62, "く"), (2, 1, 64, "ら")]
    (phrase,) = plan_score(song(notes), singer.card, PerformanceSettings()).tracks[0].performed.phrases
    assert not can_be_sung_natively(phrase.utterance)
    samples = singer.synthesise(phrase)
    assert any("knows English only" in notice for notice in singer.notices(phrase))
    assert len(samples) == phrase.frames * RATE // 100


def test_without_an_adapter_nothing_changes(folder, installed, phrase, content) -> None:
    plain = load_voice(str(folder))
    left_out = load_voice(str(installed), imported=ImportedSettings(has_adapter=False))
    assert left_out.fingerprint == plain.fingerprint
    assert np.array_equal(left_out.synthesise(phrase), plain.synthesise(phrase))
    assert not any("adapter" in notice for notice in plain.notices(phrase))


def test_another_adapter_is_another_voice_for_the_cache(folder, installed, trained, tmp_path) -> None:
    networks = load_networks(folder)
    new = save_adapter(PitchAdapter(networks.gpt.config, networks.sovits.config), tmp_path / "new", networks.card, {})
    given = [ImportedSettings(has_adapter=False), ImportedSettings(adapter=trained), ImportedSettings(adapter=new)]
    fingerprints = [load_voice(str(installed), imported=settings).fingerprint for settings in given]
    assert len(set(fingerprints)) == 3
    assert load_voice(str(installed)).fingerprint == fingerprints[1], "what is given goes before what is installed"


def test_foreign_and_damaged_adapters_are_refused(make, trained) -> None:
    other = make("other", is_other=True)
    with pytest.raises(VoiceError, match="was trained for 'me' with other weights"):
        load_voice(str(other), imported=ImportedSettings(adapter=trained))
    with pytest.raises(VoiceError, match="was trained for 'me' with other weights"):
        install_adapter(trained, other)
    assert not (other / "adapter").exists()
    damaged = make("damaged")
    place = install_adapter(trained, damaged)
    (place / "adapter.safetensors").write_bytes(b"cut")
    with pytest.raises(VoiceError, match="damaged or was changed"):
        load_voice(str(damaged))
    load_voice(str(damaged), imported=ImportedSettings(has_adapter=False))
    (place / "adapter.toml").unlink()
    load_voice(str(damaged))  # an installation that was cut short is none


def test_impossible_settings_are_rejected(folder, trained) -> None:
    with pytest.raises(SettingsError, match="eight bits are for the CPU"):
        ImportedSettings(precision=Precision.INT8, device=ComputeDevice.CUDA)
    with pytest.raises(SettingsError, match="'kathleen' is no GPT-SoVITS voice"):
        load_voice("kathleen", imported=ImportedSettings(adapter=trained))
    with pytest.raises(SettingsError, match="not both"):
        ImportedSettings(adapter=trained, has_adapter=False)


# --- what the guard rests on --------------------------------------------------------------------------------------------------


def test_similarity_separates_words_from_noise_and_late_words(song, starter) -> None:
    sung = {
        text: plan_score(song([(0, 1, 52, text), *NOTES[1:3]]), starter.card, PerformanceSettings())
        .tracks[0]
        .performed.phrases[0]
        for text in ("stay", "home")
    }
    phrase = sung["stay"]
    wanted = starter.synthesise(phrase)
    higher = starter.synthesise(replace(phrase, f0_hz=phrase.f0_hz * np.float32(1.2), seed=3))
    noise = np.random.default_rng(1).standard_normal(len(wanted)) * (wanted != 0)

    def likeness(samples) -> float:
        return phone_similarity(samples, RATE, phrase, wanted, RATE)

    assert likeness(higher) > 0.8
    assert likeness(noise) < 0.6 and likeness(np.roll(higher, round(0.15 * RATE))) < 0.65
    assert likeness(starter.synthesise(sung["home"])) < likeness(higher)
    with pytest.raises(RenderError, match="no phones to compare"):
        phone_similarity(wanted, RATE, replace(phrase, phones=(PhoneSpan(SILENCE, 0.0, phrase.frames / 100),)), wanted, RATE)


def test_in_half_precision_the_pitch_is_followed_as_well(folder, trained, phrase) -> None:
    """As on CUDA: F0 stays in full precision on its way to the source."""
    talker = TextToSpeech(folder, FeatureFolder(), adapter=trained, settings=ImportedSettings(precision=Precision.FP32))
    exact, _ = copy.deepcopy(talker._on_cpu), talker.conditioning
    talker.__dict__["_on_cpu"] = replace(
        exact, gpt=exact.gpt.half(), sovits=exact.sovits.half(), adapter=exact.adapter.half(), dtype=torch.float16
    )
    assert at_pitch(talker, phrase, 3.0) > 0.6
