"""The two tables of a job, as Arrow schemas, and rows on their way into them. `docs/batch.md` describes the columns.

Rows come in, record batches go out; `parts.py` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core import errors
from mien.core.errors import MienError, OptionError
from mien.core.types import Face, Reading

__all__ = [
    "FORMAT_VERSION",
    "METADATA_KEY",
    "PASSED_OVER",
    "FaceRows",
    "InputRow",
    "InputRows",
    "Place",
    "code_of",
    "faces_schema",
    "inputs_schema",
]

FORMAT_VERSION = 1
"""Version of both tables; stands in their metadata."""
METADATA_KEY = b"mien.batch"
"""Key of the tables' metadata; its value is a JSON object."""

PASSED_OVER = "passed_over"
"""Status and code of files that are no inputs; the codes of errors are those of `mien.core.errors.CODES`."""

_NUMPY = {"int32": np.int32, "int64": np.int64, "float": np.float32, "double": np.float64}
_POINTS = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")
_LANDMARKS = tuple(f"{point}_{axis}" for point in _POINTS for axis in "xy")
_NOWHERE = (None,) * len(_LANDMARKS)


def faces_schema(labels: Sequence[str], metadata: dict[str, Any], kept: Sequence[str] = ()) -> Any:
    """Schema of the table with one row per face.

    Args:
        labels: the labels of the model.
        metadata: facts about the job, for JSON.
        kept: names of columns of the source that pass through.

    Raises:
        OptionError: one of these is a name that the table has already.

    """
    import pyarrow as pa

    f32 = pa.float32()
    fields = [
        *_place_fields(),
        ("face", pa.int32()), ("frame", pa.int64()), ("time_s", pa.float64()), ("track", pa.int32()),
        *((name, f32) for name in ("x1", "y1", "x2", "y2")), ("score", f32), ("emotion", pa.string()),
        ("confidence", f32), ("uncertain", pa.bool_()),
        *((f"p_{label}", f32) for label in labels), *((f"smooth_{label}", f32) for label in labels),
        *((name, f32) for name in _LANDMARKS),
    ]  # fmt: skip
    return pa.schema(_with_kept(fields, kept), metadata=_metadata("faces", metadata | {"labels": list(labels)}))


def inputs_schema(metadata: dict[str, Any], kept: Sequence[str] = ()) -> Any:
    """Schema of the table with one row per input; see `faces_schema`."""
    import pyarrow as pa

    fields = [
        *_place_fields(),
        ("kind", pa.string()), ("status", pa.string()), ("code", pa.string()), ("error", pa.string()),
        ("note", pa.string()), ("width", pa.int32()), ("height", pa.int32()), ("frames", pa.int64()),
        ("faces", pa.int64()), ("files", pa.int64()),
    ]  # fmt: skip
    return pa.schema(_with_kept(fields, kept), metadata=_metadata("inputs", metadata))


def _with_kept(fields: list[tuple[str, Any]], kept: Sequence[str]) -> list[tuple[str, Any]]:
    import pyarrow as pa

    own = {name for name, _ in fields}
    for name in kept:
        if name in own:
            raise OptionError(f"The results have a column {name!r} of their own; rename that of the source to keep it.")
    return [*fields, *((name, pa.string()) for name in kept)]


def _place_fields() -> list[tuple[str, Any]]:
    import pyarrow as pa

    return [("input", pa.int64()), ("source", pa.string()), ("member", pa.string()), ("row", pa.int64())]


def _metadata(table: str, facts: dict[str, Any]) -> dict[bytes, bytes]:
    body = {"format_version": FORMAT_VERSION, "table": table, **facts}
    return {METADATA_KEY: json.dumps(body, ensure_ascii=False, sort_keys=True).encode()}


@dataclass(frozen=True, slots=True)
class Place:
    """Which input a row is about: its number in the job (None: it is no input), its file, its member or row in that.

    `kept` are the values of the columns that the job keeps, or () where it has none.
    """

    number: int | None
    source: str
    member: str | None = None
    row: int | None = None
    kept: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class InputRow:
    """One row of the table of inputs, but for its place; `files` is how many files the row is about."""

    kind: str
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    faces: int = 0
    error: str | None = None
    note: str | None = None
    code: str | None = None
    files: int = 1


def code_of(error: BaseException) -> str:
    """The word for an error that is met while an input is read; what is not the system's is the file's own damage."""
    if isinstance(error, MienError):
        return error.code
    return errors.code_of(error) if isinstance(error, OSError) and error.errno is not None else "damaged"


class _Rows:
    """Columns that grow row by row; `kept` is how many of the source's own are at the end."""

    def __init__(self, schema: Any, kept: int = 0) -> None:
        self.schema = schema
        self._nothing_kept = (None,) * kept
        self._rows: list[tuple[Any, ...]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def _kept(self, place: Place) -> tuple[str | None, ...]:
        return place.kept or self._nothing_kept

    def take(self) -> Any:
        """The rows so far as a record batch; the columns are empty again."""
        import pyarrow as pa

        columns = list(zip(*self._rows, strict=True)) or [()] * len(self.schema)
        self._rows = []
        arrays = [_array(values, field.type) for values, field in zip(columns, self.schema, strict=True)]
        return pa.record_batch(arrays, schema=self.schema)


def _array(values: Sequence[Any], kind: Any) -> Any:
    """As `pyarrow.array`, which would load pandas (a second and 40 MB per process) only to ask whether it is in use."""
    import pyarrow as pa

    there = np.array([value is not None for value in values], bool)
    if pa.types.is_string(kind):
        texts = [b"" if value is None else value.encode() for value in values]
        ends = np.cumsum([0, *map(len, texts)], dtype=np.int32)
        data = [pa.py_buffer(ends), pa.py_buffer(b"".join(texts))]
    elif pa.types.is_boolean(kind):
        data = [_bits(np.array([bool(value) for value in values], bool))]
    else:
        data = [pa.py_buffer(np.array([0 if value is None else value for value in values], _NUMPY[str(kind)]))]
    return pa.Array.from_buffers(kind, len(values), [None if there.all() else _bits(there), *data])


def _bits(values: NDArray[np.bool_]) -> Any:
    import pyarrow as pa

    return pa.py_buffer(np.packbits(values, bitorder="little"))


class InputRows(_Rows):
    """Rows of the table of inputs."""

    def add(self, place: Place, row: InputRow) -> None:
        """Add the row of one input."""
        status = "error" if row.error is not None else "ok" if row.code is None else row.code
        at = (place.number, place.source, place.member, place.row)
        told = (row.kind, status, row.code, row.error, row.note)
        self._rows.append((*at, *told, row.width, row.height, row.frames, row.faces, row.files, *self._kept(place)))


class FaceRows(_Rows):
    """Rows of the table of faces.

    Args:
        schema: from `faces_schema`.
        labels: the labels of the model.
        uncertain_below: a face of a picture with less confidence is uncertain.
        kept: number of columns of the source.

    """

    def __init__(self, schema: Any, labels: Sequence[str], uncertain_below: float, kept: int = 0) -> None:
        super().__init__(schema, kept)
        self._labels = tuple(labels)
        self._no_smooth = (None,) * len(self._labels)
        self._below = uncertain_below

    def add(self, place: Place, index: int, face: Face, values: NDArray[np.float32]) -> None:
        """Add a face of a picture: its number in the picture, and its probabilities (K,)."""
        best = int(values.argmax())
        sure = float(values[best])
        self._rows.append(
            (
                place.number, place.source, place.member, place.row, index, None, None, None, *face.box, face.score,
                self._labels[best], sure, sure < self._below, *values.tolist(), *self._no_smooth, *_points(face),
                *self._kept(place),
            )
        )  # fmt: skip

    def add_reading(self, place: Place, index: int, frame: int, time_s: float, reading: Reading) -> None:
        """Add a face of a video's frame."""
        smooth = self._no_smooth if reading.smooth_values is None else reading.smooth_values
        self._rows.append(
            (
                place.number, place.source, place.member, place.row, index, frame, time_s, reading.track, *reading.box,
                reading.score, reading.emotion, reading.confidence, reading.uncertain, *reading.values, *smooth,
                *_points(reading.face), *self._kept(place),
            )
        )  # fmt: skip


def _points(face: Face) -> tuple[float | None, ...]:
    return _NOWHERE if face.landmarks is None else tuple(value for point in face.landmarks for value in point)
