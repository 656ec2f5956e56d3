"""What plots of figures share: shaded tables, legends, logarithmic axes. Uses matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.draw.plotting import INK, LINE

__all__ = ["heat", "patch", "plain_log_axis"]


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
    axes.set(title=title, xlabel="predicted label")


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
