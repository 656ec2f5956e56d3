"""The packaged face detector gives the same faces in torch and in ONNX Runtime."""

from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mien.infer.detect import open_detector
from mien.infer.detectors.own import decode, merged, padded
from mien.infer.detectors.scaling import map_back, shrink
from mien.learn.detector.net import DetectorNet
from mien.learn.detector.recover import recovered


@pytest.fixture(scope="module")
def network() -> DetectorNet:
    """A torch network with the weights of the packaged file."""
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 64, 64)).astype(np.float32))
    return recovered(Path(str(resources.files("mien") / "assets" / "models" / "face.onnx")), [pixels])


@pytest.mark.parametrize("size", [None, 320, 200])
def test_boxes_of_torch_and_of_the_runtime(network, astronaut, hopper, size):
    """The same faces within a pixel, on both photographs, as they are and shrunk; landmarks of the first look."""
    detector = open_detector("mien")
    info: Any = detector.info  # type: ignore[attr-defined]  # of the project's own
    for photograph in (astronaut, hopper):
        picture, _ = shrink(photograph, size)
        small, factor = shrink(picture, 640)
        pixels = torch.from_numpy(padded(small, info.strides[-1])).permute(2, 0, 1)[None].float()
        with torch.no_grad():
            maps = [torch.cat([m[:, :1].sigmoid(), m[:, 1:]], 1).numpy() for m in network(pixels)]
        faces = [
            map_back(f, factor) for f in merged(decode(maps, info.strides, info.score / 2), info.overlap, info.score)
        ]

        first = merged(detector.rows(small, info.score / 2), info.overlap, info.score)  # type: ignore[attr-defined]
        found = detector.detect(picture)

        assert len(found) == len(first) == len(faces) >= 1
        for ours, seen, theirs in zip(found, first, faces, strict=True):
            assert ours.box == pytest.approx(theirs.box, abs=1)
            placed = np.array(map_back(seen, factor).landmarks)
            assert placed == pytest.approx(np.array(theirs.landmarks), abs=1)
            assert ours.score == pytest.approx(theirs.score, abs=1e-3)
