"""The page looks again at faces that are not sure as Python does."""

from base64 import b64decode, b64encode
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.core.contract import SecondLook
from mien.infer.detectors.second_look import affordable, combined, least_first, square
from mien.infer.detectors.second_network import network_inside

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
_NETWORK = """async (text) => {
  const { networkInside } = await import('/static/onnx.mjs');
  const bytes = networkInside(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  return btoa(Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join(''));
}"""
_LOOK = SecondLook(side=96, margin=2.4, below=0.95, first=0.7, second=0.5, shift=-0.6)
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


def test_the_page_takes_the_network_out_of_the_detectors_file(serve_quick, open_tab):
    """The same bytes as Python takes."""
    file = Path(str(resources.files("mien") / "assets" / "models" / "face-int8.onnx")).read_bytes()
    page = open_tab(serve_quick()).ready()

    assert b64decode(page.evaluate(_NETWORK, b64encode(file).decode())) == network_inside(file)
