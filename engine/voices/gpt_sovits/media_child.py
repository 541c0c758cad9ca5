"""Subprocess that decodes a media file with FFmpeg's libraries (the package av), so that a hostile file can end only this process.

Run as a file: `python -P media_child.py PATH SECONDS MEBIBYTES`. Standard output: one line of JSON (`rate`, `channels`, or `error`), then
interleaved float32 samples of at most SECONDS.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

MOST_CHANNELS = 8
# Containers of sound, no playlists: these would open other files.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,ogg,aac,mp3,flac,wav,w64,asf,avi,caf,aiff,amr,mpegts,mpeg,ac3,eac3,wv,ape,tta,au,dsf,opus,"
    "flv,rm,tak,mpc,mpc8"
)


def limit_memory(mebibytes: int) -> None:
    """Limit the memory of this process, where the system allows it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    size = mebibytes << 20
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def decode(path: str, seconds: float) -> Iterator[Any]:
    """Yield (rate, channels), then arrays of interleaved float32 samples."""
    import av

    with (
        open(path, "rb") as file,
        av.open(file, options={"format_whitelist": FORMATS, "protocol_whitelist": "none"}) as container,
    ):
        if not container.streams.audio:
            raise ValueError("there is no sound in it")
        stream = container.streams.audio[0]
        left = -1
        resampler: Any = None
        for frame in _frames(container, stream):
            if resampler is None:
                rate, layout = frame.sample_rate, frame.layout
                channels = len(layout.channels)
                if not 4_000 <= rate <= 384_000 or not 1 <= channels <= MOST_CHANNELS:
                    raise ValueError(f"it has {channels} channels at {rate} Hz")
                resampler = av.AudioResampler(format="flt", layout=layout, rate=rate)
                left = int(seconds * rate)
                yield rate, channels
            for packed in resampler.resample(frame):
                samples = packed.to_ndarray().reshape(-1, channels)[:left]
                left -= len(samples)
                yield samples
            if left <= 0:
                return
    if left < 0:
        raise ValueError("no sound in it can be decoded")


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """Yield frames up to the first damage."""
    import av

    count = 0
    try:
        for frame in container.decode(stream):
            count += 1
            yield frame
    except av.FFmpegError:
        if not count:
            raise


def main(path: str, seconds: str, mebibytes: str) -> int:
    """Write the decoded samples, or one line with the reason of a failure."""
    limit_memory(int(mebibytes))
    out = sys.stdout.buffer
    try:
        parts = decode(path, float(seconds))
        rate, channels = next(parts)
        out.write(json.dumps({"rate": rate, "channels": channels}).encode() + b"\n")
        for part in parts:
            out.write(part.astype("<f4", copy=False).tobytes())
    except ImportError:
        out.write(b'{"error": "av"}\n')
        return 3
    except BaseException as error:
        said = getattr(error, "strerror", None) or f"{error}" or type(error).__name__
        out.write(json.dumps({"error": said.lower() if "Invalid" in said else said}).encode() + b"\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
