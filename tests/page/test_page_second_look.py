"""The page looks again at faces that are not sure as Python does."""

from base64 import b64encode

import cv2
import numpy as np
import pytest

from mien.core.contract import SecondLook
from mien.infer.detectors.second_look import affordable, combined, least_first, seen_again

_AGAIN = """async ([text, width, height, boxes, look]) => {
  const { againOf } = await import('/static/detector.mjs');
  const data = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return boxes.map((box) => {
    const { square, box: moved } = againOf({ data, width, height, channels: 3 }, box, look);
    return [Array.from(square.data), moved];
  });
}"""
_SCORES = """async ([pairs, look]) => {
  const { affordable, againOf, combined, finest, leastFirst, scoreAgain } = await import('/static/detector.mjs');
  const [WHOLE, SMALL] = [{ width: 400, height: 200 }, { width: 100, height: 50 }];
  const map = new Float32Array(15 * 144);
  map[5 * 12 + 5] = 0.6;
  for (let cell = 0; cell < 144; cell += 1) map[3 * 144 + cell] = map[4 * 144 + cell] = Math.log(5);
  const seen = (box) => scoreAgain([{ data: map, dims: [1, 15, 12, 12] }], [8], box);
  return [pairs.map(([p, q]) => combined(p, q, look)), pairs.map(([p]) => leastFirst(p, look)), leastFirst(0.5, null),
    seen([24, 24, 64, 64]), seen([60, 60, 90, 90]), affordable({ width: 320, height: 250 }, look),
    againOf({ width: 90, height: 60 }, [-900, -900, 900, 900], look), scoreAgain([], [], undefined),
    [[40, 40, 50, 50], [20, 20, 80, 80]].map((box) => finest(WHOLE, SMALL, box, look).box)];
}"""
_LOOK = SecondLook(side=96, margin=2.4, below=0.95, first=0.7, second=0.5, shift=-0.6)
_BOXES = [(40, 30, 100, 105), (70.2, 50.7, 79.9, 61.1), (-30, 20, 40, 110), (120, 80, 200, 170), (10, 5, 150, 119)]


def test_squares_and_scores_are_those_of_python(serve_quick, open_tab, astronaut):
    """The same pixels within one level, inside and over each edge, the same box in them, the same chance of a face."""
    picture = np.ascontiguousarray(cv2.resize(astronaut, (160, 120), interpolation=cv2.INTER_AREA))
    page = open_tab(serve_quick()).ready()
    data = b64encode(picture.tobytes()).decode()

    here = page.evaluate(_AGAIN, [data, 160, 120, _BOXES, vars(_LOOK)])

    for box, (pixels, moved) in zip(_BOXES, here, strict=True):
        shown = []

        def rows(image, _least, moved=moved, shown=shown):
            shown.append(image)
            out = np.zeros((1, 15), np.float32)
            out[0, :5] = [0.5, *moved]
            return out

        assert seen_again(picture, box, _LOOK, rows) == pytest.approx(0.5)  # the page's box is Python's
        gap = np.abs(np.array(pixels, float) - shown[0].reshape(-1).astype(float))
        assert gap.max() <= 1
    pairs = [(0.2, 0.9), (0.6, 0.001), (0.94, 1.0), (0.0, 0.5)]
    chances, least, without, seen, elsewhere, most, far, unseen, boxes = page.evaluate(_SCORES, [pairs, vars(_LOOK)])
    assert chances == pytest.approx([combined(p, q, _LOOK) for p, q in pairs])
    assert least == pytest.approx([least_first(p, _LOOK) for p, _ in pairs])
    assert (far, unseen, boxes) == (None, pytest.approx(0.001), [[160, 160, 200, 200], [20, 20, 80, 80]])
    assert most == affordable((320, 250), _LOOK)
    assert (without, seen, elsewhere) == (0.5, pytest.approx(0.6), pytest.approx(0.001))
