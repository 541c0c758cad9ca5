"""Plots of training curves from the CSV files of the training loop."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

_COLUMNS = 3
_WIDTH, _HEIGHT = 4.0, 2.6  # inches of one curve


def draw_curves(table: Path, picture: Path) -> None:
    """Plot each column of `table` over its column `step` as a small diagram of the PNG file `picture`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with table.open(newline="", encoding="utf-8") as stream:
        names, *rows = csv.reader(stream)
    values = np.array([[cell or "nan" for cell in row] for row in rows], dtype=float).T
    curves = [(name, column) for name, column in zip(names, values, strict=True) if name != "step"]
    lines = -(-len(curves) // _COLUMNS)
    figure = Figure(figsize=(_COLUMNS * _WIDTH, lines * _HEIGHT), layout="constrained")
    FigureCanvasAgg(figure)
    for place, (name, column) in enumerate(curves, start=1):
        axes = figure.add_subplot(lines, _COLUMNS, place)
        axes.plot(values[names.index("step")], column, linewidth=1.2, marker=".", markersize=3)
        axes.set_title(name.replace("_", " "), fontsize=9)
        axes.grid(alpha=0.3)
        axes.tick_params(labelsize=7)
    figure.savefig(picture, dpi=100)
