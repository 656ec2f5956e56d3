"""Boxes of the caller's own, and readings as a table of pandas."""

import csv
import io

import numpy as np
import pytest

import mien
from mien.core.errors import InputError


@pytest.fixture(scope="module")
def analyzer() -> mien.Analyzer:
    return mien.Analyzer()


def test_boxes_that_the_detector_found(analyzer, astronaut, hopper):
    """With the detector's boxes and landmarks the readings are those of `analyze`, in the order of the boxes."""
    both = np.concatenate([astronaut, hopper[:512]], axis=1)
    found = analyzer.analyze(both)[::-1]

    again = analyzer.read(both, [f.box for f in found], [f.landmarks for f in found])

    assert len(again) == 2
    assert [f.values for f in again] == [pytest.approx(f.values, abs=1e-6) for f in found]
    assert [f.box for f in again] == [pytest.approx(f.box) for f in found]
    assert [f.score for f in again] == [1.0, 1.0]


def test_boxes_of_other_kinds(analyzer, hopper_file):
    """Arrays, lists, no landmarks, and no box at all."""
    assert len(analyzer.read(hopper_file, np.array([[183, 120, 353, 333]], np.int32))) == 1
    assert analyzer.read(hopper_file, []) == []
    assert analyzer.read(hopper_file, np.empty((0, 4)), np.empty((0, 5, 2))) == []
    assert len(analyzer.read(hopper_file, [(183, 120, 353, 333), (-20, -20, 60, 80)])) == 2


@pytest.mark.parametrize(
    ("boxes", "landmarks", "text"),
    [
        ([(10, 10, 10, 30)], None, "x1 < x2 and y1 < y2"),
        ([(183, 120, 170, 213)], None, r"no width and height\), got \[183"),
        ([(1, 2, 3)], None, r"boxes as finite numbers of shape \(N, 4\), got shape \(1, 3\)"),
        ((1, 2, 3, 4), None, r"got shape \(4,\)"),
        ([(0, 0, 9, float("nan"))], None, "finite"),
        (["abcd"], None, "boxes as numbers"),
        (None, None, "boxes as"),
        ([(0, 0, 9, 9)], [], "landmarks for each of 1 boxes, got 0"),
        ([(0, 0, 9, 9)], [[(1, 2)] * 4], r"landmarks as finite numbers of shape \(N, 5, 2\)"),
    ],
)
def test_boxes_that_are_none(analyzer, hopper, boxes, landmarks, text):
    """Another shape, a box without area and missing landmarks are told."""
    with pytest.raises(InputError, match=text):
        analyzer.read(hopper, boxes, landmarks)


def test_frames_of_pictures(analyzer, astronaut, coffee, command, hopper_file):
    """Readings and records become the table that the CSV holds."""
    pytest.importorskip("pandas")
    readings = analyzer.analyze(astronaut)
    table = mien.to_frame(readings)
    records = mien.to_frame(analyzer.reports([str(hopper_file), "missing.png"]))

    assert table.loc[0, "emotion"] == readings[0].emotion
    assert table.loc[0, "p_happy"] == readings[0].probabilities["happy"]
    written = list(csv.reader(io.StringIO(command("analyze", hopper_file, "missing.png", "--format", "csv").out)))
    assert list(records.columns) == list(table.columns) == written[0]
    assert records["error"].notna().tolist() == [False, True]
    assert str(records.loc[0, "p_happy"]) == written[1][written[0].index("p_happy")]
    assert len(mien.to_frame(analyzer.report(coffee))) == 1


def test_frames_of_videos(tiny_model):
    """Frames with their readings become the table of a time line, one row per face."""
    pytest.importorskip("pandas")
    from mien.media.timeline import columns

    analyzer = mien.Analyzer(tiny_model, "none")
    frames = (mien.Frame(np.full((20, 20, 3), 200, np.uint8), i, i / 10) for i in range(3))
    table = mien.to_frame(analyzer.stream(frames))

    assert table["time_s"].tolist() == [0.0, 0.1, 0.2]
    assert tuple(table.columns) == tuple(columns(analyzer.labels))
    assert table["smooth_happy"].notna().all()


def test_frames_of_nothing():
    """No reading is an empty table; something else is told."""
    pytest.importorskip("pandas")
    assert len(mien.to_frame([])) == 0
    for wrong in (3, "photo.jpg", [3], [[1]]):
        with pytest.raises(InputError, match="Expected readings of a picture"):
            mien.to_frame(wrong)
