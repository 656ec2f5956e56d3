"""Draw found faces on a picture: boxes, scores and landmarks. Pure: the picture stays as it was.

For faces without readings; `mien.media.overlay` draws expressions.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from mien.core.types import Face, Image

__all__ = ["draw_faces"]

_BOX, _DARK = (124, 157, 58), (18, 22, 26)
_POINTS = ((91, 73, 209), (150, 102, 47), (47, 122, 224), (165, 89, 133), (38, 165, 224))


def draw_faces(image: Image, faces: Sequence[Face]) -> Image:
    """Copy of an (H, W, 3) uint8 BGR picture with a box, a score and five points for each face, in its pixels."""
    out = image.copy()
    line = max(round(max(image.shape[:2]) / 320), 1)
    for face in faces:
        x1, y1, x2, y2 = (round(v) for v in face.box)
        cv2.rectangle(out, (x1, y1), (x2 - 1, y2 - 1), _DARK, line + 2, cv2.LINE_AA)
        cv2.rectangle(out, (x1, y1), (x2 - 1, y2 - 1), _BOX, line, cv2.LINE_AA)
        _write_score(out, face, line)
        radius = max(round((x2 - x1) / 40), line)
        for colour, (x, y) in zip(_POINTS, face.landmarks or (), strict=False):
            cv2.circle(out, (round(x), round(y)), radius, colour, -1, cv2.LINE_AA)
    return np.asarray(out, np.uint8)


def _write_score(image: Image, face: Face, line: int) -> None:
    """The score above the box, or below its upper edge where the picture ends."""
    size = 0.35 * max(line, 1)
    text = f"{face.score:.2f}"
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, line)
    x = int(np.clip(round(face.box[0]), 0, max(image.shape[1] - width, 0)))
    y = max(round(face.box[1]) - 2 * line, height + line)
    for colour, extra in ((_DARK, 2), (_BOX, 0)):
        cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, colour, line + extra, cv2.LINE_AA)
