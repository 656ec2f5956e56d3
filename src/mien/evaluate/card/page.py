"""The whole card: what the models are for, which there are, their figures side by side, then one by one.

Works on the JSON of evaluations alone. Says only what was measured; what was not is named as not known.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from mien.core.errors import DataError
from mien.core.files import atomic_write
from mien.evaluate.card.markdown import table
from mien.evaluate.card.model import name_of, one_model, protocol
from mien.evaluate.records import decimal, percent, span

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
    return Template((_HERE / "template.md").read_text("utf-8")).substitute(
        models=_models(evaluations),
        accuracy=_accuracy(judged),
        each="\n\n".join(one_model(body, _others(judged, body)) for body in evaluations),
        speed=_speed(evaluations),
        data=_data(judged),
        crops=" or ".join(crops),
        repeat=_repeat(judged),
    )


def card_purpose() -> str:
    """What models of expressions are for and what not: the card's part that needs no figures."""
    text = (_HERE / "template.md").read_text("utf-8")
    return "## What" + text.partition("## What")[2].partition("## Models")[0]


def _refuse_twice(evaluations: Sequence[Body]) -> None:
    seen: dict[str, Body] = {}
    pictures: set[tuple[str, str, str]] = set()
    for body in evaluations:
        name, data = name_of(body), body["data"]
        judged = (name, str(data.get("sha256")), str(data.get("protocol")))
        other = seen.setdefault(name, body)["model"].get("sha256") != body["model"].get("sha256")
        if other or judged in pictures:
            raise DataError(f"Two evaluations are of a model called {name!r}; a card describes each model once.")
        pictures.add(judged)


def _first_of_each(evaluations: Sequence[Body]) -> list[Body]:
    first: dict[str, Body] = {}
    for body in evaluations:
        first.setdefault(name_of(body), body)
    return list(first.values())


def _others(evaluations: Sequence[Body], first: Body) -> list[Body]:
    """Evaluations of the same model on other data."""
    return [body for body in evaluations if name_of(body) == name_of(first) and body is not first]


def _models(evaluations: Sequence[Body]) -> str:
    rows = [
        (
            f"**{name_of(b)}**", f"`{b['model'].get('file', '–')}`",
            f"{b['model']['bytes'] / 1e6:.2f} MB" if "bytes" in b["model"] else "–", b["model"].get("precision", "–"),
            len(b["model"]["labels"]), b["model"].get("license") or "–",
        )
        for b in evaluations
    ]  # fmt: skip
    return table(("model", "file", "size", "arithmetic", "classes", "licence of the weights"), rows, left=6)


def _seen(crop: Body | None) -> str:
    """What a model sees of a face, in few words."""
    if crop is None:
        return "crops of faces"
    return f"{'grey' if crop['color'] == 'gray' else 'colour'} crops of {crop['size']} px"


def _accuracy(evaluations: Sequence[Body]) -> str:
    by_data: dict[str, list[Body]] = {}
    for body in evaluations:
        by_data.setdefault(protocol(body["data"]), []).append(body)
    text = (
        "Macro-F1 and balanced accuracy count every class alike; accuracy follows the frequent ones. "
        "ECE is the mean gap between confidence and accuracy (15 bins). Intervals are 95 %, by bootstrap."
    )
    return "\n\n".join([text, *(f"### {title}\n\n{_side_by_side(bodies)}" for title, bodies in by_data.items())])


def _side_by_side(evaluations: Sequence[Body]) -> str:
    """Figures of models on the same pictures; then without repeated ones, then with mirror images."""
    headers = (
        "model", "n", "accuracy", "95 % interval", "macro-F1", "balanced accuracy", "best two", "ECE",
        "log-loss",
    )  # fmt: skip
    rows = [_figures_row(f"**{name_of(body)}**", body["figures"]) for body in evaluations]
    for body in evaluations:
        unseen = body["unseen"]
        if unseen is not None and unseen["removed"] and unseen["figures"] is not None:
            count = f"{unseen['removed']:,}"
            title = f"{name_of(body)}, without the {count} pictures that also occur in the data's training split"
            rows.append(_figures_row(title, unseen["figures"]))
    rows += [
        _figures_row(f"{name_of(body)}, mean of a picture and its mirror image", body["flip"])
        for body in evaluations
        if body["flip"] is not None
    ]
    return table(headers, rows)


def _figures_row(title: str, f: Body) -> list[str]:
    return [
        title, f"{f['n']:,}", percent(f["accuracy"]), span(f["accuracy_interval"]), percent(f["macro_f1"]),
        percent(f["balanced_accuracy"]), percent(f["top2_accuracy"]), decimal(f["ece"]), decimal(f["log_loss"]),
    ]  # fmt: skip


def _speed(evaluations: Sequence[Body]) -> str:
    measured = [body for body in evaluations if "speed" in body]
    if not measured:
        return "Not measured here; `mien bench` measures it on your machine."
    rows = [
        (name_of(b), f"{b['speed']['one_ms']:.3f} ms", f"{b['speed']['batch_ms']:.3f} ms", b["speed"]["processor"])
        for b in measured
    ]
    headers = ("model, one thread", "one face", f"per face in a batch of {measured[0]['speed']['batch']}", "processor")
    return table(headers, rows) + "\n\nThe classifier alone, without finding and cutting the face."


def _data(evaluations: Sequence[Body]) -> str:
    """What is known about every data set that the models were trained or judged on."""
    names: list[str] = []
    for body in evaluations:
        trained_on = str(body["model"].get("training", {}).get("data") or "").split(", ")
        for name in (*trained_on, Path(body["data"]["source"]).name):
            if name and name not in names:
                names.append(name)
    votes = any(body["figures"]["kl_votes"] is not None for body in evaluations)
    about = {key: text.strip() for key, text in tomllib.loads((_HERE / "data.toml").read_text("utf-8")).items()}
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
        f"mien evaluate {name_of(b)} {Path(b['data']['source']).name} --split {b['data']['split']} "
        f"--protocol {b['data']['protocol']}"
        for b in evaluations
    ]
    return "```bash\n" + "\n".join(lines) + "\n```"
