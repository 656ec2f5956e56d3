"""The results of a job as tables: only what is whole is given, also while the job is still running."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from typing import Any

from mien.batch.manifest import read_manifest
from mien.batch.parts import FACES, INPUTS, done_parts, name_of
from mien.batch.places import Folder, open_folder
from mien.batch.rows import faces_schema, inputs_schema
from mien.core.errors import OutputError

__all__ = ["read_faces", "read_inputs"]


def read_faces(out: str | PathLike[str], columns: Sequence[str] | None = None) -> Any:
    """One row per face, as a `pyarrow.Table`, ordered by input, then frame, then face.

    Args:
        out: result folder of `mien batch`, path or address.
        columns: name or names of the columns to read; None for all (`docs/batch.md` lists them).

    Raises:
        OutputError: there is no job in the folder, the table has no such column, or a part is damaged.

    """
    return _read(open_folder(fspath(out)), FACES, columns)


def read_inputs(out: str | PathLike[str], columns: Sequence[str] | None = None) -> Any:
    """One row per input, in order, also of those that could not be read; see `read_faces`."""
    return _read(open_folder(fspath(out)), INPUTS, columns)


def _read(folder: Folder, table: str, columns: Sequence[str] | None) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    manifest = read_manifest(folder)
    if manifest is None:
        raise OutputError(f"There is no job in {folder.text}: expected the result folder of `mien batch`.")
    facts, kept = {"job": manifest.job}, manifest.settings.get("keep_columns", ())
    schema = faces_schema(manifest.labels, facts, kept) if table == FACES else inputs_schema(facts, kept)
    wanted = schema.names if columns is None else [columns] if isinstance(columns, str) else list(columns)
    unknown = sorted(set(wanted) - set(schema.names))
    if unknown:
        raise OutputError(f"The table of {table} has no column {unknown[0]!r}; it has {', '.join(schema.names)}.")
    tables = [pa.schema([schema.field(name) for name in wanted], metadata=schema.metadata).empty_table()]
    for part in sorted(done_parts(folder, manifest.job)):
        try:
            with folder.open(name_of(table, part)) as file, pq.ParquetFile(file) as found:
                tables.append(found.read(columns=wanted).replace_schema_metadata(schema.metadata))
        except (OSError, pa.ArrowException) as error:
            name = f"{folder.text}/{name_of(table, part)}"
            raise OutputError(f"{name} is damaged ({error}); remove it and go on with --resume.") from error
    return pa.concat_tables(tables)
