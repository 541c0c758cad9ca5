"""Imported voices sing, rap and talk through the same door as any voice. Their weights are random, so what they sing is noise on the grid."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from gpt_sovits_tiny import VERSIONS, save_gpt, save_official, save_sovits, speaker_weights
from safetensors.torch import save_file

from bridge.song.render_worker import RenderJobRunner, VoiceLibrary
from bridge.song.timeline import TrackSettings
from engine import (
    Mode,
    PerformanceSettings,
    PhraseCache,
    RenderError,
    VoiceError,
    WordSettings,
    load_voice,
    parse_lyric_text,
    plan_score,
    plan_text,
    spoken_durations,
)
from engine.performance.types import SILENCE
from engine.render.render import native_phrase
from engine.voices.gpt_sovits import speech
from engine.voices.gpt_sovits.alignment import align_with_costs
from engine.voices.gpt_sovits.encoders import FEATURE_FILES, FeatureFolder
from engine.voices.gpt_sovits.importer import Reference, import_voice
from engine.voices.gpt_sovits.networks.bert import Bert
from engine.voices.gpt_sovits.networks.hubert import Hubert

pytestmark = pytest.mark.slow

RATE = 32_000
NOTES = [(0, 1, 60, "stay"), (1, 1, 62, "with"), (2, 2, 64, "me")]


@pytest.fixture(scope="module", autouse=True)
def one_take():
    """Random weights say nothing right however often they are asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speech, "_TAKES", 1)
        yield


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("official")
    made = {version: save_sovits(folder / f"{version}.pth", version) for version in VERSIONS}
    made["gpt"] = save_gpt(folder / "gpt.ckpt")
    made["gpt_v1"] = save_gpt(folder / "gpt_v1.ckpt", phonemes=512)
    made["speaker"] = save_official(folder / "speaker.ckpt", dict(speaker_weights()))
    made["clip"] = folder / "clip.wav"
    clip = 0.1 * np.random.default_rng(4).standard_normal((4 * 22_050, 2))
    soundfile.write(made["clip"], clip, 22_050)
    return made


@pytest.fixture(scope="module")
def make(files, tmp_path_factory):
    """`make("v2", text="…")`: a voice folder."""

    def imported(
        version: str = "v2", *, clip: bool = True, speaker: bool = True, languages: Sequence[str] = (), **said: str
    ) -> Path:
        return import_voice(
            files["gpt_v1" if version == "v1" else "gpt"],
            files[version],
            tmp_path_factory.mktemp("voices") / version,
            name=version,
            languages=languages,
            speaker_path=files["speaker"] if speaker and version.startswith("v2Pro") else None,
            reference=Reference(path=files["clip"], **said) if clip else None,
        )

    return imported


@pytest.fixture(scope="module")
def features(tmp_path_factory) -> Path:
    """Encoders of the sizes that the tiny voices take, with random weights, as a hub would hand them out."""
    folder = tmp_path_factory.mktemp("features")
    torch.manual_seed(5)
    vocabulary = {token: number for number, token in enumerate(["[UNK]", "[CLS]", "[SEP]", *"你好世界,."])}
    sizes = {"hidden_size": 12, "num_attention_heads": 2, "intermediate_size": 16, "num_hidden_layers": 1}
    sizes |= {"num_conv_pos_embedding_groups": 2, "num_conv_pos_embeddings": 8, "conv_dim": [6] * 7, "model_type": "hubert"}
    hubert = Hubert(channels=6, width=12, heads=2, inner=16, layers=1, kernel=8, groups=2)
    hubert.encoder["pos_conv_embed"].conv["weight_v"].data.normal_()
    bert = Bert(vocabulary, words=9, places=32, kinds=2, width=1024, heads=2, inner=16, layers=1)
    bert_sizes = {"hidden_size": 1024, "num_attention_heads": 2, "intermediate_size": 16, "num_hidden_layers": 3}
    bert_sizes |= {"max_position_embeddings": 32, "type_vocab_size": 2, "model_type": "bert"}
    for place, network, config in (
        ("chinese-hubert-base", hubert, sizes),
        ("chinese-roberta-wwm-ext-large", bert, bert_sizes),
    ):
        (folder / place).mkdir()
        (folder / place / "config.json").write_text(json.dumps(config))
        save_file(
            {name: tensor.contiguous() for name, tensor in network.state_dict().items()}, folder / place / "model.safetensors"
        )
    tokenizer = {"model": {"vocab": vocabulary}}
    (folder / "chinese-roberta-wwm-ext-large" / "tokenizer.json").write_text(json.dumps(tokenizer))
    return folder


@pytest.fixture(scope="module")
def voice(make):
    return load_voice(str(make()))


@pytest.fixture(scope="module")
def phrase(song, voice):
    return plan_score(song(NOTES), voice.card, PerformanceSettings()).tracks[0].performed.phrases[0]


@pytest.fixture(scope="module")
def sung(voice, phrase) -> np.ndarray:
    return voice.synthesise(phrase)


# --- singing ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mode", [Mode.SING, Mode.RAP])
def test_every_version_sings_on_the_grid(song, make, version: str, mode: Mode) -> None:
    voice = load_voice(str(make(version)))
    (phrase,) = plan_score(song(NOTES), voice.card, PerformanceSettings(mode=mode)).tracks[0].performed.phrases
    samples = voice.synthesise(phrase)
    assert samples.dtype == np.float32 and len(samples) == phrase.frames * RATE // 100
    assert np.isfinite(samples).all() and np.abs(samples).max() > 0.01
    for span in phrase.phones:
        if span.symbol == SILENCE:
            assert not samples[int(np.ceil(span.start_s * RATE)) : int(span.end_s * RATE)].any()


def test_one_performance_one_result(make, voice, phrase, sung) -> None:
    assert np.array_equal(voice.synthesise(phrase), sung)
    assert np.array_equal(load_voice(str(make())).synthesise(phrase), sung), "nothing is remembered that matters"
    other = voice.synthesise(replace(phrase, seed=1))
    assert len(other) == len(sung) and not np.array_equal(other, sung)


def test_other_notes_are_the_same_speech(voice, phrase, sung, monkeypatch) -> None:
    monkeypatch.setattr(voice._talker, "say", lambda *_, **__: pytest.fail("the words were spoken again"))
    higher = voice.synthesise(replace(phrase, f0_hz=phrase.f0_hz * 1.2))
    assert not np.array_equal(higher, sung)


def test_singing_is_as_loud_as_the_starter_voice(starter, voice, phrase, sung) -> None:
    wanted, sung = starter.card.gain * starter.synthesise(phrase), voice.card.gain * sung
    ratio_db = 10 * np.log10(np.sum(sung**2) / np.sum(wanted**2))
    assert abs(ratio_db) < 0.1


def test_missing_encoders_and_doubtful_alignment_give_notices(voice, phrase, sung) -> None:
    notices = " ".join(voice.notices(phrase))
    assert "no text of its reference clip" in notices
    assert "could not be followed well" in notices, "noise has no phones"
    changed = replace(phrase, breathiness=np.full(phrase.frames, 0.5, dtype=np.float32))
    voice.synthesise(changed)
    assert "cannot change its breathiness" in " ".join(voice.notices(changed))


def test_notices_are_kept_with_the_phrase(voice, phrase, sung, tmp_path) -> None:
    cache = PhraseCache(tmp_path)
    first = native_phrase(phrase, voice, cache)
    again = native_phrase(phrase, voice, cache)
    assert np.array_equal(first.samples, again.samples) and first.notices == again.notices and first.notices
    PhraseCache(tmp_path, limit_bytes=0).trim()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_performance_for_another_voice_is_refused(voice, phrase, starter, song) -> None:
    planned = plan_score(song(NOTES), starter.card, PerformanceSettings()).tracks[0].performed.phrases[0]
    assert planned.utterance is None, "a voice that sings phones is not given words"
    with pytest.raises(RenderError, match="reads words"):
        voice.synthesise(planned)


def test_songs_in_other_languages_are_read_in_them(song, voice) -> None:
    notes = [(0, 1, 60, "さ"), (1, 1, 62, "く"), (2, 1, 64, "ら")]
    plan = plan_score(song(notes), voice.card, PerformanceSettings())
    (phrase,) = plan.tracks[0].performed.phrases
    assert {s.vowel.language for word in phrase.utterance.words for s in word} == {"ja"}
    assert not any("accent" in warning for warning in plan.tracks[0].warnings)
    assert {phone.symbol for phone in phrase.phones} == {"SIL", "S", "AA", "K", "UW", "L"}, "a sketch in English phones"
    assert len(voice.synthesise(phrase)) == phrase.frames * RATE // 100


@pytest.mark.parametrize(
    ("language", "words", "symbols"),
    [
        ("ko", ["국", "물", "이", "-"], "ㄱ ㅜ ㅇ ㅁ ㅜ ㄹ ㅣ ."),
        ("ko", ["사랑해", "+", "+", "love"], "ㅅ ㅏ ㄹ ㅏ ㅇ ㅎ ㅐ L AH1 V ."),
        ("yue", ["nei5", "hou2", "m4", "-"], "Yn Yei5 Yh You2 Ym Ym4 ."),
    ],
)
def test_korean_and_cantonese_are_read_with_their_own_phonemes(
    song, voice, language: str, words: list[str], symbols: str
) -> None:
    score = song([(i, 1, 60 + i, word) for i, word in enumerate(words)])
    plan = plan_score(score, voice.card, PerformanceSettings(), words=WordSettings(language=language))
    (phrase,) = plan.tracks[0].performed.phrases
    assert not any("accent" in warning for warning in plan.tracks[0].warnings)
    samples = voice.synthesise(phrase)
    assert len(samples) == phrase.frames * RATE // 100 and np.isfinite(samples).all() and np.abs(samples).max() > 0.01
    reading = next(reversed(voice._spoken.values())).reading
    assert " ".join(reading.symbols) == symbols
    assert len(voice._talker.phones_of(reading).unique()) == len(set(reading.symbols)), "each has a number of its own"


def test_v1_voices_sing_korean_with_an_accent_and_refuse_to_read_it(song, make) -> None:
    folder = make("v1")
    voice = load_voice(str(folder))
    assert voice.card.languages == ("en", "zh", "ja")
    plan = plan_score(song([(0, 1, 60, "사"), (1, 1, 62, "랑")]), voice.card, PerformanceSettings())
    assert any("sung with its English sounds" in warning for warning in plan.tracks[0].warnings)
    (phrase,) = plan.tracks[0].performed.phrases
    assert len(voice.synthesise(phrase)) == phrase.frames * RATE // 100
    card = (folder / "card.toml").read_text(encoding="utf-8")
    (folder / "card.toml").write_text(re.sub(r"languages = \[[^]]*\]", 'languages = ["en", "ko"]', card), encoding="utf-8")
    with pytest.raises(VoiceError, match="phonemes of v1, which lack ko.*card.toml"):
        load_voice(str(folder))


# --- talking ------------------------------------------------------------------------------------------------------------------


def test_talk_is_the_wave_as_it_is(voice) -> None:
    (phrase,) = plan_text("Hello there my friend.", voice.card, PerformanceSettings()).tracks[0].performed.phrases
    samples = voice.synthesise(phrase)
    heard = next(reversed(voice._spoken.values()))
    lead = round(phrase.phones[0].end_s * RATE)
    assert phrase.phones[0].symbol == SILENCE and not samples[:lead].any()
    spoken = samples[lead : lead + len(heard.said.samples)]
    scale = np.dot(spoken, heard.said.samples) / np.dot(heard.said.samples, heard.said.samples)
    assert np.allclose(spoken, scale * heard.said.samples, atol=1e-6)


def test_faster_talk_is_shorter(voice) -> None:
    lengths = []
    for rate in (1.0, 2.0):
        (phrase,) = (
            plan_text("Hello there my friend.", voice.card, PerformanceSettings(speech_rate=rate)).tracks[0].performed.phrases
        )
        voice.synthesise(phrase)
        lead = round(phrase.phones[0].end_s * RATE)
        lengths.append(len(np.trim_zeros(voice.synthesise(phrase)[lead:])))
    assert lengths[1] == pytest.approx(lengths[0] / 2, rel=0.05)


def test_lines_wait_for_each_other(voice, starter, tmp_path) -> None:
    settings = PerformanceSettings()
    text = "Hello there my friend. How are you? Fine."
    plan = plan_text(text, voice.card, settings)
    moved = plan_text(text, voice.card, settings, durations=spoken_durations(voice, PhraseCache(tmp_path)))
    phrases = moved.tracks[0].performed.phrases
    ends_s = [p.start_s + len(voice.synthesise(p)) / RATE for p in phrases]
    assert all(end_s <= later.start_s for end_s, later in zip(ends_s, phrases[1:], strict=False))
    assert moved.seconds >= ends_s[-1] and phrases[0].start_s == plan.tracks[0].performed.phrases[0].start_s
    assert [p.hash for p in phrases] == [p.hash for p in plan.tracks[0].performed.phrases], "moved, not said differently"
    assert spoken_durations(starter, None) is None


def test_overlapping_timed_lines_are_sped_up_or_moved_with_a_notice(voice, tmp_path) -> None:
    text = parse_lyric_text("[00:01.00]Hello there my friend\n[00:01.20]How are you today\n")
    plan = plan_text(text, voice.card, PerformanceSettings(), durations=spoken_durations(voice, PhraseCache(tmp_path)))
    first, second = plan.tracks[0].performed.phrases
    assert first.utterance.speech_rate == 1.35
    assert first.start_s + len(voice.synthesise(first)) / RATE <= second.start_s
    said = " ".join(plan.tracks[0].warnings)
    assert "The line at 1.0 s is spoken 1.35 times as fast" in said and "The line at 1.2 s begins" in said


def test_talk_over_notes_keeps_its_place_where_it_fits(song, voice, tmp_path) -> None:
    plan = plan_score(song(NOTES), voice.card, PerformanceSettings(mode=Mode.TALK))
    durations = spoken_durations(voice, PhraseCache(tmp_path))
    spoken = plan_score(song(NOTES), voice.card, PerformanceSettings(mode=Mode.TALK), durations=durations)
    phrases, free_from_s = spoken.tracks[0].performed.phrases, 0.0
    for phrase, written in zip(phrases, plan.tracks[0].performed.phrases, strict=True):
        assert phrase.start_s == pytest.approx(max(written.start_s, free_from_s), abs=0.011)
        free_from_s = phrase.start_s + durations(phrase)
    assert spoken.seconds >= plan.seconds


@pytest.mark.parametrize("mode", [Mode.TALK, Mode.SING])
def test_a_session_plans_with_the_pace_of_the_voice(song, voice, tmp_path, mode) -> None:
    """`play` and `serve` plan as `render` does: spoken lines give way, sung ones never load a voice for planning."""
    crowded = song([(4, 1, 57, "antidisestablishmentarianism"), (5.5, 1, 57, "incomprehensibilities"), (7, 1, 57, "go")])
    loaded = []

    def load(name):
        loaded.append(name)
        return voice

    singer = RenderJobRunner(VoiceLibrary(cache=tmp_path), load)
    plan = singer.plan(crowded, TrackSettings(voice="any", settings=PerformanceSettings(mode=mode)))
    durations = spoken_durations(voice, PhraseCache(tmp_path)) if mode is Mode.TALK else None
    wanted = plan_score(crowded, voice.card, PerformanceSettings(mode=mode), durations=durations)
    assert [p.start_frame for p in plan.tracks[0].performed.phrases] == [
        p.start_frame for p in wanted.tracks[0].performed.phrases
    ]
    if mode is Mode.TALK:
        phrases = plan.tracks[0].performed.phrases
        ends_s = [p.start_s + len(voice.synthesise(p)) / RATE for p in phrases]
        assert all(end_s <= later.start_s + 1e-9 for end_s, later in zip(ends_s, phrases[1:], strict=False))


# --- encoders and references --------------------------------------------------------------------------------------------------


def test_hubert_gives_a_prompt_and_bert_reads_chinese(make, features, song) -> None:
    folder = make(text="Hello there my friend.")
    plain, full = load_voice(str(folder)), load_voice(str(folder), features=features)
    assert plain.fingerprint != full.fingerprint
    notes = [(0, 1, 60, "你"), (1, 1, 62, "好"), (2, 1, 64, "世"), (3, 1, 64, "界")]
    pytest.importorskip("pypinyin")
    (phrase,) = plan_score(song(notes), full.card, PerformanceSettings()).tracks[0].performed.phrases
    assert not np.array_equal(plain.synthesise(phrase), full.synthesise(phrase))
    told = [" ".join(voice.notices(phrase)) for voice in (plain, full)]
    assert "HuBERT is not there" in told[0] and "BERT is not there, so Chinese" in told[0]
    assert "is not there" not in told[1] and "reference" not in told[1]
    heard = full._talker.conditioning
    assert len(heard.prompt) == (4 + 0.6) * 25 - 1 or abs(len(heard.prompt) - 115) <= 1
    assert "".join(heard.reading.symbols).startswith("HHAH0L")


def test_an_incomplete_features_folder_is_as_good_as_none(tmp_path) -> None:
    (tmp_path / "chinese-hubert-base").mkdir()
    (tmp_path / "chinese-hubert-base" / "config.json").write_text("{}")
    found = FeatureFolder(tmp_path)
    assert (found.hubert, found.bert, found.speaker_file) == (None, None, None)
    assert found.fingerprint == FeatureFolder().fingerprint == "none+none"
    assert len({file.path for file in FEATURE_FILES}) == 6


def test_voices_that_cannot_sing_say_what_to_do(make, phrase) -> None:
    with pytest.raises(VoiceError, match="no reference clip"):
        load_voice(str(make(clip=False))).synthesise(phrase)
    with pytest.raises(VoiceError, match="speaker-encoder"):
        load_voice(str(make("v2Pro", speaker=False))).synthesise(phrase)


def test_a_changed_clip_is_refused(make, phrase) -> None:
    folder = make()
    soundfile.write(folder / "reference.wav", np.zeros(RATE * 4), RATE)
    with pytest.raises(VoiceError, match="missing or was changed"):
        load_voice(str(folder)).synthesise(phrase)


# --- what the coverage check rests on -----------------------------------------------------------------------------------------


def test_noise_is_further_from_the_words_than_speech(starter) -> None:
    (line,) = (
        plan_text("Remember the silver water, my quiet boy.", starter.card, PerformanceSettings()).tracks[0].performed.phrases
    )
    spoken = starter.synthesise(line)
    noise = 0.1 * np.random.default_rng(1).standard_normal(len(spoken))
    costs = [np.median(align_with_costs(x, RATE, line.phones, starter).costs) for x in (spoken, noise)]
    assert costs[0] < 1.08 < costs[1]
