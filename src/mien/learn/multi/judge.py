"""Model files of several data sets: what sets their 8-bit ranges, and their figures on every validation split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.labels import LabelSet
from mien.data.manifest import Manifest
from mien.evaluate.metrics import evaluate
from mien.evaluate.threshold import choose_threshold
from mien.learn.export import rewrite_info, run_file
from mien.learn.finish import headline
from mien.learn.leaks import split_for_training
from mien.learn.models import default_size
from mien.learn.multi.parts import framed_crops
from mien.learn.multi.recipe import Recipe
from mien.learn.quantize import CALIBRATION_CROPS

__all__ = ["Judging", "calibration_crops", "in_order", "judge"]


@dataclass(frozen=True, eq=False)
class Judging:
    """A validation split: its set's name, crops (N, S, S) uint8, and labels (N,) in the model's order."""

    name: str
    crops: NDArray[np.uint8]
    label: NDArray[np.int64]


def in_order(label: NDArray[np.int64], labels: LabelSet, names: Sequence[str]) -> NDArray[np.int64]:
    """Labels (N,) of a set's own order in the order `names`."""
    return np.array(labels.mapping_to(LabelSet(names)), np.int64)[label]


def calibration_crops(recipe: Recipe, manifests: Sequence[Manifest]) -> NDArray[np.uint8]:
    """Training crops that set the 8-bit ranges, as many of every set."""
    count = CALIBRATION_CROPS // len(manifests)
    blocks = []
    for plan, manifest in zip(recipe.sets, manifests, strict=True):
        train = split_for_training(manifest).train
        rows = np.random.default_rng(0).permutation(len(train))[:count]
        blocks.append(framed_crops(train.select(rows), plan.frames[-1:], default_size(recipe.model))[0].numpy())
    return np.concatenate(blocks)


def judge(path: Path, judging: Sequence[Judging], names: Sequence[str]) -> dict[str, Any]:
    """Write a file's figures on every set into it, and the threshold of uncertain answers from all sets together."""
    figures, confidence, right = {}, [], []
    for one in judging:
        p = run_file(path, one.crops)
        m = evaluate(p, one.label, names, bootstrap=0)
        protocol = f"labels of {one.name}, validation split, single view"
        figures[one.name] = {**headline(m.to_dict()), "protocol": protocol}
        confidence.append(p.max(axis=1))
        right.append(p.argmax(axis=1) == one.label)
    threshold = choose_threshold(np.concatenate(confidence), np.concatenate(right), classes=len(names)).value
    rewrite_info(path, metrics={f"validation {name}": f for name, f in figures.items()}, uncertain_below=threshold)
    return figures
