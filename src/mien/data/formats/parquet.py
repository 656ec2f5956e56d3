"""Parquet tables with the pictures inside: a file, several, or a folder of them.

Columns: `image` (struct of `bytes` and `path`, or plain bytes), `label` (number or text); optional `split`, `subject`,
`group`, and votes as `ferplus_*` or `votes_*`. The split is else read from the file's name. ExpW's columns have a
meaning of their own (`mien.data.formats.known`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, MissingExtraError, unknown_name
from mien.core.labels import LabelSet
from mien.core.text import parse_json
from mien.data.formats.common import Hints, labels_of, name_of, passed_over, split_of, vote_name
from mien.data.formats.known import expw_names, is_expw, size_groups
from mien.data.formats.numbered import Names
from mien.data.manifest import SPLITS, Manifest, pictures_array, text_array
from mien.data.pictures import Encoded, Picture
from mien.data.trees import Tree
from mien.pictures.tables import cells, column_problem

__all__ = ["LAYOUT", "METADATA_KEY", "VOTE_PREFIXES", "read", "recognises"]

LAYOUT = "Parquet"
METADATA_KEY = b"mien"
VOTE_PREFIXES = ("ferplus_", "votes_")


def recognises(tree: Tree) -> bool:
    """A `.parquet` file, or a folder that holds some, itself or in `data`."""
    return bool(_files(tree))


def _files(tree: Tree) -> list[str]:
    names = [name for name in tree.names if name.lower().endswith(".parquet")]
    depth = min((name.count("/") for name in names), default=0)
    order = {name: i for i, name in enumerate(SPLITS)}
    nearest = [name for name in names if name.count("/") == depth <= 1]
    return sorted(nearest, key=lambda name: (order.get(_split_in(name), len(order)), name))


def _split_in(name: str) -> str:
    return split_of(PurePosixPath(name).stem) or ""


def read(tree: Tree, hints: Hints) -> Manifest:
    """All rows of all files, train first.

    Raises:
        DataError: a file is damaged, a column is missing, or the labels cannot be told.
        MissingExtraError: pyarrow is not installed.

    """
    tables = [_table(tree, name) for name in _files(tree)]
    expw = all(is_expw(table.columns) for table in tables)
    texts = [text for table in tables for text in _texts(table, "label")]
    named = hints.labels or _names(tables, tree.source) or (expw_names(texts) if expw else None)
    hints = dataclasses.replace(hints, labels=named)
    labels, label = labels_of(texts, hints, tree.source)
    kinds = [name for name in tables[0].columns if name.startswith(VOTE_PREFIXES)]
    pictures, titles = zip(*(_pictures(table, tree) for table in tables), strict=True)
    return Manifest(
        labels=labels,
        label=label,
        split=np.concatenate([_splits(table) for table in tables]),
        names=text_array([title for part in titles for title in part]),
        pictures=pictures_array([picture for part in pictures for picture in part]),
        votes=np.concatenate([_votes(table, kinds) for table in tables]) if kinds else None,
        vote_labels=tuple(vote_name(kind.split("_", 1)[1]) for kind in kinds),
        subject=_optional(tables, "group" if expw else hints.subject),
        group=_sizes(tables) if expw else _optional(tables, "group"),
        passed=passed_over(tree, _used(tables, titles)),
        source=tree.source,
    )


def _used(tables: Sequence[_Table], titles: Sequence[Sequence[str]]) -> Iterator[str]:
    """The tables, and the files beside them that their rows may name."""
    for table, names in zip(tables, titles, strict=True):
        yield table.name
        folder = PurePosixPath(table.name).parent
        yield from (str(folder / name) for name in names)


@dataclass(frozen=True)
class _Table:
    """One file: its name in the tree, what messages call it, and the columns."""

    name: str
    where: str
    data: Any

    @property
    def columns(self) -> list[str]:
        return list(self.data.column_names)


def _table(tree: Tree, name: str) -> _Table:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("Reading Parquet", "pyarrow", "data") from error
    where = name_of(tree, name)
    try:
        with tree.open(name) as file:
            data = pq.read_table(file)
        data.validate(full=True)
        names = list(data.column_names)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{where}: not a whole Parquet file ({error}); write or download it again.") from error
    for column in ("image", "label"):
        if column not in names:
            raise DataError(
                f"{where}: expected columns named image and label, got {', '.join(names)}; rename the columns."
            )
    return _Table(name, where, data)


def _names(tables: Sequence[_Table], source: str) -> Names | None:
    labels = _label_names(tables, source)
    return None if labels is None else Names(labels, tuple(range(len(labels))))


def _label_names(tables: Sequence[_Table], where: str) -> LabelSet | None:
    """Names in the files' metadata, as this project or Hugging Face's datasets write them.

    Raises:
        DataError: two files name the labels differently.

    """
    found = {tuple(names) for table in tables if (names := _names_in(table.data.schema.metadata or {}))}
    if len(found) > 1:
        orders = " and ".join(", ".join(names) for names in sorted(found))
        raise DataError(f"{where}: its files name the labels in different orders: {orders}; convert one of them.")
    return LabelSet(found.pop()) if found else None


def _names_in(metadata: dict[bytes, bytes]) -> list[str]:
    ways = ((METADATA_KEY, ("labels",)), (b"huggingface", ("info", "features", "label", "names")))
    for key, way in ways:
        try:
            value: Any = parse_json(metadata.get(key, b"null"))
        except ValueError:
            continue
        for step in way:
            value = value.get(step) if isinstance(value, dict) else None
        if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
            return value
    return []


def _texts(table: _Table, name: str) -> list[str]:
    """A column as text; nothing is ""."""
    return [_text(value, table.where, name) for value in table.data.column(name).to_pylist()]


def _text(value: object, where: str, name: str) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""  # pandas writes NaN where a whole number is missing
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer():
        return str(int(value))
    raise DataError(f"{where}: the column {name} must hold whole numbers or text, got {value!r}.")


def _splits(table: _Table) -> NDArray[np.str_]:
    if "split" not in table.columns:
        return np.full(len(table.data), _split_in(table.name), dtype="<U10")
    texts = _texts(table, "split")
    for text in set(texts):
        if text and split_of(text) is None:
            raise DataError(f"{table.where}: {unknown_name('split', text, SPLITS)}")
    return np.array([split_of(text) or "" for text in texts], dtype="<U10")


def _votes(table: _Table, kinds: list[str]) -> NDArray[np.float32]:
    import pyarrow as pa

    columns = []
    for kind in kinds:
        if kind not in table.columns:
            raise DataError(f"{table.where}: the column {kind} is missing, which the first file has.")
        try:
            columns.append(table.data.column(kind).cast(pa.float32()).fill_null(0).to_numpy())
        except pa.ArrowInvalid as error:
            raise DataError(f"{table.where}: the column {kind} must hold numbers of votes: {error}.") from error
    return np.stack(columns, axis=1)


def _optional(tables: Sequence[_Table], name: str) -> NDArray[np.str_] | None:
    if not any(name in table.columns for table in tables):
        return None
    parts = [_texts(table, name) if name in table.columns else [""] * len(table.data) for table in tables]
    return text_array([text for part in parts for text in part])


def _sizes(tables: Sequence[_Table]) -> NDArray[np.str_]:
    """Groups by the side that a face has in its photograph."""
    import pyarrow as pa

    try:
        sides = [table.data.column("side").cast(pa.float64()).to_numpy() for table in tables]
    except pa.ArrowInvalid as error:
        raise DataError(f"{tables[0].where}: the column side must hold numbers of pixels: {error}.") from error
    return size_groups(np.concatenate(sides))


def _pictures(table: _Table, tree: Tree) -> tuple[Sequence[Picture], list[str]]:
    """Pictures and their names; a row without bytes names a file beside the table."""
    column = table.data.column("image")
    if problem := column_problem(column.type):
        raise DataError(f"{table.where}: the column image {problem}.")
    file = PurePosixPath(table.name)
    pictures: list[Picture] = []
    names: list[str] = []
    for name, content in (cell for chunk in column.chunks for cell in cells(chunk)):
        names.append(name or f"{file.name}:{len(names)}")
        pictures.append(tree.picture(str(file.parent / name)) if content is None and name else Encoded(content or b""))
    return pictures, names
