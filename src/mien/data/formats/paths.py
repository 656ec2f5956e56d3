"""A CSV of pictures: columns `path` and `label`, and perhaps `split`, `subject`, `group` and votes as `votes_*`.

Paths are relative to the CSV file, with "/" between folders.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, unknown_name
from mien.data.formats.common import Hints, labels_of, passed_over, split_of, vote_name
from mien.data.formats.text import Row, Table, header_of, open_table
from mien.data.manifest import SPLITS, Manifest, pictures_array, text_array
from mien.data.trees import Tree

__all__ = ["LAYOUT", "VOTE_PREFIX", "read", "recognises"]

LAYOUT = "a CSV of path,label"
VOTE_PREFIX = "votes_"

_PATH = ("path", "image", "file", "filename", "file_name", "filepath", "image_path")
_LABEL = ("label", "emotion", "expression", "class")
_SPLIT = ("split", "usage")
_MOST_VOTES = float(np.finfo(np.float32).max)


def recognises(tree: Tree) -> bool:
    """A CSV file at the root that has a column of paths and no pixels."""
    return bool(_candidates(tree))


def _candidates(tree: Tree) -> list[str]:
    depth = min((name.count("/") for name in tree.names), default=0)
    names = [name for name in tree.names if name.lower().endswith((".csv", ".tsv")) and name.count("/") == depth]
    return [name for name in names if _fits(set(header_of(tree, name)))]


def _fits(columns: set[str]) -> bool:
    return bool(columns & set(_PATH) and columns & set(_LABEL)) and "pixels" not in columns


def read(tree: Tree, hints: Hints) -> Manifest:
    """All rows, in the order of the file.

    Raises:
        DataError: several such files, a column is missing, or a row has no path, an unknown split, or votes that are
            no numbers; names the line.

    """
    names = _candidates(tree)
    if len(names) > 1:
        raise DataError(f"{tree.source}: several files list pictures ({', '.join(names)}); name the one to read.")
    folder = PurePosixPath(names[0]).parent
    with open_table(tree, names[0]) as table:
        rows = list(table.rows())
        path, kinds = table.column(*_PATH), [name for name in table.columns if name.startswith(VOTE_PREFIX)]
        votes = _votes(table, rows, kinds)
        texts, lines = [row.cells[table.column(*_LABEL)] for row in rows], [row.line for row in rows]
        labels, label = labels_of(texts, hints, table.where, lines)
        paths = [_name_in(tree, folder, _path(row, path, table.where)) for row in rows]
        splits = _splits(table, rows)
    return Manifest(
        labels=labels,
        label=label,
        split=text_array(splits),
        names=text_array(paths),
        pictures=pictures_array([tree.picture(str(folder / name)) for name in paths]),
        votes=votes,
        vote_labels=tuple(vote_name(kind.removeprefix(VOTE_PREFIX).replace("_", " ")) for kind in kinds),
        subject=_optional(table, rows, hints.subject.lower().replace(" ", "_")),
        group=_optional(table, rows, "group"),
        passed=passed_over(tree, (names[0], *(str(folder / name) for name in paths))),
        source=tree.source,
    )


def _path(row: Row, column: str, where: str) -> str:
    text = row.cells[column].strip()
    if not text:
        raise DataError(f"{where}, line {row.line}: the path is empty; mend or remove the line.")
    return text


def _name_in(tree: Tree, folder: PurePosixPath, name: str) -> str:
    """The name as the tree has it: a table that was written on Windows may have backslashes between folders."""
    if "\\" in name and not tree.has(str(folder / name)):
        return name.replace("\\", "/")
    return name


def _splits(table: Table, rows: Sequence[Row]) -> list[str]:
    column = table.find(*_SPLIT)
    if column is None:
        return [""] * len(rows)
    known = {text: split_of(text) if text.strip() else "" for text in {row.cells[column] for row in rows}}
    for row in rows:
        if known[row.cells[column]] is None:
            raise DataError(f"{table.where}, line {row.line}: {unknown_name('split', row.cells[column], SPLITS)}")
    return [known[row.cells[column]] or "" for row in rows]


def _votes(table: Table, rows: Sequence[Row], kinds: Sequence[str]) -> NDArray[np.float32] | None:
    if not kinds:
        return None
    votes = np.zeros((len(rows), len(kinds)), np.float32)
    for i, row in enumerate(rows):
        for k, kind in enumerate(kinds):
            text = row.cells[kind].strip() or "0"
            try:
                number = float(text)
            except ValueError:
                number = -1.0
            if not 0 <= number <= _MOST_VOTES:
                raise DataError(f"{table.where}, line {row.line}: expected a number of votes, 0 or more, got {text!r}.")
            votes[i, k] = number
    return votes


def _optional(table: Table, rows: Sequence[Row], column: str) -> NDArray[np.str_] | None:
    return text_array([row.cells[column].strip() for row in rows]) if column in table.columns else None
