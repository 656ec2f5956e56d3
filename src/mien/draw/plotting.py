"""One style for all plots. Uses matplotlib.

Plots never touch matplotlib's global state (pyplot), so they work in any thread and without a screen.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

from mien.core.errors import MissingExtraError

__all__ = ["BLUE", "DPI", "FAINT", "GREEN", "INK", "LINE", "ORANGE", "RED", "SOFT", "drawn", "figure_of", "png"]

INK, SOFT, FAINT, LINE = "#1c2326", "#5b676d", "#a9c2d4", "#d9dfe2"
BLUE, ORANGE, GREEN, RED = "#2f6690", "#e07a2f", "#3a9d7c", "#d1495b"
DPI = 160
"""Pixels per inch of every plot."""

_STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": LINE,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "text.color": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.h_pad": 0.09,
    "figure.constrained_layout.w_pad": 0.09,
    "svg.fonttype": "none",  # text stays text, so that a figure can be finished in a drawing program
    "svg.hashsalt": "mien",
    "pdf.fonttype": 42,
}


@contextlib.contextmanager
def figure_of(
    width: float, height: float, *, layout: str = "constrained", lines: bool = True, **grid: Any
) -> Iterator[tuple[Any, Any]]:
    """New figure of `width` x `height` inches and its axes, as `Figure.subplots(**grid)` gives them.

    Args:
        width: inches.
        height: inches.
        layout: "constrained", or "compressed" for pictures, whose aspect is fixed.
        lines: lines behind the data at every tick.
        **grid: options of `Figure.subplots`, besides "height_ratios" and "width_ratios".

    Raises:
        MissingExtraError: matplotlib is not installed.

    """
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("Drawing plots", "matplotlib", "train") from error
    options = {key: grid.pop(key) for key in ("height_ratios", "width_ratios") if key in grid}
    with rc_context(_STYLE | {"axes.grid": lines}):
        figure = Figure(figsize=(width, height), dpi=DPI, layout=layout)
        FigureCanvasAgg(figure)
        yield figure, figure.subplots(gridspec_kw=options or None, **grid)


def png(figure: Any) -> bytes:
    """Bytes of a PNG file without time or program version, so that equal figures give equal files."""
    return drawn(figure, "png", DPI)


_METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"Creator": None, "Producer": None, "CreationDate": None},
}


def drawn(figure: Any, kind: str, dpi: int = 2 * DPI) -> bytes:
    """Bytes of a "png", "svg" or "pdf" file without time or program version, inside the block of `figure_of`."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=dpi, metadata=_METADATA[kind])
    return buffer.getvalue()
