"""Public data sets that are recognised by their columns, and what these mean here.

ExpW (Zhang et al. 2016) as crops: `label` in FER-2013's order, `group` names the photograph, so that several faces of
one photograph are drawn together when figures are resampled, and `side` is the size of the face in its photograph, by
which figures are grouped.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mien.core.labels import FER2013
from mien.data.formats.numbered import Names, names_of

__all__ = ["EXPW_SIZES", "expw_names", "is_expw", "size_groups"]

EXPW_SIZES = (64, 96, 192)
"""Sides of the crop in the photograph, in pixels, at which the groups of sizes begin and end."""

_NUMBERS = {str(i) for i in range(len(FER2013))}
_EXPW = {"image", "label", "group", "side"}


def is_expw(columns: Sequence[str]) -> bool:
    """Whether a table has ExpW's columns: a picture, a label, the photograph, and the crop's side in it."""
    return set(columns) >= _EXPW


def expw_names(texts: Sequence[str]) -> Names | None:
    """FER-2013's order, where all labels are its numbers."""
    return names_of("fer2013") if all(text in _NUMBERS for text in texts if text) else None


def size_groups(side: NDArray[np.float64]) -> NDArray[np.str_]:
    """Name of the group of every crop by its side (N,) in pixels of the photograph."""
    edges = EXPW_SIZES
    names = [f"crops below {edges[0]} px"]
    names += [f"crops of {low} to {high - 1} px" for low, high in pairwise(edges)]
    names += [f"crops of {edges[-1]} px and more"]
    return np.array(names)[np.digitize(side, edges)]
