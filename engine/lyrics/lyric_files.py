"""Lyric files: plain text with section headings, and .lrc with the times of lines and words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.errors import LyricError
from engine.score.encodings import decode_file, is_binary
from engine.score.types import TempoMap, Track

from .dictionary import UserDictionary
from .lay_text import Leftover, lay_text

MAX_FILE_BYTES = 8_000_000
NOTE_TOLERANCE_S = 0.15  # greatest delay of a line's time after its first note
_TIME = r"(\d{1,3}):(\d{1,2}(?:[.:]\d{1,3})?)"
_LINE_TIMES = re.compile(rf"\s*(?:\[{_TIME}\]\s*)+")
_ONE_TIME = re.compile(rf"[\[<]{_TIME}[\]>]")
_WORD_TIME = re.compile(rf"<{_TIME}>")
# Singer of a line: v1:, v2:, bg: (Apple, Musixmatch), F:, M:, D: (Walaoke); alone at the start, or behind the time of the first word.
_VOICE_MARK = re.compile(rf"^(\s*(?:<{_TIME}>\s*)?)(?:\[(?i:v\d{{1,2}}|bg)\]\s*:?|(?:(?i:v\d{{1,2}}|bg)|[FMD])\s*:)\s*")
_TAG = re.compile(r"\[([a-z#]{1,12}):(.*)\]\s*", re.IGNORECASE)
_HEADING = re.compile(
    r"\s*[\[({]\s*(?:(?:pre|post)[- ]?)?"
    r"(?:verse|chorus|hook|bridge|intro|outro|refrain|interlude|break|drop|instrumental|solo|part|skit|tag|coda)\b[^\])}]*[\])}]\s*:?\s*",
    re.IGNORECASE,
)
# A heading without brackets fills its line: "Refrain:", "Verse 2", "Chorus (x2)"; "Music" or "The end" may be words.
_BARE_HEADING = re.compile(
    r"\s*(?:\d+\.\s*)?(?:(?:pre|post|final|last|repeat)[- ]?)?(?:verse|chorus|refrain|intro|outro|interlude|"
    r"strophe|couplet|coro|estribillo|ritornello)"
    r"(?:\s*(?:\d{1,2}|[A-D]|[IVX]{1,4}))?\s*:?\s*(?:[(\[]?\s*(?:x\s?\d|\d\s?x)\s*[)\]]?)?\s*:?\s*",
    re.IGNORECASE,
)
# Number of repetitions: "(x2)", "[2x]", "x 3" at the end of a line, "(repeat)", "(bis)".
_REPEATED = re.compile(
    r"(?:\s*[(\[]\s*(?:[x×]\s?\d{1,2}|\d{1,2}\s?[x×]|repeat(?:\s+[x×]?\d{1,2}|\s+chorus)?|bis|ter)\.?\s*[)\]]|(?:^|(?<=[^\d\s])\s+)[-–—]?\s*[x×]\s?\d{1,2}\s*[-–—]?\s*$)",
    re.IGNORECASE,
)
_ANY_BRACKETED_LINE = re.compile(r"\s*\[[^\]]*[ :][^\]]*\]\s*")
_COMMENT = re.compile(r"\s*(?:#|//|;)")


@dataclass(frozen=True, slots=True)
class TimedLine:
    """A line that starts at `start_s` (seconds of the song). `words` have times of their own if the file has them."""

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
    text = decode_file(data)
    if is_binary(text):
        raise LyricError(f"{path.name} is no text file. Save the words as plain text (.txt) or timed lyrics (.lrc).")
    return parse_lyric_text(text)


def parse_lyric_text(text: str) -> LyricText:
    """Parse the text of a .txt or .lrc file, see `read_lyric_text`."""
    lines = [line for line in text.splitlines() if not _COMMENT.match(line)]
    offset_s = _offset_s(lines)
    timed = [timed_line for line in lines for timed_line in _timed_lines(line, offset_s)]
    if timed:
        timed.sort(key=lambda line: line.start_s)
        return LyricText(tuple(line.text for line in timed if line.text), tuple(timed))
    sung = (line for line in lines if not _ANY_BRACKETED_LINE.fullmatch(line) and not _BARE_HEADING.fullmatch(line))
    cleaned = (_REPEATED.sub("", _HEADING.sub("", line)).strip() for line in sung)
    return LyricText(tuple(line for line in cleaned if line))


def lay_timed_text(
    track: Track,
    lines: Sequence[TimedLine],
    tempo_map: TempoMap,
    *,
    language: str = "en",
    filler: str = "la",
    dictionary: UserDictionary | None = None,
    leftover: Leftover = Leftover.AUTO,
) -> tuple[Track, tuple[str, ...]]:
    """Lay each line on the notes that start in its time span (up to the next line). Notes outside all lines get no lyric."""
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
            laid, said = lay_text(
                part, text, language=language, filler=filler, dictionary=dictionary, leftover=leftover, ppq=tempo_map.ppq
            )
            lyrics[first:end] = [note.lyric for note in laid.notes]
            notices |= {f"'{text[:40]}': {sentence}": None for sentence in said}
        first = end
    notes = tuple(replace(note, lyric=lyric) for note, lyric in zip(track.notes, lyrics, strict=True))
    return replace(track, notes=notes), tuple(notices)


def _spans(lines: Sequence[TimedLine]) -> list[tuple[float, float, str]]:
    """Return (start, end, text) of every line, or of its words if they have times. The last one has no end."""
    starts = [piece for line in lines for piece in (line.words or ((line.start_s, line.text),))]
    starts.sort(key=lambda piece: piece[0])
    ends = [start for start, _ in starts[1:]] + [float("inf")]
    return [(start, end, text) for (start, text), end in zip(starts, ends, strict=True)]


def _timed_lines(line: str, offset_s: float) -> list[TimedLine]:
    head = _LINE_TIMES.match(line)
    if not head:
        return []
    rest = _VOICE_MARK.sub(r"\1", line[head.end() :])
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
    """Return the [offset:+ms] tag in seconds. A positive offset shows the words earlier."""
    for line in lines:
        tag = _TAG.fullmatch(line.strip())
        if tag and tag[1].lower() == "offset" and re.fullmatch(r"\s*[+-]?\d{1,7}\s*", tag[2], re.ASCII):
            return -int(tag[2]) / 1000
    return 0.0
