"""Pictures that lie on their side: turned for the search, boxes in the picture as it was given."""

import json

import numpy as np
import pytest
from PIL import Image as PilImage

import mien
from mien.core.errors import OptionError
from mien.core.types import Face
from mien.infer.turn import Found, find_faces, turned

QUARTERS = (0, 90, 180, 270)


class Marks:
    """Finds the white rectangle, with its corners as landmarks; surest where the picture is wider than high."""

    name = "marks"
    thread_safe = True

    def detect(self, image):
        ys, xs = np.nonzero(image[..., 0] == 255)
        x1, y1, x2, y2 = float(xs.min()), float(ys.min()), xs.max() + 1.0, ys.max() + 1.0
        points = ((x1, y1), (x2, y1), ((x1 + x2) / 2, (y1 + y2) / 2), (x1, y2), (x2, y2))
        return [Face((x1, y1, x2, y2), 0.9 if image.shape[1] > image.shape[0] else 0.5, points)]


def _marked() -> np.ndarray:
    picture = np.zeros((60, 100, 3), np.uint8)
    picture[10:30, 20:50] = 255
    return picture


@pytest.mark.parametrize("degrees", QUARTERS)
def test_boxes_and_landmarks_come_back(degrees):
    """Whatever the turn, box and nose lie where they are in the given picture, and the eyes follow the turn."""
    (face,) = find_faces(Marks(), _marked(), degrees).faces_as_given()

    assert face.box == (20, 10, 50, 30)
    assert face.landmarks[2] == (35, 20)
    right_eye = {0: (20, 10), 90: (20, 30), 180: (50, 30), 270: (50, 10)}[degrees]
    assert face.landmarks[0] == right_eye


def test_turning_back_is_the_inverse():
    """A pixel of the turned picture lands on the same pixel of the given one."""
    picture = np.random.default_rng(0).integers(0, 255, (7, 11, 3), np.uint8)
    for degrees in QUARTERS:
        upright = turned(picture, degrees)
        face = Face((3.0, 2.0, 4.0, 3.0), 1.0)
        ((x1, y1, x2, y2),) = [f.box for f in Found(upright, [face], degrees).faces_as_given()]
        assert (x2 - x1, y2 - y1) == (1, 1)
        assert picture[int(y1), int(x1)].tolist() == upright[2, 3].tolist()


def test_auto_takes_the_surest():
    """Of equally sure directions the first, so a picture that is upright stays."""
    assert find_faces(Marks(), _marked(), "auto").degrees == 0
    assert find_faces(Marks(), turned(_marked(), 90), "auto").degrees == 90


@pytest.mark.parametrize("degrees", QUARTERS)
def test_a_photograph(degrees, hopper):
    """A scan that lies on its side reads as the upright photograph, when it is told or when the direction is sought."""
    (wanted,) = mien.Analyzer().analyze(hopper)
    lying = turned(hopper, -degrees % 360)

    for rotate in (degrees, "auto"):
        (reading,) = mien.Analyzer(rotate=rotate).analyze(lying)
        assert reading.values == wanted.values
        assert reading.score == wanted.score
        expected = Found(hopper, [wanted.face], degrees).faces_as_given()[0]
        assert (reading.box, reading.landmarks) == (expected.box, expected.landmarks)


def test_commands(command, hopper, tmp_path):
    """analyze, detect and batch take --rotate; boxes are those of the file."""
    pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    PilImage.fromarray(np.ascontiguousarray(turned(hopper, 180)[..., ::-1])).save(tmp_path / "scan.png")
    (wanted,) = mien.Analyzer(rotate=180).analyze(tmp_path / "scan.png")

    ended = command("analyze", tmp_path / "scan.png", "--rotate", "180", "--format", "json")
    assert json.loads(ended.out)["faces"][0] == json.loads(json.dumps(wanted.to_dict()))
    ended = command("detect", tmp_path / "scan.png", "--rotate", "auto", "--format", "json")
    assert json.loads(ended.out)[0]["faces"][0]["box"] == list(wanted.box)
    ended = command("batch", tmp_path / "scan.png", tmp_path / "out", "--rotate", "180", "--workers", "1")
    assert ended.code == 0, ended.err
    (row,) = pq.read_table(tmp_path / "out" / "faces").to_pylist()
    assert (row["emotion"], row["x1"]) == (wanted.emotion, pytest.approx(wanted.box[0], abs=0.01))
    assert "--rotate" not in command("video", "--help").out


@pytest.mark.parametrize("value", [45, "90", None, True, -90])
def test_impossible_turns(value):
    """Only quarters of a turn, and auto."""
    with pytest.raises(OptionError, match="turned by 0, 90, 180, 270 degrees or 'auto'"):
        mien.AnalyzerOptions(rotate=value)


def test_videos_are_not_turned(tiny_model):
    """An analyzer that turns pictures says that frames must be turned by the caller."""
    with pytest.raises(OptionError, match="rotate is for pictures"):
        mien.Analyzer(tiny_model, "none", rotate=90).stream([])
