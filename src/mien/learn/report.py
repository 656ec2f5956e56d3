"""The report of a run: curves and confusion as pictures, and one page for people. Works on the run folder alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mien.core.files import atomic_write
from mien.draw.page import facts, figure_png, note, page, section, table, tiles, write_page
from mien.evaluate import plots
from mien.evaluate.records import decimal, percent, read_evaluation, uncertain_text
from mien.evaluate.report import draw
from mien.learn.config import Config
from mien.learn.runfolder import METRICS
from mien.learn.settings import to_toml

__all__ = ["settings_rows", "write_run_report"]


def write_run_report(run: Path, record: Mapping[str, Any], config: Config, gallery: str = "") -> None:
    """Write curves.png, confusion.png and report.html into a finished run folder; `gallery` is a ready section.

    Raises:
        OutputError: a file cannot be written.

    """
    curves = plots.curves(run / METRICS, record["best_epoch"])
    body = read_evaluation(run / "evaluation" / "validation.json")
    pictures = draw(body)
    for name, data in (("curves.png", curves), ("confusion.png", pictures["confusion"])):
        with atomic_write(run / name) as file:
            file.write(data)
    write_page(run / "report.html", _page(run.name, record, config, body, {**pictures, "curves": curves}, gallery))


def _page(
    name: str,
    record: Mapping[str, Any],
    config: Config,
    body: Mapping[str, Any],
    pictures: Mapping[str, bytes],
    gallery: str,
) -> str:
    figures, data = body["figures"], record["data"]
    parts = [
        tiles(
            [
                ("accuracy, validation", percent(figures["accuracy"])),
                ("macro-F1", percent(figures["macro_f1"])),
                ("calibration error (ECE)", decimal(figures["ece"])),
                ("parameters", f"{record['parameters'] / 1e6:.2f} M"),
                ("best of the epochs", f"{record['best_epoch']} of {record['epochs']}"),
                ("time", _time(record["seconds"])),
            ]
        ),
        note(
            "These figures chose the epoch and the temperature, so they flatter the model a little; "
            "mien evaluate measures the test split."
        ),
        section(
            "Curves", figure_png(pictures["curves"], "Loss, accuracy and other figures by epoch.", _curves_text(config))
        ),
        section(
            "Confusion matrix", figure_png(pictures["confusion"], "Rows are true labels, columns predicted labels.")
        ),
        gallery,
        section(
            "Per-class precision, recall, F1",
            figure_png(pictures["classes"], "Precision, recall and F1 of every class."),
        ),
        section("Calibration", figure_png(pictures["reliability"], "Accuracy against confidence.")),
        section("Uncertain readings", note(uncertain_text(body["coverage"]["uncertain"]))),
        section("Heads", _heads(record)),
        section("Data", facts(_data_rows(data))),
        section("Settings that differ from the defaults", facts(settings_rows(config))),
        section("Environment", facts(list(record["environment"].items()))),
    ]
    lead = f"{record['model']} trained on {data['trained_on']:,} pictures of {Path(data['source']).name}."
    return page(f"Training run {name}", lead, "".join(parts))


def _curves_text(config: Config) -> str:
    """Why the training loss may lie above that of the validation split, for these settings."""
    reasons = [
        *(["the pictures are augmented"] if config.augment != "none" or config.augmentation else []),
        *(
            ["targets are smoothed or softened"]
            if config.label_smoothing or config.teachers or config.vote_share
            else []
        ),
        *(["features are dropped (dropout)"] if config.dropout else []),
        "it is a mean over an epoch in which the weights still change",
    ]
    text = f"The dashed line is what the network is trained on: {', '.join(reasons)}."
    kept = "the moving average of the weights (EMA)" if config.ema else "the weights at the epoch's end"
    return (
        f"{text} So it can lie above the loss of the validation split all the time, and says nothing of overfitting. "
        f"The solid lines compare like with like: {kept}, on pictures as they are, with labels as they are. Where the "
        "training line goes on rising in accuracy and the validation line does not, the network learns by heart."
    )


def _time(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


def _heads(record: Mapping[str, Any]) -> str:
    rows = [
        (
            name, f"{f['n']:,}", percent(f["accuracy"]), percent(f["macro_f1"]), percent(f["balanced_accuracy"]),
            decimal(f["log_loss"]), decimal(f["ece"]), decimal(record["temperatures"][name]),
        )
        for name, f in record["validation"].items()
    ]  # fmt: skip
    headers = ("head", "pictures", "accuracy", "macro-F1", "balanced accuracy", "log-loss", "ECE", "temperature")
    return table(headers, rows)


def _data_rows(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    counts = ", ".join(f"{split or 'no split'} {n:,}" for split, n in data["pictures"].items())
    leaks = ", ".join(f"{split} {n:,}" for split, n in data["leaked"].items())
    left = "kept in training" if data["leaks_kept"] else f"{data['removed_from_training']:,} left out of training"
    return [
        ("source", Path(data["source"]).name),
        ("SHA-256", data["sha256"]),
        ("pictures", counts),
        ("trained on", f"{data['trained_on']:,}"),
        ("pictures that also occur in training", f"{leaks}; {left}"),
    ]


def settings_rows(config: Config) -> list[tuple[str, str]]:
    """Settings that differ from the defaults: (name, value)."""
    lines = [line for line in to_toml(config, only_changes=True).splitlines() if line]
    rows = [tuple(part.strip() for part in line.partition(" = ")[::2]) for line in lines]
    return [(key, value) for key, value in rows] or [("none", "")]
