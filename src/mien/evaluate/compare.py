"""Training runs side by side: read their folders, measure their speed, rank them by a figure of the validation split.

Reads run folders as `mien train` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.core.errors import DataError, OptionError, unknown_name
from mien.core.files import atomic_write, make_folder
from mien.core.text import parse_json
from mien.draw.page import figure_png, note, page, section, table, write_page
from mien.evaluate import plots
from mien.evaluate.crossfold import FOLDS_FORMAT, POOLED, fold_folder
from mien.evaluate.curves import Curve, many_curves
from mien.evaluate.facts import measure_speed
from mien.evaluate.pairs import READING, Judged, Pair, compare_pairs
from mien.evaluate.records import decimal, percent, read_evaluation, span
from mien.infer.classify import load_classifier

__all__ = [
    "METRICS",
    "Run",
    "comparison_body",
    "curves_of",
    "differences",
    "pairs_of",
    "rank",
    "read_run",
    "write_comparison",
]

METRICS: Mapping[str, bool] = {
    "accuracy": True,
    "macro_f1": True,
    "balanced_accuracy": True,
    "log_loss": False,
    "ece": False,
}
"""Figures to rank by; True where higher is better."""

HISTORY_FILE = "metrics.csv"
RUN_FILE, FIGURES_FILE = "run.json", Path("evaluation") / "validation.json"


@dataclass(frozen=True)
class Run:
    """One training run.

    Args:
        name: of its folder.
        model: architecture.
        parameters: number of weights, or None where the run does not say.
        bytes: size of the model file.
        ms: milliseconds for one face on this machine and one thread, or None when it was not measured.
        data: what it was judged on, as in an evaluation.
        figures: figures on the validation split, as in an evaluation; of a cross-validation, on all pictures pooled.
        folder: of the run.
        folds: of a cross-validation, what its `run.json` says; else None.

    """

    name: str
    model: str
    parameters: int | None
    bytes: int
    ms: float | None
    data: Mapping[str, Any]
    figures: Mapping[str, Any]
    folder: Path = Path()
    folds: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; of the figures only single numbers and intervals."""
        keys = ("n", *METRICS, "accuracy_interval", "macro_f1_interval", "top2_accuracy", "brier")
        return {
            "name": self.name,
            "model": self.model,
            "parameters": self.parameters,
            "bytes": self.bytes,
            "ms": self.ms,
            "data": dict(self.data),
            "figures": {key: self.figures[key] for key in keys},
            "folds": None if self.folds is None else {key: self.folds[key] for key in ("mean", "deviation", "results")},
        }


def read_run(folder: Path | str, *, speed_s: float = 0.5) -> Run:
    """A finished run.

    Args:
        folder: of the run.
        speed_s: seconds to spend on measuring its speed; 0 measures nothing.

    Raises:
        DataError: the folder is not that of a finished run.
        ModelError: its model file is missing or damaged.

    """
    folder = Path(folder)
    facts = _facts(folder / RUN_FILE)
    folds = facts if facts.get("format") == FOLDS_FORMAT else None
    file = POOLED if folds else FIGURES_FILE
    if not (folder / file).is_file():
        raise DataError(f"{folder} is not the folder of a finished run: it has no {file}.")
    evaluation = read_evaluation(folder / file)
    one = fold_folder(folder, folds["done"][0]) if folds else folder
    facts = _facts(one / RUN_FILE)
    classifier = load_classifier(one)
    parameters = facts.get("parameters")
    return Run(
        name=folder.resolve().name,
        model=str(facts.get("model") or classifier.info.name),
        parameters=parameters if isinstance(parameters, int) else None,
        bytes=classifier.bytes,
        ms=measure_speed(classifier, speed_s / 2)["one_ms"] if speed_s > 0 else None,
        data=evaluation["data"],
        figures=evaluation["figures"],
        folder=folder,
        folds=folds,
    )


def _facts(path: Path) -> dict[str, Any]:
    try:
        body = parse_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"Cannot read {path}: {error}.") from error
    if not isinstance(body, dict):
        raise DataError(f"{path}: expected a JSON object, got {type(body).__name__}.")
    return body


def rank(runs: Sequence[Run], metric: str = "accuracy") -> list[Run]:
    """The runs, best first; runs that are equal keep their order.

    Raises:
        OptionError: a figure that runs are not ranked by.

    """
    if metric not in METRICS:
        raise OptionError(unknown_name("figure", metric, METRICS))
    sign = -1 if METRICS[metric] else 1
    return sorted(runs, key=lambda run: sign * run.figures[metric])


def differences(runs: Sequence[Run]) -> str:
    """Why the figures of the runs must not be compared, as a sentence; "" where they may be."""
    found = {(run.data["sha256"], run.data["protocol"], run.figures["n"]): run.name for run in runs}
    if len(found) < 2:
        return ""
    names = " and ".join(list(found.values())[:2])
    return f"The runs were not judged on the same pictures and labels (see {names}): their figures don't compare."


def write_comparison(
    runs: Sequence[Run], metric: str, folder: Path | str, pairs: Sequence[Pair] = (), curves: bytes = b""
) -> Path:
    """Write `compare.json`, `compare.png`, `compare.html` and `curves.png` into a folder; gives the path of the page.

    Args:
        runs: the runs, best first.
        metric: the figure that they are ranked by.
        folder: where to.
        pairs: what `mien.evaluate.pairs.compare_pairs` found.
        curves: PNG of the runs' curves; empty leaves them out.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the folder or a file cannot be written.

    """
    picture = plots.comparison(
        [
            {
                "name": run.name, metric: run.figures[metric], "interval": run.figures.get(f"{metric}_interval"),
                "parameters": run.parameters, "ms": run.ms,
            }
            for run in runs
        ],
        metric,
    )  # fmt: skip
    folder = make_folder(folder)
    with atomic_write(folder / "compare.json", "w") as file:
        json.dump(comparison_body(runs, metric, pairs), file, indent=1, allow_nan=False)
        file.write("\n")
    if curves:
        with atomic_write(folder / "curves.png") as file:
            file.write(curves)
    with atomic_write(folder / "compare.png") as file:
        file.write(picture)
    write_page(folder / "compare.html", _page(runs, metric, picture, pairs, curves))
    return folder / "compare.html"


def comparison_body(runs: Sequence[Run], metric: str, pairs: Sequence[Pair]) -> dict[str, Any]:
    """Plain values of a comparison, for JSON."""
    return {"metric": metric, "runs": [run.to_dict() for run in runs], "pairs": [pair.to_dict() for pair in pairs]}


def pairs_of(runs: Sequence[Run]) -> list[Pair]:
    """What the difference of the first run to each of the others is worth; see `mien.evaluate.pairs`."""
    return compare_pairs([Judged(run.name, run.folder, run.data, run.folds) for run in runs])


def curves_of(runs: Sequence[Run]) -> bytes:
    """PNG of the curves of all runs, and of all folds.

    Raises:
        DataError: a run has no metrics.csv.

    """
    curves = []
    for run in runs:
        if run.folds is None:
            curves.append(Curve(run.name, run.folder / HISTORY_FILE, _facts(run.folder / RUN_FILE).get("best_epoch")))
            continue
        for fold in run.folds["done"]:
            best = run.folds["results"][str(fold)]["best_epoch"]
            curves.append(Curve(f"{run.name}, fold {fold}", fold_folder(run.folder, fold) / HISTORY_FILE, best))
    return many_curves(curves)


COLUMNS: tuple[tuple[str, Callable[[Run], str]], ...] = (
    ("run", lambda run: run.name),
    ("model", lambda run: run.model),
    ("parameters", lambda run: "–" if run.parameters is None else f"{run.parameters:,}"),
    ("MB", lambda run: f"{run.bytes / 1e6:.1f}"),
    ("ms", lambda run: decimal(run.ms, 2)),
    ("accuracy", lambda run: percent(run.figures["accuracy"])),
    ("95 % interval", lambda run: span(run.figures["accuracy_interval"])),
    ("macro-F1", lambda run: percent(run.figures["macro_f1"])),
    ("balanced", lambda run: percent(run.figures["balanced_accuracy"])),
    ("ECE", lambda run: decimal(run.figures["ece"])),
    ("log-loss", lambda run: decimal(run.figures["log_loss"])),
)
"""Columns of the table: a header, and the text for a run."""


def _page(runs: Sequence[Run], metric: str, picture: bytes, pairs: Sequence[Pair], curves: bytes) -> str:
    data = runs[0].data
    lead = (
        f"{len(runs)} runs, ranked by {plots.title_of(metric)} on the {data['split']} split of "
        f"{Path(data['source']).name} ({runs[0].figures['n']:,} pictures)."
    )
    rows = [[text(run) for _, text in COLUMNS] for run in runs]
    warning = differences(runs)
    parts = [
        *([note(warning)] if warning else []),
        section("Ranking", table([name for name, _ in COLUMNS], rows)),
        *([section("Differences", *(note(pair.text()) for pair in pairs), note(READING))] if pairs else []),
        *(
            [section("Curves", figure_png(curves, "Figures of every run by epoch, in one colour each."))]
            if curves
            else []
        ),
        section("Size and speed", figure_png(picture, "The figure of each run against its size and its speed.")),
        note("Milliseconds are for one face on one thread of this machine. Intervals are bootstrap 95 %."),
    ]
    return page("Training runs", lead, "".join(parts))
