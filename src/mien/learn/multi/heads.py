"""Model files of a run on one data set: every head by itself, and one for pictures whose class shares nobody knows.

The latter, `wild`, is the head of the labels divided by the class shares of its training data to a power (Saerens et
al. 2002 with the power 1). The power is that with the lowest log-loss over the validation splits that are
given, counted as if their classes had the shares to the power .3; see `mien.learn.multi.release`. A temperature after
that has the lowest log-loss with the classes as they are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mien.core.contract import CropSpec, ModelInfo
from mien.core.errors import TrainError
from mien.core.files import make_folder
from mien.core.labels import LabelSet
from mien.data import read
from mien.data.manifest import Manifest
from mien.learn.blend import View, Voice, balanced_loss, blended, choose_blend, voiced_logits
from mien.learn.calibration import calibrate
from mien.learn.export import export
from mien.learn.finish import LEAST_TILT, judge_file, split_logits
from mien.learn.halve import halve
from mien.learn.leaks import split_for_training
from mien.learn.models import Network, build, default_size
from mien.learn.multi.parts import framed_crops
from mien.learn.multi.recipe import Frame, Recipe, SetPlan
from mien.learn.multi.release import EVENNESS, POWERS, SCALES, info_of
from mien.learn.multi.run import RECORD
from mien.learn.quantize import CALIBRATION_CROPS, quantize
from mien.learn.runfolder import WEIGHTS, read_json
from mien.learn.targets import Head, heads_of
from mien.learn.weights import load_weights, save_small

__all__ = ["Heads", "release_heads"]

_TEMPERATURES = np.geomspace(0.5, 3, 180)
_FRAME = Frame(0.904, 0.068)  # of a set whose pictures show more than a crop of the contract does


@dataclasses.dataclass(frozen=True)
class Heads:
    """What a release came to.

    Args:
        power: of the class shares that `wild` is divided by.
        scale: of its logits.
        loss: what the rule measured, nats.
        figures: of every file on the validation split of the run's data.

    """

    power: float
    scale: float
    loss: float
    figures: Mapping[str, Any]


def release_heads(
    recipe: Recipe,
    run: Path,
    out: Path,
    names: Mapping[str, str],
    *,
    wild: str,
    license_: str,
    also: Sequence[str] = (),
) -> Heads:
    """Write `NAME.onnx` in 8 bit and `NAME-fp32.onnx` of every named head and of `wild`, and the weights.

    Args:
        recipe: of the run, with one data set.
        run: the folder of the run.
        out: the folder for the files.
        names: name of the model by head.
        wild: name of the model for people's own photographs.
        license_: what the files say of rights.
        also: data sets with the same classes whose validation splits help to choose the power; nothing is learnt there.

    Raises:
        TrainError: the run is not finished, or its recipe has several data sets.
        ModelError: a file and torch do not agree.

    """
    if len(recipe.sets) != 1:
        raise TrainError("Heads by themselves are those of a run on one data set; `release` blends several sets'.")
    manifest = read(recipe.sets[0].source, check=False)
    validation = manifest.of_split("validation")
    heads = _heads(recipe.sets[0], validation)
    network = build(recipe.model, {h.name: len(h.labels) for h in heads}, size=default_size(recipe.model))
    load_weights(network, run / WEIGHTS)
    network.requires_grad_(False).eval()
    make_folder(out)
    save_small(
        network, out / f"{wild}.safetensors", architecture=recipe.model, heads={h.name: h.labels.names for h in heads}
    )
    spec = CropSpec(size=default_size(recipe.model), align="eyes", least_tilt=LEAST_TILT)
    logits = split_logits(network, validation, spec)
    voice, loss = _power(network, heads[0], logits, manifest, also)
    even = blended(network.linear_heads(), [voice], heads[0].labels.names)
    temperatures, methods = calibrate(network, heads, logits)
    files: list[Path] = []
    crops = _calibration_crops(manifest, spec)
    record = read_json(run / RECORD)
    base = info_of(recipe, record, "", (), (), license_)
    for head in heads:
        facts: dict[str, Any] = {
            "targets": head.name,
            "calibration": methods[head.name],
            "class_counts": _counts(recipe.sets[0], manifest, head.name),
        }
        info = _named(base, names[head.name], head.labels, temperatures[head.name], facts)
        files += _written(network, head.name, info, out, crops)
    even_facts: dict[str, Any] = {
        "targets": "labels",
        "class_shares_divided_out": round(voice.power * voice.weight, 3),
        "class_counts": _counts(recipe.sets[0], manifest, heads[0].name),
        "calibration": "power of the class shares, then a temperature, by the log-loss of validation splits",
    }
    single = build(recipe.model, {"wild": len(heads[0].labels)}, size=default_size(recipe.model))
    single.trunk.load_state_dict(network.trunk.state_dict())
    single.heads["wild"] = even
    single.requires_grad_(False).eval()
    files += _written(single, "wild", _named(base, wild, heads[0].labels, 1.0, even_facts), out, crops)
    figures = {
        path.name: judge_file(path, manifest, "validation", out / "validation" / f"{path.stem}.json") for path in files
    }
    return Heads(round(voice.power * voice.weight, 3), round(voice.weight, 3), loss, figures)


def _heads(plan: SetPlan, validation: Manifest) -> list[Head]:
    found = heads_of(validation, "both" if plan.votes else "hard")
    names = (plan.labels, plan.votes)[: len(found)]
    return [dataclasses.replace(head, name=name) for name, head in zip(names, found, strict=True)]


def _named(base: ModelInfo, name: str, labels: LabelSet, temperature: float, facts: Mapping[str, Any]) -> ModelInfo:
    training = {**base.training, **facts}
    training.pop("heads", None)
    return dataclasses.replace(base, name=name, labels=labels.names, temperature=temperature, training=training)


def _written(network: Network, head: str, info: ModelInfo, out: Path, crops: NDArray[np.uint8]) -> list[Path]:
    whole, small = out / f"{info.name}-fp32.onnx", out / f"{info.name}.onnx"
    export(network, head, dataclasses.replace(info, name=whole.stem), whole)
    quantize(whole, small, crops, info.name)
    halve(whole, whole)
    return [whole, small]


def _power(
    network: Network, head: Head, logits: Mapping[str, NDArray[np.float32]], manifest: Manifest, also: Sequence[str]
) -> tuple[Voice, float]:
    counts = manifest.select(manifest.split == "train").counts()
    names = head.labels.names
    voice = Voice(head.name, names, tuple(counts / counts.sum()))
    views = [View(logits, head.label), *(_view(network, head.name, source, names) for source in also)]
    (chosen,), loss = choose_blend(
        views, [voice, voice], names, shares=(1.0,), powers=POWERS, scales=SCALES, evenness=EVENNESS
    )
    return dataclasses.replace(chosen, weight=chosen.weight / _temperature(views, chosen, names)), loss


def _temperature(views: Sequence[View], voice: Voice, names: Sequence[str]) -> float:
    """The temperature with the lowest log-loss as the mean over the views, their classes as they are."""
    logits = [voiced_logits(view, [voice], names) for view in views]

    def loss(temperature: float) -> float:
        return float(
            np.mean([balanced_loss(z / temperature, v.label, 0.0) for z, v in zip(logits, views, strict=True)])
        )

    return float(min(_TEMPERATURES, key=loss))


@torch.no_grad()
def _view(network: nn.Module, head: str, source: str, names: Sequence[str]) -> View:
    part = read(source, check=False).of_split("validation")
    crops = framed_crops(part, (_FRAME,), 48)[0]
    z = torch.cat([network(block)[head] for block in crops.split(256)]).numpy()
    order = np.array(part.labels.mapping_to(LabelSet(names)), np.int64)
    return View({head: z}, order[part.label])


def _counts(plan: SetPlan, manifest: Manifest, head: str) -> dict[str, int]:
    """Pictures of every class that the run learnt from."""
    found = {h.name: h for h in _heads(plan, split_for_training(manifest).train)}[head]
    label = found.label[found.label >= 0]
    return dict(zip(found.labels.names, np.bincount(label, minlength=len(found.labels)).tolist(), strict=True))


def _calibration_crops(manifest: Manifest, spec: CropSpec) -> NDArray[np.uint8]:
    """Training crops that set the 8-bit ranges."""
    train = split_for_training(manifest).train
    rows = np.random.default_rng(0).permutation(len(train))[:CALIBRATION_CROPS]
    return train.crops(rows, spec.size, spec.color)
