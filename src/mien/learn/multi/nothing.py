"""Crops without a face, on which a network learns to be unsure: a detector's mistakes must not become expressions.

Their target is the class shares of what a head learns: what is known without looking.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mien.core.contract import CropSpec
from mien.core.errors import TrainError
from mien.core.types import Face, Image
from mien.data.faces import FacePicture, load_bgr, read_faces
from mien.infer.crop import crop_faces
from mien.infer.detect import open_detector
from mien.infer.options import DetectOptions
from mien.learn.detector.drawn import drawn

__all__ = ["crops_without_face", "false_faces", "targets_without_face"]

Crops = NDArray[np.uint8]

_DOUBT = 0.05  # score from which a false detection is worth learning from
_ENLARGED = 640  # px, longest side at which the detector looks; small photographs are enlarged to it
_SQUARES = 2  # drawn at random per photograph
_LEAST_SIDE = 0.1  # of the photograph's shorter side
_DRAWN = 400
_BLANK = 100


def crops_without_face(source: Path | str, spec: CropSpec, seed: int = 0) -> Crops:
    """Crops (N, S, S) uint8: false detections, places beside faces, drawings, and pictures of next to nothing.

    Args:
        source: photographs with boxes of faces, as `mien.data.faces.read_faces` takes them.
        spec: what crops look like; grey.
        seed: of what is drawn.

    Raises:
        DataError: the photographs cannot be read.
        TrainError: none is there.

    """
    rng = np.random.default_rng(seed)
    blocks: list[Crops] = []
    for item in read_faces(source):
        image = load_bgr(item)
        places = list(_squares(item, image, rng))
        if not len(item.boxes) and not len(item.ignore):
            places += false_faces(image)
        if places:
            blocks.append(crop_faces(image, places, spec))
    if not blocks:
        raise TrainError(f"There is no photograph in {source} with a place beside its faces; name another source.")
    blocks += (crop_faces(drawn(96, 96, rng), [_face(0, 0, 96)], spec) for _ in range(_DRAWN))
    return np.concatenate([*blocks, _blank(spec.size, rng)])


def targets_without_face(count: int, learnt: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What to say of pictures without a face, (N, K) by head: the class shares of what the head learns.

    They are what is known without looking. Even shares instead would become the rarest class's confidence as soon as
    the class shares are divided out, as in `mien.learn.multi.heads` (dev/log.md).

    Args:
        count: N.
        learnt: targets (M, K) of the pictures with a face, by head.

    """
    return {name: targets.mean(dim=0).expand(count, -1).clone() for name, targets in learnt.items()}


def false_faces(image: Image) -> list[Face]:
    """What the packaged detector takes for faces in a photograph (H, W, 3) that has none, doubtful ones too."""
    factor = _ENLARGED / max(image.shape[:2])
    large = np.asarray(cv2.resize(image, None, fx=factor, fy=factor), np.uint8) if factor > 1 else image
    detector = open_detector(options=DetectOptions(side=_ENLARGED, min_score=_DOUBT))
    scale = image.shape[1] / large.shape[1]
    return [_scaled(face, scale) for face in detector.detect(large)]


def _scaled(face: Face, factor: float) -> Face:
    box = (face.box[0] * factor, face.box[1] * factor, face.box[2] * factor, face.box[3] * factor)
    points = tuple((x * factor, y * factor) for x, y in face.landmarks) if face.landmarks else None
    return Face(box, face.score, points)


def _face(left: float, top: float, side: float) -> Face:
    return Face((left, top, left + side, top + side), 1.0)


def _squares(item: FacePicture, image: Image, rng: np.random.Generator) -> Iterator[Face]:
    """A few squares that touch no box."""
    height, width = image.shape[:2]
    boxes = np.concatenate([item.boxes.reshape(-1, 4), item.ignore.reshape(-1, 4)])
    return islice(_free(boxes, height, width, rng), _SQUARES)


def _free(boxes: NDArray[np.float32], height: int, width: int, rng: np.random.Generator) -> Iterator[Face]:
    short = min(height, width)
    for _ in range(4 * _SQUARES):
        side = float(np.exp(rng.uniform(np.log(max(8.0, _LEAST_SIDE * short)), np.log(max(9.0, 0.8 * short)))))
        left, top = rng.uniform(0, max(width - side, 1)), rng.uniform(0, max(height - side, 1))
        apart = (boxes[:, 0] > left + side) | (boxes[:, 2] < left) | (boxes[:, 1] > top + side) | (boxes[:, 3] < top)
        if apart.all():
            yield _face(left, top, side)


def _blank(size: int, rng: np.random.Generator) -> Crops:
    """One grey, with a little noise or a slope."""
    grey = rng.uniform(0, 255, (_BLANK, 1, 1)) + rng.normal(size=(_BLANK, size, size)) * rng.uniform(
        0, 6, (_BLANK, 1, 1)
    )
    slope = np.linspace(-1, 1, size)[None, :, None] * rng.uniform(-40, 40, (_BLANK, 1, 1))
    return (grey + slope).clip(0, 255).astype(np.uint8)
