"""One look for all plots, and the few strokes that they share. Uses matplotlib; knows no figures.

Plots never touch matplotlib's global state (pyplot), so they work in any thread and without a screen.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import MissingExtraError

__all__ = [
    "BLUE",
    "FAINT",
    "GREEN",
    "INK",
    "LINE",
    "ORANGE",
    "RED",
    "SOFT",
    "figure_of",
    "heat",
    "patch",
    "plain_log_axis",
    "png",
]

INK, SOFT, FAINT, LINE = "#1c2326", "#5b676d", "#a9c2d4", "#d9dfe2"
BLUE, ORANGE, GREEN, RED = "#2f6690", "#e07a2f", "#3a9d7c", "#d1495b"
_DPI = 160

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
    "axes.grid": True,
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
}


@contextlib.contextmanager
def figure_of(width: float, height: float, **grid: Any) -> Iterator[tuple[Any, Any]]:
    """New figure of `width` x `height` inches and its axes, as `Figure.subplots(**grid)` gives them.

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
    with rc_context(_STYLE):
        figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure, figure.subplots(gridspec_kw=options or None, **grid)


def png(figure: Any) -> bytes:
    """Bytes of a PNG file without time or program version, so that equal figures give equal files."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()


def heat(axes: Any, values: NDArray[Any], shades: NDArray[np.float64], names: Sequence[str], title: str) -> None:
    """Table (K, K) with a number in each cell, shaded by `shades` in 0..1; shares are written as per cent."""
    k = len(names)
    axes.imshow(shades, cmap="Blues", vmin=0, vmax=1.1)
    whole = np.issubdtype(values.dtype, np.integer)
    for i in range(k):
        for j in range(k):
            text = f"{values[i, j]:,}" if whole else f"{values[i, j] * 100:.0f}"
            zero = values[i, j] == 0
            color = LINE if zero else "white" if shades[i, j] > 0.65 else INK
            axes.text(j, i, text, ha="center", va="center", color=color, fontsize=9 if k <= 8 else 7)
    axes.set_xticks(range(k), names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(k), names)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set(title=title, xlabel="answer")


def patch(color: str, alpha: float, label: str) -> Any:
    """Entry of a legend."""
    from matplotlib.patches import Patch

    return Patch(color=color, alpha=alpha, label=label)


def plain_log_axis(axes: Any) -> None:
    """Write the ticks of a logarithmic x axis as 0.1, 1, 10k, 1M."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _position: _short(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", which="minor", size=0)


def _short(value: float) -> str:
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"
