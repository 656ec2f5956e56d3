"""The time line of a video as a table: one row per face and frame, written as CSV, JSON lines or Parquet.

Rows are written as they come, under a temporary name that becomes the final one when the sink is closed.
Knows no models: the labels are given. `docs/video.md` describes the columns.
"""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from mien.core.errors import MissingExtraError, OptionError, OutputError
from mien.core.files import atomic_path, atomic_write
from mien.core.types import Frame, Reading

__all__ = ["TIMELINE_SUFFIXES", "TimelineSink", "columns", "csv_cells", "open_timeline", "rows"]

TIMELINE_SUFFIXES = (".csv", ".jsonl", ".parquet")

_FLUSH_ROWS = 256  # so many rows may be lost when the machine stops; a row is about 200 bytes
_GROUP_ROWS = 16384  # rows of one Parquet row group

Row = dict[str, Any]


def columns(labels: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns, in order, for a model with these labels."""
    fixed = ("time_s", "frame", "track", "x1", "y1", "x2", "y2", "score", "emotion", "confidence", "uncertain")
    return (*fixed, *(f"p_{label}" for label in labels), *(f"smooth_{label}" for label in labels))


def rows(frame: Frame, readings: Sequence[Reading]) -> Iterator[Row]:
    """One row per face, keyed as `columns` names them; no face gives no row.

    Times are given to the microsecond and boxes to a hundredth of a pixel; probabilities are not rounded.
    A photograph's reading has None for `track` and the `smooth_` columns.
    """
    for reading in readings:
        smooth = reading.smooth_values or (None,) * len(reading.labels)
        row: Row = {"time_s": round(float(frame.time_s), 6), "frame": frame.index, "track": reading.track}
        row |= {name: round(float(edge), 2) for name, edge in zip(("x1", "y1", "x2", "y2"), reading.box, strict=True)}
        row |= {"score": reading.score, "emotion": reading.emotion, "confidence": reading.confidence}
        row["uncertain"] = reading.uncertain
        row |= {f"p_{label}": value for label, value in zip(reading.labels, reading.values, strict=True)}
        row |= {f"smooth_{label}": value for label, value in zip(reading.labels, smooth, strict=True)}
        yield row


def csv_cells(row: Row) -> Row:
    """A row as CSV writes it: truth as `true` and `false`, as in JSON."""
    return {name: json.dumps(value) if isinstance(value, bool) else value for name, value in row.items()}


class _Format(Protocol):
    """Writes rows to an open place; `stack` holds what must be closed, the temporary file first."""

    def write(self, row: Row) -> None: ...
    def flush(self) -> None: ...


class TimelineSink:
    """A time line that is being written.

    Args:
        path: the final name; the suffix chooses the format: `.csv`, `.jsonl` or `.parquet`.
        labels: the labels of the model.

    Raises:
        OptionError: another suffix.
        OutputError: it cannot be written there.
        MissingExtraError: Parquet is asked for and pyarrow is not installed.

    """

    def __init__(self, path: Path | str, labels: Sequence[str]) -> None:
        self.path = Path(path)
        self._stack = contextlib.ExitStack()
        self._pending = 0
        with self._told():
            try:
                self._format = _open_format(self.path, columns(labels), self._stack)
            except BaseException:
                self.abort()
                raise

    def write(self, frame: Frame, readings: Sequence[Reading]) -> None:
        """Add the rows of one frame."""
        with self._told():
            for row in rows(frame, readings):
                self._format.write(row)
                self._pending += 1
            if self._pending >= _FLUSH_ROWS:
                self._format.flush()
                self._pending = 0

    def close(self) -> None:
        """Finish the file: it now exists under its final name."""
        with self._told():
            self._stack.close()

    def abort(self) -> None:
        """Give up: nothing stays under the final name."""
        error = OutputError(f"{self.path} was given up.")
        with contextlib.suppress(OutputError, OSError):  # what is still in a buffer cannot be written either
            self._stack.__exit__(type(error), error, None)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(f"Cannot write {self.path}: {error.strerror or error}.") from error


def open_timeline(path: Path | str, labels: Sequence[str]) -> TimelineSink:
    """Start a time line; see `TimelineSink`."""
    return TimelineSink(path, labels)


def _open_format(path: Path, names: Sequence[str], stack: contextlib.ExitStack) -> _Format:
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return _Csv(stack.enter_context(atomic_write(path, "w", newline="")), names)
    if suffix == ".jsonl":
        return _JsonLines(stack.enter_context(atomic_write(path, "w")))
    if suffix == ".parquet":
        return _Parquet(path, names, stack)
    raise OptionError(f"{path}: a time line ends in {', '.join(TIMELINE_SUFFIXES)}; got {suffix or 'no suffix'!r}.")


class _Csv:
    def __init__(self, file: IO[str], names: Sequence[str]) -> None:
        self._file = file
        self._writer = csv.DictWriter(file, names, lineterminator="\n")
        self._writer.writeheader()
        file.flush()

    def write(self, row: Row) -> None:
        self._writer.writerow(csv_cells(row))

    def flush(self) -> None:
        self._file.flush()


class _JsonLines:
    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, row: Row) -> None:
        self._file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")

    def flush(self) -> None:
        self._file.flush()


class _Parquet:
    """Row groups of `_GROUP_ROWS` rows; the file can be read only once it is closed, as the format wants it."""

    def __init__(self, path: Path, names: Sequence[str], stack: contextlib.ExitStack) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError as error:
            raise MissingExtraError("Writing Parquet", "pyarrow", "data") from error
        whole = {"frame": pa.int64(), "track": pa.int32(), "emotion": pa.string(), "uncertain": pa.bool_()}
        self._schema = pa.schema([(name, whole.get(name, pa.float64())) for name in names])
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
