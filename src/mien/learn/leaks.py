"""What training must not see, and data that cannot be trained on: leaks, empty classes, missing splits.

Works on digests and labels alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mien.core.errors import TrainError
from mien.data.carve import carve_validation, validation_digests, with_validation
from mien.data.folds import Folds, make_folds, pool, read_folds, splits_of_table, with_splits
from mien.data.leaks import LIMIT, Leaks, leaks
from mien.data.manifest import Manifest
from mien.learn.config import Config
from mien.learn.runfolder import FOLDS_FILE, SPLITS_FILE

__all__ = ["Splits", "folds_of", "prepared", "split_for_training"]


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
        TrainError: a split is empty, more than a fifth of a split is in training, a class has no pictures, or
            there are fewer than two classes.

    """
    for split in ("train", "validation"):
        if not (manifest.split == split).any():
            counts = ", ".join(f"{name or 'none'}: {n:,}" for name, n in manifest.split_counts().items())
            advice = (
                "take some out of the training pictures with --validation 0.1 (in Python: Config(validation=0.1))"
                if split == "validation"
                else "name the split in the table, or make splits with mien data split"
            )
            raise TrainError(
                f"{manifest.source} has no pictures in the split {split!r} (pictures per split: {counts}); {advice}."
            )
    found = leaks(manifest)
    _check_leaks(manifest, found)
    train = manifest.split == "train"
    clean = train.copy()
    if not keep_leaks:
        clean[found.train] = False
    splits = Splits(
        train=manifest.select(clean),
        validation=manifest.select(manifest.split == "validation"),
        removed=int(train.sum() - clean.sum()),
        leaked={split: len(rows) for split, rows in found.rows.items()},
        kept=keep_leaks,
    )
    for part, name in ((splits.train, "train"), (splits.validation, "validation")):
        _check_classes(part, name)
    return splits


def prepared(manifest: Manifest, config: Config, run: Path, say: Callable[[str], None] = lambda _: None) -> Manifest:
    """A data set with the classes of a run, and with a validation split where the run takes one out of training.

    Which pictures those are stands in the run's `data.csv` once the run has begun.

    Raises:
        OptionError: the data have a validation split of their own.
        TrainError: there are too few pictures for a validation split.

    """
    manifest = manifest.with_labels(config.classes) if config.classes else manifest
    if config.folds:
        return _fold_of(manifest, config, run, say)
    if not config.validation:
        return manifest
    if (run / SPLITS_FILE).is_file():
        return with_validation(manifest, validation_digests(run / SPLITS_FILE))
    return carve_validation(manifest, config.validation, seed=config.seed, say=say)


def _fold_of(manifest: Manifest, config: Config, run: Path, say: Callable[[str], None]) -> Manifest:
    """The splits of one fold: those of the run where it has begun, of the table that lies beside it, or made anew."""
    if (run / SPLITS_FILE).is_file():
        return with_splits(manifest, splits_of_table(run / SPLITS_FILE))
    return folds_of(manifest, config, run.parent, say).splits(config.fold - 1)


def folds_of(manifest: Manifest, config: Config, folder: Path, say: Callable[[str], None] = lambda _: None) -> Folds:
    """The folds that a table in a folder tells, or those that the settings make.

    Raises:
        DataError: there are too few pictures, or the table is about others.

    """
    if (folder / FOLDS_FILE).is_file():
        return read_folds(folder / FOLDS_FILE, manifest)
    return make_folds(pool(manifest, keep_leaks=config.keep_leaks), config.folds, seed=config.seed, say=say)


def _check_leaks(manifest: Manifest, found: Leaks) -> None:
    for split in found.refused:
        count, total = len(found.rows[split]), found.totals[split]
        raise TrainError(
            f"{manifest.source}: {count:,} of the {total:,} pictures of the {split} split "
            f"({found.fraction(split):.0%}) also occur in the training split, so a figure measured on it would mean "
            f"nothing; at most {LIMIT:.0%} may. Split the data anew: mien data audit shows the pictures."
        )


def _check_classes(part: Manifest, name: str) -> None:
    if len(part.labels) < 2:
        raise TrainError(
            f"{part.source} has only the class {', '.join(part.labels) or '(none)'}; a model needs at least two to "
            "tell apart."
        )
    counts = part.counts()
    empty = [label for label, n in zip(part.labels, counts, strict=True) if n == 0]
    if empty:
        raise TrainError(
            f"{part.source}: the {name} split has no picture of {', '.join(empty)}; add some, or leave the class out "
            f"with --classes {','.join(label for label in part.labels if label not in empty)}."
        )
