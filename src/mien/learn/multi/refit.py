"""The last layer of a finished model learns the labels of two data sets together; the trunk stays.

How, and by which rule it is chosen, is in `mien.learn.joint`. Labels are softened as in a run by the recipe: by what
raters voted, or by what teachers answer. Everything is learnt on training pictures without leaks and chosen on
validation splits.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mien.core.contract import ModelInfo
from mien.core.errors import TrainError
from mien.core.files import atomic_write, make_folder
from mien.core.labels import LabelSet
from mien.data import read
from mien.data.manifest import Manifest
from mien.infer.store import resolve_model
from mien.learn.export import finish_model, read_info
from mien.learn.halve import halve
from mien.learn.joint import EVENNESS, TOLERANCE, Choice, Features, choose_head
from mien.learn.lastlayer import LastLayer, last_layer
from mien.learn.leaks import split_for_training
from mien.learn.multi.judge import Judging, calibration_crops, in_order, judge
from mien.learn.multi.parts import framed_crops
from mien.learn.multi.recipe import Recipe, SetPlan
from mien.learn.multi.teachers import cleaned, kept_answers
from mien.learn.quantize import quantize
from mien.learn.targets import heads_of

__all__ = ["Refitted", "refit"]


@dataclasses.dataclass(frozen=True)
class Refitted:
    """What a new last layer came to.

    Args:
        share: of the first set in what it learnt.
        scale: of its logits.
        loss: what the rule measured, nats.
        figures: per file and data set, on validation splits.

    """

    share: float
    scale: float
    loss: float
    figures: dict[str, Any]


def refit(recipe: Recipe, model: Path, out: Path, say: Callable[[str], None]) -> Refitted:
    """Write `NAME.onnx` (weights as halves) and `NAME-int8.onnx` in 8 bit, NAME being the model's.

    Args:
        recipe: names the two data sets, how their pictures are framed, and how their labels are softened.
        model: a float32 model file with the first set's classes.
        out: the folder for the files, and for the teachers' answers.
        say: where messages go.

    Raises:
        TrainError: the recipe has not two data sets.
        DataError: a data set cannot be used.
        ModelError: not such a model file.

    """
    if len(recipe.sets) != 2:
        raise TrainError(f"A last layer learns from two data sets, the recipe has {len(recipe.sets)}.")
    info, layer = read_info(model), last_layer(model)
    manifests = [read(plan.source, check=False) for plan in recipe.sets]
    train = [split_for_training(manifest).train for manifest in manifests]
    held = [manifest.of_split("validation") for manifest in manifests]
    make_folder(out)
    targets = [_targets(recipe, i, m, info, out, say) for i, m in enumerate(train)]
    learnt = [
        dataclasses.replace(_features(layer, plan, m, info)[0], target=target)
        for plan, m, target in zip(recipe.sets, train, targets, strict=True)
    ]
    seen = [_features(layer, plan, m, info) for plan, m in zip(recipe.sets, held, strict=True)]
    choice = choose_head(learnt, [features for features, _ in seen], len(info.labels), TOLERANCE)
    told = _told(info, recipe, choice, [len(m) for m in train])
    whole, small = out / f"{info.name}.onnx", out / f"{info.name}-int8.onnx"
    _write(layer, choice, told, whole)
    quantize(whole, small, calibration_crops(recipe, manifests))
    halve(whole, whole)
    judging = [one for _, one in seen]
    figures = {path.name: judge(path, judging, info.labels) for path in (whole, small)}
    return Refitted(choice.share, choice.scale, choice.loss, figures)


def _targets(
    recipe: Recipe, place: int, manifest: Manifest, info: ModelInfo, out: Path, say: Callable[[str], None]
) -> Tensor:
    """Shares (N, K) of the model's classes that a set's pictures are to have."""
    plan = recipe.sets[place]
    target = torch.from_numpy(heads_of(manifest, "hard", 0.0, plan.vote_share)[0].targets)
    if plan.cleaning:
        files = {head: resolve_model(name) for head, name in recipe.teachers.items()}
        crops = framed_crops(manifest, plan.frames[:1], info.crop.size)[0]
        said = kept_answers(files, crops, out / f"answers-{place}.safetensors", plan.source, say)
        target = cleaned(target, manifest, plan.cleaning, said)
    ordered = torch.zeros(len(target), len(info.labels))
    ordered[:, list(manifest.labels.mapping_to(LabelSet(info.labels)))] = target
    return ordered


def _features(layer: LastLayer, plan: SetPlan, manifest: Manifest, info: ModelInfo) -> tuple[Features, Judging]:
    crops = framed_crops(manifest, plan.frames[-1:], info.crop.size)[0].numpy()
    label = in_order(np.asarray(manifest.label, np.int64), manifest.labels, info.labels)
    return Features(torch.from_numpy(layer.features(crops)), label), Judging(Path(plan.source).name, crops, label)


def _told(info: ModelInfo, recipe: Recipe, choice: Choice, pictures: Sequence[int]) -> ModelInfo:
    """Metadata: what the last layer learnt instead of what it was before."""
    gone = {"heads", "class_shares_divided_out", "targets", "calibration", "pictures"}
    kept = {key: value for key, value in info.training.items() if key not in gone}
    shares = zip(recipe.sets, (choice.share, 1 - choice.share), strict=True)
    training = {
        **kept,
        "pictures": sum(pictures),
        "targets": "labels and votes, a head for every label set; then one last layer for the labels of both sets",
        "last_layer": {plan.labels: round(share, 3) for plan, share in shares},
        "class_shares_evened_out": EVENNESS,
        "calibration": "one factor of the logits, on validation splits",
    }
    created = time.strftime("%Y-%m-%d", time.gmtime())
    return dataclasses.replace(info, training=training, metrics={}, created=created)


def _write(layer: LastLayer, choice: Choice, info: ModelInfo, path: Path) -> None:
    model = layer.replaced(choice.head)
    del model.metadata_props[:]
    finish_model(model, info)
    with atomic_write(path) as file:
        file.write(model.SerializeToString())
