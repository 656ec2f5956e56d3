"""A data set as a table: one row per picture, with its label, votes, split and where its pixels are.

`mien.data.formats` makes manifests from the layouts of files. Pictures are decoded when they are asked for.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.contract import Color, CropSpec
from mien.core.errors import DataError, OptionError, unknown_name
from mien.core.labels import LabelSet, concept
from mien.data.pictures import Array, Picture
from mien.data.stats import Stats, picture_facts, stats_of
from mien.infer.crop import fit_crops
from mien.pictures.listing import Passed

__all__ = ["NO_LABEL", "SPLITS", "Manifest", "pictures_array", "text_array"]

SPLITS = ("train", "validation", "test")
"""Names of splits, in the order in which they are shown; "" is a row without a split."""

NO_LABEL = -1
"""Label of a row that has none."""

Advance = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Manifest:
    """A data set, column-wise; N rows, K labels, V kinds of vote.

    Args:
        labels: names of the classes.
        label: (N,) int64, position in `labels`, or `NO_LABEL`.
        split: (N,) text, one of `SPLITS` or "".
        names: (N,) text, what a person calls the picture: a path, or a name in the table.
        pictures: (N,) objects with `load`, see `mien.data.pictures.Picture`.
        votes: (N, V) float32, how many people chose each of `vote_labels`, or None.
        vote_labels: V names.
        subject: (N,) text naming the person, "" where unknown, or None.
        group: (N,) text naming a group to report on, "" where unknown, or None.
        rows: (N,) position in the data set as it was read.
        expected: (N,) SHA-256 hex that the pixels must have, or None; see `mien.data.formats.selection`.
        unreadable: (name, reason) of every picture that could not be read and is therefore no row.
        passed: files of the folder or archive that are no part of the data set, counted by suffix.
        source: what was read, for messages.

    """

    labels: LabelSet
    label: NDArray[np.int64]
    split: NDArray[np.str_]
    names: NDArray[np.str_]
    pictures: NDArray[np.object_]
    votes: NDArray[np.float32] | None = None
    vote_labels: tuple[str, ...] = ()
    subject: NDArray[np.str_] | None = None
    group: NDArray[np.str_] | None = None
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    expected: NDArray[np.str_] | None = None
    unreadable: tuple[tuple[str, str], ...] = ()
    passed: Passed = field(default_factory=Passed)
    source: str = ""
    _cache: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        n = len(self.label)
        if not len(self.rows):
            object.__setattr__(self, "rows", np.arange(n, dtype=np.int64))
        for name, column in self._columns().items():
            if column is not None and len(column) != n:
                raise DataError(f"{self.source}: the column {name} has {len(column)} rows, the labels have {n}.")
        if n and not NO_LABEL <= self.label.min() <= self.label.max() < len(self.labels):
            raise DataError(f"{self.source}: labels must lie in 0..{len(self.labels) - 1}, got {self.label.max()}.")
        odd = sorted({str(s) for s in np.unique(self.split)} - {*SPLITS, ""})
        if odd:
            raise DataError(f"{self.source}: {unknown_name('split', odd[0], SPLITS)}")

    def __len__(self) -> int:
        return len(self.label)

    def _columns(self) -> dict[str, NDArray[Any] | None]:
        return {
            "label": self.label, "split": self.split, "names": self.names, "pictures": self.pictures,
            "votes": self.votes, "subject": self.subject, "group": self.group, "rows": self.rows,
            "expected": self.expected,
        }  # fmt: skip

    def load(self, i: int) -> Array:
        """Pixels of row i: (H, W) uint8 where the picture is grey, else (H, W, 3) uint8 BGR.

        Raises:
            DataError: the picture cannot be read; names it and the reason.

        """
        picture: Picture = self.pictures[i]
        try:
            return picture.load()
        except DataError as error:
            raise self._cannot_read(i, error) from error

    def encoded(self, i: int) -> bytes:
        """Row i as an image file that holds the same pixels.

        Raises:
            DataError: the picture cannot be read; names it and the reason.

        """
        picture: Picture = self.pictures[i]
        try:
            return picture.encoded()
        except DataError as error:
            raise self._cannot_read(i, error) from error

    def _cannot_read(self, i: int, error: DataError) -> DataError:
        name = self.names[i]
        return DataError(f"{self.source}: cannot read the picture {name}: {error}; remove the row or replace the file.")

    def crops(self, indices: ArrayLike, size: int, color: Color = "gray") -> Array:
        """Whole pictures of M rows as model crops: (M, S, S) uint8, or (M, S, S, 3) uint8 RGB for "rgb".

        Raises:
            DataError: a picture cannot be read.

        """
        images = [self.load(int(i)) for i in np.asarray(indices).reshape(-1)]
        return fit_crops(images, CropSpec(size, color=color))

    def select(self, rows: ArrayLike) -> Manifest:
        """The rows of a mask (N,) or of indices (M,), in that order; what is known about them is kept."""
        picked = np.asarray(rows)
        index = np.flatnonzero(picked) if picked.dtype == bool else picked.astype(np.int64).reshape(-1)
        columns: dict[str, Any] = {
            name: None if column is None else column[index] for name, column in self._columns().items()
        }
        part = dataclasses.replace(self, **columns, _cache={})
        known = self._known_stats()
        if known is not None:
            part._keep(known.take(index))
        return part

    def with_checked(self, stats: Stats, unreadable: tuple[tuple[str, str], ...]) -> Manifest:
        """The same rows with what one pass over the pixels told: their facts, and pictures that could not be read.

        Raises:
            DataError: a picture is not the one that was expected.

        """
        if self.expected is not None:
            changed = np.flatnonzero(self.expected != stats.digests)
            if len(changed):
                raise DataError(
                    f"{self.source}: {len(changed):,} pictures have changed since it was written, such as "
                    f"{self.names[changed[0]]}; run mien data audit --fix again."
                )
        checked = dataclasses.replace(self, unreadable=self.unreadable + unreadable, _cache={})
        checked._keep(stats)
        return checked

    def of_split(self, name: str) -> Manifest:
        """The rows of one split.

        Raises:
            OptionError: no split has such a name.
            DataError: the split is empty.

        """
        if name not in SPLITS:
            raise OptionError(unknown_name("split", name, SPLITS))
        part = self.select(self.split == name)
        if not len(part):
            counts = ", ".join(f"{key or 'no split'} {n}" for key, n in self.split_counts().items()) or "no rows"
            raise DataError(f"{self.source}: the split {name!r} has no pictures (there are: {counts}).")
        return part

    def split_counts(self) -> dict[str, int]:
        """Number of rows of every split that occurs, in the order of `SPLITS`, "" last."""
        counts = Counter(self.split.tolist())
        return {name: counts[name] for name in (*SPLITS, "") if counts[name]}

    def counts(self) -> NDArray[np.int64]:
        """Number of rows per class, (K,); rows without a label are not counted."""
        return np.bincount(self.label[self.label >= 0], minlength=len(self.labels))

    def with_labels(self, names: Sequence[str]) -> Manifest:
        """Only the rows of the named classes, numbered anew in the order of this set.

        Raises:
            DataError: a name is not one of the labels.

        """
        subset = self.labels.subset(names)
        numbers = np.array([NO_LABEL if n is None else n for n in self.labels.mapping_to(subset)], np.int64)
        label = np.where(self.label >= 0, numbers[self.label], NO_LABEL)
        return dataclasses.replace(self, labels=subset, label=label).select(label >= 0)

    @property
    def stats(self) -> Stats:
        """Digests, shapes and brightness of all pictures; the first use decodes them all.

        Raises:
            DataError: a picture cannot be read.

        """
        return self.measure()

    def measure(self, advance: Advance | None = None) -> Stats:
        """As `stats`; `advance(n)` is called as n more pictures are done."""
        known = self._known_stats()
        if known is None:
            known = stats_of([picture_facts(image) for image in self._load_all(advance)])
            self._keep(known)
        return known

    def _known_stats(self) -> Stats | None:
        """What was measured of these very pictures; a copy with other pictures shares the cache, but not the facts."""
        pictures, stats = self._cache.get("stats", (None, None))
        return stats if pictures is self.pictures else None

    def _keep(self, stats: Stats) -> None:
        self._cache["stats"] = (self.pictures, stats)

    def _load_all(self, advance: Advance | None) -> Iterator[Array]:
        for i in range(len(self)):
            yield self.load(i)
            if advance is not None:
                advance(1)

    @property
    def digests(self) -> NDArray[np.str_]:
        """SHA-256 hex of every picture's pixels with their shape, (N,); equal where every pixel is equal."""
        return self.stats.digests

    @property
    def digest(self) -> str:
        """SHA-256 hex of the contents: pixels, labels and splits, whatever the layout, names, spelling and order."""
        meaning = [concept(name) for name in self.labels]
        rows = sorted(
            f"{digest} {meaning[label] if label >= 0 else ''} {split}"
            for digest, label, split in zip(self.digests, self.label, self.split, strict=True)
        )
        return hashlib.sha256("\n".join(["|".join(sorted(meaning)), *rows]).encode()).hexdigest()


def text_array(texts: Sequence[str]) -> NDArray[np.str_]:
    """Texts as an array (N,)."""
    return np.array(texts, dtype=np.str_) if len(texts) else np.zeros(0, dtype="<U1")


def pictures_array(pictures: Sequence[Picture]) -> NDArray[np.object_]:
    """Pictures as an object array (N,)."""
    out = np.empty(len(pictures), dtype=object)
    out[:] = pictures
    return out
