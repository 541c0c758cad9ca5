"""Training configs: every mistake is named with its file, key and what is valid."""

from pathlib import Path

import pytest

from engine import TrainingError, read_recipe
from engine.train.dataset import read_sources

VOICE = """
[voice]
name = "tiny"
title = "Tiny"
languages = ["en"]
range_low = 48
range_high = 76
licence = "CC0-1.0"
origin = "synthetic"
consent = "none needed"
training_data = "six sentences"
"""
GOOD = (
    VOICE
    + """
[[speakers]]
name = "one"
folder = "clips"

[data]
held_out_every = 5

[direct]
steps = 7
crop_s = 0.4

[direct.sizes]
channels = 8
dilations = [1, 2]
"""
)


@pytest.fixture
def recipe(tmp_path):
    def write(text):
        path = tmp_path / "tiny.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_recipe_is_read_with_its_defaults(recipe, tmp_path):
    read = read_recipe(recipe(GOOD))
    assert read.voice["title"] == "Tiny" and read.speakers[0].folder == (tmp_path / "clips").resolve()
    assert read.stages["direct"].steps == 7 and read.stages["direct"].crop_s == 0.4 and read.stages["direct"].batch > 0
    assert read.sizes["direct"].channels == 8 and read.sizes["direct"].dilations == (1, 2)
    assert read.sizes["decoder"].speakers == 1 and read.held_out_every == 5 and read.limit_clips == 0


def test_two_speakers_are_two_colours_of_every_network(recipe):
    other = '[[speakers]]\nname = "two"\nfolder = "more"\nband_hz = 10300\n[data]'
    read = read_recipe(recipe(GOOD.replace("[data]", other, 1)))
    assert [speaker.name for speaker in read.speakers] == ["one", "two"] and read.speakers[1].band_hz == 10300
    assert {read.sizes[name].speakers for name in ("direct", "decoder", "gpt", "loudness")} == {2}


def test_folders_may_be_looked_for_elsewhere_and_stages_cut_short(recipe, tmp_path):
    read = read_recipe(recipe(GOOD))
    assert read.within(tmp_path / "data").speakers[0].folder == (tmp_path / "data" / "clips").resolve()
    assert {stage.steps for stage in read.shortened(5).stages.values()} == {5}


def test_the_shipped_recipe_is_read():
    read = read_recipe(Path(__file__).parents[3] / "examples" / "voices" / "kathleen.toml")
    assert [speaker.name for speaker in read.speakers] == ["kathleen", "lj"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Tiny"\n', "", r"lacks voice\.title"),
        ('folder = "clips"\n', "", r"folder in \[\[speakers\]\]"),
        (
            "[[speakers]]",
            "[[singers]]",
            r"unknown key\(s\) singers in the top level. Valid: voice, speakers, data, train, direct",
        ),
        ('[[speakers]]\nname = "one"\nfolder = "clips"\n', "", "lacks speakers"),
        ('name = "one"', 'name = "../one"', r"name in \[\[speakers\]\]"),
        ('folder = "clips"', 'folder = "clips"\nband_hz = "all"', r"band_hz in \[\[speakers\]\]"),
        ("steps = 7", "step = 7", r"unknown key\(s\) step in \[direct\]. Valid: steps, learning_rate"),
        ("channels", "width", r"unknown key\(s\) width in \[direct.sizes\]"),
        ("[data]", "[data]\ndir = 3", r"unknown key\(s\) dir in \[data\]"),
        ('title = "Tiny"', 'title = "Tiny"\ncolour = "red"', r"unknown key\(s\) colour in \[voice\]"),
        ("steps = 7", 'steps = "many"', r"steps in \[direct\]"),
        ("steps = 7", "steps = 0", r"steps in \[direct\]"),
        ("steps = 7", "steps = 7\nbatch = 2.5", r"batch in \[direct\]"),
        ("crop_s = 0.4", "crop_s = -1.0", r"crop_s in \[direct\]"),
        ("channels = 8", "channels = true", r"channels in \[direct.sizes\]"),
        ("dilations = [1, 2]", "dilations = 2", r"dilations in \[direct.sizes\]"),
        ('name = "tiny"', 'name = "../tiny"', r"name in \[voice\]"),
        ('name = "tiny"', 'name = ""', r"name in \[voice\]"),
        ("range_low = 48", 'range_low = "C3"', r"range_low in \[voice\]"),
        ('languages = ["en"]', 'languages = "en"', r"languages in \[voice\]"),
        ("held_out_every = 5", 'limit_clips = "few"', r"limit_clips in \[data\]"),
        ("[data]", "[[data]]", r"data is not a table"),
        ("[voice]", "[voice", "not valid TOML"),
    ],
)
def test_mistakes_are_named(recipe, old, new, message):
    assert old in GOOD
    path = recipe(GOOD.replace(old, new, 1))
    with pytest.raises(TrainingError, match=message) as error:
        read_recipe(path)
    assert str(path) in str(error.value)


def test_a_config_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(TrainingError, match="cannot be read"):
        read_recipe(tmp_path / "nothing.toml")


@pytest.mark.parametrize(
    ("table", "message"), [(None, "No table"), ("path,text\n", r"lacks the column\(s\) file"), ("", "lacks the column")]
)
def test_recordings_need_their_table(tmp_path, table, message):
    if table is not None:
        (tmp_path / "metadata.csv").write_text(table, encoding="utf-8")
    with pytest.raises(TrainingError, match=message):
        read_sources(tmp_path)


def test_the_table_names_clips_and_texts(tmp_path):
    (tmp_path / "metadata.csv").write_text('file,text,more\na/one.wav,"Hello, you.",3\n', encoding="utf-8")
    (source,) = read_sources(tmp_path)
    assert (source.name, source.path, source.text) == ("one", tmp_path / "a" / "one.wav", "Hello, you.")
