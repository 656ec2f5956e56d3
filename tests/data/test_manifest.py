"""The table itself: selection, subsets, digests and crops."""

import dataclasses

import numpy as np
import pytest
from data_worlds import drawn, kaggle_csv, make_world

from mien.core.errors import DataError, OptionError
from mien.core.labels import FER2013, LabelSet
from mien.data import Manifest, read
from mien.data.manifest import pictures_array, text_array
from mien.data.pictures import Pixels, digest_of


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """The small world as Kaggle's CSV."""
    return read(kaggle_csv(make_world(), tmp_path_factory.mktemp("set") / "fer2013.csv", votes=True))


def test_select_keeps_columns_together(manifest):
    """Every column of a selected row is that of the row, and what was measured stays known."""
    part = manifest.select([5, 2])

    assert part.rows.tolist() == [5, 2]
    assert part.names.tolist() == manifest.names[[5, 2]].tolist()
    assert np.array_equal(part.votes, manifest.votes[[5, 2]])
    assert part.digests.tolist() == [digest_of(part.load(0)), digest_of(part.load(1))]
    assert len(manifest.select(manifest.split == "test")) == 7


def test_with_labels_numbers_anew(manifest):
    """Four of the classes, in the order of the set and numbered from 0; the other rows go."""
    part = manifest.with_labels(["neutral", "joy", "sad", "surprise"])

    assert part.labels.names == ("happy", "sad", "surprise", "neutral")
    assert part.counts().tolist() == [4, 4, 4, 4]
    assert {part.labels.names[label] for label in part.label} == set(part.labels)
    assert part.digests.tolist() == [
        d for d, label in zip(manifest.digests, manifest.label, strict=True) if FER2013.names[label] in part.labels
    ]


def test_crops(manifest):
    """The shapes that models take; at the pictures' own size the pixels are the pictures'."""
    assert manifest.crops([0, 3], 48).shape == (2, 48, 48)
    assert manifest.crops([0], 24, "rgb").shape == (1, 24, 24, 3)
    assert np.array_equal(manifest.crops([3], 48)[0], manifest.load(3))


def test_digest_is_of_the_contents(manifest):
    """The order of rows and their names do not matter; a label, a split and a pixel do."""
    shuffled = manifest.select(np.random.default_rng(0).permutation(len(manifest)))
    assert shuffled.digest == manifest.digest
    assert dataclasses.replace(manifest, names=text_array(["x"] * 28)).digest == manifest.digest

    label = manifest.label.copy()
    label[0] = 1 - label[0]
    assert dataclasses.replace(manifest, label=label).digest != manifest.digest
    split = manifest.split.copy()
    split[0] = "test"
    assert dataclasses.replace(manifest, split=split).digest != manifest.digest
    pictures = manifest.pictures.copy()
    changed = manifest.load(0).copy()
    changed[0, 0] ^= 1
    pictures[0] = Pixels(changed)
    assert dataclasses.replace(manifest, pictures=pictures).digest != manifest.digest


def test_spelling_does_not_change_the_digest(manifest):
    """The same classes under FER+'s names are the same contents."""
    names = LabelSet(("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"))

    assert dataclasses.replace(manifest, labels=names).digest == manifest.digest


def test_unknown_split(manifest):
    """A slip is answered with the right word."""
    with pytest.raises(OptionError, match="Did you mean 'validation'"):
        manifest.of_split("validatoin")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"split": text_array(["train"])}, "column split has 1 rows, the labels have 2"),
        ({"label": np.array([0, 7])}, r"labels must lie in 0\.\.6, got 7"),
        ({"split": text_array(["train", "late"])}, "Unknown split 'late'"),
    ],
)
def test_a_table_that_contradicts_itself(change, words):
    """A manifest cannot be made from columns that do not fit."""
    fields = {
        "labels": FER2013,
        "label": np.array([0, 1]),
        "split": text_array(["train", "test"]),
        "names": text_array(["a", "b"]),
        "pictures": pictures_array([Pixels(drawn(0)), Pixels(drawn(1))]),
    }

    with pytest.raises(DataError, match=words):
        Manifest(**(fields | change))
