"""The time line of one file -> one series of readings per person: who counts, what is excluded, what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.media.columns import labels_of
from mien.media.table_files import read_table

__all__ = ["Line", "People", "Series", "line_of", "load_line", "people_of"]

_LONGEST_HOLD_S = 10.0  # what a frame shows is not believed to hold longer than this
_LONE_HOLD_S = 0.1  # for how long the only frame of a file holds
_NEEDED = ("time_s", "frame", "track", "emotion", "uncertain", "x1", "y1", "x2", "y2")

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NOTHING, USED, EXCLUDED = 0, 1, 2
"""What a frame has of a person: no face, a face that counts, a face that is excluded."""


@dataclass(frozen=True, eq=False)
class Line:
    """A time line as arrays: N frames, M faces."""

    labels: tuple[str, ...]
    times: Floats
    """(N,) seconds, increasing."""
    holds: Floats
    """(N,) for how long each frame is shown: until the next one, the last as long as the one before it."""
    frame: Ints
    """(M,) position of the frame of each face, 0..N-1."""
    track: Ints
    area: Floats
    """(M,) px squared."""
    values: Floats
    """(M, K) raw probabilities."""
    label: Ints
    """(M,) position of the label that holds."""
    uncertain: Bools
    flags: tuple[frozenset[str], ...]
    """(M,) quality flags."""
    plausible: Bools
    """(M,) whether the face's track is plausible as a person; true where the table doesn't say."""

    @property
    def start_s(self) -> float:
        """When the first frame is shown."""
        return float(self.times[0]) if len(self.times) else 0.0

    @property
    def end_s(self) -> float:
        """When the last frame ends."""
        return float(self.times[-1] + self.holds[-1]) if len(self.times) else 0.0


@dataclass(frozen=True, eq=False)
class Series:
    """One person in one file: N frames."""

    person: str
    times: Floats
    holds: Floats
    state: Ints
    """(N,) NOTHING, USED or EXCLUDED."""
    several: Bools
    """(N,) whether the frame shows more than one face."""
    label: Ints
    """(N,) position of the label, -1 where no face counts."""
    values: Floats
    """(N, K) raw probabilities; NaN where no face counts."""
    uncertain: Bools
    why: Mapping[str, int]
    """Flag -> frames that were excluded for it (one frame may have several)."""


@dataclass(frozen=True)
class People:
    """Who counts in a file.

    Args:
        each: every track is a person of its own; else the largest face of a frame is the participant.
        exclude: quality flags whose faces do not count.
        merged: track -> person, by hand; only the named tracks count then. None where nothing is merged.

    """

    each: bool = False
    exclude: frozenset[str] = frozenset()
    merged: Mapping[int, str] | None = None


def load_line(path: Path | str) -> Line:
    """Time line from a file that `mien video` or `mien study` wrote.

    Raises:
        DataError: it is missing, damaged, or no time line.
        MissingExtraError: it is Parquet and pyarrow is not installed.

    """
    return line_of(read_table(path), str(path))


def line_of(table: Mapping[str, Sequence[Any]], name: str) -> Line:
    """Time line from its columns; missing numbers of frames are frames without a face, evenly between their neighbours.

    Args:
        table: column -> values; numbers may be texts.
        name: for messages.

    Raises:
        DataError: a column is missing or holds something else.

    """
    labels = labels_of(tuple(table))
    missing = [column for column in _NEEDED if column not in table]
    if missing or not labels:
        raise DataError(f"{name} is no time line: it has no column {', '.join(missing) or 'p_<label>'}.")
    try:
        return _built(table, labels)
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{name} is damaged: {error}.") from error


def people_of(line: Line, who: People, participant: str) -> list[Series]:
    """Series of the people of a file; the participant alone, without any face, where nobody is seen.

    Faces that are not plausible count where they are named by hand, and nowhere else.

    Args:
        line: the file's time line.
        who: who counts.
        participant: name of the person where it is not told by `who`.

    """
    named = set(who.merged or ())
    line = _only(line, line.plausible | np.array([int(track) in named for track in line.track], bool))
    bad = np.array([bool(who.exclude & flags) for flags in line.flags], bool)
    if who.merged is not None:
        owner = np.array([who.merged.get(int(track), "") for track in line.track], object)
        people = list(dict.fromkeys(who.merged.values()))
    elif who.each:
        owner = np.array([f"{participant}/{track}" for track in line.track], object)
        people = list(dict.fromkeys(owner.tolist())) or [participant]
    else:
        owner = np.full(len(line.track), participant, object)
        people = [participant]
    return [_series(line, person, np.flatnonzero(owner == person), bad, who.exclude) for person in people]


def _only(line: Line, kept: Bools) -> Line:
    """The line with some of its faces."""
    flags = tuple(flags for flags, keep in zip(line.flags, kept, strict=True) if keep)
    names = ("frame", "track", "area", "values", "label", "uncertain", "plausible")
    return replace(line, flags=flags, **{name: getattr(line, name)[kept] for name in names})


def _series(line: Line, person: str, faces: Ints, bad: Bools, exclude: frozenset[str]) -> Series:
    """Of several faces of one person in a frame the largest counts."""
    count, classes = len(line.times), len(line.labels)
    chosen = np.full(count, -1, np.int64)
    for face in faces[np.argsort(line.area[faces], kind="stable")]:
        chosen[line.frame[face]] = face
    seen = chosen >= 0
    state = np.where(seen, np.where(bad[chosen] if len(bad) else False, EXCLUDED, USED), NOTHING)
    used = state == USED
    label = np.full(count, -1, np.int64)
    values = np.full((count, classes), np.nan)
    uncertain = np.zeros(count, bool)
    label[used], values[used] = line.label[chosen[used]], line.values[chosen[used]]
    uncertain[used] = line.uncertain[chosen[used]]
    why = Counter(flag for face in chosen[state == EXCLUDED] for flag in line.flags[face] & exclude)
    several = np.bincount(line.frame, minlength=count) > 1
    return Series(person, line.times, line.holds, state, several, label, values, uncertain, why)


def _built(table: Mapping[str, Sequence[Any]], labels: tuple[str, ...]) -> Line:
    numbers = np.array([int(float(x)) for x in table["frame"]], np.int64)
    times = _floats(table["time_s"])
    if not (np.isfinite(times).all() and (np.diff(numbers) >= 0).all() and (np.diff(times) >= 0).all()):
        raise ValueError("its rows are not in order of time")
    known, first = np.unique(numbers, return_index=True)
    every = np.arange(known[0], known[-1] + 1) if len(known) else known
    all_times = np.interp(every, known, times[first]) if len(known) else np.zeros(0)
    plausible = table.get("plausible", [None] * len(numbers))
    rows = [i for i, track in enumerate(table["track"]) if not _absent(track)]
    x1, y1, x2, y2 = (_floats([table[edge][i] for i in rows]) for edge in ("x1", "y1", "x2", "y2"))
    quality = table.get("quality", [""] * len(numbers))
    values = [_floats([table[f"p_{label}"][i] for i in rows]) for label in labels]
    position = {label: k for k, label in enumerate(labels)}
    return Line(
        labels=labels,
        times=all_times,
        holds=_holds(all_times),
        frame=numbers[rows] - (known[0] if len(known) else 0),
        track=np.array([int(float(table["track"][i])) for i in rows], np.int64),
        area=(x2 - x1) * (y2 - y1),
        values=np.stack(values, axis=1),
        label=np.array([position[table["emotion"][i]] for i in rows], np.int64),
        uncertain=np.array([_truth(table["uncertain"][i]) is True for i in rows], bool),
        flags=tuple(frozenset("" if _absent(quality[i]) else str(quality[i]).split()) - {""} for i in rows),
        plausible=np.array([_truth(plausible[i]) is not False for i in rows], bool),
    )


def _holds(times: Floats) -> Floats:
    if len(times) < 2:
        return np.full(len(times), _LONE_HOLD_S)
    steps = np.minimum(np.diff(times), _LONGEST_HOLD_S)
    return np.append(steps, steps[-1])


def _floats(values: Sequence[Any]) -> Floats:
    return np.array([float(value) for value in values], np.float64)


def _absent(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, float) and np.isnan(value)) or str(value) == "<NA>"


def _truth(value: object) -> bool | None:
    return {"true": True, "false": False}.get(str(value).lower())
