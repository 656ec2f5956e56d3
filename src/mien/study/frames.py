"""Time lines and summaries as pandas frames: what a notebook wants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mien.core.errors import DataError, InputError, MissingExtraError, OptionError, unknown_name
from mien.media.columns import Column, Kind, describe, labels_of
from mien.media.quality import FLAGS
from mien.media.table_files import read_table
from mien.study.intervals import Interval
from mien.study.series import line_of
from mien.study.table import Plan, Source, figures_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["excluded_flags", "read_timeline", "summarise"]

_DTYPES = {"whole": "Int64", "text": "string", "truth": "boolean"}


def read_timeline(path: str | Path) -> pd.DataFrame:
    """A time line (CSV, JSON lines or Parquet) as a pandas frame, a row per face and frame.

    Whole numbers are `Int64`, texts `string`, `uncertain` is `boolean`; what is missing is missing, and `quality` is ""
    where nothing is wrong.

    Raises:
        DataError: it is missing, damaged, or no time line.
        MissingExtraError: pandas is not installed.

    """
    pandas = _pandas()
    table = read_table(path)
    labels = labels_of(tuple(table))
    kinds = {column.name: column.kind for column in describe(labels)}
    if not labels or "time_s" not in table:
        raise DataError(f"{path} is no time line: it has no column time_s or p_<label>.")
    faces = table.get("track", ())
    if "quality" in table:  # CSV has no empty text: a face without a flag, and a frame without a face, are empty cells
        pairs = zip(table["quality"], faces, strict=True)
        table["quality"] = ["" if flags is None and face is not None else flags for flags, face in pairs]
    return pandas.DataFrame({name: _array(values, kinds.get(name, "text")) for name, values in table.items()})


def summarise(
    timeline: pd.DataFrame | str | Path,
    *,
    window: float | None = None,
    epochs: Iterable[Mapping[str, Any]] | pd.DataFrame | None = None,
    baseline: str | None = None,
    exclude: str | Iterable[str] = (),
    each_track: bool = False,
    people: Mapping[int, str] | None = None,
    participant: str = "1",
) -> pd.DataFrame:
    """The summary table of one time line, as `mien study` writes it: a row per person and epoch or window.

    Args:
        timeline: from `read_timeline`, or the file itself.
        window: length of windows in seconds; None makes none.
        epochs: rows with `start_s`, `end_s` and `name`; None takes the whole time line.
        baseline: name of the epoch whose means are taken off.
        exclude: quality flags whose faces do not count, such as "turned,small".
        each_track: every track is a person of its own; else the largest face of each frame counts.
        people: track -> person; only these tracks count.
        participant: whose time line this is.

    Returns:
        A frame with the columns of `docs/study.md`.

    Raises:
        DataError: the time line is damaged, or no frame lies in the baseline epoch.
        OptionError: an unknown flag, or an impossible window.
        MissingExtraError: pandas is not installed.

    """
    pandas = _pandas()
    if isinstance(timeline, str | Path):
        table: Mapping[str, Sequence[Any]] = read_table(timeline)
        name = str(timeline)
    elif isinstance(timeline, pandas.DataFrame):
        table = {str(c): v.astype(object).where(v.notna(), None).tolist() for c, v in timeline.items()}
        name = "The frame"
    else:
        raise InputError(f"Expected a frame from mien.read_timeline or a path, got {type(timeline).__name__}.")
    plan = Plan(
        window_s=window,
        epochs=None if epochs is None else {"": _intervals(epochs)},
        baseline=baseline,
        exclude=excluded_flags(exclude),
        each=each_track,
        merged={} if people is None else {"": people},
    )
    figures = figures_of([Source("", participant, {}, line_of(table, name))], plan)
    return _frame(figures.columns, figures.rows).drop(columns="file")


def excluded_flags(names: str | Iterable[str]) -> frozenset[str]:
    """Quality flags from their names, or from a text with commas between them.

    Raises:
        OptionError: there is no such flag.

    """
    wanted = [n.strip() for n in (names.split(",") if isinstance(names, str) else names) if n.strip()]
    for name in wanted:
        if name not in FLAGS:
            raise OptionError(unknown_name("quality flag", name, FLAGS))
    return frozenset(wanted)


def _frame(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    return _pandas().DataFrame({c.name: _array([row.get(c.name) for row in rows], c.kind) for c in columns})


def _array(values: Sequence[Any], kind: Kind) -> Any:
    """Values as a column of a frame; numbers may be texts, None is missing."""
    pandas = _pandas()
    if kind == "number":
        return np.array([np.nan if value is None else float(value) for value in values], np.float64)
    if kind == "whole":
        values = [None if value is None else int(float(value)) for value in values]
    if kind == "truth":
        values = [{"true": True, "false": False}.get(str(value).lower()) for value in values]
    return pandas.array(values, dtype=_DTYPES[kind])


def _intervals(epochs: Iterable[Mapping[str, Any]] | pd.DataFrame) -> list[Interval]:
    records = epochs.to_dict("records") if hasattr(epochs, "to_dict") else list(epochs)
    try:
        made = [Interval(float(r["start_s"]), float(r["end_s"]), str(r["name"])) for r in records]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"Epochs are rows with start_s, end_s (seconds) and name; {error} is missing or odd."
        ) from error
    bad = next((i for i in made if i.end_s <= i.start_s), None)
    if bad is not None:
        raise DataError(f"The epoch {bad.text!r} ends at {bad.end_s:g} s, which is not after its start.")
    return made


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as error:
        raise MissingExtraError("Working with frames", "pandas", "study") from error
    return pandas
