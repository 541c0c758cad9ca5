"""Cards and folders of voices: what is wrong is named, nothing outside the folder is touched."""

import json
import shutil

import pytest

from engine import STARTER_NAME, VoiceError, load_card, load_voice, voice_folders
from engine.voices.card import read_card, sha256_of, weights_path
from engine.voices.catalogue import find_voice

CARD = {
    "format": 1,
    "kind": "starter",
    "name": "tiny",
    "title": "Tiny",
    "languages": ["en"],
    "range_low": 48,
    "range_high": 76.5,
    "licence": "CC0-1.0",
    "origin": "made up",
    "consent": "none needed",
    "training_data": "none",
    "sample_rate": 32000,
    "weights": "weights.safetensors",
    "sha256": "0" * 64,
}


@pytest.fixture
def folder(tmp_path):
    """Writes a voice folder with the given changes to its card (None = left out)."""

    def write(**changes):
        path = tmp_path / "voices" / str(changes.get("name") or "tiny")
        path.mkdir(parents=True, exist_ok=True)
        values = {key: value for key, value in {**CARD, **changes}.items() if value is not None}
        lines = [f"{key} = {json.dumps(value)}" for key, value in values.items() if key != "model"]
        if "model" not in changes:
            lines.append("[model]")
        (path / "card.toml").write_text("\n".join(lines), encoding="utf-8")
        return path

    return write


def test_a_card_is_read_as_written(folder):
    card = read_card(folder(title="Tiný 声"))
    assert card.title == "Tiný 声" and card.languages == ("en",) and card.range_high == 76.5
    assert card.model == {} and card.training == {} and card.measured == {}


@pytest.mark.parametrize("key", [*(key for key in CARD if key != "format"), "model"])
def test_a_missing_key_is_named_with_its_file(folder, key):
    path = folder(**{key: None})
    with pytest.raises(VoiceError, match=rf"card\.toml: '{key}' is missing") as error:
        read_card(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("name", 7, "text"),
        ("languages", "en", "list"),
        ("languages", ["en", 1], "list"),
        ("languages", [], "list"),
        ("range_low", "C3", "number"),
        ("sample_rate", "32000", "whole number"),
        ("sample_rate", 32000.5, "whole number"),
        ("range_low", True, "number"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(folder, key, value, wanted):
    with pytest.raises(VoiceError, match=rf"'{key}' is missing or not a {wanted}"):
        read_card(folder(**{key: value}))


@pytest.mark.parametrize("value", [None, 0, 2, "1"])
def test_another_format_is_refused(folder, value):
    with pytest.raises(VoiceError, match="reads format 1"):
        read_card(folder(format=value))


def test_broken_toml_and_missing_cards_are_reported(tmp_path):
    with pytest.raises(VoiceError, match="is not a voice"):
        read_card(tmp_path)
    (tmp_path / "card.toml").write_bytes(b"name = [\xff")
    with pytest.raises(VoiceError, match="not valid TOML"):
        read_card(tmp_path)


@pytest.mark.parametrize(
    "weights", ["../secret.safetensors", "/etc/hostname", "sub/weights.safetensors", "..", "", "absent.bin"]
)
def test_weights_must_be_a_file_in_the_folder(folder, weights):
    path = folder(weights=weights)
    (path.parent / "secret.safetensors").write_bytes(b"")
    (path / "sub").mkdir()
    (path / "sub" / "weights.safetensors").write_bytes(b"")
    with pytest.raises(VoiceError, match=r"is not in"):
        weights_path(path, read_card(path))


def test_the_checksum_is_compared(folder):
    path = folder()
    (path / "weights.safetensors").write_bytes(b"sound")
    with pytest.raises(VoiceError, match="damaged or was changed"):
        weights_path(path, read_card(path))
    right = folder(sha256=sha256_of(path / "weights.safetensors"))
    assert weights_path(right, read_card(right)) == path / "weights.safetensors"


@pytest.fixture
def starter_copy(tmp_path):
    """A copy of the starter voice that may be damaged."""
    return shutil.copytree(find_voice(STARTER_NAME), tmp_path / "copy", copy_function=shutil.copyfile)


def test_a_copied_voice_sings_from_its_path(starter_copy):
    assert load_voice(str(starter_copy)).card.name == STARTER_NAME


def damage_byte(folder):
    path = folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


def cut_short(folder):
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:5000])
    rewrite_checksum(folder)


def other_sizes(folder):
    edit_card(folder, "channels = 160", "channels = 96")


def unknown_size(folder):
    edit_card(folder, "channels = 160", "channels = 160\nwidth = 3")


def missing_size(folder):
    edit_card(folder, "[model.gpt]", "[model.other]")


def odd_size(folder):
    edit_card(folder, "channels = 160", 'channels = "many"')


def huge_size(folder):
    edit_card(folder, "channels = 160", "channels = -4")


def too_few_gains(folder):
    edit_card(folder, "gain = [1.0, ", "gain = [")


def too_many_means(folder):
    edit_card(folder, "means = [[", "means = [[0.0, ")


def means_of_one_speaker(folder):
    edit_card(folder, "], [-", ", -")


def gains_without_means(folder):
    edit_card(folder, "means = [[", "other = [[")


def a_gain_in_words(folder):
    edit_card(folder, "gain = [1.0, ", 'gain = ["much", ')


def a_gain_that_is_no_number(folder):
    edit_card(folder, "gain = [1.0, ", "gain = [nan, ")


def a_gain_without_end(folder):
    edit_card(folder, "gain = [1.0, ", "gain = [inf, ")


def a_mean_beyond_reason(folder):
    edit_card(folder, "means = [[", "means = [[-1e30, ")


def variance_in_one_number(folder):
    edit_card(folder, "[model.variance]", "[model.unused]")
    edit_card(folder, "[model.direct]", "[model]\nvariance = 3\n\n[model.direct]")


def edit_card(folder, old, new):
    card = folder / "card.toml"
    text = card.read_text(encoding="utf-8")
    assert old in text
    card.write_text(text.replace(old, new), encoding="utf-8")


def rewrite_checksum(folder):
    edit_card(folder, read_card(folder).sha256, sha256_of(folder / "weights.safetensors"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_byte, "damaged or was changed"),
        (cut_short, "do not fit"),
        (other_sizes, "do not fit"),
        (unknown_size, "do not fit"),
        (missing_size, "do not fit"),
        (odd_size, "do not fit"),
        (huge_size, "do not fit"),
        (too_few_gains, "79 gains.* 80 gains and 2 times 80 means"),
        (too_many_means, r"means of the lengths \[81, 80\]"),
        (means_of_one_speaker, r"means of the lengths \[160\]"),
        (gains_without_means, "do not fit"),
        (a_gain_in_words, "'gain' has to hold numbers from 0 to 10"),
        (a_gain_that_is_no_number, "'gain' has to hold numbers"),
        (a_gain_without_end, "'gain' has to hold numbers"),
        (a_mean_beyond_reason, "'means' has to hold numbers"),
        (variance_in_one_number, "do not fit"),
    ],
)
def test_damaged_voices_are_refused(starter_copy, damage, message):
    damage(starter_copy)
    with pytest.raises(VoiceError, match=message):
        load_voice(str(starter_copy))


def test_an_unknown_kind_is_refused_with_the_known_ones(starter_copy):
    edit_card(starter_copy, 'kind = "starter"', 'kind = "choir"')
    with pytest.raises(VoiceError, match="of kind 'choir'.*starter"):
        load_voice(str(starter_copy))


def test_voices_are_found_by_name_and_a_user_s_own_comes_first(folder, tmp_path):
    own = folder(title="Mine", name=STARTER_NAME)
    assert voice_folders()[STARTER_NAME] != own
    assert voice_folders([own.parent])[STARTER_NAME] == own
    assert load_card(STARTER_NAME, [own.parent]).title == "Mine"
    assert voice_folders([tmp_path / "nowhere"]) == voice_folders()


@pytest.mark.parametrize("name", ["nobody", "", "../../etc", "/tmp"])
def test_a_voice_that_is_not_there_is_answered_with_those_that_are(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VoiceError, match=f"No voice '{name}'. Installed: .*{STARTER_NAME}"):
        load_voice(name)
