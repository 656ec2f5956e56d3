"""A small world for judging: grey squares whose brightness is their class, and a classifier that reads it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.core.contract import CropSpec
from mien.core.labels import LabelSet
from mien.data import Manifest
from mien.data.manifest import pictures_array
from mien.data.pictures import Pixels

LABELS = ("sad", "neutral", "happy")


class Brightness:
    """A classifier whose answer is the brightness of the crop: dark is the first label, bright the last."""

    def __init__(self, labels: tuple[str, ...] = LABELS, crop: CropSpec | None = None, sharpness: float = 20.0) -> None:
        self.labels = labels
        self.crop = crop or CropSpec(8)
        self.sharpness = sharpness

    def classify(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        axes = tuple(range(1, crops.ndim))
        place = crops.mean(axis=axes)[:, None] / 255 * (len(self.labels) - 1)
        z = -((place - np.arange(len(self.labels))) ** 2) * self.sharpness
        p = np.exp(z - z.max(axis=1, keepdims=True))
        return (p / p.sum(axis=1, keepdims=True)).astype(np.float32)


def squares(levels: list[float], seed: int = 0, size: int = 12) -> list[NDArray[np.uint8]]:
    """Noisy grey squares of the given brightness in 0..1, all different."""
    rng = np.random.default_rng(seed)
    return [np.clip(rng.normal(level * 255, 6, (size, size)), 0, 255).astype(np.uint8) for level in levels]


def manifest_of(
    images: list[NDArray[np.uint8]],
    label: list[int],
    split: list[str],
    labels: tuple[str, ...] = LABELS,
    **columns: object,
) -> Manifest:
    """A data set in memory."""
    return Manifest(
        labels=LabelSet(labels),
        label=np.array(label, np.int64),
        split=np.array(split, np.str_),
        names=np.array([f"picture {i}" for i in range(len(images))]),
        pictures=pictures_array([Pixels(image) for image in images]),
        source="squares",
        **columns,  # type: ignore[arg-type]
    )
