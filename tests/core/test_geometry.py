"""Boxes and transforms against values worked by hand, and laws that hold for any box."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core.geometry import area, iou, non_maximum_suppression

_SIDE = st.floats(0, 1000, width=32)
_BOX = st.tuples(_SIDE, _SIDE, _SIDE, _SIDE).map(lambda v: [v[0], v[1], v[0] + v[2], v[1] + v[3]])


def test_iou_by_hand():
    """Two 10 x 10 boxes that share a 5 x 5 corner: 25 / (100 + 100 - 25)."""
    expected = 25 / 175

    assert iou([0, 0, 10, 10], [5, 5, 15, 15])[0, 0] == pytest.approx(expected)


def test_iou_of_every_pair():
    """Shapes: each of N boxes against each of M."""
    overlap = iou([[0, 0, 10, 10], [20, 20, 30, 30]], [[0, 0, 10, 10], [0, 0, 5, 10], [90, 90, 99, 99]])

    assert overlap.shape == (2, 3)
    np.testing.assert_allclose(overlap, [[1, 0.5, 0], [0, 0, 0]])


def test_empty_boxes_overlap_nothing():
    """A box without area has IoU 0, also with itself, and no warning is raised."""
    assert iou([5, 5, 5, 5], [5, 5, 5, 5])[0, 0] == 0
    assert area([10, 10, 0, 0])[0] == 0


@given(_BOX, _BOX)
def test_iou_is_symmetric_and_bounded(a, b):
    """For any two boxes: 0 <= IoU(a, b) == IoU(b, a) <= 1."""
    forward, backward = iou(a, b)[0, 0], iou(b, a)[0, 0]

    assert 0 <= forward <= 1 + 1e-6
    assert forward == pytest.approx(backward)


def test_suppression_keeps_the_best_of_each_heap():
    """Boxes 0 and 1 overlap by more than half, 2 is far away: the better of the two and the far one stay."""
    boxes = [[0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60]]

    assert non_maximum_suppression(boxes, [0.6, 0.9, 0.7], 0.5).tolist() == [1, 2]
    assert non_maximum_suppression(np.empty((0, 4)), [], 0.5).tolist() == []
