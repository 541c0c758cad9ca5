"""Plots of a stem's accuracy: level, measured pitch over the written notes, spectrogram.

Drawn with matplotlib's Agg canvas alone (no pyplot, no global state), so they work in any thread and without a screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.errors import OutputError, SettingsError
from engine.units import db_to_gain

from .accuracy import AccuracyReport, NoteAccuracy
from .f0_track import Samples

if TYPE_CHECKING:  # matplotlib takes long to import and is needed only when a picture is drawn
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

ROW_S = 20.0
MAX_DURATION_S = 120.0  # six rows: more could not be read in one picture
TOP_HZ = 10_000
IN_TUNE_CENTS = 50.0

_WIDTH_IN, _ROW_IN, _HEAD_IN, _DPI = 16.0, 5.6, 0.95, 110
_COLUMNS = 1600
_WINDOW_S = 0.025
_LEVEL_WINDOW_S = 0.01
_FLOOR_DBFS = -60.0
_SPECTRUM_RANGE_DB = 75.0
_BLACK_KEYS = frozenset({1, 3, 6, 8, 10})
_NOTE_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")

_INK, _FAINT, _GRID, _SHADE = "#1c2733", "#6b7a89", "#e3e8ed", "#f4f6f8"
_NOTE_FILL, _NOTE_EDGE = "#cfe0f2", "#7fa6cf"
_IN_TUNE, _OUT_OF_TUNE = "#0b7a5c", "#d1481f"

# Preferred first; only those installed are used. DejaVu Sans comes with matplotlib.
_FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans JP",
    "Noto Sans SC",
    "Source Han Sans",
    "WenQuanYi Zen Hei",
    "Yu Gothic",
    "Microsoft YaHei",
    "Malgun Gothic",
    "Hiragino Sans",
    "PingFang SC",
    "Apple SD Gothic Neo",
)
_MISSING_GLYPH = "■"


def plot_accuracy(
    path: str | Path,
    samples: Samples,
    sample_rate: int,
    report: AccuracyReport,
    *,
    title: str = "",
    start_s: float = 0.0,
    duration_s: float | None = None,
) -> Path:
    """Plot `samples[N]` and their report to a PNG, in rows of at most 20 s; without a duration, as much as one picture holds. Returns the
    path.
    """
    start_s, duration_s = _range(report.length_s, start_s, duration_s)
    rows = max(1, int(np.ceil(duration_s / ROW_S - 1e-6)))
    figure = _new_figure(rows)
    outer = figure.add_gridspec(
        rows,
        1,
        left=0.055,
        right=0.985,
        top=1 - _HEAD_IN / figure.get_figheight(),
        bottom=0.5 / figure.get_figheight(),
        hspace=0.16,
    )
    _draw_head(figure, report, title, start_s, duration_s)
    pitch_range = _pitch_range(_sounding(report.notes, (start_s, start_s + duration_s)))
    row_s = duration_s / rows
    for row in range(rows):
        span = (start_s + row * row_s, start_s + (row + 1) * row_s)
        _draw_row(figure, outer[row], samples, sample_rate, report, span, pitch_range)
    return _save(figure, Path(path))


def _range(length_s: float, start_s: float, duration_s: float | None) -> tuple[float, float]:
    if not 0 <= start_s <= length_s:
        raise SettingsError(f"The picture cannot start at {start_s:g} s. Valid: 0 to {length_s:g} s, the length of the stem.")
    if duration_s is None:
        return start_s, max(0.1, min(length_s - start_s, MAX_DURATION_S))
    if not 0.1 <= duration_s <= MAX_DURATION_S:
        raise SettingsError(f"The picture cannot show {duration_s:g} s. Valid: 0.1 to {MAX_DURATION_S:g} s.")
    return start_s, duration_s


def _new_figure(rows: int) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH_IN, _HEAD_IN + rows * _ROW_IN), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, path: Path) -> Path:
    try:
        figure.savefig(path, format="png", metadata={"Software": "Vocalese"})
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}. Choose another folder or name.") from error
    return path


# --- head --------------------------------------------------------------------------------------------------------------------


def _draw_head(figure: Figure, report: AccuracyReport, title: str, start_s: float, duration_s: float) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    height = figure.get_figheight()
    heading = title or "Pitch and timing against the score"
    _text(figure, 0.055, 1 - 0.32 / height, heading, fontsize=15, fontweight="bold", color=_INK, va="center")
    _text(figure, 0.055, 1 - 0.62 / height, _summary(report), fontsize=10, color=_FAINT, va="center")
    shown = f"{start_s:.1f} to {start_s + duration_s:.1f} s of {report.length_s:.1f} s"
    _text(figure, 0.985, 1 - 0.32 / height, shown, fontsize=10, color=_FAINT, va="center", ha="right")
    handles = [
        Patch(facecolor=_NOTE_FILL, edgecolor=_NOTE_EDGE, label="written note"),
        Line2D([], [], color=_IN_TUNE, linewidth=2.4, label="sung, within 50 cents"),
        Line2D([], [], color=_OUT_OF_TUNE, linewidth=2.4, label="sung, further away"),
    ]
    figure.legend(
        handles=handles,
        loc="center right",
        bbox_to_anchor=(0.988, 1 - 0.62 / height),
        ncols=3,
        frameon=False,
        fontsize=9,
        labelcolor=_FAINT,
        borderpad=0,
    )


def _summary(report: AccuracyReport) -> str:
    parts = [f"{len(report.notes)} notes"]
    if report.cents_median is not None:
        parts.append(f"pitch error {report.cents_median:.1f} cents (median)")
        parts.append(f"{100 * report.within_50_cents:.0f} % within 50 cents")
    if report.onset_ms_median is not None:
        parts.append(f"onsets {report.onset_ms_median:+.0f} ms (median)")
    parts.append(f"peak {report.peak_dbfs:.1f} dBFS")
    return "   ·   ".join(parts)


# --- one row -----------------------------------------------------------------------------------------------------------------


def _draw_row(
    figure: Figure,
    cell: SubplotSpec,
    samples: Samples,
    sample_rate: int,
    report: AccuracyReport,
    span: tuple[float, float],
    pitch_range: tuple[float, float],
) -> None:
    inner = cell.subgridspec(3, 1, height_ratios=(0.55, 3.0, 1.5), hspace=0.06)
    level, roll, spectrum = (figure.add_subplot(inner[index]) for index in range(3))
    _draw_level(level, samples, sample_rate, span)
    _draw_roll(roll, report, span, pitch_range)
    _draw_spectrum(spectrum, samples, sample_rate, span)
    for axes in (level, roll, spectrum):
        _style(axes, span, with_time=axes is spectrum)


def _style(axes: Axes, span: tuple[float, float], *, with_time: bool) -> None:
    axes.set_xlim(*span)
    axes.tick_params(colors=_FAINT, labelsize=8, length=3, color=_GRID, labelbottom=with_time)
    axes.yaxis.label.set(color=_INK, fontsize=9)
    axes.yaxis.set_label_coords(-0.036, 0.5)
    for spine in axes.spines.values():
        spine.set_color(_GRID)
    if with_time:
        axes.set_xlabel("Time (s)", fontsize=9, color=_INK, labelpad=2)


def _draw_level(axes: Axes, samples: Samples, sample_rate: int, span: tuple[float, float]) -> None:
    times_s, level_dbfs = _level(samples, sample_rate, span)
    axes.fill_between(times_s, _FLOOR_DBFS, level_dbfs, color=_NOTE_EDGE, linewidth=0)
    axes.set_ylim(_FLOOR_DBFS, 0)
    axes.set_yticks([-60, -30, 0])
    axes.grid(axis="y", color=_GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_ylabel("Level\n(dBFS)")


def _draw_roll(axes: Axes, report: AccuracyReport, span: tuple[float, float], pitch_range: tuple[float, float]) -> None:
    _draw_keys(axes, pitch_range)
    for result in _sounding(report.notes, span):
        _draw_note(axes, result, span)
    _draw_f0(axes, report, span)
    axes.set_ylim(*pitch_range)
    axes.set_ylabel("Pitch (note)")


def _draw_keys(axes: Axes, pitch_range: tuple[float, float]) -> None:
    keys = range(int(np.ceil(pitch_range[0])), int(np.floor(pitch_range[1])) + 1)
    for key in keys:
        if key % 12 in _BLACK_KEYS:
            axes.axhspan(key - 0.5, key + 0.5, color=_SHADE, linewidth=0, zorder=0)
        if key % 12 in (0, 5):  # where two white keys meet
            axes.axhline(key - 0.5, color=_GRID, linewidth=0.8, zorder=0)
    labelled = [key for key in keys if (key % 12 in (0, 4, 7) if len(keys) > 24 else key % 12 not in _BLACK_KEYS)]
    axes.set_yticks(labelled, [f"{_NOTE_NAMES[key % 12]}{key // 12 - 1}" for key in labelled])


def _draw_note(axes: Axes, result: NoteAccuracy, span: tuple[float, float]) -> None:
    from matplotlib.patches import FancyBboxPatch
    from matplotlib.patheffects import withStroke

    note = result.note
    box = FancyBboxPatch(
        (note.onset_s, note.pitch - 0.5),
        note.offset_s - note.onset_s,
        1.0,
        boxstyle="round,pad=0,rounding_size=0.03",
        facecolor=_NOTE_FILL,
        edgecolor=_NOTE_EDGE,
        linewidth=0.8,
        zorder=1,
    )
    axes.add_patch(box)
    if note.lyric and note.onset_s >= span[0]:
        halo = [withStroke(linewidth=2.5, foreground="white")]
        place = (note.onset_s + 0.01, note.pitch + 0.68)
        _text(axes, *place, note.lyric, fontsize=8.5, color=_INK, zorder=4, clip_on=True, path_effects=halo)


def _draw_f0(axes: Axes, report: AccuracyReport, span: tuple[float, float]) -> None:
    inside = (report.f0.times_s >= span[0]) & (report.f0.times_s <= span[1])
    times_s, pitch = report.f0.times_s[inside], report.f0.pitch[inside]
    in_tune = _in_tune(times_s, pitch, report.notes)
    axes.plot(times_s, pitch, color=_OUT_OF_TUNE, linewidth=1.3, zorder=2, solid_capstyle="round")
    axes.plot(times_s, np.where(in_tune, pitch, np.nan), color=_IN_TUNE, linewidth=1.9, zorder=3, solid_capstyle="round")


def _in_tune(times_s: NDArray[np.float64], pitch: NDArray[np.float64], notes: Sequence[NoteAccuracy]) -> NDArray[np.bool_]:
    """Return a mask of the frames within 50 cents of a note at that time."""
    near = np.zeros(len(times_s), dtype=bool)
    for result in notes:
        first, last = np.searchsorted(times_s, (result.note.onset_s, result.note.offset_s))
        near[first:last] |= np.abs(pitch[first:last] - result.note.pitch) <= IN_TUNE_CENTS / 100
    return near


def _draw_spectrum(axes: Axes, samples: Samples, sample_rate: int, span: tuple[float, float]) -> None:
    level_db, top_hz = _spectrum(samples, sample_rate, span)
    loudest = float(level_db.max(initial=-200.0))
    axes.imshow(
        level_db,
        origin="lower",
        aspect="auto",
        extent=(span[0], span[1], 0, top_hz / 1000),
        cmap="magma",
        vmin=loudest - _SPECTRUM_RANGE_DB,
        vmax=max(loudest, -100.0),
        interpolation="bilinear",
    )
    axes.set_ylim(0, min(top_hz, TOP_HZ) / 1000)
    axes.set_ylabel("Frequency\n(kHz)")


# --- figures behind the picture ----------------------------------------------------------------------------------------------


def _windows(
    samples: Samples, sample_rate: int, span: tuple[float, float], window_samples: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return times `[columns]` and windows `[columns, window_samples]` evenly over the span; silence outside the stem."""
    times_s = np.linspace(*span, _COLUMNS)
    first = round(span[0] * sample_rate) - window_samples
    last = round(span[1] * sample_rate) + 2 * window_samples
    piece = np.asarray(samples[max(0, first) : max(0, last)], dtype=np.float64)
    before = max(0, -first)
    piece = np.pad(piece, (before, max(0, last - first - before - len(piece))))
    starts = np.round(times_s * sample_rate).astype(int) - window_samples // 2 - first
    return times_s, np.lib.stride_tricks.sliding_window_view(piece, window_samples)[starts]


def _level(samples: Samples, sample_rate: int, span: tuple[float, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    times_s, windows = _windows(samples, sample_rate, span, round(_LEVEL_WINDOW_S * sample_rate))
    rms = np.sqrt(np.mean(np.square(windows), axis=1))
    return times_s, 20 * np.log10(np.maximum(rms, db_to_gain(_FLOOR_DBFS)))


def _spectrum(samples: Samples, sample_rate: int, span: tuple[float, float]) -> tuple[NDArray[np.float64], float]:
    """Return levels `[frequencies, columns]` in dB (a full-scale sine is near 0) up to the returned frequency in Hz."""
    window_samples = round(_WINDOW_S * sample_rate)
    _, windows = _windows(samples, sample_rate, span, window_samples)
    hann = np.hanning(window_samples)
    bins = min(window_samples // 2, int(np.ceil(TOP_HZ * window_samples / sample_rate))) + 1
    magnitude = np.abs(np.fft.rfft(windows * hann, axis=1)[:, :bins]) * 2 / hann.sum()
    return 20 * np.log10(np.maximum(magnitude, 1e-10)).T, (bins - 1) * sample_rate / window_samples


def _sounding(notes: Sequence[NoteAccuracy], span: tuple[float, float]) -> list[NoteAccuracy]:
    return [result for result in notes if result.note.offset_s > span[0] and result.note.onset_s < span[1]]


def _pitch_range(notes: Sequence[NoteAccuracy]) -> tuple[float, float]:
    pitches = [result.note.pitch for result in notes] or [60.0]
    middle, reach = (min(pitches) + max(pitches)) / 2, max((max(pitches) - min(pitches)) / 2 + 2.5, 6.0)
    return middle - reach, middle + reach


# --- text --------------------------------------------------------------------------------------------------------------------


def _text(place: Figure | Axes, x: float, y: float, text: str, **style: object) -> None:
    families, characters = _fonts()
    drawable = "".join(
        character if ord(character) in characters else _MISSING_GLYPH
        for character in " ".join(text.split())
        if character.isprintable()
    )
    place.text(x, y, drawable, family=list(families), parse_math=False, **style)  # type: ignore[arg-type]


@cache
def _fonts() -> tuple[tuple[str, ...], frozenset[int]]:
    """Return installed font families and their characters: matplotlib warns about missing ones, once per glyph."""
    from matplotlib.font_manager import fontManager, get_font

    installed = {entry.name: entry.fname for entry in reversed(fontManager.ttflist)}
    families = tuple(name for name in _FONTS if name in installed)
    characters = frozenset(character for name in families for character in get_font(installed[name]).get_charmap())
    return families, characters
