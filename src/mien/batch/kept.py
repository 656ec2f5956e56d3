"""Columns of a source that pass through into the results, as text: of tables, and of the JSON members of archives.

A number or a structure is written as JSON writes it, text as it is, and what is missing is None.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mien.batch.listing import Item
from mien.core.errors import OptionError
from mien.core.text import brief, parse_json
from mien.pictures.archives import READ_ERRORS
from mien.pictures.listing import Passed, hidden

__all__ = ["Kept", "Sides", "Wanted", "arrow_rows", "check_arrow", "text_of"]

Kept = tuple[str | None, ...]
"""Values of the kept columns of one input, in their order; () where it has none of them."""

_JSON = ".json"
_JSON_BYTES = 2**20
_TOLD = 20  # names of other columns that a message lists


class Wanted:
    """The columns that a job keeps, and whether its source has them."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.names = tuple(names)
        self._missing = set(names)
        self._others: dict[str, None] = {}

    def note(self, there: Iterable[str]) -> None:
        """Take up the columns of one table, or the fields of one JSON member."""
        if not self.names:
            return
        for name in there:
            self._missing.discard(name)
            if len(self._others) < _TOLD:
                self._others[name] = None

    def check(self) -> None:
        """Refuse a column that no input has.

        Raises:
            OptionError: names the first one, and what there is.

        """
        for name in self.names:
            if name in self._missing:
                others = f"there are {', '.join(map(brief, self._others))}" if self._others else "it has none to keep"
                nested = " Keep a whole structure: what is inside it has no name of its own." if "." in name else ""
                text = f"No input of the source has a column {brief(name)!r} for --keep-columns; {others}.{nested}"
                raise OptionError(text)


def text_of(value: Any) -> str | None:
    """A value as text: itself where it is text, else its JSON; None for null and for a number that is none (NaN)."""
    value = _plain(value)
    if value is None:
        return None
    written = isinstance(value, dict | list | bool | int | float)
    text = json.dumps(value, ensure_ascii=False, default=str) if written else str(value)
    return text.encode("utf-8", "backslashreplace").decode()  # JSON may hold halves of characters


def _plain(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def check_arrow(schema: Any, names: Sequence[str], shown: str) -> None:
    """Refuse columns of an Arrow schema that no text can hold.

    Raises:
        OptionError: one holds bytes.

    """
    for name in names:
        if name in schema.names and _has_bytes(schema.field(name).type):
            raise OptionError(f"{shown}: the column {brief(name)!r} holds bytes, which cannot be kept as text.")


def _has_bytes(kind: Any) -> bool:
    return re.search(r"binary(_view)?(\[\d+\])?(?![\w:])", str(kind)) is not None  # not a field of that name


def arrow_rows(batch: Any, names: Sequence[str]) -> Iterator[Kept]:
    """The kept values of each row of a record batch; None in columns that it does not have."""
    there = batch.schema.names
    columns = [_arrow(batch.column(there.index(name))) if name in there else [None] * len(batch) for name in names]
    return zip(*columns, strict=True) if columns else iter([()] * len(batch))


def _arrow(column: Any) -> list[str | None]:
    """Dates as Arrow writes them (Python's have no nanoseconds); a float of 32 bits with the digits that it has."""
    import pyarrow as pa

    if pa.types.is_temporal(column.type):
        return list(column.cast(pa.string()).to_pylist())
    values = column.to_pylist()
    if pa.types.is_float32(column.type) or pa.types.is_float16(column.type):
        values = [None if value is None else float(str(np.float32(value))) for value in values]
    return [text_of(value) for value in values]


class Sides:
    """JSON members of one archive, each beside a picture of the same name, as in the layout of WebDataset."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._found: dict[str, tuple[str, Kept, str, list[str]]] = {}  # by name without ".json"

    def take(self, name: str, problem: str, read: Callable[[], bytes], size: int) -> bool:
        """Whether a member is such a JSON file; it is read at once.

        Args:
            name: of the member.
            problem: why it cannot be read, or "".
            read: gives its bytes.
            size: how many.

        """
        if not self._wanted.names or not name.lower().endswith(_JSON) or hidden(name):
            return False
        fields: dict[str, Any] = {}
        if size > _JSON_BYTES:
            problem = problem or f"larger than {_JSON_BYTES:,} bytes"
        if not problem:
            try:
                fields = _fields(read())
            except READ_ERRORS as error:
                problem = str(error).strip().rstrip(".")[:200] or type(error).__name__
        note = f"{name} could not be read, so no columns are kept: {problem}." if problem else ""
        told = [key for key in fields if key in self._wanted.names] + list(fields)[:_TOLD]
        kept = () if problem else tuple(text_of(fields.get(key)) for key in self._wanted.names)
        self._found[name[: -len(_JSON)]] = (name, kept, note, told)
        return True

    def joined(self, items: Iterable[Item], passed: Passed) -> Iterator[Item]:
        """The archive's items with their values; JSON members that belong to no picture are counted in `passed`.

        Where columns are kept the items are held until the archive has ended, since a JSON member may come later.
        """
        if not self._wanted.names:
            yield from items
            return
        held, used = list(items), set()
        for item in held:
            key = next((key for key in _keys(item.name) if key in self._found), None)
            if key is None:
                yield item
                continue
            _, kept, note, told = self._found[key]
            self._wanted.note(told)
            used.add(key)
            yield replace(item, kept=kept, note=note)
        for key, (name, *_) in self._found.items():
            if key not in used:
                passed.note(name)


def _keys(name: str) -> tuple[str, str]:
    """A name without its last suffix, and without all of them, which is WebDataset's key."""
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.rpartition('.')[0]}", f"{folder}{slash}{last.partition('.')[0]}"


def _fields(data: bytes) -> dict[str, Any]:
    fields = parse_json(data)
    if not isinstance(fields, dict):
        raise ValueError("expected a JSON object with the fields of one picture")  # noqa: TRY004 (of a file, not a caller)
    return fields
