"""MIDI controllers of a live voice, besides the engine's table."""

from __future__ import annotations

from collections.abc import Callable

from engine import Controller, MidiScale, Parameter

SUSTAIN, ALL_SOUND_OFF, RESET_CONTROLLERS, ALL_NOTES_OFF = 64, 120, 121, 123
MODE_CHANGES = range(124, 128)  # each of them ends all notes too
DATA_ENTRY, DATA_ENTRY_FINE, NRPN_FINE, NRPN_COARSE, RPN_FINE, RPN_COARSE = 6, 38, 98, 99, 100, 101
# Numbers with a meaning in the MIDI standard, which cannot be given another one.
RESERVED = frozenset(
    {0, DATA_ENTRY, 32, DATA_ENTRY_FINE, SUSTAIN, *range(NRPN_FINE, RPN_COARSE + 1), *range(96, 98), *range(120, 128)}
)


def moved_parameter(controller: Controller) -> Parameter | None:
    """Return the parameter that a controller moves live; None if the router handles the controller itself."""
    parameter = controller.parameter
    return parameter if parameter is not None and parameter.spec.is_live else None


def binding_scale(parameter: Parameter) -> Callable[[int], float]:
    """Return the function from 0..127 to the range of a parameter for a controller that was learned for it."""
    spec = parameter.spec
    low, high = float(spec.low), float(spec.high)
    if spec.midi is not None and spec.midi.scale in (MidiScale.SWITCH, MidiScale.MIDDLE):
        return spec.midi.scale.value_of
    if low == -high:
        return lambda raw: high * MidiScale.CENTRED.value_of(raw)
    return lambda raw: low + (high - low) * MidiScale.UNIT.value_of(raw)
