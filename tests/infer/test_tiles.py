"""Large pictures in pieces: every face once, in pixels of the picture, and no piece larger than it may be."""

import cv2
import numpy as np
import pytest

from mien.core.types import Face
from mien.infer.detect import DetectOptions, open_detector
from mien.infer.detectors.tiles import OVERLAP, TILE, in_tiles


def squares(image) -> list[Face]:
    """A detector that takes bright rectangles for faces, their corners for landmarks."""
    assert max(image.shape[:2]) <= TILE * 5 // 4
    found = []
    for contour in cv2.findContours(image[..., 0].copy(), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]:
        x, y, w, h = cv2.boundingRect(contour)
        found.append(Face((x, y, x + w, y + h), 0.9, ((x, y),) * 5))
    return found


@pytest.mark.parametrize("shape", [(900, 1200), (1281, 700), (2304, 3456), (3000, 5333)])
def test_every_square_is_found_once(shape):
    """Squares of up to half of the overlap, on every line between pieces and at the edges, come back exactly."""
    rng = np.random.default_rng(0)
    image = np.zeros((*shape, 3), np.uint8)
    wanted = set()
    for top in range(4, shape[0] - OVERLAP // 2, 150):
        for left in range(4, shape[1] - OVERLAP // 2, 150):
            side = int(rng.integers(8, OVERLAP // 2))
            image[top : top + side, left : left + side] = 255
            wanted.add((left, top, left + side, top + side))

    faces = in_tiles(image, squares, 0.4)

    assert len(faces) == len(wanted)
    assert {face.box for face in faces} == wanted
    assert all(face.landmarks == (face.box[:2],) * 5 for face in faces)


def test_nothing_in_pieces():
    """Where no piece shows a face there is none."""
    assert in_tiles(np.zeros((1500, 1500, 3), np.uint8), squares, 0.4) == []


def test_small_and_large_faces_of_a_large_photograph(astronaut):
    """In 3000 px a face of 40 px on the line between two pieces and one of 900 px are found, each once."""
    image = np.full((2200, 3000, 3), 120, np.uint8)
    small = cv2.resize(astronaut[30:230, 120:320], (90, 90), interpolation=cv2.INTER_AREA)
    for x in (840, 880, 920):
        canvas = image.copy()
        canvas[100:190, x : x + 90] = small
        canvas[700:2200, 1400:2900] = cv2.resize(astronaut[:230, 110:340], (1500, 1500), interpolation=cv2.INTER_CUBIC)

        faces = sorted(open_detector("mien", DetectOptions(side=None)).detect(canvas), key=lambda f: f.box[0])

        assert len(faces) == 2
        assert x < (faces[0].box[0] + faces[0].box[2]) / 2 < x + 90
        assert faces[1].box[2] - faces[1].box[0] > 400
