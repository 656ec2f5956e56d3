"""New splits: divided as asked in every class, the same for the same seed, and without a picture or person in two."""

import dataclasses

import numpy as np
import pytest
from data_worlds import drawn
from hypothesis import given, settings
from hypothesis import strategies as st
from test_audit import table

from mien.core.errors import DataError, OptionError
from mien.data.audit import audit
from mien.data.manifest import text_array
from mien.data.near import near_pairs
from mien.data.split import make_splits, parse_parts


@pytest.fixture(scope="module")
def plain():
    """Two hundred pictures: 120 happy, 60 sad, 20 fear, without splits."""
    names = ["happy"] * 120 + ["sad"] * 60 + ["fear"] * 20
    return table([(drawn(i), name, "") for i, name in enumerate(names)])


def _counts(manifest) -> dict[str, list[int]]:
    return {split: manifest.of_split(split).counts()[[3, 4, 2]].tolist() for split in manifest.split_counts()}


def test_every_class_is_divided_as_asked(plain):
    """80/10/10 of 120, 60 and 20."""
    assert _counts(make_splits(plain)) == {"train": [96, 48, 16], "validation": [12, 6, 2], "test": [12, 6, 2]}


def test_a_seed_gives_the_same_splits(plain):
    """Repeatable, and another seed gives others."""
    first = make_splits(plain, seed=1).split

    assert np.array_equal(first, make_splits(plain, seed=1).split)
    assert not np.array_equal(first, make_splits(plain, seed=2).split)


def test_people_and_copies_stay_together(plain):
    """Four pictures of each person, and a copy of picture 0 under another name."""
    pictures = plain.pictures.copy()
    pictures[199] = pictures[0]
    people = text_array([f"p{i // 4}" for i in range(200)])
    split = make_splits(dataclasses.replace(plain, pictures=pictures, subject=people, _cache={}))
    found = audit(split)

    assert found.subjects == ()
    assert found.between() == {"validation in train": 0, "test in train": 0, "test in validation": 0}
    assert abs(split.split_counts()["train"] - 160) <= 8


def test_near_duplicates_stay_together():
    """A picture and its brighter copy are in one split, for every pair of twenty."""
    rows = [(drawn(i), "happy", "") for i in range(20)]
    rows += [(np.clip(drawn(i) * 1.1 + 5, 0, 255), "happy", "") for i in range(20)]
    manifest = table(rows)
    split = make_splits(manifest, (0.5, 0.25, 0.25), near=near_pairs(manifest, np.arange(40)))

    assert split.split[:20].tolist() == split.split[20:].tolist()


def test_an_empty_part_stays_empty(plain):
    """Training and test only."""
    assert make_splits(plain, (0.9, 0.0, 0.1)).split_counts() == {"train": 180, "test": 20}


def test_too_few_people():
    """Two people cannot fill three splits."""
    manifest = table([(drawn(i), "happy", "") for i in range(6)], subject=text_array(list("aaabbb")))

    with pytest.raises(DataError, match="2 groups of pictures that belong together are too few"):
        make_splits(manifest)


@given(
    labels=st.lists(st.integers(0, 3), min_size=30, max_size=60),
    people=st.integers(10, 60),
    seed=st.integers(0, 5),
)
@settings(max_examples=40, deadline=None)
def test_nobody_is_in_two_splits(labels, people, seed):
    """For any data: every row has a split, and no person has two."""
    names = ("happy", "sad", "fear", "angry")
    subject = text_array([f"p{i % people}" for i in range(len(labels))])
    manifest = table([(np.full((2, 2), i), names[k], "") for i, k in enumerate(labels)], subject=subject)
    split = make_splits(manifest, (0.6, 0.2, 0.2), seed=seed)

    assert "" not in split.split_counts()
    assert len({*zip(subject.tolist(), split.split.tolist(), strict=True)}) == len(set(subject.tolist()))


@pytest.mark.parametrize("text", ["80/10", "80/10/20", "a/b/c", "120/-10/-10", ""])
def test_parts_that_make_no_sense(text):
    """Three numbers that make a hundred, or a sentence."""
    with pytest.raises(OptionError, match="such as 80/10/10"):
        parse_parts(text)


def test_parts():
    """Per cent become parts."""
    assert parse_parts("70/20/10") == pytest.approx((0.7, 0.2, 0.1))
