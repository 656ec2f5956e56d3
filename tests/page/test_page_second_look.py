"""The page looks again at faces that are not sure as Python does."""

from base64 import b64decode, b64encode
from dataclasses import replace
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.core.contract import SecondLook
from mien.core.types import Face
from mien.infer.detectors.second_look import affordable, combined, least_first, looked_again, square
from mien.infer.detectors.second_network import Answers, network_inside

_SQUARES = """async ([text, width, height, boxes, look]) => {
  const { squareOf } = await import('/static/detector.mjs');
  const data = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return boxes.map((box) => Array.from(squareOf({ data, width, height, channels: 3 }, box, look).data));
}"""
_SCORES = """async ([pairs, look]) => {
  const { affordable, combined, finest, leastFirst, squareOf } = await import('/static/detector.mjs');
  const [WHOLE, SMALL] = [{ width: 400, height: 200 }, { width: 100, height: 50 }];
  return [pairs.map(([p, q]) => combined(p, q, look)), pairs.map(([p]) => leastFirst(p, look)), leastFirst(0.5, null),
    affordable({ width: 320, height: 250 }, look), squareOf({ width: 90, height: 60 }, [-900, -900, 900, 900], look),
    [[40, 40, 50, 50], [20, 20, 80, 80]].map((box) => finest(WHOLE, SMALL, box, look).box)];
}"""
_TOLD = """async ([faces, look, chances, points]) => {
  const { affordable, askedAgain, largeFrom, pairsOf, toldOf } = await import('/static/detector.mjs');
  const [picture, small] = [{ width: 320, height: 240 }, { width: 160, height: 120 }];
  const large = largeFrom(picture, small, look);
  const asked = askedAgain(faces, look, large).slice(0, affordable(small, look));
  const seen = asked.map((_, i) => ({ chance: chances[i], points: points && pairsOf(points, i) }));
  return faces.map((face) => {
    const i = asked.indexOf(face);
    return i < 0 && face.score >= look.below ? face : toldOf(face, seen[i] ?? null, look, large);
  });
}"""
_NETWORK = """async (text) => {
  const { networkInside } = await import('/static/onnx.mjs');
  const bytes = networkInside(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  return btoa(Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join(''));
}"""
_LOOK = SecondLook(side=96, margin=2.4, below=0.95, first=0.7, second=0.5, shift=-0.6)
_POINTS = np.array([(-0.2, -0.1), (0.2, -0.1), (0.0, 0.1), (-0.15, 0.3), (0.15, 0.3)])
_BOXES = [(40, 30, 100, 105), (70.2, 50.7, 79.9, 61.1), (-30, 20, 40, 110), (120, 80, 200, 170), (10, 5, 150, 119)]


def test_squares_and_scores_are_those_of_python(serve_quick, open_tab, astronaut):
    """The same pixels within one level, inside and over each edge, and the same chance of a face."""
    picture = np.ascontiguousarray(cv2.resize(astronaut, (160, 120), interpolation=cv2.INTER_AREA))
    page = open_tab(serve_quick()).ready()
    data = b64encode(picture.tobytes()).decode()

    here = page.evaluate(_SQUARES, [data, 160, 120, _BOXES, vars(_LOOK)])

    for box, pixels in zip(_BOXES, here, strict=True):
        seen = square(picture, box, _LOOK)
        assert seen is not None
        gap = np.abs(np.array(pixels, float) - seen.reshape(-1).astype(float))
        assert gap.max() <= 1
    pairs = [(0.2, 0.9), (0.6, 0.001), (0.94, 1.0), (0.0, 0.5)]
    chances, least, without, most, far, boxes = page.evaluate(_SCORES, [pairs, vars(_LOOK)])
    assert chances == pytest.approx([combined(p, q, _LOOK) for p, q in pairs])
    assert least == pytest.approx([least_first(p, _LOOK) for p, _ in pairs])
    assert (far, boxes) == (None, [[160, 160, 200, 200], [20, 20, 80, 80]])
    assert most == affordable((320, 250), _LOOK)
    assert without == 0.5


def _face(corner, side, score, i):
    """A face whose first look places its landmarks by turns as the second does, a little beside it, and elsewhere."""
    (x, y), high = corner.tolist(), 1.2 * side
    size, centre = np.sqrt(side * high), np.array([x + side / 2, y + high / 2])
    landmarks = centre + size * (_LOOK.margin / 2 * _POINTS + (0, 0.07, 0.3)[i % 3])
    return Face((x, y, x + float(side), y + float(high)), float(score), tuple(map(tuple, landmarks.tolist())))


@pytest.mark.parametrize("points_from", [None, 40.0])
def test_faces_have_what_both_looks_say(serve_quick, open_tab, points_from):
    """Scores, landmarks and who is looked at are those of Python: sure and unsure faces, large and small ones, a
    landmark that is no number, and more faces than there is time for."""
    look = replace(_LOOK, points=points_from)
    rng = np.random.default_rng(0)
    sizes = np.array([30, 12, 40, 25, 18, 33, 60, 22, 21, 50])
    corners = rng.uniform(0, 60, (10, 2))
    scores = np.sort(rng.uniform(0.5, 1, 10))[::-1]
    chances = rng.uniform(0, 1, 10).astype(np.float32)
    points = (_POINTS + rng.uniform(-0.02, 0.02, (10, 5, 2))).astype(np.float32)
    faces = [
        _face(corner, side, score, i)
        for i, (corner, side, score) in enumerate(zip(corners, sizes, scores, strict=True))
    ]
    points[1, 2, 0] = np.nan

    def judge(squares):
        return Answers(chances[: len(squares)], None if points_from is None else points[: len(squares)])

    there = looked_again(np.zeros((240, 320, 3), np.uint8), np.zeros((120, 160, 3), np.uint8), faces, look, judge)
    page = open_tab(serve_quick()).ready()
    sent = [{"box": face.box, "score": face.score, "landmarks": face.landmarks} for face in faces]
    # JSON has no NaN: an infinity made by the page stands for it.
    numbers = [float(v) if np.isfinite(v) else 1e999 for v in points.reshape(-1)]
    here = page.evaluate(_TOLD, [sent, vars(look), chances.tolist(), None if points_from is None else numbers])

    assert len(there) == len(here) == 10
    for mine, theirs in zip(there, sorted(here, key=lambda face: -face["score"]), strict=True):
        assert mine.box == pytest.approx(theirs["box"])
        assert mine.score == pytest.approx(theirs["score"])
        np.testing.assert_allclose(mine.landmarks, theirs["landmarks"], rtol=1e-6)
    own = {face.box[0]: np.array(face.landmarks) for face in faces}
    moved = sorted(np.abs(np.array(face["landmarks"]) - own[face["box"][0]]).max() for face in here)
    assert (points_from is None) == (moved[-1] == 0)
    assert moved[0] == 0


def test_the_page_takes_the_network_out_of_the_detectors_file(serve_quick, open_tab):
    """The same bytes as Python takes."""
    file = Path(str(resources.files("mien") / "assets" / "models" / "face-int8.onnx")).read_bytes()
    page = open_tab(serve_quick()).ready()

    assert b64decode(page.evaluate(_NETWORK, b64encode(file).decode())) == network_inside(file)
