"""Figures of a study for a paper: curves of the group, of each participant, and shares of time. Uses matplotlib.

Lines differ by their dashes and bands by their edges, so that a copy in grey says the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mien.draw.lettering import colour_of
from mien.draw.plotting import INK, LINE, SOFT, drawn, figure_of
from mien.study.group import Curves, cells_of, curves_of
from mien.study.table import Figures

__all__ = ["FIGURES", "MOST_PANELS", "draw"]

MOST_PANELS = 24
"""Participants and files that the small multiples show."""
_LINES = 4  # labels that a participant's panel shows: those that lead on the whole
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_WIDTH = 7.4  # inches: a page of a journal


def draw(name: str, figures: Figures, kinds: Sequence[str]) -> dict[str, bytes]:
    """One figure, in each of several kinds of file.

    Args:
        name: one of `FIGURES`.
        figures: the study.
        kinds: "svg", "pdf" or "png".

    Raises:
        MissingExtraError: matplotlib is not installed.

    """
    return FIGURES[name](figures, kinds)


def _group(figures: Figures, kinds: Sequence[str]) -> dict[str, bytes]:
    """A panel per label: the mean over people, a band of one standard deviation, and everyone as a thin line."""
    curves = curves_of(figures)
    labels = figures.labels
    wide = min(len(labels), 4)
    high = math.ceil(len(labels) / wide)
    with figure_of(_WIDTH, 0.35 + 1.55 * high, nrows=high, ncols=wide, sharex=True, sharey=True, squeeze=False) as (
        figure,
        axes,
    ):
        for k, (label, ax) in enumerate(zip(labels, axes.flat, strict=False)):
            each = curves.mean[:, :, k]  # (P, T)
            for one in each:
                ax.plot(curves.times, one, color="#9aa5ab", lw=0.5, alpha=0.8)
            mean, sd = _over_people(each)
            ax.fill_between(curves.times, mean - sd, mean + sd, color=_dark(label, labels), alpha=0.28, lw=0)
            ax.plot(curves.times, mean, color=_dark(label, labels), lw=1.8)
            _panel(ax, label)
        _finish(figure, axes, len(labels), "time (s)", "probability")
        return {kind: drawn(figure, kind) for kind in kinds}


def _each(figures: Figures, kinds: Sequence[str]) -> dict[str, bytes]:
    """A panel per participant and file: the labels that lead on the whole, with bands over the frames of each step."""
    curves = curves_of(figures)
    shown = _leading(curves)
    people = min(len(curves.names), MOST_PANELS)
    wide = min(people, 4)
    high = math.ceil(people / wide)
    with figure_of(_WIDTH, 0.7 + 1.45 * high, nrows=high, ncols=wide, sharex=True, sharey=True, squeeze=False) as (
        figure,
        axes,
    ):
        for p, ax in zip(range(people), axes.flat, strict=False):
            for k, dash in zip(shown, _DASHES, strict=False):
                label = figures.labels[k]
                mean, sd = curves.mean[p, :, k], curves.sd[p, :, k]
                ax.fill_between(
                    curves.times, mean - sd, mean + sd, color=_dark(label, figures.labels), alpha=0.18, lw=0
                )
                ax.plot(curves.times, mean, color=_dark(label, figures.labels), ls=dash, lw=1.4, label=label)
            _panel(ax, _cut(curves.names[p], 26))
        _finish(figure, axes, people, "time (s)", "probability")
        handles, names = axes.flat[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper left", ncols=len(shown), fontsize=8, handlelength=3)
        return {kind: drawn(figure, kind) for kind in kinds}


def _shares(figures: Figures, kinds: Sequence[str]) -> dict[str, bytes]:
    """Share of time per label: the mean over participants with one standard deviation, and each participant."""
    cells = cells_of(figures, "t")
    epochs = list(cells)
    spread = 0.7 / max(len(epochs), 1)
    greys = np.linspace(0.1, 0.6, max(len(epochs), 2))
    with figure_of(_WIDTH, 3.1) as (figure, ax):
        for e, epoch in enumerate(epochs):
            at = np.arange(len(figures.labels)) + (e - (len(epochs) - 1) / 2) * spread
            marker = _MARKERS[e % len(_MARKERS)]
            grey = str(greys[e])
            for x, label in zip(at, figures.labels, strict=True):
                values = cells[epoch][label].values
                ax.plot(np.full(len(values), x + 0.12 * spread), values, "o", ms=2.6, color="#9aa5ab", alpha=0.9, mew=0)
            mean = [cells[epoch][label].mean for label in figures.labels]
            sd = [cells[epoch][label].sd for label in figures.labels]
            ax.errorbar(
                at - 0.12 * spread,
                mean,
                np.nan_to_num(sd),
                fmt=marker,
                ms=5.5,
                color=grey,
                capsize=2.5,
                lw=1.1,
                label=epoch,
            )
        ax.set_xticks(range(len(figures.labels)), figures.labels, color=INK)
        ax.set_ylim(-0.03, 1.03)
        ax.set_ylabel("share of time", fontsize=8.5)
        ax.tick_params(labelsize=8.5)
        ax.grid(axis="x", visible=False)
        if len(epochs) > 1:
            ax.legend(ncols=4, fontsize=8, loc="upper left")
        return {kind: drawn(figure, kind) for kind in kinds}


FIGURES: Mapping[str, Callable[[Figures, Sequence[str]], dict[str, bytes]]] = {
    "group": _group,
    "participants": _each,
    "shares": _shares,
}
"""Name of a figure, as its files are called -> what draws it."""


def _over_people(each: Any) -> tuple[Any, Any]:
    """Mean and standard deviation (n - 1) of (P, T) where at least one, and at least two, have a value."""
    count = np.isfinite(each).sum(axis=0)
    total = np.nansum(each, axis=0)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    squares = np.nansum((each - mean) ** 2, axis=0)
    return mean, np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)


def _leading(curves: Curves) -> list[int]:
    """Positions of the labels with the highest mean over everybody."""
    total = np.nansum(curves.mean, axis=(0, 1))
    return [int(k) for k in np.argsort(-total, kind="stable")[:_LINES]]


def _panel(ax: Any, title: str) -> None:
    ax.set_title(title, fontsize=8.5, pad=3, color=INK)
    ax.set_ylim(0, 1)
    ax.set_yticks([0, 0.5, 1], ["0", ".5", "1"])
    ax.tick_params(labelsize=7.5)


def _finish(figure: Any, axes: Any, used: int, across: str, up: str) -> None:
    columns = axes.shape[1]
    for i, ax in enumerate(axes.flat):
        if i >= used:
            ax.set_visible(False)
        elif i + columns >= used:
            ax.xaxis.set_tick_params(labelbottom=True)
    figure.supxlabel(across, fontsize=8.5, color=SOFT)
    figure.supylabel(up, fontsize=8.5, color=SOFT)
    for ax in axes.flat:
        ax.grid(color=LINE, lw=0.5)


def _dark(label: str, among: Sequence[str]) -> tuple[float, float, float]:
    """A label's colour, darker, since it is drawn as lines on white."""
    r, g, b = (0.72 * value / 255 for value in colour_of(label, among))
    return (r, g, b)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"…{text[-most + 1 :]}"
