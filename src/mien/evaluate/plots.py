"""Pictures of figures, as PNG bytes: confusion matrix, reliability, classes, coverage, corruptions, training curves.

Uses matplotlib, which the extra `train` installs; without it every function raises MissingExtraError. Draws only
what it is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mien.draw.canvas import heat, patch, plain_log_axis
from mien.draw.plotting import BLUE, FAINT, GREEN, ORANGE, RED, SOFT, figure_of, png
from mien.evaluate.coverage import Coverage
from mien.evaluate.history import History, read_history
from mien.evaluate.metrics import ClassFigures, ReliabilityBin

__all__ = ["classes", "comparison", "confusion", "corruptions", "coverage", "curves", "reliability", "title_of"]

_CLOSE = 0.12  # share of the pictures by which two marked points of a curve must lie apart to be told apart
_FEW = 10  # pictures of a bin below which its accuracy is mostly chance
_TITLES = {"log_loss": "log-loss", "lr": "learning rate", "ece": "calibration error (ECE)", "macro_f1": "macro-F1"}


def confusion(counts: ArrayLike, names: Sequence[str]) -> bytes:
    """Confusion matrix of counts (K, K), and beside it with each row as shares of the class; rows are true labels."""
    table = np.asarray(counts, np.int64)
    support = table.sum(axis=1, keepdims=True)
    shares = np.divide(table, support, out=np.zeros(table.shape), where=support > 0)
    k = len(names)
    side = max(3.2, 0.62 * k)
    with figure_of(2 * side + 1.6, side + 0.9, ncols=2, sharey=True) as (figure, (left, right)):
        for axes, values, title in ((left, table, "Pictures"), (right, shares, "Share of the class, in per cent")):
            heat(axes, values, shares, names, title)
        left.set_ylabel("true label")
        return png(figure)


def reliability(bins: Sequence[ReliabilityBin], ece: float | None = None) -> bytes:
    """Accuracy against confidence per bin, with the number of pictures below; the diagonal is perfect calibration.

    Bins with fewer than ten pictures are pale: their accuracy is mostly chance.
    """
    filled = [b for b in bins if b.count]
    middle = [(b.lower + b.upper) / 2 for b in filled]
    width = 1 / len(bins) * 0.92
    with figure_of(5.4, 5.6, nrows=2, sharex=True, height_ratios=(3.4, 1)) as (figure, (top, below)):
        for b, x in zip(filled, middle, strict=True):
            assert b.accuracy is not None
            assert b.confidence is not None
            low, high = sorted((b.accuracy, b.confidence))
            pale = 1.0 if b.count >= _FEW else 0.3
            top.bar(x, low, width, color=BLUE, alpha=0.85 * pale)
            color = RED if b.confidence > b.accuracy else GREEN
            top.bar(x, high - low, width, bottom=low, color=color, alpha=0.45 * pale)
        top.plot([0, 1], [0, 1], "--", color=SOFT, linewidth=1.2)
        top.set(ylim=(0, 1), xlim=(0, 1), ylabel="accuracy")
        top.set_title("Reliability" + ("" if ece is None else f": ECE {ece:.3f}"))
        handles = [patch(BLUE, 0.85, "accuracy"), patch(RED, 0.45, "too sure"), patch(GREEN, 0.45, "too unsure")]
        if any(b.count < _FEW for b in filled):
            handles.append(patch(BLUE, 0.25, f"fewer than {_FEW} pictures"))
        top.legend(handles=handles, loc="upper left", fontsize=9)
        below.bar(middle, [b.count for b in filled], width, color=SOFT, alpha=0.6)
        below.set(xlabel="confidence", ylabel="pictures")
        return png(figure)


def classes(figures: Sequence[ClassFigures]) -> bytes:
    """Precision, recall and F1 of every class as bars, with the number of pictures under the name."""
    place = np.arange(len(figures))
    with figure_of(max(6.0, 1.15 * len(figures)), 3.6) as (figure, axes):
        series = (("precision", BLUE), ("recall", ORANGE), ("f1", GREEN))
        for i, (key, color) in enumerate(series):
            values = [getattr(f, key) for f in figures]
            axes.bar(place + (i - 1) * 0.26, values, 0.24, color=color, label="F1" if key == "f1" else key)
            for x, value in zip(place + (i - 1) * 0.26, values, strict=True):
                axes.text(x, value + 0.012, f"{value * 100:.0f}", ha="center", fontsize=7.5, color=SOFT)
        axes.set_xticks(place, [f"{f.name}\n{f.support:,}" for f in figures])
        axes.set(ylim=(0, 1.08), title="Classes, in per cent")
        axes.set_yticks(np.linspace(0, 1, 6), [str(value) for value in range(0, 101, 20)])
        axes.grid(axis="x", visible=False)
        axes.legend(ncols=3, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2, fontsize=9)
        return png(figure)


def coverage(curve: Coverage, uncertain: Mapping[str, Any] | None = None) -> bytes:
    """Accuracy of the surest pictures against their share, and the confidence at which the rest is abstained from.

    Args:
        curve: what is drawn.
        uncertain: the model's threshold ("below") and the "coverage" and "accuracy" there, which are marked.

    """
    with figure_of(6.0, 3.8) as (figure, axes):
        # The first few pictures alone make the curve jump without meaning.
        start = min(len(curve.coverage) // 50, len(curve.coverage) - 1)
        axes.plot(curve.coverage[start:], curve.accuracy[start:], color=BLUE, label="accuracy of the answered")
        axes.plot(curve.coverage[start:], curve.threshold[start:], color=ORANGE, label="lowest confidence answered")
        points = [(share, curve.at(share)[0], BLUE, "o") for share in (0.5, 0.8, 1.0)]
        if uncertain is not None and uncertain["accuracy"] is not None:
            x, y = uncertain["coverage"], uncertain["accuracy"]
            axes.axvline(x, color=RED, linewidth=1, linestyle="--", label=f"uncertain below {uncertain['below']:.2f}")
            points = [(x, y, RED, "D"), *(point for point in points if abs(point[0] - x) > _CLOSE)]
        for share, accuracy, color, marker in points:
            axes.plot(share, accuracy, marker, color=color, markersize=5, zorder=4)
            axes.annotate(f"{accuracy * 100:.1f}", (share, accuracy), (-4, 7), textcoords="offset points",
                          ha="center" if share < 0.6 else "right", fontsize=9)  # fmt: skip
        axes.set(xlim=(0, 1.01), ylim=(0, 1.06), xlabel="share of the pictures that is answered")
        axes.set_title("Accuracy against coverage")
        axes.legend(loc="lower left", fontsize=9)
        return png(figure)


def corruptions(table: Mapping[str, Sequence[float]], clean: float) -> bytes:
    """Accuracy of every corruption (rows of five strengths) against the strength; `clean` is the accuracy without."""
    columns = 4
    rows = -(-len(table) // columns)
    with figure_of(10.0, 2.3 * rows + 0.6, nrows=rows, ncols=columns, sharex=True, sharey=True) as (figure, grid):
        cells = np.ravel(grid)
        for axes, (name, values) in zip(cells, table.items(), strict=False):
            steps = range(len(values) + 1)
            axes.axhline(clean, color=SOFT, linewidth=1, linestyle="--")
            axes.fill_between(steps, [clean, *values], clean, color=RED, alpha=0.12)
            axes.plot(steps, [clean, *values], "o-", color=BLUE, markersize=4)
            axes.set_title(f"{name}: {np.mean(values) * 100:.1f}", fontsize=10)
            axes.set(ylim=(0, 1), xticks=list(steps))
        for axes in cells[len(table) :]:
            axes.set_visible(False)
        figure.supxlabel("strength (0 is the clean picture)", color=SOFT, fontsize=10)
        figure.supylabel("accuracy", color=SOFT, fontsize=10)
        return png(figure)


def comparison(rows: Sequence[Mapping[str, Any]], metric: str) -> bytes:
    """Runs as points: `metric` against parameters, and against milliseconds for one face, both on a log scale.

    Args:
        rows: one mapping per run with "name", `metric` in 0..1, optionally "interval" (low, high), "parameters", "ms".
        metric: key of the figure.

    """
    with figure_of(10.4, 4.4, ncols=2, sharey=True) as (figure, grid):
        for axes, key, label in zip(
            grid, ("parameters", "ms"), ("parameters", "milliseconds for one face"), strict=True
        ):
            shown = [row for row in rows if row.get(key)]
            for row in shown:
                interval = row.get("interval")
                error = None if interval is None else [[row[metric] - interval[0]], [interval[1] - row[metric]]]
                axes.errorbar(row[key], row[metric], yerr=error, fmt="o", color=BLUE, ecolor=FAINT, elinewidth=2)
                axes.annotate(row["name"], (row[key], row[metric]), (7, 4), textcoords="offset points", fontsize=8.5)
            axes.set(xscale="log", xlabel=label)
            plain_log_axis(axes)
            if shown:
                axes.set_xlim(min(row[key] for row in shown) / 2.5, max(row[key] for row in shown) * 4)
            axes.margins(y=0.12)
            if not shown:
                axes.set(xticks=[])
                axes.text(0.5, 0.5, "not known", transform=axes.transAxes, ha="center", color=SOFT)
        grid[0].set_ylabel(title_of(metric))
        return png(figure)


# Part of a training's figures: name, colour, line.
_PARTS: Mapping[str, tuple[str, str, str]] = {
    "train": ("training, as augmented", BLUE, "--"),
    "clean": ("training, as they are", BLUE, "-"),
    "validation": ("validation", ORANGE, "-"),
    "": ("", SOFT, "-"),
}


def curves(metrics_csv: Path | str, best_epoch: int | None = None) -> bytes:
    """Curves of a training's CSV: one panel for each kind of figure, a line for each part of the data.

    A panel whose every line another panel has already is left out: the log-loss of hard labels is the loss.

    Args:
        metrics_csv: the file; `mien.evaluate.history` says what it must hold.
        best_epoch: the epoch that was kept, which is marked; None marks none.

    Raises:
        DataError: the file cannot be read, or has no column "epoch" or no figures.

    """
    series = read_history(metrics_csv)
    kinds = _told_once(series)
    columns = min(len(kinds), 3)
    rows = -(-len(kinds) // columns)
    with figure_of(3.7 * columns, 2.9 * rows + 0.4, nrows=rows, ncols=columns) as (figure, grid):
        cells = np.ravel(grid)
        for axes, kind in zip(cells, kinds, strict=False):
            _curve_panel(axes, {part: series[kind, part] for part in _PARTS if (kind, part) in series}, best_epoch)
            axes.set(title=title_of(kind), xlabel="epoch")
        for axes in cells[len(kinds) :]:
            axes.set_visible(False)
        handles = {label: line for a in cells for line, label in zip(*a.get_legend_handles_labels(), strict=True)}
        if handles:
            figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4, fontsize=9)
        return png(figure)


def _told_once(series: History) -> list[str]:
    """The kinds of figures to draw, in order."""
    kinds = sorted({kind for kind, _ in series}, key=_order)
    drawn: list[list[float]] = []
    chosen = []
    for kind in kinds:
        lines = [y for (k, _), (_, y) in series.items() if k == kind]
        new = [y for y in lines if not any(len(y) == len(d) and np.allclose(y, d, atol=1e-6) for d in drawn)]
        if new:
            chosen.append(kind)
            drawn += new
    return chosen


def _curve_panel(axes: Any, lines: Mapping[str, tuple[list[float], list[float]]], best_epoch: int | None) -> None:
    for part, (x, y) in lines.items():
        label, color, style = _PARTS[part]
        axes.plot(x, y, style if len(x) > 1 else "o", color=color, label=label or None)
        if part == "validation" and best_epoch in x:
            axes.plot(best_epoch, y[x.index(best_epoch)], "D", color=RED, markersize=5, zorder=4)
    if best_epoch is not None:
        axes.axvline(best_epoch, color=RED, linewidth=1, linestyle=":", label=f"best epoch, {best_epoch}")
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def title_of(figure: str) -> str:
    """Name of a figure for people, from its key: "macro_f1" is "macro-F1"."""
    return _TITLES.get(figure, figure.replace("_", " "))


def _order(kind: str) -> tuple[int, str]:
    known = ("loss", "log_loss", "accuracy", "macro_f1", "balanced_accuracy", "ece", "lr")
    return (known.index(kind) if kind in known else len(known), kind)
