"""One video of a study -> its time line and a record of how it was read; whole files only, so a study can go on.

Each process opens its models once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mien.core.errors import DataError, VideoError
from mien.core.files import atomic_write, make_folder
from mien.core.text import parse_json
from mien.infer.options import AnalyzerOptions

if TYPE_CHECKING:
    from mien.infer.analyzer import Analyzer

__all__ = ["Places", "Reading", "Record", "read_clip", "stamp_of"]


@dataclass(frozen=True)
class Reading:
    """How the videos are read.

    Args:
        analysis: model, detector and so on.
        every_s: at most one frame per so many seconds, or None for all.
        detector_every: as `mien.infer.stream.StreamOptions` has it.
        suffix: of the time lines, ".csv" or ".parquet".

    """

    analysis: AnalyzerOptions = field(default_factory=AnalyzerOptions)
    every_s: float | None = None
    detector_every: int | Literal["auto"] = "auto"
    suffix: str = ".csv"

    def to_dict(self) -> dict[str, Any]:
        """What must be the same for a study to go on; threads change nothing in the result."""
        settings = {row.name: getattr(self.analysis, row.name) for row in fields(self.analysis)}
        del settings["threads"]
        plain = {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()}
        return plain | {"every_s": self.every_s, "detector_every": self.detector_every, "suffix": self.suffix}


@dataclass(frozen=True)
class Record:
    """What came of one video."""

    file: str
    stamp: str
    """Size and time of the video; another one means that it must be read again."""
    frames: int = 0
    faces: int = 0
    end_s: float = 0.0
    notes: tuple[str, ...] = ()
    error: str | None = None
    facts: Mapping[str, str] | None = None
    """mien, model, detector and the like, as methods sections tell them."""


class Places:
    """Where a study keeps what it read.

    Args:
        out: the study's folder of results.
        suffix: of the time lines.

    """

    def __init__(self, out: Path, suffix: str) -> None:
        self._folder, self._suffix = out / "timelines", suffix

    def timeline(self, file: str) -> Path:
        """The time line of a video."""
        return self._folder / f"{file}{self._suffix}"

    def record(self, file: str) -> Path:
        """The record beside it."""
        return self._folder / f"{file}.json"

    def load(self, file: str) -> Record | None:
        """The record of a video, or None where there is none that is whole."""
        try:
            data = parse_json(self.record(file).read_text("utf-8"))
            return Record(**(data | {"notes": tuple(data["notes"])}))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def keep(self, record: Record) -> None:
        """Write a record; the time line is whole by then."""
        with atomic_write(self.record(record.file), "w") as file:
            file.write(json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n")


def stamp_of(path: Path) -> str:
    """Size and time of last change of a file."""
    try:
        seen = path.stat()
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}.") from error
    return hashlib.sha256(f"{seen.st_size} {seen.st_mtime_ns}".encode()).hexdigest()[:16]


def read_clip(folder: Path, file: str, out: Path, reading: Reading, analyzer: Analyzer) -> Record:
    """Read one video and keep its time line and record; a video that cannot be read has a record with an error.

    Raises:
        OutputError: the results cannot be written.

    """
    places = Places(out, reading.suffix)
    make_folder(places.timeline(file).parent)
    stamp = stamp_of(folder / file)
    try:
        record = _read(folder / file, file, stamp, places, reading, analyzer)
    except VideoError as error:
        record = Record(file, stamp, error=str(error), facts=_facts(analyzer, reading))
    places.keep(record)
    return record


def _read(path: Path, file: str, stamp: str, places: Places, reading: Reading, analyzer: Analyzer) -> Record:
    from mien.media.source import open_source
    from mien.media.timeline import TimelineSink

    frames = faces = 0
    end_s = 0.0
    with open_source(path, every_s=reading.every_s, max_pixels=reading.analysis.max_pixels) as source:
        reader = analyzer.reader(detector_every=reading.detector_every, max_faces=reading.analysis.max_faces)
        sink = TimelineSink(places.timeline(file), analyzer.labels, empty_frames=True, sure_score=analyzer.sure_score)
        notes: list[str] = []
        try:
            for frame in source:
                readings = reader.read(frame)
                sink.write(frame, readings)
                frames, faces, end_s = frames + 1, faces + len(readings), frame.time_s
        except VideoError as error:  # what was read before stays
            notes.append(str(error))
        except BaseException:
            sink.abort()
            raise
        sink.close()
        notes += source.notes
    return Record(file, stamp, frames, faces, end_s, tuple(notes), facts=_facts(analyzer, reading))


def _facts(analyzer: Analyzer, reading: Reading) -> dict[str, str]:
    import mien

    every = reading.detector_every
    classifier = analyzer.classifier
    return {
        "mien": mien.__version__,
        "model": getattr(classifier, "name", type(classifier).__name__),
        "model_sha256": getattr(classifier, "sha256", ""),
        "detector": analyzer.detector.name,
        "detector_every": "as often as needed" if every == "auto" else f"every {every} frames",
        "every_s": "" if reading.every_s is None else f"{reading.every_s:g}",
        "uncertain_below": f"{analyzer.uncertain_below:g}",
        "labels": ", ".join(analyzer.labels),
    }
