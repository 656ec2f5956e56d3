"""Crops without a face, and a network that learns from them to be unsure."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from mien.core.contract import CropSpec
from mien.core.errors import OptionError
from mien.learn.augment import augmentation
from mien.learn.models import build
from mien.learn.multi.loop import Loop
from mien.learn.multi.nothing import crops_without_face, false_faces, targets_without_face
from mien.learn.multi.parts import Part
from mien.learn.multi.recipe import Recipe, SetPlan

WHITE = 255


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two drawn pictures: dark with a white square that is the face, and dark without one."""
    rng = np.random.default_rng(0)
    rows = []
    for box in ([[60.0, 50.0, 130.0, 120.0]], []):
        image = rng.integers(0, 120, (180, 200, 3), dtype=np.uint8)
        for x1, y1, x2, y2 in box:
            image[int(y1) : int(y2), int(x1) : int(x2)] = WHITE
        data = cv2.imencode(".png", image)[1].tobytes()
        rows.append({"image": {"bytes": data, "path": ""}, "boxes": box})
    path = tmp_path_factory.mktemp("faces") / "train.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_no_face(photographs: Path) -> None:
    """No crop of a photograph may show the face, and the same seed must give the same crops."""
    crops = crops_without_face(photographs, CropSpec(size=48, margin=1.0, shift_y=0.0))
    assert crops.shape[1:] == (48, 48)
    photographed = crops[: len(crops) - 500]  # then drawings and blanks
    assert len(photographed) >= 2
    assert (photographed < 200).mean() > 0.999
    np.testing.assert_array_equal(crops, crops_without_face(photographs, CropSpec(size=48, margin=1.0, shift_y=0.0)))


def test_false_faces_fit() -> None:
    """Boxes of an enlarged photograph must lie where they are in the photograph."""
    data = pytest.importorskip("skimage.data")
    image = cv2.resize(data.astronaut()[..., ::-1], (256, 256), interpolation=cv2.INTER_AREA)
    found = max(false_faces(image), key=lambda face: face.score)  # a real one, which is what is easy to place
    assert found.box[0] == pytest.approx(91, abs=8)
    assert found.box[3] == pytest.approx(89, abs=8)


def test_class_shares() -> None:
    """The target must be the class shares, so that divided by them nothing stands out."""
    labels = torch.eye(3)[torch.tensor([0, 0, 0, 1])]
    targets = targets_without_face(5, {"labels": labels})["labels"]
    assert targets.shape == (5, 3)
    torch.testing.assert_close(targets[4], torch.tensor([0.75, 0.25, 0.0]))


def test_learns_to_be_unsure() -> None:
    """After a few steps a network must be far less sure of pictures without a face than of its classes."""
    rng = np.random.default_rng(0)
    bright = rng.integers(0, 2, 64)
    crops = np.tile(np.linspace(0, 200, 48), (64, 48, 1))
    crops[bright == 1] = crops[bright == 1].transpose(0, 2, 1)  # a slope to the right, or downwards
    learnt = Part(
        SetPlan("s", "labels"), (torch.from_numpy(crops.astype(np.uint8)),), {"labels": torch.eye(2)[bright]}, {}
    )
    noise = torch.from_numpy(rng.integers(0, 255, (64, 48, 48), dtype=np.uint8))
    plan = SetPlan("n", "", share=0.5, weight=1.0)
    nothing = Part(plan, (noise,), targets_without_face(64, learnt.targets), {})
    still = dict.fromkeys(("flip", "rotate"), 0.0)
    recipe = Recipe(
        "mien-xs", "", 0.25, (SetPlan("s", "labels"),), batch=32, ema=0.5, early=still, late=still, nothing="n"
    )
    assert augmentation("standard", still).flip == 0
    torch.manual_seed(0)
    ticks = itertools.count(0, 0.02)  # seconds of a machine that is neither slow nor busy
    network = build("mien-xs", {"labels": 2}, size=48)
    loop = Loop(network, [learnt, nothing], recipe, Path("unused.pt"), now=lambda: next(ticks))
    for _ in range(60):
        loop._learn()
    network = loop.average.eval()
    with torch.no_grad():
        sure = [float(network(x)["labels"].softmax(dim=1).amax(dim=1).mean()) for x in (learnt.crops[0], noise)]
    assert sure[0] > 0.85
    assert sure[1] < 0.7


def test_shares() -> None:
    """A share that cannot be must be refused."""
    with pytest.raises(OptionError, match="nothing_share"):
        dataclasses.replace(Recipe("mien-xs", "", 1.0, (SetPlan("s", "labels"),)), nothing="n", nothing_share=0.0)
