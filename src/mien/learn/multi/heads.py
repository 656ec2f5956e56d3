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
from mien.data import read
from mien.data.manifest import Manifest
from mien.learn.blend import View, Voice, balanced_loss, blended, choose_blend, voiced_logits
from mien.learn.calibration import calibrate
from mien.learn.export import export
from mien.learn.finish import LEAST_TILT, judge_file, split_logits
from mien.learn.halve import halve
from mien.learn.joint import EVENNESS
from mien.learn.leaks import split_for_training
from mien.learn.models import Network, build, default_size
from mien.learn.multi.judge import in_order
from mien.learn.multi.parts import framed_crops
from mien.learn.multi.recipe import Frame, Recipe, SetPlan
from mien.learn.multi.release import POWERS, SCALES, info_of, with_head
from mien.learn.quantize import CALIBRATION_CROPS, quantize
from mien.learn.runfolder import WEIGHTS
from mien.learn.targets import Head, heads_of
from mien.learn.weights import load_weights, save_small

__all__ = ["Heads", "release_heads"]

_HOW = "power of the class shares, then a temperature, by the log-loss of validation splits"
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
    whole: bool = False,
) -> Heads:
    """Write `NAME.onnx` in 8 bit and `NAME-fp32.onnx` of every named head and of `wild`, and the weights.

    Also of a run of `mien train`, if the recipe names its architecture and data.

    Args:
        recipe: of the run, with one data set.
        run: the folder of the run.
        out: the folder for the files.
        names: name of the model by head.
        wild: name of the model for people's own photographs.
        license_: what the files say of rights.
        also: data sets with the same classes whose validation splits help to choose the power; nothing is learnt there.
        whole: `NAME.onnx` is the float32 file, and `NAME-int8.onnx` the other.

    Raises:
        TrainError: the run is not finished, or its recipe has several data sets.
        ModelError: a file and torch do not agree.

    """
    if len(recipe.sets) != 1:
        raise TrainError("Heads by themselves are those of a run on one data set; `release` blends several sets'.")
    manifest = read(recipe.sets[0].source, check=False)
    heads = _heads(recipe.sets[0], manifest.of_split("validation"))
    network = _trained(recipe, run, heads)
    make_folder(out)
    save_small(
        network, out / f"{wild}.safetensors", architecture=recipe.model, heads={h.name: h.labels.names for h in heads}
    )
    logits = split_logits(network, manifest.of_split("validation"), _spec(recipe))
    voice, loss = _power(network, heads[0], logits, manifest, also)
    even = with_head(recipe, network, heads[0].name, blended(network.linear_heads(), [voice], heads[0].labels.names))
    temperatures, methods = calibrate(network, heads, logits)
    writer = _Writer.of(recipe, manifest, out, license_, whole=whole)
    for head in heads:
        facts = {"targets": head.name, "calibration": methods[head.name]}
        writer.write(network, head, names[head.name], temperatures[head.name], facts)
    power = round(voice.power * voice.weight, 3)
    facts = {"targets": heads[0].name, "calibration": _HOW, "class_shares_divided_out": str(power)}
    writer.write(even, heads[0], wild, 1.0, facts)
    figures = {
        path.name: judge_file(path, manifest, "validation", out / "validation" / f"{path.stem}.json")
        for path in writer.files
    }
    return Heads(power, round(voice.weight, 3), loss, figures)


def _spec(recipe: Recipe) -> CropSpec:
    return CropSpec(size=default_size(recipe.model), align="eyes", least_tilt=LEAST_TILT)


def _trained(recipe: Recipe, run: Path, heads: Sequence[Head]) -> Network:
    network = build(recipe.model, {h.name: len(h.labels) for h in heads}, size=default_size(recipe.model))
    load_weights(network, run / WEIGHTS)
    return network.requires_grad_(False).eval()


@dataclasses.dataclass
class _Writer:
    """Writes both files of a head, and keeps their paths."""

    plan: SetPlan
    train: Manifest
    out: Path
    base: ModelInfo
    whole: bool
    files: list[Path] = dataclasses.field(default_factory=list)

    @classmethod
    def of(cls, recipe: Recipe, manifest: Manifest, out: Path, rights: str, *, whole: bool) -> _Writer:
        train = split_for_training(manifest).train
        data = {"name": Path(recipe.sets[0].source).name, "sha256": manifest.digest, "pictures": len(train)}
        base = info_of(recipe, {"sets": [data]}, "", (), (), rights)
        training = {key: value for key, value in base.training.items() if key != "heads"}
        return cls(recipe.sets[0], train, out, dataclasses.replace(base, training=training), whole)

    def write(self, network: Network, head: Head, name: str, temperature: float, facts: Mapping[str, str]) -> None:
        fp32 = self.out / f"{name}{'' if self.whole else '-fp32'}.onnx"
        int8 = self.out / f"{name}{'-int8' if self.whole else ''}.onnx"
        training = {**self.base.training, **facts, "class_counts": _counts(self.plan, self.train, head.name)}
        info = dataclasses.replace(
            self.base, name=fp32.stem, labels=head.labels.names, temperature=temperature, training=training
        )
        export(network, head.name, info, fp32)
        quantize(fp32, int8, _calibration_crops(self.train, info.crop), int8.stem)
        halve(fp32, fp32)
        self.files += [fp32, int8]


def _heads(plan: SetPlan, validation: Manifest) -> list[Head]:
    found = heads_of(validation, "both" if plan.votes else "hard")
    names = (plan.labels, plan.votes)[: len(found)]
    return [dataclasses.replace(head, name=name) for name, head in zip(names, found, strict=True)]


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
    return View({head: z}, in_order(part.label, part.labels, names))


def _counts(plan: SetPlan, train: Manifest, head: str) -> dict[str, int]:
    """Pictures of every class that the run learnt from."""
    found = {h.name: h for h in _heads(plan, train)}[head]
    label = found.label[found.label >= 0]
    return dict(zip(found.labels.names, np.bincount(label, minlength=len(found.labels)).tolist(), strict=True))


def _calibration_crops(train: Manifest, spec: CropSpec) -> NDArray[np.uint8]:
    """Training crops that set the 8-bit ranges."""
    rows = np.random.default_rng(0).permutation(len(train))[:CALIBRATION_CROPS]
    return train.crops(rows, spec.size, spec.color)
