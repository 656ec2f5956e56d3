"""Curves of several trainings in one figure, a panel for each kind of figure and a colour for each run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.draw.palette import line_colours
from mien.draw.plotting import SOFT, figure_of, png
from mien.evaluate.history import History, read_history
from mien.evaluate.plots import title_of

__all__ = ["Curve", "many_curves"]

_PANELS = (("log_loss", "loss"), ("accuracy",), ("macro_f1",), ("balanced_accuracy",))
"""Kinds of figures that are drawn; the first one of a row that the runs have."""
_MANY = 12  # runs that a legend can name


@dataclass(frozen=True)
class Curve:
    """One run to draw: its name, its metrics.csv, and the epoch that was kept (None where nothing says so)."""

    name: str
    metrics_csv: Path
    best_epoch: int | None = None


def many_curves(runs: Sequence[Curve]) -> bytes:
    """PNG of the runs' figures by epoch; the best epoch of each is marked.

    Solid lines are the validation split. Where there are few runs, thin dotted lines are training pictures as they are.

    Raises:
        DataError: a file cannot be read, or the runs have no figure in common.
        MissingExtraError: matplotlib is not installed.

    """
    histories = [read_history(run.metrics_csv) for run in runs]
    kinds = [kind for kind in (_shared(histories, names) for names in _PANELS) if kind]
    columns = min(len(kinds), 2)
    rows = -(-len(kinds) // columns)
    colours = line_colours(len(runs))
    with figure_of(5.1 * columns, 3.3 * rows + 0.5, nrows=rows, ncols=columns, sharex=True) as (figure, grid):
        cells = np.ravel(grid)
        for axes, kind in zip(cells, kinds, strict=False):
            for run, history, colour in zip(runs, histories, colours, strict=True):
                _draw(axes, run, history, kind, colour, training=len(runs) <= _FEW)
            axes.set(title=title_of(kind))
            axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
            axes.margins(x=0.02)
        for axes in cells[len(kinds) :]:
            axes.set_visible(False)
        for axes in cells[: len(kinds)][-columns:]:
            axes.set(xlabel="epoch")
        _legend(figure, runs, colours)
        return png(figure)


_FEW = 4  # runs whose training lines can still be told apart


def _shared(histories: Sequence[History], names: Sequence[str]) -> str:
    """The first of some kinds of figures that every run has of its validation split; "" where there is none."""
    return next((name for name in names if all((name, "validation") in h for h in histories)), "")


def _draw(axes: Any, run: Curve, history: History, kind: str, colour: str, *, training: bool) -> None:
    x, y = history[kind, "validation"]
    axes.plot(x, y, "-" if len(x) > 1 else "o", color=colour, linewidth=1.9)
    clean = history.get((kind, "clean")) or (history.get(("loss", "clean")) if kind == "log_loss" else None)
    if training and clean:
        axes.plot(*clean, linestyle=(0, (1, 1.6)), color=colour, linewidth=1.2, alpha=0.75)
    if run.best_epoch in x:
        best = y[x.index(run.best_epoch)]
        axes.plot(run.best_epoch, best, "D", color=colour, markersize=6, markeredgecolor="white", zorder=5)


def _legend(figure: Any, runs: Sequence[Curve], colours: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour, linewidth=2.4, label=run.name)
        for run, colour in list(zip(runs, colours, strict=True))[:_MANY]
    ]
    if len(runs) > _MANY:
        handles.append(Line2D([], [], linewidth=0, label=f"and {len(runs) - _MANY} more"))
    handles.append(Line2D([], [], color=SOFT, linewidth=1.9, label="validation"))
    if len(runs) <= _FEW:
        handles.append(Line2D([], [], color=SOFT, linestyle=(0, (1, 1.6)), linewidth=1.2, label="training, as it is"))
    handles.append(Line2D([], [], color=SOFT, marker="D", linewidth=0, markersize=5, label="best epoch"))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 7), fontsize=9)
