"""The page cuts faces out as Python does, wherever they are."""

from base64 import b64encode

import cv2
import numpy as np
import pytest

from mien.core.contract import CropSpec
from mien.core.types import Face
from mien.infer.crop import crop_faces

_CROPS = """async ([text, width, height, faces, spec]) => {
  const { cropOf } = await import('/static/vision.mjs');
  const data = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return faces.map((face) => Array.from(cropOf({ data, width, height, channels: 3 }, face, spec)));
}"""

_WIDE, _HIGH = 160, 120
_PLACES = {
    "inside": (40, 30, 100, 105),
    "small": (70.2, 50.7, 79.9, 61.1),
    "over the left edge": (-30, 20, 40, 110),
    "over the lower right corner": (120, 80, 200, 170),
    "larger than the picture": (-50, -40, 220, 190),
    "outside on the left": (-90, 20, -30, 90),
    "outside on the right": (200, 20, 260, 90),
    "outside above": (40, -120, 100, -50),
    "outside below": (40, 200, 100, 270),
}


def _face(box, tilt):
    """A face whose eyes and mouth are turned by `tilt` degrees about the middle of the box."""
    x1, y1, x2, y2 = box
    turn = np.radians(tilt)
    points = np.array([[-0.2, -0.15], [0.2, -0.15], [0, 0.05], [-0.15, 0.25], [0.15, 0.25]]) * (x2 - x1)
    turned = points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    moved = turned + np.array([(x1 + x2) / 2, (y1 + y2) / 2])
    return Face(box, 1.0, tuple((float(x), float(y)) for x, y in moved))


@pytest.mark.parametrize("color", ["gray", "rgb"])
def test_crops_are_those_of_python(serve_quick, open_tab, astronaut, color):
    """Inside, over each edge and wholly outside of the picture, upright and turned: the same pixels, within one
    level.
    """
    picture = np.ascontiguousarray(cv2.resize(astronaut, (_WIDE, _HIGH), interpolation=cv2.INTER_AREA))
    spec = CropSpec(size=48, color=color, align="eyes", least_tilt=10)
    faces = [_face(box, tilt) for box in _PLACES.values() for tilt in (0, 9, -25, 70)]
    sent = [{"box": face.box, "landmarks": face.landmarks} for face in faces]
    page = open_tab(serve_quick()).ready()

    data = b64encode(picture.tobytes()).decode()
    here = page.evaluate(_CROPS, [data, _WIDE, _HIGH, sent, vars(spec)])

    there = crop_faces(picture, faces, spec)
    assert len({crop.tobytes() for crop in there}) > len(_PLACES) * 2  # turned crops are others than upright ones
    for face, a, b in zip(faces, here, there, strict=True):
        gap = np.abs(np.array(a, float) - b.reshape(-1).astype(float))
        assert gap.max() <= 1, face.box
