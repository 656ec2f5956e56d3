"""Pictures in the cells of tables: image files in a Parquet column, and grey levels in a CSV file's column `pixels`.

Labels and other columns are left to the readers of data sets.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import MissingExtraError

__all__ = ["FIELD_LIMIT", "PIXELS", "cells", "column_problem", "open_parquet", "square_of"]

PIXELS = "pixels"
"""Name of the column of pixels, as in Kaggle's `fer2013.csv`."""
FIELD_LIMIT = 2**24
"""Characters of one cell of a CSV file; a picture of 2,000 x 2,000 written as numbers fits."""
_MAX_SIDE = 2048  # of a picture that is written as numbers


@contextmanager
def open_parquet(file: IO[bytes]) -> Iterator[Any]:
    """A Parquet file, read page by page.

    Raises:
        MissingExtraError: pyarrow is not installed.
        OSError, ValueError: not a whole Parquet file.

    """
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("Reading Parquet", "pyarrow", "data") from error
    with pq.ParquetFile(file, pre_buffer=False, buffer_size=2**16) as table:
        yield table


def column_problem(kind: Any) -> str:
    """Why a column of this Arrow type holds no pictures, or ""; it must hold bytes, or structs of bytes and path."""
    import pyarrow as pa

    data = kind
    if pa.types.is_struct(kind):
        names = {kind.field(i).name for i in range(kind.num_fields)}
        if not names & {"bytes", "path"}:
            return f"must hold bytes, or a struct of bytes and path, got {kind}"
        if "bytes" not in names:
            return ""
        data = kind.field("bytes").type
    if pa.types.is_binary(data) or pa.types.is_large_binary(data) or pa.types.is_null(data):
        return ""
    return f"must hold bytes, or a struct of bytes and path, got {kind}"


def cells(column: Any) -> Iterator[tuple[str | None, bytes | None]]:
    """Name and bytes of every picture of an Arrow array that `column_problem` finds good; None where there are none."""
    import pyarrow as pa

    names = data = None
    if pa.types.is_struct(column.type):
        fields = {column.type.field(i).name for i in range(column.type.num_fields)}
        data = column.field("bytes") if "bytes" in fields else None
        names = column.field("path") if "path" in fields else None
    else:
        data = column
    for i in range(len(column)):
        name = None if names is None else names[i].as_py()
        valid = data is not None and column[i].is_valid
        yield None if name is None else str(name), data[i].as_py() if valid and data is not None else None


def square_of(text: str, side: int | None = None) -> NDArray[np.uint8]:
    """Picture (S, S) of a cell: S * S grey levels of 0..255, row by row, with spaces between them.

    Args:
        text: the cell.
        side: S, where it is known.

    Raises:
        ValueError: another number of them, or something else; says what.

    """
    with warnings.catch_warnings():
        # NumPy warns, and stops, at the first thing that is no number.
        warnings.simplefilter("error", DeprecationWarning)
        try:
            values = np.fromstring(text, dtype=np.int64, sep=" ")
        except (DeprecationWarning, ValueError) as error:
            raise ValueError("expected whole numbers with spaces between them as pixels") from error
    if len(values) and not 0 <= values.min() <= values.max() <= 255:
        raise ValueError(f"expected pixels in 0..255, got {values.min()}..{values.max()}")
    own = math.isqrt(len(values))
    if own * own != len(values) or not 0 < own <= _MAX_SIDE or side not in {None, own}:
        wanted = f"{side * side:,} pixels ({side}x{side}) as in the rows before" if side else "pixels of a square"
        raise ValueError(f"expected {wanted}, got {len(values):,}")
    return values.astype(np.uint8).reshape(own, own)
