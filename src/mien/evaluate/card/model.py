"""One model's part of the card: its file, its figures class by class, calibration, corruptions, conditions, groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mien.evaluate.card.markdown import table
from mien.evaluate.order import place_of
from mien.evaluate.records import decimal, percent, protocol_rows, span, uncertain_text

__all__ = ["name_of", "one_model", "protocol"]

Body = Mapping[str, Any]


def name_of(body: Body) -> str:
    """Name of the model that an evaluation is of."""
    return str(body["model"].get("name") or "model")


def one_model(body: Body, others: Sequence[Body] = ()) -> str:
    """Everything about one model.

    Args:
        body: its evaluation, which describes it.
        others: its evaluations on other data.

    """
    parts = [
        f"## {name_of(body)}",
        "### The file",
        _file(body["model"]),
        "### Protocol",
        table(("", ""), protocol_rows(body), left=2),
        "### Per-class precision, recall, F1",
        _classes(body["figures"]),
        "### Confusion matrix",
        _confusion(body["figures"]),
        "### Calibration and abstaining",
        _calibration(body),
        "### Corrupted pictures",
        _corruptions(body),
        "### Conditions",
        _conditions(body),
        "### Groups of people",
        _groups(body),
    ]
    for other in others:
        parts += [f"### On {protocol(other['data'])}", _classes(other["figures"]), _calibration(other), _groups(other)]
        parts += [_conditions(other)] if other.get("conditions") else []
    return "\n\n".join(parts)


def _file(model: Body) -> str:
    rows = [
        ("answers", ", ".join(model["labels"])),
        ("takes", _crop(model.get("crop"))),
        ("made on", model.get("created") or "–"),
        ("temperature inside", decimal(model.get("temperature"))),
        ("SHA-256", f"`{model.get('sha256', '–')}`"),
        *((f"training: {key.replace('_', ' ')}", _plain(value)) for key, value in model.get("training", {}).items()),
    ]
    if not model.get("training"):
        rows.append(("training", "not known"))
    return table(("", ""), rows, left=2)


def _classes(f: Body) -> str:
    rows = [
        (c["name"], percent(c["precision"]), percent(c["recall"]), percent(c["f1"]), f"{c['support']:,}")
        for c in f["classes"]
    ]
    worst = min((c for c in f["classes"] if c["support"]), key=lambda c: c["f1"])
    few = [f"{c['name']} ({c['support']})" for c in f["classes"] if 0 < c["support"] < 50]
    text = f"Weakest: {worst['name']}, F1 {percent(worst['f1'])}."
    if few:
        text += f" Too few pictures for a firm figure: {', '.join(few)}."
    return table(("class", "precision", "recall", "F1", "pictures"), rows) + "\n\n" + text


def _confusion(f: Body) -> str:
    counts = np.array(f["confusion"])
    support = counts.sum(axis=1, keepdims=True)
    shares = np.divide(100 * counts, support, out=np.zeros(counts.shape), where=support > 0)
    rows = [[name, *(f"{v:.0f}" for v in row)] for name, row in zip(f["names"], shares, strict=True)]
    return "Per cent of each true label (rows) by predicted label (columns).\n\n" + table(["", *f["names"]], rows)


def _calibration(body: Body) -> str:
    f = body["figures"]
    points = {round(p["coverage"] * 100): p for p in body["coverage"]["points"]}
    text = (
        f"Mean confidence {percent(f['mean_confidence'])} at an accuracy of {percent(f['accuracy'])}; "
        f"ECE {decimal(f['ece'], 4)}, with bins of equal count {decimal(f['adaptive_ece'], 4)}; "
        f"Brier score {decimal(f['brier'])}."
    )
    if f["kl_votes"] is not None:
        text += (
            f" Mean KL divergence to the votes of raters: {decimal(f['kl_votes'])} nats ({f['n_votes']:,} pictures)."
        )
    rows = [
        (f"{share} %", percent(points[share]["accuracy"]), decimal(points[share]["threshold"], 2))
        for share in (100, 90, 80, 70, 50)
    ]
    text += "\n\n" + table(("answered", "accuracy", "confidence at least"), rows)
    uncertain = body["coverage"].get("uncertain")
    return text if uncertain is None else f"{text}\n\n{uncertain_text(uncertain)}"


def _corruptions(body: Body) -> str:
    if "corruptions" not in body:
        return "Not measured."
    found = body["corruptions"]
    rows = [
        [name, *(percent(v) for v in row["accuracy"]), percent(float(np.mean(row["accuracy"])))]
        for name, row in found["table"].items()
    ]
    text = (
        f"Mean accuracy over eight corruptions and five strengths: **{percent(found['mean_accuracy'])}** "
        f"(clean: {percent(body['figures']['accuracy'])}), macro-F1 {percent(found['mean_macro_f1'])}, "
        f"ECE {decimal(found['mean_ece'])}. The strengths stand in docs/judging.md."
    )
    return text + "\n\n" + table(("corruption", "1", "2", "3", "4", "5", "mean"), rows)


def _conditions(body: Body) -> str:
    """Figures by what was measured on the pictures themselves."""
    if not body.get("conditions"):
        return "Not measured: `mien evaluate --conditions` gives figures by pose, brightness, sharpness and colour."
    rows = [
        (g["condition"], g["group"], f"{g['figures']['n']:,}", percent(g["figures"]["accuracy"]),
         span(g["figures"]["accuracy_interval"]), percent(g["figures"]["balanced_accuracy"]))
        for g in _in_order(body["conditions"])
    ]  # fmt: skip
    headers = ("condition", "pictures that are", "pictures", "accuracy", "95 % interval", "balanced accuracy")
    return table(headers, rows, left=2)


def _groups(body: Body) -> str:
    if not body["groups"]:
        return (
            "Not known: the data does not say how old the people are, where they come from or how they look, so errors "
            "by group cannot be measured on it. Expect them to differ, and measure them on your own data (a column "
            "`group` is enough) before you rely on the model."
        )
    rows = [
        (g["group"], f"{g['figures']['n']:,}", percent(g["figures"]["accuracy"]),
         span(g["figures"]["accuracy_interval"]), percent(g["figures"]["balanced_accuracy"]))
        for g in _in_order(body["groups"])
    ]  # fmt: skip
    return table(("group", "pictures", "accuracy", "95 % interval", "balanced accuracy"), rows)


def protocol(data: Body) -> str:
    """What was judged by which labels, in few words; `data` is that part of an evaluation."""
    by = "FER+ votes, official majority rule" if data["protocol"] == "ferplus-majority" else "labels of the data"
    return f"{Path(data['source']).name}, {data['split']} split, {by}"


def _crop(crop: Body | None) -> str:
    if crop is None:
        return "–"
    color = "grey" if crop["color"] == "gray" else "RGB"
    return f"{color} crops of {crop['size']} px, {crop['margin']:g} times the square root of the face box's area"


def _plain(value: Any) -> str:
    """A value for people; an object as its names and numbers."""
    return ", ".join(f"{name} {n}" for name, n in value.items()) if isinstance(value, Mapping) else str(value)


def _in_order(rows: Sequence[Body]) -> list[Body]:
    """Rows of groups, those of one condition together, as people would list them."""
    conditions = list(dict.fromkeys(row.get("condition") for row in rows))
    return sorted(rows, key=lambda row: (conditions.index(row.get("condition")), place_of(row["group"])))
