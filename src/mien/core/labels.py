"""Names of expressions: ordered label sets, spellings, and mapping from one vocabulary to another.

The only module that knows an order of labels. Elsewhere a label is found by its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mien.core.errors import DataError, unknown_name
from mien.core.text import whole_number

__all__ = ["CONCEPTS", "FER2013", "FERPLUS", "FERPLUS_VOTES", "ORDERS", "LabelSet", "concept"]

# Spellings that data sets use for the same expression; the first one of a row names the concept.
_SPELLINGS: tuple[tuple[str, ...], ...] = (
    ("angry", "anger", "mad"),
    ("disgust", "disgusted"),
    ("fear", "fearful", "afraid", "scared"),
    ("happy", "happiness", "joy", "smile", "smiling"),
    ("sad", "sadness"),
    ("surprise", "surprised", "astonished"),
    ("neutral", "neutrality", "calm", "natural"),
    ("contempt", "contemptuous"),
    ("unknown", "unsure", "other"),
    ("nf", "no face", "noface", "not a face"),
)
CONCEPTS: Mapping[str, str] = {spelling: row[0] for row in _SPELLINGS for spelling in row}
"""Every known spelling, tidied, and the concept that it means."""


def _tidy(name: str) -> str:
    return " ".join(name.strip().lower().replace("_", " ").replace("-", " ").split())


def concept(name: str) -> str:
    """What a class name means, whatever its spelling: `anger`, `Angry` and `ANGRY ` are all `angry`.

    A name that is not known stands for itself, tidied to lower case with single spaces.
    """
    tidy = _tidy(name)
    return CONCEPTS.get(tidy, tidy)


@dataclass(frozen=True)
class LabelSet:
    """Ordered, distinct names of expressions; position i is output i of a model.

    Args:
        names: the names, as they are shown and written.

    Raises:
        DataError: no name, an empty one, one that cannot be shown, or two that mean the same.

    """

    names: tuple[str, ...]
    _index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __init__(self, names: Iterable[str]) -> None:
        ordered = tuple(names)
        index: dict[str, int] = {}
        for i, name in enumerate(ordered):
            meaning = concept(name)
            if not name.isprintable():
                raise DataError(f"The name of label {i}, {name!r}, holds characters that cannot be shown; rename it.")
            if not meaning:
                raise DataError(f"Label {i} has an empty name; give every label a name.")
            if meaning in index:
                raise DataError(f"Labels {ordered[index[meaning]]!r} and {name!r} mean the same; keep one of them.")
            index[meaning] = i
        if not ordered:
            raise DataError("A label set needs at least one name, got none.")
        object.__setattr__(self, "names", ordered)
        object.__setattr__(self, "_index", index)

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and concept(name) in self._index

    def index(self, name: str) -> int:
        """Position of a name in any known spelling, or of a position written as digits.

        Raises:
            DataError: the name is not in this set.

        """
        meaning = concept(name)
        if meaning in self._index:
            return self._index[meaning]
        position = whole_number(meaning)
        if position is not None and position < len(self.names):
            return position
        raise DataError(unknown_name("label", name, self.names))

    def mapping_to(self, other: LabelSet) -> tuple[int | None, ...]:
        """Position in `other` of each label of this set, None where `other` has no such expression."""
        return tuple(other._index.get(concept(name)) for name in self.names)

    def subset(self, names: Sequence[str]) -> LabelSet:
        """The named labels, in the order of this set and in its spelling.

        Raises:
            DataError: a name is not in this set.

        """
        wanted = {self.index(name) for name in names}
        return LabelSet(name for i, name in enumerate(self.names) if i in wanted)


FER2013 = LabelSet(("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"))
"""Order of `fer2013.csv` (Goodfellow et al. 2013)."""

FERPLUS = LabelSet(("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"))
"""Order of the FER+ labels (Barsoum et al. 2016), without `unknown` and `NF`."""

FERPLUS_VOTES = LabelSet((*FERPLUS.names, "unknown", "NF"))
"""The ten vote columns of `fer2013new.csv`."""

# Name of a data set that has numbers instead of names: the first number, and the names in order.
ORDERS: Mapping[str, tuple[int, LabelSet]] = {
    "fer2013": (0, FER2013),
    "ferplus": (0, FERPLUS),
    "raf-db": (1, LabelSet(("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"))),
    "affectnet": (
        0, LabelSet(("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")),
    ),
    "expw": (0, FER2013),
}  # fmt: skip
"""Also those of RAF-DB (Li et al. 2017), AffectNet (Mollahosseini et al. 2019) and ExpW (Zhang et al. 2018)."""
