"""The detector that comes with the package: exactly the faces that are there, whatever is done to the photographs."""

import cv2
import numpy as np
import pytest

from mien.core.geometry import iou
from mien.infer.detect import DetectOptions, open_detector

# Faces of the two photographs, by eye: forehead to chin, xyxy px.
ASTRONAUT_FACE = np.array([178, 63, 268, 176], np.float64)
HOPPER_FACE = np.array([183, 120, 353, 333], np.float64)


@pytest.fixture(scope="module", params=["mien-int8", "mien"])
def mien(request):
    """The packaged detector, in 8 bit and in float32."""
    return open_detector(request.param)


@pytest.fixture(params=["astronaut", "hopper"])
def photograph(request):
    """Each photograph with the box of its only face."""
    image = request.getfixturevalue(request.param)
    return image, {"astronaut": ASTRONAUT_FACE, "hopper": HOPPER_FACE}[request.param]


def only_face(detector, image):
    """The one face of a picture; fails when there are more or fewer."""
    faces = detector.detect(image)
    assert len(faces) == 1
    return faces[0]


def test_as_they_are(mien, photograph):
    """One face, at its place, with the eyes and the mouth where they belong."""
    image, box = photograph

    face = only_face(mien, image)

    assert iou(face.box, box)[0, 0] > 0.7
    right, left, nose, right_mouth, left_mouth = face.landmarks
    assert right[0] < nose[0] < left[0]
    assert right_mouth[0] < left_mouth[0]
    assert max(right[1], left[1]) < nose[1] < min(right_mouth[1], left_mouth[1])


def test_mirrored(mien, photograph):
    """The mirror image has the mirrored box, and the person's right eye is still the left one in the picture."""
    image, box = photograph
    width = image.shape[1]

    face = only_face(mien, np.ascontiguousarray(image[:, ::-1]))

    assert iou(face.box, box[[2, 1, 0, 3]] * [-1, 1, -1, 1] + [width, 0, width, 0])[0, 0] > 0.7
    assert face.landmarks[0][0] < face.landmarks[1][0]


def test_dimmed(mien, photograph):
    """A picture with a third of its light has the same face."""
    image, box = photograph

    assert iou(only_face(mien, (image * 0.35).astype(np.uint8)).box, box)[0, 0] > 0.65


@pytest.mark.parametrize(("degrees", "within"), [(-45, 16), (-20, 12), (20, 12), (45, 16), (180, 40)])
def test_turned(mien, photograph, degrees, within):
    """A turned picture has one face, around the turned centre, and its eyes say by how much it is turned."""
    image, box = photograph
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    centre = matrix @ [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2, 1]

    face = only_face(mien, cv2.warpAffine(image, matrix, (width, height)))

    side = np.sqrt((box[2] - box[0]) * (box[3] - box[1]))
    found = np.array([(face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2])
    assert np.abs(found - centre).max() < 0.2 * side
    (x1, y1), (x2, y2) = face.landmarks[:2]
    off = -np.degrees(np.arctan2(y2 - y1, x2 - x1)) - degrees
    assert abs((off + 180) % 360 - 180) < within


def test_small(mien, photograph):
    """At a quarter of the size the face of 22 or 44 px is found at its place."""
    image, box = photograph
    small = cv2.resize(image, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)

    assert iou(only_face(mien, small).box, box / 4)[0, 0] > 0.6


def test_large(mien, photograph):
    """In a picture of 4000 px the box comes back in its own pixels."""
    image, box = photograph
    factor = 4000 / max(image.shape[:2])
    large = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)

    assert iou(only_face(mien, large).box, box * factor)[0, 0] > 0.7


def test_side_by_side(mien, astronaut, hopper):
    """Two photographs beside each other have two faces, each at its place."""
    both = np.concatenate([astronaut, cv2.resize(hopper, (437, 512))], axis=1)

    faces = sorted(mien.detect(both), key=lambda f: f.box[0])

    assert len(faces) == 2
    assert iou(faces[0].box, ASTRONAUT_FACE)[0, 0] > 0.7
    assert iou(faces[1].box, HOPPER_FACE * (512 / 600) + [512, 0, 512, 0])[0, 0] > 0.7


def test_at_the_border(mien, photograph):
    """A portrait whose face the picture's edge cuts: it is found around what is left of it, or not at all."""
    image, box = photograph
    image = image[: int(2 * box[3] - box[1])]  # head and shoulders
    x1, y1, x2, y2 = box.astype(int)
    width, height = x2 - x1, y2 - y1
    for part in (0.75, 0.5, 0.25):
        cuts = {
            "left": image[:, x2 - int(part * width) :],
            "right": image[:, : x1 + int(part * width)],
            "above": image[y2 - int(part * height) :],
            "below": image[: y1 + int(part * height)],
        }
        for side, cut in cuts.items():
            faces = mien.detect(np.ascontiguousarray(cut))
            assert len(faces) <= 1, (part, side)
            moved = box - [x2 - int(part * width) if side == "left" else 0, 0] * 2
            moved = moved - [0, y2 - int(part * height) if side == "above" else 0] * 2
            for face in faces:
                assert iou(face.box, moved)[0, 0] > 0.09, (part, side)


@pytest.mark.parametrize(
    "shape", [(1, 1), (16, 16), (24, 24), (31, 33), (640, 32), (32, 640), (2000, 100), (100, 2000), (20, 20_000)]
)
@pytest.mark.parametrize("kind", ["black", "white", "noise"])
def test_pictures_without_a_face(mien, shape, kind):
    """Tiny, thin, black, white and noisy pictures have no face."""
    image = np.full((*shape, 3), 255 if kind == "white" else 0, np.uint8)
    if kind == "noise":
        image = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)

    assert mien.detect(image) == []


def test_thin_pictures_with_a_face(mien, astronaut):
    """A face in a strip of 1:20 is found there or nowhere."""
    strip = np.full((120, 2400, 3), 90, np.uint8)
    strip[:, 1000:1120] = cv2.resize(astronaut[40:200, 150:310], (120, 120), interpolation=cv2.INTER_AREA)

    for detector in (mien, open_detector("mien", DetectOptions(side=None))):
        faces = detector.detect(strip)
        assert len(faces) <= 1
        assert all(1000 <= (f.box[0] + f.box[2]) / 2 <= 1120 for f in faces)


@pytest.mark.parametrize("name", ["mien", "mien-int8"])
@pytest.mark.parametrize("side", [640, 1600, None])
def test_a_large_face_at_any_size(astronaut, name, side):
    """A face of 420 x 470 px is larger than those that the network learnt from; it is the only one at any size."""
    large = cv2.resize(astronaut, (2048, 2048), interpolation=cv2.INTER_CUBIC)
    (face,) = open_detector(name, DetectOptions(side=side)).detect(large)

    assert face.box == pytest.approx((704, 245, 1075, 716), abs=40)


def test_nothing_in_a_cup_of_coffee(mien, coffee):
    """A photograph without a face has none."""
    assert mien.detect(coffee) == []


def test_the_file_explains_itself(mien):
    """The metadata names the data, the threshold's trade and the figures with their protocol; the file is small."""
    from mien.infer.store import entry, entry_path

    assert entry_path(entry(mien.name)).stat().st_size <= (4_200_000 if mien.name == "mien" else 1_200_000)
    assert len(mien.info.training["data_sha256"]) == 64
    assert mien.info.metrics["false_per_empty_picture"] <= 0.04
    assert mien.info.second_look is not None
    assert "protocol" in mien.info.metrics
    assert mien.info.license == "MIT"
