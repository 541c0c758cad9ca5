"""Sound from media files of any kind: by libsndfile, or by FFmpeg's libraries in a subprocess."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from engine.errors import VoiceError

from .media_child import FORMATS

LONGEST_S = 600.0  # no more is decoded of anything
TIMEOUT_S = 30.0
MEMORY_MIB = 4096  # of the child; much of it is address space of libraries
_FFMPEG_RATE, _FFMPEG_CHANNELS = 48_000, 2
_CHILD = Path(__file__).with_name("media_child.py")


def read_media(path: Path, *, most_s: float = LONGEST_S) -> tuple[NDArray[np.float32], int]:
    """Return samples [n, channels] and their rate, of at most `most_s` seconds. Raises VoiceError with advice."""
    if not path.is_file():
        raise VoiceError(f"There is no file {path}." if not path.exists() else f"{path} is a folder, not a recording.")
    try:
        with soundfile.SoundFile(path) as file:
            samples = file.read(int(most_s * file.samplerate), dtype="float32", always_2d=True)
            if len(samples):
                return samples, int(file.samplerate)
    except (OSError, RuntimeError, ValueError, MemoryError) as error:  # SoundFileError is a RuntimeError
        reason = str(error)
    else:
        reason = "there is no sound in it"
    return _by_ffmpeg(path, most_s, reason)


def _by_ffmpeg(path: Path, most_s: float, reason: str) -> tuple[NDArray[np.float32], int]:
    out = _run([sys.executable, "-P", str(_CHILD), str(path.absolute()), str(most_s), str(MEMORY_MIB)], path)
    header, _, body = out.partition(b"\n")
    try:
        said = json.loads(header)
        if error := said.get("error"):
            reason = str(error) if error != "av" else ""
        else:
            return _samples(body, int(said["channels"])), int(said["rate"])
    except (ValueError, KeyError, AttributeError, TypeError):
        reason = "its decoder ended without a result"
    if not reason:
        program = shutil.which("ffmpeg")
        if program is None:
            raise VoiceError(
                f"{path} cannot be read here. {_advice(path)}. Or install the decoder: pip install 'vocalese[gpt-sovits]'"
            )
        limits = ["-nostdin", "-v", "error", "-protocol_whitelist", "file", "-format_whitelist", FORMATS, "-t", str(most_s)]
        shape = ["-map", "0:a:0", "-f", "f32le", "-ac", str(_FFMPEG_CHANNELS), "-ar", str(_FFMPEG_RATE), "-"]
        if body := _run([program, *limits, "-i", f"file:{path.absolute()}", *shape], path):
            return _samples(body, _FFMPEG_CHANNELS), _FFMPEG_RATE
        reason = "FFmpeg finds no sound in it"
    raise VoiceError(f"{path} cannot be read as a recording: {reason}. {_advice(path)}")


def _advice(path: Path) -> str:
    target = path.with_suffix(".wav").name if path.suffix.lower() != ".wav" else f"{path.stem}-converted.wav"
    return f"Convert it to WAV or FLAC, for example with: ffmpeg -i {path.name} {target}"


def _run(command: list[str], path: Path) -> bytes:
    """Return the output of a decoder, which is killed after its time limit."""
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, check=False).stdout
    except subprocess.TimeoutExpired:
        raise VoiceError(f"{path} took more than {TIMEOUT_S:g} s to decode. {_advice(path)}") from None
    except OSError as error:
        raise VoiceError(f"The decoder for {path} cannot be started: {error}.") from error


def _samples(body: bytes, channels: int) -> NDArray[np.float32]:
    frames = len(body) // (4 * channels)
    return np.frombuffer(body[: frames * 4 * channels], "<f4").reshape(frames, channels).astype(np.float32)
