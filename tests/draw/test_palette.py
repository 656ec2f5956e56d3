"""Two classes never look alike, whatever their names; known expressions keep their colours."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mien.core.colour import SIGHTS, lab_of
from mien.draw.lettering import colour_of
from mien.draw.palette import KNOWN, colours_of, hex_of, line_colours

LEAST = {"usual": 21.0, "protanopia": 13.0, "deuteranopia": 13.0}
"""CIELAB distance from an own name's colour to every other; 2.3 can just be told apart (Mahy et al. 1994)."""


@pytest.mark.parametrize("size", range(2, 13))
def test_all_label_sets(size: int) -> None:
    """In every set of known expressions and own names up to 12 classes, own names are far from all others.

    Colours depend on which known expressions there are and on how many own names, so these are all sets.
    """
    for known in range(min(size, len(KNOWN)) + 1):
        for names in itertools.combinations(KNOWN, known):
            labels = [*names, *(f"own {i:02}" for i in range(size - known))]
            found = colours_of(labels)
            assert [found[name] for name in names] == [KNOWN[name] for name in names]
            own = np.arange(size) >= known
            for sight, least in LEAST.items():
                lab = lab_of(np.array(list(found.values())), sight)
                apart = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
                pairs = (own[:, None] | own[None]) & ~np.eye(size, dtype=bool)
                assert not pairs.any() or apart[pairs].min() >= least, (labels, sight)
    assert set(LEAST) == set(SIGHTS)


def test_furious_and_joy() -> None:
    """The two that were both yellow are not; the order of a set and the spelling of a name do not matter."""
    labels = ["furious", "joy", "calm", "bored"]
    found = colours_of(labels)
    assert found["joy"] == KNOWN["happy"]
    assert np.linalg.norm(lab_of(found["furious"]) - lab_of(found["joy"])) > 40
    assert colours_of(labels[::-1]) == found
    assert colours_of(["Furious ", "happy", "bored", "calm"])["Furious "] == found["furious"]
    assert colour_of("furious", labels) == found["furious"]
    assert colour_of("anything", labels) == colour_of("anything")


def test_lines_on_white() -> None:
    """Lines of several runs have colours of their own, dark enough for paper."""
    colours = line_colours(12)
    assert len(set(colours)) == 12
    assert line_colours(1) == colours[:1]
    assert all(lab_of([int(c[i : i + 2], 16) for i in (1, 3, 5)])[0] < 75 for c in colours)
    assert hex_of((1, 255, 16)) == "#01ff10"
