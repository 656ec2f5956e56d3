"""A study from start to end: read every video once, in several processes, and go on after a stop.

What was read lies in OUT/timelines; everything else is made anew from it at every run, so that windows, epochs and
exclusions can be changed without reading the videos again.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import TYPE_CHECKING

from mien.core.errors import MissingExtraError, OptionError, OutputError
from mien.core.files import atomic_write, make_folder
from mien.core.lock import claimed
from mien.core.text import parse_json
from mien.study.read import Places, Reading, Record, read_clip, stamp_of

if TYPE_CHECKING:
    from mien.infer.analyzer import Analyzer
    from mien.infer.options import AnalyzerOptions

__all__ = ["Outcome", "read_all"]

_NAME = "study.json"
Progress = Callable[[int], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True)
class Outcome:
    """What came of the videos, in the order in which they were given."""

    records: tuple[Record, ...]
    earlier: int
    """How many were read by an earlier run."""


def read_all(
    folder: Path,
    files: Sequence[str],
    out: Path,
    reading: Reading,
    *,
    workers: int = 0,
    resume: bool = False,
    make: Callable[[AnalyzerOptions], Analyzer] | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Read the videos of a study that were not read yet.

    Args:
        folder: of the videos.
        files: paths below it.
        out: the study's folder of results.
        reading: how.
        workers: processes; 0 works in this one.
        resume: go on with the study in `out`, or begin it.
        make: opens the analyzer, in this process only; for detectors and classifiers of one's own.
        progress: given the number of videos that are left, a context manager that gives a function to advance it.

    Raises:
        OptionError: `out` holds a study and `resume` is not set, or it was read with other settings.
        OutputError: the results cannot be written, or another process writes there.

    """
    make_folder(out)
    try:
        lock = claimed(out / ".lock", lambda who: OutputError(f"{out} is being written by {who}."))
        with lock:
            _begin(out, reading, resume)
            _tidy(out)
            return _read(folder, files, out, reading, workers, make, progress or (lambda _left: nullcontext(_ignore)))
    except OSError as error:
        raise OutputError(f"Cannot write into {out}: {error.strerror or error}.") from error


def _ignore(_steps: int) -> None:
    """Progress that nobody wants to see."""


def _begin(out: Path, reading: Reading, resume: bool) -> None:
    path = out / _NAME
    if reading.suffix == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("Writing Parquet", "pyarrow", "data") from error
    settings = json.loads(json.dumps(reading.to_dict()))
    if path.exists():
        try:
            before = parse_json(path.read_bytes())["reading"]
        except (ValueError, KeyError, TypeError) as error:
            raise OptionError(f"{path} is damaged; choose another folder of results.") from error
        changed = [name for name in settings if before.get(name) != settings[name]]
        if changed:
            name = changed[0]
            raise OptionError(
                f"The study in {out} was read with {name} = {before.get(name)}, now it is {settings[name]}; "
                "choose another folder of results."
            )
        if not resume:
            raise OptionError(f"{out} holds a study already; --resume goes on with it and makes the tables anew.")
        return
    if any(entry.name != ".lock" for entry in out.iterdir()):
        raise OptionError(f"{out} is not empty and holds no study; choose another folder of results.")
    with atomic_write(path, "w") as file:
        file.write(json.dumps({"reading": settings}, indent=2) + "\n")


def _tidy(out: Path) -> None:
    """Remove what a killed process left half-written."""
    for path in (out / "timelines").rglob(".*.part*"):
        path.unlink(missing_ok=True)


def _read(
    folder: Path,
    files: Sequence[str],
    out: Path,
    reading: Reading,
    workers: int,
    make: Callable[[AnalyzerOptions], Analyzer] | None,
    progress: Progress,
) -> Outcome:
    places = Places(out, reading.suffix)
    done = {file: record for file in files if (record := _earlier(folder, file, places)) is not None}
    left = [file for file in files if file not in done]
    earlier = len(done)
    with progress(len(left)) as advance:
        run = _in_this_process if workers == 0 or len(left) < 2 or make is not None else _in_processes
        for record in run(folder, left, out, reading, min(workers, len(left)), make):
            done[record.file] = record
            advance(1)
    return Outcome(tuple(done[file] for file in files), earlier)


def _earlier(folder: Path, file: str, places: Places) -> Record | None:
    """The record of a video that was read and has not changed since; one that failed is read again."""
    record = places.load(file)
    if record is None or record.error is not None or not places.timeline(file).is_file():
        return None
    return record if record.stamp == stamp_of(folder / file) else None


Make = Callable[["AnalyzerOptions"], "Analyzer"]


def _in_this_process(
    folder: Path, files: Sequence[str], out: Path, reading: Reading, _workers: int, make: Make | None
) -> Iterator[Record]:
    if files:
        analyzer = _analyzer(reading, make)
        for file in files:
            yield read_clip(folder, file, out, reading, analyzer)


def _in_processes(
    folder: Path, files: Sequence[str], out: Path, reading: Reading, workers: int, _make: Make | None
) -> Iterator[Record]:
    _analyzer(reading, None)  # what is wrong with the settings is told by this process
    before = set(active_children())
    # A fresh interpreter for each: forking a process that has threads and opened models is not safe.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_prepare, initargs=(reading,))
    try:
        waiting = {pool.submit(_one, folder, file, out, reading) for file in files}
        while waiting:
            ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ended:
                yield future.result()
    except BrokenProcessPool as error:
        raise OutputError(
            "A process ended while it read a video; what was read is kept: go on with --resume."
        ) from error
    finally:
        if waiting:  # stopped, or failed: nobody wants what they are reading now
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(active_children()) - before:
                process.terminate()
        pool.shutdown()


_opened: dict[str, Analyzer] = {}  # of a worker process


def _prepare(reading: Reading) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told, and stops handing out videos
    _opened["analyzer"] = _analyzer(reading, None)


def _one(folder: Path, file: str, out: Path, reading: Reading) -> Record:
    return read_clip(folder, file, out, reading, _opened["analyzer"])


def _analyzer(reading: Reading, make: Make | None) -> Analyzer:
    from mien.infer.analyzer import Analyzer

    # The largest faces are chosen per video, so that a shown face stays in; the detector finds them all.
    return (make or Analyzer.of)(replace(reading.analysis, max_faces=None))
