"""Pictures made worse on purpose, and what a model still gets right: eight corruptions at five strengths.

In the manner of ImageNet-C (Hendrycks and Dietterich 2019), with strengths chosen for small pictures of faces. A
corruption is applied to the whole picture before it is resized to a crop. Everything random follows from the seed,
the corruption, the strength and the row, so a picture is always corrupted in the same way.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError, unknown_name
from mien.core.types import Classifier
from mien.data.manifest import Manifest
from mien.evaluate.metrics import evaluate
from mien.evaluate.protocol import Task
from mien.infer.crop import fit_crops

__all__ = ["CORRUPTIONS", "STRENGTHS", "Corruption", "corrupt", "judge_corruptions"]

Picture = NDArray[np.uint8]
Random = np.random.Generator
Advance = Callable[[int], None]

STRENGTHS = (1, 2, 3, 4, 5)
_BATCH = 128


@dataclass(frozen=True)
class Corruption:
    """One way to corrupt a picture.

    Args:
        amounts: what strengths 1 to 5 mean, in `unit`.
        unit: what an amount is.
        apply: function of a picture (H, W) or (H, W, 3) uint8, an amount and a random generator.

    """

    amounts: tuple[float, float, float, float, float]
    unit: str
    apply: Callable[[Picture, float, Random], Picture]


def corrupt(image: Picture, name: str, strength: int, seed: int = 0, row: int = 0) -> Picture:
    """A corrupted copy of a picture, of the same shape.

    Args:
        image: (H, W) grey or (H, W, 3) uint8.
        name: one of `CORRUPTIONS`.
        strength: 1 (mild) to 5.
        seed: seed of the suite.
        row: number of the picture, so that each is corrupted in its own way.

    Raises:
        OptionError: an unknown corruption or strength.

    """
    if name not in CORRUPTIONS:
        raise OptionError(unknown_name("corruption", name, CORRUPTIONS))
    if strength not in STRENGTHS:
        raise OptionError(f"The strength of a corruption must be 1 to 5, got {strength}.")
    chosen = CORRUPTIONS[name]
    random = np.random.default_rng([seed, zlib.crc32(name.encode()), strength, row])
    return chosen.apply(image, chosen.amounts[strength - 1], random)


def judge_corruptions(
    classifier: Classifier, judged: Manifest, task: Task, *, seed: int = 0, advance: Advance | None = None
) -> dict[str, Any]:
    """Figures of a classifier on every corruption and strength.

    Args:
        classifier: what is judged.
        judged: the N pictures of `task`, in its order.
        task: names and labels.
        seed: seed of the corruptions.
        advance: called with the number of pictures that were just classified; there are 40 N in all.

    Returns:
        Plain values for JSON, as docs/judging.md describes.

    Raises:
        DataError: a picture cannot be read.

    """
    shape = (len(CORRUPTIONS), len(STRENGTHS), len(judged), len(task.names))
    p = np.empty(shape, np.float32)
    for start in range(0, len(judged), _BATCH):
        rows = range(start, min(start + _BATCH, len(judged)))
        images = [judged.load(row) for row in rows]
        for i, name in enumerate(CORRUPTIONS):
            for j, strength in enumerate(STRENGTHS):
                changed = [corrupt(image, name, strength, seed, row) for image, row in zip(images, rows, strict=True)]
                crops = fit_crops(changed, classifier.crop)
                p[i, j, start : start + len(rows)] = classifier.classify(crops)
                if advance is not None:
                    advance(len(rows))
    return _summary(p, task, seed)


def _summary(p: NDArray[np.float32], task: Task, seed: int) -> dict[str, Any]:
    """Figures from probabilities (corruptions, strengths, N, K)."""
    table: dict[str, Any] = {}
    for i, (name, corruption) in enumerate(CORRUPTIONS.items()):
        figures = [evaluate(part, task.label, task.names, bootstrap=0) for part in p[i]]
        table[name] = {
            "amounts": list(corruption.amounts),
            "unit": corruption.unit,
            "accuracy": [f.accuracy for f in figures],
            "macro_f1": [f.macro_f1 for f in figures],
            "ece": [f.ece for f in figures],
        }
    means = {
        f"mean_{key}": float(np.mean([row[key] for row in table.values()])) for key in ("accuracy", "macro_f1", "ece")
    }
    return {"seed": seed, "strengths": list(STRENGTHS), **means, "table": table}


def _noise(image: Picture, amount: float, random: Random) -> Picture:
    return _round(image + random.normal(0, amount, image.shape))


def _blur(image: Picture, amount: float, random: Random) -> Picture:
    sigma = amount * min(image.shape[:2])
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.uint8)


def _jpeg(image: Picture, amount: float, random: Random) -> Picture:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(amount)])
    flag = cv2.IMREAD_GRAYSCALE if image.ndim == 2 else cv2.IMREAD_COLOR
    return np.asarray(cv2.imdecode(data, flag), np.uint8)


def _low_resolution(image: Picture, amount: float, random: Random) -> Picture:
    height, width = image.shape[:2]
    scale = amount / max(height, width)
    if scale >= 1:
        return image.copy()
    small = cv2.resize(image, (max(round(width * scale), 1), max(round(height * scale), 1)), None, 0, 0, cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _brightness(image: Picture, amount: float, random: Random) -> Picture:
    shift = amount if random.random() < 0.5 else -amount
    return _round(image.astype(np.float64) + shift)


def _contrast(image: Picture, amount: float, random: Random) -> Picture:
    mean = image.mean(axis=(0, 1))
    return _round(mean + (image - mean) * amount)


def _rotation(image: Picture, amount: float, random: Random) -> Picture:
    height, width = image.shape[:2]
    angle = amount if random.random() < 0.5 else -amount
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    turned = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.uint8)


def _occlusion(image: Picture, amount: float, random: Random) -> Picture:
    height, width = image.shape[:2]
    h, w = max(round(height * amount), 1), max(round(width * amount), 1)
    y, x = int(random.integers(0, height - h + 1)), int(random.integers(0, width - w + 1))
    out = image.copy()
    out[y : y + h, x : x + w] = random.integers(0, 256)
    return out


def _round(values: NDArray[np.float64]) -> Picture:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


CORRUPTIONS: Mapping[str, Corruption] = {
    "noise": Corruption((8, 14, 22, 32, 45), "standard deviation in grey levels", _noise),
    "blur": Corruption((0.0125, 0.02, 0.03, 0.045, 0.0625), "sigma as a share of the shorter side", _blur),
    "jpeg": Corruption((50, 30, 18, 10, 6), "JPEG quality", _jpeg),
    "low resolution": Corruption((28, 22, 17, 13, 10), "longer side in pixels", _low_resolution),
    "brightness": Corruption((25, 50, 75, 100, 125), "grey levels added or taken away", _brightness),
    "contrast": Corruption((0.7, 0.5, 0.35, 0.22, 0.12), "share of the contrast that is left", _contrast),
    "rotation": Corruption((8, 15, 22, 30, 40), "degrees, to the left or right", _rotation),
    "occlusion": Corruption((0.2, 0.28, 0.36, 0.44, 0.52), "side of a square as a share of the picture's", _occlusion),
}
"""The suite: 8 corruptions, 5 strengths each. A change of any amount changes every published figure."""
