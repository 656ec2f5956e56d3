"""Folds divide people and near copies from each other, keep the shares of the classes, and are read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.core.labels import LabelSet
from mien.data.folds import make_folds, pool, read_folds, write_folds
from mien.data.manifest import Manifest, pictures_array, text_array
from mien.data.pictures import Pixels


def world(n: int = 60, people: int = 0, split: str = "train", classes: int = 3, seed: int = 0) -> Manifest:
    """Pictures of noise, all different, whose class is their number modulo K."""
    rng = np.random.default_rng(seed)
    pictures = [Pixels(rng.integers(0, 256, (24, 24)).astype(np.uint8)) for _ in range(n)]
    return Manifest(
        labels=LabelSet(("happy", "sad", "neutral", "fear")[:classes]),
        label=np.arange(n) % classes,
        split=np.full(n, split),
        names=text_array([f"picture {i}" for i in range(n)]),
        pictures=pictures_array(pictures),
        subject=text_array([f"person {i // 3 % people}" for i in range(n)]) if people else None,
        source="noise",
    )


@pytest.mark.parametrize("count", [2, 3, 5])
def test_every_picture_is_tested_once(count: int) -> None:
    """Each fold tests its pictures, validates on a part of the next, trains on the rest; classes are divided alike."""
    folds = make_folds(world(), count, seed=1)
    tested = np.zeros(60, int)
    for fold in range(count):
        made = folds.splits(fold)
        tested += made.split == "test"
        for name in ("train", "validation", "test"):
            counts = np.bincount(made.label[made.split == name], minlength=3)
            assert counts.max() - counts.min() <= 2, (name, counts)
        assert abs((made.split == "validation").sum() - 30 / count) <= 2
    assert (tested == 1).all()
    assert (make_folds(world(), count, seed=1).fold == folds.fold).all()
    assert (make_folds(world(), count, seed=2).fold != folds.fold).any()


def test_people_and_copies_stay_together() -> None:
    """No person and no near copy is in two folds, nor in training and validation of one."""
    whole = world(people=11)
    pictures = whole.pictures.copy()
    pictures[59] = Pixels(np.clip(whole.load(0).astype(int) + 3, 0, 255).astype(np.uint8))
    import dataclasses

    folds = make_folds(dataclasses.replace(whole, pictures=pictures, _cache={}), 4)
    assert folds.manifest.subject is not None
    for fold in range(4):
        made = folds.splits(fold)
        for who in np.unique(folds.manifest.subject):
            assert len(np.unique(made.split[folds.manifest.subject == who])) == 1
    assert folds.fold[0] == folds.fold[59]


def test_the_test_split_takes_no_part() -> None:
    """Test pictures and their copies in training are left out; data without splits are taken whole."""
    whole = world()
    whole.split[40:] = "test"
    pictures = whole.pictures
    pictures[0] = pictures[50]
    assert sorted(pool(whole).rows) == list(range(1, 40))
    assert len(pool(whole, keep_leaks=True)) == 40
    assert len(pool(world(split=""))) == 60
    with pytest.raises(DataError, match="all in the test split"):
        pool(world(split="test"))


def test_too_few() -> None:
    """Folds that would be empty, or without a class, are refused with a sentence."""
    with pytest.raises(DataError, match="ask for fewer"):
        make_folds(world(people=3), 5)
    few = world(9, classes=3)
    few.label[:] = [0, 0, 0, 0, 0, 1, 1, 1, 2]
    with pytest.raises(DataError, match="has no picture of neutral"):
        make_folds(few, 3)


def test_a_table_of_folds(tmp_path: Path) -> None:
    """A table is read back as it was, and refused where it is damaged or the data have changed."""
    whole = world()
    folds = make_folds(whole, 3)
    path = tmp_path / "folds.csv"
    write_folds(path, folds)
    again = read_folds(path, whole)
    assert (again.fold == folds.fold).all()
    assert (again.half == folds.half).all()
    with pytest.raises(DataError, match="have changed"):
        read_folds(path, world(seed=9))
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="no table of folds"):
        read_folds(path, whole)
    with pytest.raises(DataError, match="Cannot read"):
        read_folds(tmp_path / "none.csv", whole)
