"""From a trained network to model files: calibrated heads, one blended head, 8 bit, judged on every set.

Everything is chosen on validation splits. The rule of the blend: of two heads with the same classes, the first set's
and the second's, each divided by its class shares to a power, the geometric mean with the lowest log-loss over both
validation splits, counted as if their classes had the shares to the power .3, that is, nearly alike. A person's
photographs have no known shares; nearly even ones cost the least where they turn out otherwise. Where more weight of
the first head costs next to nothing it is taken: the second set's labels are one annotation each.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mien.core.contract import CropSpec, ModelInfo
from mien.core.files import make_folder
from mien.core.labels import LabelSet
from mien.data import read
from mien.data.manifest import Manifest
from mien.evaluate.calibrate import fit_temperature
from mien.learn.blend import View, Voice, blended, choose_blend
from mien.learn.export import export
from mien.learn.finish import LEAST_TILT
from mien.learn.halve import halve
from mien.learn.joint import EVENNESS, TOLERANCE
from mien.learn.models import Network, build, default_size
from mien.learn.multi.judge import Judging, calibration_crops, in_order, judge
from mien.learn.multi.parts import framed_crops
from mien.learn.multi.recipe import Recipe, SetPlan
from mien.learn.multi.run import RECORD
from mien.learn.nets import OWN_SIZE
from mien.learn.quantize import quantize
from mien.learn.runfolder import WEIGHTS, read_json
from mien.learn.targets import heads_of
from mien.learn.weights import load_weights, save_small

__all__ = ["POWERS", "SCALES", "Released", "info_of", "release", "with_head"]

_WEIGHTS = tuple(float(w) for w in np.linspace(0, 1, 11))
POWERS = (0.0, 0.25, 0.5, 0.6, 0.7, 0.8, 1.0)
SCALES = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.5)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Released:
    """What a release came to.

    Args:
        voices: the heads of the blend.
        loss: what the rule measured, nats.
        temperatures: of the heads, which are inside their weights.
        figures: per file and data set, on validation splits.

    """

    voices: tuple[Voice, ...]
    loss: float
    temperatures: Mapping[str, float]
    figures: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class _Judged:
    """One data set's validation split: crops in the set's last frame, labels, and those of its votes."""

    plan: SetPlan
    labels: LabelSet
    crops: torch.Tensor
    label: Mapping[str, NDArray[np.int64]]
    logits: dict[str, Floats]
    shares: tuple[float, ...]


def release(
    recipe: Recipe, run: Path, out: Path, *, name: str = "wild", license_: str = "MIT", least_accuracy: float = 0.0
) -> Released:
    """Write `NAME.onnx` (weights as halves), `NAME-int8.onnx` in 8 bit and `NAME.safetensors` of a finished run.

    Args:
        recipe: of the run; its first two sets give the blend.
        run: the folder of the run.
        out: the folder for the files.
        name: of the model.
        license_: what the model files say of rights.
        least_accuracy: on the first set's validation split, which the blend must have.

    Raises:
        TrainError: the run is not finished, or a data set cannot be used.
        InputError: no blend has that accuracy.
        ModelError: a file and torch do not agree.

    """
    record = read_json(run / RECORD)
    manifests = [read(plan.source, check=False) for plan in recipe.sets]
    network = _trained(recipe, run, manifests)
    judged = [_judged(network, plan, m) for plan, m in zip(recipe.sets, manifests, strict=True)]
    temperatures = _calibrate(network, judged)
    heads = _labels_of_heads(recipe, manifests)
    make_folder(out)
    save_small(network, out / f"{name}.safetensors", architecture=recipe.model, heads=heads)
    voices, loss = _blend(judged, least_accuracy)
    single = with_head(recipe, network, "wild", blended(network.linear_heads(), voices, judged[0].labels.names))
    info = info_of(recipe, record, name, judged[0].labels.names, voices, license_)
    whole, small = out / f"{name}.onnx", out / f"{name}-int8.onnx"
    export(single, "wild", info, whole)
    quantize(whole, small, calibration_crops(recipe, manifests))
    halve(whole, whole)
    names = judged[0].labels.names
    judging = [_judging(one, names) for one in judged]
    figures = {path.name: judge(path, judging, names) for path in (whole, small)}
    return Released(voices, loss, temperatures, figures)


def _trained(recipe: Recipe, run: Path, manifests: Sequence[Manifest]) -> Network:
    heads = {head: len(labels) for head, labels in _labels_of_heads(recipe, manifests).items()}
    network = build(recipe.model, heads, size=default_size(recipe.model))
    load_weights(network, run / WEIGHTS)
    return network.eval()


def _labels_of_heads(recipe: Recipe, manifests: Sequence[Manifest]) -> dict[str, tuple[str, ...]]:
    out: dict[str, tuple[str, ...]] = {}
    for plan, manifest in zip(recipe.sets, manifests, strict=True):
        found = heads_of(manifest.of_split("validation"), "both" if plan.votes else "hard")
        out |= {name: head.labels.names for name, head in zip(_names(plan), found, strict=True)}
    return out


def _names(plan: SetPlan) -> list[str]:
    return [name for name in (plan.labels, plan.votes) if name]


@torch.no_grad()
def _judged(network: Network, plan: SetPlan, manifest: Manifest) -> _Judged:
    part = manifest.of_split("validation")
    found = heads_of(part, "both" if plan.votes else "hard")
    crops = framed_crops(part, plan.frames[-1:], OWN_SIZE)[0]
    outputs = [network(block) for block in crops.split(256)]
    logits = {name: torch.cat([o[name] for o in outputs]).numpy() for name in outputs[0]}
    counts = manifest.select(manifest.split == "train").counts()
    label = {name: head.label for name, head in zip(_names(plan), found, strict=True)}
    return _Judged(plan, part.labels, crops, label, logits, tuple(counts / counts.sum()))


def _judging(one: _Judged, names: tuple[str, ...]) -> Judging:
    label = in_order(one.label[one.plan.labels], one.labels, names)
    return Judging(Path(one.plan.source).name, one.crops.numpy(), label)


@torch.no_grad()
def _calibrate(network: Network, judged: Sequence[_Judged]) -> dict[str, float]:
    """Divide every head by its temperature on its own set's validation split, also in the logits."""
    out = {}
    heads = network.linear_heads()
    for one in judged:
        for name, label in one.label.items():
            known = label >= 0
            out[name] = fit_temperature(one.logits[name][known], label[known])
            heads[name].weight.div_(out[name])
            heads[name].bias.div_(out[name])
    for one in judged:
        for name, temperature in out.items():
            one.logits[name] = one.logits[name] / np.float32(temperature)
    return out


def _blend(judged: Sequence[_Judged], least_accuracy: float) -> tuple[tuple[Voice, ...], float]:
    first, second = judged[:2]
    names = first.labels.names
    voices = [Voice(one.plan.labels, one.labels.names, one.shares) for one in (first, second)]
    views = [
        View(first.logits, first.label[first.plan.labels]),
        View(second.logits, in_order(second.label[second.plan.labels], second.labels, names)),
    ]
    return choose_blend(
        views,
        voices,
        names,
        shares=_WEIGHTS,
        powers=POWERS,
        scales=SCALES,
        evenness=EVENNESS,
        tolerance=TOLERANCE,
        least_accuracy=least_accuracy,
    )


def with_head(recipe: Recipe, network: Network, name: str, head: torch.nn.Linear) -> Network:
    """The same trunk with one head."""
    single = build(recipe.model, {name: head.out_features}, size=default_size(recipe.model))
    single.trunk.load_state_dict(network.trunk.state_dict())
    single.heads[name].load_state_dict(head.state_dict())
    return single.eval()


def info_of(
    recipe: Recipe, record: Mapping[str, Any], name: str, names: tuple[str, ...], voices: Sequence[Voice], rights: str
) -> ModelInfo:
    """Metadata of a run's model file."""
    spec = CropSpec(size=default_size(recipe.model), align="eyes", least_tilt=LEAST_TILT)
    training = {
        "data": ", ".join(entry["name"] for entry in record["sets"]),
        "data_sha256": ", ".join(entry["sha256"] for entry in record["sets"]),
        "pictures": sum(entry["pictures"] for entry in record["sets"]),
        "architecture": recipe.model,
        "targets": "labels and votes, a head for every label set; the answer is the heads' geometric mean",
        "heads": {voice.head: round(voice.weight, 3) for voice in voices},
        "class_shares_divided_out": {voice.head: round(voice.power, 3) for voice in voices},
        "calibration": "temperature of every head, then the blend, on validation splits",
        "without": "pictures that occur in the validation or test split",
    }
    created = time.strftime("%Y-%m-%d", time.gmtime())
    return ModelInfo(name=name, labels=names, crop=spec, training=training, license=rights, created=created)
