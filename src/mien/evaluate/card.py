"""A model card in Markdown, made from evaluations: what was measured and how, and what the models are not for.

Works on the JSON of evaluations alone. Says only what was measured; what was not is named as not known.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from mien.core.errors import DataError
from mien.core.files import atomic_write
from mien.evaluate.records import decimal, percent, protocol_rows, span, uncertain_text

__all__ = ["card_purpose", "model_card", "write_card"]

Body = Mapping[str, Any]

_HERE = Path(__file__).parent


def write_card(path: Path | str, evaluations: Sequence[Body]) -> None:
    """Write the card of the evaluated models.

    Raises:
        DataError: there are no evaluations, or two of one model under one name.
        OutputError: the file cannot be written.

    """
    text = model_card(evaluations)
    with atomic_write(path, "w") as file:
        file.write(text)


def model_card(evaluations: Sequence[Body]) -> str:
    """The card as Markdown.

    Args:
        evaluations: what `Evaluation.to_dict` gave, in the order in which they are shown; of one model, the first
            describes it and those on other data add their figures.

    Raises:
        DataError: there are no evaluations, or two of one name that are of different files or of the same pictures.

    """
    if not evaluations:
        raise DataError("A model card needs at least one evaluation.")
    _refuse_twice(evaluations)
    judged = evaluations
    evaluations = _first_of_each(judged)
    crops = dict.fromkeys(_seen(body["model"].get("crop")) for body in evaluations)
    return Template((_HERE / "card_template.md").read_text("utf-8")).substitute(
        models=_models(evaluations),
        accuracy=_accuracy(judged),
        each="\n\n".join(_one_model(body, _others(judged, body)) for body in evaluations),
        speed=_speed(evaluations),
        data=_data(judged),
        crops=" or ".join(crops),
        repeat=_repeat(judged),
    )


def card_purpose() -> str:
    """What models of expressions are for and what not: the card's part that needs no figures."""
    text = (_HERE / "card_template.md").read_text("utf-8")
    return "## What" + text.partition("## What")[2].partition("## Models")[0]


def _refuse_twice(evaluations: Sequence[Body]) -> None:
    seen: dict[str, Body] = {}
    pictures: set[tuple[str, str, str]] = set()
    for body in evaluations:
        name, data = _name(body), body["data"]
        judged = (name, str(data.get("sha256")), str(data.get("protocol")))
        other = seen.setdefault(name, body)["model"].get("sha256") != body["model"].get("sha256")
        if other or judged in pictures:
            raise DataError(f"Two evaluations are of a model called {name!r}; a card describes each model once.")
        pictures.add(judged)


def _first_of_each(evaluations: Sequence[Body]) -> list[Body]:
    first: dict[str, Body] = {}
    for body in evaluations:
        first.setdefault(_name(body), body)
    return list(first.values())


def _others(evaluations: Sequence[Body], first: Body) -> list[Body]:
    """Evaluations of the same model on other data."""
    return [body for body in evaluations if _name(body) == _name(first) and body is not first]


def _name(body: Body) -> str:
    return str(body["model"].get("name") or "model")


def _table(headers: Sequence[str], rows: Iterable[Sequence[object]], left: int = 1) -> str:
    """Markdown table; the first `left` columns are left-aligned, the others right."""
    marks = ["---" if i < left else "---:" for i in range(len(headers))]
    lines = [headers, marks, *rows]
    return "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _models(evaluations: Sequence[Body]) -> str:
    rows: list[tuple[str, list[object]]] = [
        ("file", [f"`{b['model'].get('file', '–')}`" for b in evaluations]),
        ("size", [f"{b['model']['bytes'] / 1e6:.2f} MB" if "bytes" in b["model"] else "–" for b in evaluations]),
        ("SHA-256", [f"`{b['model'].get('sha256', '–')}`" for b in evaluations]),
        ("answers", [", ".join(b["model"]["labels"]) for b in evaluations]),
        ("takes", [_crop(b["model"].get("crop")) for b in evaluations]),
        ("arithmetic", [b["model"].get("precision", "–") for b in evaluations]),
        ("licence of the weights", [b["model"].get("license") or "–" for b in evaluations]),
        ("made on", [b["model"].get("created") or "–" for b in evaluations]),
        ("temperature inside", [decimal(b["model"].get("temperature")) for b in evaluations]),
        ("training", [_training(b["model"].get("training", {})) for b in evaluations]),
    ]
    headers = ["", *(f"**{_name(b)}**" for b in evaluations)]
    return _table(headers, [[name, *cells] for name, cells in rows], left=len(headers))


def _crop(crop: Body | None) -> str:
    if crop is None:
        return "–"
    color = "grey" if crop["color"] == "gray" else "RGB"
    return f"{color} crops of {crop['size']} px, {crop['margin']:g} times the square root of the face box's area"


def _seen(crop: Body | None) -> str:
    """What a model sees of a face, in few words."""
    if crop is None:
        return "crops of faces"
    return f"{'grey' if crop['color'] == 'gray' else 'colour'} crops of {crop['size']} px"


def _training(training: Body) -> str:
    return "; ".join(f"{key.replace('_', ' ')}: {_plain(value)}" for key, value in training.items()) or "not known"


def _plain(value: Any) -> str:
    """A value for people; an object as its names and numbers."""
    return ", ".join(f"{name} {n}" for name, n in value.items()) if isinstance(value, Mapping) else str(value)


def _accuracy(evaluations: Sequence[Body]) -> str:
    headers = (
        "model, pictures", "n", "accuracy", "95 % interval", "macro-F1", "balanced accuracy", "best two", "ECE",
        "log-loss",
    )  # fmt: skip
    rows = []
    for body in evaluations:
        rows.append(_figures_row(f"**{_name(body)}**, {_protocol(body['data'])}", body["figures"]))
        unseen = body["unseen"]
        if unseen is not None and unseen["figures"] is not None:
            count = f"{unseen['removed']:,}"
            title = f"{_name(body)}, without the {count} pictures that also occur in the data's training split"
            rows.append(_figures_row(title, unseen["figures"]))
        if body["flip"] is not None:
            rows.append(_figures_row(f"{_name(body)}, mean of a picture and its mirror image", body["flip"]))
    text = (
        "Macro-F1 and balanced accuracy count every class alike; accuracy follows the frequent ones. "
        "ECE is the mean gap between confidence and accuracy (15 bins). Intervals are 95 %, by bootstrap."
    )
    return _table(headers, rows) + "\n\n" + text


def _protocol(data: Body) -> str:
    by = "FER+ votes, official majority rule" if data["protocol"] == "ferplus-majority" else "labels of the data"
    return f"{Path(data['source']).name}, {data['split']} split, {by}"


def _figures_row(title: str, f: Body) -> list[str]:
    return [
        title, f"{f['n']:,}", percent(f["accuracy"]), span(f["accuracy_interval"]), percent(f["macro_f1"]),
        percent(f["balanced_accuracy"]), percent(f["top2_accuracy"]), decimal(f["ece"]), decimal(f["log_loss"]),
    ]  # fmt: skip


def _one_model(body: Body, others: Sequence[Body] = ()) -> str:
    parts = [
        f"## {_name(body)}",
        "### Protocol",
        _table(("", ""), protocol_rows(body), left=2),
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
        parts += [f"### On {_protocol(other['data'])}", _classes(other["figures"]), _groups(other)]
        parts += [_conditions(other)] if other.get("conditions") else []
    return "\n\n".join(parts)


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
    return _table(("class", "precision", "recall", "F1", "pictures"), rows) + "\n\n" + text


def _confusion(f: Body) -> str:
    counts = np.array(f["confusion"])
    support = counts.sum(axis=1, keepdims=True)
    shares = np.divide(100 * counts, support, out=np.zeros(counts.shape), where=support > 0)
    rows = [[name, *(f"{v:.0f}" for v in row)] for name, row in zip(f["names"], shares, strict=True)]
    return "Per cent of each true label (rows) by predicted label (columns).\n\n" + _table(["", *f["names"]], rows)


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
    text += "\n\n" + _table(("answered", "accuracy", "confidence at least"), rows)
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
    return text + "\n\n" + _table(("corruption", "1", "2", "3", "4", "5", "mean"), rows)


def _conditions(body: Body) -> str:
    """Figures by what was measured on the pictures themselves."""
    if not body.get("conditions"):
        return "Not measured: `mien evaluate --conditions` gives figures by pose, brightness, sharpness and colour."
    rows = [
        (g["condition"], g["group"], f"{g['figures']['n']:,}", percent(g["figures"]["accuracy"]),
         span(g["figures"]["accuracy_interval"]), percent(g["figures"]["balanced_accuracy"]))
        for g in body["conditions"]
    ]  # fmt: skip
    headers = ("condition", "pictures that are", "pictures", "accuracy", "95 % interval", "balanced accuracy")
    return _table(headers, rows, left=2)


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
        for g in body["groups"]
    ]  # fmt: skip
    return _table(("group", "pictures", "accuracy", "95 % interval", "balanced accuracy"), rows)


def _speed(evaluations: Sequence[Body]) -> str:
    measured = [body for body in evaluations if "speed" in body]
    if not measured:
        return "Not measured here; `mien bench` measures it on your machine."
    rows = [
        (_name(b), f"{b['speed']['one_ms']:.3f} ms", f"{b['speed']['batch_ms']:.3f} ms", b["speed"]["processor"])
        for b in measured
    ]
    headers = ("model, one thread", "one face", f"per face in a batch of {measured[0]['speed']['batch']}", "processor")
    return _table(headers, rows) + "\n\nThe classifier alone, without finding and cutting the face."


def _data(evaluations: Sequence[Body]) -> str:
    """What is known about every data set that the models were trained or judged on."""
    names: list[str] = []
    for body in evaluations:
        trained_on = str(body["model"].get("training", {}).get("data") or "").split(", ")
        for name in (*trained_on, Path(body["data"]["source"]).name):
            if name and name not in names:
                names.append(name)
    votes = any(body["figures"]["kl_votes"] is not None for body in evaluations)
    about = {key: text.strip() for key, text in tomllib.loads((_HERE / "card_data.toml").read_text("utf-8")).items()}
    texts = []
    for name in names:
        known = [text for key, text in about.items() if key in name.lower().replace("-", "").replace("_", "")]
        texts.append(
            known[0] if known else f"**{name}**: nothing is known to this generator about its origin and rights."
        )
    if votes and any(text == about["fer2013"] for text in texts):
        texts.append(about["ferplus"])
    return "\n\n".join(dict.fromkeys(texts))


def _repeat(evaluations: Sequence[Body]) -> str:
    lines = [
        f"mien evaluate {_name(b)} {Path(b['data']['source']).name} --split {b['data']['split']} "
        f"--protocol {b['data']['protocol']}"
        for b in evaluations
    ]
    return "```bash\n" + "\n".join(lines) + "\n```"
