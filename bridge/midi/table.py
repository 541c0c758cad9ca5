"""MIDI controllers and what they do to a live voice. The router, the documentation and its test read this table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine import LIVE_RANGES, LiveParameter

SUSTAIN, ALL_SOUND_OFF, RESET_CONTROLLERS, ALL_NOTES_OFF = 64, 120, 121, 123
MODE_CHANGES = range(124, 128)  # each of them ends all notes too
DATA_ENTRY, DATA_ENTRY_FINE, NRPN_FINE, NRPN_COARSE, RPN_FINE, RPN_COARSE = 6, 38, 98, 99, 100, 101
BRIGHTNESS = 74
LONGEST_PORTAMENTO_S = LIVE_RANGES[LiveParameter.PORTAMENTO_S][1]
# Numbers that mean something of their own, so that nothing else can be put on them.
RESERVED = frozenset(
    {0, DATA_ENTRY, 32, DATA_ENTRY_FINE, SUSTAIN, *range(NRPN_FINE, RPN_COARSE + 1), *range(96, 98), *range(120, 128)}
)


def unit(raw: int) -> float:
    """0..127 to 0..1."""
    return raw / 127


def centred(raw: int) -> float:
    """0..127 to -1..1, 64 is 0."""
    return (raw - 64) / (64 if raw < 64 else 63)


def softening(raw: int) -> float:
    """0..127 to 1..-1, 64 is 0."""
    return -centred(raw)


def half_centred(raw: int) -> float:
    """0..127 to 0..1, 64 is 0.5."""
    return 0.5 + 0.5 * centred(raw)


def switch(raw: int) -> float:
    """From 64 on: 1."""
    return float(raw >= 64)


def seconds(raw: int) -> float:
    """0..127 to 0..0.5 s, finer at the short end."""
    return LONGEST_PORTAMENTO_S * (raw / 127) ** 2


@dataclass(frozen=True, slots=True)
class Controller:
    """`parameter` moved by `scale` of the value; None where the router does something of its own."""

    number: int
    name: str
    neutral: str
    meaning: str
    parameter: LiveParameter | None = None
    scale: Callable[[int], float] = unit


CONTROLLERS: tuple[Controller, ...] = (
    Controller(1, "modulation", "0", "Vibrato of up to 100 cents at the rate that is set.", LiveParameter.MODULATION),
    Controller(2, "breath", "0", "Breathiness: 127 is a whisper.", LiveParameter.BREATH),
    Controller(
        5, "portamento time", "as set", "Length of the glide between notes: 0 to 0.5 s.", LiveParameter.PORTAMENTO_S, seconds
    ),
    Controller(7, "volume", "100", "Loudness by the General MIDI curve.", LiveParameter.VOLUME),
    Controller(11, "expression", "127", "The same on top.", LiveParameter.EXPRESSION),
    Controller(18, "growl", "0", "Roughness: 127 is as rough as it gets.", LiveParameter.GROWL),
    Controller(SUSTAIN, "sustain", "0", "From 64 on the vowel goes on after its key is up, until the pedal comes up."),
    Controller(65, "portamento", "127", "Below 64 notes follow each other without a glide.", LiveParameter.PORTAMENTO, switch),
    Controller(
        70,
        "variation",
        "0",
        "Colour: from the voice's main colour (0) to its second one (127), if it has two.",
        LiveParameter.COLOUR,
    ),
    Controller(71, "timbre", "64", "Tension: 0 soft and dark, 127 pressed and bright.", LiveParameter.TENSION, centred),
    Controller(73, "attack", "64", "How notes begin from now on: 0 hard, 127 soft.", LiveParameter.ATTACK, softening),
    Controller(BRIGHTNESS, "brightness", "64", "Tilt of the spectrum.", LiveParameter.BRIGHTNESS, half_centred),
    Controller(
        76, "size", "64", "Size of the singer: 0 smaller, 127 larger, by four semitones.", LiveParameter.GENDER, centred
    ),
    Controller(ALL_SOUND_OFF, "all sound off", "", "Silence at once; controllers stay."),
    Controller(RESET_CONTROLLERS, "reset", "", "Bend, modulation, expression, pressure and pedal neutral; the rest stays."),
    Controller(ALL_NOTES_OFF, "all notes off", "", "All keys and the pedal up; the syllable ends as it would."),
)


def binding_scale(parameter: LiveParameter) -> Callable[[int], float]:
    """How a controller that was learned for `parameter` spans the parameter's range."""
    low, high = LIVE_RANGES[parameter]
    if parameter is LiveParameter.PORTAMENTO:
        return switch
    if low == -high:
        return lambda raw: high * centred(raw)
    if parameter is LiveParameter.BRIGHTNESS:
        return half_centred
    return lambda raw: low + (high - low) * unit(raw)
