"""MIDI controllers and their effects: one table for reading files, writing files and live play, from `engine.parameters`."""

from __future__ import annotations

from dataclasses import dataclass

from engine.parameters import SUSTAIN_CONTROLLER, MidiScale, Parameter

SUSTAIN = SUSTAIN_CONTROLLER
ALL_SOUND_OFF, RESET_CONTROLLERS, ALL_NOTES_OFF = 120, 121, 123


@dataclass(frozen=True, slots=True)
class Controller:
    """A controller that sets `parameter` by `scale`, or (None) a channel mode message. `neutral` and `meaning` are shown to users."""

    number: int
    name: str
    neutral: str
    meaning: str
    parameter: Parameter | None = None
    scale: MidiScale = MidiScale.UNIT


def _controllers() -> tuple[Controller, ...]:
    """Return the controllers of all parameters and the channel mode messages, by number."""
    moving = [
        Controller(
            midi.number,
            midi.name,
            "as set" if midi.neutral is None else str(midi.neutral),
            midi.meaning,
            parameter,
            midi.scale,
        )
        for parameter in Parameter
        if (midi := parameter.spec.midi) is not None
    ]
    modes = [
        Controller(ALL_SOUND_OFF, "all sound off", "", "Silence at once; controllers stay."),
        Controller(RESET_CONTROLLERS, "reset", "", "Bend, modulation, expression, pressure and pedal neutral; the rest stays."),
        Controller(ALL_NOTES_OFF, "all notes off", "", "All keys and the pedal up; the syllable ends as it would."),
    ]
    return tuple(sorted([*moving, *modes], key=lambda controller: controller.number))


CONTROLLERS: tuple[Controller, ...] = _controllers()
BY_PARAMETER: dict[Parameter, Controller] = {
    controller.parameter: controller for controller in CONTROLLERS if controller.parameter is not None
}
