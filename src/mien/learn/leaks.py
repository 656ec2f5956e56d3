"""What training must not see, and data that cannot be trained on: leaks, empty classes, missing splits.

Works on digests and labels; knows no networks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import TrainError
from mien.data.manifest import Manifest

__all__ = ["MOST_LEAKED", "Splits", "split_for_training"]

MOST_LEAKED = 0.2
"""Largest share of a validation or test split that may occur in the training split."""


@dataclass(frozen=True, eq=False)
class Splits:
    """What a run trains on and what it is judged by.

    Args:
        train: rows to train on.
        validation: rows to choose by.
        removed: training rows left out because a validation or test picture equals them.
        leaked: pictures of "validation" and "test" that occur in the training split of the data set.
        kept: whether leaked pictures stayed in training, as --keep-leaks asks.

    """

    train: Manifest
    validation: Manifest
    removed: int
    leaked: dict[str, int]
    kept: bool

    def message(self) -> str:
        """One sentence about leaks, or "" when there are none."""
        if not any(self.leaked.values()):
            return ""
        found = " and ".join(f"{n:,} {split}" for split, n in self.leaked.items() if n)
        if self.kept:
            return f"{found} pictures also occur in the training split and were kept there; figures flatter the model."
        return f"{found} pictures also occur in the training split: {self.removed:,} pictures left out of training."


def split_for_training(manifest: Manifest, *, keep_leaks: bool = False) -> Splits:
    """Training and validation rows, without pictures that also occur in the validation or test split.

    Pictures are the same when every pixel is (SHA-256).

    Args:
        manifest: the whole data set.
        keep_leaks: train on leaked pictures too, for comparison with the literature.

    Raises:
        TrainError: a split is empty, more than a fifth of a split is in training, or a class has no pictures.

    """
    for split in ("train", "validation"):
        if not (manifest.split == split).any():
            counts = ", ".join(f"{name or 'none'}: {n:,}" for name, n in manifest.split_counts().items())
            raise TrainError(
                f"{manifest.source} has no pictures in the split {split!r} (pictures per split: {counts}); "
                "make splits with mien data split, or name them in the table."
            )
    train = manifest.split == "train"
    digests = manifest.digests
    seen = np.unique(digests[train])
    leaked = {split: _leaked(manifest, split, digests, seen) for split in ("validation", "test")}
    held_out = digests[(manifest.split == "validation") | (manifest.split == "test")]
    clean = train if keep_leaks else train & ~np.isin(digests, held_out)
    splits = Splits(
        train=manifest.select(clean),
        validation=manifest.select(manifest.split == "validation"),
        removed=int(train.sum() - clean.sum()),
        leaked=leaked,
        kept=keep_leaks,
    )
    for part, name in ((splits.train, "train"), (splits.validation, "validation")):
        _check_classes(part, name)
    return splits


def _leaked(manifest: Manifest, split: str, digests: NDArray[np.str_], seen: NDArray[np.str_]) -> int:
    """Number of pictures of a split that occur in training.

    Raises:
        TrainError: too many.

    """
    rows = manifest.split == split
    leaked = int(np.isin(digests[rows], seen).sum())
    if leaked > MOST_LEAKED * rows.sum():
        raise TrainError(
            f"{manifest.source}: {leaked:,} of the {int(rows.sum()):,} pictures of the {split} split "
            f"({leaked / rows.sum():.0%}) also occur in the training split, so a figure measured on it would mean "
            f"nothing; at most {MOST_LEAKED:.0%} may. Split the data anew: mien data audit shows the pictures."
        )
    return leaked


def _check_classes(part: Manifest, name: str) -> None:
    counts = part.counts()
    empty = [label for label, n in zip(part.labels, counts, strict=True) if n == 0]
    if empty:
        raise TrainError(
            f"{part.source}: the {name} split has no picture of {', '.join(empty)}; add some, or leave the class out "
            f"with --classes {','.join(label for label in part.labels if label not in empty)}."
        )
