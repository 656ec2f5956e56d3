"""Label sets: spellings, positions, and mapping from one vocabulary to another."""

import pytest

from mien.core.errors import DataError
from mien.core.labels import FER2013, FERPLUS, LabelSet, concept


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [("Anger", "angry"), ("FEARFUL", "fear"), ("happiness ", "happy"), ("no_face", "nf"), ("smug-ish", "smug ish")],
)
def test_concept_of_a_spelling(spelling, expected):
    """Every spelling of a known expression means the same; an unknown name stands for itself."""
    assert concept(spelling) == expected


def test_fer2013_order_is_that_of_the_official_file():
    """The order that fer2013.csv documents: 0 angry ... 6 neutral."""
    assert FER2013.names == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def test_index_takes_any_spelling_and_digits():
    """A class may be called by its name, by another spelling, or by its number."""
    assert [FER2013.index(n) for n in ("happy", "Happiness", "3")] == [3, 3, 3]
    assert "Joy" in FER2013
    assert "contempt" not in FER2013


def test_unknown_label_names_the_nearest():
    """The message helps: it names the nearest label and all known ones."""
    with pytest.raises(DataError, match=r"Unknown label 'hapy'\. Did you mean 'happy'\?"):
        FER2013.index("hapy")
    with pytest.raises(DataError, match="Unknown label '7'"):
        FER2013.index("7")


def test_mapping_between_vocabularies():
    """FER-2013 into FER+: angry is anger (4), neutral is neutral (0); the other way round contempt has no place."""
    assert FER2013.mapping_to(FERPLUS) == (4, 5, 6, 1, 3, 2, 0)
    assert FERPLUS.mapping_to(FER2013)[-1] is None


def test_subset_keeps_order():
    """A subset has the order of the set, not of the request."""
    assert FER2013.subset(["Neutral", "happy", "surprised", "sad"]).names == ("happy", "sad", "surprise", "neutral")


@pytest.mark.parametrize("names", [(), ("happy", "joy"), ("happy", " ")])
def test_impossible_label_sets_are_refused(names):
    """No label, two that mean the same, or an empty name."""
    with pytest.raises(DataError):
        LabelSet(names)
