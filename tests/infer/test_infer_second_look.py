"""A second look at faces that are not sure: what is looked at, what both looks say, and who is looked at."""

import json

import numpy as np
import pytest

from mien.core.contract import DetectorInfo, SecondLook
from mien.core.errors import ModelError
from mien.core.types import Face
from mien.infer.detectors.second_look import affordable, combined, least_first, looked_again, seen_again

LOOK = SecondLook(side=96, margin=2.0, below=0.95, first=0.75, second=0.5, shift=-0.25)


def rows_of(*found):
    """A network that sees the same in every square, and what it was shown: rows of score and box."""
    shown = []

    def rows(image, min_score):
        shown.append(image)
        out = np.zeros((len(found), 15), np.float32)
        for row, (score, box) in zip(out, found, strict=True):
            row[:5] = [score, *box]
        return out[out[:, 0] >= min_score]

    return rows, shown


def test_the_chance_by_hand():
    """Log odds of 2 and 1 give 0.75 * 2 + 0.5 * 1 - 0.25 = 1.75; scores of 0 and 1 say no more than 0.001 and 0.99."""
    first, second = 1 / (1 + np.exp(-2)), 1 / (1 + np.exp(-1))

    assert combined(first, second, LOOK) == pytest.approx(1 / (1 + np.exp(-1.75)))
    assert combined(0, 0, LOOK) == combined(1e-3, 1e-3, LOOK) > 0
    assert combined(1, 1, LOOK) == combined(0.99, 0.99, LOOK) < 1


@pytest.mark.parametrize("score", [0.4, 0.5, 0.8, 0.94])
def test_no_face_is_missed_that_a_second_look_could_raise(score):
    """At the lowest first score a perfect second look just reaches the wanted score."""
    least = least_first(score, LOOK)

    assert least < score
    assert combined(least, 1.0, LOOK) == pytest.approx(score)


def test_a_look_that_only_lowers_asks_for_no_less():
    """Where a second look can only lower scores, the first one must reach the wanted score."""
    assert least_first(0.5, SecondLook(96, 2.0, 0.95, 1.0, 0.1, -5.0)) == 0.5


def test_the_faintest_are_not_looked_at():
    """However low the wanted score, and however much a second look could say."""
    assert least_first(0.001, LOOK) == least_first(0.1, SecondLook(96, 2.0, 0.95, 0.1, 5.0, 0.0)) == 0.005


def test_the_square_around_a_face():
    """A face of 20 x 20 px comes to be the middle half of 96 px; what lies outside the picture is black."""
    image = np.full((100, 100, 3), 50, np.uint8)
    image[0:20, 40:60] = 200
    rows, shown = rows_of((0.7, (24, 24, 72, 72)))

    score = seen_again(image, (40, 0, 60, 20), LOOK, rows)

    (square,) = shown
    assert square.shape == (96, 96, 3)
    assert score == pytest.approx(0.7)
    assert (square[:22] == 0).all()
    assert (square[30:66, 30:66] == 200).all()
    assert (square[50:, :20] == 50).all()


def test_only_what_lies_in_the_middle_is_the_same_face():
    """Another face in the square says nothing about this one."""
    image = np.zeros((100, 100, 3), np.uint8)

    other, _ = rows_of((0.9, (0, 0, 40, 40)))
    both, _ = rows_of((0.9, (0, 0, 40, 40)), (0.3, (26, 24, 74, 70)))

    assert seen_again(image, (40, 40, 60, 60), LOOK, other) == pytest.approx(1e-3)
    assert seen_again(image, (40, 40, 60, 60), LOOK, both) == pytest.approx(0.3)
    assert seen_again(image, (-300.0, -300.0, -290.0, -290.0), LOOK, rows_of()[0]) == pytest.approx(1e-3)


def test_a_box_that_dwarfs_the_picture_is_not_cut_out():
    """Its square would take gigabytes; it is no face."""
    rows, shown = rows_of((0.9, (24, 24, 72, 72)))
    image = np.zeros((100, 100, 3), np.uint8)

    assert seen_again(image, (-5000.0, -5000.0, 5000.0, 5000.0), LOOK, rows) == pytest.approx(1e-3)
    assert seen_again(image, (-70.0, -70.0, 170.0, 170.0), LOOK, rows) == pytest.approx(0.9)
    assert len(shown) == 1


def test_a_face_that_is_tiny_in_the_first_look_is_cut_out_of_the_whole_picture():
    """Stripes that the small picture has lost are in the square of a small face and not of a large one."""
    image = np.zeros((400, 400, 3), np.uint8)
    image[:, ::2] = 200
    small = np.full((100, 100, 3), 100, np.uint8)
    rows, shown = rows_of()

    looked_again(image, small, [Face((40, 40, 50, 50), 0.6), Face((20, 20, 80, 80), 0.5)], LOOK, rows)

    fine, coarse = shown
    assert np.ptp(fine[48, 8:88].astype(int)) > 50
    assert (coarse[48, 8:88] == 100).all()


def test_a_sure_face_is_not_looked_at_again():
    """Only scores below the limit change, each by its own second look."""
    image = np.zeros((100, 100, 3), np.uint8)
    faces = [Face((0, 0, 20, 20), 0.97), Face((40, 40, 60, 60), 0.6)]
    rows, shown = rows_of((0.2, (24, 24, 72, 72)))

    sure, unsure = looked_again(image, image, faces, LOOK, rows)

    assert sure == faces[0]
    assert unsure.score == pytest.approx(combined(0.6, 0.2, LOOK))
    assert unsure.box == faces[1].box
    assert len(shown) == 1


def test_the_surest_are_looked_at_where_there_is_time_for_some():
    """The others get what a second look would say that agrees with the first; the best comes first."""
    image = np.zeros((50, 90, 3), np.uint8)
    faces = [
        Face((0, 0, 20, 20), 0.3),
        Face((40, 40, 60, 60), 0.6),
        Face((70, 70, 90, 90), 0.7),
        Face((9, 9, 29, 29), 0.96),
    ]
    rows, shown = rows_of((0.01, (24, 24, 72, 72)))

    found = looked_again(image, image, faces, LOOK, rows)

    assert len(shown) == 1
    assert [face.box[0] for face in found] == [9, 40, 0, 70]
    assert [face.score for face in found] == pytest.approx(
        [0.96, combined(0.6, 0.6, LOOK), combined(0.3, 0.3, LOOK), combined(0.7, 0.01, LOOK)]
    )
    assert (affordable((640, 480), LOOK), affordable((96, 200), LOOK), affordable((50, 50), LOOK)) == (66, 4, 1)


def test_the_model_file_says_how():
    """The metadata carry it there and back; a file without it has none; each impossible value is named."""
    info = DetectorInfo("mien", (8, 16, 32), 0.5, 0.4, second_look=LOOK)
    body = json.loads(info.to_json())

    assert DetectorInfo.from_json(info.to_json(), "a.onnx") == info
    without = DetectorInfo("mien", (8, 16, 32), 0.5, 0.4)
    assert "second_look" not in json.loads(without.to_json())
    assert DetectorInfo.from_json(without.to_json(), "a.onnx") == without
    for field, value in [("side", 8), ("side", 96.5), ("margin", 0), ("below", 2), ("first", -1), ("second", "x"),
                         ("shift", None)]:  # fmt: skip
        wrong = {**body, "second_look": {**vars(LOOK), field: value}}
        with pytest.raises(ModelError, match=f"second_look.{field}"):
            DetectorInfo.from_json(json.dumps(wrong), "a.onnx")
    with pytest.raises(ModelError, match="second_look"):
        DetectorInfo.from_json(json.dumps({**body, "second_look": 3}), "a.onnx")
