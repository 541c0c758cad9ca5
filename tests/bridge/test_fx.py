"""Effects keep a stem's length and place in any block size; presets say precisely what is wrong with them."""

import subprocess
import sys

import numpy as np
import pytest

from bridge.stems.fx import EFFECTS, load_chain, preset_names
from engine.errors import SettingsError

RATE = 48000


def voice_like(seconds=0.7, channels=1, rate=RATE):
    t = np.arange(int(seconds * rate)) / rate
    tone = sum(np.sin(2 * np.pi * 220 * k * t) / k for k in range(1, 20))
    return np.tile((0.2 * tone * np.sin(np.pi * t / seconds)).astype(np.float32), (channels, 1))


def run(chain, audio, *, block=4096, rate=RATE):
    blocks = (audio[:, start : start + block] for start in range(0, audio.shape[1], block))
    return np.concatenate(list(chain.process(blocks, sample_rate=rate)), axis=1)


def write_preset(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("preset", preset_names())
@pytest.mark.parametrize("rate", [44100, 48000, 88200, 96000])
def test_built_in_presets_sound_and_keep_the_length(preset, rate):
    chain, audio = load_chain(preset), voice_like(0.3, rate=rate)
    processed = run(chain, audio, rate=rate)
    assert processed.shape == (chain.output_channels(1), audio.shape[1]) and processed.dtype == np.float32
    assert 0.02 < np.abs(processed).max() <= 0.9 and chain.description
    assert np.abs(processed[:, -1]).max() == 0  # what rings on is faded out


def test_there_is_a_preset_for_each_common_wish():
    assert {"clean", "pop", "warm", "rap", "radio", "telephone", "hall"} <= set(preset_names())


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("preset", ["pop", "hall", "rap"])
def test_block_sizes_change_nothing(preset, channels):
    chain, audio = load_chain(preset), voice_like(channels=channels)
    whole = run(chain, audio, block=10**6)
    for block in (1, 2, 1000, 8192):
        part = audio[:, :3000] if block < 1000 else audio
        expected = run(chain, part, block=10**6) if block < 1000 else whole
        np.testing.assert_array_equal(run(chain, part, block=block), expected)


@pytest.mark.parametrize("samples", [0, 1, 2, 479, 480, 481, 8191, 8192, 8193])
def test_any_length_stays_the_same(samples):
    blocks = [voice_like()[:, :samples]] if samples else []
    assert sum(block.shape[1] for block in load_chain("clean").process(blocks, sample_rate=RATE)) == samples


def test_latency_is_compensated(tmp_path):
    chain = load_chain(write_preset(tmp_path, '[[effects]]\neffect = "limiter"\nceiling_db = 0'))  # looks 5 ms ahead
    audio = 0.3 * voice_like()
    np.testing.assert_allclose(run(chain, audio)[:, :-500], audio[:, :-500], atol=1e-6)


def test_an_empty_chain_changes_no_bit(tmp_path):
    chain, audio = load_chain(write_preset(tmp_path, "effects = []")), voice_like()
    np.testing.assert_array_equal(run(chain, audio), audio)


@pytest.mark.parametrize("effect", EFFECTS)
def test_every_parameter_works_at_both_ends(tmp_path, effect):
    for end in ("low", "high"):
        lines = [f"{key} = {getattr(parameter, end)}" for key, parameter in EFFECTS[effect].parameters.items()]
        chain = load_chain(write_preset(tmp_path, "\n".join(["[[effects]]", f'effect = "{effect}"', *lines])))
        assert np.isfinite(run(chain, voice_like(0.2))).all()


def test_reverb_levels_of_one_leave_the_direct_sound_as_it_is(tmp_path):
    chain = load_chain(write_preset(tmp_path, '[[effects]]\neffect = "reverb"\nwet = 0\ndry = 1'))
    np.testing.assert_allclose(run(chain, voice_like())[:, :-500], voice_like()[:, :-500], atol=1e-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[[effects]]\neffect = "compresor"',
            r"effect 1: effect = 'compresor'\. Did you mean compressor\? Valid: highpass, .*plugin",
        ),
        (
            '[[effects]]\neffect = "gain"\n[[effects]]\neffect = "peak"\nfreq = 3',
            r"effect 2 \(peak\): unknown key freq = 3\..*cutoff_hz",
        ),
        ('[[effects]]\neffect = "compressor"\nratio = 0.5', r"\(compressor\): ratio = 0\.5\. Valid: 1 to 60"),
        ('[[effects]]\neffect = "gain"\ngain_db = "loud"', r"gain_db = 'loud'\. Valid: -60 to 40"),
        ('[[effects]]\neffect = "gain"\ngain_db = nan', r"gain_db = nan\. Valid"),
        ('[[effects]]\neffect = "gain"\ngain_db = true', r"gain_db = True\. Valid"),
        ("[[effects]]\ngain_db = 1", r"effect 1: effect = None\."),
        ('[[effects]]\nplugin = "Gone.vst3"', r"effect 1: plugin .*Gone\.vst3 not found"),
        ('[[effects]]\nplugin = "x.vst3"\nparameter = 1', r"unknown key parameter = 1\. Did you mean parameters\?"),
        ("stereo = 1\neffects = []", r"stereo = 1\. Valid: true, false"),
        ("efects = []", r"unknown key efects = \[\]\. Did you mean effects\?"),
        ("stereo = true", r"lists its effects as \[\[effects\]\]"),
        ("effects = [1]", r"lists its effects as \[\[effects\]\]"),
        ("effects = [", r"not a readable TOML file"),
    ],
)
def test_mistakes_in_a_preset_are_named(tmp_path, text, message):
    with pytest.raises(SettingsError, match=message):
        load_chain(write_preset(tmp_path, text))


def test_unknown_presets_are_answered_with_the_known_ones():
    with pytest.raises(SettingsError, match="Effects 'popp' not found. Valid: clean, .*pop.*TOML file"):
        load_chain("popp")


def test_filters_above_the_sample_rate_are_refused():
    with pytest.raises(SettingsError, match="10000 Hz does not fit a sample rate of 16000 Hz. Valid: up to 7200 Hz"):
        load_chain("pop").process([], sample_rate=16000)


def test_a_file_that_is_no_plugin_is_refused(tmp_path):
    (tmp_path / "fake.vst3").write_bytes(b"not a plugin")
    with pytest.raises(SettingsError, match="fake.vst3 cannot be used"):
        load_chain(write_preset(tmp_path, '[[effects]]\nplugin = "fake.vst3"'))


def test_plugins_get_their_parameters(tmp_path, monkeypatch):
    import pedalboard

    given = {}

    def load_plugin(path, parameter_values, plugin_name):
        given.update(path=path, values=parameter_values, name=plugin_name)
        return pedalboard.Gain(gain_db=-6)

    monkeypatch.setattr(pedalboard, "load_plugin", load_plugin)
    (tmp_path / "Tape.vst3").mkdir()
    preset = '[[effects]]\nplugin = "Tape.vst3"\nname = "Tape"\nparameters = { drive = 0.3, mode = "soft" }'
    chain = load_chain(write_preset(tmp_path, preset))
    assert given == {"path": str(tmp_path / "Tape.vst3"), "values": {"drive": 0.3, "mode": "soft"}, "name": "Tape"}
    assert np.abs(run(chain, voice_like())).max() == pytest.approx(np.abs(voice_like()).max() * 10 ** (-6 / 20), rel=1e-4)


def test_effects_that_hold_back_everything_are_reported(tmp_path, monkeypatch):
    import pedalboard
    from pedalboard_native._internal import AddLatency

    monkeypatch.setattr(pedalboard, "load_plugin", lambda path, **options: AddLatency(11 * RATE))
    (tmp_path / "x.vst3").mkdir()
    chain = load_chain(write_preset(tmp_path, '[[effects]]\nplugin = "x.vst3"'))
    with pytest.raises(SettingsError, match="delays the sound by more than 10 s"):
        run(chain, voice_like(0.1))


def test_pedalboard_is_imported_only_when_needed():
    code = "import sys, bridge.stems.fx, bridge.stems.wav; sys.exit('pedalboard' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
