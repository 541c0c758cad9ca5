"""Vocal effects for stems: a chain read from a TOML preset, run by pedalboard (JUCE) block by block.

A stem keeps its place and its length: delay of effects is compensated, reverb after the end is faded out.

    description = "Bright and close."
    stereo = true                       # a mono voice becomes stereo (for reverb width)

    [[effects]]
    effect = "compressor"
    threshold_db = -20
    ratio = 3

    [[effects]]
    plugin = "~/.vst3/Tape.vst3"        # relative paths start at the preset's folder
    name = "Tape"                       # only if the file holds several plugins
    parameters = { drive = 0.3 }

A plugin is a program and runs with the rights of the user: presets that name plugins deserve the trust given to programs.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine import Ceiling
from engine.errors import SettingsError

if TYPE_CHECKING:  # pedalboard is slow to import
    import pedalboard

PRESET_FOLDER = Path(__file__).parent / "presets"

_BLOCK_SAMPLES = 8192
_FADE_S = 0.01
_MAX_LATENCY_S = 10.0
_HIGHEST_CUTOFF = 0.45  # of the sample rate; JUCE's filters become unstable at half of it

Audio = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Parameter:
    """Key of a preset: the argument it becomes, its range, and the factor to pedalboard's unit."""

    argument: str
    low: float
    high: float
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Effect:
    """Effect of pedalboard and the keys that a preset may set."""

    pedalboard_class: str
    parameters: Mapping[str, Parameter]


_CUTOFF = Parameter("cutoff_frequency_hz", 20, 20_000)
_EQ_BAND = {"cutoff_hz": _CUTOFF, "gain_db": Parameter("gain_db", -24, 24), "q": Parameter("q", 0.1, 10)}
_MIX = Parameter("mix", 0, 1)
_FEEDBACK = Parameter("feedback", 0, 0.95)
_RATE = Parameter("rate_hz", 0.01, 20)
_DEPTH = Parameter("depth", 0, 1)
_ATTACK = Parameter("attack_ms", 0.1, 500)
_RELEASE = Parameter("release_ms", 1, 5000)

EFFECTS: dict[str, Effect] = {
    "highpass": Effect("HighpassFilter", {"cutoff_hz": _CUTOFF}),
    "lowpass": Effect("LowpassFilter", {"cutoff_hz": _CUTOFF}),
    "low_shelf": Effect("LowShelfFilter", _EQ_BAND),
    "high_shelf": Effect("HighShelfFilter", _EQ_BAND),
    "peak": Effect("PeakFilter", _EQ_BAND),
    "gain": Effect("Gain", {"gain_db": Parameter("gain_db", -60, 40)}),
    "compressor": Effect(
        "Compressor",
        {
            "threshold_db": Parameter("threshold_db", -80, 0),
            "ratio": Parameter("ratio", 1, 60),
            "attack_ms": _ATTACK,
            "release_ms": _RELEASE,
        },
    ),
    "limiter": Effect(
        "BrickwallLimiter", {"ceiling_db": Parameter("ceiling_db", -40, 0), "release_ms": Parameter("release_ms", 1, 1000)}
    ),
    "noise_gate": Effect(
        "NoiseGate",
        {
            "threshold_db": Parameter("threshold_db", -100, 0),
            "ratio": Parameter("ratio", 1, 60),
            "attack_ms": _ATTACK,
            "release_ms": _RELEASE,
        },
    ),
    "chorus": Effect(
        "Chorus",
        {
            "rate_hz": _RATE,
            "depth": _DEPTH,
            "centre_delay_ms": Parameter("centre_delay_ms", 1, 50),
            "feedback": _FEEDBACK,
            "mix": _MIX,
        },
    ),
    "phaser": Effect(
        "Phaser",
        {
            "rate_hz": _RATE,
            "depth": _DEPTH,
            "centre_hz": Parameter("centre_frequency_hz", 50, 8000),
            "feedback": _FEEDBACK,
            "mix": _MIX,
        },
    ),
    "delay": Effect("Delay", {"time_s": Parameter("delay_seconds", 0.001, 10), "feedback": _FEEDBACK, "mix": _MIX}),
    # JUCE multiplies its wet level by 3 and its dry level by 2; a preset's 1 means unity gain.
    "reverb": Effect(
        "Reverb",
        {
            "room_size": Parameter("room_size", 0, 1),
            "damping": Parameter("damping", 0, 1),
            "wet": Parameter("wet_level", 0, 1, 1 / 3),
            "dry": Parameter("dry_level", 0, 1, 1 / 2),
            "width": Parameter("width", 0, 1),
        },
    ),
    "distortion": Effect("Distortion", {"drive_db": Parameter("drive_db", 0, 60)}),
    "bitcrush": Effect("Bitcrush", {"bit_depth": Parameter("bit_depth", 1, 32)}),
}


def preset_names() -> list[str]:
    """Return the names of the built-in presets."""
    return sorted(path.stem for path in PRESET_FOLDER.glob("*.toml"))


def load_chain(preset: str | Path) -> EffectChain:
    """Load the chain of a built-in preset (by name) or of a TOML file (by path)."""
    path = _preset_path(preset)
    table = _read_toml(path)
    _refuse_unknown(path, table, ["description", "stereo", "effects"])
    stereo, entries = table.get("stereo", False), table.get("effects")
    if not isinstance(stereo, bool):
        raise SettingsError(f"{path}: stereo = {stereo!r}. Valid: true, false.")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SettingsError(f"{path}: a preset lists its effects as [[effects]] tables.")
    builders = [_builder(f"{path}: effect {number}", path.parent, entry) for number, entry in enumerate(entries, start=1)]
    return EffectChain(builders, description=str(table.get("description", "")), stereo=stereo, highest_hz=_highest_hz(entries))


class EffectChain:
    """Series of effects. Processes one stem at a time."""

    def __init__(
        self, builders: Iterable[Callable[[], pedalboard.Plugin]], *, description: str, stereo: bool, highest_hz: float
    ) -> None:
        import pedalboard

        self.description = description
        self.stereo = stereo
        self._highest_hz = highest_hz
        self._board = pedalboard.Pedalboard([build() for build in builders])

    def __len__(self) -> int:
        return len(self._board)

    def output_channels(self, input_channels: int) -> int:
        return 2 if self.stereo else input_channels

    def process(self, blocks: Iterable[Audio], *, sample_rate: int) -> Iterator[Audio]:
        """Apply the effects to blocks `[C, N]` of any size; yields as many samples as came in."""
        if self._highest_hz > _HIGHEST_CUTOFF * sample_rate:
            raise SettingsError(
                f"A filter at {self._highest_hz:g} Hz does not fit a sample rate of {sample_rate} Hz. "
                f"Valid: up to {_HIGHEST_CUTOFF * sample_rate:g} Hz."
            )
        if not len(self):
            return (self._spread(block) for block in blocks)
        self._board.reset()
        feed = _Feed((self._spread(block) for block in blocks), max_extra_samples=int(_MAX_LATENCY_S * sample_rate))
        return _under_ceiling(_fade_end(self._run(feed, sample_rate), round(_FADE_S * sample_rate)), sample_rate)

    def _spread(self, block: Audio) -> Audio:
        return np.repeat(block, 2, axis=0) if self.stereo and block.shape[0] == 1 else block

    def _run(self, feed: _Feed, sample_rate: int) -> Iterator[Audio]:
        sent = 0
        for block in feed:
            # Blocks come out shorter by the delay of the effects; zeros after the end flush the rest.
            done = self._board.process(block, sample_rate, reset=False)
            if feed.total_samples is not None:
                done = done[:, : feed.total_samples - sent]
            sent += done.shape[1]
            yield done
            if sent == feed.total_samples:
                return
        if feed.total_samples:
            raise SettingsError(f"An effect delays the sound by more than {_MAX_LATENCY_S:g} s. Remove plugins one by one.")


class _Feed:
    """Blocks of one size, followed by zeros. `total_samples` is known after the last sample."""

    def __init__(self, blocks: Iterable[Audio], *, max_extra_samples: int) -> None:
        self.total_samples: int | None = None
        self._blocks = blocks
        self._max_extra_samples = max_extra_samples

    def __iter__(self) -> Iterator[Audio]:
        handed_out, waiting = 0, np.zeros((0, 0), np.float32)
        for block in self._blocks:
            waiting = np.concatenate([waiting, block], axis=1) if waiting.size else np.asarray(block, np.float32)
            while waiting.shape[1] > _BLOCK_SAMPLES:
                yield waiting[:, :_BLOCK_SAMPLES]
                handed_out, waiting = handed_out + _BLOCK_SAMPLES, waiting[:, _BLOCK_SAMPLES:]
        self.total_samples = handed_out + waiting.shape[1]
        if self.total_samples == 0:
            return
        yield np.pad(waiting, ((0, 0), (0, _BLOCK_SAMPLES - waiting.shape[1])))
        for _ in range(0, self._max_extra_samples, _BLOCK_SAMPLES):
            yield np.zeros((waiting.shape[0], _BLOCK_SAMPLES), np.float32)


def _fade_end(blocks: Iterable[Audio], fade_samples: int) -> Iterator[Audio]:
    """Fade the last samples to zero; holds back only these."""
    held: Audio | None = None
    for block in blocks:
        joined = block if held is None else np.concatenate([held, block], axis=1)
        cut = max(0, joined.shape[1] - fade_samples)
        held = joined[:, cut:]
        if cut:
            yield joined[:, :cut]
    if held is not None and held.shape[1]:
        yield held * np.linspace(1, 0, held.shape[1], dtype=np.float32)


def _under_ceiling(blocks: Iterable[Audio], sample_rate: int) -> Iterator[Audio]:
    """Limit the peaks, because effects may raise the level."""
    ceiling: Ceiling | None = None
    for block in blocks:
        ceiling = ceiling or Ceiling(sample_rate, block.shape[0])
        yield ceiling.limited(block)


# --- presets -----------------------------------------------------------------------------------------------------------------


def _preset_path(preset: str | Path) -> Path:
    if str(preset) in preset_names():
        return PRESET_FOLDER / f"{preset}.toml"
    path = Path(preset).expanduser()
    if not path.is_file():
        raise SettingsError(
            f"Effects {str(preset)!r} not found. Valid: {', '.join(preset_names())}, or the path of a TOML file."
        )
    return path


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} is not a readable TOML file: {error}.") from error


def _builder(where: str, folder: Path, entry: dict[str, Any]) -> Callable[[], pedalboard.Plugin]:
    if "plugin" in entry:
        _refuse_unknown(where, entry, ["plugin", "name", "parameters"])
        return partial(_load_plugin, where, folder, entry)
    kind = entry.get("effect")
    if not isinstance(kind, str) or kind not in EFFECTS:
        raise SettingsError(
            f"{where}: effect = {kind!r}.{_similar(kind, EFFECTS)} Valid: {', '.join(EFFECTS)}, or plugin = path."
        )
    effect = EFFECTS[kind]
    where = f"{where} ({kind})"
    _refuse_unknown(where, entry, ["effect", *effect.parameters])
    arguments = {
        effect.parameters[key].argument: _checked(where, key, value, effect.parameters[key])
        for key, value in entry.items()
        if key != "effect"
    }
    return partial(_make_effect, effect.pedalboard_class, arguments)


def _make_effect(class_name: str, arguments: dict[str, float]) -> pedalboard.Plugin:
    import pedalboard

    return getattr(pedalboard, class_name)(**arguments)


def _load_plugin(where: str, folder: Path, entry: dict[str, Any]) -> pedalboard.Plugin:
    import pedalboard

    path = folder / Path(str(entry["plugin"])).expanduser()
    if not path.exists():
        raise SettingsError(f"{where}: plugin {path} not found. Valid: the path of a VST3 plugin.")
    try:
        plugin = pedalboard.load_plugin(str(path), parameter_values=entry.get("parameters", {}), plugin_name=entry.get("name"))
    except (ImportError, RuntimeError, AttributeError, TypeError, ValueError) as error:
        raise SettingsError(f"{where}: plugin {path} cannot be used: {error}") from error
    if not plugin.is_effect:
        raise SettingsError(f"{where}: plugin {path} is an instrument. Valid: effects.")
    return plugin


def _checked(where: str, key: str, value: object, parameter: Parameter) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and parameter.low <= value <= parameter.high:
        return value * parameter.scale
    raise SettingsError(f"{where}: {key} = {value!r}. Valid: {parameter.low:g} to {parameter.high:g}.")


def _refuse_unknown(where: object, table: Mapping[str, object], valid: list[str]) -> None:
    for key, value in table.items():
        if key not in valid:
            raise SettingsError(f"{where}: unknown key {key} = {value!r}.{_similar(key, valid)} Valid: {', '.join(valid)}.")


def _similar(given: object, valid: Iterable[str]) -> str:
    matches = difflib.get_close_matches(str(given), list(valid), n=1)
    return f" Did you mean {matches[0]}?" if matches else ""


def _highest_hz(entries: Iterable[Mapping[str, Any]]) -> float:
    return max((entry[key] for entry in entries for key in ("cutoff_hz", "centre_hz") if key in entry), default=0.0)
