"""An evaluation as a folder for people: one self-contained page, its plots as PNG, and the JSON for machines.

Works on the JSON alone, so a page can be made again without the model and the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.files import atomic_write, make_folder
from mien.draw.page import facts, figure_png, note, page, section, table, tiles, write_page
from mien.evaluate import plots
from mien.evaluate.coverage import Coverage
from mien.evaluate.metrics import ClassFigures, ReliabilityBin
from mien.evaluate.records import (
    FILE_NAME,
    decimal,
    percent,
    protocol_rows,
    span,
    uncertain_text,
    write_evaluation,
)
from mien.evaluate.text_report import TEXT_NAME, write_text

__all__ = ["PAGE_NAME", "draw", "report_page", "write_report"]

PAGE_NAME = "report.html"

Body = Mapping[str, Any]


def write_report(body: Body, folder: Path | str, *, gallery: str = "") -> Path:
    """Write `evaluation.json`, `report.html`, the plots and the classification report into a folder.

    Args:
        body: what `Evaluation.to_dict` gave.
        folder: where to, made if it is missing; files of an earlier report there are replaced.
        gallery: section with pictures, from `mien.evaluate.gallery.error_gallery`; "" leaves it out.

    Returns:
        Path of the page.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the folder or a file cannot be written.

    """
    pictures = draw(body)
    folder = make_folder(folder)
    write_evaluation(folder / FILE_NAME, body)
    write_text(folder / TEXT_NAME, body["figures"])
    for name, data in pictures.items():
        with atomic_write(folder / f"{name}.png") as file:
            file.write(data)
    write_page(folder / PAGE_NAME, report_page(body, pictures, gallery))
    return folder / PAGE_NAME


def draw(body: Body) -> dict[str, bytes]:
    """PNG of every plot by its name: confusion, classes, reliability, coverage, and corruptions where judged.

    Raises:
        MissingExtraError: matplotlib is not installed.

    """
    figures = body["figures"]
    points = body["coverage"]["points"]
    curve = Coverage(*(np.array([p[key] for p in points]) for key in ("coverage", "accuracy", "threshold")))
    pictures = {
        "confusion": plots.confusion(figures["confusion"], figures["names"]),
        "classes": plots.classes([ClassFigures(**c) for c in figures["classes"]]),
        "reliability": plots.reliability([ReliabilityBin(**b) for b in figures["reliability"]], figures["ece"]),
        "coverage": plots.coverage(curve, body["coverage"].get("uncertain")),
    }
    if "corruptions" in body:
        rows = {name: row["accuracy"] for name, row in body["corruptions"]["table"].items()}
        pictures["corruptions"] = plots.corruptions(rows, figures["accuracy"])
    return pictures


def report_page(body: Body, pictures: Mapping[str, bytes], gallery: str = "") -> str:
    """The page as HTML, from an evaluation, the plots that `draw` made of it, and a section with pictures."""
    model, data, figures = body["model"], body["data"], body["figures"]
    name = model.get("name") or "Model"
    parts = [
        tiles(_headline(figures)),
        section("How it was measured", facts(protocol_rows(body)), *_left_out_note(data)),
        _classes(figures, pictures["classes"]),
        _confusion(figures, pictures["confusion"]),
        gallery,
        _calibration(figures, pictures["reliability"]),
        _coverage(body, pictures["coverage"]),
        _unseen(body),
        _flip(body),
        _groups(body),
        _conditions(body),
        _corruptions(body, pictures.get("corruptions")),
        _speed(body),
    ]
    lead = f"{figures['n']:,} pictures of {Path(data['source']).name}, judged by {_by(data)}."
    where = "all splits" if data["split"] == "all" else f"the {data['split']} split"
    return page(f"{name} on {where}", lead, "".join(parts))


def _by(data: Body) -> str:
    return "FER+ votes (official majority rule)" if data["protocol"] == "ferplus-majority" else "the labels of the data"


def _headline(figures: Body) -> list[tuple[str, str]]:
    def with_span(name: str, key: str) -> tuple[str, str]:
        interval = figures[f"{key}_interval"]
        return (f"{name}, 95 %: {span(interval)}" if interval else name, percent(figures[key]))

    return [
        with_span("accuracy", "accuracy"),
        with_span("macro-F1", "macro_f1"),
        with_span("balanced accuracy", "balanced_accuracy"),
        ("label among the two best answers", percent(figures["top2_accuracy"])),
        ("calibration error (ECE)", decimal(figures["ece"])),
    ]


def _left_out_note(data: Body) -> list[str]:
    left = {reason: count for reason, count in data["left_out"].items() if reason != "no majority"}
    if not left:
        return []
    what = ", ".join(f"{count:,} {reason}" for reason, count in left.items())
    return [note(f"Pictures that the model cannot get right, because it has no such label, are not judged: {what}.")]


def _classes(figures: Body, picture: bytes) -> str:
    rows = [
        (c["name"], percent(c["precision"]), percent(c["recall"]), percent(c["f1"]), f"{c['support']:,}")
        for c in figures["classes"]
    ]
    return section(
        "Per-class precision, recall, F1",
        figure_png(picture, "Bars of precision, recall and F1 of every class; the table below has the same figures."),
        table(("class", "precision", "recall", "F1", "pictures"), rows),
    )


def _confusion(figures: Body, picture: bytes) -> str:
    alt = "Confusion matrix as counts and as shares of each class; rows are true labels, columns are predicted labels."
    caption = "Rows are true labels, columns predicted labels."
    worst = _worst_confusions(figures)
    text = f"{caption} Most frequent: {worst}." if worst else caption
    return section("Confusion matrix", figure_png(picture, alt, text))


def _worst_confusions(figures: Body) -> str:
    counts = np.array(figures["confusion"])
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:3]
    pairs = [np.unravel_index(i, counts.shape) for i in order if counts.flat[i] > 0]
    names = figures["names"]
    return "; ".join(f"{names[i]} called {names[j]} ({counts[i, j]:,} times)" for i, j in pairs)


def _calibration(figures: Body, picture: bytes) -> str:
    rows = [
        ("mean confidence", percent(figures["mean_confidence"])),
        ("accuracy", percent(figures["accuracy"])),
        ("ECE, 15 bins of equal width", decimal(figures["ece"], 4)),
        ("ECE, 15 bins of equal count", decimal(figures["adaptive_ece"], 4)),
        ("log-loss, nats", decimal(figures["log_loss"])),
        ("Brier score, 0 to 2", decimal(figures["brier"])),
    ]
    if figures["kl_votes"] is not None:
        rows.append((f"KL to the votes of {figures['n_votes']:,} pictures, nats", decimal(figures["kl_votes"])))
    caption = "A bar that ends on the diagonal means: of the answers given with that confidence, that share is right."
    return section(
        "Calibration",
        figure_png(picture, "Reliability diagram: accuracy against confidence.", caption, width=520),
        facts(rows),
    )


def _coverage(body: Body, picture: bytes) -> str:
    points = {round(p["coverage"] * 100): p for p in body["coverage"]["points"]}
    rows = [
        (f"{share} %", percent(points[share]["accuracy"]), percent(points[share]["threshold"]))
        for share in (100, 90, 80, 70, 60, 50)
    ]
    return section(
        "Abstaining",
        figure_png(picture, "Accuracy of the answered pictures against the share that is answered.", width=600),
        table(("answered", "accuracy", "with a confidence of at least"), rows),
        *([note(uncertain_text(body["coverage"]["uncertain"]))] if "uncertain" in body["coverage"] else []),
    )


def _unseen(body: Body) -> str:
    unseen = body["unseen"]
    if unseen is None:
        return ""
    text = (
        f"{unseen['removed']:,} of {body['figures']['n']:,} pictures equal a picture of the training split "
        f"({unseen['n_train']:,} pictures) in every pixel."
    )
    parts = [note(text)]
    if unseen["figures"] is not None:
        parts.append(_side_by_side((("all", body["figures"]), ("without those", unseen["figures"]))))
    return section("Pictures that also occur in training", *parts)


def _flip(body: Body) -> str:
    if body["flip"] is None:
        return ""
    rows = _side_by_side((("single view", body["figures"]), ("mean of both views", body["flip"])))
    return section("With the mirror image", note("Averaging two views costs twice the time."), rows)


def _groups(body: Body) -> str:
    if not body["groups"]:
        return ""
    figures = [(g["group"], g["figures"]) for g in body["groups"]]
    accuracy = [f["balanced_accuracy"] for _, f in figures]
    ratio = min(accuracy) / max(accuracy) if max(accuracy) else 0.0
    text = f"Worst to best balanced accuracy: {ratio:.2f} (1 is equal). Small groups have wide intervals."
    return section("Groups", _side_by_side(figures), note(text))


def _conditions(body: Body) -> str:
    if not body.get("conditions"):
        return ""
    rows = _side_by_side([(f"{g['condition']}: {g['group']}", g["figures"]) for g in body["conditions"]])
    text = "Measured on the pictures; thirds are those of the judged pictures. Small groups have wide intervals."
    return section("By condition", rows, note(text))


def _side_by_side(columns: Any) -> str:
    rows = [
        (
            name, f"{f['n']:,}", f"{percent(f['accuracy'])} ({span(f['accuracy_interval'])})",
            percent(f["macro_f1"]), percent(f["balanced_accuracy"]), decimal(f["ece"]), decimal(f["log_loss"]),
        )
        for name, f in columns
    ]  # fmt: skip
    return table(("", "pictures", "accuracy (95 %)", "macro-F1", "balanced accuracy", "ECE", "log-loss"), rows)


def _corruptions(body: Body, picture: bytes | None) -> str:
    if picture is None:
        return ""
    found = body["corruptions"]
    rows = [
        (name, *(percent(v) for v in row["accuracy"]), percent(float(np.mean(row["accuracy"]))), row["unit"])
        for name, row in found["table"].items()
    ]
    kept = found["mean_accuracy"] / body["figures"]["accuracy"] if body["figures"]["accuracy"] else 0.0
    return section(
        "Corrupted pictures",
        tiles(
            [
                ("mean corruption accuracy", percent(found["mean_accuracy"])),
                ("of the clean accuracy is kept", percent(kept)),
                ("mean corruption macro-F1", percent(found["mean_macro_f1"])),
                ("mean corruption ECE", decimal(found["mean_ece"])),
            ]
        ),
        figure_png(picture, "Accuracy against the strength of each corruption; the table has the same figures."),
        table(("corruption", "1", "2", "3", "4", "5", "mean", "the amount is"), rows),
    )


def _speed(body: Body) -> str:
    if "speed" not in body:
        return ""
    speed = body["speed"]
    rows = [
        ("one crop, one thread", f"{speed['one_ms']:.3f} ms"),
        (f"one crop of a batch of {speed['batch']}, one thread", f"{speed['batch_ms']:.3f} ms"),
        ("processor", speed["processor"]),
    ]
    return section("Speed", facts(rows))
