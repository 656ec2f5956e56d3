"""Photographs become face crops, framed as live faces are."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mien.core.contract import CropSpec
from mien.core.errors import DataError
from mien.data import read
from mien.data.cut import LEAST_TILT, cut_faces
from mien.infer.crop import crop_faces
from mien.infer.detect import open_detector

Picture = NDArray[np.uint8]


@pytest.fixture
def photographs(tmp_path: Path, astronaut: Picture, hopper: Picture, coffee: Picture) -> Path:
    """A folder of two classes: one face, two faces of different size, and none."""
    small = cv2.resize(hopper, None, fx=0.5, fy=0.5)
    both = np.zeros((512, 512 + small.shape[1], 3), np.uint8)
    both[:, :512], both[: small.shape[0], 512:] = astronaut, small
    for name, image in (("grin/one", astronaut), ("gloom/two", both), ("gloom/cup", coffee)):
        path = tmp_path / "photos" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image)
    return tmp_path / "photos"


def test_the_largest_face(photographs: Path, astronaut: Picture):
    """The largest face of each photograph, in colour, as `crop_faces` cuts it for a model; labels stay."""
    found = cut_faces(read(photographs), open_detector(), size=64)
    assert [Path(name).name for name in found.without] == ["cup.png"]
    assert [Path(name).name for name in found.several] == ["two.png"]
    assert len(found.manifest) == 2
    faces = open_detector().detect(astronaut)
    spec = CropSpec(64, color="rgb", align="eyes", least_tilt=LEAST_TILT)
    row = int(np.flatnonzero(["one" in str(name) for name in found.manifest.names])[0])
    assert found.manifest.labels.names[found.manifest.label[row]] == "grin"
    assert np.array_equal(found.manifest.load(row)[..., ::-1], crop_faces(astronaut, faces[:1], spec)[0])


def test_the_command(command, photographs: Path, tmp_path: Path):
    """`mien data crop` writes folders of crops and names what it left out; without any face it says so."""
    ended = command("data", "crop", photographs, tmp_path / "faces")
    assert ended.code == 0, ended.err
    assert "2 faces of 3 pictures" in ended.out
    assert "1 picture without a face, left out: " in ended.err
    faces = read(tmp_path / "faces")
    assert faces.labels.names == ("gloom", "grin")
    assert faces.load(0).shape == (96, 96, 3)
    manifest = read(photographs)
    with pytest.raises(DataError, match="no face was found in any of its 1 pictures"):
        cut_faces(manifest.select([i for i, name in enumerate(manifest.names) if "cup" in str(name)]), open_detector())
