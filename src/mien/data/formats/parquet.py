"""Parquet tables with the pictures inside: a file, several, or a folder of them.

Columns: `image` (struct of `bytes` and `path`, or plain bytes), `label` (number or text); optional `split`, `subject`,
`group`, and votes as `ferplus_*` or `votes_*`. The split is else read from the file's name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, MissingExtraError
from mien.core.labels import LabelSet
from mien.data.formats.common import Hints, labels_of, split_of, vote_name
from mien.data.manifest import SPLITS, Manifest, pictures_array
from mien.data.pictures import Encoded, File, Picture

__all__ = ["LAYOUT", "METADATA_KEY", "VOTE_PREFIXES", "read", "recognises"]

LAYOUT = "Parquet"
METADATA_KEY = b"mien"
VOTE_PREFIXES = ("ferplus_", "votes_")


def recognises(path: Path) -> bool:
    """A `.parquet` file, or a folder that holds some."""
    return path.suffix.lower() == ".parquet" if path.is_file() else bool(_files(path))


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    files = sorted(path.glob("*.parquet")) or sorted(path.glob("data/*.parquet"))
    order = {name: i for i, name in enumerate(SPLITS)}
    return sorted(files, key=lambda file: (order.get(split_of(file.stem) or "", len(order)), file.name))


def read(path: Path, hints: Hints) -> Manifest:
    """All rows of all files, train first.

    Raises:
        DataError: a file is damaged, a column is missing, or the labels cannot be told.
        MissingExtraError: pyarrow is not installed.

    """
    tables = [(file, _table(file)) for file in _files(path)]
    names = _label_names(tables, path)
    hints = Hints(hints.labels or names)
    texts = [text for file, table in tables for text in _texts(table, "label", file)]
    labels, label = labels_of(texts, hints, str(path))
    kinds = [name for name in tables[0][1].column_names if name.startswith(VOTE_PREFIXES)]
    votes = [_votes(table, kinds, file) for file, table in tables]
    pictures, titles = zip(*(_pictures(table, file) for file, table in tables), strict=True)
    return Manifest(
        labels=labels,
        label=label,
        split=np.concatenate([_splits(table, file) for file, table in tables]),
        names=np.concatenate([np.array(t, dtype=np.str_) for t in titles]),
        pictures=pictures_array([p for part in pictures for p in part]),
        votes=np.concatenate(votes) if kinds else None,
        vote_labels=tuple(vote_name(kind.split("_", 1)[1]) for kind in kinds),
        subject=_optional(tables, "subject"),
        group=_optional(tables, "group"),
        source=str(path),
    )


def _table(file: Path) -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("Reading Parquet", "pyarrow", "data") from error
    try:
        table = pq.read_table(file, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{file}: not a whole Parquet file ({error}); write or download it again.") from error
    for name in ("image", "label"):
        if name not in table.column_names:
            raise DataError(
                f"{file}: expected columns named image and label, got {', '.join(table.column_names)}; "
                "rename the columns."
            )
    return table


def _label_names(tables: Sequence[tuple[Path, Any]], where: Path) -> LabelSet | None:
    """Names in the files' metadata, as this project or Hugging Face's datasets write them.

    Raises:
        DataError: two files name the labels differently.

    """
    found = {tuple(names) for _, table in tables if (names := _names_in(table.schema.metadata or {}))}
    if len(found) > 1:
        orders = " and ".join(", ".join(names) for names in sorted(found))
        raise DataError(f"{where}: its files name the labels in different orders: {orders}; convert one of them.")
    return LabelSet(found.pop()) if found else None


def _names_in(metadata: dict[bytes, bytes]) -> list[str]:
    for key, way in (
        (METADATA_KEY, ("labels",)),
        (b"huggingface", ("info", "features", "label", "names")),
    ):
        try:
            value: Any = json.loads(metadata.get(key, b"null"))
        except ValueError:
            continue
        for step in way:
            value = value.get(step) if isinstance(value, dict) else None
        if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
            return value
    return []


def _texts(table: Any, name: str, file: Path) -> list[str]:
    """A column as text; nothing is ""."""
    values = table.column(name).to_pylist()
    for value in values:
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | str)):
            raise DataError(f"{file}: the column {name} must hold numbers or text, got {value!r}.")
    return ["" if value is None else str(value) for value in values]


def _splits(table: Any, file: Path) -> NDArray[np.str_]:
    if "split" not in table.column_names:
        return np.full(len(table), split_of(file.stem) or "", dtype="<U10")
    texts = _texts(table, "split", file)
    for text in set(texts):
        if text and split_of(text) is None:
            raise DataError(f"{file}: unknown split {text!r}; known are {', '.join(SPLITS)}.")
    return np.array([split_of(text) or "" for text in texts], dtype="<U10")


def _votes(table: Any, kinds: list[str], file: Path) -> NDArray[np.float32]:
    missing = [kind for kind in kinds if kind not in table.column_names]
    if missing:
        raise DataError(f"{file}: the column {missing[0]} is missing, which the first file has.")
    columns = [np.asarray(table.column(kind).to_numpy(), np.float32) for kind in kinds]
    return np.stack(columns, axis=1) if columns else np.zeros((len(table), 0), np.float32)


def _optional(tables: Sequence[tuple[Path, Any]], name: str) -> NDArray[np.str_] | None:
    if not any(name in table.column_names for _, table in tables):
        return None
    parts = [_texts(t, name, f) if name in t.column_names else [""] * len(t) for f, t in tables]
    return np.array([text for part in parts for text in part], dtype=np.str_)


def _pictures(table: Any, file: Path) -> tuple[Sequence[Picture], list[str]]:
    """Pictures and their names; a row without bytes names a file beside the table."""
    import pyarrow as pa

    column = table.column("image")
    if pa.types.is_struct(column.type):
        fields = [column.type.field(i).name for i in range(column.type.num_fields)]
        data = pa.compute.struct_field(column, "bytes").to_pylist() if "bytes" in fields else [None] * len(table)
        paths = pa.compute.struct_field(column, "path").to_pylist() if "path" in fields else [None] * len(table)
    elif pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        data = column.to_pylist()
        paths = [None] * len(table)
    else:
        raise DataError(f"{file}: the column image must hold bytes or a struct with bytes and path, got {column.type}.")
    pictures = [
        File(file.parent / name) if content is None and name else Encoded(content or b"")
        for content, name in zip(data, paths, strict=True)
    ]
    return pictures, [name or f"{file.name}:{i}" for i, name in enumerate(paths)]
