"""The report of a cross-validation: mean and deviation, every fold, the pooled confusion matrix, all curves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mien.core.files import atomic_write, make_folder
from mien.draw.page import facts, figure_png, note, page, section, table, tiles, write_page
from mien.evaluate import plots
from mien.evaluate.crossfold import FOLD_FIGURES, POOLED, fold_folder, mean_and_deviation
from mien.evaluate.curves import Curve, many_curves
from mien.evaluate.records import decimal, percent, span, write_evaluation
from mien.evaluate.report import draw
from mien.learn.config import Config
from mien.learn.report import settings_rows
from mien.learn.runfolder import METRICS, RECORD, write_json

__all__ = ["write_folds_report"]

Results = dict[str, tuple[float, float | None]]


def write_folds_report(
    run: Path, record: dict[str, Any], body: Mapping[str, Any], config: Config, *, people: int = 0
) -> Results:
    """Write what the folds come to into their folder; gives mean and deviation of every figure.

    Writes `evaluation/evaluation.json` (all pictures pooled), `confusion.png`, `curves.png`, `report.html`, and the
    means into `run.json`.

    Args:
        run: the folder of the cross-validation.
        record: what its run.json says; changed.
        body: the pooled evaluation.
        config: settings.
        people: number of people that are known, 0 where none are.

    Raises:
        OutputError: a file cannot be written.

    """
    done = record["done"]
    results = {name: mean_and_deviation([record["results"][str(f)][name] for f in done]) for name in FOLD_FIGURES}
    make_folder((run / POOLED).parent)
    write_evaluation(run / POOLED, body)
    curves = many_curves(
        [Curve(f"fold {f}", fold_folder(run, f) / METRICS, record["results"][str(f)]["best_epoch"]) for f in done]
    )
    pictures = {**draw(body), "curves": curves}
    for name in ("confusion", "curves"):
        with atomic_write(run / f"{name}.png") as file:
            file.write(pictures[name])
    record["state"] = "finished" if len(done) == record["folds"] else "started"
    record["mean"] = {name: mean for name, (mean, _) in results.items()}
    record["deviation"] = {name: deviation for name, (_, deviation) in results.items()}
    write_json(run / RECORD, record)
    write_page(run / "report.html", _page(run.resolve().name, record, results, body, config, pictures, people))
    return results


def _page(
    name: str,
    record: Mapping[str, Any],
    results: Results,
    body: Mapping[str, Any],
    config: Config,
    pictures: Mapping[str, bytes],
    people: int,
) -> str:
    done, folds, figures = record["done"], record["folds"], body["figures"]
    missing = [str(f) for f in range(1, folds + 1) if f not in done]
    parts = [
        tiles(
            [
                (f"{plots.title_of(key)}, mean ± standard deviation", plus_minus(*results[key], key))
                for key in ("accuracy", "macro_f1", "balanced_accuracy", "ece")
            ]
        ),
        *([note(f"Not complete yet: fold {', '.join(missing)}. Go on with mien train --resume.")] if missing else []),
        note(_protocol(folds, people)),
        section("Folds", table(_HEADERS, _rows(record, results))),
        section(
            "All pictures together",
            note(
                f"Accuracy {percent(figures['accuracy'])}, 95 % interval {span(figures['accuracy_interval'])}; "
                f"macro-F1 {percent(figures['macro_f1'])}: {figures['n']:,} pictures, each answered once."
            ),
            figure_png(pictures["confusion"], "Pooled confusion matrix: rows are true labels, columns predicted ones."),
            figure_png(pictures["classes"], "Precision, recall and F1 of every class."),
        ),
        section(
            "Curves",
            figure_png(pictures["curves"], "Figures of every fold by epoch.", "On the part by which each fold chose "
                       "its epoch; the figures above are of other pictures."),
        ),
        section("Calibration", figure_png(pictures["reliability"], "Accuracy against confidence.")),
        section("Settings that differ from the defaults", facts(settings_rows(config))),
    ]  # fmt: skip
    data = record["data"]
    lead = f"{record['model']} on {data['pictures']:,} pictures of {Path(data['source']).name}, {folds} folds."
    return page(f"Cross-validation {name}", lead, "".join(parts))


_HEADERS = (
    "fold",
    "trained on",
    "tested on",
    "best epoch",
    "accuracy",
    "macro-F1",
    "balanced accuracy",
    "log-loss",
    "ECE",
)


def _rows(record: Mapping[str, Any], results: Results) -> list[tuple[str, ...]]:
    rows = []
    for fold in record["done"]:
        f = record["results"][str(fold)]
        rows.append(
            (
                str(fold), f"{f['trained_on']:,}", f"{f['n']:,}", f"{f['best_epoch']} of {f['epochs']}",
                *(_figure(f[key], key) for key in FOLD_FIGURES),
            )
        )  # fmt: skip
    rows.append(("mean ± deviation", "", "", "", *(plus_minus(*results[key], key) for key in FOLD_FIGURES)))
    return rows


def _figure(value: float, key: str) -> str:
    return decimal(value) if key in {"log_loss", "ece"} else percent(value)


def plus_minus(mean: float, deviation: float | None, key: str) -> str:
    """As text: "71.2 ± 0.8 %", or "0.021 ± 0.004" for figures that are no shares."""
    if key in {"log_loss", "ece"}:
        return decimal(mean) if deviation is None else f"{decimal(mean)} ± {decimal(deviation)}"
    return percent(mean) if deviation is None else f"{mean * 100:.1f} ± {deviation * 100:.1f} %"


def _protocol(folds: int, people: int) -> str:
    who = (
        f"{people:,} people are known, and each is in one fold only"
        if people
        else "nobody says who is in which picture, so one person may be in several folds (--subject tells it)"
    )
    return (
        f"Every picture is tested once, by a model that did not see it: not in training, and not when its epoch and "
        f"calibration were chosen, for which a part of the next fold is taken. {who[0].upper()}{who[1:]}; identical "
        f"and nearly identical pictures stay together; classes are divided alike. The deviation is that of the {folds} "
        f"folds (n - 1), no interval: folds share most of their training pictures. mien compare tests two recipes."
    )
