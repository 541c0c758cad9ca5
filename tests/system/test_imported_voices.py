"""A user's GPT-SoVITS voice from the command line: imported, listed, sung with; the encoders fetched, or where they belong."""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
import types
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from gpt_sovits_tiny import save_gpt, save_official, save_sovits, speaker_weights

from bridge.cli.render import RenderOptions
from bridge.commands import render_file
from engine import Mode
from engine.voices.gpt_sovits.adapter_files import install_adapter, save_adapter
from engine.voices.gpt_sovits.importer import load_networks
from engine.voices.gpt_sovits.networks.adapter import PitchAdapter

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def one_take():
    """Random weights say nothing right however often they are asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.voices.gpt_sovits.speech._TAKES", 1)
        yield


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("official")
    made = {"gpt": save_gpt(folder / "me-e15.ckpt"), "sovits": save_sovits(folder / "me_e8.pth", "v2")}
    made["v1"], made["gpt_v1"] = save_sovits(folder / "v1.pth", "v1"), save_gpt(folder / "v1.ckpt", phonemes=512)
    made["pro"] = save_sovits(folder / "me_pro.pth", "v2Pro")
    made["speaker"] = save_official(folder / "speaker.ckpt", dict(speaker_weights()))
    made["clip"] = folder / "clip.wav"
    soundfile.write(made["clip"], 0.1 * np.random.default_rng(6).standard_normal(4 * 16_000), 16_000)
    return made


@pytest.fixture
def importing(vocalese, files, tmp_path):
    """`importing("me", gpt=…, …)`: runs `voice import` into this test's folder."""

    def run(name: str, *more: object, gpt: str = "gpt", sovits: str = "sovits"):
        given = ("--gpt", files[gpt], "--sovits", files[sovits], "-o", tmp_path / "voice", "--features", tmp_path / "features")
        return vocalese("voice", "import", *given, *more, name)

    return run


@pytest.fixture(scope="module")
def imported(vocalese, files) -> str:
    """A voice among the user's."""
    answer = vocalese(
        "voice", "import", "--gpt", files["gpt"], "--sovits", files["sovits"], "--reference", files["clip"],
        "--reference-text", "Hello there my friend.", "--consent", "my own voice", "me",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    return answer.out


def test_an_import_says_what_is_still_missing(imported) -> None:
    assert "'me' (v2) is in" in imported
    assert "HuBERT is not there" in imported and "BERT is not there" in imported
    assert "Consent: my own voice" in imported and "not stated by the importer" in imported


def test_the_voice_is_listed_with_its_card(vocalese, imported, private_folders) -> None:
    voices = vocalese("voices", "--json").last_line["voices"]
    (card,) = [voice for voice in voices if voice["name"] == "me"]
    assert (card["consent"], card["licence"]) == ("my own voice", "not stated by the importer")
    assert card["languages"] == ["en", "zh", "ja", "ko", "yue"]
    folder = Path(card["folder"])
    assert sorted(path.name for path in folder.iterdir()) == ["card.toml", "reference.wav", "weights.safetensors"]
    assert (
        tomllib.loads((folder / "card.toml").read_text(encoding="utf-8"))["model"]["reference"]["text"]
        == "Hello there my friend."
    )


def test_it_renders_a_song(vocalese, imported, melody, tmp_path) -> None:
    answer = vocalese("render", melody, "--voice", "me", "-o", tmp_path, "--json", "--no-cache")
    assert answer.code == 0, answer.err
    (stem,) = answer.stems
    samples, rate = soundfile.read(stem["path"])
    assert rate == 48_000 and len(samples) / rate == pytest.approx(stem["seconds"], abs=1e-3)
    assert np.isfinite(samples).all() and np.abs(samples).max() > 0.01
    assert any("HuBERT is not there" in warning for warning in stem["warnings"])
    assert any("could not be followed well" in warning for warning in stem["warnings"])


def test_it_cannot_be_matched_with_a_clip_and_says_why(vocalese, imported, tmp_path) -> None:
    answer = vocalese("voice", "match", tmp_path / "any.wav", "--voice", "me")
    assert answer.code == 1 and "sounds like its reference clip" in answer.err and "kathleen" in answer.err


@pytest.mark.parametrize(("language", "words"), [("ko", "국물이 좋아"), ("yue", "nei5 hou2 aa3 hou2 aa3")])
def test_it_renders_korean_and_cantonese(vocalese, imported, midi, tmp_path, language: str, words: str) -> None:
    score = midi("hello", [(i, 1, 60 + i, None) for i in range(5)])
    options = ("--lyrics", words, "--language", language, "--json", "--no-cache")
    for voice in ("me", "kathleen"):
        answer = vocalese("render", score, "--voice", voice, "-o", tmp_path / voice, *options)
        assert answer.code == 0, answer.err
        (stem,) = answer.stems
        samples, _ = soundfile.read(stem["path"])
        assert np.isfinite(samples).all() and np.abs(samples).max() > 0.01
        assert any("accent" in warning for warning in stem["warnings"]) == (voice == "kathleen")


def test_it_talks_at_its_own_pace_and_again_from_the_cache(vocalese, imported, tmp_path) -> None:
    (tmp_path / "lines.txt").write_text("Hello there.\nHow are you today?\n", encoding="utf-8")
    stems = []
    for folder in ("first", "again"):
        answer = vocalese(
            "render", tmp_path / "lines.txt", "--mode", "talk", "--voice", "me", "-o", tmp_path / folder, "--json"
        )
        assert answer.code == 0, answer.err
        stems += answer.stems
    assert Path(stems[0]["path"]).read_bytes() == Path(stems[1]["path"]).read_bytes()
    assert stems[0]["warnings"] == stems[1]["warnings"] and stems[0]["warnings"]


@pytest.mark.parametrize(
    ("more", "files_given", "message"),
    [
        ((), {"gpt": "sovits", "sovits": "gpt"}, "Swap the GPT and the SoVITS file"),
        ((), {"gpt": "clip"}, "clip.wav"),
        (("--reference", "nowhere.wav"), {}, "no file nowhere.wav"),
        (("--reference-text", "Hello."), {}, "--reference too"),
        (("--range", "60", "50"), {}, "is no range"),
        (("--speaker-encoder", "SPEAKER"), {}, "no use for a speaker network"),
        (
            ("--languages", "en", "ko", "--title", "Me"),
            {"gpt": "gpt_v1", "sovits": "v1"},
            "Korean cannot be read by a v1 voice",
        ),
    ],
)
def test_what_cannot_be_imported_is_one_clear_line_and_leaves_nothing(
    importing, files, tmp_path, more, files_given, message: str
) -> None:
    answer = importing("me", *(files[part.lower()] if part in ("CLIP", "SPEAKER") else part for part in more), **files_given)
    assert answer.code == 1 and message in answer.err
    assert len(answer.err.strip().splitlines()) == 1
    assert not (tmp_path / "voice").exists()


def test_a_cut_file_leaves_nothing(importing, files, tmp_path) -> None:
    files["cut"] = tmp_path / "cut.pth"
    files["cut"].write_bytes(files["sovits"].read_bytes()[:-3000])
    answer = importing("me", sovits="cut")
    assert answer.code == 1 and "cut.pth" in answer.err and not (tmp_path / "voice").exists()


@pytest.mark.parametrize("name", ["..", "a/b", "", "nul\x00"])
def test_names_that_are_no_folders_are_refused(vocalese, files, name: str) -> None:
    answer = vocalese("voice", "import", "--gpt", files["gpt"], "--sovits", files["sovits"], name)
    assert answer.code == 1 and "folder's name" in answer.err


def test_an_existing_voice_is_not_written_over(importing) -> None:
    assert importing("me").code == 0
    again = importing("me")
    assert again.code == 1 and "not empty" in again.err


def test_pro_voices_take_the_fetched_speaker_network(importing, files, tmp_path) -> None:
    place = tmp_path / "features" / "sv" / "pretrained_eres2netv2w24s4ep4.ckpt"
    lacking = importing("me", sovits="pro")
    assert "lacks the speaker network" in lacking.out
    shutil.rmtree(tmp_path / "voice")
    place.parent.mkdir(parents=True)
    shutil.copy(files["speaker"], place)
    assert "lacks the speaker network" not in importing("me", sovits="pro").out


# --- fetch --------------------------------------------------------------------------------------------------------------------


def test_the_list_says_what_goes_where(vocalese, tmp_path) -> None:
    (tmp_path / "chinese-hubert-base").mkdir()
    (tmp_path / "chinese-hubert-base" / "config.json").write_text("{}")
    answer = vocalese("voice", "fetch", "--list", "--features", tmp_path)
    assert answer.code == 0
    lines = {line.split()[1]: line.split()[0] for line in answer.out.splitlines() if line.startswith("    ")}
    assert lines["chinese-hubert-base/config.json"] == "there"
    assert lines["chinese-roberta-wwm-ext-large/pytorch_model.bin"] == "missing" and len(lines) == 6
    assert str(tmp_path) in answer.out and "lj1995/GPT-SoVITS" in answer.out


def test_without_the_package_it_says_how_to_do_it_by_hand(vocalese, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)  # an import of it fails, installed or not
    answer = vocalese("voice", "fetch", "--features", tmp_path)
    assert answer.code == 1 and "vocalese[hub]" in answer.err and "put each under its name" in answer.err


def test_missing_files_are_fetched_and_a_failure_says_which(vocalese, tmp_path, monkeypatch) -> None:
    asked = []

    def download(repository: str, path: str, *, local_dir: Path) -> None:
        asked.append((repository, path))
        if path.endswith(".ckpt"):
            raise ConnectionError("no route to host")
        (local_dir / path).parent.mkdir(parents=True, exist_ok=True)
        (local_dir / path).write_text(json.dumps({}))

    hub = types.ModuleType("huggingface_hub")
    hub.hf_hub_download = download  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    answer = vocalese("voice", "fetch", "--features", tmp_path)
    assert answer.code == 1 and "eres2netv2" in answer.err and "no route to host" in answer.err
    assert len(asked) == 6 and {repository for repository, _ in asked} == {"lj1995/GPT-SoVITS"}
    asked.clear()
    vocalese("voice", "fetch", "--features", tmp_path)
    assert [path for _, path in asked] == ["sv/pretrained_eres2netv2w24s4ep4.ckpt"], "what is there is not fetched again"


# --- pitch adapters -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def with_adapter(imported, private_folders, tmp_path):
    """A copy of the voice, and the folder of an adapter for it."""
    given = next(private_folders.rglob("voices/me"))
    folder = Path(shutil.copytree(given, tmp_path / "singer"))
    networks = load_networks(folder)
    adapter = PitchAdapter(networks.gpt.config, networks.sovits.config)
    return folder, save_adapter(adapter, tmp_path / "adapter", networks.card, {"clips": 28, "steps": 4000})


def test_an_adapter_is_used_when_it_is_given_or_installed(vocalese, with_adapter, melody, tmp_path, monkeypatch) -> None:
    folder, adapter = with_adapter
    monkeypatch.setattr("engine.voices.gpt_sovits.voice._LEAST_LIKENESS", 0.0)
    stems = {}
    for name, more in (("plain", ()), ("given", ("--adapter", adapter)), ("none", ("--adapter", "none"))):
        answer = vocalese("render", melody, "--voice", folder, "-o", tmp_path / name, "--json", *more)
        assert answer.code == 0, answer.err
        stems[name] = Path(answer.stems[0]["path"]).read_bytes()
    assert stems["plain"] == stems["none"] != stems["given"]
    install_adapter(adapter, folder)
    answer = vocalese("render", melody, "--voice", folder, "-o", tmp_path / "installed", "--json", "--no-cache")
    assert Path(answer.stems[0]["path"]).read_bytes() == stems["given"]
    assert not any("spoken" in warning for warning in answer.stems[0]["warnings"])


def test_voices_lists_adapters(vocalese, with_adapter, private_folders) -> None:
    folder, adapter = with_adapter
    place = next(private_folders.rglob("voices")) / "singer"
    shutil.copytree(folder, place)
    try:
        assert "Pitch adapter" not in vocalese("voices").out
        install_adapter(adapter, place)
        assert "    Pitch adapter: clips 28, steps 4000" in vocalese("voices").out
        (entry,) = [v for v in vocalese("voices", "--json").last_line["voices"] if v["folder"] == str(place)]
        assert entry["adapter"] == {"clips": 28, "steps": 4000}
        (place / "adapter" / "adapter.toml").write_text("format = 9")
        assert "Pitch adapter: cannot be used." in vocalese("voices").out
    finally:
        shutil.rmtree(place)


def test_what_is_not_for_this_voice_or_machine_is_one_clear_line(vocalese, imported, with_adapter, melody, tmp_path) -> None:
    _, adapter = with_adapter
    for more, message in (
        (("--adapter", adapter), "'kathleen' is no GPT-SoVITS voice"),
        (("--precision", "int8"), "'kathleen' is no GPT-SoVITS voice"),
        (("--voice", "me", "--adapter", tmp_path), "holds no pitch adapter"),
        (("--voice", "me", "--precision", "int8", "--device", "cuda"), "eight bits are for the CPU"),
    ):
        answer = vocalese("render", melody, "-o", tmp_path / "stems", *more)
        assert answer.code != 0 and message in answer.err and len(answer.err.strip().splitlines()) == 1
    if not torch.cuda.is_available():
        answer = vocalese("render", melody, "-o", tmp_path / "stems", "--voice", "me", "--device", "cuda")
        assert answer.code != 0 and "no CUDA device" in answer.err


def test_the_real_time_factor_of_talk_counts_the_speech(imported, private_folders, tmp_path, monkeypatch) -> None:
    """A clock that moves by 50 s of processor time while lines are spoken to be planned, before the stem is written."""
    clock = [0.0]
    monkeypatch.setattr(render_file.time, "process_time", lambda: clock[0])
    plan_file = render_file.plan_file

    def slow_plan(*arguments):
        clock[0] += 50.0
        return plan_file(*arguments)

    monkeypatch.setattr(render_file, "plan_file", slow_plan)
    (tmp_path / "line.txt").write_text("Hi.", encoding="utf-8")
    voices = private_folders / "xdg_data_home/vocalese/voices"
    options = RenderOptions(mode=Mode.TALK, output=tmp_path / "out", voice="me", voice_folders=(voices,), uses_cache=False)
    (stem,) = render_file.render_file(tmp_path / "line.txt", options).stems
    assert stem.rtf == pytest.approx(50.0 / stem.seconds, rel=1e-3)
