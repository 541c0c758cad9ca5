"""Names and ranges of expression parameters and track settings that messages can set, from the engine's parameter table."""

from __future__ import annotations

from bridge.protocol.message import Range
from engine import SETTINGS, Parameter


def _range(parameter: Parameter) -> Range:
    """Return the range of a parameter; the meaning names its MIDI controller."""
    spec = parameter.spec
    controller = f" (CC{spec.midi.number})" if spec.midi else ""
    return Range(spec.low, spec.high, spec.unit, spec.meaning + controller)


# Curves of a clip,
CURVES: dict[str, Range] = {parameter.value: _range(parameter) for parameter in Parameter}
# changes to a single note,
EXPRESSIONS: dict[str, Range] = {p.value: CURVES[p.value] for p in Parameter if p.spec.is_per_note}
# parameters for MIDI learn,
CONTROLS: dict[str, Range] = {p.value: CURVES[p.value] for p in Parameter if p.spec.is_live}
# and settings of a track, with two that belong to the mixer and the notes.
TRACK_PARAMS: dict[str, Range] = {
    "gain_db": Range(-60, 12, "dB", "level of the track"),
    "transpose_semitones": Range(-48, 48, "semitones", "added to every pitch"),
    **{name: Range(setting.low, setting.high, setting.unit, setting.meaning) for name, setting in SETTINGS.items()},
}
