"""Detectors: one contract for all of them, and what each finds on photographs whose faces are known."""

import cv2
import numpy as np
import pytest

from mien.core.errors import ModelError, OptionError, StoreError
from mien.core.geometry import iou
from mien.core.types import Detector
from mien.infer.detect import DetectOptions, open_detector
from mien.infer.store import import_file

# Faces of the two photographs, by eye: forehead to chin, xyxy px.
ASTRONAUT_FACE = (178, 63, 268, 176)
HOPPER_FACE = (183, 120, 353, 333)


@pytest.fixture(params=["mien", "mien-int8", "yunet", "none"])
def detector(request) -> Detector:
    """Each detector in turn."""
    if request.param == "yunet":
        return open_detector(request.getfixturevalue("yunet_file"))
    return open_detector(request.param)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((20, 20_000, 3), np.uint8),
        np.zeros((24, 24, 3), np.uint8),
        np.zeros((480, 640, 3), np.uint8),
        np.random.default_rng(0).integers(0, 256, (333, 77, 3)).astype(np.uint8),
    ],
    ids=["1x1", "20000x20", "24x24", "black", "noise"],
)
def test_pictures_without_a_face(detector, image):
    """Tiny, thin, black and noisy pictures are no fault: there is just no face (or, for `none`, the whole picture)."""
    faces = detector.detect(image)

    assert len(faces) == (1 if detector.name == "none" else 0)


def test_photographs(detector, astronaut, hopper, coffee):
    """One face each, where it is; none in the cup of coffee."""
    if detector.name == "none":
        assert detector.detect(astronaut)[0].box == (0, 0, 512, 512)
        return
    for image, box in ((astronaut, ASTRONAUT_FACE), (hopper, HOPPER_FACE)):
        faces = detector.detect(image)
        assert len(faces) == 1
        assert iou(faces[0].box, box)[0, 0] > 0.7
        assert faces[0].landmarks is None or len(faces[0].landmarks) == 5
    assert detector.detect(coffee) == []


def test_two_faces(yunet_file, astronaut, hopper):
    """YuNet finds both faces of a picture with two, at their places."""
    both = np.concatenate([astronaut, cv2.resize(hopper, (437, 512))], axis=1)

    faces = sorted(open_detector(yunet_file).detect(both), key=lambda f: f.box[0])

    assert len(faces) == 2
    assert iou(faces[0].box, ASTRONAUT_FACE)[0, 0] > 0.8
    assert faces[1].box[0] > 512


def test_large_photographs_are_mapped_back(yunet_file, astronaut):
    """A photograph of 2560 px is looked at smaller, and its box comes back in its own pixels."""
    large = cv2.resize(astronaut, (2560, 2560), interpolation=cv2.INTER_LINEAR)

    face = open_detector(yunet_file).detect(large)[0]

    assert iou(face.box, np.multiply(ASTRONAUT_FACE, 5))[0, 0] > 0.85
    assert face.landmarks is not None
    assert face.landmarks[0] == pytest.approx((1000, 510), abs=40)


def test_tiny_faces_are_found_at_full_size(yunet_file, astronaut):
    """A face of 23 px in a 2000 px picture is missed at 640 px and found at full size."""
    canvas = np.full((1500, 2000, 3), 90, np.uint8)
    canvas[700:800, 900:1000] = cv2.resize(astronaut, (100, 100), interpolation=cv2.INTER_AREA)

    assert open_detector(yunet_file, DetectOptions(side=640)).detect(canvas) == []
    assert len(open_detector(yunet_file, DetectOptions(side=None)).detect(canvas)) == 1


def test_options(yunet_file, astronaut, hopper):
    """Small faces are left out, and of several the largest stays."""
    both = np.concatenate([astronaut, cv2.resize(hopper, (437, 512))], axis=1)

    assert len(open_detector(yunet_file, DetectOptions(min_face=100)).detect(both)) == 1
    largest = open_detector(yunet_file, DetectOptions(max_faces=1)).detect(both)
    assert len(largest) == 1
    assert largest[0].box[0] > 512
    for bad in ({"side": 10}, {"min_face": -1}, {"max_faces": 0}):
        with pytest.raises(OptionError, match="must be"):
            DetectOptions(**bad)


def test_auto(store_folder, yunet_file):
    """The project's own detector is the default, with and without YuNet's file in the store."""
    assert open_detector().name == "mien-int8"
    assert open_detector("mien").name == "mien"
    import_file("yunet", yunet_file)
    assert open_detector("auto").name == "mien-int8"


def test_names(store_folder, tmp_path):
    """An unknown name, a missing file, a foreign file: one sentence each, with the nearest name or the remedy."""
    with pytest.raises(OptionError, match=r"Unknown detector 'yunnet'. Did you mean 'yunet'"):
        open_detector("yunnet")
    with pytest.raises(StoreError, match="mien models pull yunet"):
        open_detector("yunet")
    with pytest.raises(ModelError, match="Cannot read the detector file"):
        open_detector(tmp_path / "missing.onnx")
    (tmp_path / "other.onnx").write_bytes(b"x")
    with pytest.raises(ModelError, match="not a model that ONNX Runtime can load"):
        open_detector(tmp_path / "other.onnx")


@pytest.mark.parametrize("shape", [(512, 512), (600, 512), (333, 251), (100, 640)])
def test_yunet_is_opencvs(yunet_file, astronaut, hopper, shape):
    """The same file gives the same faces as OpenCV's own FaceDetectorYN, at sizes that are multiples of 32 and
    others.
    """
    height, width = shape
    both = np.concatenate([astronaut, cv2.resize(hopper, (437, 512))], axis=1)
    image = cv2.resize(both, (width, height), interpolation=cv2.INTER_AREA)
    theirs = cv2.FaceDetectorYN.create(str(yunet_file), "", (width, height), 0.6, 0.3, 5000).detect(image)[1]
    theirs = np.empty((0, 15)) if theirs is None else theirs[np.argsort(-theirs[:, 14])]

    ours = open_detector(yunet_file).detect(image)

    assert len(ours) == len(theirs)
    for face, row in zip(ours, theirs, strict=True):
        x, y, w, h = row[:4]
        np.testing.assert_allclose(face.box, (x, y, x + w, y + h), atol=0.01)
        np.testing.assert_allclose(np.ravel(face.landmarks), row[4:14], atol=0.01)
        assert face.score == pytest.approx(row[14], abs=1e-4)
