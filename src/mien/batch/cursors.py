"""The bytes of a chunk's inputs, one after the other, in one process.

What was opened last stays open, so chunks of one container in rising order read it once from front to back, also where
it cannot be entered in the middle (a packed tar, a CSV file). Holds one input at a time. Decodes nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mien.batch.containers import csv_columns, open_csv, open_parquet, open_tar
from mien.batch.kept import Kept, arrow_rows
from mien.batch.listing import Item
from mien.batch.places import join, open_binary
from mien.batch.plan import Chunk
from mien.batch.rows import code_of
from mien.core.files import read_at_most
from mien.pictures import tables
from mien.pictures.archives import MAX_BYTES, READ_ERRORS, Stored, read_slice, read_stored, too_large

__all__ = ["Cursors", "Given"]

_BATCH_BYTES = 32 * 2**20  # of a Parquet table's column that are held at once
_BATCH_ROWS = 64

Content = bytes | NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """One input: what it is called, and its bytes (or pixels), or else why there are none, also in one word.

    `kept` are the columns that pass through, `note` what is wrong with them.
    """

    source: str
    member: str | None
    row: int | None
    content: Content | None
    problem: str = ""
    code: str = ""
    kept: Kept = ()
    note: str = ""

    @property
    def name(self) -> str:
        """What messages call it."""
        inside = self.member if self.row is None else f"row {self.row}"
        return self.source if inside is None else f"{self.source}: {inside}"


class Cursors:
    """Reads chunks; keeps the last container open between them."""

    def __init__(self) -> None:
        self._key: tuple[str, str] | None = None
        self._opened: Any = None
        self._stack = ExitStack()

    def read(self, chunk: Chunk, column: str, keep: Sequence[str] = ()) -> Iterator[Given]:
        """Every input of a chunk of pictures, in order; what cannot be read comes with a problem.

        Args:
            chunk: of any kind but "video".
            column: column of a Parquet table that holds the pictures.
            keep: columns of tables that pass through.

        """
        if chunk.kind in {"parquet", "csv"}:
            yield from self._rows(chunk, column, keep)
            return
        for item in chunk.items:
            source = join(chunk.shown, item.name) if chunk.kind == "files" else chunk.shown
            member = item.name if chunk.kind != "files" and item.name else None
            content, problem, code = None, item.problem, item.code
            if not problem:
                try:
                    content = self._bytes(chunk, item)
                except READ_ERRORS as error:
                    problem, code = _sentence(error), code_of(error)
                else:
                    problem, code = _limited(content)
                    content = None if problem else content
            names = (_text(source), None if member is None else _text(member), None)
            yield Given(*names, content, problem, code, item.kept, _text(item.note))

    def close(self) -> None:
        """Let go of what is open."""
        self._stack.close()
        self._key = None

    def _bytes(self, chunk: Chunk, item: Item) -> bytes:
        if chunk.kind == "files":
            with open_binary(chunk.base, item.name) as file:
                return read_at_most(file, MAX_BYTES)
        if chunk.kind == "zip":
            return read_stored(self._open(chunk, open_binary), Stored(*item.at))
        stream: IO[bytes] = self._open(chunk, open_tar)
        try:
            return read_slice(stream, *item.at)
        except READ_ERRORS:
            self.close()  # a stream that failed may stand anywhere
            raise

    def _open(self, chunk: Chunk, opener: Any, *options: Any) -> Any:
        key = (chunk.kind, chunk.base)
        if self._key != key:
            self.close()
            self._opened = self._stack.enter_context(opener(chunk.base, *options))
            self._key = key
        return self._opened

    def _rows(self, chunk: Chunk, column: str, keep: Sequence[str]) -> Iterator[Given]:
        """Rows of a table; where it breaks off, the rest of the chunk has the same problem."""
        given, shown = 0, _text(chunk.shown)
        try:
            opener, options = (_ParquetRows, (column, keep)) if chunk.kind == "parquet" else (_CsvRows, (keep,))
            table = self._open(chunk, opener, *options)
            for name, content, problem, code, kept in table.rows(chunk.start, chunk.count):
                yield Given(shown, name, chunk.start + given, content, problem, code, kept)
                given += 1
            problem = "the table has become shorter"
        except READ_ERRORS as error:
            self.close()
            problem = _sentence(error)
        for row in range(chunk.start + given, chunk.start + chunk.count):
            yield Given(shown, None, row, None, problem, "damaged")


_Row = tuple[str | None, Content | None, str, str, Kept]


class _ParquetRows:
    """A Parquet file that is read forward: (name, bytes, problem, code, kept) of rows."""

    def __init__(self, base: str, column: str, keep: Sequence[str]) -> None:
        self._stack = ExitStack()
        self._file, self._column = self._stack.enter_context(open_parquet(base)), column
        self._keep = keep
        metadata = self._file.metadata
        sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        self._starts = list(itertools.accumulate(sizes, initial=0))
        self._position = -1
        self._stream: Iterator[_Row] = iter(())

    def __enter__(self) -> _ParquetRows:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream = iter(())
        self._stack.close()

    def rows(self, start: int, count: int) -> Iterator[_Row]:
        group = max(i for i, first in enumerate(self._starts[:-1]) if first <= start)
        if not self._starts[group] <= self._position <= start:
            self._stream, self._position = self._from_group(group), self._starts[group]
        skipped = start - self._position
        self._position = -1  # until these rows are read, nobody knows
        yield from itertools.islice(self._stream, skipped, skipped + count)
        self._position = start + count

    def _from_group(self, group: int) -> Iterator[_Row]:
        metadata = self._file.metadata
        widest = max((_row_bytes(metadata.row_group(i)) for i in range(group, metadata.num_row_groups)), default=1)
        size = max(1, min(_BATCH_ROWS, _BATCH_BYTES // max(widest, 1)))
        groups = range(group, metadata.num_row_groups)
        columns = [self._column, *(name for name in self._keep if name in self._file.schema_arrow.names)]
        for batch in self._file.iter_batches(size, row_groups=groups, columns=columns, use_threads=False):
            pictures = tables.cells(batch.column(batch.schema.names.index(self._column)))
            for (name, value), kept in zip(pictures, arrow_rows(batch, self._keep), strict=True):
                yield _row(name, value, kept)


def _row_bytes(group: Any) -> int:
    return int(group.total_byte_size) // max(int(group.num_rows), 1)


def _row(name: str | None, value: bytes | None, kept: Kept) -> _Row:
    if value is None:
        return name, None, "holds no picture", "damaged", kept
    problem, code = _limited(value)
    return name, None if problem else value, problem, code, kept


class _CsvRows:
    """A CSV file with pixels that is read forward."""

    def __init__(self, base: str, keep: Sequence[str]) -> None:
        self._base = base
        names = csv_columns(base)
        lower = [name.lower() for name in names]
        if tables.PIXELS not in lower:
            raise ValueError("has no column named pixels any more")
        self._column = lower.index(tables.PIXELS)
        self._keep = [names.index(name) if name in names else None for name in keep]
        self._start()

    def __enter__(self) -> _CsvRows:
        return self

    def __exit__(self, *_: object) -> None:
        self._text.close()

    def _start(self) -> None:
        self._text, reader = open_csv(self._base)
        self._rows = (row for row in reader if row)
        self._position = 0

    def rows(self, start: int, count: int) -> Iterator[_Row]:
        if not 0 <= self._position <= start:
            self._text.close()
            self._start()
        skipped = start - self._position
        for row in itertools.islice(self._rows, skipped, skipped + count):
            self._position = -1
            yield *_square(row, self._column), tuple(_cell(row, column) for column in self._keep)
        self._position = start + count


def _cell(row: list[str], column: int | None) -> str | None:
    """The text of a cell, or None where there is none: CSV has no other sign for what is missing."""
    return (row[column] or None) if column is not None and column < len(row) else None


def _square(row: list[str], column: int) -> tuple[str | None, Content | None, str, str]:
    """Picture (S, S) of a row, or why there is none."""
    try:
        return None, tables.square_of(row[column] if column < len(row) else ""), "", ""
    except ValueError as error:
        return None, None, str(error), "damaged"


def _limited(data: bytes) -> tuple[str, str]:
    problem = too_large(len(data))
    return problem, "too_large" if problem else ""


def _sentence(error: Exception) -> str:
    text = (error.strerror if isinstance(error, OSError) and error.strerror else str(error)).strip().splitlines()
    return text[0].rstrip(".")[:300] if text else "cut off in its container"


def _text(name: str) -> str:
    r"""A name as UTF-8; bytes that are none are shown as `\xff`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
