"""Errors that a user can act on.

    VocaleseError
    ├── ScoreError      the score file cannot be read or written
    ├── LyricError      the words or a dictionary cannot be used
    ├── SettingsError   an option has a value outside its range
    ├── VoiceError      the voice folder, its card or its weights are unusable
    ├── TrainingError   training data or a training run is unusable
    ├── RenderError     a phrase could not be rendered
    ├── OutputError     a result could not be written
    ├── MissingExtraError  a package that belongs to an extra is not installed
    ├── DeviceError     an audio device cannot be found or opened, or the audio process has ended
    └── ProtocolError   a message is malformed, rejected or unanswered

A message names the given value, the valid ones and a remedy.
"""

from collections.abc import Iterator
from contextlib import contextmanager

_EXTRAS = {"av": "gpt-sovits", "torch": "gpt-sovits", "pocketsphinx": "train", "pyworld": "train", "scipy": "train"}


class VocaleseError(Exception):
    """Base class of all errors that Vocalese raises deliberately."""


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


class MissingExtraError(VocaleseError):
    """A package that belongs to an extra is not installed."""


class ProtocolError(VocaleseError):
    """A message between Vocalese and another program is malformed, rejected or unanswered."""


class DeviceError(VocaleseError):
    """An audio device cannot be found or opened, or the audio process has ended."""


@contextmanager
def naming_extras(purpose: str, extra: str = "") -> Iterator[None]:
    """Raise MissingExtraError, which names the extra, where a package of an extra cannot be imported.

    `extra` is the one to name; by default the one that the package belongs to.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        wanted = extra or _EXTRAS[package]
        raise MissingExtraError(
            f"{purpose} needs the extra {wanted}, because {package} is not installed: pip install 'vocalese[{wanted}]'."
        ) from error
