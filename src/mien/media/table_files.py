"""Tables as files: CSV, JSON lines or Parquet, by the suffix; written row by row, and read as columns.

A name that exists holds a whole file. It takes any columns and rows.
"""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from mien.core.cells import TEXT_FORMATS, RowWriter, cell_text
from mien.core.errors import DataError, MissingExtraError, OptionError
from mien.core.files import atomic_path, atomic_write
from mien.media.columns import Column

__all__ = ["TABLE_SUFFIXES", "Format", "open_table", "read_table", "write_table"]

TABLE_SUFFIXES = (".csv", ".jsonl", ".parquet")

_GROUP_ROWS = 16384  # rows of one Parquet row group

Row = Mapping[str, Any]


class Format(Protocol):
    """Takes rows; the stack that it was opened with finishes the file."""

    def write(self, row: Row) -> None:
        """Take a row: name of the column -> value."""
        ...

    def flush(self) -> None:
        """Hand what is buffered to the system, where the format allows it."""
        ...


def open_table(path: Path, columns: Sequence[Column], stack: contextlib.ExitStack) -> Format:
    """Start a table.

    Args:
        path: the final name; the suffix chooses the format.
        columns: in order.
        stack: leaving it finishes the file, or removes it after an error.

    Raises:
        OptionError: another suffix.
        OutputError: it cannot be written there.
        MissingExtraError: Parquet is asked for and pyarrow is not installed.

    """
    suffix = path.suffix.lower()
    if suffix in (".csv", ".jsonl"):
        names = [column.name for column in columns]
        file = stack.enter_context(atomic_write(path, "w", newline=""))
        return _Text(file, TEXT_FORMATS[suffix.removeprefix(".")](file, names))
    if suffix == ".parquet":
        return _Parquet(path, columns, stack)
    raise OptionError(f"{path}: a table ends in {', '.join(TABLE_SUFFIXES)}; got {suffix or 'no suffix'!r}.")


def write_table(path: Path, columns: Sequence[Column], rows: Sequence[Row]) -> None:
    """Write a whole table at once; see `open_table`."""
    with contextlib.ExitStack() as stack:
        table = open_table(path, columns, stack)
        for row in rows:
            table.write(row)


class _Text:
    """CSV or JSON lines."""

    def __init__(self, file: IO[str], writer: RowWriter) -> None:
        self._file, self._writer = file, writer
        file.flush()

    def write(self, row: Row) -> None:
        self._writer.write(row)

    def flush(self) -> None:
        self._file.flush()


class _Parquet:
    """Row groups of `_GROUP_ROWS` rows; the file can be read only once it is closed, as the format wants it."""

    def __init__(self, path: Path, columns: Sequence[Column], stack: contextlib.ExitStack) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError as error:
            raise MissingExtraError("Writing Parquet", "pyarrow", "data") from error
        kinds = {"number": pa.float64(), "whole": pa.int64(), "text": pa.string(), "truth": pa.bool_()}
        self._schema = pa.schema([(column.name, kinds[column.kind]) for column in columns])
        self._table = pa.Table
        self._rows: list[Row] = []
        temporary = stack.enter_context(atomic_path(path))
        self._writer = stack.enter_context(pq.ParquetWriter(temporary, self._schema))
        stack.callback(self._write_group)

    def write(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) >= _GROUP_ROWS:
            self._write_group()

    def flush(self) -> None:
        """Small row groups would make a slow file, so rows wait for a whole group."""

    def _write_group(self) -> None:
        if self._rows:
            self._writer.write_table(self._table.from_pylist(self._rows, schema=self._schema))
            self._rows = []


def read_table(path: Path | str) -> dict[str, list[Any]]:
    """Columns of a table file: name -> values; CSV gives texts, with None for an empty cell.

    Raises:
        DataError: it is missing, damaged, or has a suffix of another kind.
        MissingExtraError: it is Parquet and pyarrow is not installed.

    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in TABLE_SUFFIXES:
        raise DataError(f"{path}: a table ends in {', '.join(TABLE_SUFFIXES)}; got {suffix or 'no suffix'!r}.")
    try:
        return _READERS[suffix](path)
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}.") from error
    except (OSError, ValueError, csv.Error) as error:  # pyarrow's errors are ValueError or OSError
        raise DataError(f"{path} cannot be read as a table: {error}.") from error


def _read_csv(path: Path) -> dict[str, list[Any]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file, strict=True)
        names = next(rows, None)
        if not names:
            raise ValueError("it has no header row")
        table = [row for row in rows if row]
    wrong = next((i for i, row in enumerate(table) if len(row) != len(names)), None)
    if wrong is not None:
        raise ValueError(f"row {wrong + 2} has {len(table[wrong])} cells, the header {len(names)}")
    turned = zip(*table, strict=True) if table else ((),) * len(names)
    return {name: [cell_text(cell) or None for cell in cells] for name, cells in zip(names, turned, strict=True)}


def _read_jsonl(path: Path) -> dict[str, list[Any]]:
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file if line.strip()]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("a line is not a JSON object")
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _read_parquet(path: Path) -> dict[str, list[Any]]:
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("Reading Parquet", "pyarrow", "data") from error
    table = pq.read_table(path)
    return {name: table.column(name).to_pylist() for name in table.column_names}


_READERS = {".csv": _read_csv, ".jsonl": _read_jsonl, ".parquet": _read_parquet}
