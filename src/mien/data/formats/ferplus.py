"""Votes of FER+ (`fer2013new.csv`, Barsoum et al. 2016), row by row beside `fer2013.csv`.

The file has no labels of its own and no pictures: row i belongs to row i of `fer2013.csv`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.labels import FERPLUS_VOTES
from mien.data.formats.common import split_of
from mien.data.formats.text import Table, header_of, open_table
from mien.data.trees import Tree

__all__ = ["COLUMNS", "FILE_NAME", "find_beside", "is_votes", "read_votes"]

FILE_NAME = "fer2013new.csv"
COLUMNS: tuple[str, ...] = ("Usage", "Image name", *FERPLUS_VOTES.names)
"""Header of the official file."""

_VOTE_COLUMNS = tuple(name.lower() for name in FERPLUS_VOTES.names)


def is_votes(tree: Tree, name: str) -> bool:
    """Whether a file has the columns of FER+."""
    return set(_VOTE_COLUMNS) <= set(header_of(tree, name))


def find_beside(tree: Tree, name: str) -> str | None:
    """The votes file in the folder of a file, or None."""
    candidate = str(PurePosixPath(name).with_name(FILE_NAME))
    return candidate if tree.has(candidate) and is_votes(tree, candidate) else None


def read_votes(tree: Tree, name: str, splits: Sequence[str]) -> NDArray[np.float32]:
    """Vote counts (N, 10) in the order of `FERPLUS_VOTES`, for N pictures whose splits are given.

    Raises:
        DataError: another number of rows, a row of another split (the files are not in one order), or a count that is
            no number.

    """
    with open_table(tree, name) as table:
        votes = _counts(table, splits)
    if len(votes) != len(splits):
        raise DataError(
            f"{table.where}: expected one row for each of the {len(splits):,} pictures, got {len(votes):,}; "
            "use the files as they were published."
        )
    return np.array(votes, np.float32).reshape(-1, len(_VOTE_COLUMNS))


def _counts(table: Table, splits: Sequence[str]) -> list[list[float]]:
    usage = table.find("usage")
    votes: list[list[float]] = []
    for i, row in enumerate(table.rows()):
        given = split_of(row.cells[usage]) if usage else None
        if given and i < len(splits) and splits[i] and given != splits[i]:
            raise DataError(
                f"{table.where}, line {row.line}: the votes are for {given}, the picture of the same row is for "
                f"{splits[i]}; the two files are not in the same order, so use both as they were published."
            )
        try:
            votes.append([float(row.cells[column]) for column in _VOTE_COLUMNS])
        except ValueError as error:
            raise DataError(f"{table.where}, line {row.line}: expected counts of votes: {error}.") from error
    return votes
