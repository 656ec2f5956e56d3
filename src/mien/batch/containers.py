"""What archives and tables hold, as items of a plan: names and places of their pictures, never the pictures themselves.

A member that can be no picture of sane size is refused here, before anything is decoded; a damaged archive ends with an
item that says so. What is no picture is counted by suffix.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, Any, cast
from zipfile import ZipInfo

from mien.batch.kept import Sides, Wanted, check_arrow
from mien.batch.listing import Item
from mien.batch.places import open_binary
from mien.pictures import archives, tables
from mien.pictures.archives import READ_ERRORS
from mien.pictures.formats import is_picture, is_video
from mien.pictures.listing import Passed, hidden

__all__ = [
    "csv_columns",
    "csv_rows",
    "has_pixels",
    "open_csv",
    "open_parquet",
    "open_tar",
    "parquet_rows",
    "tar_items",
    "zip_items",
]

_HEAD_BYTES = 2**16


def zip_items(base: str, passed: Passed, wanted: Wanted) -> Iterator[Item]:
    """Pictures of a zip archive, in its own order; `at` is a `Stored`. Other members are counted in `passed`.

    Of JSON members beside pictures the columns that are `wanted` go into the items.
    """
    sides = Sides(wanted)
    yield from sides.joined(_zip_items(base, passed, sides), passed)


def _zip_items(base: str, passed: Passed, sides: Sides) -> Iterator[Item]:
    try:
        with open_binary(base) as file:
            entries = [entry for entry in archives.zip_entries(file) if not _taken(sides, file, entry)]
    except READ_ERRORS as error:
        yield Item("", problem=f"not a whole zip archive ({_reason(error)}); download or pack it again", code="damaged")
        return
    for entry in entries:
        if not entry.is_dir() and _wanted(entry.filename, passed):
            yield _item(entry.filename, archives.stored(entry), archives.member_problem(entry))


def _taken(sides: Sides, file: IO[bytes], entry: ZipInfo) -> bool:
    at = archives.stored(entry)
    problem = archives.member_problem(entry)
    return sides.take(entry.filename, problem, lambda: archives.read_stored(file, at), max(at.size, at.packed))


@contextmanager
def open_tar(base: str) -> Iterator[IO[bytes]]:
    """The unpacked stream of a tar archive.

    Raises:
        OSError: the file cannot be read.

    """
    with open_binary(base) as file, archives.open_tar(file) as stream:
        yield stream


def tar_items(base: str, passed: Passed, wanted: Wanted) -> Iterator[Item]:
    """Pictures of a tar archive, packed or not, in its own order; `at` is (offset, size) in the unpacked stream.

    Other members are counted in `passed`. Of JSON members beside pictures the columns that are `wanted` go into the
    items.
    """
    sides = Sides(wanted)
    yield from sides.joined(_tar_items(base, passed, sides), passed)


def _tar_items(base: str, passed: Passed, sides: Sides) -> Iterator[Item]:
    found = 0
    try:
        with open_binary(base) as file:
            packed = file.seek(0, io.SEEK_END)
        with open_tar(base) as stream:
            for member in archives.tar_members(stream, packed):
                found += 1
                if member.isdir():
                    continue
                at, problem = (member.offset_data, member.size), archives.tar_problem(member)
                if sides.take(member.name, problem, partial(archives.read_slice, stream, *at), member.size):
                    continue
                if _wanted(member.name, passed):
                    yield _item(member.name, at, problem)
    except READ_ERRORS as error:
        text = f"damaged or cut off after {found} members ({_reason(error)}); what comes before is read"
        yield Item("", problem=text, code="damaged")


def _wanted(name: str, passed: Passed) -> bool:
    """Whether a member gets a row of its own; a video gets one, because it could be read if it were unpacked."""
    if hidden(name):
        return False
    if is_picture(name) or is_video(name):
        return True
    passed.note(name)
    return False


def _item(name: str, at: tuple[int, ...], problem: str) -> Item:
    if is_video(name):
        return Item(name, at, "a video inside an archive; unpack it first", "unsupported")
    code = "" if not problem else "too_large" if problem.startswith("larger") else "unsupported"
    return Item(name, at, problem, code)


@contextmanager
def open_parquet(base: str) -> Iterator[Any]:
    """A Parquet file, read page by page.

    Raises:
        MissingExtraError: pyarrow is not installed.
        OSError, ValueError: not a whole Parquet file.

    """
    with open_binary(base) as file, tables.open_parquet(file) as table:
        yield table


def parquet_rows(base: str, shown: str, column: str, wanted: Wanted) -> tuple[int, str]:
    """Number of rows with a picture each, and what is wrong with the file, or "".

    Raises:
        OptionError: a column that is to be kept holds bytes.

    """
    try:
        with open_parquet(base) as table:
            schema, rows = table.schema_arrow, int(table.metadata.num_rows)
    except READ_ERRORS as error:
        return 0, f"not a whole Parquet file ({_reason(error)}); write or download it again"
    if column not in schema.names:
        there = ", ".join(schema.names)
        return 0, f"expected a column {column!r}, got {there}; name the column with --column"
    if problem := tables.column_problem(schema.field(column).type):
        return 0, f"the column {column!r} {problem}; name another with --column"
    check_arrow(schema, wanted.names, shown)
    wanted.note(name for name in schema.names if name != column)
    return rows, ""


def has_pixels(base: str) -> bool:
    """Whether a CSV file has a column of pixels, as Kaggle's `fer2013.csv` has."""
    try:
        return tables.PIXELS in map(str.lower, csv_columns(base))
    except OSError:
        return False


def open_csv(base: str) -> tuple[IO[str], Iterator[list[str]]]:
    """A CSV file and its rows after the header.

    Raises:
        OSError: it cannot be read.

    """
    csv.field_size_limit(tables.FIELD_LIMIT)
    text = io.TextIOWrapper(cast("Any", open_binary(base)), encoding="utf-8-sig", errors="replace", newline="")
    text.readline()
    return text, csv.reader(text)


def csv_columns(base: str) -> list[str]:
    """Column names of a CSV file without spaces around them: `icml_face_data.csv` of Kaggle has " Usage".

    Raises:
        OSError: it cannot be read.

    """
    with open_binary(base) as file:
        head = file.read(_HEAD_BYTES).decode("utf-8-sig", errors="replace").splitlines()
    return [name.strip() for name in next(csv.reader(head[:1]), [])]


def csv_rows(base: str, wanted: Wanted) -> tuple[int, str]:
    """Number of rows below the header, and what is wrong with the file, or ""."""
    count = 0
    try:
        wanted.note(name for name in csv_columns(base) if name.lower() != tables.PIXELS)
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
