"""Training configs: every mistake is named with its file, key and what is valid."""

import pytest

from engine import TrainingError, read_recipe
from engine.studio.dataset import read_sources

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
GOOD = VOICE + '[data]\nfolder = "clips"\n[train]\nsteps = 7\ncrop_s = 0.4\n[model]\nchannels = 8\ndilations = [1, 2]\n'


@pytest.fixture
def recipe(tmp_path):
    def write(text):
        path = tmp_path / "tiny.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_recipe_is_read_with_its_defaults(recipe, tmp_path):
    read = read_recipe(recipe(GOOD))
    assert read.voice["title"] == "Tiny" and read.data_folder == (tmp_path / "clips").resolve()
    assert read.settings.steps == 7 and read.settings.crop_s == 0.4 and read.settings.batch > 0
    assert read.model.channels == 8 and read.model.dilations == (1, 2) and read.model.sample_rate == 32_000


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Tiny"\n', "", r"lacks voice\.title"),
        ('folder = "clips"\n', "", r"lacks data\.folder"),
        ("[train]", "[training]", r"unknown key\(s\) training in the top level. Valid: voice, data, train, model"),
        ("steps = 7", "step = 7", r"unknown key\(s\) step in \[train\]. Valid: steps, batch"),
        ("channels", "width", r"unknown key\(s\) width in \[model\]"),
        ("[data]", "[data]\ndir = 3", r"unknown key\(s\) dir in \[data\]"),
        ('title = "Tiny"', 'title = "Tiny"\ncolour = "red"', r"unknown key\(s\) colour in \[voice\]"),
        ("steps = 7", 'steps = "many"', r"steps in \[train\]"),
        ("steps = 7", "steps = 0", r"steps in \[train\]"),
        ("steps = 7", "steps = 7\nbatch = 2.5", r"batch in \[train\]"),
        ("crop_s = 0.4", "crop_s = -1.0", r"crop_s in \[train\]"),
        ("channels = 8", "channels = true", r"channels in \[model\]"),
        ("dilations = [1, 2]", "dilations = 2", r"dilations in \[model\]"),
        ('name = "tiny"', 'name = "../tiny"', r"name in \[voice\]"),
        ('name = "tiny"', 'name = ""', r"name in \[voice\]"),
        ("range_low = 48", 'range_low = "C3"', r"range_low in \[voice\]"),
        ('languages = ["en"]', 'languages = "en"', r"languages in \[voice\]"),
        ('folder = "clips"', 'folder = "clips"\nlimit_clips = "few"', r"limit_clips in \[data\]"),
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


def test_a_config_that_is_not_there_is_said(tmp_path):
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
