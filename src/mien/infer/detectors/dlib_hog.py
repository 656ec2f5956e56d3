"""dlib's frontal face detector (HOG and a linear SVM, King 2009; Felzenszwalb et al. 2010), compiled into its wheel.

Works without any file. Frontal faces from about 40 px only, no landmarks.
"""

from __future__ import annotations

from typing import Any, final

import cv2

from mien.core.types import Face, Image
from mien.infer.detectors.scaling import MIN_SIDE, DetectOptions, map_back, shrink

__all__ = ["DlibHog"]

# dlib's square boxes sit tighter and lower than YuNet's. These numbers, medians over the faces of real photographs
# that both find (dev/log.md, 2026-11-21), turn them into boxes of the same framing, so that one crop margin fits both.
_WIDTH = 0.90
_HEIGHT = 1.18
_SHIFT_Y = -0.05
# Of 0.0, 0.1 ... 0.5 the lowest threshold (with a step in reserve) at which none of 627 pictures got a false face
# (dev/log.md, 2026-11-21).
_MIN_SCORE = 0.15
# The smallest face that dlib sees is 80 px, or 40 px in a picture that is enlarged twice.
_UPSAMPLE_BELOW = 80.0


@final
class DlibHog:
    """Detector from the dlib wheel.

    Args:
        options: how to look.

    """

    name = "dlib"

    def __init__(self, options: DetectOptions) -> None:
        import dlib

        self._options = options
        self._net: Any = dlib.get_frontal_face_detector()

    def detect(self, image: Image) -> list[Face]:
        """Faces of an (H, W, 3) uint8 BGR picture, best score first."""
        small, factor = shrink(image, self._options.side)
        if min(small.shape[:2]) < MIN_SIDE:
            return []
        upsample = 1 if self._options.min_face * factor < _UPSAMPLE_BELOW else 0
        rgb = cv2.cvtColor(small, cv2.COLOR_BGR2RGB)  # grey would be 22 % faster and find 9 % fewer faces
        threshold = _MIN_SCORE if self._options.min_score is None else self._options.min_score
        boxes, scores, _ = self._net.run(rgb, upsample, threshold)
        faces = (_face(box, score) for box, score in zip(boxes, scores, strict=True))
        return self._options.select(map_back(face, factor) for face in faces)


def _face(box: Any, score: float) -> Face:
    side = float(box.width())
    cx = box.left() + side / 2
    cy = box.top() + side / 2 + _SHIFT_Y * side
    half_w, half_h = side * _WIDTH / 2, side * _HEIGHT / 2
    return Face((cx - half_w, cy - half_h, cx + half_w, cy + half_h), float(score))
