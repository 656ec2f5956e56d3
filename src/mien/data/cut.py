"""Photographs as face crops: the face of every picture, cut out as live faces are cut for a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.contract import CropSpec
from mien.core.errors import DataError
from mien.core.types import Detector, Face
from mien.data.manifest import Manifest, pictures_array
from mien.data.pictures import Pixels
from mien.infer.crop import crop_faces

__all__ = ["FACE_SIDE", "LEAST_TILT", "Cut", "cut_faces"]

FACE_SIDE = 96
"""Side of the crops in pixels: enough for every network of 48 px, with room for one of 64."""

LEAST_TILT = 10.0
"""Faces that look tilted by more than so many degrees are turned upright, by the model files that training writes, too;
below it gains nothing (dev/log.md)."""


@dataclass(frozen=True)
class Cut:
    """Faces of photographs.

    Args:
        manifest: a row per photograph that shows a face; its picture is the crop.
        without: names of the photographs without a face.
        several: names of those with several, of which the largest was taken.

    """

    manifest: Manifest
    without: tuple[str, ...]
    several: tuple[str, ...]


def cut_faces(
    manifest: Manifest, detector: Detector, *, size: int = FACE_SIDE, advance: Callable[[int], None] = lambda _: None
) -> Cut:
    """Cut the largest face out of every photograph.

    Margin, centre and the turning of tilted faces are those of the model files that training writes (`CropSpec`), so
    that a model sees in training what it will see later. Labels, splits, people and votes stay.

    Args:
        manifest: the photographs.
        detector: finds the faces.
        size: side of the crops in pixels; they are colour crops.
        advance: called with the number of photographs that are done.

    Raises:
        DataError: no photograph shows a face, or one cannot be read.

    """
    spec = CropSpec(size=size, color="rgb", align="eyes", least_tilt=LEAST_TILT)
    crops: list[Pixels] = []
    kept: list[int] = []
    without: list[str] = []
    several: list[str] = []
    for i in range(len(manifest)):
        image = _color(manifest.load(i))
        faces = detector.detect(image)
        advance(1)
        if not faces:
            without.append(str(manifest.names[i]))
            continue
        if len(faces) > 1:
            several.append(str(manifest.names[i]))
        crop = crop_faces(image, [max(faces, key=_area)], spec)[0]
        crops.append(Pixels(np.ascontiguousarray(crop[..., ::-1])))
        kept.append(i)
    if not kept:
        raise DataError(
            f"{manifest.source}: no face was found in any of its {len(manifest):,} pictures; perhaps they "
            "are face crops already."
        )
    rows = dataclasses.replace(manifest.select(kept), pictures=pictures_array(crops), expected=None)
    return Cut(rows, tuple(without), tuple(several))


def _color(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (H, W) or (H, W, 3) as (H, W, 3)."""
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)


def _area(face: Face) -> float:
    x1, y1, x2, y2 = face.box
    return (x2 - x1) * (y2 - y1)
