"""The figure of a network: its maps as blocks from left to right, and below where its weights and its work are.

Uses matplotlib. A block's front is as high as the map (by its square root), and as deep as it has channels (by their
logarithm), so that maps of 224 px and of 1 px fit into one figure.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

from mien.core.layers import Stage, Summary, stages_of
from mien.draw.plotting import BLUE, FAINT, INK, LINE, ORANGE, SOFT, drawn, figure_of

__all__ = ["KINDS", "architecture"]

KINDS = ("png", "svg", "pdf")
"""Kinds of files that a figure can be."""

_TALL = 1.5  # height of the largest map, in the units of the drawing; blocks stand 2 apart
_APART = 2.0
_FRONT, _TOP, _SIDE = "#dbe8f2", "#eef4f9", "#b5cfe2"
_MOST_NAMES = 10


def architecture(summary: Summary, kind: str = "png") -> bytes:
    """Bytes of the figure of a network.

    Args:
        summary: the network.
        kind: one of `KINDS`.

    Raises:
        MissingExtraError: matplotlib is not installed.

    """
    stages = stages_of(summary.layers)
    columns = len(stages) + 2
    figure_here = functools.partial(figure_of, lines=False)
    with figure_here(1.42 * columns + 0.9, 4.5, nrows=3, sharex=True, height_ratios=(2.7, 1, 1)) as (figure, rows):
        figure.suptitle(_title(summary), x=0.012, ha="left", fontsize=12, fontweight="bold", color=INK)
        _draw_blocks(rows[0], summary, stages)
        _draw_bars(rows[1], [stage.parameters for stage in stages], "Parameters", BLUE)
        _draw_bars(rows[2], [stage.macs for stage in stages], "Multiply-adds", ORANGE)
        rows[0].set_xlim(-_APART * 0.62, _APART * (columns - 0.42))
        return drawn(figure, kind)


def _title(summary: Summary) -> str:
    return f"{summary.name}: {_short(summary.parameters)} parameters, {_short(summary.macs)} multiply-adds"


def _draw_blocks(axes: Any, summary: Summary, stages: Sequence[Stage]) -> None:
    tallest = max([math.prod(stage.side) for stage in stages] + [_input_side(summary) ** 2])
    heights = [_height(_input_side(summary) ** 2, tallest), *(_height(math.prod(s.side), tallest) for s in stages)]
    depths = [0.0, *(0.09 * math.log2(max(stage.channels, 1)) for stage in stages)]
    ends = []
    for column, (height, depth) in enumerate(zip(heights, depths, strict=True)):
        vector = bool(column) and math.prod(stages[column - 1].side) == 1
        ends.append(_block(axes, _APART * column, height, depth, vector=vector, given=not column))
    for (_, right), (left, _) in itertools.pairwise(ends):
        _arrow(axes, right + 0.07, left - 0.07)
    _say(axes, 0.0, "input", _sizes(summary.input[1:]))
    for column, stage in enumerate(stages, 1):
        _say(axes, _APART * column, "\n".join(f"{n} × {kind}" for kind, n in stage.kinds[:3]), _map(stage))
    _outputs(axes, ends[-1][1], _APART * (len(stages) + 1), summary)
    axes.set_ylim(-_TALL * 0.94, _TALL * 0.66)
    axes.axis("off")


def _input_side(summary: Summary) -> int:
    sizes = sorted(summary.input[1:], reverse=True)
    return sizes[min(1, len(sizes) - 1)] if sizes else 1


def _height(area: float, tallest: float) -> float:
    return max(_TALL * math.pow(area / tallest, 0.3), 0.12)


def _block(axes: Any, x: float, height: float, depth: float, *, vector: bool, given: bool) -> tuple[float, float]:
    """Draw a block whose middle is at x; gives its left and right end."""
    from matplotlib.patches import Polygon

    if vector:
        width, tall = 0.16, max(depth * 1.1, 0.3)
        _face(axes, Polygon([(x - width / 2, y) for y in (-tall / 2, tall / 2)]
                            + [(x + width / 2, y) for y in (tall / 2, -tall / 2)]), _SIDE)  # fmt: skip
        return x - width / 2, x + width / 2
    lean, width, low = depth * 0.34, height * 0.62, -height / 2
    left, right, high = x - (width + depth) / 2, x + (width - depth) / 2, height / 2
    if depth:
        top = [(left, high), (left + depth, high + lean), (right + depth, high + lean), (right, high)]
        side = [(right, low), (right + depth, low + lean), (right + depth, high + lean), (right, high)]
        _face(axes, Polygon(top), _TOP)
        _face(axes, Polygon(side), _SIDE)
    front = [(left, low), (left, high), (right, high), (right, low)]
    _face(axes, Polygon(front), LINE if given else _FRONT)
    return left, right + depth


def _face(axes: Any, polygon: Any, color: str) -> None:
    polygon.set(facecolor=color, edgecolor=BLUE if color != LINE else SOFT, linewidth=1.0, joinstyle="round")
    axes.add_patch(polygon)


def _arrow(axes: Any, left: float, right: float) -> None:
    style = {"arrowstyle": "-|>", "color": SOFT, "linewidth": 1.1, "mutation_scale": 9}
    axes.annotate("", (right, 0), (left, 0), arrowprops=style)


def _say(axes: Any, x: float, above: str, below: str) -> None:
    """The size of a block, bold, and what makes it."""
    axes.text(x, -_TALL * 0.6, below, ha="center", va="top", fontsize=9.5, fontweight="bold", color=INK)
    axes.text(x, -_TALL * 0.72, above, ha="center", va="top", fontsize=8.5, color=SOFT, linespacing=1.25)


def _outputs(axes: Any, end: float, x: float, summary: Summary) -> None:
    """The names of the outputs, an arrow away from the last block."""
    if not summary.labels:
        return
    _arrow(axes, end + 0.07, x - 0.62)
    names = list(summary.labels)
    if len(names) > _MOST_NAMES:
        names = [*names[: _MOST_NAMES - 1], f"… {len(names)} classes"]
    axes.text(x - 0.5, 0, "\n".join(names), ha="left", va="center", fontsize=9, color=INK, linespacing=1.3)


def _draw_bars(axes: Any, values: Sequence[int], title: str, color: str) -> None:
    total = sum(values) or 1
    places = [_APART * (column + 1) for column in range(len(values))]
    axes.bar(places, values, width=1.05, color=color)
    axes.axhline(0, color=FAINT, linewidth=0.8)
    for x, value in zip(places, values, strict=True):
        share = f"{_short(value)} ({_per_cent(value / total)})" if value else "0"
        axes.annotate(share, (x, value), (0, 3), textcoords="offset points", ha="center", fontsize=8.5, color=INK)
    axes.text(-_APART * 0.55, 0, title, ha="left", va="bottom", fontsize=9.5, fontweight="bold", color=color)
    axes.set_ylim(0, max(*values, 1) * 1.35)
    axes.set_yticks([])
    axes.set_xticks([])
    axes.spines[:].set_visible(False)


def _per_cent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.005 else "< 1 %"


def _map(stage: Stage) -> str:
    high, wide = stage.side
    if high * wide == 1:
        return f"{stage.channels:,}"
    return f"{high} × {stage.channels}" if wide == 1 else f"{high} × {wide} × {stage.channels}"


def _sizes(sizes: Sequence[int]) -> str:
    return " × ".join(str(size) for size in sizes)


def _short(value: float) -> str:
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g} {unit}"
    return f"{value:.0f}"
