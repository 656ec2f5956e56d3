"""A CSV that picks rows of another data set, as `mien data audit --fix` writes it.

Columns: `source` (path of the data set, relative to the CSV), `row` (its row, from 0), `sha256` (of the pixels),
`label`, `split`, `name` for a reader, and `subject` where people are known. Votes and groups come from the data set.
"""

from __future__ import annotations

import csv
import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mien.core.errors import DataError, OptionError, OutputError, unknown_name
from mien.core.files import atomic_write
from mien.core.text import whole_number
from mien.data.formats.common import Hints, split_of
from mien.data.formats.text import Row, Table, header_of, open_table
from mien.data.manifest import NO_LABEL, SPLITS, Manifest, text_array
from mien.data.trees import Folder, Tree, open_tree

__all__ = ["COLUMNS", "LAYOUT", "check_target", "read_with", "recognises", "write"]

LAYOUT = "a selection written by mien data audit --fix"
COLUMNS = ("source", "row", "name", "label", "split", "sha256")


_MAX_DEPTH = 8


def recognises(tree: Tree) -> bool:
    """One CSV file with the columns of a selection."""
    return len(tree.names) == 1 and set(COLUMNS) <= set(header_of(tree, tree.names[0]))


def read_with(read: Callable[[Path, Hints], Manifest], tree: Tree, hints: Hints) -> Manifest:
    """The picked rows, in the order of the file; `read` reads the data set that they come from, without decoding it.

    Raises:
        DataError: rows of several data sets, a row that the data set lacks, an unknown label or split, or a chain of
            selections without an end.

    """
    with open_table(tree, tree.names[0]) as table:
        rows = list(table.rows())
    if not rows:
        raise DataError(f"{table.where}: the selection has no rows.")
    sources = {row.cells["source"] for row in rows}
    if len(sources) > 1:
        raise DataError(f"{table.where}: expected rows of one data set, got {', '.join(sorted(sources))}.")
    root = tree.root if isinstance(tree, Folder) else Path()
    if hints.depth >= _MAX_DEPTH:
        raise DataError(f"{table.where}: its source leads from selection to selection; name the data set itself.")
    whole = read(root / sources.pop(), dataclasses.replace(hints, depth=hints.depth + 1))
    picked = whole.select([_row(row, table, len(whole)) for row in rows])
    if "subject" in table.columns:
        picked = dataclasses.replace(picked, subject=text_array([row.cells["subject"] for row in rows]))
    return dataclasses.replace(
        picked,
        label=np.array([_label(row, table, whole.labels.index) for row in rows], np.int64),
        split=text_array([_split(row, table) for row in rows]),
        expected=text_array([row.cells["sha256"] for row in rows]),
        source=tree.source,
    )


def _row(row: Row, table: Table, n: int) -> int:
    text = row.cells["row"]
    number = whole_number(text)
    if number is None or number >= n:
        raise DataError(f"{table.where}, line {row.line}: expected a row of the data set, 0..{n - 1:,}, got {text!r}.")
    return number


def _label(row: Row, table: Table, index: Callable[[str], int]) -> int:
    if not row.cells["label"].strip():
        return NO_LABEL
    try:
        return index(row.cells["label"])
    except DataError as error:
        raise DataError(f"{table.where}, line {row.line}: {error}") from error


def _split(row: Row, table: Table) -> str:
    text = row.cells["split"]
    split = split_of(text) if text.strip() else ""
    if split is None:
        raise DataError(f"{table.where}, line {row.line}: {unknown_name('split', text, SPLITS)}")
    return split


def check_target(path: Path, source: Path) -> None:
    """Refuse a name under which no selection can be written, before the work that leads to one.

    Args:
        path: the CSV file.
        source: the data set that its rows are to come from.

    Raises:
        OutputError: the folder does not exist, or another kind of file has the name.
        OptionError: `source` is that file, or refers to it, so the table would refer to itself.

    """
    if not path.parent.is_dir():
        raise OutputError(f"Cannot write {path}: the folder {path.parent} does not exist.")
    if path.resolve() in (source.resolve(), *_tables_of(source)):
        raise OptionError(f"{path} would be written over its own source; name another file.")
    if path.is_file() and not recognises(open_tree(path)):
        raise OutputError(f"Cannot write {path}: it exists and is no table of this kind; choose another name.")


def _tables_of(source: Path) -> list[Path]:
    """The selections, one after the other, through which a data set is read; none where it is no selection."""
    found: list[Path] = []
    while source.is_file() and len(found) < _MAX_DEPTH and recognises(tree := open_tree(source)):
        found.append(source.resolve())
        with open_table(tree, tree.names[0]) as table:
            first = next(table.rows(), None)
        if first is None:
            break
        source = source.parent / first.cells["source"]
    return found


def write(path: Path, source: Path, manifest: Manifest) -> None:
    """Write a selection.

    Args:
        path: the CSV file.
        source: the data set that the rows come from.
        manifest: the rows to keep, as `mien.data.read` gave them.

    Raises:
        OutputError: the file cannot be written, or another kind of file has its name.
        OptionError: the table would refer to itself.

    """
    check_target(path, source)
    relative = Path(os.path.relpath(source.resolve(), path.resolve().parent)).as_posix()
    with atomic_write(path, "w", newline="") as file:
        writer = csv.writer(file)
        people = manifest.subject
        writer.writerow(COLUMNS if people is None else (*COLUMNS, "subject"))
        for i, row in enumerate(manifest.rows):
            label = int(manifest.label[i])
            name = manifest.labels.names[label] if label >= 0 else ""
            cells = [relative, row, manifest.names[i], name, manifest.split[i], manifest.digests[i]]
            writer.writerow(cells if people is None else [*cells, people[i]])
