"""The order in which people would list groups of pictures."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["NOT_KNOWN", "THIRDS", "Place", "place_of"]

NOT_KNOWN = "no landmarks found"
"""Group of the pictures whose pose is not known."""
THIRDS = ("lowest third", "middle third", "highest third")
"""Groups of what has no scale of its own."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class Place(NamedTuple):
    """What a group is sorted by.

    Args:
        unknown: whether it holds the pictures that nothing is known of; these come last.
        start: its first number, or which third it is; -1 for a name without.
        above: False for "below" that number.
        name: decides where nothing else does.

    """

    unknown: bool
    start: float
    above: bool
    name: str


def place_of(group: str) -> Place:
    """Place of a group by its name, for `sorted`: "below 10", "10 to 20", "from 20"; thirds from the lowest up."""
    number = _NUMBER.search(group)
    start = float(number.group()) if number else float(THIRDS.index(group)) if group in THIRDS else -1.0
    return Place(group in {"", NOT_KNOWN, "unknown"}, start, "below" not in group, group)
