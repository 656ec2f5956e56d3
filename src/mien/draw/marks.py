"""Draw found faces on a picture: boxes, scores and landmarks. Pure: the picture stays as it was.

For faces without readings; `mien.media.overlay` draws expressions.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from mien.core.types import Face, Image
from mien.draw.layout import OVER, lay_out
from mien.draw.lettering import chip_size, lay, plate

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
        radius = max(round((x2 - x1) / 40), line)
        for colour, (x, y) in zip(_POINTS, face.landmarks or (), strict=False):
            cv2.circle(out, (round(x), round(y)), radius, colour, -1, cv2.LINE_AA)
    _write_scores(out, faces, line)
    return np.asarray(out, np.uint8)


def _write_scores(image: Image, faces: Sequence[Face], line: int) -> None:
    """A score beside each box, smaller or left out where other faces and scores leave no room."""
    texts = [f"{face.score:.2f}" for face in faces]
    letters = [max(round(6 * line * share), 9) for share in (1.0, 0.75, 0.5)]
    places = lay_out(
        (image.shape[1], image.shape[0]),
        [(round(x1), round(y1), round(x2), round(y2)) for x1, y1, x2, y2 in (face.box for face in faces)],
        {i: [chip_size(text, size) for size in letters] for i, text in enumerate(texts)},
        OVER,
        gap=line // 2 + 2,
        may_cover=True,
    )
    for i, place in places.items():
        if place is not None:
            lay(image, plate(texts[i], _BOX[::-1], letters[place.size]), *place.box[:2])
