"""Folders of images, one per class, with or without a level of splits: `train/angry/0001.png`, `happy/0001.jpg`.

The class is the nearest folder whose name is a known expression, or else the nearest that is no split; class names
come in any spelling or as digits. Splits may be called train, val, valid, validation, test, public or private.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import PurePosixPath

from mien.core.errors import DataError
from mien.core.labels import FER2013, FERPLUS
from mien.data.formats.common import Hints, labels_of, passed_over, split_of
from mien.data.manifest import SPLITS, Manifest, pictures_array, text_array
from mien.data.trees import Tree
from mien.pictures.formats import is_picture

__all__ = ["LAYOUT", "read", "recognises"]

LAYOUT = "folders of images"


def recognises(tree: Tree) -> bool:
    """Images below folders of which one is a known expression, or of which there are at least two."""
    classes = {name for _, name in (_place(image) for image in _images(tree)) if name}
    return len(classes) > 1 or any(_is_expression(name) for name in classes) or (not classes and _has_splits(tree))


def _images(tree: Tree) -> list[str]:
    return [name for name in tree.names if is_picture(name)]


def _has_splits(tree: Tree) -> bool:
    return any(split_of(PurePosixPath(folder).name) for folder in tree.folders)


def _is_expression(name: str) -> bool:
    return name in FER2013 or name in FERPLUS


def _place(image: str) -> tuple[str, str]:
    """Split and class of an image by its folders, "" where they name none."""
    return _meaning(image.rpartition("/")[0])


@lru_cache(maxsize=4096)
def _meaning(folder: str) -> tuple[str, str]:
    """Split and class that a folder and those above it name; asked once per folder, not per picture."""
    folders = PurePosixPath(folder).parts[::-1]
    split = next((found for name in folders if (found := split_of(name))), "")
    others = [name for name in folders if split_of(name) is None]
    expression = next((name for name in others if _is_expression(name)), None)
    return split, expression or (others[0] if others else "")


def read(tree: Tree, hints: Hints) -> Manifest:
    """All images, by split and name; images outside the class folders are listed as unreadable.

    Raises:
        DataError: a split's folder is empty, or class names are digits without a known meaning.

    """
    order = {name: i for i, name in enumerate((*SPLITS, ""))}
    placed = sorted(((*_place(name), name) for name in _images(tree)), key=lambda row: (order[row[0]], row[2]))
    _refuse_empty_split(tree, {split for split, _, _ in placed})
    rows = [row for row in placed if row[1]]
    # A class whose folders are all empty is a class nevertheless.
    empty = [name for folder in tree.folders if _is_expression(name := PurePosixPath(folder).name)]
    labels, label = labels_of([kind for _, kind, _ in rows] + empty, hints, tree.source)
    return Manifest(
        labels=labels,
        label=label[: len(rows)],
        split=text_array([split for split, _, _ in rows]),
        names=text_array([name for _, _, name in rows]),
        pictures=pictures_array([tree.picture(name) for _, _, name in rows]),
        unreadable=tuple((name, "lies in no folder of a class") for _, kind, name in placed if not kind),
        passed=passed_over(tree, (name for _, _, name in placed)),
        source=tree.source,
    )


def _refuse_empty_split(tree: Tree, filled: set[str]) -> None:
    for folder in tree.folders:
        split = split_of(PurePosixPath(folder).name)
        if split and split not in filled:
            raise DataError(f"{tree.source}: the folder {folder} has no images; fill it or remove it.")
