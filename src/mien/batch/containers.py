"""What archives and tables hold: names and places of their pictures, never the pictures themselves.

A name in an archive is only a name: nothing is unpacked to disk, so `../../etc/passwd` harms nobody. A member that can
be no picture of sane size is refused here, before anything is decoded; a damaged archive ends with an item that says
so.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from mien.batch.listing import Item
from mien.batch.places import open_binary
from mien.core.errors import MissingExtraError
from mien.pictures.formats import is_picture, is_video
from mien.pictures.listing import hidden

__all__ = [
    "MAX_BYTES",
    "READ_ERRORS",
    "columns_of",
    "csv_rows",
    "has_pixels",
    "open_csv",
    "open_parquet",
    "open_tar",
    "parquet_rows",
    "tar_items",
    "zip_items",
]

MAX_BYTES = 256 * 2**20
"""Largest image file that is read, packed or not."""
_BOMB_BYTES = 2**30
_BOMB_RATIO = 200
"""A tar that has grown past `_BOMB_BYTES`, by more than this factor, is a bomb: pictures hardly shrink at all."""
_FIELD_LIMIT = 2**24  # characters of one cell; a picture of 2,000 x 2,000 written as numbers fits

READ_ERRORS: tuple[type[Exception], ...] = (
    OSError, EOFError, ValueError, KeyError, TypeError, RuntimeError, MemoryError, zlib.error, lzma.LZMAError,
    zipfile.BadZipFile, tarfile.TarError, csv.Error, struct.error,
)  # fmt: skip
"""What damaged archives and tables raise; pyarrow's errors are children of these."""


def zip_items(base: str) -> Iterator[Item]:
    """Pictures of a zip archive, in its own order; `at` is (offset, packed size, size, method, CRC-32)."""
    try:
        with open_binary(base) as file, zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except READ_ERRORS as error:
        yield Item("", problem=f"not a whole zip archive ({_reason(error)}); download or pack it again")
        return
    for entry in entries:
        if entry.is_dir() or hidden(entry.filename) or not _wanted(entry.filename):
            continue
        at = (entry.header_offset, entry.compress_size, entry.file_size, entry.compress_type, entry.CRC)
        problem = _problem(entry.filename, max(entry.file_size, entry.compress_size))
        if stat.S_ISLNK(entry.external_attr >> 16):
            problem = "a link inside the archive; pack the file itself"
        elif entry.flag_bits & 1:
            problem = "encrypted; unpack the archive and read the folder"
        yield Item(entry.filename, at, problem)


@contextmanager
def open_tar(base: str) -> Iterator[IO[bytes]]:
    """The unpacked stream of a tar archive; going forward in it is cheap, going back may start anew.

    Raises:
        OSError: the file cannot be read.

    """
    with open_binary(base) as file:
        head = file.read(6)
        file.seek(0)
        if head[:2] == b"\x1f\x8b":
            stream: Any = gzip.GzipFile(fileobj=file)
        elif head[:3] == b"BZh":
            stream = bz2.BZ2File(file)
        elif head == b"\xfd7zXZ\x00":
            stream = lzma.LZMAFile(file)  # noqa: SIM115 (closed below)
        else:
            yield file
            return
        with stream:
            yield stream


def tar_items(base: str) -> Iterator[Item]:
    """Pictures of a tar archive, packed or not, in its own order; `at` is (offset, size) in the unpacked stream."""
    found = 0
    try:
        with open_binary(base) as file:
            packed = file.seek(0, io.SEEK_END)
        with open_tar(base) as stream, tarfile.open(fileobj=stream, mode="r:", errors="surrogateescape") as archive:
            while (member := archive.next()) is not None:
                cast("Any", archive).members = []  # or the archive would remember every member
                found += 1
                if member.offset_data > max(_BOMB_BYTES, _BOMB_RATIO * packed):
                    yield Item("", problem=f"refused as a decompression bomb after {found} members")
                    return
                if _wanted(member.name) and not hidden(member.name) and not member.isdir():
                    yield Item(member.name, (member.offset_data, member.size), _tar_problem(member))
            whole = _ends_whole(stream, archive.offset)
    except READ_ERRORS as error:
        text = f"damaged or cut off after {found} members ({_reason(error)}); what comes before is read"
        yield Item("", problem=text)
        return
    if not whole:
        yield Item("", problem=f"damaged after {found} members; what comes before is read")


def _ends_whole(stream: IO[bytes], offset: int) -> bool:
    """Whether nothing but zeros stands where tarfile saw the end; it takes any nonsense for one."""
    stream.seek(offset)
    return not stream.read(tarfile.BLOCKSIZE).strip(b"\0")


def _tar_problem(member: tarfile.TarInfo) -> str:
    if not member.isreg() or member.issparse():
        return "a link or special file inside the archive; pack the file itself"
    return _problem(member.name, member.size)


def _wanted(name: str) -> bool:
    return is_picture(name) or is_video(name)


def _problem(name: str, size: int) -> str:
    if is_video(name):
        return "a video inside an archive; unpack it first"
    if size > MAX_BYTES:
        return f"larger than the limit of {MAX_BYTES:,} bytes"
    return ""


@contextmanager
def open_parquet(base: str) -> Iterator[Any]:
    """A Parquet file, read page by page.

    Raises:
        MissingExtraError: pyarrow is not installed.
        OSError, ValueError: not a whole Parquet file.

    """
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("Reading Parquet", "pyarrow", "data") from error
    with open_binary(base) as file, pq.ParquetFile(file, pre_buffer=False, buffer_size=2**16) as table:
        yield table


def parquet_rows(base: str, column: str) -> tuple[int, str]:
    """Number of rows with a picture each, and what is wrong with the file, or ""."""
    try:
        with open_parquet(base) as table:
            schema, rows = table.schema_arrow, int(table.metadata.num_rows)
    except READ_ERRORS as error:
        return 0, f"not a whole Parquet file ({_reason(error)}); write or download it again"
    problem = _column_problem(schema, column)
    return (0, problem) if problem else (rows, "")


def _column_problem(schema: Any, column: str) -> str:
    import pyarrow as pa

    if column not in schema.names:
        return f"expected a column {column!r}, got {', '.join(schema.names)}; name the column with --column"
    kind = schema.field(column).type
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        kind = kind.field("bytes").type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return ""
    return f"the column {column!r} must hold the bytes of image files, got {kind}; name another with --column"


def has_pixels(base: str) -> bool:
    """Whether a CSV file has a column of pixels, as Kaggle's `fer2013.csv` has."""
    try:
        with open_binary(base) as file:
            line = file.read(2**16).decode("utf-8-sig", errors="replace").splitlines()[:1]
    except OSError:
        return False
    return bool(line) and "pixels" in columns_of(line[0])


def columns_of(line: str) -> list[str]:
    """Tidy column names of a header; Kaggle's `icml_face_data.csv` has " Usage" and " pixels"."""
    return [name.strip().lower() for name in next(csv.reader([line]), [])]


def open_csv(base: str) -> tuple[IO[str], Iterator[list[str]]]:
    """A CSV file and its rows after the header.

    Raises:
        OSError: it cannot be read.

    """
    csv.field_size_limit(_FIELD_LIMIT)
    text = io.TextIOWrapper(cast("Any", open_binary(base)), encoding="utf-8-sig", errors="replace", newline="")
    text.readline()
    return text, csv.reader(text)


def csv_rows(base: str) -> tuple[int, str]:
    """Number of rows below the header, and what is wrong with the file, or ""."""
    count = 0
    try:
        text, rows = open_csv(base)
        with text:
            for count, _ in enumerate((row for row in rows if row), start=1):  # noqa: B007
                pass
    except READ_ERRORS as error:
        return count, f"damaged after {count} rows ({_reason(error)}); what comes before is read"
    return count, ""


def _reason(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0].rstrip(".")[:200] if text else type(error).__name__
