"""Rows as text: tables (CSV, TSV) that people open in a spreadsheet, and JSON lines.

A spreadsheet takes a cell that begins with = + - @ for a formula and runs it, so a text that does (a picture called
`=1+1.jpg`) gets an apostrophe in front, as the OWASP page on CSV injection advises. Numbers are written as they are.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, Protocol

__all__ = ["BOM", "TEXT_FORMATS", "JsonLinesWriter", "RowWriter", "TableWriter", "cell_text", "text_cell"]

BOM = "\ufeff"
"""Mark at the start of a file by which Excel knows that its text is UTF-8."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
"""What a formula may begin with; the apostrophe itself too, so that taking one away always gives back the text."""


def text_cell(text: str) -> str:
    """A text as a cell that no spreadsheet runs; a program takes away one leading apostrophe to read it back."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def cell_text(cell: str) -> str:
    """The text of a cell that `text_cell` made."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


class RowWriter(Protocol):
    """Takes one row after the other; the file stays open and belongs to the caller."""

    def write(self, row: Mapping[str, Any]) -> None:
        """Write a row: name of the column -> value."""
        ...


class TableWriter:
    """Rows by column name into a text file, with a header.

    Args:
        file: open for text with `newline=""`.
        columns: names, in order; a row may leave some out, which makes empty cells.
        delimiter: "," or a tab.
        bom: begin with `BOM`.

    """

    def __init__(self, file: IO[str], columns: Sequence[str], *, delimiter: str = ",", bom: bool = False) -> None:
        if bom:
            file.write(BOM)
        self._rows = csv.DictWriter(file, columns, restval="", lineterminator="\n", delimiter=delimiter)
        self._rows.writeheader()

    def write(self, row: Mapping[str, Any]) -> None:
        """Write one row; None is an empty cell; booleans are `true` or `false` as in JSON.

        Raises:
            ValueError: a column that the table does not have.

        """
        self._rows.writerow({name: _cell(value) for name, value in row.items()})


class JsonLinesWriter:
    """One JSON object per line, without NaN.

    Args:
        file: open for text.
        columns: not needed, since every line names its own; taken so that all writers are made alike.

    """

    def __init__(self, file: IO[str], columns: Sequence[str] = ()) -> None:
        self._file = file

    def write(self, row: Mapping[str, Any]) -> None:
        """Write one row."""
        self._file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


TEXT_FORMATS: Mapping[str, Callable[[IO[str], Sequence[str]], RowWriter]] = {
    "csv": TableWriter,
    "jsonl": JsonLinesWriter,
}
"""Name of a text format -> what writes it."""


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return text_cell(value) if isinstance(value, str) else value
