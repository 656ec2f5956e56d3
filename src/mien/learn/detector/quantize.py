"""The detector in 8 bit: convolutions and what lies between them, their ranges set by training photographs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader

from mien.core.contract import DETECTOR_INPUT_NAME
from mien.data.faces import FacePicture, load_bgr
from mien.learn.detector.config import STRIDES
from mien.learn.quantize import eight_bit

__all__ = ["quantized"]

_OPERATORS = ("Conv", "Add", "Resize")


class _Photographs(CalibrationDataReader):
    """Photographs one by one, as the detector sees them."""

    def __init__(self, pictures: Sequence[FacePicture], side: int) -> None:
        self._images: Iterator[NDArray[np.uint8]] = (_padded(load_bgr(picture), side) for picture in pictures)

    def get_next(self) -> dict[str, Any] | None:
        """The next photograph, or None at the end."""
        image = next(self._images, None)
        return None if image is None else {DETECTOR_INPUT_NAME: image}


def _padded(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """(1, H, W, 3) with sides of at most `side`, padded with black to multiples of the largest stride."""
    factor = side / max(image.shape[:2])
    if factor < 1:
        image = np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
    height, width = image.shape[:2]
    step = STRIDES[-1]
    canvas = np.zeros((1, -(-height // step) * step, -(-width // step) * step, 3), np.uint8)
    canvas[0, :height, :width] = image
    return canvas


def quantized(source: Path, pictures: Sequence[FacePicture], side: int) -> onnx.ModelProto:
    """Graph of a detector's file in 8 bit.

    Args:
        source: the file in float32.
        pictures: training photographs that set the ranges.
        side: longest side in pixels at which they are looked at.

    Raises:
        DataError: a photograph cannot be read.

    """
    return eight_bit(source, _Photographs(pictures, side), _OPERATORS)
