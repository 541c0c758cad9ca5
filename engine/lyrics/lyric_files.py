"""Lyric files: plain text with section headings, and .lrc with the times of lines and words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import LyricError
from ..score.types import TempoMap, Track
from .dictionary import UserDictionary
from .lay import lay_text

MAX_FILE_BYTES = 8_000_000
NOTE_TOLERANCE_S = 0.15  # a line may be timed this much after its first note
_TIME = r"(\d{1,3}):(\d{1,2}(?:[.:]\d{1,3})?)"
_LINE_TIMES = re.compile(rf"\s*(?:\[{_TIME}\]\s*)+")
_ONE_TIME = re.compile(rf"[\[<]{_TIME}[\]>]")
_WORD_TIME = re.compile(rf"<{_TIME}>")
_TAG = re.compile(r"\[([a-z#]{1,12}):(.*)\]\s*", re.IGNORECASE)
_HEADING = re.compile(
    r"\s*[\[({]\s*(?:(?:pre|post)[- ]?)?"
    r"(?:verse|chorus|hook|bridge|intro|outro|refrain|interlude|break|drop|instrumental|solo|part|skit|tag|coda)\b[^\])}]*[\])}]\s*:?\s*",
    re.IGNORECASE,
)
_ANY_BRACKETED_LINE = re.compile(r"\s*\[[^\]]*[ :][^\]]*\]\s*")
_COMMENT = re.compile(r"\s*(?:#|//|;)")


@dataclass(frozen=True, slots=True)
class TimedLine:
    """A line that is sung from `start_s` on (seconds of the song). `words` with times of their own if the file has them."""

    start_s: float
    text: str
    words: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class LyricText:
    """The words of a song: `lines` as text; `timed_lines` instead if the file has times."""

    lines: tuple[str, ...]
    timed_lines: tuple[TimedLine, ...] = ()

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def read_lyric_text(path: Path | str) -> LyricText:
    """Read a .txt or .lrc file. Headings such as [Chorus], comments (#, //, ;) and .lrc tags are left out."""
    path = Path(path)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise LyricError(f"{path.name} has more than {MAX_FILE_BYTES} bytes; a lyric file is text of a few kilobytes.")
        data = path.read_bytes()
    except OSError as error:
        raise LyricError(f"The lyrics {path} cannot be read: {error.strerror or error}. Check the path.") from error
    return parse_lyric_text(_decoded(data))


def parse_lyric_text(text: str) -> LyricText:
    """`read_lyric_text` without the file."""
    lines = [line for line in text.splitlines() if not _COMMENT.match(line)]
    offset_s = _offset_s(lines)
    timed = [timed_line for line in lines for timed_line in _timed_lines(line, offset_s)]
    if timed:
        timed.sort(key=lambda line: line.start_s)
        return LyricText(tuple(line.text for line in timed if line.text), tuple(timed))
    cleaned = (_HEADING.sub("", line).strip() for line in lines if not _ANY_BRACKETED_LINE.fullmatch(line))
    return LyricText(tuple(line for line in cleaned if line))


def lay_timed_text(
    track: Track,
    lines: Sequence[TimedLine],
    tempo_map: TempoMap,
    *,
    language: str = "en",
    filler: str = "la",
    dictionary: UserDictionary | None = None,
) -> tuple[Track, tuple[str, ...]]:
    """Each line on the notes that start in its time span (up to the next line). Notes outside all lines keep no lyric."""
    spans = _spans(lines)
    onsets_s = [tempo_map.seconds_at(note.onset_ticks) for note in track.notes]
    lyrics: list[str | None] = [None] * len(track.notes)
    notices: dict[str, None] = {}
    first = 0
    for start_s, end_s, text in spans:
        while first < len(onsets_s) and onsets_s[first] < start_s - NOTE_TOLERANCE_S:
            first += 1
        end = first
        while end < len(onsets_s) and onsets_s[end] < end_s - NOTE_TOLERANCE_S:
            end += 1
        if text and first == end:
            notices[f"There is no note for '{text[:40]}' at {start_s:.2f} s."] = None
        elif text:
            part = replace(track, notes=track.notes[first:end])
            laid, said = lay_text(part, text, language=language, filler=filler, dictionary=dictionary)
            lyrics[first:end] = [note.lyric for note in laid.notes]
            notices |= {f"'{text[:40]}': {sentence}": None for sentence in said}
        first = end
    notes = tuple(replace(note, lyric=lyric) for note, lyric in zip(track.notes, lyrics, strict=True))
    return replace(track, notes=notes), tuple(notices)


def _spans(lines: Sequence[TimedLine]) -> list[tuple[float, float, str]]:
    """(start, end, text) of every line, or of its words where they have times; the last one has no end."""
    starts = [piece for line in lines for piece in (line.words or ((line.start_s, line.text),))]
    starts.sort(key=lambda piece: piece[0])
    ends = [start for start, _ in starts[1:]] + [float("inf")]
    return [(start, end, text) for (start, text), end in zip(starts, ends, strict=True)]


def _timed_lines(line: str, offset_s: float) -> list[TimedLine]:
    head = _LINE_TIMES.match(line)
    if not head:
        return []
    rest = line[head.end() :]
    starts = [_seconds(*time) + offset_s for time in _ONE_TIME.findall(head[0])]
    text = " ".join(_WORD_TIME.sub(" ", rest).split())
    words = _timed_words(rest, starts[0], offset_s) if len(starts) == 1 else ()
    return [TimedLine(max(0.0, start), text, words) for start in starts]


def _timed_words(rest: str, start_s: float, offset_s: float) -> tuple[tuple[float, str], ...]:
    times = list(_WORD_TIME.finditer(rest))
    if not times:
        return ()
    ends = [time.start() for time in times[1:]] + [len(rest)]
    words = [
        (_seconds(*time.groups()) + offset_s, rest[time.end() : end].strip()) for time, end in zip(times, ends, strict=True)
    ]
    before = rest[: times[0].start()].strip()
    return tuple(([(start_s, before)] if before else []) + words)


def _seconds(minutes: str, seconds: str) -> float:
    return 60 * int(minutes) + float(seconds.replace(":", "."))


def _offset_s(lines: Sequence[str]) -> float:
    """The [offset:+ms] tag: positive shows the words earlier."""
    for line in lines:
        tag = _TAG.fullmatch(line.strip())
        if tag and tag[1].lower() == "offset" and re.fullmatch(r"\s*[+-]?\d{1,7}\s*", tag[2], re.ASCII):
            return -int(tag[2]) / 1000
    return 0.0


def _decoded(data: bytes) -> str:
    """UTF-8, UTF-16 with its mark, else Latin-1 (which reads anything)."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
