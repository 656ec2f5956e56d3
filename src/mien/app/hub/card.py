"""The model card of a repository on the hub: its front matter, how the model is used, what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mien.app.hub.frontmatter import front_matter
from mien.app.hub.licences import licence_fields
from mien.core.contract import ModelInfo
from mien.core.text import printable
from mien.infer.hub import PREFIX

__all__ = ["hub_card", "model_section"]

_TAGS = ("facial-expression-recognition", "onnx", "mien")
_TASK = {"type": "image-classification", "name": "Facial expression recognition"}
# Figure of an evaluation: type and name of the metric on the hub.
_METRICS = {
    "accuracy": ("accuracy", "Accuracy"),
    "macro_f1": ("f1", "Macro-F1"),
    "balanced_accuracy": ("balanced_accuracy", "Balanced accuracy"),
    "ece": ("ece", "Expected calibration error, 15 bins"),
}


def hub_card(info: ModelInfo, evaluations: Sequence[Mapping[str, Any]], repo: str, weights: bool = False) -> str:
    """README.md of a model repository.

    Args:
        info: metadata of the model file.
        evaluations: what was measured on it, fit to be published; may be empty.
        repo: "USER/NAME".
        weights: whether the repository holds the network's weights as well.

    """
    from mien.evaluate.card import card_purpose, model_card

    parts = [front_matter(_fields(info, evaluations)), f"# {_inline(info.name)}\n", _usage(info, repo, weights)]
    if evaluations:
        parts.append(model_card(evaluations))
    else:
        parts += [
            card_purpose(),
            model_section(info),
            "No evaluation lay beside the model file.\n",
        ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _fields(info: ModelInfo, evaluations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    results = [_result(info, body["data"], body["figures"]) for body in evaluations] or _from_metadata(info)
    fields: dict[str, Any] = {
        "library_name": "mien",
        "pipeline_tag": _TASK["type"],
        "tags": list(_TAGS),
        **licence_fields(info.license),
    }
    if results:
        fields["metrics"] = ["accuracy", "f1"]
        fields["model-index"] = [{"name": info.name, "results": results}]
    return fields


def _result(info: ModelInfo, data: Mapping[str, Any], figures: Mapping[str, Any]) -> dict[str, Any]:
    """One entry of the model index: figures of one split of one data set."""
    name = str(data.get("source") or info.training.get("data") or "not stated")
    rows = [
        {"type": kind, "value": round(float(figures[key]), 4), "name": title}
        for key, (kind, title) in _METRICS.items()
        if isinstance(figures.get(key), int | float)
    ]
    dataset = {"type": name, "name": f"{name}, {data.get('protocol', 'labels')}", "split": str(data["split"])}
    return {"task": dict(_TASK), "dataset": dataset, "metrics": rows}


def _from_metadata(info: ModelInfo) -> list[dict[str, Any]]:
    """Figures that the model file itself brings."""
    told = ((split, body) for split, body in info.metrics.items() if isinstance(body, Mapping))
    found = [_result(info, {"split": split, "protocol": body.get("protocol", "")}, body) for split, body in told]
    return [result for result in found if result["metrics"]]


def _usage(info: ModelInfo, repo: str, weights: bool) -> str:
    crop = info.crop
    color = "grey" if crop.color == "gray" else "RGB"
    text = (
        f"Reads facial expressions with mien; its answers are {_answers(info)}.\n\n"
        f"```console\nmien models pull {PREFIX}{repo}\nmien analyze photo.jpg --model {PREFIX}{repo}\n```\n\n"
        f"`model.onnx` takes uint8 {color} crops of {crop.size} px and gives probabilities; normalisation is inside, "
        "and the file's metadata says how faces are cut. "
    )
    if weights:
        text += "`model.safetensors` and `model.json` hold the network for further training. "
    return text + f"Licence of the weights: {_inline(info.license)}.\n"


def model_section(info: ModelInfo, figures: Mapping[str, Any] | None = None) -> str:
    """What a model file says of itself, as a section of a README.

    Args:
        info: metadata of the file.
        figures: its evaluation, fit to be published.

    """
    data = info.training.get("data") or "not stated"
    lines = [
        f"- name: {_inline(info.name)}",
        f"- answers: {_answers(info)}",
        f"- learnt from: {_inline(str(data))}",
        f"- licence of the weights: {_inline(info.license)}",
    ]
    if figures is not None:
        judged, told = figures["figures"], figures["data"]
        lines.append(
            f"- accuracy {judged['accuracy'] * 100:.1f} %, macro-F1 {judged['macro_f1'] * 100:.1f} % on "
            f"{judged['n']:,} pictures ({_inline(told['source'])}, {_inline(told['split'])} split)"
        )
    return "## The model\n\n" + "\n".join(lines) + "\n"


def _answers(info: ModelInfo) -> str:
    return ", ".join(map(_inline, info.labels))


def _inline(text: str) -> str:
    """A text from outside in running Markdown."""
    shown = printable(text)
    for mark in "\\`*_[]<>|#":
        shown = shown.replace(mark, "\\" + mark)
    return shown
