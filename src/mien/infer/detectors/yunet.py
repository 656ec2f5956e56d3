"""YuNet (Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector", 2023) through OpenCV's FaceDetectorYN.

Needs its file from the model store. Finds faces from about 10 px, turned and partly covered ones too, with landmarks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, final

import cv2
import numpy as np

from mien.core.errors import ModelError
from mien.core.types import Face, Image
from mien.infer.detectors.scaling import MIN_SIDE, DetectOptions, map_back, shrink

__all__ = ["YuNet"]

_MIN_SCORE = 0.6
_NMS_IOU = 0.3
_TOP_K = 5000


@final
class YuNet:
    """Detector from a YuNet file.

    Args:
        path: `face_detection_yunet_2023mar.onnx`, verified.
        options: how to look.

    Raises:
        ModelError: OpenCV cannot load the file.

    """

    name = "yunet"

    def __init__(self, path: Path, options: DetectOptions) -> None:
        self._options = options
        score = _MIN_SCORE if options.min_score is None else options.min_score
        try:
            with _quiet():
                self._net: Any = cv2.FaceDetectorYN.create(str(path), "", (320, 320), score, _NMS_IOU, _TOP_K)
        except (cv2.error, SystemError) as error:
            raise ModelError(f"{path} is not a YuNet model that OpenCV {cv2.__version__} can load.") from error
        self._size = (320, 320)

    def detect(self, image: Image) -> list[Face]:
        """Faces of an (H, W, 3) uint8 BGR picture, best score first."""
        small, factor = shrink(image, self._options.side)
        height, width = small.shape[:2]
        if min(height, width) < MIN_SIDE:
            return []
        if self._size != (width, height):
            self._net.setInputSize((width, height))
            self._size = (width, height)
        rows = self._net.detect(small)[1]
        if rows is None:
            return []
        return self._options.select(map_back(_face(row), factor) for row in rows if np.isfinite(row).all())


def _face(row: Any) -> Face:
    """Row of FaceDetectorYN: x, y, width, height, five points, score."""
    x, y, w, h = (float(v) for v in row[:4])
    points = tuple((float(px), float(py)) for px, py in row[4:14].reshape(5, 2))
    return Face((x, y, x + w, y + h), float(row[14]), points)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """OpenCV 5 warns about its own new engine each time a net is opened; that says nothing to a user."""
    logging = cv2.utils.logging
    level = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_ERROR)
    try:
        yield
    finally:
        logging.setLogLevel(level)
