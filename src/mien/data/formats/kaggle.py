"""Kaggle's `fer2013.csv` and `icml_face_data.csv`: columns `emotion`, `pixels` and perhaps `Usage`.

Pixels are grey levels of a square picture, row by row, with spaces between them. FER+ votes beside the file are read
with it.
"""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np

from mien.core.errors import DataError
from mien.core.labels import FERPLUS_VOTES
from mien.data.formats import ferplus
from mien.data.formats.common import Hints, labels_of, passed_over, split_of
from mien.data.formats.text import Row, Table, header_of, open_table
from mien.data.manifest import SPLITS, Manifest, pictures_array, text_array
from mien.data.pictures import Array, Pixels
from mien.data.trees import Tree
from mien.pictures.tables import PIXELS, square_of

__all__ = ["LAYOUT", "read", "recognises"]

LAYOUT = "Kaggle's fer2013.csv"

_FAMILIAR = ("fer2013.csv", "icml_face_data.csv")


def recognises(tree: Tree) -> bool:
    """A CSV file with pixels, at most one folder deep; or FER+ votes, whose pictures must lie beside them."""
    return bool(_candidates(tree)) or _only_votes(tree)


def _csv_files(tree: Tree) -> list[str]:
    return [name for name in tree.names if name.lower().endswith(".csv") and name.count("/") <= 1]


def _candidates(tree: Tree) -> list[str]:
    return [name for name in _csv_files(tree) if PIXELS in header_of(tree, name)]


def _only_votes(tree: Tree) -> bool:
    return len(tree.names) == 1 and any(ferplus.is_votes(tree, name) for name in _csv_files(tree))


def _choose(tree: Tree) -> str:
    names = _candidates(tree)
    if not names:
        votes = _csv_files(tree)[0]
        for familiar in _FAMILIAR:
            if tree.has(familiar):
                return familiar
        raise DataError(
            f"{tree.source}: {votes} holds the votes of FER+ and no pictures; put {_FAMILIAR[0]} beside it."
        )
    for familiar in _FAMILIAR:
        for name in names:
            if PurePosixPath(name).name.lower() == familiar:
                return name
    if len(names) > 1:
        raise DataError(f"{tree.source}: several files hold pixels ({', '.join(names)}); name the one to read.")
    return names[0]


def read(tree: Tree, hints: Hints) -> Manifest:
    """All rows, in the order of the file.

    Raises:
        DataError: a column is missing, or a row has a wrong number of pixels, a pixel outside 0..255, an unknown label
            or an unknown usage; names the line.

    """
    name = _choose(tree)
    with open_table(tree, name) as table:
        texts, splits, pixels, lines = _columns(table, split_of(PurePosixPath(name).stem) or "")
    labels, label = labels_of(texts, hints, table.where, lines)
    votes = ferplus.find_beside(tree, name)
    return Manifest(
        labels=labels,
        label=label,
        split=text_array(splits),
        names=text_array([f"{PurePosixPath(name).stem}-{i:07d}" for i in range(len(texts))]),
        pictures=pictures_array([Pixels(image) for image in pixels]),
        votes=None if votes is None else ferplus.read_votes(tree, votes, splits),
        vote_labels=() if votes is None else FERPLUS_VOTES.names,
        passed=passed_over(tree, (name, *([] if votes is None else [votes]))),
        source=tree.source,
    )


def _columns(table: Table, split: str) -> tuple[list[str], list[str], list[Array], list[int]]:
    """Labels, splits, pictures and lines of all rows."""
    emotion, pixels, usage = table.column("emotion", "label"), table.column(PIXELS), table.find("usage", "split")
    texts: list[str] = []
    splits: list[str] = []
    images: list[Array] = []
    lines: list[int] = []
    for row in table.rows():
        lines.append(row.line)
        texts.append(row.cells[emotion])
        splits.append(_usage(row, usage, table.where) if usage else split)
        images.append(_image(row, pixels, table.where, images[0].shape[0] if images else None))
    # One block of memory instead of one per picture.
    return texts, splits, list(np.stack(images)) if images else [], lines


def _usage(row: Row, column: str, where: str) -> str:
    text = row.cells[column]
    split = split_of(text) if text.strip() else ""
    if split is None:
        raise DataError(
            f"{where}, line {row.line}: unknown usage {text!r}; known are Training, PublicTest, PrivateTest "
            f"and {', '.join(SPLITS)}."
        )
    return split


def _image(row: Row, column: str, where: str, side: int | None) -> Array:
    """Picture (S, S) of one row; all rows have the side of the first."""
    try:
        image = square_of(row.cells[column], side)
    except ValueError as error:
        raise DataError(f"{where}, line {row.line}: {error}; mend or remove the line.") from error
    return image
