"""The time line of a video as a table: one row per face and frame, written as CSV, JSON lines or Parquet.

Rows are kept as they come as JSON lines in a temporary file: whether a track is a person is known at the end. Then the
table is written under another temporary name, which becomes the final one. Memory doesn't grow with the rows.
Knows no models: the labels are given. `docs/video.md` describes the columns.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain
from pathlib import Path
from typing import IO, Any

from mien.core.errors import OptionError, OutputError
from mien.core.types import Frame, Point, Reading
from mien.media.columns import GAP, POINTS, columns, describe
from mien.media.plausible import Plausible
from mien.media.quality import measure
from mien.media.table_files import TABLE_SUFFIXES, open_table

__all__ = ["TIMELINE_SUFFIXES", "TimelineSink", "columns", "judged", "rows"]

TIMELINE_SUFFIXES = TABLE_SUFFIXES

_FLUSH_ROWS = 256  # so many rows may be lost when the machine stops; a row is about 200 bytes

Row = dict[str, Any]


def rows(frame: Frame, readings: Sequence[Reading]) -> Iterator[Row]:
    """One row per face, keyed as `columns` names them; no face gives no row. `plausible` is None: not known yet.

    Times are given to the microsecond and boxes to a hundredth of a pixel; probabilities are not rounded.
    A photograph's reading has None for `track` and the `smooth_` columns, a face without landmarks for its points and
    pose. Degrees are given to a tenth, sharpness and exposure to four places.
    """
    for reading in readings:
        smooth = reading.smooth_values or (None,) * len(reading.labels)
        row: Row = {"time_s": round(float(frame.time_s), 6), "frame": frame.index, "track": reading.track}
        row |= {name: round(float(edge), 2) for name, edge in zip(("x1", "y1", "x2", "y2"), reading.box, strict=True)}
        row |= {"score": reading.score, "emotion": reading.emotion, "confidence": reading.confidence}
        row["uncertain"] = reading.uncertain
        row |= {f"p_{label}": value for label, value in zip(reading.labels, reading.values, strict=True)}
        row |= {f"smooth_{label}": value for label, value in zip(reading.labels, smooth, strict=True)}
        yield row | _points(reading.landmarks) | _quality(frame, reading) | {"plausible": None}


def judged(row: Row, people: AbstractSet[int | None]) -> Row:
    """A row that tells whether its track is among the people; a row without a face has nothing to tell."""
    return row if row["x1"] is None else row | {"plausible": row["track"] in people}


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[IO[str]]:
    """A temporary file in the same folder that is gone when the block ends, also where the disk is full."""
    file = tempfile.NamedTemporaryFile(  # noqa: SIM115 (closing it may fail, and it must go all the same)
        "w+", encoding="utf-8", dir=path.parent, prefix=f".{path.stem}.", suffix=".part.jsonl", delete=False
    )
    try:
        yield file
    finally:
        with contextlib.suppress(OSError):  # what is still in a buffer cannot be written either
            file.close()
        Path(file.name).unlink(missing_ok=True)


def _points(landmarks: Sequence[Point] | None) -> Row:
    points = landmarks or ((None, None),) * len(POINTS)
    return {
        f"{name}_{axis}": None if value is None else round(float(value), 2)
        for name, point in zip(POINTS, points, strict=True)
        for axis, value in zip("xy", point, strict=True)
    }


def _quality(frame: Frame, reading: Reading) -> Row:
    seen = measure(frame.image, reading.face)
    return {
        "roll": None if seen.roll is None else round(seen.roll, 1),
        "yaw": None if seen.yaw is None else round(seen.yaw, 1),
        "face_px": round(float(seen.face_px), 2),
        "sharpness": round(seen.sharpness, 4),
        "exposure": round(seen.exposure, 4),
        "quality": " ".join(seen.flags),
    }


class TimelineSink:
    """A time line that is being written.

    Args:
        path: the final name; the suffix chooses the format: `.csv`, `.jsonl` or `.parquet`.
        labels: the labels of the model.
        empty_frames: also write a row for each frame without a face: its time and number, and nothing else.
        sure_score: as `mien.media.plausible.Plausible` has it.

    Raises:
        OptionError: another suffix.
        OutputError: it cannot be written there.
        MissingExtraError: Parquet is asked for and pyarrow is not installed.

    """

    def __init__(
        self, path: Path | str, labels: Sequence[str], *, empty_frames: bool = False, sure_score: float = 0.0
    ) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in TIMELINE_SUFFIXES:
            got = self.path.suffix or "no suffix"
            raise OptionError(f"{path}: a time line ends in {', '.join(TIMELINE_SUFFIXES)}; got {got!r}.")
        self._nothing: Row = dict.fromkeys(columns(labels))
        self._empty_frames = empty_frames
        self._plausible = Plausible(sure_score)
        self._stack = contextlib.ExitStack()
        self._pending = 0
        with self._told():
            try:
                self._format = open_table(self.path, describe(labels), self._stack)
                self._kept = self._stack.enter_context(_beside(self.path))
            except BaseException:
                self.abort()
                raise

    def write(self, frame: Frame, readings: Sequence[Reading]) -> None:
        """Add the rows of one frame."""
        self._plausible.write(frame, readings)
        found = rows(frame, readings) if readings else self._empty(frame)
        with self._told():
            for row in chain(self._gap(frame), found):
                self._kept.write(json.dumps(row) + "\n")
                self._pending += 1
            if self._pending >= _FLUSH_ROWS:
                self._kept.flush()
                self._pending = 0

    def _gap(self, frame: Frame) -> list[Row]:
        """A row where a live source broke off: the time of its last picture, and nothing else."""
        if not frame.gap_s:
            return []
        began_s = round(float(frame.time_s - frame.gap_s), 6)
        return [self._nothing | {"time_s": began_s, "frame": frame.index, "quality": GAP}]

    def _empty(self, frame: Frame) -> list[Row]:
        if not self._empty_frames:
            return []
        return [self._nothing | {"time_s": round(float(frame.time_s), 6), "frame": frame.index}]

    def close(self) -> None:
        """Finish the file: it now exists under its final name, and every row tells whether its track is a person."""
        self._plausible.close()
        people = self._plausible.people()
        with self._told(), self._stack:
            self._kept.seek(0)
            for line in self._kept:
                row = json.loads(line)
                self._format.write(judged(row, people))

    def abort(self) -> None:
        """Give up: nothing stays under the final name."""
        error = OutputError(f"{self.path} was given up.")
        with contextlib.suppress(OutputError, OSError):  # what is still in a buffer cannot be written either
            self._stack.__exit__(type(error), error, None)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(f"Cannot write {self.path}: {error.strerror or error}.") from error
