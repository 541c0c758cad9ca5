"""Projects of other singing editors (SVP, VSQX, VPR, ACEP, CCS and more) through the optional LibreSVIP package.

Its model counts curves from one bar before the song, for some formats tempo and meter changes too, but never notes.
"""

from __future__ import annotations

import json
import math
import re
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.errors import ScoreError
from engine.score.types import Curve, Meter, Note, Parameter, Score, TempoChange, TempoMap, Track

from .utau_marks import from_utau

LIBRESVIP_PPQ = 480
NO_PITCH = -100  # value of its pitch curve between drawn stretches
LAST_TICK = 100_000 * LIBRESVIP_PPQ
USTX_LEAD_IN = 4 * LIBRESVIP_PPQ  # its USTX plugin assumes 4/4 whatever the meter is
HEAD_BREATH = "V"
MAX_UNPACKED_BYTES = 256 * 1024 * 1024
_HINT = re.compile(r"[A-Za-z]{1,2}[0-2]?(?:\s+[A-Za-z]{1,2}[0-2]?)+")  # ARPAbet; other alphabets are no hints
BREATH_TICKS = LIBRESVIP_PPQ // 4
# Formats for which LibreSVIP moves the tempo changes behind the extra bar (all but the one at the start).
TEMPO_LEAD_IN = frozenset(
    {"acep", "dv", "json", "s5p", "svip", "svip3", "svp", "tlp", "tlpx", "tsmsln", "tssln", "ustx", "vspx"}
)
METER_LEAD_IN = frozenset({"svp", "tsmsln", "tssln"})  # the same for meters


def read_with_libresvip(path: Path, *, title: str) -> Score:
    """Read a project with the plugin for its suffix. Needs `pip install vocalese[formats]`."""
    suffix = path.suffix.lower().lstrip(".")
    _refuse_large_archive(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        project = _load(path, suffix)
        return _score(project, suffix, title)


def _restore_json(encoder: json.JSONEncoder) -> None:
    """Undo LibreSVIP's change of the separators that `json.dumps` uses in the whole program."""
    default = getattr(json, "_default_encoder", None)
    if isinstance(default, json.JSONEncoder):
        default.item_separator, default.key_separator = encoder.item_separator, encoder.key_separator


def _plugins() -> Mapping[str, Any]:
    encoder = json.JSONEncoder()
    try:
        from libresvip.extension.manager import plugin_manager
        from loguru import logger

        logger.disable("libresvip")  # it would write to the terminal
        _restore_json(encoder)
    except ImportError as error:
        raise ScoreError(
            "Projects of other singing editors need the optional LibreSVIP package: pip install vocalese[formats]. "
            "Or export MIDI, MusicXML or USTX."
        ) from error
    return plugin_manager.plugins["svs"]


def _load(path: Path, suffix: str) -> Any:
    plugins = _plugins()
    if suffix not in plugins:
        raise ScoreError(f"LibreSVIP cannot read .{suffix} files; it knows {', '.join(sorted(plugins))}.")
    try:
        return plugins[suffix].load(path, {})
    except Exception as error:  # plugins raise anything; the file is unusable in any case
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise ScoreError(
            f"{path.name} could not be read as .{suffix} ({reason}). Save it again in its own program, or export MIDI."
        ) from error


def _refuse_large_archive(path: Path) -> None:
    """Raise ScoreError for archives that unpack to too much. LibreSVIP unpacks some formats in memory without a limit."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, struct.error):
        return  # no archive, or a damaged one, which LibreSVIP reports
    if unpacked > MAX_UNPACKED_BYTES:
        raise ScoreError(f"{path.name} unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MiB, which no song needs.")


def _score(project: Any, suffix: str, title: str) -> Score:
    meters = _meters(project.time_signature_list, 1 if suffix in METER_LEAD_IN else 0)
    lead_in = USTX_LEAD_IN if suffix == "ustx" else _bar_ticks(meters[0])
    tempos = _tempos(project.song_tempo_list, lead_in if suffix in TEMPO_LEAD_IN else 0)
    singing = [track for track in project.track_list if track.type_ == "Singing"]
    notices = ["Volume, tension and vibrato may be lost: LibreSVIP keeps pitch, and other curves for some formats only."]
    if len(singing) < len(project.track_list):
        notices.append("Audio tracks of the project were left out.")
    return Score(
        title=title,
        ppq=LIBRESVIP_PPQ,
        tracks=tuple(_track(track, i, lead_in) for i, track in enumerate(singing)),
        tempo_map=TempoMap(LIBRESVIP_PPQ, tempos),
        meters=meters,
        notices=tuple(notices),
    )


def _bar_ticks(meter: Meter) -> int:
    return LIBRESVIP_PPQ * 4 * meter.numerator // meter.denominator


def _meters(signatures: Sequence[Any], lead_in_bars: int) -> tuple[Meter, ...]:
    meters: list[Meter] = []
    bar = tick = 0
    for signature in sorted(signatures, key=lambda item: item.bar_index):
        if not 1 <= signature.numerator <= 255 or signature.denominator not in (1, 2, 4, 8, 16, 32, 64):
            continue
        position = max(bar, signature.bar_index - lead_in_bars)
        if meters:
            tick += (position - bar) * _bar_ticks(meters[-1])
        bar = position
        meters = [meter for meter in meters if meter.tick != tick] + [Meter(tick, signature.numerator, signature.denominator)]
    return tuple(meters) or (Meter(0, 4, 4),)


def _tempos(tempos: Sequence[Any], lead_in: int) -> tuple[TempoChange, ...]:
    changes: dict[int, float] = {}
    for tempo in sorted(tempos, key=lambda item: item.position):
        if tempo.bpm > 0:
            changes[max(0, tempo.position - lead_in)] = 60e6 / tempo.bpm
    return tuple(TempoChange(tick, changes[tick]) for tick in sorted(changes))


def _track(track: Any, index: int, lead_in: int) -> Track:
    notes = sorted((note for item in track.note_list for note in _notes(item)), key=lambda note: (note.onset_ticks, note.pitch))
    params = track.edited_params
    curves = [
        _curve(Parameter.F0_HZ, params.pitch, lead_in, _f0_hz),
        _curve(Parameter.DYNAMICS_DB, params.volume, lead_in, _volume_db),
        _curve(Parameter.BREATHINESS, params.breath, lead_in, _share),
        _curve(Parameter.GENDER, params.gender, lead_in, _share),
        _curve(Parameter.TENSION, params.strength, lead_in, _share),
    ]
    kept = tuple(curve for curve in curves if any(curve.values))
    return Track(track.title or f"Track {index + 1}", _without_overlap(notes), kept, is_muted=bool(track.mute))


def _notes(item: Any) -> Iterable[Note]:
    """Return the notes; a breath mark on a note becomes a breath of its own just before it."""
    if item.length < 1 or item.start_pos < 0 or not 0 <= item.key_number <= 127:
        return
    if item.head_tag == HEAD_BREATH and item.start_pos > 0:
        length = min(BREATH_TICKS, item.start_pos)
        yield Note(item.start_pos - length, length, float(item.key_number), lyric="AP")
    yield Note(item.start_pos, item.length, float(item.key_number), lyric=_lyric(item))


def _lyric(item: Any) -> str | None:
    """Return the lyric with its hint. `pronunciation` repeats a hint that is still in the lyric, or is its only place."""
    lyric = from_utau(item.lyric)
    hint = (item.pronunciation or "").strip()
    if lyric is None or "[" in lyric or hint == lyric or not _HINT.fullmatch(hint):
        return lyric
    return f"{lyric}[{hint}]"


def _without_overlap(notes: Sequence[Note]) -> tuple[Note, ...]:
    """Shorten the note before a breath so that both do not overlap."""
    result: list[Note] = []
    for note in notes:
        end = result[-1].offset_ticks if result else 0
        if note.lyric == "AP" and note.onset_ticks < end:
            if note.offset_ticks <= end:
                continue
            note = Note(end, note.offset_ticks - end, note.pitch, lyric=note.lyric)
        result.append(note)
    return tuple(result)


def _curve(parameter: Parameter, curve: Any, lead_in: int, convert: Callable[[int], float]) -> Curve:
    points: dict[int, float] = {}
    for point in curve.points.root:
        tick = point.x - lead_in
        if 0 <= tick <= LAST_TICK:
            points[tick] = convert(point.y)
    ticks = tuple(sorted(points))
    return Curve(parameter, ticks, tuple(points[tick] for tick in ticks))


def _f0_hz(cents: int) -> float:
    """Convert hundredths of a MIDI note to Hz; 0 outside drawn stretches."""
    return 0.0 if cents == NO_PITCH else round(440.0 * 2 ** ((cents / 100 - 69) / 12), 4)


def _volume_db(value: int) -> float:
    """Convert -1000..1000, in which 0 is unchanged, to the dB of a gain of 0..2."""
    return 20 * math.log10(max(1e-3, 1 + value / 1000))


def _share(value: int) -> float:
    return max(-1.0, min(1.0, value / 1000))
