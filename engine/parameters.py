"""The table of expression parameters: one row for each, read by score curves, settings, live events, MIDI, projects, OSC and the CLI.

To add a parameter, add a row to `Parameter`. From it follow:

    curves of scores                 `engine.score.types.Curve`, neutral values in `engine.performance.curves`
    live events and their ranges     `engine.live.events`
    MIDI controllers                 `engine.score.controllers`: files, written files, live play, MIDI learn
    USTX, SVP and VOCALOID projects  `engine.score.formats`
    OSC names and ranges             `bridge.protocol.ranges`, docs/osc.md
    command-line options             `bridge.cli.expression`

A parameter that is also a setting of a track gets a field of the same name in `PerformanceSettings`. The code that makes it audible is
written by hand: a rule in `engine.performance.timbre`, a field in `Controls` and `Performance`, and the voice.

Imports nothing, so that every room can import it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum, auto
from typing import Self

LONGEST_PORTAMENTO_S = 0.5
SUSTAIN_CONTROLLER = 64
AS_SET = math.nan  # neutral value of parameters whose setting holds until the first value


class MidiScale(Enum):
    """Mappings of 0..127 onto a parameter. In those with a neutral 64 the two halves have different slopes, so that 64 is the middle."""

    UNIT = auto()  # 0..1
    MIDDLE = auto()  # 0..1, 64 is 0.5
    CENTRED = auto()  # -1..1, 64 is 0
    SOFTENING = auto()  # 1..-1, 64 is 0
    SWITCH = auto()  # 1 from 64 on
    GLIDE = auto()  # 0..0.5 s, finer at the short end

    def value_of(self, raw: int) -> float:
        """Return the parameter's value for a controller at `raw` (0..127)."""
        middle = raw / 128 if raw <= 64 else 0.5 + (raw - 64) / 126
        match self:
            case MidiScale.UNIT:
                return raw / 127
            case MidiScale.MIDDLE:
                return middle
            case MidiScale.CENTRED:
                return 2.0 * middle - 1.0
            case MidiScale.SOFTENING:
                return 1.0 - 2.0 * middle
            case MidiScale.SWITCH:
                return float(raw >= 64)
            case MidiScale.GLIDE:
                return LONGEST_PORTAMENTO_S * (raw / 127) ** 2

    def raw_of(self, value: float) -> int:
        """Return the controller's value (0..127) whose parameter value is nearest to `value`."""
        match self:
            case MidiScale.CENTRED:
                value = 0.5 + 0.5 * value
            case MidiScale.SOFTENING:
                value = 0.5 - 0.5 * value
            case MidiScale.GLIDE:
                value = max(0.0, value / LONGEST_PORTAMENTO_S) ** 0.5
        if self in (MidiScale.MIDDLE, MidiScale.CENTRED, MidiScale.SOFTENING):
            raw = value * 128 if value <= 0.5 else 64 + (value - 0.5) * 126
        else:
            raw = value * 127
        return min(127, max(0, round(raw)))


class Subject(IntEnum):
    """Groups in which settings are listed, in this order."""

    PITCH = auto()
    LOUDNESS = auto()
    TIMBRE = auto()
    SPEECH = auto()


@dataclass(frozen=True, slots=True)
class MidiControl:
    """A MIDI controller. `neutral` 0..127 is the value that changes nothing; None: no such value, the setting holds until the first one."""

    number: int
    name: str
    neutral: int | None
    meaning: str
    scale: MidiScale = MidiScale.UNIT


@dataclass(frozen=True, slots=True)
class UstxCurve:
    """A curve of USTX files. `scale`: this table's unit per unit in the file."""

    abbreviation: str
    scale: float


@dataclass(frozen=True, slots=True)
class SvpCurve:
    """A curve of Synthesizer V projects. `constant`: voice setting that is added to it; `limit`: largest magnitude, None = the row's range."""

    name: str
    constant: str = ""
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class VocaloidCurve:
    """A controller of VOCALOID projects by its name in .vpr files; its value `full` is 1."""

    name: str
    full: float


@dataclass(frozen=True, slots=True)
class CommandLineOption:
    """An option of the commands that perform scores. `help` without the default value, which is appended."""

    flag: str
    metavar: str
    help: str


@dataclass(frozen=True, slots=True)
class TrackDefault:
    """The value of a parameter that holds for a whole track, added to its curve. None: the default depends on the mode."""

    subject: Subject
    value: float | None
    option: CommandLineOption | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A number that a track is performed with: a field of `PerformanceSettings`, a `/vocalese/track/param`, perhaps an option."""

    name: str
    low: float
    high: float
    meaning: str
    unit: str = ""
    default: TrackDefault


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """A row of the table: name, inclusive range, meaning in a few words, unit, neutral value, and the formats that have it."""

    name: str
    low: float
    high: float
    meaning: str
    unit: str = ""
    neutral: float = 0.0  # where nothing is written
    is_live: bool = True  # can be moved while a voice is played
    is_per_note: bool = True  # can be sent for a single note by OSC
    is_reset: bool = False  # neutral again after MIDI's "reset all controllers"
    midi: MidiControl | None = None
    ustx: UstxCurve | None = None
    svp: SvpCurve | None = None
    vocaloid: VocaloidCurve | None = None
    setting: TrackDefault | None = None

    @property
    def played_neutral(self) -> float:
        """Neutral value among controllers: MIDI's where there is one (General MIDI's volume is 100 of 127)."""
        if self.midi is None or self.midi.neutral is None:
            return self.neutral
        return self.midi.scale.value_of(self.midi.neutral)


class Parameter(StrEnum):
    """Expression parameters of curves and live events. `spec` is the parameter's row, its value the row's name."""

    _value_: str
    spec: ParameterSpec

    def __new__(cls, spec: ParameterSpec | str) -> Self:
        """Make a member that is equal to its name. (`Parameter("growl")` finds a member and does not come here.)"""
        assert isinstance(spec, ParameterSpec)
        member = str.__new__(cls, spec.name)
        member._value_ = spec.name
        member.spec = spec
        return member

    # fmt: off
    BEND_CENTS = ParameterSpec(
        "bend_cents", -4800, 4800, "offset from the written pitch", "cents", is_live=False, is_per_note=False, is_reset=True,
        ustx=UstxCurve("pitd", 1.0),
        svp=SvpCurve("pitchDelta"),
    )
    F0_HZ = ParameterSpec(
        "f0_hz", 0, 2000, "pitch as such, 0 = follow the notes", "Hz", is_live=False, is_per_note=False,
    )
    MODULATION = ParameterSpec(
        "modulation", 0, 1, "vibrato depth, 1 = 100 cents", is_reset=True,
        midi=MidiControl(1, "modulation", 0, "Vibrato of up to 100 cents at the rate that is set."),
    )
    BREATH = ParameterSpec(
        "breath", 0, 1, "breathiness, 1 = whisper",
        midi=MidiControl(2, "breath", 0, "Breathiness: 127 is a whisper."),
    )
    VOLUME = ParameterSpec(
        "volume", 0, 1, "loudness by the General MIDI curve", neutral=1.0,
        midi=MidiControl(7, "volume", 100, "Loudness by the General MIDI curve."),
    )
    EXPRESSION = ParameterSpec(
        "expression", 0, 1, "the same on top", neutral=1.0, is_reset=True,
        midi=MidiControl(11, "expression", 127, "The same on top."),
    )
    SUSTAIN = ParameterSpec(
        "sustain", 0, 1, "the pedal: from 0.5 on all notes of the track are held, whichever note is named",
        is_live=False, is_reset=True,  # live play has an event of its own for the pedal
        midi=MidiControl(
            SUSTAIN_CONTROLLER, "sustain", 0, "From 64 on the vowel goes on after its key is up, until the pedal comes up."
        ),
    )
    BRIGHTNESS = ParameterSpec(
        "brightness", 0, 1, "tilt of the spectrum, 0.5 = neutral", neutral=0.5,
        midi=MidiControl(74, "brightness", 64, "Tilt of the spectrum.", MidiScale.MIDDLE),
    )
    PRESSURE = ParameterSpec(
        "pressure", 0, 1, "louder and a little brighter (aftertouch)", is_reset=True,
    )
    DYNAMICS_DB = ParameterSpec(
        "dynamics_db", -60, 12, "loudness relative to normal", "dB",
        ustx=UstxCurve("dyn", 0.1),
        svp=SvpCurve("loudness", "paramLoudness"),
    )
    TENSION = ParameterSpec(
        "tension", -1, 1, "soft and dark to pressed and bright",
        midi=MidiControl(71, "timbre", 64, "Tension: 0 soft and dark, 127 pressed and bright.", MidiScale.CENTRED),
        ustx=UstxCurve("tenc", 0.01),
        svp=SvpCurve("tension", "paramTension"),
        setting=TrackDefault(
            Subject.TIMBRE, 0.0, CommandLineOption("--tension", "X", "-1 soft and dark .. 1 pressed and bright")
        ),
    )
    BREATHINESS = ParameterSpec(
        "breathiness", -1, 1, "clear to whispered, 0 = the voice's own",
        ustx=UstxCurve("brec", 0.01),
        svp=SvpCurve("breathiness", "paramBreathiness"),
        vocaloid=VocaloidCurve("breathiness", 127),
        setting=TrackDefault(
            Subject.TIMBRE, 0.0, CommandLineOption("--breathiness", "X", "-1 clear, 0 the voice's own .. 1 whispered")
        ),
    )
    VOICING = ParameterSpec(
        "voicing", 0, 1, "1 = normal, 0 = whisper", neutral=1.0,
        ustx=UstxCurve("voic", 0.01),
    )
    PITCH_STRENGTH = ParameterSpec(
        "pitch_strength", 0, 1, "rap: 0 = spoken, 1 = the written pitch", neutral=AS_SET,
        midi=MidiControl(
            3, "pitch strength", None, "Rap: from spoken (0) to the written pitch (127); nothing while sung."
        ),
        setting=TrackDefault(
            Subject.SPEECH, 0.3, CommandLineOption("--pitch-strength", "X", "rap: 0 spoken .. 1 the written pitch")
        ),
    )
    GENDER = ParameterSpec(
        "gender", -1, 1, "formants, + = larger and darker",
        midi=MidiControl(
            76, "size", 64, "Size of the singer: 0 smaller, 127 larger, by four semitones.", MidiScale.CENTRED
        ),
        ustx=UstxCurve("genc", 0.01),
        svp=SvpCurve("gender", "paramGender"),
        vocaloid=VocaloidCurve("character", 64),
    )
    TONE_SHIFT_CENTS = ParameterSpec(
        "tone_shift_cents", -2400, 2400, "timbre of another pitch", "cents",
        ustx=UstxCurve("shfc", 1.0),
        svp=SvpCurve("toneShift", "paramToneShift", 1200),
    )
    COLOUR = ParameterSpec(
        "colour", 0, 1, "from the voice's main colour to its second one",
        midi=MidiControl(
            70, "variation", 0, "Colour: from the voice's main colour (0) to its second one (127), if it has two."
        ),
        ustx=UstxCurve("cl02", 0.01),  # share of the second colour
        setting=TrackDefault(
            Subject.TIMBRE, 0.0,
            CommandLineOption("--colour", "X", "0 the voice's main colour .. 1 its second one, if it has two"),
        ),
    )
    GROWL = ParameterSpec(
        "growl", 0, 1, "roughness",
        midi=MidiControl(18, "growl", 0, "Roughness: 127 is as rough as it gets."),
        vocaloid=VocaloidCurve("growl", 127),
        setting=TrackDefault(
            Subject.TIMBRE, 0.0, CommandLineOption("--growl", "X", "0 none .. 1 as rough as it gets")
        ),
    )
    ATTACK = ParameterSpec(  # counts where a note begins
        "attack", -1, 1, "how notes begin: soft swell to hard accent",
        midi=MidiControl(73, "attack", 64, "How notes begin from now on: 0 hard, 127 soft.", MidiScale.SOFTENING),
        setting=TrackDefault(
            Subject.TIMBRE, 0.0, CommandLineOption("--attack", "X", "how notes begin: -1 a soft swell .. 1 a hard accent")
        ),
    )
    PORTAMENTO_S = ParameterSpec(
        "portamento_s", 0, LONGEST_PORTAMENTO_S, "glide between notes that are joined", "s",
        neutral=AS_SET, is_per_note=False,
        midi=MidiControl(5, "portamento time", None, "Length of the glide between notes: 0 to 0.5 s.", MidiScale.GLIDE),
        setting=TrackDefault(
            Subject.PITCH, 0.07, CommandLineOption("--portamento", "S", "length of the glide between notes, 0..0.5")
        ),
    )
    PORTAMENTO = ParameterSpec(
        "portamento", 0, 1, "below 0.5 notes follow each other without a glide", neutral=1.0, is_per_note=False,
        midi=MidiControl(65, "portamento", 127, "Below 64 notes follow each other without a glide.", MidiScale.SWITCH),
    )
    # fmt: on


# Settings that no curve, controller or live event moves.
_TRACK_ONLY = (
    Setting(
        name="vibrato_depth_cents",
        low=0,
        high=200,
        meaning="of long notes",
        unit="cents",
        default=TrackDefault(
            Subject.PITCH, 28.0, CommandLineOption("--vibrato", "CENTS", "vibrato depth on long notes, 0..200")
        ),
    ),
    Setting(name="vibrato_rate_hz", low=3, high=9, meaning="", unit="Hz", default=TrackDefault(Subject.PITCH, 5.6)),
    Setting(
        name="vibrato_delay_s",
        low=0,
        high=5,
        meaning="from the vowel's start",
        unit="s",
        default=TrackDefault(Subject.PITCH, 0.28),
    ),
    Setting(name="drift_cents", low=0, high=30, meaning="slow wander", unit="cents", default=TrackDefault(Subject.PITCH, 5.0)),
    Setting(
        name="overshoot",
        low=0,
        high=0.3,
        meaning="share of an interval sung beyond the new note at first",
        default=TrackDefault(Subject.PITCH, 0.05),
    ),
    Setting(
        name="dynamics",
        low=0,
        high=2,
        meaning="scale of the phrase shape, 0 = flat",
        default=TrackDefault(Subject.LOUDNESS, 1.0),
    ),
    Setting(
        name="natural_dynamics",
        low=0,
        high=1,
        meaning="share of the speaker's own loudness pattern",
        default=TrackDefault(
            Subject.LOUDNESS,
            None,
            CommandLineOption(
                "--natural-dynamics",
                "X",
                "share of the speaker's own loudness pattern, 0..1 (default: sing 0.25, rap 0.5, talk 1)",
            ),
        ),
    ),
    Setting(
        name="formant_semitones",
        low=-12,
        high=12,
        meaning="+ = a smaller vocal tract",
        unit="semitones",
        default=TrackDefault(
            Subject.TIMBRE,
            0.0,
            CommandLineOption("--formant", "N", "semitones: + a smaller, - a larger singer, -12..12"),
        ),
    ),
    Setting(
        name="speaking_pitch",
        low=24,
        high=84,
        meaning="rap and talk: pitch of everyday speech",
        unit="MIDI",
        default=TrackDefault(
            Subject.SPEECH, 52.0, CommandLineOption("--speaking-pitch", "PITCH", "rap, talk: MIDI pitch of the voice's speech")
        ),
    ),
    Setting(
        name="intonation",
        low=0,
        high=3,
        meaning="rap and talk: size of the spoken contour",
        default=TrackDefault(Subject.SPEECH, 1.0),
    ),
    Setting(
        name="speech_rate",
        low=0.4,
        high=2.5,
        meaning="talk: 2 = twice as fast",
        default=TrackDefault(Subject.SPEECH, 1.0, CommandLineOption("--rate-of-speech", "X", "talk: 2 = twice as fast")),
    ),
)


def _setting_of(spec: ParameterSpec, default: TrackDefault) -> Setting:
    return Setting(name=spec.name, low=spec.low, high=spec.high, meaning=spec.meaning, unit=spec.unit, default=default)


LIVE_PARAMETERS: tuple[Parameter, ...] = tuple(parameter for parameter in Parameter if parameter.spec.is_live)
RESET_PARAMETERS: tuple[Parameter, ...] = tuple(parameter for parameter in Parameter if parameter.spec.is_reset)
SETTINGS: dict[str, Setting] = {
    setting.name: setting
    for setting in sorted(
        (*_TRACK_ONLY, *(_setting_of(p.spec, p.spec.setting) for p in Parameter if p.spec.setting is not None)),
        key=lambda setting: setting.default.subject,
    )
}
