"""Judging detectors: matching, average precision, thresholds and figures, against values worked by hand."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien.core.errors import DataError
from mien.core.types import Face
from mien.data.faces import FacePicture
from mien.data.pictures import Pixels
from mien.evaluate.detection import judge_detector
from mien.evaluate.detection_report import write_detection_report
from mien.evaluate.matching import Found, average_precision, match, score_for_false_faces

NOTHING = np.zeros((0, 4), np.float32)


class Always:
    """A detector that finds the same faces in every picture, scaled with it."""

    name = "always"

    def __init__(self, *faces: Face) -> None:
        self._faces = faces

    def detect(self, image):
        factor = image.shape[1] / 100
        return [Face(tuple(v * factor for v in f.box), f.score) for f in self._faces]


def picture(boxes, ignore=(), size=100) -> FacePicture:
    """A black picture with faces."""
    face = np.array(boxes, np.float32).reshape(-1, 4)
    points = np.full((len(face), 5, 2), np.nan, np.float32)
    pixels = Pixels(np.zeros((size, size, 3), np.uint8))
    return FacePicture("picture", pixels, face, points, np.array(ignore, np.float32).reshape(-1, 4))


def test_match_gives_each_face_one_box():
    """The surest box takes the face, a second one on it is false, one that overlaps too little is false too."""
    faces = [Face((0, 0, 10, 10), 0.7), Face((1, 0, 11, 10), 0.9), Face((56, 0, 66, 10), 0.8)]

    found = match(faces, np.array([[0, 0, 10, 10], [50, 0, 60, 10]], np.float32), NOTHING, (100, 100))

    assert found.scores == pytest.approx([0.9, 0.8, 0.7])
    assert found.hits.tolist() == [True, False, False]
    assert found.matched[0] == pytest.approx(0.9)
    assert np.isnan(found.matched[1])
    assert found.sizes == pytest.approx([10, 10])


def test_match_ignores_what_lies_in_ignored_regions():
    """A found box that is half inside a region to ignore counts neither way; a face there still counts."""
    faces = [Face((0, 0, 10, 10), 0.9), Face((40, 0, 50, 10), 0.8), Face((46, 20, 56, 30), 0.7)]
    ignore = np.array([[0, 0, 10, 10], [45, 0, 80, 30]], np.float32)

    found = match(faces, np.array([[0, 0, 10, 10]], np.float32), ignore, (100, 100))

    assert found.hits.tolist() == [True]


def test_match_cuts_boxes_at_the_edges():
    """Annotations end at the picture's edge, so a box that goes on beyond it is right."""
    found = match([Face((-10, 0, 10, 10), 0.9)], np.array([[0, 0, 10, 10]], np.float32), NOTHING, (100, 100))

    assert found.hits.tolist() == [True]


def test_average_precision_by_hand():
    """Hits at ranks 1 and 3 of 4, two of three faces found: (1 + 2/3) / 3."""
    assert average_precision([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0], 3) == pytest.approx((1 + 2 / 3) / 3)
    # Precision is made non-increasing: a false box before two hits costs both the same.
    assert average_precision([0.9, 0.8, 0.7], [0, 1, 1], 2) == pytest.approx(2 / 3)
    assert average_precision([], [], 5) == 0
    assert average_precision([], [], 0) == 0


def test_score_for_false_faces():
    """Of 40 empty pictures two false faces are allowed at 0.05: the threshold lies just above the third one's score."""
    none = np.zeros(0, np.float32)

    def empty(*scores):
        boxes = np.zeros((len(scores), 4), np.float32)
        return Found(np.array(scores, np.float32), np.zeros(len(scores), bool), none, none, boxes, none)

    found = [empty(0.9, 0.3), empty(0.5), empty(0.4), *[empty()] * 37]

    threshold = score_for_false_faces(found, 0.05)

    assert 0.4 < threshold < 0.41
    assert score_for_false_faces(found, 0.5) == 0
    assert score_for_false_faces(found, 0.5, lowest=0.2) == pytest.approx(0.2)
    assert score_for_false_faces([], 0.05) == 0


def test_figures():
    """One face of 20 px found, one of 8 px missed, one false face in each empty picture."""
    pictures = [picture([(0, 0, 20, 20), (50, 50, 58, 58)]), picture([]), picture([])]
    detector = Always(Face((0, 0, 20, 20), 0.9))

    figures = judge_detector(detector, detector, pictures).figures

    assert (figures.pictures, figures.faces, figures.empty_pictures) == (3, 2, 2)
    assert figures.recall == pytest.approx(0.5)
    assert figures.recall_20 == pytest.approx(1.0)
    assert figures.precision == pytest.approx(1 / 3)
    assert figures.false_per_empty_picture == pytest.approx(1.0)
    assert [g.recall for g in figures.by_size] == [0.0, None, 1.0, None, None]
    assert figures.to_dict()["by_size"][2]["faces"] == 1


def test_enlarged_pictures_keep_their_faces():
    """A picture of 100 px is judged at 400 px: its face of 20 px counts as one of 80 px and is still found."""
    detector = Always(Face((0, 0, 20, 20), 0.9))

    figures = judge_detector(detector, detector, [picture([(0, 0, 20, 20)])], enlarge=400).figures

    assert figures.recall == 1
    assert figures.by_size[-1].faces == 1


def test_landmarks_are_off_by_so_many_eye_distances():
    """Points that lie 3 px off, with eyes 15 px apart, are off by 0.2; eyes that nearly meet count as wider."""
    box = np.array([[0, 0, 50, 50]], np.float32)
    points = np.array([[(10, 20), (25, 20), (18, 30), (12, 40), (24, 40)]], np.float32)
    face = Face((0, 0, 50, 50), 0.9, tuple((float(x) + 3, float(y)) for x, y in points[0]))

    assert match([face], box, NOTHING, (100, 100), points).errors == pytest.approx([0.2])
    points[0, 1] = (11, 20)
    moved = Face((0, 0, 50, 50), 0.9, tuple((float(x) + 3, float(y)) for x, y in points[0]))
    assert match([moved], box, NOTHING, (100, 100), points).errors == pytest.approx([0.3])
    assert np.isnan(match([Face((0, 0, 50, 50), 0.9)], box, NOTHING, (100, 100), points).errors).all()


def test_conditions_and_reliability():
    """Recall of the faces that the data call dark, and how often boxes of a score of 0.75 are faces."""
    dark = replace(picture([(0, 0, 20, 20), (50, 50, 70, 70)]), conditions=(frozenset({"dark"}), frozenset()))
    plain = picture([(0, 0, 20, 20)])
    detector = Always(Face((0, 0, 20, 20), 0.75), Face((70, 0, 90, 20), 0.75))

    figures = judge_detector(detector, detector, [dark, plain]).figures

    assert [(row.condition, row.faces, row.recall) for row in figures.by_condition] == [("dark", 1, 1.0)]
    (filled,) = (b for b in figures.reliability if b.count)
    assert (filled.count, filled.accuracy, filled.confidence) == (4, 0.5, pytest.approx(0.75))
    assert figures.calibration_error == pytest.approx(0.25)


def test_the_report_shows_what_was_missed(tmp_path):
    """The page names every detector, and beside it lie curves, reliability and both galleries."""
    detector = Always(Face((0, 0, 20, 20), 0.75))
    pictures = [picture([(0, 0, 20, 20), (50, 50, 70, 70)]), picture([])]
    judged = judge_detector(detector, detector, pictures)
    protocol = {"source": "<drawn>", "detect_size": 640, "enlarged": False, "iou": 0.5}

    path = write_detection_report([judged, judged], pictures, protocol, tmp_path / "report")

    names = {f.name for f in path.parent.iterdir()}
    kinds = ("missed", "false", "reliability")
    assert names == {"report.html", "detection.json", "precision-recall.png"} | {
        f"{i}-always-{kind}.png" for i in (1, 2) for kind in kinds
    }
    assert "&lt;drawn&gt;" in path.read_text("utf-8")
    missed = cv2.imread(str(path.parent / "1-always-missed.png"))
    assert missed is not None
    assert missed.shape == (132, 132, 3)


def test_bad_pictures():
    """No pictures, or one that cannot be read, is one sentence."""
    detector = Always()
    with pytest.raises(DataError, match="no pictures"):
        judge_detector(detector, detector, [])


def test_known_figures_of_yunet(shared, yunet_file):
    """On the shared validation photographs, enlarged to 640 px, YuNet finds nearly all it drew itself."""
    from mien.data.faces import read_faces
    from mien.infer.detect import DetectOptions, open_detector

    cv2.setNumThreads(1)
    file = shared / "data" / "faces" / "val.parquet"
    if not file.is_file():
        pytest.skip("the photographs with face boxes are not in the folder of shared data")
    options = DetectOptions(min_score=0.02)

    figures = judge_detector(
        open_detector(yunet_file), open_detector(yunet_file, options), read_faces(file)[:40], enlarge=640
    ).figures

    assert figures.ap > 0.9
    assert figures.recall_20 is not None
    assert figures.recall_20 > 0.85
