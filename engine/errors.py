"""Errors that a user can act on.

    VocaleseError
    ├── ScoreError      the score file cannot be read or written
    ├── LyricError      the words or a dictionary cannot be used
    ├── SettingsError   an option has a value outside its range
    ├── VoiceError      the voice folder, its card or its weights are unusable
    ├── TrainingError   training data or a training run is unusable
    ├── RenderError     a phrase could not be rendered
    ├── OutputError     a result could not be written
    ├── DeviceError     an audio device cannot be found or opened, or the audio process has ended
    └── ProtocolError   a message was malformed or refused, or nobody answered

A message says what was given, what is valid and what to try.
"""


class VocaleseError(Exception):
    """Root of all errors that Vocalese raises on purpose."""


class ScoreError(VocaleseError):
    """A score file cannot be read or written."""


class LyricError(VocaleseError):
    """Words, a lyric file or a user dictionary cannot be used."""


class SettingsError(VocaleseError):
    """A setting is unknown or outside its range."""


class VoiceError(VocaleseError):
    """A voice folder, its card or its weights are unusable."""


class TrainingError(VocaleseError):
    """Training data or a training run is unusable."""


class RenderError(VocaleseError):
    """A phrase could not be rendered."""


class OutputError(VocaleseError):
    """A result could not be written."""


class ProtocolError(VocaleseError):
    """A message between Vocalese and another program is malformed or was refused, or nobody answered."""


class DeviceError(VocaleseError):
    """An audio device cannot be found or opened, or the audio process has ended."""
