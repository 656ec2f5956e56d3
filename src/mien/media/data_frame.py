"""Readings as a table of pandas, with the columns of the CSV files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mien.core import flat
from mien.core.errors import InputError, MissingExtraError
from mien.core.types import Analysis, Frame, Reading
from mien.media.timeline import columns, rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["to_frame"]

_FACE, _RECORD, _FRAME = "face", "record", "frame"
_WANTED = "readings of a picture, records (mien.Analysis), or frames with their readings as Analyzer.stream gives them"


def to_frame(found: Analysis | Iterable[Any]) -> pd.DataFrame:
    """A flat table: one row per face, with the columns of `mien analyze -o faces.csv` or `mien video --timeline`.

    Args:
        found: the readings of one picture (`Analyzer.analyze`), one record or several (`report`, `reports`), or frames
            with their readings (`stream`), which are read to their end.

    Returns:
        A `pandas.DataFrame`. A record without a face, or with an error, has one row; a frame without a face has none.
        Numbers are not rounded, but for those of a time line (`docs/video.md`).

    Raises:
        InputError: something else.
        MissingExtraError: pandas is not installed.

    """
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError("A table of pandas", "pandas", "pandas") from error
    body: list[dict[str, Any]] = []
    seen = ""
    labels: tuple[str, ...] = ()
    for number, item in enumerate([found] if isinstance(found, Analysis) else _iterated(found)):
        kind, more, faces = _rows(item, number)
        if number and kind != seen:
            raise InputError(f"Expected {_WANTED}, and one of them throughout.")
        seen = kind
        labels = labels or next((face.labels for face in faces), ())
        body += more
    if not seen:
        return pd.DataFrame()
    return pd.DataFrame(body, columns=list(columns(labels) if seen == _FRAME else flat.columns(labels)))


def _iterated(found: object) -> Iterator[object]:
    if isinstance(found, Iterable) and not isinstance(found, str | bytes):
        return iter(found)
    raise InputError(f"Expected {_WANTED}; got {type(found).__name__}.")


def _rows(item: object, number: int) -> tuple[str, list[dict[str, Any]], Sequence[Reading]]:
    """What an item is, its rows, and its faces; frames are not kept."""
    if isinstance(item, Reading):
        (row,) = flat.rows(Analysis("", None, None, None, None, (item,)))
        return _FACE, [{**row, "source": None, "face": number}], [item]
    if isinstance(item, Analysis):
        return _RECORD, list(flat.rows(item)), item.faces
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], Frame):
        return _FRAME, list(rows(item[0], item[1])), item[1]
    raise InputError(f"Expected {_WANTED}; got {type(item).__name__}.")
