"""Tables that a person made by hand or in a spreadsheet: participants, epochs, ids, annotations.

Comma, semicolon and tab separate cells, a decimal comma is understood beside the last two, and errors name the
line.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from mien.core.cells import cell_text
from mien.core.errors import DataError

__all__ = ["Record", "read_records", "seconds_of"]


class Record(dict[str, str]):
    """One row: name of the column (lower case) -> text without outer blanks; knows its place, for messages."""

    def __init__(self, cells: dict[str, str], place: str) -> None:
        super().__init__(cells)
        self.place = place

    def seconds(self, name: str) -> float:
        """A time of this row.

        Raises:
            DataError: it is no time.

        """
        value = seconds_of(self[name])
        if value is None:
            raise DataError(f"{self.place}: {name} is {self[name]!r}; expected seconds (7.5) or a time (1:05).")
        return value


def read_records(path: Path, required: Sequence[str]) -> list[Record]:
    """Rows of a table with a header.

    Args:
        path: UTF-8, with or without a byte order mark.
        required: columns that must be there.

    Raises:
        DataError: it cannot be read, or lacks a column; the message says what is expected.

    """
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8; save it as 'CSV UTF-8'.") from error
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}.") from error
    lines = text.splitlines()
    head = next((line for line in lines if line.strip()), "")
    delimiter = max(",;\t", key=head.count)
    rows = csv.reader(lines, delimiter=delimiter)
    names: list[str] | None = None
    records = []
    for row in rows:
        cells = [cell_text(cell.strip()) for cell in row]
        if not any(cells):
            continue
        if names is None:
            names = [cell.lower() for cell in cells]
            _check_header(path, names, required)
        elif len(cells) > len(names):
            raise DataError(f"{path}, line {rows.line_num}: {len(cells)} cells under {len(names)} headings.")
        else:
            padded = cells + [""] * (len(names) - len(cells))
            records.append(Record(dict(zip(names, padded, strict=True)), f"{path}, line {rows.line_num}"))
    if names is None:
        raise DataError(f"{path} is empty; expected a table with the columns {', '.join(required)}.")
    return records


def _check_header(path: Path, names: Sequence[str], required: Sequence[str]) -> None:
    missing = [name for name in required if name not in names]
    if missing:
        raise DataError(
            f"{path} has no column {', '.join(missing)}; expected {', '.join(required)}, got {', '.join(names)}."
        )
    double = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if double is not None:
        raise DataError(f"{path} has two columns {double!r}; rename one.")


def seconds_of(text: str) -> float | None:
    """Seconds that a text writes (7.5, 7,5, 1:05, 1:02:05.5), or None; never negative."""
    try:
        numbers = [float(part) for part in text.strip().replace(",", ".").split(":")]
    except ValueError:
        return None
    if len(numbers) > 3 or min(numbers) < 0 or not all(map(math.isfinite, numbers)):
        return None
    return float(sum(number * 60**i for i, number in enumerate(reversed(numbers))))
