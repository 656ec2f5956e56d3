"""Cross-validation: pictures in folds, each of which is tested once by a model that saw nothing of it.

People, identical and nearly identical pictures stay in one fold, and every class is divided alike. A part of the next
fold validates (the best epoch, the calibration), so nothing is chosen on the pictures that a fold's figures come from.
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.files import atomic_write
from mien.data.audit import representatives
from mien.data.carve import training_where_unsplit
from mien.data.deal import class_counts, deal, together
from mien.data.manifest import NO_LABEL, Manifest
from mien.data.near import near_pairs

__all__ = ["Folds", "make_folds", "pool", "read_folds", "splits_of_table", "with_splits", "write_folds"]

_COLUMNS = ("row", "name", "label", "sha256", "fold", "half")


@dataclass(frozen=True, eq=False)
class Folds:
    """Which fold each picture is in.

    Args:
        manifest: N pictures.
        fold: (N,) int64 from 0.
        half: (N,) 0 or 1; the first half of the next fold validates, or all of it where a class is only in the second.

    """

    manifest: Manifest
    fold: NDArray[np.int64]
    half: NDArray[np.int64]

    @property
    def count(self) -> int:
        """Number of folds."""
        return int(self.fold.max()) + 1

    def splits(self, fold: int) -> Manifest:
        """The pictures with the splits of one fold (from 0): it is "test", a part of the next is "validation"."""
        following = self.fold == (fold + 1) % self.count
        half = following & (self.half == 0)
        missing = np.setdiff1d(_classes(self.manifest, following), _classes(self.manifest, half))
        validation = following if len(missing) and self.count > 2 else half
        split = np.full(len(self.fold), "train", "<U10")
        split[validation] = "validation"
        split[self.fold == fold] = "test"
        return dataclasses.replace(self.manifest, split=split)


def pool(manifest: Manifest, *, keep_leaks: bool = False) -> Manifest:
    """The pictures that folds are made of: those of the training and validation split, or all where there is no split.

    Pictures that also occur in the test split are left out, unless `keep_leaks`.

    Raises:
        DataError: there are none.

    """
    split = training_where_unsplit(manifest)
    rows = (split == "train") | (split == "validation")
    if not keep_leaks:
        rows &= ~np.isin(manifest.digests, manifest.digests[split == "test"])
    if not rows.any():
        raise DataError(f"{manifest.source} has no pictures for cross-validation: they are all in the test split.")
    return manifest.select(rows)


def make_folds(manifest: Manifest, count: int, *, seed: int = 0, say: Callable[[str], None] = lambda _: None) -> Folds:
    """Folds of a manifest.

    Args:
        manifest: the pictures, as `pool` gives them.
        count: number of folds, at least 2.
        seed: of the order; the same seed gives the same folds.
        say: is given a line for a person.

    Raises:
        DataError: there are too few groups that belong together, or a fold would train without a class.

    """
    near = near_pairs(manifest, representatives(manifest))
    group = together(manifest, near)
    counts = class_counts(manifest, group)
    rng = np.random.default_rng(seed)
    of_group = deal(counts, np.full(count, 1 / count), rng)
    half = np.zeros(len(counts), np.int64)
    for fold in range(count):
        members = np.flatnonzero(of_group == fold)
        if len(members):
            half[members] = deal(counts[members], np.full(2, 0.5), rng)
    folds = Folds(manifest, of_group[group], half[group])
    _check(folds, count)
    people = len(np.unique(manifest.subject[manifest.subject != ""])) if manifest.subject is not None else 0
    kept = f" {people:,} people, each in one fold;" if people else ""
    sizes = np.bincount(folds.fold, minlength=count)
    size = f"{sizes.min():,} to {sizes.max():,}"
    say(f"{len(manifest):,} pictures in {count} folds of {size};{kept} near copies together.")
    return folds


def _check(folds: Folds, count: int) -> None:
    name = folds.manifest.source
    if len(np.unique(folds.fold)) < count:
        raise DataError(f"{name}: too few pictures that do not belong together for {count} folds; ask for fewer.")
    for fold in range(count):
        made = folds.splits(fold)
        for split in ("train", "validation"):
            here = set(_classes(made, made.split == split).tolist())
            missing = [label for k, label in enumerate(made.labels) if k not in here]
            if missing:
                raise DataError(
                    f"{name}: with {count} folds, fold {fold + 1} has no picture of {', '.join(missing)} for its "
                    f"{split} part; ask for other folds, or leave the class out with --classes."
                )


def _classes(manifest: Manifest, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
    found = np.unique(manifest.label[rows])
    return np.asarray(found[found != NO_LABEL])


def write_folds(path: Path, folds: Folds) -> None:
    """Write a row per picture: its row in the data set, name, label, SHA-256, fold (from 1) and half.

    Raises:
        OutputError: the file cannot be written.

    """
    manifest = folds.manifest
    with atomic_write(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for i, row in enumerate(manifest.rows):
            label = manifest.labels.names[manifest.label[i]] if manifest.label[i] >= 0 else ""
            writer.writerow([row, manifest.names[i], label, manifest.digests[i], folds.fold[i] + 1, folds.half[i]])


def read_folds(path: Path, manifest: Manifest) -> Folds:
    """Folds of a table that `write_folds` wrote, for the same data set.

    Raises:
        DataError: the table cannot be read, or names pictures that the data set does not have.

    """
    rows = _table(path)
    try:
        where = {row["sha256"]: (int(row["fold"]) - 1, int(row["half"])) for row in rows}
    except (KeyError, ValueError) as error:
        raise DataError(f"{path} is no table of folds ({error!r}); train into a new folder.") from error
    part = manifest.select(np.isin(manifest.digests, sorted(where)))
    if not len(part) or len(part) != len(rows):
        raise DataError(f"The data have changed since {path} was written; train into a new folder.")
    places = np.array([where[digest] for digest in part.digests], np.int64)
    return Folds(part, places[:, 0], places[:, 1])


def with_splits(manifest: Manifest, splits: dict[str, str]) -> Manifest:
    """The pictures whose SHA-256 has a split in a mapping, with that split."""
    part = manifest.select(np.isin(manifest.digests, sorted(splits)))
    return dataclasses.replace(part, split=np.array([splits[digest] for digest in part.digests], "<U10"))


def splits_of_table(path: Path) -> dict[str, str]:
    """SHA-256 -> split, from a table of `mien.data.formats.selection`.

    Raises:
        DataError: the table cannot be read.

    """
    try:
        return {row["sha256"]: row["split"] for row in _table(path)}
    except KeyError as error:
        raise DataError(f"{path} has no column {error}.") from error


def _table(path: Path) -> Sequence[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"Cannot read {path}, which says which picture is where: {error!r}.") from error
