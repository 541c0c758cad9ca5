"""Official files become voice folders; anything else becomes one clear message, and nothing in a file is ever run."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import random
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from gpt_sovits_tiny import (
    VERSIONS,
    gpt_config,
    gpt_weights,
    nested_hparams,
    repacked,
    save_gpt,
    save_official,
    save_sovits,
    sovits_config,
    sovits_weights,
    speaker_weights,
)

from engine.errors import OutputError, VoiceError
from engine.voices.card import read_card
from engine.voices.gpt_sovits import importer as gpt_sovits
from engine.voices.gpt_sovits.importer import Provenance, Reference, import_voice, load_networks
from engine.voices.gpt_sovits.networks.config import GptConfig, SovitsConfig
from engine.voices.gpt_sovits.networks.official import read_official
from engine.voices.gpt_sovits.networks.weights import build_gpt, build_sovits

KINDS = ("gpt", "gpt_v1", *VERSIONS, "speaker")
CANARY = "canary"


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """One intact file of each kind."""
    folder = tmp_path_factory.mktemp("official")
    made = {version: save_sovits(folder / f"{version}.pth", version) for version in VERSIONS}
    made["gpt"] = save_gpt(folder / "gpt.ckpt")
    made["gpt_v1"] = save_gpt(folder / "gpt_v1.ckpt", phonemes=512)
    made["speaker"] = save_official(folder / "speaker.ckpt", dict(speaker_weights()))
    import_voice(made["gpt"], made["v2"], folder / "voice", name="x")  # the first time, torch makes itself a temporary folder
    return made


def gpt_of(files: dict[str, Path], version: str) -> Path:
    return files["gpt_v1" if version == "v1" else "gpt"]


def import_in_place_of(kind: str, path: Path, files: dict[str, Path], folder: Path) -> Path:
    """Imports a voice of intact files, except that `path` stands where the file `kind` belongs."""
    if kind == "speaker":
        return import_voice(files["gpt"], files["v2Pro"], folder, name="x", speaker_path=path)
    if kind in VERSIONS:
        return import_voice(gpt_of(files, kind), path, folder, name="x")
    return import_voice(path, files["v1" if kind == "gpt_v1" else "v2"], folder, name="x")


# ---------------------------------------------------------------------------------------------------------- what is loaded


@pytest.mark.parametrize("version", VERSIONS)
def test_an_imported_voice_is_the_official_one(files, tmp_path, version: str) -> None:
    folder = import_voice(gpt_of(files, version), files[version], tmp_path / "voice", name="me", languages=["en", "ja"])
    voice = load_networks(folder)
    official = read_official(files[version])
    direct = build_sovits(official.weights, SovitsConfig.from_official(official.config, official.weights))
    assert all(torch.equal(direct.state_dict()[name], tensor) for name, tensor in voice.sovits.state_dict().items())
    official = read_official(gpt_of(files, version))
    gpt = build_gpt(official.weights, GptConfig.from_official(official.config, official.weights))
    assert all(torch.equal(gpt.state_dict()[name], tensor) for name, tensor in voice.gpt.state_dict().items())
    assert (voice.card.kind, voice.card.name, voice.card.languages) == ("gpt-sovits", "me", ("en", "ja"))
    assert voice.card.model["version"] == version and voice.speaker is None
    assert voice.card.model["symbols"] == ("v1" if version == "v1" else "v2")
    assert sorted(path.name for path in folder.iterdir()) == ["card.toml", "weights.safetensors"]


@pytest.mark.parametrize("header", [b"PK", b"00", b"01", b"05", b"06"])
@pytest.mark.parametrize("hparams", [True, False])
@pytest.mark.parametrize("posterior", [True, False])
def test_all_ways_of_writing_a_file_are_read(tmp_path, header: bytes, hparams: bool, posterior: bool) -> None:
    path = save_sovits(tmp_path / "a.pth", posterior=posterior, hparams=hparams, header=header)
    file = read_official(path)
    assert file.config == sovits_config() and file.info == "8epoch_216iteration"
    assert any(name.startswith("enc_q.") for name in file.weights) == posterior
    assert all(tensor.dtype == torch.float16 for tensor in file.weights.values())


@pytest.mark.slow
def test_the_posterior_is_kept_for_training(files, tmp_path) -> None:
    path = save_sovits(tmp_path / "base.pth", posterior=True)
    folder = import_voice(files["gpt"], path, tmp_path / "voice", name="base")
    assert load_networks(folder).sovits.posterior is None
    assert load_networks(folder, for_training=True).sovits.posterior is not None


def test_speaker_reference_and_rights_go_into_the_folder(files, tmp_path) -> None:
    clip = tmp_path / "clip.wav"
    soundfile.write(clip, 0.1 * np.random.default_rng(1).standard_normal((4 * 16_000, 2)), 16_000)
    said = Reference(path=clip, text='She said: "ü\n…"', language="de")
    rights = Provenance(licence="CC-BY-4.0", consent="my own voice")
    folder = import_voice(
        files["gpt"],
        files["v2Pro"],
        tmp_path / "voice",
        name="pro",
        speaker_path=files["speaker"],
        reference=said,
        provenance=rights,
    )
    voice = load_networks(folder)
    assert voice.speaker is not None and (voice.card.licence, voice.card.consent) == ("CC-BY-4.0", "my own voice")
    reference = voice.card.model["reference"]
    assert (reference["text"], reference["language"]) == (said.text, "de")
    samples, rate = soundfile.read(folder / reference["file"])
    assert samples.shape == (64_000,) and rate == 16_000


@pytest.mark.parametrize(("seconds", "level", "message"), [(2.5, 0.1, "2.5 s"), (11, 0.1, "11.0 s"), (4, 0.0, "silent")])
def test_a_reference_must_be_usable(files, tmp_path, seconds: float, level: float, message: str) -> None:
    clip = tmp_path / "clip.wav"
    soundfile.write(clip, np.full(int(seconds * 16_000), level), 16_000)
    with pytest.raises(VoiceError, match=message):
        import_voice(files["gpt"], files["v2"], tmp_path / "voice", name="x", reference=Reference(path=clip))
    assert not (tmp_path / "voice").exists()


# ------------------------------------------------------------------------------------------------------ what is not loaded


def test_wrong_pairs_are_named(files, tmp_path) -> None:
    for gpt, sovits, message in (
        (files["v2"], files["gpt"], "Swap the GPT and the SoVITS file"),
        (files["gpt"], files["gpt"], "is a GPT .s1. file, but a SoVITS .s2. file is needed"),
        (files["speaker"], files["v2"], "speaker network"),
        (files["gpt_v1"], files["v2"], "do not belong together"),
        (files["gpt"], files["v1"], "do not belong together"),
    ):
        with pytest.raises(VoiceError, match=message):
            import_voice(gpt, sovits, tmp_path / "voice", name="x")
    with pytest.raises(VoiceError, match="no use for a speaker"):
        import_voice(files["gpt"], files["v2"], tmp_path / "voice", name="x", speaker_path=files["speaker"])
    with pytest.raises(VoiceError, match="name"):
        import_voice(files["gpt"], files["v2"], tmp_path / "voice", name="\n")
    assert not (tmp_path / "voice").exists()


def test_languages_without_phonemes_are_refused(files, tmp_path) -> None:
    clip = tmp_path / "clip.wav"
    soundfile.write(clip, 0.1 * np.random.default_rng(1).standard_normal(4 * 16_000), 16_000)
    said = {"reference": Reference(path=clip, text="你好", language="yue")}
    for more, name in (({"languages": ["en", "ko"]}, "Korean"), (said, "Cantonese")):
        with pytest.raises(VoiceError, match=f"{name} cannot be read by a v1 voice.*en, zh, ja"):
            import_voice(files["gpt_v1"], files["v1"], tmp_path / "voice", name="x", **more)
        assert not (tmp_path / "voice").exists()
    folder = import_voice(files["gpt"], files["v2"], tmp_path / "voice", name="x", **said)
    assert load_networks(folder).card.languages == ("en", "zh", "ja", "ko", "yue")


def with_nan(weights: dict) -> dict:
    return weights | {"model.bert_proj.bias": torch.full((16,), float("nan"))}


OTHER_CONTENTS: dict[str, tuple[object, str]] = {
    "v3": ({"weight": {"cfm.estimator.x": torch.zeros(1)}, "config": {}}, "v3 or v4"),
    "lora": ({"weight": {"cfm.a.lora_A.default.weight": torch.zeros(1)}, "config": {}, "lora_rank": 32}, "LoRA"),
    "sovits training": ({"model": {}, "optimizer": {}, "iteration": 3, "learning_rate": 1e-4}, "SoVITS training"),
    "gpt training": ({"state_dict": {}, "epoch": 3}, "GPT training"),
    "discriminator": ({"weight": {"discriminators.0.convs.0.bias": torch.zeros(1)}}, "s2G"),
    "converter": ({"weight": {"enc_p.emb_phone.weight": torch.zeros(1)}, "config": [1], "f0": 1}, "RVC"),
    "vocoder": ({"conv_pre.weight": torch.zeros(1), "ups.0.weight": torch.zeros(1)}, "vocoder"),
    "other": ({"encoder.weight": torch.zeros(1)}, "encoder.weight"),
    "tensor": (torch.zeros(3), "no named weights"),
    "numbered": ({"weight": {3: torch.zeros(1)}}, "no named weights"),
    "no config": ({"weight": dict(gpt_weights())}, "configuration"),
    "no heads": ({"weight": dict(gpt_weights()), "config": {"model": {}}}, "model.head"),
    "odd heads": ({"weight": dict(gpt_weights()), "config": {"model": {"head": 3}}}, "3 attention heads"),
    "nan": ({"weight": with_nan(dict(gpt_weights())), "config": gpt_config()}, "not numbers"),
    "a part": (
        {"weight": dict(list(gpt_weights().items())[:4] + list(gpt_weights().items())[-1:]), "config": gpt_config()},
        "missing",
    ),
    "not a tensor": ({"weight": dict(gpt_weights()) | {"x": 3}, "config": gpt_config()}, "not everything"),
    "giant": ({"weight": dict(gpt_weights()) | {"x": torch.zeros(1).expand(2**31)}, "config": gpt_config()}, "sizes or kinds"),
    "one more": ({"weight": dict(gpt_weights()) | {"x": torch.zeros(1)}, "config": gpt_config()}, "1 unknown"),
}


@pytest.mark.parametrize("name", OTHER_CONTENTS)
def test_other_torch_files_are_named(files, tmp_path, name: str) -> None:
    content, message = OTHER_CONTENTS[name]
    path = save_official(tmp_path / "other.pth", content)
    with pytest.raises(VoiceError, match=message) as raised:
        import_voice(path, files["v2"], tmp_path / "voice", name="x")
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("header", [b"02", b"03", b"04"])
def test_later_versions_are_named_by_their_header(files, tmp_path, header: bytes) -> None:
    path = save_sovits(tmp_path / "later.pth", header=header)
    with pytest.raises(VoiceError, match="v3 or v4.*v2ProPlus"):
        import_voice(files["gpt"], path, tmp_path / "voice", name="x")


def zipped() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("voice.pth", bytes(100))
    return made.getvalue()


def bomb(content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
        new.writestr("archive/data/99", bytes(10_000_000))
    return made.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><title>404", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"RIFF\x00\x00\x00\x00WAVE", "sound file"),
        (b"\x80\x04\x95", "bare pickle"),
        (b"\x10\x00\x00\x00\x00\x00\x00\x00{}", "safetensors"),
        (b"just words", "not a torch file"),
        (b"PK\x03\x04", "incomplete"),
        (zipped(), "Unpack it"),
    ],
)
def test_other_files_are_named(files, tmp_path, content: bytes, message: str) -> None:
    path = tmp_path / "file.ckpt"
    path.write_bytes(content)
    with pytest.raises(VoiceError, match=message):
        import_voice(path, files["v2"], tmp_path / "voice", name="x")


def test_a_packed_bomb_is_not_unpacked(files, tmp_path) -> None:
    path = tmp_path / "file.ckpt"
    path.write_bytes(bomb(files["gpt"].read_bytes()))
    with pytest.raises(VoiceError, match="packed in a way"):
        read_official(path)


def test_missing_files_and_folders_are_named(files, tmp_path) -> None:
    for path, message in ((tmp_path / "none.ckpt", "cannot be read"), (tmp_path, "is a folder")):
        with pytest.raises(VoiceError, match=message):
            read_official(path)


def test_a_tensor_larger_than_its_bytes_is_refused(files, tmp_path) -> None:
    """Memory behind the last byte of the file is never read as weights."""
    weights = dict(gpt_weights())
    small = torch.zeros(7, 11, dtype=torch.float16)
    path = save_official(tmp_path / "a.ckpt", {"weight": weights | {"x": small}, "config": gpt_config()})

    def enlarge(data: bytes) -> bytes:
        assert data.count(b"K\x07K\x0b\x86") == 1
        return data.replace(b"K\x07K\x0b\x86", b"J\xff\xff\x0f\x00K\x0b\x86")

    path.write_bytes(repacked(path.read_bytes(), enlarge))
    with pytest.raises(VoiceError, match="damaged"):
        read_official(path)


# ------------------------------------------------------------------------------------------------------- what is left over


def test_a_folder_in_use_is_left_alone(files, tmp_path) -> None:
    (tmp_path / "voice").mkdir()
    (tmp_path / "voice" / "song.mid").write_bytes(b"mine")
    with pytest.raises(OutputError, match="not empty"):
        import_voice(files["gpt"], files["v2"], tmp_path / "voice", name="x")
    assert [path.name for path in (tmp_path / "voice").iterdir()] == ["song.mid"]


@pytest.mark.parametrize("made_before", [True, False])
def test_a_failed_import_leaves_nothing(files, tmp_path, monkeypatch, made_before: bool) -> None:
    if made_before:
        (tmp_path / "voice").mkdir()

    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gpt_sovits, "toml_text", full)  # the weights are already there then
    with pytest.raises(OutputError, match="No space left"):
        import_voice(files["gpt"], files["v2"], tmp_path / "voice", name="x")
    assert [path.name for path in tmp_path.rglob("*")] == (["voice"] if made_before else [])


def test_a_changed_folder_is_noticed(files, tmp_path) -> None:
    folder = import_voice(files["gpt"], files["v2"], tmp_path / "voice", name="x")
    weights = folder / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(VoiceError, match="damaged or was changed"):
        load_networks(folder)


# ----------------------------------------------------------------------------------------------------------- hostile files


class Evil:
    """Runs `call(*arguments)` when an ordinary unpickler reads it."""

    def __init__(self, call: Callable, *arguments: object) -> None:
        self.reduced = (call, arguments)

    def __reduce__(self) -> tuple:
        return self.reduced


def raw_call(module: str, name: str, argument: str) -> bytes:
    """A pickle of protocol 2 that calls `module.name(argument)`."""
    text = argument.encode()
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"X" + len(text).to_bytes(4, "little") + text + b"\x85R."


def hostile_pickles(canary: Path) -> list[bytes]:
    """Pickles that would make the canary appear."""
    touch, script = f"touch {canary}", f"open({str(canary)!r}, 'w').close()"
    calls = [
        ("os", "system", touch),
        ("posix", "system", touch),
        ("nt", "system", touch),
        ("builtins", "exec", script),
        ("builtins", "eval", script),
        ("__builtin__", "eval", script),
        ("subprocess", "getoutput", touch),
        ("pathlib", "Path.touch", str(canary)),
        ("torch", "load", str(canary)),
        ("torch._utils", "os.system", touch),
        ("utils", "HParams.__init__.__globals__", touch),
        ("utils", "HParams", touch),
        ("utils", "os.system", touch),
        ("engine.voices.gpt_sovits.networks.official", "HParams", touch),
        ("engine.voices.gpt_sovits.networks.official", "zipfile.os.system", touch),
        ("numpy.testing._private.utils", "runstring", script),
        ("torch.storage", "_load_from_bytes", touch),
        ("runpy", "run_path", str(canary)),
        ("pty", "spawn", touch),
    ]
    evil = [
        Evil(os.system, touch),
        Evil(exec, script),
        Evil(subprocess.call, ["touch", str(canary)]),
        Evil(open, str(canary), "w"),
    ]
    dumped = [pickle.dumps(thing, protocol) for thing in evil for protocol in (2, 4)]
    nested = [pickle.dumps({"weight": {}, "config": thing}, 2) for thing in evil]
    return [raw_call(*call) for call in calls] + dumped + nested


@pytest.fixture
def enclosed(tmp_path, monkeypatch) -> Path:
    """A folder that is everything such a program would reach by name: where it runs, its home, its place for temporary files."""
    for name in ("work", "home", "temporary"):
        (tmp_path / name).mkdir()
    for variable in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def everything_in(folder: Path) -> dict[str, tuple[int, int]]:
    """All files and folders outside work/voice, however deep; files with size and time of the last change."""
    paths = [path for path in folder.rglob("*") if not path.is_relative_to(folder / "work" / "voice")]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) if path.is_file() else (0, 0) for path in paths}


def assert_refused(kind: str, path: Path, files: dict[str, Path], enclosed: Path) -> None:
    before = everything_in(enclosed)
    with pytest.raises(VoiceError) as raised:
        import_in_place_of(kind, path, files, Path("voice"))
    message = str(raised.value)
    assert str(path) in message and "\n" not in message and len(message) < 600
    assert not Path("voice").exists() and everything_in(enclosed) == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.slow
def test_hostile_files_are_refused_and_not_run(files, enclosed, kind: str) -> None:
    """Refusal in each role: GPT, SoVITS and speaker network."""
    canary, path = enclosed / "canary", enclosed / "evil.ckpt"
    for evil in hostile_pickles(canary):
        path.write_bytes(repacked(files[kind].read_bytes(), lambda _, evil=evil: evil))
        assert_refused(kind, path, files, enclosed)
        path.write_bytes(evil)  # not even in a zip
        assert_refused(kind, path, files, enclosed)
    for place in ("weight", "config", "info"):
        content = {"weight": dict(gpt_weights()), "config": gpt_config(), "info": ""}
        content[place] = Evil(os.system, f"touch {canary}")
        assert_refused(kind, save_official(path, content), files, enclosed)
    assert not canary.exists()


def test_an_unsafe_reader_would_execute_hostile_files(tmp_path) -> None:
    """The canary works."""
    canary = tmp_path / "canary"
    for evil in hostile_pickles(canary)[:1]:
        pickle.loads(evil)
    assert canary.exists()


def test_a_hostile_configuration_class_is_replaced(tmp_path) -> None:
    def content(cls: type) -> object:
        config = nested_hparams(sovits_config(), cls)
        config.__dict__ |= {"__class__": "x", "__reduce__": "y", "__setstate__": "z"}  # type: ignore[operator]
        return {"weight": dict(sovits_weights()), "config": config, "info": ""}

    assert read_official(save_official(tmp_path / "a.pth", content)).config["model"] == sovits_config()["model"]


def flips(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 8))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def truncated(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def overwritten(content: bytes, chance: random.Random) -> bytes:
    changed, start = bytearray(content), chance.randrange(len(content))
    changed[start : start + 40] = chance.randbytes(len(changed[start : start + 40]))
    return bytes(changed)


def structure_flipped(content: bytes, chance: random.Random) -> bytes:
    """The zip is whole and its checksums are right; the pickle is not."""
    return repacked(content, lambda data: flips(data, chance))


def structure_cut(content: bytes, chance: random.Random) -> bytes:
    def cut(data: bytes) -> bytes:
        start = chance.randrange(len(data))
        return data[:start] + data[start + chance.randrange(1, 30) :]

    return repacked(content, cut)


def poisoned(content: bytes, chance: random.Random) -> bytes:
    """A call between two instructions of the pickle that leaves everything else as it is; it would make the canary appear."""

    def insert(data: bytes) -> bytes:
        places = [place for _, _, place in pickletools.genops(data) if place is not None and place >= 2]
        at, script = chance.choice(places), chance.choice((b"cposix\nsystem\n", b"cos\nsystem\n"))
        text = f"touch {CANARY}".encode()
        return data[:at] + script + b"X" + len(text).to_bytes(4, "little") + text + b"\x85R0" + data[at:]

    return repacked(content, insert)


def test_an_unsafe_reader_would_execute_the_poison(files, tmp_path, monkeypatch) -> None:
    class Ordinary(pickle.Unpickler):
        def persistent_load(self, pid: object) -> object:
            return torch.UntypedStorage(0)

        def find_class(self, module: str, name: str) -> object:
            return super().find_class(module, name) if name == "system" else lambda *_: {}

    monkeypatch.chdir(tmp_path)
    content = poisoned(files["gpt"].read_bytes(), random.Random(1))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (structure,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
        Ordinary(io.BytesIO(archive.read(structure))).load()
    assert (tmp_path / CANARY).exists()


@pytest.mark.parametrize("damage", [flips, truncated, overwritten, structure_flipped, structure_cut, poisoned])
@pytest.mark.slow
def test_damaged_files_give_a_clear_error_or_a_whole_voice(files, enclosed, damage: Callable) -> None:
    """12 variants of each file, 504 in all: an error, or a voice and nothing else. Code run by an import would create the canary."""
    chance = random.Random(damage.__name__)
    path, voice = enclosed / "damaged.bin", Path("voice")
    refused = 0
    for number in range(12 * len(KINDS)):
        kind = KINDS[number % len(KINDS)]
        path.write_bytes(damage(files[kind].read_bytes(), chance))
        before = everything_in(enclosed)
        try:
            import_in_place_of(kind, path, files, voice)
        except VoiceError as error:
            refused += 1
            assert str(path) in str(error) and "\n" not in str(error) and len(str(error)) < 800
            assert not voice.exists()
        else:  # what was hit carries no meaning, such as the name of a training option
            assert read_card(voice).kind == "gpt-sovits"
            assert sorted(entry.name for entry in voice.iterdir()) == ["card.toml", "weights.safetensors"]
            shutil.rmtree(voice)
        assert everything_in(enclosed) == before and not list(enclosed.rglob(CANARY))
    assert refused == 12 * len(KINDS) if damage is poisoned else refused > 40


def test_a_speaker_network_of_another_size_is_refused(files, tmp_path) -> None:
    speaker = save_official(tmp_path / "wide.ckpt", dict(speaker_weights(channels=16)))
    with pytest.raises(VoiceError, match="gives 2560 values, the SoVITS file was made for 1280"):
        import_voice(files["gpt"], files["v2Pro"], tmp_path / "voice", name="me", speaker_path=speaker)
    assert not (tmp_path / "voice").exists()


def test_a_spare_speaker_network_is_taken_only_where_one_is_needed(files, tmp_path) -> None:
    for version, has_one in (("v2", False), ("v2ProPlus", True)):
        folder = import_voice(files["gpt"], files[version], tmp_path / version, name="me", spare_speaker_path=files["speaker"])
        assert (load_networks(folder).speaker is not None) == has_one
