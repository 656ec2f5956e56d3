"""A job's parts: two Parquet files per chunk, of which the second says that the first is whole.

Decides the names in the result folder and the order in which files are written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from mien.batch.places import Folder
from mien.batch.rows import METADATA_KEY

__all__ = ["FACES", "INPUTS", "Done", "PartWriter", "done_parts", "name_of", "remove_leavings", "writing_part"]

FACES, INPUTS = "faces", "inputs"
_COUNTS_KEY = "mien.batch.part"
_GROUP_ROWS = 16384
_SUFFIX = ".parquet"


@dataclass(frozen=True, slots=True)
class Done:
    """A part that is written: how much it holds."""

    part: int
    inputs: int
    faces: int
    errors: int
    frames: int


def name_of(table: str, part: int) -> str:
    """Name of a part's file in the result folder."""
    return f"{table}/part-{part:07d}{_SUFFIX}"


class PartWriter:
    """Writes the rows of one part as they come."""

    def __init__(self, faces: Any, inputs: Any) -> None:
        self._faces, self._inputs = faces, inputs

    def faces(self, batch: Any) -> None:
        """Write a record batch of faces; an empty one is fine."""
        if batch.num_rows:
            self._faces.write_batch(batch, row_group_size=_GROUP_ROWS)

    def inputs(self, batch: Any, done: Done) -> None:
        """Write the record batch of inputs, with what the part holds."""
        self._inputs.write_batch(batch, row_group_size=_GROUP_ROWS)
        self._inputs.add_key_value_metadata({_COUNTS_KEY: json.dumps(asdict(done), sort_keys=True)})


@contextmanager
def writing_part(folder: Folder, part: int, faces_schema: Any, inputs_schema: Any) -> Iterator[PartWriter]:
    """A part for writing: both files appear when the block ends without an error, the faces first.

    A kill between the two leaves faces without inputs: such a part counts as not done, and is replaced.

    Raises:
        OutputError: it cannot be written.

    """
    import pyarrow.parquet as pq

    with ExitStack() as stack:  # unwinds from the end: the faces' file must be closed, and so renamed, first
        inputs = stack.enter_context(folder.create(name_of(INPUTS, part)))
        inputs_writer = stack.enter_context(_writer(pq, inputs, inputs_schema))
        faces = stack.enter_context(folder.create(name_of(FACES, part)))
        faces_writer = stack.enter_context(_writer(pq, faces, faces_schema))
        yield PartWriter(faces_writer, inputs_writer)


@contextmanager
def _writer(pq: Any, file: Any, schema: Any) -> Iterator[Any]:
    """As ParquetWriter's own context, but a failed write is not followed by another one on closing."""
    writer = pq.ParquetWriter(file, schema, compression="zstd")
    try:
        yield writer
        writer.close()
    finally:
        writer.is_open = False


def done_parts(folder: Folder, job: str) -> dict[int, Done]:
    """The parts that are written, by number; files of another job, or damaged ones, count as not written.

    Args:
        folder: the result folder.
        job: the job's identity, as its manifest has it.

    """
    found = {}
    for name in folder.names(INPUTS):
        if name.endswith(_SUFFIX) and not name.startswith("."):
            done = _read_done(folder, f"{INPUTS}/{name}", job)
            if done is not None and name_of(INPUTS, done.part) == f"{INPUTS}/{name}":
                found[done.part] = done
    return found


def _read_done(folder: Folder, name: str, job: str) -> Done | None:
    """What a part holds, when both of its files are whole to their ends (a disk may lose what it wrote last)."""
    metadata, _ = _foot(folder, name)
    if json.loads(metadata.get(METADATA_KEY, b"{}")).get("job") != job or _COUNTS_KEY.encode() not in metadata:
        return None
    done = Done(**json.loads(metadata[_COUNTS_KEY.encode()]))
    metadata, rows = _foot(folder, name_of(FACES, done.part))
    same = json.loads(metadata.get(METADATA_KEY, b"{}")).get("job") == job
    return done if same and rows == done.faces else None


def _foot(folder: Folder, name: str) -> tuple[dict[bytes, bytes], int]:
    """Metadata and number of rows of a Parquet file; nothing and -1 when it is not whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with folder.open(name) as file, pq.ParquetFile(file) as table:
            return table.metadata.metadata or {}, int(table.metadata.num_rows)
    except (OSError, pa.ArrowException):
        return {}, -1


def remove_leavings(folder: Folder) -> None:
    """Remove the temporary files of killed processes.

    Raises:
        OutputError: the folder cannot be listed.

    """
    for table in ("", FACES, INPUTS):
        for name in folder.names(table):
            if name.startswith(".") and ".part" in name:
                folder.remove(f"{table}/{name}" if table else name)
