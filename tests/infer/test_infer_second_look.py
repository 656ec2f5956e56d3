"""A second look at faces: what is looked at, what both looks say, who is looked at, and whose landmarks count."""

import json
import pickle
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mien.core.contract import DetectorInfo, SecondLook
from mien.core.errors import ModelError
from mien.core.types import Face
from mien.infer.detectors.own import OwnDetector
from mien.infer.detectors.scaling import DetectOptions
from mien.infer.detectors.second_landmarks import of_both
from mien.infer.detectors.second_look import (
    Seen,
    affordable,
    combined,
    least_first,
    looked_again,
    seen_again,
    square,
)
from mien.infer.detectors.second_network import Answers, SecondNetwork
from mien.learn.detector.export import write_detector

LOOK = SecondLook(side=96, margin=2.0, below=0.95, first=0.75, second=0.5, shift=-0.25)


def network(*chances, points=None):
    """A network that says these chances, and points, of the squares that it is shown, and the squares of each time."""
    shown, told = [], iter(chances)

    def judge(squares):
        shown.append(squares)
        said = np.array([next(told) for _ in squares], np.float32)
        return Answers(said, None if points is None else np.stack([points] * len(squares)))

    return judge, shown


def network_bytes(side=96, input_name="squares") -> bytes:
    """An ONNX file that says of a square how bright its first pixel is, in 0..1."""
    pixels = helper.make_tensor_value_info(input_name, TensorProto.UINT8, ["faces", side, side, 3])
    nodes = [
        helper.make_node("Cast", [input_name], ["values"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["values", "from", "to", "axes"], ["first"]),
        helper.make_node("Reshape", ["first", "shape"], ["flat"]),
        helper.make_node("Div", ["flat", "white"], ["faces"]),
    ]
    constants = {"from": np.zeros(3, np.int64), "to": np.ones(3, np.int64), "axes": np.array([1, 2, 3]),
                 "shape": np.array([-1]), "white": np.float32(255)}  # fmt: skip
    initializers = [numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()]
    out = helper.make_tensor_value_info("faces", TensorProto.FLOAT, ["faces"])
    model = helper.make_model(helper.make_graph(nodes, "second", [pixels], [out], initializers),
                              opset_imports=[helper.make_opsetid("", 17)], ir_version=8)  # fmt: skip
    data: bytes = model.SerializeToString()
    return data


def test_the_chance_by_hand():
    """Log odds of 2 and 1 give 0.75 * 2 + 0.5 * 1 - 0.25 = 1.75; scores of 0 and 1 say no more than 0.001 and 0.999."""
    first, second = 1 / (1 + np.exp(-2)), 1 / (1 + np.exp(-1))

    assert combined(first, second, LOOK) == pytest.approx(1 / (1 + np.exp(-1.75)))
    assert combined(0, 0, LOOK) == combined(1e-3, 1e-3, LOOK) > 0
    assert combined(1, 1, LOOK) == combined(0.999, 0.999, LOOK) < 1


@pytest.mark.parametrize("score", [0.4, 0.5, 0.8, 0.94])
def test_no_face_is_missed_that_a_second_look_could_raise(score):
    """At the lowest first score a second look that is convinced just reaches the wanted score."""
    least = least_first(score, LOOK)

    assert least < score
    assert combined(least, 0.96, LOOK) == pytest.approx(score)


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

    seen = square(image, (40, 0, 60, 20), LOOK)

    assert seen is not None
    assert seen.shape == (96, 96, 3)
    assert (seen[:22] == 0).all()
    assert (seen[30:66, 30:66] == 200).all()
    assert (seen[50:, :20] == 50).all()


def test_all_squares_are_judged_at_once_and_none_that_dwarfs_its_picture():
    """A square of more than five sides would take gigabytes; it is no face. Each chance is that of its own box."""
    judge, shown = network(0.9, 0.2)
    image = np.zeros((100, 100, 3), np.uint8)
    boxes = [(40.0, 40.0, 60.0, 60.0), (-5000.0, -5000.0, 5000.0, 5000.0), (-70.0, -70.0, 170.0, 170.0)]

    seen = seen_again([(image, box) for box in boxes], LOOK, judge)

    assert [one.chance for one in seen] == pytest.approx([0.9, 1e-3, 0.2])
    assert [squares.shape for squares in shown] == [(2, 96, 96, 3)]
    assert seen_again([(image, boxes[1])], LOOK, judge) == [Seen(1e-3)]
    assert seen_again([], LOOK, judge) == []
    assert len(shown) == 1


def test_a_face_that_is_tiny_in_the_first_look_is_cut_out_of_the_whole_picture():
    """Stripes that the small picture has lost are in the square of a small face and not of a large one."""
    image = np.zeros((400, 400, 3), np.uint8)
    image[:, ::2] = 200
    small = np.full((200, 200, 3), 100, np.uint8)
    judge, shown = network(0.5, 0.5)

    looked_again(image, small, [Face((40, 40, 50, 50), 0.6), Face((20, 20, 80, 80), 0.5)], LOOK, judge)

    ((fine, coarse),) = shown
    assert np.ptp(fine[48, 8:88].astype(int)) > 50
    assert (coarse[48, 8:88] == 100).all()


def test_a_sure_face_is_not_looked_at_again():
    """Only scores below the limit change, each by its own second look."""
    image = np.zeros((100, 100, 3), np.uint8)
    faces = [Face((0, 0, 20, 20), 0.97), Face((40, 40, 60, 60), 0.6)]
    judge, shown = network(0.2)

    sure, unsure = looked_again(image, image, faces, LOOK, judge)

    assert sure == faces[0]
    assert unsure.score == pytest.approx(combined(0.6, 0.2, LOOK))
    assert unsure.box == faces[1].box
    assert [len(squares) for squares in shown] == [1]


POINTED = replace(LOOK, points=20.0)
POINTS = np.array([(-0.2, -0.1), (0.2, -0.1), (0.0, 0.1), (-0.1, 0.3), (0.5, 1.5)], np.float32)


def test_large_faces_have_their_landmarks_from_the_second_look():
    """From a size on in the picture itself, sure ones too, whose score stays; half a square of 24 px is 1 there. The
    first look's lie so far away that they have no say."""
    image, small = np.zeros((200, 200, 3), np.uint8), np.zeros((100, 100, 3), np.uint8)
    own = ((-99.0, 1.0),) * 5
    faces = [Face((50, 50, 74, 74), 0.99, own), Face((0, 0, 24, 24), 0.6, own), Face((90, 90, 99, 99), 0.97, own)]
    judge, shown = network(0.9, 0.8, points=POINTS)

    sure, tiny, unsure = looked_again(image, small, faces, POINTED, judge)

    assert [len(squares) for squares in shown] == [2]
    assert (sure.score, sure.box) == (0.99, (50, 50, 74, 74))
    assert unsure.score == pytest.approx(combined(0.6, 0.9, POINTED))
    assert np.array(sure.landmarks) == pytest.approx(62 + 24 * POINTS)
    assert np.array(unsure.landmarks) == pytest.approx(12 + 24 * POINTS)
    assert tiny == faces[2]


def test_landmarks_of_both_by_hand():
    """A box of 100 px: points 2 px apart meet in the middle, 10 px apart a quarter of the way, further the second's."""
    second = np.array([(10.0, 20.0), (50.0, 20.0), (30.0, 40.0), (10.0, 60.0), (50.0, 60.0)])

    def at(away):
        first = tuple((x + away, y) for x, y in second.tolist())
        return np.array(of_both(first, second, 100.0)) - second

    assert at(2.0) == pytest.approx(np.array([(1.0, 0.0)] * 5))
    assert at(10.0) == pytest.approx(np.array([(2.5, 0.0)] * 5))
    assert at(13.0) == pytest.approx(np.zeros((5, 2)))
    assert of_both(None, second, 100.0) == tuple(map(tuple, second.tolist()))


def test_landmarks_of_the_first_look_stay_where_the_second_gives_none():
    """A small face that is not sure, a network without landmarks, landmarks that are no numbers, and no time left."""
    image = np.zeros((96, 96, 3), np.uint8)
    own = ((1.0, 1.0),) * 5
    large, little = Face((0, 0, 40, 40), 0.6, own), Face((0, 0, 10, 10), 0.6, own)
    broken = np.where(POINTS > 1, np.nan, POINTS)

    for face, points in ((little, POINTS), (large, None), (large, broken)):
        judge, _ = network(0.9, points=points)
        (one,) = looked_again(image, image, [face], POINTED, judge)
        assert one.landmarks == own
        assert one.score == pytest.approx(combined(0.6, 0.9, POINTED))
    judge, shown = network(*[0.9] * 4, points=POINTS)
    found = looked_again(image, image, [replace(large, score=0.99)] * 5, POINTED, judge)
    assert [len(squares) for squares in shown] == [4]
    assert sum(face.landmarks == own for face in found) == 1


def test_the_surest_are_looked_at_where_there_is_time_for_some():
    """The others get what a second look would say that agrees with the first; the best comes first."""
    image = np.zeros((50, 90, 3), np.uint8)
    faces = [
        Face((0, 0, 20, 20), 0.3),
        Face((40, 40, 60, 60), 0.6),
        Face((70, 70, 90, 90), 0.7),
        Face((9, 9, 29, 29), 0.96),
    ]
    judge, shown = network(0.01)

    found = looked_again(image, image, faces, LOOK, judge)

    assert [len(squares) for squares in shown] == [1]
    assert [face.box[0] for face in found] == [9, 40, 0, 70]
    assert [face.score for face in found] == pytest.approx(
        [0.96, combined(0.6, 0.6, LOOK), combined(0.3, 0.3, LOOK), combined(0.7, 0.01, LOOK)]
    )
    assert (affordable((640, 480), LOOK), affordable((96, 200), LOOK), affordable((50, 50), LOOK)) == (133, 8, 1)


def test_the_model_file_says_how():
    """The metadata carry it there and back; a file without it has none; each impossible value is named."""
    info = DetectorInfo("mien", (8, 16, 32), 0.5, 0.4, second_look=LOOK)
    body = json.loads(info.to_json())

    assert DetectorInfo.from_json(info.to_json(), "a.onnx") == info
    pointed = replace(info, second_look=POINTED)
    assert DetectorInfo.from_json(pointed.to_json(), "a.onnx") == pointed
    assert "points" not in body["second_look"]
    without = DetectorInfo("mien", (8, 16, 32), 0.5, 0.4)
    assert "second_look" not in json.loads(without.to_json())
    assert DetectorInfo.from_json(without.to_json(), "a.onnx") == without
    for field, value in [("side", 8), ("side", 96.5), ("margin", 0), ("below", 2), ("first", -1), ("second", "x"),
                         ("shift", None), ("points", -1), ("points", "many")]:  # fmt: skip
        wrong = {**body, "second_look": {**vars(LOOK), field: value}}
        with pytest.raises(ModelError, match=f"second_look.{field}"):
            DetectorInfo.from_json(json.dumps(wrong), "a.onnx")
    with pytest.raises(ModelError, match="second_look"):
        DetectorInfo.from_json(json.dumps({**body, "second_look": 3}), "a.onnx")


def with_network(data: bytes | None, path: Path) -> Path:
    """A copy of the packaged detector whose second look is another network's, or has none."""
    source = Path(str(resources.files("mien") / "assets" / "models" / "face-int8.onnx"))
    write_detector(onnx.load(source), replace(OwnDetector(source, DetectOptions()).info, second_look=LOOK), path, data)
    return path


def test_the_network_lies_in_the_detectors_file(tmp_path):
    """It is opened from there, judges any number of squares, and goes to other processes with its file."""
    path = with_network(network_bytes(), tmp_path / "face.onnx")
    squares = np.zeros((2, 96, 96, 3), np.uint8)
    squares[1, 0, 0, 0] = 51

    judge = SecondNetwork(path.read_bytes(), path, LOOK)

    assert judge(squares).chances == pytest.approx([0.0, 0.2])
    assert judge(squares).points is None
    assert pickle.loads(pickle.dumps(judge))(squares).chances == pytest.approx([0.0, 0.2])
    with pytest.raises(ModelError, match="outputs \\['faces', 'points'\\], got"):
        SecondNetwork(path.read_bytes(), path, POINTED)


def test_a_network_that_is_not_there_or_does_not_fit_is_named(tmp_path):
    """None, none in base64, none that is an ONNX file, another side, another input: a sentence for each."""
    cases = {
        "no 'mien.second_look'": None,
        "expected a second look with an input": network_bytes(side=64),
        "got \\[\\]": network_bytes(input_name="crops"),
        "not a model that ONNX Runtime can load": b"no model",
    }
    for reason, data in cases.items():
        path = with_network(data, tmp_path / "face.onnx")
        with pytest.raises(ModelError, match=reason):
            OwnDetector(path, DetectOptions())
    broken = onnx.load(path)
    broken.metadata_props[1].value = "in no base64 at all!"
    onnx.save(broken, path)
    with pytest.raises(ModelError, match="second look is not usable"):
        OwnDetector(path, DetectOptions())
