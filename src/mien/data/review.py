"""What a person decided about doubted labels, read from the table that `mien data doubts` wrote.

Nothing is changed in place: the decisions make another manifest, which is written as a new table.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.cells import cell_text
from mien.core.errors import DataError
from mien.core.text import whole_number
from mien.data.doubts import DECISION
from mien.data.formats.text import Row, Table, open_table
from mien.data.manifest import Manifest
from mien.data.trees import open_tree

__all__ = ["Review", "read_review"]

_KEEP, _DROP, _RELABEL = ("keep", "ok", "k"), ("drop", "remove", "d"), ("relabel", "r")


@dataclass(frozen=True, eq=False)
class Review:
    """Decisions about a data set of N rows.

    Args:
        label: (N,) the labels after the decisions.
        dropped: (N,) rows that shall go.
        relabelled: how many rows get another label.
        open: rows of the table without a decision; they stay as they are.

    """

    label: NDArray[np.int64]
    dropped: NDArray[np.bool_]
    relabelled: int
    open: int

    def relabel(self, manifest: Manifest) -> Manifest:
        """The same rows with the decided labels; what is to be dropped is still there."""
        return dataclasses.replace(manifest, label=self.label)


def read_review(path: Path, manifest: Manifest) -> Review:
    """Read decisions: "keep", "drop", "relabel" (takes the suggested label), the name of a class, or nothing.

    Upper and lower case are alike, and class names may be spelt as `mien.core.labels` knows them.

    Args:
        path: the table, as `mien data doubts` wrote it and a person or a spreadsheet saved it.
        manifest: the data set that it is about.

    Raises:
        DataError: the table cannot be read, a decision is none of these, or a picture is not the one of the table.

    """
    label, dropped = manifest.label.copy(), np.zeros(len(manifest), bool)
    place = {int(row): i for i, row in enumerate(manifest.rows)}
    waiting = 0
    with open_table(open_tree(path), path.name) as table:
        for name in (DECISION, "suggested", "row", "sha256"):
            table.column(name)
        for row in table.rows():
            decision = cell_text(row.cells[DECISION]).strip()
            if not decision:
                waiting += 1
                continue
            i = _picture(row, table, manifest, place)
            if decision.lower() in _DROP:
                dropped[i] = True
            elif decision.lower() not in _KEEP:
                wanted = cell_text(row.cells["suggested"]) if decision.lower() in _RELABEL else decision
                label[i] = _label(wanted, row, table, manifest)
    changed = (label != manifest.label) & ~dropped
    return Review(label, dropped, int(changed.sum()), waiting)


def _picture(row: Row, table: Table, manifest: Manifest, place: dict[int, int]) -> int:
    number = whole_number(row.cells["row"])
    i = None if number is None else place.get(number)
    if i is None:
        raise DataError(
            f"{table.where}, line {row.line}: the data set has no row {row.cells['row']!r}; was the table made of it?"
        )
    if row.cells["sha256"] != manifest.digests[i]:
        raise DataError(
            f"{table.where}, line {row.line}: row {number} of the data set is another picture now; run "
            f"mien data doubts again ({manifest.names[i]})."
        )
    return i


def _label(name: str, row: Row, table: Table, manifest: Manifest) -> int:
    try:
        return manifest.labels.index(name)
    except DataError as error:
        expected = "expected keep, drop, relabel or the name of a class as the decision"
        raise DataError(f"{table.where}, line {row.line}: {expected}: {error}") from error
