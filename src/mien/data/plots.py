"""Pictures of a data set as PNG bytes: counts, samples, mean faces, sizes, brightness, agreement.

Uses matplotlib, which the extra `train` installs. Draws what it is given; reads no data set itself.
"""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.draw.palette import colours_of, hex_of
from mien.draw.plotting import BLUE, DPI, GREEN, INK, LINE, ORANGE, SOFT, figure_of, png

__all__ = ["CSS_SCALE", "agreement", "brightness", "counts", "faces", "grid", "sizes", "split_name"]

_SPLIT_COLOURS = {"train": BLUE, "validation": ORANGE, "test": GREEN, "": SOFT}
CSS_SCALE = 96 / DPI
"""Pixels of a browser per pixel of a picture, at which letters in pictures and in text have the same size."""

_figure = functools.partial(figure_of, lines=False)


def split_name(split: str) -> str:
    """A split as a caption calls it."""
    return split or "no split"


def _colours(labels: Sequence[str]) -> list[str]:
    return [hex_of(colour) for colour in colours_of(labels).values()]


def counts(table: Mapping[str, Sequence[int]], labels: Sequence[str]) -> bytes:
    """Pictures of every class: one panel per split, (K,) counts each, with the share of the split."""
    n = len(table)
    with _figure(3.4 * n + 0.9, 0.36 * len(labels) + 1.0, ncols=n, sharey=True, squeeze=False) as (figure, grid):
        place = np.arange(len(labels))
        for axes, (split, values) in zip(grid[0], table.items(), strict=True):
            total = sum(values)
            axes.barh(place, values, color=_colours(labels), height=0.72)
            for y, value in zip(place, values, strict=True):
                share = f"  {100 * value / total:.1f} %" if total else ""
                axes.text(value, y, f" {value:,}{share}", va="center", fontsize=8.5, color=INK)
            axes.set_xlim(0, max(1, *values) * 1.42)
            axes.set_xticks([])
            axes.spines["bottom"].set_visible(False)
            axes.set_title(f"{split_name(split)}: {total:,}")
        grid[0, 0].set_yticks(place, labels)
        grid[0, 0].invert_yaxis()
        return png(figure)


def grid(samples: Mapping[str, Sequence[NDArray[np.uint8]]], side: int) -> bytes:
    """Rows of sample pictures, one row per class; pictures (S, S, 3) RGB uint8 of one side S."""
    columns = max((len(row) for row in samples.values()), default=1)
    gap = max(2, side // 16)
    with _figure(
        0.72 * columns + 1.1, 0.75 * len(samples) + 0.2, layout="compressed", nrows=len(samples), squeeze=False
    ) as (figure, rows):
        for axes, (label, pictures) in zip(rows[:, 0], samples.items(), strict=True):
            strip = np.full((side, columns * (side + gap) - gap, 3), 255, np.uint8)
            for k, picture in enumerate(pictures):
                strip[:, k * (side + gap) : k * (side + gap) + side] = picture
            _show(axes, strip)
            axes.set_yticks([side / 2], [label], color=INK)
        return png(figure)


def faces(means: Mapping[str, NDArray[np.float32]], overall: NDArray[np.float32]) -> bytes:
    """Mean picture (S, S) of every class, and below how it differs from the mean of all classes."""
    everyone = {"all classes alike": overall} | dict(means)
    with _figure(1.25 * len(everyone), 2.75, layout="compressed", nrows=2, ncols=len(everyone), squeeze=False) as (
        figure,
        rows,
    ):
        reach = max((float(np.abs(mean - overall).max()) for mean in means.values()), default=1.0) or 1.0
        drawn = None
        for column, (label, mean) in enumerate(everyone.items()):
            _show(rows[0, column], mean, cmap="gray")
            name = textwrap.fill(label, 12) if column else "all"
            rows[0, column].set_title(name, fontsize=10, fontweight="normal", loc="center")
            if not column:
                rows[1, column].axis("off")
                continue
            drawn = _show(rows[1, column], mean - overall, cmap="RdBu_r", vmin=-reach, vmax=reach)
        if drawn is not None:
            bar = figure.colorbar(drawn, ax=rows[1, 0], location="left", fraction=0.5, aspect=8, shrink=0.85, pad=0.0)
            bar.set_label("darker  |  brighter", fontsize=8)
            bar.outline.set_visible(False)
            bar.ax.tick_params(labelsize=8)
        return png(figure)


def _show(axes: Any, picture: NDArray[Any], **options: Any) -> Any:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    return axes.imshow(picture, interpolation="nearest", **options)


def brightness(mean: Mapping[str, NDArray[np.float32]], spread: Mapping[str, NDArray[np.float32]]) -> bytes:
    """Histograms of the mean and of the spread of grey levels per split, as shares of the split."""
    with _figure(8.6, 2.9, ncols=2) as (figure, (left, right)):
        _histograms(left, mean, np.linspace(0, 255, 52), "Brightness: mean grey level")
        _histograms(right, spread, np.linspace(0, 128, 52), "Contrast: standard deviation of grey levels")
        if len(mean) > 1:
            right.legend(fontsize=9)
        return png(figure)


def _histograms(axes: Any, columns: Mapping[str, NDArray[Any]], edges: NDArray[np.float64], title: str) -> None:
    for split, values in columns.items():
        heights, _ = np.histogram(values, edges)
        share = 100 * heights / max(len(values), 1)
        axes.stairs(share, edges, color=_SPLIT_COLOURS[split], linewidth=1.5, label=split_name(split))
        if split == next(iter(columns)):
            axes.stairs(share, edges, color=_SPLIT_COLOURS[split], alpha=0.12, fill=True)
    axes.set_ylim(0)
    axes.set_xlim(edges[0], edges[-1])
    axes.set(title=title, ylabel="per cent of the split")
    axes.grid(axis="y")


def sizes(heights: NDArray[np.int32], widths: NDArray[np.int32]) -> bytes:
    """Histograms of the shorter side and of width over height."""
    with _figure(8.6, 2.9, ncols=2) as (figure, (left, right)):
        shorter = np.minimum(heights, widths)
        low, high = max(1, int(shorter.min())), int(shorter.max())
        edges = np.geomspace(low * 0.97, high * 1.03, 40) if high > low else np.array([low - 0.5, low + 0.5])
        left.hist(shorter, edges, color=_SPLIT_COLOURS["train"])
        if high > 4 * low:
            left.set_xscale("log")
            round_numbers = [k * 10**n for n in range(6) for k in (1, 2, 5) if low <= k * 10**n <= high]
            left.set_xticks(round_numbers, [f"{value:,}" for value in round_numbers])
            left.set_xticks([], minor=True)
        left.set(title="Shorter side, in pixels", ylabel="pictures")
        right.hist(np.clip(widths / heights, 0.4, 2.0), np.linspace(0.4, 2.0, 41), color=_SPLIT_COLOURS["validation"])
        right.set(title="Width over height (0.4 or less ... 2 or more)", ylabel="pictures")
        for axes in (left, right):
            axes.grid(axis="y")
            axes.yaxis.get_major_locator().set_params(integer=True)
        return png(figure)


def agreement(table: NDArray[np.int64], labels: Sequence[str], votes: Sequence[str]) -> bytes:
    """Labels (K rows) against what most people voted for (V columns): per cent of the row, counts below."""
    total = table.sum(axis=1, keepdims=True)
    share = np.divide(table, total, out=np.zeros(table.shape), where=total > 0)
    with _figure(0.78 * len(votes) + 1.6, 0.56 * len(labels) + 1.5) as (figure, axes):
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1.1, aspect="auto")
        for i in range(len(labels)):
            for j in range(len(votes)):
                colour = LINE if table[i, j] == 0 else "white" if share[i, j] > 0.6 else INK
                axes.text(j, i - 0.1, f"{100 * share[i, j]:.0f}", ha="center", va="center", color=colour, fontsize=10)
                axes.text(j, i + 0.28, f"{table[i, j]:,}", ha="center", va="center", color=colour, fontsize=6.5)
        axes.set_xticks(range(len(votes)), votes, rotation=35, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(labels)), [f"{n}  ({t:,})" for n, t in zip(labels, total[:, 0], strict=True)])
        axes.spines[:].set_visible(False)
        axes.set(xlabel="what most people voted for", title="Label against votes, per cent of the label")
        return png(figure)
