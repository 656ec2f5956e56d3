"""The bytes of a chunk's inputs, one after the other, in one process.

What was opened last stays open, so chunks of one container in rising order read it once from front to back, also where
it cannot be entered in the middle (a packed tar, a CSV file). Holds one input at a time. Decodes nothing.
"""

from __future__ import annotations

import itertools
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mien.batch.containers import (
    MAX_BYTES,
    READ_ERRORS,
    columns_of,
    has_pixels,
    open_csv,
    open_parquet,
    open_tar,
)
from mien.batch.listing import Item
from mien.batch.places import join, open_binary
from mien.batch.plan import Chunk

__all__ = ["Cursors", "Given"]

_BATCH_BYTES = 32 * 2**20  # of a Parquet table's column that are held at once
_BATCH_ROWS = 64
_MAX_SIDE = 2048  # of a picture that is written as numbers

Content = bytes | NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """One input: what it is called, and its bytes (or pixels), or else why there are none."""

    source: str
    member: str | None
    row: int | None
    content: Content | None
    problem: str = ""

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

    def read(self, chunk: Chunk, column: str) -> Iterator[Given]:
        """Every input of a chunk of pictures, in order; what cannot be read comes with a problem.

        Args:
            chunk: of any kind but "video".
            column: column of a Parquet table that holds the pictures.

        """
        if chunk.kind in {"parquet", "csv"}:
            yield from self._rows(chunk, column)
            return
        for item in chunk.items:
            source = join(chunk.shown, item.name) if chunk.kind == "files" else chunk.shown
            member = item.name if chunk.kind != "files" and item.name else None
            content, problem = None, item.problem
            if not problem:
                try:
                    content = self._bytes(chunk, item)
                except READ_ERRORS as error:
                    problem = _sentence(error)
            yield Given(_text(source), None if member is None else _text(member), None, content, problem)

    def close(self) -> None:
        """Let go of what is open."""
        self._stack.close()
        self._key = None

    def _bytes(self, chunk: Chunk, item: Item) -> bytes:
        if chunk.kind == "files":
            with open_binary(chunk.base, item.name) as file:
                return _limited(file.read(MAX_BYTES + 1))
        if chunk.kind == "zip":
            return _zip_member(self._open(chunk, open_binary), item)
        offset, size = item.at
        stream: IO[bytes] = self._open(chunk, open_tar)
        try:
            stream.seek(offset)
            data = stream.read(size)
        except READ_ERRORS:
            self.close()  # a stream that failed may stand anywhere
            raise
        if len(data) != size:
            raise EOFError("cut off in the archive")
        return data

    def _open(self, chunk: Chunk, opener: Any, *options: Any) -> Any:
        key = (chunk.kind, chunk.base)
        if self._key != key:
            self.close()
            self._opened = self._stack.enter_context(opener(chunk.base, *options))
            self._key = key
        return self._opened

    def _rows(self, chunk: Chunk, column: str) -> Iterator[Given]:
        """Rows of a table; where it breaks off, the rest of the chunk has the same problem."""
        given, shown = 0, _text(chunk.shown)
        try:
            table = self._open(chunk, _ParquetRows, column) if chunk.kind == "parquet" else self._open(chunk, _CsvRows)
            for name, content, problem in table.rows(chunk.start, chunk.count):
                yield Given(shown, name, chunk.start + given, content, problem)
                given += 1
            problem = "the table has become shorter"
        except READ_ERRORS as error:
            self.close()
            problem = _sentence(error)
        for row in range(chunk.start + given, chunk.start + chunk.count):
            yield Given(shown, None, row, None, problem)


_Row = tuple[str | None, Content | None, str]


class _ParquetRows:
    """A Parquet file that is read forward: (name, bytes, problem) of rows."""

    def __init__(self, base: str, column: str) -> None:
        self._stack = ExitStack()
        self._file, self._column = self._stack.enter_context(open_parquet(base)), column
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
        for batch in self._file.iter_batches(size, row_groups=groups, columns=[self._column], use_threads=False):
            yield from _cells(batch.column(0))


def _row_bytes(group: Any) -> int:
    return int(group.total_byte_size) // max(int(group.num_rows), 1)


def _cells(column: Any) -> Iterator[_Row]:
    import pyarrow as pa

    names = None
    data = column
    if pa.types.is_struct(column.type):
        fields = {column.type.field(i).name for i in range(column.type.num_fields)}
        data = column.field("bytes")
        names = column.field("path") if "path" in fields else None
    for i in range(len(column)):
        name = None if names is None or names[i].as_py() is None else str(names[i].as_py())
        value = data[i].as_py() if column[i].is_valid else None
        problem = "" if value is not None else "holds no picture"
        if value is not None and len(value) > MAX_BYTES:
            value, problem = None, f"larger than the limit of {MAX_BYTES:,} bytes"
        yield name, value, problem


class _CsvRows:
    """A CSV file with pixels that is read forward."""

    def __init__(self, base: str) -> None:
        self._base = base
        with open_binary(base) as file:
            head = file.read(2**16).decode("utf-8-sig", errors="replace").splitlines()
        if not has_pixels(base):
            raise ValueError("has no column named pixels any more")
        self._column = columns_of(head[0]).index("pixels")
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
            yield (None, *_square(row, self._column))
        self._position = start + count


def _square(row: list[str], column: int) -> tuple[NDArray[np.uint8] | None, str]:
    """Picture (S, S) of a row, or why there is none."""
    cells = row[column].split() if column < len(row) else []
    side = math.isqrt(len(cells))
    if not cells or side * side != len(cells) or side > _MAX_SIDE:
        return None, f"expected the pixels of a square, got {len(cells):,}"
    try:
        values = np.array(cells, np.int64)
    except (ValueError, OverflowError):
        return None, "expected whole numbers with spaces between them as pixels"
    if values.min() < 0 or values.max() > 255:
        return None, f"expected pixels in 0..255, got {values.min()}..{values.max()}"
    return values.astype(np.uint8).reshape(side, side), ""


def _zip_member(file: IO[bytes], item: Item) -> bytes:
    offset, packed, size, method, crc = item.at
    file.seek(offset)
    # The local header's own name and extra field may differ in length from those in the directory.
    signature, name, extra = struct.unpack("<4s22xHH", file.read(30))
    if signature != b"PK\x03\x04":
        raise zipfile.BadZipFile("damaged in the archive")
    file.seek(offset + 30 + name + extra)
    data = file.read(packed)
    if method == zipfile.ZIP_DEFLATED:
        data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, size + 1)
    elif method != zipfile.ZIP_STORED:
        raise zipfile.BadZipFile("packed in a way that is not known; pack the archive with deflate")
    if len(data) != size or zlib.crc32(data) != crc:
        raise zipfile.BadZipFile("damaged in the archive")
    return data


def _limited(data: bytes) -> bytes:
    if len(data) > MAX_BYTES:
        raise ValueError(f"larger than the limit of {MAX_BYTES:,} bytes")
    return data


def _sentence(error: Exception) -> str:
    text = (error.strerror if isinstance(error, OSError) and error.strerror else str(error)).strip().splitlines()
    return text[0].rstrip(".")[:300] if text else "cut off in its container"


def _text(name: str) -> str:
    r"""A name as UTF-8; bytes that are none are shown as `\xff`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
