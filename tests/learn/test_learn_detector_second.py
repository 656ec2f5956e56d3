"""What training makes of a second look at faces that are not sure, and which arithmetic it learns in."""

import itertools
from importlib import resources
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from skimage import data

from mien.core.types import Face
from mien.data.faces import FacePicture
from mien.data.pictures import Pixels
from mien.infer.detectors.own import OwnDetector
from mien.infer.detectors.scaling import DetectOptions
from mien.learn import steps
from mien.learn.detector import second
from mien.learn.detector.calibrate import fit_scores
from mien.learn.detector.release import release_again

NO_POINTS = np.zeros((0, 5, 2), np.float32)
NOTHING = np.zeros((0, 4), np.float32)


def chance(logit):
    """The sigmoid."""
    return 1 / (1 + np.exp(-np.asarray(logit)))


def test_two_scores_become_one_chance():
    """The slopes and the shift that made the hits come back; the order of many boxes does not matter."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (40_000, 2))
    hits = rng.random(40_000) < chance(logits @ [0.8, 0.4] - 0.7)

    first, other, shift = fit_scores(chance(logits), hits)

    assert (first, other, shift) == (
        pytest.approx(0.8, abs=0.04),
        pytest.approx(0.4, abs=0.04),
        pytest.approx(-0.7, abs=0.04),
    )


def picture(key, box=None) -> FacePicture:
    """A grey photograph of 640 px, with a face or without."""
    boxes = NOTHING if box is None else np.array([box], np.float32)
    points = np.full((len(boxes), 5, 2), np.nan, np.float32)
    return FacePicture(key, Pixels(np.full((480, 640, 3), 90, np.uint8)), boxes, points, NOTHING)


def test_a_second_look_is_fitted_where_it_tells_faces_from_others(monkeypatch):
    """First scores say little here and second ones much; sure faces do not count."""
    rng = np.random.default_rng(1)
    photographs = [picture(str(i), (100, 100, 160, 160)) if i % 2 else picture(str(i)) for i in range(200)]
    seconds = []

    class Detector:
        rows = None
        place = itertools.count()

        def __init__(self, *_given):
            pass

        def detect(self, _image):
            number = next(self.place) // 2  # every photograph is looked at as it is and enlarged
            seconds.append(chance(rng.normal(1.5 if number % 2 else -1.5, 1)))
            return [
                Face((100, 100, 160, 160), float(rng.uniform(0.3, 0.8)) + number % 2 / 10),
                Face((300, 300, 320, 320), 0.99),
            ]

    monkeypatch.setattr(second, "OwnDetector", Detector)
    monkeypatch.setattr(second, "seen_again", lambda *_: seconds[-1])

    look = second.fitted(Path("a.onnx"), photographs, 640)

    assert look is not None
    assert look.second > look.first > 0
    assert look.second > 1
    assert (look.side, look.margin, look.below) == (96, 2.4, 0.95)


def test_no_second_look_where_it_says_nothing(monkeypatch):
    """Photographs without a face show nothing of it, so that the file is made without."""

    class Detector:
        rows = None

        def __init__(self, *_given):
            pass

        def detect(self, _image):
            return [Face((100, 100, 160, 160), 0.5)]

    monkeypatch.setattr(second, "OwnDetector", Detector)
    monkeypatch.setattr(second, "seen_again", lambda *_: 0.5)

    assert second.fitted(Path("a.onnx"), [picture("1"), picture("2")], 640) is None
    monkeypatch.setattr(Detector, "detect", lambda *_: [])
    assert second.fitted(Path("a.onnx"), [picture("1"), picture("2")], 640) is None


def test_a_file_is_judged_anew_with_its_weights_as_they_are(tmp_path):
    """The packaged file, on a photograph with a face and one without: other figures, the same graph."""
    source = Path(str(resources.files("mien") / "assets" / "models" / "face-int8.onnx"))
    box = np.array([[177, 65, 270, 193]], np.float32)
    face = FacePicture(
        "face", Pixels(data.astronaut()[..., ::-1].copy()), box, np.full((1, 5, 2), np.nan, np.float32), NOTHING
    )
    empty = FacePicture("empty", Pixels(data.coffee()[..., ::-1].copy()), NOTHING, NO_POINTS, NOTHING)

    info = release_again(source, [face, empty], tmp_path / "face.onnx")

    opened = OwnDetector(tmp_path / "face.onnx", DetectOptions()).info
    assert opened == info
    assert (info.name, info.precision, info.metrics["pictures"]) == ("mien-int8", "int8", 2)
    assert info.metrics["recall"] == info.metrics["ap"] == 1.0
    assert onnx.load(tmp_path / "face.onnx").graph == onnx.load(source).graph


@pytest.mark.parametrize(("seconds", "faster"), [((1.0, 0.4), True), ((0.4, 4.0), False)])
def test_the_faster_arithmetic_is_measured(monkeypatch, seconds, faster):
    """A machine whose bfloat16 steps are quicker learns in it, one that has none does not."""
    clock = itertools.accumulate(itertools.cycle((0.0, seconds[0], 0.0, seconds[1])))
    monkeypatch.setattr(steps.time, "perf_counter", lambda: next(clock))
    weight = torch.ones(2, 2, requires_grad=True)

    assert steps.faster_in_bfloat16(lambda: [weight @ weight]) is faster
