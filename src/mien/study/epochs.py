"""Named stretches of the videos (epochs, events), and windows of equal length within them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.core.errors import DataError, OptionError
from mien.core.text import is_number
from mien.study.clips import Names
from mien.study.inputs import Record, read_records
from mien.study.intervals import Interval
from mien.study.tiers import TIER_SUFFIXES, find_tier_file, pick_tier, read_tiers

__all__ = ["WHOLE", "Span", "load_intervals", "spans_of"]

WHOLE = "all"
"""Name of the epoch that is the whole file, where no epochs are given."""
_EVERY_FILE = ("", "*")
_SLACK_S = 1e-6
_MOST_WINDOWS = 100_000


@dataclass(frozen=True)
class Span:
    """What one row of the table is about: start <= time < end, in seconds of the file."""

    epoch: str
    window: int | None
    """Number from 1 within the epoch, or None without windows."""
    start_s: float
    end_s: float


def load_intervals(
    source: Path, files: Sequence[str], text: str, tier: str | None = None
) -> dict[str, tuple[Interval, ...]]:
    """Named intervals of each file, in order of time; files without any are absent.

    Args:
        source: a table with the columns `file`, `start_s`, `end_s` and the one that `text` names (an empty `file` or
            "*" means every file, an empty or absent `end_s` lasts until the file's next row), one .eaf or .TextGrid
            for every file, or a folder with one per file, named like it.
        files: files of the study.
        text: column of the table that holds the text.
        tier: which tier of the ELAN or Praat files; not needed where only one has intervals.

    Raises:
        DataError: it cannot be read, names another file, or has an interval that ends before it starts.

    """
    if source.is_dir():
        found = {file: path for file in files if (path := find_tier_file(source, file)) is not None}
        if not found:
            raise DataError(f"The folder {source} has no .eaf or .TextGrid named like a video of the study.")
        return {file: _tier(path, tier) for file, path in found.items()}
    if source.suffix.lower() in TIER_SUFFIXES:
        one = _tier(source, tier)
        return dict.fromkeys(files, one)
    return _from_table(read_records(source, ("start_s", text)), files, text)


def _tier(path: Path, name: str | None) -> tuple[Interval, ...]:
    return pick_tier(read_tiers(path), name, str(path)).intervals


def _from_table(records: Iterable[Record], files: Sequence[str], text: str) -> dict[str, tuple[Interval, ...]]:
    names = Names(files)
    rows: dict[str, list[tuple[float, float | None, Record]]] = {}
    for record in records:
        name = record.get("file", "")
        meant = files if name in _EVERY_FILE else [names.find(name, record.place)]
        end_s = record.seconds("end_s") if record.get("end_s") else None
        for file in meant:
            rows.setdefault(file, []).append((record.seconds("start_s"), end_s, record))
    return {file: tuple(_closed(sorted(found, key=lambda r: r[0]), text)) for file, found in rows.items()}


def _closed(rows: Sequence[tuple[float, float | None, Record]], text: str) -> Iterable[Interval]:
    for i, (start_s, end_s, record) in enumerate(rows):
        if not record[text]:
            raise DataError(f"{record.place}: {text} is empty.")
        if end_s is None:
            end_s = next((later for later, _, _ in rows[i + 1 :] if later > start_s), math.inf)
        if end_s <= start_s:
            raise DataError(f"{record.place}: it ends at {end_s:g} s, which is not after its start at {start_s:g} s.")
        yield Interval(start_s, end_s, record[text])


def spans_of(start_s: float, end_s: float, epochs: Sequence[Interval] | None, window_s: float | None) -> list[Span]:
    """Rows of one file.

    Args:
        start_s: where its pictures begin.
        end_s: where the last one ends.
        epochs: named intervals; None takes the whole file as one epoch.
        window_s: length of the windows; the last one of an epoch may be shorter. In a whole file windows are counted
            from time 0, so that they fit audio and transcript; in an epoch from its start.

    Raises:
        OptionError: an impossible length.

    """
    if window_s is not None and not is_number(window_s, 0.001):
        raise OptionError(f"A window must last 0.001 s or more, got {window_s!r}.")
    if epochs is None:
        if window_s is None:
            return [Span(WHOLE, None, start_s, end_s)]
        return [span for span in _windows(WHOLE, 0.0, end_s, window_s) if span.end_s > start_s + _SLACK_S]
    spans: list[Span] = []
    for interval in epochs:
        last_s = min(interval.end_s, end_s) if math.isinf(interval.end_s) else interval.end_s
        if window_s is None:
            spans.append(Span(interval.text, None, interval.start_s, last_s))
        else:
            spans += _windows(interval.text, interval.start_s, last_s, window_s)
    return spans


def _windows(epoch: str, start_s: float, end_s: float, window_s: float) -> list[Span]:
    count = max(math.ceil((end_s - start_s) / window_s - _SLACK_S), 1)
    if count > _MOST_WINDOWS:
        raise OptionError(f"Windows of {window_s:g} s make {count:,} rows of {epoch!r}; make them longer.")
    edges = [min(start_s + i * window_s, end_s) for i in range(count + 1)]
    return [Span(epoch, i + 1, edges[i], edges[i + 1]) for i in range(count)]
