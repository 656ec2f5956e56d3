"""Drawn faces that a tiny network tells apart after seconds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.core.labels import LabelSet
from mien.data.manifest import Manifest, pictures_array
from mien.data.pictures import Pixels

LABELS = LabelSet(("happy", "sad", "neutral"))
VOTE_LABELS = ("neutral", "happiness", "sadness", "unknown", "NF")


def draw(label: int, rng: np.random.Generator, size: int = 24) -> NDArray[np.uint8]:
    """A mouth that curves up, curves down or is straight, on a noisy ground: (S, S) uint8."""
    image = rng.normal(120, 12, (size, size))
    x = np.arange(4, size - 4)
    bend = (-1, 1, 0)[label] * 5 * ((x - size / 2) / (size / 2)) ** 2 * 2
    y = (size * 0.6 + bend + rng.integers(-1, 2)).astype(int).clip(0, size - 2)
    image[y, x] = image[y + 1, x] = 20
    image[6:9, 6:9] = image[6:9, size - 9 : size - 6] = 20
    return image.clip(0, 255).astype(np.uint8)


def drawn_manifest(train: int = 24, validation: int = 12, test: int = 6, seed: int = 0) -> Manifest:
    """So many drawn pictures per class and split, with votes that agree with the label."""
    rng = np.random.default_rng(seed)
    pictures, label, split = [], [], []
    for name, count in (("train", train), ("validation", validation), ("test", test)):
        for i in range(count * len(LABELS)):
            label.append(i % len(LABELS))
            split.append(name)
            pictures.append(Pixels(draw(label[-1], rng)))
    votes = np.zeros((len(label), len(VOTE_LABELS)), np.float32)
    votes[np.arange(len(label)), np.array([1, 2, 0])[label]] = 8
    votes[:, 0] += 2
    return Manifest(
        labels=LABELS,
        label=np.array(label, np.int64),
        split=np.array(split),
        names=np.array([f"drawn_{i}" for i in range(len(label))]),
        pictures=pictures_array(pictures),
        votes=votes,
        vote_labels=VOTE_LABELS,
        source="drawn",
    )
