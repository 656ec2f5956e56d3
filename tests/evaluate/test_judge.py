"""A split is judged as documented, and the JSON says how."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from judging_worlds import LABELS, Brightness, manifest_of, squares
from numpy.typing import NDArray

from mien.core.contract import CropSpec
from mien.core.errors import DataError, OptionError
from mien.data import Manifest
from mien.evaluate.judge import FORMAT, answers, judge, split_of


def test_judges_one_split(world: Manifest, brightness: Brightness):
    """The right classifier is right on every picture of the split, and the record names what was done."""
    found = judge(brightness, world, model={"name": "brightness"})
    assert found.figures.accuracy == 1
    assert found.figures.n == 12
    body = found.to_dict()
    assert body["format"] == FORMAT
    assert body["model"] == {"name": "brightness"}
    assert body["data"] == {
        "source": "squares", "split": "test", "sha256": world.of_split("test").digest, "pictures": 12, "judged": 12,
        "protocol": "labels", "left_out": {}, "unreadable": [], "view": "single", "resampled": "pictures",
    }  # fmt: skip
    json.dumps(body, allow_nan=False)


def test_pictures_of_training_are_taken_out(world: Manifest, brightness: Brightness):
    """The two test pictures that also occur in the training split are counted, and judged without."""
    unseen = judge(brightness, world).unseen
    assert unseen is not None
    assert (unseen.n_train, unseen.removed) == (12, 2)
    assert unseen.figures is not None
    assert unseen.figures.n == 10


def test_unseen_without_rest_or_training(brightness: Brightness):
    """Where every picture occurs in training, there are no figures without; without a training split there is no
    such part.
    """
    images = squares([0.0, 0.5, 1.0])
    twice = manifest_of(images + images, [0, 1, 2] * 2, ["train"] * 3 + ["test"] * 3)
    unseen = judge(brightness, twice).unseen
    assert unseen is not None
    assert (unseen.removed, unseen.figures) == (3, None)
    assert judge(brightness, manifest_of(images, [0, 1, 2], ["test"] * 3)).unseen is None
    assert judge(brightness, twice, split="train").unseen is None


class LeftHalf(Brightness):
    """Looks at the left half only, so that the mirror image may be answered differently."""

    def classify(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        return super().classify(crops[:, :, : crops.shape[2] // 2])


def test_flip_is_apart():
    """The mean of two views is reported apart and leaves the single view alone."""
    image = np.zeros((8, 8), np.uint8)
    image[:, 4:] = 255
    found = judge(LeftHalf(), manifest_of([image], [0], ["test"]), flip=True)
    assert found.figures.mean_confidence == pytest.approx(1)
    assert found.flip is not None
    assert found.flip.mean_confidence == pytest.approx(0.5)
    mirrored = answers(LeftHalf(), manifest_of([image], [0], ["test"]), mirror=True)
    assert mirrored.argmax() == 2


def test_all_pictures(brightness: Brightness):
    """Data without splits is judged as a whole when that is asked for."""
    found = judge(brightness, manifest_of(squares([0.0, 0.5, 1.0]), [0, 1, 2], [""] * 3), split="all")
    assert found.figures.n == 3
    assert found.data["split"] == "all"
    assert found.unseen is None


def test_groups_have_their_own_figures(brightness: Brightness):
    """Where the data has groups, each has its own figures; no name is "unknown"."""
    group = np.array(["old", "young", "young", ""])
    manifest = manifest_of(squares([0.0, 0.5, 0.0, 1.0]), [0, 1, 2, 2], ["test"] * 4, group=group)
    groups = {g.group: (g.figures.n, g.figures.accuracy) for g in judge(brightness, manifest).groups}
    assert groups == {"unknown": (1, 1.0), "old": (1, 1.0), "young": (2, 0.5)}


def test_intervals_are_over_people():
    """Where the data names people, intervals are over people: many pictures of few people say less."""
    label = [i % 3 for i in range(60)]
    images = squares([((c + (i % 5 == 0)) % 3) / 2 for i, c in enumerate(label)])
    people = manifest_of(images, label, ["test"] * 60, subject=np.array([f"p{i % 5}" for i in range(60)]))
    found = judge(Brightness(), people)
    assert found.data["resampled"] == "people"
    assert found.figures.accuracy == pytest.approx(0.8)
    assert found.figures.accuracy_interval is not None
    low, high = found.figures.accuracy_interval
    assert (low, high) == pytest.approx((0.4, 1.0), abs=0.01)  # p0 is always misread, drawn 0 to 3 times of 5
    unnamed = manifest_of(images, label, ["test"] * 60, subject=np.array([""] * 60))
    assert judge(Brightness(), unnamed).data["resampled"] == "pictures"


def test_crops_follow_the_model():
    """Colour models get RGB crops of their own size."""
    seen: list[tuple[int, ...]] = []

    class Colour(Brightness):
        def classify(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
            seen.append(crops.shape)
            return super().classify(crops)

    judge(Colour(crop=CropSpec(16, color="rgb")), manifest_of(squares([0.0, 1.0]), [0, 2], ["test"] * 2))
    assert seen == [(2, 16, 16, 3)]


def test_batches_keep_the_order(brightness: Brightness):
    """More pictures than one batch come back in their order, and progress adds up to their number."""
    label = [i % 3 for i in range(600)]
    manifest = manifest_of(squares([c / 2 for c in label]), label, ["test"] * 600)
    steps: list[int] = []
    assert judge(brightness, manifest, bootstrap=0, advance=steps.append).figures.accuracy == 1
    assert sum(steps) == 600
    assert len(steps) > 1


def test_impossible_requests_are_refused(world: Manifest, brightness: Brightness):
    """Unknown splits, empty ones and unknown protocols are refused."""
    with pytest.raises(OptionError, match="Unknown split 'tests'"):
        judge(brightness, world, split="tests")
    with pytest.raises(OptionError, match="Unknown protocol"):
        judge(brightness, world, protocol="best")
    with pytest.raises(DataError, match="'validation' has no pictures"):
        judge(brightness, world.select(world.split != "validation"), split="validation")


def test_coverage_points(world: Manifest):
    """The curve in the JSON ends at the accuracy of all pictures, and has a point for every hundredth."""
    body = judge(Brightness(LABELS[::-1]), world).to_dict()
    points = body["coverage"]["points"]
    assert len(points) == 100
    assert points[-1]["coverage"] == 1
    assert points[-1]["accuracy"] == body["figures"]["accuracy"] == pytest.approx(1 / 3)


def test_no_splits(world: Manifest):
    """Data without splits has no test split: the message says what to do instead."""
    bare = dataclasses.replace(world, split=np.full(len(world), ""))
    with pytest.raises(DataError, match="has no splits.*--split all"):
        split_of(bare, "test")
    assert len(split_of(bare, "all")) == len(world)
