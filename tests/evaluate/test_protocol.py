"""Which pictures are judged, and by which label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from judging_worlds import manifest_of, squares

from mien.core.errors import DataError, InputError, OptionError
from mien.core.labels import FER2013, FERPLUS, FERPLUS_VOTES
from mien.data import Manifest, read
from mien.evaluate.protocol import majority, make_task


@pytest.mark.parametrize(
    ("votes", "label"),
    [
        ((9, 1, 0, 0, 0, 0, 0, 0, 0, 0), "neutral"),
        ((5, 5, 0, 0, 0, 0, 0, 0, 0, 0), None),  # half is not more than half
        ((5, 4, 1, 0, 0, 0, 0, 0, 0, 0), "neutral"),  # 5 of 9, once the single vote is dropped
        ((4, 3, 3, 0, 0, 0, 0, 0, 0, 0), None),
        ((3, 1, 1, 1, 1, 1, 1, 1, 0, 0), "neutral"),  # only 3 votes are left, all of them its own
        ((1, 1, 1, 1, 1, 1, 1, 1, 1, 1), None),
        ((0, 0, 0, 0, 0, 0, 0, 2, 8, 0), None),
        ((0, 0, 0, 0, 0, 0, 0, 0, 0, 10), None),
        ((0, 0, 0, 0, 0, 0, 0, 6, 4, 0), "contempt"),
        ((0, 0, 0, 0, 0, 0, 0, 0, 0, 0), None),
    ],
)
def test_ferplus_majority_by_hand(votes: tuple[int, ...], label: str | None):
    """FER+'s rule by hand: single votes fall away, the winner needs more than half of the rest, unknown and NF
    never win.
    """
    expected = -1 if label is None else FERPLUS.index(label)
    assert majority([votes], FERPLUS_VOTES.names).tolist() == [expected]


def test_ferplus_majority_wants_ten_columns():
    """Another number of vote columns is refused."""
    with pytest.raises(InputError, match=r"\(images, 10\), got \(1, 8\)"):
        majority(np.zeros((1, 8)), FERPLUS_VOTES.names)


def test_ferplus_majority_counts(fer2013: Path):
    """On the real votes the rule gives the counts of the FER+ authors' own reader: 25,060, 3,199 and 3,153 pictures."""
    manifest = read(fer2013, check=False)
    counts = {}
    for split in ("train", "validation", "test"):
        task = make_task(manifest.of_split(split), FERPLUS.names)
        assert task.protocol == "ferplus-majority"
        counts[split] = len(task)
    assert counts == {"train": 25060, "validation": 3199, "test": 3153}
    of_class = np.bincount(task.label, minlength=8)
    assert dict(zip(FERPLUS, of_class.tolist(), strict=True)) == {
        "neutral": 1090, "happiness": 893, "surprise": 396, "sadness": 384,
        "anger": 273, "disgust": 18, "fear": 83, "contempt": 16,
    }  # fmt: skip
    assert task.left_out == {"no majority": 436}


def test_seven_labels_are_judged_by_labels(fer2013: Path):
    """A model with seven labels is judged by the labels of FER-2013 even where votes exist, all 3,589 of them."""
    task = make_task(read(fer2013, check=False).of_split("test"), FER2013.names)
    assert (task.protocol, len(task), task.left_out) == ("labels", 3589, {})
    assert task.votes is not None
    assert task.votes.shape == (3589, 7)


def voted() -> Manifest:
    """Three pictures with FER+ votes, in another order of columns than usual."""
    votes = np.zeros((3, 10), np.float32)
    votes[0, FERPLUS_VOTES.index("happiness")] = 10
    votes[1, FERPLUS_VOTES.index("contempt")] = 10
    votes[2, FERPLUS_VOTES.index("unknown")] = 10
    order = [9, 3, 1, 0, 2, 4, 8, 7, 6, 5]
    names = tuple(FERPLUS_VOTES.names[i] for i in order)
    return manifest_of(
        squares([0.1, 0.5, 0.9]), [3, 6, 4], ["test"] * 3, FER2013.names, votes=votes[:, order], vote_labels=names
    )


def test_votes_are_found_by_name():
    """Columns of votes are found by name; classes that the model lacks are counted under their names."""
    eight = make_task(voted(), FERPLUS.names)
    assert (eight.rows.tolist(), eight.label.tolist()) == ([0, 1], [FERPLUS.index("happy"), FERPLUS.index("contempt")])
    assert eight.left_out == {"no majority": 1}
    seven = make_task(voted(), FER2013.names, "ferplus-majority")
    assert (seven.rows.tolist(), seven.label.tolist()) == ([0], [FER2013.index("happy")])
    assert seven.left_out == {"no majority": 1, "contempt": 1}
    assert seven.votes is not None
    assert seven.votes[0, FER2013.index("happy")] == 10


def test_labels_are_matched_by_meaning():
    """Labels are matched by meaning, whatever their spelling and order; what the model lacks is counted, not
    dropped.
    """
    manifest = manifest_of(squares([0.1, 0.5, 0.9, 0.4]), [0, 1, 2, -1], ["test"] * 4, ("Anger", "joy", "puzzled"))
    task = make_task(manifest, ("happy", "angry"))
    assert (task.rows.tolist(), task.label.tolist()) == ([0, 1], [1, 0])
    assert task.left_out == {"puzzled": 1, "no label": 1}
    assert task.votes is None


def test_nothing_to_judge_is_refused():
    """Without a common class, or without votes where the protocol needs them, the sentence says what is there."""
    manifest = manifest_of(squares([0.1, 0.5]), [0, 1], ["test"] * 2, ("puzzled", "bored"))
    with pytest.raises(DataError, match=r"none of its 2 pictures .* puzzled 1, bored 1"):
        make_task(manifest, ("happy", "angry"))
    with pytest.raises(DataError, match="ten vote columns"):
        make_task(manifest, FERPLUS.names, "ferplus-majority")
    with pytest.raises(OptionError, match="Unknown protocol 'majority'"):
        make_task(manifest, ("happy",), "majority")
