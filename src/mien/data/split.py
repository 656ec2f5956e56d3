"""Splits for data that has none: stratified by class, and without a person or a picture in two of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from mien.core.errors import DataError, OptionError
from mien.data.deal import class_counts, deal, together
from mien.data.manifest import SPLITS, Manifest
from mien.data.near import Near

__all__ = ["make_splits", "parse_parts"]


def parse_parts(text: str) -> tuple[float, float, float]:
    """Parts of training, validation and test in 0..1 from text such as "80/10/10".

    Raises:
        OptionError: not three numbers, or they do not make 100.

    """
    words = text.split("/")
    try:
        parts = [float(word) / 100 for word in words]
    except ValueError:
        parts = []
    if len(parts) != 3 or min(parts) < 0 or abs(sum(parts) - 1) > 1e-6:
        raise OptionError(f"Expected per cent for train/validation/test that make 100, such as 80/10/10, got {text!r}.")
    return parts[0], parts[1], parts[2]


def make_splits(
    manifest: Manifest, parts: Sequence[float] = (0.8, 0.1, 0.1), *, seed: int = 0, near: Near | None = None
) -> Manifest:
    """The same rows with new splits.

    Rows that belong together stay together: identical pictures, pictures of one subject, and near duplicates where
    they are given. These groups are taken in random order, the large ones first, and each goes to the split that
    lacks most of its classes; so every class is divided as asked, as far as the groups allow.

    Args:
        manifest: the pictures.
        parts: of training, validation and test, in 0..1; a split of 0 stays empty.
        seed: of the order; the same seed gives the same splits.
        near: near duplicates, from `mien.data.near.near_pairs`.

    Raises:
        DataError: there are too few groups to fill a split.

    """
    group = together(manifest, near)
    counts = class_counts(manifest, group)
    where = deal(counts, np.asarray(parts, np.float64), np.random.default_rng(seed))
    split = np.array(SPLITS)[where[group]]
    for name, part in zip(SPLITS, parts, strict=True):
        if part > 0 and not np.any(split == name):
            raise DataError(
                f"{manifest.source}: {len(counts):,} groups of pictures that belong together are too few to give "
                f"{part:.0%} to {name}; ask for other parts"
                + ("." if near is None else ", or leave out near duplicates (--no-near).")
            )
    return dataclasses.replace(manifest, split=split)
