"""What the readers of all layouts share: names of splits, labels from text or numbers, and the options of reading."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, unknown_name
from mien.core.labels import FER2013, FERPLUS, FERPLUS_VOTES, LabelSet, concept
from mien.core.text import whole_number
from mien.data.formats.numbered import Names
from mien.data.manifest import NO_LABEL, Manifest
from mien.data.trees import Tree
from mien.pictures.listing import Passed

__all__ = ["Hints", "Reader", "labels_of", "name_of", "passed_over", "split_of", "vote_name"]

_SPLIT_NAMES = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
    "public": "validation", "publictest": "validation",
    "test": "test", "testing": "test", "private": "test", "privatetest": "test",
}  # fmt: skip


_FROM_0 = tuple(range(len(FER2013)))


@dataclass(frozen=True)
class Hints:
    """What the caller knows about a data set and the files may not say.

    Args:
        labels: the class names with their numbers, where labels are numbers without names.
        subject: the column that names people.
        depth: how many selections (`mien.data.formats.selection`) led here.

    """

    labels: Names | None = None
    subject: str = "subject"
    depth: int = 0


class Reader(Protocol):
    """The module of one layout."""

    LAYOUT: str
    """What a person calls the layout."""

    def recognises(self, tree: Tree) -> bool:
        """Whether a tree looks like this layout; cheap, and never raises for odd contents."""
        ...

    def read(self, tree: Tree, hints: Hints) -> Manifest:
        """The rows, without having decoded any picture.

        Raises:
            DataError: the contents contradict the layout.

        """
        ...


def name_of(tree: Tree, name: str) -> str:
    """A file of a tree as messages call it: the path itself where the tree is that one file."""
    return tree.source if tree.names == (name,) and tree.source.endswith(name) else f"{tree.source}/{name}"


def passed_over(tree: Tree, used: Iterable[str]) -> Passed:
    """The files of a tree that are no part of the data set, counted by suffix.

    Args:
        tree: the folder or archive.
        used: names of the files that are.

    """
    return Passed(set(tree.names).difference(used))


def split_of(name: str) -> str | None:
    """The split that a name means (`val`, `PublicTest`, `train-00000-of-00002`), or None."""
    word = name.strip().lower()
    if word in _SPLIT_NAMES:
        return _SPLIT_NAMES[word]
    return _SPLIT_NAMES.get(re.split(r"[-_. ]", word, maxsplit=1)[0])


def labels_of(
    texts: Sequence[str], hints: Hints, where: str, lines: Sequence[int] = ()
) -> tuple[LabelSet, NDArray[np.int64]]:
    """Label set and (N,) numbers from the labels as written: names in any spelling, or digits; "" is no label.

    Names take the order of FER-2013 or FER+ where all of them occur there, else that of the alphabet. Digits mean the
    order of FER-2013 where none is greater than 6; a caller who knows better gives the names.

    Args:
        texts: N labels.
        hints: may give the names.
        where: the file or folder, for messages.
        lines: N lines of the file, for messages, where it has lines.

    Raises:
        DataError: a label that the given names lack, digits without a known order, or no label at all.

    """
    distinct = sorted({text.strip() for text in texts} - {""})
    if not texts:
        raise DataError(f"{where}: it has no rows.")
    if not distinct:
        raise DataError(f"{where}: no row has a label; give every picture a class.")
    names = hints.labels or Names(_order_of(distinct), _FROM_0)
    labels, number = names.labels, {}
    present = [n for text in distinct if (n := whole_number(text)) is not None]
    for text in distinct:
        try:
            number[text] = _position(text, names, present)
        except DataError as error:
            first = next(i for i, other in enumerate(texts) if other.strip() == text)
            line = f", line {lines[first]}" if lines else ""
            raise DataError(f"{where}{line}: {error}{_advice(text, hints)}") from error
    return labels, np.array([number.get(text.strip(), NO_LABEL) for text in texts], np.int64)


def _position(text: str, names: Names, present: Sequence[int]) -> int:
    number = whole_number(text)
    if number is None:
        return names.labels.index(text)
    found = names.position(number, present)
    if found is None:
        raise DataError(unknown_name("label", text, names.labels.names))
    return found


def _advice(text: str, hints: Hints) -> str:
    if whole_number(text) is None:
        return ""
    if hints.labels:
        numbers = hints.labels.numbers or range(len(hints.labels.labels))
        named = ", ".join(f"{n}={name}" for n, name in zip(numbers, hints.labels.labels, strict=True))
        return f" The numbers that have names: {named}."
    return (
        " Where numbers mean other classes, say which with --labels (in Python: labels=): raf-db, affectnet, expw, the "
        "names in order, or 1=sad,2=happy."
    )


def _order_of(distinct: Sequence[str]) -> LabelSet:
    """The label set that labels seem to come from; it may lack some of them, where digits and names are mixed."""
    if any(whole_number(name) is not None for name in distinct):
        return FER2013
    by_meaning: dict[str, str] = {}
    for name in distinct:
        by_meaning.setdefault(concept(name), name)
    for known in (FER2013, FERPLUS):
        if all(meaning in known for meaning in by_meaning):
            return known.subset(list(by_meaning))
    return LabelSet(by_meaning[meaning] for meaning in sorted(by_meaning))


def vote_name(name: str) -> str:
    """A kind of vote as FER+ spells it, or as it is where FER+ has no such kind."""
    return FERPLUS_VOTES.names[FERPLUS_VOTES.index(name)] if name in FERPLUS_VOTES else name
