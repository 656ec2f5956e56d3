"""CSV files as rows with tidy column names."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mien.core.errors import DataError
from mien.data.formats.common import name_of
from mien.data.trees import Tree
from mien.pictures.tables import FIELD_LIMIT

__all__ = ["Row", "Table", "header_of", "open_table"]

_HEAD_BYTES = 65_536


def header_of(tree: Tree, name: str) -> tuple[str, ...]:
    """Column names of a CSV file, tidied; empty where the file is no text. Never raises for odd contents."""
    try:
        with tree.open(name) as file:
            head = file.read(_HEAD_BYTES)
    except (DataError, OSError):
        return ()
    try:
        line = head.decode("utf-8-sig", errors="ignore").splitlines()[0] if head and b"\0" not in head else ""
        return _tidy(next(csv.reader([line], delimiter=_delimiter(line)), []))
    except (csv.Error, IndexError):
        return ()


def _tidy(names: Sequence[str]) -> tuple[str, ...]:
    """Kaggle's `icml_face_data.csv` has " Usage" and " pixels"; others write `Label` or `image name`."""
    return tuple(name.strip().lower().replace(" ", "_") for name in names)


def _delimiter(line: str) -> str:
    return max(",;\t", key=line.count)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `line` of the file that it ends in (the header is line 1), and its cells by column name."""

    line: int
    cells: dict[str, str]


class Table:
    """An open CSV file.

    Args:
        where: the file's name for messages.
        columns: tidy column names.
        reader: a `csv.reader` (its type has no public name) after the header line.

    """

    def __init__(self, where: str, columns: tuple[str, ...], reader: Any) -> None:
        self.where = where
        self.columns = columns
        self._reader = reader

    def column(self, *names: str) -> str:
        """The first of the names that is a column.

        Raises:
            DataError: none of them is.

        """
        found = self.find(*names)
        if found is None:
            wanted = " or ".join(names)
            raise DataError(f"{self.where}: expected a column named {wanted}, got {', '.join(self.columns)}.")
        return found

    def find(self, *names: str) -> str | None:
        """The first of the names that is a column, or None."""
        return next((name for name in names if name in self.columns), None)

    def rows(self) -> Iterator[Row]:
        """The rows; empty lines are passed over.

        Raises:
            DataError: a row has another number of cells than the header, or the file is not CSV.

        """
        try:
            for cells in self._reader:
                line = self._reader.line_num + 1
                if not cells:
                    continue
                if len(cells) != len(self.columns):
                    raise DataError(
                        f"{self.where}, line {line}: expected {len(self.columns)} cells as in the header, "
                        f"got {len(cells)}; mend or remove the line."
                    )
                yield Row(line, dict(zip(self.columns, cells, strict=True)))
        except csv.Error as error:
            raise DataError(f"{self.where}: not a CSV file: {error}.") from error


@contextlib.contextmanager
def open_table(tree: Tree, name: str) -> Iterator[Table]:
    """Open a CSV file of a tree; commas, semicolons or tabs, with or without a byte-order mark.

    Raises:
        DataError: the file cannot be read, has no header or a column twice, or is not UTF-8 text (in any row).

    """
    where = name_of(tree, name)
    columns = header_of(tree, name)
    if not columns:
        raise DataError(f"{where}: expected a CSV file with a header, got an empty or a binary file.")
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise DataError(f"{where}: the column {twice[0]!r} occurs twice; rename or remove one of the two.")
    limit = csv.field_size_limit(FIELD_LIMIT)
    try:
        with tree.open(name) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
            start = text.readline()
            reader = csv.reader(text, delimiter=_delimiter(start))
            yield Table(where, columns, reader)
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: not UTF-8 text ({error.reason}); save the file as UTF-8.") from error
    finally:
        csv.field_size_limit(limit)
