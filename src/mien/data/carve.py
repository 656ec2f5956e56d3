"""A validation split out of the training pictures alone: grouped, stratified, without leaks; test stays untouched."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.data.audit import representatives
from mien.data.manifest import Manifest
from mien.data.near import near_pairs
from mien.data.split import make_splits

__all__ = [
    "carve_validation", "refuse_without_validation", "training_where_unsplit", "validation_digests", "with_validation",
]  # fmt: skip

Say = Callable[[str], None]


def refuse_without_validation(manifest: Manifest, part: float) -> None:
    """Check, before any picture is decoded, that a data set has a validation split or that one is to be taken out.

    Raises:
        DataError: it has none, and none is to be taken out.
        OptionError: one is to be taken out although it has one.

    """
    counts = manifest.split_counts()
    shown = ", ".join(f"{split or 'no split'}: {n:,}" for split, n in counts.items())
    if part and counts.get("validation"):
        raise OptionError(
            f"{manifest.source} has a validation split of {counts['validation']:,} pictures already; leave out "
            "--validation."
        )
    if part or counts.get("validation"):
        return
    stays = "; the test pictures stay untouched" if counts.get("test") else ""
    raise DataError(
        f"{manifest.source} has no validation split ({shown}), by which the best epoch is chosen. Train with "
        f"--validation 0.1: a tenth of the training pictures is taken out for it{stays}."
    )


def carve_validation(manifest: Manifest, part: float, *, seed: int = 0, say: Say = lambda _: None) -> Manifest:
    """The same rows, with a part of the training pictures in the split "validation".

    Every class is divided alike; a person's pictures, identical and nearly identical ones stay together, so nothing of
    the new split is in training. Where no picture has a split, all of them count as training pictures.

    Args:
        manifest: the pictures.
        part: of the training pictures, in 0..1.
        seed: the same seed takes the same pictures.
        say: is given a line for a person.

    Raises:
        OptionError: there is a validation split already.
        DataError: there are no training pictures, or too few of them.

    """
    refuse_without_validation(manifest, part)
    split = training_where_unsplit(manifest)
    rows = np.flatnonzero(split == "train")
    if not len(rows):
        raise DataError(f"{manifest.source} has no training pictures to take a validation split out of.")
    training = manifest.select(rows)
    near = near_pairs(training, representatives(training))
    made = make_splits(training, (1 - part, part, 0.0), seed=seed, near=near)
    split[rows] = made.split
    count = int((made.split == "validation").sum())
    say(f"{count:,} of the {len(rows):,} training pictures are taken out for validation.")
    return dataclasses.replace(manifest, split=split)


def with_validation(manifest: Manifest, digests: set[str]) -> Manifest:
    """The same rows, with the training pictures of these SHA-256 digests in the split "validation"."""
    split = training_where_unsplit(manifest)
    split[np.isin(manifest.digests, sorted(digests)) & (split == "train")] = "validation"
    return dataclasses.replace(manifest, split=split)


def training_where_unsplit(manifest: Manifest) -> NDArray[np.str_]:
    """The splits (N,); where no picture has one, all are training pictures."""
    if np.any(manifest.split != ""):
        return manifest.split.astype("<U10")
    return np.full(len(manifest), "train", "<U10")


def validation_digests(table: Path) -> set[str]:
    """SHA-256 of the validation pictures that a table of `mien.data.formats.selection` names.

    Raises:
        DataError: the table cannot be read.

    """
    try:
        with table.open(encoding="utf-8", newline="") as file:
            return {row["sha256"] for row in csv.DictReader(file) if row["split"] == "validation"}
    except (OSError, KeyError, ValueError, csv.Error) as error:
        raise DataError(f"Cannot read {table}, which says which pictures validate: {error!r}.") from error
